import type { Ground } from './boot.ts';
import { type Database, type DatabaseBounds, openDatabase, readingThrough } from './platform/database.ts';

/** The database of a server process by who uses it: each has connections of its own, so that none waits for another's. */
export interface Pools {
  /** Orders and other changes, and what must answer beside them: who asks, whether a stream may stay open. */
  readonly changes: Database;
  /** For resolvers: single statements are reads of pages and reports, transactions go where `changes` go. */
  readonly pages: Database;
  /** What runs by itself: events, roll-ups, imports. */
  readonly background: Database;
  /** The one connection that numbers events: it waits for none of the others, and gives its lock back whatever becomes of the process. */
  readonly relay: Database;
  close(): Promise<void>;
}

/** A lock is waited for while a twin of a request is under way, not while somebody has forgotten to let go. */
const LOCK_SHARE = 0.5;
/** A transaction waits for nobody but its own statements: one that is idle for so long has lost its process. */
const IDLE_IN_TRANSACTION_MILLISECONDS = 30_000;

/** Of the connection that numbers events: well below the two seconds after which another process must have gone on; a batch takes some ten milliseconds. */
export const RELAY_BOUNDS: DatabaseBounds = { statement: 1_200, transaction: 1_200, connection: 3_000, answer: 3_000 };

/** Opens them; nothing connects before the first statement. */
export function openPools({ config, databaseUrl, log }: Pick<Ground, 'config' | 'databaseUrl' | 'log'>): Pools {
  const { poolSizes, statementSeconds } = config;
  const open = (use: keyof typeof poolSizes, bounds: { lock?: number; connection?: number; readOnly?: boolean }) =>
    openDatabase({
      url: databaseUrl,
      poolSize: poolSizes[use],
      bounds: { statement: statementSeconds[use] * 1000, idleInTransaction: IDLE_IN_TRANSACTION_MILLISECONDS, ...bounds },
      onConnectionLost: (error) => log.warn({ err: error, use }, 'an idle connection to the database was lost'),
    });
  const relay = openDatabase({
    url: databaseUrl,
    poolSize: 1,
    bounds: RELAY_BOUNDS,
    onConnectionLost: (error) => log.warn({ err: error, use: 'relay' }, 'an idle connection to the database was lost'),
  });
  const changes = open('changes', { lock: statementSeconds.changes * 1000 * LOCK_SHARE });
  const reads = open('reads', { connection: statementSeconds.reads * 1000, readOnly: true });
  const background = open('background', {});
  return {
    changes,
    pages: readingThrough(reads, changes),
    background,
    relay,
    close: async () => {
      await Promise.all([changes.close(), reads.close(), background.close(), relay.close()]);
    },
  };
}
