import { type ExecutionResult, parse, subscribe } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Context } from '#schema/context.ts';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { permissionsOfRole } from '#server/accounts/rules.ts';
import { setWalletThreshold } from '#server/flows/alert-decisions.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { createLocalBus } from '#server/live/bus.ts';
import { createEventSource, type EventSource } from '#server/live/event-source.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rollUpOnce } from '#server/live/roll-ups.ts';
import { TOPICS_OF_SUBSCRIPTION } from '#server/live/topics.ts';
import { createLog } from '#server/platform/log.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';
import { ask, contextOf } from './ask.ts';
import { placeOf, toldAfter } from './what-was-told.ts';

// Wallets, alerts and the pulse as they are told: each station its own, and nobody another's.

const STATIONS = ['HQ', 'A', 'B', 'R', 'S'] as const;
type Name = (typeof STATIONS)[number];
let fresh: FreshDatabase;
let source: EventSource;
let w: World<Name, 'steam' | 'local', 'Z'>;
let effects = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
  source = createEventSource(fresh.db, createLog('silent'), createLocalBus());
  w = await world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', kind: 'SUBSTATION', wallet: '500.00' },
      B: { parent: 'HQ', kind: 'SUBSTATION', wallet: '500.00' },
      R: { parent: 'A', wallet: '900.00' },
      S: { parent: 'A', wallet: '900.00' },
    },
    suppliers: ['Z'],
    skus: { steam: { basePrice: '10' }, local: { basePrice: '20', owner: 'A' } },
    rules: [{ by: 'A', kind: 'FIXED', value: '0.50' }],
    lots: [
      { sku: 'steam', supplier: 'Z', totalCost: '320.00', keys: 80 },
      { sku: 'local', supplier: 'Z', totalCost: '320.00', keys: 80 },
    ],
  });
});
afterAll(async () => {
  await source.stop();
  await fresh.drop();
});

async function buy(buyer: Name, sku: 'steam' | 'local' = 'steam'): Promise<string> {
  effects += 1;
  const order = { viewer: w.viewer(buyer), channel: 'API', skuId: w.skus[sku], quantity: 1, externalRef: null, groupId: null } as const;
  const [outcome] = await placeOrders(fresh.db, [{ ...order, requestKey: `live ${effects}`, maxTotal: '1000' }]);
  if (outcome?.kind !== 'ORDER_PLACED') throw new Error(outcome?.kind);
  return outcome.orderId;
}

const topUp = (payer: Name, stationId: string, amount: string) => {
  effects += 1;
  return topUpWallet(fresh.db, w.viewer(payer), { requestKey: `live ${effects}`, stationId, amount, note: null });
};

const FIGURES = 'balance { amount } held { amount } earningsPending { amount } earnings { amount } clawback { amount }';
const WALLET = `subscription ($after: Cursor) { walletChanged(after: $after) { cursor station { name } wallet { ${FIGURES} } } }`;
type Wallet = Record<'balance' | 'held' | 'earningsPending' | 'earnings' | 'clawback', { amount: string }>;
type WalletTold = { cursor: string; station: { name: string }; wallet: Wallet };

/** What each station is told of its wallet by what happens; null is nothing. */
async function walletsTold(happens: () => Promise<unknown>): Promise<Record<Name, Wallet | null>> {
  const place = await placeOf(fresh.db, w.networkId);
  await happens();
  await placeOf(fresh.db, w.networkId);
  const each = STATIONS.map(async (name) => {
    const { told, errors } = await toldAfter<WalletTold>(fresh.db, w.viewer(name), {
      document: WALLET,
      subscription: 'walletChanged',
      place,
    });
    expect([errors, told.length < 2, told.every(({ station }) => station.name === name)]).toEqual([[], true, true]);
    return [name, told[0]?.wallet ?? null] as const;
  });
  return Object.fromEntries(await Promise.all(each)) as Record<Name, Wallet | null>;
}

async function wallets(): Promise<Record<Name, Wallet>> {
  const each = STATIONS.map(async (name) => {
    const { data } = await ask(fresh.db, w.viewer(name), `{ station { wallet { ${FIGURES} } } }`);
    return [name, JSON.parse(JSON.stringify((data as { station: { wallet: Wallet } }).station.wallet)) as Wallet] as const;
  });
  return Object.fromEntries(await Promise.all(each)) as Record<Name, Wallet>;
}

