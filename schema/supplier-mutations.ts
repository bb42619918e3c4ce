import { createSupplier } from '#server/flows/create-supplier.ts';
import { moveDeposit } from '#server/flows/move-deposit.ts';
import { addSupplierMember, removeSupplierMember } from '#server/flows/supplier-members.ts';
import { removeContact, type SupplierOutcome, saveContact, setCompany, setStanding } from '#server/flows/supplier-papers.ts';
import type { ContactRow, SupplierRow } from '#server/suppliers/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { RoleEnum } from './enums.ts';
import { globalId, idOf, optionalIdOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { MoneyType, type ShownMoney, shownAmount } from './money.ts';
import { done, mutation, REPLAYED_TEXT, REQUEST_KEY_TEXT, successType } from './mutation.ts';
import {
  InsufficientBalance,
  InvalidInput,
  NotAllowed,
  NotFound,
  notFound,
  RequestKeyReused,
  refused,
  StaleVersion,
  staleVersion,
} from './refusals.ts';
import { resultUnion } from './results.ts';
import { loadSupplier, SupplierType } from './supplier.ts';
import { loadContact, SupplierContactType, SupplierStandingEnum } from './supplier-papers.ts';

const WHAT = 'supplier';
const SUPPLIER_TEXT = 'The supplier.';
const EXPECTED_VERSION = 'The version that the change is based on.';
const managing = { party: 'ANY', permission: 'SUPPLIERS_MANAGE' } as const;
const ofMembers = { party: 'ANY', permission: 'MEMBERS_MANAGE' } as const;

type WithSupplier<Name extends string> = { readonly __typename: Name; readonly supplier: SupplierRow };

const Created = successType<WithSupplier<'SupplierCreated'> & { readonly replayed: boolean; readonly temporaryPassword: string | null }>(
  'SupplierCreated',
  'A supplier was taken in.',
  (t) => ({
    supplier: t.field({ type: SupplierType, description: SUPPLIER_TEXT, resolve: ({ supplier }) => supplier }),
    replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
    temporaryPassword: t.exposeString('temporaryPassword', {
      nullable: true,
      description: 'The password of its first person, shown this once; null when the person has one already, and in a replay.',
    }),
  }),
);

mutation('createSupplier', {
  description: 'Headquarters takes a supplier in: it can sign in and hand in its papers, and its offers are used once it is ACTIVE.',
  access: { party: 'STATION', permission: 'SUPPLIERS_MANAGE' },
  input: builder.inputType('CreateSupplierInput', {
    description: 'The supplier.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      name: t.string({ required: true, description: 'What people call it.' }),
      code: t.string({ required: true, description: 'Its number or short name, unique in the network.' }),
      ownerEmail: t.string({ description: 'Who signs in for it, as its owner.' }),
      ownerName: t.string({ description: 'Their name; that of the supplier when left out.' }),
    }),
  }),
  result: resultUnion('CreateSupplierResult', 'A supplier, or why there is none.', [Created, RequestKeyReused, NotAllowed, InvalidInput]),
  resolve: async ({ ownerEmail, ownerName, ...input }, context) => {
    const outcome = await createSupplier(context.db, viewerOf(context), {
      ...input,
      ownerEmail: ownerEmail ?? null,
      ownerName: ownerName ?? null,
    });
    if (outcome.kind !== 'SUPPLIER_CREATED') return refused(outcome);
    const { replayed, temporaryPassword } = outcome;
    return done('SupplierCreated', { supplier: await requireSupplier(context, outcome.supplierId), replayed, temporaryPassword });
  },
});

const StandingSet = supplierAnswer('SupplierStandingSet', 'A supplier stands differently.');

