import type { Shop } from './arrange.ts';
import { openCrowd } from './live-crowd.ts';
import { quantile, untilAllWatch } from './live-push.ts';
import { type LiveStage, pause } from './live-stage.ts';
import { type HttpLoad, runLoad } from './load.ts';
import { type CaseResult, resultOf, short } from './report.ts';

const DOCUMENT =
  'subscription ($after: Cursor) { orderUpdated(scope: MINE, after: $after) { cursor kind order { id state total { amount } } } }';
const CONNECTIONS = 64;
const IDLE_PER_SECOND = 10;
const LIMIT_MILLISECONDS = 100;

/** From the commit of an order to its event at the buyer's program: with nothing else to do, and at half of what the server can. */
export async function latencyOfOrders(stage: LiveStage): Promise<CaseResult[]> {
  const { shop, options } = stage;
  const server = await stage.serve();
  // every buyer's program watches its own orders
  const crowd = await openCrowd({
    port: Number(new URL(server.url).port),
    count: shop.buyers.length,
    programs: shop.buyers.map(({ secret }) => secret),
    documents: [DOCUMENT],
    variables: {},
    reads: 'ORDERS',
    keepTimes: false,
  });
  try {
    const shoppers = await Promise.all(shop.buyers.map((_, index) => stage.shopper(server, index)));
    await untilAllWatch(crowd, () => Promise.all(shoppers.map((shopper) => shopper.buy())));
    for (const shopper of shoppers) shopper.close();
    const seconds = options.seconds * 2;
    const measured = async (perSecond: number) => {
      await crowd.reset();
      const { count } = await runLoad({ ...loadOf(server.url, shop), requestsPerSecond: perSecond, seconds, warmSeconds: 0 });
      await pause(1_000);
      const report = await crowd.report();
      if (report.orders.size < count || report.duplicates > 0 || report.total !== report.orders.size)
        throw new Error(`${count} orders, ${report.orders.size} of them told, ${report.total} events, ${report.duplicates} twice`);
      const committed = await stage.committedAt([...report.orders.keys()]);
      return [...report.orders].map(([id, at]) => at - (committed.get(id) ?? Number.NaN));
    };
    const full = await runLoad({ ...loadOf(server.url, shop), requestsPerSecond: null, seconds, warmSeconds: 1 });
    await pause(2_000);
    const half = full.count / full.seconds / 2;
    const resultFor = (name: string, latencies: readonly number[], perSecond: number) =>
      resultOf(`live: order committed → event, ${name}, p99`, {
        unit: 'ms',
        values: [quantile(latencies, 0.99)],
        references: [LIMIT_MILLISECONDS],
        goal: '≤ 1',
        notes: [
          `${name}: ${latencies.length} orders at ${short(perSecond)} a second, each at its buyer's subscription; from PostgreSQL's time of the commit; p50 ${short(quantile(latencies, 0.5))} ms, slowest ${short(quantile(latencies, 1))} ms; the reference is the limit`,
        ],
      });
    return [resultFor('idle', await measured(IDLE_PER_SECOND), IDLE_PER_SECOND), resultFor('half load', await measured(half), half)];
  } finally {
    crowd.close();
    await server.stop();
  }
}

/** Orders of all buyers, over the SKU with the most keys. */
function loadOf(url: string, shop: Shop): Omit<HttpLoad, 'requestsPerSecond' | 'seconds' | 'warmSeconds'> {
  return {
    kind: 'HTTP',
    urls: [url],
    secrets: shop.buyers.map(({ secret }) => secret),
    skuIds: shop.skuIds.slice(0, 1),
    connections: CONNECTIONS,
    listSize: 1,
  };
}
