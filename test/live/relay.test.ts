import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bus, createLocalBus } from '#server/live/bus.ts';
import { CursorExpired, createEventSource, type EventSource } from '#server/live/event-source.ts';
import { pruneEvents } from '#server/live/prune.ts';
import { relayOnce, startRelay } from '#server/live/relay.ts';
import { rollUpConsumer, rollUpOnce } from '#server/live/roll-ups.ts';
import { inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { createLog } from '#server/platform/log.ts';
import { freshDatabase } from '#test/support/database.ts';

const fresh = await freshDatabase();
const { db, sql } = fresh;
const log = createLog('silent');
const sources: EventSource[] = [];
let networkId = '';

beforeEach(async () => {
  networkId = db.newId();
  await sql(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'n', 'CNY', 'Asia/Shanghai', now())`, [networkId]);
});

afterAll(async () => {
  await Promise.all(sources.map((source) => source.stop()));
  await fresh.drop();
});

const source = (bus: Bus = createLocalBus()) => {
  const made = createEventSource(db, log, bus);
  sources.push(made);
  return made;
};

const commitEvents = (count: number, subjectId = db.newId()) =>
  inTransaction(db, (tx) =>
    writeEvents(
      tx,
      Array.from({ length: count }, (_, index) => ({
        networkId,
        topic: 'stock.changed' as const,
        subjectId,
        audience: [],
        data: { index },
      })),
    ),
  );

const numbers = async () =>
  (await sql<{ seq: string }>('SELECT seq::text FROM outbox_event WHERE network_id = $1 ORDER BY outbox_event.seq', [networkId])).map(
    (row) => row.seq,
  );

/** Reads until `count` events came, and returns their numbers. */
async function take(from: EventSource, after: bigint | null, count: number): Promise<bigint[]> {
  const abort = new AbortController();
  const seen: bigint[] = [];
  for await (const batch of from.read(networkId, after, abort.signal)) {
    seen.push(...batch.map((event) => event.seq));
    if (seen.length >= count) break;
  }
  abort.abort();
  return seen;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => BigInt(first + index));

describe('the relay', () => {
  test('numbers committed events from 1 without holes, in the order of their ids', async () => {
    await commitEvents(3);
    await commitEvents(2);
    expect(await relayOnce(db)).toBe(5);
    expect(await numbers()).toEqual(['1', '2', '3', '4', '5']);
  });

  test('knows a network that another process serves, too', async () => {
    const relay = startRelay(db, log, createLocalBus());
    const elsewhere = async () => {
      await commitEvents(1);
      await relayOnce(db);
    };
    const here = async (last: number) => {
      await commitEvents(1);
      relay.wake();
      await expect.poll(numbers).toEqual(upTo(last).map(String));
    };
    try {
      await here(1);
      await here(2);
      expect(relay.isShared(networkId)).toBe(false);
      await elsewhere();
      await here(4);
      expect([relay.isShared(networkId), relay.isShared(db.newId())]).toEqual([true, false]);
    } finally {
      await relay.stop();
    }
  });

  test('an event of a transaction that commits late is numbered after those that committed before it', async () => {
    const late = await db.pool.connect();
    await late.query('BEGIN');
    await late.query(
      `INSERT INTO outbox_event (network_id, id, topic, subject_id, audience, data, occurred_at) VALUES ($1, $2, 'stock.changed', $2, '{}', '{}', now())`,
      [networkId, db.newId()],
    );
    await commitEvents(1);
    expect(await relayOnce(db)).toBe(1);
    await late.query('COMMIT');
    late.release();
    expect(await relayOnce(db)).toBe(1);
    expect(await numbers()).toEqual(['1', '2']);
  });

  test('five relays at once give every event exactly one number', async () => {
    for (let round = 0; round < 20; round += 1) await commitEvents(10);
    const counts = await Promise.all(Array.from({ length: 5 }, () => relayOnce(db)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
    expect((await numbers()).map(Number)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test('four relays that go on all the while, beside writers that never pause, give no number twice and leave no hole', async () => {
    let isOver = false;
    const told: bigint[] = [];
    const relays = Array.from({ length: 4 }, async () => {
      while (!isOver) await relayOnce(db, (_, seq) => void told.push(seq));
    });
    const writers = Array.from({ length: 3 }, async () => {
      for (let round = 0; round < 40; round += 1) await commitEvents(1 + (round % 3));
    });
    await Promise.all(writers);
    isOver = true;
    await Promise.all(relays);
    await relayOnce(db);
    expect((await numbers()).map(Number)).toEqual(Array.from({ length: 237 }, (_, index) => index + 1));
    // a place is told of once: whoever told of it had moved it there
    expect(new Set(told).size).toBe(told.length);
  });

  test('what follows from a committed event is numbered after it, also when the clock of its server is behind', async () => {
    const [early, late] = [db.newId(), db.newId()];
    const write = (id: string) =>
      sql(
        `INSERT INTO outbox_event (network_id, id, topic, subject_id, audience, data, occurred_at) VALUES ($1, $2, 'stock.changed', $2, '{}', '{}', now())`,
        [networkId, id],
      );
    await write(late);
    await write(early);
    expect(await relayOnce(db)).toBe(2);
    expect(await sql('SELECT id FROM outbox_event WHERE network_id = $1 ORDER BY seq', [networkId])).toEqual([{ id: late }, { id: early }]);
  });

  test('a batch after another numbers a backlog, and tells of each', async () => {
    for (let round = 0; round < 5; round += 1) await commitEvents(500);
    const told: bigint[] = [];
    expect(await relayOnce(db, (_, seq) => void told.push(seq))).toBe(2_500);
    expect(told).toEqual([1_000n, 2_000n, 2_500n]);
    expect((await numbers()).map(Number)).toEqual(Array.from({ length: 2_500 }, (_, index) => index + 1));
  });

  test('a round that fails leaves nothing numbered, and the next one numbers it all', async () => {
    await commitEvents(3);
    // a number that is taken already stands for any error
    await sql(
      `INSERT INTO outbox_event (network_id, id, seq, topic, subject_id, audience, data, occurred_at)
       VALUES ($1, $2, 3, 'stock.changed', $2, '{}', '{}', now())`,
      [networkId, db.newId()],
    );
    await expect(relayOnce(db)).rejects.toThrow('outbox_event_seq_key');
    expect((await numbers()).filter((seq) => seq !== null)).toEqual(['3']);
    await sql('DELETE FROM outbox_event WHERE network_id = $1 AND seq = 3', [networkId]);
    expect(await relayOnce(db)).toBe(3);
    expect(await numbers()).toEqual(['1', '2', '3']);
  });
});

describe('a reader', () => {
  test('that resumes at a cursor gets what it missed and then what is new, without gap or duplicate', async () => {
    await commitEvents(700);
    await relayOnce(db);
    const bus = createLocalBus();
    const relay = startRelay(db, log, bus);
    const reading = take(source(bus), 100n, 900);
    for (let round = 0; round < 30; round += 1) {
      await commitEvents(10);
      relay.wake();
    }
    expect(await reading).toEqual(upTo(1_000, 101));
    await relay.stop();
  });

  test('without a cursor begins with what is committed after it came', async () => {
    await commitEvents(5);
    await relayOnce(db);
    const reading = take(source(), null, 2);
    // the reader has begun when its process follows the network, which the first event after shows
    await expect
      .poll(async () => {
        await commitEvents(1);
        await relayOnce(db);
        return Promise.race([
          reading.then(([first]) => first !== undefined && first > 5n),
          new Promise((resolve) => setTimeout(() => resolve(false), 50)),
        ]);
      })
      .toBe(true);
  });

  test('in a process that hears nothing is told as well', async () => {
    const elsewhere = source();
    const reading = take(elsewhere, 0n, 3);
    await commitEvents(3);
    await relayOnce(db);
    expect(await reading).toEqual(upTo(3));
  });

  test('that is slower than the memory is long reads the rest from the outbox, in order', async () => {
    const slow = source();
    const abort = new AbortController();
    const reader = slow.read(networkId, 0n, abort.signal);
    await commitEvents(1);
    await relayOnce(db);
    const more = async () => ((await reader.next()).value ?? []).map((event) => event.seq);
    const seen = await more();
    for (let round = 0; round < 6; round += 1) await commitEvents(500);
    await relayOnce(db);
    while (seen.length < 3_001) seen.push(...(await more()));
    abort.abort();
    expect(seen).toEqual(upTo(3_001));
  });

  test('whose signal aborts ends at once, though nothing happens', async () => {
    const abort = new AbortController();
    const next = source().read(networkId, 0n, abort.signal).next();
    setTimeout(() => abort.abort(), 20);
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('with a cursor from before the retention is refused', async () => {
    await commitEvents(10);
    await relayOnce(db);
    await sql(`UPDATE outbox_event SET occurred_at = now() - interval '8 days' WHERE network_id = $1 AND seq <= 5`, [networkId]);
    await pruneEvents(db, { retentionDays: 7, consumers: [rollUpConsumer] });
    // the roll-ups have not counted them: they stay, however old
    expect(await numbers()).toHaveLength(10);
    await rollUpOnce(db);
    await pruneEvents(db, { retentionDays: 7, consumers: [rollUpConsumer] });
    expect(await numbers()).toEqual(['6', '7', '8', '9', '10']);
    await expect(take(source(), 4n, 1)).rejects.toThrow(CursorExpired);
    expect(await take(source(), 5n, 5)).toEqual(upTo(10, 6));
  });

  test('with a cursor from the future is refused', async () => {
    await expect(take(source(), 99n, 1)).rejects.toThrow(CursorExpired);
  });
});
