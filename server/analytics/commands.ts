import type { Transaction } from '#server/platform/database.ts';
import { addDeltas, readDeliveredDeltas, readRefundedDeltas } from './sql.ts';

/** What the roll-ups need of a numbered event. */
export type RollUpEvent = { readonly topic: string; readonly subjectId: string; readonly data: Readonly<Record<string, unknown>> };

/**
 * Adds a batch of one network's events to the roll-ups. Called by the relay inside the transaction that numbers the events
 * and moves its position, so every event counts exactly once whatever dies.
 */
export async function rollUpEvents(tx: Transaction, networkId: string, events: readonly RollUpEvent[]): Promise<void> {
  const delivered = events.filter((event) => event.topic === 'order.delivered').map((event) => event.subjectId);
  const refunded = events.filter((event) => event.topic === 'order.refunded').map((event) => refundIdOf(event));
  if (delivered.length > 0) await addDeltas(tx, networkId, await readDeliveredDeltas(tx, networkId, delivered));
  if (refunded.length > 0) await addDeltas(tx, networkId, await readRefundedDeltas(tx, networkId, refunded));
}

function refundIdOf(event: RollUpEvent): string {
  const refundId = event.data['refundId'];
  if (typeof refundId !== 'string') throw new Error(`event order.refunded of ${event.subjectId} names no refund`);
  return refundId;
}
