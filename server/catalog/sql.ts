import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, currencyCode, type Money, money, toUnitPriceString } from '#server/platform/money.ts';
import type { PlannedCategory, PlannedProduct, PlannedSku, StoredCatalogue } from './rules.ts';

/** State of a listing; only LIVE is for sale. */
export type ListingState = 'DRAFT' | 'SUBMITTED' | 'APPROVED' | 'LIVE' | 'PAUSED' | 'RETIRED' | 'REJECTED';

/** A SKU as it is stored. `categoryPath` runs from the top category to its product's own. */
export type SkuRecord = {
  readonly id: string;
  readonly productId: string;
  readonly ownerId: string;
  readonly categoryPath: readonly string[];
  readonly code: string;
  readonly name: string;
  readonly faceValue: string | null;
  readonly currency: CurrencyCode;
  readonly basePrice: Money;
  readonly unitSize: number;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly quantityStep: number;
  readonly deliveryKind: 'FROM_STOCK' | 'SOURCED' | 'BUNDLE';
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  /** what it is for: the last part of the title */
  readonly scene: string;
  /** what its buyer types, as the column has it: `inputFieldsOf` reads it */
  readonly inputFields: unknown;
  readonly listingState: ListingState;
  readonly version: number;
};

/** What an offer of a SKU is made from, apart from the line of stations and their rules. */
export type SkuFacts = {
  readonly sku: SkuRecord;
  /** keys for sale now, counted to `STOCK_COUNT_MAX` + 1; of what is not from stock, `withSupply` says it: null is bought when ordered, and nobody says how many there are */
  readonly availableCount: number | null;
  /** cost of the next key to be sold, else of a unit of the cheapest offer; null without stock */
  readonly nextUnitCost: Money | null;
  /** whether it could be sold at all: a bundle only while all of its components are */
  readonly isAvailable: boolean;
  readonly routingPolicy: string;
  /** of a bundle, in order; none of anything else */
  readonly components: readonly ComponentFacts[];
  /** the day on which stock was counted, by the network's calendar */
  readonly today: string;
  readonly band: { readonly id: string; readonly floor: Money | null; readonly ceiling: Money | null } | null;
};

/** A component of a bundle: `quantity` units of it in each. */
export type ComponentFacts = {
  readonly skuId: string;
  readonly quantity: number;
  readonly deliveryKind: SkuRecord['deliveryKind'];
  readonly listingState: ListingState;
  readonly unitSize: number;
  readonly routingPolicy: string;
  /** keys for sale, counted to what `STOCK_COUNT_MAX` + 1 bundles need */
  readonly availableCount: number;
  readonly nextUnitCost: Money | null;
};

/** Stock above this is "many" (domain §1 of the issue): counting further costs time and tells competitors. */
export const STOCK_COUNT_MAX = 100;

type SkuRow = {
  id: string;
  product_id: string;
  owner_id: string;
  category_path: string[];
  code: string;
  name: string;
  face_value: string | null;
  currency: string;
  base_price: string;
  unit_size: number;
  min_quantity: number;
  max_quantity: number;
  quantity_step: number;
  delivery_kind: SkuRecord['deliveryKind'];
  goods_kind: SkuRecord['goodsKind'];
  scene: string;
  input_fields: unknown;
  listing_state: ListingState;
  version: number;
};

type SkuFactsRow = SkuRow & {
  available_count: number;
  next_cost: string | null;
  band_id: string | null;
  floor: string | null;
  ceiling: string | null;
  archived: boolean;
  routing_policy: string;
  components: (Omit<ComponentFacts, 'nextUnitCost'> & { nextUnitCost: string | null })[] | null;
  today: string;
};

const SKU_COLUMNS = `s.id, s.product_id, s.owner_id, s.category_path, s.code, s.name, s.face_value, s.currency, s.base_price, s.unit_size,
  s.min_quantity, s.max_quantity, s.quantity_step, s.delivery_kind::text, s.goods_kind, s.scene, s.input_fields, s.listing_state::text, s.version`;

const LAST = `'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid`;

// Default deny: a station ($2) sees the goods that are owned on its own line, and of another owner's goods those that are or were listed.
const VISIBLE = `s.owner_id = ANY ((SELECT v.path FROM station v WHERE v.network_id = $1 AND v.id = $2)::uuid[])
  AND (s.owner_id = $2 OR s.listing_state IN ('LIVE', 'PAUSED', 'RETIRED'))`;

// The same for many stations ($2) at once: those of them that see the goods, per row.
const SIGHT = `s.owner_id = ANY (v.path) AND (s.owner_id = v.id OR s.listing_state IN ('LIVE', 'PAUSED', 'RETIRED'))`;
const SEEN_BY = `ARRAY(SELECT v.id FROM station v WHERE v.network_id = $1 AND v.id = ANY ($2::uuid[]) AND ${SIGHT}) AS seen_by`;

/** A row, and which of the stations that were asked for may see it. */
export type SeenBy<Record> = { readonly record: Record; readonly seenBy: readonly string[] };

// A key that expires today can still be sold today, by the calendar of the network ($3: now).
const TODAY = '($3::timestamptz AT TIME ZONE (SELECT n.time_zone FROM network n WHERE n.id = $1))::date';
const saleable = (sku: string) =>
  `k.network_id = $1 AND k.sku_id = ${sku} AND k.state = 'AVAILABLE' AND (k.expires_on IS NULL OR k.expires_on >= ${TODAY})`;
const SALEABLE = saleable('s.id');

