import { addDays, localDate } from '#server/platform/clock.ts';
import {
  addMoney,
  type CurrencyCode,
  compareMoney,
  isNegative,
  isZero,
  type Money,
  maxMoney,
  minMoney,
  negateMoney,
  scaleMoney,
  subtractMoney,
  sumMoney,
  zeroMoney,
} from '#server/platform/money.ts';

// Postings of domain §5: every set that is made here sums to zero. Plus is in the holder's favour; CASH is the outside
// world, so that money coming in makes it negative.

type Station = { stationId: string };

/** Whose account it is: a station's, a supplier's, or the network's own (CASH, SUSPENSE). */
export type Holder = Station | { supplierId: string } | { network: true };

/** Kinds of accounts (domain §5). */
export type AccountKind =
  | 'WALLET'
  | 'HELD'
  | 'EARNINGS_PENDING'
  | 'EARNINGS'
  | 'CLAWBACK'
  | 'DEPOSIT'
  | 'PAYABLE_PENDING'
  | 'PAYABLE'
  | 'CASH'
  | 'SUSPENSE';

/** Why a posting was made. Those of an order are SALE, MARGIN, COMMISSION and COST. */
export type PostingReason =
  | 'SALE'
  | 'MARGIN'
  | 'COMMISSION'
  | 'COST'
  | 'HOLD'
  | 'RELEASE'
  | 'TOP_UP'
  | 'LOT_PURCHASE'
  | 'DEPOSIT'
  | 'REFUND';

/** One posting to be written. Pending kinds get the order's `due_on`. */
export type PostingDraft = { holder: Holder; accountKind: AccountKind; amount: Money; reason: PostingReason };

/** A posting of a refund; `reversesId` is the order's posting that it takes back in part, null for what the bearer pays beyond its own. */
export type RefundPosting = PostingDraft & { reversesId: string | null };

/** A WALLET as locked. It may fall to minus its credit limit; a floorless one (HQ's own) without limit. */
export type WalletFacts = { balance: Money; creditLimit: Money; floorless: boolean };

/** A payment that the payer's wallet cannot bear; nothing was changed. */
export type InsufficientBalance = { kind: 'INSUFFICIENT_BALANCE'; required: Money; available: Money };

/** Who bears the cost of a refund. */
export type RefundBearer = 'OWNER' | 'SUPPLIER';

/** A posting of the order as it stands. `reversed` has the sign of `amount` and is what refunds took back so far. */
export type OrderPosting = PostingDraft & { id: string; reversed: Money; settled: boolean };

/** A card key of the order as sold. */
export type SoldKey = { id: string; cost: Money; supplierId: string | null; terms: 'CONSIGNMENT' | 'OWN'; revealed: boolean };

/** A refund of the order that is done; by amount when it names no keys. */
export type EarlierRefund = { amount: Money; bearer: RefundBearer; cardKeyIds: readonly string[] };

/** Everything that a refund is decided on. */
export type RefundFacts = {
  order: { ownerId: string; total: Money; quantity: number; delivered: boolean };
  /** the postings of the order's own transfer */
  postings: readonly OrderPosting[];
  keys: readonly SoldKey[];
  refunds: readonly EarlierRefund[];
  /** EARNINGS (≥ 0) and CLAWBACK (≤ 0) of the stations that the order paid and of its owner; none is zero */
  balances: ReadonlyMap<string, { earnings: Money; clawback: Money }>;
  /** above this, counted over all refunds of the order, a second person decides (network policy) */
  secondPersonAbove: Money;
};

/** A refund as decided by the owner's finance. WHOLE is all that is left, with all keys that are left. */
export type RefundRequest = {
  what: { kind: 'KEYS'; cardKeyIds: readonly string[] } | { kind: 'AMOUNT'; amount: Money } | { kind: 'WHOLE' };
  bearer: RefundBearer;
  requestedBy: string;
  decidedBy: string;
};

