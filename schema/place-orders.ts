import { sealOrderInput } from '#server/flows/order-input.ts';
import type { Busy as LaneBusy } from '#server/flows/order-lane.ts';
import { LIST_ORDERS_MAX, orderListProblem, type PlaceOrderOutcome, type PlaceOrderRequest } from '#server/flows/place-orders.ts';
import { INPUT_FIELDS_MAX } from '#server/listings/rules.ts';
import type { SeenOrderRow } from '#server/orders/reads.ts';
import { stationIdOf, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { badInput } from './errors.ts';
import { idOf } from './ids.ts';
import { done, mutation, REPLAYED_TEXT, REQUEST_KEY_TEXT, successType } from './mutation.ts';
import { loadOrder, OrderType } from './order.ts';
import {
  Busy,
  InsufficientBalance,
  InvalidInput,
  NotFound,
  NotSellable,
  notFound,
  OutOfStock,
  PriceMoved,
  QuantityOutOfRange,
  RequestKeyReused,
  refused,
  StationFrozen,
} from './refusals.ts';
import { resultUnion } from './results.ts';

const placing = { party: 'STATION', permission: 'ORDERS_PLACE' } as const;

const OrderPlaced = successType<{ readonly __typename: 'OrderPlaced'; readonly order: SeenOrderRow; readonly replayed: boolean }>(
  'OrderPlaced',
  'An order was placed: delivered at once from stock, or its money held while its goods are bought.',
  (t) => ({
    order: t.field({ type: OrderType, description: 'The order.', resolve: ({ order }) => order }),
    replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
  }),
);

const OrderInputFieldInput = builder.inputType('OrderInputFieldInput', {
  description: 'One field of a direct top-up.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'The name of the field.' }),
    value: t.string({ required: true, description: 'What was typed.' }),
  }),
});

const PlaceOrderInput = builder.inputType('PlaceOrderInput', {
  description: 'An order.',
  fields: (t) => ({
    requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
    skuId: t.id({ required: true, description: 'What to buy.' }),
    quantity: t.int({ required: true, description: 'How many units.' }),
    maxTotal: t.field({
      type: 'Decimal',
      required: true,
      description: 'The most that it may cost, in the currency of the network: dearer is refused, cheaper is charged as it is.',
    }),
    externalRef: t.string({ description: "The station's own number, unique for it." }),
    groupId: t.string({ description: 'A UUID of its own by which the station groups orders.' }),
    input: t.field({
      type: [OrderInputFieldInput],
      description: 'What a direct top-up asks for (the fields of the SKU), checked before any money moves. Kept sealed.',
    }),
  }),
});

type OrderInput = typeof PlaceOrderInput.$inferInput;

const PlaceOrderResult = resultUnion('PlaceOrderResult', 'An order that was placed, or why not.', [
  OrderPlaced,
  InsufficientBalance,
  OutOfStock,
  PriceMoved,
  NotSellable,
  StationFrozen,
  QuantityOutOfRange,
  RequestKeyReused,
  NotFound,
  InvalidInput,
  Busy,
]);

mutation('placeOrder', {
  description:
    'Places an order: paid and delivered in one commit from stock, or its money held while its goods are bought; or refused without a trace.',
  access: placing,
  input: PlaceOrderInput,
  result: PlaceOrderResult,
  resolve: async (input, context) => {
    const [answer] = await placeList(context, [input]);
    if (answer === undefined) throw new Error('an order without an outcome');
    return answer;
  },
});

const PlaceOrdersPayload = successType<{
  readonly __typename: 'PlaceOrdersPayload';
  readonly results: Awaited<ReturnType<typeof placeList>>;
}>('PlaceOrdersPayload', 'What became of each order.', (t) => ({
  results: t.field({
    type: [PlaceOrderResult],
    description: 'One answer for each order, in its place.',
    // the list's length is counted where it is known: at the mutation
    complexity: { field: 1, multiplier: 1 },
    resolve: ({ results }) => results,
  }),
}));

mutation('placeOrders', {
  description:
    'Places up to 250 orders with up to 5,000 keys. Each stands alone, with its own request key: one that is refused harms no other.',
  access: placing,
  input: builder.inputType('PlaceOrdersInput', {
    description: 'Orders.',
    fields: (t) => ({ orders: t.field({ type: [PlaceOrderInput], required: true, description: 'The orders.' }) }),
  }),
  result: resultUnion('PlaceOrdersResult', 'What became of each order, or why there is no list.', [PlaceOrdersPayload, InvalidInput]),
  cost: ({ orders }) => 10 * Math.max(1, orders.length),
  resolve: async ({ orders }, context) => {
    const problem = orderListProblem(orders);
    return problem === null ? done('PlaceOrdersPayload', { results: await placeList(context, orders) }) : refused(problem);
  },
});

/** Sends orders into the lane together and renders what became of each. */
async function placeList(context: Context, orders: readonly OrderInput[]) {
  if (orders.length > LIST_ORDERS_MAX) throw badInput('orders', `At most ${LIST_ORDERS_MAX} orders.`);
  const requests = orders.map((order) => toRequest(context, order));
  const known = requests.filter((request) => request !== null);
  const outcomes = await context.lane.place(known);
  const outcomeOf = new Map(known.map((request, index) => [request, outcomes[index]]));
  return Promise.all(requests.map((request) => answerTo(context, request === null ? { kind: 'NOT_FOUND' } : outcomeOf.get(request))));
}

/** Null for an id that is none: answered like a SKU that does not exist. */
function toRequest(context: Context, { skuId, externalRef, groupId, input, ...order }: OrderInput): PlaceOrderRequest | null {
  const viewer = viewerOf(context);
  const id = idOf('Sku', skuId);
  if (id === null) return null;
  const channel = viewer.actor.kind === 'USER' ? 'CONSOLE' : 'API';
  const sealed = input?.length ? sealInput(context, order.requestKey, input) : null;
  return { ...order, viewer, channel, skuId: id, externalRef: externalRef ?? null, groupId: groupId ?? null, input: sealed };
}

/** Seals what was typed before the order waits in the lane. */
function sealInput(context: Context, requestKey: string, input: NonNullable<OrderInput['input']>) {
  if (input.length > INPUT_FIELDS_MAX) throw badInput('input', `At most ${INPUT_FIELDS_MAX} fields.`);
  const fields = Object.fromEntries(input.map(({ name, value }) => [name, value]));
  if (Object.keys(fields).length < input.length) throw badInput('input', 'A field stands there twice.');
  return sealOrderInput(context.vault, { networkId: viewerOf(context).networkId, buyerId: stationIdOf(context), requestKey }, fields);
}

async function answerTo(context: Context, outcome: PlaceOrderOutcome | LaneBusy | undefined) {
  if (outcome === undefined) throw new Error('an order without an outcome');
  if (outcome.kind === 'NOT_FOUND') return notFound('SKU');
  if (outcome.kind !== 'ORDER_PLACED') return refused(outcome);
  const order = outcome.order ?? (await loadOrder(context, outcome.orderId));
  if (order === null) throw new Error(`the order ${outcome.orderId} is not seen by its buyer`);
  return done('OrderPlaced', { order, replayed: outcome.replayed });
}
