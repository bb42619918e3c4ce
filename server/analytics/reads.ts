import { addDays, localDate, startOfDay } from '#server/platform/clock.ts';
import type { Database, Queryable } from '#server/platform/database.ts';
import { decimal4 } from '#server/platform/money.ts';
import {
  type GmvPeriod,
  type GmvRange,
  gmvPeriod,
  type ScorecardFacts,
  type ScorecardFigures,
  type ScorecardWindow,
  scorecardFigures,
  windowStart,
} from './rules.ts';
import {
  type Days,
  type GmvTotalsRow,
  type PeriodQuery,
  readBestSellers,
  readCategoryVolumes,
  readChildTotals,
  readDayBuckets,
  readDaysOf,
  readFrequentSkus,
  readHourBuckets,
  readHoursOf,
  readPeriodTotals,
  readScorecards,
  readSupplierVolumes,
  type ScorecardRow,
  type SeriesSubject,
} from './sql.ts';

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
    readPoints(time, range, {
      hours: (span) => readHourBuckets(db, time.networkId, stationId, span),
      days: (days) => readDayBuckets(db, time.networkId, stationId, days),
    }),
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

/** One SKU of a ranking, by the names that orders show: whoever sees the orders may read them. */
export type SkuVolume = { readonly skuId: string; readonly skuName: string; readonly productName: string; readonly totals: GmvTotals };

/** The SKUs of which a station's subtree bought most in a range, by GMV: one statement. */
export async function readTopSkus(
  db: Queryable,
  time: NetworkTime,
  stationId: string,
  { range, limit }: { range: GmvRange; limit: number },
): Promise<SkuVolume[]> {
  const rows = await readBestSellers(db, time.networkId, stationId, gmvPeriod(range, time.now, time.timeZone), limit);
  return rows.map((row) => ({ skuId: row.sku_id, skuName: row.sku_name, productName: row.product_name, totals: toTotals(row) }));
}

/** One category of a ranking. */
export type CategoryVolume = { readonly categoryId: string; readonly name: string; readonly totals: GmvTotals };

/** The categories of which a station's subtree bought most in a range, by GMV: one statement. */
export async function readTopCategories(
  db: Queryable,
  time: NetworkTime,
  stationId: string,
  { range, limit }: { range: GmvRange; limit: number },
): Promise<CategoryVolume[]> {
  const rows = await readCategoryVolumes(db, time.networkId, stationId, gmvPeriod(range, time.now, time.timeZone), limit);
  return rows.map((row) => ({ categoryId: row.category_id, name: row.name, totals: toTotals(row) }));
}

/** One supplier of an owner's ranking; `cost` is what it got. */
export type SupplierVolume = { readonly supplierId: string; readonly cost: string; readonly totals: GmvTotals };

/** The suppliers whose goods the owner sold most of in a range: one statement. Only the owner's own goods (domain §2). */
export async function readTopSuppliers(
  db: Queryable,
  time: NetworkTime,
  ownerId: string,
  { range, limit }: { range: GmvRange; limit: number },
): Promise<SupplierVolume[]> {
  const rows = await readSupplierVolumes(db, time.networkId, ownerId, gmvPeriod(range, time.now, time.timeZone), limit);
  return rows.map((row) => ({ supplierId: row.supplier_id, cost: row.cost, totals: toTotals(row) }));
}

/** A SKU that a station buys itself; `lastOn` is the local day of the last order. */
export type FrequentSku = {
  readonly skuId: string;
  readonly skuName: string;
  readonly productName: string;
  readonly orderCount: number;
  readonly quantity: number;
  readonly gmv: string;
  readonly lastOn: string;
};

const FREQUENT_DAYS = 90;

/** What a station ordered most often itself in the last 90 days: one statement. */
export async function readFrequent(db: Queryable, time: NetworkTime, buyerId: string, limit: number): Promise<FrequentSku[]> {
  const to = localDate(time.now, time.timeZone);
  const rows = await readFrequentSkus(db, time.networkId, buyerId, { from: addDays(to, 1 - FREQUENT_DAYS), to }, limit);
  return rows.map((row) => ({
    skuId: row.sku_id,
    skuName: row.sku_name,
    productName: row.product_name,
    orderCount: Number(row.order_count),
    quantity: Number(row.quantity),
    gmv: row.gmv,
    lastOn: row.last_on,
  }));
}

