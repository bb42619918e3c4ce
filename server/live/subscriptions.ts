import { partyId, type Viewer } from '#server/accounts/rules.ts';
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

/**
 * Stock changes of the SKUs that `maySee` admits (asked once for each batch: rights and catalogue are those of the moment).
 * Changes of one SKU in a batch are told once, with the newest place.
 */
export function stockFeed(
  { networkId, party }: Viewer,
  maySee: (skuIds: readonly string[]) => Promise<ReadonlySet<string>>,
): Feed<StockEvent> {
  return {
    scope: { networkId, partyId: partyId(party), subscription: 'stockUpdated' },
    topics: stockTopics,
    concerns: () => party.kind === 'STATION',
    keyOf: stockedSku,
    visible: async (events) => {
      const seen = await maySee(events.map(stockedSku));
      return events.filter((event) => seen.has(stockedSku(event)));
    },
    rootOf: (event, cursor) => ({ cursor, occurredAt: event.occurredAt, skuId: stockedSku(event) }),
  };
}

/** Of an offer it is the SKU that it fills. */
function stockedSku({ topic, subjectId, data }: LiveEvent): string {
  return topic === 'offer.changed' ? String(data['skuId']) : subjectId;
}
