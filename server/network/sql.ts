import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, currencyCode } from '#server/platform/money.ts';
import type { PlacedStation, StationKind, StationStatus, StationTies } from './rules.ts';

/** A station as it is stored. */
export type StationRecord = PlacedStation & {
  readonly name: string;
  readonly code: string;
  /** the price level that its parent gave it */
  readonly levelId: string | null;
  readonly version: number;
  readonly createdAt: Date;
};

/** A station of a line, as prices need it: structurally a `ChainStation` of the pricing rules. */
export type LineStation = {
  readonly id: string;
  readonly levelId: string | null;
  readonly status: StationStatus;
  readonly costGuard: 'HIDE' | 'ALLOW_LOSS';
};

/** What every rule needs to know of a network. */
export type NetworkRecord = { id: string; name: string; currency: CurrencyCode; timeZone: string; commissionLevelsMax: number };

/** A label that a station gives to its children so that a markup rule can name them. */
export type PriceLevelRecord = { id: string; stationId: string; name: string; version: number };

type StationRow = {
  id: string;
  parent_id: string | null;
  kind: StationKind;
  status: StationStatus;
  name: string;
  code: string;
  path: string[];
  depth: number;
  level_id: string | null;
  frozen_by: string | null;
  version: number;
  created_at: Date;
};

const STATION_COLUMNS = `s.id, s.parent_id, s.kind::text, s.status::text, s.name, s.code, s.path, s.depth, s.level_id, s.frozen_by, s.version, s.created_at`;

// The subtree of a path is one range of station_network_id_path_idx: arrays compare element by element, a prefix before its
// extensions, and no id is above the all-ones uuid.
const FIRST = `'00000000-0000-0000-0000-000000000000'::uuid`;
const LAST = `'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid`;

/** Stations by id, of the whole network. Index: primary key. */
const stationsOfNetwork: Statement<StationRow> = statement(
  'network.stationsOfNetwork',
  `SELECT ${STATION_COLUMNS} FROM station s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])`,
);

/** Stations by id wherever they stand in the network: whoever calls this decides who may see them. */
export async function selectStations(db: Queryable, networkId: string, ids: readonly string[]): Promise<Map<string, StationRecord>> {
  const rows = await run(db, stationsOfNetwork, [networkId, ids]);
  return new Map(rows.map((row) => [row.id, stationOf(row)]));
}

/**
 * The stations that a station ($2) may see, of those asked for ($3): itself, its downline, and its own parent.
 * Index: primary key; the path of a row tells whether the viewer is above it.
 */
const visibleStations: Statement<StationRow> = statement(
  'network.visibleStations',
  `SELECT ${STATION_COLUMNS} FROM station s WHERE s.network_id = $1 AND s.id = ANY ($3::uuid[])
     AND ($2 = ANY (s.path) OR s.id = (SELECT v.parent_id FROM station v WHERE v.network_id = $1 AND v.id = $2))`,
);

/** Of these stations, those that the station may see, by id. */
export async function selectVisibleStations(
  db: Queryable,
  viewer: { networkId: string; stationId: string },
  ids: readonly string[],
): Promise<Map<string, StationRecord>> {
  const rows = await run(db, visibleStations, [viewer.networkId, viewer.stationId, ids]);
  return new Map(rows.map((row) => [row.id, stationOf(row)]));
}

type LineRow = {
  of_id: string;
  id: string;
  level_id: string | null;
  status: StationStatus;
  cost_guard: LineStation['costGuard'];
};

/** The lines from HQ down to each of the stations ($2), whole, in order. Indexes: primary key, twice. No locks. */
const linesOfStations: Statement<LineRow> = statement(
  'network.linesOfStations',
  `SELECT v.id AS of_id, s.id, s.level_id, s.status::text, s.cost_guard::text
   FROM station v CROSS JOIN LATERAL unnest(v.path) WITH ORDINALITY AS step (station_id, position)
   JOIN station s ON s.network_id = $1 AND s.id = step.station_id
   WHERE v.network_id = $1 AND v.id = ANY ($2::uuid[]) ORDER BY v.id, step.position`,
);

