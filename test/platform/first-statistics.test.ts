import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { placeOrders } from '#server/flows/place-orders.ts';
import { gatherFirstStatistics } from '#server/platform/first-statistics.ts';
import { databaseForThisTest } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

const CHECK = 'EXPLAIN (GENERIC_PLAN, COSTS OFF) SELECT 1 FROM ONLY orders x WHERE network_id = $1 AND id = $2 FOR KEY SHARE OF x';

test('from a hundred orders on, checks of foreign keys go by the primary key; before, and afterwards, nothing is done', async () => {
  const { db, url } = await databaseForThisTest();
  const { viewer, skus } = await world(db, {
    stations: { HQ: {}, R: { parent: 'HQ', wallet: '1000.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '1.00' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '100.00', keys: 200 }],
  });
  const place = (count: number, from: string) =>
    placeOrders(
      db,
      Array.from({ length: count }, (_, index) => ({
        viewer: viewer('R'),
        channel: 'API',
        requestKey: `${from}-${index}`,
        skuId: skus.steam,
        quantity: 1,
        maxTotal: '1.00',
        externalRef: null,
        groupId: null,
      })),
    );
  // as lists of orders have it (`settledPlans`)
  const session = new pg.Client({ connectionString: url, options: '-c enable_seqscan=off' });
  await session.connect();
  onTestFinished(() => session.end());
  const indexOfCheck = async () => {
    const { rows } = await session.query<{ 'QUERY PLAN': string }>(CHECK);
    return rows.map((line) => /using (\w+)/.exec(line['QUERY PLAN'])?.[1]).find((index) => index !== undefined);
  };
  await place(99, 'first');
  expect(await gatherFirstStatistics(db, url)).toBe('NOT_YET');
  // what it is there for: if PostgreSQL should choose well by itself, it is not needed
  expect(await indexOfCheck()).not.toBe('orders_pkey');
  await place(1, 'hundredth');
  expect(await gatherFirstStatistics(db, url)).toBe('GATHERED');
  expect(await indexOfCheck()).toBe('orders_pkey');
  expect(await gatherFirstStatistics(db, url)).toBe('KNOWN');
});
