import type { ObjectFieldsShape } from '@pothos/core';
import type { Money } from '#server/platform/money.ts';
import { builder, type Types } from './builder.ts';
import { MoveRefusedReasonEnum, NotSellableReasonEnum, RefundRefusedReasonEnum } from './enums.ts';
import { MoneyType, type ShownMoney, shownAmount } from './money.ts';
import { asNode, NodeInterface } from './node.ts';

// Refusals are answers (api.md): each is named for the fact, says it in a sentence and carries it as data.

/** What every refusal has. `message` is for people who read English; programs and the console go by the code and the facts. */
interface Said {
  readonly message: string;
}

/** Why a SKU cannot be bought. */
export type NotSellableReason = typeof NotSellableReasonEnum.$inferType;

/** The facts of each refusal, by the name of its type. */
export interface RefusalFacts {
  InsufficientBalance: { readonly required: ShownMoney; readonly available: ShownMoney };
  OutOfStock: { readonly availableCount: number };
  PriceMoved: { readonly currentTotal: ShownMoney; readonly maxTotal: ShownMoney };
  NotSellable: { readonly reason: NotSellableReason };
  StationFrozen: object;
  QuantityOutOfRange: { readonly minQuantity: number; readonly maxQuantity: number; readonly quantityStep: number };
  RequestKeyReused: object;
  StaleVersion: { readonly current: { readonly id: string } };
  NotFound: object;
  NotAllowed: object;
  InvalidInput: { readonly field: string };
  MoveRefused: { readonly reason: typeof MoveRefusedReasonEnum.$inferType };
  RefundRefused: { readonly reason: typeof RefundRefusedReasonEnum.$inferType; readonly refundable: ShownMoney | null };
  Busy: { readonly retryAfterMs: number };
}

/** A refusal of one of these names as a resolver answers it. */
export type Refused<Name extends keyof RefusalFacts> = { [N in Name]: { readonly __typename: N } & Said & RefusalFacts[N] }[Name];

/** The interface of all refusals. */
export const RefusalInterface = builder.interfaceRef<Said & { readonly __typename: string }>('Refusal').implement({
  description: 'Why something was not done. Nothing was changed.',
  resolveType: (refusal) => refusal.__typename,
  fields: (t) => ({
    code: t.string({
      description: 'The kind of refusal, in capitals: stable, for programs.',
      resolve: (refusal) => codeOf(refusal.__typename),
    }),
    message: t.exposeString('message', { description: 'The refusal in one English sentence.' }),
  }),
});

/** OUT_OF_STOCK for OutOfStock. */
export function codeOf(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}

/** Declares a refusal by the name of its type, with its facts. */
export function refusalType<Shape extends Said & { readonly __typename: string }>(
  name: Shape['__typename'],
  description: string,
  facts?: ObjectFieldsShape<Types, Shape>,
) {
  return builder.objectRef<Shape>(name).implement({
    description,
    access: 'WITH_PARENT',
    interfaces: [RefusalInterface] as never,
    ...(facts === undefined ? {} : { fields: facts }),
  });
}

/** The wallet does not hold enough. */
export const InsufficientBalance = refusalType<Refused<'InsufficientBalance'>>(
  'InsufficientBalance',
  'The wallet does not hold enough.',
  (t) => ({
    required: t.field({ type: MoneyType, description: 'What would have to be paid.', resolve: ({ required }) => required }),
    available: t.field({ type: MoneyType, description: 'What can be spent, credit included.', resolve: ({ available }) => available }),
  }),
);

/** Fewer keys are in stock than were asked for. */
export const OutOfStock = refusalType<Refused<'OutOfStock'>>('OutOfStock', 'Fewer keys are in stock than were asked for.', (t) => ({
  availableCount: t.exposeInt('availableCount', { description: 'How many are left.' }),
}));

