import { type CommissionPlan, type CommissionSplit, type PlanBook, planFor, splitCommission } from '#server/commission/rules.ts';
import { type PostingDraft, spendable, type WalletFacts } from '#server/ledger/rules.ts';
import { allotBundle, type InputField, inputProblem } from '#server/listings/rules.ts';
import { chooseOffer, type OfferCandidate, type RoutingPolicy } from '#server/offers/rules.ts';
import { allocateMoney } from '#server/platform/allocate.ts';
import {
  addMoney,
  type CurrencyCode,
  compareMoney,
  isNegative,
  isZero,
  type Money,
  minMoney,
  negateMoney,
  scaleMoney,
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

// Orders, decided for a list at once (domain §3–§6, architecture §2): pure, from facts to everything that is to be written.
// Requests are decided one after the other, each on what the accepted ones before it have left over. What lies in stock is
// delivered by the same decision; what has to be bought is held, and decided again when its goods are here (`decideDelivery`).

/** CONSIGNMENT: the supplier is owed when the key is sold. OWN: it was paid for before, its cost is a memo. */
export type LotTerms = 'CONSIGNMENT' | 'OWN';

/** A card key claimed for the list. `cost` was fixed at import. A CONSIGNMENT key has a supplier. */
export type ClaimedKey = { id: string; cost: Money; supplierId: string | null; terms: LotTerms };

/** What a line brings: card keys, or a direct top-up of an account that the buyer names. */
export type GoodsKind = 'CARD_KEY' | 'TOP_UP';

/** One thing that an order of a SKU brings: so many units of `skuId` in each unit ordered, from stock or by one of these offers. */
export type Part = {
  skuId: string;
  unitsEach: number;
  /** its share of the total, for what is refunded when it cannot be had */
  weight: number;
  goodsKind: GoodsKind;
  supply: { kind: 'STOCK' } | { kind: 'SUPPLIER'; policy: RoutingPolicy; unitSize: number; candidates: readonly OfferCandidate[] };
};

/** How a SKU is filled that does not simply lie on the shelf: sourced, or a bundle of several parts (domain §6). */
export type Fulfilment = {
  parts: readonly Part[];
  inputFields: readonly InputField[];
  /** whether the parts' total is split between them: a bundle */
  isBundle: boolean;
  /** false: a part of it is not for sale at all */
  isAvailable: boolean;
};

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
  /** what the buyer typed for a direct top-up, by the SKU's fields */
  input?: Readonly<Record<string, string>>;
};

