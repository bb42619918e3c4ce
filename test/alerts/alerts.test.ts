import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { alertsPage, walletThreshold } from '#server/alerts/reads.ts';
import { resolveAlert, setStockThreshold, setWalletThreshold } from '#server/flows/alert-decisions.ts';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { setControlBand } from '#server/flows/set-control-band.ts';
import { removeMarkupRule, setMarkupRule } from '#server/flows/set-markup-rule.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { relayOnce } from '#server/live/relay.ts';
import { freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

const fresh = await freshDatabase();
const { db } = fresh;
afterAll(() => fresh.drop());

type Tree = World<'HQ' | 'A' | 'R', 'steam' | 'local', 'S'>;
let w: Tree;
let orders = 0;

beforeEach(async () => {
  w = await world(db, {
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '100.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10' }, local: { basePrice: '20', owner: 'A' } },
    // the first keys cost 8.00 each, the next ones 10.50
    lots: [
      { sku: 'steam', supplier: 'S', totalCost: '24.00', keys: 3 },
      { sku: 'steam', supplier: 'S', totalCost: '52.50', keys: 5 },
    ],
  });
});

/** Numbers what was committed and looks through it, as the server does every half second. */
async function look(): Promise<void> {
  await relayOnce(db);
  await raiseAlerts(db);
}

const inbox = async (station: 'HQ' | 'A' | 'R', open: boolean | null = true) => {
  const { rows } = await alertsPage(db.pool, w.viewer(station), open, { count: 50, direction: 'FORWARD', from: null });
  return rows.map(({ kind, subject_id, data }) => ({ kind, about: subject_id, ...data }));
};

async function buy(quantity: number): Promise<void> {
  orders += 1;
  const order = { viewer: w.viewer('R'), channel: 'API', skuId: w.skus.steam, quantity, externalRef: null, groupId: null } as const;
  const [outcome] = await placeOrders(db, [{ ...order, requestKey: `alert ${orders}`, maxTotal: '1000' }]);
  expect(outcome?.kind).toBe('ORDER_PLACED');
}

const topUp = (amount: string) => {
  orders += 1;
  return topUpWallet(db, w.viewer('HQ'), { requestKey: `top ${orders}`, stationId: w.stations.R, amount, note: null });
};

const rule = { childId: null, levelId: null, skuId: null, productId: null, categoryId: null, breaks: [], inversion: null } as const;
const price = (value: string, expectedVersion: number | null = null) =>
  setMarkupRule(db, w.viewer('A'), { ...rule, skuId: w.skus.steam, kind: 'PRICE', value, expectedVersion, reason: null });

