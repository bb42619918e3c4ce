import { type AlertRow, alertsByIds, alertsCount, alertsPage } from '#server/alerts/reads.ts';
import type { AlertKind } from '#server/alerts/rules.ts';
import { type AlertEvent, alertFeed } from '#server/live/alert-feed.ts';
import { openStream } from '#server/live/live-stream.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, SkuType } from './catalogue.ts';
import { connectionType, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import { NotSellableReasonEnum } from './enums.ts';
import { afterArg, eventOf, eventType } from './event.ts';
import { globalId } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType, unitPriceOf } from './money.ts';
import { nodeType } from './node.ts';
import { loadSupplier, SupplierType } from './supplier.ts';
import { loadSupplyOffer, SupplyOfferType } from './supply-offer.ts';

const readingAlerts = { party: 'STATION', permission: 'ALERTS_READ' } as const;

const AlertKindEnum = builder.enumType('AlertKind', {
  description: 'What an alert is about.',
  values: {
    PRICE_INVERTED: { description: 'The station pays more for a SKU than it may ask: its children cannot buy it.' },
    BELOW_COST: { description: 'The next card key costs more than the owner asks: the cost guard hides the SKU.' },
    WALLET_LOW: { description: 'The wallet is below the threshold that the station has set.' },
    STOCK_LOW: { description: 'The stock of a SKU is below the threshold that its owner has set.' },
    ORDER_NEEDS_ATTENTION: {
      description:
        'Purchases wait for a person: see purchaseAttempts with needsAttention. With orderId: that order got card keys that were supplied again.',
    },
    SUPPLIER_DOWN: { description: 'A supplier’s system does not answer; orders that can go elsewhere do.' },
    LICENCE_EXPIRING: { description: "A supplier's document ends in 30, 7 or 1 days; told once at each. For headquarters." },
    LICENCE_EXPIRED: { description: "A supplier's document has ended; offers that need it are frozen. For headquarters." },
    OFFER_ABOVE_AGREED: { description: 'An offer costs more than was agreed with its supplier (最低价保障).' },
    SUPPLIER_SHARE: { description: 'One supplier carries more than 80 % of what was bought of a SKU in 30 days.' },
    REPLENISHMENT_WAITING: { description: 'Stock of a SKU is to be bought, and a person has to decide or to help.' },
    STOCK_EXPIRING: { description: 'Card keys for sale are good for a few days only.' },
  } as const,
});

const ADVICE: Record<AlertKind, string> = {
  PRICE_INVERTED: 'Raise the price of the rule, or let it follow the start.',
  BELOW_COST: 'Raise the price, import cheaper card keys, or withdraw the dear ones.',
  WALLET_LOW: 'Top up the wallet before orders are refused.',
  STOCK_LOW: 'Import card keys before the shelf is empty.',
  ORDER_NEEDS_ATTENTION: 'Deliver them, give them up, or ask again.',
  SUPPLIER_DOWN: 'Ask the supplier, or switch its account off until it is back.',
  LICENCE_EXPIRING: 'Ask the supplier for the document that follows.',
  LICENCE_EXPIRED: 'Ask the supplier for the document that follows, and approve it: what it covers is released then.',
  OFFER_ABOVE_AGREED: 'Hold the supplier to what was agreed, or agree anew.',
  SUPPLIER_SHARE: 'Give part of the orders to another supplier, or find one.',
  REPLENISHMENT_WAITING: 'Approve or decline the purchase, raise the budget, or see to the suppliers.',
  STOCK_EXPIRING: 'Sell them first, or ask the supplier to take them back.',
};

const DOUBT_ADVICE = 'Find out with the supplier whose the card keys are, and refund or replace what an order got wrongly.';

function isDoubt(data: AlertRow['data']): boolean {
  return data['doubtedCount'] !== undefined;
}

const Alert = nodeType<AlertRow>('Alert', {
  description: 'Something that needs a decision of the acting station; told once for each time that its cause begins.',
  access: readingAlerts,
  load: (context, id) => loadAlert(context, id),
});

/** The alert type of the contract. */
export const AlertType = Alert.ref;

/** An alert of the acting station, by id; batched. */
export const loadAlert = batched<string, AlertRow>((context, ids) => alertsByIds(context.db.pool, viewerOf(context), ids));

