import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { Reader } from '#server/platform/reader.ts';
import {
  countImportItems,
  type ImportCountRow,
  type ImportItemRow,
  selectImportItems,
  selectImportItemsById,
  selectImports,
  selectNewestImport,
  type UpstreamImportRow,
} from './sql.ts';

export type { ImportCountRow, ImportItemRow, UpstreamImportRow } from './sql.ts';

// An owner's own previews: they tell costs and suppliers.

/** The owner whose previews the reader sees: its own station; null for a supplier. */
export function visibleImports(viewer: Reader): { readonly networkId: string; readonly ownerId: string } | null {
  return viewer.party.kind === 'STATION' ? { networkId: viewer.networkId, ownerId: viewer.party.stationId } : null;
}

/** Of these previews, the reader's own, by id. */
export async function importsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, UpstreamImportRow>> {
  const owner = visibleImports(viewer);
  const rows = owner === null || ids.length === 0 ? [] : await selectImports(db, owner, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The newest preview of one of the reader's accounts; null before the first, and for any other's account. */
export async function newestImportOf(db: Queryable, viewer: Reader, accountId: string): Promise<string | null> {
  const owner = visibleImports(viewer);
  return owner === null ? null : selectNewestImport(db, owner, accountId);
}

/** What of a preview is shown: all of it, or one kind of change. */
export type ImportItemsChoice = { readonly importId: string; readonly change: ImportItemRow['change'] | null };

/** A page of a preview's items, in the upstream's order. */
export async function importItemsPage(
  db: Queryable,
  viewer: Reader,
  choice: ImportItemsChoice,
  page: PageRequest,
): Promise<Page<ImportItemRow>> {
  const owner = visibleImports(viewer);
  const limits = { direction: page.direction, from: page.from, limit: page.count + 1 };
  return pageOf(page, owner === null ? [] : await selectImportItems(db, owner, choice, limits));
}

/** Of these items, those of the reader's own previews, by id. */
export async function importItemsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, ImportItemRow>> {
  const owner = visibleImports(viewer);
  const rows = owner === null || ids.length === 0 ? [] : await selectImportItemsById(db, owner, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

/** How many items of each of these previews change what. */
export async function importCounts(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, ImportCountRow[]>> {
  const owner = visibleImports(viewer);
  const rows = owner === null || ids.length === 0 ? [] : await countImportItems(db, owner, ids);
  return new Map(ids.map((id) => [id, rows.filter((row) => row.import_id === id)]));
}
