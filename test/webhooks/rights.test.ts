import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createApiKey, revokeApiKey, revokeMembership } from '#server/accounts/commands.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import {
  createWebhook,
  endWebhookRotation,
  resendWebhook,
  rotateWebhookSecret,
  testWebhook,
  updateWebhook,
} from '#server/flows/webhook-endpoints.ts';
import { inTransaction } from '#server/platform/database.ts';
import { ask, logged } from '#test/schema/ask.ts';
import { testVault } from '#test/support/world.ts';
import { isSignedBy, type Receiver, startReceiver } from './receiver.ts';
import { ORDERS, type Stage, setStage } from './stage.ts';

let stage: Stage;
let receiver: Receiver;
let orders = 0;
beforeAll(async () => {
  stage = await setStage();
  receiver = await startReceiver();
});
afterAll(async () => {
  receiver.close();
  await stage.fresh.drop();
});
afterEach(() => {
  receiver.received.length = 0;
});

async function orderAndRead(): Promise<void> {
  orders += 1;
  await stage.order(`order ${orders}`);
  await stage.read();
}

const ground = () => ({ db: stage.db, vault: testVault, checks: stage.documents });
const inputOf = (document: string, url = `${receiver.url}/x`) => ({ url, description: '', document, permissions: null });
const create = (viewer: Viewer, document: string, url?: string) => createWebhook(ground(), viewer, inputOf(document, url));
const reasonOf = async (endpointId: string) =>
  (await stage.fresh.sql<{ disabled_reason: string | null }>('SELECT disabled_reason FROM webhook_endpoint WHERE id = $1', [endpointId]))[0]
    ?.disabled_reason;

describe('a document', () => {
  test.each([
    ['is no GraphQL', 'subscription {'],
    ['names a field that is not there', 'subscription { orderUpdated(scope: MINE) { price } }'],
    ['is a query', '{ viewer { name } }'],
    ['is a mutation', 'mutation { revokeApiKey(input: { apiKeyId: "x" }) { __typename } }'],
    ['has variables', 'subscription ($scope: OrderScope!) { orderUpdated(scope: $scope) { kind } }'],
    ['has a cursor', 'subscription { orderUpdated(scope: MINE, after: "x") { kind } }'],
    [
      'subscribes twice to one thing',
      'subscription A { orderUpdated(scope: MINE) { kind } } subscription B { orderUpdated(scope: OWNED) { kind } }',
    ],
    [
      'is deeper than a document may be',
      `subscription { stockUpdated { sku { category: product { ${'category { parent { '.repeat(8)} id ${'} }'.repeat(8)} } } } }`,
    ],
    ['is a pulse, which no event tells', 'subscription { networkPulse { gmvToday { amount } } }'],
    ['selects card keys', 'subscription { orderUpdated(scope: MINE) { order { cardKeys { secret } } } }'],
    [
      'selects card keys in a fragment',
      'subscription { orderUpdated(scope: MINE) { order { ...keys } } } fragment keys on Order { cardKeys { number } }',
    ],
  ])('that %s is refused', async (_, document) => {
    expect(await create(stage.w.viewer('R'), document)).toMatchObject({ kind: 'INVALID_INPUT', field: 'document' });
  });

  test('may hold all five subscriptions that are told from events, each told by itself', async () => {
    const all = `subscription A { orderUpdated(scope: MINE) { kind } } subscription B { stockUpdated { sku { name } } }
      subscription C { priceChanged { changes { skuId } } } subscription D { walletChanged { wallet { balance { amount } } } }
      subscription E { alertRaised { alert { kind } } }`;
    const { endpointId } = await stage.webhook(stage.w.viewer('R'), `${receiver.url}/all`, all);
    expect(await stage.fresh.sql('SELECT topics FROM webhook_endpoint WHERE id = $1', [endpointId])).toEqual([
      { topics: ['orderUpdated', 'stockUpdated', 'priceChanged', 'walletChanged', 'alertRaised'] },
    ]);
    await orderAndRead();
    const told = (await stage.deliveries(endpointId)).map(({ payload }) => (JSON.parse(payload) as { type: string }).type);
    expect(new Set(told)).toEqual(new Set(['orderUpdated', 'stockUpdated', 'walletChanged']));
  });

  test('that asks for more than its maker may see is refused, and so is any of a supplier', async () => {
    const program = stage.w.program('R', ['WEBHOOKS_MANAGE', 'CATALOGUE_READ']);
    expect(await create(program, ORDERS)).toMatchObject({ kind: 'NOT_ALLOWED', message: 'This needs the permission ORDERS_READ.' });
    expect(await create(stage.w.viewer('S'), ORDERS)).toMatchObject({ kind: 'NOT_ALLOWED' });
  });

  test.each(['http://example.com/', 'https://169.254.169.254/', 'https://localhost/', 'https://167772161/'])(
    'that would be sent to %s is refused',
    async (url) => {
      expect(await create(stage.w.viewer('R'), ORDERS, url)).toMatchObject({ kind: 'INVALID_INPUT', field: 'url' });
    },
  );
});

