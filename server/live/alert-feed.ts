import type { Viewer } from '#server/accounts/rules.ts';
import type { LiveEvent } from './event-source.ts';
import type { Feed } from './feed.ts';
import { TOPICS_OF_SUBSCRIPTION } from './topics.ts';

/** An alert was raised for the viewer's station. */
export type AlertEvent = { readonly cursor: string; readonly occurredAt: Date; readonly alertId: string };

const topics = new Set<LiveEvent['topic']>(TOPICS_OF_SUBSCRIPTION.alertRaised);

/** Alerts of the viewer's own station, each told. */
export function alertFeed({ networkId, party }: Viewer): Feed<AlertEvent> {
  const stationId = party.kind === 'STATION' ? party.stationId : '';
  return {
    scope: { networkId, partyId: stationId, subscription: 'alertRaised' },
    topics,
    concerns: ({ audience }) => audience.includes(stationId),
    rootOf: ({ subjectId, occurredAt }, cursor) => ({ cursor, occurredAt, alertId: subjectId }),
  };
}
