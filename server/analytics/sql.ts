import { type Queryable, run, type Statement, settlePlans, statement, type Transaction } from '#server/platform/database.ts';
import { LATENCY_BUCKETS } from './rules.ts';

// ---- where the consumer stands ----

/** Roll-ups that are counted together: those of stations at once, those of goods in larger and later batches, purchases by themselves. */
export type RollUpKind = 'STATIONS' | 'GOODS' | 'SUPPLY';

// Both tables have a row or two for each network, nothing more.
const networksBehind = statement<{ network_id: string }>(
  'analytics.networksBehind',
  `SELECT r.network_id FROM relay_position r LEFT JOIN roll_up_position p ON p.network_id = r.network_id AND p.kind = $1
   WHERE r.last_seq > coalesce(p.last_seq, 0) OR p.rebuild_wanted`,
);

/** Networks with numbered events that these roll-ups have not counted. */
export async function readNetworksBehind(db: Queryable, kind: RollUpKind): Promise<string[]> {
  return (await run(db, networksBehind, [kind])).map((row) => row.network_id);
}

// roll_up_position_pkey.
const countedTo = statement<{ last_seq: bigint }>(
  'analytics.countedTo',
  'SELECT coalesce(min(last_seq), 0) AS last_seq FROM roll_up_position WHERE network_id = $1',
);

/** The last event of a network that all roll-ups have counted; 0 before they began. */
export async function readCountedTo(db: Queryable, networkId: string): Promise<bigint> {
  return (await run(db, countedTo, [networkId]))[0]?.last_seq ?? 0n;
}

// The whole table, which has a row for each network.
const networks = statement<{ id: string; name: string }>('analytics.networks', 'SELECT id, name FROM network ORDER BY id');

/** All networks, for who makes roll-ups again. */
export function readNetworks(db: Queryable) {
  return run(db, networks, []);
}

// The pruning of the outbox goes by the least position, so all of a network's begin together.
const openPositionsStatement = statement(
  'analytics.openPositions',
  `INSERT INTO roll_up_position (network_id, kind, last_seq, updated_at)
   VALUES ($1, 'GOODS', 0, $2), ($1, 'STATIONS', 0, $2), ($1, 'SUPPLY', 0, $2) ON CONFLICT (network_id, kind) DO NOTHING`,
);

/** Begins a network's roll-ups at its first event. Does not wait for a process that counts: its rows are there already. */
export async function openPositions(tx: Transaction, networkId: string): Promise<void> {
  await run(tx, openPositionsStatement, [networkId, tx.now]);
}

/** Where roll-ups stand, and the last event of the next batch. */
export type PositionRow = { last_seq: bigint; next_seq: bigint; rebuild_wanted: boolean; currency: string };

const position = `SELECT p.last_seq, LEAST(coalesce(r.last_seq, 0), p.last_seq + $3) AS next_seq, p.rebuild_wanted, n.currency
   FROM roll_up_position p
   LEFT JOIN relay_position r ON r.network_id = p.network_id
   JOIN network n ON n.id = p.network_id
   WHERE p.network_id = $1 AND p.kind = $2
   FOR UPDATE OF p`;

// roll_up_position_pkey. Numbers have no holes, so a batch is a range of them.
const lockFreePosition = statement<PositionRow>('analytics.lockFreePosition', `${position} SKIP LOCKED`);
const waitForPosition = statement<PositionRow>('analytics.waitForPosition', position);

/** Locks a network's position; null when another process holds it (or, with `wait`, when there is none). */
export async function lockPosition(
  tx: Transaction,
  { networkId, kind, batch, wait }: { networkId: string; kind: RollUpKind; batch: number; wait: boolean },
): Promise<PositionRow | null> {
  const [row] = await run(tx, wait ? waitForPosition : lockFreePosition, [networkId, kind, batch]);
  return row ?? null;
}

const movePositionStatement = statement(
  'analytics.movePosition',
  'UPDATE roll_up_position SET last_seq = $3, rebuild_wanted = false, updated_at = $4 WHERE network_id = $1 AND kind = $2',
);

/** Says that events up to `seq` are counted; in the transaction that counted them. */
export async function movePosition(tx: Transaction, networkId: string, kind: RollUpKind, seq: bigint): Promise<void> {
  await run(tx, movePositionStatement, [networkId, kind, seq, tx.now]);
}

// ---- counting: the same statements for a batch of events and for a rebuild ----
// $1 network, $2 the last event counted, then for a batch its last event, then for suppliers the currency's decimals. An hour is the local hour and
// a day the local day in the network's time zone; a refund stands on its own. No locks: what an event names is committed.

const HOUR = (instant: string) =>
  `date_trunc('hour', ${instant}, n.time_zone) AS hour_start, (${instant} AT TIME ZONE n.time_zone)::date AS local_date`;
const SOLD = `o.id, o.sku_id, o.buyer_id, o.owner_id, o.quantity, o.total, o.delivery_kind, ${HOUR('o.delivered_at')}`;
// A refund that was asked for (somebody else decides it), or that the supplier bears, is a complaint, in the hour in which it came up.
const IS_ASKED = 'r.decided_by IS DISTINCT FROM r.requested_by';
const COMPLAINED = `r.id, r.order_id, r.card_key_ids, ${HOUR('r.created_at')}`;
const REFUNDED = `r.id, r.order_id, r.amount, r.transfer_id, r.card_key_ids, ${HOUR('r.decided_at')}`;

/** Where the rows come from: the few of a batch of events, or all of a network. */
type Source = { readonly rows: string; readonly join: (table: string, alias: string, on: string) => string };

// The rows of a batch are looked up one by one. Left to itself, the planner joins whole tables where their statistics are from
// when a network was new: a minute for what takes a tenth of a second (OFFSET 0 keeps it from trying).
const joinEach: Source['join'] = (table, alias, on) =>
  `CROSS JOIN LATERAL (SELECT * FROM ${table} ${alias} WHERE ${alias}.network_id = $1 AND ${on} OFFSET 0) ${alias}`;
const joinAll: Source['join'] = (table, alias, on) => `JOIN ${table} ${alias} ON ${alias}.network_id = $1 AND ${on}`;

