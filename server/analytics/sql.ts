import { type Queryable, run, statement, type Transaction } from '#server/platform/database.ts';

// Both tables have a row or two for each network, nothing more.
const networksBehindStatement = statement<{ network_id: string }>(
  'analytics.networksBehind',
  `SELECT r.network_id FROM relay_position r
   WHERE r.last_seq > coalesce((SELECT min(p.last_seq) FROM roll_up_position p WHERE p.network_id = r.network_id), 0)`,
);

/** Networks with numbered events that their roll-ups have not counted. */
export async function readNetworksBehind(db: Queryable): Promise<string[]> {
  return (await run(db, networksBehindStatement, [])).map((row) => row.network_id);
}

const openPositionsStatement = statement(
  'analytics.openPositions',
  `INSERT INTO roll_up_position (network_id, kind, last_seq, updated_at) VALUES ($1, 'STATIONS', 0, $2) ON CONFLICT (network_id, kind) DO NOTHING`,
);

/** Begins a network's roll-ups at its first event. Never waits for a process that counts: its row is there already. */
export async function openPositions(tx: Transaction, networkId: string): Promise<void> {
  await run(tx, openPositionsStatement, [networkId, tx.now]);
}

// roll_up_position_pkey. The lock that lets one process at a time count; the others go on to another network.
const lockPositionStatement = statement<{ last_seq: bigint }>(
  'analytics.lockPosition',
  `SELECT last_seq FROM roll_up_position WHERE network_id = $1 AND kind = 'STATIONS' FOR UPDATE SKIP LOCKED`,
);

/** Locks a network's position and resolves to the last event counted; null when another process holds it. */
export async function lockPosition(tx: Transaction, networkId: string): Promise<bigint | null> {
  const [row] = await run(tx, lockPositionStatement, [networkId]);
  return row?.last_seq ?? null;
}

// outbox_event_seq_key, a range of it. Numbers have no holes and what is not counted is never pruned.
const eventsAfterStatement = statement<{ seq: bigint; topic: string; subject_id: string; data: Record<string, unknown> }>(
  'analytics.eventsAfter',
  'SELECT seq, topic, subject_id, data FROM outbox_event WHERE network_id = $1 AND seq > $2 ORDER BY seq LIMIT $3',
);

/** The next numbered events of a network, in order. */
export function readEventsAfter(tx: Transaction, networkId: string, after: bigint, limit: number) {
  return run(tx, eventsAfterStatement, [networkId, after, limit]);
}

const movePositionStatement = statement(
  'analytics.movePosition',
  `UPDATE roll_up_position SET last_seq = $2, updated_at = $3 WHERE network_id = $1 AND kind = 'STATIONS'`,
);

/** Says that events up to `seq` are counted; in the transaction that counted them. */
export async function movePosition(tx: Transaction, networkId: string, seq: bigint): Promise<void> {
  await run(tx, movePositionStatement, [networkId, seq, tx.now]);
}

/** What one batch of events adds to one hour of one station. Amounts are decimal texts in the network's currency. */
export type StationHourDelta = {
  station_id: string;
  hour_start: Date;
  local_date: string;
  currency: string;
  order_count: bigint;
  quantity: bigint;
  gmv: string;
  own_order_count: bigint;
  own_gmv: string;
  margin: string;
  commission: string;
  refund_count: bigint;
  refund_total: string;
};

