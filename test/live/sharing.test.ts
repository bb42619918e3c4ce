import fc from 'fast-check';
import {
  type ExecutionResult,
  executeSubscriptionEvent,
  type GraphQLObjectType,
  parse,
  subscribe,
  validateSubscriptionArgs,
} from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { type Permission, partyId, type Viewer } from '#server/accounts/rules.ts';
import { createBudgets } from '#server/http/budget.ts';
import type { Caller } from '#server/http/caller.ts';
import { createEngine, type OperationContext, type Shareable } from '#server/http/engine.ts';
import { LIMITS } from '#server/http/limits.ts';
import { encodeCursor } from '#server/live/cursor.ts';
import { type EventSource, type LiveEvent, readPosition } from '#server/live/event-source.ts';
import { createFanOut, type FanOut, type Watching } from '#server/live/fan-out.ts';
import type { Payload, Subscriber } from '#server/live/fan-out-group.ts';
import type { Feed } from '#server/live/feed.ts';
import { relayOnce } from '#server/live/relay.ts';
import { createLog } from '#server/platform/log.ts';
import { ask, contextOf } from '#test/schema/ask.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { countStatements } from '#test/support/statements.ts';
import { type World, world } from '#test/support/world.ts';

// Two networks with orders of several stations. Random viewers watch random documents: through the fan-out, which shares, and each
// by itself through plain graphql-js. Both read the same events in the same batches, so both must be told the same.

type Stations = 'HQ' | 'A' | 'B' | 'C' | 'R1' | 'R2';
type Own = World<Stations, 'steam' | 'local', 'S'>;
const STATIONS = ['HQ', 'A', 'B', 'C', 'R1', 'R2'] as const;
const PERMISSIONS: readonly Permission[] = [
  'ORDERS_READ',
  'CATALOGUE_READ',
  'STOCK_READ',
  'PRICES_READ',
  'CARD_KEYS_REVEAL',
  'WALLET_READ',
];
/** A figure that its owner alone may read. */
const COST_OF_STEAM = '4.37';

const DOCUMENTS = [
  `subscription ($scope: OrderScope!, $after: Cursor) { orderUpdated(scope: $scope, after: $after) { cursor kind occurredAt order {
     id total { amount } cost { amount } requestKey share { role margin { amount } paidTotal { amount } soldTotal { amount } } buyer { name } sku { name supplierCost { amount } basePrice { amount } } } } }`,
  `subscription ($scope: OrderScope!, $after: Cursor) { orderUpdated(scope: $scope, after: $after) { kind order { id quantity } } }`,
  `subscription ($scope: OrderScope!, $after: Cursor) { orderUpdated(scope: $scope, after: $after) { order { id cardKeys { secret } } } }`,
  `subscription ($after: Cursor) { stockUpdated(after: $after) { cursor sku { id name basePrice { amount } supplierCost { amount } offer { unitPrice { amount } } } stock { availableCount } } }`,
  `subscription ($sku: ID!, $after: Cursor) { stockUpdated(skuIds: [$sku], after: $after) { sku { name } stock { availableCount many } } }`,
  `subscription Goods($after: Cursor) { stockUpdated(after: $after) { cursor occurredAt sku { id name product { name category { name } } } stock { availableCount many } again: cursor } }`,
  `subscription Prices($after: Cursor) { stockUpdated(after: $after) { cursor occurredAt sku { id offer { unitPrice { amount } notSellable } } stock { availableCount } } }`,
] as const;
const [GOODS, PRICES] = [5, 6] as const;

let fresh: FreshDatabase;
let networks: readonly [Own, Own];
/** Waits for more, as a live one does; and one that ends, so that it is known when everything was told. */
let source: EventSource;
let finite: EventSource;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 20 });
  networks = [await ownNetwork(), await ownNetwork()];
  for (const own of networks) await placeOrders(own);
  await relayOnce(fresh.db);
  [source, finite] = [await recorded(true), await recorded(false)];
});
afterAll(() => fresh.drop());

