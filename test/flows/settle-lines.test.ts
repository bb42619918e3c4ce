import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openOrderInputs, sealOrderInput } from '#server/flows/order-input.ts';
import { type PlaceOrderOutcome, type PlaceOrderRequest, placeOrders } from '#server/flows/place-orders.ts';
import { revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { beginSourcing, type LineOutcome, type LineSettlement, settleLines } from '#server/flows/settle-lines.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { inTransaction } from '#server/platform/database.ts';
import { money } from '#server/platform/money.ts';
import { fingerprintCardKey, lotContext, sealCardKey } from '#server/stock/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { makeOffer, makeSku, openSupplyAccount } from '#test/support/supply.ts';
import { testVault, type World, world } from '#test/support/world.ts';

const clock = controllableClock(new Date('2026-03-01T20:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
});
afterAll(() => fresh.drop());

/** The worked example of the domain, HQ → A → B → R, but Steam cards are bought from S for 46.00 when they are ordered. */
async function example(over: { unitCost?: string; costGuard?: 'HIDE' | 'ALLOW_LOSS'; terms?: 'CONSIGNMENT' | 'OWN' } = {}) {
  const w = await world(fresh.db, {
    stations: {
      HQ: { costGuard: over.costGuard ?? 'HIDE' },
      A: { parent: 'HQ' },
      B: { parent: 'A' },
      R: { parent: 'B', wallet: '1000.00' },
    },
    suppliers: ['S', 'T'],
    skus: {
      steam: { basePrice: '47.50', maxQuantity: 100 },
      shelf: { basePrice: '10.00' },
      phone: { basePrice: '47.50' },
      pack: { basePrice: '47.50' },
      empty: { basePrice: '47.50' },
    },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'B', kind: 'FIXED', value: '0.30' },
      { by: 'B', child: 'R', kind: 'PERCENT', value: '2' },
    ],
    plans: [{ sku: 'steam', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
    lots: [{ sku: 'shelf', supplier: 'T', totalCost: '12.00', keys: 6 }],
  });
  await makeSku(fresh.db, w, 'steam', { deliveryKind: 'SOURCED' });
  const offer = await makeOffer(fresh.db, w, { sku: 'steam', supplier: 'S', unitCost: over.unitCost ?? '46.00', terms: over.terms });
  return { ...w, offer };
}
type Example = Awaited<ReturnType<typeof example>>;

let keyNumber = 0;
async function place(w: Example, over: Partial<PlaceOrderRequest> = {}): Promise<PlaceOrderOutcome | undefined> {
  keyNumber += 1;
  const request: PlaceOrderRequest = {
    viewer: w.viewer('R'),
    channel: 'API',
    requestKey: `key-${keyNumber}`,
    skuId: w.skus.steam,
    quantity: 3,
    maxTotal: '147.72',
    externalRef: null,
    groupId: null,
    ...over,
  };
  return (await placeOrders(fresh.db, [request]))[0];
}

async function held(w: Example, over: Partial<PlaceOrderRequest> = {}) {
  const outcome = await place(w, over);
  if (outcome?.kind !== 'ORDER_PLACED') throw new Error(`not placed: ${outcome?.kind}`);
  return outcome.orderId;
}

type AttemptRow = {
  id: string;
  line_id: string;
  sku_id: string;
  supplier_id: string;
  terms: 'CONSIGNMENT' | 'OWN';
  cost_limit: string | null;
};
const attemptsOf = (orderId: string) =>
  fresh.sql<AttemptRow>(
    'SELECT id, line_id, sku_id, supplier_id, terms::text, cost_limit FROM purchase_attempt WHERE order_id = $1 ORDER BY id',
    [orderId],
  );

const keysOf = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);

/** What a purchase brought, sealed as the worker seals it. */
function delivery(w: Example, attempt: AttemptRow, brought: { cost: string; keys?: readonly string[]; topUp?: number }): LineSettlement {
  const lotId = fresh.db.newId();
  const wrapped = testVault.createDataKey(lotContext(w.networkId, lotId));
  const keys = (brought.keys ?? []).map((secret) => {
    const [id, key] = [fresh.db.newId(), { number: null, secret }];
    const place = { wrapped, networkId: w.networkId, lotId, skuId: attempt.sku_id, keyId: id };
    return { id, sealed: sealCardKey(testVault, place, key), fingerprint: fingerprintCardKey(testVault, w.networkId, key) };
  });
  return {
    kind: 'DELIVER',
    lineId: attempt.line_id,
    attemptId: attempt.id,
    supplierId: attempt.supplier_id,
    terms: attempt.terms,
    cost: money(brought.cost, 'CNY'),
    goods:
      brought.topUp === undefined
        ? { kind: 'CARD_KEY', lot: { id: lotId, ...wrapped, expiresOn: null }, keys }
        : { kind: 'TOP_UP', deliveredQuantity: brought.topUp },
    actorId: null,
  };
}

