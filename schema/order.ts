import { type OrderInput, openOrderInputs } from '#server/flows/order-input.ts';
import {
  keyCountsOfOrders,
  type LineRow,
  linesByIds,
  linesOfOrders,
  ordersByIds,
  ordersCount,
  ordersPage,
  ownOrder,
  refundsOfOrders,
  type SeenOrderRow,
} from '#server/orders/reads.ts';
import type { RevealedKey } from '#server/stock/reads.ts';
import { actsFor, stationIdOf, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { CardKeyType, loadCardKeys } from './card-key.ts';
import { loadSku, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { HopRoleEnum, OrderChannelEnum, OrderScopeEnum, OrderStateEnum } from './enums.ts';
import { badInput } from './errors.ts';
import { optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType, unitPriceOf } from './money.ts';
import { nodeType } from './node.ts';
import { RefundType } from './refund.ts';
import { loadNamedStation, StationType } from './station.ts';

const readingOrders = { party: 'STATION', permission: 'ORDERS_READ' } as const;

const Order = nodeType<SeenOrderRow>('Order', {
  description: 'One SKU in a quantity for one buyer, with all that it was charged by. Seen by the stations of its frozen chain.',
  access: readingOrders,
  load: (context, id) => loadOrder(context, id),
});

/** The order type of the contract. */
export const OrderType = Order.ref;

const OrderConnection = connectionType<SeenOrderRow>('Order', OrderType);

/** The acting station as the reads of orders take it. */
export function orderReader(context: Context): { networkId: string; stationId: string } {
  return { networkId: viewerOf(context).networkId, stationId: stationIdOf(context) };
}

/** An order in whose chain the acting station stands, by id; batched. */
export const loadOrder = batched<string, SeenOrderRow>((context, ids) => ordersByIds(context.db.pool, orderReader(context), ids));

/** A field for the order that a row names: shown to who may read orders, null for all others and where the row names none. */
export function namedOrder<Row>(description: string, idOf: (row: Row) => string | null) {
  return {
    type: OrderType,
    nullable: true,
    access: readingOrders,
    description,
    resolve: (row: Row, _: object, context: Context) => {
      const id = idOf(row);
      return id === null ? null : loadOrder(context, id);
    },
  } as const;
}

const linesOf = batched<string, readonly LineRow[]>((context, ids) => linesOfOrders(context.db.pool, orderReader(context), ids));
const keyCountsOf = batched<string, { keyCount: number; revealedCount: number }>((context, ids) =>
  keyCountsOfOrders(context.db.pool, orderReader(context), ids),
);
const refundsOf = batched<string, Awaited<ReturnType<typeof refundsOfOrders>> extends Map<string, infer Rows> ? Rows : never>(
  (context, ids) => refundsOfOrders(context.db.pool, orderReader(context), ids),
);

const OrderLineStateEnum = builder.enumType('OrderLineState', {
  description: 'How far a line of an order is.',
  values: {
    WAITING: { description: 'Its goods are being bought.' },
    DELIVERED: { description: 'Its goods are here, in part perhaps: see deliveredQuantity.' },
    FAILED: { description: 'Its goods could not be had.' },
  } as const,
});

const OrderLine = nodeType<LineRow>('OrderLine', {
  description: 'What an order delivers: one SKU of it.',
  access: readingOrders,
  load: (context, id) => loadLine(context, id),
});

const loadLine = batched<string, LineRow>((context, ids) => linesByIds(context.db.pool, orderReader(context), ids));

OrderLine.fields((t) => ({
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'The SKU; null where the viewer no longer sees it.',
    resolve: (row, _, context) => loadSku(context, row.sku_id),
  }),
  quantity: t.exposeInt('quantity', { description: 'Units ordered.' }),
  deliveredQuantity: t.int({ description: 'Units delivered.', resolve: (row) => row.delivered_quantity }),
  state: t.field({ type: OrderLineStateEnum, description: 'Whether its goods are here.', resolve: ({ state }) => state }),
}));

const OrderInputFieldType = builder.objectRef<{ readonly name: string; readonly value: string }>('OrderInputField').implement({
  description: 'What the buyer typed for a direct top-up.',
  access: readingOrders,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the field.' }),
    value: t.exposeString('value', { description: 'What was typed.' }),
  }),
});

const inputOf = batched<string, OrderInput>((context, ids) =>
  openOrderInputs(context.db.pool, context.vault, viewerOf(context).networkId, ids),
);

