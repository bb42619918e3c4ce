import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConnectorAbilities } from '#server/connectors/connector.ts';
import { askAgain, deliverByHand, giveUpPurchase, openPurchaseLog } from '#server/flows/attend-purchase.ts';
import { claimAttempts } from '#server/flows/purchase-claims.ts';
import type { PurchaseGround } from '#server/flows/purchase-ground.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { relayOnce } from '#server/live/relay.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { inTransaction } from '#server/platform/database.ts';
import { money } from '#server/platform/money.ts';
import { planAttempts } from '#server/purchases/commands.ts';
import { NO_CALLS } from '#server/purchases/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import {
  attemptsOf,
  openScripted,
  orderCards,
  orderOf,
  runnerOf,
  scriptedGround,
  sourcedWorld,
  workOff,
  workOffFor,
} from '#test/support/purchases.ts';
import { refused, scriptedUpstream, sold, timedOut } from '#test/support/scripted-upstream.ts';

const clock = controllableClock(new Date('2026-11-22T10:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now, poolSize: 20 });
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  // each test has a network of its own, and workers look at all of them
  await fresh.sql('UPDATE purchase_attempt SET due_at = NULL');
  clock.advance(3_600_000);
});

const clean = async () => expect(await auditLedger(fresh.db.pool)).toEqual([]);

/** S sells at 46.00 and T at 48.00, each as its script says; T only where there is one. */
async function scene(over: { readonly s?: Partial<ConnectorAbilities>; readonly withT?: boolean; readonly callsAtOnce?: number } = {}) {
  const w = await sourcedWorld(fresh.db);
  const s = scriptedUpstream('KASUSHOU_V2', over.s);
  const t = scriptedUpstream('DUJIAO_NEXT');
  const limits = { callsAtOnce: over.callsAtOnce ?? 4 };
  const { accountId: sId } = await openScripted(fresh.db, w, 'S', limits);
  const tId = over.withT === false ? null : (await openScripted(fresh.db, w, 'T', limits)).accountId;
  const ground = scriptedGround(fresh.db, s, t);
  const order = async (quantity = 2) => (await orderCards(fresh.db, w, [quantity]))[0] ?? '';
  return { w, s, t, sId, tId, ground, order };
}

/** Takes what is due of an account, as a worker that dies then. */
const take = async (ground: PurchaseGround, networkId: string, accountId: string) => {
  await fresh.sql('INSERT INTO supply_account_state (network_id, account_id, window_start, updated_at) VALUES ($1, $2, $3, $3)', [
    networkId,
    accountId,
    clock.now(),
  ]);
  expect(await claimAttempts(ground, networkId, [{ accountId, tally: NO_CALLS }], 8)).toHaveLength(1);
};

const stepsOf = (attemptId: string) =>
  fresh.sql<{ kind: string; outcome: string }>('SELECT kind, outcome FROM purchase_step WHERE attempt_id = $1 ORDER BY id', [attemptId]);
const walletOf = async (stationId: string) =>
  (
    await fresh.sql<{ wallet: string; held: string }>(
      `SELECT coalesce(sum(p.amount) FILTER (WHERE a.kind = 'WALLET'), 0)::text AS wallet, coalesce(sum(p.amount) FILTER (WHERE a.kind = 'HELD'), 0)::text AS held
       FROM account a JOIN posting p ON p.network_id = a.network_id AND p.account_id = a.id WHERE a.station_id = $1`,
      [stationId],
    )
  )[0];

const alertsOf = (networkId: string) =>
  fresh.sql<{ kind: string; lasts: boolean }>('SELECT kind::text, ended_at IS NULL AS lasts FROM alert WHERE network_id = $1 ORDER BY id', [
    networkId,
  ]);
const raise = async () => {
  await relayOnce(fresh.db);
  await raiseAlerts(fresh.db);
};

