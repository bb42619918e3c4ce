import pg from 'pg';
import { type Database, run, statement } from './database.ts';
import type { Log } from './log.ts';
import { startLoop } from './loop.ts';

const LOOK_MILLISECONDS = 1_000;
/** With so many rows, PostgreSQL tells the primary key from an index that holds all rows of a network. */
const ORDERS_ENOUGH = 100;

type FirstStatistics = 'NOT_YET' | 'GATHERED' | 'KNOWN';

// The orders are counted by any index, to a hundred.
const look = statement<{ known: boolean; enough: boolean }>(
  'platform.firstStatistics',
  `SELECT c.reltuples >= $1 AS known, (SELECT count(*) FROM (SELECT FROM orders LIMIT $1) AS counted) = $1 AS enough
   FROM pg_class c WHERE c.oid = 'orders'::regclass`,
);

/**
 * Gathers PostgreSQL's statistics once, as soon as a new database has a hundred orders. While a table is known as empty, any index of
 * a network looks as cheap as the primary key, and each check of a foreign key reads all orders placed so far; autovacuum comes a minute
 * later, when 250 orders a second have become 100. Any number of processes may do it.
 */
export function startFirstStatistics(db: Database, ownerUrl: string, log: Log): { stop(): Promise<void> } {
  let isOver = false;
  return startLoop(log, {
    subject: 'gathering the first statistics',
    pollMilliseconds: LOOK_MILLISECONDS,
    round: async () => {
      if (!isOver) isOver = (await gatherFirstStatistics(db, ownerUrl)) !== 'NOT_YET';
      return false;
    },
  });
}

/** One look, as the owner of the tables where they are to be read through. */
export async function gatherFirstStatistics(db: Database, ownerUrl: string): Promise<FirstStatistics> {
  const [seen] = await run(db.pool, look, [ORDERS_ENOUGH]);
  if (seen?.known === true) return 'KNOWN';
  if (seen?.enough !== true) return 'NOT_YET';
  await gatherStatistics(ownerUrl);
  return 'GATHERED';
}

/** Gathers the statistics of all tables, as their owner. Each table's are kept as they come: what a kill leaves out, autovacuum gathers. */
export async function gatherStatistics(ownerUrl: string): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await owner.query('ANALYZE');
  } finally {
    await owner.end();
  }
}
