import { forecastSkus, type SkuForecast } from '#server/flows/stock-forecast.ts';
import { localDate } from '#server/platform/clock.ts';
import {
  type ImportJobRow,
  importJobsByIds,
  importJobsOfLots,
  type LotCounts,
  type LotRow,
  lotCounts,
  lotsByIds,
  lotsCount,
  lotsPage,
  type TouchedOrderRow,
  touchedOrdersCount,
  touchedOrdersPage,
} from '#server/stock/reads.ts';
import { PROBLEMS_MAX } from '#server/stock/rules.ts';
import { actingNetwork, actsFor, stationIdOf, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { requireSku, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { JobStateEnum, LotTermsEnum } from './enums.ts';
import { globalId, optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType } from './money.ts';
import { nodeType } from './node.ts';
import { namedOrder } from './order.ts';
import { loadSupplier, SupplierType } from './supplier.ts';

const readingStock = { party: 'STATION', permission: 'STOCK_READ' } as const;

const Lot = nodeType<LotRow>('Lot', {
  description: 'Card keys that came together; shown to the owner of the SKU alone.',
  access: readingStock,
  load: (context, id) => loadLot(context, id),
});

const loadLot = batched<string, LotRow>((context, ids) => lotsByIds(context.db.pool, stockReader(context), ids));
const countsOfLot = batched<LotRow, LotCounts>((context, lots) => lotCounts(context.db.pool, stockReader(context), lots), {
  keyText: ({ id }) => id,
});
const jobOfLot = batched<string, ImportJobRow>((context, ids) => importJobsOfLots(context.db.pool, stockReader(context), ids));

/** The lot type of the contract. */
export const LotType = Lot.ref;

/** A lot of the acting station, by id; batched. */
export { loadLot };

const LotStateEnum = builder.enumType('LotState', {
  description: 'What can be done with a lot as a whole.',
  values: {
    OPEN: { description: 'Its card keys may be sold.' },
    QUARANTINED: { description: 'Its card keys were put aside together: none is sold until it is released.' },
    VOID: { description: 'Its card keys never come back.' },
  } as const,
});

const LotCountsType = builder.objectRef<LotCounts>('LotCounts').implement({
  description: 'Where the card keys of a lot are.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    available: t.exposeInt('available', { description: 'For sale.' }),
    sold: t.exposeInt('sold', { description: 'Of orders.' }),
    withdrawn: t.exposeInt('withdrawn', { description: 'Taken out by the owner.' }),
    quarantined: t.exposeInt('quarantined', { description: 'Put aside.' }),
    expired: t.exposeInt('expired', { description: 'Past their day.' }),
    voided: t.exposeInt('voided', { description: 'Void.' }),
  }),
});

const TouchedOrderType = builder.objectRef<TouchedOrderRow>('TouchedOrder').implement({
  description: 'An order that holds card keys of a lot.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    order: t.field(namedOrder<TouchedOrderRow>('The order; null for who may not read orders.', ({ id }) => id)),
    keyCount: t.int({ description: 'Card keys of the lot that it holds.', resolve: (row) => row.key_count }),
    revealedCount: t.int({ description: 'How many of those were revealed.', resolve: (row) => row.revealed_count }),
    doubtedCount: t.int({
      description: 'How many of those a later purchase brought a second time: they may have been another’s.',
      resolve: (row) => row.doubted_count,
    }),
  }),
});
const TouchedOrderConnection = connectionType<TouchedOrderRow>('TouchedOrder', TouchedOrderType);

