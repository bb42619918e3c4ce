import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROLL_UP_BATCH } from '#server/analytics/commands.ts';
import { moveStation } from '#server/flows/move-station.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rebuildNetwork, rollUpOnce, startRollUps } from '#server/live/roll-ups.ts';
import { controllableClock, localDate } from '#server/platform/clock.ts';
import { inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { createLog } from '#server/platform/log.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

const clock = controllableClock(new Date('2026-03-01T00:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
});
afterAll(() => fresh.drop());

const TABLES = [
  'station_hour',
  'station_day',
  'downline_sku_day',
  'buyer_sku_day',
  'sku_hour',
  'category_hour',
  'category_day',
  'supplier_hour',
  'supplier_day',
  'supplier_sku_hour',
];

/** Every roll-up of a network, row for row. */
async function rollUps(networkId: string): Promise<Record<string, unknown[]>> {
  const tables: Record<string, unknown[]> = {};
  for (const table of TABLES) {
    const rows = await fresh.sql<{ row: unknown }>(`SELECT to_jsonb(t) AS row FROM ${table} t WHERE network_id = $1 ORDER BY t::text`, [
      networkId,
    ]);
    tables[table] = rows.map(({ row }) => row);
  }
  return tables;
}

const network = (timeZone: string, currency: 'CNY' | 'JPY' = 'CNY') =>
  world(fresh.db, {
    timeZone,
    currency,
    refundLimit: '100000.00',
    stations: {
      HQ: {},
      A: { parent: 'HQ' },
      B: { parent: 'A', kind: 'SUBSTATION', wallet: '100000.00' },
      R: { parent: 'B', wallet: '100000.00' },
      C: { parent: 'HQ', kind: 'SUBSTATION' },
      D: { parent: 'C', wallet: '100000.00' },
    },
    suppliers: ['S', 'Z'],
    skus: {
      steam: { basePrice: '47.50', category: 'games' },
      phone: { basePrice: '10.00', category: 'phones' },
      own: { basePrice: '7.00', owner: 'A' },
    },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', kind: 'FIXED', value: '0.30' },
      { by: 'B', child: 'R', kind: 'PERCENT', value: '2' },
      { by: 'C', kind: 'PERCENT', value: '5' },
    ],
    plans: [
      { sku: 'steam', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] },
      { sku: 'phone', poolKind: 'PER_UNIT', poolValue: '0.07', shareBps: [7000, 3000] },
    ],
    // an order of steam takes keys of both suppliers where their lots meet
    lots: [
      { sku: 'steam', supplier: 'S', totalCost: '2301.00', keys: 50 },
      { sku: 'steam', supplier: 'Z', totalCost: '20700.00', keys: 450 },
      { sku: 'phone', supplier: 'Z', totalCost: '4001.00', keys: 500 },
      { sku: 'own', supplier: 'S', totalCost: '1000.00', keys: 200 },
    ],
  });
type Network = Awaited<ReturnType<typeof network>>;

let number = 0;
async function buy(w: Network, buyer: 'B' | 'R' | 'D', sku: 'steam' | 'phone' | 'own', quantity: number): Promise<string> {
  number += 1;
  const [outcome] = await placeOrders(fresh.db, [
    {
      viewer: w.viewer(buyer),
      channel: 'API',
      requestKey: `k${number}`,
      skuId: w.skus[sku],
      quantity,
      maxTotal: '99999.00',
      externalRef: null,
      groupId: null,
    },
  ]);
  if (outcome?.kind !== 'ORDER_PLACED') throw new Error(`not placed: ${JSON.stringify(outcome)}`);
  return outcome.orderId;
}

async function refund(w: Network, owner: 'HQ' | 'A', orderId: string, amount: string | null, bearer: 'OWNER' | 'SUPPLIER'): Promise<void> {
  number += 1;
  const outcome = await refundOrder(fresh.db, w.viewer(owner, 'FINANCE'), {
    requestKey: `k${number}`,
    orderId,
    amount,
    cardKeyIds: null,
    bearer,
    reason: 'did not work',
  });
  if (outcome.kind !== 'ORDER_REFUNDED') throw new Error(`not refunded: ${JSON.stringify(outcome)}`);
}

