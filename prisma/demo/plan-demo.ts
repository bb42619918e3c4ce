import type { DemoData } from './data.ts';
import { planOrders } from './plan-orders.ts';
import { planRefunds } from './plan-refunds.ts';
import { planStock } from './plan-stock.ts';
import { planTopUps } from './plan-top-ups.ts';
import type { Story } from './play-story.ts';
import { createRandom } from './random.ts';
import { firstMidnight } from './rhythm.ts';
import { type DemoShape, type ShapeSize, shapeDemo } from './shape.ts';

const DAY = 86_400_000;
/** China keeps one time all the year. */
const OFFSET_MINUTES = 480;
/** The data tell of day N of sixty. */
const DATA_DAYS = 60;
const REVEALERS = 6;

/** How large the demo is, and from which seed; what is left out is the size of the first start. */
export interface DemoSize extends ShapeSize {
  readonly orders?: number | undefined;
  /** At least this many card keys; orders may need more. */
  readonly keys?: number | undefined;
  readonly days?: number | undefined;
  readonly seed?: string | undefined;
}

/** The whole demo before a row is written. */
export interface DemoPlan {
  readonly seed: string;
  readonly shape: DemoShape;
  readonly story: Story;
}

/** Plans everything: pure, so that one seed and one end always give one story. */
export function planDemo(data: DemoData, size: DemoSize, until: Date): DemoPlan {
  const { orders: count = 6_000, keys = 20_000, days = DATA_DAYS, seed = 'fenzhan' } = size;
  const shape = shapeDemo(data, size, seed);
  const rhythm = { until, days, offsetMinutes: OFFSET_MINUTES, seed };
  const start = firstMidnight(rhythm);
  const frozen = planFreeze(data, shape, { start, days });
  const orders = planOrders({ shape, rhythm, count, frozen });
  const lots = planStock({ shape, rhythm, orders, keys });
  const buyers = shape.stations.filter(({ kind }) => kind === 'RESELLER').map(({ code }) => code);
  return {
    seed,
    shape,
    story: {
      start,
      until,
      orders,
      lots,
      topUps: planTopUps({ shape, rhythm, orders, lots }),
      refunds: planRefunds({ shape, orders, until, limit: data.network.network.refundLimit, random: createRandom(seed, 'refunds') }),
      frozen,
      revealers: buyers.slice(0, REVEALERS),
    },
  };
}

function planFreeze({ network }: DemoData, { stations }: DemoShape, { start, days }: { start: Date; days: number }): Story['frozen'] {
  const { station, day, reason } = network.frozen;
  if (!stations.some(({ code }) => code === station)) return null;
  return { station, reason, from: new Date(start.getTime() + Math.floor((day * days) / DATA_DAYS) * DAY) };
}
