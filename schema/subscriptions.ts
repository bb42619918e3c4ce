import { skusByIds } from '#server/catalog/reads.ts';
import { bundlesOfComponents } from '#server/listings/reads.ts';
import { openStream } from '#server/live/live-stream.ts';
import { type OrderEvent, orderFeed, type StockEvent, stockFeed } from '#server/live/subscriptions.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadOffer, requireSku, SkuType, StockType } from './catalogue.ts';
import type { Context } from './context.ts';
import { OrderScopeEnum } from './enums.ts';
import { afterArg, eventOf, eventType, goodsArgs, readGoods } from './event.ts';
import { loadOrder, OrderType } from './order.ts';

const OrderEventKindEnum = builder.enumType('OrderEventKind', {
  description: 'What happened to an order.',
  values: {
    HELD: { description: 'It was placed; its money is held while its goods are bought.' },
    SOURCING: { description: 'Its goods are being bought.' },
    DELIVERED: { description: 'It was delivered.' },
    FAILED: { description: 'Its goods could not be had; the money is back.' },
    NEEDS_ATTENTION: { description: 'Somebody of the owner has to decide.' },
    REFUNDED: { description: 'Money was given back.' },
    REFUND_REQUESTED: { description: 'A refund was asked for.' },
    REFUND_DECLINED: { description: 'A refund was declined.' },
  } as const,
});

const OrderEventType = eventType<OrderEvent>('OrderEvent', {
  description: 'Something that happened to an order.',
  access: { party: 'STATION', permission: 'ORDERS_READ' },
  fields: (t) => ({
    kind: t.field({ type: OrderEventKindEnum, description: 'What.', resolve: ({ kind }) => kind }),
    order: t.field({
      type: OrderType,
      description: 'The order as it is now.',
      resolve: ({ orderId }, _, context) => requireOrder(context, orderId),
    }),
  }),
});

const StockEventType = eventType<StockEvent>('StockEvent', {
  description: 'The stock of a SKU changed; several changes at once are told as one.',
  access: { party: 'STATION', permission: 'CATALOGUE_READ' },
  fields: (t) => ({
    sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: ({ skuId }, _, context) => requireSku(context, skuId) }),
    stock: t.field({
      type: StockType,
      description: 'What is left now.',
      resolve: async ({ skuId }, _, context) => (await loadOffer(context, await requireSku(context, skuId))).offer.stock,
    }),
  }),
});

builder.subscriptionField('orderUpdated', (t) =>
  t.field({
    type: OrderEventType,
    access: { party: 'STATION', permission: 'ORDERS_READ' },
    description: 'What happens to the orders in whose frozen chain the acting station stands.',
    args: {
      scope: t.arg({ type: OrderScopeEnum, required: true, description: 'Which of them.' }),
      ...afterArg(t.arg),
    },
    subscribe: (_, { scope, after }, context) => openStream(context.events, orderFeed(viewerOf(context), scope), after ?? null),
    resolve: eventOf,
  }),
);

builder.subscriptionField('stockUpdated', (t) =>
  t.field({
    type: StockEventType,
    access: { party: 'STATION', permission: 'CATALOGUE_READ' },
    description: 'How the stock of what the acting station may buy changes.',
    args: {
      ...goodsArgs(t.arg),
      ...afterArg(t.arg),
    },
    subscribe: (_, { after, ...goods }, context) => {
      const viewer = viewerOf(context);
      const { skuIds, categoryId } = readGoods(goods);
      const wanted = skuIds && new Set(skuIds);
      const maySee = async (ids: readonly string[]) => {
        const asked = wanted ? ids.filter((id) => wanted.has(id)) : ids;
        const seen = [...(await skusByIds(context.db.pool, viewer, asked)).values()];
        return new Set(seen.filter(({ categoryPath }) => categoryId === null || categoryPath.includes(categoryId)).map(({ id }) => id));
      };
      const bundlesHolding = (ids: readonly string[]) => bundlesOfComponents(context.db.pool, viewer, ids);
      return openStream(context.events, stockFeed(viewer, { maySee, bundlesHolding }), after ?? null);
    },
    resolve: eventOf,
  }),
);

async function requireOrder(context: Context, orderId: string) {
  const order = await loadOrder(context, orderId);
  if (order === null) throw new Error(`the order ${orderId} of an event is not seen by who is told of it`);
  return order;
}
