import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { categoriesByIds, childCategories, productsByIds, skusByIds, skusOfProducts, topCategories } from '#server/catalog/reads.ts';
import { type CatalogueEntry, catalogueCount, catalogueEntries, cataloguePage } from '#server/flows/catalogue.ts';
import { moveStation } from '#server/flows/move-station.ts';
import { setControlBand } from '#server/flows/set-control-band.ts';
import { setMarkupRule } from '#server/flows/set-markup-rule.ts';
import { controllableClock } from '#server/platform/clock.ts';
import type { Database } from '#server/platform/database.ts';
import { toUnitPriceString } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

const clock = controllableClock(new Date('2026-03-01T20:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
});
afterAll(() => fresh.drop());

const network = () =>
  world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ' },
      B: { parent: 'A' },
      R: { parent: 'B', wallet: '500.00' },
      C: { parent: 'HQ' },
      D: { parent: 'C' },
    },
    suppliers: ['S'],
    skus: {
      steam: { basePrice: '47.50', minQuantity: 2, quantityStep: 2, maxQuantity: 100 },
      xbox: { basePrice: '20.00', category: 'Consoles' },
      empty: { basePrice: '3.00', category: 'Consoles' },
      paused: { basePrice: '1.00', listingState: 'PAUSED' },
      draft: { basePrice: '1.00', listingState: 'DRAFT' },
      cheap: { basePrice: '9.00' },
      mine: { basePrice: '5.00', owner: 'A' },
      theirs: { basePrice: '5.00', owner: 'C' },
    },
    rules: [
      { by: 'HQ', child: 'A', sku: 'steam', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'B', kind: 'FIXED', value: '0.30' },
      {
        by: 'B',
        kind: 'PERCENT',
        value: '2',
        breaks: [
          { minQuantity: 11, value: '1' },
          { minQuantity: 50, value: '0' },
        ],
      },
    ],
    lots: [
      { sku: 'steam', supplier: 'S', totalCost: '460.00', keys: 10 },
      { sku: 'xbox', supplier: 'S', totalCost: '1515.00', keys: 101 },
      { sku: 'cheap', supplier: 'S', totalCost: '95.00', keys: 10 },
      { sku: 'mine', terms: 'OWN', totalCost: '10.00', keys: 5 },
      { sku: 'theirs', terms: 'OWN', totalCost: '10.00', keys: 5 },
    ],
  });
type Tree = Awaited<ReturnType<typeof network>>;
type Name = keyof Tree['stations'];
type SkuName = keyof Tree['skus'];

async function entry(w: Tree, station: Name, sku: SkuName): Promise<CatalogueEntry | undefined> {
  return (await catalogueEntries(fresh.db, w.viewer(station), [w.skus[sku]])).get(w.skus[sku]);
}
async function shown(w: Tree, station: Name, sku: SkuName) {
  const found = await entry(w, station, sku);
  return found && [found.offer.unitPrice && toUnitPriceString(found.offer.unitPrice), found.offer.notSellable];
}
const codes = async (w: Tree, station: Name, filter = {}, count = 100) =>
  (await cataloguePage(fresh.db, w.viewer(station), filter, { count, direction: 'FORWARD', from: null })).rows.map(({ sku }) => sku.code);

/** The same database, and every statement that was sent to it. */
function counted(db: Database): { db: Database; statements: string[] } {
  const statements: string[] = [];
  const pool = new Proxy(db.pool, {
    get(target, name) {
      if (name !== 'query') return Reflect.get(target, name, target);
      return (config: { name: string; text: string; values: unknown[] }) => {
        statements.push(config.name);
        return target.query(config);
      };
    },
  });
  return { db: { ...db, pool }, statements };
}

