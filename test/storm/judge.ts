import { type Database, run, statement } from '#server/platform/database.ts';
import type { ToldEvent } from './subscriber.ts';

/** How what a subscriber was told differs from what happened. */
export interface Verdict {
  readonly missed: number;
  readonly duplicates: number;
  /** Orders whose events came in another order than they happened. */
  readonly outOfOrder: number;
}

/** An event of an order as the outbox has it. */
export type OrderEventRow = { readonly order_id: string; readonly kind: string };

const orderEvents = statement<OrderEventRow>(
  'storm.orderEvents',
  `SELECT coalesce(data ->> 'orderId', subject_id::text) AS order_id,
          CASE topic WHEN 'order.delivered' THEN 'DELIVERED' WHEN 'order.refunded' THEN 'REFUNDED'
                     WHEN 'refund.requested' THEN 'REFUND_REQUESTED' ELSE 'REFUND_DECLINED' END AS kind
   FROM outbox_event
   WHERE network_id = $1 AND topic IN ('order.delivered', 'order.refunded', 'refund.requested', 'refund.declined') ORDER BY id`,
);

/** The events of a network's orders, in the order in which they were written. */
export function readOrderEvents(db: Database, networkId: string): Promise<OrderEventRow[]> {
  return run(db.pool, orderEvents, [networkId]);
}

/** Holds what was told against what happened. */
export function judge(happened: readonly OrderEventRow[], told: readonly ToldEvent[]): Verdict {
  const expected = byOrder(happened.map(({ order_id, kind }) => ({ orderId: order_id, kind })));
  const got = byOrder(told);
  let missed = 0;
  let duplicates = 0;
  let outOfOrder = 0;
  for (const [orderId, kinds] of expected) {
    const seen = got.get(orderId) ?? [];
    const once = [...new Set(seen)];
    duplicates += seen.length - once.length;
    missed += kinds.filter((kind) => !once.includes(kind)).length;
    if (once.join() !== kinds.filter((kind) => once.includes(kind)).join()) outOfOrder += 1;
  }
  return { missed, duplicates, outOfOrder };
}

function byOrder(events: readonly { readonly orderId: string; readonly kind: string }[]): Map<string, string[]> {
  const orders = new Map<string, string[]>();
  for (const { orderId, kind } of events) {
    const kinds = orders.get(orderId);
    if (kinds) kinds.push(kind);
    else orders.set(orderId, [kind]);
  }
  return orders;
}