/** For each of the stations, its line from HQ down to itself. A station that does not exist has no entry. */
export async function loadLines(db: Queryable, networkId: string, stationIds: readonly string[]): Promise<Map<string, LineStation[]>> {
  const rows = await run(db, linesOfStations, [networkId, stationIds]);
  const lines = new Map<string, LineStation[]>();
  for (const row of rows) {
    const line = lines.get(row.of_id) ?? [];
    line.push({ id: row.id, levelId: row.level_id, status: row.status, costGuard: row.cost_guard });
    lines.set(row.of_id, line);
  }
  return lines;
}

/** The line from HQ down to one station, in order: its plan is kept, which one for an array of stations is not. Index: primary key, twice. */
const lineOfStation: Statement<Omit<LineRow, 'of_id'>> = statement(
  'network.lineOfStation',
  `SELECT s.id, s.level_id, s.status::text, s.cost_guard::text
   FROM station v CROSS JOIN LATERAL unnest(v.path) WITH ORDINALITY AS step (station_id, position)
   JOIN station s ON s.network_id = $1 AND s.id = step.station_id
   WHERE v.network_id = $1 AND v.id = $2 ORDER BY step.position`,
);

/** The line from HQ down to a station; empty when there is no such station. */
export async function loadLine(db: Queryable, networkId: string, stationId: string): Promise<LineStation[]> {
  const rows = await run(db, lineOfStation, [networkId, stationId]);
  return rows.map((row) => ({ id: row.id, levelId: row.level_id, status: row.status, costGuard: row.cost_guard }));
}

/** Where stations stand now. Index: primary key. */
const pathsOfStations: Statement<{ id: string; path: string[] }> = statement(
  'network.pathsOfStations',
  'SELECT s.id, s.path FROM station s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])',
);

/** True when each station still stands where its line says: what was read after the line then belongs to it. */
export async function linesStand(db: Queryable, networkId: string, lines: ReadonlyMap<string, readonly LineStation[]>): Promise<boolean> {
  const rows = await run(db, pathsOfStations, [networkId, [...lines.keys()]]);
  return rows.every(
    ({ id, path }) =>
      path.join() ===
      lines
        .get(id)
        ?.map((station) => station.id)
        .join(),
  );
}

type ChildLineRow = { id: string; level_id: string | null; status: StationStatus; cost_guard: LineStation['costGuard'] };

/** Direct children that a rule's target takes in. Index: station_network_id_parent_id_id_idx. $3 child, $4 level: null takes in all. */
const childLines: Statement<ChildLineRow> = statement(
  'network.childLines',
  `SELECT s.id, s.level_id, s.status::text, s.cost_guard::text FROM station s
   WHERE s.network_id = $1 AND s.parent_id = $2 AND s.status <> 'CLOSED'
     AND ($3::uuid IS NULL OR s.id = $3) AND ($4::uuid IS NULL OR s.level_id = $4) ORDER BY s.id LIMIT $5`,
);

/** The first direct children, by opening, of a station that are not closed: one, those of a level, or all. */
export async function selectChildLines(
  db: Queryable,
  parent: { networkId: string; stationId: string },
  target: { childId: string | null; levelId: string | null },
  limit: number,
): Promise<LineStation[]> {
  const rows = await run(db, childLines, [parent.networkId, parent.stationId, target.childId, target.levelId, limit]);
  return rows.map((row) => ({ id: row.id, levelId: row.level_id, status: row.status, costGuard: row.cost_guard }));
}

const networkById: Statement<{ id: string; name: string; currency: string; time_zone: string; commission_levels_max: number }> = statement(
  'network.networkById',
  'SELECT n.id, n.name, n.currency, n.time_zone, n.commission_levels_max FROM network n WHERE n.id = $1',
);

