import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { applyMigrations } from '#prisma/migrate.ts';
import { embeddedSettings } from '#server/platform/embedded-postgres.ts';
import { chooseSystemUser, findBinaries } from '#server/platform/postgres-binaries.ts';
import { findFreePort, initCluster, preparePlace, SUPERUSER, startPostgres } from '#server/platform/postgres-process.ts';
import { onSignal } from './endings.ts';

/** A cluster of the benchmark's own: migrated, empty, and as careful with its disk as the product's. */
export interface BenchCluster {
  /** The database as its superuser. */
  readonly url: string;
  /** The process that all others of this PostgreSQL descend from. */
  readonly pid: number;
  /** Where it lies; data folders of servers may lie beside it. */
  readonly directory: string;
  /** Makes another database, migrated and empty; answers its URL. */
  database(name: string): Promise<string>;
  /** Ends it and removes its folder. A signal that ends this process does so too. */
  stop(): Promise<void>;
}

/** The settings of the product's own PostgreSQL; fsync and synchronous_commit stay on. */
export const POSTGRES_SETTINGS = embeddedSettings();

/** Makes a cluster in a temporary folder. `more` is for looking inside (pg_stat_statements); figures are taken without. */
export async function startBenchCluster(more: Readonly<Record<string, string>> = {}): Promise<BenchCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'fenzhan-bench-'));
  let endServer: () => Promise<void> = async () => undefined;
  const stop = async () => {
    await endServer();
    rmSync(directory, { recursive: true, force: true });
    forget();
  };
  const forget = onSignal(stop);
  try {
    chmodSync(directory, 0o711);
    const dataDir = join(directory, 'cluster', 'data');
    const place = await preparePlace(dataDir, findBinaries(), chooseSystemUser(dataDir));
    const password = randomBytes(16).toString('hex');
    await initCluster(place, password);
    const port = await findFreePort(0);
    if (port === null) throw new Error('no port of 127.0.0.1 is free');
    const logFile = join(directory, 'postgres.log');
    const server = await startPostgres(place, port, { logFile, settings: { ...POSTGRES_SETTINGS, ...more } });
    endServer = () => server.stop();
    const address = `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/`;
    const database = async (name: string) => {
      await query(`${address}postgres`, `CREATE DATABASE ${name}`);
      await applyMigrations(`${address}${name}`);
      return `${address}${name}`;
    };
    return { url: await database('bench'), pid: server.pid, directory, database, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
