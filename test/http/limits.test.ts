import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { LIMITS } from '#server/http/limits.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { type Answer, bearer, newKey, startTestServer, type TestServer } from './test-server.ts';

const SMALL = {
  bodyBytes: 2_000,
  importBodyBytes: 6_000,
  frameBytes: 3_000,
  depth: 4,
  aliases: 3,
  directives: 3,
  tokens: 60,
  documentCost: 100,
  executionMilliseconds: 300,
  operationsPerSocket: 2,
} as const;

let database: FreshDatabase;
let server: TestServer;
let shop: World<'hq' | 'shop', never, never>;
let key: string;
let importKey: string;
beforeAll(async () => {
  database = await freshDatabase();
  shop = await world(database.db, { stations: { hq: {}, shop: { parent: 'hq' } } });
  key = (await newKey(database.db, shop.viewer('shop'), ['ORDERS_PLACE'])).secret;
  importKey = (await newKey(database.db, shop.viewer('hq'), ['STOCK_IMPORT'])).secret;
  server = await startTestServer(database.db, { limits: SMALL });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

type Transport = (query: string, variables?: Record<string, unknown>) => Promise<Answer['body'] & { status?: number; headers?: Headers }>;

const byHttp: Transport = async (query, variables) => {
  const { status, headers, body } = await server.graphql(query, {
    headers: { ...bearer(key), accept: 'application/graphql-response+json' },
    ...(variables && { variables }),
  });
  return { status, headers, ...body };
};

const byWebSocket: Transport = (query, variables) => {
  const client = server.socket({ authorization: `Bearer ${key}` });
  return new Promise<Answer['body']>((resolve, reject) => {
    client.subscribe(
      { query, ...(variables && { variables }) },
      {
        next: (result) => resolve(result as Answer['body']),
        error: (error) =>
          Array.isArray(error) ? resolve({ errors: error as NonNullable<Answer['body']['errors']> }) : reject(error as Error),
        complete: () => undefined,
      },
    );
  }).finally(() => void client.dispose());
};

const cases: { limit: string; code: string; query: (n: number) => string; n: number }[] = [
  { limit: 'levels', code: 'DEPTH_LIMIT', n: SMALL.depth, query: (n) => `{ ${'node { '.repeat(n - 1)} id ${'} '.repeat(n - 1)} }` },
  {
    limit: 'levels through a fragment',
    code: 'DEPTH_LIMIT',
    n: SMALL.depth,
    query: (n) => `{ node { ...rest } } fragment rest on Node { ${'node { '.repeat(n - 2)} id ${'} '.repeat(n - 2)} }`,
  },
  {
    limit: 'aliases',
    code: 'ALIAS_LIMIT',
    n: SMALL.aliases,
    query: (n) => `{ ${Array.from({ length: n }, (_, i) => `a${i}: hello`).join(' ')} }`,
  },
  { limit: 'directives', code: 'DIRECTIVE_LIMIT', n: SMALL.directives, query: (n) => `{ ${'hello @skip(if: false) '.repeat(n)} }` },
  // two braces and n − 2 fields
  { limit: 'tokens', code: 'TOKEN_LIMIT', n: SMALL.tokens, query: (n) => `{ ${'hello '.repeat(n - 2)} }` },
  // the list itself, then n − 1 rows with one field each
  { limit: 'points of cost', code: 'COST_LIMIT', n: SMALL.documentCost, query: (n) => `{ rows(first: ${n - 1}) { id } }` },
];

describe.each([
  { transport: 'HTTP', send: byHttp, refused: 400, timedOut: 503 },
  { transport: 'WebSocket', send: byWebSocket, refused: undefined, timedOut: undefined },
])('on $transport', ({ send, refused, timedOut }) => {
  test.each(cases)('a document of exactly the largest number of $limit is answered', async ({ query, n }) => {
    const { errors, data } = await send(query(n));
    expect(errors).toBeUndefined();
    expect(data).toBeTruthy();
  });

  test.each(cases)('one more of $limit is refused with $code before anything runs', async ({ query, n, code }) => {
    const { errors, data, status } = await send(query(n + 1));
    expect(errors?.[0]?.extensions).toMatchObject({ code, limit: n, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(data ?? null).toBeNull();
    expect(status).toBe(refused);
  });

  test('an operation that takes longer than it may is answered with EXECUTION_TIMEOUT', async () => {
    expect(await send('{ slow(milliseconds: 10) }')).toMatchObject({ data: { slow: 'done' } });
    const { errors, status } = await send('{ slow(milliseconds: 2000) }');
    expect(errors?.[0]?.extensions['code']).toBe('EXECUTION_TIMEOUT');
    expect(status).toBe(timedOut);
  });

  test('a page asked for by a variable costs the same as one that is written out', async () => {
    const { extensions } = await send('query Page($count: Int) { rows(first: $count) { id name } }', { count: 7 });
    expect(extensions?.cost?.requested).toBe(1 + 7 * 2);
  });

  test('introspection is answered: the contract is public', async () => {
    const { data } = await send('{ __schema { queryType { name } } }');
    expect(data).toEqual({ __schema: { queryType: { name: 'Query' } } });
  });
});

describe('bodies', () => {
  const bodyOf = (bytes: number) => {
    const empty = JSON.stringify({ query: 'mutation M($text: String) { change(text: $text) }', variables: { text: '' } });
    return JSON.stringify({
      query: 'mutation M($text: String) { change(text: $text) }',
      variables: { text: 'x'.repeat(bytes - empty.length) },
    });
  };
  const post = (body: string, headers: Record<string, string>) =>
    fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

  test('a body of exactly the limit is read, one byte more is refused with 413', async () => {
    expect((await post(bodyOf(SMALL.bodyBytes), bearer(key))).status).toBe(200);
    const refused = await post(bodyOf(SMALL.bodyBytes + 1), bearer(key));
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'BODY_LIMIT', limit: SMALL.bodyBytes } }] });
  });

  test('a body whose length is not said beforehand meets the same limit', async () => {
    const streamed = (bytes: number) =>
      fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer(key) },
        body: new Blob([bodyOf(bytes)]).stream(),
        duplex: 'half',
      } as RequestInit);
    expect((await streamed(SMALL.bodyBytes)).status).toBe(200);
    expect((await streamed(SMALL.bodyBytes + 1)).status).toBe(413);
  });

  test('only who may import stock may send the longer body, up to its own limit', async () => {
    expect((await post(bodyOf(SMALL.importBodyBytes), bearer(importKey))).status).toBe(200);
    expect((await post(bodyOf(SMALL.importBodyBytes + 1), bearer(importKey))).status).toBe(413);
    expect((await post(bodyOf(SMALL.importBodyBytes), bearer(key))).status).toBe(413);
    expect((await post(bodyOf(SMALL.importBodyBytes), {})).status).toBe(413);
  });

  test('a list of documents in one body is refused', async () => {
    const answer = await post(JSON.stringify([{ query: '{ hello }' }]), bearer(key));
    expect(answer.status).toBe(400);
  });
});