Alert.fields((t) => ({
  kind: t.field({ type: AlertKindEnum, description: 'What it is about.', resolve: ({ kind }) => kind }),
  raisedAt: t.field({ type: 'DateTime', description: 'When its cause began.', resolve: (row) => row.raised_at }),
  endedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When its cause ended; null while it lasts.',
    resolve: (row) => row.ended_at,
  }),
  resolvedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Since when nobody has to decide any more; null while somebody has to.',
    resolve: (row) => row.resolved_at,
  }),
  advice: t.string({
    description: 'What to do, in one English sentence.',
    resolve: ({ kind, data }) => (isDoubt(data) ? DOUBT_ADVICE : ADVICE[kind]),
  }),
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'The SKU that it is about; null for a wallet.',
    resolve: (row, _, context) => {
      if (row.kind === 'OFFER_ABOVE_AGREED' || isDoubt(row.data)) return loadSku(context, String(row.data['skuId']));
      return row.kind === 'WALLET_LOW' ? null : loadSku(context, row.subject_id);
    },
  }),
  supplyOffer: t.field({
    type: SupplyOfferType,
    nullable: true,
    description: 'OFFER_ABOVE_AGREED: the offer.',
    resolve: (row, _, context) => (row.kind === 'OFFER_ABOVE_AGREED' ? loadSupplyOffer(context, row.subject_id) : null),
  }),
  supplier: t.field({
    type: SupplierType,
    nullable: true,
    description: 'OFFER_ABOVE_AGREED, SUPPLIER_SHARE, SUPPLIER_DOWN: the supplier.',
    resolve: ({ data }, _, context) => (typeof data['supplierId'] === 'string' ? loadSupplier(context, data['supplierId']) : null),
  }),
  accountName: t.string({
    nullable: true,
    description: 'SUPPLIER_DOWN: the account at its system.',
    resolve: ({ data }) => (typeof data['accountName'] === 'string' ? data['accountName'] : null),
  }),
  attentionCount: t.int({
    nullable: true,
    description: 'ORDER_NEEDS_ATTENTION: how many purchases waited when it was looked at last.',
    resolve: ({ data }) => countIn(data['attentionCount']),
  }),
  orderId: t.id({
    nullable: true,
    description: 'ORDER_NEEDS_ATTENTION of card keys that were supplied a second time, by another purchase: the order that got them first.',
    resolve: ({ data }) => (typeof data['orderId'] === 'string' ? globalId('Order', data['orderId']) : null),
  }),
  doubtedCount: t.int({
    nullable: true,
    description: 'ORDER_NEEDS_ATTENTION with an orderId: how many of its card keys are in doubt.',
    resolve: ({ data }) => countIn(data['doubtedCount']),
  }),
  aboveAgreed: t.field({
    type: MoneyType,
    nullable: true,
    description: 'OFFER_ABOVE_AGREED: by how much a unit costs more than was agreed.',
    resolve: ({ data, currency }) => (typeof data['difference'] === 'string' ? unitPriceOf(data['difference'], currency) : null),
  }),
  boughtQuantity: t.int({
    nullable: true,
    description: 'OFFER_ABOVE_AGREED: units that were bought since it is.',
    resolve: ({ data }) => countIn(data['quantity']),
  }),
  worth: t.field({
    type: MoneyType,
    nullable: true,
    description: 'OFFER_ABOVE_AGREED: what was paid for them above the agreement.',
    resolve: ({ data, currency }) => amountIn(data['worth'], currency),
  }),
  shareBps: t.int({
    nullable: true,
    description: 'SUPPLIER_SHARE: its part of the units that were bought, in basis points.',
    resolve: ({ data }) => countIn(data['shareBps']),
  }),
  available: t.field({
    type: MoneyType,
    nullable: true,
    description: 'WALLET_LOW: what could be spent when it was looked at last.',
    resolve: ({ data, currency }) => amountIn(data['available'], currency),
  }),
  threshold: t.field({
    type: MoneyType,
    nullable: true,
    description: 'WALLET_LOW: below what the station wanted to be told.',
    resolve: ({ data, currency }) => amountIn(data['threshold'], currency),
  }),
  availableCount: t.int({
    nullable: true,
    description:
      'STOCK_LOW, REPLENISHMENT_WAITING: how many card keys were left when it was looked at last; STOCK_EXPIRING: how many expire.',
    resolve: ({ data }) => countIn(data['availableCount']),
  }),
  expiringCost: t.field({
    type: MoneyType,
    nullable: true,
    description: 'STOCK_EXPIRING: what the card keys that expire cost.',
    resolve: ({ data, currency }) => amountIn(data['expiringCost'], currency),
  }),
  expiringOn: t.field({
    type: 'Date',
    nullable: true,
    description: 'STOCK_EXPIRING: the last day of those that expire first.',
    resolve: ({ data }) => (typeof data['expiringOn'] === 'string' ? data['expiringOn'] : null),
  }),
  waitsFor: t.string({
    nullable: true,
    description:
      'REPLENISHMENT_WAITING: "APPROVAL" of replenishmentId, "BUDGET", "FAILED", or why no offer can be used: "NONE", "OUT_OF_STOCK", "BROKEN" and others.',
    resolve: ({ kind, data }) => (kind === 'REPLENISHMENT_WAITING' ? String(data['reason']) : null),
  }),
  replenishmentId: t.id({
    nullable: true,
    description: 'REPLENISHMENT_WAITING for approval: the purchase.',
    resolve: ({ data }) => (typeof data['replenishmentId'] === 'string' ? globalId('Replenishment', data['replenishmentId']) : null),
  }),
  thresholdCount: t.int({
    nullable: true,
    description: 'STOCK_LOW: below how many the owner wanted to be told.',
    resolve: ({ data }) => countIn(data['thresholdCount']),
  }),
  nextUnitCost: t.field({
    type: MoneyType,
    nullable: true,
    description: 'BELOW_COST: what the next card key costs.',
    resolve: ({ data, currency }) => amountIn(data['nextUnitCost'], currency),
  }),
  hiddenFromCount: t.int({
    nullable: true,
    description: 'BELOW_COST: from how many direct children it is hidden, of the first 200.',
    resolve: ({ data }) => countIn(data['hiddenFromCount']),
  }),
  unitPrice: t.field({
    type: MoneyType,
    nullable: true,
    description: 'PRICE_INVERTED: what the station pays.',
    resolve: ({ data, currency }) => (typeof data['unitPrice'] === 'string' ? unitPriceOf(data['unitPrice'], currency) : null),
  }),
  reason: t.field({
    type: NotSellableReasonEnum,
    nullable: true,
    description: 'PRICE_INVERTED: its own price is too low, or the ceiling is.',
    resolve: ({ data }) => (data['reason'] === 'INVERTED' || data['reason'] === 'ABOVE_CEILING' ? data['reason'] : null),
  }),
}));

