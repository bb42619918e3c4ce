import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { removeMarkupRule, type SetMarkupRuleInput, setMarkupRule } from '#server/flows/set-markup-rule.ts';
import { toUnitPriceString } from '#server/platform/money.ts';
import { markupRulesByIds, markupRulesCount, markupRulesPage } from '#server/pricing/reads.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 20 });
});
afterAll(() => fresh.drop());

type Name = 'HQ' | 'A' | 'B' | 'B2' | 'R' | 'C';
type Tree = World<Name, 'steam' | 'xbox' | 'own', 'S'>;
const network = (): Promise<Tree> =>
  world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', level: 'gold' },
      B: { parent: 'A', kind: 'SUBSTATION', level: 'silver' },
      B2: { parent: 'A', kind: 'SUBSTATION' },
      R: { parent: 'B' },
      C: { parent: 'HQ', kind: 'SUBSTATION' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10.00' }, xbox: { basePrice: '20.00', category: 'Consoles' }, own: { basePrice: '5.00', owner: 'C' } },
    bands: [{ sku: 'steam', floor: '10.50', ceiling: '12.00' }],
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '80.00', keys: 10 }],
  });

function rule(over: Partial<SetMarkupRuleInput> = {}): SetMarkupRuleInput {
  return {
    childId: null,
    levelId: null,
    skuId: null,
    productId: null,
    categoryId: null,
    kind: 'PERCENT',
    value: '10',
    breaks: [],
    inversion: null,
    reason: '春节活动',
    expectedVersion: null,
    ...over,
  };
}
const set = (w: Tree, by: Name, over: Partial<SetMarkupRuleInput>) => setMarkupRule(fresh.db, w.viewer(by), rule(over));
async function saved(w: Tree, by: Name, over: Partial<SetMarkupRuleInput>) {
  const outcome = await set(w, by, over);
  if (outcome.kind !== 'MARKUP_RULE_SET')
    throw new Error(JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
  return outcome;
}
async function price(w: Tree, station: Name, sku: 'steam' | 'xbox' = 'steam'): Promise<string | null> {
  const shown = (await catalogueEntries(fresh.db, w.viewer(station), [w.skus[sku]])).get(w.skus[sku])?.offer.unitPrice;
  return shown ? toUnitPriceString(shown) : null;
}
const events = (w: Tree) =>
  fresh.sql<{ topic: string; audience: string[]; data: { skuIds?: string[] } }>(
    'SELECT topic, audience, data FROM outbox_event WHERE network_id = $1 ORDER BY id',
    [w.networkId],
  );

describe('setting a markup rule', () => {
  test('changes prices with the next read, as a version that names who and why', async () => {
    const w = await network();
    expect(await price(w, 'A', 'xbox')).toBe('20.0000');
    const { rule: made } = await saved(w, 'HQ', { childId: w.stations.A, value: '5' });
    expect(await price(w, 'A', 'xbox')).toBe('21.0000');
    expect(made).toMatchObject({ version: 1, reason: '春节活动', validTo: null });
    const [row] = await fresh.sql<{ created_by: string }>('SELECT created_by FROM markup_rule WHERE id = $1', [made.id]);
    const actor = w.viewer('HQ').actor;
    expect(row?.created_by).toBe(actor.kind === 'USER' ? actor.userId : '');
  });

  test('ends the version it replaces and keeps it', async () => {
    const w = await network();
    const { rule: one } = await saved(w, 'HQ', { childId: w.stations.A, value: '5' });
    const { rule: two } = await saved(w, 'HQ', { childId: w.stations.A, kind: 'FIXED', value: '0.5', expectedVersion: 1 });
    expect(await price(w, 'A', 'xbox')).toBe('20.5000');
    const kept = await markupRulesByIds(fresh.db.pool, w.viewer('HQ'), [one.id, two.id]);
    expect([kept.get(one.id)?.validTo === null, kept.get(two.id)?.validTo === null, two.version]).toEqual([false, true, 2]);
  });

  test('needs the version that the editor saw', async () => {
    const w = await network();
    const { rule: live } = await saved(w, 'HQ', { childId: w.stations.A });
    expect(await set(w, 'HQ', { childId: w.stations.A, value: '2' })).toMatchObject({ kind: 'STALE_VERSION', current: { id: live.id } });
    expect(await set(w, 'HQ', { childId: w.stations.A, value: '2', expectedVersion: 7 })).toMatchObject({ kind: 'STALE_VERSION' });
    expect((await set(w, 'HQ', { childId: w.stations.C, value: '2', expectedVersion: 1 })).kind).toBe('NOT_FOUND');
  });

  test('of ten editors at once that saw the same version, or none, one is saved and the others are told what stands', async () => {
    const w = await network();
    for (const expectedVersion of [null, 1]) {
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) => set(w, 'HQ', { childId: w.stations.A, value: String(index), expectedVersion })),
      );
      expect(outcomes.filter(({ kind }) => kind === 'MARKUP_RULE_SET')).toHaveLength(1);
      expect(outcomes.filter(({ kind }) => kind === 'STALE_VERSION')).toHaveLength(9);
    }
    const live = await fresh.sql('SELECT version FROM markup_rule WHERE network_id = $1 AND valid_to IS NULL', [w.networkId]);
    expect(live).toEqual([{ version: 2 }]);
  });

  test('is for own children and own levels', async () => {
    const w = await network();
    expect((await set(w, 'HQ', { childId: w.stations.B })).kind).toBe('NOT_ALLOWED');
    expect((await set(w, 'A', { childId: w.stations.C })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { childId: w.stations.A })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { childId: w.hq })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { levelId: w.levels['HQ/gold'] ?? '' })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { levelId: w.levels['A/silver'] ?? '' })).kind).toBe('MARKUP_RULE_SET');
  });

  test('is for goods that the station sees', async () => {
    const [w, stranger] = [await network(), await network()];
    expect((await set(w, 'A', { skuId: w.skus.own })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { productId: w.products.own })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { skuId: stranger.skus.steam })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { categoryId: stranger.categories.Goods ?? '' })).kind).toBe('NOT_FOUND');
    expect((await set(w, 'A', { categoryId: w.categories.Consoles ?? '' })).kind).toBe('MARKUP_RULE_SET');
  });

  test.each([
    [{ value: '-1' }, 'value'],
    [{ value: '1.23456' }, 'value'],
    [{ value: '10000.0001' }, 'value'],
    [{ breaks: [{ minQuantity: 0, value: '1' }] }, 'breaks'],
    [
      {
        breaks: [
          { minQuantity: 9, value: '1' },
          { minQuantity: 5, value: '1' },
        ],
      },
      'breaks',
    ],
    [{ childId: 'A', levelId: 'gold' }, 'childId'],
    [{ skuId: 'steam', categoryId: 'Goods' }, 'skuId'],
  ] as const)('is refused when it makes no sense: %j', async (over, field) => {
    expect(await setMarkupRule(fresh.db, (await network()).viewer('HQ'), rule(over as Partial<SetMarkupRuleInput>))).toMatchObject({
      kind: 'INVALID_INPUT',
      field,
    });
  });

  test('needs the permission, which the contract asks for first', async () => {
    const w = await network();
    await expect(setMarkupRule(fresh.db, w.viewer('HQ', 'OPERATOR'), rule())).rejects.toThrow('PRICES_MANAGE');
  });
});

