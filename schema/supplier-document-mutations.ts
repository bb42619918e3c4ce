import { changeDocument, type DocumentOutcome, reviewDocument, submitDocument, withdrawDocument } from '#server/flows/supplier-papers.ts';
import type { DocumentRow } from '#server/suppliers/reads.ts';
import type { DocumentFacts } from '#server/suppliers/rules.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { idOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { done, mutation, successType } from './mutation.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';
import { loadDocument, SupplierDocumentType, SupplierDocumentTypeEnum } from './supplier-papers.ts';

const WHAT = 'document';
const DOCUMENT_TEXT = 'The document.';
const managing = { party: 'ANY', permission: 'SUPPLIERS_MANAGE' } as const;

const FactsInput = builder.inputType('SupplierDocumentFactsInput', {
  description: 'What a document says. With neither categories nor brands it is about every offer of the supplier.',
  fields: (t) => ({
    type: t.field({ type: SupplierDocumentTypeEnum, required: true, description: 'What it is.' }),
    number: t.string({ description: 'Its own number; only OTHER may be without.' }),
    issuedOn: t.field({ type: 'Date', description: 'When it was issued.' }),
    expiresOn: t.field({ type: 'Date', description: 'The last day on which it is good; for ever when left out.' }),
    categoryIds: t.idList({ description: 'The categories, with all below them, whose offers it is about.' }),
    brands: t.stringList({ description: 'The brands whose offers it is about.' }),
  }),
});

const Submitted = documentAnswer('SupplierDocumentSubmitted', 'A document was handed in and waits for headquarters.');

mutation('submitSupplierDocument', {
  description: 'Hands in a document of a supplier. Its file is put to filePath; without one it is not approved.',
  access: managing,
  input: builder.inputType('SubmitSupplierDocumentInput', {
    description: DOCUMENT_TEXT,
    fields: (t) => ({
      supplierId: t.id({ required: true, description: 'Whose.' }),
      facts: t.field({ type: FactsInput, required: true, description: 'What it says.' }),
    }),
  }),
  result: resultUnion('SubmitSupplierDocumentResult', 'A document, or why there is none.', [Submitted, NotFound, NotAllowed, InvalidInput]),
  resolve: async (input, context) => {
    const supplierId = idOf('Supplier', input.supplierId);
    const facts = factsOf(input.facts);
    if (supplierId === null || facts === null) return notFound('supplier or category');
    const outcome = await submitDocument(context.db, viewerOf(context), { supplierId, facts });
    if (outcome.kind === 'STALE_VERSION') throw new Error('a new document has no version before');
    if (outcome.kind !== 'DOCUMENT_SAVED') return refused(outcome, 'supplier or category');
    return done('SupplierDocumentSubmitted', { document: await requireDocument(context, outcome.documentId) });
  },
});

const Changed = documentAnswer('SupplierDocumentChanged', 'A document was changed and waits for headquarters.');

mutation('changeSupplierDocument', {
  description:
    'Changes a document. An approved one stays in force until the change, a document of its own that is answered here, is approved.',
  access: managing,
  input: builder.inputType('ChangeSupplierDocumentInput', {
    description: 'What it says from now on.',
    fields: (t) => ({
      documentId: t.id({ required: true, description: DOCUMENT_TEXT }),
      expectedVersion: t.int({ required: true, description: 'The version that the change is based on.' }),
      facts: t.field({ type: FactsInput, required: true, description: 'What it says.' }),
    }),
  }),
  result: documentResult('ChangeSupplierDocumentResult', Changed),
  resolve: async ({ expectedVersion, ...input }, context) => {
    const documentId = idOf('SupplierDocument', input.documentId);
    const facts = factsOf(input.facts);
    if (documentId === null || facts === null) return notFound(WHAT);
    const outcome = await changeDocument(context.db, viewerOf(context), { documentId, expectedVersion, facts });
    return documentAnswerOf(context, 'SupplierDocumentChanged', outcome);
  },
});

const Reviewed = documentAnswer('SupplierDocumentReviewed', 'A document was approved or rejected.');

