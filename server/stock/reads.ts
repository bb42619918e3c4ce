import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { Vault } from '#server/platform/vault.ts';
import { openCardKey, type PlainCardKey } from './rules.ts';
import {
  type CardKeyState,
  countLotKeys,
  countLots,
  countTouchedOrders,
  type DoubtRow,
  type ImportJobRow,
  type LotRow,
  type SealedKeyRow,
  selectDoubts,
  selectImportJobs,
  selectJobsOfLots,
  selectLots,
  selectLotsById,
  selectRevealedKeys,
  selectSealedKeys,
  selectTouchedOrders,
  type TouchedOrderRow,
} from './sql.ts';

export type { DoubtRow, ImportJobRow, LotRow, TouchedOrderRow } from './sql.ts';

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

/** Where the keys of a lot are. They sum to all keys of the lot. */
export type LotCounts = {
  readonly available: number;
  readonly sold: number;
  readonly withdrawn: number;
  readonly quarantined: number;
  readonly expired: number;
  readonly voided: number;
};

/**
 * Where the keys of each lot are, as its owner may know it; only for lots that are the reader's own. A key that was put aside because
 * another owner has it counts as if it were for sale (or as the whole lot is), or the number would tell who imports a guess whether
 * somebody has it.
 */
export async function lotCounts(db: Queryable, reader: StockReader, lots: readonly LotRow[]): Promise<Map<string, LotCounts>> {
  const states = new Map(lots.map(({ id, state }) => [id, state]));
  const counts = new Map<string, Record<keyof LotCounts, number>>(
    lots.map(({ id }) => [id, { available: 0, sold: 0, withdrawn: 0, quarantined: 0, expired: 0, voided: 0 }]),
  );
  for (const row of await countLotKeys(db, reader.networkId, [...states.keys()])) {
    const isHidden = row.is_duplicate && row.state === 'QUARANTINED' && states.get(row.lot_id) === 'OPEN';
    const lot = counts.get(row.lot_id);
    if (lot) lot[isHidden ? 'available' : COUNTED[row.state]] += row.count;
  }
  return counts;
}

const COUNTED: Readonly<Record<CardKeyState, keyof LotCounts>> = {
  AVAILABLE: 'available',
  SOLD: 'sold',
  WITHDRAWN: 'withdrawn',
  QUARANTINED: 'quarantined',
  EXPIRED: 'expired',
  VOID: 'voided',
};

/** A page of the orders that hold keys of a lot, which must be the reader's own; newest first. */
export async function touchedOrdersPage(
  db: Queryable,
  reader: StockReader,
  lot: LotRow,
  page: PageRequest,
): Promise<Page<TouchedOrderRow>> {
  const limits = { direction: page.direction, from: page.from, limit: page.count + 1 };
  return pageOf(page, await selectTouchedOrders(db, reader.networkId, lot.id, limits));
}

/** How many orders hold keys of a lot. */
export function touchedOrdersCount(db: Queryable, reader: StockReader, lot: LotRow): Promise<number> {
  return countTouchedOrders(db, reader.networkId, lot.id);
}

/** The imports that brought the reader's lots, by lot. */
export async function importJobsOfLots(db: Queryable, reader: StockReader, lotIds: readonly string[]): Promise<Map<string, ImportJobRow>> {
  return new Map((await selectJobsOfLots(db, reader, lotIds)).map((row) => [row.lot_id, row]));
}

/** Of these imports, the reader's own, by id. */
export async function importJobsByIds(db: Queryable, reader: StockReader, ids: readonly string[]): Promise<Map<string, ImportJobRow>> {
  return new Map((await selectImportJobs(db, reader, ids)).map((row) => [row.id, row]));
}

/** A card key in the clear, on its way to one who may see it. `revealedAt`: when it was first seen. */
export type RevealedKey = PlainCardKey & { readonly id: string; readonly revealedAt: Date };

/**
 * Opens the keys of orders that were marked as revealed, by order. Never inside a transaction: the mark and its audit entry
 * are committed first, so that nothing is seen that is not known to have been seen.
 */
export async function openRevealedKeys(
  db: Queryable,
  vault: Vault,
  networkId: string,
  orderIds: readonly string[],
): Promise<Map<string, RevealedKey[]>> {
  const rows = await selectRevealedKeys(db, networkId, orderIds);
  const opened = rows.map((row) => ({
    orderId: row.order_id,
    key: { ...openRow(vault, networkId, row), id: row.id, revealedAt: row.revealed_at },
  }));
  const byOrder = new Map<string, RevealedKey[]>(orderIds.map((id) => [id, []]));
  for (const { orderId, key } of opened) byOrder.get(orderId)?.push(key);
  return byOrder;
}

/** Opens keys that their owner took out of stock, in the order asked for. After COMMIT, like all opening. */
export async function openWithdrawnKeys(db: Queryable, vault: Vault, networkId: string, keyIds: readonly string[]): Promise<RevealedKey[]> {
  const rows = await selectSealedKeys(db, networkId, keyIds);
  return rows.map((row) => ({ ...openRow(vault, networkId, row), id: row.id, revealedAt: row.updated_at }));
}

function openRow(vault: Vault, networkId: string, row: SealedKeyRow): PlainCardKey {
  const wrapped = { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
  return openCardKey(vault, { wrapped, networkId, lotId: row.lot_id, skuId: row.sku_id, keyId: row.id }, row.sealed);
}

/** Which of the reader's orders have the keys that these purchases (rows that were shown to the reader) brought again, by purchase. */
export async function doubtsOfAttempts(
  db: Queryable,
  reader: StockReader,
  attemptIds: readonly string[],
): Promise<Map<string, readonly DoubtRow[]>> {
  return Map.groupBy(await selectDoubts(db, reader, attemptIds), (row) => row.attempt_id);
}
