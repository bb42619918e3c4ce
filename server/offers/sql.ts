import type { ConnectorKind } from '#server/connectors/connector.ts';
import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { firstIdAt } from '#server/platform/ids.ts';
import { currencyCode, money, toUnitPriceString } from '#server/platform/money.ts';
import type { PageRequest } from '#server/platform/page.ts';
import type { AccountInput, OfferCandidate, OfferInput, RoutingPolicy, SealedAccount, SettledCost, ToldChange } from './rules.ts';

type CandidateRow = {
  id: string;
  sku_id: string;
  owner_id: string;
  supplier_id: string;
  account_id: string;
  kind: ConnectorKind;
  terms: OfferCandidate['terms'];
  currency: string;
  unit_cost: string;
  upstream_currency: string;
  upstream_unit_cost: string;
  rate: string;
  goods: Record<string, string>;
  min_quantity: number;
  max_quantity: number;
  lead_time_seconds: number;
  priority: number;
  weight: number;
  cap_left: bigint | null;
  is_broken: boolean;
  stock_count: bigint | null;
  success_bps: number | null;
  median_seconds: number | null;
};

/**
 * So long an upstream's word about its stock stands: later it is taken to be unknown. What a person typed (MANUAL) stands until
 * somebody types another number, less what was bought since.
 */
export const STOCK_STANDS_SECONDS = 3600;

/** A day began at most 25 hours ago: its attempts' ids are not smaller than the first of 26 hours ago. */
const DAY_MILLISECONDS_MAX = 26 * 3_600_000;

// Units of attempts that were not refused: today's, by the network's calendar, for the cap; since somebody typed the stock, for that.
// Index: purchase_attempt_network_id_offer_id_id_idx, from yesterday on; a manual offer's attempts since its stock was typed. The
// condition stands inside, where it is looked at before anything is read: as a condition of the join it would be looked at after.
const USED_TODAY = `LEFT JOIN LATERAL (
    SELECT coalesce(sum(a.quantity), 0)::bigint AS quantity FROM purchase_attempt a
    WHERE o.daily_cap IS NOT NULL AND a.network_id = $1 AND a.offer_id = o.id AND a.id >= $5::uuid AND a.state <> 'REJECTED'
      AND a.created_at >= ($4::date::timestamp AT TIME ZONE n.time_zone)
  ) today ON true`;
const USED_SINCE_TYPED = `LEFT JOIN LATERAL (
    SELECT coalesce(sum(a.quantity), 0)::bigint AS quantity FROM purchase_attempt a
    WHERE c.kind = 'MANUAL' AND o.stock_count IS NOT NULL AND a.network_id = $1 AND a.offer_id = o.id AND a.state <> 'REJECTED'
      AND a.created_at >= o.stock_at
  ) typed ON true`;

// The record of the last 7 days, for SKUs that are routed by it: at most 169 rows of offer_hour_pkey, and as many hours of
// offer_latency_hour_pkey, of which the bucket is looked for in which the middle lies (see `bucketSeconds` of the analytics).
const LATELY = `h.network_id = $1 AND h.offer_id = o.id AND h.hour_start >= $3::timestamptz - interval '7 days'`;
const RECORD = `LEFT JOIN LATERAL (
    SELECT (sum(h.success_count) * 10000 / nullif(sum(h.attempt_count), 0))::int AS success_bps FROM offer_hour h
    WHERE k.routing_policy = 'MOST_RELIABLE' AND ${LATELY}
  ) record ON true`;
const SPEED = `LEFT JOIN LATERAL (
    SELECT (0.1 * power(2, min(b.bucket) / 2.0))::float8 AS median_seconds
    FROM (SELECT h.bucket, sum(sum(h.delivery_count)) OVER (ORDER BY h.bucket) AS upto, sum(sum(h.delivery_count)) OVER () AS whole
          FROM offer_latency_hour h WHERE k.routing_policy = 'FASTEST' AND ${LATELY} GROUP BY h.bucket) b
    WHERE 2 * b.upto >= b.whole
  ) speed ON true`;

const STOCK = `CASE WHEN o.stock_count IS NULL THEN NULL
    WHEN c.kind = 'MANUAL' THEN greatest(o.stock_count - typed.quantity, 0)
    WHEN o.stock_at >= $3::timestamptz - make_interval(secs => ${STOCK_STANDS_SECONDS}) THEN o.stock_count END`;

// Once a breaker's time is over, the first thing that is due there is its probe (purchase_attempt_due_idx): nothing more is sent after it.
const PROBE_IS_THERE =
  'EXISTS (SELECT FROM purchase_attempt a WHERE a.network_id = $1 AND a.account_id = o.account_id AND a.due_at <= $3::timestamptz)';

/**
 * The offers of SKUs ($2) that may be used at all. Indexes: supply_offer_route_idx, then primary keys of account, its state and the
 * network. No locks: a cap is read as it stands, so orders of one instant may be planned beyond it together; it is kept when they are sent.
 */
const candidates: Statement<CandidateRow> = statement(
  'offers.candidates',
  `SELECT o.id, o.sku_id, o.owner_id, o.supplier_id, o.account_id, c.kind, o.terms::text, n.currency, o.unit_cost, o.upstream_currency,
     o.upstream_unit_cost, o.rate::text, o.goods, o.min_quantity, o.max_quantity, o.lead_time_seconds, o.priority, o.weight,
     o.daily_cap - today.quantity AS cap_left,
     coalesce(t.breaker <> 'CLOSED' AND (t.open_until > $3::timestamptz OR t.probe_until > $3::timestamptz OR ${PROBE_IS_THERE}), false) AS is_broken,
     (${STOCK})::bigint AS stock_count, record.success_bps, speed.median_seconds
   FROM supply_offer o
   JOIN supply_account c ON c.network_id = $1 AND c.id = o.account_id
   JOIN network n ON n.id = $1
   JOIN sku k ON k.network_id = $1 AND k.id = o.sku_id
   LEFT JOIN supply_account_state t ON t.network_id = $1 AND t.account_id = o.account_id
   ${USED_TODAY}
   ${USED_SINCE_TYPED}
   ${RECORD}
   ${SPEED}
   WHERE o.network_id = $1 AND o.sku_id = ANY ($2::uuid[]) AND o.archived_at IS NULL AND o.is_enabled
     AND NOT o.is_paused AND o.frozen_reason IS NULL AND c.is_enabled
   ORDER BY o.sku_id, o.priority, o.id`,
);

