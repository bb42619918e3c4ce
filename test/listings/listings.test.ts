import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setBundleComponents } from '#server/flows/bundles.ts';
import { catalogueEntries } from '#server/flows/catalogue.ts';
import { runNextCheck } from '#server/flows/listing-checks.ts';
import { createCategory, createProduct, createSku, updateProduct, updateSku } from '#server/flows/listing-drafts.ts';
import { setListingPolicy } from '#server/flows/listing-policy.ts';
import {
  approveListing,
  confirmListingCheck,
  goLiveDue,
  pauseListing,
  recheckListing,
  rejectListing,
  resumeListing,
  retireListing,
  reviseListing,
  scheduleListing,
  submitListing,
} from '#server/flows/listing-states.ts';
import { noteListingChange } from '#server/flows/listing-versions.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { bundlesOfComponents, checksOfListings, listingsByIds, listingsPage, versionsOfListings } from '#server/listings/reads.ts';
import { inputFieldOf, type ListingPolicy, USUAL_POLICY } from '#server/listings/rules.ts';
import { decodeCursor } from '#server/live/cursor.ts';
import type { LiveEvent } from '#server/live/event-source.ts';
import { tellBatch } from '#server/live/feed.ts';
import { stockFeed } from '#server/live/subscriptions.ts';
import { inTransaction } from '#server/platform/database.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { motif } from '#test/support/pictures.ts';
import { openUpstream, purchaseGround, runnerOf, workOff } from '#test/support/purchases.ts';
import { refused, scriptedUpstream, sold } from '#test/support/scripted-upstream.ts';
import { makeOffer } from '#test/support/supply.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
let site: Server;
let host: string;
let now = new Date('2026-11-23T02:00:00Z');
const pictures = new Map<string, Buffer>();
beforeAll(async () => {
  fresh = await freshDatabase({ poolSize: 10, clock: () => now });
  site = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/gone') response.writeHead(404).end();
    else if (pictures.has(path)) response.end(pictures.get(path));
    else response.end('hello');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(site.address() as AddressInfo).port}`;
});
afterAll(async () => {
  site.close();
  await fresh.drop();
});

type Name = 'HQ' | 'A' | 'R';
type Tree = World<Name, 'steam' | 'video', 'S'>;
const network = (): Promise<Tree> =>
  world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '1000.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10.00' }, video: { basePrice: '20.00' } },
    lots: [
      { sku: 'steam', supplier: 'S', totalCost: '60.00', keys: 10 },
      { sku: 'video', supplier: 'S', totalCost: '75.00', keys: 5 },
    ],
  });

const ground = () => ({ db: fresh.db, outgoing: createOutgoing({ allowedHosts: [host] }) });
async function runChecks(): Promise<void> {
  while (await runNextCheck(ground())) continue;
}
const GOOD = {
  brand: null,
  description: 'Thirty days of films, for one account.',
  attributes: [{ name: 'platform', value: 'PC' }],
  pictureUrl: null,
};
const USUAL_SKU = {
  scene: 'phone and tablet',
  faceValue: null,
  unitSize: 1,
  minQuantity: 1,
  maxQuantity: 100,
  quantityStep: 1,
  inputFields: [],
};

type Draft = {
  basePrice?: string;
  by?: Name;
  product?: Partial<Parameters<typeof createProduct>[2]>;
  sku?: Partial<Parameters<typeof createSku>[2]>;
};

/** A draft of a SKU from stock, at 10.00 unless said otherwise, by headquarters. */
async function draft(w: Tree, name: string, { by = 'HQ', product = {}, sku = {} }: Draft = {}) {
  const viewer = w.viewer(by);
  const category = await createCategory(fresh.db, viewer, { name: `shelf of ${name}`, parentId: null });
  if (category.kind !== 'CATEGORY_CREATED') throw new Error(category.kind);
  const made = await createProduct(fresh.db, viewer, { ...GOOD, name, categoryId: category.categoryId, ...product });
  if (made.kind !== 'PRODUCT_CREATED') throw new Error(made.kind);
  const written = await createSku(fresh.db, viewer, {
    ...USUAL_SKU,
    productId: made.productId,
    code: name.replaceAll(/[^A-Za-z]+/g, '-'),
    name: '30 days',
    basePrice: '10.00',
    goodsKind: 'CARD_KEY',
    deliveryKind: 'FROM_STOCK',
    ...sku,
  });
  if (written.kind !== 'SKU_CREATED') throw new Error(JSON.stringify(written));
  return { skuId: written.skuId, productId: made.productId };
}

/** Keys of a SKU by the tables: how they come in is tested elsewhere. */
async function stock(w: Tree, skuId: string, unitCost: string, count: number, ownerId = w.hq): Promise<void> {
  const lotId = fresh.db.newId();
  await fresh.sql(
    `INSERT INTO lot (network_id, id, sku_id, owner_id, supplier_id, terms, currency, total_cost, key_count, data_key, vault_key_id, created_by, created_at)
     SELECT network_id, $2, $3, $4, supplier_id, terms, currency, $5::numeric * $6, $6, data_key, vault_key_id, created_by, created_at FROM lot WHERE network_id = $1 LIMIT 1`,
    [w.networkId, lotId, skuId, ownerId, unitCost, count],
  );
  const ids = Array.from({ length: count }, () => fresh.db.newId());
  await fresh.sql(
    `INSERT INTO card_key (network_id, id, lot_id, sku_id, owner_id, state, sealed, fingerprint, cost, updated_at)
     SELECT k.network_id, n.id, $3, $4, $5, 'AVAILABLE', k.sealed, decode(replace(n.id::text || n.id::text, '-', ''), 'hex'), $6, k.updated_at
     FROM unnest($2::uuid[]) AS n (id) CROSS JOIN (SELECT * FROM card_key WHERE network_id = $1 LIMIT 1) k`,
    [w.networkId, ids, lotId, skuId, ownerId, unitCost],
  );
}

const version = async (w: Tree, skuId: string) => (await listingsByIds(fresh.db.pool, w.viewer('HQ'), [skuId])).get(skuId)?.version ?? 0;
const state = async (w: Tree, skuId: string) => (await listingsByIds(fresh.db.pool, w.viewer('HQ'), [skuId])).get(skuId)?.state;
const at = async (w: Tree, skuId: string) => ({ skuId, expectedVersion: await version(w, skuId) });
async function checks(w: Tree, skuId: string): Promise<Record<string, string>> {
  const rows = (await checksOfListings(fresh.db.pool, w.viewer('HQ'), [skuId])).get(skuId) ?? [];
  return Object.fromEntries(rows.map(({ kind, state: each, problems }) => [kind, [each, ...problems.map(({ code }) => code)].join(' ')]));
}
const PLAIN = { marginReason: null, goLiveAt: null, isHeld: false };
async function submit(
  w: Tree,
  skuId: string,
  wish: Partial<typeof PLAIN | { marginReason: string; goLiveAt: Date }> = {},
  by: Name = 'HQ',
) {
  const outcome = await submitListing(fresh.db, w.viewer(by), { ...(await at(w, skuId)), ...PLAIN, ...wish });
  if (outcome.kind === 'LISTING_MOVED') await runChecks();
  return outcome;
}
const approve = async (w: Tree, skuId: string, by: Name = 'HQ') =>
  approveListing(fresh.db, w.viewer(by), { ...(await at(w, skuId)), note: '' });
const setPolicy = async (w: Tree, policy: Partial<ListingPolicy>) =>
  setListingPolicy(fresh.db, w.viewer('HQ'), { ...USUAL_POLICY, ...policy, expectedVersion: 0 });
const buy = async (w: Tree, skuId: string) => {
  const [outcome] = await placeOrders(fresh.db, [
    {
      viewer: w.viewer('R'),
      requestKey: fresh.db.newId(),
      skuId,
      quantity: 1,
      maxTotal: '100.00',
      channel: 'API',
      externalRef: null,
      groupId: null,
    },
  ]);
  return outcome;
};
const eventsOf = async (w: Tree, skuId: string) =>
  (
    await fresh.sql<{ topic: string }>('SELECT topic FROM outbox_event WHERE network_id = $1 AND subject_id = $2 ORDER BY id', [
      w.networkId,
      skuId,
    ])
  ).map(({ topic }) => topic);

describe('the life of a listing', () => {
  test('a draft is seen by its owner alone; checked and approved it is for sale at once, and whoever watches is told', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Film Pass');
    expect((await listingsByIds(fresh.db.pool, w.viewer('A'), [skuId])).size).toBe(0);
    await stock(w, skuId, '6.00', 2);
    expect(await submit(w, skuId)).toMatchObject({ kind: 'LISTING_MOVED', listing: { state: 'SUBMITTED', number: 1 } });
    expect(await checks(w, skuId)).toEqual({ CONTENT: 'PASSED', TECHNICAL: 'PASSED', PRICE: 'PASSED' });
    expect(await approve(w, skuId)).toMatchObject({ kind: 'LISTING_MOVED', listing: { state: 'LIVE', reviewed_number: 1 } });
    expect(await eventsOf(w, skuId)).toEqual(expect.arrayContaining(['listing.changed', 'price.changed', 'stock.changed']));
    expect(await pauseListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toMatchObject({ listing: { state: 'PAUSED' } });
    expect(await resumeListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toMatchObject({ listing: { state: 'LIVE' } });
    expect(await retireListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toMatchObject({ listing: { state: 'RETIRED' } });
    expect(await resumeListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toEqual({
      kind: 'NOT_ALLOWED',
      message: 'The listing is RETIRED.',
    });
  });

  test('what fails a check is not approved, and says why; rejected, revised and mended it is', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Book Pass', { sku: { basePrice: '6.30' } });
    await submit(w, skuId);
    expect(await checks(w, skuId)).toMatchObject({ TECHNICAL: 'FAILED STOCK_MISSING', PRICE: 'FAILED COST_UNKNOWN' });
    expect(await approve(w, skuId)).toMatchObject({
      kind: 'LISTING_REFUSED',
      problems: [{ code: 'COST_UNKNOWN' }, { code: 'STOCK_MISSING' }],
    });
    await stock(w, skuId, '6.00', 1);
    expect(await recheckListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toMatchObject({ kind: 'LISTING_MOVED' });
    expect(await approve(w, skuId)).toMatchObject({ kind: 'NOT_ALLOWED' });
    await runChecks();
    // 0.30 of 6.30 is below a tenth
    expect(await checks(w, skuId)).toMatchObject({ TECHNICAL: 'PASSED', PRICE: 'FAILED MARGIN_LOW' });
    const no = await rejectListing(fresh.db, w.viewer('HQ'), { ...(await at(w, skuId)), note: 'too little is left' });
    expect(no).toMatchObject({ listing: { state: 'REJECTED', decision_note: 'too little is left' } });
    expect(await reviseListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toMatchObject({ listing: { state: 'DRAFT' } });
    await submit(w, skuId, { marginReason: 'opens the season' });
    expect(await checks(w, skuId)).toMatchObject({ PRICE: 'PASSED' });
    expect(await approve(w, skuId)).toMatchObject({ listing: { state: 'LIVE', margin_reason: 'opens the season' } });
  });

  test('a price under its cost is refused whatever the reason, and one above the ceiling', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Cheap Pass', { sku: { basePrice: '5.99' } });
    await stock(w, skuId, '6.00', 1);
    await submit(w, skuId, { marginReason: 'a gift' });
    expect(await checks(w, skuId)).toMatchObject({ PRICE: 'FAILED BELOW_COST' });
    await fresh.sql(
      `INSERT INTO control_band (network_id, id, sku_id, ceiling, currency, valid_from, created_by)
       VALUES ($1, $2, $3, 5.00, 'CNY', now(), $2)`,
      [w.networkId, fresh.db.newId(), skuId],
    );
    await recheckListing(fresh.db, w.viewer('HQ'), await at(w, skuId));
    await runChecks();
    expect(await checks(w, skuId)).toMatchObject({ PRICE: 'FAILED ABOVE_CEILING BELOW_COST' });
  });

  test('goes live at its hour, once, however many processes look', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Night Pass');
    await stock(w, skuId, '6.00', 1);
    await submit(w, skuId, { goLiveAt: new Date('2026-11-24T00:00:00Z') });
    expect(await approve(w, skuId)).toMatchObject({ listing: { state: 'APPROVED', go_live_at: new Date('2026-11-24T00:00:00Z') } });
    expect(await goLiveDue(fresh.db)).toBe(0);
    now = new Date('2026-11-24T00:00:00Z');
    const live = await Promise.all(Array.from({ length: 8 }, () => goLiveDue(fresh.db)));
    now = new Date('2026-11-23T02:00:00Z');
    expect(live.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await state(w, skuId)).toBe('LIVE');
    expect((await eventsOf(w, skuId)).filter((topic) => topic === 'price.changed')).toHaveLength(1);
  });

  test('held back it stays approved until its owner says', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Part Pass');
    await stock(w, skuId, '6.00', 1);
    await submit(w, skuId, { isHeld: true } as never);
    expect(await approve(w, skuId)).toMatchObject({ listing: { state: 'APPROVED', go_live_at: null } });
    const later = { ...(await at(w, skuId)), goLiveAt: new Date('2026-12-01T00:00:00Z') };
    expect(await scheduleListing(fresh.db, w.viewer('HQ'), later)).toMatchObject({ listing: { state: 'APPROVED' } });
    expect(await scheduleListing(fresh.db, w.viewer('HQ'), { ...(await at(w, skuId)), goLiveAt: null })).toMatchObject({
      listing: { state: 'LIVE' },
    });
  });

  test('headquarters decides about a sub-station’s goods, unless the network says that owners do', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Local Pass', { by: 'A' });
    await stock(w, skuId, '6.00', 1, w.stations.A);
    await submit(w, skuId, {}, 'A');
    expect(await approve(w, skuId, 'A')).toEqual({ kind: 'NOT_ALLOWED', message: 'Headquarters reviews the listings of this network.' });
    expect(await approveListing(fresh.db, w.viewer('R'), { ...(await at(w, skuId)), note: '' })).toEqual({ kind: 'NOT_FOUND' });
    expect(await setPolicy(w, { selfReview: true })).toMatchObject({
      kind: 'LISTING_POLICY_SET',
      policy: { selfReview: true, version: 1 },
    });
    expect(await approve(w, skuId, 'A')).toMatchObject({ listing: { state: 'LIVE' } });
    // what is sold may be taken off by headquarters all the same, and put back by its owner alone
    expect(await pauseListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toMatchObject({ listing: { state: 'PAUSED' } });
    expect(await resumeListing(fresh.db, w.viewer('HQ'), await at(w, skuId))).toMatchObject({ kind: 'NOT_ALLOWED' });
  });

  test('two who move a listing at once: one does, the other is shown what it is now', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Race Pass');
    const named = { ...(await at(w, skuId)), ...PLAIN };
    const outcomes = await Promise.all([submitListing(fresh.db, w.viewer('HQ'), named), submitListing(fresh.db, w.viewer('HQ'), named)]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['LISTING_MOVED', 'STALE_VERSION']);
    await runChecks();
  });
});

describe('the content check', () => {
  test('finds banned words however they are written, missing attributes, a title out of form and dead links', async () => {
    const w = await network();
    await setPolicy(w, { bannedWords: ['外挂', 'hack'], requiredAttributes: ['region'] });
    const description = `Great Ｈ.Ａ.ＣＫ with 外​挂 inside: http://${host}/gone and http://${host}/fine.`;
    const { skuId } = await draft(w, 'Odd Pass', { product: { description }, sku: { scene: '' } });
    await stock(w, skuId, '6.00', 1);
    await submit(w, skuId);
    expect((await checks(w, skuId))['CONTENT']).toBe('FAILED TITLE_FORM ATTRIBUTE_MISSING BANNED_WORD LINK_DEAD');
  });

  test('a link that brings no answer is called again before it fails', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Silent Pass', { product: { description: 'See https://no-such-host.invalid/ for more of it.' } });
    await stock(w, skuId, '6.00', 1);
    await submit(w, skuId);
    expect((await checks(w, skuId))['CONTENT']).toBe('PENDING');
    for (let round = 1; round <= 2; round += 1) {
      now = new Date(now.getTime() + 30_000);
      await runChecks();
    }
    now = new Date('2026-11-23T02:00:00Z');
    expect((await checks(w, skuId))['CONTENT']).toBe('FAILED LINK_DEAD');
  });

  test('finds a title that another listing has nearly, but not another denomination of it', async () => {
    const w = await network();
    const first = await draft(w, 'Star Games Wallet');
    await stock(w, first.skuId, '6.00', 1);
    await submit(w, first.skuId);
    const twin = await draft(w, 'Star  Games Wallet!', { sku: { code: 'twin' } });
    const other = await draft(w, 'Star Games Wallets', { sku: { name: '60 days' } });
    await submit(w, twin.skuId);
    await submit(w, other.skuId);
    expect((await checks(w, twin.skuId))['CONTENT']).toBe('FAILED TITLE_DUPLICATE');
    expect((await checks(w, other.skuId))['CONTENT']).toBe('PASSED');
  });

  test('finds a picture that another product shows, under whatever address, also in another size and format', async () => {
    const w = await network();
    const drawn = await motif(1);
    pictures.set('/panda.png', drawn);
    pictures.set('/whale.png', drawn);
    pictures.set('/tree.jpg', await sharp(drawn).resize(160, 120).jpeg({ quality: 60 }).toBuffer());
    pictures.set('/river.png', await motif(2));
    pictures.set('/half.png', drawn.subarray(0, drawn.length / 2));
    const picture = async (name: string, path: string) => {
      const made = await draft(w, name);
      await fresh.sql('UPDATE product SET picture_url = $3 WHERE network_id = $1 AND id = $2', [
        w.networkId,
        made.productId,
        `http://${host}${path}`,
      ]);
      await submit(w, made.skuId);
      return (await checks(w, made.skuId))['CONTENT'];
    };
    expect(await picture('Red Panda Pass', '/panda.png')).toBe('PASSED');
    expect(await picture('Blue Whale Ticket', '/whale.png')).toBe('FAILED PICTURE_DUPLICATE');
    expect(await picture('Green Tree Voucher', '/tree.jpg')).toBe('FAILED PICTURE_DUPLICATE PICTURE_DUPLICATE');
    expect(await picture('Grey River Voucher', '/river.png')).toBe('PASSED');
    expect(await picture('White Cloud Pass', '/half.png')).toBe('FAILED PICTURE_UNREADABLE');
    expect(await picture('Brown Field Pass', '/page')).toBe('FAILED PICTURE_UNREADABLE');
  });
});