// Of bundles alone: their components by bundle_component_live_key, the keys of each as those of a SKU.
const COMPONENTS = `SELECT jsonb_agg(jsonb_build_object('skuId', c.id, 'quantity', m.quantity, 'deliveryKind', c.delivery_kind, 'listingState', c.listing_state,
      'unitSize', c.unit_size, 'routingPolicy', c.routing_policy, 'availableCount', left_over.count, 'nextUnitCost', next_one.cost::text) ORDER BY m.position) AS components
    FROM bundle_component m
    JOIN sku c ON c.network_id = $1 AND c.id = m.component_sku_id
    CROSS JOIN LATERAL (SELECT count(*)::int AS count FROM (SELECT 1 FROM card_key k WHERE ${saleable('c.id')} LIMIT ${STOCK_COUNT_MAX + 1} * m.quantity) counted) left_over
    LEFT JOIN LATERAL (SELECT k.cost FROM card_key k WHERE ${saleable('c.id')} ORDER BY k.expires_on, k.id LIMIT 1) next_one ON true
    WHERE m.network_id = $1 AND m.bundle_sku_id = s.id AND m.valid_to IS NULL`;

// Once for each SKU of the page, both on card_key_available_idx (network_id, sku_id, expires_on, id): at most so many entries to count,
// one to cost, in the order in which keys are sold. Band: control_band_live_key.
const factsCountedTo = (most: number) => `
  JOIN product p ON p.network_id = $1 AND p.id = s.product_id
  LEFT JOIN control_band b ON b.network_id = $1 AND b.sku_id = s.id AND b.valid_to IS NULL
  CROSS JOIN LATERAL (SELECT count(*)::int AS available_count FROM (SELECT 1 FROM card_key k WHERE ${SALEABLE} LIMIT ${most}) counted) stock
  LEFT JOIN LATERAL (SELECT k.cost AS next_cost FROM card_key k WHERE ${SALEABLE} ORDER BY k.expires_on, k.id LIMIT 1) next ON true
  LEFT JOIN LATERAL (${COMPONENTS}) bundle ON s.delivery_kind = 'BUNDLE'`;
const FACTS = factsCountedTo(STOCK_COUNT_MAX + 1);
const FACT_COLUMNS = `${SKU_COLUMNS}, s.routing_policy, ${TODAY}::text AS today, stock.available_count, next.next_cost, bundle.components, b.id AS band_id, b.floor, b.ceiling, p.archived_at IS NOT NULL AS archived`;

/** How a catalogue is cut. `pattern` is an ILIKE pattern for name, brand or code; `onlyStocked` leaves out what nobody could buy now. */
export type CatalogueCut = {
  readonly categoryId: string | null;
  readonly pattern: string | null;
  readonly onlyStocked: boolean;
  readonly direction: 'FORWARD' | 'BACKWARD';
  readonly from: string | null;
  readonly limit: number;
};

// Order of the catalogue: category by category as the tree runs, product by product, SKU by SKU, each in order of creation.
// Index: sku_network_id_category_path_product_id_id_idx, one range (of the category's subtree, from the cursor's place on);
// search reads along it until the page is full. Drafts of an owner's own goods belong to its listing, not to a catalogue.
const PLACE = 's.category_path, s.product_id, s.id';
const FIRST = `'00000000-0000-0000-0000-000000000000'::uuid`;
const CATEGORY_PATH = '(SELECT c.path FROM category c WHERE c.network_id = $1 AND c.id = $4)';
const CUT = `s.network_id = $1 AND ${VISIBLE} AND s.listing_state IN ('LIVE', 'PAUSED') AND p.archived_at IS NULL
  AND s.category_path >= coalesce(${CATEGORY_PATH}, '{}') AND s.category_path < coalesce(${CATEGORY_PATH}, '{}') || ${LAST}
  AND ($5::text IS NULL OR s.name ILIKE $5 OR s.code ILIKE $5 OR p.name ILIKE $5 OR p.brand ILIKE $5)
  AND (NOT $6 OR (s.listing_state = 'LIVE' AND s.owner_id <> $2
    AND (s.delivery_kind <> 'FROM_STOCK' OR EXISTS (SELECT 1 FROM card_key k WHERE ${SALEABLE}))))`;

function catalogueOf(name: string, { beyond, order, edge }: { beyond: string; order: string; edge: string }): Statement<SkuFactsRow> {
  // the cursor's place, or the edge of the list: always one row, so that the index range begins there
  const cursor = `(SELECT coalesce(f.category_path, ARRAY[${edge}]), coalesce(f.product_id, ${edge}), coalesce(f.id, ${edge})
    FROM (VALUES ($7::uuid)) asked (id) LEFT JOIN sku f ON f.network_id = $1 AND f.id = asked.id)`;
  return statement(
    name,
    `SELECT ${FACT_COLUMNS}
     FROM (SELECT s.* FROM sku s JOIN product p ON p.network_id = $1 AND p.id = s.product_id
           WHERE ${CUT} AND (${PLACE}) ${beyond} ${cursor}
           ORDER BY s.category_path ${order}, s.product_id ${order}, s.id ${order} LIMIT $8) s ${FACTS}
     ORDER BY s.category_path ${order}, s.product_id ${order}, s.id ${order}`,
  );
}
const catalogueAfter = catalogueOf('catalog.catalogueAfter', { beyond: '>', order: 'ASC', edge: FIRST });
const catalogueBefore = catalogueOf('catalog.catalogueBefore', { beyond: '<', order: 'DESC', edge: LAST });

/** Who asks and when: stock is a matter of the day. */
export type StationNow = { readonly networkId: string; readonly stationId: string; readonly now: Date };

