import { type Quote, type QuoteHop, readQuote } from '#server/flows/quote.ts';
import { actingStation, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { SkuType, StockType } from './catalogue.ts';
import { idOf } from './ids.ts';
import { MoneyType, shownAmount, shownUnitPrice } from './money.ts';
import { NotFound, NotSellable, notFound, notSellable, QuantityOutOfRange, quantityOutOfRange } from './refusals.ts';
import { resultUnion } from './results.ts';
import { StationType } from './station.ts';

const quoting = { party: 'STATION', permission: 'CATALOGUE_READ' } as const;

const QuoteHopType = builder.objectRef<QuoteHop>('QuoteHop').implement({
  description: "The acting station's part of a price chain.",
  access: quoting,
  fields: (t) => ({
    // the viewer's part of the chain is its own hop, so the station is the acting one
    station: t.field({ type: StationType, description: 'Who pays.', resolve: (_, __, context) => actingStation(context) }),
    unitPrice: t.field({
      type: MoneyType,
      description: 'What it pays for unitSize units.',
      resolve: ({ unitPrice }) => shownUnitPrice(unitPrice),
    }),
    total: t.field({ type: MoneyType, description: 'What it pays.', resolve: ({ total }) => shownAmount(total) }),
  }),
});

const QuoteType = builder.objectRef<Quote & { readonly __typename: 'Quote' }>('Quote').implement({
  description: 'What a quantity would cost the acting station now. It promises nothing: an order names the most that it pays.',
  access: quoting,
  fields: (t) => ({
    sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: ({ sku }) => sku }),
    quantity: t.exposeInt('quantity', { description: 'Units.' }),
    unitPrice: t.field({
      type: MoneyType,
      description: 'The price of unitSize units.',
      resolve: ({ unitPrice }) => shownUnitPrice(unitPrice),
    }),
    total: t.field({ type: MoneyType, description: 'The price of the quantity.', resolve: ({ total }) => shownAmount(total) }),
    stock: t.field({ type: StockType, description: 'What is left.', resolve: ({ stock }) => stock }),
    walletAfter: t.field({
      type: MoneyType,
      nullable: true,
      access: { party: 'STATION', permission: 'WALLET_READ' },
      description: 'The balance that would be left.',
      resolve: ({ walletAfter }) => walletAfter && shownAmount(walletAfter),
    }),
    hops: t.field({
      type: [QuoteHopType],
      description: "The acting station's part of the price chain: what its uplines pay is not shown.",
      complexity: { field: 1, multiplier: 1 },
      resolve: ({ hops }) => hops,
    }),
  }),
});

const QuoteResult = resultUnion('QuoteResult', 'A quote, or why there is none.', [QuoteType, NotSellable, QuantityOutOfRange, NotFound]);

const QuoteInput = builder.inputType('QuoteInput', {
  description: 'What to quote.',
  fields: (t) => ({
    skuId: t.id({ required: true, description: 'The SKU.' }),
    quantity: t.int({ required: true, description: 'How many units.' }),
  }),
});

builder.queryField('quote', (t) =>
  t.field({
    type: QuoteResult,
    access: quoting,
    description: 'What a quantity of a SKU would cost the acting station now.',
    complexity: 5,
    args: { input: t.arg({ type: QuoteInput, required: true, description: 'What to quote.' }) },
    resolve: async (_, { input }, context) => {
      const skuId = idOf('Sku', input.skuId);
      if (skuId === null) return notFound('SKU');
      const outcome = await readQuote(context.db, viewerOf(context), { skuId, quantity: input.quantity });
      if (outcome.kind === 'NOT_FOUND') return notFound('SKU');
      if (outcome.kind === 'NOT_SELLABLE') return notSellable(outcome.reason);
      if (outcome.kind === 'QUANTITY_OUT_OF_RANGE') return quantityOutOfRange(outcome);
      return { __typename: 'Quote' as const, ...outcome };
    },
  }),
);
