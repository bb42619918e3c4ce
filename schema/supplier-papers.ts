import { localDate } from '#server/platform/clock.ts';
import {
  type CategoryName,
  type ContactRow,
  categoryNames,
  contactsByIds,
  type DocumentRow,
  documentsByIds,
  documentsCount,
  documentsPage,
  type MemberRow,
  type SupplierRecord,
  supplierContacts,
  supplierDocuments,
  supplierMembers,
  supplierRecords,
  visibleCategories,
} from '#server/suppliers/reads.ts';
import { daysBetween } from '#server/suppliers/rules.ts';
import { networkTime } from './acting.ts';
import { AlertType } from './alert.ts';
import { builder } from './builder.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { RoleEnum } from './enums.ts';
import { globalId, optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { nodeType } from './node.ts';
import { loadSupplier, lookingInto, SupplierType, supplierReader } from './supplier.ts';

// What headquarters and the supplier itself see of a supplier: how it stands, its company, contacts, documents and people.

/** How a supplier stands. */
export const SupplierStandingEnum = builder.enumType('SupplierStanding', {
  description: 'How a supplier stands with its network.',
  values: {
    APPLIED: { description: 'Waits for headquarters; its offers are not used.' },
    ACTIVE: { description: 'Trades.' },
    REJECTED: { description: 'Was not taken in; it may apply again.' },
    SUSPENDED: { description: 'Its offers are frozen until headquarters lifts that.' },
    CLOSED: { description: 'Ended, with its money settled; it signs in no more.' },
  } as const,
});

/** Kind of a document. */
export const SupplierDocumentTypeEnum = builder.enumType('SupplierDocumentType', {
  description: 'What a document of a supplier is.',
  values: {
    BUSINESS_LICENCE: { description: 'Its licence to trade.' },
    ICP_LICENCE: { description: 'Its licence for internet content.' },
    EDI_LICENCE: { description: 'Its licence for electronic data interchange.' },
    TRADEMARK_AUTHORISATION: { description: "The right to sell under somebody's trademark." },
    GAME_PUBLISHING_LICENCE: { description: 'The publishing number of a game.' },
    AGENCY_CONTRACT: { description: 'The contract that makes it an agent.' },
    OTHER: { description: 'Anything else.' },
  } as const,
});

/** State of a document. */
export const SupplierDocumentStateEnum = builder.enumType('SupplierDocumentState', {
  description: 'How far a document of a supplier is.',
  values: {
    PENDING: { description: 'Waits for headquarters.' },
    APPROVED: { description: 'Holds, until it expires.' },
    REJECTED: { description: 'Was refused; changed, it waits again.' },
    SUPERSEDED: { description: 'Gave way to one that replaced it.' },
    WITHDRAWN: { description: 'Was taken back.' },
  } as const,
});

const papers = lookingInto('SUPPLY_READ');
const people = lookingInto('MEMBERS_MANAGE');
const reading = { party: 'ANY', permission: 'SUPPLY_READ' } as const;

const recordOf = batched<string, SupplierRecord>(async (context, ids) =>
  supplierRecords(context.db.pool, await supplierReader(context), ids),
);
const contactsOf = batched<string, readonly ContactRow[]>(async (context, ids) =>
  supplierContacts(context.db.pool, await supplierReader(context), ids),
);
const documentsOf = batched<string, readonly DocumentRow[]>(async (context, ids) =>
  supplierDocuments(context.db.pool, await supplierReader(context), ids),
);
const membersOf = batched<string, readonly MemberRow[]>(async (context, ids) =>
  supplierMembers(context.db.pool, await supplierReader(context), ids),
);
const categoryOf = batched<string, CategoryName>(async (context, ids) =>
  categoryNames(context.db.pool, await supplierReader(context), ids),
);

const CompanyType = builder.objectRef<SupplierRecord>('SupplierCompany').implement({
  description: 'What a supplier is in law; a field that is not known is empty.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    legalName: t.string({ description: 'The name of the company.', resolve: (row) => row.legal_name }),
    legalRepresentative: t.string({ description: 'Who represents it.', resolve: (row) => row.legal_representative }),
    registrationNumber: t.string({ description: 'Its number in the register.', resolve: (row) => row.registration_number }),
    taxId: t.string({ description: 'Its tax number.', resolve: (row) => row.tax_id }),
    address: t.string({ description: 'Where it sits.', resolve: ({ address }) => address }),
  }),
});

const Contact = nodeType<ContactRow>('SupplierContact', {
  description: 'Whom to call at a supplier.',
  access: reading,
  load: (context, id) => loadContact(context, id),
});

/** The contact type of the contract. */
export const SupplierContactType = Contact.ref;

