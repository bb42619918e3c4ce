import { createApiKey } from '#server/accounts/commands.ts';
import { permissionsOfRole } from '#server/accounts/rules.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';

/** How large a network is to be. */
export interface ShopSize {
  /** Stations from headquarters down to the buyers: 5 is headquarters, three sub-stations, and the buyers below them. */
  readonly chain: number;
  /** Buyers, all below the last sub-station. */
  readonly stations: number;
  readonly skus: number;
  readonly keysPerSku: number;
  /** Buyers that get an API key. */
  readonly programs: number;
}

/** A network that orders can be placed in. */
export interface Shop {
  readonly networkId: string;
  /** From headquarters down, without the buyers. */
  readonly trunk: readonly string[];
  readonly supplierId: string;
  readonly skuIds: readonly string[];
  readonly buyers: readonly Buyer[];
}

/** A buyer with a full wallet and a program. */
export interface Buyer {
  readonly stationId: string;
  readonly secret: string;
}

const CATEGORIES = 20;

/**
 * Arranges a network by set-based SQL as the owner of the tables; its audit is clean. Each station of the trunk adds 1 % for
 * everyone, another percentage in every category, and a fixed sum on every tenth SKU; every fifth SKU has a control band; the
 * owner pays 1 % of each sale as commission to three levels.
 */
export async function arrangeShop(db: Database, size: ShopSize): Promise<Shop> {
  const networkId = db.newId();
  const userId = db.newId();
  const supplierId = db.newId();
  const trunk = Array.from({ length: size.chain - 1 }, () => db.newId());
  await inTransaction(db, async (tx) => {
    await writeParties(tx, { networkId, userId, supplierId, trunk }, size);
    await writeGoods(tx, { networkId, userId, supplierId, trunk }, size);
    await writePrices(tx, { networkId, userId, trunk });
    await fillWallets(tx, networkId, userId);
  });
  const skus = await db.pool.query<{ id: string }>('SELECT id FROM sku WHERE network_id = $1 ORDER BY id', [networkId]);
  await stockUp(db, networkId, size.keysPerSku);
  const buyers = await openPrograms(db, { networkId, userId }, size.programs);
  return { networkId, trunk, supplierId, skuIds: skus.rows.map(({ id }) => id), buyers };
}

/** Puts so many more keys of every SKU (or of the named ones) on the shelf, in one new lot each. */
export async function stockUp(db: Database, networkId: string, keysPerSku: number, skuIds: readonly string[] | null = null): Promise<void> {
  await send(
    db.pool,
    `WITH made AS MATERIALIZED (
       SELECT s.id AS sku_id, s.owner_id, uuidv7() AS lot_id FROM sku s WHERE s.network_id = $1 AND ($3::uuid[] IS NULL OR s.id = ANY ($3))
     ), lots AS (
       INSERT INTO lot (network_id, id, sku_id, owner_id, supplier_id, terms, currency, total_cost, key_count, data_key, vault_key_id, created_by, created_at)
       SELECT $1, m.lot_id, m.sku_id, m.owner_id, (SELECT id FROM supplier WHERE network_id = $1), 'CONSIGNMENT', 'CNY', 40.00 * $2, $2, '\\x00', 'bench',
              m.owner_id, now() FROM made m
     )
     INSERT INTO card_key (network_id, id, lot_id, sku_id, owner_id, state, sealed, fingerprint, cost, updated_at)
     SELECT $1, k.id, m.lot_id, m.sku_id, m.owner_id, 'AVAILABLE', sha256(uuid_send(k.id)) || sha256('sealed'), sha256(uuid_send(k.id)), 40.00, now()
     FROM made m CROSS JOIN LATERAL (SELECT uuidv7() AS id, g FROM generate_series(1, $2::int) g WHERE m.lot_id IS NOT NULL OFFSET 0) k`,
    [networkId, keysPerSku, skuIds],
  );
}

type Parties = { networkId: string; userId: string; supplierId: string; trunk: readonly string[] };

async function writeParties(tx: Transaction, { networkId, userId, supplierId, trunk }: Parties, { stations }: ShopSize): Promise<void> {
  await send(
    tx,
    `INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'Benchmark', 'CNY', 'Asia/Shanghai', now())`,
    [networkId],
  );
  await send(
    tx,
    `INSERT INTO users (id, name, email, email_verified, created_at, updated_at) VALUES ($1::uuid, 'Benchmark', $1::text || '@bench.test', true, now(), now())`,
    [userId],
  );
  await send(tx, `INSERT INTO supplier (network_id, id, name, code, created_at) VALUES ($1, $2, 'Supplier', 'S', now())`, [
    networkId,
    supplierId,
  ]);
  for (const [depth, id] of trunk.entries()) {
    await send(
      tx,
      `INSERT INTO station (network_id, id, parent_id, kind, name, code, path, depth, created_at, updated_at)
       VALUES ($1, $2, $3, $4, 'Station', 'T' || $5::text, $6, $5::int, now(), now())`,
      [networkId, id, trunk[depth - 1] ?? null, depth === 0 ? 'HEADQUARTERS' : 'SUBSTATION', depth, trunk.slice(0, depth + 1)],
    );
  }
  await send(
    tx,
    `WITH made AS MATERIALIZED (SELECT uuidv7() AS id, g FROM generate_series(1, $3::int) g)
     INSERT INTO station (network_id, id, parent_id, kind, name, code, path, depth, created_at, updated_at)
     SELECT $1, m.id, ($2::uuid[])[cardinality($2)], 'RESELLER', 'Buyer ' || g, 'B' || g, $2 || m.id, cardinality($2), now(), now() FROM made m`,
    [networkId, trunk, stations],
  );
}

