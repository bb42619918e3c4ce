import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDemoData } from '#prisma/demo/data.ts';
import { type DemoLoaded, loadDemo } from '#prisma/demo/load.ts';
import { planDemo } from '#prisma/demo/plan-demo.ts';
import { readDemoArguments, readDemoState, resetDemo } from '#prisma/demo/reset.ts';
import { permissionsOfRole, type Viewer } from '#server/accounts/rules.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { readQuote } from '#server/flows/quote.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { verifyPassword } from '#server/platform/password.ts';
import { openCardKey } from '#server/stock/rules.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';

// a Sunday afternoon in China, so that the last day is half over
const until = new Date('2026-11-22T06:00:00Z');
const small = { stations: 24, skus: 80, orders: 260, keys: 900, until, vault: testVault };

/** What is bought by hand, beside what lies in stock. */
const TOP_UP_SKUS = 2;
const TOP_UP_ORDERS = 7;

let fresh: FreshDatabase;
let loaded: DemoLoaded;
beforeAll(async () => {
  fresh = await freshDatabase();
  loaded = await loadDemo({ ...small, databaseUrl: fresh.url, ownerUrl: fresh.url });
}, 120_000);
afterAll(() => fresh.drop());

/** The owner of a station, found by its code. */
async function ownerOf(code: string): Promise<Viewer> {
  const [row] = await fresh.sql<{ network_id: string; station_id: string; user_id: string }>(
    `SELECT m.network_id, m.station_id, m.user_id FROM membership m JOIN station s ON s.id = m.station_id WHERE s.code = $1 AND m.role = 'OWNER'`,
    [code],
  );
  if (row === undefined) throw new Error(`no owner of ${code}`);
  return {
    networkId: row.network_id,
    party: { kind: 'STATION', stationId: row.station_id },
    actor: { kind: 'USER', userId: row.user_id, sessionId: row.user_id },
    role: 'OWNER',
    permissions: permissionsOfRole.OWNER,
    clientAddress: null,
  };
}

describe('the data files', () => {
  const data = readDemoData();
  const shape = planDemo(data, {}, until).shape;

  test('hold at least 220 products with 900 denominations in three levels of categories', () => {
    expect(shape.products.length).toBeGreaterThanOrEqual(220);
    expect(shape.skus.length).toBeGreaterThanOrEqual(900);
    expect(new Set(shape.skus.map(({ code }) => code)).size).toBe(shape.skus.length);
    expect(Math.max(...shape.categories.map(({ path }) => path.split('/').length))).toBe(3);
  });

  test('hold one headquarters, three suppliers and more than sixty stations over five levels', () => {
    expect(shape.stations.filter(({ kind }) => kind === 'HEADQUARTERS')).toHaveLength(1);
    expect(shape.stations.length).toBeGreaterThan(60);
    expect(new Set(shape.stations.map(({ depth }) => depth))).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(data.network.suppliers).toHaveLength(3);
  });

  test('name only stations, levels, suppliers, goods and key formats that exist', () => {
    const { markupRules, markupRuleEdits, controlBands, commissionPlans, priceLevels, suppliers } = data.network;
    const rules = [...markupRules, ...markupRuleEdits];
    const missing = (named: readonly (string | undefined)[], known: readonly string[]) =>
      named.filter((name) => name !== undefined && !known.includes(name));
    const scopes = [...rules, ...commissionPlans, ...controlBands.map(({ sku }) => ({ sku, product: undefined, category: undefined }))];
    expect(
      missing(
        rules.flatMap(({ station, child }) => [station, child]),
        shape.stations.map(({ code }) => code),
      ),
    ).toEqual([]);
    expect(
      missing(
        rules.map(({ level }) => level),
        priceLevels,
      ),
    ).toEqual([]);
    expect(
      missing(
        scopes.flatMap(({ sku, product, category }) => [sku, product, category]),
        [...shape.categories.map(({ path }) => path), ...shape.products.map(({ code }) => code), ...shape.skus.map(({ code }) => code)],
      ),
    ).toEqual([]);
    expect(
      missing(
        shape.skus.map(({ keyFormat }) => keyFormat),
        Object.keys(data.keyFormats),
      ),
    ).toEqual([]);
    expect(
      missing(
        shape.skus.flatMap((sku) => [...sku.suppliers]),
        suppliers.map(({ code }) => code),
      ),
    ).toEqual([]);
  });

  test('the first start has more than 20,000 card keys and orders on each of sixty days', () => {
    const { story } = planDemo(data, {}, until);
    expect(story.lots.reduce((sum, { keyCount }) => sum + keyCount, 0)).toBeGreaterThanOrEqual(20_000);
    const days = story.orders.map(({ at }) => Math.floor((at.getTime() - story.start.getTime()) / 86_400_000));
    expect(new Set(days).size).toBe(60);
  });

  test('grow to any size, each station and SKU with a code of its own', () => {
    const { shape: large, story } = planDemo(data, { stations: 300, skus: 3_000, orders: 5_000, seed: 'large' }, until);
    expect(new Set(large.stations.map(({ code }) => code)).size).toBe(300);
    expect(new Set(large.skus.map(({ code }) => code)).size).toBe(3_000);
    expect(story.orders).toHaveLength(5_000);
  });
});

