import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';

/** What can be done with a lot as a whole: its keys may be sold, were put aside together, or never come back. */
export type LotState = 'OPEN' | 'QUARANTINED' | 'VOID';

/** Where a card key is (domain §6). */
export type CardKeyState = 'AVAILABLE' | 'SOLD' | 'WITHDRAWN' | 'QUARANTINED' | 'VOID' | 'EXPIRED';

/** How many keys of a SKU are wanted. */
export type Wanted = { readonly skuId: string; readonly quantity: number };

/** A card key that this transaction has locked. */
export type ClaimedKeyRow = { id: string; sku_id: string; cost: string; supplier_id: string | null; terms: 'CONSIGNMENT' | 'OWN' };

// One pool for each SKU, first expiring first, by card_key_available_idx (network_id, sku_id, expires_on, id); a key is good
// through its day of expiry. The locks stand inside the LATERAL, so that no more rows are locked than are wanted, and SKUs are
// taken in the order of their ids: those who wait for keys wait in one direction.
const claim = (name: string, wait: string): Statement<ClaimedKeyRow> =>
  statement(
    name,
    `WITH wanted AS MATERIALIZED (SELECT w.sku_id, w.quantity FROM unnest($2::uuid[], $3::int[]) AS w (sku_id, quantity) ORDER BY w.sku_id)
     SELECT k.id, k.sku_id, k.cost, l.supplier_id, l.terms::text
     FROM wanted w
     CROSS JOIN LATERAL (
       SELECT c.id, c.sku_id, c.cost, c.lot_id, c.expires_on FROM card_key c
       WHERE c.network_id = $1 AND c.sku_id = w.sku_id AND c.state = 'AVAILABLE' AND (c.expires_on IS NULL OR c.expires_on >= $4::date)
       ORDER BY c.expires_on, c.id LIMIT w.quantity FOR UPDATE ${wait}
     ) k
     JOIN lot l ON l.network_id = $1 AND l.id = k.lot_id
     ORDER BY k.sku_id, k.expires_on, k.id`,
  );
const claimAtOnce = claim('stock.claimAtOnce', 'SKIP LOCKED');
const claimWaiting = claim('stock.claimWaiting', '');

/**
 * Locks the next keys to be sold of each SKU, in their order. AT_ONCE passes over keys that another transaction holds: fast, but
 * a short answer may mean "held", not "sold". WAITING waits for their holders, so that a short answer is the truth.
 */
export function claimKeys(
  tx: Transaction,
  networkId: string,
  wanted: readonly Wanted[],
  today: string,
  mode: 'AT_ONCE' | 'WAITING',
): Promise<ClaimedKeyRow[]> {
  const values = [networkId, wanted.map(({ skuId }) => skuId), wanted.map(({ quantity }) => quantity), today];
  return run(tx, mode === 'AT_ONCE' ? claimAtOnce : claimWaiting, values);
}

const countStatement = statement<{ sku_id: string; count: number }>(
  'stock.countAvailable',
  `SELECT w.sku_id, c.count FROM unnest($2::uuid[]) AS w (sku_id)
   CROSS JOIN LATERAL (
     SELECT count(*)::int AS count FROM (
       SELECT FROM card_key c
       WHERE c.network_id = $1 AND c.sku_id = w.sku_id AND c.state = 'AVAILABLE' AND (c.expires_on IS NULL OR c.expires_on >= $3::date) LIMIT $4
     ) AS counted
   ) c`,
);

/** How many keys of each SKU are for sale, counted up to `countMax`. An index-only range of card_key_available_idx; locks nothing. */
export function countAvailable(
  db: Queryable,
  networkId: string,
  skuIds: readonly string[],
  today: string,
  countMax: number,
): Promise<{ sku_id: string; count: number }[]> {
  return run(db, countStatement, [networkId, skuIds, today, countMax]);
}

// the CASE keeps the guard away from rows that a plan may look at beside the wanted ones
const takeStatement = statement(
  'stock.takeKeys',
  `UPDATE card_key k SET state = $3::card_key_state, updated_at = $4 WHERE k.network_id = $1 AND k.id = ANY ($2::uuid[])
   AND CASE WHEN k.id = ANY ($2::uuid[]) THEN 1 / (CASE WHEN k.state = 'AVAILABLE' THEN 1 ELSE 0 END) = 1 END`,
);

/**
 * Takes claimed keys off the shelf: aborts (division by zero) when one of them is not there to be taken. By card_key_pkey; the
 * rows are locked already.
 */
export async function takeKeys(tx: Transaction, networkId: string, keyIds: readonly string[], state: 'SOLD' | 'WITHDRAWN'): Promise<void> {
  await run(tx, takeStatement, [networkId, keyIds, state, tx.now]);
}

/** A key given to an order line. `cost` is a NUMERIC text. */
export type NewSaleRow = {
  id: string;
  cardKeyId: string;
  orderId: string;
  lineId: string;
  supplierId: string | null;
  terms: string;
  cost: string;
  position: number;
};

const insertSalesStatement = statement(
  'stock.insertSales',
  `INSERT INTO card_key_sale (network_id, id, card_key_id, order_id, line_id, supplier_id, terms, cost, position)
   SELECT $1, s.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::lot_terms[], $8::numeric[], $9::int[]) AS s`,
);

/** Gives keys to order lines. card_key_sale_live_key is the last guard against selling one twice. */
export async function insertSales(tx: Transaction, networkId: string, sales: readonly NewSaleRow[]): Promise<void> {
  await run(tx, insertSalesStatement, [
    networkId,
    sales.map((sale) => sale.id),
    sales.map((sale) => sale.cardKeyId),
    sales.map((sale) => sale.orderId),
    sales.map((sale) => sale.lineId),
    sales.map((sale) => sale.supplierId),
    sales.map((sale) => sale.terms),
    sales.map((sale) => sale.cost),
    sales.map((sale) => sale.position),
  ]);
}

/** A lot as its owner sees it: never its data key. */
export type LotRow = {
  id: string;
  sku_id: string;
  supplier_id: string | null;
  terms: 'CONSIGNMENT' | 'OWN';
  currency: string;
  total_cost: string;
  key_count: number;
  expires_on: string | null;
  created_at: Date;
  /** the person or API key that brought it in; empty for what bought it by itself */
  created_by_name: string;
  /** the purchase that it came by; null for an import */
  attempt_id: string | null;
  state: LotState;
  state_reason: string | null;
  state_at: Date | null;
  state_by_name: string | null;
};

// who did it, by the primary keys of users and api_key
const nameOf = (id: string) =>
  `coalesce((SELECT u.name FROM users u WHERE u.id = ${id}), (SELECT a.name FROM api_key a WHERE a.network_id = $1 AND a.id = ${id}), '')`;

const LOT_COLUMNS = `l.id, l.sku_id, l.supplier_id, l.terms::text, l.currency, l.total_cost, l.key_count, l.expires_on, l.created_at, l.attempt_id,
  ${nameOf('l.created_by')} AS created_by_name, l.state, l.state_reason, l.state_at, ${nameOf('l.state_by')} AS state_by_name`;

/**
 * An owner's lots from beyond $3 on: a range of the primary key; of one SKU ($5): of lot_goods_key. The cursor is
 * always given, since `$3 IS NULL OR` would make a filter of the range.
 */
