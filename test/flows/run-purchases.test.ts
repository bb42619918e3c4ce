import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { globalId } from '#schema/ids.ts';
import { giveUpPurchase } from '#server/flows/attend-purchase.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { relayOnce } from '#server/live/relay.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { doubtsOfAttempts, lotsPage, touchedOrdersPage } from '#server/stock/reads.ts';
import { ask } from '#test/schema/ask.ts';
import type { Fault } from '#test/simulators/faults.ts';
import { DEFAULT_GOODS } from '#test/simulators/goods.ts';
import { type Simulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import {
  attemptsOf,
  offerKasushou,
  orderCards,
  orderOf,
  purchaseGround,
  runnerOf,
  type SourcedWorld,
  sourcedWorld,
  startKasushou,
  workOff,
  workOffFor,
} from '#test/support/purchases.ts';

const clock = controllableClock(new Date());
let fresh: FreshDatabase;
let cheap: Simulator;
let dear: Simulator;

beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
  const dearer = DEFAULT_GOODS.map((goods) => ({ ...goods, priceCents: goods.priceCents + 200 }));
  [cheap, dear] = await Promise.all([startKasushou('CHEA', { seed: 7 }), startKasushou('DEAR', { seed: 8, goods: dearer })]);
});
afterAll(async () => {
  await Promise.all([cheap.close(), dear.close()]);
  await fresh.drop();
});
beforeEach(async () => {
  clock.set(new Date());
  await Promise.all([cheap.setFaults({}), dear.setFaults({})]);
});

/** S sells at 46.00, T at 48.00; each by an upstream of its own. */
async function twoSuppliers(over: Parameters<typeof sourcedWorld>[1] = {}) {
  const w = await sourcedWorld(fresh.db, over);
  const s = await offerKasushou(fresh.db, w, cheap, { supplier: 'S', unitCost: '46.00' });
  const t = await offerKasushou(fresh.db, w, dear, { supplier: 'T', unitCost: '48.00' });
  return { w, s, t };
}

async function oneOrder(w: SourcedWorld, quantity = 2) {
  const [orderId] = await orderCards(fresh.db, w, [quantity]);
  if (orderId === undefined) throw new Error('no order');
  return orderId;
}

const sold = () => [cheap.books().purchaseCount, dear.books().purchaseCount];
const clean = async () => expect(await auditLedger(fresh.db.pool)).toEqual([]);

describe('an order that is bought', () => {
  test('is delivered with what came, at what it cost', async () => {
    const { w } = await twoSuppliers();
    const before = sold();
    const orderId = await oneOrder(w, 3);
    await workOffFor(runnerOf(purchaseGround(fresh.db)), clock, 5);
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'DELIVERED', cost: '138.00', refunded_total: '0.00', key_count: 3 });
    expect(await attemptsOf(fresh, orderId)).toMatchObject([
      { state: 'SUCCEEDED', delivered_quantity: 3, cost: '138.00', discrepancy: null },
    ]);
    expect(sold()).toEqual([(before[0] ?? 0) + 1, before[1]]);
    await clean();
  });
});

