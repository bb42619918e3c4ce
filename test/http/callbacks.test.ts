import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createUpstreams } from '#server/connectors/upstreams.ts';
import { receiveCallback } from '#server/flows/receive-callback.ts';
import { callbackUrl } from '#server/offers/rules.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { callbackContext } from '#server/purchases/rules.ts';
import { type Simulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import {
  offerKasushou,
  orderCards,
  orderOf,
  purchaseGround,
  runnerOf,
  type SourcedWorld,
  sourcedWorld,
  startKasushou,
  workOff,
} from '#test/support/purchases.ts';
import { testVault } from '#test/support/world.ts';
import { startTestServer, type TestServer, until } from './test-server.ts';

const clock = controllableClock(new Date());
let fresh: FreshDatabase;
let server: TestServer;
let shop: Simulator;
let w: SourcedWorld;
let account: { readonly accountId: string; readonly token: string };

beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
  const { db } = fresh;
  const upstreams = createUpstreams({ outgoing: createOutgoing({ allowedHosts: [] }), clock: clock.now }, null);
  server = await startTestServer(db, {
    receiveCallback: (address, request) => receiveCallback({ db, vault: testVault, upstreams }, address, request),
  });
  shop = await startKasushou('CALL', { deliverMilliseconds: 400 });
  w = await sourcedWorld(db);
  account = await offerKasushou(db, w, shop, { supplier: 'S', unitCost: '46.00' });
});
afterAll(async () => {
  await Promise.all([server.close(), shop.close()]);
  await fresh.drop();
});

const address = (over: Partial<Parameters<typeof callbackUrl>[1]> = {}) =>
  callbackUrl(server.url, { networkId: w.networkId, ...account, ...over });
const send = (url: string, body: string) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body });
const kept = () =>
  fresh.sql<{ attempt_id: string | null; raw: Buffer; data_key: Buffer; vault_key_id: string }>(
    'SELECT attempt_id, raw, data_key, vault_key_id FROM supply_callback ORDER BY id',
  );

describe('what an upstream tells by itself', () => {
  test('is never believed, but what it names is asked for at once; told three times it harms nothing', async () => {
    await shop.setFaults({ 'duplicate-callbacks': 1 });
    const runner = runnerOf(purchaseGround(fresh.db, server.url));
    const [orderId = ''] = await orderCards(fresh.db, w, [2]);
    await workOff(runner);
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'SOURCING' });
    await until(() => shop.counts['callbacks accepted'] === 3, 5_000);
    // no time has passed for the worker: it asks because it was told
    await workOff(runner);
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'DELIVERED', key_count: 2 });
    expect((await kept()).length).toBe(3);
    expect(shop.books().purchaseCount).toBe(1);
  });

  test('is kept as it came, readable with the vault alone', async () => {
    const [first] = await kept();
    if (!first) throw new Error('nothing was kept');
    const context = callbackContext(w.networkId, account.accountId);
    const wrapped = { dataKey: first.data_key, vaultKeyId: first.vault_key_id };
    expect(JSON.parse(testVault.open(wrapped, context, context, first.raw))).toMatchObject({ method: 'POST' });
    expect(first.attempt_id).not.toBeNull();
  });

  test('another token, another account, another form of address: there is nothing, whichever it is', async () => {
    const before = (await kept()).length;
    const wrong = [
      address({ token: 'A'.repeat(43) }),
      address({ accountId: fresh.db.newId() }),
      address({ networkId: fresh.db.newId() }),
      `${server.url}/supply/callbacks/x`,
    ];
    const answers = await Promise.all(wrong.map(async (url) => (await send(url, 'orderno=1')).status));
    expect(answers).toEqual([404, 404, 404, 404]);
    expect((await kept()).length).toBe(before);
  });

  test('of nothing that is known: it is kept and answered, and nobody is asked', async () => {
    const response = await send(address(), 'external_orderno=fz00000000000000009&orderno=77');
    expect(response.status).toBeLessThan(500);
    expect((await kept()).at(-1)?.attempt_id).toBeNull();
    expect(await fresh.sql('SELECT FROM purchase_attempt WHERE due_at IS NOT NULL')).toEqual([]);
  });

  test('a body without end is not read to its end', async () => {
    const response = await send(address(), 'x'.repeat(300 * 1024));
    expect(response.status).toBe(413);
  });
});
