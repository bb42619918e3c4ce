import { run, type Transaction } from '#server/platform/database.ts';
import type { Vault } from '#server/platform/vault.ts';
import {
  CONTACTS_MAX,
  type Company,
  type Contact,
  companyProblem,
  contactProblem,
  DOCUMENTS_MAX,
  type DocumentFacts,
  type DocumentFileType,
  documentContext,
  documentProblem,
  type Refusal,
  reasonProblem,
  reviewRefusal,
  type SupplierStanding,
  standingRefusal,
} from './rules.ts';
import {
  type ContactRow,
  categoriesNamed,
  contactsById,
  contactsOf,
  type DocumentRow,
  deleteFile,
  documentsById,
  documentsOf,
  freezeOffers,
  insertContact,
  insertDocument,
  insertSupplier,
  lockSuppliers,
  type MovedOffer,
  nameFile,
  openBusiness,
  putFile,
  type SupplierRecord,
  type SupplierRow,
  settleDocument,
  supersedeDocument,
  updateCompany,
  updateContact,
  updateDocument,
  updateStanding,
  type WatchedLicence,
  watchedLicences,
} from './sql.ts';

/** Makes a supplier of a network (domain §2): who delivers goods, and is owed their cost. Null when its code is taken. */
export async function openSupplier(
  tx: Transaction,
  networkId: string,
  supplier: { readonly supplierId: string; readonly name: string; readonly code: string; readonly standing: SupplierStanding },
): Promise<SupplierRow | null> {
  const { supplierId, name, code, standing } = supplier;
  const [row] = await run(tx, insertSupplier, [networkId, supplierId, name, code, tx.now, standing]);
  return row ?? null;
}

/** Who changes what of which supplier; that they may was decided before. */
export type SupplierActor = {
  readonly networkId: string;
  readonly supplierId: string;
  readonly by: 'HEADQUARTERS' | 'SUPPLIER';
  readonly actorId: string;
};

/** Somebody changed it first; `current` is what it is now. */
export type Stale<Row> = { readonly kind: 'STALE_VERSION'; readonly current: Row };

type Done = { readonly kind: 'DONE' };
type NotFound = Extract<Refusal, { kind: 'NOT_FOUND' }>;
type NotAllowed = Extract<Refusal, { kind: 'NOT_ALLOWED' }>;
type InvalidInput = Extract<Refusal, { kind: 'INVALID_INPUT' }>;

const DONE: Done = { kind: 'DONE' };
const NOT_FOUND: NotFound = { kind: 'NOT_FOUND' };

/** Changes how a supplier stands. Refusals: see `standingRefusal`. */
export async function changeStanding(
  tx: Transaction,
  actor: SupplierActor,
  change: { readonly expectedVersion: number; readonly standing: SupplierStanding; readonly reason: string },
): Promise<Done | Stale<SupplierRecord> | Refusal> {
  const { networkId, supplierId } = actor;
  const supplier = await lockedSupplier(tx, actor);
  if (!supplier) return NOT_FOUND;
  if (supplier.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current: supplier };
  const [open] = await run(tx, openBusiness, [networkId, supplierId]);
  const business = { hasMoney: open?.has_money ?? false, hasAttempts: open?.has_attempts ?? false, hasStock: open?.has_stock ?? false };
  const refusal = standingRefusal(supplier.standing, change, actor.by, business);
  if (refusal) return refusal;
  await run(tx, updateStanding, [networkId, supplierId, change.standing, change.reason, tx.now]);
  return DONE;
}

/** Writes what a supplier is in law. */
export async function saveCompany(
  tx: Transaction,
  actor: SupplierActor,
  change: { readonly expectedVersion: number; readonly company: Company },
): Promise<Done | Stale<SupplierRecord> | Refusal> {
  const problem = companyProblem(change.company);
  if (problem) return problem;
  const supplier = await lockedSupplier(tx, actor);
  if (!supplier) return NOT_FOUND;
  if (supplier.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current: supplier };
  const refusal = closedRefusal(supplier);
  if (refusal) return refusal;
  const { legalName, legalRepresentative, registrationNumber, taxId, address } = change.company;
  await run(tx, updateCompany, [actor.networkId, actor.supplierId, legalName, legalRepresentative, registrationNumber, taxId, address]);
  return DONE;
}

