import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { moveDeposit } from '#server/flows/move-deposit.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { putDocumentFile } from '#server/flows/supplier-files.ts';
import { setCompany } from '#server/flows/supplier-papers.ts';
import { ask } from '#test/schema/ask.ts';
import { mutationDocument } from '#test/schema/mutations.ts';
import { everything } from '#test/schema/walk.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';

/** What no supplier may ever read: prices, buyers and their words, and whatever is another supplier's. */
const CANARIES = {
  base: '67.5319',
  sold: '69.51',
  paid: '137.36',
  buyer: 'CanaryStreet',
  otherCost: '73.79',
  otherCompany: 'Tango Holdings',
  otherDeposit: '911.17',
};

let fresh: FreshDatabase;
let w: World<'HQ' | 'A' | 'CanaryStreet', 'card' | 'dear', 'S' | 'T'>;
let supplier: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' }, CanaryStreet: { parent: 'A', wallet: '5000.00' } },
    suppliers: ['S', 'T'],
    skus: { card: { basePrice: CANARIES.base }, dear: { basePrice: '99' } },
    rules: [{ by: 'A', kind: 'FIXED', value: '1.15' }],
    lots: [
      { sku: 'card', supplier: 'S', totalCost: '80.00', keys: 10 },
      { sku: 'dear', supplier: 'T', totalCost: '737.90', keys: 10 },
    ],
  });
  supplier = globalId('Supplier', w.suppliers.S);
  const orders = [];
  for (const [index, sku] of (['card', 'dear'] as const).entries()) {
    const order = {
      viewer: w.viewer('CanaryStreet'),
      channel: 'API',
      skuId: w.skus[sku],
      quantity: 2,
      externalRef: null,
      groupId: null,
    } as const;
    const [placed] = await placeOrders(fresh.db, [{ ...order, requestKey: `o-${index}`, maxTotal: '1000' }]);
    if (placed?.kind !== 'ORDER_PLACED') throw new Error(JSON.stringify(placed));
    orders.push(placed.orderId);
  }
  const refund = {
    requestKey: 'r',
    orderId: orders[0] ?? '',
    amount: '1.00',
    cardKeyIds: null,
    bearer: 'SUPPLIER',
    reason: 'CanaryStreet says: dead',
  } as const;
  const refunded = await refundOrder(fresh.db, w.viewer('HQ'), refund);
  if (refunded.kind !== 'ORDER_REFUNDED') throw new Error(refunded.kind);
  const company = { legalName: CANARIES.otherCompany, legalRepresentative: '', registrationNumber: '', taxId: '', address: '' };
  await setCompany(fresh.db, w.viewer('T'), { supplierId: w.suppliers.T, expectedVersion: 1, company });
  const deposit = { requestKey: 'd', supplierId: w.suppliers.T, move: 'PAY_IN', amount: CANARIES.otherDeposit, reason: 'bank' } as const;
  await moveDeposit(fresh.db, w.viewer('HQ'), deposit);
});
afterAll(() => fresh.drop());

const run = async (viewer: Viewer, name: string, input: Record<string, unknown>, selection: string) => {
  const result = await ask(fresh.db, viewer, mutationDocument(name, `__typename ... on Refusal { message } ${selection}`), { input });
  if (result.errors) throw result.errors[0];
  return (result.data as { x: Record<string, unknown> & { __typename: string } }).x;
};
const STATEMENT = 'statement { totalCount edges { node { account reason amount { amount } dueOn orderRef attemptRef note } } }';

