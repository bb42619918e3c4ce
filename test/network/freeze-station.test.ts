import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { freezeStation, unfreezeStation } from '#server/flows/freeze-station.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { createPriceLevel, setPriceLevel } from '#server/flows/set-price-level.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const network = () =>
  world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ' },
      B: { parent: 'A' },
      R: { parent: 'B', wallet: '100.00' },
      C: { parent: 'HQ', kind: 'SUBSTATION' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10.00' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '80.00', keys: 10 }],
  });
type Tree = World<'HQ' | 'A' | 'B' | 'R' | 'C', 'steam', 'S'>;
type Name = 'HQ' | 'A' | 'B' | 'R' | 'C';

const reason = '涉嫌低价引流，冻结核查';
const freeze = (w: Tree, by: Name, station: Name, expectedVersion = 1) =>
  freezeStation(fresh.db, w.viewer(by), { stationId: w.stations[station], expectedVersion, reason });
const unfreeze = (w: Tree, by: Name, station: Name, expectedVersion = 2) =>
  unfreezeStation(fresh.db, w.viewer(by), { stationId: w.stations[station], expectedVersion, reason });

let number = 0;
async function order(w: Tree): Promise<string | undefined> {
  number += 1;
  const [outcome] = await placeOrders(fresh.db, [
    {
      viewer: w.viewer('R'),
      channel: 'API',
      requestKey: `frozen ${number}`,
      skuId: w.skus.steam,
      quantity: 1,
      maxTotal: '10.00',
      externalRef: null,
      groupId: null,
    },
  ]);
  return outcome?.kind;
}
const reasonShown = async (w: Tree) =>
  (await catalogueEntries(fresh.db, w.viewer('R'), [w.skus.steam])).get(w.skus.steam)?.offer.notSellable;

describe('freezing a station', () => {
  test('lets no order of its whole downline through, and says so in the catalogue, until it is lifted', async () => {
    const w = await network();
    expect(await order(w)).toBe('ORDER_PLACED');
    expect(await freeze(w, 'HQ', 'A')).toMatchObject({ kind: 'STATION_FROZE', station: { status: 'FROZEN', version: 2 } });
    expect(await order(w)).toBe('STATION_FROZEN');
    expect(await reasonShown(w)).toBe('STATION_FROZEN');
    expect(await unfreeze(w, 'HQ', 'A')).toMatchObject({ kind: 'STATION_UNFROZE', station: { status: 'ACTIVE', version: 3 } });
    expect(await reasonShown(w)).toBeNull();
    expect(await order(w)).toBe('ORDER_PLACED');
  });

  test('is for any upline, never for oneself, for headquarters, a sibling or a stranger', async () => {
    const w = await network();
    const stranger = await network();
    expect((await freeze(w, 'A', 'A')).kind).toBe('NOT_ALLOWED');
    expect((await freeze(w, 'HQ', 'HQ')).kind).toBe('NOT_ALLOWED');
    expect((await freeze(w, 'A', 'HQ')).kind).toBe('NOT_FOUND');
    expect((await freeze(w, 'C', 'B')).kind).toBe('NOT_FOUND');
    const theirs = { stationId: w.stations.B, expectedVersion: 1, reason };
    expect((await freezeStation(fresh.db, stranger.viewer('HQ'), theirs)).kind).toBe('NOT_FOUND');
    expect((await freeze(w, 'A', 'R')).kind).toBe('STATION_FROZE');
  });

  test('a freeze from further up is lifted there and not below', async () => {
    const w = await network();
    await freeze(w, 'HQ', 'R');
    expect((await unfreeze(w, 'A', 'R')).kind).toBe('NOT_ALLOWED');
    expect((await unfreeze(w, 'B', 'R')).kind).toBe('NOT_ALLOWED');
    expect((await unfreeze(w, 'HQ', 'R')).kind).toBe('STATION_UNFROZE');
  });

  test('a freeze from below may be lifted from above', async () => {
    const w = await network();
    await freeze(w, 'B', 'R');
    expect((await unfreeze(w, 'A', 'R')).kind).toBe('STATION_UNFROZE');
  });

  test('needs the version that was seen: of two at once one is stale', async () => {
    const w = await network();
    const outcomes = await Promise.all([freeze(w, 'HQ', 'A'), freeze(w, 'HQ', 'A')]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['STALE_VERSION', 'STATION_FROZE']);
    expect(await freeze(w, 'HQ', 'A')).toMatchObject({ kind: 'STALE_VERSION', current: { version: 2, status: 'FROZEN' } });
    expect((await freeze(w, 'HQ', 'A', 2)).kind).toBe('NOT_ALLOWED');
  });

  test('is audited with its reason and told to the line', async () => {
    const w = await network();
    await freeze(w, 'HQ', 'B');
    const audited = await fresh.sql('SELECT action, data FROM audit_entry WHERE subject_id = $1', [w.stations.B]);
    expect(audited).toEqual([{ action: 'station.frozen', data: { reason } }]);
    const events = await fresh.sql('SELECT topic, audience FROM outbox_event WHERE subject_id = $1', [w.stations.B]);
    expect(events).toEqual([{ topic: 'station.frozen', audience: [w.hq, w.stations.A, w.stations.B] }]);
  });
});

describe('price levels', () => {
  test('are given by the direct parent, from its own', async () => {
    const w = await network();
    const made = await createPriceLevel(fresh.db, w.viewer('A'), '金牌');
    if (made.kind !== 'PRICE_LEVEL_CREATED') throw new Error(made.kind);
    const give = (by: Name, station: Name, levelId: string | null, expectedVersion = 1) =>
      setPriceLevel(fresh.db, w.viewer(by), { stationId: w.stations[station], levelId, expectedVersion });
    expect(await give('A', 'B', made.level.id)).toMatchObject({ kind: 'PRICE_LEVEL_SET', station: { levelId: made.level.id, version: 2 } });
    expect((await give('A', 'R', made.level.id)).kind).toBe('NOT_ALLOWED');
    expect((await give('B', 'R', made.level.id)).kind).toBe('NOT_FOUND');
    expect((await give('C', 'B', null)).kind).toBe('NOT_FOUND');
    expect((await give('A', 'B', null)).kind).toBe('STALE_VERSION');
    expect(await give('A', 'B', null, 2)).toMatchObject({ kind: 'PRICE_LEVEL_SET', station: { levelId: null } });
  });

  test('have a name of their own within their station', async () => {
    const w = await network();
    await createPriceLevel(fresh.db, w.viewer('A'), '金牌');
    expect(await createPriceLevel(fresh.db, w.viewer('A'), '金牌')).toMatchObject({ kind: 'INVALID_INPUT', field: 'name' });
    expect((await createPriceLevel(fresh.db, w.viewer('B'), '金牌')).kind).toBe('PRICE_LEVEL_CREATED');
    expect(await createPriceLevel(fresh.db, w.viewer('A'), ' ')).toMatchObject({ kind: 'INVALID_INPUT' });
  });
});
