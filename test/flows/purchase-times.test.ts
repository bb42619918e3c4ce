import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createUpstreams } from '#server/connectors/upstreams.ts';
import { prunePurchaseLogs } from '#server/flows/prune-purchases.ts';
import { claimAttempts } from '#server/flows/purchase-claims.ts';
import { receiveCallback } from '#server/flows/receive-callback.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { NO_CALLS } from '#server/purchases/rules.ts';
import { seededChance } from '#test/simulators/faults.ts';
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
import { testVault } from '#test/support/world.ts';

const clock = controllableClock(new Date('2026-11-22T10:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now, poolSize: 10 });
});
afterAll(() => fresh.drop());
beforeEach(() => fresh.sql('UPDATE purchase_attempt SET due_at = NULL'));

/** S sells at 46.00 as its script says, four calls at once. */
async function scene() {
  const w = await sourcedWorld(fresh.db);
  const s = scriptedUpstream('KASUSHOU_V2');
  return { w, s, ground: scriptedGround(fresh.db, s), ...(await openScripted(fresh.db, w, 'S', { callsAtOnce: 4 })) };
}

const ones = (count: number) => Array.from({ length: count }, () => 1);
const statesOf = (ids: readonly string[]) => Promise.all(ids.map(async (id) => (await orderOf(fresh, id)).state));
/** Open attempts that nobody will look at within the longest pause, and that no person knows of. */
const forgotten = (networkId: string) =>
  fresh.sql(
    `SELECT id, state, due_at, outcome_reason FROM purchase_attempt WHERE network_id = $1 AND state IN ('PLANNED', 'SENT', 'UNKNOWN')
       AND (due_at IS NULL OR due_at > $2::timestamptz + interval '360 seconds') AND attention_since IS NULL`,
    [networkId, clock.now()],
  );

