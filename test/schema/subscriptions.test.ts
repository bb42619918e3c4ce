import { type ExecutionResult, parse, subscribe } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Context } from '#schema/context.ts';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { permissionsOfRole, type Viewer } from '#server/accounts/rules.ts';
import { createLocalBus } from '#server/live/bus.ts';
import { createEventSource, type EventSource } from '#server/live/event-source.ts';
import { relayOnce } from '#server/live/relay.ts';
import { createLog } from '#server/platform/log.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { ask, contextOf } from './ask.ts';

const ORDERS =
  'subscription ($after: Cursor) { orderUpdated(scope: DOWNLINE, after: $after) { cursor kind order { buyer { name } total { amount } cost { amount } share { role margin { amount } } } } }';
const MINE = 'subscription { orderUpdated(scope: MINE) { order { requestKey } } }';
const STOCK = 'subscription ($after: Cursor) { stockUpdated(after: $after) { cursor sku { name } stock { availableCount } } }';

type Names = 'HQ' | 'A' | 'B' | 'R';
let fresh: FreshDatabase;
let source: EventSource;
/** Who opens a stream waits here until the stream knows from where it reads. */
const arriving: (() => void)[] = [];
const events: EventSource = {
  async *read(networkId, after, signal) {
    const [position] = await fresh.sql<{ last_seq: string }>('SELECT last_seq FROM relay_position WHERE network_id = $1', [networkId]);
    arriving.shift()?.();
    yield* source.read(networkId, after ?? BigInt(position?.last_seq ?? 0), signal);
  },
  stop: () => source.stop(),
};
let w: World<Names, 'steam' | 'local', 'S'>;
let placedCount = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
  source = createEventSource(fresh.db, createLog('silent'), createLocalBus());
  w = await world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', kind: 'SUBSTATION' },
      B: { parent: 'HQ', kind: 'SUBSTATION' },
      R: { parent: 'A', wallet: '9000.00' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10' }, local: { basePrice: '20', owner: 'A' } },
    lots: [
      { sku: 'steam', supplier: 'S', totalCost: '80.00', keys: 20 },
      { sku: 'local', supplier: 'S', totalCost: '80.00', keys: 20 },
    ],
  });
});
afterAll(async () => {
  await events.stop();
  await fresh.drop();
});

