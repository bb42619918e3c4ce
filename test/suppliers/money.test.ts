import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type MoveDepositInput, moveDeposit } from '#server/flows/move-deposit.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { refundOrder } from '#server/flows/refund-order.ts';
import { settleLines } from '#server/flows/settle-lines.ts';
import { setStanding } from '#server/flows/supplier-papers.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { inTransaction } from '#server/platform/database.ts';
import { money, toAmountString } from '#server/platform/money.ts';
import { entriesCount, entriesPage, type SupplierReader, supplierMoney } from '#server/suppliers/reads.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { makeOffer, makeSku } from '#test/support/supply.ts';
import { type World, world } from '#test/support/world.ts';

const clock = controllableClock(new Date('2026-03-01T04:00:00Z'));
const DAY = 86_400_000;
let fresh: FreshDatabase;
let w: World<'HQ' | 'A' | 'R', 'card' | 'dear' | 'phone', 'S' | 'T' | 'U'>;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  clock.set(new Date('2026-03-01T04:00:00Z'));
  w = await world(fresh.db, {
    stations: { HQ: { wallet: '50.00' }, A: { parent: 'HQ', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '1000.00' } },
    suppliers: ['S', 'T', 'U'],
    skus: { card: { basePrice: '10' }, dear: { basePrice: '100' }, phone: { basePrice: '10' } },
    lots: [
      { sku: 'card', supplier: 'S', totalCost: '80.00', keys: 10 },
      { sku: 'dear', supplier: 'T', totalCost: '900.00', keys: 10 },
    ],
  });
});

const cny = (amount: string) => money(amount, 'CNY');
let number = 0;
const move = (over: Partial<MoveDepositInput> = {}, viewer = w.viewer('HQ', 'FINANCE')) =>
  moveDeposit(fresh.db, viewer, {
    requestKey: `d-${++number}`,
    supplierId: w.suppliers.S,
    move: 'PAY_IN',
    amount: '300.00',
    reason: 'bank 17',
    ...over,
  });
const clean = async () => expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
const balances = async () => {
  const rows = await fresh.sql<{ name: string; balance: string }>(
    `SELECT coalesce(s.name, p.name, '') || ' ' || a.kind::text AS name, a.balance FROM account a
     LEFT JOIN station s ON s.network_id = a.network_id AND s.id = a.station_id LEFT JOIN supplier p ON p.network_id = a.network_id AND p.id = a.supplier_id
     WHERE a.network_id = $1 AND (a.kind IN ('DEPOSIT', 'CASH') OR s.name = 'HQ')`,
    [w.networkId],
  );
  return Object.fromEntries(rows.map(({ name, balance }) => [name.trim(), balance]));
};