/**
 * The offers of these SKUs that are switched on, by SKU (those without any have no entry), with what routing asks of them. One
 * statement, which may be gathered by `together`. Feed them to `chooseOffer`.
 */
export async function loadCandidates(
  db: Queryable,
  networkId: string,
  skuIds: readonly string[],
  now: { readonly instant: Date; readonly localDate: string },
): Promise<Map<string, OfferCandidate[]>> {
  const rows = await run(db, candidates, [
    networkId,
    skuIds,
    now.instant,
    now.localDate,
    firstIdAt(new Date(now.instant.getTime() - DAY_MILLISECONDS_MAX)),
  ]);
  return Map.groupBy(rows.map(candidateOf), ({ skuId }) => skuId);
}

function candidateOf(row: CandidateRow): OfferCandidate {
  return {
    offerId: row.id,
    skuId: row.sku_id,
    ownerId: row.owner_id,
    supplierId: row.supplier_id,
    accountId: row.account_id,
    connectorKind: row.kind,
    terms: row.terms,
    unitCost: money(row.unit_cost, currencyCode(row.currency)),
    upstreamCurrency: row.upstream_currency,
    upstreamUnitCost: row.upstream_unit_cost,
    rate: row.rate,
    goods: row.goods,
    minQuantity: row.min_quantity,
    maxQuantity: row.max_quantity,
    leadTimeSeconds: row.lead_time_seconds,
    priority: row.priority,
    weight: row.weight,
    capLeft: row.cap_left === null ? null : Math.max(0, Number(row.cap_left)),
    isBroken: row.is_broken,
    stockCount: row.stock_count === null ? null : Number(row.stock_count),
    successBps: row.success_bps,
    medianSeconds: row.median_seconds,
  };
}

// ---- many offers at once: an upstream's catalogue taken in ----

/** An offer to be made: costs are decimal texts for the SKU's unitSize units. */
export type NewOfferRow = {
  readonly id: string;
  readonly skuId: string;
  readonly goods: Readonly<Record<string, string>>;
  readonly upstreamUnitCost: string;
  readonly unitCost: string;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly stockCount: number | null;
};

/** What the offers of one list have in common. `statedAt`: when the upstream told its costs and stock. */
export type OfferListTerms = {
  readonly networkId: string;
  readonly ownerId: string;
  readonly supplierId: string;
  readonly accountId: string;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly upstreamCurrency: string;
  readonly rate: string;
  readonly rateSource: string;
  readonly rateAt: Date | null;
  readonly statedAt: Date | null;
  readonly actorId: string;
};

const insertOfferRows: Statement<Record<string, never>> = statement(
  'offers.insertMany',
  `INSERT INTO supply_offer (network_id, owner_id, supplier_id, account_id, terms, upstream_currency, rate, rate_source, rate_at, stock_at, created_by,
     created_at, updated_at, id, sku_id, goods, upstream_unit_cost, unit_cost, min_quantity, max_quantity, stock_count)
   SELECT $1, $2, $3, $4, $5::lot_terms, $6, $7, $8, $9, CASE WHEN n.stock_count IS NOT NULL THEN $10::timestamptz END, $11, $12, $12, n.id, n.sku_id,
     n.goods, n.upstream_unit_cost, n.unit_cost, n.min_quantity, n.max_quantity, n.stock_count
   FROM json_to_recordset($13::json) AS n (id uuid, sku_id uuid, goods jsonb, upstream_unit_cost numeric, unit_cost numeric, min_quantity int,
     max_quantity int, stock_count int)`,
);

/** Makes offers of one account. Their first costs are written by `insertOfferCosts`. */
export async function insertOffers(tx: Transaction, terms: OfferListTerms, rows: readonly NewOfferRow[]): Promise<void> {
  if (rows.length === 0) return;
  const records = rows.map((row) => ({
    id: row.id,
    sku_id: row.skuId,
    goods: row.goods,
    upstream_unit_cost: row.upstreamUnitCost,
    unit_cost: row.unitCost,
    min_quantity: row.minQuantity,
    max_quantity: row.maxQuantity,
    stock_count: row.stockCount,
  }));
  await run(tx, insertOfferRows, [
    terms.networkId,
    terms.ownerId,
    terms.supplierId,
    terms.accountId,
    terms.terms,
    terms.upstreamCurrency,
    terms.rate,
    terms.rateSource,
    terms.rateAt,
    terms.statedAt,
    terms.actorId,
    tx.now,
    JSON.stringify(records),
  ]);
}

/** Another cost of an offer. */
export type OfferCostRow = {
  readonly id: string;
  readonly upstreamUnitCost: string;
  readonly unitCost: string;
  readonly stockCount: number | null;
};

const updateCostRows: Statement<Record<string, never>> = statement(
  'offers.updateCosts',
  `UPDATE supply_offer o SET upstream_unit_cost = n.upstream_unit_cost, unit_cost = n.unit_cost, rate = $2, rate_source = $3, rate_at = $4,
     stock_count = n.stock_count, stock_at = CASE WHEN n.stock_count IS NOT NULL THEN $5::timestamptz END, version = o.version + 1, updated_at = $6
   FROM unnest($7::uuid[], $8::numeric[], $9::numeric[], $10::int[]) AS n (id, upstream_unit_cost, unit_cost, stock_count)
   WHERE o.network_id = $1 AND o.id = n.id`,
);

/** Gives offers of one account another cost, by the primary key. Written down by `insertOfferCosts`. */
export async function updateOfferCosts(tx: Transaction, terms: OfferListTerms, rows: readonly OfferCostRow[]): Promise<void> {
  if (rows.length === 0) return;
  await run(tx, updateCostRows, [
    terms.networkId,
    terms.rate,
    terms.rateSource,
    terms.rateAt,
    terms.statedAt,
    tx.now,
    rows.map(({ id }) => id),
    rows.map(({ upstreamUnitCost }) => upstreamUnitCost),
    rows.map(({ unitCost }) => unitCost),
    rows.map(({ stockCount }) => stockCount),
  ]);
}

