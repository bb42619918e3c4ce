import { type Database, inTransaction, run, statement, type Transaction } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';

/** Channel on which the relay says that a network has new numbered events; the payload is the network's id. A hint, never the truth. */
export const EVENTS_CHANNEL = 'fenzhan_events';

const BATCH = 1_000;
const POLL_MILLISECONDS = 100;
const PRUNE_EVERY_MILLISECONDS = 60_000;
const PRUNE_BATCH = 10_000;

/** A running relay. */
export type Relay = {
  /** Hints that something was committed: the next round begins at once rather than at the next poll. */
  wake(): void;
  stop(): Promise<void>;
};

// outbox_event_unnumbered_idx is empty but for what was committed since the last round, so the distinct scan is short.
const networksWaiting = statement<{ network_id: string }>(
  'relay.networksWaiting',
  'SELECT DISTINCT network_id FROM outbox_event WHERE seq IS NULL',
);

const makePosition = statement(
  'relay.makePosition',
  'INSERT INTO relay_position (network_id, id, last_seq, updated_at) VALUES ($1, $2, 0, $3) ON CONFLICT (network_id) DO NOTHING',
);

// The lock that makes numbers of one network strictly follow each other, whichever process gives them.
const lockPosition = statement<{ last_seq: bigint }>(
  'relay.lockPosition',
  'SELECT last_seq FROM relay_position WHERE network_id = $1 FOR UPDATE',
);

// By outbox_event_unnumbered_idx: ids are UUIDv7, so events of one order keep the order in which they were written.
const unnumbered = statement<{ id: string }>(
  'relay.unnumbered',
  'SELECT id FROM outbox_event WHERE network_id = $1 AND seq IS NULL ORDER BY id LIMIT $2',
);

const number = statement(
  'relay.number',
  `UPDATE outbox_event e SET seq = n.seq FROM unnest($2::uuid[], $3::bigint[]) AS n (id, seq)
   WHERE e.network_id = $1 AND e.id = n.id AND e.seq IS NULL`,
);

const movePosition = statement('relay.movePosition', 'UPDATE relay_position SET last_seq = $2, updated_at = $3 WHERE network_id = $1');

const tell = statement('relay.tell', 'SELECT pg_notify($1, $2)');

// Oldest first by outbox_event_seq_key; bounded, so that a long backlog is taken away in steps. What the roll-ups have not
// counted yet stays, however old it is.
const prune = statement(
  'relay.prune',
  `DELETE FROM outbox_event e USING (
     SELECT network_id, id FROM outbox_event
     WHERE network_id = $1 AND seq <= (SELECT coalesce(min(last_seq), 0) FROM roll_up_position WHERE network_id = $1) AND occurred_at < $2
     ORDER BY seq LIMIT $3
   ) old WHERE e.network_id = old.network_id AND e.id = old.id`,
);

const networks = statement<{ id: string }>('relay.networks', 'SELECT id FROM network');

/**
 * Numbers committed events of every network and tells all processes that there is something to read. Any number of
 * processes may run it: the lock on a network's position lets one work at a time, and what a dead one left is simply still
 * without a number.
 */
export function startRelay(db: Database, log: Log, options: { retentionDays: number }): Relay {
  let stopped = false;
  let wakeUp: () => void = () => undefined;
  let woken = false;
  let lastPrune = 0;

  const wait = () =>
    new Promise<void>((resolve) => {
      if (woken) return resolve();
      const timer = setTimeout(resolve, POLL_MILLISECONDS);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const loop = async () => {
    while (!stopped) {
      await wait();
      woken = false;
      try {
        await relayOnce(db);
        if (Date.now() - lastPrune > PRUNE_EVERY_MILLISECONDS) {
          lastPrune = Date.now();
          await pruneEvents(db, options.retentionDays);
        }
      } catch (error) {
        // the outbox keeps what was not numbered: the next round begins where this one failed
        log.error({ err: error }, 'the event relay failed a round');
        await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS * 5));
      }
    }
  };
  const ended = loop();
  return {
    wake: () => {
      woken = true;
      wakeUp();
    },
    stop: async () => {
      stopped = true;
      wakeUp();
      await ended;
    },
  };
}

/** Numbers everything that waits, network by network; resolves to how many events were numbered. */
export async function relayOnce(db: Database): Promise<number> {
  let count = 0;
  for (const { network_id } of await run(db.pool, networksWaiting, [])) {
    for (;;) {
      const numbered = await inTransaction(db, (tx) => numberBatch(tx, network_id));
      count += numbered;
      if (numbered < BATCH) break;
    }
  }
  return count;
}

async function numberBatch(tx: Transaction, networkId: string): Promise<number> {
  await run(tx, makePosition, [networkId, tx.newId(), tx.now]);
  const [position] = await run(tx, lockPosition, [networkId]);
  if (!position) throw new Error(`network ${networkId} has no relay position`);
  const events = await run(tx, unnumbered, [networkId, BATCH]);
  if (events.length === 0) return 0;
  const last = position.last_seq + BigInt(events.length);
  await run(tx, number, [networkId, events.map((event) => event.id), events.map((_, index) => position.last_seq + BigInt(index + 1))]);
  await run(tx, movePosition, [networkId, last, tx.now]);
  await run(tx, tell, [EVENTS_CHANNEL, networkId]);
  return events.length;
}

/** Takes away numbered events older than the retention; a cursor from before is refused with CURSOR_EXPIRED. */
export async function pruneEvents(db: Database, retentionDays: number): Promise<void> {
  const before = new Date(db.clock().getTime() - retentionDays * 86_400_000);
  for (const { id } of await run(db.pool, networks, [])) await run(db.pool, prune, [id, before, PRUNE_BATCH]);
}