Lot.fields((t) => ({
  sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: (row, _, context) => requireSku(context, row.sku_id) }),
  supplier: t.field({
    type: SupplierType,
    nullable: true,
    description: 'Where it came from.',
    resolve: (row, _, context) => (row.supplier_id === null ? null : loadSupplier(context, row.supplier_id)),
  }),
  terms: t.field({ type: LotTermsEnum, description: 'When the supplier is paid.', resolve: ({ terms }) => terms }),
  keyCount: t.int({ description: 'Keys that came.', resolve: (row) => row.key_count }),
  availableCount: t.int({
    description: 'Keys that are left.',
    resolve: async (row, _, context) => (await countsOfLot(context, row))?.available ?? 0,
  }),
  counts: t.field({
    type: LotCountsType,
    description: 'Where its card keys are.',
    resolve: async (row, _, context) => {
      const counts = await countsOfLot(context, row);
      if (counts === null) throw new Error(`the lot ${row.id} was not counted`);
      return counts;
    },
  }),
  state: t.field({ type: LotStateEnum, description: 'What can be done with it.', resolve: ({ state }) => state }),
  stateReason: t.string({
    nullable: true,
    description: 'Why it was put aside, released or made void.',
    resolve: (row) => row.state_reason,
  }),
  stateAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When that was; null when it never was.',
    resolve: (row) => row.state_at,
  }),
  stateByName: t.string({
    nullable: true,
    description: 'The person or API key that did it.',
    resolve: (row) => (row.state_at === null ? null : row.state_by_name),
  }),
  createdByName: t.string({
    description: 'The person or API key that brought it in, or that made the offer it was bought by.',
    resolve: (row) => row.created_by_name,
  }),
  importJob: t.field({
    type: ImportJob.ref,
    nullable: true,
    description: 'The import that it came by; null for a purchase.',
    resolve: ({ id }, _, context) => jobOfLot(context, id),
  }),
  purchaseAttemptId: t.id({
    nullable: true,
    description: 'The purchase that it came by; null for an import.',
    resolve: (row) => (row.attempt_id === null ? null : globalId('PurchaseAttempt', row.attempt_id)),
  }),
  ordersTouched: t.field({
    type: TouchedOrderConnection,
    description: 'The orders that hold card keys of it, newest first.',
    complexity: pageCost,
    args: pageArgs(t.arg),
    resolve: async (row, args, context) => {
      const request = readPage('ordersTouched', args);
      const reader = stockReader(context);
      const page = await touchedOrdersPage(context.db.pool, reader, row, request);
      return toConnection(
        'ordersTouched',
        request,
        page,
        ({ id }) => id,
        () => touchedOrdersCount(context.db.pool, reader, row),
      );
    },
  }),
  totalCost: t.field({ type: MoneyType, description: 'What the lot cost.', resolve: (row) => amountOf(row.total_cost, row.currency) }),
  expiresOn: t.field({
    type: 'Date',
    nullable: true,
    description: 'The last day on which its keys are good.',
    resolve: (row) => row.expires_on,
  }),
  createdAt: t.field({ type: 'DateTime', description: 'When it came.', resolve: (row) => row.created_at }),
}));

const LotConnection = connectionType<LotRow>('Lot', LotType);

const StockForecastType = builder.objectRef<SkuForecast>('StockForecast').implement({
  description: 'How long the stock of a SKU lasts if it sells as in the last 30 days.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    availableCount: t.exposeInt('availableCount', { description: 'Card keys for sale, counted up to 50,000.' }),
    isMore: t.exposeBoolean('isMore', { description: 'Whether there are more than are counted: then it lasts at least as long.' }),
    soldCount: t.exposeInt('soldCount', { description: 'Card keys sold on the days that are looked back on, in bundles too.' }),
    observedDays: t.exposeInt('observedDays', { description: 'How many whole days that are: 30, or the age of a younger SKU.' }),
    daysLeft: t.exposeInt('daysLeft', { nullable: true, description: 'Whole days that it lasts; null when nothing was sold.' }),
  }),
});

const forecastOfSku = batched<string, SkuForecast>(async (context, ids) => {
  const { timeZone } = await actingNetwork(context);
  return forecastSkus(context.db.pool, viewerOf(context).networkId, ids, localDate(context.db.clock(), timeZone));
});

