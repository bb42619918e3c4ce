import { type Queryable, run, statement, type Transaction } from '#server/platform/database.ts';

// Every statement names network_id = $1 and the currency, and reaches accounts by account_holder_key
// (network_id, station_id, supplier_id, kind, currency). A NULL in a key column must be written as IS NULL to use the index,
// hence the three branches: a station's account, a supplier's, the network's own.

/** An account as its holder knows it. Amounts are NUMERIC texts. */
export type AccountRow = {
  id: string;
  station_id: string | null;
  supplier_id: string | null;
  kind: string;
  balance: string;
  credit_limit: string;
  floorless: boolean;
};

/** Accounts asked for by holder and kind: stations', suppliers' and the network's own. */
export type HolderColumns = {
  readonly stations: readonly (readonly [stationId: string, kind: string])[];
  readonly suppliers: readonly (readonly [supplierId: string, kind: string])[];
  readonly own: readonly string[];
};

const findStatement = statement<AccountRow>(
  'ledger.findAccounts',
  `SELECT a.id, a.station_id, a.supplier_id, a.kind::text, a.balance, a.credit_limit, a.floorless
   FROM account a WHERE a.network_id = $1 AND a.id IN (
     SELECT s.id FROM unnest($3::uuid[], $4::account_kind[]) AS h (station_id, kind)
       JOIN account s ON s.network_id = $1 AND s.station_id = h.station_id AND s.supplier_id IS NULL AND s.kind = h.kind AND s.currency = $2
     UNION ALL
     SELECT s.id FROM unnest($5::uuid[], $6::account_kind[]) AS h (supplier_id, kind)
       JOIN account s ON s.network_id = $1 AND s.station_id IS NULL AND s.supplier_id = h.supplier_id AND s.kind = h.kind AND s.currency = $2
     UNION ALL
     SELECT s.id FROM unnest($7::account_kind[]) AS h (kind)
       JOIN account s ON s.network_id = $1 AND s.station_id IS NULL AND s.supplier_id IS NULL AND s.kind = h.kind AND s.currency = $2)`,
);

/** The accounts of the named holders, not locked: account ids never change, so they may be read before any lock. */
export function findAccounts(
  db: Queryable,
  networkId: string,
  currency: string,
  { stations, suppliers, own }: HolderColumns,
): Promise<AccountRow[]> {
  return run(db, findStatement, [
    networkId,
    currency,
    stations.map(([id]) => id),
    stations.map(([, kind]) => kind),
    suppliers.map(([id]) => id),
    suppliers.map(([, kind]) => kind),
    own,
  ]);
}

const lockStatement = statement<AccountRow>(
  'ledger.lockAccounts',
  `SELECT a.id, a.station_id, a.supplier_id, a.kind::text, a.balance, a.credit_limit, a.floorless
   FROM account a WHERE a.network_id = $1 AND a.id = ANY ($2::uuid[]) ORDER BY a.id FOR UPDATE`,
);

/**
 * Locks accounts in id order, the order in which every flow locks balances (architecture §2), and reads what they hold now.
 * LockRows stands above the sort, so rows are locked in the order in which they come out; account_pkey finds them.
 */
export function lockAccounts(tx: Transaction, networkId: string, accountIds: readonly string[]): Promise<AccountRow[]> {
  return run(tx, lockStatement, [networkId, accountIds]);
}

const lockWalletsStatement = statement<AccountRow>(
  'ledger.lockWallets',
  `SELECT a.id, a.station_id, a.supplier_id, a.kind::text, a.balance, a.credit_limit, a.floorless
   FROM account a WHERE a.network_id = $1 AND a.station_id = ANY ($3::uuid[]) AND a.supplier_id IS NULL AND a.kind = 'WALLET' AND a.currency = $2
   ORDER BY a.id FOR UPDATE`,
);

/**
 * Locks the wallets of stations in id order: the second stage of locks, after request keys and before card keys (architecture
 * §2). A wallet that was never used does not exist, and is nobody's to lock: it holds nothing. By account_holder_key.
 */
export function lockWallets(tx: Transaction, networkId: string, currency: string, stationIds: readonly string[]): Promise<AccountRow[]> {
  return run(tx, lockWalletsStatement, [networkId, currency, stationIds]);
}

/** An account to be opened. */
export type NewAccount = { readonly stationId: string | null; readonly supplierId: string | null; readonly kind: string };

