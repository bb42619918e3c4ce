import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { categoriesByIds, productsByIds, skusByIds } from '#server/catalog/reads.ts';
import { type CommissionPlanInput, draftCommissionPlan, type InvalidInput, writePlan } from '#server/commission/commands.ts';
import type { CommissionPlan } from '#server/commission/rules.ts';
import type { CommissionPlanRecord } from '#server/commission/sql.ts';
import type { NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { goodsOf, priceChanged } from './price-reach.ts';

/** A plan for a SKU, a product or a category of the acting owner; `expectedVersion` of the one it replaces. */
export type SetCommissionPlanInput = CommissionPlanInput & { readonly expectedVersion: number | null; readonly reason: string | null };

/** What can become of setting a plan. */
export type SetCommissionPlanOutcome =
  | { readonly kind: 'COMMISSION_PLAN_SET'; readonly plan: CommissionPlanRecord }
  | NotFound
  | NotAllowed
  | InvalidInput
  | { readonly kind: 'STALE_VERSION'; readonly current: CommissionPlanRecord };

/**
 * Sets what the owner pays to the buyer's upline (domain §4): ends the live plan of the same scope and begins a new version, for
 * the next order on. Refuses goods of another owner, more levels than the network's policy, shares above 10,000 basis points.
 */
export async function setCommissionPlan(db: Database, viewer: Viewer, input: SetCommissionPlanInput): Promise<SetCommissionPlanOutcome> {
  const ownerId = actingStationWith(viewer, 'PRICES_MANAGE');
  return inTransaction(db, (tx) => set(tx, viewer, ownerId, input));
}

async function set(tx: Transaction, viewer: Viewer, ownerId: string, input: SetCommissionPlanInput): Promise<SetCommissionPlanOutcome> {
  const { networkId } = viewer;
  const { currency, commissionLevelsMax } = await selectNetwork(tx, networkId);
  const draft = draftCommissionPlan(input, { id: tx.newId(), ownerId, currency }, commissionLevelsMax);
  if (draft.kind !== 'DRAFT') return draft;
  const owner = await ownerOfScope(tx, viewer, draft.plan);
  if (owner === null) return { kind: 'NOT_FOUND' };
  if (owner !== ownerId) return { kind: 'NOT_ALLOWED', message: 'The owner of the goods sets their commission.' };
  const author = { networkId, actorId: actorId(viewer), reason: input.reason ?? '', expectedVersion: input.expectedVersion };
  const written = await writePlan(tx, draft.plan, author);
  if (written.kind === 'STALE') return written.current ? { kind: 'STALE_VERSION', current: written.current } : { kind: 'NOT_FOUND' };
  const { plan, replaced } = written;
  const { skuId, productId, categoryId } = plan;
  await writeAudit(tx, viewer, {
    action: 'commission_plan.set',
    subjectId: plan.id,
    data: { replacedId: replaced?.id ?? null, reason: plan.reason },
  });
  // whoever stands below the owner may earn by it; what anybody pays stays as it is
  const reach = { topId: ownerId, withTop: false, goods: goodsOf(plan) };
  await writeEvents(tx, [priceChanged(networkId, plan.id, [ownerId], reach, { skuId, productId, categoryId, commissionOnly: true })]);
  return { kind: 'COMMISSION_PLAN_SET', plan };
}

/** Whose goods the scope takes in; null when they are not there for the viewer. */
async function ownerOfScope(
  tx: Transaction,
  viewer: Viewer,
  { ownerId, skuId, productId, categoryId }: CommissionPlan,
): Promise<string | null> {
  if (skuId !== null) return (await skusByIds(tx, viewer, [skuId])).get(skuId)?.ownerId ?? null;
  if (productId !== null) return (await productsByIds(tx, viewer, [productId])).get(productId)?.ownerId ?? null;
  if (categoryId === null) return null;
  // categories are shared down the line: a plan for one takes in the owner's own goods in it
  return (await categoriesByIds(tx, viewer, [categoryId])).has(categoryId) ? ownerId : null;
}
