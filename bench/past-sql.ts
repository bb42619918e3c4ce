import type { Shop } from './arrange.ts';
import { kindOf, type Models } from './past-models.ts';

// The statements that write a past. What a chunk draws from stands in tables of a schema of its own, dropped afterwards.

/** Stands for the holder of what belongs to no station: here the supplier. */
const NO_STATION = '00000000-0000-0000-0000-000000000000';

/** What chunks draw from: numbered buyers and SKUs with their lots, the models' rows, and every account that the postings will name. */
export function groundStatements({ networkId, supplierId }: Shop, { orderIds }: Models): string[] {
  const models = `(VALUES ('0', '${orderIds['0']}'::uuid), ('5', '${orderIds['5']}'), ('1', '${orderIds['1']}')) AS m (kind, order_id)`;
  const network = `'${networkId}'::uuid`;
  return [
    'CREATE SCHEMA past',
    `CREATE UNLOGGED TABLE past.buyer AS SELECT (row_number() OVER (ORDER BY id))::int AS n, id, path FROM station WHERE network_id = ${network} AND kind = 'RESELLER'`,
    'ALTER TABLE past.buyer ADD PRIMARY KEY (n)',
    `CREATE UNLOGGED TABLE past.sku AS
       SELECT (row_number() OVER (ORDER BY s.id))::int AS n, s.id, ${kindOf('s')} AS kind, s.owner_id, s.name, p.name AS product_name, s.category_path[1] AS category_id,
         b.id AS band_id, c.id AS plan_id, uuidv7() AS lot_id
       FROM sku s JOIN product p ON p.network_id = s.network_id AND p.id = s.product_id
       LEFT JOIN control_band b ON b.network_id = s.network_id AND b.sku_id = s.id
       LEFT JOIN commission_plan c ON c.network_id = s.network_id AND c.category_id = s.category_path[1]
       WHERE s.network_id = ${network}`,
    'ALTER TABLE past.sku ADD PRIMARY KEY (n)',
    `CREATE UNLOGGED TABLE past.rule AS SELECT station_id, coalesce(sku_id, category_id) AS scope_id, id FROM markup_rule
       WHERE network_id = ${network} AND (sku_id IS NOT NULL OR category_id IS NOT NULL)`,
    'ALTER TABLE past.rule ADD PRIMARY KEY (station_id, scope_id)',
    `CREATE UNLOGGED TABLE past.model AS SELECT m.kind, o.* FROM ${models} JOIN orders o ON o.network_id = ${network} AND o.id = m.order_id`,
    `CREATE UNLOGGED TABLE past.model_hop AS
       SELECT m.kind, h.*, CASE WHEN r.sku_id IS NOT NULL THEN 'SKU' WHEN r.category_id IS NOT NULL THEN 'CATEGORY' END AS rule_scope
       FROM ${models} JOIN order_hop h ON h.network_id = ${network} AND h.order_id = m.order_id
       LEFT JOIN markup_rule r ON r.network_id = ${network} AND r.id = h.markup_rule_id`,
    // where a posting goes: to a station at this distance from the buyer, or to the supplier
    `CREATE UNLOGGED TABLE past.model_posting AS
       SELECT m.kind, row_number() OVER (PARTITION BY m.kind ORDER BY p.id) AS place, h.distance, a.kind AS account_kind, p.amount, p.reason, p.due_on IS NOT NULL AS is_due
       FROM ${models} JOIN transfer t ON t.network_id = ${network} AND t.order_id = m.order_id
       JOIN posting p ON p.network_id = ${network} AND p.transfer_id = t.id JOIN account a ON a.network_id = ${network} AND a.id = p.account_id
       LEFT JOIN order_hop h ON h.network_id = ${network} AND h.order_id = m.order_id AND h.station_id = a.station_id`,
    `INSERT INTO account (network_id, id, station_id, kind, currency, floorless, updated_at)
       SELECT ${network}, uuidv7(), s.id, k.account_kind, 'CNY', k.account_kind <> 'WALLET' OR s.kind = 'HEADQUARTERS', now()
       FROM (SELECT DISTINCT p.distance, p.account_kind FROM past.model_posting p WHERE p.distance > 0) k
       JOIN station s ON s.network_id = ${network} AND s.kind <> 'RESELLER' AND s.depth = (SELECT max(depth) FROM station WHERE network_id = ${network}) - k.distance
       ON CONFLICT DO NOTHING`,
    `INSERT INTO lot (network_id, id, sku_id, owner_id, supplier_id, terms, currency, total_cost, key_count, data_key, vault_key_id, created_by, created_at)
       SELECT ${network}, lot_id, id, owner_id, '${supplierId}', 'CONSIGNMENT', 'CNY', 0, 0, '\\x00', 'bench', owner_id, now() - interval '61 days' FROM past.sku`,
    `CREATE UNLOGGED TABLE past.account AS SELECT coalesce(station_id, '${NO_STATION}') AS holder_id, kind, id FROM account WHERE network_id = ${network}`,
    'ALTER TABLE past.account ADD PRIMARY KEY (holder_id, kind)',
    // the past's events are numbered from 1 on; the models' have been told and counted
    `DELETE FROM outbox_event WHERE network_id = ${network}`,
    'ANALYZE',
  ];
}

