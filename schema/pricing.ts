import { decimal4Text } from '#server/platform/money.ts';
import {
  type ControlBandRecord,
  controlBandsByIds,
  controlBandsOfSkus,
  type MarkupRuleRecord,
  markupRulesByIds,
  markupRulesCount,
  markupRulesPage,
} from '#server/pricing/reads.ts';
import type { PriceBreak } from '#server/pricing/rules.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { CategoryType, loadCategory, loadProduct, loadSku, ProductType, requireSku, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import { InversionPolicyEnum, MarkupKindEnum } from './enums.ts';
import { optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { MoneyType, shownUnitPrice } from './money.ts';
import { nodeType } from './node.ts';
import { loadPriceLevel, loadStation, PriceLevelType, StationType } from './station.ts';

/** Prices are seen by those of the acting station who may read them; rules and bands are its own alone. */
export const readingPrices = { party: 'STATION', permission: 'PRICES_READ' } as const;

const MarkupRule = nodeType<MarkupRuleRecord>('MarkupRule', {
  description: 'What the acting station adds for its children; an immutable version.',
  access: readingPrices,
  load: (context, id) => loadMarkupRule(context, id),
});

/** The markup rule type of the contract. */
export const MarkupRuleType = MarkupRule.ref;

/** A rule of the acting station, live or ended, by id; batched. */
export const loadMarkupRule = batched<string, MarkupRuleRecord>((context, ids) =>
  markupRulesByIds(context.db.pool, viewerOf(context), ids),
);

const MarkupBreakType = builder.objectRef<PriceBreak>('MarkupBreak').implement({
  description: "From a quantity on, another value in place of the rule's.",
  access: 'WITH_PARENT',
  fields: (t) => ({
    minQuantity: t.exposeInt('minQuantity', { description: 'From this quantity on.' }),
    value: t.field({ type: 'Decimal', description: 'The value.', resolve: ({ value }) => decimal4Text(value) }),
  }),
});

MarkupRule.fields((t) => ({
  child: t.field({
    type: StationType,
    nullable: true,
    description: 'For this child alone; null for a level or everyone.',
    resolve: ({ childId }, _, context) => (childId === null ? null : loadStation(context, childId)),
  }),
  level: t.field({
    type: PriceLevelType,
    nullable: true,
    description: 'For children of this level; null for a child or everyone.',
    resolve: ({ levelId }, _, context) => (levelId === null ? null : loadPriceLevel(context, levelId)),
  }),
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'On this SKU alone.',
    resolve: ({ skuId }, _, context) => (skuId === null ? null : loadSku(context, skuId)),
  }),
  product: t.field({
    type: ProductType,
    nullable: true,
    description: 'On all of this product.',
    resolve: ({ productId }, _, context) => (productId === null ? null : loadProduct(context, productId)),
  }),
  category: t.field({
    type: CategoryType,
    nullable: true,
    description: 'On all of this category.',
    resolve: ({ categoryId }, _, context) => (categoryId === null ? null : loadCategory(context, categoryId)),
  }),
  kind: t.field({ type: MarkupKindEnum, description: 'How it makes the price.', resolve: ({ kind }) => kind }),
  value: t.field({
    type: 'Decimal',
    description: 'Per cent, or an amount for unitSize units.',
    resolve: ({ value }) => decimal4Text(value),
  }),
  breaks: t.field({
    type: [MarkupBreakType],
    description: 'Price breaks, ascending.',
    complexity: { field: 1, multiplier: 3 },
    resolve: ({ breaks }) => breaks,
  }),
  inversion: t.field({
    type: InversionPolicyEnum,
    description: 'What an absolute price does when the station pays more than it.',
    resolve: ({ inversion }) => inversion,
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
  validFrom: t.field({ type: 'DateTime', description: 'Since when it holds.', resolve: ({ validFrom }) => validFrom }),
  validTo: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it ended; null for one that holds.',
    resolve: ({ validTo }) => validTo,
  }),
  reason: t.exposeString('reason', { description: 'Why, as it was written.' }),
}));

const MarkupRuleConnection = connectionType<MarkupRuleRecord>('MarkupRule', MarkupRuleType);

builder.queryField('markupRules', (t) =>
  t.field({
    type: MarkupRuleConnection,
    access: readingPrices,
    description: 'The markup rules of the acting station that hold now, newest first.',
    complexity: pageCost,
    args: {
      childId: t.arg.id({ description: 'Only those for this child.' }),
      levelId: t.arg.id({ description: 'Only those for this level.' }),
      skuId: t.arg.id({ description: 'Only those on this SKU.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_, { childId, levelId, skuId, ...args }, context) => {
      const request = readPage('markupRules', args);
      const ids = [optionalIdOf('Station', childId), optionalIdOf('PriceLevel', levelId), optionalIdOf('Sku', skuId)] as const;
      if (ids.includes(null)) return emptyConnection<MarkupRuleRecord>();
      const filter = { childId: ids[0] ?? null, levelId: ids[1] ?? null, skuId: ids[2] ?? null };
      const page = await markupRulesPage(context.db.pool, viewerOf(context), filter, request);
      return toConnection(
        'markupRules',
        request,
        page,
        (row) => row.id,
        () => markupRulesCount(context.db.pool, viewerOf(context), filter),
      );
    },
  }),
);

const ControlBand = nodeType<ControlBandRecord>('ControlBand', {
  description: 'Floor and ceiling that the owner sets for resale prices; an immutable version.',
  access: readingPrices,
  load: (context, id) => loadControlBand(context, id),
});

/** The control band type of the contract. */
export const ControlBandType = ControlBand.ref;

/** A band of a SKU that the acting station owns, by id; batched. */
export const loadControlBand = batched<string, ControlBandRecord>((context, ids) =>
  controlBandsByIds(context.db.pool, viewerOf(context), ids),
);
/** The band that holds for a SKU that the acting station owns, by SKU; batched. */
export const loadControlBandOfSku = batched<string, ControlBandRecord>((context, ids) =>
  controlBandsOfSkus(context.db.pool, viewerOf(context), ids),
);

ControlBand.fields((t) => ({
  sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: ({ skuId }, _, context) => requireSku(context, skuId) }),
  floor: t.field({
    type: MoneyType,
    nullable: true,
    description: 'The least resale price; null for none.',
    resolve: ({ floor }) => floor && shownUnitPrice(floor),
  }),
  ceiling: t.field({
    type: MoneyType,
    nullable: true,
    description: 'The greatest resale price; null for three times what the first station pays.',
    resolve: ({ ceiling }) => ceiling && shownUnitPrice(ceiling),
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
  validFrom: t.field({ type: 'DateTime', description: 'Since when it holds.', resolve: ({ validFrom }) => validFrom }),
  reason: t.exposeString('reason', { description: 'Why, as it was written.' }),
}));
