import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { plainAddress } from '#server/accounts/rules.ts';

/**
 * The address that a request comes from; null when the connection has gone. Behind a trusted proxy it is the last entry of
 * X-Forwarded-For, the one that the proxy itself wrote: everything before it is whatever the client claims.
 */
export function clientAddressOf(request: IncomingMessage, behindProxy: boolean): string | null {
  const forwarded = behindProxy
    ? String(request.headers['x-forwarded-for'] ?? '')
        .split(',')
        .at(-1)
        ?.trim()
    : undefined;
  const address = forwarded !== undefined && isIP(forwarded) !== 0 ? forwarded : request.socket.remoteAddress;
  return address === undefined ? null : plainAddress(address);
}