/** SKUs of a station's catalogue in the direction asked for, with what their offers are made from. */
export async function selectCatalogue(db: Queryable, at: StationNow, cut: CatalogueCut): Promise<SkuFacts[]> {
  const prepared = cut.direction === 'FORWARD' ? catalogueAfter : catalogueBefore;
  const values = [at.networkId, at.stationId, at.now, cut.categoryId, cut.pattern, cut.onlyStocked, cut.from, cut.limit];
  return (await run(db, prepared, values)).map(factsOf);
}

/** Size of a catalogue under a filter: the whole range of the same index. */
const catalogueCount: Statement<{ count: number }> = statement(
  'catalog.catalogueCount',
  `SELECT count(*)::int AS count FROM sku s JOIN product p ON p.network_id = $1 AND p.id = s.product_id WHERE ${CUT}`,
);

/** How many SKUs a catalogue has. */
export async function countCatalogue(
  db: Queryable,
  at: StationNow,
  cut: Pick<CatalogueCut, 'categoryId' | 'pattern' | 'onlyStocked'>,
): Promise<number> {
  const [row] = await run(db, catalogueCount, [at.networkId, at.stationId, at.now, cut.categoryId, cut.pattern, cut.onlyStocked]);
  return row?.count ?? 0;
}

/** Facts of SKUs by id, as far as the station may see them. Index: primary key. */
const factsByIds: Statement<SkuFactsRow> = statement(
  'catalog.factsByIds',
  `SELECT ${FACT_COLUMNS} FROM sku s ${FACTS} WHERE s.network_id = $1 AND s.id = ANY ($4::uuid[]) AND ${VISIBLE}`,
);

/** Of these SKUs, those that the station may see, with what their offers are made from; in no order. */
export async function selectSkuFacts(db: Queryable, at: StationNow, skuIds: readonly string[]): Promise<SkuFacts[]> {
  return (await run(db, factsByIds, [at.networkId, at.stationId, at.now, skuIds])).map(factsOf);
}

/** The same without counting: most of what facts cost is counting keys. */
const pricesByIds: Statement<SkuFactsRow> = statement(
  'catalog.pricesByIds',
  `SELECT ${FACT_COLUMNS} FROM sku s ${factsCountedTo(1)} WHERE s.network_id = $1 AND s.id = ANY ($4::uuid[]) AND ${VISIBLE}`,
);

/** `selectSkuFacts` for who asks what goods cost and not how many there are: `availableCount` tells whether there is any. */
export async function selectSkuPrices(db: Queryable, at: StationNow, skuIds: readonly string[]): Promise<SkuFacts[]> {
  return (await run(db, pricesByIds, [at.networkId, at.stationId, at.now, skuIds])).map(factsOf);
}

/** The same for many stations: each SKU once. Indexes: primary keys. */
const factsSeenBy: Statement<SkuFactsRow & { seen_by: string[] }> = statement(
  'catalog.factsSeenBy',
  `SELECT ${FACT_COLUMNS}, ${SEEN_BY} FROM sku s ${FACTS} WHERE s.network_id = $1 AND s.id = ANY ($4::uuid[])`,
);

/** Of these SKUs, what their offers are made from, each once for all of these stations; in no order. */
export async function selectSkuFactsSeenBy(
  db: Queryable,
  at: { readonly networkId: string; readonly stationIds: readonly string[]; readonly now: Date },
  skuIds: readonly string[],
): Promise<SeenBy<SkuFacts>[]> {
  const rows = await run(db, factsSeenBy, [at.networkId, at.stationIds, at.now, skuIds]);
  return rows.map((row) => ({ record: factsOf(row), seenBy: row.seen_by }));
}

/** SKUs by id as far as the station may see them, without stock. Index: primary key. */
const visibleSkus: Statement<SkuRow> = statement(
  'catalog.visibleSkus',
  `SELECT ${SKU_COLUMNS} FROM sku s WHERE s.network_id = $1 AND s.id = ANY ($3::uuid[]) AND ${VISIBLE}`,
);

/** Of these SKUs, those that the station may see, by id. */
export async function selectVisibleSkus(
  db: Queryable,
  viewer: { networkId: string; stationId: string },
  skuIds: readonly string[],
): Promise<Map<string, SkuRecord>> {
  const rows = await run(db, visibleSkus, [viewer.networkId, viewer.stationId, skuIds]);
  return new Map(rows.map((row) => [row.id, skuOf(row)]));
}

/** The same for many stations: each SKU once. Indexes: primary keys. */
const skusSeenBy: Statement<SkuRow & { seen_by: string[] }> = statement(
  'catalog.skusSeenBy',
  `SELECT ${SKU_COLUMNS}, ${SEEN_BY} FROM sku s WHERE s.network_id = $1 AND s.id = ANY ($3::uuid[])`,
);

/** These SKUs, each once for all of these stations. */
export async function selectSkusSeenBy(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  skuIds: readonly string[],
): Promise<SeenBy<SkuRecord>[]> {
  const rows = await run(db, skusSeenBy, [networkId, stationIds, skuIds]);
  return rows.map((row) => ({ record: skuOf(row), seenBy: row.seen_by }));
}

/** SKUs of products. Index: sku_network_id_product_id_idx. */
const skusOfProducts: Statement<SkuRow> = statement(
  'catalog.skusOfProducts',
  `SELECT ${SKU_COLUMNS} FROM sku s WHERE s.network_id = $1 AND s.product_id = ANY ($3::uuid[]) AND ${VISIBLE} ORDER BY s.id`,
);

/** The SKUs of these products that the station may see, in order of creation. */
export async function selectSkusOfProducts(
  db: Queryable,
  viewer: { networkId: string; stationId: string },
  productIds: readonly string[],
): Promise<SkuRecord[]> {
  return (await run(db, skusOfProducts, [viewer.networkId, viewer.stationId, productIds])).map(skuOf);
}

