import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { createLocalBus } from '#server/live/bus.ts';
import { createEventSource } from '#server/live/event-source.ts';
import { type EventConsumer, pruneEvents } from '#server/live/prune.ts';
import { relayOnce } from '#server/live/relay.ts';
import { inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { createLog } from '#server/platform/log.ts';
import { freshDatabase } from '#test/support/database.ts';

const fresh = await freshDatabase();
const { db, sql } = fresh;
const log = createLog('silent');
const bus = createLocalBus();
// two processes: one is told of news, the other finds them by its poll
const sources = [createEventSource(db, log, bus), createEventSource(db, log, createLocalBus())] as const;
afterAll(async () => {
  await Promise.all(sources.map((source) => source.stop()));
  await fresh.drop();
});

async function openNetwork(): Promise<string> {
  const networkId = db.newId();
  await sql(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'n', 'CNY', 'Asia/Shanghai', now())`, [networkId]);
  return networkId;
}

const commitEvents = (networkId: string, count: number) =>
  inTransaction(db, (tx) =>
    writeEvents(
      tx,
      Array.from({ length: count }, () => ({ networkId, topic: 'stock.changed' as const, subjectId: networkId, audience: [] })),
    ),
  );

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => BigInt(first + index));

/** Reads from a process until so many events came, then cuts the connection, also in the middle of a batch. */
async function readUntilCut(process: 0 | 1, networkId: string, after: bigint, count: number): Promise<bigint[]> {
  const abort = new AbortController();
  const seen: bigint[] = [];
  for await (const batch of sources[process].read(networkId, after, abort.signal)) {
    seen.push(...batch.map(({ seq }) => seq));
    if (seen.length >= count) break;
  }
  abort.abort();
  return seen.slice(0, count);
}

test('however often a subscriber is cut, and to whichever process it comes back, it is told everything once and in order', async () => {
  const cut = fc.record({ process: fc.constantFrom(0 as const, 1 as const), told: fc.integer({ min: 1, max: 700 }) });
  const commit = fc.integer({ min: 1, max: 400 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(cut, { minLength: 1, maxLength: 5 }),
      fc.array(commit, { minLength: 3, maxLength: 8 }),
      async (cuts, commits) => {
        const networkId = await openNetwork();
        const total = commits.reduce((sum, count) => sum + count, 0);
        const writing = (async () => {
          for (const count of commits) {
            await commitEvents(networkId, count);
            await relayOnce(db, bus.publish);
          }
        })();
        const seen: bigint[] = [];
        for (let index = 0; seen.length < total; index += 1) {
          const { process, told } = cuts[index % cuts.length] ?? { process: 0, told: total };
          seen.push(...(await readUntilCut(process, networkId, seen.at(-1) ?? 0n, Math.min(told, total - seen.length))));
        }
        await writing;
        expect(seen).toEqual(upTo(total));
      },
    ),
    { numRuns: 6, seed: 20261122 },
  );
});

test('three hundred who come back at once, each cut somewhere else, read each stretch of the past once for all of them', async () => {
  const networkId = await openNetwork();
  await commitEvents(networkId, 1_500);
  await relayOnce(db);
  const names: (string | undefined)[] = [];
  const query = (config: pg.QueryConfig) => {
    names.push(config.name);
    return db.pool.query(config);
  };
  const source = createEventSource({ ...db, pool: { query } as unknown as pg.Pool }, log, createLocalBus());
  const all = await Promise.all(
    Array.from({ length: 300 }, async (_, client) => {
      const abort = new AbortController();
      const seen: bigint[] = [];
      for await (const batch of source.read(networkId, BigInt(client * 3), abort.signal)) {
        seen.push(...batch.map(({ seq }) => seq));
        if (seen.at(-1) === 1_500n) break;
      }
      return seen;
    }),
  );
  expect(all.map((seen, client) => [seen[0], seen.length, client])).toEqual(
    all.map((_, client) => [BigInt(client * 3 + 1), 1_500 - client * 3, client]),
  );
  await source.stop();
  expect(names.filter((name) => name === 'events.after')).toHaveLength(3);
  expect(names.filter((name) => name === 'events.span')).toHaveLength(1);
});

test('what any consumer has still to read is kept, however old it is', async () => {
  const networkId = await openNetwork();
  await commitEvents(networkId, 10);
  await relayOnce(db);
  await sql(`UPDATE outbox_event SET occurred_at = now() - interval '30 days' WHERE network_id = $1`, [networkId]);
  const at = (name: string, seq: bigint): EventConsumer => ({ name, consumedTo: async () => seq });
  const kept = async () =>
    (await sql<{ seq: string }>('SELECT seq::text FROM outbox_event WHERE network_id = $1 ORDER BY outbox_event.seq', [networkId])).map(
      ({ seq }) => BigInt(seq),
    );
  await pruneEvents(db, { retentionDays: 7, consumers: [at('ahead', 9n), at('behind', 4n)] });
  expect(await kept()).toEqual(upTo(10, 5));
  await pruneEvents(db, { retentionDays: 7, consumers: [at('ahead', 9n), at('behind', 4n)] });
  expect(await kept()).toEqual(upTo(10, 5));
  await pruneEvents(db, { retentionDays: 7, consumers: [at('ahead', 99n)] });
  expect(await kept()).toEqual([]);
  // nothing is kept, and nothing was missed by who has read to the end
  await commitEvents(networkId, 1);
  await relayOnce(db);
  expect(await readUntilCut(0, networkId, 10n, 1)).toEqual([11n]);
});
