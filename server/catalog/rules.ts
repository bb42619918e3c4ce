import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { type InputField, inputFieldOf, inputFieldsProblem } from '#server/listings/rules.ts';
import { convertedCost } from '#server/offers/rules.ts';
import {
  type CurrencyCode,
  compareMoney,
  decimal4,
  decimal4Text,
  type Money,
  money,
  moneyOf,
  scaleMoney,
  subtractMoney,
} from '#server/platform/money.ts';
import {
  type ChainStation,
  type ControlBand,
  type MarkupRule,
  type NotSellable,
  type PriceChain,
  type PricedSku,
  type NotSellableReason as PriceReason,
  quantityFits,
  type RuleBook,
  reasonFor,
  resolvePriceChain,
  winningRule,
} from '#server/pricing/rules.ts';

// What a station is shown of a SKU: its own price, the stock, and why it cannot buy (domain §2, §3). Pure. Nothing that is
// made here holds a price of the upline or a cost, but where the viewer is the owner.

/** Why a station cannot buy a SKU now. UNAVAILABLE stands for reasons that would tell about its upline. */
export type OfferReason = PriceReason | 'STATION_FROZEN' | 'OUT_OF_STOCK' | 'UNAVAILABLE';

/** Stock as it is shown: a number up to `STOCK_COUNT_MAX`, else "many" and no number; neither where it is bought when ordered and nobody says how many there are. */
export type Stock = { readonly availableCount: number | null; readonly many: boolean };

/** From `minQuantity` units on, the buyer pays `unitPrice` (per unitSize units). */
export type OfferBreak = { readonly minQuantity: number; readonly unitPrice: Money };

/** A SKU as one station may buy it. `unitPrice` is that of the SKU's minimum quantity; null when it has none. */
export type Offer = {
  readonly unitPrice: Money | null;
  readonly priceBreaks: readonly OfferBreak[];
  readonly stock: Stock;
  readonly notSellable: OfferReason | null;
};

/** What an offer is made from. `line` runs from HQ to the station that asks; `stockMax` is the count above which stock is "many". */
export type OfferFacts = {
  readonly sku: PricedSku;
  readonly line: readonly ChainStation[];
  readonly rules: RuleBook;
  readonly band: ControlBand | null;
  readonly availableCount: number | null;
  readonly nextUnitCost: Money | null;
  /** whether it could be sold at all, whatever there is of it */
  readonly isAvailable: boolean;
  readonly stockMax: number;
};

/**
 * The offer of a SKU to the last station of the line. A price is shown where there is one, also when the shelf is empty or the
 * line is frozen; without a price the stock is not shown either, but to the owner.
 */
export function offerOf(facts: OfferFacts): Offer {
  const { sku, line, rules, band, nextUnitCost } = facts;
  const viewer = viewerOf(line);
  const stock = stockOf(facts.availableCount, facts.stockMax);
  const chain = resolvePriceChain({ sku, path: line, rules, band, quantity: sku.minQuantity, nextUnitCost });
  if (chain.kind === 'NOT_SELLABLE') {
    const notSellable = reasonFor(viewer.id, chain);
    return { unitPrice: null, priceBreaks: [], stock: sku.ownerId === viewer.id ? stock : NONE, notSellable };
  }
  const unitPrice = lastHop(chain).unitPrice;
  return { unitPrice, priceBreaks: offerBreaks(facts, chain), stock, notSellable: obstacle(facts) };
}

/** A quantity's price for one station, or why not. The owner's cost guard is on the whole cost of the keys that would be taken. */
export type Quoted =
  | { kind: 'QUOTED'; unitPrice: Money; total: Money; stock: Stock; walletAfter: Money | null }
  | { kind: 'NOT_SELLABLE'; reason: OfferReason }
  | { kind: 'QUANTITY_OUT_OF_RANGE'; minQuantity: number; maxQuantity: number; quantityStep: number };

/**
 * What the last station of the line would pay for `quantity` units now. `cost` is that of the next `quantity` keys, null when
 * there are fewer; `wallet` what the station has, null where the reader may not know. An order placed at once is charged exactly
 * this (domain §3), unless stock or prices move in between. `walletAfter` below zero is money that is missing or credit.
 */
export function quoteOf(
  facts: OfferFacts & { readonly quantity: number; readonly cost: Money | null; readonly wallet: Money | null },
): Quoted {
  const { sku, line, rules, band, quantity, cost } = facts;
  const viewer = viewerOf(line);
  // in the order in which an order is refused
  if (line.some(({ status }) => status !== 'ACTIVE')) return notSellable('STATION_FROZEN');
  const listed = resolvePriceChain({ sku, path: line, rules, band, quantity: sku.minQuantity });
  if (listed.kind === 'NOT_SELLABLE' && listed.reason === 'NOT_LISTED') return notSellable('NOT_LISTED');
  if (!quantityFits(sku, quantity)) {
    return { kind: 'QUANTITY_OUT_OF_RANGE', minQuantity: sku.minQuantity, maxQuantity: sku.maxQuantity, quantityStep: sku.quantityStep };
  }
  const chain = resolvePriceChain({ sku, path: line, rules, band, quantity });
  if (chain.kind === 'NOT_SELLABLE') return notSellable(reasonFor(viewer.id, chain));
  if (cost && isBelowCost(chain, line, cost)) return notSellable(reasonFor(viewer.id, belowCost(sku.ownerId)));
  const stands = obstacle(facts);
  if (stands) return notSellable(stands);
  const { unitPrice, total } = lastHop(chain);
  const walletAfter = facts.wallet && subtractMoney(facts.wallet, total);
  return { kind: 'QUOTED', unitPrice, total, stock: stockOf(facts.availableCount, facts.stockMax), walletAfter };
}

