import { applyConditions } from '#server/alerts/commands.ts';
import type { Condition } from '#server/alerts/rules.ts';
import { selectLiveAlertsOfKind } from '#server/alerts/sql.ts';
import { selectNetworkDays } from '#server/network/sql.ts';
import { addDays, localDate } from '#server/platform/clock.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import { expireKeys, selectExpiringStock } from '#server/stock/sql.ts';

const BATCH = 5_000;
const POLL_MILLISECONDS = 60_000;
const ROUND_MILLISECONDS = 3_600_000;

/**
 * Once an hour, and so within the first hour of each network's local day: marks card keys whose day has passed, and tells owners of
 * those that will expire within `warningDays`. Any number of processes may run it: each key is marked once, each cause told once.
 */
export function startExpiryWorker(db: Database, log: Log, warningDays: number): Loop {
  let next = 0;
  return startLoop(log, {
    subject: 'the expiry of card keys',
    round: async () => {
      const now = db.clock().getTime();
      if (now < next) return false;
      await expireCardKeys(db, warningDays);
      next = now + ROUND_MILLISECONDS;
      return false;
    },
    pollMilliseconds: POLL_MILLISECONDS,
  });
}

/**
 * Marks keys for sale whose last day is over as EXPIRED (domain §6), some thousands to a transaction, and brings STOCK_EXPIRING up to
 * date, in all networks. An expired key is not sold before it is marked either: a sale looks at its day. Resolves to how many were marked.
 */
export async function expireCardKeys(db: Database, warningDays: number): Promise<number> {
  let count = 0;
  for (const { id: networkId, time_zone: timeZone } of await selectNetworkDays(db.pool)) {
    for (;;) {
      const marked = await inTransaction(db, (tx) => markExpired(tx, networkId, localDate(tx.now, timeZone)));
      count += marked;
      if (marked < BATCH) break;
    }
    await inTransaction(db, (tx) => tellExpiring(tx, networkId, localDate(tx.now, timeZone), warningDays));
  }
  return count;
}

async function markExpired(tx: Transaction, networkId: string, today: string): Promise<number> {
  const marked = await expireKeys(tx, networkId, today, BATCH);
  await writeEvents(
    tx,
    marked.map(({ sku_id, owner_id }) => ({
      networkId,
      topic: 'stock.changed',
      subjectId: sku_id,
      audience: [owner_id],
      data: { skuId: sku_id },
    })),
  );
  return marked.reduce((sum, { count }) => sum + count, 0);
}

/** What expires soon, by SKU: how many keys, what they cost, and from which day on. What no longer does is ended. */
async function tellExpiring(tx: Transaction, networkId: string, today: string, warningDays: number): Promise<void> {
  const [expiring, live] = await Promise.all([
    selectExpiringStock(tx, networkId, { today, through: addDays(today, warningDays) }),
    selectLiveAlertsOfKind(tx, networkId, 'STOCK_EXPIRING'),
  ]);
  const holds = new Set(expiring.map(({ sku_id }) => sku_id));
  await applyConditions(tx, networkId, [
    ...expiring.map((row): Condition => {
      const data = { availableCount: row.count, expiringCost: row.cost, expiringOn: row.first_on };
      return { stationId: row.owner_id, kind: 'STOCK_EXPIRING', subjectId: row.sku_id, holds: true, data };
    }),
    ...live.filter(({ subjectId }) => !holds.has(subjectId)).map((alert) => ({ ...alert, holds: false, data: {} })),
  ]);
}
