import { randomUUID } from 'node:crypto';
import { type Permission, permissionsOfRole, type Role, type Viewer } from '#server/accounts/rules.ts';
import { openAccountBook, writeTransfers } from '#server/ledger/commands.ts';
import { spreadEvenly } from '#server/platform/allocate.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { type CurrencyCode, money, toAmountString } from '#server/platform/money.ts';
import { createVault, type Vault } from '#server/platform/vault.ts';
import { fingerprintCardKey, lotContext, sealCardKey } from '#server/stock/rules.ts';

/** The vault of all tests. */
export const testVault: Vault = createVault([{ id: 'test', key: Buffer.alloc(32, 7) }]);

const ROLES: readonly Role[] = ['OWNER', 'MANAGER', 'FINANCE', 'OPERATOR', 'VIEWER'];

/** A station. Without `parent` it is headquarters (exactly one); leaves are RESELLERs unless said otherwise. `wallet` is paid in from CASH. */
export type StationSpec<Station extends string> = {
  readonly parent?: Station;
  readonly kind?: 'SUBSTATION' | 'RESELLER';
  readonly status?: 'ACTIVE' | 'FROZEN' | 'CLOSED';
  readonly level?: string;
  readonly costGuard?: 'HIDE' | 'ALLOW_LOSS';
  readonly wallet?: string;
  readonly creditLimit?: string;
};

/** A SKU with a product of its own in a category ("Goods" unless named; one level). Owned by headquarters unless said otherwise. */
export type SkuSpec<Station extends string> = {
  readonly basePrice: string;
  readonly owner?: Station;
  readonly category?: string;
  readonly unitSize?: number;
  readonly minQuantity?: number;
  readonly maxQuantity?: number;
  readonly quantityStep?: number;
  readonly listingState?: 'DRAFT' | 'LIVE' | 'PAUSED' | 'RETIRED';
};

/** What `by` adds for a child, a level it gives, or everyone; on a SKU, a category, or everything. */
export type RuleSpec<Station extends string, Sku extends string> = {
  readonly by: Station;
  readonly child?: Station;
  readonly level?: string;
  readonly sku?: Sku;
  readonly category?: string;
  readonly kind: 'PERCENT' | 'FIXED' | 'PRICE';
  readonly value: string;
  readonly breaks?: readonly { readonly minQuantity: number; readonly value: string }[];
  readonly inversion?: 'HIDE' | 'RAISE_TO_START';
};

/** A plan of the SKU's owner. */
export type PlanSpec<Sku extends string> = {
  readonly sku: Sku;
  readonly poolKind: 'PERCENT' | 'PER_UNIT';
  readonly poolValue: string;
  readonly shareBps: readonly number[];
};

/** A lot of the SKU's owner. `keys`: how many, with secrets "<sku>-<lot>-<n>" counted from 1, or the secrets themselves. */
export type LotSpec<Sku extends string, Supplier extends string> = {
  readonly sku: Sku;
  readonly supplier?: Supplier;
  readonly terms?: 'CONSIGNMENT' | 'OWN';
  readonly totalCost: string;
  readonly keys: number | readonly string[];
  readonly expiresOn?: string;
};

/** A network by names; see each part. Everything not said has a fixed value. */
export type WorldSpec<Station extends string, Sku extends string, Supplier extends string> = {
  readonly name?: string;
  readonly currency?: CurrencyCode;
  readonly timeZone?: string;
  readonly settlementDays?: number;
  readonly commissionLevelsMax?: number;
  readonly refundLimit?: string;
  readonly stations: Readonly<Record<Station, StationSpec<NoInfer<Station>>>>;
  readonly suppliers?: readonly Supplier[];
  readonly skus?: Readonly<Record<Sku, SkuSpec<NoInfer<Station>>>>;
  readonly rules?: readonly RuleSpec<NoInfer<Station>, NoInfer<Sku>>[];
  readonly bands?: readonly { readonly sku: NoInfer<Sku>; readonly floor?: string; readonly ceiling?: string }[];
  readonly plans?: readonly PlanSpec<NoInfer<Sku>>[];
  readonly lots?: readonly LotSpec<NoInfer<Sku>, NoInfer<Supplier>>[];
};