/** Why a refund is refused; `refundable` is what is left of the order's total. */
export type RefundRefusal = {
  kind: 'REFUND_REFUSED';
  reason: 'OVER_TOTAL' | 'NOT_DELIVERED' | 'KEY_NOT_OF_ORDER' | 'KEY_ALREADY_RETURNED' | 'NEEDS_SECOND_PERSON' | 'NOTHING_TO_REFUND';
  refundable: Money;
};

/** A refund with everything to write. `cardKeyIds` are the keys it names, `returnedKeyIds` those of them that go back to stock. */
export type DecidedRefund = {
  kind: 'REFUNDED';
  amount: Money;
  refundedTotal: Money;
  orderState: 'PARTLY_REFUNDED' | 'REFUNDED';
  cardKeyIds: readonly string[];
  returnedKeyIds: readonly string[];
  postings: readonly RefundPosting[];
};

/**
 * Decides a refund (domain §5): the buyer gets the amount; every margin and commission gives back
 * round(posting × refunded so far ÷ order total) less what it gave before; a supplier gives back the cost of keys that it
 * bears or that return unrevealed; the owner takes the rest, so the postings sum to zero. Keys are worth their part of the
 * total, but never more than is left of it.
 */
export function decideRefund(facts: RefundFacts, request: RefundRequest): DecidedRefund | RefundRefusal {
  const { order, refunds } = facts;
  const refundedBefore = sumMoney(
    refunds.map((refund) => refund.amount),
    order.total.currency,
  );
  const refundable = subtractMoney(order.total, refundedBefore);
  const refuse = (reason: RefundRefusal['reason']): RefundRefusal => ({ kind: 'REFUND_REFUSED', reason, refundable });
  if (!order.delivered) return refuse('NOT_DELIVERED');
  const named = namedKeys(facts, request);
  if (typeof named === 'string') return refuse(named);
  const amount = refundAmount(facts, request, named.length, refundable);
  if (isZero(refundable) || compareMoney(amount, refundable) > 0) return refuse('OVER_TOTAL');
  if (isZero(amount) || isNegative(amount)) return refuse('NOTHING_TO_REFUND');
  const refundedTotal = addMoney(refundedBefore, amount);
  const needsSecond = compareMoney(refundedTotal, facts.secondPersonAbove) > 0;
  if (needsSecond && request.requestedBy === request.decidedBy) return refuse('NEEDS_SECOND_PERSON');
  return {
    kind: 'REFUNDED',
    amount,
    refundedTotal,
    orderState: compareMoney(refundedTotal, order.total) === 0 ? 'REFUNDED' : 'PARTLY_REFUNDED',
    cardKeyIds: named.map((key) => key.id),
    returnedKeyIds: named.filter((key) => !key.revealed).map((key) => key.id),
    postings: refundPostings(facts, { bearer: request.bearer, named, amount, refundedTotal }),
  };
}

/**
 * Postings of a top-up: HQ's finance brings money in from CASH; any other parent pays from its own WALLET, which must have
 * it (domain §5). The amount is positive.
 */
export function decideTopUp(request: {
  stationId: string;
  amount: Money;
  payer: { source: 'CASH' } | { source: 'WALLET'; stationId: string; wallet: WalletFacts };
}): { kind: 'ACCEPTED'; postings: readonly PostingDraft[] } | InsufficientBalance {
  const { stationId, amount, payer } = request;
  if (isZero(amount) || isNegative(amount)) throw new Error('a top-up is positive');
  const missing = payer.source === 'WALLET' ? missingBalance(payer.wallet, amount) : null;
  if (missing) return missing;
  const from: PostingDraft =
    payer.source === 'CASH'
      ? { holder: { network: true }, accountKind: 'CASH', amount: negateMoney(amount), reason: 'TOP_UP' }
      : { holder: { stationId: payer.stationId }, accountKind: 'WALLET', amount: negateMoney(amount), reason: 'TOP_UP' };
  return { kind: 'ACCEPTED', postings: [from, { holder: { stationId }, accountKind: 'WALLET', amount, reason: 'TOP_UP' }] };
}