// Events by outbox_event_seq_key, orders and refunds by primary key.
const OF_EVENTS = `sold AS (
     SELECT ${SOLD} FROM outbox_event e ${joinEach('orders', 'o', 'o.id = e.subject_id')} JOIN network n ON n.id = $1
     WHERE e.network_id = $1 AND e.seq > $2 AND e.seq <= $3 AND e.topic = 'order.delivered'
   ), refunded AS (
     SELECT ${REFUNDED} FROM outbox_event e ${joinEach('refund', 'r', "r.id = (e.data ->> 'refundId')::uuid")} JOIN network n ON n.id = $1
     WHERE e.network_id = $1 AND e.seq > $2 AND e.seq <= $3 AND e.topic = 'order.refunded' AND r.state = 'DONE'
   ), complained AS (
     SELECT ${COMPLAINED} FROM outbox_event e ${joinEach('refund', 'r', "r.id = (e.data ->> 'refundId')::uuid")} JOIN network n ON n.id = $1
     WHERE e.network_id = $1 AND e.seq > $2 AND e.seq <= $3
       AND (e.topic = 'refund.requested' OR (e.topic = 'order.refunded' AND r.bearer = 'SUPPLIER' AND NOT (${IS_ASKED})))
   )`;

const COUNTED_TOPICS = `'order.delivered', 'order.refunded', 'refund.requested'`;

// Everything but what is still to be counted: events after the position, by outbox_event_seq_key, and events without a number, by
// outbox_event_unnumbered_idx. An order and its event appear in one commit, so each statement sees both or neither.
const OF_EVERYTHING = `uncounted AS MATERIALIZED (
     SELECT subject_id, topic, data FROM outbox_event WHERE network_id = $1 AND seq > $2 AND topic IN (${COUNTED_TOPICS})
     UNION ALL
     SELECT subject_id, topic, data FROM outbox_event WHERE network_id = $1 AND seq IS NULL AND topic IN (${COUNTED_TOPICS})
   ), sold AS (
     SELECT ${SOLD} FROM orders o JOIN network n ON n.id = $1
     WHERE o.network_id = $1 AND o.delivered_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM uncounted u WHERE u.topic = 'order.delivered' AND u.subject_id = o.id)
   ), refunded AS (
     SELECT ${REFUNDED} FROM refund r JOIN network n ON n.id = $1
     WHERE r.network_id = $1 AND r.state = 'DONE'
       AND NOT EXISTS (SELECT FROM uncounted u WHERE u.topic = 'order.refunded' AND (u.data ->> 'refundId')::uuid = r.id)
   ), complained AS (
     SELECT ${COMPLAINED} FROM refund r JOIN network n ON n.id = $1
     WHERE r.network_id = $1 AND (${IS_ASKED} OR (r.state = 'DONE' AND r.bearer = 'SUPPLIER'))
       AND NOT EXISTS (SELECT FROM uncounted u WHERE (u.data ->> 'refundId')::uuid = r.id
                         AND u.topic = CASE WHEN ${IS_ASKED} THEN 'refund.requested' ELSE 'order.refunded' END)
   )`;

// Hops by order_hop_network_id_order_id_distance_key. The owner's margin is what it keeps: the commission of the order's other
// hops comes out of it (domain §4).
const hop = (join: Source['join']) => `hop AS (
     SELECT s.*, p.station_id, p.role, p.sold_total, p.commission,
            p.margin - CASE WHEN p.role = 'OWNER' THEN sum(p.commission) OVER (PARTITION BY s.id) ELSE 0 END AS margin,
            sum(p.commission) OVER (PARTITION BY s.id) AS commission_paid
     FROM sold s ${join('order_hop', 'p', 'p.order_id = s.id')}
   )`;

// What a refund's transfer took back from each station, by posting_network_id_transfer_id_idx. What the owner bears beyond its
// own posting (it reverses none) comes out of its margin; the buyer's money back reverses SALE and is nobody's margin.
const taken = (join: Source['join']) => `taken AS (
     SELECT d.id, a.station_id, a.supplier_id,
            coalesce(sum(p.amount) FILTER (WHERE q.reason IS DISTINCT FROM 'COMMISSION'), 0) AS margin,
            coalesce(sum(p.amount) FILTER (WHERE q.reason = 'COMMISSION'), 0) AS commission
     FROM refunded d
     ${join('posting', 'p', 'p.transfer_id = d.transfer_id')}
     LEFT JOIN LATERAL (SELECT reason FROM posting WHERE network_id = $1 AND id = p.reverses_id OFFSET 0) q ON true
     ${join('account', 'a', 'a.id = p.account_id')}
     WHERE num_nonnulls(a.station_id, a.supplier_id) = 1 AND q.reason IS DISTINCT FROM 'SALE'
     GROUP BY 1, 2, 3
   )`;

const MEASURES = ['order_count', 'quantity', 'gmv', 'margin', 'commission', 'refund_count', 'refund_total'];
const OWN_MEASURES = ['own_order_count', 'own_quantity', 'own_gmv', 'own_refund_count', 'own_refund_total'];

/** An upsert of a roll-up from rows of a CTE: in key order, by its primary key, each measure added to what is there. */
function addTo(
  table: string,
  keys: readonly string[],
  { from, measures = MEASURES }: { from: string; measures?: readonly string[] },
): string {
  const listed = keys.map((key) => `c.${key}`).join(', ');
  return `INSERT INTO ${table} (network_id, ${[...keys, ...measures].join(', ')})
   SELECT $1, ${listed}, ${measures.map((measure) => `sum(c.${measure})`).join(', ')} FROM ${from} c GROUP BY ${listed} ORDER BY ${listed}
   ON CONFLICT (network_id, ${keys.join(', ')}) DO UPDATE SET
     ${measures.map((measure) => `${measure} = ${table}.${measure} + excluded.${measure}`).join(', ')}`;
}

/** A counting statement in both of its forms, and the tables that it counts into. Orders and hops are read once for all of them. */
type Counting = { tables: readonly string[]; ofEvents: Statement<NoRow>; ofEverything: Statement<NoRow> };
type NoRow = Record<never, never>;

// One row of `change` is one hour of one station of the buyers' frozen paths: where the buyer stood when ordering decides (domain §1).
const stations = ({ rows, join }: Source) => `WITH ${rows}, ${hop(join)}, ${taken(join)}, change AS MATERIALIZED (
     SELECT h.station_id, h.hour_start, h.local_date, count(*) AS order_count, sum(h.quantity)::bigint AS quantity, sum(h.total) AS gmv,
            count(*) FILTER (WHERE h.role = 'BUYER') AS own_order_count,
            coalesce(sum(h.quantity) FILTER (WHERE h.role = 'BUYER'), 0)::bigint AS own_quantity,
            coalesce(sum(h.total) FILTER (WHERE h.role = 'BUYER'), 0) AS own_gmv,
            sum(h.margin) AS margin, sum(h.commission) AS commission,
            0::bigint AS refund_count, 0::numeric AS refund_total, 0::bigint AS own_refund_count, 0::numeric AS own_refund_total
     FROM hop h GROUP BY 1, 2, 3
     UNION ALL
     SELECT p.station_id, d.hour_start, d.local_date, 0, 0, 0, 0, 0, 0, coalesce(sum(t.margin), 0), coalesce(sum(t.commission), 0),
            count(*), sum(d.amount), count(*) FILTER (WHERE p.role = 'BUYER'), coalesce(sum(d.amount) FILTER (WHERE p.role = 'BUYER'), 0)
     FROM refunded d
     JOIN order_hop p ON p.network_id = $1 AND p.order_id = d.order_id
     LEFT JOIN taken t ON t.id = d.id AND t.station_id = p.station_id
     GROUP BY 1, 2, 3
   ), hours AS (
     ${addTo('station_hour', ['station_id', 'hour_start'], { from: 'change', measures: [...MEASURES, ...OWN_MEASURES] })}
   )
   ${addTo('station_day', ['station_id', 'local_date'], { from: 'change', measures: [...MEASURES, ...OWN_MEASURES] })}`;

