import type { EventTopic, NewEvent } from '#server/platform/events.ts';

// A change of prices is one event, however many stations and SKUs it moves: the event says whom and what it may reach, and each
// reader works out its own new prices (domain §3: prices are never stored).

/** Which goods a change may reach; all null is everything. */
export type ReachedGoods = {
  readonly skuIds: readonly string[] | null;
  readonly productId: string | null;
  readonly categoryId: string | null;
};

/** Whom and what a change may reach: the stations below `topId` (itself too, where `withTop`), and goods. */
export type PriceReach = { readonly topId: string; readonly withTop: boolean; readonly goods: ReachedGoods };

/** All goods. */
export const EVERYTHING: ReachedGoods = { skuIds: null, productId: null, categoryId: null };

/** SKUs that one event names; a longer list becomes several events. */
export const REACH_SKUS_MAX = 200;

/** The event of a change. `facts` is what else it tells: ids, never prices. */
export function priceChanged(
  networkId: string,
  subjectId: string,
  audience: readonly string[],
  reach: PriceReach,
  facts: Readonly<Record<string, unknown>> = {},
): NewEvent {
  const { topId, withTop, goods } = reach;
  return { networkId, topic: 'price.changed', subjectId, audience, data: { ...facts, reach: { topId, withTop, ...goods } } };
}

/** Goods as the scope of a rule, band or plan names them. */
export function goodsOf(scope: { skuId: string | null; productId?: string | null; categoryId?: string | null }): ReachedGoods {
  return { skuIds: scope.skuId === null ? null : [scope.skuId], productId: scope.productId ?? null, categoryId: scope.categoryId ?? null };
}

/** What an event may have done to prices; null when it touches none. A move or a freeze reaches all goods of the subtree. */
export function reachOf(event: {
  readonly topic: EventTopic;
  readonly subjectId: string;
  readonly audience: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
}): PriceReach | null {
  if (event.topic === 'station.moved' || event.topic === 'station.frozen' || event.topic === 'station.unfrozen')
    return { topId: event.subjectId, withTop: true, goods: EVERYTHING };
  // a commission plan moves no price
  if (event.topic !== 'price.changed' || event.data['commissionOnly'] === true) return null;
  const told = event.data['reach'] as (ReachedGoods & { topId: string; withTop: boolean }) | undefined;
  if (told !== undefined) {
    const { topId, withTop, skuIds, productId, categoryId } = told;
    return { topId, withTop, goods: { skuIds, productId, categoryId } };
  }
  // written before events told their reach: the first of the audience is who changed something
  return { topId: event.audience[0] ?? '', withTop: true, goods: EVERYTHING };
}
