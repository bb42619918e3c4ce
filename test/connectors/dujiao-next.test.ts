import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpstreamAccount, UpstreamOutcome, UpstreamPurchase } from '#server/connectors/connector.ts';
import { createDujiaoNext, signDujiaoNext } from '#server/connectors/dujiao-next.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { dujiaoNextProtocol } from '#test/simulators/dujiao-next.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { playBack, type RecordedAnswer } from './playback.ts';

interface Vectors {
  readonly signatures: readonly (Parameters<typeof signDujiaoNext>[1] & { readonly secret: string; readonly signature: string })[];
  readonly purchases: readonly {
    readonly name: string;
    readonly isRepeat?: boolean;
    readonly calls: readonly RecordedAnswer[];
    readonly outcome: UpstreamOutcome;
  }[];
}

const vectors = JSON.parse(readFileSync(new URL('vectors/dujiao-next.json', import.meta.url), 'utf8')) as Vectors;
const NOW = new Date('2026-11-22T10:00:00Z');
const account: UpstreamAccount = {
  baseUrl: 'https://shop.example.com',
  settings: { api_key: 'key-1', api_secret: 's3cr3t/1' },
  currency: 'CNY',
  callbackUrl: null,
};
const purchase: UpstreamPurchase = {
  requestKey: 'fz0000000000000001',
  goods: { product_id: '7', sku_id: '11' },
  quantity: 2,
  maxCost: '19.80',
  inputFields: {},
  goodsKind: 'CARD_KEY',
  sentAt: null,
  upstreamRef: null,
};

describe('what goes over the wire', () => {
  it.each(vectors.signatures)('is signed: $method $path', ({ secret, signature, ...request }) => {
    expect(signDujiaoNext(secret, request)).toBe(signature);
  });

  it('is one order under our key, with a callback only where there is one, and no secret in what is kept', async () => {
    const { outgoing, sent } = playBack([
      { status: 409, answer: { ok: false, error_code: 'insufficient_stock', error_message: 's3cr3t/1' } },
    ]);
    const connector = createDujiaoNext({ outgoing, clock: () => NOW });
    const { outcome, wire } = await connector.purchase({ ...account, callbackUrl: 'https://us.example.com/c/1' }, purchase);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      url: 'https://shop.example.com/api/v1/upstream/orders',
      method: 'POST',
      body: '{"sku_id":11,"quantity":2,"downstream_order_no":"fz0000000000000001","trace_id":"fz0000000000000001","callback_url":"https://us.example.com/c/1"}',
    });
    expect(sent[0]?.headers).toMatchObject({ 'dujiao-next-api-key': 'key-1', 'dujiao-next-timestamp': '1795341600' });
    expect(outcome).toMatchObject({ kind: 'REJECTED', message: 'insufficient_stock: ***' });
    expect(JSON.stringify(wire)).not.toContain('s3cr3t');
  });

  it('never leaves for an offer that names no goods', async () => {
    const { outgoing, sent } = playBack([]);
    const connector = createDujiaoNext({ outgoing, clock: () => NOW });
    const { outcome } = await connector.purchase(account, { ...purchase, goods: { product_id: '7', sku_id: '11 OR 1=1' } });
    expect(outcome).toMatchObject({ kind: 'REJECTED', reason: 'NOT_SENT' });
    expect(sent).toHaveLength(0);
  });
});

describe('what an answer to a purchase means', () => {
  it.each(vectors.purchases)('$name', async ({ isRepeat = false, calls, outcome }) => {
    const { outgoing, sent } = playBack(calls);
    const connector = createDujiaoNext({ outgoing, clock: () => NOW });
    const sentAt = isRepeat ? new Date(NOW.getTime() - 60_000) : null;
    expect((await connector.purchase(account, { ...purchase, sentAt })).outcome).toEqual(outcome);
    expect(sent).toHaveLength(calls.length);
  });

  it('an order that was accepted and is not known any more is no "not found"', async () => {
    const { outgoing } = playBack([
      { status: 404, answer: { ok: false, error_code: 'order_not_found', error_message: 'order not found' } },
    ]);
    const connector = createDujiaoNext({ outgoing, clock: () => NOW });
    const { outcome } = await connector.query(account, { ...purchase, sentAt: NOW, upstreamRef: '101' });
    expect(outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONTRADICTION', message: 'The order cannot be read: order_not_found.' });
  });

  it('a repeat waits until the first request has surely written down its key', async () => {
    const { outgoing, sent } = playBack([]);
    const connector = createDujiaoNext({ outgoing, clock: () => NOW });
    const { outcome } = await connector.query(account, { ...purchase, sentAt: new Date(NOW.getTime() - 1_999) });
    expect(outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'TIMEOUT' });
    expect(sent).toHaveLength(0);
  });
});

describe('a callback', () => {
  const read = (method: string, body: string) =>
    createDujiaoNext({ outgoing: playBack([]).outgoing, clock: () => NOW }).readCallback({ method, body, query: {}, headers: {} });

  it('names the order to ask for, and is told that it was received', () => {
    const reading = read('POST', '{"order_id":101,"downstream_order_no":"fz1","status":"delivered","fulfillment":{"payload":"STOLEN"}}');
    expect(reading.callback).toEqual({ requestKey: 'fz1', upstreamRef: '101' });
    expect(JSON.parse(reading.answer)).toEqual({ ok: true, message: 'received' });
  });

  it.each(['', '[]', '{"order_id":101}', '{"downstream_order_no":{"$ne":""}}', `${'['.repeat(1000)}`])(
    'is nothing when it names none: %s',
    (body) => {
      const reading = read('POST', body);
      expect(reading.callback).toBeNull();
      expect(JSON.parse(reading.answer)).toMatchObject({ ok: false });
    },
  );
});

