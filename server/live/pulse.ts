import { localDate } from '#server/platform/clock.ts';
import { type Database, run, statement } from '#server/platform/database.ts';
import { addMoney, type CurrencyCode, currencyCode, type Money, money, toAmountString, zeroMoney } from '#server/platform/money.ts';
import type { EventSource, LiveEvent } from './event-source.ts';

// The pulse of a network is kept in the process that somebody listens in: GMV today is the roll-up's figure and what was numbered
// since, orders per second are counted as their events pass. Orders are never summed, and nothing is written.

/** The figures of one second of a station with its downline. Amounts are decimal texts. */
export type PulseTick = {
  readonly stationId: string;
  readonly at: Date;
  readonly gmvToday: string;
  readonly currency: CurrencyCode;
  readonly orderCountToday: number;
  /** mean over the last `RATE_SECONDS` seconds */
  readonly ordersPerSecond: number;
};

/** Over how long orders per second are averaged. */
export const RATE_SECONDS = 5;
const TICK_MILLISECONDS = 1_000;
/** How often the figures are taken from the roll-up again. */
const BASE_SECONDS = 5;
/** A tick that has not changed is told this seldom; whoever comes in between is told the newest at once. */
const UNCHANGED_SECONDS = 15;

type Totals = { readonly gmv: Money; readonly orderCount: number };
type Passed = { readonly seq: bigint; readonly path: readonly string[]; readonly total: Money; readonly day: string; readonly at: number };

type NetworkPulse = {
  readonly networkId: string;
  readonly currency: CurrencyCode;
  readonly timeZone: string;
  /** who listens, by station */
  readonly listeners: Map<string, Set<(tick: PulseTick) => void>>;
  /** what each station that is listened to was told last */
  readonly told: Map<string, { readonly tick: PulseTick; readonly at: number }>;
  /** delivered orders that the roll-up may not have, and those of the last seconds */
  passed: Passed[];
  /** the place up to which events are seen: all that follow the roll-up's place of when it began */
  seq: bigint;
  /** the last number that was given when it began: its figures are told from there */
  readonly beganAt: bigint;
  base: { readonly day: string; readonly seq: bigint; readonly totals: ReadonlyMap<string, Totals> } | null;
  baseAt: number;
  /** ends with its last listener, with the source of events, or by what failed */
  readonly stopped: AbortController;
  failure: unknown;
};

// network_pkey, relay_position_network_id_key, roll_up_position_pkey: one row each. What the roll-up has not counted is kept.
const beginning = statement<{ currency: string; time_zone: string; last_seq: bigint | null; counted_to: bigint | null }>(
  'pulse.beginning',
  `SELECT n.currency, n.time_zone, (SELECT r.last_seq FROM relay_position r WHERE r.network_id = $1) AS last_seq,
          (SELECT p.last_seq FROM roll_up_position p WHERE p.network_id = $1 AND p.kind = 'STATIONS') AS counted_to
   FROM network n WHERE n.id = $1`,
);

// One snapshot: the roll-up and the place up to which it counts are moved in one transaction. station_day_pkey,
// one row for each station that is listened to.
const rollUp = statement<{ station_id: string; last_seq: bigint | null; gmv: string; order_count: bigint }>(
  'pulse.rollUp',
  `SELECT w.id AS station_id, (SELECT p.last_seq FROM roll_up_position p WHERE p.network_id = $1 AND p.kind = 'STATIONS') AS last_seq,
          coalesce(s.gmv, 0.00) AS gmv, coalesce(s.order_count, 0) AS order_count
   FROM unnest($2::uuid[]) AS w (id)
   LEFT JOIN station_day s ON s.network_id = $1 AND s.station_id = w.id AND s.local_date = $3::date`,
);

const pulses = new WeakMap<EventSource, Map<string, Promise<NetworkPulse>>>();

/**
 * A source of ticks for one station: read by a feed like any other, it yields the newest one at once where there is one, then at most
 * one a second and none that says nothing new (but one every 15 seconds). Ticks have no place of their own to resume from. One
 * reader of events serves a whole network.
 */
