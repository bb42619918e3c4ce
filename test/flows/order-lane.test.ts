import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOrderLane } from '#server/flows/order-lane.ts';
import { type PlaceOrderOutcome, type PlaceOrderRequest, type placeInTurn, placeOrders } from '#server/flows/place-orders.ts';
import type { Database } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { countStatements } from '#test/support/statements.ts';
import { world } from '#test/support/world.ts';

let fresh: FreshDatabase;
let request: (requestKey: string, over?: Partial<PlaceOrderRequest>) => PlaceOrderRequest;
beforeAll(async () => {
  fresh = await freshDatabase();
  const w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' }, B: { parent: 'A' }, R: { parent: 'B', wallet: '100000.00' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' } },
    rules: [{ by: 'A', kind: 'FIXED', value: '1' }],
    plans: [{ sku: 'card', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 5000] }],
    lots: [{ sku: 'card', supplier: 'S', totalCost: '900.00', keys: 1000 }],
  });
  request = (requestKey, over = {}) => ({
    viewer: w.viewer('R'),
    channel: 'API',
    requestKey,
    skuId: w.skus.card,
    quantity: 1,
    maxTotal: '11',
    externalRef: null,
    groupId: null,
    ...over,
  });
});
afterAll(() => fresh.drop());

/** A stand-in for placeOrders that is told when to finish, and remembers its lists. */
function slowDatabase() {
  const lists: string[][] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const placeList = async (_: Database, requests: readonly PlaceOrderRequest[]): Promise<PlaceOrderOutcome[]> => {
    lists.push(requests.map(({ requestKey }) => requestKey));
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return requests.map(({ requestKey }) => ({ kind: 'ORDER_PLACED', orderId: requestKey, replayed: false }));
  };
  const finish = async () => {
    gates.shift()?.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { lists, finish, placeList, isUnderWay: () => gates.length > 0 };
}

/** A request of a station that is none of the world's: for lanes that place nothing. */
function requestOf(stationId: string, requestKey: string, networkId?: string): PlaceOrderRequest {
  const { viewer } = request(requestKey);
  return request(requestKey, {
    viewer: { ...viewer, party: { kind: 'STATION', stationId }, networkId: networkId ?? viewer.networkId },
  });
}

/** What each has come to by now; null while it waits. */
async function settledNow<Value>(promises: readonly Promise<Value>[]): Promise<(Value | null)[]> {
  await turn();
  return Promise.all(promises.map((promise) => Promise.race([promise, turn().then(() => null)])));
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the lane', () => {
  test('sends a lone order at once, and what arrives meanwhile as one list', async () => {
    const slow = slowDatabase();
    const lane = createOrderLane(fresh.db, { placeList: slow.placeList });
    const first = lane.place([request('1')]);
    await turn();
    expect(slow.lists).toEqual([['1']]);
    const others = [lane.place([request('2')]), lane.place([request('3'), request('4')])];
    await turn();
    expect(slow.lists).toHaveLength(1);
    await slow.finish();
    expect(slow.lists).toEqual([['1'], ['2', '3', '4']]);
    await slow.finish();
    expect(await first).toMatchObject([{ orderId: '1' }]);
    expect(await Promise.all(others)).toMatchObject([[{ orderId: '2' }], [{ orderId: '3' }, { orderId: '4' }]]);
  });

  test('makes lists of at most 250 orders and 5,000 keys', async () => {
    const slow = slowDatabase();
    const lane = createOrderLane(fresh.db, { placeList: slow.placeList });
    const all = [
      lane.place([request('first')]),
      ...Array.from({ length: 260 }, (_, index) => lane.place([request(`small-${index}`)])),
      ...Array.from({ length: 3 }, (_, index) => lane.place([request(`large-${index}`, { quantity: 2_500 })])),
    ];
    // all of one turn of the event loop: the lane has not begun yet
    await turn();
    for (let list = 0; list < 4; list += 1) await slow.finish();
    await Promise.all(all);
    expect(slow.lists.map((list) => list.length)).toEqual([250, 12, 2]);
    expect(slow.lists[1]?.at(-1)).toBe('large-0');
  });

  test('that is full refuses before any effect, and says when to come again', async () => {
    const slow = slowDatabase();
    const lane = createOrderLane(fresh.db, { placeList: slow.placeList, waitingMax: 2 });
    const running = lane.place([request('1')]);
    await turn();
    const waiting = lane.place([request('2'), request('3')]);
    const refused = await lane.place([request('4')]);
    expect(refused).toEqual([{ kind: 'BUSY', retryAfterMs: expect.any(Number) }]);
    expect(refused[0]).toSatisfy((busy: { retryAfterMs: number }) => busy.retryAfterMs >= 50 && busy.retryAfterMs <= 5_000);
    await slow.finish();
    await slow.finish();
    await Promise.all([running, waiting]);
    expect(slow.lists.flat()).toEqual(['1', '2', '3']);
  });

  test('refuses the station that floods it, while another orders beside it and waits for one list at most', async () => {
    const slow = slowDatabase();
    const lane = createOrderLane(fresh.db, { placeList: slow.placeList });
    const flood = await settledNow(
      Array.from({ length: 100 }, (_, list) =>
        lane.place(Array.from({ length: 100 }, (_, index) => requestOf('flood', `f-${list}-${index}`))),
      ),
    );
    const refused = flood.flatMap((outcomes) => outcomes ?? []);
    expect(refused).toHaveLength(8_000);
    expect(new Set(refused.map(({ kind }) => kind))).toEqual(new Set(['BUSY']));
    const neighbour = lane.place([requestOf('neighbour', 'n-1')]);
    await slow.finish();
    expect(slow.lists[1]).toHaveLength(17);
    expect(slow.lists[1]).toContain('n-1');
    await slow.finish();
    expect(await neighbour).toMatchObject([{ orderId: 'n-1' }]);
    for (let list = 0; slow.isUnderWay(); list += 1) await slow.finish();
    expect(slow.lists.flat().filter((key) => key.startsWith('f-'))).toHaveLength(2_000);
  });

  test('runs as many lists of a network at once as it is told, and those of two networks beside each other', async () => {
    const slow = slowDatabase();
    const lane = createOrderLane(fresh.db, { placeList: slow.placeList, listsAtOnce: 2, anotherListFrom: 1 });
    const placed = [];
    for (const key of ['1', '2', '3']) {
      placed.push(lane.place([requestOf(`station ${key}`, key)]));
      await turn();
    }
    expect(slow.lists).toEqual([['1'], ['2']]);
    placed.push(lane.place([requestOf('R', 'elsewhere', fresh.db.newId())]));
    await turn();
    expect(slow.lists.at(-1)).toEqual(['elsewhere']);
    while (slow.isUnderWay()) await slow.finish();
    expect((await Promise.all(placed)).flat()).toHaveLength(4);
  });

  test('lets the list of another process go first while few wait, and then takes what has come', async () => {
    const slow = slowDatabase();
    const turns: PromiseWithResolvers<void>[] = [];
    const placeListInTurn: typeof placeInTurn = async (db, _, take) => {
      const mine = Promise.withResolvers<void>();
      turns.push(mine);
      await mine.promise;
      return slow.placeList(db, take());
    };
    const lane = createOrderLane(fresh.db, { placeList: slow.placeList, placeListInTurn, isShared: () => true, anotherListFrom: 4 });
    const placed = ['1', '2', '3'].map((key) => lane.place([requestOf(key, key)]));
    await turn();
    expect(slow.lists).toEqual([]);
    turns.shift()?.resolve();
    await turn();
    expect(slow.lists).toEqual([['1', '2', '3']]);
    await slow.finish();
    expect(await settledNow(placed)).toMatchObject([[{ orderId: '1' }], [{ orderId: '2' }], [{ orderId: '3' }]]);
    // many do not wait for a turn, and the list that does finds nothing left
    const many = ['4', '5', '6', '7'].map((key) => lane.place([requestOf(key, key)]));
    await turn();
    expect(slow.lists.slice(1)).toEqual([['4', '5', '6', '7']]);
    await slow.finish();
    expect((await Promise.all(many)).flat()).toHaveLength(4);
    expect(turns).toEqual([]);
  });

  test('takes its turn in the database, and goes without it when whoever has it keeps it', async () => {
    const lane = createOrderLane(fresh.db, { isShared: () => true });
    const held = await fresh.db.pool.connect();
    const { networkId } = request('any').viewer;
    const hold = async () => {
      await held.query('BEGIN');
      await held.query(`SELECT pg_advisory_xact_lock(hashtextextended('orders ' || $1::text, 0))`, [networkId]);
    };
    const waitsForIt = `SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
    await hold();
    const first = lane.place([request('turn-1')]);
    await expect.poll(async () => (await fresh.sql<{ count: number }>(waitsForIt))[0]?.count).toBe(1);
    const second = lane.place([request('turn-2')]);
    expect(await settledNow([first, second])).toEqual([null, null]);
    await held.query('COMMIT');
    expect(await Promise.all([first, second])).toMatchObject([[{ kind: 'ORDER_PLACED' }], [{ kind: 'ORDER_PLACED' }]]);
    const [both] = await fresh.sql(`SELECT count(DISTINCT placed_at)::int AS lists FROM orders WHERE request_key LIKE 'turn-%'`);
    expect(both).toEqual({ lists: 1 });
    await hold();
    expect(await lane.place([request('turn-3')])).toMatchObject([{ kind: 'ORDER_PLACED' }]);
    await held.query('ROLLBACK');
    held.release();
  });

  test('splits a list that fails until the order that makes it fail stands alone', async () => {
    const lane = createOrderLane(fresh.db, {
      placeList: (db, requests) => {
        if (requests.some(({ requestKey }) => requestKey === 'poison-7')) return Promise.reject(new Error('nobody foresaw this'));
        return placeOrders(db, requests);
      },
    });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => lane.place([request(`poison-${index}`)])));
    expect(outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([7]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(19);
  });

  test('splits a list that fails in its turn as any other', async () => {
    const isPoison = (requests: readonly PlaceOrderRequest[]) => requests.some(({ requestKey }) => requestKey === 'toxic-3');
    const placeList: typeof placeOrders = (db, requests) =>
      isPoison(requests) ? Promise.reject(new Error('nobody foresaw this')) : placeOrders(db, requests);
    const lane = createOrderLane(fresh.db, { isShared: () => true, placeListInTurn: (db, _, take) => placeList(db, take()), placeList });
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, (_, index) => lane.place([request(`toxic-${index}`)])));
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, true, true]);
  });

  test('does not try a list order by order when the database is gone', async () => {
    let tries = 0;
    const lane = createOrderLane(fresh.db, {
      placeList: () => {
        tries += 1;
        return Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
      },
    });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => lane.place([request(`gone-${index}`)])));
    expect([tries, outcomes.filter(({ status }) => status === 'rejected').length]).toEqual([1, 20]);
  });

  test('answers all that waited before it stops, and refuses what comes after', async () => {
    const slow = slowDatabase();
    const lane = createOrderLane(fresh.db, { placeList: slow.placeList });
    const placed = lane.place([request('1')]);
    await turn();
    const stopped = lane.stop();
    expect(await lane.place([request('2')])).toMatchObject([{ kind: 'BUSY' }]);
    await slow.finish();
    await stopped;
    expect(await placed).toMatchObject([{ orderId: '1' }]);
  });
});

describe('a list of orders', () => {
  const statementsFor = async (orders: number) => {
    const list = Array.from({ length: orders }, (_, index) => request(`count-${orders}-${index}`));
    return (
      await countStatements(fresh.db, async () => {
        const outcomes = await placeOrders(fresh.db, list);
        expect(outcomes.every(({ kind }) => kind === 'ORDER_PLACED')).toBe(true);
      })
    ).names;
  };

  test('costs eight messages to the database, BEGIN and COMMIT among them, whether it has one order or a hundred', async () => {
    // the network's first order also marks it as begun and opens the accounts of those who earn
    await placeOrders(fresh.db, [request('the first')]);
    const one = await statementsFor(1);
    const hundred = await statementsFor(100);
    expect(hundred).toEqual(one);
    expect(one).toHaveLength(8);
  });
});