builder.objectField(SkuType, 'forecast', (t) =>
  t.field({
    type: StockForecastType,
    nullable: true,
    access: { ...readingStock, only: (sku, context) => actsFor(context, sku.ownerId) },
    description: 'How long its stock lasts; shown to the owner alone.',
    complexity: 5,
    resolve: ({ id }, _, context) => forecastOfSku(context, id),
  }),
);

builder.queryField('lots', (t) =>
  t.field({
    type: LotConnection,
    access: readingStock,
    description: 'The lots of the acting station, newest first.',
    complexity: pageCost,
    args: { skuId: t.arg.id({ description: 'Only of this SKU.' }), ...pageArgs(t.arg) },
    resolve: async (_, { skuId, ...args }, context) => {
      const request = readPage('lots', args);
      const id = optionalIdOf('Sku', skuId);
      if (id === null) return emptyConnection<LotRow>();
      const reader = stockReader(context);
      const page = await lotsPage(context.db.pool, reader, id ?? null, request);
      return toConnection(
        'lots',
        request,
        page,
        (row) => row.id,
        () => lotsCount(context.db.pool, reader, id ?? null),
      );
    },
  }),
);

const ImportProblemType = builder.objectRef<ImportJobRow['problems'][number]>('ImportProblem').implement({
  description: 'A line of an import that made no card key.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    line: t.exposeInt('line', { description: 'Which line, counted from 1.' }),
    code: t.exposeString('code', { description: 'Why, as a word: "DUPLICATE_IN_FILE".' }),
    message: t.string({
      description: 'Why, in one English sentence.',
      resolve: ({ code }) => PROBLEM_TEXT[code] ?? 'The line cannot be used.',
    }),
  }),
});

const PROBLEM_TEXT: Readonly<Record<string, string>> = {
  MALFORMED: 'The line holds more than a number and a secret.',
  SECRET_MISSING: 'The line holds no secret.',
  TOO_LONG: 'The number or the secret is too long.',
  UNPRINTABLE: 'The line holds a character that cannot be printed.',
  DUPLICATE_IN_FILE: 'The same card key stands on an earlier line.',
  DUPLICATE_OF_OWN_KEY: 'The station has this card key already.',
};

const ImportJob = nodeType<ImportJobRow>('ImportJob', {
  description: 'An import of card keys under way or done; shown to who owns the SKU.',
  access: readingStock,
  load: (context, id) => loadImportJob(context, id),
});

/** The import job type of the contract. */
export const ImportJobType = ImportJob.ref;

/** An import of the acting station, by id; batched. */
export const loadImportJob = batched<string, ImportJobRow>((context, ids) => importJobsByIds(context.db.pool, stockReader(context), ids));

ImportJob.fields((t) => ({
  sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: (row, _, context) => requireSku(context, row.sku_id) }),
  state: t.field({ type: JobStateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  lineCount: t.int({ description: 'Lines of the file that hold a card key.', resolve: (row) => row.line_count }),
  importedCount: t.int({ description: 'Card keys that came of it.', resolve: (row) => row.imported_count }),
  duplicateCount: t.int({ description: 'Lines that were left out as duplicates.', resolve: (row) => row.duplicate_count }),
  problemCount: t.int({ description: 'Lines that made no card key, duplicates among them.', resolve: (row) => row.problem_count }),
  problems: t.field({
    type: [ImportProblemType],
    description: `Lines that made no card key, the first ${PROBLEMS_MAX}.`,
    resolve: ({ problems }) => problems,
  }),
  failure: t.exposeString('failure', { nullable: true, description: 'Why it failed as a whole.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was sent.', resolve: (row) => row.created_at }),
  finishedAt: t.field({ type: 'DateTime', nullable: true, description: 'When it ended.', resolve: (row) => row.finished_at }),
}));

function stockReader(context: Context): { networkId: string; stationId: string } {
  return { networkId: viewerOf(context).networkId, stationId: stationIdOf(context) };
}
