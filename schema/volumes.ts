import type { ArgBuilder, ObjectRef } from '@pothos/core';
import {
  type CategoryVolume,
  type FrequentSku,
  type GmvTotals,
  type NetworkTime,
  readFrequent,
  readSeries,
  readTopCategories,
  readTopSkus,
  readTopSuppliers,
  type SkuVolume,
  type SupplierVolume,
} from '#server/analytics/reads.ts';
import type { GmvRange } from '#server/analytics/rules.ts';
import type { SeriesSubject } from '#server/analytics/sql.ts';
import type { Queryable } from '#server/platform/database.ts';
import { actingNetwork, networkTime, stationIdOf } from './acting.ts';
import { builder, type Types } from './builder.ts';
import { CategoryType, loadCategory, loadSku, SkuType } from './catalogue.ts';
import type { Context } from './context.ts';
import { GmvRangeEnum } from './enums.ts';
import { badInput, wrongParty } from './errors.ts';
import { GmvPointType, GmvTotalsType, type InCurrency } from './gmv.ts';
import { idOf } from './ids.ts';
import { amountOf, MoneyType } from './money.ts';
import { loadDownlineStation } from './station.ts';
import { loadSupplier, SupplierType } from './supplier.ts';

const readingVolumes = { party: 'STATION', permission: 'ANALYTICS_READ' } as const;
const USUAL_ROWS = 10;
const ROWS_MAX = 50;
const BOUGHT = 'What the station with its downline bought of it; the margin and commission are what the station earned by it.';

type Fields<Row> = PothosSchemaTypes.ObjectFieldBuilder<Types, Row>;

function totalsField<Row extends { readonly totals: GmvTotals } & InCurrency>(t: Fields<Row>, description: string) {
  return t.field({ type: GmvTotalsType, description, resolve: ({ totals, currency }) => ({ ...totals, currency }) });
}

function namesOfSku<Row extends { readonly productName: string; readonly skuName: string }>(t: Fields<Row>) {
  return {
    productName: t.string({ description: 'The name of its product.', resolve: ({ productName }) => productName }),
    skuName: t.string({ description: 'Its own name.', resolve: ({ skuName }) => skuName }),
  };
}

const SkuVolumeType = builder.objectRef<SkuVolume & InCurrency>('SkuVolume').implement({
  description: 'A SKU in a ranking.',
  access: readingVolumes,
  fields: (t) => ({
    sku: t.field({
      type: SkuType,
      nullable: true,
      description: "The SKU; null where the viewer does not see it, as with goods of its downline's own.",
      resolve: ({ skuId }, _, context) => loadSku(context, skuId),
    }),
    ...namesOfSku(t),
    totals: totalsField(t, BOUGHT),
  }),
});

const CategoryVolumeType = builder.objectRef<CategoryVolume & InCurrency>('CategoryVolume').implement({
  description: 'A category in a ranking, without those below it.',
  access: readingVolumes,
  fields: (t) => ({
    category: t.field({
      type: CategoryType,
      nullable: true,
      description: "The category; null where the viewer does not see it, as with shelves of its downline's own.",
      resolve: ({ categoryId }, _, context) => loadCategory(context, categoryId),
    }),
    name: t.exposeString('name', { description: 'Its name.' }),
    totals: totalsField(t, BOUGHT),
  }),
});

const SupplierVolumeType = builder.objectRef<SupplierVolume & InCurrency>('SupplierVolume').implement({
  description: "A supplier in the ranking of an owner's goods. An order of several suppliers is divided by its card keys.",
  access: { party: 'STATION', permission: 'STOCK_READ' },
  fields: (t) => ({
    supplier: t.field({
      type: SupplierType,
      nullable: true,
      description: 'Who supplied.',
      resolve: ({ supplierId }, _, context) => loadSupplier(context, supplierId),
    }),
    cost: t.field({
      type: MoneyType,
      description: 'What the supplier gets for what was sold.',
      resolve: ({ cost, currency }) => amountOf(cost, currency),
    }),
    totals: totalsField(t, 'What buyers paid for it; the margin is what the owner keeps, the commission what it pays.'),
  }),
});

const FrequentSkuType = builder.objectRef<FrequentSku & InCurrency>('FrequentSku').implement({
  description: 'A SKU that the acting station buys itself.',
  access: { party: 'STATION', permission: 'ORDERS_READ' },
  fields: (t) => ({
    sku: t.field({
      type: SkuType,
      nullable: true,
      description: 'The SKU; null where the station no longer sees it.',
      resolve: ({ skuId }, _, context) => loadSku(context, skuId),
    }),
    ...namesOfSku(t),
    orderCount: t.exposeInt('orderCount', { description: 'How often it was ordered.' }),
    quantity: t.exposeInt('quantity', { description: 'Units bought.' }),
    gmv: t.field({ type: MoneyType, description: 'What was paid.', resolve: ({ gmv, currency }) => amountOf(gmv, currency) }),
    lastOn: t.field({ type: 'Date', description: 'The day of the last order.', resolve: ({ lastOn }) => lastOn }),
  }),
});

function rangeArg(arg: ArgBuilder<Types>) {
  return arg({ type: GmvRangeEnum, required: true, description: 'How far back.' });
}

function rowsArg(arg: ArgBuilder<Types>) {
  return arg.int({ defaultValue: USUAL_ROWS, description: `How many: 1 to ${ROWS_MAX}.` });
}

