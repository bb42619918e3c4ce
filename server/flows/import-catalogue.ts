import { writeAudit } from '#server/accounts/commands.ts';
import { actorId } from '#server/accounts/rules.ts';
import { type CataloguePlan, type CatalogueProblem, planCatalogue } from '#server/catalog/rules.ts';
import { insertCategories, insertProducts, insertSkus, lockCatalogue, updateProducts, updateSkus } from '#server/catalog/sql.ts';
import { writeVersions } from '#server/listings/sql.ts';
import type { InvalidInput } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import type { CurrencyCode } from '#server/platform/money.ts';
import { readCatalogueFile } from './catalogue-file.ts';
import { BY_COMMAND, type OperatorOf, operatorOf } from './operator.ts';
import { EVERYTHING, priceChanged, REACH_SKUS_MAX } from './price-reach.ts';

/** A file of headquarters' catalogue; `network` is a name or an id. `dryRun` looks and writes nothing. */
export type ImportCatalogueInput = { readonly network: string; readonly file: Uint8Array; readonly dryRun: boolean };

/** How many rows a file made, changed and left as they were. */
export type CatalogueCounts = { readonly created: number; readonly updated: number; readonly unchanged: number };

/** What became of a file (DRY_RUN: what would become of it). `repriced`: the updated SKUs whose base price is another. */
export type CatalogueImported = {
  readonly kind: 'CATALOGUE_IMPORTED' | 'DRY_RUN';
  readonly categories: CatalogueCounts;
  readonly products: CatalogueCounts;
  readonly skus: CatalogueCounts;
  readonly repriced: number;
};

/** Or why nothing was imported: BAD_LINES names all that is wrong, in order of lines. */
export type ImportCatalogueOutcome =
  | CatalogueImported
  | { readonly kind: 'BAD_LINES'; readonly problems: readonly CatalogueProblem[] }
  | InvalidInput;

/**
 * Takes a CSV of categories, products and SKUs into the catalogue of headquarters, all of it or nothing (domain §3). SKUs are known by
 * their code: new ones are made and are for sale at once, known ones receive their new base price, name and quantities; nothing is
 * deleted. Prices are never stored, so the next quote and order are at the new price; 'price.changed' tells of each. Refuses
 * INVALID_INPUT: no such network, a file that cannot be read.
 */
export async function importCatalogue(db: Database, input: ImportCatalogueInput): Promise<ImportCatalogueOutcome> {
  const operator = await operatorOf(db, input.network);
  if (operator.kind !== 'OPERATOR') return operator;
  const { currency } = await selectNetwork(db.pool, operator.viewer.networkId);
  const file = readCatalogueFile(input.file, currency);
  if (file.kind === 'UNREADABLE') return { kind: 'INVALID_INPUT', field: 'file', message: file.message };
  const { lines } = file;
  const owner = { networkId: operator.viewer.networkId, ownerId: operator.headquartersId };
  const named = { products: [...new Set(lines.map(({ product }) => product))], codes: lines.map(({ code }) => code) };
  return inTransaction(db, async (tx): Promise<ImportCatalogueOutcome> => {
    const { plan, problems } = planCatalogue(lines, await lockCatalogue(tx, owner, named), tx.newId);
    if (file.problems.length > 0 || problems.length > 0)
      return { kind: 'BAD_LINES', problems: [...file.problems, ...problems].sort((a, b) => a.line - b.line) };
    if (!input.dryRun) await write(tx, operator, plan, currency);
    return { kind: input.dryRun ? 'DRY_RUN' : 'CATALOGUE_IMPORTED', ...summaryOf(plan) };
  });
}

/** Writes a plan: at most eleven statements, whatever the file's length. */
async function write(tx: Transaction, { viewer, headquartersId }: OperatorOf, plan: CataloguePlan, currency: CurrencyCode): Promise<void> {
  const { networkId } = viewer;
  const owner = { networkId, ownerId: headquartersId };
  const { categories, products, skus, repriced } = plan;
  const rows = [categories.created, products.created, products.changed, skus.created, skus.changed];
  if (rows.every(({ length }) => length === 0)) return;
  const events = priceEvents({ networkId, headquartersId }, [...skus.changed, ...skus.created]);
  const changedIds = skus.changed.map(({ id }) => id);
  const author = { actorId: actorId(viewer), reason: 'catalogue file' };
  await writeVersions(tx, networkId, changedIds, { ...author, onlyFirst: true });
  // sent in this order: a category before its products, a product before its SKUs
  await Promise.all([
    insertCategories(tx, owner, categories.created),
    insertProducts(tx, owner, products.created),
    updateProducts(tx, networkId, products.changed),
    insertSkus(tx, { ...owner, currency }, skus.created),
    updateSkus(tx, networkId, skus.changed),
    writeAudit(tx, viewer, {
      action: 'catalogue.imported',
      subjectId: headquartersId,
      data: { ...BY_COMMAND, ...summaryOf(plan), repricedSkuIds: repriced.map(({ id }) => id) },
    }),
    writeEvents(tx, events),
  ]);
  // orders pin what they bought: a listing that says or costs something else is another version of it (domain §6)
  await writeVersions(tx, networkId, changedIds, { ...author, onlyFirst: false });
}

/** What is new or another than before is told by the list, not SKU by SKU. */
function priceEvents(
  { networkId, headquartersId }: { networkId: string; headquartersId: string },
  skus: CataloguePlan['repriced'],
): NewEvent[] {
  return Array.from({ length: Math.ceil(skus.length / REACH_SKUS_MAX) }, (_, index) => {
    const ids = skus.slice(index * REACH_SKUS_MAX, (index + 1) * REACH_SKUS_MAX).map(({ id }) => id);
    const reach = { topId: headquartersId, withTop: false, goods: { ...EVERYTHING, skuIds: ids } };
    return priceChanged(networkId, ids[0] ?? headquartersId, [headquartersId], reach);
  });
}

function summaryOf({ categories, products, skus, repriced }: CataloguePlan): Omit<CatalogueImported, 'kind'> {
  const countsOf = ({ created, changed, unchangedCount }: CataloguePlan['products'] | CataloguePlan['skus']) => ({
    created: created.length,
    updated: changed.length,
    unchanged: unchangedCount,
  });
  return {
    categories: { created: categories.created.length, updated: 0, unchanged: categories.unchangedCount },
    products: countsOf(products),
    skus: countsOf(skus),
    repriced: repriced.length,
  };
}
