import type { Transaction } from '#server/platform/database.ts';

const CATEGORIES = 20;

/** Categories, and so many products of one SKU each, 47.50 the piece. */
export async function writeGoods(tx: Transaction, shop: { networkId: string; ownerId: string }, skus: number): Promise<void> {
  const { networkId, ownerId } = shop;
  await send(
    tx,
    `WITH made AS MATERIALIZED (SELECT uuidv7() AS id, g FROM generate_series(1, $3::int) g)
     INSERT INTO category (network_id, id, owner_id, name, path, created_at) SELECT $1, m.id, $2, 'Category ' || g, ARRAY[m.id], now() FROM made m`,
    [networkId, ownerId, CATEGORIES],
  );
  await send(
    tx,
    `WITH c AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM category WHERE network_id = $1),
     made AS MATERIALIZED (SELECT uuidv7() AS product_id, uuidv7() AS sku_id, g FROM generate_series(1, $3::int) g),
     products AS (
       INSERT INTO product (network_id, id, owner_id, category_id, name, brand, created_at)
       SELECT $1, m.product_id, $2, c.id, 'Product ' || g, 'Brand', now() FROM made m JOIN c ON c.n = 1 + m.g % $4::int
     )
     INSERT INTO sku (network_id, id, product_id, owner_id, category_path, code, name, face_value, currency, base_price, created_at, updated_at)
     SELECT $1, m.sku_id, m.product_id, $2, ARRAY[c.id], 'K' || g, 'SKU ' || g, '50', 'CNY', 47.5, now(), now() FROM made m JOIN c ON c.n = 1 + m.g % $4::int`,
    [networkId, ownerId, skus, CATEGORIES],
  );
}

/** `pricing`: the stations that also price every tenth SKU by itself. */
type Priced = { networkId: string; userId: string; ownerId: string; pricing: readonly string[] };

/** Rules of every sub-station and of headquarters, control bands, and a commission plan for every category. */
export async function writePrices(tx: Transaction, { networkId, userId, ownerId, pricing }: Priced): Promise<void> {
  const columns = '(network_id, id, station_id, sku_id, category_id, kind, value, currency, valid_from, created_by)';
  const sellers = `station t WHERE t.network_id = $1 AND t.kind <> 'RESELLER'`;
  await send(
    tx,
    `INSERT INTO markup_rule ${columns} SELECT $1, uuidv7(), t.id, NULL, NULL, 'PERCENT', 1, 'CNY', now(), $2 FROM ${sellers}`,
    [networkId, userId],
  );
  await send(
    tx,
    `INSERT INTO markup_rule ${columns} SELECT $1, uuidv7(), t.id, NULL, c.id, 'PERCENT', 1.5, 'CNY', now(), $2
     FROM category c CROSS JOIN ${sellers} AND c.network_id = $1`,
    [networkId, userId],
  );
  await send(
    tx,
    `INSERT INTO markup_rule ${columns} SELECT $1, uuidv7(), t.id, s.id, NULL, 'FIXED', 0.3, 'CNY', now(), $2
     FROM unnest($3::uuid[]) AS t (id) JOIN sku s ON s.network_id = $1 AND s.code LIKE 'K%0'`,
    [networkId, userId, pricing],
  );
  await send(
    tx,
    `INSERT INTO control_band (network_id, id, sku_id, floor, ceiling, currency, valid_from, created_by)
     SELECT $1, uuidv7(), s.id, 30, 120, 'CNY', now(), $2 FROM sku s WHERE s.network_id = $1 AND s.code LIKE 'K%5'`,
    [networkId, userId],
  );
  await send(
    tx,
    `INSERT INTO commission_plan (network_id, id, owner_id, category_id, pool_kind, pool_value, share_bps, currency, valid_from, created_by)
     SELECT $1, uuidv7(), $2, c.id, 'PERCENT', 1, '{5000,3000,2000}', 'CNY', now(), $3 FROM category c WHERE c.network_id = $1`,
    [networkId, ownerId, userId],
  );
}

/** One statement of an arrangement. */
export async function send(
  db: { query(config: { text: string; values: unknown[] }): Promise<unknown> },
  text: string,
  values: readonly unknown[],
): Promise<void> {
  await db.query({ text, values: [...values] });
}
