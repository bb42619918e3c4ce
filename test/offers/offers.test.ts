import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createUpstreams } from '#server/connectors/upstreams.ts';
import { createSupplyAccount } from '#server/flows/supply-accounts.ts';
import {
  archiveSupplyOffer,
  createSupplyOffer,
  type NewSupplyOffer,
  setRoutingPolicy,
  setSupplyOfferAvailability,
  setSupplyOfferCost,
  updateSupplyOffer,
} from '#server/flows/supply-offers.ts';
import { costsOfOffers, offersByIds, visibleOffers } from '#server/offers/reads.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { dujiaoNextProtocol } from '#test/simulators/dujiao-next.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { makeSku } from '#test/support/supply.ts';
import { testVault, type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
let shop: Simulator;
let w: World<'HQ' | 'R', 'steam', 'S' | 'T'>;
let byHand: string;
let docked: string;

const goodsOf = (id: string, stockCount: number) => ({
  id,
  category: 'Cards',
  name: id,
  priceCents: 4_600,
  stockCount,
  minQuantity: 1,
  maxQuantity: 100,
  goodsKind: 'CARD_KEY' as const,
  fields: [],
  isPaused: false,
});

beforeAll(async () => {
  fresh = await freshDatabase();
  const goods = [goodsOf('a', 12), goodsOf('empty', 0)];
  shop = await startSimulator(dujiaoNextProtocol({ apiKey: 'k', apiSecret: 's' }), { goods, openingCents: 500_000, mark: 'OFFR' });
});
afterAll(async () => {
  await shop.close();
  await fresh.drop();
});
beforeEach(async () => {
  w = await world(fresh.db, { stations: { HQ: {}, R: { parent: 'HQ' } }, suppliers: ['S', 'T'], skus: { steam: { basePrice: '50' } } });
  await makeSku(fresh.db, w, 'steam', { deliveryKind: 'SOURCED' });
  byHand = await openAccountOf('by hand', 'S', 'MANUAL', 'CNY');
  docked = await openAccountOf('docked', 'T', 'DUJIAO_NEXT', 'CNY');
});

const ground = () => {
  const outgoing = createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 2_000 });
  return { db: fresh.db, vault: testVault, upstreams: createUpstreams({ outgoing, clock: fresh.db.clock }, null) };
};
async function openAccountOf(name: string, supplier: 'S' | 'T', kind: 'MANUAL' | 'DUJIAO_NEXT', currency: string): Promise<string> {
  const isManual = kind === 'MANUAL';
  const outcome = await createSupplyAccount(ground(), w.viewer('HQ'), {
    name,
    kind,
    currency,
    callsAtOnce: 1,
    isEnabled: true,
    supplierId: w.suppliers[supplier],
    baseUrl: isManual ? '' : shop.url,
    settings: isManual ? {} : { api_key: 'k', api_secret: 's' },
  });
  if (outcome.kind !== 'CREATED') throw new Error(JSON.stringify(outcome));
  return outcome.accountId;
}
const cost = (upstreamUnitCost: string | null) => ({ upstreamUnitCost, rate: null, rateSource: null, rateAt: null });
const offer = (over: Partial<NewSupplyOffer> = {}): NewSupplyOffer => ({
  skuId: w.skus.steam,
  accountId: byHand,
  terms: 'CONSIGNMENT',
  goods: {},
  cost: cost('45.00'),
  agreedUnitCost: null,
  minQuantity: 1,
  maxQuantity: 100,
  leadTimeSeconds: 60,
  priority: 100,
  weight: 100,
  dailyCap: null,
  stockCount: null,
  isEnabled: true,
  reason: '',
  ...over,
});
const tryOffer = (over: Partial<NewSupplyOffer> = {}) => createSupplyOffer(ground(), w.viewer('HQ'), offer(over));
async function make(over: Partial<NewSupplyOffer> = {}): Promise<string> {
  const outcome = await tryOffer(over);
  if (outcome.kind !== 'CREATED') throw new Error(JSON.stringify(outcome));
  return outcome.offerId;
}
const DOCKED = { product_id: '1', sku_id: '1' };
const rowOf = async (id: string) => (await offersByIds(fresh.db.pool, w.viewer('HQ'), [id])).get(id);
const candidates = async () => {
  const instant = fresh.db.clock();
  const found = await loadCandidates(fresh.db.pool, w.networkId, [w.skus.steam], {
    instant,
    localDate: localDate(instant, 'Asia/Shanghai'),
  });
  return (found.get(w.skus.steam) ?? []).map(({ offerId, capLeft, stockCount, isBroken }) => ({ offerId, capLeft, stockCount, isBroken }));
};

