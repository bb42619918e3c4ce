import { type Database, run, statement } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { createOutageLog } from '#server/platform/outage-log.ts';
import type { Bus } from './bus.ts';

/** Events that one statement numbers: some ten milliseconds of the database. */
const BATCH = 1_000;
const LEAST_BATCH = 25;
/** How late an event may be that nobody told of: one of a program beside the servers, or of a process that died. */
const POLL_MILLISECONDS = 100;
/** Rounds begin no closer than this. The first event of a pause waits for nothing; under load a round takes what came meanwhile. */
const ROUND_MILLISECONDS = 20;
const AFTER_FAILURE_MILLISECONDS = 500;
/** For so long after it was noticed does another process count as there. */
const SHARED_MILLISECONDS = 2_000;

/** A running relay. */
export type Relay = {
  /** Hints that something was committed: the next round begins at once rather than at the next poll. */
  wake(): void;
  /** When a round last went through; null before the first. */
  lastRoundAt(): Date | null;
  /** Whether another process has numbered events of a network within the last two seconds: it serves that network, too. */
  isShared(networkId: string): boolean;
  stop(): Promise<void>;
};

/** Who numbers events of a network beside this process. */
type Neighbours = {
  /** The network's position was found there, or somebody was just moving it (null). */
  found(networkId: string, position: bigint | null): void;
  /** This process moved it. */
  moved(networkId: string, position: bigint): void;
  isShared(networkId: string): boolean;
};

/** What one round came to. `isContended`: a network was left although it may have more, mostly to another process. */
type Round = { readonly count: number; readonly isContended: boolean };

// Jumps from network to network on outbox_event_unnumbered_idx: costs as many steps as networks wait, however much waits in each.
const networksWaiting = statement<{ network_id: string; last_seq: bigint | null }>(
  'relay.networksWaiting',
  `WITH RECURSIVE waiting (network_id) AS (
     (SELECT network_id FROM outbox_event WHERE seq IS NULL ORDER BY network_id LIMIT 1)
     UNION ALL
     SELECT (SELECT e.network_id FROM outbox_event e WHERE e.seq IS NULL AND e.network_id > w.network_id ORDER BY e.network_id LIMIT 1)
     FROM waiting w WHERE w.network_id IS NOT NULL
   )
   SELECT w.network_id, p.last_seq FROM waiting w LEFT JOIN relay_position p USING (network_id) WHERE w.network_id IS NOT NULL`,
);

const makePosition = statement(
  'relay.makePosition',
  'INSERT INTO relay_position (network_id, id, last_seq, updated_at) VALUES ($1, $2, 0, $3) ON CONFLICT (network_id) DO NOTHING',
);

// Numbers a batch and moves the position, in one statement that is its own transaction: no lock outlives it, whatever becomes of
// the process that sent it. Locks the position's row and does nothing when another process holds it. The row is found by the
// number that the sender knows: when it was moved since this statement's snapshot was taken, it is not found either, so the
// snapshot shows every number that was ever given, and "without a number" is the truth (decision 19).
// By outbox_event_unnumbered_idx. Within a batch the transaction that began to write earlier comes first (an event that follows
// from a committed one has the younger xmin, also when the clocks of two servers differ), within a transaction the id.
const numberNext = statement<{ last_seq: bigint }>(
  'relay.numberNext',
  `WITH place AS (
     SELECT last_seq FROM relay_position WHERE network_id = $1 AND last_seq = $2 FOR UPDATE SKIP LOCKED
   ), waiting AS (
     SELECT e.id, row_number() OVER (ORDER BY age(e.xmin) DESC, e.id) AS place
     FROM (SELECT id, xmin FROM outbox_event WHERE network_id = $1 AND seq IS NULL ORDER BY id LIMIT $3) e
     WHERE EXISTS (SELECT FROM place)
   ), numbered AS (
     UPDATE outbox_event e SET seq = $2 + w.place FROM waiting w WHERE e.network_id = $1 AND e.id = w.id
   )
   UPDATE relay_position p SET last_seq = p.last_seq + w.count, updated_at = $4
   FROM (SELECT count(*) AS count FROM waiting) w WHERE p.network_id = $1 AND p.last_seq = $2 AND w.count > 0
   RETURNING p.last_seq`,
);