/** The network; throws when it is not there, since its id comes from a viewer and not from an input. */
export async function selectNetwork(db: Queryable, networkId: string): Promise<NetworkRecord> {
  const [row] = await run(db, networkById, [networkId]);
  if (!row) throw new Error(`no network ${networkId}`);
  const { id, name, currency, time_zone, commission_levels_max } = row;
  return { id, name, currency: currencyCode(currency), timeZone: time_zone, commissionLevelsMax: commission_levels_max };
}

const networkDays: Statement<{ id: string; time_zone: string }> = statement(
  'network.networkDays',
  'SELECT n.id, n.time_zone FROM network n ORDER BY n.id',
);

/** All networks with the zone of their days. A deployment has few: the table is read through. */
export function selectNetworkDays(db: Queryable) {
  return run(db, networkDays, []);
}

/** Networks by name or id. A deployment has few: the table is read through. */
const networksNamed: Statement<{ id: string; headquarters_id: string }> = statement(
  'network.networksNamed',
  `SELECT n.id, s.id AS headquarters_id FROM network n JOIN station s ON s.network_id = n.id AND s.kind = 'HEADQUARTERS'
   WHERE n.name = $1 OR n.id::text = $1 ORDER BY n.id`,
);

/** The networks that have this name or id, each with its headquarters: what an operator of the deployment means. */
export async function selectNetworksNamed(db: Queryable, nameOrId: string): Promise<{ networkId: string; headquartersId: string }[]> {
  const rows = await run(db, networksNamed, [nameOrId]);
  return rows.map((row) => ({ networkId: row.id, headquartersId: row.headquarters_id }));
}

const timeZoneNamed: Statement<{ name: string }> = statement(
  'network.timeZoneNamed',
  'SELECT z.name FROM pg_timezone_names z WHERE z.name = $1',
);

/** Whether PostgreSQL, which counts the days of a network, knows a time zone by exactly this name. */
export async function isTimeZone(db: Queryable, name: string): Promise<boolean> {
  return (await run(db, timeZoneNamed, [name])).length > 0;
}

/** How a list of stations is cut. `search` is an ILIKE pattern for name or code; null does not ask. */
export type StationCut = {
  readonly pattern: string | null;
  readonly status: StationStatus | null;
  readonly direction: 'FORWARD' | 'BACKWARD';
  readonly from: string | null;
  readonly limit: number;
};

type OfStation<Row> = Row & { of_id: string };

/**
 * Direct children of each station ($2), in order of opening (ids are made by time), so many ($4) of each. Index:
 * station_network_id_parent_id_id_idx, a range for each.
 */
const childrenOf = (name: string, place: string, order: string): Statement<OfStation<StationRow>> =>
  statement(
    name,
    `SELECT v.id AS of_id, s.* FROM unnest($2::uuid[]) AS v (id)
     CROSS JOIN LATERAL (SELECT ${STATION_COLUMNS} FROM station s WHERE s.network_id = $1 AND s.parent_id = v.id AND ${place} ORDER BY s.id ${order} LIMIT $4) s
     ORDER BY v.id, s.id ${order}`,
  );
const childrenAfter = childrenOf('network.childrenAfter', `s.id > coalesce($3::uuid, ${FIRST})`, 'ASC');
const childrenBefore = childrenOf('network.childrenBefore', `s.id < coalesce($3::uuid, ${LAST})`, 'DESC');

/** Direct children of each of the stations from `from` on, in the direction asked for; those without have no entry. */
export async function selectChildren(
  db: Queryable,
  networkId: string,
  parentIds: readonly string[],
  cut: Omit<StationCut, 'pattern' | 'status'>,
): Promise<Map<string, StationRecord[]>> {
  const prepared = cut.direction === 'FORWARD' ? childrenAfter : childrenBefore;
  return byStation(await run(db, prepared, [networkId, parentIds, cut.from, cut.limit]));
}

