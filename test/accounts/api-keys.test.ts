import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApiKey, createPerson, revokeApiKey } from '#server/accounts/commands.ts';
import { countAuditEntries, identifyApiKey, visibleApiKeys, visibleAuditEntries } from '#server/accounts/reads.ts';
import type { NewApiKey, Viewer } from '#server/accounts/rules.ts';
import { inTransaction } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let database: FreshDatabase;
let own: World<'hq' | 'shop', never, 'maker'>;
beforeAll(async () => {
  database = await freshDatabase();
  own = await world(database.db, { stations: { hq: {}, shop: { parent: 'hq' } }, suppliers: ['maker'] });
});
afterAll(() => database.drop());

const ordering: NewApiKey = { name: 'Ordering', permissions: ['ORDERS_PLACE', 'ORDERS_READ'], expiresAt: null, allowedIps: [] };
const create = (viewer: Viewer, request: NewApiKey) => inTransaction(database.db, (tx) => createApiKey(tx, viewer, request));

describe('an API key', () => {
  test('is shown once: the database holds a hash of its secret and no part of it', async () => {
    const created = await create(own.viewer('shop'), ordering);
    if (created.kind !== 'API_KEY_CREATED') throw new Error(created.kind);
    expect(created.secret).toMatch(/^fz_[\w-]{43}_[\w-]{43}$/);
    const [row] = await database.sql<{ row: string }>('SELECT to_jsonb(k)::text AS row FROM api_key k WHERE id = $1', [created.apiKeyId]);
    expect(row?.row).not.toContain(created.secret.slice(-43));
    expect(row?.row).toContain(created.secret.slice(0, 46));
    const audited = await database.sql<{ data: object }>(
      "SELECT data FROM audit_entry WHERE subject_id = $1 AND action = 'api_key.created'",
      [created.apiKeyId],
    );
    expect(audited).toEqual([{ data: { permissions: ['ORDERS_PLACE', 'ORDERS_READ'] } }]);
  });

  test('acts for its supplier when a supplier made it', async () => {
    const created = await create(own.viewer('maker'), { ...ordering, permissions: ['STOCK_READ'] });
    if (created.kind !== 'API_KEY_CREATED') throw new Error(created.kind);
    expect(await identifyApiKey(database.db, created.secret, '127.0.0.1')).toMatchObject({
      viewer: { networkId: own.networkId, party: { kind: 'SUPPLIER', supplierId: own.suppliers.maker }, role: null },
      person: null,
    });
  });

  test('opens nothing once its station is closed', async () => {
    const closed = await world(database.db, { stations: { hq: {}, gone: { parent: 'hq' } } });
    const created = await create(closed.viewer('gone'), ordering);
    if (created.kind !== 'API_KEY_CREATED') throw new Error(created.kind);
    expect(await identifyApiKey(database.db, created.secret, null)).toMatchObject({
      viewer: { party: { stationId: closed.stations.gone } },
    });
    await database.sql("UPDATE station SET status = 'CLOSED' WHERE id = $1", [closed.stations.gone]);
    expect(await identifyApiKey(database.db, created.secret, null)).toBe('KEY_INVALID');
  });

  test.each([
    { why: 'a name of blanks', request: { name: '  ' }, field: 'name' },
    { why: 'a name of 101 characters', request: { name: 'x'.repeat(101) }, field: 'name' },
    { why: 'no permission', request: { permissions: [] }, field: 'permissions' },
    { why: 'an expiry that has passed', request: { expiresAt: new Date(0) }, field: 'expiresAt' },
    { why: 'an address that is none', request: { allowedIps: ['10.0.0.0/8', '300.1.1.1'] }, field: 'allowedIps' },
    { why: 'a range of 33 bits', request: { allowedIps: ['10.0.0.0/33'] }, field: 'allowedIps' },
  ])('is refused for $why', async ({ request, field }) => {
    expect(await create(own.viewer('shop'), { ...ordering, ...request })).toMatchObject({ kind: 'INVALID_INPUT', field });
  });

  test('is never made by another program, by who may not manage keys, or with a right that its maker lacks', async () => {
    const lacking: Viewer = { ...own.viewer('shop'), permissions: new Set(['API_KEYS_MANAGE', 'ORDERS_READ']) };
    expect(await create(own.program('shop', ['API_KEYS_MANAGE', 'ORDERS_PLACE']), ordering)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await create(own.viewer('shop', 'MANAGER'), ordering)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await create(lacking, ordering)).toEqual({
      kind: 'NOT_ALLOWED',
      message: 'You lack ORDERS_PLACE, so you cannot give it to an API key.',
    });
  });

  test('is seen and revoked by its own party alone; revoking twice changes nothing', async () => {
    const created = await create(own.viewer('shop'), { ...ordering, name: ' Warehouse ' });
    if (created.kind !== 'API_KEY_CREATED') throw new Error(created.kind);
    const { apiKeyId } = created;
    const revoke = (viewer: Viewer) => inTransaction(database.db, (tx) => revokeApiKey(tx, viewer, apiKeyId));
    expect(await visibleApiKeys(database.db.pool, own.viewer('hq'), [apiKeyId])).toEqual([]);
    expect(await revoke(own.viewer('hq'))).toEqual({ kind: 'NOT_FOUND' });
    expect(await visibleApiKeys(database.db.pool, own.viewer('shop'), [apiKeyId])).toMatchObject([{ name: 'Warehouse', revokedAt: null }]);
    expect(await revoke(own.viewer('shop'))).toEqual({ kind: 'API_KEY_REVOKED', apiKeyId });
    const [first] = await visibleApiKeys(database.db.pool, own.viewer('shop'), [apiKeyId]);
    expect(first?.revokedAt).toBeInstanceOf(Date);
    expect(await revoke(own.viewer('shop'))).toEqual({ kind: 'API_KEY_REVOKED', apiKeyId });
    expect(await visibleApiKeys(database.db.pool, own.viewer('shop'), [apiKeyId])).toEqual([first]);
    expect(await database.sql("SELECT 1 FROM audit_entry WHERE subject_id = $1 AND action = 'api_key.revoked'", [apiKeyId])).toHaveLength(
      1,
    );
  });
});

