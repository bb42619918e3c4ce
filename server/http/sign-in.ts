import type { BetterAuthOptions } from 'better-auth';
import { z } from 'zod';
import { countSignInAttempt, forgetSignInAttempts } from '#server/accounts/commands.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { hashPassword, verifyPassword } from '#server/platform/password.ts';
import { requestError } from './errors.ts';
import { SESSION_COOKIE_NAME } from './session-cookie.ts';

/** A request to one of the sign-in routes, already known to come from an allowed page. */
export interface SignInRequest {
  readonly path: string;
  readonly body: unknown;
  readonly cookie: string | null;
  readonly userAgent: string | null;
  readonly clientAddress: string | null;
}

/** Its answer: JSON (null: nothing to say, 204) and the cookies to set. Refusals are thrown as errors of the transport. */
export interface SignInAnswer {
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly cookies: readonly string[];
}

/** The routes below /auth/. */
export type SignIn = (request: SignInRequest) => Promise<SignInAnswer>;

/** What signing in needs to know. */
export interface SignInOptions {
  readonly db: Database;
  readonly log: Log;
  readonly publicUrl: string;
  readonly sessionSecret: string;
}

/** 0.7 s of reading and compiling that the start need not wait for: it goes on while the database starts. */
const library = import('better-auth');

/** Seven days from signing in, used or not: a session is not prolonged behind its person's back. */
const SESSION_SECONDS = 7 * 24 * 60 * 60;
const PASSWORD_LENGTH_MIN = 10;
const PASSWORD_LENGTH_MAX = 200;

const signInBody = z.object({
  email: z.string().max(320),
  password: z.string().max(PASSWORD_LENGTH_MAX),
  rememberMe: z.boolean().optional(),
});
const changePasswordBody = z.object({
  currentPassword: z.string().max(PASSWORD_LENGTH_MAX),
  newPassword: z.string().min(PASSWORD_LENGTH_MIN, `at least ${PASSWORD_LENGTH_MIN} characters`).max(PASSWORD_LENGTH_MAX),
});

/** An address that better-auth writes into the session: set by us alone, never taken from a client. */
const ADDRESS_HEADER = 'x-fenzhan-client-address';

/**
 * Signing in and out by better-auth, behind four routes of our own: its router is not exposed, so there is no sign-up, and no
 * answer holds a session's token. Attempts are counted by us in one atomic statement (better-auth counts by address alone).
 */
export function createSignIn(options: SignInOptions): SignIn {
  const loaded = library.then(({ betterAuth }) => betterAuth(authOptions(options)));
  const { db } = options;

  async function signIn(request: SignInRequest): Promise<SignInAnswer> {
    const body = parsed(signInBody, request.body);
    const attempt = { email: body.email, clientAddress: request.clientAddress };
    const waitSeconds = await countSignInAttempt(db, attempt);
    if (waitSeconds !== null) throw tooManyAttempts(waitSeconds);
    const answer = await called(async () => (await loaded).api.signInEmail({ body, headers: headersOf(request), asResponse: true }));
    if (answer === null) throw wrongCredentials();
    await forgetSignInAttempts(db, attempt);
    const { user } = (await answer.json()) as { user: { name: string; email: string } };
    return { body: { name: user.name, email: user.email }, cookies: answer.headers.getSetCookie() };
  }

  async function changePassword(request: SignInRequest): Promise<SignInAnswer> {
    const body = { ...parsed(changePasswordBody, request.body), revokeOtherSessions: true };
    const headers = headersOf(request);
    const session = await (await loaded).api.getSession({ headers });
    if (session === null) throw signedOut();
    const attempt = { email: session.user.email, clientAddress: request.clientAddress };
    const waitSeconds = await countSignInAttempt(db, attempt);
    if (waitSeconds !== null) throw tooManyAttempts(waitSeconds);
    const answer = await called(async () => (await loaded).api.changePassword({ body, headers, asResponse: true }));
    if (answer === null) throw requestError('INVALID_CREDENTIALS', 'The current password is wrong.', { status: 403 });
    await forgetSignInAttempts(db, attempt);
    return { body: null, cookies: answer.headers.getSetCookie() };
  }

  async function signOut(request: SignInRequest): Promise<SignInAnswer> {
    const answer = await called(async () => (await loaded).api.signOut({ headers: headersOf(request), asResponse: true }));
    return { body: null, cookies: answer?.headers.getSetCookie() ?? [] };
  }

  async function signOutEverywhere(request: SignInRequest): Promise<SignInAnswer> {
    const ended = await called(async () => (await loaded).api.revokeSessions({ headers: headersOf(request), asResponse: true }));
    if (ended === null) throw signedOut();
    return signOut(request);
  }

  const routes = new Map<string, SignIn>([
    ['/auth/sign-in', signIn],
    ['/auth/sign-out', signOut],
    ['/auth/sign-out-everywhere', signOutEverywhere],
    ['/auth/change-password', changePassword],
  ]);
  return (request) => {
    const route = routes.get(request.path);
    if (route === undefined) throw requestError('NOT_FOUND', 'There is no such page.', { status: 404 });
    return route(request);
  };
}

