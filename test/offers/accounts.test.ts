import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createUpstreams } from '#server/connectors/upstreams.ts';
import { createSupplyAccount, type NewSupplyAccount, rotateSupplyCallback, updateSupplyAccount } from '#server/flows/supply-accounts.ts';
import { hashCallbackToken, openAccount, parseCallbackPath } from '#server/offers/rules.ts';
import { selectSealedAccount } from '#server/offers/sql.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { dujiaoNextProtocol } from '#test/simulators/dujiao-next.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';

const PUBLIC_URL = 'https://fenzhan.example.com';
let fresh: FreshDatabase;
let shop: Simulator;
let w: World<'HQ' | 'A', never, 'S' | 'T'>;

beforeAll(async () => {
  fresh = await freshDatabase();
  shop = await startSimulator(dujiaoNextProtocol({ apiKey: 'key-1', apiSecret: 'secret-1' }), {
    goods: [],
    openingCents: 5_000,
    mark: 'ACCT',
  });
  w = await world(fresh.db, { stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' } }, suppliers: ['S', 'T'] });
});
afterAll(async () => {
  await shop.close();
  await fresh.drop();
});

const ground = (allowedHosts = ['127.0.0.1']) => {
  const outgoing = createOutgoing({ allowedHosts, totalMilliseconds: 2_000 });
  return { db: fresh.db, vault: testVault, upstreams: createUpstreams({ outgoing, clock: fresh.db.clock }, PUBLIC_URL) };
};
const account = (over: Partial<NewSupplyAccount> = {}): NewSupplyAccount => ({
  supplierId: w.suppliers.S,
  name: 'shop',
  kind: 'DUJIAO_NEXT',
  baseUrl: shop.url,
  currency: 'CNY',
  settings: { api_key: 'key-1', api_secret: 'secret-1' },
  callsAtOnce: 2,
  isEnabled: true,
  ...over,
});
const create = (over: Partial<NewSupplyAccount> = {}) => createSupplyAccount(ground(), w.viewer('HQ'), account(over));
const refusal = async (over: Partial<NewSupplyAccount>) => {
  const outcome = await create(over);
  return outcome.kind === 'INVALID_INPUT' ? outcome.field : outcome.kind;
};
const count = async () => (await fresh.sql('SELECT FROM supply_account')).length;

describe('settings that cannot work', () => {
  test('are refused by the upstream itself before anything is saved', async () => {
    expect(await refusal({ settings: { api_key: 'key-1', api_secret: 'another' } })).toBe('settings');
    expect(await refusal({ currency: 'USD' })).toBe('settings');
    // nobody listens there
    expect(await refusal({ baseUrl: 'http://127.0.0.1:9' })).toBe('baseUrl');
    await shop.setFaults({ nonsense: 1 });
    expect(await refusal({})).toBe('baseUrl');
    await shop.setFaults({});
    expect(await count()).toBe(0);
  });

  test('are refused by themselves before anybody is asked', async () => {
    const before = shop.counts['calls other'];
    expect(await refusal({ settings: { api_key: 'key-1' } })).toBe('settings');
    expect(await refusal({ settings: { api_key: 'key-1', api_secret: 's', colour: 'red' } })).toBe('settings');
    expect(await refusal({ settings: { api_key: 'key\n1', api_secret: 's' } })).toBe('settings');
    expect(await refusal({ callsAtOnce: 9 })).toBe('callsAtOnce');
    expect(await refusal({ name: ' ' })).toBe('name');
    expect(await refusal({ currency: 'yuan' })).toBe('currency');
    expect(await refusal({ kind: 'MANUAL' })).toBe('baseUrl');
    for (const baseUrl of ['http://shop.example.com', 'https://10.0.0.1', 'https://user:pw@shop.example.com', 'shop'])
      expect([baseUrl, await refusal({ baseUrl })]).toEqual([baseUrl, 'baseUrl']);
    expect(await refusal({ supplierId: fresh.db.newId() })).toBe('NOT_FOUND');
    expect(shop.counts['calls other']).toBe(before);
  });

  test('of an account that is switched off are saved unasked, and asked when it is switched on', async () => {
    const outcome = await create({ name: 'off', settings: { api_key: 'key-1', api_secret: 'wrong' }, isEnabled: false });
    if (outcome.kind !== 'CREATED') throw new Error(outcome.kind);
    const edit = { id: outcome.accountId, expectedVersion: 1 };
    expect(await updateSupplyAccount(ground(), w.viewer('HQ'), edit, { isEnabled: true })).toMatchObject({ field: 'settings' });
    const right = { isEnabled: true, settings: { api_secret: 'secret-1' } };
    expect(await updateSupplyAccount(ground(), w.viewer('HQ'), edit, right)).toEqual({ kind: 'SAVED' });
    expect(await updateSupplyAccount(ground(), w.viewer('HQ'), edit, { name: 'late' })).toEqual({ kind: 'STALE_VERSION' });
    const [row] = await fresh.sql<{ checked_at: Date | null }>('SELECT checked_at FROM supply_account WHERE id = $1', [edit.id]);
    expect(row?.checked_at).not.toBeNull();
  });
});

test('secrets lie sealed, open for their own row alone, and stand in no column, audit entry or event', async () => {
  const outcome = await create({ name: 'sealed' });
  if (outcome.kind !== 'CREATED') throw new Error(outcome.kind);
  const row = await selectSealedAccount(fresh.db.pool, w.networkId, outcome.accountId);
  if (!row) throw new Error('it was made');
  expect(row.settings).toEqual({ api_key: 'key-1' });
  expect(openAccount(testVault, row, PUBLIC_URL)).toEqual({
    baseUrl: shop.url,
    settings: { api_key: 'key-1', api_secret: 'secret-1' },
    currency: 'CNY',
    callbackUrl: outcome.callbackUrl,
  });
  expect(() => openAccount(testVault, { ...row, id: fresh.db.newId() }, PUBLIC_URL)).toThrow();
  const everything =
    await fresh.sql(`SELECT to_jsonb(t)::text AS text FROM supply_account t UNION ALL SELECT to_jsonb(t)::text FROM audit_entry t
     UNION ALL SELECT to_jsonb(t)::text FROM outbox_event t`);
  expect(JSON.stringify(everything)).toContain('supply_account.created');
  expect(JSON.stringify(everything)).not.toContain('secret-1');
});

test('an upstream calls back by a token of which the hash is kept; another one ends the first at once', async () => {
  const outcome = await create({ name: 'told' });
  if (outcome.kind !== 'CREATED' || outcome.callbackUrl === null) throw new Error(outcome.kind);
  const hashOf = async () => (await selectSealedAccount(fresh.db.pool, w.networkId, outcome.accountId))?.callback_hash.toString('hex');
  const addressOf = (url: string) => parseCallbackPath(new URL(url).pathname);
  const first = addressOf(outcome.callbackUrl);
  expect(first).toMatchObject({ networkId: w.networkId, accountId: outcome.accountId });
  expect(await hashOf()).toBe(hashCallbackToken(first?.token ?? '').toString('hex'));
  const rotated = await rotateSupplyCallback(ground(), w.viewer('HQ'), { id: outcome.accountId, expectedVersion: 1 });
  if (rotated.kind !== 'ROTATED') throw new Error(rotated.kind);
  const second = addressOf(rotated.callbackUrl);
  expect(second?.token).not.toBe(first?.token);
  expect(await hashOf()).toBe(hashCallbackToken(second?.token ?? '').toString('hex'));
  // the secrets are what they were
  const row = await selectSealedAccount(fresh.db.pool, w.networkId, outcome.accountId);
  expect(row && openAccount(testVault, row, null)).toMatchObject({ settings: { api_secret: 'secret-1' }, callbackUrl: null });
  for (const path of ['/supply/callbacks/', `/supply/callbacks/${w.networkId}/${outcome.accountId}`, '/supply/callbacks/a/b/c', '/graphql'])
    expect(parseCallbackPath(path)).toBeNull();
});

test('an account is its owner’s alone, and of one name there is one', async () => {
  const outcome = await create({ name: 'mine' });
  if (outcome.kind !== 'CREATED') throw new Error(outcome.kind);
  expect(await refusal({ name: 'mine' })).toBe('name');
  expect(await updateSupplyAccount(ground(), w.viewer('A'), { id: outcome.accountId, expectedVersion: 1 }, { name: 'stolen' })).toEqual({
    kind: 'NOT_FOUND',
  });
  await expect(createSupplyAccount(ground(), w.viewer('HQ', 'OPERATOR'), account({ name: 'x' }))).rejects.toThrow('SUPPLY_MANAGE');
  await expect(createSupplyAccount(ground(), w.viewer('S'), account({ name: 'x' }))).rejects.toThrow('supplier');
});
