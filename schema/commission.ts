import { type CommissionPlanRecord, commissionPlans, commissionPlansByIds } from '#server/commission/reads.ts';
import { decimal4Text } from '#server/platform/money.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { CategoryType, loadCategory, loadProduct, loadSku, ProductType, SkuType } from './catalogue.ts';
import { CommissionPoolKindEnum } from './enums.ts';
import { batched } from './loaders.ts';
import { nodeType } from './node.ts';
import { readingPrices } from './pricing.ts';

const CommissionPlan = nodeType<CommissionPlanRecord>('CommissionPlan', {
  description: "A share of each sale that the owner pays to the buyer's upline; an immutable version, shown to its owner.",
  access: readingPrices,
  load: (context, id) => loadCommissionPlan(context, id),
});

/** The commission plan type of the contract. */
export const CommissionPlanType = CommissionPlan.ref;

/** A plan of the acting station, live or ended, by id; batched. */
export const loadCommissionPlan = batched<string, CommissionPlanRecord>((context, ids) =>
  commissionPlansByIds(context.db.pool, viewerOf(context), ids),
);

CommissionPlan.fields((t) => ({
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'For this SKU alone.',
    resolve: ({ skuId }, _, context) => (skuId === null ? null : loadSku(context, skuId)),
  }),
  product: t.field({
    type: ProductType,
    nullable: true,
    description: 'For all of this product.',
    resolve: ({ productId }, _, context) => (productId === null ? null : loadProduct(context, productId)),
  }),
  category: t.field({
    type: CategoryType,
    nullable: true,
    description: 'For all of this category.',
    resolve: ({ categoryId }, _, context) => (categoryId === null ? null : loadCategory(context, categoryId)),
  }),
  poolKind: t.field({ type: CommissionPoolKindEnum, description: 'How large the pool is.', resolve: ({ poolKind }) => poolKind }),
  poolValue: t.field({
    type: 'Decimal',
    description: "Per cent of the buyer's total, or an amount for each unit.",
    resolve: ({ poolValue }) => decimal4Text(poolValue),
  }),
  shareBps: t.field({
    type: ['Int'],
    description: "Shares of the pool in basis points, the buyer's parent first.",
    complexity: { field: 1, multiplier: 1 },
    resolve: ({ shareBps }) => shareBps,
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
  validFrom: t.field({ type: 'DateTime', description: 'Since when it holds.', resolve: ({ validFrom }) => validFrom }),
  reason: t.exposeString('reason', { description: 'Why, as it was written.' }),
}));

builder.queryField('commissionPlans', (t) =>
  t.field({
    type: [CommissionPlanType],
    access: readingPrices,
    description: 'The commission plans of the acting station that hold now.',
    complexity: { field: 1, multiplier: 50 },
    resolve: (_, __, context) => commissionPlans(context.db.pool, viewerOf(context)),
  }),
);
