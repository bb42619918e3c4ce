import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import type { Clock } from '#server/platform/clock.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';

/** A migrated, empty database of one's own. */
export interface FreshDatabase {
  /** As superuser: arrangement and looking behind the curtain. */
  readonly url: string;
  /** As the application sees it (role fenzhan_app). */
  readonly db: Database;
  /** One statement as superuser. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Closes the connections and drops the database. */
  drop(): Promise<void>;
}

/** Copies the template into a database of its own: once per test file (then `drop` in afterAll). */
export async function freshDatabase(options: { readonly clock?: Clock; readonly poolSize?: number } = {}): Promise<FreshDatabase> {
  const clusterUrl = inject('clusterUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asSuperuser(clusterUrl, `CREATE DATABASE ${name} TEMPLATE fenzhan_template STRATEGY wal_log`);
  const url = `${clusterUrl}${name}`;
  const db = openDatabase({ url, poolSize: options.poolSize ?? 10, ...(options.clock ? { clock: options.clock } : {}) });
  const superuser = new pg.Pool({ connectionString: url, max: 2 });
  // a connection that ends because its database is dropped is no news
  superuser.on('error', () => undefined);
  return {
    url,
    db,
    sql: async (text, values = []) => (await superuser.query(text, [...values])).rows,
    drop: async () => {
      await db.close();
      await superuser.end();
      await asSuperuser(clusterUrl, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** A database for one test, dropped when the test is over. */
export async function databaseForThisTest(options: { readonly clock?: Clock; readonly poolSize?: number } = {}): Promise<FreshDatabase> {
  const fresh = await freshDatabase(options);
  onTestFinished(() => fresh.drop());
  return fresh;
}

async function asSuperuser(clusterUrl: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${clusterUrl}postgres` });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
