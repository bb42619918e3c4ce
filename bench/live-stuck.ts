import { openCrowd } from './live-crowd.ts';
import { expectExactly, quantile, untilAllWatch } from './live-push.ts';
import { COLLECTOR } from './live-reference.ts';
import { type LiveStage, memoryOf, pause } from './live-stage.ts';
import { type CaseResult, resultOf, short } from './report.ts';

const READERS = 100;
const PER_SECOND = 10;
/** Events between two looks at the memory. */
const COLLECT_EVERY = 20;
/** What one that never reads may cost at the worst, in KiB. */
const LIMIT_KIBIBYTES = 256;

/** A thousand subscribe and never read again: what the server's memory grows to, and whether others still get everything in time. */
export async function stuckSubscribers(stage: LiveStage): Promise<CaseResult[]> {
  const { shop, options } = stage;
  const server = await stage.serve({ NODE_OPTIONS: `--import ${COLLECTOR}` });
  const port = Number(new URL(server.url).port);
  const headquarters = await stage.program(shop.trunk[0] ?? '');
  const common = { port, programs: [headquarters], variables: {}, keepTimes: true } as const;
  const readers = await openCrowd({ ...common, count: Math.min(READERS, options.stuck), documents: [documentOf(1)], reads: 'ORDERS' });
  const stuck = await openCrowd({ ...common, count: options.stuck, documents: [documentOf(50)], reads: 'FRAMES' });
  const shopper = await stage.shopper(server);
  try {
    await untilAllWatch(readers, () => shopper.buy());
    await untilAllWatch(stuck, () => shopper.buy());
    const { sample } = await stuck.report();
    const collected = async () => {
      process.kill(server.pid, 'SIGUSR2');
      await pause(300);
      return memoryOf(server.pid);
    };
    const round = async (seconds: number) => {
      await readers.reset();
      let held = 0;
      const orders: string[] = [];
      const began = performance.now();
      while (performance.now() - began < seconds * 1000 || orders.length < 5) {
        orders.push(await shopper.buy());
        if (orders.length % COLLECT_EVERY === 0) held = Math.max(held, await collected());
        await pause(Math.max(0, began + (orders.length * 1000) / PER_SECOND - performance.now()));
      }
      await readers.reached(orders.length * readers.count, 60);
      const report = await readers.report();
      expectExactly(report, orders.length);
      const committed = await stage.committedAt(orders);
      const latencies = report.times.flatMap((times, n) => [...times].map((at) => at - (committed.get(orders[n] ?? '') ?? Number.NaN)));
      return { held: Math.max(held, await collected()), p99: quantile(latencies, 0.99), orders: orders.length };
    };
    const before = await round(options.seconds * 2);
    await stuck.stopReading();
    const meanwhile = await round(options.seconds * 6);
    const { closed } = await stuck.report();
    const growth = Math.max(0, meanwhile.held - before.held) / 1024;
    return [
      resultOf('live: subscribers that never read, memory for each', {
        unit: 'KiB',
        values: [growth / options.stuck],
        references: [LIMIT_KIBIBYTES],
        goal: '≤ 1',
        notes: [
          `${options.stuck} that never read, ${meanwhile.orders} events of ${Buffer.byteLength(sample)} bytes for each; the server held ${short(growth / 1024)} MiB more at the most (after a collection each time) than while they read, ${short(before.held / 2 ** 20)} MiB; closed as the clients saw it: ${JSON.stringify(closed)}`,
          `${readers.count} others got every event once: p99 ${short(before.p99)} ms before, ${short(meanwhile.p99)} ms meanwhile`,
        ],
      }),
      resultOf("live: subscribers that never read, others' p99", {
        unit: 'ms',
        values: [meanwhile.p99],
        references: [1_000],
        goal: '≤ 1',
        notes: [],
      }),
    ];
  } finally {
    shopper.close();
    stuck.close();
    readers.close();
    await server.stop();
  }
}

/** The same order so many times over: long frames fill what lies between two programs sooner. */
function documentOf(times: number): string {
  const fields = Array.from(
    { length: times },
    (_, n) => `n${n}: order { id state quantity placedAt productName skuName total { amount currency } }`,
  );
  return `subscription ($after: Cursor) { orderUpdated(scope: DOWNLINE, after: $after) { cursor kind order { id } ${fields.slice(1).join(' ')} } }`;
}
