import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { alertsPage } from '#server/alerts/reads.ts';
import { checkLicences } from '#server/flows/licences.ts';
import { putDocumentFile } from '#server/flows/supplier-files.ts';
import { changeDocument, reviewDocument, setStanding, submitDocument, withdrawDocument } from '#server/flows/supplier-papers.ts';
import { controllableClock } from '#server/platform/clock.ts';
import type { DocumentFacts, SupplierStanding } from '#server/suppliers/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { makeOffer } from '#test/support/supply.ts';
import { testVault, type World, world } from '#test/support/world.ts';

// noon of 1 March in Shanghai
const START = new Date('2026-03-01T04:00:00Z');
const DAY = 86_400_000;
const PDF = Buffer.from('%PDF-1.7\nlicence');

const clock = controllableClock(START);
let fresh: FreshDatabase;
let w: World<'HQ' | 'A', 'game' | 'card' | 'branded', 'S' | 'T'>;
let offers: Record<'game' | 'card' | 'branded' | 'foreign', string>;

beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  clock.set(START);
  w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' } },
    suppliers: ['S', 'T'],
    skus: {
      game: { basePrice: '10', category: 'Games' },
      card: { basePrice: '10', category: 'Cards' },
      branded: { basePrice: '10', category: 'Cards' },
    },
  });
  await fresh.sql(`UPDATE product SET brand = 'Steam' WHERE network_id = $1 AND id = $2`, [w.networkId, w.products.branded]);
  const offer = async (sku: string, supplier: string) => (await makeOffer(fresh.db, w, { sku, supplier, unitCost: '8.00' })).offerId;
  offers = {
    game: await offer('game', 'S'),
    card: await offer('card', 'S'),
    branded: await offer('branded', 'S'),
    foreign: await offer('game', 'T'),
  };
  await checkLicences(fresh.db);
});

const FACTS: DocumentFacts = {
  type: 'ICP_LICENCE',
  number: '京B2-20260001',
  issuedOn: null,
  expiresOn: '2026-03-31',
  categoryIds: [],
  brands: [],
};

/** Hands in a document with its file, and approves it. */
async function approved(facts: Partial<DocumentFacts> = {}, isRequired: boolean | null = null): Promise<string> {
  const saved = await submitDocument(fresh.db, w.viewer('S'), { supplierId: w.suppliers.S, facts: { ...FACTS, ...facts } });
  if (saved.kind !== 'DOCUMENT_SAVED') throw new Error(JSON.stringify(saved));
  return approve(saved.documentId, isRequired);
}

async function approve(documentId: string, isRequired: boolean | null = null): Promise<string> {
  expect(await putDocumentFile(fresh.db, testVault, w.viewer('S'), { documentId, name: 'icp.pdf', bytes: PDF })).toMatchObject({
    kind: 'FILE_PUT',
  });
  const review = { documentId, expectedVersion: await versionOf('supplier_document', documentId), approve: true, isRequired, reason: '' };
  expect(await reviewDocument(fresh.db, w.viewer('HQ', 'MANAGER'), review)).toEqual({ kind: 'DOCUMENT_SAVED', documentId });
  return documentId;
}

async function versionOf(table: 'supplier_document' | 'supplier', id: string): Promise<number> {
  const [row] = await fresh.sql<{ version: number }>(`SELECT version FROM ${table} WHERE network_id = $1 AND id = $2`, [w.networkId, id]);
  return row?.version ?? 0;
}

/** Lets days pass, and looks at what has expired. */
async function jump(days: number): Promise<void> {
  clock.advance(days * DAY);
  await checkLicences(fresh.db);
}

async function frozen(): Promise<Record<string, string>> {
  const rows = await fresh.sql<{ id: string; frozen_reason: string }>(
    'SELECT id, frozen_reason FROM supply_offer WHERE network_id = $1 AND frozen_reason IS NOT NULL',
    [w.networkId],
  );
  const names = new Map(Object.entries(offers).map(([name, id]) => [id, name]));
  return Object.fromEntries(rows.map(({ id, frozen_reason }) => [names.get(id) ?? id, frozen_reason]));
}

async function alerts(open: boolean | null = true) {
  const { rows } = await alertsPage(fresh.db.pool, w.viewer('HQ'), open, { count: 50, direction: 'FORWARD', from: null });
  return rows.map(({ kind, data }) => (kind === 'LICENCE_EXPIRING' ? `${kind} ${data['stageDays']}` : kind));
}

