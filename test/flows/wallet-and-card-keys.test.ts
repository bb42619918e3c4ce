import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { placeOrders } from '#server/flows/place-orders.ts';
import { revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { type TopUp, topUpWallet } from '#server/flows/top-up-wallet.ts';
import { type Withdrawal, withdrawCardKeys } from '#server/flows/withdraw-card-keys.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { money } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const network = () =>
  world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', wallet: '100.00' },
      B: { parent: 'A' },
      R: { parent: 'B', wallet: '50.00' },
      Q: { parent: 'HQ' },
    },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' }, other: { basePrice: '1.00', owner: 'Q' } },
    lots: [
      { sku: 'card', terms: 'OWN', totalCost: '3.00', keys: ['own-1', 'own-2', 'own-3'], expiresOn: '2099-01-01' },
      { sku: 'card', supplier: 'S', totalCost: '2.00', keys: ['consigned-1', 'consigned-2'] },
    ],
  });
type Network = Awaited<ReturnType<typeof network>>;
let w: Network;
beforeEach(async () => {
  w = await network();
});
const clean = async () => expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
const rows = <Row extends Record<string, unknown>>(text: string) => fresh.sql<Row>(text, [w.networkId]);
const wallets = async () =>
  Object.fromEntries(
    (
      await rows<{ name: string; balance: string }>(
        `SELECT coalesce(s.name, a.kind::text) AS name, a.balance FROM account a LEFT JOIN station s ON s.network_id = a.network_id AND s.id = a.station_id WHERE a.network_id = $1 AND a.kind IN ('WALLET', 'CASH')`,
      )
    ).map(({ name, balance }) => [name, balance]),
  );

let number = 0;
const topUp = (stationId: string, over: Partial<TopUp> = {}): TopUp => ({
  requestKey: `top-up-${++number}`,
  stationId,
  amount: '10.00',
  note: null,
  ...over,
});

describe('a top-up', () => {
  test('by headquarters’ finance is money from outside, for any station of the network', async () => {
    expect(await topUpWallet(fresh.db, w.viewer('HQ', 'FINANCE'), topUp(w.stations.R, { note: 'bank transfer 17' }))).toEqual({
      kind: 'WALLET_TOPPED_UP',
      stationId: w.stations.R,
      amount: money('10.00', 'CNY'),
      replayed: false,
    });
    expect(await wallets()).toEqual({ A: '100.00', R: '60.00', CASH: '-160.00' });
    expect(await rows(`SELECT note FROM transfer WHERE network_id = $1 AND note <> ''`)).toEqual([{ note: 'bank transfer 17' }]);
    await clean();
  });

  test('by a parent comes out of its own wallet', async () => {
    expect(await topUpWallet(fresh.db, w.viewer('A'), topUp(w.stations.B, { amount: '99.99' }))).toMatchObject({
      kind: 'WALLET_TOPPED_UP',
    });
    expect(await wallets()).toEqual({ A: '0.01', B: '99.99', R: '50.00', CASH: '-150.00' });
    expect(await topUpWallet(fresh.db, w.viewer('A'), topUp(w.stations.B))).toEqual({
      kind: 'INSUFFICIENT_BALANCE',
      required: money('10', 'CNY'),
      available: money('0.01', 'CNY'),
    });
    expect(await rows(`SELECT topic, subject_id, audience FROM outbox_event WHERE network_id = $1 ORDER BY id`)).toEqual([
      { topic: 'wallet.changed', subject_id: w.stations.B, audience: [w.stations.B] },
      { topic: 'wallet.changed', subject_id: w.stations.A, audience: [w.stations.A] },
    ]);
    await clean();
  });

  test('is its parent’s or headquarters’ affair, and nobody else’s', async () => {
    const by = (station: 'A' | 'B' | 'Q', target: string) => topUpWallet(fresh.db, w.viewer(station), topUp(target));
    expect(await by('A', w.stations.R)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await by('A', w.stations.A)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await by('B', w.stations.A)).toEqual({ kind: 'NOT_FOUND' });
    expect(await by('Q', w.stations.R)).toEqual({ kind: 'NOT_FOUND' });
    const stranger = await world(fresh.db, { stations: { HQ: {} } });
    expect(await topUpWallet(fresh.db, stranger.viewer('HQ'), topUp(w.stations.R))).toEqual({ kind: 'NOT_FOUND' });
    await expect(topUpWallet(fresh.db, w.viewer('HQ', 'MANAGER'), topUp(w.stations.R))).rejects.toThrow('WALLET_TOP_UP');
  });

  test('is not paid by a frozen station or below one, and not to a closed one; a frozen one may be paid', async () => {
    await rows(`UPDATE station SET status = 'FROZEN' WHERE network_id = $1 AND name = 'A'`);
    expect(await topUpWallet(fresh.db, w.viewer('A'), topUp(w.stations.B))).toEqual({ kind: 'STATION_FROZEN' });
    expect(await topUpWallet(fresh.db, w.viewer('B'), topUp(w.stations.R))).toEqual({ kind: 'STATION_FROZEN' });
    expect(await topUpWallet(fresh.db, w.viewer('HQ'), topUp(w.stations.A))).toMatchObject({ kind: 'WALLET_TOPPED_UP' });
    await rows(`UPDATE station SET status = 'CLOSED' WHERE network_id = $1 AND name = 'Q'`);
    expect(await topUpWallet(fresh.db, w.viewer('HQ'), topUp(w.stations.Q))).toMatchObject({ kind: 'NOT_ALLOWED' });
  });

  test.each([
    ['amount', { amount: '0.00' }],
    ['amount', { amount: '-1.00' }],
    ['amount', { amount: '1.005' }],
    ['amount', { amount: '1e3' }],
    ['note', { note: 'x'.repeat(501) }],
    ['requestKey', { requestKey: '' }],
  ])('of nonsense in %s is refused: %j', async (field, over) => {
    expect(await topUpWallet(fresh.db, w.viewer('HQ'), topUp(w.stations.R, over))).toMatchObject({ kind: 'INVALID_INPUT', field });
  });

  test('is one, however often its request is sent; its refusal is not kept', async () => {
    const input = topUp(w.stations.B, { amount: '100.01' });
    expect(await topUpWallet(fresh.db, w.viewer('A'), input)).toMatchObject({ kind: 'INSUFFICIENT_BALANCE' });
    await topUpWallet(fresh.db, w.viewer('HQ'), topUp(w.stations.A));
    expect(await topUpWallet(fresh.db, w.viewer('A'), input)).toMatchObject({ kind: 'WALLET_TOPPED_UP', replayed: false });
    expect(await topUpWallet(fresh.db, w.viewer('A'), { ...input, amount: '100.0100' })).toMatchObject({
      kind: 'WALLET_TOPPED_UP',
      replayed: true,
    });
    expect(await topUpWallet(fresh.db, w.viewer('A'), { ...input, note: 'more' })).toEqual({ kind: 'REQUEST_KEY_REUSED' });
    expect((await wallets())['B']).toBe('100.01');
  });
});