describe('a small demo', () => {
  test('has the size that was asked for', async () => {
    const counts = `SELECT (SELECT count(*)::int FROM station) AS stations, (SELECT count(*)::int FROM sku) AS skus, (SELECT count(*)::int FROM card_key) >= 900 AS has_keys`;
    expect(await fresh.sql(counts)).toEqual([{ stations: 24, skus: 80 + TOP_UP_SKUS, has_keys: true }]);
    expect([...loaded.outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(260);
  });

  test('sold nearly everything that was asked for, on every week of the story', async () => {
    expect(loaded.outcomes.get('ORDER_PLACED')).toBeGreaterThan(240);
    const weeks = await fresh.sql(`SELECT DISTINCT date_trunc('week', placed_at AT TIME ZONE 'Asia/Shanghai') FROM orders`);
    expect(weeks.length).toBeGreaterThanOrEqual(9);
  });

  test('keeps every invariant of the ledger', async () => {
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  });

  test('keeps every order on the day on which the story wants it', async () => {
    const { story } = planDemo(readDemoData(), small, until);
    const dayOf = (at: Date) => Math.floor((at.getTime() - story.start.getTime()) / 86_400_000);
    const wanted = new Map(story.orders.map(({ at }, number) => [`demo-${number}`, dayOf(at)]));
    const orders = await fresh.sql<{ request_key: string; placed_at: Date }>(
      "SELECT request_key, placed_at FROM orders WHERE delivery_kind = 'FROM_STOCK'",
    );
    expect(orders.filter(({ request_key, placed_at }) => wanted.get(request_key) !== dayOf(placed_at))).toEqual([]);
  });

  test('shows headquarters a volume equal to what the delivered orders cost their buyers', async () => {
    const [rolledUp] = await fresh.sql<{ gmv: string }>(
      `SELECT sum(h.gmv)::text AS gmv FROM station_hour h JOIN station s ON s.id = h.station_id WHERE s.kind = 'HEADQUARTERS'`,
    );
    const [charged] = await fresh.sql<{ gmv: string }>('SELECT sum(total)::text AS gmv FROM orders WHERE delivered_at IS NOT NULL');
    expect(rolledUp).toEqual(charged);
  });

  test('has direct top-ups that were delivered by hand, and some that wait for a person', async () => {
    expect(
      await fresh.sql(`SELECT o.state::text, a.attention_reason, count(*)::int, bool_and(o.input_fields IS NOT NULL) AS has_input
                       FROM orders o JOIN purchase_attempt a ON a.order_id = o.id GROUP BY 1, 2 ORDER BY 1`),
    ).toEqual([
      { state: 'DELIVERED', attention_reason: null, count: 4, has_input: true },
      { state: 'SOURCING', attention_reason: 'MANUAL', count: TOP_UP_ORDERS - 4, has_input: true },
    ]);
  });

  test('leaves one large refund for a second person to decide, and no wallet below zero', async () => {
    expect(
      await fresh.sql(`SELECT state::text, count(*)::int, min(amount) > 1000 AS is_large FROM refund WHERE state <> 'DONE' GROUP BY state`),
    ).toEqual([{ state: 'REQUESTED', count: 1, is_large: true }]);
    expect(await fresh.sql(`SELECT min(balance) >= 0 AS holds FROM account WHERE kind = 'WALLET'`)).toEqual([{ holds: true }]);
  });

  test('has lots on consignment and bought outright by all three suppliers, with costs', async () => {
    const lots = await fresh.sql<{ suppliers: number; terms: number; free: number; dated: boolean }>(
      `SELECT count(DISTINCT supplier_id)::int AS suppliers, count(DISTINCT terms)::int AS terms, count(*) FILTER (WHERE total_cost = 0)::int AS free,
              bool_or(expires_on IS NOT NULL) AND bool_or(expires_on IS NULL) AS dated FROM lot`,
    );
    expect(lots).toEqual([{ suppliers: 3, terms: 2, free: 0, dated: true }]);
  });

  test('card keys open again through the vault and look like their kind', async () => {
    const rows = await fresh.sql<{
      network_id: string;
      id: string;
      sku_id: string;
      lot_id: string;
      sealed: Buffer;
      data_key: Buffer;
      vault_key_id: string;
      code: string;
    }>(
      `SELECT DISTINCT ON (k.sku_id) k.network_id, k.id, k.sku_id, k.lot_id, k.sealed, l.data_key, l.vault_key_id, s.code
       FROM card_key k JOIN lot l ON l.id = k.lot_id JOIN sku s ON s.id = k.sku_id ORDER BY k.sku_id, k.id`,
    );
    const opened = rows.map((row) => {
      const wrapped = { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
      const place = { wrapped, networkId: row.network_id, lotId: row.lot_id, skuId: row.sku_id, keyId: row.id };
      return { code: row.code, sealed: row.sealed, ...openCardKey(testVault, place, row.sealed) };
    });
    expect(opened).toHaveLength(80);
    expect(opened.filter(({ secret }) => secret.length < 6)).toEqual([]);
    expect(opened.filter(({ sealed, secret }) => sealed.includes(secret))).toEqual([]);
    const steam = opened.filter(({ code }) => code.startsWith('STEAM'));
    expect(steam.length).toBeGreaterThan(0);
    expect(steam.filter(({ number, secret }) => number !== null || !/^[2-9A-HJ-NP-Z]{5}(-[2-9A-HJ-NP-Z]{5}){2}$/.test(secret))).toEqual([]);
  });

  test('every SKU of headquarters has a price for some reseller', async () => {
    const skus = await fresh.sql<{ id: string; code: string; min_quantity: number }>(
      `SELECT s.id, s.code, s.min_quantity FROM sku s JOIN station h ON h.id = s.owner_id AND h.kind = 'HEADQUARTERS'`,
    );
    const resellers = await Promise.all(['HD-HZ-BJ-01', 'HD-01'].map(ownerOf));
    const unpriced: string[] = [];
    for (const { id, code, min_quantity } of skus) {
      const quotes = await Promise.all(resellers.map((viewer) => readQuote(fresh.db, viewer, { skuId: id, quantity: min_quantity })));
      // what is sold out today has a price all the same
      if (!quotes.some((quote) => quote.kind === 'QUOTE')) unpriced.push(code);
    }
    expect(unpriced).toEqual([]);
  });

  test('people sign in with the one password, for every role', async () => {
    const [row] = await fresh.sql<{ password: string }>(
      `SELECT c.password FROM credential c JOIN users u ON u.id = c.user_id WHERE u.email = 'hq@demo.fenzhan.local'`,
    );
    expect(await verifyPassword(loaded.password, row?.password ?? '')).toBe(true);
    expect(await verifyPassword('another', row?.password ?? '')).toBe(false);
    expect(new Set(loaded.signIns.map(({ role }) => role))).toEqual(new Set(['OWNER', 'MANAGER', 'FINANCE', 'OPERATOR', 'VIEWER']));
  });

  test('the sample order that is printed can be placed at its price', async () => {
    const viewer = await ownerOf('HD-HZ-BJ-01');
    const { skuId, quantity, maxTotal } = loaded.sampleOrder ?? { skuId: '', quantity: 0, maxTotal: '' };
    const request = { viewer, channel: 'API' as const, requestKey: 'sample', skuId, quantity, maxTotal, externalRef: null, groupId: null };
    expect(await placeOrders(fresh.db, [request])).toMatchObject([{ kind: 'ORDER_PLACED', replayed: false }]);
    expect(loaded.apiKey).toMatch(/^fz_/);
  });
});

describe('the same seed', () => {
  test('tells the same story, and another seed another one', () => {
    const data = readDemoData();
    const size = { stations: 24, skus: 80, orders: 260 };
    expect(planDemo(data, size, until)).toEqual(planDemo(data, size, until));
    expect(planDemo(data, { ...size, seed: 'other' }, until).story.orders).not.toEqual(planDemo(data, size, until).story.orders);
  });

  test('gives the same business in two databases', async () => {
    const tiny = { ...small, stations: 12, skus: 20, orders: 60, keys: 200 };
    const business: unknown[] = [];
    for (let run = 0; run < 2; run += 1) {
      const other = await freshDatabase();
      try {
        await loadDemo({ ...tiny, databaseUrl: other.url, ownerUrl: other.url });
        business.push(await businessOf(other));
      } finally {
        await other.drop();
      }
    }
    expect(business[1]).toEqual(business[0]);
    expect(business[0]).toMatchObject({ orders: { length: 60 + TOP_UP_ORDERS } });
  }, 120_000);
});

/** What people would compare: orders with what everyone paid and earned, wallets, and shelves. No ids. */
async function businessOf({ sql }: FreshDatabase): Promise<Record<string, unknown[]>> {
  return {
    orders: await sql(
      `SELECT s.code AS buyer, k.code AS sku, o.request_key, o.quantity, o.total, o.cost, o.commission_pool, o.refunded_total, o.state::text, o.placed_at,
              (SELECT array_agg(h.margin || '+' || h.commission ORDER BY h.distance) FROM order_hop h WHERE h.order_id = o.id) AS shares
       FROM orders o JOIN station s ON s.id = o.buyer_id JOIN sku k ON k.id = o.sku_id ORDER BY o.request_key`,
    ),
    accounts: await sql(
      `SELECT coalesce(s.code, p.code, 'network') AS holder, a.kind::text, a.balance FROM account a
       LEFT JOIN station s ON s.id = a.station_id LEFT JOIN supplier p ON p.id = a.supplier_id ORDER BY 1, 2`,
    ),
    shelves: await sql(
      `SELECT s.code, l.terms::text, l.total_cost, l.expires_on, k.state::text, count(*)::int FROM card_key k JOIN lot l ON l.id = k.lot_id JOIN sku s ON s.id = k.sku_id
       GROUP BY l.id, s.code, l.terms, l.total_cost, l.expires_on, k.state ORDER BY 1, 2, 3, 4, 5, 6`,
    ),
  };
}

describe('starting over', () => {
  test('is refused in production', async () => {
    await expect(resetDemo({ ...small, databaseUrl: fresh.url, ownerUrl: fresh.url, production: true })).rejects.toThrow('NODE_ENV');
  });

  test('is refused where somebody has a network of her own, and leaves it as it is', async () => {
    const other = await freshDatabase();
    try {
      await world(other.db, { stations: { HQ: {} } });
      expect(await readDemoState(other.db.pool)).toBe('FOREIGN');
      await expect(resetDemo({ ...small, databaseUrl: other.url, ownerUrl: other.url, production: false })).rejects.toThrow('not the demo');
      expect(await other.sql('SELECT name FROM station')).toEqual([{ name: 'HQ' }]);
    } finally {
      await other.drop();
    }
  });

  test('throws away what was there and loads the demo anew', async () => {
    const before = await fresh.sql<{ id: string }>('SELECT id FROM network');
    expect(await readDemoState(fresh.db.pool)).toBe('LOADED');
    const again = await resetDemo({
      ...small,
      stations: 12,
      skus: 20,
      orders: 40,
      keys: 100,
      databaseUrl: fresh.url,
      ownerUrl: fresh.url,
      production: false,
    });
    expect(await fresh.sql('SELECT id FROM network')).toEqual([{ id: again.networkId }]);
    expect(before).not.toContainEqual({ id: again.networkId });
    expect(await auditLedger(fresh.db.pool)).toEqual([]);
  }, 120_000);

  test('takes its size from the command line and refuses what is no number', () => {
    expect(readDemoArguments(['--stations', '1000', '--orders=50000', '--seed', 'bench'])).toMatchObject({
      stations: 1_000,
      orders: 50_000,
      seed: 'bench',
    });
    expect(() => readDemoArguments(['--skus', 'many'])).toThrow('--skus takes a whole number');
    expect(() => readDemoArguments(['--colour', 'red'])).toThrow('--colour');
  });
});