const AlertConnection = connectionType<AlertRow>('Alert', AlertType);

builder.queryField('alerts', (t) =>
  t.field({
    type: AlertConnection,
    access: readingAlerts,
    description: 'The alerts of the acting station, newest first.',
    complexity: pageCost,
    args: {
      open: t.arg.boolean({ description: 'Only those that wait for a decision, or only those that do not; all when left out.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_, { open, ...args }, context) => {
      const request = readPage('alerts', args);
      const viewer = viewerOf(context);
      const page = await alertsPage(context.db.pool, viewer, open ?? null, request);
      return toConnection(
        'alerts',
        request,
        page,
        (row) => row.id,
        () => alertsCount(context.db.pool, viewer, open ?? null),
      );
    },
  }),
);

const AlertEventType = eventType<AlertEvent>('AlertEvent', {
  description: 'An alert was raised.',
  access: readingAlerts,
  fields: (t) => ({
    alert: t.field({
      type: AlertType,
      description: 'The alert as it is now.',
      resolve: async ({ alertId }, _, context) => {
        const alert = await loadAlert(context, alertId);
        if (alert === null) throw new Error(`the alert ${alertId} of an event is not seen by who is told of it`);
        return alert;
      },
    }),
  }),
});

builder.subscriptionField('alertRaised', (t) =>
  t.field({
    type: AlertEventType,
    access: readingAlerts,
    description: 'Alerts of the acting station as they are raised.',
    args: afterArg(t.arg),
    subscribe: (_, { after }, context) => openStream(context.events, alertFeed(viewerOf(context)), after ?? null),
    resolve: eventOf,
  }),
);

function amountIn(text: unknown, currency: string) {
  return typeof text === 'string' && text !== '' ? amountOf(text, currency) : null;
}

function countIn(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
