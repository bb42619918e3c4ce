import type { Transaction } from '#server/platform/database.ts';
import { currencyCode, currencyDecimals } from '#server/platform/money.ts';
import { countEvents, countEverything, lockPosition, movePosition, openPositions, type PositionRow, type RollUpKind } from './sql.ts';

/**
 * Events that one transaction counts at most; who counted fewer has caught up. Those of goods come seldom and then many, and each costs
 * as much among many as among few: no more than take some twenty milliseconds, in which orders have to do with what a processor is left.
 */
export const ROLL_UP_BATCH: Readonly<Record<RollUpKind, number>> = { STATIONS: 5_000, GOODS: 200, SUPPLY: 20_000 };

/**
 * Counts the next batch of a network's numbered events and moves the position of these roll-ups in the same transaction, so
 * every event counts exactly once whatever dies. Resolves to how many events were passed; 0 also when another process is at
 * it. A network whose roll-ups are wanted anew is counted from its orders first.
 */
export async function rollUpNext(tx: Transaction, networkId: string, kind: RollUpKind): Promise<number> {
  const position = await openPosition(tx, networkId, kind);
  if (position === null) return 0;
  const { last_seq: after, next_seq: upTo, currency } = position;
  const decimals = currencyDecimals(currencyCode(currency));
  if (position.rebuild_wanted) await countEverything(tx, kind, { networkId, after, decimals });
  if (upTo > after) await countEvents(tx, kind, { networkId, after, upTo, decimals });
  if (upTo > after || position.rebuild_wanted) await movePosition(tx, networkId, kind, upTo > after ? upTo : after);
  return upTo > after ? Number(upTo - after) : 0;
}

/** The position, locked; null when another process holds it. The rows are made when there is nothing to lock, for a network's first event. */
async function openPosition(tx: Transaction, networkId: string, kind: RollUpKind): Promise<PositionRow | null> {
  const lock = () => lockPosition(tx, { networkId, kind, batch: ROLL_UP_BATCH[kind], wait: false });
  const position = await lock();
  if (position !== null) return position;
  await openPositions(tx, networkId);
  return lock();
}

/**
 * Makes a network's roll-ups of a kind again from orders, refunds and postings, up to the event that they have counted; what
 * comes after is counted by the consumer as ever. One transaction that holds the position: orders do not wait, readers see
 * the old rows until it commits, and counting of these roll-ups pauses for as long.
 */
export async function rebuildRollUps(tx: Transaction, networkId: string, kind: RollUpKind): Promise<void> {
  await openPositions(tx, networkId);
  const position = await lockPosition(tx, { networkId, kind, batch: 0, wait: true });
  if (position === null) throw new Error(`network ${networkId} has no roll-ups`);
  const { last_seq: after, currency } = position;
  await countEverything(tx, kind, { networkId, after, decimals: currencyDecimals(currencyCode(currency)) });
  await movePosition(tx, networkId, kind, after);
}