// Who stands above the buyer, each SKU and day: what a station's downline buys.
const DOWNLINE = `downline AS (
     SELECT h.station_id, h.local_date, h.sku_id, 1::bigint AS order_count, h.quantity::bigint AS quantity, h.total AS gmv, h.margin, h.commission,
            0::bigint AS refund_count, 0::numeric AS refund_total
     FROM hop h WHERE h.role <> 'BUYER'
     UNION ALL
     SELECT p.station_id, d.local_date, o.sku_id, 0, 0, 0, coalesce(t.margin, 0), coalesce(t.commission, 0), 1, d.amount
     FROM refunded d
     JOIN orders o ON o.network_id = $1 AND o.id = d.order_id
     JOIN order_hop p ON p.network_id = $1 AND p.order_id = d.order_id AND p.role <> 'BUYER'
     LEFT JOIN taken t ON t.id = d.id AND t.station_id = p.station_id
   )`;
const BUYER_MEASURES = ['order_count', 'quantity', 'gmv', 'refund_count', 'refund_total'];
const BOUGHT = `bought AS (
     SELECT s.buyer_id, s.local_date, s.sku_id, 1::bigint AS order_count, s.quantity::bigint AS quantity, s.total AS gmv,
            0::bigint AS refund_count, 0::numeric AS refund_total
     FROM sold s
     UNION ALL
     SELECT o.buyer_id, d.local_date, o.sku_id, 0, 0, 0, 1, d.amount
     FROM refunded d JOIN orders o ON o.network_id = $1 AND o.id = d.order_id
   )`;

// A product's category never changes (nobody may update it), so the SKU's of today is the order's.
const CATEGORY = 'k.category_path[cardinality(k.category_path)] AS category_id';
// It is looked up for each SKU that was sold (OFFSET 0): a join by hash would read all goods of the network.
const SHELF = `shelf AS MATERIALIZED (
     SELECT h.sku_id, k.category_id, h.hour_start, h.local_date, h.order_count, h.quantity, h.gmv, h.margin, h.commission,
            0::bigint AS refund_count, 0::numeric AS refund_total
     FROM (
       SELECT h.sku_id, h.hour_start, h.local_date, count(*) AS order_count, sum(h.quantity)::bigint AS quantity, sum(h.total) AS gmv,
              sum(h.margin) AS margin, sum(h.commission_paid) AS commission
       FROM hop h WHERE h.role = 'OWNER' GROUP BY 1, 2, 3
     ) h
     CROSS JOIN LATERAL (SELECT ${CATEGORY} FROM sku k WHERE k.network_id = $1 AND k.id = h.sku_id OFFSET 0) k
     UNION ALL
     SELECT o.sku_id, ${CATEGORY}, d.hour_start, d.local_date, 0, 0, 0, coalesce(t.margin, 0), coalesce(t.commission, 0), 1, d.amount
     FROM refunded d
     JOIN orders o ON o.network_id = $1 AND o.id = d.order_id
     JOIN sku k ON k.network_id = $1 AND k.id = o.sku_id
     CROSS JOIN LATERAL (
       SELECT sum(b.margin) FILTER (WHERE b.station_id = o.owner_id) AS margin, sum(b.commission) AS commission
       FROM taken b WHERE b.id = d.id AND b.station_id IS NOT NULL
     ) t
   )`;

// An order's card keys by card_key_sale_network_id_order_id_position_idx, and what was delivered straight to the customer by
// purchase_attempt_network_id_order_id_idx (of orders from stock nothing can have been). A bundle's goods are its components'. What
// belongs to the order as a whole is divided by the units: each supplier and SKU gets the difference of two rounded running totals,
// so the parts add up exactly.
const SHARE = `sum(c.units)::bigint AS units, sum(sum(c.units)) OVER (PARTITION BY s.id) AS unit_count,
     sum(sum(c.units)) OVER (PARTITION BY s.id ORDER BY c.supplier_id, c.sku_id) AS upto,
     (row_number() OVER (PARTITION BY s.id, c.supplier_id ORDER BY c.sku_id) = 1)::int AS first`;
const unitsOf = (order: { readonly id: string; readonly skuId: string; readonly kind: string }) => `CROSS JOIN LATERAL (
       SELECT c.supplier_id, c.cost, 1 AS units, c.card_key_id,
              CASE WHEN ${order.kind} = 'BUNDLE' THEN (SELECT l.sku_id FROM order_line l WHERE l.network_id = $1 AND l.id = c.line_id) ELSE ${order.skuId} END AS sku_id
       FROM card_key_sale c WHERE c.network_id = $1 AND c.order_id = ${order.id}
       UNION ALL
       SELECT c.supplier_id, c.cost, c.delivered_quantity, NULL, c.sku_id
       FROM purchase_attempt c
       WHERE ${order.kind} <> 'FROM_STOCK' AND c.network_id = $1 AND c.order_id = ${order.id} AND c.goods_kind = 'TOP_UP'
         AND c.state = 'SUCCEEDED' AND c.discrepancy IS DISTINCT FROM 'SURPLUS'
       OFFSET 0
     ) c`;
