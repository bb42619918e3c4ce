import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import type { Contact, DocumentFacts, DocumentState, DocumentType, SupplierStanding } from './rules.ts';

/** A supplier by its names: never what it is owed. */
export type SupplierRow = { id: string; name: string; code: string };

/** All suppliers of the network, by name. A network has few: the whole primary key range is read. */
export const suppliersOfNetwork = statement<SupplierRow>(
  'suppliers.suppliersOfNetwork',
  'SELECT s.id, s.name, s.code FROM supplier s WHERE s.network_id = $1 ORDER BY s.name, s.id',
);

/** Suppliers by id. Index: primary key. */
export const suppliersById = statement<SupplierRow>(
  'suppliers.suppliersById',
  'SELECT s.id, s.name, s.code FROM supplier s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])',
);

/** Of these suppliers, those that a lot of the station's came from. Index: primary key; the station's lots are read through, which are few. */
export const suppliersOfOwner = statement<SupplierRow>(
  'suppliers.suppliersOfOwner',
  `SELECT s.id, s.name, s.code FROM supplier s
   WHERE s.network_id = $1 AND s.id = ANY ($3::uuid[])
     AND EXISTS (SELECT FROM lot l WHERE l.network_id = $1 AND l.owner_id = $2 AND l.supplier_id = s.id)`,
);

/** The row of a new supplier; none when its code is taken. */
export const insertSupplier = statement<SupplierRow>(
  'suppliers.insertSupplier',
  `INSERT INTO supplier AS s (network_id, id, name, code, created_at, standing, standing_at) VALUES ($1, $2, $3, $4, $5, $6, $5)
   ON CONFLICT (network_id, code) DO NOTHING RETURNING s.id, s.name, s.code`,
);

// ---- what headquarters and the supplier itself see ----

/** A supplier as headquarters and itself know it. `today` is the day of its network. */
export type SupplierRecord = {
  id: string;
  name: string;
  code: string;
  standing: SupplierStanding;
  standing_reason: string;
  standing_at: Date | null;
  legal_name: string;
  legal_representative: string;
  registration_number: string;
  tax_id: string;
  address: string;
  version: number;
};

const RECORD = `s.id, s.name, s.code, s.standing, s.standing_reason, s.standing_at, s.legal_name, s.legal_representative, s.registration_number,
  s.tax_id, s.address, s.version`;

/** Records of suppliers by id. Index: primary key. */
export const recordsById = statement<SupplierRecord>(
  'suppliers.recordsById',
  `SELECT ${RECORD} FROM supplier s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])`,
);

/**
 * Locks suppliers in id order, before any account: whatever decides on a supplier, its papers or which of its offers are frozen holds
 * this. NO KEY UPDATE: orders and offers that name the supplier do not wait for it. Index: primary key.
 */
export const lockSuppliers = statement<SupplierRecord>(
  'suppliers.lock',
  `SELECT ${RECORD} FROM supplier s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[]) ORDER BY s.id FOR NO KEY UPDATE`,
);

/** Writes a standing; its party signs in until it is CLOSED. */
export const updateStanding = statement(
  'suppliers.updateStanding',
  `UPDATE supplier SET standing = $3, standing_reason = $4, standing_at = $5, version = version + 1,
     status = CASE WHEN $3::text = 'CLOSED' THEN 'CLOSED'::party_status ELSE 'ACTIVE'::party_status END
   WHERE network_id = $1 AND id = $2`,
);

/** Writes what a supplier is in law. */
export const updateCompany = statement(
  'suppliers.updateCompany',
  `UPDATE supplier SET legal_name = $3, legal_representative = $4, registration_number = $5, tax_id = $6, address = $7, version = version + 1
   WHERE network_id = $1 AND id = $2`,
);

/**
 * What of a supplier is not settled: money on its accounts, purchases under way, consigned card keys on the shelf. Indexes:
 * account_holder_key, purchase_attempt_network_id_supplier_id_id_idx, card_key_network_id_lot_id_idx; lots are read through.
 */
