import { applyConditions } from '#server/alerts/commands.ts';
import type { Condition } from '#server/alerts/rules.ts';
import { passEvents, selectNetworksBehind, takeEvents } from '#server/alerts/sql.ts';
import { type Database, inTransaction, settlePlans, type Transaction } from '#server/platform/database.ts';
import { type EventTopic, writeEvents } from '#server/platform/events.ts';
import { guardConditions, guardedSkus, inversionConditions, stockConditions, type Touched, walletConditions } from './alert-causes.ts';
import { EVERYTHING, type PriceReach, priceChanged, REACH_SKUS_MAX, reachOf } from './price-reach.ts';
import { attentionConditions, doubtConditions, type TouchedDoubts } from './purchase-causes.ts';
import { supplyConditions, type TouchedSupply } from './supply-causes.ts';

const BATCH = 2_000;

/** A numbered event, as far as alerts look at it. */
type Seen = { topic: EventTopic; subject_id: string; audience: readonly string[]; data: Readonly<Record<string, unknown>> };

/**
 * Looks through the events of all networks that were numbered and not looked through, and raises and ends alerts. The place in the
 * events moves in the transaction that writes the alerts, so each event counts exactly once whatever dies, in any number of
 * processes; nothing of it is in the way of an order. Resolves to how many events were passed.
 */
export async function raiseAlerts(db: Database): Promise<number> {
  let count = 0;
  for (const networkId of await selectNetworksBehind(db.pool)) {
    for (;;) {
      const passed = await inTransaction(db, (tx) => raiseNext(tx, networkId));
      count += passed;
      if (passed < BATCH) break;
    }
  }
  return count;
}

async function raiseNext(tx: Transaction, networkId: string): Promise<number> {
  const events = await takeEvents(tx, networkId, BATCH);
  const last = events?.at(-1);
  if (!events || !last) return 0;
  const touched = touchedBy(events);
  // what orders touch is found by key, and planned anew twice a second it would cost more than looking; prices may reach any goods
  if (touched.reaches.length === 0) await settlePlans(tx);
  const conditions = [
    ...(await conditionsOf(tx, networkId, touched)),
    ...(await supplyConditions(tx, networkId, supplyTouchedBy(events))),
    ...(await attentionConditions(tx, networkId, ownersAskedBy(events))),
    ...(await doubtConditions(tx, networkId, doubtsTouchedBy(events))),
  ];
  const { begun, ended, moved } = await applyConditions(tx, networkId, conditions);
  // the guard hides a SKU from buyers, or gives it back: their price has changed
  const guarded = [...begun, ...ended, ...moved.filter(({ data, before }) => data['hiddenFromCount'] !== before['hiddenFromCount'])];
  await writeEvents(tx, guardEvents(networkId, guarded));
  await passEvents(tx, networkId, last.seq);
  return events.length;
}

/** What the events of a batch may have changed: each wallet, SKU and change of prices once. */
function touchedBy(events: readonly Seen[]): Touched {
  const stationIds = new Set<string>();
  const skuIds = new Set<string>();
  const reaches = new Map<string, PriceReach>();
  for (const event of events) {
    const reach = reachOf({ ...event, subjectId: event.subject_id });
    if (reach !== null && event.data['guard'] !== true) reaches.set(JSON.stringify(reach), reach);
    const skuId = skuOf(event);
    if (skuId !== null) skuIds.add(skuId);
    for (const id of walletsOf(event)) stationIds.add(id);
  }
  return { stationIds, skuIds, reaches: [...reaches.values()] };
}

/** The offers that changed, and the purchases that are settled. */
function supplyTouchedBy(events: readonly Seen[]): TouchedSupply {
  const settled = events.flatMap(({ topic, data }) =>
    topic === 'purchase.settled' && typeof data['attemptId'] === 'string' ? [data['attemptId']] : [],
  );
  return {
    offerIds: new Set(events.filter(({ topic }) => topic === 'offer.changed').map(({ subject_id }) => subject_id)),
    attemptIds: new Set(settled),
  };
}

/** The owners whose attention queues an event may have moved. */
function ownersAskedBy(events: readonly Seen[]): string[] {
  return [...new Set(events.filter(({ topic }) => topic === 'purchase.needs-attention').flatMap(({ audience }) => audience))];
}

/** Card keys that came a second time are in doubt until they are given back. */
function doubtsTouchedBy(events: readonly Seen[]): TouchedDoubts {
  const brought = events.filter(({ topic, data }) => topic === 'purchase.needs-attention' && data['reason'] === 'DUPLICATE_KEYS');
  const refunded = events.filter(({ topic }) => topic === 'order.refunded');
  const idsOf = (seen: readonly Seen[]) => [...new Set(seen.map(({ subject_id }) => subject_id))];
  return { attemptIds: idsOf(brought), orderIds: idsOf(refunded) };
}

/** Whose stock or cost an event may have moved, or whose threshold. */
function skuOf({ topic, subject_id, data }: Seen): string | null {
  if (topic === 'stock.changed') return subject_id;
  const names = topic === 'alert-threshold.changed' || topic === 'offer.changed';
  return names && typeof data['skuId'] === 'string' ? data['skuId'] : null;
}

/** Whose WALLET an event may have moved: an order's and a refund's buyer is the last of its path. */
function walletsOf({ topic, audience }: Seen): readonly string[] {
  if (topic.startsWith('order.')) return audience.slice(-1);
  return topic === 'wallet.changed' || topic === 'card-keys.imported' || topic === 'alert-threshold.changed' ? audience : [];
}

async function conditionsOf(tx: Transaction, networkId: string, touched: Touched): Promise<Condition[]> {
  const conditions = [
    ...(await walletConditions(tx, networkId, touched.stationIds)),
    ...(await stockConditions(tx, networkId, touched.skuIds)),
  ];
  for (const [ownerId, skuIds] of await guardedSkus(tx, networkId, touched)) {
    conditions.push(...(await guardConditions(tx, networkId, ownerId, skuIds)));
  }
  for (const reach of touched.reaches) conditions.push(...(await inversionConditions(tx, networkId, reach)));
  return conditions;
}

function guardEvents(networkId: string, alerts: readonly Pick<Condition, 'kind' | 'stationId' | 'subjectId'>[]) {
  const byOwner = Map.groupBy(
    alerts.filter(({ kind }) => kind === 'BELOW_COST'),
    ({ stationId }) => stationId,
  );
  return [...byOwner].flatMap(([ownerId, each]) => {
    const skuIds = each.map(({ subjectId }) => subjectId);
    return Array.from({ length: Math.ceil(skuIds.length / REACH_SKUS_MAX) }, (_, index) => {
      const ids = skuIds.slice(index * REACH_SKUS_MAX, (index + 1) * REACH_SKUS_MAX);
      const reach = { topId: ownerId, withTop: false, goods: { ...EVERYTHING, skuIds: ids } };
      return priceChanged(networkId, ids[0] ?? ownerId, [ownerId], reach, { guard: true });
    });
  });
}
