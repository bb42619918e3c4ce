import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditLedger } from '#server/ledger/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { beyondCap } from '#server/purchases/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { openScripted, orderCards, runnerOf, scriptedGround, sourcedWorld, workOff } from '#test/support/purchases.ts';
import { refused, scriptedUpstream, sold } from '#test/support/scripted-upstream.ts';

// ten in the evening of 22 November in Shanghai
const clock = controllableClock(new Date('2026-11-22T14:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now, poolSize: 30 });
});
afterAll(() => fresh.drop());

/** S sells at 46.00, `dailyCap` units a day; T, where there is one, at 48.00 without a cap. */
async function scene({ dailyCap, withT }: { readonly dailyCap: number; readonly withT: boolean }) {
  await fresh.sql('UPDATE purchase_attempt SET due_at = NULL');
  const w = await sourcedWorld(fresh.db);
  const s = scriptedUpstream('KASUSHOU_V2', { callsAtOnceMax: 32 });
  const t = scriptedUpstream('DUJIAO_NEXT', { callsAtOnceMax: 32 });
  await openScripted(fresh.db, w, 'S', { callsAtOnce: 32, dailyCap });
  if (withT) await openScripted(fresh.db, w, 'T', { callsAtOnce: 32 });
  const ground = scriptedGround(fresh.db, s, t);
  const unitsOf = ({ purchases }: typeof s) => purchases.reduce((sum, { quantity }) => sum + quantity, 0);
  const states = async () => {
    const rows = await fresh.sql<{ state: string; count: number }>(
      'SELECT state::text, count(*)::int AS count FROM orders WHERE network_id = $1 GROUP BY state',
      [w.networkId],
    );
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  };
  return { w, s, t, ground, unitsOf, states };
}

type Scene = Awaited<ReturnType<typeof scene>>;

/** Two processes take and send at the same time, until nothing is due. */
async function workOffByTwo({ ground }: Scene): Promise<void> {
  await Promise.all([workOff(runnerOf(ground)), workOff(runnerOf(ground))]);
  await workOff(runnerOf(ground));
}

const orderedAtOnce = (here: Scene, count: number, quantity = 1) =>
  Promise.all(Array.from({ length: count }, () => orderCards(fresh.db, here.w, [quantity])));

describe('orders of one instant and a cap of ten a day', () => {
  test('are sixty: ten are bought there and fifty of the next supplier, by whichever process', async () => {
    const here = await scene({ dailyCap: 10, withT: true });
    await orderedAtOnce(here, 60);
    await workOffByTwo(here);
    expect([here.unitsOf(here.s), here.unitsOf(here.t)]).toEqual([10, 50]);
    expect(await here.states()).toEqual({ DELIVERED: 60 });
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('without another supplier deliver ten, and the money of the others is free', async () => {
    const here = await scene({ dailyCap: 10, withT: false });
    const placed = (await Promise.allSettled(Array.from({ length: 20 }, () => orderCards(fresh.db, here.w, [1])))).filter(
      ({ status }) => status === 'fulfilled',
    ).length;
    expect(placed).toBeGreaterThanOrEqual(10);
    await workOffByTwo(here);
    expect(here.unitsOf(here.s)).toBe(10);
    expect(await here.states()).toEqual(placed === 10 ? { DELIVERED: 10 } : { DELIVERED: 10, FAILED: placed - 10 });
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });
});

test('a cap that is lowered while purchases wait holds for them as well; the next day counts anew', async () => {
  const here = await scene({ dailyCap: 100, withT: false });
  await orderedAtOnce(here, 8, 2);
  await fresh.sql('UPDATE supply_offer SET daily_cap = 5 WHERE network_id = $1', [here.w.networkId]);
  await workOffByTwo(here);
  expect(here.unitsOf(here.s)).toBe(4);
  // past midnight in Shanghai
  clock.advance(3 * 3_600_000);
  await orderedAtOnce(here, 1, 5);
  await workOffByTwo(here);
  expect(here.unitsOf(here.s)).toBe(9);
  expect(await here.states()).toEqual({ DELIVERED: 3, FAILED: 6 });
  expect(await auditLedger(fresh.db.pool)).toEqual([]);
});

test('what a supplier refuses does not count: the next may have it', async () => {
  const here = await scene({ dailyCap: 3, withT: false });
  here.s.onPurchase = () => refused('OUT_OF_STOCK');
  await orderedAtOnce(here, 1, 3);
  await workOffByTwo(here);
  here.s.onPurchase = sold;
  await orderedAtOnce(here, 1, 3);
  await workOffByTwo(here);
  expect(await here.states()).toEqual({ DELIVERED: 1, FAILED: 1 });
  expect(await auditLedger(fresh.db.pool)).toEqual([]);
});

test('what is left goes to the first that fit, in their order', () => {
  const of = (id: string, quantity: number, pool = 'a') => ({ id, pool, quantity, left: 5 });
  expect(beyondCap([of('1', 3), of('2', 3), of('3', 2), of('4', 1), of('5', 5, 'b')])).toEqual(['2', '4']);
  expect(beyondCap([{ id: '1', pool: 'a', quantity: 1, left: -2 }])).toEqual(['1']);
});
