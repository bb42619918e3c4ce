import { addDays, localDate } from '#server/platform/clock.ts';

/** How far back an overview of GMV looks: today, or the last 7, 30 or 60 days with today as the last of them. */
export type GmvRange = 'TODAY' | 'DAYS_7' | 'DAYS_30' | 'DAYS_60';

/** Local days (YYYY-MM-DD, network's time zone, both ends included) of a range and of the period it is compared with. */
export type GmvPeriod = {
  readonly bucket: 'HOUR' | 'DAY';
  readonly days: number;
  readonly from: string;
  readonly to: string;
  readonly comparisonFrom: string;
  readonly comparisonTo: string;
};

const dayCounts: Record<GmvRange, number> = { TODAY: 1, DAYS_7: 7, DAYS_30: 30, DAYS_60: 60 };

/**
 * The days that a range covers at an instant, and the equally long period just before it. Today is drawn by the hour, the
 * others by the day. The comparison's totals stop at the same local hour of its last day, so that a running day is never
 * measured against a whole one (console: "yesterday at this hour").
 */
export function gmvPeriod(range: GmvRange, now: Date, timeZone: string): GmvPeriod {
  const days = dayCounts[range];
  const to = localDate(now, timeZone);
  const from = addDays(to, 1 - days);
  return {
    bucket: range === 'TODAY' ? 'HOUR' : 'DAY',
    days,
    from,
    to,
    comparisonFrom: addDays(from, -days),
    comparisonTo: addDays(to, -days),
  };
}

// ---- scorecards ----

/** Buckets of the histogram of delivery times. */
export const LATENCY_BUCKETS = 49;

/** The longest time that a bucket holds, in seconds: 0.1 s, then a factor of the square root of two each. The last holds all that is longer. */
export function bucketSeconds(bucket: number): number {
  return 0.1 * 2 ** (bucket / 2);
}

/** Deliveries by the bucket of their time. */
export type LatencyHistogram = ReadonlyMap<number, number>;

/**
 * The time within which `part` (0.5, 0.99) of the deliveries were done: the end of the bucket in which the last of them lies, so never
 * too short and at most 42 % too long. Null without any delivery.
 */
export function latencyQuantile(histogram: LatencyHistogram, part: number): number | null {
  const total = [...histogram.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const wanted = Math.ceil(total * part);
  let passed = 0;
  for (const [bucket, count] of [...histogram].sort(([a], [b]) => a - b)) {
    passed += count;
    if (passed >= wanted) return bucketSeconds(bucket);
  }
  return null;
}

/** `part` of `whole` in basis points, rounded down; null where there is nothing to be a part of. */
export function shareBps(part: bigint, whole: bigint): number | null {
  return whole > 0n ? Number((part * 10_000n) / whole) : null;
}

/** How far back a scorecard looks: so many hours, the running one included. */
export type ScorecardWindow = 'HOURS_24' | 'DAYS_7' | 'DAYS_30';

const WINDOW_HOURS: Record<ScorecardWindow, number> = { HOURS_24: 24, DAYS_7: 168, DAYS_30: 720 };
const HOUR_MILLISECONDS = 3_600_000;

/** The first hour that a window takes in: its hours end with the one that it is now. */
export function windowStart(window: ScorecardWindow, now: Date): Date {
  const hour = Math.floor(now.getTime() / HOUR_MILLISECONDS);
  return new Date((hour + 1 - WINDOW_HOURS[window]) * HOUR_MILLISECONDS);
}

/** What a scorecard is made from: counts as they are, amounts as ten-thousandths. */
export type ScorecardFacts = {
  readonly attemptCount: bigint;
  readonly successCount: bigint;
  readonly unknownCount: bigint;
  readonly boughtQuantity: bigint;
  readonly skuQuantity: bigint;
  readonly orderCount: bigint;
  readonly complaintCount: bigint;
  readonly margin: bigint;
  readonly cost: bigint;
  readonly ownUnitCost: bigint | null;
  readonly othersUnitCost: bigint | null;
  readonly histogram: LatencyHistogram;
};

/** What follows from them, parts in basis points; null where there is nothing to be a part of. */
export type ScorecardFigures = {
  readonly successBps: number | null;
  readonly unknownBps: number | null;
  /** of the orders that its goods filled */
  readonly complaintBps: number | null;
  readonly p50Seconds: number | null;
  readonly p99Seconds: number | null;
  /** its part of what all offers of the SKU bought */
  readonly shareBps: number | null;
  /** by how much its cheapest offer is dearer (below 0: cheaper) than the cheapest of the others */
  readonly priceBps: number | null;
  /** what the owner earned for each unit of money that the goods cost */
  readonly returnBps: number | null;
};

/** The figures of a scorecard. */
export function scorecardFigures(facts: ScorecardFacts): ScorecardFigures {
  const { attemptCount, ownUnitCost, othersUnitCost, histogram } = facts;
  return {
    successBps: shareBps(facts.successCount, attemptCount),
    unknownBps: shareBps(facts.unknownCount, attemptCount),
    complaintBps: shareBps(facts.complaintCount, facts.orderCount),
    p50Seconds: latencyQuantile(histogram, 0.5),
    p99Seconds: latencyQuantile(histogram, 0.99),
    shareBps: shareBps(facts.boughtQuantity, facts.skuQuantity),
    priceBps: ownUnitCost === null || othersUnitCost === null ? null : shareBps(ownUnitCost - othersUnitCost, othersUnitCost),
    returnBps: shareBps(facts.margin, facts.cost),
  };
}