const pathOf = (parameter: string) => `(SELECT p.path FROM station p WHERE p.network_id = $1 AND p.id = ${parameter})`;
const subtreeEnd = (parameter: string) => `(SELECT p.path || ${LAST} FROM station p WHERE p.network_id = $1 AND p.id = ${parameter})`;
const MATCHING = '($3::text IS NULL OR s.name ILIKE $3 OR s.code ILIKE $3) AND ($4::station_status IS NULL OR s.status = $4)';
/**
 * The downline of a station in tree order (a parent before its children, siblings in order of opening).
 * Index: station_network_id_path_idx, one range from the station's (or the cursor's) path to the end of its subtree; search and
 * status are filters on that range, so a page of a rare match reads until it has found enough.
 */
export const downlineAfter: Statement<StationRow> = statement(
  'network.downlineAfter',
  `SELECT ${STATION_COLUMNS} FROM station s
   WHERE s.network_id = $1 AND s.path > coalesce(${pathOf('$5')}, ${pathOf('$2')}) AND s.path < ${subtreeEnd('$2')} AND ${MATCHING}
   ORDER BY s.path LIMIT $6`,
);
const downlineBefore: Statement<StationRow> = statement(
  'network.downlineBefore',
  `SELECT ${STATION_COLUMNS} FROM station s
   WHERE s.network_id = $1 AND s.path > ${pathOf('$2')} AND s.path < coalesce(${pathOf('$5')}, ${subtreeEnd('$2')}) AND ${MATCHING}
   ORDER BY s.path DESC LIMIT $6`,
);

/** A page of a station's downline, itself left out. */
export async function selectDownline(db: Queryable, networkId: string, stationId: string, cut: StationCut): Promise<StationRecord[]> {
  const prepared = cut.direction === 'FORWARD' ? downlineAfter : downlineBefore;
  return (await run(db, prepared, [networkId, stationId, cut.pattern, cut.status, cut.from, cut.limit])).map(stationOf);
}

/** The same list of several stations ($2) at once, so many ($6) of each: the same range for each. */
const downlinesOf = (name: string, place: string, order: string): Statement<OfStation<StationRow>> =>
  statement(
    name,
    `SELECT v.id AS of_id, s.* FROM station v
     CROSS JOIN LATERAL (SELECT ${STATION_COLUMNS} FROM station s WHERE s.network_id = $1 AND ${place} AND ${MATCHING} ORDER BY s.path ${order} LIMIT $6) s
     WHERE v.network_id = $1 AND v.id = ANY ($2::uuid[]) ORDER BY v.id, s.path ${order}`,
  );
const downlinesAfter = downlinesOf(
  'network.downlinesAfter',
  `s.path > coalesce(${pathOf('$5')}, v.path) AND s.path < v.path || ${LAST}`,
  'ASC',
);
const downlinesBefore = downlinesOf(
  'network.downlinesBefore',
  `s.path > v.path AND s.path < coalesce(${pathOf('$5')}, v.path || ${LAST})`,
  'DESC',
);

/** A page of the downline of each of the stations, itself left out; those without have no entry. */
export async function selectDownlines(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  cut: StationCut,
): Promise<Map<string, StationRecord[]>> {
  const prepared = cut.direction === 'FORWARD' ? downlinesAfter : downlinesBefore;
  return byStation(await run(db, prepared, [networkId, stationIds, cut.pattern, cut.status, cut.from, cut.limit]));
}

/** Sizes of downlines under a search. Index: station_network_id_path_idx, the whole range of each subtree. */
const downlineCounts: Statement<{ of_id: string; count: number }> = statement(
  'network.downlineCounts',
  `SELECT v.id AS of_id, (SELECT count(*)::int FROM station s
     WHERE s.network_id = $1 AND s.path > v.path AND s.path < v.path || ${LAST} AND ${MATCHING}) AS count
   FROM station v WHERE v.network_id = $1 AND v.id = ANY ($2::uuid[])`,
);

/** How many stations the downline of each of the stations has. */
export async function countDownlines(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  cut: Pick<StationCut, 'pattern' | 'status'>,
): Promise<Map<string, number>> {
  const rows = await run(db, downlineCounts, [networkId, stationIds, cut.pattern, cut.status]);
  return new Map(rows.map(({ of_id, count }) => [of_id, count]));
}

