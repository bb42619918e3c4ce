import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeId, globalId } from '#schema/ids.ts';
import { createApiKey } from '#server/accounts/commands.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { type Database, inTransaction, openDatabase, run, statement } from '#server/platform/database.ts';
import { findRunningPostgres } from '#server/platform/embedded-postgres.ts';
import { readPostmaster } from '#server/platform/postgres-process.ts';
import { type ServerProcess, startServerProcess } from '#test/support/server-process.ts';
import { world } from '#test/support/world.ts';

const ROUNDS = 20;
const CLIENTS = 12;
const LIST = 4;
const KEYS = 40_000;
const VAULT_KEY = `test:${'07'.repeat(32)}`;

interface Shop {
  readonly networkId: string;
  readonly apiKey: string;
  readonly skuId: string;
}

/** What the buyer's programs know of their orders, by request key: acknowledged with an id, or sent and never answered. */
interface Books {
  readonly acknowledged: Map<string, string>;
  readonly unanswered: Set<string>;
}

let dataDir: string;
let server: ServerProcess;
const books: Books = { acknowledged: new Map(), unanswered: new Set() };

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'fenzhan-crash-'));
  chmodSync(dataDir, 0o711);
});
afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test(`the server is killed ${ROUNDS} times in the middle of load: nothing acknowledged is missing, nothing is delivered twice`, async () => {
  server = await start();
  const shop = await openShop();
  for (let round = 1; round <= ROUNDS; round += 1) {
    await killUnderLoad(shop, round);
    server = await start();
    await settle(shop);
    await compareBooks(shop);
  }
  expect(books.acknowledged.size).toBeGreaterThan(ROUNDS * CLIENTS);
  const breaches = await withDatabase((db) => auditLedger(db.pool, shop.networkId));
  expect(breaches).toEqual([]);
}, 600_000);

function start(): Promise<ServerProcess> {
  return startServerProcess({ dataDir, settings: { VAULT_KEY, LOG_LEVEL: 'error' } });
}

/** A supplier's goods, a station in between, and a reseller with a program and money enough. */
function openShop(): Promise<Shop> {
  return withDatabase(async (db) => {
    const made = await world(db, {
      stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '9000000.00' } },
      suppliers: ['S'],
      skus: { K: { basePrice: '47.50' } },
      rules: [
        { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
        { by: 'A', kind: 'FIXED', value: '0.30' },
      ],
      plans: [{ sku: 'K', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000] }],
      lots: [{ sku: 'K', supplier: 'S', totalCost: '1600000.00', keys: KEYS }],
    });
    const request = { name: 'program', permissions: ['ORDERS_PLACE', 'ORDERS_READ'] as const, expiresAt: null, allowedIps: [] };
    const key = await inTransaction(db, (tx) => createApiKey(tx, made.viewer('R'), request));
    if (key.kind !== 'API_KEY_CREATED') throw new Error(key.message);
    return { networkId: made.networkId, apiKey: key.secret, skuId: globalId('Sku', made.skus.K) };
  });
}

/** Twelve programs order as fast as they are answered, single orders and lists; in the midst of it the server is killed, every other time with its PostgreSQL. */
async function killUnderLoad(shop: Shop, round: number): Promise<void> {
  const before = books.acknowledged.size;
  let isOver = false;
  const program = async (client: number) => {
    for (let n = 1; !isOver; n += 1) {
      const name = `round ${round} program ${client} order ${n}`;
      const requestKeys = client % 2 === 0 ? [name] : Array.from({ length: LIST }, (_, index) => `${name}.${index + 1}`);
      await place(shop, requestKeys);
    }
  };
  const programs = Array.from({ length: CLIENTS }, (_, client) => program(client));
  // well under way, and not at the same point of a list each time
  while (books.acknowledged.size < before + CLIENTS + round * 3) await pause(1);
  await pause(round % 7);
  const postgres = readPostmaster(join(dataDir, 'postgres'));
  if (round % 2 === 0 && postgres !== null) process.kill(postgres.pid, 'SIGKILL');
  await server.kill();
  isOver = true;
  await Promise.all(programs);
}

/** Sends again, with the same request keys, all that was never answered: every one must be answered now. */
async function settle(shop: Shop): Promise<void> {
  const waiting = [...books.unanswered];
  for (let first = 0; first < waiting.length; first += 100) await place(shop, waiting.slice(first, first + 100));
  expect([...books.unanswered]).toEqual([]);
}

/** Every acknowledged order is there under the id that was acknowledged, once, paid and with its key; and no order is there that nobody knows of. */
async function compareBooks({ networkId }: Shop): Promise<void> {
  const rows = await withDatabase((db) => run(db.pool, placedOrders, [networkId]));
  expect(new Map(rows.map(({ request_key, id }) => [request_key, id]))).toEqual(books.acknowledged);
  expect(rows).toHaveLength(books.acknowledged.size);
  expect(rows.filter(({ keys, transfers }) => keys !== 1 || transfers !== 1)).toEqual([]);
}

const placedOrders = statement<{ request_key: string; id: string; keys: number; transfers: number }>(
  'test.placedOrders',
  `SELECT o.request_key, o.id,
          (SELECT count(*)::int FROM card_key_sale s WHERE s.network_id = o.network_id AND s.order_id = o.id) AS keys,
          (SELECT count(*)::int FROM transfer t WHERE t.network_id = o.network_id AND t.order_id = o.id) AS transfers
   FROM orders o WHERE o.network_id = $1`,
);

type Answer = { readonly __typename: string; readonly order?: { readonly id: string } };

const PLACE = `mutation ($orders: [PlaceOrderInput!]!) {
  placeOrders(input: { orders: $orders }) { ... on PlaceOrdersPayload { results { __typename ... on OrderPlaced { order { id } } } } }
}`;

async function place({ apiKey, skuId }: Shop, requestKeys: readonly string[]): Promise<void> {
  for (const requestKey of requestKeys) books.unanswered.add(requestKey);
  const orders = requestKeys.map((requestKey) => ({ requestKey, skuId, quantity: 1, maxTotal: '60.00' }));
  const results = await send(apiKey, orders);
  for (const [index, requestKey] of requestKeys.entries()) {
    const answer = results?.[index];
    if (answer === undefined) continue;
    const id = decodeId(answer.order?.id ?? '')?.id;
    if (answer.__typename !== 'OrderPlaced' || id === undefined) throw new Error(`${requestKey}: ${JSON.stringify(answer)}`);
    if ((books.acknowledged.get(requestKey) ?? id) !== id) throw new Error(`${requestKey} is two orders`);
    books.acknowledged.set(requestKey, id);
    books.unanswered.delete(requestKey);
  }
}

/** Null when no answer came back, or one that says that nothing is known. */
async function send(apiKey: string, orders: readonly object[]): Promise<Answer[] | null> {
  try {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ query: PLACE, variables: { orders } }),
    });
    const { data } = (await response.json()) as { data?: { placeOrders: { results: Answer[] } } | null };
    return data?.placeOrders.results ?? null;
  } catch {
    // the connection broke: the buyer knows nothing, which is what this test is about
    await pause(5);
    return null;
  }
}

async function withDatabase<Result>(work: (db: Database) => Promise<Result>): Promise<Result> {
  const url = findRunningPostgres(dataDir);
  if (url === null) throw new Error('the server does not run');
  const db = openDatabase({ url, poolSize: 2 });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
