import pg from 'pg';
import { type Database, run, statement } from '#server/platform/database.ts';
import type { EventTopic } from '#server/platform/events.ts';
import type { Log } from '#server/platform/log.ts';
import { EVENTS_CHANNEL } from './relay.ts';

/** A numbered event of one network. */
export type LiveEvent = {
  readonly seq: bigint;
  readonly topic: EventTopic;
  readonly subjectId: string;
  readonly audience: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly occurredAt: Date;
};

/** The cursor lies before what is kept: read the present state by a query, then subscribe without a cursor. */
export class CursorExpired extends Error {
  constructor() {
    super('events after this cursor are no longer kept; read the present state again and subscribe without a cursor');
    this.name = 'CursorExpired';
  }
}

/** Reads a network's events in order, from memory while they are fresh and from the outbox otherwise. */
export type EventSource = {
  /**
   * Batches of events after `after` (null: from now on), in order, without gap or duplicate, until `signal` aborts.
   * A slow reader holds nothing but its position: what has left the memory is read from the outbox again.
   */
  read(networkId: string, after: bigint | null, signal: AbortSignal): AsyncGenerator<readonly LiveEvent[], void, undefined>;
  stop(): Promise<void>;
};

const RING = 2_000;
const PAGE = 500;
const POLL_MILLISECONDS = 250;
const RECONNECT_MILLISECONDS = 1_000;

type Tail = { lastSeq: bigint; ring: LiveEvent[]; readers: Set<() => void>; pulling: Promise<void> | null; again: boolean };

type EventRow = {
  seq: bigint;
  topic: EventTopic;
  subject_id: string;
  audience: string[];
  data: Record<string, unknown>;
  occurred_at: Date;
};

// outbox_event_seq_key, a range of it.
const eventsAfter = statement<EventRow>(
  'events.after',
  'SELECT seq, topic, subject_id, audience, data, occurred_at FROM outbox_event WHERE network_id = $1 AND seq > $2 ORDER BY seq LIMIT $3',
);

// Both ends of outbox_event_seq_key.
const span = statement<{ last_seq: bigint | null; oldest: bigint | null }>(
  'events.span',
  `SELECT (SELECT last_seq FROM relay_position WHERE network_id = $1) AS last_seq,
          (SELECT min(seq) FROM outbox_event WHERE network_id = $1 AND seq IS NOT NULL) AS oldest`,
);

/**
 * The events of all networks that somebody in this process listens to. LISTEN wakes it; a poll twice a second stands in
 * when notifications are lost (a pooler, a broken connection): they are a hint, the numbered outbox is the truth.
 */
export function createEventSource(db: Database, log: Log, listenUrl: string | null): EventSource {
  const tails = new Map<string, Tail>();
  let stopped = false;
  const listener = listenUrl === null ? null : listen(listenUrl, log, (networkId) => pullSoon(networkId));
  const poll = setInterval(() => {
    for (const networkId of tails.keys()) pullSoon(networkId);
  }, POLL_MILLISECONDS);
  poll.unref();

  function pullSoon(networkId: string): void {
    const tail = tails.get(networkId);
    if (!tail || stopped) return;
    if (tail.pulling) {
      tail.again = true;
      return;
    }
    tail.pulling = pull(networkId, tail)
      .catch((error: unknown) => log.warn({ err: error }, 'reading new events failed; the next poll tries again'))
      .finally(() => {
        tail.pulling = null;
        if (tail.again) {
          tail.again = false;
          pullSoon(networkId);
        }
      });
  }

  async function pull(networkId: string, tail: Tail): Promise<void> {
    for (;;) {
      const rows = await run(db.pool, eventsAfter, [networkId, tail.lastSeq, PAGE]);
      const last = rows.at(-1);
      if (!last) return;
      tail.ring.push(...rows.map(toEvent));
      if (tail.ring.length > RING) tail.ring.splice(0, tail.ring.length - RING);
      tail.lastSeq = last.seq;
      for (const wake of tail.readers) wake();
      if (rows.length < PAGE) return;
    }
  }

  async function* read(
    networkId: string,
    after: bigint | null,
    signal: AbortSignal,
  ): AsyncGenerator<readonly LiveEvent[], void, undefined> {
    const { last_seq, oldest } = (await run(db.pool, span, [networkId]))[0] ?? { last_seq: null, oldest: null };
    const lastSeq = last_seq ?? 0n;
    if (after !== null && (after > lastSeq || after + 1n < (oldest ?? lastSeq + 1n))) throw new CursorExpired();
    const tail = tails.get(networkId) ?? { lastSeq, ring: [], readers: new Set<() => void>(), pulling: null, again: false };
    tails.set(networkId, tail);
    // set before anything is looked at, so that no change between the look and the wait is missed
    let changed = Promise.withResolvers<void>();
    const wake = () => changed.resolve();
    tail.readers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    try {
      let position = after ?? lastSeq;
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
      if (tail.readers.size === 0) tails.delete(networkId);
    }
  }

  async function next(networkId: string, tail: Tail, position: bigint): Promise<readonly LiveEvent[]> {
    if (position >= tail.lastSeq) return [];
    const first = tail.ring[0];
    // numbers of a network have no holes, so the place in memory is a subtraction
    if (first && position + 1n >= first.seq) return tail.ring.slice(Number(position + 1n - first.seq));
    const rows = await run(db.pool, eventsAfter, [networkId, position, PAGE]);
    const oldest = rows[0];
    if (!oldest || oldest.seq > position + 1n) throw new CursorExpired();
    return rows.map(toEvent);
  }

  return {
    read,
    stop: async () => {
      stopped = true;
      clearInterval(poll);
      for (const tail of tails.values()) for (const wake of tail.readers) wake();
      await listener?.stop();
      await Promise.all([...tails.values()].map(async (tail) => tail.pulling));
    },
  };
}

function toEvent(row: EventRow): LiveEvent {
  return { seq: row.seq, topic: row.topic, subjectId: row.subject_id, audience: row.audience, data: row.data, occurredAt: row.occurred_at };
}

/** A connection of its own that hears NOTIFY and comes back by itself. */
function listen(url: string, log: Log, onNetwork: (networkId: string) => void): { stop(): Promise<void> } {
  let stopped = false;
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | undefined;

  const connect = async () => {
    const fresh = new pg.Client({ connectionString: url });
    client = fresh;
    fresh.on('notification', (message) => onNetwork(message.payload ?? ''));
    fresh.on('error', (error) => log.warn({ err: error }, 'the connection that hears of events was lost'));
    fresh.on('end', () => again());
    await fresh.connect();
    await fresh.query(`LISTEN ${EVENTS_CHANNEL}`);
  };
  const again = () => {
    if (stopped) return;
    clearTimeout(retry);
    retry = setTimeout(() => attempt(), RECONNECT_MILLISECONDS);
    retry.unref();
  };
  const attempt = () => {
    connect().catch((error: unknown) => {
      log.warn({ err: error }, 'could not listen for events; polling goes on');
      again();
    });
  };
  attempt();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(retry);
      await client?.end().catch((error: unknown) => log.debug({ err: error }, 'the listening connection was closed already'));
    },
  };
}
