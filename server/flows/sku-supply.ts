import type { ComponentFacts, SkuFacts } from '#server/catalog/sql.ts';
import { chooseOffer, type OfferCandidate, type RoutingQuestion, skipReason } from '#server/offers/rules.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import type { Queryable } from '#server/platform/database.ts';
import { type CurrencyCode, compareMoney, type Money, scaleMoney, sumMoney } from '#server/platform/money.ts';

// What there is of a SKU that does not simply lie on the shelf, and what it costs (domain §3: the cost of the next lot to be sold, else
// of the routed offer). The same offers and the same rules fill orders, so that a catalogue says what an order would find.

/** Offers by SKU. */
export type Candidates = ReadonlyMap<string, readonly OfferCandidate[]>;

const NONE: Candidates = new Map();

/** The offers of everything among these facts that is bought when it is ordered: one statement, none where all of it lies on the shelf. */
export async function loadSupply(db: Queryable, networkId: string, now: Date, facts: readonly SkuFacts[]): Promise<Candidates> {
  const skuIds = facts.flatMap(({ sku, components }) => [
    ...(sku.deliveryKind === 'SOURCED' ? [sku.id] : []),
    ...components.filter(({ deliveryKind }) => deliveryKind === 'SOURCED').map(({ skuId }) => skuId),
  ]);
  const [first] = facts;
  if (skuIds.length === 0 || first === undefined) return NONE;
  return loadCandidates(db, networkId, [...new Set(skuIds)], { instant: now, localDate: first.today });
}

/** The facts with what suppliers have and ask, for a quantity (the SKU's smallest unless one is named). What is from stock stays as it is. */
export function withSupply(facts: SkuFacts, supply: Candidates, quantity = facts.sku.minQuantity): SkuFacts {
  const { sku } = facts;
  if (sku.deliveryKind === 'FROM_STOCK') return facts;
  if (sku.deliveryKind === 'BUNDLE') return bundleFacts(facts, supply, quantity);
  const { availableCount, unitCost } = offered(supply.get(sku.id) ?? [], quantity, sku.unitSize);
  return { ...facts, availableCount, nextUnitCost: unitCost };
}

/** What a quantity would cost the owner: the next keys (`keys`, by SKU), and at most so much by the cheapest offers; null when something is too few. */
export function costOfQuantity(
  { sku, components }: SkuFacts,
  supply: Candidates,
  keys: ReadonlyMap<string, Money>,
  quantity: number,
): Money | null {
  const own = { skuId: sku.id, deliveryKind: sku.deliveryKind, unitSize: sku.unitSize, quantity: 1 };
  const costs = (sku.deliveryKind === 'BUNDLE' ? components : [own]).map(({ skuId, deliveryKind, unitSize, quantity: each }) =>
    deliveryKind === 'SOURCED' ? cheapestCost(supply.get(skuId) ?? [], each * quantity, unitSize) : (keys.get(skuId) ?? null),
  );
  return totalOf(costs, sku.currency);
}

function cheapestCost(candidates: readonly OfferCandidate[], quantity: number, unitSize: number): Money | null {
  const choice = chooseOffer(candidates, { ...anything(quantity, unitSize), policy: 'CHEAPEST', chance: 0 });
  return choice.kind === 'CHOSEN' ? choice.quotedCost : null;
}

/** A component is sold with its bundle while it is for sale itself, or approved and kept for bundles. */
const COMPONENT_STATES: readonly string[] = ['LIVE', 'APPROVED'];

function bundleFacts(facts: SkuFacts, supply: Candidates, quantity: number): SkuFacts {
  const { components, sku } = facts;
  const isAvailable = components.length > 0 && components.every(({ listingState }) => COMPONENT_STATES.includes(listingState));
  const parts = components.map((each) => partFacts(each, supply, quantity));
  const known = parts.flatMap(({ bundleCount }) => (bundleCount === null ? [] : [bundleCount]));
  return {
    ...facts,
    isAvailable,
    availableCount: known.length === 0 && isAvailable ? null : Math.min(...known, Number.MAX_SAFE_INTEGER),
    nextUnitCost: totalOf(
      parts.map(({ cost }) => cost),
      sku.currency,
    ),
  };
}

type PartFacts = { readonly bundleCount: number | null; readonly cost: Money | null };

/** For how many bundles a component lasts, and what it costs in one of them. */
function partFacts(part: ComponentFacts, supply: Candidates, quantity: number): PartFacts {
  const stock =
    part.deliveryKind === 'SOURCED'
      ? offered(supply.get(part.skuId) ?? [], part.quantity * quantity, part.unitSize)
      : { availableCount: part.availableCount, unitCost: part.nextUnitCost };
  return {
    bundleCount: stock.availableCount === null ? null : Math.floor(stock.availableCount / part.quantity),
    cost: stock.unitCost && scaleMoney(stock.unitCost, BigInt(part.quantity), 1n, 'UNIT_PRICE'),
  };
}

function totalOf(costs: readonly (Money | null)[], currency: CurrencyCode): Money | null {
  const known = costs.flatMap((cost) => (cost === null ? [] : [cost]));
  return known.length === costs.length && known.length > 0 ? sumMoney(known, currency) : null;
}

/**
 * What the offers that could fill a quantity have together, bounded by their caps: null when one of them does not say and the others do
 * not make many. `unitCost`: of one unit by the cheapest of them, whatever the policy, since routing passes by what is too dear.
 */
function offered(
  candidates: readonly OfferCandidate[],
  quantity: number,
  unitSize: number,
): { readonly availableCount: number | null; readonly unitCost: Money | null } {
  const fitting = candidates.filter((offer) => skipReason(offer, anything(quantity, unitSize)) === null);
  const known = fitting.filter(({ stockCount }) => stockCount !== null);
  const count = known.reduce((sum, { stockCount, capLeft }) => sum + Math.min(stockCount ?? 0, capLeft ?? Number.MAX_SAFE_INTEGER), 0);
  const costs = fitting.map((offer) => oneUnit(offer, unitSize));
  return {
    availableCount: known.length === fitting.length || count > KNOWN_ENOUGH ? count : null,
    unitCost: costs.reduce<Money | null>((least, cost) => (least === null || compareMoney(cost, least) < 0 ? cost : least), null),
  };
}

/** So many are "many", whatever those have who do not say. */
const KNOWN_ENOUGH = 100;

function oneUnit({ unitCost }: OfferCandidate, unitSize: number): Money {
  return scaleMoney(unitCost, 1n, BigInt(unitSize), 'UNIT_PRICE');
}

function anything(quantity: number, unitSize: number): Omit<RoutingQuestion, 'policy' | 'chance'> {
  return { quantity, unitSize, costLimit: null, excluded: new Set() };
}