export function pulseSource(db: Database, events: EventSource, stationId: string): EventSource {
  return {
    async *read(networkId, _after, signal) {
      // a pulse ends with its last listener, or with its reader of events: whoever is there then begins another
      while (!signal.aborted) {
        const pulse = await pulseOf(db, events, networkId);
        if (!pulse.stopped.signal.aborted) yield* ticks(pulse, stationId, signal);
      }
    },
    stop: async () => undefined,
  };
}

async function* ticks(pulse: NetworkPulse, stationId: string, signal: AbortSignal): AsyncGenerator<readonly LiveEvent[], void, undefined> {
  const ended = AbortSignal.any([signal, pulse.stopped.signal]);
  let waiting: PulseTick | null = null;
  let changed = Promise.withResolvers<void>();
  ended.addEventListener('abort', () => changed.resolve(), { once: true });
  const leave = listen(pulse, stationId, (tick) => {
    waiting = tick;
    changed.resolve();
  });
  try {
    while (!ended.aborted) {
      await changed.promise;
      changed = Promise.withResolvers<void>();
      const tick = waiting as PulseTick | null;
      waiting = null;
      // only the newest is told to who reads slowly
      if (tick !== null && !ended.aborted) yield [tickEvent(tick, pulse.seq)];
    }
    // whoever told this stream begins it again
    if (pulse.failure !== null && !signal.aborted) throw pulse.failure;
  } finally {
    leave();
  }
}

/** The tick that an event of this source carries. */
export function tickOf({ data }: LiveEvent): PulseTick {
  return data as PulseTick;
}

function tickEvent(tick: PulseTick, seq: bigint): LiveEvent {
  return { seq, topic: 'order.delivered', subjectId: tick.stationId, audience: [tick.stationId], data: tick, occurredAt: tick.at };
}

function pulseOf(db: Database, events: EventSource, networkId: string): Promise<NetworkPulse> {
  const networks = pulses.get(events) ?? new Map<string, Promise<NetworkPulse>>();
  pulses.set(events, networks);
  const known = networks.get(networkId);
  if (known) return known;
  const forget = () => {
    if (networks.get(networkId) === begun) networks.delete(networkId);
  };
  const begun = begin(db, events, networkId, forget);
  networks.set(networkId, begun);
  begun.catch(forget);
  return begun;
}

async function begin(db: Database, events: EventSource, networkId: string, onEnd: () => void): Promise<NetworkPulse> {
  const [network] = await run(db.pool, beginning, [networkId]);
  if (!network) throw new Error(`no network ${networkId}`);
  const pulse: NetworkPulse = {
    networkId,
    currency: currencyCode(network.currency),
    timeZone: network.time_zone,
    listeners: new Map(),
    told: new Map(),
    passed: [],
    seq: network.counted_to ?? 0n,
    beganAt: network.last_seq ?? 0n,
    base: null,
    baseAt: 0,
    stopped: new AbortController(),
    failure: null,
  };
  let beating = false;
  const fail = (cause: unknown) => {
    // whatever ended it is no fault of a subscriber's cursor
    pulse.failure ??= new Error(`the pulse of network ${networkId} ended`, { cause });
    pulse.stopped.abort();
  };
  const beat = async () => {
    if (beating || pulse.stopped.signal.aborted) return;
    beating = true;
    await rebase(db, pulse);
    tell(db, pulse);
    beating = false;
  };
  const timer = setInterval(() => void beat().catch(fail), TICK_MILLISECONDS);
  timer.unref();
  pulse.stopped.signal.addEventListener('abort', () => {
    clearInterval(timer);
    onEnd();
  });
  follow(events, pulse).then(() => pulse.stopped.abort(), fail);
  return pulse;
}

async function follow(events: EventSource, pulse: NetworkPulse): Promise<void> {
  for await (const batch of events.read(pulse.networkId, pulse.seq, pulse.stopped.signal)) {
    for (const event of batch) {
      pulse.seq = event.seq;
      const total = event.data['total'];
      // an order of before its event told the total is counted by the roll-up a moment later
      if (event.topic !== 'order.delivered' || typeof total !== 'string') continue;
      const { seq, audience: path, occurredAt } = event;
      // what came before it began is no order of these seconds
      const at = seq > pulse.beganAt ? Date.now() : 0;
      pulse.passed.push({ seq, path, total: money(total, pulse.currency), day: localDate(occurredAt, pulse.timeZone), at });
    }
  }
}

