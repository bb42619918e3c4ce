import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLocalBus } from '#server/live/bus.ts';
import { type Relay, relayOnce, startRelay } from '#server/live/relay.ts';
import { inTransaction, openDatabase } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { createLog } from '#server/platform/log.ts';
import { RELAY_BOUNDS } from '#server/pools.ts';
import { freshDatabase } from '#test/support/database.ts';

// The relay of one process dies or freezes, and the one of another goes on: nothing tells it so, and nothing has to.
const TAKEOVER_MILLISECONDS = 2_000;
const fresh = await freshDatabase();
const { db, sql } = fresh;
const log = createLog('silent');
const children: ChildProcess[] = [];
const relays: Relay[] = [];
const relayDatabase = () => openDatabase({ url: fresh.url, poolSize: 1, bounds: RELAY_BOUNDS });
const own = relayDatabase();
let networkId = '';

beforeEach(async () => {
  networkId = db.newId();
  await sql(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'n', 'CNY', 'Asia/Shanghai', now())`, [networkId]);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});
afterAll(async () => {
  await own.close();
  await fresh.drop();
});

const commitEvents = (count: number) =>
  inTransaction(db, (tx) =>
    writeEvents(
      tx,
      Array.from({ length: count }, () => ({ networkId, topic: 'stock.changed' as const, subjectId: networkId, audience: [] })),
    ),
  );

const unnumbered = async () =>
  (await sql<{ count: number }>('SELECT count(*)::int FROM outbox_event WHERE network_id = $1 AND seq IS NULL', [networkId]))[0]?.count;

const numbers = async () =>
  (await sql<{ seq: string }>('SELECT seq::text FROM outbox_event WHERE network_id = $1 ORDER BY outbox_event.seq', [networkId])).map(
    ({ seq }) => Number(seq),
  );

async function otherProcess(): Promise<ChildProcess> {
  const runner = fileURLToPath(new URL('../support/relay-runner.ts', import.meta.url));
  const child = spawn(process.execPath, [runner, fresh.url], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  if (child.stdout) await once(child.stdout, 'data');
  return child;
}

function relayHere(): void {
  relays.push(startRelay(own, log, createLocalBus()));
}

/** Milliseconds until everything that was committed has its number. */
async function untilNumbered(): Promise<number> {
  const began = performance.now();
  await expect.poll(unnumbered, { timeout: 10_000, interval: 20 }).toBe(0);
  return performance.now() - began;
}

describe('another process goes on within two seconds', () => {
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    test(`when the one that numbers gets ${signal} in the middle of its work`, async () => {
      const child = await otherProcess();
      await commitEvents(10);
      await untilNumbered();
      relayHere();
      let isCut = false;
      const writing = (async () => {
        for (let round = 0; round < 60; round += 1) {
          await commitEvents(5);
          if (round === 30) isCut = child.kill(signal);
        }
      })();
      await writing;
      expect(isCut).toBe(true);
      expect(await untilNumbered()).toBeLessThan(TAKEOVER_MILLISECONDS);
      // one that wakes up again knows an old place: it finds that it has been passed, and goes on
      if (signal === 'SIGSTOP') child.kill('SIGCONT');
      await commitEvents(5);
      await untilNumbered();
      expect(await numbers()).toEqual(Array.from({ length: 315 }, (_, index) => index + 1));
    });
  }

  test('when a relay stands still in a transaction that holds the place, its connection open', async () => {
    await commitEvents(1);
    await relayOnce(db);
    const stuck = relayDatabase();
    const client = await stuck.pool.connect();
    client.on('error', () => undefined);
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM relay_position WHERE network_id = $1 FOR UPDATE', [networkId]);
    await commitEvents(3);
    // others do not wait for it either
    expect(await relayOnce(db)).toBe(0);
    relayHere();
    expect(await untilNumbered()).toBeLessThan(TAKEOVER_MILLISECONDS);
    expect(await numbers()).toEqual([1, 2, 3, 4]);
    client.release(true);
    await stuck.close();
  });

  test('when the network is cut in the middle of a message, so that PostgreSQL waits for the rest of it', async () => {
    await commitEvents(1);
    await relayOnce(db);
    const options = `-c transaction_timeout=${RELAY_BOUNDS.transaction}`;
    const half = new pg.Client({ connectionString: fresh.url, options });
    half.on('error', () => undefined);
    await half.connect();
    const { connection } = half as unknown as { connection: Record<'parse' | 'bind' | 'execute' | 'flush', (message?: object) => void> };
    connection.parse({ text: `SELECT 1 FROM relay_position WHERE network_id = '${networkId}' FOR UPDATE`, name: '' });
    connection.bind({});
    connection.execute({});
    // no Sync: what was begun is not over for PostgreSQL, and the row stays locked
    connection.flush();
    await expect
      .poll(() => sql(`SELECT 1 FROM relay_position WHERE network_id = $1 FOR UPDATE SKIP LOCKED`, [networkId]), { interval: 10 })
      .toEqual([]);
    await commitEvents(2);
    relayHere();
    expect(await untilNumbered()).toBeLessThan(TAKEOVER_MILLISECONDS);
    expect(await numbers()).toEqual([1, 2, 3]);
    await half.end().catch(() => undefined);
  });
});
