import { partyId } from '#server/accounts/rules.ts';
import { skusSeenBy } from '#server/catalog/reads.ts';
import { bundlesOfComponents } from '#server/listings/reads.ts';
import { openStream } from '#server/live/live-stream.ts';
import { type OrderEvent, orderFeed, type StockEvent, stockFeed } from '#server/live/subscriptions.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadStock, requireSku, SkuType, StockType } from './catalogue.ts';
import type { Context } from './context.ts';
import { OrderScopeEnum } from './enums.ts';
import { afterArg, eventOf, eventType, goodsArgs, readGoods } from './event.ts';
import { gathered } from './gathered.ts';
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
      resolve: async ({ skuId }, _, context) => (await loadStock(context, skuId)) ?? gone(skuId),
    }),
  }),
});

/** Asked for by each group of subscribers at the same moment, so read for all of them at once. */
const seenSkus = gathered(({ pool }, networkId, stationIds, ids: readonly string[]) => skusSeenBy(pool, networkId, stationIds, ids));
const holdingBundles = gathered(async ({ pool }, networkId, stationIds, ids: readonly string[]) => {
  const holding = await bundlesOfComponents(pool, { networkId }, ids);
  return new Map(stationIds.map((stationId) => [stationId, holding]));
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
      const stationId = partyId(viewer.party);
      const maySee = async (ids: readonly string[]) => {
        const asked = wanted ? ids.filter((id) => wanted.has(id)) : ids;
        const found = await seenSkus(context.db, viewer.networkId, stationId, asked);
        const seen = asked.flatMap((id) => found.get(id) ?? []);
        return new Set(seen.filter(({ categoryPath }) => categoryId === null || categoryPath.includes(categoryId)).map(({ id }) => id));
      };
      const bundlesHolding = (ids: readonly string[]) => holdingBundles(context.db, viewer.networkId, stationId, ids);
      return openStream(context.events, stockFeed(viewer, { maySee, bundlesHolding }), after ?? null);
    },
    resolve: eventOf,
  }),
);

function gone(skuId: string): never {
  throw new Error(`the stock of the SKU ${skuId} of an event is not seen by who is told of it`);
}

async function requireOrder(context: Context, orderId: string) {
  const order = await loadOrder(context, orderId);
  if (order === null) throw new Error(`the order ${orderId} of an event is not seen by who is told of it`);
  return order;
}
