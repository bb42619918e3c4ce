import { rebuildNetwork } from '#server/live/roll-ups.ts';
import type { Database } from '#server/platform/database.ts';
import type { Shop } from './arrange.ts';
import { send } from './arrange-goods.ts';
import { findBrokenKeys } from './foreign-keys.ts';
import { readModels } from './past-models.ts';
import { chunkStatements, groundStatements, settlingStatements } from './past-sql.ts';

// Orders of the past, in the rows that placing them one by one would have left: prices, hops and postings are those of orders that
// the server has just placed (one for each kind of SKU), buyers and SKUs are drawn uniformly, times lie evenly over the days.

/** Orders written by one statement a table. */
const CHUNK = 20_000;
const SESSIONS = 2;
/** Events are kept so long (server/main.ts): older ones have been removed. */
const EVENT_DAYS = 7;

/** How many orders, over how many days until now. */
export interface Past {
  readonly orders: number;
  readonly days: number;
}

/**
 * Writes the past of a shop in which the server has placed an order of every kind of SKU (`readModels`). Checks and unique keys hold
 * for every row as it is written; foreign keys are not looked up row by row but by one join for each afterwards, which throws.
 */
export async function writePast(db: Database, shop: Shop, { orders, days }: Past, say: (progress: string) => void): Promise<void> {
  const models = await readModels(db, shop.networkId);
  for (const text of groundStatements(shop, models)) await send(db.pool, text, []);
  const chunks = Array.from({ length: Math.ceil(orders / CHUNK) }, (_, index) => index);
  let written = 0;
  const session = async () => {
    const client = await db.pool.connect();
    try {
      await client.query('SET session_replication_role = replica');
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
        const first = chunk * CHUNK + 1;
        const last = Math.min(orders, first + CHUNK - 1);
        await client.query('BEGIN');
        for (const text of chunkStatements({ networkId: shop.networkId, first, last, orders, days, eventDays: EVENT_DAYS }))
          await client.query(text);
        await client.query('COMMIT');
        written += last - first + 1;
        if (written % (5 * CHUNK) === 0 || written === orders) say(`${written} of ${orders} past orders`);
      }
    } finally {
      // a connection that looks up no foreign keys is nobody else's
      client.release(true);
    }
  };
  await Promise.all(Array.from({ length: SESSIONS }, session));
  say('balances, and every foreign key by a join');
  for (const text of settlingStatements) await send(db.pool, text, text.includes('$2') ? [shop.networkId, 2 * orders] : [shop.networkId]);
  await send(db.pool, 'DROP SCHEMA past CASCADE', []);
  const broken = await findBrokenKeys(db);
  if (broken.length > 0) throw new Error(`the past breaks foreign keys: ${broken.join('; ')}`);
  say('roll-ups');
  await rebuildNetwork(db, shop.networkId);
}
