import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { placeOrders } from '#server/flows/place-orders.ts';
import { decideWaitingRefund, type RefundInput, refundOrder } from '#server/flows/refund-order.ts';
import { revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { money } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

/** The worked example of the domain, bought: three cards for R through B and A, 147.72. */
async function bought(over: { refundLimit?: string } = {}) {
  const w = await world(fresh.db, {
    refundLimit: over.refundLimit ?? '1000.00',
    stations: { HQ: {}, A: { parent: 'HQ' }, B: { parent: 'A' }, R: { parent: 'B', wallet: '1000.00' }, Q: { parent: 'HQ' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '47.50' } },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'B', kind: 'FIXED', value: '0.30' },
      { by: 'B', child: 'R', kind: 'PERCENT', value: '2' },
    ],
    plans: [{ sku: 'steam', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '138.00', keys: 3 }],
  });
  const [placed] = await placeOrders(fresh.db, [
    {
      viewer: w.viewer('R'),
      channel: 'API',
      requestKey: 'buy',
      skuId: w.skus.steam,
      quantity: 3,
      maxTotal: '147.72',
      externalRef: null,
      groupId: null,
    },
  ]);
  if (placed?.kind !== 'ORDER_PLACED') throw new Error('not placed');
  return { w, orderId: placed.orderId, keyIds: w.lots[0]?.keyIds ?? [] };
}

type Bought = Awaited<ReturnType<typeof bought>>;
let b: Bought;
beforeEach(async () => {
  b = await bought();
});

let number = 0;
const ask = (over: Partial<RefundInput> = {}, of: Bought = b): RefundInput => ({
  requestKey: `refund-${++number}`,
  orderId: of.orderId,
  amount: null,
  cardKeyIds: null,
  bearer: null,
  reason: 'did not work',
  ...over,
});
const balances = async (of: Bought = b) =>
  Object.fromEntries(
    (
      await fresh.sql<{ name: string; balance: string }>(
        `SELECT coalesce(s.name, p.name, 'network') || ' ' || a.kind AS name, a.balance FROM account a
         LEFT JOIN station s ON s.network_id = a.network_id AND s.id = a.station_id LEFT JOIN supplier p ON p.network_id = a.network_id AND p.id = a.supplier_id
         WHERE a.network_id = $1 AND a.balance <> 0`,
        [of.w.networkId],
      )
    ).map(({ name, balance }) => [name, balance]),
  );
const rows = <Row extends Record<string, unknown>>(text: string, of: Bought = b) => fresh.sql<Row>(text, [of.w.networkId]);
const clean = async (of: Bought = b) => expect(await auditLedger(fresh.db.pool, of.w.networkId)).toEqual([]);
const finance = (of: Bought = b) => of.w.viewer('HQ', 'FINANCE');