describe('a wallet', () => {
  test('is told of an order to its buyer, its sellers and its owner, and to no one beside or above them', async () => {
    const headquarters = await walletsTold(() => buy('R'));
    expect(headquarters['R']?.balance.amount).toBe('889.50');
    expect([headquarters['A']?.earningsPending.amount, headquarters['HQ']?.earningsPending.amount]).toEqual(['0.50', '6.00']);
    expect([headquarters['B'], headquarters['S']]).toEqual([null, null]);
    // A's own goods are none of headquarters' business
    const own = await walletsTold(() => buy('R', 'local'));
    expect([own['HQ'], own['A'] === null, own['R'] === null]).toEqual([null, false, false]);
  });

  test('is told of a top-up to who pays and who is paid, of a refund, and once for many changes', async () => {
    const paid = await walletsTold(() => topUp('A', w.stations.R, '7.00'));
    expect(STATIONS.filter((name) => paid[name] !== null)).toEqual(['A', 'R']);
    const orderId = await buy('S');
    effects += 1;
    const back = { requestKey: `live ${effects}`, orderId, amount: null, cardKeyIds: null, bearer: null, reason: 'late' };
    const refunded = await walletsTold(() => refundOrder(fresh.db, w.viewer('HQ'), back));
    expect([refunded['S']?.balance.amount, refunded['R']]).toEqual(['900.00', null]);
    const many = await walletsTold(async () => {
      for (let count = 0; count < 5; count += 1) await buy('S');
    });
    expect(many['S']?.balance.amount).toBe('847.50');
  });

  test('that changed is told to its station, as it is, and no other’s: twenty random effects', async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let round = 0; round < 20; round += 1) {
      const was = await wallets();
      const effect = [
        () => buy('R'),
        () => buy('S', 'local'),
        () => buy('B'),
        () => buy('A'),
        () => topUp('HQ', w.stations.B, '5.00'),
        () => topUp('A', w.stations.S, '3.00'),
      ][random(6)];
      const told = await walletsTold(async () => effect?.());
      const is = await wallets();
      for (const name of STATIONS) {
        const changed = JSON.stringify(is[name]) !== JSON.stringify(was[name]);
        expect([round, name, changed && told[name] === null]).toEqual([round, name, false]);
        expect([round, name, told[name] ?? is[name]]).toEqual([round, name, is[name]]);
      }
    }
  }, 60_000);

  test('is told no more once the permission is gone', async () => {
    const place = await placeOf(fresh.db, w.networkId);
    await buy('R');
    await placeOf(fresh.db, w.networkId);
    const permissions = new Set([...permissionsOfRole.OWNER].filter((each) => each !== 'WALLET_READ'));
    const change = (context: Context) => {
      context.viewer = { ...w.viewer('R'), permissions };
    };
    const { told, errors } = await toldAfter(fresh.db, w.viewer('R'), { document: WALLET, subscription: 'walletChanged', place, change });
    expect([told, errors]).toEqual([[], [{ code: 'FORBIDDEN', permission: 'WALLET_READ' }]]);
  });
});

describe('an alert', () => {
  test('is told to its own station alone, each one, and again from a cursor', async () => {
    const place = await placeOf(fresh.db, w.networkId);
    for (const name of ['R', 'S'] as const)
      await setWalletThreshold(fresh.db, w.viewer(name), { amount: '9999.00', expectedVersion: null });
    await relayOnce(fresh.db);
    await raiseAlerts(fresh.db);
    await placeOf(fresh.db, w.networkId);
    const document =
      'subscription ($after: Cursor) { alertRaised(after: $after) { cursor alert { kind advice available { amount } threshold { amount } sku { name } } } }';
    const told = async (name: Name) =>
      (
        await toldAfter<{ alert: { kind: string; threshold: { amount: string } } }>(fresh.db, w.viewer(name), {
          document,
          subscription: 'alertRaised',
          place,
        })
      ).told;
    for (const name of ['R', 'S'] as const)
      expect(await told(name)).toMatchObject([{ alert: { kind: 'WALLET_LOW', threshold: { amount: '9999.00' }, sku: null } }]);
    for (const name of ['HQ', 'A', 'B'] as const) expect([name, await told(name)]).toEqual([name, []]);
  });

  test('is resolved through the contract by those who may, and edits know their version', async () => {
    const list = await ask(
      fresh.db,
      w.viewer('R', 'VIEWER'),
      '{ alerts(open: true) { totalCount edges { node { id kind } } } walletThreshold { version amount { amount } } }',
    );
    const { alerts, walletThreshold } = list.data as {
      alerts: { totalCount: number; edges: { node: { id: string } }[] };
      walletThreshold: unknown;
    };
    expect([alerts.totalCount, JSON.parse(JSON.stringify(walletThreshold))]).toEqual([1, { version: 1, amount: { amount: '9999.00' } }]);
    const resolve =
      'mutation ($input: ResolveAlertInput!) { resolveAlert(input: $input) { __typename ... on AlertResolved { alert { resolvedAt endedAt } } } }';
    const input = { alertId: alerts.edges[0]?.node.id };
    expect((await ask(fresh.db, w.viewer('R', 'VIEWER'), resolve, { input })).errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      permission: 'ALERTS_MANAGE',
    });
    expect((await ask(fresh.db, w.viewer('S'), resolve, { input })).data).toEqual({ resolveAlert: { __typename: 'NotFound' } });
    expect((await ask(fresh.db, w.viewer('R', 'OPERATOR'), resolve, { input })).data).toMatchObject({
      resolveAlert: { __typename: 'AlertResolved', alert: { endedAt: null } },
    });
    const stale =
      'mutation { setWalletThreshold(input: { amount: "5.00", expectedVersion: 9 }) { __typename ... on StaleVersion { current { ... on AlertThreshold { version } } } } }';
    expect((await ask(fresh.db, w.viewer('R'), stale)).data).toEqual({
      setWalletThreshold: { __typename: 'StaleVersion', current: { version: 1 } },
    });
    const stock = `mutation ($id: ID!) { setStockThreshold(input: { skuId: $id, count: 5 }) { __typename ... on StockThresholdSet { threshold { count sku { name stockThreshold { version } } } } } }`;
    expect((await ask(fresh.db, w.viewer('A'), stock, { id: globalId('Sku', w.skus.local) })).data).toEqual({
      setStockThreshold: {
        __typename: 'StockThresholdSet',
        threshold: { count: 5, sku: { name: 'local', stockThreshold: { version: 1 } } },
      },
    });
    expect(
      (await ask(fresh.db, w.viewer('R'), `{ node(id: "${globalId('Sku', w.skus.local)}") { ... on Sku { stockThreshold { count } } } }`))
        .data,
    ).toEqual({ node: { stockThreshold: null } });
  });
});

