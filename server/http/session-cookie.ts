import { createHmac, timingSafeEqual } from 'node:crypto';

/** How the session cookie is named and signed. */
export interface SessionCookie {
  readonly name: string;
  /** Whether browsers send it over https only: when people reach us by https. */
  readonly secure: boolean;
  /** The session's token in a Cookie header; null when there is none or its signature is not ours. */
  readToken(cookieHeader: string | undefined): string | null;
}

/** The name without the prefix that browsers demand of a secure cookie. */
export const SESSION_COOKIE_NAME = 'fenzhan_session';

/**
 * The session cookie as better-auth writes it: `token.signature`, URI-encoded, the signature HMAC-SHA-256 in base64. Read here
 * without it, so that a request costs one statement; the database alone yields no cookie, since the secret is not in it.
 */
export function sessionCookie(publicUrl: string, sessionSecret: string): SessionCookie {
  const secure = publicUrl.startsWith('https://');
  const name = `${secure ? '__Secure-' : ''}${SESSION_COOKIE_NAME}`;
  return {
    name,
    secure,
    readToken: (header) => {
      const value = cookieValue(header, name);
      if (value === null) return null;
      const dot = value.lastIndexOf('.');
      if (dot < 1) return null;
      const token = value.slice(0, dot);
      const expected = createHmac('sha256', sessionSecret).update(token, 'utf8').digest();
      const signature = Buffer.from(value.slice(dot + 1), 'base64');
      return signature.length === expected.length && timingSafeEqual(signature, expected) ? token : null;
    },
  };
}

function cookieValue(header: string | undefined, name: string): string | null {
  for (const part of header?.split(';') ?? []) {
    const equals = part.indexOf('=');
    if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
    try {
      return decodeURIComponent(part.slice(equals + 1).trim());
    } catch {
      return null;
    }
  }
  return null;
}
