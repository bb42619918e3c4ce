import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diffSchema } from '#prisma/drift.ts';
import { applyMigrations } from '#prisma/migrate.ts';
import { startThrowawayCluster } from '#test/support/throwaway-cluster.ts';

/** The SQL that the migrations lack against schema.prisma, found on a cluster of its own; empty when nothing is missing. */
export async function findDrift(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'fenzhan-drift-'));
  chmodSync(directory, 0o711);
  const cluster = await startThrowawayCluster(directory);
  try {
    await applyMigrations(`${cluster.url}postgres`);
    return await diffSchema(`${cluster.url}postgres`);
  } finally {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

// `npm run db:check`: fails when there is drift; `npm run db:diff <name>`: writes it as a new migration
if (import.meta.main) {
  const [command, name = ''] = process.argv.slice(2);
  if (command === 'diff' && !/^\w+$/.test(name)) throw new Error('name the migration: npm run db:diff add_something');
  const sql = await findDrift();
  if (command === 'diff' && sql !== '') {
    const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const directory = new URL(`../../prisma/migrations/${stamp}_${name}/`, import.meta.url);
    mkdirSync(directory, { recursive: true });
    writeFileSync(new URL('migration.sql', directory), sql);
  }
  console.log(sql || 'the migrations and schema.prisma say the same');
  process.exitCode = sql !== '' && command === 'check' ? 1 : 0;
}
