import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type Bus, type Carrier, type CarrierEvents, createBus } from '#server/live/bus.ts';
import { createEventSource, type EventSource } from '#server/live/event-source.ts';
import { createPostgresBus } from '#server/live/postgres-bus.ts';
import { relayOnce } from '#server/live/relay.ts';
import { inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { createLog } from '#server/platform/log.ts';
import { freshDatabase } from '#test/support/database.ts';

const fresh = await freshDatabase();
const { db, sql } = fresh;
const log = createLog('silent');
const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});
afterAll(() => fresh.drop());

const NETWORK = '00000000-0000-7000-8000-000000000001';

/** What a log was told, as "level message". */
function listening() {
  const lines: string[] = [];
  const told = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`);
  return { lines, log: { ...log, warn: told('warn'), info: told('info'), error: told('error') } as unknown as typeof log };
}

function postgresBus(to = log): Bus {
  const bus = createPostgresBus(fresh.url, to);
  ending.push(bus.stop);
  return bus;
}

function heardBy(bus: Bus): bigint[] {
  const heard: bigint[] = [];
  bus.hear((_, seq) => void heard.push(seq));
  return heard;
}

async function isUp(bus: Bus): Promise<void> {
  await expect.poll(() => bus.health().state, { timeout: 5_000 }).toBe('UP');
}

describe('the bus on NOTIFY', () => {
  test('tells its own process at once, and every other one', async () => {
    const [here, there] = [postgresBus(), postgresBus()];
    await Promise.all([isUp(here), isUp(there)]);
    const [heardHere, heardThere] = [heardBy(here), heardBy(there)];
    here.publish(NETWORK, 7n);
    expect(heardHere).toEqual([7n]);
    await expect.poll(() => heardThere).toEqual([7n]);
  });

  test('comes back by itself when its connection is cut, and says so in two lines', async () => {
    const { lines, log: heard } = listening();
    const bus = postgresBus(heard);
    await isUp(bus);
    for (let cut = 1; cut <= 2; cut += 1) {
      await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fenzhan bus' AND datname = current_database()`,
      );
      await expect.poll(() => bus.health().state).toBe('DOWN');
      bus.publish(NETWORK, BigInt(cut));
      await isUp(bus);
    }
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['warn', 'info', 'warn', 'info']);
    const there = heardBy(postgresBus());
    await expect
      .poll(() => {
        bus.publish(NETWORK, 9n);
        return there.length;
      })
      .toBeGreaterThan(0);
  });

  test('of a database that is not there warns once, and lets everybody go on', async () => {
    const { lines, log: heard } = listening();
    const bus = createPostgresBus('postgresql://nobody@127.0.0.1:9/none', heard);
    ending.push(bus.stop);
    for (let seq = 1n; seq <= 500n; seq += 1n) bus.publish(NETWORK, seq);
    await expect.poll(() => bus.health().lostCount).toBeGreaterThan(0);
    expect(lines).toHaveLength(1);
    expect(bus.health()).toMatchObject({ carrier: 'POSTGRES', state: 'DOWN' });
  });
});

describe('whatever carries it', () => {
  /** A carrier whose messages hang until they are let go. */
  function hanging() {
    const sent: string[] = [];
    const answers: (() => void)[] = [];
    let reconnects = 0;
    let events: CarrierEvents | undefined;
    const open = (given: CarrierEvents): Carrier => {
      events = given;
      given.up();
      return {
        send: (text) => new Promise((resolve) => (sent.push(text), answers.push(resolve))),
        reconnect: () => void (reconnects += 1),
        stop: async () => undefined,
      };
    };
    return { sent, answers, open, reconnects: () => reconnects, arrive: (text: string) => events?.arrived(text) };
  }

  test('one message is under way at a time, and of what waits only the newest number of each network', async () => {
    const carrier = hanging();
    const bus = createBus(log, 'REDIS', carrier.open);
    for (let seq = 1n; seq <= 1_000n; seq += 1n) bus.publish(NETWORK, seq);
    expect(carrier.sent).toEqual([`${NETWORK}:1`]);
    carrier.answers[0]?.();
    await expect.poll(() => carrier.sent).toEqual([`${NETWORK}:1`, `${NETWORK}:1000`]);
    carrier.answers[1]?.();
    await bus.stop();
  });

  test('it connects anew when news come for two seconds and none of them over it, and not when it tells now and then', () => {
    const carrier = hanging();
    const bus = createBus(log, 'REDIS', carrier.open);
    for (let news = 1; news <= 7; news += 1) bus.missed();
    carrier.arrive(`${NETWORK}:1`);
    for (let news = 1; news <= 7; news += 1) bus.missed();
    expect(carrier.reconnects()).toBe(0);
    bus.missed();
    expect([carrier.reconnects(), bus.health().state, bus.health().missedCount]).toEqual([1, 'DOWN', 15]);
  });
});

test('a subscriber of a process that hears nothing is told within half a second all the same', async () => {
  const networkId = db.newId();
  await sql(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'n', 'CNY', 'Asia/Shanghai', now())`, [networkId]);
  let missed = 0;
  const deaf: Bus = {
    publish: () => undefined,
    hear: () => () => undefined,
    missed: () => void (missed += 1),
    health: () => ({ carrier: 'REDIS', state: 'DOWN', since: new Date(), lostCount: 0, missedCount: missed }),
    stop: async () => undefined,
  };
  const source: EventSource = createEventSource(db, log, deaf);
  ending.push(source.stop);
  const abort = new AbortController();
  const reader = source.read(networkId, 0n, abort.signal);
  const next = reader.next();
  await inTransaction(db, (tx) => writeEvents(tx, [{ networkId, topic: 'stock.changed', subjectId: networkId, audience: [] }]));
  await relayOnce(db);
  expect((await next).value?.map(({ seq }) => seq)).toEqual([1n]);
  abort.abort();
  expect(missed).toBe(1);
});