/** What `quantity` keys of a SKU would cost its owner, taken in the order in which they are sold. Index: card_key_available_idx. */
const costOfNext: Statement<{ cost: string | null; count: number }> = statement(
  'catalog.costOfNext',
  `SELECT sum(taken.cost) AS cost, count(*)::int AS count
   FROM (SELECT k.cost FROM sku s JOIN card_key k ON ${SALEABLE} WHERE s.network_id = $1 AND s.id = $2 ORDER BY k.expires_on, k.id LIMIT $4) taken`,
);

/** The cost of the next `quantity` keys; null when there are not that many. */
export async function selectCostOfNext(
  db: Queryable,
  at: { networkId: string; now: Date },
  sku: Pick<SkuRecord, 'id' | 'currency'>,
  quantity: number,
): Promise<Money | null> {
  const [row] = await run(db, costOfNext, [at.networkId, sku.id, at.now, quantity]);
  return row?.cost != null && row.count === quantity ? money(row.cost, sku.currency) : null;
}

/**
 * SKUs within the scope of a rule of the station ($2): one SKU ($4), a product's ($5), a category's subtree ($6), else all; in the
 * catalogue's order, at most $7. What is not for sale cannot be clamped.
 */
const skusInScope: Statement<SkuFactsRow> = statement(
  'catalog.skusInScope',
  `SELECT ${FACT_COLUMNS}
   FROM (SELECT s.* FROM sku s WHERE s.network_id = $1 AND ${VISIBLE} AND s.listing_state = 'LIVE'
           AND ($4::uuid IS NULL OR s.id = $4) AND ($5::uuid IS NULL OR s.product_id = $5) AND ($6::uuid IS NULL OR $6 = ANY (s.category_path))
         ORDER BY ${PLACE} LIMIT $7) s ${FACTS}`,
);

/** The SKUs that a rule of this scope would price, at most `limit`. */
export async function selectSkusInScope(
  db: Queryable,
  at: StationNow,
  scope: { skuId: string | null; productId: string | null; categoryId: string | null },
  limit: number,
): Promise<SkuFacts[]> {
  const values = [at.networkId, at.stationId, at.now, scope.skuId, scope.productId, scope.categoryId, limit];
  return (await run(db, skusInScope, values)).map(factsOf);
}

/**
 * Goods that changes of prices name together, of those that the station ($2) may buy: SKUs ($3), of products ($4), of categories ($5),
 * or all ($6); and of those only what a reader asks for ($7 SKUs, $8 category: null does not ask). Indexes: as `catalogueAfter`.
 */
const reachedSkus: Statement<{ id: string }> = statement(
  'catalog.reachedSkus',
  `SELECT s.id FROM sku s
   WHERE s.network_id = $1 AND ${VISIBLE} AND s.listing_state IN ('LIVE', 'PAUSED', 'RETIRED')
     AND ($6 OR s.id = ANY ($3::uuid[]) OR s.product_id = ANY ($4::uuid[]) OR s.category_path && $5::uuid[])
     AND ($7::uuid[] IS NULL OR s.id = ANY ($7)) AND ($8::uuid IS NULL OR $8 = ANY (s.category_path))
   ORDER BY ${PLACE} LIMIT $9`,
);

/** Goods as several changes of prices name them. */
export type NamedGoods = {
  readonly skuIds: readonly string[];
  readonly productIds: readonly string[];
  readonly categoryIds: readonly string[];
  readonly everything: boolean;
};

/** Of these goods, those that the station may buy and the reader asks for, in the catalogue's order; at most `limit`. */
export async function selectReachedSkus(
  db: Queryable,
  viewer: { networkId: string; stationId: string },
  goods: NamedGoods,
  asked: { readonly skuIds: readonly string[] | null; readonly categoryId: string | null },
  limit: number,
): Promise<string[]> {
  const named = [goods.skuIds, goods.productIds, goods.categoryIds, goods.everything];
  const rows = await run(db, reachedSkus, [viewer.networkId, viewer.stationId, ...named, asked.skuIds, asked.categoryId, limit]);
  return rows.map(({ id }) => id);
}

/** A product as it is stored. */
export type ProductRecord = {
  readonly id: string;
  readonly ownerId: string;
  readonly categoryId: string;
  readonly name: string;
  readonly brand: string | null;
  readonly description: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly pictureUrl: string | null;
  readonly version: number;
};

type ProductRow = {
  id: string;
  owner_id: string;
  category_id: string;
  name: string;
  brand: string | null;
  description: string;
  attributes: Record<string, string>;
  picture_url: string | null;
  version: number;
};

const PRODUCT_COLUMNS = 'p.id, p.owner_id, p.category_id, p.name, p.brand, p.description, p.attributes, p.picture_url, p.version';

/** Products by id whose owner is on the station's line, once one of their SKUs may be seen. Index: primary key. */
const visibleProducts: Statement<ProductRow> = statement(
  'catalog.visibleProducts',
  `SELECT ${PRODUCT_COLUMNS} FROM product p
   WHERE p.network_id = $1 AND p.id = ANY ($3::uuid[])
     AND (p.owner_id = $2 OR EXISTS (SELECT 1 FROM sku s WHERE s.network_id = $1 AND s.product_id = p.id AND ${VISIBLE}))`,
);

/** Of these products, those that the station may see, by id. */
export async function selectVisibleProducts(
  db: Queryable,
  viewer: { networkId: string; stationId: string },
  ids: readonly string[],
): Promise<Map<string, ProductRecord>> {
  const rows = await run(db, visibleProducts, [viewer.networkId, viewer.stationId, ids]);
  return new Map(rows.map((row) => [row.id, productOf(row)]));
}

