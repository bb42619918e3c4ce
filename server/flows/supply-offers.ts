import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import type { UpstreamResult } from '#server/connectors/connector.ts';
import { createOffer, type Edit, editOffer, type NotFound, type Stale } from '#server/offers/commands.ts';
import { offerScope } from '#server/offers/reads.ts';
import {
  type CostInput,
  type InvalidInput,
  isAskedMore,
  type OfferInput,
  offerProblem,
  type RoutingPolicy,
  routingPolicies,
  settleCost,
  unitCostOf,
} from '#server/offers/rules.ts';
import {
  type OfferRow,
  type OfferValues,
  type SealedAccountRow,
  selectOffersById,
  selectRoutedSkus,
  selectSealedAccount,
  updatePolicy,
} from '#server/offers/sql.ts';
import { selectTerms } from '#server/orders/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { inTransaction, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import { type CurrencyCode, currencyCode, money } from '#server/platform/money.ts';
import { refreshOffers } from '#server/suppliers/commands.ts';
import { noteListingChange } from './listing-versions.ts';
import { type NotAllowed, openedAccount, type SupplyGround, upstreamRefusal } from './supply-accounts.ts';

// Offers of suppliers (domain §3, §6). Whatever changes what a SKU costs or whether it can be had is told by `offer.changed`: guards,
// margins and alerts follow at once, prices never.

/** An offer that is about to be made: of the acting station's SKU, through one of its accounts. `stockCount`: of MANUAL ones alone. */
export type NewSupplyOffer = OfferInput & {
  readonly skuId: string;
  readonly accountId: string;
  readonly stockCount: number | null;
  readonly reason: string;
};

const REASON_MAX = 500;

type Refusal = InvalidInput | NotFound | NotAllowed;

/**
 * Makes a supply offer. While it is switched on its goods are tried at the upstream first: what it does not know is refused, what it
 * says of stock is noted, what it asks is the cost where none is given, and a cost below that is refused, since every purchase would be.
 */
export async function createSupplyOffer(
  ground: SupplyGround,
  viewer: Viewer,
  input: NewSupplyOffer,
): Promise<{ readonly kind: 'CREATED'; readonly offerId: string } | Refusal> {
  const { db } = ground;
  const { networkId } = viewer;
  const ownerId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  const place = await placeOf(ground, { networkId, ownerId }, input);
  if ('kind' in place) return place;
  const values = await valuesOf(ground, place, input, { isTried: input.isEnabled });
  if ('kind' in values) return values;
  const { account, currency, timeZone } = place;
  const offerId = db.newId();
  const offer = { networkId, ownerId, offerId, skuId: input.skuId, accountId: account.id, supplierId: account.supplier_id };
  await inTransaction(db, async (tx) => {
    const by = { actorId: actorId(viewer), reason: input.reason };
    await createOffer(tx, { ...offer, upstreamCurrency: account.currency, createdBy: by.actorId }, values, by);
    // a licence that is missing freezes the offer before it fills anything
    await refreshOffers(tx, networkId, [account.supplier_id], localDate(tx.now, timeZone));
    await tell(tx, viewer, 'supply_offer.created', { ...offer, id: offerId }, { unitCost: values.cost.upstreamUnitCost, currency });
  });
  return { kind: 'CREATED', offerId };
}

/** What the owner changes of an offer; what is left out stays. A cost comes whole, with its rate. */
export type SupplyOfferChange = Partial<Omit<OfferInput, 'terms'>> & { readonly stockCount?: number | null; readonly reason?: string };

/**
 * Changes an offer of the acting station. Goods, cost and switching on are tried at the upstream. Refuses like createSupplyOffer, and
 * STALE_VERSION.
 */
export async function updateSupplyOffer(
  ground: SupplyGround,
  viewer: Viewer,
  edit: Edit,
  change: SupplyOfferChange,
): Promise<{ readonly kind: 'SAVED' } | Refusal | Stale> {
  actingStationWith(viewer, 'SUPPLY_MANAGE');
  return saveOffer(ground, viewer, edit, 'supply_offer.changed', (row) => ({
    input: { ...inputOf(row), ...change },
    isTried: change.goods !== undefined || change.cost !== undefined || (change.isEnabled === true && !row.is_enabled),
    stock: change.stockCount === undefined ? null : { count: change.stockCount },
    isPaused: row.is_paused,
    reason: change.reason ?? '',
  }));
}

/**
 * Another cost of an offer, by its owner or by the supplier whose offer it is (who does not say how its currency is converted). It holds
 * at once: what is dearer than agreed is flagged, not refused.
 */
