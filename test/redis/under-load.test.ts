import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judge, readOrderEvents } from '#test/storm/judge.ts';
import { startOrders } from '#test/storm/orders.ts';
import { eventCursor } from '#test/storm/relay-storm.ts';
import { openShop, type Shop } from '#test/storm/shop.ts';
import { startSubscriber } from '#test/storm/subscriber.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

// Two servers, orders all the time, a subscriber on each; Redis between them is treated badly.
const RATE = 60;
let redis: RedisServer;
let shop: Shop;
beforeAll(async () => {
  redis = await startRedis();
  shop = await openShop({ keys: 20_000, settings: { REDIS_URL: redis.url } });
});
afterAll(async () => {
  await shop?.close();
  await redis?.kill();
});

type Health = { status: string; bus: { carrier: string; state: string } };
const healthOf = async (server: 0 | 1) => (await (await fetch(`${shop.servers[server].url}/healthz`)).json()) as Health;
async function busIs(state: 'UP' | 'DOWN'): Promise<void> {
  await expect
    .poll(async () => [(await healthOf(0)).bus.state, (await healthOf(1)).bus.state], { timeout: 15_000, interval: 100 })
    .toEqual([state, state]);
}

describe('orders go on and both subscribers are told everything', () => {
  const cases: Record<string, () => Promise<void>> = {
    'while Redis works': async () => {
      await busIs('UP');
      await pause(2_000);
    },
    'while Redis is paused for its clients': async () => {
      await redis.command('CLIENT', 'PAUSE', '4000', 'ALL');
      await pause(4_500);
    },
    'while Redis is frozen': async () => {
      redis.signal('SIGSTOP');
      await busIs('DOWN');
      await pause(2_000);
      redis.signal('SIGCONT');
    },
    'when Redis is emptied': async () => {
      await redis.command('FLUSHALL');
      await pause(1_000);
    },
    'when Redis drops all its connections': async () => {
      await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await pause(1_000);
    },
    'while Redis is killed and comes back': async () => {
      await redis.kill();
      await busIs('DOWN');
      await pause(2_000);
      await redis.start();
    },
  };
  for (const [name, mistreat] of Object.entries(cases)) {
    test(`${name}`, async () => {
      const before = (await readOrderEvents(shop.db, shop.networkId)).length;
      const beginning = await eventCursor(shop);
      const subscribers = [startSubscriber(shop, 0, beginning), startSubscriber(shop, 1, beginning)];
      const load = startOrders(shop, RATE);
      await pause(500);
      await mistreat();
      await pause(500);
      const orders = await load.stop();
      expect(orders.failed).toEqual([]);
      expect(orders.acknowledged.length).toBeGreaterThan(RATE);
      const happened = (await readOrderEvents(shop.db, shop.networkId)).slice(before);
      await expect.poll(() => subscribers.map(({ told }) => told.length), { timeout: 10_000 }).toEqual([happened.length, happened.length]);
      const nothing = { missed: 0, duplicates: 0, outOfOrder: 0 };
      expect(subscribers.map(({ told }) => judge(happened, told))).toEqual([nothing, nothing]);
      // nobody had to come back: a bus that is lost cuts no stream
      expect(subscribers.map((subscriber) => subscriber.resumes())).toEqual([0, 0]);
      await Promise.all(subscribers.map((subscriber) => subscriber.stop()));
      await busIs('UP');
    });
  }

  test('and the log of each server tells of it in a few lines', () => {
    for (const server of shop.servers) {
      const lines = server.process().log().split('\n').filter(Boolean);
      expect(lines.length).toBeLessThan(20);
      expect(lines.filter((line) => line.includes('"level":50'))).toEqual([]);
      expect(lines.some((line) => line.includes('"carrier":"REDIS"'))).toBe(true);
    }
  });
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
