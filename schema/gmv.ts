import { type ChildGmv, type GmvOverview, type GmvPoint, type GmvTotals, readGmvOverview, readVolumes } from '#server/analytics/reads.ts';
import type { GmvRange } from '#server/analytics/rules.ts';
import { actingNetwork, networkTime, stationIdOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { GmvRangeEnum } from './enums.ts';
import { wrongParty } from './errors.ts';
import { idOf } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType } from './money.ts';
import { loadDownlineStation, StationType } from './station.ts';

/** Figures with the currency that they are in. */
export interface InCurrency {
  readonly currency: string;
}

/** Volume of a station's subtree, with the currency that its amounts are in. */
export const GmvTotalsType = builder.objectRef<GmvTotals & InCurrency>('GmvTotals').implement({
  description: 'Volume of a station with its downline in a period, by the day of delivery; refunds by their own day.',
  access: { party: 'STATION', permission: 'ANALYTICS_READ' },
  fields: (t) => ({
    gmv: t.field({ type: MoneyType, description: 'What buyers paid.', resolve: ({ gmv, currency }) => amountOf(gmv, currency) }),
    orderCount: t.exposeInt('orderCount', { description: 'Orders delivered.' }),
    quantity: t.exposeInt('quantity', { description: 'Units delivered.' }),
    margin: t.field({
      type: MoneyType,
      description: 'What the station earned as margins.',
      resolve: ({ margin, currency }) => amountOf(margin, currency),
    }),
    commission: t.field({
      type: MoneyType,
      description: 'What the station earned as commission.',
      resolve: ({ commission, currency }) => amountOf(commission, currency),
    }),
    refundTotal: t.field({
      type: MoneyType,
      description: 'What was given back.',
      resolve: ({ refundTotal, currency }) => amountOf(refundTotal, currency),
    }),
    refundCount: t.exposeInt('refundCount', { description: 'Refunds.' }),
  }),
});

/** A point of a chart, of whatever is counted. */
export const GmvPointType = builder.objectRef<GmvPoint & InCurrency>('GmvPoint').implement({
  description: 'One hour or day of a chart.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    start: t.field({ type: 'DateTime', description: 'Its first instant.', resolve: ({ start }) => start }),
    gmv: t.field({ type: MoneyType, description: 'What buyers paid.', resolve: ({ gmv, currency }) => amountOf(gmv, currency) }),
    orderCount: t.exposeInt('orderCount', { description: 'Orders delivered.' }),
    refundTotal: t.field({
      type: MoneyType,
      description: 'What was given back.',
      resolve: ({ refundTotal, currency }) => amountOf(refundTotal, currency),
    }),
    comparisonGmv: t.field({
      type: MoneyType,
      description: 'What buyers paid in the same hour or day of the period before.',
      resolve: ({ comparisonGmv, currency }) => amountOf(comparisonGmv, currency),
    }),
  }),
});

const StationGmvType = builder.objectRef<ChildGmv & InCurrency>('StationGmv').implement({
  description: 'A direct child in the tree of volumes.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    station: t.field({
      type: StationType,
      description: 'The child.',
      resolve: ({ stationId }, _, context) => requireStation(context, stationId),
    }),
    totals: t.field({
      type: GmvTotalsType,
      description: 'Volume of the child with its downline.',
      resolve: ({ totals, currency }) => ({ ...totals, currency }),
    }),
    comparisonGmv: t.field({
      type: MoneyType,
      description: 'What buyers paid in the period before, up to the same moment.',
      resolve: ({ comparisonGmv, currency }) => amountOf(comparisonGmv, currency),
    }),
    childCount: t.exposeInt('childCount', { description: 'How many children the child has: whether the tree goes on.' }),
  }),
});

const GmvOverviewType = builder.objectRef<GmvOverview & InCurrency>('GmvOverview').implement({
  description: 'Volume of a station with its downline, with its chart and its direct children.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    station: t.field({
      type: StationType,
      description: 'Whose volume.',
      resolve: ({ stationId }, _, context) => requireStation(context, stationId),
    }),
    range: t.field({ type: GmvRangeEnum, description: 'How far back.', resolve: ({ range }) => range }),
    totals: t.field({ type: GmvTotalsType, description: 'Of the range.', resolve: ({ totals, currency }) => ({ ...totals, currency }) }),
    comparison: t.field({
      type: GmvTotalsType,
      description: 'Of the period before, up to the same moment.',
      resolve: ({ comparison, currency }) => ({ ...comparison, currency }),
    }),
    points: t.field({
      type: [GmvPointType],
      description: 'Hours for today, else days; the oldest first.',
      complexity: { field: 1, multiplier: 30 },
      resolve: ({ points, currency }) => points.map((point) => ({ ...point, currency })),
    }),
    byChild: t.field({
      type: [StationGmvType],
      description: 'The direct children, the largest first.',
      complexity: { field: 1, multiplier: 20 },
      resolve: ({ byChild, currency }) => byChild.map((child) => ({ ...child, currency })),
    }),
    asOf: t.field({ type: 'DateTime', description: 'When it was read.', resolve: ({ asOf }) => asOf }),
  }),
});

builder.queryField('gmvOverview', (t) =>
  t.field({
    type: GmvOverviewType,
    access: { party: 'STATION', permission: 'ANALYTICS_READ' },
    description: 'Volume of the acting station or of a station of its downline.',
    complexity: 20,
    args: {
      range: t.arg({ type: GmvRangeEnum, required: true, description: 'How far back.' }),
      stationId: t.arg.id({ description: 'A station of the downline; the acting station when left out.' }),
    },
    resolve: async (_, { range, stationId }, context) => {
      const id = stationId === null || stationId === undefined ? stationIdOf(context) : idOf('Station', stationId);
      const station = id === null ? null : await loadDownlineStation(context, id);
      if (station === null) throw wrongParty('There is no such station in the downline.');
      const [overview, { currency }] = await Promise.all([
        networkTime(context).then((time) => readGmvOverview(context.db.pool, time, station.id, range)),
        actingNetwork(context),
      ]);
      return { ...overview, currency };
    },
  }),
);

/** Volume of a station of the subtree; batched over stations. */
export async function loadVolume(context: Context, stationId: string, range: GmvRange): Promise<GmvTotals & InCurrency> {
  const [totals, { currency }] = await Promise.all([volumesOf(context, { stationId, range }), actingNetwork(context)]);
  return { ...(totals ?? NOTHING), currency };
}

const NOTHING: GmvTotals = {
  orderCount: 0,
  quantity: 0,
  gmv: '0.00',
  margin: '0.00',
  commission: '0.00',
  refundCount: 0,
  refundTotal: '0.00',
};

const volumesOf = batched<{ stationId: string; range: GmvRange }, GmvTotals>(
  async (context, keys) => {
    const time = await networkTime(context);
    const found = new Map<string, GmvTotals>();
    for (const range of new Set(keys.map((key) => key.range))) {
      const ids = keys.filter((key) => key.range === range).map((key) => key.stationId);
      const volumes = await readVolumes(context.db.pool, time, ids, range);
      for (const [stationId, { totals }] of volumes) found.set(`${stationId} ${range}`, totals);
    }
    return found;
  },
  { keyText: ({ stationId, range }) => `${stationId} ${range}` },
);

async function requireStation(context: Context, stationId: string) {
  const station = await loadDownlineStation(context, stationId);
  if (station === null) throw new Error(`the station ${stationId} of a volume is not in the subtree`);
  return station;
}
