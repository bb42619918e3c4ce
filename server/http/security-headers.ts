import type { ServerResponse } from 'node:http';

/** Sets what every answer carries: nothing is framed, guessed, or loaded from elsewhere. Styles are inline because antd makes them at run time. */
export function setSecurityHeaders(response: ServerResponse, publicUrl: string): void {
  // 'self' covers a WebSocket of the same origin in today's browsers; older Safari wants it spelt out
  const socketOrigin = publicUrl.replace(/^http/, 'ws');
  response.setHeader(
    'Content-Security-Policy',
    `default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; ` +
      `connect-src 'self' ${socketOrigin}; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'`,
  );
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Referrer-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Permissions-Policy', 'camera=(), geolocation=(), microphone=(), payment=()');
  if (publicUrl.startsWith('https://')) response.setHeader('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
}
