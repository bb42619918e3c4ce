import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rollUpNext } from '#server/analytics/commands.ts';
import { readFrequent, readGmvOverview, readSeries, readTopSkus, readTopSuppliers, readVolumes } from '#server/analytics/reads.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rollUpOnce } from '#server/live/roll-ups.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { inTransaction, type Queryable } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

// The plans that PostgreSQL makes for the statements as they are sent, on tables of some size: the index that a comment names is
// the one that is used, and what a page reads does not grow with the orders.
const clock = controllableClock(new Date('2026-06-30T04:00:00Z'));
let fresh: FreshDatabase;
let w: World<'HQ' | 'A' | 'R', 'steam', 'S'>;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
  w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' }, R: { parent: 'A', wallet: '1000.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '1.00' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '10.00', keys: 20 }],
  });
  await buyAndRefund();
  await fill();
}, 60_000);
afterAll(() => fresh.drop());

const COPIES = 1_500;

/** Sixty days of roll-ups for many stations and SKUs, and past orders with all that they wrote, set-based. */
async function fill(): Promise<void> {
  await relayOnce(fresh.db);
  await rollUpOnce(fresh.db);
  const copy = (table: string, changes: Record<string, string>, where = 'true') => copyRows(table, changes, where);
  const past = 't.network_id = $1 AND';
  // other stations beside ours, each with the same days and hours
  for (const [table, key] of [
    ['station_day', 'station_id'],
    ['station_hour', 'station_id'],
    ['downline_sku_day', 'station_id'],
    ['buyer_sku_day', 'buyer_id'],
    ['sku_hour', 'sku_id'],
    ['category_day', 'category_id'],
    ['supplier_day', 'owner_id'],
  ] as const) {
    const days: Record<string, string> = table.endsWith('hour')
      ? { hour_start: `t.hour_start - d * interval '1 day'` }
      : { local_date: 't.local_date - d' };
    await copy(table, days, `${past} d BETWEEN 1 AND 119`);
    await copy(table, { [key]: 'gen_random_uuid()' }, `${past} d <= 20`);
  }
  await copy('orders', { id: 'gen_random_uuid()', request_key: 'gen_random_uuid()::text' });
  await copy('order_hop', { id: 'gen_random_uuid()', order_id: 'gen_random_uuid()' });
  await copy('card_key_sale', { id: 'gen_random_uuid()', order_id: 'gen_random_uuid()', card_key_id: 'gen_random_uuid()' });
  await copy('posting', { id: 'gen_random_uuid()', transfer_id: 'gen_random_uuid()' });
  await copy('refund', { id: 'gen_random_uuid()', order_id: 'gen_random_uuid()' });
  await copy('outbox_event', { id: 'gen_random_uuid()', seq: 't.seq + 100 * d', subject_id: 'gen_random_uuid()' }, 'd > 0');
  await fresh.sql('ANALYZE');
}

