import { compareMoney, money, scaleMoney, toAmountString } from '#server/platform/money.ts';
import type { PlannedOrder } from './plan-orders.ts';
import type { Random } from './random.ts';
import type { DemoShape, ShapedSku } from './shape.ts';

const HOUR = 3_600_000;
/** Complaints are about one order in a hundred (domain §7). */
const SHARE = 0.011;
const WHOLE_SHARE = 0.6;
const SUPPLIER_SHARE = 0.3;
/** A list's orders bear the instant of its last: a refund comes later than any list is long. */
const SOONEST_HOURS = 6;
const LATEST_HOURS = 60;
const REASONS = ['卡密已被使用', '卡密无效，官方提示错误', '买错地区，协商退款', '重复下单', '到账延迟，补偿部分金额'];

/** A refund as the story wants it. */
export interface PlannedRefund {
  readonly at: Date;
  /** The number of the order in the story. */
  readonly order: number;
  /** A decimal text; null: all of it. */
  readonly amount: string | null;
  readonly bearer: 'OWNER' | 'SUPPLIER';
  readonly reason: string;
  /** Whether it still waits for a second person when the story ends. */
  readonly waits: boolean;
}

/** What the refunds of the story follow from. */
export interface RefundPlan {
  readonly shape: DemoShape;
  readonly orders: readonly PlannedOrder[];
  readonly until: Date;
  /** Refunds above this need a second person: a decimal text. */
  readonly limit: string;
  readonly random: Random;
}

/** Refunds of headquarters' goods, some hours or days after the order. */
export function planRefunds({ shape, orders, until, limit, random }: RefundPlan): PlannedRefund[] {
  const [root] = shape.stations;
  const skus = new Map(shape.skus.filter(({ owner }) => owner === root?.code).map((sku) => [sku.code, sku]));
  const refunds: PlannedRefund[] = [];
  for (const [number, { at, sku: code, quantity }] of orders.entries()) {
    const sku = skus.get(code);
    if (!random.chance(SHARE) || sku === undefined) continue;
    const when = new Date(at.getTime() + (SOONEST_HOURS + random.int(LATEST_HOURS - SOONEST_HOURS)) * HOUR);
    // half of what the goods cost at their base price is always less than was paid
    const half = scaleMoney(money(sku.basePrice, 'CNY'), BigInt(quantity), BigInt(sku.unitSize) * 2n, 'AMOUNT');
    const amount = random.chance(WHOLE_SHARE) ? null : toAmountString(half);
    const bearer = random.chance(SUPPLIER_SHARE) ? 'SUPPLIER' : 'OWNER';
    if (when < until) refunds.push({ at: when, order: number, amount, bearer, reason: random.pick(REASONS), waits: false });
  }
  const large = largeOrder({ orders, skus, until, limit }, new Set(refunds.map(({ order }) => order)));
  if (large !== null)
    refunds.push({
      at: new Date(until.getTime() - HOUR),
      order: large,
      amount: null,
      bearer: 'OWNER',
      reason: REASONS[0] ?? '',
      waits: true,
    });
  return refunds;
}

type Goods = Pick<RefundPlan, 'orders' | 'until' | 'limit'> & { readonly skus: ReadonlyMap<string, ShapedSku> };

/** The number of the last order, not refunded and old enough, that one person alone may not refund; null when there is none. */
function largeOrder({ orders, skus, until, limit }: Goods, refunded: ReadonlySet<number>): number | null {
  const latest = new Date(until.getTime() - SOONEST_HOURS * HOUR);
  const number = orders.findLastIndex(({ at, sku: code, quantity }, index) => {
    const sku = skus.get(code);
    if (sku === undefined || at > latest || refunded.has(index)) return false;
    const paid = scaleMoney(money(sku.basePrice, 'CNY'), BigInt(quantity), BigInt(sku.unitSize), 'AMOUNT');
    return compareMoney(paid, money(limit, 'CNY')) > 0;
  });
  return number === -1 ? null : number;
}
