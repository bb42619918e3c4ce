import { inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { beyondCap } from '#server/purchases/rules.ts';
import { type ClaimedAttemptRow, lockPutBack, putBack, selectCapped } from '#server/purchases/sql.ts';
import { planNext } from './purchase-failover.ts';
import type { PurchaseGround } from './purchase-ground.ts';
import { writeEnded } from './reroute-purchases.ts';
import { settleLines } from './settle-lines.ts';
import { NO_SUPPLIER } from './settle-purchases.ts';

// The daily cap of an offer is kept where purchases are sent and not where they are planned (decision 0034): all that is sent to an account
// is taken under the lock of its row, so counting there costs placing orders nothing and is exact.

/** Why an attempt that was never sent is REJECTED: today's cap of its offer is used up. */
const CAPPED = 'CAPPED';

/**
 * Of attempts that were just taken under their accounts' locks, puts back those by which an offer would pass the cap of the day on which
 * they were planned; answers their ids. One statement where an offer has a cap, none otherwise.
 */
export async function putBackCapped(tx: Transaction, networkId: string, taken: readonly ClaimedAttemptRow[]): Promise<ReadonlySet<string>> {
  const ids = taken.filter(({ was, daily_cap }) => was === 'PLANNED' && daily_cap !== null).map(({ id }) => id);
  if (ids.length === 0) return new Set();
  const capped = await run(tx, selectCapped, [networkId, ids]);
  const over = beyondCap(
    capped.map(({ id, offer_id, day, quantity, cap, used }) => ({ id, pool: `${offer_id} ${day}`, quantity, left: cap - Number(used) })),
  );
  if (over.length > 0) await run(tx, putBack, [networkId, over, tx.now]);
  return new Set(over);
}

/**
 * Attempts that were put back go to other offers, as after a refusal: nothing of them was sent, so each is REJECTED and the next is planned
 * in the same commit. Where there is no other offer the line fails, and its money is free.
 */
export async function rerouteCapped(ground: PurchaseGround, networkId: string, attemptIds: readonly string[]): Promise<void> {
  if (attemptIds.length === 0) return;
  await inTransaction(ground.db, async (tx) => {
    const waiting = await run(tx, lockPutBack, [networkId, attemptIds]);
    const ended = waiting.filter(({ purpose }) => purpose === 'ORDER').map((row) => ({ row, reason: CAPPED }));
    const tries = await planNext(tx, networkId, ended, { elsewhere: 'NO', chance: ground.chance });
    const moved = tries.filter(({ next }) => next !== null);
    const lost = tries.flatMap(({ row, next }) => (next === null && row.line_id !== null ? [row.line_id] : []));
    await settleLines(
      tx,
      networkId,
      lost.map((lineId) => ({ kind: 'FAIL', lineId, reason: NO_SUPPLIER })),
    );
    await writeEnded(tx, networkId, { ended: waiting, moved, reason: CAPPED });
  });
}