/** One line of a station's price table: what it pays, what the child (or level, or everyone) pays, what it earns, per unitSize units. */
export type PriceTableEntry = {
  /** what the station pays; for the owner, what its next key costs. Null when it has no price or no stock */
  readonly cost: Money | null;
  readonly price: Money | null;
  /** price − cost of one unitSize; null when either is */
  readonly margin: Money | null;
  /** the station's rule that made the price; null when none applies */
  readonly rule: MarkupRule | null;
  readonly clamped: boolean;
  /** bounds of the price; null where none hold (the owner's own price to its children has none) */
  readonly floor: Money | null;
  readonly ceiling: Money | null;
  readonly notSellable: OfferReason | null;
};

/** Stands for a child without rules of its own: no station has this id. */
export const ANY_CHILD = 'any child';

const DEFAULT_CEILING_TIMES = 3n;

/**
 * The price table's line for a SKU, at its minimum quantity. `line` runs from HQ to the seller; `target` is a child, or with
 * the id `ANY_CHILD` stands for any child of a level, or of none. The reason is told as to the seller.
 */
export function priceTableEntryOf(facts: OfferFacts & { readonly target: Pick<ChainStation, 'id' | 'levelId'> }): PriceTableEntry {
  const { sku, line, rules, band, target, nextUnitCost } = facts;
  const seller = viewerOf(line);
  const quantity = sku.minQuantity;
  const isOwner = sku.ownerId === seller.id;
  const own = isOwner ? null : resolvePriceChain({ sku, path: line, rules, band, quantity });
  const buyer: ChainStation = { ...target, status: 'ACTIVE', costGuard: 'HIDE' };
  const sold = resolvePriceChain({ sku, path: [...line, buyer], rules, band, quantity, nextUnitCost });
  const rule = winningRule(rules, seller.id, buyer, sku);
  const ownPrice = own?.kind === 'PRICED' ? lastHop(own).unitPrice : null;
  const cost = isOwner ? nextUnitCost && perUnitSize(nextUnitCost, sku.unitSize) : ownPrice;
  const bounds = own?.kind === 'PRICED' ? boundsOf(own, band) : { floor: null, ceiling: null };
  if (sold.kind === 'NOT_SELLABLE') {
    return { cost, price: null, margin: null, rule, clamped: false, ...bounds, notSellable: reasonFor(seller.id, sold) };
  }
  const { unitPrice: price, clamped } = lastHop(sold);
  const margin = cost && subtractMoney(price, cost);
  return { cost, price, margin, rule, clamped: clamped !== null, ...bounds, notSellable: null };
}

/** What a count of units for sale looks like: above `stockMax` it is "many"; null is not known. */
export function stockOf(availableCount: number | null, stockMax: number): Stock {
  if (availableCount === null) return { availableCount: null, many: false };
  return availableCount > stockMax ? { availableCount: null, many: true } : { availableCount, many: false };
}

const NONE: Stock = { availableCount: 0, many: false };

/** What stands between a priced SKU and an order: the line, the way of delivery, the shelf. */
function obstacle({ sku, line, isAvailable, availableCount }: OfferFacts): OfferReason | null {
  if (line.some(({ status }) => status !== 'ACTIVE')) return 'STATION_FROZEN';
  if (!isAvailable) return 'UNAVAILABLE';
  return availableCount !== null && availableCount < sku.minQuantity ? 'OUT_OF_STOCK' : null;
}

/** Quantities above the minimum at which the buyer's unit price changes, with that price. */
function offerBreaks(facts: OfferFacts, atMinimum: PriceChain): OfferBreak[] {
  const { sku, line, rules, band } = facts;
  const breaks: OfferBreak[] = [];
  let before = lastHop(atMinimum).unitPrice;
  for (const quantity of breakQuantities(facts, atMinimum)) {
    const chain = resolvePriceChain({ sku, path: line, rules, band, quantity });
    if (chain.kind === 'NOT_SELLABLE') continue;
    const { unitPrice } = lastHop(chain);
    if (compareMoney(unitPrice, before) !== 0) breaks.push({ minQuantity: quantity, unitPrice });
    before = unitPrice;
  }
  return breaks;
}

/** The orderable quantities at which a rule of the chain takes another value, ascending. Which rule wins does not depend on quantity. */
function breakQuantities({ sku, line, rules }: OfferFacts, chain: PriceChain): number[] {
  const quantities = new Set<number>();
  for (const hop of chain.hops) {
    const buyer = line.find(({ id }) => id === hop.buyerId);
    const rule = buyer && winningRule(rules, hop.sellerId, buyer, sku);
    for (const { minQuantity } of rule?.breaks ?? []) {
      const steps = Math.ceil((minQuantity - sku.minQuantity) / sku.quantityStep);
      const quantity = sku.minQuantity + steps * sku.quantityStep;
      if (steps > 0 && quantity <= sku.maxQuantity) quantities.add(quantity);
    }
  }
  return [...quantities].sort((a, b) => a - b);
}

function isBelowCost(chain: PriceChain, line: readonly ChainStation[], cost: Money): boolean {
  const first = chain.hops[0];
  return first !== undefined && line[chain.ownerIndex]?.costGuard === 'HIDE' && compareMoney(first.total, cost) < 0;
}

function belowCost(ownerId: string): NotSellable {
  return { kind: 'NOT_SELLABLE', reason: 'BELOW_COST', stationId: ownerId };
}

/** The band of the seller's price to its children: what its own chain begins with decides the default ceiling (domain §3). */
function boundsOf(own: PriceChain, band: ControlBand | null): { floor: Money | null; ceiling: Money | null } {
  const first = own.hops[0]?.unitPrice;
  const usual = first ? moneyOf(first.tenThousandths * DEFAULT_CEILING_TIMES, first.currency) : null;
  return { floor: band?.floor ?? null, ceiling: band?.ceiling ?? usual };
}

function perUnitSize(unitCost: Money, unitSize: number): Money {
  return moneyOf(unitCost.tenThousandths * BigInt(unitSize), unitCost.currency);
}

function notSellable(reason: OfferReason): Quoted {
  return { kind: 'NOT_SELLABLE', reason };
}

