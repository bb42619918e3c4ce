import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { permissionsOfRole, type Viewer } from '#server/accounts/rules.ts';
import { importCardKeys } from '#server/flows/import-card-keys.ts';
import { type ImportCatalogueOutcome, importCatalogue } from '#server/flows/import-catalogue.ts';
import { importNext } from '#server/flows/import-worker.ts';
import { type OpenNetworkInput, openNetwork } from '#server/flows/open-network.ts';
import { openStation } from '#server/flows/open-station.ts';
import { openSupplier } from '#server/flows/open-supplier.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { createLog } from '#server/platform/log.ts';
import { verifyPassword } from '#server/platform/password.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault } from '#test/support/world.ts';

// What an operator does on an empty installation, up to the first order.
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

let number = 0;
const named = (over: Partial<OpenNetworkInput> = {}): OpenNetworkInput => {
  number += 1;
  return {
    name: `云仓数码 ${number}`,
    code: 'HQ',
    currency: 'CNY',
    timeZone: 'Asia/Shanghai',
    ownerEmail: `boss-${number}@example.com`,
    ownerName: '张三',
    ...over,
  };
};

/** A network with its headquarters' owner, as she acts once she has signed in. */
async function opened(over: Partial<OpenNetworkInput> = {}) {
  const input = named(over);
  const outcome = await openNetwork(fresh.db, input);
  if (outcome.kind !== 'NETWORK_OPENED') throw new Error(JSON.stringify(outcome));
  const [person] = await fresh.sql<{ user_id: string; password: string }>(
    `SELECT m.user_id, c.password FROM membership m JOIN credential c USING (user_id)
     WHERE m.network_id = $1 AND m.station_id = $2 AND m.role = 'OWNER'`,
    [outcome.networkId, outcome.headquartersId],
  );
  if (!person) throw new Error('nobody owns the network');
  return {
    ...outcome,
    name: input.name,
    passwordHash: person.password,
    boss: at(outcome.networkId, outcome.headquartersId, person.user_id),
  };
}

function at(networkId: string, stationId: string, userId: string): Viewer {
  const actor = { kind: 'USER', userId, sessionId: userId } as const;
  const permissions = permissionsOfRole.OWNER;
  return { networkId, party: { kind: 'STATION', stationId }, actor, role: 'OWNER', permissions, clientAddress: null };
}

const HEADING =
  'category1,category2,category3,product,brand,description,sku_code,sku,face_value,base_price,unit_size,min_quantity,max_quantity,quantity_step';
const STEAM = '礼品卡,游戏,Steam,Steam 充值卡,Valve,"国区, 自动发货",STEAM-50,50 元,CNY 50,47.50,,,100,';
const STEAM_100 = '礼品卡,游戏,Steam,Steam 充值卡,,,STEAM-100,100 元,CNY 100,94.8,1,1,50,1';
const COINS = '直充,,,金币,,,COIN,金币,,6.1234,1000,1000,100000,1000';

function imported(
  network: string,
  lines: readonly string[],
  over: { dryRun?: boolean; heading?: string } = {},
): Promise<ImportCatalogueOutcome> {
  const file = Buffer.from([over.heading ?? HEADING, ...lines, ''].join('\r\n'));
  return importCatalogue(fresh.db, { network, file, dryRun: over.dryRun ?? false });
}

/** Rows of every table that a refused command could have touched. */
async function rowCounts(): Promise<unknown> {
  const tables = 'network station supplier users credential membership category product sku audit_entry outbox_event'.split(' ');
  return fresh.sql(tables.map((table) => `SELECT '${table}' AS name, count(*)::int FROM ${table}`).join(' UNION ALL '));
}

