import type { CallbackRequest } from '#server/connectors/connector.ts';
import type { CallbackAnswer } from '#server/flows/receive-callback.ts';
import { type CallbackAddress, parseCallbackPath } from '#server/offers/rules.ts';
import { readBody } from './body.ts';
import type { Budgets } from './budget.ts';
import { requestError } from './errors.ts';
import type { Exchange } from './graphql-route.ts';

/** Takes in what an upstream tells; null: the address names nothing. */
export type ReceiveCallback = (
  address: CallbackAddress,
  request: CallbackRequest & { readonly clientAddress: string | null },
) => Promise<CallbackAnswer | null>;

/** The largest callback of a protocol holds the keys of one order. */
const BODY_BYTES = 256 * 1024;
/** What one costs whoever sends it, in points: a thousand a second from one address. */
const COST = 20;

/**
 * Answers callbacks of upstreams, as each protocol wants. An address that is none, an account that is not there and a token that is
 * wrong are answered alike.
 */
export function createCallbackRoute(receive: ReceiveCallback, budgets: Budgets): (exchange: Exchange) => Promise<void> {
  return async ({ request, response, url, clientAddress }) => {
    const charge = budgets.charge(`callbacks ${clientAddress ?? ''}`, COST);
    if (!charge.granted) {
      const headers = { 'Retry-After': String(charge.retryAfterSeconds) };
      throw requestError('THROTTLED', 'Too many callbacks.', { status: 429, headers });
    }
    const address = parseCallbackPath(url.pathname);
    const isMethod = request.method === 'POST' || request.method === 'GET';
    const body = address !== null && isMethod ? (await readBody(request, BODY_BYTES)).toString('utf8') : '';
    const answer =
      address !== null && isMethod
        ? await receive(address, {
            method: request.method ?? '',
            query: Object.fromEntries(url.searchParams),
            headers: textHeaders(request.headers),
            body,
            clientAddress,
          })
        : null;
    if (answer === null) throw requestError('NOT_FOUND', 'There is no such page.', { status: 404 });
    response.setHeader('Cache-Control', 'no-store');
    response.writeHead(answer.status, { 'Content-Type': answer.contentType, 'Content-Length': Buffer.byteLength(answer.answer) });
    response.end(answer.answer);
  };
}

function textHeaders(headers: Exchange['request']['headers']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}