describe('rights', () => {
  test('that end with a membership end the webhook: what was queued before is not sent', async () => {
    const { endpointId } = await stage.webhook(stage.w.viewer('R', 'OWNER'), `${receiver.url}/left`);
    await orderAndRead();
    const [membership] = await stage.fresh.sql<{ id: string }>(
      `SELECT id FROM membership WHERE station_id = $1 AND role = 'OWNER' AND revoked_at IS NULL`,
      [stage.w.stations.R],
    );
    await inTransaction(stage.db, (tx) => revokeMembership(tx, stage.w.networkId, membership?.id ?? ''));
    expect(await stage.send()).toBe(0);
    expect(receiver.received).toEqual([]);
    expect(await reasonOf(endpointId)).toBe('RIGHTS_ENDED');
    await stage.fresh.sql('UPDATE membership SET revoked_at = NULL WHERE id = $1', [membership?.id]);
  });

  test('that end with an API key end the webhook before anything more is read for it', async () => {
    const owner = stage.w.viewer('A');
    const request = { name: 'shop', permissions: ['WEBHOOKS_MANAGE', 'ORDERS_READ'] as const, expiresAt: null, allowedIps: [] };
    const key = await inTransaction(stage.db, (tx) => createApiKey(tx, owner, request));
    if (key.kind !== 'API_KEY_CREATED') throw new Error('no key');
    const program: Viewer = {
      ...owner,
      actor: { kind: 'API_KEY', apiKeyId: key.apiKeyId },
      role: null,
      permissions: new Set(request.permissions),
    };
    const { endpointId } = await stage.webhook(program, `${receiver.url}/program`);
    await orderAndRead();
    await stage.send();
    expect(receiver.received.map(({ path }) => path)).toContain('/program');
    receiver.received.length = 0;
    await inTransaction(stage.db, (tx) => revokeApiKey(tx, owner, key.apiKeyId));
    await orderAndRead();
    await stage.send();
    expect(receiver.received.map(({ path }) => path)).not.toContain('/program');
    expect(await stage.deliveries(endpointId)).toHaveLength(1);
    expect(await reasonOf(endpointId)).toBe('RIGHTS_ENDED');
  });

  test('of whoever saves a webhook are those it has: an edit by somebody who may see less takes away the rest', async () => {
    const owner = stage.w.viewer('A');
    const { endpointId } = await stage.webhook(owner, `${receiver.url}/edited`);
    const request = { name: 'editor', permissions: ['WEBHOOKS_MANAGE', 'CATALOGUE_READ'] as const, expiresAt: null, allowedIps: [] };
    const key = await inTransaction(stage.db, (tx) => createApiKey(tx, owner, request));
    if (key.kind !== 'API_KEY_CREATED') throw new Error('no key');
    const editor: Viewer = {
      ...owner,
      actor: { kind: 'API_KEY', apiKeyId: key.apiKeyId },
      role: null,
      permissions: new Set(request.permissions),
    };
    // its orders would go where the editor wants them
    const stolen = await updateWebhook(ground(), editor, { endpointId, expectedVersion: 1 }, { url: `${receiver.url}/thief` });
    expect(stolen).toMatchObject({ kind: 'NOT_ALLOWED' });
    const stock = 'subscription { stockUpdated { sku { name } } }';
    expect(await updateWebhook(ground(), editor, { endpointId, expectedVersion: 1 }, { document: stock })).toEqual({ kind: 'SAVED' });
    expect(await stage.fresh.sql('SELECT permissions FROM webhook_endpoint WHERE id = $1', [endpointId])).toEqual([
      { permissions: ['CATALOGUE_READ'] },
    ]);
    expect(await updateWebhook(ground(), owner, { endpointId, expectedVersion: 1 }, { description: 'late' })).toEqual({
      kind: 'STALE_VERSION',
    });
  });

  test('to read what a webhook tells are needed to read its log', async () => {
    const owner = stage.w.viewer('R');
    const { endpointId } = await stage.webhook(owner, `${receiver.url}/log`);
    await testWebhook(stage.db, owner, endpointId);
    const document = '{ webhookEndpoints { edges { node { deliveries { edges { node { topic payload } } } } } } }';
    const payloadsFor = async (viewer: Viewer) => JSON.stringify((await ask(stage.db, viewer, document)).data).includes('This is a test.');
    expect(await payloadsFor(owner)).toBe(true);
    expect(await payloadsFor(stage.w.program('R', ['WEBHOOKS_MANAGE']))).toBe(false);
  });
});

