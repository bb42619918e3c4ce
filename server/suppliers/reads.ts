import { addDays } from '#server/platform/clock.ts';
import { type Queryable, run, type Statement } from '#server/platform/database.ts';
import { firstIdAt } from '#server/platform/ids.ts';
import { type CurrencyCode, type Money, money, zeroMoney } from '#server/platform/money.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import { pastDue } from './rules.ts';
import {
  type CategoryName,
  type ContactRow,
  categoriesNamed,
  categoriesToName,
  contactsById,
  contactsOf,
  type DocumentRow,
  documentCount,
  documentsById,
  documentsOf,
  dueAmounts,
  type EntryRow,
  entryCount,
  type MemberRow,
  membersOf,
  recordsById,
  type SupplierRecord,
  type SupplierRow,
  selectDocuments,
  selectEntries,
  settlementDays,
  supplierAccounts,
  suppliersById,
  suppliersOfNetwork,
  suppliersOfOwner,
} from './sql.ts';

export type { CategoryName, ContactRow, DocumentRow, EntryRow, MemberRow, SupplierRecord, SupplierRow } from './sql.ts';

/** Who reads. `isHeadquarters` tells whether the station is the root of its network. */
export type SupplierReader = {
  readonly networkId: string;
  readonly party:
    | { readonly kind: 'STATION'; readonly stationId: string; readonly isHeadquarters: boolean }
    | { readonly kind: 'SUPPLIER'; readonly supplierId: string };
};

/** All suppliers of the network: for headquarters alone (domain §2). */
export async function visibleSuppliers(db: Queryable, reader: SupplierReader): Promise<SupplierRow[]> {
  const { party, networkId } = reader;
  return party.kind === 'STATION' && party.isHeadquarters ? run(db, suppliersOfNetwork, [networkId]) : [];
}

/**
 * Of these suppliers, those that the reader may know by name: headquarters all, a supplier itself, an owner of goods those
 * that its own lots came from.
 */
