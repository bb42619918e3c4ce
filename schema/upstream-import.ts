import {
  type ImportCountRow,
  type ImportItemRow,
  importCounts,
  importItemsByIds,
  importItemsPage,
  importsByIds,
  newestImportOf,
  type UpstreamImportRow,
} from '#server/imports/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, SkuType } from './catalogue.ts';
import { connectionType, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import { badInput } from './errors.ts';
import { idOf } from './ids.ts';
import { batched } from './loaders.ts';
import { MoneyType, unitPriceOf } from './money.ts';
import { nodeType } from './node.ts';
import { GoodsKindEnum } from './sku-goods.ts';
import { AccountType, loadAccount } from './supply-offer.ts';

/** Who may see what an upstream's catalogue would become: it tells costs. */
export const readingImports = { party: 'STATION', permission: 'SUPPLY_READ' } as const;

const StateEnum = builder.enumType('UpstreamImportState', {
  description: 'How far a preview is.',
  values: {
    PENDING: { description: 'The upstream is being asked what it sells.' },
    READY: { description: 'It can be read and applied.' },
    FAILED: { description: 'The upstream was not listed.' },
  } as const,
});

const ChangeEnum = builder.enumType('UpstreamImportChange', {
  description: 'What importing one of an upstream’s goods does.',
  values: {
    NEW: { description: 'Makes a SKU, a draft, with its product and categories where they miss, and its offer.' },
    OFFER_ADDED: { description: 'Gives a SKU that is there an offer.' },
    COST_CHANGED: { description: 'Gives the offer that is there another cost.' },
    UNCHANGED: { description: 'Nothing: the offer is there at this cost.' },
    SKIPPED: { description: 'Nothing: it cannot be imported.' },
  } as const,
});

const ReasonEnum = builder.enumType('UpstreamImportSkipReason', {
  description: 'Why one of an upstream’s goods cannot be imported.',
  values: {
    BAD_NAME: { description: 'A name is missing, or longer than 200 characters.' },
    BAD_GOODS: { description: 'What the upstream calls it cannot be kept as it is.' },
    BAD_COST: { description: 'Its cost is no amount above zero.' },
    COST_TOO_FINE: { description: 'Its cost has more than four decimals.' },
    LISTED_TWICE: { description: 'The upstream lists it twice.' },
    QUANTITIES: { description: 'Its smallest and largest quantity exclude each other.' },
    INPUT_FIELDS: { description: 'What its buyer has to type cannot be asked for here.' },
    OTHER_KIND: { description: 'The SKU of this name is a bundle, or of the other kind of goods.' },
    SKU_RETIRED: { description: 'The SKU that it belongs to is retired.' },
  } as const,
});

const Import = nodeType<UpstreamImportRow>('UpstreamImport', {
  description:
    'A preview of an upstream’s catalogue: what importing it would do, as it was seen. Only the newest of an account is applied.',
  access: readingImports,
  load: (context, id) => loadImport(context, id),
});

/** The preview type of the contract. */
export const ImportType = Import.ref;

/** A preview of the acting station, by id; batched. */
export const loadImport = batched<string, UpstreamImportRow>((context, ids) => importsByIds(context.db.pool, viewerOf(context), ids));

const loadCounts = batched<string, readonly ImportCountRow[]>((context, ids) => importCounts(context.db.pool, viewerOf(context), ids));

const loadItem = batched<string, ImportItemRow>((context, ids) => importItemsByIds(context.db.pool, viewerOf(context), ids));

const Item = nodeType<ImportItemRow>('UpstreamImportItem', {
  description: 'One of an upstream’s goods, and what importing it does. Costs are for unitSize units of the SKU.',
  access: readingImports,
  load: (context, id) => loadItem(context, id),
});

/** A cost that may not be there. */
const shown = (text: string | null, currency: string) => (text === null ? null : unitPriceOf(text, currency));

Item.fields((t) => ({
  change: t.field({ type: ChangeEnum, description: 'What importing it does.', resolve: ({ change }) => change }),
  reason: t.field({ type: ReasonEnum, nullable: true, description: 'Why it is SKIPPED.', resolve: ({ reason }) => reason }),
  categoryNames: t.stringList({
    description: 'The shelf that it comes to, from the top down.',
    resolve: (row) => [...row.category_names],
  }),
  productName: t.string({ description: 'The product.', resolve: (row) => row.product_name }),
  skuName: t.string({ description: 'The denomination.', resolve: (row) => row.sku_name }),
  code: t.string({ nullable: true, description: 'The code of the SKU that it makes.', resolve: ({ code }) => code || null }),
  goodsKind: t.field({ type: GoodsKindEnum, description: 'What is delivered.', resolve: (row) => row.goods_kind }),
  minQuantity: t.int({ description: 'The smallest quantity.', resolve: (row) => row.min_quantity }),
  maxQuantity: t.int({ description: 'The largest quantity.', resolve: (row) => row.max_quantity }),
  stockCount: t.int({ nullable: true, description: 'What the upstream says that it has.', resolve: (row) => row.stock_count }),
  upstreamUnitCost: t.field({
    type: 'Decimal',
    nullable: true,
    description: 'The cost in the money of the account.',
    resolve: (row) => row.upstream_unit_cost,
  }),
  unitCost: t.field({
    type: MoneyType,
    nullable: true,
    description: 'The cost in the network’s money.',
    resolve: (row) => shown(row.unit_cost, row.currency),
  }),
  oldUnitCost: t.field({
    type: MoneyType,
    nullable: true,
    description: 'What the offer that is there costs.',
    resolve: (row) => shown(row.old_unit_cost, row.currency),
  }),
  basePrice: t.field({
    type: MoneyType,
    nullable: true,
    description: 'The base price that a new SKU gets: the cost with the markup. The price of a SKU that is there stays.',
    resolve: (row) => shown(row.base_price, row.currency),
  }),
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'The SKU that it is about, or that it made.',
    resolve: (row, _, context) => (row.sku_id === null ? null : loadSku(context, row.sku_id)),
  }),
  appliedAt: t.field({ type: 'DateTime', nullable: true, description: 'When it was applied.', resolve: (row) => row.applied_at }),
  changedSince: t.boolean({
    description: 'Whether applying it did nothing, because its SKU, offer or cost had been changed since the preview.',
    resolve: ({ problem }) => problem !== null,
  }),
}));

