import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { globalId } from '#schema/ids.ts';
import { createUpstreams } from '#server/connectors/upstreams.ts';
import { applyUpstreamImport, type PreviewInput, previewUpstreamImport } from '#server/flows/import-upstream.ts';
import { listNextImport } from '#server/flows/upstream-import-worker.ts';
import { type ImportMapping, mergeMapping, NO_MAPPING } from '#server/imports/rules.ts';
import { selectImportItems, selectImports } from '#server/imports/sql.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { createAccount, sealNewAccount } from '#server/offers/commands.ts';
import { inTransaction } from '#server/platform/database.ts';
import { createLog } from '#server/platform/log.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { ask } from '#test/schema/ask.ts';
import { dujiaoNextProtocol } from '#test/simulators/dujiao-next.ts';
import type { SimulatedGoods } from '#test/simulators/shop.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { countStatements } from '#test/support/statements.ts';
import { testVault, type World, world } from '#test/support/world.ts';

const CREDENTIALS = { apiKey: 'key-1', apiSecret: 'secret-1' };

let fresh: FreshDatabase;
let shop: Simulator;
let w: World<'HQ' | 'A', 'card' | 'retired', 'S'>;
let accountId: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  shop = await startSimulator(dujiaoNextProtocol(CREDENTIALS), { goods: GOODS, openingCents: 1_000_000, mark: 'IMPO' });
  w = await world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' } },
    suppliers: ['S'],
    skus: { card: { basePrice: '12.00', category: '点卡' }, retired: { basePrice: '5.00', listingState: 'RETIRED' } },
  });
  accountId = await openAccount('独角', 'CNY');
});
afterAll(async () => {
  await shop.close();
  await fresh.drop();
});

function goods(id: string, more: Partial<SimulatedGoods> = {}): SimulatedGoods {
  const usual = { category: '游戏', priceCents: 1_000, stockCount: 30, minQuantity: 1, maxQuantity: 100, fields: [], isPaused: false };
  return { id, name: id, goodsKind: 'CARD_KEY', ...usual, ...more };
}

const GOODS: readonly SimulatedGoods[] = [
  goods('月卡', { priceCents: 1_250 }),
  goods('年卡', { priceCents: 9_900 }),
  goods('话费直充', { category: '话费', goodsKind: 'TOP_UP', fields: [{ name: 'phone', label: '手机号' }] }),
  // named as a SKU of our own: it gets an offer
  goods('card', { priceCents: 950 }),
  goods('retired'),
  goods('白送', { priceCents: 0 }),
  goods('长'.repeat(201)),
];

async function openAccount(name: string, currency: string, baseUrl = shop.url): Promise<string> {
  const id = fresh.db.newId();
  const owner = { networkId: w.networkId, ownerId: w.hq };
  const settings = { api_key: CREDENTIALS.apiKey };
  const { callbackUrl: _, ...sealed } = sealNewAccount(
    testVault,
    { networkId: w.networkId, accountId: id, publicUrl: null },
    { api_secret: CREDENTIALS.apiSecret },
  );
  const values = { name, baseUrl, currency, settings, callsAtOnce: 4, isEnabled: true, checkedAt: fresh.db.clock() };
  await inTransaction(fresh.db, (tx) =>
    createAccount(tx, { ...owner, ...values, ...sealed, accountId: id, supplierId: w.suppliers.S, kind: 'DUJIAO_NEXT', createdBy: w.hq }),
  );
  return id;
}

