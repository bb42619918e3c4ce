/** What waits in front of the money path: whose it is, and how many card keys it asks for. */
export type Waits = { readonly stationId: string; readonly keys: number };

/** How a queue is bounded. All are counts of orders but `listKeysMax`, which counts keys. */
export type FairQueueLimits = {
  /** Orders that may wait. */
  readonly waitingMax: number;
  /** Orders of a list. */
  readonly listOrdersMax: number;
  /** Card keys of a list; an order that asks for more makes a list alone. */
  readonly listKeysMax: number;
  /** Orders of one station in a list, while others order too. */
  readonly stationPartMax: number;
  /** The same while a station orders that sends little and did not wait: its order waits for the lists of those that send much. */
  readonly besideQuietMax: number;
};

/**
 * Orders of one network that wait, a queue for each station (architecture §2: nobody starves). All work on it is O(1) for each
 * order, and it has neither a timer nor a clock of its own.
 *
 * - A station may hold as many places as stay free when it has entered: one that sends without end gets half of the queue, two a
 *   third each, and there is always room for who comes new.
 * - A station that did not wait comes first with a few orders, and takes its turn among the others for the rest; newcomers fill at
 *   most half of a list while others wait, and never two lists running alone. Who orders little is not behind who orders much.
 * - While others order too, a station has at most its part of a list, so that lists stay short, and a smaller part beside one that
 *   orders little. Alone it fills all of it.
 * - What a station sent first is served first: while a list with orders of it is under way, the rest of them wait.
 */
export type FairQueue<Item extends Waits> = {
  /** Takes these items of one station, all of them in order, or none (false). `nowMs` is any clock that never goes back. */
  enter(items: readonly Item[], nowMs: number): boolean;
  /** The next list: at least one item unless nothing waits but behind the lists that are under way. */
  next(nowMs: number): Item[];
  /** A list that `next` gave has ended: its stations may have their turn again. */
  ended(list: readonly Item[]): void;
  /** How many wait. */
  readonly waiting: number;
};

/** Orders with which a station that did not wait goes before those that do. */
const FIRST_HELPING = 8;
/** For so long after two stations have ordered, neither counts as alone; and for so long are lists short for one that orders little. */
const COMPANY_MILLISECONDS = 1_000;

type Link<Value> = { readonly value: Value; next: Link<Value> | null };
type Fifo<Value> = { head: Link<Value> | null; tail: Link<Value> | null };
type Station<Item> = {
  readonly id: string;
  readonly items: Fifo<Item>;
  count: number;
  /** Orders that the list with the number `list` took of it. */
  taken: number;
  list: number;
  /** The last list in which it had its turn among the others. */
  turn: number;
  /** A list under way has orders of it. */
  underWay: boolean;
  /** It stands in neither queue until that list has ended; then it comes back as one of the others, or as a newcomer. */
  aside: 'AS_OTHER' | 'AS_NEWCOMER' | null;
};

/** A list while it is filled, with the stations that it took from; `part`: orders that it takes of one station. */
type List<Item> = { readonly items: Item[]; readonly stations: Set<Station<Item>>; keys: number; readonly part: number };

