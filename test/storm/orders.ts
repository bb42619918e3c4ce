import type { Shop } from './shop.ts';

/** What became of the orders. */
export interface OrdersReport {
  readonly acknowledged: readonly string[];
  /** Orders that were answered, and not with an order. */
  readonly failed: readonly string[];
  /** Refused at once because the queue was full: more was sent than the machine can place. */
  readonly busyCount: number;
  readonly refundedCount: number;
  /** Milliseconds from sending to the acknowledgement of what was sent once, in order. */
  readonly latencies: readonly number[];
}

const TICK_MILLISECONDS = 50;
const LIST_MOST = 50;
/** Every so many orders one is refunded, so that orders have more than one event. */
const REFUND_EVERY = 20;
const GIVE_UP_MILLISECONDS = 60_000;

const PLACE = `mutation ($orders: [PlaceOrderInput!]!) {
  placeOrders(input: { orders: $orders }) { ... on PlaceOrdersPayload { results { __typename ... on OrderPlaced { order { id } } } } }
}`;
const REFUND = 'mutation ($input: RefundOrderInput!) { refundOrder(input: $input) { __typename } }';

type Placed = { readonly __typename: string; readonly order?: { readonly id: string } };

/**
 * Orders at a rate through both servers until `stop`. What is not answered is sent again with the same request key, to the other
 * server, until it is: whoever dies, every order is acknowledged in the end.
 */
export function startOrders(shop: Shop, ratePerSecond: number): { stop(): Promise<OrdersReport> } {
  const acknowledged: string[] = [];
  const failed: string[] = [];
  const latencies: number[] = [];
  const running = new Set<Promise<void>>();
  let refundedCount = 0;
  let busyCount = 0;
  let sentCount = 0;
  let due = 0;
  let tickedAt = performance.now();
  let isOver = false;

  const list = async (orders: readonly object[], server: number) => {
    const began = performance.now();
    let answer: { placeOrders: { results?: Placed[] } } | null = null;
    for (let attempt = 0; answer === null && performance.now() - began < GIVE_UP_MILLISECONDS; attempt += 1) {
      answer = await ask(shop, (server + attempt) % 2, shop.buyerKey, PLACE, { orders });
      if (answer !== null && attempt === 0) latencies.push(performance.now() - began);
      if (answer === null) await pause(50);
    }
    const results = answer?.placeOrders.results ?? [];
    for (const [index] of orders.entries()) {
      const result = results[index];
      if (result?.order !== undefined) acknowledged.push(result.order.id);
      else if (result?.__typename === 'Busy') busyCount += 1;
      else failed.push(result?.__typename ?? JSON.stringify(answer));
    }
    const [first] = results;
    if (first?.order !== undefined) await refund(first.order.id, server);
  };

  const refund = async (orderId: string, server: number) => {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const input = { requestKey: `refund ${orderId}`, orderId, amount: '1.00', reason: 'storm' };
      const answer = await ask<{ refundOrder: { __typename: string } }>(shop, (server + attempt) % 2, shop.ownerKey, REFUND, { input });
      if (answer !== null) {
        if (!/^OrderRefunded|RefundRequested$/.test(answer.refundOrder.__typename)) failed.push(`refund: ${answer.refundOrder.__typename}`);
        refundedCount += 1;
        return;
      }
      await pause(50);
    }
    failed.push('refund: not answered');
  };

  const tick = () => {
    // by the clock and not by the tick: a busy machine ticks late
    const now = performance.now();
    due += (ratePerSecond * (now - tickedAt)) / 1000;
    tickedAt = now;
    while (due >= 1) {
      const count = Math.min(LIST_MOST, Math.floor(due), REFUND_EVERY);
      due -= count;
      const orders = Array.from({ length: count }, () => {
        sentCount += 1;
        return { requestKey: `storm ${sentCount}`, skuId: shop.skuId, quantity: 1, maxTotal: '60.00' };
      });
      const sent = list(orders, sentCount % 2).finally(() => running.delete(sent));
      running.add(sent);
    }
  };
  const timer = setInterval(() => {
    if (!isOver) tick();
  }, TICK_MILLISECONDS);

  return {
    stop: async () => {
      isOver = true;
      clearInterval(timer);
      await Promise.all(running);
      return { acknowledged, failed, busyCount, refundedCount, latencies: latencies.sort((a, b) => a - b) };
    },
  };
}

/** Null when no answer came, or one that says to come again. */
async function ask<Data>(shop: Shop, server: number, key: string, query: string, variables: object): Promise<Data | null> {
  try {
    const response = await fetch(`${shop.servers[server === 0 ? 0 : 1].url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(15_000),
    });
    const { data, errors } = (await response.json()) as { data?: Data | null; errors?: unknown[] };
    return errors === undefined ? (data ?? null) : null;
  } catch {
    // the server is dead or dying, which is what this is about
    return null;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
