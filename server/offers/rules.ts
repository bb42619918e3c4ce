import type { ConnectorKind } from '#server/connectors/connector.ts';
import {
  compareMoney,
  type Decimal4,
  decimal4,
  decimal4Text,
  type Money,
  moneyOf,
  roundedQuotient,
  scaleMoney,
} from '#server/platform/money.ts';

// Which offer fills an order (domain §3, §6; issue of supply, point 6). Pure: what an offer is, was and has left today is read
// by `loadCandidates`; chance is handed in.

/** How the offer of a SKU is chosen among those that can fill an order; the owner sets it for each SKU. */
export type RoutingPolicy = 'CHEAPEST' | 'FASTEST' | 'MOST_RELIABLE' | 'WEIGHTED';

/** Every routing policy. */
export const routingPolicies: readonly RoutingPolicy[] = ['CHEAPEST', 'FASTEST', 'MOST_RELIABLE', 'WEIGHTED'];

/**
 * An offer that is switched on, of an account that is, as routing sees it. Costs are for `unitSize` units of the SKU, as every unit
 * price is (§3): `unitCost` in the network's currency, `upstreamUnitCost` (four decimals) in the account's, `rate` (eight) between them.
 */
export type OfferCandidate = {
  readonly offerId: string;
  readonly skuId: string;
  readonly ownerId: string;
  readonly supplierId: string;
  readonly accountId: string;
  readonly connectorKind: ConnectorKind;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly unitCost: Money;
  readonly upstreamCurrency: string;
  readonly upstreamUnitCost: string;
  readonly rate: string;
  /** the goods in the upstream's words */
  readonly goods: Readonly<Record<string, string>>;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly leadTimeSeconds: number;
  /** the smaller goes first where the policy finds two alike */
  readonly priority: number;
  /** share of the orders under WEIGHTED; 0 takes part only while all are 0 */
  readonly weight: number;
  /** units that today's cap still allows; null without a cap */
  readonly capLeft: number | null;
  /** the account's circuit breaker lets nothing through now */
  readonly isBroken: boolean;
  /** units that the upstream is known to have; null: it does not say, or said it too long ago */
  readonly stockCount: number | null;
  /** deliveries among the settled attempts of the last 7 days, in basis points; null without any */
  readonly successBps: number | null;
  /** median time to deliver of the last 7 days; null without any delivery */
  readonly medianSeconds: number | null;
};

/** What is to be bought. `costLimit`: the most that all of it may cost; null where the owner bears losses. */
export type RoutingQuestion = {
  readonly policy: RoutingPolicy;
  readonly quantity: number;
  readonly unitSize: number;
  readonly costLimit: Money | null;
  /** offers that were tried for this line already */
  readonly excluded: ReadonlySet<string>;
  /** a number from 0 up to (not with) 1, for WEIGHTED */
  readonly chance: number;
};

/**
 * Why no offer fills an order, the reason nearest to success of all offers: NONE there is no offer (left), QUANTITY none sells so
 * many or so few, CAPPED today's cap is used up, BROKEN the supplier does not answer, OUT_OF_STOCK, TOO_DEAR.
 */
export type NoOfferReason = 'NONE' | 'QUANTITY' | 'CAPPED' | 'BROKEN' | 'OUT_OF_STOCK' | 'TOO_DEAR';

/**
 * The chosen offer. `quotedCost`: what all of it will cost at most, in the network's currency; `upstreamMaxCost`: the same in the
 * upstream's (a decimal text), never more than the first after conversion and rounding.
 */
export type OfferChoice =
  | { readonly kind: 'CHOSEN'; readonly offer: OfferCandidate; readonly quotedCost: Money; readonly upstreamMaxCost: string }
  | { readonly kind: 'NO_OFFER'; readonly reason: NoOfferReason };

/** What a quantity of an offer costs at most. */
export type OfferCost = { readonly quotedCost: Money; readonly upstreamMaxCost: string };

// in the order of nearness to success
const REASONS: readonly NoOfferReason[] = ['NONE', 'QUANTITY', 'CAPPED', 'BROKEN', 'OUT_OF_STOCK', 'TOO_DEAR'];

/** An offer nobody has bought from for a week is taken to be so reliable: below a good record, above a bad one. */
const UNPROVEN_BPS = 9_500;

/**
 * Chooses the offer that fills an order by the SKU's policy: the cheapest, the fastest (by its record, else by the lead time that was
 * told), the most reliable (by its record), or by chance in proportion to the weights. Two alike: the smaller priority, then the
 * elder offer. Never one that is excluded, sells no such quantity, is capped, broken, sold out, or dearer than the limit.
 */