/** A fixed sequence of chance, so that the history is the same at every run. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** Orders, refunds on later days and moves of stations, seventy minutes apart and so over every hour of the day and its borders. */
async function live(w: Network, from: string, seed: number): Promise<void> {
  const pick = chance(seed);
  const orders: { id: string; owner: 'HQ' | 'A' }[] = [];
  const moves = [
    { at: 12, station: 'B', to: 'C' },
    { at: 22, station: 'D', to: 'B' },
    { at: 30, station: 'B', to: 'A' },
  ] as const;
  const versions = { B: 1, D: 1 };
  clock.set(new Date(from));
  for (let step = 0; step < 36; step += 1) {
    clock.advance(70 * 60_000);
    const buyer = (['B', 'R', 'D'] as const)[pick(3)] ?? 'R';
    const underA = step <= 12 || step > 30;
    const sku = underA && buyer !== 'D' ? ((['steam', 'phone', 'own'] as const)[pick(3)] ?? 'steam') : pick(2) === 0 ? 'steam' : 'phone';
    orders.push({ id: await buy(w, buyer, sku, 1 + pick(7)), owner: sku === 'own' ? 'A' : 'HQ' });
    if (step % 4 === 3) {
      const [order] = orders.splice(pick(orders.length), 1);
      if (order)
        await refund(
          w,
          order.owner,
          order.id,
          pick(2) === 0 ? null : w.currency === 'JPY' ? '3' : '3.33',
          pick(2) === 0 ? 'OWNER' : 'SUPPLIER',
        );
    }
    const move = moves.find(({ at }) => at === step);
    if (move) {
      const { station, to } = move;
      const input = { stationId: w.stations[station], newParentId: w.stations[to], expectedVersion: versions[station] };
      expect((await moveStation(fresh.db, w.viewer('HQ'), input)).kind).toBe('STATION_MOVED');
      versions[station] += 1;
    }
    // batches of any size
    if (pick(3) === 0) await relayOnce(fresh.db);
    if (pick(4) === 0) await rollUpOnce(fresh.db);
  }
  await relayOnce(fresh.db);
  await rollUpOnce(fresh.db);
}

