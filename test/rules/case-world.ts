import { readdirSync, readFileSync } from 'node:fs';
import { type CommissionPlan, planBook } from '#server/commission/rules.ts';
import {
  decideRefund,
  type EarlierRefund,
  type Holder,
  type OrderPosting,
  type PostingDraft,
  type RefundFacts,
  type SoldKey,
} from '#server/ledger/rules.ts';
import {
  type AcceptedOrder,
  type ClaimedKey,
  decideOrders,
  type OrderDecision,
  type OrderFacts,
  type OrderRefusal,
  stationKey,
} from '#server/orders/rules.ts';
import {
  addMoney,
  currencyCode,
  decimal4,
  isNegative,
  type Money,
  money,
  subtractMoney,
  sumMoney,
  toAmountString,
  toUnitPriceString,
  zeroMoney,
} from '#server/platform/money.ts';
import { type ChainStation, type ListingState, type MarkupRule, ruleBook, type StationStatus } from '#server/pricing/rules.ts';

// Reads test/cases/*.json, in which stations, levels and suppliers go by their names, and plays them through the real rules.
// What comes out has the shape of the file's `expect`, so a failing case prints as a readable difference.

const NAMED_KEYS = 10_000;

/** A markup rule as a case file says it. */
export type RuleText = {
  from: string;
  to: string; // a child's name, 'level gold' or 'everyone'
  on: string; // 'sku', 'product', 'category Games' or 'everything'
  percent?: string;
  fixed?: string;
  price?: string;
  breaks?: { from: number; value: string }[];
  whenInverted?: 'HIDE' | 'RAISE_TO_START';
};
/** Claimed keys of one lot, in the order of selling. */
export type KeysText = { count: number; cost: string; supplier?: string; terms?: 'OWN' };
/** A network with one SKU. */
export type NetworkText = {
  currency?: string;
  /** child: parent; HQ is the root */
  stations: Record<string, string>;
  levels?: Record<string, string>;
  status?: Record<string, StationStatus>;
  allowLoss?: string[];
  commissionLevelsMax?: number;
  sku: {
    owner: string;
    basePrice: string;
    unitSize?: number;
    min?: number;
    max?: number;
    step?: number;
    categories?: string[];
    listing?: ListingState;
  };
  rules?: RuleText[];
  band?: { floor?: string; ceiling?: string };
  commission?: { percent?: string; perUnit?: string; shares: number[]; on?: string }[];
  keys: KeysText[];
  wallets: Record<string, string>;
  credit?: Record<string, string>;
  usedRequestKeys?: { buyer: string; requestKey: string; input: string; order: string }[];
  usedExternalRefs?: { buyer: string; externalRef: string }[];
};
/** One order of the list. */
export type OrderText = { buyer: string; quantity: number; maxTotal?: string; requestKey?: string; input?: string; externalRef?: string };
type RefundText = {
  keys?: number[];
  amount?: string;
  bearer?: 'OWNER' | 'SUPPLIER';
  revealed?: number[];
  settled?: boolean;
  earnings?: Record<string, string>;
  samePerson?: boolean;
};
/** One file of test/cases. `refunds` are of the first order, one after the other. */
export type CaseFile = {
  title: string;
  network: NetworkText;
  orders: OrderText[];
  refunds?: RefundText[];
  secondPersonAbove?: string;
  expect: Played;
};
/** An outcome in the words of a case file. */
export type PlayedOrder = Record<string, unknown>;
type Played = { orders: PlayedOrder[]; refunds?: PlayedOrder[]; unsoldKeys?: number };

