import { ROLL_UP_BATCH, rebuildRollUps, rollUpNext } from '#server/analytics/commands.ts';
import { type RollUpKind, readCountedTo, readNetworksBehind } from '#server/analytics/sql.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { startLoop } from '#server/platform/loop.ts';
import { createPace, type Pace } from './pace.ts';
import type { EventConsumer } from './prune.ts';

// Of stations: short enough that with the relay's own poll no overview is staler than a second, long enough that under load a
// batch shares the rows that every order touches. Of goods: the more orders a batch holds, the fewer rows an order costs.
// Of purchases: routing goes by them, and they are few.
const EVERY_MILLISECONDS: Record<RollUpKind, number> = { STATIONS: 300, GOODS: 5_000, SUPPLY: 1_000 };
const AFTER_FAILURE_MILLISECONDS = 1_500;
/** Nobody waits for figures of goods, and orders share the machine with them: of five seconds of sales they would take a core for half of one. */
const GOODS_SHARE = 0.25;
const GOODS_BURST_MILLISECONDS = 50;
const atOnce: Pace = (work) => work();

/** The consumer that keeps the roll-ups. */
export type RollUps = { stop(): Promise<void> };

/** Of the events, what none of the roll-ups has still to count may be taken away. */
export const rollUpConsumer: EventConsumer = { name: 'roll-ups', consumedTo: readCountedTo };

/**
 * Counts numbered events into the roll-ups, those of stations, of goods and of purchases each at their own pace. Any number of
 * processes may run it: whoever finds a network's position locked leaves that network to the other, and what a dead one left
 * is counted from the position that it committed.
 */
export function startRollUps(db: Database, log: Log): RollUps {
  const paces: Record<RollUpKind, Pace> = {
    STATIONS: atOnce,
    GOODS: createPace({ share: GOODS_SHARE, burstMilliseconds: GOODS_BURST_MILLISECONDS }),
    SUPPLY: atOnce,
  };
  const loops = (['STATIONS', 'GOODS', 'SUPPLY'] as const).map((kind) =>
    startLoop(log, {
      subject: `the counting of volumes (${kind})`,
      round: async (stopping) => {
        await rollUpKind(db, kind, paces[kind], stopping);
        return false;
      },
      pollMilliseconds: EVERY_MILLISECONDS[kind],
      afterFailureMilliseconds: AFTER_FAILURE_MILLISECONDS + EVERY_MILLISECONDS[kind],
    }),
  );
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

/** Counts everything that is numbered and not counted; resolves to how many events the stations' roll-ups passed. */
export async function rollUpOnce(db: Database): Promise<number> {
  const passed = await rollUpKind(db, 'STATIONS');
  await rollUpKind(db, 'GOODS');
  await rollUpKind(db, 'SUPPLY');
  return passed;
}

/**
 * Makes a network's roll-ups again from its orders, refunds, postings and purchase attempts, also while servers run: one transaction for each
 * kind, during which orders go on, readers see the old figures, and these roll-ups alone are not counted further.
 */
export async function rebuildNetwork(db: Database, networkId: string): Promise<void> {
  await inTransaction(db, (tx) => rebuildRollUps(tx, networkId, 'STATIONS'));
  await inTransaction(db, (tx) => rebuildRollUps(tx, networkId, 'GOODS'));
  await inTransaction(db, (tx) => rebuildRollUps(tx, networkId, 'SUPPLY'));
}

async function rollUpKind(db: Database, kind: RollUpKind, pace: Pace = atOnce, signal?: AbortSignal): Promise<number> {
  let count = 0;
  const failures: unknown[] = [];
  for (const networkId of await readNetworksBehind(db.pool, kind)) {
    try {
      count += await rollUpNetwork(db, networkId, { kind, pace, signal });
    } catch (error) {
      // the other networks do not wait for one that fails
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return count;
}

type Counting = { readonly kind: RollUpKind; readonly pace: Pace; readonly signal: AbortSignal | undefined };

/**
 * Counts a network until what was there is counted, and no longer: while orders come in there is always something more, and to go on at
 * once would count a handful at a time, each with the rows that a whole interval's orders share.
 */
async function rollUpNetwork(db: Database, networkId: string, { kind, pace, signal }: Counting): Promise<number> {
  for (let count = 0; ; ) {
    if (signal?.aborted) return count;
    const passed = await pace(() => inTransaction(db, (tx) => rollUpNext(tx, networkId, kind)));
    count += passed;
    if (passed < ROLL_UP_BATCH[kind]) return count;
  }
}
