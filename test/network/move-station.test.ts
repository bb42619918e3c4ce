import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { moveStation } from '#server/flows/move-station.ts';
import { openStation } from '#server/flows/open-station.ts';
import { type PlaceOrderOutcome, placeOrders } from '#server/flows/place-orders.ts';
import { toUnitPriceString } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 20 });
});
afterAll(() => fresh.drop());

const network = (over: { credit?: string; wallet?: string } = {}) =>
  world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', level: 'gold' },
      B: { parent: 'A', level: 'silver' },
      R: { parent: 'B', wallet: over.wallet ?? '1000.00', creditLimit: over.credit ?? '0.00' },
      C: { parent: 'HQ', kind: 'SUBSTATION' },
      D: { parent: 'C' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10.00' } },
    rules: [
      { by: 'A', child: 'B', kind: 'FIXED', value: '1' },
      { by: 'A', level: 'silver', kind: 'FIXED', value: '2' },
      { by: 'C', kind: 'FIXED', value: '5' },
    ],
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '80.00', keys: 10 }],
  });

type Tree = World<'HQ' | 'A' | 'B' | 'R' | 'C' | 'D', 'steam', 'S'>;
const move = (w: Tree, by: keyof Tree['stations'], station: keyof Tree['stations'], to: keyof Tree['stations'], expectedVersion = 1) =>
  moveStation(fresh.db, w.viewer(by), { stationId: w.stations[station], newParentId: w.stations[to], expectedVersion });

async function placed(w: Tree, requestKey: string, quantity = 1): Promise<PlaceOrderOutcome | undefined> {
  const request = {
    viewer: w.viewer('R'),
    channel: 'API',
    skuId: w.skus.steam,
    maxTotal: '1000.00',
    externalRef: null,
    groupId: null,
  } as const;
  return (await placeOrders(fresh.db, [{ ...request, requestKey, quantity }]))[0];
}

async function priceOfR(w: Tree): Promise<string | null> {
  const price = (await catalogueEntries(fresh.db, w.viewer('R'), [w.skus.steam])).get(w.skus.steam)?.offer.unitPrice;
  return price ? toUnitPriceString(price) : null;
}

const pathOf = async (w: Tree, station: keyof Tree['stations']) =>
  (await fresh.sql<{ path: string[] }>('SELECT path FROM station WHERE id = $1', [w.stations[station]]))[0]?.path;

