import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PriceTableRow, type PriceTableTarget, priceTableCount, priceTablePage } from '#server/flows/price-table.ts';
import { readQuote } from '#server/flows/quote.ts';
import { type Money, toAmountString, toUnitPriceString } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

type Name = 'HQ' | 'A' | 'B' | 'B2' | 'R' | 'C';
type Tree = World<Name, 'steam' | 'xbox' | 'own', 'S'>;
let fresh: FreshDatabase;
let w: Tree;
beforeAll(async () => {
  fresh = await freshDatabase();
  w = await world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ' },
      B: { parent: 'A', level: 'gold' },
      B2: { parent: 'A' },
      R: { parent: 'B', wallet: '500.00' },
      C: { parent: 'HQ' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '47.50' }, xbox: { basePrice: '20.00', maxQuantity: 5 }, own: { basePrice: '5.00', owner: 'C' } },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'B', sku: 'steam', kind: 'FIXED', value: '0.30' },
      { by: 'A', level: 'gold', kind: 'FIXED', value: '0.20' },
      { by: 'A', kind: 'PERCENT', value: '300' },
      { by: 'B', child: 'R', kind: 'PERCENT', value: '2' },
    ],
    bands: [{ sku: 'xbox', floor: '20.30', ceiling: '25.00' }],
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '460.00', keys: 10 }],
  });
});
afterAll(() => fresh.drop());

const text = (amount: Money | null) => amount && toUnitPriceString(amount);
async function table(by: Name, target: PriceTableTarget): Promise<Record<string, PriceTableRow>> {
  const page = await priceTablePage(fresh.db, w.viewer(by), target, {}, { count: 100, direction: 'FORWARD', from: null });
  return Object.fromEntries((page?.rows ?? []).map((row) => [row.sku.code, row]));
}
const line = (row: PriceTableRow | undefined) => row && [text(row.cost), text(row.price), text(row.margin), row.clamped, row.notSellable];

describe('a quote', () => {
  test('is the worked example of the domain, with what the wallet would hold after it', async () => {
    const quote = await readQuote(fresh.db, w.viewer('R'), { skuId: w.skus.steam, quantity: 3 });
    if (quote.kind !== 'QUOTE') throw new Error(quote.kind);
    expect([text(quote.unitPrice), toAmountString(quote.total), quote.walletAfter && toAmountString(quote.walletAfter)]).toEqual([
      '49.2405',
      '147.72',
      '352.28',
    ]);
    expect(quote.stock).toEqual({ availableCount: 10, many: false });
  });

  test('shows the acting station’s own hop and none of its upline', async () => {
    const quote = await readQuote(fresh.db, w.viewer('R'), { skuId: w.skus.steam, quantity: 1 });
    if (quote.kind !== 'QUOTE') throw new Error(quote.kind);
    expect(quote.hops.map(({ stationId }) => stationId)).toEqual([w.stations.R]);
    const answer = JSON.stringify(quote, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    for (const upline of ['475000', '479750', '482750', '460000']) expect(answer).not.toContain(upline);
  });

  test('keeps the wallet from a program that may not read it', async () => {
    const quote = await readQuote(fresh.db, w.program('R', ['CATALOGUE_READ']), { skuId: w.skus.steam, quantity: 1 });
    expect(quote).toMatchObject({ kind: 'QUOTE', walletAfter: null });
  });

  test('is refused for a quantity out of range, an empty shelf, one’s own goods, and goods that are not one’s to see', async () => {
    const ask = (by: Name | 'S', skuId: string, quantity: number) => readQuote(fresh.db, w.viewer(by), { skuId, quantity });
    expect(await ask('R', w.skus.xbox, 6)).toEqual({ kind: 'QUANTITY_OUT_OF_RANGE', minQuantity: 1, maxQuantity: 5, quantityStep: 1 });
    expect(await ask('R', w.skus.xbox, 1)).toEqual({ kind: 'NOT_SELLABLE', reason: 'OUT_OF_STOCK' });
    expect(await ask('HQ', w.skus.steam, 1)).toEqual({ kind: 'NOT_SELLABLE', reason: 'OWN_GOODS' });
    expect(await ask('R', w.skus.own, 1)).toEqual({ kind: 'NOT_FOUND' });
    expect(await ask('S', w.skus.steam, 1)).toEqual({ kind: 'NOT_FOUND' });
  });
});

describe('the price table', () => {
  test('for a child shows cost, price and margin by the rule that applies', async () => {
    const rows = await table('A', { childId: w.stations.B });
    expect(line(rows.steam)).toEqual(['47.9750', '48.2750', '0.3000', false, null]);
    expect([rows.steam?.rule?.value, rows.steam?.rule?.version]).toEqual([3000n, 1]);
    // the level's rule asks 20.40, within the band
    expect(line(rows.xbox)).toEqual(['20.2000', '20.4000', '0.2000', false, null]);
    expect([text(rows.xbox?.floor ?? null), text(rows.xbox?.ceiling ?? null)]).toEqual(['20.3000', '25.0000']);
  });

  test('for a level and for everyone takes the place of a child that has no rule of its own', async () => {
    expect(line((await table('A', { levelId: w.levels['A/gold'] })).steam)).toEqual(['47.9750', '48.1750', '0.2000', false, null]);
    const everyone = await table('A', {});
    expect(line(everyone.xbox)).toEqual(['20.2000', '25.0000', '4.8000', true, null]);
    // + 300 % is held at three times P(1), the ceiling where none is set
    expect([line(everyone.steam), text(everyone.steam?.ceiling ?? null)]).toEqual([
      ['47.9750', '143.9250', '95.9500', true, null],
      '143.9250',
    ]);
    expect(line((await table('A', { childId: w.stations.B2 })).xbox)).toEqual(line(everyone.xbox));
  });

  test('of an owner begins with what its next key costs', async () => {
    const rows = await table('HQ', { childId: w.stations.A });
    expect(line(rows.steam)).toEqual(['46.0000', '47.9750', '1.9750', false, null]);
    expect(line(rows.xbox)).toEqual([null, '20.2000', null, false, null]);
    expect([rows.steam?.floor, rows.steam?.ceiling]).toEqual([null, null]);
  });

  test('is for one’s own direct children and levels', async () => {
    const page = { count: 10, direction: 'FORWARD', from: null } as const;
    expect(await priceTablePage(fresh.db, w.viewer('HQ'), { childId: w.stations.B }, {}, page)).toBeNull();
    expect(await priceTablePage(fresh.db, w.viewer('A'), { childId: w.stations.C }, {}, page)).toBeNull();
    expect(await priceTablePage(fresh.db, w.viewer('HQ'), { levelId: w.levels['A/gold'] }, {}, page)).toBeNull();
    expect(await priceTablePage(fresh.db, w.viewer('S'), {}, {}, page)).toBeNull();
  });

  test('pages and counts as the catalogue does', async () => {
    const page = await priceTablePage(fresh.db, w.viewer('A'), {}, {}, { count: 1, direction: 'FORWARD', from: null });
    expect([page?.rows.map(({ sku }) => sku.code), page?.hasMore, await priceTableCount(fresh.db, w.viewer('A'), {})]).toEqual([
      ['steam'],
      true,
      2,
    ]);
    const next = await priceTablePage(fresh.db, w.viewer('A'), {}, {}, { count: 1, direction: 'FORWARD', from: page?.rows[0]?.id ?? null });
    expect([next?.rows.map(({ sku }) => sku.code), next?.hasMore]).toEqual([['xbox'], false]);
  });
});
