import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commissionPlans, commissionPlansByIds } from '#server/commission/reads.ts';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { type SetCommissionPlanInput, setCommissionPlan } from '#server/flows/set-commission-plan.ts';
import { setControlBand } from '#server/flows/set-control-band.ts';
import { toUnitPriceString } from '#server/platform/money.ts';
import { controlBandsByIds, controlBandsOfSkus } from '#server/pricing/reads.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 20 });
});
afterAll(() => fresh.drop());

type Name = 'HQ' | 'A' | 'B' | 'R';
type Tree = World<Name, 'steam' | 'own', 'S'>;
const network = (commissionLevelsMax = 3): Promise<Tree> =>
  world(fresh.db, {
    commissionLevelsMax,
    stations: { HQ: {}, A: { parent: 'HQ' }, B: { parent: 'A' }, R: { parent: 'B', wallet: '1000.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '47.50' }, own: { basePrice: '5.00', owner: 'A' } },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'B', kind: 'FIXED', value: '0.30' },
      { by: 'B', child: 'R', kind: 'PERCENT', value: '2' },
    ],
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '460.00', keys: 10 }],
  });

const band = (w: Tree, by: Name, floor: string | null, ceiling: string | null, expectedVersion: number | null = null) =>
  setControlBand(fresh.db, w.viewer(by), { skuId: w.skus.steam, floor, ceiling, reason: '控价', expectedVersion });
async function price(w: Tree, station: Name): Promise<string | null> {
  const shown = (await catalogueEntries(fresh.db, w.viewer(station), [w.skus.steam])).get(w.skus.steam)?.offer.unitPrice;
  return shown ? toUnitPriceString(shown) : null;
}

describe('the control band', () => {
  test('clamps resale prices at every hop from the next read on, never the owner’s own', async () => {
    const w = await network();
    expect(await band(w, 'HQ', null, '49.00')).toMatchObject({ kind: 'CONTROL_BAND_SET', clampedCount: 1 });
    expect([await price(w, 'A'), await price(w, 'B'), await price(w, 'R')]).toEqual(['47.9750', '48.2750', '49.0000']);
    expect(await band(w, 'HQ', '48.50', '49.00', 1)).toMatchObject({ kind: 'CONTROL_BAND_SET', clampedCount: 2 });
    expect([await price(w, 'A'), await price(w, 'B'), await price(w, 'R')]).toEqual(['47.9750', '48.5000', '49.0000']);
  });

  test('a ceiling below a start hides the SKU from that station and all below, and they are told', async () => {
    const w = await network();
    await band(w, 'HQ', null, '47.90');
    expect([await price(w, 'A'), await price(w, 'B'), await price(w, 'R')]).toEqual(['47.9750', null, null]);
    const told = await fresh.sql<{ audience: string[] }>(
      `SELECT audience FROM outbox_event WHERE network_id = $1 AND topic = 'price.inverted'`,
      [w.networkId],
    );
    expect(told.map(({ audience }) => audience)).toEqual([[w.hq, w.stations.B, w.stations.R]]);
  });

  test('is the owner’s to set and to read', async () => {
    const [w, stranger] = [await network(), await network()];
    expect((await band(w, 'A', null, '49.00')).kind).toBe('NOT_ALLOWED');
    const theirs = { skuId: w.skus.steam, floor: null, ceiling: '49.00', reason: null, expectedVersion: null };
    expect((await setControlBand(fresh.db, stranger.viewer('HQ'), theirs)).kind).toBe('NOT_FOUND');
    const made = await band(w, 'HQ', null, '49.00');
    const id = made.kind === 'CONTROL_BAND_SET' ? made.band.id : '';
    expect((await controlBandsOfSkus(fresh.db.pool, w.viewer('HQ'), [w.skus.steam])).get(w.skus.steam)?.id).toBe(id);
    expect((await controlBandsOfSkus(fresh.db.pool, w.viewer('A'), [w.skus.steam])).size).toBe(0);
    expect((await controlBandsByIds(fresh.db.pool, w.viewer('A'), [id])).size).toBe(0);
    expect((await controlBandsByIds(fresh.db.pool, w.viewer('S'), [id])).size).toBe(0);
  });

  test('of ten editors at once one is saved', async () => {
    const w = await network();
    for (const expectedVersion of [null, 1]) {
      const outcomes = await Promise.all(Array.from({ length: 10 }, (_, index) => band(w, 'HQ', null, `${50 + index}`, expectedVersion)));
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['CONTROL_BAND_SET', ...Array(9).fill('STALE_VERSION')]);
    }
  });

  test.each([
    ['-1', null, 'floor'],
    [null, '0', 'ceiling'],
    ['50', '49', 'ceiling'],
    ['x', null, 'floor'],
  ] as const)('is refused when it makes no sense: floor %s, ceiling %s', async (floor, ceiling, field) => {
    expect(await band(await network(), 'HQ', floor, ceiling)).toMatchObject({ kind: 'INVALID_INPUT', field });
  });
});

