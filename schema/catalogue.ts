import {
  categoriesByIds,
  categoriesSeenBy,
  childCategories,
  productsByIds,
  productsSeenBy,
  type SeenSku,
  skusByIds,
  skusOfProducts,
  skusSeenBy,
  topCategories,
} from '#server/catalog/reads.ts';
import type { Offer, OfferBreak, Stock } from '#server/catalog/rules.ts';
import type { CategoryRecord, ProductRecord } from '#server/catalog/sql.ts';
import { type CatalogueEntry, catalogueCount, catalogueEntries, catalogueEntriesSeenBy, cataloguePage } from '#server/flows/catalogue.ts';
import { actsFor, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { NotSellableReasonEnum } from './enums.ts';
import { optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { MoneyType, shownUnitPrice } from './money.ts';
import { nodeType } from './node.ts';
import { ControlBandType, loadControlBandOfSku } from './pricing.ts';

const readingCatalogue = { party: 'STATION', permission: 'CATALOGUE_READ' } as const;
const own = (sku: SeenSku, context: Context) => actsFor(context, sku.ownerId);

const Category = nodeType<CategoryRecord>('Category', {
  description: 'A shelf of the catalogue; three levels at most.',
  access: readingCatalogue,
  load: (context, id) => loadCategory(context, id),
});
const Product = nodeType<ProductRecord>('Product', {
  description: 'What is sold, in one or several denominations.',
  access: readingCatalogue,
  load: (context, id) => loadProduct(context, id),
});
const Sku = nodeType<SeenSku>('Sku', {
  description: 'A denomination of a product: what has a price and a stock.',
  // an order, a lot or a rule that the viewer may read names its SKU; what it costs has rules of its own
  access: { party: 'STATION' },
  load: async (context, id) => (viewerOf(context).permissions.has('CATALOGUE_READ') ? loadSku(context, id) : null),
});

/** The category type of the contract. */
export const CategoryType = Category.ref;
/** The product type of the contract. */
export const ProductType = Product.ref;
/** The SKU type of the contract. */
export const SkuType = Sku.ref;

/** A category that the viewer may see, by id; batched. */
export const loadCategory = batched<string, CategoryRecord>((context, ids) => categoriesByIds(context.db.pool, viewerOf(context), ids), {
  readForMany: ({ pool }, ...asked) => categoriesSeenBy(pool, ...asked),
});
/** A product that the viewer may see, by id; batched. */
export const loadProduct = batched<string, ProductRecord>((context, ids) => productsByIds(context.db.pool, viewerOf(context), ids), {
  readForMany: ({ pool }, ...asked) => productsSeenBy(pool, ...asked),
});
/** A SKU that the viewer may see, by id; batched. */
export const loadSku = batched<string, SeenSku>((context, ids) => skusByIds(context.db.pool, viewerOf(context), ids), {
  readForMany: ({ pool }, ...asked) => skusSeenBy(pool, ...asked),
});

const childrenOfCategory = batched<string, readonly CategoryRecord[]>((context, ids) =>
  childCategories(context.db.pool, viewerOf(context), ids),
);
const skusOfProduct = batched<string, readonly SeenSku[]>((context, ids) => skusOfProducts(context.db.pool, viewerOf(context), ids));
const loadEntry = batched<string, CatalogueEntry>((context, ids) => catalogueEntries(context.db, viewerOf(context), ids), {
  readForMany: catalogueEntriesSeenBy,
});

/** SKUs that a catalogue's page brought together with their offers: these are not asked for again. */
const knownEntries = new WeakMap<SeenSku, CatalogueEntry>();

/**
 * What the acting station finds of a SKU in stock. Apart from the offer, whose price is the station's own: what is told of stock
 * alone is the same for many.
 */
export const loadStock = batched<string, Stock>(async (context, ids) => {
  const entries = await Promise.all(ids.map((id) => loadEntry(context, id)));
  return new Map(entries.flatMap((entry) => (entry === null ? [] : [[entry.id, entry.offer.stock]])));
});

/** A SKU's offer to the acting station, from the page that brought it or in one batch with others. */
export async function loadOffer(context: Context, sku: SeenSku): Promise<CatalogueEntry> {
  const entry = knownEntries.get(sku) ?? (await loadEntry(context, sku.id));
  if (entry === null) throw new Error(`the SKU ${sku.id} is no longer seen`);
  return entry;
}

Category.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  depth: t.int({ description: 'Steps from the top: 0, 1 or 2.', resolve: ({ path }) => path.length - 1 }),
  parent: t.field({
    type: CategoryType,
    nullable: true,
    description: 'The category above it; null at the top.',
    resolve: ({ parentId }, _, context) => (parentId === null ? null : loadCategory(context, parentId)),
  }),
  children: t.field({
    type: [CategoryType],
    description: 'The categories directly below it.',
    resolve: async ({ id }, _, context) => (await childrenOfCategory(context, id)) ?? [],
  }),
}));