describe('a deposit', () => {
  test('is paid in, deducted with a reason into headquarters’ wallet, and returned; the books stay clean', async () => {
    expect(await move()).toEqual({ kind: 'DEPOSIT_MOVED', supplierId: w.suppliers.S, amount: cny('300.00'), replayed: false });
    expect(await balances()).toEqual({ 'S DEPOSIT': '300.00', CASH: '-1350.00', 'HQ WALLET': '50.00' });
    await clean();
    expect(await move({ move: 'DEDUCT', amount: '40.5', reason: 'keys that did not work' })).toMatchObject({ kind: 'DEPOSIT_MOVED' });
    expect(await balances()).toEqual({ 'S DEPOSIT': '259.50', CASH: '-1350.00', 'HQ WALLET': '90.50' });
    await clean();
    expect(await move({ move: 'RETURN', amount: '259.50', reason: 'the end' })).toMatchObject({ kind: 'DEPOSIT_MOVED' });
    expect(await balances()).toEqual({ 'S DEPOSIT': '0.00', CASH: '-1090.50', 'HQ WALLET': '90.50' });
    await clean();
    const [audited] = await fresh.sql(
      `SELECT data - 'transferId' AS data FROM audit_entry WHERE network_id = $1 AND action = 'supplier.deposit_moved' AND data ->> 'move' = 'DEDUCT'`,
      [w.networkId],
    );
    expect(audited).toEqual({ data: { move: 'DEDUCT', reason: 'keys that did not work' } });
  });

  test('is never taken below zero, also not by two at once', async () => {
    await move();
    expect(await move({ move: 'RETURN', amount: '300.01' })).toEqual({
      kind: 'INSUFFICIENT_BALANCE',
      required: cny('300.01'),
      available: cny('300.00'),
    });
    const taken = await Promise.all(Array.from({ length: 8 }, () => move({ move: 'DEDUCT', amount: '100.00' })));
    expect(taken.map(({ kind }) => kind).sort()).toEqual([...Array(3).fill('DEPOSIT_MOVED'), ...Array(5).fill('INSUFFICIENT_BALANCE')]);
    expect((await balances())['S DEPOSIT']).toBe('0.00');
    await clean();
  });

  test('moves once for a request key', async () => {
    const twice = await Promise.all([move({ requestKey: 'same' }), move({ requestKey: 'same' })]);
    expect(twice.map((outcome) => (outcome.kind === 'DEPOSIT_MOVED' ? `replayed: ${outcome.replayed}` : outcome.kind)).sort()).toEqual([
      'replayed: false',
      'replayed: true',
    ]);
    expect(await move({ requestKey: 'same', amount: '300.01' })).toEqual({ kind: 'REQUEST_KEY_REUSED' });
    expect((await balances())['S DEPOSIT']).toBe('300.00');
    await clean();
  });

  test('is moved by headquarters’ finance alone, in whole cents, for a reason, of a supplier that there is', async () => {
    expect(await move({}, w.viewer('A', 'FINANCE'))).toMatchObject({ kind: 'NOT_ALLOWED' });
    await expect(move({}, w.viewer('HQ', 'MANAGER'))).rejects.toThrow('DEPOSITS_MANAGE');
    expect(await move({ supplierId: w.hq })).toEqual({ kind: 'NOT_FOUND' });
    expect(await move({ amount: '0.00' })).toMatchObject({ field: 'amount' });
    expect(await move({ amount: '1.001' })).toMatchObject({ field: 'amount' });
    expect(await move({ reason: ' ' })).toMatchObject({ field: 'reason' });
    expect(await balances()).toEqual({ CASH: '-1050.00', 'HQ WALLET': '50.00' });
  });

  test('is settled before its supplier is closed, and so is what it has on the shelf', async () => {
    const close = (supplierId: string) =>
      setStanding(fresh.db, w.viewer('HQ'), { supplierId, expectedVersion: 1, standing: 'CLOSED', reason: 'over' });
    await move({ supplierId: w.suppliers.U });
    expect(await close(w.suppliers.U)).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('deposit') });
    await move({ supplierId: w.suppliers.U, move: 'RETURN' });
    expect(await close(w.suppliers.U)).toMatchObject({ kind: 'SUPPLIER_CHANGED' });
    expect(await move({ supplierId: w.suppliers.U })).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await close(w.suppliers.S)).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('shelf') });
    await clean();
  });
});