function listen(pulse: NetworkPulse, stationId: string, listener: (tick: PulseTick) => void): () => void {
  const listeners = pulse.listeners.get(stationId) ?? new Set();
  pulse.listeners.set(stationId, listeners.add(listener));
  const newest = pulse.told.get(stationId);
  if (newest) listener(newest.tick);
  if (!pulse.base?.totals.has(stationId)) pulse.baseAt = 0;
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    pulse.listeners.delete(stationId);
    pulse.told.delete(stationId);
    if (pulse.listeners.size === 0) pulse.stopped.abort();
  };
}

/** Takes the figures of everybody who listens from the roll-up: one statement. */
async function rebase(db: Database, pulse: NetworkPulse): Promise<void> {
  const now = db.clock();
  const day = localDate(now, pulse.timeZone);
  if (pulse.base?.day === day && Date.now() - pulse.baseAt < BASE_SECONDS * 1000) return;
  const rows = await run(db.pool, rollUp, [pulse.networkId, [...pulse.listeners.keys()], day]);
  const seq = rows[0]?.last_seq ?? 0n;
  const totals = rows.map((row) => [row.station_id, { gmv: money(row.gmv, pulse.currency), orderCount: Number(row.order_count) }] as const);
  pulse.base = { day, seq, totals: new Map(totals) };
  pulse.baseAt = Date.now();
  const old = Date.now() - RATE_SECONDS * 1000;
  pulse.passed = pulse.passed.filter((order) => order.seq > seq || order.at >= old);
}

/** Tells each station its tick, when it says something new. */
function tell(db: Database, pulse: NetworkPulse): void {
  const { base } = pulse;
  // until it has read what lies between the roll-up and its beginning, that is in neither
  if (base === null || pulse.seq < pulse.beganAt) return;
  const newer = countNewer(pulse, base);
  for (const [stationId, listeners] of pulse.listeners) {
    const before = base.totals.get(stationId);
    if (!before) continue;
    const { gmv, orderCount, recentCount } = newer.get(stationId) ?? { gmv: zeroMoney(pulse.currency), orderCount: 0, recentCount: 0 };
    const tick: PulseTick = {
      stationId,
      at: db.clock(),
      gmvToday: toAmountString(addMoney(before.gmv, gmv)),
      currency: pulse.currency,
      orderCountToday: before.orderCount + orderCount,
      ordersPerSecond: recentCount / RATE_SECONDS,
    };
    const known = pulse.told.get(stationId);
    if (known && saysTheSame(known.tick, tick) && Date.now() - known.at < UNCHANGED_SECONDS * 1000) continue;
    pulse.told.set(stationId, { tick, at: Date.now() });
    for (const listener of listeners) listener(tick);
  }
}

function saysTheSame(one: PulseTick, other: PulseTick): boolean {
  const { gmvToday, orderCountToday, ordersPerSecond } = one;
  return gmvToday === other.gmvToday && orderCountToday === other.orderCountToday && ordersPerSecond === other.ordersPerSecond;
}

function countNewer(pulse: NetworkPulse, base: NonNullable<NetworkPulse['base']>) {
  const counts = new Map<string, { gmv: Money; orderCount: number; recentCount: number }>();
  const since = Date.now() - RATE_SECONDS * 1000;
  for (const { seq, path, total, day, at } of pulse.passed) {
    const isNewer = seq > base.seq && day === base.day;
    for (const stationId of path) {
      if (!pulse.listeners.has(stationId)) continue;
      const count = counts.get(stationId) ?? { gmv: zeroMoney(pulse.currency), orderCount: 0, recentCount: 0 };
      counts.set(stationId, count);
      if (isNewer) count.gmv = addMoney(count.gmv, total);
      if (isNewer) count.orderCount += 1;
      if (at >= since) count.recentCount += 1;
    }
  }
  return counts;
}
