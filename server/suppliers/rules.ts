import { isEmail } from '#server/accounts/rules.ts';
import type { AccountKind, Holder, InsufficientBalance, PostingDraft } from '#server/ledger/rules.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { compareMoney, isZero, type Money, negateMoney, subtractMoney, sumMoney } from '#server/platform/money.ts';

/** Why something is not done to a supplier or its papers. */
export type Refusal = NotFound | NotAllowed | InvalidInput;

// ---- standing ----

/** How a supplier stands with its network. Offers are used of an ACTIVE one only; CLOSED is the end, and signs in no more. */
export const supplierStandings = ['APPLIED', 'ACTIVE', 'REJECTED', 'SUSPENDED', 'CLOSED'] as const;

/** One of them. */
export type SupplierStanding = (typeof supplierStandings)[number];

const NEXT: Record<SupplierStanding, readonly SupplierStanding[]> = {
  APPLIED: ['ACTIVE', 'REJECTED', 'CLOSED'],
  ACTIVE: ['SUSPENDED', 'CLOSED'],
  REJECTED: ['APPLIED', 'CLOSED'],
  SUSPENDED: ['ACTIVE', 'CLOSED'],
  CLOSED: [],
};

/** Standings that somebody must say why of. */
const WITH_REASON: ReadonlySet<SupplierStanding> = new Set(['REJECTED', 'SUSPENDED', 'CLOSED']);

/** What is not settled of a supplier: money on its accounts, purchases under way, and consigned card keys that it would be owed for. */
export type OpenBusiness = { readonly hasMoney: boolean; readonly hasAttempts: boolean; readonly hasStock: boolean };

/**
 * Why a supplier may not come to stand like this, or null. Headquarters decides; a supplier itself may only apply again after it
 * was rejected. Closing waits until nothing of it is open (domain §2, as for stations).
 */
export function standingRefusal(
  from: SupplierStanding,
  to: { readonly standing: SupplierStanding; readonly reason: string },
  by: 'HEADQUARTERS' | 'SUPPLIER',
  open: OpenBusiness,
): NotAllowed | InvalidInput | null {
  if (by === 'SUPPLIER' && to.standing !== 'APPLIED') return notAllowed('Headquarters decides how a supplier stands.');
  if (!NEXT[from].includes(to.standing)) return notAllowed(`A supplier that is ${from} does not become ${to.standing}.`);
  if (WITH_REASON.has(to.standing) && to.reason.trim() === '') return invalid('reason', 'Say why: the supplier reads it.');
  const problem = reasonProblem(to.reason);
  if (problem) return problem;
  if (to.standing !== 'CLOSED') return null;
  if (open.hasAttempts) return notAllowed('Purchases of this supplier are under way: they are settled first.');
  if (open.hasStock) return notAllowed('Its consigned card keys are on the shelf: they are sold, or set aside, first.');
  return open.hasMoney ? notAllowed('Its deposit and payables are settled first.') : null;
}

// ---- company and contacts ----

/** What a supplier is in law; every field may be empty until it is known. */
export type Company = {
  readonly legalName: string;
  readonly legalRepresentative: string;
  readonly registrationNumber: string;
  readonly taxId: string;
  readonly address: string;
};

const REASON_MAX = 500;
const LINE_MAX = 200;
const ADDRESS_MAX = 500;

/** What is wrong with a company's fields, or null. */
export function companyProblem(company: Company): InvalidInput | null {
  for (const field of ['legalName', 'legalRepresentative', 'registrationNumber', 'taxId'] as const) {
    const problem = lineProblem(field, company[field], LINE_MAX);
    if (problem) return problem;
  }
  return lineProblem('address', company.address, ADDRESS_MAX);
}

/** Whom to call; `role` is free: sales, finance, technics. */
export type Contact = { readonly name: string; readonly role: string; readonly phone: string; readonly email: string };

/** Contacts that a supplier may have. */
export const CONTACTS_MAX = 50;

const PHONE = /^[+\d][\d\s()-]{2,30}$/;

/** What is wrong with a contact, or null. */
export function contactProblem(contact: Contact): InvalidInput | null {
  if (contact.name.trim() === '') return invalid('name', 'A contact has a name.');
  const tooLong = (['name', 'role', 'phone', 'email'] as const).map((field) => lineProblem(field, contact[field], LINE_MAX)).find(Boolean);
  if (tooLong) return tooLong;
  if (contact.phone !== '' && !PHONE.test(contact.phone)) return invalid('phone', 'This is no telephone number.');
  return contact.email === '' || isEmail(contact.email) ? null : invalid('email', 'This is not an e-mail address.');
}