describe('several workers', () => {
  test('buy each order once, and call an account no more often at once than it takes', async () => {
    const { w, s, ground } = await scene({ withT: false, callsAtOnce: 3 });
    s.onPurchase = async (purchase) => {
      await new Promise((resolve) => setTimeout(resolve, 3));
      return sold(purchase);
    };
    const orderIds = await orderCards(
      fresh.db,
      w,
      Array.from({ length: 40 }, () => 1),
    );
    await Promise.all([1, 2, 3].map(() => workOff(runnerOf(ground))));
    await workOff(runnerOf(ground));
    expect(s.purchases.length).toBe(40);
    expect(new Set(s.purchases.map(({ requestKey }) => requestKey)).size).toBe(40);
    expect(s.mostAtOnce()).toBeLessThanOrEqual(3);
    const states = await Promise.all(orderIds.map(async (id) => (await orderOf(fresh, id)).state));
    expect(new Set(states)).toEqual(new Set(['DELIVERED']));
    await clean();
  });

  test('one that is held up past its lease changes nothing: what it learned stands in the log', async () => {
    const { s, ground, order } = await scene();
    const orderId = await order();
    const answer = Promise.withResolvers<void>();
    s.onPurchase = async (purchase) => {
      await answer.promise;
      return sold({ ...purchase, requestKey: 'anotheranswer' });
    };
    const slow = runnerOf(ground);
    await slow.runDue();
    clock.advance(120_000);
    await workOff(runnerOf(ground));
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'DELIVERED', key_count: 2 });
    answer.resolve();
    await slow.settle();
    const [attempt] = await attemptsOf(fresh, orderId);
    expect(attempt).toMatchObject({ state: 'SUCCEEDED', discrepancy: null });
    expect(await stepsOf(attempt?.id ?? '')).toEqual([
      { kind: 'QUERIED', outcome: 'SUCCEEDED' },
      { kind: 'LEASE_LOST', outcome: 'SUCCEEDED' },
    ]);
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'DELIVERED', key_count: 2 });
    await clean();
  });

  test('one that dies after it has taken an attempt leaves it UNKNOWN: asked for, believed to be unsold only twice and after the delay, then bought elsewhere', async () => {
    const { s, t, sId, w, ground, order } = await scene();
    const orderId = await order();
    await take(ground, w.networkId, sId);
    s.onQuestion = () => ({ kind: 'NOT_FOUND' });
    const runner = runnerOf(ground);
    await workOff(runner);
    expect(s.questions.length).toBe(0);
    clock.advance(60_000);
    await workOff(runner);
    expect(await attemptsOf(fresh, orderId)).toMatchObject([{ state: 'UNKNOWN', outcome_reason: 'NOT_FOUND' }]);
    expect(t.purchases.length).toBe(0);
    await workOffFor(runner, clock, 6);
    expect(await attemptsOf(fresh, orderId)).toMatchObject([{ state: 'REJECTED', outcome_reason: 'NOT_FOUND' }, { state: 'SUCCEEDED' }]);
    expect(s.purchases.length).toBe(0);
    expect(s.questions.length).toBe(2);
    await clean();
  });

  test('what was not found and is sold after all is SURPLUS: into stock, never a second delivery', async () => {
    const { s, sId, w, ground, order } = await scene();
    const orderId = await order();
    await take(ground, w.networkId, sId);
    s.onQuestion = () => ({ kind: 'NOT_FOUND' });
    const runner = runnerOf(ground);
    clock.advance(60_000);
    await workOffFor(runner, clock, 6);
    s.onQuestion = sold;
    clock.advance(700_000);
    await workOff(runner);
    expect(await attemptsOf(fresh, orderId)).toMatchObject([
      { state: 'SUCCEEDED', discrepancy: 'SURPLUS', delivered_quantity: 2 },
      { state: 'SUCCEEDED', discrepancy: null },
    ]);
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'DELIVERED', key_count: 2, cost: '96.00' });
    expect(await fresh.sql("SELECT FROM card_key WHERE network_id = $1 AND state = 'AVAILABLE'", [w.networkId])).toHaveLength(2);
    await clean();
  });
});

