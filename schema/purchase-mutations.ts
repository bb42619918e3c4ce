import {
  askAgain,
  deliverByHand,
  giveUpPurchase,
  type NotAttended,
  type OpenedCall,
  openPurchaseLog,
} from '#server/flows/attend-purchase.ts';
import type { SeenAttemptRow } from '#server/purchases/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { idOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { done, mutation, successType } from './mutation.ts';
import { AttemptType, loadAttempt } from './purchase.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused } from './refusals.ts';
import { resultUnion } from './results.ts';

const WHAT = 'purchase attempt';
const managingSupply = { party: 'STATION', permission: 'SUPPLY_MANAGE' } as const;

type Answer<Name extends string> = { readonly __typename: Name; readonly purchaseAttempt: SeenAttemptRow };

function attemptAnswer<Name extends string>(name: Name, description: string) {
  return successType<Answer<Name>>(name, description, (t) => ({
    purchaseAttempt: t.field({
      type: AttemptType,
      description: 'The attempt as it is now.',
      resolve: ({ purchaseAttempt }) => purchaseAttempt,
    }),
  }));
}

const Delivered = attemptAnswer('PurchaseDelivered', 'Goods were delivered by hand.');

mutation('deliverPurchase', {
  description:
    'Delivers by hand what an attempt was to bring: from a supplier that is bought from by hand, or where the machine cannot know. The order takes the goods; done twice, the second finds it settled.',
  access: managingSupply,
  input: builder.inputType('DeliverPurchaseInput', {
    description: 'The goods.',
    fields: (t) => ({
      purchaseAttemptId: t.id({ required: true, description: 'The attempt.' }),
      cardKeys: t.field({
        type: [
          builder.inputType('DeliveredCardKeyInput', {
            description: 'A card key in the clear.',
            fields: (k) => ({
              number: k.string({ description: 'The card number, where it has one.' }),
              secret: k.string({ required: true, description: 'The secret.' }),
            }),
          }),
        ],
        description: 'The card keys; left out for a direct top-up, which is delivered whole.',
      }),
      cost: t.field({ type: 'Decimal', description: 'What all of it cost, in the network’s currency; as quoted when left out.' }),
      note: t.string({ description: 'What a colleague should know; kept in the log.' }),
    }),
  }),
  result: resultUnion('DeliverPurchaseResult', 'An attempt that is settled, or why it is not.', [
    Delivered,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async ({ purchaseAttemptId, cardKeys, cost, note }, context) => {
    const attemptId = idOf('PurchaseAttempt', purchaseAttemptId);
    if (attemptId === null) return notFound(WHAT);
    const keys = (cardKeys ?? []).map(({ number, secret }) => ({ number: number ?? null, secret }));
    const input = { attemptId, cardKeys: keys, cost: cost ?? null, note: note ?? '' };
    const outcome = await deliverByHand(context, viewerOf(context), input);
    return outcome.kind === 'ATTENDED' ? done('PurchaseDelivered', await changed(context, attemptId)) : notDone(outcome);
  },
});

const GivenUp = attemptAnswer('PurchaseGivenUp', 'An attempt was given up; its order’s line is refunded.');

mutation('giveUpPurchase', {
  description: 'Gives an attempt up that a person has to decide: its order’s line is refunded. Goods that come after all go into stock.',
  access: managingSupply,
  input: builder.inputType('GiveUpPurchaseInput', {
    description: 'The attempt.',
    fields: (t) => ({
      purchaseAttemptId: t.id({ required: true, description: 'The attempt.' }),
      reason: t.string({ required: true, description: 'Why; kept in the log.' }),
    }),
  }),
  result: resultUnion('GiveUpPurchaseResult', 'An attempt that is given up, or why it is not.', [
    GivenUp,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async ({ purchaseAttemptId, reason }, context) => {
    const attemptId = idOf('PurchaseAttempt', purchaseAttemptId);
    if (attemptId === null) return notFound(WHAT);
    const outcome = await giveUpPurchase(context, viewerOf(context), { attemptId, reason });
    return outcome.kind === 'ATTENDED' ? done('PurchaseGivenUp', await changed(context, attemptId)) : notDone(outcome);
  },
});

const Asked = attemptAnswer('PurchaseAsked', 'The supplier is asked for its outcome now.');

mutation('askPurchaseAgain', {
  description: 'Has the supplier’s system asked for the outcome of an attempt now.',
  access: managingSupply,
  input: builder.inputType('AskPurchaseAgainInput', {
    description: 'The attempt.',
    fields: (t) => ({ purchaseAttemptId: t.id({ required: true, description: 'The attempt.' }) }),
  }),
  result: resultUnion('AskPurchaseAgainResult', 'An attempt that is asked for, or why it is not.', [
    Asked,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async ({ purchaseAttemptId }, context) => {
    const attemptId = idOf('PurchaseAttempt', purchaseAttemptId);
    if (attemptId === null) return notFound(WHAT);
    const outcome = await askAgain(context, viewerOf(context), { attemptId });
    return outcome.kind === 'ATTENDED' ? done('PurchaseAsked', await changed(context, attemptId)) : notDone(outcome);
  },
});

const CallType = builder.objectRef<OpenedCall>('PurchaseCall').implement({
  description: 'One call of an attempt as it went over the wire; secrets of the account are taken out.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'When it was written down.', resolve: ({ at }) => at }),
    url: t.exposeString('url', { description: 'Where it went.' }),
    request: t.exposeString('request', { description: 'What was sent.' }),
    status: t.int({ nullable: true, description: 'The HTTP status; null when no answer came.', resolve: ({ status }) => status }),
    answer: t.exposeString('answer', { description: 'What came back; card keys may be in it.' }),
    durationMs: t.exposeInt('durationMs', { description: 'How long it took, in milliseconds.' }),
  }),
});

const LogOpened = successType<{ readonly __typename: 'PurchaseLogOpened'; readonly calls: readonly OpenedCall[] }>(
  'PurchaseLogOpened',
  'What went over the wire for an attempt.',
  (t) => ({ calls: t.field({ type: [CallType], description: 'The calls, eldest first.', resolve: ({ calls }) => calls }) }),
);

mutation('openPurchaseLog', {
  description: 'Shows what went over the wire for an attempt. Card keys may be in it, so it is written into the audit log.',
  access: managingSupply,
  input: builder.inputType('OpenPurchaseLogInput', {
    description: 'The attempt.',
    fields: (t) => ({ purchaseAttemptId: t.id({ required: true, description: 'The attempt.' }) }),
  }),
  result: resultUnion('OpenPurchaseLogResult', 'The calls, or why they are not shown.', [LogOpened, NotFound]),
  resolve: async ({ purchaseAttemptId }, context) => {
    const attemptId = idOf('PurchaseAttempt', purchaseAttemptId);
    if (attemptId === null) return notFound(WHAT);
    const outcome = await openPurchaseLog(context, viewerOf(context), attemptId);
    return outcome.kind === 'OPENED' ? done('PurchaseLogOpened', { calls: outcome.calls }) : notFound(WHAT);
  },
});

function notDone(outcome: NotAttended) {
  return outcome.kind === 'NOT_FOUND' ? notFound(WHAT) : refused(outcome);
}

async function changed(context: Context, attemptId: string) {
  forgetLoaded(context);
  const purchaseAttempt = await loadAttempt(context, attemptId);
  if (purchaseAttempt === null) throw new Error(`the attempt ${attemptId} is not seen by who decided it`);
  return { purchaseAttempt };
}
