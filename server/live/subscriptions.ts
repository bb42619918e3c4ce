import { partyId, type Viewer } from '#server/accounts/rules.ts';
import { encodeCursor } from './cursor.ts';
import type { LiveEvent } from './event-source.ts';
import type { Feed } from './feed.ts';

/** Whose orders: bought by the viewer's station, by it and its downline, or of goods it owns. */
export type OrderScope = 'MINE' | 'DOWNLINE' | 'OWNED';

/** An order changed. The order is loaded again under the viewer's rights when the event is rendered. */
export type OrderEvent = {
  readonly cursor: string;
  readonly occurredAt: Date;
  readonly kind: 'HELD' | 'SOURCING' | 'DELIVERED' | 'FAILED' | 'NEEDS_ATTENTION' | 'REFUNDED' | 'REFUND_REQUESTED' | 'REFUND_DECLINED';
  readonly orderId: string;
};

/** The stock of a SKU changed; several changes at once are told as one, the newest. */
export type StockEvent = { readonly cursor: string; readonly occurredAt: Date; readonly skuId: string };

const orderKinds = new Map<LiveEvent['topic'], OrderEvent['kind']>([
  ['order.held', 'HELD'],
  ['order.sourcing', 'SOURCING'],
  ['order.delivered', 'DELIVERED'],
  ['order.failed', 'FAILED'],
  ['order.needs-attention', 'NEEDS_ATTENTION'],
  ['order.refunded', 'REFUNDED'],
  ['refund.requested', 'REFUND_REQUESTED'],
  ['refund.declined', 'REFUND_DECLINED'],
]);
const orderTopics = new Set(orderKinds.keys());
const stockTopics = new Set<LiveEvent['topic']>(['stock.changed', 'offer.changed']);

/**
 * Events of the orders that a station may see, each told. Who may see an order follows the path frozen on it (domain §2), which is
 * the event's audience.
 */
export function orderFeed({ networkId, party }: Viewer, scope: OrderScope): Feed<OrderEvent> {
  const stationId = partyId(party);
  return {
    scope: { networkId, partyId: stationId, subscription: `orderUpdated.${scope}` },
    topics: orderTopics,
    concerns: (event) => party.kind === 'STATION' && isInScope(event, stationId, scope),
    rootOf: (event, cursor) => ({
      cursor,
      occurredAt: event.occurredAt,
      kind: orderKinds.get(event.topic) ?? 'DELIVERED',
      orderId: orderIdOf(event),
    }),
  };
}

/** The audience of an order's event is the buyer's path, from headquarters down to the buyer; `data.ownerId` is the goods' owner. */
function isInScope(event: LiveEvent, stationId: string, scope: OrderScope): boolean {
  if (!event.audience.includes(stationId)) return false;
  if (scope === 'MINE') return event.audience.at(-1) === stationId;
  if (scope === 'OWNED') return event.data['ownerId'] === stationId;
  return true;
}

function orderIdOf(event: LiveEvent): string {
  const named = event.data['orderId'];
  return typeof named === 'string' ? named : event.subjectId;
}

/** Which SKUs a reader may see, and which bundles hold a SKU: asked once for each batch, as rights and catalogue are at the moment. */
export type StockSight = {
  readonly maySee: (skuIds: readonly string[]) => Promise<ReadonlySet<string>>;
  readonly bundlesHolding: (skuIds: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>;
};

/** A change of a bundle's stock that follows from one of a component's: told before it, under the cursor of the place before it. */
const follows = new WeakSet<LiveEvent>();

/**
 * Stock changes of the SKUs that the reader may see, and of the bundles that hold them. Changes of one SKU in a batch are told once,
 * with the newest place. Whoever is cut off between a bundle and its component is told of the bundle again, and misses nothing.
 */
export function stockFeed({ networkId, party }: Viewer, { maySee, bundlesHolding }: StockSight): Feed<StockEvent> {
  const scope = { networkId, partyId: partyId(party), subscription: 'stockUpdated' };
  return {
    scope,
    topics: stockTopics,
    concerns: () => party.kind === 'STATION',
    keyOf: ({ subjectId }) => subjectId,
    visible: async (events) => {
      const holding = await bundlesHolding(events.map(({ subjectId }) => subjectId));
      const all = holding.size === 0 ? events : withBundles(events, holding);
      const seen = await maySee([...new Set(all.map(({ subjectId }) => subjectId))]);
      return all.filter(({ subjectId }) => seen.has(subjectId));
    },
    rootOf: (event, cursor) => ({
      cursor: follows.has(event) ? encodeCursor(scope, event.seq - 1n) : cursor,
      occurredAt: event.occurredAt,
      skuId: event.subjectId,
    }),
  };
}

/** The events with those of the bundles, each bundle once, with the newest of its components. */
function withBundles(events: readonly LiveEvent[], holding: ReadonlyMap<string, readonly string[]>): LiveEvent[] {
  const newest = new Map(events.flatMap((event) => (holding.get(event.subjectId) ?? []).map((bundleId) => [bundleId, event] as const)));
  const own = new Set(events.map(({ subjectId }) => subjectId));
  return events.flatMap((event) => {
    const bundles = (holding.get(event.subjectId) ?? []).filter((id) => newest.get(id) === event && !own.has(id));
    const told = bundles.map((subjectId) => ({ ...event, subjectId }));
    for (const each of told) follows.add(each);
    return [...told, event];
  });
}
