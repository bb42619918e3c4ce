import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AcgFakaForm, createAcgFaka, signAcgFaka } from '#server/connectors/acg-faka.ts';
import type { UpstreamAccount, UpstreamOutcome, UpstreamPurchase } from '#server/connectors/connector.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { acgFakaProtocol } from '#test/simulators/acg-faka.ts';
import type { Fault } from '#test/simulators/faults.ts';
import { DEFAULT_GOODS } from '#test/simulators/goods.ts';
import { APOLOGY } from '#test/simulators/shop.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { createPlayer, readVectors } from './exchanges.ts';
import { playBack } from './playback.ts';

const vectors = readVectors<{ readonly form: AcgFakaForm; readonly sign: string }>('acg-faka');
const APP_KEY = '9F3C1A7B5D2E4F60';
const SENT_AT = new Date('2026-11-22T09:59:00Z');
const NOW = new Date('2026-11-22T10:00:00Z');
const clock = () => NOW;
const account: UpstreamAccount = {
  baseUrl: 'https://shop.example.com',
  settings: { app_id: '1000', app_key: APP_KEY },
  currency: 'CNY',
  callbackUrl: null,
};
const purchase: UpstreamPurchase = {
  requestKey: 'fz00000000000000001',
  goods: { shared_code: 'ACGBENCH00000002' },
  quantity: 2,
  maxCost: '92.00',
  inputFields: {},
  goodsKind: 'CARD_KEY',
  sentAt: null,
  upstreamRef: null,
};