describe('the offer of a SKU', () => {
  test('is the price of the whole chain at the minimum quantity, with the quantities at which it changes', async () => {
    const w = await network();
    const found = await entry(w, 'R', 'steam');
    expect(found?.offer.unitPrice && toUnitPriceString(found.offer.unitPrice)).toBe('49.2405');
    // a break at 11 begins at 12, the next quantity of 2, 4, 6 …
    expect(found?.offer.priceBreaks.map(({ minQuantity, unitPrice }) => [minQuantity, toUnitPriceString(unitPrice)])).toEqual([
      [12, '48.7578'],
      [50, '48.2750'],
    ]);
    expect(found?.offer.notSellable).toBeNull();
  });

  test('shows stock as a number up to 100 and as many above', async () => {
    const w = await network();
    expect((await entry(w, 'R', 'steam'))?.offer.stock).toEqual({ availableCount: 10, many: false });
    expect((await entry(w, 'R', 'xbox'))?.offer.stock).toEqual({ availableCount: null, many: true });
    await fresh.sql(`UPDATE card_key SET state = 'VOID' WHERE id = $1`, [w.lots[1]?.keyIds[0]]);
    expect((await entry(w, 'R', 'xbox'))?.offer.stock).toEqual({ availableCount: 100, many: false });
  });

  test('counts no key that has expired by the network’s calendar, and one that expires today', async () => {
    const day = (expiresOn: string) =>
      world(fresh.db, {
        stations: { HQ: {}, R: { parent: 'HQ' } },
        suppliers: ['S'],
        skus: { steam: { basePrice: '10.00' } },
        lots: [{ sku: 'steam', supplier: 'S', totalCost: '10.00', keys: 2, expiresOn }],
      });
    const stock = async (w: Awaited<ReturnType<typeof day>>) =>
      (await catalogueEntries(fresh.db, w.viewer('R'), [w.skus.steam])).get(w.skus.steam)?.offer;
    // 20:00 UTC on 1 March is 2 March in Shanghai
    expect((await stock(await day('2026-03-01')))?.notSellable).toBe('OUT_OF_STOCK');
    expect((await stock(await day('2026-03-02')))?.stock.availableCount).toBe(2);
  });

  test('says why it cannot be bought, and to the downline nothing about its upline', async () => {
    const w = await network();
    expect(await shown(w, 'R', 'empty')).toEqual(['3.3660', 'OUT_OF_STOCK']);
    expect(await shown(w, 'R', 'paused')).toEqual([null, 'NOT_LISTED']);
    // its keys cost 9.50 and it is sold for 9.00: HQ alone may know
    expect(await shown(w, 'A', 'cheap')).toEqual([null, 'UNAVAILABLE']);
    expect(await shown(w, 'HQ', 'cheap')).toEqual([null, 'OWN_GOODS']);
    expect((await entry(w, 'A', 'cheap'))?.offer.stock).toEqual({ availableCount: 0, many: false });
    expect((await entry(w, 'HQ', 'cheap'))?.offer.stock).toEqual({ availableCount: 10, many: false });
  });

  test('tells cost and base price to the owner alone', async () => {
    const w = await network();
    const [owner, child] = [await entry(w, 'HQ', 'steam'), await entry(w, 'A', 'steam')];
    expect([
      owner?.sku.basePrice && toUnitPriceString(owner.sku.basePrice),
      owner?.nextUnitCost && toUnitPriceString(owner.nextUnitCost),
    ]).toEqual(['47.5000', '46.0000']);
    expect([child?.sku.basePrice, child?.nextUnitCost]).toEqual([null, null]);
  });
});