describe('a supplier that dies', () => {
  test('opens its breaker: what waits goes to the other at once, and nobody calls it until a probe is due', async () => {
    const { w, s, t, ground } = await scene({ callsAtOnce: 1, s: { callsAtOnceMax: 1 } });
    s.onPurchase = () => timedOut;
    s.onQuestion = () => timedOut;
    const orderIds = await orderCards(
      fresh.db,
      w,
      Array.from({ length: 12 }, () => 1),
    );
    await workOff(runnerOf(ground));
    // five purchases were sent, and nobody knows of them; the others were not
    expect(s.purchases.length).toBe(5);
    expect(t.purchases.length).toBe(7);
    const calls = s.questions.length;
    await workOff(runnerOf(ground));
    expect(s.questions.length).toBe(calls);
    await workOffFor(runnerOf(ground), clock, 20, 2);
    expect(await alertsOf(w.networkId)).toEqual([{ kind: 'SUPPLIER_DOWN', lasts: true }]);
    s.onQuestion = sold;
    await workOffFor(runnerOf(ground), clock, 60, 4);
    expect(await alertsOf(w.networkId)).toEqual([{ kind: 'SUPPLIER_DOWN', lasts: false }]);
    const states = await Promise.all(orderIds.map(async (id) => (await orderOf(fresh, id)).state));
    expect(new Set(states)).toEqual(new Set(['DELIVERED']));
    await clean();
  });

  test('by not answering at all: what waits behind its hanging calls goes elsewhere after a second', async () => {
    const { w, s, t, ground } = await scene({ callsAtOnce: 2 });
    const never = Promise.withResolvers<void>();
    s.onPurchase = async (purchase) => {
      await never.promise;
      return sold(purchase);
    };
    const orderIds = await orderCards(
      fresh.db,
      w,
      Array.from({ length: 6 }, () => 1),
    );
    const runner = runnerOf(ground);
    await runner.runDue();
    clock.advance(1_200);
    await new Promise((resolve) => setTimeout(resolve, 260));
    const deliveredCount = async () => {
      await runner.runDue();
      return (await Promise.all(orderIds.map((id) => orderOf(fresh, id)))).filter(({ state }) => state === 'DELIVERED').length;
    };
    await expect.poll(deliveredCount, { timeout: 5_000 }).toBe(4);
    expect([s.purchases.length, t.purchases.length]).toEqual([2, 4]);
    never.resolve();
    await runner.settle();
    await clean();
  });

  test('with nobody else there: it is tried again while the order is young, then the buyer has the money back', async () => {
    const { w, s, ground, order } = await scene({ withT: false });
    s.onPurchase = () => refused('NOT_SENT');
    const before = await walletOf(w.stations.R);
    const [first, second] = [await order(), await order()];
    const runner = runnerOf(ground);
    await workOffFor(runner, clock, 60, 10);
    expect(await orderOf(fresh, first)).toMatchObject({ state: 'SOURCING' });
    s.onPurchase = (purchase) => (s.purchases.length % 2 === 0 ? sold(purchase) : refused('NOT_SENT'));
    await workOffFor(runner, clock, 400, 40);
    s.onPurchase = () => refused('NOT_SENT');
    await workOffFor(runner, clock, 400, 40);
    const states = [(await orderOf(fresh, first)).state, (await orderOf(fresh, second)).state];
    expect(states.every((state) => state === 'DELIVERED' || state === 'FAILED')).toBe(true);
    s.onPurchase = () => refused('NOT_SENT');
    const third = await order();
    await workOffFor(runner, clock, 700, 35);
    expect(await orderOf(fresh, third)).toMatchObject({ state: 'FAILED', failure_reason: 'NO_SUPPLIER' });
    const after = await walletOf(w.stations.R);
    const delivered = states.filter((state) => state === 'DELIVERED').length;
    expect([Number(before?.wallet) - Number(after?.wallet), Number(after?.held)]).toEqual([delivered * 120, 0]);
    await clean();
  });
});

describe('a refusal', () => {
  test('asks the next supplier, and when all have refused the order fails and its money is free', async () => {
    const { s, t, ground, order } = await scene();
    s.onPurchase = () => refused('OUT_OF_STOCK');
    t.onPurchase = () => refused('GOODS_PAUSED');
    const orderId = await order();
    await workOff(runnerOf(ground));
    expect(await attemptsOf(fresh, orderId)).toMatchObject([
      { state: 'REJECTED', outcome_reason: 'OUT_OF_STOCK' },
      { state: 'REJECTED', outcome_reason: 'GOODS_PAUSED' },
    ]);
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'FAILED', failure_reason: 'NO_SUPPLIER' });
    await clean();
  });
});

