import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { endNext, replenishNext } from '#server/flows/replenish-stock.ts';
import { approveReplenishment, declineReplenishment, type RuleInput, setReplenishmentRule } from '#server/flows/replenishment-decisions.ts';
import { stockPurchased } from '#server/flows/stock-purchased.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { inTransaction } from '#server/platform/database.ts';
import { money } from '#server/platform/money.ts';
import { fingerprintCardKey, lotContext, sealCardKey } from '#server/stock/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { makeOffer } from '#test/support/supply.ts';
import { testVault, world } from '#test/support/world.ts';

// 09:00 of 22 November in Shanghai
const START = new Date('2026-11-22T01:00:00Z');
const clock = controllableClock(START);
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now, poolSize: 20 });
});
afterAll(() => fresh.drop());

const network = () =>
  world(fresh.db, {
    stations: { HQ: {}, R: { parent: 'HQ' } },
    suppliers: ['S', 'T'],
    skus: { card: { basePrice: '10.00' } },
    lots: [{ sku: 'card', supplier: 'S', totalCost: '6.00', keys: 3 }],
  });
let w: Awaited<ReturnType<typeof network>>;
let cheap: { offerId: string; accountId: string };
beforeEach(async () => {
  clock.set(START);
  // rules of other tests' networks stay out of the way
  await fresh.sql('UPDATE replenishment_rule SET is_enabled = false');
  w = await network();
  cheap = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '2.00', maxQuantity: 20 });
});

const rule = (over: Partial<RuleInput> = {}): RuleInput => ({
  skuId: w.skus.card,
  isEnabled: true,
  thresholdCount: 5,
  thresholdDays: null,
  targetCount: 13,
  dailyBudget: '50.00',
  approvalLimit: '100.00',
  expectedVersion: null,
  ...over,
});
const set = (over: Partial<RuleInput> = {}) => setReplenishmentRule(fresh.db, w.viewer('HQ', 'MANAGER'), rule(over));
const rows = <Row extends Record<string, unknown>>(text: string) => fresh.sql<Row>(text, [w.networkId]);
const purchases = () =>
  rows<{
    id: string;
    state: string;
    quantity: number;
    quoted_cost: string;
    offer_id: string;
    attempt_id: string | null;
    failure: string | null;
  }>('SELECT id, state, quantity, quoted_cost, offer_id, attempt_id, failure FROM replenishment WHERE network_id = $1 ORDER BY id');
const attempts = () =>
  rows(`SELECT purpose, quantity, quoted_cost, cost_limit, state, offer_id FROM purchase_attempt WHERE network_id = $1 ORDER BY id`);
const spent = () => rows('SELECT local_date::text, spent FROM replenishment_day WHERE network_id = $1 ORDER BY local_date');
const look = () => rows('SELECT last_outcome, failure_count FROM replenishment_rule WHERE network_id = $1');
const waiting = () => rows(`SELECT data FROM alert WHERE network_id = $1 AND kind = 'REPLENISHMENT_WAITING' AND ended_at IS NULL`);
const later = (seconds: number) => clock.advance(seconds * 1000);
/** The supplier's answer, as the purchase worker writes it down. */
async function settle(state: 'SUCCEEDED' | 'REJECTED', cost: string | null = null) {
  await rows(
    `UPDATE purchase_attempt SET state = '${state}', settled_at = now(), sent_at = now(), outcome_reason = '${state === 'REJECTED' ? 'SOLD_OUT' : 'DELIVERED'}',
       delivered_quantity = CASE WHEN '${state}' = 'SUCCEEDED' THEN quantity ELSE 0 END, cost = ${cost ?? 'NULL'} WHERE network_id = $1 AND settled_at IS NULL`,
  );
}