/** Writes a contact down: a new one, or ($contactId) other words of one that is there. Answers its id. */
export async function saveContact(
  tx: Transaction,
  actor: SupplierActor,
  change: { readonly contactId: string | null; readonly expectedVersion: number | null; readonly contact: Contact },
): Promise<{ readonly kind: 'SAVED'; readonly contactId: string } | Stale<ContactRow> | Refusal> {
  const problem = contactProblem(change.contact);
  if (problem) return problem;
  const { networkId, supplierId } = actor;
  const supplier = await lockedSupplier(tx, actor);
  if (!supplier) return NOT_FOUND;
  const refusal = closedRefusal(supplier);
  if (refusal) return refusal;
  const { name, role, phone, email } = change.contact;
  if (change.contactId === null) {
    const there = await run(tx, contactsOf, [networkId, [supplierId]]);
    if (there.length >= CONTACTS_MAX) return notAllowed(`A supplier has at most ${CONTACTS_MAX} contacts.`);
    const contactId = tx.newId();
    await run(tx, insertContact, [networkId, contactId, supplierId, name, role, phone, email, tx.now]);
    return { kind: 'SAVED', contactId };
  }
  const current = await contactOf(tx, actor, change.contactId);
  if (!current) return NOT_FOUND;
  if (current.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current };
  await run(tx, updateContact, [networkId, current.id, name, role, phone, email, null]);
  return { kind: 'SAVED', contactId: current.id };
}

/** Takes a contact off the list; what was there stays in the database. */
export async function removeContact(
  tx: Transaction,
  actor: SupplierActor,
  change: { readonly contactId: string; readonly expectedVersion: number },
): Promise<Done | Stale<ContactRow> | Refusal> {
  if (!(await lockedSupplier(tx, actor))) return NOT_FOUND;
  const current = await contactOf(tx, actor, change.contactId);
  if (!current) return NOT_FOUND;
  if (current.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current };
  const { name, role, phone, email } = current;
  await run(tx, updateContact, [actor.networkId, current.id, name, role, phone, email, tx.now]);
  return DONE;
}

/** A document that was written down or changed, by its id: a changed one that was approved is another row. */
export type DocumentSaved = { readonly kind: 'SAVED'; readonly documentId: string };

/** Writes a new document down, which waits for its review; `replacesId`: in place of an approved one. */
export async function submitDocument(tx: Transaction, actor: SupplierActor, facts: DocumentFacts): Promise<DocumentSaved | Refusal> {
  const problem = documentProblem(facts);
  if (problem) return problem;
  const supplier = await lockedSupplier(tx, actor);
  if (!supplier) return NOT_FOUND;
  return closedRefusal(supplier) ?? (await categoriesProblem(tx, actor, facts)) ?? writeDocument(tx, actor, facts, null);
}

/**
 * Changes a document, which then waits for its review: in place while nobody has approved it. An approved one stays in force and
 * untouched until the change of it, a document of its own, is approved too.
 */
export async function changeDocument(
  tx: Transaction,
  actor: SupplierActor,
  change: { readonly documentId: string; readonly expectedVersion: number; readonly facts: DocumentFacts },
): Promise<DocumentSaved | Stale<DocumentRow> | Refusal> {
  const problem = documentProblem(change.facts);
  if (problem) return problem;
  const found = await lockedDocument(tx, actor, change);
  if (found.kind !== 'FOUND') return found;
  const { document } = found;
  const wrong = await categoriesProblem(tx, actor, change.facts);
  if (wrong) return wrong;
  if (document.state === 'APPROVED') return changeApproved(tx, actor, document, change.facts);
  if (document.state !== 'PENDING' && document.state !== 'REJECTED') return ended(document);
  await updateDocument(tx, actor.networkId, document.id, change.facts);
  return { kind: 'SAVED', documentId: document.id };
}

