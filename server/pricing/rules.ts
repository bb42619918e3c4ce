import {
  addMoney,
  type CurrencyCode,
  compareMoney,
  type Decimal4,
  isZero,
  type Money,
  moneyOf,
  scaleMoney,
} from '#server/platform/money.ts';

// Prices of domain §3. A chain is followed from the owner down: base price → P(1) → P(2) → … → what the buyer pays.
// Worked example: base 47.50, +1 % → 47.9750, +0.30 → 48.2750, +2 % → 49.2405; three of them cost 147.72.

/** PERCENT of the start, FIXED amount added to it, or an absolute PRICE; per unitSize units. */
export type MarkupKind = 'PERCENT' | 'FIXED' | 'PRICE';
/** What an absolute PRICE does when the start is above it (倒挂). */
export type InversionPolicy = 'HIDE' | 'RAISE_TO_START';
/** The owner's policy when the cost is above T(1). */
export type CostGuardPolicy = 'HIDE' | 'ALLOW_LOSS';
/** Status of a station; only ACTIVE ones let new orders through. */
export type StationStatus = 'ACTIVE' | 'FROZEN' | 'CLOSED';
/** State of a listing; only LIVE is for sale. */
export type ListingState = 'DRAFT' | 'SUBMITTED' | 'APPROVED' | 'LIVE' | 'PAUSED' | 'RETIRED' | 'REJECTED';

/** From `minQuantity` units on, `value` replaces the rule's value. */
export type PriceBreak = { minQuantity: number; value: Decimal4 };

/** A valid version of a markup rule. Target: child, level or everyone (both null). Scope: SKU, product, category or everything. */
export type MarkupRule = {
  id: string;
  stationId: string;
  childId: string | null;
  levelId: string | null;
  skuId: string | null;
  productId: string | null;
  categoryId: string | null;
  kind: MarkupKind;
  /** percent (1.5 % is 15000n) or an amount of the currency per unitSize units, both in ten-thousandths */
  value: Decimal4;
  breaks: readonly PriceBreak[];
  inversion: InversionPolicy;
  currency: CurrencyCode;
};

/** What prices need to know of a SKU. `categoryPath` runs from the top category to the product's own. */
export type PricedSku = {
  id: string;
  productId: string;
  categoryPath: readonly string[];
  ownerId: string;
  basePrice: Money;
  unitSize: number;
  minQuantity: number;
  maxQuantity: number;
  quantityStep: number;
  listingState: ListingState;
};

/** A station on the way from HQ to the buyer, with the level that its parent gave it. */
export type ChainStation = { id: string; levelId: string | null; status: StationStatus; costGuard: CostGuardPolicy };

/** The owner's floor and ceiling for P(i), i ≥ 2; null is not set (the ceiling is then 3 × P(1)). */
export type ControlBand = { id: string; floor: Money | null; ceiling: Money | null };

/** Why a SKU has no price for a buyer. */
export type NotSellableReason = 'OWN_GOODS' | 'NOT_LISTED' | 'INVERTED' | 'ABOVE_CEILING' | 'ZERO_TOTAL' | 'BELOW_COST';

/** No price; `stationId` is whose rule, goods or cost it comes from, and who may be told the reason in full. */
export type NotSellable = { kind: 'NOT_SELLABLE'; reason: NotSellableReason; stationId: string };

/** One hop: what `buyerId` pays to `sellerId`. `start` is the price before the seller's rule. */
export type PriceHop = {
  sellerId: string;
  buyerId: string;
  start: Money;
  unitPrice: Money;
  total: Money;
  ruleId: string | null;
  /** the band in force for this hop; null for P(1) and where none is set */
  bandId: string | null;
  clamped: 'FLOOR' | 'CEILING' | null;
};

/** The chain from the owner (path[ownerIndex]) to the buyer: hops[0] is P(1), the last is what the buyer pays. */
export type PriceChain = { kind: 'PRICED'; ownerIndex: number; hops: readonly PriceHop[] };

/** Valid rules by station, target and scope, so that a hop finds its rule in a few look-ups. */
export type RuleBook = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, MarkupRule>>>;

/** What `resolvePriceChain` needs. `path` runs from HQ to the buyer. `nextUnitCost`, when given, is the catalogue's cost guard. */
export type PriceQuestion = {
  sku: PricedSku;
  path: readonly ChainStation[];
  rules: RuleBook;
  band: ControlBand | null;
  quantity: number;
  nextUnitCost?: Money | null;
};

/** A price that a rule would ask for and the band forbids. `unitPrice` is before clamping. */
export type BandBreak = { skuId: string; childId: string; quantity: number; unitPrice: Money; side: 'FLOOR' | 'CEILING'; bound: Money };