describe('moving a station', () => {
  test('takes its subtree along: paths and depths of all of it begin with the new line', async () => {
    const w = await network();
    expect((await move(w, 'HQ', 'B', 'C')).kind).toBe('STATION_MOVED');
    expect(await pathOf(w, 'B')).toEqual([w.hq, w.stations.C, w.stations.B]);
    expect(await pathOf(w, 'R')).toEqual([w.hq, w.stations.C, w.stations.B, w.stations.R]);
    expect((await move(w, 'HQ', 'B', 'HQ', 2)).kind).toBe('STATION_MOVED');
    const rows = await fresh.sql('SELECT depth, parent_id, version FROM station WHERE id = ANY ($1) ORDER BY depth', [
      [w.stations.B, w.stations.R],
    ]);
    expect(rows).toEqual([
      { depth: 1, parent_id: w.hq, version: 3 },
      { depth: 2, parent_id: w.stations.B, version: 1 },
    ]);
  });

  test('ends the old parent’s level and its rules for the station, and no other rule', async () => {
    const w = await network();
    await move(w, 'HQ', 'B', 'C');
    const [station] = await fresh.sql('SELECT level_id FROM station WHERE id = $1', [w.stations.B]);
    expect(station).toEqual({ level_id: null });
    const rules = await fresh.sql<{ ended: boolean }>(
      'SELECT valid_to IS NOT NULL AS ended FROM markup_rule WHERE network_id = $1 ORDER BY id',
      [w.networkId],
    );
    expect(rules.map(({ ended }) => ended)).toEqual([true, false, false]);
  });

  test('prices follow the new line at once', async () => {
    const w = await network();
    expect(await priceOfR(w)).toBe('11.0000');
    await move(w, 'HQ', 'B', 'C');
    expect(await priceOfR(w)).toBe('15.0000');
  });

  test('an order that was placed keeps its chain, and who stood in it', async () => {
    const w = await network();
    const order = await placed(w, 'before the move');
    await move(w, 'HQ', 'B', 'C');
    if (order?.kind !== 'ORDER_PLACED') throw new Error(order?.kind);
    const [row] = await fresh.sql<{ buyer_path: string[] }>('SELECT buyer_path FROM orders WHERE id = $1', [order.orderId]);
    expect(row?.buyer_path).toEqual([w.hq, w.stations.A, w.stations.B, w.stations.R]);
    const hops = await fresh.sql<{ station_id: string }>('SELECT station_id FROM order_hop WHERE order_id = $1 ORDER BY distance DESC', [
      order.orderId,
    ]);
    expect(hops.map(({ station_id }) => station_id)).toEqual([w.hq, w.stations.A, w.stations.B, w.stations.R]);
  });

  test('orders placed while the station moves have the old chain or the new one, never a mixture, and the price that belongs to it', async () => {
    const w = await network();
    const orders = Array.from({ length: 10 }, (_, index) => placed(w, `during ${index}`));
    await Promise.all([...orders, move(w, 'HQ', 'B', 'C')]);
    const rows = await fresh.sql<{ buyer_path: string[]; unit_price: string }>(
      'SELECT buyer_path, unit_price FROM orders WHERE network_id = $1',
      [w.networkId],
    );
    expect(rows).toHaveLength(10);
    const before = { buyer_path: [w.hq, w.stations.A, w.stations.B, w.stations.R], unit_price: '11.0000' };
    const after = { buyer_path: [w.hq, w.stations.C, w.stations.B, w.stations.R], unit_price: '15.0000' };
    for (const row of rows) expect([before, after]).toContainEqual(row);
  });

  test('is refused where it would make a circle, also below itself', async () => {
    const w = await network();
    expect(await move(w, 'HQ', 'A', 'B')).toEqual({ kind: 'MOVE_REFUSED', reason: 'CIRCLE' });
    expect(await move(w, 'HQ', 'A', 'A')).toEqual({ kind: 'MOVE_REFUSED', reason: 'CIRCLE' });
  });

  test('is refused to where it is, and below a reseller', async () => {
    const w = await network();
    expect(await move(w, 'HQ', 'B', 'A')).toEqual({ kind: 'MOVE_REFUSED', reason: 'SAME_PARENT' });
    expect(await move(w, 'HQ', 'B', 'D')).toEqual({ kind: 'MOVE_REFUSED', reason: 'NOT_A_PARENT' });
  });

  test('is refused when a station of the subtree would be deeper than 12', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 11 }, (_, index) => [
        `L${index + 1}`,
        { parent: index === 0 ? 'HQ' : `L${index}`, kind: 'SUBSTATION' as const },
      ]),
    );
    const w = await world<string>(fresh.db, { stations: { HQ: {}, ...chain, M: { parent: 'HQ' }, N: { parent: 'M' } } });
    const to = (parent: string) =>
      moveStation(fresh.db, w.viewer('HQ'), { stationId: w.stations.M ?? '', newParentId: w.stations[parent] ?? '', expectedVersion: 1 });
    expect(await to('L11')).toEqual({ kind: 'MOVE_REFUSED', reason: 'TOO_DEEP' });
    expect((await to('L10')).kind).toBe('STATION_MOVED');
  });

  test('is refused while a station of the subtree has credit in use, and let through when it is repaid', async () => {
    const w = await network({ wallet: '5.00', credit: '100.00' });
    expect((await placed(w, 'on credit'))?.kind).toBe('ORDER_PLACED');
    expect(await move(w, 'HQ', 'B', 'C')).toEqual({ kind: 'MOVE_REFUSED', reason: 'OPEN_CREDIT' });
    const solvent = await network({ credit: '100.00' });
    expect((await move(solvent, 'HQ', 'B', 'C')).kind).toBe('STATION_MOVED');
  });

  test('needs the version that the mover saw', async () => {
    const w = await network();
    await move(w, 'HQ', 'B', 'C');
    const second = await move(w, 'HQ', 'B', 'HQ');
    expect(second).toMatchObject({ kind: 'STALE_VERSION', current: { id: w.stations.B, version: 2, parentId: w.stations.C } });
  });

  test('is for a station above both: not for itself, a sibling or a stranger', async () => {
    const w = await network();
    const stranger = await network();
    expect((await move(w, 'B', 'B', 'A')).kind).toBe('NOT_FOUND');
    expect((await move(w, 'A', 'B', 'C')).kind).toBe('NOT_FOUND');
    expect((await move(w, 'C', 'B', 'C')).kind).toBe('NOT_FOUND');
    expect(
      (await moveStation(fresh.db, stranger.viewer('HQ'), { stationId: w.stations.B, newParentId: w.stations.C, expectedVersion: 1 })).kind,
    ).toBe('NOT_FOUND');
    expect((await move(w, 'A', 'A', 'B')).kind).toBe('NOT_ALLOWED');
    expect((await move(w, 'A', 'R', 'A')).kind).toBe('STATION_MOVED');
  });
});

describe('moves at the same time', () => {
  test('two moves that would make a circle together: one is done, the other refused, ten times', async () => {
    for (let round = 0; round < 10; round += 1) {
      const w = await world(fresh.db, {
        stations: { HQ: {}, X: { parent: 'HQ', kind: 'SUBSTATION' }, Y: { parent: 'HQ', kind: 'SUBSTATION' } },
      });
      const to = (stationId: string, newParentId: string) =>
        moveStation(fresh.db, w.viewer('HQ'), { stationId, newParentId, expectedVersion: 1 });
      const outcomes = await Promise.all([to(w.stations.X, w.stations.Y), to(w.stations.Y, w.stations.X)]);
      const kinds = outcomes.map((outcome) => (outcome.kind === 'MOVE_REFUSED' ? outcome.reason : outcome.kind)).sort();
      expect(kinds).toEqual(['CIRCLE', 'STATION_MOVED']);
    }
  });

  test('a station opened while its parent moves stands under the parent’s new path', async () => {
    for (let round = 0; round < 10; round += 1) {
      const w = await network();
      const input = {
        parentId: w.stations.B,
        kind: 'RESELLER',
        name: 'new',
        code: 'NEW',
        levelId: null,
        ownerEmail: null,
        ownerName: null,
      } as const;
      const [, opened] = await Promise.all([
        move(w, 'HQ', 'B', 'C'),
        openStation(fresh.db, w.viewer('HQ'), { ...input, requestKey: 'while moving' }),
      ]);
      expect(opened.kind).toBe('STATION_OPENED');
      const [child] = await fresh.sql<{ path: string[] }>(`SELECT path FROM station WHERE network_id = $1 AND code = 'NEW'`, [w.networkId]);
      expect(child?.path.slice(0, -1)).toEqual([w.hq, w.stations.C, w.stations.B]);
    }
  });
});