describe('the control band', () => {
  test('a SKU’s rule that breaks it for a child of today is refused, naming child, price and bound, and nothing is saved', async () => {
    const w = await network();
    const outcome = await set(w, 'A', { skuId: w.skus.steam, kind: 'PRICE', value: '13' });
    if (outcome.kind !== 'BAND_BROKEN') throw new Error(outcome.kind);
    expect(outcome.breaks.map(({ stationId }) => stationId)).toEqual([w.stations.B, w.stations.B2]);
    const [broken] = outcome.breaks;
    expect([
      broken?.skuId,
      broken && toUnitPriceString(broken.price),
      broken?.ceiling && toUnitPriceString(broken.ceiling),
      broken?.floor,
    ]).toEqual([w.skus.steam, '13.0000', '12.0000', null]);
    expect(await markupRulesCount(fresh.db.pool, w.viewer('A'), { childId: null, levelId: null, skuId: null })).toBe(0);
    expect(await events(w)).toEqual([]);
  });

  test('a break of the rule counts at its quantity', async () => {
    const w = await network();
    const breaks = [{ minQuantity: 100, value: '0.20' }];
    expect((await set(w, 'A', { skuId: w.skus.steam, childId: w.stations.B, kind: 'FIXED', value: '1', breaks })).kind).toBe('BAND_BROKEN');
    expect((await set(w, 'A', { skuId: w.skus.steam, childId: w.stations.B, kind: 'FIXED', value: '1' })).kind).toBe('MARKUP_RULE_SET');
  });

  test('a child with a more specific rule is not broken by it', async () => {
    const w = await network();
    for (const child of ['B', 'B2'] as const)
      await saved(w, 'A', { skuId: w.skus.steam, childId: w.stations[child], kind: 'FIXED', value: '1' });
    expect((await set(w, 'A', { skuId: w.skus.steam, kind: 'PRICE', value: '13' })).kind).toBe('MARKUP_RULE_SET');
  });

  test('a wider rule is saved, its clamps are counted and named, and the clamped price is charged', async () => {
    const w = await network();
    const outcome = await saved(w, 'A', { kind: 'PERCENT', value: '50' });
    expect([outcome.clampedCount, outcome.clamps.map(({ skuId }) => skuId)]).toEqual([2, [w.skus.steam, w.skus.steam]]);
    expect([await price(w, 'B'), await price(w, 'B', 'xbox')]).toEqual(['12.0000', '30.0000']);
  });

  test('does not hold for what the owner asks of its own children', async () => {
    const w = await network();
    expect((await set(w, 'HQ', { skuId: w.skus.steam, kind: 'FIXED', value: '1.90' })).kind).toBe('MARKUP_RULE_SET');
    expect(await price(w, 'A')).toBe('11.9000');
  });
});

