import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Context } from '#schema/context.ts';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { createOrderLane } from '#server/flows/order-lane.ts';
import { readConfig } from '#server/platform/config.ts';
import { createLog } from '#server/platform/log.ts';
import { openPools, type Pools } from '#server/pools.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';
import { type Answer, bearer, newKey, startTestServer, type TestServer } from './test-server.ts';

const READ_CONNECTIONS = 2;

let fresh: FreshDatabase;
let superuser: pg.Pool;
let w: World;
let pools: Pools;
let server: TestServer;
let reseller: Record<string, string>;
let headquarters: Record<string, string>;
beforeAll(async () => {
  fresh = await freshDatabase();
  w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' }, R: { parent: 'A', wallet: '1000.00' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' } },
    lots: [{ sku: 'card', supplier: 'S', totalCost: '90.00', keys: 10 }],
  });
  superuser = new pg.Pool({ connectionString: fresh.url, max: 1 });
  pools = openPools(ground());
  server = await startServer();
  reseller = bearer((await newKey(fresh.db, w.viewer('R'), ['ORDERS_PLACE', 'CATALOGUE_READ', 'ORDERS_READ'])).secret);
  headquarters = bearer((await newKey(fresh.db, w.viewer('HQ'), ['MEMBERS_MANAGE'])).secret);
});
afterAll(async () => {
  await server.close();
  await pools.close();
  await superuser.end();
  await fresh.drop();
});

/** Settings as an operator would write them. */
const ground = () => ({
  config: readConfig(
    { DATABASE_READ_POOL_SIZE: String(READ_CONNECTIONS), DATABASE_READ_SECONDS: '2', VAULT_KEY: `v1:${'ab'.repeat(32)}` },
    () => 's'.repeat(32),
  ),
  databaseUrl: fresh.url,
  log: createLog('silent'),
});

const startServer = (waitingMax = 100) => {
  const lane = createOrderLane(pools.changes, { waitingMax });
  return startTestServer(pools.changes, {
    schema,
    context: (facts) => ({ ...facts, db: pools.pages, vault: testVault, lane }) as unknown as Context,
  });
};

const REPORT = '{ auditEntries(first: 10) { edges { node { action } } } }';
const PAGE = '{ catalogue(first: 10) { edges { node { name offer { unitPrice { amount } } } } } }';
const ORDER =
  'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { order { id state } } ... on Busy { code retryAfterMs } } }';
const order = (requestKey: string) => ({
  input: { requestKey, skuId: globalId('Sku', w.skus['card'] ?? ''), quantity: 1, maxTotal: '100' },
});
const codesOf = ({ body }: Answer) => body.errors?.map(({ extensions }) => extensions['code']);

