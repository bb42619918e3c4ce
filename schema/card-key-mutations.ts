import type { SeenSku } from '#server/catalog/reads.ts';
import { importCardKeys } from '#server/flows/import-card-keys.ts';
import { REVEAL_ORDERS_MAX, revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { withdrawCardKeys } from '#server/flows/withdraw-card-keys.ts';
import type { SeenOrderRow } from '#server/orders/reads.ts';
import type { ImportJobRow, RevealedKey } from '#server/stock/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { CardKeyType } from './card-key.ts';
import { requireSku, SkuType } from './catalogue.ts';
import { CardKeyFormatEnum, LotTermsEnum } from './enums.ts';
import { idOf, optionalIdOf } from './ids.ts';
import { done, mutation, REPLAYED_TEXT, REQUEST_KEY_TEXT, successType } from './mutation.ts';
import { justRevealed, loadOrder, OrderType } from './order.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, OutOfStock, RequestKeyReused, refused } from './refusals.ts';
import { resultUnion } from './results.ts';
import { ImportJobType, loadImportJob } from './stock.ts';

const CardKeysRevealed = successType<{ readonly __typename: 'CardKeysRevealed'; readonly orders: readonly SeenOrderRow[] }>(
  'CardKeysRevealed',
  'The card keys of orders were revealed.',
  (t) => ({
    orders: t.field({
      type: [OrderType],
      description: 'The orders, in the order asked for; their cardKeys are the keys.',
      // the number of orders is counted where it is known: at the mutation
      complexity: { field: 1, multiplier: 10 },
      resolve: ({ orders }) => orders,
    }),
  }),
);

mutation('revealCardKeys', {
  description: "Reveals the card keys of up to 250 of the acting station's own orders. Audited; a revealed key never returns to stock.",
  access: { party: 'STATION', permission: 'CARD_KEYS_REVEAL' },
  input: builder.inputType('RevealCardKeysInput', {
    description: 'Whose keys.',
    fields: (t) => ({
      orderIds: t.idList({ required: true, description: `The orders, at most ${REVEAL_ORDERS_MAX}; all are revealed or none.` }),
    }),
  }),
  result: resultUnion('RevealCardKeysResult', 'Orders with their keys, or why not.', [CardKeysRevealed, NotFound, InvalidInput]),
  cost: ({ orderIds }) => 10 * Math.max(1, orderIds.length),
  resolve: async (input, context) => {
    const orderIds = input.orderIds.map((id) => idOf('Order', id));
    if (!orderIds.every((id) => id !== null)) return notFound('order');
    const outcome = await revealCardKeys(context.db, context.vault, viewerOf(context), orderIds);
    if (outcome.kind === 'NOT_FOUND') return notFound('order');
    if (outcome.kind !== 'CARD_KEYS_REVEALED') return refused(outcome);
    const orders = (await Promise.all(orderIds.map((id) => loadOrder(context, id)))).filter((order) => order !== null);
    for (const order of orders) justRevealed.set(order, outcome.cardKeys.get(order.id) ?? []);
    return done('CardKeysRevealed', { orders });
  },
});

const CardKeysWithdrawn = successType<{
  readonly __typename: 'CardKeysWithdrawn';
  readonly sku: SeenSku;
  readonly cardKeys: readonly RevealedKey[];
  readonly replayed: boolean;
}>('CardKeysWithdrawn', 'Card keys were taken out of stock.', (t) => ({
  sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: ({ sku }) => sku }),
  cardKeys: t.field({ type: [CardKeyType], description: 'The keys in the clear.', resolve: ({ cardKeys }) => cardKeys }),
  replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
}));

mutation('withdrawCardKeys', {
  description: "Takes card keys out of the acting station's own stock, from lots that it has paid for.",
  access: { party: 'STATION', permission: 'STOCK_WITHDRAW' },
  input: builder.inputType('WithdrawCardKeysInput', {
    description: 'What to take.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      skuId: t.id({ required: true, description: 'Of which SKU.' }),
      quantity: t.int({ required: true, description: 'How many keys.' }),
      reason: t.string({ required: true, description: 'Why; kept in the audit log.' }),
    }),
  }),
  result: resultUnion('WithdrawCardKeysResult', 'Card keys in the clear, or why there are none.', [
    CardKeysWithdrawn,
    OutOfStock,
    RequestKeyReused,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async (input, context) => {
    const skuId = idOf('Sku', input.skuId);
    if (skuId === null) return notFound('SKU');
    const outcome = await withdrawCardKeys(context.db, context.vault, viewerOf(context), { ...input, skuId });
    if (outcome.kind === 'NOT_FOUND') return notFound('SKU');
    if (outcome.kind !== 'CARD_KEYS_WITHDRAWN') return refused(outcome);
    const { cardKeys, replayed } = outcome;
    return done('CardKeysWithdrawn', { sku: await requireSku(context, skuId), cardKeys, replayed });
  },
});

const CardKeysImportStarted = successType<{
  readonly __typename: 'CardKeysImportStarted';
  readonly job: ImportJobRow;
  readonly replayed: boolean;
}>('CardKeysImportStarted', 'An import was taken in; its job tells how far it is.', (t) => ({
  job: t.field({ type: ImportJobType, description: 'The job.', resolve: ({ job }) => job }),
  replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
}));

mutation('importCardKeys', {
  description:
    "Imports card keys of the acting station's own SKU, up to 100,000 lines: encrypted before anything is stored, all or nothing.",
  access: { party: 'STATION', permission: 'STOCK_IMPORT' },
  input: builder.inputType('ImportCardKeysInput', {
    description: 'The card keys.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      skuId: t.id({ required: true, description: 'Of which SKU.' }),
      supplierId: t.id({ description: 'Where they come from; required on consignment.' }),
      terms: t.field({ type: LotTermsEnum, required: true, description: 'When the supplier is paid.' }),
      totalCost: t.field({ type: 'Decimal', required: true, description: 'What the lot costs; spread over its keys.' }),
      expiresOn: t.field({ type: 'Date', description: 'The last day on which the keys are good.' }),
      format: t.field({ type: CardKeyFormatEnum, required: true, description: 'How the text is written.' }),
      text: t.string({ required: true, description: 'The card keys.' }),
    }),
  }),
  result: resultUnion('ImportCardKeysResult', 'An import that was taken in, or why not.', [
    CardKeysImportStarted,
    RequestKeyReused,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async (input, context) => {
    const skuId = idOf('Sku', input.skuId);
    const supplierId = optionalIdOf('Supplier', input.supplierId);
    if (skuId === null || supplierId === null) return notFound('SKU or supplier');
    const file = { ...input, skuId, supplierId: supplierId ?? null, expiresOn: input.expiresOn ?? null };
    const outcome = await importCardKeys(context.db, context.vault, viewerOf(context), file);
    if (outcome.kind === 'NOT_FOUND') return notFound('SKU or supplier');
    if (outcome.kind !== 'CARD_KEYS_IMPORT_STARTED') return refused(outcome);
    const job = await loadImportJob(context, outcome.jobId);
    if (job === null) throw new Error(`the import ${outcome.jobId} is not there`);
    return done('CardKeysImportStarted', { job, replayed: outcome.replayed });
  },
});
