import type { ConnectorAbilities, ConnectorKind, UpstreamCardKey, UpstreamOutcome, WireRecord } from '#server/connectors/connector.ts';
import { convertedCost, type OfferCandidate } from '#server/offers/rules.ts';
import { compareMoney, isZero, type Money, scaleMoney } from '#server/platform/money.ts';
import type { Vault, WrappedKey } from '#server/platform/vault.ts';
import { cardKeyProblem, type PlainCardKey } from '#server/stock/rules.ts';

// Purchase attempts (domain §6): one try to buy from one supplier. Pure: what an upstream said is handed in, what becomes of the
// attempt comes out. PLANNED → SENT → SUCCEEDED | REJECTED | UNKNOWN; only from REJECTED another supplier is asked.

/** How far an attempt is. */
export type AttemptState = 'PLANNED' | 'SENT' | 'SUCCEEDED' | 'REJECTED' | 'UNKNOWN';

/** What an attempt is for: a line of an order, or stock (a replenishment, a listing's test purchase), with what asked for it. */
export type AttemptPurpose =
  | { readonly kind: 'ORDER'; readonly orderId: string; readonly lineId: string }
  | { readonly kind: 'REPLENISHMENT' | 'TEST'; readonly subjectId: string };

/** What an attempt keeps of the offer that it buys by; a candidate of routing is one. */
export type BoughtOffer = Pick<
  OfferCandidate,
  'offerId' | 'skuId' | 'ownerId' | 'supplierId' | 'accountId' | 'terms' | 'goods' | 'upstreamCurrency' | 'rate'
>;

// ---- request keys ----

/** Every request key has so many characters: so many does the upstream keep that keeps fewest (acg-faka). */
export const REQUEST_KEY_LENGTH = 19;
/** Random bytes that a request key is made of. */
export const REQUEST_KEY_BYTES = 16;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * The request key of an attempt out of random bytes: 98 bits, so no two are ever alike, also not over the users of one upstream; of
 * [a-z0-9], since some look at no capitals; a letter first, since PHP takes "0" for nothing and "1e5" for a number.
 */
export function requestKeyFrom(random: Uint8Array): string {
  const [first = 0, ...others] = random;
  const digits = others.reduce((number, byte) => number * 256n + BigInt(byte), 0n).toString(36);
  return (LETTERS[first % LETTERS.length] ?? 'a') + digits.padStart(REQUEST_KEY_LENGTH - 1, '0').slice(-(REQUEST_KEY_LENGTH - 1));
}

// ---- what went over the wire ----

/** Calls of an attempt as they may lie in the database: they may hold card keys. */
export type SealedWire = WrappedKey & { readonly sealed: Buffer };

/** Seals what went over the wire for its attempt; null of nothing. */
export function sealWire(vault: Vault, networkId: string, attemptId: string, wire: readonly WireRecord[]): SealedWire | null {
  if (wire.length === 0) return null;
  const context = wireContext(networkId, attemptId);
  const wrapped = vault.createDataKey(context);
  return { ...wrapped, sealed: vault.seal(wrapped, context, context, JSON.stringify(wire)) };
}

/** Opens it again, for a person who has to decide. */
export function openWire(vault: Vault, networkId: string, attemptId: string, { sealed, ...wrapped }: SealedWire): readonly WireRecord[] {
  const context = wireContext(networkId, attemptId);
  return JSON.parse(vault.open(wrapped, context, context, sealed)) as WireRecord[];
}

/** What a callback is sealed with. */
export function callbackContext(networkId: string, accountId: string): string[] {
  return [networkId, accountId, 'supply callback'];
}

function wireContext(networkId: string, attemptId: string): string[] {
  return [networkId, attemptId, 'purchase wire'];
}

// ---- what card keys look like ----

/** What the card keys of a SKU have in common, without saying any of them. */
export interface KeyShape {
  /** Kinds of characters that occur: latin letters (a), digits (0), other letters (x), all else (-). */
  readonly kinds: ReadonlySet<string>;
  readonly lengthMin: number;
  readonly lengthMax: number;
}

