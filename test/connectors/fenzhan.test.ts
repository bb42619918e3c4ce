import { readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '#schema/context.ts';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import type { Permission } from '#server/accounts/rules.ts';
import type { UpstreamAccount, UpstreamPurchase } from '#server/connectors/connector.ts';
import { createFenzhan } from '#server/connectors/fenzhan.ts';
import * as documents from '#server/connectors/fenzhan-documents.ts';
import { createOrderLane } from '#server/flows/order-lane.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { newKey, startTestServer, type TestServer } from '#test/http/test-server.ts';
import type { Fault } from '#test/simulators/faults.ts';
import { fenzhanProtocol } from '#test/simulators/fenzhan.ts';
import { DEFAULT_GOODS } from '#test/simulators/goods.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { makeOffer, makeSku } from '#test/support/supply.ts';
import { testVault, type World, world } from '#test/support/world.ts';
import { type AnswerFault, type FaultyFront, openFaultyFront } from './faulty-front.ts';
import { playBack } from './playback.ts';

const contract = buildSchema(readFileSync(new URL('../../schema/schema.graphql', import.meta.url), 'utf8'));
const SCOPES: readonly Permission[] = ['CATALOGUE_READ', 'ORDERS_PLACE', 'ORDERS_READ', 'CARD_KEYS_REVEAL', 'WALLET_READ'];

it.each(Object.entries(documents))('%s is valid by the committed contract', (_, document) => {
  expect(validate(contract, parse(document))).toEqual([]);
});

// a real server with the real contract, a real database behind it: the other network
let fresh: FreshDatabase;
let server: TestServer;
let front: FaultyFront;
let upstream: World<'HQ' | 'Us', 'card' | 'bulk' | 'dear' | 'few' | 'phone', 'S'>;
let account: UpstreamAccount;
beforeAll(async () => {
  fresh = await freshDatabase();
  upstream = await world(fresh.db, {
    stations: { HQ: {}, Us: { parent: 'HQ', wallet: '500.00' } },
    suppliers: ['S'],
    skus: {
      card: { basePrice: '9.90', category: '游戏', maxQuantity: 50 },
      bulk: { basePrice: '12.3400', unitSize: 100, minQuantity: 100 },
      dear: { basePrice: '900.00' },
      few: { basePrice: '5.00' },
      phone: { basePrice: '10.00' },
    },
    lots: [
      { sku: 'card', supplier: 'S', totalCost: '500.00', keys: 100 },
      { sku: 'dear', supplier: 'S', totalCost: '800.00', keys: 1 },
      { sku: 'few', supplier: 'S', totalCost: '4.00', keys: 1 },
    ],
  });
  await makeSku(fresh.db, upstream, 'phone', {
    deliveryKind: 'SOURCED',
    goodsKind: 'TOP_UP',
    inputFields: [{ name: 'phone', kind: 'PHONE' }],
  });
  await makeOffer(fresh.db, upstream, { sku: 'phone', supplier: 'S', unitCost: '9.0000' });
  const lane = createOrderLane(fresh.db);
  const context = (facts: object) => ({ ...facts, db: fresh.db, vault: testVault, lane }) as unknown as Context;
  server = await startTestServer(fresh.db, { schema, context });
  front = await openFaultyFront(server.url);
  account = await accountWith(SCOPES);
});
afterAll(async () => {
  await front.close();
  await server.close();
  await fresh.drop();
});
beforeEach(() => {
  front.fault = 'NONE';
});

const connector = createFenzhan({
  outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 1_000 }),
  clock: () => new Date(),
});

async function accountWith(scopes: readonly Permission[]): Promise<UpstreamAccount> {
  const { secret } = await newKey(fresh.db, upstream.viewer('Us'), scopes);
  return { baseUrl: front.url, settings: { api_key: secret }, currency: 'CNY', callbackUrl: null };
}

function goodsOf(sku: 'card' | 'bulk' | 'dear' | 'few' | 'phone'): Record<string, string> {
  return { sku_id: globalId('Sku', upstream.skus[sku]) };
}

function wanted(requestKey: string, more: Partial<UpstreamPurchase> = {}): UpstreamPurchase {
  const usual = { quantity: 2, maxCost: '19.80', inputFields: {}, goodsKind: 'CARD_KEY', sentAt: null, upstreamRef: null } as const;
  return { requestKey, goods: goodsOf('card'), ...usual, ...more };
}

async function ordersUnder(requestKey: string): Promise<number> {
  const [row] = await fresh.sql<{ count: number }>('SELECT count(*)::int AS count FROM orders WHERE request_key = $1', [requestKey]);
  return row?.count ?? -1;
}

