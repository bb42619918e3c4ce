import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, currencyCode, type Money, money, toUnitPriceString } from '#server/platform/money.ts';
import type { ImportFacts, ImportItem, ImportMapping, KnownSku } from './rules.ts';

/** An owner and its goods. */
type Owner = { readonly networkId: string; readonly ownerId: string };

const accountOffers: Statement<{
  id: string;
  sku_id: string;
  goods: Record<string, string>;
  unit_cost: string;
  currency: string;
  upstream_unit_cost: string;
  unit_size: number;
  retired: boolean;
}> = statement(
  'imports.accountOffers',
  `SELECT o.id, o.sku_id, o.goods, o.unit_cost, s.currency, o.upstream_unit_cost, s.unit_size,
     s.listing_state = 'RETIRED' OR p.archived_at IS NOT NULL AS retired
   FROM supply_offer o JOIN sku s ON s.network_id = $1 AND s.id = o.sku_id JOIN product p ON p.network_id = $1 AND p.id = s.product_id
   WHERE o.network_id = $1 AND o.account_id = $2 AND o.archived_at IS NULL ORDER BY o.id`,
);
const importedSkus: Statement<{
  id: string;
  code: string;
  name: string;
  product_name: string;
  unit_size: number;
  goods_kind: KnownSku['goodsKind'];
  bundle: boolean;
  retired: boolean;
}> = statement(
  'imports.importedSkus',
  `SELECT s.id, s.code, s.name, p.name AS product_name, s.unit_size, s.goods_kind, s.delivery_kind = 'BUNDLE' AS bundle,
     s.listing_state = 'RETIRED' OR p.archived_at IS NOT NULL AS retired
   FROM sku s JOIN product p ON p.network_id = $1 AND p.id = s.product_id
   WHERE s.network_id = $1 AND s.owner_id = $2 AND (s.code = ANY ($3::text[]) OR p.name = ANY ($4::text[]) OR s.id = ANY ($5::uuid[])) ORDER BY s.id`,
);

/**
 * What an owner has that an upstream's goods may be: the account's offers (supply_offer_network_id_account_id_idx), and SKUs by code or
 * product name (the owner's range of sku_network_id_owner_id_code_key). No locks.
 */
export async function selectImportFacts(
  db: Queryable,
  { networkId, ownerId, accountId }: Owner & { readonly accountId: string },
  named: { readonly codes: readonly string[]; readonly products: readonly string[]; readonly ids: readonly string[] },
): Promise<ImportFacts> {
  const [offers, skus] = await Promise.all([
    run(db, accountOffers, [networkId, accountId]),
    run(db, importedSkus, [networkId, ownerId, named.codes, named.products, named.ids]),
  ]);
  return {
    offers: offers.map((row) => ({
      offerId: row.id,
      skuId: row.sku_id,
      goods: row.goods,
      unitCost: money(row.unit_cost, currencyCode(row.currency)),
      upstreamUnitCost: row.upstream_unit_cost,
      unitSize: row.unit_size,
      isRetired: row.retired,
    })),
    skus: skus.map((row) => ({
      skuId: row.id,
      code: row.code,
      name: row.name,
      productName: row.product_name,
      unitSize: row.unit_size,
      goodsKind: row.goods_kind,
      isBundle: row.bundle,
      isRetired: row.retired,
    })),
  };
}

/** A preview of an upstream's catalogue. `account_currency` is what `rate` turns into `currency`; `newest` is false once another was asked for. */
export type UpstreamImportRow = {
  readonly id: string;
  readonly owner_id: string;
  readonly account_id: string;
  readonly account_name: string;
  readonly supplier_id: string;
  readonly account_currency: string;
  readonly number: number;
  readonly newest: boolean;
  readonly state: 'PENDING' | 'READY' | 'FAILED';
  readonly failure: string | null;
  readonly markup_percent: string;
  readonly currency: string;
  readonly rate: string;
  readonly rate_source: string;
  readonly rate_at: Date | null;
  readonly mapping: Partial<ImportMapping>;
  readonly item_count: number;
  readonly created_by: string;
  readonly created_at: Date;
  readonly listed_at: Date | null;
};