describe('stock that is below its threshold', () => {
  test('is bought up to the target, once, within the day’s budget, and the lot of its attempt is for sale', async () => {
    expect(await set()).toMatchObject({ kind: 'RULE_SET', rule: { version: 1 } });
    expect(await replenishNext(fresh.db, 0)).toBe(true);
    expect(await attempts()).toEqual([
      { purpose: 'REPLENISHMENT', quantity: 10, quoted_cost: '20.00', cost_limit: '20.00', state: 'PLANNED', offer_id: cheap.offerId },
    ]);
    expect(await spent()).toEqual([{ local_date: '2026-11-22', spent: '20.00' }]);
    const [purchase] = await purchases();
    await stocked(purchase?.attempt_id ?? '', 10, '19.00');
    await settle('SUCCEEDED', '19.00');
    expect(await endNext(fresh.db)).toBe(true);
    expect(await purchases()).toMatchObject([{ state: 'DONE', quantity: 10, failure: null }]);
    expect(await spent()).toEqual([{ local_date: '2026-11-22', spent: '19.00' }]);
    expect(await replenishNext(fresh.db, 0)).toBe(true);
    expect(await look()).toEqual([{ last_outcome: 'ENOUGH', failure_count: 0 }]);
    expect(await rows(`SELECT count(*)::int AS count FROM card_key WHERE network_id = $1 AND state = 'AVAILABLE'`)).toEqual([
      { count: 13 },
    ]);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('is bought by one of many workers, never twice at once', async () => {
    await set();
    await Promise.all(Array.from({ length: 8 }, () => replenishNext(fresh.db, 0)));
    later(4_000);
    await Promise.all(Array.from({ length: 8 }, () => replenishNext(fresh.db, 0)));
    expect(await purchases()).toMatchObject([{ state: 'PURCHASING', quantity: 10 }]);
    expect(await look()).toEqual([{ last_outcome: 'UNDER_WAY', failure_count: 0 }]);
  });

  test('is bought for no more than the budget of the day, which the next local day renews', async () => {
    await set({ dailyBudget: '13.00', targetCount: 100 });
    await replenishNext(fresh.db, 0);
    expect(await purchases()).toMatchObject([{ quantity: 6, quoted_cost: '12.00' }]);
    await settle('SUCCEEDED', '12.00');
    await endNext(fresh.db);
    await replenishNext(fresh.db, 0);
    expect(await look()).toEqual([{ last_outcome: 'BUDGET', failure_count: 1 }]);
    expect(await waiting()).toEqual([{ data: { reason: 'BUDGET', availableCount: 3 } }]);
    // midnight in Shanghai
    clock.set(new Date('2026-11-22T16:00:00Z'));
    await replenishNext(fresh.db, 0);
    expect(await spent()).toEqual([
      { local_date: '2026-11-22', spent: '12.00' },
      { local_date: '2026-11-23', spent: '12.00' },
    ]);
  });

  test('is bought elsewhere after a failure, later and later; a person is told after the third', async () => {
    const dear = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'T', unitCost: '3.00', maxQuantity: 20 });
    await set();
    for (const wait of [0, 30, 60]) {
      later(wait);
      await replenishNext(fresh.db, 0);
      await settle('REJECTED');
      await endNext(fresh.db);
      expect(await spent()).toEqual([{ local_date: '2026-11-22', spent: '0.00' }]);
    }
    expect((await purchases()).map(({ offer_id, failure }) => [offer_id, failure])).toEqual([
      [cheap.offerId, 'SOLD_OUT'],
      [dear.offerId, 'SOLD_OUT'],
    ]);
    expect(await look()).toEqual([{ last_outcome: 'NONE', failure_count: 3 }]);
    expect(await waiting()).toEqual([{ data: { reason: 'NONE', availableCount: 3 } }]);
    expect(await replenishNext(fresh.db, 0)).toBe(false);
  });

  test('is left alone while its owner is frozen, its rule is off, or there is enough', async () => {
    await set({ thresholdCount: 3 });
    await replenishNext(fresh.db, 0);
    expect(await look()).toEqual([{ last_outcome: 'ENOUGH', failure_count: 0 }]);
    await set({ expectedVersion: 1 });
    await rows(`UPDATE station SET status = 'FROZEN' WHERE network_id = $1 AND parent_id IS NULL`);
    await replenishNext(fresh.db, 0);
    expect(await look()).toEqual([{ last_outcome: 'NOT_FOR_SALE', failure_count: 0 }]);
    await set({ expectedVersion: 2, isEnabled: false });
    later(60);
    expect(await replenishNext(fresh.db, 0)).toBe(false);
    expect(await purchases()).toEqual([]);
  });
});

