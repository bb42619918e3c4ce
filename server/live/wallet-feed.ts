import type { Viewer } from '#server/accounts/rules.ts';
import type { LiveEvent } from './event-source.ts';
import type { Feed } from './feed.ts';
import { TOPICS_OF_SUBSCRIPTION } from './topics.ts';

/** What a station's accounts hold has changed; several changes at once are told as one. */
export type WalletEvent = { readonly cursor: string; readonly occurredAt: Date; readonly stationId: string };

const topics = new Set<LiveEvent['topic']>(TOPICS_OF_SUBSCRIPTION.walletChanged);
/** A busy owner's accounts move with every order; nobody reads them more often than this. */
const PAUSE_MILLISECONDS = 250;

/**
 * Changes of the accounts of the viewer's station. Placing an order writes no event for them: the order's own names the buyer's
 * path, and the stations of it from the goods' owner down are those whose accounts it moved.
 */
export function walletFeed({ networkId, party }: Viewer): Feed<WalletEvent> {
  const stationId = party.kind === 'STATION' ? party.stationId : '';
  return {
    scope: { networkId, partyId: stationId, subscription: 'walletChanged' },
    topics,
    concerns: (event) => isMovedBy(event, stationId),
    keyOf: () => 'wallet',
    rootOf: ({ occurredAt }, cursor) => ({ cursor, occurredAt, stationId }),
    pauseMilliseconds: PAUSE_MILLISECONDS,
  };
}

function isMovedBy({ topic, audience, data }: LiveEvent, stationId: string): boolean {
  const place = audience.indexOf(stationId);
  if (place < 0) return false;
  // what is held or released moves the buyer's own money alone: the last of the path
  if (topic === 'order.held' || topic === 'order.failed') return place === audience.length - 1;
  const isOfOrder = topic === 'order.delivered' || topic === 'order.refunded';
  return !isOfOrder || place >= audience.indexOf(String(data['ownerId']));
}
