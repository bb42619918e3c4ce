import type { Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { importCardKeys } from '#server/flows/import-card-keys.ts';
import { startImportWorker } from '#server/flows/import-worker.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { createLog } from '#server/platform/log.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';
import { expectClean, numberOf } from './race.ts';

let fresh: FreshDatabase;
let w: Awaited<ReturnType<typeof network>>;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  w = await network();
});

const network = () =>
  world(fresh.db, {
    stations: { HQ: {}, R: { parent: 'HQ', wallet: '100.00' } },
    skus: { card: { basePrice: '10.00' } },
    lots: [{ sku: 'card', terms: 'OWN', totalCost: '1.00', keys: 10 }],
  });

/**
 * The next COMMIT loses its connection: KEPT, when it had taken effect and only its answer was lost; LOST, when the server
 * never got it.
 */
function loseNextCommit(fate: 'KEPT' | 'LOST'): () => boolean {
  let hasBroken = false;
  const watch = (client: pg.PoolClient) => {
    if (hasBroken) return;
    const query = client.query;
    const breaking = (...sent: unknown[]): unknown => {
      if (sent[0] !== 'COMMIT' || hasBroken) return Reflect.apply(query, client, sent);
      hasBroken = true;
      client.query = query;
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
      if (fate === 'LOST') stream.destroy();
      else {
        // what the server says from here on is heard by nobody
        stream.pause();
        void hasCommitted(client, new Date()).then(() => stream.destroy());
      }
      return Reflect.apply(query, client, sent);
    };
    client.query = breaking as typeof client.query;
  };
  fresh.db.pool.on('acquire', watch);
  return () => {
    fresh.db.pool.off('acquire', watch);
    return hasBroken;
  };
}

/** Waits until the server is through with a COMMIT that came to it after `since`. */
async function hasCommitted(client: pg.PoolClient, since: Date): Promise<void> {
  const { processID } = client as unknown as { processID: number };
  await expect
    .poll(
      () =>
        numberOf(
          fresh,
          `SELECT count(*) AS number FROM pg_stat_activity WHERE pid = $1 AND query = 'COMMIT' AND state = 'idle' AND query_start >= $2`,
          [processID, since],
        ),
      { interval: 2, timeout: 10_000 },
    )
    .toBe(1);
}

const order = (requestKey: string) => ({
  viewer: w.viewer('R'),
  channel: 'API' as const,
  requestKey,
  skuId: w.skus.card,
  quantity: 1,
  maxTotal: '10',
  externalRef: null,
  groupId: null,
});

describe.each(['KEPT', 'LOST'] as const)('a connection that breaks while committing (what was committed is %s)', (fate) => {
  test('is settled by the request keys: every order is placed, once, and not called a replay', async () => {
    const ended = loseNextCommit(fate);
    const outcomes = await placeOrders(fresh.db, [order('1'), order('2')]);
    expect(ended()).toBe(true);
    expect(outcomes).toMatchObject([
      { kind: 'ORDER_PLACED', replayed: false },
      { kind: 'ORDER_PLACED', replayed: false },
    ]);
    expect(await numberOf(fresh, 'SELECT count(*) AS number FROM card_key_sale WHERE network_id = $1', [w.networkId])).toBe(2);
    await expectClean(fresh);
  });

  test('is a replay when the order is older than the call', async () => {
    const [first] = await placeOrders(fresh.db, [order('1')]);
    const ended = loseNextCommit(fate);
    expect(await placeOrders(fresh.db, [order('1'), order('2')])).toMatchObject([
      { kind: 'ORDER_PLACED', orderId: first?.kind === 'ORDER_PLACED' && first.orderId, replayed: true },
      { kind: 'ORDER_PLACED', replayed: false },
    ]);
    expect(ended()).toBe(true);
  });

  test('pays a top-up once', async () => {
    const ended = loseNextCommit(fate);
    const topUp = { requestKey: 't', stationId: w.stations.R, amount: '5.00', note: null };
    expect(await topUpWallet(fresh.db, w.viewer('HQ'), topUp)).toMatchObject({ kind: 'WALLET_TOPPED_UP', replayed: false });
    expect(ended()).toBe(true);
    expect(
      await numberOf(fresh, `SELECT balance AS number FROM account WHERE network_id = $1 AND station_id = $2 AND kind = 'WALLET'`, [
        w.networkId,
        w.stations.R,
      ]),
    ).toBe(105);
    await expectClean(fresh);
  });
});

test('an import whose connections are cut again and again is done in the end, whole and once', async () => {
  const text = Array.from({ length: 4_000 }, (_, index) => `K${index}`).join('\n');
  const input = {
    requestKey: 'i',
    skuId: w.skus.card,
    supplierId: null,
    terms: 'OWN',
    totalCost: '0',
    expiresOn: null,
    format: 'TEXT',
    text,
  } as const;
  const started = await importCardKeys(fresh.db, testVault, w.viewer('HQ'), input);
  if (started.kind !== 'CARD_KEYS_IMPORT_STARTED') throw new Error(started.kind);
  const keys = () => numberOf(fresh, 'SELECT count(*) AS number FROM card_key WHERE network_id = $1', [w.networkId]);
  const worker = startImportWorker(fresh.db, createLog('silent'));
  for (let cut = 0; cut < 4; cut += 1) {
    await expect
      .poll(
        () =>
          numberOf(
            fresh,
            `SELECT count(pg_terminate_backend(pid)) AS number FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%card_key%' AND state <> 'idle' AND pid <> pg_backend_pid()`,
            [],
          ),
        { interval: 2, timeout: 10_000 },
      )
      .toBeGreaterThan(0);
    // of a lot that is not there yet, no key is there
    expect(await keys()).toBe(10);
  }
  await expect
    .poll(() => numberOf(fresh, `SELECT count(*) AS number FROM import_job WHERE id = $1 AND state = 'DONE'`, [started.jobId]), {
      timeout: 20_000,
    })
    .toBe(1);
  await worker.stop();
  expect(await keys()).toBe(4_010);
  expect(await numberOf(fresh, 'SELECT count(*) AS number FROM lot WHERE network_id = $1', [w.networkId])).toBe(2);
  await expectClean(fresh);
}, 60_000);
