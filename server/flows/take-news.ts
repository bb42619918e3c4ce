import type { GoodsNews } from '#server/connectors/connector.ts';
import { type OfferNews, type ToldChange, type ToldOffer, toldChange } from '#server/offers/rules.ts';
import {
  insertOfferCosts,
  lockToldOffers,
  type NewsLease,
  placeNews,
  selectOffersOfAccount,
  selectOffersOfGoods,
  type ToldOfferRow,
  updateToldOffers,
} from '#server/offers/sql.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { currencyCode } from '#server/platform/money.ts';
import { noteListingChange } from './listing-versions.ts';

/** Another process has the account by now, or it was switched off or changed: whoever listened stops. */
export class LeaseLost extends Error {
  constructor() {
    super('somebody else listens to this account now');
    this.name = 'LeaseLost';
  }
}

/** News of offers that are known by their ids, and the place behind them. `isAll`: everything was read. */
export type TakenNews = { readonly news: ReadonlyMap<string, OfferNews>; readonly place: string; readonly isAll: boolean };

const TOLD_BY_UPSTREAM = 'told by the upstream';

/**
 * Takes in what an upstream told: costs with their history, stock, a new version of what is sold, and the events by which guards,
 * margins and alerts follow at once; prices never move (domain §3). The place is noted in the same commit, so that what was taken in does
 * not come again and nothing else is left out. Throws LeaseLost, and then nothing of it took effect.
 */
export async function takeNews(db: Database, lease: NewsLease, { news, place, isAll }: TakenNews): Promise<void> {
  await inTransaction(db, async (tx) => {
    if (!(await placeNews(tx, lease, { place, isAll }))) throw new LeaseLost();
    const rows = news.size === 0 ? [] : await lockToldOffers(tx, lease.networkId, [...news.keys()]);
    const changes = rows.flatMap((row) => toldChange(toldOffer(row), news.get(row.id) ?? {}, tx.now) ?? []);
    await writeChanges(tx, lease.networkId, new Map(rows.map((row) => [row.id, row])), changes);
  });
}

async function writeChanges(
  tx: Transaction,
  networkId: string,
  rows: ReadonlyMap<string, ToldOfferRow>,
  changes: readonly ToldChange[],
): Promise<void> {
  if (changes.length === 0) return;
  const dearerOrCheaper = changes.filter(({ cost }) => cost !== null).map(({ offerId }) => offerId);
  await updateToldOffers(tx, networkId, changes);
  await insertOfferCosts(tx, { networkId, actorId: null }, { offerIds: dearerOrCheaper, reason: TOLD_BY_UPSTREAM });
  if (dearerOrCheaper.length > 0) {
    const skuIds = new Set(dearerOrCheaper.flatMap((id) => rows.get(id)?.sku_id ?? []));
    await noteListingChange(tx, networkId, [...skuIds], { actorId: null, reason: TOLD_BY_UPSTREAM });
  }
  await writeEvents(
    tx,
    changes.flatMap((change) => eventOf(networkId, rows.get(change.offerId), change)),
  );
}

/** Another cost is told of the offer, another stock alone of the SKU. */
function eventOf(networkId: string, row: ToldOfferRow | undefined, { cost, isStockOther }: ToldChange): NewEvent[] {
  if (row === undefined || (cost === null && !isStockOther)) return [];
  const { id, sku_id: skuId, owner_id: ownerId, supplier_id: supplierId } = row;
  if (cost !== null) return [{ networkId, topic: 'offer.changed', subjectId: id, audience: [ownerId, supplierId], data: { skuId } }];
  return [{ networkId, topic: 'stock.changed', subjectId: skuId, audience: [ownerId], data: { skuId } }];
}

/** Which offers of an account news are of, by their ids: those whose settings name the goods that were told of. */
export async function newsOfOffers(
  db: Database,
  lease: NewsLease,
  field: string,
  told: readonly GoodsNews[],
): Promise<ReadonlyMap<string, OfferNews>> {
  if (told.length === 0) return new Map();
  const newsOf = finderOf(field, told);
  const values = told.map(({ goods }) => goods[field] ?? '');
  const rows = await selectOffersOfGoods(db.pool, lease, { field, values: [...new Set(values)] });
  return new Map(
    rows.flatMap((row) => {
      const news = newsOf(row);
      return news === undefined ? [] : [[row.id, news] as const];
    }),
  );
}

/** News of every offer of an account after all that its upstream sells was read: what it does not list any more is sold out. */
export async function newsOfReading(
  db: Database,
  lease: NewsLease,
  field: string,
  listed: readonly GoodsNews[],
): Promise<ReadonlyMap<string, OfferNews>> {
  const newsOf = finderOf(field, listed);
  const rows = await selectOffersOfAccount(db.pool, lease);
  return new Map(rows.map((row) => [row.id, newsOf(row) ?? { stockCount: 0 }]));
}

function finderOf(field: string, told: readonly GoodsNews[]): (row: ToldOfferRow) => GoodsNews | undefined {
  const byName = Map.groupBy(told, ({ goods }) => goods[field] ?? '');
  return (row) => byName.get(row.goods[field] ?? '')?.findLast(({ goods }) => isOfGoods(row.goods, goods));
}

/** An offer may say more than names the goods, such as how the buyer's fields are called. */
function isOfGoods(offered: Readonly<Record<string, string>>, told: Readonly<Record<string, string>>): boolean {
  return Object.entries(told).every(([name, value]) => offered[name] === value);
}

function toldOffer(row: ToldOfferRow): ToldOffer {
  return {
    offerId: row.id,
    unitSize: row.unit_size,
    minQuantity: row.min_quantity,
    currency: currencyCode(row.currency),
    upstreamUnitCost: row.upstream_unit_cost,
    rate: row.rate,
    stockCount: row.stock_count,
    stockAt: row.stock_at,
  };
}