// Orders by primary key, their hops by order_hop_network_id_order_id_distance_key. One row of the result is one hour of one
// station of the buyers' frozen paths. The owner's margin is what it keeps: the commission of the order's other hops comes
// out of it (domain §4). No locks: orders that an event names are committed.
const deliveredDeltas = statement<StationHourDelta>(
  'analytics.deliveredDeltas',
  `SELECT h.station_id, date_trunc('hour', h.delivered_at, n.time_zone) AS hour_start,
          (h.delivered_at AT TIME ZONE n.time_zone)::date AS local_date, h.currency,
          count(*) AS order_count, sum(h.quantity)::bigint AS quantity, sum(h.total) AS gmv,
          count(*) FILTER (WHERE h.role = 'BUYER') AS own_order_count,
          coalesce(sum(h.total) FILTER (WHERE h.role = 'BUYER'), 0) AS own_gmv,
          sum(h.margin - CASE WHEN h.role = 'OWNER' THEN h.commission_paid ELSE 0 END) AS margin,
          sum(h.commission) AS commission, 0::bigint AS refund_count, 0::numeric AS refund_total
   FROM (
     SELECT o.network_id, o.delivered_at, o.currency, o.quantity, o.total, p.station_id, p.role, p.margin, p.commission,
            sum(p.commission) OVER (PARTITION BY o.id) AS commission_paid
     FROM orders o JOIN order_hop p ON p.network_id = o.network_id AND p.order_id = o.id
     WHERE o.network_id = $1 AND o.id = ANY ($2::uuid[])
   ) h
   JOIN network n ON n.id = h.network_id
   GROUP BY 1, 2, 3, 4`,
);

// A refund counts on its own day (domain §1, GMV): its amount for every station of the order's path, and for each station
// the margin and commission that the refund's transfer took back. What the owner bears beyond its own posting (it reverses
// none) comes out of its margin; the buyer's money back reverses SALE and is nobody's margin.
const refundedDeltas = statement<StationHourDelta>(
  'analytics.refundedDeltas',
  `WITH done AS (
     SELECT r.network_id, r.id, r.order_id, r.amount, r.transfer_id, r.currency,
            date_trunc('hour', r.decided_at, n.time_zone) AS hour_start, (r.decided_at AT TIME ZONE n.time_zone)::date AS local_date
     FROM refund r JOIN network n ON n.id = r.network_id
     WHERE r.network_id = $1 AND r.id = ANY ($2::uuid[]) AND r.state = 'DONE'
   ), taken_back AS (
     SELECT d.id AS refund_id, a.station_id,
            coalesce(sum(p.amount) FILTER (WHERE q.reason IS DISTINCT FROM 'COMMISSION'), 0) AS margin,
            coalesce(sum(p.amount) FILTER (WHERE q.reason = 'COMMISSION'), 0) AS commission
     FROM done d
     JOIN posting p ON p.network_id = d.network_id AND p.transfer_id = d.transfer_id
     LEFT JOIN posting q ON q.network_id = p.network_id AND q.id = p.reverses_id
     JOIN account a ON a.network_id = p.network_id AND a.id = p.account_id
     WHERE a.station_id IS NOT NULL AND q.reason IS DISTINCT FROM 'SALE'
     GROUP BY 1, 2
   )
   SELECT h.station_id, d.hour_start, d.local_date, d.currency, 0::bigint AS order_count, 0::bigint AS quantity, 0::numeric AS gmv,
          0::bigint AS own_order_count, 0::numeric AS own_gmv,
          coalesce(sum(t.margin), 0) AS margin, coalesce(sum(t.commission), 0) AS commission,
          count(*) AS refund_count, sum(d.amount) AS refund_total
   FROM done d
   JOIN order_hop h ON h.network_id = d.network_id AND h.order_id = d.order_id
   LEFT JOIN taken_back t ON t.refund_id = d.id AND t.station_id = h.station_id
   GROUP BY 1, 2, 3, 4`,
);

// Upserts by station_hour_network_id_station_id_hour_start_key. Rows are locked in key order; the position's
// lock already lets one process at a time write a network's.
const addToStationHours = statement(
  'analytics.addToStationHours',
  `INSERT INTO station_hour (network_id, id, station_id, hour_start, local_date, currency, order_count, quantity, gmv,
                             own_order_count, own_gmv, margin, commission, refund_count, refund_total)
   SELECT $1, d.* FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::date[], $6::text[], $7::bigint[], $8::bigint[], $9::numeric[],
                              $10::bigint[], $11::numeric[], $12::numeric[], $13::numeric[], $14::bigint[], $15::numeric[])
     AS d (id, station_id, hour_start, local_date, currency, order_count, quantity, gmv, own_order_count, own_gmv, margin, commission,
           refund_count, refund_total)
   ORDER BY d.station_id, d.hour_start
   ON CONFLICT (network_id, station_id, hour_start) DO UPDATE SET
     order_count = station_hour.order_count + excluded.order_count, quantity = station_hour.quantity + excluded.quantity,
     gmv = station_hour.gmv + excluded.gmv,
     own_order_count = station_hour.own_order_count + excluded.own_order_count, own_gmv = station_hour.own_gmv + excluded.own_gmv,
     margin = station_hour.margin + excluded.margin, commission = station_hour.commission + excluded.commission,
     refund_count = station_hour.refund_count + excluded.refund_count, refund_total = station_hour.refund_total + excluded.refund_total`,
);