const insertCostRows: Statement<Record<string, never>> = statement(
  'offers.insertCosts',
  `INSERT INTO supply_offer_cost (network_id, id, offer_id, upstream_currency, upstream_unit_cost, rate, rate_source, rate_at, unit_cost,
     agreed_unit_cost, actor_id, reason, created_at)
   SELECT $1, n.id, o.id, o.upstream_currency, o.upstream_unit_cost, o.rate, o.rate_source, o.rate_at, o.unit_cost, o.agreed_unit_cost,
     coalesce($2::uuid, o.created_by), $3, $4
   FROM unnest($5::uuid[], $6::uuid[]) AS n (id, offer_id) JOIN supply_offer o ON o.network_id = $1 AND o.id = n.offer_id`,
);

/** Writes down what offers cost from now on, as their rows say. `actorId` null: nobody said it but the upstream; it stands in the maker's name. */
export async function insertOfferCosts(
  tx: Transaction,
  { networkId, actorId }: { readonly networkId: string; readonly actorId: string | null },
  { offerIds, reason }: { readonly offerIds: readonly string[]; readonly reason: string },
): Promise<void> {
  if (offerIds.length > 0) await run(tx, insertCostRows, [networkId, actorId, reason, tx.now, offerIds.map(() => tx.newId()), offerIds]);
}

// ---- accounts ----

/** An account without its secrets, with how its circuit breaker stands. */
export type AccountRow = {
  id: string;
  owner_id: string;
  supplier_id: string;
  name: string;
  kind: ConnectorKind;
  base_url: string;
  currency: string;
  settings: Record<string, string>;
  calls_at_once: number;
  is_enabled: boolean;
  checked_at: Date | null;
  version: number;
  created_at: Date;
  updated_at: Date;
  breaker: 'CLOSED' | 'OPEN' | 'HALF_OPEN';
  open_until: Date | null;
  last_success_at: Date | null;
  last_failure: string | null;
  news_at: Date | null;
  news_failure: string | null;
};

const ACCOUNT_COLUMNS = `c.id, c.owner_id, c.supplier_id, c.name, c.kind, c.base_url, c.currency, c.settings, c.calls_at_once, c.is_enabled, c.checked_at,
  c.version, c.created_at, c.updated_at, coalesce(t.breaker, 'CLOSED') AS breaker, t.open_until, t.last_success_at, t.last_failure, w.told_at AS news_at, w.failure AS news_failure`;
const ACCOUNTS = `supply_account c
   LEFT JOIN supply_account_state t ON t.network_id = $1 AND t.account_id = c.id
   LEFT JOIN supply_account_news w ON w.network_id = $1 AND w.account_id = c.id WHERE c.network_id = $1`;

/** Newest first by supply_account_network_id_owner_id_id_idx; $3 is the id to go on from. An owner has few. */
const accountsOf = (name: string, beyond: string, order: string): Statement<AccountRow> =>
  statement(
    name,
    `SELECT ${ACCOUNT_COLUMNS} FROM ${ACCOUNTS} AND c.owner_id = $2 AND ($3::uuid IS NULL OR c.id ${beyond} $3) ORDER BY c.id ${order} LIMIT $4`,
  );
const accountsForward = accountsOf('offers.accountsForward', '<', 'DESC');
const accountsBackward = accountsOf('offers.accountsBackward', '>', 'ASC');

/** A party of a network that offers or accounts belong to. */
export type Owner = { readonly networkId: string; readonly ownerId: string };

/** Accounts of an owner, one page and the one row that tells of more, in the direction asked for. */
export function selectAccounts(db: Queryable, { networkId, ownerId }: Owner, page: PageRequest): Promise<AccountRow[]> {
  return run(db, page.direction === 'FORWARD' ? accountsForward : accountsBackward, [networkId, ownerId, page.from, page.count + 1]);
}

const accountsById: Statement<AccountRow> = statement(
  'offers.accountsById',
  `SELECT ${ACCOUNT_COLUMNS} FROM ${ACCOUNTS} AND c.owner_id = $2 AND c.id = ANY ($3::uuid[])`,
);

/** Of these accounts, the owner's own. Index: primary key. */
export function selectAccountsById(db: Queryable, { networkId, ownerId }: Owner, ids: readonly string[]): Promise<AccountRow[]> {
  return run(db, accountsById, [networkId, ownerId, ids]);
}

const accountCount: Statement<{ count: number }> = statement(
  'offers.accountCount',
  'SELECT count(*)::int AS count FROM supply_account c WHERE c.network_id = $1 AND c.owner_id = $2',
);

/** How many accounts an owner has. */
export async function countAccounts(db: Queryable, { networkId, ownerId }: Owner): Promise<number> {
  return (await run(db, accountCount, [networkId, ownerId]))[0]?.count ?? 0;
}

/** An account as it is opened for a call (`openAccount`). */
export type SealedAccountRow = SealedAccount & {
  readonly owner_id: string;
  readonly supplier_id: string;
  readonly kind: ConnectorKind;
  readonly name: string;
  readonly callback_hash: Buffer;
  readonly calls_at_once: number;
  readonly is_enabled: boolean;
  readonly version: number;
};

const SEALED_COLUMNS = `c.network_id, c.id, c.owner_id, c.supplier_id, c.kind, c.name, c.base_url, c.currency, c.settings, c.secrets, c.data_key,
  c.vault_key_id, c.callback_hash, c.calls_at_once, c.is_enabled, c.version`;
const sealedAccount: Statement<SealedAccountRow> = statement(
  'offers.sealedAccount',
  `SELECT ${SEALED_COLUMNS} FROM supply_account c WHERE c.network_id = $1 AND c.id = $2`,
);
const lockedAccount: Statement<SealedAccountRow> = statement(
  'offers.lockedAccount',
  `SELECT ${SEALED_COLUMNS} FROM supply_account c WHERE c.network_id = $1 AND c.owner_id = $2 AND c.id = $3 FOR NO KEY UPDATE`,
);

/** An account with its secrets, sealed, whoever owns it: for workers, and for flows that have asked whose it is. Opened by `openAccount`. Index: primary key. */
export async function selectSealedAccount(db: Queryable, networkId: string, accountId: string): Promise<SealedAccountRow | undefined> {
  return (await run(db, sealedAccount, [networkId, accountId]))[0];
}

/** An owner's account, locked against another change; null when there is none. */
export async function lockAccount(tx: Transaction, { networkId, ownerId }: Owner, accountId: string): Promise<SealedAccountRow | null> {
  return (await run(tx, lockedAccount, [networkId, ownerId, accountId]))[0] ?? null;
}

