import { writeAudit } from '#server/accounts/commands.ts';
import { actorId, type Viewer } from '#server/accounts/rules.ts';
import { skusByIds } from '#server/catalog/reads.ts';
import { type CataloguePlan, type PlannedSku, planCatalogue, type StoredCatalogue } from '#server/catalog/rules.ts';
import { insertCategories, insertDrafts, insertProducts, lockCatalogue } from '#server/catalog/sql.ts';
import { importItemsByIds } from '#server/imports/reads.ts';
import {
  type ImportItem,
  type ImportMapping,
  importJudge,
  linesOfImport,
  MAPPING_MAX,
  mappingProblem,
  mergeMapping,
  NO_MAPPING,
} from '#server/imports/rules.ts';
import {
  type AppliedItem,
  applyImportItems,
  type ImportItemRow,
  insertImport,
  lockImport,
  lockImportAccount,
  lockImportItems,
  selectImportFacts,
  selectNewestImport,
  type UpstreamImportRow,
} from '#server/imports/sql.ts';
import { inputFieldsOf } from '#server/listings/rules.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { rateOf } from '#server/offers/rules.ts';
import { insertOfferCosts, insertOffers, type OfferListTerms, updateOfferCosts } from '#server/offers/sql.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import { type CurrencyCode, currencyCode, decimal4, type Money, money, toUnitPriceString } from '#server/platform/money.ts';
import { refreshSuppliers } from './licences.ts';
import { noteListingChange } from './listing-versions.ts';

/** What a preview is asked with. Percent and rate are decimal texts; `rate` is the network's money for one unit of the account's. */
export type PreviewInput = {
  readonly accountId: string;
  readonly markupPercent: string;
  /** null where both count in the same money */
  readonly rate: string | null;
  readonly rateSource: string;
  /** said now; what was said with the account's earlier previews goes on holding */
  readonly categories: ImportMapping['categories'];
  /** items of its newest preview, each with the acting station's own SKU that it is; null: a new one */
  readonly skus: readonly (readonly [itemId: string, skuId: string | null])[];
};

/** A preview waits to be listed, or why there is none. */
export type PreviewOutcome = { readonly kind: 'PREVIEW_ASKED'; readonly importId: string } | NotFound | NotAllowed | InvalidInput;

const MARKUP_MAX = 10_000n * 10_000n;
const SOURCE_LENGTH_MAX = 100;

/**
 * Asks what importing an upstream's catalogue would do (decision 0027). The upstream is asked by a worker: it may take longer than a
 * request lasts. Refuses NOT_FOUND (no such account of the acting station), NOT_ALLOWED (nobody to ask, switched off, being listed
 * already), INVALID_INPUT (markupPercent, rate, rateSource, categories, skus).
 */
export async function previewUpstreamImport(db: Database, viewer: Viewer, input: PreviewInput): Promise<PreviewOutcome> {
  const owner = ownerOf(viewer);
  if (owner === null || !isId(input.accountId)) return { kind: 'NOT_FOUND' };
  const [{ currency }, skus] = await Promise.all([selectNetwork(db.pool, owner.networkId), mappedSkus(db, viewer, owner, input.skus)]);
  if (skus === null) return invalid('skus', 'Items of a preview that is there are mapped to SKUs of your own.');
  return inTransaction(db, async (tx): Promise<PreviewOutcome> => {
    const account = await lockImportAccount(tx, owner, input.accountId);
    if (!account) return { kind: 'NOT_FOUND' };
    if (account.kind === 'MANUAL') return notAllowed('A person delivers: there is no catalogue to ask for.');
    if (!account.is_enabled) return notAllowed('The account is switched off.');
    if (account.pending) return notAllowed('The upstream is being asked already.');
    const mapping = mergeMapping({ ...NO_MAPPING, ...account.mapping }, { categories: input.categories, skus });
    const problem = termsProblem(input, account.currency === currency) ?? unmapped(mappingProblem(mapping));
    if (problem) return problem;
    const importId = tx.newId();
    const rate = input.rate ?? '1';
    const source = input.rate === null ? { rateSource: '', rateAt: null } : { rateSource: input.rateSource, rateAt: tx.now };
    const { accountId, markupPercent } = input;
    await insertImport(tx, owner, {
      id: importId,
      accountId,
      number: account.number,
      markupPercent,
      currency,
      rate,
      ...source,
      mapping,
      createdBy: actorId(viewer),
    });
    await writeAudit(tx, viewer, { action: 'upstream_import.asked', subjectId: importId, data: { accountId, markupPercent, rate } });
    return { kind: 'PREVIEW_ASKED', importId };
  });
}