/** The same for many stations: each product once. Indexes: primary keys, sku_network_id_product_id_idx. */
const productsSeenBy: Statement<ProductRow & { seen_by: string[] }> = statement(
  'catalog.productsSeenBy',
  `SELECT ${PRODUCT_COLUMNS}, ARRAY(SELECT v.id FROM station v WHERE v.network_id = $1 AND v.id = ANY ($2::uuid[])
     AND (p.owner_id = v.id OR EXISTS (SELECT 1 FROM sku s WHERE s.network_id = $1 AND s.product_id = p.id AND ${SIGHT}))) AS seen_by
   FROM product p WHERE p.network_id = $1 AND p.id = ANY ($3::uuid[])`,
);

/** These products, each once for all of these stations. */
export async function selectProductsSeenBy(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  ids: readonly string[],
): Promise<SeenBy<ProductRecord>[]> {
  const rows = await run(db, productsSeenBy, [networkId, stationIds, ids]);
  return rows.map((row) => ({ record: productOf(row), seenBy: row.seen_by }));
}

function productOf(row: ProductRow): ProductRecord {
  const { id, name, brand, description, attributes, version } = row;
  return {
    id,
    ownerId: row.owner_id,
    categoryId: row.category_id,
    name,
    brand,
    description,
    attributes,
    pictureUrl: row.picture_url,
    version,
  };
}

/** A category as it is stored; `path` runs from the top category to itself, so its depth is `path.length - 1`. */
export type CategoryRecord = {
  readonly id: string;
  readonly ownerId: string;
  readonly parentId: string | null;
  readonly name: string;
  readonly path: readonly string[];
};

type CategoryRow = { id: string; owner_id: string; parent_id: string | null; name: string; path: string[] };

/** Categories by their owners on the station's line; $3 ids or null, $4 parents or null (a null parent is asked for as the nil uuid). */
const visibleCategories: Statement<CategoryRow> = statement(
  'catalog.visibleCategories',
  `SELECT c.id, c.owner_id, c.parent_id, c.name, c.path FROM category c
   WHERE c.network_id = $1 AND c.owner_id = ANY ((SELECT v.path FROM station v WHERE v.network_id = $1 AND v.id = $2)::uuid[])
     AND ($3::uuid[] IS NULL OR c.id = ANY ($3)) AND ($4::uuid[] IS NULL OR c.parent_id = ANY ($4)) AND (NOT $5 OR c.parent_id IS NULL)
   ORDER BY c.position, c.id`,
);

/** Which categories: by id, below these parents, or the top ones. */
export type CategoryChoice = { readonly ids: readonly string[] } | { readonly parentIds: readonly string[] } | 'TOP';

/** The categories that the station may see, by position. */
export async function selectCategories(
  db: Queryable,
  viewer: { networkId: string; stationId: string },
  choice: CategoryChoice,
): Promise<CategoryRecord[]> {
  const ids = choice !== 'TOP' && 'ids' in choice ? choice.ids : null;
  const parentIds = choice !== 'TOP' && 'parentIds' in choice ? choice.parentIds : null;
  const rows = await run(db, visibleCategories, [viewer.networkId, viewer.stationId, ids, parentIds, choice === 'TOP']);
  return rows.map(categoryOf);
}

/** Categories by id for many stations: each once. Indexes: primary keys. */
const categoriesSeenBy: Statement<CategoryRow & { seen_by: string[] }> = statement(
  'catalog.categoriesSeenBy',
  `SELECT c.id, c.owner_id, c.parent_id, c.name, c.path,
     ARRAY(SELECT v.id FROM station v WHERE v.network_id = $1 AND v.id = ANY ($2::uuid[]) AND c.owner_id = ANY (v.path)) AS seen_by
   FROM category c WHERE c.network_id = $1 AND c.id = ANY ($3::uuid[])`,
);

/** These categories, each once for all of these stations. */
export async function selectCategoriesSeenBy(
  db: Queryable,
  networkId: string,
  stationIds: readonly string[],
  ids: readonly string[],
): Promise<SeenBy<CategoryRecord>[]> {
  const rows = await run(db, categoriesSeenBy, [networkId, stationIds, ids]);
  return rows.map((row) => ({ record: categoryOf(row), seenBy: row.seen_by }));
}

function categoryOf({ id, owner_id, parent_id, name, path }: CategoryRow): CategoryRecord {
  return { id, ownerId: owner_id, parentId: parent_id, name, path };
}

// ---- writing ----

/** An owner and its goods. */
type Owner = { readonly networkId: string; readonly ownerId: string };

const lockCatalogueOf: Statement<{ locked: boolean }> = statement(
  'catalog.lock',
  `SELECT true AS locked FROM pg_advisory_xact_lock(hashtextextended('catalogue ' || $1, 0))`,
);
const ownCategories: Statement<{ id: string; name: string; path: string[]; position: number }> = statement(
  'catalog.ownCategories',
  'SELECT c.id, c.name, c.path, c.position FROM category c WHERE c.network_id = $1 AND c.owner_id = $2 ORDER BY c.id',
);
/** Products of the owner by name; the network's range of the primary key. What is archived is nobody's to add to. */
const ownProducts: Statement<ProductRow> = statement(
  'catalog.ownProducts',
  `SELECT ${PRODUCT_COLUMNS} FROM product p
   WHERE p.network_id = $1 AND p.owner_id = $2 AND p.name = ANY ($3::text[]) AND p.archived_at IS NULL ORDER BY p.id`,
);
/** SKUs of the owner by code, locked in id order. Index: sku_network_id_owner_id_code_key. */
const ownSkus: Statement<SkuRow & { product_name: string }> = statement(
  'catalog.ownSkus',
  `SELECT ${SKU_COLUMNS}, p.name AS product_name FROM sku s JOIN product p ON p.network_id = $1 AND p.id = s.product_id
   WHERE s.network_id = $1 AND s.owner_id = $2 AND s.code = ANY ($3::text[]) ORDER BY s.id FOR NO KEY UPDATE OF s`,
);

