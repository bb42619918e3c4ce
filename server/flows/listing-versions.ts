import { actorId, type Viewer } from '#server/accounts/rules.ts';
import {
  type CheckProblem,
  contentProblems,
  type ListingPolicy,
  type ListingSnapshot,
  type ListingState,
  type PriceFacts,
  priceProblems,
} from '#server/listings/rules.ts';
import {
  selectBundlesHolding,
  selectComponents,
  selectCosts,
  selectParts,
  selectPolicy,
  selectVersions,
  type VersionAuthor,
  type VersionRow,
  writeChecks,
  writeVersions,
} from '#server/listings/sql.ts';
import { selectNetwork, selectStations } from '#server/network/sql.ts';
import type { Queryable, Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { type CurrencyCode, type Money, money, scaleMoney, sumMoney } from '#server/platform/money.ts';
import { EVERYTHING, priceChanged } from './price-reach.ts';

// Versions of listings (domain §6): a change of what a listing says, of its price, cost or supplier makes a new one, and orders pin
// the one they bought. A change of what is for sale is judged there and then, by the checks that need no purchase and no call.

/** A change of what is for sale that the checks forbid. Nothing of it took effect. */
export type ListingRefused = { readonly kind: 'LISTING_REFUSED'; readonly problems: readonly CheckProblem[] };

/** Carries a refusal out of a transaction that is to be rolled back. */
class ChangeRefused extends Error {
  readonly problems: readonly CheckProblem[];
  constructor(problems: readonly CheckProblem[]) {
    super('the checks of a listing forbid this change');
    this.problems = problems;
  }
}

/** Gives a change up, within `versionedChange`: nothing of it takes effect. */
export function refuseChange(...problems: readonly CheckProblem[]): never {
  throw new ChangeRefused(problems);
}

/** The answer to an error that `versionedChange` threw; any other error goes on. */
export function asRefusal(error: unknown): ListingRefused {
  if (error instanceof ChangeRefused) return { kind: 'LISTING_REFUSED', problems: error.problems };
  throw error;
}

/**
 * Keeps a new version of these listings where their costs or suppliers are others now: to be called in the transaction that changed
 * an offer, after the change. Orders placed from then on pin the new version. Drafts have no versions yet.
 */
export async function noteListingChange(
  tx: Transaction,
  networkId: string,
  skuIds: readonly string[],
  author: VersionAuthor,
): Promise<void> {
  const parts = await selectParts(tx, networkId, skuIds);
  const kept = [...parts.values()].filter(({ listingState }) => listingState !== 'DRAFT').map(({ id }) => id);
  await writeVersions(tx, networkId, kept, { ...author, onlyFirst: false });
}

const FOR_SALE: readonly ListingState[] = ['LIVE', 'PAUSED'];

/**
 * Changes listings and keeps what those that are for sale say now as a new version. What the change itself makes wrong is refused by
 * an error for `asRefusal`; what was wrong before (imported goods were never checked) stays as it was.
 */
export async function versionedChange(
  tx: Transaction,
  viewer: Viewer,
  skuIds: readonly string[],
  change: () => Promise<void>,
  reason = '',
): Promise<void> {
  const { networkId } = viewer;
  const author = { actorId: actorId(viewer), reason };
  const parts = await selectParts(tx, networkId, skuIds);
  const forSale = [...parts.values()].filter(({ listingState }) => FOR_SALE.includes(listingState)).map(({ id }) => id);
  await writeVersions(tx, networkId, forSale, { ...author, onlyFirst: true });
  const before = await newestVersions(tx, networkId, forSale);
  await change();
  const made = await writeVersions(tx, networkId, forSale, { ...author, onlyFirst: false });
  if (made.length === 0) return;
  const changed = made.map(({ sku_id }) => sku_id);
  const [after, policy, facts] = await Promise.all([
    newestVersions(tx, networkId, changed),
    selectPolicy(tx, networkId),
    loadPriceFacts(tx, networkId, changed, tx.now),
  ]);
  for (const { sku_id: skuId, number } of made) {
    const [said, old, price] = [after.get(skuId), before.get(skuId), facts.get(skuId)];
    if (!said || !price) throw new Error(`the version of ${skuId} that was written is not there`);
    const problems = changeProblems(old?.snapshot ?? null, said.snapshot, price, policy, reason);
    if (problems.length > 0) refuseChange(...problems);
    const passed = { state: 'PASSED', problems: [], facts: {} } as const;
    await writeChecks(tx, networkId, { skuId, number }, [
      { kind: 'CONTENT', ...passed, problems: [] },
      { kind: 'PRICE', ...passed, problems: [] },
    ]);
  }
}

function changeProblems(
  before: ListingSnapshot | null,
  after: ListingSnapshot,
  price: PriceFacts,
  policy: ListingPolicy,
  reason: string,
): CheckProblem[] {
  const known = new Set(
    (before === null ? [] : contentProblems(before, policy)).map(({ code, field, message }) => `${code} ${field} ${message}`),
  );
  const content = contentProblems(after, policy).filter(({ code, field, message }) => !known.has(`${code} ${field} ${message}`));
  const isRepriced = before === null || before.basePrice !== after.basePrice;
  // without anything in stock no cost is known: the cost guard will look when there is
  const priced = isRepriced ? priceProblems(price, policy, reason).filter(({ code }) => code !== 'COST_UNKNOWN') : [];
  return [...content, ...priced];
}

async function newestVersions(tx: Transaction, networkId: string, skuIds: readonly string[]): Promise<Map<string, VersionRow>> {
  return new Map((await selectVersions(tx, networkId, skuIds, 1)).map((row) => [row.sku_id, row]));
}

/** What the prices of SKUs are judged by now: own cost, or that of a bundle's components together. At most four statements. */
export async function loadPriceFacts(
  db: Queryable,
  networkId: string,
  skuIds: readonly string[],
  now: Date,
): Promise<Map<string, PriceFacts>> {
  const [components, { currency }] = await Promise.all([selectComponents(db, networkId, skuIds), selectNetwork(db, networkId)]);
  const parts = [...components.values()].flat().map(({ componentSkuId }) => componentSkuId);
  const rows = await selectCosts(db, networkId, [...new Set([...skuIds, ...parts])], now, 1);
  const costs = new Map(rows.map((row) => [row.sku_id, row]));
  return new Map(
    skuIds.flatMap((id) => {
      const row = costs.get(id);
      if (!row) return [];
      const amount = (text: string | null) => (text === null ? null : money(text, currency));
      const own = components.get(id);
      const unitCost = own === undefined ? amount(row.unit_cost) : bundleCost(row, own, costs, currency);
      const agreedUnitCost = own === undefined ? amount(row.agreed_unit_cost) : null;
      return [[id, { basePrice: money(row.base_price, currency), unitCost, agreedUnitCost, ceiling: amount(row.ceiling) }] as const];
    }),
  );
}

type CostRow = Awaited<ReturnType<typeof selectCosts>>[number];

function bundleCost(
  bundle: CostRow,
  components: readonly { readonly componentSkuId: string; readonly quantity: number }[],
  costs: ReadonlyMap<string, CostRow>,
  currency: CurrencyCode,
): Money | null {
  const parts: Money[] = [];
  for (const { componentSkuId, quantity } of components) {
    const row = costs.get(componentSkuId);
    if (!row?.unit_cost) return null;
    parts.push(scaleMoney(money(row.unit_cost, currency), BigInt(quantity * bundle.unit_size), BigInt(row.unit_size), 'UNIT_PRICE'));
  }
  return sumMoney(parts, currency);
}

/**
 * Tells that listings changed: their owner and headquarters by 'listing.changed'; who may buy them, or a bundle that holds them, by
 * 'price.changed' and 'stock.changed', where what they can buy or pay may be another by now.
 */
export async function tellOfListing(
  tx: Transaction,
  { networkId, ownerId }: { readonly networkId: string; readonly ownerId: string },
  skuIds: readonly string[],
  { buyersToo }: { readonly buyersToo: boolean },
): Promise<void> {
  const [owners, holding] = await Promise.all([
    selectStations(tx, networkId, [ownerId]),
    buyersToo ? selectBundlesHolding(tx, networkId, skuIds) : new Map<string, string[]>(),
  ]);
  const audience = [...new Set([ownerId, owners.get(ownerId)?.path[0] ?? ownerId])];
  const bought = buyersToo ? [...new Set([...skuIds, ...[...holding.values()].flat()])] : [];
  const reach = { topId: ownerId, withTop: true, goods: { ...EVERYTHING, skuIds: bought } };
  const events: NewEvent[] = [
    ...skuIds.map((skuId) => ({ networkId, topic: 'listing.changed' as const, subjectId: skuId, audience, data: { skuId } })),
    ...bought.map((skuId) => ({ networkId, topic: 'stock.changed' as const, subjectId: skuId, audience: [ownerId], data: { skuId } })),
    ...(bought.length > 0 ? [priceChanged(networkId, bought[0] ?? ownerId, [ownerId], reach)] : []),
  ];
  await writeEvents(tx, events);
}