const supplied = (decimals: string) => {
  const part = (amount: string) =>
    `round(${amount} * x.upto / x.unit_count, ${decimals}) - round(${amount} * (x.upto - x.units) / x.unit_count, ${decimals})`;
  // each sale carries what is known of its order: joining it to the hops again would be a join of two unindexed lists
  const ofOrder = 's.owner_id, s.hour_start, s.local_date, s.total, s.sold_total, s.commission_paid';
  return `sale AS (
     SELECT s.id, ${ofOrder}, c.supplier_id, c.sku_id, sum(c.cost) AS cost, ${SHARE}
     FROM hop s ${unitsOf({ id: 's.id', skuId: 's.sku_id', kind: 's.delivery_kind' })}
     WHERE s.role = 'OWNER' GROUP BY s.id, c.supplier_id, c.sku_id, ${ofOrder}
   ), back AS (
     SELECT s.id, o.owner_id, s.hour_start, s.local_date, s.amount, c.supplier_id, c.sku_id, ${SHARE}
     FROM refunded s
     JOIN orders o ON o.network_id = $1 AND o.id = s.order_id
     ${unitsOf({ id: 'o.id', skuId: 'o.sku_id', kind: 'o.delivery_kind' })}
     WHERE cardinality(s.card_key_ids) = 0 OR c.card_key_id = ANY (s.card_key_ids)
     GROUP BY s.id, o.owner_id, s.hour_start, s.local_date, s.amount, c.supplier_id, c.sku_id
   ), supplied AS MATERIALIZED (
     SELECT x.owner_id, x.supplier_id, x.sku_id, x.hour_start, x.local_date, x.first::bigint AS order_count, 1::bigint AS sku_order_count,
            x.units AS quantity, ${part('x.total')} AS gmv, x.cost,
            ${part('(x.sold_total - x.commission_paid)')} - x.cost AS margin, ${part('x.commission_paid')} AS commission,
            0::bigint AS refund_count, 0::bigint AS sku_refund_count, 0::numeric AS refund_total, 0::bigint AS complaint_count
     FROM sale x WHERE x.supplier_id IS NOT NULL
     UNION ALL
     SELECT x.owner_id, x.supplier_id, x.sku_id, x.hour_start, x.local_date, 0, 0, 0, 0, coalesce(t.cost, 0) * x.first, ${part('coalesce(t.margin, 0)')},
            ${part('coalesce(t.commission, 0)')}, x.first, 1, ${part('x.amount')}, 0
     FROM back x
     CROSS JOIN LATERAL (
       SELECT sum(b.margin) FILTER (WHERE b.station_id = x.owner_id) AS margin,
              sum(b.commission) FILTER (WHERE b.station_id IS NOT NULL) AS commission,
              sum(b.margin) FILTER (WHERE b.supplier_id = x.supplier_id) AS cost
       FROM taken b WHERE b.id = x.id
     ) t
     WHERE x.supplier_id IS NOT NULL
     UNION ALL
     SELECT o.owner_id, c.supplier_id, c.sku_id, d.hour_start, d.local_date, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
     FROM complained d
     JOIN orders o ON o.network_id = $1 AND o.id = d.order_id
     ${unitsOf({ id: 'o.id', skuId: 'o.sku_id', kind: 'o.delivery_kind' })}
     WHERE c.supplier_id IS NOT NULL AND (cardinality(d.card_key_ids) = 0 OR c.card_key_id = ANY (d.card_key_ids))
     GROUP BY d.id, o.owner_id, c.supplier_id, c.sku_id, d.hour_start, d.local_date
   )`;
};

// An order of two SKUs of one supplier is one order of the supplier, and one of each SKU.
const OF_SKU = `(SELECT supplier_id, sku_id, hour_start, sku_order_count AS order_count, quantity, gmv, margin, commission,
     sku_refund_count AS refund_count, refund_total, cost, complaint_count FROM supplied)`;

const goods = (
  { rows, join }: Source,
  decimals: string,
) => `WITH ${rows}, ${hop(join)}, ${taken(join)}, ${DOWNLINE}, ${BOUGHT}, ${SHELF}, ${supplied(decimals)},
   a AS (${addTo('downline_sku_day', ['station_id', 'local_date', 'sku_id'], { from: 'downline' })}),
   b AS (${addTo('buyer_sku_day', ['buyer_id', 'local_date', 'sku_id'], { from: 'bought', measures: BUYER_MEASURES })}),
   c AS (${addTo('sku_hour', ['sku_id', 'hour_start'], { from: 'shelf' })}),
   d AS (${addTo('category_hour', ['category_id', 'hour_start'], { from: 'shelf' })}),
   e AS (${addTo('category_day', ['category_id', 'local_date'], { from: 'shelf' })}),
   g AS (${addTo('supplier_sku_hour', ['sku_id', 'supplier_id', 'hour_start'], { from: OF_SKU, measures: [...MEASURES, 'cost', 'complaint_count'] })}),
   f AS (${addTo('supplier_hour', ['owner_id', 'supplier_id', 'hour_start'], { from: 'supplied', measures: [...MEASURES, 'cost'] })})
   ${addTo('supplier_day', ['owner_id', 'local_date', 'supplier_id'], { from: 'supplied', measures: [...MEASURES, 'cost'] })}`;

// ---- what offers bought ----

// Attempts that are settled, each once: what is written of one again says `late`. By the hour in which it was planned, which
// never changes. What came too late for its order is no delivery. Steps by purchase_step_network_id_attempt_id_id_idx.
const SETTLED = `a.id, a.offer_id, date_trunc('hour', a.created_at, n.time_zone) AS hour_start,
     a.state = 'SUCCEEDED' AND a.discrepancy IS DISTINCT FROM 'SURPLUS' AS succeeded, a.delivered_quantity, coalesce(a.cost, 0) AS cost,
     extract(epoch FROM a.settled_at - coalesce(a.sent_at, a.created_at)) AS seconds,
     EXISTS (SELECT FROM purchase_step s WHERE s.network_id = $1 AND s.attempt_id = a.id AND s.outcome = 'UNKNOWN' AND s.created_at <= a.settled_at) AS was_unknown`;
const SETTLED_OF_EVENTS = `settled AS MATERIALIZED (
     SELECT DISTINCT ON (a.id) ${SETTLED}
     FROM outbox_event e ${joinEach('purchase_attempt', 'a', "a.id = (e.data ->> 'attemptId')::uuid")} JOIN network n ON n.id = $1
     WHERE e.network_id = $1 AND e.seq > $2 AND e.seq <= $3 AND e.topic = 'purchase.settled' AND e.data -> 'late' IS DISTINCT FROM 'true'::jsonb
       AND a.settled_at IS NOT NULL
   )`;
const SETTLED_OF_EVERYTHING = `uncounted AS MATERIALIZED (
     SELECT (data ->> 'attemptId')::uuid AS id FROM outbox_event
     WHERE network_id = $1 AND seq > $2 AND topic = 'purchase.settled' AND data -> 'late' IS DISTINCT FROM 'true'::jsonb
     UNION ALL
     SELECT (data ->> 'attemptId')::uuid FROM outbox_event
     WHERE network_id = $1 AND seq IS NULL AND topic = 'purchase.settled' AND data -> 'late' IS DISTINCT FROM 'true'::jsonb
   ), settled AS MATERIALIZED (
     SELECT ${SETTLED} FROM purchase_attempt a JOIN network n ON n.id = $1
     WHERE a.network_id = $1 AND a.settled_at IS NOT NULL AND NOT EXISTS (SELECT FROM uncounted u WHERE u.id = a.id)
   )`;