/**
 * Postings of a lot bought on OWN terms: the owner's WALLET pays the supplier's PAYABLE (domain §5). Without a supplier it
 * was paid outside of the system, and a free lot moves nothing: no postings.
 */
export function decideLotPurchase(request: {
  ownerId: string;
  supplierId: string | null;
  totalCost: Money;
  wallet: WalletFacts;
}): { kind: 'ACCEPTED'; postings: readonly PostingDraft[] } | InsufficientBalance {
  const { ownerId, supplierId, totalCost, wallet } = request;
  if (supplierId === null || isZero(totalCost)) return { kind: 'ACCEPTED', postings: [] };
  const missing = missingBalance(wallet, totalCost);
  if (missing) return missing;
  return {
    kind: 'ACCEPTED',
    postings: [
      { holder: { stationId: ownerId }, accountKind: 'WALLET', amount: negateMoney(totalCost), reason: 'LOT_PURCHASE' },
      { holder: { supplierId }, accountKind: 'PAYABLE', amount: totalCost, reason: 'LOT_PURCHASE' },
    ],
  };
}

/** What a wallet can still pay: balance plus credit line; null without limit. */
export function spendable(wallet: WalletFacts): Money | null {
  return wallet.floorless ? null : addMoney(wallet.balance, wallet.creditLimit);
}

/** T+N (domain §5): the local day of delivery in the network's time zone plus `days`, as YYYY-MM-DD. */
export function dueOn(deliveredAt: Date, timeZone: string, days: number): string {
  return addDays(localDate(deliveredAt, timeZone), days);
}

function missingBalance(wallet: WalletFacts, required: Money): InsufficientBalance | null {
  const available = spendable(wallet);
  if (available === null || compareMoney(required, available) <= 0) return null;
  return { kind: 'INSUFFICIENT_BALANCE', required, available };
}

/** The keys that the refund names: each of this order, none named by an earlier refund. */
function namedKeys(
  { keys, refunds }: RefundFacts,
  { what }: RefundRequest,
): readonly SoldKey[] | 'KEY_NOT_OF_ORDER' | 'KEY_ALREADY_RETURNED' {
  const before = new Set(refunds.flatMap((refund) => refund.cardKeyIds));
  if (what.kind === 'AMOUNT') return [];
  if (what.kind === 'WHOLE') return keys.filter((key) => !before.has(key.id));
  const asked = new Set(what.cardKeyIds);
  const named = keys.filter((key) => asked.has(key.id));
  if (named.length < asked.size) return 'KEY_NOT_OF_ORDER';
  return named.some((key) => before.has(key.id)) ? 'KEY_ALREADY_RETURNED' : named;
}

function refundAmount({ order, refunds }: RefundFacts, { what }: RefundRequest, keyCount: number, refundable: Money): Money {
  if (what.kind === 'AMOUNT') return what.amount;
  if (what.kind === 'WHOLE') return refundable;
  // cumulative, so that all keys one after the other are worth the order's total
  const countBefore = refunds.reduce((count, refund) => count + refund.cardKeyIds.length, 0);
  const valueOf = (count: number) => scaleMoney(order.total, BigInt(count), BigInt(order.quantity), 'AMOUNT');
  return minMoney(subtractMoney(valueOf(countBefore + keyCount), valueOf(countBefore)), refundable);
}

type Step = { bearer: RefundBearer; named: readonly SoldKey[]; amount: Money; refundedTotal: Money };
type Balances = Map<string, { earnings: Money; clawback: Money }>;

function refundPostings(facts: RefundFacts, step: Step): RefundPosting[] {
  const { ownerId } = facts.order;
  const balances: Balances = new Map(facts.balances);
  const sale = facts.postings.find((posting) => posting.reason === 'SALE');
  if (!sale) throw new Error('the order has no sale posting');
  // what was held until it was delivered comes back where it came from
  const postings = [refundPosting(sale, 'WALLET', step.amount)];
  for (const posting of facts.postings) {
    if (posting === sale) continue;
    if ('supplierId' in posting.holder) postings.push(...supplierGives(facts, step, posting, posting.holder.supplierId));
    else if (!isHeldBy(posting, ownerId)) postings.push(...uplineGives(facts, step, posting, balances));
  }
  const given = sumMoney(
    postings.map((posting) => posting.amount),
    step.amount.currency,
  );
  return [...postings, ...ownerTakesRest(facts, given, balances)];
}

