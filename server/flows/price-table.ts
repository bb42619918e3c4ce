import type { Viewer } from '#server/accounts/rules.ts';
import { type SeenSku, seenSku, visibleSkus } from '#server/catalog/reads.ts';
import { ANY_CHILD, type PriceTableEntry, priceTableEntryOf } from '#server/catalog/rules.ts';
import { countCatalogue, type SkuFacts, STOCK_COUNT_MAX, selectCatalogue } from '#server/catalog/sql.ts';
import { levelsByIds, stationsByIds } from '#server/network/reads.ts';
import type { LineStation } from '#server/network/sql.ts';
import type { Database, Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import { together } from '#server/platform/together.ts';
import { ruleBook } from '#server/pricing/rules.ts';
import { hopsOf, loadRules, type MarkupRuleRecord } from '#server/pricing/sql.ts';
import { type CatalogueFilter, cutOf, lineOf, readUntilFull } from './catalogue.ts';
import { loadSupply, withSupply } from './sku-supply.ts';

/** Whose prices: one direct child's, those of a level that the station gives, or (neither) those of a child without either. */
export type PriceTableTarget = { readonly childId?: string | null; readonly levelId?: string | null };

/** A row of the price table: what the station pays, what it asks, what it earns, and by which rule of its own. */
export type PriceTableRow = Omit<PriceTableEntry, 'rule'> & {
  readonly id: string;
  readonly sku: SeenSku;
  readonly rule: MarkupRuleRecord | null;
};

/**
 * A page of what the acting station asks its children for: cost → price → margin for every SKU of its catalogue, the goods of
 * its own included, each at its minimum quantity. Null when the child is not a direct child, or the level not one it gives.
 * `sellableOnly` leaves out what has no price for the target.
 */
export async function priceTablePage(
  db: Database,
  viewer: Viewer,
  asked: PriceTableTarget,
  filter: CatalogueFilter,
  page: PageRequest,
): Promise<Page<PriceTableRow> | null> {
  const scope = visibleSkus(viewer);
  const target = scope && (await targetOf(db, viewer, scope.stationId, asked));
  if (scope === null || target === null) return null;
  const line = await lineOf(db, scope);
  const hops = [
    ...hopsOf([line]),
    { sellerId: scope.stationId, childId: target.id === ANY_CHILD ? null : target.id, levelId: target.levelId },
  ];
  const read = async (from: string | null, limit: number) => {
    const cut = { ...cutOf(filter), onlyStocked: false, direction: page.direction, from, limit };
    const facts = await selectCatalogue(db.pool, { ...scope, now: db.clock() }, cut);
    const skus = facts.map(({ sku }) => sku);
    const [rules, supply] = await together(db.pool, (gathering: Queryable) =>
      Promise.all([loadRules(gathering, scope.networkId, hops, skus), loadSupply(gathering, scope.networkId, db.clock(), facts)]),
    );
    const supplied = facts.map((each) => withSupply(each, supply));
    return tableRows(supplied, { stationId: scope.stationId, line, target }, rules);
  };
  return pageOf(
    page,
    filter.sellableOnly ? await readUntilFull(page, read, ({ price }) => price !== null) : await read(page.from, page.count + 1),
  );
}

function tableRows(
  facts: readonly SkuFacts[],
  sale: { stationId: string; line: readonly LineStation[]; target: { id: string; levelId: string | null } },
  rules: readonly MarkupRuleRecord[],
): PriceTableRow[] {
  const book = ruleBook(rules);
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return facts.map((each) => {
    const entry = priceTableEntryOf({ ...each, line: sale.line, rules: book, stockMax: STOCK_COUNT_MAX, target: sale.target });
    return { ...entry, id: each.sku.id, sku: seenSku(sale.stationId, each.sku), rule: entry.rule && (byId.get(entry.rule.id) ?? null) };
  });
}

/** How many SKUs the price table has (with `sellableOnly` too: those without a price are counted). */
export async function priceTableCount(db: Database, viewer: Viewer, filter: CatalogueFilter): Promise<number> {
  const scope = visibleSkus(viewer);
  return scope === null ? 0 : countCatalogue(db.pool, { ...scope, now: db.clock() }, { ...cutOf(filter), onlyStocked: false });
}

async function targetOf(
  db: Database,
  viewer: Viewer,
  stationId: string,
  { childId, levelId }: PriceTableTarget,
): Promise<{ id: string; levelId: string | null } | null> {
  if (childId) {
    const child = (await stationsByIds(db.pool, viewer, [childId])).get(childId);
    return child?.parentId === stationId ? { id: child.id, levelId: child.levelId } : null;
  }
  if (!levelId) return { id: ANY_CHILD, levelId: null };
  const level = (await levelsByIds(db.pool, viewer, [levelId])).get(levelId);
  return level?.stationId === stationId ? { id: ANY_CHILD, levelId } : null;
}
