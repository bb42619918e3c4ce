import { addMoney, type Money, money, scaleMoney, toAmountString, zeroMoney } from '#server/platform/money.ts';
import type { PlannedOrder } from './plan-orders.ts';
import type { PlannedLot } from './plan-stock.ts';
import { firstMidnight, type Rhythm } from './rhythm.ts';
import type { DemoShape, ShapedSku, ShapedStation } from './shape.ts';

const DAY = 86_400_000;
const INTERVAL_DAYS = 20;
/** Resale prices are a few percent above the base price: what is paid in covers them. */
const NEED_PERCENT = 112n;
/** Large city stations keep the purse of their line; everybody else is topped up by headquarters' finance. */
const BANKER_DEPTH = 2;
const BANKER_LEVEL = '金牌';

/** Money for a station, paid in by headquarters' finance (`payer` null) or by the parent from its own wallet. */
export interface PlannedTopUp {
  readonly at: Date;
  readonly station: string;
  readonly payer: string | null;
  /** A decimal text. */
  readonly amount: string;
}

/** What the top-ups of the story follow from. */
export interface TopUpPlan {
  readonly shape: DemoShape;
  readonly rhythm: Rhythm;
  readonly orders: readonly PlannedOrder[];
  readonly lots: readonly PlannedLot[];
}

/** Every twenty days each station is given what the next twenty will need; who pays stands before whom it pays. */
export function planTopUps({ shape, rhythm, orders, lots }: TopUpPlan): PlannedTopUp[] {
  const start = firstMidnight(rhythm).getTime();
  const skus = new Map(shape.skus.map((sku) => [sku.code, sku]));
  const payers = payersOf(shape.stations);
  const topUps: PlannedTopUp[] = [];
  for (let day = 0; day < rhythm.days; day += INTERVAL_DAYS) {
    // the last days stand for the weeks after the story
    const from = start + Math.max(0, Math.min(day, rhythm.days - INTERVAL_DAYS)) * DAY;
    const needs = needsOf(orders, skus, { from, to: from + INTERVAL_DAYS * DAY });
    addPurchases(
      needs,
      shape,
      lots.filter(({ at }) => at.getTime() >= start + day * DAY && at.getTime() < start + (day + INTERVAL_DAYS) * DAY),
    );
    for (const { station, amount } of withPayees(shape.stations, payers, needs)) {
      const opened = start + station.sinceDay * DAY;
      const at = new Date(Math.max(start + day * DAY, opened));
      topUps.push({ at, station: station.code, payer: payers.get(station.code) ?? null, amount: upToThousand(amount) });
    }
  }
  return topUps.toSorted((a, b) => a.at.getTime() - b.at.getTime());
}

function payersOf(stations: readonly ShapedStation[]): Map<string, string | null> {
  const bankers = new Set(stations.filter(({ depth, level }) => depth === BANKER_DEPTH && level === BANKER_LEVEL).map(({ code }) => code));
  const payers = new Map<string, string | null>();
  for (const { code, parent } of stations) {
    const isInLine = parent !== null && (bankers.has(parent) || typeof payers.get(parent) === 'string');
    payers.set(code, isInLine ? parent : null);
  }
  return payers;
}

function needsOf(
  orders: readonly PlannedOrder[],
  skus: ReadonlyMap<string, ShapedSku>,
  { from, to }: { from: number; to: number },
): Map<string, Money> {
  const needs = new Map<string, Money>();
  for (const { at, buyer, sku: code, quantity } of orders) {
    const sku = skus.get(code);
    if (sku === undefined || at.getTime() < from || at.getTime() >= to) continue;
    const cost = scaleMoney(money(sku.basePrice, 'CNY'), BigInt(quantity) * NEED_PERCENT, BigInt(sku.unitSize) * 100n, 'AMOUNT');
    needs.set(buyer, addMoney(needs.get(buyer) ?? zeroMoney('CNY'), cost));
  }
  return needs;
}

/** Headquarters needs what it pays for the lots that it buys outright. */
function addPurchases(needs: Map<string, Money>, { stations, skus }: DemoShape, lots: readonly PlannedLot[]): void {
  const [root] = stations;
  const bySku = new Map(skus.map((sku) => [sku.code, sku]));
  for (const { sku: code, supplier, terms, keyCount } of lots) {
    const sku = bySku.get(code);
    if (root === undefined || sku === undefined || supplier === null || terms === 'CONSIGNMENT') continue;
    const cost = scaleMoney(money(sku.cost, 'CNY'), BigInt(keyCount) * NEED_PERCENT, BigInt(sku.unitSize) * 100n, 'AMOUNT');
    needs.set(root.code, addMoney(needs.get(root.code) ?? zeroMoney('CNY'), cost));
  }
}

/** What a station needs, with what it pays on; parents first. */
function withPayees(
  stations: readonly ShapedStation[],
  payers: ReadonlyMap<string, string | null>,
  needs: Map<string, Money>,
): { station: ShapedStation; amount: Money }[] {
  // from the leaves up, so that a need has reached everyone who pays for it
  const given = stations.toReversed().flatMap((station) => {
    const need = needs.get(station.code);
    if (need === undefined) return [];
    const amount = money(upToThousand(need), 'CNY');
    const payer = payers.get(station.code) ?? null;
    if (payer !== null) needs.set(payer, addMoney(needs.get(payer) ?? zeroMoney('CNY'), amount));
    return [{ station, amount: need }];
  });
  return given.toReversed();
}

/** The next full thousand, as a decimal text: nobody tops up odd cents. */
export function upToThousand(amount: Money): string {
  const [whole = '0'] = toAmountString(amount).split('.');
  return `${BigInt(whole) / 1000n + 1n}000.00`;
}