describe('the pulse', () => {
  type Tick = { at: string; station: { name: string }; gmvToday: { amount: string }; orderCountToday: number; ordersPerSecond: number };
  const PULSE = 'subscription { networkPulse { at station { name } gmvToday { amount } orderCountToday ordersPerSecond } }';

  const open = async (name: Name) =>
    (await subscribe({
      schema,
      document: parse(PULSE),
      contextValue: contextOf(fresh.db, w.viewer(name), source),
    })) as AsyncGenerator<ExecutionResult>;

  /** Reads ticks until one says so many orders. */
  async function until(stream: AsyncGenerator<ExecutionResult>, orderCount: number): Promise<Tick> {
    for (;;) {
      const { value } = (await stream.next()) as { value: ExecutionResult };
      if (value.errors) throw value.errors[0];
      const tick = (value.data as { networkPulse: Tick }).networkPulse;
      if (tick.orderCountToday >= orderCount) return tick;
    }
  }

  test('is each station’s own subtree: the roll-up’s figure, and what is newer, without summing an order', async () => {
    await relayOnce(fresh.db);
    await rollUpOnce(fresh.db);
    const overview = async (name: Name) => {
      const { data } = await ask(fresh.db, w.viewer(name), '{ gmvOverview(range: TODAY) { totals { gmv { amount } orderCount } } }');
      return JSON.parse(
        JSON.stringify((data as { gmvOverview: { totals: { gmv: { amount: string }; orderCount: number } } }).gmvOverview.totals),
      ) as { gmv: { amount: string }; orderCount: number };
    };
    const before = { HQ: await overview('HQ'), A: await overview('A'), B: await overview('B') };
    const streams = { HQ: await open('HQ'), A: await open('A'), B: await open('B') };
    // a tick tells those who come what there is
    const first = await Promise.all((['HQ', 'A', 'B'] as const).map((name) => until(streams[name], 0)));
    expect(first.map(({ gmvToday }) => gmvToday.amount)).toEqual([before.HQ.gmv.amount, before.A.gmv.amount, before.B.gmv.amount]);
    // who comes later is told the same one at once, though nothing has changed
    const late = await open('A');
    expect(JSON.stringify(await until(late, 0))).toBe(JSON.stringify(first[1]));
    await late.return(undefined);
    for (let count = 0; count < 3; count += 1) await buy('R');
    await buy('B');
    await relayOnce(fresh.db);
    const ticks = await Promise.all([
      until(streams.HQ, before.HQ.orderCount + 4),
      until(streams.A, before.A.orderCount + 3),
      until(streams.B, before.B.orderCount + 1),
    ]);
    await rollUpOnce(fresh.db);
    expect(ticks.map(({ gmvToday }) => gmvToday.amount)).toEqual([
      (await overview('HQ')).gmv.amount,
      (await overview('A')).gmv.amount,
      (await overview('B')).gmv.amount,
    ]);
    expect(ticks.map(({ station, ordersPerSecond }) => [station.name, ordersPerSecond > 0])).toEqual([
      ['HQ', true],
      ['A', true],
      ['B', true],
    ]);
    await Promise.all(Object.values(streams).map((stream) => stream.return(undefined)));
  }, 30_000);
});

test('every subscription of the contract is in the one table of topics, and what it says is what is told', () => {
  expect(Object.keys(TOPICS_OF_SUBSCRIPTION).sort()).toEqual(Object.keys(schema.getSubscriptionType()?.getFields() ?? {}).sort());
  // nothing of placing an order is told as an alert, and all of a wallet's changes by an order are
  expect(TOPICS_OF_SUBSCRIPTION.alertRaised).toEqual(['alert.raised']);
  expect(TOPICS_OF_SUBSCRIPTION.walletChanged).toContain('order.delivered');
});
