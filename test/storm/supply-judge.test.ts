import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controllableClock } from '#server/platform/clock.ts';
import { APOLOGY, type SimulatedPurchase } from '#test/simulators/shop.ts';
import { type Simulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { offerKasushou, orderCards, purchaseGround, runnerOf, sourcedWorld, startKasushou, workOffFor } from '#test/support/purchases.ts';
import { readSupplyBooks } from './supply-books.ts';
import { type BookedAttempt, judgeSupply, type MustBeZero, type SupplyBooks } from './supply-judge.ts';

// The judge of the storm of supply (`npm run storm:supply`) is given books in which each of the things that must not be is so.

const BOUGHT: BookedAttempt = {
  id: 'attempt 1',
  account_id: 'shop 1',
  request_key: 'key1',
  line_id: 'line 1',
  order_state: 'DELIVERED',
  state: 'SUCCEEDED',
  cost: '92.00',
  discrepancy: null,
  attention_reason: null,
  outcome_reason: 'DELIVERED',
};
const SOLD: SimulatedPurchase = {
  requestKey: 'key1',
  ref: 'SHOP1',
  goodsId: '1001',
  quantity: 2,
  costCents: 9_200,
  keys: ['AAAA-0001', 'AAAA-0002'],
  fault: null,
  input: {},
  callbackUrl: null,
  readyAt: 0,
  isRefunded: false,
};
const HELD = SOLD.keys.map((secret) => ({ attemptId: BOUGHT.id, secret }));
/** One order of two cards that was bought once and delivered. */
const HONEST: SupplyBooks = {
  orders: { DELIVERED: 1 },
  attempts: [BOUGHT],
  keys: HELD,
  purchases: [{ accountId: 'shop 1', purchase: SOLD }],
  breaches: [],
  deliverMilliseconds: [900],
  stuck: [],
};
const NOTHING: Record<MustBeZero, number> = {
  'double purchases': 0,
  'double deliveries': 0,
  'keys of another order delivered': 0,
  'lost money, cents': 0,
  'purchases nobody made': 0,
  'undetected lies': 0,
  'failed orders that were charged': 0,
  'neither settled nor in the queue': 0,
  'breaches found by the audit': 0,
};

const judged = (books: Partial<SupplyBooks>) => judgeSupply({ ...HONEST, ...books }).mustBeZero;
const soldAs = (over: Partial<SimulatedPurchase>, accountId = 'shop 1') => ({ accountId, purchase: { ...SOLD, ...over } });
const lied = (over: Partial<SimulatedPurchase>, discrepancy: string | null = null): Partial<SupplyBooks> => {
  const purchase = { ...SOLD, ...over };
  return {
    attempts: [{ ...BOUGHT, discrepancy, cost: (purchase.costCents / 100).toFixed(2) }],
    purchases: [{ accountId: 'shop 1', purchase }],
    keys: purchase.keys.map((secret) => ({ attemptId: BOUGHT.id, secret })),
  };
};
/** A second try for the same line, at another shop. */
const AGAIN = { ...BOUGHT, id: 'attempt 2', account_id: 'shop 2', request_key: 'key2' };

describe('the judge finds nothing', () => {
  it('where both sides’ books say the same', () => expect(judged({})).toEqual(NOTHING));

  it('where a lie carries the mark that fits it', () => {
    expect(judged(lied({ fault: 'wrong-count', keys: ['AAAA-0001'] }, 'SHORT'))).toEqual(NOTHING);
    expect(judged(lied({ fault: 'wrong-count', keys: ['AAAA-0001', 'AAAA-0002', 'AAAA-0003'] }, 'TOO_MANY+DEARER'))).toEqual(NOTHING);
    expect(judged(lied({ fault: 'wrong-price', costCents: 13_800 }, 'DEARER'))).toEqual(NOTHING);
  });

  it('where an apology waits for a person: what was taken for it is in the queue', () => {
    const waiting = { ...BOUGHT, state: 'UNKNOWN', cost: null, attention_reason: 'WRONG_GOODS', order_state: 'NEEDS_ATTENTION' };
    expect(
      judged({
        orders: { NEEDS_ATTENTION: 1 },
        attempts: [waiting],
        keys: [],
        purchases: [soldAs({ fault: 'apology', keys: [APOLOGY] })],
      }),
    ).toEqual(NOTHING);
  });

  it('where keys were told twice and the other purchase is with a person', () => {
    const other = { ...AGAIN, line_id: 'line 2', state: 'UNKNOWN', cost: null, attention_reason: 'DUPLICATE_KEYS' };
    const rightful = soldAs({ requestKey: 'key2' }, 'shop 2');
    const books = lied({ fault: 'other-keys' });
    expect(judged({ ...books, attempts: [...(books.attempts ?? []), other], purchases: [...(books.purchases ?? []), rightful] })).toEqual(
      NOTHING,
    );
  });
});

/** Of each thing that must not be: books in which it is so, and all that the judge has to find in them. */
const FALSIFIED: Record<MustBeZero, readonly (readonly [of: string, books: Partial<SupplyBooks>, found: Partial<typeof NOTHING>])[]> = {
  'double purchases': [
    [
      'a purchase that was not heard of counts as refused, and another shop is asked',
      {
        attempts: [{ ...BOUGHT, state: 'REJECTED', cost: null, outcome_reason: 'TIMEOUT' }, AGAIN],
        keys: HELD.map((key) => ({ ...key, attemptId: AGAIN.id })),
        purchases: [soldAs({ keys: ['BBBB-0001', 'BBBB-0002'], fault: 'timeout-after-success' }), soldAs({ requestKey: 'key2' }, 'shop 2')],
      },
      { 'double purchases': 1, 'lost money, cents': 9_200 },
    ],
    [
      'a shop charges twice for one request',
      { purchases: [soldAs({}), soldAs({ ref: 'SHOP2' })] },
      { 'double purchases': 1, 'lost money, cents': 9_200 },
    ],
  ],
  'double deliveries': [['two buyers hold one key', { keys: [...HELD, ...HELD.slice(0, 1)] }, { 'double deliveries': 1 }]],
  'keys of another order delivered': [
    [
      'the keys of two orders are mixed up',
      {
        orders: { DELIVERED: 2 },
        attempts: [BOUGHT, { ...AGAIN, line_id: 'line 2' }],
        purchases: [soldAs({}), soldAs({ requestKey: 'key2', keys: ['BBBB-0001', 'BBBB-0002'] }, 'shop 2')],
        keys: ['BBBB-0001', 'AAAA-0002'].map((secret) => ({ attemptId: BOUGHT.id, secret })),
      },
      { 'keys of another order delivered': 1 },
    ],
    [
      'keys come from nowhere',
      { keys: [...HELD, { attemptId: BOUGHT.id, secret: 'CCCC-0001' }] },
      { 'keys of another order delivered': 1 },
    ],
  ],
  'lost money, cents': [
    ['a shop took more than was written down', { purchases: [soldAs({ costCents: 9_201 })] }, { 'lost money, cents': 1 }],
    ['a shop gave the money back, and it was paid', { purchases: [soldAs({ isRefunded: true })] }, { 'lost money, cents': 9_200 }],
  ],
  'purchases nobody made': [
    [
      'a shop sold what nobody here asked for',
      { purchases: [soldAs({}), soldAs({ requestKey: 'stranger' })] },
      { 'purchases nobody made': 1 },
    ],
  ],
  'undetected lies': [
    ['an apology is delivered as a card key', lied({ fault: 'apology', keys: [APOLOGY] }), { 'undetected lies': 1 }],
    ['an apology is delivered and counts as too few', lied({ fault: 'apology', keys: [APOLOGY] }, 'SHORT'), { 'undetected lies': 1 }],
    ['too few pass for all', lied({ fault: 'wrong-count', keys: ['AAAA-0001'] }), { 'undetected lies': 1 }],
    ['too few, marked as too dear', lied({ fault: 'wrong-count', keys: ['AAAA-0001'] }, 'DEARER'), { 'undetected lies': 1 }],
    ['a dearer price is paid', lied({ fault: 'wrong-price', costCents: 13_800 }), { 'undetected lies': 1 }],
    ['another order’s keys are delivered, and nobody doubts them', lied({ fault: 'other-keys' }), { 'undetected lies': 1 }],
  ],
  'failed orders that were charged': [
    [
      'an order fails while the shop keeps the money',
      {
        orders: { FAILED: 1 },
        attempts: [{ ...BOUGHT, state: 'REJECTED', cost: null, order_state: 'FAILED' }],
        keys: [],
      },
      { 'failed orders that were charged': 1, 'lost money, cents': 9_200 },
    ],
  ],
  'neither settled nor in the queue': [
    ['orders wait for ever', { orders: { DELIVERED: 1, SOURCING: 2, HELD: 1 } }, { 'neither settled nor in the queue': 3 }],
  ],
  'breaches found by the audit': [
    ['the ledger does not add up', { breaches: ['1 transfer t: sum is not 0'] }, { 'breaches found by the audit': 1 }],
  ],
};

describe.each(Object.entries(FALSIFIED))('the judge finds %s', (name, cases) => {
  it.each(cases)('where %s', (_, books, found) => {
    expect(found).toHaveProperty([name]);
    expect(judged(books)).toEqual({ ...NOTHING, ...found });
  });
});

describe('books of a real shop and a real database', () => {
  const clock = controllableClock(new Date());
  let fresh: FreshDatabase;
  let shop: Simulator;
  beforeAll(async () => {
    fresh = await freshDatabase({ clock: clock.now });
    shop = await startKasushou('JUDG');
  });
  afterAll(async () => {
    await shop.close();
    await fresh.drop();
  });

  it('are read from both sides: the judge finds nothing, and every falsehood that is put into them', async () => {
    const w = await sourcedWorld(fresh.db);
    const { accountId } = await offerKasushou(fresh.db, w, shop, { supplier: 'S', unitCost: '46.00' });
    await orderCards(fresh.db, w, [2, 1]);
    await workOffFor(runnerOf(purchaseGround(fresh.db)), clock, 10);
    const read = () => readSupplyBooks({ db: fresh.db, world: w, upstreams: [{ accountId, kind: 'KASUSHOU_V2', simulator: shop }] });
    const books = await read();
    expect(books).toMatchObject({ orders: { DELIVERED: 2 }, attempts: { length: 2 }, keys: { length: 3 }, purchases: { length: 2 } });
    expect(judgeSupply(books).mustBeZero).toEqual(NOTHING);
    // a superuser's hand: nothing of the program can do this
    await fresh.sql("UPDATE purchase_attempt SET cost = cost + 1, discrepancy = 'DEARER' WHERE quantity = 1");
    await fresh.sql("UPDATE orders SET state = 'FAILED' WHERE quantity = 2");
    await fresh.sql("UPDATE account SET balance = balance + 5 WHERE kind = 'CASH'");
    const falsified = judgeSupply(await read()).mustBeZero;
    expect(falsified).toMatchObject({ 'lost money, cents': 100, 'failed orders that were charged': 1, 'double purchases': 0 });
    expect(falsified['breaches found by the audit']).toBeGreaterThan(0);
  });
});