describe('the technical check', () => {
  test('of a direct top-up waits for a person, who says what was tried', async () => {
    const w = await network();
    const fields = [inputFieldOf({ name: 'account', label: 'QQ', kind: 'QQ' })];
    const { skuId } = await draft(w, 'Coins', { sku: { goodsKind: 'TOP_UP', deliveryKind: 'SOURCED', inputFields: fields } });
    await submit(w, skuId);
    expect(await checks(w, skuId)).toMatchObject({ CONTENT: 'PASSED', TECHNICAL: 'PENDING' });
    const confirm = async (note: string) => confirmListingCheck(fresh.db, w.viewer('HQ'), { ...(await at(w, skuId)), note });
    expect(await confirm(' ')).toMatchObject({ kind: 'INVALID_INPUT', field: 'note' });
    expect(await confirm('10 coins to 10001, there after a minute')).toMatchObject({ kind: 'LISTING_MOVED' });
    expect(await checks(w, skuId)).toMatchObject({ TECHNICAL: 'PASSED' });
  });

  /** A draft that a scripted supplier sells at 6.00. */
  async function sourced(w: Tree, name: string) {
    const made = await draft(w, name, { sku: { deliveryKind: 'SOURCED', minQuantity: 2 } });
    const upstream = scriptedUpstream('KASUSHOU_V2');
    const { accountId } = await openUpstream(fresh.db, w, { supplier: 'S', kind: 'KASUSHOU_V2', baseUrl: 'https://upstream.test' });
    await makeOffer(fresh.db, { ...w, skus: { goods: made.skuId } } as never, { sku: 'goods', supplier: 'S', unitCost: '6.00', accountId });
    const runner = runnerOf({ ...purchaseGround(fresh.db), upstreams: { connectorOf: () => upstream.connector, publicUrl: null } });
    const settle = async () => {
      await workOff(runner);
      now = new Date(now.getTime() + 5_000);
      await runChecks();
    };
    return { ...made, upstream, settle };
  }

  test('of goods that are bought: a test purchase is really made, once, and has passed when all of it is there', async () => {
    const w = await network();
    const { skuId, upstream, settle } = await sourced(w, 'Bought Pass');
    await submit(w, skuId);
    expect(await checks(w, skuId)).toMatchObject({ TECHNICAL: 'PENDING', PRICE: 'PASSED' });
    await settle();
    expect(await checks(w, skuId)).toMatchObject({ TECHNICAL: 'PASSED' });
    expect(upstream.purchases.map(({ quantity }) => quantity)).toEqual([2]);
    expect(await approve(w, skuId)).toMatchObject({ listing: { state: 'LIVE' } });
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('of goods that are bought: a refusal fails it, and so does less than was bought, once that is sure', async () => {
    const w = await network();
    const first = await sourced(w, 'Refused Pass');
    first.upstream.onPurchase = () => refused('OUT_OF_STOCK');
    await submit(w, first.skuId);
    await first.settle();
    expect(await checks(w, first.skuId)).toMatchObject({ TECHNICAL: 'FAILED TEST_PURCHASE_REJECTED' });
    const second = await sourced(w, 'Short Pass');
    second.upstream.onPurchase = (purchase) => sold({ ...purchase, quantity: 1 });
    second.upstream.onQuestion = second.upstream.onPurchase;
    await submit(w, second.skuId);
    for (let round = 1; round <= 4; round += 1) {
      now = new Date(now.getTime() + 300_000);
      await second.settle();
    }
    now = new Date('2026-11-23T02:00:00Z');
    expect(await checks(w, second.skuId)).toMatchObject({ TECHNICAL: 'FAILED TEST_PURCHASE_WRONG' });
  });

  test('of goods that are bought: without an offer there is nothing to try', async () => {
    const w = await network();
    const { skuId } = await draft(w, 'Sourced Pass', { sku: { deliveryKind: 'SOURCED' } });
    await submit(w, skuId);
    expect(await checks(w, skuId)).toMatchObject({ TECHNICAL: 'FAILED NO_OFFER', PRICE: 'FAILED COST_UNKNOWN' });
  });
});

describe('versions', () => {
  test('a price that changes on sale is a new version, which orders pin; what it changed is shown field by field', async () => {
    const w = await network();
    const skuId = w.skus.steam;
    const change = async (basePrice: string, reason = '') =>
      updateSku(fresh.db, w.viewer('HQ'), { ...(await at(w, skuId)), basePrice, reason });
    expect(await change('12.00', 'the season')).toEqual({ kind: 'SKU_UPDATED', skuId });
    const versions = (await versionsOfListings(fresh.db.pool, w.viewer('HQ'), [skuId])).get(skuId) ?? [];
    expect(versions.map(({ number, reason }) => [number, reason])).toEqual([
      [2, 'the season'],
      [1, 'the season'],
    ]);
    expect(versions[0]?.changes).toEqual([{ field: 'basePrice', before: '10.0000', after: '12.0000' }]);
    await buy(w, skuId);
    expect(await fresh.sql('SELECT listing_version FROM orders WHERE network_id = $1', [w.networkId])).toEqual([{ listing_version: 2 }]);
    // 6.00 is what a key costs
    expect(await change('5.00')).toMatchObject({ kind: 'LISTING_REFUSED', problems: [{ code: 'BELOW_COST' }] });
    expect(await change('6.10')).toMatchObject({ kind: 'LISTING_REFUSED', problems: [{ code: 'MARGIN_LOW' }] });
    expect(await change('6.10', 'clearance')).toMatchObject({ kind: 'SKU_UPDATED' });
    expect(await listingsByIds(fresh.db.pool, w.viewer('HQ'), [skuId])).toMatchObject(new Map([[skuId, { number: 3 }]]));
  });

  test('a word that the network bans is refused on sale too; what was wrong before may stay', async () => {
    const w = await network();
    await setPolicy(w, { bannedWords: ['外挂'] });
    const rename = async (name: string) => updateSku(fresh.db, w.viewer('HQ'), { ...(await at(w, w.skus.video)), name, reason: '' });
    // imported goods have neither scene nor description, and were never asked
    expect(await rename('a month')).toMatchObject({ kind: 'SKU_UPDATED' });
    expect(await rename('外 挂')).toMatchObject({ kind: 'LISTING_REFUSED', problems: [{ code: 'BANNED_WORD' }] });
    const product = { ...GOOD, name: '外挂 film', productId: w.products.video, expectedVersion: 1 };
    expect(await updateProduct(fresh.db, w.viewer('HQ'), product)).toMatchObject({ kind: 'LISTING_REFUSED' });
    expect(await updateProduct(fresh.db, w.viewer('HQ'), { ...product, name: 'film' })).toMatchObject({ kind: 'PRODUCT_UPDATED' });
    expect(await updateProduct(fresh.db, w.viewer('HQ'), product)).toMatchObject({
      kind: 'STALE_VERSION',
      current: { name: 'film', version: 2 },
    });
  });

  test('of what is for sale neither the way of delivery nor the unit of its price changes', async () => {
    const w = await network();
    const edit = { ...(await at(w, w.skus.steam)), reason: '' };
    expect(await updateSku(fresh.db, w.viewer('HQ'), { ...edit, unitSize: 100 })).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await updateSku(fresh.db, w.viewer('HQ'), { ...edit, deliveryKind: 'SOURCED' })).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await updateSku(fresh.db, w.viewer('A'), { ...edit, name: 'x' })).toEqual({ kind: 'NOT_FOUND' });
  });

  test('nothing new is no new version; a cost that moved makes one, and headquarters reviews what it has not seen', async () => {
    const w = await network();
    const author = { actorId: null, reason: 'cost' };
    const note = () => inTransaction(fresh.db, (tx) => noteListingChange(tx, w.networkId, [w.skus.steam], author));
    await note();
    await note();
    expect(await fresh.sql('SELECT number FROM listing_version WHERE network_id = $1', [w.networkId])).toEqual([{ number: 2 }]);
    const page = { count: 10, direction: 'FORWARD', from: null } as const;
    const changed = await listingsPage(fresh.db.pool, w.viewer('HQ'), { states: null, ownerId: null, changed: true }, page);
    // a listing that nobody has ever submitted is nobody's to review
    expect(changed.rows).toEqual([]);
  });
});

