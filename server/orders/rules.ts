import { type CommissionSplit, type PlanBook, planFor, splitCommission } from '#server/commission/rules.ts';
import { type PostingDraft, spendable, type WalletFacts } from '#server/ledger/rules.ts';
import {
  addMoney,
  type CurrencyCode,
  compareMoney,
  isNegative,
  isZero,
  type Money,
  negateMoney,
  subtractMoney,
  sumMoney,
  zeroMoney,
} from '#server/platform/money.ts';
import {
  type ChainStation,
  type ControlBand,
  type NotSellableReason,
  type PriceChain,
  type PricedSku,
  quantityFits,
  type RuleBook,
  reasonFor,
  resolvePriceChain,
} from '#server/pricing/rules.ts';

// Orders from stock, decided for a list at once (domain §3–§6, architecture §2): pure, from facts to everything that is
// to be written. Requests are decided one after the other, each on what the accepted ones before it have left over.

/** CONSIGNMENT: the supplier is owed when the key is sold. OWN: it was paid for before, its cost is a memo. */
export type LotTerms = 'CONSIGNMENT' | 'OWN';

/** A card key claimed for the list. `cost` was fixed at import. A CONSIGNMENT key has a supplier. */
export type ClaimedKey = { id: string; cost: Money; supplierId: string | null; terms: LotTerms };

/** A request key that has had its effect: the hash of its input, and the order it made. */
export type KnownRequestKey = { inputHash: string; orderId: string };

/** One order as asked for. `maxTotal` is the most the buyer pays; `inputHash` is of everything that makes the input. */
export type OrderRequest = {
  buyerId: string;
  skuId: string;
  quantity: number;
  maxTotal: Money;
  requestKey: string;
  inputHash: string;
  externalRef: string | null;
};

/** Everything that a list of orders of one network is decided on. */
export type OrderFacts = {
  currency: CurrencyCode;
  commissionLevelsMax: number;
  /** for each buyer of the list: the stations from HQ down to it */
  paths: ReadonlyMap<string, readonly ChainStation[]>;
  skus: ReadonlyMap<string, PricedSku>;
  /** valid rules of every station on those paths */
  rules: RuleBook;
  /** valid bands by SKU */
  bands: ReadonlyMap<string, ControlBand>;
  /** valid plans of the SKUs' owners */
  plans: PlanBook;
  /** the keys claimed for the whole list, by SKU, in the order in which they are to be sold */
  claimedKeys: ReadonlyMap<string, readonly ClaimedKey[]>;
  /** wallets of the buyers, and of the owners whose policy is ALLOW_LOSS */
  wallets: ReadonlyMap<string, WalletFacts>;
  /** request keys of the list that are known already, by `stationKey(buyerId, requestKey)` */
  requestKeys: ReadonlyMap<string, KnownRequestKey>;
  /** external references of the list that are taken already, by `stationKey(buyerId, externalRef)` */
  externalRefs: ReadonlySet<string>;
};

/**
 * Why an order is refused; nothing was changed. No refusal tells the buyer about another station: STATION_FROZEN does not
 * say which station of its line it is, NOT_SELLABLE says UNAVAILABLE where the true reason would tell what an upline pays.
 */
export type OrderRefusal =
  | { kind: 'INSUFFICIENT_BALANCE'; required: Money; available: Money }
  | { kind: 'OUT_OF_STOCK'; availableCount: number }
  | { kind: 'PRICE_MOVED'; currentTotal: Money; maxTotal: Money }
  | { kind: 'NOT_SELLABLE'; reason: NotSellableReason | 'UNAVAILABLE' }
  | { kind: 'STATION_FROZEN' }
  | { kind: 'QUANTITY_OUT_OF_RANGE'; minQuantity: number; maxQuantity: number; quantityStep: number }
  | { kind: 'REQUEST_KEY_REUSED' }
  | { kind: 'EXTERNAL_REF_TAKEN'; externalRef: string };

