import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { globalId } from '#schema/ids.ts';
import { type Database, inTransaction, openDatabase } from '#server/platform/database.ts';
import { type ServerProcess, startServerProcess } from '#test/support/server-process.ts';
import { arrangeShop, createKey, type Shop, stockUp } from './arrange.ts';
import { type BenchCluster, startBenchCluster } from './cluster.ts';
import { openWire, postOf } from './wire.ts';

/** How many and how long; see `npm run bench:live -- --help`. */
export interface LiveOptions {
  readonly subscribers: number;
  readonly documents: number;
  readonly classes: number;
  /** 1: every document in every class (D × C groups); 0: each document in one class (as many groups as the larger of both). */
  readonly everyPair: number;
  readonly resumed: number;
  readonly gap: number;
  readonly stuck: number;
  readonly seconds: number;
  readonly slowSeconds: number;
  readonly rounds: number;
  /** Of the SKU that everybody watches, so many that no case sells it out. */
  readonly keys: number;
}

/** Everything that the live cases run on: a database of their own, a network, and server processes on request. */
export interface LiveStage {
  readonly options: LiveOptions;
  readonly cluster: BenchCluster;
  readonly db: Database;
  /** The network whose events are watched. */
  readonly shop: Shop;
  /** Starts a server process; `settings` beside the database's address. */
  serve(settings?: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /** Another network in the same database: its orders reach none of the subscribers. */
  neighbour(): Promise<Shop>;
  /** Somebody who places orders through this server. */
  shopper(server: ServerProcess, buyer?: number): Promise<Shopper>;
  /** An API key of a station of the network that reads catalogue and orders. */
  program(stationId: string): Promise<string>;
  /** When the transactions that placed these orders were committed, in milliseconds since 1970, by their global ids. */
  committedAt(orderIds: readonly string[]): Promise<Map<string, number>>;
  close(): Promise<void>;
}

/** Places orders of one card key each, one after the other. */
export interface Shopper {
  /** Buys one of the network's first SKU and answers the order's global id: it is committed. */
  buy(): Promise<string>;
  /** Buys so many, 100 in a request; answers their ids. */
  buyMany(count: number): Promise<string[]>;
  close(): void;
}

/** Sub-stations above the buyers, headquarters included. */
const CHAIN = 5;
/** Stations with a program; at most as many classes can be met. */
const PROGRAMS = 64;
const ORDER =
  'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { ... on OrderPlaced { order { id } } ... on Refusal { code } } }';
const ORDERS =
  'mutation ($input: PlaceOrdersInput!) { placeOrders(input: $input) { ... on PlaceOrdersPayload { results { ... on OrderPlaced { order { id } } ... on Refusal { code } } } } }';

/** Starts a PostgreSQL that keeps the times of commits, and makes the network. */
export async function openLiveStage(options: LiveOptions): Promise<LiveStage> {
  const cluster = await startBenchCluster({ track_commit_timestamp: 'on' });
  const db = openDatabase({ url: cluster.url, role: null, poolSize: 4 });
  const arrange = async () => {
    const made = await arrangeShop(db, { chain: CHAIN, stations: 200, skus: 100, keysPerSku: 200, programs: PROGRAMS });
    await stockUp(db, made.networkId, options.keys, made.skuIds.slice(0, 1));
    await db.pool.query('VACUUM ANALYZE');
    return made;
  };
  const shop = await arrange();
  const running: ServerProcess[] = [];
  let neighbour: Promise<Shop> | null = null;
  return {
    options,
    cluster,
    db,
    shop,
    serve: async (settings = {}) => {
      const dataDir = join(cluster.directory, `server-${running.length + 1}`);
      const server = await startServerProcess({
        dataDir,
        settings: { DATABASE_URL: cluster.url, LOG_LEVEL: 'warn', ...settings },
      });
      running.push(server);
      return server;
    },
    neighbour: () => (neighbour ??= arrange()),
    shopper: (server, buyer = 0) => openShopper(server, shop, buyer),
    program: (stationId) => openProgram(db, shop.networkId, stationId),
    committedAt: (orderIds) => readCommits(db, shop.networkId, orderIds),
    close: async () => {
      for (const server of running) await server.stop();
      await db.close();
      await cluster.stop();
    },
  };
}

/** Memory that a process has in the machine's, in bytes. */
export function memoryOf(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes ?? 0) * 1024;
}

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function openShopper(server: ServerProcess, shop: Shop, buyer: number): Promise<Shopper> {
  const wire = await openWire(Number(new URL(server.url).port));
  const secret = shop.buyers[buyer]?.secret ?? '';
  const skuId = globalId('Sku', shop.skuIds[0] ?? '');
  const run = crypto.randomUUID();
  let number = 0;
  const order = () => ({ requestKey: `${run}-${(number += 1)}`, skuId, quantity: 1, maxTotal: '200.00' });
  const ask = (query: string, input: object) => wire.ask(postOf('/graphql', secret, JSON.stringify({ query, variables: { input } })));
  return {
    buy: async () => idsIn(await ask(ORDER, order()), 1)[0] ?? '',
    buyMany: async (count) => {
      const ids: string[] = [];
      while (ids.length < count) {
        const orders = Array.from({ length: Math.min(100, count - ids.length) }, order);
        ids.push(...idsIn(await ask(ORDERS, { orders }), orders.length));
      }
      return ids;
    },
    close: () => wire.close(),
  };
}

function idsIn(answer: string, count: number): string[] {
  const ids = [...answer.matchAll(/"order":\{"id":"([^"]+)"/g)].map(([, id = '']) => id);
  if (ids.length !== count) throw new Error(`not every order was placed: ${answer.slice(0, 500)}`);
  return ids;
}

async function openProgram(db: Database, networkId: string, stationId: string): Promise<string> {
  const { rows } = await db.pool.query<{ created_by: string }>('SELECT created_by FROM api_key WHERE network_id = $1 LIMIT 1', [networkId]);
  const userId = rows[0]?.created_by ?? '';
  return inTransaction(db, (tx) => createKey(tx, { networkId, userId, stationId }, ['CATALOGUE_READ', 'ORDERS_READ']));
}

async function readCommits(db: Database, networkId: string, orderIds: readonly string[]): Promise<Map<string, number>> {
  const ids = orderIds.map((id) => Buffer.from(id, 'base64url').toString().slice('Order:'.length));
  const { rows } = await db.pool.query<{ id: string; at: string }>(
    `SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at FROM orders WHERE network_id = $1 AND id = ANY ($2)`,
    [networkId, ids],
  );
  if (rows.length !== orderIds.length) throw new Error(`${orderIds.length} orders were placed, and ${rows.length} are there`);
  return new Map(rows.map(({ id, at }) => [globalId('Order', id), Number(at)]));
}
