import { type Queryable, run, statement, type Transaction } from '#server/platform/database.ts';

// ---- facts: what a list of orders is decided on ----
//
// OFFSET 0 keeps a join a look-up of each row. A plan for any values takes ten rows for granted, and where a table is small then reads
// all of it to hash it: for a list of one order that was a third of the work.

/** A SKU with what an order pins of it. `archived`: its product is no longer for sale. */
export type OrderedSkuRow = {
  id: string;
  product_id: string;
  owner_id: string;
  category_path: string[];
  name: string;
  product_name: string;
  archived: boolean;
  base_price: string;
  unit_size: number;
  min_quantity: number;
  max_quantity: number;
  quantity_step: number;
  delivery_kind: 'FROM_STOCK' | 'SOURCED' | 'BUNDLE';
  goods_kind: 'CARD_KEY' | 'TOP_UP';
  input_fields: unknown;
  routing_policy: string;
  listing_state: 'DRAFT' | 'SUBMITTED' | 'APPROVED' | 'LIVE' | 'PAUSED' | 'RETIRED' | 'REJECTED';
  listing_version: number;
};

const skusStatement = statement<OrderedSkuRow>(
  'orders.orderedSkus',
  `SELECT s.id, s.product_id, s.owner_id, s.category_path, s.name, p.name AS product_name, p.archived_at IS NOT NULL AS archived, s.base_price,
          s.unit_size, s.min_quantity, s.max_quantity, s.quantity_step, s.delivery_kind::text, s.goods_kind, s.input_fields, s.routing_policy,
          s.listing_state::text, s.listing_version
   FROM sku s
   CROSS JOIN LATERAL (SELECT p.name, p.archived_at FROM product p WHERE p.network_id = $1 AND p.id = s.product_id OFFSET 0) p
   WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])`,
);

/** SKUs as an order pins them. By sku_pkey and product_pkey, no locks: a price is read as it stands. */
export function selectOrderedSkus(db: Queryable, networkId: string, skuIds: readonly string[]): Promise<OrderedSkuRow[]> {
  return run(db, skusStatement, [networkId, skuIds]);
}

/** A component of a bundle of today, with what an order needs of its SKU. `id` is the component's. */
export type ComponentRow = Pick<
  OrderedSkuRow,
  'id' | 'delivery_kind' | 'goods_kind' | 'input_fields' | 'routing_policy' | 'unit_size' | 'listing_state'
> & { bundle_id: string; quantity: number; weight: number };

const componentsStatement = statement<ComponentRow>(
  'orders.components',
  `SELECT b.bundle_sku_id AS bundle_id, b.quantity, b.weight, s.id, s.delivery_kind::text, s.goods_kind, s.input_fields, s.routing_policy, s.unit_size,
          s.listing_state::text
   FROM bundle_component b JOIN sku s ON s.network_id = $1 AND s.id = b.component_sku_id
   WHERE b.network_id = $1 AND b.bundle_sku_id = ANY ($2::uuid[]) AND b.valid_to IS NULL ORDER BY b.bundle_sku_id, b.position`,
);

/** What bundles are made of today, in order. By bundle_component_live_key and sku_pkey, no locks. */
export function selectComponents(db: Queryable, networkId: string, bundleIds: readonly string[]): Promise<ComponentRow[]> {
  return run(db, componentsStatement, [networkId, bundleIds]);
}

/** What of a network's policy an order and a refund need. */
export type TermsRow = {
  currency: string;
  time_zone: string;
  settlement_days: number;
  commission_levels_max: number;
  refund_limit: string;
  first_order_at: Date | null;
};

const termsStatement = statement<TermsRow>(
  'orders.terms',
  'SELECT currency, time_zone, settlement_days, commission_levels_max, refund_limit, first_order_at FROM network WHERE id = $1',
);

/** The network's policy; throws when it is not there, since its id comes from a viewer and not from an input. */
export async function selectTerms(db: Queryable, networkId: string): Promise<TermsRow> {
  const [row] = await run(db, termsStatement, [networkId]);
  if (!row) throw new Error(`no network ${networkId}`);
  return row;
}

/** A request key that has had its effect. */
export type KnownKeyRow = { station_id: string; key: string; input_hash: Buffer; order_id: string };

const knownKeysStatement = statement<KnownKeyRow>(
  'orders.knownKeys',
  `SELECT k.station_id, k.key, k.input_hash, k.outcome ->> 'orderId' AS order_id
   FROM unnest($2::uuid[], $3::text[]) AS r (station_id, key)
   CROSS JOIN LATERAL (
     SELECT k.* FROM request_key k WHERE k.network_id = $1 AND k.station_id = r.station_id AND k.effect = 'order' AND k.key = r.key OFFSET 0
   ) k`,
);

/**
 * Which request keys have had their effect. By request_key_network_id_station_id_effect_key_key. No lock: it is read while the
 * buyers' wallets are locked, and whoever places an order of a buyer holds its wallet until it has committed.
 */
export function selectKnownKeys(
  tx: Transaction,
  networkId: string,
  keys: readonly (readonly [stationId: string, key: string])[],
): Promise<KnownKeyRow[]> {
  return run(tx, knownKeysStatement, [networkId, keys.map(([stationId]) => stationId), keys.map(([, key]) => key)]);
}

const takenRefsStatement = statement<{ buyer_id: string; external_ref: string }>(
  'orders.takenRefs',
  `SELECT o.buyer_id, o.external_ref FROM unnest($2::uuid[], $3::text[]) AS r (buyer_id, external_ref)
   CROSS JOIN LATERAL (
     SELECT o.buyer_id, o.external_ref FROM orders o WHERE o.network_id = $1 AND o.buyer_id = r.buyer_id AND o.external_ref = r.external_ref OFFSET 0
   ) o`,
);