function viewerOf(line: readonly ChainStation[]): ChainStation {
  const viewer = line.at(-1);
  if (!viewer) throw new Error('a line has at least one station');
  return viewer;
}

function lastHop(chain: PriceChain): PriceChain['hops'][number] {
  const hop = chain.hops.at(-1);
  if (!hop) throw new Error('a chain has at least one hop');
  return hop;
}

// ---- a file of the catalogue ----

const REQUIRED_COLUMNS = ['category1', 'product', 'sku_code', 'sku', 'base_price'] as const;
const OPTIONAL_COLUMNS = [
  'category2',
  'category3',
  'brand',
  'description',
  'face_value',
  'unit_size',
  'min_quantity',
  'max_quantity',
  'quantity_step',
] as const;
type Column = (typeof REQUIRED_COLUMNS)[number] | (typeof OPTIONAL_COLUMNS)[number];

/** Lines of one file; more are better split. */
export const CATALOGUE_LINES_MAX = 20_000;

/** What a SKU is sold in. `unitSize` units have the price; quantities count units. */
export type SkuQuantities = {
  readonly unitSize: number;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly quantityStep: number;
};

/** A SKU as a line of a file has it. Null: an empty cell, which keeps what is there and takes the usual where nothing is. */
export type CatalogueLine = { readonly [Name in keyof SkuQuantities]: SkuQuantities[Name] | null } & {
  readonly line: number;
  /** names from the top category down, one to three */
  readonly categories: readonly string[];
  readonly product: string;
  readonly brand: string | null;
  readonly description: string | null;
  readonly code: string;
  readonly name: string;
  readonly faceValue: string | null;
  readonly basePrice: Money;
};

/** What is wrong with a line; the heading is line 1. */
export type CatalogueProblem = { readonly line: number; readonly message: string };

/** A file as far as it can be read: nothing of it is imported while there is a problem. */
export type CatalogueFile =
  | { readonly kind: 'READ'; readonly lines: readonly CatalogueLine[]; readonly problems: readonly CatalogueProblem[] }
  | { readonly kind: 'UNREADABLE'; readonly message: string };

/**
 * Reads a UTF-8 CSV of SKUs, its columns named by the first line in any order. Every line that is wrong is told with everything
 * that is wrong in it. UNREADABLE: another encoding, broken quoting, columns that miss or are not known, nothing or too much in it.
 */
export function readCatalogueFile(bytes: Uint8Array, currency: CurrencyCode): CatalogueFile {
  const records = recordsOf(bytes);
  if (typeof records === 'string') return { kind: 'UNREADABLE', message: records };
  const [heading, ...rest] = records;
  const columns = heading?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const wrong = headingProblem(columns) ?? countProblem(rest.length);
  if (wrong !== null) return { kind: 'UNREADABLE', message: wrong };
  const lines: CatalogueLine[] = [];
  const problems: CatalogueProblem[] = [];
  for (const { line, cells } of rest) {
    const read = readCatalogueLine(line, columns, cells, currency);
    if ('messages' in read) problems.push(...read.messages.map((message) => ({ line, message })));
    else lines.push(read);
  }
  return { kind: 'READ', lines, problems };
}

function recordsOf(bytes: Uint8Array): { line: number; cells: string[] }[] | string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return 'The file is not UTF-8: save it as “CSV UTF-8”.';
  }
  try {
    const options = { info: true, relax_column_count: true, skip_empty_lines: true, trim: true } as const;
    const parsed = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    return parsed.map(({ record, info }) => ({ line: info.lines, cells: record })).filter(({ cells }) => cells.some((cell) => cell !== ''));
  } catch (error) {
    const line = (error as { lines?: number }).lines;
    return `The CSV cannot be read${line === undefined ? '' : ` at line ${line}`}: a quote is not closed or stands where none may.`;
  }
}

function headingProblem(columns: readonly string[]): string | null {
  const known: readonly string[] = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS];
  const missing = REQUIRED_COLUMNS.filter((name) => !columns.includes(name));
  if (missing.length > 0) return `The first line names the columns; missing: ${missing.join(', ')}.`;
  const strange = columns.filter((name, index) => !known.includes(name) || columns.indexOf(name) !== index);
  return strange.length === 0 ? null : `The first line names columns that are not known, or twice: ${strange.join(', ')}.`;
}

function countProblem(count: number): string | null {
  if (count === 0) return 'The file holds no SKUs.';
  return count > CATALOGUE_LINES_MAX ? `The file has more than ${CATALOGUE_LINES_MAX} SKUs.` : null;
}

const NAME_MAX = 200;
const DESCRIPTION_MAX = 5_000;
const SKU_CODE = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u;
const PRICE = /^\d{1,14}(\.\d{1,4})?$/;
const UNIT_SIZES = [1, 100, 1000];
const QUANTITY_MAX = 2_147_483_647;

function readCatalogueLine(
  line: number,
  columns: readonly string[],
  cells: readonly string[],
  currency: CurrencyCode,
): CatalogueLine | { readonly messages: string[] } {
  if (cells.length !== columns.length) return { messages: [`${cells.length} cells where the heading has ${columns.length}`] };
  const messages: string[] = [];
  const cell = (column: Column) => cells[columns.indexOf(column)] ?? '';
  const name = (column: Column) => {
    const text = cell(column);
    if (text.length > NAME_MAX || /\p{Cc}/u.test(text)) messages.push(`${column}: a line of at most ${NAME_MAX} characters`);
    return text;
  };
  const required = (column: Column) => {
    if (cell(column) === '') messages.push(`${column} is empty`);
    return name(column);
  };
  const count = (column: Column) => {
    const text = cell(column);
    if (text === '') return null;
    if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= QUANTITY_MAX) return Number(text);
    messages.push(`${column}: ${text} is not a whole number above zero`);
    return null;
  };
  const categories = [required('category1'), name('category2'), name('category3')];
  if (categories[1] === '' && categories[2] !== '') messages.push('category3 is there and category2 is not');
  const product = required('product');
  const brand = name('brand') || null;
  const description = cell('description') || null;
  if ((description ?? '').length > DESCRIPTION_MAX || description?.includes('\0'))
    messages.push(`description: at most ${DESCRIPTION_MAX} characters, and none of them NUL`);
  const code = required('sku_code');
  if (code !== '' && !SKU_CODE.test(code)) messages.push(`sku_code: ${code} is not 1 to 64 letters, digits, dots, hyphens and underscores`);
  const sku = required('sku');
  const faceValue = name('face_value') || null;
  const basePrice = readBasePrice(required('base_price'), currency, messages);
  const unitSize = count('unit_size');
  if (unitSize !== null && !UNIT_SIZES.includes(unitSize)) messages.push(`unit_size: ${unitSize} is not one of ${UNIT_SIZES.join(', ')}`);
  const quantities = { minQuantity: count('min_quantity'), maxQuantity: count('max_quantity'), quantityStep: count('quantity_step') };
  if (basePrice === null || messages.length > 0) return { messages };
  const path = categories.filter((each) => each !== '');
  return { line, categories: path, product, brand, description, code, name: sku, faceValue, basePrice, unitSize, ...quantities };
}