const openStatement = statement(
  'ledger.openAccounts',
  `INSERT INTO account (network_id, id, station_id, supplier_id, kind, currency, floorless, updated_at)
   SELECT $1, h.id, h.station_id, h.supplier_id, h.kind, $2,
          CASE WHEN h.kind = 'WALLET' THEN s.kind = 'HEADQUARTERS' ELSE h.kind NOT IN ('HELD', 'EARNINGS', 'DEPOSIT') END, $7
   FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::account_kind[]) AS h (id, station_id, supplier_id, kind)
   LEFT JOIN station s ON s.network_id = $1 AND s.id = h.station_id
   ORDER BY h.station_id, h.supplier_id, h.kind
   ON CONFLICT DO NOTHING`,
);

/**
 * Opens accounts that do not exist yet. In the order of the key, so that two transactions that open the same accounts wait
 * for each other in one direction only; the loser's row is dropped and the winner's is read by the statement that follows.
 * Of the wallets only headquarters' has no floor (domain §5).
 */
export async function openAccounts(tx: Transaction, networkId: string, currency: string, accounts: readonly NewAccount[]): Promise<void> {
  await run(tx, openStatement, [
    networkId,
    currency,
    accounts.map(() => tx.newId()),
    accounts.map(({ stationId }) => stationId),
    accounts.map(({ supplierId }) => supplierId),
    accounts.map(({ kind }) => kind),
    tx.now,
  ]);
}

/** A row of `transfer`. */
export type TransferRow = { id: string; kind: string; orderId: string | null; reversesId: string | null; actorId: string; note: string };

const transfersStatement = statement(
  'ledger.insertTransfers',
  `INSERT INTO transfer (network_id, id, kind, order_id, reverses_id, actor_id, note, created_at)
   SELECT $1, t.id, t.kind, t.order_id, t.reverses_id, t.actor_id, t.note, $8
   FROM unnest($2::uuid[], $3::transfer_kind[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[]) AS t (id, kind, order_id, reverses_id, actor_id, note)`,
);

/** Writes transfers; their postings follow in the same transaction. transfer_one_per_order_key forbids an order's second one. */
export async function insertTransfers(tx: Transaction, networkId: string, transfers: readonly TransferRow[]): Promise<void> {
  await run(tx, transfersStatement, [
    networkId,
    transfers.map(({ id }) => id),
    transfers.map(({ kind }) => kind),
    transfers.map(({ orderId }) => orderId),
    transfers.map(({ reversesId }) => reversesId),
    transfers.map(({ actorId }) => actorId),
    transfers.map(({ note }) => note),
    tx.now,
  ]);
}

/** A row of `posting`; `amount` is a NUMERIC text. */
export type PostingRow = {
  id: string;
  transferId: string;
  accountId: string;
  amount: string;
  reason: string;
  dueOn: string | null;
  reversesId: string | null;
};

const postingsStatement = statement(
  'ledger.insertPostings',
  `WITH inserted AS (
     INSERT INTO posting (network_id, id, transfer_id, account_id, amount, currency, reason, due_on, reverses_id, created_at)
     SELECT $1, p.id, p.transfer_id, p.account_id, p.amount, $10, p.reason, p.due_on, p.reverses_id, $9
     FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::numeric[], $6::posting_reason[], $7::date[], $8::uuid[])
       AS p (id, transfer_id, account_id, amount, reason, due_on, reverses_id)
     JOIN account a ON a.network_id = $1 AND a.id = p.account_id AND a.currency = $10
     RETURNING transfer_id, account_id, amount
   ), unbalanced AS (
     SELECT transfer_id FROM inserted GROUP BY transfer_id HAVING sum(amount) <> 0
   ), guard AS (
     SELECT 1 / (CASE WHEN NOT EXISTS (SELECT FROM unbalanced) AND (SELECT count(*) FROM inserted) = cardinality($2::uuid[]) THEN 1 ELSE 0 END) AS balanced
   ), deltas AS (
     SELECT account_id, sum(amount) AS delta FROM inserted GROUP BY account_id
   ), updated AS (
     UPDATE account a SET balance = a.balance + d.delta, updated_at = $9
     FROM deltas d, guard g WHERE g.balanced = 1 AND a.network_id = $1 AND a.id = d.account_id
     RETURNING a.id
   )
   SELECT 1 / (CASE WHEN (SELECT count(*) FROM updated) = (SELECT count(*) FROM deltas) THEN 1 ELSE 0 END) AS moved`,
);

