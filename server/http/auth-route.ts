import { readBody } from './body.ts';
import { type AllowedOrigins, refuseCookie } from './cross-site.ts';
import { requestError } from './errors.ts';
import type { Exchange } from './graphql-route.ts';
import { sendJson } from './respond.ts';
import type { SignIn } from './sign-in.ts';

/** An e-mail and two passwords are all that is ever sent here. */
const BODY_BYTES = 4096;

/** Answers /auth/…: JSON by POST only, and only from pages that may use a session cookie, since these are what set and use it. */
export async function answerAuth(exchange: Exchange, signIn: SignIn, allowedOrigins: AllowedOrigins): Promise<void> {
  const { request, response, url, clientAddress } = exchange;
  response.setHeader('Cache-Control', 'no-store');
  if (request.method !== 'POST')
    throw requestError('METHOD_NOT_ALLOWED', 'Send this by POST.', { status: 405, headers: { Allow: 'POST' } });
  const refusal = refuseCookie(request.headers, allowedOrigins);
  if (refusal !== null) throw requestError('CROSS_SITE', refusal, { status: 403 });
  const answer = await signIn({
    path: url.pathname,
    body: parseJson(await readBody(request, BODY_BYTES)),
    cookie: request.headers.cookie ?? null,
    userAgent: request.headers['user-agent'] ?? null,
    clientAddress,
  });
  if (answer.cookies.length > 0) response.setHeader('Set-Cookie', answer.cookies);
  sendJson(response, 200, answer.body);
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw requestError('INVALID_INPUT', 'The body is not JSON.', { status: 400 });
  }
}
