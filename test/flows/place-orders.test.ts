import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlaceOrderRequest, placeOrders } from '#server/flows/place-orders.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { ordersByIds } from '#server/orders/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { money } from '#server/platform/money.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

const clock = controllableClock(new Date('2026-03-01T20:00:00Z'));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
});
afterAll(() => fresh.drop());

/** The worked example of the domain: HQ → A → B → R, Steam cards of 50. */
function example(
  over: { wallet?: string; keys?: number; terms?: 'CONSIGNMENT' | 'OWN'; costGuard?: 'HIDE' | 'ALLOW_LOSS'; totalCost?: string } = {},
) {
  return world(fresh.db, {
    stations: {
      HQ: { costGuard: over.costGuard ?? 'HIDE' },
      A: { parent: 'HQ' },
      B: { parent: 'A' },
      R: { parent: 'B', wallet: over.wallet ?? '1000.00' },
      Q: { parent: 'HQ' },
    },
    suppliers: ['S'],
    skus: {
      steam: { basePrice: '47.50', maxQuantity: 100 },
      other: { basePrice: '10.00', owner: 'Q' },
      paused: { basePrice: '1.00', listingState: 'PAUSED' },
    },
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'B', kind: 'FIXED', value: '0.30' },
      { by: 'B', child: 'R', kind: 'PERCENT', value: '2' },
    ],
    plans: [{ sku: 'steam', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
    lots: [
      { sku: 'steam', supplier: 'S', terms: over.terms ?? 'CONSIGNMENT', totalCost: over.totalCost ?? '230.00', keys: over.keys ?? 5 },
    ],
  });
}

