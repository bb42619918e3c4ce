import { type ImportJobRow, importJobsByIds, type LotRow, lotStock, lotsByIds, lotsCount, lotsPage } from '#server/stock/reads.ts';
import { PROBLEMS_MAX } from '#server/stock/rules.ts';
import { stationIdOf, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { requireSku, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { JobStateEnum, LotTermsEnum } from './enums.ts';
import { optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType } from './money.ts';
import { nodeType } from './node.ts';
import { loadSupplier, SupplierType } from './supplier.ts';

const readingStock = { party: 'STATION', permission: 'STOCK_READ' } as const;

const Lot = nodeType<LotRow>('Lot', {
  description: 'Card keys that came together; shown to the owner of the SKU alone.',
  access: readingStock,
  load: (context, id) => loadLot(context, id),
});

const loadLot = batched<string, LotRow>((context, ids) => lotsByIds(context.db.pool, stockReader(context), ids));
const leftOfLot = batched<string, number>((context, ids) => lotStock(context.db.pool, stockReader(context), ids));

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
  availableCount: t.int({ description: 'Keys that are left.', resolve: async ({ id }, _, context) => (await leftOfLot(context, id)) ?? 0 }),
  totalCost: t.field({ type: MoneyType, description: 'What the lot cost.', resolve: (row) => amountOf(row.total_cost, row.currency) }),
  expiresOn: t.field({
    type: 'Date',
    nullable: true,
    description: 'The last day on which its keys are good.',
    resolve: (row) => row.expires_on,
  }),
  createdAt: t.field({ type: 'DateTime', description: 'When it came.', resolve: (row) => row.created_at }),
}));

const LotConnection = connectionType<LotRow>('Lot', Lot.ref);

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