describe('a change shows at once', () => {
  test('of a rule, a band, the next key’s cost, and the listing', async () => {
    const w = await network();
    const input = {
      childId: null,
      levelId: null,
      skuId: null,
      productId: null,
      categoryId: null,
      breaks: [],
      inversion: null,
      reason: null,
      expectedVersion: null,
    };
    await setMarkupRule(fresh.db, w.viewer('A'), { ...input, childId: w.stations.B, skuId: w.skus.xbox, kind: 'FIXED', value: '1' });
    expect(await shown(w, 'B', 'xbox')).toEqual(['21.0000', null]);
    await setControlBand(fresh.db, w.viewer('HQ'), {
      skuId: w.skus.xbox,
      floor: null,
      ceiling: '20.50',
      reason: null,
      expectedVersion: null,
    });
    expect(await shown(w, 'B', 'xbox')).toEqual(['20.5000', null]);
    await fresh.sql(`UPDATE card_key SET cost = 30 WHERE network_id = $1 AND sku_id = $2`, [w.networkId, w.skus.xbox]);
    expect(await shown(w, 'B', 'xbox')).toEqual([null, 'UNAVAILABLE']);
    await fresh.sql(`UPDATE sku SET listing_state = 'PAUSED' WHERE id = $1`, [w.skus.xbox]);
    expect(await shown(w, 'B', 'xbox')).toEqual([null, 'NOT_LISTED']);
  });

  test('of a station’s parent: prices follow the new line', async () => {
    const w = await network();
    expect(await shown(w, 'B', 'xbox')).toEqual(['20.3000', null]);
    const moved = await moveStation(fresh.db, w.viewer('HQ'), { stationId: w.stations.B, newParentId: w.stations.C, expectedVersion: 1 });
    expect(moved.kind).toBe('STATION_MOVED');
    expect(await shown(w, 'B', 'xbox')).toEqual(['20.0000', null]);
    expect(await shown(w, 'R', 'xbox')).toEqual(['20.4000', null]);
  });

  test('of an archived product: nothing of it is for sale', async () => {
    const w = await network();
    await fresh.sql('UPDATE product SET archived_at = now() WHERE id = $1', [w.products.xbox]);
    expect(await shown(w, 'B', 'xbox')).toEqual([null, 'NOT_LISTED']);
    expect(await codes(w, 'B')).not.toContain('xbox');
  });
});

describe('whose goods are seen', () => {
  test('those that the station or one above it owns; never a draft of another, never a sibling’s', async () => {
    const w = await network();
    const seen = async (station: Name) =>
      [...(await skusByIds(fresh.db.pool, w.viewer(station), Object.values<string>(w.skus))).values()].map(({ code }) => code).sort();
    expect(await seen('R')).toEqual(['cheap', 'empty', 'mine', 'paused', 'steam', 'xbox']);
    expect(await seen('D')).toEqual(['cheap', 'empty', 'paused', 'steam', 'theirs', 'xbox']);
    expect(await seen('HQ')).toEqual(['cheap', 'draft', 'empty', 'paused', 'steam', 'xbox']);
    expect((await productsByIds(fresh.db.pool, w.viewer('R'), [w.products.theirs, w.products.mine])).size).toBe(1);
    expect((await skusOfProducts(fresh.db.pool, w.viewer('R'), [w.products.theirs])).get(w.products.theirs)).toEqual([]);
  });

  test('a supplier and another network see none', async () => {
    const [w, stranger] = [await network(), await network()];
    const ids = Object.values<string>(w.skus);
    expect((await skusByIds(fresh.db.pool, w.viewer('S'), ids)).size).toBe(0);
    expect((await catalogueEntries(fresh.db, w.viewer('S'), ids)).size).toBe(0);
    expect(await topCategories(fresh.db.pool, w.viewer('S'))).toEqual([]);
    expect((await skusByIds(fresh.db.pool, stranger.viewer('HQ'), ids)).size).toBe(0);
    expect((await categoriesByIds(fresh.db.pool, stranger.viewer('HQ'), Object.values(w.categories))).size).toBe(0);
  });

  test('categories are a tree of the owners on the line', async () => {
    const w = await network();
    const goods = w.categories.Goods ?? '';
    const games = fresh.db.newId();
    await fresh.sql(
      `INSERT INTO category (network_id, id, owner_id, parent_id, name, path, created_at) VALUES ($1, $2, $3, $4, 'Games', $5, now())`,
      [w.networkId, games, w.hq, goods, [goods, games]],
    );
    expect((await topCategories(fresh.db.pool, w.viewer('R'))).map(({ name }) => name)).toEqual(['Goods', 'Consoles']);
    expect((await childCategories(fresh.db.pool, w.viewer('R'), [goods])).get(goods)?.map(({ name }) => name)).toEqual(['Games']);
  });
});

