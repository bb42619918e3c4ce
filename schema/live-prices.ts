import { openStream } from '#server/live/live-stream.ts';
import { type PriceEvent, priceFeed, TOLD_SKUS_MAX } from '#server/live/price-feed.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadOffer, loadSku, SkuOfferType, SkuType } from './catalogue.ts';
import { afterArg, eventOf, eventType, goodsArgs, readGoods } from './event.ts';
import { globalId } from './ids.ts';

const readingCatalogue = { party: 'STATION', permission: 'CATALOGUE_READ' } as const;

const PriceChangeType = builder.objectRef<{ readonly skuId: string }>('PriceChange').implement({
  description: 'What the acting station pays for a SKU now.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    skuId: t.id({
      description: 'The global id of the SKU, also when the station no longer sees it.',
      resolve: ({ skuId }) => globalId('Sku', skuId),
    }),
    sku: t.field({
      type: SkuType,
      nullable: true,
      description: 'The SKU; null when the station no longer sees it.',
      resolve: ({ skuId }, _, context) => loadSku(context, skuId),
    }),
    offer: t.field({
      type: SkuOfferType,
      nullable: true,
      description: 'As the station may buy it now: a unitPrice of null and a notSellable say that it has no price. Null with the SKU.',
      resolve: async ({ skuId }, _, context) => {
        const sku = await loadSku(context, skuId);
        return sku && (await loadOffer(context, sku)).offer;
      },
    }),
  }),
});

const PriceEventType = eventType<PriceEvent>('PriceEvent', {
  description: 'Something changed that prices are made from; several changes at once are told as one.',
  access: readingCatalogue,
  fields: (t) => ({
    changes: t.field({
      type: [PriceChangeType],
      description: `What it may have changed for the acting station, with the prices of now: the SKUs that were named, or the first ${TOLD_SKUS_MAX}.`,
      complexity: { field: 1, multiplier: 20 },
      resolve: ({ skuIds }) => skuIds.map((skuId) => ({ skuId })),
    }),
    hasMore: t.exposeBoolean('hasMore', { description: 'Whether it may have changed more than is listed: read the catalogue again.' }),
  }),
});

builder.subscriptionField('priceChanged', (t) =>
  t.field({
    type: PriceEventType,
    access: readingCatalogue,
    description: 'How what the acting station pays changes: by rules, bands, base prices, levels, moves and guards anywhere above it.',
    args: {
      ...goodsArgs(t.arg),
      ...afterArg(t.arg),
    },
    subscribe: (_, { after, ...goods }, context) =>
      openStream(context.events, priceFeed(context.db, viewerOf(context), readGoods(goods)), after ?? null),
    resolve: eventOf,
  }),
);
