import { buildSchema, GraphQLError, type GraphQLSchema } from 'graphql';
import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { type Context } from '#schema/context.ts';
import { decodeId, globalId } from '#schema/ids.ts';
import { createApiKey } from '#server/accounts/commands.ts';
import type { ActingParty, Permission, Viewer } from '#server/accounts/rules.ts';
import { createHttp, type HttpOptions } from '#server/http/http.ts';
import { type Database, inTransaction, run, statement } from '#server/platform/database.ts';
import { createLog } from '#server/platform/log.ts';
import { hashPassword } from '#server/platform/password.ts';
import { testVault } from '#test/support/world.ts';

/** Signs the cookies of all tests. */
export const SESSION_SECRET = 'a session secret that only the tests know';
/** What everybody signs in with in the tests. */
export const PASSWORD = 'correct horse battery staple';

/** A server on a port of its own. */
export interface TestServer {
  readonly url: string;
  readonly origin: string;
  /** Sends a document; `headers` beside the JSON type. */
  graphql(query: string, options?: { headers?: Record<string, string>; variables?: Record<string, unknown> }): Promise<Answer>;
  /** A WebSocket client; it never reconnects. */
  socket(connectionParams: Record<string, unknown>, headers?: Record<string, string>): Client;
  /** Signs in and returns the Cookie header to send from then on. */
  signIn(email: string, password?: string): Promise<string>;
  close(): Promise<void>;
}

/** An answer with what matters of its envelope. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    data?: Record<string, unknown> | null;
    errors?: { message: string; path?: unknown; extensions: Record<string, unknown> }[];
    extensions?: { cost?: { requested: number; remaining: number; limit: number } };
  };
}

/** The header that pages of the console send. */
export const CSRF = { 'x-fenzhan-csrf': '1' } as const;

/** Starts a server on a database with a schema of a few fields, so that the transport is tested and nothing else. */
export async function startTestServer(db: Database, overrides: Partial<HttpOptions> = {}): Promise<TestServer> {
  const publicUrl = overrides.publicUrl ?? 'http://console.test';
  const log = overrides.log ?? createLog('silent');
  const http = createHttp({
    schema: testSchema(),
    db,
    log,
    context: (facts) => ({ ...facts, db, vault: testVault }) as unknown as Context,
    partyOf,
    publicFields: ['hello', 'viewer', 'rows', 'node'],
    publicUrl,
    allowedOrigins: [],
    sessionSecret: SESSION_SECRET,
    behindProxy: false,
    introspection: true,
    consoleDirectory: null,
    ...overrides,
  });
  const port = await http.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    origin: publicUrl,
    graphql: async (query, { headers, variables } = {}) => {
      const body = JSON.stringify({ query, variables });
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
    },
    socket: (connectionParams, headers = {}) =>
      createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: class extends WebSocket {
          constructor(address: string, protocols: string[]) {
            super(address, protocols, { headers });
          }
        },
        connectionParams,
        retryAttempts: 0,
        lazy: false,
        onNonLazyError: () => undefined,
      }),
    signIn: async (email, password = PASSWORD) => {
      const response = await fetch(`${url}/auth/sign-in`, { method: 'POST', headers: CSRF, body: JSON.stringify({ email, password }) });
      if (response.status !== 200) throw new Error(`sign-in answered ${response.status}: ${await response.text()}`);
      return cookieOf(response);
    },
    close: () => http.close(),
  };
}

/** The Cookie header that a browser would send after this answer. */
export function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}

/** The global id of a station. */
export function stationId(id: string): string {
  return globalId('Station', id);
}

/** Gives a user of the world the password of the tests. */
export async function givePassword(db: Database, userId: string): Promise<void> {
  await run(db.pool, setPassword, [db.newId(), userId, await hashPassword(PASSWORD), db.clock()]);
}

const setPassword = statement(
  'test.setPassword',
  `INSERT INTO credential (id, user_id, account_id, provider_id, password, created_at, updated_at) VALUES ($1, $2, $2::uuid::text, 'credential', $3, $4, $4)`,
);

/** A key of the viewer's party with these scopes, from anywhere and for ever unless said otherwise. */
export async function newKey(
  db: Database,
  viewer: Viewer,
  permissions: readonly Permission[],
  options: { expiresAt?: Date; allowedIps?: readonly string[] } = {},
): Promise<{ apiKeyId: string; secret: string }> {
  const request = { name: 'a program', permissions, expiresAt: options.expiresAt ?? null, allowedIps: options.allowedIps ?? [] };
  const created = await inTransaction(db, (tx) => createApiKey(tx, viewer, request));
  if (created.kind !== 'API_KEY_CREATED') throw new Error(`no key was made: ${created.message}`);
  return created;
}

/** Authorization of a key. */
export function bearer(secret: string): Record<string, string> {
  return { authorization: `Bearer ${secret}` };
}

