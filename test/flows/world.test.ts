import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

test('a world is a network with its stations, goods, keys and money, written by the role of the application', async () => {
  const w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ', level: 'gold' }, R: { parent: 'A', wallet: '100.00', creditLimit: '5.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '47.50' } },
    rules: [{ by: 'HQ', level: 'gold', kind: 'PERCENT', value: '1' }],
    plans: [{ sku: 'steam', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
    bands: [{ sku: 'steam', floor: '40' }],
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '138.01', keys: 3 }],
  });
  expect(await fresh.sql('SELECT name, kind::text, depth FROM station ORDER BY depth')).toEqual([
    { name: 'HQ', kind: 'HEADQUARTERS', depth: 0 },
    { name: 'A', kind: 'SUBSTATION', depth: 1 },
    { name: 'R', kind: 'RESELLER', depth: 2 },
  ]);
  expect(await fresh.sql('SELECT kind::text, balance, credit_limit, floorless FROM account a ORDER BY a.kind')).toEqual([
    { kind: 'WALLET', balance: '100.00', credit_limit: '5.00', floorless: false },
    { kind: 'CASH', balance: '-100.00', credit_limit: '0.00', floorless: true },
  ]);
  expect(await fresh.sql('SELECT cost FROM card_key ORDER BY id')).toEqual([{ cost: '46.01' }, { cost: '46.00' }, { cost: '46.00' }]);
  expect(w.viewer('S', 'FINANCE').party).toEqual({ kind: 'SUPPLIER', supplierId: w.suppliers.S });
});

test('two worlds share a database without meeting', async () => {
  const [one, two] = [await world(fresh.db, { stations: { HQ: {} } }), await world(fresh.db, { stations: { HQ: {} } })];
  expect(one.hq).not.toBe(two.hq);
});
