import { type Ground, readGroundChanges } from '#server/accounts/reads.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';

/** The streams that are open in this process, each with what it stands on. */
export interface OpenStreams {
  /** Registers a stream; one of `stream`'s functions is called once. Returns how to leave. */
  enter(grounds: readonly Ground[], stream: OpenStream): () => void;
  /** Asks no more, and closes all that is open. */
  stop(): Promise<void>;
}

/** What a stream does about what it stands on. */
export interface OpenStream {
  /** A key was revoked, a session or membership has ended, a station was closed: no more may be told. */
  readonly ended: () => void;
  /** The rights are others by now: it enters again under those. */
  readonly changed: () => void;
}

type Entered = { readonly grounds: readonly Ground[]; readonly stream: OpenStream };

/** How often it is asked whether keys, sessions and memberships still hold: four times within the second that a revocation may take. */
const ASK_EVERY_MILLISECONDS = 250;

/**
 * Closes the streams of keys, sessions and memberships that were revoked, in whichever process that happened: one statement
 * asks for all streams of this process. It is a poll and no notification, since notifications may be lost and this may not.
 */
export function watchStreams(db: Database, log: Log): OpenStreams {
  const streams = new Set<Entered>();
  let asking: Promise<void> | null = null;
  const timer = setInterval(() => {
    if (streams.size === 0 || asking !== null) return;
    asking = tellChanges(db, streams)
      .catch((error: unknown) => log.error({ err: error }, 'could not ask which streams must end'))
      .finally(() => {
        asking = null;
      });
  }, ASK_EVERY_MILLISECONDS);
  timer.unref();
  return {
    enter: (grounds, stream) => {
      const entered = { grounds, stream };
      streams.add(entered);
      return () => void streams.delete(entered);
    },
    stop: async () => {
      clearInterval(timer);
      for (const { stream } of streams) stream.ended();
      streams.clear();
      await asking;
    },
  };
}

async function tellChanges(db: Database, streams: Set<Entered>): Promise<void> {
  const asked = [...streams];
  const grounds = new Map(asked.flatMap((entered) => entered.grounds).map((ground) => [nameOf(ground), ground]));
  const changes = await readGroundChanges(db, [...grounds.values()]);
  if (changes.length === 0) return;
  const ended = new Set(changes.filter(({ hasEnded }) => hasEnded).map(nameOf));
  const changed = new Set(changes.map(nameOf));
  for (const entered of asked) {
    if (!entered.grounds.some((ground) => changed.has(nameOf(ground))) || !streams.delete(entered)) continue;
    if (entered.grounds.some((ground) => ended.has(nameOf(ground)))) entered.stream.ended();
    else entered.stream.changed();
  }
}

/** A membership is asked for with the role that the stream was opened under: those of different roles are different questions. */
function nameOf({ kind, id, role }: Pick<Ground, 'kind' | 'id' | 'role'>): string {
  return `${kind} ${id} ${role}`;
}