function uplineGives({ order }: RefundFacts, { refundedTotal }: Step, posting: OrderPosting, balances: Balances): RefundPosting[] {
  const soFar = scaleMoney(posting.amount, refundedTotal.tenThousandths, order.total.tenThousandths, 'AMOUNT');
  const owed = subtractMoney(soFar, posting.reversed);
  if (isZero(owed)) return [];
  if (!posting.settled) return [refundPosting(posting, 'EARNINGS_PENDING', negateMoney(owed))];
  return takeSettled(posting.holder, owed, posting.id, balances);
}

function supplierGives(facts: RefundFacts, step: Step, posting: OrderPosting, supplierId: string): RefundPosting[] {
  const left = subtractMoney(posting.amount, posting.reversed);
  const borne = step.named.length > 0 ? costOfNamed(step, supplierId, left) : costInProportion(facts, step, supplierId, left);
  const whole = compareMoney(step.refundedTotal, facts.order.total) === 0;
  const alwaysSupplier = [step, ...facts.refunds].every((refund) => refund.bearer === 'SUPPLIER');
  const owed = whole && alwaysSupplier ? left : minMoney(borne, left);
  return isZero(owed) ? [] : [refundPosting(posting, posting.settled ? 'PAYABLE' : 'PAYABLE_PENDING', negateMoney(owed))];
}

/** Named keys: the supplier gives back the costs it bears, and those of unrevealed keys, which are its goods again. */
function costOfNamed({ named, bearer }: Step, supplierId: string, { currency }: Money): Money {
  const given = named.filter((key) => isConsignedBy(key, supplierId) && (bearer === 'SUPPLIER' || !key.revealed));
  return sumMoney(
    given.map((key) => key.cost),
    currency,
  );
}

/** By amount: in proportion to the part of the total that the supplier bears, over the keys that no refund named. */
function costInProportion({ order, keys, refunds }: RefundFacts, step: Step, supplierId: string, { currency }: Money): Money {
  if (step.bearer !== 'SUPPLIER') return zeroMoney(currency);
  const sumOf = (list: readonly EarlierRefund[]) =>
    sumMoney(
      list.map((refund) => refund.amount),
      currency,
    );
  const byKeys = refunds.filter((refund) => refund.cardKeyIds.length > 0);
  const gone = new Set(byKeys.flatMap((refund) => refund.cardKeyIds));
  const cost = sumMoney(
    keys.filter((key) => isConsignedBy(key, supplierId) && !gone.has(key.id)).map((key) => key.cost),
    currency,
  );
  const base = subtractMoney(order.total, sumOf(byKeys));
  const before = sumOf(refunds.filter((refund) => refund.bearer === 'SUPPLIER' && refund.cardKeyIds.length === 0));
  const partOf = (borne: Money) => scaleMoney(cost, borne.tenThousandths, base.tenThousandths, 'AMOUNT');
  return subtractMoney(partOf(addMoney(before, step.amount)), partOf(before));
}

/**
 * The owner's part is whatever makes the refund sum to zero: out of its own posting while that is pending, the rest out of
 * EARNINGS, then CLAWBACK. What comes back to it (a key returned, a cent of rounding) goes where it was taken from: its
 * pending posting, or the WALLET that bore the loss, else CLAWBACK, then EARNINGS.
 */
function ownerTakesRest({ order, postings }: RefundFacts, given: Money, balances: Balances): RefundPosting[] {
  const own = postings.find((posting) => isHeldBy(posting, order.ownerId)) ?? null;
  const holder = { stationId: order.ownerId };
  const moved = isNegative(given) ? ownerGetsBack(holder, own, negateMoney(given), balances) : ownerGives(holder, own, given, balances);
  return moved.filter((posting) => !isZero(posting.amount));
}

