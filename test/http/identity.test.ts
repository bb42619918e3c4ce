import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import { revokeApiKey, revokeMembership } from '#server/accounts/commands.ts';
import { closeStation, freezeStation } from '#server/flows/freeze-station.ts';
import { inTransaction } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { bearer, CSRF, cookieOf, givePassword, newKey, startTestServer, stationId, type TestServer, until } from './test-server.ts';

const EVIL = 'https://evil.test';

let database: FreshDatabase;
let server: TestServer;
let own: World<'hq' | 'shop' | 'kiosk', never, 'maker'>;
let foreign: World<'hq', never, never>;
beforeAll(async () => {
  database = await freshDatabase();
  own = await world(database.db, { stations: { hq: {}, shop: { parent: 'hq' }, kiosk: { parent: 'hq' } }, suppliers: ['maker'] });
  foreign = await world(database.db, { stations: { hq: {} } });
  for (const viewer of [own.viewer('shop'), own.viewer('shop', 'VIEWER'), own.viewer('maker')]) {
    if (viewer.actor.kind === 'USER') await givePassword(database.db, viewer.actor.userId);
  }
  server = await startTestServer(database.db);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const asking = '{ viewer { party permissions } whoami }';

describe('a program', () => {
  test('acts for the party that its key is bound to, in that network, with the key’s permissions', async () => {
    const { secret } = await newKey(database.db, own.viewer('shop'), ['ORDERS_PLACE', 'WALLET_READ']);
    const { status, body } = await server.graphql(asking, { headers: bearer(secret) });
    expect(status).toBe(200);
    expect(body.data).toEqual({
      viewer: { party: own.stations.shop, permissions: ['ORDERS_PLACE', 'WALLET_READ'] },
      whoami: own.networkId,
    });
  });

  test('without a key gets 401 for what is not public, and the public part', async () => {
    const refused = await server.graphql('{ whoami }');
    expect(refused.status).toBe(401);
    expect(refused.body.errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED');
    expect((await server.graphql('fragment f on Query { whoami } { ...f }')).status).toBe(401);
    expect((await server.graphql('mutation { change }')).status).toBe(401);
    expect((await server.graphql('{ viewer { party } hello }')).body.data).toEqual({ viewer: null, hello: 'hello world' });
  });

  test('with a key that never was, of a wrong secret, or of no form gets 401 before anything is read', async () => {
    const { secret } = await newKey(database.db, own.viewer('shop'), ['ORDERS_PLACE']);
    const last = secret.at(-1) === 'A' ? 'B' : 'A';
    const stranger = `fz_${Buffer.alloc(32, 1).toString('base64url')}_${'x'.repeat(43)}`;
    for (const wrong of [secret.slice(0, -1) + last, stranger, 'fz_nonsense', '']) {
      const { status, body, headers } = await server.graphql('{ hello }', { headers: { authorization: `Bearer ${wrong}` } });
      expect(status).toBe(401);
      expect(body.errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED');
      expect(headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  test('of another network sees its own network only', async () => {
    const { secret } = await newKey(database.db, foreign.viewer('hq'), ['ORDERS_READ']);
    expect((await server.graphql('{ whoami }', { headers: bearer(secret) })).body.data).toEqual({ whoami: foreign.networkId });
    const acting = await server.graphql('{ whoami }', { headers: { ...bearer(secret), 'x-fenzhan-party': stationId(own.stations.shop) } });
    expect(acting.status).toBe(403);
    expect(acting.body.errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
  });

  test('is refused once its key has expired, and from an address that the key does not list', async () => {
    const expired = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ'], { expiresAt: new Date(Date.now() + 60_000) });
    const elsewhere = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ'], { allowedIps: ['10.0.0.0/8'] });
    const here = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ'], { allowedIps: ['10.0.0.0/8', '127.0.0.0/24'] });
    expect((await server.graphql('{ whoami }', { headers: bearer(expired.secret) })).status).toBe(200);
    expect((await server.graphql('{ whoami }', { headers: bearer(elsewhere.secret) })).status).toBe(403);
    expect((await server.graphql('{ whoami }', { headers: bearer(here.secret) })).status).toBe(200);
    await database.sql("UPDATE api_key SET expires_at = now() - interval '1 second' WHERE id = $1", [expired.apiKeyId]);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await server.graphql('{ whoami }', { headers: bearer(expired.secret) })).status).toBe(401);
  });

  test('leaves the time of its last use, once a minute', async () => {
    const { apiKeyId, secret } = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ']);
    const lastUsed = async () =>
      (await database.sql<{ last_used_at: Date | null }>('SELECT last_used_at FROM api_key WHERE id = $1', [apiKeyId]))[0]?.last_used_at;
    expect(await lastUsed()).toBeNull();
    await server.graphql('{ whoami }', { headers: bearer(secret) });
    const first = await lastUsed();
    expect(first).toBeInstanceOf(Date);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await server.graphql('{ whoami }', { headers: bearer(secret) });
    expect(await lastUsed()).toEqual(first);
  });

  test('uses two keys side by side while it rotates them; the old one is refused within a second of its revocation', async () => {
    const old = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ']);
    const next = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ']);
    for (const { secret } of [old, next]) expect((await server.graphql('{ whoami }', { headers: bearer(secret) })).status).toBe(200);
    await inTransaction(database.db, (tx) => revokeApiKey(tx, own.viewer('shop'), old.apiKeyId));
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect((await server.graphql('{ whoami }', { headers: bearer(old.secret) })).status).toBe(401);
    expect((await server.graphql('{ whoami }', { headers: bearer(next.secret) })).status).toBe(200);
  });
});

describe('a person', () => {
  test('who named no party is told who she is and refused nothing but the parties', async () => {
    const cookie = await server.signIn('owner@shop.test');
    const { body } = await server.graphql('{ viewer { party } }', { headers: { cookie, ...CSRF } });
    expect(body.data).toEqual({ viewer: { party: null } });
  });

  test('acts for the station that she names, with her role’s permissions', async () => {
    const cookie = await server.signIn('viewer@shop.test');
    const { body } = await server.graphql(asking, { headers: { cookie, ...CSRF, 'x-fenzhan-party': stationId(own.stations.shop) } });
    expect(body.data?.['whoami']).toBe(own.networkId);
    expect(body.data?.['viewer']).toMatchObject({ party: own.stations.shop, permissions: expect.not.arrayContaining(['ORDERS_PLACE']) });
  });

  test('acts for the supplier that she names', async () => {
    const cookie = await server.signIn('owner@maker.test');
    const { body } = await server.graphql(asking, {
      headers: { cookie, ...CSRF, 'x-fenzhan-party': globalId('Supplier', own.suppliers.maker) },
    });
    expect(body.data?.['viewer']).toMatchObject({ party: own.suppliers.maker });
  });

  test.each([
    { named: 'a station of her network that is not hers', party: () => stationId(own.stations.hq) },
    { named: 'a station of another network', party: () => stationId(foreign.stations.hq) },
    { named: 'a station that is not there', party: () => stationId('00000000-0000-7000-8000-000000000000') },
    { named: 'something that is no party', party: () => 'nonsense' },
  ])('is refused with 403 when she names $named', async ({ party }) => {
    const cookie = await server.signIn('owner@shop.test');
    const { status, body } = await server.graphql('{ hello }', { headers: { cookie, ...CSRF, 'x-fenzhan-party': party() } });
    expect(status).toBe(403);
    expect(body.errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
  });

  test('is nobody with a cookie whose signature is not ours', async () => {
    const cookie = await server.signIn('owner@shop.test');
    const { body } = await server.graphql('{ viewer { party } }', { headers: { cookie: cookie.replace(/.{6}$/, 'AAAA%3D'), ...CSRF } });
    expect(body.data).toEqual({ viewer: null });
  });
});

describe('a cookie', () => {
  test('is believed by POST only beside the CSRF header, and never for a foreign origin', async () => {
    const cookie = await server.signIn('owner@shop.test');
    const post = async (headers: Record<string, string>) =>
      (await server.graphql('{ viewer { party } }', { headers: { cookie, ...headers } })).status;
    expect(await post({})).toBe(403);
    expect(await post({ ...CSRF, origin: EVIL })).toBe(403);
    expect(await post({ ...CSRF, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await post({ ...CSRF, origin: server.origin })).toBe(200);
  });

  test('is not believed by GET from a link of another site either', async () => {
    const cookie = await server.signIn('owner@shop.test');
    const answer = await fetch(`${server.url}/graphql?query=${encodeURIComponent('{ viewer { party } }')}`, { headers: { cookie } });
    expect(answer.status).toBe(403);
  });

  test('does not disturb a program that sends a key beside it', async () => {
    const cookie = await server.signIn('owner@shop.test');
    const { secret } = await newKey(database.db, own.viewer('hq'), ['ORDERS_READ']);
    const { body } = await server.graphql(asking, { headers: { cookie, origin: EVIL, ...bearer(secret) } });
    expect(body.data?.['viewer']).toMatchObject({ party: own.stations.hq });
  });

  test('opens a WebSocket from the console’s origin', async () => {
    const cookie = await server.signIn('owner@shop.test');
    const client = server.socket({ party: stationId(own.stations.shop) }, { cookie, origin: server.origin });
    const answer = await new Promise((resolve, reject) => {
      client.subscribe({ query: '{ whoami }' }, { next: resolve, error: reject, complete: () => undefined });
    });
    expect(answer).toMatchObject({ data: { whoami: own.networkId } });
    await client.dispose();
  });

  test.each([
    { from: 'a foreign origin', headers: { origin: EVIL } as Record<string, string> },
    { from: 'no origin at all', headers: {} },
  ])('opens no WebSocket from $from', async ({ headers }) => {
    const cookie = await server.signIn('owner@shop.test');
    expect(await closeCode({ party: stationId(own.stations.shop) }, { cookie, ...headers })).toBe(4401);
  });

  test('opens an event stream from the console’s origin only', async () => {
    const cookie = await server.signIn('owner@shop.test');
    const stream = async (headers: Record<string, string>) => {
      const answer = await fetch(
        `${server.url}/graphql?query=${encodeURIComponent('subscription { ticked(count: 1, everyMilliseconds: 1) }')}`,
        {
          headers: { cookie, accept: 'text/event-stream', ...headers },
        },
      );
      return { status: answer.status, text: await answer.text() };
    };
    expect((await stream({ origin: EVIL })).status).toBe(403);
    expect((await stream({})).status).toBe(403);
    const own = await stream({ origin: server.origin });
    expect(own.status).toBe(200);
    expect(own.text).toContain('data: {"data":{"ticked":1}}');
  });
});

describe('a WebSocket', () => {
  test('is closed with 4401 without a key, with a wrong key, and with 4403 for a party that is not one’s own', async () => {
    const { secret } = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ']);
    expect(await closeCode({})).toBe(4401);
    expect(await closeCode({ authorization: 'Bearer fz_nonsense' })).toBe(4401);
    expect(await closeCode({ authorization: `Bearer ${secret}`, party: stationId(own.stations.hq) })).toBe(4403);
  });

  test('of a revoked key is closed within a second, that of another key stays open', async () => {
    const revoked = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ']);
    const kept = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ']);
    const closes = new Map<string, number>();
    const clients = await Promise.all(
      [revoked, kept].map(async ({ apiKeyId, secret }) => {
        const client = server.socket({ authorization: `Bearer ${secret}` });
        client.on('closed', (event) => closes.set(apiKeyId, (event as CloseEvent).code));
        await new Promise<void>((resolve) =>
          client.subscribe(
            { query: 'subscription { watched }' },
            { next: () => resolve(), error: () => undefined, complete: () => undefined },
          ),
        );
        return client;
      }),
    );
    await inTransaction(database.db, (tx) => revokeApiKey(tx, own.viewer('shop'), revoked.apiKeyId));
    expect(await until(() => closes.has(revoked.apiKeyId), 1_000)).toBeLessThan(1_000);
    expect(closes.get(revoked.apiKeyId)).toBe(4401);
    expect(closes.has(kept.apiKeyId)).toBe(false);
    for (const client of clients) await client.dispose();
  });

  test('of a person whose membership ended is closed within a second', async () => {
    const cookie = await server.signIn('viewer@shop.test');
    const client = server.socket({ party: stationId(own.stations.shop) }, { cookie, origin: server.origin });
    let code = 0;
    client.on('closed', (event) => {
      code = (event as CloseEvent).code;
    });
    await new Promise<void>((resolve) =>
      client.subscribe({ query: 'subscription { watched }' }, { next: () => resolve(), error: () => undefined, complete: () => undefined }),
    );
    const viewer = own.viewer('shop', 'VIEWER');
    const userId = viewer.actor.kind === 'USER' ? viewer.actor.userId : '';
    const [membership] = await database.sql<{ id: string }>('SELECT id FROM membership WHERE user_id = $1', [userId]);
    expect(await inTransaction(database.db, (tx) => revokeMembership(tx, own.networkId, membership?.id ?? ''))).toBe(true);
    await until(() => code !== 0, 1_000);
    expect(code).toBe(4401);
    // requests may be answered for what was true a third of a second ago
    await new Promise((resolve) => setTimeout(resolve, 400));
    const { status } = await server.graphql('{ hello }', { headers: { cookie, ...CSRF, 'x-fenzhan-party': stationId(own.stations.shop) } });
    expect(status).toBe(403);
  });
});

test('an event stream of a revoked key ends within a second', async () => {
  const { apiKeyId, secret } = await newKey(database.db, own.viewer('shop'), ['ORDERS_READ']);
  const answer = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(secret) },
    body: JSON.stringify({ query: 'subscription { watched }' }),
  });
  let text = '';
  let ended = false;
  const reading = (async () => {
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString('utf8');
    ended = true;
  })();
  await until(() => text.includes(own.networkId), 2_000);
  await inTransaction(database.db, (tx) => revokeApiKey(tx, own.viewer('shop'), apiKeyId));
  expect(await until(() => ended, 1_000)).toBeLessThan(1_000);
  await reading;
});

test('a station that is closed loses its sockets and event streams within a second, and its key opens nothing', async () => {
  const { secret } = await newKey(database.db, own.viewer('kiosk'), ['ORDERS_READ']);
  const client = server.socket({ authorization: `Bearer ${secret}` });
  let code = 0;
  client.on('closed', (event) => {
    code = (event as CloseEvent).code;
  });
  await new Promise<void>((resolve) =>
    client.subscribe({ query: 'subscription { watched }' }, { next: () => resolve(), error: () => undefined, complete: () => undefined }),
  );
  const stream = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(secret) },
    body: JSON.stringify({ query: 'subscription { watched }' }),
  });
  let ended = false;
  const reading = stream.text().then(() => {
    ended = true;
  });
  const change = (expectedVersion: number) => ({ stationId: own.stations.kiosk, expectedVersion, reason: '停业' });
  // frozen, it goes on reading
  expect((await freezeStation(database.db, own.viewer('hq'), change(1))).kind).toBe('STATION_FROZE');
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect({ code, ended }).toEqual({ code: 0, ended: false });
  expect((await closeStation(database.db, own.viewer('hq'), change(2))).kind).toBe('STATION_CLOSED');
  expect(await until(() => ended && code !== 0, 1_000)).toBeLessThan(1_000);
  expect(code).toBe(4401);
  await reading;
  // requests may be answered for what was true a third of a second ago
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect((await server.graphql('{ whoami }', { headers: bearer(secret) })).status).toBe(401);
});

test('signing out everywhere ends every session of the person and closes her streams within a second', async () => {
  const here = await server.signIn('owner@shop.test');
  const there = await server.signIn('owner@shop.test');
  const client = server.socket({ party: stationId(own.stations.shop) }, { cookie: there, origin: server.origin });
  let code = 0;
  client.on('closed', (event) => {
    code = (event as CloseEvent).code;
  });
  await new Promise<void>((resolve) =>
    client.subscribe({ query: 'subscription { watched }' }, { next: () => resolve(), error: () => undefined, complete: () => undefined }),
  );
  const answer = await fetch(`${server.url}/auth/sign-out-everywhere`, { method: 'POST', headers: { ...CSRF, cookie: here } });
  expect(answer.status).toBe(204);
  expect(cookieOf(answer)).toContain('fenzhan_session=;');
  await until(() => code !== 0, 1_000);
  await new Promise((resolve) => setTimeout(resolve, 400));
  for (const cookie of [here, there]) {
    expect((await server.graphql('{ viewer { party } }', { headers: { cookie, ...CSRF } })).body.data).toEqual({ viewer: null });
  }
});

function closeCode(connectionParams: Record<string, unknown>, headers: Record<string, string> = {}): Promise<number> {
  const client = server.socket(connectionParams, headers);
  return new Promise((resolve) => client.on('closed', (event) => resolve((event as CloseEvent).code)));
}
