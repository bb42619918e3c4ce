import type { Viewer } from '#server/accounts/rules.ts';
import type { LiveEvent } from './event-source.ts';
import type { Feed } from './feed.ts';
import { TOPICS_OF_SUBSCRIPTION } from './topics.ts';

/** A purchase needs a person, or needs none any more. `reason` null: it was decided. */
export type PurchaseAttentionEvent = {
  readonly cursor: string;
  readonly occurredAt: Date;
  readonly attemptId: string;
  readonly reason: string | null;
};

const topics = new Set<LiveEvent['topic']>(TOPICS_OF_SUBSCRIPTION.purchaseAttention);

/** What comes into and out of the attention queue of the viewer's own station; of one purchase at once, the newest. */
export function purchaseAttentionFeed({ networkId, party }: Viewer): Feed<PurchaseAttentionEvent> {
  const stationId = party.kind === 'STATION' ? party.stationId : '';
  return {
    scope: { networkId, partyId: stationId, subscription: 'purchaseAttention' },
    topics,
    concerns: ({ audience }) => audience.includes(stationId),
    keyOf: ({ subjectId }) => subjectId,
    rootOf: ({ subjectId, occurredAt, data }, cursor) => ({
      cursor,
      occurredAt,
      attemptId: subjectId,
      reason: typeof data['reason'] === 'string' ? data['reason'] : null,
    }),
  };
}