function ownerGives(holder: Station, own: OrderPosting | null, owed: Money, balances: Balances): RefundPosting[] {
  if (own?.accountKind !== 'EARNINGS_PENDING') return takeSettled(holder, owed, null, balances);
  const zero = zeroMoney(owed.currency);
  const ofOwn = minMoney(owed, maxMoney(subtractMoney(own.amount, own.reversed), zero));
  const first = own.settled ? takeSettled(holder, ofOwn, own.id, balances) : [refundPosting(own, 'EARNINGS_PENDING', negateMoney(ofOwn))];
  return [...first, ...takeSettled(holder, subtractMoney(owed, ofOwn), null, balances)];
}

function ownerGetsBack(holder: Station, own: OrderPosting | null, back: Money, balances: Balances): RefundPosting[] {
  if (!own || own.settled) return giveSettled(holder, back, balances);
  if (own.accountKind === 'EARNINGS_PENDING') return [refundPosting(own, 'EARNINGS_PENDING', back)];
  const loss = negateMoney(subtractMoney(own.amount, own.reversed));
  const toWallet = minMoney(back, loss);
  return [refundPosting(own, 'WALLET', toWallet), ...giveSettled(holder, subtractMoney(back, toWallet), balances)];
}

/** Takes settled money: out of EARNINGS as far as it goes, the rest out of CLAWBACK, which says what the station owes. */
function takeSettled(holder: Holder, owed: Money, reversesId: string | null, balances: Balances): RefundPosting[] {
  const { stationId, earnings, clawback } = balanceOf(holder, balances, owed.currency);
  const fromEarnings = minMoney(owed, maxMoney(earnings, zeroMoney(owed.currency)));
  const fromClawback = subtractMoney(owed, fromEarnings);
  balances.set(stationId, { earnings: subtractMoney(earnings, fromEarnings), clawback: subtractMoney(clawback, fromClawback) });
  return settledPostings(holder, reversesId, negateMoney(fromEarnings), negateMoney(fromClawback));
}

function giveSettled(holder: Holder, back: Money, balances: Balances): RefundPosting[] {
  const { stationId, earnings, clawback } = balanceOf(holder, balances, back.currency);
  const toClawback = minMoney(back, maxMoney(negateMoney(clawback), zeroMoney(back.currency)));
  const toEarnings = subtractMoney(back, toClawback);
  balances.set(stationId, { earnings: addMoney(earnings, toEarnings), clawback: addMoney(clawback, toClawback) });
  return settledPostings(holder, null, toEarnings, toClawback);
}

function settledPostings(holder: Holder, reversesId: string | null, earnings: Money, clawback: Money): RefundPosting[] {
  const postings: RefundPosting[] = [
    { holder, accountKind: 'EARNINGS', amount: earnings, reason: 'REFUND', reversesId },
    { holder, accountKind: 'CLAWBACK', amount: clawback, reason: 'REFUND', reversesId },
  ];
  return postings.filter((posting) => !isZero(posting.amount));
}

function balanceOf(holder: Holder, balances: Balances, currency: CurrencyCode) {
  if (!('stationId' in holder)) throw new Error('only stations have earnings');
  const zero = zeroMoney(currency);
  return { stationId: holder.stationId, ...(balances.get(holder.stationId) ?? { earnings: zero, clawback: zero }) };
}

function refundPosting(reversed: OrderPosting, accountKind: AccountKind, amount: Money): RefundPosting {
  return { holder: reversed.holder, accountKind, amount, reason: 'REFUND', reversesId: reversed.id };
}

function isHeldBy(posting: OrderPosting, stationId: string): boolean {
  return 'stationId' in posting.holder && posting.holder.stationId === stationId;
}

function isConsignedBy(key: SoldKey, supplierId: string): boolean {
  return key.terms === 'CONSIGNMENT' && key.supplierId === supplierId;
}
