import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { currencyCode, decimal4, decimal4Text } from '#server/platform/money.ts';
import type { CommissionPlan, CommissionPoolKind } from './rules.ts';

/** A commission plan with its history. */
export type CommissionPlanRecord = CommissionPlan & { version: number; validFrom: Date; validTo: Date | null; reason: string };

type PlanRow = {
  id: string;
  owner_id: string;
  sku_id: string | null;
  product_id: string | null;
  category_id: string | null;
  pool_kind: CommissionPoolKind;
  pool_value: string;
  share_bps: number[];
  currency: string;
  version: number;
  valid_from: Date;
  valid_to: Date | null;
  reason: string;
};

const PLAN_COLUMNS = `p.id, p.owner_id, p.sku_id, p.product_id, p.category_id, p.pool_kind::text, p.pool_value, p.share_bps, p.currency,
  p.version, p.valid_from, p.valid_to, p.reason`;

const ofOwners = (scope: string) =>
  `SELECT ${PLAN_COLUMNS} FROM commission_plan p WHERE p.network_id = $1 AND p.owner_id = ANY ($2::uuid[]) AND p.valid_to IS NULL AND ${scope}`;

/**
 * The live plans of owners ($2) that may take in these SKUs ($3), products ($4) or categories ($5): ranges of
 * commission_plan_live_key (network_id, owner_id, sku_id, product_id, category_id), so that plans of other goods are not read.
 */
const plansOfOwners: Statement<PlanRow> = statement(
  'commission.plansOfOwners',
  `${ofOwners('p.sku_id = ANY ($3::uuid[])')}
   UNION ALL ${ofOwners('p.sku_id IS NULL AND p.product_id = ANY ($4::uuid[])')}
   UNION ALL ${ofOwners('p.sku_id IS NULL AND p.product_id IS NULL AND p.category_id = ANY ($5::uuid[])')}`,
);

/** The live plans that may pay commission on these SKUs. Feed them to `planBook`. */
export async function loadPlans(
  db: Queryable,
  networkId: string,
  skus: readonly { readonly id: string; readonly ownerId: string; readonly productId: string; readonly categoryPath: readonly string[] }[],
): Promise<CommissionPlanRecord[]> {
  const rows = await run(db, plansOfOwners, [
    networkId,
    [...new Set(skus.map(({ ownerId }) => ownerId))],
    [...new Set(skus.map(({ id }) => id))],
    [...new Set(skus.map(({ productId }) => productId))],
    [...new Set(skus.flatMap(({ categoryPath }) => categoryPath))],
  ]);
  return rows.map(planOf);
}

/** All live plans of an owner, newest first. Index: commission_plan_network_id_owner_id_id_idx. */
const livePlans: Statement<PlanRow> = statement(
  'commission.livePlans',
  `SELECT ${PLAN_COLUMNS} FROM commission_plan p WHERE p.network_id = $1 AND p.owner_id = $2 AND p.valid_to IS NULL ORDER BY p.id DESC LIMIT $3`,
);

/** An owner's live plans, newest first, at most `limit`. */
export async function selectLivePlans(db: Queryable, networkId: string, ownerId: string, limit: number): Promise<CommissionPlanRecord[]> {
  return (await run(db, livePlans, [networkId, ownerId, limit])).map(planOf);
}

/** Plans by id, live or ended, of one owner. Index: primary key. */
const plansByIds: Statement<PlanRow> = statement(
  'commission.plansByIds',
  `SELECT ${PLAN_COLUMNS} FROM commission_plan p WHERE p.network_id = $1 AND p.owner_id = $2 AND p.id = ANY ($3::uuid[])`,
);

/** An owner's plans by id, in no order. */
export async function selectPlansByIds(
  db: Queryable,
  networkId: string,
  ownerId: string,
  ids: readonly string[],
): Promise<CommissionPlanRecord[]> {
  return (await run(db, plansByIds, [networkId, ownerId, ids])).map(planOf);
}

const pinnedPlans: Statement<PlanRow> = statement(
  'commission.pinnedPlans',
  `SELECT ${PLAN_COLUMNS} FROM commission_plan p WHERE p.network_id = $1 AND p.id = ANY ($2::uuid[])`,
);