describe('a supplier', () => {
  test('fills in its papers, headquarters reviews them, and both read the same', async () => {
    const [own, hq] = [w.viewer('S', 'MANAGER'), w.viewer('HQ', 'MANAGER')];
    const company = { supplierId: supplier, expectedVersion: 1, legalName: '星河卡券有限公司', address: '上海' };
    expect(
      await run(own, 'setSupplierCompany', company, '... on SupplierCompanySet { supplier { version company { legalName } } }'),
    ).toMatchObject({
      supplier: { version: 2, company: { legalName: '星河卡券有限公司' } },
    });
    expect(await run(hq, 'setSupplierCompany', company, '... on StaleVersion { current { id } }')).toMatchObject({
      __typename: 'StaleVersion',
      current: { id: supplier },
    });
    await run(own, 'saveSupplierContact', { supplierId: supplier, name: '王五', phone: '13800000000' }, '');
    const facts = { type: 'ICP_LICENCE', number: '京B2-1', expiresOn: '2199-12-31', brands: ['Steam'] };
    const submitted = await run(
      own,
      'submitSupplierDocument',
      { supplierId: supplier, facts },
      '... on SupplierDocumentSubmitted { document { id filePath state file { name } coversAll } }',
    );
    const document = submitted['document'] as { id: string; filePath: string };
    expect(document).toEqual({
      id: document.id,
      filePath: `/files/supplier-documents/${document.id}`,
      state: 'PENDING',
      file: null,
      coversAll: false,
    });
    const [row] = await fresh.sql<{ id: string }>('SELECT id FROM supplier_document WHERE network_id = $1', [w.networkId]);
    await putDocumentFile(fresh.db, testVault, own, { documentId: row?.id ?? '', name: 'icp.pdf', bytes: Buffer.from('%PDF-1.7') });
    const approval = { documentId: document.id, expectedVersion: 2, approve: true, isRequired: false };
    expect(
      await run(hq, 'reviewSupplierDocument', approval, '... on SupplierDocumentReviewed { document { state isRequired } }'),
    ).toMatchObject({
      document: { state: 'APPROVED', isRequired: false },
    });
    const query = `query ($id: ID!) { node(id: $id) { ... on Supplier { name standing version company { legalName address } contacts { name phone }
      documents { type number state daysLeft brands categories { name } file { name type byteCount } } members { role email } } }
      supplierDocuments(supplierId: $id) { totalCount edges { node { number } } } }`;
    const [seenBySelf, seenByHq] = await Promise.all(
      [w.viewer('S'), w.viewer('HQ')].map((viewer) => ask(fresh.db, viewer, query, { id: supplier })),
    );
    expect(seenBySelf).toEqual(seenByHq);
    expect(seenBySelf?.data).toMatchObject({
      node: {
        standing: 'ACTIVE',
        contacts: [{ name: '王五' }],
        documents: [{ state: 'APPROVED', file: { name: 'icp.pdf', byteCount: 8 } }],
        members: expect.any(Array),
      },
      supplierDocuments: { totalCount: 1 },
    });
  });

  test('sees what it is owed without a word of who bought or for how much, and nothing of another supplier', async () => {
    const document = `{ viewer { party { ... on Supplier { deposit { amount } payables { pending { amount } pastDue { amount } payable { amount } upcoming { amount { amount } } } ${STATEMENT} } } } }`;
    const answer = await ask(fresh.db, w.viewer('S', 'FINANCE'), document);
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toMatchObject({
      viewer: {
        party: {
          deposit: { amount: '0.00' },
          payables: {
            pending: { amount: '15.88' },
            pastDue: { amount: '0.00' },
            payable: { amount: '0.00' },
            upcoming: [{ amount: { amount: '15.88' } }],
          },
          statement: {
            totalCount: 2,
            edges: [{ node: { reason: 'REFUND', note: '' } }, { node: { reason: 'COST', amount: { amount: '16.00' }, attemptRef: null } }],
          },
        },
      },
    });
    const other = globalId('Supplier', w.suppliers.T);
    const texts = [JSON.stringify(answer)];
    for (const role of ['OWNER', 'MANAGER', 'FINANCE', 'VIEWER'] as const) {
      for (const id of [supplier, other]) {
        const deep = `{ node(id: "${id}") { ... on Supplier { ${everything('Supplier', 3)} ${STATEMENT} } } supplierDocuments(supplierId: "${id}") { totalCount edges { node { id } } } }`;
        texts.push(JSON.stringify(await ask(fresh.db, w.viewer('S', role), deep)));
      }
    }
    const told = texts.join('\n');
    expect(told).toContain('15.88');
    expect(Object.entries(CANARIES).filter(([, figure]) => told.includes(figure))).toEqual([]);
    expect((await ask(fresh.db, w.viewer('S'), '{ supplierDocuments(supplierId: "x") { totalCount } }')).data).toEqual({
      supplierDocuments: { totalCount: 0 },
    });
  });

  test('is told to other stations by its name at most', async () => {
    const document = `query ($id: ID!) { node(id: $id) { id ... on Supplier { name standing company { legalName } deposit { amount } } } }`;
    expect((await ask(fresh.db, w.viewer('A'), document, { id: supplier })).data).toEqual({ node: null });
    const mine = await ask(fresh.db, w.viewer('HQ'), document, { id: globalId('Supplier', w.suppliers.T) });
    expect(mine.data).toMatchObject({
      node: { company: { legalName: CANARIES.otherCompany }, deposit: { amount: CANARIES.otherDeposit } },
    });
  });
});

test('headquarters creates a supplier, moves its deposit and closes it, each answered with its facts', async () => {
  const hq = w.viewer('HQ');
  const input = { requestKey: 'c', name: '云卡', code: 'YK', ownerEmail: 'owner@yk.example' };
  const CREATED = '... on SupplierCreated { replayed temporaryPassword supplier { id standing version } }';
  const created = await run(hq, 'createSupplier', input, CREATED);
  expect(created).toMatchObject({ replayed: false, temporaryPassword: expect.any(String), supplier: { standing: 'APPLIED', version: 1 } });
  expect(await run(hq, 'createSupplier', input, CREATED)).toMatchObject({ replayed: true, temporaryPassword: null });
  const { id } = created['supplier'] as { id: string };
  const MOVED =
    '... on SupplierDepositMoved { replayed amount { amount } supplier { deposit { amount } } } ... on InsufficientBalance { available { amount } }';
  const move = (requestKey: string, kind: string, amount: string) =>
    run(w.viewer('HQ', 'FINANCE'), 'moveSupplierDeposit', { requestKey, supplierId: id, move: kind, amount, reason: 'bank' }, MOVED);
  expect(await move('1', 'PAY_IN', '20')).toMatchObject({
    replayed: false,
    amount: { amount: '20.00' },
    supplier: { deposit: { amount: '20.00' } },
  });
  expect(await move('2', 'DEDUCT', '20.01')).toMatchObject({ __typename: 'InsufficientBalance', available: { amount: '20.00' } });
  const close = { supplierId: id, expectedVersion: 1, standing: 'CLOSED', reason: 'over' };
  expect(await run(hq, 'setSupplierStanding', close, '')).toMatchObject({ __typename: 'NotAllowed' });
  await move('3', 'RETURN', '20');
  expect(await run(hq, 'setSupplierStanding', close, '... on SupplierStandingSet { supplier { standing standingReason } }')).toMatchObject({
    supplier: { standing: 'CLOSED', standingReason: 'over' },
  });
});