mutation('setSupplierStanding', {
  description: 'Headquarters approves, rejects, suspends, resumes or closes a supplier; a rejected one applies again itself.',
  access: managing,
  input: builder.inputType('SetSupplierStandingInput', {
    description: 'How it is to stand.',
    fields: (t) => ({
      supplierId: t.id({ required: true, description: SUPPLIER_TEXT }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
      standing: t.field({ type: SupplierStandingEnum, required: true, description: 'How it stands from now on.' }),
      reason: t.string({ description: 'Why; needed to reject, suspend and close. The supplier reads it.' }),
    }),
  }),
  result: supplierResult('SetSupplierStandingResult', StandingSet),
  resolve: async ({ reason, ...input }, context) => {
    const supplierId = idOf('Supplier', input.supplierId);
    if (supplierId === null) return notFound(WHAT);
    const outcome = await setStanding(context.db, viewerOf(context), { ...input, supplierId, reason: reason ?? '' });
    return supplierAnswerOf(context, 'SupplierStandingSet', outcome);
  },
});

const CompanySet = supplierAnswer('SupplierCompanySet', 'What a supplier is in law was written down.');

mutation('setSupplierCompany', {
  description: 'Writes down what a supplier is in law; what is left out is empty.',
  access: managing,
  input: builder.inputType('SetSupplierCompanyInput', {
    description: 'The company.',
    fields: (t) => ({
      supplierId: t.id({ required: true, description: SUPPLIER_TEXT }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
      legalName: t.string({ description: 'The name of the company.' }),
      legalRepresentative: t.string({ description: 'Who represents it.' }),
      registrationNumber: t.string({ description: 'Its number in the register.' }),
      taxId: t.string({ description: 'Its tax number.' }),
      address: t.string({ description: 'Where it sits.' }),
    }),
  }),
  result: supplierResult('SetSupplierCompanyResult', CompanySet),
  resolve: async ({ expectedVersion, ...input }, context) => {
    const supplierId = idOf('Supplier', input.supplierId);
    if (supplierId === null) return notFound(WHAT);
    const company = {
      legalName: input.legalName ?? '',
      legalRepresentative: input.legalRepresentative ?? '',
      registrationNumber: input.registrationNumber ?? '',
      taxId: input.taxId ?? '',
      address: input.address ?? '',
    };
    const outcome = await setCompany(context.db, viewerOf(context), { supplierId, expectedVersion, company });
    return supplierAnswerOf(context, 'SupplierCompanySet', outcome);
  },
});

const ContactSaved = successType<{ readonly __typename: 'SupplierContactSaved'; readonly contact: ContactRow }>(
  'SupplierContactSaved',
  'A contact was written down.',
  (t) => ({ contact: t.field({ type: SupplierContactType, description: 'The contact.', resolve: ({ contact }) => contact }) }),
);

mutation('saveSupplierContact', {
  description: 'Adds a contact of a supplier, or changes one.',
  access: managing,
  input: builder.inputType('SaveSupplierContactInput', {
    description: 'The contact.',
    fields: (t) => ({
      supplierId: t.id({ required: true, description: SUPPLIER_TEXT }),
      contactId: t.id({ description: 'The contact to change; a new one when left out.' }),
      expectedVersion: t.int({ description: 'The version that the change is based on; left out for a new one.' }),
      name: t.string({ required: true, description: 'Who.' }),
      role: t.string({ description: 'What they do there.' }),
      phone: t.string({ description: 'Their telephone.' }),
      email: t.string({ description: 'Their e-mail.' }),
    }),
  }),
  result: resultUnion('SaveSupplierContactResult', 'A contact, or why it was not written.', [
    ContactSaved,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async (input, context) => {
    const supplierId = idOf('Supplier', input.supplierId);
    const contactId = optionalIdOf('SupplierContact', input.contactId);
    if (supplierId === null || contactId === null) return notFound('supplier or contact');
    const contact = { name: input.name, role: input.role ?? '', phone: input.phone ?? '', email: input.email ?? '' };
    const change = { supplierId, contactId: contactId ?? null, expectedVersion: input.expectedVersion ?? null, contact };
    const outcome = await saveContact(context.db, viewerOf(context), change);
    if (outcome.kind === 'STALE_VERSION') return staleVersion('SupplierContact', outcome.current);
    if (outcome.kind !== 'CONTACT_SAVED') return refused(outcome, 'supplier or contact');
    forgetLoaded(context);
    const saved = await loadContact(context, outcome.contactId);
    if (saved === null) throw new Error(`the contact ${outcome.contactId} is not there`);
    return done('SupplierContactSaved', { contact: saved });
  },
});

const ContactRemoved = successType<{ readonly __typename: 'SupplierContactRemoved'; readonly removedId: string }>(
  'SupplierContactRemoved',
  'A contact is off the list.',
  (t) => ({ removedId: t.exposeID('removedId', { description: 'The id that it had.' }) }),
);

mutation('removeSupplierContact', {
  description: 'Takes a contact of a supplier off the list.',
  access: managing,
  input: builder.inputType('RemoveSupplierContactInput', {
    description: 'The contact.',
    fields: (t) => ({
      contactId: t.id({ required: true, description: 'The contact.' }),
      expectedVersion: t.int({ required: true, description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('RemoveSupplierContactResult', 'That it is gone, or why not.', [
    ContactRemoved,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async ({ expectedVersion, ...input }, context) => {
    const contactId = idOf('SupplierContact', input.contactId);
    if (contactId === null) return notFound('contact');
    const outcome = await removeContact(context.db, viewerOf(context), { contactId, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('SupplierContact', outcome.current);
    if (outcome.kind !== 'CONTACT_SAVED') return refused(outcome, 'contact');
    return done('SupplierContactRemoved', { removedId: globalId('SupplierContact', contactId) });
  },
});

const DepositMoveEnum = builder.enumType('DepositMove', {
  description: 'What is done to a deposit.',
  values: {
    PAY_IN: { description: 'Came from outside.' },
    DEDUCT: { description: "Taken, into headquarters' wallet." },
    RETURN: { description: 'Given back, to the outside.' },
  } as const,
});

const DepositMoved = successType<WithSupplier<'SupplierDepositMoved'> & { readonly amount: ShownMoney; readonly replayed: boolean }>(
  'SupplierDepositMoved',
  'A deposit has moved.',
  (t) => ({
    supplier: t.field({ type: SupplierType, description: SUPPLIER_TEXT, resolve: ({ supplier }) => supplier }),
    amount: t.field({ type: MoneyType, description: 'By how much.', resolve: ({ amount }) => amount }),
    replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
  }),
);

mutation('moveSupplierDeposit', {
  description: "Headquarters' finance takes in, deducts or returns a supplier's deposit; it never falls below zero.",
  access: { party: 'STATION', permission: 'DEPOSITS_MANAGE' },
  input: builder.inputType('MoveSupplierDepositInput', {
    description: 'The money.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      supplierId: t.id({ required: true, description: SUPPLIER_TEXT }),
      move: t.field({ type: DepositMoveEnum, required: true, description: 'What is done.' }),
      amount: t.field({ type: 'Decimal', required: true, description: 'How much, in the currency of the network; above zero.' }),
      reason: t.string({ required: true, description: 'Why; the supplier reads it.' }),
    }),
  }),
  result: resultUnion('MoveSupplierDepositResult', 'A deposit that has moved, or why not.', [
    DepositMoved,
    InsufficientBalance,
    RequestKeyReused,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async (input, context) => {
    const supplierId = idOf('Supplier', input.supplierId);
    if (supplierId === null) return notFound(WHAT);
    const outcome = await moveDeposit(context.db, viewerOf(context), { ...input, supplierId });
    if (outcome.kind !== 'DEPOSIT_MOVED') return refused(outcome, WHAT);
    const { amount, replayed } = outcome;
    return done('SupplierDepositMoved', { supplier: await requireSupplier(context, supplierId), amount: shownAmount(amount), replayed });
  },
});

const MemberAdded = successType<WithSupplier<'SupplierMemberAdded'> & { readonly temporaryPassword: string | null }>(
  'SupplierMemberAdded',
  'Somebody acts for a supplier.',
  (t) => ({
    supplier: t.field({ type: SupplierType, description: SUPPLIER_TEXT, resolve: ({ supplier }) => supplier }),
    temporaryPassword: t.exposeString('temporaryPassword', {
      nullable: true,
      description: 'Their password, shown this once; null when they have one already.',
    }),
  }),
);

mutation('addSupplierMember', {
  description: "Lets somebody sign in for a supplier: by headquarters' owner, or by the supplier's own.",
  access: ofMembers,
  input: builder.inputType('AddSupplierMemberInput', {
    description: 'Who.',
    fields: (t) => ({
      supplierId: t.id({ required: true, description: SUPPLIER_TEXT }),
      email: t.string({ required: true, description: 'By which they sign in.' }),
      name: t.string({ description: 'Their name; the e-mail when left out.' }),
      role: t.field({ type: RoleEnum, required: true, description: 'As what.' }),
    }),
  }),
  result: resultUnion('AddSupplierMemberResult', 'Somebody who acts for it, or why not.', [
    MemberAdded,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async ({ email, name, role, ...input }, context) => {
    const supplierId = idOf('Supplier', input.supplierId);
    if (supplierId === null) return notFound(WHAT);
    const outcome = await addSupplierMember(context.db, viewerOf(context), { supplierId, email, name: name ?? '', role });
    if (outcome.kind !== 'MEMBER_ADDED') return refused(outcome, WHAT);
    const { temporaryPassword } = outcome;
    return done('SupplierMemberAdded', { supplier: await requireSupplier(context, supplierId), temporaryPassword });
  },
});

const MemberRemoved = supplierAnswer('SupplierMemberRemoved', 'Somebody acts for a supplier no more.');

mutation('removeSupplierMember', {
  description: "Ends somebody's right to act for a supplier; its last owner stays.",
  access: ofMembers,
  input: builder.inputType('RemoveSupplierMemberInput', {
    description: 'Who.',
    fields: (t) => ({
      supplierId: t.id({ required: true, description: SUPPLIER_TEXT }),
      membershipId: t.id({ required: true, description: 'Their right.' }),
    }),
  }),
  result: resultUnion('RemoveSupplierMemberResult', 'The supplier without them, or why not.', [MemberRemoved, NotFound, NotAllowed]),
  resolve: async (input, context) => {
    const supplierId = idOf('Supplier', input.supplierId);
    const membershipId = idOf('Membership', input.membershipId);
    if (supplierId === null || membershipId === null) return notFound('member');
    const outcome = await removeSupplierMember(context.db, viewerOf(context), { supplierId, membershipId });
    if (outcome.kind !== 'MEMBER_REMOVED') return refused(outcome, 'member');
    return done('SupplierMemberRemoved', { supplier: await requireSupplier(context, supplierId) });
  },
});

function supplierAnswer<Name extends string>(name: Name, description: string) {
  return successType<WithSupplier<Name>>(name, description, (t) => ({
    supplier: t.field({ type: SupplierType, description: SUPPLIER_TEXT, resolve: ({ supplier }) => supplier }),
  }));
}

function supplierResult<Name extends string>(name: string, success: ReturnType<typeof supplierAnswer<Name>>) {
  return resultUnion(name, 'The supplier, or why it is as it was.', [success, NotFound, NotAllowed, InvalidInput, StaleVersion]);
}

async function supplierAnswerOf<const Name extends string>(context: Context, name: Name, outcome: SupplierOutcome) {
  if (outcome.kind === 'STALE_VERSION') return staleVersion('Supplier', outcome.current);
  if (outcome.kind !== 'SUPPLIER_CHANGED') return refused(outcome, WHAT);
  return done(name, { supplier: await requireSupplier(context, outcome.supplierId) });
}

async function requireSupplier(context: Context, id: string): Promise<SupplierRow> {
  forgetLoaded(context);
  const supplier = await loadSupplier(context, id);
  if (supplier === null) throw new Error(`the supplier ${id} is not there`);
  return supplier;
}
