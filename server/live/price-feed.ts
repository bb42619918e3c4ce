import type { Viewer } from '#server/accounts/rules.ts';
import { selectReachedSkus } from '#server/catalog/sql.ts';
import { type PriceReach, reachOf } from '#server/flows/price-reach.ts';
import { selectStations } from '#server/network/sql.ts';
import type { Database } from '#server/platform/database.ts';
import type { LiveEvent } from './event-source.ts';
import type { Feed } from './feed.ts';
import { TOPICS_OF_SUBSCRIPTION } from './topics.ts';

/** Goods whose price for the viewer's station may be another by now. `hasMore`: there are more than are named. */
export type PriceEvent = {
  readonly cursor: string;
  readonly occurredAt: Date;
  readonly skuIds: readonly string[];
  readonly hasMore: boolean;
};

/** Goods that a subscriber names: SKUs, or a category with all below it; both null is everything that the station may buy. */
export type AskedGoods = { readonly skuIds: readonly string[] | null; readonly categoryId: string | null };

/** SKUs that one event names to a subscriber who did not name them. */
export const TOLD_SKUS_MAX = 200;

const topics = new Set<LiveEvent['topic']>(TOPICS_OF_SUBSCRIPTION.priceChanged);

type Found = { readonly skuIds: readonly string[]; readonly hasMore: boolean };

/**
 * Changes of what the viewer's station pays. An event names a subtree and goods, not stations × SKUs; here it becomes the SKUs that
 * the station may buy, once for a batch and for all subscribers that are told the same: two statements, however many events.
 */
export function priceFeed(db: Database, { networkId, party }: Viewer, asked: AskedGoods): Feed<PriceEvent> {
  const stationId = party.kind === 'STATION' ? party.stationId : '';
  const found = new WeakMap<LiveEvent, Found>();
  return {
    scope: { networkId, partyId: stationId, subscription: 'priceChanged' },
    topics,
    concerns: (event) => party.kind === 'STATION' && mayConcern(reachOf(event), asked),
    visible: async (events) => {
      const path = (await selectStations(db.pool, networkId, [stationId])).get(stationId)?.path ?? [];
      const reaches = events.map(reachOf).filter((reach) => reach !== null && isReached(reach, path, stationId)) as PriceReach[];
      const newest = events.at(-1);
      if (reaches.length === 0 || !newest) return [];
      const goods = await goodsOf(db, { networkId, stationId }, reaches, asked);
      if (goods.skuIds.length === 0) return [];
      // one event tells of the whole batch, at the batch's last place
      found.set(newest, goods);
      return [newest];
    },
    rootOf: (event, cursor) => ({ cursor, occurredAt: event.occurredAt, ...(found.get(event) ?? { skuIds: [], hasMore: false }) }),
  };
}

/** A cheap look: whether the goods of an event can be among those that were asked for. */
function mayConcern(reach: PriceReach | null, { skuIds }: AskedGoods): boolean {
  if (reach === null) return false;
  return skuIds === null || reach.goods.skuIds === null || reach.goods.skuIds.some((id) => skuIds.includes(id));
}

function isReached({ topId, withTop }: PriceReach, path: readonly string[], stationId: string): boolean {
  return path.includes(topId) && (withTop || topId !== stationId);
}

async function goodsOf(
  db: Database,
  station: { networkId: string; stationId: string },
  reaches: readonly PriceReach[],
  asked: AskedGoods,
): Promise<Found> {
  const goods = reaches.map((reach) => reach.goods);
  const everything = goods.some(({ skuIds, productId, categoryId }) => skuIds === null && productId === null && categoryId === null);
  const named = {
    skuIds: goods.flatMap(({ skuIds }) => skuIds ?? []),
    productIds: goods.flatMap(({ productId }) => productId ?? []),
    categoryIds: goods.flatMap(({ categoryId }) => categoryId ?? []),
    everything,
  };
  const limit = asked.skuIds === null ? TOLD_SKUS_MAX + 1 : asked.skuIds.length;
  const seen = await selectReachedSkus(db.pool, station, named, asked, limit);
  // who named SKUs is also told that the station, which has moved, can no longer see one of them
  if (asked.skuIds !== null) return { skuIds: everything && asked.categoryId === null ? asked.skuIds : seen, hasMore: false };
  return { skuIds: seen.slice(0, TOLD_SKUS_MAX), hasMore: seen.length > TOLD_SKUS_MAX };
}
