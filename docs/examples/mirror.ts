// A reseller's mirror: node mirror.ts [file]. Keeps in a JSON file what may be bought, with price and stock, and the states of its orders.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const url = `${process.env['FENZHAN_URL'] ?? 'http://localhost:4000'}/graphql`;
const authorization = `Bearer ${process.env['FENZHAN_API_KEY']}`;
const file = process.argv[2] ?? 'mirror.json';

type Offer = { unitPrice: { amount: string } | null; notSellable: string | null; stock: { availableCount: number | null; many: boolean } };
type Sku = { id: string; code: string; offer: Offer };
type Order = { id: string; state: string };
type Page<Node> = { edges: { node: Node }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
type Mirror = { cursors: Record<string, string>; skus: Record<string, Sku>; orders: Record<string, string> };
type Events = {
  stockUpdated: { cursor: string; sku: Sku; stock: Offer['stock'] };
  priceChanged: { cursor: string; hasMore: boolean; changes: { skuId: string; sku: Sku | null }[] };
  orderUpdated: { cursor: string; order: Order };
};

const SKU = 'id code offer { unitPrice { amount } notSellable stock { availableCount many } }';
const CATALOGUE = `query ($after: String) { eventCursor catalogue(first: 100, after: $after) { edges { node { ${SKU} } } pageInfo { hasNextPage endCursor } } }`;
const ORDERS = '{ orders(scope: MINE, first: 100) { edges { node { id state } } } }';
const FEEDS: Record<keyof Events, string> = {
  stockUpdated: `subscription ($after: Cursor) { stockUpdated(after: $after) { cursor sku { ${SKU} } stock { availableCount many } } }`,
  priceChanged: `subscription ($after: Cursor) { priceChanged(after: $after) { cursor hasMore changes { skuId sku { ${SKU} } } } }`,
  orderUpdated: 'subscription ($after: Cursor) { orderUpdated(scope: MINE, after: $after) { cursor order { id state } } }',
};

let saving: NodeJS.Timeout | undefined;
let mirror: Mirror | null = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;

for (let failures = 0; ; failures += 1) {
  try {
    mirror ??= await readAll();
    save();
    await follow(mirror, () => {
      failures = 0;
    });
  } catch (error) {
    const { code, message } = error as { code?: number | string; message?: string };
    console.log(`lost: ${code ?? ''} ${message ?? ''}`);
    // the key was revoked, or never was one: trying again opens nothing
    if (code === 4401 || code === 'UNAUTHENTICATED') process.exit(1);
    // away for longer than events are kept, or more has changed than an event lists: begin again with the present state
    if (code === 'CURSOR_EXPIRED' || code === 'READ_AGAIN') mirror = null;
  }
  // a random part of a wait that doubles, so that not all clients come back in the same moment
  await sleep(Math.random() * Math.min(30_000, 250 * 2 ** failures));
}

/** The present state, page by page, from the cursor of the first page on: what changes while the others are read comes again as events. */
async function readAll(): Promise<Mirror> {
  const fresh: Mirror = { cursors: {}, skus: {}, orders: {} };
  let after: string | null = null;
  do {
    const { eventCursor, catalogue }: { eventCursor: string; catalogue: Page<Sku> } = await ask(CATALOGUE, { after });
    if (after === null) for (const name of Object.keys(FEEDS)) fresh.cursors[name] = eventCursor;
    for (const { node } of catalogue.edges) fresh.skus[node.id] = node;
    after = catalogue.pageInfo.hasNextPage ? catalogue.pageInfo.endCursor : null;
  } while (after !== null);
  const { orders } = await ask<{ orders: Page<Order> }>(ORDERS, {});
  for (const { node } of orders.edges) fresh.orders[node.id] = node.state;
  return fresh;
}

/** What an event says. Each feed owns its part: what comes late on one never overwrites what came on another. */
function apply({ skus, orders }: Mirror, { stockUpdated, priceChanged, orderUpdated }: Partial<Events>): void {
  if (stockUpdated) {
    const { sku, stock } = stockUpdated;
    const known = skus[sku.id] ?? sku;
    skus[sku.id] = { ...known, offer: { ...known.offer, stock } };
  }
  if (priceChanged?.hasMore) throw Object.assign(new Error('more prices have changed than are listed'), { code: 'READ_AGAIN' });
  for (const { skuId, sku } of priceChanged?.changes ?? []) {
    if (sku) skus[skuId] = { ...sku, offer: { ...sku.offer, stock: skus[skuId]?.offer.stock ?? sku.offer.stock } };
    else delete skus[skuId];
  }
  if (orderUpdated) orders[orderUpdated.order.id] = orderUpdated.order.state;
}

/** Follows all feeds on one connection, each from its own cursor; throws when the connection or a feed ends. */
async function follow(current: Mirror, onLive: () => void): Promise<void> {
  let silence: NodeJS.Timeout | undefined;
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, { handshakeTimeout: 5_000 });
      }
    },
    connectionParams: { authorization },
    connectionAckWaitTimeout: 5_000,
    retryAttempts: 0,
    keepAlive: 5_000,
    on: {
      connected: () => {
        console.log('live');
        onLive();
      },
      // a dead connection says nothing: whoever does not answer a ping is gone
      ping: (received) => {
        if (!received) silence = setTimeout(() => client.terminate(), 3_000);
      },
      pong: (received) => received && clearTimeout(silence),
    },
  });
  const feed = async (name: keyof Events) => {
    const request = { query: FEEDS[name], variables: { after: current.cursors[name] } };
    for await (const { data, errors } of client.iterate<Partial<Events>>(request)) {
      const event = data?.[name];
      if (!data || !event) throw failure(errors);
      apply(current, data);
      current.cursors[name] = event.cursor;
      saveSoon();
    }
    throw new Error(`${name} ended`);
  };
  try {
    await Promise.all([feed('stockUpdated'), feed('priceChanged'), feed('orderUpdated')]);
  } finally {
    clearTimeout(silence);
    void client.dispose();
  }
}

async function ask<Data>(query: string, variables: object): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(10_000),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: Refusals };
  if (!data || errors) throw failure(errors);
  return data;
}

type Refusals = readonly { message: string; extensions?: { [name: string]: unknown } | undefined }[] | undefined;

function failure(errors: Refusals): Error {
  return Object.assign(new Error(errors?.[0]?.message ?? 'no answer'), { code: errors?.[0]?.extensions?.['code'] });
}

/** State and cursors are one file, replaced as a whole: killed at any moment, the program goes on from what the file says. */
function save(): void {
  writeFileSync(`${file}.new`, JSON.stringify(mirror));
  renameSync(`${file}.new`, file);
}

function saveSoon(): void {
  saving ??= setTimeout(() => {
    saving = undefined;
    if (mirror) save();
  }, 100);
}