describe('the account and its catalogue', () => {
  it('tells the station and what is in its wallet', async () => {
    expect(await connector.checkAccount(account)).toMatchObject({ kind: 'ANSWERED', value: { shopName: 'Us', balance: '500.00' } });
  });

  it('needs no look into the wallet, and every other right: what misses is named', async () => {
    const blind = await accountWith(['CATALOGUE_READ', 'ORDERS_PLACE', 'ORDERS_READ', 'CARD_KEYS_REVEAL']);
    expect(await connector.checkAccount(blind)).toMatchObject({ kind: 'ANSWERED', value: { balance: null } });
    const weak = await accountWith(['CATALOGUE_READ', 'ORDERS_READ']);
    expect(await connector.checkAccount(weak)).toMatchObject({
      reason: 'ACCOUNT_REFUSED',
      message: 'The API key lacks ORDERS_PLACE, CARD_KEYS_REVEAL.',
    });
  });

  it('refuses a key that is none, and other money', async () => {
    const stranger = { ...account, settings: { api_key: 'fz_nothing' } };
    expect(await connector.checkAccount(stranger)).toMatchObject({ kind: 'FAILED', reason: 'ACCOUNT_REFUSED' });
    expect(await connector.checkAccount({ ...account, currency: 'USD' })).toMatchObject({ kind: 'FAILED', reason: 'ACCOUNT_REFUSED' });
  });

  it('lists what has a price for us, by the unit, and quotes it', async () => {
    const listed = await connector.listGoods(account);
    if (listed.kind !== 'ANSWERED') throw new Error(listed.message);
    expect(listed.value.find(({ goods }) => goods['sku_id'] === goodsOf('card')['sku_id'])).toEqual({
      goods: goodsOf('card'),
      categoryPath: ['游戏'],
      productName: 'card',
      skuName: 'card',
      unitCost: '9.9000',
      stockCount: 100,
      minQuantity: 1,
      maxQuantity: 50,
      goodsKind: 'CARD_KEY',
      inputFields: [],
    });
    expect(listed.value.find(({ goods }) => goods['sku_id'] === goodsOf('bulk')['sku_id'])?.unitCost).toBe('0.1234');
    expect(listed.value.find(({ goods }) => goods['sku_id'] === goodsOf('phone')['sku_id'])).toMatchObject({
      goodsKind: 'TOP_UP',
      inputFields: [{ name: 'phone', label: 'phone', isRequired: true }],
    });
    expect(await connector.quote(account, goodsOf('card'), 3)).toMatchObject({
      kind: 'ANSWERED',
      value: { cost: '29.70', stockCount: 100 },
    });
    expect(await connector.quote(account, goodsOf('card'), 51)).toMatchObject({ kind: 'FAILED', reason: 'QUANTITY' });
    expect(await connector.quote(account, { sku_id: globalId('Sku', upstream.networkId) }, 1)).toMatchObject({ reason: 'GOODS_NOT_FOUND' });
  });
});

describe('the whole catalogue', () => {
  const sku = (id: string, more: object = {}) => ({
    id,
    name: 'card',
    unitSize: 1,
    minQuantity: 1,
    maxQuantity: 50,
    deliveryKind: 'FROM_STOCK',
    goodsKind: 'CARD_KEY',
    inputFields: [],
    product: { name: 'card', category: null },
    offer: { unitPrice: { amount: '9.9000', currency: 'CNY' }, stock: { availableCount: 3 } },
    ...more,
  });
  const page = (ids: readonly string[], pageInfo: object, more: object = {}) => ({
    answer: { data: { catalogue: { edges: ids.map((id) => ({ node: sku(id, more) })), pageInfo } } },
  });
  const last = { hasNextPage: false, endCursor: null };
  const place = { answer: { data: { eventCursor: 'at 7' } } };
  const readAll = (...pages: Parameters<typeof playBack>[0]) =>
    createFenzhan({ outgoing: playBack([place, ...pages]).outgoing, clock: () => new Date() }).news?.readAll({
      ...account,
      baseUrl: 'https://up.example.com',
    });

  it('is read with the place before it: also what cannot be imported, and not what has no price', async () => {
    const offer = { unitPrice: null, stock: { availableCount: 3 } };
    const pages = [
      page(['one'], { hasNextPage: true, endCursor: 'c' }),
      page(['two'], { hasNextPage: true, endCursor: 'd' }, { deliveryKind: 'BUNDLE' }),
      page(['three'], last, { offer }),
    ];
    expect(await readAll(...pages)).toMatchObject({
      kind: 'ANSWERED',
      value: {
        place: '{"prices":"at 7","stock":"at 7"}',
        news: [
          { goods: { sku_id: 'one' }, unitCost: '9.9000', stockCount: 3 },
          { goods: { sku_id: 'two' }, unitCost: '9.9000', stockCount: 3 },
        ],
      },
    });
  });

  it.each([
    ['goes on nowhere', [page(['one'], { hasNextPage: true, endCursor: null })]],
    ['goes on in a circle', [page(['one'], { hasNextPage: true, endCursor: 'c' }), page(['one'], { hasNextPage: true, endCursor: 'c' })]],
    ['does not say whether it goes on', [page(['one'], {})]],
    ['could not be answered in part', [{ answer: { ...page(['one'], last, { offer: null }).answer, errors: [{ message: 'down' }] } }]],
    ['breaks off', [page(['one'], { hasNextPage: true, endCursor: 'c' }), { answer: { errors: [{ message: 'down' }] } }]],
  ])('that %s is none', async (_, pages) => {
    expect(await readAll(...pages)).toMatchObject({ kind: 'FAILED', reason: 'CONTRADICTION' });
  });
});

