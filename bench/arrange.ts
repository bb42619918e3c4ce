import { createApiKey } from '#server/accounts/commands.ts';
import { type Permission, permissionsOfRole } from '#server/accounts/rules.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { send, writeGoods, writePrices } from './arrange-goods.ts';
import { findBrokenKeys } from './foreign-keys.ts';

/** How large a network is to be. */
export interface ShopSize {
  /** Stations from headquarters down to the buyers: 5 is headquarters, three sub-stations, and the buyers below them. */
  readonly chain: number;
  /** Sub-stations at each depth below headquarters, `chain` - 2 numbers; one at each when left out. */
  readonly subStations?: readonly number[];
  /** Buyers, dealt out over the last sub-stations. */
  readonly stations: number;
  readonly skus: number;
  readonly keysPerSku: number;
  /** Buyers that get an API key. */
  readonly programs: number;
}

/** A network that orders can be placed in. */
export interface Shop {
  readonly networkId: string;
  /** The owner of the network's programs. */
  readonly userId: string;
  /** From headquarters down, without the buyers: the first station of each depth. */
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

/** In every wallet: no buyer runs out of it. */
const WALLET = '100000000';

/**
 * Arranges a network by set-based SQL as the owner of the tables; its audit is clean. Each sub-station adds 1 % for everyone and
 * another percentage in every category; headquarters, and in a network of one line all above the buyers, also a fixed sum on every
 * tenth SKU; every tenth SKU has a control band; the owner pays 1 % of each sale as commission to three levels.
 */
export async function arrangeShop(db: Database, size: ShopSize): Promise<Shop> {
  const networkId = db.newId();
  const userId = db.newId();
  const supplierId = db.newId();
  const trunk = Array.from({ length: size.chain - 1 }, () => db.newId());
  const subStations = size.subStations ?? trunk.slice(1).map(() => 1);
  await inTransaction(db, async (tx) => {
    // looked up row by row in tables that are new, a million foreign keys would take hours: they are proved by joins below
    await send(tx, 'SET LOCAL session_replication_role = replica', []);
    await writeParties(tx, { networkId, userId, supplierId });
    await writeStations(tx, { networkId, trunk }, [1, ...subStations]);
    await writeBuyers(tx, networkId, { stations: size.stations, depth: trunk.length });
    await writeGoods(tx, { networkId, ownerId: trunk[0] ?? '' }, size.skus);
    // in a wide network only headquarters prices SKUs by themselves: every line then has the same prices
    await writePrices(tx, { networkId, userId, ownerId: trunk[0] ?? '', pricing: size.subStations ? trunk.slice(0, 1) : trunk });
    await fillWallets(tx, networkId, userId);
  });
  await db.pool.query('ANALYZE');
  const broken = await findBrokenKeys(db);
  if (broken.length > 0) throw new Error(`the network breaks foreign keys: ${broken.join('; ')}`);
  const skus = await db.pool.query<{ id: string }>('SELECT id FROM sku WHERE network_id = $1 ORDER BY id', [networkId]);
  if (size.keysPerSku > 0) await stockUp(db, networkId, size.keysPerSku);
  const buyers = await openBuyers(db, { networkId, userId }, size.programs);
  return { networkId, userId, trunk, supplierId, skuIds: skus.rows.map(({ id }) => id), buyers };
}

/** Puts so many more keys of every SKU (or of the named ones) on the shelf, in one new lot each. */
export async function stockUp(db: Database, networkId: string, keysPerSku: number, skuIds: readonly string[] | null = null): Promise<void> {
  await inTransaction(db, async (tx) => {
    // or else the first keys would be looked for, and all after them, in the way that is best for tables without rows
    await send(tx, 'SET LOCAL enable_seqscan = off', []);
    await writeKeys(tx, { networkId, keysPerSku, skuIds });
  });
}

type Stock = { networkId: string; keysPerSku: number; skuIds: readonly string[] | null };

async function writeKeys(tx: Transaction, { networkId, keysPerSku, skuIds }: Stock): Promise<void> {
  await send(
    tx,
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

/** Gives a station another program with these permissions; answers its key. */
export async function openProgram(
  db: Database,
  { networkId, userId }: Pick<Shop, 'networkId' | 'userId'>,
  stationId: string,
  permissions: readonly Permission[],
): Promise<string> {
  return inTransaction(db, (tx) => createKey(tx, { networkId, userId, stationId }, permissions));
}

type Parties = { networkId: string; userId: string; supplierId: string };

async function writeParties(tx: Transaction, { networkId, userId, supplierId }: Parties): Promise<void> {
  await send(
    tx,
    `INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'Benchmark', 'CNY', 'Asia/Shanghai', now() - interval '1 year')`,
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
}

/** Headquarters and the sub-stations below, depth by depth; the trunk's ids are the first of each. */
async function writeStations(
  tx: Transaction,
  { networkId, trunk }: { networkId: string; trunk: readonly string[] },
  counts: readonly number[],
): Promise<void> {
  for (const [depth, id] of trunk.entries()) {
    await send(
      tx,
      `INSERT INTO station (network_id, id, parent_id, kind, name, code, path, depth, created_at, updated_at)
       VALUES ($1, $2, $3, $4, 'Station', 'T' || $5::text || '-0', $6, $5::int, now(), now())`,
      [networkId, id, trunk[depth - 1] ?? null, depth === 0 ? 'HEADQUARTERS' : 'SUBSTATION', depth, trunk.slice(0, depth + 1)],
    );
    // the rest of its depth: dealt out over the stations above
    await send(tx, dealtOut('SUBSTATION', `'T' || $2::text || '-'`), [networkId, depth, 1, (counts[depth] ?? 1) - 1]);
  }
}

async function writeBuyers(tx: Transaction, networkId: string, { stations, depth }: { stations: number; depth: number }): Promise<void> {
  await send(tx, dealtOut('RESELLER', `'B'`), [networkId, depth, 0, stations - 1]);
}

/** Stations of depth $2 numbered from $3 to $4, each below the station above whose number it has when divided. */
function dealtOut(kind: 'SUBSTATION' | 'RESELLER', code: string): string {
  return `WITH above AS MATERIALIZED (
       SELECT id, path, row_number() OVER (ORDER BY length(code), code) - 1 AS number
       FROM station WHERE network_id = $1 AND depth = $2::int - 1
     ), made AS MATERIALIZED (SELECT uuidv7() AS id, g, g % (SELECT count(*) FROM above) AS place FROM generate_series($3::int, $4::int) g)
     INSERT INTO station (network_id, id, parent_id, kind, name, code, path, depth, created_at, updated_at)
     SELECT $1, m.id, a.id, '${kind}', 'Station ' || m.g, ${code} || m.g, a.path || m.id, $2::int, now(), now()
     FROM made m JOIN above a ON a.number = m.place`;
}

/** Every buyer gets its wallet filled from CASH, in one transfer. */
async function fillWallets(tx: Transaction, networkId: string, userId: string): Promise<void> {
  await send(
    tx,
    `INSERT INTO account (network_id, id, station_id, kind, currency, balance, floorless, updated_at)
     SELECT $1::uuid, uuidv7(), s.id, 'WALLET'::account_kind, 'CNY', ${WALLET}, false, now() FROM station s WHERE s.network_id = $1 AND s.kind = 'RESELLER'
     UNION ALL
     SELECT $1, uuidv7(), NULL, 'CASH', 'CNY', -${WALLET}::numeric * count(*), true, now() FROM station s WHERE s.network_id = $1 AND s.kind = 'RESELLER'`,
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

/** Programs of so many buyers, drawn evenly from all. */
async function openBuyers(db: Database, shop: { networkId: string; userId: string }, count: number): Promise<Buyer[]> {
  const { rows } = await db.pool.query<{ id: string }>(
    `SELECT id FROM station WHERE network_id = $1 AND kind = 'RESELLER' ORDER BY id LIMIT $2`,
    [shop.networkId, count],
  );
  return inTransaction(db, async (tx) => {
    const buyers: Buyer[] = [];
    for (const { id: stationId } of rows) {
      const permissions = ['CATALOGUE_READ', 'ORDERS_READ', 'ORDERS_PLACE'] as const;
      buyers.push({ stationId, secret: await createKey(tx, { ...shop, stationId }, permissions) });
    }
    return buyers;
  });
}

/** An API key of a station with these permissions; answers its secret. */
export async function createKey(
  tx: Transaction,
  { networkId, userId, stationId }: { networkId: string; userId: string; stationId: string },
  permissions: readonly Permission[],
): Promise<string> {
  const viewer = {
    networkId,
    party: { kind: 'STATION', stationId },
    actor: { kind: 'USER', userId, sessionId: userId },
    role: 'OWNER',
    permissions: permissionsOfRole.OWNER,
    clientAddress: null,
  } as const;
  const key = await createApiKey(tx, viewer, { name: 'load', permissions, expiresAt: null, allowedIps: [] });
  if (key.kind !== 'API_KEY_CREATED') throw new Error(`no API key: ${key.message}`);
  return key.secret;
}