/** It is dearer than the most that the buyer agreed to pay. */
export const PriceMoved = refusalType<Refused<'PriceMoved'>>(
  'PriceMoved',
  'It is dearer than the most that the buyer agreed to pay.',
  (t) => ({
    currentTotal: t.field({ type: MoneyType, description: 'What it costs now.', resolve: ({ currentTotal }) => currentTotal }),
    maxTotal: t.field({ type: MoneyType, description: 'What the buyer agreed to pay at most.', resolve: ({ maxTotal }) => maxTotal }),
  }),
);

/** The SKU cannot be bought now. */
export const NotSellable = refusalType<Refused<'NotSellable'>>('NotSellable', 'The SKU cannot be bought now.', (t) => ({
  reason: t.field({ type: NotSellableReasonEnum, description: 'Why.', resolve: ({ reason }) => reason }),
}));

/** The station, or one above it, is frozen or closed. */
export const StationFrozen = refusalType<Refused<'StationFrozen'>>('StationFrozen', 'The station, or one above it, is frozen or closed.');

/** The SKU is not sold in this quantity. */
export const QuantityOutOfRange = refusalType<Refused<'QuantityOutOfRange'>>(
  'QuantityOutOfRange',
  'The SKU is not sold in this quantity.',
  (t) => ({
    minQuantity: t.exposeInt('minQuantity', { description: 'The smallest quantity.' }),
    maxQuantity: t.exposeInt('maxQuantity', { description: 'The largest quantity.' }),
    quantityStep: t.exposeInt('quantityStep', { description: 'Quantities rise from the smallest in this step.' }),
  }),
);

/** The request key was used before, with another input. */
export const RequestKeyReused = refusalType<Refused<'RequestKeyReused'>>(
  'RequestKeyReused',
  'The request key was used before, with another input.',
);

/** There is no such thing, or none that the viewer may see. */
export const NotFound = refusalType<Refused<'NotFound'>>('NotFound', 'There is no such thing, or none that the viewer may see.');

/** A rule forbids it to this party; the message says who can. */
export const NotAllowed = refusalType<Refused<'NotAllowed'>>('NotAllowed', 'A rule forbids it to this party; the message says who can.');

/** A field of the input is wrong. */
export const InvalidInput = refusalType<Refused<'InvalidInput'>>('InvalidInput', 'A field of the input is wrong.', (t) => ({
  field: t.exposeString('field', { description: 'The name of the field.' }),
}));

/** The station cannot stand there. */
export const MoveRefused = refusalType<Refused<'MoveRefused'>>('MoveRefused', 'The station cannot stand there.', (t) => ({
  reason: t.field({ type: MoveRefusedReasonEnum, description: 'Why.', resolve: ({ reason }) => reason }),
}));

/** The order cannot be refunded like that. */
export const RefundRefused = refusalType<Refused<'RefundRefused'>>('RefundRefused', 'The order cannot be refunded like that.', (t) => ({
  reason: t.field({ type: RefundRefusedReasonEnum, description: 'Why.', resolve: ({ reason }) => reason }),
  refundable: t.field({
    type: MoneyType,
    nullable: true,
    description: 'What is left to be refunded, where that is the reason.',
    resolve: ({ refundable }) => refundable,
  }),
}));

/** Too many orders are waiting. Nothing was done; ask again with the same request key. */
export const Busy = refusalType<Refused<'Busy'>>(
  'Busy',
  'Too many orders are waiting. Nothing was done; ask again with the same request key.',
  (t) => ({
    retryAfterMs: t.exposeInt('retryAfterMs', { description: 'When to ask again, in milliseconds.' }),
  }),
);

/** Somebody else changed it meanwhile: the expectedVersion is no longer its version. */
export const StaleVersion = refusalType<Refused<'StaleVersion'>>(
  'StaleVersion',
  'Somebody else changed it meanwhile: the expectedVersion is no longer its version.',
  (t) => ({
    current: t.field({ type: NodeInterface, description: 'What it is now.', resolve: ({ current }) => current }),
  }),
);

