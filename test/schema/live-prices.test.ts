import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Context } from '#schema/context.ts';
import { globalId } from '#schema/ids.ts';
import { permissionsOfRole } from '#server/accounts/rules.ts';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { moveStation } from '#server/flows/move-station.ts';
import { setControlBand } from '#server/flows/set-control-band.ts';
import { type SetMarkupRuleInput, setMarkupRule } from '#server/flows/set-markup-rule.ts';
import { setPriceLevel } from '#server/flows/set-price-level.ts';
import { toUnitPriceString } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { countStatements } from '#test/support/statements.ts';
import { type World, world } from '#test/support/world.ts';
import { cursorAt, placeOf, toldAfter } from './what-was-told.ts';

// Prices as they are told: to whom, of what, and never to anybody else.

const STATIONS = ['HQ', 'A', 'B', 'R', 'S', 'T'] as const;
type Name = (typeof STATIONS)[number];
const GOODS = ['steam', 'xbox', 'nintendo', 'local'] as const;
type Goods = (typeof GOODS)[number];

let fresh: FreshDatabase;
let w: World<Name, Goods, 'Z'>;
beforeAll(async () => {
  fresh = await freshDatabase();
  w = await world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', kind: 'SUBSTATION', level: 'gold' },
      B: { parent: 'HQ', kind: 'SUBSTATION' },
      R: { parent: 'A', level: 'silver' },
      S: { parent: 'A', kind: 'SUBSTATION' },
      T: { parent: 'S' },
    },
    suppliers: ['Z'],
    skus: {
      steam: { basePrice: '10', category: 'games' },
      xbox: { basePrice: '20', category: 'games' },
      nintendo: { basePrice: '30', category: 'consoles' },
      local: { basePrice: '40', owner: 'A', category: 'own' },
    },
  });
});
afterAll(() => fresh.drop());

const PRICES = `cursor changes { skuId sku { name } offer { unitPrice { amount } notSellable } } hasMore`;
const everything = `subscription ($after: Cursor) { priceChanged(after: $after) { ${PRICES} } }`;
const rule = { childId: null, levelId: null, skuId: null, productId: null, categoryId: null, breaks: [], inversion: null } as const;

async function ruled(by: Name, input: Partial<SetMarkupRuleInput>): Promise<void> {
  const whole: SetMarkupRuleInput = { ...rule, kind: 'FIXED', value: '1', expectedVersion: null, reason: null, ...input };
  let outcome = await setMarkupRule(fresh.db, w.viewer(by), whole);
  if (outcome.kind === 'STALE_VERSION')
    outcome = await setMarkupRule(fresh.db, w.viewer(by), { ...whole, expectedVersion: outcome.current.version });
  expect(outcome.kind).toBe('MARKUP_RULE_SET');
}

type Told = { cursor: string; changes: { skuId: string; sku: { name: string } | null; offer: Offer | null }[]; hasMore: boolean };
type Offer = { unitPrice: { amount: string } | null; notSellable: string | null };

/** What each of the stations is told by what happens meanwhile; null is nothing. */
async function toldBy(
  happens: () => Promise<unknown>,
  names: readonly Name[] = STATIONS,
  document = everything,
): Promise<Record<string, Told | null>> {
  const place = await placeOf(fresh.db, w.networkId);
  await happens();
  await placeOf(fresh.db, w.networkId);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await first(name, place, document)] as const)));
}

async function first(name: Name, place: bigint, document = everything): Promise<Told | null> {
  const { told, errors } = await toldAfter<Told>(fresh.db, w.viewer(name), { document, subscription: 'priceChanged', place });
  expect([errors, told.length < 2]).toEqual([[], true]);
  return told[0] ?? null;
}

const namesOf = (told: Told | null | undefined) => told?.changes.map(({ sku }) => sku?.name).sort() ?? null;
const pricesOf = (told: Told | null | undefined) =>
  Object.fromEntries((told?.changes ?? []).map(({ sku, offer }) => [sku?.name, offer?.unitPrice?.amount ?? offer?.notSellable]));

/** What each station pays for everything, as its catalogue says. */
async function catalogue(): Promise<Record<string, Record<string, string | null>>> {
  const rows = STATIONS.map(async (name) => {
    const entries = await catalogueEntries(fresh.db, w.viewer(name), Object.values(w.skus));
    const prices = GOODS.map((goods) => {
      const offer = entries.get(w.skus[goods])?.offer;
      return [goods, offer ? (offer.unitPrice ? toUnitPriceString(offer.unitPrice) : offer.notSellable) : null] as const;
    });
    return [name, Object.fromEntries(prices)] as const;
  });
  return Object.fromEntries(await Promise.all(rows));
}

