import { CursorInvalid, decodeCursor } from './cursor.ts';
import { CursorExpired, type EventSource } from './event-source.ts';
import { type Feed, tellBatch } from './feed.ts';

/** What a subscription's field is resolved from: an event, or why the stream ends (CursorInvalid, CursorExpired). */
export type Watched<Root> = { readonly event: Root } | { readonly failure: Error };

/**
 * What a subscription's `subscribe` answers. Iterated, it is the stream of one subscriber, executed by plain graphql-js; the server's
 * transports take its parts and let the fan-out read for many at once. Nothing is read before either begins.
 */
export interface LiveStream<Root> extends AsyncIterableIterator<Watched<Root>> {
  readonly source: EventSource;
  readonly feed: Feed<Root>;
  /** The place to go on from; null: from now on. Throws CursorInvalid. */
  readonly position: () => bigint | null;
}

const streams = new WeakSet<object>();

/** Whether a subscription answered a LiveStream, and no other iterable. */
export function isLiveStream(stream: object): stream is LiveStream<unknown> {
  return streams.has(stream);
}

/** Opens the stream of a feed, after a cursor or from now on. */
export function openStream<Root>(source: EventSource, feed: Feed<Root>, after: string | null): LiveStream<Root> {
  const controller = new AbortController();
  const position = () => (after === null ? null : decodeCursor(feed.scope, after));
  const watched = watch({ source, feed, position, signal: controller.signal });
  const stream: LiveStream<Root> = {
    source,
    feed,
    position,
    next: () => watched.next(),
    // ends at once when its subscriber goes: the abort wakes the reader, which may wait for an event that never comes
    return: () => {
      controller.abort();
      return watched.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
  streams.add(stream);
  return stream;
}

/** A cursor that cannot be used is told as an answer, after which the stream ends. */
async function* watch<Root>({
  source,
  feed,
  position,
  signal,
}: Pick<LiveStream<Root>, 'source' | 'feed' | 'position'> & { readonly signal: AbortSignal }): AsyncGenerator<
  Watched<Root>,
  void,
  undefined
> {
  try {
    for await (const batch of source.read(feed.scope.networkId, position(), signal)) {
      for (const { root } of await tellBatch(feed, batch)) yield { event: root };
    }
  } catch (error) {
    if (!isCursorFailure(error)) throw error;
    yield { failure: error };
  }
}

/** Whether a stream ended because of its cursor: the subscriber's fault, or its long absence. */
export function isCursorFailure(error: unknown): error is CursorInvalid | CursorExpired {
  return error instanceof CursorInvalid || error instanceof CursorExpired;
}
