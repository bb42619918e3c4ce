import { selectPosition } from '#server/alerts/sql.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import type { EventConsumer } from './prune.ts';

/** Events that were not looked through for alerts are kept, however old. */
export const alertConsumer: EventConsumer = { name: 'alerts', consumedTo: selectPosition };

/** The consumer that raises alerts. */
export type Alerts = { stop(): Promise<void> };

// an alert within a second is at once for a person, and under load a batch looks at each wallet and SKU once for many orders
const POLL_MILLISECONDS = 500;

/** Raises alerts from numbered events, in any number of processes: whoever finds a network's position locked leaves it to the other. */
export function startAlerts(db: Database, log: Log): Alerts {
  let wake: () => void = () => undefined;
  let stopped = false;
  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      if (stopped) return resolve();
      const timer = setTimeout(resolve, milliseconds);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const loop = async () => {
    while (!stopped) {
      await pause(POLL_MILLISECONDS);
      if (stopped) return;
      try {
        await raiseAlerts(db);
      } catch (error) {
        // the position stands where it stood: the next round looks at the same events
        log.error({ err: error }, 'raising alerts failed a round');
        await pause(POLL_MILLISECONDS * 5);
      }
    }
  };
  const ended = loop();
  return {
    stop: async () => {
      stopped = true;
      wake();
      await ended;
    },
  };
}
