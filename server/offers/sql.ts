import type { ConnectorKind } from '#server/connectors/connector.ts';
import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { firstIdAt } from '#server/platform/ids.ts';
import { currencyCode, money } from '#server/platform/money.ts';
import type { OfferCandidate, SealedAccount } from './rules.ts';

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
// Index: purchase_attempt_network_id_offer_id_id_idx, from yesterday on; a manual offer's attempts since its stock was typed.
const USED_TODAY = `LEFT JOIN LATERAL (
    SELECT coalesce(sum(a.quantity), 0)::bigint AS quantity FROM purchase_attempt a
    WHERE a.network_id = $1 AND a.offer_id = o.id AND a.id >= $5::uuid AND a.state <> 'REJECTED'
      AND a.created_at >= ($4::date::timestamp AT TIME ZONE n.time_zone)
  ) today ON o.daily_cap IS NOT NULL`;
const USED_SINCE_TYPED = `LEFT JOIN LATERAL (
    SELECT coalesce(sum(a.quantity), 0)::bigint AS quantity FROM purchase_attempt a
    WHERE a.network_id = $1 AND a.offer_id = o.id AND a.state <> 'REJECTED' AND a.created_at >= o.stock_at
  ) typed ON c.kind = 'MANUAL' AND o.stock_count IS NOT NULL`;

const STOCK = `CASE WHEN o.stock_count IS NULL THEN NULL
    WHEN c.kind = 'MANUAL' THEN greatest(o.stock_count - typed.quantity, 0)
    WHEN o.stock_at >= $3::timestamptz - make_interval(secs => ${STOCK_STANDS_SECONDS}) THEN o.stock_count END`;

/**
 * The offers of SKUs ($2) that may be used at all. Indexes: supply_offer_route_idx, then primary keys of account, its state and the
 * network. No locks: a cap is read as it stands, so orders of one instant may pass it by their own quantities.
 */
const candidates: Statement<CandidateRow> = statement(
  'offers.candidates',
  `SELECT o.id, o.sku_id, o.owner_id, o.supplier_id, o.account_id, c.kind, o.terms::text, n.currency, o.unit_cost, o.upstream_currency,
     o.upstream_unit_cost, o.rate::text, o.goods, o.min_quantity, o.max_quantity, o.lead_time_seconds, o.priority, o.weight,
     o.daily_cap - today.quantity AS cap_left,
     coalesce((t.breaker = 'OPEN' AND t.open_until > $3::timestamptz) OR (t.breaker = 'HALF_OPEN' AND t.probe_until > $3::timestamptz), false) AS is_broken,
     (${STOCK})::bigint AS stock_count, NULL::int AS success_bps, NULL::int AS median_seconds
   FROM supply_offer o
   JOIN supply_account c ON c.network_id = $1 AND c.id = o.account_id
   JOIN network n ON n.id = $1
   LEFT JOIN supply_account_state t ON t.network_id = $1 AND t.account_id = o.account_id
   ${USED_TODAY}
   ${USED_SINCE_TYPED}
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
    ...[terms.networkId, terms.ownerId, terms.supplierId, terms.accountId, terms.terms],
    ...[terms.upstreamCurrency, terms.rate, terms.rateSource, terms.rateAt, terms.statedAt, terms.actorId],
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
    ...[terms.networkId, terms.rate, terms.rateSource, terms.rateAt, terms.statedAt, tx.now],
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
   SELECT $1, n.id, o.id, o.upstream_currency, o.upstream_unit_cost, o.rate, o.rate_source, o.rate_at, o.unit_cost, o.agreed_unit_cost, $2, $3, $4
   FROM unnest($5::uuid[], $6::uuid[]) AS n (id, offer_id) JOIN supply_offer o ON o.network_id = $1 AND o.id = n.offer_id`,
);

/** Writes down what offers cost from now on, as their rows say. */
export async function insertOfferCosts(
  tx: Transaction,
  { networkId, actorId }: { readonly networkId: string; readonly actorId: string },
  { offerIds, reason }: { readonly offerIds: readonly string[]; readonly reason: string },
): Promise<void> {
  if (offerIds.length > 0) await run(tx, insertCostRows, [networkId, actorId, reason, tx.now, offerIds.map(() => tx.newId()), offerIds]);
}

const sealedAccountRow: Statement<SealedAccount & { kind: ConnectorKind; name: string; is_enabled: boolean }> = statement(
  'offers.sealedAccount',
  `SELECT c.network_id, c.id, c.kind, c.name, c.base_url, c.currency, c.settings, c.secrets, c.data_key, c.vault_key_id, c.is_enabled
   FROM supply_account c WHERE c.network_id = $1 AND c.id = $2`,
);

/** An account with its secrets, sealed, by its primary key. Opened outside of any transaction, by `openAccount`. */
export async function selectSealedAccount(db: Queryable, networkId: string, accountId: string) {
  return (await run(db, sealedAccountRow, [networkId, accountId]))[0];
}
