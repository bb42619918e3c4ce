import { inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { changeAttempts, planAttempts, writeSteps } from '#server/purchases/commands.ts';
import { FILL_WITHIN_SECONDS } from '#server/purchases/rules.ts';
import { lockWaiting, postponeWaiting, selectStandstill, type WaitingAttemptRow } from '#server/purchases/sql.ts';
import { planNext } from './purchase-failover.ts';
import type { AccountPlace, PurchaseGround } from './purchase-ground.ts';
import { settleLines } from './settle-lines.ts';
import { NO_SUPPLIER } from './settle-purchases.ts';

/** An account whose eldest call is under way for so long, and that has answered nothing meanwhile, stands still. */
const STANDSTILL_MILLISECONDS = 1_000;
const BATCH = 100;
const TRIES_MAX = { BROKEN: 1_000_000, STANDS_STILL: 2 } as const;
/** Who found no other offer looks again after this. */
const LOOK_AGAIN_MILLISECONDS = 1_000;

/** Whether nothing comes back from an account any more, though its breaker does not know it yet: calls that hang have not failed. */
export async function standsStill({ db }: PurchaseGround, { networkId, accountId }: AccountPlace): Promise<boolean> {
  const [row] = await run(db.pool, selectStandstill, [networkId, accountId]);
  const since = db.clock().getTime() - STANDSTILL_MILLISECONDS;
  return row?.eldest_call != null && row.eldest_call.getTime() <= since && (row.last_success_at?.getTime() ?? 0) <= since;
}

/**
 * Attempts that wait to be sent to an account that takes nothing now go elsewhere: nothing of them was sent, so each is REJECTED and
 * another offer is planned in the same commit. Where there is no other, they wait for the account, until the line is too old; what was
 * to go into stock is given up then as well. An account that only stands still is left a few times: where all are slow, moving about
 * helps nobody. Answers how many moved.
 */
export async function rerouteWaiting(
  ground: PurchaseGround,
  { networkId, accountId }: AccountPlace,
  why: 'BROKEN' | 'STANDS_STILL',
): Promise<number> {
  return inTransaction(ground.db, async (tx) => {
    const waiting = await run(tx, lockWaiting, [networkId, accountId, tx.now, BATCH, TRIES_MAX[why]]);
    const ofOrders = waiting.filter(({ purpose }) => purpose === 'ORDER').map((row) => ({ row, reason: REASON }));
    const tries = await planNext(tx, networkId, ofOrders, { elsewhere: true, chance: ground.chance });
    const given = waiting.filter((row) => row.purpose !== 'ORDER' && isOld(tx, row));
    const over = tries.filter(({ isOver }) => isOver).map(({ row }) => row);
    const moved = tries.filter(({ next }) => next !== null);
    const ended = [...moved.map(({ row }) => row), ...over, ...given];
    const endedIds = new Set(ended.map(({ id }) => id));
    const stay = waiting.filter(({ id }) => !endedIds.has(id)).map(({ id }) => id);
    const lookAgainAt = new Date(tx.now.getTime() + LOOK_AGAIN_MILLISECONDS);
    await settleLines(
      tx,
      networkId,
      over.map(({ line_id }) => ({ kind: 'FAIL', lineId: line_id ?? '', reason: NO_SUPPLIER })),
    );
    if (stay.length > 0) await run(tx, postponeWaiting, [networkId, stay, lookAgainAt, tx.now]);
    await changeAttempts(
      tx,
      networkId,
      ended.map(({ id }) => ({ id, state: 'REJECTED', reason: REASON })),
    );
    await planAttempts(
      tx,
      networkId,
      moved.flatMap(({ next }) => next ?? []),
    );
    await writeSteps(
      tx,
      networkId,
      ended.map(({ id }) => ({ attemptId: id, kind: 'DECIDED', outcome: REASON })),
    );
    await writeEvents(
      tx,
      ended.map((row) => settledEvent(networkId, row)),
    );
    return ended.length;
  });
}

/** Nothing was sent: the account is switched off, its breaker is open, or it stands still. */
const REASON = 'ACCOUNT_BROKEN';

function isOld(tx: Transaction, { created_at }: WaitingAttemptRow): boolean {
  return tx.now.getTime() - created_at.getTime() >= FILL_WITHIN_SECONDS * 1000;
}

function settledEvent(networkId: string, row: WaitingAttemptRow) {
  const data = { attemptId: row.id, orderId: row.order_id, skuId: row.sku_id, purpose: row.purpose, state: 'REJECTED' };
  return { networkId, topic: 'purchase.settled' as const, subjectId: row.id, audience: [row.owner_id], data };
}
