import { randomBytes } from 'node:crypto';
import { run, type Transaction } from '#server/platform/database.ts';
import { type Money, toAmountString } from '#server/platform/money.ts';
import { type AttemptPurpose, type BoughtOffer, REQUEST_KEY_BYTES, requestKeyFrom } from './rules.ts';
import { insertAttempts } from './sql.ts';

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