/** The shape of known keys of a SKU; null of none. */
export function keyShapeOf(keys: readonly PlainCardKey[]): KeyShape | null {
  const texts = keys.map(textOf);
  if (texts.length === 0) return null;
  const lengths = texts.map(lengthOf);
  // a few keys may lack a letter or a digit by chance
  const surely = texts.length < SAMPLE_ENOUGH ? ['a', '0'] : [];
  return { kinds: new Set([...surely, ...texts.flatMap(kindsIn)]), lengthMin: Math.min(...lengths), lengthMax: Math.max(...lengths) };
}

const SAMPLE_ENOUGH = 5;
const OTHER_LETTERS_MAX = 8;
const WORDS_MAX = 8;

/**
 * Whether what an upstream sent for a key can be one. Beside the SKU's known keys: no kind of letter that none of them has, and neither
 * half nor double as long. Without any: not a sentence. An upstream that took the money and sends an apology is found out here.
 */
export function looksLikeKey(key: PlainCardKey, shape: KeyShape | null): boolean {
  if (cardKeyProblem(key) !== null) return false;
  const text = textOf(key);
  const length = lengthOf(text);
  if (shape !== null) {
    const isStrange = kindsIn(text).some((kind) => kind !== '-' && !shape.kinds.has(kind));
    return !isStrange && length * 2 >= shape.lengthMin && length <= shape.lengthMax * 2;
  }
  const otherLetters = countOf(text, OTHER_LETTER);
  return otherLetters <= OTHER_LETTERS_MAX && otherLetters < countOf(text, LATIN_OR_DIGIT) && text.split(/\s+/).length <= WORDS_MAX;
}

const OTHER_LETTER = /(?![a-zA-Z])\p{L}/gu;
const LATIN_OR_DIGIT = /[a-zA-Z0-9]/g;

function textOf({ number, secret }: PlainCardKey): string {
  return number === null ? secret : `${number} ${secret}`;
}

function lengthOf(text: string): number {
  return text.replaceAll(/\s/g, '').length;
}

