import { CommitUnknown, type Database, sqlState } from '#server/platform/database.ts';
import { LIST_KEYS_MAX, LIST_ORDERS_MAX, type PlaceOrderOutcome, type PlaceOrderRequest, placeOrders } from './place-orders.ts';

/** An order that the lane had no room for: nothing was done, and it may be sent again after so many milliseconds. */
export type Busy = { readonly kind: 'BUSY'; readonly retryAfterMs: number };

/**
 * The lane in front of `placeOrders` (architecture §2). While one list of a network is being committed, arriving orders wait;
 * the next list takes all that wait, up to a list's limits. At low load a list has one order, which waits for nothing.
 */
export type OrderLane = {
  /** One outcome for each request, in its place, after the COMMIT that settled it. At most a list of one network. */
  place(requests: readonly PlaceOrderRequest[]): Promise<(PlaceOrderOutcome | Busy)[]>;
  /** Refuses what comes, and resolves when all that waited has been answered. */
  stop(): Promise<void>;
};

/** What a lane may be given. `placeList` stands for `placeOrders` in tests of the lane alone. */
export type LaneOptions = {
  /** Orders that may wait in one network before new ones are refused as BUSY. */
  readonly waitingMax?: number;
  readonly placeList?: (db: Database, requests: readonly PlaceOrderRequest[]) => Promise<PlaceOrderOutcome[]>;
};

type Waiting = {
  readonly request: PlaceOrderRequest;
  readonly resolve: (outcome: PlaceOrderOutcome) => void;
  readonly reject: (error: unknown) => void;
};
type NetworkLane = { readonly waiting: Waiting[]; ended: Promise<void>; listMilliseconds: number };

const WAITING_MAX = 2_000;
const RETRY_LEAST_MILLISECONDS = 50;
const RETRY_MOST_MILLISECONDS = 5_000;

/** Makes the lanes of a process, one for each network while it has orders. */
export function createOrderLane(db: Database, options: LaneOptions = {}): OrderLane {
  const waitingMax = options.waitingMax ?? WAITING_MAX;
  const placeList = options.placeList ?? placeOrders;
  const lanes = new Map<string, NetworkLane>();
  let stopped = false;

  async function place(requests: readonly PlaceOrderRequest[]): Promise<(PlaceOrderOutcome | Busy)[]> {
    const networkId = requests[0]?.viewer.networkId;
    if (networkId === undefined) return [];
    const lane = lanes.get(networkId);
    if (stopped || (lane?.waiting.length ?? 0) + requests.length > waitingMax) {
      const busy: Busy = { kind: 'BUSY', retryAfterMs: retryAfter(lane) };
      return requests.map(() => busy);
    }
    return Promise.all(requests.map((request) => enter(networkId, request)));
  }

  function enter(networkId: string, request: PlaceOrderRequest): Promise<PlaceOrderOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<PlaceOrderOutcome>();
    const lane = lanes.get(networkId) ?? openLane(networkId);
    lane.waiting.push({ request, resolve, reject });
    return promise;
  }

  function openLane(networkId: string): NetworkLane {
    const lane: NetworkLane = { waiting: [], ended: Promise.resolve(), listMilliseconds: 0 };
    lanes.set(networkId, lane);
    // begins after the present call has put all of its orders in, and without any timer
    lane.ended = Promise.resolve().then(() => drain(networkId, lane));
    return lane;
  }

  async function drain(networkId: string, lane: NetworkLane): Promise<void> {
    while (lane.waiting.length > 0) {
      const began = performance.now();
      await settle(nextList(lane.waiting));
      lane.listMilliseconds = performance.now() - began;
    }
    // no await since the last look: nobody can have entered in between
    lanes.delete(networkId);
  }

  async function settle(list: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await placeList(
        db,
        list.map(({ request }) => request),
      );
      for (const [index, { resolve, reject }] of list.entries()) {
        const outcome = outcomes[index];
        if (outcome) resolve(outcome);
        else reject(new Error('a list answered fewer outcomes than it had requests'));
      }
    } catch (error) {
      // one order that nobody foresaw must not take its neighbours with it; a database that is gone takes them all
      if (list.length === 1 || isDatabaseGone(error)) return refuseAll(list, error);
      const half = Math.ceil(list.length / 2);
      await settle(list.slice(0, half));
      await settle(list.slice(half));
    }
  }

  return {
    place,
    stop: async () => {
      stopped = true;
      await Promise.all([...lanes.values()].map(({ ended }) => ended));
    },
  };
}

/** The first of those that wait, as many as a list holds; at least one. */
function nextList(waiting: Waiting[]): Waiting[] {
  let keys = 0;
  let count = 0;
  for (const { request } of waiting) {
    keys += Math.max(0, request.quantity);
    if (count > 0 && (keys > LIST_KEYS_MAX || count === LIST_ORDERS_MAX)) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

function refuseAll(list: readonly Waiting[], error: unknown): void {
  for (const { reject } of list) reject(error);
}

function isDatabaseGone(error: unknown): boolean {
  if (error instanceof CommitUnknown) return true;
  const state = sqlState(error);
  // class 08: connection; 57P0x: the server is going down; 53300: no connection is free
  if (state !== undefined) return /^(08|57P0|53300)/.test(state);
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE';
}

function retryAfter(lane: NetworkLane | undefined): number {
  const lists = Math.ceil((lane?.waiting.length ?? 0) / LIST_ORDERS_MAX) + 1;
  const wait = Math.ceil(lists * (lane?.listMilliseconds ?? 0));
  return Math.min(Math.max(wait, RETRY_LEAST_MILLISECONDS), RETRY_MOST_MILLISECONDS);
}