describe('a price is told', () => {
  test('to the child that a rule is for and all below it, each its own, and to nobody else', async () => {
    const told = await toldBy(() => ruled('HQ', { childId: w.stations.A, categoryId: w.categories['games'] ?? '', value: '2' }));
    expect([told['HQ'], told['B']]).toEqual([null, null]);
    for (const name of ['A', 'R', 'S', 'T']) expect(pricesOf(told[name])).toEqual({ steam: '12.0000', xbox: '22.0000' });
  });

  test('once for a rule high in the tree: one event, however many stations and SKUs it reaches', async () => {
    const before = await placeOf(fresh.db, w.networkId);
    await ruled('HQ', { value: '0.50' });
    expect(await placeOf(fresh.db, w.networkId)).toBe(before + 1n);
  });

  test('to those who named a SKU or a category, of that alone', async () => {
    const named = `subscription ($after: Cursor) { priceChanged(skuIds: ["${globalId('Sku', w.skus.xbox)}"], after: $after) { ${PRICES} } }`;
    const shelf = `subscription ($after: Cursor) { priceChanged(categoryId: "${globalId('Category', w.categories['consoles'] ?? '')}", after: $after) { ${PRICES} } }`;
    const change = () => ruled('A', { value: '0.30' });
    expect(namesOf((await toldBy(change, ['R'], named))['R'])).toEqual(['xbox']);
    expect(namesOf((await toldBy(change, ['R'], shelf))['R'])).toEqual(['nintendo']);
    const steam = () => ruled('A', { skuId: w.skus.steam, value: '0.40' });
    expect(await toldBy(steam, ['R'], named)).toEqual({ R: null });
  });

  test('when it is gone: an absolute price below the start takes the SKU away', async () => {
    const told = await toldBy(() => ruled('A', { childId: w.stations.R, skuId: w.skus.nintendo, kind: 'PRICE', value: '5' }), ['R', 'S']);
    // why is the upline's business
    expect(pricesOf(told['R'])).toEqual({ nintendo: 'UNAVAILABLE' });
    expect(told['S']).toBeNull();
  });

  test('when a band, a level or a move changes it', async () => {
    const band = await toldBy(() =>
      setControlBand(fresh.db, w.viewer('HQ'), { skuId: w.skus.xbox, floor: '25', ceiling: null, expectedVersion: null, reason: null }),
    );
    expect(pricesOf(band['R'])).toEqual({ xbox: '25.0000' });
    expect(band['HQ']).toBeNull();
    await ruled('A', { levelId: w.levels['A/silver'] ?? '', value: '3' });
    const level = await toldBy(
      () => setPriceLevel(fresh.db, w.viewer('A'), { stationId: w.stations.R, levelId: null, expectedVersion: 1 }),
      ['R', 'S'],
    );
    expect([namesOf(level['R']), level['S']]).toEqual([['local', 'nintendo', 'steam', 'xbox'], null]);
    const own = `subscription ($after: Cursor) { priceChanged(skuIds: ["${globalId('Sku', w.skus.local)}"], after: $after) { ${PRICES} } }`;
    const moved = await toldBy(
      () => moveStation(fresh.db, w.viewer('HQ'), { stationId: w.stations.S, newParentId: w.stations.B, expectedVersion: 1 }),
      ['T'],
      own,
    );
    // A's goods are none of B's line
    expect(moved['T']?.changes).toEqual([{ skuId: globalId('Sku', w.skus.local), sku: null, offer: null }]);
    await moveStation(fresh.db, w.viewer('HQ'), { stationId: w.stations.S, newParentId: w.stations.A, expectedVersion: 2 });
  });

  test('again from a cursor, as it is now, and not twice', async () => {
    const place = await placeOf(fresh.db, w.networkId);
    await ruled('A', { skuId: w.skus.steam, value: '0.60' });
    await ruled('A', { skuId: w.skus.steam, value: '0.70' });
    const newest = await placeOf(fresh.db, w.networkId);
    const told = await first('T', place);
    expect(namesOf(told)).toEqual(['steam']);
    expect(told?.cursor).toBe(cursorAt(w.viewer('T'), 'priceChanged', newest));
    expect(await first('T', newest)).toBeNull();
  });

  test('no more when the permission is gone', async () => {
    const place = await placeOf(fresh.db, w.networkId);
    await ruled('A', { skuId: w.skus.steam, value: '0.80' });
    await placeOf(fresh.db, w.networkId);
    const permissions = new Set([...permissionsOfRole.OWNER].filter((each) => each !== 'CATALOGUE_READ'));
    const change = (context: Context) => {
      context.viewer = { ...w.viewer('R'), permissions };
    };
    const { told, errors } = await toldAfter(fresh.db, w.viewer('R'), {
      document: everything,
      subscription: 'priceChanged',
      place,
      change,
    });
    expect([told, errors]).toEqual([[], [{ code: 'FORBIDDEN', permission: 'CATALOGUE_READ' }]]);
  });

  test('at the same cost, however many events and SKUs it is made of', async () => {
    const cost = async (count: number) => {
      const place = await placeOf(fresh.db, w.networkId);
      for (let each = 0; each < count; each += 1)
        await ruled('A', each % 2 === 0 ? { skuId: w.skus.steam, value: `0.${each + 11}` } : { value: `0.${each + 11}` });
      await placeOf(fresh.db, w.networkId);
      // each statement by its name: the counter names one again for each time that its connection was taken
      return [...new Set((await countStatements(fresh.db, () => first('T', place))).names)];
    };
    const one = await cost(1);
    expect(await cost(8)).toEqual(one);
    // the events, the path, the goods; then the SKUs, and their offers by line, facts and rules
    expect(one).toHaveLength(7);
  });
});

