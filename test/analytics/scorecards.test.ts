import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scorecards } from '#server/analytics/reads.ts';
import { bucketSeconds, LATENCY_BUCKETS, latencyQuantile, windowStart } from '#server/analytics/rules.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { decideWaitingRefund, refundOrder } from '#server/flows/refund-order.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rebuildNetwork, rollUpOnce } from '#server/live/roll-ups.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import { controllableClock, localDate } from '#server/platform/clock.ts';
import { inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { ask } from '#test/schema/ask.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { countStatements } from '#test/support/statements.ts';
import { makeOffer, makeSku } from '#test/support/supply.ts';
import { type World, world } from '#test/support/world.ts';

const NOW = new Date('2026-06-15T08:20:00Z');
const HOUR = 3_600_000;
const clock = controllableClock(NOW);
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
});
afterAll(() => fresh.drop());

type Tree = World<'HQ' | 'R', 'card' | 'lot', 'S' | 'T'>;
async function tree(): Promise<Tree> {
  const w = await world(fresh.db, {
    stations: { HQ: { wallet: '1000.00' }, R: { parent: 'HQ', wallet: '10000.00' } },
    suppliers: ['S', 'T'],
    skus: { card: { basePrice: '50' }, lot: { basePrice: '10' } },
    lots: [{ sku: 'lot', supplier: 'S', totalCost: '80.00', keys: 10 }],
  });
  await makeSku(fresh.db, w, 'card', { deliveryKind: 'SOURCED' });
  return w;
}

/** What became of a purchase, `hoursAgo` hours before now: its delivery took `seconds`. */
type Bought = {
  offerId: string;
  hoursAgo: number;
  state: 'SUCCEEDED' | 'REJECTED';
  seconds?: number;
  wasUnknown?: boolean;
  quantity?: number;
  unitCost?: string;
};

/** Writes settled attempts with their events, as the purchase worker leaves them. */
async function settle(w: Tree, list: readonly Bought[]): Promise<void> {
  for (const { offerId, hoursAgo, state, seconds = 1, wasUnknown = false, quantity = 1, unitCost = '45.00' } of list) {
    clock.set(new Date(NOW.getTime() - hoursAgo * HOUR));
    const id = fresh.db.newId();
    const settledAt = new Date(clock.now().getTime() + seconds * 1000);
    const delivered = state === 'SUCCEEDED' ? quantity : 0;
    await fresh.sql(
      `INSERT INTO purchase_attempt (network_id, id, owner_id, purpose, subject_id, sku_id, offer_id, account_id, supplier_id, attempt_number, quantity, terms,
         goods, goods_kind, quoted_cost, upstream_currency, upstream_max_cost, rate, request_key, state, sent_at, settled_at, delivered_quantity, cost, created_at, updated_at)
       SELECT o.network_id, $2::uuid, o.owner_id, 'REPLENISHMENT', o.id, o.sku_id, o.id, o.account_id, o.supplier_id, 1, $3, o.terms, '{}', 'CARD_KEY', 1, 'CNY', 1, 1,
         substr(md5($2::uuid::text), 1, 16), $4, $5::timestamptz, $6::timestamptz, $7::int, $8::numeric * $7::int, $5::timestamptz, $6::timestamptz FROM supply_offer o WHERE o.id = $1`,
      [offerId, id, quantity, state, clock.now(), settledAt, delivered, unitCost],
    );
    if (wasUnknown)
      await fresh.sql(
        `INSERT INTO purchase_step (network_id, id, attempt_id, kind, outcome, created_at) VALUES ($1, $2, $3, 'SENT', 'UNKNOWN', $4)`,
        [w.networkId, fresh.db.newId(), id, clock.now()],
      );
    const event = { networkId: w.networkId, topic: 'purchase.settled', subjectId: id, audience: [w.hq], data: { attemptId: id } } as const;
    await inTransaction(fresh.db, (tx) => writeEvents(tx, [event]));
  }
  clock.set(NOW);
}

async function count(): Promise<void> {
  await relayOnce(fresh.db);
  await rollUpOnce(fresh.db);
}

