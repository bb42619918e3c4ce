import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpstreamAccount, UpstreamPurchase } from '#server/connectors/connector.ts';
import { createKasushou, kasushouBody, signKasushou } from '#server/connectors/kasushou.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import type { Fault } from '#test/simulators/faults.ts';
import { DEFAULT_GOODS } from '#test/simulators/goods.ts';
import { kasushouProtocol } from '#test/simulators/kasushou.ts';
import { APOLOGY } from '#test/simulators/shop.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { createPlayer, readVectors } from './exchanges.ts';
import { playBack } from './playback.ts';

const vectors = readVectors<
  Record<'timestamp' | 'apiKey' | 'body' | 'sign', string> & { readonly fields: Readonly<Record<string, unknown>> }
>('kasushou');
const API_KEY = 'H0YnuPpcVtx7rQdMTbjN6932s5oDOqFa';
const NOW = new Date('2026-11-22T10:00:00Z');
const account: UpstreamAccount = {
  baseUrl: 'https://shop.example.com',
  settings: { user_id: '10000', api_key: API_KEY },
  currency: 'CNY',
  callbackUrl: null,
};
const purchase: UpstreamPurchase = {
  requestKey: 'fz00000000000000001',
  goods: { id: '1001' },
  quantity: 2,
  maxCost: '9.20',
  inputFields: {},
  goodsKind: 'CARD_KEY',
  sentAt: null,
  upstreamRef: null,
};

describe('what goes over the wire', () => {
  it.each(vectors.signatures)('is signed: $body', ({ fields, timestamp, apiKey, body, sign }) => {
    expect(kasushouBody(fields)).toBe(body);
    expect(signKasushou(apiKey, timestamp, body)).toBe(sign);
  });

  it('carries the time and the signature in its headers, and nothing of them is kept', async () => {
    const { outgoing, sent } = playBack([{ answer: { code: 500, msg: `what is ${API_KEY}?` } }]);
    const { outcome, wire } = await createKasushou({ outgoing, clock: () => NOW }).purchase(account, purchase);
    const body = '{"external_orderno":"fz00000000000000001","id":1001,"mark":"","quantity":2,"safe_price":"4.6000"}';
    const sign = signKasushou(API_KEY, '1795341600000', body);
    expect(sent[0]).toMatchObject({ url: 'https://shop.example.com/api/v1/order/buy', method: 'POST', body });
    expect(sent[0]?.headers).toMatchObject({ userid: '10000', timestamp: '1795341600000', sign });
    expect(outcome).toMatchObject({ kind: 'UNKNOWN', message: 'what is ***?' });
    expect(JSON.stringify(wire)).not.toContain(API_KEY);
    expect(JSON.stringify(wire)).not.toContain(sign);
  });
});

describe('what an answer means', () => {
  const player = createPlayer(createKasushou, { account, purchase, now: NOW });

  it.each(vectors.purchases)('to a purchase: $name', async (exchange) => {
    const { got, wanted } = await player.purchase('purchase', exchange);
    expect(got).toEqual(wanted);
  });

  it.each(vectors.queries)('to a question: $name', async (exchange) => {
    const { got, wanted } = await player.purchase('query', exchange);
    expect(got).toEqual(wanted);
  });

  it.each(vectors.others)('$call: $name', async (exchange) => {
    const { got, wanted } = await player.other(exchange);
    expect(got).toEqual(wanted);
  });
});

describe('a callback', () => {
  const read = (body: string) =>
    createKasushou({ outgoing: playBack([]).outgoing, clock: () => NOW }).readCallback({ method: 'POST', body, query: {}, headers: {} });
  const told = { external_orderno: 'fz1', ordersn: 'API091', status: '3', card_list: '[{"card_no":"","card_password":"STOLEN"}]' };

  it.each([
    ['JSON', JSON.stringify(told)],
    ['a form', new URLSearchParams(told).toString()],
  ])('names the order to ask for and nothing else, as %s', (_form, body) => {
    expect(read(body)).toEqual({
      callback: { requestKey: 'fz1', upstreamRef: 'API091' },
      status: 200,
      contentType: 'text/plain; charset=utf-8',
      answer: 'ok',
    });
  });

  it.each(['', '{}', '[]', '{"external_orderno":{"a":1}}', `{"external_orderno":"${'x'.repeat(65)}"}`, '['.repeat(1_000)])(
    'is nothing when it names none: %s',
    (body) => expect(read(body)).toMatchObject({ callback: null, answer: 'ok' }),
  );
});