function ownNetwork(): Promise<Own> {
  return world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', kind: 'SUBSTATION', wallet: '900.00' },
      B: { parent: 'HQ', wallet: '900.00' },
      C: { parent: 'HQ', wallet: '900.00' },
      R1: { parent: 'A', wallet: '900.00' },
      R2: { parent: 'A', wallet: '900.00' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10' }, local: { basePrice: '20', owner: 'A' } },
    // B and C pay the same; R1 and R2 don't, nor does A
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '5' },
      { by: 'A', child: 'R1', kind: 'PERCENT', value: '10' },
    ],
    lots: [
      { sku: 'steam', supplier: 'S', totalCost: '87.40', keys: 20 },
      { sku: 'local', supplier: 'S', totalCost: '80.00', keys: 20 },
    ],
  });
}

async function placeOrders(own: Own): Promise<void> {
  const document = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename } }';
  for (const [buyer, sku] of [
    ['R1', 'steam'],
    ['R2', 'local'],
    ['B', 'steam'],
    ['A', 'steam'],
    ['R1', 'local'],
  ] as const) {
    const input = { requestKey: `${buyer} ${sku}`, skuId: globalId('Sku', own.skus[sku]), quantity: 1, maxTotal: '100' };
    expect((await ask(fresh.db, own.viewer(buyer), document, { input })).data).toEqual({ placeOrder: { __typename: 'OrderPlaced' } });
  }
}

