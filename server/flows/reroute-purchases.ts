import { inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { changeAttempts, planAttempts, writeSteps } from '#server/purchases/commands.ts';
import { FILL_WITHIN_SECONDS } from '#server/purchases/rules.ts';
import { lockWaiting, postponeWaiting, selectBusy, selectStandstill, type WaitingAttemptRow } from '#server/purchases/sql.ts';
import { type NextTry, planNext } from './purchase-failover.ts';
import type { AccountPlace, PurchaseGround } from './purchase-ground.ts';
import { settleLines } from './settle-lines.ts';
import { NO_SUPPLIER } from './settle-purchases.ts';
import { tellUnasked } from './tell-unasked.ts';

/** An account whose eldest call is under way for so long, and that has answered nothing meanwhile, stands still. */
const STANDSTILL_MILLISECONDS = 1_000;
const BATCH = 100;
/** A line that only stands still is moved twice; one whose accounts break one after the other so often, then it waits for the one it is at. */
const TRIES_MAX = { BROKEN: 12, STANDS_STILL: 2 } as const;
/** Who found no other offer looks again after this. */
const LOOK_AGAIN_MILLISECONDS = 1_000;

/** Why what waits at an account is moved. One that only stands still: to these accounts alone, so many as can be called there at once. */
export type MovingReason = { readonly kind: 'BROKEN' } | { readonly kind: 'STANDS_STILL'; readonly room: Room };

/** Where calls are free, and how many in all. */
export type Room = { readonly accountIds: ReadonlySet<string>; readonly callCount: number };

/**
 * Whether nothing comes back from an account any more, though its breaker does not know it yet: calls that hang have not failed. Answers
 * where there is room for what waits; null while it is well, or where all are as busy: moving about would help nobody.
 */
export async function standsStill({ db, upstreams }: PurchaseGround, { networkId, accountId }: AccountPlace): Promise<Room | null> {
  const since = db.clock().getTime() - STANDSTILL_MILLISECONDS;
  const [row] = await run(db.pool, selectStandstill, [networkId, accountId]);
  const isStill = row?.eldest_call != null && row.eldest_call.getTime() <= since && (row.last_success_at?.getTime() ?? 0) <= since;
  if (!isStill) return null;
  const others = await run(db.pool, selectBusy, [networkId, accountId]);
  const free = others.map(({ id, kind, calls_at_once, busy_count }) => {
    return { id, count: Math.min(calls_at_once, upstreams.connectorOf(kind).abilities.callsAtOnceMax) - busy_count };
  });
  const roomy = free.filter(({ count }) => count > 0);
  if (roomy.length === 0) return null;
  return { accountIds: new Set(roomy.map(({ id }) => id)), callCount: roomy.reduce((sum, { count }) => sum + count, 0) };
}

/**
 * Attempts that wait to be sent to an account that takes nothing now go elsewhere: nothing of them was sent, so each is REJECTED and
 * another offer is planned in the same commit. Where there is no other, or they were moved often enough, they wait for the account until
 * the line is too old; what was to go into stock is given up then as well. What was sent there and cannot be asked for is told to a
 * person in its time. Answers how many moved or ended.
 */
export async function rerouteWaiting(ground: PurchaseGround, place: AccountPlace, why: MovingReason): Promise<number> {
  const { networkId, accountId } = place;
  return inTransaction(
    ground.db,
    async (tx) => {
      if (why.kind === 'BROKEN') await tellUnasked(tx, place);
      const [most, triesMax] =
        why.kind === 'BROKEN' ? [BATCH, TRIES_UNBOUNDED] : [Math.min(BATCH, why.room.callCount), TRIES_MAX[why.kind]];
      const waiting = await run(tx, lockWaiting, [networkId, accountId, tx.now, most, triesMax]);
      if (waiting.length === 0) return 0;
      const { moved, over } = await planElsewhere(tx, ground, { networkId, waiting, why });
      const movedIds = new Set(moved.map(({ row }) => row.id));
      const ended = [...moved.map(({ row }) => row), ...over];
      const endedIds = new Set(ended.map(({ id }) => id));
      const stay = waiting.filter(({ id }) => !endedIds.has(id)).map(({ id }) => id);
      await settleLines(
        tx,
        networkId,
        over.flatMap(({ id, line_id }) =>
          line_id === null || movedIds.has(id) ? [] : [{ kind: 'FAIL', lineId: line_id, reason: NO_SUPPLIER }],
        ),
      );
      const lookAgainAt = new Date(tx.now.getTime() + LOOK_AGAIN_MILLISECONDS);
      if (stay.length > 0 && why.kind === 'BROKEN') await run(tx, postponeWaiting, [networkId, stay, lookAgainAt, tx.now]);
      await writeEnded(tx, networkId, { ended, moved, reason: REASON });
      return ended.length;
    },
    { settledPlans: true },
  );
}

type Moving = { readonly networkId: string; readonly waiting: readonly WaitingAttemptRow[]; readonly why: MovingReason };

/** Which of those that wait go elsewhere, and which are given up. */
async function planElsewhere(tx: Transaction, ground: PurchaseGround, { networkId, waiting, why }: Moving) {
  const isMovable = (row: WaitingAttemptRow) => row.purpose === 'ORDER' && row.attempt_number <= TRIES_MAX[why.kind];
  const movable = waiting.filter(isMovable).map((row) => ({ row, reason: REASON }));
  const elsewhere = why.kind === 'BROKEN' ? 'ANYWHERE' : why.room.accountIds;
  const tries = await planNext(tx, networkId, movable, { elsewhere, chance: ground.chance });
  const moved = tries.filter(({ next }) => next !== null);
  const given = waiting.filter((row) => !isMovable(row) && isOld(tx, row));
  return { moved, over: [...tries.filter(({ isOver }) => isOver).map(({ row }) => row), ...given] };
}

/** Attempts of which nothing was sent, and what is tried in their place. */
export type EndedUnsent = { readonly ended: readonly WaitingAttemptRow[]; readonly moved: readonly NextTry[]; readonly reason: string };

/** Writes down that attempts, whose rows are locked, lead nowhere, and plans what is tried in their place. */
export async function writeEnded(tx: Transaction, networkId: string, { ended, moved, reason }: EndedUnsent): Promise<void> {
  await changeAttempts(
    tx,
    networkId,
    ended.map(({ id }) => ({ id, state: 'REJECTED', reason })),
  );
  await Promise.all([
    planAttempts(
      tx,
      networkId,
      moved.flatMap(({ next }) => next ?? []),
    ),
    writeSteps(
      tx,
      networkId,
      ended.map(({ id }) => ({ attemptId: id, kind: 'DECIDED', outcome: reason })),
    ),
    writeEvents(
      tx,
      ended.map((row) => settledEvent(networkId, row)),
    ),
  ]);
}

/** Nothing was sent: the account is switched off, its breaker is open, or it stands still. */
const REASON = 'ACCOUNT_BROKEN';

const TRIES_UNBOUNDED = 1_000_000;

function isOld(tx: Transaction, { created_at }: WaitingAttemptRow): boolean {
  return tx.now.getTime() - created_at.getTime() >= FILL_WITHIN_SECONDS * 1000;
}

function settledEvent(networkId: string, row: WaitingAttemptRow) {
  const data = { attemptId: row.id, orderId: row.order_id, skuId: row.sku_id, purpose: row.purpose, state: 'REJECTED' };
  return { networkId, topic: 'purchase.settled' as const, subjectId: row.id, audience: [row.owner_id], data };
}
