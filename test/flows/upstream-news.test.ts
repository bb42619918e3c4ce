import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '#schema/context.ts';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import { createUpstreams } from '#server/connectors/upstreams.ts';
import { createOrderLane } from '#server/flows/order-lane.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { raiseAlerts } from '#server/flows/raise-alerts.ts';
import { routePreview } from '#server/flows/route-preview.ts';
import { setMarkupRule } from '#server/flows/set-markup-rule.ts';
import { startUpstreamNews } from '#server/flows/upstream-news.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { createLocalBus } from '#server/live/bus.ts';
import { createEventSource, type EventSource } from '#server/live/event-source.ts';
import { type Relay, relayOnce, startRelay } from '#server/live/relay.ts';
import { createLog } from '#server/platform/log.ts';
import type { Loop } from '#server/platform/loop.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { newKey, startTestServer, type TestServer } from '#test/http/test-server.ts';
import { acgFakaProtocol } from '#test/simulators/acg-faka.ts';
import { DEFAULT_GOODS } from '#test/simulators/goods.ts';
import { startSimulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type FlakyProxy, openFlakyProxy } from '#test/support/flaky-proxy.ts';
import { openUpstream, type SourcedWorld, sourcedWorld } from '#test/support/purchases.ts';
import { makeOffer } from '#test/support/supply.ts';
import { testVault, type World, world } from '#test/support/world.ts';

// The upstream is a whole Fenzhan with a database of its own: contract, WebSocket, relay. Between the two stands a line that can be cut.

const log = createLog('silent');
let above: {
  fresh: FreshDatabase;
  w: World<'HQ' | 'Us' | 'Other', 'card' | 'gone' | 'dropped', 'S'>;
  relay: Relay;
  events: EventSource;
  server: TestServer;
};
let line: FlakyProxy;
let fresh: FreshDatabase;
let w: SourcedWorld;
let apiKey: { apiKeyId: string; secret: string };
let accountId: string;
let offerId: string;
let goneId: string;
let droppedId: string;
beforeAll(async () => {
  above = await openUpstreamFenzhan();
  line = await openFlakyProxy(Number(new URL(above.server.url).port));
  apiKey = await newKey(above.fresh.db, above.w.viewer('Us'), ['CATALOGUE_READ', 'ORDERS_PLACE', 'ORDERS_READ', 'CARD_KEYS_REVEAL']);
  fresh = await freshDatabase();
  w = await sourcedWorld(fresh.db);
  const upstream = { supplier: 'S', kind: 'FENZHAN', baseUrl: line.url, settings: { api_key: apiKey.secret } } as const;
  ({ accountId } = await openUpstream(fresh.db, w, upstream));
  const offer = { sku: 'card', supplier: 'S', unitCost: '39.0000', accountId } as const;
  ({ offerId } = await makeOffer(fresh.db, w, { ...offer, goods: { sku_id: globalId('Sku', above.w.skus.card) } }));
  const dropped = globalId('Sku', above.w.skus.dropped);
  ({ offerId: droppedId } = await makeOffer(fresh.db, w, { ...offer, sku: 'phone', goods: { sku_id: dropped } }));
  ({ offerId: goneId } = await makeOffer(fresh.db, w, { ...offer, sku: 'phone', goods: { sku_id: globalId('Sku', above.w.skus.gone) } }));
});
afterAll(async () => {
  await Promise.all(followers.map((follower) => follower.stop()));
  await line.close();
  await above.server.close();
  await above.relay.stop();
  await above.events.stop();
  await Promise.all([above.fresh.drop(), fresh.drop()]);
});

async function openUpstreamFenzhan(): Promise<typeof above> {
  const theirs = await freshDatabase();
  const { db } = theirs;
  const network = await world(db, {
    stations: { HQ: {}, Us: { parent: 'HQ', wallet: '9000.00' }, Other: { parent: 'HQ', wallet: '9000.00' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '40.00' }, gone: { basePrice: '50.00' }, dropped: { basePrice: '20.00' } },
    lots: [
      { sku: 'card', supplier: 'S', totalCost: '300.00', keys: 30 },
      { sku: 'dropped', supplier: 'S', totalCost: '50.00', keys: 5 },
    ],
  });
  const bus = createLocalBus();
  const relay = startRelay(db, log, bus);
  db.commits.add(relay.wake);
  const events = createEventSource(db, log, bus);
  const lane = createOrderLane(db);
  const context = (facts: object) => ({ ...facts, db, vault: testVault, lane, events }) as unknown as Context;
  return { fresh: theirs, w: network, relay, events, server: await startTestServer(db, { schema, context }) };
}

