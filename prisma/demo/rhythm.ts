import { createRandom, firstAbove } from './random.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Orders by hour of the day: a quiet night, a small noon, a long evening. */
const HOURS = [14, 8, 5, 3, 2, 3, 6, 12, 20, 28, 34, 40, 46, 40, 36, 36, 38, 42, 50, 64, 80, 88, 70, 36];
/** Monday to Sunday. */
const WEEKDAYS = [0.9, 0.88, 0.92, 0.98, 1.12, 1.3, 1.24];
/** Days on which the whole country shops. */
const FESTIVALS: Readonly<Record<string, number>> = { '06-18': 1.9, '11-11': 2.1, '12-12': 1.6, '01-01': 1.3, '10-01': 1.35 };
/** What the last day has of the first day's trade: the network grows. */
const GROWTH = 2.2;

/** How the demo's days run: `days` days of a zone, the last of which ends at `until`. */
export interface Rhythm {
  readonly until: Date;
  readonly days: number;
  /** Minutes that the network's zone is ahead of UTC (China +480, without summer time). */
  readonly offsetMinutes: number;
  readonly seed: string;
}

/** Midnight (of the zone) at which day 0 begins. */
export function firstMidnight({ until, days, offsetMinutes }: Rhythm): Date {
  const offset = offsetMinutes * 60_000;
  const today = Math.floor((until.getTime() + offset) / DAY) * DAY - offset;
  return new Date(today - (days - 1) * DAY);
}

/** The instants of exactly `count` orders, ascending: growth, weekdays, festivals, the day's curve, and a little noise. */
export function orderInstants(rhythm: Rhythm, count: number): Date[] {
  const start = firstMidnight(rhythm).getTime();
  const hours = Math.ceil((rhythm.until.getTime() - start) / HOUR);
  const random = createRandom(rhythm.seed, 'rhythm');
  const sums: number[] = [];
  let sum = 0;
  for (let hour = 0; hour < hours; hour += 1) {
    const part = Math.min(1, (rhythm.until.getTime() - start - hour * HOUR) / HOUR);
    sums.push((sum += part * hourWeight(rhythm, start, hour) * (0.85 + 0.3 * random.next())));
  }
  return Array.from({ length: count }, (_, index) => {
    const point = ((index + random.next()) / count) * sum;
    const hour = firstAbove(sums, point);
    const before = sums[hour - 1] ?? 0;
    const within = (point - before) / ((sums[hour] ?? sum) - before);
    const length = Math.min(HOUR, rhythm.until.getTime() - start - hour * HOUR);
    return new Date(Math.floor(start + hour * HOUR + within * length));
  });
}

function hourWeight(rhythm: Rhythm, start: number, hour: number): number {
  const local = new Date(start + hour * HOUR + rhythm.offsetMinutes * 60_000);
  const day = Math.floor(hour / 24);
  const growth = 1 + ((GROWTH - 1) * day) / Math.max(1, rhythm.days - 1);
  const weekday = WEEKDAYS[(local.getUTCDay() + 6) % 7] ?? 1;
  return (HOURS[local.getUTCHours()] ?? 1) * weekday * growth * (FESTIVALS[local.toISOString().slice(5, 10)] ?? 1);
}
