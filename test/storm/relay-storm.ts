import { run, statement } from '#server/platform/database.ts';
import { judge, readOrderEvents, type Verdict } from './judge.ts';
import { type OrdersReport, startOrders } from './orders.ts';
import { openShop, type Shop } from './shop.ts';
import { startSubscriber } from './subscriber.ts';

/** What a storm came to. */
export interface StormReport {
  readonly orders: OrdersReport;
  readonly kills: number;
  /** One for each subscriber. */
  readonly verdicts: readonly Verdict[];
  readonly resumes: readonly number[];
  readonly errors: readonly string[];
  /** Milliseconds from a kill until everything that was committed before it had its number, in order of length. */
  readonly takeovers: readonly number[];
}

/** How hard and how long it blows. */
export interface StormSpec {
  readonly seconds: number;
  readonly ratePerSecond: number;
  readonly killEverySeconds: number;
  readonly settings?: Record<string, string>;
}

const SETTLE_MILLISECONDS = 120_000;

// outbox_event_unnumbered_idx; what was committed before a moment, by the clock of the servers on this machine.
const waitingSince = statement<{ count: number }>(
  'storm.waitingSince',
  'SELECT count(*)::int AS count FROM outbox_event WHERE network_id = $1 AND seq IS NULL AND occurred_at <= $2',
);

/** Orders through two servers while one of them is killed again and again, by turns, both numbering events; a subscriber on each. */
export async function stormOfRelays({ seconds, ratePerSecond, killEverySeconds, settings }: StormSpec): Promise<StormReport> {
  const shop = await openShop({ keys: Math.ceil(seconds * ratePerSecond * 1.2) + 100, ...(settings ? { settings } : {}) });
  try {
    const beginning = await eventCursor(shop);
    const subscribers = [startSubscriber(shop, 0, beginning), startSubscriber(shop, 1, beginning)];
    const load = startOrders(shop, ratePerSecond);
    const takeovers: number[] = [];
    const killing = (async () => {
      for (let kill = 0; kill + 1 < seconds / killEverySeconds; kill += 1) {
        await pause(killEverySeconds * 1000);
        takeovers.push(await killAndWatch(shop, kill % 2 === 0 ? 0 : 1));
      }
    })();
    await pause(seconds * 1000);
    const orders = await load.stop();
    await killing;
    const happened = await settled(
      shop,
      subscribers.map(({ told }) => told),
    );
    await Promise.all(subscribers.map((subscriber) => subscriber.stop()));
    return {
      orders,
      kills: takeovers.length,
      verdicts: subscribers.map(({ told }) => judge(happened, told)),
      resumes: subscribers.map((subscriber) => subscriber.resumes()),
      errors: subscribers.flatMap(({ errors }) => errors),
      takeovers: takeovers.sort((a, b) => a - b),
    };
  } finally {
    await shop.close();
  }
}

/** Kills a server and starts it again; answers how long what it had committed waited for the other one. */
async function killAndWatch(shop: Shop, index: 0 | 1): Promise<number> {
  const server = shop.servers[index];
  await server.process().kill();
  const died = new Date();
  const began = performance.now();
  while (((await run(shop.db.pool, waitingSince, [shop.networkId, died]))[0]?.count ?? 0) > 0) await pause(5);
  const took = performance.now() - began;
  await server.restart();
  return took;
}

/** Everything that happened, once all of it has been told or the time for it is over. */
async function settled(shop: Shop, tolds: readonly (readonly unknown[])[]) {
  const deadline = performance.now() + SETTLE_MILLISECONDS;
  let happened = await readOrderEvents(shop.db, shop.networkId);
  while (tolds.some((told) => told.length < happened.length) && performance.now() < deadline) {
    await pause(100);
    happened = await readOrderEvents(shop.db, shop.networkId);
  }
  // what is told twice comes after what is told once
  await pause(500);
  return happened;
}

/** The place from which nothing is missed, as the owner is told it. */
export async function eventCursor(shop: Shop): Promise<string> {
  const response = await fetch(`${shop.servers[0].url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${shop.ownerKey}` },
    body: JSON.stringify({ query: '{ eventCursor }' }),
  });
  return ((await response.json()) as { data: { eventCursor: string } }).data.eventCursor;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
