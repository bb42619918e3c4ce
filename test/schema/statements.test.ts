import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rollUpOnce } from '#server/live/roll-ups.ts';
import type { Database } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';
import { ask } from './ask.ts';
import { HEAVY, type HeavyDocument } from './documents.ts';

const FEW = 2;
const MANY = 50;

interface Crowd {
  readonly viewers: Readonly<Record<HeavyDocument['as'], Viewer>>;
  readonly skuId: string;
  readonly orderIds: readonly string[];
}

let fresh: FreshDatabase;
let few: Crowd;
let many: Crowd;
let count = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
  countStatements(fresh.db.pool);
  few = await crowd(fresh.db, FEW);
  many = await crowd(fresh.db, MANY);
}, 120_000);
afterAll(() => fresh.drop());

describe('a document costs no more statements for 50 rows than for 2', () => {
  test('and there are more than twenty of them', () => expect(HEAVY.length).toBeGreaterThan(20));

  test.each(HEAVY.map((document) => [document.name, document] as const))('%s', async (_, document) => {
    const [forFew, forMany] = [await statementsOf(few, document), await statementsOf(many, document)];
    expect(forFew).toBeLessThanOrEqual(document.statements);
    expect(forMany).toBeLessThanOrEqual(document.statements);
  });
});

/** How many statements a document takes. */
async function statementsOf(from: Crowd, { as, text }: HeavyDocument): Promise<number> {
  const document = text.replace('SKU"', `${from.skuId}"`).replace('[ORDERS]', JSON.stringify(from.orderIds));
  count = 0;
  const result = await ask(fresh.db, from.viewers[as], document);
  const taken = count;
  expect(result.errors).toBeUndefined();
  return taken;
}

/** Counts what is sent to the database on any of its connections. */
function countStatements(pool: pg.Pool): void {
  pool.on('connect', (client) => {
    const send = client.query.bind(client) as (...given: unknown[]) => unknown;
    client.query = ((...given: unknown[]) => {
      count += 1;
      return send(...given);
    }) as typeof client.query;
  });
}

/** A network with `size` of everything that a list may hold. */
async function crowd(db: Database, size: number): Promise<Crowd> {
  const numbers = Array.from({ length: size }, (_, index) => index + 1);
  const w = await world(db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', wallet: '90000.00', kind: 'SUBSTATION', level: 'gold' },
      ...Object.fromEntries(numbers.map((n) => [`R${n}`, { parent: 'A', wallet: '9000.00', level: `level ${n}` }])),
      ...Object.fromEntries(numbers.map((n) => [`B${n}`, { parent: 'HQ', kind: 'SUBSTATION', level: 'gold' }])),
    } as Record<string, { parent?: string }>,
    suppliers: numbers.map((n) => `S${n}`),
    skus: Object.fromEntries(numbers.map((n) => [`goods ${n}`, { basePrice: '10.0000', category: `shelf ${n}` }])),
    rules: numbers.flatMap((n) => [
      { by: 'A', child: `R${n}`, sku: `goods ${n}`, kind: 'PERCENT' as const, value: '2', breaks: [{ minQuantity: 5, value: '1' }] },
      { by: 'A', level: `level ${n}`, category: `shelf ${n}`, kind: 'FIXED' as const, value: '0.20' },
    ]),
    bands: numbers.map((n) => ({ sku: `goods ${n}`, ceiling: '30' })),
    plans: numbers.map((n) => ({ sku: `goods ${n}`, poolKind: 'PERCENT' as const, poolValue: '1', shareBps: [5000, 3000] })),
    lots: numbers.map((n) => ({ sku: `goods ${n}`, supplier: `S${n}`, totalCost: '90.00', keys: 10 })),
  });
  const viewers = { HQ: w.viewer('HQ'), A: w.viewer('A'), R1: w.viewer('R1') };
  const skuIds = numbers.map((n) => globalId('Sku', w.skus[`goods ${n}`] ?? ''));
  const orderIds = await Promise.all(numbers.map((n, index) => orderAndComplain(db, w.viewer(`R${n}`), `order ${n}`, skuIds[index] ?? '')));
  await Promise.all(numbers.map((n, index) => place(db, viewers.A, `own ${n}`, skuIds[index] ?? '')));
  for (const n of numbers)
    await ask(db, viewers.HQ, `mutation { createApiKey(input: { name: "key ${n}", permissions: [ORDERS_READ] }) { __typename } }`);
  // a document of each supplier, about one category
  await db.pool.query(
    `INSERT INTO supplier_document (network_id, id, supplier_id, type, covers_all, category_ids, created_by, created_at, updated_at)
     SELECT s.network_id, s.id, s.id, 'OTHER', false, ARRAY[k.category_path[1]], s.id, s.created_at, s.created_at
     FROM supplier s JOIN lot l ON l.network_id = $1 AND l.supplier_id = s.id JOIN sku k ON k.network_id = $1 AND k.id = l.sku_id WHERE s.network_id = $1`,
    [w.networkId],
  );
  await relayOnce(db);
  await rollUpOnce(db);
  // a party has at most twenty
  for (const n of numbers.slice(0, 20)) await webhook(db, viewers.HQ, `https://shop${n}.example.com/`);
  return { viewers, skuId: skuIds[0] ?? '', orderIds };
}

async function orderAndComplain(db: Database, buyer: Viewer, requestKey: string, skuId: string): Promise<string> {
  const id = await place(db, buyer, requestKey, skuId);
  const document =
    'mutation ($id: ID!) { refundOrder(input: { requestKey: "r", orderId: $id, amount: "0.10", reason: "late" }) { __typename } }';
  expect((await ask(db, buyer, document, { id })).data).toEqual({ refundOrder: { __typename: 'RefundRequested' } });
  return id;
}

async function place(db: Database, buyer: Viewer, requestKey: string, skuId: string): Promise<string> {
  const document = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { order { id } } } }';
  const { data } = await ask(db, buyer, document, { input: { requestKey, skuId, quantity: 1, maxTotal: '100' } });
  return (data as { placeOrder: { order: { id: string } } }).placeOrder.order.id;
}

async function webhook(db: Database, viewer: Viewer, url: string): Promise<void> {
  const made = await ask(
    db,
    viewer,
    'mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { ... on WebhookEndpointCreated { webhookEndpoint { id } } } }',
    { input: { url, document: 'subscription { orderUpdated(scope: OWNED) { kind } }' } },
  );
  const { id } = (made.data as { createWebhookEndpoint: { webhookEndpoint: { id: string } } }).createWebhookEndpoint.webhookEndpoint;
  for (let count = 0; count < 2; count += 1)
    await ask(db, viewer, 'mutation ($id: ID!) { testWebhookEndpoint(input: { webhookEndpointId: $id }) { __typename } }', { id });
}
