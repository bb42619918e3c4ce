import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { diffSchema } from '#prisma/drift.ts';
import { applyMigrations, type Migration, readMigrations } from '#prisma/migrate.ts';
import { databaseForThisTest } from '#test/support/database.ts';

const migration = (name: string, sql: string): Migration => ({ name, sql, checksum: createHash('sha256').update(sql).digest('hex') });
const one = migration('1_one', 'CREATE TABLE one (id int)');
const two = migration('2_two', 'CREATE TABLE two (id int)');

describe('the runner', () => {
  const url = `${inject('clusterUrl')}migrations_of_this_file`;
  const admin = new pg.Client({ connectionString: `${inject('clusterUrl')}postgres` });
  beforeAll(async () => {
    await admin.connect();
    await admin.query('CREATE DATABASE migrations_of_this_file');
  });
  afterAll(async () => {
    await admin.query('DROP DATABASE migrations_of_this_file');
    await admin.end();
  });

  test('applies what is missing, in order and once, also when several processes start together', async () => {
    expect(await applyMigrations(url, [one])).toEqual(['1_one']);
    const together = await Promise.all([1, 2, 3].map(() => applyMigrations(url, [one, two])));
    expect(together.toSorted((a, b) => a.length - b.length)).toEqual([[], [], ['2_two']]);
  });

  test('leaves nothing of a migration that fails, and says which', async () => {
    const broken = migration('3_broken', 'CREATE TABLE three (id int); SELECT 1/0');
    await expect(applyMigrations(url, [one, two, broken])).rejects.toThrow('the migration 3_broken failed: division by zero');
    const repaired = migration('3_broken', 'CREATE TABLE three (id int)');
    expect(await applyMigrations(url, [one, two, repaired])).toEqual(['3_broken']);
  });

  test('refuses a migration that was changed after it was applied', async () => {
    await expect(applyMigrations(url, [migration('1_one', 'CREATE TABLE other (id int)'), two])).rejects.toThrow(
      'the database is newer than this program: it has the migrations 3_broken',
    );
    const changed = [migration('1_one', 'CREATE TABLE other (id int)'), two, migration('3_broken', 'CREATE TABLE three (id int)')];
    await expect(applyMigrations(url, changed)).rejects.toThrow('the migration 1_one was changed after it was applied');
  });
});

test('the migrations and schema.prisma say the same', async () => {
  const { url } = await databaseForThisTest();
  expect(readMigrations().length).toBeGreaterThan(0);
  expect(await diffSchema(url)).toBe('');
});

test('a column that schema.prisma does not know is seen as drift', async () => {
  const { url, sql } = await databaseForThisTest();
  await sql('ALTER TABLE station ADD COLUMN stray text');
  expect(await diffSchema(url)).toMatch(/ALTER TABLE "station" DROP COLUMN "stray"/);
});