/** What is wrong with a markup rule as typed in; the field names are those of the API. */
export type MarkupProblem = { field: 'value' | 'breaks' | 'childId' | 'skuId'; problem: string };

const EVERYONE = '';
const EVERYTHING = '';
const PERCENT_ONE = 1_000_000n; // 100 % in ten-thousandths of a percent
const DEFAULT_CEILING_TIMES = 3n;

/**
 * The price chain of one SKU for one buyer and quantity (domain §3). Refuses: NOT_LISTED (not live, or its owner is not
 * above the buyer), OWN_GOODS, ABOVE_CEILING, INVERTED, ZERO_TOTAL, BELOW_COST (only when `nextUnitCost` is given and the
 * owner's policy is HIDE). Whether the quantity is allowed is `quantityFits`; whether a station is frozen is the order's question.
 */
export function resolvePriceChain(question: PriceQuestion): PriceChain | NotSellable {
  const { sku, path, nextUnitCost } = question;
  const ownerIndex = path.findIndex((station) => station.id === sku.ownerId);
  const owner = path[ownerIndex];
  if (!owner || sku.listingState !== 'LIVE') return notSellable('NOT_LISTED', sku.ownerId);
  if (ownerIndex === path.length - 1) return notSellable('OWN_GOODS', owner.id);
  const hops: PriceHop[] = [];
  for (let index = ownerIndex; index < path.length - 1; index++) {
    const hop = priceHop(question, index, hops);
    if ('kind' in hop) return hop;
    hops.push(hop);
  }
  const first = hops[0];
  if (first && nextUnitCost && owner.costGuard === 'HIDE' && isUnitBelowCost(first.unitPrice, sku.unitSize, nextUnitCost)) {
    return notSellable('BELOW_COST', owner.id);
  }
  return { kind: 'PRICED', ownerIndex, hops };
}

/**
 * The reason as this viewer may know it: that a price is below cost, inverted or above a ceiling would tell the downline
 * about what its upline pays, so only the station that it comes from is told; the others read UNAVAILABLE (domain §2).
 */
export function reasonFor(viewerId: string, refusal: NotSellable): NotSellableReason | 'UNAVAILABLE' {
  const tellsOfUpline = refusal.reason === 'BELOW_COST' || refusal.reason === 'INVERTED' || refusal.reason === 'ABOVE_CEILING';
  return tellsOfUpline && refusal.stationId !== viewerId ? 'UNAVAILABLE' : refusal.reason;
}

/** True when the quantity is a whole number from the minimum to the maximum, in steps counted from the minimum. */
export function quantityFits(sku: PricedSku, quantity: number): boolean {
  const { minQuantity, maxQuantity, quantityStep } = sku;
  if (!Number.isSafeInteger(quantity) || quantity < minQuantity || quantity > maxQuantity) return false;
  return (quantity - minQuantity) % quantityStep === 0;
}

/** T = round(P × quantity ÷ unitSize) to the currency's decimals (domain §3). */
export function totalOf(unitPrice: Money, quantity: number, unitSize: number): Money {
  return scaleMoney(unitPrice, BigInt(quantity), BigInt(unitSize), 'AMOUNT');
}

/** Catalogue's cost guard: true when P, per unitSize units, is below what that many units cost. */
export function isUnitBelowCost(unitPrice: Money, unitSize: number, unitCost: Money): boolean {
  return compareMoney(unitPrice, moneyOf(unitCost.tenThousandths * BigInt(unitSize), unitCost.currency)) < 0;
}

/** Puts valid rules where a hop finds them. Two rules of one station for the same target and scope throw: the database forbids them. */
export function ruleBook(rules: Iterable<MarkupRule>): RuleBook {
  const book = new Map<string, Map<string, Map<string, MarkupRule>>>();
  for (const rule of rules) {
    const targets = child(book, rule.stationId);
    const scopes = child(targets, targetOf(rule));
    if (scopes.has(scopeOf(rule))) throw new Error(`two valid markup rules for one target and scope: ${rule.id}`);
    scopes.set(scopeOf(rule), rule);
  }
  return book;
}

/**
 * The seller's rule for this child and SKU: child over level over everyone; within each, SKU over product over the nearest
 * category over everything (domain §3). Null: the child pays the start.
 */
export function winningRule(
  rules: RuleBook,
  sellerId: string,
  buyer: Pick<ChainStation, 'id' | 'levelId'>,
  sku: PricedSku,
): MarkupRule | null {
  const targets = rules.get(sellerId);
  if (!targets) return null;
  for (const target of [buyer.id, buyer.levelId, EVERYONE]) {
    const scopes = target === null ? undefined : targets.get(target);
    const rule = scopes && mostSpecific(scopes, sku);
    if (rule) return rule;
  }
  return null;
}

