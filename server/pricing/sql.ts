import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, currencyCode, decimal4, decimal4Text, money, toUnitPriceString } from '#server/platform/money.ts';
import type { ControlBand, InversionPolicy, MarkupKind, MarkupRule } from './rules.ts';

/** A markup rule with its history: what `MarkupRule` leaves out because no price depends on it. */
export type MarkupRuleRecord = MarkupRule & { version: number; validFrom: Date; validTo: Date | null; reason: string };

/** A control band with its history and its SKU. */
export type ControlBandRecord = ControlBand & { skuId: string; version: number; validFrom: Date; validTo: Date | null; reason: string };

/** One step of a line: what `childId` pays to `sellerId` is asked for, and the level that the child has there. */
export type Hop = { readonly sellerId: string; readonly childId: string | null; readonly levelId: string | null };

/** What decides whether a rule's or a plan's scope takes in a SKU. */
export type ScopedSku = { readonly id: string; readonly productId: string; readonly categoryPath: readonly string[] };

type MarkupRuleRow = {
  id: string;
  station_id: string;
  child_id: string | null;
  level_id: string | null;
  sku_id: string | null;
  product_id: string | null;
  category_id: string | null;
  kind: MarkupKind;
  value: string;
  breaks: { minQuantity: number; value: string }[];
  inversion: InversionPolicy;
  currency: string;
  version: number;
  valid_from: Date;
  valid_to: Date | null;
  reason: string;
};

const RULE_COLUMNS = `r.id, r.station_id, r.child_id, r.level_id, r.sku_id, r.product_id, r.category_id, r.kind::text, r.value, r.breaks,
  r.inversion::text, r.currency, r.version, r.valid_from, r.valid_to, r.reason`;

// A rule of a target is for a SKU ($7), a product ($8), or wider ($9 categories, or everything): each arm is a range of the index,
// so that a seller's rules for all the other SKUs are not read. Wider rules are few, and are filtered.
const rulesWhere = (target: string, scope: string) => `SELECT ${RULE_COLUMNS} FROM markup_rule r
     WHERE r.network_id = $1 AND r.station_id = t.station_id AND ${target} AND r.valid_to IS NULL AND ${scope}`;
const rulesFor = (target: string, ofSkus = rulesWhere(target, 'r.sku_id = ANY ($7::uuid[])')) => `CROSS JOIN LATERAL (
    ${ofSkus}
    UNION ALL
    ${rulesWhere(target, 'r.sku_id IS NULL AND r.product_id = ANY ($8::uuid[])')}
    UNION ALL
    ${rulesWhere(target, 'r.sku_id IS NULL AND r.product_id IS NULL AND (r.category_id = ANY ($9::uuid[]) OR r.category_id IS NULL)')}
  ) r`;
const EVERYBODY = 'r.child_id IS NULL AND r.level_id IS NULL';

/**
 * Every live rule by which one of the hops may price one of the SKUs: all stations, levels and SKUs in one statement.
 * Index: markup_rule_live_key (network_id, station_id, child_id, level_id, sku_id, product_id, category_id), ranges for each child
 * ($2 sellers, $3 children), level ($4 sellers, $5 levels) and seller ($6). No locks: a price is read as it stands.
 */
const rulesOf = (name: string, forEverybody: string): Statement<MarkupRuleRow> =>
  statement(
    name,
    `SELECT r.* FROM unnest($2::uuid[], $3::uuid[]) AS t (station_id, child_id) ${rulesFor('r.child_id = t.child_id AND r.level_id IS NULL')}
   UNION ALL
   SELECT r.* FROM unnest($4::uuid[], $5::uuid[]) AS t (station_id, level_id) ${rulesFor('r.child_id IS NULL AND r.level_id = t.level_id')}
   UNION ALL
   SELECT r.* FROM unnest($6::uuid[]) AS t (station_id) ${forEverybody}`,
  );
const rulesOfHops = rulesOf('pricing.rulesOfHops', rulesFor(EVERYBODY));
// A plan for any values takes a seller of the usual few rules for granted, and would read and filter all that it has for everybody:
// headquarters has one for every tenth of its SKUs. OFFSET 0 keeps it to looking up, each SKU at each seller.
const rulesOfFewSkus = rulesOf(
  'pricing.rulesOfFewSkus',
  rulesFor(
    EVERYBODY,
    `SELECT r.* FROM unnest($7::uuid[]) AS k (sku_id) CROSS JOIN LATERAL (${rulesWhere(EVERYBODY, 'r.sku_id = k.sku_id')} OFFSET 0) r`,
  ),
);
/** Look-ups, of so many SKUs at so many sellers, that cost no more than reading. */
const LOOKED_UP_MAX = 2_000;

