import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  actingStation,
  childCounts,
  childrenPage,
  downlineCount,
  downlinePage,
  levelStationCounts,
  levelsByIds,
  namedStations,
  ownLevels,
  stationsByIds,
} from '#server/network/reads.ts';
import { downlineAfter } from '#server/network/sql.ts';
import type { PageRequest } from '#server/platform/page.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

type Name = 'HQ' | 'A' | 'B' | 'B2' | 'R' | 'C' | 'D';
let fresh: FreshDatabase;
let w: World<Name, never, 'S'>;
let stranger: World<'HQ', never, never>;
beforeAll(async () => {
  fresh = await freshDatabase();
  w = await world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', level: 'gold' },
      B: { parent: 'A', level: 'silver' },
      B2: { parent: 'A', status: 'FROZEN' },
      R: { parent: 'B' },
      C: { parent: 'HQ', level: 'gold' },
      D: { parent: 'C' },
    },
    suppliers: ['S'],
  });
  stranger = await world(fresh.db, { stations: { HQ: {} } });
});
afterAll(() => fresh.drop());

const all = () => Object.values<string>(w.stations);
const names = (ids: Iterable<string>) => {
  const byId = new Map(Object.entries<string>(w.stations).map(([name, id]) => [id, name]));
  return [...ids].map((id) => byId.get(id) ?? '?').sort();
};
const first = (count: number, from: string | null = null): PageRequest => ({ count, direction: 'FORWARD', from });
const last = (count: number, from: string | null = null): PageRequest => ({ count, direction: 'BACKWARD', from });

describe('what a station sees of the tree', () => {
  test('itself and its downline whole, its parent by name, no sibling, no upline beyond, no cousin', async () => {
    const seen = await stationsByIds(fresh.db.pool, w.viewer('A'), all());
    expect(Object.fromEntries([...seen.values()].map(({ name, sight }) => [name, sight]))).toEqual({
      HQ: 'NAME_ONLY',
      A: 'SELF',
      B: 'DOWNLINE',
      B2: 'DOWNLINE',
      R: 'DOWNLINE',
    });
    expect(names((await stationsByIds(fresh.db.pool, w.viewer('R'), all())).keys())).toEqual(['B', 'R']);
  });

  test('headquarters sees all of its own network and nothing of another', async () => {
    expect((await stationsByIds(fresh.db.pool, w.viewer('HQ'), all())).size).toBe(7);
    expect((await stationsByIds(fresh.db.pool, stranger.viewer('HQ'), all())).size).toBe(0);
    expect((await namedStations(fresh.db.pool, stranger.viewer('HQ'), all())).size).toBe(0);
  });

  test('a supplier sees none of the resale side', async () => {
    const supplier = w.viewer('S');
    expect((await stationsByIds(fresh.db.pool, supplier, all())).size).toBe(0);
    expect((await namedStations(fresh.db.pool, supplier, all())).size).toBe(0);
    expect(await actingStation(fresh.db.pool, supplier)).toBeNull();
    expect(await downlinePage(fresh.db.pool, supplier, w.hq, {}, first(10))).toBeNull();
    expect(await ownLevels(fresh.db.pool, supplier)).toEqual([]);
  });

  test('a station that an order names, and the tree no longer shows, is a name only', async () => {
    const named = await namedStations(fresh.db.pool, w.viewer('A'), [w.stations.D, w.stations.B]);
    expect([named.get(w.stations.D)?.sight, named.get(w.stations.B)?.sight]).toEqual(['NAME_ONLY', 'DOWNLINE']);
  });
});