// ---- from what flows answer to what the contract says ----

/** What a flow or command answers when it refuses. */
type Refusal =
  | { readonly kind: 'INSUFFICIENT_BALANCE'; readonly required: Money; readonly available: Money }
  | { readonly kind: 'OUT_OF_STOCK'; readonly availableCount: number }
  | { readonly kind: 'PRICE_MOVED'; readonly currentTotal: Money; readonly maxTotal: Money }
  | { readonly kind: 'NOT_SELLABLE'; readonly reason: NotSellableReason }
  | { readonly kind: 'STATION_FROZEN' }
  | { readonly kind: 'QUANTITY_OUT_OF_RANGE'; readonly minQuantity: number; readonly maxQuantity: number; readonly quantityStep: number }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string }
  | { readonly kind: 'MOVE_REFUSED'; readonly reason: RefusalFacts['MoveRefused']['reason'] }
  | { readonly kind: 'REFUND_REFUSED'; readonly reason: RefusalFacts['RefundRefused']['reason']; readonly refundable: Money | null }
  | { readonly kind: 'BUSY'; readonly retryAfterMs: number };

/** The type of each refusal, by the kind that flows say. */
interface Shown {
  INSUFFICIENT_BALANCE: Refused<'InsufficientBalance'>;
  OUT_OF_STOCK: Refused<'OutOfStock'>;
  PRICE_MOVED: Refused<'PriceMoved'>;
  NOT_SELLABLE: Refused<'NotSellable'>;
  STATION_FROZEN: Refused<'StationFrozen'>;
  QUANTITY_OUT_OF_RANGE: Refused<'QuantityOutOfRange'>;
  REQUEST_KEY_REUSED: Refused<'RequestKeyReused'>;
  NOT_FOUND: Refused<'NotFound'>;
  NOT_ALLOWED: Refused<'NotAllowed'>;
  INVALID_INPUT: Refused<'InvalidInput'>;
  MOVE_REFUSED: Refused<'MoveRefused'>;
  REFUND_REFUSED: Refused<'RefundRefused'>;
  BUSY: Refused<'Busy'>;
}

const SHOW: { readonly [Kind in keyof Shown]: (refusal: Extract<Refusal, { kind: Kind }>, what: string) => Shown[Kind] } = {
  INSUFFICIENT_BALANCE: ({ required, available }) => ({
    __typename: 'InsufficientBalance',
    message: `It takes ${shownAmount(required).amount}; ${shownAmount(available).amount} can be spent.`,
    required: shownAmount(required),
    available: shownAmount(available),
  }),
  OUT_OF_STOCK: ({ availableCount }) => ({ __typename: 'OutOfStock', message: `${availableCount} are left.`, availableCount }),
  PRICE_MOVED: ({ currentTotal, maxTotal }) => ({
    __typename: 'PriceMoved',
    message: `It costs ${shownAmount(currentTotal).amount} now; at most ${shownAmount(maxTotal).amount} was agreed to.`,
    currentTotal: shownAmount(currentTotal),
    maxTotal: shownAmount(maxTotal),
  }),
  NOT_SELLABLE: ({ reason }) => notSellable(reason),
  STATION_FROZEN: () => ({ __typename: 'StationFrozen', message: 'The station, or one above it, is frozen or closed.' }),
  QUANTITY_OUT_OF_RANGE: (refusal) => quantityOutOfRange(refusal),
  REQUEST_KEY_REUSED: () => ({ __typename: 'RequestKeyReused', message: 'This request key was used before, with another input.' }),
  NOT_FOUND: (_, what) => notFound(what),
  NOT_ALLOWED: ({ message }) => ({ __typename: 'NotAllowed', message }),
  INVALID_INPUT: ({ field, message }) => invalidInput(field, message),
  MOVE_REFUSED: ({ reason }) => ({ __typename: 'MoveRefused', message: MOVE_REFUSED_TEXT[reason], reason }),
  REFUND_REFUSED: ({ reason, refundable }) => ({
    __typename: 'RefundRefused',
    message: REFUND_REFUSED_TEXT[reason],
    reason,
    refundable: refundable && shownAmount(refundable),
  }),
  BUSY: ({ retryAfterMs }) => ({
    __typename: 'Busy',
    message: `Too many orders are waiting. Ask again in ${retryAfterMs} ms.`,
    retryAfterMs,
  }),
};