/** What is written of an account; everything that must not be read is sealed. */
export type AccountValues = Omit<AccountInput, 'kind' | 'settings'> & {
  readonly settings: Readonly<Record<string, string>>;
  readonly secrets: Buffer;
  readonly isEnabled: boolean;
  /** when the upstream was asked; null: it was not */
  readonly checkedAt: Date | null;
};

/** A new account; none is written when the owner has one of this name (supply_account_name_key waits for a twin in flight). */
export type NewAccount = Owner &
  AccountValues & {
    readonly accountId: string;
    readonly supplierId: string;
    readonly kind: ConnectorKind;
    readonly dataKey: Buffer;
    readonly vaultKeyId: string;
    readonly callbackHash: Buffer;
    readonly createdBy: string;
  };

const insertAccountRow: Statement<{ id: string }> = statement(
  'offers.insertAccount',
  `INSERT INTO supply_account (network_id, id, owner_id, supplier_id, name, kind, base_url, currency, settings, secrets, data_key, vault_key_id,
     callback_hash, calls_at_once, is_enabled, checked_at, created_by, created_at, updated_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
   ON CONFLICT (network_id, owner_id, name) DO NOTHING RETURNING id`,
);
const insertAccountState: Statement<Record<string, never>> = statement(
  'offers.insertAccountState',
  'INSERT INTO supply_account_state (network_id, account_id, window_start, updated_at) VALUES ($1, $2, $3, $3)',
);

/** Writes an account with a closed breaker; false when its name is taken. */
export async function insertAccount(tx: Transaction, account: NewAccount): Promise<boolean> {
  const rows = await run(tx, insertAccountRow, [
    account.networkId,
    account.accountId,
    account.ownerId,
    account.supplierId,
    account.name,
    account.kind,
    account.baseUrl,
    account.currency,
    JSON.stringify(account.settings),
    account.secrets,
    account.dataKey,
    account.vaultKeyId,
    account.callbackHash,
    account.callsAtOnce,
    account.isEnabled,
    account.checkedAt,
    account.createdBy,
    tx.now,
  ]);
  if (rows.length === 0) return false;
  await run(tx, insertAccountState, [account.networkId, account.accountId, tx.now]);
  return true;
}

// the row is locked; a name that another account has is found by supply_account_name_key
const updateAccountRow: Statement<{ id: string }> = statement(
  'offers.updateAccount',
  `UPDATE supply_account c SET name = $4, base_url = $5, settings = $6, secrets = $7, calls_at_once = $8, is_enabled = $9,
     checked_at = coalesce($10, c.checked_at), version = c.version + 1, updated_at = $11
   WHERE c.network_id = $1 AND c.owner_id = $2 AND c.id = $3
     AND NOT EXISTS (SELECT FROM supply_account d WHERE d.network_id = $1 AND d.owner_id = $2 AND d.name = $4 AND d.id <> $3) RETURNING c.id`,
);

/** Saves a locked account anew; its kind and currency stay. False when its name is taken. */
export async function updateAccount(
  tx: Transaction,
  { networkId, ownerId }: Owner,
  accountId: string,
  values: AccountValues,
): Promise<boolean> {
  const { name, baseUrl, settings, secrets, callsAtOnce, isEnabled, checkedAt } = values;
  const row = [name, baseUrl, JSON.stringify(settings), secrets, callsAtOnce, isEnabled, checkedAt, tx.now];
  return (await run(tx, updateAccountRow, [networkId, ownerId, accountId, ...row])).length === 1;
}

const updateCallbackRow: Statement<Record<string, never>> = statement(
  'offers.updateCallback',
  `UPDATE supply_account c SET callback_hash = $3, secrets = $4, version = c.version + 1, updated_at = $5 WHERE c.network_id = $1 AND c.id = $2`,
);

/** Gives a locked account another token for calling back: the one before is worth nothing from then on. */
export async function updateCallback(
  tx: Transaction,
  { networkId, accountId }: { readonly networkId: string; readonly accountId: string },
  { callbackHash, secrets }: { readonly callbackHash: Buffer; readonly secrets: Buffer },
): Promise<void> {
  await run(tx, updateCallbackRow, [networkId, accountId, callbackHash, secrets, tx.now]);
}

const skusOfAccount: Statement<{ sku_id: string }> = statement(
  'offers.skusOfAccount',
  'SELECT DISTINCT o.sku_id FROM supply_offer o WHERE o.network_id = $1 AND o.account_id = $2 AND o.archived_at IS NULL',
);

/** The SKUs that this account's offers fill. Index: supply_offer_network_id_account_id_idx. */
export async function selectSkusOfAccount(db: Queryable, networkId: string, accountId: string): Promise<string[]> {
  return (await run(db, skusOfAccount, [networkId, accountId])).map((row) => row.sku_id);
}

// ---- offers ----

/** An offer as it is stored, with the names of what it fills. `currency` is the network's. */
export type OfferRow = {
  id: string;
  owner_id: string;
  sku_id: string;
  supplier_id: string;
  account_id: string;
  kind: ConnectorKind;
  sku_name: string;
  product_name: string;
  unit_size: number;
  terms: OfferCandidate['terms'];
  goods: Record<string, string>;
  currency: string;
  upstream_currency: string;
  upstream_unit_cost: string;
  rate: string;
  rate_source: string;
  rate_at: Date | null;
  unit_cost: string;
  agreed_unit_cost: string | null;
  min_quantity: number;
  max_quantity: number;
  lead_time_seconds: number;
  priority: number;
  weight: number;
  daily_cap: number | null;
  is_enabled: boolean;
  is_paused: boolean;
  frozen_reason: string | null;
  stock_count: number | null;
  stock_at: Date | null;
  version: number;
  created_at: Date;
  updated_at: Date;
  archived_at: Date | null;
};

const OFFER_COLUMNS = `o.id, o.owner_id, o.sku_id, o.supplier_id, o.account_id, c.kind, k.name AS sku_name, p.name AS product_name, k.unit_size, o.terms::text,
  o.goods, k.currency, o.upstream_currency, o.upstream_unit_cost, o.rate::text, o.rate_source, o.rate_at, o.unit_cost, o.agreed_unit_cost,
  o.min_quantity, o.max_quantity, o.lead_time_seconds, o.priority, o.weight, o.daily_cap, o.is_enabled, o.is_paused, o.frozen_reason, o.stock_count,
  o.stock_at, o.version, o.created_at, o.updated_at, o.archived_at`;