export async function setSupplyOfferCost(
  ground: SupplyGround,
  viewer: Viewer,
  edit: Edit,
  { cost, reason }: { readonly cost: CostInput; readonly reason: string },
): Promise<{ readonly kind: 'SAVED' } | Refusal | Stale> {
  const isSupplier = viewer.party.kind === 'SUPPLIER';
  if (isSupplier && cost.rate !== null) return { kind: 'NOT_ALLOWED', message: 'The rate is the owner’s to say.' };
  return saveOffer(ground, viewer, edit, 'supply_offer.cost_set', (row) => ({
    input: { ...inputOf(row), cost: isSupplier ? { ...inputOf(row).cost, upstreamUnitCost: cost.upstreamUnitCost } : cost },
    isTried: true,
    stock: null,
    isPaused: row.is_paused,
    reason,
  }));
}

/**
 * What the supplier says of its own offer: whether it sells now, and how many it has (of MANUAL offers: of others their upstream says
 * it). `stockCount` null: not known; left out: as before. The owner may say it too.
 */
export async function setSupplyOfferAvailability(
  ground: SupplyGround,
  viewer: Viewer,
  edit: Edit,
  change: { readonly isPaused?: boolean; readonly stockCount?: number | null },
): Promise<{ readonly kind: 'SAVED' } | Refusal | Stale> {
  return saveOffer(ground, viewer, edit, 'supply_offer.availability_set', (row) => ({
    input: inputOf(row),
    isTried: false,
    stock: change.stockCount === undefined ? null : { count: change.stockCount },
    isPaused: change.isPaused ?? row.is_paused,
    reason: '',
  }));
}

/** Takes an offer away for good; what was bought by it stays. Refuses NOT_FOUND, STALE_VERSION. */
export async function archiveSupplyOffer(
  { db }: SupplyGround,
  viewer: Viewer,
  edit: Edit,
): Promise<{ readonly kind: 'SAVED' } | NotFound | Stale> {
  actingStationWith(viewer, 'SUPPLY_MANAGE');
  if (!isId(edit.id)) return { kind: 'NOT_FOUND' };
  return inTransaction(db, async (tx) => {
    const change = (row: OfferRow): OfferValues => ({ ...keptValues(row), archivedAt: tx.now });
    const saved = await editOffer<never>(tx, offerScope(viewer), edit, change, { actorId: actorId(viewer), reason: '' });
    if (saved.kind !== 'SAVED') return saved;
    await tell(tx, viewer, 'supply_offer.archived', rowPlace(saved.row), {});
    return { kind: 'SAVED' };
  });
}

/** Says how orders of a SKU of the acting station are routed. Refuses NOT_FOUND, STALE_VERSION. */
export async function setRoutingPolicy(
  { db }: Pick<SupplyGround, 'db'>,
  viewer: Viewer,
  { skuId, expectedVersion, policy }: { readonly skuId: string; readonly expectedVersion: number; readonly policy: RoutingPolicy },
): Promise<{ readonly kind: 'SAVED' } | NotFound | Stale> {
  const owner = { networkId: viewer.networkId, ownerId: actingStationWith(viewer, 'SUPPLY_MANAGE') };
  if (!routingPolicies.includes(policy)) throw new Error(`no policy ${policy}`);
  return inTransaction(db, async (tx) => {
    const [sku] = isId(skuId) ? await selectRoutedSkus(tx, owner.networkId, [skuId]) : [];
    if (sku?.owner_id !== owner.ownerId) return { kind: 'NOT_FOUND' };
    if (!(await updatePolicy(tx, owner, { skuId, expectedVersion, policy }))) return { kind: 'STALE_VERSION' };
    await writeAudit(tx, viewer, { action: 'sku.routing_set', subjectId: skuId, data: { policy, before: sku.routing_policy } });
    await writeEvents(tx, [
      { networkId: owner.networkId, topic: 'stock.changed', subjectId: skuId, audience: [owner.ownerId], data: { skuId } },
    ]);
    return { kind: 'SAVED' };
  });
}

// ---- what an offer stands on ----

type Place = { readonly account: SealedAccountRow; readonly unitSize: number; readonly currency: CurrencyCode; readonly timeZone: string };

