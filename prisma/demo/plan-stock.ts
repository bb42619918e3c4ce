import type { PlannedOrder } from './plan-orders.ts';
import { createRandom, type Random } from './random.ts';
import { firstMidnight, type Rhythm } from './rhythm.ts';
import type { DemoShape, ShapedSku } from './shape.ts';

const DAY = 86_400_000;
/** Shelves are looked over at eight in the morning. */
const MORNING = 8 * 3_600_000;
/** How far ahead the buyers of headquarters think. */
const DAYS_AHEAD = 14;
/** A shelf that holds less than this many days' sales is filled again. */
const DAYS_LEAST = 3;
/** Some goods are hard to get: their shelves stay empty for some days. */
const SCARCE_SHARE = 0.06;
const SCARCE_MORNINGS_MISSED = 0.85;
/** And in the last days they do not come at all. */
const SCARCE_DAYS = 9;

/** A lot as the story wants it: `expiresInDays` counts from the day it comes. */
export interface PlannedLot {
  readonly at: Date;
  readonly sku: string;
  /** null: made by the owner itself. */
  readonly supplier: string | null;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly keyCount: number;
  /** What the supplier asks beside its list price, in ten-thousandths: 10020 is 0.2 % more. */
  readonly costFactor: number;
  readonly expiresInDays: number | null;
}

/** What the lots of the story follow from. */
export interface StockPlan {
  readonly shape: DemoShape;
  readonly rhythm: Rhythm;
  readonly orders: readonly PlannedOrder[];
  /** At least this many card keys in all. */
  readonly keys: number;
}

/** All lots of the story, ascending by time: shelves filled before the first order, and again when they run low. */
export function planStock({ shape, rhythm, orders, keys }: StockPlan): PlannedLot[] {
  const random = createRandom(rhythm.seed, 'stock');
  const start = firstMidnight(rhythm).getTime();
  const sold = soldByDay(orders, start, rhythm.days);
  const shelves = shape.skus.map((sku) => ({ sku, available: 0, sales: sold.get(sku.code), isScarce: random.chance(SCARCE_SHARE) }));
  const lots: PlannedLot[] = [];
  for (let day = 0; day < rhythm.days; day += 1) {
    const at = new Date(start + day * DAY + (day === 0 ? 0 : MORNING));
    if (at > rhythm.until) break;
    for (const shelf of shelves) {
      const isMissed = shelf.isScarce && day > 0 && (day >= rhythm.days - SCARCE_DAYS || random.chance(SCARCE_MORNINGS_MISSED));
      if (!isMissed && shelf.available <= demandOf(shelf.sales, day, DAYS_LEAST)) {
        const wanted = Math.max(
          leastLot(shelf.sku) + random.int(8),
          Math.ceil(demandOf(shelf.sales, day, DAYS_AHEAD) * (1 + 0.4 * random.next())),
        );
        const arrived = splitLot(shelf.sku, wanted, at, random);
        lots.push(...arrived);
        shelf.available += wanted;
      }
      shelf.available = Math.max(0, shelf.available - (shelf.sales?.[day] ?? 0));
    }
  }
  return raiseTo(lots, keys);
}

function soldByDay(orders: readonly PlannedOrder[], start: number, days: number): Map<string, number[]> {
  const sold = new Map<string, number[]>();
  for (const { at, sku, quantity } of orders) {
    const list = sold.get(sku) ?? Array<number>(days).fill(0);
    const day = Math.floor((at.getTime() - start) / DAY);
    list[day] = (list[day] ?? 0) + quantity;
    sold.set(sku, list);
  }
  return sold;
}

// towards the end of the story the last days stand for those that come after it
function demandOf(sales: readonly number[] | undefined, day: number, days: number): number {
  if (sales === undefined) return 0;
  const from = Math.max(0, Math.min(day, sales.length - days));
  return sales.slice(from, from + days).reduce((sum, count) => sum + count, 0);
}

function leastLot(sku: ShapedSku): number {
  return sku.quantityStep > 1 ? 100 : 3;
}

// a large lot often comes from two suppliers, or partly bought outright
function splitLot(sku: ShapedSku, keyCount: number, at: Date, random: Random): PlannedLot[] {
  const first = keyCount >= 20 && random.chance(0.35) ? Math.ceil(keyCount * (0.4 + 0.3 * random.next())) : keyCount;
  return [first, keyCount - first].filter((count) => count > 0).map((count) => oneLot(sku, count, at, random));
}

function oneLot(sku: ShapedSku, keyCount: number, at: Date, random: Random): PlannedLot {
  const [usual, second] = sku.suppliers;
  const isSecond = second !== undefined && random.chance(0.25);
  const supplier = (isSecond ? second : usual) ?? null;
  return {
    at,
    sku: sku.code,
    supplier,
    terms: supplier === null || random.chance(0.24) ? 'OWN' : 'CONSIGNMENT',
    keyCount,
    // the second supplier is a little dearer; prices of lots drift by three tenths of a percent
    costFactor: 9_985 + random.int(30) + (isSecond ? 15 : 0),
    expiresInDays: random.chance(0.45) ? 75 + random.int(600) : null,
  };
}

/** Enlarges the last lots evenly until there are as many keys as were asked for. */
function raiseTo(lots: readonly PlannedLot[], keys: number): PlannedLot[] {
  const planned = lots.reduce((sum, { keyCount }) => sum + keyCount, 0);
  const missing = keys - planned;
  if (missing <= 0 || lots.length === 0) return [...lots];
  const each = Math.floor(missing / lots.length);
  const more = missing - each * lots.length;
  return lots.map((lot, index) => ({ ...lot, keyCount: lot.keyCount + each + (index >= lots.length - more ? 1 : 0) }));
}
