import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { globalId } from '#schema/ids.ts';
import { createApiKey } from '#server/accounts/commands.ts';
import type { Permission } from '#server/accounts/rules.ts';
import { type Database, inTransaction, openDatabase } from '#server/platform/database.ts';
import { findFreePort } from '#server/platform/postgres-process.ts';
import { type ServerProcess, startServerProcess } from '#test/support/server-process.ts';
import { startThrowawayCluster } from '#test/support/throwaway-cluster.ts';
import { world } from '#test/support/world.ts';

/** One of two server processes on one database. It keeps its address through every death. */
export interface StormServer {
  readonly url: string;
  process(): ServerProcess;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
}

/** Two real server processes, a reseller's program that orders, and headquarters' program that watches and refunds. */
export interface Shop {
  readonly db: Database;
  readonly networkId: string;
  readonly skuId: string;
  readonly buyerKey: string;
  readonly ownerKey: string;
  readonly servers: readonly [StormServer, StormServer];
  close(): Promise<void>;
}

const VAULT_KEY = `test:${'07'.repeat(32)}`;
const SESSION_SECRET = 'storm-storm-storm-storm-storm-storm';

/** Opens a shop with so many card keys; `settings` go to both servers. */
export async function openShop({
  keys,
  settings = {},
}: {
  readonly keys: number;
  readonly settings?: Record<string, string>;
}): Promise<Shop> {
  const directory = mkdtempSync(join(tmpdir(), 'fenzhan-storm-'));
  chmodSync(directory, 0o711);
  const cluster = await startThrowawayCluster(directory);
  const url = `${cluster.url}postgres`;
  const common = { DATABASE_URL: url, VAULT_KEY, SESSION_SECRET, LOG_LEVEL: 'warn', ...settings };
  // one after the other: the first brings the database up to date
  const first = await startServer(join(directory, 'a'), common);
  const second = await startServer(join(directory, 'b'), common);
  const db = openDatabase({ url, role: null, poolSize: 3 });
  return {
    db,
    ...(await fillShop(url, keys)),
    servers: [first, second],
    close: async () => {
      await Promise.all([first, second].map((server) => server.process().stop()));
      await db.close();
      await cluster.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function startServer(dataDir: string, settings: Record<string, string>): Promise<StormServer> {
  const port = await findFreePort(0);
  if (port === null) throw new Error('no free port');
  const start = () => startServerProcess({ dataDir, port, settings });
  let running = await start();
  return {
    url: running.url,
    process: () => running,
    restart: async () => {
      running = await start();
    },
  };
}

/** A supplier's goods, a station in between, and a reseller with money enough. */
async function fillShop(url: string, keys: number): Promise<Pick<Shop, 'networkId' | 'skuId' | 'buyerKey' | 'ownerKey'>> {
  const db = openDatabase({ url, poolSize: 2 });
  const made = await world(db, {
    refundLimit: '1000000.00',
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '90000000.00' } },
    suppliers: ['S'],
    skus: { K: { basePrice: '47.50' } },
    rules: [{ by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' }],
    lots: [{ sku: 'K', supplier: 'S', totalCost: `${keys * 40}.00`, keys }],
  });
  const keyOf = async (party: 'HQ' | 'R', permissions: readonly Permission[]) => {
    const request = { name: 'storm', permissions, expiresAt: null, allowedIps: [] };
    const key = await inTransaction(db, (tx) => createApiKey(tx, made.viewer(party), request));
    if (key.kind !== 'API_KEY_CREATED') throw new Error(key.message);
    return key.secret;
  };
  const buyerKey = await keyOf('R', ['ORDERS_PLACE', 'ORDERS_READ']);
  const ownerKey = await keyOf('HQ', ['ORDERS_READ', 'REFUNDS_ASK', 'REFUNDS_DECIDE']);
  await db.close();
  return { networkId: made.networkId, skuId: globalId('Sku', made.skus.K), buyerKey, ownerKey };
}
