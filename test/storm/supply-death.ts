import { placeOrders } from '#server/flows/place-orders.ts';
import { run, statement } from '#server/platform/database.ts';
import { type Market, openMarket } from './supply-market.ts';
import { countWaiting, pause, requestOf } from './supply-orders.ts';

/** What became of orders while half of many suppliers' systems were dead. Milliseconds, in order of length. */
export interface DeathReport {
  readonly orders: number;
  /** From order to the first call that reached another supplier, of orders that had been meant for a dead one. */
  readonly moved: readonly number[];
  /** From order to delivery, of all others: before any died, and while some were dead. */
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly undelivered: number;
}

/** So many orders have to have moved before their p99 means something. */
export const MOVED_ENOUGH = 200;

const RATE = 30;
const UPSTREAMS_OF_KIND = 8;
/** Each opens its breaker after a few refused calls, so a death moves a few orders for each of the dead. */
const DEATHS = 4;
const LIFE_SECONDS = 11;
const DEATH_SECONDS = 5;
const SETTLE_MILLISECONDS = 60_000;

type OrderRow = { placed_at: Date; delivered_at: Date | null; attempts: number; reached_at: Date | null; was_dead: boolean };
const allOrders = statement<OrderRow>(
  'storm.deathOrders',
  `SELECT o.placed_at, o.delivered_at, a.attempts, a.reached_at, a.was_dead FROM orders o
   CROSS JOIN LATERAL (
     SELECT count(*)::int AS attempts, min(a.sent_at) FILTER (WHERE a.account_id <> ALL ($2::uuid[])) AS reached_at,
       bool_or(a.account_id = ANY ($2::uuid[])) AS was_dead
     FROM purchase_attempt a WHERE a.network_id = $1 AND a.order_id = o.id
   ) a
   WHERE o.network_id = $1 ORDER BY o.id`,
);

/** Steady orders over several suppliers of which half die, again and again: connections to them are refused for some seconds. */
export async function deathOfSupplier(): Promise<DeathReport> {
  const market = await openMarket({
    upstreamsOfKind: UPSTREAMS_OF_KIND,
    faults: {},
    kinds: ['DUJIAO_NEXT', 'KASUSHOU_V2'],
    settings: { SUPPLY_TIMEOUT: '5' },
  });
  try {
    const victims = market.upstreams.filter((_, index) => index % 2 === 0);
    const deaths: Death[] = [];
    let count = await orderFor(market, LIFE_SECONDS, 0);
    while (deaths.length < DEATHS) {
      const died = market.db.clock();
      await Promise.all(victims.map(({ simulator }) => simulator.setFaults({ dead: 1 })));
      count = await orderFor(market, DEATH_SECONDS, count);
      deaths.push({ died, rose: market.db.clock() });
      await Promise.all(victims.map(({ simulator }) => simulator.setFaults({})));
      count = await orderFor(market, LIFE_SECONDS, count);
    }
    const over = performance.now() + SETTLE_MILLISECONDS;
    while ((await countWaiting(market)) > 0 && performance.now() < over) await pause(250);
    const victimIds = victims.map(({ accountId }) => accountId);
    return reportOf(await run(market.db.pool, allOrders, [market.world.networkId, victimIds]), deaths, count);
  } finally {
    await market.close();
  }
}

async function orderFor(market: Market, seconds: number, from: number): Promise<number> {
  const began = performance.now();
  let number = from;
  while (performance.now() - began < seconds * 1000) {
    const due = from + Math.floor(((performance.now() - began) / 1000) * RATE);
    const requests = [];
    while (number < due) requests.push(requestOf(market, number++));
    if (requests.length > 0) await placeOrders(market.db, requests);
    await pause(50);
  }
  return number;
}

type Death = { readonly died: Date; readonly rose: Date };

function reportOf(rows: readonly OrderRow[], deaths: readonly Death[], count: number): DeathReport {
  const isDuring = ({ placed_at }: OrderRow) => deaths.some(({ died, rose }) => placed_at >= died && placed_at < rose);
  const isBefore = ({ placed_at }: OrderRow) => deaths.every(({ died }) => placed_at < died);
  const took = (from: Date, to: Date | null) => (to === null ? [] : [to.getTime() - from.getTime()]);
  const sorted = (list: readonly number[]) => list.toSorted((a, b) => a - b);
  const others = rows.filter(({ was_dead }) => !was_dead);
  return {
    orders: count,
    moved: sorted(
      rows.filter((row) => isDuring(row) && row.was_dead && row.attempts > 1).flatMap((row) => took(row.placed_at, row.reached_at)),
    ),
    before: sorted(others.filter(isBefore).flatMap((row) => took(row.placed_at, row.delivered_at))),
    during: sorted(others.filter(isDuring).flatMap((row) => took(row.placed_at, row.delivered_at))),
    undelivered: rows.filter(({ delivered_at }) => delivered_at === null).length,
  };
}