describe('frames and operations of a WebSocket', () => {
  const raw = async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
    await new Promise((resolve) => socket.once('message', resolve));
    return socket;
  };
  const messageOf = (bytes: number) => {
    const message = (text: string) =>
      JSON.stringify({
        id: '1',
        type: 'subscribe',
        payload: { query: 'query Q($name: String) { hello(name: $name) }', variables: { name: text } },
      });
    return message('x'.repeat(bytes - message('').length));
  };

  test('a frame of exactly the limit is answered', async () => {
    const socket = await raw();
    socket.send(messageOf(SMALL.frameBytes));
    const answer = await new Promise((resolve) => socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString('utf8')))));
    expect(answer).toMatchObject({ type: 'next' });
    socket.close();
  });

  test('a frame of one byte more closes the connection with 1009', async () => {
    const socket = await raw();
    const code = new Promise((resolve) => socket.once('close', resolve));
    socket.send(messageOf(SMALL.frameBytes + 1));
    expect(await code).toBe(1009);
  });

  test('as many operations run at once as the limit says, one more is refused', async () => {
    const client = server.socket({ authorization: `Bearer ${key}` });
    const outcome = (query: string) =>
      new Promise((resolve) => {
        client.subscribe(
          { query },
          {
            next: () => resolve('running'),
            error: (errors) => resolve((errors as { extensions: object }[])[0]?.extensions),
            complete: () => undefined,
          },
        );
      });
    const running = Array.from({ length: SMALL.operationsPerSocket }, () =>
      outcome('subscription { ticked(count: 1000, everyMilliseconds: 50) }'),
    );
    expect(await Promise.all(running)).toEqual(['running', 'running']);
    expect(await outcome('{ hello }')).toMatchObject({ code: 'OPERATION_LIMIT', limit: 2 });
    await client.dispose();
  });
});