const OFFERS = `supply_offer o
   JOIN supply_account c ON c.network_id = $1 AND c.id = o.account_id
   JOIN sku k ON k.network_id = $1 AND k.id = o.sku_id
   JOIN product p ON p.network_id = $1 AND p.id = k.product_id
   WHERE o.network_id = $1`;

/** Whose offers: an owner's, or those by which a supplier sells. Exactly one is set. */
export type OfferScope = { readonly networkId: string; readonly ownerId: string | null; readonly supplierId: string | null };

// Newest first, two ranges of which one is empty: supply_offer_network_id_owner_id_id_idx, supply_offer_network_id_supplier_id_id_idx.
const SCOPE = '(o.owner_id = $2 OR ($2::uuid IS NULL AND o.supplier_id = $3))';
const offersOf = (name: string, beyond: string, order: string): Statement<OfferRow> =>
  statement(
    name,
    `SELECT ${OFFER_COLUMNS} FROM ${OFFERS} AND ${SCOPE} AND ($4::uuid IS NULL OR o.sku_id = $4) AND ($5::uuid IS NULL OR o.supplier_id = $5)
       AND ($6 OR o.archived_at IS NULL) AND ($7::uuid IS NULL OR o.id ${beyond} $7)
     ORDER BY o.id ${order} LIMIT $8`,
  );
const offersForward = offersOf('offers.forward', '<', 'DESC');
const offersBackward = offersOf('offers.backward', '>', 'ASC');

/** Which of a party's offers; null does not ask. Archived ones only where asked for. */
export type OfferFilter = { readonly skuId: string | null; readonly supplierId: string | null; readonly withArchived: boolean };

/** Offers, one page and the one row that tells of more, in the direction asked for. */
export function selectOffers(
  db: Queryable,
  { networkId, ownerId, supplierId }: OfferScope,
  filter: OfferFilter,
  page: PageRequest,
): Promise<OfferRow[]> {
  const values = [networkId, ownerId, supplierId, filter.skuId, filter.supplierId, filter.withArchived, page.from, page.count + 1];
  return run(db, page.direction === 'FORWARD' ? offersForward : offersBackward, values);
}

const offerCount: Statement<{ count: number }> = statement(
  'offers.count',
  `SELECT count(*)::int AS count FROM supply_offer o
   WHERE o.network_id = $1 AND ${SCOPE} AND ($4::uuid IS NULL OR o.sku_id = $4) AND ($5::uuid IS NULL OR o.supplier_id = $5) AND ($6 OR o.archived_at IS NULL)`,
);

/** How many offers that list has. */
export async function countOffers(db: Queryable, { networkId, ownerId, supplierId }: OfferScope, filter: OfferFilter): Promise<number> {
  const values = [networkId, ownerId, supplierId, filter.skuId, filter.supplierId, filter.withArchived];
  return (await run(db, offerCount, values))[0]?.count ?? 0;
}

const offersById: Statement<OfferRow> = statement(
  'offers.byId',
  `SELECT ${OFFER_COLUMNS} FROM ${OFFERS} AND ${SCOPE} AND o.id = ANY ($4::uuid[])`,
);

/** Of these offers, those of the party. Index: primary key. */
export function selectOffersById(
  db: Queryable,
  { networkId, ownerId, supplierId }: OfferScope,
  ids: readonly string[],
): Promise<OfferRow[]> {
  return run(db, offersById, [networkId, ownerId, supplierId, ids]);
}

const offersOfSku: Statement<OfferRow> = statement(
  'offers.ofSku',
  `SELECT ${OFFER_COLUMNS} FROM ${OFFERS} AND ${SCOPE} AND o.sku_id = $4 AND o.archived_at IS NULL ORDER BY o.priority, o.id`,
);

/** A party's offers of a SKU that are not archived, by priority. Index: supply_offer_sku_idx. */
export function selectOffersOfSku(db: Queryable, { networkId, ownerId, supplierId }: OfferScope, skuId: string): Promise<OfferRow[]> {
  return run(db, offersOfSku, [networkId, ownerId, supplierId, skuId]);
}

const lockOfferRow: Statement<OfferRow> = statement(
  'offers.lock',
  `SELECT ${OFFER_COLUMNS} FROM ${OFFERS} AND ${SCOPE} AND o.id = $4 FOR NO KEY UPDATE OF o`,
);

/** A party's offer, locked against another change; null when there is none. */
export async function lockOffer(
  tx: Transaction,
  { networkId, ownerId, supplierId }: OfferScope,
  offerId: string,
): Promise<OfferRow | null> {
  return (await run(tx, lockOfferRow, [networkId, ownerId, supplierId, offerId]))[0] ?? null;
}

/** What is written of an offer. */
export type OfferValues = Omit<OfferInput, 'cost'> & {
  readonly cost: SettledCost;
  readonly isPaused: boolean;
  readonly stockCount: number | null;
  readonly stockAt: Date | null;
  readonly archivedAt: Date | null;
};

const OFFER_VALUES = (offer: OfferValues) => [
  JSON.stringify(offer.goods),
  offer.cost.upstreamUnitCost,
  offer.cost.rate,
  offer.cost.rateSource,
  offer.cost.rateAt,
  toUnitPriceString(offer.cost.unitCost),
  offer.agreedUnitCost,
  offer.minQuantity,
  offer.maxQuantity,
  offer.leadTimeSeconds,
  offer.priority,
  offer.weight,
  offer.dailyCap,
  offer.isEnabled,
  offer.isPaused,
  offer.stockCount,
  offer.stockAt,
  offer.archivedAt,
];

/** Who and what a new offer is of. */
export type NewOffer = Owner & {
  readonly offerId: string;
  readonly skuId: string;
  readonly supplierId: string;
  readonly accountId: string;
  readonly upstreamCurrency: string;
  readonly createdBy: string;
};

const insertOfferRow: Statement<Record<string, never>> = statement(
  'offers.insert',
  `INSERT INTO supply_offer (network_id, id, owner_id, sku_id, supplier_id, account_id, upstream_currency, created_by, created_at, updated_at, terms, goods,
     upstream_unit_cost, rate, rate_source, rate_at, unit_cost, agreed_unit_cost, min_quantity, max_quantity, lead_time_seconds, priority, weight,
     daily_cap, is_enabled, is_paused, stock_count, stock_at, archived_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)`,
);

