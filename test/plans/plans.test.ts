import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identifyApiKey, visibleAuditEntries } from '#server/accounts/reads.ts';
import { catalogueEntries, cataloguePage } from '#server/flows/catalogue.ts';
import { type PlaceOrderRequest, placeOrders } from '#server/flows/place-orders.ts';
import { priceTablePage } from '#server/flows/price-table.ts';
import { readWallets, statementPage } from '#server/ledger/reads.ts';
import { relayOnce } from '#server/live/relay.ts';
import { ordersByIds, ordersPage } from '#server/orders/reads.ts';
import type { Database } from '#server/platform/database.ts';
import type { PageRequest } from '#server/platform/page.ts';
import { markupRulesPage } from '#server/pricing/reads.ts';
import { lotsPage } from '#server/stock/reads.ts';
import { newKey } from '#test/http/test-server.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { HOT, SMALL } from './hot.ts';
import { genericPlan, statementsOf } from './plan.ts';
import { fill } from './size.ts';

let fresh: FreshDatabase;
let superuser: pg.Client;
/** Every statement that the hot work below sent, by name. */
let sent: Map<string, string>;
beforeAll(async () => {
  fresh = await freshDatabase();
  const w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ', wallet: '90000.00', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '9000.00' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' }, other: { basePrice: '20.00' } },
    plans: [{ sku: 'card', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000] }],
    lots: [
      { sku: 'card', supplier: 'S', totalCost: '900.00', keys: 100 },
      { sku: 'other', supplier: 'S', totalCost: '900.00', keys: 100 },
    ],
  });
  const { actor } = w.viewer('HQ');
  const userId = actor.kind === 'USER' ? actor.userId : '';
  await fill(fresh, { networkId: w.networkId, hq: w.hq, parent: w.stations.A, supplier: w.suppliers.S, userId });
  const { secret } = await newKey(fresh.db, w.viewer('A'), ['ORDERS_PLACE']);
  sent = await statementsOf(fresh.db, () => doHotWork(fresh.db, w, secret));
  superuser = new pg.Client({ connectionString: fresh.url });
  await superuser.connect();
}, 120_000);
afterAll(async () => {
  await superuser.end();
  await fresh.drop();
});

describe('hot statements', () => {
  test('are all in the table, and the table has no others', () => {
    expect([...sent.keys()].filter((name) => !name.startsWith('together.')).toSorted()).toEqual(Object.keys(HOT).toSorted());
  });

  test.each(Object.entries(HOT))(
    '%s goes by the indexes that its comment names',
    async (name, { indexes, range = '', settled = false }) => {
      const plan = await genericPlan(superuser, sent.get(name) ?? '', settled);
      expect(plan.indexes).toEqual(expect.arrayContaining([...indexes]));
      expect(plan.scanned.filter((table) => !SMALL.has(table))).toEqual([]);
      expect(plan.conditions.join('\n')).toContain(range);
    },
  );

  test('that travel together scan no table either', async () => {
    const bundles = [...sent].filter(([name]) => name.startsWith('together.'));
    expect(bundles.length).toBeGreaterThan(1);
    for (const [name, text] of bundles)
      expect([name, (await genericPlan(superuser, text, true)).scanned.filter((table) => !SMALL.has(table))]).toEqual([name, []]);
  });
});

const at = (direction: PageRequest['direction'], from: string | null): PageRequest => ({ count: 50, direction, from });
const ENDS = [at('FORWARD', null), at('BACKWARD', null)];

/** What the program does all day, each once from the start and once more as it does it from then on. */
async function doHotWork(db: Database, w: World<'HQ' | 'A' | 'R', 'card' | 'other', 'S'>, secret: string): Promise<void> {
  const [a, r] = [w.viewer('A'), w.viewer('R')];
  const reader = (stationId: string) => ({ networkId: w.networkId, stationId });
  for (const turn of ['first', 'second']) {
    const requests: PlaceOrderRequest[] = (['card', 'other'] as const).map((sku) => ({
      viewer: r,
      channel: 'API',
      requestKey: `${turn} ${sku}`,
      skuId: w.skus[sku],
      quantity: 2,
      maxTotal: '1000',
      externalRef: `${turn} ${sku}`,
      groupId: null,
    }));
    const outcomes = await placeOrders(db, requests);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['ORDER_PLACED', 'ORDER_PLACED']);
    await relayOnce(db);
  }
  await identifyApiKey(db, secret, null);
  for (const page of ENDS) {
    await cataloguePage(db, r, {}, page);
    await priceTablePage(db, a, {}, {}, page);
    for (const scope of ['MINE', 'DOWNLINE', 'OWNED'] as const) await ordersPage(db.pool, reader(w.stations.A), scope, {}, page);
    await statementPage(db.pool, reader(w.hq), null, page);
    await visibleAuditEntries(db.pool, a, page);
    await markupRulesPage(db.pool, a, { childId: null, levelId: null, skuId: null }, page);
    for (const skuId of [null, w.skus.card]) await lotsPage(db.pool, reader(w.hq), skuId, page);
  }
  await catalogueEntries(db, r, [w.skus.card]);
  await ordersByIds(db.pool, reader(w.stations.R), [w.stations.R]);
  await readWallets(db.pool, { networkId: w.networkId, currency: w.currency }, [w.stations.A]);
}
