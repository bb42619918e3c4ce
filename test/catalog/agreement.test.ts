import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Offer } from '#server/catalog/rules.ts';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { type QuoteOutcome, readQuote } from '#server/flows/quote.ts';
import { toAmountString, toUnitPriceString } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

// Ten random networks of twenty SKUs: whatever rules, levels, breaks, bands, owners, costs and states they have, what the catalogue
// and the quote say is what an order is charged or refused with at that moment. The seed is fixed: a failure is found again.
const SEED = 20_261_122;
const NETWORKS = 10;
const SKUS = 20;

const price = (max: number) => fc.integer({ min: 1, max }).map((fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`);
const value = fc.oneof(
  fc.record({ kind: fc.constant('PERCENT' as const), value: price(2000) }),
  fc.record({ kind: fc.constant('PERCENT' as const), value: price(500) }),
  fc.record({ kind: fc.constant('FIXED' as const), value: price(300) }),
  fc.record({ kind: fc.constant('FIXED' as const), value: price(100) }),
  fc.record({ kind: fc.constant('PRICE' as const), value: price(9000) }),
);

const networkArbitrary = fc
  .record({ depth: fc.integer({ min: 1, max: 6 }), ownerDepth: fc.integer({ min: 0, max: 2 }) })
  .chain(({ depth, ownerDepth }) => {
    const line = ['HQ', ...Array.from({ length: depth }, (_, index) => `L${index + 1}`)];
    const sku = fc.record({
      basePrice: price(5000),
      owned: fc.boolean(),
      category: fc.constantFrom('Games', 'Mobile'),
      unitSize: fc.constantFrom(1, 1, 1, 100),
      minQuantity: fc.constantFrom(1, 1, 2),
      quantityStep: fc.constantFrom(1, 1, 3),
      maxQuantity: fc.constantFrom(5, 50),
      listingState: fc.constantFrom('LIVE' as const, 'LIVE' as const, 'LIVE' as const, 'LIVE' as const, 'PAUSED' as const),
      keys: fc.oneof({ weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }) }, { weight: 5, arbitrary: fc.integer({ min: 10, max: 15 }) }),
      lotCost: price(15_000),
      band: fc.option(fc.record({ floor: price(3000), ceiling: price(20_000) }), { freq: 2 }),
    });
    const rule = fc.record({
      seller: fc.nat(depth - 1),
      target: fc.constantFrom('child' as const, 'level' as const, 'everyone' as const),
      scope: fc.oneof(fc.nat(SKUS - 1), fc.constantFrom('Games', 'Mobile', null)),
      value,
      breaks: fc.uniqueArray(fc.record({ minQuantity: fc.integer({ min: 1, max: 12 }), value: price(500) }), {
        maxLength: 2,
        selector: ({ minQuantity }) => minQuantity,
      }),
      inversion: fc.constantFrom('HIDE' as const, 'RAISE_TO_START' as const),
    });
    return fc.record({
      line: fc.constant(line),
      owner: fc.constant(line[Math.min(ownerDepth, depth - 1)] ?? 'HQ'),
      levels: fc.array(fc.boolean(), { minLength: depth, maxLength: depth }),
      frozen: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(depth) }),
      allowLoss: fc.boolean(),
      skus: fc.array(sku, { minLength: SKUS, maxLength: SKUS }),
      rules: fc.uniqueArray(rule, { maxLength: 3 * depth, selector: ({ seller, target, scope }) => `${seller} ${target} ${scope}` }),
      quantities: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: SKUS, maxLength: SKUS }),
    });
  });
type RandomNetwork = typeof networkArbitrary extends fc.Arbitrary<infer Shape> ? Shape : never;

function build(random: RandomNetwork): Promise<World<string, string, string>> {
  const { line } = random;
  const stations = line.map((name, index) => [
    name,
    {
      ...(index === 0 ? {} : { parent: line[index - 1] ?? '', kind: 'SUBSTATION' as const, wallet: '1000000.00' }),
      ...(random.levels[index - 1] ? { level: 'gold' } : {}),
      ...(random.frozen === index && index > 0 ? { status: 'FROZEN' as const } : {}),
      ...(random.allowLoss ? { costGuard: 'ALLOW_LOSS' as const } : {}),
    },
  ]);
  const skus = random.skus.map(({ owned, keys: _keys, lotCost: _lotCost, band: _band, ...sku }, index) => [
    `sku${index}`,
    owned ? { ...sku, owner: random.owner } : sku,
  ]);
  return world<string, string, string>(fresh.db, {
    stations: Object.fromEntries(stations),
    suppliers: ['S'],
    skus: Object.fromEntries(skus),
    rules: random.rules.map((rule) => ({
      by: line[rule.seller] ?? '',
      ...(rule.target === 'child' ? { child: line[rule.seller + 1] ?? '' } : {}),
      ...(rule.target === 'level' ? { level: 'gold' } : {}),
      ...(typeof rule.scope === 'number' ? { sku: `sku${rule.scope}` } : rule.scope === null ? {} : { category: rule.scope }),
      ...rule.value,
      breaks: rule.breaks.toSorted((a, b) => a.minQuantity - b.minQuantity),
      inversion: rule.inversion,
    })),
    bands: random.skus.flatMap(({ band }, index) =>
      band && Number(band.floor) <= Number(band.ceiling) ? [{ sku: `sku${index}`, ...band }] : [],
    ),
    lots: random.skus.flatMap(({ keys, lotCost }, index) =>
      keys === 0 ? [] : [{ sku: `sku${index}`, supplier: 'S', totalCost: lotCost, keys }],
    ),
  });
}

type Verdict = { outcome: string; detail: string };

async function quoted(w: World<string, string, string>, buyer: string, skuId: string, quantity: number): Promise<Verdict> {
  const quote = await readQuote(fresh.db, w.viewer(buyer), { skuId, quantity });
  if (quote.kind !== 'QUOTE') {
    const reason = quote.kind === 'NOT_SELLABLE' ? quote.reason : '';
    if (reason === 'STATION_FROZEN') return { outcome: 'STATION_FROZEN', detail: '' };
    return reason === 'OUT_OF_STOCK' ? { outcome: 'OUT_OF_STOCK', detail: '' } : { outcome: quote.kind, detail: reason };
  }
  const { availableCount } = quote.stock;
  if (availableCount !== null && availableCount < quantity) return { outcome: 'OUT_OF_STOCK', detail: '' };
  return { outcome: 'ORDER_PLACED', detail: `${toUnitPriceString(quote.unitPrice)} ${toAmountString(quote.total)}` };
}

async function ordered(w: World<string, string, string>, buyer: string, skuId: string, quantity: number): Promise<Verdict> {
  const rest = { channel: 'API', externalRef: null, groupId: null, maxTotal: '99999999.00' } as const;
  const [order] = await placeOrders(fresh.db, [{ viewer: w.viewer(buyer), requestKey: `${skuId} ${quantity}`, skuId, quantity, ...rest }]);
  if (order?.kind === 'ORDER_PLACED') {
    const [row] = await fresh.sql<{ unit_price: string; total: string }>('SELECT unit_price, total FROM orders WHERE id = $1', [
      order.orderId,
    ]);
    return { outcome: 'ORDER_PLACED', detail: `${row?.unit_price} ${row?.total}` };
  }
  return { outcome: order?.kind ?? '', detail: order?.kind === 'NOT_SELLABLE' ? order.reason : '' };
}

/** At the minimum quantity an offer has the quote's price, and what it says can be bought is quoted. */
function sameAsOffer(offer: Offer | undefined, quote: QuoteOutcome): boolean {
  if (quote.kind !== 'QUOTE') return offer?.notSellable !== null;
  return offer?.unitPrice != null && toUnitPriceString(offer.unitPrice) === toUnitPriceString(quote.unitPrice);
}

/** A short shelf is no price: an order may name it where the quote names another reason, but neither sells. */
function sameVerdict(said: Verdict, done: Verdict): boolean {
  if (said.outcome === 'OUT_OF_STOCK' || done.outcome === 'OUT_OF_STOCK') return ![said.outcome, done.outcome].includes('ORDER_PLACED');
  return said.outcome === done.outcome && said.detail === done.detail;
}

test('catalogue, quote and order agree on 200 random prices and refusals', async () => {
  const seen = new Map<string, number>();
  const disagreements: unknown[] = [];
  for (const random of fc.sample(networkArbitrary, { seed: SEED, numRuns: NETWORKS })) {
    const w = await build(random);
    const buyer = random.line.at(-1) ?? '';
    for (const [index, wish] of random.quantities.entries()) {
      const skuId = w.skus[`sku${index}`] ?? '';
      const { minQuantity = 1, quantityStep = 1 } = random.skus[index] ?? {};
      const quantity = wish > 2 ? minQuantity + (wish % 3) * quantityStep : wish;
      const offer = (await catalogueEntries(fresh.db, w.viewer(buyer), [skuId])).get(skuId)?.offer;
      const atMinimum = await readQuote(fresh.db, w.viewer(buyer), { skuId, quantity: minQuantity });
      if (!sameAsOffer(offer, atMinimum)) disagreements.push({ random, skuId, offer, atMinimum });
      const said = await quoted(w, buyer, skuId, quantity);
      const done = await ordered(w, buyer, skuId, quantity);
      if (!sameVerdict(said, done)) disagreements.push({ random, skuId, quantity, said, done });
      seen.set(done.outcome, (seen.get(done.outcome) ?? 0) + 1);
    }
  }
  expect(disagreements).toEqual([]);
  expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBe(NETWORKS * SKUS);
  // the cases are worth their name: most are sold, and every kind of refusal is among them
  expect(seen.get('ORDER_PLACED')).toBeGreaterThan(60);
  expect([...seen.keys()].sort()).toEqual(['NOT_SELLABLE', 'ORDER_PLACED', 'OUT_OF_STOCK', 'QUANTITY_OUT_OF_RANGE', 'STATION_FROZEN']);
}, 120_000);