/** The live rules that may price these SKUs on these hops, each once. Feed them to `ruleBook`. */
export async function loadRules(
  db: Queryable,
  networkId: string,
  hops: readonly Hop[],
  skus: readonly ScopedSku[],
): Promise<MarkupRuleRecord[]> {
  const children = distinctPairs(hops.map(({ sellerId, childId }) => [sellerId, childId]));
  const levels = distinctPairs(hops.map(({ sellerId, levelId }) => [sellerId, levelId]));
  const sellers = distinct(hops.map(({ sellerId }) => sellerId));
  const rows = await run(db, sellers.length * skus.length > LOOKED_UP_MAX ? rulesOfHops : rulesOfFewSkus, [
    networkId,
    children.map(([sellerId]) => sellerId),
    children.map(([, childId]) => childId),
    levels.map(([sellerId]) => sellerId),
    levels.map(([, levelId]) => levelId),
    sellers,
    distinct(skus.map(({ id }) => id)),
    distinct(skus.map(({ productId }) => productId)),
    distinct(skus.flatMap(({ categoryPath }) => categoryPath)),
  ]);
  return rows.map(markupRuleOf);
}

// A list has many buyers and many SKUs, and each of its orders one of both: what others buy is not looked for at its hops, so that what a
// list costs goes by its orders and not by their product. Every arm is a look-up of its own, for one SKU or product, one category, or
// everything; OFFSET 0 keeps it one.
const lookedUp = (from: string, target: string, ...scopes: readonly string[]) =>
  `SELECT r.* FROM ${from} CROSS JOIN LATERAL (
    ${scopes.map((scope) => rulesWhere(target, scope)).join('\n    UNION ALL\n    ')} OFFSET 0
  ) r`;
const NO_GOODS = 'r.sku_id IS NULL AND r.product_id IS NULL';
// `columns`: the seller and, if there is one, the target; their arrays begin with parameter `first`
const lookedUpFor = (target: string, columns: readonly string[], first: number) => {
  const rowsFrom = (parameter: number, ...more: readonly string[]) => {
    const names = [...columns, ...more];
    return `unnest(${names.map((_, index) => `$${parameter + index}::uuid[]`).join(', ')}) AS t (${names.join(', ')})`;
  };
  const second = first + columns.length + 2;
  const third = second + columns.length + 1;
  return [
    lookedUp(rowsFrom(first, 'sku_id', 'product_id'), target, 'r.sku_id = t.sku_id', 'r.sku_id IS NULL AND r.product_id = t.product_id'),
    lookedUp(rowsFrom(second, 'category_id'), target, `${NO_GOODS} AND r.category_id = t.category_id`),
    lookedUp(rowsFrom(third), target, `${NO_GOODS} AND r.category_id IS NULL`),
  ];
};

/**
 * Every live rule by which a hop of an order's line may price its SKU: all orders in one statement. Index: markup_rule_live_key, whole keys
 * for each child ($2 to $10), level ($11 to $19) and seller ($20 to $25) with a SKU and its product, with a category, and alone.
 * No locks: a price is read as it stands.
 */
const rulesOfOrders: Statement<MarkupRuleRow> = statement(
  'pricing.rulesOfOrders',
  [
    ...lookedUpFor('r.child_id = t.child_id AND r.level_id IS NULL', ['station_id', 'child_id'], 2),
    ...lookedUpFor('r.child_id IS NULL AND r.level_id = t.level_id', ['station_id', 'level_id'], 11),
    ...lookedUpFor(EVERYBODY, ['station_id'], 20),
  ].join('\n   UNION ALL\n   '),
);

/** An order as far as its price goes: the hops of its buyer's line, and its SKU. */
export type OrderedHops = { readonly hops: readonly Hop[]; readonly sku: ScopedSku };