describe('a page of the catalogue', () => {
  test('of 100 priced SKUs for a station at depth 12 takes three statements, and so does a loader of 100', async () => {
    const line = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`L${index + 1}`, { parent: index === 0 ? 'HQ' : `L${index}` }]),
    );
    const skus = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`sku${index}`, { basePrice: `${index + 1}.00` }]));
    const w = await world<string, string>(fresh.db, {
      stations: { HQ: {}, ...line },
      skus,
      rules: ['HQ', ...Object.keys(line).slice(0, -1)].map((by) => ({ by, kind: 'FIXED' as const, value: '0.10' })),
    });
    const { db, statements } = counted(fresh.db);
    const page = await cataloguePage(db, w.viewer('L12'), {}, { count: 100, direction: 'FORWARD', from: null });
    expect([page.rows.length, page.hasMore, statements.length]).toEqual([100, true, 3]);
    expect(page.rows.map(({ offer }) => offer.unitPrice && toUnitPriceString(offer.unitPrice))).toEqual(
      Array.from({ length: 100 }, (_, index) => (index === 0 ? '2.2000' : `${index + 2}.2000`)),
    );
    const loader = counted(fresh.db);
    await catalogueEntries(
      loader.db,
      w.viewer('L12'),
      page.rows.map(({ id }) => id),
    );
    expect(loader.statements.length).toBe(3);
  });

  test('runs category by category in one order, without a gap in either direction', async () => {
    const w = await network();
    const whole = ['steam', 'paused', 'cheap', 'mine', 'xbox', 'empty'];
    expect(await codes(w, 'R')).toEqual(whole);
    const walk = async (direction: 'FORWARD' | 'BACKWARD') => {
      const found: string[] = [];
      for (let from: string | null = null; ; ) {
        const page = await cataloguePage(fresh.db, w.viewer('R'), {}, { count: 4, direction, from });
        const rows = page.rows.map(({ sku }) => sku.code);
        if (direction === 'FORWARD') found.push(...rows);
        else found.unshift(...rows);
        from = (direction === 'FORWARD' ? page.rows.at(-1)?.id : page.rows[0]?.id) ?? null;
        if (!page.hasMore) return found;
      }
    };
    expect([await walk('FORWARD'), await walk('BACKWARD')]).toEqual([whole, whole]);
    expect(await catalogueCount(fresh.db, w.viewer('R'), {})).toBe(6);
  });

  test('is filtered by category with all below it, and by a part of name, brand or code, taken literally', async () => {
    const w = await network();
    await fresh.sql(`UPDATE product SET brand = 'Valve_50%' WHERE id = $1`, [w.products.steam]);
    expect(await codes(w, 'R', { categoryId: w.categories.Consoles })).toEqual(['xbox', 'empty']);
    expect(await codes(w, 'R', { search: 'XBO' })).toEqual(['xbox']);
    expect(await codes(w, 'R', { search: 'valve_50%' })).toEqual(['steam']);
    expect(await codes(w, 'R', { search: 'e%m' })).toEqual([]);
    expect(await catalogueCount(fresh.db, w.viewer('R'), { search: 'm' })).toBe(3);
  });

  test('of what can be bought now leaves out the empty shelf, the pause, the loss and one’s own', async () => {
    const w = await network();
    expect(await codes(w, 'R', { sellableOnly: true })).toEqual(['steam', 'mine', 'xbox']);
    expect(await codes(w, 'A', { sellableOnly: true })).toEqual(['steam', 'xbox']);
    expect(await catalogueCount(fresh.db, w.viewer('R'), { sellableOnly: true })).toBe(3);
  });

  test('of what can be bought now is full while there is more, however many SKUs lie between', async () => {
    const skus = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`sku${index}`, { basePrice: '10.00' }]));
    // every SKU has a key, all but each 40th cost more than they are sold for
    const lots = Object.keys(skus).map((sku, index) => ({
      sku,
      terms: 'OWN' as const,
      totalCost: index % 40 === 39 ? '9.00' : '11.00',
      keys: 1,
    }));
    const w = await world<string, string>(fresh.db, { stations: { HQ: {}, R: { parent: 'HQ' } }, skus, lots });
    const page = await cataloguePage(fresh.db, w.viewer('R'), { sellableOnly: true }, { count: 2, direction: 'FORWARD', from: null });
    expect([page.rows.map(({ sku }) => sku.code), page.hasMore]).toEqual([['sku39', 'sku79'], true]);
    const next = await cataloguePage(
      fresh.db,
      w.viewer('R'),
      { sellableOnly: true },
      { count: 2, direction: 'FORWARD', from: page.rows[1]?.id ?? null },
    );
    expect([next.rows.map(({ sku }) => sku.code), next.hasMore]).toEqual([['sku119'], false]);
  });
});
