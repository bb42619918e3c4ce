import { applyConditions } from '#server/alerts/commands.ts';
import type { AlertData } from '#server/alerts/rules.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { firstIdAt } from '#server/platform/ids.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import { compareMoney, currencyCode, maxMoney, money, subtractMoney, toAmountString, zeroMoney } from '#server/platform/money.ts';
import { planAttempts } from '#server/purchases/commands.ts';
import { backOffSeconds, FAILURES_UNTOLD_MAX, type PurchasePlan, planPurchase, wantedQuantity } from '#server/replenishment/rules.ts';
import {
  type DueRuleRow,
  type EndedRow,
  endReplenishment,
  giveBackBudget,
  insertReplenishment,
  lockEnded,
  noteLook,
  selectFailedOffers,
  spendBudget,
  takeDueRule,
} from '#server/replenishment/sql.ts';
import { forecastSkus } from './stock-forecast.ts';

const POLL_MILLISECONDS = 2_000;
/** How often a rule's stock is looked at. */
const LOOK_SECONDS = 30;
/** A rule with a purchase under way is looked at when that has ended; this is for what never ends. */
const UNDER_WAY_SECONDS = 3_600;
/** An offer that failed is passed over for so long. */
const OFFER_RESTS_SECONDS = 3_600;

/** Buys stock by itself, in any number of processes: a rule is locked by the one that looks at it, a day's budget counts each purchase once. */
export function startReplenishmentWorker(db: Database, log: Log): Loop {
  return startLoop(log, {
    subject: 'replenishment',
    round: async () => (await endNext(db)) || (await replenishNext(db, Math.random())),
    pollMilliseconds: POLL_MILLISECONDS,
  });
}

/**
 * Looks at the rule that waits longest, of any network (issue of supply, point 4): where its SKU's stock is below the threshold, a
 * purchase is planned of the offer that routing chooses, within the offer's quantities and the day's budget; above the approval
 * limit it waits for a person. False when no rule is due.
 */
export async function replenishNext(db: Database, chance: number): Promise<boolean> {
  return inTransaction(db, async (tx): Promise<boolean> => {
    const rule = await takeDueRule(tx);
    if (rule === null) return false;
    const look = await lookAt(tx, rule, chance);
    const failureCount = look.isFailure ? rule.failure_count + 1 : look.outcome === 'ENOUGH' ? 0 : rule.failure_count;
    const dueAt = new Date(tx.now.getTime() + (look.isFailure ? backOffSeconds(failureCount) : look.againSeconds) * 1000);
    await noteLook(tx, { networkId: rule.network_id, ruleId: rule.id }, { outcome: look.outcome, failureCount, dueAt });
    await tell(tx, rule, look.waits);
    return true;
  });
}

/** What came of a look. `waits`: why a person has to decide; null: nobody has to; undefined: as it was. */
type Look = {
  readonly outcome: string;
  readonly isFailure: boolean;
  readonly againSeconds: number;
  readonly waits?: AlertData | null | undefined;
};

async function lookAt(tx: Transaction, rule: DueRuleRow, chance: number): Promise<Look> {
  // a purchase is planned under the rule's lock alone, so what is not there now is planned by nobody else
  if (rule.has_live) return { outcome: 'UNDER_WAY', isFailure: false, againSeconds: UNDER_WAY_SECONDS };
  if (!rule.can_buy) return { outcome: 'NOT_FOR_SALE', isFailure: false, againSeconds: LOOK_SECONDS, waits: null };
  const today = localDate(tx.now, rule.time_zone);
  const stock = (await forecastSkus(tx, rule.network_id, [rule.sku_id], today)).get(rule.sku_id);
  if (!stock) throw new Error(`the SKU of the rule ${rule.id} is not there`);
  const terms = { thresholdCount: rule.threshold_count, thresholdDays: rule.threshold_days, targetCount: rule.target_count };
  const wanted = wantedQuantity(terms, stock);
  if (wanted === null) return { outcome: 'ENOUGH', isFailure: false, againSeconds: LOOK_SECONDS, waits: null };
  const plan = await planFor(tx, rule, { today, wanted, chance });
  if (plan.kind === 'NOT_PLANNED') {
    // a budget that is used up, or a supplier that is away: it is looked at again, and a person knows
    const waits = { reason: plan.reason, availableCount: stock.availableCount };
    return { outcome: plan.reason, isFailure: true, againSeconds: LOOK_SECONDS, waits };
  }
  return buy(tx, rule, { plan, today, stock });
}

async function planFor(
  tx: Transaction,
  rule: DueRuleRow,
  { today, wanted, chance }: { readonly today: string; readonly wanted: number; readonly chance: number },
): Promise<PurchasePlan> {
  const currency = currencyCode(rule.currency);
  const left = subtractMoney(money(rule.daily_budget, currency), money(rule.spent_today, currency));
  const restingSince = firstIdAt(new Date(tx.now.getTime() - OFFER_RESTS_SECONDS * 1000));
  const [candidates, failed] = await Promise.all([
    loadCandidates(tx, rule.network_id, [rule.sku_id], { instant: tx.now, localDate: today }),
    rule.failure_count === 0 ? new Set<string>() : selectFailedOffers(tx, rule.network_id, rule.id, restingSince),
  ]);
  return planPurchase(candidates.get(rule.sku_id) ?? [], {
    policy: rule.routing_policy,
    wanted,
    unitSize: rule.unit_size,
    budgetLeft: maxMoney(left, zeroMoney(currency)),
    excluded: failed,
    chance,
  });
}

