import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { applyConditions } from '#server/alerts/commands.ts';
import { skusByIds } from '#server/catalog/reads.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { chooseOffer } from '#server/offers/rules.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { isId } from '#server/platform/ids.ts';
import { currencyCode, money, toAmountString } from '#server/platform/money.ts';
import { planAttempts } from '#server/purchases/commands.ts';
import { type RuleTerms, ruleProblem } from '#server/replenishment/rules.ts';
import {
  lockReplenishment,
  markApproved,
  markDeclined,
  type RuleRow,
  selectRulesOfSkus,
  setDueAt,
  spendBudget,
  writeRule,
} from '#server/replenishment/sql.ts';

/** A SKU's rule as a person sets it; `expectedVersion` null where there is none yet. */
export type RuleInput = RuleTerms & { readonly skuId: string; readonly expectedVersion: number | null };

/** What can become of setting a rule. */
export type RuleOutcome =
  | { readonly kind: 'RULE_SET'; readonly rule: RuleRow }
  | { readonly kind: 'STALE_VERSION'; readonly current: RuleRow }
  | NotFound
  | NotAllowed
  | InvalidInput;

/** Sets when the stock of the acting station's own SKU is bought by itself; from COMMIT on the worker looks at it. */
export async function setReplenishmentRule(db: Database, viewer: Viewer, input: RuleInput): Promise<RuleOutcome> {
  const stationId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  const owner = { networkId: viewer.networkId, stationId };
  if (!isId(input.skuId)) return { kind: 'NOT_FOUND' };
  return inTransaction(db, async (tx): Promise<RuleOutcome> => {
    const { currency } = await selectNetwork(tx, viewer.networkId);
    const problem = ruleProblem(input, currency);
    if (problem !== null) return { kind: 'INVALID_INPUT', ...problem };
    const sku = (await skusByIds(tx, viewer, [input.skuId])).get(input.skuId);
    if (!sku) return { kind: 'NOT_FOUND' };
    if (sku.ownerId !== stationId) return { kind: 'NOT_ALLOWED', message: 'The owner of the goods buys their stock.' };
    const dailyBudget = toAmountString(money(input.dailyBudget, currency));
    const approvalLimit = toAmountString(money(input.approvalLimit, currency));
    const ruleId = await writeRule(tx, owner, { ...input, dailyBudget, approvalLimit, actorId: actorId(viewer) });
    const [rule] = await selectRulesOfSkus(tx, owner, tx.now, [input.skuId]);
    if (ruleId === null) return rule ? { kind: 'STALE_VERSION', current: rule } : { kind: 'NOT_FOUND' };
    if (!rule) throw new Error('a rule that was written is not there');
    const { skuId, isEnabled, thresholdCount, thresholdDays, targetCount } = input;
    const data = { skuId, isEnabled, thresholdCount, thresholdDays, targetCount, dailyBudget, approvalLimit };
    await writeAudit(tx, viewer, { action: 'replenishment_rule.set', subjectId: ruleId, data });
    // whoever switches it off has decided what its alert asked for
    if (!isEnabled) await endAlert(tx, viewer.networkId, stationId, skuId);
    return { kind: 'RULE_SET', rule };
  });
}

/** What can become of a decision. */
export type DecisionOutcome = { readonly kind: 'DECIDED'; readonly replenishmentId: string } | NotFound | NotAllowed | InvalidInput;

/** A declined purchase is not planned anew for so long. */
const DECLINED_RESTS_MILLISECONDS = 24 * 3_600_000;
const REASON_MAX = 500;

/**
 * A person lets a purchase that waits be made: of the same offer, in the same quantity, for no more than was shown, within what is left
 * of today's budget. Refused in a sentence where one of these no longer holds; then it still waits.
 */
