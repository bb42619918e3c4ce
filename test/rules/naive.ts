import { Decimal } from 'decimal.js';
import type { KeysText, NetworkText, OrderText, PlayedOrder, RuleText } from './case-world.ts';

// The domain's §3 and §4 a second time, written from its text alone, as plainly as can be: decimals instead of scaled
// integers, lists and sorting instead of look-ups. It shares no code with the real rules; the property tests compare both.

const Exact = Decimal.clone({ precision: 80, rounding: Decimal.ROUND_HALF_UP });
const number = (text: string | number) => new Exact(text);
const cents = (value: Decimal) => value.toDecimalPlaces(2, Decimal.ROUND_HALF_UP);
const unitPrice = (value: Decimal) => value.toDecimalPlaces(4, Decimal.ROUND_HALF_UP);
const total = (list: Decimal[]) => list.reduce((sum, value) => sum.plus(value), number(0));
const signed = (value: Decimal) => (value.isNegative() && !value.isZero() ? value.toFixed(2) : `+${value.toFixed(2)}`);

/** The outcomes of orders of one buyer in CNY, in the words of a case file. */
export function naiveOrders(network: NetworkText, orders: readonly OrderText[]): PlayedOrder[] {
  const shelf: KeysText[] = network.keys.map((lot) => ({ ...lot }));
  const purses = new Map(
    Object.entries(network.wallets).map(([name, balance]) => [name, number(balance).plus(network.credit?.[name] ?? 0)]),
  );
  return orders.map((order) => naiveOrder(network, order, shelf, purses));
}

function naiveOrder(network: NetworkText, order: OrderText, shelf: KeysText[], purses: Map<string, Decimal>): PlayedOrder {
  const line = lineOf(network, order.buyer);
  const { owner, min = 1, max = 1_000_000, step = 1 } = network.sku;
  const ownerAt = line.indexOf(owner);
  const notSellable = (reason: string) => ({ refused: 'NOT_SELLABLE', reason });
  if (line.some((name) => (network.status?.[name] ?? 'ACTIVE') !== 'ACTIVE')) return { refused: 'STATION_FROZEN' };
  if (ownerAt < 0) return notSellable('NOT_LISTED');
  const { quantity } = order;
  if (quantity < min || quantity > max || (quantity - min) % step !== 0) {
    return { refused: 'QUANTITY_OUT_OF_RANGE', minQuantity: min, maxQuantity: max, quantityStep: step };
  }
  const s = line.slice(ownerAt); // s[0] owns the SKU, the last one buys
  if (s.length === 1) return notSellable('OWN_GOODS');
  const chain = naiveChain(network, s, quantity);
  if (typeof chain === 'string') return notSellable(chain);
  const { P, T } = chain;
  const price = at(T, T.length - 1);
  if (order.maxTotal !== undefined && price.gt(order.maxTotal)) {
    return { refused: 'PRICE_MOVED', currentTotal: price.toFixed(2), maxTotal: order.maxTotal };
  }
  const onShelf = shelf.reduce((sum, lot) => sum + lot.count, 0);
  if (onShelf < quantity) return { refused: 'OUT_OF_STOCK', availableCount: onShelf };
  const taken = takeKeys(shelf, quantity);
  const cost = total(taken.map((lot) => number(lot.cost).times(lot.count)));
  const ownerMargin = at(T, 1).minus(cost);
  const commission = naiveCommission(network, price, quantity, ownerMargin, s);
  const consigned = taken.filter((lot) => lot.terms !== 'OWN');
  const paidOut = total([...commission.paid.map((paid) => paid.amount), ...consigned.map((lot) => number(lot.cost).times(lot.count))]);
  const ownerGets = at(T, 1).minus(paidOut);
  if (ownerMargin.isNegative() && !ownerMargin.isZero()) {
    const loss = ownerGets.isNegative() ? ownerGets.negated() : number(0);
    const canBear = owner === 'HQ' || loss.lte(purses.get(owner) ?? 0);
    if (!network.allowLoss?.includes(owner) || !canBear) return notSellable('UNAVAILABLE');
  }
  const purse = purses.get(order.buyer) ?? number(0);
  if (price.gt(purse)) return { refused: 'INSUFFICIENT_BALANCE', required: price.toFixed(2), available: purse.toFixed(2) };
  purses.set(order.buyer, purse.minus(price));
  if (ownerGets.isNegative()) purses.set(owner, (purses.get(owner) ?? number(0)).plus(ownerGets));
  removeSold(shelf, taken);
  return outcome({ s, P, T, cost, ownerMargin, ownerGets, consigned, commission });
}