function unmapped(problem: string | null): InvalidInput | null {
  return problem === null ? null : invalid('categories', problem);
}

/** The goods of items with the SKUs that they are; null when an item or a SKU is not the viewer's own. */
async function mappedSkus(db: Database, viewer: Viewer, owner: Owner, said: PreviewInput['skus']): Promise<ImportMapping['skus'] | null> {
  if (said.length === 0) return [];
  const ids = said.flatMap(([, skuId]) => skuId ?? []);
  if (said.length > MAPPING_MAX || ![...ids, ...said.map(([itemId]) => itemId)].every(isId)) return null;
  const [items, skus] = await Promise.all([
    importItemsByIds(
      db.pool,
      viewer,
      said.map(([itemId]) => itemId),
    ),
    skusByIds(db.pool, viewer, ids),
  ]);
  const mapped: [Record<string, string>, string | null][] = [];
  for (const [itemId, skuId] of said) {
    const item = items.get(itemId);
    if (!item || (skuId !== null && skus.get(skuId)?.ownerId !== owner.ownerId)) return null;
    mapped.push([item.goods, skuId]);
  }
  return mapped;
}

function termsProblem({ markupPercent, rate, rateSource }: PreviewInput, isSameMoney: boolean): InvalidInput | null {
  const percent = decimal4(markupPercent);
  if (percent < 0n || percent > MARKUP_MAX) return invalid('markupPercent', 'A markup is between 0 and 10000 percent.');
  if (isSameMoney) return rate === null ? null : invalid('rate', 'The account counts in the network’s own money: leave the rate out.');
  if (rate === null || rateOf(rate) === null)
    return invalid('rate', 'The account counts in other money: say what one unit of it is worth, above zero, with at most eight decimals.');
  const isSource = rateSource.trim() !== '' && rateSource.length <= SOURCE_LENGTH_MAX && !/\p{Cc}/u.test(rateSource);
  return isSource ? null : invalid('rateSource', `Say where the rate comes from, in at most ${SOURCE_LENGTH_MAX} characters.`);
}

/** What is to be applied. `itemIds` null: everything that the preview would do. `terms`: on what terms the supplier delivers (§5). */
export type ApplyInput = {
  readonly importId: string;
  readonly itemIds: readonly string[] | null;
  readonly terms: 'CONSIGNMENT' | 'OWN';
};

/** What was done: items applied now, before, and those that no longer mean what was previewed (their `problem` says so). */
export type ImportApplied = {
  readonly kind: 'IMPORT_APPLIED';
  readonly importId: string;
  readonly applied: number;
  readonly appliedBefore: number;
  readonly changedSince: number;
};

/** Or why nothing was: STALE_VERSION names the newest preview of the account. */
export type ApplyOutcome = ImportApplied | NotFound | NotAllowed | { readonly kind: 'STALE_VERSION'; readonly newestId: string };

/**
 * Applies a preview exactly as it was seen: SKUs (drafts), products and categories that miss, offers, costs. One transaction of some
 * twenty statements, however many items. An item is applied once; one whose SKU, offer or cost has been changed since is left, and says so.
 * Refuses NOT_FOUND, NOT_ALLOWED (not listed yet, or never will be), STALE_VERSION (the account has a newer preview).
 */