/** Settles lines as the worker does: the attempts are marked in the same transaction. */
function settle(w: Example, settlements: readonly LineSettlement[]): Promise<LineOutcome[]> {
  return inTransaction(fresh.db, async (tx) => {
    const outcomes = await settleLines(tx, w.networkId, settlements);
    for (const [index, settlement] of settlements.entries()) {
      if (outcomes[index]?.kind !== 'SETTLED') continue;
      if (settlement.kind === 'DELIVER')
        await mark(
          w,
          tx,
          settlement.lineId,
          'SUCCEEDED',
          settlement.goods.kind === 'TOP_UP' ? settlement.goods.deliveredQuantity : settlement.goods.keys.length,
          '138.00',
        );
      if (settlement.kind === 'FAIL') await mark(w, tx, settlement.lineId, 'REJECTED', 0, null);
    }
    return outcomes;
  });
}

async function mark(
  w: Example,
  tx: Parameters<Parameters<typeof inTransaction>[1]>[0],
  lineId: string,
  state: string,
  count: number,
  cost: string | null,
) {
  await tx.query({
    text: `UPDATE purchase_attempt SET state = $3, sent_at = $4, settled_at = $4, due_at = NULL, delivered_quantity = $5, cost = $6
           WHERE network_id = $1 AND line_id = $2 AND state IN ('PLANNED', 'SENT', 'UNKNOWN')`,
    values: [w.networkId, lineId, state, tx.now, count, cost],
  });
}

const balances = async (w: World) =>
  Object.fromEntries(
    (
      await fresh.sql<{ account: string; balance: string }>(
        `SELECT coalesce(s.name, p.name, 'network') || ' ' || a.kind AS account, a.balance FROM account a
         LEFT JOIN station s ON s.network_id = a.network_id AND s.id = a.station_id LEFT JOIN supplier p ON p.network_id = a.network_id AND p.id = a.supplier_id
         WHERE a.network_id = $1 AND a.balance <> 0 ORDER BY 1`,
        [w.networkId],
      )
    ).map(({ account, balance }) => [account, balance]),
  );
const orderRow = async (id: string) =>
  (
    await fresh.sql('SELECT state::text, failure_reason, cost, commission_pool, refunded_total, due_on::text FROM orders WHERE id = $1', [
      id,
    ])
  )[0];
const clean = async () => expect(await auditLedger(fresh.db.pool)).toEqual([]);

