import type { Shop } from './arrange.ts';
import { cpuOfProcess } from './cpu.ts';
import { openCrowd } from './live-crowd.ts';
import { expectExactly, untilAllWatch } from './live-push.ts';
import { type LiveStage, pause } from './live-stage.ts';
import { type LoadReport, runLoad } from './load.ts';
import { type CaseResult, median, resultOf, short } from './report.ts';

const DOCUMENT =
  'subscription ($after: Cursor) { orderUpdated(scope: DOWNLINE, after: $after) { cursor kind order { id state total { amount } } } }';
const WITHIN_SECONDS = 180;
const NEIGHBOURS_PER_SECOND = 50;

/**
 * Everybody is cut, a thousand orders are placed, and everybody comes back at once, each with its own cursor. Meanwhile another
 * network of the same server goes on ordering, and its waiting is compared with before.
 */
export async function resumeAtOnce(stage: LiveStage): Promise<CaseResult[]> {
  const { shop, options } = stage;
  const server = await stage.serve();
  const neighbour = await stage.neighbour();
  const crowd = await openCrowd({
    port: Number(new URL(server.url).port),
    count: options.resumed,
    programs: await Promise.all(shop.trunk.map((stationId) => stage.program(stationId))),
    documents: [DOCUMENT],
    variables: {},
    reads: 'ORDERS',
    keepTimes: false,
  });
  const shopper = await stage.shopper(server);
  try {
    await untilAllWatch(crowd, () => shopper.buy());
    const segment = () => orderOn(server.url, neighbour, options.seconds * 2);
    await segment();
    const cpuBefore = cpuOfProcess(server.pid);
    const before = [await segment(), await segment()];
    const usual = (cpuOfProcess(server.pid) - cpuBefore) / (options.seconds * 4);
    await crowd.cut();
    await pause(500);
    await shopper.buyMany(options.gap);
    await crowd.reset();
    const began = performance.now();
    const cpu = cpuOfProcess(server.pid);
    const expected = options.gap * crowd.count;
    let isOver = false;
    const caughtUp = crowd
      .resume()
      .then(() => crowd.reached(expected, WITHIN_SECONDS * 2))
      .finally(() => {
        isOver = true;
      });
    caughtUp.catch(() => undefined);
    const during: LoadReport[] = [];
    let seconds = 0;
    let used = 0;
    const noteEnd = caughtUp.then(() => {
      seconds = (performance.now() - began) / 1000;
      used = cpuOfProcess(server.pid) - cpu;
    });
    noteEnd.catch(() => undefined);
    while (!isOver) during.push(await segment());
    await noteEnd;
    await pause(1_000);
    // nothing may come after what was missed: a duplicate would
    expectExactly(await crowd.report(), options.gap);
    const share = Math.max(0, used - usual * seconds) / 1e6 / seconds;
    const p99Of = (reports: readonly LoadReport[]) => median(reports.map(({ p99 }) => p99));
    const notes = [
      `${crowd.count} clients of ${shop.trunk.length} stations, ${options.gap} events in the gap: ${expected} deliveries, missed 0, duplicate 0, out of order 0`,
      `the replay took ${short(share)} of a core beside ${short(usual / 1e6)} for ${NEIGHBOURS_PER_SECOND} orders/s of the other network, ${short(used / expected)} µs a delivery`,
      `orders' p99 before ${before.map(({ p99 }) => short(p99)).join(', ')} ms, meanwhile ${during.map(({ p99 }) => short(p99)).join(', ')} ms`,
    ];
    return [
      resultOf('live: resume, all caught up', { unit: 's', values: [seconds], references: [WITHIN_SECONDS], goal: '≤ 1', notes }),
      resultOf('live: resume, CPU of the replay', { unit: 'cores', values: [share], references: [0.3], goal: '≤ 1', notes: [] }),
      resultOf("live: resume, orders' p99 meanwhile", {
        unit: 'ms',
        values: [p99Of(during)],
        references: [p99Of(before)],
        goal: '≤ 2',
        notes: [],
      }),
    ];
  } finally {
    shopper.close();
    crowd.close();
    await server.stop();
  }
}

function orderOn(url: string, { buyers, skuIds }: Shop, seconds: number): Promise<LoadReport> {
  return runLoad({
    kind: 'HTTP',
    urls: [url],
    secrets: buyers.map(({ secret }) => secret),
    skuIds: skuIds.slice(0, 1),
    connections: 16,
    listSize: 1,
    requestsPerSecond: NEIGHBOURS_PER_SECOND,
    seconds,
    warmSeconds: 0,
  });
}
