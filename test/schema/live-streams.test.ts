import { afterAll, beforeAll, expect, test } from 'vitest';
import { schema } from '#schema/schema.ts';
import { createOrderLane } from '#server/flows/order-lane.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { createLocalBus } from '#server/live/bus.ts';
import { createEventSource, type EventSource } from '#server/live/event-source.ts';
import { type Relay, startRelay } from '#server/live/relay.ts';
import { createLog } from '#server/platform/log.ts';
import { newKey, startTestServer, type TestServer, until } from '#test/http/test-server.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';
import { contextOf } from './ask.ts';

// Over the wire, told together with others who see the same.
let fresh: FreshDatabase;
let relay: Relay;
let events: EventSource;
let server: TestServer;
let w: World<'HQ' | 'R'>;
beforeAll(async () => {
  fresh = await freshDatabase();
  const { db } = fresh;
  const log = createLog('silent');
  const bus = createLocalBus();
  events = createEventSource(db, log, bus);
  relay = startRelay(db, log, bus);
  const lane = createOrderLane(db);
  server = await startTestServer(db, {
    schema,
    // the context of nobody is only for what it brings beside: a viewer's actor must not be read for all who share a stream
    context: (facts) => ({ ...contextOf(db, null, events), ...facts, db, vault: testVault, events, lane }),
    publicFields: ['viewer'],
  });
  w = await world(db, { stations: { HQ: {}, R: { parent: 'HQ', wallet: '10.00' } } });
});
afterAll(async () => {
  await server.close();
  await relay.stop();
  await events.stop();
  await fresh.drop();
});

test('walletChanged comes over WebSocket, to two who share it', async () => {
  const told: Record<string, unknown[]> = { first: [], second: [] };
  const failed: unknown[] = [];
  const watch = async (name: string, party: 'R', query: string) => {
    const { secret } = await newKey(fresh.db, w.viewer(party), ['WALLET_READ', 'ANALYTICS_READ']);
    const client = server.socket({ authorization: `Bearer ${secret}` });
    client.subscribe(
      { query },
      { next: (value) => told[name]?.push(value.data), error: (error) => failed.push(error), complete: () => undefined },
    );
    return client;
  };
  const wallet = 'subscription { walletChanged { wallet { balance { amount } } } }';
  const clients = [await watch('first', 'R', wallet), await watch('second', 'R', wallet)];
  // a subscription reads from when it began: money is paid in until both are told
  const isTold = (name: string) => (told[name]?.length ?? 0) > 0;
  for (let attempt = 1; attempt <= 8 && !(isTold('first') && isTold('second')); attempt += 1) {
    await topUpWallet(fresh.db, w.viewer('HQ'), { requestKey: `paid ${attempt}`, stationId: w.stations.R, amount: '1.00', note: null });
    await until(() => isTold('first') && isTold('second'), 1_500).catch(() => undefined);
  }
  await until(() => Object.values(told).every((each) => each.length > 0), 20_000);
  expect(failed).toEqual([]);
  expect(told['first']?.[0]).toMatchObject({ walletChanged: { wallet: { balance: { amount: expect.stringMatching(/^1[1-8]\.00$/) } } } });
  // who began later was told of fewer; of the last one both are
  await until(() => JSON.stringify(told['second']?.at(-1)) === JSON.stringify(told['first']?.at(-1)), 8_000);
  for (const client of clients) await client.dispose();
}, 60_000);
