import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expireCardKeys } from '#server/flows/expire-card-keys.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { type LotMove, setLotAside } from '#server/flows/set-lot-aside.ts';
import { forecastSkus } from '#server/flows/stock-forecast.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rollUpOnce } from '#server/live/roll-ups.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { lotCounts, lotsByIds, touchedOrdersCount, touchedOrdersPage } from '#server/stock/reads.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';

// 09:00 of 22 November in Shanghai
const clock = controllableClock(new Date('2026-11-22T01:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now, poolSize: 20 });
});
afterAll(() => fresh.drop());

const network = () =>
  world(fresh.db, {
    stations: { HQ: {}, R: { parent: 'HQ', wallet: '5000.00' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' }, other: { basePrice: '10.00' } },
    lots: [
      { sku: 'card', supplier: 'S', totalCost: '20.00', keys: 10, expiresOn: '2026-11-25' },
      { sku: 'card', supplier: 'S', totalCost: '6.00', keys: 3 },
    ],
  });
let w: Awaited<ReturnType<typeof network>>;
beforeEach(async () => {
  clock.set(new Date('2026-11-22T01:00:00Z'));
  w = await network();
});

let number = 0;
const order = (quantity: number) => ({
  viewer: w.viewer('R'),
  channel: 'API' as const,
  requestKey: `lot-${++number}`,
  skuId: w.skus.card,
  quantity,
  maxTotal: '5000',
  externalRef: null,
  groupId: null,
});
async function buy(quantity: number): Promise<string> {
  const [placed] = await placeOrders(fresh.db, [order(quantity)]);
  if (placed?.kind !== 'ORDER_PLACED') throw new Error(placed?.kind);
  return placed.orderId;
}
const lot = (place: number) => w.lots[place]?.id ?? '';
const move = (what: LotMove, place = 0) => setLotAside(fresh.db, w.viewer('HQ'), { lotId: lot(place), move: what, reason: 'complaints' });
const reader = () => ({ networkId: w.networkId, stationId: w.hq });
async function counts(place: number) {
  const lots = await lotsByIds(fresh.db.pool, reader(), [lot(place)]);
  return (await lotCounts(fresh.db.pool, reader(), [...lots.values()])).get(lot(place));
}
const rows = <Row extends Record<string, unknown>>(text: string) => fresh.sql<Row>(text, [w.networkId]);
const none = { available: 0, sold: 0, withdrawn: 0, quarantined: 0, expired: 0, voided: 0 };

describe('a lot that is put aside', () => {
  test('is sold from no more, names the orders that hold its keys, and comes back when it is released', async () => {
    const bought = await buy(4);
    await revealCardKeys(fresh.db, testVault, w.viewer('R'), [bought]);
    const second = await buy(1);
    expect(await move('QUARANTINE')).toEqual({ kind: 'LOT_MOVED', lotId: lot(0), movedCount: 5, expiredCount: 0 });
    expect(await counts(0)).toEqual({ ...none, sold: 5, quarantined: 5 });
    const [row] = (await lotsByIds(fresh.db.pool, reader(), [lot(0)])).values();
    expect(row).toMatchObject({ state: 'QUARANTINED', state_reason: 'complaints', state_by_name: 'HQ OWNER', created_by_name: 'HQ OWNER' });
    if (!row) throw new Error('no lot');
    const page = await touchedOrdersPage(fresh.db.pool, reader(), row, { count: 10, direction: 'FORWARD', from: null });
    expect(page.rows).toEqual([
      { id: second, key_count: 1, revealed_count: 0, doubted_count: 0 },
      { id: bought, key_count: 4, revealed_count: 4, doubted_count: 0 },
    ]);
    expect(await touchedOrdersCount(fresh.db.pool, reader(), row)).toBe(2);
    // three of the other lot are left
    expect(await placeOrders(fresh.db, [order(4)])).toMatchObject([{ kind: 'OUT_OF_STOCK' }]);
    expect(await move('RELEASE')).toMatchObject({ movedCount: 5, expiredCount: 0 });
    await buy(8);
    expect(await counts(0)).toEqual({ ...none, sold: 10 });
    expect(await rows(`SELECT action FROM audit_entry WHERE network_id = $1 AND action LIKE 'lot.%' ORDER BY id`)).toEqual([
      { action: 'lot.quarantined' },
      { action: 'lot.released' },
    ]);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('keeps what comes back from an order, and makes it void with the rest', async () => {
    const bought = await buy(2);
    await move('QUARANTINE');
    const held = await rows<{ card_key_id: string }>('SELECT card_key_id FROM card_key_sale WHERE network_id = $1');
    const refund = {
      requestKey: `refund-${++number}`,
      orderId: bought,
      cardKeyIds: held.map(({ card_key_id }) => card_key_id),
      amount: null,
      bearer: null,
      reason: 'unused',
    };
    expect(await refundOrder(fresh.db, w.viewer('HQ'), refund)).toMatchObject({ kind: 'ORDER_REFUNDED' });
    expect(await counts(0)).toEqual({ ...none, quarantined: 10 });
    expect(await move('VOID')).toMatchObject({ kind: 'LOT_MOVED', movedCount: 10 });
    expect(await counts(0)).toEqual({ ...none, voided: 10 });
    expect(await move('RELEASE')).toEqual({ kind: 'NOT_ALLOWED', message: 'Only a lot in quarantine is released.' });
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('expires where its day has passed meanwhile', async () => {
    await move('QUARANTINE');
    clock.set(new Date('2026-11-25T16:00:00Z'));
    expect(await move('RELEASE')).toMatchObject({ movedCount: 10, expiredCount: 10 });
    expect(await counts(0)).toEqual({ ...none, expired: 10 });
  });

  test('is the owner’s alone, for a reason, and only from the state that it is in', async () => {
    const theirs = { lotId: lot(0), move: 'QUARANTINE' as const, reason: 'why' };
    expect(await setLotAside(fresh.db, w.viewer('R'), theirs)).toEqual({ kind: 'NOT_FOUND' });
    expect(await setLotAside(fresh.db, w.viewer('HQ'), { ...theirs, reason: ' ' })).toMatchObject({
      kind: 'INVALID_INPUT',
      field: 'reason',
    });
    expect(await move('VOID')).toMatchObject({ kind: 'NOT_ALLOWED' });
  });

  test('races with sales: each key is sold or put aside, never both', async () => {
    w = await world(fresh.db, {
      stations: { HQ: {}, R: { parent: 'HQ', wallet: '50000.00' } },
      skus: { card: { basePrice: '10.00' }, other: { basePrice: '10.00' } },
      suppliers: ['S'],
      lots: [{ sku: 'card', supplier: 'S', totalCost: '200.00', keys: 200 }],
    });
    const sales = Array.from({ length: 60 }, () => placeOrders(fresh.db, [order(3)]));
    const [quarantined, ...outcomes] = await Promise.all([move('QUARANTINE'), ...sales]);
    const sold = outcomes.flat().filter(({ kind }) => kind === 'ORDER_PLACED').length * 3;
    expect(quarantined).toMatchObject({ kind: 'LOT_MOVED', movedCount: 200 - sold });
    expect(await counts(0)).toEqual({ ...none, sold, quarantined: 200 - sold });
    expect(await placeOrders(fresh.db, [order(1)])).toMatchObject([{ kind: 'OUT_OF_STOCK' }]);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });
});

describe('keys that expire', () => {
  test('are told of a week before with their count and worth, and marked when their day is over in the network’s zone', async () => {
    await buy(1);
    clock.set(new Date('2026-11-25T15:59:00Z'));
    expect(await expireCardKeys(fresh.db, 7)).toBe(0);
    const alerts = () =>
      rows(`SELECT station_id, subject_id, data, ended_at IS NULL AS lasts FROM alert WHERE network_id = $1 AND kind = 'STOCK_EXPIRING'`);
    const data = { availableCount: 9, expiringCost: '18.00', expiringOn: '2026-11-25' };
    expect(await alerts()).toEqual([{ station_id: w.hq, subject_id: w.skus.card, data, lasts: true }]);
    clock.set(new Date('2026-11-25T16:00:00Z'));
    await Promise.all([expireCardKeys(fresh.db, 7), expireCardKeys(fresh.db, 7)]);
    expect(await counts(0)).toEqual({ ...none, sold: 1, expired: 9 });
    expect((await alerts()).map(({ lasts }) => lasts)).toEqual([false]);
    expect(await placeOrders(fresh.db, [order(4)])).toMatchObject([{ kind: 'OUT_OF_STOCK' }]);
  });

  test('are told of no earlier than asked', async () => {
    clock.set(new Date('2026-11-22T01:00:00Z'));
    await expireCardKeys(fresh.db, 2);
    expect(await rows(`SELECT id FROM alert WHERE network_id = $1 AND kind = 'STOCK_EXPIRING'`)).toEqual([]);
  });
});

test('a forecast looks back on the roll-ups’ whole days: sold on ten of them, and it tells nothing of what never sold', async () => {
  await fresh.sql(`UPDATE sku SET created_at = '2026-11-01T00:00:00Z' WHERE network_id = $1`, [w.networkId]);
  await buy(5);
  await relayOnce(fresh.db);
  await rollUpOnce(fresh.db);
  clock.set(new Date('2026-12-01T01:00:00Z'));
  const forecasts = await forecastSkus(fresh.db.pool, w.networkId, [w.skus.card, w.skus.other], '2026-11-25');
  // 24 days old; 8 left: 5 of the lot that is good through that very day, 3 of the other
  expect(forecasts.get(w.skus.card)).toEqual({ availableCount: 8, isMore: false, observedDays: 24, soldCount: 5, daysLeft: 38 });
  expect(forecasts.get(w.skus.other)).toEqual({ availableCount: 0, isMore: false, observedDays: 24, soldCount: 0, daysLeft: null });
});
