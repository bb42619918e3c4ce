import type { LoadMessage, LoadReport } from './load.ts';

/** Counts and times what a generator's connections do; nothing before `warm` counts. */
export interface Meter {
  /** False once the time is up. */
  running(): boolean;
  /** Notes `count` things that were asked for at `askedAt` (performance.now) and have just been answered. */
  note(askedAt: number, count: number): void;
  /** Notes a request that was refused. */
  refuse(): void;
}

/** The body of a load generator's process: waits for its load, runs it until the time is up, and reports. */
export function onLoad<Load extends { readonly seconds: number; readonly warmSeconds: number }>(
  run: (load: Load, meter: Meter) => Promise<void>,
): void {
  process.once('message', (load) => {
    measure(load as Load, run).then(
      (report) => say({ kind: 'DONE', report }),
      (error: Error) => say({ kind: 'FAILED', why: error.stack ?? String(error) }),
    );
  });
}

async function measure<Load extends { readonly seconds: number; readonly warmSeconds: number }>(
  load: Load,
  run: (load: Load, meter: Meter) => Promise<void>,
): Promise<LoadReport> {
  const latencies: number[] = [];
  let count = 0;
  let refused = 0;
  let warmAt = Number.POSITIVE_INFINITY;
  let endAt = Number.POSITIVE_INFINITY;
  let before = process.cpuUsage();
  let lastAt = 0;
  setTimeout(() => {
    warmAt = performance.now();
    endAt = warmAt + load.seconds * 1000;
    before = process.cpuUsage();
    process.send?.({ kind: 'WARM' } satisfies LoadMessage);
  }, load.warmSeconds * 1000);
  await run(load, {
    running: () => performance.now() < endAt,
    note: (askedAt, many) => {
      const now = performance.now();
      if (now < warmAt || now >= endAt) return;
      latencies.push(now - askedAt);
      count += many;
      lastAt = now;
    },
    refuse: () => {
      const now = performance.now();
      if (now >= warmAt && now < endAt) refused += 1;
    },
  });
  const { user, system } = process.cpuUsage(before);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    count,
    seconds: count === 0 ? load.seconds : (lastAt - warmAt) / 1000,
    p50: at(0.5),
    p99: at(0.99),
    refused,
    clientMicroseconds: (user + system) / Math.max(1, count),
  };
}

function say(message: LoadMessage): void {
  process.send?.(message, () => process.exit(message.kind === 'DONE' ? 0 : 1));
}