/** A contact of a supplier that the viewer may look into, by id; batched. */
export const loadContact = batched<string, ContactRow>(async (context, ids) =>
  contactsByIds(context.db.pool, await supplierReader(context), ids),
);

Contact.fields((t) => ({
  name: t.exposeString('name', { description: 'Who.' }),
  role: t.exposeString('role', { description: 'What they do there.' }),
  phone: t.exposeString('phone', { description: 'Their telephone; empty for none.' }),
  email: t.exposeString('email', { description: 'Their e-mail; empty for none.' }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
}));

const CategoryType = builder.objectRef<CategoryName>('SupplierCategory').implement({
  description: 'A category that a document can be about, by its name.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    categoryId: t.id({ description: 'The category.', resolve: ({ id }) => globalId('Category', id) }),
    name: t.exposeString('name', { description: 'What people call it.' }),
  }),
});

builder.queryField('supplierCategories', (t) =>
  t.field({
    type: [CategoryType],
    access: { party: 'ANY', permission: 'SUPPLIERS_MANAGE' },
    description: 'The categories that a document can be about.',
    resolve: async (_, __, context) => visibleCategories(context.db.pool, await supplierReader(context)),
  }),
);

const FileType = builder.objectRef<DocumentRow>('SupplierFile').implement({
  description: "A document's file. Its bytes are put and got over HTTP at its path.",
  access: 'WITH_PARENT',
  fields: (t) => ({
    name: t.string({ description: 'What it is called.', resolve: (row) => row.file_name ?? '' }),
    type: t.string({ description: 'application/pdf, image/png or image/jpeg.', resolve: (row) => row.file_type ?? '' }),
    byteCount: t.int({ description: 'How long it is.', resolve: (row) => row.file_bytes ?? 0 }),
  }),
});

const Document = nodeType<DocumentRow>('SupplierDocument', {
  description: 'Something that qualifies a supplier, looked at by headquarters; shown to both and nobody else.',
  access: reading,
  load: (context, id) => loadDocument(context, id),
});

/** The document type of the contract. */
export const SupplierDocumentType = Document.ref;

/** A document of a supplier that the viewer may look into, by id; batched. */
export const loadDocument = batched<string, DocumentRow>(async (context, ids) =>
  documentsByIds(context.db.pool, await supplierReader(context), ids),
);

