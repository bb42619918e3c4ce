import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogueEntries, cataloguePage } from '#server/flows/catalogue.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { priceTablePage } from '#server/flows/price-table.ts';
import { readQuote } from '#server/flows/quote.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { routePreview } from '#server/flows/route-preview.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { relayOnce } from '#server/live/relay.ts';
import { inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { money, toUnitPriceString } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { countStatements } from '#test/support/statements.ts';
import { makeOffer, makeSku } from '#test/support/supply.ts';
import { type World, world } from '#test/support/world.ts';

type Tree = World<'HQ' | 'R', 'card' | 'lot' | 'pack' | 'cent', 'S' | 'T'>;
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

/** HQ sells R a card that it buys when it is ordered, one from stock, and a pack of two cards and one from stock. */
async function tree(costGuard: 'HIDE' | 'ALLOW_LOSS' = 'HIDE'): Promise<Tree> {
  const w = await world(fresh.db, {
    stations: { HQ: { costGuard, wallet: '1000.00' }, R: { parent: 'HQ', wallet: '10000.00' } },
    suppliers: ['S', 'T'],
    skus: {
      card: { basePrice: '50' },
      lot: { basePrice: '10' },
      pack: { basePrice: '115' },
      cent: { basePrice: '0.5', unitSize: 100, minQuantity: 10 },
    },
    lots: [{ sku: 'lot', supplier: 'S', totalCost: '32.00', keys: 4 }],
  });
  await makeSku(fresh.db, w, 'card', { deliveryKind: 'SOURCED' });
  await makeSku(fresh.db, w, 'cent', { deliveryKind: 'SOURCED' });
  await makeSku(fresh.db, w, 'pack', {
    deliveryKind: 'BUNDLE',
    components: { card: { quantity: 2, weight: 100 }, lot: { quantity: 1, weight: 15 } },
  });
  return w;
}

async function offered(w: Tree, sku: keyof Tree['skus'] = 'card', by: 'HQ' | 'R' = 'R') {
  const entry = (await catalogueEntries(fresh.db, w.viewer(by), [w.skus[sku]])).get(w.skus[sku]);
  if (entry === undefined) throw new Error('it is seen');
  const { stock, notSellable } = entry.offer;
  return { stock: stock.availableCount, many: stock.many, notSellable, cost: entry.nextUnitCost && toUnitPriceString(entry.nextUnitCost) };
}
const quoted = async (w: Tree, quantity: number, sku: keyof Tree['skus'] = 'card') => {
  const quote = await readQuote(fresh.db, w.viewer('R'), { skuId: w.skus[sku], quantity });
  return quote.kind === 'NOT_SELLABLE' ? quote.reason : quote.kind;
};
let orders = 0;
const ordered = async (w: Tree, quantity: number, sku: keyof Tree['skus'] = 'card') => {
  orders += 1;
  const order = { viewer: w.viewer('R'), channel: 'API', skuId: w.skus[sku], quantity, externalRef: null, groupId: null } as const;
  const [outcome] = await placeOrders(fresh.db, [{ ...order, requestKey: `catalogue ${orders}`, maxTotal: '10000' }]);
  expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  return outcome?.kind === 'NOT_SELLABLE' ? outcome.reason : outcome?.kind;
};
const set = (offerId: string, what: string) => fresh.sql(`UPDATE supply_offer SET ${what} WHERE id = $1`, [offerId]);
const ON_ORDER = { stock: null, many: false, notSellable: null };
const SOLD_OUT = { stock: 0, many: false, notSellable: 'OUT_OF_STOCK' };

describe('goods that are bought when they are ordered', () => {
  test('are there while an offer can fill an order; nobody says how many unless the offers do', async () => {
    const w = await tree();
    expect(await offered(w)).toMatchObject(SOLD_OUT);
    expect([await quoted(w, 1), await ordered(w, 1)]).toEqual(['OUT_OF_STOCK', 'OUT_OF_STOCK']);
    const { offerId, accountId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '45.0000' });
    expect(await offered(w)).toEqual({ ...ON_ORDER, cost: null });
    expect((await offered(w, 'card', 'HQ')).cost).toBe('45.0000');
    expect([await quoted(w, 1), await ordered(w, 1)]).toEqual(['QUOTE', 'ORDER_PLACED']);
    for (const [off, on] of [
      ['is_enabled = false', 'is_enabled = true'],
      ['is_paused = true', 'is_paused = false'],
      [`frozen_reason = 'LICENCE_EXPIRED'`, 'frozen_reason = NULL'],
      ['min_quantity = 5', 'min_quantity = 1'],
      ['daily_cap = 1', 'daily_cap = NULL'],
    ] as const) {
      await set(offerId, off);
      expect([off, await offered(w), await quoted(w, 1)]).toEqual([off, { ...SOLD_OUT, cost: null }, 'OUT_OF_STOCK']);
      await set(offerId, on);
    }
    await fresh.sql('UPDATE supply_account SET is_enabled = false WHERE id = $1', [accountId]);
    expect(await offered(w)).toMatchObject(SOLD_OUT);
  });

  test('show what all offers have together, bounded by their caps, as soon as each of them says it or they are many', async () => {
    const w = await tree();
    const { offerId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '45.0000' });
    const other = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'T', unitCost: '46.0000' });
    await set(offerId, 'stock_count = 7, stock_at = now()');
    expect(await offered(w)).toMatchObject(ON_ORDER);
    await set(other.offerId, 'stock_count = 20, stock_at = now(), daily_cap = 5');
    expect(await offered(w)).toMatchObject({ stock: 12, many: false });
    await set(offerId, 'stock_count = 500');
    expect(await offered(w)).toMatchObject({ stock: null, many: true });
    await set(other.offerId, 'stock_count = NULL');
    expect(await offered(w)).toMatchObject({ stock: null, many: true });
  });

  test('are hidden when every offer costs more than the price, unless the owner bears losses; the reason is the owner’s alone', async () => {
    const [hidden, borne] = [await tree(), await tree('ALLOW_LOSS')];
    for (const w of [hidden, borne]) await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '50.0100' });
    expect((await offered(hidden)).notSellable).toBe('UNAVAILABLE');
    expect([await quoted(hidden, 1), await ordered(hidden, 1)]).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    const table = await priceTablePage(fresh.db, hidden.viewer('HQ'), {}, {}, { count: 10, direction: 'FORWARD', from: null });
    expect(table?.rows.find(({ id }) => id === hidden.skus.card)?.notSellable).toBe('BELOW_COST');
    expect((await offered(borne)).notSellable).toBeNull();
    expect([await quoted(borne, 1), await ordered(borne, 1)]).toEqual(['QUOTE', 'ORDER_PLACED']);
    // a cheaper one brings it back: the dear one is passed by
    await makeOffer(fresh.db, hidden, { sku: 'card', supplier: 'T', unitCost: '49.0000' });
    expect((await offered(hidden)).notSellable).toBeNull();
    const preview = await routePreview(fresh.db, hidden.viewer('HQ'), { skuId: hidden.skus.card, quantity: 2 });
    if (preview.kind !== 'PREVIEW') throw new Error(preview.kind);
    expect(preview).toMatchObject({ policy: 'CHEAPEST', noOffer: null, costLimit: money('100.00', 'CNY') });
    expect(preview.offers.map(({ offer, skipped, isChosen }) => [offer.supplier_id, skipped, isChosen])).toEqual([
      [hidden.suppliers.S, 'TOO_DEAR', false],
      [hidden.suppliers.T, null, true],
    ]);
    expect(await routePreview(fresh.db, hidden.viewer('R'), { skuId: hidden.skus.card, quantity: 2 })).toEqual({ kind: 'NOT_FOUND' });
  });

  test('cost for a hundred units: the guard compares like with like', async () => {
    const w = await tree();
    const { offerId } = await makeOffer(fresh.db, w, { sku: 'cent', supplier: 'S', unitCost: '0.4900' });
    expect([(await offered(w, 'cent')).notSellable, await quoted(w, 10, 'cent')]).toEqual([null, 'QUOTE']);
    await set(offerId, 'unit_cost = 0.6, upstream_unit_cost = 0.6');
    expect([(await offered(w, 'cent')).notSellable, await quoted(w, 10, 'cent'), await ordered(w, 10, 'cent')]).toEqual([
      'UNAVAILABLE',
      'UNAVAILABLE',
      'UNAVAILABLE',
    ]);
  });
});