/** Reads what a file may change of an owner's catalogue, and lets nobody else change it until the transaction ends. */
export async function lockCatalogue(
  tx: Transaction,
  { networkId, ownerId }: Owner,
  named: { readonly products: readonly string[]; readonly codes: readonly string[] },
): Promise<StoredCatalogue> {
  // awaited: what follows then sees what the import before us has committed
  await run(tx, lockCatalogueOf, [ownerId]);
  const [categories, products, skus] = await Promise.all([
    run(tx, ownCategories, [networkId, ownerId]),
    run(tx, ownProducts, [networkId, ownerId, named.products]),
    run(tx, ownSkus, [networkId, ownerId, named.codes]),
  ]);
  return {
    categories: categories.map(({ id, name, path, position }) => ({ id, name, path, position })),
    products: products.map(({ id, category_id, name, brand, description }) => ({ id, categoryId: category_id, name, brand, description })),
    skus: skus.map((row) => ({ ...skuOf(row), productName: row.product_name })),
  };
}

// A path is one to three ids: three columns of the same length, since unnest takes no ragged arrays.
const PATH = 'array_remove(ARRAY[n.top, n.middle, n.last], NULL)';

const insertCategoryRows: Statement<Record<string, never>> = statement(
  'catalog.insertCategories',
  `INSERT INTO category (network_id, id, owner_id, parent_id, name, path, position, created_at)
   SELECT $1, n.id, $2, (${PATH})[cardinality(${PATH}) - 1], n.name, ${PATH}, n.position, $9
   FROM unnest($3::uuid[], $4::text[], $5::int[], $6::uuid[], $7::uuid[], $8::uuid[]) AS n (id, name, position, top, middle, last)`,
);