/**
 * The one statement that moves money: it inserts postings, derives every balance from what it inserted, and aborts (division
 * by zero) unless each transfer sums to zero, every posting found its account (of the network and currency) and every balance was
 * moved. account_floor_check is the floor's last guard. The accounts were locked in id order before (`lockAccounts`): the UPDATE
 * itself takes them in any order.
 */
export async function insertPostings(
  tx: Transaction,
  ledger: { readonly networkId: string; readonly currency: string },
  postings: readonly PostingRow[],
): Promise<void> {
  await run(tx, postingsStatement, [
    ledger.networkId,
    postings.map(({ id }) => id),
    postings.map(({ transferId }) => transferId),
    postings.map(({ accountId }) => accountId),
    postings.map(({ amount }) => amount),
    postings.map(({ reason }) => reason),
    postings.map(({ dueOn }) => dueOn),
    postings.map(({ reversesId }) => reversesId),
    tx.now,
    ledger.currency,
  ]);
}

/** A movement on one of a station's accounts, with what it belongs to. */
export type StatementRow = {
  id: string;
  account_kind: string;
  reason: string;
  amount: string;
  currency: string;
  due_on: string | null;
  order_id: string | null;
  note: string;
  created_at: Date;
};

/**
 * Movements of a station ($2) on its accounts of these kinds ($3; null: all), from beyond the posting $4 on. Indexes:
 * account_holder_key, then for each account a range of posting_network_id_account_id_id_idx; the few ranges are merged.
 */
const statementOlder = statementPage('ledger.statementOlder', '<', 'DESC');
const statementNewer = statementPage('ledger.statementNewer', '>', 'ASC');
function statementPage(name: string, beyond: string, order: string) {
  return statement<StatementRow>(
    name,
    `SELECT p.id, a.kind::text AS account_kind, p.reason::text, p.amount, p.currency, p.due_on, t.order_id, t.note, p.created_at
     FROM account a
     CROSS JOIN LATERAL (SELECT p.* FROM posting p WHERE p.network_id = $1 AND p.account_id = a.id AND p.id ${beyond} $4
       ORDER BY p.id ${order} LIMIT $5) p
     JOIN transfer t ON t.network_id = $1 AND t.id = p.transfer_id
     WHERE a.network_id = $1 AND a.station_id = $2 AND ($3::account_kind[] IS NULL OR a.kind = ANY ($3))
     ORDER BY p.id ${order} LIMIT $5`,
  );
}