/** Counts of direct children. Index: station_network_id_parent_id_id_idx, index only. */
const childCounts: Statement<{ parent_id: string; count: number }> = statement(
  'network.childCounts',
  `SELECT s.parent_id, count(*)::int AS count FROM station s WHERE s.network_id = $1 AND s.parent_id = ANY ($2::uuid[]) GROUP BY s.parent_id`,
);

/** How many direct children each of the stations has; those without have no entry. */
export async function selectChildCounts(db: Queryable, networkId: string, stationIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await run(db, childCounts, [networkId, stationIds]);
  return new Map(rows.map(({ parent_id, count }) => [parent_id, count]));
}

type LevelRow = { id: string; station_id: string; name: string; version: number };

/** Levels that a station gives. Index: price_level_network_id_station_id_name_key. */
const levelsOfStation: Statement<LevelRow> = statement(
  'network.levelsOfStation',
  'SELECT l.id, l.station_id, l.name, l.version FROM price_level l WHERE l.network_id = $1 AND l.station_id = $2 ORDER BY l.id',
);

/** The price levels of a station in order of creation. */
export async function selectLevels(db: Queryable, networkId: string, stationId: string): Promise<PriceLevelRecord[]> {
  return (await run(db, levelsOfStation, [networkId, stationId])).map(levelOf);
}

/** Levels by id, given by the station ($2) or one of its downline. Indexes: primary keys. */
const visibleLevels: Statement<LevelRow> = statement(
  'network.visibleLevels',
  `SELECT l.id, l.station_id, l.name, l.version FROM price_level l JOIN station s ON s.network_id = $1 AND s.id = l.station_id
   WHERE l.network_id = $1 AND l.id = ANY ($3::uuid[]) AND $2 = ANY (s.path)`,
);

/** Of these levels, those that the station or its downline gives: which level one's own parent gave one is not among them. */
export async function selectVisibleLevels(
  db: Queryable,
  viewer: { networkId: string; stationId: string },
  ids: readonly string[],
): Promise<Map<string, PriceLevelRecord>> {
  const rows = await run(db, visibleLevels, [viewer.networkId, viewer.stationId, ids]);
  return new Map(rows.map((row) => [row.id, levelOf(row)]));
}

/** Stations by level. The children of a level's giver are one range of station_network_id_parent_id_id_idx. */
const levelCounts: Statement<{ level_id: string; count: number }> = statement(
  'network.levelCounts',
  `SELECT s.level_id, count(*)::int AS count FROM price_level l
   JOIN station s ON s.network_id = $1 AND s.parent_id = l.station_id AND s.level_id = l.id
   WHERE l.network_id = $1 AND l.id = ANY ($2::uuid[]) GROUP BY s.level_id`,
);

/** How many stations have each of the levels; those without have no entry. */
export async function selectLevelCounts(db: Queryable, networkId: string, levelIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await run(db, levelCounts, [networkId, levelIds]);
  return new Map(rows.map(({ level_id, count }) => [level_id, count]));
}

// ---- writing ----

/**
 * The tree's lock is headquarters' row. Whoever moves a subtree takes it alone; whoever opens a station shares it, so that no
 * child is given a path that is being rewritten. NO KEY, so that orders (which only refer to the row) never wait for it.
 */
const lockTreeAlone: Statement<{ id: string }> = statement(
  'network.lockTreeAlone',
  `SELECT s.id FROM station s WHERE s.network_id = $1 AND s.kind = 'HEADQUARTERS' FOR NO KEY UPDATE`,
);
const lockTreeShared: Statement<{ id: string }> = statement(
  'network.lockTreeShared',
  `SELECT s.id FROM station s WHERE s.network_id = $1 AND s.kind = 'HEADQUARTERS' FOR SHARE`,
);

/** Waits for the tree of a network: ALONE to move in it, SHARED to add to it. Held until the transaction ends. */
export async function lockTree(tx: Transaction, networkId: string, mode: 'ALONE' | 'SHARED'): Promise<void> {
  await run(tx, mode === 'ALONE' ? lockTreeAlone : lockTreeShared, [networkId]);
}