async function changeApproved(
  tx: Transaction,
  actor: SupplierActor,
  document: DocumentRow,
  facts: DocumentFacts,
): Promise<DocumentSaved | Refusal> {
  const there = await run(tx, documentsOf, [actor.networkId, [actor.supplierId]]);
  if (there.some(({ replaces_id }) => replaces_id === document.id)) return notAllowed('A change of it waits already: change that one.');
  return writeDocument(tx, actor, facts, document);
}

async function writeDocument(
  tx: Transaction,
  { networkId, supplierId, actorId }: SupplierActor,
  facts: DocumentFacts,
  replaces: DocumentRow | null,
): Promise<DocumentSaved | Refusal> {
  const there = await run(tx, documentsOf, [networkId, [supplierId]]);
  if (there.length >= DOCUMENTS_MAX) return notAllowed(`A supplier has at most ${DOCUMENTS_MAX} documents.`);
  const id = tx.newId();
  const isRequired = replaces?.is_required ?? true;
  await insertDocument(tx, networkId, { id, supplierId, facts, isRequired, replacesId: replaces?.id ?? null, actorId });
  return { kind: 'SAVED', documentId: id };
}

/** Headquarters' word on a document that waits. `isRequired` null keeps whether its expiry freezes offers. */
export type Review = {
  readonly documentId: string;
  readonly expectedVersion: number;
  readonly approve: boolean;
  readonly isRequired: boolean | null;
  readonly reason: string;
};

/** Approves a document, by which what it replaces is superseded, or rejects it. `today` is the network's. Refusals: see `reviewRefusal`. */
export async function reviewDocument(
  tx: Transaction,
  actor: SupplierActor,
  review: Review,
  today: string,
): Promise<Done | Stale<DocumentRow> | Refusal> {
  const found = await lockedDocument(tx, actor, review);
  if (found.kind !== 'FOUND') return found;
  const { document } = found;
  const { networkId, actorId } = actor;
  const facts = { state: document.state, hasFile: document.file_name !== null, expiresOn: document.expires_on };
  const refusal = reviewRefusal(facts, review, today);
  if (refusal) return refusal;
  if (review.approve && document.replaces_id !== null) await run(tx, supersedeDocument, [networkId, document.replaces_id, tx.now]);
  const state = review.approve ? 'APPROVED' : 'REJECTED';
  await run(tx, settleDocument, [networkId, document.id, state, review.reason, actorId, tx.now, review.isRequired]);
  return DONE;
}

/**
 * Withdraws a document: its supplier one that does not hold, headquarters any. One that never held loses its file, which nobody
 * has to keep; what was approved is evidence.
 */
export async function withdrawDocument(
  tx: Transaction,
  actor: SupplierActor,
  change: { readonly documentId: string; readonly expectedVersion: number; readonly reason: string },
): Promise<Done | Stale<DocumentRow> | Refusal> {
  const problem = reasonProblem(change.reason);
  if (problem) return problem;
  const found = await lockedDocument(tx, actor, change);
  if (found.kind !== 'FOUND') return found;
  const { document } = found;
  if (!['PENDING', 'APPROVED', 'REJECTED'].includes(document.state)) return ended(document);
  if (document.state === 'APPROVED' && actor.by === 'SUPPLIER') return notAllowed('Headquarters approved it, and withdraws it.');
  const { networkId, actorId } = actor;
  await run(tx, deleteFile, [networkId, document.id]);
  await run(tx, settleDocument, [networkId, document.id, 'WITHDRAWN', change.reason, actorId, tx.now, null]);
  return DONE;
}

/** A file that was sealed for a document before the transaction. */
export type SealedFile = {
  readonly sealed: Buffer;
  readonly dataKey: Buffer;
  readonly vaultKeyId: string;
  readonly name: string;
  readonly type: DocumentFileType;
  readonly size: number;
};

/** Seals a file for the row of its document; under any other it does not open. */
export function sealFile(
  vault: Vault,
  place: { readonly networkId: string; readonly documentId: string },
  file: { readonly bytes: Uint8Array; readonly name: string; readonly type: DocumentFileType },
): SealedFile {
  const context = documentContext(place.networkId, place.documentId);
  const wrapped = vault.createDataKey(context);
  const sealed = vault.sealBytes(wrapped, context, context, file.bytes);
  return { sealed, ...wrapped, name: file.name, type: file.type, size: file.bytes.length };
}