/** A run of orders of one past, by their numbers, the oldest being 1. */
export interface Chunk {
  readonly networkId: string;
  readonly first: number;
  readonly last: number;
  readonly orders: number;
  readonly days: number;
  readonly eventDays: number;
}

/** The statements of one chunk, one a table. All ids are of the order's own time. */
export function chunkStatements({ networkId, first, last, orders, days, eventDays }: Chunk): string[] {
  const network = `'${networkId}'::uuid`;
  // made for each row: a subquery without the row would be run once
  const newId = 'uuidv7(d.at - clock_timestamp())';
  return [
    `CREATE TEMP TABLE drawn ON COMMIT DROP AS
       SELECT d.*, ${newId} AS id, ${newId} AS line_id, ${newId} AS transfer_id, ${newId} AS card_key_id, 'past-' || d.n AS request_key FROM (
         SELECT g AS n, date_trunc('milliseconds', now() - make_interval(days => ${days}) * (1 - g::float8 / ${orders + 1})) AS at,
           1 + floor(random() * (SELECT count(*) FROM past.buyer))::int AS buyer_n, 1 + floor(random() * (SELECT count(*) FROM past.sku))::int AS sku_n
         FROM generate_series(${first}, ${last}) g) d`,
    `CREATE TEMP TABLE sold ON COMMIT DROP AS
       SELECT d.*, b.id AS buyer_id, b.path, s.id AS sku_id, s.kind, s.owner_id, s.name AS sku_name, s.product_name, s.category_id, s.band_id, s.plan_id, s.lot_id,
         (d.at AT TIME ZONE w.time_zone)::date + w.settlement_days AS due_on
       FROM drawn d JOIN past.buyer b ON b.n = d.buyer_n JOIN past.sku s ON s.n = d.sku_n JOIN network w ON w.id = ${network} ORDER BY d.n`,
    'ANALYZE sold',
    `INSERT INTO orders (network_id, id, buyer_id, owner_id, buyer_path, sku_id, product_name, sku_name, listing_version, quantity, unit_size, unit_price, total, currency,
         state, delivery_kind, cost, commission_plan_id, commission_pool, settlement_days, due_on, request_key, channel, placed_by_key_id, client_address, placed_at, delivered_at, updated_at)
       SELECT ${network}, d.id, d.buyer_id, d.owner_id, d.path, d.sku_id, d.product_name, d.sku_name, m.listing_version, m.quantity, m.unit_size, m.unit_price, m.total, m.currency,
         m.state, m.delivery_kind, m.cost, d.plan_id, m.commission_pool, m.settlement_days, d.due_on, d.request_key, m.channel, m.placed_by_key_id, m.client_address, d.at, d.at, d.at
       FROM sold d JOIN past.model m ON m.kind = d.kind ORDER BY d.n`,
    `INSERT INTO order_hop (network_id, id, order_id, station_id, distance, role, paid_unit_price, paid_total, sold_unit_price, sold_total, markup_rule_id, control_band_id, margin, commission)
       SELECT ${network}, ${newId}, d.id, d.path[cardinality(d.path) - h.distance], h.distance, h.role, h.paid_unit_price, h.paid_total, h.sold_unit_price, h.sold_total,
         r.id, CASE WHEN h.control_band_id IS NOT NULL THEN d.band_id END, h.margin, h.commission
       FROM sold d JOIN past.model_hop h ON h.kind = d.kind
       LEFT JOIN past.rule r ON r.station_id = d.path[cardinality(d.path) - h.distance] AND r.scope_id = CASE h.rule_scope WHEN 'SKU' THEN d.sku_id WHEN 'CATEGORY' THEN d.category_id END
       ORDER BY d.n`,
    `INSERT INTO order_line (network_id, id, order_id, sku_id, quantity, delivered_quantity, source, cost)
       SELECT ${network}, d.line_id, d.id, d.sku_id, m.quantity, m.quantity, 'STOCK', m.cost FROM sold d JOIN past.model m ON m.kind = d.kind ORDER BY d.n`,
    `INSERT INTO card_key (network_id, id, lot_id, sku_id, owner_id, state, sealed, fingerprint, cost, updated_at)
       SELECT ${network}, d.card_key_id, d.lot_id, d.sku_id, d.owner_id, 'SOLD', sha256(uuid_send(d.card_key_id)) || sha256('sealed'), sha256(uuid_send(d.card_key_id)), m.cost, d.at
       FROM sold d JOIN past.model m ON m.kind = d.kind ORDER BY d.n`,
    `INSERT INTO card_key_sale (network_id, id, card_key_id, order_id, line_id, supplier_id, terms, cost, position)
       SELECT ${network}, ${newId}, d.card_key_id, d.id, d.line_id, l.supplier_id, l.terms, m.cost, 1
       FROM sold d JOIN past.model m ON m.kind = d.kind JOIN lot l ON l.network_id = ${network} AND l.id = d.lot_id ORDER BY d.n`,
    `INSERT INTO request_key (network_id, id, station_id, effect, key, input_hash, outcome, created_at)
       SELECT ${network}, ${newId}, d.buyer_id, 'order', d.request_key, sha256(convert_to(d.request_key, 'UTF8')), jsonb_build_object('orderId', d.id), d.at FROM sold d ORDER BY d.n`,
    `INSERT INTO transfer (network_id, id, kind, order_id, actor_id, created_at)
       SELECT ${network}, d.transfer_id, 'ORDER', d.id, m.placed_by_key_id, d.at FROM sold d JOIN past.model m ON m.kind = d.kind ORDER BY d.n`,
    `INSERT INTO posting (network_id, id, transfer_id, account_id, amount, currency, reason, due_on, created_at)
       SELECT ${network}, ${newId}, d.transfer_id, a.id, p.amount, 'CNY', p.reason, CASE WHEN p.is_due THEN d.due_on END, d.at
       FROM sold d JOIN past.model_posting p ON p.kind = d.kind
       JOIN past.account a ON a.holder_id = coalesce(d.path[cardinality(d.path) - p.distance], '${NO_STATION}') AND a.kind = p.account_kind
       ORDER BY d.n, p.place`,
    `INSERT INTO outbox_event (network_id, id, seq, topic, subject_id, audience, data, occurred_at)
       SELECT ${network}, ${newId}, 2 * d.n - e.before, e.topic, CASE e.before WHEN 1 THEN d.id ELSE d.sku_id END, CASE e.before WHEN 1 THEN d.path ELSE ARRAY[d.owner_id] END,
         CASE e.before WHEN 1 THEN jsonb_build_object('orderId', d.id, 'skuId', d.sku_id, 'ownerId', d.owner_id) ELSE jsonb_build_object('skuId', d.sku_id) END, d.at
       FROM sold d CROSS JOIN (VALUES (1, 'order.delivered'), (0, 'stock.changed')) AS e (before, topic)
       WHERE d.at > now() - interval '${eventDays} days' ORDER BY d.n, e.before DESC`,
  ];
}

/** What follows from all orders of a network ($1): the balances, the lots, and the number of its last event ($2). */
export const settlingStatements: readonly string[] = [
  `UPDATE account a SET balance = s.total FROM (SELECT account_id, sum(amount) AS total FROM posting WHERE network_id = $1 GROUP BY 1) s
   WHERE a.network_id = $1 AND a.id = s.account_id AND a.balance <> s.total`,
  `UPDATE lot l SET key_count = s.count, total_cost = s.cost FROM past.sku p
   JOIN (SELECT lot_id, count(*) AS count, sum(cost) AS cost FROM card_key WHERE network_id = $1 AND state = 'SOLD' GROUP BY 1) s ON s.lot_id = p.lot_id
   WHERE l.network_id = $1 AND l.id = p.lot_id`,
  'UPDATE network SET first_order_at = (SELECT min(placed_at) FROM orders WHERE network_id = $1) WHERE id = $1',
  'UPDATE relay_position SET last_seq = $2::bigint, updated_at = now() WHERE network_id = $1',
];
