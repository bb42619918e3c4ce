import { afterAll, beforeAll, expect, test } from 'vitest';
import { placeOrders } from '#server/flows/place-orders.ts';
import { readWallets, statementCount, statementPage } from '#server/ledger/reads.ts';
import { money } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

let fresh: FreshDatabase;
let w: Awaited<ReturnType<typeof network>>;
const network = () =>
  world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' }, R: { parent: 'A', wallet: '1000.00', creditLimit: '50.00' } },
    skus: { card: { basePrice: '10.00' } },
    rules: [{ by: 'A', kind: 'FIXED', value: '1' }],
    lots: [{ sku: 'card', terms: 'OWN', totalCost: '30.00', keys: 30 }],
  });
beforeAll(async () => {
  fresh = await freshDatabase();
  w = await network();
  for (let index = 0; index < 30; index += 1) {
    await placeOrders(fresh.db, [
      {
        viewer: w.viewer('R'),
        channel: 'API',
        requestKey: `k${index}`,
        skuId: w.skus.card,
        quantity: 1,
        maxTotal: '11',
        externalRef: null,
        groupId: null,
      },
    ]);
  }
  await fresh.sql('ANALYZE');
});
afterAll(() => fresh.drop());

test('a wallet shows what can be spent, and what was earned but is not due', async () => {
  const wallets = await readWallets(fresh.db.pool, w, [w.stations.R, w.stations.A]);
  expect(wallets.get(w.stations.R)).toMatchObject({
    balance: money('670', 'CNY'),
    creditLimit: money('50', 'CNY'),
    available: money('720', 'CNY'),
  });
  expect(wallets.get(w.stations.A)).toMatchObject({
    balance: money('0', 'CNY'),
    earningsPending: money('30', 'CNY'),
    earnings: money('0', 'CNY'),
  });
});

test('a statement runs through all movements, newest first, in both directions', async () => {
  const station = { networkId: w.networkId, stationId: w.stations.R };
  expect(await statementCount(fresh.db.pool, station, null)).toBe(31);
  const all: string[] = [];
  for (let from: string | null = null, more = true; more; ) {
    const page = await statementPage(fresh.db.pool, station, null, { count: 7, direction: 'FORWARD', from });
    all.push(...page.rows.map(({ id }) => id));
    more = page.hasMore;
    from = page.rows.at(-1)?.id ?? null;
  }
  expect(all).toEqual([...new Set(all)].sort().reverse());
  expect(all).toHaveLength(31);
  const oldest = await statementPage(fresh.db.pool, station, ['WALLET'], { count: 1, direction: 'BACKWARD', from: null });
  expect(oldest.rows).toMatchObject([{ id: all.at(-1), reason: 'TOP_UP', amount: '1000.00' }]);
});

test('a page of a statement is a keyset range of each account, whatever lies before it', async () => {
  const client = await fresh.db.pool.connect();
  try {
    await statementPage(client, { networkId: w.networkId, stationId: w.stations.R }, null, { count: 5, direction: 'FORWARD', from: null });
    await client.query('SET plan_cache_mode = force_generic_plan');
    const plan = await client.query(`EXPLAIN EXECUTE "ledger.statementOlder"(NULL, NULL, NULL, NULL, NULL)`);
    await client.query('RESET plan_cache_mode');
    const lines = plan.rows.map((row: { 'QUERY PLAN': string }) => row['QUERY PLAN']).join('\n');
    expect(lines).toMatch(
      /posting_network_id_account_id_id_idx.*\n\s+Index Cond: \(\(network_id = \$1\) AND \(account_id = a\.id\) AND \(id < \$4\)\)/,
    );
  } finally {
    client.release();
  }
});