test('a bundle is there while all of its components are, as often as they allow', async () => {
  const w = await tree();
  expect(await offered(w, 'pack')).toMatchObject(SOLD_OUT);
  const { offerId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '45.0000' });
  expect(await offered(w, 'pack')).toMatchObject({ stock: 4, notSellable: null });
  // two cards at 45.00 and a key at 8.00
  expect((await offered(w, 'pack', 'HQ')).cost).toBe('98.0000');
  await set(offerId, 'stock_count = 5, stock_at = now()');
  expect(await offered(w, 'pack')).toMatchObject({ stock: 2, notSellable: null });
  expect([await quoted(w, 1, 'pack'), await ordered(w, 1, 'pack')]).toEqual(['QUOTE', 'ORDER_PLACED']);
  await set(offerId, 'unit_cost = 53.6, upstream_unit_cost = 53.6, stock_count = NULL');
  expect([(await offered(w, 'pack')).notSellable, await quoted(w, 1, 'pack'), await ordered(w, 1, 'pack')]).toEqual([
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNAVAILABLE',
  ]);
  await fresh.sql(`UPDATE sku SET listing_state = 'PAUSED' WHERE id = $1`, [w.skus.lot]);
  expect((await offered(w, 'pack', 'R')).notSellable).toBe('UNAVAILABLE');
});

