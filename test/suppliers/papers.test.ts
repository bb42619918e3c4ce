import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { identifySession } from '#server/accounts/reads.ts';
import { createSupplier } from '#server/flows/create-supplier.ts';
import { fileAccess, putDocumentFile, readDocumentFile } from '#server/flows/supplier-files.ts';
import { addSupplierMember, removeSupplierMember } from '#server/flows/supplier-members.ts';
import {
  changeDocument,
  removeContact,
  reviewDocument,
  saveContact,
  setCompany,
  setStanding,
  submitDocument,
  withdrawDocument,
} from '#server/flows/supplier-papers.ts';
import { type Company, type DocumentFacts, FILE_BYTES_MAX } from '#server/suppliers/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { makeOffer } from '#test/support/supply.ts';
import { testVault, type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
let w: World<'HQ' | 'A', 'card', 'S' | 'T'>;
let other: World<'HQ', never, never>;
beforeAll(async () => {
  fresh = await freshDatabase();
  other = await world(fresh.db, { stations: { HQ: {} } });
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' } },
    suppliers: ['S', 'T'],
    skus: { card: { basePrice: '10' } },
  });
});

const PDF = Buffer.from('%PDF-1.7\nthe business licence of S');
const FACTS: DocumentFacts = { type: 'BUSINESS_LICENCE', number: '91310000', issuedOn: null, expiresOn: null, categoryIds: [], brands: [] };
const COMPANY: Company = {
  legalName: '星河卡券有限公司',
  legalRepresentative: '李四',
  registrationNumber: '91310000MA1',
  taxId: '91310000MA1',
  address: '上海\n南京路 1 号',
};

const rows = <Row extends Record<string, unknown>>(text: string) => fresh.sql<Row>(text, [w.networkId]);
const audited = async () =>
  (await rows<{ action: string }>('SELECT action FROM audit_entry WHERE network_id = $1 ORDER BY id')).map(({ action }) => action);

async function submitted(facts: Partial<DocumentFacts> = {}): Promise<string> {
  const saved = await submitDocument(fresh.db, w.viewer('S'), { supplierId: w.suppliers.S, facts: { ...FACTS, ...facts } });
  if (saved.kind !== 'DOCUMENT_SAVED') throw new Error(JSON.stringify(saved));
  return saved.documentId;
}
const put = (documentId: string, bytes: Uint8Array = PDF, viewer = w.viewer('S')) =>
  putDocumentFile(fresh.db, testVault, viewer, { documentId, name: '执照.pdf', bytes });
const review = (documentId: string, expectedVersion: number, approve: boolean, viewer = w.viewer('HQ')) =>
  reviewDocument(fresh.db, viewer, { documentId, expectedVersion, approve, isRequired: null, reason: approve ? '' : 'not legible' });