/** Everything that a list of orders of one network is decided on. */
export type OrderFacts = {
  currency: CurrencyCode;
  commissionLevelsMax: number;
  /** for each buyer of the list: the stations from HQ down to it */
  paths: ReadonlyMap<string, readonly ChainStation[]>;
  skus: ReadonlyMap<string, PricedSku>;
  /** SKUs of the list that are sourced or bundles; all others lie in stock */
  fulfilments: ReadonlyMap<string, Fulfilment>;
  /** from 0 up to 1: where offers are chosen by weight */
  chance: number;
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
  | { kind: 'EXTERNAL_REF_TAKEN'; externalRef: string }
  | { kind: 'INPUT_REFUSED'; field: string; message: string };

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

/** What is to be bought for a line: by which offer, at what quote, and the most that it may cost (null: the owner allows a loss). */
export type PlannedPurchase = { offer: OfferCandidate; quotedCost: Money; upstreamMaxCost: string; costLimit: Money | null };

/** A fulfilment line: keys from stock, or a purchase. `allotted` is its part of a bundle's total, null where it is the whole order. */
export type LineDraft = {
  skuId: string;
  quantity: number;
  goodsKind: GoodsKind;
  keys: readonly ClaimedKey[];
  purchase: PlannedPurchase | null;
  allotted: Money | null;
};

/**
 * An accepted order with everything to write. DELIVERED: all of it came from stock. HELD: something has to be bought, the buyer's
 * money is held; cost, the owner's margin and commission are zero until it is here. `commissionPool` is the capped pool; what of it
 * was paid stands on the hops.
 */
export type AcceptedOrder = {
  kind: 'ACCEPTED';
  state: 'DELIVERED' | 'HELD';
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
  lines: readonly LineDraft[];
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
  /** units that the list has planned to buy by an offer already */
  offerUnits: Map<string, number>;
};

function leftOver(facts: OrderFacts): LeftOver {
  const keys = new Map<string, Shelf>();
  for (const [skuId, claimed] of facts.claimedKeys) keys.set(skuId, { keys: claimed, taken: 0 });
  const wallets = new Map<string, Money | null>();
  for (const [stationId, wallet] of facts.wallets) wallets.set(stationId, spendable(wallet));
  return { keys, wallets, requestKeys: new Map(), externalRefs: new Set(), offerUnits: new Map() };
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
  const fulfilment = facts.fulfilments.get(sku.id) ?? onTheShelf(sku.id);
  const refusal = priceRefusal(chain, request) ?? inputRefusal(fulfilment, request);
  if (refusal) return refused(refusal);
  const lines = fillLines(facts, left, { fulfilment, chain, path, quantity });
  if ('kind' in lines) return refused(lines);
  const isHeld = lines.some((line) => line.purchase !== null);
  const draft = (isHeld ? heldOrder : draftOrder)(facts, { sku, path, chain, lines, quantity });
  const moneyMissing = lossRefusal(left, draft, path) ?? balanceRefusal(left, draft);
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

function inputRefusal({ inputFields, isAvailable }: Fulfilment, { input }: OrderRequest): OrderRefusal | null {
  if (!isAvailable) return { kind: 'NOT_SELLABLE', reason: 'UNAVAILABLE' };
  const problem = inputProblem(inputFields, input ?? {});
  return problem && { kind: 'INPUT_REFUSED', ...problem };
}

/** A SKU that is nothing but its own card keys. */
function onTheShelf(skuId: string): Fulfilment {
  return {
    parts: [{ skuId, unitsEach: 1, weight: 1, goodsKind: 'CARD_KEY', supply: { kind: 'STOCK' } }],
    inputFields: [],
    isBundle: false,
    isAvailable: true,
  };
}

type Filling = { fulfilment: Fulfilment; chain: PriceChain; path: readonly ChainStation[]; quantity: number };

/** The lines of an order, each with its keys or the offer that it is to be bought by; or why it cannot be filled. */
function fillLines(facts: OrderFacts, left: LeftOver, filling: Filling): LineDraft[] | OrderRefusal {
  const { fulfilment, chain, path, quantity } = filling;
  const { parts } = fulfilment;
  const availableCount = Math.min(...parts.map((part) => Math.floor(shelfCount(left, part) / part.unitsEach)));
  if (availableCount < quantity) return { kind: 'OUT_OF_STOCK', availableCount };
  const first = chain.hops[0];
  const last = chain.hops.at(-1);
  if (!first || !last) throw new Error('a chain has at least one hop');
  const ownerId = path[chain.ownerIndex]?.id;
  const mayLose = path.find(({ id }) => id === ownerId)?.costGuard === 'ALLOW_LOSS';
  const allotted = fulfilment.isBundle ? allotBundle(last.total, parts) : [];
  const lines: LineDraft[] = [];
  for (const [index, part] of parts.entries()) {
    const units = part.unitsEach * quantity;
    const purchase = part.supply.kind === 'STOCK' ? null : planPurchase(facts, left, part.supply, units, mayLose ? null : first.total);
    if (purchase && 'kind' in purchase) return purchase;
    const keys = purchase ? [] : nextKeys(left, part.skuId, units);
    lines.push({ skuId: part.skuId, quantity: units, goodsKind: part.goodsKind, keys, purchase, allotted: allotted[index] ?? null });
  }
  return mayLose ? lines : limitCosts(lines, first.total);
}

/** What a part can still take from the shelf; what is bought is bounded by its offers alone. */
function shelfCount(left: LeftOver, { skuId, supply }: Part): number {
  if (supply.kind === 'SUPPLIER') return Number.POSITIVE_INFINITY;
  const shelf = left.keys.get(skuId);
  return shelf ? shelf.keys.length - shelf.taken : 0;
}

/** The offer that a line is to be bought by (domain §6). What suppliers have to say of it is not the buyer's to know. */
function planPurchase(
  facts: OrderFacts,
  left: LeftOver,
  { policy, unitSize, candidates }: Extract<Part['supply'], { kind: 'SUPPLIER' }>,
  quantity: number,
  costLimit: Money | null,
): PlannedPurchase | OrderRefusal {
  const offers = candidates.map((offer) => {
    const planned = left.offerUnits.get(offer.offerId) ?? 0;
    return { ...offer, capLeft: lessOf(offer.capLeft, planned), stockCount: lessOf(offer.stockCount, planned) };
  });
  const choice = chooseOffer(offers, { policy, quantity, unitSize, costLimit, excluded: new Set(), chance: facts.chance });
  if (choice.kind === 'CHOSEN') {
    const { offer, quotedCost, upstreamMaxCost } = choice;
    return { offer, quotedCost, upstreamMaxCost, costLimit };
  }
  return choice.reason === 'TOO_DEAR' ? BELOW_COST : { kind: 'OUT_OF_STOCK', availableCount: 0 };
}

function lessOf(count: number | null, taken: number): number | null {
  return count === null ? null : Math.max(0, count - taken);
}

/**
 * No purchase may make the order cost more than T(1) (domain §6): what T(1) leaves beside the keys from stock is parted between the
 * purchases by their quotes, so that all of them together stay within it whatever each comes to cost.
 */
function limitCosts(lines: readonly LineDraft[], firstTotal: Money): LineDraft[] | OrderRefusal {
  const purchases = lines.flatMap(({ purchase }) => (purchase ? [purchase] : []));
  if (purchases.length === 0) return [...lines];
  const left = subtractMoney(firstTotal, costOfKeys(lines, firstTotal.currency));
  const quoted = sumMoney(
    purchases.map(({ quotedCost }) => quotedCost),
    firstTotal.currency,
  );
  if (compareMoney(quoted, left) > 0) return BELOW_COST;
  const weights = purchases.map(({ quotedCost }) => (isZero(quoted) ? 1n : quotedCost.tenThousandths));
  const limits = allocateMoney(left, weights);
  return lines.map((line) => {
    const index = line.purchase ? purchases.indexOf(line.purchase) : -1;
    return line.purchase ? { ...line, purchase: { ...line.purchase, costLimit: limits[index] ?? line.purchase.costLimit } } : line;
  });
}

function costOfKeys(lines: readonly LineDraft[], currency: CurrencyCode): Money {
  return sumMoney(
    lines.flatMap(({ keys }) => keys.map(({ cost }) => cost)),
    currency,
  );
}

/** The owner's cost guard hides the reason: it would tell what an upline pays. */
const BELOW_COST: OrderRefusal = { kind: 'NOT_SELLABLE', reason: 'UNAVAILABLE' };

/** The owner's cost guard on the cost really taken, and under ALLOW_LOSS whether its wallet can bear the loss. */
function lossRefusal(left: LeftOver, draft: AcceptedOrder, path: readonly ChainStation[]): OrderRefusal | null {
  const owner = draft.hops.find((hop) => hop.role === 'OWNER');
  if (!owner) throw new Error('an order has an owner');
  const loss = draft.state === 'HELD' ? quotedLoss(draft, owner) : walletLoss(draft);
  if (!isNegative(owner.margin) && isZero(loss)) return null;
  const policy = path.find((station) => station.id === draft.ownerId)?.costGuard;
  if (policy !== 'ALLOW_LOSS') return BELOW_COST;
  const available = left.wallets.get(draft.ownerId);
  if (isZero(loss) || available === null) return null;
  return available && compareMoney(loss, available) <= 0 ? null : BELOW_COST;
}

function balanceRefusal(left: LeftOver, { buyerId, total }: AcceptedOrder): OrderRefusal | null {
  const available = left.wallets.get(buyerId);
  if (available === undefined) throw new Error(`no wallet for buyer ${buyerId}`);
  if (available === null || compareMoney(total, available) <= 0) return null;
  return { kind: 'INSUFFICIENT_BALANCE', required: total, available };
}

/** What an order that is held would lose at its quotes: known for certain only when it is delivered. */
function quotedLoss({ lines, total }: AcceptedOrder, { soldTotal }: OrderHop): Money {
  const quotes = lines.flatMap(({ purchase }) => (purchase ? [purchase.quotedCost] : []));
  const cost = sumMoney([costOfKeys(lines, total.currency), ...quotes], total.currency);
  return negateMoney(minMoney(subtractMoney(soldTotal ?? total, cost), zeroMoney(total.currency)));
}

function nextKeys(left: LeftOver, skuId: string, quantity: number): readonly ClaimedKey[] {
  const shelf = left.keys.get(skuId);
  return shelf ? shelf.keys.slice(shelf.taken, shelf.taken + quantity) : [];
}

function take(left: LeftOver, request: OrderRequest, order: AcceptedOrder, index: number): void {
  const { buyerId, requestKey, inputHash, externalRef } = request;
  left.requestKeys.set(stationKey(buyerId, requestKey), { inputHash, index });
  if (externalRef !== null) left.externalRefs.add(stationKey(buyerId, externalRef));
  for (const { skuId, keys, purchase, quantity } of order.lines) {
    const shelf = left.keys.get(skuId);
    if (shelf) shelf.taken += keys.length;
    if (purchase) left.offerUnits.set(purchase.offer.offerId, (left.offerUnits.get(purchase.offer.offerId) ?? 0) + quantity);
  }
  spend(left, buyerId, order.total);
  spend(left, order.ownerId, walletLoss(order));
}

function spend(left: LeftOver, stationId: string, amount: Money): void {
  const available = left.wallets.get(stationId);
  if (available) left.wallets.set(stationId, subtractMoney(available, amount));
}

/** What the owner's WALLET pays for an order below cost; zero for all others. */
function walletLoss({ postings, ownerId, total }: AcceptedOrder): Money {
  return ownersLoss(postings, ownerId, total);
}

function ownersLoss(postings: readonly PostingDraft[], ownerId: string, { currency }: Money): Money {
  const posted = postings.find(
    ({ holder, accountKind }) => accountKind === 'WALLET' && 'stationId' in holder && holder.stationId === ownerId,
  );
  return posted ? negateMoney(posted.amount) : zeroMoney(currency);
}

type Draft = { sku: PricedSku; path: readonly ChainStation[]; chain: PriceChain; lines: readonly LineDraft[]; quantity: number };

function draftOrder(facts: OrderFacts, draft: Draft): AcceptedOrder {
  const { sku, path, chain, lines, quantity } = draft;
  const first = chain.hops[0];
  const last = chain.hops.at(-1);
  if (!first || !last) throw new Error('a chain has at least one hop');
  const cost = costOfKeys(lines, facts.currency);
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
    state: 'DELIVERED',
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
    lines,
    postings: orderPostings(
      hops,
      lines.flatMap(({ keys }) => keys),
      { commissionPaid: split.paidTotal, paidFrom: 'WALLET' },
    ),
  };
}

/** An order whose goods are not all here: prices, plan and the sellers' margins are pinned, and the buyer's money is held. */
function heldOrder(facts: OrderFacts, { sku, path, chain, lines, quantity }: Draft): AcceptedOrder {
  const last = chain.hops.at(-1);
  if (!last) throw new Error('a chain has at least one hop');
  const zero = zeroMoney(facts.currency);
  const nothing = { planId: null, pool: zero, paid: [], paidTotal: zero };
  const hops = orderHops(path, chain, zero, nothing).map((hop) => (hop.role === 'OWNER' ? { ...hop, margin: zero } : hop));
  return {
    kind: 'ACCEPTED',
    state: 'HELD',
    buyerId: last.buyerId,
    ownerId: sku.ownerId,
    skuId: sku.id,
    quantity,
    unitPrice: last.unitPrice,
    total: last.total,
    cost: zero,
    commissionPlanId: planFor(facts.plans, sku)?.id ?? null,
    commissionPool: zero,
    hops,
    lines,
    postings: [
      { holder: { stationId: last.buyerId }, accountKind: 'WALLET', amount: negateMoney(last.total), reason: 'HOLD' },
      { holder: { stationId: last.buyerId }, accountKind: 'HELD', amount: last.total, reason: 'HOLD' },
    ],
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
function orderPostings(
  hops: readonly OrderHop[],
  costs: readonly SuppliedCost[],
  { commissionPaid, paidFrom }: { commissionPaid: Money; paidFrom: 'WALLET' | 'HELD' },
): PostingDraft[] {
  const postings: PostingDraft[] = [];
  const consigned = consignedCosts(costs);
  for (const hop of [...hops].reverse()) {
    const holder = { stationId: hop.stationId };
    if (hop.role === 'BUYER' && hop.paidTotal) {
      postings.push({ holder, accountKind: paidFrom, amount: negateMoney(hop.paidTotal), reason: 'SALE' });
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

function consignedCosts(supplied: readonly SuppliedCost[]): Map<string, Money> {
  const costs = new Map<string, Money>();
  for (const { terms, supplierId, cost } of supplied) {
    if (terms === 'OWN') continue;
    if (supplierId === null) throw new Error('consigned goods have a supplier');
    const before = costs.get(supplierId);
    costs.set(supplierId, before ? addMoney(before, cost) : cost);
  }
  return costs;
}

function refused(refusal: OrderRefusal): { kind: 'REFUSED'; refusal: OrderRefusal } {
  return { kind: 'REFUSED', refusal };
}

// ---- orders that were held: decided again when nothing more is waited for ----

/** What goods cost, and whether their supplier is owed it. */
export type SuppliedCost = { cost: Money; supplierId: string | null; terms: LotTerms };

/** A line of which nothing more is waited for: what came of it, and what that cost, posted per supplier. */
export type SettledLine = { quantity: number; deliveredQuantity: number; allotted: Money | null; costs: readonly SuppliedCost[] };

/** A held order as it was pinned when it was placed. */
export type HeldOrder = {
  buyerId: string;
  total: Money;
  quantity: number;
  plan: CommissionPlan | null;
  levelsMax: number;
  /** from HQ down to the buyer */
  hops: readonly OrderHop[];
  lines: readonly SettledLine[];
};

/**
 * What becomes of a held order. DELIVERED: sold as a whole at what its goods really cost; `missing` is the part of the total that did
 * not come and is refunded in the same breath. FAILED: nothing came, the buyer's money is released. TOO_DEAR: below cost by `loss`,
 * which the owner's WALLET would have to bear.
 */
export type Delivery =
  | {
      kind: 'DELIVERED';
      cost: Money;
      commissionPool: Money;
      hops: readonly OrderHop[];
      postings: readonly PostingDraft[];
      missing: Money;
      loss: Money;
    }
  | { kind: 'FAILED'; postings: readonly PostingDraft[] };

/**
 * Decides a held order when all its lines are settled (domain §6: cost, the owner's margin and the pool's cap are fixed now). The
 * pool is capped as if everything had come at the rate of what came, since its part for what is missing is taken back with it:
 * commission never makes a sale lose money, a short one neither.
 */
export function decideDelivery(order: HeldOrder): Delivery {
  const { total, lines, buyerId } = order;
  if (lines.every(({ deliveredQuantity }) => deliveredQuantity === 0)) return { kind: 'FAILED', postings: releasePostings(buyerId, total) };
  const owner = order.hops.find(({ role }) => role === 'OWNER');
  if (!owner?.soldTotal) throw new Error('an order has an owner');
  const costs = lines.flatMap((line) => line.costs);
  const cost = sumMoney(
    costs.map((supplied) => supplied.cost),
    total.currency,
  );
  const missing = missingPart(order);
  const split = splitCommission({
    plan: order.plan,
    buyerTotal: total,
    quantity: order.quantity,
    ownerMargin: marginAsWhole({ sold: owner.soldTotal, cost, total, missing }),
    between: order.hops.filter(({ role }) => role === 'SELLER').length,
    levelsMax: order.levelsMax,
  });
  const hops = order.hops.map((hop): OrderHop => {
    if (hop.role === 'OWNER') return { ...hop, margin: subtractMoney(hop.soldTotal ?? total, cost) };
    return hop.role === 'SELLER' ? { ...hop, commission: split.paid[hop.distance - 1] ?? zeroMoney(total.currency) } : hop;
  });
  const postings = orderPostings(hops, costs, { commissionPaid: split.paidTotal, paidFrom: 'HELD' });
  return {
    kind: 'DELIVERED',
    cost,
    commissionPool: split.pool,
    hops,
    postings,
    missing,
    loss: ownersLoss(postings, owner.stationId, total),
  };
}

/** What of the total is for goods that did not come: each line's part in proportion, never more than the total. */
function missingPart({ total, lines }: HeldOrder): Money {
  const parts = lines.map(({ quantity, deliveredQuantity, allotted }) =>
    scaleMoney(allotted ?? total, BigInt(quantity - deliveredQuantity), BigInt(quantity), 'AMOUNT'),
  );
  return minMoney(sumMoney(parts, total.currency), total);
}

function marginAsWhole({ sold, cost, total, missing }: { sold: Money; cost: Money; total: Money; missing: Money }): Money {
  const kept = subtractMoney(total, missing);
  if (isZero(kept)) return zeroMoney(total.currency);
  return subtractMoney(sold, scaleMoney(cost, total.tenThousandths, kept.tenThousandths, 'AMOUNT'));
}

function releasePostings(buyerId: string, total: Money): PostingDraft[] {
  const holder = { stationId: buyerId };
  return [
    { holder, accountKind: 'HELD', amount: negateMoney(total), reason: 'RELEASE' },
    { holder, accountKind: 'WALLET', amount: total, reason: 'RELEASE' },
  ];
}