describe('a wallet', () => {
  test('below its threshold is told once, however many orders follow, and ends with the top-up that lifts it', async () => {
    await setWalletThreshold(db, w.viewer('R'), { amount: '85.00', expectedVersion: null });
    await buy(1);
    await look();
    expect(await inbox('R')).toEqual([]);
    await buy(1);
    await look();
    const low = { kind: 'WALLET_LOW', about: w.stations.R, threshold: '85.00' };
    expect(await inbox('R')).toEqual([{ ...low, available: '80.00' }]);
    await buy(1);
    await look();
    expect(await inbox('R')).toEqual([{ ...low, available: '70.00' }]);
    const raised = await fresh.sql(
      `SELECT audience FROM outbox_event WHERE network_id = $1 AND topic = 'alert.raised' AND data ->> 'kind' = 'WALLET_LOW'`,
      [w.networkId],
    );
    expect(raised).toEqual([{ audience: [w.stations.R] }]);
    await topUp('50.00');
    await look();
    expect(await inbox('R')).toEqual([]);
    expect(await inbox('R', false)).toHaveLength(1);
  });

  test('that falls below again is told again', async () => {
    await setWalletThreshold(db, w.viewer('R'), { amount: '95.00', expectedVersion: null });
    await buy(1);
    await look();
    await topUp('10.00');
    await look();
    await buy(1);
    await look();
    expect([(await inbox('R')).length, (await inbox('R', null)).length]).toEqual([1, 2]);
  });

  test('that is below when the threshold is set is told, and no more when it is taken away', async () => {
    await setWalletThreshold(db, w.viewer('R'), { amount: '500.00', expectedVersion: null });
    await look();
    expect((await inbox('R')).map(({ kind }) => kind)).toEqual(['WALLET_LOW']);
    await setWalletThreshold(db, w.viewer('R'), { amount: null, expectedVersion: 1 });
    await look();
    expect(await inbox('R')).toEqual([]);
  });

  test('has a threshold that two people do not change over each other', async () => {
    const set = (amount: string, expectedVersion: number | null) => setWalletThreshold(db, w.viewer('R'), { amount, expectedVersion });
    expect((await set('50.00', null)).kind).toBe('THRESHOLD_SET');
    expect(await set('60.00', null)).toMatchObject({ kind: 'STALE_VERSION', current: { amount: '50.00', version: 1 } });
    expect((await Promise.all([set('70.00', 1), set('80.00', 1)])).map(({ kind }) => kind).sort()).toEqual([
      'STALE_VERSION',
      'THRESHOLD_SET',
    ]);
    expect((await walletThreshold(db.pool, w.viewer('R')))?.version).toBe(2);
    expect(await set('0.00', 2)).toMatchObject({ kind: 'INVALID_INPUT', field: 'amount' });
    expect(await set('1.005', 2)).toMatchObject({ kind: 'INVALID_INPUT', field: 'amount' });
  });
});

describe('stock', () => {
  test('below the owner’s threshold is told to the owner alone', async () => {
    await setStockThreshold(db, w.viewer('HQ'), { skuId: w.skus.steam, count: 7, expectedVersion: null });
    await buy(1);
    await look();
    expect(await inbox('HQ')).toEqual([]);
    await buy(1);
    await look();
    expect(await inbox('HQ')).toEqual([{ kind: 'STOCK_LOW', about: w.skus.steam, availableCount: 6, thresholdCount: 7 }]);
    expect([await inbox('A'), await inbox('R')]).toEqual([[], []]);
  });

  test('is watched by its owner and by nobody else', async () => {
    const watch = (station: 'HQ' | 'A' | 'R', skuId: string) =>
      setStockThreshold(db, w.viewer(station), { skuId, count: 3, expectedVersion: null });
    expect((await watch('R', w.skus.steam)).kind).toBe('NOT_ALLOWED');
    expect((await watch('HQ', w.skus.local)).kind).toBe('NOT_FOUND');
    expect((await watch('A', w.skus.local)).kind).toBe('THRESHOLD_SET');
  });
});

describe('the cost guard', () => {
  test('that hides a SKU tells its owner, and whoever may buy it that its price has gone; cheaper keys end it', async () => {
    await buy(3);
    await look();
    const hidden = { kind: 'BELOW_COST', about: w.skus.steam, hiddenFromCount: 1, nextUnitCost: '10.50' };
    expect([await inbox('HQ'), await inbox('R')]).toEqual([[hidden], []]);
    const told = () =>
      fresh.sql<{ reach: unknown }>(`SELECT data -> 'reach' AS reach FROM outbox_event WHERE network_id = $1 AND topic = 'price.changed'`, [
        w.networkId,
      ]);
    const reach = { topId: w.hq, withTop: false, skuIds: [w.skus.steam], productId: null, categoryId: null };
    expect(await told()).toEqual([{ reach }]);
    expect((await catalogueEntries(db, w.viewer('R'), [w.skus.steam])).get(w.skus.steam)?.offer.unitPrice).toBeNull();
    await look();
    expect(await told()).toHaveLength(1);
    await setMarkupRule(db, w.viewer('HQ'), { ...rule, kind: 'PERCENT', value: '10', expectedVersion: null, reason: null });
    await look();
    expect(await inbox('HQ')).toEqual([]);
  });
});

