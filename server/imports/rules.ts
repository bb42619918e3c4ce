import { createHash } from 'node:crypto';
import { CATEGORY_DEPTH_MAX, type CatalogueLine, isName, keyOf, NAME_MAX, QUANTITY_MAX } from '#server/catalog/rules.ts';
import type { UpstreamGoods } from '#server/connectors/connector.ts';
import { type InputField, inputFieldOf, inputFieldsProblem } from '#server/listings/rules.ts';
import { type ReadCost, readUnitCost } from '#server/offers/rules.ts';
import { type CurrencyCode, compareMoney, decimal4, type Money, scaleMoney } from '#server/platform/money.ts';

// What importing an upstream's catalogue does, previewed item by item and applied as it was previewed (decision 0027). Pure.

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

/**
 * What was said before with what is said now. A path is the shelf as a preview shows it: goods that were put there go on with it to the new
 * one, or, where it leads nowhere, back to the upstream's own. Where nothing was put on it, it is the upstream's own name of a shelf.
 */
export function mergeMapping(before: ImportMapping, now: ImportMapping): ImportMapping {
  const skus = new Map([...before.skus, ...now.skus].map((entry) => [goodsKey(entry[0]), entry]));
  return { categories: mergeShelves(before.categories, now.categories), skus: [...skus.values()] };
}

type Shelves = ImportMapping['categories'];

function mergeShelves(before: Shelves, now: Shelves): Shelves {
  const shown = new Set(before.map(([, to]) => keyOf(to)));
  const said = new Map(now.map((entry) => [keyOf(entry[0]), entry]));
  const moved = before.map(([from, to]) => [from, said.get(keyOf(to))?.[1] ?? to] as const);
  // goods of a shelf that was mapped away are not shown on it: there, only what was put on it is meant
  const mapped = new Set(before.map(([from]) => keyOf(from)));
  const named = [...said.values()].filter(([from]) => !(shown.has(keyOf(from)) && mapped.has(keyOf(from))));
  const merged = new Map([...moved, ...named].map((entry) => [keyOf(entry[0]), entry]));
  return [...merged.values()].filter(([from, to]) => to.length > 0 && keyOf(from) !== keyOf(to));
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
 * Decides for each of an upstream's goods what importing it would do; nothing of what it told is believed yet. They are known by the account's offer for them, else by the code that an
 * earlier import gave, else by what a person said, else by product and SKU name where those are told once and are one SKU's. A cost is × rate; a new SKU's base
 * price is cost × (1 + markup), rounded once (§3).
 */
export function planUpstreamImport(told: readonly UpstreamGoods[], facts: ImportFacts, terms: ImportTerms): ImportItem[] {
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

function readable(goods: UpstreamGoods): UpstreamGoods {
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

function matcher(
  listed: readonly UpstreamGoods[],
  facts: ImportFacts,
  { accountId, mapping }: ImportTerms,
): (goods: UpstreamGoods) => Match {
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

function importItem(listed: UpstreamGoods, twice: SkipReason | null, { offer, sku }: Match, terms: ImportTerms): ImportItem {
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