export async function applyUpstreamImport(db: Database, viewer: Viewer, input: ApplyInput): Promise<ApplyOutcome> {
  const owner = ownerOf(viewer);
  if (owner === null || !isId(input.importId)) return { kind: 'NOT_FOUND' };
  return inTransaction(db, async (tx): Promise<ApplyOutcome> => {
    const job = await lockImport(tx, owner, input.importId);
    if (!job) return { kind: 'NOT_FOUND' };
    if (!job.newest) return { kind: 'STALE_VERSION', newestId: (await selectNewestImport(tx, owner, job.account_id)) ?? job.id };
    if (job.state !== 'READY') return notAllowed('There is no preview to apply: the upstream was not listed.');
    const rows = await lockImportItems(tx, owner, job.id, input.itemIds?.filter(isId) ?? null);
    const open = rows.filter(({ applied_at }) => applied_at === null);
    const done = await applyItems(tx, viewer, { owner, job, terms: input.terms }, open);
    const applied = done.filter(({ problem }) => problem === null).length;
    const counts = { applied, appliedBefore: rows.length - open.length, changedSince: done.length - applied };
    return { kind: 'IMPORT_APPLIED', importId: job.id, ...counts };
  });
}

type Owner = { readonly networkId: string; readonly ownerId: string };
type Applying = { readonly owner: Owner; readonly job: UpstreamImportRow; readonly terms: 'CONSIGNMENT' | 'OWN' };

/** What one item does: an item as it was previewed, with the SKU and the offer that it ends with. */
type Deed = {
  readonly id: string;
  readonly item: ImportItem;
  readonly skuId: string;
  readonly offerId: string;
  readonly draft: PlannedSku | null;
};

async function applyItems(tx: Transaction, viewer: Viewer, applying: Applying, rows: readonly ImportItemRow[]): Promise<AppliedItem[]> {
  const { owner, job } = applying;
  if (rows.length === 0) return [];
  const items = rows.map((row) => itemOf(row));
  const named = {
    products: [...new Set(items.map(({ productName }) => productName))],
    codes: items.map(({ code }) => code),
    ids: items.flatMap(({ skuId }) => skuId ?? []),
  };
  // locked first: what is looked at then does not change any more
  const stored = await lockCatalogue(tx, owner, named);
  const facts = await selectImportFacts(tx, { ...owner, accountId: job.account_id }, named);
  const holds = importJudge(facts);
  const { plan, deeds } = planDeeds(tx, items, rows, holds, stored);
  await write(tx, viewer, applying, plan, deeds);
  const byId = new Map(deeds.map((deed) => [deed.id, deed]));
  const outcomes = rows.map(({ id }): AppliedItem => {
    const deed = byId.get(id);
    return deed
      ? { id, problem: null, skuId: deed.skuId, offerId: deed.offerId }
      : { id, problem: 'CHANGED_SINCE', skuId: null, offerId: null };
  });
  await applyImportItems(tx, owner.networkId, outcomes);
  return outcomes;
}

function planDeeds(
  tx: Transaction,
  items: readonly ImportItem[],
  rows: readonly ImportItemRow[],
  holds: (item: ImportItem) => boolean,
  stored: StoredCatalogue,
): { readonly plan: CataloguePlan; readonly deeds: Deed[] } {
  const lines = linesOfImport(items.map((item) => (holds(item) ? item : { ...item, change: 'SKIPPED' })));
  const { plan, problems } = planCatalogue(lines, stored, tx.newId);
  if (problems.length > 0) throw new Error(`an import contradicts itself: ${problems[0]?.message}`);
  const drafts = new Map(plan.skus.created.map((draft) => [draft.code, draft]));
  const deeds = items.flatMap((item, index): Deed[] => {
    if (!holds(item)) return [];
    const draft = item.change === 'NEW' ? (drafts.get(item.code) ?? null) : null;
    const skuId = draft?.id ?? item.skuId;
    if (skuId === null) throw new Error(`an item of an import without a SKU: ${item.code}`);
    return [{ id: rows[index]?.id ?? '', item, skuId, offerId: item.offerId ?? tx.newId(), draft }];
  });
  return { plan, deeds };
}