describe.each([
  // half an hour beside the hour
  ['Asia/Kolkata', '2026-05-10T01:00:00Z', 'CNY'],
  // the clock goes forward on 8 March and back on 1 November
  ['America/New_York', '2026-03-07T04:00:00Z', 'CNY'],
  ['America/New_York', '2026-10-31T04:00:00Z', 'JPY'],
] as const)('after a history in %s from %s in %s', (timeZone, from, currency) => {
  let w: Network;
  beforeAll(async () => {
    w = await network(timeZone, currency);
    await live(w, from, 7);
  }, 60_000);

  test('roll-ups that are made again equal those that were counted live, row for row', async () => {
    const counted = await rollUps(w.networkId);
    for (const table of TABLES) expect([table, counted[table]?.length]).not.toEqual([table, 0]);
    await rebuildNetwork(fresh.db, w.networkId);
    expect(await rollUps(w.networkId)).toEqual(counted);
    // and a counted figure that is wrong would be seen
    await fresh.sql('UPDATE supplier_day SET gmv = gmv + 0.01 WHERE network_id = $1', [w.networkId]);
    expect(await rollUps(w.networkId)).not.toEqual(counted);
    await rebuildNetwork(fresh.db, w.networkId);
    expect(await rollUps(w.networkId)).toEqual(counted);
  });

  test('each station’s day is the orders of its frozen paths on that local day, counted one by one', async () => {
    const orders = await fresh.sql<{
      buyer_path: string[];
      buyer_id: string;
      sku_id: string;
      delivered_at: Date;
      cents: string;
      quantity: number;
    }>(
      'SELECT buyer_path, buyer_id, sku_id, delivered_at, (total * 100)::bigint::text AS cents, quantity FROM orders WHERE network_id = $1',
      [w.networkId],
    );
    const expected = new Map<string, number[]>();
    const add = (key: string, values: number[]) =>
      expected.set(
        key,
        values.map((value, index) => value + (expected.get(key)?.[index] ?? 0)),
      );
    for (const order of orders) {
      const day = localDate(order.delivered_at, timeZone);
      for (const station of order.buyer_path) add(`${station} ${day}`, [1, order.quantity, Number(order.cents)]);
      add(`${order.buyer_id} ${day} own`, [1, order.quantity, Number(order.cents)]);
      add(`${order.buyer_id} ${day} ${order.sku_id}`, [1, order.quantity, Number(order.cents)]);
      for (const station of order.buyer_path.slice(0, -1))
        add(`${station} ${day} ${order.sku_id}`, [1, order.quantity, Number(order.cents)]);
    }
    const rows = await fresh.sql<{ key: string; counted: number[] }>(
      `SELECT station_id || ' ' || local_date AS key, ARRAY[order_count, quantity, gmv * 100]::float[] AS counted FROM station_day WHERE network_id = $1 AND order_count > 0
       UNION ALL SELECT station_id || ' ' || local_date || ' own', ARRAY[own_order_count, own_quantity, own_gmv * 100]::float[] FROM station_day WHERE network_id = $1 AND own_order_count > 0
       UNION ALL SELECT key, ARRAY[sum(order_count), sum(quantity), sum(gmv * 100)]::float[] FROM (
         SELECT station_id || ' ' || local_date || ' ' || sku_id AS key, order_count, quantity, gmv FROM downline_sku_day WHERE network_id = $1 AND order_count > 0
         UNION ALL SELECT buyer_id || ' ' || local_date || ' ' || sku_id, order_count, quantity, gmv FROM buyer_sku_day WHERE network_id = $1 AND order_count > 0) s GROUP BY key`,
      [w.networkId],
    );
    expect(new Map(rows.map(({ key, counted }) => [key, counted]))).toEqual(expected);
  });

  test('margin and commission of each day are the postings of orders and refunds on that day', async () => {
    const expected = await fresh.sql(
      `SELECT a.station_id, (t.created_at AT TIME ZONE $2)::date::text AS day, sum(p.amount)::float AS earned
       FROM transfer t JOIN posting p ON p.network_id = t.network_id AND p.transfer_id = t.id
       LEFT JOIN posting q ON q.network_id = p.network_id AND q.id = p.reverses_id
       JOIN account a ON a.network_id = p.network_id AND a.id = p.account_id
       WHERE t.network_id = $1 AND t.kind IN ('ORDER', 'REFUND') AND a.station_id IS NOT NULL AND p.reason <> 'SALE' AND q.reason IS DISTINCT FROM 'SALE'
       GROUP BY 1, 2 HAVING sum(p.amount) <> 0 ORDER BY 1, 2`,
      [w.networkId, timeZone],
    );
    expect(expected.length).toBeGreaterThan(4);
    const counted = 'SELECT station_id, local_date::text AS day, (margin + commission)::float AS earned FROM station_day';
    expect(await fresh.sql(`${counted} WHERE network_id = $1 AND margin + commission <> 0 ORDER BY 1, 2`, [w.networkId])).toEqual(expected);
    const hours = `SELECT station_id, (hour_start AT TIME ZONE $2)::date::text AS day, sum(margin + commission)::float AS earned FROM station_hour`;
    expect(
      await fresh.sql(`${hours} WHERE network_id = $1 GROUP BY 1, 2 HAVING sum(margin + commission) <> 0 ORDER BY 1, 2`, [
        w.networkId,
        timeZone,
      ]),
    ).toEqual(expected);
  });

  test('SKUs, categories and suppliers each add up to the whole, sold and refunded, by hour and by day', async () => {
    const [whole] = await fresh.sql(
      `SELECT (SELECT count(*) FROM orders WHERE network_id = $1)::int AS orders, (SELECT sum(quantity) FROM orders WHERE network_id = $1)::int AS quantity,
              (SELECT sum(total) FROM orders WHERE network_id = $1)::float AS gmv, (SELECT sum(amount) FROM refund WHERE network_id = $1)::float AS refunded`,
      [w.networkId],
    );
    const sums =
      'sum(order_count)::int AS orders, sum(quantity)::int AS quantity, sum(gmv)::float AS gmv, sum(refund_total)::float AS refunded';
    for (const [table, where] of [
      ['sku_hour', ''],
      ['category_hour', ''],
      ['category_day', ''],
      ['buyer_sku_day', ''],
      ['downline_sku_day', `AND station_id = '${w.hq}'`],
      ['station_day', `AND station_id = '${w.hq}'`],
      ['station_hour', `AND station_id = '${w.hq}'`],
    ]) {
      expect([table, ...(await fresh.sql(`SELECT ${sums} FROM ${table} WHERE network_id = $1 ${where}`, [w.networkId]))]).toEqual([
        table,
        whole,
      ]);
    }
    // an order of both suppliers counts for each; its money and its keys are divided
    const parts = 'sum(quantity)::int AS quantity, sum(gmv)::float AS gmv, sum(refund_total)::float AS refunded';
    const { orders: _, ...divided } = whole as Record<string, number>;
    for (const table of ['supplier_hour', 'supplier_day', 'supplier_sku_hour'])
      expect([table, ...(await fresh.sql(`SELECT ${parts} FROM ${table} WHERE network_id = $1`, [w.networkId]))]).toEqual([table, divided]);
    const owed = await fresh.sql(
      `SELECT supplier_id, sum(balance)::float AS cost FROM account WHERE network_id = $1 AND kind = 'PAYABLE_PENDING' GROUP BY 1 ORDER BY 1`,
      [w.networkId],
    );
    expect(
      await fresh.sql('SELECT supplier_id, sum(cost)::float AS cost FROM supplier_day WHERE network_id = $1 GROUP BY 1 ORDER BY 1', [
        w.networkId,
      ]),
    ).toEqual(owed);
    const kept = 'sum(margin)::float AS margin, sum(commission)::float AS commission';
    const [bySku] = await fresh.sql(`SELECT ${kept} FROM sku_hour WHERE network_id = $1`, [w.networkId]);
    for (const table of ['category_day', 'supplier_day', 'supplier_hour', 'supplier_sku_hour'])
      expect([table, ...(await fresh.sql(`SELECT ${kept} FROM ${table} WHERE network_id = $1`, [w.networkId]))]).toEqual([table, bySku]);
    // the parts are whole minor units of the currency
    const minor = currency === 'JPY' ? '1' : '0.01';
    expect(await fresh.sql(`SELECT FROM supplier_day WHERE network_id = $1 AND gmv % ${minor} <> 0`, [w.networkId])).toEqual([]);
  });
});

