import type { WebhookSender } from '#server/flows/send-webhooks.ts';
import type { Log } from '#server/platform/log.ts';
import type { WebhookReader } from './webhook-reader.ts';

/** Running webhooks. */
export type WebhookWorker = {
  /** Hints that there is something to read or to send. */
  wake(): void;
  /** Begins nothing more and waits for the calls that are under way. */
  stop(): Promise<void>;
};

const POLL_MILLISECONDS = 250;
const SWEEP_EVERY_MILLISECONDS = 60_000;

/**
 * Reads events and sends deliveries until it is stopped. Two loops, so that neither waits for the other. Any number of processes may
 * run it: they share the work by claims in the database.
 */
export function startWebhookWorker(reader: WebhookReader, sender: WebhookSender, log: Log): WebhookWorker {
  let lastSweep = Number.NEGATIVE_INFINITY;
  const sending = startLoop(log, 'webhooks could not be sent', async () => {
    if (performance.now() - lastSweep > SWEEP_EVERY_MILLISECONDS) {
      lastSweep = performance.now();
      await sender.sweep();
    }
    return (await sender.sendDue()) > 0;
  });
  const reading = startLoop(log, 'webhooks could not read events', async () => {
    const moved = await reader.readOnce();
    if (moved > 0) sending.wake();
    return moved > 0;
  });
  return {
    wake: () => {
      reading.wake();
      sending.wake();
    },
    stop: async () => {
      await Promise.all([reading.stop(), sending.stop()]);
      await sender.settle();
    },
  };
}

type Loop = { readonly wake: () => void; readonly stop: () => Promise<void> };

/** Repeats a round: at once while there was something to do, else after a pause. */
function startLoop(log: Log, complaint: string, round: () => Promise<boolean>): Loop {
  let stopped = false;
  let woken = Promise.withResolvers<void>();
  const repeat = async () => {
    while (!stopped) {
      const worked = await round().catch((error: unknown) => {
        // what was not done stays in the database: the next round finds it
        log.error({ err: error }, complaint);
        return false;
      });
      if (worked) continue;
      const timer = setTimeout(woken.resolve, POLL_MILLISECONDS);
      await woken.promise;
      clearTimeout(timer);
      woken = Promise.withResolvers<void>();
    }
  };
  const ended = repeat();
  return {
    wake: () => woken.resolve(),
    stop: async () => {
      stopped = true;
      woken.resolve();
      await ended;
    },
  };
}
