import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeStation, freezeStation } from '#server/flows/freeze-station.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { decideWaitingRefund, refundOrder } from '#server/flows/refund-order.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 12 });
});
afterAll(() => fresh.drop());

type Name = 'HQ' | 'A' | 'R' | 'P' | 'C';
type Tree = World<Name, 'steam', 'S'>;
const network = (): Promise<Tree> =>
  world(fresh.db, {
    stations: {
      HQ: {},
      A: { parent: 'HQ', kind: 'SUBSTATION' },
      R: { parent: 'A' },
      P: { parent: 'A', wallet: '100.00' },
      C: { parent: 'HQ', kind: 'SUBSTATION' },
    },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10.00' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '80.00', keys: 10 }],
  });

const version = async (w: Tree, station: Name) =>
  Number(
    (await fresh.sql('SELECT version FROM station WHERE network_id = $1 AND id = $2', [w.networkId, w.stations[station]]))[0]?.['version'],
  );
const change = async (w: Tree, station: Name) => ({
  stationId: w.stations[station],
  expectedVersion: await version(w, station),
  reason: '停业清退',
});
const freeze = async (w: Tree, by: Name, station: Name) => freezeStation(fresh.db, w.viewer(by), await change(w, station));
const close = async (w: Tree, by: Name, station: Name) => closeStation(fresh.db, w.viewer(by), await change(w, station));
let number = 0;
const topUp = (w: Tree, station: Name, amount: string) => {
  number += 1;
  return topUpWallet(fresh.db, w.viewer('HQ'), { requestKey: `top-up ${number}`, stationId: w.stations[station], amount, note: null });
};
const place = async (w: Tree, by: Name) => {
  number += 1;
  const request = { requestKey: `order ${number}`, skuId: w.skus.steam, quantity: 1, maxTotal: '10.00', externalRef: null, groupId: null };
  return (await placeOrders(fresh.db, [{ viewer: w.viewer(by), channel: 'API', ...request }]))[0];
};
const order = async (w: Tree, by: Name) => (await place(w, by))?.kind;
/** An order that took all the money that its buyer R had; R is frozen. */
const bought = async (w: Tree): Promise<string> => {
  await topUp(w, 'R', '10.00');
  const placed = await place(w, 'R');
  if (placed?.kind !== 'ORDER_PLACED') throw new Error('not placed');
  await freeze(w, 'A', 'R');
  return placed.orderId;
};
const refund = (w: Tree, by: Name, orderId: string) => {
  number += 1;
  const whole = { amount: null, cardKeyIds: null, bearer: null, reason: '不能用' };
  return refundOrder(fresh.db, w.viewer(by), { requestKey: `refund ${number}`, orderId, ...whole });
};
const decide = (w: Tree, refundId: string, approve: boolean) => {
  number += 1;
  const decision = { requestKey: `decision ${number}`, refundId, approve, bearer: null, reason: null };
  return decideWaitingRefund(fresh.db, w.viewer('HQ'), decision);
};
const walletOf = async (w: Tree, station: Name) =>
  (
    await fresh.sql("SELECT balance FROM account WHERE network_id = $1 AND station_id = $2 AND kind = 'WALLET'", [
      w.networkId,
      w.stations[station],
    ])
  )[0]?.['balance'];