function readBasePrice(text: string, currency: CurrencyCode, messages: string[]): Money | null {
  const price = PRICE.test(text) ? money(text, currency) : null;
  if (price !== null && price.tenThousandths > 0n) return price;
  if (text !== '') messages.push(`base_price: ${text} is not a price above zero with at most four decimals, such as 47.50`);
  return null;
}

/** A category, product and SKU as they are stored, by what a file can name them by. */
export type StoredCatalogue = {
  readonly categories: readonly {
    readonly id: string;
    readonly name: string;
    readonly path: readonly string[];
    readonly position: number;
  }[];
  readonly products: readonly {
    readonly id: string;
    readonly categoryId: string;
    readonly name: string;
    readonly brand: string | null;
    readonly description: string;
  }[];
  readonly skus: readonly (PlannedSku & { readonly productName: string })[];
};

/** A category to be made; `path` runs from the top category to itself. */
export type PlannedCategory = { readonly id: string; readonly name: string; readonly path: readonly string[]; readonly position: number };

/** A product to be made or changed. */
export type PlannedProduct = {
  readonly id: string;
  readonly categoryId: string;
  readonly name: string;
  readonly brand: string | null;
  readonly description: string;
};

/** A SKU to be made or changed. */
export type PlannedSku = SkuQuantities & {
  readonly id: string;
  readonly productId: string;
  readonly categoryPath: readonly string[];
  readonly code: string;
  readonly name: string;
  readonly faceValue: string | null;
  readonly basePrice: Money;
};

/** What a file makes of a catalogue: rows to write, and what it names and leaves as it is. Nothing is ever deleted. */
export type CataloguePlan = {
  readonly categories: { readonly created: readonly PlannedCategory[]; readonly unchangedCount: number };
  readonly products: Upserts<PlannedProduct>;
  readonly skus: Upserts<PlannedSku>;
  /** the changed SKUs whose base price is another */
  readonly repriced: readonly PlannedSku[];
};

type Upserts<Row> = { readonly created: readonly Row[]; readonly changed: readonly Row[]; readonly unchangedCount: number };

/**
 * Decides what the lines of a file change. Categories are known by their names from the top down, products by category and name,
 * SKUs by code. Told as problems: a code twice, a SKU of another product (a SKU does not move), another unit size, a product
 * with two brands or descriptions, quantities that exclude each other. Where there are problems, the plan is nobody's to write.
 */
export function planCatalogue(
  lines: readonly CatalogueLine[],
  stored: StoredCatalogue,
  newId: () => string,
): { readonly plan: CataloguePlan; readonly problems: readonly CatalogueProblem[] } {
  const problems: CatalogueProblem[] = [];
  const categories = planCategories(lines, stored, newId);
  const products = planProducts(lines, stored, { newId, problems, pathOf: categories.pathOf });
  const skus = planSkus(lines, stored, { newId, problems, homeOf: products.homeOf });
  const { created, unchangedCount } = categories;
  return { plan: { categories: { created, unchangedCount }, products: products.upserts, ...skus }, problems };
}

function planCategories(lines: readonly CatalogueLine[], stored: StoredCatalogue, newId: () => string) {
  const names = new Map(stored.categories.map(({ id, name }) => [id, name]));
  const paths = new Map<string, readonly string[]>();
  // two of one name: the older one is meant
  for (const { path } of stored.categories.toReversed()) paths.set(keyOf(path.map((id) => names.get(id) ?? '')), path);
  const before = new Set(paths.keys());
  const seen = new Set<string>();
  const created: PlannedCategory[] = [];
  let position = Math.max(-1, ...stored.categories.map((each) => each.position));
  for (const { categories } of lines) {
    for (const [index, name] of categories.entries()) {
      const key = keyOf(categories.slice(0, index + 1));
      seen.add(key);
      if (paths.has(key)) continue;
      const id = newId();
      const path = [...(paths.get(keyOf(categories.slice(0, index))) ?? []), id];
      paths.set(key, path);
      position += 1;
      created.push({ id, name, path, position });
    }
  }
  const unchangedCount = [...seen].filter((key) => before.has(key)).length;
  return { created, unchangedCount, pathOf: (line: CatalogueLine) => paths.get(keyOf(line.categories)) ?? [] };
}

type ProductHome = { readonly productId: string; readonly categoryPath: readonly string[] };

