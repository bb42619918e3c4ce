import type { IncomingHttpHeaders } from 'node:http';

/** The header that a cookie's request must carry: another site's page cannot send it without being asked by the browser first. */
export const CSRF_HEADER = 'x-fenzhan-csrf';

/** Where cookies are believed from: the console's own origin, and those that the settings list. */
export type AllowedOrigins = ReadonlySet<string>;

/**
 * Why a request must not be believed for its cookie alone; null when it may. A page of a foreign origin is refused, and so is a
 * request without the CSRF header: a form or a link of another site cannot set one.
 */
export function refuseCookie(headers: IncomingHttpHeaders, allowed: AllowedOrigins): string | null {
  const { origin } = headers;
  if (origin !== undefined && !allowed.has(origin)) return 'This origin may not use a session cookie.';
  if (headers['sec-fetch-site'] === 'cross-site') return 'Another site may not use a session cookie.';
  if (headers[CSRF_HEADER] === undefined) return `A request with a session cookie needs the header ${CSRF_HEADER}.`;
  return null;
}

/**
 * The same for what stays open and cannot carry headers of its own (WebSocket; EventSource, which sends no Origin within its own
 * site): the origin must be known and allowed.
 */
export function refuseCookieOfStream(headers: IncomingHttpHeaders, allowed: AllowedOrigins): string | null {
  const { origin } = headers;
  const isOwnPage = origin === undefined && headers['sec-fetch-site'] === 'same-origin';
  if (isOwnPage || (origin !== undefined && allowed.has(origin))) return null;
  return 'A session cookie opens a stream only from an allowed origin.';
}