Product.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  brand: t.exposeString('brand', { nullable: true, description: 'The brand.' }),
  description: t.exposeString('description', { description: 'What a buyer should know.' }),
  category: t.field({
    type: CategoryType,
    description: 'Where it stands.',
    resolve: ({ categoryId }, _, context) => requireCategory(context, categoryId),
  }),
  skus: t.field({
    type: [SkuType],
    description: 'Its denominations, as far as the viewer sees them.',
    complexity: { field: 1, multiplier: 8 },
    resolve: async ({ id }, _, context) => (await skusOfProduct(context, id)) ?? [],
  }),
}));

const StockType = builder.objectRef<Stock>('Stock').implement({
  description: 'How much is in stock.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    availableCount: t.exposeInt('availableCount', {
      nullable: true,
      description: 'How many can be bought; null when there are many, or when nobody says (onOrder).',
    }),
    many: t.exposeBoolean('many', { description: 'Whether there are more than are counted (100).' }),
    onOrder: t.boolean({
      description: 'Whether it is bought from a supplier when it is ordered, and nobody says how many there are.',
      resolve: ({ availableCount, many }) => availableCount === null && !many,
    }),
  }),
});

/** The stock type of the contract. */
export { StockType };

const PriceBreakType = builder.objectRef<OfferBreak>('PriceBreak').implement({
  description: 'From a quantity on, another price.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    minQuantity: t.exposeInt('minQuantity', { description: 'From this quantity on.' }),
    unitPrice: t.field({ type: MoneyType, description: 'The unit price.', resolve: ({ unitPrice }) => shownUnitPrice(unitPrice) }),
  }),
});

/** The offer type of the contract. */
export const SkuOfferType = builder.objectRef<Offer>('SkuOffer').implement({
  description: 'A SKU as the acting station may buy it now.',
  access: readingCatalogue,
  fields: (t) => ({
    unitPrice: t.field({
      type: MoneyType,
      nullable: true,
      description: 'What the station pays for unitSize units at the smallest quantity; null when it has no price.',
      resolve: ({ unitPrice }) => unitPrice && shownUnitPrice(unitPrice),
    }),
    priceBreaks: t.field({
      type: [PriceBreakType],
      description: 'Quantities from which the price is another.',
      complexity: { field: 1, multiplier: 3 },
      resolve: ({ priceBreaks }) => priceBreaks,
    }),
    stock: t.field({ type: StockType, description: 'What is left.', resolve: ({ stock }) => stock }),
    notSellable: t.field({
      type: NotSellableReasonEnum,
      nullable: true,
      description: 'Why it cannot be bought now; null when it can.',
      resolve: ({ notSellable }) => notSellable,
    }),
  }),
});

