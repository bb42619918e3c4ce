import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import { countLotStock, countLots, type ImportJobRow, type LotRow, selectImportJobs, selectLots, selectLotsById } from './sql.ts';

export type { ImportJobRow, LotRow } from './sql.ts';

/** Who reads: a station. Lots and imports are their owner's alone: they tell costs and suppliers (domain §2). */
export type StockReader = { readonly networkId: string; readonly stationId: string };

/** A page of the reader's own lots, newest first; `skuId` null is all of them. */
export async function lotsPage(db: Queryable, reader: StockReader, skuId: string | null, page: PageRequest): Promise<Page<LotRow>> {
  return pageOf(page, await selectLots(db, reader, skuId, { direction: page.direction, from: page.from, limit: page.count + 1 }));
}

/** How many lots that list has. */
export async function lotsCount(db: Queryable, reader: StockReader, skuId: string | null): Promise<number> {
  return countLots(db, reader, skuId);
}

/** Of these lots, the reader's own, by id. */
export async function lotsByIds(db: Queryable, reader: StockReader, ids: readonly string[]): Promise<Map<string, LotRow>> {
  return new Map((await selectLotsById(db, reader, ids)).map((row) => [row.id, row]));
}

/** How many keys of each lot are left; only for lots that are the reader's own. A lot without any has no entry. */
export async function lotStock(db: Queryable, reader: StockReader, lotIds: readonly string[]): Promise<Map<string, number>> {
  return new Map((await countLotStock(db, reader.networkId, lotIds)).map(({ lot_id, count }) => [lot_id, count]));
}

/** Of these imports, the reader's own, by id. */
export async function importJobsByIds(db: Queryable, reader: StockReader, ids: readonly string[]): Promise<Map<string, ImportJobRow>> {
  return new Map((await selectImportJobs(db, reader, ids)).map((row) => [row.id, row]));
}