/** The live rules that may price these orders, each once; of each order, those of its own SKU on its own hops. Feed them to `ruleBook`. */
export async function loadRulesOfOrders(db: Queryable, networkId: string, orders: readonly OrderedHops[]): Promise<MarkupRuleRecord[]> {
  const asked = orders.flatMap(({ hops, sku }) => hops.map((hop) => ({ ...hop, sku })));
  const ofChildren = lookUpsOf(asked, ({ childId }) => childId);
  const ofLevels = lookUpsOf(asked, ({ levelId }) => levelId);
  const { skus, categories, all } = lookUpsOf(asked, () => '');
  const rows = await run(db, rulesOfOrders, [
    networkId,
    ...columnsOf(ofChildren),
    ...columnsOf(ofLevels),
    skus.map(({ sellerId }) => sellerId),
    skus.map(({ sku }) => sku.id),
    skus.map(({ sku }) => sku.productId),
    categories.map(({ sellerId }) => sellerId),
    categories.map(({ categoryId }) => categoryId),
    all.map(({ sellerId }) => sellerId),
  ]);
  // a rule for a product is found by each of its SKUs
  return distinctBy(rows, ({ id }) => id).map(markupRuleOf);
}

type AskedHop = Hop & { readonly sku: ScopedSku };
type LookUp = { readonly sellerId: string; readonly targetId: string; readonly sku: ScopedSku };
type LookUps = {
  readonly skus: readonly LookUp[];
  readonly categories: readonly (LookUp & { readonly categoryId: string })[];
  readonly all: readonly LookUp[];
};

/** What is to be looked up for one kind of target, each once; hops without such a target ask for nothing. */
function lookUpsOf(asked: readonly AskedHop[], targetOf: (hop: Hop) => string | null): LookUps {
  const targeted = asked.flatMap((hop) => {
    const targetId = targetOf(hop);
    return targetId === null ? [] : [{ sellerId: hop.sellerId, targetId, sku: hop.sku }];
  });
  const skus = distinctBy(targeted, ({ sellerId, targetId, sku }) => sellerId + targetId + sku.id);
  const inCategories = skus.flatMap((each) => each.sku.categoryPath.map((categoryId) => ({ ...each, categoryId })));
  return {
    skus,
    categories: distinctBy(inCategories, ({ sellerId, targetId, categoryId }) => sellerId + targetId + categoryId),
    all: distinctBy(skus, ({ sellerId, targetId }) => sellerId + targetId),
  };
}

function columnsOf({ skus, categories, all }: LookUps): string[][] {
  const pair = (rows: readonly LookUp[]) => [rows.map(({ sellerId }) => sellerId), rows.map(({ targetId }) => targetId)];
  return [
    ...pair(skus),
    skus.map(({ sku }) => sku.id),
    skus.map(({ sku }) => sku.productId),
    ...pair(categories),
    categories.map(({ categoryId }) => categoryId),
    ...pair(all),
  ];
}

/** The hops of lines from HQ down: one for each station and the next one below it. */
export function hopsOf(lines: Iterable<readonly { readonly id: string; readonly levelId: string | null }[]>): Hop[] {
  const hops: Hop[] = [];
  for (const line of lines) {
    for (const [index, child] of line.slice(1).entries()) {
      const seller = line[index];
      if (seller) hops.push({ sellerId: seller.id, childId: child.id, levelId: child.levelId });
    }
  }
  return hops;
}

type BandRow = {
  id: string;
  sku_id: string;
  floor: string | null;
  ceiling: string | null;
  currency: string;
  version: number;
  valid_from: Date;
  valid_to: Date | null;
  reason: string;
};

const BAND_COLUMNS = 'b.id, b.sku_id, b.floor, b.ceiling, b.currency, b.version, b.valid_from, b.valid_to, b.reason';

/** The live bands of SKUs. Index: control_band_live_key. */
const bandsOfSkus: Statement<BandRow> = statement(
  'pricing.bandsOfSkus',
  `SELECT ${BAND_COLUMNS} FROM control_band b WHERE b.network_id = $1 AND b.sku_id = ANY ($2::uuid[]) AND b.valid_to IS NULL`,
);

/** The live control bands of these SKUs, by SKU. */
export async function loadBands(db: Queryable, networkId: string, skuIds: readonly string[]): Promise<Map<string, ControlBandRecord>> {
  const rows = await run(db, bandsOfSkus, [networkId, skuIds]);
  return new Map(rows.map((row) => [row.sku_id, controlBandOf(row)]));
}