describe('what a rule takes away is told', () => {
  test('a start above an absolute price hides the SKU from the child and all below it, and they are told at once', async () => {
    const w = await network();
    await saved(w, 'A', { skuId: w.skus.xbox, childId: w.stations.B, kind: 'PRICE', value: '15' });
    expect(await price(w, 'B', 'xbox')).toBeNull();
    expect(await price(w, 'B2', 'xbox')).toBe('20.0000');
    const told = (await events(w)).filter(({ topic }) => topic === 'price.inverted');
    expect(told.map(({ audience, data }) => [audience, data.skuIds])).toEqual([
      [[w.stations.A, w.stations.B, w.stations.R], [w.skus.xbox]],
    ]);
  });

  test('with RAISE_TO_START the start is asked and nobody loses anything', async () => {
    const w = await network();
    await saved(w, 'A', { skuId: w.skus.xbox, kind: 'PRICE', value: '15', inversion: 'RAISE_TO_START' });
    expect(await price(w, 'B', 'xbox')).toBe('20.0000');
    expect((await events(w)).map(({ topic }) => topic)).toEqual(['price.changed']);
  });

  test('a SKU’s rule that lifts a start above the ceiling further down tells every station that loses it', async () => {
    const w = await network();
    expect([await price(w, 'B'), await price(w, 'R')]).toEqual(['10.5000', '10.5000']);
    await saved(w, 'HQ', { childId: w.stations.A, skuId: w.skus.steam, value: '25' });
    expect([await price(w, 'A'), await price(w, 'B'), await price(w, 'R')]).toEqual(['12.5000', null, null]);
    const told = (await events(w)).filter(({ topic }) => topic === 'price.inverted');
    const losers = [w.stations.B, w.stations.R, w.stations.B2];
    expect(told.map(({ audience, data }) => [audience, data.skuIds])).toEqual([[[w.hq, ...losers], [w.skus.steam]]]);
  });

  test('a wider rule tells the direct children', async () => {
    const w = await network();
    await saved(w, 'A', { kind: 'PRICE', value: '15' });
    expect([await price(w, 'B', 'xbox'), await price(w, 'B2', 'xbox')]).toEqual([null, null]);
    const told = (await events(w)).filter(({ topic }) => topic === 'price.inverted');
    expect(told.map(({ audience }) => audience)).toEqual([
      [w.stations.A, w.stations.B],
      [w.stations.A, w.stations.B2],
    ]);
  });
});