/** ABOVE the owner, OWNER, SELLER between owner and buyer, BUYER. */
export type HopRole = 'ABOVE' | 'OWNER' | 'SELLER' | 'BUYER';

/** One station of the buyer's path on the order, as it is kept for ever (order_hop). `distance` 0 is the buyer. */
export type OrderHop = {
  stationId: string;
  distance: number;
  role: HopRole;
  /** what it pays its seller; null for the owner and above */
  paidUnitPrice: Money | null;
  paidTotal: Money | null;
  /** what the next station down pays it; null for the buyer and above the owner */
  soldUnitPrice: Money | null;
  soldTotal: Money | null;
  /** its own rule and the band behind its sold price */
  markupRuleId: string | null;
  controlBandId: string | null;
  /** sold minus paid; for the owner T(1) minus the whole cost, below zero only under ALLOW_LOSS */
  margin: Money;
  /** commission received; the owner, who pays it, has zero */
  commission: Money;
};

/** An accepted order with everything to write. `commissionPool` is the capped pool; what of it was paid stands on the hops. */
export type AcceptedOrder = {
  kind: 'ACCEPTED';
  buyerId: string;
  ownerId: string;
  skuId: string;
  quantity: number;
  unitPrice: Money;
  total: Money;
  cost: Money;
  commissionPlanId: string | null;
  commissionPool: Money;
  /** from HQ down to the buyer */
  hops: readonly OrderHop[];
  keys: readonly ClaimedKey[];
  /** sum to zero; none is zero */
  postings: readonly PostingDraft[];
};

/** Outcome of one request. A replay names the order that the key made before, in the database or earlier in this list. */
export type OrderDecision =
  | AcceptedOrder
  | { kind: 'REFUSED'; refusal: OrderRefusal }
  | { kind: 'REPLAYED'; orderId: string }
  | { kind: 'REPLAYED_IN_LIST'; index: number };

/** One decision for each request, in its place, and the ids of the claimed keys that no accepted order took. */
export type OrderDecisions = { decisions: readonly OrderDecision[]; surplusKeyIds: readonly string[] };

/**
 * Decides a list of orders in its order. A refused one takes nothing, so its neighbours find wallets and keys as if it had
 * not been asked; two orders of one buyer see one balance; a request key has one effect also within the list.
 */
export function decideOrders(facts: OrderFacts, requests: readonly OrderRequest[]): OrderDecisions {
  const left = leftOver(facts);
  const decisions = requests.map((request, index) => decideOrder(facts, left, request, index));
  const surplusKeyIds = [...left.keys.values()].flatMap(({ keys, taken }) => keys.slice(taken).map((key) => key.id));
  return { decisions, surplusKeyIds };
}

/** The name under which a station's request key or external reference stands in the facts. */
export function stationKey(stationId: string, text: string): string {
  return `${stationId} ${text}`;
}

type Shelf = { keys: readonly ClaimedKey[]; taken: number };
type LeftOver = {
  keys: Map<string, Shelf>;
  /** what each wallet can still give: balance plus credit line; null without limit */
  wallets: Map<string, Money | null>;
  requestKeys: Map<string, { inputHash: string; index: number }>;
  externalRefs: Set<string>;
};

function leftOver(facts: OrderFacts): LeftOver {
  const keys = new Map<string, Shelf>();
  for (const [skuId, claimed] of facts.claimedKeys) keys.set(skuId, { keys: claimed, taken: 0 });
  const wallets = new Map<string, Money | null>();
  for (const [stationId, wallet] of facts.wallets) wallets.set(stationId, spendable(wallet));
  return { keys, wallets, requestKeys: new Map(), externalRefs: new Set() };
}

function decideOrder(facts: OrderFacts, left: LeftOver, request: OrderRequest, index: number): OrderDecision {
  const earlier = earlierEffect(facts, left, request);
  if (earlier) return earlier;
  const decision = tryOrder(facts, left, request);
  if ('refusal' in decision) return decision;
  take(left, request, decision, index);
  return decision;
}

