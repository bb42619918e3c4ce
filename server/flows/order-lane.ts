import { partyId } from '#server/accounts/rules.ts';
import { CommitUnknown, type Database, metBound, sqlState } from '#server/platform/database.ts';
import { createFairQueue, type FairQueue } from './fair-queue.ts';
import {
  LIST_KEYS_MAX,
  LIST_ORDERS_MAX,
  type PlaceOrderOutcome,
  type PlaceOrderRequest,
  placeInTurn,
  placeOrders,
} from './place-orders.ts';

/** An order that the lane had no room for: nothing was done, and it may be sent again after so many milliseconds. */
export type Busy = { readonly kind: 'BUSY'; readonly retryAfterMs: number };

/**
 * The lane in front of `placeOrders` (architecture §2). While one list of a network is being committed, arriving orders wait;
 * the next list takes of all that wait, a share of each station, up to a list's limits. At low load a list has one order, which
 * waits for nothing.
 */
export type OrderLane = {
  /**
   * One outcome for each request, in its place, after the COMMIT that settled it. At most a list of one network and station. All
   * are BUSY when the network's queue, or the station's share of it, has no room for all of them.
   */
  place(requests: readonly PlaceOrderRequest[]): Promise<(PlaceOrderOutcome | Busy)[]>;
  /** Refuses what comes, and resolves when all that waited has been answered. */
  stop(): Promise<void>;
};

/** What a lane may be given. `placeList` and `placeListInTurn` stand for `placeOrders` and `placeInTurn` in tests of the lane alone. */
export type LaneOptions = {
  /** Orders that may wait in one network before new ones are refused as BUSY; a station has at most its share of them. */
  readonly waitingMax?: number;
  /** Lists of one network that are under way at once; a station's orders are in one of them. */
  readonly listsAtOnce?: number;
  /** So many must wait before another list begins beside one that is under way: a list costs the same for one order as for many. */
  readonly anotherListFrom?: number;
  /**
   * Whether another process serves the network, too. Then a list of fewer than `anotherListFrom` takes its turn with the other's:
   * beside each other, both would be short, and wait for the same balances.
   */
  readonly isShared?: (networkId: string) => boolean;
  readonly placeList?: typeof placeOrders;
  readonly placeListInTurn?: typeof placeInTurn;
};

type Waiting = {
  readonly stationId: string;
  readonly keys: number;
  readonly request: PlaceOrderRequest;
  readonly resolve: (outcome: PlaceOrderOutcome) => void;
  readonly reject: (error: unknown) => void;
};
/** A list that was taken from the queue, and when. */
type Begun = { readonly list: readonly Waiting[]; readonly began: number };
type NetworkLane = {
  readonly queue: FairQueue<Waiting>;
  /** Lists under way, or about to begin. */
  running: number;
  /** One of them waits for its turn, and will take what has come. */
  awaitsTurn: boolean;
  /** What an order has lately taken of a list's time, for telling when to come again. */
  orderMilliseconds: number;
};

const WAITING_MAX = 4_000;
/** While PostgreSQL works on one list, this process answers and decides the other. */
const LISTS_AT_ONCE = 2;
/** Measured with 8 and 24: the shorter lists of 8 cost more than their overlap brings. */
const ANOTHER_LIST_FROM = 24;
/** A list of 64 orders has nearly all of what a list saves (architecture §2), and lets the next one begin soon. */
const STATION_PART_MAX = 64;
/** A list of 16 costs a quarter more for each order than one of 64, and is over in less than half of the time. */
const BESIDE_QUIET_MAX = 16;
const RETRY_LEAST_MILLISECONDS = 50;
const RETRY_MOST_MILLISECONDS = 5_000;