async function writeGoods(tx: Transaction, { networkId, trunk }: Parties, { skus }: ShopSize): Promise<void> {
  await send(
    tx,
    `WITH made AS MATERIALIZED (SELECT uuidv7() AS id, g FROM generate_series(1, $3::int) g)
     INSERT INTO category (network_id, id, owner_id, name, path, created_at) SELECT $1, m.id, $2, 'Category ' || g, ARRAY[m.id], now() FROM made m`,
    [networkId, trunk[0], CATEGORIES],
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
    [networkId, trunk[0], skus, CATEGORIES],
  );
}

async function writePrices(tx: Transaction, { networkId, userId, trunk }: Pick<Parties, 'networkId' | 'userId' | 'trunk'>): Promise<void> {
  const columns = '(network_id, id, station_id, sku_id, category_id, kind, value, currency, valid_from, created_by)';
  const sellers = 'unnest($2::uuid[]) AS t (station_id)';
  const values = [networkId, trunk, userId];
  await send(
    tx,
    `INSERT INTO markup_rule ${columns} SELECT $1, uuidv7(), t.station_id, NULL, NULL, 'PERCENT', 1, 'CNY', now(), $3 FROM ${sellers}`,
    values,
  );
  await send(
    tx,
    `INSERT INTO markup_rule ${columns} SELECT $1, uuidv7(), t.station_id, NULL, c.id, 'PERCENT', 1.5, 'CNY', now(), $3
     FROM ${sellers} JOIN category c ON c.network_id = $1`,
    values,
  );
  await send(
    tx,
    `INSERT INTO markup_rule ${columns} SELECT $1, uuidv7(), t.station_id, s.id, NULL, 'FIXED', 0.3, 'CNY', now(), $3
     FROM ${sellers} JOIN sku s ON s.network_id = $1 AND s.code LIKE 'K%0'`,
    values,
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
    [networkId, trunk[0], userId],
  );
}

/** Every buyer gets 1,000,000.00 from CASH, in one transfer. */
async function fillWallets(tx: Transaction, networkId: string, userId: string): Promise<void> {
  await send(
    tx,
    `INSERT INTO account (network_id, id, station_id, kind, currency, balance, floorless, updated_at)
     SELECT $1::uuid, uuidv7(), s.id, 'WALLET'::account_kind, 'CNY', 1000000, false, now() FROM station s WHERE s.network_id = $1 AND s.kind = 'RESELLER'
     UNION ALL
     SELECT $1, uuidv7(), NULL, 'CASH', 'CNY', -1000000 * count(*), true, now() FROM station s WHERE s.network_id = $1 AND s.kind = 'RESELLER'`,
    [networkId],
  );
  const transferId = tx.newId();
  await send(tx, `INSERT INTO transfer (network_id, id, kind, actor_id, created_at) VALUES ($1, $2, 'TOP_UP', $3, now())`, [
    networkId,
    transferId,
    userId,
  ]);
  await send(
    tx,
    `INSERT INTO posting (network_id, id, transfer_id, account_id, amount, currency, reason, created_at)
     SELECT $1, uuidv7(), $2, a.id, a.balance, 'CNY', 'TOP_UP', now() FROM account a WHERE a.network_id = $1`,
    [networkId, transferId],
  );
}

async function openPrograms(db: Database, { networkId, userId }: { networkId: string; userId: string }, count: number): Promise<Buyer[]> {
  const { rows } = await db.pool.query<{ id: string }>(
    `SELECT id FROM station WHERE network_id = $1 AND kind = 'RESELLER' ORDER BY id LIMIT $2`,
    [networkId, count],
  );
  return inTransaction(db, async (tx) => {
    const buyers: Buyer[] = [];
    for (const { id: stationId } of rows) {
      const viewer = {
        networkId,
        party: { kind: 'STATION', stationId },
        actor: { kind: 'USER', userId, sessionId: userId },
        role: 'OWNER',
        permissions: permissionsOfRole.OWNER,
        clientAddress: null,
      } as const;
      const permissions = ['CATALOGUE_READ', 'ORDERS_READ', 'ORDERS_PLACE'] as const;
      const key = await createApiKey(tx, viewer, { name: 'load', permissions, expiresAt: null, allowedIps: [] });
      if (key.kind !== 'API_KEY_CREATED') throw new Error(`no API key: ${key.message}`);
      buyers.push({ stationId, secret: key.secret });
    }
    return buyers;
  });
}

async function send(
  db: { query(config: { text: string; values: unknown[] }): Promise<unknown> },
  text: string,
  values: readonly unknown[],
): Promise<void> {
  await db.query({ text, values: [...values] });
}
