import type { Log } from './log.ts';
import { createOutageLog } from './outage-log.ts';

/** Work that goes on until it is stopped. */
export type Loop = {
  /** Hints that there is something to do: it is looked for at once rather than at the next poll. */
  wake(): void;
  /** Begins nothing more and waits for the round that is under way. */
  stop(): Promise<void>;
};

/** What is repeated, and how often. */
export type LoopOptions = {
  /** As the log names it when it fails, the subject of a sentence: "the event relay". */
  readonly subject: string;
  /** One round; answers whether there was something to do. What it leaves undone must be found by the next. */
  readonly round: (stopping: AbortSignal) => Promise<boolean>;
  /** How long after a round with nothing to do the next one begins, unless woken. */
  readonly pollMilliseconds: number;
  /** How long after one that failed; as long as a poll when left out. */
  readonly afterFailureMilliseconds?: number;
};

/** Repeats a round: at once while there was something to do, else after a pause. A failure is logged and never ends it. */
export function startLoop(log: Log, { subject, round, pollMilliseconds, afterFailureMilliseconds }: LoopOptions): Loop {
  const outage = createOutageLog(log, subject);
  const stopping = new AbortController();
  // renewed after each wait: a hint that comes during a round is not lost
  let woken = Promise.withResolvers<void>();
  const wait = async (milliseconds: number) => {
    const timer = setTimeout(woken.resolve, milliseconds);
    await woken.promise;
    clearTimeout(timer);
    woken = Promise.withResolvers<void>();
  };
  const repeat = async () => {
    while (!stopping.signal.aborted) {
      try {
        const worked = await round(stopping.signal);
        outage.over();
        if (!worked && !stopping.signal.aborted) await wait(pollMilliseconds);
      } catch (error) {
        outage.failed(error);
        if (!stopping.signal.aborted) await wait(afterFailureMilliseconds ?? pollMilliseconds);
      }
    }
  };
  const ended = repeat();
  return {
    wake: () => woken.resolve(),
    stop: async () => {
      stopping.abort();
      woken.resolve();
      await ended;
    },
  };
}
