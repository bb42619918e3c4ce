import { afterAll, beforeAll, expect, test } from 'vitest';
import { placeOrders } from '#server/flows/place-orders.ts';
import { ordersCount, ordersPage } from '#server/orders/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import type { PageRequest } from '#server/platform/page.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

const clock = controllableClock(new Date('2026-03-01T08:00:00Z'));
let fresh: FreshDatabase;
let w: Awaited<ReturnType<typeof network>>;

/** HQ → A → R, T; Q beside A owns goods of its own, which U buys. */
const network = () =>
  world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ' },
      R: { parent: 'A', wallet: '9999.00' },
      T: { parent: 'A', wallet: '9999.00' },
      Q: { parent: 'HQ' },
      U: { parent: 'Q', wallet: '9999.00' },
    },
    skus: { card: { basePrice: '1.00' }, own: { basePrice: '1.00', owner: 'Q' } },
    lots: [
      { sku: 'card', terms: 'OWN', totalCost: '1.00', keys: 400 },
      { sku: 'own', terms: 'OWN', totalCost: '1.00', keys: 400 },
    ],
  });

beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
  w = await network();
  for (let minute = 0; minute < 10; minute += 1) {
    clock.advance(60_000);
    for (const [buyer, sku] of [
      ['R', 'card'],
      ['T', 'card'],
      ['U', 'own'],
      ['U', 'card'],
    ] as const) {
      const list = Array.from({ length: 10 }, (_, index) => ({
        viewer: w.viewer(buyer),
        channel: 'API' as const,
        requestKey: `${sku}-${minute}-${index}`,
        skuId: w.skus[sku],
        quantity: 1,
        maxTotal: '1',
        externalRef: null,
        groupId: null,
      }));
      await placeOrders(fresh.db, list);
    }
  }
  await fresh.sql('ANALYZE');
});
afterAll(() => fresh.drop());

const reader = (station: keyof typeof w.stations) => ({ networkId: w.networkId, stationId: w.stations[station] });
const first = (count: number, from: string | null = null): PageRequest => ({ count, direction: 'FORWARD', from });

test('who may see how many follows the frozen chain', async () => {
  const counts = async (station: keyof typeof w.stations) =>
    Promise.all((['MINE', 'DOWNLINE', 'OWNED'] as const).map((scope) => ordersCount(fresh.db.pool, reader(station), scope, {})));
  expect(await counts('HQ')).toEqual([0, 400, 300]);
  expect(await counts('A')).toEqual([0, 200, 0]);
  expect(await counts('Q')).toEqual([0, 200, 100]);
  expect(await counts('R')).toEqual([100, 100, 0]);
});

test('pages run through all orders, newest first, each once, in both directions', async () => {
  const all: string[] = [];
  for (let from: string | null = null, more = true; more; ) {
    const page = await ordersPage(fresh.db.pool, reader('HQ'), 'DOWNLINE', {}, first(90, from));
    all.push(...page.rows.map(({ id }) => id));
    more = page.hasMore;
    from = page.rows.at(-1)?.id ?? null;
  }
  expect(all).toHaveLength(400);
  expect(all).toEqual([...new Set(all)].sort().reverse());
  const last = await ordersPage(fresh.db.pool, reader('HQ'), 'DOWNLINE', {}, { count: 3, direction: 'BACKWARD', from: null });
  expect(last.rows.map(({ id }) => id)).toEqual(all.slice(-3));
  const before = await ordersPage(fresh.db.pool, reader('HQ'), 'DOWNLINE', {}, { count: 3, direction: 'BACKWARD', from: all[10] ?? '' });
  expect(before.rows.map(({ id }) => id)).toEqual(all.slice(7, 10));
});

test('a list is cut by buyer, SKU, state and time', async () => {
  const count = (filter: Parameters<typeof ordersCount>[3]) => ordersCount(fresh.db.pool, reader('HQ'), 'DOWNLINE', filter);
  expect(await count({ buyerId: w.stations.U })).toBe(200);
  expect(await count({ buyerId: w.stations.U, skuId: w.skus.own })).toBe(100);
  expect(await count({ states: ['REFUNDED'] })).toBe(0);
  expect(await count({ placedFrom: new Date('2026-03-01T08:02:00Z'), placedTo: new Date('2026-03-01T08:04:00Z') })).toBe(80);
});

type Plan = { 'Node Type': string; 'Index Name'?: string; 'Index Cond'?: string; 'Relation Name'?: string; Plans?: Plan[] };

/** The plan of the very statement that the read sends, as PostgreSQL would run it for any values. */
async function planOf(scope: 'MINE' | 'DOWNLINE' | 'OWNED'): Promise<Plan[]> {
  const client = await fresh.db.pool.connect();
  try {
    await ordersPage(client, reader('HQ'), scope, {}, first(20));
    const prepared = await client.query<{ name: string; types: number }>(
      `SELECT name, cardinality(parameter_types) AS types FROM pg_prepared_statements WHERE name LIKE 'orders.pageOlder%' ORDER BY prepare_time DESC LIMIT 1`,
    );
    const { name, types } = prepared.rows[0] ?? { name: '', types: 0 };
    await client.query('SET plan_cache_mode = force_generic_plan');
    const explained = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (FORMAT JSON) EXECUTE "${name}"(${Array.from({ length: types }, () => 'NULL').join(', ')})`,
    );
    await client.query('RESET plan_cache_mode');
    const root = explained.rows[0]?.['QUERY PLAN'][0].Plan;
    return root ? nodes(root) : [];
  } finally {
    client.release();
  }
}
const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

test.each([
  ['DOWNLINE', 'order_hop_network_id_station_id_order_id_key'],
  ['MINE', 'order_hop_bought_idx'],
  ['OWNED', 'order_hop_owned_idx'],
] as const)(
  '%s, newest first, is one keyset scan of %s: nothing is sorted, and the cursor is a bound of the range',
  async (scope, index) => {
    const plan = await planOf(scope);
    const scans = plan.filter((node) => node['Relation Name'] === 'order_hop');
    expect(scans.map((node) => [node['Node Type'], node['Index Name']])).toEqual([['Index Scan', index]]);
    expect(scans[0]?.['Index Cond']).toMatch(/order_id < \$12/);
    expect(plan.map((node) => node['Node Type'])).not.toContain('Sort');
  },
);