describe('against a shop that is simulated', () => {
  const credentials = { apiKey: 'key-1', apiSecret: 's3cr3t/1' };
  const goods = Array.from({ length: 120 }, (_, index) => ({
    id: `g${index + 1}`,
    category: index < 60 ? '游戏点卡' : '话费',
    name: `商品 ${index + 1}`,
    priceCents: 990 + index,
    stockCount: 1_000,
    minQuantity: 1,
    maxQuantity: 100,
    goodsKind: index === 119 ? ('TOP_UP' as const) : ('CARD_KEY' as const),
    fields: index === 119 ? [{ name: 'phone', label: '手机号' }] : [],
    isPaused: false,
  }));
  let shop: Simulator;
  let here: UpstreamAccount;
  let laterMilliseconds = 0;
  const clock = () => new Date(Date.now() + laterMilliseconds);
  const connector = () => createDujiaoNext({ outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 300 }), clock });
  const wanted = (requestKey: string, more: Partial<UpstreamPurchase> = {}): UpstreamPurchase => ({
    ...purchase,
    requestKey,
    goods: { product_id: '1', sku_id: '1' },
    ...more,
  });

  beforeAll(async () => {
    shop = await startSimulator(dujiaoNextProtocol(credentials), { goods, openingCents: 1_000_000, mark: 'DUJI' });
    here = { ...account, baseUrl: shop.url };
  });
  afterAll(() => shop.close());

  it('tells its name and balance, and refuses a wrong secret and other money', async () => {
    expect(await connector().checkAccount(here)).toMatchObject({ kind: 'ANSWERED', value: { shopName: '模拟货源', balance: '10000.00' } });
    const wrong = { ...here, settings: { api_key: 'key-1', api_secret: 'another' } };
    expect(await connector().checkAccount(wrong)).toMatchObject({ kind: 'FAILED', reason: 'ACCOUNT_REFUSED' });
    expect(await connector().checkAccount({ ...here, currency: 'USD' })).toMatchObject({ kind: 'FAILED', reason: 'ACCOUNT_REFUSED' });
  });

  it('lists everything page by page, and quotes what it lists', async () => {
    const listed = await connector().listGoods(here);
    if (listed.kind !== 'ANSWERED') throw new Error(listed.message);
    expect(listed.value).toHaveLength(120);
    expect(listed.value[0]).toEqual({
      goods: { product_id: '1', sku_id: '1' },
      categoryPath: ['游戏点卡'],
      productName: '商品 1',
      skuName: '商品 1',
      unitCost: '9.90',
      stockCount: 1_000,
      minQuantity: null,
      maxQuantity: null,
      goodsKind: 'CARD_KEY',
      inputFields: [],
    });
    expect(listed.value[119]).toMatchObject({
      goodsKind: 'TOP_UP',
      inputFields: [{ name: 'phone', label: '手机号', isRequired: true }],
    });
    expect(await connector().quote(here, { product_id: '3', sku_id: '3' }, 7)).toMatchObject({
      kind: 'ANSWERED',
      value: { cost: '69.4400', stockCount: 1_000 },
    });
  });

  it.each(['timeout-after-success', 'error-after', 'nonsense', 'hang-mid-answer'] as const)(
    'a purchase that went through and was not heard of (%s) is found by the next question, and was charged once',
    async (fault) => {
      laterMilliseconds = 0;
      const before = shop.books();
      await shop.setFaults({ [fault]: 1 });
      const order = wanted(`fz${fault.replaceAll('-', '')}`);
      const sentAt = clock();
      expect((await connector().purchase(here, order)).outcome).toMatchObject({ kind: 'UNKNOWN' });
      await shop.setFaults({});
      laterMilliseconds = 60_000;
      const { outcome } = await connector().query(here, { ...order, sentAt });
      expect(outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '19.80' });
      expect(outcome.kind === 'SUCCEEDED' && outcome.cardKeys).toHaveLength(2);
      laterMilliseconds = 0;
      expect(shop.books()).toMatchObject({ purchaseCount: before.purchaseCount + 1, takenCents: before.takenCents + 1980 });
    },
  );

  it('a lie comes out as it was told: the worker is to find it', async () => {
    await shop.setFaults({ 'wrong-count': 1 });
    expect((await connector().purchase(here, wanted('fzcount'))).outcome).toMatchObject({
      kind: 'SUCCEEDED',
      cardKeys: [{ number: null }],
    });
    await shop.setFaults({ 'wrong-price': 1 });
    expect((await connector().purchase(here, wanted('fzprice'))).outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '29.70' });
    await shop.setFaults({ refunded: 1 });
    expect((await connector().purchase(here, wanted('fzrefunded'))).outcome).toMatchObject({ kind: 'REJECTED', reason: 'REFUNDED' });
    await shop.setFaults({});
  });

  it('a shop that is not there has sold nothing', async () => {
    await shop.setFaults({ dead: 1 });
    expect((await connector().purchase(here, wanted('fzdead'))).outcome).toMatchObject({ kind: 'REJECTED', reason: 'NOT_SENT' });
    const repeat = await connector().query(here, wanted('fzdead', { sentAt: new Date(0) }));
    expect(repeat.outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONNECTION_FAILED' });
    await shop.setFaults({});
  });
});
