import type { EventTopic } from '#server/platform/events.ts';
import { type CursorScope, encodeCursor } from './cursor.ts';
import type { LiveEvent } from './event-source.ts';

/**
 * What one subscription tells of a network's events, to one party with its arguments. It holds no place and no state: the plain
 * stream of one subscriber and the group of ten thousand read the same feed.
 */
export interface Feed<Root> {
  /** What its cursors are good for: the network, the party, the subscription by name (with the arguments that choose other events). */
  readonly scope: CursorScope;
  /** Topics that it is made of. */
  readonly topics: ReadonlySet<EventTopic>;
  /** Whether an event of these topics is for the party at all, by what stands in the event: its audience. Left out: all are. */
  readonly concerns?: (event: LiveEvent) => boolean;
  /**
   * What an event is about. Of several events about the same, only the newest is told: in a batch, and to a client that reads
   * slowly. Left out: each event is told, and a client that reads too slowly is cut and resumes.
   */
  readonly keyOf?: (event: LiveEvent) => string;
  /** Of these events, those that the party may see by now; asked once for each batch. Left out: all of them. */
  readonly visible?: (events: readonly LiveEvent[]) => Promise<readonly LiveEvent[]>;
  /** The value from which the subscription's field is resolved, and the cursor of its place. Ids and facts only: the rest is loaded under the viewer's rights. */
  readonly rootOf: (event: LiveEvent, cursor: string) => Root;
  /** Whoever joins others who are told already is first told what they were told last: for figures, of which the newest says all. */
  readonly newestFirst?: boolean;
  /** At least so long between two batches: for figures that nobody reads ten times a second. */
  readonly pauseMilliseconds?: number;
}

/** One event as it is told. */
export interface Told<Root> {
  readonly seq: bigint;
  /** What it is about, when a newer one takes its place; else null. */
  readonly key: string | null;
  readonly root: Root;
}

/** What a feed tells of a batch, in order. */
export async function tellBatch<Root>(feed: Feed<Root>, batch: readonly LiveEvent[]): Promise<readonly Told<Root>[]> {
  const { concerns, keyOf, visible } = feed;
  const chosen = newestOfEach(
    batch.filter((event) => feed.topics.has(event.topic) && (concerns === undefined || concerns(event))),
    keyOf,
  );
  const seen = chosen.length === 0 || visible === undefined ? chosen : await visible(chosen);
  return seen.map((event) => ({
    seq: event.seq,
    key: keyOf?.(event) ?? null,
    root: feed.rootOf(event, encodeCursor(feed.scope, event.seq)),
  }));
}

function newestOfEach(events: readonly LiveEvent[], keyOf: ((event: LiveEvent) => string) | undefined): readonly LiveEvent[] {
  if (keyOf === undefined) return events;
  const newest = new Map<string, LiveEvent>();
  for (const event of events) {
    const key = keyOf(event);
    // what is told again moves to the end: cursors must rise
    newest.delete(key);
    newest.set(key, event);
  }
  return [...newest.values()];
}
