import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '#test/support/server-process.ts';
import { loadOf, shopOf } from './order-loads.ts';
import { type CaseResult, median, resultOf, short } from './report.ts';
import type { Stage } from './stage.ts';

/** Part of the time after which the server counts as warm: a minute of ten. */
const FIRST_SHARE = 0.1;
const SAMPLES_PER_MINUTE = 6;
const ANSWER_SECONDS = 10;
/** Growth that the steps of a heap and of an allocator may hide. */
const GOAL = '≤ 1.05';
/** Of orders a second, where a short round counted none. */
const RATE_LEAST = 100;
const MEBIBYTE = 2 ** 20;

type Usage = { readonly rss: number; readonly heapUsed: number; readonly external: number; readonly atMinutes: number };

/** The server's memory under full load: what is left after collecting garbage, at the end against after the first tenth of the time. */
export async function memoryUnderLoad(stage: Stage): Promise<CaseResult[]> {
  const { minutes } = stage.options;
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  await site.endServers();
  const server = await site.extraServer({ NODE_OPTIONS: `--import ${new URL('./memory-probe.ts', import.meta.url).href}` });
  const load = await loadOf(stage, site, shop, { urls: [server.url] });
  await site.prepare(shop, shop.skuIds);
  // the first round of a new server is no measure of what it can
  await site.measure(load);
  const { perSecond } = await site.measure(load);
  const orders = Math.max(perSecond * 1.5, RATE_LEAST) * minutes * 60;
  stage.say(`${short(perSecond)} orders/s; keys for ${Math.round(orders)} orders, then ${minutes} minutes of load`);
  await site.prepare(shop, shop.skuIds, orders);
  const seen: Usage[] = [];
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 60_000;
  const work = site.measure({ ...load, seconds: minutes * 60, warmSeconds: 0 });
  // told by `await work`, after the samples
  work.catch(() => undefined);
  while (elapsed() < minutes) {
    await pause((minutes * 60_000) / Math.max(10, minutes * SAMPLES_PER_MINUTE));
    if (elapsed() < minutes) seen.push({ ...(await usageOf(server)), atMinutes: elapsed() });
  }
  const round = await work;
  await stage.audit(site, shop);
  await site.endServers();
  return [result(seen, minutes, `${short(round.perSecond)} orders/s over ${minutes} minutes, ${round.count} in all`)];
}

function result(seen: readonly Usage[], minutes: number, load: string): CaseResult {
  const settled = seen.filter(({ atMinutes }) => atMinutes >= minutes * FIRST_SHARE);
  const share = Math.max(1, Math.floor(settled.length / 8));
  const [first, last] = [settled.slice(0, share), settled.slice(-share)];
  const of = (samples: readonly Usage[], what: (usage: Usage) => number) => median(samples.map(what)) / MEBIBYTE;
  const rss = ({ rss: bytes }: Usage) => bytes;
  const heap = ({ heapUsed, external }: Usage) => heapUsed + external;
  const perMinute = (what: (usage: Usage) => number) => (slope(settled, what) / MEBIBYTE).toFixed(2);
  const said = (what: (usage: Usage) => number) =>
    `${of(first, what).toFixed(0)} → ${of(last, what).toFixed(0)} MiB, ${perMinute(what)} MiB a minute`;
  return resultOf('server memory under load', {
    unit: 'MiB resident',
    values: [of(last, rss)],
    references: [of(first, rss)],
    goal: GOAL,
    notes: [
      load,
      `after the first ${(minutes * FIRST_SHARE).toPrecision(2)} minutes against the end: resident ${said(rss)}; in use ${said(heap)}`,
    ],
  });
}

/** Bytes a minute, by least squares. */
function slope(samples: readonly Usage[], what: (usage: Usage) => number): number {
  const mean = (of: (usage: Usage) => number) => samples.reduce((sum, usage) => sum + of(usage), 0) / samples.length;
  const [time, bytes] = [mean(({ atMinutes }) => atMinutes), mean(what)];
  return (
    samples.reduce((sum, usage) => sum + (usage.atMinutes - time) * (what(usage) - bytes), 0) /
    samples.reduce((sum, { atMinutes }) => sum + (atMinutes - time) ** 2, 0)
  );
}

async function usageOf(server: ServerProcess): Promise<Omit<Usage, 'atMinutes'>> {
  const said = () => [...server.log().matchAll(/^memory (\{.*\})$/gm)];
  const before = said().length;
  process.kill(server.pid, 'SIGUSR2');
  for (const deadline = Date.now() + ANSWER_SECONDS * 1000; said().length === before; await pause(20))
    if (Date.now() > deadline) throw new Error('the server does not say what memory it uses');
  return JSON.parse(said().at(-1)?.[1] ?? '') as Omit<Usage, 'atMinutes'>;
}