describe('the consumer', () => {
  test('counts nothing that comes while roll-ups are made again, and nothing twice after', async () => {
    clock.set(new Date('2026-06-01T00:00:00Z'));
    const w = await network('Asia/Shanghai');
    await buy(w, 'R', 'steam', 1);
    await relayOnce(fresh.db);
    await rollUpOnce(fresh.db);
    // numbered and not counted, and not numbered at all
    await buy(w, 'R', 'steam', 2);
    await relayOnce(fresh.db);
    await buy(w, 'R', 'steam', 4);
    await rebuildNetwork(fresh.db, w.networkId);
    const quantity = async () =>
      (
        await fresh.sql('SELECT sum(quantity)::int AS q FROM station_day WHERE network_id = $1 AND station_id = $2', [w.networkId, w.hq])
      )[0];
    expect(await quantity()).toEqual({ q: 1 });
    await rollUpOnce(fresh.db);
    expect(await quantity()).toEqual({ q: 3 });
    await relayOnce(fresh.db);
    await rollUpOnce(fresh.db);
    expect(await quantity()).toEqual({ q: 7 });
  });

  test('of another process passes by a network that is being made again, and counts the others', async () => {
    const [held, free] = [await network('Asia/Shanghai'), await network('Asia/Shanghai')];
    for (const w of [held, free]) await buy(w, 'R', 'steam', 1);
    await relayOnce(fresh.db);
    await rollUpOnce(fresh.db);
    for (const w of [held, free]) await buy(w, 'R', 'steam', 1);
    await relayOnce(fresh.db);
    const other = await fresh.db.pool.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM roll_up_position WHERE network_id = $1 FOR UPDATE', [held.networkId]);
    await rollUpOnce(fresh.db);
    await other.query('COMMIT');
    other.release();
    const count = async (w: Network) =>
      (await fresh.sql('SELECT order_count::int AS n FROM station_day WHERE network_id = $1 AND station_id = $2', [w.networkId, w.hq]))[0];
    expect([await count(held), await count(free)]).toEqual([{ n: 1 }, { n: 2 }]);
    await rollUpOnce(fresh.db);
    expect(await count(held)).toEqual({ n: 2 });
  });

  test('that fails within a batch has counted nothing of it, and other networks all the same: the next one counts it once', async () => {
    const w = await network('Asia/Shanghai');
    await buy(w, 'R', 'steam', 3);
    await relayOnce(fresh.db);
    await fresh.sql('ALTER TABLE station_day ADD CONSTRAINT broken CHECK (network_id <> $1)'.replace('$1', `'${w.networkId}'`));
    const neighbour = await network('Asia/Shanghai');
    await buy(neighbour, 'R', 'steam', 1);
    await relayOnce(fresh.db);
    await expect(rollUpOnce(fresh.db)).rejects.toThrow('broken');
    expect(await fresh.sql('SELECT FROM station_hour WHERE network_id = $1', [neighbour.networkId])).not.toEqual([]);
    expect(await fresh.sql('SELECT FROM station_hour WHERE network_id = $1', [w.networkId])).toEqual([]);
    await fresh.sql('ALTER TABLE station_day DROP CONSTRAINT broken');
    await Promise.all([rollUpOnce(fresh.db), rollUpOnce(fresh.db), rollUpOnce(fresh.db)]);
    await rollUpOnce(fresh.db);
    expect(
      await fresh.sql('SELECT quantity::int AS q FROM station_day WHERE network_id = $1 AND station_id = $2', [w.networkId, w.hq]),
    ).toEqual([{ q: 3 }]);
  });

  test('goes on by itself, and first makes again what an upgrade has left it to make', async () => {
    const w = await network('Asia/Shanghai');
    await buy(w, 'R', 'steam', 2);
    await relayOnce(fresh.db);
    await rollUpOnce(fresh.db);
    const counted = await rollUps(w.networkId);
    // what the migration leaves behind: positions where the relay stood, tables that are new, events long pruned
    await fresh.sql('UPDATE roll_up_position SET rebuild_wanted = true WHERE network_id = $1', [w.networkId]);
    for (const table of TABLES) await fresh.sql(`DELETE FROM ${table} WHERE network_id = $1`, [w.networkId]);
    await fresh.sql('DELETE FROM outbox_event WHERE network_id = $1', [w.networkId]);
    const consumer = startRollUps(fresh.db, createLog('silent'));
    await expect.poll(async () => JSON.stringify(await rollUps(w.networkId)), { timeout: 10_000 }).toBe(JSON.stringify(counted));
    await buy(w, 'R', 'steam', 1);
    await relayOnce(fresh.db);
    const hq = () => fresh.sql('SELECT quantity::int AS q FROM station_day WHERE network_id = $1 AND station_id = $2', [w.networkId, w.hq]);
    await expect.poll(hq, { timeout: 10_000 }).toEqual([{ q: 3 }]);
    await consumer.stop();
  });

  test('an order alone, six stations deep, costs 24 rows; more like it cost none', async () => {
    const w = await world(fresh.db, {
      stations: {
        HQ: {},
        A: { parent: 'HQ' },
        B: { parent: 'A' },
        C: { parent: 'B' },
        D: { parent: 'C' },
        R: { parent: 'D', wallet: '1000.00' },
      },
      suppliers: ['S'],
      skus: { steam: { basePrice: '1.00' } },
      lots: [{ sku: 'steam', supplier: 'S', totalCost: '10.00', keys: 20 }],
    });
    const rows = async () => Object.values(await rollUps(w.networkId)).flat().length;
    await buy(w as unknown as Network, 'R', 'steam', 1);
    await relayOnce(fresh.db);
    await rollUpOnce(fresh.db);
    expect(await rows()).toBe(24);
    for (let order = 0; order < 5; order += 1) await buy(w as unknown as Network, 'R', 'steam', 1);
    await relayOnce(fresh.db);
    await rollUpOnce(fresh.db);
    expect(await rows()).toBe(24);
  });

  test('events that are no orders move its position, too, so that they may be pruned', async () => {
    const networkId = fresh.db.newId();
    await fresh.sql(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'n', 'CNY', 'Asia/Shanghai', now())`, [
      networkId,
    ]);
    const event = { networkId, topic: 'stock.changed' as const, subjectId: fresh.db.newId(), audience: [] };
    await inTransaction(fresh.db, (tx) => writeEvents(tx, [event, event, event]));
    await relayOnce(fresh.db);
    expect(await rollUpOnce(fresh.db)).toBe(3);
    expect(await fresh.sql('SELECT kind, last_seq::int FROM roll_up_position WHERE network_id = $1 ORDER BY kind', [networkId])).toEqual([
      { kind: 'GOODS', last_seq: 3 },
      { kind: 'STATIONS', last_seq: 3 },
      { kind: 'SUPPLY', last_seq: 3 },
    ]);
  });

  test('counts what is there in as many batches as it takes, and does not begin another for what comes meanwhile', async () => {
    const networkId = fresh.db.newId();
    await fresh.sql(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'n', 'CNY', 'Asia/Shanghai', now())`, [
      networkId,
    ]);
    const event = { networkId, topic: 'stock.changed' as const, subjectId: fresh.db.newId(), audience: [] };
    const tell = async (count: number) => {
      await inTransaction(fresh.db, (tx) => writeEvents(tx, Array(count).fill(event)));
      await relayOnce(fresh.db);
    };
    const many = 2 * ROLL_UP_BATCH.GOODS + 50;
    await tell(many);
    let commits = 0;
    const counted = () => {
      commits += 1;
    };
    fresh.db.commits.add(counted);
    expect(await rollUpOnce(fresh.db)).toBe(many);
    // stations in one, goods in three, purchases in one
    expect(commits).toBe(5);
    // three kinds, one transaction each: a second would count the few that came meanwhile, and so on for as long as orders come
    await tell(1);
    commits = 0;
    expect(await rollUpOnce(fresh.db)).toBe(1);
    expect(commits).toBe(3);
    fresh.db.commits.delete(counted);
  });
});
