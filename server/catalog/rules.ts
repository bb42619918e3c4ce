import { compareMoney, type Money, moneyOf, subtractMoney } from '#server/platform/money.ts';
import {
  type ChainStation,
  type ControlBand,
  type MarkupRule,
  type NotSellable,
  type PriceChain,
  type PricedSku,
  type NotSellableReason as PriceReason,
  quantityFits,
  type RuleBook,
  reasonFor,
  resolvePriceChain,
  winningRule,
} from '#server/pricing/rules.ts';

// What a station is shown of a SKU: its own price, the stock, and why it cannot buy (domain §2, §3). Pure. Nothing that is
// made here holds a price of the upline or a cost, but where the viewer is the owner.

/** Why a station cannot buy a SKU now. UNAVAILABLE stands for reasons that would tell about its upline. */
export type OfferReason = PriceReason | 'STATION_FROZEN' | 'OUT_OF_STOCK' | 'UNAVAILABLE';

/** Stock as it is shown: a number up to `STOCK_COUNT_MAX`, else "many" and no number. */
export type Stock = { readonly availableCount: number | null; readonly many: boolean };

/** From `minQuantity` units on, the buyer pays `unitPrice` (per unitSize units). */
export type OfferBreak = { readonly minQuantity: number; readonly unitPrice: Money };

/** A SKU as one station may buy it. `unitPrice` is that of the SKU's minimum quantity; null when it has none. */
export type Offer = {
  readonly unitPrice: Money | null;
  readonly priceBreaks: readonly OfferBreak[];
  readonly stock: Stock;
  readonly notSellable: OfferReason | null;
};

/** What an offer is made from. `line` runs from HQ to the station that asks; `stockMax` is the count above which stock is "many". */
export type OfferFacts = {
  readonly sku: PricedSku & { readonly deliveryKind: 'FROM_STOCK' | 'SOURCED' };
  readonly line: readonly ChainStation[];
  readonly rules: RuleBook;
  readonly band: ControlBand | null;
  readonly availableCount: number;
  readonly nextUnitCost: Money | null;
  readonly stockMax: number;
};

/**
 * The offer of a SKU to the last station of the line. A price is shown where there is one, also when the shelf is empty or the
 * line is frozen; without a price the stock is not shown either, but to the owner.
 */
export function offerOf(facts: OfferFacts): Offer {
  const { sku, line, rules, band, nextUnitCost } = facts;
  const viewer = viewerOf(line);
  const stock = stockOf(facts.availableCount, facts.stockMax);
  const chain = resolvePriceChain({ sku, path: line, rules, band, quantity: sku.minQuantity, nextUnitCost });
  if (chain.kind === 'NOT_SELLABLE') {
    const notSellable = reasonFor(viewer.id, chain);
    return { unitPrice: null, priceBreaks: [], stock: sku.ownerId === viewer.id ? stock : NONE, notSellable };
  }
  const unitPrice = lastHop(chain).unitPrice;
  return { unitPrice, priceBreaks: offerBreaks(facts, chain), stock, notSellable: obstacle(facts) };
}

/** A quantity's price for one station, or why not. The owner's cost guard is on the whole cost of the keys that would be taken. */
export type Quoted =
  | { kind: 'QUOTED'; unitPrice: Money; total: Money; stock: Stock; walletAfter: Money | null }
  | { kind: 'NOT_SELLABLE'; reason: OfferReason }
  | { kind: 'QUANTITY_OUT_OF_RANGE'; minQuantity: number; maxQuantity: number; quantityStep: number };

/**
 * What the last station of the line would pay for `quantity` units now. `cost` is that of the next `quantity` keys, null when
 * there are fewer; `wallet` what the station has, null where the reader may not know. An order placed at once is charged exactly
 * this (domain §3), unless stock or prices move in between. `walletAfter` below zero is money that is missing or credit.
 */
