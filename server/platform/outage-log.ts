import type { Log } from '#server/platform/log.ts';

const REPEAT_MILLISECONDS = 60_000;

/** Tells the log of an outage without flooding it. */
export type OutageLog = {
  /** It failed again: logged at the first time and then once a minute. */
  failed(error: unknown): void;
  /** It works: logged when it had failed. */
  over(): void;
};

/** The log of one thing that is tried again and again, as the subject of a sentence: "the event relay". */
export function createOutageLog(log: Log, subject: string): OutageLog {
  let failures = 0;
  let loggedAt = 0;
  return {
    failed: (error) => {
      failures += 1;
      const now = performance.now();
      if (failures > 1 && now - loggedAt < REPEAT_MILLISECONDS) return;
      loggedAt = now;
      log.error({ err: error, failures }, `${subject} fails; it is tried again until it works`);
    },
    over: () => {
      if (failures > 0) log.info({ failures }, `${subject} works again`);
      failures = 0;
    },
  };
}