/** The account and the SKU of a new offer: both the owner's own. */
async function placeOf(
  { db }: SupplyGround,
  { networkId, ownerId }: { readonly networkId: string; readonly ownerId: string },
  { skuId, accountId, reason }: Pick<NewSupplyOffer, 'skuId' | 'accountId' | 'reason'>,
): Promise<Place | Refusal> {
  if (!isId(skuId) || !isId(accountId)) return { kind: 'NOT_FOUND' };
  if (reason.length > REASON_MAX) return tooLong;
  const [terms, [sku], account] = await Promise.all([
    selectTerms(db.pool, networkId),
    selectRoutedSkus(db.pool, networkId, [skuId]),
    selectSealedAccount(db.pool, networkId, accountId),
  ]);
  if (sku?.owner_id !== ownerId || account?.owner_id !== ownerId) return { kind: 'NOT_FOUND' };
  if (sku.delivery_kind === 'BUNDLE') return { kind: 'NOT_ALLOWED', message: 'A bundle is bought by its components.' };
  return { account, unitSize: sku.unit_size, currency: currencyCode(terms.currency), timeZone: terms.time_zone };
}

const tooLong: InvalidInput = { kind: 'INVALID_INPUT', field: 'reason', message: `A reason has at most ${REASON_MAX} characters.` };

type Draft = {
  readonly input: OfferInput;
  readonly isTried: boolean;
  /** another stock, where somebody says it */
  readonly stock: { readonly count: number | null } | null;
  readonly isPaused: boolean;
  readonly reason: string;
};