describe('a bundle', () => {
  const components = (w: Tree) => [
    { componentSkuId: w.skus.steam, quantity: 2, weight: 1 },
    { componentSkuId: w.skus.video, quantity: 1, weight: 1 },
  ];
  async function bundle(w: Tree, parts = components(w)) {
    const made = await draft(w, 'Box', { sku: { deliveryKind: 'BUNDLE', basePrice: '45.00' } });
    const set = await setBundleComponents(fresh.db, w.viewer('HQ'), { ...(await at(w, made.skuId)), components: parts, reason: '' });
    return { ...made, set };
  }

  test('is made of its owner’s SKUs, costs what they cost together, and is live while they are', async () => {
    const w = await network();
    const { skuId, set } = await bundle(w);
    expect(set).toEqual({ kind: 'BUNDLE_SET', skuId });
    await submit(w, skuId);
    expect(await checks(w, skuId)).toEqual({ CONTENT: 'PASSED', TECHNICAL: 'PASSED', PRICE: 'PASSED' });
    const [price] = await fresh.sql<{ facts: object }>(`SELECT facts FROM listing_check WHERE network_id = $1 AND kind = 'PRICE'`, [
      w.networkId,
    ]);
    // 45.00 − (2 × 6.00 + 15.00) = 18.00, of 45.00 40 %
    expect(price?.facts).toEqual({ marginBps: 4000 });
    await pauseListing(fresh.db, w.viewer('HQ'), await at(w, w.skus.video));
    await recheckListing(fresh.db, w.viewer('HQ'), await at(w, skuId));
    await runChecks();
    expect(await checks(w, skuId)).toMatchObject({ TECHNICAL: 'FAILED COMPONENT_NOT_LIVE' });
  });

  test('holds no bundle, nothing twice, nothing of another owner', async () => {
    const w = await network();
    const { skuId } = await bundle(w);
    const set = async (parts: ReturnType<typeof components>) =>
      setBundleComponents(fresh.db, w.viewer('HQ'), { ...(await at(w, skuId)), components: parts, reason: '' });
    const [steam] = components(w);
    const part = { quantity: 1, weight: 1 };
    expect(await set([])).toMatchObject({ field: 'components', message: 'a bundle has 1 to 20 components.' });
    expect(await set([steam, steam] as never)).toMatchObject({ message: 'a component stands there twice.' });
    expect(await set([{ ...part, componentSkuId: skuId }])).toMatchObject({ message: 'a bundle holds no bundle.' });
    const foreign = await draft(w, 'Foreign', { by: 'A' });
    expect(await set([{ ...part, componentSkuId: foreign.skuId }])).toMatchObject({
      message: 'the components of a bundle belong to its owner.',
    });
    const edit = { ...(await at(w, w.skus.steam)), reason: '' };
    expect(await updateSku(fresh.db, w.viewer('HQ'), { ...edit, deliveryKind: 'BUNDLE' })).toMatchObject({ kind: 'NOT_ALLOWED' });
  });

  test('asks for what its components ask, also after they ask something else', async () => {
    const w = await network();
    const qq = inputFieldOf({ name: 'qq', kind: 'QQ' });
    const coins = await draft(w, 'Coins', { sku: { goodsKind: 'TOP_UP', deliveryKind: 'SOURCED', inputFields: [qq] } });
    const { skuId } = await bundle(w, [...components(w), { componentSkuId: coins.skuId, quantity: 1, weight: 0 }]);
    const asked = async () =>
      (await fresh.sql('SELECT input_fields AS fields FROM sku WHERE network_id = $1 AND id = $2', [w.networkId, skuId]))[0];
    expect(await asked()).toEqual({ fields: [qq] });
    const phone = inputFieldOf({ name: 'phone', kind: 'PHONE' });
    await updateSku(fresh.db, w.viewer('HQ'), { ...(await at(w, coins.skuId)), inputFields: [qq, phone], reason: '' });
    expect(await asked()).toEqual({ fields: [qq, phone] });
  });

  test('is in the catalogue as often as its scarcest component allows, and gone while one of them is', async () => {
    const w = await network();
    const { skuId } = await bundle(w);
    await submit(w, skuId);
    await approve(w, skuId);
    const offer = async () => (await catalogueEntries(fresh.db, w.viewer('R'), [skuId])).get(skuId)?.offer;
    // ten keys of one, two in each; five of the other, one in each
    expect(await offer()).toMatchObject({ stock: { availableCount: 5 }, notSellable: null });
    await pauseListing(fresh.db, w.viewer('HQ'), await at(w, w.skus.video));
    expect(await offer()).toMatchObject({ notSellable: 'UNAVAILABLE' });
  });

  test('whoever watches it is told when the stock of a component changes, and misses nothing when cut off between', async () => {
    const w = await network();
    const { skuId } = await bundle(w);
    const sight = {
      maySee: async (ids: readonly string[]) => new Set(ids),
      bundlesHolding: (ids: readonly string[]) => bundlesOfComponents(fresh.db.pool, w.viewer('R'), ids),
    };
    const feed = stockFeed(w.viewer('R'), sight);
    const event = (seq: bigint, subjectId: string) =>
      ({ seq, topic: 'stock.changed', subjectId, audience: [], data: {}, occurredAt: now, networkId: w.networkId }) as unknown as LiveEvent;
    const told = await tellBatch(feed, [event(7n, w.skus.steam), event(8n, w.skus.video)]);
    expect(told.map(({ seq, root }) => [seq, root.skuId])).toEqual([
      [7n, w.skus.steam],
      [8n, skuId],
      [8n, w.skus.video],
    ]);
    expect(told.map(({ root }) => decodeCursor(feed.scope, root.cursor))).toEqual([7n, 7n, 8n]);
  });
});