describe('what is bought for stock', () => {
  const planTest = async (w: Awaited<ReturnType<typeof scene>>['w'], accountId: string) => {
    const [offer] = await fresh.sql<{ id: string; supplier_id: string }>('SELECT id, supplier_id FROM supply_offer WHERE account_id = $1', [
      accountId,
    ]);
    const cost = money('92.00', w.currency);
    const id = fresh.db.newId();
    await inTransaction(fresh.db, (tx) =>
      planAttempts(tx, w.networkId, [
        {
          id,
          purpose: { kind: 'TEST', subjectId: w.skus.card },
          attemptNumber: 1,
          offer: {
            offerId: offer?.id ?? '',
            skuId: w.skus.card,
            ownerId: w.hq,
            supplierId: offer?.supplier_id ?? '',
            accountId,
            terms: 'CONSIGNMENT',
            goods: {},
            upstreamCurrency: 'CNY',
            rate: '1',
          },
          quantity: 2,
          goodsKind: 'CARD_KEY',
          quotedCost: cost,
          upstreamMaxCost: '92.00',
          costLimit: null,
          dueAt: null,
        },
      ]),
    );
    return id;
  };
  const standing = (id: string) =>
    fresh.sql('SELECT state, delivered_quantity, cost::text, attention_reason FROM purchase_attempt WHERE id = $1', [id]);

  test('becomes a lot, once; keys that the network has already are nobody’s stock', async () => {
    const { w, s, sId, ground } = await scene();
    const first = await planTest(w, sId);
    await workOff(runnerOf(ground));
    expect(await standing(first)).toEqual([{ state: 'SUCCEEDED', delivered_quantity: 2, cost: '92.00', attention_reason: null }]);
    expect(await fresh.sql('SELECT key_count, total_cost::text, attempt_id FROM lot WHERE network_id = $1', [w.networkId])).toEqual([
      { key_count: 2, total_cost: '92.00', attempt_id: first },
    ]);
    const [told] = s.purchases;
    s.onPurchase = () => (told ? sold(told) : timedOut);
    s.onQuestion = s.onPurchase;
    const second = await planTest(w, sId);
    await workOffFor(runnerOf(ground), clock, 4);
    expect(await standing(second)).toMatchObject([{ state: 'UNKNOWN', attention_reason: 'DUPLICATE_KEYS' }]);
    expect(await fresh.sql("SELECT FROM card_key WHERE network_id = $1 AND state = 'AVAILABLE'", [w.networkId])).toHaveLength(2);
    await clean();
  });

  test('is not bought elsewhere when it is refused: whoever wanted it hears of it', async () => {
    const { w, s, t, sId, ground } = await scene();
    s.onPurchase = () => refused('OUT_OF_STOCK');
    const id = await planTest(w, sId);
    await workOff(runnerOf(ground));
    expect(await standing(id)).toMatchObject([{ state: 'REJECTED' }]);
    expect(t.purchases).toEqual([]);
    const events = await fresh.sql(
      "SELECT data ->> 'state' AS state FROM outbox_event WHERE topic = 'purchase.settled' AND subject_id = $1",
      [id],
    );
    expect(events).toEqual([{ state: 'REJECTED' }]);
  });
});