/** Everything that happened, told again to everybody who listens, three events at a time. */
async function recorded(isLive: boolean): Promise<EventSource> {
  const rows = await fresh.sql<Omit<LiveEvent, 'seq'> & { seq: string; networkId: string }>(
    `SELECT network_id AS "networkId", seq, topic, subject_id AS "subjectId", audience, data, occurred_at AS "occurredAt" FROM outbox_event ORDER BY seq`,
  );
  return {
    async *read(networkId, after, signal) {
      const events = rows.filter((row) => row.networkId === networkId).map((row): LiveEvent => ({ ...row, seq: BigInt(row.seq) }));
      for (let from = Number(after ?? 0n); from < events.length; from += 3) yield events.slice(from, from + 3);
      if (isLive && !signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
    stop: async () => undefined,
  };
}

type Asking = {
  readonly network: 0 | 1;
  readonly station: Stations;
  readonly permissions: readonly Permission[];
  readonly document: number;
  readonly scope: string;
};
/** Who asks alike but for a few differences is who could be mixed up: a run has three stations, two documents and one scope. */
const askings: fc.Arbitrary<Asking[]> = fc
  .record({
    stations: fc.uniqueArray(fc.constantFrom(...STATIONS), { minLength: 3, maxLength: 3 }),
    documents: fc.uniqueArray(fc.nat(DOCUMENTS.length - 1), { minLength: 2, maxLength: 2 }),
    scope: fc.constantFrom('MINE', 'DOWNLINE', 'OWNED'),
  })
  .chain(({ stations, documents: chosen, scope }) =>
    fc.array(
      fc.record({
        network: fc.constantFrom<0 | 1>(0, 0, 0, 1),
        station: fc.constantFrom(...stations),
        permissions: fc.constantFrom<readonly Permission[]>(
          PERMISSIONS,
          ['ORDERS_READ', 'CATALOGUE_READ'],
          ['CATALOGUE_READ', 'ORDERS_READ'],
          ['CATALOGUE_READ'],
        ),
        document: fc.constantFrom(...chosen),
        scope: fc.constant(scope),
      }),
      { minLength: 6, maxLength: 14 },
    ),
  );

let executions = 0;

test('what each of many random viewers is told through the fan-out is what it would be told alone', async () => {
  await fc.assert(
    fc.asyncProperty(askings, async (each) => {
      const fanOut: FanOut<Shareable> = createFanOut(readLast, createLog('silent'), 1);
      const alone = await Promise.all(each.map(toldAlone));
      // each asks twice
      const shared = await Promise.all(
        [...each, ...each].map((one, index) => toldByFanOut(fanOut, one, alone[index % each.length] ?? [], { after: 0n })),
      );
      shared.forEach((told, index) => {
        const one = each[index % each.length];
        expect([one, told]).toEqual([one, alone[index % each.length]]);
        expect(one?.station === 'HQ' || !JSON.stringify(told).includes(COST_OF_STEAM)).toBe(true);
      });
    }),
    { numRuns: 6 },
  );
}, 60_000);

test('twenty programs of one station with the same rights cost the executions of one, and one of another station its own', async () => {
  const fanOut: FanOut<Shareable> = createFanOut(async () => 0n, createLog('silent'));
  const same: Asking = { network: 0, station: 'A', permissions: PERMISSIONS, document: 0, scope: 'DOWNLINE' };
  const alone = await toldAlone(same);
  const count = async (askings: readonly Asking[]) => {
    executions = 0;
    await Promise.all(askings.map((each) => toldByFanOut(fanOut, each, alone)));
    return executions;
  };
  const forOne = await count([same]);
  expect(forOne).toBeGreaterThan(0);
  expect(await count(Array.from({ length: 20 }, () => same))).toBe(forOne);
  expect(await count([same, { ...same, permissions: ['ORDERS_READ', 'CATALOGUE_READ'] }])).toBe(2 * forOne);
});

test('stations that see the same of an event share one execution, whoever they are; where prices differ, each price has its own', async () => {
  const told = async (document: number) => {
    const shareables = await Promise.all(
      STATIONS.map((station) => shareableOf({ network: 0, station, permissions: PERMISSIONS, document, scope: '' })),
    );
    const executed = countExecutions();
    const texts: string[] = [];
    const { names } = await countStatements(fresh.db, async () => {
      texts.push(...(await Promise.all(shareables.map((each) => renderStock(each, 'steam')))));
    });
    return { executions: executed(), statements: names.length, texts };
  };
  const goods = await told(GOODS);
  // the owner reads its own base price on the way: it is nobody else's class, though the document does not ask
  expect(goods.executions).toBe(2);
  expect(new Set(goods.texts.map((text) => text.replaceAll(/"(cursor|again)":"[^"]+"/g, ''))).size).toBe(1);
  // the cursor is each station's own, wherever it stands
  expect(new Set(goods.texts).size).toBe(STATIONS.length);
  const [, cursor, again] = /"cursor":"([^"]+)".*"again":"([^"]+)"/.exec(goods.texts[3] ?? '') ?? [];
  const scope = { networkId: networks[0].networkId, partyId: networks[0].stations.C, subscription: 'stockUpdated' };
  expect([cursor, again]).toEqual([encodeCursor(scope, 1n), encodeCursor(scope, 1n)]);
  // for six stations what two would cost: the first reads, then all others together, and who differs finds it read
  expect(goods.statements).toBeLessThanOrEqual(16);

  // A and its child R2 pay the same, and so do B and C
  const prices = await told(PRICES);
  expect(prices.executions).toBe(4);
  expect(prices.texts.map((text) => /"unitPrice":(null|\{"amount":"([^"]+)"\})/.exec(text)?.[2])).toEqual([
    undefined,
    '10.5000',
    '10.0000',
    '10.0000',
    '11.5500',
    '10.5000',
  ]);
});

/** Many at one moment: several of each class, classes that see the same, and others that don't. */
const crowds = fc.array(
  fc.record({
    station: fc.constantFrom(...STATIONS),
    permissions: fc.constantFrom<readonly Permission[]>(PERMISSIONS, ['CATALOGUE_READ'], ['CATALOGUE_READ', 'PRICES_READ']),
    document: fc.constantFrom(3, GOODS, PRICES),
  }),
  { minLength: 8, maxLength: 20 },
);

test('whoever is told of an event at the same moment as random others is told what it would be told alone', async () => {
  const alone = new Map<string, Promise<unknown>>();
  const knownAlone = (each: Asking) => {
    const name = JSON.stringify(each);
    const known = alone.get(name) ?? stockToldAlone(each);
    alone.set(name, known);
    return known;
  };
  let moment = 100n;
  await fc.assert(
    fc.asyncProperty(crowds, async (crowd) => {
      moment += 1n;
      const askings = crowd.map((each): Asking => ({ ...each, network: 0, scope: '' }));
      const shareables = await Promise.all(askings.map((each) => shareableOf(each)));
      const told = await Promise.all(shareables.map((each) => renderStock(each, 'steam', moment)));
      const tellings = told.map((text, index) => [askings[index], plain(JSON.parse(text))]);
      expect(tellings).toEqual(await Promise.all(askings.map(async (each) => [each, await knownAlone(each)])));
    }),
    { numRuns: 12 },
  );
  expect.hasAssertions();
}, 60_000);

test('documents that differ in blanks, in their own name and in the order of fragments are one', async () => {
  const keyOf = async (text: string) =>
    (await shareableOf({ network: 0, station: 'B', permissions: PERMISSIONS, document: 0, scope: '' }, text)).key;
  const one = await keyOf(
    'subscription One { stockUpdated { ...A ...B } } fragment A on StockEvent { cursor } fragment B on StockEvent { occurredAt }',
  );
  const same =
    'subscription Two {\n stockUpdated { ...A ...B } } fragment B on StockEvent { occurredAt } fragment A on StockEvent { cursor }';
  expect(await keyOf(same)).toBe(one);
  expect(await keyOf(same.replace('{ cursor }', '{ at: cursor }'))).not.toBe(one);
});

test('documents that reveal card keys are shared by nobody: each reveal is the act of a person or program', async () => {
  const fanOut: FanOut<Shareable> = createFanOut(async () => 0n, createLog('silent'));
  const revealing: Asking = { network: 0, station: 'R1', permissions: PERMISSIONS, document: 2, scope: 'MINE' };
  const alone = await toldAlone(revealing);
  expect(JSON.stringify(alone)).toContain('"secret":"steam-');
  const actors = ['01a20176-0000-7000-8000-00000000000a', '01a20176-0000-7000-8000-00000000000b'];
  const told = await Promise.all(actors.map((apiKeyId) => toldByFanOut(fanOut, revealing, alone, { apiKeyId })));
  expect(told).toEqual([alone, alone]);
  const audited = await fresh.sql<{ actor_id: string }>('SELECT DISTINCT actor_id FROM audit_entry WHERE actor_id = ANY ($1)', [actors]);
  expect(audited.map(({ actor_id }) => actor_id).sort()).toEqual(actors);
});

const readLast = (networkId: string) => readPosition(fresh.db.pool, networkId);

function viewerOf({ network, station, permissions }: Asking): Viewer {
  return networks[network].program(station, permissions);
}

function variablesOf({ network, document, scope }: Asking): Record<string, unknown> {
  if (document < 3) return { scope };
  return document === 4 ? { sku: globalId('Sku', networks[network].skus.steam) } : {};
}

/** What plain graphql-js tells this viewer. */
async function toldAlone(each: Asking): Promise<unknown[]> {
  const viewer = viewerOf(each);
  const text = DOCUMENTS[each.document] ?? '';
  const subscription = text.includes('orderUpdated') ? `orderUpdated.${each.scope}` : 'stockUpdated';
  const after = encodeCursor({ networkId: viewer.networkId, partyId: partyId(viewer.party), subscription }, 0n);
  const told: unknown[] = [];
  const contextValue = contextOf(fresh.db, viewer, finite);
  const stream = await subscribe({ schema, document: parse(text), contextValue, variableValues: { ...variablesOf(each), after } });
  if (!(Symbol.asyncIterator in stream)) return [plain(stream)];
  for await (const result of stream) told.push(plain(result));
  return told;
}

/** What a station may share, of a document of the list or another. */
async function shareableOf(each: Asking, text = DOCUMENTS[each.document] ?? ''): Promise<Shareable> {
  const viewer = viewerOf(each);
  const facts = { viewer, person: null, revalidate: async () => viewer, requestId: 'shared', log: createLog('silent') };
  const caller: Caller = { facts, identity: { viewer, person: null, grounds: [] }, budgetName: 'all', again: async () => caller };
  const contextValue: OperationContext = { ...contextOf(fresh.db, viewer, source), ...facts, caller };
  const answer = await engine.subscribe({ schema, document: parse(text), contextValue, variableValues: variablesOf(each) });
  if (!('key' in answer)) throw new Error('a subscription of the contract is told by the fan-out');
  return answer;
}

/** What a station is told of a change of a SKU's stock, when many are told at the same moment. */
async function renderStock({ stream, render }: Shareable, sku: 'steam' | 'local', moment = 1n): Promise<string> {
  const [json] = await render([{ event: stockChanged(stream.feed, sku) }], moment);
  return json?.toString('utf8') ?? '';
}

/** The same by plain graphql-js. */
async function stockToldAlone(each: Asking): Promise<unknown> {
  const { stream } = await shareableOf(each);
  const args = validateSubscriptionArgs({
    schema,
    document: parse(DOCUMENTS[each.document] ?? ''),
    variableValues: variablesOf(each),
    contextValue: contextOf(fresh.db, viewerOf(each), source),
    rootValue: { event: stockChanged(stream.feed, 'steam') },
  });
  if (!('schema' in args)) throw new Error(String(args));
  return plain(await executeSubscriptionEvent(args));
}

function stockChanged({ rootOf, scope }: Feed<unknown>, sku: 'steam' | 'local'): unknown {
  const event = {
    seq: 1n,
    topic: 'stock.changed',
    subjectId: networks[0].skus[sku],
    audience: [],
    data: {},
    occurredAt: new Date(0),
  } as const;
  return rootOf(event, encodeCursor(scope, 1n));
}

/** How often stock events are executed from now on until it is asked: each execution reads the time of its event once. */
function countExecutions(): () => number {
  const field = (schema.getType('StockEvent') as GraphQLObjectType).getFields()['occurredAt'];
  if (field?.resolve === undefined) throw new Error('a stock event has a time');
  const { resolve } = field;
  let count = 0;
  field.resolve = (...given) => {
    count += 1;
    return resolve(...given);
  };
  return () => {
    field.resolve = resolve;
    return count;
  };
}

async function toldByFanOut(
  fanOut: FanOut<Shareable>,
  each: Asking,
  expected: readonly unknown[],
  { after, apiKeyId }: { after?: bigint; apiKeyId?: string } = {},
): Promise<unknown[]> {
  const given = viewerOf(each);
  const viewer: Viewer = apiKeyId === undefined ? given : { ...given, actor: { kind: 'API_KEY', apiKeyId } };
  const facts = { viewer, person: null, revalidate: async () => viewer, requestId: 'shared', log: createLog('silent') };
  const caller: Caller = {
    facts,
    identity: { viewer, person: null, grounds: [] },
    budgetName: 'all',
    again: async () => caller,
  };
  const contextValue: OperationContext = { ...contextOf(fresh.db, viewer, source), ...facts, caller };
  const document = documents.get(each.document) ?? parse(DOCUMENTS[each.document] ?? '');
  documents.set(each.document, document);
  const answer = await engine.subscribe({ schema, document, contextValue, variableValues: variablesOf(each) });
  if (Symbol.asyncIterator in answer) throw new Error('a subscription of the contract is told by the fan-out');
  if (!('key' in answer)) return [plain(answer)];
  const told: unknown[] = [];
  let watching: Watching<Shareable> | null = null;
  const subscriber: Subscriber = {
    tell: (payloads: readonly Payload[]) => void told.push(...payloads.map(({ json }) => plain(JSON.parse(json.toString('utf8'))))),
    isReady: () => true,
    end: () => undefined,
    move: (after) => {
      watching = watching && fanOut.join(watching.asked.as({ viewer, person: null }), subscriber, after);
    },
  };
  const render: Shareable['render'] = (roots, upTo) => {
    executions += roots.length;
    return answer.render(roots, upTo);
  };
  watching = fanOut.join({ ...answer, render }, subscriber, after);
  for (let wait = 0; wait < 500 && told.length < expected.length; wait += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  await quiet();
  watching.leave(subscriber);
  return told;
}

/** Parsed documents are shared, as by the transports. */
const documents = new Map<number, ReturnType<typeof parse>>();
const engine = createEngine({
  limits: LIMITS,
  budgets: createBudgets({ ...LIMITS, budget: 1e9 }, () => performance.now()),
  context: (facts) => ({ ...contextOf(fresh.db, null, source), ...facts }),
  publicFields: new Set(),
  introspection: true,
});

/** Errors are told with a request's id, which is another each time. */
function plain({ data, errors }: ExecutionResult): unknown {
  return JSON.parse(JSON.stringify({ data, errors: errors?.map(({ path, extensions }) => ({ path, code: extensions['code'] })) }));
}

/** Long enough for what should not be told. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 60));
}