export function chooseOffer(candidates: readonly OfferCandidate[], question: RoutingQuestion): OfferChoice {
  const fitting: { readonly offer: OfferCandidate; readonly cost: OfferCost }[] = [];
  let nearest = 0;
  for (const offer of candidates) {
    const reason = skipReason(offer, question);
    if (reason === null) fitting.push({ offer, cost: offerCost(offer, question.quantity, question.unitSize) });
    else nearest = Math.max(nearest, REASONS.indexOf(reason));
  }
  fitting.sort(
    (a, b) => byPolicy(question.policy, a, b) || a.offer.priority - b.offer.priority || (a.offer.offerId < b.offer.offerId ? -1 : 1),
  );
  const chosen = question.policy === 'WEIGHTED' ? drawn(fitting, question.chance) : fitting[0];
  return chosen ? { kind: 'CHOSEN', offer: chosen.offer, ...chosen.cost } : { kind: 'NO_OFFER', reason: REASONS[nearest] ?? 'NONE' };
}

/** Why this offer does not fill the order; null when it can. NONE: it was tried already. */
export function skipReason(offer: OfferCandidate, question: Omit<RoutingQuestion, 'policy' | 'chance'>): NoOfferReason | null {
  const { quantity, unitSize, costLimit, excluded } = question;
  if (excluded.has(offer.offerId)) return 'NONE';
  if (quantity < offer.minQuantity || quantity > offer.maxQuantity) return 'QUANTITY';
  if (offer.capLeft !== null && offer.capLeft < quantity) return 'CAPPED';
  if (offer.isBroken) return 'BROKEN';
  if (offer.stockCount !== null && offer.stockCount < quantity) return 'OUT_OF_STOCK';
  if (costLimit !== null && compareMoney(offerCost(offer, quantity, unitSize).quotedCost, costLimit) > 0) return 'TOO_DEAR';
  return null;
}

/**
 * What a quantity costs at most. Upstreams round a total to cents or do not round at all, so the larger of the two is what is
 * allowed; the network's cost is that amount converted and rounded: whatever is charged within the one is within the other.
 */
export function offerCost(
  { upstreamUnitCost, rate, unitCost: { currency } }: Pick<OfferCandidate, 'upstreamUnitCost' | 'rate' | 'unitCost'>,
  quantity: number,
  unitSize: number,
): OfferCost {
  const total = decimal4(upstreamUnitCost) * BigInt(quantity);
  const exact = roundedQuotient(total, BigInt(unitSize));
  const cents = roundedQuotient(total, BigInt(unitSize) * CENT) * CENT;
  const most = exact > cents ? exact : cents;
  return { quotedCost: converted(most, rate, currency, 'AMOUNT'), upstreamMaxCost: decimal4Text(most) };
}

const CENT = 100n;
const RATE_DECIMALS = 8;
const RATE_TEXT = /^(\d{1,10})(?:\.(\d{1,8})0*)?$/;
const WHOLE_RATE = 10n ** BigInt(RATE_DECIMALS);

/** Reads a rate: a number above zero with at most eight decimals, in hundred-millionths; null for any other text. */
export function rateOf(text: string): bigint | null {
  const parts = RATE_TEXT.exec(text);
  const rate = parts ? BigInt((parts[1] ?? '') + (parts[2] ?? '').padEnd(RATE_DECIMALS, '0')) : 0n;
  return rate > 0n ? rate : null;
}

/** An amount of an upstream's currency (a decimal text) in the network's: × rate, rounded once (§3), to a unit price or an amount. */
export function convertedCost(amount: string, rate: string, currency: Money['currency'], precision: 'AMOUNT' | 'UNIT_PRICE'): Money {
  return converted(decimal4(amount), rate, currency, precision);
}

function converted(amount: Decimal4, rateText: string, currency: Money['currency'], precision: 'AMOUNT' | 'UNIT_PRICE'): Money {
  const rate = rateOf(rateText);
  if (rate === null) throw new Error(`not a rate: ${rateText}`);
  return scaleMoney(moneyOf(amount, currency), rate, WHOLE_RATE, precision);
}

type Fitting = { readonly offer: OfferCandidate; readonly cost: OfferCost };

function byPolicy(policy: RoutingPolicy, a: Fitting, b: Fitting): number {
  switch (policy) {
    case 'CHEAPEST':
      return compareMoney(a.cost.quotedCost, b.cost.quotedCost) || compareMoney(a.offer.unitCost, b.offer.unitCost);
    case 'FASTEST':
      return secondsOf(a.offer) - secondsOf(b.offer);
    case 'MOST_RELIABLE':
      return (b.offer.successBps ?? UNPROVEN_BPS) - (a.offer.successBps ?? UNPROVEN_BPS);
    case 'WEIGHTED':
      return 0;
  }
}

function secondsOf({ medianSeconds, leadTimeSeconds }: OfferCandidate): number {
  return medianSeconds ?? leadTimeSeconds;
}

/** One of them by chance, in proportion to the weights; where all are 0, the first. */
function drawn(fitting: readonly Fitting[], chance: number): Fitting | undefined {
  const whole = fitting.reduce((sum, { offer }) => sum + offer.weight, 0);
  let place = chance * whole;
  for (const each of fitting) {
    if (place < each.offer.weight) return each;
    place -= each.offer.weight;
  }
  return fitting[0];
}
