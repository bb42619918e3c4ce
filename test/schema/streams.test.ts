import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { createOrderLane } from '#server/flows/order-lane.ts';
import { createLocalBus } from '#server/live/bus.ts';
import { encodeCursor } from '#server/live/cursor.ts';
import { createEventSource, type EventSource } from '#server/live/event-source.ts';
import { type Relay, startRelay } from '#server/live/relay.ts';
import { createLog } from '#server/platform/log.ts';
import { bearer, newKey, startTestServer, type TestServer, until } from '#test/http/test-server.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';
import { upstreamsOf, webhooksOf } from './ask.ts';

// A reseller's program over the wire: it orders by HTTP and is told by WebSocket and by server-sent events.
let fresh: FreshDatabase;
let relay: Relay;
let events: EventSource;
let server: TestServer;
let w: World<'HQ' | 'R', 'steam', 'S'>;
let secret: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  const { db } = fresh;
  const log = createLog('silent');
  const bus = createLocalBus();
  events = createEventSource(db, log, bus);
  relay = startRelay(db, log, bus);
  const lane = createOrderLane(db);
  server = await startTestServer(db, {
    schema,
    context: function context(facts) {
      return { ...facts, db, vault: testVault, events, lane, webhooks: webhooksOf(db, context), upstreams: upstreamsOf(db) };
    },
    publicFields: ['viewer'],
  });
  w = await world(db, {
    stations: { HQ: {}, R: { parent: 'HQ', wallet: '500.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '80.00', keys: 10 }],
  });
  ({ secret } = await newKey(db, w.viewer('R'), ['CATALOGUE_READ', 'ORDERS_READ', 'ORDERS_PLACE', 'CARD_KEYS_REVEAL']));
});
afterAll(async () => {
  await server.close();
  await relay.stop();
  await events.stop();
  await fresh.drop();
});

const order = async (requestKey: string) => {
  const query = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { order { channel cardKeys { secret } } } } }`;
  const input = { requestKey, skuId: globalId('Sku', w.skus.steam), quantity: 1, maxTotal: '10.00' };
  return (await server.graphql(query, { headers: bearer(secret), variables: { input } })).body.data;
};

test('orderUpdated and stockUpdated come over graphql-transport-ws', async () => {
  const client = server.socket({ authorization: `Bearer ${secret}` });
  const told: unknown[] = [];
  const failed: unknown[] = [];
  const sink = { next: (value: unknown) => told.push(value), error: (error: unknown) => failed.push(error), complete: () => undefined };
  client.subscribe({ query: 'subscription { orderUpdated(scope: MINE) { kind order { requestKey total { amount } } } }' }, sink);
  client.subscribe({ query: 'subscription { stockUpdated { sku { name } stock { availableCount } } }' }, sink);
  const both = () => ['orderUpdated', 'stockUpdated'].every((name) => JSON.stringify(told).includes(name));
  // a subscription reads from when it began: orders are placed until each has told something
  for (let attempt = 1; !both() && attempt <= 8; attempt += 1) {
    expect(await order(`ws-${attempt}`)).toEqual({
      placeOrder: { __typename: 'OrderPlaced', order: { channel: 'API', cardKeys: [{ secret: expect.stringMatching(/^steam-/) }] } },
    });
    await until(both, 1_500).catch(() => undefined);
  }
  expect(failed).toEqual([]);
  expect(told).toContainEqual({
    data: { orderUpdated: { kind: 'DELIVERED', order: { requestKey: expect.stringMatching(/^ws-/), total: { amount: '10.00' } } } },
  });
  expect(told).toContainEqual({ data: { stockUpdated: { sku: { name: 'steam' }, stock: { availableCount: expect.any(Number) } } } });
  await client.dispose();
});

test('orderUpdated resumes over server-sent events from the first event on, in the same form', async () => {
  const beginning = encodeCursor({ networkId: w.networkId, partyId: w.stations.R, subscription: 'orderUpdated.MINE' }, 0n);
  const stop = new AbortController();
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(secret) },
    body: JSON.stringify({
      query: 'subscription ($after: Cursor) { orderUpdated(scope: MINE, after: $after) { kind order { requestKey } } }',
      variables: { after: beginning },
    }),
    signal: stop.signal,
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('ws-1')) text += (await reader?.read())?.value ?? '';
  expect(text).toContain('event: next');
  expect(text).toContain('"kind":"DELIVERED"');
  stop.abort();
});

test('a key without the scope is told which one it needs, and opens no stream', async () => {
  const { secret: weak } = await newKey(fresh.db, w.viewer('R'), ['CATALOGUE_READ']);
  const answer = await server.graphql('{ orders(scope: MINE) { totalCount } }', { headers: bearer(weak) });
  expect(answer.body.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'ORDERS_READ' });
  const client = server.socket({ authorization: `Bearer ${weak}` });
  const refused = await new Promise<unknown>((resolve) => {
    client.subscribe(
      { query: 'subscription { orderUpdated(scope: MINE) { kind } }' },
      { next: resolve, error: resolve, complete: () => resolve('complete') },
    );
  });
  expect(JSON.stringify(refused)).toContain('ORDERS_READ');
  await client.dispose();
});