function kindsIn(text: string): string[] {
  const kinds: [string, RegExp][] = [
    ['a', /[a-zA-Z]/],
    ['0', /\d/],
    ['x', /(?![a-zA-Z])\p{L}/u],
    ['-', /[^\p{L}\d\s]/u],
  ];
  return kinds.filter(([, pattern]) => pattern.test(text)).map(([kind]) => kind);
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

// ---- judging an answer ----

/** Why a person is asked. */
export type AttentionReason =
  /** by hand: a person buys and delivers */
  | 'MANUAL'
  /** its outcome is not known, and nobody can be asked */
  | 'CANNOT_ASK'
  /** its outcome is not known for a long time; it is asked for still */
  | 'UNKNOWN_TOO_LONG'
  /** accepted long ago and not delivered; it is asked for still */
  | 'PENDING_TOO_LONG'
  /** bought, but the goods cannot be had through the upstream's interface */
  | 'GOODS_LOST'
  /** sold, it says, and no goods came */
  | 'NO_GOODS'
  /** what came is no card key of this SKU */
  | 'WRONG_GOODS'
  /** it says that it took a sum that is none */
  | 'WRONG_COST'
  /** it took more than may be paid */
  | 'TOO_DEAR'
  /** card keys that somebody has already */
  | 'DUPLICATE_KEYS';

/** What was not as agreed though the goods were kept: a claim against the supplier. SURPLUS: it came after the attempt had been given up. */
export type Discrepancy = 'SHORT' | 'TOO_MANY' | 'DEARER' | 'SURPLUS';

/** What judging an answer needs to know of an attempt. */
export interface AttemptFacts {
  readonly state: 'SENT' | 'UNKNOWN' | 'REJECTED';
  readonly connectorKind: ConnectorKind;
  readonly quantity: number;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  readonly quotedCost: Money;
  /** null: the owner bears losses */
  readonly costLimit: Money | null;
  readonly rate: string;
  readonly sentAt: Date;
  readonly acceptedAt: Date | null;
  readonly upstreamRef: string | null;
  /** how often its outcome was asked for before this answer */
  readonly queryCount: number;
  readonly notFoundCount: number;
}

/** What becomes of an attempt by an answer. */
export type Decision =
  /** The goods are here. `discrepancies`: what was not as agreed. */
  | {
      readonly kind: 'GOODS';
      readonly cardKeys: readonly UpstreamCardKey[];
      readonly deliveredQuantity: number;
      readonly cost: Money;
      readonly discrepancies: readonly Discrepancy[];
    }
  /** Asked again at `dueAt`; null: not by itself. */
  | {
      readonly kind: 'WAIT';
      readonly state: 'SENT' | 'UNKNOWN';
      readonly dueAt: Date | null;
      readonly reason: string;
      readonly message: string;
      readonly isAccepted: boolean;
      readonly notFoundCount: number;
      readonly attention: AttentionReason | null;
    }
  /** It refused, and nothing was charged: another supplier may be asked. */
  | { readonly kind: 'REJECTED'; readonly reason: string; readonly message: string }
  /** An attempt that was rejected stays so. */
  | { readonly kind: 'STANDS' };

/** Unknown for so long, a purchase is told to a person; it is asked for still. */
export const UNKNOWN_TOO_LONG_SECONDS = 15 * 60;
/** Accepted and not delivered for so long, likewise. */
export const PENDING_TOO_LONG_SECONDS = 2 * 60 * 60;
const NOT_FOUND_TWICE = 2;

type Judging = {
  readonly attempt: AttemptFacts;
  readonly abilities: ConnectorAbilities;
  /** What the SKU's card keys look like; null: none is known. */
  readonly shape: KeyShape | null;
  readonly now: Date;
  /** A number from 0 up to (not with) 1: spreads queries. */
  readonly chance: number;
};

/**
 * What an answer makes of an attempt (domain §6). Goods are counted and looked at before anybody gets them: what looks like a lie is
 * asked for a second time where that is possible, then a person decides. A refusal is REJECTED at once; "not found" is one only after
 * the upstream's delay and twice; anything else is UNKNOWN and asked for with growing pauses, for ever.
 */
export function judgeReply(judging: Judging, outcome: UpstreamOutcome): Decision {
  const { attempt } = judging;
  if (attempt.state === 'REJECTED') return judgeLate(judging, outcome);
  switch (outcome.kind) {
    case 'SUCCEEDED':
      return judgeGoods(judging, outcome);
    case 'PENDING':
      return judgePending(judging);
    case 'REJECTED':
      return { kind: 'REJECTED', reason: outcome.reason, message: outcome.message };
    case 'NOT_FOUND':
      return judgeNotFound(judging);
    case 'ALREADY_SENT':
      return waiting(judging, { reason: 'ALREADY_SENT', attention: 'GOODS_LOST', dueAt: null, isAccepted: true });
    case 'UNKNOWN':
      return unknown(judging, outcome.reason, outcome.message);
  }
}

/** Of an attempt whose worker died or was held up: nobody knows what the upstream did. */
export function judgeLostWorker(judging: Judging): Decision {
  return unknown(judging, 'WORKER_LOST', '');
}

/** Whether an attempt's outcome can be found out without a person. */
export function canBeAsked(abilities: ConnectorAbilities, attempt: Pick<AttemptFacts, 'state' | 'upstreamRef'>): boolean {
  // a repeat of what was given up would buy
  if (attempt.state === 'REJECTED') return abilities.canQuery || attempt.upstreamRef !== null;
  return abilities.canQuery || abilities.resendIsSafe || attempt.upstreamRef !== null;
}

function judgeLate(judging: Judging, outcome: UpstreamOutcome): Decision {
  if (outcome.kind !== 'SUCCEEDED') return { kind: 'STANDS' };
  const decision = judgeGoods({ ...judging, attempt: { ...judging.attempt, queryCount: LOOKED_TWICE } }, outcome);
  return decision.kind === 'GOODS' ? { ...decision, discrepancies: ['SURPLUS'] } : { kind: 'STANDS' };
}

const LOOKED_TWICE = 1;

function judgeGoods(judging: Judging, outcome: UpstreamOutcome & { readonly kind: 'SUCCEEDED' }): Decision {
  const { attempt } = judging;
  const cardKeys = attempt.goodsKind === 'TOP_UP' ? [] : distinct(outcome.cardKeys);
  const deliveredQuantity = attempt.goodsKind === 'TOP_UP' ? attempt.quantity : cardKeys.length;
  const lie = goodsProblem(judging, cardKeys, deliveredQuantity) ?? (isCost(outcome.cost) ? null : 'WRONG_COST');
  if (lie !== null) return secondLook(judging, lie);
  const cost = costOf(attempt, outcome.cost, deliveredQuantity);
  if (attempt.costLimit !== null && compareMoney(cost, attempt.costLimit) > 0) return secondLook(judging, 'TOO_DEAR');
  const discrepancies: Discrepancy[] = [];
  if (deliveredQuantity < attempt.quantity) discrepancies.push('SHORT');
  if (deliveredQuantity > attempt.quantity) discrepancies.push('TOO_MANY');
  if (compareMoney(cost, attempt.quotedCost) > 0) discrepancies.push('DEARER');
  if (discrepancies.length > 0 && mayLookAgain(judging)) return lookAgain(judging, discrepancies.join('+'));
  return { kind: 'GOODS', cardKeys, deliveredQuantity, cost, discrepancies };
}

function goodsProblem({ attempt, shape }: Judging, cardKeys: readonly UpstreamCardKey[], count: number): AttentionReason | null {
  if (count === 0) return 'NO_GOODS';
  return attempt.goodsKind === 'TOP_UP' || cardKeys.every((key) => looksLikeKey(key, shape)) ? null : 'WRONG_GOODS';
}

function distinct(keys: readonly UpstreamCardKey[]): UpstreamCardKey[] {
  return [...new Map(keys.map((key) => [JSON.stringify([key.number, key.secret]), key])).values()];
}

const COST = /^\d{1,14}(\.\d{1,4}0*)?$/;

function isCost(text: string | null): boolean {
  return text === null || COST.test(text);
}

/** What it cost in the network's currency: what it says that it took; where it says nothing, what was quoted, in proportion. */
function costOf({ quotedCost, quantity, rate }: AttemptFacts, told: string | null, deliveredQuantity: number): Money {
  if (told !== null) return convertedCost(told, rate, quotedCost.currency, 'AMOUNT');
  const chargedQuantity = Math.min(deliveredQuantity, quantity);
  return isZero(quotedCost) ? quotedCost : scaleMoney(quotedCost, BigInt(chargedQuantity), BigInt(quantity), 'AMOUNT');
}

/** A lie that was told once may be an upstream that was not ready: asked again where that is possible, then a person's. */
function secondLook(judging: Judging, reason: AttentionReason): Decision {
  return mayLookAgain(judging)
    ? lookAgain(judging, reason)
    : waiting(judging, { reason, attention: reason, dueAt: null, isAccepted: true });
}

function mayLookAgain({ attempt, abilities }: Judging): boolean {
  return attempt.queryCount < LOOKED_TWICE && (abilities.canQuery || abilities.resendBringsGoods || attempt.upstreamRef !== null);
}

function lookAgain(judging: Judging, reason: string): Decision {
  return waiting(judging, { reason, dueAt: nextQueryAt(judging), isAccepted: true });
}

function judgePending(judging: Judging): Decision {
  const { attempt, now } = judging;
  if (attempt.connectorKind === 'MANUAL')
    return waiting(judging, { state: 'SENT', reason: 'PENDING', attention: 'MANUAL', dueAt: null, isAccepted: true });
  const isLate = secondsBetween(attempt.sentAt, now) >= PENDING_TOO_LONG_SECONDS;
  return waiting(judging, {
    state: 'SENT',
    reason: 'PENDING',
    attention: isLate ? 'PENDING_TOO_LONG' : null,
    dueAt: nextQueryAt(judging),
    isAccepted: true,
  });
}

function judgeNotFound(judging: Judging): Decision {
  const { attempt, abilities, now } = judging;
  // it had been accepted: that it is not known any more says nothing
  if (attempt.acceptedAt !== null || attempt.upstreamRef !== null)
    return unknown(judging, 'CONTRADICTION', 'An accepted order is not found.');
  const believedFrom = new Date(attempt.sentAt.getTime() + abilities.notFoundAfterSeconds * 1000);
  if (now < believedFrom) {
    const dueAt = nextQueryAt(judging);
    return waiting(judging, { reason: 'NOT_FOUND', dueAt: dueAt > believedFrom ? dueAt : spread(believedFrom, judging.chance) });
  }
  const notFoundCount = attempt.notFoundCount + 1;
  return notFoundCount >= NOT_FOUND_TWICE
    ? { kind: 'REJECTED', reason: 'NOT_FOUND', message: '' }
    : waiting(judging, {
        reason: 'NOT_FOUND',
        notFoundCount,
        dueAt: spread(new Date(now.getTime() + FIRST_QUERY_MILLISECONDS), judging.chance),
      });
}

function unknown(judging: Judging, reason: string, message: string): Decision {
  const { attempt, abilities, now } = judging;
  if (!canBeAsked(abilities, attempt)) return waiting(judging, { reason, message, attention: 'CANNOT_ASK', dueAt: null });
  const isLong = secondsBetween(attempt.sentAt, now) >= UNKNOWN_TOO_LONG_SECONDS;
  return waiting(judging, { reason, message, attention: isLong ? 'UNKNOWN_TOO_LONG' : null, dueAt: nextQueryAt(judging) });
}

type Waiting = Decision & { readonly kind: 'WAIT' };

function waiting({ attempt }: Judging, given: Partial<Waiting> & Pick<Waiting, 'reason' | 'dueAt'>): Waiting {
  const isAccepted = given.isAccepted ?? attempt.acceptedAt !== null;
  return { kind: 'WAIT', state: 'UNKNOWN', message: '', attention: null, notFoundCount: 0, ...given, isAccepted };
}

// ---- when to ask ----

/** The first query follows so soon: an answer that was lost is mostly there already. */
export const FIRST_QUERY_MILLISECONDS = 2_000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;
const LONGEST_PAUSE_AFTER_AN_HOUR_MILLISECONDS = 300_000;
const JITTER = 0.2;

/** When an attempt's outcome is asked for next: after 2 s, 4 s, 8 s … a minute; five minutes once it is an hour old; each ± 20 %. */
function nextQueryAt({ attempt, now, chance }: Judging): Date {
  const longest = secondsBetween(attempt.sentAt, now) >= 3600 ? LONGEST_PAUSE_AFTER_AN_HOUR_MILLISECONDS : LONGEST_PAUSE_MILLISECONDS;
  const pause = Math.min(longest, FIRST_QUERY_MILLISECONDS * 2 ** Math.min(attempt.queryCount, 16));
  return new Date(now.getTime() + pause * (1 - JITTER + 2 * JITTER * chance));
}

function spread(from: Date, chance: number): Date {
  return new Date(from.getTime() + FIRST_QUERY_MILLISECONDS * JITTER * chance);
}

function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}