describe('of random changes of prices', () => {
  test('whoever pays another price is told it, what is told is what the catalogue says, and nobody hears of a line that is not his', async () => {
    let seed = 20261122;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const pick = <Each>(list: readonly Each[]) => list[random(list.length)] as Each;
    const below: Record<string, readonly Name[]> = { HQ: ['A', 'B', 'R', 'S', 'T'], A: ['R', 'S', 'T'], S: ['T'] };
    const children: Record<string, readonly Name[]> = { HQ: ['A', 'B'], A: ['R', 'S'], S: ['T'] };
    let changed = 0;
    for (let round = 0; round < 30; round += 1) {
      const by = pick(['HQ', 'A', 'S'] as const);
      const child = random(2) === 0 ? pick(children[by] ?? []) : null;
      const goods = pick(by === 'HQ' ? (['steam', 'xbox', 'nintendo'] as const) : GOODS);
      const scope = pick([
        { skuId: w.skus[goods] },
        { productId: w.products[goods] },
        { categoryId: w.categories['games'] ?? '' },
        {},
      ] as const);
      const kind = pick(['FIXED', 'PERCENT', 'PRICE'] as const);
      const value = kind === 'PRICE' ? String(15 + random(40)) : String(random(30) / 10);
      const place = await placeOf(fresh.db, w.networkId);
      const was = await catalogue();
      const input: SetMarkupRuleInput = {
        ...rule,
        ...scope,
        childId: child === null ? null : w.stations[child],
        kind,
        value,
        expectedVersion: null,
        reason: null,
      };
      let outcome = await setMarkupRule(fresh.db, w.viewer(by), input);
      if (outcome.kind === 'STALE_VERSION')
        outcome = await setMarkupRule(fresh.db, w.viewer(by), { ...input, expectedVersion: outcome.current.version });
      if (outcome.kind !== 'MARKUP_RULE_SET') continue;
      await placeOf(fresh.db, w.networkId);
      const is = await catalogue();
      const reached = child === null ? (below[by] ?? []) : [child, ...(below[child] ?? [])];
      const told = Object.fromEntries(await Promise.all(reached.map(async (name) => [name, pricesOf(await first(name, place))] as const)));
      for (const name of STATIONS) {
        const other = GOODS.filter((each) => is[name]?.[each] !== was[name]?.[each]);
        changed += other.length;
        for (const each of other) expect([round, name, each, told[name]?.[each]]).toEqual([round, name, each, is[name]?.[each]]);
        for (const [each, price] of Object.entries(told[name] ?? {}))
          expect([round, name, each, price]).toEqual([round, name, each, is[name]?.[each]]);
      }
      const unreached = STATIONS.filter((name) => !reached.includes(name));
      // nobody else's price has moved, and nobody else is told
      for (const name of unreached) expect([round, name, is[name]]).toEqual([round, name, was[name]]);
      for (const name of unreached) expect([round, name, await first(name, place)]).toEqual([round, name, null]);
    }
    expect(changed).toBeGreaterThan(20);
  }, 60_000);
});