/** Locks station rows in id order: what is decided about them holds until the transaction ends. Index: primary key. */
const lockStationRows: Statement<StationRow> = statement(
  'network.lockStations',
  `SELECT ${STATION_COLUMNS} FROM station s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[]) ORDER BY s.id FOR NO KEY UPDATE`,
);

/** Locks these stations and returns them as they are now. */
export async function lockStations(tx: Transaction, networkId: string, ids: readonly string[]): Promise<Map<string, StationRecord>> {
  const rows = await run(tx, lockStationRows, [networkId, ids]);
  return new Map(rows.map((row) => [row.id, stationOf(row)]));
}

const insertStationRow: Statement<StationRow> = statement(
  'network.insertStation',
  `INSERT INTO station AS s (network_id, id, parent_id, kind, name, code, path, depth, level_id, created_at, updated_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (network_id, code) DO NOTHING RETURNING ${STATION_COLUMNS}`,
);

/** A station that is about to be opened under its parent; headquarters has none. */
export type NewStation = {
  networkId: string;
  id: string;
  parent: PlacedStation | null;
  kind: StationKind;
  name: string;
  code: string;
  levelId: string | null;
};

const lockNetworkNames: Statement<{ locked: boolean }> = statement(
  'network.lockNames',
  `SELECT true AS locked FROM pg_advisory_xact_lock(hashtextextended('network.name', 0))`,
);
const insertNetworkRow: Statement<{ id: string }> = statement(
  'network.insertNetwork',
  `INSERT INTO network (id, name, currency, time_zone, created_at)
   SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM network n WHERE n.name = $2) RETURNING id`,
);

/** Writes a network, one at a time so that no two receive one name; false when the name is taken. */
export async function insertNetwork(
  tx: Transaction,
  network: { id: string; name: string; currency: CurrencyCode; timeZone: string },
): Promise<boolean> {
  // a statement of its own: the next one then sees what the one before us has committed
  await run(tx, lockNetworkNames, []);
  return (await run(tx, insertNetworkRow, [network.id, network.name, network.currency, network.timeZone, tx.now])).length > 0;
}

/** Writes a station; null when its code is taken. */
export async function insertStation(tx: Transaction, input: NewStation): Promise<StationRecord | null> {
  const [row] = await run(tx, insertStationRow, [
    input.networkId,
    input.id,
    input.parent?.id ?? null,
    input.kind,
    input.name,
    input.code,
    [...(input.parent?.path ?? []), input.id],
    input.parent === null ? 0 : input.parent.depth + 1,
    input.levelId,
    tx.now,
  ]);
  return row ? stationOf(row) : null;
}

/** The greatest depth in a subtree. Index: station_network_id_path_idx, the whole range. */
const deepestOf: Statement<{ depth: number }> = statement(
  'network.deepestOf',
  `SELECT max(s.depth) AS depth FROM station s WHERE s.network_id = $1 AND s.path >= $2::uuid[] AND s.path < $2::uuid[] || ${LAST}`,
);

/** The depth of the deepest station of a subtree. */
export async function selectDeepest(db: Queryable, networkId: string, path: readonly string[]): Promise<number> {
  const [row] = await run(db, deepestOf, [networkId, path]);
  if (!row) throw new Error('an aggregate without a row');
  return row.depth;
}

/**
 * Locks, in id order, the wallets of a subtree that may be overdrawn and tells those that are: credit that the old line
 * answers for. Indexes: station_network_id_path_idx, account_holder_key. The wallets of a subtree that never had credit are
 * not touched, so a move never waits for its orders.
 */
const lockOverdrawn: Statement<{ station_id: string; overdrawn: boolean }> = statement(
  'network.lockOverdrawn',
  `SELECT a.station_id, a.balance < 0 AS overdrawn FROM account a
   WHERE a.network_id = $1 AND a.kind = 'WALLET' AND NOT a.floorless AND a.credit_limit > 0
     AND a.station_id IN (SELECT s.id FROM station s WHERE s.network_id = $1 AND s.path >= $2::uuid[] AND s.path < $2::uuid[] || ${LAST})
   ORDER BY a.id FOR UPDATE`,
);