describe('removing a rule', () => {
  const remove = (w: Tree, by: Name, ruleId: string, expectedVersion: number) =>
    removeMarkupRule(fresh.db, w.viewer(by), { ruleId, expectedVersion, reason: null });

  test('leaves the next wider rule, and keeps the version that ended', async () => {
    const w = await network();
    await saved(w, 'HQ', { value: '1' });
    const { rule: narrow } = await saved(w, 'HQ', { childId: w.stations.A, value: '5' });
    expect(await price(w, 'A', 'xbox')).toBe('21.0000');
    expect(await remove(w, 'HQ', narrow.id, 1)).toMatchObject({ kind: 'MARKUP_RULE_REMOVED', rule: { id: narrow.id } });
    expect(await price(w, 'A', 'xbox')).toBe('20.2000');
    expect((await markupRulesByIds(fresh.db.pool, w.viewer('HQ'), [narrow.id])).get(narrow.id)?.validTo).toBeInstanceOf(Date);
  });

  test('is for its own station, once, at the version that was seen', async () => {
    const w = await network();
    const { rule: mine } = await saved(w, 'A', { value: '1' });
    expect((await remove(w, 'HQ', mine.id, 1)).kind).toBe('NOT_FOUND');
    expect((await remove(w, 'B', mine.id, 1)).kind).toBe('NOT_FOUND');
    expect((await remove(w, 'A', mine.id, 2)).kind).toBe('STALE_VERSION');
    const outcomes = await Promise.all([remove(w, 'A', mine.id, 1), remove(w, 'A', mine.id, 1)]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['MARKUP_RULE_REMOVED', 'STALE_VERSION']);
  });

  test('that uncovers an absolute price below the start hides the SKU and tells whoever loses it', async () => {
    const w = await network();
    await saved(w, 'A', { kind: 'PRICE', value: '15', skuId: w.skus.xbox });
    const { rule: covering } = await saved(w, 'A', { childId: w.stations.B, skuId: w.skus.xbox, value: '1' });
    await remove(w, 'A', covering.id, 1);
    const told = (await events(w)).filter(({ topic }) => topic === 'price.inverted').at(-1);
    expect([told?.audience, told?.data.skuIds]).toEqual([[w.stations.A, w.stations.B, w.stations.R], [w.skus.xbox]]);
  });
});

describe('reading markup rules', () => {
  test('newest first, by child, level or SKU, the own ones alone', async () => {
    const w = await network();
    const { rule: one } = await saved(w, 'A', { value: '1' });
    const { rule: two } = await saved(w, 'A', { childId: w.stations.B, value: '2' });
    const { rule: three } = await saved(w, 'A', { skuId: w.skus.xbox, value: '3' });
    const page = (station: Name, over: Partial<{ childId: string; skuId: string }> = {}, count = 10, from: string | null = null) =>
      markupRulesPage(
        fresh.db.pool,
        w.viewer(station),
        { childId: null, levelId: null, skuId: null, ...over },
        { count, direction: 'FORWARD', from },
      );
    const ids = async (...parameters: Parameters<typeof page>) => (await page(...parameters)).rows.map(({ id }) => id);
    expect(await ids('A')).toEqual([three.id, two.id, one.id]);
    expect(await ids('A', {}, 1, three.id)).toEqual([two.id]);
    expect(await ids('A', { childId: w.stations.B })).toEqual([two.id]);
    expect(await ids('A', { skuId: w.skus.xbox })).toEqual([three.id]);
    expect(await ids('HQ')).toEqual([]);
    expect(await ids('B')).toEqual([]);
    expect((await markupRulesByIds(fresh.db.pool, w.viewer('HQ'), [one.id])).size).toBe(0);
    expect((await markupRulesByIds(fresh.db.pool, w.viewer('S'), [one.id])).size).toBe(0);
  });
});
