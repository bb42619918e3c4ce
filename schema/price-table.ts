import { type PriceTableRow, priceTableCount, priceTablePage } from '#server/flows/price-table.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { CatalogueFilterInput, readFilter, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import { NotSellableReasonEnum } from './enums.ts';
import { optionalIdOf } from './ids.ts';
import { MoneyType, shownUnitPrice } from './money.ts';
import { MarkupRuleType, readingPrices } from './pricing.ts';

const PriceTableRowType = builder.objectRef<PriceTableRow>('PriceTableRow').implement({
  description: 'What the acting station pays for a SKU, what it asks and what it earns, for unitSize units at the smallest quantity.',
  access: readingPrices,
  fields: (t) => ({
    sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: ({ sku }) => sku }),
    cost: t.field({
      type: MoneyType,
      nullable: true,
      description: 'What the station pays; for its own goods what the next key costs. Null when there is none.',
      resolve: ({ cost }) => cost && shownUnitPrice(cost),
    }),
    price: t.field({
      type: MoneyType,
      nullable: true,
      description: 'What the child pays; null when it has no price.',
      resolve: ({ price }) => price && shownUnitPrice(price),
    }),
    margin: t.field({
      type: MoneyType,
      nullable: true,
      description: 'Price less cost; null when either is.',
      resolve: ({ margin }) => margin && shownUnitPrice(margin),
    }),
    rule: t.field({
      type: MarkupRuleType,
      nullable: true,
      description: 'The rule that made the price; null when none applies.',
      resolve: ({ rule }) => rule,
    }),
    clamped: t.exposeBoolean('clamped', { description: 'Whether the control band changed the price.' }),
    notSellable: t.field({
      type: NotSellableReasonEnum,
      nullable: true,
      description: 'Why there is no price.',
      resolve: ({ notSellable }) => notSellable,
    }),
    floor: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The least that may be asked; null for none.',
      resolve: ({ floor }) => floor && shownUnitPrice(floor),
    }),
    ceiling: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The most that may be asked; null for none.',
      resolve: ({ ceiling }) => ceiling && shownUnitPrice(ceiling),
    }),
  }),
});

const PriceTableRowConnection = connectionType<PriceTableRow>('PriceTableRow', PriceTableRowType);

builder.queryField('priceTable', (t) =>
  t.field({
    type: PriceTableRowConnection,
    access: readingPrices,
    description: 'What the acting station asks: of a direct child, of a level that it gives, or of a child with neither.',
    complexity: pageCost,
    args: {
      childId: t.arg.id({ description: 'A direct child.' }),
      levelId: t.arg.id({ description: 'A level that the station gives.' }),
      filter: t.arg({ type: CatalogueFilterInput, description: 'Which SKUs; sellableOnly leaves out those without a price.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_, { childId, levelId, filter, ...args }, context) => {
      const request = readPage('priceTable', args);
      const target = { childId: optionalIdOf('Station', childId), levelId: optionalIdOf('PriceLevel', levelId) };
      const cut = readFilter(filter);
      if (cut === null || target.childId === null || target.levelId === null) return emptyConnection<PriceTableRow>();
      const page = await priceTablePage(context.db, viewerOf(context), target, cut, request);
      if (page === null) return emptyConnection<PriceTableRow>();
      return toConnection(
        'priceTable',
        request,
        page,
        (row) => row.id,
        () => priceTableCount(context.db, viewerOf(context), cut),
      );
    },
  }),
);
