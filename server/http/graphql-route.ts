import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '#server/platform/log.ts';
import { readBody } from './body.ts';
import { type Caller, callerOf } from './caller.ts';
import { type AllowedOrigins, refuseCookie, refuseCookieOfStream } from './cross-site.ts';
import { requestError } from './errors.ts';
import { type EventStreamOptions, sendEventStream } from './event-stream.ts';
import type { Graphql, SharedStream } from './graphql.ts';
import type { Credentials, Identify } from './identify.ts';
import type { Limits } from './limits.ts';
import { isEventStream, sendResponse, writeHead } from './respond.ts';
import type { SessionCookie } from './session-cookie.ts';
import type { ShortWay } from './short-way.ts';

/** The header by which a person says for which party she acts: the global id of a station or supplier. */
const PARTY_HEADER = 'x-fenzhan-party';

/** What it takes to know who sent a request. */
export interface IdentifyOptions {
  readonly identify: Identify;
  readonly cookie: SessionCookie;
  readonly allowedOrigins: AllowedOrigins;
  readonly log: Log;
}

/** What /graphql is made of. */
export interface GraphqlRouteOptions extends EventStreamOptions, IdentifyOptions {
  readonly graphql: Graphql;
  readonly shortWay: ShortWay;
}

/** One request of the server. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly requestId: string;
  readonly clientAddress: string | null;
}

/** Answers /graphql: who asks is settled first, and how long the body may be follows from it. */
export async function answerGraphql(exchange: Exchange, options: GraphqlRouteOptions): Promise<void> {
  const { request, response, url } = exchange;
  const caller = await identified(exchange, options);
  const body = request.method === 'POST' ? (await readBody(request, bodyLimit(caller, options.limits))).toString('utf8') : null;
  response.setHeader('Cache-Control', 'no-store');
  const short = body === null ? null : await options.shortWay({ headers: request.headers, body, caller }, response);
  if (short?.kind === 'SENT') return;
  const shared: SharedStream = { shareable: null };
  const context = { caller, shared, ...(short?.kind === 'EXECUTED' && { executed: short.executed }) };
  const answer = await options.graphql.fetch(url.href, { method: request.method ?? 'GET', headers: headersOf(request), body }, context);
  if (shared.shareable !== null && isEventStream(answer)) {
    writeHead(response, answer);
    await discardBody(answer);
    return sendEventStream(response, shared.shareable, caller, options);
  }
  await sendResponse(response, answer, { streams: options.streams, grounds: caller.identity.grounds });
}

/** Yoga's stream ends only once it has begun. */
async function discardBody(answer: Response): Promise<void> {
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel();
}

/** Who sent a request: a program by its key, a person by a cookie that may be believed; a cookie of another site is refused. */
export async function identified(
  { request, requestId, clientAddress }: Exchange,
  { identify, cookie, allowedOrigins, log }: IdentifyOptions,
): Promise<Caller> {
  const authorization = request.headers.authorization ?? null;
  const sessionToken = authorization === null ? cookie.readToken(request.headers.cookie) : null;
  if (sessionToken !== null) refuseCrossSite(request, allowedOrigins);
  const credentials: Credentials = { authorization, sessionToken, party: partyOf(request), clientAddress };
  return callerOf({ identity: await identify(credentials), credentials, identify, requestId, log });
}

function refuseCrossSite(request: IncomingMessage, allowedOrigins: AllowedOrigins): void {
  const wantsStream = request.headers.accept?.includes('text/event-stream') ?? false;
  const refusal = wantsStream ? refuseCookieOfStream(request.headers, allowedOrigins) : refuseCookie(request.headers, allowedOrigins);
  if (refusal !== null) throw requestError('CROSS_SITE', refusal, { status: 403 });
}

/** Imports arrive as a text within the document's variables: only who may import may send that much. */
function bodyLimit({ identity }: Caller, limits: Limits): number {
  return identity.viewer?.permissions.has('STOCK_IMPORT') ? limits.importBodyBytes : limits.bodyBytes;
}

function partyOf(request: IncomingMessage): string | null {
  const value = request.headers[PARTY_HEADER];
  return typeof value === 'string' && value !== '' ? value : null;
}

function headersOf(request: IncomingMessage): Record<string, string> {
  const { accept, 'content-type': type } = request.headers;
  return { ...(accept !== undefined && { accept }), ...(type !== undefined && { 'content-type': type }) };
}