const IMPORT_COLUMNS = `j.id, j.owner_id, j.account_id, c.name AS account_name, c.supplier_id, c.currency AS account_currency, j.number,
  j.number = (SELECT max(k.number) FROM upstream_import k WHERE k.network_id = $1 AND k.account_id = j.account_id) AS newest, j.state, j.failure,
  j.markup_percent, j.currency, j.rate::text, j.rate_source, j.rate_at, j.mapping, j.item_count, j.created_by, j.created_at, j.listed_at`;
const IMPORT_ACCOUNT = 'JOIN supply_account c ON c.network_id = $1 AND c.id = j.account_id';

const importsById: Statement<UpstreamImportRow> = statement(
  'imports.importsById',
  `SELECT ${IMPORT_COLUMNS} FROM upstream_import j ${IMPORT_ACCOUNT} WHERE j.network_id = $1 AND j.id = ANY ($2::uuid[]) AND j.owner_id = $3`,
);
const lockImportRow: Statement<UpstreamImportRow> = statement(
  'imports.lockImport',
  `SELECT ${IMPORT_COLUMNS} FROM upstream_import j ${IMPORT_ACCOUNT} WHERE j.network_id = $1 AND j.id = $2 AND j.owner_id = $3 FOR NO KEY UPDATE OF j`,
);

/** An owner's previews by id. Index: primary key. */
export function selectImports(db: Queryable, { networkId, ownerId }: Owner, ids: readonly string[]): Promise<UpstreamImportRow[]> {
  return run(db, importsById, [networkId, ids, ownerId]);
}

/** One of them, locked: who applies it, and who lists it, come one after the other. */
export async function lockImport(tx: Transaction, { networkId, ownerId }: Owner, importId: string): Promise<UpstreamImportRow | undefined> {
  return (await run(tx, lockImportRow, [networkId, importId, ownerId]))[0];
}

const newestImport: Statement<{ id: string }> = statement(
  'imports.newestImport',
  `SELECT j.id FROM upstream_import j WHERE j.network_id = $1 AND j.owner_id = $2 AND j.account_id = $3 ORDER BY j.number DESC LIMIT 1`,
);

/** The newest preview of an account; null before the first. Index: upstream_import_number_key. */
export async function selectNewestImport(db: Queryable, { networkId, ownerId }: Owner, accountId: string): Promise<string | null> {
  return (await run(db, newestImport, [networkId, ownerId, accountId]))[0]?.id ?? null;
}

const lockAccountRow: Statement<{
  id: string;
  currency: string;
  is_enabled: boolean;
  kind: string;
  pending: boolean;
  number: number;
  mapping: Partial<ImportMapping> | null;
}> = statement(
  'imports.lockImportAccount',
  `SELECT c.id, c.currency, c.is_enabled, c.kind,
     EXISTS (SELECT FROM upstream_import j WHERE j.network_id = $1 AND j.account_id = c.id AND j.state = 'PENDING') AS pending,
     (SELECT coalesce(max(j.number), 0) + 1 FROM upstream_import j WHERE j.network_id = $1 AND j.account_id = c.id) AS number,
     (SELECT j.mapping FROM upstream_import j WHERE j.network_id = $1 AND j.account_id = c.id ORDER BY j.number DESC LIMIT 1) AS mapping
   FROM supply_account c WHERE c.network_id = $1 AND c.id = $2 AND c.owner_id = $3 FOR NO KEY UPDATE OF c`,
);

/** The account that a preview is asked of, locked, with the number that the next preview has and what was mapped before (supply_account_pkey, upstream_import_number_key). */
export async function lockImportAccount(tx: Transaction, { networkId, ownerId }: Owner, accountId: string) {
  return (await run(tx, lockAccountRow, [networkId, accountId, ownerId]))[0];
}