/** The entry for the SKU, else its product, else its nearest category, else everything (key ''). Used by rules and commission plans. */
export function mostSpecific<Entry>(byScope: ReadonlyMap<string, Entry>, sku: PricedSku): Entry | null {
  const narrow = byScope.get(sku.id) ?? byScope.get(sku.productId);
  if (narrow !== undefined) return narrow;
  for (let index = sku.categoryPath.length - 1; index >= 0; index--) {
    const entry = byScope.get(sku.categoryPath[index] ?? EVERYTHING);
    if (entry !== undefined) return entry;
  }
  return byScope.get(EVERYTHING) ?? null;
}

/** The key of a rule's or a plan's scope in a map for `mostSpecific`. */
export function scopeOf(scoped: Pick<MarkupRule, 'skuId' | 'productId' | 'categoryId'>): string {
  return scoped.skuId ?? scoped.productId ?? scoped.categoryId ?? EVERYTHING;
}

/** The rule's value at a quantity: that of the break with the largest minQuantity not above it, else the rule's own. */
export function valueAt(rule: Pick<MarkupRule, 'value' | 'breaks'>, quantity: number): Decimal4 {
  let value = rule.value;
  let reached = 0;
  for (const step of rule.breaks) {
    if (step.minQuantity > quantity || step.minQuantity <= reached) continue;
    reached = step.minQuantity;
    value = step.value;
  }
  return value;
}

/**
 * Where a rule that is about to be saved would ask one of today's children for a price outside the band, at any quantity.
 * `line` runs from HQ to the rule's station; `rules` are those valid today (the one it replaces may still be among them).
 * A SKU's rule with such breaks is refused and names them; wider ones are saved and report them as clamps (domain §3).
 */
export function markupRuleBandBreaks(question: {
  rule: MarkupRule;
  sku: PricedSku;
  line: readonly ChainStation[];
  children: readonly ChainStation[];
  rules: RuleBook;
  band: ControlBand | null;
}): BandBreak[] {
  const { rule, sku, line, children, band } = question;
  const rules = withRule(question.rules, rule);
  const touched = children.filter((station) => winningRule(rules, rule.stationId, station, sku) === rule);
  if (touched.length === 0 || rule.stationId === sku.ownerId) return [];
  return quantitiesThatMatter(rules, sku).flatMap((quantity) => {
    const chain = resolvePriceChain({ sku, path: line, rules, band, quantity });
    const clamped = chain.kind === 'PRICED' && clampOfRule(rule, chain, quantity, band);
    return clamped ? touched.map((station) => ({ skuId: sku.id, childId: station.id, quantity, ...clamped })) : [];
  });
}

/** What is wrong with a markup rule before it is saved: negative values, breaks that do not ascend, two targets, two scopes. */
export function markupRuleProblems(rule: Omit<MarkupRule, 'id' | 'stationId'>): MarkupProblem[] {
  const problems: MarkupProblem[] = [];
  const minQuantities = rule.breaks.map((step) => step.minQuantity);
  if (rule.value < 0n) problems.push({ field: 'value', problem: 'a markup is never negative' });
  if (rule.breaks.some((step) => step.value < 0n)) problems.push({ field: 'breaks', problem: 'a markup is never negative' });
  if (minQuantities.some((quantity) => !Number.isSafeInteger(quantity) || quantity < 1)) {
    problems.push({ field: 'breaks', problem: 'a break begins at a whole quantity of at least 1' });
  }
  if (minQuantities.some((quantity, index) => index > 0 && quantity <= (minQuantities[index - 1] ?? 0))) {
    problems.push({ field: 'breaks', problem: 'breaks ascend and are distinct' });
  }
  if (rule.childId !== null && rule.levelId !== null) problems.push({ field: 'childId', problem: 'a child or a level, not both' });
  if ([rule.skuId, rule.productId, rule.categoryId].filter((id) => id !== null).length > 1) {
    problems.push({ field: 'skuId', problem: 'a SKU, a product or a category, only one' });
  }
  return problems;
}

/** What is wrong with a control band before it is saved, or null: negative bounds, no room for a price, a floor above the ceiling. */
export function controlBandProblem(band: Omit<ControlBand, 'id'>): { field: 'floor' | 'ceiling'; problem: string } | null {
  const { floor, ceiling } = band;
  if (floor && floor.tenThousandths < 0n) return { field: 'floor', problem: 'a floor is never negative' };
  if (ceiling && ceiling.tenThousandths <= 0n) return { field: 'ceiling', problem: 'a ceiling is above zero' };
  if (floor && ceiling && compareMoney(floor, ceiling) > 0) return { field: 'ceiling', problem: 'the ceiling is below the floor' };
  return null;
}

