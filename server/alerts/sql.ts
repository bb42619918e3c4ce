import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import type { EventTopic } from '#server/platform/events.ts';
import type { AlertData, AlertKind, Condition, LiveAlert } from './rules.ts';

/** An alert as it is stored. */
export type AlertRow = {
  id: string;
  station_id: string;
  kind: AlertKind;
  subject_id: string;
  data: AlertData;
  currency: string;
  raised_at: Date;
  ended_at: Date | null;
  resolved_at: Date | null;
  resolved_by: string | null;
};

/** A threshold as it is stored; neither amount nor count: it was taken away. */
export type ThresholdRow = {
  id: string;
  station_id: string;
  sku_id: string | null;
  amount: string | null;
  count: number | null;
  currency: string;
  version: number;
};

/** Which station's. */
export type AlertStation = { readonly networkId: string; readonly stationId: string };

// ---- reading ----

const CURRENCY = '(SELECT n.currency FROM network n WHERE n.id = $1) AS currency';
const ALERT_COLUMNS = `a.id, a.station_id, a.kind::text, a.subject_id, a.data, ${CURRENCY}, a.raised_at, a.ended_at, a.resolved_at, a.resolved_by`;

// Newest first. Open ones by alert_open_idx, all of them by alert_network_id_station_id_id_idx. $3: null does not ask.
const alertsOf = (name: string, from: string, order: string): Statement<AlertRow> =>
  statement(
    name,
    `SELECT ${ALERT_COLUMNS} FROM alert a
     WHERE a.network_id = $1 AND a.station_id = $2 AND ($3::boolean IS NULL OR (a.resolved_at IS NULL) = $3) AND a.id ${from}
     ORDER BY a.id ${order} LIMIT $5`,
  );
const olderAlerts = alertsOf('alerts.older', `< coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')`, 'DESC');
const newerAlerts = alertsOf('alerts.newer', `> coalesce($4::uuid, '00000000-0000-0000-0000-000000000000')`, 'ASC');

