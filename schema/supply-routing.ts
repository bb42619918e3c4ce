import { type Scorecard, scorecards } from '#server/analytics/reads.ts';
import { type PreviewedOffer, type RoutePreview, routePreview, type SkippedReason } from '#server/flows/route-preview.ts';
import { type NoOfferReason, routingPolicies } from '#server/offers/rules.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, SkuType } from './catalogue.ts';
import { badInput } from './errors.ts';
import { idOf, optionalIdOf } from './ids.ts';
import { amountOf, MoneyType, shownAmount } from './money.ts';
import { loadSupplier, SupplierType } from './supplier.ts';
import { readingSupply, SupplyOfferType } from './supply-offer.ts';

const POLICY_TEXT: Record<(typeof routingPolicies)[number], string> = {
  CHEAPEST: 'The offer that costs least.',
  FASTEST: 'The offer that delivered fastest in the last 7 days; one without a record by the lead time that it tells.',
  MOST_RELIABLE: 'The offer that delivered most reliably in the last 7 days; one without a record counts as 95 %.',
  WEIGHTED: 'By chance, in proportion to the weights of the offers.',
};

/** The routing policies of the contract. */
export const RoutingPolicyEnum = builder.enumType('RoutingPolicy', {
  description: 'How the offer that fills an order is chosen among those that can.',
  values: Object.fromEntries(routingPolicies.map((name) => [name, { description: POLICY_TEXT[name] }])) as {
    [Name in (typeof routingPolicies)[number]]: { description: string };
  },
});

const SKIPPED_TEXT: Record<SkippedReason, string> = {
  QUANTITY: 'It does not sell this quantity.',
  CAPPED: "Today's cap is used up.",
  BROKEN: 'The supplier does not answer now.',
  OUT_OF_STOCK: 'It has fewer.',
  TOO_DEAR: 'It costs more than the order allows.',
  DISABLED: 'It is switched off.',
  PAUSED: 'The supplier has taken it off sale.',
  FROZEN: 'A licence has expired, or the supplier is not active.',
  ACCOUNT_DISABLED: 'Its account is switched off.',
};
const SkippedReasonEnum = builder.enumType('OfferSkippedReason', {
  description: 'Why an offer would not fill an order now.',
  values: Object.fromEntries(Object.entries(SKIPPED_TEXT).map(([name, description]) => [name, { description }])) as {
    [Name in SkippedReason]: { description: string };
  },
});

const NO_OFFER_TEXT: Record<NoOfferReason, string> = {
  NONE: 'There is no offer that takes part.',
  QUANTITY: 'None sells this quantity.',
  CAPPED: "Today's caps are used up.",
  BROKEN: 'No supplier answers now.',
  OUT_OF_STOCK: 'None has so many.',
  TOO_DEAR: 'All cost more than the order allows.',
};
const NoOfferReasonEnum = builder.enumType('NoOfferReason', {
  description: 'Why no offer would fill an order: of all reasons the one nearest to success.',
  values: Object.fromEntries(Object.entries(NO_OFFER_TEXT).map(([name, description]) => [name, { description }])) as {
    [Name in NoOfferReason]: { description: string };
  },
});

const PreviewedOfferType = builder.objectRef<PreviewedOffer>('RoutedOffer').implement({
  description: 'An offer as routing sees it now.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    offer: t.field({ type: SupplyOfferType, description: 'Which.', resolve: ({ offer }) => offer }),
    quotedCost: t.field({
      type: MoneyType,
      description: 'What the quantity would cost at most.',
      resolve: (row) => shownAmount(row.quotedCost),
    }),
    skipped: t.field({
      type: SkippedReasonEnum,
      nullable: true,
      description: 'Why it is passed by; null: it could fill it.',
      resolve: (row) => row.skipped,
    }),
    isChosen: t.exposeBoolean('isChosen', { description: 'Whether it would be taken.' }),
  }),
});

const RoutePreviewType = builder.objectRef<RoutePreview>('RoutePreview').implement({
  description: 'How an order of a quantity would be routed now.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    policy: t.field({ type: RoutingPolicyEnum, description: "The SKU's policy.", resolve: ({ policy }) => policy }),
    quantity: t.exposeInt('quantity', { description: 'How many.' }),
    costLimit: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The most that it may cost: what the child that pays least would pay. Null where the owner bears losses.',
      resolve: ({ costLimit }) => costLimit && shownAmount(costLimit),
    }),
    noOffer: t.field({
      type: NoOfferReasonEnum,
      nullable: true,
      description: 'Why none would be taken; null when one would.',
      resolve: ({ noOffer }) => noOffer,
    }),
    offers: t.field({ type: [PreviewedOfferType], description: "The SKU's offers, by priority.", resolve: ({ offers }) => offers }),
  }),
});

builder.queryField('routePreview', (t) =>
  t.field({
    type: RoutePreviewType,
    nullable: true,
    access: { party: 'STATION', permission: 'SUPPLY_READ' },
    description: "Which offer would fill an order of the acting station's SKU now, and why others would not; null for another's SKU.",
    complexity: 20,
    args: {
      skuId: t.arg.id({ required: true, description: 'The SKU.' }),
      quantity: t.arg.int({ required: true, description: 'How many.' }),
    },
    resolve: async (_, { skuId, quantity }, context) => {
      const id = idOf('Sku', skuId);
      const preview = id === null ? null : await routePreview(context.db, viewerOf(context), { skuId: id, quantity });
      if (preview?.kind === 'INVALID_INPUT') throw badInput(preview.field, preview.message);
      return preview?.kind === 'PREVIEW' ? preview : null;
    },
  }),
);