function priceHop(question: PriceQuestion, index: number, hops: readonly PriceHop[]): PriceHop | NotSellable {
  const { sku, path, rules, band, quantity } = question;
  const seller = path[index];
  const buyer = path[index + 1];
  if (!seller || !buyer) throw new Error('the chain ends before the path');
  const start = hops.at(-1)?.unitPrice ?? sku.basePrice;
  const bounds = hops[0] ? boundsOf(band, hops[0].unitPrice) : NO_BOUNDS;
  if (bounds.ceiling && compareMoney(start, bounds.ceiling) > 0) return notSellable('ABOVE_CEILING', seller.id);
  const rule = winningRule(rules, seller.id, buyer, sku);
  const asked = rule ? applyRule(start, rule, quantity) : start;
  if (!asked) return notSellable('INVERTED', seller.id);
  const { price, clamped } = clamp(asked, bounds);
  // a floor above the default ceiling leaves no price that keeps the band
  if (bounds.ceiling && compareMoney(price, bounds.ceiling) > 0) return notSellable('ABOVE_CEILING', seller.id);
  const total = totalOf(price, quantity, sku.unitSize);
  if (isZero(total)) return notSellable('ZERO_TOTAL', seller.id);
  const bandId = hops.length > 0 && band ? band.id : null;
  return { sellerId: seller.id, buyerId: buyer.id, start, unitPrice: price, total, ruleId: rule?.id ?? null, bandId, clamped };
}

/** The price that a rule makes of a start; null when an absolute PRICE is below the start and the rule says HIDE. */
function applyRule(start: Money, rule: MarkupRule, quantity: number): Money | null {
  const value = valueAt(rule, quantity);
  if (rule.kind === 'PERCENT') return addMoney(start, scaleMoney(start, value, PERCENT_ONE, 'UNIT_PRICE'));
  const amount = moneyOf(value, rule.currency);
  if (rule.kind === 'FIXED') return addMoney(start, amount);
  if (compareMoney(start, amount) <= 0) return amount;
  return rule.inversion === 'RAISE_TO_START' ? start : null;
}

type Bounds = { floor: Money | null; ceiling: Money | null };
const NO_BOUNDS: Bounds = { floor: null, ceiling: null };

function boundsOf(band: ControlBand | null, firstPrice: Money): Bounds {
  const ceiling = band?.ceiling ?? moneyOf(firstPrice.tenThousandths * DEFAULT_CEILING_TIMES, firstPrice.currency);
  return { floor: band?.floor ?? null, ceiling };
}

function clamp(asked: Money, { floor, ceiling }: Bounds): { price: Money; clamped: PriceHop['clamped'] } {
  if (floor && compareMoney(asked, floor) < 0) return { price: floor, clamped: 'FLOOR' };
  if (ceiling && compareMoney(asked, ceiling) > 0) return { price: ceiling, clamped: 'CEILING' };
  return { price: asked, clamped: null };
}

function clampOfRule(
  rule: MarkupRule,
  { hops }: PriceChain,
  quantity: number,
  band: ControlBand | null,
): Pick<BandBreak, 'unitPrice' | 'side' | 'bound'> | null {
  const first = hops[0];
  const start = hops.at(-1)?.unitPrice;
  const unitPrice = start && applyRule(start, rule, quantity);
  if (!first || !unitPrice) return null;
  const { price: bound, clamped: side } = clamp(unitPrice, boundsOf(band, first.unitPrice));
  return side && { unitPrice, side, bound };
}

/** Prices only change at the minimum and where a break begins, so these quantities show every price of the SKU. */
function quantitiesThatMatter(rules: RuleBook, sku: PricedSku): number[] {
  const quantities = new Set([sku.minQuantity]);
  for (const targets of rules.values()) {
    for (const scopes of targets.values()) {
      for (const rule of scopes.values()) for (const step of rule.breaks) quantities.add(step.minQuantity);
    }
  }
  return [...quantities].filter((quantity) => quantity >= sku.minQuantity && quantity <= sku.maxQuantity).sort((a, b) => a - b);
}

function withRule(rules: RuleBook, rule: MarkupRule): RuleBook {
  const scopes = new Map(rules.get(rule.stationId)?.get(targetOf(rule))).set(scopeOf(rule), rule);
  const targets = new Map(rules.get(rule.stationId)).set(targetOf(rule), scopes);
  return new Map(rules).set(rule.stationId, targets);
}

function targetOf(rule: Pick<MarkupRule, 'childId' | 'levelId'>): string {
  return rule.childId ?? rule.levelId ?? EVERYONE;
}

function child<Inner>(outer: Map<string, Map<string, Inner>>, key: string): Map<string, Inner> {
  const found = outer.get(key);
  if (found) return found;
  const made = new Map<string, Inner>();
  outer.set(key, made);
  return made;
}

function notSellable(reason: NotSellableReason, stationId: string): NotSellable {
  return { kind: 'NOT_SELLABLE', reason, stationId };
}