describe('an offer through an upstream', () => {
  test('is tried before it is saved: the cost is what is asked where none is given, the stock what is told', async () => {
    const id = await make({ accountId: docked, goods: DOCKED, cost: cost(null) });
    expect(await rowOf(id)).toMatchObject({
      upstream_unit_cost: '46.0000',
      unit_cost: '46.0000',
      stock_count: 12,
      supplier_id: w.suppliers.T,
    });
    expect(await candidates()).toEqual([{ offerId: id, capLeft: null, stockCount: 12, isBroken: false }]);
  });

  test('is refused when its goods are not known there, or cost more than it says: every purchase would be refused', async () => {
    expect(await tryOffer({ accountId: docked, goods: { product_id: '99', sku_id: '99' } })).toMatchObject({
      kind: 'INVALID_INPUT',
      field: 'goods',
    });
    expect(await tryOffer({ accountId: docked, goods: DOCKED, cost: cost('45.99') })).toMatchObject({ field: 'unitCost' });
    expect(await tryOffer({ accountId: docked, goods: {}, cost: cost(null) })).toMatchObject({ field: 'goods' });
    expect(await tryOffer({ accountId: docked, goods: DOCKED, stockCount: 5 })).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await visibleOffers(fresh.db.pool, w.viewer('HQ'), ALL, PAGE)).toMatchObject({ rows: [] });
    // sold out today is no mistake
    const empty = await make({ accountId: docked, goods: { product_id: '2', sku_id: '2' }, cost: cost('46.00') });
    expect((await rowOf(empty))?.stock_count).toBe(0);
  });

  test('that is switched off is saved unasked, and asked when it is switched on', async () => {
    const id = await make({ accountId: docked, goods: { product_id: '99', sku_id: '99' }, isEnabled: false });
    expect(await updateSupplyOffer(ground(), w.viewer('HQ'), { id, expectedVersion: 1 }, { isEnabled: true })).toMatchObject({
      field: 'goods',
    });
    expect(await candidates()).toEqual([]);
  });
});

const ALL = { skuId: null, supplierId: null, withArchived: false };
const PAGE = { count: 10, direction: 'FORWARD', from: null } as const;

describe('the cost of an offer', () => {
  test('in another currency carries a rate with its source and time, and comes out to four decimals, half away from zero', async () => {
    const dollars = await openAccountOf('dollars', 'S', 'MANUAL', 'USD');
    const rateAt = new Date(fresh.db.clock().getTime() - 3_600_000);
    const with_ = (over: object) => tryOffer({ accountId: dollars, cost: { ...cost('6.5'), ...over } });
    expect(await with_({})).toMatchObject({ field: 'rate' });
    expect(await with_({ rate: '7.1' })).toMatchObject({ field: 'rateSource' });
    expect(await with_({ rate: '7.1', rateSource: 'bank' })).toMatchObject({ field: 'rateAt' });
    expect(await with_({ rate: '0', rateSource: 'bank', rateAt })).toMatchObject({ field: 'rate' });
    expect(await with_({ rate: '7.1', rateSource: 'bank', rateAt: new Date(Date.now() + 60_000) })).toMatchObject({ field: 'rateAt' });
    expect(await tryOffer({ cost: { ...cost('6.5'), rate: '7.1' } })).toMatchObject({ field: 'rate' });
    const id = await make({ accountId: dollars, cost: { ...cost('6.5'), rate: '7.12345385', rateSource: 'bank', rateAt } });
    // 6.5 × 7.12345385 = 46.302450025
    expect(await rowOf(id)).toMatchObject({ unit_cost: '46.3025', upstream_currency: 'USD', rate_source: 'bank', rate_at: rateAt });
  });

  test('is kept for ever: what changes is added, what stays the same is not', async () => {
    const id = await make({ reason: 'begun' });
    const hq = w.viewer('HQ');
    expect(await setSupplyOfferCost(ground(), hq, { id, expectedVersion: 1 }, { cost: cost('44.50'), reason: 'spring' })).toEqual({
      kind: 'SAVED',
    });
    expect(await updateSupplyOffer(ground(), hq, { id, expectedVersion: 2 }, { priority: 7 })).toEqual({ kind: 'SAVED' });
    expect(await updateSupplyOffer(ground(), hq, { id, expectedVersion: 3 }, { agreedUnitCost: '44.00' })).toEqual({ kind: 'SAVED' });
    const costs = (await costsOfOffers(fresh.db.pool, hq, [id])).get(id)?.map((row) => [row.unit_cost, row.agreed_unit_cost, row.reason]);
    expect(costs).toEqual([
      ['44.5000', '44.0000', ''],
      ['44.5000', null, 'spring'],
      ['45.0000', null, 'begun'],
    ]);
    expect(await setSupplyOfferCost(ground(), hq, { id, expectedVersion: 3 }, { cost: cost('1'), reason: '' })).toEqual({
      kind: 'STALE_VERSION',
    });
  });
});