function lineProblem(field: string, text: string, lengthMax: number): InvalidInput | null {
  if (text.length > lengthMax) return invalid(field, `At most ${lengthMax} characters.`);
  return /[^\P{Cc}\n]/u.test(text) ? invalid(field, 'Control characters are not written.') : null;
}

// ---- qualification documents ----

/** Kinds of documents that qualify a supplier. */
export const documentTypes = [
  'BUSINESS_LICENCE',
  'ICP_LICENCE',
  'EDI_LICENCE',
  'TRADEMARK_AUTHORISATION',
  'GAME_PUBLISHING_LICENCE',
  'AGENCY_CONTRACT',
  'OTHER',
] as const;

/** One of them. */
export type DocumentType = (typeof documentTypes)[number];

/** PENDING waits for headquarters; an APPROVED one never changes: it is SUPERSEDED by what replaces it. */
export type DocumentState = 'PENDING' | 'APPROVED' | 'REJECTED' | 'SUPERSEDED' | 'WITHDRAWN';

/** What a document says. Days are YYYY-MM-DD; `expiresOn` is the last day on which it is good, null is for ever. */
export type DocumentFacts = {
  readonly type: DocumentType;
  readonly number: string;
  readonly issuedOn: string | null;
  readonly expiresOn: string | null;
  /** which offers it is about: all of the supplier's when both lists are empty, else those in these categories (with all below) or of these brands */
  readonly categoryIds: readonly string[];
  readonly brands: readonly string[];
};

/** Documents that a supplier may have, withdrawn and superseded ones not counted. */
export const DOCUMENTS_MAX = 100;
const COVERS_MAX = 100;

/** What is wrong with a document's facts, or null. */
export function documentProblem(facts: DocumentFacts): InvalidInput | null {
  const problem = lineProblem('number', facts.number, LINE_MAX);
  if (problem) return problem;
  if (facts.type !== 'OTHER' && facts.number.trim() === '') return invalid('number', 'The document has a number.');
  for (const field of ['issuedOn', 'expiresOn'] as const) {
    const day = facts[field];
    if (day !== null && !isDay(day)) return invalid(field, 'A day is written 2026-12-31.');
  }
  if (facts.issuedOn !== null && facts.expiresOn !== null && facts.expiresOn < facts.issuedOn)
    return invalid('expiresOn', 'It expires before it was issued.');
  if (facts.categoryIds.length > COVERS_MAX) return invalid('categoryIds', `At most ${COVERS_MAX} categories.`);
  if (facts.brands.length > COVERS_MAX) return invalid('brands', `At most ${COVERS_MAX} brands.`);
  return facts.brands.some((brand) => brand.trim() === '' || brand.length > LINE_MAX) ? invalid('brands', 'A brand has a name.') : null;
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text);
}

/** What is wrong with a word that people say to what they do, or null; it may be empty. */
export function reasonProblem(reason: string): InvalidInput | null {
  return lineProblem('reason', reason, REASON_MAX);
}

/** A document as it is decided on. */
export type ReviewedDocument = { readonly state: DocumentState; readonly hasFile: boolean; readonly expiresOn: string | null };

/** Why headquarters cannot decide like this, or null: only what waits is decided, with a file, and nothing that expired is approved. */
export function reviewRefusal(
  document: ReviewedDocument,
  decision: { readonly approve: boolean; readonly reason: string },
  today: string,
): NotAllowed | InvalidInput | null {
  if (document.state !== 'PENDING') return notAllowed(`A document that is ${document.state} does not wait for a review.`);
  const problem = reasonProblem(decision.reason);
  if (problem) return problem;
  if (!decision.approve) return decision.reason.trim() === '' ? invalid('reason', 'Say why: the supplier reads it.') : null;
  if (!document.hasFile) return notAllowed('Its file is not there: without one nothing is approved.');
  return document.expiresOn !== null && document.expiresOn < today ? notAllowed('It has expired.') : null;
}

/** So many days before a licence expires somebody is told, once each. */
export const WARNING_DAYS = [30, 7, 1] as const;

/** How far a licence is from its end: the warning that holds, by its days; EXPIRED; null when there is nothing to say. */
export type ExpiryStage = (typeof WARNING_DAYS)[number] | 'EXPIRED' | null;