function planProducts(
  lines: readonly CatalogueLine[],
  stored: StoredCatalogue,
  at: { newId: () => string; problems: CatalogueProblem[]; pathOf: (line: CatalogueLine) => readonly string[] },
) {
  const known = new Map(stored.products.toReversed().map((product) => [keyOf([product.categoryId, product.name]), product]));
  const homes = new Map<string, ProductHome>();
  const upserts = { created: [] as PlannedProduct[], changed: [] as PlannedProduct[], unchangedCount: 0 };
  for (const group of Map.groupBy(lines, ({ categories, product }) => keyOf([...categories, product])).values()) {
    const [first] = group;
    if (!first) continue;
    const categoryPath = at.pathOf(first);
    const categoryId = categoryPath.at(-1) ?? '';
    const old = known.get(keyOf([categoryId, first.product]));
    const brand = saidOnce(group, 'brand', at.problems) ?? old?.brand ?? null;
    const description = saidOnce(group, 'description', at.problems) ?? old?.description ?? '';
    const product = { id: old?.id ?? at.newId(), categoryId, name: first.product, brand, description };
    homes.set(keyOf([...first.categories, first.product]), { productId: product.id, categoryPath });
    if (!old) upserts.created.push(product);
    else if (old.brand !== brand || old.description !== description) upserts.changed.push(product);
    else upserts.unchangedCount += 1;
  }
  return { upserts, homeOf: (line: CatalogueLine) => homes.get(keyOf([...line.categories, line.product])) };
}

/** What the lines of a product say of it: once is enough, twice the same too. */
function saidOnce(group: readonly CatalogueLine[], column: 'brand' | 'description', problems: CatalogueProblem[]): string | null {
  const said = group.find((line) => line[column] !== null);
  for (const line of group) {
    if (said && line[column] !== null && line[column] !== said[column])
      problems.push({ line: line.line, message: `${column}: line ${said.line} has another one for the product ${line.product}` });
  }
  return said?.[column] ?? null;
}

const USUAL: SkuQuantities = { unitSize: 1, minQuantity: 1, maxQuantity: 1000, quantityStep: 1 };

function planSkus(
  lines: readonly CatalogueLine[],
  stored: StoredCatalogue,
  at: { newId: () => string; problems: CatalogueProblem[]; homeOf: (line: CatalogueLine) => ProductHome | undefined },
) {
  const known = new Map(stored.skus.map((sku) => [sku.code, sku]));
  const firstLines = new Map<string, number>();
  const skus = { created: [] as PlannedSku[], changed: [] as PlannedSku[], unchangedCount: 0 };
  const repriced: PlannedSku[] = [];
  for (const line of lines) {
    const { code, name, basePrice } = line;
    const old = known.get(code);
    const home = at.homeOf(line);
    const faceValue = line.faceValue ?? old?.faceValue ?? null;
    const quantities = quantitiesOf(line, old ?? USUAL);
    const message = twiceProblem(line, firstLines) ?? (old && stayProblem(line, old, home)) ?? quantityProblem(quantities);
    if (message) at.problems.push({ line: line.line, message });
    if (message || !home) continue;
    const sku = { id: old?.id ?? at.newId(), ...home, code, name, faceValue, basePrice, ...quantities };
    if (!old) skus.created.push(sku);
    else if (sameSku(old, sku)) skus.unchangedCount += 1;
    else skus.changed.push(sku);
    if (old && compareMoney(old.basePrice, basePrice) !== 0) repriced.push(sku);
  }
  return { skus, repriced };
}

function quantitiesOf(line: CatalogueLine, usual: SkuQuantities): SkuQuantities {
  return {
    unitSize: line.unitSize ?? usual.unitSize,
    minQuantity: line.minQuantity ?? usual.minQuantity,
    maxQuantity: line.maxQuantity ?? usual.maxQuantity,
    quantityStep: line.quantityStep ?? usual.quantityStep,
  };
}

function twiceProblem({ code, line }: CatalogueLine, firstLines: Map<string, number>): string | null {
  const first = firstLines.get(code);
  if (first !== undefined) return `sku_code: ${code} stands in line ${first} already`;
  firstLines.set(code, line);
  return null;
}

/** Orders and rules know a SKU by where it is and what its price is for: these two stay. */
function stayProblem(line: CatalogueLine, old: StoredCatalogue['skus'][number], home: ProductHome | undefined): string | null {
  if (old.productId !== home?.productId)
    return `sku_code: ${line.code} is a SKU of the product ${old.productName}, and a SKU does not move to another product or category`;
  if (line.unitSize === null || line.unitSize === old.unitSize) return null;
  return `unit_size: ${line.code} has ${old.unitSize}, which does not change: make another SKU`;
}

function quantityProblem({ minQuantity, maxQuantity }: SkuQuantities): string | null {
  return maxQuantity >= minQuantity ? null : `max_quantity: ${maxQuantity} is less than the minimum, ${minQuantity}`;
}

function sameSku(old: PlannedSku, sku: PlannedSku): boolean {
  const same = (['name', 'faceValue', 'minQuantity', 'maxQuantity', 'quantityStep'] as const).every(
    (column) => old[column] === sku[column],
  );
  return same && compareMoney(old.basePrice, sku.basePrice) === 0;
}

function keyOf(names: readonly string[]): string {
  return JSON.stringify(names);
}

// ---- goods of an upstream ----

/** Goods as an upstream lists them, as far as an import looks at them (a connector's `UpstreamGoods`). Nothing of it is believed yet. */
export type ListedGoods = {
  /** what an offer's settings have to be to buy exactly this */
  readonly goods: Readonly<Record<string, string>>;
  readonly categoryPath: readonly string[];
  readonly productName: string;
  readonly skuName: string;
  /** for one unit, in the account's money */
  readonly unitCost: string;
  readonly stockCount: number | null;
  readonly minQuantity: number | null;
  readonly maxQuantity: number | null;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  readonly inputFields: readonly { readonly name: string; readonly label: string; readonly isRequired: boolean }[];
};

/**
 * What importing an item does. NEW: makes a SKU (a draft) with its product and categories where they miss, and the offer.
 * OFFER_ADDED: a SKU that is there gets an offer of this account. COST_CHANGED: the account's offer has another cost.
 */
export type ImportChange = 'NEW' | 'OFFER_ADDED' | 'COST_CHANGED' | 'UNCHANGED' | 'SKIPPED';