describe('a supplier', () => {
  test('sets cost, stock and sale of its own offers; nothing else, and of no other’s', async () => {
    const [own, others] = [await make(), await make({ accountId: docked, goods: DOCKED, cost: cost(null) })];
    const supplier = w.viewer('S');
    expect((await visibleOffers(fresh.db.pool, supplier, ALL, PAGE)).rows.map(({ id }) => id)).toEqual([own]);
    const at = (id: string, expectedVersion: number) => ({ id, expectedVersion });
    expect(await setSupplyOfferCost(ground(), supplier, at(own, 1), { cost: cost('47.00'), reason: 'dearer' })).toEqual({ kind: 'SAVED' });
    expect(await setSupplyOfferAvailability(ground(), supplier, at(own, 2), { stockCount: 3 })).toEqual({ kind: 'SAVED' });
    expect((await candidates()).find(({ offerId }) => offerId === own)?.stockCount).toBe(3);
    expect(await setSupplyOfferAvailability(ground(), supplier, at(own, 3), { isPaused: true })).toEqual({ kind: 'SAVED' });
    expect((await candidates()).map(({ offerId }) => offerId)).toEqual([others]);
    const foreign = { cost: { ...cost('1'), rate: '2' }, reason: '' };
    expect(await setSupplyOfferCost(ground(), supplier, at(own, 4), foreign)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await setSupplyOfferCost(ground(), supplier, at(others, 1), { cost: cost('1'), reason: '' })).toEqual({ kind: 'NOT_FOUND' });
    await expect(updateSupplyOffer(ground(), supplier, at(own, 4), { priority: 1 })).rejects.toThrow('supplier');
    await expect(archiveSupplyOffer(ground(), supplier, at(own, 4))).rejects.toThrow('supplier');
  });

  test('cannot switch on what the owner has switched off', async () => {
    const id = await make();
    await updateSupplyOffer(ground(), w.viewer('HQ'), { id, expectedVersion: 1 }, { isEnabled: false });
    expect(await setSupplyOfferAvailability(ground(), w.viewer('S'), { id, expectedVersion: 2 }, { isPaused: false })).toEqual({
      kind: 'SAVED',
    });
    expect(await candidates()).toEqual([]);
  });
});

