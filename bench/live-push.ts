import { cpuOfProcess } from './cpu.ts';
import type { Crowd, CrowdReport } from './live-crowd.ts';
import { pause } from './live-stage.ts';

/** A round of pushing changes to a crowd as fast as they are taken. */
export interface Push {
  readonly changes: number;
  readonly perSecond: number;
  /** CPU of the server and of the subscribers' process for one delivery, in microseconds. */
  readonly serverMicroseconds: number;
  readonly clientMicroseconds: number;
}

/** How a round is pushed. */
export interface PushOrder {
  readonly crowd: Crowd;
  readonly serverPid: number;
  readonly seconds: number;
  /** Of one group of subscribers, the next change may follow when the one before has begun to arrive; of many, the slowest may not have begun. */
  readonly isOneGroup: boolean;
  /** Makes the n-th change; resolves when it is committed. */
  readonly change: (n: number) => unknown;
}

/** Longest that one change may take until everybody has it. */
const PATIENCE_SECONDS = 120;
const QUIET_MILLISECONDS = 1_500;

/**
 * Pushes to saturation without coalescing: the next change is committed when the one before has begun to arrive (of many groups, when
 * it has arrived), so that the server always has work and no two changes wait together, which the product would tell as one. Throws unless everybody got every change
 * exactly once.
 */
export async function pushRound({ crowd, serverPid, seconds, isOneGroup, change }: PushOrder): Promise<Push> {
  const { count } = crowd;
  await crowd.reset();
  const before = cpuOfProcess(serverPid);
  const began = performance.now();
  let changes = 0;
  while (performance.now() - began < seconds * 1000 || changes < 3) {
    changes += 1;
    await change(changes);
    // the one before is with everybody, and this one is on its way, or has arrived
    await crowd.reached(isOneGroup ? (changes - 1) * count + 1 : changes * count, PATIENCE_SECONDS);
  }
  await crowd.reached(changes * count, PATIENCE_SECONDS);
  const took = (performance.now() - began) / 1000;
  const server = cpuOfProcess(serverPid) - before;
  const report = await crowd.report();
  expectExactly(report, changes);
  const deliveries = changes * count;
  return {
    changes,
    perSecond: deliveries / took,
    serverMicroseconds: server / deliveries,
    clientMicroseconds: report.cpuMicroseconds / deliveries,
  };
}

/** Waits until every subscriber really watches: changes are made one by one until one of them has come to everybody. */
export async function untilAllWatch(crowd: Crowd, change: (n: number) => unknown): Promise<void> {
  for (let n = 1; n <= 60; n += 1) {
    await crowd.reset();
    await change(n);
    await untilQuiet(crowd);
    const { total, least, most } = await crowd.report();
    if (total === crowd.count && least === 1 && most === 1) return;
  }
  const { least, closed, complaints, total } = await crowd.report();
  throw new Error(
    `not everybody watches: ${total} of ${crowd.count} answered, the slowest ${least}; ${JSON.stringify(closed)} ${complaints.join(' ')}`,
  );
}

/** Waits until nothing has come for a while: what is still under way would count as the next round's. */
async function untilQuiet(crowd: Crowd): Promise<void> {
  let before = -1;
  for (let total = (await crowd.report()).total; total !== before; total = (await crowd.report()).total) {
    before = total;
    await pause(total === crowd.count ? QUIET_MILLISECONDS / 3 : QUIET_MILLISECONDS);
  }
}

/** Throws unless every subscriber saw exactly so many events, none twice. */
export function expectExactly(report: CrowdReport, count: number): void {
  const { least, most, duplicates, outOfOrder, complaints, closed } = report;
  if (least === count && most === count && duplicates === 0 && outOfOrder === 0 && complaints.length === 0) return;
  throw new Error(
    `of ${count} events one subscriber saw ${least} and another ${most}, ${duplicates} twice, ${outOfOrder} out of order; closed: ${JSON.stringify(closed)} ${complaints.join(' ')}`,
  );
}

/** The value below which this share of the numbers lies; they need not be in order. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