/** Makes the lanes of a process, one for each network while it has orders. */
export function createOrderLane(db: Database, options: LaneOptions = {}): OrderLane {
  const { waitingMax = WAITING_MAX, listsAtOnce = LISTS_AT_ONCE, anotherListFrom = ANOTHER_LIST_FROM } = options;
  const { isShared = () => false, placeList = placeOrders, placeListInTurn = placeInTurn } = options;
  const limits = {
    waitingMax,
    listOrdersMax: LIST_ORDERS_MAX,
    listKeysMax: LIST_KEYS_MAX,
    stationPartMax: STATION_PART_MAX,
    besideQuietMax: BESIDE_QUIET_MAX,
  };
  const lanes = new Map<string, NetworkLane>();
  const drains = new Set<Promise<void>>();
  let stopped = false;

  async function place(requests: readonly PlaceOrderRequest[]): Promise<(PlaceOrderOutcome | Busy)[]> {
    const [first] = requests;
    if (first === undefined) return [];
    const { networkId } = first.viewer;
    const lane = lanes.get(networkId) ?? { queue: createFairQueue(limits), running: 0, awaitsTurn: false, orderMilliseconds: 0 };
    const outcomes: Promise<PlaceOrderOutcome>[] = [];
    const waiting = requests.map((request) => {
      const { promise, resolve, reject } = Promise.withResolvers<PlaceOrderOutcome>();
      outcomes.push(promise);
      return { stationId: partyId(first.viewer.party), keys: Math.max(0, request.quantity), request, resolve, reject };
    });
    if (stopped || !lane.queue.enter(waiting, performance.now())) {
      const busy: Busy = { kind: 'BUSY', retryAfterMs: retryAfter(lane, requests.length) };
      return requests.map(() => busy);
    }
    if (lane.running === 0 || (lane.running < listsAtOnce && lane.queue.waiting >= anotherListFrom)) begin(networkId, lane);
    return Promise.all(outcomes);
  }

  function begin(networkId: string, lane: NetworkLane): void {
    lanes.set(networkId, lane);
    lane.running += 1;
    // begins when all that has arrived in this turn of the event loop is in, and without any timer
    const draining = new Promise((resolve) => setImmediate(resolve)).then(() => drain(networkId, lane));
    drains.add(draining);
    void draining.finally(() => drains.delete(draining));
  }

  async function drain(networkId: string, lane: NetworkLane): Promise<void> {
    while (lane.queue.waiting > 0) {
      const isInTurn = lane.queue.waiting < anotherListFrom && isShared(networkId);
      if (isInTurn && lane.awaitsTurn) break;
      const { list, began } = isInTurn ? await settleInTurn(networkId, lane) : await settleNext(lane);
      // what waits is behind the other's list, which looks again when that has ended
      if (list.length === 0 && lane.running > 1) break;
      if (list.length === 0) continue;
      lane.queue.ended(list);
      lane.orderMilliseconds = (lane.orderMilliseconds + (performance.now() - began) / list.length) / 2;
    }
    // no await since the last look: nobody can have entered in between
    lane.running -= 1;
    if (lane.running === 0) lanes.delete(networkId);
  }

  async function settleNext(lane: NetworkLane): Promise<Begun> {
    const began = performance.now();
    const list = lane.queue.next(began);
    if (list.length > 0) await settle(list);
    return { list, began };
  }

  /** Lists that have their turn before this one take their time; what arrives meanwhile is in it. */
  async function settleInTurn(networkId: string, lane: NetworkLane): Promise<Begun> {
    let begun: Begun | undefined;
    const take = () => {
      lane.awaitsTurn = false;
      const began = performance.now();
      begun = { list: lane.queue.next(began), began };
      return begun.list.map(({ request }) => request);
    };
    lane.awaitsTurn = true;
    try {
      const outcomes = await placeListInTurn(db, networkId, take);
      answerAll(begun?.list ?? [], outcomes);
    } catch (error) {
      // whoever has the turn has it for too long: what waits for it goes without
      if (begun === undefined) {
        lane.awaitsTurn = false;
        return settleNext(lane);
      }
      await settleApart(begun.list, error);
    }
    return begun ?? { list: [], began: 0 };
  }

  async function settle(list: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await placeList(
        db,
        list.map(({ request }) => request),
      );
      answerAll(list, outcomes);
    } catch (error) {
      await settleApart(list, error);
    }
  }

  async function settleApart(list: readonly Waiting[], error: unknown): Promise<void> {
    // one order that nobody foresaw must not take its neighbours with it; a database that is gone or too slow takes them all:
    // each half would wait as long again, and everybody behind it
    if (list.length <= 1 || isDatabasesFault(error)) return refuseAll(list, error);
    const half = Math.ceil(list.length / 2);
    await settle(list.slice(0, half));
    await settle(list.slice(half));
  }

  return {
    place,
    stop: async () => {
      stopped = true;
      await Promise.all(drains);
    },
  };
}

function answerAll(list: readonly Waiting[], outcomes: readonly PlaceOrderOutcome[]): void {
  for (const [index, { resolve, reject }] of list.entries()) {
    const outcome = outcomes[index];
    if (outcome) resolve(outcome);
    else reject(new Error('a list answered fewer outcomes than it had requests'));
  }
}

function refuseAll(list: readonly Waiting[], error: unknown): void {
  for (const { reject } of list) reject(error);
}

function isDatabasesFault(error: unknown): boolean {
  if (error instanceof CommitUnknown || metBound(error) !== null) return true;
  const state = sqlState(error);
  // class 08: connection; 57P0x: the server is going down; 53300: no connection is free
  if (state !== undefined) return /^(08|57P0|53300)/.test(state);
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE';
}

/** When as many orders as wait now, and these, will have been placed. */
function retryAfter(lane: NetworkLane, count: number): number {
  const wait = Math.ceil((lane.queue.waiting + count) * lane.orderMilliseconds);
  return Math.min(Math.max(wait, RETRY_LEAST_MILLISECONDS), RETRY_MOST_MILLISECONDS);
}
