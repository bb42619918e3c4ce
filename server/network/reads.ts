import type { Queryable } from '#server/platform/database.ts';
import { containing, type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { Reader } from '#server/platform/reader.ts';
import { type Sight, type StationStatus, sightOf } from './rules.ts';
import {
  countDownlines,
  type NetworkRecord,
  type PriceLevelRecord,
  type StationRecord,
  selectChildCounts,
  selectChildren,
  selectDownlines,
  selectLevelCounts,
  selectLevels,
  selectNetwork,
  selectStations,
  selectVisibleLevels,
  selectVisibleStations,
} from './sql.ts';

/** A station with how much of it the reader is shown. Of NAME_ONLY, nothing but id, name, code and kind may leave the server. */
export type SeenStation = StationRecord & { readonly sight: Sight };

/** How a downline is searched: `search` is a part of the name or the code, in any case. */
export type DownlineFilter = { readonly search?: string | null; readonly status?: StationStatus | null };

/**
 * The station whose subtree is all that the reader sees of the tree (its parent's name apart); null for a supplier, who sees
 * none of the resale side (domain §2). Every read below begins with it.
 */
export function visibleStations(viewer: Reader): { readonly networkId: string; readonly stationId: string } | null {
  return viewer.party.kind === 'STATION' ? { networkId: viewer.networkId, stationId: viewer.party.stationId } : null;
}

/** The reader's own network. */
export async function networkOf(db: Queryable, viewer: Reader): Promise<NetworkRecord> {
  return selectNetwork(db, viewer.networkId);
}

/** The acting station; null for a supplier. */
export async function actingStation(db: Queryable, viewer: Reader): Promise<SeenStation | null> {
  const scope = visibleStations(viewer);
  return scope && ((await stationsByIds(db, viewer, [scope.stationId])).get(scope.stationId) ?? null);
}

/** Of these stations, those that the reader may see: itself, its downline, and its parent by name alone. Never a sibling. */
export async function stationsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, SeenStation>> {
  const scope = visibleStations(viewer);
  if (scope === null || ids.length === 0) return new Map();
  return seen(scope.stationId, await selectVisibleStations(db, scope, ids));
}

/**
 * Stations that an object of the reader's own names (the buyer of an order in its frozen chain, say), which today's tree may no
 * longer show it: those are NAME_ONLY. Only for ids that come from a row that the reader may see, never from an input.
 */
export async function namedStations(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, SeenStation>> {
  const scope = visibleStations(viewer);
  if (scope === null || ids.length === 0) return new Map();
  return seen(scope.stationId, await selectStations(db, scope.networkId, ids));
}

/**
 * A page of the direct children of each of these stations, in order of opening, in two statements. Stations that the reader does
 * not see into have no entry.
 */
export async function childrenPages(
  db: Queryable,
  viewer: Reader,
  stationIds: readonly string[],
  page: PageRequest,
): Promise<Map<string, Page<SeenStation>>> {
  const open = await openStations(db, viewer, stationIds);
  const cut = { direction: page.direction, from: page.from, limit: page.count + 1 };
  return pagesOf(viewer, open, page, open.length === 0 ? new Map() : await selectChildren(db, viewer.networkId, open, cut));
}

/** A page of a station's direct children; null when the reader does not see into the station. */
export async function childrenPage(db: Queryable, viewer: Reader, stationId: string, page: PageRequest): Promise<Page<SeenStation> | null> {
  return (await childrenPages(db, viewer, [stationId], page)).get(stationId) ?? null;
}

/**
 * A page of the downline of each of these stations in tree order (a parent before its children), in two statements. Stations
 * that the reader does not see into have no entry.
 */
export async function downlinePages(
  db: Queryable,
  viewer: Reader,
  stationIds: readonly string[],
  filter: DownlineFilter,
  page: PageRequest,
): Promise<Map<string, Page<SeenStation>>> {
  const open = await openStations(db, viewer, stationIds);
  const cut = { ...cutOf(filter), direction: page.direction, from: page.from, limit: page.count + 1 };
  return pagesOf(viewer, open, page, open.length === 0 ? new Map() : await selectDownlines(db, viewer.networkId, open, cut));
}

/** A page of a station's downline; null when the reader does not see into the station. */
export async function downlinePage(
  db: Queryable,
  viewer: Reader,
  stationId: string,
  filter: DownlineFilter,
  page: PageRequest,
): Promise<Page<SeenStation> | null> {
  return (await downlinePages(db, viewer, [stationId], filter, page)).get(stationId) ?? null;
}

/** How many stations each of those lists has; 0 for stations that the reader does not see into. */
export async function downlineCounts(
  db: Queryable,
  viewer: Reader,
  stationIds: readonly string[],
  filter: DownlineFilter,
): Promise<Map<string, number>> {
  const open = await openStations(db, viewer, stationIds);
  const counts = open.length === 0 ? new Map<string, number>() : await countDownlines(db, viewer.networkId, open, cutOf(filter));
  return new Map(stationIds.map((id) => [id, counts.get(id) ?? 0]));
}

/** How many stations the downline page's list has. */
export async function downlineCount(db: Queryable, viewer: Reader, stationId: string, filter: DownlineFilter): Promise<number> {
  return (await downlineCounts(db, viewer, [stationId], filter)).get(stationId) ?? 0;
}

/** How many direct children each of these stations has. Stations that the reader does not see into count 0. */
export async function childCounts(db: Queryable, viewer: Reader, stationIds: readonly string[]): Promise<Map<string, number>> {
  const open = await openStations(db, viewer, stationIds);
  const counts = open.length === 0 ? new Map<string, number>() : await selectChildCounts(db, viewer.networkId, open);
  return new Map(stationIds.map((id) => [id, counts.get(id) ?? 0]));
}

/** The price levels that the acting station gives, in order of creation; none for a supplier. */
export async function ownLevels(db: Queryable, viewer: Reader): Promise<PriceLevelRecord[]> {
  const scope = visibleStations(viewer);
  return scope === null ? [] : selectLevels(db, scope.networkId, scope.stationId);
}

/** Of these levels, those that the reader or its downline gives: nobody reads which level its own parent put it in. */
export async function levelsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, PriceLevelRecord>> {
  const scope = visibleStations(viewer);
  return scope === null || ids.length === 0 ? new Map() : selectVisibleLevels(db, scope, ids);
}

/** How many stations have each of these levels; only levels from `levelsByIds` or `ownLevels` belong here. */
export async function levelStationCounts(db: Queryable, viewer: Reader, levelIds: readonly string[]): Promise<Map<string, number>> {
  const visible = await levelsByIds(db, viewer, levelIds);
  const counts = visible.size === 0 ? new Map<string, number>() : await selectLevelCounts(db, viewer.networkId, [...visible.keys()]);
  return new Map(levelIds.map((id) => [id, counts.get(id) ?? 0]));
}

/** Of these stations, those that the reader sees into: itself and its downline. The reader's own needs no look. */
async function openStations(db: Queryable, viewer: Reader, stationIds: readonly string[]): Promise<string[]> {
  const scope = visibleStations(viewer);
  if (scope === null) return [];
  if (stationIds.every((id) => id === scope.stationId)) return [...stationIds];
  const stations = await stationsByIds(db, viewer, stationIds);
  return stationIds.filter((id) => (stations.get(id)?.sight ?? 'NAME_ONLY') !== 'NAME_ONLY');
}

function pagesOf(
  viewer: Reader,
  open: readonly string[],
  page: PageRequest,
  rows: ReadonlyMap<string, readonly StationRecord[]>,
): Map<string, Page<SeenStation>> {
  const viewerId = visibleStations(viewer)?.stationId ?? '';
  return new Map(
    open.map((id) => [
      id,
      pageOf(
        page,
        (rows.get(id) ?? []).map((station) => seenBy(viewerId, station)),
      ),
    ]),
  );
}

function cutOf({ search, status }: DownlineFilter): { pattern: string | null; status: StationStatus | null } {
  return { pattern: search ? containing(search) : null, status: status ?? null };
}

function seen(viewerStationId: string, stations: ReadonlyMap<string, StationRecord>): Map<string, SeenStation> {
  return new Map([...stations].map(([id, station]) => [id, seenBy(viewerStationId, station)]));
}

/** A station as the acting station sees it; only for stations that it may see. */
export function seenBy(viewerStationId: string, station: StationRecord): SeenStation {
  return { ...station, sight: sightOf(viewerStationId, station) };
}