test('a viewer who has used up the budget is throttled with 429 and Retry-After, and another viewer is not', async () => {
  const narrow = await startTestServer(database.db, { limits: { budget: 50, refillPerSecond: 0.01 } });
  const other = (await newKey(database.db, shop.viewer('shop'), ['ORDERS_PLACE'])).secret;
  const ask = (secret: string) => narrow.graphql('{ rows(first: 24) { id } }', { headers: bearer(secret) });
  try {
    expect((await ask(key)).body.extensions?.cost).toEqual({ requested: 25, remaining: 25, limit: 50 });
    expect((await ask(key)).body.extensions?.cost).toMatchObject({ requested: 25, remaining: 0 });
    const throttled = await ask(key);
    expect(throttled.status).toBe(429);
    expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThanOrEqual(24);
    expect(throttled.body.errors?.[0]?.extensions['code']).toBe('THROTTLED');
    expect(throttled.body.extensions?.cost).toMatchObject({ requested: 25, remaining: 0, limit: 50 });
    // the short way tells it as Yoga does, which takes a media type that is written in an unusual way
    const byYoga = await narrow.graphql('{ rows(first: 24) { id } }', {
      headers: { ...bearer(key), 'content-type': 'application/json; charset="utf-8"' },
    });
    const told = ({ status, headers, body }: Answer) => [
      status,
      headers.get('retry-after'),
      headers.get('content-type'),
      JSON.parse(JSON.stringify(body).replace(/"requestId":"[^"]+"/, '"requestId":"?"')),
    ];
    expect(told(throttled)).toEqual(told(byYoga));
    expect((await ask(other)).status).toBe(200);
    const client = narrow.socket({ authorization: `Bearer ${key}` });
    const onSocket = await new Promise<Answer['body']>((resolve, reject) => {
      client.subscribe(
        { query: '{ rows(first: 24) { id } }' },
        { next: (result) => resolve(result as Answer['body']), error: reject, complete: () => undefined },
      );
    });
    expect(onSocket.errors?.[0]?.extensions['code']).toBe('THROTTLED');
    await client.dispose();
  } finally {
    await narrow.close();
  }
});

test('fragments that spread one another many times over are priced without walking them many times over', async () => {
  const levels = 20;
  const fragments = Array.from({ length: levels }, (_, i) => `fragment f${i} on Node { ...f${i + 1} ...f${i + 1} }`).join(' ');
  const generous = await startTestServer(database.db, { limits: { tokens: 2_000 } });
  try {
    const { body } = await generous.graphql(`{ node { ...f0 } } ${fragments} fragment f${levels} on Node { id }`);
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'COST_LIMIT', found: 2 ** levels + 1 });
  } finally {
    await generous.close();
  }
});

test('the limits in force are those that the API guide states', () => {
  expect(LIMITS).toMatchObject({
    bodyBytes: 1_048_576,
    importBodyBytes: 12_582_912,
    frameBytes: 1_048_576,
    depth: 15,
    aliases: 50,
    directives: 50,
    tokens: 2_000,
    documentCost: 20_000,
  });
});