export const openBusiness = statement<{ has_money: boolean; has_attempts: boolean; has_stock: boolean }>(
  'suppliers.openBusiness',
  `SELECT EXISTS (SELECT FROM account a WHERE a.network_id = $1 AND a.station_id IS NULL AND a.supplier_id = $2 AND a.balance <> 0) AS has_money,
     EXISTS (SELECT FROM purchase_attempt a WHERE a.network_id = $1 AND a.supplier_id = $2 AND a.state IN ('PLANNED', 'SENT', 'UNKNOWN')) AS has_attempts,
     EXISTS (SELECT FROM lot l JOIN card_key k ON k.network_id = $1 AND k.lot_id = l.id AND k.state = 'AVAILABLE'
       WHERE l.network_id = $1 AND l.supplier_id = $2 AND l.terms = 'CONSIGNMENT') AS has_stock`,
);

// ---- contacts ----

/** A contact of a supplier. */
export type ContactRow = { id: string; supplier_id: string; version: number; archived_at: Date | null } & Contact;

const CONTACT = 'c.id, c.supplier_id, c.name, c.role, c.phone, c.email, c.version, c.archived_at';

/** Contacts of suppliers, eldest first; those that were removed are not among them. Index: supplier_contact_network_id_supplier_id_id_idx. */
export const contactsOf = statement<ContactRow>(
  'suppliers.contactsOf',
  `SELECT ${CONTACT} FROM supplier_contact c
   WHERE c.network_id = $1 AND c.supplier_id = ANY ($2::uuid[]) AND c.archived_at IS NULL ORDER BY c.id`,
);

/** Contacts by id, removed ones too. Index: primary key. */
export const contactsById = statement<ContactRow>(
  'suppliers.contactsById',
  `SELECT ${CONTACT} FROM supplier_contact c WHERE c.network_id = $1 AND c.id = ANY ($2::uuid[])`,
);

