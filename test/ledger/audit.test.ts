import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { placeOrders } from '#server/flows/place-orders.ts';
import { auditLedger, invariants } from '#server/ledger/reads.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
let w: World;
let ofNothing: unknown[];
/** The owner of the database, who can take its guards down. */
let owner: pg.Client;
beforeAll(async () => {
  fresh = await freshDatabase();
  owner = new pg.Client({ connectionString: fresh.url });
  await owner.connect();
  ofNothing = await auditLedger(fresh.db.pool);
  w = await traded();
});
afterAll(async () => {
  await owner.end();
  await fresh.drop();
});

/** A network with two delivered orders. */
async function traded() {
  const made = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' }, R: { parent: 'A', wallet: '100.00' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' } },
    rules: [{ by: 'A', kind: 'FIXED', value: '1' }],
    lots: [{ sku: 'card', supplier: 'S', totalCost: '24.00', keys: 3 }],
  });
  const order = {
    viewer: made.viewer('R'),
    channel: 'API',
    skuId: made.skus.card,
    quantity: 1,
    maxTotal: '11',
    externalRef: null,
    groupId: null,
  } as const;
  await placeOrders(fresh.db, [
    { ...order, requestKey: '1' },
    { ...order, requestKey: '2' },
  ]);
  return made;
}

test('a network that trades is clean, and so is an empty database', async () => {
  expect(ofNothing).toEqual([]);
  expect(await auditLedger(fresh.db.pool)).toEqual([]);
  expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  expect(Object.values(invariants).every((sentence) => sentence.endsWith('.'))).toBe(true);
});

// each breach is made behind the guards, which are taken down for it, as nobody but the owner of the database could, and taken back
const breaches: [keyof typeof invariants, RegExp, string[]][] = [
  [
    'SUM_ZERO',
    /transfer .* sum to 0\.01/,
    [
      `UPDATE posting SET amount = amount + 0.01 WHERE reason = 'SALE' AND amount = (SELECT min(amount) FROM posting WHERE reason = 'SALE')`,
    ],
  ],
  ['SUM_ZERO', /network .* sum to 5/, [`UPDATE account SET balance = balance + 5 WHERE kind = 'CASH'`]],
  ['BALANCE_IS_SUM', /account .* its balance is -95/, [`UPDATE account SET balance = balance + 5 WHERE kind = 'CASH'`]],
  ['BALANCE_IS_SUM', /another currency/, [`UPDATE posting SET currency = 'USD' WHERE reason = 'COST'`]],
  [
    'FLOOR_HELD',
    /WALLET is at -1/,
    ['ALTER TABLE account DROP CONSTRAINT account_floor_check', `UPDATE account SET balance = -1 WHERE kind = 'WALLET' AND NOT floorless`],
  ],
  ['FLOOR_HELD', /without a floor/, [`UPDATE account SET floorless = true WHERE kind = 'WALLET'`]],
  [
    'KEY_SOLD_ONCE',
    /sold 2 times/,
    [
      'DROP INDEX card_key_sale_live_key',
      'UPDATE card_key_sale SET card_key_id = (SELECT min(card_key_id::text)::uuid FROM card_key_sale)',
    ],
  ],
  ['KEY_SOLD_ONCE', /and AVAILABLE/, [`UPDATE card_key SET state = 'AVAILABLE'`]],
  ['KEY_SOLD_ONCE', /no order has it/, [`UPDATE card_key SET state = 'SOLD'`]],
  ['KEY_SOLD_ONCE', /delivered 1 and has 0 card keys/, ['DELETE FROM card_key_sale']],
  ['KEY_SOLD_ONCE', /of 2 and its lines delivered 1/, ['UPDATE orders SET quantity = 2']],
  ['ONE_EFFECT', /had 2 effects/, ['DROP INDEX request_key_network_id_station_id_effect_key_key', `UPDATE request_key SET key = '1'`]],
  ['ONE_EFFECT', /no request key names it/, [`DELETE FROM request_key WHERE key = '1'`]],
  ['ONE_EFFECT', /does not exist/, [`UPDATE request_key SET outcome = jsonb_build_object('orderId', gen_random_uuid())`]],
  ['ONE_EFFECT', /paid by 0 transfers/, [`UPDATE transfer SET order_id = NULL WHERE kind = 'ORDER'`]],
  ['ONE_EFFECT', /its total is 12/, ['UPDATE orders SET total = 12']],
];

test.each(breaches)('a breach of %s is found and told as %s', async (invariant, detail, statements) => {
  await owner.query('BEGIN');
  try {
    for (const statement of statements) await owner.query(statement);
    const found = await auditLedger(owner);
    expect(found.map((breach) => [breach.invariant, breach.networkId, `${breach.subject}: ${breach.detail}`])).toContainEqual([
      invariant,
      w.networkId,
      expect.stringMatching(detail),
    ]);
  } finally {
    await owner.query('ROLLBACK');
  }
});