describe('against a shop that is simulated', () => {
  let shop: Simulator;
  let here: UpstreamAccount;
  let receiver: Server;
  const received: string[] = [];
  let count = 0;
  const clock = () => new Date();
  const connector = createKasushou({ outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'] }), clock });
  /** Where the time has to run out, it is short; nowhere else, however busy the machine is. */
  const impatient = createKasushou({ outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 150 }), clock });
  const wanted = (): UpstreamPurchase => ({ ...purchase, requestKey: `fz${(count += 1)}`, maxCost: '92.00' });
  const buyDuring = async (fault: Fault, order = wanted()) => {
    await shop.setFaults({ [fault]: 1 });
    const { outcome } = await (fault.startsWith('timeout') ? impatient : connector).purchase(here, order);
    await shop.setFaults({});
    return outcome;
  };

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        received.push(body);
        // the first one is not understood: it has to come again
        response.end(received.length === 1 ? 'error' : 'ok');
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    shop = await startSimulator(kasushouProtocol({ userId: '10000', apiKey: API_KEY }), {
      goods: DEFAULT_GOODS,
      openingCents: 10_000_000,
      mark: 'KASU',
      callbackRetryMilliseconds: [20],
    });
    here = { ...account, baseUrl: shop.url };
  });
  afterAll(async () => {
    await shop.close();
    receiver.close();
  });

  it('checks the account, lists, quotes and buys', async () => {
    expect(await connector.checkAccount(here)).toMatchObject({ kind: 'ANSWERED', value: { balance: '100000.00' } });
    const wrong = { ...here, settings: { user_id: '10000', api_key: 'another' } };
    expect(await connector.checkAccount(wrong)).toMatchObject({ kind: 'FAILED', reason: 'ACCOUNT_REFUSED' });
    const listed = await connector.listGoods(here);
    // paused goods are not for sale
    expect(listed.kind === 'ANSWERED' && listed.value.map(({ goods, categoryPath }) => [goods['id'], ...categoryPath])).toEqual([
      ['1001', '游戏点卡'],
      ['1002', '游戏点卡'],
      ['1003', '游戏点卡'],
      ['2001', '话费'],
    ]);
    expect(await connector.quote(here, { id: '1002' }, 3)).toMatchObject({ value: { cost: '41.4000', stockCount: 1_000_000 } });
    const { outcome } = await connector.purchase(here, wanted());
    expect(outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '92.00' });
    expect(outcome.kind === 'SUCCEEDED' && outcome.cardKeys).toHaveLength(2);
    const topUp: UpstreamPurchase = { ...wanted(), goods: { id: '2001' }, quantity: 1, maxCost: '98.50', goodsKind: 'TOP_UP' };
    expect((await connector.purchase(here, topUp)).outcome).toMatchObject({ kind: 'REJECTED', reason: 'INPUT_REFUSED' });
    const done = await connector.purchase(here, { ...topUp, inputFields: { phone: '13800138000' } });
    expect(done.outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '98.50', cardKeys: [] });
  });

  it('is refused what costs more than it may, and nothing is taken', async () => {
    const before = shop.books().takenCents;
    const { outcome } = await connector.purchase(here, { ...wanted(), maxCost: '91.98' });
    expect(outcome).toMatchObject({ kind: 'REJECTED', reason: 'PRICE_ABOVE_LIMIT' });
    expect(shop.books().takenCents).toBe(before);
  });

  it.each([
    ['timeout-after-success', 'TIMEOUT'],
    ['error-after', 'HTTP_STATUS'],
    ['nonsense', 'WRONG_CONTENT_TYPE'],
  ] as const)('a purchase that went through unheard (%s) is found by the next question, and was paid for once', async (fault, reason) => {
    const before = shop.books();
    const order = wanted();
    expect(await buyDuring(fault, order)).toMatchObject({ kind: 'UNKNOWN', reason });
    const { outcome } = await connector.query(here, { ...order, sentAt: NOW });
    expect(outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '92.00' });
    expect(shop.books().takenCents - before.takenCents).toBe(9_200);
  });

  it.each(['timeout-before', 'error-before'] as const)(
    'a purchase that never happened (%s) is not found, and not made by asking',
    async (fault) => {
      const before = shop.books();
      const order = wanted();
      expect(await buyDuring(fault, order)).toMatchObject({ kind: 'UNKNOWN' });
      for (const call of ['query', 'purchase'] as const)
        expect((await connector[call](here, { ...order, sentAt: NOW })).outcome).toEqual({ kind: 'NOT_FOUND' });
      expect(shop.books()).toEqual(before);
    },
  );

  it('an order that it denies for a while is not refused: it is not found', async () => {
    const order = wanted();
    expect(await buyDuring('unknown-order', order)).toMatchObject({ kind: 'PENDING' });
    await shop.setFaults({ 'unknown-order': 1 });
    expect((await connector.query(here, { ...order, sentAt: NOW })).outcome).toEqual({ kind: 'NOT_FOUND' });
    await shop.setFaults({});
    expect((await connector.query(here, { ...order, sentAt: NOW })).outcome).toMatchObject({ kind: 'SUCCEEDED' });
  });

  it('lies come out as they were told; money that came back is a refusal', async () => {
    expect(await buyDuring('wrong-count')).toMatchObject({ kind: 'SUCCEEDED', cost: '92.00', cardKeys: [{ number: null }] });
    expect(await buyDuring('wrong-price')).toMatchObject({ kind: 'SUCCEEDED', cost: '138.00' });
    expect(await buyDuring('apology')).toMatchObject({
      kind: 'SUCCEEDED',
      cardKeys: [{ number: null, secret: expect.stringContaining(APOLOGY) }],
    });
    const { outcome: honest } = await connector.purchase(here, wanted());
    expect(await buyDuring('other-keys')).toMatchObject({ cardKeys: honest.kind === 'SUCCEEDED' ? honest.cardKeys : null });
    expect(await buyDuring('refunded')).toMatchObject({ kind: 'REJECTED', reason: 'REFUNDED' });
  });

  it('a shop that is not there was never asked', async () => {
    expect(await buyDuring('dead')).toMatchObject({ kind: 'REJECTED', reason: 'NOT_SENT' });
  });

  it('tells what has changed until it is accepted, three times over when it is muddled', async () => {
    const callbackUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const order = wanted();
    await connector.purchase({ ...here, callbackUrl }, order);
    await expect.poll(() => shop.counts['callbacks accepted'], { interval: 10 }).toBe(1);
    expect(received).toHaveLength(2);
    expect(connector.readCallback({ method: 'POST', query: {}, headers: {}, body: received[1] ?? '' }).callback?.requestKey).toBe(
      order.requestKey,
    );
    await shop.setFaults({ 'duplicate-callbacks': 1 });
    await connector.purchase({ ...here, callbackUrl }, wanted());
    await shop.setFaults({});
    await expect.poll(() => received.length, { interval: 10 }).toBe(5);
  });
});