function authOptions({ db, log, publicUrl, sessionSecret }: SignInOptions) {
  return {
    database: db.pool,
    secret: sessionSecret,
    baseURL: publicUrl,
    basePath: '/auth',
    telemetry: { enabled: false },
    logger: { log: (level, message) => log[level]({ from: 'better-auth' }, message) },
    // our own checks of origin and CSRF header stand before every route, and our own counters before every password
    advanced: {
      disableCSRFCheck: true,
      disableOriginCheck: true,
      useSecureCookies: publicUrl.startsWith('https://'),
      cookiePrefix: 'fenzhan',
      cookies: { session_token: { name: SESSION_COOKIE_NAME } },
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
      database: { generateId: () => db.newId() },
    },
    rateLimit: { enabled: false },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH_MIN,
      maxPasswordLength: PASSWORD_LENGTH_MAX,
      password: { hash: hashPassword, verify: ({ password, hash }) => verifyPassword(password, hash) },
    },
    user: { modelName: 'users', fields: { emailVerified: 'email_verified', ...timestamps } },
    session: {
      modelName: 'session',
      expiresIn: SESSION_SECONDS,
      disableSessionRefresh: true,
      fields: { userId: 'user_id', expiresAt: 'expires_at', ipAddress: 'ip_address', userAgent: 'user_agent', ...timestamps },
    },
    account: {
      modelName: 'credential',
      fields: {
        userId: 'user_id',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        ...timestamps,
      },
    },
    verification: { modelName: 'verification', fields: { expiresAt: 'expires_at', ...timestamps } },
  } satisfies BetterAuthOptions;
}

const timestamps = { createdAt: 'created_at', updatedAt: 'updated_at' } as const;

function headersOf({ cookie, userAgent, clientAddress }: SignInRequest): Headers {
  const headers = new Headers();
  if (cookie !== null) headers.set('cookie', cookie);
  if (userAgent !== null) headers.set('user-agent', userAgent.slice(0, 500));
  if (clientAddress !== null) headers.set(ADDRESS_HEADER, clientAddress);
  return headers;
}

/** The answer of better-auth; null when it refuses for a reason that lies with the client. */
async function called(call: () => Promise<Response>): Promise<Response | null> {
  try {
    const response = await call();
    if (response.status >= 500) throw new Error(`better-auth answered ${response.status}`);
    return response.ok ? response : null;
  } catch (error) {
    // its own refusals carry a status
    const status = (error as { statusCode?: unknown } | null)?.statusCode;
    if (typeof status === 'number' && status < 500) return null;
    throw error;
  }
}

function parsed<Value>(schema: z.ZodType<Value>, body: unknown): Value {
  const outcome = schema.safeParse(body);
  if (outcome.success) return outcome.data;
  const problems = outcome.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw requestError('INVALID_INPUT', problems.join('; '), { status: 400 });
}

function wrongCredentials() {
  return requestError('INVALID_CREDENTIALS', 'The e-mail or the password is wrong.', { status: 401 });
}

function signedOut() {
  return requestError('UNAUTHENTICATED', 'You are signed out.', { status: 401 });
}

function tooManyAttempts(retryAfterSeconds: number) {
  const message = `Too many attempts. Try again in ${retryAfterSeconds} s.`;
  return requestError('THROTTLED', message, {
    status: 429,
    headers: { 'Retry-After': String(retryAfterSeconds) },
    facts: { retryAfterSeconds },
  });
}