/** Writes an offer. */
export async function insertOffer(tx: Transaction, offer: NewOffer, values: OfferValues): Promise<void> {
  const { networkId, offerId, ownerId, skuId, supplierId, accountId, upstreamCurrency, createdBy } = offer;
  const identity = [networkId, offerId, ownerId, skuId, supplierId, accountId, upstreamCurrency, createdBy, tx.now, values.terms];
  await run(tx, insertOfferRow, [...identity, ...OFFER_VALUES(values)]);
}

const updateOfferRow: Statement<Record<string, never>> = statement(
  'offers.update',
  `UPDATE supply_offer o SET goods = $3, upstream_unit_cost = $4, rate = $5, rate_source = $6, rate_at = $7, unit_cost = $8, agreed_unit_cost = $9,
     min_quantity = $10, max_quantity = $11, lead_time_seconds = $12, priority = $13, weight = $14, daily_cap = $15, is_enabled = $16, is_paused = $17,
     stock_count = $18, stock_at = $19, archived_at = $20, version = o.version + 1, updated_at = $21
   WHERE o.network_id = $1 AND o.id = $2`,
);

/** Saves a locked offer anew. Index: primary key. */
export async function updateOffer(tx: Transaction, networkId: string, offerId: string, values: OfferValues): Promise<void> {
  await run(tx, updateOfferRow, [networkId, offerId, ...OFFER_VALUES(values), tx.now]);
}

/** A cost that an offer had from a moment on. */
export type CostEntry = {
  id: string;
  offer_id: string;
  currency: string;
  upstream_currency: string;
  upstream_unit_cost: string;
  rate: string;
  rate_source: string;
  rate_at: Date | null;
  unit_cost: string;
  agreed_unit_cost: string | null;
  reason: string;
  created_at: Date;
};

const costsOf: Statement<CostEntry> = statement(
  'offers.costsOf',
  `SELECT x.* FROM unnest($2::uuid[]) AS w (offer_id) CROSS JOIN LATERAL (
     SELECT h.id, h.offer_id, n.currency, h.upstream_currency, h.upstream_unit_cost, h.rate::text, h.rate_source, h.rate_at, h.unit_cost,
            h.agreed_unit_cost, h.reason, h.created_at
     FROM supply_offer_cost h JOIN network n ON n.id = $1 WHERE h.network_id = $1 AND h.offer_id = w.offer_id ORDER BY h.id DESC LIMIT $3) x`,
);

/** The newest costs of offers that were shown to the reader, newest first. Index: supply_offer_cost_network_id_offer_id_id_idx. */
export function selectCosts(db: Queryable, networkId: string, offerIds: readonly string[], limit: number): Promise<CostEntry[]> {
  return run(db, costsOf, [networkId, offerIds, limit]);
}

const setPolicyRow: Statement<{ id: string }> = statement(
  'offers.setPolicy',
  `UPDATE sku s SET routing_policy = $5, version = s.version + 1, updated_at = $6
   WHERE s.network_id = $1 AND s.owner_id = $2 AND s.id = $3 AND s.version = $4 RETURNING s.id`,
);

/** Says how a SKU of the owner is routed; false when it is no longer of this version. Index: primary key. */
export async function updatePolicy(
  tx: Transaction,
  { networkId, ownerId }: Owner,
  sku: { readonly skuId: string; readonly expectedVersion: number; readonly policy: RoutingPolicy },
): Promise<boolean> {
  return (await run(tx, setPolicyRow, [networkId, ownerId, sku.skuId, sku.expectedVersion, sku.policy, tx.now])).length === 1;
}

const routedSkus: Statement<{ id: string; owner_id: string; routing_policy: RoutingPolicy; unit_size: number; delivery_kind: string }> =
  statement(
    'offers.routedSkus',
    `SELECT s.id, s.owner_id, s.routing_policy, s.unit_size, s.delivery_kind::text FROM sku s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])`,
  );

/** How SKUs are routed, whoever owns them. Index: primary key. */
export function selectRoutedSkus(db: Queryable, networkId: string, skuIds: readonly string[]) {
  return run(db, routedSkus, [networkId, skuIds]);
}

// ---- what upstreams tell of costs and stock ----

/** An account that a worker listens to, or asks, until its lease runs out. */
export type NewsClaimRow = { network_id: string; account_id: string; place: string | null; read_at: Date | null; failure_count: number };

// Accounts over all networks, as the workers of purchases look at them: those with offers (supply_offer_network_id_account_id_idx) of which
// nobody hears now (supply_account_news_pkey). Two processes that find the same meet at its row, and the second finds it taken.
const claimNewsRows: Statement<NewsClaimRow> = statement(
  'offers.claimNews',
  `INSERT INTO supply_account_news AS w (network_id, account_id, worker_id, due_at, updated_at)
   SELECT c.network_id, c.id, $2, $3, $1 FROM supply_account c
   LEFT JOIN supply_account_news n ON n.network_id = c.network_id AND n.account_id = c.id
   WHERE c.is_enabled AND c.kind <> 'MANUAL' AND (n.due_at IS NULL OR n.due_at <= $1)
     AND EXISTS (SELECT FROM supply_offer o WHERE o.network_id = c.network_id AND o.account_id = c.id AND o.archived_at IS NULL)
   ORDER BY c.network_id, c.id LIMIT $4
   ON CONFLICT (network_id, account_id) DO UPDATE SET worker_id = $2, due_at = $3, updated_at = $1 WHERE w.due_at <= $1
   RETURNING network_id, account_id, place, read_at, failure_count`,
);

/** Takes accounts of which nobody hears what their upstreams tell. */
export function claimNews(
  db: Queryable,
  claim: { readonly workerId: string; readonly now: Date; readonly leaseUntil: Date; readonly limit: number },
): Promise<NewsClaimRow[]> {
  return run(db, claimNewsRows, [claim.now, claim.workerId, claim.leaseUntil, claim.limit]);
}

/** An account that a worker has taken. */
export type NewsLease = { readonly networkId: string; readonly accountId: string; readonly workerId: string };

const renewNewsRow: Statement<{ account_id: string }> = statement(
  'offers.renewNews',
  `UPDATE supply_account_news w SET due_at = $5, told_at = CASE WHEN $6 THEN $4 ELSE w.told_at END, updated_at = $4
   WHERE w.network_id = $1 AND w.account_id = $2 AND w.worker_id = $3
     AND EXISTS (SELECT FROM supply_account c WHERE c.network_id = $1 AND c.id = $2 AND c.is_enabled) RETURNING w.account_id`,
);