const followers: Loop[] = [];
/** One more process that follows upstreams. */
function startFollower(): Loop {
  const outgoing = createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 2_000 });
  const upstreams = createUpstreams({ outgoing, clock: fresh.db.clock }, null);
  const follower = startUpstreamNews({ db: fresh.db, vault: testVault, upstreams, log, chance: () => 0.1 });
  followers.push(follower);
  return follower;
}

/** Waits until something is so. The processes look for what is due meanwhile. */
async function eventually<Value>(read: () => Promise<Value>, expected: Value): Promise<void> {
  let found = await read();
  for (let tries = 0; tries < 300 && !Object.is(found, expected); tries += 1) {
    for (const follower of followers) follower.wake();
    await new Promise((resolve) => setTimeout(resolve, 20));
    found = await read();
  }
  expect(found).toEqual(expected);
}

type Offer = { unit_cost: string; stock_count: number | null; version: number };
const offerNow = async (id = offerId) =>
  (await fresh.sql<Offer>('SELECT unit_cost::text, stock_count, version FROM supply_offer WHERE id = $1', [id]))[0];
const costNow = async () => (await offerNow())?.unit_cost;
const stockNow = async () => (await offerNow())?.stock_count;
type News = { place: string; worker_id: string | null; read_at: Date | null; told_at: Date; failure: string | null; waits: boolean };
const newsNow = async (id = accountId) =>
  (
    await fresh.sql<News>("SELECT *, due_at > now() + interval '5 minutes' AS waits FROM supply_account_news WHERE account_id = $1", [id])
  )[0];

let ruleVersion: number | null = null;
/** Headquarters above adds so much to what everybody pays for the card. */
async function addAbove(value: string): Promise<void> {
  const scope = { childId: null, levelId: null, skuId: above.w.skus.card, productId: null, categoryId: null, breaks: [], inversion: null };
  const rule = { ...scope, kind: 'FIXED' as const, value, expectedVersion: ruleVersion, reason: null };
  const set = await setMarkupRule(above.fresh.db, above.w.viewer('HQ'), rule);
  if (set.kind !== 'MARKUP_RULE_SET') throw new Error(set.kind);
  ruleVersion = set.rule.version;
}

async function buyAbove(quantity: number): Promise<void> {
  const order = { viewer: above.w.viewer('Other'), channel: 'API', skuId: above.w.skus.card, quantity, maxTotal: '9000.00' } as const;
  const request = { ...order, requestKey: above.fresh.db.newId(), externalRef: null, groupId: null };
  expect((await placeOrders(above.fresh.db, [request]))[0]?.kind).toBe('ORDER_PLACED');
}

const skippedNow = async () => {
  const preview = await routePreview(fresh.db, w.viewer('HQ'), { skuId: w.skus.card, quantity: 1 });
  return preview.kind === 'PREVIEW' ? preview.offers.find(({ offer }) => offer.id === offerId)?.skipped : preview.kind;
};