export function quoteOf(
  facts: OfferFacts & { readonly quantity: number; readonly cost: Money | null; readonly wallet: Money | null },
): Quoted {
  const { sku, line, rules, band, quantity, cost } = facts;
  const viewer = viewerOf(line);
  // in the order in which an order is refused
  if (line.some(({ status }) => status !== 'ACTIVE')) return notSellable('STATION_FROZEN');
  const listed = resolvePriceChain({ sku, path: line, rules, band, quantity: sku.minQuantity });
  if (listed.kind === 'NOT_SELLABLE' && listed.reason === 'NOT_LISTED') return notSellable('NOT_LISTED');
  if (!quantityFits(sku, quantity)) {
    return { kind: 'QUANTITY_OUT_OF_RANGE', minQuantity: sku.minQuantity, maxQuantity: sku.maxQuantity, quantityStep: sku.quantityStep };
  }
  const chain = resolvePriceChain({ sku, path: line, rules, band, quantity });
  if (chain.kind === 'NOT_SELLABLE') return notSellable(reasonFor(viewer.id, chain));
  if (cost && isBelowCost(chain, line, cost)) return notSellable(reasonFor(viewer.id, belowCost(sku.ownerId)));
  const stands = obstacle(facts);
  if (stands) return notSellable(stands);
  const { unitPrice, total } = lastHop(chain);
  const walletAfter = facts.wallet && subtractMoney(facts.wallet, total);
  return { kind: 'QUOTED', unitPrice, total, stock: stockOf(facts.availableCount, facts.stockMax), walletAfter };
}

/** One line of a station's price table: what it pays, what the child (or level, or everyone) pays, what it earns, per unitSize units. */
export type PriceTableEntry = {
  /** what the station pays; for the owner, what its next key costs. Null when it has no price or no stock */
  readonly cost: Money | null;
  readonly price: Money | null;
  /** price − cost of one unitSize; null when either is */
  readonly margin: Money | null;
  /** the station's rule that made the price; null when none applies */
  readonly rule: MarkupRule | null;
  readonly clamped: boolean;
  /** bounds of the price; null where none hold (the owner's own price to its children has none) */
  readonly floor: Money | null;
  readonly ceiling: Money | null;
  readonly notSellable: OfferReason | null;
};

/** Stands for a child without rules of its own: no station has this id. */
export const ANY_CHILD = 'any child';

const DEFAULT_CEILING_TIMES = 3n;

/**
 * The price table's line for a SKU, at its minimum quantity. `line` runs from HQ to the seller; `target` is a child, or with
 * the id `ANY_CHILD` stands for any child of a level, or of none. The reason is told as to the seller.
 */
export function priceTableEntryOf(facts: OfferFacts & { readonly target: Pick<ChainStation, 'id' | 'levelId'> }): PriceTableEntry {
  const { sku, line, rules, band, target, nextUnitCost } = facts;
  const seller = viewerOf(line);
  const quantity = sku.minQuantity;
  const isOwner = sku.ownerId === seller.id;
  const own = isOwner ? null : resolvePriceChain({ sku, path: line, rules, band, quantity });
  const buyer: ChainStation = { ...target, status: 'ACTIVE', costGuard: 'HIDE' };
  const sold = resolvePriceChain({ sku, path: [...line, buyer], rules, band, quantity, nextUnitCost });
  const rule = winningRule(rules, seller.id, buyer, sku);
  const ownPrice = own?.kind === 'PRICED' ? lastHop(own).unitPrice : null;
  const cost = isOwner ? nextUnitCost && perUnitSize(nextUnitCost, sku.unitSize) : ownPrice;
  const bounds = own?.kind === 'PRICED' ? boundsOf(own, band) : { floor: null, ceiling: null };
  if (sold.kind === 'NOT_SELLABLE') {
    return { cost, price: null, margin: null, rule, clamped: false, ...bounds, notSellable: reasonFor(seller.id, sold) };
  }
  const { unitPrice: price, clamped } = lastHop(sold);
  const margin = cost && subtractMoney(price, cost);
  return { cost, price, margin, rule, clamped: clamped !== null, ...bounds, notSellable: null };
}

