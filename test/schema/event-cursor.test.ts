import { parse, subscribe } from 'graphql';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { createLocalBus } from '#server/live/bus.ts';
import { createEventSource, type EventSource } from '#server/live/event-source.ts';
import { relayOnce } from '#server/live/relay.ts';
import { createLog } from '#server/platform/log.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { ask, contextOf } from './ask.ts';

let fresh: FreshDatabase;
let events: EventSource;
let w: World<'HQ' | 'R', 'steam', 'S'>;
let placedCount = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
  events = createEventSource(fresh.db, createLog('silent'), createLocalBus());
  w = await world(fresh.db, {
    stations: { HQ: {}, R: { parent: 'HQ', wallet: '900.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '80.00', keys: 20 }],
  });
});
afterAll(async () => {
  await events.stop();
  await fresh.drop();
});

const LIST = 'query { orders(scope: DOWNLINE) { edges { node { id requestKey } } } ...place } fragment place on Query { eventCursor }';
type Listed = { orders: { edges: { node: { requestKey: string } }[] }; eventCursor: string };

const list = async () => {
  const { data, errors } = await ask(fresh.db, w.viewer('R'), LIST);
  expect(errors).toBeUndefined();
  return JSON.parse(JSON.stringify(data)) as Listed;
};

/** Buys one, and gives the events their numbers. */
async function buy(): Promise<string> {
  placedCount += 1;
  const requestKey = `order ${placedCount}`;
  const document = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename } }';
  const input = { requestKey, skuId: globalId('Sku', w.skus.steam), quantity: 1, maxTotal: '10' };
  expect((await ask(fresh.db, w.viewer('R'), document, { input })).data).toEqual({ placeOrder: { __typename: 'OrderPlaced' } });
  await relayOnce(fresh.db);
  return requestKey;
}

async function firstAfter(party: 'HQ' | 'R', document: string, after: string): Promise<unknown> {
  const contextValue = contextOf(fresh.db, w.viewer(party), events);
  const stream = await subscribe({ schema, document: parse(document), contextValue, variableValues: { after } });
  if (!(Symbol.asyncIterator in stream)) throw new Error(JSON.stringify(stream));
  const { value } = await stream.next();
  await stream.return();
  return JSON.parse(JSON.stringify(value));
}

const ORDERS = 'subscription ($after: Cursor) { orderUpdated(scope: DOWNLINE, after: $after) { order { requestKey } } }';
const STOCK = 'subscription ($after: Cursor) { stockUpdated(after: $after) { sku { name } } }';

test('an order that was placed after a list was read is the first that is told after the cursor of that list', async () => {
  await buy();
  const { eventCursor, orders } = await list();
  expect(orders.edges.map(({ node }) => node.requestKey)).toEqual(['order 1']);
  const requestKey = await buy();
  await buy();
  expect(await firstAfter('R', ORDERS, eventCursor)).toEqual({ data: { orderUpdated: { order: { requestKey } } } });
  expect(await firstAfter('R', STOCK, eventCursor)).toEqual({ data: { stockUpdated: { sku: { name: 'steam' } } } });
});

test('the cursor is read before the list: an order between the two stands in the list', async () => {
  const blocker = new pg.Client({ connectionString: fresh.url });
  await blocker.connect();
  await blocker.query('BEGIN');
  // nobody reads the place meanwhile; orders and lists do not need it
  await blocker.query('LOCK TABLE relay_position IN ACCESS EXCLUSIVE MODE');
  const listing = list();
  await expect
    .poll(
      async () =>
        (await fresh.sql(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)).length,
    )
    .toBe(1);
  const input = { requestKey: 'between', skuId: globalId('Sku', w.skus.steam), quantity: 1, maxTotal: '10' };
  await ask(fresh.db, w.viewer('R'), 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename } }', { input });
  await blocker.query('COMMIT');
  await blocker.end();
  expect((await listing).orders.edges.map(({ node }) => node.requestKey)).toContain('between');
});

test('the cursor of one party is refused to another, and of no use without a party', async () => {
  const { eventCursor } = await list();
  const refused = (await firstAfter('HQ', ORDERS, eventCursor)) as { errors: { extensions: object }[] };
  expect(refused.errors[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', argument: 'after' });
  expect((await ask(fresh.db, null, '{ eventCursor }')).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
});