/** The network as it was made: ids by name, and whoever acts in it. */
export type World<Station extends string = string, Sku extends string = string, Supplier extends string = string> = {
  readonly networkId: string;
  readonly currency: CurrencyCode;
  readonly hq: string;
  readonly stations: Readonly<Record<Station, string>>;
  readonly suppliers: Readonly<Record<Supplier, string>>;
  readonly skus: Readonly<Record<Sku, string>>;
  readonly products: Readonly<Record<Sku, string>>;
  /** by name */
  readonly categories: Readonly<Record<string, string>>;
  /** by "<giver>/<level>" */
  readonly levels: Readonly<Record<string, string>>;
  /** in the order of the specification */
  readonly lots: readonly { readonly id: string; readonly keyIds: readonly string[] }[];
  /** The person who has this role in the station or supplier: a real user `<role>@<party>.test`, all in lower case. OWNER unless said otherwise. */
  viewer(party: Station | Supplier, role?: Role): Viewer;
  /** A program of the party, with these scopes (an id without a row: flows do not look it up). */
  program(party: Station | Supplier, permissions: readonly Permission[]): Viewer;
};

/**
 * Arranges one network through the application's own role, its money through real transfers: the audit is clean afterwards.
 * May be called several times on one database: networks do not meet.
 */
export async function world<Station extends string, Sku extends string = never, Supplier extends string = never>(
  db: Database,
  spec: WorldSpec<Station, Sku, Supplier>,
): Promise<World<Station, Sku, Supplier>> {
  const made = newIds(db, spec);
  await insertParties(db, spec, made);
  await insertCatalogue(db, spec, made);
  await insertPrices(db, spec, made);
  const lots = await insertLots(db, spec, made);
  await fillWallets(db, spec, made);
  return {
    networkId: made.networkId,
    currency: made.currency,
    hq: made.hq,
    stations: made.stations as Record<Station, string>,
    suppliers: made.suppliers as Record<Supplier, string>,
    skus: made.skus as Record<Sku, string>,
    products: made.products as Record<Sku, string>,
    categories: made.categories,
    levels: made.levels,
    lots,
    viewer: (party, role = 'OWNER') => ({
      ...identity(made, party),
      actor: { kind: 'USER', userId: userOf(made, party, role), sessionId: randomUUID() },
      role,
      permissions: permissionsOfRole[role],
    }),
    program: (party, permissions) => ({
      ...identity(made, party),
      actor: { kind: 'API_KEY', apiKeyId: randomUUID() },
      role: null,
      permissions: new Set(permissions),
    }),
  };
}

type Made = {
  networkId: string;
  currency: CurrencyCode;
  hq: string;
  stations: Record<string, string>;
  suppliers: Record<string, string>;
  skus: Record<string, string>;
  products: Record<string, string>;
  categories: Record<string, string>;
  levels: Record<string, string>;
  users: Record<string, string>;
};
type AnySpec = WorldSpec<string, string, string>;

function newIds(db: Database, spec: AnySpec): Made {
  const ids = (names: Iterable<string>) => Object.fromEntries([...new Set(names)].map((name) => [name, db.newId()]));
  const stations = ids(Object.keys(spec.stations));
  const roots = Object.entries(spec.stations).filter(([, station]) => station.parent === undefined);
  const [root] = roots;
  if (root === undefined || roots.length > 1) throw new Error('a world has exactly one station without a parent');
  const suppliers = ids(spec.suppliers ?? []);
  const skuNames = Object.keys(spec.skus ?? {});
  const levels = Object.values(spec.stations).flatMap(({ parent, level }) => (level === undefined ? [] : [`${parent}/${level}`]));
  const ruleLevels = (spec.rules ?? []).flatMap(({ by, level }) => (level === undefined ? [] : [`${by}/${level}`]));
  return {
    networkId: db.newId(),
    currency: spec.currency ?? 'CNY',
    hq: idOf(stations, root[0]),
    stations,
    suppliers,
    skus: ids(skuNames),
    products: ids(skuNames),
    categories: ids([
      ...Object.values(spec.skus ?? {}).map(({ category }) => category ?? 'Goods'),
      ...(spec.rules ?? []).flatMap(({ category }) => (category === undefined ? [] : [category])),
    ]),
    levels: ids([...levels, ...ruleLevels]),
    users: ids([...Object.keys(stations), ...Object.keys(suppliers)].flatMap((party) => ROLES.map((role) => `${party} ${role}`))),
  };
}

