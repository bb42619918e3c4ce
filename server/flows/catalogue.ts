import type { Viewer } from '#server/accounts/rules.ts';
import { type SeenSku, type Sights, seenSku, sightsOf, visibleSkus } from '#server/catalog/reads.ts';
import { type Offer, offerOf } from '#server/catalog/rules.ts';
import {
  type CatalogueCut,
  countCatalogue,
  type SkuFacts,
  STOCK_COUNT_MAX,
  selectCatalogue,
  selectSkuFacts,
  selectSkuFactsSeenBy,
} from '#server/catalog/sql.ts';
import { type LineStation, loadLine, loadLines } from '#server/network/sql.ts';
import type { Database, Queryable } from '#server/platform/database.ts';
import type { Money } from '#server/platform/money.ts';
import { containing, type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import { together } from '#server/platform/together.ts';
import { type RuleBook, ruleBook } from '#server/pricing/rules.ts';
import { hopsOf, loadRules } from '#server/pricing/sql.ts';
import { type Candidates, loadSupply, withSupply } from './sku-supply.ts';

/** How a catalogue is filtered: a category with all below it; a part of a name, brand or code; only what can be bought now. */
export type CatalogueFilter = {
  readonly categoryId?: string | null;
  readonly search?: string | null;
  readonly sellableOnly?: boolean | null;
};

/** A SKU as the acting station may buy it. `nextUnitCost`: what its next key (else its cheapest offer) costs, for the owner alone, else null. */
export type CatalogueEntry = { readonly id: string; readonly sku: SeenSku; readonly offer: Offer; readonly nextUnitCost: Money | null };

/** Rows read at a time while looking for those that can be bought. */
const LOOK_AHEAD = 50;
const LOOK_AHEAD_MAX = 500;

/**
 * A page of the catalogue as the acting station may buy it: own prices, stock, why not. Three statements, whatever the depth of
 * the station and the size of the page: its line, the page of SKUs with stock, next cost and band, and every rule of the line
 * that may price them, with the offers of what is bought when it is ordered. Nothing is cached, so a change of rule, band, cost or parent shows at once. With `sellableOnly` the
 * database leaves out what has no stock, and pages on while prices rule out more.
 */
export async function cataloguePage(
  db: Database,
  viewer: Viewer,
  filter: CatalogueFilter,
  page: PageRequest,
): Promise<Page<CatalogueEntry>> {
  const scope = visibleSkus(viewer);
  if (scope === null) return { rows: [], hasMore: false };
  const at = { ...scope, now: db.clock() };
  const asked = lineOf(db, scope);
  // awaited together with the first page; until then nobody else hears of it failing
  asked.catch(() => undefined);
  const read = async (from: string | null, limit: number) => {
    const cut = { ...cutOf(filter), direction: page.direction, from, limit };
    const [line, facts] = await Promise.all([asked, selectCatalogue(db.pool, at, cut)]);
    return entriesOf(db, scope, line, facts);
  };
  const rows = filter.sellableOnly
    ? await readUntilFull(page, read, ({ offer }) => offer.notSellable === null)
    : await read(page.from, page.count + 1);
  return pageOf(page, rows);
}

/** How many SKUs the page's list has. With `sellableOnly` each of them has to be priced. */
export async function catalogueCount(db: Database, viewer: Viewer, filter: CatalogueFilter): Promise<number> {
  const scope = visibleSkus(viewer);
  if (scope === null) return 0;
  if (!filter.sellableOnly) return countCatalogue(db.pool, { ...scope, now: db.clock() }, cutOf(filter));
  const all = await cataloguePage(db, viewer, filter, { count: Number.MAX_SAFE_INTEGER, direction: 'FORWARD', from: null });
  return all.rows.length;
}

/** Of these SKUs, those that the acting station may see, as it may buy them; by id. Three statements for any number. */
export async function catalogueEntries(db: Database, viewer: Viewer, skuIds: readonly string[]): Promise<Map<string, CatalogueEntry>> {
  const scope = visibleSkus(viewer);
  if (scope === null || skuIds.length === 0) return new Map();
  const [line, facts] = await Promise.all([lineOf(db, scope), selectSkuFacts(db.pool, { ...scope, now: db.clock() }, skuIds)]);
  const entries = await entriesOf(db, scope, line, facts);
  return new Map(entries.map((entry) => [entry.id, entry]));
}

/** `catalogueEntries` for many stations of a network: the same statements, however many stations there are. */
export async function catalogueEntriesSeenBy(
  db: Database,
  networkId: string,
  stationIds: readonly string[],
  skuIds: readonly string[],
): Promise<Sights<CatalogueEntry>> {
  const [lines, found] = await Promise.all([
    loadLines(db.pool, networkId, stationIds),
    selectSkuFactsSeenBy(db.pool, { networkId, stationIds, now: db.clock() }, skuIds),
  ]);
  const { rules, supply } = await pricedBy(
    db,
    networkId,
    [...lines.values()],
    found.map(({ record }) => record),
  );
  const rows = found.map(({ record, seenBy }) => ({ record: { id: record.sku.id, facts: withSupply(record, supply) }, seenBy }));
  return sightsOf(stationIds, rows, (stationId, { facts }) => entryOf(stationId, lines.get(stationId) ?? [], rules, facts));
}

/** The line from HQ down to a station; throws when it is not there, since a viewer's station is. */
export async function lineOf(db: Database, station: { networkId: string; stationId: string }): Promise<LineStation[]> {
  const line = await loadLine(db.pool, station.networkId, station.stationId);
  if (line.length === 0) throw new Error(`no station ${station.stationId}`);
  return line;
}

/** What of the facts a reader's filter asks for. */
export function cutOf(filter: CatalogueFilter): Pick<CatalogueCut, 'categoryId' | 'pattern' | 'onlyStocked'> {
  return {
    categoryId: filter.categoryId ?? null,
    pattern: filter.search ? containing(filter.search) : null,
    onlyStocked: filter.sellableOnly ?? false,
  };
}

async function entriesOf(
  db: Database,
  scope: { networkId: string; stationId: string },
  line: readonly LineStation[],
  facts: readonly SkuFacts[],
): Promise<CatalogueEntry[]> {
  if (facts.length === 0) return [];
  const { rules, supply } = await pricedBy(db, scope.networkId, [line], facts);
  return facts.map((each) => entryOf(scope.stationId, line, rules, withSupply(each, supply)));
}

/** Every rule of these lines that may price the goods, and the offers of what is bought when it is ordered. */
async function pricedBy(
  db: Database,
  networkId: string,
  lines: readonly (readonly LineStation[])[],
  facts: readonly SkuFacts[],
): Promise<{ readonly rules: RuleBook; readonly supply: Candidates }> {
  const skus = facts.map(({ sku }) => sku);
  const [rules, supply] = await together(db.pool, (gathering: Queryable) =>
    Promise.all([
      loadRules(gathering, networkId, hopsOf(lines), skus),
      // only where something of them is bought when it is ordered
      loadSupply(gathering, networkId, db.clock(), facts),
    ]),
  );
  return { rules: ruleBook(rules), supply };
}

function entryOf(stationId: string, line: readonly LineStation[], rules: RuleBook, facts: SkuFacts): CatalogueEntry {
  return {
    id: facts.sku.id,
    sku: seenSku(stationId, facts.sku),
    offer: offerOf({ ...facts, line, rules, stockMax: STOCK_COUNT_MAX }),
    nextUnitCost: facts.sku.ownerId === stationId ? facts.nextUnitCost : null,
  };
}

/**
 * Reads on until a page (and the one row that tells of more) is full of rows that are wanted, or the list ends. A page is never
 * short while there is more: its last row is the next page's cursor.
 */
export async function readUntilFull<Row extends { readonly id: string }>(
  { count, from }: PageRequest,
  read: (from: string | null, limit: number) => Promise<Row[]>,
  isWanted: (row: Row) => boolean,
): Promise<Row[]> {
  const found: Row[] = [];
  const limit = Math.min(Math.max(count + 1, LOOK_AHEAD), LOOK_AHEAD_MAX);
  for (let place = from; ; ) {
    const rows = await read(place, limit);
    found.push(...rows.filter(isWanted));
    place = rows.at(-1)?.id ?? null;
    if (found.length > count || rows.length < limit) return found;
  }
}