describe('a price', () => {
  test('that is below what the station itself pays by now is told to the station, and ends with a better one', async () => {
    expect((await price('11')).kind).toBe('MARKUP_RULE_SET');
    await look();
    expect(await inbox('A')).toEqual([]);
    // headquarters asks more now
    await setMarkupRule(db, w.viewer('HQ'), { ...rule, kind: 'FIXED', value: '2', expectedVersion: null, reason: null });
    await look();
    expect(await inbox('A')).toEqual([{ kind: 'PRICE_INVERTED', about: w.skus.steam, reason: 'INVERTED', unitPrice: '12.0000' }]);
    expect([await inbox('HQ'), await inbox('R')]).toEqual([[], []]);
    await price('13', 1);
    await look();
    expect(await inbox('A')).toEqual([]);
  });

  test('whose rule is removed is inverted no more', async () => {
    const set = await price('9');
    await look();
    expect((await inbox('A')).map(({ kind }) => kind)).toEqual(['PRICE_INVERTED']);
    if (set.kind !== 'MARKUP_RULE_SET') throw new Error(set.kind);
    await removeMarkupRule(db, w.viewer('A'), { ruleId: set.rule.id, expectedVersion: 1, reason: null });
    await look();
    expect(await inbox('A')).toEqual([]);
  });

  test('above the ceiling of the goods’ owner is told to the sub-station that cannot sell them on', async () => {
    await setControlBand(db, w.viewer('HQ'), { skuId: w.skus.steam, floor: null, ceiling: '9.00', expectedVersion: null, reason: null });
    await look();
    expect(await inbox('A')).toEqual([{ kind: 'PRICE_INVERTED', about: w.skus.steam, reason: 'ABOVE_CEILING', unitPrice: '10.0000' }]);
  });
});

describe('an alert', () => {
  const alerts = async () => (await alertsPage(db.pool, w.viewer('R'), null, { count: 9, direction: 'FORWARD', from: null })).rows;

  test('that a person resolved stays away while its cause lasts, and comes back with the next one', async () => {
    await setWalletThreshold(db, w.viewer('R'), { amount: '95.00', expectedVersion: null });
    await buy(1);
    await look();
    const [alert] = await alerts();
    expect(await resolveAlert(db, w.viewer('R'), alert?.id ?? '')).toMatchObject({ kind: 'ALERT_RESOLVED', alert: { ended_at: null } });
    await buy(1);
    await look();
    expect(await inbox('R')).toEqual([]);
    await topUp('20.00');
    await look();
    await buy(2);
    await look();
    expect(await inbox('R')).toHaveLength(1);
  });

  test('is resolved by its own station alone', async () => {
    await setWalletThreshold(db, w.viewer('R'), { amount: '95.00', expectedVersion: null });
    await buy(1);
    await look();
    const [alert] = await alerts();
    for (const other of ['HQ', 'A'] as const) expect((await resolveAlert(db, w.viewer(other), alert?.id ?? '')).kind).toBe('NOT_FOUND');
    expect(await inbox('R')).toHaveLength(1);
  });

  test('is raised once by five processes that look at the same events', async () => {
    // what other networks have left is out of the way
    while ((await relayOnce(db)) + (await raiseAlerts(db)) > 0);
    await setWalletThreshold(db, w.viewer('R'), { amount: '95.00', expectedVersion: null });
    await buy(1);
    await relayOnce(db);
    const passed = await Promise.all(Array.from({ length: 5 }, () => raiseAlerts(db)));
    expect(passed.filter((count) => count > 0)).toHaveLength(1);
    expect(await alerts()).toHaveLength(1);
    await look();
    expect(
      await fresh.sql(`SELECT count(*)::int FROM outbox_event WHERE network_id = $1 AND topic = 'alert.raised'`, [w.networkId]),
    ).toEqual([{ count: 1 }]);
  });
});
