import { GraphQLError } from 'graphql';
import { skusByIds } from '#server/catalog/reads.ts';
import { CursorInvalid } from '#server/live/cursor.ts';
import { CursorExpired } from '#server/live/event-source.ts';
import { openStream, type Watched } from '#server/live/live-stream.ts';
import { type OrderEvent, orderFeed, type StockEvent, stockFeed } from '#server/live/subscriptions.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadOffer, requireSku, SkuType, StockType } from './catalogue.ts';
import type { Context } from './context.ts';
import { OrderScopeEnum } from './enums.ts';
import { badInput } from './errors.ts';
import { idOf, optionalIdOf } from './ids.ts';
import { loadOrder, OrderType } from './order.ts';

/** SKUs that one subscription may name. */
export const MOST_SKUS = 1000;

const OrderEventKindEnum = builder.enumType('OrderEventKind', {
  description: 'What happened to an order.',
  values: {
    DELIVERED: { description: 'It was placed and delivered.' },
    REFUNDED: { description: 'Money was given back.' },
    REFUND_REQUESTED: { description: 'A refund was asked for.' },
    REFUND_DECLINED: { description: 'A refund was declined.' },
  } as const,
});

const OrderEventType = builder.objectRef<OrderEvent>('OrderEvent').implement({
  description: 'Something that happened to an order.',
  access: { party: 'STATION', permission: 'ORDERS_READ' },
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place: subscribe with after to go on from here without a gap.',
      resolve: ({ cursor }) => cursor,
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When.', resolve: ({ occurredAt }) => occurredAt }),
    kind: t.field({ type: OrderEventKindEnum, description: 'What.', resolve: ({ kind }) => kind }),
    order: t.field({
      type: OrderType,
      description: 'The order as it is now.',
      resolve: ({ orderId }, _, context) => requireOrder(context, orderId),
    }),
  }),
});

const StockEventType = builder.objectRef<StockEvent>('StockEvent').implement({
  description: 'The stock of a SKU changed; several changes at once are told as one.',
  access: { party: 'STATION', permission: 'CATALOGUE_READ' },
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place: subscribe with after to go on from here without a gap.',
      resolve: ({ cursor }) => cursor,
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When.', resolve: ({ occurredAt }) => occurredAt }),
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
      after: t.arg({ type: 'Cursor', description: 'Go on after this event; from now on when left out.' }),
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
      skuIds: t.arg.idList({ description: 'Only of these SKUs.' }),
      categoryId: t.arg.id({ description: 'Only of this category and those below it.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this event; from now on when left out.' }),
    },
    subscribe: (_, { skuIds, categoryId, after }, context) => {
      const viewer = viewerOf(context);
      if ((skuIds?.length ?? 0) > MOST_SKUS) throw badInput('skuIds', `At most ${MOST_SKUS} SKUs.`);
      const category = optionalIdOf('Category', categoryId);
      const wanted = skuIds && new Set(skuIds.map((id) => idOf('Sku', id)));
      const maySee = async (ids: readonly string[]) => {
        const asked = wanted ? ids.filter((id) => wanted.has(id)) : ids;
        const seen = [...(await skusByIds(context.db.pool, viewer, asked)).values()];
        return new Set(
          seen.filter(({ categoryPath }) => category === undefined || categoryPath.includes(category ?? '')).map(({ id }) => id),
        );
      };
      return openStream(context.events, stockFeed(viewer, maySee), after ?? null);
    },
    resolve: eventOf,
  }),
);

/** The event of a subscription's field, or the error with which its stream ends. */
export function eventOf<Event>(watched: Watched<Event>): Event {
  if ('event' in watched) return watched.event;
  const { failure } = watched;
  if (failure instanceof CursorInvalid) throw badInput('after', failure.message);
  throw failure instanceof CursorExpired ? new GraphQLError(failure.message, { extensions: { code: 'CURSOR_EXPIRED' } }) : failure;
}

async function requireOrder(context: Context, orderId: string) {
  const order = await loadOrder(context, orderId);
  if (order === null) throw new Error(`the order ${orderId} of an event is not seen by who is told of it`);
  return order;
}