/** Keeps an account; false when somebody else has it by now, or it was switched off. `isLive`: it would have told what has changed. */
export async function renewNews(
  db: Queryable,
  { networkId, accountId, workerId }: NewsLease,
  { now, leaseUntil, isLive }: { readonly now: Date; readonly leaseUntil: Date; readonly isLive: boolean },
): Promise<boolean> {
  return (await run(db, renewNewsRow, [networkId, accountId, workerId, now, leaseUntil, isLive])).length === 1;
}

const placeNewsRow: Statement<{ account_id: string }> = statement(
  'offers.placeNews',
  `UPDATE supply_account_news w SET place = $4, read_at = CASE WHEN $5 THEN $6 ELSE w.read_at END, told_at = $6, failure = NULL, updated_at = $6
   WHERE w.network_id = $1 AND w.account_id = $2 AND w.worker_id = $3 RETURNING w.account_id`,
);

/** Notes up to where an account's news are taken in, in the transaction that does; false when somebody else has it by now. */
export async function placeNews(
  tx: Transaction,
  { networkId, accountId, workerId }: NewsLease,
  { place, isAll }: { readonly place: string; readonly isAll: boolean },
): Promise<boolean> {
  return (await run(tx, placeNewsRow, [networkId, accountId, workerId, place, isAll, tx.now])).length === 1;
}

const releaseNewsRow: Statement<Record<string, never>> = statement(
  'offers.releaseNews',
  `UPDATE supply_account_news w SET worker_id = NULL, due_at = $4, failure = $5, failure_count = $6, read_at = CASE WHEN $7 THEN NULL ELSE w.read_at END,
     updated_at = $8
   WHERE w.network_id = $1 AND w.account_id = $2 AND w.worker_id = $3`,
);

/** Lets an account go; `dueAt` is when somebody takes it next, `readAgain`: by reading everything. Nothing happens when somebody else has it. */
export async function releaseNews(
  db: Queryable,
  { networkId, accountId, workerId }: NewsLease,
  left: {
    readonly now: Date;
    readonly dueAt: Date;
    readonly failure: string | null;
    readonly failureCount: number;
    readonly readAgain: boolean;
  },
): Promise<void> {
  await run(db, releaseNewsRow, [networkId, accountId, workerId, left.dueAt, left.failure, left.failureCount, left.readAgain, left.now]);
}

const hastenNewsRow: Statement<Record<string, never>> = statement(
  'offers.hastenNews',
  `UPDATE supply_account_news w SET worker_id = NULL, due_at = $3, read_at = NULL, failure_count = 0, updated_at = $3
   WHERE w.network_id = $1 AND w.account_id = $2`,
);

/** An account has other settings: whoever listens by the old ones has lost it, and everything is read by the new. */
export async function hastenNews(tx: Transaction, networkId: string, accountId: string): Promise<void> {
  await run(tx, hastenNewsRow, [networkId, accountId, tx.now]);
}

/** An offer that an upstream tells of. */
export type ToldOfferRow = Pick<
  OfferRow,
  | 'id'
  | 'owner_id'
  | 'sku_id'
  | 'supplier_id'
  | 'unit_size'
  | 'goods'
  | 'currency'
  | 'upstream_unit_cost'
  | 'rate'
  | 'min_quantity'
  | 'stock_count'
  | 'stock_at'
>;

const toldOffers = (name: string, which: string): Statement<ToldOfferRow> =>
  statement(
    name,
    `SELECT o.id, o.owner_id, o.sku_id, o.supplier_id, k.unit_size, o.goods, k.currency, o.upstream_unit_cost, o.rate::text, o.min_quantity,
       o.stock_count, o.stock_at
     FROM supply_offer o JOIN sku k ON k.network_id = $1 AND k.id = o.sku_id WHERE o.network_id = $1 AND o.archived_at IS NULL AND ${which}`,
  );
const offersOfGoods = toldOffers('offers.ofGoods', 'o.account_id = $2 AND o.goods ->> $3 = ANY ($4::text[])');
const offersOfAccount = toldOffers('offers.ofAccount', 'o.account_id = $2');
const offersToAsk = toldOffers('offers.toAsk', 'o.account_id = $2 AND o.is_enabled AND o.id > $3 ORDER BY o.id LIMIT $4');
const lockedToldOffers = toldOffers('offers.lockTold', 'o.id = ANY ($2::uuid[]) ORDER BY o.id FOR NO KEY UPDATE OF o');

/** An account's offers by what they call their goods (the first of the connector's goodsFields). Index: supply_offer_network_id_account_id_idx. */
export function selectOffersOfGoods(
  db: Queryable,
  { networkId, accountId }: Pick<NewsLease, 'networkId' | 'accountId'>,
  named: { readonly field: string; readonly values: readonly string[] },
): Promise<ToldOfferRow[]> {
  return run(db, offersOfGoods, [networkId, accountId, named.field, named.values]);
}

/** All offers of an account. Index: supply_offer_network_id_account_id_idx. */
export function selectOffersOfAccount(
  db: Queryable,
  { networkId, accountId }: Pick<NewsLease, 'networkId' | 'accountId'>,
): Promise<ToldOfferRow[]> {
  return run(db, offersOfAccount, [networkId, accountId]);
}

/** An account's next offers after one, in the order of their ids. Index: supply_offer_network_id_account_id_idx. */
export function selectOffersToAsk(
  db: Queryable,
  { networkId, accountId }: Pick<NewsLease, 'networkId' | 'accountId'>,
  { afterId, limit }: { readonly afterId: string; readonly limit: number },
): Promise<ToldOfferRow[]> {
  return run(db, offersToAsk, [networkId, accountId, afterId, limit]);
}

/** Locks offers in the order of their ids, as they are now. Index: primary key. */
export function lockToldOffers(tx: Transaction, networkId: string, offerIds: readonly string[]): Promise<ToldOfferRow[]> {
  return run(tx, lockedToldOffers, [networkId, offerIds]);
}