/**
 * Live rules of a station, newest first. $3 child, $4 level, $5 SKU: null does not ask. Index: markup_rule_newest_idx, whose condition
 * (version > 0, which always holds) only a page states, so that no look-up of rules takes it for cheap.
 */
const liveRules = (name: string, from: string, order: string): Statement<MarkupRuleRow> =>
  statement(
    name,
    `SELECT ${RULE_COLUMNS} FROM markup_rule r
     WHERE r.network_id = $1 AND r.station_id = $2 AND r.valid_to IS NULL AND r.version > 0
       AND ($3::uuid IS NULL OR r.child_id = $3) AND ($4::uuid IS NULL OR r.level_id = $4) AND ($5::uuid IS NULL OR r.sku_id = $5)
       AND r.id ${from}
     ORDER BY r.id ${order} LIMIT $7`,
  );
const olderRules = liveRules('pricing.olderRules', `< coalesce($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')`, 'DESC');
const newerRules = liveRules('pricing.newerRules', `> coalesce($6::uuid, '00000000-0000-0000-0000-000000000000')`, 'ASC');

/** Which of a station's live rules: those for a child, a level, a SKU; null asks for all. */
export type MarkupRuleFilter = { readonly childId: string | null; readonly levelId: string | null; readonly skuId: string | null };