/** Why an item is left out. */
export type SkipReason =
  | 'BAD_NAME'
  | 'BAD_GOODS'
  | 'BAD_COST'
  | 'COST_TOO_FINE'
  | 'LISTED_TWICE'
  | 'QUANTITIES'
  | 'INPUT_FIELDS'
  | 'OTHER_KIND'
  | 'SKU_RETIRED';

/** One of an upstream's goods, and what importing it does. Costs are for `unitSize` units of the SKU, which new ones have one of. */
export type ImportItem = {
  readonly change: ImportChange;
  readonly reason: SkipReason | null;
  /** of the SKU that it makes; '' where it makes none */
  readonly code: string;
  /** names from the top category down, one to three */
  readonly categories: readonly string[];
  readonly productName: string;
  readonly skuName: string;
  readonly goods: Readonly<Record<string, string>>;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  readonly inputFields: readonly InputField[];
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly stockCount: number | null;
  /** a decimal text of the account's money; null where it is none */
  readonly upstreamUnitCost: string | null;
  readonly unitCost: Money | null;
  readonly oldUnitCost: Money | null;
  /** suggested for a new SKU; an existing one's price is never changed by a cost (§3) */
  readonly basePrice: Money | null;
  readonly skuId: string | null;
  readonly offerId: string | null;
};

/**
 * Where a person says that an upstream's goods belong. `categories`: goods that would stand at the first path stand at the second, one
 * to three names. `skus`: these goods are the owner's SKU of this id; null: they are a new one, whatever they are called.
 */
export type ImportMapping = {
  readonly categories: readonly (readonly [from: readonly string[], to: readonly string[]])[];
  readonly skus: readonly (readonly [goods: Readonly<Record<string, string>>, skuId: string | null])[];
};

/** Nobody has said anything. */
export const NO_MAPPING: ImportMapping = { categories: [], skus: [] };

/** Entries of each kind that a mapping holds at most. */
export const MAPPING_MAX = 1_000;

/** What was said before with what is said now: of the same path, or the same goods, the new holds; a path that leads nowhere is taken out. */
export function mergeMapping(before: ImportMapping, now: ImportMapping): ImportMapping {
  const categories = new Map([...before.categories, ...now.categories].map((entry) => [keyOf(entry[0]), entry]));
  const skus = new Map([...before.skus, ...now.skus].map((entry) => [goodsKey(entry[0]), entry]));
  return { categories: [...categories.values()].filter(([, to]) => to.length > 0), skus: [...skus.values()] };
}

/** What is wrong with a mapping as it was given, in one English sentence; null when nothing is. */
export function mappingProblem({ categories, skus }: ImportMapping): string | null {
  if (categories.length > MAPPING_MAX || skus.length > MAPPING_MAX) return `At most ${MAPPING_MAX} categories and SKUs are mapped.`;
  const isPath = (path: readonly string[]) => path.length >= 1 && path.length <= CATEGORY_DEPTH_MAX && path.every(isName);
  const strange = categories.find(([from, to]) => !isPath(from) || !isPath(to));
  return strange
    ? `A category is one to ${CATEGORY_DEPTH_MAX} names from the top down: ${strange.flat().join(' / ').slice(0, NAME_MAX)}.`
    : null;
}

/** By what costs become ours. `rate`: network money for one of the account's, at most eight decimals. */
export type ImportTerms = {
  readonly accountId: string;
  /** stands for the category of goods without one */
  readonly accountName: string;
  readonly currency: CurrencyCode;
  readonly rate: string;
  /** 10.0000 is 10 %, in ten-thousandths */
  readonly markupPercent: bigint;
  readonly mapping: ImportMapping;
};

/** An offer of the account that is there, with its SKU. */
export type KnownOffer = {
  readonly offerId: string;
  readonly skuId: string;
  readonly goods: Readonly<Record<string, string>>;
  readonly unitCost: Money;
  readonly upstreamUnitCost: string;
  readonly unitSize: number;
  readonly isRetired: boolean;
};

/** A SKU of the owner that an item may be about, by its code or by its names. */
export type KnownSku = {
  readonly skuId: string;
  readonly code: string;
  readonly name: string;
  readonly productName: string;
  readonly unitSize: number;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  readonly isBundle: boolean;
  readonly isRetired: boolean;
};

/** What is there when an import is looked at. */
export type ImportFacts = { readonly offers: readonly KnownOffer[]; readonly skus: readonly KnownSku[] };

const QUANTITY_USUAL_MAX = 1000;
const TOLD_LENGTH_MAX = 500;
const WHOLE_PERCENT = 100n * 10_000n;
/** What the tables hold: fourteen digits and four decimals; a markup of 10,000 % keeps within it. */
const TEN_THOUSANDTHS_MAX = 10n ** 16n;
const UNIT_COST = /^(\d{1,14})(?:\.(\d+))?$/;

/** One text for the same goods, in whatever order their settings are given. */
export function goodsKey(goods: Readonly<Record<string, string>>): string {
  return keyOf(
    Object.entries(goods)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flat(),
  );
}

/** The code of the SKU that importing these goods makes: the same for ever, so that a second import finds the first one's. */
export function importedCode(accountId: string, goods: Readonly<Record<string, string>>): string {
  return `U${createHash('sha256')
    .update(keyOf([accountId, goodsKey(goods)]))
    .digest('hex')
    .slice(0, 15)
    .toUpperCase()}`;
}

/**
 * Decides for each of an upstream's goods what importing it would do. They are known by the account's offer for them, else by the code that an
 * earlier import gave, else by what a person said, else by product and SKU name where those are told once and are one SKU's. A cost is × rate; a new SKU's base
 * price is cost × (1 + markup), rounded once (§3).
 */