const withdrawal = (over: Partial<Withdrawal> = {}): Withdrawal => ({
  requestKey: `take-${++number}`,
  skuId: w.skus.card,
  quantity: 2,
  reason: 'gifts',
  ...over,
});

describe('an owner takes keys out of its own stock', () => {
  test('and reads them, again and again with the same request; the books do not move', async () => {
    const input = withdrawal();
    const taken = await withdrawCardKeys(fresh.db, testVault, w.viewer('HQ', 'MANAGER'), input);
    expect(taken).toMatchObject({
      kind: 'CARD_KEYS_WITHDRAWN',
      skuId: w.skus.card,
      replayed: false,
      cardKeys: [{ number: null, secret: 'own-1' }, { secret: 'own-2' }],
    });
    expect(await withdrawCardKeys(fresh.db, testVault, w.viewer('HQ', 'MANAGER'), input)).toEqual({ ...taken, replayed: true });
    expect(await withdrawCardKeys(fresh.db, testVault, w.viewer('HQ'), { ...input, quantity: 1 })).toEqual({ kind: 'REQUEST_KEY_REUSED' });
    expect(
      await rows(
        `SELECT action, data ->> 'reason' AS reason, jsonb_array_length(data -> 'cardKeyIds') AS count FROM audit_entry WHERE network_id = $1`,
      ),
    ).toEqual([{ action: 'card_keys.withdrawn', reason: 'gifts', count: 2 }]);
    expect(await rows(`SELECT state::text, count(*)::int FROM card_key WHERE network_id = $1 GROUP BY state ORDER BY state`)).toEqual([
      { state: 'AVAILABLE', count: 3 },
      { state: 'WITHDRAWN', count: 2 },
    ]);
    await clean();
  });

  test('but not consigned ones: they are the supplier’s until they are sold', async () => {
    expect(await withdrawCardKeys(fresh.db, testVault, w.viewer('HQ'), withdrawal({ quantity: 4 }))).toEqual({
      kind: 'OUT_OF_STOCK',
      availableCount: 3,
    });
    expect(await rows(`SELECT FROM card_key WHERE network_id = $1 AND state = 'WITHDRAWN'`)).toEqual([]);
  });

  test('and nobody else does', async () => {
    expect(await withdrawCardKeys(fresh.db, testVault, w.viewer('A'), withdrawal())).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await withdrawCardKeys(fresh.db, testVault, w.viewer('A'), withdrawal({ skuId: w.skus.other }))).toEqual({ kind: 'NOT_FOUND' });
    await expect(withdrawCardKeys(fresh.db, testVault, w.viewer('HQ', 'OPERATOR'), withdrawal())).rejects.toThrow('STOCK_WITHDRAW');
  });

  test.each([
    ['quantity', { quantity: 0 }],
    ['quantity', { quantity: 5_001 }],
    ['reason', { reason: '' }],
  ])('with a sensible %s: %j is refused', async (field, over) => {
    expect(await withdrawCardKeys(fresh.db, testVault, w.viewer('HQ'), withdrawal(over))).toMatchObject({ kind: 'INVALID_INPUT', field });
  });
});