// ---- scorecards ----

const WindowEnum = builder.enumType('ScorecardWindow', {
  description: 'How far back a scorecard looks, by the hour.',
  values: {
    HOURS_24: { description: 'The last 24 hours.' },
    DAYS_7: { description: 'The last 7 days.' },
    DAYS_30: { description: 'The last 30 days.' },
  } as const,
});

const owning = { party: 'STATION', permission: 'SUPPLY_READ' } as const;
const PER_BPS = 'in basis points; null where there is nothing to be a part of';

const ScorecardType = builder.objectRef<Scorecard>('SupplyScorecard').implement({
  description: 'What a supplier did with a SKU in a window of time. A supplier sees its own, without what concerns resale or others.',
  access: readingSupply,
  fields: (t) => ({
    skuName: t.string({ description: 'The denomination.', resolve: (row) => row.sku_name }),
    productName: t.string({ description: 'Of which product.', resolve: (row) => row.product_name }),
    sku: t.field({
      type: SkuType,
      nullable: true,
      access: owning,
      description: 'The SKU; for its owner alone.',
      resolve: (row, _, context) => loadSku(context, row.sku_id),
    }),
    supplier: t.field({
      type: SupplierType,
      nullable: true,
      description: 'The supplier.',
      resolve: (row, _, context) => loadSupplier(context, row.supplier_id),
    }),
    window: t.field({ type: WindowEnum, description: 'How far back it looks.', resolve: ({ window }) => window }),
    attemptCount: t.int({ description: 'Purchases that were planned in it and are settled.', resolve: (row) => Number(row.attempt_count) }),
    successBps: t.exposeInt('successBps', { nullable: true, description: `Those that delivered, ${PER_BPS}.` }),
    unknownBps: t.exposeInt('unknownBps', { nullable: true, description: `Those whose outcome was not known for a while, ${PER_BPS}.` }),
    p50Seconds: t.exposeFloat('p50Seconds', {
      nullable: true,
      description: 'Half of the deliveries took at most so long; up to 42 % too much, never too little.',
    }),
    p99Seconds: t.exposeFloat('p99Seconds', { nullable: true, description: '99 % of the deliveries took at most so long; likewise.' }),
    boughtQuantity: t.int({ description: 'Units that were bought.', resolve: (row) => Number(row.bought_quantity) }),
    boughtCost: t.field({ type: MoneyType, description: 'What they cost.', resolve: (row) => amountOf(row.bought_cost, row.currency) }),
    orderCount: t.int({ description: 'Orders that its goods filled, from stock too.', resolve: (row) => Number(row.order_count) }),
    complaintCount: t.int({
      description: 'Refunds of such orders that were asked for, or that the supplier bears.',
      resolve: (row) => Number(row.complaint_count),
    }),
    complaintBps: t.exposeInt('complaintBps', { nullable: true, description: `Complaints by orders, ${PER_BPS}.` }),
    shareBps: t.exposeInt('shareBps', {
      nullable: true,
      access: owning,
      description: `Its part of the units that all offers of the SKU bought, ${PER_BPS}; for its owner alone.`,
    }),
    priceBps: t.exposeInt('priceBps', {
      nullable: true,
      access: owning,
      description:
        'By how much its cheapest offer is dearer than the cheapest of the others (below 0: cheaper), in basis points; null without others. For its owner alone.',
    }),
    gmv: t.field({
      type: MoneyType,
      nullable: true,
      access: owning,
      description: 'What buyers paid for the orders that its goods filled; for its owner alone.',
      resolve: (row) => amountOf(row.gmv, row.currency),
    }),
    cost: t.field({
      type: MoneyType,
      nullable: true,
      access: owning,
      description: 'What the goods of those orders cost; for its owner alone.',
      resolve: (row) => amountOf(row.cost, row.currency),
    }),
    margin: t.field({
      type: MoneyType,
      nullable: true,
      access: owning,
      description: 'What of it was left to the owner; for its owner alone.',
      resolve: (row) => amountOf(row.margin, row.currency),
    }),
    returnBps: t.exposeInt('returnBps', {
      nullable: true,
      access: owning,
      description: 'The margin by the cost, in basis points; null where nothing was paid. For its owner alone.',
    }),
  }),
});

builder.queryField('supplyScorecards', (t) =>
  t.field({
    type: [ScorecardType],
    access: readingSupply,
    description: "Scorecards of a SKU's suppliers or of a supplier's SKUs (name one of them); a supplier's own. At most 200.",
    complexity: { field: 20, multiplier: 20 },
    args: {
      window: t.arg({ type: WindowEnum, required: true, description: 'How far back.' }),
      skuId: t.arg.id({ description: 'Only of this SKU.' }),
      supplierId: t.arg.id({ description: 'Only of this supplier.' }),
    },
    resolve: async (_, { window, skuId, supplierId }, context) => {
      const [sku, supplier] = [optionalIdOf('Sku', skuId), optionalIdOf('Supplier', supplierId)];
      if (sku === null || supplier === null) return [];
      return scorecards(context.db, viewerOf(context), { window, skuId: sku ?? null, supplierId: supplier ?? null });
    },
  }),
);
