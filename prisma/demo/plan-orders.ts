import { compareMoney, money } from '#server/platform/money.ts';
import { createRandom, type Random, weightedIndex } from './random.ts';
import { firstMidnight, orderInstants, type Rhythm } from './rhythm.ts';
import type { DemoShape, ShapedSku, ShapedStation } from './shape.ts';

const DAY = 86_400_000;
/** How often a buyer stays with what it is known for. */
const FOCUS_SHARE = 0.62;
/** How often a buyer takes what a sub-station above it makes itself. */
const LOCAL_SHARE = 0.04;
/** Above this price nobody buys by the dozen. */
const DEAR = money('300', 'CNY');

/** One order as the story wants it, by codes. */
export interface PlannedOrder {
  readonly at: Date;
  readonly buyer: string;
  readonly sku: string;
  readonly quantity: number;
}

/** What the orders of the story follow from. */
export interface OrderPlan {
  readonly shape: DemoShape;
  readonly rhythm: Rhythm;
  readonly count: number;
  /** The station that is frozen, and when; nothing is asked for by it or below it from then on. */
  readonly frozen: { readonly station: string; readonly from: Date } | null;
}

/** All orders of the story, ascending by time. The same plan always gives the same orders. */
export function planOrders({ shape, rhythm, count, frozen }: OrderPlan): PlannedOrder[] {
  const start = firstMidnight(rhythm);
  const random = createRandom(rhythm.seed, 'orders');
  const buyers = prepareBuyers(shape);
  const pickBuyer = weightedIndex(buyers.map(({ station }) => station.volume));
  const openBuyer = (at: Date): Buyer => {
    for (;;) {
      const buyer = buyers[pickBuyer(random)];
      if (buyer !== undefined && isOpen(buyer, at, start, frozen)) return buyer;
    }
  };
  return orderInstants(rhythm, count).map((at) => {
    const buyer = openBuyer(at);
    const sku = buyer.pickSku(random);
    return { at, buyer: buyer.station.code, sku: sku.code, quantity: pickQuantity(sku, random) };
  });
}

interface Buyer {
  readonly station: ShapedStation;
  readonly line: ReadonlySet<string>;
  pickSku(random: Random): ShapedSku;
}

function prepareBuyers({ stations, skus }: DemoShape): Buyer[] {
  const root = stations[0]?.code ?? '';
  const headquarters = skus.filter((sku) => sku.owner === root);
  const fromAll = skuPicker(headquarters);
  // many buyers share a focus: each is summed up once
  const byFocus = new Map<string, (random: Random) => ShapedSku>();
  const focusPicker = (focus: string | undefined) => {
    if (focus === undefined) return fromAll;
    const goods = headquarters.filter((sku) => sku.category === focus || sku.category.startsWith(`${focus}/`));
    if (!byFocus.has(focus)) byFocus.set(focus, goods.length === 0 ? fromAll : skuPicker(goods));
    return byFocus.get(focus) ?? fromAll;
  };
  const lines = new Map<string, ReadonlySet<string>>();
  const buyers: Buyer[] = [];
  for (const station of stations) {
    const line = new Set([...(station.parent === null ? [] : (lines.get(station.parent) ?? [])), station.code]);
    lines.set(station.code, line);
    if (station.parent === null || station.volume === 0) continue;
    const local = skus.filter((sku) => sku.owner !== root && sku.owner !== station.code && line.has(sku.owner));
    const fromFocus = focusPicker(station.focus);
    const fromLocal = local.length === 0 ? fromFocus : skuPicker(local);
    const pickSku = (random: Random) => {
      if (random.chance(LOCAL_SHARE)) return fromLocal(random);
      return random.chance(FOCUS_SHARE) ? fromFocus(random) : fromAll(random);
    };
    buyers.push({ station, line, pickSku });
  }
  return buyers;
}

function skuPicker(skus: readonly ShapedSku[]): (random: Random) => ShapedSku {
  const pick = weightedIndex(skus.map((sku) => sku.weight));
  return (random) => {
    const sku = skus[pick(random)];
    if (sku === undefined) throw new Error('no SKU to pick from');
    return sku;
  };
}

function isOpen({ station, line }: Buyer, at: Date, start: Date, frozen: OrderPlan['frozen']): boolean {
  if (at.getTime() < start.getTime() + station.sinceDay * DAY) return false;
  return frozen === null || at < frozen.from || !line.has(frozen.station);
}

/** Mostly one; cheap goods by the handful, now and then a wholesaler, so that price breaks matter. */
function pickQuantity(sku: ShapedSku, random: Random): number {
  const chance = random.next();
  if (sku.quantityStep > 1) return Math.min(sku.maxQuantity, sku.minQuantity + sku.quantityStep * random.int(8));
  const isDear = compareMoney(money(sku.basePrice, 'CNY'), DEAR) > 0;
  const wanted =
    chance < 0.72
      ? 1
      : chance < 0.87
        ? 2 + random.int(2)
        : isDear
          ? 2
          : chance < 0.97
            ? 4 + random.int(7)
            : chance < 0.995
              ? 12 + random.int(19)
              : 50;
  return Math.min(sku.maxQuantity, wanted);
}