/**
 * Numbers committed events of every network and tells all processes that there is something to read. Every process runs one:
 * the lock on a network's position lets one work at a time, nobody has to be declared dead before another goes on, and what
 * a dead one left is simply still without a number.
 */
export function startRelay(db: Database, log: Log, bus: Bus): Relay {
  const outage = createOutageLog(log, 'the event relay');
  let stopped = false;
  let woken = false;
  let wakeUp: () => void = () => undefined;
  let batch = BATCH;
  let lastRoundAt: Date | null = null;
  const neighbours = createNeighbours();

  const wait = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      if (woken || stopped) wakeUp();
    });

  const loop = async () => {
    while (!stopped) {
      await wait(POLL_MILLISECONDS);
      woken = false;
      const began = performance.now();
      try {
        const { isContended } = await round(db, { batch, tell: bus.publish, neighbours });
        if (isContended) woken = true;
        batch = Math.min(BATCH, batch * 2);
        lastRoundAt = new Date();
        outage.over();
        await pause(ROUND_MILLISECONDS - (performance.now() - began));
      } catch (error) {
        // the outbox keeps what was not numbered: the next round begins where this one failed, with less to do in its time
        outage.failed(error);
        batch = Math.max(LEAST_BATCH, Math.floor(batch / 2));
        await pause(AFTER_FAILURE_MILLISECONDS);
      }
    }
  };
  const ended = loop();
  return {
    wake: () => {
      woken = true;
      wakeUp();
    },
    lastRoundAt: () => lastRoundAt,
    isShared: neighbours.isShared,
    stop: async () => {
      stopped = true;
      wakeUp();
      await ended;
    },
  };
}

/** Numbers everything that waits, network by network, and tells of it; resolves to how many events were numbered. */
export async function relayOnce(db: Database, tell: Bus['publish'] = () => undefined): Promise<number> {
  return (await round(db, { batch: BATCH, tell, neighbours: createNeighbours() })).count;
}

function createNeighbours(): Neighbours {
  const own = new Map<string, bigint>();
  const sharedUntil = new Map<string, number>();
  return {
    found: (networkId, position) => {
      const last = own.get(networkId);
      if (position !== null) own.set(networkId, position);
      if (last !== undefined && last !== position) sharedUntil.set(networkId, performance.now() + SHARED_MILLISECONDS);
    },
    moved: (networkId, position) => own.set(networkId, position),
    isShared: (networkId) => performance.now() < (sharedUntil.get(networkId) ?? 0),
  };
}

type Rounding = { readonly batch: number; readonly tell: Bus['publish']; readonly neighbours: Neighbours };

async function round(db: Database, { batch, tell, neighbours }: Rounding): Promise<Round> {
  let count = 0;
  let isContended = false;
  for (const { network_id, last_seq } of await run(db.pool, networksWaiting, [])) {
    if (last_seq === null) await run(db.pool, makePosition, [network_id, db.newId(), db.clock()]);
    let position = last_seq ?? 0n;
    neighbours.found(network_id, position);
    for (;;) {
      const [moved] = await run(db.pool, numberNext, [network_id, position, batch, db.clock()]);
      if (moved === undefined) {
        isContended = true;
        neighbours.found(network_id, null);
        break;
      }
      const numbered = Number(moved.last_seq - position);
      count += numbered;
      position = moved.last_seq;
      neighbours.moved(network_id, position);
      tell(network_id, position);
      if (numbered < batch) break;
    }
  }
  return { count, isContended };
}

function pause(milliseconds: number): Promise<void> {
  return milliseconds <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, milliseconds));
}