describe('a refund decided by the owner’s finance', () => {
  test('of the whole order that nobody has looked at leaves nobody changed, and its keys are for sale again', async () => {
    expect(await refundOrder(fresh.db, finance(), ask())).toMatchObject({ kind: 'ORDER_REFUNDED', orderId: b.orderId, replayed: false });
    expect(await balances()).toEqual({ 'R WALLET': '1000.00', 'network CASH': '-1000.00' });
    // what is taken back falls due on the day of what it takes back: that day's run finds nothing to settle
    expect(
      await rows(
        'SELECT due_on, sum(amount) FROM posting WHERE network_id = $1 AND due_on IS NOT NULL GROUP BY due_on, account_id HAVING sum(amount) <> 0',
      ),
    ).toEqual([]);
    expect(await rows('SELECT state::text FROM card_key WHERE network_id = $1 GROUP BY state')).toEqual([{ state: 'AVAILABLE' }]);
    expect(await rows('SELECT state::text, refunded_total FROM orders WHERE network_id = $1')).toEqual([
      { state: 'REFUNDED', refunded_total: '147.72' },
    ]);
    await clean();
    const [again] = await placeOrders(fresh.db, [
      {
        viewer: b.w.viewer('R'),
        channel: 'API',
        requestKey: 'again',
        skuId: b.w.skus.steam,
        quantity: 3,
        maxTotal: '147.72',
        externalRef: null,
        groupId: null,
      },
    ]);
    expect(again).toMatchObject({ kind: 'ORDER_PLACED', replayed: false });
    await clean();
  });

  test('of one revealed key costs the owner, takes margins and commission back in proportion, and the key stays sold', async () => {
    await revealCardKeys(fresh.db, testVault, b.w.viewer('R'), [b.orderId]);
    expect(await refundOrder(fresh.db, finance(), ask({ cardKeyIds: b.keyIds.slice(0, 1) }))).toMatchObject({ kind: 'ORDER_REFUNDED' });
    // a third of each: A 0.30 + 0.15, B 0.96 + 0.25; the supplier keeps its cost, the owner bears the rest
    expect(await balances()).toMatchObject({
      'R WALLET': '901.52',
      'A EARNINGS_PENDING': '0.89',
      'B EARNINGS_PENDING': '2.42',
      'S PAYABLE_PENDING': '138.00',
    });
    expect(await rows("SELECT count(*)::int FROM card_key WHERE network_id = $1 AND state = 'SOLD'")).toEqual([{ count: 3 }]);
    expect(await rows('SELECT state::text, refunded_total FROM orders WHERE network_id = $1')).toEqual([
      { state: 'PARTLY_REFUNDED', refunded_total: '49.24' },
    ]);
    await clean();
  });

  test('borne by the supplier costs the supplier', async () => {
    await revealCardKeys(fresh.db, testVault, b.w.viewer('R'), [b.orderId]);
    await refundOrder(fresh.db, finance(), ask({ bearer: 'SUPPLIER' }));
    expect(await balances()).toEqual({ 'R WALLET': '1000.00', 'network CASH': '-1000.00' });
    await clean();
  });

  test('in three unequal amounts that reach the whole leaves the same as in one', async () => {
    for (const amount of ['0.01', '100.00', '47.71']) {
      expect(await refundOrder(fresh.db, finance(), ask({ amount, bearer: 'SUPPLIER' }))).toMatchObject({ kind: 'ORDER_REFUNDED' });
      await clean();
    }
    expect(await balances()).toEqual({ 'R WALLET': '1000.00', 'network CASH': '-1000.00' });
  });

  test('tells the frozen line and those who watch the stock, and names the refund', async () => {
    const outcome = await refundOrder(fresh.db, finance(), ask());
    const events = await rows<{ topic: string; data: object; audience: string[] }>(
      `SELECT topic, data, audience FROM outbox_event WHERE network_id = $1 AND topic <> 'order.delivered' ORDER BY id DESC LIMIT 2`,
    );
    const { stations, skus } = b.w;
    expect(events).toEqual([
      { topic: 'stock.changed', data: { skuId: skus.steam }, audience: [stations.HQ] },
      {
        topic: 'order.refunded',
        data: { orderId: b.orderId, refundId: 'refundId' in outcome ? outcome.refundId : '', ownerId: stations.HQ, skuId: skus.steam },
        audience: [stations.HQ, stations.A, stations.B, stations.R],
      },
    ]);
  });

  test('is one, however often its request is sent', async () => {
    const input = ask({ amount: '10.00' });
    const first = await refundOrder(fresh.db, finance(), input);
    expect(await refundOrder(fresh.db, finance(), { ...input, amount: '10' })).toEqual({ ...first, replayed: true });
    expect(await refundOrder(fresh.db, finance(), { ...input, amount: '11.00' })).toEqual({ kind: 'REQUEST_KEY_REUSED' });
    expect((await balances())['R WALLET']).toBe('862.28');
  });
});

describe('a refund is refused', () => {
  const cny = (amount: string) => money(amount, 'CNY');
  test('above what is left, and tells what is left', async () => {
    await refundOrder(fresh.db, finance(), ask({ amount: '100.00' }));
    expect(await refundOrder(fresh.db, finance(), ask({ amount: '47.73' }))).toEqual({
      kind: 'REFUND_REFUSED',
      reason: 'OVER_TOTAL',
      refundable: cny('47.72'),
    });
  });

  test('for a key of another order, and for one refunded before', async () => {
    const [first] = b.keyIds;
    expect(await refundOrder(fresh.db, finance(), ask({ cardKeyIds: ['nonsense'] }))).toMatchObject({ reason: 'KEY_NOT_OF_ORDER' });
    await refundOrder(fresh.db, finance(), ask({ cardKeyIds: [first ?? ''] }));
    expect(await refundOrder(fresh.db, finance(), ask({ cardKeyIds: [first ?? ''] }))).toMatchObject({ reason: 'KEY_ALREADY_RETURNED' });
    await clean();
  });

  test.each([
    ['amount', { amount: '0' }],
    ['amount', { amount: '1.234' }],
    ['amount', { amount: '1', cardKeyIds: ['x'] }],
    ['cardKeyIds', { cardKeyIds: [] }],
    ['reason', { reason: ' ' }],
  ])('for nonsense in %s: %j', async (field, over) => {
    expect(await refundOrder(fresh.db, finance(), ask(over))).toMatchObject({ kind: 'INVALID_INPUT', field });
  });

  test('to those who are not in its chain, who are not told that it exists', async () => {
    expect(await refundOrder(fresh.db, b.w.viewer('Q'), ask())).toEqual({ kind: 'NOT_FOUND' });
    const stranger = await world(fresh.db, { stations: { HQ: {} } });
    expect(await refundOrder(fresh.db, stranger.viewer('HQ'), ask())).toEqual({ kind: 'NOT_FOUND' });
  });
});

