import { type CurrencyCode, decimal4, isAmountText } from '#server/platform/money.ts';

// When an alert begins and ends (console: alerts that need a decision). An alert stands for one cause, which lasts: it is raised
// when the cause begins, never again while it lasts, and it ends with it. What a person resolves is off the list at once, and
// comes back only after the cause has ended and begun anew.

/**
 * What can need a decision. PRICE_INVERTED: the station's own absolute price, or the ceiling, is below what it pays, so its
 * children cannot buy (domain §3). BELOW_COST: the next key costs the owner more than it asks, so the cost guard hides the SKU.
 * WALLET_LOW, STOCK_LOW: below the threshold that the station has set.
 * LICENCE_EXPIRING, LICENCE_EXPIRED: a supplier's document ends soon, or has ended and freezes what it covers (domain §7).
 * REPLENISHMENT_WAITING: stock is to be bought, and a person has to decide or to help. STOCK_EXPIRING: keys for sale are good for
 * a few days only.
 * OFFER_ABOVE_AGREED: an offer costs more than was agreed (最低价保障). SUPPLIER_SHARE: one supplier carries more than 80 % of a SKU (§7).
 * ORDER_NEEDS_ATTENTION: purchases of the station's goods wait for a person, or an order holds card keys that were supplied twice. SUPPLIER_DOWN: an upstream does not answer.
 */
export type AlertKind =
  | 'PRICE_INVERTED'
  | 'BELOW_COST'
  | 'WALLET_LOW'
  | 'STOCK_LOW'
  | 'ORDER_NEEDS_ATTENTION'
  | 'SUPPLIER_DOWN'
  | 'LICENCE_EXPIRING'
  | 'LICENCE_EXPIRED'
  | 'OFFER_ABOVE_AGREED'
  | 'SUPPLIER_SHARE'
  | 'REPLENISHMENT_WAITING'
  | 'STOCK_EXPIRING';

/** Plain facts of an alert as they were when it was raised: amounts as decimal texts, counts; for the station alone. */
export type AlertData = Readonly<Record<string, string | number>>;

/** Whether a cause is there now, for one station and subject (a SKU, or the station whose wallet it is). */
export type Condition = {
  readonly stationId: string;
  readonly kind: AlertKind;
  readonly subjectId: string;
  readonly holds: boolean;
  readonly data: AlertData;
};

/** An alert whose cause lasted when it was last looked at. */
export type LiveAlert = Pick<Condition, 'stationId' | 'kind' | 'subjectId' | 'data'> & { readonly id: string };

/** What changes: causes that began, causes that ended, and those that last with other facts. */
export type Crossings = {
  readonly begun: readonly Condition[];
  readonly ended: readonly LiveAlert[];
  readonly moved: readonly (LiveAlert & { readonly before: AlertData })[];
};

/** Compares what holds now with what is known: each cause is told once, however often it is looked at. */
export function crossings(live: readonly LiveAlert[], conditions: readonly Condition[]): Crossings {
  const known = new Map(live.map((alert) => [keyOf(alert), alert]));
  const asked = new Map(conditions.map((condition) => [keyOf(condition), condition]));
  const begun: Condition[] = [];
  const ended: LiveAlert[] = [];
  const moved: (LiveAlert & { before: AlertData })[] = [];
  for (const [key, condition] of asked) {
    const alert = known.get(key);
    if (!alert && condition.holds) begun.push(condition);
    if (alert && !condition.holds) ended.push(alert);
    if (alert && condition.holds && !sameData(alert.data, condition.data))
      moved.push({ ...alert, data: condition.data, before: alert.data });
  }
  return { begun, ended, moved };
}

/** The largest stock that a threshold can name. */
export const THRESHOLD_COUNT_MAX = 1000;

/** What is wrong with a wallet's threshold, or null: an amount above zero in the network's currency; null takes it away. */
export function walletThresholdProblem(amount: string | null, currency: CurrencyCode): string | null {
  if (amount === null) return null;
  if (!/^\d{1,14}(\.\d{1,4})?$/.test(amount) || !isAmountText(amount, currency))
    return `an amount in ${currency} is a decimal text such as 100.00`;
  return decimal4(amount) > 0n ? null : 'a threshold is above zero';
}

/** What is wrong with a stock's threshold, or null; a count of null takes it away. */
export function stockThresholdProblem(count: number | null): string | null {
  if (count === null || (Number.isSafeInteger(count) && count >= 1 && count <= THRESHOLD_COUNT_MAX)) return null;
  return `a threshold is 1 to ${THRESHOLD_COUNT_MAX}`;
}

function keyOf({ stationId, kind, subjectId }: Pick<Condition, 'stationId' | 'kind' | 'subjectId'>): string {
  return `${stationId} ${kind} ${subjectId}`;
}

function sameData(a: AlertData, b: AlertData): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => a[name] === b[name]);
}