/** Waits until something holds, at most `withinMilliseconds`; answers how long it took. */
export async function until(holds: () => boolean, withinMilliseconds: number): Promise<number> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > withinMilliseconds) throw new Error(`it did not happen within ${withinMilliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - start;
}

function partyOf(text: string): ActingParty | null {
  const decoded = decodeId(text);
  if (decoded?.type === 'Station') return { kind: 'STATION', stationId: decoded.id };
  return decoded?.type === 'Supplier' ? { kind: 'SUPPLIER', supplierId: decoded.id } : null;
}

type TestField = { resolve?: unknown; subscribe?: unknown; extensions: Record<string, unknown> };

function testSchema(): GraphQLSchema {
  const schema = buildSchema(`
    type Query { hello(name: String): String!  viewer: Viewer  whoami: String!  rows(first: Int): [Row!]!  node: Node  slow(milliseconds: Int!): String!  boom: String  broken: Int  refused: String }
    type Viewer { party: String  permissions: [String!]! }
    type Row { id: ID!  name: String!  rows(first: Int): [Row!]! }
    type Node { id: ID!  node: Node }
    type Mutation { change(text: String): Int! }
    type Subscription { ticked(count: Int!, everyMilliseconds: Int!): Int!  watched: String!  silent: Int! }
  `);
  const fieldOf = (type: string, name: string): TestField => {
    const field = (schema.getType(type) as unknown as { getFields(): Record<string, TestField> }).getFields()[name];
    if (field === undefined) throw new Error(`${type}.${name} is not there`);
    return field;
  };
  const row = (id: number): object => ({ id, name: `row ${id}`, rows: ({ first }: { first?: number }) => rows(first ?? 20) });
  const rows = (count: number) => Array.from({ length: count }, (_, index) => row(index + 1));
  const asMany = (args: { first?: number }) => ({ field: 1, multiplier: args.first ?? 20 });
  for (const type of ['Query', 'Row']) fieldOf(type, 'rows').extensions = { complexity: asMany };
  const resolve = (type: string, name: string, resolver: (parent: never, args: never, context: Context) => unknown) => {
    fieldOf(type, name).resolve = resolver;
  };
  resolve('Query', 'hello', (_, { name }: { name?: string }) => `hello ${name ?? 'world'}`);
  resolve('Query', 'viewer', (_, _args, { viewer, person }) => {
    if (viewer === null) return person === null ? null : { party: null, permissions: [] };
    const { party } = viewer;
    return { party: party.kind === 'STATION' ? party.stationId : party.supplierId, permissions: [...viewer.permissions] };
  });
  resolve('Query', 'whoami', (_, _args, { viewer }) => viewer?.networkId ?? 'nobody');
  resolve('Query', 'rows', (_, { first }: { first?: number }) => rows(first ?? 20));
  resolve('Query', 'node', () => ({ id: 1, node: { id: 2 } }));
  resolve(
    'Query',
    'slow',
    (_, { milliseconds }: { milliseconds: number }) => new Promise((done) => setTimeout(() => done('done'), milliseconds)),
  );
  resolve('Query', 'boom', () => {
    throw new Error('duplicate key: cost 46.00 of supplier S');
  });
  resolve('Query', 'broken', () => 'cost 46.00');
  resolve('Query', 'refused', () => {
    throw new GraphQLError('This needs the permission ORDERS_PLACE.', { extensions: { code: 'FORBIDDEN', permission: 'ORDERS_PLACE' } });
  });
  resolve('Mutation', 'change', (_, { text }: { text?: string }) => text?.length ?? 0);
  fieldOf('Subscription', 'ticked').subscribe = (_: unknown, args: { count: number; everyMilliseconds: number }) => ticks(args);
  resolve('Subscription', 'ticked', (tick: never) => tick);
  fieldOf('Subscription', 'watched').subscribe = () => ticks({ count: 10_000, everyMilliseconds: 50 });
  resolve('Subscription', 'watched', (_, _args, { viewer }) => viewer?.networkId ?? 'nobody');
  fieldOf('Subscription', 'silent').subscribe = () => silentSource();
  return schema;
}

/** How many subscriptions to `silent` are open: each waits for an event that never comes. */
export const silence = { listeners: 0 };

function silentSource(): AsyncIterableIterator<number> {
  silence.listeners += 1;
  const { promise, resolve } = Promise.withResolvers<IteratorResult<number>>();
  return {
    next: () => promise,
    return: async () => {
      silence.listeners -= 1;
      resolve({ done: true, value: undefined });
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* ticks({ count, everyMilliseconds }: { count: number; everyMilliseconds: number }): AsyncGenerator<number> {
  for (let tick = 1; tick <= count; tick += 1) {
    await new Promise((resolve) => setTimeout(resolve, everyMilliseconds));
    yield tick;
  }
}