/** Which external references the buyers have used. By orders_external_ref_key; read under the wallets' locks like request keys. */
export function selectTakenRefs(
  tx: Transaction,
  networkId: string,
  refs: readonly (readonly [buyerId: string, externalRef: string])[],
): Promise<{ buyer_id: string; external_ref: string }[]> {
  return run(tx, takenRefsStatement, [networkId, refs.map(([buyerId]) => buyerId), refs.map(([, ref]) => ref)]);
}

// What a session waits for a lock is another matter for the rest of the transaction.
const turnStatement = statement(
  'orders.awaitTurn',
  `SELECT set_config('fenzhan.lock_timeout', current_setting('lock_timeout'), true), set_config('lock_timeout', $2, true),
          pg_advisory_xact_lock(hashtextextended('orders ' || $1::text, 0)),
          set_config('lock_timeout', current_setting('fenzhan.lock_timeout'), true)`,
);

/**
 * Waits until no other transaction has its turn with orders of the network, and has it until this one ends. A hint for lists to be
 * long (scale.md, rule 8), of which nothing depends: whoever does not ask does not wait. Throws a LOCK_TIMEOUT.
 */
export async function awaitTurn(tx: Transaction, networkId: string, milliseconds: number): Promise<void> {
  await run(tx, turnStatement, [networkId, `${milliseconds}ms`]);
}

// ---- effects: one statement a table, whatever the length of the list ----

/** A row of `orders` as it is born: DELIVERED from stock, or HELD for what has to be bought. Amounts are NUMERIC texts. */
export type NewOrderRow = {
  id: string;
  state: 'DELIVERED' | 'HELD';
  deliveryKind: string;
  groupId: string | null;
  buyerId: string;
  ownerId: string;
  buyerPath: readonly string[];
  skuId: string;
  productName: string;
  skuName: string;
  listingVersion: number;
  quantity: number;
  unitSize: number;
  unitPrice: string;
  total: string;
  cost: string;
  commissionPlanId: string | null;
  commissionPool: string;
  requestKey: string;
  externalRef: string | null;
  channel: string;
  placedByUserId: string | null;
  placedByKeyId: string | null;
  clientAddress: string | null;
  input: { readonly sealed: Buffer; readonly dataKey: Buffer; readonly vaultKeyId: string } | null;
};

/** What all orders of a list have in common. */
export type OrderListTerms = { networkId: string; currency: string; settlementDays: number; dueOn: string; commissionLevelsMax: number };

const insertOrdersStatement = statement(
  'orders.insertOrders',
  `INSERT INTO orders (network_id, id, group_id, buyer_id, owner_id, buyer_path, sku_id, product_name, sku_name, listing_version, quantity,
     unit_size, unit_price, total, currency, state, delivery_kind, cost, commission_plan_id, commission_pool, settlement_days, due_on,
     request_key, external_ref, channel, placed_by_user_id, placed_by_key_id, client_address, placed_at, delivered_at, updated_at,
     commission_levels_max, input_fields, input_data_key, input_vault_key_id)
   SELECT $1, o.id, o.group_id, o.buyer_id, o.owner_id, o.buyer_path::uuid[], o.sku_id, o.product_name, o.sku_name, o.listing_version,
     o.quantity, o.unit_size, o.unit_price, o.total, $2, o.state, o.delivery_kind, o.cost, o.commission_plan_id, o.commission_pool, $3, $4,
     o.request_key, o.external_ref, o.channel, o.placed_by_user_id, o.placed_by_key_id, o.client_address, $5,
     CASE WHEN o.state = 'DELIVERED' THEN $5::timestamptz END, $5, CASE WHEN o.state = 'HELD' THEN $33::int END, o.input_fields,
     o.input_data_key, o.input_vault_key_id
   FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::text[], $11::uuid[], $12::text[], $13::text[], $14::int[], $15::int[],
     $16::int[], $17::numeric[], $18::numeric[], $19::numeric[], $20::uuid[], $21::numeric[], $22::text[], $23::text[], $24::order_channel[],
     $25::uuid[], $26::uuid[], $27::text[], $28::order_state[], $29::delivery_kind[], $30::bytea[], $31::bytea[], $32::text[])
     AS o (id, group_id, buyer_id, owner_id, buyer_path, sku_id, product_name, sku_name, listing_version, quantity, unit_size, unit_price,
       total, cost, commission_plan_id, commission_pool, request_key, external_ref, channel, placed_by_user_id, placed_by_key_id,
       client_address, state, delivery_kind, input_fields, input_data_key, input_vault_key_id)`,
);

/** Writes orders. orders_request_key_key and orders_external_ref_key are the last guards against a second effect. */
export async function insertOrders(tx: Transaction, terms: OrderListTerms, orders: readonly NewOrderRow[]): Promise<void> {
  await run(tx, insertOrdersStatement, [
    terms.networkId,
    terms.currency,
    terms.settlementDays,
    terms.dueOn,
    tx.now,
    orders.map((order) => order.id),
    orders.map((order) => order.groupId),
    orders.map((order) => order.buyerId),
    orders.map((order) => order.ownerId),
    // an array of arrays of unequal lengths is no array for PostgreSQL: each path travels as the text of one
    orders.map((order) => `{${order.buyerPath.join(',')}}`),
    orders.map((order) => order.skuId),
    orders.map((order) => order.productName),
    orders.map((order) => order.skuName),
    orders.map((order) => order.listingVersion),
    orders.map((order) => order.quantity),
    orders.map((order) => order.unitSize),
    orders.map((order) => order.unitPrice),
    orders.map((order) => order.total),
    orders.map((order) => order.cost),
    orders.map((order) => order.commissionPlanId),
    orders.map((order) => order.commissionPool),
    orders.map((order) => order.requestKey),
    orders.map((order) => order.externalRef),
    orders.map((order) => order.channel),
    orders.map((order) => order.placedByUserId),
    orders.map((order) => order.placedByKeyId),
    orders.map((order) => order.clientAddress),
    orders.map((order) => order.state),
    orders.map((order) => order.deliveryKind),
    orders.map((order) => order.input?.sealed ?? null),
    orders.map((order) => order.input?.dataKey ?? null),
    orders.map((order) => order.input?.vaultKeyId ?? null),
    terms.commissionLevelsMax,
  ]);
}