/** A new contact. */
export const insertContact = statement(
  'suppliers.insertContact',
  `INSERT INTO supplier_contact (network_id, id, supplier_id, name, role, phone, email, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** A contact that was changed, or ($7) removed; under its supplier's lock. */
export const updateContact = statement(
  'suppliers.updateContact',
  `UPDATE supplier_contact SET name = $3, role = $4, phone = $5, email = $6, archived_at = $7, version = version + 1
   WHERE network_id = $1 AND id = $2`,
);

// ---- documents ----

/** A document without its file's bytes. Days are texts. */
export type DocumentRow = {
  id: string;
  supplier_id: string;
  type: DocumentType;
  number: string;
  issued_on: string | null;
  expires_on: string | null;
  category_ids: string[];
  brands: string[];
  is_required: boolean;
  state: DocumentState;
  review_reason: string;
  reviewed_at: Date | null;
  replaces_id: string | null;
  file_name: string | null;
  file_type: string | null;
  file_bytes: number | null;
  version: number;
  created_at: Date;
};

const DOCUMENT = `d.id, d.supplier_id, d.type, d.number, d.issued_on, d.expires_on, d.category_ids, d.brands, d.is_required, d.state, d.review_reason,
  d.reviewed_at, d.replaces_id, d.file_name, d.file_type, d.file_bytes, d.version, d.created_at`;

/** Documents of suppliers that wait, hold or were rejected, newest first. Index: supplier_document_network_id_supplier_id_id_idx. */
export const documentsOf = statement<DocumentRow>(
  'suppliers.documentsOf',
  `SELECT ${DOCUMENT} FROM supplier_document d
   WHERE d.network_id = $1 AND d.supplier_id = ANY ($2::uuid[]) AND d.state IN ('PENDING', 'APPROVED', 'REJECTED') ORDER BY d.id DESC`,
);

/** Documents by id, of any supplier ($3 null) or of one. Index: primary key. */
export const documentsById = statement<DocumentRow>(
  'suppliers.documentsById',
  `SELECT ${DOCUMENT} FROM supplier_document d
   WHERE d.network_id = $1 AND d.id = ANY ($2::uuid[]) AND ($3::uuid IS NULL OR d.supplier_id = $3)`,
);

// Oldest first: a queue. $2: one supplier or all; $3: one state or all. The pending ones by supplier_document_pending_idx, one
// supplier's by supplier_document_network_id_supplier_id_id_idx, all by the primary key.
const documentPage = (name: string, beyond: string, order: string): Statement<DocumentRow> =>
  statement(
    name,
    `SELECT ${DOCUMENT} FROM supplier_document d
     WHERE d.network_id = $1 AND ($2::uuid IS NULL OR d.supplier_id = $2) AND ($3::text IS NULL OR d.state = $3) AND d.id ${beyond} $4
     ORDER BY d.id ${order} LIMIT $5`,
  );
const documentsAfter = documentPage('suppliers.documentsAfter', '>', 'ASC');
const documentsBefore = documentPage('suppliers.documentsBefore', '<', 'DESC');

/** Which documents a list holds; null does not ask. */
export type DocumentCut = { readonly networkId: string; readonly supplierId: string | null; readonly state: DocumentState | null };

/** Documents, eldest first when FORWARD. */
export function selectDocuments(
  db: Queryable,
  { networkId, supplierId, state }: DocumentCut,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<DocumentRow[]> {
  const isForward = page.direction === 'FORWARD';
  const end = isForward ? '00000000-0000-0000-0000-000000000000' : 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  return run(db, isForward ? documentsAfter : documentsBefore, [networkId, supplierId, state, page.from ?? end, page.limit]);
}

/** How many documents that list has. */
export const documentCount = statement<{ count: number }>(
  'suppliers.documentCount',
  `SELECT count(*)::int AS count FROM supplier_document d
   WHERE d.network_id = $1 AND ($2::uuid IS NULL OR d.supplier_id = $2) AND ($3::text IS NULL OR d.state = $3)`,
);

const insertDocumentRow = statement(
  'suppliers.insertDocument',
  `INSERT INTO supplier_document (network_id, id, supplier_id, type, number, issued_on, expires_on, covers_all, category_ids, brands, is_required,
     replaces_id, created_by, created_at, updated_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::uuid[], $10::text[], $11, $12, $13, $14, $14)`,
);

/** A document to be. */
export type NewDocument = {
  readonly id: string;
  readonly supplierId: string;
  readonly facts: DocumentFacts;
  readonly isRequired: boolean;
  readonly replacesId: string | null;
  readonly actorId: string;
};

/** Writes a document that waits for its review. */
export async function insertDocument(tx: Transaction, networkId: string, document: NewDocument): Promise<void> {
  const { id, supplierId, facts, isRequired, replacesId, actorId } = document;
  await run(tx, insertDocumentRow, [networkId, id, supplierId, ...factColumns(facts), isRequired, replacesId, actorId, tx.now]);
}

const updateDocumentFacts = statement(
  'suppliers.updateDocument',
  `UPDATE supplier_document SET type = $3, number = $4, issued_on = $5, expires_on = $6, covers_all = $7, category_ids = $8::uuid[],
     brands = $9::text[], state = 'PENDING', review_reason = '', reviewed_by = NULL, reviewed_at = NULL, version = version + 1, updated_at = $10
   WHERE network_id = $1 AND id = $2 AND state IN ('PENDING', 'REJECTED')`,
);

/** Writes other facts into a document that nobody has approved; it waits again. Under its supplier's lock. */
export async function updateDocument(tx: Transaction, networkId: string, id: string, facts: DocumentFacts): Promise<void> {
  await run(tx, updateDocumentFacts, [networkId, id, ...factColumns(facts), tx.now]);
}

function factColumns(facts: DocumentFacts): unknown[] {
  const { type, number, issuedOn, expiresOn, categoryIds, brands } = facts;
  return [type, number, issuedOn, expiresOn, categoryIds.length + brands.length === 0, [...categoryIds], [...brands]];
}

/** Ends the review of a document, or withdraws it: one that never held has no file any more. Under its supplier's lock. */
export const settleDocument = statement(
  'suppliers.settleDocument',
  `UPDATE supplier_document SET state = $3, review_reason = $4, reviewed_by = $5, reviewed_at = $6, is_required = coalesce($7, is_required),
     file_name = CASE WHEN $3::text = 'WITHDRAWN' AND state <> 'APPROVED' THEN NULL ELSE file_name END,
     file_type = CASE WHEN $3::text = 'WITHDRAWN' AND state <> 'APPROVED' THEN NULL ELSE file_type END,
     file_bytes = CASE WHEN $3::text = 'WITHDRAWN' AND state <> 'APPROVED' THEN NULL ELSE file_bytes END,
     version = version + 1, updated_at = $6
   WHERE network_id = $1 AND id = $2`,
);

/** What was approved gives way to what replaces it; one that was withdrawn meanwhile stays so. Under its supplier's lock. */
export const supersedeDocument = statement(
  'suppliers.supersedeDocument',
  `UPDATE supplier_document SET state = 'SUPERSEDED', version = version + 1, updated_at = $3
   WHERE network_id = $1 AND id = $2 AND state = 'APPROVED'`,
);

/** A category by its name. */
export type CategoryName = { id: string; name: string };

/** Names of categories. Index: primary key. */
export const categoriesNamed = statement<CategoryName>(
  'suppliers.categoriesNamed',
  'SELECT c.id, c.name FROM category c WHERE c.network_id = $1 AND c.id = ANY ($2::uuid[])',
);

/** The categories that a document may name, headquarters' own or ($2) all, as the shelf has them: a network has few. */
export const categoriesToName = statement<CategoryName>(
  'suppliers.categoriesToName',
  `SELECT c.id, c.name FROM category c JOIN station s ON s.network_id = $1 AND s.id = c.owner_id
   WHERE c.network_id = $1 AND ($2 OR s.kind = 'HEADQUARTERS') ORDER BY cardinality(c.path), c.position, c.name, c.id LIMIT 1000`,
);

// ---- files ----

/** A sealed file. */
export type FileRow = { sealed: Buffer; data_key: Buffer; vault_key_id: string; file_name: string; file_type: string };

/** The file of a document, of any supplier ($3 null) or of one. The only statement that reads its bytes. Index: primary keys. */
export const selectFile = statement<FileRow>(
  'suppliers.selectFile',
  `SELECT f.sealed, f.data_key, f.vault_key_id, d.file_name, d.file_type
   FROM supplier_document d JOIN supplier_document_file f ON f.network_id = $1 AND f.document_id = d.id
   WHERE d.network_id = $1 AND d.id = $2 AND ($3::uuid IS NULL OR d.supplier_id = $3) AND d.file_name IS NOT NULL`,
);

/** The bytes of a document's file, in place of any that it had; under its supplier's lock. */
export const putFile = statement(
  'suppliers.putFile',
  `INSERT INTO supplier_document_file AS f (network_id, document_id, sealed, data_key, vault_key_id, created_by, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7)
   ON CONFLICT (network_id, document_id) DO UPDATE SET sealed = $3, data_key = $4, vault_key_id = $5, created_by = $6, created_at = $7`,
);

/** What a document says of its file; it waits for its review again. */
export const nameFile = statement(
  'suppliers.nameFile',
  `UPDATE supplier_document SET file_name = $3, file_type = $4, file_bytes = $5, state = 'PENDING', review_reason = '', reviewed_by = NULL,
     reviewed_at = NULL, version = version + 1, updated_at = $6
   WHERE network_id = $1 AND id = $2 AND state IN ('PENDING', 'REJECTED')`,
);

/** Takes away the bytes of a file that nobody approved. */
export const deleteFile = statement(
  'suppliers.deleteFile',
  `DELETE FROM supplier_document_file f USING supplier_document d
   WHERE f.network_id = $1 AND f.document_id = $2 AND d.network_id = $1 AND d.id = $2 AND d.state <> 'APPROVED'`,
);

// ---- what stands still ----

/** Why this slice freezes an offer; whatever else froze one is somebody else's to lift. */
export type FrozenReason = 'LICENCE_EXPIRED' | 'SUPPLIER_NOT_ACTIVE' | 'SUPPLIER_SUSPENDED' | 'SUPPLIER_CLOSED';

const OURS = `('LICENCE_EXPIRED', 'SUPPLIER_NOT_ACTIVE', 'SUPPLIER_SUSPENDED', 'SUPPLIER_CLOSED')`;

/** An offer that was frozen or released just now. */
export type MovedOffer = { id: string; owner_id: string; supplier_id: string; sku_id: string; frozen_reason: FrozenReason | null };

/**
 * Freezes and releases the offers of suppliers ($2), which are locked, as their standing and their licences on this day ($3) say.
 * Answers those that moved. Indexes: supply_offer_network_id_supplier_id_id_idx, supplier_document_network_id_supplier_id_id_idx;
 * SKU and product by primary key. Locks the rows that move.
 */
export const freezeOffers = statement<MovedOffer>(
  'suppliers.freezeOffers',
  `WITH wanted AS (
     SELECT o.id, CASE s.standing
         WHEN 'CLOSED' THEN 'SUPPLIER_CLOSED' WHEN 'SUSPENDED' THEN 'SUPPLIER_SUSPENDED'
         WHEN 'ACTIVE' THEN CASE WHEN EXISTS (
             SELECT FROM supplier_document d
             WHERE d.network_id = $1 AND d.supplier_id = o.supplier_id AND d.state = 'APPROVED' AND d.is_required AND d.expires_on < $3::date
               AND (d.covers_all OR d.category_ids && k.category_path OR p.brand = ANY (d.brands))
           ) THEN 'LICENCE_EXPIRED' END
         ELSE 'SUPPLIER_NOT_ACTIVE' END AS reason
     FROM supply_offer o
     JOIN supplier s ON s.network_id = $1 AND s.id = o.supplier_id
     JOIN sku k ON k.network_id = $1 AND k.id = o.sku_id
     JOIN product p ON p.network_id = $1 AND p.id = k.product_id
     WHERE o.network_id = $1 AND o.supplier_id = ANY ($2::uuid[]) AND o.archived_at IS NULL
   )
   UPDATE supply_offer o SET frozen_reason = w.reason, updated_at = $4 FROM wanted w
   WHERE o.network_id = $1 AND o.id = w.id AND o.frozen_reason IS DISTINCT FROM w.reason
     AND (o.frozen_reason IS NULL OR o.frozen_reason IN ${OURS})
   RETURNING o.id, o.owner_id, o.supplier_id, o.sku_id, o.frozen_reason`,
);

/** A licence that somebody may have to be told of, or of whom nobody has to be told any more. */
export type WatchedLicence = {
  id: string;
  supplier_id: string;
  supplier_name: string;
  type: DocumentType;
  expires_on: string | null;
  is_watched: boolean;
};

/** Documents of suppliers that were ever approved; watched are those that hold, of suppliers that are not closed. */
export const watchedLicences = statement<WatchedLicence>(
  'suppliers.watchedLicences',
  `SELECT d.id, d.supplier_id, s.name AS supplier_name, d.type, d.expires_on,
     d.state = 'APPROVED' AND d.expires_on IS NOT NULL AND s.standing <> 'CLOSED' AS is_watched
   FROM supplier_document d JOIN supplier s ON s.network_id = $1 AND s.id = d.supplier_id
   WHERE d.network_id = $1 AND d.supplier_id = ANY ($2::uuid[]) AND d.state IN ('APPROVED', 'SUPERSEDED', 'WITHDRAWN') ORDER BY d.id`,
);

/** Networks whose licences were not looked at on the day that it is there now ($1 is the instant), with their suppliers and headquarters. */
export const networksToCheck = statement<{ network_id: string }>(
  'suppliers.networksToCheck',
  `SELECT n.id AS network_id FROM network n LEFT JOIN licence_check c ON c.network_id = n.id
   WHERE c.checked_on IS DISTINCT FROM ($1::timestamptz AT TIME ZONE n.time_zone)::date
     AND EXISTS (SELECT FROM supplier s WHERE s.network_id = n.id)`,
);

/** Notes the day on which a network's licences were looked at. */
export const noteCheck = statement(
  'suppliers.noteCheck',
  `INSERT INTO licence_check AS c (network_id, checked_on, checked_at) VALUES ($1, $2, $3)
   ON CONFLICT (network_id) DO UPDATE SET checked_on = $2, checked_at = $3`,
);

/** The station that hears of licences. Index: station_one_hq_key. */
export const headquartersOf = statement<{ id: string }>(
  'suppliers.headquartersOf',
  `SELECT s.id FROM station s WHERE s.network_id = $1 AND s.kind = 'HEADQUARTERS'`,
);

// ---- money ----

/** What an account of a supplier holds. */
export const supplierAccounts = statement<{ supplier_id: string; kind: string; balance: string }>(
  'suppliers.accounts',
  `SELECT a.supplier_id, a.kind::text, a.balance FROM account a
   WHERE a.network_id = $1 AND a.station_id IS NULL AND a.supplier_id = ANY ($2::uuid[]) AND a.currency = $3`,
);

/** What falls due for suppliers from today ($4) on, by day. */
export type DueRow = { supplier_id: string; due_on: string; amount: string };

/**
 * Sums what is pending by the day on which it falls due, today ($4) and later. What falls due from now on was posted at most the
 * network's N days ago ($5 is an id of then): a range of posting_network_id_account_id_id_idx, not the whole account.
 */
export const dueAmounts = statement<DueRow>(
  'suppliers.dueAmounts',
  `SELECT a.supplier_id, p.due_on, sum(p.amount) AS amount FROM account a
   JOIN posting p ON p.network_id = $1 AND p.account_id = a.id AND p.id >= $5::uuid AND p.due_on >= $4::date
   WHERE a.network_id = $1 AND a.station_id IS NULL AND a.supplier_id = ANY ($2::uuid[]) AND a.kind = 'PAYABLE_PENDING' AND a.currency = $3
   GROUP BY a.supplier_id, p.due_on HAVING sum(p.amount) <> 0 ORDER BY a.supplier_id, p.due_on`,
);

/** N of T+N. */
export const settlementDays = statement<{ settlement_days: number }>(
  'suppliers.settlementDays',
  'SELECT n.settlement_days FROM network n WHERE n.id = $1',
);

/** A movement on a supplier's account: what it belongs to, and nothing of who bought or for how much. */
export type EntryRow = {
  id: string;
  account_kind: string;
  reason: string;
  amount: string;
  currency: string;
  due_on: string | null;
  order_id: string | null;
  attempt_ref: string | null;
  note: string;
  created_at: Date;
};

// A note of a refund or an order is between others: only those of deposits are the supplier's to read. The attempt is the one that
// filled the order: its key is what the supplier knows the purchase by (purchase_attempt_network_id_order_id_idx).
const ENTRY = `p.id, a.kind::text AS account_kind, p.reason::text, p.amount, p.currency, p.due_on, t.order_id,
  (SELECT b.request_key FROM purchase_attempt b WHERE b.network_id = $1 AND b.order_id = t.order_id AND b.supplier_id = a.supplier_id
     AND b.state = 'SUCCEEDED' ORDER BY b.id LIMIT 1) AS attempt_ref,
  CASE WHEN t.kind = 'DEPOSIT' THEN t.note ELSE '' END AS note, p.created_at`;

// Indexes: account_holder_key, then for each of its three accounts a range of posting_network_id_account_id_id_idx; the ranges are merged.
const entriesOlder = entryPage('suppliers.entriesOlder', '<', 'DESC');
const entriesNewer = entryPage('suppliers.entriesNewer', '>', 'ASC');
function entryPage(name: string, beyond: string, order: string): Statement<EntryRow> {
  return statement(
    name,
    `SELECT ${ENTRY} FROM account a
     CROSS JOIN LATERAL (SELECT p.* FROM posting p WHERE p.network_id = $1 AND p.account_id = a.id AND p.id ${beyond} $4
       ORDER BY p.id ${order} LIMIT $5) p
     JOIN transfer t ON t.network_id = $1 AND t.id = p.transfer_id
     WHERE a.network_id = $1 AND a.station_id IS NULL AND a.supplier_id = $2 AND a.kind = ANY ($3::account_kind[])
     ORDER BY p.id ${order} LIMIT $5`,
  );
}

/** Whose statement, and which accounts of it. */
export type EntryCut = { readonly networkId: string; readonly supplierId: string; readonly kinds: readonly string[] };

/** A page of a supplier's statement, newest first when FORWARD. */
export function selectEntries(
  db: Queryable,
  { networkId, supplierId, kinds }: EntryCut,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<EntryRow[]> {
  const isForward = page.direction === 'FORWARD';
  const end = isForward ? 'ffffffff-ffff-ffff-ffff-ffffffffffff' : '00000000-0000-0000-0000-000000000000';
  return run(db, isForward ? entriesOlder : entriesNewer, [networkId, supplierId, kinds, page.from ?? end, page.limit]);
}

/** How many movements that statement has. */
export const entryCount = statement<{ count: number }>(
  'suppliers.entryCount',
  `SELECT count(*)::int AS count FROM account a JOIN posting p ON p.network_id = $1 AND p.account_id = a.id
   WHERE a.network_id = $1 AND a.station_id IS NULL AND a.supplier_id = $2 AND a.kind = ANY ($3::account_kind[])`,
);

// ---- people ----

/** Somebody who acts for a supplier. */
export type MemberRow = { id: string; supplier_id: string; name: string; email: string; role: string; created_at: Date };

/** People of suppliers, eldest first; those whose right has ended are not among them. Few beside all: membership_live_key by the network. */
export const membersOf = statement<MemberRow>(
  'suppliers.membersOf',
  `SELECT m.id, m.supplier_id, u.name, u.email, m.role::text, m.created_at FROM membership m JOIN users u ON u.id = m.user_id
   WHERE m.network_id = $1 AND m.supplier_id = ANY ($2::uuid[]) AND m.revoked_at IS NULL ORDER BY m.id`,
);