Sku.fields((t) => ({
  code: t.exposeString('code', { description: "The owner's number." }),
  name: t.exposeString('name', { description: 'What people call it.' }),
  faceValue: t.exposeString('faceValue', { nullable: true, description: 'The denomination (面值).' }),
  product: t.field({
    type: ProductType,
    description: 'Of which product.',
    resolve: ({ productId }, _, context) => requireProduct(context, productId),
  }),
  unitSize: t.exposeInt('unitSize', { description: 'Prices are for so many units: 1, 100 or 1,000.' }),
  minQuantity: t.exposeInt('minQuantity', { description: 'The smallest quantity of an order.' }),
  maxQuantity: t.exposeInt('maxQuantity', { description: 'The largest quantity of an order.' }),
  quantityStep: t.exposeInt('quantityStep', { description: 'Quantities rise from the smallest in this step.' }),
  offer: t.field({
    type: SkuOfferType,
    description: 'As the acting station may buy it now.',
    // without a promise where a page has brought it: there are up to a hundred in a page
    resolve: (sku, _, context) => knownEntries.get(sku)?.offer ?? loadOffer(context, sku).then(({ offer }) => offer),
  }),
  basePrice: t.field({
    type: MoneyType,
    nullable: true,
    access: { party: 'STATION', permission: 'PRICES_READ', only: own },
    description: 'From which the price chain starts; shown to the owner alone.',
    resolve: ({ basePrice }) => basePrice && shownUnitPrice(basePrice),
  }),
  supplierCost: t.field({
    type: MoneyType,
    nullable: true,
    access: { party: 'STATION', permission: 'STOCK_READ', only: own },
    description: 'What the next key to be sold costs, or a unit of the cheapest offer; shown to the owner alone.',
    resolve: async (sku, _, context) => {
      const { nextUnitCost } = await loadOffer(context, sku);
      return nextUnitCost && shownUnitPrice(nextUnitCost);
    },
  }),
  controlBand: t.field({
    type: ControlBandType,
    nullable: true,
    access: { party: 'STATION', permission: 'PRICES_READ', only: own },
    description: 'Floor and ceiling of resale prices; shown to the owner alone.',
    resolve: ({ id }, _, context) => loadControlBandOfSku(context, id),
  }),
}));

const SkuConnection = connectionType<SeenSku>('Sku', SkuType);

/** Which SKUs of a catalogue or price table. */
export const CatalogueFilterInput = builder.inputType('CatalogueFilter', {
  description: 'Which SKUs; what is left out does not ask.',
  fields: (t) => ({
    categoryId: t.id({ description: 'Of this category and those below it.' }),
    search: t.string({ description: 'With this in the name, brand or code.' }),
    sellableOnly: t.boolean({ description: 'Only what can be bought now.' }),
  }),
});

/** A filter with its category's plain id; null when the id is none, so that nothing is found. */
export function readFilter(filter: typeof CatalogueFilterInput.$inferInput | null | undefined) {
  const categoryId = optionalIdOf('Category', filter?.categoryId);
  return categoryId === null ? null : { ...filter, categoryId: categoryId ?? null };
}

builder.queryField('categories', (t) =>
  t.field({
    type: [CategoryType],
    access: readingCatalogue,
    description: 'The top categories.',
    resolve: (_, __, context) => topCategories(context.db.pool, viewerOf(context)),
  }),
);

builder.queryField('catalogue', (t) =>
  t.field({
    type: SkuConnection,
    access: readingCatalogue,
    description: 'What the acting station may buy, category by category.',
    complexity: pageCost,
    args: { filter: t.arg({ type: CatalogueFilterInput, description: 'Which SKUs.' }), ...pageArgs(t.arg) },
    resolve: async (_, { filter, ...args }, context) => {
      const request = readPage('catalogue', args);
      const cut = readFilter(filter);
      if (cut === null) return emptyConnection<SeenSku>();
      const page = await cataloguePage(context.db, viewerOf(context), cut, request);
      for (const entry of page.rows) knownEntries.set(entry.sku, entry);
      const skus = { ...page, rows: page.rows.map(({ sku }) => sku) };
      return toConnection(
        'catalogue',
        request,
        skus,
        (sku) => sku.id,
        () => catalogueCount(context.db, viewerOf(context), cut),
      );
    },
  }),
);

/** A SKU that a row of the viewer's own names; it is always seen. */
export async function requireSku(context: Context, id: string): Promise<SeenSku> {
  const sku = await loadSku(context, id);
  if (sku === null) throw new Error(`the SKU ${id} is not seen by the owner of a row that names it`);
  return sku;
}

async function requireCategory(context: Context, id: string): Promise<CategoryRecord> {
  const category = await loadCategory(context, id);
  if (category === null) throw new Error(`the category ${id} of a seen product is not seen`);
  return category;
}

async function requireProduct(context: Context, id: string): Promise<ProductRecord> {
  const product = await loadProduct(context, id);
  if (product === null) throw new Error(`the product ${id} of a seen SKU is not seen`);
  return product;
}
