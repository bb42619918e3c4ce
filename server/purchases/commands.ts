import { randomBytes } from 'node:crypto';
import { run, type Transaction } from '#server/platform/database.ts';
import { type Money, toAmountString } from '#server/platform/money.ts';
import {
  type AttemptPurpose,
  type AttemptState,
  type AttentionReason,
  type BoughtOffer,
  REQUEST_KEY_BYTES,
  requestKeyFrom,
  type SealedWire,
} from './rules.ts';
import { insertAttempts, insertSteps, updateAttempts } from './sql.ts';

/** A purchase that is to be tried. Nothing is sent before it is committed. */
export interface NewAttempt {
  readonly id: string;
  readonly purpose: AttemptPurpose;
  /** 1 for the first try of a line (or subject), 2 for the one after it was rejected … */
  readonly attemptNumber: number;
  /** The offer that routing chose. */
  readonly offer: BoughtOffer;
  readonly quantity: number;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  /** What all of it will cost at most by the offer, in the network's currency, and the same in the upstream's (a decimal text). */
  readonly quotedCost: Money;
  readonly upstreamMaxCost: string;
  /** The most that it may cost; null where the owner bears losses. */
  readonly costLimit: Money | null;
  /** When it is to be sent; null: at once. */
  readonly dueAt: Date | null;
}

/**
 * Plans purchases, each under a request key of its own (domain §6: PLANNED is committed before anything is sent). One statement, which
 * may be gathered by `together`; purchase_attempt_live_key refuses a line that has a live attempt.
 */
export async function planAttempts(tx: Transaction, networkId: string, attempts: readonly NewAttempt[]): Promise<void> {
  if (attempts.length === 0) return;
  const orderOf = ({ purpose }: NewAttempt) => (purpose.kind === 'ORDER' ? purpose : null);
  await run(tx, insertAttempts, [
    networkId,
    tx.now,
    attempts.map(({ id }) => id),
    attempts.map(({ offer }) => offer.ownerId),
    attempts.map(({ purpose }) => purpose.kind),
    attempts.map((attempt) => orderOf(attempt)?.orderId ?? null),
    attempts.map((attempt) => orderOf(attempt)?.lineId ?? null),
    attempts.map(({ purpose }) => (purpose.kind === 'ORDER' ? null : purpose.subjectId)),
    attempts.map(({ offer }) => offer.skuId),
    attempts.map(({ offer }) => offer.offerId),
    attempts.map(({ offer }) => offer.accountId),
    attempts.map(({ offer }) => offer.supplierId),
    attempts.map(({ attemptNumber }) => attemptNumber),
    attempts.map(({ quantity }) => quantity),
    attempts.map(({ offer }) => offer.terms),
    attempts.map(({ offer }) => JSON.stringify(offer.goods)),
    attempts.map(({ goodsKind }) => goodsKind),
    attempts.map(({ quotedCost }) => toAmountString(quotedCost)),
    attempts.map(({ costLimit }) => (costLimit === null ? null : toAmountString(costLimit))),
    attempts.map(({ offer }) => offer.upstreamCurrency),
    attempts.map(({ upstreamMaxCost }) => upstreamMaxCost),
    attempts.map(({ offer }) => offer.rate),
    attempts.map(() => requestKeyFrom(randomBytes(REQUEST_KEY_BYTES))),
    attempts.map(({ dueAt }) => (dueAt ?? tx.now).toISOString()),
  ]);
}

/** What becomes of an attempt. Everything that is not said is emptied: an attempt says how it stands, its steps how it came to that. */
export interface AttemptChange {
  readonly id: string;
  readonly state: AttemptState;
  readonly upstreamRef?: string | null;
  /** The upstream has it, delivered or not. */
  readonly isAccepted?: boolean;
  /** When a worker looks at it next; null: not by itself. */
  readonly dueAt?: Date | null;
  /** Whether this was a question for its outcome. */
  readonly isQuery?: boolean;
  readonly notFoundCount?: number;
  readonly reason?: string | null;
  readonly message?: string | null;
  readonly deliveredQuantity?: number;
  readonly cost?: Money | null;
  readonly discrepancy?: string | null;
  readonly attention?: AttentionReason | null;
}

/** Writes what became of attempts, whose rows the caller has locked; whoever worked on them lets go. */
export async function changeAttempts(tx: Transaction, networkId: string, changes: readonly AttemptChange[]): Promise<void> {
  if (changes.length === 0) return;
  await run(tx, updateAttempts, [
    networkId,
    tx.now,
    changes.map(({ id }) => id),
    changes.map(({ state }) => state),
    changes.map(({ upstreamRef }) => upstreamRef ?? null),
    changes.map(({ isAccepted }) => String(isAccepted ?? false)),
    changes.map(({ dueAt }) => dueAt?.toISOString() ?? null),
    changes.map(({ isQuery }) => (isQuery ? 1 : 0)),
    changes.map(({ notFoundCount }) => notFoundCount ?? 0),
    changes.map(({ reason }) => reason ?? null),
    changes.map(({ message }) => message ?? null),
    changes.map(({ deliveredQuantity }) => deliveredQuantity ?? 0),
    changes.map(({ cost }) => (cost ? toAmountString(cost) : null)),
    changes.map(({ discrepancy }) => discrepancy ?? null),
    changes.map(({ attention }) => attention ?? null),
  ]);
}

/** A line of an attempt's log. */
export interface NewStep {
  readonly attemptId: string;
  readonly kind: 'SENT' | 'RESENT' | 'QUERIED' | 'CALLED_BACK' | 'LEASE_LOST' | 'DECIDED' | 'PERSON';
  /** A word of ours. */
  readonly outcome: string;
  readonly message?: string;
  /** HTTP status of the last answer. */
  readonly status?: number | null;
  readonly durationMs?: number | null;
  /** What went over the wire, sealed: it may hold card keys. */
  readonly wire?: SealedWire | null;
  /** The person or key that did it; null: the machine. */
  readonly actorId?: string | null;
}

/** Adds lines to attempts' logs. */
export async function writeSteps(tx: Transaction, networkId: string, steps: readonly NewStep[]): Promise<void> {
  if (steps.length === 0) return;
  await run(tx, insertSteps, [
    networkId,
    tx.now,
    steps.map(() => tx.newId()),
    steps.map(({ attemptId }) => attemptId),
    steps.map(({ kind }) => kind),
    steps.map(({ outcome }) => outcome),
    steps.map(({ message }) => message ?? ''),
    steps.map(({ status }) => status ?? null),
    steps.map(({ durationMs }) => durationMs ?? null),
    steps.map(({ wire }) => wire?.sealed ?? null),
    steps.map(({ wire }) => wire?.dataKey ?? null),
    steps.map(({ wire }) => wire?.vaultKeyId ?? null),
    steps.map(({ actorId }) => actorId ?? null),
  ]);
}