/** P[i] and T[i] are what s[i] pays; index 0 is unused. A string is the reason for which there is no price. */
function naiveChain(network: NetworkText, s: string[], quantity: number): { P: Decimal[]; T: Decimal[] } | string {
  const P = [number(network.sku.basePrice)];
  const T = [number(0)];
  for (let i = 1; i < s.length; i++) {
    const start = at(P, i - 1);
    const ceiling = i < 2 ? null : network.band?.ceiling === undefined ? at(P, 1).times(3) : number(network.band.ceiling);
    const floor = i < 2 || network.band?.floor === undefined ? null : number(network.band.floor);
    if (ceiling && start.gt(ceiling)) return 'UNAVAILABLE';
    let price = start;
    const rule = naiveRule(network, s[i - 1] ?? '', s[i] ?? '');
    if (rule) {
      const reached = (rule.breaks ?? []).filter((step) => step.from <= quantity).sort((a, b) => b.from - a.from)[0];
      const value = number(reached?.value ?? rule.percent ?? rule.fixed ?? rule.price ?? '');
      if (rule.percent !== undefined) price = unitPrice(start.times(value.div(100).plus(1)));
      else if (rule.fixed !== undefined) price = start.plus(value);
      else if (start.lte(value)) price = value;
      else if (rule.whenInverted !== 'RAISE_TO_START') return 'UNAVAILABLE';
    }
    if (floor && price.lt(floor)) price = floor;
    if (ceiling && price.gt(ceiling)) price = ceiling;
    if (floor && price.lt(floor)) return 'UNAVAILABLE'; // floor and ceiling leave no room
    P.push(price);
    T.push(cents(price.times(quantity).div(network.sku.unitSize ?? 1)));
    if (at(T, i).isZero()) return 'ZERO_TOTAL';
  }
  return { P, T };
}

function naiveRule(network: NetworkText, seller: string, buyer: string): RuleText | undefined {
  const targets = [buyer, `level ${network.levels?.[buyer] ?? '-'}`, 'everyone'];
  const nearestFirst = [...(network.sku.categories ?? ['Games'])].reverse().map((name) => `category ${name}`);
  const scopes = ['sku', 'product', ...nearestFirst, 'everything'];
  const fitting = (network.rules ?? []).filter((rule) => rule.from === seller && targets.includes(rule.to) && scopes.includes(rule.on));
  return fitting.sort((a, b) => targets.indexOf(a.to) - targets.indexOf(b.to) || scopes.indexOf(a.on) - scopes.indexOf(b.on))[0];
}

type Commission = { pool: Decimal | null; paid: { station: string; amount: Decimal }[] };

function naiveCommission(network: NetworkText, price: Decimal, quantity: number, ownerMargin: Decimal, s: string[]): Commission {
  const nearestFirst = [...(network.sku.categories ?? ['Games'])].reverse().map((name) => `category ${name}`);
  const scopes = ['sku', 'product', ...nearestFirst];
  const plan = (network.commission ?? [])
    .filter((one) => scopes.includes(one.on ?? 'sku'))
    .sort((a, b) => scopes.indexOf(a.on ?? 'sku') - scopes.indexOf(b.on ?? 'sku'))[0];
  if (!plan) return { pool: null, paid: [] };
  const planned = cents(plan.percent === undefined ? number(plan.perUnit ?? '').times(quantity) : price.times(plan.percent).div(100));
  const pool = Decimal.min(planned, Decimal.max(ownerMargin, 0));
  const shares = plan.shares.slice(0, network.commissionLevelsMax ?? 3);
  const exact = shares.map((share) => pool.times(share).div(10_000));
  const parts = exact.map((value) => value.toDecimalPlaces(2, Decimal.ROUND_FLOOR));
  let leftOver = cents(total(exact)).minus(total(parts));
  const order = exact.map((_, level) => level).sort((a, b) => remainder(exact, parts, b).cmp(remainder(exact, parts, a)) || a - b);
  for (const level of order) {
    if (!leftOver.gt(0)) break;
    parts[level] = at(parts, level).plus('0.01');
    leftOver = leftOver.minus('0.01');
  }
  const between = s.slice(1, -1).reverse(); // the buyer's parent first
  const paid = between.flatMap((station, level) => (parts[level] ? [{ station, amount: parts[level] }] : []));
  return { pool, paid: paid.filter((one) => !one.amount.isZero()) };
}