async function events(topic: string): Promise<number> {
  const [row] = await fresh.sql<{ count: number }>('SELECT count(*)::int AS count FROM outbox_event WHERE network_id = $1 AND topic = $2', [
    w.networkId,
    topic,
  ]);
  return row?.count ?? 0;
}

const stand = async (standing: SupplierStanding, reason = 'because') =>
  setStanding(fresh.db, w.viewer('HQ'), {
    supplierId: w.suppliers.S,
    expectedVersion: await versionOf('supplier', w.suppliers.S),
    standing,
    reason,
  });

describe('a licence that expires', () => {
  test('is told of at 30, 7 and 1 days, once each, and freezes every offer that it covers the day after its last', async () => {
    await approved();
    expect(await alerts()).toEqual(['LICENCE_EXPIRING 30']);
    await jump(1);
    await jump(21);
    expect(await alerts(null)).toEqual(['LICENCE_EXPIRING 30']);
    await jump(1);
    expect(await alerts()).toEqual(['LICENCE_EXPIRING 7']);
    await jump(1);
    await jump(5);
    expect(await alerts()).toEqual(['LICENCE_EXPIRING 1']);
    await jump(1);
    expect(await alerts(null)).toEqual(['LICENCE_EXPIRING 1', 'LICENCE_EXPIRING 7', 'LICENCE_EXPIRING 30']);
    expect(await frozen()).toEqual({});
    await jump(1);
    expect(await alerts()).toEqual(['LICENCE_EXPIRED']);
    expect(await frozen()).toEqual({ branded: 'LICENCE_EXPIRED', card: 'LICENCE_EXPIRED', game: 'LICENCE_EXPIRED' });
    expect(await events('alert.raised')).toBe(4);
    expect([await events('offer.changed'), await events('stock.changed')]).toEqual([3, 3]);
    await jump(0);
    await jump(5);
    expect([await events('alert.raised'), await events('offer.changed')]).toEqual([4, 3]);
  });

  test('is seen at once after a jump of the clock, by the narrowest warning alone, and undone when the clock goes back', async () => {
    await approved({ expiresOn: '2026-05-20' });
    expect(await alerts(null)).toEqual([]);
    await jump(75);
    expect(await alerts(null)).toEqual(['LICENCE_EXPIRING 7']);
    await jump(30);
    expect(await alerts()).toEqual(['LICENCE_EXPIRED']);
    expect(Object.keys(await frozen()).sort()).toEqual(['branded', 'card', 'game']);
    await jump(-40);
    expect(await alerts()).toEqual(['LICENCE_EXPIRING 30']);
    expect(await frozen()).toEqual({});
  });

  test('ends with the day of the network, not of the machine', async () => {
    await approved({ expiresOn: '2026-03-01' });
    // 23:59 in Shanghai is still its last day
    clock.set(new Date('2026-03-01T15:59:00Z'));
    await checkLicences(fresh.db);
    expect(await frozen()).toEqual({});
    clock.set(new Date('2026-03-01T16:00:00Z'));
    await checkLicences(fresh.db);
    expect(Object.keys(await frozen()).sort()).toEqual(['branded', 'card', 'game']);
  });

  test('freezes what it covers: the categories and brands that it names, with all below them, and nobody else’s', async () => {
    await approved({ categoryIds: [w.categories['Games'] ?? ''] });
    await approved({ type: 'TRADEMARK_AUTHORISATION', brands: ['Steam'], expiresOn: '2026-03-05' });
    await jump(5);
    expect(await frozen()).toEqual({ branded: 'LICENCE_EXPIRED' });
    await jump(30);
    expect(await frozen()).toEqual({ branded: 'LICENCE_EXPIRED', game: 'LICENCE_EXPIRED' });
  });

  test('freezes nothing that is not required, and is told of all the same', async () => {
    await approved({ expiresOn: '2026-03-02' }, false);
    await jump(2);
    expect(await frozen()).toEqual({});
    expect(await alerts()).toEqual(['LICENCE_EXPIRED']);
  });

  test('holds back what it covers until the document that follows is approved, not merely handed in', async () => {
    const old = await approved({ expiresOn: '2026-03-02' });
    await jump(2);
    const change = {
      documentId: old,
      expectedVersion: await versionOf('supplier_document', old),
      facts: { ...FACTS, expiresOn: '2027-03-01' },
    };
    const saved = await changeDocument(fresh.db, w.viewer('S'), change);
    if (saved.kind !== 'DOCUMENT_SAVED') throw new Error(saved.kind);
    expect(saved.documentId).not.toBe(old);
    expect(Object.keys(await frozen())).toHaveLength(3);
    expect(await changeDocument(fresh.db, w.viewer('S'), change)).toMatchObject({ kind: 'NOT_ALLOWED' });
    await approve(saved.documentId);
    expect(await frozen()).toEqual({});
    expect(await alerts()).toEqual([]);
    const states = await fresh.sql('SELECT state FROM supplier_document WHERE network_id = $1 ORDER BY id', [w.networkId]);
    expect(states).toEqual([{ state: 'SUPERSEDED' }, { state: 'APPROVED' }]);
  });

  test('is let go by headquarters, and by nobody else', async () => {
    const documentId = await approved({ expiresOn: '2026-03-02' });
    await jump(2);
    const withdrawal = { documentId, expectedVersion: await versionOf('supplier_document', documentId), reason: 'not needed' };
    expect(await withdrawDocument(fresh.db, w.viewer('S'), withdrawal)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(Object.keys(await frozen())).toHaveLength(3);
    expect(await withdrawDocument(fresh.db, w.viewer('HQ'), withdrawal)).toMatchObject({ kind: 'DOCUMENT_SAVED' });
    expect(await frozen()).toEqual({});
    expect(await alerts()).toEqual([]);
    const [kept] = await fresh.sql<{ count: number }>('SELECT count(*)::int AS count FROM supplier_document_file WHERE document_id = $1', [
      documentId,
    ]);
    expect(kept?.count).toBe(1);
  });

  test('is looked at by several processes at once as by one', async () => {
    await approved({ expiresOn: '2026-03-08' });
    clock.advance(8 * DAY);
    await Promise.all([checkLicences(fresh.db), checkLicences(fresh.db), checkLicences(fresh.db), checkLicences(fresh.db)]);
    expect([await events('alert.raised'), await events('alert.resolved'), await events('offer.changed')]).toEqual([2, 1, 3]);
    expect(await alerts()).toEqual(['LICENCE_EXPIRED']);
  });
});

describe('a supplier that does not trade', () => {
  test('has its offers frozen while it is suspended, and used again when it is active', async () => {
    expect(await stand('SUSPENDED', '')).toMatchObject({ kind: 'INVALID_INPUT', field: 'reason' });
    expect(await stand('SUSPENDED')).toEqual({ kind: 'SUPPLIER_CHANGED', supplierId: w.suppliers.S });
    expect(await frozen()).toEqual({ branded: 'SUPPLIER_SUSPENDED', card: 'SUPPLIER_SUSPENDED', game: 'SUPPLIER_SUSPENDED' });
    await stand('ACTIVE', '');
    expect(await frozen()).toEqual({});
  });

  test('that comes back finds the offers of an expired licence frozen still', async () => {
    await approved({ expiresOn: '2026-03-02', categoryIds: [w.categories['Games'] ?? ''] });
    await stand('SUSPENDED');
    await jump(2);
    expect(new Set(Object.values(await frozen()))).toEqual(new Set(['SUPPLIER_SUSPENDED']));
    await stand('ACTIVE', '');
    expect(await frozen()).toEqual({ game: 'LICENCE_EXPIRED' });
  });

  test('is closed for good, its warnings with it; what somebody else froze stays as it is', async () => {
    await approved();
    await fresh.sql(`UPDATE supply_offer SET frozen_reason = 'BY_HAND' WHERE network_id = $1 AND id = $2`, [w.networkId, offers.card]);
    expect(await stand('CLOSED')).toMatchObject({ kind: 'SUPPLIER_CHANGED' });
    expect(await frozen()).toEqual({ branded: 'SUPPLIER_CLOSED', card: 'BY_HAND', game: 'SUPPLIER_CLOSED' });
    expect(await alerts()).toEqual([]);
    expect(await stand('ACTIVE')).toMatchObject({ kind: 'NOT_ALLOWED' });
  });
});