// ---- after a refusal ----

/** A refusal that says nothing against the offer: it never arrived, or never left. It may be tried there again, later. */
export const TRANSIENT_REASONS: readonly string[] = ['NOT_SENT', 'ACCOUNT_BROKEN'];

/** So long a line is tried to be filled, from its first attempt on; then it fails, if nothing of it is unknown. */
export const FILL_WITHIN_SECONDS = 600;

/** When the same offer is tried again after `attemptNumber` tries that never arrived: after 1 s, 2 s, 4 s … 30 s. */
export function retryAt(attemptNumber: number, now: Date): Date {
  return new Date(now.getTime() + Math.min(30_000, 1_000 * 2 ** Math.min(attemptNumber - 1, 10)));
}

/** A refusal that rests on "not found" is looked at once more, later: a late success then is SURPLUS, never a second delivery. */
export const VERIFY_AFTER_SECONDS = 600;

// ---- circuit breaker of an account ----

/** How an account at an upstream fares (supply_account_state). */
export interface AccountHealth {
  readonly breaker: 'CLOSED' | 'OPEN' | 'HALF_OPEN';
  readonly windowStart: Date;
  readonly callCount: number;
  readonly failureCount: number;
  readonly slowCount: number;
  /** How often it has opened without a whole window of good health in between. */
  readonly openedCount: number;
  readonly openUntil: Date | null;
  /** One probe is under way until then, at most. */
  readonly probeUntil: Date | null;
}