async function insertParties(db: Database, spec: AnySpec, made: Made): Promise<void> {
  const now = db.clock();
  const { networkId } = made;
  await insertRows(db, 'network', [
    {
      id: networkId,
      name: spec.name ?? 'Test network',
      currency: made.currency,
      time_zone: spec.timeZone ?? 'Asia/Shanghai',
      settlement_days: spec.settlementDays ?? 7,
      commission_levels_max: spec.commissionLevelsMax ?? 3,
      refund_limit: spec.refundLimit ?? '1000.00',
      created_at: now,
    },
  ]);
  const levels = Object.entries(made.levels).map(([key, id]) => {
    const [giver = '', name] = key.split('/');
    return { network_id: networkId, id, station_id: idOf(made.stations, giver), name, created_at: now };
  });
  // a level belongs to a station and a station has a level: the stations come first, their levels after
  await insertRows(
    db,
    'station',
    topDown(spec).map((name) => stationRow(spec, made, name, now)),
  );
  await insertRows(db, 'price_level', levels);
  for (const [name, { parent, level }] of Object.entries(spec.stations)) {
    if (level === undefined) continue;
    const levelId = idOf(made.levels, `${parent}/${level}`);
    await db.pool.query('UPDATE station SET level_id = $3 WHERE network_id = $1 AND id = $2', [
      networkId,
      idOf(made.stations, name),
      levelId,
    ]);
  }
  await insertRows(
    db,
    'supplier',
    Object.entries(made.suppliers).map(([name, id]) => ({ network_id: networkId, id, name, code: name, created_at: now })),
  );
  await insertPeople(db, made);
}

function stationRow(spec: AnySpec, made: Made, name: string, now: Date): Record<string, unknown> {
  const station = spec.stations[name];
  const path = pathOf(spec, name);
  const isParent = Object.values(spec.stations).some(({ parent }) => parent === name);
  return {
    network_id: made.networkId,
    id: idOf(made.stations, name),
    parent_id: station?.parent === undefined ? null : idOf(made.stations, station.parent),
    kind: path.length === 1 ? 'HEADQUARTERS' : (station?.kind ?? (isParent ? 'SUBSTATION' : 'RESELLER')),
    status: station?.status ?? 'ACTIVE',
    name,
    code: name,
    path: path.map((each) => idOf(made.stations, each)),
    depth: path.length - 1,
    cost_guard: station?.costGuard ?? 'HIDE',
    created_at: now,
    updated_at: now,
  };
}

async function insertPeople(db: Database, made: Made): Promise<void> {
  const now = db.clock();
  // two worlds of one database may have parties of one name
  const taken = await db.pool.query<{ email: string }>('SELECT email FROM users WHERE email = ANY ($1)', [
    Object.keys(made.users).map(emailOf),
  ]);
  const suffix = taken.rows.length > 0 ? `.${made.networkId.slice(-6)}` : '';
  const users = Object.entries(made.users);
  await insertRows(
    db,
    'users',
    users.map(([key, id]) => ({ id, name: key, email: emailOf(key) + suffix, email_verified: true, created_at: now, updated_at: now })),
  );
  await insertRows(
    db,
    'membership',
    users.map(([key, userId]) => {
      const [party = '', role] = key.split(' ');
      return {
        network_id: made.networkId,
        id: db.newId(),
        user_id: userId,
        station_id: made.stations[party] ?? null,
        supplier_id: made.suppliers[party] ?? null,
        role,
        created_at: now,
      };
    }),
  );
}

async function insertCatalogue(db: Database, spec: AnySpec, made: Made): Promise<void> {
  const now = db.clock();
  const { networkId } = made;
  await insertRows(
    db,
    'category',
    Object.entries(made.categories).map(([name, id]) => ({
      network_id: networkId,
      id,
      owner_id: made.hq,
      parent_id: null,
      name,
      path: [id],
      created_at: now,
    })),
  );
  const skus = Object.entries(spec.skus ?? {}).map(([name, sku]) => ({
    ...sku,
    name,
    ownerId: ownerOf(spec, made, name),
    categoryId: idOf(made.categories, sku.category ?? 'Goods'),
  }));
  await insertRows(
    db,
    'product',
    skus.map(({ name, ownerId, categoryId }) => ({
      network_id: networkId,
      id: idOf(made.products, name),
      owner_id: ownerId,
      category_id: categoryId,
      name,
      created_at: now,
    })),
  );
  await insertRows(
    db,
    'sku',
    skus.map((sku) => ({
      network_id: networkId,
      id: idOf(made.skus, sku.name),
      product_id: idOf(made.products, sku.name),
      owner_id: sku.ownerId,
      category_path: [sku.categoryId],
      code: sku.name,
      name: sku.name,
      currency: made.currency,
      base_price: sku.basePrice,
      unit_size: sku.unitSize ?? 1,
      min_quantity: sku.minQuantity ?? 1,
      max_quantity: sku.maxQuantity ?? 1000,
      quantity_step: sku.quantityStep ?? 1,
      listing_state: sku.listingState ?? 'LIVE',
      created_at: now,
      updated_at: now,
    })),
  );
}

