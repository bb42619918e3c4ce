import { run, statement, type Transaction } from './database.ts';

/** What an event is about; subscribers, webhooks and roll-ups choose by it. */
export type EventTopic =
  | 'order.held'
  | 'order.sourcing'
  | 'order.delivered'
  | 'order.failed'
  | 'order.needs-attention'
  | 'purchase.settled'
  | 'purchase.needs-attention'
  | 'offer.changed'
  | 'listing.changed'
  | 'supplier.changed'
  | 'order.refunded'
  | 'refund.requested'
  | 'refund.declined'
  | 'stock.changed'
  | 'price.changed'
  | 'price.inverted'
  | 'wallet.changed'
  | 'station.opened'
  | 'station.moved'
  | 'station.frozen'
  | 'station.unfrozen'
  | 'station.closed'
  | 'card-keys.imported'
  | 'card-keys.quarantined'
  | 'alert.raised'
  | 'alert.resolved'
  | 'alert-threshold.changed';

/** An event as a transaction writes it. `data` holds ids and plain facts, never a secret, a cost or a card key. */
export interface NewEvent {
  readonly networkId: string;
  readonly topic: EventTopic;
  /** The order, SKU, station, rule … that changed. */
  readonly subjectId: string;
  /** Stations that may be told; each subscriber's right is checked again when the event reaches it. */
  readonly audience: readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
}

// One row an event. The relay numbers it after commit (architecture §2: sequence order is not commit order).
const insertEventRows = statement(
  'events.insert',
  `INSERT INTO outbox_event (network_id, id, topic, subject_id, audience, data, occurred_at)
   SELECT e.network_id, e.id, e.topic, e.subject_id, ARRAY(SELECT jsonb_array_elements_text(e.audience)::uuid), e.data, $7
   FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::jsonb[], $6::jsonb[]) AS e (network_id, id, topic, subject_id, audience, data)`,
);

/**
 * Writes events into the outbox within the transaction that changed something: they exist exactly when the change does.
 * Nothing is sent from here; the relay hands them on after commit.
 */
export async function writeEvents(tx: Transaction, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await run(tx, insertEventRows, [
    events.map((event) => event.networkId),
    events.map(() => tx.newId()),
    events.map((event) => event.topic),
    events.map((event) => event.subjectId),
    events.map((event) => JSON.stringify(event.audience)),
    events.map((event) => JSON.stringify(event.data ?? {})),
    tx.now,
  ]);
}