describe('card keys of an order', () => {
  async function bought(): Promise<string> {
    const [placed] = await placeOrders(fresh.db, [
      {
        viewer: w.viewer('R'),
        channel: 'API',
        requestKey: 'buy',
        skuId: w.skus.card,
        quantity: 2,
        maxTotal: '20',
        externalRef: null,
        groupId: null,
      },
    ]);
    if (placed?.kind !== 'ORDER_PLACED') throw new Error(placed?.kind);
    return placed.orderId;
  }

  test('are read by the buyer’s people, in the order of delivery; every look is audited, the first one is remembered', async () => {
    const orderId = await bought();
    const viewer = w.viewer('R', 'OPERATOR');
    const shown = await revealCardKeys(fresh.db, testVault, viewer, [orderId, orderId]);
    if (shown.kind !== 'CARD_KEYS_REVEALED') throw new Error(shown.kind);
    expect(shown.cardKeys.get(orderId)?.map(({ secret }) => secret)).toEqual(['own-1', 'own-2']);
    expect(await revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId])).toEqual(shown);
    const userId = viewer.actor.kind === 'USER' ? viewer.actor.userId : '';
    expect(await rows(`SELECT DISTINCT revealed_by FROM card_key_sale WHERE network_id = $1`)).toEqual([{ revealed_by: userId }]);
    expect(await rows(`SELECT action, subject_id, station_id FROM audit_entry WHERE network_id = $1 ORDER BY id`)).toEqual(
      Array.from({ length: 2 }, () => ({ action: 'card_keys.revealed', subject_id: orderId, station_id: w.stations.R })),
    );
  });

  test('are read by nobody else: not by those above, not by the owner, not by strangers', async () => {
    const orderId = await bought();
    for (const station of ['B', 'A', 'HQ', 'Q'] as const) {
      expect(await revealCardKeys(fresh.db, testVault, w.viewer(station), [orderId])).toEqual({ kind: 'NOT_FOUND' });
    }
    await expect(revealCardKeys(fresh.db, testVault, w.viewer('R', 'FINANCE'), [orderId])).rejects.toThrow('CARD_KEYS_REVEAL');
    await expect(revealCardKeys(fresh.db, testVault, w.viewer('S'), [orderId])).rejects.toThrow('supplier');
    expect(await rows(`SELECT FROM card_key_sale WHERE network_id = $1 AND revealed_at IS NOT NULL`)).toEqual([]);
  });

  test('of 251 orders at once are not read, nor those of a list in which one is another’s', async () => {
    const orderId = await bought();
    const many = Array.from({ length: 251 }, () => fresh.db.newId());
    expect(await revealCardKeys(fresh.db, testVault, w.viewer('R'), many)).toMatchObject({ kind: 'INVALID_INPUT', field: 'orderIds' });
    expect(await revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId, fresh.db.newId()])).toEqual({ kind: 'NOT_FOUND' });
    expect(await rows(`SELECT FROM audit_entry WHERE network_id = $1`)).toEqual([]);
  });

  test('do not open in another row: a sealed text that was moved is refused', async () => {
    const orderId = await bought();
    await rows(
      `UPDATE card_key k SET sealed = (SELECT o.sealed FROM card_key o WHERE o.network_id = $1 AND o.state = 'AVAILABLE' AND o.lot_id = k.lot_id) WHERE k.network_id = $1 AND k.state = 'SOLD'`,
    );
    await expect(revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId])).rejects.toThrow();
  });
});
