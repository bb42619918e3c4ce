import { selectPosition } from '#server/alerts/sql.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import type { EventConsumer } from './prune.ts';

/** Events that were not looked through for alerts are kept, however old. */
export const alertConsumer: EventConsumer = { name: 'alerts', consumedTo: selectPosition };

// an alert within a second is at once for a person, and under load a batch looks at each wallet and SKU once for many orders
const POLL_MILLISECONDS = 500;
const AFTER_FAILURE_MILLISECONDS = 2_500;

/** Raises alerts from numbered events, in any number of processes: whoever finds a network's position locked leaves it to the other. */
export function startAlerts(db: Database, log: Log): Loop {
  const round = async () => {
    await raiseAlerts(db);
    return false;
  };
  return startLoop(log, {
    subject: 'the raising of alerts',
    round,
    pollMilliseconds: POLL_MILLISECONDS,
    afterFailureMilliseconds: AFTER_FAILURE_MILLISECONDS,
  });
}