/** One page of a station's statement, newest first when FORWARD. */
export function selectStatement(
  db: Queryable,
  station: { networkId: string; stationId: string },
  kinds: readonly string[] | null,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<StatementRow[]> {
  const prepared = page.direction === 'FORWARD' ? statementOlder : statementNewer;
  // an end is always given: `$4 IS NULL OR` would turn the keyset range into a filter over everything before it
  const end = page.direction === 'FORWARD' ? 'ffffffff-ffff-ffff-ffff-ffffffffffff' : '00000000-0000-0000-0000-000000000000';
  return run(db, prepared, [station.networkId, station.stationId, kinds, page.from ?? end, page.limit]);
}

/** Movements by id, of one station alone. Index: primary key. */
const statementEntries = statement<StatementRow>(
  'ledger.statementEntries',
  `SELECT p.id, a.kind::text AS account_kind, p.reason::text, p.amount, p.currency, p.due_on, t.order_id, t.note, p.created_at
   FROM posting p JOIN account a ON a.network_id = $1 AND a.id = p.account_id AND a.station_id = $2
   JOIN transfer t ON t.network_id = $1 AND t.id = p.transfer_id
   WHERE p.network_id = $1 AND p.id = ANY ($3::uuid[])`,
);

/** A station's own movements by id, in no order. */
export function selectStatementEntries(
  db: Queryable,
  networkId: string,
  stationId: string,
  ids: readonly string[],
): Promise<StatementRow[]> {
  return run(db, statementEntries, [networkId, stationId, ids]);
}

const statementCount = statement<{ count: number }>(
  'ledger.statementCount',
  `SELECT count(*)::int AS count FROM account a JOIN posting p ON p.network_id = $1 AND p.account_id = a.id
   WHERE a.network_id = $1 AND a.station_id = $2 AND ($3::account_kind[] IS NULL OR a.kind = ANY ($3))`,
);

/** How many movements a station's accounts of these kinds have. Index only: posting_network_id_account_id_id_idx. */
export async function countStatement(
  db: Queryable,
  station: { networkId: string; stationId: string },
  kinds: readonly string[] | null,
): Promise<number> {
  const [row] = await run(db, statementCount, [station.networkId, station.stationId, kinds]);
  return row?.count ?? 0;
}

/** A posting of an order's own transfer, and how much of it refunds took back so far (with its sign). */
export type OrderPostingRow = {
  id: string;
  station_id: string | null;
  supplier_id: string | null;
  kind: string;
  amount: string;
  reason: string;
  reversed: string;
};

const orderPostingsStatement = statement<OrderPostingRow>(
  'ledger.orderPostings',
  `WITH reversals AS (
     SELECT r.reverses_id, -sum(r.amount) AS reversed FROM transfer b
     JOIN posting r ON r.network_id = $1 AND r.transfer_id = b.id
     WHERE b.network_id = $1 AND b.order_id = $3 AND b.kind = 'REFUND' GROUP BY r.reverses_id
   )
   SELECT p.id, a.station_id, a.supplier_id, a.kind::text, p.amount, p.reason::text, coalesce(r.reversed, 0) AS reversed
   FROM posting p
   JOIN account a ON a.network_id = $1 AND a.id = p.account_id
   LEFT JOIN reversals r ON r.reverses_id = p.id
   WHERE p.network_id = $1 AND p.transfer_id = $2 ORDER BY p.id`,
);

/**
 * The postings of an order's own transfer, in the order in which they were made. By posting_network_id_transfer_id_idx and
 * transfer_network_id_order_id_idx; read under the buyer's wallet's lock.
 */
export function selectOrderPostings(
  tx: Transaction,
  networkId: string,
  order: { transferId: string; orderId: string },
): Promise<OrderPostingRow[]> {
  return run(tx, orderPostingsStatement, [networkId, order.transferId, order.orderId]);
}

/** A breach of an invariant. */
export type BreachRow = { invariant: string; network_id: string; subject: string; detail: string };

// One statement, so one snapshot: it tells the truth of one moment while orders go on. Whole tables are read; it is a report.
const auditStatement = statement<BreachRow>(
  'ledger.audit',
  `WITH
   postings AS (SELECT * FROM posting WHERE $1::uuid IS NULL OR network_id = $1),
   accounts AS (SELECT * FROM account WHERE $1::uuid IS NULL OR network_id = $1),
   sales AS (SELECT * FROM card_key_sale WHERE $1::uuid IS NULL OR network_id = $1),
   all_orders AS (SELECT * FROM orders WHERE $1::uuid IS NULL OR network_id = $1),
   keys AS (SELECT * FROM request_key WHERE $1::uuid IS NULL OR network_id = $1),
   breaches (invariant, network_id, subject, detail) AS (
     SELECT 'SUM_ZERO', network_id, 'transfer ' || transfer_id, 'its postings sum to ' || sum(amount) || ' ' || currency
       FROM postings GROUP BY network_id, transfer_id, currency HAVING sum(amount) <> 0
     UNION ALL
     SELECT 'SUM_ZERO', network_id, 'network ' || network_id, 'all accounts sum to ' || sum(balance) || ' ' || currency
       FROM accounts GROUP BY network_id, currency HAVING sum(balance) <> 0
     UNION ALL
     SELECT 'BALANCE_IS_SUM', a.network_id, 'account ' || a.id,
            'its balance is ' || a.balance || ', its postings sum to ' || coalesce(p.total, 0) || coalesce(' with a posting of another currency' || p.strange, '')
       FROM accounts a
       LEFT JOIN (SELECT p.network_id, p.account_id, sum(p.amount) AS total, CASE WHEN count(*) FILTER (WHERE p.currency <> b.currency) > 0 THEN '' END AS strange
                  FROM postings p JOIN accounts b ON b.network_id = p.network_id AND b.id = p.account_id GROUP BY 1, 2) p
         ON p.network_id = a.network_id AND p.account_id = a.id
       WHERE a.balance <> coalesce(p.total, 0) OR p.strange IS NOT NULL
     UNION ALL
     SELECT 'FLOOR_HELD', network_id, 'account ' || id, kind || ' is at ' || balance || ', its floor at ' || -credit_limit
       FROM accounts WHERE NOT floorless AND balance < -credit_limit
     UNION ALL
     SELECT 'FLOOR_HELD', a.network_id, 'account ' || a.id, 'a wallet without a floor that is not headquarters'''
       FROM accounts a JOIN station s ON s.network_id = a.network_id AND s.id = a.station_id
       WHERE a.kind = 'WALLET' AND a.floorless AND s.kind <> 'HEADQUARTERS'
     UNION ALL
     SELECT 'KEY_SOLD_ONCE', network_id, 'card key ' || card_key_id, 'it is sold ' || count(*) || ' times'
       FROM sales WHERE returned_at IS NULL GROUP BY network_id, card_key_id HAVING count(*) > 1
     UNION ALL
     SELECT 'KEY_SOLD_ONCE', s.network_id, 'card key ' || s.card_key_id, 'it is sold to order ' || s.order_id || ' and ' || k.state
       FROM sales s JOIN card_key k ON k.network_id = s.network_id AND k.id = s.card_key_id
       WHERE s.returned_at IS NULL AND k.state IN ('AVAILABLE', 'WITHDRAWN')
     UNION ALL
     SELECT 'KEY_SOLD_ONCE', k.network_id, 'card key ' || k.id, 'it is SOLD and no order has it'
       FROM card_key k LEFT JOIN sales s ON s.network_id = k.network_id AND s.card_key_id = k.id AND s.returned_at IS NULL
       WHERE ($1::uuid IS NULL OR k.network_id = $1) AND k.state = 'SOLD' AND s.id IS NULL
     UNION ALL
     SELECT 'KEY_SOLD_ONCE', l.network_id, 'order line ' || l.id, 'it delivered ' || l.delivered_quantity || ' and has ' || coalesce(s.count, 0) || ' card keys'
       FROM order_line l
       LEFT JOIN (SELECT network_id, line_id, count(*) FROM sales GROUP BY 1, 2) s ON s.network_id = l.network_id AND s.line_id = l.id
       WHERE ($1::uuid IS NULL OR l.network_id = $1) AND l.goods_kind = 'CARD_KEY' AND l.delivered_quantity <> coalesce(s.count, 0)
     UNION ALL
     SELECT 'KEY_SOLD_ONCE', o.network_id, 'order ' || o.id, 'it is of ' || o.quantity || ' and its lines delivered ' || coalesce(l.delivered, 0)
       FROM all_orders o
       LEFT JOIN (SELECT network_id, order_id, sum(delivered_quantity) AS delivered FROM order_line GROUP BY 1, 2) l ON l.network_id = o.network_id AND l.order_id = o.id
       WHERE o.state IN ('DELIVERED', 'PARTLY_REFUNDED', 'REFUNDED') AND o.delivery_kind = 'FROM_STOCK' AND o.quantity <> coalesce(l.delivered, 0)
     UNION ALL
     SELECT 'ONE_EFFECT', network_id, 'request key ' || min(key), 'it had ' || count(*) || ' effects (' || effect || ')'
       FROM keys GROUP BY network_id, station_id, effect, key HAVING count(*) > 1
     UNION ALL
     SELECT 'ONE_EFFECT', o.network_id, 'order ' || o.id, CASE WHEN k.id IS NULL THEN 'no request key names it' ELSE 'its request key names another order' END
       FROM all_orders o
       LEFT JOIN keys k ON k.network_id = o.network_id AND k.station_id = o.buyer_id AND k.effect = 'order' AND k.key = o.request_key
       WHERE k.id IS NULL OR (k.outcome ->> 'orderId')::uuid <> o.id
     UNION ALL
     SELECT 'ONE_EFFECT', k.network_id, 'request key ' || k.key, 'it names an order that does not exist'
       FROM keys k LEFT JOIN all_orders o ON o.network_id = k.network_id AND o.id = (k.outcome ->> 'orderId')::uuid
       WHERE k.effect = 'order' AND o.id IS NULL
     UNION ALL
     SELECT 'ONE_EFFECT', o.network_id, 'order ' || o.id, 'it was paid by ' || count(t.id) || ' transfers of ' || coalesce(sum(t.paid), 0) || ', its total is ' || o.total
       FROM all_orders o
       LEFT JOIN (SELECT t.network_id, t.id, t.order_id, -sum(p.amount) FILTER (WHERE p.reason = 'SALE') AS paid
                  FROM transfer t JOIN postings p ON p.network_id = t.network_id AND p.transfer_id = t.id WHERE t.kind = 'ORDER' GROUP BY 1, 2, 3) t
         ON t.network_id = o.network_id AND t.order_id = o.id
       WHERE o.delivered_at IS NOT NULL
       GROUP BY o.network_id, o.id, o.total HAVING count(t.id) <> 1 OR sum(t.paid) IS DISTINCT FROM o.total
     UNION ALL
     SELECT 'HELD_WAITS', o.network_id, 'order ' || o.id,
            'it is ' || o.state || ', its money was held ' || t.held || ' times, sold ' || t.sold || ' times and released ' || t.released || ' times'
       FROM all_orders o
       CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE t.kind = 'HOLD') AS held, count(*) FILTER (WHERE t.kind = 'ORDER') AS sold,
                                  count(*) FILTER (WHERE t.kind = 'RELEASE') AS released
                           FROM transfer t WHERE t.network_id = o.network_id AND t.order_id = o.id) t
       WHERE (o.delivered_at IS NULL AND (t.held <> 1 OR t.sold <> 0 OR t.released <> CASE WHEN o.state = 'FAILED' THEN 1 ELSE 0 END))
          OR (o.delivered_at IS NOT NULL AND t.released <> 0)
     UNION ALL
     SELECT 'HELD_WAITS', coalesce(a.network_id, w.network_id), 'station ' || coalesce(a.station_id, w.buyer_id),
            'it has ' || coalesce(a.balance, 0) || ' held, its orders that wait come to ' || coalesce(w.total, 0)
       FROM (SELECT * FROM accounts WHERE kind = 'HELD') a
       FULL JOIN (SELECT network_id, buyer_id, currency, sum(total) AS total FROM all_orders
                  WHERE state IN ('HELD', 'REVIEW', 'SOURCING', 'NEEDS_ATTENTION') GROUP BY 1, 2, 3) w
         ON w.network_id = a.network_id AND w.buyer_id = a.station_id AND w.currency = a.currency
       WHERE coalesce(a.balance, 0) <> coalesce(w.total, 0)
     UNION ALL
     SELECT 'BOUGHT_ONCE', l.network_id, 'order line ' || l.id,
            'it is ' || l.state || ' in an order that is ' || o.state || ', with ' || coalesce(a.filled, 0) || ' purchases that filled it and ' || coalesce(a.live, 0) || ' under way'
       FROM order_line l
       JOIN all_orders o ON o.network_id = l.network_id AND o.id = l.order_id
       LEFT JOIN (SELECT network_id, line_id, count(*) FILTER (WHERE state = 'SUCCEEDED' AND discrepancy IS DISTINCT FROM 'SURPLUS') AS filled,
                         count(*) FILTER (WHERE state IN ('PLANNED', 'SENT', 'UNKNOWN')) AS live
                  FROM purchase_attempt WHERE line_id IS NOT NULL GROUP BY 1, 2) a ON a.network_id = l.network_id AND a.line_id = l.id
       WHERE l.source = 'SUPPLIER' AND CASE l.state
         WHEN 'WAITING' THEN coalesce(a.filled, 0) <> 0 OR coalesce(a.live, 0) > 1 OR o.state NOT IN ('HELD', 'REVIEW', 'SOURCING', 'NEEDS_ATTENTION')
           OR (coalesce(a.live, 0) = 0 AND o.state <> 'NEEDS_ATTENTION')
         WHEN 'DELIVERED' THEN a.filled IS DISTINCT FROM 1 OR a.live <> 0
         ELSE coalesce(a.filled, 0) <> 0 OR coalesce(a.live, 0) <> 0 END
   )
   SELECT invariant, network_id, subject, detail FROM breaches ORDER BY 1, 2, 3`,
);

/** Everything that breaks an invariant of domain §5, of one network or (null) of all; see `auditLedger`. */
export function selectBreaches(db: Queryable, networkId: string | null): Promise<BreachRow[]> {
  return run(db, auditStatement, [networkId]);
}