describe('an order of what has to be bought', () => {
  test('holds the buyer’s money and plans the purchase before anything is sent', async () => {
    const w = await example();
    const orderId = await held(w);
    expect(await balances(w)).toEqual({ 'R WALLET': '852.28', 'R HELD': '147.72', 'network CASH': '-1000.00' });
    expect(await orderRow(orderId)).toMatchObject({ state: 'HELD', cost: '0.00', refunded_total: '0.00' });
    const [attempt] = await fresh.sql('SELECT * FROM purchase_attempt WHERE order_id = $1', [orderId]);
    // it may cost as much as headquarters is paid for it, T(1)
    expect(attempt).toMatchObject({
      state: 'PLANNED',
      attempt_number: 1,
      quantity: 3,
      quoted_cost: '138.00',
      cost_limit: '143.93',
      sent_at: null,
    });
    expect(attempt?.['request_key']).toMatch(/^[a-z][a-z0-9]{18}$/);
    await clean();
  });

  test('is told SOURCING while it is bought, and settles everybody to the cent like one from stock when it is delivered', async () => {
    const w = await example();
    const orderId = await held(w);
    await inTransaction(fresh.db, (tx) => beginSourcing(tx, w.networkId, [orderId]));
    expect(await orderRow(orderId)).toMatchObject({ state: 'SOURCING' });
    const [attempt] = await attemptsOf(orderId);
    if (!attempt) throw new Error('no attempt');
    expect(await settle(w, [delivery(w, attempt, { cost: '138.00', keys: keysOf('a', 3) })])).toEqual([
      { kind: 'SETTLED', surplusCount: 0, isShort: false },
    ]);
    expect(await balances(w)).toEqual({
      'A EARNINGS_PENDING': '1.34',
      'B EARNINGS_PENDING': '3.63',
      'HQ EARNINGS_PENDING': '4.75',
      'R WALLET': '852.28',
      'S PAYABLE_PENDING': '138.00',
      'network CASH': '-1000.00',
    });
    expect(await orderRow(orderId)).toEqual({
      state: 'DELIVERED',
      failure_reason: null,
      cost: '138.00',
      commission_pool: '1.48',
      refunded_total: '0.00',
      due_on: '2026-03-09',
    });
    const revealed = await revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId]);
    expect(revealed.kind === 'CARD_KEYS_REVEALED' && revealed.cardKeys.get(orderId)?.map(({ secret }) => secret)).toEqual(keysOf('a', 3));
    const topics = await fresh.sql<{ topic: string }>('SELECT topic FROM outbox_event WHERE subject_id = $1 ORDER BY id', [orderId]);
    expect(topics.map(({ topic }) => topic)).toEqual(['order.held', 'order.sourcing', 'order.delivered']);
    await clean();
  });

  test('that costs less leaves the difference with the owner; what was paid for before is a memo', async () => {
    const cheaper = await example();
    const [attempt] = await attemptsOf(await held(cheaper));
    await settle(cheaper, attempt ? [delivery(cheaper, attempt, { cost: '135.00', keys: keysOf('b', 3) })] : []);
    expect(await balances(cheaper)).toMatchObject({ 'HQ EARNINGS_PENDING': '7.75', 'S PAYABLE_PENDING': '135.00' });
    const prepaid = await example({ terms: 'OWN' });
    const [own] = await attemptsOf(await held(prepaid));
    await settle(prepaid, own ? [delivery(prepaid, own, { cost: '138.00', keys: keysOf('c', 3) })] : []);
    const after = await balances(prepaid);
    expect(after).toMatchObject({ 'HQ EARNINGS_PENDING': '142.75' });
    expect(after).not.toHaveProperty('S PAYABLE_PENDING');
    await clean();
  });

  test('that fails gives everything back and leaves nobody else changed', async () => {
    const w = await example();
    const orderId = await held(w);
    const [attempt] = await attemptsOf(orderId);
    await settle(w, [{ kind: 'FAIL', lineId: attempt?.line_id ?? '', reason: 'OUT_OF_STOCK' }]);
    expect(await balances(w)).toEqual({ 'R WALLET': '1000.00', 'network CASH': '-1000.00' });
    expect(await orderRow(orderId)).toMatchObject({ state: 'FAILED', failure_reason: 'OUT_OF_STOCK', cost: '0.00' });
    await clean();
  });

  test('that comes short keeps what came and refunds the rest in the same breath', async () => {
    const w = await example();
    const orderId = await held(w);
    const [attempt] = await attemptsOf(orderId);
    const outcome = await settle(w, attempt ? [delivery(w, attempt, { cost: '92.00', keys: keysOf('d', 2) })] : []);
    expect(outcome).toEqual([{ kind: 'SETTLED', surplusCount: 0, isShort: true }]);
    // a third of 147.72 is 49.24; of every margin and commission a third is taken back, headquarters bears the rest
    expect(await orderRow(orderId)).toMatchObject({ state: 'PARTLY_REFUNDED', refunded_total: '49.24', cost: '92.00' });
    expect(await balances(w)).toEqual({
      'A EARNINGS_PENDING': '0.89',
      'B EARNINGS_PENDING': '2.42',
      'HQ EARNINGS_PENDING': '3.17',
      'R WALLET': '901.52',
      'S PAYABLE_PENDING': '92.00',
      'network CASH': '-1000.00',
    });
    const revealed = await revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId]);
    expect(revealed.kind === 'CARD_KEYS_REVEALED' && revealed.cardKeys.get(orderId)?.length).toBe(2);
    await clean();
  });

  test('takes what came beyond it into stock, for nothing', async () => {
    const w = await example();
    const [attempt] = await attemptsOf(await held(w));
    const outcome = await settle(w, attempt ? [delivery(w, attempt, { cost: '138.00', keys: keysOf('e', 4) })] : []);
    expect(outcome).toEqual([{ kind: 'SETTLED', surplusCount: 1, isShort: false }]);
    expect(
      await fresh.sql(
        'SELECT state::text, cost, count(*)::int FROM card_key WHERE network_id = $1 AND sku_id = $2 GROUP BY 1, 2 ORDER BY 1 DESC',
        [w.networkId, w.skus.steam],
      ),
    ).toEqual(
      [
        { state: 'AVAILABLE', cost: '0.00', count: 1 },
        { state: 'SOLD', cost: '46.00', count: 3 },
      ].sort((a, b) => (a.state < b.state ? 1 : -1)),
    );
    await clean();
  });

  test('is never delivered another order’s keys, nor the same ones twice in a list', async () => {
    const w = await example();
    const [first] = await attemptsOf(await held(w));
    const secondId = await held(w);
    const [second] = await attemptsOf(secondId);
    const [third] = await attemptsOf(await held(w));
    if (!first || !second || !third) throw new Error('no attempts');
    await settle(w, [delivery(w, first, { cost: '138.00', keys: keysOf('f', 3) })]);
    const before = await balances(w);
    expect(await settle(w, [delivery(w, second, { cost: '138.00', keys: ['g-1', 'f-2', 'g-3'] })])).toEqual([
      { kind: 'DUPLICATE_KEYS', count: 1 },
    ]);
    expect(await settle(w, [delivery(w, second, { cost: '138.00', keys: ['g-1', 'g-1', 'g-3'] })])).toEqual([
      { kind: 'DUPLICATE_KEYS', count: 1 },
    ]);
    expect(await balances(w)).toEqual(before);
    const outcomes = await settle(w, [
      delivery(w, second, { cost: '138.00', keys: ['h-1', 'h-2', 'h-3'] }),
      delivery(w, third, { cost: '138.00', keys: ['h-3', 'h-4', 'h-5'] }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['SETTLED', 'DUPLICATE_KEYS']);
    await clean();
  });

  test('may not cost more than headquarters is paid for it, unless it bears the loss', async () => {
    const w = await example();
    const orderId = await held(w);
    const [attempt] = await attemptsOf(orderId);
    if (!attempt) throw new Error('no attempt');
    expect(await settle(w, [delivery(w, attempt, { cost: '143.94', keys: keysOf('i', 3) })])).toEqual([
      { kind: 'TOO_DEAR', limit: money('143.93', 'CNY') },
    ]);
    expect(await orderRow(orderId)).toMatchObject({ state: 'HELD' });
    const generous = await example({ costGuard: 'ALLOW_LOSS', unitCost: '50.00' });
    const [loss] = await attemptsOf(await held(generous));
    expect(loss?.cost_limit).toBeNull();
    await settle(generous, loss ? [delivery(generous, loss, { cost: '150.00', keys: keysOf('j', 3) })] : []);
    expect(await balances(generous)).toMatchObject({ 'HQ WALLET': '-6.07', 'S PAYABLE_PENDING': '150.00', 'B EARNINGS_PENDING': '2.89' });
    await clean();
  });

  test('is settled once, however many say so at once', async () => {
    const w = await example();
    const [attempt] = await attemptsOf(await held(w));
    if (!attempt) throw new Error('no attempt');
    const outcomes = await Promise.all(
      ['k', 'l', 'm'].map((name) => settle(w, [delivery(w, attempt, { cost: '138.00', keys: keysOf(name, 3) })])),
    );
    expect(
      outcomes
        .flat()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['NOT_WAITING', 'NOT_WAITING', 'SETTLED']);
    expect((await settle(w, [{ kind: 'FAIL', lineId: attempt.line_id, reason: 'LATE' }]))[0]?.kind).toBe('NOT_WAITING');
    await clean();
  });

  test('waits for a person and goes on when one has decided', async () => {
    const w = await example();
    const orderId = await held(w);
    const [attempt] = await attemptsOf(orderId);
    const lineId = attempt?.line_id ?? '';
    await settle(w, [{ kind: 'ATTENTION', lineId, reason: 'GOODS_LOST' }]);
    expect(await orderRow(orderId)).toMatchObject({ state: 'NEEDS_ATTENTION', failure_reason: 'GOODS_LOST' });
    await settle(w, [{ kind: 'RESUME', lineId, reason: '' }]);
    expect(await orderRow(orderId)).toMatchObject({ state: 'SOURCING', failure_reason: null });
    await clean();
  });

  test('is asked for once under its request key, like any other', async () => {
    const w = await example();
    const requestKey = randomUUID();
    const orderId = await held(w, { requestKey });
    expect(await place(w, { requestKey })).toMatchObject({ kind: 'ORDER_PLACED', orderId, replayed: true });
    expect(await place(w, { requestKey, quantity: 2 })).toEqual({ kind: 'REQUEST_KEY_REUSED' });
    expect(await attemptsOf(orderId)).toHaveLength(1);
  });

  test('shows nothing of its stock while it waits, and is refused without a trace where no offer can fill it', async () => {
    const w = await example({ unitCost: '47.98' });
    // 143.94 for three: a cent above T(1), which is not the buyer’s to know
    expect(await place(w)).toEqual({ kind: 'NOT_SELLABLE', reason: 'UNAVAILABLE' });
    await fresh.sql('UPDATE supply_offer SET is_enabled = false WHERE network_id = $1', [w.networkId]);
    expect(await place(w)).toEqual({ kind: 'OUT_OF_STOCK', availableCount: 0 });
    expect(await balances(w)).toEqual({ 'R WALLET': '1000.00', 'network CASH': '-1000.00' });
  });

  test('plans no more in one list than an offer’s cap of the day allows', async () => {
    const w = await example();
    await fresh.sql('UPDATE supply_offer SET daily_cap = 5 WHERE network_id = $1', [w.networkId]);
    const request = {
      viewer: w.viewer('R'),
      channel: 'API',
      skuId: w.skus.steam,
      quantity: 3,
      maxTotal: '147.72',
      externalRef: null,
      groupId: null,
    } as const;
    const outcomes = await placeOrders(fresh.db, [
      { ...request, requestKey: randomUUID() },
      { ...request, requestKey: randomUUID() },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['ORDER_PLACED', 'OUT_OF_STOCK']);
  });
});

describe('a direct top-up', () => {
  const inputFields = [{ name: 'phone', label: '手机号', kind: 'PHONE', isRequired: true }];

  test('checks what was typed before any money moves, keeps it sealed, and is delivered without card keys', async () => {
    const w = await example();
    await makeSku(fresh.db, w, 'phone', { deliveryKind: 'SOURCED', goodsKind: 'TOP_UP', inputFields });
    await makeOffer(fresh.db, w, { sku: 'phone', supplier: 'S', unitCost: '46.00' });
    const typed = (requestKey: string, phone: string) => ({
      requestKey,
      skuId: w.skus.phone,
      quantity: 1,
      input: sealOrderInput(testVault, { networkId: w.networkId, buyerId: w.stations.R, requestKey }, { phone }),
    });
    expect(await place(w, { skuId: w.skus.phone, quantity: 1 })).toMatchObject({ kind: 'INVALID_INPUT', field: 'input.phone' });
    expect(await place(w, typed('short', '1380000'))).toMatchObject({ kind: 'INVALID_INPUT', field: 'input.phone' });
    expect(await balances(w)).toEqual({ 'R WALLET': '1000.00', 'network CASH': '-1000.00' });
    const orderId = await held(w, typed('right', '13800138000'));
    expect(await place(w, typed('right', '13800138000'))).toMatchObject({ kind: 'ORDER_PLACED', orderId, replayed: true });
    expect(await place(w, typed('right', '13800138001'))).toEqual({ kind: 'REQUEST_KEY_REUSED' });
    const [row] = await fresh.sql<{ input_fields: Buffer }>('SELECT input_fields FROM orders WHERE id = $1', [orderId]);
    expect(row?.input_fields.includes('13800138000')).toBe(false);
    expect((await openOrderInputs(fresh.db.pool, testVault, w.networkId, [orderId])).get(orderId)).toEqual({ phone: '13800138000' });
    const [attempt] = await attemptsOf(orderId);
    await settle(w, attempt ? [delivery(w, attempt, { cost: '46.00', topUp: 1 })] : []);
    expect(await orderRow(orderId)).toMatchObject({ state: 'DELIVERED', cost: '46.00' });
    expect(await balances(w)).toMatchObject({ 'S PAYABLE_PENDING': '46.00' });
    await clean();
  });
});

describe('a bundle', () => {
  /** One Steam card that is bought and two cards from the shelf; three quarters of the price stand for the Steam card. */
  async function packed() {
    const w = await example();
    const components = { shelf: { quantity: 2, weight: 1 }, steam: { quantity: 1, weight: 3 } };
    await makeSku(fresh.db, w, 'pack', { deliveryKind: 'BUNDLE', components });
    await makeSku(fresh.db, w, 'empty', { deliveryKind: 'BUNDLE', components: { shelf: { quantity: 2, weight: 1 } } });
    await fresh.sql('UPDATE sku SET base_price = 60 WHERE id = $1', [w.skus.pack]);
    return w;
  }
  const pack = (w: Example) => ({ skuId: w.skus.pack, quantity: 2, maxTotal: '1000.00' });

  test('takes its keys from the shelf when it is ordered, shows them when the rest is there, and splits its cost by supplier', async () => {
    const w = await packed();
    const orderId = await held(w, pack(w));
    expect(await orderRow(orderId)).toMatchObject({ state: 'HELD' });
    expect(
      await fresh.sql("SELECT count(*)::int FROM card_key WHERE network_id = $1 AND sku_id = $2 AND state = 'SOLD'", [
        w.networkId,
        w.skus.shelf,
      ]),
    ).toEqual([{ count: 4 }]);
    const early = await revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId]);
    expect(early.kind === 'CARD_KEYS_REVEALED' && (early.cardKeys.get(orderId) ?? [])).toEqual([]);
    const [attempt] = await attemptsOf(orderId);
    // T(1) is 121.20; the shelf's four cards cost 8.00
    expect(attempt?.cost_limit).toBe('113.20');
    await settle(w, attempt ? [delivery(w, attempt, { cost: '92.00', keys: keysOf('n', 2) })] : []);
    expect(await orderRow(orderId)).toMatchObject({ state: 'DELIVERED', cost: '100.00' });
    expect(await balances(w)).toMatchObject({ 'S PAYABLE_PENDING': '92.00', 'T PAYABLE_PENDING': '8.00', 'HQ EARNINGS_PENDING': '21.20' });
    const revealed = await revealCardKeys(fresh.db, testVault, w.viewer('R'), [orderId]);
    expect(revealed.kind === 'CARD_KEYS_REVEALED' && revealed.cardKeys.get(orderId)?.map(({ secret }) => secret)).toEqual([
      'shelf-1-1',
      'shelf-1-2',
      'shelf-1-3',
      'shelf-1-4',
      'n-1',
      'n-2',
    ]);
    await clean();
  });

  test('delivers what it has and refunds the allotted part of a line that cannot be filled', async () => {
    const w = await packed();
    const orderId = await held(w, pack(w));
    const [total] = await fresh.sql<{ total: string }>('SELECT total FROM orders WHERE id = $1', [orderId]);
    expect(total?.total).toBe('124.24');
    const [attempt] = await attemptsOf(orderId);
    await settle(w, [{ kind: 'FAIL', lineId: attempt?.line_id ?? '', reason: 'OUT_OF_STOCK' }]);
    // three quarters of 124.24
    expect(await orderRow(orderId)).toMatchObject({ state: 'PARTLY_REFUNDED', refunded_total: '93.18', cost: '8.00' });
    expect(await balances(w)).toMatchObject({ 'R WALLET': '968.94', 'T PAYABLE_PENDING': '8.00' });
    await clean();
  });

  test('of nothing but stock is delivered at once, and is sold out with its scarcest part', async () => {
    const w = await packed();
    const bought = { skuId: w.skus.empty, maxTotal: '1000.00' };
    expect(await place(w, { ...bought, quantity: 4 })).toEqual({ kind: 'OUT_OF_STOCK', availableCount: 3 });
    const orderId = await held(w, { ...bought, quantity: 3 });
    expect(await orderRow(orderId)).toMatchObject({ state: 'DELIVERED', cost: '12.00' });
    expect(await place(w, { ...bought, quantity: 1 })).toEqual({ kind: 'OUT_OF_STOCK', availableCount: 0 });
    await clean();
  });

  test('is not for sale while a part of it is not', async () => {
    const w = await packed();
    await fresh.sql("UPDATE sku SET listing_state = 'PAUSED' WHERE id = $1", [w.skus.shelf]);
    expect(await place(w, pack(w))).toEqual({ kind: 'NOT_SELLABLE', reason: 'UNAVAILABLE' });
  });
});

test('an order whose offers are of one account plans its purchase there', async () => {
  const w = await example();
  const accountId = await openSupplyAccount(fresh.db, w, 'T');
  await makeOffer(fresh.db, w, { sku: 'steam', supplier: 'T', unitCost: '45.00', accountId });
  const orderId = await held(w);
  expect(await fresh.sql('SELECT account_id, quoted_cost FROM purchase_attempt WHERE order_id = $1', [orderId])).toEqual([
    { account_id: accountId, quoted_cost: '135.00' },
  ]);
});
