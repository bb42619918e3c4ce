import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { Reader } from '#server/platform/reader.ts';
import {
  type AccountRow,
  type CostEntry,
  countAccounts,
  countOffers,
  type OfferFilter,
  type OfferRow,
  type OfferScope,
  selectAccounts,
  selectAccountsById,
  selectCosts,
  selectOffers,
  selectOffersById,
} from './sql.ts';

export type { AccountRow, CostEntry, OfferFilter, OfferRow } from './sql.ts';

/** A station sees the offers of its own SKUs, a supplier those by which it sells itself, whoever owns the SKUs (domain §2). */
export function offerScope({ networkId, party }: Reader): OfferScope {
  return party.kind === 'STATION'
    ? { networkId, ownerId: party.stationId, supplierId: null }
    : { networkId, ownerId: null, supplierId: party.supplierId };
}

/** The reader's offers, newest first. */
export async function visibleOffers(db: Queryable, reader: Reader, filter: OfferFilter, page: PageRequest): Promise<Page<OfferRow>> {
  return pageOf(page, await selectOffers(db, offerScope(reader), filter, page));
}

/** How many offers that list has. */
export function countVisibleOffers(db: Queryable, reader: Reader, filter: OfferFilter): Promise<number> {
  return countOffers(db, offerScope(reader), filter);
}

/** Of these offers, the reader's, by id; archived ones too. */
export async function offersByIds(db: Queryable, reader: Reader, ids: readonly string[]): Promise<Map<string, OfferRow>> {
  const rows = ids.length === 0 ? [] : await selectOffersById(db, offerScope(reader), ids);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The newest costs of each of these offers (rows that were shown to the reader), at most 100 each, newest first. */
export async function costsOfOffers(db: Queryable, reader: Reader, offerIds: readonly string[]): Promise<Map<string, CostEntry[]>> {
  const rows = offerIds.length === 0 ? [] : await selectCosts(db, reader.networkId, offerIds, 100);
  return Map.groupBy(rows, (row) => row.offer_id);
}

/** The accounts of a station at suppliers' systems, newest first; a supplier has none. */
export async function visibleAccounts(db: Queryable, { networkId, party }: Reader, page: PageRequest): Promise<Page<AccountRow>> {
  if (party.kind !== 'STATION') return { rows: [], hasMore: false };
  return pageOf(page, await selectAccounts(db, { networkId, ownerId: party.stationId }, page));
}

/** How many accounts that list has. */
export async function countVisibleAccounts(db: Queryable, { networkId, party }: Reader): Promise<number> {
  return party.kind === 'STATION' ? countAccounts(db, { networkId, ownerId: party.stationId }) : 0;
}

/** Of these accounts, the reader's, by id. */
export async function accountsByIds(db: Queryable, { networkId, party }: Reader, ids: readonly string[]): Promise<Map<string, AccountRow>> {
  if (party.kind !== 'STATION' || ids.length === 0) return new Map();
  const rows = await selectAccountsById(db, { networkId, ownerId: party.stationId }, ids);
  return new Map(rows.map((row) => [row.id, row]));
}
