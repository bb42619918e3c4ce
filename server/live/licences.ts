import { checkLicences } from '#server/flows/licences.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';

/** Asking costs one statement where no network's day has changed; a licence ends at most so long after midnight. */
const POLL_MILLISECONDS = 30_000;

/** Freezes and warns when a network's day changes, also after a pause or a jump of the clock. Any number of processes may run it. */
export function startLicences(db: Database, log: Log): Loop {
  return startLoop(log, {
    subject: 'the look at licences',
    round: async () => {
      await checkLicences(db);
      return false;
    },
    pollMilliseconds: POLL_MILLISECONDS,
  });
}
