import { decideWaitingRefund, type RefundNotDone, refundOrder } from '#server/flows/refund-order.ts';
import type { RefundRow, SeenOrderRow } from '#server/orders/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { RefundBearerEnum } from './enums.ts';
import { idOf } from './ids.ts';
import { done, mutation, REPLAYED_TEXT, REQUEST_KEY_TEXT, successType } from './mutation.ts';
import { loadOrder, OrderType } from './order.ts';
import { loadRefund, RefundType } from './refund.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, RefundRefused, RequestKeyReused, refused } from './refusals.ts';
import { resultUnion } from './results.ts';

interface Answer<Name extends string> {
  readonly __typename: Name;
  readonly refund: RefundRow;
  readonly replayed: boolean;
}

const OrderRefunded = successType<Answer<'OrderRefunded'> & { readonly order: SeenOrderRow }>(
  'OrderRefunded',
  'Money of an order was given back.',
  (t) => ({
    refund: t.field({ type: RefundType, description: 'The refund.', resolve: ({ refund }) => refund }),
    order: t.field({ type: OrderType, description: 'The order as it is now.', resolve: ({ order }) => order }),
    replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
  }),
);

const RefundRequested = refundAnswer(
  'RefundRequested',
  'A refund waits for a decision: the caller may only ask, or a second person must decide.',
);
const RefundDeclined = refundAnswer('RefundDeclined', 'A refund was declined.');

mutation('refundOrder', {
  description: 'Gives money of an order back, or asks for it: the finance of the owner decides, the buyer and the stations between ask.',
  access: { party: 'STATION', permission: 'REFUNDS_ASK' },
  input: builder.inputType('RefundOrderInput', {
    description: 'What to give back: keys, an amount, or with neither all that is left.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      orderId: t.id({ required: true, description: 'Of which order.' }),
      amount: t.field({ type: 'Decimal', description: 'How much of what the buyer paid.' }),
      cardKeyIds: t.idList({ description: 'These card keys.' }),
      bearer: t.field({
        type: RefundBearerEnum,
        description: 'Who bears the cost, said by the owner of the goods alone; the owner when left out.',
      }),
      reason: t.string({ required: true, description: 'Why; shown to everyone who sees the order.' }),
    }),
  }),
  result: resultUnion('RefundOrderResult', 'A refund, or why there is none.', [
    OrderRefunded,
    RefundRequested,
    RefundRefused,
    RequestKeyReused,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async (input, context) => {
    const orderId = idOf('Order', input.orderId);
    const cardKeyIds = input.cardKeyIds?.map((id) => idOf('CardKey', id)) ?? null;
    if (orderId === null) return notFound('order');
    // an id that is none is a key of no order, and is refused as one
    const keys = cardKeyIds?.map((id) => id ?? '') ?? null;
    const { requestKey, amount, bearer, reason } = input;
    const outcome = await refundOrder(context.db, viewerOf(context), {
      requestKey,
      orderId,
      amount: amount ?? null,
      cardKeyIds: keys,
      bearer: bearer ?? null,
      reason,
    });
    if (outcome.kind === 'ORDER_REFUNDED') return done('OrderRefunded', await refunded(context, outcome));
    if (outcome.kind === 'REFUND_REQUESTED') return done('RefundRequested', await asked(context, outcome));
    return outcome.kind === 'INVALID_INPUT' ? refused(outcome) : notDone(outcome);
  },
});

mutation('decideRefund', {
  description: 'Approves or declines a refund that waits, as the finance of the owner of the goods.',
  access: { party: 'STATION', permission: 'REFUNDS_DECIDE' },
  input: builder.inputType('DecideRefundInput', {
    description: 'The decision.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      refundId: t.id({ required: true, description: 'The refund that waits.' }),
      approve: t.boolean({ required: true, description: 'Whether the money is given back.' }),
      bearer: t.field({ type: RefundBearerEnum, description: 'Who bears the cost; as it was asked for when left out.' }),
      reason: t.string({ description: 'Why; kept in the audit log.' }),
    }),
  }),
  result: resultUnion('DecideRefundResult', 'A refund as it was decided, or why it was not.', [
    OrderRefunded,
    RefundDeclined,
    RefundRefused,
    RequestKeyReused,
    NotFound,
    NotAllowed,
  ]),
  resolve: async (input, context) => {
    const refundId = idOf('Refund', input.refundId);
    if (refundId === null) return notFound('refund');
    const decision = { ...input, refundId, bearer: input.bearer ?? null, reason: input.reason ?? null };
    const outcome = await decideWaitingRefund(context.db, viewerOf(context), decision);
    if (outcome.kind === 'ORDER_REFUNDED') return done('OrderRefunded', await refunded(context, outcome));
    if (outcome.kind === 'REFUND_DECLINED') return done('RefundDeclined', await asked(context, outcome));
    return notDone(outcome);
  },
});

interface Decided {
  readonly refundId: string;
  readonly orderId: string;
  readonly replayed: boolean;
}

function notDone(outcome: RefundNotDone) {
  if (outcome.kind === 'NOT_FOUND') return notFound('refundable order');
  return refused(outcome);
}

async function refunded(context: Context, { refundId, orderId, replayed }: Decided) {
  const [refund, order] = await Promise.all([loadRefund(context, refundId), loadOrder(context, orderId)]);
  if (refund === null || order === null) throw new Error(`the refund ${refundId} is not seen by who made it`);
  return { refund, order, replayed };
}

async function asked(context: Context, decided: Decided) {
  const { refund, replayed } = await refunded(context, decided);
  return { refund, replayed };
}

function refundAnswer<Name extends string>(name: Name, description: string) {
  return successType<Answer<Name>>(name, description, (t) => ({
    refund: t.field({ type: RefundType, description: 'The refund.', resolve: ({ refund }) => refund }),
    replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
  }));
}