/** Writes categories; their parents are among them or there already. */
export async function insertCategories(tx: Transaction, { networkId, ownerId }: Owner, rows: readonly PlannedCategory[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = [rows.map(({ id }) => id), rows.map(({ name }) => name), rows.map(({ position }) => position)];
  await run(tx, insertCategoryRows, [networkId, ownerId, ...columns, ...pathColumns(rows.map(({ path }) => path)), tx.now]);
}

const insertProductRows: Statement<Record<string, never>> = statement(
  'catalog.insertProducts',
  `INSERT INTO product (network_id, id, owner_id, category_id, name, brand, description, created_at)
   SELECT $1, n.id, $2, n.category_id, n.name, n.brand, n.description, $8
   FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[]) AS n (id, category_id, name, brand, description)`,
);

/** Writes products. */
export async function insertProducts(tx: Transaction, { networkId, ownerId }: Owner, rows: readonly PlannedProduct[]): Promise<void> {
  if (rows.length === 0) return;
  await run(tx, insertProductRows, [
    networkId,
    ownerId,
    rows.map(({ id }) => id),
    rows.map(({ categoryId }) => categoryId),
    rows.map(({ name }) => name),
    rows.map(({ brand }) => brand),
    rows.map(({ description }) => description),
    tx.now,
  ]);
}

const updateProductRows: Statement<Record<string, never>> = statement(
  'catalog.updateProducts',
  `UPDATE product p SET brand = n.brand, description = n.description, version = p.version + 1
   FROM unnest($2::uuid[], $3::text[], $4::text[]) AS n (id, brand, description) WHERE p.network_id = $1 AND p.id = n.id`,
);

/** Gives products another brand or description. */
export async function updateProducts(tx: Transaction, networkId: string, rows: readonly PlannedProduct[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = [rows.map(({ id }) => id), rows.map(({ brand }) => brand), rows.map(({ description }) => description)];
  await run(tx, updateProductRows, [networkId, ...columns]);
}

const insertSkuRows: Statement<Record<string, never>> = statement(
  'catalog.insertSkus',
  `INSERT INTO sku (network_id, id, owner_id, currency, product_id, category_path, code, name, face_value, base_price, unit_size, min_quantity,
     max_quantity, quantity_step, created_at, updated_at)
   SELECT $1, n.id, $2, $3, n.product_id, ${PATH}, n.code, n.name, n.face_value, n.base_price, n.unit_size, n.min_quantity, n.max_quantity,
     n.quantity_step, $4, $4
   FROM unnest($5::uuid[], $6::text[], $7::text[], $8::numeric[], $9::int[], $10::int[], $11::int[], $12::uuid[], $13::text[], $14::int[],
     $15::uuid[], $16::uuid[], $17::uuid[]) AS n (id, name, face_value, base_price, min_quantity, max_quantity, quantity_step, product_id,
     code, unit_size, top, middle, last)`,
);

/** Writes SKUs that are delivered from stock, and for sale at once. */
export async function insertSkus(
  tx: Transaction,
  { networkId, ownerId, currency }: Owner & { readonly currency: CurrencyCode },
  rows: readonly PlannedSku[],
): Promise<void> {
  if (rows.length === 0) return;
  await run(tx, insertSkuRows, [
    networkId,
    ownerId,
    currency,
    tx.now,
    ...saleColumns(rows),
    rows.map(({ productId }) => productId),
    rows.map(({ code }) => code),
    rows.map(({ unitSize }) => unitSize),
    ...pathColumns(rows.map(({ categoryPath }) => categoryPath)),
  ]);
}

const updateSkuRows: Statement<Record<string, never>> = statement(
  'catalog.updateSkus',
  `UPDATE sku s SET name = n.name, face_value = n.face_value, base_price = n.base_price, min_quantity = n.min_quantity,
     max_quantity = n.max_quantity, quantity_step = n.quantity_step, version = s.version + 1, updated_at = $2
   FROM unnest($3::uuid[], $4::text[], $5::text[], $6::numeric[], $7::int[], $8::int[], $9::int[])
     AS n (id, name, face_value, base_price, min_quantity, max_quantity, quantity_step)
   WHERE s.network_id = $1 AND s.id = n.id`,
);

/** Gives SKUs another name, face value, base price or quantities. The next order is at the new price. */
export async function updateSkus(tx: Transaction, networkId: string, rows: readonly PlannedSku[]): Promise<void> {
  if (rows.length > 0) await run(tx, updateSkuRows, [networkId, tx.now, ...saleColumns(rows)]);
}

function saleColumns(rows: readonly PlannedSku[]): unknown[] {
  return [
    rows.map(({ id }) => id),
    rows.map(({ name }) => name),
    rows.map(({ faceValue }) => faceValue),
    rows.map(({ basePrice }) => toUnitPriceString(basePrice)),
    rows.map(({ minQuantity }) => minQuantity),
    rows.map(({ maxQuantity }) => maxQuantity),
    rows.map(({ quantityStep }) => quantityStep),
  ];
}

function pathColumns(paths: readonly (readonly string[])[]): (string | null)[][] {
  return [0, 1, 2].map((level) => paths.map((path) => path[level] ?? null));
}

function factsOf(row: SkuFactsRow): SkuFacts {
  // the SKUs of an archived product are no longer for sale, whatever their own state
  const sku = skuOf(row.archived ? { ...row, listing_state: 'RETIRED' } : row);
  const amount = (text: string | null) => (text === null ? null : money(text, sku.currency));
  return {
    sku,
    availableCount: row.available_count,
    nextUnitCost: amount(row.next_cost),
    isAvailable: true,
    routingPolicy: row.routing_policy,
    components: (row.components ?? []).map((each) => ({ ...each, nextUnitCost: amount(each.nextUnitCost) })),
    today: row.today,
    band: row.band_id === null ? null : { id: row.band_id, floor: amount(row.floor), ceiling: amount(row.ceiling) },
  };
}

function skuOf(row: SkuRow): SkuRecord {
  const currency = currencyCode(row.currency);
  return {
    id: row.id,
    productId: row.product_id,
    ownerId: row.owner_id,
    categoryPath: row.category_path,
    code: row.code,
    name: row.name,
    faceValue: row.face_value,
    currency,
    basePrice: money(row.base_price, currency),
    unitSize: row.unit_size,
    minQuantity: row.min_quantity,
    maxQuantity: row.max_quantity,
    quantityStep: row.quantity_step,
    deliveryKind: row.delivery_kind,
    goodsKind: row.goods_kind,
    scene: row.scene,
    inputFields: row.input_fields,
    listingState: row.listing_state,
    version: row.version,
  };
}

// ---- goods one at a time ----

const ownProduct: Statement<ProductRow> = statement(
  'catalog.ownProduct',
  `SELECT ${PRODUCT_COLUMNS} FROM product p
   WHERE p.network_id = $1 AND p.owner_id = $2 AND p.id = $3 AND p.archived_at IS NULL FOR NO KEY UPDATE`,
);

/** A product of the owner, locked until the transaction ends; null when it is not there, not the owner's or archived. Index: primary key. */
export async function lockOwnProduct(tx: Transaction, { networkId, ownerId }: Owner, id: string): Promise<ProductRecord | null> {
  const [row] = await run(tx, ownProduct, [networkId, ownerId, id]);
  return row ? productOf(row) : null;
}

// A picture that is another has to be looked at again.
const updateProductRow: Statement<Record<string, never>> = statement(
  'catalog.updateProduct',
  `UPDATE product p SET name = $3, brand = $4, description = $5, attributes = $6, picture_url = $7,
     picture_hash = CASE WHEN p.picture_url IS NOT DISTINCT FROM $7 THEN p.picture_hash END, version = p.version + 1
   WHERE p.network_id = $1 AND p.id = $2`,
);

/** Gives a product other texts. The caller has locked it. */
export async function updateProduct(
  tx: Transaction,
  networkId: string,
  product: Pick<ProductRecord, 'id' | 'name' | 'brand' | 'description' | 'attributes' | 'pictureUrl'>,
): Promise<void> {
  const { id, name, brand, description, attributes, pictureUrl } = product;
  await run(tx, updateProductRow, [networkId, id, name, brand, description, JSON.stringify(attributes), pictureUrl]);
}

const skuIdsOfProduct: Statement<{ id: string; listing_state: ListingState }> = statement(
  'catalog.skuIdsOfProduct',
  `SELECT s.id, s.listing_state::text FROM sku s WHERE s.network_id = $1 AND s.product_id = $2 ORDER BY s.id`,
);

/** The SKUs of a product with their states. Index: sku_network_id_product_id_idx. */
export function selectSkuStates(
  db: Queryable,
  networkId: string,
  productId: string,
): Promise<{ id: string; listing_state: ListingState }[]> {
  return run(db, skuIdsOfProduct, [networkId, productId]);
}

const ownSku: Statement<SkuRow> = statement(
  'catalog.ownSku',
  `SELECT ${SKU_COLUMNS} FROM sku s WHERE s.network_id = $1 AND s.owner_id = $2 AND s.id = $3 FOR NO KEY UPDATE`,
);

/** A SKU of the owner, locked until the transaction ends; null when it is not there or not the owner's. Index: primary key. */
export async function lockOwnSku(tx: Transaction, { networkId, ownerId }: Owner, id: string): Promise<SkuRecord | null> {
  const [row] = await run(tx, ownSku, [networkId, ownerId, id]);
  return row ? skuOf(row) : null;
}

/** A SKU as it is written. */
export type WrittenSku = Omit<PlannedSku, 'productId' | 'categoryPath' | 'code'> & {
  readonly scene: string;
  readonly goodsKind: SkuRecord['goodsKind'];
  readonly deliveryKind: SkuRecord['deliveryKind'];
  readonly inputFields: readonly object[];
};

const insertDraftRow: Statement<{ id: string }> = statement(
  'catalog.insertDraft',
  `INSERT INTO sku (network_id, id, owner_id, product_id, category_path, currency, code, name, face_value, scene, base_price, unit_size, min_quantity,
     max_quantity, quantity_step, goods_kind, delivery_kind, input_fields, listing_state, created_at, updated_at)
   SELECT $1, $3, $2, p.id, c.path, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16::delivery_kind, $17, 'DRAFT', $18, $18
   FROM product p JOIN category c ON c.network_id = $1 AND c.id = p.category_id WHERE p.network_id = $1 AND p.id = $4
   ON CONFLICT (network_id, owner_id, code) DO NOTHING RETURNING id`,
);

/** Makes a SKU that is a DRAFT; false when the owner has another one of its code. */
export async function insertDraftSku(
  tx: Transaction,
  { networkId, ownerId, currency }: Owner & { readonly currency: CurrencyCode },
  sku: WrittenSku & { readonly productId: string; readonly code: string },
): Promise<boolean> {
  const [name, faceValue, scene, price, ...rest] = textColumns(sku);
  const values = [networkId, ownerId, sku.id, sku.productId, currency, sku.code, name, faceValue, scene, price, ...rest, tx.now];
  return (await run(tx, insertDraftRow, values)).length > 0;
}

const updateSkuRow: Statement<Record<string, never>> = statement(
  'catalog.updateSku',
  `UPDATE sku s SET name = $3, face_value = $4, scene = $5, base_price = $6, unit_size = $7, min_quantity = $8, max_quantity = $9,
     quantity_step = $10, goods_kind = $11, delivery_kind = $12::delivery_kind, input_fields = $13, version = s.version + 1, updated_at = $14
   WHERE s.network_id = $1 AND s.id = $2`,
);

/** Gives a SKU other facts. The caller has locked it and knows what its state lets change. */
export async function updateSku(tx: Transaction, networkId: string, sku: WrittenSku): Promise<void> {
  await run(tx, updateSkuRow, [networkId, sku.id, ...textColumns(sku), tx.now]);
}

function textColumns(sku: WrittenSku): unknown[] {
  return [
    sku.name,
    sku.faceValue,
    sku.scene,
    toUnitPriceString(sku.basePrice),
    sku.unitSize,
    sku.minQuantity,
    sku.maxQuantity,
    sku.quantityStep,
    sku.goodsKind,
    sku.deliveryKind,
    JSON.stringify(sku.inputFields),
  ];
}

const ownCategory: Statement<{ path: string[]; position: number }> = statement(
  'catalog.ownCategory',
  `SELECT c.path, (SELECT coalesce(max(o.position), -1) + 1 FROM category o WHERE o.network_id = $1 AND o.owner_id = $2) AS position
   FROM category c WHERE c.network_id = $1 AND c.owner_id = $2 AND c.id = $3`,
);

/** The path of a category of the owner, and the next free position; null when it is not there or not the owner's. Index: primary key. */
export async function selectOwnCategory(db: Queryable, { networkId, ownerId }: Owner, id: string) {
  return (await run(db, ownCategory, [networkId, ownerId, id]))[0] ?? null;
}

/** A SKU that is bought from a supplier when it is sold: a draft, with what its buyer types. */
export type PlannedDraft = PlannedSku & { readonly goodsKind: 'CARD_KEY' | 'TOP_UP'; readonly inputFields: readonly unknown[] };

const insertDraftRows: Statement<Record<string, never>> = statement(
  'catalog.insertDrafts',
  `INSERT INTO sku (network_id, id, owner_id, currency, product_id, category_path, code, name, base_price, min_quantity, max_quantity,
     goods_kind, input_fields, delivery_kind, listing_state, created_at, updated_at)
   SELECT $1, n.id, $2, $3, n.product_id, n.category_path, n.code, n.name, n.base_price, n.min_quantity, n.max_quantity, n.goods_kind,
     n.input_fields, 'SOURCED', 'DRAFT', $4, $4
   FROM json_to_recordset($5::json) AS n (id uuid, product_id uuid, category_path uuid[], code text, name text, base_price numeric,
     min_quantity int, max_quantity int, goods_kind text, input_fields jsonb)`,
);

/** Writes SKUs that are sourced and not yet for sale. Their products are there. */
export async function insertDrafts(
  tx: Transaction,
  { networkId, ownerId, currency }: Owner & { readonly currency: CurrencyCode },
  rows: readonly PlannedDraft[],
): Promise<void> {
  if (rows.length === 0) return;
  const records = rows.map((row) => ({
    id: row.id,
    product_id: row.productId,
    category_path: row.categoryPath,
    code: row.code,
    name: row.name,
    base_price: toUnitPriceString(row.basePrice),
    min_quantity: row.minQuantity,
    max_quantity: row.maxQuantity,
    goods_kind: row.goodsKind,
    input_fields: row.inputFields,
  }));
  await run(tx, insertDraftRows, [networkId, ownerId, currency, tx.now, JSON.stringify(records)]);
}
