import {
  chooseOffer,
  type NoOfferReason,
  type OfferCandidate,
  type OfferCost,
  offerCost,
  type RoutingPolicy,
} from '#server/offers/rules.ts';
import { type CurrencyCode, compareMoney, decimal4, isAmountText, type Money } from '#server/platform/money.ts';

// When stock is bought by itself, how much, and from whom (issue of supply, point 4). Pure.

/** What a person sets for a SKU. Amounts are decimal texts in the network's currency. */
export type RuleTerms = {
  readonly isEnabled: boolean;
  /** bought when fewer keys are left, or when they last fewer days; at least one of the two */
  readonly thresholdCount: number | null;
  readonly thresholdDays: number | null;
  /** bought up to so many */
  readonly targetCount: number;
  /** spent on one local day at most */
  readonly dailyBudget: string;
  /** a purchase that costs more waits for a person */
  readonly approvalLimit: string;
};

/** The largest stock that a rule can name. */
export const RULE_COUNT_MAX = 100_000;
const RULE_DAYS_MAX = 365;

/** What is wrong with a rule, by the name of its field; null when nothing is. */
export function ruleProblem(terms: RuleTerms, currency: CurrencyCode): { readonly field: string; readonly message: string } | null {
  const { thresholdCount, thresholdDays, targetCount, dailyBudget, approvalLimit } = terms;
  if (thresholdCount === null && thresholdDays === null)
    return { field: 'thresholdCount', message: 'say below how many keys or days to buy' };
  if (thresholdCount !== null && !isCount(thresholdCount, RULE_COUNT_MAX)) {
    return { field: 'thresholdCount', message: `a threshold is 1 to ${RULE_COUNT_MAX}` };
  }
  if (thresholdDays !== null && !isCount(thresholdDays, RULE_DAYS_MAX)) {
    return { field: 'thresholdDays', message: `a threshold is 1 to ${RULE_DAYS_MAX} days` };
  }
  if (!isCount(targetCount, RULE_COUNT_MAX) || targetCount < (thresholdCount ?? 1)) {
    return { field: 'targetCount', message: `a target is 1 to ${RULE_COUNT_MAX} and not below the threshold` };
  }
  if (!isAmount(dailyBudget, currency) || decimal4(dailyBudget) === 0n) {
    return { field: 'dailyBudget', message: `a budget in ${currency} is a decimal text above zero, such as 100.00` };
  }
  return isAmount(approvalLimit, currency)
    ? null
    : { field: 'approvalLimit', message: `a limit in ${currency} is a decimal text such as 100.00` };
}

/** What a SKU has: how many keys are for sale, and how long they last; null where nobody can tell. */
export type StockNow = { readonly availableCount: number; readonly daysLeft: number | null };

/** How many keys are wanted; null while there are enough. */
export function wantedQuantity(
  { thresholdCount, thresholdDays, targetCount }: Pick<RuleTerms, 'thresholdCount' | 'thresholdDays' | 'targetCount'>,
  { availableCount, daysLeft }: StockNow,
): number | null {
  const isFew = thresholdCount !== null && availableCount < thresholdCount;
  const isShort = thresholdDays !== null && daysLeft !== null && daysLeft < thresholdDays;
  const missing = targetCount - availableCount;
  return (isFew || isShort) && missing > 0 ? missing : null;
}

/** What is to be bought of whom. `budgetLeft`: what may still be spent today; `excluded`: offers that failed lately. */
export type PurchaseQuestion = {
  readonly policy: RoutingPolicy;
  readonly wanted: number;
  readonly unitSize: number;
  readonly budgetLeft: Money;
  readonly excluded: ReadonlySet<string>;
  readonly chance: number;
};

/** Why nothing is bought: as routing says, or BUDGET: not even the least quantity is within what is left of the day's budget. */
export type NoPurchaseReason = NoOfferReason | 'BUDGET';

/** What is bought, or why nothing is. */
export type PurchasePlan =
  | ({ readonly kind: 'PLANNED'; readonly offer: OfferCandidate; readonly quantity: number } & OfferCost)
  | { readonly kind: 'NOT_PLANNED'; readonly reason: NoPurchaseReason };