test('a page of a catalogue takes three statements, sourced goods and bundles on it or not', async () => {
  const w = await tree();
  await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '45.0000' });
  const page = () => cataloguePage(fresh.db, w.viewer('R'), {}, { count: 20, direction: 'FORWARD', from: null });
  // what a statement answers is learned once, by itself
  await page();
  await page();
  const { names } = await countStatements(fresh.db, page);
  // a connection that is taken twice is counted twice
  expect(new Set(names).size).toBe(3);
  expect((await page()).rows).toHaveLength(4);
  const sellable = await cataloguePage(fresh.db, w.viewer('R'), { sellableOnly: true }, { count: 20, direction: 'FORWARD', from: null });
  expect(sellable.rows.map(({ id }) => id).sort()).toEqual([w.skus.card, w.skus.lot, w.skus.pack].sort());
});

test('a cost that moves is told to the owner at once, and moves no price', async () => {
  const w = await tree();
  const { offerId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '45.0000' });
  const changed = {
    networkId: w.networkId,
    topic: 'offer.changed',
    subjectId: offerId,
    audience: [w.hq],
    data: { skuId: w.skus.card },
  } as const;
  const look = async () => {
    await inTransaction(fresh.db, (tx) => writeEvents(tx, [changed]));
    await relayOnce(fresh.db);
    await raiseAlerts(fresh.db);
    return fresh.sql(
      `SELECT kind::text, subject_id, data ->> 'nextUnitCost' AS cost FROM alert WHERE network_id = $1 AND ended_at IS NULL`,
      [w.networkId],
    );
  };
  expect(await look()).toEqual([]);
  await set(offerId, 'unit_cost = 51.239, upstream_unit_cost = 51.239');
  expect(await look()).toEqual([{ kind: 'BELOW_COST', subject_id: w.skus.card, cost: '51.24' }]);
  await set(offerId, 'unit_cost = 49, upstream_unit_cost = 49');
  expect(await look()).toEqual([]);
  const entry = (await catalogueEntries(fresh.db, w.viewer('R'), [w.skus.card])).get(w.skus.card);
  expect(entry?.offer.unitPrice).toEqual(money('50', 'CNY'));
});