/** Calls of an account that ended since its health was last written. */
export interface CallTally {
  readonly callCount: number;
  readonly failureCount: number;
  readonly slowCount: number;
  /** How the probe of an open breaker ended, if one did. */
  readonly probe: 'ANSWERED' | 'FAILED' | null;
  readonly lastSuccessAt: Date | null;
  /** A word of ours for why the last one failed. */
  readonly lastFailure: string | null;
}

/** No calls. */
export const NO_CALLS: CallTally = { callCount: 0, failureCount: 0, slowCount: 0, probe: null, lastSuccessAt: null, lastFailure: null };

/** One call more. */
export function tallied(
  tally: CallTally,
  call: { readonly outcome: UpstreamOutcome; readonly durationMs: number; readonly isProbe: boolean; readonly endedAt: Date },
): CallTally {
  const isFailure = isFailedCall(call.outcome);
  return {
    callCount: tally.callCount + 1,
    failureCount: tally.failureCount + (isFailure ? 1 : 0),
    slowCount: tally.slowCount + (call.durationMs > SLOW_MILLISECONDS ? 1 : 0),
    probe: call.isProbe ? (isFailure ? 'FAILED' : 'ANSWERED') : tally.probe,
    lastSuccessAt: isFailure ? tally.lastSuccessAt : call.endedAt,
    lastFailure: isFailure && 'reason' in call.outcome ? call.outcome.reason : tally.lastFailure,
  };
}