Document.fields((t) => ({
  supplier: t.field({
    type: SupplierType,
    nullable: true,
    description: 'Whose.',
    resolve: (row, _, context) => loadSupplier(context, row.supplier_id),
  }),
  type: t.field({ type: SupplierDocumentTypeEnum, description: 'What it is.', resolve: ({ type }) => type }),
  number: t.exposeString('number', { description: 'Its own number.' }),
  issuedOn: t.field({ type: 'Date', nullable: true, description: 'When it was issued.', resolve: (row) => row.issued_on }),
  expiresOn: t.field({
    type: 'Date',
    nullable: true,
    description: 'The last day on which it is good; null for ever.',
    resolve: (row) => row.expires_on,
  }),
  daysLeft: t.int({
    nullable: true,
    description: 'Of one that holds: days until its last day, below zero when it has expired; null when it does not expire.',
    resolve: async (row, _, context) =>
      row.state === 'APPROVED' && row.expires_on !== null ? daysBetween(await today(context), row.expires_on) : null,
  }),
  coversAll: t.boolean({
    description: 'Whether it is about every offer of the supplier, rather than those in its categories or of its brands.',
    resolve: ({ category_ids, brands }) => category_ids.length + brands.length === 0,
  }),
  categories: t.field({
    type: [CategoryType],
    description: 'The categories, with all below them, whose offers it is about.',
    resolve: async (row, _, context) =>
      (await Promise.all(row.category_ids.map((id) => categoryOf(context, id)))).filter((category) => category !== null),
  }),
  brands: t.exposeStringList('brands', { description: 'The brands whose offers it is about.' }),
  isRequired: t.boolean({
    description: 'Whether the offers that it is about are frozen when it expires.',
    resolve: (row) => row.is_required,
  }),
  state: t.field({ type: SupplierDocumentStateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  reviewReason: t.string({ description: 'Why it was decided like that; empty for no word.', resolve: (row) => row.review_reason }),
  reviewedAt: t.field({ type: 'DateTime', nullable: true, description: 'When it was decided.', resolve: (row) => row.reviewed_at }),
  replaces: t.field({
    type: Document.ref,
    nullable: true,
    description: 'What it takes the place of once it is approved.',
    resolve: (row, _, context) => (row.replaces_id === null ? null : loadDocument(context, row.replaces_id)),
  }),
  file: t.field({
    type: FileType,
    nullable: true,
    description: 'Its file; null until it was put.',
    resolve: (row) => (row.file_name === null ? null : row),
  }),
  filePath: t.string({ description: 'Where its file is put (PUT) and got (GET).', resolve: ({ id }) => documentFilePath(id) }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was handed in.', resolve: (row) => row.created_at }),
}));

/** Where the file of a document is put and got. */
export function documentFilePath(documentId: string): string {
  return `/files/supplier-documents/${globalId('SupplierDocument', documentId)}`;
}

async function today(context: Context): Promise<string> {
  const { timeZone, now } = await networkTime(context);
  return localDate(now, timeZone);
}

const DocumentConnection = connectionType<DocumentRow>('SupplierDocument', Document.ref);

builder.queryField('supplierDocuments', (t) =>
  t.field({
    type: DocumentConnection,
    access: reading,
    description:
      "Documents, eldest first: of all suppliers for headquarters, of a supplier's own for itself; withdrawn and superseded ones too.",
    complexity: pageCost,
    args: {
      supplierId: t.arg.id({ description: 'Only of this supplier.' }),
      state: t.arg({ type: SupplierDocumentStateEnum, description: 'Only in this state.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_, { supplierId, state, ...args }, context) => {
      const request = readPage('supplierDocuments', args);
      const id = optionalIdOf('Supplier', supplierId);
      if (id === null) return emptyConnection<DocumentRow>();
      const filter = { supplierId: id ?? null, state: state ?? null };
      const reader = await supplierReader(context);
      const page = await documentsPage(context.db.pool, reader, filter, request);
      return toConnection(
        'supplierDocuments',
        request,
        page,
        (row) => row.id,
        () => documentsCount(context.db.pool, reader, filter),
      );
    },
  }),
);

const MemberType = builder.objectRef<MemberRow>('SupplierMember').implement({
  description: 'Somebody who acts for a supplier.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    membershipId: t.id({ description: 'Their right to do so.', resolve: ({ id }) => globalId('Membership', id) }),
    name: t.exposeString('name', { description: 'Who.' }),
    email: t.exposeString('email', { description: 'By which they sign in.' }),
    role: t.field({ type: RoleEnum, description: 'As what.', resolve: ({ role }) => role as typeof RoleEnum.$inferType }),
    createdAt: t.field({ type: 'DateTime', description: 'Since when.', resolve: (row) => row.created_at }),
  }),
});

builder.objectFields(SupplierType, (t) => ({
  standing: t.field({
    type: SupplierStandingEnum,
    nullable: true,
    access: papers,
    description: 'How it stands with the network.',
    resolve: async ({ id }, _, context) => (await recordOf(context, id))?.standing ?? null,
  }),
  standingReason: t.string({
    nullable: true,
    access: papers,
    description: 'Why it stands like that; empty for no word.',
    resolve: async ({ id }, _, context) => (await recordOf(context, id))?.standing_reason ?? null,
  }),
  standingAt: t.field({
    type: 'DateTime',
    nullable: true,
    access: papers,
    description: 'Since when; null for ever.',
    resolve: async ({ id }, _, context) => (await recordOf(context, id))?.standing_at ?? null,
  }),
  company: t.field({
    type: CompanyType,
    nullable: true,
    access: papers,
    description: 'What it is in law.',
    resolve: ({ id }, _, context) => recordOf(context, id),
  }),
  version: t.int({
    nullable: true,
    access: papers,
    description: 'Rises with every change of standing or company: the expectedVersion of the next.',
    resolve: async ({ id }, _, context) => (await recordOf(context, id))?.version ?? null,
  }),
  contacts: t.field({
    type: [Contact.ref],
    nullable: true,
    access: papers,
    description: 'Whom to call, eldest first.',
    resolve: ({ id }, _, context) => contactsOf(context, id),
  }),
  documents: t.field({
    type: [Document.ref],
    nullable: true,
    access: papers,
    description: 'Its documents that wait, hold or were rejected, newest first.',
    resolve: ({ id }, _, context) => documentsOf(context, id),
  }),
  members: t.field({
    type: [MemberType],
    nullable: true,
    access: people,
    description: 'Who acts for it, eldest first.',
    resolve: ({ id }, _, context) => membersOf(context, id),
  }),
}));

builder.objectField(AlertType, 'supplierDocument', (t) =>
  t.field({
    type: Document.ref,
    nullable: true,
    access: reading,
    description: 'LICENCE_EXPIRING, LICENCE_EXPIRED: the document.',
    resolve: (row, _, context) => (row.kind.startsWith('LICENCE_') ? loadDocument(context, row.subject_id) : null),
  }),
);
