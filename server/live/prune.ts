import { type Database, type Queryable, run, statement } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { createOutageLog } from '#server/platform/outage-log.ts';

/** Who reads every numbered event once and remembers how far it came: the roll-ups, the webhooks. */
export type EventConsumer = {
  /** As the log names it. */
  readonly name: string;
  /** The last number of a network that it is done with; 0 when it has not begun. What follows is kept for it, however old. */
  readonly consumedTo: (db: Queryable, networkId: string) => Promise<bigint>;
};

/** What is kept of the events, and for whom. */
export type Retention = { readonly retentionDays: number; readonly consumers: readonly EventConsumer[] };

const EVERY_MILLISECONDS = 60_000;
const BATCH = 5_000;
/** Batches of one network in a row: a long backlog is taken away in steps, so that the others have their turn. */
const BATCHES_IN_A_ROW = 20;

const networks = statement<{ id: string; last_seq: bigint }>(
  'prune.networks',
  'SELECT network_id AS id, last_seq FROM relay_position WHERE last_seq > 0',
);

// Oldest first by outbox_event_seq_key; bounded, so that its locks and its work are.
const prune = statement<{ count: number }>(
  'prune.delete',
  `WITH gone AS (
     DELETE FROM outbox_event e USING (
       SELECT network_id, id FROM outbox_event WHERE network_id = $1 AND seq <= $2 AND occurred_at < $3 ORDER BY seq LIMIT $4
     ) old WHERE e.network_id = old.network_id AND e.id = old.id RETURNING 1
   )
   SELECT count(*)::int AS count FROM gone`,
);

/** Takes away old events once a minute until it is stopped. Any number of processes may run it. */
export function startPruning(db: Database, log: Log, retention: Retention): { stop(): Promise<void> } {
  const outage = createOutageLog(log, 'the removal of old events');
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(() => pruneEvents(db, retention)).then(outage.over, outage.failed);
  }, EVERY_MILLISECONDS);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

/**
 * Takes away numbered events that are older than the retention and that every consumer is done with; a cursor from before is
 * refused with CURSOR_EXPIRED. A consumer that stands still keeps events, and loses none.
 */
export async function pruneEvents(db: Database, { retentionDays, consumers }: Retention): Promise<void> {
  const before = new Date(db.clock().getTime() - retentionDays * 86_400_000);
  for (const { id, last_seq } of await run(db.pool, networks, [])) {
    const consumed = await Promise.all(consumers.map(({ consumedTo }) => consumedTo(db.pool, id)));
    const upTo = consumed.reduce((least, seq) => (seq < least ? seq : least), last_seq);
    for (let batch = 1; batch <= BATCHES_IN_A_ROW; batch += 1) {
      const [gone] = await run(db.pool, prune, [id, upTo, before, BATCH]);
      if ((gone?.count ?? 0) < BATCH) break;
    }
  }
}
