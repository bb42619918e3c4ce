import { afterAll, beforeAll, expect, test } from 'vitest';
import { importCardKeys } from '#server/flows/import-card-keys.ts';
import { importNext } from '#server/flows/import-worker.ts';
import { decideWaitingRefund, refundOrder } from '#server/flows/refund-order.ts';
import { revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { withdrawCardKeys } from '#server/flows/withdraw-card-keys.ts';
import { createLog } from '#server/platform/log.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';
import { atOnce, expectClean, kinds, numberOf, placeAlone } from './race.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 30 });
});
afterAll(() => fresh.drop());

const stock = (keys: number, terms: 'OWN' | 'CONSIGNMENT' = 'OWN') =>
  world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ', wallet: '100.00' }, R: { parent: 'A', wallet: '10000.00' }, Q: { parent: 'HQ' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' }, own: { basePrice: '10.00', owner: 'Q' } },
    rules: [{ by: 'A', kind: 'FIXED', value: '1' }],
    lots: [{ sku: 'card', supplier: 'S', terms, totalCost: String(keys), keys }],
  });
type Stock = Awaited<ReturnType<typeof stock>>;

const buy = (w: Stock, requestKey: string, quantity = 1) =>
  placeAlone(fresh, {
    viewer: w.viewer('R'),
    channel: 'API',
    requestKey,
    skuId: w.skus.card,
    quantity,
    maxTotal: '1000',
    externalRef: null,
    groupId: null,
  });
const bought = async (w: Stock, quantity: number) => {
  const outcome = await buy(w, 'bought', quantity);
  if (outcome.kind !== 'ORDER_PLACED') throw new Error(outcome.kind);
  return outcome.orderId;
};
const refund = { amount: null, cardKeyIds: null, bearer: null, reason: 'race' } as const;
const keysIn = (w: World, state: string) =>
  numberOf(fresh, 'SELECT count(*) AS number FROM card_key WHERE network_id = $1 AND state = $2::card_key_state', [w.networkId, state]);
const wallet = (w: Stock, station: 'R' | 'A') =>
  numberOf(fresh, `SELECT balance AS number FROM account WHERE network_id = $1 AND station_id = $2 AND kind = 'WALLET'`, [
    w.networkId,
    w.stations[station],
  ]);

test('ten people refund one order at once: it is refunded once', async () => {
  const w = await stock(3, 'CONSIGNMENT');
  const orderId = await bought(w, 3);
  const outcomes = await atOnce(10, (index) => refundOrder(fresh.db, w.viewer('HQ'), { ...refund, requestKey: `r${index}`, orderId }));
  expect(kinds(outcomes)).toEqual({ ORDER_REFUNDED: 1, REFUND_REFUSED: 9 });
  expect([await wallet(w, 'R'), await keysIn(w, 'AVAILABLE')]).toEqual([10_000, 3]);
  await expectClean(fresh);
});

test('an order is refunded by key, by amount and from two sides at once: never above what was paid', async () => {
  const w = await stock(10, 'CONSIGNMENT');
  const orderId = await bought(w, 10);
  const outcomes = await atOnce(20, (index) =>
    refundOrder(fresh.db, w.viewer('HQ', index % 2 ? 'OWNER' : 'FINANCE'), {
      ...refund,
      requestKey: `r${index}`,
      orderId,
      ...(index < 10 ? { cardKeyIds: [w.lots[0]?.keyIds[index] ?? ''] } : { amount: '7.77' }),
    }),
  );
  const done = kinds(outcomes)['ORDER_REFUNDED'] ?? 0;
  expect(done).toBeGreaterThanOrEqual(10);
  const refunded = await numberOf(fresh, 'SELECT refunded_total AS number FROM orders WHERE network_id = $1', [w.networkId]);
  expect(refunded).toBeLessThanOrEqual(110);
  expect(await numberOf(fresh, `SELECT sum(amount) AS number FROM refund WHERE network_id = $1 AND state = 'DONE'`, [w.networkId])).toBe(
    refunded,
  );
  expect(await wallet(w, 'R')).toBeCloseTo(10_000 - 110 + refunded, 2);
  await expectClean(fresh);
});