type Example = Awaited<ReturnType<typeof example>>;
let keyNumber = 0;
function order(w: Example, over: Partial<PlaceOrderRequest> = {}): PlaceOrderRequest {
  keyNumber += 1;
  return {
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
}

async function placed(w: Example, over: Partial<PlaceOrderRequest> = {}): Promise<string> {
  const [outcome] = await placeOrders(fresh.db, [order(w, over)]);
  if (outcome?.kind !== 'ORDER_PLACED')
    throw new Error(`not placed: ${JSON.stringify(outcome, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`);
  return outcome.orderId;
}

const balances = (w: World) =>
  fresh.sql<{ holder: string; kind: string; balance: string }>(
    `SELECT coalesce(s.name, p.name, 'network') AS holder, a.kind::text, a.balance FROM account a
     LEFT JOIN station s ON s.network_id = a.network_id AND s.id = a.station_id LEFT JOIN supplier p ON p.network_id = a.network_id AND p.id = a.supplier_id
     WHERE a.network_id = $1 ORDER BY 1, a.kind`,
    [w.networkId],
  );
const stock = async (w: World) =>
  Object.fromEntries(
    (
      await fresh.sql<{ state: string; count: number }>(
        'SELECT state::text, count(*)::int FROM card_key WHERE network_id = $1 GROUP BY state',
        [w.networkId],
      )
    ).map(({ state, count }) => [state, count]),
  );
const cny = (amount: string) => money(amount, 'CNY');

describe('the order of the domain, three cards for R', () => {
  test('settles everybody to the cent in one transfer, and the audit is clean', async () => {
    const w = await example();
    const orderId = await placed(w);
    expect(await balances(w)).toEqual([
      { holder: 'A', kind: 'EARNINGS_PENDING', balance: '1.34' },
      { holder: 'B', kind: 'EARNINGS_PENDING', balance: '3.63' },
      { holder: 'HQ', kind: 'EARNINGS_PENDING', balance: '4.75' },
      { holder: 'R', kind: 'WALLET', balance: '852.28' },
      { holder: 'S', kind: 'PAYABLE_PENDING', balance: '138.00' },
      { holder: 'network', kind: 'CASH', balance: '-1000.00' },
    ]);
    const due = await fresh.sql(
      'SELECT DISTINCT p.due_on::text FROM posting p JOIN transfer t USING (network_id) WHERE t.order_id = $1 AND p.transfer_id = t.id',
      [orderId],
    );
    // 20:00 UTC is the next day in Shanghai, and seven days on: earnings and payables only
    expect(new Set(due.map((row) => row['due_on']))).toEqual(new Set(['2026-03-09', null]));
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('pins the whole path, the names, the policy and who placed it', async () => {
    const w = await example();
    const orderId = await placed(w, { externalRef: 'ref-1', groupId: '01990000-0000-7000-8000-000000000001' });
    const hops = await fresh.sql(
      'SELECT s.name, h.distance, h.role::text, h.paid_total, h.sold_unit_price, h.sold_total, h.margin, h.commission FROM order_hop h JOIN station s ON s.network_id = h.network_id AND s.id = h.station_id WHERE h.order_id = $1 ORDER BY distance',
      [orderId],
    );
    expect(hops).toEqual([
      {
        name: 'R',
        distance: 0,
        role: 'BUYER',
        paid_total: '147.72',
        sold_unit_price: null,
        sold_total: null,
        margin: '0.00',
        commission: '0.00',
      },
      {
        name: 'B',
        distance: 1,
        role: 'SELLER',
        paid_total: '144.83',
        sold_unit_price: '49.2405',
        sold_total: '147.72',
        margin: '2.89',
        commission: '0.74',
      },
      {
        name: 'A',
        distance: 2,
        role: 'SELLER',
        paid_total: '143.93',
        sold_unit_price: '48.2750',
        sold_total: '144.83',
        margin: '0.90',
        commission: '0.44',
      },
      {
        name: 'HQ',
        distance: 3,
        role: 'OWNER',
        paid_total: null,
        sold_unit_price: '47.9750',
        sold_total: '143.93',
        margin: '5.93',
        commission: '0.00',
      },
    ]);
    const [row] = await fresh.sql('SELECT * FROM orders WHERE id = $1', [orderId]);
    expect(row).toMatchObject({
      state: 'DELIVERED',
      total: '147.72',
      unit_price: '49.2405',
      cost: '138.00',
      commission_pool: '1.48',
      quantity: 3,
      product_name: 'steam',
      settlement_days: 7,
      external_ref: 'ref-1',
      channel: 'API',
      client_address: '192.0.2.1',
      placed_by_key_id: null,
      listing_version: 1,
      buyer_path: [w.stations.HQ, w.stations.A, w.stations.B, w.stations.R],
    });
    expect(row?.['placed_by_user_id']).not.toBeNull();
    expect(await fresh.sql('SELECT count(*)::int FROM card_key_sale WHERE order_id = $1', [orderId])).toEqual([{ count: 3 }]);
    const events = await fresh.sql('SELECT topic, subject_id, audience, data FROM outbox_event WHERE network_id = $1 ORDER BY id', [
      w.networkId,
    ]);
    expect(events).toEqual([
      {
        topic: 'order.delivered',
        subject_id: orderId,
        audience: row?.['buyer_path'],
        data: { orderId, skuId: w.skus.steam, ownerId: w.hq, total: '147.72', quantity: 3 },
      },
      { topic: 'stock.changed', subject_id: w.skus.steam, audience: [w.hq], data: { skuId: w.skus.steam } },
    ]);
    const [network] = await fresh.sql('SELECT first_order_at FROM network WHERE id = $1', [w.networkId]);
    expect(network?.['first_order_at']).toEqual(clock.now());
  });

  test('of OWN goods credits the owner with all of T(1) but the commission: the cost is a memo', async () => {
    const w = await example({ terms: 'OWN' });
    await placed(w);
    expect(await balances(w)).toContainEqual({ holder: 'HQ', kind: 'EARNINGS_PENDING', balance: '142.75' });
    expect((await balances(w)).some(({ kind }) => kind === 'PAYABLE_PENDING')).toBe(false);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('takes the keys that expire first, and none that has expired', async () => {
    const w = await example({ keys: 0, totalCost: '0' });
    const [skuId, today] = [w.skus.steam, '2026-03-02'];
    const lot = await fresh.sql<{ id: string }>('SELECT id FROM lot WHERE network_id = $1', [w.networkId]);
    const dates = ['2026-03-01', today, null, '2026-04-01'];
    for (const [index, expiresOn] of dates.entries()) {
      await fresh.sql(
        `INSERT INTO card_key (network_id, id, lot_id, sku_id, owner_id, state, sealed, fingerprint, cost, expires_on, updated_at)
         VALUES ($1, $2, $3, $4, $5, 'AVAILABLE', '', sha256(int4send($6)), 1, $7, now())`,
        [w.networkId, fresh.db.newId(), lot[0]?.id, skuId, w.hq, index, expiresOn],
      );
    }
    const orderId = await placed(w, { quantity: 2, maxTotal: '100' });
    const sold = await fresh.sql(
      'SELECT k.expires_on::text FROM card_key_sale s JOIN card_key k ON k.id = s.card_key_id WHERE s.order_id = $1 ORDER BY s.position',
      [orderId],
    );
    expect(sold).toEqual([{ expires_on: '2026-03-02' }, { expires_on: '2026-04-01' }]);
    expect(await placeOrders(fresh.db, [order(w, { quantity: 2, maxTotal: '100' })])).toEqual([
      { kind: 'OUT_OF_STOCK', availableCount: 1 },
    ]);
  });
});

describe('a refusal', () => {
  const refusals: [string, Parameters<typeof example>[0], (w: Example) => Partial<PlaceOrderRequest>, unknown][] = [
    [
      'names what is missing in the wallet',
      { wallet: '147.71' },
      () => ({}),
      { kind: 'INSUFFICIENT_BALANCE', required: cny('147.72'), available: cny('147.71') },
    ],
    ['tells how many are left', { keys: 2 }, () => ({}), { kind: 'OUT_OF_STOCK', availableCount: 2 }],
    [
      'tells the price of now',
      {},
      () => ({ maxTotal: '147.71' }),
      { kind: 'PRICE_MOVED', currentTotal: cny('147.72'), maxTotal: cny('147.71') },
    ],
    [
      'tells the range',
      {},
      () => ({ quantity: 101, maxTotal: '9999' }),
      { kind: 'QUANTITY_OUT_OF_RANGE', minQuantity: 1, maxQuantity: 100, quantityStep: 1 },
    ],
    ['of a paused SKU says that it is not listed', {}, (w) => ({ skuId: w.skus.paused }), { kind: 'NOT_SELLABLE', reason: 'NOT_LISTED' }],
    [
      'does not tell why the owner hides a SKU that costs more than it sells for',
      { totalCost: '300.00' },
      () => ({}),
      { kind: 'NOT_SELLABLE', reason: 'UNAVAILABLE' },
    ],
    ['does not say that a SKU of another line exists', {}, (w) => ({ skuId: w.skus.other }), { kind: 'NOT_FOUND' }],
    ['does not find what is nothing', {}, () => ({ skuId: 'nonsense' }), { kind: 'NOT_FOUND' }],
    [
      'of a limit finer than the currency names the field',
      {},
      () => ({ maxTotal: '147.725' }),
      { kind: 'INVALID_INPUT', field: 'maxTotal' },
    ],
    [
      'of a request key of 256 characters names the field',
      {},
      () => ({ requestKey: 'x'.repeat(256) }),
      { kind: 'INVALID_INPUT', field: 'requestKey' },
    ],
  ];
  test.each(refusals)('%s, and nothing has changed', async (_, shape, over, expected) => {
    const w = await example(shape);
    const before = [await balances(w), await stock(w)];
    expect(await placeOrders(fresh.db, [order(w, over(w))])).toMatchObject([expected as object]);
    expect([await balances(w), await stock(w)]).toEqual(before);
    expect(await fresh.sql('SELECT FROM request_key WHERE network_id = $1', [w.networkId])).toEqual([]);
  });

  test('of one order does not harm its neighbours, nor takes keys from them', async () => {
    const w = await example({ keys: 4, totalCost: '184.00', wallet: '200.00' });
    const outcomes = await placeOrders(fresh.db, [
      order(w, { quantity: 4, maxTotal: '1.00' }),
      order(w, { quantity: 3 }),
      order(w, { quantity: 2, maxTotal: '500' }),
      order(w, { quantity: 1, maxTotal: '500' }),
      order(w, { quantity: 1, maxTotal: '500' }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['PRICE_MOVED', 'ORDER_PLACED', 'OUT_OF_STOCK', 'ORDER_PLACED', 'OUT_OF_STOCK']);
    expect(await stock(w)).toEqual({ SOLD: 4 });
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('by a frozen station anywhere above the buyer', async () => {
    const w = await example();
    await fresh.sql(`UPDATE station SET status = 'FROZEN' WHERE network_id = $1 AND name = 'A'`, [w.networkId]);
    expect(await placeOrders(fresh.db, [order(w)])).toEqual([{ kind: 'STATION_FROZEN' }]);
  });

  test('for want of the right never reaches a decision', async () => {
    const w = await example();
    await expect(placeOrders(fresh.db, [order(w, { viewer: w.viewer('R', 'FINANCE') })])).rejects.toThrow('ORDERS_PLACE');
    await expect(placeOrders(fresh.db, [order(w, { viewer: w.viewer('S') })])).rejects.toThrow('supplier');
  });
});

describe('an owner that allows a loss', () => {
  test('bears it out of its wallet', async () => {
    const w = await example({ costGuard: 'ALLOW_LOSS', totalCost: '250.00' });
    await placed(w);
    // T(1) 143.93 − cost 150.00; no commission is paid out of a loss
    expect(await balances(w)).toContainEqual({ holder: 'HQ', kind: 'WALLET', balance: '-6.07' });
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });
});

test('an order that was just placed is answered as its buyer reads it later', async () => {
  const w = await example();
  const [outcome] = await placeOrders(fresh.db, [order(w, { externalRef: 'PO-7', groupId: '01990000-0000-7000-8000-000000000003' })]);
  if (outcome?.kind !== 'ORDER_PLACED') throw new Error(outcome?.kind);
  const read = await ordersByIds(fresh.db.pool, { networkId: w.networkId, stationId: w.stations.R }, [outcome.orderId]);
  // 0 and 0.00 are one amount
  const amounts = (row: object | undefined) =>
    Object.entries(row ?? {}).map(([name, value]) => [name, /^\d+(\.\d+)?$/.test(String(value)) ? Number(value) : value]);
  expect(amounts(outcome.order)).toEqual(amounts(read.get(outcome.orderId)));
  expect(outcome.order).toMatchObject({ state: 'DELIVERED', total: '147.72', role: 'BUYER', external_ref: 'PO-7' });
});

describe('a request key', () => {
  test('sent again answers with the same order, marked replayed, and nothing happens twice', async () => {
    const w = await example();
    const first = order(w, { maxTotal: '150' });
    const [one] = await placeOrders(fresh.db, [first]);
    const [two] = await placeOrders(fresh.db, [{ ...first, maxTotal: '150.00' }]);
    expect(two).toEqual({ ...one, order: undefined, replayed: true });
    expect(await stock(w)).toEqual({ SOLD: 3, AVAILABLE: 2 });
  });

  test.each([
    ['quantity', { quantity: 2 }],
    ['limit', { maxTotal: '151' }],
    ['external reference', { externalRef: 'other' }],
    ['group', { groupId: '01990000-0000-7000-8000-000000000002' }],
  ])('with another %s is refused', async (_, over) => {
    const w = await example();
    const first = order(w, { maxTotal: '150' });
    await placeOrders(fresh.db, [first]);
    expect(await placeOrders(fresh.db, [{ ...first, ...over }])).toEqual([{ kind: 'REQUEST_KEY_REUSED' }]);
  });

  test('of a refused order is not used up', async () => {
    const w = await example({ wallet: '147.71' });
    const asked = order(w);
    expect(await placeOrders(fresh.db, [asked])).toMatchObject([{ kind: 'INSUFFICIENT_BALANCE' }]);
    await fresh.sql(`UPDATE account SET credit_limit = 0.01 WHERE network_id = $1 AND kind = 'WALLET' AND station_id = $2`, [
      w.networkId,
      w.stations.R,
    ]);
    expect(await placeOrders(fresh.db, [asked])).toMatchObject([{ kind: 'ORDER_PLACED', replayed: false }]);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('twice in one list is one order', async () => {
    const w = await example();
    const asked = order(w);
    const [one, two, three] = await placeOrders(fresh.db, [asked, asked, { ...asked, quantity: 1 }]);
    expect(two).toEqual({ ...one, order: undefined, replayed: true });
    expect(three).toEqual({ kind: 'REQUEST_KEY_REUSED' });
  });

  test('is a station’s own: another station may use the same one', async () => {
    const w = await world(fresh.db, {
      stations: { HQ: {}, R: { parent: 'HQ', wallet: '10' }, T: { parent: 'HQ', wallet: '10' } },
      skus: { card: { basePrice: '1' } },
      lots: [{ sku: 'card', terms: 'OWN', totalCost: '1', keys: 2 }],
    });
    const of = (station: 'R' | 'T') => ({
      viewer: w.viewer(station),
      channel: 'API' as const,
      requestKey: 'same',
      skuId: w.skus.card,
      quantity: 1,
      maxTotal: '1',
      externalRef: 'same',
      groupId: null,
    });
    expect((await placeOrders(fresh.db, [of('R'), of('T')])).map(({ kind }) => kind)).toEqual(['ORDER_PLACED', 'ORDER_PLACED']);
  });
});

test('an external reference names one order of its station', async () => {
  const w = await example();
  await placed(w, { externalRef: 'A-17', quantity: 1 });
  expect(await placeOrders(fresh.db, [order(w, { externalRef: 'A-17', quantity: 1 })])).toMatchObject([
    { kind: 'INVALID_INPUT', field: 'externalRef' },
  ]);
  const both = await placeOrders(fresh.db, [
    order(w, { externalRef: 'A-18', quantity: 1 }),
    order(w, { externalRef: 'A-18', quantity: 1 }),
  ]);
  expect(both).toMatchObject([{ kind: 'ORDER_PLACED' }, { kind: 'INVALID_INPUT', field: 'externalRef' }]);
});
