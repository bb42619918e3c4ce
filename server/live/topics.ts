import type { EventTopic } from '#server/platform/events.ts';

/**
 * Which topics of the outbox each subscription is told from: the one table of it, for streams and for webhooks. What a viewer is
 * told of them is decided event by event, by the reader of the subscription.
 */
export const TOPICS_OF_SUBSCRIPTION = {
  orderUpdated: ['order.delivered', 'order.refunded', 'refund.requested', 'refund.declined'],
  stockUpdated: ['stock.changed'],
  // a move and a freeze change what a whole subtree pays, or whether it may buy at all
  priceChanged: ['price.changed', 'station.moved', 'station.frozen', 'station.unfrozen'],
  // placing an order writes nothing for wallets: the order itself says whose were moved
  walletChanged: ['wallet.changed', 'order.delivered', 'order.refunded', 'card-keys.imported'],
  alertRaised: ['alert.raised'],
  networkPulse: ['order.delivered'],
} as const satisfies Readonly<Record<string, readonly EventTopic[]>>;

/** A subscription of the contract. */
export type SubscriptionName = keyof typeof TOPICS_OF_SUBSCRIPTION;

const NAMES = Object.keys(TOPICS_OF_SUBSCRIPTION) as SubscriptionName[];

/** Whether a subscription is told from a topic. */
export function tellsOf(name: SubscriptionName, topic: EventTopic): boolean {
  return (TOPICS_OF_SUBSCRIPTION[name] as readonly EventTopic[]).includes(topic);
}

/** The subscriptions that are told from a topic. */
export function subscriptionsOf(topic: EventTopic): SubscriptionName[] {
  return NAMES.filter((name) => tellsOf(name, topic));
}
