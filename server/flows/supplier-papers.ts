import { writeAudit } from '#server/accounts/commands.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import {
  changeDocument as changeDocumentRow,
  changeStanding,
  type Review,
  removeContact as removeContactRow,
  reviewDocument as reviewDocumentRow,
  type Stale,
  type SupplierActor,
  saveCompany as saveCompanyRow,
  saveContact as saveContactRow,
  submitDocument as submitDocumentRow,
  withdrawDocument as withdrawDocumentRow,
} from '#server/suppliers/commands.ts';
import type { Company, Contact, DocumentFacts, SupplierStanding } from '#server/suppliers/rules.ts';
import { type ContactRow, contactsById, type DocumentRow, documentsById, type SupplierRecord } from '#server/suppliers/sql.ts';
import { refreshSuppliers } from './licences.ts';
import { actorOn, headquartersId, headquartersOn } from './supplier-access.ts';

// What headquarters and a supplier do with the supplier's papers. Each is one transaction: lock, decide, write, audit, and whatever
// follows for its offers and alerts.

/** Why nothing was changed. */
export type PaperRefusal = NotFound | NotAllowed | InvalidInput;

/** The supplier was changed, or why not. */
export type SupplierOutcome = { readonly kind: 'SUPPLIER_CHANGED'; readonly supplierId: string } | Stale<SupplierRecord> | PaperRefusal;

/** Changes how a supplier stands; its offers are frozen or released with it. */
export function setStanding(
  db: Database,
  viewer: Viewer,
  input: {
    readonly supplierId: string;
    readonly expectedVersion: number;
    readonly standing: SupplierStanding;
    readonly reason: string;
  },
): Promise<SupplierOutcome> {
  const { supplierId, standing, reason } = input;
  return onSupplier(db, viewer, supplierId, async (tx, actor) => {
    const outcome = await changeStanding(tx, actor, input);
    if (outcome.kind !== 'DONE') return outcome;
    await noted(tx, viewer, actor, { action: 'supplier.standing_set', subjectId: supplierId, data: { standing, reason } });
    await refreshSuppliers(tx, actor.networkId, [supplierId]);
    return { kind: 'SUPPLIER_CHANGED', supplierId };
  });
}

/** Writes what a supplier is in law. */
export function setCompany(
  db: Database,
  viewer: Viewer,
  input: { readonly supplierId: string; readonly expectedVersion: number; readonly company: Company },
): Promise<SupplierOutcome> {
  const { supplierId } = input;
  return onSupplier(db, viewer, supplierId, async (tx, actor) => {
    const outcome = await saveCompanyRow(tx, actor, input);
    if (outcome.kind !== 'DONE') return outcome;
    await noted(tx, viewer, actor, { action: 'supplier.company_set', subjectId: supplierId, data: { ...input.company } });
    return { kind: 'SUPPLIER_CHANGED', supplierId };
  });
}

/** A contact was written down, or taken off the list (`contactId` is what it had). */
export type ContactOutcome = { readonly kind: 'CONTACT_SAVED'; readonly contactId: string } | Stale<ContactRow> | PaperRefusal;

/** Adds a contact of a supplier, or changes one. */
export function saveContact(
  db: Database,
  viewer: Viewer,
  input: {
    readonly supplierId: string;
    readonly contactId: string | null;
    readonly expectedVersion: number | null;
    readonly contact: Contact;
  },
): Promise<ContactOutcome> {
  return onSupplier(db, viewer, input.supplierId, async (tx, actor) => {
    const outcome = await saveContactRow(tx, actor, input);
    if (outcome.kind !== 'SAVED') return outcome;
    const { contactId } = outcome;
    await noted(tx, viewer, actor, { action: 'supplier_contact.saved', subjectId: contactId, data: { supplierId: actor.supplierId } });
    return { kind: 'CONTACT_SAVED', contactId };
  });
}

/** Takes a contact of a supplier off the list. */
export async function removeContact(
  db: Database,
  viewer: Viewer,
  input: { readonly contactId: string; readonly expectedVersion: number },
): Promise<ContactOutcome> {
  const { contactId } = input;
  const [contact] = isId(contactId) ? await run(db.pool, contactsById, [viewer.networkId, [contactId]]) : [];
  return onSupplier(db, viewer, contact?.supplier_id ?? '', async (tx, actor) => {
    const outcome = await removeContactRow(tx, actor, input);
    if (outcome.kind !== 'DONE') return outcome;
    await noted(tx, viewer, actor, { action: 'supplier_contact.removed', subjectId: contactId, data: { supplierId: actor.supplierId } });
    return { kind: 'CONTACT_SAVED', contactId };
  });
}

/** A document was written down, changed, reviewed or withdrawn, or why not. */
export type DocumentOutcome = { readonly kind: 'DOCUMENT_SAVED'; readonly documentId: string } | Stale<DocumentRow> | PaperRefusal;