describe('a commission plan', () => {
  const plan = (w: Tree, by: Name, over: Partial<SetCommissionPlanInput> = {}) =>
    setCommissionPlan(fresh.db, w.viewer(by), {
      skuId: w.skus.steam,
      productId: null,
      categoryId: null,
      poolKind: 'PERCENT',
      poolValue: '1',
      shareBps: [5000, 3000, 2000],
      reason: null,
      expectedVersion: null,
      ...over,
    });

  test('pays the buyer’s upline from the next order on, to the cent of the worked example', async () => {
    const w = await network();
    expect((await plan(w, 'HQ')).kind).toBe('COMMISSION_PLAN_SET');
    const [order] = await placeOrders(fresh.db, [
      {
        viewer: w.viewer('R'),
        channel: 'API',
        requestKey: 'k',
        skuId: w.skus.steam,
        quantity: 3,
        maxTotal: '147.72',
        externalRef: null,
        groupId: null,
      },
    ]);
    if (order?.kind !== 'ORDER_PLACED') throw new Error(order?.kind);
    const hops = await fresh.sql<{ commission: string }>('SELECT commission FROM order_hop WHERE order_id = $1 ORDER BY distance', [
      order.orderId,
    ]);
    expect(hops.map(({ commission }) => commission)).toEqual(['0.00', '0.74', '0.44', '0.00']);
  });

  test('is a version: what it replaces has ended and is kept', async () => {
    const w = await network();
    const one = await plan(w, 'HQ');
    expect(await plan(w, 'HQ', { poolValue: '2' })).toMatchObject({ kind: 'STALE_VERSION' });
    const two = await plan(w, 'HQ', { poolValue: '2', expectedVersion: 1 });
    if (one.kind !== 'COMMISSION_PLAN_SET' || two.kind !== 'COMMISSION_PLAN_SET') throw new Error('not set');
    expect((await commissionPlans(fresh.db.pool, w.viewer('HQ'))).map(({ id }) => id)).toEqual([two.plan.id]);
    expect((await commissionPlansByIds(fresh.db.pool, w.viewer('HQ'), [one.plan.id])).get(one.plan.id)?.validTo).toBeInstanceOf(Date);
    expect(await commissionPlans(fresh.db.pool, w.viewer('A'))).toEqual([]);
    expect((await commissionPlansByIds(fresh.db.pool, w.viewer('A'), [two.plan.id])).size).toBe(0);
  });

  test('is for the owner’s own goods', async () => {
    const w = await network();
    expect((await plan(w, 'A')).kind).toBe('NOT_ALLOWED');
    expect((await plan(w, 'A', { skuId: null, productId: w.products.steam })).kind).toBe('NOT_ALLOWED');
    expect((await plan(w, 'A', { skuId: w.skus.own })).kind).toBe('COMMISSION_PLAN_SET');
    expect((await plan(w, 'HQ', { skuId: w.skus.own })).kind).toBe('NOT_FOUND');
  });

  test('has no more levels than the network’s policy, shares of at most the whole, and one scope', async () => {
    const w = await network(2);
    expect(await plan(w, 'HQ')).toMatchObject({ kind: 'INVALID_INPUT', field: 'shareBps' });
    expect(await plan(w, 'HQ', { shareBps: [6000, 4001] })).toMatchObject({ kind: 'INVALID_INPUT', field: 'shareBps' });
    expect(await plan(w, 'HQ', { shareBps: [6000, 4000], poolValue: '101' })).toMatchObject({ kind: 'INVALID_INPUT', field: 'poolValue' });
    expect(await plan(w, 'HQ', { shareBps: [6000, 4000], skuId: null })).toMatchObject({ kind: 'INVALID_INPUT', field: 'skuId' });
    expect((await plan(w, 'HQ', { shareBps: [6000, 4000] })).kind).toBe('COMMISSION_PLAN_SET');
  });

  test('of ten editors at once one is saved', async () => {
    const w = await network();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => plan(w, 'HQ')));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['COMMISSION_PLAN_SET', ...Array(9).fill('STALE_VERSION')]);
  });
});