function outcome(order: {
  s: string[];
  P: Decimal[];
  T: Decimal[];
  cost: Decimal;
  ownerMargin: Decimal;
  ownerGets: Decimal;
  consigned: KeysText[];
  commission: Commission;
}): PlayedOrder {
  const { s, P, T, commission } = order;
  const margins = new Map([[at(s, 0), order.ownerMargin]]);
  for (let i = 1; i < s.length - 1; i++) margins.set(at(s, i), at(T, i + 1).minus(at(T, i)));
  const postings = [`${at(s, s.length - 1)} WALLET ${signed(at(T, T.length - 1).negated())} SALE`];
  for (const station of s.slice(1, -1).reverse()) {
    const margin = margins.get(station);
    const got = commission.paid.find((one) => one.station === station);
    if (margin && !margin.isZero()) postings.push(`${station} EARNINGS_PENDING ${signed(margin)} MARGIN`);
    if (got) postings.push(`${station} EARNINGS_PENDING ${signed(got.amount)} COMMISSION`);
  }
  const account = order.ownerGets.isNegative() ? 'WALLET' : 'EARNINGS_PENDING';
  if (!order.ownerGets.isZero()) postings.push(`${at(s, 0)} ${account} ${signed(order.ownerGets)} MARGIN`);
  for (const supplier of new Set(order.consigned.map((lot) => lot.supplier))) {
    const owed = total(order.consigned.filter((lot) => lot.supplier === supplier).map((lot) => number(lot.cost).times(lot.count)));
    if (!owed.isZero()) postings.push(`supplier ${supplier} PAYABLE_PENDING ${signed(owed)} COST`);
  }
  return {
    chain: s.slice(1).map((buyer, i) => `${buyer} pays ${s[i]} ${at(P, i + 1).toFixed(4)}, total ${at(T, i + 1).toFixed(2)}`),
    cost: order.cost.toFixed(2),
    margins: Object.fromEntries([...margins].map(([station, margin]) => [station, margin.toFixed(2)])),
    ...(commission.pool && {
      commission: {
        pool: commission.pool.toFixed(2),
        ...Object.fromEntries(commission.paid.map((one) => [one.station, one.amount.toFixed(2)])),
      },
    }),
    postings,
  };
}

function takeKeys(shelf: KeysText[], quantity: number): KeysText[] {
  let missing = quantity;
  const taken: KeysText[] = [];
  for (const lot of shelf) {
    const count = Math.min(missing, lot.count);
    if (count > 0) taken.push({ ...lot, count });
    missing -= count;
  }
  return taken;
}

function removeSold(shelf: KeysText[], taken: KeysText[]): void {
  let sold = taken.reduce((sum, lot) => sum + lot.count, 0);
  for (const lot of shelf) {
    const count = Math.min(sold, lot.count);
    lot.count -= count;
    sold -= count;
  }
}

function remainder(exact: Decimal[], parts: Decimal[], level: number): Decimal {
  return at(exact, level).minus(at(parts, level));
}

function lineOf(network: NetworkText, name: string): string[] {
  const parent = network.stations[name];
  return parent === undefined ? [name] : [...lineOf(network, parent), name];
}

function at<Item>(list: readonly Item[], index: number): Item {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}