describe('a scorecard', () => {
  test('tells success, unknown outcomes, speed, share, price, sales, complaints and return, each over its window', async () => {
    const w = await tree();
    const s = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '44.0000' });
    const t = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'T', unitCost: '55.0000' });
    const of = ({ offerId }: typeof s, hoursAgo: number, rest: Partial<Bought> = {}): Bought => ({
      offerId,
      hoursAgo,
      state: 'SUCCEEDED',
      ...rest,
    });
    await settle(w, [
      ...Array.from({ length: 98 }, () => of(s, 2, { seconds: 3 })),
      of(s, 2, { seconds: 50, wasUnknown: true }),
      of(s, 2, { seconds: 7_000, wasUnknown: true }),
      of(s, 2, { state: 'REJECTED' }),
      of(s, 100, { state: 'REJECTED' }),
      of(s, 600, { quantity: 10 }),
      of(s, 800, { quantity: 10 }),
      of(t, 3, { quantity: 300, seconds: 0 }),
    ]);
    await count();
    const cards = async (window: 'HOURS_24' | 'DAYS_7' | 'DAYS_30') => {
      const found = await scorecards(fresh.db, w.viewer('HQ'), { skuId: w.skus.card, supplierId: null, window });
      const card = found.find(({ supplier_id }) => supplier_id === w.suppliers.S);
      if (card === undefined) throw new Error('it has a card');
      const { attempt_count, bought_quantity, successBps, unknownBps, p50Seconds, p99Seconds, shareBps, priceBps } = card;
      return {
        attempts: Number(attempt_count),
        bought: Number(bought_quantity),
        successBps,
        unknownBps,
        p50Seconds,
        p99Seconds,
        shareBps,
        priceBps,
      };
    };
    // 3 s lie in the bucket that ends at 3.2 s, the 99th of 100 deliveries (50 s) in the one that ends at 51.2 s
    const fast = { p50Seconds: 0.1 * 2 ** 5, p99Seconds: 0.1 * 2 ** 9, priceBps: -2000 };
    expect(await cards('HOURS_24')).toEqual({ ...fast, attempts: 101, bought: 100, successBps: 9_900, unknownBps: 198, shareBps: 2_500 });
    expect(await cards('DAYS_7')).toEqual({ ...fast, attempts: 102, bought: 100, successBps: 9_803, unknownBps: 196, shareBps: 2_500 });
    expect(await cards('DAYS_30')).toMatchObject({ attempts: 103, bought: 110, shareBps: 2_682 });
  });

  test('is read from roll-ups in one statement, never from attempts, and one that is made again is the one that was counted', async () => {
    const w = await tree();
    const { offerId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '44.0000' });
    await settle(w, [
      { offerId, hoursAgo: 1, state: 'SUCCEEDED', seconds: 2, wasUnknown: true },
      { offerId, hoursAgo: 30, state: 'REJECTED' },
    ]);
    await count();
    // what is settled but not counted yet is counted once, whoever comes first
    await settle(w, [{ offerId, hoursAgo: 5, state: 'SUCCEEDED', seconds: 9 }]);
    await rebuildNetwork(fresh.db, w.networkId);
    await count();
    const rows = () =>
      fresh.sql(
        `SELECT to_jsonb(t) AS row FROM offer_hour t WHERE network_id = $1 UNION ALL
       SELECT to_jsonb(t) FROM offer_latency_hour t WHERE network_id = $1 ORDER BY 1`,
        [w.networkId],
      );
    const counted = await rows();
    expect(counted).toHaveLength(5);
    await rebuildNetwork(fresh.db, w.networkId);
    expect(await rows()).toEqual(counted);
    await fresh.sql(
      'UPDATE offer_hour SET success_count = success_count - 1, attempt_count = attempt_count + 3 WHERE network_id = $1 AND success_count > 0',
      [w.networkId],
    );
    expect(await rows()).not.toEqual(counted);
    await rebuildNetwork(fresh.db, w.networkId);
    expect(await rows()).toEqual(counted);
    const filter = { skuId: w.skus.card, supplierId: null, window: 'DAYS_7' } as const;
    const { names } = await countStatements(fresh.db, () => scorecards(fresh.db, w.viewer('HQ'), filter));
    expect(names).toEqual(['analytics.scorecards']);
    const [plan] = await fresh.sql<{ 'QUERY PLAN': string }>(
      `EXPLAIN (FORMAT TEXT) SELECT 1 FROM offer_hour WHERE network_id = '${w.networkId}' AND offer_id = '${offerId}'`,
    );
    expect(plan?.['QUERY PLAN']).not.toContain('purchase_attempt');
  });

  test('of what is sold from stock: what it brought, and the refunds that were asked for or that the supplier bears, each once', async () => {
    const w = await tree();
    const buy = async (requestKey: string) => {
      const order = { viewer: w.viewer('R'), channel: 'API', skuId: w.skus.lot, quantity: 2, externalRef: null, groupId: null } as const;
      const [outcome] = await placeOrders(fresh.db, [{ ...order, requestKey, maxTotal: '1000' }]);
      if (outcome?.kind !== 'ORDER_PLACED') throw new Error(JSON.stringify(outcome));
      return outcome.orderId;
    };
    const ids = [await buy('1'), await buy('2'), await buy('3'), await buy('4')];
    const refund = (party: 'HQ' | 'R', index: number, bearer: 'OWNER' | 'SUPPLIER' | null) =>
      refundOrder(fresh.db, w.viewer(party), {
        requestKey: `r ${index}`,
        orderId: ids[index] ?? '',
        amount: null,
        cardKeyIds: null,
        bearer,
        reason: 'bad',
      });
    // asked for and declined, borne by the supplier, borne by the owner
    const asked = await refund('R', 0, null);
    if (asked.kind !== 'REFUND_REQUESTED') throw new Error(asked.kind);
    await decideWaitingRefund(fresh.db, w.viewer('HQ'), {
      requestKey: 'd',
      refundId: asked.refundId,
      approve: false,
      bearer: null,
      reason: 'it works',
    });
    expect((await refund('HQ', 1, 'SUPPLIER')).kind).toBe('ORDER_REFUNDED');
    expect((await refund('HQ', 2, 'OWNER')).kind).toBe('ORDER_REFUNDED');
    await count();
    const filter = { skuId: w.skus.lot, supplierId: null, window: 'HOURS_24' } as const;
    const [card] = await scorecards(fresh.db, w.viewer('HQ'), filter);
    expect(card).toMatchObject({ order_count: 4n, complaint_count: 2n, complaintBps: 5_000, gmv: '80.00' });
    const before = card;
    await rebuildNetwork(fresh.db, w.networkId);
    expect((await scorecards(fresh.db, w.viewer('HQ'), filter))[0]).toEqual(before);
  });

  test('shows a supplier what it did itself, and nothing of resale or of others', async () => {
    const w = await tree();
    const { offerId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '44.0000' });
    const other = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'T', unitCost: '43.0000' });
    await settle(w, [
      { offerId, hoursAgo: 1, state: 'SUCCEEDED' },
      { offerId: other.offerId, hoursAgo: 1, state: 'SUCCEEDED', quantity: 3 },
    ]);
    await count();
    const document = `{ supplyScorecards(window: DAYS_7) { skuName successBps boughtQuantity boughtCost { amount } supplier { name } sku { id }
      shareBps priceBps gmv { amount } cost { amount } margin { amount } returnBps } }`;
    const { data, errors } = await ask(fresh.db, w.viewer('S'), document);
    expect(errors).toBeUndefined();
    const hidden = { sku: null, shareBps: null, priceBps: null, gmv: null, cost: null, margin: null, returnBps: null };
    expect(data).toEqual({
      supplyScorecards: [
        { skuName: 'card', successBps: 10_000, boughtQuantity: 1, boughtCost: { amount: '45.00' }, supplier: { name: 'S' }, ...hidden },
      ],
    });
    const offers = await ask(
      fresh.db,
      w.viewer('S'),
      '{ supplyOffers { edges { node { unitCost { amount } sku { id } account { id } priority weight } } } }',
    );
    expect(offers.data).toEqual({
      supplyOffers: { edges: [{ node: { unitCost: { amount: '44.0000' }, sku: null, account: null, priority: null, weight: null } }] },
    });
    expect(await scorecards(fresh.db, w.viewer('R'), { skuId: w.skus.card, supplierId: null, window: 'DAYS_7' })).toEqual([]);
  });
});

