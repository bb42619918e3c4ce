import { type Database, type Queryable, run, statement } from '#server/platform/database.ts';
import type { EventTopic } from '#server/platform/events.ts';

/** A numbered event of one network. */
export type LiveEvent = {
  readonly seq: bigint;
  readonly topic: EventTopic;
  readonly subjectId: string;
  readonly audience: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly occurredAt: Date;
};

/** Pages of the outbox that readers of the past share. */
export type EventPages = {
  /** The events of the page that holds `seq`, in order, as far as they are numbered and kept. */
  pageOf(networkId: string, seq: bigint): Promise<readonly LiveEvent[]>;
};

/** Events that one statement reads. */
export const PAGE_EVENTS = 500;
/** Pages that are kept: a few megabytes, however many networks are read. */
const PAGES_KEPT = 16;

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

/** The next events after a number, in order. */
export async function readEventsAfter(db: Queryable, networkId: string, after: bigint, most: number): Promise<LiveEvent[]> {
  return (await run(db, eventsAfter, [networkId, after, most])).map((row) => ({
    seq: row.seq,
    topic: row.topic,
    subjectId: row.subject_id,
    audience: row.audience,
    data: row.data,
    occurredAt: row.occurred_at,
  }));
}

/**
 * Reads the past by pages that begin at fixed numbers, so that all who replay the same stretch share one reading of it, wherever
 * in it they were cut: a page is read once while it is under way, and a full one is kept until newer ones take its place.
 */
export function createEventPages(db: Database): EventPages {
  const pages = new Map<string, Promise<readonly LiveEvent[]>>();

  async function read(key: string, networkId: string, first: bigint): Promise<readonly LiveEvent[]> {
    try {
      const found = (await readEventsAfter(db.pool, networkId, first - 1n, PAGE_EVENTS)).filter(
        ({ seq }) => seq < first + BigInt(PAGE_EVENTS),
      );
      // one that is not full will have more in a moment, or less is kept of it
      if (found.length < PAGE_EVENTS) pages.delete(key);
      return found;
    } catch (error) {
      pages.delete(key);
      throw error;
    }
  }

  return {
    pageOf: (networkId, seq) => {
      const first = seq - ((seq - 1n) % BigInt(PAGE_EVENTS));
      const key = `${networkId}:${first}`;
      const page = pages.get(key) ?? read(key, networkId, first);
      // the one used last is the last to go
      pages.delete(key);
      pages.set(key, page);
      const oldest = pages.size > PAGES_KEPT ? pages.keys().next().value : undefined;
      if (oldest !== undefined) pages.delete(oldest);
      return page;
    },
  };
}