describe('onboarding', () => {
  const input = { requestKey: 'new', name: '星河卡券', code: 'XH', ownerEmail: 'li@xinghe.example', ownerName: '李四' };

  test('by headquarters brings a supplier that signs in and is not used until it is approved', async () => {
    const created = await createSupplier(fresh.db, w.viewer('HQ'), input);
    if (created.kind !== 'SUPPLIER_CREATED') throw new Error(created.kind);
    expect(created).toMatchObject({ replayed: false, temporaryPassword: expect.stringMatching(/^.{16}$/) });
    const { supplierId } = created;
    expect(await createSupplier(fresh.db, w.viewer('HQ'), input)).toEqual({ ...created, replayed: true, temporaryPassword: null });
    expect(await createSupplier(fresh.db, w.viewer('HQ'), { ...input, name: 'other' })).toEqual({ kind: 'REQUEST_KEY_REUSED' });
    expect(await createSupplier(fresh.db, w.viewer('HQ'), { ...input, requestKey: '2' })).toMatchObject({
      kind: 'INVALID_INPUT',
      field: 'code',
    });
    const { offerId } = await makeOffer(
      fresh.db,
      { ...w, suppliers: { ...w.suppliers, XH: supplierId } },
      { sku: 'card', supplier: 'XH', unitCost: '1.00' },
    );
    const frozen = async () => (await fresh.sql('SELECT frozen_reason FROM supply_offer WHERE id = $1', [offerId]))[0];
    const stand = (expectedVersion: number, standing: 'ACTIVE' | 'REJECTED', reason: string) =>
      setStanding(fresh.db, w.viewer('HQ'), { supplierId, expectedVersion, standing, reason });
    expect(await stand(1, 'REJECTED', 'no licence')).toMatchObject({ kind: 'SUPPLIER_CHANGED' });
    expect(await frozen()).toEqual({ frozen_reason: 'SUPPLIER_NOT_ACTIVE' });
    expect(await stand(2, 'ACTIVE', '')).toMatchObject({ kind: 'NOT_ALLOWED' });
    const itself = { ...w.viewer('S'), party: { kind: 'SUPPLIER', supplierId } } as const;
    const again = { supplierId, expectedVersion: 2, standing: 'APPLIED', reason: '' } as const;
    expect(await setStanding(fresh.db, itself, again)).toMatchObject({ kind: 'SUPPLIER_CHANGED' });
    expect(await setStanding(fresh.db, itself, { ...again, expectedVersion: 3, standing: 'ACTIVE' })).toMatchObject({
      kind: 'NOT_ALLOWED',
    });
    expect(await stand(3, 'ACTIVE', '')).toMatchObject({ kind: 'SUPPLIER_CHANGED' });
    expect(await frozen()).toEqual({ frozen_reason: null });
    expect(await audited()).toEqual(['supplier.created', ...Array(3).fill('supplier.standing_set')]);
  });

  test('is for headquarters: a sub-station takes nobody in', async () => {
    expect(await createSupplier(fresh.db, w.viewer('A'), input)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await rows(`SELECT FROM supplier WHERE network_id = $1 AND code = 'XH'`)).toEqual([]);
  });
});

describe('what a supplier is in law', () => {
  const save = (viewer = w.viewer('S'), expectedVersion = 1, supplierId: string = w.suppliers.S) =>
    setCompany(fresh.db, viewer, { supplierId, expectedVersion, company: COMPANY });

  test('is written by itself or by headquarters, against the version that was read', async () => {
    expect(await save()).toMatchObject({ kind: 'SUPPLIER_CHANGED' });
    expect(await save(w.viewer('HQ'), 1)).toMatchObject({ kind: 'STALE_VERSION', current: { version: 2, legal_name: COMPANY.legalName } });
    expect(await save(w.viewer('HQ'), 2)).toMatchObject({ kind: 'SUPPLIER_CHANGED' });
  });

  test('is written by nobody else: not another supplier, not a sub-station, not another network', async () => {
    expect(await save(w.viewer('T'))).toEqual({ kind: 'NOT_FOUND' });
    expect(await save(w.viewer('A'))).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await save(other.viewer('HQ'))).toEqual({ kind: 'NOT_FOUND' });
    expect(await rows(`SELECT FROM supplier WHERE network_id = $1 AND legal_name <> ''`)).toEqual([]);
  });
});

test('contacts are added, changed against their version, and taken off the list', async () => {
  const contact = { name: '王五', role: '财务', phone: '13800000000', email: '' };
  const save = (contactId: string | null, expectedVersion: number | null, viewer = w.viewer('S')) =>
    saveContact(fresh.db, viewer, { supplierId: w.suppliers.S, contactId, expectedVersion, contact });
  const saved = await save(null, null);
  if (saved.kind !== 'CONTACT_SAVED') throw new Error(saved.kind);
  const { contactId } = saved;
  expect(await save(contactId, 1)).toEqual(saved);
  expect(await save(contactId, 1)).toMatchObject({ kind: 'STALE_VERSION', current: { version: 2 } });
  expect(await save(contactId, 2, w.viewer('T'))).toEqual({ kind: 'NOT_FOUND' });
  expect(await removeContact(fresh.db, w.viewer('T'), { contactId, expectedVersion: 2 })).toEqual({ kind: 'NOT_FOUND' });
  expect(await removeContact(fresh.db, w.viewer('HQ'), { contactId, expectedVersion: 2 })).toEqual(saved);
  expect(await removeContact(fresh.db, w.viewer('HQ'), { contactId, expectedVersion: 3 })).toEqual({ kind: 'NOT_FOUND' });
});