/** Makes every read of the audit wait, as a report over very much would, while `work` runs. */
async function withSlowReports<Result>(work: () => Promise<Result>): Promise<Result> {
  const holder = await superuser.connect();
  await holder.query('BEGIN; LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE');
  try {
    return await work();
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
}

describe('while reports hold every connection of the pages', () => {
  test('orders go through, and the reports are stopped and say what to do', async () => {
    // the first order of a process takes longest: it is not the one that the reports' time is measured against
    await server.graphql(ORDER, { headers: reseller, variables: order('before') });
    const { reports, placed, heldWhenPlaced, left } = await withSlowReports(async () => {
      const asked = Array.from({ length: READ_CONNECTIONS }, () => server.graphql(REPORT, { headers: headquarters }));
      await until(async () => (await waitingReports()) === READ_CONNECTIONS);
      const answer = await server.graphql(ORDER, { headers: reseller, variables: order('beside') });
      return { placed: answer, heldWhenPlaced: await waitingReports(), reports: await Promise.all(asked), left: await waitingReports() };
    });
    expect(placed.body.data).toMatchObject({ placeOrder: { __typename: 'OrderPlaced', order: { state: 'DELIVERED' } } });
    expect(heldWhenPlaced).toBe(READ_CONNECTIONS);
    for (const report of reports) {
      expect(codesOf(report)).toEqual(['STATEMENT_TIMEOUT']);
      expect(report.body.errors?.[0]?.message).toContain('Ask for less');
      expect(JSON.stringify(report.body)).not.toContain('canceling statement');
    }
    // PostgreSQL stopped them: nobody works for an answer that is not awaited any more
    expect(left).toBe(0);
    expect((await server.graphql(PAGE, { headers: reseller })).body.errors).toBeUndefined();
  });

  test('a page that finds no connection in time is refused by name', async () => {
    const held = await Promise.all(Array.from({ length: READ_CONNECTIONS }, () => pools.pages.pool.connect()));
    const refused = await server.graphql(PAGE, { headers: reseller });
    for (const client of held) client.release();
    expect(refused.body).toEqual({
      data: null,
      errors: [expect.objectContaining({ extensions: { code: 'NO_CONNECTION', retryAfterSeconds: 1, requestId: expect.any(String) } })],
      extensions: expect.anything(),
    });
  });
});

describe('an order', () => {
  test('that waits too long for a lock is told so, and the same request key places it afterwards', async () => {
    const impatient = openPools({ ...ground(), config: { ...ground().config, statementSeconds: { changes: 1, reads: 1, background: 1 } } });
    const lane = createOrderLane(impatient.changes);
    const other = await startTestServer(impatient.changes, {
      schema,
      context: (facts) => ({ ...facts, db: impatient.pages, vault: testVault, lane }) as unknown as Context,
    });
    const holder = await superuser.connect();
    await holder.query(`BEGIN; SELECT FROM account WHERE kind = 'WALLET' FOR UPDATE`);
    const late = await other.graphql(ORDER, { headers: reseller, variables: order('late') });
    await holder.query('ROLLBACK');
    holder.release();
    expect(codesOf(late)).toEqual(['LOCK_TIMEOUT']);
    const again = await other.graphql(ORDER, { headers: reseller, variables: order('late') });
    expect(again.body.data).toMatchObject({ placeOrder: { __typename: 'OrderPlaced' } });
    await other.close();
    await impatient.close();
  });

  test('for which the lane has no room is refused as data, on the first way through HTTP and on the short one', async () => {
    const full = await startServer(0);
    const [whenNew, whenKnown] = [
      await full.graphql(ORDER, { headers: reseller, variables: order('no room') }),
      await full.graphql(ORDER, { headers: reseller, variables: order('no room') }),
    ];
    await full.close();
    for (const { status, body } of [whenNew, whenKnown]) {
      expect([status, body.data]).toEqual([200, { placeOrder: { __typename: 'Busy', code: 'BUSY', retryAfterMs: 50 } }]);
    }
  });
});

test('pages cannot write, every pool has its time, and what one asks takes one core', async () => {
  await expect(pools.pages.pool.query('DELETE FROM outbox_event')).rejects.toThrow(/read-only transaction/);
  const timeOf = async (pool: Pools['pages']['pool']) =>
    (await pool.query<{ statement_timeout: string }>('SHOW statement_timeout')).rows[0];
  const times = await Promise.all([pools.changes.pool, pools.pages.pool, pools.pages.transactions, pools.background.pool].map(timeOf));
  expect(times.map((row) => row?.statement_timeout)).toEqual(['20s', '2s', '20s', '5min']);
  // an operator's PostgreSQL gives two helpers to a report that reads much
  await fresh.sql('CREATE TABLE large AS SELECT generate_series(1, 300000) AS n');
  await fresh.sql('GRANT SELECT ON large TO fenzhan_app');
  await fresh.sql('ANALYZE large');
  const planOf = (rows: readonly object[]) => JSON.stringify(rows);
  const question = 'EXPLAIN SELECT sum(n) FROM large';
  expect(planOf(await fresh.sql(question))).toContain('Parallel');
  for (const { pool } of [pools.pages, pools.background]) expect(planOf((await pool.query(question)).rows)).not.toContain('Parallel');
  await fresh.sql('DROP TABLE large');
});

const waitingReports = async () =>
  (
    await fresh.sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%audit_entry%'`,
    )
  )[0]?.count ?? 0;

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