describe('secrets', () => {
  test('are two while they are rotated, and one when the rotation is ended or its time is over', async () => {
    const viewer = stage.w.viewer('HQ');
    const { endpointId, secret: first } = await stage.webhook(viewer, `${receiver.url}/rotation`);
    const signedBy = async () => {
      receiver.received.length = 0;
      await testWebhook(stage.db, viewer, endpointId);
      await stage.send();
      const [received] = receiver.received.filter(({ path }) => path === '/rotation');
      if (received === undefined) throw new Error('nothing came');
      return (secret: string) => isSignedBy(secret, received);
    };
    const rotated = await rotateWebhookSecret(stage.db, testVault, viewer, { endpointId, expectedVersion: 1 });
    if (rotated.kind !== 'ROTATED') throw new Error(rotated.kind);
    expect([first, rotated.secret].map(await signedBy())).toEqual([true, true]);
    expect(await endWebhookRotation(stage.db, viewer, { endpointId, expectedVersion: 2 })).toEqual({ kind: 'ENDED' });
    expect([first, rotated.secret].map(await signedBy())).toEqual([false, true]);
    const again = await rotateWebhookSecret(stage.db, testVault, viewer, { endpointId, expectedVersion: 3 });
    if (again.kind !== 'ROTATED') throw new Error(again.kind);
    stage.clock.advance(7 * 86_400_000);
    expect([rotated.secret, again.secret].map(await signedBy())).toEqual([false, true]);
  });

  test('stand nowhere in the database, nor do card keys, and in no log line', async () => {
    const viewer = stage.w.viewer('R');
    const { endpointId, secret } = await stage.webhook(viewer, `${receiver.url}/canary`);
    await orderAndRead();
    await stage.send();
    const rows = await stage.fresh.sql<{ text: string }>(
      `SELECT e::text AS text FROM webhook_endpoint e UNION ALL SELECT d::text FROM webhook_delivery d UNION ALL SELECT a::text FROM webhook_attempt a
       UNION ALL SELECT x::text FROM audit_entry x UNION ALL SELECT o::text FROM outbox_event o`,
    );
    const text = [...rows.map((row) => row.text), ...logged].join('\n');
    expect(text).toContain(endpointId);
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
    for (const canary of [secret, secret.slice('whsec_'.length), bytes.toString('hex'), 'steam-1-']) expect(text).not.toContain(canary);
  });
});

test('a delivery is sent again under its old id when somebody asks for it', async () => {
  const viewer = stage.w.viewer('R');
  const { endpointId } = await stage.webhook(viewer, `${receiver.url}/again`);
  await orderAndRead();
  await stage.send();
  const [delivery] = await stage.deliveries(endpointId);
  expect(await resendWebhook(stage.db, viewer, delivery?.id ?? '')).toEqual({ kind: 'QUEUED', endpointId });
  expect(await resendWebhook(stage.db, stage.w.viewer('A'), delivery?.id ?? '')).toEqual({ kind: 'NOT_FOUND' });
  await stage.send();
  const ids = receiver.received.filter(({ path }) => path === '/again').map(({ headers }) => headers['webhook-id']);
  expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  expect(await stage.deliveries(endpointId)).toMatchObject([{ state: 'SUCCEEDED', attempt_count: 2 }]);
});
