import { stockThresholds, type ThresholdRow, thresholdsByIds, walletThreshold } from '#server/alerts/reads.ts';
import { actsFor, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, SkuType } from './catalogue.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType } from './money.ts';
import { nodeType } from './node.ts';

const readingAlerts = { party: 'STATION', permission: 'ALERTS_READ' } as const;

const AlertThreshold = nodeType<ThresholdRow>('AlertThreshold', {
  description: 'Below what the acting station wants to be told.',
  access: readingAlerts,
  load: (context, id) => loadThreshold(context, id),
});

/** The threshold type of the contract. */
export const AlertThresholdType = AlertThreshold.ref;

const loadThreshold = batched<string, ThresholdRow>((context, ids) => thresholdsByIds(context.db.pool, viewerOf(context), ids));
const thresholdOfSku = batched<string, ThresholdRow>((context, ids) => stockThresholds(context.db.pool, viewerOf(context), ids));

AlertThreshold.fields((t) => ({
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'Of the stock of which SKU; null for the wallet.',
    resolve: (row, _, context) => (row.sku_id === null ? null : loadSku(context, row.sku_id)),
  }),
  amount: t.field({
    type: MoneyType,
    nullable: true,
    description: 'Of the wallet: below this amount; null when it was taken away.',
    resolve: ({ amount, currency }) => (amount === null ? null : amountOf(amount, currency)),
  }),
  count: t.int({
    nullable: true,
    description: 'Of a stock: below this many card keys; null when it was taken away.',
    resolve: ({ count }) => count,
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
}));

builder.queryField('walletThreshold', (t) =>
  t.field({
    type: AlertThresholdType,
    nullable: true,
    access: readingAlerts,
    description: 'The threshold of the acting station’s wallet; null when it never had one.',
    resolve: (_, __, context) => walletThreshold(context.db.pool, viewerOf(context)),
  }),
);

builder.objectField(SkuType, 'stockThreshold', (t) =>
  t.field({
    type: AlertThresholdType,
    nullable: true,
    access: { ...readingAlerts, only: (sku, context) => actsFor(context, sku.ownerId) },
    description: 'Below how many card keys its owner wants to be told; shown to the owner alone.',
    resolve: ({ id }, _, context) => thresholdOfSku(context, id),
  }),
);
