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