async function insertPrices(db: Database, spec: AnySpec, made: Made): Promise<void> {
  const author = {
    network_id: made.networkId,
    currency: made.currency,
    valid_from: db.clock(),
    created_by: userOf(made, nameOf(made.stations, made.hq), 'OWNER'),
  };
  await insertRows(
    db,
    'markup_rule',
    (spec.rules ?? []).map((rule) => ({
      ...author,
      id: db.newId(),
      station_id: idOf(made.stations, rule.by),
      child_id: rule.child === undefined ? null : idOf(made.stations, rule.child),
      level_id: rule.level === undefined ? null : idOf(made.levels, `${rule.by}/${rule.level}`),
      sku_id: rule.sku === undefined ? null : idOf(made.skus, rule.sku),
      category_id: rule.category === undefined ? null : idOf(made.categories, rule.category),
      kind: rule.kind,
      value: rule.value,
      breaks: JSON.stringify(rule.breaks ?? []),
      inversion: rule.inversion ?? 'HIDE',
    })),
  );
  await insertRows(
    db,
    'control_band',
    (spec.bands ?? []).map((band) => ({
      ...author,
      id: db.newId(),
      sku_id: idOf(made.skus, band.sku),
      floor: band.floor ?? null,
      ceiling: band.ceiling ?? null,
    })),
  );
  await insertRows(
    db,
    'commission_plan',
    (spec.plans ?? []).map((plan) => ({
      ...author,
      id: db.newId(),
      owner_id: ownerOf(spec, made, plan.sku),
      sku_id: idOf(made.skus, plan.sku),
      pool_kind: plan.poolKind,
      pool_value: plan.poolValue,
      share_bps: plan.shareBps,
    })),
  );
}

async function insertLots(db: Database, spec: AnySpec, made: Made): Promise<{ id: string; keyIds: string[] }[]> {
  const lots: { id: string; keyIds: string[] }[] = [];
  for (const [index, lot] of (spec.lots ?? []).entries()) lots.push(await insertLot(db, spec, made, lot, index + 1));
  return lots;
}

async function insertLot(
  db: Database,
  spec: AnySpec,
  made: Made,
  lot: LotSpec<string, string>,
  number: number,
): Promise<{ id: string; keyIds: string[] }> {
  const { networkId } = made;
  const id = db.newId();
  const now = db.clock();
  const skuId = idOf(made.skus, lot.sku);
  const ownerId = ownerOf(spec, made, lot.sku);
  const secrets =
    typeof lot.keys === 'number' ? Array.from({ length: lot.keys }, (_, index) => `${lot.sku}-${number}-${index + 1}`) : lot.keys;
  const wrapped = testVault.createDataKey(lotContext(networkId, id));
  await insertRows(db, 'lot', [
    {
      network_id: networkId,
      id,
      sku_id: skuId,
      owner_id: ownerId,
      supplier_id: lot.supplier === undefined ? null : idOf(made.suppliers, lot.supplier),
      terms: lot.terms ?? 'CONSIGNMENT',
      currency: made.currency,
      total_cost: lot.totalCost,
      key_count: secrets.length,
      expires_on: lot.expiresOn ?? null,
      data_key: wrapped.dataKey,
      vault_key_id: wrapped.vaultKeyId,
      created_by: userOf(made, nameOf(made.stations, ownerId), 'OWNER'),
      created_at: now,
    },
  ]);
  const costs = secrets.length === 0 ? [] : spreadEvenly(money(lot.totalCost, made.currency), secrets.length);
  const keys = secrets.map((secret, index) => {
    const keyId = db.newId();
    return {
      network_id: networkId,
      id: keyId,
      lot_id: id,
      sku_id: skuId,
      owner_id: ownerId,
      state: 'AVAILABLE',
      sealed: sealCardKey(testVault, { wrapped, networkId, lotId: id, skuId, keyId }, { number: null, secret }),
      fingerprint: fingerprintCardKey(testVault, networkId, { number: null, secret }),
      cost: toAmountString(costs[index] ?? money('0', made.currency)),
      expires_on: lot.expiresOn ?? null,
      updated_at: now,
    };
  });
  await insertRows(db, 'card_key', keys);
  return { id, keyIds: keys.map((key) => key.id) };
}