describe('a fault', () => {
  /** One order of two while S does this; it is over when S is asked. */
  const through = async (fault: Fault, over: Parameters<typeof sourcedWorld>[1] = {}) => {
    const { w } = await twoSuppliers(over);
    const runner = runnerOf(purchaseGround(fresh.db));
    const before = sold();
    await cheap.setFaults({ [fault]: 1 });
    const orderId = await oneOrder(w);
    await workOff(runner);
    const first = (await attemptsOf(fresh, orderId)).map(({ state }) => state);
    await cheap.setFaults({});
    await workOffFor(runner, clock, 8);
    const after = sold();
    await clean();
    const soldCounts = after.map((count, index) => count - (before[index] ?? 0));
    return { first, order: await orderOf(fresh, orderId), attempts: await attemptsOf(fresh, orderId), soldCounts };
  };

  test.each<Fault>(['timeout-after-success', 'error-after', 'nonsense', 'hang-mid-answer'])(
    '%s: unknown, then found by the first question, bought once',
    async (fault) => {
      const { first, order, attempts, soldCounts } = await through(fault);
      expect(first).toEqual(['UNKNOWN']);
      expect(order).toMatchObject({ state: 'DELIVERED', key_count: 2 });
      expect(attempts).toMatchObject([{ state: 'SUCCEEDED', query_count: 1 }]);
      expect(soldCounts).toEqual([1, 0]);
    },
  );

  test('dead: nothing left, so the other supplier fills it at once', async () => {
    const { order, attempts, soldCounts } = await through('dead');
    expect(attempts).toMatchObject([{ state: 'REJECTED', outcome_reason: 'NOT_SENT' }, { state: 'SUCCEEDED' }]);
    expect(order).toMatchObject({ state: 'DELIVERED', cost: '96.00' });
    expect(soldCounts).toEqual([0, 1]);
  });

  test('refunded: it gave the money back, so the other supplier fills it', async () => {
    const { order, attempts, soldCounts } = await through('refunded');
    expect(attempts).toMatchObject([{ state: 'REJECTED', outcome_reason: 'REFUNDED' }, { state: 'SUCCEEDED' }]);
    expect(order.state).toBe('DELIVERED');
    expect(soldCounts).toEqual([1, 1]);
  });

  test('wrong-count: what came is kept, the rest is refunded, the supplier owes an answer', async () => {
    const { order, attempts } = await through('wrong-count');
    expect(attempts).toMatchObject([{ state: 'SUCCEEDED', discrepancy: 'SHORT', delivered_quantity: 1 }]);
    expect(order).toMatchObject({ state: 'PARTLY_REFUNDED', refunded_total: '60.00', key_count: 1 });
  });

  test('wrong-price: above what may be paid, a person decides', async () => {
    const { order, attempts } = await through('wrong-price');
    expect(attempts).toMatchObject([{ state: 'UNKNOWN', attention_reason: 'TOO_DEAR' }]);
    expect(order).toMatchObject({ state: 'NEEDS_ATTENTION', key_count: 0 });
  });

  test('wrong-price: the owner bears losses, so it is delivered and flagged', async () => {
    const { order, attempts } = await through('wrong-price', { costGuard: 'ALLOW_LOSS' });
    expect(attempts).toMatchObject([{ state: 'SUCCEEDED', discrepancy: 'DEARER', cost: '138.00' }]);
    expect(order).toMatchObject({ state: 'DELIVERED', key_count: 2 });
  });

  test('apology: money taken and no key: nothing is delivered, a person decides', async () => {
    const { order, attempts, soldCounts } = await through('apology');
    expect(attempts[0]?.state).toBe('UNKNOWN');
    expect(attempts[0]?.attention_reason).toMatch(/NO_GOODS|WRONG_GOODS/);
    expect(order).toMatchObject({ state: 'NEEDS_ATTENTION', key_count: 0 });
    expect(soldCounts).toEqual([1, 0]);
  });

  test('other-keys: keys of another order are given to nobody a second time', async () => {
    const { w } = await twoSuppliers();
    const runner = runnerOf(purchaseGround(fresh.db));
    const honest = await oneOrder(w);
    await workOffFor(runner, clock, 4);
    await cheap.setFaults({ 'other-keys': 1 });
    const cheated = await oneOrder(w);
    await workOffFor(runner, clock, 8);
    expect(await orderOf(fresh, honest)).toMatchObject({ state: 'DELIVERED', key_count: 2 });
    expect(await orderOf(fresh, cheated)).toMatchObject({ state: 'NEEDS_ATTENTION', key_count: 0 });
    const [again] = await attemptsOf(fresh, cheated);
    expect(again).toMatchObject({ state: 'UNKNOWN', attention_reason: 'DUPLICATE_KEYS' });
    // the first who got them may be the one who should not have: a person sees both, and the lot says which order to look at
    const [first] = await attemptsOf(fresh, honest);
    const owner = { networkId: w.networkId, stationId: w.hq };
    const doubts = await doubtsOfAttempts(fresh.db.pool, owner, [again?.id ?? '']);
    expect(doubts.get(again?.id ?? '')).toMatchObject([{ order_id: honest, first_attempt_id: first?.id, key_count: 2 }]);
    expect(await doubtsOfAttempts(fresh.db.pool, { ...owner, stationId: w.stations.R }, [again?.id ?? ''])).toEqual(new Map());
    const [lot] = (await lotsPage(fresh.db.pool, owner, null, { direction: 'FORWARD', from: null, count: 1 })).rows;
    if (lot === undefined) throw new Error('no lot');
    const touched = await touchedOrdersPage(fresh.db.pool, owner, lot, { direction: 'FORWARD', from: null, count: 5 });
    expect(touched.rows).toEqual([{ id: honest, key_count: 2, revealed_count: 0, doubted_count: 2 }]);
    await clean();
  });

  test('other-keys: the owner is told of the order that got them first, until its keys are given back', async () => {
    const { w } = await twoSuppliers();
    const ground = purchaseGround(fresh.db);
    const honest = await oneOrder(w);
    await workOffFor(runnerOf(ground), clock, 4);
    await cheap.setFaults({ 'other-keys': 1 });
    const cheated = await oneOrder(w);
    await workOffFor(runnerOf(ground), clock, 8);
    const open = async () => {
      await relayOnce(fresh.db);
      await raiseAlerts(fresh.db);
      const { data, errors } = await ask(fresh.db, w.viewer('HQ'), OPEN_ALERTS, {});
      expect(errors).toBeUndefined();
      return (data as { alerts: { edges: { node: object }[] } }).alerts.edges.map(({ node }) => node);
    };
    const doubted = { kind: 'ORDER_NEEDS_ATTENTION', attentionCount: null, orderId: globalId('Order', honest), sku: { name: 'card' } };
    const waiting = { kind: 'ORDER_NEEDS_ATTENTION', attentionCount: 1, orderId: null, doubtedCount: null, sku: null };
    expect(await open()).toEqual(expect.arrayContaining([waiting, { ...doubted, doubtedCount: 2 }]));
    // what is decided of the second purchase says nothing of the first
    const [again] = await attemptsOf(fresh, cheated);
    await giveUpPurchase(ground, w.viewer('HQ'), { attemptId: again?.id ?? '', reason: '供货商发错' });
    expect(await open()).toEqual([{ ...doubted, doubtedCount: 2 }]);
    const [{ card_key_id: seen } = { card_key_id: '' }] = await fresh.sql<{ card_key_id: string }>(
      'UPDATE card_key_sale SET revealed_at = now() WHERE order_id = $1 AND position = 1 RETURNING card_key_id',
      [honest],
    );
    const refund = (cardKeyIds: string[] | null) => {
      const input = { requestKey: fresh.db.newId(), orderId: honest, amount: null, cardKeyIds, bearer: null, reason: '归属存疑' };
      return refundOrder(fresh.db, w.viewer('HQ', 'FINANCE'), input);
    };
    expect((await refund([seen])).kind).toBe('ORDER_REFUNDED');
    expect(await open()).toEqual([{ ...doubted, doubtedCount: 1 }]);
    expect((await refund(null)).kind).toBe('ORDER_REFUNDED');
    expect(await open()).toEqual([]);
    await clean();
  });
});

const OPEN_ALERTS = `{ alerts(open: true, first: 10) { edges { node { kind attentionCount orderId doubtedCount sku { name } } } } }`;
