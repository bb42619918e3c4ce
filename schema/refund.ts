import { type RefundRow, refundsByIds, refundsWaiting } from '#server/orders/reads.ts';
import { actsFor } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { RefundBearerEnum, RefundStateEnum } from './enums.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType } from './money.ts';
import { nodeType } from './node.ts';
import { loadOrder, OrderType, orderReader } from './order.ts';

const readingOrders = { party: 'STATION', permission: 'ORDERS_READ' } as const;

const Refund = nodeType<RefundRow>('Refund', {
  description: 'Money of an order given back, or asked for.',
  access: readingOrders,
  load: (context, id) => loadRefund(context, id),
});

/** The refund type of the contract. */
export const RefundType = Refund.ref;

/** A refund of an order that the viewer sees, by id; batched. */
export const loadRefund = batched<string, RefundRow>((context, ids) => refundsByIds(context.db.pool, orderReader(context), ids));

Refund.fields((t) => ({
  order: t.field({ type: OrderType, description: 'Of which order.', resolve: (row, _, context) => requireOrder(context, row.order_id) }),
  amount: t.field({
    type: MoneyType,
    description: 'How much of what the buyer paid.',
    resolve: ({ amount, currency }) => amountOf(amount, currency),
  }),
  bearer: t.field({
    type: RefundBearerEnum,
    nullable: true,
    access: { ...readingOrders, only: (row, context) => actsFor(context, row.owner_id) },
    description: 'Who bears the cost; shown to the owner of the goods alone.',
    resolve: ({ bearer }) => bearer,
  }),
  state: t.field({ type: RefundStateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  reason: t.exposeString('reason', { description: 'Why, as it was written.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was asked for.', resolve: (row) => row.created_at }),
  decidedAt: t.field({ type: 'DateTime', nullable: true, description: 'When it was decided.', resolve: (row) => row.decided_at }),
}));

async function requireOrder(context: Context, orderId: string) {
  const order = await loadOrder(context, orderId);
  if (order === null) throw new Error(`the order ${orderId} of a refund is not seen by its reader`);
  return order;
}

builder.queryField('refundRequests', (t) =>
  t.field({
    type: [RefundType],
    access: readingOrders,
    description: 'Refunds that wait for the decision of the acting station as the owner of the goods, the oldest first.',
    complexity: { field: 1, multiplier: 50 },
    resolve: (_, __, context) => refundsWaiting(context.db.pool, orderReader(context)),
  }),
);
