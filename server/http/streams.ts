import { type Ground, readEndedGrounds } from '#server/accounts/reads.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';

/** The streams that are open in this process, each with what it stands on. */
export interface OpenStreams {
  /** Registers a stream; `close` is called once when one of its grounds has ended. Returns how to leave. */
  enter(grounds: readonly Ground[], close: () => void): () => void;
  /** Asks no more, and closes all that is open. */
  stop(): Promise<void>;
}

type Stream = { readonly grounds: readonly Ground[]; readonly close: () => void };

/** How often it is asked whether keys, sessions and memberships still hold: four times within the second that a revocation may take. */
const ASK_EVERY_MILLISECONDS = 250;

/**
 * Closes the streams of keys, sessions and memberships that were revoked, in whichever process that happened: one statement
 * asks for all streams of this process. It is a poll and no notification, since notifications may be lost and this may not.
 */
export function watchStreams(db: Database, log: Log): OpenStreams {
  const streams = new Set<Stream>();
  let asking: Promise<void> | null = null;
  const timer = setInterval(() => {
    if (streams.size === 0 || asking !== null) return;
    asking = closeEnded(db, streams)
      .catch((error: unknown) => log.error({ err: error }, 'could not ask which streams must end'))
      .finally(() => {
        asking = null;
      });
  }, ASK_EVERY_MILLISECONDS);
  timer.unref();
  return {
    enter: (grounds, close) => {
      const stream = { grounds, close };
      streams.add(stream);
      return () => void streams.delete(stream);
    },
    stop: async () => {
      clearInterval(timer);
      for (const stream of streams) stream.close();
      streams.clear();
      await asking;
    },
  };
}

async function closeEnded(db: Database, streams: Set<Stream>): Promise<void> {
  const asked = [...streams];
  const grounds = new Map(asked.flatMap((stream) => stream.grounds).map((ground) => [nameOf(ground), ground]));
  const ended = new Set((await readEndedGrounds(db, [...grounds.values()])).map(nameOf));
  if (ended.size === 0) return;
  for (const stream of asked) {
    if (!stream.grounds.some((ground) => ended.has(nameOf(ground)))) continue;
    streams.delete(stream);
    stream.close();
  }
}

function nameOf({ kind, id }: Pick<Ground, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}
