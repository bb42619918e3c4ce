import { execute, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeId, globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { ask, contextOf } from './ask.ts';

// domain.md's worked example, asked through the contract: HQ → A (+1 %) → B (+0.30) → R (+2 %).
let fresh: FreshDatabase;
let w: World<'HQ' | 'A' | 'B' | 'R' | 'C', 'steam', 'S'>;
let skuId: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  w = await world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ' },
      B: { parent: 'A' },
      R: { parent: 'B', wallet: '1000.00' },
      C: { parent: 'B', wallet: '10.00' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '47.50' } },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'B', kind: 'FIXED', value: '0.30' },
      { by: 'B', kind: 'PERCENT', value: '2' },
    ],
    bands: [{ sku: 'steam', ceiling: '60' }],
    plans: [{ sku: 'steam', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '460.00', keys: 10 }],
  });
  skuId = globalId('Sku', w.skus.steam);
});
afterAll(() => fresh.drop());

const asked = async (viewer: Viewer | null, document: string, variables: Record<string, unknown> = {}) => {
  const { data, errors } = await ask(fresh.db, viewer, document, variables);
  if (errors) throw errors[0];
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
};

const PLACE = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename
  ... on OrderPlaced { replayed order { id state quantity unitPrice { amount } total { amount currency } cardKeys { secret } share { paidTotal { amount } margin { amount } role } } }
  ... on Refusal { code message }
  ... on PriceMoved { currentTotal { amount } maxTotal { amount } } ... on InsufficientBalance { required { amount } available { amount } }
  ... on OutOfStock { availableCount } ... on QuantityOutOfRange { minQuantity maxQuantity quantityStep } ... on NotSellable { reason } ... on InvalidInput { field } } }`;
const place = async (viewer: Viewer, input: Record<string, unknown>) =>
  (await asked(viewer, PLACE, { input: { requestKey: 'r-1', skuId, quantity: 3, maxTotal: '147.72', ...input } }))['placeOrder'];

describe('an order', () => {
  test('of the worked example costs 147.72 and brings its keys; the same request key answers the same, marked as replayed', async () => {
    const quote = await asked(
      w.viewer('R'),
      `{ quote(input: { skuId: "${skuId}", quantity: 3 }) { ... on Quote { unitPrice { amount } total { amount } walletAfter { amount } hops { station { name } total { amount } } } } }`,
    );
    expect(quote).toEqual({
      quote: {
        unitPrice: { amount: '49.2405' },
        total: { amount: '147.72' },
        walletAfter: { amount: '852.28' },
        hops: [{ station: { name: 'R' }, total: { amount: '147.72' } }],
      },
    });
    const placed = await place(w.viewer('R'), {});
    expect(placed).toEqual({
      __typename: 'OrderPlaced',
      replayed: false,
      order: {
        id: expect.any(String),
        state: 'DELIVERED',
        quantity: 3,
        unitPrice: { amount: '49.2405' },
        total: { amount: '147.72', currency: 'CNY' },
        cardKeys: [{ secret: 'steam-1-1' }, { secret: 'steam-1-2' }, { secret: 'steam-1-3' }],
        share: { paidTotal: { amount: '147.72' }, margin: { amount: '0.00' }, role: 'BUYER' },
      },
    });
    expect(await place(w.viewer('R'), {})).toEqual({ ...(placed as object), replayed: true });
  });

  test('shows each station of its chain what itself earned', async () => {
    const share = 'orders(scope: DOWNLINE) { edges { node { share { role margin { amount } commission { amount } } cost { amount } } } }';
    const of = async (name: 'HQ' | 'A' | 'B') =>
      ((await asked(w.viewer(name), `{ ${share} }`)) as { orders: { edges: { node: unknown }[] } }).orders.edges[0]?.node;
    expect(await of('B')).toEqual({ share: { role: 'SELLER', margin: { amount: '2.89' }, commission: { amount: '0.74' } }, cost: null });
    expect(await of('A')).toEqual({ share: { role: 'SELLER', margin: { amount: '0.90' }, commission: { amount: '0.44' } }, cost: null });
    expect(await of('HQ')).toEqual({
      share: { role: 'OWNER', margin: { amount: '5.93' }, commission: { amount: '0.00' } },
      cost: { amount: '138.00' },
    });
  });

  test('is refused with the facts', async () => {
    const refusals = [
      await place(w.viewer('R'), { requestKey: 'r-2', maxTotal: '147.71' }),
      await place(w.viewer('R'), { quantity: 2 }),
      await place(w.viewer('R'), { requestKey: 'r-3', quantity: 1001, maxTotal: '99999' }),
      await place(w.viewer('R'), { requestKey: 'r-4', quantity: 8, maxTotal: '999' }),
      await place(w.viewer('C'), { requestKey: 'r-5', quantity: 1, maxTotal: '99' }),
      await place(w.viewer('HQ'), { requestKey: 'r-6' }),
      await place(w.viewer('R'), { requestKey: 'r-7', skuId: 'nonsense' }),
      await place(w.viewer('R'), { requestKey: '' }),
    ];
    expect(refusals).toEqual([
      {
        __typename: 'PriceMoved',
        code: 'PRICE_MOVED',
        message: expect.any(String),
        currentTotal: { amount: '147.72' },
        maxTotal: { amount: '147.71' },
      },
      { __typename: 'RequestKeyReused', code: 'REQUEST_KEY_REUSED', message: expect.any(String) },
      {
        __typename: 'QuantityOutOfRange',
        code: 'QUANTITY_OUT_OF_RANGE',
        message: expect.any(String),
        minQuantity: 1,
        maxQuantity: 1000,
        quantityStep: 1,
      },
      { __typename: 'OutOfStock', code: 'OUT_OF_STOCK', message: expect.any(String), availableCount: 7 },
      {
        __typename: 'InsufficientBalance',
        code: 'INSUFFICIENT_BALANCE',
        message: expect.any(String),
        required: { amount: '49.24' },
        available: { amount: '10.00' },
      },
      { __typename: 'NotSellable', code: 'NOT_SELLABLE', message: expect.any(String), reason: 'OWN_GOODS' },
      { __typename: 'NotFound', code: 'NOT_FOUND', message: expect.any(String) },
      { __typename: 'InvalidInput', code: 'INVALID_INPUT', message: expect.any(String), field: 'requestKey' },
    ]);
  });

  test('in a list stands alone: its neighbours are placed', async () => {
    const document =
      'mutation ($orders: [PlaceOrderInput!]!) { placeOrders(input: { orders: $orders }) { ... on PlaceOrdersPayload { results { __typename } } ... on InvalidInput { field } } }';
    const order = { skuId, quantity: 1, maxTotal: '49.24' };
    const orders = [
      { ...order, requestKey: 'l-1' },
      { ...order, requestKey: 'l-2', skuId: 'x' },
      { ...order, requestKey: 'l-3', maxTotal: '1' },
      { ...order, requestKey: 'l-4' },
    ];
    expect(await asked(w.viewer('R'), document, { orders })).toEqual({
      placeOrders: {
        results: [{ __typename: 'OrderPlaced' }, { __typename: 'NotFound' }, { __typename: 'PriceMoved' }, { __typename: 'OrderPlaced' }],
      },
    });
    const tooMany = Array.from({ length: 251 }, (_, index) => ({ ...order, requestKey: `m-${index}` }));
    expect(await asked(w.viewer('R'), document, { orders: tooMany })).toEqual({ placeOrders: { field: 'orders' } });
    expect(await asked(w.viewer('R'), document, { orders: [] })).toEqual({ placeOrders: { results: [] } });
  });
});

describe('card keys', () => {
  test('of a document are one reveal, audited once for each order, and decrypted for the buyer alone', async () => {
    const before = await reveals();
    const document = '{ orders(scope: MINE) { edges { node { id cardKeys { secret } } } } }';
    const { orders } = (await asked(w.viewer('R'), document)) as { orders: { edges: { node: { cardKeys: unknown[] | null } }[] } };
    expect(orders.edges.map(({ node }) => node.cardKeys?.length)).toEqual([1, 1, 3]);
    expect(await reveals()).toBe(before + 3);
    expect(await asked(w.viewer('R', 'VIEWER'), document)).toMatchObject({
      orders: { edges: [{ node: { cardKeys: null } }, { node: { cardKeys: null } }, { node: { cardKeys: null } }] },
    });
    expect(await reveals()).toBe(before + 3);
  });

  test('selected of the answer of revealCardKeys are no second reveal', async () => {
    const { orders } = (await asked(w.viewer('R'), '{ orders(scope: MINE, first: 1) { edges { node { id } } } }')) as {
      orders: { edges: { node: { id: string } }[] };
    };
    const before = await reveals();
    const document =
      'mutation ($ids: [ID!]!) { revealCardKeys(input: { orderIds: $ids }) { ... on CardKeysRevealed { orders { cardKeys { secret revealedAt } } } } }';
    expect(await asked(w.viewer('R'), document, { ids: orders.edges.map(({ node }) => node.id) })).toMatchObject({
      revealCardKeys: { orders: [{ cardKeys: [{ secret: expect.stringMatching(/^steam-/) }] }] },
    });
    expect(await reveals()).toBe(before + 1);
  });
});

describe('an edit', () => {
  const SET = `mutation ($input: SetMarkupRuleInput!) { setMarkupRule(input: $input) { __typename ... on MarkupRuleSet { rule { version value } clampedCount }
    ... on StaleVersion { current { id ... on MarkupRule { version value } } } ... on BandBroken { breaks { station { name } sku { name } price { amount } ceiling { amount } } } } }`;
  const set = async (input: Record<string, unknown>) => (await asked(w.viewer('B'), SET, { input }))['setMarkupRule'];

  test('on a version that is gone is refused with the object as it is now', async () => {
    expect(await set({ kind: 'PERCENT', value: '3', expectedVersion: 1 })).toEqual({
      __typename: 'MarkupRuleSet',
      rule: { version: 2, value: '3.0000' },
      clampedCount: 0,
    });
    expect(await set({ kind: 'PERCENT', value: '4', expectedVersion: 1 })).toEqual({
      __typename: 'StaleVersion',
      current: { id: expect.any(String), version: 2, value: '3.0000' },
    });
  });

  test('that breaks the control band names whom and what it breaks', async () => {
    const child = globalId('Station', w.stations.R);
    expect(await set({ childId: child, skuId, kind: 'FIXED', value: '20' })).toEqual({
      __typename: 'BandBroken',
      breaks: [{ station: { name: 'R' }, sku: { name: 'steam' }, price: { amount: '68.2750' }, ceiling: { amount: '60.0000' } }],
    });
  });
});

describe('a list', () => {
  const page = (args: string) =>
    ask(
      fresh.db,
      w.viewer('HQ'),
      `{ station { downline(${args}) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { name } } } } }`,
    );
  const names = async (args: string) => {
    const { data } = (await page(args)) as {
      data: {
        station: {
          downline: {
            edges: { node: { name: string } }[];
            pageInfo: { startCursor: string | null; endCursor: string | null; hasNextPage: boolean; hasPreviousPage: boolean };
            totalCount: number;
          };
        };
      };
    };
    const { edges, pageInfo, totalCount } = data.station.downline;
    return { names: edges.map(({ node }) => node.name).join(''), ...pageInfo, totalCount };
  };

  test('is read forward and backward through all of its rows', async () => {
    const first = await names('first: 3');
    expect(first).toMatchObject({ names: 'ABR', hasNextPage: true, hasPreviousPage: false, totalCount: 4 });
    expect(await names(`first: 3, after: "${first.endCursor}"`)).toMatchObject({
      names: 'C',
      hasNextPage: false,
      hasPreviousPage: true,
    });
    const last = await names('last: 1');
    expect(last).toMatchObject({ names: 'C', hasNextPage: false, hasPreviousPage: true });
    expect(await names(`last: 2, before: "${last.startCursor}"`)).toMatchObject({
      names: 'BR',
      hasNextPage: true,
      hasPreviousPage: true,
    });
  });

  test('refuses a page of 0 or 101 rows, both directions at once, and a cursor of another list, never clamping', async () => {
    const { data } = (await ask(fresh.db, w.viewer('HQ'), '{ orders(scope: OWNED, first: 1) { edges { cursor } } }')) as {
      data: { orders: { edges: { cursor: string }[] } };
    };
    const foreign = data.orders.edges[0]?.cursor;
    for (const [args, argument] of [
      ['first: 0', 'first'],
      ['first: 101', 'first'],
      ['last: 101', 'last'],
      ['last: -1', 'last'],
      ['first: 1, last: 1', 'last'],
      ['first: 1, before: "x"', 'before'],
      ['last: 1, after: "x"', 'after'],
      [`first: 1, after: "${foreign}"`, 'after'],
      ['first: 1, after: "x"', 'after'],
    ]) {
      const { errors } = await page(args ?? '');
      expect([args, errors?.[0]?.extensions]).toEqual([args, { code: 'BAD_USER_INPUT', argument }]);
    }
    expect((await page('first: 100')).errors).toBeUndefined();
  });

  test('of nodes holds 100 ids, keeps their order, and is null where there is none', async () => {
    const [a, r] = [globalId('Station', w.stations.A), globalId('Station', w.stations.R)];
    const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Station { name } } }';
    expect(await asked(w.viewer('HQ'), document, { ids: [r, 'none', a, r] })).toEqual({
      nodes: [{ name: 'R' }, null, { name: 'A' }, { name: 'R' }],
    });
    const { errors } = await ask(fresh.db, w.viewer('HQ'), document, { ids: Array.from({ length: 101 }, () => a) });
    expect(errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', argument: 'ids' });
  });
});

describe('a person', () => {
  test('sees her memberships before she chooses a party, and nothing else', async () => {
    const viewer = w.viewer('R');
    if (viewer.actor.kind !== 'USER') throw new Error('a person');
    const contextValue = { ...contextOf(fresh.db, null), person: { userId: viewer.actor.userId } };
    const run = async (document: string) =>
      JSON.parse(JSON.stringify(await execute({ schema, document: parse(document), contextValue }))) as {
        data: unknown;
        errors?: { message: string }[];
      };
    const mine = await run(
      '{ viewer { name party { __typename } role permissions memberships { role networkName party { __typename ... on Station { id name code kind status } } } } }',
    );
    expect(mine.data).toEqual({
      viewer: {
        name: 'R OWNER',
        party: null,
        role: null,
        permissions: [],
        memberships: [
          {
            role: 'OWNER',
            networkName: 'Test network',
            party: { __typename: 'Station', id: globalId('Station', w.stations.R), name: 'R', code: 'R', kind: 'RESELLER', status: null },
          },
        ],
      },
    });
    expect((await run('{ orders(scope: MINE) { totalCount } }')).errors?.[0]?.message).toBe('Choose the party that you act for.');
  });
});

async function reveals(): Promise<number> {
  const [row] = await fresh.sql<{ count: number }>(
    `SELECT count(*)::int FROM audit_entry WHERE network_id = $1 AND action = 'card_keys.revealed'`,
    [w.networkId],
  );
  return row?.count ?? 0;
}

test('an id says its type and nothing of the network', () => {
  const decoded = decodeId(skuId);
  expect(decoded).toEqual({ type: 'Sku', id: w.skus.steam });
  expect(Buffer.from(skuId, 'base64url').toString()).not.toContain(w.networkId);
});