describe('closing a station', () => {
  test('is the end: of a frozen one, by who could unfreeze it, audited and told to its line', async () => {
    const w = await network();
    expect(await close(w, 'A', 'R')).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('Freeze the station first') });
    await freeze(w, 'HQ', 'R');
    expect(await close(w, 'A', 'R')).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('further up') });
    expect((await close(w, 'C', 'R')).kind).toBe('NOT_FOUND');
    expect((await close(w, 'R', 'R')).kind).toBe('NOT_ALLOWED');
    expect(await close(w, 'HQ', 'R')).toMatchObject({ kind: 'STATION_CLOSED', station: { status: 'CLOSED' } });
    expect(await close(w, 'HQ', 'R')).toMatchObject({ kind: 'NOT_ALLOWED', message: 'The station is closed already.' });
    expect((await freeze(w, 'HQ', 'R')).kind).toBe('NOT_ALLOWED');
    expect((await topUp(w, 'R', '5.00')).kind).toBe('NOT_ALLOWED');
    expect(await order(w, 'R')).toBe('STATION_FROZEN');
    const told = await fresh.sql(`SELECT audience FROM outbox_event WHERE subject_id = $1 AND topic = 'station.closed'`, [w.stations.R]);
    expect(told).toEqual([{ audience: [w.hq, w.stations.A, w.stations.R] }]);
    const audited = await fresh.sql(`SELECT data FROM audit_entry WHERE subject_id = $1 AND action = 'station.closed'`, [w.stations.R]);
    expect(audited).toEqual([{ data: { reason: '停业清退' } }]);
  });

  test('waits for what ties it to the trade, and says what', async () => {
    const w = await network();
    const refusal = async (by: Name, station: Name) => {
      const outcome = await close(w, by, station);
      return outcome.kind === 'NOT_ALLOWED' ? outcome.message : outcome.kind;
    };
    await freeze(w, 'HQ', 'A');
    expect(await refusal('HQ', 'A')).toBe('Close or move the stations below it first.');
    await freeze(w, 'A', 'R');
    expect((await close(w, 'A', 'R')).kind).toBe('STATION_CLOSED');
    await freeze(w, 'A', 'P');
    expect(await refusal('A', 'P')).toBe('There is money, or credit, on its accounts: they are settled first.');
    await fresh.sql('UPDATE sku SET owner_id = $2 WHERE network_id = $1', [w.networkId, w.stations.C]);
    await freeze(w, 'HQ', 'C');
    expect(await refusal('HQ', 'C')).toBe('It has goods for sale or card keys on the shelf: retire and withdraw them first.');
    await fresh.sql(`UPDATE sku SET listing_state = 'RETIRED' WHERE network_id = $1`, [w.networkId]);
    expect(await refusal('HQ', 'C')).toBe('It has goods for sale or card keys on the shelf: retire and withdraw them first.');
    await fresh.sql(`UPDATE card_key SET state = 'VOID' WHERE network_id = $1`, [w.networkId]);
    expect((await close(w, 'HQ', 'C')).kind).toBe('STATION_CLOSED');
  });

  test('waits for refunds of its orders that wait; afterwards nothing is paid into a wallet that nobody can reach', async () => {
    const w = await network();
    const orderId = await bought(w);
    const asked = await refund(w, 'A', orderId);
    if (asked.kind !== 'REFUND_REQUESTED') throw new Error(asked.kind);
    expect(await close(w, 'A', 'R')).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('waits to be decided') });
    expect((await decide(w, asked.refundId, false)).kind).toBe('REFUND_DECLINED');
    expect((await close(w, 'A', 'R')).kind).toBe('STATION_CLOSED');
    const refused = { kind: 'NOT_ALLOWED', message: 'The buyer is closed for ever: nothing is paid into its wallet any more.' };
    expect(await refund(w, 'HQ', orderId)).toEqual(refused);
    expect(await refund(w, 'A', orderId)).toEqual(refused);
    expect(await fresh.sql('SELECT state::text FROM refund WHERE network_id = $1', [w.networkId])).toEqual([{ state: 'DECLINED' }]);
    expect(await walletOf(w, 'R')).toBe('0.00');
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('that was closed while a refund waited, as it once could be: the refund is declined, and never paid', async () => {
    const w = await network();
    const asked = await refund(w, 'A', await bought(w));
    if (asked.kind !== 'REFUND_REQUESTED') throw new Error(asked.kind);
    await fresh.sql("UPDATE station SET status = 'CLOSED', frozen_by = NULL WHERE network_id = $1 AND id = $2", [
      w.networkId,
      w.stations.R,
    ]);
    expect((await decide(w, asked.refundId, true)).kind).toBe('NOT_ALLOWED');
    expect((await decide(w, asked.refundId, false)).kind).toBe('REFUND_DECLINED');
    expect(await walletOf(w, 'R')).toBe('0.00');
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('and a refund at the same time: one of the two', async () => {
    for (let round = 0; round < 6; round += 1) {
      const w = await network();
      const orderId = await bought(w);
      const both = await Promise.all([close(w, 'A', 'R'), refund(w, 'HQ', orderId)]);
      const outcome = [...both.map(({ kind }) => kind), await walletOf(w, 'R')];
      expect([
        ['STATION_CLOSED', 'NOT_ALLOWED', '0.00'],
        ['NOT_ALLOWED', 'ORDER_REFUNDED', '10.00'],
      ]).toContainEqual(outcome);
      expect(await auditLedger(fresh.db.pool)).toEqual([]);
    }
  });

  test('and money that comes at the same time: one of the two, never money on a closed station', async () => {
    for (let round = 0; round < 6; round += 1) {
      const w = await network();
      await freeze(w, 'A', 'R');
      const both = await Promise.all([close(w, 'A', 'R'), topUp(w, 'R', '5.00')]);
      const kinds = both.map(({ kind }) => kind);
      expect([
        ['STATION_CLOSED', 'NOT_ALLOWED'],
        ['NOT_ALLOWED', 'WALLET_TOPPED_UP'],
      ]).toContainEqual(kinds);
      expect(await auditLedger(fresh.db.pool)).toEqual([]);
    }
  });
});