// Buckets of time grow by the square root of two from a tenth of a second on; see `bucketSeconds` in rules.ts.
const LATENCY_BUCKET = `CASE WHEN seconds <= 0.1 THEN 0 ELSE least(${LATENCY_BUCKETS - 1}, ceil(2 * log(2, seconds / 0.1)))::int END`;

const purchases = (rows: string) => `WITH ${rows}, attempt AS (
     SELECT offer_id, hour_start, count(*) AS attempt_count, count(*) FILTER (WHERE succeeded) AS success_count,
            count(*) FILTER (WHERE was_unknown) AS unknown_count, coalesce(sum(delivered_quantity) FILTER (WHERE succeeded), 0) AS bought_quantity,
            coalesce(sum(cost) FILTER (WHERE succeeded), 0) AS bought_cost
     FROM settled GROUP BY 1, 2
   ), delivery AS (
     SELECT offer_id, hour_start, ${LATENCY_BUCKET} AS bucket, count(*) AS delivery_count FROM settled WHERE succeeded GROUP BY 1, 2, 3
   ), latency AS (
     ${addTo('offer_latency_hour', ['offer_id', 'hour_start', 'bucket'], { from: 'delivery', measures: ['delivery_count'] })}
   )
   ${addTo('offer_hour', ['offer_id', 'hour_start'], {
     from: 'attempt',
     measures: ['attempt_count', 'success_count', 'unknown_count', 'bought_quantity', 'bought_cost'],
   })}`;

const BATCH_OF_EVENTS: Source = { rows: OF_EVENTS, join: joinEach };
const ALL: Source = { rows: OF_EVERYTHING, join: joinAll };

const COUNTED: Record<RollUpKind, Counting> = {
  STATIONS: {
    tables: ['station_hour', 'station_day'],
    ofEvents: statement('analytics.countStations', stations(BATCH_OF_EVENTS)),
    ofEverything: statement('analytics.recountStations', stations(ALL)),
  },
  GOODS: {
    tables: [
      'downline_sku_day',
      'buyer_sku_day',
      'sku_hour',
      'category_hour',
      'category_day',
      'supplier_hour',
      'supplier_day',
      'supplier_sku_hour',
    ],
    ofEvents: statement('analytics.countGoods', goods(BATCH_OF_EVENTS, '$4::int')),
    ofEverything: statement('analytics.recountGoods', goods(ALL, '$3::int')),
  },
  SUPPLY: {
    tables: ['offer_hour', 'offer_latency_hour'],
    ofEvents: statement('analytics.countPurchases', purchases(SETTLED_OF_EVENTS)),
    ofEverything: statement('analytics.recountPurchases', purchases(SETTLED_OF_EVERYTHING)),
  },
};

/**
 * Adds the events after `after` up to `upTo` to the roll-ups of a kind, in one statement. A batch is small beside the tables that it
 * reads, whatever their statistics say of a new network, and planning it anew takes longer than counting it.
 */
export async function countEvents(
  tx: Transaction,
  kind: RollUpKind,
  { networkId, after, upTo, decimals }: { networkId: string; after: bigint; upTo: bigint; decimals: number },
): Promise<void> {
  const values = [networkId, after, upTo, ...(kind === 'GOODS' ? [decimals] : [])];
  await Promise.all([settlePlans(tx), run(tx, COUNTED[kind].ofEvents, values)]);
}

// However long it takes: it holds nothing that an order or a reader waits for. Memory for sorting a network's whole past.
const atLeisure = statement(
  'analytics.atLeisure',
  `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true), set_config('jit', 'off', true)`,
);

/** Makes the roll-ups of a kind again from all orders and refunds whose events are not after `after`. */
export async function countEverything(
  tx: Transaction,
  kind: RollUpKind,
  { networkId, after, decimals }: { networkId: string; after: bigint; decimals: number },
): Promise<void> {
  const { tables, ofEverything } = COUNTED[kind];
  await run(tx, atLeisure, []);
  for (const table of tables) {
    const clear = statement(`analytics.clear.${table}`, `DELETE FROM ${table} WHERE network_id = $1`);
    await run(tx, clear, [networkId]);
  }
  await run(tx, ofEverything, [networkId, after, ...(kind === 'GOODS' ? [decimals] : [])]);
}

// ---- reading: station_day and station_hour by primary key, never an order ----

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

/** A period's days and the ones that it is compared with; of the last of these only the hours up to the one that it is now. */
export type PeriodQuery = {
  from: string;
  to: string;
  comparisonFrom: string;
  comparisonTo: string;
  /** first instant of `comparisonTo`'s local day, and the first after it */
  lastDayStart: Date;
  lastDayEnd: Date;
  days: number;
};

const TOTALS = (row: string, where = '') => {
  const sum = (measure: string) => `coalesce(sum(${row}.${measure})${where}, 0`;
  return `${sum('order_count')})::bigint AS order_count, ${sum('quantity')})::bigint AS quantity, ${sum('gmv')}.00) AS gmv, ${sum('margin')}.00) AS margin,
     ${sum('commission')}.00) AS commission, ${sum('refund_count')})::bigint AS refund_count, ${sum('refund_total')}.00) AS refund_total`;
};
const SUMMED = 'order_count, quantity, gmv, margin, commission, refund_count, refund_total';

// station_hour_pkey: the hours of two days of one station.
const hourBuckets = statement<GmvTotalsRow & { start: Date }>(
  'analytics.hourBuckets',
  `SELECT s.hour_start AS start, ${SUMMED} FROM station_hour s
   WHERE s.network_id = $1 AND s.station_id = $2 AND s.hour_start >= $3 AND s.hour_start < $4`,
);

/** Hours of a station that had something to count, from `start` to before `end`. */
export function readHourBuckets(db: Queryable, networkId: string, stationId: string, { start, end }: { start: Date; end: Date }) {
  return run(db, hourBuckets, [networkId, stationId, start, end]);
}

// station_day_pkey: at most 120 rows, however many orders they count.
const dayBuckets = statement<GmvTotalsRow & { start: string }>(
  'analytics.dayBuckets',
  `SELECT s.local_date AS start, ${SUMMED} FROM station_day s
   WHERE s.network_id = $1 AND s.station_id = $2 AND s.local_date BETWEEN $3::date AND $4::date`,
);

/** Days of a station that had something to count, both ends included. */
export function readDayBuckets(db: Queryable, networkId: string, stationId: string, { from, to }: { from: string; to: string }) {
  return run(db, dayBuckets, [networkId, stationId, from, to]);
}