const insertImportRow: Statement<Record<string, never>> = statement(
  'imports.insertImport',
  `INSERT INTO upstream_import (network_id, id, owner_id, account_id, number, markup_percent, currency, rate, rate_source, rate_at, mapping, created_by,
     created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
);

/** Writes a preview that waits to be listed. */
export async function insertImport(
  tx: Transaction,
  { networkId, ownerId }: Owner,
  row: {
    readonly id: string;
    readonly accountId: string;
    readonly number: number;
    readonly markupPercent: string;
    readonly currency: CurrencyCode;
    readonly rate: string;
    readonly rateSource: string;
    readonly rateAt: Date | null;
    readonly mapping: ImportMapping;
    readonly createdBy: string;
  },
): Promise<void> {
  const rate = [row.currency, row.rate, row.rateSource, row.rateAt];
  await run(tx, insertImportRow, [
    networkId,
    row.id,
    ownerId,
    row.accountId,
    row.number,
    row.markupPercent,
    ...rate,
    JSON.stringify(row.mapping),
    row.createdBy,
    tx.now,
  ]);
}

const claimImportRow: Statement<{ network_id: string; id: string; owner_id: string; account_id: string; tries: number }> = statement(
  'imports.claimImport',
  `UPDATE upstream_import j SET tries = j.tries + 1, lease_until = $2 FROM (
     SELECT k.network_id, k.id FROM upstream_import k
     WHERE k.state = 'PENDING' AND (k.lease_until IS NULL OR k.lease_until < $1) ORDER BY k.network_id, k.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
   ) next WHERE j.network_id = next.network_id AND j.id = next.id RETURNING j.network_id, j.id, j.owner_id, j.account_id, j.tries`,
);

/** Takes the next preview that waits, of any network (upstream_import_pending_idx); whoever dies over it loses it at the end of the lease. */
export async function claimImport(tx: Transaction, leaseUntil: Date) {
  return (await run(tx, claimImportRow, [tx.now, leaseUntil]))[0];
}

const endImportRow: Statement<Record<string, never>> = statement(
  'imports.endImport',
  `UPDATE upstream_import SET state = $3, failure = $4, item_count = $5, listed_at = $6, lease_until = NULL WHERE network_id = $1 AND id = $2`,
);

/** A preview is there, or will not be. */
export async function endImport(
  tx: Transaction,
  networkId: string,
  importId: string,
  outcome: { readonly failure: string | null; readonly itemCount: number },
): Promise<void> {
  const { failure, itemCount } = outcome;
  await run(tx, endImportRow, [networkId, importId, failure === null ? 'READY' : 'FAILED', failure, itemCount, tx.now]);
}

const insertItemRows: Statement<Record<string, never>> = statement(
  'imports.insertImportItems',
  `INSERT INTO upstream_import_item (network_id, import_id, id, change, reason, code, category_names, product_name, sku_name, goods, goods_kind,
     input_fields, min_quantity, max_quantity, stock_count, upstream_unit_cost, unit_cost, old_unit_cost, base_price, sku_id, offer_id)
   SELECT $1, $2, n.id, n.change, n.reason, n.code, n.category_names, n.product_name, n.sku_name, n.goods, n.goods_kind, n.input_fields,
     n.min_quantity, n.max_quantity, n.stock_count, n.upstream_unit_cost, n.unit_cost, n.old_unit_cost, n.base_price, n.sku_id, n.offer_id
   FROM json_to_recordset($3::json) AS n (id uuid, change text, reason text, code text, category_names text[], product_name text, sku_name text,
     goods jsonb, goods_kind text, input_fields jsonb, min_quantity int, max_quantity int, stock_count int, upstream_unit_cost numeric,
     unit_cost numeric, old_unit_cost numeric, base_price numeric, sku_id uuid, offer_id uuid)`,
);

/** Writes what importing each of an upstream's goods would do, in their order. */
export async function insertImportItems(
  tx: Transaction,
  networkId: string,
  importId: string,
  items: readonly (ImportItem & { readonly id: string })[],
): Promise<void> {
  const price = (amount: Money | null) => amount && toUnitPriceString(amount);
  const records = items.map((item) => ({
    id: item.id,
    change: item.change,
    reason: item.reason,
    code: item.code,
    category_names: item.categories,
    product_name: item.productName,
    sku_name: item.skuName,
    goods: item.goods,
    goods_kind: item.goodsKind,
    input_fields: item.inputFields,
    min_quantity: item.minQuantity,
    max_quantity: item.maxQuantity,
    stock_count: item.stockCount,
    upstream_unit_cost: item.upstreamUnitCost,
    unit_cost: price(item.unitCost),
    old_unit_cost: price(item.oldUnitCost),
    base_price: price(item.basePrice),
    sku_id: item.skuId,
    offer_id: item.offerId,
  }));
  if (records.length > 0) await run(tx, insertItemRows, [networkId, importId, JSON.stringify(records)]);
}

const deleteOldItemRows: Statement<Record<string, never>> = statement(
  'imports.deleteOldImportItems',
  `DELETE FROM upstream_import_item i USING upstream_import j
   WHERE i.network_id = $1 AND j.network_id = $1 AND j.id = i.import_id AND j.account_id = $2 AND j.number < $3 AND i.applied_at IS NULL`,
);

/** Forgets what an account's older previews showed and nobody applied (upstream_import_number_key, upstream_import_item_network_id_import_id_id_idx). */
export async function deleteOldImportItems(tx: Transaction, networkId: string, accountId: string, before: number): Promise<void> {
  await run(tx, deleteOldItemRows, [networkId, accountId, before]);
}

/** An item of a preview as its owner sees it. `problem`: why applying it did nothing. */
export type ImportItemRow = {
  readonly id: string;
  readonly import_id: string;
  readonly change: ImportItem['change'];
  readonly reason: ImportItem['reason'];
  readonly code: string;
  readonly category_names: readonly string[];
  readonly product_name: string;
  readonly sku_name: string;
  readonly goods: Record<string, string>;
  readonly goods_kind: ImportItem['goodsKind'];
  readonly input_fields: unknown;
  readonly min_quantity: number;
  readonly max_quantity: number;
  readonly stock_count: number | null;
  readonly upstream_unit_cost: string | null;
  readonly unit_cost: string | null;
  readonly old_unit_cost: string | null;
  readonly base_price: string | null;
  readonly currency: string;
  readonly account_currency: string;
  readonly sku_id: string | null;
  readonly offer_id: string | null;
  readonly applied_at: Date | null;
  readonly problem: string | null;
};

const ITEM_COLUMNS = `i.id, i.import_id, i.change, i.reason, i.code, i.category_names, i.product_name, i.sku_name, i.goods, i.goods_kind, i.input_fields,
  i.min_quantity, i.max_quantity, i.stock_count, i.upstream_unit_cost, i.unit_cost, i.old_unit_cost, i.base_price, j.currency,
  c.currency AS account_currency, i.sku_id, i.offer_id, i.applied_at, i.problem`;
const ITEM_IMPORT = `JOIN upstream_import j ON j.network_id = $1 AND j.id = i.import_id AND j.owner_id = $2 ${IMPORT_ACCOUNT}`;

const itemPage = (name: string, ofChange: string, beyond: string, order: string): Statement<ImportItemRow> =>
  statement(
    name,
    `SELECT ${ITEM_COLUMNS} FROM upstream_import_item i ${ITEM_IMPORT}
     WHERE i.network_id = $1 AND i.import_id = $3 AND i.id ${beyond} $4 ${ofChange} ORDER BY i.id ${order} LIMIT $5`,
  );
const OF_CHANGE = 'AND i.change = $6';
const itemPages = {
  FORWARD: {
    end: '00000000-0000-0000-0000-000000000000',
    all: itemPage('imports.importItemsOn', '', '>', 'ASC'),
    ofChange: itemPage('imports.importItemsOfChangeOn', OF_CHANGE, '>', 'ASC'),
  },
  BACKWARD: {
    end: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    all: itemPage('imports.importItemsBack', '', '<', 'DESC'),
    ofChange: itemPage('imports.importItemsOfChangeBack', OF_CHANGE, '<', 'DESC'),
  },
} as const;

/** One page of a preview's items in the upstream's order. Index: upstream_import_item_network_id_import_id_id_idx. */
export function selectImportItems(
  db: Queryable,
  { networkId, ownerId }: Owner,
  { importId, change }: { readonly importId: string; readonly change: ImportItem['change'] | null },
  page: { readonly direction: 'FORWARD' | 'BACKWARD'; readonly from: string | null; readonly limit: number },
): Promise<ImportItemRow[]> {
  const { end, all, ofChange } = itemPages[page.direction];
  const values = [networkId, ownerId, importId, page.from ?? end, page.limit];
  return change === null ? run(db, all, values) : run(db, ofChange, [...values, change]);
}

const itemsById: Statement<ImportItemRow> = statement(
  'imports.importItemsById',
  `SELECT ${ITEM_COLUMNS} FROM upstream_import_item i ${ITEM_IMPORT} WHERE i.network_id = $1 AND i.id = ANY ($3::uuid[])`,
);

/** Items of an owner's previews by id. Index: primary key. */
export function selectImportItemsById(db: Queryable, { networkId, ownerId }: Owner, ids: readonly string[]): Promise<ImportItemRow[]> {
  return run(db, itemsById, [networkId, ownerId, ids]);
}

/** How many items of a preview change what, how many of them were applied, and how many could not be. */
export type ImportCountRow = {
  readonly import_id: string;
  readonly change: ImportItem['change'];
  readonly count: number;
  readonly applied: number;
  readonly failed: number;
};

const itemCounts: Statement<ImportCountRow> = statement(
  'imports.importCounts',
  `SELECT i.import_id, i.change, count(*)::int AS count, count(i.applied_at)::int AS applied, count(i.problem)::int AS failed
   FROM upstream_import_item i JOIN upstream_import j ON j.network_id = $1 AND j.id = i.import_id AND j.owner_id = $2
   WHERE i.network_id = $1 AND i.import_id = ANY ($3::uuid[]) GROUP BY i.import_id, i.change`,
);

/** Counts of an owner's previews. Index: upstream_import_item_network_id_import_id_id_idx. */
export function countImportItems(db: Queryable, { networkId, ownerId }: Owner, ids: readonly string[]): Promise<ImportCountRow[]> {
  return run(db, itemCounts, [networkId, ownerId, ids]);
}

const lockItemRows: Statement<ImportItemRow> = statement(
  'imports.lockImportItems',
  `SELECT ${ITEM_COLUMNS} FROM upstream_import_item i ${ITEM_IMPORT}
   WHERE i.network_id = $1 AND i.import_id = $3 AND ($4::uuid[] IS NULL OR i.id = ANY ($4)) AND i.change IN ('NEW', 'OFFER_ADDED', 'COST_CHANGED')
   ORDER BY i.id FOR NO KEY UPDATE OF i`,
);

/** The items of a preview that change something: those of these ids, or all of them. Locked in id order. */
export function lockImportItems(
  tx: Transaction,
  { networkId, ownerId }: Owner,
  importId: string,
  ids: readonly string[] | null,
): Promise<ImportItemRow[]> {
  return run(tx, lockItemRows, [networkId, ownerId, importId, ids]);
}

const applyItemRows: Statement<Record<string, never>> = statement(
  'imports.applyImportItems',
  `UPDATE upstream_import_item i SET applied_at = CASE WHEN n.problem IS NULL THEN $2::timestamptz END, problem = n.problem,
     sku_id = coalesce(n.sku_id, i.sku_id), offer_id = coalesce(n.offer_id, i.offer_id)
   FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::uuid[]) AS n (id, problem, sku_id, offer_id) WHERE i.network_id = $1 AND i.id = n.id`,
);

/** What became of an item: the SKU and the offer that it is about now, or why nothing was done. */
export type AppliedItem = {
  readonly id: string;
  readonly problem: string | null;
  readonly skuId: string | null;
  readonly offerId: string | null;
};

/** Writes down what became of items; their rows are locked. */
export async function applyImportItems(tx: Transaction, networkId: string, items: readonly AppliedItem[]): Promise<void> {
  if (items.length === 0) return;
  await run(tx, applyItemRows, [
    networkId,
    tx.now,
    items.map(({ id }) => id),
    items.map(({ problem }) => problem),
    items.map(({ skuId }) => skuId),
    items.map(({ offerId }) => offerId),
  ]);
}