test('a refund that waits is decided by ten people at once: one decision stands', async () => {
  const w = await stock(2);
  const orderId = await bought(w, 2);
  const asked = await refundOrder(fresh.db, w.viewer('R'), { ...refund, requestKey: 'ask', orderId });
  if (asked.kind !== 'REFUND_REQUESTED') throw new Error(asked.kind);
  const outcomes = await atOnce(10, (index) =>
    decideWaitingRefund(fresh.db, w.viewer('HQ'), {
      requestKey: `d${index}`,
      refundId: asked.refundId,
      approve: index % 2 === 0,
      bearer: null,
      reason: null,
    }),
  );
  const { REFUND_REFUSED, ...stands } = kinds(outcomes);
  expect(REFUND_REFUSED).toBe(9);
  const approved = stands['ORDER_REFUNDED'] === 1;
  expect(stands).toEqual(approved ? { ORDER_REFUNDED: 1 } : { REFUND_DECLINED: 1 });
  expect(await wallet(w, 'R')).toBe(approved ? 10_000 : 9_978);
  await expectClean(fresh);
});

test('a key is revealed while it is refunded: what was seen never returns to stock', async () => {
  for (let round = 0; round < 10; round += 1) {
    const w = await stock(1);
    const orderId = await bought(w, 1);
    const [shown, given] = await Promise.all([
      revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId]),
      refundOrder(fresh.db, w.viewer('HQ'), { ...refund, requestKey: 'r', orderId }),
    ]);
    expect(given.kind).toBe('ORDER_REFUNDED');
    const seen = shown.kind === 'CARD_KEYS_REVEALED' ? (shown.cardKeys.get(orderId)?.length ?? 0) : 0;
    expect(await keysIn(w, seen === 1 ? 'SOLD' : 'AVAILABLE')).toBe(1);
  }
  await expectClean(fresh);
});

test('thirty orders and thirty withdrawals want twenty keys: twenty get one, each another', async () => {
  const w = await stock(20);
  const [orders, withdrawals] = await Promise.all([
    atOnce(30, (index) => buy(w, `o${index}`)),
    atOnce(30, (index) =>
      withdrawCardKeys(fresh.db, testVault, w.viewer('HQ'), { requestKey: `w${index}`, skuId: w.skus.card, quantity: 1, reason: 'race' }),
    ),
  ]);
  const taken = withdrawals.flatMap((outcome) => (outcome.kind === 'CARD_KEYS_WITHDRAWN' ? outcome.cardKeys.map(({ id }) => id) : []));
  const sold = kinds(orders)['ORDER_PLACED'] ?? 0;
  expect(sold + taken.length).toBe(20);
  expect(new Set(taken).size).toBe(taken.length);
  expect([await keysIn(w, 'SOLD'), await keysIn(w, 'WITHDRAWN'), await keysIn(w, 'AVAILABLE')]).toEqual([sold, taken.length, 0]);
  await expectClean(fresh);
});

test('one file is imported five times at once: its keys come in once', async () => {
  const w = await stock(0);
  const input = { skuId: w.skus.card, supplierId: null, terms: 'OWN', totalCost: '0', expiresOn: null, format: 'TEXT' } as const;
  const text = Array.from({ length: 300 }, (_, index) => `K${index}`);
  await atOnce(5, (index) =>
    importCardKeys(fresh.db, testVault, w.viewer('HQ'), {
      ...input,
      requestKey: `i${index}`,
      text: (index % 2 ? text : text.toReversed()).join('\n'),
    }),
  );
  const log = createLog('silent');
  await atOnce(5, async () => {
    while (await importNext(fresh.db, log));
  });
  const counts = await fresh.sql(
    'SELECT state::text, imported_count, duplicate_count FROM import_job WHERE network_id = $1 ORDER BY imported_count',
    [w.networkId],
  );
  expect(counts).toEqual([
    ...Array.from({ length: 4 }, () => ({ state: 'DONE', imported_count: 0, duplicate_count: 300 })),
    { state: 'DONE', imported_count: 300, duplicate_count: 0 },
  ]);
  expect(await keysIn(w, 'AVAILABLE')).toBe(300);
});

