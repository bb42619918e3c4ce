import type { Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, decimal4 } from '#server/platform/money.ts';
import { type CommissionPlan, type CommissionPoolKind, commissionPlanProblem } from './rules.ts';
import { type CommissionPlanRecord, endPlan, insertPlan, selectLivePlan } from './sql.ts';

/** An input that cannot be meant; `field` is named as in the API. */
export type InvalidInput = { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/** A commission plan as typed in. `poolValue` is a decimal text: percent of the buyer's total, or an amount per unit. */
export type CommissionPlanInput = {
  readonly skuId: string | null;
  readonly productId: string | null;
  readonly categoryId: string | null;
  readonly poolKind: CommissionPoolKind;
  readonly poolValue: string;
  /** basis points; the first is the buyer's parent's */
  readonly shareBps: readonly number[];
};

const VALUE = /^-?\d{1,10}(\.\d{1,4})?$/;

/** The plan that an input means, or what is wrong with it (domain §4). `levelsMax` is the network's policy. */
export function draftCommissionPlan(
  input: CommissionPlanInput,
  owner: { readonly id: string; readonly ownerId: string; readonly currency: CurrencyCode },
  levelsMax: number,
): { kind: 'DRAFT'; plan: CommissionPlan } | InvalidInput {
  if ([input.skuId, input.productId, input.categoryId].filter((id) => id !== null).length !== 1) {
    return { kind: 'INVALID_INPUT', field: 'skuId', message: 'A plan is for one SKU, product or category.' };
  }
  if (!VALUE.test(input.poolValue)) {
    return { kind: 'INVALID_INPUT', field: 'poolValue', message: 'A value has at most ten digits before and four after the point.' };
  }
  const { skuId, productId, categoryId, poolKind, shareBps } = input;
  const plan = { ...owner, skuId, productId, categoryId, poolKind, poolValue: decimal4(input.poolValue), shareBps };
  const problem = commissionPlanProblem(plan, levelsMax);
  if (!problem) return { kind: 'DRAFT', plan };
  return { kind: 'INVALID_INPUT', field: problem.field, message: `${problem.problem.charAt(0).toUpperCase()}${problem.problem.slice(1)}.` };
}

/** A new version of a plan is in force. */
export type PlanWritten = { readonly kind: 'WRITTEN'; readonly plan: CommissionPlanRecord; readonly replaced: CommissionPlanRecord | null };

/** The plan that stands now is not the one that was expected; null when there is none any more. */
export type PlanStale = { readonly kind: 'STALE'; readonly current: CommissionPlanRecord | null };

/** Ends the owner's live plan of the same scope and begins the new one; of two editors that saw the same version one is STALE. */
export async function writePlan(
  tx: Transaction,
  plan: CommissionPlan,
  author: { readonly networkId: string; readonly actorId: string; readonly reason: string; readonly expectedVersion: number | null },
): Promise<PlanWritten | PlanStale> {
  const { networkId, actorId, reason, expectedVersion } = author;
  const live = await selectLivePlan(tx, networkId, plan);
  if ((live?.version ?? null) !== expectedVersion) return { kind: 'STALE', current: live };
  const replaced = live && (await endPlan(tx, { networkId, id: live.id, version: live.version, endedBy: actorId }));
  const version = (live?.version ?? 0) + 1;
  const written = live && !replaced ? null : await insertPlan(tx, { networkId, plan, version, createdBy: actorId, reason });
  return written ? { kind: 'WRITTEN', plan: written, replaced } : { kind: 'STALE', current: await selectLivePlan(tx, networkId, plan) };
}