/** Makes an empty queue. */
export function createFairQueue<Item extends Waits>(limits: FairQueueLimits): FairQueue<Item> {
  const stations = new Map<string, Station<Item>>();
  const newcomers = emptyFifo<Station<Item>>();
  const others = emptyFifo<Station<Item>>();
  let waiting = 0;
  let listNumber = 0;
  let othersFirst = false;
  let lastStationId: string | null = null;
  let companyUntilMs = Number.NEGATIVE_INFINITY;
  let quietUntilMs = Number.NEGATIVE_INFINITY;

  function enter(items: readonly Item[], nowMs: number): boolean {
    const stationId = items[0]?.stationId;
    if (stationId === undefined) return true;
    const known = stations.get(stationId);
    if ((known?.count ?? 0) + items.length > limits.waitingMax - waiting) return false;
    if (lastStationId !== null && lastStationId !== stationId) companyUntilMs = nowMs + COMPANY_MILLISECONDS;
    lastStationId = stationId;
    if (known === undefined && stations.size > 0 && items.length <= FIRST_HELPING) quietUntilMs = nowMs + COMPANY_MILLISECONDS;
    const station = known ?? arrive(stationId);
    for (const item of items) append(station.items, item);
    station.count += items.length;
    waiting += items.length;
    return true;
  }

  function arrive(id: string): Station<Item> {
    const station: Station<Item> = { id, items: emptyFifo<Item>(), count: 0, taken: 0, list: 0, turn: 0, underWay: false, aside: null };
    stations.set(id, station);
    append(newcomers, station);
    return station;
  }

  function next(nowMs: number): Item[] {
    const list: List<Item> = { items: [], stations: new Set(), keys: 0, part: partAt(nowMs) };
    listNumber += 1;
    const othersWait = others.head !== null;
    const newcomersMax = othersWait ? Math.ceil(limits.listOrdersMax / 2) : limits.listOrdersMax;
    const waitedTurn = othersFirst && serveOthers(list);
    serveNewcomers(list, list.items.length + newcomersMax);
    const hadTurn = serveOthers(list) || waitedTurn;
    othersFirst = othersWait && !hadTurn;
    waiting -= list.items.length;
    for (const station of list.stations) station.underWay = true;
    return list.items;
  }

  function partAt(nowMs: number): number {
    if (stations.size === 1 && nowMs >= companyUntilMs) return limits.listOrdersMax;
    return nowMs < quietUntilMs ? limits.besideQuietMax : limits.stationPartMax;
  }

  function ended(list: readonly Item[]): void {
    for (const { stationId } of list) {
      const station = stations.get(stationId);
      if (station?.underWay !== true) continue;
      station.underWay = false;
      if (station.aside === null) continue;
      if (station.count === 0) stations.delete(stationId);
      else append(station.aside === 'AS_OTHER' ? others : newcomers, station);
      station.aside = null;
    }
  }

  function serveNewcomers(list: List<Item>, until: number): void {
    while (newcomers.head !== null && list.items.length < Math.min(until, limits.listOrdersMax)) {
      const station = newcomers.head.value;
      if (!take(list, station, FIRST_HELPING)) return;
      dropHead(newcomers);
      if (station.count === 0) stepAside(station);
      else append(others, station);
    }
  }

  /** Each of the others has one turn in a list, as long as there is room. Tells whether any had it. */
  function serveOthers(list: List<Item>): boolean {
    const before = list.items.length;
    while (others.head !== null && others.head.value.turn !== listNumber && list.items.length < limits.listOrdersMax) {
      const station = others.head.value;
      if (!station.underWay) {
        if (!take(list, station, limits.listOrdersMax)) break;
        station.turn = listNumber;
      }
      dropHead(others);
      stepAside(station);
    }
    return list.items.length > before;
  }

  /** Takes up to `most` orders of a station, within its part; false when its first order does not fit: it stays where it is. */
  function take(list: List<Item>, station: Station<Item>, most: number): boolean {
    if (station.list !== listNumber) Object.assign(station, { list: listNumber, taken: 0 });
    const before = station.taken;
    const until = Math.min(before + most, list.part);
    for (let item = station.items.head; item !== null; item = station.items.head) {
      if (station.taken === until || list.items.length === limits.listOrdersMax) break;
      if (list.items.length > 0 && list.keys + item.value.keys > limits.listKeysMax) return station.taken > before;
      list.keys += item.value.keys;
      list.items.push(item.value);
      list.stations.add(station);
      dropHead(station.items);
      station.count -= 1;
      station.taken += 1;
    }
    return true;
  }

  /** Out of the queues until the list that has its orders ends. */
  function stepAside(station: Station<Item>): void {
    station.aside = station.count === 0 ? 'AS_NEWCOMER' : 'AS_OTHER';
  }

  return {
    enter,
    next,
    ended,
    get waiting() {
      return waiting;
    },
  };
}

function emptyFifo<Value>(): Fifo<Value> {
  return { head: null, tail: null };
}

function append<Value>(fifo: Fifo<Value>, value: Value): void {
  const link = { value, next: null };
  if (fifo.tail === null) fifo.head = link;
  else fifo.tail.next = link;
  fifo.tail = link;
}

function dropHead<Value>(fifo: Fifo<Value>): void {
  const head = fifo.head;
  if (head === null) return;
  fifo.head = head.next;
  if (fifo.head === null) fifo.tail = null;
  // a dead link that has grown old would keep all that follow it alive until the next full collection
  head.next = null;
}