/** What a count of keys for sale looks like: above `stockMax` it is "many". */
export function stockOf(availableCount: number, stockMax: number): Stock {
  return availableCount > stockMax ? { availableCount: null, many: true } : { availableCount, many: false };
}

const NONE: Stock = { availableCount: 0, many: false };

/** What stands between a priced SKU and an order: the line, the way of delivery, the shelf. */
function obstacle({ sku, line, availableCount }: OfferFacts): OfferReason | null {
  if (line.some(({ status }) => status !== 'ACTIVE')) return 'STATION_FROZEN';
  if (sku.deliveryKind === 'SOURCED') return 'UNAVAILABLE';
  return availableCount < sku.minQuantity ? 'OUT_OF_STOCK' : null;
}

/** Quantities above the minimum at which the buyer's unit price changes, with that price. */
function offerBreaks(facts: OfferFacts, atMinimum: PriceChain): OfferBreak[] {
  const { sku, line, rules, band } = facts;
  const breaks: OfferBreak[] = [];
  let before = lastHop(atMinimum).unitPrice;
  for (const quantity of breakQuantities(facts, atMinimum)) {
    const chain = resolvePriceChain({ sku, path: line, rules, band, quantity });
    if (chain.kind === 'NOT_SELLABLE') continue;
    const { unitPrice } = lastHop(chain);
    if (compareMoney(unitPrice, before) !== 0) breaks.push({ minQuantity: quantity, unitPrice });
    before = unitPrice;
  }
  return breaks;
}

/** The orderable quantities at which a rule of the chain takes another value, ascending. Which rule wins does not depend on quantity. */
function breakQuantities({ sku, line, rules }: OfferFacts, chain: PriceChain): number[] {
  const quantities = new Set<number>();
  for (const hop of chain.hops) {
    const buyer = line.find(({ id }) => id === hop.buyerId);
    const rule = buyer && winningRule(rules, hop.sellerId, buyer, sku);
    for (const { minQuantity } of rule?.breaks ?? []) {
      const steps = Math.ceil((minQuantity - sku.minQuantity) / sku.quantityStep);
      const quantity = sku.minQuantity + steps * sku.quantityStep;
      if (steps > 0 && quantity <= sku.maxQuantity) quantities.add(quantity);
    }
  }
  return [...quantities].sort((a, b) => a - b);
}

function isBelowCost(chain: PriceChain, line: readonly ChainStation[], cost: Money): boolean {
  const first = chain.hops[0];
  return first !== undefined && line[chain.ownerIndex]?.costGuard === 'HIDE' && compareMoney(first.total, cost) < 0;
}

function belowCost(ownerId: string): NotSellable {
  return { kind: 'NOT_SELLABLE', reason: 'BELOW_COST', stationId: ownerId };
}

/** The band of the seller's price to its children: what its own chain begins with decides the default ceiling (domain §3). */
function boundsOf(own: PriceChain, band: ControlBand | null): { floor: Money | null; ceiling: Money | null } {
  const first = own.hops[0]?.unitPrice;
  const usual = first ? moneyOf(first.tenThousandths * DEFAULT_CEILING_TIMES, first.currency) : null;
  return { floor: band?.floor ?? null, ceiling: band?.ceiling ?? usual };
}

function perUnitSize(unitCost: Money, unitSize: number): Money {
  return moneyOf(unitCost.tenThousandths * BigInt(unitSize), unitCost.currency);
}

function notSellable(reason: OfferReason): Quoted {
  return { kind: 'NOT_SELLABLE', reason };
}

function viewerOf(line: readonly ChainStation[]): ChainStation {
  const viewer = line.at(-1);
  if (!viewer) throw new Error('a line has at least one station');
  return viewer;
}

function lastHop(chain: PriceChain): PriceChain['hops'][number] {
  const hop = chain.hops.at(-1);
  if (!hop) throw new Error('a chain has at least one hop');
  return hop;
}
