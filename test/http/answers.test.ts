import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { bearer, newKey, silence, startTestServer, type TestServer, until } from './test-server.ts';

let database: FreshDatabase;
let server: TestServer;
let shop: World<'hq', never, never>;
let key: string;
let dist: string;
let logged = '';
beforeAll(async () => {
  database = await freshDatabase();
  shop = await world(database.db, { stations: { hq: {} } });
  key = (await newKey(database.db, shop.viewer('hq'), ['ORDERS_READ'])).secret;
  dist = mkdtempSync(join(tmpdir(), 'fenzhan-console-'));
  mkdirSync(join(dist, 'assets'));
  writeFileSync(join(dist, 'index.html'), '<!doctype html><title>console</title>');
  writeFileSync(join(dist, 'assets', 'index-abc123.js'), `console.log(${JSON.stringify('x'.repeat(5_000))})`);
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      logged += String(chunk);
      done();
    },
  });
  server = await startTestServer(database.db, { consoleDirectory: dist, log: pino({ level: 'info' }, stream) });
});
afterAll(async () => {
  await server.close();
  await database.drop();
  rmSync(dist, { recursive: true });
});

describe('errors', () => {
  test.each(['boom', 'broken'])(
    'that nobody meant to tell (%s) are masked; the log has the cause under the id that the client was given',
    async (field) => {
      const { status, body } = await server.graphql(`{ ${field} hello }`, { headers: bearer(key) });
      expect(status).toBe(200);
      expect(body.data).toEqual({ [field]: null, hello: 'hello world' });
      const [error] = body.errors ?? [];
      expect(error?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) });
      expect(error?.path).toEqual([field]);
      expect(JSON.stringify(body)).not.toContain('46.00');
      expect(logged).toContain(String(error?.extensions['requestId']));
      expect(logged).toContain('46.00');
    },
  );

  test('on a WebSocket are masked alike', async () => {
    const client = server.socket({ authorization: `Bearer ${key}` });
    const answer = await new Promise((resolve, reject) => {
      client.subscribe({ query: '{ boom }' }, { next: resolve, error: reject, complete: () => undefined });
    });
    expect(answer).toMatchObject({
      data: { boom: null },
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) } }],
    });
    expect(JSON.stringify(answer)).not.toContain('46.00');
    await client.dispose();
  });

  test('of rights name the permission', async () => {
    const { body } = await server.graphql('{ refused }', { headers: bearer(key) });
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'FORBIDDEN', permission: 'ORDERS_PLACE', requestId: expect.any(String) });
  });

  test.each([
    { of: 'syntax', query: '{ hello', code: 'GRAPHQL_PARSE_FAILED' },
    { of: 'a field that is not there', query: '{ nothing }', code: 'GRAPHQL_VALIDATION_FAILED' },
    { of: 'a variable of the wrong type', query: 'query Q($n: Int!) { rows(first: $n) { id } }', code: 'BAD_USER_INPUT' },
  ])('of $of carry $code and the request’s id', async ({ query, code }) => {
    const { body, headers } = await server.graphql(query, { headers: bearer(key), variables: { n: 'x' } });
    expect(body.errors?.[0]?.extensions).toMatchObject({ code, requestId: headers.get('x-request-id') });
    expect(body.errors?.[0]?.extensions).not.toHaveProperty('http');
  });

  test('never show a stack', async () => {
    for (const query of ['{ boom }', '{ hello', '{ nothing }']) {
      expect(JSON.stringify((await server.graphql(query, { headers: bearer(key) })).body)).not.toMatch(/node_modules|\.ts:|stack/);
    }
  });
});

test('a mutation by GET is refused with 405', async () => {
  const answer = await fetch(`${server.url}/graphql?query=${encodeURIComponent('mutation { change }')}`, { headers: bearer(key) });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toContain('POST');
});

test('application/graphql-response+json is honoured, also by errors that come before GraphQL', async () => {
  const accept = 'application/graphql-response+json';
  const good = await server.graphql('{ hello }', { headers: { ...bearer(key), accept } });
  expect(good.headers.get('content-type')).toContain(accept);
  const bad = await server.graphql('{ hello }', { headers: { ...bearer('fz_nonsense'), accept } });
  expect(bad.status).toBe(401);
  expect(bad.headers.get('content-type')).toContain(accept);
});