/** Two tallies of an account as one, the earlier first. */
export function talliesTogether(before: CallTally, after: CallTally): CallTally {
  return {
    callCount: before.callCount + after.callCount,
    failureCount: before.failureCount + after.failureCount,
    slowCount: before.slowCount + after.slowCount,
    probe: after.probe ?? before.probe,
    lastSuccessAt: after.lastSuccessAt ?? before.lastSuccessAt,
    lastFailure: after.lastFailure ?? before.lastFailure,
  };
}

/** A call that takes longer than this is slow. */
const SLOW_MILLISECONDS = 5_000;
const WINDOW_MILLISECONDS = 10_000;
const LONGEST_WINDOW_MILLISECONDS = 600_000;
const FEW_CALLS = 5;
const ENOUGH_CALLS = 20;
const FIRST_OPEN_MILLISECONDS = 5_000;
const LONGEST_OPEN_MILLISECONDS = 300_000;

/**
 * An account's health after calls. The breaker opens when five calls and none but failures, or half of at least twenty failed, or four
 * fifths of them were slow, within ten seconds (so long as nothing succeeds the window goes on); for five seconds, twice as long each
 * time, at most five minutes. Then one probe at a time finds out whether it closes.
 */
export function healthAfter(before: AccountHealth, calls: CallTally, now: Date): AccountHealth {
  if (before.breaker !== 'CLOSED') return probed(before, calls, now);
  const current = inWindow(before, now);
  const health: AccountHealth = {
    ...current,
    callCount: current.callCount + calls.callCount,
    failureCount: current.failureCount + calls.failureCount,
    slowCount: current.slowCount + calls.slowCount,
  };
  return isUnhealthy(health) ? opened(health, now) : health;
}