export async function visibleSuppliersByIds(
  db: Queryable,
  reader: SupplierReader,
  ids: readonly string[],
): Promise<Map<string, SupplierRow>> {
  const { party, networkId } = reader;
  if (ids.length === 0) return new Map();
  const rows = await readVisible(db, networkId, party, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

function readVisible(db: Queryable, networkId: string, party: SupplierReader['party'], ids: readonly string[]): Promise<SupplierRow[]> {
  if (party.kind === 'SUPPLIER') return run(db, suppliersById, [networkId, ids.filter((id) => id === party.supplierId)]);
  return party.isHeadquarters ? run(db, suppliersById, [networkId, ids]) : run(db, suppliersOfOwner, [networkId, party.stationId, ids]);
}

// ---- what headquarters and the supplier itself see, and nobody else ----

/** Of these suppliers, those whose papers and money the reader may see: headquarters all, a supplier itself, any other station none. */
export function openSuppliers({ party }: SupplierReader, ids: readonly string[]): readonly string[] {
  if (party.kind === 'SUPPLIER') return ids.filter((id) => id === party.supplierId);
  return party.isHeadquarters ? ids : [];
}

/** Standing and company of suppliers that the reader may look into. */
export async function supplierRecords(db: Queryable, reader: SupplierReader, ids: readonly string[]): Promise<Map<string, SupplierRecord>> {
  const rows = await run(db, recordsById, [reader.networkId, openSuppliers(reader, ids)]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Contacts of such suppliers, by supplier. */
export function supplierContacts(db: Queryable, reader: SupplierReader, ids: readonly string[]): Promise<Map<string, ContactRow[]>> {
  return bySupplier(db, contactsOf, reader, ids);
}

/** Of these contacts, those of such suppliers. */
export async function contactsByIds(db: Queryable, reader: SupplierReader, ids: readonly string[]): Promise<Map<string, ContactRow>> {
  const rows = await run(db, contactsById, [reader.networkId, ids]);
  return new Map(
    rows.filter((row) => row.archived_at === null && openSuppliers(reader, [row.supplier_id]).length > 0).map((row) => [row.id, row]),
  );
}

/** Documents of such suppliers that wait, hold or were rejected, by supplier. */
export function supplierDocuments(db: Queryable, reader: SupplierReader, ids: readonly string[]): Promise<Map<string, DocumentRow[]>> {
  return bySupplier(db, documentsOf, reader, ids);
}

/** Of these documents, those of such suppliers. */
export async function documentsByIds(db: Queryable, reader: SupplierReader, ids: readonly string[]): Promise<Map<string, DocumentRow>> {
  const own = ownDocuments(reader);
  const rows = own === null ? [] : await run(db, documentsById, [reader.networkId, ids, own.supplierId]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Which documents a list is asked for; null does not ask. */
export type DocumentFilter = { readonly supplierId: string | null; readonly state: DocumentRow['state'] | null };

/** A page of documents, eldest first: of all suppliers for headquarters, of its own for a supplier. */
export async function documentsPage(
  db: Queryable,
  reader: SupplierReader,
  filter: DocumentFilter,
  page: PageRequest,
): Promise<Page<DocumentRow>> {
  const cut = documentCut(reader, filter);
  if (cut === null) return { rows: [], hasMore: false };
  return pageOf(page, await selectDocuments(db, cut, { direction: page.direction, from: page.from, limit: page.count + 1 }));
}

/** How many documents that list has. */
export async function documentsCount(db: Queryable, reader: SupplierReader, filter: DocumentFilter): Promise<number> {
  const cut = documentCut(reader, filter);
  if (cut === null) return 0;
  return (await run(db, documentCount, [cut.networkId, cut.supplierId, cut.state]))[0]?.count ?? 0;
}

function documentCut(reader: SupplierReader, { supplierId, state }: DocumentFilter) {
  const own = ownDocuments(reader);
  if (own === null || (own.supplierId !== null && supplierId !== null && supplierId !== own.supplierId)) return null;
  return { networkId: reader.networkId, supplierId: own.supplierId ?? supplierId, state };
}

/** Whose documents the reader sees: one supplier's, or (`supplierId` null) all; null: nobody's. */
function ownDocuments({ party }: SupplierReader): { readonly supplierId: string | null } | null {
  if (party.kind === 'SUPPLIER') return { supplierId: party.supplierId };
  return party.isHeadquarters ? { supplierId: null } : null;
}

/** Names of categories that documents name, by id: what stands on the shelf is no secret of anybody. */
export async function categoryNames(
  db: Queryable,
  { networkId }: SupplierReader,
  ids: readonly string[],
): Promise<Map<string, CategoryName>> {
  return new Map((await run(db, categoriesNamed, [networkId, ids])).map((row) => [row.id, row]));
}

/** The categories that a document may name: headquarters names any, a supplier those of headquarters, any other station none. */
export async function visibleCategories(db: Queryable, { networkId, party }: SupplierReader): Promise<CategoryName[]> {
  if (party.kind === 'STATION' && !party.isHeadquarters) return [];
  return run(db, categoriesToName, [networkId, party.kind === 'STATION']);
}

/** People who act for such suppliers, by supplier. */
export function supplierMembers(db: Queryable, reader: SupplierReader, ids: readonly string[]): Promise<Map<string, MemberRow[]>> {
  return bySupplier(db, membersOf, reader, ids);
}

async function bySupplier<Row extends { supplier_id: string }>(
  db: Queryable,
  statement: Statement<Row>,
  reader: SupplierReader,
  ids: readonly string[],
): Promise<Map<string, Row[]>> {
  const open = openSuppliers(reader, ids);
  const rows = Map.groupBy(await run(db, statement, [reader.networkId, open]), (row) => row.supplier_id);
  return new Map(open.map((id) => [id, rows.get(id) ?? []]));
}

// ---- money ----

/** What a supplier is owed, and its deposit. An account that was never used holds 0. */
export type SupplierMoney = {
  readonly deposit: Money;
  /** posted, and not settled yet: all of `upcoming` and `pastDue` */
  readonly pending: Money;
  /** settled, to be paid out */
  readonly payable: Money;
  /** of what is pending, the part whose day has come: it waits for the settlement run of that day */
  readonly pastDue: Money;
  /** of what is pending, what falls due today and later, by day */
  readonly upcoming: readonly { readonly dueOn: string; readonly amount: Money }[];
};

/** Days beside the network's N in which something that falls due now may have been posted: N was longer then, or a refund came late. */
const POSTED_BEFORE_DAYS = 31;

/** The network, its money and its day. */
export type Ledger = { readonly networkId: string; readonly currency: CurrencyCode; readonly today: string };

/** What such suppliers are owed, by supplier. Three statements. */
export async function supplierMoney(
  db: Queryable,
  reader: SupplierReader,
  ledger: Ledger,
  ids: readonly string[],
): Promise<Map<string, SupplierMoney>> {
  const { networkId, currency, today } = ledger;
  const open = openSuppliers(reader, ids);
  if (open.length === 0) return new Map();
  const [network] = await run(db, settlementDays, [networkId]);
  const since = addDays(today, -((network?.settlement_days ?? 0) + POSTED_BEFORE_DAYS));
  const [accounts, due] = await Promise.all([
    run(db, supplierAccounts, [networkId, open, currency]),
    run(db, dueAmounts, [networkId, open, currency, today, firstIdAt(new Date(`${since}T00:00:00Z`))]),
  ]);
  const dueOf = Map.groupBy(due, (row) => row.supplier_id);
  return new Map(
    open.map((id) => {
      const balance = (kind: string) => {
        const row = accounts.find((account) => account.supplier_id === id && account.kind === kind);
        return row === undefined ? zeroMoney(currency) : money(row.balance, currency);
      };
      const upcoming = (dueOf.get(id) ?? []).map((row) => ({ dueOn: row.due_on, amount: money(row.amount, currency) }));
      const pending = balance('PAYABLE_PENDING');
      const later = upcoming.map(({ amount }) => amount);
      return [id, { deposit: balance('DEPOSIT'), pending, payable: balance('PAYABLE'), pastDue: pastDue(pending, later), upcoming }];
    }),
  );
}

/** Accounts that a supplier has. */
export type SupplierAccountKind = 'PAYABLE_PENDING' | 'PAYABLE' | 'DEPOSIT';

/** All of them. */
export const supplierAccountKinds: readonly SupplierAccountKind[] = ['PAYABLE_PENDING', 'PAYABLE', 'DEPOSIT'];

/** A page of such a supplier's statement, newest first; `kinds` null is all of its accounts. */
export async function entriesPage(
  db: Queryable,
  reader: SupplierReader,
  supplierId: string,
  kinds: readonly SupplierAccountKind[] | null,
  page: PageRequest,
): Promise<Page<EntryRow>> {
  if (openSuppliers(reader, [supplierId]).length === 0) return { rows: [], hasMore: false };
  const cut = { networkId: reader.networkId, supplierId, kinds: kinds ?? supplierAccountKinds };
  return pageOf(page, await selectEntries(db, cut, { direction: page.direction, from: page.from, limit: page.count + 1 }));
}

/** How many movements that statement has. */
export async function entriesCount(
  db: Queryable,
  reader: SupplierReader,
  supplierId: string,
  kinds: readonly SupplierAccountKind[] | null,
): Promise<number> {
  if (openSuppliers(reader, [supplierId]).length === 0) return 0;
  return (await run(db, entryCount, [reader.networkId, supplierId, kinds ?? supplierAccountKinds]))[0]?.count ?? 0;
}