test('routing goes by the record of the last seven days where the SKU asks for it', async () => {
  const w = await tree();
  const { offerId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '44.0000' });
  await settle(w, [
    ...Array.from({ length: 3 }, (): Bought => ({ offerId, hoursAgo: 2, state: 'SUCCEEDED', seconds: 3 })),
    { offerId, hoursAgo: 2, state: 'REJECTED' },
    { offerId, hoursAgo: 200, state: 'REJECTED' },
  ]);
  await count();
  const record = async (policy: string) => {
    await fresh.sql('UPDATE sku SET routing_policy = $2 WHERE id = $1', [w.skus.card, policy]);
    const found = await loadCandidates(fresh.db.pool, w.networkId, [w.skus.card], {
      instant: NOW,
      localDate: localDate(NOW, 'Asia/Shanghai'),
    });
    const [candidate] = found.get(w.skus.card) ?? [];
    return [candidate?.successBps, candidate?.medianSeconds];
  };
  expect(await record('MOST_RELIABLE')).toEqual([7_500, null]);
  expect(await record('FASTEST')).toEqual([null, bucketSeconds(10)]);
  expect(await record('CHEAPEST')).toEqual([null, null]);
});

describe('owners are warned', () => {
  const alerts = async (w: Tree) => {
    await count();
    await raiseAlerts(fresh.db);
    return fresh.sql(`SELECT kind::text, subject_id, data FROM alert WHERE network_id = $1 AND ended_at IS NULL ORDER BY kind::text`, [
      w.networkId,
    ]);
  };

  test('of one supplier that carries more than 80 % of a SKU, until it no longer does', async () => {
    const w = await tree();
    const s = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '44.0000' });
    const t = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'T', unitCost: '44.0000' });
    const bought = ({ offerId }: typeof s, times: number): Bought[] =>
      Array.from({ length: times }, () => ({ offerId, hoursAgo: 1, state: 'SUCCEEDED' }));
    await settle(w, bought(s, 9));
    // nine deliveries say nothing yet
    expect(await alerts(w)).toEqual([]);
    await settle(w, [...bought(s, 8), ...bought(t, 4)]);
    expect(await alerts(w)).toEqual([
      { kind: 'SUPPLIER_SHARE', subject_id: w.skus.card, data: { supplierId: w.suppliers.S, shareBps: 8_095 } },
    ]);
    await settle(w, bought(t, 1));
    expect(await alerts(w)).toEqual([]);
  });

  test('of an offer that is dearer than agreed, with what it was worth since', async () => {
    const w = await tree();
    const { offerId } = await makeOffer(fresh.db, w, { sku: 'card', supplier: 'S', unitCost: '44.0000' });
    const cost = async (unitCost: string, hoursAgo: number) => {
      clock.set(new Date(NOW.getTime() - hoursAgo * HOUR));
      await fresh.sql('UPDATE supply_offer SET unit_cost = $2, upstream_unit_cost = $2, agreed_unit_cost = 44 WHERE id = $1', [
        offerId,
        unitCost,
      ]);
      await fresh.sql(
        `INSERT INTO supply_offer_cost (network_id, id, offer_id, upstream_currency, upstream_unit_cost, rate, rate_source, unit_cost, agreed_unit_cost, actor_id, created_at)
         VALUES ($1, $2, $3, 'CNY', $4, 1, '', $4, 44, $3, $5)`,
        [w.networkId, fresh.db.newId(), offerId, unitCost, clock.now()],
      );
      const changed = {
        networkId: w.networkId,
        topic: 'offer.changed',
        subjectId: offerId,
        audience: [w.hq],
        data: { skuId: w.skus.card },
      } as const;
      await inTransaction(fresh.db, (tx) => writeEvents(tx, [changed]));
      clock.set(NOW);
    };
    await cost('44.00', 12);
    await settle(w, [{ offerId, hoursAgo: 11, state: 'SUCCEEDED', quantity: 100, unitCost: '44.00' }]);
    expect(await alerts(w)).toEqual([]);
    await cost('45.50', 10);
    const about = { kind: 'OFFER_ABOVE_AGREED', subject_id: offerId };
    const facts = { skuId: w.skus.card, supplierId: w.suppliers.S, unitCost: '45.5000', agreedUnitCost: '44.0000', difference: '1.5000' };
    expect(await alerts(w)).toEqual([{ ...about, data: { ...facts, quantity: 0, worth: '0.00' } }]);
    await settle(w, [
      // in the hour of the change, and later
      { offerId, hoursAgo: 9.9, state: 'SUCCEEDED', quantity: 2, unitCost: '45.50' },
      { offerId, hoursAgo: 3, state: 'SUCCEEDED', quantity: 10, unitCost: '45.50' },
      { offerId, hoursAgo: 2, state: 'REJECTED', quantity: 5 },
    ]);
    expect(await alerts(w)).toEqual([{ ...about, data: { ...facts, quantity: 12, worth: '18.00' } }]);
    await cost('44.00', 0);
    expect(await alerts(w)).toEqual([]);
  });
});

describe('the buckets of delivery times', () => {
  test('grow by the square root of two, so that a quantile is never too short and at most 42 % too long', () => {
    expect([0, 2, 20, LATENCY_BUCKETS - 1].map(bucketSeconds)).toEqual([0.1, 0.2, 102.4, 0.1 * 2 ** 24]);
    expect(latencyQuantile(new Map(), 0.5)).toBeNull();
    expect(latencyQuantile(new Map([[4, 1]]), 0.99)).toBe(0.4);
    const histogram = new Map([
      [6, 1],
      [2, 98],
      [4, 1],
    ]);
    expect([0.5, 0.98, 0.99, 1].map((part) => latencyQuantile(histogram, part))).toEqual([0.2, 0.2, 0.4, 0.8]);
  });

  test('windows end with the running hour', () => {
    expect(windowStart('HOURS_24', NOW).toISOString()).toBe('2026-06-14T09:00:00.000Z');
    expect(windowStart('DAYS_7', NOW).toISOString()).toBe('2026-06-08T09:00:00.000Z');
  });
});
