import { addDays } from '#server/platform/clock.ts';
import type { Queryable } from '#server/platform/database.ts';
import { type GmvPeriod, type GmvRange, gmvPeriod } from './rules.ts';
import { type GmvTotalsRow, type PeriodQuery, readChildTotals, readDayBuckets, readHourBuckets, readPeriodTotals } from './sql.ts';

/** The network's clock and calendar, from which days and hours follow. */
export type NetworkTime = { readonly networkId: string; readonly timeZone: string; readonly now: Date };

/** Volume of a station's subtree in a period. Amounts are decimal texts in the network's currency. */
export type GmvTotals = {
  readonly orderCount: number;
  readonly quantity: number;
  readonly gmv: string;
  readonly margin: string;
  readonly commission: string;
  readonly refundCount: number;
  readonly refundTotal: string;
};

/** One hour or day of the chart; `start` is its first instant, `comparisonGmv` that of the period before. */
export type GmvPoint = {
  readonly start: Date;
  readonly gmv: string;
  readonly orderCount: number;
  readonly refundTotal: string;
  readonly comparisonGmv: string;
};

/** A direct child in the tree of GMV. */
export type ChildGmv = {
  readonly stationId: string;
  readonly totals: GmvTotals;
  readonly comparisonGmv: string;
  readonly childCount: number;
};

/** GMV of a station's subtree with its chart and its direct children, largest first (domain §1, GMV). */
export type GmvOverview = {
  readonly stationId: string;
  readonly range: GmvRange;
  readonly totals: GmvTotals;
  readonly comparison: GmvTotals;
  readonly points: readonly GmvPoint[];
  readonly byChild: readonly ChildGmv[];
  readonly asOf: Date;
};

const nothing: GmvTotals = {
  orderCount: 0,
  quantity: 0,
  gmv: '0.00',
  margin: '0.00',
  commission: '0.00',
  refundCount: 0,
  refundTotal: '0.00',
};

/** The overview of one station, from the roll-ups alone: three statements, whatever the number of orders. */
export async function readGmvOverview(db: Queryable, time: NetworkTime, stationId: string, range: GmvRange): Promise<GmvOverview> {
  const period = gmvPeriod(range, time.now, time.timeZone);
  const [totals, children, points] = await Promise.all([
    readVolumes(db, time, [stationId], range),
    readChildTotals(db, time.networkId, stationId, periodQuery(period, time.timeZone), time),
    range === 'TODAY' ? readHours(db, time, stationId) : readDays(db, time, stationId, range),
  ]);
  const own = totals.get(stationId);
  return {
    stationId,
    range,
    totals: own?.totals ?? nothing,
    comparison: own?.comparison ?? nothing,
    points,
    byChild: children.map((row) => ({
      stationId: row.station_id,
      totals: toTotals(row),
      comparisonGmv: row.comparison_gmv,
      childCount: Number(row.child_count),
    })),
    asOf: time.now,
  };
}

/** Totals and comparison of many stations in one statement; a station without volume is absent. */
export async function readVolumes(
  db: Queryable,
  time: NetworkTime,
  stationIds: readonly string[],
  range: GmvRange,
): Promise<Map<string, { totals: GmvTotals; comparison: GmvTotals }>> {
  const period = periodQuery(gmvPeriod(range, time.now, time.timeZone), time.timeZone);
  const rows = await readPeriodTotals(db, time.networkId, stationIds, period, time);
  const volumes = new Map<string, { totals: GmvTotals; comparison: GmvTotals }>();
  for (const row of rows) {
    const known = volumes.get(row.station_id) ?? { totals: nothing, comparison: nothing };
    volumes.set(row.station_id, row.comparison ? { ...known, comparison: toTotals(row) } : { ...known, totals: toTotals(row) });
  }
  return volumes;
}

async function readHours(db: Queryable, time: NetworkTime, stationId: string): Promise<GmvPoint[]> {
  const period = gmvPeriod('TODAY', time.now, time.timeZone);
  const span = { start: startOfDay(period.comparisonTo, time.timeZone), end: startOfDay(addDays(period.to, 1), time.timeZone) };
  const rows = await readHourBuckets(db, time.networkId, stationId, span);
  const at = new Map(rows.map((row) => [row.start.getTime(), row]));
  // every local hour is one entry; a day of a zone that changes its clock has 23 or 25 of them
  const starts = hoursOfDay(period.to, time.timeZone);
  const comparisonStarts = hoursOfDay(period.comparisonTo, time.timeZone);
  return starts.map((start, index) => toPoint(start, at.get(start.getTime()), at.get(comparisonStarts[index]?.getTime() ?? Number.NaN)));
}

async function readDays(db: Queryable, time: NetworkTime, stationId: string, range: GmvRange): Promise<GmvPoint[]> {
  const period = gmvPeriod(range, time.now, time.timeZone);
  const rows = await readDayBuckets(db, time.networkId, stationId, { from: period.comparisonFrom, to: period.to });
  const on = new Map(rows.map((row) => [row.start, row]));
  return Array.from({ length: period.days }, (_, index) => {
    const day = addDays(period.from, index);
    return toPoint(startOfDay(day, time.timeZone), on.get(day), on.get(addDays(day, -period.days)));
  });
}

function toPoint(start: Date, row: GmvTotalsRow | undefined, before: GmvTotalsRow | undefined): GmvPoint {
  return {
    start,
    gmv: row?.gmv ?? '0.00',
    orderCount: Number(row?.order_count ?? 0),
    refundTotal: row?.refund_total ?? '0.00',
    comparisonGmv: before?.gmv ?? '0.00',
  };
}

function toTotals(row: GmvTotalsRow): GmvTotals {
  return {
    orderCount: Number(row.order_count),
    quantity: Number(row.quantity),
    gmv: row.gmv,
    margin: row.margin,
    commission: row.commission,
    refundCount: Number(row.refund_count),
    refundTotal: row.refund_total,
  };
}

function periodQuery(period: GmvPeriod, timeZone: string): PeriodQuery {
  const { comparisonTo } = period;
  return { ...period, lastDayStart: startOfDay(comparisonTo, timeZone), lastDayEnd: startOfDay(addDays(comparisonTo, 1), timeZone) };
}

/** The first instant of a local day. */
function startOfDay(date: string, timeZone: string): Date {
  const guess = new Date(`${date}T00:00:00Z`).getTime();
  // zones are at most 14 hours from UTC: the offset at the guess is right but across a change of the clock, hence twice
  const once = guess - offsetMilliseconds(guess, timeZone);
  return new Date(guess - offsetMilliseconds(once, timeZone));
}

function hoursOfDay(date: string, timeZone: string): Date[] {
  const end = startOfDay(addDays(date, 1), timeZone).getTime();
  const starts: Date[] = [];
  for (let at = startOfDay(date, timeZone).getTime(); at < end; at += 3_600_000) starts.push(new Date(at));
  return starts;
}

function offsetMilliseconds(instant: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(new Date(instant));
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) - instant;
}
