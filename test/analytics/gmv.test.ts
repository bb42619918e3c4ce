import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGmvOverview, readVolumes } from '#server/analytics/reads.ts';
import { gmvPeriod } from '#server/analytics/rules.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rollUpOnce } from '#server/live/roll-ups.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { freshDatabase } from '#test/support/database.ts';
import { world } from '#test/support/world.ts';

// Shanghai is UTC+8: 15:59 UTC is still the day before local midnight, 16:00 UTC is the next day.
const clock = controllableClock(new Date('2026-03-01T02:00:00Z'));
const fresh = await freshDatabase({ clock: clock.now });
afterAll(() => fresh.drop());

const w = await world(fresh.db, {
  timeZone: 'Asia/Shanghai',
  stations: {
    HQ: {},
    A: { parent: 'HQ' },
    B: { parent: 'A' },
    R: { parent: 'B', wallet: '10000.00' },
    C: { parent: 'HQ', wallet: '10000.00' },
  },
  suppliers: ['S'],
  skus: { steam: { basePrice: '47.50', maxQuantity: 100 } },
  rules: [
    { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
    { by: 'A', child: 'B', kind: 'FIXED', value: '0.30' },
    { by: 'B', child: 'R', kind: 'PERCENT', value: '2' },
  ],
  plans: [{ sku: 'steam', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
  lots: [{ sku: 'steam', supplier: 'S', totalCost: '4600.00', keys: 100 }],
});

let number = 0;
async function buyAt(instant: string, buyer: 'R' | 'C', quantity: number): Promise<void> {
  clock.set(new Date(instant));
  number += 1;
  const [outcome] = await placeOrders(fresh.db, [
    {
      viewer: w.viewer(buyer),
      channel: 'API',
      requestKey: `k${number}`,
      skuId: w.skus.steam,
      quantity,
      maxTotal: '9999.00',
      externalRef: null,
      groupId: null,
    },
  ]);
  expect(outcome?.kind).toBe('ORDER_PLACED');
}

const overview = (station: 'HQ' | 'A' | 'B' | 'R' | 'C', range: 'TODAY' | 'DAYS_7' | 'DAYS_30', now: string) =>
  readGmvOverview(fresh.db.pool, { networkId: w.networkId, timeZone: 'Asia/Shanghai', now: new Date(now) }, w.stations[station], range);

beforeAll(async () => {
  await buyAt('2026-03-01T03:30:00Z', 'R', 3); // 1 March, 11:30 local: 147.72
  await buyAt('2026-03-01T15:59:59Z', 'R', 1); // 1 March, 23:59:59 local: 49.24
  await buyAt('2026-03-01T16:00:00Z', 'R', 3); // 2 March, 00:00 local: 147.72
  await buyAt('2026-03-02T03:10:00Z', 'C', 2); // 2 March, 11:10 local: 95.00
  await relayOnce(fresh.db);
  await rollUpOnce(fresh.db);
});

describe('GMV of a station', () => {
  test('is what the buyers of its subtree paid on the local day of delivery', async () => {
    const hq = await overview('HQ', 'TODAY', '2026-03-02T03:45:00Z');
    expect(hq.totals).toMatchObject({ gmv: '242.72', orderCount: 2, quantity: 5 });
    const a = await overview('A', 'TODAY', '2026-03-02T03:45:00Z');
    expect(a.totals).toMatchObject({ gmv: '147.72', orderCount: 1, quantity: 3 });
    expect((await overview('C', 'TODAY', '2026-03-02T03:45:00Z')).totals.gmv).toBe('95.00');
  });

  test('stands beside yesterday up to this hour, not the whole of yesterday', async () => {
    expect((await overview('HQ', 'TODAY', '2026-03-02T03:45:00Z')).comparison.gmv).toBe('147.72');
    expect((await overview('HQ', 'TODAY', '2026-03-02T02:45:00Z')).comparison.gmv).toBe('0.00');
    expect((await overview('HQ', 'TODAY', '2026-03-02T15:45:00Z')).comparison.gmv).toBe('196.96');
  });

  test('is drawn by the hour today, yesterday as the comparison line, and every hour is there', async () => {
    const { points } = await overview('HQ', 'TODAY', '2026-03-02T03:45:00Z');
    expect(points).toHaveLength(24);
    expect(points[0]).toMatchObject({ start: new Date('2026-03-01T16:00:00Z'), gmv: '147.72', comparisonGmv: '0.00' });
    expect(points[11]).toMatchObject({ gmv: '95.00', comparisonGmv: '147.72' });
    expect(points[23]).toMatchObject({ gmv: '0.00', comparisonGmv: '49.24' });
  });

  test('over seven days has a point for each day and the week before beside it', async () => {
    const { points, totals } = await overview('HQ', 'DAYS_7', '2026-03-02T03:45:00Z');
    expect(points.map((point) => point.gmv)).toEqual(['0.00', '0.00', '0.00', '0.00', '0.00', '196.96', '242.72']);
    expect(totals.gmv).toBe('439.68');
    const later = await overview('HQ', 'DAYS_7', '2026-03-09T03:45:00Z');
    expect(later.totals.gmv).toBe('0.00');
    expect(later.comparison.gmv).toBe('439.68');
  });

  test('shows its direct children, the largest first, with how many children each has', async () => {
    const { byChild } = await overview('HQ', 'DAYS_7', '2026-03-02T03:45:00Z');
    expect(byChild.map((child) => [child.stationId, child.totals.gmv, child.childCount])).toEqual([
      [w.stations.A, '344.68', 1],
      [w.stations.C, '95.00', 0],
    ]);
  });
});

test('margin and commission are what each station keeps: the worked example of the domain, once more as a roll-up', async () => {
  const time = { networkId: w.networkId, timeZone: 'Asia/Shanghai', now: new Date('2026-03-01T16:30:00Z') };
  const volumes = await readVolumes(fresh.db.pool, time, Object.values(w.stations), 'TODAY');
  const earned = (name: keyof typeof w.stations) => {
    const totals = volumes.get(w.stations[name])?.totals;
    return [totals?.margin, totals?.commission];
  };
  expect(earned('B')).toEqual(['2.89', '0.74']);
  expect(earned('A')).toEqual(['0.90', '0.44']);
  // 2 March: 5.93 - 1.18 of the example, and 95.00 - 92.00 of the two that C bought
  expect(earned('HQ')).toEqual(['7.75', '0.00']);
  expect(earned('R')).toEqual(['0.00', '0.00']);
});

test('the live roll-up equals one that is made again from the orders', async () => {
  const live = await fresh.sql(
    `SELECT station_id, hour_start, order_count::int, quantity::int, gmv, margin, commission FROM station_hour WHERE network_id = $1 ORDER BY 1, 2`,
    [w.networkId],
  );
  const again = await fresh.sql(
    `SELECT s.id AS station_id, date_trunc('hour', o.delivered_at) AS hour_start, count(*)::int AS order_count, sum(o.quantity)::int AS quantity, sum(o.total) AS gmv,
            coalesce(sum((SELECT sum(p.amount) FROM transfer t JOIN posting p ON p.network_id = t.network_id AND p.transfer_id = t.id
                          JOIN account a ON a.network_id = p.network_id AND a.id = p.account_id
                          WHERE t.network_id = o.network_id AND t.order_id = o.id AND a.station_id = s.id AND p.reason = 'MARGIN')), 0.00) AS margin,
            coalesce(sum((SELECT sum(p.amount) FROM transfer t JOIN posting p ON p.network_id = t.network_id AND p.transfer_id = t.id
                          JOIN account a ON a.network_id = p.network_id AND a.id = p.account_id
                          WHERE t.network_id = o.network_id AND t.order_id = o.id AND a.station_id = s.id AND p.reason = 'COMMISSION')), 0.00) AS commission
     FROM orders o JOIN station s ON s.network_id = o.network_id AND s.id = ANY (o.buyer_path)
     WHERE o.network_id = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [w.networkId],
  );
  expect(live).toEqual(again);
  expect(live).toHaveLength(14);
});

test('events that are relayed count once, however often and by however many the consumer is run', async () => {
  await buyAt('2026-03-03T03:00:00Z', 'C', 1);
  await relayOnce(fresh.db);
  await Promise.all(Array.from({ length: 4 }, () => rollUpOnce(fresh.db)));
  expect((await overview('C', 'TODAY', '2026-03-03T04:00:00Z')).totals).toMatchObject({ gmv: '47.50', orderCount: 1 });
});

test('a range is whole local days with today as the last, and is compared with as many before it', () => {
  expect(gmvPeriod('DAYS_30', new Date('2026-03-01T17:00:00Z'), 'Asia/Shanghai')).toEqual({
    bucket: 'DAY',
    days: 30,
    from: '2026-02-01',
    to: '2026-03-02',
    comparisonFrom: '2026-01-02',
    comparisonTo: '2026-01-31',
  });
});