/** A row of `order_hop`. Amounts are NUMERIC texts. */
export type NewHopRow = {
  id: string;
  orderId: string;
  stationId: string;
  distance: number;
  role: string;
  paidUnitPrice: string | null;
  paidTotal: string | null;
  soldUnitPrice: string | null;
  soldTotal: string | null;
  markupRuleId: string | null;
  controlBandId: string | null;
  margin: string;
  commission: string;
};

const insertHopsStatement = statement(
  'orders.insertHops',
  `INSERT INTO order_hop (network_id, id, order_id, station_id, distance, role, paid_unit_price, paid_total, sold_unit_price, sold_total,
     markup_rule_id, control_band_id, margin, commission)
   SELECT $1, h.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::hop_role[], $7::numeric[], $8::numeric[], $9::numeric[],
     $10::numeric[], $11::uuid[], $12::uuid[], $13::numeric[], $14::numeric[]) AS h`,
);

/** Writes the frozen chain: one row for every station of each buyer's path. */
export async function insertHops(tx: Transaction, networkId: string, hops: readonly NewHopRow[]): Promise<void> {
  await run(tx, insertHopsStatement, [
    networkId,
    hops.map((hop) => hop.id),
    hops.map((hop) => hop.orderId),
    hops.map((hop) => hop.stationId),
    hops.map((hop) => hop.distance),
    hops.map((hop) => hop.role),
    hops.map((hop) => hop.paidUnitPrice),
    hops.map((hop) => hop.paidTotal),
    hops.map((hop) => hop.soldUnitPrice),
    hops.map((hop) => hop.soldTotal),
    hops.map((hop) => hop.markupRuleId),
    hops.map((hop) => hop.controlBandId),
    hops.map((hop) => hop.margin),
    hops.map((hop) => hop.commission),
  ]);
}

/** A fulfilment line: from stock, delivered whole, or WAITING for what is bought. Amounts are NUMERIC texts. */
export type NewLineRow = {
  id: string;
  orderId: string;
  skuId: string;
  quantity: number;
  deliveredQuantity: number;
  source: 'STOCK' | 'SUPPLIER';
  goodsKind: 'CARD_KEY' | 'TOP_UP';
  cost: string;
  allotted: string | null;
  costLimit: string | null;
  position: number;
};

const insertLinesStatement = statement(
  'orders.insertLines',
  `INSERT INTO order_line (network_id, id, order_id, sku_id, quantity, delivered_quantity, source, goods_kind, cost, allotted, cost_limit, position, state)
   SELECT $1, l.*, CASE WHEN l.source = 'STOCK' THEN 'DELIVERED' ELSE 'WAITING' END
   FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::int[], $7::line_source[], $8::text[], $9::numeric[], $10::numeric[],
     $11::numeric[], $12::int[]) AS l (id, order_id, sku_id, quantity, delivered_quantity, source, goods_kind, cost, allotted, cost_limit, position)`,
);

/** Writes the lines of orders. */
export async function insertLines(tx: Transaction, networkId: string, lines: readonly NewLineRow[]): Promise<void> {
  await run(tx, insertLinesStatement, [
    networkId,
    lines.map((line) => line.id),
    lines.map((line) => line.orderId),
    lines.map((line) => line.skuId),
    lines.map((line) => line.quantity),
    lines.map((line) => line.deliveredQuantity),
    lines.map((line) => line.source),
    lines.map((line) => line.goodsKind),
    lines.map((line) => line.cost),
    lines.map((line) => line.allotted),
    lines.map((line) => line.costLimit),
    lines.map((line) => line.position),
  ]);
}

/** A request key with the order that it made. */
export type NewKeyRow = { stationId: string; requestKey: string; inputHash: Buffer; orderId: string };

const insertKeysStatement = statement(
  'orders.insertKeys',
  `INSERT INTO request_key (network_id, id, station_id, effect, key, input_hash, outcome, created_at)
   SELECT $1, k.id, k.station_id, 'order', k.key, k.input_hash, jsonb_build_object('orderId', k.order_id), $7
   FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::uuid[]) AS k (id, station_id, key, input_hash, order_id)`,
);

/** Writes the request keys of accepted orders; its unique key is the last guard against a second effect. */
export async function insertKeys(tx: Transaction, networkId: string, keys: readonly NewKeyRow[]): Promise<void> {
  await run(tx, insertKeysStatement, [
    networkId,
    keys.map(() => tx.newId()),
    keys.map((key) => key.stationId),
    keys.map((key) => key.requestKey),
    keys.map((key) => key.inputHash),
    keys.map((key) => key.orderId),
    tx.now,
  ]);
}

const firstOrderStatement = statement(
  'orders.firstOrder',
  'UPDATE network SET first_order_at = $2 WHERE id = $1 AND first_order_at IS NULL',
);

/** The network's first order fixes its currency and time zone (domain §2). Called only while none is known. */
export async function markFirstOrder(tx: Transaction, networkId: string): Promise<void> {
  await run(tx, firstOrderStatement, [networkId, tx.now]);
}

// ---- reading ----

/** An order as one station of its frozen chain sees it: the order, and that station's own hop. */
export type SeenOrderRow = {
  id: string;
  group_id: string | null;
  buyer_id: string;
  owner_id: string;
  sku_id: string;
  product_name: string;
  sku_name: string;
  quantity: number;
  unit_price: string;
  total: string;
  currency: string;
  state: string;
  /** why it failed or needs a person, in a word of ours: for the owner */
  failure_reason: string | null;
  cost: string;
  refunded_total: string;
  due_on: string;
  request_key: string;
  external_ref: string | null;
  channel: string;
  placed_at: Date;
  delivered_at: Date | null;
  role: 'ABOVE' | 'OWNER' | 'SELLER' | 'BUYER';
  paid_unit_price: string | null;
  paid_total: string | null;
  sold_unit_price: string | null;
  sold_total: string | null;
  margin: string;
  commission: string;
};