const OrderShareType = builder.objectRef<SeenOrderRow>('OrderShare').implement({
  description: "The acting station's own hop of an order: what it paid, was paid and earned.",
  access: readingOrders,
  fields: (t) => ({
    role: t.field({ type: HopRoleEnum, description: 'What the station was.', resolve: ({ role }) => role }),
    paidUnitPrice: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The unit price that it paid; null for the owner and above.',
      resolve: (row) => (row.paid_unit_price === null ? null : unitPriceOf(row.paid_unit_price, row.currency)),
    }),
    paidTotal: t.field({
      type: MoneyType,
      nullable: true,
      description: 'What it paid; null for the owner and above.',
      resolve: (row) => (row.paid_total === null ? null : amountOf(row.paid_total, row.currency)),
    }),
    soldUnitPrice: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The unit price that the next station below paid it; null for the buyer and above the owner.',
      resolve: (row) => (row.sold_unit_price === null ? null : unitPriceOf(row.sold_unit_price, row.currency)),
    }),
    soldTotal: t.field({
      type: MoneyType,
      nullable: true,
      description: 'What the next station below paid it; null for the buyer and above the owner.',
      resolve: (row) => (row.sold_total === null ? null : amountOf(row.sold_total, row.currency)),
    }),
    margin: t.field({
      type: MoneyType,
      description: 'What it earned by selling above what it paid.',
      resolve: ({ margin, currency }) => amountOf(margin, currency),
    }),
    commission: t.field({
      type: MoneyType,
      description: 'What it got of the commission.',
      resolve: ({ commission, currency }) => amountOf(commission, currency),
    }),
    dueOn: t.field({ type: 'Date', description: 'When its earnings fall due.', resolve: (row) => row.due_on }),
  }),
});

/** Orders whose keys this very operation has revealed already: selecting them is no second reveal. */
export const justRevealed = new WeakMap<SeenOrderRow, readonly RevealedKey[]>();

const buyerOnly = { ...readingOrders, only: (row: SeenOrderRow) => row.role === 'BUYER' } as const;

Order.fields((t) => ({
  requestKey: t.string({
    nullable: true,
    access: buyerOnly,
    description: 'The request key; shown to the buyer.',
    resolve: (row) => row.request_key,
  }),
  externalRef: t.string({
    nullable: true,
    access: buyerOnly,
    description: "The buyer's own number; shown to the buyer.",
    resolve: (row) => row.external_ref,
  }),
  groupId: t.string({
    nullable: true,
    access: buyerOnly,
    description: 'What the buyer groups orders by; shown to the buyer.',
    resolve: (row) => row.group_id,
  }),
  state: t.field({ type: OrderStateEnum, description: 'How far it is.', resolve: (row) => row.state as typeof OrderStateEnum.$inferType }),
  channel: t.field({
    type: OrderChannelEnum,
    description: 'Where it came from.',
    resolve: (row) => row.channel as typeof OrderChannelEnum.$inferType,
  }),
  buyer: t.field({ type: StationType, description: 'Who bought.', resolve: (row, _, context) => requireBuyer(context, row.buyer_id) }),
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'What was bought; null where the viewer no longer sees the SKU. The names on the order stay.',
    resolve: (row, _, context) => loadSku(context, row.sku_id),
  }),
  productName: t.string({ description: 'The name of the product when it was ordered.', resolve: (row) => row.product_name }),
  skuName: t.string({ description: 'The name of the SKU when it was ordered.', resolve: (row) => row.sku_name }),
  quantity: t.exposeInt('quantity', { description: 'Units ordered.' }),
  unitPrice: t.field({
    type: MoneyType,
    description: 'The unit price that the buyer paid.',
    resolve: (row) => unitPriceOf(row.unit_price, row.currency),
  }),
  total: t.field({ type: MoneyType, description: 'What the buyer paid.', resolve: ({ total, currency }) => amountOf(total, currency) }),
  refundedTotal: t.field({
    type: MoneyType,
    description: 'What the buyer was given back.',
    resolve: (row) => amountOf(row.refunded_total, row.currency),
  }),
  placedAt: t.field({ type: 'DateTime', description: 'When it was placed.', resolve: (row) => row.placed_at }),
  deliveredAt: t.field({ type: 'DateTime', nullable: true, description: 'When it was delivered.', resolve: (row) => row.delivered_at }),
  lines: t.field({
    type: [OrderLine.ref],
    description: 'What it delivers: one line, or several for a bundle.',
    complexity: { field: 1, multiplier: 2 },
    resolve: async ({ id }, _, context) => (await linesOf(context, id)) ?? [],
  }),
  input: t.field({
    type: [OrderInputFieldType],
    access: { ...readingOrders, only: (row, context) => row.role === 'BUYER' || actsFor(context, row.owner_id) },
    nullable: true,
    description: 'What was typed for a direct top-up; shown to the buyer and to the owner of the goods, empty where nothing was asked.',
    complexity: { field: 5, multiplier: 1 },
    resolve: async ({ id }, _, context) => Object.entries((await inputOf(context, id)) ?? {}).map(([name, value]) => ({ name, value })),
  }),
  failureReason: t.string({
    nullable: true,
    access: { ...readingOrders, only: (row, context) => actsFor(context, row.owner_id) },
    description: 'Why it failed, or what a person has to decide; shown to the owner of the goods alone.',
    resolve: (row) => row.failure_reason,
  }),
  share: t.field({ type: OrderShareType, nullable: true, description: "The acting station's own hop.", resolve: (row) => row }),
  cost: t.field({
    type: MoneyType,
    nullable: true,
    access: { ...readingOrders, only: (row, context) => actsFor(context, row.owner_id) },
    description: 'What it cost the owner; shown to the owner alone.',
    resolve: ({ cost, currency }) => amountOf(cost, currency),
  }),
  cardKeyCount: t.int({
    description: 'Card keys that it holds.',
    resolve: async ({ id }, _, context) => (await keyCountsOf(context, id))?.keyCount ?? 0,
  }),
  revealedCount: t.int({
    description: 'Card keys that were revealed.',
    resolve: async ({ id }, _, context) => (await keyCountsOf(context, id))?.revealedCount ?? 0,
  }),
  cardKeys: t.field({
    type: [CardKeyType],
    nullable: true,
    access: { party: 'STATION', permission: 'CARD_KEYS_REVEAL', only: (row) => row.role === 'BUYER' },
    description:
      'The card keys in the clear. Selecting them reveals them: it is audited, and a revealed key never returns to stock. Null for any but the buyer.',
    complexity: 10,
    resolve: (row, _, context) => justRevealed.get(row) ?? loadCardKeys(context, row.id),
  }),
  refunds: t.field({
    type: [RefundType],
    description: 'Refunds, the oldest first.',
    complexity: { field: 1, multiplier: 3 },
    resolve: async ({ id }, _, context) => (await refundsOf(context, id)) ?? [],
  }),
}));

