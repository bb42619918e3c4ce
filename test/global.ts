import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { applyMigrations } from '#prisma/migrate.ts';
import { startThrowawayCluster } from './support/throwaway-cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the run's cluster, without a database name. */
    clusterUrl: string;
  }
}

/** The database that every test file's own is copied from. */
export const TEMPLATE = 'fenzhan_template';

/** One cluster for the whole run, with the migrations applied once into a template. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'fenzhan-test-'));
  chmodSync(directory, 0o711);
  const cluster = await startThrowawayCluster(directory);
  const admin = new pg.Client({ connectionString: `${cluster.url}postgres` });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${TEMPLATE}`);
  await applyMigrations(`${cluster.url}${TEMPLATE}`);
  await admin.query(`ALTER DATABASE ${TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  await admin.end();
  project.provide('clusterUrl', cluster.url);
  return async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  };
}