mutation('reviewSupplierDocument', {
  description: 'Headquarters approves or rejects a document that waits. What an approved one replaces is superseded.',
  access: { party: 'STATION', permission: 'SUPPLIERS_MANAGE' },
  input: builder.inputType('ReviewSupplierDocumentInput', {
    description: 'The decision.',
    fields: (t) => ({
      documentId: t.id({ required: true, description: DOCUMENT_TEXT }),
      expectedVersion: t.int({ required: true, description: 'The version that was looked at.' }),
      approve: t.boolean({ required: true, description: 'Approve, or reject.' }),
      isRequired: t.boolean({ description: 'Whether offers are frozen when it expires; as it was when left out, and true at first.' }),
      reason: t.string({ description: 'Why; needed to reject. The supplier reads it.' }),
    }),
  }),
  result: documentResult('ReviewSupplierDocumentResult', Reviewed),
  resolve: async ({ approve, isRequired, reason, expectedVersion, ...input }, context) => {
    const documentId = idOf('SupplierDocument', input.documentId);
    if (documentId === null) return notFound(WHAT);
    const review = { documentId, expectedVersion, approve, isRequired: isRequired ?? null, reason: reason ?? '' };
    return documentAnswerOf(context, 'SupplierDocumentReviewed', await reviewDocument(context.db, viewerOf(context), review));
  },
});

const Withdrawn = documentAnswer('SupplierDocumentWithdrawn', 'A document was taken back.');

mutation('withdrawSupplierDocument', {
  description: 'Takes a document back: a supplier one that does not hold, headquarters any.',
  access: managing,
  input: builder.inputType('WithdrawSupplierDocumentInput', {
    description: 'Which.',
    fields: (t) => ({
      documentId: t.id({ required: true, description: DOCUMENT_TEXT }),
      expectedVersion: t.int({ required: true, description: 'The version that was looked at.' }),
      reason: t.string({ description: 'Why.' }),
    }),
  }),
  result: documentResult('WithdrawSupplierDocumentResult', Withdrawn),
  resolve: async ({ expectedVersion, reason, ...input }, context) => {
    const documentId = idOf('SupplierDocument', input.documentId);
    if (documentId === null) return notFound(WHAT);
    const outcome = await withdrawDocument(context.db, viewerOf(context), { documentId, expectedVersion, reason: reason ?? '' });
    return documentAnswerOf(context, 'SupplierDocumentWithdrawn', outcome);
  },
});

/** What a document says; null when it names no category. */
function factsOf(input: typeof FactsInput.$inferInput): DocumentFacts | null {
  const categoryIds = (input.categoryIds ?? []).map((id) => idOf('Category', id));
  if (!categoryIds.every((id) => id !== null)) return null;
  return {
    type: input.type,
    number: input.number ?? '',
    issuedOn: input.issuedOn ?? null,
    expiresOn: input.expiresOn ?? null,
    categoryIds: [...new Set(categoryIds)],
    brands: [...new Set(input.brands ?? [])],
  };
}

type Answer<Name extends string> = { readonly __typename: Name; readonly document: DocumentRow };

function documentAnswer<Name extends string>(name: Name, description: string) {
  return successType<Answer<Name>>(name, description, (t) => ({
    document: t.field({ type: SupplierDocumentType, description: DOCUMENT_TEXT, resolve: ({ document }) => document }),
  }));
}

function documentResult<Name extends string>(name: string, success: ReturnType<typeof documentAnswer<Name>>) {
  return resultUnion(name, 'The document, or why it is as it was.', [success, NotFound, NotAllowed, InvalidInput, StaleVersion]);
}

async function documentAnswerOf<const Name extends string>(context: Context, name: Name, outcome: DocumentOutcome) {
  if (outcome.kind === 'STALE_VERSION') return staleVersion('SupplierDocument', outcome.current);
  if (outcome.kind !== 'DOCUMENT_SAVED') return refused(outcome, WHAT);
  return done(name, { document: await requireDocument(context, outcome.documentId) });
}

async function requireDocument(context: Context, id: string): Promise<DocumentRow> {
  forgetLoaded(context);
  const document = await loadDocument(context, id);
  if (document === null) throw new Error(`the document ${id} is not there`);
  return document;
}