export function planUpstreamImport(told: readonly ListedGoods[], facts: ImportFacts, terms: ImportTerms): ImportItem[] {
  const listed = told.map(readable);
  const matchOf = matcher(listed, facts, terms);
  const shelves = new Map(terms.mapping.categories.map(([from, to]) => [keyOf(from), to]));
  const seen = new Set<string>();
  return listed.map((each, index) => {
    const key = goodsKey(each.goods);
    const isTwice = seen.has(key);
    seen.add(key);
    const isOther = key !== goodsKey(told[index]?.goods ?? {});
    const item = importItem(each, isTwice ? 'LISTED_TWICE' : isOther ? 'BAD_GOODS' : null, matchOf(each), terms);
    return { ...item, categories: shelves.get(keyOf(item.categories)) ?? item.categories };
  });
}

/** A text of an upstream as it can be stored and shown: one line, well-formed, no longer than anybody reads. */
export function readableText(text: string): string {
  return text
    .slice(0, TOLD_LENGTH_MAX)
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
}

function readable(goods: ListedGoods): ListedGoods {
  return {
    ...goods,
    goods: Object.fromEntries(Object.entries(goods.goods).map(([name, value]) => [readableText(name), readableText(value)])),
    categoryPath: goods.categoryPath.map(readableText),
    productName: readableText(goods.productName),
    skuName: readableText(goods.skuName),
    inputFields: goods.inputFields.map((field) => ({ ...field, name: readableText(field.name), label: readableText(field.label) })),
  };
}

type Match = { readonly offer?: KnownOffer; readonly sku?: KnownSku };

function matcher(listed: readonly ListedGoods[], facts: ImportFacts, { accountId, mapping }: ImportTerms): (goods: ListedGoods) => Match {
  const offers = new Map(facts.offers.map((offer) => [goodsKey(offer.goods), offer]));
  const byCode = new Map(facts.skus.map((sku) => [sku.code, sku]));
  const byId = new Map(facts.skus.map((sku) => [sku.skuId, sku]));
  const said = new Map(mapping.skus.map(([goods, skuId]) => [goodsKey(goods), skuId]));
  const byNames = Map.groupBy(facts.skus, ({ productName, name }) => keyOf([productName, name]));
  const told = Map.groupBy(listed, ({ productName, skuName }) => keyOf([productName, skuName]));
  return (each) => {
    const offer = offers.get(goodsKey(each.goods));
    if (offer) return { offer };
    const coded = byCode.get(importedCode(accountId, each.goods));
    if (coded) return { sku: coded };
    const skuId = said.get(goodsKey(each.goods));
    const names = keyOf([each.productName, each.skuName]);
    const namesakes = told.get(names)?.length === 1 ? (byNames.get(names) ?? []) : [];
    const sku = skuId === undefined ? (namesakes.length === 1 ? namesakes[0] : undefined) : byId.get(skuId ?? '');
    return sku ? { sku } : {};
  };
}

function importItem(listed: ListedGoods, twice: SkipReason | null, { offer, sku }: Match, terms: ImportTerms): ImportItem {
  const inputFields = listed.inputFields.map((field) => inputFieldOf(field));
  const { productName } = listed;
  const unitSize = offer?.unitSize ?? sku?.unitSize ?? 1;
  const cost = readUnitCost(listed.unitCost, unitSize, terms);
  const named = [...listed.categoryPath.filter((name) => name !== ''), terms.accountName];
  // three levels are all there are; what has no category stands in the account's own
  const categories = named.length === 1 ? named : named.slice(0, -1).slice(0, 3);
  const item = {
    reason: null,
    code: '',
    categories,
    productName,
    skuName: listed.skuName || productName,
    goods: listed.goods,
    goodsKind: listed.goodsKind,
    inputFields,
    minQuantity: listed.minQuantity || 1,
    // many say 0 where they set no bound
    maxQuantity: listed.maxQuantity || QUANTITY_USUAL_MAX,
    stockCount: listed.stockCount,
    upstreamUnitCost: cost.kind === 'COST' ? cost.upstreamUnitCost : null,
    unitCost: cost.kind === 'COST' ? cost.unitCost : null,
    oldUnitCost: offer?.unitCost ?? null,
    basePrice: null,
    skuId: offer?.skuId ?? sku?.skuId ?? null,
    offerId: offer?.offerId ?? null,
  };
  const reason = twice ?? skipReasonOf(item, cost, { offer, sku });
  if (reason !== null || cost.kind !== 'COST') return { ...item, change: 'SKIPPED', reason: reason ?? 'BAD_COST' };
  if (offer) return { ...item, change: isSameCost(offer, cost) ? 'UNCHANGED' : 'COST_CHANGED' };
  if (sku) return { ...item, change: 'OFFER_ADDED' };
  const basePrice = scaleMoney(cost.unitCost, WHOLE_PERCENT + terms.markupPercent, WHOLE_PERCENT, 'UNIT_PRICE');
  return { ...item, change: 'NEW', code: importedCode(terms.accountId, listed.goods), basePrice };
}

type ReadCost =
  | { readonly kind: 'COST'; readonly upstreamUnitCost: string; readonly unitCost: Money }
  | { readonly kind: 'BAD_COST' | 'COST_TOO_FINE' };

/** A cost for `unitSize` units: above zero, exact to four decimals, and so in our money too. */
function readUnitCost(text: string, unitSize: number, { currency, rate }: ImportTerms): ReadCost {
  const parts = UNIT_COST.exec(text);
  if (parts === null) return { kind: 'BAD_COST' };
  const decimals = (parts[2] ?? '').replace(/0+$/, '');
  const shift = String(unitSize).length - 1;
  if (decimals.length > 4 + shift) return { kind: 'COST_TOO_FINE' };
  const digits = `${parts[1]}${decimals.padEnd(4 + shift, '0')}`;
  const upstream = BigInt(digits);
  if (upstream <= 0n || upstream >= TEN_THOUSANDTHS_MAX) return { kind: 'BAD_COST' };
  const upstreamUnitCost = decimal4Text(upstream);
  const unitCost = convertedCost(upstreamUnitCost, rate, currency, 'UNIT_PRICE');
  const isPrice = unitCost.tenThousandths > 0n && unitCost.tenThousandths < TEN_THOUSANDTHS_MAX;
  return isPrice ? { kind: 'COST', upstreamUnitCost, unitCost } : { kind: 'BAD_COST' };
}

