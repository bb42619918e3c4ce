import { type Database, type Queryable, run, statement } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { createOutageLog } from '#server/platform/outage-log.ts';
import type { Bus } from './bus.ts';
import { createEventPages, type LiveEvent, PAGE_EVENTS, readEventsAfter } from './event-pages.ts';

export type { LiveEvent } from './event-pages.ts';

/** The cursor lies before what is kept: read the present state by a query, then subscribe without a cursor. */
export class CursorExpired extends Error {
  constructor() {
    super(
      'events after this cursor are no longer kept; ask for eventCursor together with the present state, then subscribe with after: that cursor',
    );
    this.name = 'CursorExpired';
  }
}

/** Reads a network's events in order, from memory while they are fresh and from the outbox otherwise. */
export type EventSource = {
  /**
   * Batches of events after `after` (null: from now on), in order, without gap or duplicate, until `signal` aborts.
   * A slow reader holds nothing but its position: what has left the memory is read from the outbox again, by pages that all who
   * read the same stretch share.
   */
  read(networkId: string, after: bigint | null, signal: AbortSignal): AsyncGenerator<readonly LiveEvent[], void, undefined>;
  stop(): Promise<void>;
};

/** Newest events of a network that are kept in memory while somebody reads it. */
const RING_EVENTS = 2_000;
/** How late news are at most when no hint of them comes. */
const POLL_MILLISECONDS = 250;

/** `toldSeq`: what the bus has told of; `lastSeq`: what has been read. */
type Tail = {
  lastSeq: bigint;
  toldSeq: bigint;
  ring: LiveEvent[];
  readers: Set<() => void>;
  pulling: Promise<void> | null;
  again: boolean;
};

type Span = { readonly lastSeq: bigint; readonly oldest: bigint };

// Both ends of outbox_event_seq_key.
const span = statement<{ last_seq: bigint | null; oldest: bigint | null }>(
  'events.span',
  `SELECT (SELECT last_seq FROM relay_position WHERE network_id = $1) AS last_seq,
          (SELECT min(seq) FROM outbox_event WHERE network_id = $1 AND seq IS NOT NULL) AS oldest`,
);

// relay_position_network_id_key, once for each network that is read in this process.
const positions = statement<{ network_id: string; last_seq: bigint }>(
  'events.positions',
  'SELECT network_id, last_seq FROM relay_position WHERE network_id = ANY ($1::uuid[])',
);

/** The last number that was given in a network: whoever reads from there misses nothing that is committed later. 0 before the first. */
export async function readPosition(db: Queryable, networkId: string): Promise<bigint> {
  return (await run(db, positions, [[networkId]]))[0]?.last_seq ?? 0n;
}

/**
 * The events of all networks that somebody in this process listens to. The bus wakes it; a poll of the positions, one statement
 * four times a second, stands in when hints are lost: they are only hints, the numbered outbox is the truth.
 */
export function createEventSource(db: Database, log: Log, bus: Bus): EventSource {
  const tails = new Map<string, Tail>();
  const spans = new Map<string, Promise<Span>>();
  const pages = createEventPages(db);
  const outage = createOutageLog(log, 'reading new events');
  let stopped = false;
  let polling: Promise<void> | null = null;

  const leave = bus.hear((networkId, seq) => {
    const tail = tails.get(networkId);
    if (!tail) return;
    if (seq > tail.toldSeq) tail.toldSeq = seq;
    if (seq > tail.lastSeq) pullSoon(tail, networkId);
  });
  const timer = setInterval(() => {
    if (tails.size === 0 || polling !== null) return;
    polling = poll()
      .then(outage.over, outage.failed)
      .finally(() => {
        polling = null;
      });
  }, POLL_MILLISECONDS);
  timer.unref();

  async function poll(): Promise<void> {
    for (const { network_id, last_seq } of await run(db.pool, positions, [[...tails.keys()]])) {
      const tail = tails.get(network_id);
      if (!tail || last_seq <= tail.lastSeq) continue;
      if (last_seq > tail.toldSeq) bus.missed();
      pullSoon(tail, network_id);
    }
  }

  function pullSoon(tail: Tail, networkId: string): void {
    if (stopped) return;
    if (tail.pulling) {
      tail.again = true;
      return;
    }
    tail.pulling = pull(networkId, tail)
      .catch(outage.failed)
      .finally(() => {
        tail.pulling = null;
        if (tail.again) {
          tail.again = false;
          pullSoon(tail, networkId);
        }
      });
  }

  async function pull(networkId: string, tail: Tail): Promise<void> {
    for (;;) {
      const fresh = await readEventsAfter(db.pool, networkId, tail.lastSeq, PAGE_EVENTS);
      const last = fresh.at(-1);
      if (!last) return;
      tail.ring.push(...fresh);
      if (tail.ring.length > RING_EVENTS) tail.ring.splice(0, tail.ring.length - RING_EVENTS);
      tail.lastSeq = last.seq;
      for (const wake of tail.readers) wake();
      if (fresh.length < PAGE_EVENTS) return;
    }
  }

  /** What a network has, asked once for all who come at the same moment. */
  function spanOf(networkId: string): Promise<Span> {
    const asked =
      spans.get(networkId) ??
      run(db.pool, span, [networkId])
        .then(([row]) => ({ lastSeq: row?.last_seq ?? 0n, oldest: row?.oldest ?? (row?.last_seq ?? 0n) + 1n }))
        .finally(() => spans.delete(networkId));
    spans.set(networkId, asked);
    return asked;
  }

  async function* read(
    networkId: string,
    after: bigint | null,
    signal: AbortSignal,
  ): AsyncGenerator<readonly LiveEvent[], void, undefined> {
    const { lastSeq, oldest } = await spanOf(networkId);
    if (after !== null && (after > lastSeq || after + 1n < oldest)) throw new CursorExpired();
    const tail = tails.get(networkId) ?? newTail(lastSeq);
    tails.set(networkId, tail);
    // set before anything is looked at, so that no change between the look and the wait is missed
    let changed = Promise.withResolvers<void>();
    const wake = () => changed.resolve();
    tail.readers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    let position = after ?? lastSeq;
    try {
      while (!signal.aborted && !stopped) {
        const batch = await next(networkId, tail, position);
        const newest = batch.at(-1);
        if (newest) {
          position = newest.seq;
          yield batch;
        } else {
          await changed.promise;
          changed = Promise.withResolvers<void>();
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
      tail.readers.delete(wake);
      if (tail.readers.size === 0 && tails.get(networkId) === tail) tails.delete(networkId);
    }
  }

  async function next(networkId: string, tail: Tail, position: bigint): Promise<readonly LiveEvent[]> {
    if (position >= tail.lastSeq) return [];
    const first = tail.ring[0];
    // numbers of a network have no holes, so the place in memory is a subtraction
    if (first && position + 1n >= first.seq) return tail.ring.slice(Number(position + 1n - first.seq));
    const rest = (await pages.pageOf(networkId, position + 1n)).filter(({ seq }) => seq > position);
    if (rest[0]?.seq !== position + 1n) throw new CursorExpired();
    return rest;
  }

  return {
    read,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      leave();
      for (const tail of tails.values()) for (const wake of tail.readers) wake();
      await polling;
      await Promise.all([...tails.values()].map(async (tail) => tail.pulling));
    },
  };
}

function newTail(lastSeq: bigint): Tail {
  return { lastSeq, toldSeq: lastSeq, ring: [], readers: new Set<() => void>(), pulling: null, again: false };
}