/** Copies each row of a table many times, `d` counting the copies, with some columns changed. Past rows need no parents. */
async function copyRows(table: string, changes: Record<string, string>, where: string): Promise<void> {
  const columns = await fresh.sql<{ name: string }>(
    `SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  const names = columns.map(({ name }) => name);
  const values = names.map((name) => changes[name] ?? `t.${name}`);
  const copies = where.includes('BETWEEN') ? 119 : where.includes('<= 20') ? 20 : COPIES;
  const text = `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM ${table} t, generate_series(1, ${copies}) d WHERE ${where.replace('$1', `'${w.networkId}'`)}`;
  await fresh.sql(`SET session_replication_role = replica; ${text} ON CONFLICT DO NOTHING; SET session_replication_role = origin`);
}

async function buyAndRefund(): Promise<string> {
  const requestKey = fresh.db.newId();
  const request = {
    viewer: w.viewer('R'),
    channel: 'API',
    skuId: w.skus.steam,
    maxTotal: '9.00',
    externalRef: null,
    groupId: null,
  } as const;
  const [placed] = await placeOrders(fresh.db, [{ ...request, requestKey, quantity: 1 }]);
  if (placed?.kind !== 'ORDER_PLACED') throw new Error('not placed');
  const refund = { requestKey, orderId: placed.orderId, amount: '0.50', cardKeyIds: null, bearer: null, reason: 'late' };
  expect((await refundOrder(fresh.db, w.viewer('HQ', 'FINANCE'), refund)).kind).toBe('ORDER_REFUNDED');
  return placed.orderId;
}

type Node = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly Node[];
};

/** How a statement came to its rows: "table by index" of each scan, and how many rows it took from each table. */
type Scans = { readonly by: ReadonlySet<string>; readonly rows: ReadonlyMap<string, number> };

function scansOf(plans: readonly Node[]): Scans {
  const by = new Set<string>();
  const rows = new Map<string, number>();
  const visit = (node: Node, table: string | undefined): void => {
    const relation = node['Relation Name'] ?? table;
    if (node['Node Type'].includes('Scan') && relation !== undefined) {
      if (node['Node Type'] !== 'Bitmap Heap Scan') by.add(`${relation} by ${node['Index Name'] ?? node['Node Type']}`);
      if (node['Relation Name'] !== undefined) rows.set(relation, (rows.get(relation) ?? 0) + node['Actual Rows'] * node['Actual Loops']);
    }
    for (const plan of node.Plans ?? []) visit(plan, node['Node Type'] === 'Bitmap Heap Scan' ? relation : undefined);
  };
  for (const plan of plans) visit(plan, undefined);
  return { by, rows };
}

/** Passes statements on, and before each asks PostgreSQL how it runs it (and undoes that). */
function explaining(db: Queryable, found: Map<string, Scans>): Queryable {
  return {
    query: async <Row extends pg.QueryResultRow>(config: pg.QueryConfig) => {
      if (
        /^\s*(SELECT|WITH|INSERT)/.test(config.text) &&
        !config.text.includes('set_config') &&
        !config.text.includes('roll_up_position')
      ) {
        const explain = { text: `EXPLAIN (ANALYZE, TIMING off, FORMAT JSON) ${config.text}`, values: config.values ?? [] };
        await db.query({ text: 'SAVEPOINT looked' });
        const { rows } = await db.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(explain);
        await db.query({ text: 'ROLLBACK TO looked' });
        found.set(config.name ?? '', scansOf([rows[0]?.['QUERY PLAN'][0].Plan as Node]));
      }
      return db.query<Row>(config);
    },
  };
}

/** The scans of everything that `work` asks, by the names of its statements. */
async function scansWithin(work: (db: Queryable) => Promise<unknown>): Promise<Map<string, Scans>> {
  const found = new Map<string, Scans>();
  await inTransaction(fresh.db, (tx) => work(explaining(tx, found)));
  return found;
}

const time = () => ({ networkId: w.networkId, timeZone: 'Asia/Shanghai', now: clock.now() });

describe('headquarters’ overview of sixty days', () => {
  test('reads one row for each day of each station it shows, by primary key, and no order', async () => {
    const found = await scansWithin((db) => readGmvOverview(db, time(), w.hq, 'DAYS_60'));
    expect([...found.keys()].sort()).toEqual(['analytics.childTotals', 'analytics.dayBuckets', 'analytics.periodTotals']);
    expect([...(found.get('analytics.dayBuckets')?.by ?? [])]).toEqual(['station_day by station_day_pkey']);
    expect([...(found.get('analytics.periodTotals')?.by ?? [])].sort()).toEqual([
      'station_day by station_day_pkey',
      'station_hour by station_hour_pkey',
    ]);
    expect([...(found.get('analytics.childTotals')?.by ?? [])].filter((scan) => !scan.startsWith('station by')).sort()).toEqual([
      'station_day by station_day_pkey',
      'station_hour by station_hour_pkey',
    ]);
    // 60 days and the 60 before; those of its one child likewise; the last day of the period before by its hours
    expect(found.get('analytics.dayBuckets')?.rows.get('station_day')).toBe(120);
    expect(found.get('analytics.periodTotals')?.rows.get('station_day')).toBe(119);
    expect(found.get('analytics.childTotals')?.rows.get('station_day')).toBe(119);
    expect(found.get('analytics.periodTotals')?.rows.get('station_hour')).toBeLessThanOrEqual(24);
  });

  test('and today by the hour the hours of two days, whatever stands beside them', async () => {
    const found = await scansWithin((db) => readGmvOverview(db, time(), w.hq, 'TODAY'));
    expect([...(found.get('analytics.hourBuckets')?.by ?? [])]).toEqual(['station_hour by station_hour_pkey']);
    expect(found.get('analytics.hourBuckets')?.rows.get('station_hour')).toBeLessThanOrEqual(50);
  });

  test('volumes of many stations are a range each', async () => {
    const found = await scansWithin((db) => readVolumes(db, time(), Object.values(w.stations), 'DAYS_7'));
    expect(found.get('analytics.periodTotals')?.rows.get('station_day')).toBe(3 * 13);
  });
});

describe('rankings', () => {
  test('read the rows of their station and days alone', async () => {
    const found = await scansWithin(async (db) => {
      await readTopSkus(db, time(), w.hq, { range: 'DAYS_60', limit: 10 });
      await readTopSuppliers(db, time(), w.hq, { range: 'DAYS_60', limit: 10 });
      await readFrequent(db, time(), w.stations.R, 10);
      await readSeries(db, time(), w.hq, { kind: 'SKU', id: w.skus.steam }, 'DAYS_60');
      await readSeries(db, time(), w.hq, { kind: 'SKU', id: w.skus.steam }, 'TODAY');
    });
    const expected: [string, string, number][] = [
      ['analytics.bestSellers', 'downline_sku_day', 60],
      ['analytics.supplierVolumes', 'supplier_day', 60],
      ['analytics.frequentSkus', 'buyer_sku_day', 90],
      ['analytics.daysOfSKU', 'downline_sku_day', 120],
    ];
    for (const [name, table, rows] of expected) {
      expect([name, found.get(name)?.by.has(`${table} by ${table}_pkey`)]).toEqual([name, true]);
      expect([name, found.get(name)?.rows.get(table)]).toEqual([name, rows]);
    }
    expect(found.get('analytics.hoursOfSKU')?.by.has('sku_hour by sku_hour_pkey')).toBe(true);
  });
});

describe('counting a batch', () => {
  test.each([
    ['STATIONS', ['orders by orders_pkey', 'order_hop by order_hop_network_id_order_id_distance_key']],
    [
      'GOODS',
      [
        'orders by orders_pkey',
        'order_hop by order_hop_network_id_order_id_distance_key',
        'card_key_sale by card_key_sale_network_id_order_id_position_idx',
      ],
    ],
  ] as const)('of %s reads what its events name by keys, and scans no table', async (kind, indexes) => {
    await buyAndRefund();
    await fresh.sql(
      'UPDATE relay_position SET last_seq = (SELECT max(seq) FROM outbox_event WHERE network_id = $1) WHERE network_id = $1',
      [w.networkId],
    );
    await relayOnce(fresh.db);
    await fresh.sql(
      'UPDATE roll_up_position SET last_seq = (SELECT last_seq - 20 FROM relay_position WHERE network_id = $1) WHERE network_id = $1',
      [w.networkId],
    );
    const found = new Map<string, Scans>();
    await inTransaction(fresh.db, (tx) => {
      const { query } = explaining(tx, found);
      return rollUpNext({ ...tx, query }, w.networkId, kind);
    });
    const scans = [...found.values()].flatMap(({ by }) => [...by]);
    expect(scans.filter((scan) => scan.endsWith('Seq Scan') && !scan.startsWith('network '))).toEqual([]);
    for (const scan of [
      ...indexes,
      'outbox_event by outbox_event_seq_key',
      'refund by refund_pkey',
      'posting by posting_network_id_transfer_id_idx',
    ])
      expect([scan, scans.includes(scan)]).toEqual([scan, true]);
    // twenty events were counted, of thousands
    for (const { rows } of found.values()) expect(rows.get('orders') ?? 0).toBeLessThan(50);
  });
});