describe('what goes over the wire', () => {
  it.each(vectors.signatures)('is signed: $sign', ({ form, sign }) => expect(signAcgFaka(form, APP_KEY)).toBe(sign));

  it('is a form in Chinese, without the key', async () => {
    const { outgoing, sent } = playBack([{ answer: { code: 0, msg: `余额不足 ${APP_KEY}` } }]);
    const { outcome, wire } = await createAcgFaka({ outgoing, clock }).purchase(account, purchase);
    expect(sent[0]).toMatchObject({ url: 'https://shop.example.com/shared/commodity/trade', method: 'POST' });
    expect(sent[0]?.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded', 'accept-language': 'zh-CN' });
    expect(String(sent[0]?.body)).not.toContain(APP_KEY);
    // neither the key nor a signature that could be sent again is kept, though the shop sent the key back
    expect(outcome).toMatchObject({ message: '余额不足 ***' });
    expect(JSON.stringify(wire)).not.toContain(APP_KEY);
    expect(JSON.stringify(wire)).not.toMatch(/sign=[0-9a-f]{32}/);
  });
});

describe('what an answer means', () => {
  const player = createPlayer(createAcgFaka, { account, purchase, now: NOW });

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

  it('there are no callbacks', () => {
    const { outgoing } = playBack([]);
    expect(createAcgFaka({ outgoing, clock }).readCallback({ method: 'POST', query: {}, headers: {}, body: 'request_no=1' })).toMatchObject(
      {
        callback: null,
        status: 404,
      },
    );
  });
});

describe('against a shop that is simulated', () => {
  let shop: Simulator;
  let here: UpstreamAccount;
  let count = 0;
  const connector = createAcgFaka({ outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'] }), clock });
  /** Where the time has to run out, it is short; nowhere else, however busy the machine is. */
  const impatient = createAcgFaka({ outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 150 }), clock });
  const wanted = (): UpstreamPurchase => ({ ...purchase, requestKey: `fz${(count += 1)}`, goods: { shared_code: '1001' } });
  /** Buys while something goes wrong, asks when it is over; both outcomes and what it took. */
  const through = async (fault: Fault) => {
    const before = shop.books();
    const order = wanted();
    await shop.setFaults({ [fault]: 1 });
    const waits = ['timeout-before', 'timeout-after-success', 'hang-mid-answer', 'slow'].includes(fault);
    const { outcome: first } = await (waits ? impatient : connector).purchase(here, order);
    await shop.setFaults({});
    const { outcome: asked } = await connector.query(here, { ...order, sentAt: SENT_AT });
    const after = shop.books();
    return { first, asked, sold: after.purchaseCount - before.purchaseCount, taken: after.takenCents - before.takenCents };
  };

  beforeAll(async () => {
    shop = await startSimulator(acgFakaProtocol({ appId: '1000', appKey: APP_KEY }), {
      goods: DEFAULT_GOODS,
      openingCents: 10_000_000,
      mark: 'ACGF',
    });
    here = { ...account, baseUrl: shop.url };
  });
  afterAll(() => shop.close());

  it('connects, lists and quotes; another key is refused', async () => {
    expect(await connector.checkAccount(here)).toMatchObject({ kind: 'ANSWERED', value: { shopName: '模拟店铺', balance: '100000' } });
    const wrong = { ...here, settings: { app_id: '1000', app_key: 'another' } };
    expect(await connector.checkAccount(wrong)).toMatchObject({ kind: 'FAILED', reason: 'ACCOUNT_REFUSED' });
    const listed = await connector.listGoods(here);
    expect(listed.kind === 'ANSWERED' && listed.value.map(({ goods, unitCost }) => [goods['shared_code'], unitCost])).toEqual([
      ['1001', '46.0000'],
      ['1002', '13.8000'],
      ['1003', '9.5000'],
      ['1004', '28.5000'],
      ['2001', '98.5000'],
    ]);
    expect(await connector.quote(here, { shared_code: '1002' }, 3)).toMatchObject({ value: { cost: '41.40', stockCount: 1_000_000 } });
  });

  it('buys once, however often it is sent', async () => {
    const order = wanted();
    const { outcome } = await connector.purchase(here, order);
    expect(outcome).toMatchObject({ kind: 'SUCCEEDED', cost: '92' });
    expect(outcome.kind === 'SUCCEEDED' && outcome.cardKeys).toHaveLength(2);
    const again = await connector.purchase(here, { ...order, requestKey: order.requestKey.toUpperCase().toLowerCase(), sentAt: SENT_AT });
    expect(again.outcome).toEqual({ kind: 'ALREADY_SENT' });
  });

  it.each(['1003', '1004', '9999'])('refuses what it does not sell (%s), and takes nothing', async (code) => {
    const before = shop.books().takenCents;
    const { outcome } = await connector.purchase(here, { ...wanted(), goods: { shared_code: code } });
    expect(outcome).toMatchObject({
      kind: 'REJECTED',
      reason: { '1003': 'OUT_OF_STOCK', '1004': 'GOODS_PAUSED', '9999': 'GOODS_NOT_FOUND' }[code],
    });
    expect(shop.books().takenCents).toBe(before);
  });

  // the keys of what was bought unheard are lost to this protocol: a person fetches them
  it.each([
    ['timeout-after-success', 'TIMEOUT'],
    ['error-after', 'HTTP_STATUS'],
    ['nonsense', 'WRONG_CONTENT_TYPE'],
    ['hang-mid-answer', 'TIMEOUT'],
    ['slow', 'TIMEOUT'],
  ] as const)(
    'a purchase that went through unheard (%s) is not known, then known to be bought, and paid for once',
    async (fault, reason) => {
      const { first, asked, sold, taken } = await through(fault);
      expect(first).toMatchObject({ kind: 'UNKNOWN', reason });
      expect(asked).toEqual({ kind: 'ALREADY_SENT' });
      expect([sold, taken]).toEqual([1, 9_200]);
    },
  );

  it.each([
    ['timeout-before', 'TIMEOUT'],
    ['error-before', 'HTTP_STATUS'],
  ] as const)('a purchase that never happened (%s) is not known either, and is made by the question, once', async (fault, reason) => {
    const { first, asked, sold, taken } = await through(fault);
    expect(first).toMatchObject({ kind: 'UNKNOWN', reason });
    expect(asked).toMatchObject({ kind: 'SUCCEEDED', cost: '92' });
    expect([sold, taken]).toEqual([1, 9_200]);
  });

  it('a shop that is not there was never asked; of a question that says nothing', async () => {
    const order = wanted();
    await shop.setFaults({ dead: 1 });
    expect((await connector.purchase(here, order)).outcome).toMatchObject({ kind: 'REJECTED', reason: 'NOT_SENT' });
    expect((await connector.purchase(here, { ...order, sentAt: SENT_AT })).outcome).toMatchObject({
      kind: 'UNKNOWN',
      reason: 'CONNECTION_FAILED',
    });
    expect((await connector.query(here, order)).outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONNECTION_FAILED' });
    expect(await connector.checkAccount(here)).toMatchObject({ kind: 'FAILED', reason: 'NOT_SENT' });
    await shop.setFaults({});
  });

  it('lies come out as they were told: the worker finds them', async () => {
    const honest = (await connector.purchase(here, wanted())).outcome;
    const outcomes: Partial<Record<Fault, UpstreamOutcome>> = {};
    for (const fault of ['wrong-count', 'wrong-price', 'apology', 'refunded', 'other-keys'] as const) {
      await shop.setFaults({ [fault]: 1 });
      outcomes[fault] = (await connector.purchase(here, wanted())).outcome;
    }
    await shop.setFaults({});
    const apology = [{ number: null, secret: expect.stringContaining(APOLOGY) }];
    expect(outcomes).toMatchObject({
      'wrong-count': { kind: 'SUCCEEDED', cost: '92', cardKeys: [{ number: null }] },
      'wrong-price': { kind: 'SUCCEEDED', cost: '138' },
      apology: { kind: 'SUCCEEDED', cost: '92', cardKeys: apology },
      refunded: { kind: 'SUCCEEDED', cardKeys: apology },
      'other-keys': { kind: 'SUCCEEDED', cardKeys: honest.kind === 'SUCCEEDED' ? honest.cardKeys : null },
    });
    expect(shop.books().liesCount).toBe(4);
  });

  it('manual goods are waited for by the shop’s number, and known when they are there', async () => {
    const slowShop = await startSimulator(acgFakaProtocol({ appId: '1000', appKey: APP_KEY }), {
      goods: DEFAULT_GOODS,
      openingCents: 10_000_000,
      mark: 'ACGM',
      deliverMilliseconds: 100,
    });
    const there = { ...account, baseUrl: slowShop.url };
    const order = wanted();
    const { outcome } = await connector.purchase(there, order);
    if (outcome.kind !== 'PENDING') throw new Error(outcome.kind);
    const asked = { ...order, sentAt: SENT_AT, upstreamRef: outcome.upstreamRef };
    expect((await connector.query(there, asked)).outcome).toEqual(outcome);
    await slowShop.setFaults({ 'unknown-order': 1 });
    expect((await connector.query(there, asked)).outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONTRADICTION' });
    await slowShop.setFaults({});
    await new Promise((resolve) => setTimeout(resolve, 120));
    const { outcome: then } = await connector.query(there, asked);
    expect(then).toMatchObject({ kind: 'SUCCEEDED', upstreamRef: outcome.upstreamRef });
    expect(then.kind === 'SUCCEEDED' && then.cardKeys).toHaveLength(2);
    await slowShop.close();
  });
});