// The rows of a period of one station ($3 to $4) and of its comparison ($5 to before $6, and of that day the hours from $7 to
// before $8 that are not later than the local hour of now): ranges of station_day_pkey and station_hour_pkey.
const PERIOD = (station: string) => `
     SELECT false AS comparison, ${SUMMED} FROM station_day d
     WHERE d.network_id = $1 AND d.station_id = ${station} AND d.local_date BETWEEN $3::date AND $4::date
     UNION ALL
     SELECT true, ${SUMMED} FROM station_day d
     WHERE d.network_id = $1 AND d.station_id = ${station} AND d.local_date >= $5::date AND d.local_date < $6::date
     UNION ALL
     SELECT true, ${SUMMED} FROM station_hour h
     WHERE h.network_id = $1 AND h.station_id = ${station} AND h.hour_start >= $7 AND h.hour_start < $8
       AND h.hour_start AT TIME ZONE $9 <= ($10::timestamptz AT TIME ZONE $9) - make_interval(days => $11)`;

/** The period's and the comparison's totals of a station. */
export type StationTotalsRow = GmvTotalsRow & { station_id: string; comparison: boolean };

const periodTotals = statement<StationTotalsRow>(
  'analytics.periodTotals',
  `SELECT w.station_id, v.comparison, ${TOTALS('v')}
   FROM unnest($2::uuid[]) AS w (station_id) CROSS JOIN LATERAL (${PERIOD('w.station_id')}
   ) v
   GROUP BY 1, 2`,
);

/** Totals of many stations, for the period and for what it is compared with. Stations without volume have no row. */
export function readPeriodTotals(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  period: PeriodQuery,
  at: { now: Date; timeZone: string },
): Promise<StationTotalsRow[]> {
  return run(db, periodTotals, [networkId, stationIds, ...periodValues(period, at)]);
}

function periodValues(period: PeriodQuery, at: { now: Date; timeZone: string }): unknown[] {
  const { from, to, comparisonFrom, comparisonTo, lastDayStart, lastDayEnd, days } = period;
  return [from, to, comparisonFrom, comparisonTo, lastDayStart, lastDayEnd, at.timeZone, at.now, days];
}

/** A direct child with its period totals and its own number of children, largest GMV first. */
export type ChildTotalsRow = GmvTotalsRow & { station_id: string; comparison_gmv: string; child_count: bigint };