describe('what routing sees', () => {
  const attempt = (offerId: string, quantity: number, state: string, createdAt = fresh.db.clock()) =>
    fresh.sql(
      `INSERT INTO purchase_attempt (network_id, id, owner_id, purpose, subject_id, sku_id, offer_id, account_id, supplier_id, attempt_number, quantity, terms,
         goods, goods_kind, quoted_cost, upstream_currency, upstream_max_cost, rate, request_key, state, sent_at, settled_at, created_at, updated_at)
       SELECT o.network_id, $2, o.owner_id, 'REPLENISHMENT', o.id, o.sku_id, o.id, o.account_id, o.supplier_id, 1, $3, o.terms, '{}', 'CARD_KEY', 1, 'CNY', 1, 1,
         substr(md5($2::uuid::text), 1, 16), $4::text, $5::timestamptz, CASE WHEN $4::text IN ('SUCCEEDED', 'REJECTED') THEN $5::timestamptz END, $5::timestamptz, $5::timestamptz FROM supply_offer o WHERE o.id = $1`,
      [offerId, fresh.db.newId(), quantity, state, createdAt],
    );

  test('is today’s cap less what was bought or may have been: refused purchases do not count, yesterday’s neither', async () => {
    const id = await make({ dailyCap: 10 });
    await attempt(id, 3, 'SUCCEEDED');
    await attempt(id, 2, 'UNKNOWN');
    await attempt(id, 4, 'REJECTED');
    await attempt(id, 5, 'SUCCEEDED', new Date(fresh.db.clock().getTime() - 25 * 3_600_000));
    expect(await candidates()).toEqual([{ offerId: id, capLeft: 5, stockCount: null, isBroken: false }]);
  });

  test('is a stock that a person typed, less what was bought since', async () => {
    const id = await make({ stockCount: 10 });
    await attempt(id, 4, 'SUCCEEDED');
    expect((await candidates())[0]?.stockCount).toBe(6);
    await setSupplyOfferAvailability(ground(), w.viewer('S'), { id, expectedVersion: 1 }, { stockCount: 10 });
    expect((await candidates())[0]?.stockCount).toBe(10);
    await setSupplyOfferAvailability(ground(), w.viewer('S'), { id, expectedVersion: 2 }, { stockCount: null });
    expect((await candidates())[0]?.stockCount).toBeNull();
  });

  test('is no offer of an account that is off or that is archived or frozen; a breaker shows until its time is over', async () => {
    const id = await make();
    await fresh.sql(`UPDATE supply_account_state SET breaker = 'OPEN', open_until = now() + interval '1 minute' WHERE account_id = $1`, [
      byHand,
    ]);
    expect((await candidates())[0]?.isBroken).toBe(true);
    await fresh.sql(`UPDATE supply_account_state SET open_until = now() - interval '1 second' WHERE account_id = $1`, [byHand]);
    expect((await candidates())[0]?.isBroken).toBe(false);
    await fresh.sql('UPDATE supply_account SET is_enabled = false WHERE id = $1', [byHand]);
    expect(await candidates()).toEqual([]);
    await fresh.sql('UPDATE supply_account SET is_enabled = true WHERE id = $1', [byHand]);
    await fresh.sql(`UPDATE supply_offer SET frozen_reason = 'LICENCE_EXPIRED' WHERE id = $1`, [id]);
    expect(await candidates()).toEqual([]);
    await fresh.sql('UPDATE supply_offer SET frozen_reason = NULL WHERE id = $1', [id]);
    expect(await candidates()).toHaveLength(1);
    expect(await archiveSupplyOffer(ground(), w.viewer('HQ'), { id, expectedVersion: 1 })).toEqual({ kind: 'SAVED' });
    expect(await candidates()).toEqual([]);
    expect(await archiveSupplyOffer(ground(), w.viewer('HQ'), { id, expectedVersion: 2 })).toEqual({ kind: 'NOT_FOUND' });
  });

  test('an offer of a supplier that is not active is frozen from the start', async () => {
    await fresh.sql(`UPDATE supplier SET standing = 'SUSPENDED' WHERE id = $1`, [w.suppliers.S]);
    expect((await rowOf(await make()))?.frozen_reason).toBe('SUPPLIER_SUSPENDED');
  });

  test('how a SKU is routed is its owner’s to say, once for each version', async () => {
    const set = (party: 'HQ' | 'R') =>
      setRoutingPolicy(ground(), w.viewer(party), { skuId: w.skus.steam, expectedVersion: 1, policy: 'FASTEST' });
    expect(await set('R')).toEqual({ kind: 'NOT_FOUND' });
    expect(await set('HQ')).toEqual({ kind: 'SAVED' });
    expect(await set('HQ')).toEqual({ kind: 'STALE_VERSION' });
  });
});
