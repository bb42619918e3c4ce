import type { Queryable } from '#server/platform/database.ts';
import type { Money } from '#server/platform/money.ts';
import type { Reader } from '#server/platform/reader.ts';
import {
  type CategoryChoice,
  type CategoryRecord,
  type ProductRecord,
  type SeenBy,
  type SkuRecord,
  selectCategories,
  selectCategoriesSeenBy,
  selectProductsSeenBy,
  selectSkusOfProducts,
  selectSkusSeenBy,
  selectVisibleProducts,
  selectVisibleSkus,
} from './sql.ts';

/** A SKU as anybody sees it who sees it at all; what only its owner may know stands in `basePrice`, null for all others. */
export type SeenSku = Omit<SkuRecord, 'basePrice'> & { readonly basePrice: Money | null };

/**
 * The station whose line of owners decides which goods are seen; null for a supplier, who sees none of the resale side
 * (domain §2). A station sees the goods that itself or a station above it owns, and of another's goods none that are drafts.
 */
export function visibleSkus(viewer: Reader): { readonly networkId: string; readonly stationId: string } | null {
  return viewer.party.kind === 'STATION' ? { networkId: viewer.networkId, stationId: viewer.party.stationId } : null;
}

/** The same station decides about products and categories: they are their owners'. */
export function visibleProducts(viewer: Reader): { readonly networkId: string; readonly stationId: string } | null {
  return visibleSkus(viewer);
}

/** Of these SKUs, those that the reader may see, by id. Prices and stock: `offersOfSkus` of the catalogue's flow. */
export async function skusByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, SeenSku>> {
  const scope = visibleSkus(viewer);
  if (scope === null || ids.length === 0) return new Map();
  const skus = await selectVisibleSkus(db, scope, ids);
  return new Map([...skus].map(([id, sku]) => [id, seenSku(scope.stationId, sku)]));
}

/** The SKUs of each of these products that the reader may see, in order of creation. */
export async function skusOfProducts(db: Queryable, viewer: Reader, productIds: readonly string[]): Promise<Map<string, SeenSku[]>> {
  const scope = visibleSkus(viewer);
  const skus = scope === null || productIds.length === 0 ? [] : await selectSkusOfProducts(db, scope, productIds);
  const seen = skus.map((sku) => seenSku(scope?.stationId ?? '', sku));
  return new Map(productIds.map((id) => [id, seen.filter(({ productId }) => productId === id)]));
}

/** Of these products, those that the reader may see, by id. */
export async function productsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, ProductRecord>> {
  const scope = visibleProducts(viewer);
  return scope === null || ids.length === 0 ? new Map() : selectVisibleProducts(db, scope, ids);
}

/** The top categories of the owners on the reader's line, by position. */
export async function topCategories(db: Queryable, viewer: Reader): Promise<CategoryRecord[]> {
  return categories(db, viewer, 'TOP');
}

/** Of these categories, those that the reader may see, by id. */
export async function categoriesByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, CategoryRecord>> {
  const rows = ids.length === 0 ? [] : await categories(db, viewer, { ids });
  return new Map(rows.map((row) => [row.id, row]));
}

/** The categories directly below each of these, by position. */
export async function childCategories(db: Queryable, viewer: Reader, parentIds: readonly string[]): Promise<Map<string, CategoryRecord[]>> {
  const rows = parentIds.length === 0 ? [] : await categories(db, viewer, { parentIds });
  return new Map(parentIds.map((id) => [id, rows.filter(({ parentId }) => parentId === id)]));
}

/** The SKU as this station sees it: the base price is the owner's alone. */
export function seenSku(viewerStationId: string, sku: SkuRecord): SeenSku {
  return { ...sku, basePrice: sku.ownerId === viewerStationId ? sku.basePrice : null };
}

async function categories(db: Queryable, viewer: Reader, choice: CategoryChoice): Promise<CategoryRecord[]> {
  const scope = visibleProducts(viewer);
  return scope === null ? [] : selectCategories(db, scope, choice);
}

/** Rows as each of many stations sees them: by station, then by id. What it does not see it does not have. */
export type Sights<Row> = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/** `skusByIds` for many stations of a network: one statement. */
export async function skusSeenBy(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  ids: readonly string[],
): Promise<Sights<SeenSku>> {
  return sightsOf(stationIds, await selectSkusSeenBy(db, networkId, stationIds, ids), seenSku);
}

/** `productsByIds` for many stations of a network: one statement. */
export async function productsSeenBy(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  ids: readonly string[],
): Promise<Sights<ProductRecord>> {
  return sightsOf(stationIds, await selectProductsSeenBy(db, networkId, stationIds, ids), (_, row) => row);
}

/** `categoriesByIds` for many stations of a network: one statement. */
export async function categoriesSeenBy(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  ids: readonly string[],
): Promise<Sights<CategoryRecord>> {
  return sightsOf(stationIds, await selectCategoriesSeenBy(db, networkId, stationIds, ids), (_, row) => row);
}

/** What each station sees of rows that were read once for all of them. */
export function sightsOf<Record extends { readonly id: string }, Row>(
  stationIds: readonly string[],
  found: readonly SeenBy<Record>[],
  asSeen: (stationId: string, record: Record) => Row,
): Sights<Row> {
  const sights = new Map<string, Map<string, Row>>(stationIds.map((id) => [id, new Map()]));
  for (const { record, seenBy } of found) {
    for (const stationId of seenBy) sights.get(stationId)?.set(record.id, asSeen(stationId, record));
  }
  return sights;
}
