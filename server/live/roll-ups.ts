import { rollUpNext } from '#server/analytics/commands.ts';
import { readNetworksBehind } from '#server/analytics/sql.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';

// Short enough that with the relay's own poll nothing is staler than a second, long enough that under load a batch shares
// the rows that every order touches.
const POLL_MILLISECONDS = 300;

/** The consumer that keeps the roll-ups. */
export type RollUps = { stop(): Promise<void> };

/**
 * Counts numbered events into the roll-ups. Any number of processes may run it: whoever finds a network's position locked
 * leaves that network to the other, and what a dead one left is counted from the position that it committed.
 */
export function startRollUps(db: Database, log: Log): RollUps {
  const stopping = new AbortController();
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await pause(POLL_MILLISECONDS, stopping.signal);
      try {
        await rollUpOnce(db);
      } catch (error) {
        // the position stands where it stood: the next round counts the same events
        log.error({ err: error }, 'the roll-ups failed a round');
        await pause(POLL_MILLISECONDS * 5, stopping.signal);
      }
    }
  };
  const ended = loop();
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

/** Counts everything that is numbered and not counted, network by network; resolves to how many events were passed. */
export async function rollUpOnce(db: Database): Promise<number> {
  let count = 0;
  for (const networkId of await readNetworksBehind(db.pool)) {
    for (;;) {
      const passed = await inTransaction(db, (tx) => rollUpNext(tx, networkId));
      if (passed === 0) break;
      count += passed;
    }
  }
  return count;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