describe('a purchase above the approval limit', () => {
  const planned = async () => {
    await set({ approvalLimit: '19.99' });
    await replenishNext(fresh.db, 0);
    const [purchase] = await purchases();
    if (!purchase) throw new Error('nothing was planned');
    return purchase;
  };
  test('waits for a person, who is told; it is made once it is approved, and counts then', async () => {
    const purchase = await planned();
    expect(purchase).toMatchObject({ state: 'WAITING', attempt_id: null });
    expect(await waiting()).toEqual([
      { data: { reason: 'APPROVAL', quantity: 10, quotedCost: '20.00', replenishmentId: purchase.id, availableCount: 3 } },
    ]);
    expect([await attempts(), await spent()]).toEqual([[], []]);
    const [first, second] = await Promise.all([
      approveReplenishment(fresh.db, w.viewer('HQ', 'MANAGER'), purchase.id),
      approveReplenishment(fresh.db, w.viewer('HQ', 'OWNER'), purchase.id),
    ]);
    expect([first.kind, second.kind].sort()).toEqual(['DECIDED', 'NOT_ALLOWED']);
    expect(await attempts()).toMatchObject([{ purpose: 'REPLENISHMENT', quantity: 10, quoted_cost: '20.00' }]);
    expect(await spent()).toEqual([{ local_date: '2026-11-22', spent: '20.00' }]);
    expect(await waiting()).toEqual([]);
  });

  test('still waits where the offer has become dearer, or the budget does not hold it', async () => {
    const purchase = await planned();
    await rows('UPDATE supply_offer SET unit_cost = 2.01, upstream_unit_cost = 2.01 WHERE network_id = $1');
    const approve = () => approveReplenishment(fresh.db, w.viewer('HQ'), purchase.id);
    expect(await approve()).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('dearer') });
    await rows('UPDATE supply_offer SET unit_cost = 2.00, upstream_unit_cost = 2.00 WHERE network_id = $1');
    await set({ expectedVersion: 1, approvalLimit: '19.99', dailyBudget: '19.99' });
    expect(await approve()).toMatchObject({ kind: 'NOT_ALLOWED', message: expect.stringContaining('budget') });
    expect(await purchases()).toMatchObject([{ state: 'WAITING' }]);
    expect([await attempts(), await spent()]).toEqual([[], []]);
  });

  test('that is declined is not planned anew on that day', async () => {
    const purchase = await planned();
    const declined = { replenishmentId: purchase.id, reason: 'the season is over' };
    expect(await declineReplenishment(fresh.db, w.viewer('R'), declined)).toEqual({ kind: 'NOT_FOUND' });
    expect(await declineReplenishment(fresh.db, w.viewer('HQ'), declined)).toMatchObject({ kind: 'DECIDED' });
    expect(await waiting()).toEqual([]);
    later(23 * 3600);
    expect(await replenishNext(fresh.db, 0)).toBe(false);
    later(3600);
    expect(await replenishNext(fresh.db, 0)).toBe(true);
    expect((await purchases()).map(({ state }) => state)).toEqual(['DECLINED', 'WAITING']);
  });
});

test('many rules of one budget day cannot spend more than each may, however many processes look', async () => {
  await set({ dailyBudget: '25.00', targetCount: 8 });
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(Array.from({ length: 4 }, () => replenishNext(fresh.db, 0)));
    await settle('SUCCEEDED', '10.00');
    await Promise.all(Array.from({ length: 4 }, () => endNext(fresh.db)));
    later(60);
  }
  expect(await spent()).toEqual([{ local_date: '2026-11-22', spent: '24.00' }]);
});

test('a rule is one’s own SKU’s, and an edit of another version is refused with what stands', async () => {
  expect(await setReplenishmentRule(fresh.db, w.viewer('R'), rule())).toMatchObject({ kind: 'NOT_ALLOWED' });
  await set();
  expect(await set({ expectedVersion: 7 })).toMatchObject({ kind: 'STALE_VERSION', current: { version: 1 } });
  expect(await set()).toMatchObject({ kind: 'STALE_VERSION', current: { version: 1 } });
  expect(await set({ expectedVersion: 1, targetCount: 4 })).toMatchObject({ kind: 'INVALID_INPUT', field: 'targetCount' });
});

async function stocked(attemptId: string, count: number, cost: string) {
  const lotId = fresh.db.newId();
  const wrapped = testVault.createDataKey(lotContext(w.networkId, lotId));
  const keys = Array.from({ length: count }, (_, index) => {
    const [id, plain] = [fresh.db.newId(), { number: null, secret: `${lotId}-${index}` }];
    const place = { wrapped, networkId: w.networkId, lotId, skuId: w.skus.card, keyId: id };
    return { id, sealed: sealCardKey(testVault, place, plain), fingerprint: fingerprintCardKey(testVault, w.networkId, plain) };
  });
  const purchase = {
    attemptId,
    offerId: cheap.offerId,
    skuId: w.skus.card,
    ownerId: w.hq,
    supplierId: w.suppliers.S,
    terms: 'CONSIGNMENT' as const,
    cost: money(cost, 'CNY'),
    goods: { kind: 'CARD_KEY' as const, lot: { id: lotId, ...wrapped, expiresOn: null }, keys },
    actorId: null,
  };
  await inTransaction(fresh.db, (tx) => stockPurchased(tx, w.networkId, [purchase]));
}