const ItemConnection = connectionType<ImportItemRow>('UpstreamImportItem', Item.ref);

const CountType = builder.objectRef<ImportCountRow>('UpstreamImportCount').implement({
  description: 'How many of an upstream’s goods are changed like this.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    change: t.field({ type: ChangeEnum, description: 'The change.', resolve: ({ change }) => change }),
    count: t.exposeInt('count', { description: 'Goods.' }),
    appliedCount: t.int({ description: 'Those that were applied.', resolve: ({ applied }) => applied }),
    changedSinceCount: t.int({ description: 'Those that were not, since something had been changed.', resolve: ({ failed }) => failed }),
  }),
});

Import.fields((t) => ({
  account: t.field({
    type: AccountType,
    description: 'The account whose catalogue it is.',
    resolve: async (row, _, context) => {
      const account = await loadAccount(context, row.account_id);
      if (account === null) throw new Error(`the account ${row.account_id} of a preview is not there`);
      return account;
    },
  }),
  number: t.exposeInt('number', { description: 'Counts the previews of the account.' }),
  isNewest: t.boolean({ description: 'Whether it may be applied: no newer one was asked for.', resolve: ({ newest }) => newest }),
  state: t.field({ type: StateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  failure: t.exposeString('failure', { nullable: true, description: 'Why the upstream was not listed.' }),
  markupPercent: t.field({
    type: 'Decimal',
    description: 'What is added to the cost for the base price of a new SKU.',
    resolve: (row) => row.markup_percent,
  }),
  rate: t.string({
    nullable: true,
    description: 'So much of the network’s money is one unit of the account’s; null where it is the same money.',
    resolve: (row) => (row.rate_at === null ? null : row.rate),
  }),
  rateSource: t.string({ nullable: true, description: 'Where the rate came from.', resolve: (row) => row.rate_source || null }),
  counts: t.field({
    type: [CountType],
    description: 'What it would do, in numbers.',
    complexity: { field: 1, multiplier: 5 },
    resolve: async ({ id }, _, context) => (await loadCounts(context, id)) ?? [],
  }),
  items: t.field({
    type: ItemConnection,
    description: 'The upstream’s goods in its own order.',
    complexity: pageCost,
    args: { change: t.arg({ type: ChangeEnum, description: 'Only those that are changed like this.' }), ...pageArgs(t.arg) },
    resolve: async ({ id }, { change, ...args }, context) => {
      const request = readPage('upstreamImportItems', args);
      const choice = { importId: id, change: change ?? null };
      const page = await importItemsPage(context.db.pool, viewerOf(context), choice, request);
      const count = async () =>
        ((await loadCounts(context, id)) ?? [])
          .filter((row) => choice.change === null || row.change === choice.change)
          .reduce((sum, row) => sum + row.count, 0);
      return toConnection('upstreamImportItems', request, page, (row) => row.id, count);
    },
  }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was asked for.', resolve: (row) => row.created_at }),
  listedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When the upstream had been asked.',
    resolve: (row) => row.listed_at,
  }),
}));

builder.queryField('upstreamImport', (t) =>
  t.field({
    type: ImportType,
    nullable: true,
    access: readingImports,
    description: 'The newest preview of the catalogue behind one of the acting station’s accounts; null before the first.',
    args: { accountId: t.arg.id({ required: true, description: 'The account.' }) },
    resolve: async (_, { accountId }, context) => {
      const id = idOf('SupplyAccount', accountId);
      if (id === null) throw badInput('accountId', 'This is no account.');
      const importId = await newestImportOf(context.db.pool, viewerOf(context), id);
      return importId === null ? null : loadImport(context, importId);
    },
  }),
);
