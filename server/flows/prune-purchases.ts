import { type Database, run, type Statement } from '#server/platform/database.ts';
import { firstIdAt } from '#server/platform/ids.ts';
import { networksOfAccounts, pruneCallbacks, pruneWires } from '#server/purchases/sql.ts';

const BATCH = 2_000;
/** Batches of one network and kind in a row: a long backlog is taken away in steps. */
const BATCHES_IN_A_ROW = 50;

/**
 * Takes away what went over the wire for purchases, and callbacks, `days` after their attempts were settled: never of one that is still
 * asked for or waits for a person. The attempts and the lines of their logs stay, with what it cost and what came of it. Answers how many rows went.
 */
export async function prunePurchaseLogs(db: Database, days: number): Promise<number> {
  const before = new Date(db.clock().getTime() - days * 86_400_000);
  let sum = 0;
  for (const { network_id } of await run(db.pool, networksOfAccounts, []))
    for (const kind of [pruneCallbacks, pruneWires]) sum += await inSteps(db, kind, [network_id, firstIdAt(before), before, BATCH]);
  return sum;
}

async function inSteps(db: Database, kind: Statement<{ count: number }>, values: readonly unknown[]): Promise<number> {
  let sum = 0;
  for (let batch = 1; batch <= BATCHES_IN_A_ROW; batch += 1) {
    const count = (await run(db.pool, kind, values))[0]?.count ?? 0;
    sum += count;
    if (count < BATCH) break;
  }
  return sum;
}