describe('those who may only ask', () => {
  test.each(['R', 'B', 'A'] as const)('%s asks, and headquarters’ finance approves', async (station) => {
    const asked = await refundOrder(fresh.db, b.w.viewer(station), ask());
    if (asked.kind !== 'REFUND_REQUESTED') throw new Error(asked.kind);
    expect((await balances())['R WALLET']).toBe('852.28');
    const decision = { requestKey: 'd', refundId: asked.refundId, approve: true, bearer: null, reason: null };
    expect(await decideWaitingRefund(fresh.db, b.w.viewer(station), decision)).toMatchObject({ kind: 'NOT_ALLOWED' });
    const done = await decideWaitingRefund(fresh.db, finance(), decision);
    expect(done).toEqual({ kind: 'ORDER_REFUNDED', refundId: asked.refundId, orderId: b.orderId, replayed: false });
    expect(await decideWaitingRefund(fresh.db, finance(), decision)).toEqual({ ...done, replayed: true });
    expect(await balances()).toEqual({ 'R WALLET': '1000.00', 'network CASH': '-1000.00' });
    await clean();
  });

  test('are told when it was declined, and nothing moved', async () => {
    const asked = await refundOrder(fresh.db, b.w.viewer('R'), ask({ amount: '10.00' }));
    if (asked.kind !== 'REFUND_REQUESTED') throw new Error(asked.kind);
    const decline = { requestKey: 'd', refundId: asked.refundId, approve: false, bearer: null, reason: 'the key works' };
    expect(await decideWaitingRefund(fresh.db, finance(), decline)).toMatchObject({ kind: 'REFUND_DECLINED' });
    expect(await decideWaitingRefund(fresh.db, finance(), { ...decline, requestKey: 'e', approve: true })).toMatchObject({
      reason: 'ALREADY_DECIDED',
    });
    expect((await balances())['R WALLET']).toBe('852.28');
    expect(await rows(`SELECT topic FROM outbox_event WHERE network_id = $1 AND topic LIKE 'refund.%' ORDER BY id`)).toEqual([
      { topic: 'refund.requested' },
      { topic: 'refund.declined' },
    ]);
  });

  test('do not say who bears it', async () => {
    expect(await refundOrder(fresh.db, b.w.viewer('R'), ask({ bearer: 'SUPPLIER' }))).toMatchObject({
      kind: 'INVALID_INPUT',
      field: 'bearer',
    });
  });

  test('include the owner’s people without the right to decide', async () => {
    expect(await refundOrder(fresh.db, b.w.viewer('HQ', 'OPERATOR'), ask())).toMatchObject({ kind: 'REFUND_REQUESTED' });
  });
});

test('above the network’s limit a second person decides, who is not the first', async () => {
  b = await bought({ refundLimit: '100.00' });
  expect(await refundOrder(fresh.db, finance(), ask({ amount: '60.00' }))).toMatchObject({ kind: 'ORDER_REFUNDED' });
  // 120.00 of the order together
  const asked = await refundOrder(fresh.db, finance(), ask({ amount: '60.00' }));
  if (asked.kind !== 'REFUND_REQUESTED') throw new Error(asked.kind);
  const approve = { requestKey: 'a', refundId: asked.refundId, approve: true, bearer: 'SUPPLIER', reason: null } as const;
  expect(await decideWaitingRefund(fresh.db, finance(), approve)).toMatchObject({ kind: 'REFUND_REFUSED', reason: 'NEEDS_SECOND_PERSON' });
  expect(await decideWaitingRefund(fresh.db, b.w.viewer('HQ', 'OWNER'), { ...approve, requestKey: 'b' })).toMatchObject({
    kind: 'ORDER_REFUNDED',
  });
  expect(await rows(`SELECT bearer::text, amount FROM refund WHERE network_id = $1 ORDER BY id`)).toEqual([
    { bearer: 'OWNER', amount: '60.00' },
    { bearer: 'SUPPLIER', amount: '60.00' },
  ]);
  await clean();
});