type Ranking<Row> = (
  db: Queryable,
  time: NetworkTime,
  stationId: string,
  asked: { range: GmvRange; limit: number },
) => Promise<readonly Row[]>;

/** Declares a ranking of what a station with its downline bought. */
function downlineRanking<Row>(
  name: string,
  type: ObjectRef<Types, Row & InCurrency>,
  { description, read }: { readonly description: string; readonly read: Ranking<Row> },
): void {
  builder.queryField(name, (t) =>
    t.field({
      type: [type],
      access: readingVolumes,
      description,
      complexity: rowsCost,
      args: {
        range: rangeArg(t.arg),
        stationId: t.arg.id({ description: 'A station of the downline; the acting station when left out.' }),
        first: rowsArg(t.arg),
      },
      resolve: async (_, { range, stationId, first }, context) => {
        const limit = readLimit(first);
        const id = await downlineIdOf(context, stationId);
        return inCurrency(context, read(context.db.pool, await networkTime(context), id, { range, limit }));
      },
    }),
  );
}

downlineRanking('bestSellers', SkuVolumeType, {
  description: 'The SKUs of which a station with its downline bought most, by what was paid. Some seconds behind the orders.',
  read: readTopSkus,
});

downlineRanking('categoryVolumes', CategoryVolumeType, {
  description: 'The categories of which a station with its downline bought most. Some seconds behind the orders.',
  read: readTopCategories,
});

builder.queryField('supplierVolumes', (t) =>
  t.field({
    type: [SupplierVolumeType],
    access: { party: 'STATION', permission: 'STOCK_READ' },
    description:
      "The suppliers of the acting station's own goods, by what was sold of theirs: only who owns goods knows who supplied them.",
    complexity: rowsCost,
    args: {
      range: rangeArg(t.arg),
      first: rowsArg(t.arg),
    },
    resolve: async (_, { range, first }, context) => {
      const limit = readLimit(first);
      return inCurrency(context, readTopSuppliers(context.db.pool, await networkTime(context), stationIdOf(context), { range, limit }));
    },
  }),
);

builder.queryField('frequentSkus', (t) =>
  t.field({
    type: [FrequentSkuType],
    access: { party: 'STATION', permission: 'ORDERS_READ' },
    description: 'What the acting station ordered most often itself in the last 90 days. Some seconds behind the orders.',
    complexity: rowsCost,
    args: { first: rowsArg(t.arg) },
    resolve: async (_, { first }, context) => {
      const limit = readLimit(first);
      return inCurrency(context, readFrequent(context.db.pool, await networkTime(context), stationIdOf(context), limit));
    },
  }),
);

builder.queryField('salesSeries', (t) =>
  t.field({
    type: [GmvPointType],
    access: { party: 'STATION', permission: 'ANALYTICS_READ' },
    description:
      "Sales of one of the acting station's own SKUs, categories or suppliers: hours for today, else days; zeros for any other's.",
    complexity: { field: 1, multiplier: 30 },
    args: {
      range: rangeArg(t.arg),
      skuId: t.arg.id({ description: 'Of this SKU.' }),
      categoryId: t.arg.id({ description: 'Of this category, without those below it.' }),
      supplierId: t.arg.id({ description: "Of this supplier's goods." }),
    },
    resolve: async (_, { range, ...of }, context) => {
      const subject = readSubject(of);
      return inCurrency(context, readSeries(context.db.pool, await networkTime(context), stationIdOf(context), subject, range));
    },
  }),
);

const NOBODY = '00000000-0000-0000-0000-000000000000';

/** What a series is asked of: exactly one. What is no id is answered like one that does not exist. */
function readSubject(of: { skuId?: string | null; categoryId?: string | null; supplierId?: string | null }): SeriesSubject {
  const given = [
    { kind: 'SKU', type: 'Sku', id: of.skuId },
    { kind: 'CATEGORY', type: 'Category', id: of.categoryId },
    { kind: 'SUPPLIER', type: 'Supplier', id: of.supplierId },
  ] as const;
  const [one, ...more] = given.filter(({ id }) => id !== null && id !== undefined);
  if (one === undefined || more.length > 0) throw badInput('skuId', 'Give one of skuId, categoryId and supplierId.');
  return { kind: one.kind, id: idOf(one.type, one.id ?? '') ?? NOBODY };
}

async function downlineIdOf(context: Context, stationId: string | null | undefined): Promise<string> {
  const id = stationId === null || stationId === undefined ? stationIdOf(context) : idOf('Station', stationId);
  const station = id === null ? null : await loadDownlineStation(context, id);
  if (station === null) throw wrongParty('There is no such station in the downline.');
  return station.id;
}

function readLimit(first: number | null | undefined): number {
  const limit = first ?? USUAL_ROWS;
  if (limit < 1 || limit > ROWS_MAX) throw badInput('first', `1 to ${ROWS_MAX} rows can be asked for, not ${limit}.`);
  return limit;
}

function rowsCost({ first }: { first?: number | null | undefined }): { field: number; multiplier: number } {
  return { field: 20, multiplier: Math.max(1, first ?? USUAL_ROWS) };
}

async function inCurrency<Row>(context: Context, reading: Promise<readonly Row[]>): Promise<(Row & InCurrency)[]> {
  const [rows, { currency }] = await Promise.all([reading, actingNetwork(context)]);
  return rows.map((row) => ({ ...row, currency }));
}
