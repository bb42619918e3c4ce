import type { Viewer } from '#server/accounts/rules.ts';
import { type CursorScope, decodeCursor, encodeCursor } from './cursor.ts';
import type { EventSource, LiveEvent } from './event-source.ts';

/** Whose orders: bought by the viewer's station, by it and its downline, or of goods it owns. */
export type OrderScope = 'MINE' | 'DOWNLINE' | 'OWNED';

/** An order changed. The order is loaded again under the viewer's rights when the event is rendered. */
export type OrderEvent = {
  readonly cursor: string;
  readonly occurredAt: Date;
  readonly kind: 'DELIVERED' | 'REFUNDED' | 'REFUND_REQUESTED' | 'REFUND_DECLINED';
  readonly orderId: string;
};

/** The stock of a SKU changed; several changes at once are told as one, the newest. */
export type StockEvent = { readonly cursor: string; readonly occurredAt: Date; readonly skuId: string };

const orderKinds: Partial<Record<LiveEvent['topic'], OrderEvent['kind']>> = {
  'order.delivered': 'DELIVERED',
  'order.refunded': 'REFUNDED',
  'refund.requested': 'REFUND_REQUESTED',
  'refund.declined': 'REFUND_DECLINED',
};

/**
 * Events of the orders that a station may see, in order, from after `after` or from now on. Who may see an order follows the
 * path frozen on it (domain §2), which is the event's audience.
 */
export async function* orderEvents(
  source: EventSource,
  viewer: Viewer,
  ask: { scope: OrderScope; after: string | null; signal: AbortSignal },
): AsyncGenerator<OrderEvent, void, undefined> {
  if (viewer.party.kind !== 'STATION') return;
  const { stationId } = viewer.party;
  const scope: CursorScope = { networkId: viewer.networkId, partyId: stationId, subscription: `orderUpdated.${ask.scope}` };
  const after = ask.after === null ? null : decodeCursor(scope, ask.after);
  for await (const batch of source.read(viewer.networkId, after, ask.signal)) {
    for (const event of batch) {
      const kind = orderKinds[event.topic];
      if (kind === undefined || !isInScope(event, stationId, ask.scope)) continue;
      yield { cursor: encodeCursor(scope, event.seq), occurredAt: event.occurredAt, kind, orderId: orderIdOf(event) };
    }
  }
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
export async function* stockEvents(
  source: EventSource,
  viewer: Viewer,
  ask: { after: string | null; signal: AbortSignal; maySee: (skuIds: readonly string[]) => Promise<ReadonlySet<string>> },
): AsyncGenerator<StockEvent, void, undefined> {
  if (viewer.party.kind !== 'STATION') return;
  const scope: CursorScope = { networkId: viewer.networkId, partyId: viewer.party.stationId, subscription: 'stockUpdated' };
  const after = ask.after === null ? null : decodeCursor(scope, ask.after);
  for await (const batch of source.read(viewer.networkId, after, ask.signal)) {
    const newest = new Map<string, LiveEvent>();
    for (const event of batch) {
      if (event.topic !== 'stock.changed') continue;
      // a SKU told again moves to the end: cursors must rise
      newest.delete(event.subjectId);
      newest.set(event.subjectId, event);
    }
    if (newest.size === 0) continue;
    const visible = await ask.maySee([...newest.keys()]);
    for (const [skuId, event] of newest) {
      if (visible.has(skuId)) yield { cursor: encodeCursor(scope, event.seq), occurredAt: event.occurredAt, skuId };
    }
  }
}