describe('a document', () => {
  test('waits for headquarters, is rejected with a reason, changed, and waits again', async () => {
    const documentId = await submitted();
    expect(await review(documentId, 1, true)).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('file') });
    expect(await put(documentId)).toEqual({ kind: 'FILE_PUT', name: '执照.pdf', type: 'application/pdf', size: PDF.length });
    expect(await review(documentId, 1, true)).toMatchObject({ kind: 'STALE_VERSION' });
    expect(await review(documentId, 2, false)).toMatchObject({ kind: 'DOCUMENT_SAVED' });
    const change = { documentId, expectedVersion: 3, facts: { ...FACTS, number: '91310001' } };
    expect(await changeDocument(fresh.db, w.viewer('S'), change)).toEqual({ kind: 'DOCUMENT_SAVED', documentId });
    expect(await rows('SELECT state, review_reason, reviewed_by FROM supplier_document WHERE network_id = $1')).toEqual([
      { state: 'PENDING', review_reason: '', reviewed_by: null },
    ]);
    expect(await review(documentId, 4, true)).toEqual({ kind: 'DOCUMENT_SAVED', documentId });
    expect(await put(documentId)).toMatchObject({ kind: 'NOT_ALLOWED' });
  });

  test('is reviewed by headquarters alone, and names categories that there are', async () => {
    const documentId = await submitted();
    await put(documentId);
    expect(await review(documentId, 2, true, w.viewer('S'))).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await review(documentId, 2, true, w.viewer('A'))).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await review(documentId, 2, true, other.viewer('HQ'))).toEqual({ kind: 'NOT_FOUND' });
    const facts = { ...FACTS, categoryIds: [w.skus.card] };
    expect(await submitDocument(fresh.db, w.viewer('S'), { supplierId: w.suppliers.S, facts })).toMatchObject({ field: 'categoryIds' });
  });

  test('that never held loses its file when it is taken back', async () => {
    const documentId = await submitted();
    await put(documentId);
    const withdrawal = { documentId, expectedVersion: 2, reason: '' };
    expect(await withdrawDocument(fresh.db, w.viewer('T'), withdrawal)).toEqual({ kind: 'NOT_FOUND' });
    expect(await withdrawDocument(fresh.db, w.viewer('S'), withdrawal)).toMatchObject({ kind: 'DOCUMENT_SAVED' });
    expect(await rows('SELECT FROM supplier_document_file WHERE network_id = $1')).toEqual([]);
    expect(await put(documentId)).toMatchObject({ kind: 'NOT_ALLOWED' });
  });
});