describe('an order that waits', () => {
  test('is looked at within six minutes whatever its upstream did, and is settled or with a person a quarter of an hour after', async () => {
    const { w, s, ground, accountId } = await scene();
    const chance = seededChance(7);
    const answers = [
      () => timedOut,
      () => ({ kind: 'PENDING', upstreamRef: null }) as const,
      () => refused('NOT_SENT'),
      () => ({ kind: 'NOT_FOUND' }) as const,
    ];
    const drawn = () => (answers[Math.floor(chance() * answers.length)] ?? (() => timedOut))();
    s.onPurchase = drawn;
    s.onQuestion = drawn;
    const orderIds = await orderCards(fresh.db, w, ones(8));
    const runner = runnerOf({ ...ground, chance: () => 0.999 });
    for (let round = 0; round < 30; round += 1) {
      await workOff(runner);
      // now and then a worker dies after it has taken what was due
      if (round % 5 === 2) await claimAttempts(ground, w.networkId, [{ accountId, tally: NO_CALLS }], 4);
      expect(await forgotten(w.networkId)).toEqual([]);
      clock.advance(round < 10 ? 7_000 : 171_000);
    }
    s.onQuestion = () => timedOut;
    s.onPurchase = () => timedOut;
    await workOffFor(runner, clock, 900, 90);
    const states = await statesOf(orderIds);
    expect(states.filter((state) => state === 'HELD' || state === 'SOURCING')).toEqual([]);
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('is told to a person after a quarter of an hour also where its upstream is left alone and nobody asks', async () => {
    const { w, s, ground } = await scene();
    s.onPurchase = () => timedOut;
    s.onQuestion = () => timedOut;
    const orderIds = await orderCards(fresh.db, w, ones(8));
    const runner = runnerOf(ground);
    await workOff(runner);
    const sent = s.purchases.length;
    await workOffFor(runner, clock, 870, 30);
    expect(await statesOf(orderIds)).not.toContain('NEEDS_ATTENTION');
    const asked = s.questions.length;
    await workOffFor(runner, clock, 60, 10);
    expect((await statesOf(orderIds)).filter((state) => state === 'NEEDS_ATTENTION')).toHaveLength(sent);
    // the breaker is open: it was not asked so often that each of them could have been found out
    expect(s.questions.length - asked).toBeLessThan(sent);
    s.onQuestion = sold;
    await workOffFor(runner, clock, 400, 20);
    expect((await statesOf(orderIds)).filter((state) => state === 'DELIVERED')).toHaveLength(sent);
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('is asked for again at once when it was called back while it was being asked for', async () => {
    const { w, s, ground, accountId, token } = await scene();
    const upstreams = createUpstreams({ outgoing: createOutgoing({ allowedHosts: [] }), clock: clock.now }, null);
    s.onPurchase = async ({ requestKey }) => {
      const body = new URLSearchParams({ external_orderno: requestKey }).toString();
      const request = {
        method: 'POST',
        query: {},
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
        clientAddress: null,
      };
      await receiveCallback({ db: fresh.db, vault: testVault, upstreams }, { networkId: w.networkId, accountId, token }, request);
      return { kind: 'PENDING', upstreamRef: null };
    };
    const [orderId = ''] = await orderCards(fresh.db, w, [1]);
    await workOff(runnerOf(ground));
    expect(s.questions).toHaveLength(1);
    expect((await orderOf(fresh, orderId)).state).toBe('DELIVERED');
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });
});

describe('what went over the wire', () => {
  const left = async (attemptId: string) => ({
    steps: await fresh.sql('SELECT outcome, wire IS NOT NULL AS has_wire FROM purchase_step WHERE attempt_id = $1 ORDER BY id', [
      attemptId,
    ]),
    callbacks: (await fresh.sql('SELECT FROM supply_callback WHERE attempt_id = $1', [attemptId])).length,
  });
  const called = (networkId: string, accountId: string, attemptId: string) =>
    fresh.sql(
      `INSERT INTO supply_callback (network_id, id, account_id, attempt_id, raw, data_key, vault_key_id, created_at) VALUES ($1, $2, $3, $4, '\\x00', '\\x00', 'v', $5)`,
      [networkId, fresh.db.newId(), accountId, attemptId, clock.now()],
    );

  test('goes ninety days after a purchase was settled, its log’s lines stay, and all of one that a person has to decide', async () => {
    const { w, s, ground, accountId } = await scene();
    s.onPurchase = () => timedOut;
    const runner = runnerOf(ground);
    const [settledId = ''] = await orderCards(fresh.db, w, [1]);
    await workOff(runner);
    await workOffFor(runner, clock, 4);
    s.onPurchase = () => ({ kind: 'ALREADY_SENT', upstreamRef: null });
    const [askedId = ''] = await orderCards(fresh.db, w, [1]);
    await workOff(runner);
    const [settled, asked] = [(await attemptsOf(fresh, settledId))[0]?.id ?? '', (await attemptsOf(fresh, askedId))[0]?.id ?? ''];
    await called(w.networkId, accountId, settled);
    await called(w.networkId, accountId, asked);
    clock.advance(89 * 86_400_000);
    await prunePurchaseLogs(fresh.db, 90);
    expect(await left(settled)).toMatchObject({ steps: [{ has_wire: true }, { has_wire: true }], callbacks: 1 });
    clock.advance(2 * 86_400_000);
    await prunePurchaseLogs(fresh.db, 90);
    expect(await left(settled)).toEqual({
      steps: [
        { outcome: 'UNKNOWN', has_wire: false },
        { outcome: 'SUCCEEDED', has_wire: false },
      ],
      callbacks: 0,
    });
    expect(await left(asked)).toEqual({ steps: [{ outcome: 'ALREADY_SENT', has_wire: true }], callbacks: 1 });
    expect(await prunePurchaseLogs(fresh.db, 90)).toBe(0);
    expect(await orderOf(fresh, settledId)).toMatchObject({ state: 'DELIVERED', key_count: 1 });
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });
});