/** Hands in a document, which waits for its review. Its file follows over HTTP. */
export function submitDocument(
  db: Database,
  viewer: Viewer,
  input: { readonly supplierId: string; readonly facts: DocumentFacts },
): Promise<DocumentOutcome> {
  return onSupplier(db, viewer, input.supplierId, async (tx, actor) => {
    const outcome = await submitDocumentRow(tx, actor, input.facts);
    if (outcome.kind !== 'SAVED') return outcome;
    return documentSaved(tx, viewer, actor, 'supplier_document.submitted', outcome.documentId);
  });
}

/** Changes a document: it waits for its review again, and what was approved stays in force until then. */
export function changeDocument(
  db: Database,
  viewer: Viewer,
  input: { readonly documentId: string; readonly expectedVersion: number; readonly facts: DocumentFacts },
): Promise<DocumentOutcome> {
  return onDocument(db, viewer, input.documentId, async (tx, actor) => {
    const outcome = await changeDocumentRow(tx, actor, input);
    if (outcome.kind !== 'SAVED') return outcome;
    return documentSaved(tx, viewer, actor, 'supplier_document.changed', outcome.documentId);
  });
}

/** Withdraws a document; when it was in force, what it froze is released, since nobody asks for it any more. */
export function withdrawDocument(
  db: Database,
  viewer: Viewer,
  input: { readonly documentId: string; readonly expectedVersion: number; readonly reason: string },
): Promise<DocumentOutcome> {
  return onDocument(db, viewer, input.documentId, async (tx, actor) => {
    const outcome = await withdrawDocumentRow(tx, actor, input);
    if (outcome.kind !== 'DONE') return outcome;
    return documentSaved(tx, viewer, actor, 'supplier_document.withdrawn', input.documentId, { reason: input.reason });
  });
}

/** Headquarters approves or rejects a document that waits; the offers that follow from it are released or stay frozen. */
export async function reviewDocument(db: Database, viewer: Viewer, review: Review): Promise<DocumentOutcome> {
  const supplierId = await supplierOf(db, viewer, review.documentId);
  const found = await headquartersOn(db.pool, viewer, 'SUPPLIERS_MANAGE', supplierId);
  if (found.kind !== 'ACTOR') return found;
  const { actor } = found;
  return inTransaction(db, async (tx): Promise<DocumentOutcome> => {
    const { timeZone } = await selectNetwork(tx, actor.networkId);
    const outcome = await reviewDocumentRow(tx, actor, review, localDate(tx.now, timeZone));
    if (outcome.kind !== 'DONE') return outcome;
    const { approve, isRequired, reason } = review;
    return documentSaved(tx, viewer, actor, 'supplier_document.reviewed', review.documentId, { approve, isRequired, reason });
  });
}

async function documentSaved(
  tx: Transaction,
  viewer: Viewer,
  actor: SupplierActor,
  action: string,
  documentId: string,
  data: Readonly<Record<string, unknown>> = {},
): Promise<DocumentOutcome> {
  await noted(tx, viewer, actor, { action, subjectId: documentId, data: { supplierId: actor.supplierId, ...data } });
  await refreshSuppliers(tx, actor.networkId, [actor.supplierId]);
  return { kind: 'DOCUMENT_SAVED', documentId };
}

async function noted(
  tx: Transaction,
  viewer: Viewer,
  { networkId, supplierId }: SupplierActor,
  audited: { readonly action: string; readonly subjectId: string; readonly data: Readonly<Record<string, unknown>> },
): Promise<void> {
  await writeAudit(tx, viewer, audited);
  const audience = [await headquartersId(tx, networkId), supplierId];
  await writeEvents(tx, [{ networkId, topic: 'supplier.changed', subjectId: supplierId, audience }]);
}

async function onSupplier<Outcome>(
  db: Database,
  viewer: Viewer,
  supplierId: string,
  work: (tx: Transaction, actor: SupplierActor) => Promise<Outcome>,
): Promise<Outcome | NotFound | NotAllowed> {
  const found = await actorOn(db.pool, viewer, 'SUPPLIERS_MANAGE', supplierId);
  return found.kind === 'ACTOR' ? inTransaction(db, (tx) => work(tx, found.actor)) : found;
}

async function onDocument(
  db: Database,
  viewer: Viewer,
  documentId: string,
  work: (tx: Transaction, actor: SupplierActor) => Promise<DocumentOutcome>,
): Promise<DocumentOutcome> {
  return onSupplier(db, viewer, await supplierOf(db, viewer, documentId), work);
}

/** Whose document it is; no supplier's for one that is not there. */
async function supplierOf(db: Database, { networkId }: Viewer, documentId: string): Promise<string> {
  const [document] = isId(documentId) ? await run(db.pool, documentsById, [networkId, [documentId], null]) : [];
  return document?.supplier_id ?? '';
}