/** The stage of a document that is good for so many days after today (0: today is its last day). The narrowest warning holds. */
export function expiryStage(daysLeft: number): ExpiryStage {
  if (daysLeft < 0) return 'EXPIRED';
  return WARNING_DAYS.filter((days) => daysLeft <= days).at(-1) ?? null;
}

/** Whole days from one day (YYYY-MM-DD) to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

// ---- files ----

/** The largest file of a document, in bytes. */
export const FILE_BYTES_MAX = 5 * 1024 * 1024;

/** What a document's file may be. */
export type DocumentFileType = 'application/pdf' | 'image/png' | 'image/jpeg';

const MAGIC: readonly (readonly [type: DocumentFileType, beginning: readonly number[]])[] = [
  ['application/pdf', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
];

/** What a file is by its own first bytes, whatever its sender says; null for anything that is not taken. */
export function fileTypeOf(bytes: Uint8Array): DocumentFileType | null {
  return MAGIC.find(([, beginning]) => beginning.every((byte, index) => bytes[index] === byte))?.[0] ?? null;
}

const FILE_NAME_MAX = 120;
const ENDINGS: Record<DocumentFileType, RegExp> = { 'application/pdf': /\.pdf$/i, 'image/png': /\.png$/i, 'image/jpeg': /\.jpe?g$/i };
const ENDING: Record<DocumentFileType, string> = { 'application/pdf': '.pdf', 'image/png': '.png', 'image/jpeg': '.jpg' };

/** The name under which a file is kept: without folders and control characters, with the ending of what it really is. */
export function safeFileName(given: string, type: DocumentFileType): string {
  const plain = (given.split(/[\\/]/).at(-1) ?? '').replaceAll(/[\p{Cc}\p{Bidi_Control}"<>|:*?]/gu, '').trim();
  const stem = plain.replace(/^\.+/, '').slice(0, FILE_NAME_MAX) || 'document';
  return ENDINGS[type].test(stem) ? stem : `${stem}${ENDING[type]}`;
}

/** What a document's data key is bound to. */
export function documentContext(networkId: string, documentId: string): string[] {
  return [networkId, 'supplier_document', documentId];
}

// ---- deposit ----

/** What is done to a deposit. */
export const depositMoves = ['PAY_IN', 'DEDUCT', 'RETURN'] as const;

/** One of them. */
export type DepositMove = (typeof depositMoves)[number];

/** The other side of a move: the outside world for what comes in or goes back, headquarters' own wallet for what it keeps. */
export function depositCounterpart(move: DepositMove, headquartersId: string): { holder: Holder; accountKind: AccountKind } {
  return move === 'DEDUCT'
    ? { holder: { stationId: headquartersId }, accountKind: 'WALLET' }
    : { holder: { network: true }, accountKind: 'CASH' };
}

/** A deposit and what is to be done to it. */
export type DepositFacts = {
  readonly move: DepositMove;
  readonly supplierId: string;
  readonly headquartersId: string;
  readonly amount: Money;
  readonly balance: Money;
};

/**
 * Decides a move of a deposit (domain §5). Paid in: CASH → DEPOSIT. Returned: DEPOSIT → CASH. Deducted: DEPOSIT → headquarters'
 * WALLET, since that money is in the network's hands already and only changes whose it is: nothing meets the outside world.
 * The postings sum to zero; a deposit never falls below zero.
 */
export function decideDeposit(facts: DepositFacts): { readonly kind: 'ACCEPTED'; readonly postings: PostingDraft[] } | InsufficientBalance {
  const { move, amount, balance } = facts;
  if (isZero(amount)) throw new Error('a deposit moves by more than nothing');
  if (move !== 'PAY_IN' && compareMoney(balance, amount) < 0) return { kind: 'INSUFFICIENT_BALANCE', required: amount, available: balance };
  const toDeposit = move === 'PAY_IN' ? amount : negateMoney(amount);
  const deposit = { holder: { supplierId: facts.supplierId }, accountKind: 'DEPOSIT', amount: toDeposit, reason: 'DEPOSIT' } as const;
  const other = { ...depositCounterpart(move, facts.headquartersId), amount: negateMoney(toDeposit), reason: 'DEPOSIT' } as const;
  return { kind: 'ACCEPTED', postings: [deposit, other] };
}

// ---- payables ----

/** Of what is pending, the part whose day has come: all but what falls due later. */
export function pastDue(pending: Money, upcoming: readonly Money[]): Money {
  return subtractMoney(pending, sumMoney(upcoming, pending.currency));
}

function notAllowed(message: string): NotAllowed {
  return { kind: 'NOT_ALLOWED', message };
}

function invalid(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message };
}
