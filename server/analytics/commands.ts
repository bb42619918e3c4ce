import type { Transaction } from '#server/platform/database.ts';
import { addDeltas, lockPosition, movePosition, openPositions, readDeliveredDeltas, readEventsAfter, readRefundedDeltas } from './sql.ts';

/** Events that one transaction counts at most: under a flood the cost of a commit is shared, and the lock is held for a moment only. */
const BATCH = 2_000;

/**
 * Counts the next batch of a network's numbered events and moves the roll-ups' position in the same transaction, so every
 * event counts exactly once whatever dies. Resolves to how many events were passed; 0 also when another process is at it.
 */
export async function rollUpNext(tx: Transaction, networkId: string): Promise<number> {
  await openPositions(tx, networkId);
  const after = await lockPosition(tx, networkId);
  if (after === null) return 0;
  const events = await readEventsAfter(tx, networkId, after, BATCH);
  const last = events.at(-1);
  if (!last) return 0;
  const delivered = events.filter((event) => event.topic === 'order.delivered').map((event) => event.subject_id);
  const refunded = events.filter((event) => event.topic === 'order.refunded').map((event) => refundIdOf(event));
  if (delivered.length > 0) await addDeltas(tx, networkId, await readDeliveredDeltas(tx, networkId, delivered));
  if (refunded.length > 0) await addDeltas(tx, networkId, await readRefundedDeltas(tx, networkId, refunded));
  await movePosition(tx, networkId, last.seq);
  return events.length;
}

function refundIdOf(event: { readonly subject_id: string; readonly data: Readonly<Record<string, unknown>> }): string {
  const refundId = event.data['refundId'];
  if (typeof refundId !== 'string') throw new Error(`event order.refunded of ${event.subject_id} names no refund`);
  return refundId;
}