/** How a breaker stands at an instant: an open one lets a probe through once its time is over and no probe is under way. */
export function breakerAt({ breaker, openUntil, probeUntil }: AccountHealth, now: Date): 'CLOSED' | 'OPEN' | 'PROBE' {
  if (breaker === 'CLOSED') return 'CLOSED';
  const isWaiting = openUntil !== null && openUntil > now;
  const isProbed = probeUntil !== null && probeUntil > now;
  return isWaiting || isProbed ? 'OPEN' : 'PROBE';
}

function probed(before: AccountHealth, { probe }: CallTally, now: Date): AccountHealth {
  // what was under way when it opened says nothing new
  if (probe === null) return before;
  if (probe === 'FAILED') return opened(before, now);
  return { ...before, breaker: 'CLOSED', openUntil: null, probeUntil: null, windowStart: now, callCount: 0, failureCount: 0, slowCount: 0 };
}

function inWindow(health: AccountHealth, now: Date): AccountHealth {
  const age = now.getTime() - health.windowStart.getTime();
  const isOver = age >= LONGEST_WINDOW_MILLISECONDS || (age >= WINDOW_MILLISECONDS && health.failureCount < health.callCount);
  if (!isOver && health.callCount > 0) return health;
  return { ...health, windowStart: now, callCount: 0, failureCount: 0, slowCount: 0, openedCount: isOver ? 0 : health.openedCount };
}

function isUnhealthy({ callCount, failureCount, slowCount }: AccountHealth): boolean {
  if (callCount >= FEW_CALLS && failureCount === callCount) return true;
  return callCount >= ENOUGH_CALLS && (failureCount * 2 >= callCount || slowCount * 5 >= callCount * 4);
}

function opened(health: AccountHealth, now: Date): AccountHealth {
  const milliseconds = Math.min(LONGEST_OPEN_MILLISECONDS, FIRST_OPEN_MILLISECONDS * 2 ** Math.min(health.openedCount, 10));
  return {
    breaker: 'OPEN',
    windowStart: now,
    callCount: 0,
    failureCount: 0,
    slowCount: 0,
    openedCount: health.openedCount + 1,
    openUntil: new Date(now.getTime() + milliseconds),
    probeUntil: null,
  };
}

/** Whether a call failed as far as the upstream's health goes: no answer that makes sense, or an account that it refuses. */
function isFailedCall(outcome: UpstreamOutcome): boolean {
  if (outcome.kind === 'UNKNOWN') return true;
  return outcome.kind === 'REJECTED' && (outcome.reason === 'NOT_SENT' || outcome.reason === 'ACCOUNT_REFUSED');
}

/** A purchase that counts against what is left of something: `left` is the same for all of one `pool`. */
export type CappedPurchase = { readonly id: string; readonly pool: string; readonly quantity: number; readonly left: number };

/** Of purchases in their order, the ids of those that what is left does not suffice for; smaller ones behind them may still fit. */
export function beyondCap(purchases: readonly CappedPurchase[]): string[] {
  const left = new Map(purchases.map((purchase) => [purchase.pool, purchase.left]));
  return purchases.flatMap(({ id, pool, quantity }) => {
    const rest = (left.get(pool) ?? 0) - quantity;
    if (rest < 0) return [id];
    left.set(pool, rest);
    return [];
  });
}
