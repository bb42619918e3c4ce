import type { ConnectorKind } from '#server/connectors/connector.ts';
import { type Queryable, run, type Statement, statement } from '#server/platform/database.ts';
import { firstIdAt } from '#server/platform/ids.ts';
import { currencyCode, money } from '#server/platform/money.ts';
import type { OfferCandidate } from './rules.ts';

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
