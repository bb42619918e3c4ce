import { buildSchema, type GraphQLField, type GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { Context } from '#schema/context.ts';
import { revokeApiKey } from '#server/accounts/commands.ts';
import { partyId } from '#server/accounts/rules.ts';
import type { EventSource, LiveEvent } from '#server/live/event-source.ts';
import { openStream, type Watched } from '#server/live/live-stream.ts';
import { inTransaction } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';
import { bearer, givePassword, newKey, startTestServer, stationId, type TestServer, until } from './test-server.ts';

// Real sockets and a network whose events the test makes by hand, as large as it likes.

type Tick = { readonly seq: number; readonly subject: string };
let database: FreshDatabase;
let server: TestServer;
let own: World<'hq' | 'shop', never, never>;
let executions = 0;
const events: LiveEvent[] = [];
let news = Promise.withResolvers<void>();
const source: EventSource = {
  async *read(_networkId, after, signal) {
    let position = Number(after ?? BigInt(events.length));
    const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    while (!signal.aborted) {
      const batch = events.slice(position, position + 1);
      position += batch.length;
      if (batch.length > 0) yield batch;
      else await Promise.race([news.promise, gone]);
    }
  },
  stop: async () => undefined,
};

function happen(subjectId: string): void {
  events.push({ seq: BigInt(events.length + 1), topic: 'stock.changed', subjectId, audience: [], data: {}, occurredAt: new Date(0) });
  news.resolve();
  news = Promise.withResolvers();
}

beforeAll(async () => {
  database = await freshDatabase();
  own = await world(database.db, { stations: { hq: {}, shop: { parent: 'hq' } } });
  for (const viewer of [own.viewer('shop', 'OPERATOR')]) {
    if (viewer.actor.kind === 'USER') await givePassword(database.db, viewer.actor.userId);
  }
  server = await startTestServer(database.db, {
    schema: tickSchema(),
    context: (facts) => ({ ...facts, db: database.db, vault: testVault, events: source }) as unknown as Context,
    limits: { unreadBytes: 8 * 1024 },
  });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

function tickSchema() {
  const schema = buildSchema(`
    type Query { hello: String }
    type Tick { seq: Int!  subject: String!  permissions: [String!]!  filler: String! }
    type Subscription { newest(after: String): Tick!  each(after: String): Tick! }
  `);
  const fields = schema.getSubscriptionType()?.getFields() ?? {};
  const watch = (field: GraphQLField<unknown, unknown> | undefined, keyOf?: (event: LiveEvent) => string) => {
    if (field === undefined) return;
    field.subscribe = (_: unknown, { after }: { after?: string }, context: unknown) => {
      const viewer = (context as Context).viewer;
      if (viewer === null) throw new Error('nobody');
      const feed = {
        scope: { networkId: viewer.networkId, partyId: partyId(viewer.party), subscription: 'ticks' },
        topics: new Set(['stock.changed'] as const),
        rootOf: ({ seq, subjectId }: LiveEvent): Tick => ({ seq: Number(seq), subject: subjectId }),
        ...(keyOf && { keyOf }),
      };
      return openStream((context as Context).events, feed, after ?? null);
    };
    field.resolve = (watched: unknown) => {
      executions += 1;
      return (watched as Extract<Watched<Tick>, { event: Tick }>).event;
    };
  };
  watch(fields['newest'], ({ subjectId }) => subjectId);
  watch(fields['each']);
  const tick = (schema.getType('Tick') as GraphQLObjectType).getFields();
  if (tick['permissions']) tick['permissions'].resolve = (_, __, context) => [...((context as Context).viewer?.permissions ?? [])];
  if (tick['filler']) tick['filler'].resolve = () => 'x'.repeat(400_000);
  return schema;
}

type Told = {
  readonly id: string;
  readonly type: string;
  readonly payload?: { readonly data?: Record<string, Tick & { permissions: string[] }> };
};

/** A client on the bare protocol: what it is told, and how it ended. */
async function connect(init: Record<string, unknown>, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
  const told: Told[] = [];
  const frames: string[] = [];
  const client = {
    socket,
    told,
    frames,
    code: 0,
    reason: '',
    seqs: (name: string) => told.flatMap(({ payload }) => payload?.data?.[name]?.seq ?? []),
  };
  socket.on('message', (data: Buffer) => {
    const text = data.toString('utf8');
    const message = JSON.parse(text) as Told;
    if (message.type === 'next') frames.push(text);
    told.push(message);
  });
  socket.on('close', (code, reason) => {
    client.code = code;
    client.reason = String(reason);
  });
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ type: 'connection_init', payload: init }));
  await until(() => told.length === 1, 3_000);
  return client;
}

const subscribeTo = (client: { socket: WebSocket }, id: string, query: string) =>
  client.socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }));