async function fillWallets(db: Database, spec: AnySpec, made: Made): Promise<void> {
  const filled = Object.entries(spec.stations).filter(([, { wallet, creditLimit }]) => wallet !== undefined || creditLimit !== undefined);
  if (filled.length === 0) return;
  const ledger = { networkId: made.networkId, currency: made.currency };
  const cash = { holder: { network: true }, accountKind: 'CASH' } as const;
  const walletOf = (name: string) => ({ holder: { stationId: idOf(made.stations, name) }, accountKind: 'WALLET' }) as const;
  await inTransaction(db, async (tx) => {
    const book = await openAccountBook(tx, ledger, [cash, ...filled.map(([name]) => walletOf(name))]);
    const payers = filled.flatMap(([name, { wallet }]) =>
      wallet === undefined || Number(wallet) === 0 ? [] : [{ name, amount: money(wallet, made.currency) }],
    );
    const transfers = payers.map(({ name, amount }) => ({
      id: tx.newId(),
      kind: 'TOP_UP' as const,
      actorId: userOf(made, nameOf(made.stations, made.hq), 'FINANCE'),
      postings: [
        { ...cash, amount: { ...amount, tenThousandths: -amount.tenThousandths }, reason: 'TOP_UP' as const },
        { ...walletOf(name), amount, reason: 'TOP_UP' as const },
      ],
    }));
    if (transfers.length > 0) await writeTransfers(tx, ledger, book, transfers);
  });
  for (const [name, { creditLimit }] of filled) {
    if (creditLimit === undefined) continue;
    const values = [made.networkId, idOf(made.stations, name), creditLimit];
    await db.pool.query(`UPDATE account SET credit_limit = $3 WHERE network_id = $1 AND station_id = $2 AND kind = 'WALLET'`, values);
  }
}

function identity(made: Made, party: string): Pick<Viewer, 'networkId' | 'party' | 'clientAddress'> {
  const stationId = made.stations[party];
  const acting =
    stationId === undefined
      ? ({ kind: 'SUPPLIER', supplierId: idOf(made.suppliers, party) } as const)
      : ({ kind: 'STATION', stationId } as const);
  return { networkId: made.networkId, party: acting, clientAddress: '192.0.2.1' };
}

function topDown(spec: AnySpec): string[] {
  return Object.keys(spec.stations).sort((a, b) => pathOf(spec, a).length - pathOf(spec, b).length);
}

function pathOf(spec: AnySpec, name: string): string[] {
  const parent = spec.stations[name]?.parent;
  return parent === undefined ? [name] : [...pathOf(spec, parent), name];
}

function ownerOf(spec: AnySpec, made: Made, sku: string): string {
  const owner = spec.skus?.[sku]?.owner;
  return owner === undefined ? made.hq : idOf(made.stations, owner);
}

function userOf(made: Made, party: string, role: Role): string {
  return idOf(made.users, `${party} ${role}`);
}

function emailOf(userKey: string): string {
  const [party, role] = userKey.toLowerCase().split(' ');
  return `${role}@${party}.test`;
}

function idOf(ids: Record<string, string>, name: string): string {
  const id = ids[name];
  if (id === undefined) throw new Error(`the world has no ${name}`);
  return id;
}

function nameOf(ids: Record<string, string>, id: string): string {
  return Object.entries(ids).find(([, each]) => each === id)?.[0] ?? '';
}

async function insertRows(db: Database, table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  // 65,535 parameters are PostgreSQL's limit for one statement
  for (let start = 0; start < rows.length; start += 1000) {
    const slice = rows.slice(start, start + 1000);
    const columns = Object.keys(slice[0] ?? {});
    const tuples = slice.map((_, row) => `(${columns.map((_column, column) => `$${row * columns.length + column + 1}`).join(', ')})`);
    const values = slice.flatMap((row) => columns.map((column) => row[column]));
    await db.pool.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${tuples.join(', ')}`, values);
  }
}