describe('orders', () => {
  test('are told to the stations of their chain, each seeing its own part, and to nobody else', async () => {
    const told = Object.fromEntries(
      await Promise.all((['HQ', 'A', 'B', 'R'] as const).map(async (name) => [name, await watch(w.viewer(name), ORDERS)] as const)),
    );
    const own = await watch(w.viewer('A'), MINE);
    await buy('steam');
    const order = { buyer: { name: 'R' }, total: { amount: '10.00' } };
    expect(await next(told['HQ'])).toMatchObject({
      orderUpdated: {
        kind: 'DELIVERED',
        order: { ...order, cost: { amount: '4.00' }, share: { role: 'OWNER', margin: { amount: '6.00' } } },
      },
    });
    expect(await next(told['A'])).toMatchObject({ orderUpdated: { order: { ...order, cost: null, share: { role: 'SELLER' } } } });
    expect(await next(told['R'])).toMatchObject({ orderUpdated: { order: { ...order, cost: null, share: { role: 'BUYER' } } } });
    expect(await silent(told['B'])).toBe(true);
    expect(await silent(own)).toBe(true);
  });

  test('go on after a cursor without a gap and without a repeat', async () => {
    const first = await watch(w.viewer('R'), ORDERS);
    await buy('steam');
    const seen = (await next(first)) as { orderUpdated: { cursor: string } };
    await first.return();
    await buy('local');
    await buy('local');
    const again = await watch(w.viewer('R'), ORDERS, { after: seen.orderUpdated.cursor });
    expect([await next(again), await next(again)]).toMatchObject([
      { orderUpdated: { order: { total: { amount: '20.00' } } } },
      { orderUpdated: { order: { total: { amount: '20.00' } } } },
    ]);
    expect(await silent(again)).toBe(true);
  });

  test('refuse the cursor of another party or subscription, as an answer', async () => {
    const stream = await watch(w.viewer('R'), ORDERS);
    await buy('steam');
    const { cursor } = ((await next(stream)) as { orderUpdated: { cursor: string } }).orderUpdated;
    await stream.return();
    for (const foreign of [await watch(w.viewer('A'), ORDERS, { after: cursor }), await watch(w.viewer('R'), STOCK, { after: cursor })]) {
      const { value } = await foreign.next();
      expect(value?.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', argument: 'after' });
      expect((await foreign.next()).done).toBe(true);
    }
  });

  test('are told no more once the permission is gone, event by event', async () => {
    const context = contextOf(fresh.db, w.viewer('R'), events);
    const stream = await open(context, ORDERS);
    await buy('steam');
    expect((await stream.next()).value?.errors).toBeUndefined();
    const permissions = new Set([...permissionsOfRole.OWNER].filter((permission) => permission !== 'ORDERS_READ'));
    context.viewer = { ...w.viewer('R'), permissions };
    await buy('steam');
    expect((await stream.next()).value?.errors?.[0]?.extensions).toEqual({ code: 'FORBIDDEN', permission: 'ORDERS_READ' });
    await stream.return();
  });
});

describe('stock', () => {
  test('is told of goods that the station may buy, as what is left now, and of no others', async () => {
    const [hq, reseller, sibling] = await Promise.all([
      watch(w.viewer('HQ'), STOCK),
      watch(w.viewer('R'), STOCK),
      watch(w.viewer('B'), STOCK),
    ]);
    await buy('local');
    const told = (await next(reseller)) as { stockUpdated: { sku: { name: string }; stock: { availableCount: number } } };
    const [{ count } = { count: -1 }] = await fresh.sql<{ count: number }>(
      `SELECT count(*)::int FROM card_key WHERE sku_id = $1 AND state = 'AVAILABLE'`,
      [w.skus.local],
    );
    expect(told).toMatchObject({ stockUpdated: { sku: { name: 'local' }, stock: { availableCount: count } } });
    // A's goods are none of headquarters' or B's
    expect(await silent(hq)).toBe(true);
    expect(await silent(sibling)).toBe(true);
  });

  test('can be narrowed to some goods', async () => {
    const narrowed = await watch(
      w.viewer('R'),
      `subscription { stockUpdated(skuIds: ["${globalId('Sku', w.skus.steam)}"]) { sku { name } } }`,
    );
    await buy('local');
    await buy('steam');
    expect(await next(narrowed)).toEqual({ stockUpdated: { sku: { name: 'steam' } } });
  });
});

type Stream = AsyncGenerator<ExecutionResult, void, void>;

function watch(viewer: Viewer, document: string, variables: Record<string, unknown> = {}): Promise<Stream> {
  return open(contextOf(fresh.db, viewer, events), document, variables);
}

/** Opens a stream and waits until it listens. */
async function open(contextValue: Context, document: string, variableValues: Record<string, unknown> = {}): Promise<Stream> {
  const stream = await subscribe({ schema, document: parse(document), contextValue, variableValues });
  if (!(Symbol.asyncIterator in stream)) throw new Error(JSON.stringify(stream));
  // a reader knows its place once it has been asked for the first answer; a cursor that is refused is answered at once
  const listening = Promise.withResolvers<void>();
  arriving.push(listening.resolve);
  const first = stream.next();
  waiting.set(stream, first);
  await Promise.race([listening.promise, first]);
  if (arriving.includes(listening.resolve)) arriving.splice(arriving.indexOf(listening.resolve), 1);
  return {
    ...stream,
    next: () => {
      const pending = waiting.get(stream) ?? stream.next();
      waiting.delete(stream);
      return pending;
    },
    return: () => stream.return(),
  } as Stream;
}

/** The first answer of each stream is asked for at once: a generator does nothing before. */
const waiting = new WeakMap<object, Promise<IteratorResult<ExecutionResult, void>>>();

async function next(stream: Stream | undefined): Promise<unknown> {
  const { value } = (await stream?.next()) ?? {};
  if (value?.errors) throw value.errors[0];
  return JSON.parse(JSON.stringify(value?.data));
}

/** Whether a stream has nothing to tell half a second after everybody else was told. */
async function silent(stream: Stream | undefined): Promise<boolean> {
  const answer = await Promise.race([stream?.next(), new Promise<'silence'>((resolve) => setTimeout(() => resolve('silence'), 500))]);
  await stream?.return();
  return answer === 'silence';
}

async function buy(sku: 'steam' | 'local'): Promise<void> {
  placedCount += 1;
  const document = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename } }';
  const input = { requestKey: `order ${placedCount}`, skuId: globalId('Sku', w.skus[sku]), quantity: 1, maxTotal: '100' };
  expect((await ask(fresh.db, w.viewer('R'), document, { input })).data).toEqual({ placeOrder: { __typename: 'OrderPlaced' } });
  await relayOnce(fresh.db);
}