/** The buyer's view of an order that has just been written: what `selectSeenOrders` reads once it is committed. */
export function seenByBuyer(order: NewOrderRow, hop: NewHopRow, terms: OrderListTerms & { readonly placedAt: Date }): SeenOrderRow {
  return {
    id: order.id,
    group_id: order.groupId,
    buyer_id: order.buyerId,
    owner_id: order.ownerId,
    sku_id: order.skuId,
    product_name: order.productName,
    sku_name: order.skuName,
    quantity: order.quantity,
    unit_price: order.unitPrice,
    total: order.total,
    currency: terms.currency,
    state: order.state,
    failure_reason: null,
    cost: order.cost,
    refunded_total: '0',
    due_on: terms.dueOn,
    request_key: order.requestKey,
    external_ref: order.externalRef,
    channel: order.channel,
    placed_at: terms.placedAt,
    delivered_at: order.state === 'DELIVERED' ? terms.placedAt : null,
    role: 'BUYER',
    paid_unit_price: hop.paidUnitPrice,
    paid_total: hop.paidTotal,
    sold_unit_price: hop.soldUnitPrice,
    sold_total: hop.soldTotal,
    margin: hop.margin,
    commission: hop.commission,
  };
}

const SEEN_COLUMNS = `o.id, o.group_id, o.buyer_id, o.owner_id, o.sku_id, o.product_name, o.sku_name, o.quantity, o.unit_price, o.total, o.currency,
  o.state::text, o.failure_reason, o.cost, o.refunded_total, o.due_on, o.request_key, o.external_ref, o.channel::text, o.placed_at, o.delivered_at,
  h.role::text, h.paid_unit_price, h.paid_total, h.sold_unit_price, h.sold_total, h.margin, h.commission`;

/** Which orders of a station: null asks for all. `fromId` and `toId` bound the ids, which are made by time. */
export type OrderCut = {
  readonly role: 'BUYER' | 'OWNER' | null;
  readonly states: readonly string[] | null;
  readonly skuId: string | null;
  readonly buyerId: string | null;
  readonly placedFrom: Date | null;
  readonly placedTo: Date | null;
  readonly fromId: string | null;
  readonly toId: string | null;
  readonly externalRef: string | null;
};

// An external reference is the buyer's own: nobody else finds an order by it.
const ORDER_CUT = `h.network_id = $1 AND h.station_id = $2 AND ($3::hop_role IS NULL OR h.role = $3)
  AND h.order_id >= $4 AND h.order_id <= $5
  AND ($6::order_state[] IS NULL OR o.state = ANY ($6)) AND ($7::uuid IS NULL OR o.sku_id = $7) AND ($8::uuid IS NULL OR o.buyer_id = $8)
  AND ($9::timestamptz IS NULL OR o.placed_at >= $9) AND ($10::timestamptz IS NULL OR o.placed_at < $10)
  AND ($11::text IS NULL OR (o.external_ref = $11 AND h.role = 'BUYER'))`;

// bounds are always given: `$4 IS NULL OR` would turn the keyset range into a filter over everything before it
const ID_MIN = '00000000-0000-0000-0000-000000000000';
const ID_MAX = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

function cutValues(station: { networkId: string; stationId: string }, cut: OrderCut): unknown[] {
  const { role, fromId, toId, states, skuId, buyerId, placedFrom, placedTo, externalRef } = cut;
  return [
    station.networkId,
    station.stationId,
    role,
    fromId ?? ID_MIN,
    toId ?? ID_MAX,
    states,
    skuId,
    buyerId,
    placedFrom,
    placedTo,
    externalRef,
  ];
}

/**
 * Orders of a station's frozen chains, from beyond $12 on. Index: order_hop_network_id_station_id_order_id_key, one keyset range
 * (by role: order_hop_bought_idx, order_hop_owned_idx), then the orders by primary key; other filters read along it.
 */
const orderPage = (name: string, role: string, beyond: string, order: string) =>
  statement<SeenOrderRow>(
    name,
    `SELECT ${SEEN_COLUMNS} FROM order_hop h JOIN orders o ON o.network_id = $1 AND o.id = h.order_id
     WHERE ${ORDER_CUT} ${role} AND h.order_id ${beyond} $12 ORDER BY h.order_id ${order} LIMIT $13`,
  );
const ROLE_CONDITION = { ALL: '', BUYER: "AND h.role = 'BUYER'", OWNER: "AND h.role = 'OWNER'" } as const;
const pagesOf = (role: keyof typeof ROLE_CONDITION) => ({
  FORWARD: orderPage(`orders.pageOlder${role}`, ROLE_CONDITION[role], '<', 'DESC'),
  BACKWARD: orderPage(`orders.pageNewer${role}`, ROLE_CONDITION[role], '>', 'ASC'),
});
const orderPages = { ALL: pagesOf('ALL'), BUYER: pagesOf('BUYER'), OWNER: pagesOf('OWNER') } as const;