describe('the file of a document', () => {
  test('lies sealed, and comes back as it was put to its supplier and to headquarters, audited', async () => {
    const documentId = await submitted();
    await put(documentId);
    const [kept] = await rows<{ sealed: Buffer }>('SELECT sealed FROM supplier_document_file WHERE network_id = $1');
    expect(kept?.sealed.includes('licence')).toBe(false);
    for (const viewer of [w.viewer('S', 'MANAGER'), w.viewer('HQ')]) {
      expect(await readDocumentFile(fresh.db, testVault, viewer, documentId)).toEqual({
        kind: 'FILE',
        name: '执照.pdf',
        type: 'application/pdf',
        bytes: PDF,
      });
    }
    expect((await audited()).filter((action) => action === 'supplier_document.file_read')).toHaveLength(2);
  });

  test('is nobody else’s', async () => {
    const documentId = await submitted();
    await put(documentId);
    for (const viewer of [w.viewer('T'), other.viewer('HQ')]) {
      expect(await readDocumentFile(fresh.db, testVault, viewer, documentId)).toEqual({ kind: 'NOT_FOUND' });
      expect(await put(documentId, PDF, viewer)).toEqual({ kind: 'NOT_FOUND' });
    }
    expect(await fileAccess(fresh.db, w.viewer('A'), documentId)).toMatchObject({ kind: 'NOT_ALLOWED' });
    await expect(readDocumentFile(fresh.db, testVault, w.viewer('S', 'VIEWER'), documentId)).rejects.toThrow('SUPPLIERS_MANAGE');
  });

  test('is a PDF, PNG or JPEG of at most 5 MiB', async () => {
    const documentId = await submitted();
    expect(await put(documentId, Buffer.from('<html>'))).toMatchObject({ kind: 'INVALID_INPUT', field: 'file' });
    const largest = Buffer.concat([PDF, Buffer.alloc(FILE_BYTES_MAX - PDF.length)]);
    expect(await put(documentId, Buffer.concat([largest, Buffer.alloc(1)]))).toMatchObject({ kind: 'INVALID_INPUT', field: 'file' });
    expect(await put(documentId, largest)).toMatchObject({ kind: 'FILE_PUT', size: FILE_BYTES_MAX });
  });

  test('does not open for another document', async () => {
    const [first, second] = [await submitted(), await submitted()];
    await put(first);
    await put(second);
    await fresh.sql(
      'UPDATE supplier_document_file f SET sealed = o.sealed FROM supplier_document_file o WHERE f.document_id = $1 AND o.document_id = $2',
      [second, first],
    );
    await expect(readDocumentFile(fresh.db, testVault, w.viewer('S'), second)).rejects.toThrow();
  });
});

describe('people of a supplier', () => {
  const add = (email: string, role: 'OWNER' | 'VIEWER', viewer = w.viewer('S'), supplierId: string = w.suppliers.S) =>
    addSupplierMember(fresh.db, viewer, { supplierId, email, name: '', role });

  test('are added by its owner or by headquarters’, once, and signed in for it alone', async () => {
    expect(await add('new@s.example', 'VIEWER')).toMatchObject({ kind: 'MEMBER_ADDED', temporaryPassword: expect.any(String) });
    expect(await add('New@S.example', 'OWNER', w.viewer('HQ'))).toMatchObject({ kind: 'INVALID_INPUT', field: 'email' });
    expect(await add('x@s.example', 'OWNER', w.viewer('T'))).toEqual({ kind: 'NOT_FOUND' });
    expect(await add('x@s.example', 'OWNER', w.viewer('A'))).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await add('x@s.example', 'OWNER', other.viewer('HQ'))).toEqual({ kind: 'NOT_FOUND' });
  });

  test('lose their right at once; the last owner stays', async () => {
    const [member] = await rows<{ id: string; user_id: string }>(
      `SELECT id, user_id FROM membership WHERE network_id = $1 AND supplier_id = '${w.suppliers.S}' AND role = 'OWNER'`,
    );
    const membershipId = member?.id ?? '';
    const remove = (viewer = w.viewer('HQ')) => removeSupplierMember(fresh.db, viewer, { supplierId: w.suppliers.S, membershipId });
    expect(await remove()).toMatchObject({ kind: 'NOT_ALLOWED' });
    await add(`second@${w.networkId}.example`, 'OWNER', w.viewer('HQ'));
    expect(await remove(w.viewer('T'))).toEqual({ kind: 'NOT_FOUND' });
    const session = { token: `token-${w.networkId}`, party: { kind: 'SUPPLIER', supplierId: w.suppliers.S } as const };
    await fresh.sql(
      `INSERT INTO session (id, user_id, token, expires_at, created_at, updated_at) VALUES ($1, $2, $3, now() + interval '1 day', now(), now())`,
      [fresh.db.newId(), member?.user_id, session.token],
    );
    expect(await identifySession(fresh.db, session.token, session.party, null)).toMatchObject({ viewer: { party: session.party } });
    expect(await remove()).toMatchObject({ kind: 'MEMBER_REMOVED' });
    expect(await identifySession(fresh.db, session.token, session.party, null)).toBe('NOT_A_MEMBER');
  });
});
