import type { EventTopic } from '#server/platform/events.ts';

/**
 * Which topics of the outbox each subscription is told from: the one table of it, for streams and for webhooks. What a viewer is
 * told of them is decided event by event, by the reader of the subscription.
 */
export const TOPICS_OF_SUBSCRIPTION = {
  orderUpdated: [
    'order.held',
    'order.sourcing',
    'order.delivered',
    'order.failed',
    'order.needs-attention',
    'order.refunded',
    'refund.requested',
    'refund.declined',
  ],
  // of what is bought when it is ordered, its offers say what there is
  stockUpdated: ['stock.changed', 'offer.changed'],
  // a move and a freeze change what a whole subtree pays, or whether it may buy at all
  priceChanged: ['price.changed', 'station.moved', 'station.frozen', 'station.unfrozen'],
  // placing an order writes nothing for wallets: the order itself says whose were moved
  walletChanged: ['wallet.changed', 'order.held', 'order.delivered', 'order.failed', 'order.refunded', 'card-keys.imported'],
  alertRaised: ['alert.raised'],
  purchaseAttention: ['purchase.needs-attention'],
  networkPulse: ['order.delivered'],
} as const satisfies Readonly<Record<string, readonly EventTopic[]>>;