/** Puts a file to a document that nobody has approved, in place of any that it had; the document waits for its review again. */
export async function attachFile(
  tx: Transaction,
  actor: SupplierActor,
  documentId: string,
  file: SealedFile,
): Promise<Done | NotFound | NotAllowed> {
  const { networkId, actorId } = actor;
  const supplier = await lockedSupplier(tx, actor);
  const [document] = await run(tx, documentsById, [networkId, [documentId], actor.supplierId]);
  if (!supplier || !document) return NOT_FOUND;
  const refusal = closedRefusal(supplier);
  if (refusal) return refusal;
  if (document.state === 'APPROVED') return notAllowed('It is approved: change the document, and put the file to the change.');
  if (document.state !== 'PENDING' && document.state !== 'REJECTED') return ended(document);
  await run(tx, putFile, [networkId, documentId, file.sealed, file.dataKey, file.vaultKeyId, actorId, tx.now]);
  await run(tx, nameFile, [networkId, documentId, file.name, file.type, file.size, tx.now]);
  return DONE;
}

/** What standing and licences came to for suppliers: offers that were frozen or released, and licences to tell of. */
export type Refreshed = { readonly moved: readonly MovedOffer[]; readonly licences: readonly WatchedLicence[] };

/**
 * Locks suppliers and brings their offers to what standing and licences say on this day of the network. Whatever changes either, and
 * whatever makes an offer, ends with it; running it again moves nothing. `licences` are for the alerts.
 */
export async function refreshOffers(tx: Transaction, networkId: string, supplierIds: readonly string[], today: string): Promise<Refreshed> {
  await run(tx, lockSuppliers, [networkId, supplierIds]);
  const moved = await run(tx, freezeOffers, [networkId, supplierIds, today, tx.now]);
  return { moved, licences: await run(tx, watchedLicences, [networkId, supplierIds]) };
}

type FoundDocument = { readonly kind: 'FOUND'; readonly document: DocumentRow };

async function lockedDocument(
  tx: Transaction,
  actor: SupplierActor,
  { documentId, expectedVersion }: { readonly documentId: string; readonly expectedVersion: number },
): Promise<FoundDocument | Stale<DocumentRow> | NotFound | NotAllowed> {
  const supplier = await lockedSupplier(tx, actor);
  const [document] = await run(tx, documentsById, [actor.networkId, [documentId], actor.supplierId]);
  if (!supplier || !document) return NOT_FOUND;
  if (document.version !== expectedVersion) return { kind: 'STALE_VERSION', current: document };
  return closedRefusal(supplier) ?? { kind: 'FOUND', document };
}

async function lockedSupplier(tx: Transaction, { networkId, supplierId }: SupplierActor): Promise<SupplierRecord | null> {
  const [supplier] = await run(tx, lockSuppliers, [networkId, [supplierId]]);
  return supplier ?? null;
}

async function contactOf(tx: Transaction, { networkId, supplierId }: SupplierActor, contactId: string): Promise<ContactRow | null> {
  const [contact] = await run(tx, contactsById, [networkId, [contactId]]);
  return contact?.supplier_id === supplierId && contact.archived_at === null ? contact : null;
}

async function categoriesProblem(
  tx: Transaction,
  { networkId }: SupplierActor,
  { categoryIds }: DocumentFacts,
): Promise<InvalidInput | null> {
  const asked = [...new Set(categoryIds)];
  if (asked.length === 0) return null;
  const known = await run(tx, categoriesNamed, [networkId, asked]);
  return known.length === asked.length ? null : { kind: 'INVALID_INPUT', field: 'categoryIds', message: 'There is no such category.' };
}

function closedRefusal({ standing }: SupplierRecord): NotAllowed | null {
  return standing === 'CLOSED' ? notAllowed('The supplier is closed.') : null;
}

function ended({ state }: DocumentRow): NotAllowed {
  return notAllowed(`A document that is ${state} does not change any more.`);
}

function notAllowed(message: string): NotAllowed {
  return { kind: 'NOT_ALLOWED', message };
}