function isSameCost(offer: KnownOffer, cost: { readonly upstreamUnitCost: string; readonly unitCost: Money }): boolean {
  return decimal4(offer.upstreamUnitCost) === decimal4(cost.upstreamUnitCost) && compareMoney(offer.unitCost, cost.unitCost) === 0;
}

function skipReasonOf(
  { productName, skuName, categories, goodsKind, inputFields, minQuantity, maxQuantity }: Omit<ImportItem, 'change'>,
  cost: ReadCost,
  { offer, sku }: { readonly offer: KnownOffer | undefined; readonly sku: KnownSku | undefined },
): SkipReason | null {
  if (![productName, skuName, ...categories].every(isName)) return 'BAD_NAME';
  if (cost.kind !== 'COST') return cost.kind;
  if (minQuantity < 1 || maxQuantity < minQuantity || maxQuantity > QUANTITY_MAX) return 'QUANTITIES';
  if (offer?.isRetired || sku?.isRetired) return 'SKU_RETIRED';
  if (sku && (sku.isBundle || sku.goodsKind !== goodsKind)) return 'OTHER_KIND';
  return inputFieldsProblem(inputFields) === null ? null : 'INPUT_FIELDS';
}

/**
 * Tells whether an item still means what it meant when it was looked at: nobody has made its SKU, given that SKU an offer for these
 * goods, or changed its cost since. Only then it is applied as it was previewed.
 */
export function importJudge({ offers, skus }: ImportFacts): (item: ImportItem) => boolean {
  const offerOf = new Map(offers.map((offer) => [goodsKey(offer.goods), offer]));
  const codes = new Set(skus.map(({ code }) => code));
  const onSale = new Set(skus.filter(({ isRetired }) => !isRetired).map(({ skuId }) => skuId));
  return ({ change, goods, code, skuId, offerId, oldUnitCost }) => {
    const offer = offerOf.get(goodsKey(goods));
    if (change === 'NEW') return offer === undefined && !codes.has(code);
    if (change === 'OFFER_ADDED') return offer === undefined && skuId !== null && onSale.has(skuId);
    if (change !== 'COST_CHANGED' || offer === undefined || oldUnitCost === null) return false;
    return offer.offerId === offerId && compareMoney(offer.unitCost, oldUnitCost) === 0;
  };
}

/** The items that make SKUs, as lines of a file of the catalogue: a line is the item's place. */
export function linesOfImport(items: readonly ImportItem[]): CatalogueLine[] {
  return items.flatMap(({ change, categories, productName, skuName, code, basePrice, minQuantity, maxQuantity }, line) =>
    change !== 'NEW' || basePrice === null
      ? []
      : [
          {
            line,
            categories,
            product: productName,
            brand: null,
            description: null,
            code,
            name: skuName,
            faceValue: null,
            basePrice,
            unitSize: null,
            minQuantity,
            maxQuantity,
            quantityStep: null,
          },
        ],
  );
}

// ---- goods one at a time ----

/** What is wrong with a field of a product or SKU as it was typed in; `field` is named as in the API. */
export type GoodsProblem = { readonly field: string; readonly message: string };

/** What a product says of itself, as typed in. */
export type ProductText = { readonly name: string; readonly brand: string | null; readonly description: string };

/** What is wrong with a product's texts, or null. */
export function productProblem({ name, brand, description }: ProductText): GoodsProblem | null {
  if (!isName(name)) return { field: 'name', message: `A name is a line of 1 to ${NAME_MAX} characters.` };
  if (brand !== null && !isName(brand)) return { field: 'brand', message: `A brand is a line of 1 to ${NAME_MAX} characters.` };
  const isText = description.length <= DESCRIPTION_MAX && !description.includes('\0');
  return isText ? null : { field: 'description', message: `A description has at most ${DESCRIPTION_MAX} characters.` };
}

/** A SKU as typed in; `basePrice` is a decimal text. */
export type SkuText = SkuQuantities & {
  readonly code: string;
  readonly name: string;
  readonly scene: string;
  readonly faceValue: string | null;
  readonly basePrice: string;
};

/** What is wrong with a SKU's texts, price and quantities, or null. */
export function skuProblem(sku: SkuText): GoodsProblem | null {
  if (!SKU_CODE.test(sku.code)) return { field: 'code', message: 'A code is 1 to 64 letters, digits, dots, hyphens and underscores.' };
  if (!isName(sku.name)) return { field: 'name', message: `A name is a line of 1 to ${NAME_MAX} characters.` };
  if (sku.scene !== '' && !isName(sku.scene)) return { field: 'scene', message: `A scene is a line of at most ${NAME_MAX} characters.` };
  if (sku.faceValue !== null && !isName(sku.faceValue))
    return { field: 'faceValue', message: `A face value is a line of 1 to ${NAME_MAX} characters.` };
  if (!PRICE.test(sku.basePrice) || decimal4(sku.basePrice) <= 0n)
    return { field: 'basePrice', message: 'A price is above zero with at most four decimals, such as 47.50.' };
  if (!UNIT_SIZES.includes(sku.unitSize)) return { field: 'unitSize', message: `A unit size is one of ${UNIT_SIZES.join(', ')}.` };
  for (const field of ['minQuantity', 'maxQuantity', 'quantityStep'] as const) {
    if (!Number.isSafeInteger(sku[field]) || sku[field] < 1 || sku[field] > QUANTITY_MAX)
      return { field, message: 'A quantity is a whole number above zero.' };
  }
  return sku.maxQuantity >= sku.minQuantity ? null : { field: 'maxQuantity', message: 'The maximum is less than the minimum.' };
}

/** Levels of categories, from the top. */
export const CATEGORY_DEPTH_MAX = 3;

/** Whether a text can be a name: one line, not empty, no blanks around it. */
export function isName(text: string): boolean {
  return text !== '' && text.trim() === text && text.length <= NAME_MAX && !/\p{Cc}/u.test(text);
}