describe('another Fenzhan above', () => {
  it('is read once, by one of two processes, and then listened to', async () => {
    startFollower();
    startFollower();
    await eventually(costNow, '40.0000');
    expect(await offerNow()).toMatchObject({ stock_count: 30 });
    await eventually(async () => line.openCount(), 1);
    expect(await fresh.sql('SELECT reason FROM supply_offer_cost WHERE offer_id = $1', [offerId])).toEqual([
      { reason: 'told by the upstream' },
    ]);
  });

  it('tells that it is dearer: the cost follows with its history, the guard hides and warns, and no price moves', async () => {
    await addAbove('25.00');
    await eventually(costNow, '65.0000');
    expect(await skippedNow()).toBe('TOO_DEAR');
    await relayOnce(fresh.db);
    await raiseAlerts(fresh.db);
    expect(await fresh.sql("SELECT kind FROM alert WHERE kind = 'BELOW_COST' AND resolved_at IS NULL")).toHaveLength(1);
    expect(await fresh.sql('SELECT base_price::text FROM sku WHERE id = $1', [w.skus.card])).toEqual([{ base_price: '60.0000' }]);
    await addAbove('2.00');
    await eventually(costNow, '42.0000');
    expect(await skippedNow()).toBeNull();
    const history = await fresh.sql<{ unit_cost: string }>(
      'SELECT unit_cost::text FROM supply_offer_cost WHERE offer_id = $1 ORDER BY id',
      [offerId],
    );
    expect(history.map((row) => row.unit_cost)).toEqual(['40.0000', '65.0000', '42.0000']);
  });

  it('tells what is sold there: the stock follows, without another version of the offer', async () => {
    const before = await offerNow();
    await buyAbove(4);
    await eventually(stockNow, 26);
    expect((await offerNow())?.version).toBe(before?.version);
  });

  it('that is cut off is gone on with where it was left: what happened meanwhile is told, and nothing is read anew', async () => {
    const before = await newsNow();
    line.refuse();
    await addAbove('3.50');
    await buyAbove(26);
    await eventually(async () => (await newsNow())?.failure !== null, true);
    line.accept();
    await eventually(costNow, '43.5000');
    await eventually(stockNow, 0);
    expect(await skippedNow()).toBe('OUT_OF_STOCK');
    expect((await newsNow())?.read_at).toEqual(before?.read_at);
    expect((await newsNow())?.failure).toBeNull();
  });

  it('is followed by the other process when the one that did is gone', async () => {
    const owner = (await newsNow())?.worker_id;
    // whoever of the two went on with it after the line was cut
    const before = followers.splice(0);
    startFollower();
    await Promise.all(before.map((follower) => follower.stop()));
    await addAbove('4.00');
    await eventually(costNow, '44.0000');
    expect((await newsNow())?.worker_id).not.toBe(owner);
    await eventually(async () => line.openCount(), 1);
  });

  it('whose events of that time are gone is read once more, and gone on with', async () => {
    await fresh.sql('UPDATE supply_account_news SET worker_id = NULL, due_at = now(), place = $2 WHERE account_id = $1', [
      accountId,
      JSON.stringify({ prices: 'of another database', stock: 'of another database' }),
    ]);
    const before = await newsNow();
    await eventually(async () => ((await newsNow())?.read_at ?? before?.read_at)?.getTime() !== before?.read_at?.getTime(), true);
    await addAbove('5.00');
    await eventually(costNow, '45.0000');
    expect((await newsNow())?.place).not.toContain('of another database');
  });

  it('that does not list something any more when everything is read has none of it, whatever was told before', async () => {
    expect(await offerNow(droppedId)).toMatchObject({ unit_cost: '20.0000', stock_count: 5 });
    // no event tells of it: such as a station that came back from a backup
    await above.fresh.sql("UPDATE sku SET listing_state = 'RETIRED' WHERE id = $1", [above.w.skus.dropped]);
    await fresh.sql('UPDATE supply_account_news SET worker_id = NULL, due_at = now(), read_at = NULL WHERE account_id = $1', [accountId]);
    await eventually(async () => (await offerNow(droppedId))?.stock_count, 0);
    expect(await offerNow(droppedId)).toMatchObject({ unit_cost: '20.0000' });
    const events = "SELECT 1 FROM outbox_event WHERE topic = 'stock.changed' AND subject_id = $1 AND data ->> 'skuId' = $1::text";
    expect(await fresh.sql(events, [w.skus.phone])).not.toEqual([]);
    expect(await offerNow()).toMatchObject({ unit_cost: '45.0000', stock_count: 0 });
  });

  it('that has revoked the key is marked, and is not asked all the time', async () => {
    await above.fresh.sql('UPDATE api_key SET revoked_at = now() WHERE id = $1', [apiKey.apiKeyId]);
    line.cut();
    await eventually(async () => (await newsNow())?.waits, true);
    expect((await newsNow())?.failure).toMatch(/^ACCOUNT_REFUSED/);
  });
});

describe('an upstream that tells nothing by itself', () => {
  it('is asked what its goods cost and how many there are', async () => {
    const account = { appId: '1000', appKey: 'k1' };
    const shop = await startSimulator(acgFakaProtocol(account), { goods: DEFAULT_GOODS, openingCents: 100_000, mark: 'NEWS' });
    const settings = { app_id: account.appId, app_key: account.appKey };
    const opened = await openUpstream(fresh.db, w, { supplier: 'T', kind: 'ACG_FAKA', baseUrl: shop.url, settings });
    const [goods] = DEFAULT_GOODS;
    const offer = { sku: 'card', supplier: 'T', unitCost: '1.0000', accountId: opened.accountId } as const;
    const asked = await makeOffer(fresh.db, w, { ...offer, goods: { shared_code: goods?.id ?? '' } });
    const missing = await makeOffer(fresh.db, w, { ...offer, goods: { shared_code: 'NOTHERE' } });
    await eventually(async () => (await offerNow(missing.offerId))?.stock_count, 0);
    expect(await offerNow(asked.offerId)).toMatchObject({
      unit_cost: ((goods?.priceCents ?? 0) / 100).toFixed(4),
      stock_count: goods?.stockCount,
    });
    expect(await newsNow(opened.accountId)).toMatchObject({ worker_id: null, failure: null });
    await shop.close();
  });
});

it('nothing of it has moved money', async () => {
  expect(await offerNow(goneId)).toMatchObject({ unit_cost: '50.0000', stock_count: 0 });
  expect(await auditLedger(fresh.db.pool)).toEqual([]);
});
