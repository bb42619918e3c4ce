import { openStream } from '#server/live/live-stream.ts';
import { type PriceEvent, priceFeed, TOLD_SKUS_MAX } from '#server/live/price-feed.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadOffer, loadSku, SkuOfferType, SkuType } from './catalogue.ts';
import { badInput } from './errors.ts';
import { globalId, idOf, optionalIdOf } from './ids.ts';
import { eventOf, MOST_SKUS } from './subscriptions.ts';

const readingCatalogue = { party: 'STATION', permission: 'CATALOGUE_READ' } as const;

/** Ids of no SKU are answered like those of SKUs that are not there. */
const NO_ID = '00000000-0000-0000-0000-000000000000';

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

const PriceEventType = builder.objectRef<PriceEvent>('PriceEvent').implement({
  description: 'Something changed that prices are made from; several changes at once are told as one.',
  access: readingCatalogue,
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place: subscribe with after to go on from here without a gap.',
      resolve: ({ cursor }) => cursor,
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When.', resolve: ({ occurredAt }) => occurredAt }),
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
      skuIds: t.arg.idList({ description: 'Only of these SKUs.' }),
      categoryId: t.arg.id({ description: 'Only of this category and those below it.' }),
      after: t.arg({ type: 'Cursor', description: 'Go on after this event; from now on when left out.' }),
    },
    subscribe: (_, { skuIds, categoryId, after }, context) => {
      if ((skuIds?.length ?? 0) > MOST_SKUS) throw badInput('skuIds', `At most ${MOST_SKUS} SKUs.`);
      const category = optionalIdOf('Category', categoryId);
      const asked = {
        skuIds: skuIds ? [...new Set(skuIds.map((id) => idOf('Sku', id) ?? NO_ID))] : null,
        categoryId: category === null ? NO_ID : (category ?? null),
      };
      return openStream(context.events, priceFeed(context.db, viewerOf(context), asked), after ?? null);
    },
    resolve: eventOf,
  }),
);