async function requireBuyer(context: Context, buyerId: string) {
  const buyer = await loadNamedStation(context, buyerId);
  if (buyer === null) throw new Error(`the buyer ${buyerId} of an order is not there`);
  return buyer;
}

const OrderFilterInput = builder.inputType('OrderFilter', {
  description: 'Which orders; what is left out does not ask.',
  fields: (t) => ({
    states: t.field({ type: [OrderStateEnum], description: 'Of any of these states.' }),
    skuId: t.id({ description: 'Of this SKU.' }),
    buyerId: t.id({ description: 'Bought by this station.' }),
    placedFrom: t.field({ type: 'DateTime', description: 'Placed at this instant or after.' }),
    placedTo: t.field({ type: 'DateTime', description: 'Placed before this instant.' }),
    externalRef: t.string({ description: "The acting station's own number; finds its own orders only." }),
  }),
});

builder.queryField('orders', (t) =>
  t.field({
    type: OrderConnection,
    access: readingOrders,
    description: 'Orders in whose frozen chain the acting station stands, newest first.',
    complexity: pageCost,
    args: {
      scope: t.arg({ type: OrderScopeEnum, required: true, description: 'Which of them.' }),
      filter: t.arg({ type: OrderFilterInput, description: 'Which of those.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_, { scope, filter, ...args }, context) => {
      const request = readPage(`orders.${scope}`, args);
      const skuId = optionalIdOf('Sku', filter?.skuId);
      const buyerId = optionalIdOf('Station', filter?.buyerId);
      // an id that is none finds nothing, like one that does not exist
      if (skuId === null || buyerId === null) return emptyConnection<SeenOrderRow>();
      const cut = { ...filter, states: filter?.states ?? null, skuId: skuId ?? null, buyerId: buyerId ?? null };
      const reader = orderReader(context);
      const page = await ordersPage(context.db.pool, reader, scope, cut, request);
      return toConnection(
        `orders.${scope}`,
        request,
        page,
        (row) => row.id,
        () => ordersCount(context.db.pool, reader, scope, cut),
      );
    },
  }),
);

builder.queryField('order', (t) =>
  t.field({
    type: OrderType,
    nullable: true,
    access: readingOrders,
    description: "The acting station's own order by one of its numbers; null when there is none.",
    args: {
      requestKey: t.arg.string({ description: 'The request key that it was placed with.' }),
      externalRef: t.arg.string({ description: 'The number that the station gave it.' }),
    },
    resolve: (_, { requestKey, externalRef }, context) => {
      if (typeof requestKey !== 'string' && typeof externalRef !== 'string')
        throw badInput('requestKey', 'Give requestKey or externalRef.');
      return ownOrder(context.db.pool, orderReader(context), { requestKey: requestKey ?? null, externalRef: externalRef ?? null });
    },
  }),
);