export async function approveReplenishment(db: Database, viewer: Viewer, replenishmentId: string): Promise<DecisionOutcome> {
  const stationId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  const { networkId } = viewer;
  if (!isId(replenishmentId)) return { kind: 'NOT_FOUND' };
  return inTransaction(db, async (tx): Promise<DecisionOutcome> => {
    const waiting = await lockReplenishment(tx, { networkId, stationId }, replenishmentId);
    if (!waiting) return { kind: 'NOT_FOUND' };
    if (waiting.state !== 'WAITING') return { kind: 'NOT_ALLOWED', message: 'This purchase does not wait for a decision.' };
    if (!waiting.can_buy) return { kind: 'NOT_ALLOWED', message: 'The station, or one above it, is frozen or closed.' };
    const today = localDate(tx.now, waiting.time_zone);
    const costLimit = money(waiting.quoted_cost, currencyCode(waiting.currency));
    const candidates = (await loadCandidates(tx, networkId, [waiting.sku_id], { instant: tx.now, localDate: today })).get(waiting.sku_id);
    const choice = chooseOffer(
      (candidates ?? []).filter(({ offerId }) => offerId === waiting.offer_id),
      {
        policy: 'CHEAPEST',
        quantity: waiting.quantity,
        unitSize: waiting.unit_size,
        costLimit,
        excluded: new Set(),
        chance: 0,
      },
    );
    if (choice.kind === 'NO_OFFER') return { kind: 'NOT_ALLOWED', message: WHY_NOT[choice.reason] };
    const spending = { networkId, ruleId: waiting.rule_id, localDate: today, amount: waiting.quoted_cost };
    if (!(await spendBudget(tx, spending, waiting.daily_budget))) {
      return { kind: 'NOT_ALLOWED', message: "What is left of the day's budget does not pay for it." };
    }
    const attemptId = tx.newId();
    await planAttempts(tx, networkId, [
      {
        id: attemptId,
        purpose: { kind: 'REPLENISHMENT', subjectId: waiting.id },
        attemptNumber: 1,
        offer: choice.offer,
        quantity: waiting.quantity,
        goodsKind: 'CARD_KEY',
        quotedCost: choice.quotedCost,
        upstreamMaxCost: choice.upstreamMaxCost,
        costLimit,
        dueAt: null,
      },
    ]);
    await Promise.all([
      markApproved(tx, networkId, { id: waiting.id, attemptId, spentOn: today, actorId: actorId(viewer) }),
      writeAudit(tx, viewer, {
        action: 'replenishment.approved',
        subjectId: waiting.id,
        data: { skuId: waiting.sku_id, quantity: waiting.quantity, quotedCost: waiting.quoted_cost },
      }),
    ]);
    await endAlert(tx, networkId, stationId, waiting.sku_id);
    return { kind: 'DECIDED', replenishmentId: waiting.id };
  });
}

const WHY_NOT = {
  NONE: 'The offer is no longer used.',
  QUANTITY: 'The offer no longer sells this quantity.',
  CAPPED: "Today's cap of the offer is used up.",
  BROKEN: 'The supplier does not answer just now.',
  OUT_OF_STOCK: 'The supplier has sold out.',
  TOO_DEAR: 'It has become dearer than what was shown: decline it, and it is planned anew.',
} as const;

/** A person declines a purchase that waits; it is planned anew tomorrow at the earliest, or when the rule is changed. */
export async function declineReplenishment(
  db: Database,
  viewer: Viewer,
  { replenishmentId, reason }: { readonly replenishmentId: string; readonly reason: string },
): Promise<DecisionOutcome> {
  const stationId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  const { networkId } = viewer;
  if (reason.trim() === '' || reason.length > REASON_MAX) {
    return { kind: 'INVALID_INPUT', field: 'reason', message: `a reason has 1 to ${REASON_MAX} characters` };
  }
  if (!isId(replenishmentId)) return { kind: 'NOT_FOUND' };
  return inTransaction(db, async (tx): Promise<DecisionOutcome> => {
    const waiting = await lockReplenishment(tx, { networkId, stationId }, replenishmentId);
    if (!waiting) return { kind: 'NOT_FOUND' };
    if (waiting.state !== 'WAITING') return { kind: 'NOT_ALLOWED', message: 'This purchase does not wait for a decision.' };
    await Promise.all([
      markDeclined(tx, networkId, { id: waiting.id, reason, actorId: actorId(viewer) }),
      setDueAt(tx, networkId, waiting.rule_id, new Date(tx.now.getTime() + DECLINED_RESTS_MILLISECONDS)),
      writeAudit(tx, viewer, { action: 'replenishment.declined', subjectId: waiting.id, data: { skuId: waiting.sku_id, reason } }),
    ]);
    await endAlert(tx, networkId, stationId, waiting.sku_id);
    return { kind: 'DECIDED', replenishmentId: waiting.id };
  });
}

async function endAlert(tx: Transaction, networkId: string, stationId: string, skuId: string): Promise<void> {
  await applyConditions(tx, networkId, [{ stationId, kind: 'REPLENISHMENT_WAITING', subjectId: skuId, holds: false, data: {} }]);
}