test('two owners import one key at once: one has it, the other’s is put aside', async () => {
  const w = await stock(0);
  const input = {
    supplierId: null,
    terms: 'OWN',
    totalCost: '0',
    expiresOn: null,
    format: 'TEXT',
    text: 'one\ntwo\nthree',
    requestKey: 'i',
  } as const;
  await Promise.all([
    importCardKeys(fresh.db, testVault, w.viewer('HQ'), { ...input, skuId: w.skus.card }),
    importCardKeys(fresh.db, testVault, w.viewer('Q'), { ...input, skuId: w.skus.own }),
  ]);
  const log = createLog('silent');
  await atOnce(4, async () => {
    while (await importNext(fresh.db, log));
  });
  expect([await keysIn(w, 'AVAILABLE'), await keysIn(w, 'QUARANTINED')]).toEqual([3, 3]);
  expect(await numberOf(fresh, 'SELECT sum(imported_count) AS number FROM import_job WHERE network_id = $1', [w.networkId])).toBe(6);
});

test('fifty top-ups of ten out of a wallet with a hundred: ten', async () => {
  const w = await stock(0);
  const outcomes = await atOnce(50, (index) =>
    topUpWallet(fresh.db, w.viewer('A'), { requestKey: `t${index}`, stationId: w.stations.R, amount: '10.00', note: null }),
  );
  expect(kinds(outcomes)).toEqual({ WALLET_TOPPED_UP: 10, INSUFFICIENT_BALANCE: 40 });
  expect([await wallet(w, 'A'), await wallet(w, 'R')]).toEqual([0, 10_100]);
  await expectClean(fresh);
});

test('one top-up sent thirty times at once is one', async () => {
  const w = await stock(0);
  const outcomes = await atOnce(30, () =>
    topUpWallet(fresh.db, w.viewer('HQ'), { requestKey: 'same', stationId: w.stations.R, amount: '10.00', note: null }),
  );
  expect(outcomes.filter((outcome) => outcome.kind === 'WALLET_TOPPED_UP' && !outcome.replayed)).toHaveLength(1);
  expect(kinds(outcomes)).toEqual({ WALLET_TOPPED_UP: 30 });
  expect(await wallet(w, 'R')).toBe(10_010);
  await expectClean(fresh);
});

test('orders, refunds, withdrawals, top-ups and reveals of one network, all at once: the audit stays clean, also meanwhile', async () => {
  const w = await stock(60);
  let over = false;
  const auditing = (async () => {
    while (!over) await expectClean(fresh);
  })();
  const placed: string[] = [];
  await atOnce(120, async (index) => {
    if (index % 4 === 0)
      await topUpWallet(fresh.db, w.viewer('HQ'), { requestKey: `t${index}`, stationId: w.stations.A, amount: '1.00', note: null });
    if (index % 5 === 0)
      await withdrawCardKeys(fresh.db, testVault, w.viewer('HQ'), {
        requestKey: `w${index}`,
        skuId: w.skus.card,
        quantity: 1,
        reason: 'race',
      });
    const outcome = await buy(w, `o${index}`);
    if (outcome.kind === 'ORDER_PLACED') placed.push(outcome.orderId);
    const orderId = placed[index % Math.max(placed.length, 1)];
    if (orderId && index % 3 === 0) await refundOrder(fresh.db, w.viewer('HQ'), { ...refund, requestKey: `r${index}`, orderId });
    if (orderId && index % 2 === 0) await revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId]);
  });
  over = true;
  await auditing;
  expect(placed.length).toBeGreaterThan(40);
  // not even one that a retry has hidden: locks are taken in one order everywhere
  expect(await numberOf(fresh, 'SELECT deadlocks AS number FROM pg_stat_database WHERE datname = current_database()', [])).toBe(0);
  expect((await keysIn(w, 'SOLD')) + (await keysIn(w, 'WITHDRAWN')) + (await keysIn(w, 'AVAILABLE'))).toBe(60);
  await expectClean(fresh);
}, 60_000);