/** Live rules of a station, one page; newest first when FORWARD. */
export async function selectLiveRules(
  db: Queryable,
  station: { networkId: string; stationId: string },
  filter: MarkupRuleFilter,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<MarkupRuleRecord[]> {
  const values = [station.networkId, station.stationId, filter.childId, filter.levelId, filter.skuId, page.from, page.limit];
  return (await run(db, page.direction === 'FORWARD' ? olderRules : newerRules, values)).map(markupRuleOf);
}

const liveRuleCount: Statement<{ count: number }> = statement(
  'pricing.liveRuleCount',
  `SELECT count(*)::int AS count FROM markup_rule r
   WHERE r.network_id = $1 AND r.station_id = $2 AND r.valid_to IS NULL
     AND ($3::uuid IS NULL OR r.child_id = $3) AND ($4::uuid IS NULL OR r.level_id = $4) AND ($5::uuid IS NULL OR r.sku_id = $5)`,
);

/** How many live rules a station has. */
export async function countLiveRules(
  db: Queryable,
  station: { networkId: string; stationId: string },
  filter: MarkupRuleFilter,
): Promise<number> {
  const [row] = await run(db, liveRuleCount, [station.networkId, station.stationId, filter.childId, filter.levelId, filter.skuId]);
  return row?.count ?? 0;
}

/** Rules by id, live or ended, of one station ($2) alone. Index: primary key. */
const rulesByIds: Statement<MarkupRuleRow> = statement(
  'pricing.rulesByIds',
  `SELECT ${RULE_COLUMNS} FROM markup_rule r WHERE r.network_id = $1 AND r.station_id = $2 AND r.id = ANY ($3::uuid[])`,
);

/** A station's own rules by id, in no order; another station's are not among them. */
export async function selectRulesByIds(
  db: Queryable,
  networkId: string,
  stationId: string,
  ids: readonly string[],
): Promise<MarkupRuleRecord[]> {
  return (await run(db, rulesByIds, [networkId, stationId, ids])).map(markupRuleOf);
}

/** Target and scope of a rule: of all that are live, at most one has the same. */
export type RuleKey = Pick<MarkupRule, 'stationId' | 'childId' | 'levelId' | 'skuId' | 'productId' | 'categoryId'>;

/** The live rule for exactly this target and scope. Index: markup_rule_live_key (IS NOT DISTINCT FROM is not indexable: the prefix is). */
const liveRuleOfKey: Statement<MarkupRuleRow> = statement(
  'pricing.liveRuleOfKey',
  `SELECT ${RULE_COLUMNS} FROM markup_rule r
   WHERE r.network_id = $1 AND r.station_id = $2 AND r.valid_to IS NULL
     AND r.child_id IS NOT DISTINCT FROM $3::uuid AND r.level_id IS NOT DISTINCT FROM $4::uuid AND r.sku_id IS NOT DISTINCT FROM $5::uuid
     AND r.product_id IS NOT DISTINCT FROM $6::uuid AND r.category_id IS NOT DISTINCT FROM $7::uuid`,
);

/** The live rule for a target and scope, or null. No lock: `endRule` decides who was first. */
export async function selectLiveRule(db: Queryable, networkId: string, key: RuleKey): Promise<MarkupRuleRecord | null> {
  const [row] = await run(db, liveRuleOfKey, [
    networkId,
    key.stationId,
    key.childId,
    key.levelId,
    key.skuId,
    key.productId,
    key.categoryId,
  ]);
  return row ? markupRuleOf(row) : null;
}

/** Ends one live rule; the row lock makes a second editor wait and then find it ended (no row comes back). */
const endRuleRow: Statement<MarkupRuleRow> = statement(
  'pricing.endRule',
  `UPDATE markup_rule r SET valid_to = greatest(r.valid_from, $4), ended_by = $5 WHERE r.network_id = $1 AND r.id = $2 AND r.version = $3 AND r.valid_to IS NULL
   RETURNING ${RULE_COLUMNS}`,
);

/** Ends the live version of a rule; null when it is no longer live or of another version. */
export async function endRule(
  tx: Transaction,
  rule: { networkId: string; id: string; version: number; endedBy: string },
): Promise<MarkupRuleRecord | null> {
  const [row] = await run(tx, endRuleRow, [rule.networkId, rule.id, rule.version, tx.now, rule.endedBy]);
  return row ? markupRuleOf(row) : null;
}

/** Ends every live rule of a seller for one child: the child has moved away. Index: markup_rule_live_key. */
const endRulesOfChild: Statement<{ id: string }> = statement(
  'pricing.endRulesOfChild',
  `UPDATE markup_rule r SET valid_to = greatest(r.valid_from, $4), ended_by = $5 WHERE r.network_id = $1 AND r.station_id = $2 AND r.child_id = $3 AND r.valid_to IS NULL
   RETURNING r.id`,
);

/** Ends a seller's rules for a child and returns their ids. */
export async function endChildRules(
  tx: Transaction,
  child: { networkId: string; sellerId: string; childId: string; endedBy: string },
): Promise<string[]> {
  const rows = await run(tx, endRulesOfChild, [child.networkId, child.sellerId, child.childId, tx.now, child.endedBy]);
  return rows.map(({ id }) => id);
}

/** A rule that is about to be written; `version` follows the one it replaces. */
export type NewMarkupRule = { networkId: string; rule: MarkupRule; version: number; createdBy: string; reason: string };

/** Inserts a rule; no row when another live one has its target and scope (markup_rule_live_key waits for a twin in flight). */
const insertRuleRow: Statement<MarkupRuleRow> = statement(
  'pricing.insertRule',
  `INSERT INTO markup_rule AS r (network_id, id, station_id, child_id, level_id, sku_id, product_id, category_id, kind, value, breaks, inversion,
     currency, version, valid_from, created_by, reason)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
   ON CONFLICT DO NOTHING RETURNING ${RULE_COLUMNS}`,
);

/** Writes a rule; null when a live one of the same target and scope is there already. */
export async function insertRule(
  tx: Transaction,
  { networkId, rule, version, createdBy, reason }: NewMarkupRule,
): Promise<MarkupRuleRecord | null> {
  const breaks = rule.breaks.map(({ minQuantity, value }) => ({ minQuantity, value: decimal4Text(value) }));
  const [row] = await run(tx, insertRuleRow, [
    networkId,
    rule.id,
    rule.stationId,
    rule.childId,
    rule.levelId,
    rule.skuId,
    rule.productId,
    rule.categoryId,
    rule.kind,
    decimal4Text(rule.value),
    JSON.stringify(breaks),
    rule.inversion,
    rule.currency,
    version,
    tx.now,
    createdBy,
    reason,
  ]);
  return row ? markupRuleOf(row) : null;
}

/** Ends the live band of a SKU; a second editor waits and finds it ended. Index: control_band_live_key. */
const endBandRow: Statement<BandRow> = statement(
  'pricing.endBand',
  `UPDATE control_band b SET valid_to = greatest(b.valid_from, $4), ended_by = $5 WHERE b.network_id = $1 AND b.sku_id = $2 AND b.version = $3 AND b.valid_to IS NULL
   RETURNING ${BAND_COLUMNS}`,
);

/** Ends a SKU's live band of this version; null when there is none. */
export async function endBand(
  tx: Transaction,
  band: { networkId: string; skuId: string; version: number; endedBy: string },
): Promise<ControlBandRecord | null> {
  const [row] = await run(tx, endBandRow, [band.networkId, band.skuId, band.version, tx.now, band.endedBy]);
  return row ? controlBandOf(row) : null;
}

const insertBandRow: Statement<BandRow> = statement(
  'pricing.insertBand',
  `INSERT INTO control_band AS b (network_id, id, sku_id, floor, ceiling, currency, version, valid_from, created_by, reason)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING ${BAND_COLUMNS}`,
);

/** A band that is about to be written. */
export type NewControlBand = {
  networkId: string;
  skuId: string;
  band: ControlBand;
  currency: CurrencyCode;
  version: number;
  createdBy: string;
  reason: string;
};

/** Writes a band; null when the SKU has a live one already. */
export async function insertBand(tx: Transaction, input: NewControlBand): Promise<ControlBandRecord | null> {
  const { floor, ceiling } = input.band;
  const [row] = await run(tx, insertBandRow, [
    input.networkId,
    input.band.id,
    input.skuId,
    floor && toUnitPriceString(floor),
    ceiling && toUnitPriceString(ceiling),
    input.currency,
    input.version,
    tx.now,
    input.createdBy,
    input.reason,
  ]);
  return row ? controlBandOf(row) : null;
}

/** Bands by id, of SKUs that the station owns. Index: primary keys. */
const bandsByIds: Statement<BandRow> = statement(
  'pricing.bandsByIds',
  `SELECT ${BAND_COLUMNS} FROM control_band b JOIN sku s ON s.network_id = $1 AND s.id = b.sku_id AND s.owner_id = $2
   WHERE b.network_id = $1 AND b.id = ANY ($3::uuid[])`,
);

/** An owner's bands by id, in no order. */
export async function selectBandsByIds(
  db: Queryable,
  networkId: string,
  ownerId: string,
  ids: readonly string[],
): Promise<ControlBandRecord[]> {
  return (await run(db, bandsByIds, [networkId, ownerId, ids])).map(controlBandOf);
}

/** The live bands of SKUs that the station owns. Index: control_band_live_key, sku_pkey. */
const ownBandsOfSkus: Statement<BandRow> = statement(
  'pricing.ownBandsOfSkus',
  `SELECT ${BAND_COLUMNS} FROM control_band b JOIN sku s ON s.network_id = $1 AND s.id = b.sku_id AND s.owner_id = $2
   WHERE b.network_id = $1 AND b.sku_id = ANY ($3::uuid[]) AND b.valid_to IS NULL`,
);

/** The live bands of those of these SKUs that the station owns, by SKU. */
export async function selectOwnBands(
  db: Queryable,
  networkId: string,
  ownerId: string,
  skuIds: readonly string[],
): Promise<Map<string, ControlBandRecord>> {
  const rows = await run(db, ownBandsOfSkus, [networkId, ownerId, skuIds]);
  return new Map(rows.map((row) => [row.sku_id, controlBandOf(row)]));
}

function markupRuleOf(row: MarkupRuleRow): MarkupRuleRecord {
  return {
    id: row.id,
    stationId: row.station_id,
    childId: row.child_id,
    levelId: row.level_id,
    skuId: row.sku_id,
    productId: row.product_id,
    categoryId: row.category_id,
    kind: row.kind,
    value: decimal4(row.value),
    breaks: row.breaks.map(({ minQuantity, value }) => ({ minQuantity, value: decimal4(value) })),
    inversion: row.inversion,
    currency: currencyCode(row.currency),
    version: row.version,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    reason: row.reason,
  };
}

function controlBandOf(row: BandRow): ControlBandRecord {
  const currency = currencyCode(row.currency);
  return {
    id: row.id,
    skuId: row.sku_id,
    floor: row.floor === null ? null : money(row.floor, currency),
    ceiling: row.ceiling === null ? null : money(row.ceiling, currency),
    version: row.version,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    reason: row.reason,
  };
}

function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}

/** The first of each name. */
function distinctBy<Item>(items: readonly Item[], nameOf: (item: Item) => string): Item[] {
  const byName = new Map<string, Item>();
  for (const item of items) if (!byName.has(nameOf(item))) byName.set(nameOf(item), item);
  return [...byName.values()];
}

function distinctPairs(pairs: readonly (readonly [string, string | null])[]): [string, string][] {
  const byKey = new Map<string, [string, string]>();
  for (const [first, second] of pairs) if (second !== null) byKey.set(first + second, [first, second]);
  return [...byKey.values()];
}