const updateToldRows: Statement<Record<string, never>> = statement(
  'offers.updateTold',
  `UPDATE supply_offer o SET upstream_unit_cost = coalesce(n.upstream_unit_cost, o.upstream_unit_cost), unit_cost = coalesce(n.unit_cost, o.unit_cost),
     stock_count = n.stock_count, stock_at = CASE WHEN n.stock_count IS NOT NULL THEN $2::timestamptz END,
     version = o.version + CASE WHEN n.unit_cost IS NULL THEN 0 ELSE 1 END, updated_at = $2
   FROM unnest($3::uuid[], $4::numeric[], $5::numeric[], $6::int[]) AS n (id, upstream_unit_cost, unit_cost, stock_count)
   WHERE o.network_id = $1 AND o.id = n.id`,
);

/** Gives locked offers what their upstream told of cost and stock. Index: primary key. Other costs are written down by `insertOfferCosts`. */
export async function updateToldOffers(tx: Transaction, networkId: string, changes: readonly ToldChange[]): Promise<void> {
  if (changes.length === 0) return;
  await run(tx, updateToldRows, [
    networkId,
    tx.now,
    changes.map(({ offerId }) => offerId),
    changes.map(({ cost }) => cost?.upstreamUnitCost ?? null),
    changes.map(({ cost }) => (cost === null ? null : toUnitPriceString(cost.unitCost))),
    changes.map(({ stockCount }) => stockCount),
  ]);
}

// ---- what is warned of ----

/** An offer that is or was dearer than agreed: since when it is, what was bought since, and what that came to above the agreement. */
export type AgreedRow = {
  id: string;
  owner_id: string;
  sku_id: string;
  supplier_id: string;
  currency: string;
  unit_cost: string;
  agreed_unit_cost: string | null;
  is_above: boolean;
  quantity: bigint;
  /** paid above the agreement, not rounded */
  worth: string;
};

// Offers by primary key, and those of the attempts ($3) as far as they are above. Since when: the first cost after the last that was not
// above (supply_offer_cost_network_id_offer_id_id_idx). What was bought since: the rest of that hour by purchase_attempt_network_id_offer_id_id_idx,
// whole hours after it by offer_hour_pkey.
const offersAboveAgreed: Statement<AgreedRow> = statement(
  'offers.aboveAgreed',
  `SELECT o.id, o.owner_id, o.sku_id, o.supplier_id, n.currency, o.unit_cost, o.agreed_unit_cost,
          coalesce(o.archived_at IS NULL AND o.unit_cost > o.agreed_unit_cost, false) AS is_above, coalesce(v.quantity, 0)::bigint AS quantity,
          coalesce(v.cost - o.agreed_unit_cost * v.quantity / k.unit_size, 0)::text AS worth
   FROM supply_offer o
   JOIN network n ON n.id = $1
   JOIN sku k ON k.network_id = $1 AND k.id = o.sku_id
   LEFT JOIN LATERAL (
     SELECT h.created_at AS since, date_trunc('hour', h.created_at, n.time_zone) + interval '1 hour' AS whole_hours FROM supply_offer_cost h
     WHERE h.network_id = $1 AND h.offer_id = o.id AND h.id > coalesce(
       (SELECT g.id FROM supply_offer_cost g WHERE g.network_id = $1 AND g.offer_id = o.id AND (g.agreed_unit_cost IS NULL OR g.unit_cost <= g.agreed_unit_cost)
        ORDER BY g.id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000')
     ORDER BY h.id LIMIT 1
   ) begun ON o.unit_cost > o.agreed_unit_cost
   LEFT JOIN LATERAL (
     SELECT sum(b.quantity) AS quantity, sum(b.cost) AS cost
     FROM (SELECT a.delivered_quantity AS quantity, a.cost FROM purchase_attempt a
           WHERE a.network_id = $1 AND a.offer_id = o.id AND a.created_at >= begun.since AND a.created_at < begun.whole_hours
             AND a.id >= (lpad(to_hex((extract(epoch FROM begun.since) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
             AND a.state = 'SUCCEEDED' AND a.discrepancy IS DISTINCT FROM 'SURPLUS'
           UNION ALL
           SELECT h.bought_quantity, h.bought_cost FROM offer_hour h WHERE h.network_id = $1 AND h.offer_id = o.id AND h.hour_start >= begun.whole_hours) b
   ) v ON begun.since IS NOT NULL
   WHERE o.network_id = $1
     AND (o.id = ANY ($2::uuid[])
          OR (o.unit_cost > o.agreed_unit_cost AND o.id IN (SELECT a.offer_id FROM purchase_attempt a WHERE a.network_id = $1 AND a.id = ANY ($3::uuid[]))))`,
);

/** These offers, and of those that these attempts bought by the ones that are dearer than agreed, with what that came to. */
export function selectAboveAgreed(
  db: Queryable,
  networkId: string,
  { offerIds, attemptIds }: { readonly offerIds: readonly string[]; readonly attemptIds: readonly string[] },
): Promise<AgreedRow[]> {
  return run(db, offersAboveAgreed, [networkId, offerIds, attemptIds]);
}

/** The supplier that carries most of a SKU. */
export type ShareRow = {
  sku_id: string;
  owner_id: string;
  supplier_id: string;
  quantity: bigint;
  sku_quantity: bigint;
  deliveries: bigint;
};

// SKUs of attempts by primary key, their offers by supply_offer_network_id_sku_id_idx, hours by offer_hour_pkey.
const largestShares: Statement<ShareRow> = statement(
  'offers.largestShares',
  `SELECT DISTINCT ON (v.sku_id) v.* FROM (
     SELECT o.sku_id, o.owner_id, o.supplier_id, sum(h.bought_quantity)::bigint AS quantity,
            sum(sum(h.bought_quantity)) OVER (PARTITION BY o.sku_id)::bigint AS sku_quantity,
            sum(sum(h.success_count)) OVER (PARTITION BY o.sku_id)::bigint AS deliveries
     FROM supply_offer o JOIN offer_hour h ON h.network_id = $1 AND h.offer_id = o.id AND h.hour_start >= $3
     WHERE o.network_id = $1 AND o.sku_id IN (SELECT a.sku_id FROM purchase_attempt a WHERE a.network_id = $1 AND a.id = ANY ($2::uuid[]))
     GROUP BY 1, 2, 3) v
   ORDER BY v.sku_id, v.quantity DESC, v.supplier_id`,
);

/** Of the SKUs that these attempts bought, the supplier of whom most was bought since an hour. */
export function selectLargestShares(db: Queryable, networkId: string, attemptIds: readonly string[], since: Date): Promise<ShareRow[]> {
  return run(db, largestShares, [networkId, attemptIds, since]);
}