type Planned = PurchasePlan & { readonly kind: 'PLANNED' };
type Stock = { readonly availableCount: number; readonly daysLeft: number | null };

async function buy(
  tx: Transaction,
  rule: DueRuleRow,
  { plan, today, stock }: { readonly plan: Planned; readonly today: string; readonly stock: Stock },
): Promise<Look> {
  const networkId = rule.network_id;
  const { offer, quantity, quotedCost } = plan;
  const amount = toAmountString(quotedCost);
  const needsPerson = compareMoney(quotedCost, money(rule.approval_limit, quotedCost.currency)) > 0;
  const [id, attemptId] = [tx.newId(), needsPerson ? null : tx.newId()];
  if (attemptId !== null) {
    const isPaid = await spendBudget(tx, { networkId, ruleId: rule.id, localDate: today, amount }, rule.daily_budget);
    if (!isPaid) return { outcome: 'BUDGET', isFailure: true, againSeconds: LOOK_SECONDS, waits: { reason: 'BUDGET', ...counted(stock) } };
    // the purchase names its attempt, so the attempt comes first
    const purpose = { kind: 'REPLENISHMENT', subjectId: id } as const;
    const { upstreamMaxCost } = plan;
    await planAttempts(tx, networkId, [
      {
        id: attemptId,
        purpose,
        attemptNumber: 1,
        offer,
        quantity,
        goodsKind: 'CARD_KEY',
        quotedCost,
        upstreamMaxCost,
        costLimit: quotedCost,
        dueAt: null,
      },
    ]);
  }
  await insertReplenishment(tx, networkId, {
    id,
    ruleId: rule.id,
    ownerId: rule.owner_id,
    skuId: rule.sku_id,
    ...stock,
    quantity,
    offerId: offer.offerId,
    supplierId: offer.supplierId,
    quotedCost: amount,
    attemptId,
    spentOn: attemptId === null ? null : today,
  });
  if (attemptId !== null) return { outcome: 'PURCHASING', isFailure: false, againSeconds: UNDER_WAY_SECONDS };
  const waits = { reason: 'APPROVAL', quantity, quotedCost: amount, replenishmentId: id, ...counted(stock) };
  return { outcome: 'WAITING', isFailure: false, againSeconds: UNDER_WAY_SECONDS, waits };
}

function counted({ availableCount }: Stock): { readonly availableCount: number } {
  return { availableCount };
}

/**
 * Ends the next purchase whose attempt has ended, of any network: what came is in stock already, as a lot of that attempt. What was
 * not spent goes back to the day's budget; a failure is tried again, later and later, of another offer. False when none has.
 */
export async function endNext(db: Database): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const ended = await lockEnded(tx);
    if (ended === null) return false;
    const hasCome = ended.attempt_state === 'SUCCEEDED';
    const failure = hasCome ? null : (ended.outcome_reason ?? 'REJECTED');
    const { network_id: networkId, rule_id: ruleId } = ended;
    await endReplenishment(tx, networkId, ended.id, {
      deliveredQuantity: hasCome ? ended.attempt_delivered : 0,
      cost: hasCome ? ended.attempt_cost : null,
      failure,
    });
    await giveBack(tx, ended, hasCome);
    const failureCount = hasCome ? 0 : ended.failure_count + 1;
    const dueAt = new Date(tx.now.getTime() + (hasCome ? 0 : backOffSeconds(failureCount) * 1000));
    await noteLook(tx, { networkId, ruleId }, { outcome: failure === null ? 'DONE' : `FAILED ${failure}`, failureCount, dueAt });
    await tell(tx, ended, failureCount > FAILURES_UNTOLD_MAX ? { reason: 'FAILED', failureCount } : null);
    return true;
  });
}

async function giveBack(tx: Transaction, ended: EndedRow, hasCome: boolean): Promise<void> {
  const { network_id: networkId, rule_id: ruleId, spent_on: localDate } = ended;
  const currency = currencyCode(ended.currency);
  const quoted = money(ended.quoted_cost, currency);
  const cost = hasCome && ended.attempt_cost !== null ? money(ended.attempt_cost, currency) : zeroMoney(currency);
  // an attempt never costs more than was quoted: its limit is the quote
  const unspent = maxMoney(subtractMoney(quoted, hasCome ? cost : zeroMoney(currency)), zeroMoney(currency));
  await giveBackBudget(tx, { networkId, ruleId, localDate, amount: toAmountString(unspent) });
}

/** Tells the owner once that a person has to decide about a SKU's stock, and when nobody has to any more. */
async function tell(
  tx: Transaction,
  { network_id: networkId, owner_id: stationId, sku_id: subjectId }: { network_id: string; owner_id: string; sku_id: string },
  waits: AlertData | null | undefined,
): Promise<void> {
  if (waits === undefined) return;
  await applyConditions(tx, networkId, [{ stationId, kind: 'REPLENISHMENT_WAITING', subjectId, holds: waits !== null, data: waits ?? {} }]);
}