/**
 * Plans a purchase: the SKU's policy chooses among the offers that can bring any quantity at all, as if each brought what is wanted;
 * then as much is bought as the chosen one allows (its largest quantity, today's cap, its stock) and the budget pays. A quantity below
 * the offer's least is raised to it.
 */
export function planPurchase(candidates: readonly OfferCandidate[], question: PurchaseQuestion): PurchasePlan {
  const { policy, wanted, unitSize, excluded, chance } = question;
  const quantities = new Map(candidates.map((offer) => [offer.offerId, fittingQuantity(offer, question)]));
  const able = candidates.filter(({ offerId }) => (quantities.get(offerId) ?? 0) > 0);
  const alike = able.map((offer) => ({ ...offer, minQuantity: 1, maxQuantity: wanted, capLeft: null, stockCount: null }));
  const choice = chooseOffer(alike, { policy, quantity: wanted, unitSize, costLimit: null, excluded, chance });
  const offer = choice.kind === 'CHOSEN' ? able.find(({ offerId }) => offerId === choice.offer.offerId) : undefined;
  if (offer) {
    const quantity = quantities.get(offer.offerId) ?? 0;
    return { kind: 'PLANNED', offer, quantity, ...offerCost(offer, quantity, unitSize) };
  }
  return { kind: 'NOT_PLANNED', reason: refusedReason(candidates, question) };
}

/** The reason nearest to success, each offer asked for a quantity that it sells. */
function refusedReason(candidates: readonly OfferCandidate[], question: PurchaseQuestion): NoPurchaseReason {
  const order: readonly NoPurchaseReason[] = ['NONE', 'QUANTITY', 'CAPPED', 'BROKEN', 'OUT_OF_STOCK', 'TOO_DEAR', 'BUDGET'];
  const { policy, unitSize, excluded, chance } = question;
  const nearest = candidates.map((offer): number => {
    const quantity = Math.max(offer.minQuantity, Math.min(question.wanted, offer.maxQuantity));
    const least = chooseOffer([offer], { policy, quantity: offer.minQuantity, unitSize, costLimit: null, excluded, chance });
    if (least.kind === 'CHOSEN') return order.indexOf('BUDGET');
    const asked = chooseOffer([offer], { policy, quantity, unitSize, costLimit: null, excluded, chance });
    return order.indexOf(asked.kind === 'CHOSEN' ? 'BUDGET' : asked.reason);
  });
  return order[Math.max(0, ...nearest)] ?? 'NONE';
}

/** As many as the offer brings and the budget pays, up to what is wanted; 0 when not even its least. */
function fittingQuantity(offer: OfferCandidate, { wanted, unitSize, budgetLeft, excluded }: PurchaseQuestion): number {
  if (excluded.has(offer.offerId) || offer.isBroken) return 0;
  const most = Math.min(offer.maxQuantity, offer.capLeft ?? offer.maxQuantity, offer.stockCount ?? offer.maxQuantity);
  const isPaid = (quantity: number) => compareMoney(offerCost(offer, quantity, unitSize).quotedCost, budgetLeft) <= 0;
  if (most < offer.minQuantity || !isPaid(offer.minQuantity)) return 0;
  let least = offer.minQuantity;
  let over = Math.max(offer.minQuantity, Math.min(wanted, most)) + 1;
  // the cost grows with the quantity: the largest that is paid lies from `least` up to `over`
  while (over - least > 1) {
    const middle = Math.floor((least + over) / 2);
    if (isPaid(middle)) least = middle;
    else over = middle;
  }
  return least;
}

/** How long to wait after so many failures in a row: from half a minute, doubled, up to an hour. */
export function backOffSeconds(failureCount: number): number {
  return Math.min(3_600, 30 * 2 ** Math.max(0, failureCount - 1));
}

/** Failures in a row after which a person is told. */
export const FAILURES_UNTOLD_MAX = 2;

function isCount(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= most;
}

function isAmount(text: string, currency: CurrencyCode): boolean {
  return /^\d{1,14}(\.\d{1,4})?$/.test(text) && isAmountText(text, currency);
}