/** An owner's sales of one SKU, category or supplier over time; all zero for what is not its own. One statement. */
export function readSeries(
  db: Queryable,
  time: NetworkTime,
  ownerId: string,
  subject: SeriesSubject,
  range: GmvRange,
): Promise<GmvPoint[]> {
  return readPoints(time, range, {
    hours: (span) => readHoursOf(db, time.networkId, ownerId, subject, span),
    days: (days) => readDaysOf(db, time.networkId, ownerId, subject, days),
  });
}

type Buckets = {
  hours(span: { start: Date; end: Date }): Promise<(GmvTotalsRow & { start: Date })[]>;
  days(days: Days): Promise<(GmvTotalsRow & { start: string })[]>;
};

/** Every hour of today or day of the range, with the same one of the period before. */
async function readPoints(time: NetworkTime, range: GmvRange, read: Buckets): Promise<GmvPoint[]> {
  const period = gmvPeriod(range, time.now, time.timeZone);
  if (period.bucket === 'DAY') {
    const on = new Map((await read.days({ from: period.comparisonFrom, to: period.to })).map((row) => [row.start, row]));
    return Array.from({ length: period.days }, (_, index) => {
      const day = addDays(period.from, index);
      return toPoint(startOfDay(day, time.timeZone), on.get(day), on.get(addDays(day, -period.days)));
    });
  }
  const span = { start: startOfDay(period.comparisonTo, time.timeZone), end: startOfDay(addDays(period.to, 1), time.timeZone) };
  const at = new Map((await read.hours(span)).map((row) => [row.start.getTime(), row]));
  // every local hour is one entry; a day of a zone that changes its clock has 23 or 25 of them
  const comparisonStarts = hoursOfDay(period.comparisonTo, time.timeZone);
  return hoursOfDay(period.to, time.timeZone).map((start, index) =>
    toPoint(start, at.get(start.getTime()), at.get(comparisonStarts[index]?.getTime() ?? Number.NaN)),
  );
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

function hoursOfDay(date: string, timeZone: string): Date[] {
  const end = startOfDay(addDays(date, 1), timeZone).getTime();
  const starts: Date[] = [];
  for (let at = startOfDay(date, timeZone).getTime(); at < end; at += 3_600_000) starts.push(new Date(at));
  return starts;
}

// ---- scorecards ----

/** A supplier's card for a SKU in a window of time, with what follows from its facts. */
export type Scorecard = ScorecardRow & ScorecardFigures & { readonly window: ScorecardWindow };

/** Which cards: of one SKU, of one supplier, or both. */
export type ScorecardFilter = { readonly skuId: string | null; readonly supplierId: string | null; readonly window: ScorecardWindow };

/**
 * The cards of the viewer: a station those of its own SKUs (of one SKU or one supplier, for without either there are none), a supplier its
 * own. One statement over roll-ups. What a supplier must not know of others and of resale, its contract leaves out.
 */
export async function scorecards(db: Database, viewer: ScorecardViewer, filter: ScorecardFilter): Promise<Scorecard[]> {
  const { networkId, party } = viewer;
  const scope =
    party.kind === 'STATION'
      ? { networkId, ownerId: party.stationId, supplierId: filter.supplierId, skuId: filter.skuId }
      : { networkId, ownerId: null, supplierId: party.supplierId, skuId: filter.skuId };
  if (scope.skuId === null && scope.supplierId === null) return [];
  if (party.kind === 'SUPPLIER' && filter.supplierId !== null && filter.supplierId !== party.supplierId) return [];
  const rows = await readScorecards(db.pool, scope, windowStart(filter.window, db.clock()));
  return rows.map((row) => ({ ...row, ...scorecardFigures(factsOf(row)), window: filter.window }));
}

/** Who reads scorecards. An accounts' Viewer is one. */
export type ScorecardViewer = {
  readonly networkId: string;
  readonly party: { readonly kind: 'STATION'; readonly stationId: string } | { readonly kind: 'SUPPLIER'; readonly supplierId: string };
};

function factsOf(row: ScorecardRow): ScorecardFacts {
  return {
    attemptCount: row.attempt_count,
    successCount: row.success_count,
    unknownCount: row.unknown_count,
    boughtQuantity: row.bought_quantity,
    skuQuantity: row.sku_quantity,
    orderCount: row.order_count,
    complaintCount: row.complaint_count,
    margin: decimal4(row.margin),
    cost: decimal4(row.cost),
    ownUnitCost: row.own_unit_cost === null ? null : decimal4(row.own_unit_cost),
    othersUnitCost: row.others_unit_cost === null ? null : decimal4(row.others_unit_cost),
    histogram: new Map(Object.entries(row.histogram).map(([bucket, count]) => [Number(bucket), count])),
  };
}