/** Stations of a subtree that have credit in use; their wallets stay locked. */
export async function lockOverdrawnStations(tx: Transaction, networkId: string, path: readonly string[]): Promise<string[]> {
  const rows = await run(tx, lockOverdrawn, [networkId, path]);
  return rows.filter(({ overdrawn }) => overdrawn).map(({ station_id }) => station_id);
}

/**
 * Moves a subtree in one statement: every path begins with the new parent's, the moved station loses its old parent's level.
 * $2 the station, $3 its path, $4 the new parent, $5 the new parent's path. Index: station_network_id_path_idx. Locks every row
 * of the subtree; the tree's lock was taken before.
 */
const moveSubtreeRows: Statement<StationRow> = statement(
  'network.moveSubtree',
  `UPDATE station s SET
     path = $5::uuid[] || s.path[cardinality($3::uuid[]):],
     depth = s.depth + cardinality($5::uuid[]) - cardinality($3::uuid[]) + 1,
     parent_id = CASE WHEN s.id = $2 THEN $4 ELSE s.parent_id END,
     level_id = CASE WHEN s.id = $2 THEN NULL ELSE s.level_id END,
     version = s.version + CASE WHEN s.id = $2 THEN 1 ELSE 0 END,
     updated_at = $6
   WHERE s.network_id = $1 AND s.path >= $3::uuid[] AND s.path < $3::uuid[] || ${LAST}
   RETURNING ${STATION_COLUMNS}`,
);

/** Moves a station with its subtree; returns every station that moved. */
export async function moveSubtree(
  tx: Transaction,
  move: { networkId: string; station: PlacedStation; newParent: PlacedStation },
): Promise<StationRecord[]> {
  const { networkId, station, newParent } = move;
  return (await run(tx, moveSubtreeRows, [networkId, station.id, station.path, newParent.id, newParent.path, tx.now])).map(stationOf);
}

/** Sets status or level of one station at a known version; no row when the version moved on. */
const setStatusRow: Statement<StationRow> = statement(
  'network.setStatus',
  `UPDATE station s SET status = $4, frozen_by = $5, version = s.version + 1, updated_at = $6
   WHERE s.network_id = $1 AND s.id = $2 AND s.version = $3 RETURNING ${STATION_COLUMNS}`,
);

/** Freezes (by `frozenById`) or unfreezes (null) a station of this version; null when it is of another. */
export async function setFrozen(
  tx: Transaction,
  change: { networkId: string; stationId: string; version: number; frozenById: string | null },
): Promise<StationRecord | null> {
  const status: StationStatus = change.frozenById === null ? 'ACTIVE' : 'FROZEN';
  const [row] = await run(tx, setStatusRow, [change.networkId, change.stationId, change.version, status, change.frozenById, tx.now]);
  return row ? stationOf(row) : null;
}

/** Closes a station of this version for ever; null when it is of another. */
export async function setClosed(
  tx: Transaction,
  change: { networkId: string; stationId: string; version: number },
): Promise<StationRecord | null> {
  const [row] = await run(tx, setStatusRow, [change.networkId, change.stationId, change.version, 'CLOSED', null, tx.now]);
  return row ? stationOf(row) : null;
}

/** Locks the accounts of a station in id order: no money comes or goes until the transaction ends. Index: account_holder_key. */
const lockAccountsOfStation: Statement<{ id: string }> = statement(
  'network.lockAccountsOfStation',
  `SELECT a.id FROM account a WHERE a.network_id = $1 AND a.station_id = $2 AND a.supplier_id IS NULL ORDER BY a.id FOR UPDATE`,
);

/**
 * What ties a station to the trade. Indexes: station_network_id_parent_id_idx, account_holder_key, sku_network_id_owner_id_code_key with
 * card_key_available_idx, purchase_attempt_network_id_owner_id_id_idx (read through: closing is rare), refund_waiting_idx with orders_pkey.
 */