function earlierEffect(facts: OrderFacts, left: LeftOver, request: OrderRequest): OrderDecision | null {
  const name = stationKey(request.buyerId, request.requestKey);
  const known = facts.requestKeys.get(name);
  const inList = left.requestKeys.get(name);
  const before = known ?? inList;
  if (!before) return null;
  if (before.inputHash !== request.inputHash) return refused({ kind: 'REQUEST_KEY_REUSED' });
  return known ? { kind: 'REPLAYED', orderId: known.orderId } : { kind: 'REPLAYED_IN_LIST', index: inList?.index ?? 0 };
}

function tryOrder(facts: OrderFacts, left: LeftOver, request: OrderRequest): AcceptedOrder | { kind: 'REFUSED'; refusal: OrderRefusal } {
  const { buyerId, quantity } = request;
  const path = facts.paths.get(buyerId);
  const sku = facts.skus.get(request.skuId);
  if (!path) throw new Error(`no path for buyer ${buyerId}`);
  if (path.some((station) => station.status !== 'ACTIVE')) return refused({ kind: 'STATION_FROZEN' });
  if (!sku) return refused({ kind: 'NOT_SELLABLE', reason: 'NOT_LISTED' });
  if (isTaken(facts, left, request)) return refused({ kind: 'EXTERNAL_REF_TAKEN', externalRef: request.externalRef ?? '' });
  if (!path.some((station) => station.id === sku.ownerId) || sku.listingState !== 'LIVE') {
    return refused({ kind: 'NOT_SELLABLE', reason: 'NOT_LISTED' });
  }
  if (!quantityFits(sku, quantity)) return refused(quantityOutOfRange(sku));
  const chain = resolvePriceChain({ sku, path, rules: facts.rules, band: facts.bands.get(sku.id) ?? null, quantity });
  if (chain.kind === 'NOT_SELLABLE') return refused({ kind: 'NOT_SELLABLE', reason: reasonFor(buyerId, chain) });
  const refusal = priceRefusal(chain, request) ?? stockRefusal(left, request);
  if (refusal) return refused(refusal);
  const keys = nextKeys(left, request);
  const draft = draftOrder(facts, { sku, path, chain, keys, quantity });
  const moneyMissing = lossRefusal(facts, left, draft, path) ?? balanceRefusal(left, draft);
  return moneyMissing ? refused(moneyMissing) : draft;
}

function isTaken(facts: OrderFacts, left: LeftOver, { buyerId, externalRef }: OrderRequest): boolean {
  if (externalRef === null) return false;
  const name = stationKey(buyerId, externalRef);
  return facts.externalRefs.has(name) || left.externalRefs.has(name);
}

function quantityOutOfRange({ minQuantity, maxQuantity, quantityStep }: PricedSku): OrderRefusal {
  return { kind: 'QUANTITY_OUT_OF_RANGE', minQuantity, maxQuantity, quantityStep };
}

function priceRefusal(chain: PriceChain, { maxTotal }: OrderRequest): OrderRefusal | null {
  const currentTotal = chain.hops.at(-1)?.total;
  if (!currentTotal) throw new Error('a chain has at least one hop');
  // a limit in another currency is no consent to this price
  const agreed = maxTotal.currency === currentTotal.currency && compareMoney(currentTotal, maxTotal) <= 0;
  return agreed ? null : { kind: 'PRICE_MOVED', currentTotal, maxTotal };
}

function stockRefusal(left: LeftOver, { skuId, quantity }: OrderRequest): OrderRefusal | null {
  const shelf = left.keys.get(skuId);
  const availableCount = shelf ? shelf.keys.length - shelf.taken : 0;
  return availableCount < quantity ? { kind: 'OUT_OF_STOCK', availableCount } : null;
}