async function write(
  tx: Transaction,
  viewer: Viewer,
  { owner, job, terms }: Applying,
  plan: CataloguePlan,
  deeds: readonly Deed[],
): Promise<void> {
  if (deeds.length === 0) return;
  const { networkId, ownerId } = owner;
  const currency = currencyCode(job.currency);
  const list = offerTerms({ owner, job, terms }, actorId(viewer));
  const made = deeds.filter(({ item }) => item.change !== 'COST_CHANGED');
  const repriced = deeds.filter(({ item }) => item.change === 'COST_CHANGED');
  const drafts = deeds.flatMap(({ draft, item }) =>
    draft ? [{ ...draft, goodsKind: item.goodsKind, inputFields: item.inputFields }] : [],
  );
  const reason = `import ${job.number} of ${job.account_name}`;
  // sent in this order: a category before its products, a product before its SKUs, a SKU before its offers
  await Promise.all([
    insertCategories(tx, owner, plan.categories.created),
    insertProducts(tx, owner, plan.products.created),
    insertDrafts(tx, { ...owner, currency }, drafts),
    insertOffers(tx, list, made.map(newOffer)),
    updateOfferCosts(tx, list, repriced.map(newCost)),
    insertOfferCosts(tx, list, { offerIds: deeds.map(({ offerId }) => offerId), reason }),
    writeAudit(tx, viewer, {
      action: 'upstream_import.applied',
      subjectId: job.id,
      data: { accountId: job.account_id, made: drafts.length, offers: made.length, costs: repriced.length },
    }),
    writeEvents(
      tx,
      deeds.map(({ offerId, skuId }) => ({
        networkId,
        topic: 'offer.changed',
        subjectId: offerId,
        audience: [ownerId, job.supplier_id],
        data: { skuId },
      })),
    ),
  ]);
  // drafts have no versions yet; what is listed has another cost or supplier now
  await noteListingChange(
    tx,
    networkId,
    deeds.map(({ skuId }) => skuId),
    { actorId: actorId(viewer), reason },
  );
  await refreshSuppliers(tx, networkId, [job.supplier_id]);
}

function offerTerms({ owner, job, terms }: Applying, actor: string): OfferListTerms {
  return {
    ...owner,
    supplierId: job.supplier_id,
    accountId: job.account_id,
    terms,
    upstreamCurrency: job.account_currency,
    rate: job.rate,
    rateSource: job.rate_source,
    rateAt: job.rate_at,
    statedAt: job.listed_at,
    actorId: actor,
  };
}

function newOffer({ item, skuId, offerId }: Deed) {
  const { goods, minQuantity, maxQuantity } = item;
  return { ...newCost({ item, offerId }), skuId, goods, minQuantity, maxQuantity };
}

function newCost({ item, offerId }: Pick<Deed, 'item' | 'offerId'>) {
  if (item.unitCost === null || item.upstreamUnitCost === null) throw new Error('an item that is applied has a cost');
  const { upstreamUnitCost, stockCount } = item;
  return { id: offerId, upstreamUnitCost, unitCost: toUnitPriceString(item.unitCost), stockCount };
}

/** An item as it was previewed. */
function itemOf(row: ImportItemRow): ImportItem {
  const currency: CurrencyCode = currencyCode(row.currency);
  const amount = (text: string | null): Money | null => (text === null ? null : money(text, currency));
  return {
    change: row.change,
    reason: row.reason,
    code: row.code,
    categories: row.category_names,
    productName: row.product_name,
    skuName: row.sku_name,
    goods: row.goods,
    goodsKind: row.goods_kind,
    inputFields: inputFieldsOf(row.input_fields),
    minQuantity: row.min_quantity,
    maxQuantity: row.max_quantity,
    stockCount: row.stock_count,
    upstreamUnitCost: row.upstream_unit_cost,
    unitCost: amount(row.unit_cost),
    oldUnitCost: amount(row.old_unit_cost),
    basePrice: amount(row.base_price),
    skuId: row.sku_id,
    offerId: row.offer_id,
  };
}

/** The acting station: an upstream's account, and what is imported from it, are its own. */
function ownerOf({ networkId, party }: Viewer): Owner | null {
  return party.kind === 'STATION' ? { networkId, ownerId: party.stationId } : null;
}

function notAllowed(message: string): NotAllowed {
  return { kind: 'NOT_ALLOWED', message };
}

function invalid(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message };
}