/** The versions of plans that orders have pinned, whosever they are. By commission_plan_pkey. */
export async function selectPinnedPlans(db: Queryable, networkId: string, ids: readonly string[]): Promise<CommissionPlanRecord[]> {
  return (await run(db, pinnedPlans, [networkId, ids])).map(planOf);
}

/** Owner and scope of a plan: of all that are live, at most one has the same. */
export type PlanKey = Pick<CommissionPlan, 'ownerId' | 'skuId' | 'productId' | 'categoryId'>;

/** The live plan of exactly this scope. Index: commission_plan_live_key, by its prefix. */
const livePlanOfKey: Statement<PlanRow> = statement(
  'commission.livePlanOfKey',
  `SELECT ${PLAN_COLUMNS} FROM commission_plan p
   WHERE p.network_id = $1 AND p.owner_id = $2 AND p.valid_to IS NULL AND p.sku_id IS NOT DISTINCT FROM $3::uuid
     AND p.product_id IS NOT DISTINCT FROM $4::uuid AND p.category_id IS NOT DISTINCT FROM $5::uuid`,
);

/** The live plan of a scope, or null. No lock: `endPlan` decides who was first. */
export async function selectLivePlan(db: Queryable, networkId: string, key: PlanKey): Promise<CommissionPlanRecord | null> {
  const [row] = await run(db, livePlanOfKey, [networkId, key.ownerId, key.skuId, key.productId, key.categoryId]);
  return row ? planOf(row) : null;
}

/** Ends one live plan; a second editor waits for the row lock and finds it ended. */
const endPlanRow: Statement<PlanRow> = statement(
  'commission.endPlan',
  `UPDATE commission_plan p SET valid_to = greatest(p.valid_from, $4), ended_by = $5 WHERE p.network_id = $1 AND p.id = $2 AND p.version = $3 AND p.valid_to IS NULL
   RETURNING ${PLAN_COLUMNS}`,
);

/** Ends the live version of a plan; null when it is no longer live or of another version. */
export async function endPlan(
  tx: Transaction,
  plan: { networkId: string; id: string; version: number; endedBy: string },
): Promise<CommissionPlanRecord | null> {
  const [row] = await run(tx, endPlanRow, [plan.networkId, plan.id, plan.version, tx.now, plan.endedBy]);
  return row ? planOf(row) : null;
}

const insertPlanRow: Statement<PlanRow> = statement(
  'commission.insertPlan',
  `INSERT INTO commission_plan AS p (network_id, id, owner_id, sku_id, product_id, category_id, pool_kind, pool_value, share_bps, currency,
     version, valid_from, created_by, reason)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING RETURNING ${PLAN_COLUMNS}`,
);

/** A plan that is about to be written; `version` follows the one it replaces. */
export type NewCommissionPlan = { networkId: string; plan: CommissionPlan; version: number; createdBy: string; reason: string };

/** Writes a plan; null when a live one of the same scope is there already. */
export async function insertPlan(
  tx: Transaction,
  { networkId, plan, version, createdBy, reason }: NewCommissionPlan,
): Promise<CommissionPlanRecord | null> {
  const [row] = await run(tx, insertPlanRow, [
    networkId,
    plan.id,
    plan.ownerId,
    plan.skuId,
    plan.productId,
    plan.categoryId,
    plan.poolKind,
    decimal4Text(plan.poolValue),
    plan.shareBps,
    plan.currency,
    version,
    tx.now,
    createdBy,
    reason,
  ]);
  return row ? planOf(row) : null;
}

function planOf(row: PlanRow): CommissionPlanRecord {
  return {
    id: row.id,
    ownerId: row.owner_id,
    skuId: row.sku_id,
    productId: row.product_id,
    categoryId: row.category_id,
    poolKind: row.pool_kind,
    poolValue: decimal4(row.pool_value),
    shareBps: row.share_bps,
    currency: currencyCode(row.currency),
    version: row.version,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    reason: row.reason,
  };
}