/** What the orders named add to each hour of each station of their frozen paths. */
export function readDeliveredDeltas(db: Queryable, networkId: string, orderIds: readonly string[]): Promise<StationHourDelta[]> {
  return run(db, deliveredDeltas, [networkId, orderIds]);
}

/** What the refunds named add, on the hour when they were decided. */
export function readRefundedDeltas(db: Queryable, networkId: string, refundIds: readonly string[]): Promise<StationHourDelta[]> {
  return run(db, refundedDeltas, [networkId, refundIds]);
}

/** Adds deltas to the roll-up, one upsert for all. Two deltas of one station and hour must not be in one call. */
export async function addDeltas(tx: Transaction, networkId: string, deltas: readonly StationHourDelta[]): Promise<void> {
  if (deltas.length === 0) return;
  const column = <Key extends keyof StationHourDelta>(key: Key) => deltas.map((delta) => delta[key]);
  await run(tx, addToStationHours, [
    networkId,
    deltas.map(() => tx.newId()),
    column('station_id'),
    column('hour_start'),
    column('local_date'),
    column('currency'),
    column('order_count'),
    column('quantity'),
    column('gmv'),
    column('own_order_count'),
    column('own_gmv'),
    column('margin'),
    column('commission'),
    column('refund_count'),
    column('refund_total'),
  ]);
}

/** Totals of one bucket or of a whole period. Amounts are decimal texts. */
export type GmvTotalsRow = {
  order_count: bigint;
  quantity: bigint;
  gmv: string;
  margin: string;
  commission: string;
  refund_count: bigint;
  refund_total: string;
};

const totals = `coalesce(sum(s.order_count), 0)::bigint AS order_count, coalesce(sum(s.quantity), 0)::bigint AS quantity,
  coalesce(sum(s.gmv), 0.00) AS gmv, coalesce(sum(s.margin), 0.00) AS margin, coalesce(sum(s.commission), 0.00) AS commission,
  coalesce(sum(s.refund_count), 0)::bigint AS refund_count, coalesce(sum(s.refund_total), 0.00) AS refund_total`;

// station_hour_network_id_station_id_local_date_idx: a range of at most 60 days of one station.
const hourBuckets = statement<GmvTotalsRow & { start: Date; in_period: boolean }>(
  'analytics.hourBuckets',
  `SELECT s.hour_start AS start, s.local_date >= $3::date AS in_period, ${totals}
   FROM station_hour s
   WHERE s.network_id = $1 AND s.station_id = $2 AND s.local_date BETWEEN $4::date AND $5::date
   GROUP BY s.hour_start, s.local_date ORDER BY s.hour_start`,
);

const dayBuckets = statement<GmvTotalsRow & { start: string; in_period: boolean }>(
  'analytics.dayBuckets',
  `SELECT s.local_date AS start, s.local_date >= $3::date AS in_period, ${totals}
   FROM station_hour s
   WHERE s.network_id = $1 AND s.station_id = $2 AND s.local_date BETWEEN $4::date AND $5::date
   GROUP BY s.local_date ORDER BY s.local_date`,
);

/** The period's and the comparison's totals of a station. */
export type StationTotalsRow = GmvTotalsRow & { station_id: string; comparison: boolean };

