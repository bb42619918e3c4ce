import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { databaseForThisTest } from '#test/support/database.ts';

const query = readFileSync(new URL('catalogue.sql', import.meta.url), 'utf8');

interface Table {
  readonly grants: { readonly table: readonly string[]; readonly updates: readonly string[] };
}
interface Catalogue {
  readonly tables: Readonly<Record<string, Table>>;
}

test('constraints, indexes and grants of the live database are those that were reviewed (npm run db:snapshot accepts a change)', async () => {
  const { sql } = await databaseForThisTest();
  const [row] = await sql<{ catalogue: Catalogue }>(query);
  await expect(`${JSON.stringify(row?.catalogue, null, 2)}\n`).toMatchFileSnapshot('catalogue.snapshot.json');
});

test('money and its history can only be added to, and nothing can be truncated', async () => {
  const { sql } = await databaseForThisTest();
  const [row] = await sql<{ catalogue: Catalogue }>(query);
  const grants = Object.entries(row?.catalogue.tables ?? {}).map(([name, table]) => ({ name, ...table.grants }));
  const appendOnly = grants.filter(({ name }) => ['posting', 'transfer', 'audit_entry', 'request_key', 'supply_offer_cost'].includes(name));
  expect(appendOnly).toHaveLength(5);
  for (const { table, updates } of appendOnly) expect({ table, updates }).toEqual({ table: ['INSERT', 'SELECT'], updates: [] });
  // of a purchase's log only what went over the wire is emptied, when it is old
  expect(grants.find(({ name }) => name === 'purchase_step')).toMatchObject({
    table: ['INSERT', 'SELECT'],
    updates: ['data_key', 'vault_key_id', 'wire'],
  });
  // what an order that is delivered later earns its owner and pays as commission is known only then; its prices stay for ever
  expect(grants.find(({ name }) => name === 'order_hop')).toMatchObject({ table: ['INSERT', 'SELECT'], updates: ['commission', 'margin'] });
  expect(
    grants.filter(({ table }) => table.some((privilege) => ['TRUNCATE', 'TRIGGER', 'REFERENCES', 'MAINTAIN'].includes(privilege))),
  ).toEqual([]);
});

test('a constraint, index or grant that was lost is seen', async () => {
  const { sql } = await databaseForThisTest();
  const read = async () => JSON.stringify((await sql(query))[0]);
  const before = await read();
  expect(await read()).toBe(before);
  const changes = [
    'ALTER TABLE account DROP CONSTRAINT account_floor_check',
    'DROP INDEX card_key_sale_live_key',
    'GRANT UPDATE (amount) ON posting TO fenzhan_app',
  ];
  let last = before;
  for (const change of changes) {
    await sql(change);
    const now = await read();
    expect(now).not.toBe(last);
    last = now;
  }
});