describe('a network on an empty installation', () => {
  test('is opened, filled by commands, and sells; the books are clean', async () => {
    const { name, networkId, headquartersId, boss } = await opened();
    const supplier = await openSupplier(fresh.db, { network: name, name: '星河卡券', code: 'XH', ownerEmail: null, ownerName: null });
    if (supplier.kind !== 'SUPPLIER_OPENED') throw new Error(JSON.stringify(supplier));
    expect(await imported(name, [STEAM, STEAM_100, COINS])).toEqual({
      kind: 'CATALOGUE_IMPORTED',
      categories: { created: 4, updated: 0, unchanged: 0 },
      products: { created: 2, updated: 0, unchanged: 0 },
      skus: { created: 3, updated: 0, unchanged: 0 },
      repriced: 0,
    });
    const skuId = await idOfSku(networkId, 'STEAM-50');
    const keys = { supplierId: supplier.supplierId, terms: 'CONSIGNMENT', totalCost: '92.00', expiresOn: null, format: 'TEXT' } as const;
    await importCardKeys(fresh.db, testVault, boss, { ...keys, requestKey: 'keys', skuId, text: 'AAAA-1\nAAAA-2\nAAAA-3' });
    while (await importNext(fresh.db, createLog('silent')));
    const station = { parentId: null, kind: 'RESELLER', name: '小满游戏铺', code: 'XM', levelId: null } as const;
    const open = await openStation(fresh.db, boss, { ...station, requestKey: 'open', ownerEmail: 'xm@example.com', ownerName: null });
    if (open.kind !== 'STATION_OPENED') throw new Error(JSON.stringify(open));
    await topUpWallet(fresh.db, boss, { requestKey: 'top-up', stationId: open.station.id, amount: '500.00', note: null });
    const buyer = at(networkId, open.station.id, boss.actor.kind === 'USER' ? boss.actor.userId : '');
    const order = { viewer: buyer, channel: 'CONSOLE', skuId, quantity: 1, externalRef: null, groupId: null } as const;
    expect(await placeOrders(fresh.db, [{ ...order, requestKey: 'one', maxTotal: '47.50' }])).toMatchObject([{ kind: 'ORDER_PLACED' }]);

    // another price list: right at once, and no order is charged more than its buyer agreed to
    expect(await imported(name, [STEAM.replace('47.50', '48.25'), STEAM_100])).toMatchObject({
      skus: { created: 0, updated: 1, unchanged: 1 },
      repriced: 1,
    });
    expect(await placeOrders(fresh.db, [{ ...order, requestKey: 'two', maxTotal: '47.50' }])).toMatchObject([{ kind: 'PRICE_MOVED' }]);
    expect(await placeOrders(fresh.db, [{ ...order, requestKey: 'three', maxTotal: '48.25' }])).toMatchObject([{ kind: 'ORDER_PLACED' }]);
    const totals = await fresh.sql('SELECT total::text FROM orders WHERE network_id = $1 ORDER BY id', [networkId]);
    expect(totals).toEqual([{ total: '47.50' }, { total: '48.25' }]);
    expect(
      await fresh.sql(
        `SELECT audience, data -> 'reach' -> 'skuIds' AS sku_ids FROM outbox_event WHERE network_id = $1 AND topic = 'price.changed' ORDER BY id`,
        [networkId],
      ),
    ).toEqual([
      { audience: [headquartersId], sku_ids: [expect.any(String), expect.any(String), expect.any(String)] },
      { audience: [headquartersId], sku_ids: [skuId] },
    ]);
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('has a first owner whose temporary password opens it; whoever is known already keeps her own', async () => {
    const first = await opened();
    expect(await verifyPassword(first.temporaryPassword ?? '', first.passwordHash)).toBe(true);
    const second = await opened({ ownerEmail: ' Boss-2@example.com '.replace('2', String(number)) });
    expect(second).toMatchObject({ temporaryPassword: null, passwordHash: first.passwordHash });
    expect(second.boss.actor).toEqual(first.boss.actor);
  });

  test('leaves what was done, in whose name and that it was a command, in the audit log', async () => {
    const { networkId, name, boss } = await opened();
    await openSupplier(fresh.db, { network: networkId, name: '星河', code: 'XH', ownerEmail: null, ownerName: null });
    await imported(name, [COINS]);
    const entries = await fresh.sql(`SELECT action, actor_id, data->>'by' AS by FROM audit_entry WHERE network_id = $1 ORDER BY id`, [
      networkId,
    ]);
    const by = { actor_id: boss.actor.kind === 'USER' && boss.actor.userId, by: 'command' };
    expect(entries).toEqual(['network.opened', 'supplier.opened', 'catalogue.imported'].map((action) => ({ action, ...by })));
  });

  test.each<[Partial<OpenNetworkInput>, string]>([
    [{ name: '' }, 'name'],
    [{ code: 'no blanks' }, 'code'],
    [{ currency: 'XAU' }, 'currency'],
    [{ currency: 'cny' }, 'currency'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ timeZone: '+08:00' }, 'timeZone'],
    [{ ownerEmail: 'boss' }, 'ownerEmail'],
  ])('is not opened with %j, and nothing is written', async (over, field) => {
    const before = await rowCounts();
    expect(await openNetwork(fresh.db, named(over))).toMatchObject({ kind: 'INVALID_INPUT', field });
    expect(await rowCounts()).toEqual(before);
  });

  test('is opened once: a second one of the name is refused, also at the same moment', async () => {
    const { name } = await opened();
    const before = await rowCounts();
    expect(await openNetwork(fresh.db, named({ name }))).toEqual({
      kind: 'INVALID_INPUT',
      field: 'name',
      message: 'There is a network of this name.',
    });
    expect(await rowCounts()).toEqual(before);
    const twins = await Promise.all([openNetwork(fresh.db, named({ name: 'Twin' })), openNetwork(fresh.db, named({ name: 'Twin' }))]);
    expect(twins.map(({ kind }) => kind).sort()).toEqual(['INVALID_INPUT', 'NETWORK_OPENED']);
  });
});

describe('a supplier', () => {
  test('has an owner of its own, who sees nothing but the supplier', async () => {
    const { name, networkId } = await opened();
    const input = { network: name, name: '星河', code: 'XH', ownerEmail: 'sales@xinghe.example', ownerName: '李四' };
    const outcome = await openSupplier(fresh.db, input);
    if (outcome.kind !== 'SUPPLIER_OPENED') throw new Error(JSON.stringify(outcome));
    expect(outcome.temporaryPassword).toMatch(/^\S{16}$/);
    expect(
      await fresh.sql(
        'SELECT u.name, m.role, m.station_id, m.supplier_id FROM membership m JOIN users u ON u.id = m.user_id WHERE m.network_id = $1 AND u.email = $2',
        [networkId, 'sales@xinghe.example'],
      ),
    ).toEqual([{ name: '李四', role: 'OWNER', station_id: null, supplier_id: outcome.supplierId }]);
  });

  test('is refused without a network, with a code that is taken, and with input that is none; nothing is written', async () => {
    const { name } = await opened();
    const input = { network: name, name: '星河', code: 'XH', ownerEmail: null, ownerName: null };
    await openSupplier(fresh.db, input);
    const before = await rowCounts();
    const refusals = [{}, { network: 'no such' }, { name: ' ' }, { code: '' }, { ownerEmail: 'nobody', code: 'YH' }];
    const fields = [];
    for (const over of refusals) {
      const outcome = await openSupplier(fresh.db, { ...input, ...over });
      fields.push(outcome.kind === 'INVALID_INPUT' && outcome.field);
    }
    expect(fields).toEqual(['code', 'network', 'name', 'code', 'ownerEmail']);
    expect(await rowCounts()).toEqual(before);
  });
});

describe('a file of the catalogue', () => {
  test('that is imported twice changes nothing the second time', async () => {
    const { name } = await opened();
    await imported(name, [STEAM, STEAM_100, COINS]);
    const before = await rowCounts();
    expect(await imported(name, [STEAM, STEAM_100, COINS])).toEqual({
      kind: 'CATALOGUE_IMPORTED',
      categories: { created: 0, updated: 0, unchanged: 4 },
      products: { created: 0, updated: 0, unchanged: 2 },
      skus: { created: 0, updated: 0, unchanged: 3 },
      repriced: 0,
    });
    expect(await rowCounts()).toEqual(before);
  });

  test('makes the tree, and takes the usual for cells that are empty', async () => {
    const { name, networkId } = await opened();
    await imported(name, [STEAM, COINS]);
    const skus = await fresh.sql(
      `SELECT s.code, s.base_price::text, s.currency, s.unit_size, s.min_quantity, s.max_quantity, s.quantity_step, s.listing_state, p.name AS product,
         p.brand, p.description, ARRAY(SELECT c.name FROM unnest(s.category_path) WITH ORDINALITY AS at (id, place) JOIN category c USING (id) ORDER BY place) AS path
       FROM sku s JOIN product p ON p.id = s.product_id WHERE s.network_id = $1 ORDER BY s.id`,
      [networkId],
    );
    const common = { currency: 'CNY', listing_state: 'LIVE' };
    const steam = { product: 'Steam 充值卡', brand: 'Valve', description: '国区, 自动发货', path: ['礼品卡', '游戏', 'Steam'] };
    const coins = { product: '金币', brand: null, description: '', path: ['直充'] };
    expect(skus).toEqual([
      { ...common, ...steam, code: 'STEAM-50', base_price: '47.5000', unit_size: 1, min_quantity: 1, max_quantity: 100, quantity_step: 1 },
      {
        ...common,
        ...coins,
        code: 'COIN',
        base_price: '6.1234',
        unit_size: 1000,
        min_quantity: 1000,
        max_quantity: 100_000,
        quantity_step: 1000,
      },
    ]);
  });

  test('updates what it says and keeps what it does not', async () => {
    const { name, networkId } = await opened();
    await imported(name, [STEAM, COINS]);
    const heading = 'sku_code,sku,product,category1,category2,category3,base_price,max_quantity,brand';
    const outcome = await imported(name, ['STEAM-50,五十元,Steam 充值卡,礼品卡,游戏,Steam,47.5,20,V 社'], { heading });
    expect(outcome).toMatchObject({ products: { updated: 1 }, skus: { updated: 1 }, repriced: 0 });
    const [sku] = await fresh.sql(
      `SELECT s.name, s.face_value, s.max_quantity, s.version, p.brand, p.description FROM sku s JOIN product p ON p.id = s.product_id
       WHERE s.network_id = $1 AND s.code = 'STEAM-50'`,
      [networkId],
    );
    expect(sku).toEqual({
      name: '五十元',
      face_value: 'CNY 50',
      max_quantity: 20,
      version: 2,
      brand: 'V 社',
      description: '国区, 自动发货',
    });
    expect(await fresh.sql('SELECT count(*)::int FROM sku WHERE network_id = $1', [networkId])).toEqual([{ count: 2 }]);
  });

  test('as the operator guide shows one is a good file', async () => {
    const guide = readFileSync(new URL('../../docs/operator-guide.md', import.meta.url), 'utf8');
    const [, csv = ''] = /```csv\n([^`]*)```/.exec(guide) ?? [];
    const { name } = await opened();
    expect(await importCatalogue(fresh.db, { network: name, file: Buffer.from(csv), dryRun: true })).toMatchObject({
      kind: 'DRY_RUN',
      categories: { created: 4 },
      products: { created: 2 },
      skus: { created: 3 },
    });
  });

  test('is only looked at in a dry run: the same summary, nothing written', async () => {
    const { name } = await opened();
    const before = await rowCounts();
    const dry = await imported(name, [STEAM, COINS], { dryRun: true });
    expect(await rowCounts()).toEqual(before);
    expect(await imported(name, [STEAM, COINS])).toEqual({ ...dry, kind: 'CATALOGUE_IMPORTED' });
  });

  test('with bad lines is not imported at all, and every one of them is told with its number', async () => {
    const { name } = await opened();
    await imported(name, [STEAM, COINS]);
    const before = await rowCounts();
    const outcome = await imported(name, [
      STEAM_100,
      'A,,C,P,,,X-1,x,,0,,,,',
      'A,,,P,,,X-2,x,,1.00001,7,0,,',
      'A,,,P,,,,x,,1',
      ',,,P,,,X 3,,,1,,,,',
      'A,,,P,one,,X-4,x,,1,,10,5,',
      'A,,,P,two,,X-4,x,,1,,,,',
      COINS.replace(',1000,1000,100000', ',100,2000,100000'),
      STEAM.replace('Steam 充值卡', '别的商品'),
    ]);
    expect(outcome).toEqual({
      kind: 'BAD_LINES',
      problems: [
        { line: 3, message: 'category3 is there and category2 is not' },
        { line: 3, message: 'base_price: 0 is not a price above zero with at most four decimals, such as 47.50' },
        { line: 4, message: 'base_price: 1.00001 is not a price above zero with at most four decimals, such as 47.50' },
        { line: 4, message: 'unit_size: 7 is not one of 1, 100, 1000' },
        { line: 4, message: 'min_quantity: 0 is not a whole number above zero' },
        { line: 5, message: '10 cells where the heading has 14' },
        { line: 6, message: 'category1 is empty' },
        { line: 6, message: 'sku_code: X 3 is not 1 to 64 letters, digits, dots, hyphens and underscores' },
        { line: 6, message: 'sku is empty' },
        { line: 7, message: 'max_quantity: 5 is less than the minimum, 10' },
        { line: 8, message: 'brand: line 7 has another one for the product P' },
        { line: 8, message: 'sku_code: X-4 stands in line 7 already' },
        { line: 9, message: 'unit_size: COIN has 1000, which does not change: make another SKU' },
        {
          line: 10,
          message: 'sku_code: STEAM-50 is a SKU of the product Steam 充值卡, and a SKU does not move to another product or category',
        },
      ],
    });
    expect(await rowCounts()).toEqual(before);
  });

  test.each<[string, Buffer, RegExp]>([
    ['GBK', Buffer.from([0xc0, 0xf1, 0xc6, 0xb7]), /not UTF-8/],
    ['nothing', Buffer.from(''), /missing: category1, product, sku_code, sku, base_price/],
    ['a heading alone', Buffer.from(HEADING), /holds no SKUs/],
    ['a column that is not known', Buffer.from(`${HEADING},colour\n${STEAM},red`), /not known, or twice: colour/],
    ['a quote that is not closed', Buffer.from(`${HEADING}\n"${STEAM}`), /cannot be read at line 2/],
  ])('that holds %s is refused as a whole', async (_, file, message) => {
    const { name } = await opened();
    const outcome = await importCatalogue(fresh.db, { network: name, file, dryRun: false });
    expect(outcome).toMatchObject({ kind: 'INVALID_INPUT', field: 'file', message: expect.stringMatching(message) as string });
  });

  test('is for one network, by a name that only it has, or its id', async () => {
    const one = await opened();
    expect(await imported('no such', [COINS])).toMatchObject({ kind: 'INVALID_INPUT', field: 'network' });
    await fresh.sql('UPDATE network SET name = $1 WHERE id IN ($2, $3)', ['Same', one.networkId, (await opened()).networkId]);
    expect(await imported('Same', [COINS])).toMatchObject({ message: 'Several networks have this name: give the id of one.' });
    expect(await imported(one.networkId, [COINS])).toMatchObject({ kind: 'CATALOGUE_IMPORTED', skus: { created: 1 } });
  });

  test('is imported by two at once as if one came after the other', async () => {
    const { name, networkId } = await opened();
    const both = await Promise.all([imported(name, [STEAM, COINS]), imported(name, [STEAM, COINS])]);
    const created = both.map((outcome) => (outcome.kind === 'CATALOGUE_IMPORTED' ? outcome.skus.created : outcome));
    expect(new Set(created)).toEqual(new Set([0, 2]));
    expect(await fresh.sql('SELECT count(*)::int FROM category WHERE network_id = $1', [networkId])).toEqual([{ count: 4 }]);
  });
});

async function idOfSku(networkId: string, code: string): Promise<string> {
  const [row] = await fresh.sql<{ id: string }>('SELECT id FROM sku WHERE network_id = $1 AND code = $2', [networkId, code]);
  if (!row) throw new Error(`no SKU ${code}`);
  return row.id;
}