// Children by station_network_id_parent_id_id_idx, each with its ranges as above.
const childTotals = statement<ChildTotalsRow>(
  'analytics.childTotals',
  `SELECT c.id AS station_id, v.*,
          (SELECT count(*) FROM station g WHERE g.network_id = c.network_id AND g.parent_id = c.id) AS child_count
   FROM station c
   CROSS JOIN LATERAL (
     SELECT ${TOTALS('p', ' FILTER (WHERE NOT p.comparison)')}, coalesce(sum(p.gmv) FILTER (WHERE p.comparison), 0.00) AS comparison_gmv
     FROM (${PERIOD('c.id')}
     ) p
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
  period: PeriodQuery,
  at: { now: Date; timeZone: string },
): Promise<ChildTotalsRow[]> {
  return run(db, childTotals, [networkId, stationId, ...periodValues(period, at)]);
}

/** What a station's subtree bought of a SKU, with the names that orders of it show. Amounts are decimal texts. */
export type SkuVolumeRow = GmvTotalsRow & { sku_id: string; sku_name: string; product_name: string };

// What a station's subtree bought: what those below it did, and what itself did, which earns it nothing.
const SUBTREE_SKUS = `SELECT sku_id, ${SUMMED} FROM downline_sku_day WHERE network_id = $1 AND station_id = $2 AND local_date BETWEEN $3::date AND $4::date
     UNION ALL
     SELECT sku_id, order_count, quantity, gmv, 0, 0, refund_count, refund_total
     FROM buyer_sku_day WHERE network_id = $1 AND buyer_id = $2 AND local_date BETWEEN $3::date AND $4::date`;

// Ranges of downline_sku_day_pkey and buyer_sku_day_pkey: a row for each SKU and day sold. Names by primary keys, for those shown.
const bestSellers = statement<SkuVolumeRow>(
  'analytics.bestSellers',
  `SELECT v.*, k.name AS sku_name, p.name AS product_name
   FROM (
     SELECT s.sku_id, ${TOTALS('s')} FROM (${SUBTREE_SKUS}) s
     GROUP BY s.sku_id HAVING sum(s.order_count) > 0 ORDER BY sum(s.gmv) DESC, s.sku_id LIMIT $5
   ) v
   JOIN sku k ON k.network_id = $1 AND k.id = v.sku_id
   JOIN product p ON p.network_id = $1 AND p.id = k.product_id
   ORDER BY v.gmv DESC, v.sku_id`,
);

/** Local days, both ends included. */
export type Days = { from: string; to: string };

/** The SKUs of which a station's subtree bought most, by GMV. */
export function readBestSellers(db: Queryable, networkId: string, stationId: string, { from, to }: Days, limit: number) {
  return run(db, bestSellers, [networkId, stationId, from, to, limit]);
}

/** What a station's subtree bought of a category, its product's own. */
export type CategoryVolumeRow = GmvTotalsRow & { category_id: string; name: string };

// The same ranges; SKUs and categories by primary key.
const categoryVolumes = statement<CategoryVolumeRow>(
  'analytics.categoryVolumes',
  `SELECT v.*, c.name
   FROM (
     SELECT k.category_path[cardinality(k.category_path)] AS category_id, ${TOTALS('s')}
     FROM (SELECT sku_id, ${MEASURES.map((measure) => `sum(u.${measure}) AS ${measure}`).join(', ')} FROM (${SUBTREE_SKUS}) u GROUP BY sku_id) s
     JOIN sku k ON k.network_id = $1 AND k.id = s.sku_id
     GROUP BY 1 HAVING sum(s.order_count) > 0 ORDER BY sum(s.gmv) DESC, 1 LIMIT $5
   ) v
   JOIN category c ON c.network_id = $1 AND c.id = v.category_id
   ORDER BY v.gmv DESC, v.category_id`,
);

/** The categories of which a station's subtree bought most, by GMV. */
export function readCategoryVolumes(db: Queryable, networkId: string, stationId: string, { from, to }: Days, limit: number) {
  return run(db, categoryVolumes, [networkId, stationId, from, to, limit]);
}

/** What an owner sold of a supplier's goods, and what the supplier got for it. */
export type SupplierVolumeRow = GmvTotalsRow & { supplier_id: string; cost: string };

// supplier_day_pkey: a row for each supplier and day.
const supplierVolumes = statement<SupplierVolumeRow>(
  'analytics.supplierVolumes',
  `SELECT s.supplier_id, ${TOTALS('s')}, coalesce(sum(s.cost), 0.00) AS cost
   FROM supplier_day s WHERE s.network_id = $1 AND s.owner_id = $2 AND s.local_date BETWEEN $3::date AND $4::date
   GROUP BY s.supplier_id ORDER BY sum(s.gmv) DESC, s.supplier_id LIMIT $5`,
);

/** The suppliers whose goods an owner sold most of, by GMV. */
export function readSupplierVolumes(db: Queryable, networkId: string, ownerId: string, { from, to }: Days, limit: number) {
  return run(db, supplierVolumes, [networkId, ownerId, from, to, limit]);
}

/** What a station bought itself of a SKU, and the last day on which it did. */
export type FrequentSkuRow = {
  sku_id: string;
  sku_name: string;
  product_name: string;
  order_count: bigint;
  quantity: bigint;
  gmv: string;
  last_on: string;
};

// buyer_sku_day_pkey: a row for each SKU and day on which the station bought it.
const frequentSkus = statement<FrequentSkuRow>(
  'analytics.frequentSkus',
  `SELECT v.*, k.name AS sku_name, p.name AS product_name
   FROM (
     SELECT s.sku_id, sum(s.order_count)::bigint AS order_count, sum(s.quantity)::bigint AS quantity, sum(s.gmv) AS gmv, max(s.local_date) AS last_on
     FROM buyer_sku_day s WHERE s.network_id = $1 AND s.buyer_id = $2 AND s.local_date BETWEEN $3::date AND $4::date AND s.order_count > 0
     GROUP BY s.sku_id ORDER BY sum(s.order_count) DESC, max(s.local_date) DESC, s.sku_id LIMIT $5
   ) v
   JOIN sku k ON k.network_id = $1 AND k.id = v.sku_id
   JOIN product p ON p.network_id = $1 AND p.id = k.product_id
   ORDER BY v.order_count DESC, v.last_on DESC, v.sku_id`,
);

/** The SKUs that a station ordered most often itself. */
export function readFrequentSkus(db: Queryable, networkId: string, buyerId: string, { from, to }: Days, limit: number) {
  return run(db, frequentSkus, [networkId, buyerId, from, to, limit]);
}

/** Of what an owner asks the sales over time. */
export type SeriesSubject = { kind: 'SKU' | 'CATEGORY' | 'SUPPLIER'; id: string };

const series = (kind: SeriesSubject['kind'], hours: string, days: string) => ({
  hours: statement<GmvTotalsRow & { start: Date }>(`analytics.hoursOf${kind}`, `SELECT s.hour_start AS start, ${SUMMED} FROM ${hours}`),
  days: statement<GmvTotalsRow & { start: string }>(`analytics.daysOf${kind}`, `SELECT s.local_date AS start, ${SUMMED} FROM ${days}`),
});

// By the tables' primary keys; that the SKU or category is the owner's ($2) is asked of its own. A SKU's days are single rows of the
// owner's range, hence a key for each day.
const SERIES = {
  SKU: series(
    'SKU',
    `sku_hour s WHERE s.network_id = $1 AND s.sku_id = $3 AND s.hour_start >= $4 AND s.hour_start < $5
       AND EXISTS (SELECT FROM sku k WHERE k.network_id = $1 AND k.id = $3 AND k.owner_id = $2)`,
    `generate_series(0, $5::date - $4::date) d (days)
     JOIN downline_sku_day s ON s.network_id = $1 AND s.station_id = $2 AND s.local_date = $4::date + d.days AND s.sku_id = $3
     WHERE EXISTS (SELECT FROM sku k WHERE k.network_id = $1 AND k.id = $3 AND k.owner_id = $2)`,
  ),
  CATEGORY: series(
    'CATEGORY',
    `category_hour s WHERE s.network_id = $1 AND s.category_id = $3 AND s.hour_start >= $4 AND s.hour_start < $5
       AND EXISTS (SELECT FROM category c WHERE c.network_id = $1 AND c.id = $3 AND c.owner_id = $2)`,
    `category_day s WHERE s.network_id = $1 AND s.category_id = $3 AND s.local_date BETWEEN $4::date AND $5::date
       AND EXISTS (SELECT FROM category c WHERE c.network_id = $1 AND c.id = $3 AND c.owner_id = $2)`,
  ),
  SUPPLIER: series(
    'SUPPLIER',
    'supplier_hour s WHERE s.network_id = $1 AND s.owner_id = $2 AND s.supplier_id = $3 AND s.hour_start >= $4 AND s.hour_start < $5',
    `generate_series(0, $5::date - $4::date) d (days)
     JOIN supplier_day s ON s.network_id = $1 AND s.owner_id = $2 AND s.local_date = $4::date + d.days AND s.supplier_id = $3`,
  ),
};

/** Hours in which an owner sold of a SKU, category or supplier; none for what is not its own. */
export function readHoursOf(
  db: Queryable,
  networkId: string,
  ownerId: string,
  { kind, id }: SeriesSubject,
  { start, end }: { start: Date; end: Date },
) {
  return run(db, SERIES[kind].hours, [networkId, ownerId, id, start, end]);
}

/** Days on which an owner sold of a SKU, category or supplier; none for what is not its own. */
export function readDaysOf(db: Queryable, networkId: string, ownerId: string, { kind, id }: SeriesSubject, { from, to }: Days) {
  return run(db, SERIES[kind].days, [networkId, ownerId, id, from, to]);
}

const skuSales = statement<{ sku_id: string; created_on: string; sold_before: number; sold_today: number }>(
  'analytics.skuSales',
  `WITH wanted AS (
     SELECT k.id, k.owner_id, (k.created_at AT TIME ZONE n.time_zone)::date AS created_on
     FROM sku k JOIN network n ON n.id = $1 WHERE k.network_id = $1 AND k.id = ANY ($2::uuid[])
   ), asked AS (
     SELECT w.id, w.owner_id, w.id AS sold_id, 1 AS units FROM wanted w
     UNION ALL
     SELECT w.id, w.owner_id, c.bundle_sku_id, c.quantity FROM wanted w
     JOIN bundle_component c ON c.network_id = $1 AND c.component_sku_id = w.id AND c.valid_to IS NULL
   ), sold AS (
     SELECT a.id, s.quantity * a.units AS units, d.days = $4::date - $3::date AS is_today
     FROM asked a
     CROSS JOIN generate_series(0, $4::date - $3::date) d (days)
     JOIN downline_sku_day s ON s.network_id = $1 AND s.station_id = a.owner_id AND s.local_date = $3::date + d.days AND s.sku_id = a.sold_id
   )
   SELECT w.id AS sku_id, w.created_on,
          coalesce(sum(s.units) FILTER (WHERE NOT s.is_today), 0)::int AS sold_before, coalesce(sum(s.units) FILTER (WHERE s.is_today), 0)::int AS sold_today
   FROM wanted w LEFT JOIN sold s ON s.id = w.id GROUP BY w.id, w.created_on`,
);

/**
 * Units of SKUs that their owners' downlines bought on the local days from `from` up to the day before `today`, and today, in bundles
 * too; with the day on which the SKU was made. A key of downline_sku_day_pkey for each SKU (and bundle that holds it) and day.
 */
export function readSkuSales(
  db: Queryable,
  networkId: string,
  skuIds: readonly string[],
  { from, today }: { readonly from: string; readonly today: string },
) {
  return run(db, skuSales, [networkId, skuIds, from, today]);
}

// ---- scorecards: never an attempt, never an order ----

/** What a supplier did with a SKU in a window of time. Amounts are decimal texts in `currency`. */
export type ScorecardRow = {
  sku_id: string;
  supplier_id: string;
  sku_name: string;
  product_name: string;
  currency: string;
  attempt_count: bigint;
  success_count: bigint;
  unknown_count: bigint;
  bought_quantity: bigint;
  bought_cost: string;
  /** what all offers of the SKU bought */
  sku_quantity: bigint;
  /** deliveries by the bucket of their time */
  histogram: Record<string, number>;
  order_count: bigint;
  complaint_count: bigint;
  gmv: string;
  margin: string;
  cost: string;
  /** the cheapest offer that is on, its own and another supplier's */
  own_unit_cost: string | null;
  others_unit_cost: string | null;
};

/** Whose cards: of an owner's SKUs, of one supplier, of one SKU; null does not ask, and at least one of the last two does. */
export type ScorecardScope = {
  readonly networkId: string;
  readonly ownerId: string | null;
  readonly supplierId: string | null;
  readonly skuId: string | null;
};

// Pairs by supply_offer_network_id_sku_id_idx or supply_offer_network_id_supplier_id_id_idx, and of a SKU those that only sold from stock by
// supplier_sku_hour_pkey; then ranges of offer_hour_pkey, offer_latency_hour_pkey and supplier_sku_hour_pkey, at most 721 hours each.
const scorecards = statement<ScorecardRow>(
  'analytics.scorecards',
  `WITH pair AS MATERIALIZED (
     SELECT o.sku_id, o.supplier_id FROM supply_offer o
     WHERE o.network_id = $1 AND ($2::uuid IS NULL OR o.owner_id = $2) AND ($3::uuid IS NULL OR o.supplier_id = $3) AND ($4::uuid IS NULL OR o.sku_id = $4)
     UNION
     SELECT s.sku_id, s.supplier_id FROM supplier_sku_hour s
     WHERE s.network_id = $1 AND s.sku_id = $4 AND s.hour_start >= $5 AND ($3::uuid IS NULL OR s.supplier_id = $3)
       AND ($2::uuid IS NULL OR EXISTS (SELECT FROM sku k WHERE k.network_id = $1 AND k.id = $4 AND k.owner_id = $2))
     LIMIT 200
   ), offer AS MATERIALIZED (
     SELECT o.id, o.sku_id, o.supplier_id, o.unit_cost, o.archived_at IS NULL AND o.is_enabled AND NOT o.is_paused AND o.frozen_reason IS NULL AS is_on
     FROM supply_offer o WHERE o.network_id = $1 AND o.sku_id IN (SELECT sku_id FROM pair)
   ), bought AS (
     SELECT o.sku_id, o.supplier_id, sum(h.attempt_count) AS attempt_count, sum(h.success_count) AS success_count, sum(h.unknown_count) AS unknown_count,
            sum(h.bought_quantity) AS bought_quantity, sum(h.bought_cost) AS bought_cost,
            sum(sum(h.bought_quantity)) OVER (PARTITION BY o.sku_id) AS sku_quantity
     FROM offer o JOIN offer_hour h ON h.network_id = $1 AND h.offer_id = o.id AND h.hour_start >= $5 GROUP BY 1, 2
   ), speed AS (
     SELECT b.sku_id, b.supplier_id, jsonb_object_agg(b.bucket, b.delivery_count) AS histogram
     FROM (SELECT o.sku_id, o.supplier_id, h.bucket, sum(h.delivery_count) AS delivery_count
           FROM offer o JOIN offer_latency_hour h ON h.network_id = $1 AND h.offer_id = o.id AND h.hour_start >= $5 GROUP BY 1, 2, 3) b
     GROUP BY 1, 2
   ), sold AS (
     SELECT p.sku_id, p.supplier_id, sum(s.order_count) AS order_count, sum(s.complaint_count) AS complaint_count, sum(s.gmv) AS gmv,
            sum(s.margin) AS margin, sum(s.cost) AS cost
     FROM pair p JOIN supplier_sku_hour s ON s.network_id = $1 AND s.sku_id = p.sku_id AND s.supplier_id = p.supplier_id AND s.hour_start >= $5
     GROUP BY 1, 2
   )
   SELECT p.sku_id, p.supplier_id, k.name AS sku_name, g.name AS product_name, k.currency, coalesce(b.attempt_count, 0)::bigint AS attempt_count,
          coalesce(b.success_count, 0)::bigint AS success_count, coalesce(b.unknown_count, 0)::bigint AS unknown_count,
          coalesce(b.bought_quantity, 0)::bigint AS bought_quantity, coalesce(b.bought_cost, 0.00) AS bought_cost,
          coalesce(b.sku_quantity, 0)::bigint AS sku_quantity, coalesce(t.histogram, '{}') AS histogram,
          coalesce(s.order_count, 0)::bigint AS order_count, coalesce(s.complaint_count, 0)::bigint AS complaint_count,
          coalesce(s.gmv, 0.00) AS gmv, coalesce(s.margin, 0.00) AS margin, coalesce(s.cost, 0.00) AS cost,
          (SELECT min(o.unit_cost) FROM offer o WHERE o.is_on AND o.sku_id = p.sku_id AND o.supplier_id = p.supplier_id) AS own_unit_cost,
          (SELECT min(o.unit_cost) FROM offer o WHERE o.is_on AND o.sku_id = p.sku_id AND o.supplier_id <> p.supplier_id) AS others_unit_cost
   FROM pair p
   JOIN sku k ON k.network_id = $1 AND k.id = p.sku_id
   JOIN product g ON g.network_id = $1 AND g.id = k.product_id
   LEFT JOIN bought b ON b.sku_id = p.sku_id AND b.supplier_id = p.supplier_id
   LEFT JOIN speed t ON t.sku_id = p.sku_id AND t.supplier_id = p.supplier_id
   LEFT JOIN sold s ON s.sku_id = p.sku_id AND s.supplier_id = p.supplier_id
   ORDER BY p.sku_id, p.supplier_id`,
);

/** Facts of scorecards since an instant, at most 200 pairs of SKU and supplier. */
export function readScorecards(
  db: Queryable,
  { networkId, ownerId, supplierId, skuId }: ScorecardScope,
  since: Date,
): Promise<ScorecardRow[]> {
  return run(db, scorecards, [networkId, ownerId, supplierId, skuId, since]);
}