describe('a person', () => {
  /** An order whose upstream cannot be asked, and whose outcome nobody knows. */
  const lost = async () => {
    const made = await scene({ s: { canQuery: false } });
    made.s.onPurchase = () => timedOut;
    const orderId = await made.order();
    await workOff(runnerOf(made.ground));
    const [attempt] = await attemptsOf(fresh, orderId);
    return { ...made, orderId, attemptId: attempt?.id ?? '', viewer: made.w.viewer('HQ') };
  };

  test('is asked where an upstream cannot be: nobody else is bought from meanwhile', async () => {
    const { orderId, t, ground, attemptId, viewer } = await lost();
    expect(await attemptsOf(fresh, orderId)).toMatchObject([{ state: 'UNKNOWN', attention_reason: 'CANNOT_ASK' }]);
    expect((await orderOf(fresh, orderId)).state).toBe('NEEDS_ATTENTION');
    await workOffFor(runnerOf(ground), clock, 3600, 1200);
    expect(t.purchases.length).toBe(0);
    expect(await askAgain(ground, viewer, { attemptId })).toMatchObject({ kind: 'NOT_ALLOWED' });
    await raise();
    expect(await alertsOf(viewer.networkId)).toEqual([{ kind: 'ORDER_NEEDS_ATTENTION', lasts: true }]);
    await giveUpPurchase(ground, viewer, { attemptId, reason: 'enough' });
    await raise();
    expect(await alertsOf(viewer.networkId)).toEqual([{ kind: 'ORDER_NEEDS_ATTENTION', lasts: false }]);
  });

  test('delivers with keys, once; known keys, keys that are none and a cost above the limit are refused', async () => {
    const { orderId, ground, attemptId, viewer, w } = await lost();
    const keys = (...secrets: string[]) => secrets.map((secret) => ({ number: null, secret }));
    const give = (cardKeys: ReturnType<typeof keys>, cost: string | null = null) =>
      deliverByHand(ground, viewer, { attemptId, cardKeys, cost, note: 'by phone' });
    expect(await give(keys('one', 'one'))).toMatchObject({ kind: 'INVALID_INPUT', field: 'cardKeys' });
    expect(await give(keys('one', 'tw\u0000o'))).toMatchObject({ kind: 'INVALID_INPUT', field: 'cardKeys' });
    expect(await give(keys('one', 'two'), '120.01')).toMatchObject({ kind: 'INVALID_INPUT', field: 'cost' });
    expect(await deliverByHand(ground, w.viewer('R'), { attemptId, cardKeys: keys('one'), cost: null, note: '' })).toEqual({
      kind: 'NOT_FOUND',
    });
    expect(await give(keys('one', 'two'), '90.00')).toEqual({ kind: 'ATTENDED' });
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'DELIVERED', key_count: 2, cost: '90.00' });
    expect(await attemptsOf(fresh, orderId)).toMatchObject([{ state: 'SUCCEEDED', outcome_reason: 'BY_HAND', cost: '90.00' }]);
    expect(await give(keys('three', 'four'))).toMatchObject({ kind: 'NOT_ALLOWED' });
    const again = await lostOf(w, ground);
    expect(
      await deliverByHand(ground, viewer, { attemptId: again.attemptId, cardKeys: keys('one', 'five'), cost: null, note: '' }),
    ).toMatchObject({ kind: 'INVALID_INPUT', field: 'cardKeys' });
    await clean();
  });

  /** One more such order of a network. */
  const lostOf = async (w: Awaited<ReturnType<typeof lost>>['w'], ground: PurchaseGround) => {
    const [orderId = ''] = await orderCards(fresh.db, w, [2]);
    await workOff(runnerOf(ground));
    const [attempt] = await attemptsOf(fresh, orderId);
    return { orderId, attemptId: attempt?.id ?? '' };
  };

  test('gives it up: the buyer has the money back, and the log of its calls is opened only with an entry in the audit log', async () => {
    const { orderId, ground, attemptId, viewer, w } = await lost();
    const opened = await openPurchaseLog(ground, viewer, attemptId);
    expect(opened).toMatchObject({ kind: 'OPENED', calls: [{ status: 200, kind: 'SENT' }] });
    expect(await giveUpPurchase(ground, viewer, { attemptId, reason: 'the supplier is gone' })).toEqual({ kind: 'ATTENDED' });
    expect(await orderOf(fresh, orderId)).toMatchObject({ state: 'FAILED' });
    expect((await walletOf(w.stations.R))?.held).toBe('0.00');
    const audit = await fresh.sql<{ action: string }>('SELECT action FROM audit_entry WHERE network_id = $1 ORDER BY id', [w.networkId]);
    expect(audit.map(({ action }) => action)).toEqual(['purchase.log-opened', 'purchase.given-up']);
    await clean();
  });
});