/** All files of test/cases, by name. */
export function readCases(): { file: string; content: CaseFile }[] {
  const folder = new URL('../cases/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => ({ file, content: JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as CaseFile }));
}

/** Plays a case; the result is compared with its `expect`, the decisions are for checks that hold for every case. */
export function playCase({ network, orders, refunds, secondPersonAbove, expect }: CaseFile): {
  played: Played;
  decisions: readonly OrderDecision[];
  refundPostings: PostingDraft[][];
} {
  const currency = currencyCode(network.currency ?? 'CNY');
  const facts = factsOf(network);
  const requests = orders.map((order, index) => ({
    buyerId: order.buyer,
    skuId: 'sku',
    quantity: order.quantity,
    maxTotal: money(order.maxTotal ?? '99999999999999', currency),
    requestKey: order.requestKey ?? `request ${index + 1}`,
    inputHash: order.input ?? 'input',
    externalRef: order.externalRef ?? null,
  }));
  const { decisions, surplusKeyIds } = decideOrders(facts, requests);
  const played: Played = { orders: decisions.map(orderText) };
  if (expect.unsoldKeys !== undefined) played.unsoldKeys = surplusKeyIds.length;
  const refundPostings: PostingDraft[][] = [];
  const first = decisions[0];
  if (refunds && first?.kind === 'ACCEPTED') {
    const book = refundBook(first, money(secondPersonAbove ?? '1000000', currency));
    played.refunds = refunds.map((refund) => {
      const { text, postings } = playRefund(book, refund);
      refundPostings.push(postings);
      return text;
    });
  }
  return { played, decisions, refundPostings };
}

/** The state of an order under a row of refunds, kept as the database would keep it. */
export type RefundBook = { facts: RefundFacts; posted: PostingDraft[] };

/** The card keys that an order takes from stock, in their order. */
export function keysOf({ lines }: AcceptedOrder): ClaimedKey[] {
  return lines.flatMap(({ keys }) => keys);
}

/** An accepted order as the ledger finds it before its first refund. */
export function refundBook(order: AcceptedOrder, secondPersonAbove: Money): RefundBook {
  const zero = zeroMoney(order.total.currency);
  const postings: OrderPosting[] = order.postings.map((posting, index) => ({
    ...posting,
    id: `posting ${index}`,
    reversed: zero,
    settled: false,
  }));
  const keys: SoldKey[] = keysOf(order).map((key) => ({ ...key, revealed: false }));
  const facts: RefundFacts = {
    order: { ownerId: order.ownerId, total: order.total, quantity: order.quantity, delivered: true },
    postings,
    keys,
    refunds: [],
    balances: new Map(),
    secondPersonAbove,
  };
  return { facts, posted: [...order.postings] };
}

/** Decides one refund on the book and, when done, writes it into the book. */
export function refundOnBook(book: RefundBook, request: Parameters<typeof decideRefund>[1]) {
  const decided = decideRefund(book.facts, request);
  if (decided.kind === 'REFUND_REFUSED') return decided;
  const earlier: EarlierRefund = { amount: decided.amount, bearer: request.bearer, cardKeyIds: decided.cardKeyIds };
  const balances = new Map(book.facts.balances);
  for (const { holder, accountKind, amount } of decided.postings) {
    if (!('stationId' in holder) || (accountKind !== 'EARNINGS' && accountKind !== 'CLAWBACK')) continue;
    const zero = zeroMoney(amount.currency);
    const { earnings, clawback } = balances.get(holder.stationId) ?? { earnings: zero, clawback: zero };
    const changed =
      accountKind === 'EARNINGS' ? { earnings: addMoney(earnings, amount), clawback } : { earnings, clawback: addMoney(clawback, amount) };
    balances.set(holder.stationId, changed);
  }
  const postings = book.facts.postings.map((posting) => {
    const back = decided.postings.filter((reversal) => reversal.reversesId === posting.id).map((reversal) => reversal.amount);
    return { ...posting, reversed: subtractMoney(posting.reversed, sumMoney(back, posting.amount.currency)) };
  });
  book.facts = { ...book.facts, postings, balances, refunds: [...book.facts.refunds, earlier] };
  book.posted.push(...decided.postings);
  return decided;
}

function playRefund(book: RefundBook, refund: RefundText): { text: PlayedOrder; postings: PostingDraft[] } {
  const { currency } = book.facts.order.total;
  const keyIds = book.facts.keys.map((key) => key.id);
  const balances = new Map(book.facts.balances);
  for (const [station, earnings] of Object.entries(refund.earnings ?? {})) {
    balances.set(station, { earnings: money(earnings, currency), clawback: zeroMoney(currency) });
  }
  const keys = book.facts.keys.map((key, index) => ({ ...key, revealed: key.revealed || (refund.revealed ?? []).includes(index + 1) }));
  const postings = book.facts.postings.map((posting) => ({ ...posting, settled: posting.settled || refund.settled === true }));
  book.facts = { ...book.facts, balances, keys, postings };
  const decided = refundOnBook(book, {
    what: refund.keys
      ? { kind: 'KEYS', cardKeyIds: refund.keys.map((number) => keyIds[number - 1] ?? `key ${number}`) }
      : refund.amount
        ? { kind: 'AMOUNT', amount: money(refund.amount, currency) }
        : { kind: 'WHOLE' },
    bearer: refund.bearer ?? 'OWNER',
    requestedBy: 'Chen',
    decidedBy: refund.samePerson ? 'Chen' : 'Wang',
  });
  if (decided.kind === 'REFUND_REFUSED') {
    return { text: { refused: decided.reason, refundable: toAmountString(decided.refundable) }, postings: [] };
  }
  const returned = decided.returnedKeyIds.map((id) => keyIds.indexOf(id) + 1);
  const text: PlayedOrder = {
    amount: toAmountString(decided.amount),
    state: decided.orderState,
    postings: decided.postings.map(postingText),
  };
  if (returned.length > 0) text.keysBackInStock = returned;
  return { text, postings: [...decided.postings] };
}

/** Facts of `decideOrders` for a network as written in a case file. The one SKU is called 'sku'. */
export function factsOf(network: NetworkText): OrderFacts {
  const currency = currencyCode(network.currency ?? 'CNY');
  const { sku } = network;
  const names = ['HQ', ...Object.keys(network.stations)];
  const stations = new Map<string, ChainStation>(
    names.map((id) => [
      id,
      {
        id,
        levelId: network.levels?.[id] ?? null,
        status: network.status?.[id] ?? 'ACTIVE',
        costGuard: network.allowLoss?.includes(id) ? 'ALLOW_LOSS' : 'HIDE',
      },
    ]),
  );
  const lineTo = (id: string): ChainStation[] => {
    const station = stations.get(id);
    if (!station) throw new Error(`no station ${id} in the case`);
    const parent = network.stations[id];
    return parent === undefined ? [station] : [...lineTo(parent), station];
  };
  const band = network.band && {
    id: 'band',
    floor: network.band.floor === undefined ? null : money(network.band.floor, currency),
    ceiling: network.band.ceiling === undefined ? null : money(network.band.ceiling, currency),
  };
  const plans = (network.commission ?? []).map(
    (plan): CommissionPlan => ({
      id: `plan on ${plan.on ?? 'sku'}`,
      ownerId: sku.owner,
      ...scopeIds(plan.on ?? 'sku'),
      poolKind: plan.percent === undefined ? 'PER_UNIT' : 'PERCENT',
      poolValue: decimal4(plan.percent ?? plan.perUnit ?? ''),
      shareBps: plan.shares,
      currency,
    }),
  );
  return {
    currency,
    commissionLevelsMax: network.commissionLevelsMax ?? 3,
    paths: new Map(names.map((id) => [id, lineTo(id)])),
    skus: new Map([
      [
        'sku',
        {
          id: 'sku',
          productId: 'product',
          categoryPath: sku.categories ?? ['Games'],
          ownerId: sku.owner,
          basePrice: money(sku.basePrice, currency),
          unitSize: sku.unitSize ?? 1,
          minQuantity: sku.min ?? 1,
          maxQuantity: sku.max ?? 1_000_000,
          quantityStep: sku.step ?? 1,
          listingState: sku.listing ?? 'LIVE',
        },
      ],
    ]),
    fulfilments: new Map(),
    chance: 0,
    rules: ruleBook((network.rules ?? []).map((rule) => markupRule(rule, currency))),
    bands: new Map(band ? [['sku', band]] : []),
    plans: planBook(plans),
    claimedKeys: new Map([['sku', claimedKeys(network.keys, currency)]]),
    wallets: new Map(
      Object.entries(network.wallets).map(([id, balance]) => [
        id,
        { balance: money(balance, currency), creditLimit: money(network.credit?.[id] ?? '0', currency), floorless: id === 'HQ' },
      ]),
    ),
    requestKeys: new Map(
      (network.usedRequestKeys ?? []).map((used) => [
        stationKey(used.buyer, used.requestKey),
        { inputHash: used.input, orderId: used.order },
      ]),
    ),
    externalRefs: new Set((network.usedExternalRefs ?? []).map((used) => stationKey(used.buyer, used.externalRef))),
  };
}

function markupRule(rule: RuleText, currency: Money['currency']): MarkupRule {
  const kind = rule.percent !== undefined ? 'PERCENT' : rule.fixed !== undefined ? 'FIXED' : 'PRICE';
  return {
    id: `${rule.from} for ${rule.to} on ${rule.on}`,
    stationId: rule.from,
    childId: rule.to === 'everyone' || rule.to.startsWith('level ') ? null : rule.to,
    levelId: rule.to.startsWith('level ') ? rule.to.slice('level '.length) : null,
    ...scopeIds(rule.on),
    kind,
    value: decimal4(rule.percent ?? rule.fixed ?? rule.price ?? ''),
    breaks: (rule.breaks ?? []).map((step) => ({ minQuantity: step.from, value: decimal4(step.value) })),
    inversion: rule.whenInverted ?? 'HIDE',
    currency,
  };
}

function scopeIds(on: string): { skuId: string | null; productId: string | null; categoryId: string | null } {
  const categoryId = on.startsWith('category ') ? on.slice('category '.length) : null;
  return { skuId: on === 'sku' ? 'sku' : null, productId: on === 'product' ? 'product' : null, categoryId };
}

function claimedKeys(lots: readonly KeysText[], currency: Money['currency']): ClaimedKey[] {
  return lots.flatMap((lot, lotIndex) => {
    const key = { cost: money(lot.cost, currency), supplierId: lot.supplier ?? null, terms: lot.terms ?? 'CONSIGNMENT' } as const;
    // a million keys that differ in nothing but their ids need not be a million objects
    if (lot.count > NAMED_KEYS) return Array<ClaimedKey>(lot.count).fill({ ...key, id: `key ${lotIndex + 1}` });
    return Array.from({ length: lot.count }, (_, index): ClaimedKey => ({ ...key, id: `key ${lotIndex + 1}.${index + 1}` }));
  });
}

function orderText(decision: OrderDecision): PlayedOrder {
  if (decision.kind === 'REFUSED') return refusalText(decision.refusal);
  if (decision.kind === 'REPLAYED') return { replayed: decision.orderId };
  if (decision.kind === 'REPLAYED_IN_LIST') return { replayed: `order ${decision.index + 1} of this list` };
  const earners = decision.hops.filter((hop) => hop.role === 'OWNER' || hop.role === 'SELLER');
  const paid = earners.filter((hop) => hop.commission.tenThousandths !== 0n);
  const text: PlayedOrder = {
    chain: decision.hops.flatMap((hop, index) =>
      hop.paidUnitPrice && hop.paidTotal
        ? [
            `${hop.stationId} pays ${decision.hops[index - 1]?.stationId} ${toUnitPriceString(hop.paidUnitPrice)}, total ${toAmountString(hop.paidTotal)}`,
          ]
        : [],
    ),
    cost: toAmountString(decision.cost),
    margins: Object.fromEntries(earners.map((hop) => [hop.stationId, toAmountString(hop.margin)])),
  };
  if (decision.commissionPlanId !== null) {
    text.commission = {
      pool: toAmountString(decision.commissionPool),
      ...Object.fromEntries(paid.reverse().map((hop) => [hop.stationId, toAmountString(hop.commission)])),
    };
  }
  text.postings = decision.postings.map(postingText);
  return text;
}

function refusalText({ kind, ...data }: OrderRefusal): PlayedOrder {
  const shown = Object.entries(data).map(([name, value]) => [name, typeof value === 'object' ? toAmountString(value as Money) : value]);
  return { refused: kind, ...Object.fromEntries(shown) };
}

function postingText({ holder, accountKind, amount, reason }: PostingDraft): string {
  const sign = isNegative(amount) ? '' : '+';
  return `${holderText(holder)} ${accountKind} ${sign}${toAmountString(amount)} ${reason}`;
}

function holderText(holder: Holder): string {
  if ('stationId' in holder) return holder.stationId;
  return 'supplierId' in holder ? `supplier ${holder.supplierId}` : 'network';
}