/** The owner's cost guard on the cost really taken, and under ALLOW_LOSS whether its wallet can bear the loss. */
function lossRefusal(facts: OrderFacts, left: LeftOver, draft: AcceptedOrder, path: readonly ChainStation[]): OrderRefusal | null {
  const owner = draft.hops.find((hop) => hop.role === 'OWNER');
  if (!owner) throw new Error('an order has an owner');
  if (!isNegative(owner.margin)) return null;
  const policy = path.find((station) => station.id === draft.ownerId)?.costGuard;
  const belowCost: OrderRefusal = { kind: 'NOT_SELLABLE', reason: 'UNAVAILABLE' };
  if (policy !== 'ALLOW_LOSS') return belowCost;
  const loss = walletLoss(draft, facts.currency);
  const available = left.wallets.get(draft.ownerId);
  if (isZero(loss) || available === null) return null;
  return available && compareMoney(loss, available) <= 0 ? null : belowCost;
}

function balanceRefusal(left: LeftOver, { buyerId, total }: AcceptedOrder): OrderRefusal | null {
  const available = left.wallets.get(buyerId);
  if (available === undefined) throw new Error(`no wallet for buyer ${buyerId}`);
  if (available === null || compareMoney(total, available) <= 0) return null;
  return { kind: 'INSUFFICIENT_BALANCE', required: total, available };
}

function nextKeys(left: LeftOver, { skuId, quantity }: OrderRequest): readonly ClaimedKey[] {
  const shelf = left.keys.get(skuId);
  return shelf ? shelf.keys.slice(shelf.taken, shelf.taken + quantity) : [];
}

function take(left: LeftOver, request: OrderRequest, order: AcceptedOrder, index: number): void {
  const { buyerId, requestKey, inputHash, externalRef } = request;
  left.requestKeys.set(stationKey(buyerId, requestKey), { inputHash, index });
  if (externalRef !== null) left.externalRefs.add(stationKey(buyerId, externalRef));
  const shelf = left.keys.get(order.skuId);
  if (shelf) shelf.taken += order.quantity;
  spend(left, buyerId, order.total);
  spend(left, order.ownerId, walletLoss(order, order.total.currency));
}

function spend(left: LeftOver, stationId: string, amount: Money): void {
  const available = left.wallets.get(stationId);
  if (available) left.wallets.set(stationId, subtractMoney(available, amount));
}

/** What the owner's WALLET pays for an order below cost; zero for all others. */
function walletLoss(order: AcceptedOrder, currency: CurrencyCode): Money {
  const posted = order.postings.find(
    ({ holder, accountKind }) => accountKind === 'WALLET' && 'stationId' in holder && holder.stationId === order.ownerId,
  );
  return posted ? negateMoney(posted.amount) : zeroMoney(currency);
}

type Draft = { sku: PricedSku; path: readonly ChainStation[]; chain: PriceChain; keys: readonly ClaimedKey[]; quantity: number };

function draftOrder(facts: OrderFacts, draft: Draft): AcceptedOrder {
  const { sku, path, chain, keys, quantity } = draft;
  const first = chain.hops[0];
  const last = chain.hops.at(-1);
  if (!first || !last) throw new Error('a chain has at least one hop');
  const cost = sumMoney(
    keys.map((key) => key.cost),
    facts.currency,
  );
  const split = splitCommission({
    plan: planFor(facts.plans, sku),
    buyerTotal: last.total,
    quantity,
    ownerMargin: subtractMoney(first.total, cost),
    between: chain.hops.length - 1,
    levelsMax: facts.commissionLevelsMax,
  });
  const hops = orderHops(path, chain, cost, split);
  return {
    kind: 'ACCEPTED',
    buyerId: last.buyerId,
    ownerId: sku.ownerId,
    skuId: sku.id,
    quantity,
    unitPrice: last.unitPrice,
    total: last.total,
    cost,
    commissionPlanId: split.planId,
    commissionPool: split.pool,
    hops,
    keys,
    postings: orderPostings(hops, keys, split.paidTotal),
  };
}