test('introspection can be turned off', async () => {
  const silent = await startTestServer(database.db, { introspection: false });
  try {
    const { body } = await silent.graphql('{ __schema { queryType { name } } }', { headers: bearer(key) });
    expect(body.data).toBeUndefined();
    expect(body.errors?.[0]?.extensions['code']).toBe('GRAPHQL_VALIDATION_FAILED');
  } finally {
    await silent.close();
  }
});

test('a subscription comes as server-sent events, event by event', async () => {
  const answer = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(key) },
    body: JSON.stringify({ query: 'subscription { ticked(count: 3, everyMilliseconds: 5) }' }),
  });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  const text = await answer.text();
  expect([...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => data)).toEqual([1, 2, 3].map((tick) => `{"data":{"ticked":${tick}}}`));
  expect(text).toContain('event: complete');
});

describe('a subscription whose client goes away while nothing happens', () => {
  test('is ended on a WebSocket', async () => {
    const client = server.socket({ authorization: `Bearer ${key}` });
    client.subscribe({ query: 'subscription { silent }' }, { next: () => undefined, error: () => undefined, complete: () => undefined });
    await until(() => silence.listeners === 1, 2_000);
    await client.dispose();
    await until(() => silence.listeners === 0, 2_000);
    expect(silence.listeners).toBe(0);
  });

  test('is ended on an event stream', async () => {
    const leaving = new AbortController();
    const answer = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(key) },
      body: JSON.stringify({ query: 'subscription { silent }' }),
      signal: leaving.signal,
    });
    expect([answer.status, silence.listeners]).toEqual([200, 1]);
    leaving.abort();
    await until(() => silence.listeners === 0, 2_000);
    expect(silence.listeners).toBe(0);
  });
});

describe('the console', () => {
  test('is answered for every page, never from a cache that was not asked again', async () => {
    for (const path of ['/', '/orders', '/orders/abc?x=1']) {
      const answer = await fetch(`${server.url}${path}`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      expect(await answer.text()).toContain('<title>console</title>');
    }
    const etag = (await fetch(`${server.url}/`)).headers.get('etag') ?? '';
    expect((await fetch(`${server.url}/`, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  test('sends files named by their content for ever, compressed as the browser can', async () => {
    const raw = await fetch(`${server.url}/assets/index-abc123.js`, { headers: { 'accept-encoding': 'identity' } });
    expect(raw.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(raw.headers.get('content-encoding')).toBeNull();
    const text = await raw.text();
    const answer = await fetch(`${server.url}/assets/index-abc123.js`, { headers: { 'accept-encoding': 'br, gzip' } });
    expect(answer.headers.get('content-encoding')).toBe('br');
    expect(Number(answer.headers.get('content-length'))).toBeLessThan(500);
    expect(await answer.text()).toBe(text);
    const gzip = await fetch(`${server.url}/assets/index-abc123.js`, { headers: { 'accept-encoding': 'gzip' } });
    expect(gzip.headers.get('content-encoding')).toBe('gzip');
  });

  test('has no file outside of its folder and no page for a missing asset', async () => {
    expect((await fetch(`${server.url}/assets/missing.js`)).status).toBe(404);
    const { port } = new URL(server.url);
    const { request } = await import('node:http');
    const status = await new Promise((resolve) =>
      request({ port, path: '/../../etc/passwd.txt' }, (answer) => resolve(answer.statusCode)).end(),
    );
    expect(status).toBe(404);
  });

  test('is not framed, runs no foreign script, and connects to its own server alone', async () => {
    const { headers } = await fetch(`${server.url}/`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("connect-src 'self' ws://console.test");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('strict-transport-security')).toBeNull();
  });
});

test('a server that closes is not ready, says goodbye to its WebSockets, and lets a running request finish', async () => {
  const closing = await startTestServer(database.db);
  expect(await (await fetch(`${closing.url}/healthz`)).json()).toEqual({ status: 'ok' });
  expect((await fetch(`${closing.url}/readyz`)).status).toBe(200);
  const client = closing.socket({ authorization: `Bearer ${key}` });
  const code = new Promise((resolve) => client.on('closed', (event) => resolve((event as CloseEvent).code)));
  await new Promise((resolve) => client.on('connected', resolve));
  const running = closing.graphql('{ slow(milliseconds: 300) }', { headers: bearer(key) });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await closing.close();
  expect((await running).body.data).toEqual({ slow: 'done' });
  expect(await code).toBe(1001);
  await expect(fetch(`${closing.url}/healthz`)).rejects.toThrow();
});