describe('a purchase', () => {
  it('brings the keys with the answer; asked for or sent again, it is the same order', async () => {
    const first = await connector.purchase(account, wanted('fzplain01'));
    expect(first.outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '19.80', cardKeys: [{ secret: 'card-1-1' }, { secret: 'card-1-2' }] });
    expect((await connector.query(account, wanted('fzplain01'))).outcome).toEqual(first.outcome);
    expect((await connector.purchase(account, wanted('fzplain01', { sentAt: new Date() }))).outcome).toEqual(first.outcome);
    expect(await ordersUnder('fzplain01')).toBe(1);
  });

  it.each(['NEVER', 'BROKEN', 'BAD_GATEWAY', 'PAGE'] satisfies AnswerFault[])(
    'that went through and was not heard of (%s) is found by the first question, and was charged once',
    async (fault) => {
      const order = wanted(`fzlost${fault.replace('_', '').toLowerCase()}`);
      front.fault = fault;
      expect((await connector.purchase(account, order)).outcome).toMatchObject({ kind: 'UNKNOWN' });
      front.fault = 'NONE';
      const found = await connector.query(account, { ...order, sentAt: new Date() });
      expect(found.outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '19.80' });
      expect((await connector.purchase(account, { ...order, sentAt: new Date() })).outcome).toEqual(found.outcome);
      expect(await ordersUnder(order.requestKey)).toBe(1);
    },
  );

  it('that never arrived is not found, and nothing else is', async () => {
    expect((await connector.query(account, wanted('fznothere'))).outcome).toEqual({ kind: 'NOT_FOUND' });
    const revoked = { ...account, settings: { api_key: 'fz_nothing' } };
    expect((await connector.query(revoked, wanted('fznothere'))).outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONTRADICTION' });
  });

  it.each([
    ['dearer than was quoted', { maxCost: '19.79' }, 'PRICE_ABOVE_LIMIT'],
    ['more than may be bought at once', { quantity: 51, maxCost: '600.00' }, 'QUANTITY'],
    ['more than is there', { sku: 'few', maxCost: '10.00' }, 'OUT_OF_STOCK'],
    ['more than is in the wallet', { sku: 'dear', quantity: 1, maxCost: '900.00' }, 'INSUFFICIENT_BALANCE'],
    ['of goods that are none', { goods: { sku_id: 'U2t1' } }, 'GOODS_NOT_FOUND'],
  ] as const)(
    '%s is refused, and no order is there',
    async (_, { sku, ...more }: Partial<UpstreamPurchase> & { sku?: 'few' | 'dear' }, reason) => {
      const order = wanted(`fzno${reason.replaceAll('_', '').toLowerCase()}`, { ...more, ...(sku && { goods: goodsOf(sku) }) });
      expect((await connector.purchase(account, order)).outcome).toMatchObject({ kind: 'REJECTED', reason });
      expect((await connector.query(account, order)).outcome).toEqual({ kind: 'NOT_FOUND' });
    },
  );

  it('under a key that was used for something else is no refusal', async () => {
    await connector.purchase(account, wanted('fzused001'));
    const other = await connector.purchase(account, wanted('fzused001', { quantity: 1, maxCost: '9.90' }));
    expect(other.outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONTRADICTION' });
    expect((await connector.query(account, wanted('fzused001', { quantity: 1 }))).outcome).toMatchObject({
      kind: 'UNKNOWN',
      message: 'The order is not the one that was placed.',
    });
  });

  it('whose keys may not be seen is delivered to nobody, and is not bought again', async () => {
    const blind = await accountWith(['CATALOGUE_READ', 'ORDERS_PLACE', 'ORDERS_READ']);
    const reply = await connector.purchase(blind, wanted('fzblind01'));
    expect(reply.outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONTRADICTION' });
    expect(await ordersUnder('fzblind01')).toBe(1);
    const refused = await connector.purchase(await accountWith(['ORDERS_READ']), wanted('fzblind02'));
    expect(refused.outcome).toMatchObject({ kind: 'REJECTED', reason: 'ACCOUNT_REFUSED' });
  });

  it('of a direct top-up takes along what the buyer typed, and waits for the other network’s own supplier', async () => {
    const topUp = { goods: goodsOf('phone'), goodsKind: 'TOP_UP', quantity: 1, maxCost: '10.00' } as const;
    const order = wanted('fztopup01', { ...topUp, inputFields: { phone: '13800138000' } });
    expect((await connector.purchase(account, order)).outcome).toMatchObject({ kind: 'PENDING' });
    expect((await connector.query(account, order)).outcome).toMatchObject({ kind: 'PENDING' });
    const wrong = wanted('fztopup02', { ...topUp, inputFields: { phone: '12' } });
    expect((await connector.purchase(account, wrong)).outcome).toMatchObject({ kind: 'REJECTED', reason: 'INPUT_REFUSED' });
  });

  it('leaves no API key in what is kept', async () => {
    const { wire } = await connector.purchase(account, wanted('fzsecret1'));
    expect(JSON.stringify(wire)).not.toContain(account.settings['api_key']);
    expect(wire).toHaveLength(1);
  });

  it('leaves the books of the other network clean', async () => {
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });
});

describe('what an order’s state means', () => {
  const sku = { sku_id: 'U2t1OjE=' };
  const orderIn = (state: string, more: object = {}) => ({
    id: 'T3JkZXI6MQ==',
    requestKey: 'fzstate01',
    state,
    quantity: 2,
    sku: { id: 'U2t1OjE=' },
    total: { amount: '19.80', currency: 'CNY' },
    refundedTotal: { amount: '0.00', currency: 'CNY' },
    cardKeys: [],
    ...more,
  });
  const read = async (order: unknown, answer: object = { data: { order } }) => {
    const { outgoing } = playBack([{ answer }]);
    return (
      await createFenzhan({ outgoing, clock: () => new Date() }).query(
        { ...account, baseUrl: 'https://up.example.com' },
        wanted('fzstate01', { goods: sku }),
      )
    ).outcome;
  };

  it.each(['HELD', 'REVIEW', 'SOURCING', 'NEEDS_ATTENTION'])('%s waits', async (state) => {
    expect(await read(orderIn(state))).toEqual({ kind: 'PENDING', upstreamRef: 'T3JkZXI6MQ==' });
  });

  it('FAILED and REFUNDED cost nothing', async () => {
    expect(await read(orderIn('FAILED'))).toMatchObject({ kind: 'REJECTED', reason: 'CANCELLED' });
    expect(await read(orderIn('REFUNDED'))).toMatchObject({ kind: 'REJECTED', reason: 'REFUNDED' });
  });

  it('what came short, and was paid back there, costs what is left', async () => {
    const cardKeys = [{ number: null, secret: 'K1' }];
    const refundedTotal = { amount: '9.90', currency: 'CNY' };
    expect(await read(orderIn('PARTLY_REFUNDED', { cardKeys, refundedTotal }))).toMatchObject({
      kind: 'SUCCEEDED',
      cost: '9.90',
      cardKeys,
    });
  });

  it.each([
    ['another order', { requestKey: 'fzstate02', cardKeys: [{ number: null, secret: 'K' }] }],
    ['other goods', { sku: { id: 'U2t1OjI=' } }],
    ['another quantity', { quantity: 3 }],
    ['other money', { total: { amount: '19.80', currency: 'USD' } }],
    ['a key without a secret', { cardKeys: [{ number: '1', secret: null }] }],
    ['a state that is none', { state: 'LOST' }],
  ])('%s is not taken', async (_, more) => {
    expect(await read(orderIn('DELIVERED', more))).toMatchObject({ kind: 'UNKNOWN', reason: 'CONTRADICTION' });
  });

  it('an error is no "not found", nor is an answer without data', async () => {
    const errors = [{ message: 'down', extensions: { code: 'INTERNAL_SERVER_ERROR' } }];
    expect(await read(null, { data: { order: null }, errors })).toMatchObject({ kind: 'UNKNOWN' });
    expect(await read(null, { data: null })).toMatchObject({ kind: 'UNKNOWN' });
    expect(await read(null, {})).toMatchObject({ kind: 'UNKNOWN' });
  });
});

describe('against a simulated one, which lies on command', () => {
  let simulator: Simulator;
  let there: UpstreamAccount;
  beforeAll(async () => {
    simulator = await startSimulator(fenzhanProtocol({ apiKey: 'fz_1' }), { goods: DEFAULT_GOODS, openingCents: 1_000_000, mark: 'FENZ' });
    there = { baseUrl: simulator.url, settings: { api_key: 'fz_1' }, currency: 'CNY', callbackUrl: null };
  });
  afterAll(() => simulator.close());

  const [first] = DEFAULT_GOODS;
  const order = async (requestKey: string): Promise<UpstreamPurchase> => {
    const listed = await connector.listGoods(there);
    if (listed.kind !== 'ANSWERED' || first === undefined) throw new Error('nothing is sold');
    const goods = listed.value[0]?.goods ?? {};
    const quoted = await connector.quote(there, goods, 2);
    if (quoted.kind !== 'ANSWERED') throw new Error(quoted.message);
    return wanted(requestKey, { goods, maxCost: quoted.value.cost });
  };

  it('sells, lists, quotes and refuses as a real one does', async () => {
    expect(await connector.checkAccount(there)).toMatchObject({ kind: 'ANSWERED', value: { shopName: '模拟分站', balance: '10000.00' } });
    expect(await connector.checkAccount({ ...there, settings: { api_key: 'fz_2' } })).toMatchObject({ reason: 'ACCOUNT_REFUSED' });
    const good = await order('fzsim0001');
    expect((await connector.purchase(there, good)).outcome).toMatchObject({ kind: 'SUCCEEDED', cost: good.maxCost });
    expect((await connector.query(there, good)).outcome).toMatchObject({ kind: 'SUCCEEDED', cost: good.maxCost });
    expect((await connector.purchase(there, { ...good, requestKey: 'fzsim0002', maxCost: '0.01' })).outcome).toMatchObject({
      reason: 'PRICE_ABOVE_LIMIT',
    });
    expect((await connector.query(there, { ...good, requestKey: 'fzsim0002' })).outcome).toEqual({ kind: 'NOT_FOUND' });
  });

  it.each(['timeout-after-success', 'hang-mid-answer', 'error-after', 'nonsense'] satisfies Fault[])(
    '%s: bought once, found by the first question',
    async (fault) => {
      const wish = await order(`fzsim${fault.replaceAll('-', '')}`);
      const before = simulator.books().purchaseCount;
      await simulator.setFaults({ [fault]: 1 });
      expect((await connector.purchase(there, wish)).outcome).toMatchObject({ kind: 'UNKNOWN' });
      await simulator.setFaults({});
      expect((await connector.query(there, { ...wish, sentAt: new Date() })).outcome).toMatchObject({ kind: 'SUCCEEDED' });
      expect(simulator.books().purchaseCount).toBe(before + 1);
    },
  );

  it('lies come out as they were told', async () => {
    const wish = await order('fzsimlie1');
    await simulator.setFaults({ 'wrong-price': 1 });
    const { outcome } = await connector.purchase(there, wish);
    expect(outcome).toMatchObject({ kind: 'SUCCEEDED' });
    expect(outcome.kind === 'SUCCEEDED' && Number(outcome.cost)).toBeGreaterThan(Number(wish.maxCost));
    await simulator.setFaults({ refunded: 1 });
    expect((await connector.purchase(there, { ...wish, requestKey: 'fzsimlie2' })).outcome).toMatchObject({
      kind: 'REJECTED',
      reason: 'CANCELLED',
    });
    await simulator.setFaults({});
  });
});

it('a webhook of the other network names the order to ask for', () => {
  const read = (body: unknown) => connector.readCallback({ method: 'POST', body: JSON.stringify(body), query: {}, headers: {} }).callback;
  const order = { id: 'T3JkZXI6MQ==', requestKey: 'fz1' };
  expect(read({ type: 'orderUpdated', data: { orderUpdated: { order } } })).toEqual({ requestKey: 'fz1', upstreamRef: 'T3JkZXI6MQ==' });
  expect(read({ type: 'stockUpdated', data: {} })).toBeNull();
});