const stationTies: Statement<{ [Tie in keyof StationTies]: boolean }> = statement(
  'network.stationTies',
  `SELECT EXISTS (SELECT FROM station s WHERE s.network_id = $1 AND s.parent_id = $2 AND s.status <> 'CLOSED') AS children,
     EXISTS (SELECT FROM account a WHERE a.network_id = $1 AND a.station_id = $2 AND a.supplier_id IS NULL AND (a.balance <> 0 OR a.credit_limit <> 0)) AS money,
     EXISTS (SELECT FROM sku k WHERE k.network_id = $1 AND k.owner_id = $2 AND (k.listing_state IN ('SUBMITTED', 'APPROVED', 'LIVE', 'PAUSED')
       OR EXISTS (SELECT FROM card_key c WHERE c.network_id = $1 AND c.sku_id = k.id AND c.state = 'AVAILABLE'))) AS goods,
     EXISTS (SELECT FROM purchase_attempt p WHERE p.network_id = $1 AND p.owner_id = $2 AND p.state IN ('PLANNED', 'SENT', 'UNKNOWN')) AS purchases,
     EXISTS (SELECT FROM refund r JOIN orders o ON o.network_id = $1 AND o.id = r.order_id
       WHERE r.network_id = $1 AND r.state = 'REQUESTED' AND o.buyer_id = $2) AS refunds`,
);

/** What ties a station to the trade, its accounts locked before they are looked at. */
export async function lockTies(tx: Transaction, networkId: string, stationId: string): Promise<StationTies> {
  await run(tx, lockAccountsOfStation, [networkId, stationId]);
  const [ties] = await run(tx, stationTies, [networkId, stationId]);
  if (!ties) throw new Error('a statement of one row had none');
  return ties;
}

const setLevelRow: Statement<StationRow> = statement(
  'network.setLevel',
  `UPDATE station s SET level_id = $4, version = s.version + 1, updated_at = $5
   WHERE s.network_id = $1 AND s.id = $2 AND s.version = $3 RETURNING ${STATION_COLUMNS}`,
);

/** Gives a station of this version a level of its parent (null: none); null when it is of another version. */
export async function setLevel(
  tx: Transaction,
  change: { networkId: string; stationId: string; version: number; levelId: string | null },
): Promise<StationRecord | null> {
  const [row] = await run(tx, setLevelRow, [change.networkId, change.stationId, change.version, change.levelId, tx.now]);
  return row ? stationOf(row) : null;
}

const insertLevelRow: Statement<LevelRow> = statement(
  'network.insertLevel',
  `INSERT INTO price_level AS l (network_id, id, station_id, name, created_at) VALUES ($1, $2, $3, $4, $5)
   ON CONFLICT (network_id, station_id, name) DO NOTHING RETURNING l.id, l.station_id, l.name, l.version`,
);

/** Writes a price level; null when the station has one of this name. */
export async function insertLevel(
  tx: Transaction,
  level: { networkId: string; id: string; stationId: string; name: string },
): Promise<PriceLevelRecord | null> {
  const [row] = await run(tx, insertLevelRow, [level.networkId, level.id, level.stationId, level.name, tx.now]);
  return row ? levelOf(row) : null;
}

function byStation(rows: readonly OfStation<StationRow>[]): Map<string, StationRecord[]> {
  const lists = new Map<string, StationRecord[]>();
  for (const row of rows) {
    const list = lists.get(row.of_id) ?? [];
    list.push(stationOf(row));
    lists.set(row.of_id, list);
  }
  return lists;
}

function stationOf(row: StationRow): StationRecord {
  return {
    id: row.id,
    parentId: row.parent_id,
    kind: row.kind,
    status: row.status,
    name: row.name,
    code: row.code,
    path: row.path,
    depth: row.depth,
    levelId: row.level_id,
    frozenById: row.frozen_by,
    version: row.version,
    createdAt: row.created_at,
  };
}

function levelOf(row: LevelRow): PriceLevelRecord {
  return { id: row.id, stationId: row.station_id, name: row.name, version: row.version };
}
