import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { databaseForThisTest } from '#test/support/database.ts';

const rules = readFileSync(new URL('shard-rules.sql', import.meta.url), 'utf8');

test('the schema can be sharded by network: nothing breaks a rule', async () => {
  const { sql } = await databaseForThisTest();
  expect(
    await sql<{ tables: number }>(`SELECT count(*)::int AS tables FROM information_schema.columns WHERE column_name = 'network_id'`),
  ).toEqual([{ tables: expect.toSatisfy((count: number) => count >= 25) }]);
  expect(await sql(rules)).toEqual([]);
});

test.each([
  ['network_id must be a uuid that is never null', 'CREATE TABLE breach (network_id text NOT NULL, id uuid, PRIMARY KEY (network_id, id))'],
  ['the primary key begins with network_id', 'CREATE TABLE breach (network_id uuid NOT NULL, id uuid, PRIMARY KEY (id, network_id))'],
  ['a unique or exclusion key contains network_id', 'CREATE TABLE breach (network_id uuid, id uuid UNIQUE, PRIMARY KEY (network_id, id))'],
  [
    'a foreign key between tables of a network carries network_id at the same place',
    `CREATE TABLE breach (network_id uuid, id uuid, other uuid, PRIMARY KEY (network_id, id), FOREIGN KEY (other, network_id) REFERENCES station (network_id, id))`,
  ],
  [
    'no ON UPDATE action, no ON DELETE SET NULL or SET DEFAULT',
    `CREATE TABLE breach (network_id uuid, id uuid, PRIMARY KEY (network_id, id), FOREIGN KEY (network_id, id) REFERENCES station (network_id, id) ON UPDATE CASCADE)`,
  ],
  [
    'a table without a network does not point into a network',
    'CREATE TABLE breach (a uuid, b uuid, FOREIGN KEY (a, b) REFERENCES station (network_id, id))',
  ],
  [
    'no triggers',
    `CREATE TABLE breach (network_id uuid, id uuid, PRIMARY KEY (network_id, id));
     CREATE TRIGGER breach BEFORE UPDATE ON breach FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
  ],
  [
    'ids come from the application: no sequence, no identity',
    'CREATE TABLE breach (network_id uuid, id uuid, number bigserial, PRIMARY KEY (network_id, id))',
  ],
])('a breach is seen: %s', async (rule, statement) => {
  const { sql } = await databaseForThisTest();
  await sql(statement);
  expect(await sql(rules)).toMatchObject([{ rule, table_name: 'breach' }]);
});
