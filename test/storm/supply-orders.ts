import { randomUUID } from 'node:crypto';
import { sealOrderInput } from '#server/flows/order-input.ts';
import { type PlaceOrderRequest, placeOrders } from '#server/flows/place-orders.ts';
import { run, statement } from '#server/platform/database.ts';
import { testVault } from '#test/support/world.ts';
import type { Market } from './supply-market.ts';

const LIST = 100;
/** Orders that wait at most while more are placed: as many as a busy shop has, and no heap of all of them. */
const WAITING_MOST = 3_000;
const LOOK_MILLISECONDS = 200;
const TELL_MILLISECONDS = 10_000;

// orders_open_idx
const waitingOrders = statement<{ count: number }>(
  'storm.waitingOrders',
  "SELECT count(*)::int AS count FROM orders WHERE network_id = $1 AND state IN ('HELD', 'REVIEW', 'SOURCING')",
);

/** How many orders wait for their goods, without those that a person decides. */
export async function countWaiting({ db, world }: Market): Promise<number> {
  return (await run(db.pool, waitingOrders, [world.networkId]))[0]?.count ?? 0;
}

/**
 * Places so many orders of one or two units each, in lists, never more waiting than a busy shop has. Answers how many were refused, by
 * why. `tell`: how many were placed so far and how many of them wait, every ten seconds.
 */
export async function placeAll(
  market: Market,
  count: number,
  tell: (placed: number, waiting: number) => void,
): Promise<ReadonlyMap<string, number>> {
  const refused = new Map<string, number>();
  let toldAt = performance.now();
  for (let placed = 0; placed < count; ) {
    const waiting = await countWaiting(market);
    if (performance.now() - toldAt > TELL_MILLISECONDS) {
      toldAt = performance.now();
      tell(placed, waiting);
    }
    if (waiting > WAITING_MOST) {
      await pause(LOOK_MILLISECONDS);
      continue;
    }
    const requests = Array.from({ length: Math.min(LIST, count - placed) }, (_, index) => requestOf(market, placed + index));
    for (const { kind } of await placeOrders(market.db, requests))
      if (kind !== 'ORDER_PLACED') refused.set(kind, (refused.get(kind) ?? 0) + 1);
    placed += requests.length;
  }
  return refused;
}

/** The n-th order of a market: of one or two units, of each of its SKUs by turns. */
export function requestOf({ world, goods }: Market, number: number): PlaceOrderRequest {
  const chosen = goods[number % goods.length];
  if (!chosen) throw new Error('a market sells something');
  const requestKey = `storm-${number}-${randomUUID()}`;
  const buyerId = world.stations['R'] ?? '';
  return {
    viewer: world.viewer('R'),
    channel: 'API',
    requestKey,
    skuId: chosen.skuId,
    // a top-up is of one account, once
    quantity: chosen.input ? 1 : 1 + (number % 2),
    maxTotal: '1000.00',
    externalRef: null,
    groupId: null,
    input: chosen.input && sealOrderInput(testVault, { networkId: world.networkId, buyerId, requestKey }, chosen.input),
  };
}

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
