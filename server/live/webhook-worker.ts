import type { WebhookSender } from '#server/flows/send-webhooks.ts';
import type { Log } from '#server/platform/log.ts';
import { startLoop } from '#server/platform/loop.ts';
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
  const send = async () => {
    if (performance.now() - lastSweep > SWEEP_EVERY_MILLISECONDS) {
      lastSweep = performance.now();
      await sender.sweep();
    }
    return (await sender.sendDue()) > 0;
  };
  const read = async () => {
    const moved = await reader.readOnce();
    if (moved > 0) sending.wake();
    return moved > 0;
  };
  const sending = startLoop(log, { subject: 'the sending of webhooks', round: send, pollMilliseconds: POLL_MILLISECONDS });
  const reading = startLoop(log, { subject: 'the reading of events for webhooks', round: read, pollMilliseconds: POLL_MILLISECONDS });
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
