import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { ConnectorGround } from '#server/connectors/connector.ts';
import { listenBySocket, type SocketResult } from '#server/connectors/graphql-socket.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';

// Whatever the other side does ends in a word, bounded in memory.

let http: Server;
let url: string;
/** What the other side says when it is spoken to for the first time. */
let says: readonly (string | Buffer)[] = [];
beforeAll(async () => {
  http = createServer((request, response) => {
    response.writeHead(302, { location: `${url}/elsewhere` }).end();
    request.resume();
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    if (request.url === '/redirect') return void socket.end('HTTP/1.1 302 Found\r\nLocation: /graphql\r\n\r\n');
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.on('error', () => opened.terminate());
      opened.once('message', () => {
        for (const each of says) opened.send(each);
      });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});
afterAll(() => {
  http.closeAllConnections();
  http.close();
});

const allowing = (...allowedHosts: string[]): ConnectorGround => ({ outgoing: createOutgoing({ allowedHosts }), clock: () => new Date() });

async function listen(
  path: string,
  ground = allowing('127.0.0.1'),
  hear: (results: readonly SocketResult[]) => Promise<string | null> = async () => null,
) {
  const subscriptions = [{ id: 'a', query: 'subscription { tick }', variables: {} }];
  const never = new AbortController().signal;
  return listenBySocket(ground, { url: url + path, connectionParams: {}, subscriptions, hear, onLive: () => undefined, stopping: never });
}

it('an address that is not public is not connected to', async () => {
  expect(await listen('/graphql', allowing())).toEqual({ kind: 'CUT', message: 'URL_NOT_ALLOWED' });
  const secured = allowing();
  const stopping = new AbortController().signal;
  const call = {
    url: 'https://10.0.0.1/graphql',
    connectionParams: {},
    subscriptions: [],
    hear: async () => null,
    onLive: () => undefined,
    stopping,
  };
  expect(await listenBySocket(secured, call)).toEqual({ kind: 'CUT', message: 'URL_NOT_ALLOWED' });
});

it('a redirect is not followed', async () => {
  expect(await listen('/redirect')).toMatchObject({ kind: 'CUT', message: expect.stringContaining('302') });
});

const ack = JSON.stringify({ type: 'connection_ack' });
it.each([
  ['no JSON', 'hello'],
  ['a message of another protocol', '{"type":"connection_error"}'],
  ['bytes', Buffer.from('{}')],
  ['a message of two megabytes', JSON.stringify({ id: 'a', type: 'next', payload: 'x'.repeat(2_000_000) })],
  ['a message of 100,000 values', JSON.stringify({ id: 'a', type: 'next', payload: Array.from({ length: 100_000 }, () => 1) })],
])('%s ends it', async (_, message) => {
  says = [ack, message];
  expect(await listen('/graphql')).toMatchObject({ kind: 'CUT' });
});

it('what came before the end of a subscription is heard, in its order and not all at once', async () => {
  const tick = (n: number) => JSON.stringify({ id: 'a', type: 'next', payload: { data: { tick: n } } });
  says = [ack, ...Array.from({ length: 300 }, (_, index) => tick(index)), JSON.stringify({ id: 'a', type: 'complete' })];
  const heard: number[] = [];
  const ended = await listen('/graphql', undefined, async (results) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    heard.push(results.length);
    return null;
  });
  expect(ended).toEqual({ kind: 'CUT', message: 'It has ended a subscription.' });
  expect(heard.reduce((sum, count) => sum + count, 0)).toBe(300);
});

it('what cannot be taken in is an error, and nothing is heard after it', async () => {
  says = [ack, ...Array.from({ length: 3 }, () => JSON.stringify({ id: 'a', type: 'next', payload: null }))];
  let calls = 0;
  const failing = listen('/graphql', undefined, async () => {
    calls += 1;
    throw new Error('the database is away');
  });
  await expect(failing).rejects.toThrow('the database is away');
  expect(calls).toBe(1);
});