/** Reads an offer, tries what is new of it outside of any transaction, and saves it if it is still of the expected version. */
async function saveOffer(
  ground: SupplyGround,
  viewer: Viewer,
  edit: Edit,
  action: string,
  draftOf: (row: OfferRow) => Draft,
): Promise<{ readonly kind: 'SAVED' } | Refusal | Stale> {
  const { db } = ground;
  const scope = offerScope(viewer);
  const [before] = isId(edit.id) ? await selectOffersById(db.pool, scope, [edit.id]) : [];
  if (before === undefined || before.archived_at !== null) return { kind: 'NOT_FOUND' };
  if (before.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  const account = await selectSealedAccount(db.pool, viewer.networkId, before.account_id);
  if (account === undefined) throw new Error(`the offer ${before.id} has no account`);
  const draft = draftOf(before);
  if (draft.reason.length > REASON_MAX) return tooLong;
  const place = { account, unitSize: before.unit_size, currency: currencyCode(before.currency) };
  const { stock } = draft;
  const values = await valuesOf(
    ground,
    place,
    { ...draft.input, stockCount: stock?.count ?? null },
    { isTried: draft.isTried && draft.input.isEnabled, before, isStockSaid: stock !== null },
  );
  if ('kind' in values) return values;
  return inTransaction(db, async (tx) => {
    const by = { actorId: actorId(viewer), reason: draft.reason };
    // what an upstream tells of its stock by itself may have come meanwhile
    const isToldMeanwhile = account.kind !== 'MANUAL' && !draft.isTried;
    const stockNow = (row: OfferRow) => (isToldMeanwhile ? { stockCount: row.stock_count, stockAt: row.stock_at } : {});
    const change = (row: OfferRow): OfferValues => ({ ...values, ...stockNow(row), isPaused: draft.isPaused });
    const saved = await editOffer<never>(tx, scope, edit, change, by);
    if (saved.kind !== 'SAVED') return saved;
    await tell(tx, viewer, action, rowPlace(saved.row), {
      unitCost: values.cost.upstreamUnitCost,
      isEnabled: values.isEnabled,
      isPaused: draft.isPaused,
    });
    return { kind: 'SAVED' };
  });
}

type Trying = { readonly isTried: boolean; readonly before?: OfferRow; readonly isStockSaid?: boolean };

/** An offer as it is to be written: its cost settled, what the upstream says of goods, cost and stock taken in. */
async function valuesOf(
  ground: SupplyGround,
  { account, unitSize, currency }: Omit<Place, 'timeZone'>,
  input: OfferInput & { readonly stockCount: number | null },
  { isTried, before, isStockSaid = true }: Trying,
): Promise<OfferValues | Refusal> {
  const connector = ground.upstreams.connectorOf(account.kind);
  const now = ground.db.clock();
  const problem = offerProblem(input, connector) ?? stockProblem(input.stockCount);
  if (problem) return problem;
  const isManual = account.kind === 'MANUAL';
  if (!isManual && input.stockCount !== null) return { kind: 'NOT_ALLOWED', message: 'What this upstream has, it says itself.' };
  const asked = isTried && !isManual ? await connector.quote(openedAccount(ground, account), input.goods, input.minQuantity) : null;
  const goodsChanged = before === undefined || JSON.stringify(before.goods) !== JSON.stringify(input.goods) || !before.is_enabled;
  const refused = asked && (goodsChanged || input.cost.upstreamUnitCost === null) ? goodsRefusal(asked) : null;
  if (refused) return refused;
  const quoted = asked?.kind === 'ANSWERED' ? asked.value : null;
  const upstreamUnitCost = input.cost.upstreamUnitCost ?? (quoted && unitCostOf(quoted.cost, input.minQuantity, unitSize));
  const cost = settleCost({ ...input.cost, upstreamUnitCost }, { upstreamCurrency: account.currency, currency, now });
  if ('kind' in cost) return cost;
  if (quoted && isAskedMore(quoted.cost, cost, input.minQuantity, unitSize))
    return askedMore(quoted.cost, account.currency, input.minQuantity);
  return {
    ...input,
    ...stockOf(asked, { before, isSaid: isManual && isStockSaid, count: input.stockCount, now }),
    cost,
    isPaused: before?.is_paused ?? false,
    archivedAt: null,
  };
}

/** Goods that are sold out today are right all the same. */
function goodsRefusal(asked: UpstreamResult<unknown>): InvalidInput | null {
  return asked.kind === 'FAILED' && asked.reason === 'OUT_OF_STOCK' ? null : upstreamRefusal(asked, 'goods');
}

function askedMore(cost: string, currency: string, quantity: number): InvalidInput {
  const message = `The upstream asks ${cost} ${currency} for ${quantity}: at a lower cost every purchase would be refused.`;
  return { kind: 'INVALID_INPUT', field: 'unitCost', message };
}

function stockProblem(count: number | null): InvalidInput | null {
  if (count === null || (count >= 0 && count <= 2_147_483_647)) return null;
  return { kind: 'INVALID_INPUT', field: 'stockCount', message: 'A stock is not below 0.' };
}

function stockOf(
  asked: UpstreamResult<{ readonly stockCount: number | null }> | null,
  said: { readonly before: OfferRow | undefined; readonly isSaid: boolean; readonly count: number | null; readonly now: Date },
): Pick<OfferValues, 'stockCount' | 'stockAt'> {
  const told = asked?.kind === 'ANSWERED' ? asked.value.stockCount : asked?.reason === 'OUT_OF_STOCK' ? 0 : null;
  if (asked?.kind === 'ANSWERED' || told !== null) return { stockCount: told, stockAt: told === null ? null : said.now };
  if (said.isSaid) return { stockCount: said.count, stockAt: said.count === null ? null : said.now };
  return { stockCount: said.before?.stock_count ?? null, stockAt: said.before?.stock_at ?? null };
}

// ---- rows and values ----

function inputOf(row: OfferRow): OfferInput {
  const isConverted = row.rate_source !== '';
  return {
    terms: row.terms,
    goods: row.goods,
    cost: {
      upstreamUnitCost: row.upstream_unit_cost,
      rate: isConverted ? row.rate : null,
      rateSource: isConverted ? row.rate_source : null,
      rateAt: row.rate_at,
    },
    agreedUnitCost: row.agreed_unit_cost,
    minQuantity: row.min_quantity,
    maxQuantity: row.max_quantity,
    leadTimeSeconds: row.lead_time_seconds,
    priority: row.priority,
    weight: row.weight,
    dailyCap: row.daily_cap,
    isEnabled: row.is_enabled,
  };
}

function keptValues(row: OfferRow): OfferValues {
  const { cost: _, ...rest } = inputOf(row);
  return {
    ...rest,
    cost: {
      upstreamUnitCost: row.upstream_unit_cost,
      rate: row.rate,
      rateSource: row.rate_source,
      rateAt: row.rate_at,
      unitCost: money(row.unit_cost, currencyCode(row.currency)),
    },
    isPaused: row.is_paused,
    stockCount: row.stock_count,
    stockAt: row.stock_at,
    archivedAt: row.archived_at,
  };
}

type OfferPlace = { readonly id: string; readonly ownerId: string; readonly supplierId: string; readonly skuId: string };

function rowPlace(row: OfferRow): OfferPlace {
  return { id: row.id, ownerId: row.owner_id, supplierId: row.supplier_id, skuId: row.sku_id };
}

/** Notes who did it, and tells owner and supplier of the offer. */
async function tell(
  tx: Transaction,
  viewer: Viewer,
  action: string,
  { id, ownerId, supplierId, skuId }: OfferPlace,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { networkId } = viewer;
  await writeAudit(tx, viewer, { action, subjectId: id, data: { skuId, ...facts } });
  // another cost or supplier is another version of what is sold (domain §6)
  await noteListingChange(tx, networkId, [skuId], { actorId: actorId(viewer), reason: action });
  await writeEvents(tx, [{ networkId, topic: 'offer.changed', subjectId: id, audience: [ownerId, supplierId], data: { skuId } }]);
}
