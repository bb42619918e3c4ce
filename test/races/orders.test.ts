import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOrderLane, type OrderLane } from '#server/flows/order-lane.ts';
import { type PlaceOrderOutcome, type PlaceOrderRequest, placeOrders } from '#server/flows/place-orders.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';
import { atOnce, expectClean, kinds, numberOf, placeAlone } from './race.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 30 });
});
afterAll(() => fresh.drop());

/** As a process does it: through the lane, which makes lists; or as many processes would: each order by itself. */
const ways = {
  'through the lane': () => throughLanes([createOrderLane(fresh.db)]),
  'through the lanes of three processes that take turns': () =>
    throughLanes(Array.from({ length: 3 }, () => createOrderLane({ ...fresh.db }, { isShared: () => true, anotherListFrom: 8 }))),
  'each in a transaction of its own': () => (request: PlaceOrderRequest) => placeAlone(fresh, request),
};
function throughLanes(lanes: readonly OrderLane[]) {
  let count = 0;
  return async (request: PlaceOrderRequest): Promise<PlaceOrderOutcome> => {
    count += 1;
    const [outcome] = (await lanes[count % lanes.length]?.place([request])) ?? [];
    if (!outcome || outcome.kind === 'BUSY') throw new Error('the lane was full');
    return outcome;
  };
}
const names = Object.keys(ways) as (keyof typeof ways)[];

const order = (over: Pick<PlaceOrderRequest, 'viewer' | 'skuId' | 'requestKey'> & Partial<PlaceOrderRequest>): PlaceOrderRequest => ({
  channel: 'API',
  quantity: 1,
  maxTotal: '1000',
  externalRef: null,
  groupId: null,
  ...over,
});

describe.each(names)('%s', (way) => {
  test('fifty buyers want the last key: exactly one gets it', async () => {
    const buyers = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`R${index}`, { parent: 'A', wallet: '10.00' }] as const));
    const w = await world(fresh.db, {
      stations: { HQ: {}, A: { parent: 'HQ' }, ...buyers } as Record<string, { parent?: string; wallet?: string }>,
      suppliers: ['S'],
      skus: { card: { basePrice: '10.00' } },
      lots: [{ sku: 'card', supplier: 'S', totalCost: '9.00', keys: 1 }],
    });
    const place = ways[way]();
    const outcomes = await atOnce(50, (index) => place(order({ viewer: w.viewer(`R${index}`), skuId: w.skus.card, requestKey: 'last' })));
    expect(kinds(outcomes)).toEqual({ ORDER_PLACED: 1, OUT_OF_STOCK: 49 });
    expect(outcomes.filter((outcome) => outcome.kind === 'OUT_OF_STOCK' && outcome.availableCount !== 0)).toEqual([]);
    expect(await numberOf(fresh, 'SELECT count(*) AS number FROM orders WHERE network_id = $1', [w.networkId])).toBe(1);
    await expectClean(fresh);
  });

  test('a thousand orders on a wallet with money for a hundred: exactly a hundred', async () => {
    const w = await world(fresh.db, {
      stations: { HQ: {}, R: { parent: 'HQ', wallet: '1000.00' } },
      skus: { card: { basePrice: '10.00' } },
      lots: [{ sku: 'card', terms: 'OWN', totalCost: '1.00', keys: 1000 }],
    });
    const place = ways[way]();
    const outcomes = await atOnce(1000, (index) => place(order({ viewer: w.viewer('R'), skuId: w.skus.card, requestKey: `k${index}` })));
    expect(kinds(outcomes)).toEqual({ ORDER_PLACED: 100, INSUFFICIENT_BALANCE: 900 });
    expect(
      await numberOf(fresh, `SELECT balance AS number FROM account WHERE network_id = $1 AND station_id = $2 AND kind = 'WALLET'`, [
        w.networkId,
        w.stations.R,
      ]),
    ).toBe(0);
    expect(await numberOf(fresh, `SELECT count(*) AS number FROM card_key WHERE network_id = $1 AND state = 'SOLD'`, [w.networkId])).toBe(
      100,
    );
    await expectClean(fresh);
  }, 120_000);

  test('one request key a hundred times at once: one effect, and everybody is told of the same order', async () => {
    const w = await world(fresh.db, {
      stations: { HQ: {}, R: { parent: 'HQ', wallet: '1000.00' } },
      skus: { card: { basePrice: '10.00' } },
      lots: [{ sku: 'card', terms: 'OWN', totalCost: '1.00', keys: 200 }],
    });
    const place = ways[way]();
    const outcomes = await atOnce(100, () => place(order({ viewer: w.viewer('R'), skuId: w.skus.card, requestKey: 'same', quantity: 2 })));
    const placed = outcomes.flatMap((outcome) => (outcome.kind === 'ORDER_PLACED' ? [outcome] : []));
    expect(placed).toHaveLength(100);
    expect(new Set(placed.map(({ orderId }) => orderId)).size).toBe(1);
    expect(placed.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await numberOf(fresh, 'SELECT count(*) AS number FROM card_key_sale WHERE network_id = $1', [w.networkId])).toBe(2);
    await expectClean(fresh);
  });
});

