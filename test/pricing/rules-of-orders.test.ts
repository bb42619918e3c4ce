import { afterAll, beforeAll, expect, test } from 'vitest';
import { selectSkuFacts } from '#server/catalog/sql.ts';
import { loadLines } from '#server/network/sql.ts';
import { hopsOf, loadRules, loadRulesOfOrders, type OrderedHops } from '#server/pricing/sql.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const SKUS = ['steam', 'steam50', 'phone', 'film'] as const;
const BUYERS = ['R1', 'R2', 'R3', 'B', 'C'] as const;

/** Rules of every target (a child, a level, everybody) and every scope (a SKU, a product of two SKUs, a category, everything). */
async function network() {
  const w = await world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', level: 'gold' },
      B: { parent: 'A' },
      C: { parent: 'HQ', level: 'tin' },
      R1: { parent: 'B', level: 'gold' },
      R2: { parent: 'B' },
      R3: { parent: 'C', level: 'gold' },
    },
    skus: {
      steam: { basePrice: '47.50', category: 'games' },
      steam50: { basePrice: '95.00', category: 'games' },
      phone: { basePrice: '10.00', category: 'phones' },
      film: { basePrice: '20.00', category: 'films' },
    },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'HQ', child: 'C', sku: 'phone', kind: 'FIXED', value: '0.20' },
      { by: 'HQ', level: 'gold', category: 'games', kind: 'PERCENT', value: '2' },
      { by: 'HQ', level: 'tin', sku: 'steam', kind: 'PERCENT', value: '3' },
      { by: 'HQ', category: 'phones', kind: 'PERCENT', value: '4' },
      { by: 'HQ', sku: 'film', kind: 'FIXED', value: '5' },
      { by: 'HQ', kind: 'PERCENT', value: '6' },
      { by: 'A', child: 'B', sku: 'steam', kind: 'PERCENT', value: '7' },
      { by: 'A', child: 'B', category: 'films', kind: 'PERCENT', value: '8' },
      { by: 'A', sku: 'steam50', kind: 'PERCENT', value: '9' },
      { by: 'B', level: 'gold', kind: 'FIXED', value: '0.10' },
      { by: 'B', child: 'R2', kind: 'FIXED', value: '0.30' },
      { by: 'C', level: 'gold', sku: 'film', kind: 'PERCENT', value: '10' },
    ],
  });
  // both sizes of steam are one product, and three of the rules are for it
  await fresh.sql('UPDATE sku SET product_id = $2 WHERE id = $1', [w.skus.steam50, w.products.steam]);
  await fresh.sql('UPDATE markup_rule SET sku_id = NULL, product_id = $2 WHERE sku_id = $1', [w.skus.steam, w.products.steam]);
  await fresh.sql('UPDATE markup_rule SET sku_id = NULL, product_id = $2 WHERE sku_id = $1', [w.skus.steam50, w.products.steam]);
  return w;
}

test('a list of orders finds the rules that each of them would find alone, each once, and none that is for other goods of other buyers', async () => {
  const w = await network();
  const db = fresh.db.pool;
  const { networkId } = w;
  const lines = await loadLines(db, networkId, Object.values(w.stations));
  const facts = await selectSkuFacts(db, { networkId, stationId: w.hq, now: new Date() }, Object.values(w.skus));
  const skus = new Map(facts.map(({ sku }) => [sku.id, sku]));
  const orderOf = (buyer: (typeof BUYERS)[number], name: (typeof SKUS)[number]): OrderedHops => {
    const [line, sku] = [lines.get(w.stations[buyer]), skus.get(w.skus[name])];
    if (!line || !sku) throw new Error('no line, or no SKU');
    return { hops: hopsOf([line]), sku };
  };
  const orders = BUYERS.flatMap((buyer) => SKUS.map((name) => orderOf(buyer, name)));
  const idsOf = (rules: readonly { id: string }[]) => rules.map(({ id }) => id).sort();
  const alone = await Promise.all(orders.map(({ hops, sku }) => loadRules(db, networkId, hops, [sku])));
  for (const [index, order] of orders.entries()) {
    expect(idsOf(await loadRulesOfOrders(db, networkId, [order]))).toEqual(idsOf(alone[index] ?? []));
  }
  // 3 buyers of different goods, all of them, and the same one twice
  const lists = [[0, 6, 11], orders.map((_, index) => index), [5, 5], []];
  for (const list of lists) {
    const found = await loadRulesOfOrders(
      db,
      networkId,
      list.flatMap((index) => orders[index] ?? []),
    );
    expect(idsOf(found)).toEqual([...new Set(list.flatMap((index) => idsOf(alone[index] ?? [])))].sort());
  }
  expect(new Set(alone.flatMap(idsOf)).size).toBe(13);
  // R1 buys steam, R3 a film: what C asks of R3 for films is not looked for at R1's hops, nor games at R3's
  const two = await loadRulesOfOrders(db, networkId, [orderOf('R1', 'steam'), orderOf('R3', 'film')]);
  expect(two.filter(({ stationId, categoryId }) => stationId === w.stations.A && categoryId !== null)).toEqual([]);
});