/** Says a flow's refusal in the words of the contract; `what` is what was not found, where that can be. */
export function refused<Kind extends keyof Shown>(refusal: Extract<Refusal, { kind: Kind }>, what = 'object'): Shown[Kind] {
  return SHOW[refusal.kind as Kind](refusal, what);
}

/** The answer to an edit of something that somebody else changed meanwhile; `type` is that of the thing as it is now. */
export function staleVersion(type: string, current: { readonly id: string }): Refused<'StaleVersion'> {
  return { __typename: 'StaleVersion', message: 'Somebody else changed it meanwhile.', current: asNode(type, current) };
}

const MOVE_REFUSED_TEXT: Record<RefusalFacts['MoveRefused']['reason'], string> = {
  CIRCLE: 'A station cannot stand below itself.',
  TOO_DEEP: 'The tree would be more than 12 levels deep.',
  OPEN_CREDIT: 'Credit of the old line is not repaid.',
  SAME_PARENT: 'The station stands there already.',
  NOT_A_PARENT: 'The new parent cannot have children.',
};

const REFUND_REFUSED_TEXT: Record<RefusalFacts['RefundRefused']['reason'], string> = {
  OVER_TOTAL: 'This is more than what is left of the order.',
  NOT_DELIVERED: 'The order was not delivered.',
  KEY_NOT_OF_ORDER: 'A card key does not belong to the order.',
  KEY_ALREADY_RETURNED: 'A card key was refunded before.',
  NEEDS_SECOND_PERSON: 'Above the limit, somebody else than who asked decides.',
  ALREADY_DECIDED: 'It was decided before.',
  NOTHING_TO_REFUND: 'All of it was given back before.',
};

/** The answer to an id that does not exist, or is not the viewer's: the same in both cases. */
export function notFound(what: string): Refused<'NotFound'> {
  return { __typename: 'NotFound', message: `There is no such ${what}, or none that you may see.` };
}

/** The answer to a field of the input that is wrong. */
export function invalidInput(field: string, message: string): Refused<'InvalidInput'> {
  return { __typename: 'InvalidInput', field, message };
}

/** The answer to a SKU that cannot be bought. */
export function notSellable(reason: NotSellableReason): Refused<'NotSellable'> {
  return { __typename: 'NotSellable', message: `It cannot be bought: ${NOT_SELLABLE_TEXT[reason]}.`, reason };
}

const NOT_SELLABLE_TEXT: Record<NotSellableReason, string> = {
  OWN_GOODS: 'the station owns it and withdraws card keys instead',
  NOT_LISTED: 'it is not for sale to this station',
  INVERTED: 'the station pays more than it asks',
  ABOVE_CEILING: 'the price is above the ceiling of the control band',
  ZERO_TOTAL: 'the total would be 0.00',
  BELOW_COST: 'the price is below its cost',
  STATION_FROZEN: 'a station of the line is frozen',
  OUT_OF_STOCK: 'nothing is in stock',
  UNAVAILABLE: 'it is not available now',
};

/** The answer to a quantity that the SKU is not sold in. */
export function quantityOutOfRange(range: RefusalFacts['QuantityOutOfRange']): Refused<'QuantityOutOfRange'> {
  const { minQuantity, maxQuantity, quantityStep } = range;
  const message = `It is sold from ${minQuantity} to ${maxQuantity} in steps of ${quantityStep}.`;
  return { __typename: 'QuantityOutOfRange', message, minQuantity, maxQuantity, quantityStep };
}