const log = createLog('silent');
const upstreams = createUpstreams({ outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'] }), clock: () => new Date() }, null);
const listNext = () => listNextImport({ db: fresh.db, vault: testVault, upstreams, log });

/** Asks for a preview and has it listed. */
async function preview(more: Partial<PreviewInput> = {}): Promise<string> {
  const input = { accountId, markupPercent: '20', rate: null, rateSource: '', categories: [], skus: [], ...more };
  const asked = await previewUpstreamImport(fresh.db, w.viewer('HQ'), input);
  if (asked.kind !== 'PREVIEW_ASKED') throw new Error(JSON.stringify(asked));
  expect(await listNext()).toBe(true);
  return asked.importId;
}

const owner = () => ({ networkId: w.networkId, ownerId: w.hq });
const itemsOf = async (importId: string) => {
  const rows = await selectImportItems(
    fresh.db.pool,
    owner(),
    { importId, change: null },
    { direction: 'FORWARD', from: null, limit: 100 },
  );
  return rows.map((row) => ({ ...row, input_fields: row.input_fields as { name: string }[] }));
};
const apply = (importId: string, itemIds: readonly string[] | null = null) =>
  applyUpstreamImport(fresh.db, w.viewer('HQ'), { importId, itemIds, terms: 'OWN' });
const count = async (table: string) => (await fresh.sql<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`))[0]?.count;

describe('a preview', () => {
  it('says of each of the goods what importing it would do, at which cost and which suggested price, and does nothing', async () => {
    const before = await count('sku');
    const items = await itemsOf(await preview());
    expect(items.map(({ sku_name, change, reason }) => [sku_name.slice(0, 4), change, reason])).toEqual([
      ['月卡', 'NEW', null],
      ['年卡', 'NEW', null],
      ['话费直充', 'NEW', null],
      ['card', 'OFFER_ADDED', null],
      ['reti', 'SKIPPED', 'SKU_RETIRED'],
      ['白送', 'SKIPPED', 'BAD_COST'],
      ['长长长长', 'SKIPPED', 'BAD_NAME'],
    ]);
    expect(items[0]).toMatchObject({
      category_names: ['游戏'],
      product_name: '月卡',
      goods: { product_id: '1', sku_id: '1' },
      upstream_unit_cost: '12.5000',
      unit_cost: '12.5000',
      old_unit_cost: null,
      base_price: '15.0000',
      stock_count: 30,
    });
    expect(items[2]).toMatchObject({ goods_kind: 'TOP_UP', category_names: ['话费'] });
    expect(items[2]?.input_fields[0]).toMatchObject({ name: 'phone', label: '手机号', isRequired: true });
    expect(items[3]).toMatchObject({ sku_id: w.skus.card, base_price: null });
    expect(await count('sku')).toBe(before);
    expect(await count('supply_offer')).toBe(0);
  });

  it('tells why an upstream could not be listed, and keeps nobody waiting', async () => {
    const deadId = await openAccount('不在', 'CNY', 'http://127.0.0.1:9');
    const importId = await preview({ accountId: deadId });
    const [job] = await selectImports(fresh.db.pool, owner(), [importId]);
    expect(job).toMatchObject({ state: 'FAILED', failure: 'NOT_SENT: The connection was refused or broke.' });
    expect(await apply(importId)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await listNext()).toBe(false);
  });

  it('of other money wants a rate with its source, and counts by it', async () => {
    const usdId = await openAccount('美元', 'USD');
    const input = { accountId: usdId, markupPercent: '0', rate: null, rateSource: '', categories: [], skus: [] };
    const hq = w.viewer('HQ');
    expect(await previewUpstreamImport(fresh.db, hq, input)).toMatchObject({ kind: 'INVALID_INPUT', field: 'rate' });
    expect(await previewUpstreamImport(fresh.db, hq, { ...input, rate: '7.1' })).toMatchObject({
      kind: 'INVALID_INPUT',
      field: 'rateSource',
    });
    expect(await previewUpstreamImport(fresh.db, hq, { ...input, rate: '7.1', rateSource: '中国银行', accountId })).toMatchObject({
      field: 'rate',
    });
    const items = await itemsOf(await preview({ ...input, rate: '7.12345678', rateSource: '中国银行' }));
    expect(items[0]).toMatchObject({ upstream_unit_cost: '12.5000', unit_cost: '89.0432', base_price: '89.0432', account_currency: 'USD' });
  });

  it('is of the acting station’s own accounts, one at a time, and of none that a person stands behind', async () => {
    const input = { accountId, markupPercent: '20', rate: null, rateSource: '', categories: [], skus: [] };
    expect(await previewUpstreamImport(fresh.db, w.viewer('A'), input)).toEqual({ kind: 'NOT_FOUND' });
    expect(await previewUpstreamImport(fresh.db, w.viewer('S'), input)).toEqual({ kind: 'NOT_FOUND' });
    expect(await previewUpstreamImport(fresh.db, w.viewer('HQ'), { ...input, markupPercent: '-1' })).toMatchObject({
      field: 'markupPercent',
    });
    expect(await previewUpstreamImport(fresh.db, w.viewer('HQ'), input)).toMatchObject({ kind: 'PREVIEW_ASKED' });
    expect(await previewUpstreamImport(fresh.db, w.viewer('HQ'), input)).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(await listNext()).toBe(true);
  });
});

describe('applying', () => {
  it('does exactly what was chosen: drafts that are sourced, with their shelf, offer and first cost', async () => {
    const importId = await preview();
    const items = await itemsOf(importId);
    const chosen = items.filter(({ sku_name }) => ['月卡', '话费直充', 'card'].includes(sku_name)).map(({ id }) => id);
    expect(await apply(importId, chosen)).toMatchObject({ kind: 'IMPORT_APPLIED', applied: 3, appliedBefore: 0, changedSince: 0 });
    const made = await fresh.sql(
      `SELECT s.name, s.base_price::text, s.delivery_kind::text, s.listing_state::text, s.goods_kind, p.name AS product, c.name AS category,
         o.unit_cost::text, o.terms::text, o.goods, o.stock_count, k.unit_cost::text AS first_cost, k.reason
       FROM supply_offer o JOIN sku s ON s.id = o.sku_id JOIN product p ON p.id = s.product_id JOIN category c ON c.id = p.category_id
       JOIN supply_offer_cost k ON k.offer_id = o.id ORDER BY o.unit_cost`,
    );
    const offer = { terms: 'OWN', stock_count: 30, reason: expect.stringContaining('独角') };
    expect(made).toEqual([
      {
        ...offer,
        name: 'card',
        base_price: '12.0000',
        delivery_kind: 'FROM_STOCK',
        listing_state: 'LIVE',
        goods_kind: 'CARD_KEY',
        product: 'card',
        category: '点卡',
        unit_cost: '9.5000',
        goods: { product_id: '4', sku_id: '4' },
        first_cost: '9.5000',
      },
      {
        ...offer,
        name: '话费直充',
        base_price: '12.0000',
        delivery_kind: 'SOURCED',
        listing_state: 'DRAFT',
        goods_kind: 'TOP_UP',
        product: '话费直充',
        category: '话费',
        unit_cost: '10.0000',
        goods: { product_id: '3', sku_id: '3' },
        first_cost: '10.0000',
      },
      {
        ...offer,
        name: '月卡',
        base_price: '15.0000',
        delivery_kind: 'SOURCED',
        listing_state: 'DRAFT',
        goods_kind: 'CARD_KEY',
        product: '月卡',
        category: '游戏',
        unit_cost: '12.5000',
        goods: { product_id: '1', sku_id: '1' },
        first_cost: '12.5000',
      },
    ]);
  });

  it('twice changes nothing twice, also when both come at once', async () => {
    const importId = await preview();
    const before = [await count('sku'), await count('supply_offer'), await count('supply_offer_cost')];
    const both = await Promise.all([apply(importId), apply(importId)]);
    const applied = both.map((each) => (each.kind === 'IMPORT_APPLIED' ? `${each.applied} now, ${each.appliedBefore} before` : each.kind));
    expect(new Set(applied)).toEqual(new Set(['1 now, 0 before', '0 now, 1 before']));
    expect(await apply(importId)).toMatchObject({ applied: 0, appliedBefore: 1 });
    // 年卡 alone was left
    expect([await count('sku'), await count('supply_offer'), await count('supply_offer_cost')]).toEqual(
      before.map((each) => (each ?? 0) + 1),
    );
  });

  it('a second preview knows what is there, and a cost that moved is told old and new; prices stay', async () => {
    shop.shop.goods.forEach((each) => Object.assign(each, { priceCents: each.id === '月卡' ? 1_300 : each.priceCents }));
    const importId = await preview();
    const items = await itemsOf(importId);
    expect(items.slice(0, 4).map(({ change }) => change)).toEqual(['COST_CHANGED', 'UNCHANGED', 'UNCHANGED', 'UNCHANGED']);
    expect(items[0]).toMatchObject({ old_unit_cost: '12.5000', unit_cost: '13.0000', base_price: null });
    expect(await apply(importId)).toMatchObject({ applied: 1, changedSince: 0 });
    const [offer] = await fresh.sql(
      `SELECT o.unit_cost::text, o.version, s.base_price::text, (SELECT count(*)::int FROM supply_offer_cost k WHERE k.offer_id = o.id) AS costs
       FROM supply_offer o JOIN sku s ON s.id = o.sku_id WHERE s.name = '月卡'`,
    );
    expect(offer).toEqual({ unit_cost: '13.0000', version: 2, base_price: '15.0000', costs: 2 });
  });

  it('leaves what somebody changed since, and says so', async () => {
    shop.shop.goods.forEach((each) => Object.assign(each, { priceCents: each.id === '月卡' ? 1_400 : each.priceCents }));
    const importId = await preview();
    await fresh.sql(`UPDATE supply_offer SET unit_cost = 12.75 WHERE unit_cost = 13`);
    expect(await apply(importId)).toMatchObject({ applied: 0, changedSince: 1 });
    expect((await itemsOf(importId))[0]).toMatchObject({ change: 'COST_CHANGED', applied_at: null, problem: 'CHANGED_SINCE' });
    const [{ unit_cost } = { unit_cost: '' }] = await fresh.sql<{ unit_cost: string }>(
      `SELECT o.unit_cost::text FROM supply_offer o JOIN sku s ON s.id = o.sku_id WHERE s.name = '月卡'`,
    );
    expect(unit_cost).toBe('12.7500');
  });

  it('is of the newest preview alone; an older one forgets what nobody applied', async () => {
    const older = await preview();
    const newer = await preview();
    expect(await apply(older)).toEqual({ kind: 'STALE_VERSION', newestId: newer });
    expect(await itemsOf(older)).toEqual([]);
    expect(await applyUpstreamImport(fresh.db, w.viewer('A'), { importId: newer, itemIds: null, terms: 'OWN' })).toEqual({
      kind: 'NOT_FOUND',
    });
  });

  it('leaves the ledger alone', async () => {
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });
});

describe('what a person says', () => {
  it('of shelves and SKUs holds for this preview and the next, and can be taken back', async () => {
    const mappedId = await openAccount('映射', 'CNY');
    const [month] = (await itemsOf(await preview({ accountId: mappedId }))).filter(({ sku_name }) => sku_name === '月卡');
    // 月卡 would be found by its name; it is said to be the card instead, and what is named like our card to be a new one
    expect(month).toMatchObject({ change: 'OFFER_ADDED' });
    const items = await itemsOf(await preview({ accountId: mappedId }));
    const idOf = (name: string) => items.find(({ sku_name }) => sku_name === name)?.id ?? '';
    const said = {
      categories: [[['游戏'], ['数字商品', '游戏点卡']]] as const,
      skus: [
        [idOf('月卡'), w.skus.card],
        [idOf('card'), null],
      ] as const,
    };
    const next = await itemsOf(await preview({ accountId: mappedId, ...said }));
    expect(next.find(({ sku_name }) => sku_name === '月卡')).toMatchObject({ change: 'OFFER_ADDED', sku_id: w.skus.card });
    expect(next.find(({ sku_name }) => sku_name === 'card')).toMatchObject({ change: 'NEW', category_names: ['数字商品', '游戏点卡'] });
    const importId = await preview({ accountId: mappedId });
    const again = await itemsOf(importId);
    expect(again.map(({ change, category_names, sku_id }) => [change, category_names, sku_id])).toEqual(
      next.map(({ change, category_names, sku_id }) => [change, category_names, sku_id]),
    );
    expect(
      await apply(
        importId,
        again.filter(({ sku_name }) => sku_name === 'card').map(({ id }) => id),
      ),
    ).toMatchObject({ applied: 1 });
    const [shelf] = await fresh.sql(
      `SELECT c.name, p.name AS parent FROM supply_offer o JOIN sku s ON s.id = o.sku_id JOIN product q ON q.id = s.product_id
       JOIN category c ON c.id = q.category_id JOIN category p ON p.id = c.parent_id WHERE o.account_id = $1`,
      [mappedId],
    );
    expect(shelf).toEqual({ name: '游戏点卡', parent: '数字商品' });
    const back = await itemsOf(await preview({ accountId: mappedId, categories: [[['游戏'], []]] }));
    expect(back[0]?.category_names).toEqual(['游戏']);
  });

  it('of a shelf that goods were put on before is about these goods, as the preview shows them', async () => {
    const movedId = await openAccount('再次映射', 'CNY');
    const shelfAfter = async (...categories: PreviewInput['categories']) =>
      (await itemsOf(await preview({ accountId: movedId, categories }))).find(({ sku_name }) => sku_name === '月卡')?.category_names;
    expect(await shelfAfter([['游戏'], ['数字商品', '游戏点卡']])).toEqual(['数字商品', '游戏点卡']);
    expect(await shelfAfter([['数字商品', '游戏点卡'], ['卡密']])).toEqual(['卡密']);
    expect(await shelfAfter()).toEqual(['卡密']);
    expect(await shelfAfter([['卡密'], []])).toEqual(['游戏']);
  });

  it.each([
    [
      'what was put there, and what the upstream has there, go together',
      [['a', 'b']],
      [['b', 'c']],
      [
        ['a', 'c'],
        ['b', 'c'],
      ],
    ],
    [
      'two shelves that were changed over stay apart',
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      [['b', 'c']],
      [
        ['a', 'c'],
        ['b', 'a'],
      ],
    ],
    [
      'goods that were put elsewhere are not meant by the shelf that they left',
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      [['b', 'd']],
      [
        ['a', 'd'],
        ['b', 'c'],
      ],
    ],
    ['an upstream’s own name still moves its goods', [['a', 'b']], [['a', 'c']], [['a', 'c']]],
    ['and brings them back', [['a', 'b']], [['a', '']], []],
    ['goods that come back to where they were are mapped no more', [['a', 'b']], [['b', 'a']], [['b', 'a']]],
  ] as const)('%s', (_, before, now, together) => {
    const mapping = (pairs: readonly (readonly [string, string])[]): ImportMapping => ({
      ...NO_MAPPING,
      categories: pairs.map(([from, to]) => [[from], to === '' ? [] : [to]]),
    });
    const { categories } = mergeMapping(mapping(before), mapping(now));
    expect(categories.toSorted(([a], [b]) => (a.join() < b.join() ? -1 : 1))).toEqual(mapping(together).categories);
  });

  it('of items and SKUs that are not there, or not theirs, is refused', async () => {
    const input = { accountId, markupPercent: '20', rate: null, rateSource: '', categories: [], skus: [] };
    const ask = (more: Partial<PreviewInput>) => previewUpstreamImport(fresh.db, w.viewer('HQ'), { ...input, ...more });
    expect(await ask({ skus: [[fresh.db.newId(), w.skus.card]] })).toMatchObject({ kind: 'INVALID_INPUT', field: 'skus' });
    expect(await ask({ skus: [['', null]] })).toMatchObject({ kind: 'INVALID_INPUT', field: 'skus' });
    expect(await ask({ categories: [[['游戏'], ['一', '二', '三', '四']]] })).toMatchObject({ kind: 'INVALID_INPUT', field: 'categories' });
  });
});

it('an upstream that lists what cannot be stored is listed all the same, without it', async () => {
  const HOSTILE = [
    goods('\u0000零', { name: '\u0000' }),
    goods('代', { name: '\ud800 半个字' }),
    goods('行', { name: '两\n行', category: '\u0007' }),
    goods('负', { priceCents: -500 }),
    goods('大', { priceCents: Number.MAX_SAFE_INTEGER }),
    goods('域', { fields: Array.from({ length: 30 }, (_, index) => ({ name: `f${index}`, label: 'f' })), goodsKind: 'TOP_UP' }),
  ];
  const hostile = await startSimulator(dujiaoNextProtocol(CREDENTIALS), { goods: HOSTILE, openingCents: 1, mark: 'HOST' });
  try {
    const items = await itemsOf(await preview({ accountId: await openAccount('敌意', 'CNY', hostile.url) }));
    expect(items.map(({ change, reason, product_name }) => [change, reason, product_name])).toEqual([
      ['SKIPPED', 'BAD_NAME', ''],
      ['NEW', null, '\ufffd 半个字'],
      ['NEW', null, '两 行'],
      ['SKIPPED', 'BAD_COST', '负'],
      ['SKIPPED', 'BAD_COST', '大'],
      ['SKIPPED', 'INPUT_FIELDS', '域'],
    ]);
    expect(items[2]?.category_names).toEqual(['敌意']);
  } finally {
    await hostile.close();
  }
});

describe('by the contract', () => {
  const ITEMS =
    'nodes: edges { node { change reason skuName goodsKind unitCost { amount currency } oldUnitCost { amount } basePrice { amount } sku { name } changedSince } }';
  const READ = `query ($id: ID!, $first: Int) { upstreamImport(accountId: $id) { id number isNewest state account { name } markupPercent rate counts { change count appliedCount }
    items(first: $first) { totalCount pageInfo { hasNextPage } ${ITEMS} } skipped: items(first: 5, change: SKIPPED) { totalCount } } }`;
  const asked = async (document: string, variables: Record<string, unknown>) => {
    const { data, errors } = await ask(fresh.db, w.viewer('HQ'), document, variables);
    expect(errors).toBeUndefined();
    return data as Record<string, Record<string, unknown>>;
  };

  it('a preview is asked for, read in pages and applied; an older one is stale', async () => {
    const id = globalId('SupplyAccount', await openAccount('合同', 'CNY'));
    const PREVIEW = `mutation ($input: PreviewUpstreamImportInput!) { previewUpstreamImport(input: $input) { __typename ... on UpstreamImportAsked { upstreamImport { id state } } ... on Refusal { code } } }`;
    const first = await asked(PREVIEW, { input: { accountId: id, markupPercent: '5' } });
    expect(first['previewUpstreamImport']).toMatchObject({ __typename: 'UpstreamImportAsked', upstreamImport: { state: 'PENDING' } });
    expect((await asked(PREVIEW, { input: { accountId: id, markupPercent: '5' } }))['previewUpstreamImport']).toMatchObject({
      code: 'NOT_ALLOWED',
    });
    expect(await listNext()).toBe(true);
    const { upstreamImport } = await asked(READ, { id, first: 2 });
    expect(upstreamImport).toMatchObject({
      number: 1,
      isNewest: true,
      state: 'READY',
      account: { name: '合同' },
      markupPercent: '5.0000',
      rate: null,
    });
    expect(upstreamImport?.['items']).toMatchObject({ totalCount: 7, pageInfo: { hasNextPage: true }, nodes: { length: 2 } });
    expect(upstreamImport?.['skipped']).toEqual({ totalCount: 3 });
    const APPLY = `mutation ($input: ApplyUpstreamImportInput!) { applyUpstreamImport(input: $input) { __typename ... on UpstreamImportApplied { appliedCount appliedBeforeCount changedSinceCount upstreamImport { counts { change appliedCount } } }
      ... on StaleVersion { code current { id } } ... on Refusal { code } } }`;
    const applied = await asked(APPLY, { input: { upstreamImportId: upstreamImport?.['id'], terms: 'CONSIGNMENT' } });
    // known by their names from the account before: they get a second offer
    expect(applied['applyUpstreamImport']).toMatchObject({ __typename: 'UpstreamImportApplied', appliedCount: 4, changedSinceCount: 0 });
    await asked(PREVIEW, { input: { accountId: id, markupPercent: '5' } });
    const stale = await asked(APPLY, { input: { upstreamImportId: upstreamImport?.['id'], terms: 'CONSIGNMENT' } });
    expect(stale['applyUpstreamImport']).toMatchObject({
      __typename: 'StaleVersion',
      current: { id: expect.not.stringMatching(String(upstreamImport?.['id'])) },
    });
    expect(await listNext()).toBe(true);
    const few = await countStatements(fresh.db, () => asked(READ, { id, first: 1 }));
    const many = await countStatements(fresh.db, () => asked(READ, { id, first: 7 }));
    expect(many.names).toEqual(few.names);
  });
});

it('goods by the thousands take as many statements as a handful', async () => {
  const MANY = 1_000;
  const statementsFor = async (goodsCount: number) => {
    const category = (index: number) => `${goodsCount} 类 ${index % 40}`;
    const list = Array.from({ length: goodsCount }, (_, index) => goods(`${goodsCount} 品 ${index}`, { category: category(index) }));
    const simulator = await startSimulator(dujiaoNextProtocol(CREDENTIALS), { goods: list, openingCents: 1, mark: 'MANY' });
    try {
      const bigId = await openAccount(`货源 ${goodsCount}`, 'CNY', simulator.url);
      const { names } = await countStatements(fresh.db, async () => {
        const importId = await preview({ accountId: bigId });
        expect(await apply(importId)).toMatchObject({ applied: goodsCount, changedSince: 0 });
      });
      return names;
    } finally {
      await simulator.close();
    }
  };
  const few = await statementsFor(3);
  expect(await statementsFor(MANY)).toEqual(few);
  expect(await count(`sku WHERE code LIKE 'U%' AND listing_state = 'DRAFT' AND name LIKE '${MANY} 品 %'`)).toBe(MANY);
  expect(await count(`category WHERE name LIKE '${MANY} 类 %'`)).toBe(40);
});