describe('lists of stations', () => {
  test('direct children page forwards and backwards in order of opening', async () => {
    const page = await childrenPage(fresh.db.pool, w.viewer('HQ'), w.stations.A, first(1));
    expect([page?.rows.map(({ name }) => name), page?.hasMore]).toEqual([['B'], true]);
    const next = await childrenPage(fresh.db.pool, w.viewer('HQ'), w.stations.A, first(1, page?.rows[0]?.id));
    expect([next?.rows.map(({ name }) => name), next?.hasMore]).toEqual([['B2'], false]);
    const before = await childrenPage(fresh.db.pool, w.viewer('HQ'), w.stations.A, last(5, next?.rows[0]?.id));
    expect([before?.rows.map(({ name }) => name), before?.hasMore]).toEqual([['B'], false]);
  });

  test('the downline runs in tree order, a parent before its children, and pages without a gap either way', async () => {
    const whole = await downlinePage(fresh.db.pool, w.viewer('HQ'), w.hq, {}, first(100));
    expect(whole?.rows.map(({ name }) => name)).toEqual(['A', 'B', 'R', 'B2', 'C', 'D']);
    const forwards: string[] = [];
    for (let from: string | null = null; ; ) {
      const page = await downlinePage(fresh.db.pool, w.viewer('HQ'), w.hq, {}, first(4, from));
      forwards.push(...(page?.rows.map(({ name }) => name) ?? []));
      from = page?.rows.at(-1)?.id ?? null;
      if (!page?.hasMore) break;
    }
    expect(forwards).toEqual(['A', 'B', 'R', 'B2', 'C', 'D']);
    const end = await downlinePage(fresh.db.pool, w.viewer('HQ'), w.hq, {}, last(2));
    expect([end?.rows.map(({ name }) => name), end?.hasMore]).toEqual([['C', 'D'], true]);
    const before = await downlinePage(fresh.db.pool, w.viewer('HQ'), w.hq, {}, last(3, end?.rows[0]?.id));
    expect(before?.rows.map(({ name }) => name)).toEqual(['B', 'R', 'B2']);
  });

  test('a downline is searched by name or code, in any case, literally, and by status', async () => {
    const found = async (search: string) =>
      (await downlinePage(fresh.db.pool, w.viewer('A'), w.stations.A, { search }, first(10)))?.rows.map(({ name }) => name);
    expect(await found('b')).toEqual(['B', 'B2']);
    expect(await found('D')).toEqual([]);
    expect(await found('%')).toEqual([]);
    const frozen = await downlinePage(fresh.db.pool, w.viewer('A'), w.stations.A, { status: 'FROZEN' }, first(10));
    expect(frozen?.rows.map(({ name }) => name)).toEqual(['B2']);
    expect(await downlineCount(fresh.db.pool, w.viewer('A'), w.stations.A, { search: 'b' })).toBe(2);
    expect(await downlineCount(fresh.db.pool, w.viewer('HQ'), w.hq, {})).toBe(6);
  });

  test('nobody lists the children of a parent, a sibling or a stranger', async () => {
    expect(await childrenPage(fresh.db.pool, w.viewer('A'), w.hq, first(10))).toBeNull();
    expect(await childrenPage(fresh.db.pool, w.viewer('A'), w.stations.C, first(10))).toBeNull();
    expect(await downlinePage(fresh.db.pool, w.viewer('A'), w.stations.C, {}, first(10))).toBeNull();
    expect(await downlineCount(fresh.db.pool, w.viewer('A'), w.hq, {})).toBe(0);
    expect(await downlinePage(fresh.db.pool, stranger.viewer('HQ'), w.stations.A, {}, first(10))).toBeNull();
  });

  test('children are counted for many stations at once, and only where the reader sees into them', async () => {
    const counts = await childCounts(fresh.db.pool, w.viewer('A'), all());
    expect(Object.fromEntries([...counts].map(([id, count]) => [names([id])[0], count]))).toEqual({
      HQ: 0,
      A: 2,
      B: 1,
      B2: 0,
      R: 0,
      C: 0,
      D: 0,
    });
  });

  test('levels are their giver’s and its upline’s to see, never those one was given', async () => {
    const [gold, silver] = [w.levels['HQ/gold'] ?? '', w.levels['A/silver'] ?? ''];
    expect((await ownLevels(fresh.db.pool, w.viewer('A'))).map(({ name }) => name)).toEqual(['silver']);
    expect([...(await levelsByIds(fresh.db.pool, w.viewer('A'), [gold, silver])).keys()]).toEqual([silver]);
    expect((await levelsByIds(fresh.db.pool, w.viewer('HQ'), [gold, silver])).size).toBe(2);
    expect(await levelStationCounts(fresh.db.pool, w.viewer('HQ'), [gold, silver])).toEqual(
      new Map([
        [gold, 2],
        [silver, 1],
      ]),
    );
    expect(await levelStationCounts(fresh.db.pool, w.viewer('A'), [gold])).toEqual(new Map([[gold, 0]]));
  });

  test('a page of the downline is one range of the path index, whatever the size of the network', async () => {
    const big = await world(fresh.db, { stations: { HQ: {}, X: { parent: 'HQ', kind: 'SUBSTATION' } } });
    await fresh.sql(
      `INSERT INTO station (network_id, id, parent_id, kind, name, code, path, depth, created_at, updated_at)
       SELECT $1, v.id, $2, 'RESELLER', 'n' || v.n, 'n' || v.n, ARRAY[$2::uuid, v.id], 1, now(), now()
       FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 20000) n) v`,
      [big.networkId, big.hq],
    );
    await fresh.sql('ANALYZE station');
    const [explained] = await fresh.sql<{ 'QUERY PLAN': unknown }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${downlineAfter.text.replaceAll(/\$(\d)/g, (_, n: string) => [`'${big.networkId}'`, `'${big.hq}'`, 'NULL', 'NULL', 'NULL', '21'][Number(n) - 1] ?? '')}`,
    );
    const plan = JSON.stringify(explained?.['QUERY PLAN']);
    expect(plan).toContain('station_network_id_path_idx');
    expect(plan).not.toContain('"Sort"');
    expect(plan).not.toContain('Seq Scan');
  });
});