/** Lets something happen until all have been told: a group reads from when it began. */
async function untilTold(clients: readonly { told: Told[] }[]): Promise<void> {
  for (let attempt = 0; attempt < 50 && clients.some(({ told }) => !told.some(({ type }) => type === 'next')); attempt += 1) {
    happen('start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('clients of one visibility cost one execution an event, and each gets it under its own id', async () => {
  const key = (await newKey(database.db, own.viewer('shop'), ['CATALOGUE_READ'])).secret;
  const clients = await Promise.all(Array.from({ length: 5 }, () => connect(bearer(key))));
  clients.forEach((client, index) => subscribeTo(client, `äid ${index}`, 'subscription { newest { seq subject } }'));
  await untilTold(clients);
  executions = 0;
  happen('cards');
  const last = events.length;
  await until(() => clients.every((client) => client.seqs('newest').includes(last)), 3_000);
  expect(executions).toBe(1);
  clients.forEach((client, index) => {
    expect(client.frames.at(-1)).toBe(
      `{"id":"äid ${index}","type":"next","payload":{"data":{"newest":{"seq":${last},"subject":"cards"}}}}`,
    );
    client.socket.close();
  });
});

test('of a group, the one whose key is revoked leaves within a second, and the others are told on', async () => {
  const [gone, kept] = await Promise.all([0, 1].map(() => newKey(database.db, own.viewer('shop'), ['CATALOGUE_READ'])));
  const [leaving, staying] = await Promise.all([connect(bearer(gone?.secret ?? '')), connect(bearer(kept?.secret ?? ''))]);
  for (const client of [leaving, staying]) subscribeTo(client, '1', 'subscription { each { seq } }');
  await untilTold([leaving, staying]);
  await inTransaction(database.db, (tx) => revokeApiKey(tx, own.viewer('shop'), gone?.apiKeyId ?? ''));
  await until(() => leaving.code !== 0, 1_000);
  expect(leaving.code).toBe(4401);
  const before = leaving.told.length;
  happen('after');
  await until(() => staying.seqs('each').includes(events.length), 3_000);
  expect(leaving.told.length).toBe(before);
  staying.socket.close();
});

test('whose role changes goes on under the new rights, without a gap, on both transports', async () => {
  const cookie = await server.signIn('operator@shop.test');
  const headers = { cookie, origin: server.origin };
  const client = await connect({ party: stationId(own.stations.shop) }, headers);
  subscribeTo(client, '1', 'subscription { each { seq permissions } }');
  const stop = new AbortController();
  const response = await fetch(`${server.url}/graphql?query=${encodeURIComponent('subscription { each { seq permissions } }')}`, {
    headers: { ...headers, accept: 'text/event-stream', 'x-fenzhan-party': stationId(own.stations.shop) },
    signal: stop.signal,
  });
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString('utf8');
  })().catch(() => undefined);
  await untilTold([client]);
  const viewer = own.viewer('shop', 'OPERATOR');
  const userId = viewer.actor.kind === 'USER' ? viewer.actor.userId : '';
  await database.sql(`UPDATE membership SET role = 'VIEWER' WHERE user_id = $1`, [userId]);
  const hasChanged = () => client.told.at(-1)?.payload?.data?.['each']?.permissions.includes('ORDERS_PLACE') === false;
  for (
    let attempt = 0;
    attempt < 60 && !(hasChanged() && !(text.split('event: next').at(-1) ?? '').includes('ORDERS_PLACE'));
    attempt += 1
  ) {
    happen('again');
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  expect(hasChanged()).toBe(true);
  expect(text).toContain('ORDERS_PLACE');
  expect(text.split('event: next').at(-1)).not.toContain('ORDERS_PLACE');
  const seqs = client.seqs('each');
  expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
  const streamed = [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq));
  expect(streamed).toEqual(streamed.map((_, index) => (streamed[0] ?? 0) + index));
  client.socket.close();
  stop.abort();
  await reading;
});

test('a client that does not read is told the newest of each when it reads again, and of events that must each be told it is cut with 4413; others are not held up', async () => {
  const key = (await newKey(database.db, own.viewer('shop'), ['CATALOGUE_READ'])).secret;
  const [slow, cut, quick] = await Promise.all([connect(bearer(key)), connect(bearer(key)), connect(bearer(key))]);
  subscribeTo(slow, '1', 'subscription { newest { seq subject filler } }');
  subscribeTo(cut, '1', 'subscription { each { seq subject filler } }');
  subscribeTo(quick, '1', 'subscription { newest { seq subject } }');
  await untilTold([slow, cut, quick]);
  slow.socket.pause();
  cut.socket.pause();
  const first = events.length + 1;
  // more than the machine's own buffers of a connection take
  for (let count = 0; count < 60; count += 1) {
    happen(`about ${count % 3}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const last = events.length;
  await until(() => quick.seqs('newest').includes(last), 5_000);
  expect(quick.seqs('newest').filter((seq) => seq >= first)).toEqual(Array.from({ length: 60 }, (_, index) => first + index));
  slow.socket.resume();
  cut.socket.resume();
  await until(() => slow.seqs('newest').includes(last) && cut.code !== 0, 8_000);
  const told = slow.seqs('newest').filter((seq) => seq >= first);
  // it missed some, and has the newest of each of the three, in order
  expect(told.length).toBeLessThan(60);
  expect(told.slice(-3)).toEqual([last - 2, last - 1, last]);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect([cut.code, cut.reason]).toEqual([4413, 'Too slow: subscribe again with after: the last cursor that you have']);
  for (const client of [slow, quick]) client.socket.close();
});

test('an id that is still in use and a second connection_init end the connection with the code of the protocol', async () => {
  const key = (await newKey(database.db, own.viewer('shop'), ['CATALOGUE_READ'])).secret;
  const [twice, again] = await Promise.all([connect(bearer(key)), connect(bearer(key))]);
  subscribeTo(twice, '1', 'subscription { each { seq } }');
  subscribeTo(twice, '1', 'subscription { each { seq } }');
  again.socket.send(JSON.stringify({ type: 'connection_init' }));
  await until(() => twice.code !== 0 && again.code !== 0, 3_000);
  expect([twice.code, again.code]).toEqual([4409, 4429]);
});
