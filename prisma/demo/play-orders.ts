import type { Viewer } from '#server/accounts/rules.ts';
import { LIST_KEYS_MAX, LIST_ORDERS_MAX, type PlaceOrderOutcome, type PlaceOrderRequest, placeOrders } from '#server/flows/place-orders.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import type { Database } from '#server/platform/database.ts';
import type { Money } from '#server/platform/money.ts';
import type { PlannedOrder } from './plan-orders.ts';
import { upToThousand } from './plan-top-ups.ts';
import { known } from './write-network.ts';

const DAY = 86_400_000;
/** No price of the demo moves under a buyer's hands, so the most that they pay says nothing. */
const ANY_TOTAL = '99999999.00';

/** Who places orders, and what they call the goods. */
export interface OrderDesk {
  readonly db: Database;
  /** By station code. */
  readonly buyers: ReadonlyMap<string, Viewer>;
  /** SKU ids by code. */
  readonly skus: ReadonlyMap<string, string>;
  /** Headquarters' finance, who helps a buyer out that ran dry. */
  readonly finance: Viewer;
}

/** A planned order with its number in the story, from which its request key is made. */
export interface NumberedOrder extends PlannedOrder {
  readonly number: number;
}

/**
 * Places a list in its order; answers what became of each. A buyer whose wallet ran dry is topped up by headquarters and asks
 * again, as people do.
 */
export async function placeList(desk: OrderDesk, orders: readonly NumberedOrder[]): Promise<PlaceOrderOutcome[]> {
  const outcomes = await placeOnce(desk, orders);
  const dry = orders.filter((_, index) => outcomes[index]?.kind === 'INSUFFICIENT_BALANCE');
  if (dry.length === 0) return outcomes;
  for (const order of dry) {
    const outcome = outcomes[orders.indexOf(order)];
    if (outcome?.kind === 'INSUFFICIENT_BALANCE') await helpOut(desk, order, outcome.required);
  }
  const again = await placeOnce(desk, dry);
  return orders.map((order, index) => again[dry.indexOf(order)] ?? outcomes[index] ?? { kind: 'NOT_FOUND' });
}

function placeOnce({ db, buyers, skus }: OrderDesk, orders: readonly NumberedOrder[]): Promise<PlaceOrderOutcome[]> {
  return placeOrders(
    db,
    orders.map(
      ({ buyer, sku, quantity, number }): PlaceOrderRequest => ({
        viewer: known(buyers, buyer),
        channel: 'DEMO',
        requestKey: `demo-${number}`,
        skuId: known(skus, sku),
        quantity,
        maxTotal: ANY_TOTAL,
        externalRef: number % 3 === 0 ? `${buyer}-${String(number).padStart(7, '0')}` : null,
        groupId: null,
      }),
    ),
  );
}

async function helpOut({ db, finance, buyers }: OrderDesk, order: NumberedOrder, required: Money): Promise<void> {
  const { party } = known(buyers, order.buyer);
  if (party.kind !== 'STATION') throw new Error('a buyer is a station');
  const topUp = { requestKey: `demo-help-${order.number}`, stationId: party.stationId, amount: upToThousand(required), note: '临时加款' };
  const outcome = await topUpWallet(db, finance, topUp);
  if (outcome.kind !== 'WALLET_TOPPED_UP') throw new Error(`the demo could not top up ${order.buyer}: ${outcome.kind}`);
}

/**
 * Cuts orders into lists of those that come within `spanMinutes` of each other on one day (days are counted from `midnight`),
 * none longer than the real flow takes. A list is one commit, and all of its orders bear the instant of its last.
 */
export function cutIntoLists(
  orders: readonly NumberedOrder[],
  { spanMinutes, midnight }: { spanMinutes: number; midnight: Date },
): NumberedOrder[][] {
  const dayOf = ({ at }: NumberedOrder) => Math.floor((at.getTime() - midnight.getTime()) / DAY);
  const lists: NumberedOrder[][] = [];
  let current: NumberedOrder[] = [];
  let keys = 0;
  for (const order of orders) {
    const [first] = current;
    const isFull = current.length >= LIST_ORDERS_MAX || keys + order.quantity > LIST_KEYS_MAX;
    const isLate = first !== undefined && order.at.getTime() - first.at.getTime() > spanMinutes * 60_000;
    const isNextDay = first !== undefined && dayOf(first) !== dayOf(order);
    if (current.length > 0 && (isFull || isLate || isNextDay)) {
      lists.push(current);
      current = [];
      keys = 0;
    }
    current.push(order);
    keys += order.quantity;
  }
  if (current.length > 0) lists.push(current);
  return lists;
}