test('the audit log is read by its own party, newest first, page by page in both directions', async () => {
  const lonely = await world(database.db, { stations: { hq: {}, shop: { parent: 'hq' } } });
  for (const name of ['one', 'two', 'three']) await create(lonely.viewer('shop'), { ...ordering, name });
  const viewer = lonely.viewer('shop');
  expect(await countAuditEntries(database.db.pool, viewer)).toBe(3);
  expect(await countAuditEntries(database.db.pool, lonely.viewer('hq'))).toBe(0);
  const first = await visibleAuditEntries(database.db.pool, viewer, { count: 2, direction: 'FORWARD', from: null });
  expect([first.rows.length, first.hasMore]).toEqual([2, true]);
  expect(first.rows[0]?.actor_name).toBe('shop OWNER');
  const rest = await visibleAuditEntries(database.db.pool, viewer, { count: 2, direction: 'FORWARD', from: first.rows[1]?.id ?? null });
  expect([rest.rows.length, rest.hasMore]).toEqual([1, false]);
  const back = await visibleAuditEntries(database.db.pool, viewer, { count: 2, direction: 'BACKWARD', from: rest.rows[0]?.id ?? null });
  expect(back.rows).toEqual(first.rows);
});

test('a person who exists already keeps name and password when somebody opens a station in her e-mail', async () => {
  const first = await inTransaction(database.db, (tx) =>
    createPerson(tx, { email: ' Li.Na@Shop.test ', name: 'Li Na', passwordHash: 'hash one' }),
  );
  const second = await inTransaction(database.db, (tx) =>
    createPerson(tx, { email: 'li.na@shop.test', name: 'Mallory', passwordHash: 'hash two' }),
  );
  expect(first.created).toBe(true);
  expect(second).toEqual({ userId: first.userId, created: false });
  expect(await database.sql('SELECT name, email FROM users WHERE id = $1', [first.userId])).toEqual([
    { name: 'Li Na', email: 'li.na@shop.test' },
  ]);
  expect(await database.sql('SELECT password FROM credential WHERE user_id = $1', [first.userId])).toEqual([{ password: 'hash one' }]);
});