describe('crossing orders', () => {
  test('of the same two SKUs and the same two wallets, in both directions at once: no deadlock is ever seen', async () => {
    const w = await world(fresh.db, {
      stations: { HQ: {}, A: { parent: 'HQ' }, R: { parent: 'A', wallet: '100000.00' }, T: { parent: 'A', wallet: '100000.00' } },
      suppliers: ['S', 'Z'],
      skus: { one: { basePrice: '10.00' }, two: { basePrice: '20.00' } },
      rules: [{ by: 'A', kind: 'FIXED', value: '1' }],
      lots: [
        { sku: 'one', supplier: 'S', totalCost: '900.00', keys: 150 },
        { sku: 'two', supplier: 'Z', totalCost: '1900.00', keys: 150 },
      ],
    });
    const [one, two] = [w.skus.one, w.skus.two];
    const list = (index: number) => {
      const forth = index % 2 === 0;
      const wanted = [
        order({ viewer: w.viewer('R'), skuId: one, quantity: 3, requestKey: `r1-${index}` }),
        order({ viewer: w.viewer('T'), skuId: two, quantity: 3, requestKey: `t2-${index}` }),
        order({ viewer: w.viewer('R'), skuId: two, quantity: 2, requestKey: `r2-${index}` }),
        order({ viewer: w.viewer('T'), skuId: one, quantity: 2, requestKey: `t1-${index}` }),
      ];
      return forth ? wanted : wanted.reverse();
    };
    const outcomes = (await atOnce(60, (index) => placeOrders(fresh.db, list(index)))).flat();
    // 60 lists want five of each SKU, twice as many as there are: all but what no order fits into is sold
    expect(kinds(outcomes)['ORDER_PLACED']).toBeGreaterThanOrEqual(120);
    expect(Object.keys(kinds(outcomes)).sort()).toEqual(['ORDER_PLACED', 'OUT_OF_STOCK']);
    expect(
      await numberOf(fresh, `SELECT count(*) AS number FROM card_key WHERE network_id = $1 AND state = 'AVAILABLE'`, [w.networkId]),
    ).toBeLessThan(3 * 2);
    // not even one that a retry has hidden: locks are taken in one order everywhere
    expect(await numberOf(fresh, 'SELECT deadlocks AS number FROM pg_stat_database WHERE datname = current_database()', [])).toBe(0);
    await expectClean(fresh);
  });
});

describe('keys that another transaction holds', () => {
  const shelf = () =>
    world(fresh.db, {
      stations: { HQ: {}, R: { parent: 'HQ', wallet: '100.00' } },
      skus: { card: { basePrice: '10.00' } },
      lots: [{ sku: 'card', terms: 'OWN', totalCost: '1.00', keys: 3 }],
    });

  /** A transaction that holds all keys of a network until it is told to let go. */
  async function held(networkId: string) {
    const holder = await fresh.db.pool.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT id FROM card_key WHERE network_id = $1 FOR UPDATE', [networkId]);
    return {
      letGo: async (end: 'ROLLBACK' | 'COMMIT', before?: string) => {
        if (before) await holder.query(before, [networkId]);
        await holder.query(end);
        holder.release();
      },
    };
  }

  test('are not called sold out: when it gives them back, they are sold', async () => {
    const w = await shelf();
    const holder = await held(w.networkId);
    const waiting = placeAlone(fresh, order({ viewer: w.viewer('R'), skuId: w.skus.card, quantity: 3, requestKey: '1' }));
    const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(() => resolve('still waiting'), 300))]);
    expect(early).toBe('still waiting');
    await holder.letGo('ROLLBACK');
    expect(await waiting).toMatchObject({ kind: 'ORDER_PLACED' });
    await expectClean(fresh);
  });

  test('are sold out when it takes them', async () => {
    const w = await shelf();
    const holder = await held(w.networkId);
    const waiting = placeAlone(fresh, order({ viewer: w.viewer('R'), skuId: w.skus.card, quantity: 3, requestKey: '1' }));
    await holder.letGo(
      'COMMIT',
      `UPDATE card_key SET state = 'WITHDRAWN' WHERE network_id = $1 AND id = (SELECT min(id::text)::uuid FROM card_key WHERE network_id = $1)`,
    );
    expect(await waiting).toEqual({ kind: 'OUT_OF_STOCK', availableCount: 2 });
    await expectClean(fresh);
  });

  test('are not waited for when there are enough others', async () => {
    const w = await shelf();
    const holder = await fresh.db.pool.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT id FROM card_key WHERE network_id = $1 ORDER BY id LIMIT 1 FOR UPDATE', [w.networkId]);
    expect(await placeAlone(fresh, order({ viewer: w.viewer('R'), skuId: w.skus.card, quantity: 2, requestKey: '1' }))).toMatchObject({
      kind: 'ORDER_PLACED',
    });
    await holder.query('ROLLBACK');
    holder.release();
  });
});
