import { type CurrencyCode, compareMoney, decimal4, type Money, money, moneyOf, subtractMoney } from '#server/platform/money.ts';
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
// ---- goods one at a time ----

/** Characters of a name at most. */
export const NAME_MAX = 200;
/** Characters of a description at most. */
export const DESCRIPTION_MAX = 5_000;
/** What a SKU's code looks like. */
export const SKU_CODE = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u;
const PRICE = /^\d{1,14}(\.\d{1,4})?$/;
/** How many units a price may be for. */
export const UNIT_SIZES: readonly number[] = [1, 100, 1000];
/** The largest quantity, in units, that the tables hold. */
export const QUANTITY_MAX = 2_147_483_647;

/** What a SKU is sold in. `unitSize` units have the price; quantities count units. */
export type SkuQuantities = {
  readonly unitSize: number;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly quantityStep: number;
};

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

/** A price as it is typed in: a decimal text above zero, with at most four decimals. Null when it is none. */
export function readPrice(text: string, currency: CurrencyCode): Money | null {
  const price = PRICE.test(text) ? money(text, currency) : null;
  return price !== null && price.tenThousandths > 0n ? price : null;
}

/** Levels of categories, from the top. */
export const CATEGORY_DEPTH_MAX = 3;

/** Whether a text can be a name: one line, not empty, no blanks around it. */
export function isName(text: string): boolean {
  return text !== '' && text.trim() === text && text.length <= NAME_MAX && !/\p{Cc}/u.test(text);
}

// ---- a list of goods ----

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

/** One text for the same names in the same order. */
export function keyOf(names: readonly string[]): string {
  return JSON.stringify(names);
}