// One range of station_hour_network_id_station_id_local_date_idx for each station asked for. The comparison stops at the
// local hour that it is now.
const periodTotals = statement<StationTotalsRow>(
  'analytics.periodTotals',
  `SELECT s.station_id, s.local_date < $3::date AS comparison, ${totals}
   FROM station_hour s
   WHERE s.network_id = $1 AND s.station_id = ANY ($2::uuid[]) AND s.local_date BETWEEN $4::date AND $5::date
     AND (s.local_date >= $3::date
          OR s.hour_start AT TIME ZONE $6 <= ($7::timestamptz AT TIME ZONE $6) - make_interval(days => $8))
   GROUP BY 1, 2`,
);

/** Hours that had something to count, oldest first; `in_period` is false for the comparison's. */
export function readHourBuckets(
  db: Queryable,
  networkId: string,
  stationId: string,
  period: { from: string; comparisonFrom: string; to: string },
) {
  return run(db, hourBuckets, [networkId, stationId, period.from, period.comparisonFrom, period.to]);
}

/** Days that had something to count, oldest first; `in_period` is false for the comparison's. */
export function readDayBuckets(
  db: Queryable,
  networkId: string,
  stationId: string,
  period: { from: string; comparisonFrom: string; to: string },
) {
  return run(db, dayBuckets, [networkId, stationId, period.from, period.comparisonFrom, period.to]);
}

/** Totals of many stations, for the period and for what it is compared with. Stations without volume have no row. */
export function readPeriodTotals(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  period: { from: string; comparisonFrom: string; to: string; days: number },
  at: { now: Date; timeZone: string },
): Promise<StationTotalsRow[]> {
  return run(db, periodTotals, [networkId, stationIds, period.from, period.comparisonFrom, period.to, at.timeZone, at.now, period.days]);
}

/** A direct child with its period totals and its own number of children, largest GMV first. */
export type ChildTotalsRow = GmvTotalsRow & { station_id: string; comparison_gmv: string; child_count: bigint };

// Children by station_network_id_parent_id_id_idx, each with one range of station_hour_network_id_station_id_local_date_idx.
const childTotals = statement<ChildTotalsRow>(
  'analytics.childTotals',
  `SELECT c.id AS station_id, v.*,
          (SELECT count(*) FROM station g WHERE g.network_id = c.network_id AND g.parent_id = c.id) AS child_count
   FROM station c
   CROSS JOIN LATERAL (
     SELECT coalesce(sum(s.order_count) FILTER (WHERE s.local_date >= $3::date), 0)::bigint AS order_count,
            coalesce(sum(s.quantity) FILTER (WHERE s.local_date >= $3::date), 0)::bigint AS quantity,
            coalesce(sum(s.gmv) FILTER (WHERE s.local_date >= $3::date), 0.00) AS gmv,
            coalesce(sum(s.margin) FILTER (WHERE s.local_date >= $3::date), 0.00) AS margin,
            coalesce(sum(s.commission) FILTER (WHERE s.local_date >= $3::date), 0.00) AS commission,
            coalesce(sum(s.refund_count) FILTER (WHERE s.local_date >= $3::date), 0)::bigint AS refund_count,
            coalesce(sum(s.refund_total) FILTER (WHERE s.local_date >= $3::date), 0.00) AS refund_total,
            coalesce(sum(s.gmv) FILTER (WHERE s.local_date < $3::date
              AND s.hour_start AT TIME ZONE $6 <= ($7::timestamptz AT TIME ZONE $6) - make_interval(days => $8)), 0.00) AS comparison_gmv
     FROM station_hour s
     WHERE s.network_id = c.network_id AND s.station_id = c.id AND s.local_date BETWEEN $4::date AND $5::date
   ) v
   WHERE c.network_id = $1 AND c.parent_id = $2
   ORDER BY v.gmv DESC, c.id
   LIMIT 100`,
);

/** The (at most 100) direct children of a station that sold most, with their totals. */
export function readChildTotals(
  db: Queryable,
  networkId: string,
  stationId: string,
  period: { from: string; comparisonFrom: string; to: string; days: number },
  at: { now: Date; timeZone: string },
): Promise<ChildTotalsRow[]> {
  return run(db, childTotals, [networkId, stationId, period.from, period.comparisonFrom, period.to, at.timeZone, at.now, period.days]);
}