const lotPage = (name: string, ofSku: string, beyond: string, order: string) =>
  statement<LotRow>(
    name,
    `SELECT ${LOT_COLUMNS} FROM lot l WHERE l.network_id = $1 AND l.owner_id = $2 ${ofSku} AND l.id ${beyond} $3 ORDER BY l.id ${order} LIMIT $4`,
  );
const OF_SKU = 'AND l.sku_id = $5';
const lotPages = {
  FORWARD: {
    end: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    all: lotPage('stock.lotsOlder', '', '<', 'DESC'),
    ofSku: lotPage('stock.lotsOfSkuOlder', OF_SKU, '<', 'DESC'),
  },
  BACKWARD: {
    end: '00000000-0000-0000-0000-000000000000',
    all: lotPage('stock.lotsNewer', '', '>', 'ASC'),
    ofSku: lotPage('stock.lotsOfSkuNewer', OF_SKU, '>', 'ASC'),
  },
} as const;

/** One page of an owner's lots, newest first when FORWARD. */
export function selectLots(
  db: Queryable,
  owner: { networkId: string; stationId: string },
  skuId: string | null,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<LotRow[]> {
  const { end, all, ofSku } = lotPages[page.direction];
  const values = [owner.networkId, owner.stationId, page.from ?? end, page.limit];
  return skuId === null ? run(db, all, values) : run(db, ofSku, [...values, skuId]);
}

const lotCount = statement<{ count: number }>(
  'stock.lotCount',
  'SELECT count(*)::int AS count FROM lot l WHERE l.network_id = $1 AND l.owner_id = $2 AND ($3::uuid IS NULL OR l.sku_id = $3)',
);

/** How many lots such a list has. */
export async function countLots(db: Queryable, owner: { networkId: string; stationId: string }, skuId: string | null): Promise<number> {
  const [row] = await run(db, lotCount, [owner.networkId, owner.stationId, skuId]);
  return row?.count ?? 0;
}

const lotsById = statement<LotRow>(
  'stock.lotsById',
  `SELECT ${LOT_COLUMNS} FROM lot l WHERE l.network_id = $1 AND l.owner_id = $2 AND l.id = ANY ($3::uuid[])`,
);

/** An owner's lots by id. Index: primary key. */
export function selectLotsById(db: Queryable, owner: { networkId: string; stationId: string }, ids: readonly string[]): Promise<LotRow[]> {
  return run(db, lotsById, [owner.networkId, owner.stationId, ids]);
}

const lotStock = statement<{ lot_id: string; state: CardKeyState; is_duplicate: boolean; count: number }>(
  'stock.lotStock',
  `SELECT k.lot_id, k.state::text, k.duplicate_of IS NOT NULL AS is_duplicate, count(*)::int AS count FROM card_key k
   WHERE k.network_id = $1 AND k.lot_id = ANY ($2::uuid[]) GROUP BY 1, 2, 3`,
);

/** How many keys of each lot are in which state; `is_duplicate`: those that another owner has. Index: card_key_network_id_lot_id_idx. */
export function countLotKeys(db: Queryable, networkId: string, lotIds: readonly string[]) {
  return run(db, lotStock, [networkId, lotIds]);
}

const touchedOrders = (name: string, beyond: string, order: string): Statement<TouchedOrderRow> =>
  statement(
    name,
    `SELECT s.order_id AS id, count(*)::int AS key_count, count(s.revealed_at)::int AS revealed_count,
       (count(*) FILTER (WHERE EXISTS (SELECT FROM doubted_key d WHERE d.network_id = $1 AND d.card_key_id = k.id)))::int AS doubted_count
     FROM card_key k JOIN card_key_sale s ON s.network_id = $1 AND s.card_key_id = k.id AND s.returned_at IS NULL
     WHERE k.network_id = $1 AND k.lot_id = $2 AND k.state = 'SOLD' AND s.order_id ${beyond} $3
     GROUP BY s.order_id ORDER BY s.order_id ${order} LIMIT $4`,
  );
const touchedPages = {
  FORWARD: { end: lotPages.FORWARD.end, page: touchedOrders('stock.touchedOrdersOlder', '<', 'DESC') },
  BACKWARD: { end: lotPages.BACKWARD.end, page: touchedOrders('stock.touchedOrdersNewer', '>', 'ASC') },
} as const;

/** An order that holds keys of a lot; `revealed_count` of them were seen, `doubted_count` came a second time by another purchase. */
export type TouchedOrderRow = { id: string; key_count: number; revealed_count: number; doubted_count: number };

/** Orders that hold keys of a lot, one page, newest first when FORWARD. By card_key_network_id_lot_id_idx, card_key_sale_live_key and doubted_key_network_id_card_key_id_idx. */
export function selectTouchedOrders(
  db: Queryable,
  networkId: string,
  lotId: string,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<TouchedOrderRow[]> {
  const { end, page: paged } = touchedPages[page.direction];
  return run(db, paged, [networkId, lotId, page.from ?? end, page.limit]);
}

const touchedCount = statement<{ count: number }>(
  'stock.touchedOrderCount',
  `SELECT count(DISTINCT s.order_id)::int AS count
   FROM card_key k JOIN card_key_sale s ON s.network_id = $1 AND s.card_key_id = k.id AND s.returned_at IS NULL
   WHERE k.network_id = $1 AND k.lot_id = $2 AND k.state = 'SOLD'`,
);

/** How many orders hold keys of a lot. */
export async function countTouchedOrders(db: Queryable, networkId: string, lotId: string): Promise<number> {
  return (await run(db, touchedCount, [networkId, lotId]))[0]?.count ?? 0;
}

const lotJobs = statement<ImportJobRow & { lot_id: string }>(
  'stock.importJobsOfLots',
  `SELECT j.lot_id, j.id, j.sku_id, j.state::text, j.line_count, j.imported_count, j.duplicate_count, j.problem_count, j.problems, j.failure, j.created_at, j.finished_at
   FROM import_job j WHERE j.network_id = $1 AND j.owner_id = $2 AND j.lot_id = ANY ($3::uuid[])`,
);

/** The imports that brought lots. Index: import_job_lot_key. */
export function selectJobsOfLots(db: Queryable, owner: { networkId: string; stationId: string }, lotIds: readonly string[]) {
  return run(db, lotJobs, [owner.networkId, owner.stationId, lotIds]);
}

// ---- putting a lot aside ----

const lockLotStatement = statement<{ id: string; sku_id: string; state: LotState }>(
  'stock.lockLot',
  'SELECT l.id, l.sku_id, l.state FROM lot l WHERE l.network_id = $1 AND l.id = $2 AND l.owner_id = $3 FOR NO KEY UPDATE',
);

/** Locks an owner's lot, by its primary key: keys that come back from orders wait for it, sales do not. Null for anybody else's. */
export async function lockLot(tx: Transaction, networkId: string, ownerId: string, lotId: string) {
  return (await run(tx, lockLotStatement, [networkId, lotId, ownerId]))[0] ?? null;
}

const longStatement = statement('stock.allowLongStatement', "SET LOCAL statement_timeout = '300s'");

const setLotStateStatement = statement(
  'stock.setLotState',
  'UPDATE lot SET state = $3, state_reason = $4, state_by = $5, state_at = $6 WHERE network_id = $1 AND id = $2',
);

/** Says that a lot is put aside, back, or gone, by whom and why. */
export async function setLotState(
  tx: Transaction,
  networkId: string,
  {
    lotId,
    state,
    reason,
    actorId,
  }: { readonly lotId: string; readonly state: LotState; readonly reason: string; readonly actorId: string },
): Promise<void> {
  await run(tx, setLotStateStatement, [networkId, lotId, state, reason, actorId, tx.now]);
}

// The keys are locked in the order in which sales lock them, by card_key_network_id_lot_id_idx. A key that a sale holds is waited for,
// and is left to it when it was sold: the state is looked at again behind the lock.
const moveKeys = (name: string, which: string, state: string): Statement<{ count: number; expired_count: number }> =>
  statement(
    name,
    `WITH held AS MATERIALIZED (
       SELECT k.id FROM card_key k WHERE k.network_id = $1 AND k.lot_id = $2 AND ${which} ORDER BY k.expires_on, k.id FOR UPDATE
     ), moved AS (
       UPDATE card_key k SET state = ${state}, updated_at = $3 FROM held h WHERE k.network_id = $1 AND k.id = h.id RETURNING k.state
     )
     SELECT count(*)::int AS count, (count(*) FILTER (WHERE state = 'EXPIRED'))::int AS expired_count FROM moved`,
  );
// a key that an order holds stays where it is, whatever its state
const NOT_SOLD = 'NOT EXISTS (SELECT FROM card_key_sale s WHERE s.network_id = $1 AND s.card_key_id = k.id AND s.returned_at IS NULL)';
const quarantineStatement = moveKeys('stock.quarantineKeys', `k.state = 'AVAILABLE'`, `'QUARANTINED'`);
const releaseStatement = moveKeys(
  'stock.releaseKeys',
  `k.state = 'QUARANTINED' AND k.duplicate_of IS NULL AND ${NOT_SOLD}`,
  `CASE WHEN k.expires_on < $4::date THEN 'EXPIRED' ELSE 'AVAILABLE' END::card_key_state`,
);
const voidStatement = moveKeys('stock.voidKeys', `k.state = 'QUARANTINED' AND ${NOT_SOLD}`, `'VOID'`);

/** What became of a lot's keys: how many moved, and how many of those have passed their day. */
export type MovedKeys = { readonly count: number; readonly expiredCount: number };

/**
 * Moves the keys of a lot that was locked: all that are for sale into quarantine; out of it again (those past their day expire); or to
 * nothing. One guarded statement each, whatever their number. A large lot takes longer than a page may.
 */
export async function moveLotKeys(
  tx: Transaction,
  networkId: string,
  lotId: string,
  move: { readonly kind: 'QUARANTINE' | 'VOID' } | { readonly kind: 'RELEASE'; readonly today: string },
): Promise<MovedKeys> {
  const values = [networkId, lotId, tx.now];
  await run(tx, longStatement, []);
  const [moved] =
    move.kind === 'RELEASE'
      ? await run(tx, releaseStatement, [...values, move.today])
      : await run(tx, move.kind === 'VOID' ? voidStatement : quarantineStatement, values);
  return { count: moved?.count ?? 0, expiredCount: moved?.expired_count ?? 0 };
}

// ---- expiry ----

const expireStatement = statement<{ sku_id: string; owner_id: string; count: number }>(
  'stock.expireKeys',
  `WITH held AS MATERIALIZED (
     SELECT k.id FROM card_key k WHERE k.network_id = $1 AND k.state = 'AVAILABLE' AND k.expires_on < $2::date
     ORDER BY k.expires_on LIMIT $3 FOR UPDATE SKIP LOCKED
   ), moved AS (
     UPDATE card_key k SET state = 'EXPIRED', updated_at = $4 FROM held h WHERE k.network_id = $1 AND k.id = h.id RETURNING k.sku_id, k.owner_id
   )
   SELECT sku_id, owner_id, count(*)::int AS count FROM moved GROUP BY 1, 2`,
);

/** Marks keys for sale whose day has passed, at most `limit`; what another process holds is left to it. By card_key_expiry_idx. */
export function expireKeys(tx: Transaction, networkId: string, today: string, limit: number) {
  return run(tx, expireStatement, [networkId, today, limit, tx.now]);
}

const expiringStatement = statement<{ sku_id: string; owner_id: string; count: number; cost: string; first_on: string }>(
  'stock.expiringStock',
  `SELECT k.sku_id, k.owner_id, count(*)::int AS count, sum(k.cost) AS cost, min(k.expires_on) AS first_on FROM card_key k
   WHERE k.network_id = $1 AND k.state = 'AVAILABLE' AND k.expires_on BETWEEN $2::date AND $3::date GROUP BY 1, 2`,
);

/** What is for sale and good no longer than `through`, by SKU: how many keys, what they cost, and the first day. By card_key_expiry_idx. */
export function selectExpiringStock(db: Queryable, networkId: string, days: { readonly today: string; readonly through: string }) {
  return run(db, expiringStatement, [networkId, days.today, days.through]);
}

/** An import as its owner sees it. `problems` name lines and codes, never what stood there. */
export type ImportJobRow = {
  id: string;
  sku_id: string;
  state: 'RECEIVING' | 'PENDING' | 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED';
  line_count: number;
  imported_count: number;
  duplicate_count: number;
  problem_count: number;
  problems: { line: number; code: string }[];
  failure: string | null;
  created_at: Date;
  finished_at: Date | null;
};

const importJobsById = statement<ImportJobRow>(
  'stock.importJobsById',
  `SELECT j.id, j.sku_id, j.state::text, j.line_count, j.imported_count, j.duplicate_count, j.problem_count, j.problems, j.failure, j.created_at, j.finished_at
   FROM import_job j WHERE j.network_id = $1 AND j.owner_id = $2 AND j.id = ANY ($3::uuid[])`,
);

/** An owner's imports by id. Index: primary key. */
export function selectImportJobs(
  db: Queryable,
  owner: { networkId: string; stationId: string },
  ids: readonly string[],
): Promise<ImportJobRow[]> {
  return run(db, importJobsById, [owner.networkId, owner.stationId, ids]);
}

const claimOwn = (name: string, wait: string): Statement<{ id: string }> =>
  statement(
    name,
    `SELECT c.id FROM card_key c JOIN lot l ON l.network_id = $1 AND l.id = c.lot_id AND l.terms = 'OWN'
     WHERE c.network_id = $1 AND c.sku_id = $2 AND c.owner_id = $3 AND c.state = 'AVAILABLE' AND (c.expires_on IS NULL OR c.expires_on >= $4::date)
     ORDER BY c.expires_on, c.id LIMIT $5 FOR UPDATE OF c ${wait}`,
  );
const claimOwnAtOnce = claimOwn('stock.claimOwnAtOnce', 'SKIP LOCKED');
const claimOwnWaiting = claimOwn('stock.claimOwnWaiting', '');

const markClaim = statement('stock.markClaim', 'SAVEPOINT claim');
const undoClaim = statement('stock.undoClaim', 'ROLLBACK TO SAVEPOINT claim');

/** What an owner takes out for itself. */
export type OwnWanted = { readonly skuId: string; readonly ownerId: string; readonly quantity: number; readonly today: string };

/**
 * Locks keys of the owner's OWN lots, in the order of sale, by card_key_available_idx. Those that another transaction holds are
 * passed over at first; when that leaves too few, it waits for them from the first one on, and a short answer is the truth.
 */
export async function claimOwnKeys(tx: Transaction, networkId: string, { skuId, ownerId, quantity, today }: OwnWanted): Promise<string[]> {
  const values = [networkId, skuId, ownerId, today, quantity];
  const [, atOnce] = await Promise.all([run(tx, markClaim, []), run(tx, claimOwnAtOnce, values)]);
  if (atOnce.length === quantity) return atOnce.map(({ id }) => id);
  // what was taken out of turn is let go first: all who wait for keys wait in their one order
  const [, waited] = await Promise.all([run(tx, undoClaim, []), run(tx, claimOwnWaiting, values)]);
  return waited.map(({ id }) => id);
}

/** A sealed key with what opens it. */
export type SealedKeyRow = {
  id: string;
  lot_id: string;
  sku_id: string;
  sealed: Buffer;
  data_key: Buffer;
  vault_key_id: string;
  updated_at: Date;
};

const sealedStatement = statement<SealedKeyRow>(
  'stock.sealedKeys',
  `SELECT k.id, k.lot_id, k.sku_id, k.sealed, l.data_key, l.vault_key_id, k.updated_at
   FROM unnest($2::uuid[]) WITH ORDINALITY AS w (id, position)
   JOIN card_key k ON k.network_id = $1 AND k.id = w.id JOIN lot l ON l.network_id = $1 AND l.id = k.lot_id
   ORDER BY w.position`,
);

/** Sealed keys in the order asked for. Whoever calls this has decided who may open them. By card_key_pkey and lot_pkey. */
export function selectSealedKeys(db: Queryable, networkId: string, keyIds: readonly string[]): Promise<SealedKeyRow[]> {
  return run(db, sealedStatement, [networkId, keyIds]);
}

/** A key of an order, as it is kept. */
export type SoldKeyRow = SealedKeyRow & { order_id: string; revealed_at: Date };

const lockUnseenStatement = statement(
  'stock.lockUnseen',
  `SELECT s.id FROM card_key_sale s
   WHERE s.network_id = $1 AND s.order_id = ANY ($2::uuid[]) AND s.returned_at IS NULL AND s.revealed_at IS NULL
   ORDER BY s.order_id, s.position FOR UPDATE`,
);

const markRevealedStatement = statement(
  'stock.markRevealed',
  `UPDATE card_key_sale s SET revealed_at = $3, revealed_by = $4 FROM orders o
   WHERE s.network_id = $1 AND s.order_id = ANY ($2::uuid[]) AND s.returned_at IS NULL AND s.revealed_at IS NULL
     AND o.network_id = $1 AND o.id = s.order_id AND o.delivered_at IS NOT NULL AND o.state <> 'REFUNDED'`,
);

/**
 * Marks the keys of orders as seen, those that were not yet: from COMMIT on they never return to stock. A wholly refunded order
 * shows nothing more, and one that still waits for its other goods nothing yet. Locked in the order in which a refund locks them too, and looked at in a statement of its own after that:
 * who waited for a refund sees what it did. By card_key_sale_network_id_order_id_position_idx and orders_pkey.
 */
export async function markRevealed(tx: Transaction, networkId: string, orderIds: readonly string[], revealedBy: string): Promise<void> {
  await Promise.all([
    run(tx, lockUnseenStatement, [networkId, orderIds]),
    run(tx, markRevealedStatement, [networkId, orderIds, tx.now, revealedBy]),
  ]);
}

const revealedKeysStatement = statement<SoldKeyRow>(
  'stock.revealedKeys',
  `SELECT s.order_id, s.revealed_at, k.id, k.lot_id, k.sku_id, k.sealed, l.data_key, l.vault_key_id, k.updated_at
   FROM card_key_sale s
   JOIN card_key k ON k.network_id = $1 AND k.id = s.card_key_id JOIN lot l ON l.network_id = $1 AND l.id = k.lot_id
   WHERE s.network_id = $1 AND s.order_id = ANY ($2::uuid[]) AND s.returned_at IS NULL AND s.revealed_at IS NOT NULL
   ORDER BY s.order_id, s.position`,
);

/** The revealed keys of orders, sealed still. By card_key_sale_network_id_order_id_position_idx. */
export function selectRevealedKeys(db: Queryable, networkId: string, orderIds: readonly string[]): Promise<SoldKeyRow[]> {
  return run(db, revealedKeysStatement, [networkId, orderIds]);
}

const withdrawalStatement = statement<{ data: { readonly cardKeyIds?: readonly string[] } }>(
  'stock.withdrawal',
  'SELECT data FROM audit_entry WHERE network_id = $1 AND id = $2',
);

/** The keys that a withdrawal took, as its audit entry tells. */
export async function selectWithdrawnKeyIds(db: Queryable, networkId: string, auditId: string): Promise<readonly string[]> {
  const [row] = await run(db, withdrawalStatement, [networkId, auditId]);
  if (!row?.data.cardKeyIds) throw new Error(`no withdrawal ${auditId}`);
  return row.data.cardKeyIds;
}

/** A key of an order that is still the buyer's: not returned. `cost` is a NUMERIC text. */
export type OrderKeyRow = {
  card_key_id: string;
  cost: string;
  supplier_id: string | null;
  terms: 'CONSIGNMENT' | 'OWN';
  revealed: boolean;
};

const lockOrderKeysStatement = statement<OrderKeyRow>(
  'stock.lockOrderKeys',
  `SELECT s.card_key_id, s.cost, s.supplier_id, s.terms::text, s.revealed_at IS NOT NULL AS revealed FROM card_key_sale s
   WHERE s.network_id = $1 AND s.order_id = $2 ORDER BY s.position FOR UPDATE`,
);

/**
 * Locks the keys of one order, those that went back included, in their order: nobody reveals one while a refund decides
 * whether it goes back. By card_key_sale_network_id_order_id_position_idx.
 */
export function lockOrderKeys(tx: Transaction, networkId: string, orderId: string): Promise<OrderKeyRow[]> {
  return run(tx, lockOrderKeysStatement, [networkId, orderId]);
}

const returnSalesStatement = statement<{ card_key_id: string }>(
  'stock.returnSales',
  `UPDATE card_key_sale s SET returned_at = $4
   WHERE s.network_id = $1 AND s.order_id = $2 AND s.card_key_id = ANY ($3::uuid[]) AND s.returned_at IS NULL AND s.revealed_at IS NULL
   RETURNING s.card_key_id`,
);

const restockStatement = statement<{ id: string }>(
  'stock.restock',
  `WITH home AS MATERIALIZED (
     SELECT l.id, l.state FROM lot l
     WHERE l.network_id = $1 AND l.id IN (SELECT k.lot_id FROM card_key k WHERE k.network_id = $1 AND k.id = ANY ($2::uuid[])) ORDER BY l.id FOR SHARE
   )
   UPDATE card_key k SET updated_at = $3,
     state = CASE h.state WHEN 'QUARANTINED' THEN 'QUARANTINED' WHEN 'VOID' THEN 'VOID' ELSE 'AVAILABLE' END::card_key_state
   FROM home h WHERE k.network_id = $1 AND k.id = ANY ($2::uuid[]) AND h.id = k.lot_id AND k.state = 'SOLD' RETURNING k.id`,
);

/**
 * Puts unrevealed keys of an order back where their lot is: on the shelf, or aside with it. Throws when one was revealed or returned
 * meanwhile. Whoever is putting the lot aside is waited for.
 */
export async function returnKeys(tx: Transaction, networkId: string, orderId: string, keyIds: readonly string[]): Promise<void> {
  const [sales, keys] = await Promise.all([
    run(tx, returnSalesStatement, [networkId, orderId, keyIds, tx.now]),
    run(tx, restockStatement, [networkId, keyIds, tx.now]),
  ]);
  if (sales.length !== keyIds.length || keys.length !== keyIds.length) throw new Error('a key that was to return to stock could not');
}

// ---- imports ----

const importParties = statement<{ sku_id: string | null; supplier_id: string | null }>(
  'stock.importParties',
  `SELECT (SELECT k.id FROM sku k WHERE k.network_id = $1 AND k.owner_id = $2 AND (k.code = $3 OR k.id::text = $3) ORDER BY k.id LIMIT 1) AS sku_id,
          (SELECT s.id FROM supplier s WHERE s.network_id = $1 AND (s.code = $4 OR s.id::text = $4) ORDER BY s.id LIMIT 1) AS supplier_id`,
);

/** An owner's SKU and a supplier by code or id, as an operator names them; null for what is not there. Reads the network's SKUs through. */
export async function selectImportParties(
  db: Queryable,
  owner: { networkId: string; stationId: string },
  { sku, supplier }: { readonly sku: string; readonly supplier: string | null },
) {
  const [row] = await run(db, importParties, [owner.networkId, owner.stationId, sku, supplier]);
  return row ?? { sku_id: null, supplier_id: null };
}

/** An import as it is taken in: everything but its lines. `totalCost` is a NUMERIC text. */
export type NewImportJob = {
  readonly networkId: string;
  readonly id: string;
  readonly lotId: string;
  readonly skuId: string;
  readonly ownerId: string;
  readonly supplierId: string | null;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly totalCost: string;
  readonly currency: string;
  readonly expiresOn: string | null;
  readonly state: 'PENDING' | 'RECEIVING';
  readonly lineCount: number;
  readonly problemCount: number;
  readonly problems: readonly { readonly line: number; readonly code: string }[];
  readonly dataKey: Buffer;
  readonly vaultKeyId: string;
  readonly createdBy: string;
};

const insertJobStatement = statement(
  'stock.insertImportJob',
  `INSERT INTO import_job (network_id, id, sku_id, owner_id, supplier_id, lot_id, terms, total_cost, expires_on, currency, state, line_count,
     problem_count, problems, data_key, vault_key_id, created_by, created_at, touched_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7::lot_terms, $8, $9, $10, $18::job_state, $11, $12, $13, $14, $15, $16, $17, $17)`,
);

/** Writes an import that waits; its lines follow in the same transaction. */
export async function insertImportJob(tx: Transaction, job: NewImportJob): Promise<void> {
  await run(tx, insertJobStatement, [
    job.networkId,
    job.id,
    job.skuId,
    job.ownerId,
    job.supplierId,
    job.lotId,
    job.terms,
    job.totalCost,
    job.expiresOn,
    job.currency,
    job.lineCount,
    job.problemCount,
    JSON.stringify(job.problems),
    job.dataKey,
    job.vaultKeyId,
    job.createdBy,
    tx.now,
    job.state,
  ]);
}

/** Lines as they wait, in PostgreSQL's binary arrays, each sealed for the card key that it will be (`ids`); at most CHUNK_LINES. */
export type SealedChunk = {
  readonly ids: Uint8Array;
  readonly lineNumbers: Uint8Array;
  readonly sealed: Uint8Array;
  readonly fingerprints: Uint8Array;
};

/** Lines of one chunk: a statement's worth of work, and what a process holds of a file. */
export const CHUNK_LINES = 5_000;

const insertChunkStatement = statement(
  'stock.insertImportChunk',
  `INSERT INTO import_chunk (network_id, id, job_id, ids, line_numbers, sealed, fingerprints)
   VALUES ($1, $2, $3, $4::uuid[], $5::int[], $6::bytea[], $7::bytea[])`,
);

/** Stages a chunk of an import's lines. */
export async function insertImportChunk(tx: Transaction, networkId: string, jobId: string, chunk: SealedChunk): Promise<void> {
  const { ids, lineNumbers, sealed, fingerprints } = chunk;
  await run(tx, insertChunkStatement, [networkId, tx.newId(), jobId, ids, lineNumbers, sealed, fingerprints]);
}

const touchStatement = statement<{ id: string }>(
  'stock.touchImport',
  `UPDATE import_job SET touched_at = $3 WHERE network_id = $1 AND id = $2 AND state = 'RECEIVING' RETURNING id`,
);

/** Says that lines of an upload still come; false when it was given up meanwhile. By import_job_pkey, which it locks. */
export async function touchImport(tx: Transaction, networkId: string, jobId: string): Promise<boolean> {
  return (await run(tx, touchStatement, [networkId, jobId, tx.now])).length === 1;
}

const receivedStatement = statement<{ id: string }>(
  'stock.importReceived',
  `UPDATE import_job SET state = 'PENDING', line_count = $3, problem_count = $4, problems = $5
   WHERE network_id = $1 AND id = $2 AND state = 'RECEIVING' RETURNING id`,
);

/** What an upload held, once all of it has come. */
export type Received = Pick<NewImportJob, 'lineCount' | 'problemCount' | 'problems'>;

/** An upload has come whole: from COMMIT on a worker may take it up. False when it was given up meanwhile. */
export async function markImportReceived(tx: Transaction, networkId: string, jobId: string, received: Received): Promise<boolean> {
  const { lineCount, problemCount, problems } = received;
  return (await run(tx, receivedStatement, [networkId, jobId, lineCount, problemCount, JSON.stringify(problems)])).length === 1;
}

const abandonedStatement = statement<{ network_id: string; id: string }>(
  'stock.abandonedImports',
  `SELECT j.network_id, j.id FROM import_job j WHERE j.finished_at IS NULL AND j.state = 'RECEIVING' AND j.touched_at < $1
   ORDER BY j.network_id, j.id LIMIT 10 FOR UPDATE SKIP LOCKED`,
);

/** Uploads of which nothing has come since, locked; by import_job_open_idx, which holds few. */
export function lockAbandonedImports(tx: Transaction, since: Date): Promise<{ network_id: string; id: string }[]> {
  return run(tx, abandonedStatement, [since]);
}

const cancelStatement = statement<{ id: string }>(
  'stock.cancelImport',
  `UPDATE import_job SET state = $3::job_state, failure = $4, finished_at = $5 WHERE network_id = $1 AND id = $2 AND state = 'RECEIVING' RETURNING id`,
);

/** Ends an upload that never came whole, and takes what it had brought away. False when it has come or was ended. */
export async function cancelImport(
  tx: Transaction,
  networkId: string,
  jobId: string,
  { state, failure }: { readonly state: 'FAILED' | 'CANCELLED'; readonly failure: string },
): Promise<boolean> {
  const [ended] = await run(tx, cancelStatement, [networkId, jobId, state, failure, tx.now]);
  if (ended) await run(tx, clearLinesStatement, [networkId, jobId]);
  return ended !== undefined;
}

const waitingJobStatement = statement<{ network_id: string; id: string }>(
  'stock.waitingImport',
  `SELECT j.network_id, j.id FROM import_job j WHERE j.state IN ('PENDING', 'RUNNING') ORDER BY j.network_id, j.id LIMIT 1 FOR UPDATE SKIP LOCKED`,
);

/** The next import that nobody works on: new, or left behind by a process that died. Locked until the transaction ends. */
export async function lockWaitingImport(tx: Transaction): Promise<{ network_id: string; id: string } | null> {
  const [row] = await run(tx, waitingJobStatement, []);
  return row ?? null;
}

/** An import that is worked on. */
export type RunningImportRow = {
  id: string;
  lot_id: string;
  sku_id: string;
  owner_id: string;
  supplier_id: string | null;
  terms: 'CONSIGNMENT' | 'OWN';
  total_cost: string;
  currency: string;
  created_by: string;
  created_by_user: boolean;
  problems: { line: number; code: string }[];
};

const lockJobStatement = statement<RunningImportRow>(
  'stock.lockImport',
  `SELECT j.id, j.lot_id, j.sku_id, j.owner_id, j.supplier_id, j.terms::text, j.total_cost, j.currency, j.created_by, j.problems,
          EXISTS (SELECT FROM users u WHERE u.id = j.created_by) AS created_by_user
   FROM import_job j WHERE j.network_id = $1 AND j.id = $2 AND j.state IN ('PENDING', 'RUNNING') FOR UPDATE OF j SKIP LOCKED`,
);

/** Locks an import for the transaction that does it; null when it is done, or another process does it now. */
export async function lockImport(tx: Transaction, networkId: string, jobId: string): Promise<RunningImportRow | null> {
  const [row] = await run(tx, lockJobStatement, [networkId, jobId]);
  return row ?? null;
}

const setRunningStatement = statement(
  'stock.setImportRunning',
  `UPDATE import_job SET state = 'RUNNING' WHERE network_id = $1 AND id = $2`,
);

/** Says that an import has begun. */
export async function markImportRunning(tx: Transaction, networkId: string, jobId: string): Promise<void> {
  await run(tx, setRunningStatement, [networkId, jobId]);
}

const memoryStatement = statement('stock.importMemory', "SET LOCAL work_mem = '192MB'");

/** Lets this transaction sort the lines of a large file in memory: one import at a time works in a process. */
export async function allowImportMemory(tx: Transaction): Promise<void> {
  await run(tx, memoryStatement, []);
}

// `place`: a line's among those of the file that say the same
const PLACED_LINES = `line AS (
     SELECT u.line_number, u.fingerprint FROM import_chunk c CROSS JOIN LATERAL unnest(c.line_numbers, c.fingerprints) AS u (line_number, fingerprint)
     WHERE c.network_id = $1 AND c.job_id = $2
   ), placed AS (
     SELECT l.line_number, l.fingerprint, row_number() OVER (PARTITION BY l.fingerprint ORDER BY l.line_number) AS place FROM line l
   )`;

type JudgedRow = { line_count: number; lines: number[]; own_lines: number[]; is_elsewhere: boolean };

const judgeNewStatement = statement<JudgedRow>(
  'stock.judgeNewLines',
  `WITH ${PLACED_LINES}
   SELECT count(*)::int AS line_count, coalesce(array_agg(p.line_number) FILTER (WHERE p.place > 1), '{}') AS lines,
          '{}'::int[] AS own_lines, false AS is_elsewhere
   FROM placed p`,
);

const judgeStatement = statement<JudgedRow>(
  'stock.judgeImport',
  `WITH ${PLACED_LINES}, judged AS (
     SELECT p.line_number, p.place > 1 AS again, o.owner_id <> $3 AS elsewhere,
            coalesce(o.owner_id = $3, false) OR EXISTS (
              SELECT FROM card_key k WHERE k.network_id = $1 AND k.owner_id = $3 AND k.fingerprint = p.fingerprint AND k.duplicate_of IS NOT NULL) AS own
     FROM placed p
     LEFT JOIN LATERAL (
       SELECT k.owner_id FROM card_key k WHERE k.network_id = $1 AND k.fingerprint = p.fingerprint AND k.duplicate_of IS NULL LIMIT 1
     ) o ON true
   )
   SELECT count(*)::int AS line_count,
          coalesce(array_agg(j.line_number) FILTER (WHERE j.again AND NOT j.own), '{}') AS lines,
          coalesce(array_agg(j.line_number) FILTER (WHERE j.own), '{}') AS own_lines,
          coalesce(bool_or(j.elsewhere), false) AS is_elsewhere
   FROM judged j`,
);

/**
 * How many lines of an import wait, and which of them make no key: the same as an earlier line, or a key that the owner has.
 * `isElsewhere`: whether any is a key of another owner.
 */
export type JudgedLines = {
  readonly lineCount: number;
  readonly inFile: readonly number[];
  readonly own: readonly number[];
  readonly isElsewhere: boolean;
};

/**
 * Finds an import's duplicates: those within it by a sort and, when some of its keys `mayBeKnown`, those of the network by a look for
 * each, in the order of the fingerprints. Chunks by import_chunk_network_id_job_id_id_idx, keys by card_key_original_fingerprint_key and
 * card_key_owner_duplicate_key; locks nothing.
 */
export async function judgeImport(
  tx: Transaction,
  networkId: string,
  job: { id: string; owner_id: string; mayBeKnown: boolean },
): Promise<JudgedLines> {
  const [row] = job.mayBeKnown
    ? await run(tx, judgeStatement, [networkId, job.id, job.owner_id])
    : await run(tx, judgeNewStatement, [networkId, job.id]);
  if (!row) throw new Error('an aggregate answered no row');
  return { lineCount: row.line_count, inFile: row.lines, own: row.own_lines, isElsewhere: row.is_elsewhere };
}

// a copy of another owner's key has an original, so originals tell
const knownLineStatement = statement<{ is_known: boolean }>(
  'stock.knownLine',
  `SELECT EXISTS (
     SELECT FROM import_chunk c
     CROSS JOIN LATERAL unnest(c.fingerprints[1:50]) AS u (fingerprint)
     CROSS JOIN LATERAL (SELECT FROM card_key k WHERE k.network_id = $1 AND k.fingerprint = u.fingerprint AND k.duplicate_of IS NULL LIMIT 1) k
     WHERE c.network_id = $1 AND c.job_id = $2) AS is_known`,
);

/**
 * Whether the network has a key of an import's lines, as far as the first fifty of each chunk tell: files that were taken in before, in
 * whole or in part, are nearly always found out by them. Indexes as of `judgeImport`; locks nothing.
 */
export async function isAnyLineKnown(tx: Transaction, networkId: string, jobId: string): Promise<boolean> {
  const [row] = await run(tx, knownLineStatement, [networkId, jobId]);
  return row?.is_known ?? true;
}

const insertLotStatement = statement(
  'stock.insertImportedLot',
  `INSERT INTO lot (network_id, id, sku_id, owner_id, supplier_id, terms, currency, total_cost, key_count, expires_on, data_key, vault_key_id, created_by, created_at)
   SELECT j.network_id, j.lot_id, j.sku_id, j.owner_id, j.supplier_id, j.terms, j.currency, j.total_cost, $3, j.expires_on, j.data_key, j.vault_key_id, j.created_by, $4
   FROM import_job j WHERE j.network_id = $1 AND j.id = $2`,
);

// $7: lines that make no key. Written in the order of the file, which is that of the ids: of five indexes three grow at their end.
const insertImported = (name: string, original: string, lookup: string): Statement<{ key_count: number; quarantined_ids: string[] }> =>
  statement(
    name,
    `WITH line AS (
       SELECT u.id, u.line_number, u.sealed, u.fingerprint
       FROM (SELECT c.* FROM import_chunk c WHERE c.network_id = $1 AND c.job_id = $2 ORDER BY c.id) c
       CROSS JOIN LATERAL unnest(c.ids, c.line_numbers, c.sealed, c.fingerprints) AS u (id, line_number, sealed, fingerprint)
       WHERE NOT EXISTS (SELECT FROM unnest($7::int[]) AS b (line_number) WHERE b.line_number = u.line_number)
     ), dearer AS MATERIALIZED (
       SELECT max(f.line_number) AS last_line FROM (
         SELECT u.line_number FROM import_chunk c CROSS JOIN LATERAL unnest(c.line_numbers) AS u (line_number)
         WHERE c.network_id = $1 AND c.job_id = $2 AND NOT EXISTS (SELECT FROM unnest($7::int[]) AS b (line_number) WHERE b.line_number = u.line_number)
         ORDER BY u.line_number LIMIT $3
       ) f
     ), made AS (
       INSERT INTO card_key (network_id, id, lot_id, sku_id, owner_id, state, sealed, fingerprint, cost, expires_on, duplicate_of, updated_at)
       SELECT $1, w.id, j.lot_id, j.sku_id, j.owner_id, CASE WHEN ${original} IS NULL THEN 'AVAILABLE' ELSE 'QUARANTINED' END::card_key_state,
              w.sealed, w.fingerprint, CASE WHEN w.line_number <= d.last_line THEN $4::numeric ELSE $5::numeric END, j.expires_on, ${original}, $6
       FROM line w
       CROSS JOIN dearer d
       JOIN import_job j ON j.network_id = $1 AND j.id = $2
       ${lookup}
       RETURNING id, duplicate_of
     )
     SELECT count(*)::int AS key_count, coalesce(array_agg(id) FILTER (WHERE duplicate_of IS NOT NULL), '{}') AS quarantined_ids FROM made`,
  );
const insertNewKeys = insertImported('stock.insertImportedKeys', 'NULL::uuid', '');
const insertSharedKeys = insertImported(
  'stock.insertSharedKeys',
  'o.id',
  'LEFT JOIN card_key o ON o.network_id = $1 AND o.fingerprint = w.fingerprint AND o.duplicate_of IS NULL',
);

const lockImportsStatement = statement(
  'stock.lockImportsOfNetwork',
  `SELECT pg_advisory_xact_lock(hashtextextended('import ' || $1::text, 0))`,
);

/** Imports of a network make their keys one after the other: two of one file would wait for each other's keys in different orders. */
export async function lockImportsOfNetwork(tx: Transaction, networkId: string): Promise<void> {
  await run(tx, lockImportsStatement, [networkId]);
}

/** How a lot's cost lies on its keys: the first `firstCount` cost `first`, all others `rest`. NUMERIC texts. */
export type CostSteps = { readonly first: string; readonly firstCount: number; readonly rest: string };

/**
 * Makes the lot and its keys of the lines that were not left out; keys of another owner are put into quarantine. Whoever meets a key
 * that was brought in otherwise meanwhile (card_key_original_fingerprint_key, card_key_owner_duplicate_key) rolls back, and looks again.
 */
export async function insertImportedLot(
  tx: Transaction,
  networkId: string,
  jobId: string,
  lot: { keyCount: number; costs: CostSteps; withoutLines: readonly number[]; isElsewhere: boolean },
): Promise<{ keyCount: number; quarantinedIds: string[] }> {
  const { first, firstCount, rest } = lot.costs;
  const [, [made]] = await Promise.all([
    run(tx, insertLotStatement, [networkId, jobId, lot.keyCount, tx.now]),
    run(tx, lot.isElsewhere ? insertSharedKeys : insertNewKeys, [networkId, jobId, firstCount, first, rest, tx.now, lot.withoutLines]),
  ]);
  return { keyCount: made?.key_count ?? 0, quarantinedIds: made?.quarantined_ids ?? [] };
}

const endJobStatement = statement(
  'stock.endImport',
  `UPDATE import_job SET state = $3::job_state, imported_count = $4, duplicate_count = $5, problem_count = problem_count + $5, problems = $6,
     failure = $7, finished_at = $8
   WHERE network_id = $1 AND id = $2`,
);
const clearLinesStatement = statement('stock.clearImportLines', 'DELETE FROM import_chunk WHERE network_id = $1 AND job_id = $2');

/** What became of an import. `problems`: all that it names, those of its file too. `failure` is for its owner to read. */
export type ImportEnd = {
  readonly importedCount: number;
  readonly duplicateCount: number;
  readonly problems: readonly { readonly line: number; readonly code: string }[];
  readonly failure: string | null;
};

/** Ends an import, DONE or FAILED, and takes its staged lines away: what became a card key is one, and the rest is nothing. */
export async function endImport(
  tx: Transaction,
  networkId: string,
  jobId: string,
  { importedCount, duplicateCount, problems, failure }: ImportEnd,
): Promise<void> {
  const state = failure === null ? 'DONE' : 'FAILED';
  await Promise.all([
    run(tx, endJobStatement, [networkId, jobId, state, importedCount, duplicateCount, JSON.stringify(problems), failure, tx.now]),
    run(tx, clearLinesStatement, [networkId, jobId]),
  ]);
}

// ---- card keys that were bought for an order, or came with one ----

/** A lot that a purchase brought. `totalCost` is a NUMERIC text. */
export type BoughtLotRow = {
  id: string;
  attemptId: string;
  skuId: string;
  ownerId: string;
  supplierId: string;
  terms: 'CONSIGNMENT' | 'OWN';
  totalCost: string;
  keyCount: number;
  expiresOn: string | null;
  dataKey: Buffer;
  vaultKeyId: string;
  createdBy: string;
};

const insertBoughtLotsStatement = statement(
  'stock.insertBoughtLots',
  `INSERT INTO lot (network_id, id, attempt_id, sku_id, owner_id, supplier_id, terms, total_cost, key_count, expires_on, data_key, vault_key_id,
     created_by, currency, created_at)
   SELECT $1, l.*, $2, $3 FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::lot_terms[], $10::numeric[], $11::int[],
     $12::date[], $13::bytea[], $14::text[], $15::uuid[]) AS l`,
);

/** Writes the lots of purchases; lot_attempt_key: what an attempt brought comes in once. */
export async function insertBoughtLots(tx: Transaction, networkId: string, currency: string, lots: readonly BoughtLotRow[]): Promise<void> {
  if (lots.length === 0) return;
  await run(tx, insertBoughtLotsStatement, [
    networkId,
    currency,
    tx.now,
    lots.map((lot) => lot.id),
    lots.map((lot) => lot.attemptId),
    lots.map((lot) => lot.skuId),
    lots.map((lot) => lot.ownerId),
    lots.map((lot) => lot.supplierId),
    lots.map((lot) => lot.terms),
    lots.map((lot) => lot.totalCost),
    lots.map((lot) => lot.keyCount),
    lots.map((lot) => lot.expiresOn),
    lots.map((lot) => lot.dataKey),
    lots.map((lot) => lot.vaultKeyId),
    lots.map((lot) => lot.createdBy),
  ]);
}

/** A card key of such a lot: SOLD to the order that it was bought for, or AVAILABLE. `cost` is a NUMERIC text. */
export type BoughtKeyRow = {
  id: string;
  lotId: string;
  skuId: string;
  ownerId: string;
  state: 'SOLD' | 'AVAILABLE';
  sealed: Buffer;
  fingerprint: Buffer;
  cost: string;
  expiresOn: string | null;
};

const insertBoughtKeysStatement = statement(
  'stock.insertBoughtKeys',
  `INSERT INTO card_key (network_id, id, lot_id, sku_id, owner_id, state, sealed, fingerprint, cost, expires_on, updated_at)
   SELECT $1, k.*, $2 FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::card_key_state[], $8::bytea[], $9::bytea[], $10::numeric[],
     $11::date[]) AS k ORDER BY 7`,
);

/**
 * Writes bought card keys, in the order of their fingerprints: two transactions with one key wait in one direction, and whoever comes
 * second meets card_key_original_fingerprint_key (or card_key_owner_duplicate_key) and rolls back.
 */
export async function insertBoughtKeys(tx: Transaction, networkId: string, keys: readonly BoughtKeyRow[]): Promise<void> {
  if (keys.length === 0) return;
  await run(tx, insertBoughtKeysStatement, [
    networkId,
    tx.now,
    keys.map((key) => key.id),
    keys.map((key) => key.lotId),
    keys.map((key) => key.skuId),
    keys.map((key) => key.ownerId),
    keys.map((key) => key.state),
    keys.map((key) => key.sealed),
    keys.map((key) => key.fingerprint),
    keys.map((key) => key.cost),
    keys.map((key) => key.expiresOn),
  ]);
}

const knownFingerprintsStatement = statement<{ fingerprint: Buffer }>(
  'stock.knownFingerprints',
  'SELECT k.fingerprint FROM card_key k WHERE k.network_id = $1 AND k.fingerprint = ANY ($2::bytea[]) AND k.duplicate_of IS NULL',
);

/** Which of these card keys the network has already, whosever they are. By card_key_original_fingerprint_key. */
export async function selectKnownFingerprints(tx: Transaction, networkId: string, fingerprints: readonly Buffer[]): Promise<Set<string>> {
  if (fingerprints.length === 0) return new Set();
  const rows = await run(tx, knownFingerprintsStatement, [networkId, fingerprints]);
  return new Set(rows.map(({ fingerprint }) => fingerprint.toString('base64')));
}

// ---- keys that came a second time ----

const insertDoubtedRows = statement(
  'stock.insertDoubted',
  `INSERT INTO doubted_key (network_id, attempt_id, card_key_id, noted_at)
   SELECT DISTINCT $1::uuid, n.attempt_id, k.id, $2::timestamptz FROM unnest($3::uuid[], $4::bytea[]) AS n (attempt_id, fingerprint)
   JOIN card_key k ON k.network_id = $1 AND k.fingerprint = n.fingerprint AND k.duplicate_of IS NULL
   ON CONFLICT DO NOTHING`,
);

/** Notes of keys that are there already that a purchase has brought them again. By card_key_original_fingerprint_key. */
export async function insertDoubted(
  tx: Transaction,
  networkId: string,
  brought: readonly { readonly attemptId: string; readonly fingerprint: Buffer }[],
): Promise<void> {
  if (brought.length === 0) return;
  const ids = brought.map(({ attemptId }) => attemptId);
  await run(tx, insertDoubtedRows, [networkId, tx.now, ids, brought.map(({ fingerprint }) => fingerprint)]);
}

/** Keys that a purchase brought again, together as far as one order (null: none) has them by one purchase (null: an import). */
export type DoubtRow = {
  attempt_id: string;
  order_id: string | null;
  first_attempt_id: string | null;
  key_count: number;
  noted_at: Date;
};

const doubtsOf: Statement<DoubtRow> = statement(
  'stock.doubts',
  `SELECT d.attempt_id, s.order_id, l.attempt_id AS first_attempt_id, count(*)::int AS key_count, min(d.noted_at) AS noted_at
   FROM doubted_key d
   JOIN card_key k ON k.network_id = $1 AND k.id = d.card_key_id
   JOIN lot l ON l.network_id = $1 AND l.id = k.lot_id
   LEFT JOIN card_key_sale s ON s.network_id = $1 AND s.card_key_id = k.id AND s.returned_at IS NULL
   WHERE d.network_id = $1 AND d.attempt_id = ANY ($2::uuid[]) AND k.owner_id = $3
   GROUP BY d.attempt_id, s.order_id, l.attempt_id ORDER BY d.attempt_id, s.order_id, l.attempt_id LIMIT 1000`,
);

/**
 * Who has the keys that these purchases brought again; an owner's own keys alone, since of others' nobody is to know that they are there. By
 * doubted_key_pkey, card_key_pkey, lot_pkey and card_key_sale_live_key.
 */
export function selectDoubts(
  db: Queryable,
  owner: { networkId: string; stationId: string },
  attemptIds: readonly string[],
): Promise<DoubtRow[]> {
  return run(db, doubtsOf, [owner.networkId, attemptIds, owner.stationId]);
}

/** An order that got card keys which another purchase brought again, and how many of them are still its and not refunded. */
export type DoubtedOrderRow = { order_id: string; owner_id: string; sku_id: string; doubted_count: number };

const doubtedOrders: Statement<DoubtedOrderRow> = statement(
  'stock.doubtedOrders',
  `WITH touched AS (
     SELECT s.order_id FROM doubted_key d
     JOIN card_key_sale s ON s.network_id = $1 AND s.card_key_id = d.card_key_id AND s.returned_at IS NULL
     WHERE d.network_id = $1 AND d.attempt_id = ANY ($2::uuid[])
     UNION SELECT n.id FROM unnest($3::uuid[]) AS n (id)
   )
   SELECT o.id AS order_id, o.owner_id, o.sku_id, (count(*) FILTER (WHERE s.returned_at IS NULL AND o.state <> 'REFUNDED' AND NOT EXISTS (
     SELECT FROM refund r WHERE r.network_id = $1 AND r.order_id = o.id AND r.state = 'DONE' AND s.card_key_id = ANY (r.card_key_ids))))::int AS doubted_count
   FROM touched t JOIN orders o ON o.network_id = $1 AND o.id = t.order_id
   JOIN card_key_sale s ON s.network_id = $1 AND s.order_id = o.id
   WHERE EXISTS (SELECT FROM doubted_key d WHERE d.network_id = $1 AND d.card_key_id = s.card_key_id)
   GROUP BY o.id, o.owner_id, o.sku_id`,
);

/**
 * Orders that have keys which these purchases brought again, and of these orders those that ever had such keys. By doubted_key_pkey,
 * card_key_sale_live_key, orders_pkey, card_key_sale_network_id_order_id_position_idx, doubted_key_network_id_card_key_id_idx and
 * refund_network_id_order_id_idx.
 */
export function selectDoubtedOrders(
  tx: Transaction,
  networkId: string,
  { attemptIds, orderIds }: { readonly attemptIds: readonly string[]; readonly orderIds: readonly string[] },
): Promise<DoubtedOrderRow[]> {
  return run(tx, doubtedOrders, [networkId, attemptIds, orderIds]);
}