/** One page of the orders that a station sees, newest first when FORWARD. */
export function selectOrderPage(
  db: Queryable,
  station: { networkId: string; stationId: string },
  cut: OrderCut,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<SeenOrderRow[]> {
  const prepared = orderPages[cut.role ?? 'ALL'][page.direction];
  const end = page.direction === 'FORWARD' ? ID_MAX : ID_MIN;
  return run(db, prepared, [...cutValues(station, cut), page.from ?? end, page.limit]);
}

const orderCount = statement<{ count: number }>(
  'orders.count',
  `SELECT count(*)::int AS count FROM order_hop h JOIN orders o ON o.network_id = $1 AND o.id = h.order_id WHERE ${ORDER_CUT}`,
);

/** How many orders such a list has: the whole range of the same index. */
export async function countOrders(db: Queryable, station: { networkId: string; stationId: string }, cut: OrderCut): Promise<number> {
  const [row] = await run(db, orderCount, cutValues(station, cut));
  return row?.count ?? 0;
}

/** Orders by id in whose chain the station stands. Index: order_hop_network_id_station_id_order_id_key. */
const seenOrders = statement<SeenOrderRow>(
  'orders.seenByIds',
  `SELECT ${SEEN_COLUMNS} FROM order_hop h JOIN orders o ON o.network_id = $1 AND o.id = h.order_id
   WHERE h.network_id = $1 AND h.station_id = $2 AND h.order_id = ANY ($3::uuid[])`,
);

/** Of these orders, those in whose chain the station stands; in no order. */
export function selectSeenOrders(db: Queryable, networkId: string, stationId: string, ids: readonly string[]): Promise<SeenOrderRow[]> {
  return run(db, seenOrders, [networkId, stationId, ids]);
}

/** A buyer's own order by its own number. Indexes: orders_request_key_key, orders_external_ref_key. */
const ownOrder = statement<SeenOrderRow>(
  'orders.ownByNumber',
  `SELECT ${SEEN_COLUMNS} FROM orders o JOIN order_hop h ON h.network_id = $1 AND h.order_id = o.id AND h.distance = 0
   WHERE o.network_id = $1 AND o.buyer_id = $2 AND ($3::text IS NULL OR o.request_key = $3) AND ($4::text IS NULL OR o.external_ref = $4)
     AND num_nonnulls($3::text, $4::text) > 0`,
);

/** The order that a station placed under this request key and external reference (null: not asked). */
export async function selectOwnOrder(
  db: Queryable,
  station: { networkId: string; stationId: string },
  number: { requestKey: string | null; externalRef: string | null },
): Promise<SeenOrderRow | null> {
  const [row] = await run(db, ownOrder, [station.networkId, station.stationId, number.requestKey, number.externalRef]);
  return row ?? null;
}

/** A fulfilment line. */
export type LineRow = {
  id: string;
  order_id: string;
  sku_id: string;
  quantity: number;
  delivered_quantity: number;
  state: 'WAITING' | 'DELIVERED' | 'FAILED';
};

// Lines of orders that the station sees: order_line_network_id_order_id_idx, by id the primary key; the hop is the right to see them.
const LINES = `SELECT l.id, l.order_id, l.sku_id, l.quantity, l.delivered_quantity, l.state FROM order_line l
  JOIN order_hop h ON h.network_id = $1 AND h.station_id = $2 AND h.order_id = l.order_id WHERE l.network_id = $1`;
const linesOfOrders = statement<LineRow>(
  'orders.linesOfOrders',
  `${LINES} AND l.order_id = ANY ($3::uuid[]) ORDER BY l.order_id, l.position, l.id`,
);
const linesByIds = statement<LineRow>('orders.linesByIds', `${LINES} AND l.id = ANY ($3::uuid[])`);

/** Lines of orders, or lines by their own ids, as far as the station sees them. */
export function selectLines(
  db: Queryable,
  station: { networkId: string; stationId: string },
  which: { orderIds: readonly string[] } | { ids: readonly string[] },
): Promise<LineRow[]> {
  const [prepared, ids] = 'ids' in which ? [linesByIds, which.ids] : [linesOfOrders, which.orderIds];
  return run(db, prepared, [station.networkId, station.stationId, ids]);
}

const keyCounts = statement<{ order_id: string; key_count: number; revealed_count: number }>(
  'orders.keyCounts',
  `SELECT c.order_id, count(*)::int AS key_count, count(c.revealed_at)::int AS revealed_count FROM card_key_sale c
   WHERE c.network_id = $1 AND c.order_id = ANY ($2::uuid[]) AND c.returned_at IS NULL GROUP BY c.order_id`,
);

/** How many card keys orders hold and how many were revealed. Index: card_key_sale_network_id_order_id_position_idx. */
export function countKeys(
  db: Queryable,
  networkId: string,
  orderIds: readonly string[],
): Promise<{ order_id: string; key_count: number; revealed_count: number }[]> {
  return run(db, keyCounts, [networkId, orderIds]);
}

/** A refund of an order that the station sees. `owner_id` is the order's, who alone knows who bears it. */
export type RefundRow = {
  id: string;
  order_id: string;
  owner_id: string;
  state: 'REQUESTED' | 'DONE' | 'DECLINED';
  amount: string;
  currency: string;
  bearer: 'OWNER' | 'SUPPLIER';
  reason: string;
  created_at: Date;
  decided_at: Date | null;
};

// By order: refund_network_id_order_id_idx; by id: the primary key; waiting: refund_waiting_idx. The hop is the right to see them.
const REFUNDS = `SELECT r.id, r.order_id, o.owner_id, r.state::text, r.amount, r.currency, r.bearer::text, r.reason, r.created_at, r.decided_at
  FROM refund r JOIN orders o ON o.network_id = $1 AND o.id = r.order_id
  JOIN order_hop h ON h.network_id = $1 AND h.station_id = $2 AND h.order_id = r.order_id WHERE r.network_id = $1`;
const refundsOfOrders = statement<RefundRow>('orders.refundsOfOrders', `${REFUNDS} AND r.order_id = ANY ($3::uuid[]) ORDER BY r.id`);
const refundsByIds = statement<RefundRow>('orders.refundsByIds', `${REFUNDS} AND r.id = ANY ($3::uuid[])`);
const refundsWaiting = statement<RefundRow>(
  'orders.refundsWaiting',
  `${REFUNDS} AND r.state = 'REQUESTED' AND h.role = 'OWNER' ORDER BY r.id LIMIT $3`,
);

/** Refunds of orders, or by their own ids, as far as the station sees them. */
export function selectRefunds(
  db: Queryable,
  station: { networkId: string; stationId: string },
  which: { orderIds: readonly string[] } | { ids: readonly string[] },
): Promise<RefundRow[]> {
  const [prepared, ids] = 'ids' in which ? [refundsByIds, which.ids] : [refundsOfOrders, which.orderIds];
  return run(db, prepared, [station.networkId, station.stationId, ids]);
}

/** Refunds that wait for the owner's decision, the oldest first. */
export function selectWaitingRefunds(
  db: Queryable,
  station: { networkId: string; stationId: string },
  limit: number,
): Promise<RefundRow[]> {
  return run(db, refundsWaiting, [station.networkId, station.stationId, limit]);
}

// ---- refunds ----

/** What of an order a refund is decided on. `transfer_id` is the order's own transfer. */
export type RefundedOrderRow = {
  id: string;
  buyer_id: string;
  owner_id: string;
  sku_id: string;
  buyer_path: string[];
  quantity: number;
  total: string;
  refunded_total: string;
  delivered_at: Date | null;
  due_on: string;
  transfer_id: string | null;
};

const refundedOrderStatement = statement<RefundedOrderRow>(
  'orders.refundedOrder',
  `SELECT o.id, o.buyer_id, o.owner_id, o.sku_id, o.buyer_path, o.quantity, o.total, o.refunded_total, o.delivered_at, o.due_on, t.id AS transfer_id
   FROM orders o LEFT JOIN transfer t ON t.network_id = $1 AND t.order_id = o.id AND t.kind = 'ORDER'
   WHERE o.network_id = $1 AND o.id = $2`,
);

/**
 * The order of a refund, by orders_pkey and transfer_one_per_order_key. Not locked: all refunds of an order lock its buyer's
 * wallet first, and read the order after.
 */
export async function selectRefundedOrder(db: Queryable, networkId: string, orderId: string): Promise<RefundedOrderRow | null> {
  const [row] = await run(db, refundedOrderStatement, [networkId, orderId]);
  return row ?? null;
}

/** A refund as it was asked for or done. */
export type KeptRefundRow = {
  id: string;
  order_id: string;
  state: 'REQUESTED' | 'DONE' | 'DECLINED';
  amount: string;
  bearer: 'OWNER' | 'SUPPLIER';
  card_key_ids: string[];
  requested_by: string;
  transfer_id: string | null;
};

const keptRefundColumns = 'r.id, r.order_id, r.state::text, r.amount, r.bearer::text, r.card_key_ids, r.requested_by, r.transfer_id';
const doneRefundsStatement = statement<KeptRefundRow>(
  'orders.doneRefunds',
  `SELECT ${keptRefundColumns} FROM refund r WHERE r.network_id = $1 AND r.order_id = $2 AND r.state = 'DONE' ORDER BY r.decided_at, r.id`,
);

/** The refunds of an order that were done, the oldest first. By refund_network_id_order_id_idx, under the buyer's wallet's lock. */
export function selectDoneRefunds(tx: Transaction, networkId: string, orderId: string): Promise<KeptRefundRow[]> {
  return run(tx, doneRefundsStatement, [networkId, orderId]);
}

const keptRefundStatement = statement<KeptRefundRow>(
  'orders.keptRefund',
  `SELECT ${keptRefundColumns} FROM refund r WHERE r.network_id = $1 AND r.id = $2`,
);

/** A refund by its id. Whoever calls this has decided, or is about to decide, whether the viewer may know of it. */
export async function selectKeptRefund(db: Queryable, networkId: string, refundId: string): Promise<KeptRefundRow | null> {
  const [row] = await run(db, keptRefundStatement, [networkId, refundId]);
  return row ?? null;
}

/** A refund that is asked for (`transferId` null) or done at once. Amounts are NUMERIC texts. */
export type NewRefundRow = {
  id: string;
  orderId: string;
  amount: string;
  currency: string;
  bearer: 'OWNER' | 'SUPPLIER';
  cardKeyIds: readonly string[];
  reason: string;
  requestedBy: string;
  done: { transferId: string; decidedBy: string } | null;
};

const insertRefundStatement = statement(
  'orders.insertRefund',
  `INSERT INTO refund (network_id, id, order_id, state, amount, currency, bearer, card_key_ids, reason, requested_by, created_at,
     transfer_id, decided_by, decided_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8::uuid[], $9, $10, $11, $12, $13, $14)`,
);

/** Writes a refund. refund_done_check: it is DONE exactly when it has a transfer. */
export async function insertRefund(tx: Transaction, networkId: string, refund: NewRefundRow): Promise<void> {
  const { id, orderId, amount, currency, bearer, cardKeyIds, reason, requestedBy, done } = refund;
  const fixed = [networkId, id, orderId, done ? 'DONE' : 'REQUESTED', amount, currency, bearer, cardKeyIds, reason, requestedBy, tx.now];
  await run(tx, insertRefundStatement, [...fixed, done?.transferId ?? null, done?.decidedBy ?? null, done ? tx.now : null]);
}

const decideRefundStatement = statement<{ id: string }>(
  'orders.decideRefund',
  `UPDATE refund r SET state = $3::refund_state, amount = coalesce($4, r.amount), bearer = coalesce($5::refund_bearer, r.bearer), transfer_id = $6,
     decided_by = $7, decided_at = $8
   WHERE r.network_id = $1 AND r.id = $2 AND r.state = 'REQUESTED' RETURNING r.id`,
);

/** Decides a refund that waits; throws when it was decided meanwhile, which the buyer's wallet's lock forbids. */
export async function settleRefund(
  tx: Transaction,
  networkId: string,
  refund: { id: string; decidedBy: string; done: { transferId: string; amount: string; bearer: 'OWNER' | 'SUPPLIER' } | null },
): Promise<void> {
  const { id, decidedBy, done } = refund;
  const values = [
    networkId,
    id,
    done ? 'DONE' : 'DECLINED',
    done?.amount ?? null,
    done?.bearer ?? null,
    done?.transferId ?? null,
    decidedBy,
    tx.now,
  ];
  const rows = await run(tx, decideRefundStatement, values);
  if (rows.length !== 1) throw new Error(`refund ${id} was decided twice`);
}

const refundOrderStatement = statement<{ id: string }>(
  'orders.refundOrder',
  `UPDATE orders o SET refunded_total = $3, state = $4::order_state, updated_at = $6
   WHERE o.network_id = $1 AND o.id = $2 AND o.refunded_total = $5 RETURNING o.id`,
);

/** Moves the order's refunded total from what the decision saw; throws when it was not there any more. */
export async function updateRefundedOrder(
  tx: Transaction,
  networkId: string,
  order: { id: string; refundedTotal: string; state: 'PARTLY_REFUNDED' | 'REFUNDED'; refundedBefore: string },
): Promise<void> {
  const rows = await run(tx, refundOrderStatement, [networkId, order.id, order.refundedTotal, order.state, order.refundedBefore, tx.now]);
  if (rows.length !== 1) throw new Error(`order ${order.id} was refunded by another`);
}

// ---- orders that were held for what had to be bought ----

/** An order that still waits for goods. `actor_id` placed it. */
export type HeldOrderRow = {
  id: string;
  buyer_id: string;
  owner_id: string;
  buyer_path: string[];
  sku_id: string;
  quantity: number;
  total: string;
  state: string;
  commission_plan_id: string | null;
  commission_levels_max: number;
  settlement_days: number;
  actor_id: string;
};

const lockHeldStatement = statement<HeldOrderRow>(
  'orders.lockHeld',
  `SELECT o.id, o.buyer_id, o.owner_id, o.buyer_path, o.sku_id, o.quantity, o.total, o.state::text, o.commission_plan_id,
          coalesce(o.commission_levels_max, 3) AS commission_levels_max, o.settlement_days,
          coalesce(o.placed_by_user_id, o.placed_by_key_id) AS actor_id
   FROM orders o
   WHERE o.network_id = $1 AND o.id IN (SELECT l.order_id FROM order_line l WHERE l.network_id = $1 AND l.id = ANY ($2::uuid[]))
   ORDER BY o.id FOR NO KEY UPDATE`,
);

/** Locks the orders of lines in id order, whatever their state: whoever settles a line of an order holds the order. By order_line_pkey and orders_pkey. */
export function lockOrdersOfLines(tx: Transaction, networkId: string, lineIds: readonly string[]): Promise<HeldOrderRow[]> {
  return run(tx, lockHeldStatement, [networkId, lineIds]);
}

/** A line of an order that waits, as it stands. */
export type HeldLineRow = {
  id: string;
  order_id: string;
  sku_id: string;
  quantity: number;
  delivered_quantity: number;
  state: 'WAITING' | 'DELIVERED' | 'FAILED';
  goods_kind: 'CARD_KEY' | 'TOP_UP';
  allotted: string | null;
  cost_limit: string | null;
};

const heldLinesStatement = statement<HeldLineRow>(
  'orders.heldLines',
  `SELECT l.id, l.order_id, l.sku_id, l.quantity, l.delivered_quantity, l.state, l.goods_kind, l.allotted, l.cost_limit
   FROM order_line l WHERE l.network_id = $1 AND l.order_id = ANY ($2::uuid[]) ORDER BY l.order_id, l.position, l.id`,
);

/** All lines of orders, in their order. By order_line_network_id_order_id_idx; read under the orders' locks. */
export function selectHeldLines(tx: Transaction, networkId: string, orderIds: readonly string[]): Promise<HeldLineRow[]> {
  return run(tx, heldLinesStatement, [networkId, orderIds]);
}

/** What goods of a line cost that are here, by who supplied them. */
export type LineCostRow = { line_id: string; supplier_id: string | null; terms: 'CONSIGNMENT' | 'OWN'; cost: string };

const lineCostsStatement = statement<LineCostRow>(
  'orders.lineCosts',
  `SELECT s.line_id, s.supplier_id, s.terms::text, sum(s.cost) AS cost FROM card_key_sale s
   WHERE s.network_id = $1 AND s.order_id = ANY ($2::uuid[]) AND s.returned_at IS NULL GROUP BY s.line_id, s.supplier_id, s.terms
   UNION ALL
   SELECT a.line_id, a.supplier_id, a.terms::text, a.cost FROM purchase_attempt a
   WHERE a.network_id = $1 AND a.order_id = ANY ($2::uuid[]) AND a.goods_kind = 'TOP_UP' AND a.state = 'SUCCEEDED' AND a.delivered_quantity > 0
     AND a.discrepancy IS DISTINCT FROM 'SURPLUS'`,
);

/**
 * What the lines of orders cost so far: card keys by their sales, top-ups by the attempt that filled them. By
 * card_key_sale_network_id_order_id_position_idx and purchase_attempt_network_id_order_id_idx.
 */
export function selectLineCosts(tx: Transaction, networkId: string, orderIds: readonly string[]): Promise<LineCostRow[]> {
  return run(tx, lineCostsStatement, [networkId, orderIds]);
}

/** A hop of an order as it was frozen. */
export type HeldHopRow = {
  order_id: string;
  station_id: string;
  distance: number;
  role: 'ABOVE' | 'OWNER' | 'SELLER' | 'BUYER';
  paid_unit_price: string | null;
  paid_total: string | null;
  sold_unit_price: string | null;
  sold_total: string | null;
  markup_rule_id: string | null;
  control_band_id: string | null;
  margin: string;
  commission: string;
};

const heldHopsStatement = statement<HeldHopRow>(
  'orders.heldHops',
  `SELECT h.order_id, h.station_id, h.distance, h.role::text, h.paid_unit_price, h.paid_total, h.sold_unit_price, h.sold_total, h.markup_rule_id,
          h.control_band_id, h.margin, h.commission
   FROM order_hop h WHERE h.network_id = $1 AND h.order_id = ANY ($2::uuid[]) ORDER BY h.order_id, h.distance DESC`,
);

/** The frozen chains of orders, each from headquarters down to the buyer. By order_hop_network_id_order_id_distance_key. */
export function selectHeldHops(tx: Transaction, networkId: string, orderIds: readonly string[]): Promise<HeldHopRow[]> {
  return run(tx, heldHopsStatement, [networkId, orderIds]);
}

/** What became of a line. `cost` is a NUMERIC text. */
export type SettledLineRow = { id: string; state: 'DELIVERED' | 'FAILED'; deliveredQuantity: number; cost: string };

// the CASE keeps the guard away from rows that a plan may look at beside the wanted ones
const settleLinesStatement = statement(
  'orders.settleLines',
  `UPDATE order_line l SET state = s.state, delivered_quantity = s.delivered_quantity, cost = s.cost
   FROM unnest($2::uuid[], $3::text[], $4::int[], $5::numeric[]) AS s (id, state, delivered_quantity, cost)
   WHERE l.network_id = $1 AND l.id = s.id
     AND CASE WHEN l.id = s.id THEN 1 / (CASE WHEN l.state = 'WAITING' THEN 1 ELSE 0 END) = 1 END`,
);

/** Settles lines that wait; aborts (division by zero) when one of them does not wait any more. By order_line_pkey. */
export async function settleLineRows(tx: Transaction, networkId: string, lines: readonly SettledLineRow[]): Promise<void> {
  if (lines.length === 0) return;
  await run(tx, settleLinesStatement, [
    networkId,
    lines.map(({ id }) => id),
    lines.map(({ state }) => state),
    lines.map(({ deliveredQuantity }) => deliveredQuantity),
    lines.map(({ cost }) => cost),
  ]);
}

const settleHopsStatement = statement(
  'orders.settleHops',
  `UPDATE order_hop h SET margin = s.margin, commission = s.commission
   FROM unnest($2::uuid[], $3::int[], $4::numeric[], $5::numeric[]) AS s (order_id, distance, margin, commission)
   WHERE h.network_id = $1 AND h.order_id = s.order_id AND h.distance = s.distance`,
);

/** Writes what an order that was held earns its owner, and pays as commission. By order_hop_network_id_order_id_distance_key. */
export async function settleHops(
  tx: Transaction,
  networkId: string,
  hops: readonly { orderId: string; distance: number; margin: string; commission: string }[],
): Promise<void> {
  if (hops.length === 0) return;
  await run(tx, settleHopsStatement, [
    networkId,
    hops.map(({ orderId }) => orderId),
    hops.map(({ distance }) => distance),
    hops.map(({ margin }) => margin),
    hops.map(({ commission }) => commission),
  ]);
}

/** What became of an order that was held. Amounts are NUMERIC texts; `dueOn` null keeps what was expected. */
export type MovedOrderRow = {
  id: string;
  state: 'SOURCING' | 'NEEDS_ATTENTION' | 'DELIVERED' | 'FAILED';
  reason: string | null;
  cost: string;
  commissionPool: string;
  dueOn: string | null;
};

const moveOrdersStatement = statement(
  'orders.moveHeld',
  `UPDATE orders o SET state = s.state, failure_reason = s.reason, cost = s.cost, commission_pool = s.commission_pool,
     due_on = coalesce(s.due_on, o.due_on), delivered_at = CASE WHEN s.state = 'DELIVERED' THEN $2::timestamptz END, updated_at = $2
   FROM unnest($3::uuid[], $4::order_state[], $5::text[], $6::numeric[], $7::numeric[], $8::date[]) AS s (id, state, reason, cost, commission_pool, due_on)
   WHERE o.network_id = $1 AND o.id = s.id
     AND CASE WHEN o.id = s.id THEN 1 / (CASE WHEN o.delivered_at IS NULL AND o.state <> 'FAILED' THEN 1 ELSE 0 END) = 1 END`,
);

/** Moves orders that wait; aborts (division by zero) when one of them does not wait any more. By orders_pkey. */
export async function moveHeldOrders(tx: Transaction, networkId: string, orders: readonly MovedOrderRow[]): Promise<void> {
  if (orders.length === 0) return;
  await run(tx, moveOrdersStatement, [
    networkId,
    tx.now,
    orders.map(({ id }) => id),
    orders.map(({ state }) => state),
    orders.map(({ reason }) => reason),
    orders.map(({ cost }) => cost),
    orders.map(({ commissionPool }) => commissionPool),
    orders.map(({ dueOn }) => dueOn),
  ]);
}

const sourcingStatement = statement<{ id: string; buyer_path: string[]; owner_id: string; sku_id: string }>(
  'orders.beginSourcing',
  `UPDATE orders o SET state = 'SOURCING', updated_at = $3
   WHERE o.network_id = $1 AND o.id = ANY ($2::uuid[]) AND o.state = 'HELD' RETURNING o.id, o.buyer_path, o.owner_id, o.sku_id`,
);

/** Says of those of these orders that are HELD that their goods are being bought; answers them. By orders_pkey. */
export function beginSourcingRows(
  tx: Transaction,
  networkId: string,
  orderIds: readonly string[],
): Promise<{ id: string; buyer_path: string[]; owner_id: string; sku_id: string }[]> {
  return run(tx, sourcingStatement, [networkId, orderIds, tx.now]);
}

/** What a buyer typed for an order, sealed, with what it is bound to. */
export type OrderInputRow = {
  id: string;
  buyer_id: string;
  owner_id: string;
  request_key: string;
  input_fields: Buffer;
  input_data_key: Buffer;
  input_vault_key_id: string;
};

const orderInputsStatement = statement<OrderInputRow>(
  'orders.inputs',
  `SELECT o.id, o.buyer_id, o.owner_id, o.request_key, o.input_fields, o.input_data_key, o.input_vault_key_id
   FROM orders o WHERE o.network_id = $1 AND o.id = ANY ($2::uuid[]) AND o.input_fields IS NOT NULL`,
);

/** What buyers typed for orders, sealed still; orders without are left out. Whoever calls this has decided who may open it. By orders_pkey. */
export function selectOrderInputs(db: Queryable, networkId: string, orderIds: readonly string[]): Promise<OrderInputRow[]> {
  return run(db, orderInputsStatement, [networkId, orderIds]);
}
