import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { findRunningPostgres } from '#server/platform/embedded-postgres.ts';
import { type FlakyProxy, openFlakyProxy } from '#test/support/flaky-proxy.ts';
import { type ServerProcess, startServerProcess } from '#test/support/server-process.ts';
import { type Market, openMarket } from './mirror-market.ts';
import { type MirrorProcess, startMirror } from './mirror-process.ts';

/** How long after it has reconnected the mirror may yet say something else than the server. */
const DISAGREES_AT_MOST = 2_000;
const BLOWS = Number(process.env['MIRROR_BLOWS'] ?? 18);
const CHANGE_EVERY = 150;
const LOOK_EVERY = 200;

let directory: string;
let server: ServerProcess;
let db: Database;
let proxy: FlakyProxy;
let market: Market;
let mirror: MirrorProcess;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fenzhan-mirror-'));
  chmodSync(directory, 0o711);
  server = await startServerProcess({
    dataDir: join(directory, 'data'),
    settings: { VAULT_KEY: `test:${'07'.repeat(32)}`, LOG_LEVEL: 'error' },
  });
  db = openDatabase({ url: findRunningPostgres(join(directory, 'data')) ?? '', poolSize: 2, role: null });
  market = await openMarket(db, server.url);
  proxy = await openFlakyProxy(Number(new URL(server.url).port));
  mirror = startMirror({ url: proxy.url, apiKey: market.apiKey, file: join(directory, 'mirror.json') });
});
afterAll(async () => {
  await mirror.kill();
  await proxy.close();
  await db.close();
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

test(`docs/examples/mirror.ts is cut, stalled, half closed, turned away and killed ${BLOWS} times: connected again, it agrees with the server within 2 s`, async () => {
  const watch = watchAgreement();
  await watch.untilAgreed();
  const changing = keepChanging();
  const blows = [cut, halfClose, stallBriefly, turnAway, killAndStart, stallForLong, forgetOldEvents];
  for (let n = 0; n < BLOWS; n += 1) {
    await blows[n % blows.length]?.();
    await watch.untilAgreed();
    await pause(400 + Math.random() * 800);
  }
  await changing.stop();
  await watch.untilAgreed();
  const { longest, agreedAfter } = await watch.stop();
  process.stdout.write(
    `${mirror.connectCount()} connections, ${changing.count()} changes; agreed again after ${Math.round(Math.max(...agreedAfter))} ms at the most; longest disagreement while connected ${Math.round(longest)} ms\n`,
  );
  expect(mirror.connectCount()).toBeGreaterThan(BLOWS / 2);
  expect(mirror.losses().filter((line) => line.includes('CURSOR_EXPIRED')).length).toBeGreaterThan(0);
  expect(longest).toBeLessThan(DISAGREES_AT_MOST);
}, 400_000);

async function cut(): Promise<void> {
  proxy.cut();
}

async function halfClose(): Promise<void> {
  proxy.halfClose();
}

/** Short enough that nobody notices: everything arrives late. */
async function stallBriefly(): Promise<void> {
  await stallFor(1_500);
}

/** Longer than the program waits for the answer to a ping. */
async function stallForLong(): Promise<void> {
  await stallFor(9_000);
}

async function stallFor(milliseconds: number): Promise<void> {
  mirror.stalls();
  proxy.stall();
  await pause(milliseconds);
  proxy.resume();
  mirror.passes();
}

async function turnAway(): Promise<void> {
  proxy.refuse();
  await pause(1_500);
  proxy.accept();
}

async function killAndStart(): Promise<void> {
  await mirror.kill();
  await pause(700);
  mirror.start();
}

/** What the program missed while it was away is no longer kept. */
async function forgetOldEvents(): Promise<void> {
  await mirror.kill();
  await pause(600);
  await db.pool.query('DELETE FROM outbox_event WHERE network_id = $1 AND seq IS NOT NULL', [market.networkId]);
  mirror.start();
}

function keepChanging(): { count: () => number; stop: () => Promise<void> } {
  let isOver = false;
  let count = 0;
  const loop = (async () => {
    while (!isOver) {
      await market.change();
      count += 1;
      await pause(CHANGE_EVERY);
    }
  })();
  return {
    count: () => count,
    stop: async () => {
      isOver = true;
      await loop;
    },
  };
}

/** Compares the mirror with the server again and again, thing by thing. What differs counts from the last look that found it equal, or from when the connection was there again. */
function watchAgreement(): { untilAgreed: () => Promise<void>; stop: () => Promise<{ longest: number; agreedAfter: number[] }> } {
  const differsSince = new Map<string, number>();
  const agreedAfter: number[] = [];
  let longest = 0;
  let connectedAt: number | null = null;
  let lookedAt = 0;
  let isAgreed = false;
  let isOver = false;
  const look = async () => {
    const live = mirror.liveSince();
    // the mirror last: what it lacks of the truth has then had at least this long to arrive
    const truth = await market.truth();
    await pause(LOOK_EVERY);
    const content = mirror.content();
    if (live === null || live !== mirror.liveSince()) return;
    if (live !== connectedAt) {
      differsSince.clear();
      connectedAt = live;
      lookedAt = live;
      isAgreed = false;
    }
    const now = performance.now();
    const differing = new Set([...truth].filter(([id, text]) => content?.get(id) !== text).map(([id]) => id));
    for (const id of differsSince.keys()) if (!differing.has(id)) differsSince.delete(id);
    for (const id of differing) if (!differsSince.has(id)) differsSince.set(id, lookedAt);
    for (const since of differsSince.values()) longest = Math.max(longest, now - since);
    if (differing.size === 0 && !isAgreed) {
      isAgreed = true;
      agreedAfter.push(now - live);
    }
    lookedAt = now;
  };
  const loop = (async () => {
    while (!isOver) await look();
  })();
  return {
    untilAgreed: async () => {
      await pause(200);
      const deadline = performance.now() + 60_000;
      while (!isAgreed || mirror.liveSince() !== connectedAt) {
        if (performance.now() > deadline) throw new Error(`the mirror never agreed again: ${mirror.losses().slice(-5).join('; ')}`);
        await pause(20);
      }
    },
    stop: async () => {
      isOver = true;
      await loop;
      return { longest, agreedAfter };
    },
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