describe('what a supplier is owed', () => {
  const reader = (supplierId: string): SupplierReader => ({ networkId: w.networkId, party: { kind: 'SUPPLIER', supplierId } });
  const owed = async (today: string, who = reader(w.suppliers.S)) => {
    const found = (await supplierMoney(fresh.db.pool, who, { networkId: w.networkId, currency: 'CNY', today }, [w.suppliers.S])).get(
      w.suppliers.S,
    );
    if (!found) return null;
    const { pending, pastDue, payable, upcoming } = found;
    const days = Object.fromEntries(upcoming.map(({ dueOn, amount }) => [dueOn, toAmountString(amount)]));
    return { pending: toAmountString(pending), pastDue: toAmountString(pastDue), payable: toAmountString(payable), days };
  };
  async function buy(sku: 'card' | 'dear' | 'phone', quantity: number): Promise<string> {
    const order = { viewer: w.viewer('R'), channel: 'API', skuId: w.skus[sku], quantity, externalRef: null, groupId: null } as const;
    const [outcome] = await placeOrders(fresh.db, [{ ...order, requestKey: `o-${++number}`, maxTotal: '1000' }]);
    if (outcome?.kind !== 'ORDER_PLACED') throw new Error(outcome?.kind);
    return outcome.orderId;
  }

  test('stands by the day on which it falls due, and what a refund takes back is off it', async () => {
    const first = await buy('card', 3);
    clock.advance(2 * DAY);
    await buy('card', 2);
    await buy('dear', 1);
    expect(await owed('2026-03-03')).toEqual({
      pending: '40.00',
      pastDue: '0.00',
      payable: '0.00',
      days: { '2026-03-08': '24.00', '2026-03-10': '16.00' },
    });
    // the day itself is upcoming; from the next on it waits for its settlement run
    expect(await owed('2026-03-08')).toMatchObject({ pastDue: '0.00' });
    expect(await owed('2026-03-09')).toEqual({ pending: '40.00', pastDue: '24.00', payable: '0.00', days: { '2026-03-10': '16.00' } });
    const refund = {
      requestKey: 'r',
      orderId: first,
      amount: null,
      cardKeyIds: null,
      bearer: 'SUPPLIER',
      reason: 'R of 13 Canary Street says: dead',
    } as const;
    expect(await refundOrder(fresh.db, w.viewer('HQ'), refund)).toMatchObject({ kind: 'ORDER_REFUNDED' });
    expect(await owed('2026-03-09')).toEqual({ pending: '16.00', pastDue: '0.00', payable: '0.00', days: { '2026-03-10': '16.00' } });
    await clean();
  });

  test('is listed by movement without a word of buyers, and is seen by itself and headquarters alone', async () => {
    const orderId = await buy('card', 3);
    await buy('dear', 1);
    const refund = {
      requestKey: 'r',
      orderId,
      amount: null,
      cardKeyIds: null,
      bearer: 'SUPPLIER',
      reason: 'R of 13 Canary Street says: dead',
    } as const;
    await refundOrder(fresh.db, w.viewer('HQ'), refund);
    await move({ reason: 'bank 18' });
    const page = { count: 2, direction: 'FORWARD', from: null } as const;
    const { rows, hasMore } = await entriesPage(fresh.db.pool, reader(w.suppliers.S), w.suppliers.S, null, page);
    const shown = rows.map(({ account_kind, reason, amount, due_on, order_id, note }) => [
      account_kind,
      reason,
      amount,
      due_on,
      order_id,
      note,
    ]);
    expect(shown).toEqual([
      ['DEPOSIT', 'DEPOSIT', '300.00', null, null, 'bank 18'],
      ['PAYABLE_PENDING', 'REFUND', '-24.00', '2026-03-08', orderId, ''],
    ]);
    expect(hasMore).toBe(true);
    const rest = await entriesPage(fresh.db.pool, reader(w.suppliers.S), w.suppliers.S, ['PAYABLE_PENDING'], {
      ...page,
      from: rows[1]?.id ?? null,
    });
    expect(rest.rows.map(({ reason, amount }) => [reason, amount])).toEqual([['COST', '24.00']]);
    const hq: SupplierReader = { networkId: w.networkId, party: { kind: 'STATION', stationId: w.hq, isHeadquarters: true } };
    const station: SupplierReader = { networkId: w.networkId, party: { kind: 'STATION', stationId: w.stations.A, isHeadquarters: false } };
    const counts = await Promise.all(
      [hq, reader(w.suppliers.S), reader(w.suppliers.T), station].map((who) => entriesCount(fresh.db.pool, who, w.suppliers.S, null)),
    );
    expect(counts).toEqual([3, 3, 0, 0]);
    expect(await owed('2026-03-01', reader(w.suppliers.T))).toBeNull();
    expect(await owed('2026-03-01', station)).toBeNull();
  });

  test('for a purchase names it by the number that the supplier knows it by, and not by its buyer’s order alone', async () => {
    await makeSku(fresh.db, w, 'phone', { deliveryKind: 'SOURCED', goodsKind: 'TOP_UP' });
    await makeOffer(fresh.db, w, { sku: 'phone', supplier: 'U', unitCost: '8.00' });
    const orderId = await buy('phone', 2);
    const [attempt] = await fresh.sql<{ id: string; line_id: string; request_key: string }>(
      'SELECT id, line_id, request_key FROM purchase_attempt WHERE network_id = $1 AND order_id = $2',
      [w.networkId, orderId],
    );
    if (attempt === undefined) throw new Error('no purchase was planned');
    await inTransaction(fresh.db, async (tx) => {
      const bought = { attemptId: attempt.id, supplierId: w.suppliers.U, terms: 'CONSIGNMENT', cost: cny('16.00') } as const;
      const goods = { kind: 'TOP_UP', deliveredQuantity: 2 } as const;
      await settleLines(tx, w.networkId, [{ kind: 'DELIVER', lineId: attempt.line_id, ...bought, goods, actorId: null }]);
      const text = `UPDATE purchase_attempt SET state = 'SUCCEEDED', sent_at = $3, settled_at = $3, due_at = NULL, delivered_quantity = 2, cost = 16
                    WHERE network_id = $1 AND id = $2`;
      await tx.query({ text, values: [w.networkId, attempt.id, tx.now] });
    });
    const page = { count: 9, direction: 'FORWARD', from: null } as const;
    const { rows } = await entriesPage(fresh.db.pool, reader(w.suppliers.U), w.suppliers.U, null, page);
    const shown = rows.map(({ amount, order_id, attempt_ref }) => [amount, order_id, attempt_ref]);
    expect(shown).toEqual([['16.00', orderId, attempt.request_key]]);
    await clean();
  });
});