function orderHops(path: readonly ChainStation[], chain: PriceChain, cost: Money, split: CommissionSplit): OrderHop[] {
  const zero = zeroMoney(cost.currency);
  return path.map((station, index) => {
    const paid = index > chain.ownerIndex ? chain.hops[index - chain.ownerIndex - 1] : undefined;
    const sold = index >= chain.ownerIndex ? chain.hops[index - chain.ownerIndex] : undefined;
    const distance = path.length - 1 - index;
    const role = sold ? (paid ? 'SELLER' : 'OWNER') : paid ? 'BUYER' : 'ABOVE';
    return {
      stationId: station.id,
      distance,
      role,
      paidUnitPrice: paid?.unitPrice ?? null,
      paidTotal: paid?.total ?? null,
      soldUnitPrice: sold?.unitPrice ?? null,
      soldTotal: sold?.total ?? null,
      markupRuleId: sold?.ruleId ?? null,
      controlBandId: sold?.bandId ?? null,
      margin: sold ? subtractMoney(sold.total, paid?.total ?? cost) : zero,
      commission: (role === 'SELLER' && split.paid[distance - 1]) || zero,
    };
  });
}

/**
 * Buyer pays its total; every seller earns margin and commission, each a posting of its own; each supplier is owed its
 * consignment keys; the owner has one posting with what is left, T(1) − consigned cost − commission, so that a refund can
 * give it "what is left" again. Below zero it comes out of the owner's WALLET (ALLOW_LOSS).
 */
function orderPostings(hops: readonly OrderHop[], keys: readonly ClaimedKey[], commissionPaid: Money): PostingDraft[] {
  const postings: PostingDraft[] = [];
  const consigned = consignedCosts(keys);
  for (const hop of [...hops].reverse()) {
    const holder = { stationId: hop.stationId };
    if (hop.role === 'BUYER' && hop.paidTotal) {
      postings.push({ holder, accountKind: 'WALLET', amount: negateMoney(hop.paidTotal), reason: 'SALE' });
    } else if (hop.role === 'SELLER') {
      if (!isZero(hop.margin)) postings.push({ holder, accountKind: 'EARNINGS_PENDING', amount: hop.margin, reason: 'MARGIN' });
      if (!isZero(hop.commission)) postings.push({ holder, accountKind: 'EARNINGS_PENDING', amount: hop.commission, reason: 'COMMISSION' });
    } else if (hop.role === 'OWNER' && hop.soldTotal) {
      const paidOut = sumMoney([commissionPaid, ...consigned.values()], hop.soldTotal.currency);
      const amount = subtractMoney(hop.soldTotal, paidOut);
      const accountKind = isNegative(amount) ? 'WALLET' : 'EARNINGS_PENDING';
      if (!isZero(amount)) postings.push({ holder, accountKind, amount, reason: 'MARGIN' });
    }
  }
  for (const [supplierId, amount] of consigned) {
    if (!isZero(amount)) postings.push({ holder: { supplierId }, accountKind: 'PAYABLE_PENDING', amount, reason: 'COST' });
  }
  return postings;
}

function consignedCosts(keys: readonly ClaimedKey[]): Map<string, Money> {
  const costs = new Map<string, Money>();
  for (const key of keys) {
    if (key.terms === 'OWN') continue;
    if (key.supplierId === null) throw new Error(`consigned key ${key.id} has no supplier`);
    const before = costs.get(key.supplierId);
    costs.set(key.supplierId, before ? addMoney(before, key.cost) : key.cost);
  }
  return costs;
}

function refused(refusal: OrderRefusal): { kind: 'REFUSED'; refusal: OrderRefusal } {
  return { kind: 'REFUSED', refusal };
}
