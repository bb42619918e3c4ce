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

/** Subscribes as a program of a station; what it is told, and what failed. */
async function watch(party: 'HQ' | 'R', query: string) {
  const { secret } = await newKey(fresh.db, w.viewer(party), ['WALLET_READ', 'ANALYTICS_READ']);
  const client = server.socket({ authorization: `Bearer ${secret}` });
  const told: unknown[] = [];
  const failed: unknown[] = [];
  client.subscribe({ query }, { next: ({ data }) => told.push(data), error: (error) => failed.push(error), complete: () => undefined });
  return { told, failed, end: () => client.dispose() };
}

test('walletChanged comes over WebSocket, to two who share it', async () => {
  const wallet = 'subscription { walletChanged { wallet { balance { amount } } } }';
  const [first, second] = [await watch('R', wallet), await watch('R', wallet)];
  // a subscription reads from when it began: money is paid in until both are told
  const areTold = () => first.told.length > 0 && second.told.length > 0;
  for (let attempt = 1; attempt <= 8 && !areTold(); attempt += 1) {
    await topUpWallet(fresh.db, w.viewer('HQ'), { requestKey: `paid ${attempt}`, stationId: w.stations.R, amount: '1.00', note: null });
    await until(areTold, 1_500).catch(() => undefined);
  }
  await until(areTold, 20_000);
  expect([first.failed, second.failed]).toEqual([[], []]);
  expect(first.told[0]).toMatchObject({ walletChanged: { wallet: { balance: { amount: expect.stringMatching(/^1[1-8]\.00$/) } } } });
  // who began later was told of fewer; of the last one both are
  await until(() => JSON.stringify(second.told.at(-1)) === JSON.stringify(first.told.at(-1)), 8_000);
  for (const client of [first, second]) await client.end();
}, 60_000);

// nothing rolls up here: the pulse begins behind events that no roll-up has counted
test('networkPulse comes over WebSocket, and to who joins when nothing changes any more', async () => {
  const pulse = 'subscription { networkPulse { station { name } gmvToday { amount } ordersPerSecond } }';
  const watching = [await watch('R', pulse), await watch('HQ', pulse)];
  await until(() => watching.every(({ told }) => told.length > 0), 20_000);
  // the first shares a group of subscribers, the second the pulse alone
  watching.push(await watch('R', pulse), await watch('R', pulse.replace('ordersPerSecond', 'orderCountToday')));
  await until(() => watching.every(({ told }) => told.length > 0), 20_000);
  const of = (name: string, rest: object) => ({ networkPulse: { station: { name }, gmvToday: { amount: '0.00' }, ...rest } });
  expect(watching.map(({ told }) => told[0])).toEqual([
    of('R', { ordersPerSecond: 0 }),
    of('HQ', { ordersPerSecond: 0 }),
    of('R', { ordersPerSecond: 0 }),
    of('R', { orderCountToday: 0 }),
  ]);
  expect(watching.flatMap(({ failed }) => failed)).toEqual([]);
  for (const each of watching) await each.end();
}, 60_000);