/** Alerts of a station, one page, newest first when FORWARD; `open` null is all. */
export function selectAlerts(
  db: Queryable,
  { networkId, stationId }: AlertStation,
  open: boolean | null,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<AlertRow[]> {
  return run(db, page.direction === 'FORWARD' ? olderAlerts : newerAlerts, [networkId, stationId, open, page.from, page.limit]);
}

const alertCount: Statement<{ count: number }> = statement(
  'alerts.count',
  `SELECT count(*)::int AS count FROM alert a
   WHERE a.network_id = $1 AND a.station_id = $2 AND ($3::boolean IS NULL OR (a.resolved_at IS NULL) = $3)`,
);

/** How many alerts that list has. */
export async function countAlerts(db: Queryable, { networkId, stationId }: AlertStation, open: boolean | null): Promise<number> {
  return (await run(db, alertCount, [networkId, stationId, open]))[0]?.count ?? 0;
}

const alertsById: Statement<AlertRow> = statement(
  'alerts.byId',
  `SELECT ${ALERT_COLUMNS} FROM alert a WHERE a.network_id = $1 AND a.station_id = $2 AND a.id = ANY ($3::uuid[])`,
);

/** Of these alerts, the station's own. Index: primary key. */
export function selectAlertsById(db: Queryable, { networkId, stationId }: AlertStation, ids: readonly string[]): Promise<AlertRow[]> {
  return run(db, alertsById, [networkId, stationId, ids]);
}

const THRESHOLD_COLUMNS = `t.id, t.station_id, t.sku_id, t.amount, t.count, ${CURRENCY}, t.version`;

// alert_threshold_subject_key
const thresholdsOf: Statement<ThresholdRow> = statement(
  'alerts.thresholdsOf',
  `SELECT ${THRESHOLD_COLUMNS} FROM alert_threshold t
   WHERE t.network_id = $1 AND t.station_id = $2 AND ((t.sku_id IS NULL AND $3) OR t.sku_id = ANY ($4::uuid[]))`,
);

/** The station's thresholds: of its wallet, where asked for, and of these SKUs. */
export function selectThresholds(
  db: Queryable,
  { networkId, stationId }: AlertStation,
  asked: { readonly wallet: boolean; readonly skuIds: readonly string[] },
): Promise<ThresholdRow[]> {
  return run(db, thresholdsOf, [networkId, stationId, asked.wallet, asked.skuIds]);
}

const thresholdsById: Statement<ThresholdRow> = statement(
  'alerts.thresholdsById',
  `SELECT ${THRESHOLD_COLUMNS} FROM alert_threshold t WHERE t.network_id = $1 AND t.station_id = $2 AND t.id = ANY ($3::uuid[])`,
);

/** Of these thresholds, the station's own. Index: primary key. */
export function selectThresholdsById(
  db: Queryable,
  { networkId, stationId }: AlertStation,
  ids: readonly string[],
): Promise<ThresholdRow[]> {
  return run(db, thresholdsById, [networkId, stationId, ids]);
}

// ---- thresholds: writing ----

// A first threshold waits for a twin in flight at alert_threshold_subject_key and then finds it; a change locks its row.
const insertThresholdRow: Statement<ThresholdRow> = statement(
  'alerts.insertThreshold',
  `INSERT INTO alert_threshold AS t (network_id, id, station_id, sku_id, amount, count, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
   ON CONFLICT DO NOTHING RETURNING ${THRESHOLD_COLUMNS}`,
);
const updateThresholdRow: Statement<ThresholdRow> = statement(
  'alerts.updateThreshold',
  `UPDATE alert_threshold t SET amount = $5, count = $6, version = t.version + 1, updated_at = $7
   WHERE t.network_id = $1 AND t.station_id = $2 AND t.sku_id IS NOT DISTINCT FROM $3::uuid AND t.version = $4 RETURNING ${THRESHOLD_COLUMNS}`,
);

/** A threshold to be written; `expectedVersion` null where there is none yet. */
export type ThresholdChange = {
  readonly skuId: string | null;
  readonly amount: string | null;
  readonly count: number | null;
  readonly expectedVersion: number | null;
};

/** Writes a threshold; null when it is no longer of the expected version. */
export async function writeThreshold(
  tx: Transaction,
  { networkId, stationId }: AlertStation,
  { skuId, amount, count, expectedVersion }: ThresholdChange,
): Promise<ThresholdRow | null> {
  const [row] =
    expectedVersion === null
      ? await run(tx, insertThresholdRow, [networkId, tx.newId(), stationId, skuId, amount, count, tx.now])
      : await run(tx, updateThresholdRow, [networkId, stationId, skuId, expectedVersion, amount, count, tx.now]);
  return row ?? null;
}

// ---- raising ----

type EventRow = { seq: bigint; topic: EventTopic; subject_id: string; audience: string[]; data: Record<string, unknown> };

const networksBehind: Statement<{ network_id: string }> = statement(
  'alerts.networksBehind',
  `SELECT r.network_id FROM relay_position r LEFT JOIN alert_position p ON p.network_id = r.network_id WHERE r.last_seq > coalesce(p.last_seq, 0)`,
);

/** Networks with numbered events that were not looked through. Both tables have a row for each network. */
export async function selectNetworksBehind(db: Queryable): Promise<string[]> {
  return (await run(db, networksBehind, [])).map(({ network_id }) => network_id);
}

const positionOf: Statement<{ last_seq: bigint }> = statement(
  'alerts.position',
  'SELECT last_seq FROM alert_position WHERE network_id = $1',
);

/** The last event of a network that was looked through; 0 before the first. */
export async function selectPosition(db: Queryable, networkId: string): Promise<bigint> {
  return (await run(db, positionOf, [networkId]))[0]?.last_seq ?? 0n;
}

const openPosition: Statement<Record<string, never>> = statement(
  'alerts.openPosition',
  'INSERT INTO alert_position (network_id, last_seq, updated_at) VALUES ($1, 0, $2) ON CONFLICT (network_id) DO NOTHING',
);
// whoever finds it locked leaves the network to who has it
const lockPosition: Statement<{ last_seq: bigint }> = statement(
  'alerts.lockPosition',
  'SELECT last_seq FROM alert_position WHERE network_id = $1 FOR UPDATE SKIP LOCKED',
);
const movePosition: Statement<Record<string, never>> = statement(
  'alerts.movePosition',
  'UPDATE alert_position SET last_seq = $2, updated_at = $3 WHERE network_id = $1',
);

// outbox_event_seq_key, a range of it
const eventsAfter: Statement<EventRow> = statement(
  'alerts.eventsAfter',
  `SELECT e.seq, e.topic, e.subject_id, e.audience, e.data FROM outbox_event e
   WHERE e.network_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3`,
);

/** The next events of a network for whom has its position locked; null when another process has. */
export async function takeEvents(tx: Transaction, networkId: string, limit: number): Promise<EventRow[] | null> {
  await run(tx, openPosition, [networkId, tx.now]);
  const [position] = await run(tx, lockPosition, [networkId]);
  return position ? run(tx, eventsAfter, [networkId, position.last_seq, limit]) : null;
}

/** Notes that events up to this one were looked through. */
export async function passEvents(tx: Transaction, networkId: string, lastSeq: bigint): Promise<void> {
  await run(tx, movePosition, [networkId, lastSeq, tx.now]);
}

const walletLevels: Statement<{ station_id: string; threshold: string | null; available: string; is_low: boolean }> = statement(
  'alerts.walletLevels',
  `SELECT t.station_id, t.amount AS threshold, w.available, coalesce(w.available < t.amount, false) AS is_low
   FROM alert_threshold t
   CROSS JOIN LATERAL (
     SELECT coalesce(sum(a.balance + a.credit_limit), 0.00) AS available FROM account a
     WHERE a.network_id = $1 AND a.station_id = t.station_id AND a.supplier_id IS NULL AND a.kind = 'WALLET'
   ) w
   WHERE t.network_id = $1 AND t.station_id = ANY ($2::uuid[]) AND t.sku_id IS NULL`,
);

/** Of these stations, those that have a threshold for their wallet, with what they can spend now. Indexes: alert_threshold_subject_key, account_holder_key. */
export function selectWalletLevels(db: Queryable, networkId: string, stationIds: readonly string[]) {
  return run(db, walletLevels, [networkId, stationIds]);
}

// At most as many entries of card_key_available_idx as a threshold can name, for SKUs that somebody watches.
const stockLevels: Statement<{ station_id: string; sku_id: string; threshold: number | null; available: number; is_low: boolean }> =
  statement(
    'alerts.stockLevels',
    `SELECT t.station_id, t.sku_id, t.count AS threshold, k.available, coalesce(k.available < t.count, false) AS is_low
   FROM alert_threshold t
   CROSS JOIN LATERAL (
     SELECT count(*)::int AS available FROM (
       SELECT 1 FROM card_key k WHERE k.network_id = $1 AND k.sku_id = t.sku_id AND k.state = 'AVAILABLE'
         AND (k.expires_on IS NULL OR k.expires_on >= ($3::timestamptz AT TIME ZONE (SELECT n.time_zone FROM network n WHERE n.id = $1))::date)
       LIMIT 1000) counted
   ) k
   WHERE t.network_id = $1 AND t.sku_id = ANY ($2::uuid[])`,
  );

/** Thresholds of these SKUs with what is in stock, counted to 1,000. */
export function selectStockLevels(db: Queryable, networkId: string, skuIds: readonly string[], now: Date) {
  return run(db, stockLevels, [networkId, skuIds, now]);
}

type LiveRow = { id: string; station_id: string; kind: AlertKind; subject_id: string; data: AlertData };

// alert_live_key
const liveAlerts: Statement<LiveRow> = statement(
  'alerts.live',
  `SELECT a.id, a.station_id, a.kind::text, a.subject_id, a.data
   FROM unnest($2::uuid[], $3::alert_kind[], $4::uuid[]) AS c (station_id, kind, subject_id)
   JOIN alert a ON a.network_id = $1 AND a.station_id = c.station_id AND a.kind = c.kind AND a.subject_id = c.subject_id AND a.ended_at IS NULL`,
);

/** The alerts of these causes that last. */
export async function selectLiveAlerts(db: Queryable, networkId: string, causes: readonly Condition[]): Promise<LiveAlert[]> {
  const rows = await run(db, liveAlerts, [
    networkId,
    causes.map(({ stationId }) => stationId),
    causes.map(({ kind }) => kind),
    causes.map(({ subjectId }) => subjectId),
  ]);
  return rows.map(liveOf);
}

// the network's range of alert_live_key: alerts that last are few
const liveOfKind: Statement<LiveRow> = statement(
  'alerts.liveOfKind',
  `SELECT a.id, a.station_id, a.kind::text, a.subject_id, a.data FROM alert a
   WHERE a.network_id = $1 AND a.ended_at IS NULL AND a.kind = $2::alert_kind ORDER BY a.id`,
);

/** All alerts of a kind that last in a network. */
export async function selectLiveAlertsOfKind(db: Queryable, networkId: string, kind: AlertKind): Promise<LiveAlert[]> {
  return (await run(db, liveOfKind, [networkId, kind])).map(liveOf);
}

/** Goods as a change of prices names them; all null is everything. */
type Goods = { readonly skuIds: readonly string[] | null; readonly productId: string | null; readonly categoryId: string | null };

// $3 SKUs, $4 product, $5 category: null does not ask
const IN_GOODS =
  '($3::uuid[] IS NULL OR s.id = ANY ($3)) AND ($4::uuid IS NULL OR s.product_id = $4) AND ($5::uuid IS NULL OR $5 = ANY (s.category_path))';

// The network's range of alert_live_key: alerts that last are few. The path of a station says whether it is in the subtree.
const liveInversions: Statement<LiveRow> = statement(
  'alerts.liveInversions',
  `SELECT a.id, a.station_id, a.kind::text, a.subject_id, a.data FROM alert a
   JOIN station t ON t.network_id = $1 AND t.id = a.station_id
   JOIN sku s ON s.network_id = $1 AND s.id = a.subject_id
   WHERE a.network_id = $1 AND a.ended_at IS NULL AND a.kind = 'PRICE_INVERTED' AND $2::uuid = ANY (t.path) AND ${IN_GOODS} ORDER BY a.id LIMIT $6`,
);

/** The inverted prices of goods in a subtree that last. */
export async function selectLiveInversions(
  db: Queryable,
  networkId: string,
  topId: string,
  goods: Goods,
  limit: number,
): Promise<LiveAlert[]> {
  return (await run(db, liveInversions, [networkId, topId, goods.skuIds, goods.productId, goods.categoryId, limit])).map(liveOf);
}

/** A seller that may be left without a price for some of its children, and for whom its rule is. */
export type AbsoluteSeller = {
  readonly stationId: string;
  readonly skuId: string;
  readonly ownerId: string;
  readonly childId: string | null;
  readonly levelId: string | null;
};

// Live rules of the network that name an absolute price (few: markup_rule_live_key) of sellers in the subtree; and, of goods of
// the top's own that have a ceiling (control_band_live_key), its sub-stations (station_network_id_parent_id_id_idx).
const absoluteSellers: Statement<{
  station_id: string;
  sku_id: string;
  owner_id: string;
  child_id: string | null;
  level_id: string | null;
}> = statement(
  'alerts.absoluteSellers',
  `SELECT r.station_id, s.id AS sku_id, s.owner_id, r.child_id, r.level_id
   FROM markup_rule r
   JOIN station t ON t.network_id = $1 AND t.id = r.station_id AND $2::uuid = ANY (t.path)
   JOIN sku s ON s.network_id = $1 AND s.owner_id = ANY (t.path) AND s.listing_state = 'LIVE' AND ${IN_GOODS}
     AND CASE WHEN r.sku_id IS NOT NULL THEN s.id = r.sku_id WHEN r.product_id IS NOT NULL THEN s.product_id = r.product_id
              WHEN r.category_id IS NOT NULL THEN r.category_id = ANY (s.category_path) ELSE true END
   WHERE r.network_id = $1 AND r.valid_to IS NULL AND r.kind = 'PRICE' AND r.inversion = 'HIDE'
   UNION ALL
   SELECT c.id, s.id, s.owner_id, NULL, NULL
   FROM sku s
   JOIN control_band b ON b.network_id = $1 AND b.sku_id = s.id AND b.valid_to IS NULL AND b.ceiling IS NOT NULL
   JOIN station c ON c.network_id = $1 AND c.parent_id = s.owner_id AND c.kind = 'SUBSTATION' AND c.status <> 'CLOSED'
   WHERE s.network_id = $1 AND s.listing_state = 'LIVE' AND (s.owner_id = $2 OR $2 = ANY (c.path)) AND ${IN_GOODS}
   LIMIT $6`,
);

/** Sellers of a subtree whose children may be without a price for these goods, at most `limit`. */
export async function selectAbsoluteSellers(
  db: Queryable,
  networkId: string,
  topId: string,
  goods: Goods,
  limit: number,
): Promise<AbsoluteSeller[]> {
  const rows = await run(db, absoluteSellers, [networkId, topId, goods.skuIds, goods.productId, goods.categoryId, limit]);
  return rows.map((row) => ({
    stationId: row.station_id,
    skuId: row.sku_id,
    ownerId: row.owner_id,
    childId: row.child_id,
    levelId: row.level_id,
  }));
}

const ownedSkus: Statement<{ id: string; owner_id: string }> = statement(
  'alerts.ownedSkus',
  `SELECT s.id, s.owner_id FROM sku s
   WHERE s.network_id = $1 AND s.owner_id = $2 AND s.listing_state = 'LIVE' AND ${IN_GOODS} ORDER BY s.id LIMIT $6`,
);

/** Goods of an owner that are for sale, at most `limit`. Index: primary key. */
export async function selectOwnedSkus(
  db: Queryable,
  networkId: string,
  ownerId: string,
  goods: Goods,
  limit: number,
): Promise<{ id: string; ownerId: string }[]> {
  const rows = await run(db, ownedSkus, [networkId, ownerId, goods.skuIds, goods.productId, goods.categoryId, limit]);
  return rows.map((row) => ({ id: row.id, ownerId: row.owner_id }));
}

// Look-ups, also where a plan for any values would read all goods: they are asked for twice a second, for what was sold meanwhile.
const liveSkus: Statement<{ id: string; owner_id: string }> = statement(
  'alerts.liveSkus',
  `SELECT s.id, s.owner_id FROM unnest($2::uuid[]) AS asked (id)
   CROSS JOIN LATERAL (SELECT s.id, s.owner_id FROM sku s WHERE s.network_id = $1 AND s.id = asked.id AND s.listing_state = 'LIVE' OFFSET 0) s`,
);

/** Which of these goods are for sale, each with its owner. Index: sku_pkey, a look-up for each. */
export async function selectLiveSkus(
  db: Queryable,
  networkId: string,
  skuIds: readonly string[],
): Promise<{ id: string; ownerId: string }[]> {
  return (await run(db, liveSkus, [networkId, skuIds])).map((row) => ({ id: row.id, ownerId: row.owner_id }));
}

const insertAlertRows: Statement<{ id: string; station_id: string; kind: AlertKind; subject_id: string }> = statement(
  'alerts.insert',
  `INSERT INTO alert AS a (network_id, id, station_id, kind, subject_id, data, raised_at)
   SELECT $1, n.id, n.station_id, n.kind, n.subject_id, n.data, $7
   FROM unnest($2::uuid[], $3::uuid[], $4::alert_kind[], $5::uuid[], $6::jsonb[]) AS n (id, station_id, kind, subject_id, data)
   ON CONFLICT DO NOTHING RETURNING a.id, a.station_id, a.kind::text, a.subject_id`,
);

/** Writes alerts; of a cause that is known already no row comes back (alert_live_key). */
export async function insertAlerts(tx: Transaction, networkId: string, causes: readonly Condition[]) {
  if (causes.length === 0) return [];
  return run(tx, insertAlertRows, [
    networkId,
    causes.map(() => tx.newId()),
    causes.map(({ stationId }) => stationId),
    causes.map(({ kind }) => kind),
    causes.map(({ subjectId }) => subjectId),
    causes.map(({ data }) => JSON.stringify(data)),
    tx.now,
  ]);
}

const endAlertRows: Statement<Record<string, never>> = statement(
  'alerts.end',
  `UPDATE alert a SET ended_at = $3, resolved_at = coalesce(a.resolved_at, $3) WHERE a.network_id = $1 AND a.id = ANY ($2::uuid[]) AND a.ended_at IS NULL`,
);

/** Ends alerts whose cause has gone; nobody has to decide them any more. */
export async function endAlerts(tx: Transaction, networkId: string, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await run(tx, endAlertRows, [networkId, ids, tx.now]);
}

const updateAlertData: Statement<Record<string, never>> = statement(
  'alerts.updateData',
  `UPDATE alert a SET data = n.data FROM unnest($2::uuid[], $3::jsonb[]) AS n (id, data) WHERE a.network_id = $1 AND a.id = n.id`,
);

/** Brings the facts of alerts that last up to date. */
export async function updateAlerts(tx: Transaction, networkId: string, alerts: readonly LiveAlert[]): Promise<void> {
  if (alerts.length === 0) return;
  await run(tx, updateAlertData, [networkId, alerts.map(({ id }) => id), alerts.map(({ data }) => JSON.stringify(data))]);
}

const resolveAlertRow: Statement<AlertRow & { newly: boolean }> = statement(
  'alerts.resolve',
  `WITH done AS (
     UPDATE alert a SET resolved_at = $4, resolved_by = $5
     WHERE a.network_id = $1 AND a.station_id = $2 AND a.id = $3 AND a.resolved_at IS NULL RETURNING ${ALERT_COLUMNS})
   SELECT *, true AS newly FROM done
   UNION ALL
   SELECT ${ALERT_COLUMNS}, false FROM alert a
   WHERE a.network_id = $1 AND a.station_id = $2 AND a.id = $3 AND NOT EXISTS (SELECT FROM done)`,
);

/** Resolves an alert of the station; `newly` false when it was resolved before; null when there is none. */
export async function resolveAlertOf(
  tx: Transaction,
  { networkId, stationId }: AlertStation,
  { id, resolvedBy }: { readonly id: string; readonly resolvedBy: string },
): Promise<(AlertRow & { newly: boolean }) | null> {
  return (await run(tx, resolveAlertRow, [networkId, stationId, id, tx.now, resolvedBy]))[0] ?? null;
}

function liveOf(row: LiveRow): LiveAlert {
  return { id: row.id, stationId: row.station_id, kind: row.kind, subjectId: row.subject_id, data: row.data };
}
