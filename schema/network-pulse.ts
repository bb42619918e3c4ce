import { partyId, type Viewer } from '#server/accounts/rules.ts';
import type { Feed } from '#server/live/feed.ts';
import { openStream } from '#server/live/live-stream.ts';
import { type PulseTick, pulseSource, RATE_SECONDS, tickOf } from '#server/live/pulse.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { eventOf } from './event.ts';
import { amountOf, MoneyType } from './money.ts';
import { requireOwnStation, StationType } from './station.ts';

const readingVolumes = { party: 'STATION', permission: 'ANALYTICS_READ' } as const;

const PulseTickType = builder.objectRef<PulseTick>('PulseTick').implement({
  description: 'The figures of a moment of the acting station with its downline. It is no event: it has no cursor, and is not resumed.',
  access: readingVolumes,
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'Of which moment.', resolve: ({ at }) => at }),
    station: t.field({
      type: StationType,
      description: 'The acting station.',
      resolve: ({ stationId }, _, context) => requireOwnStation(context, stationId),
    }),
    gmvToday: t.field({
      type: MoneyType,
      description: 'What buyers paid today, by the calendar of the network.',
      resolve: ({ gmvToday, currency }) => amountOf(gmvToday, currency),
    }),
    orderCountToday: t.exposeInt('orderCountToday', { description: 'Orders delivered today.' }),
    ordersPerSecond: t.exposeFloat('ordersPerSecond', {
      description: `Orders delivered per second, over the last ${RATE_SECONDS} seconds.`,
    }),
  }),
});

function pulseFeed({ networkId, party }: Viewer): Feed<PulseTick> {
  return {
    scope: { networkId, partyId: partyId(party), subscription: 'networkPulse' },
    topics: new Set(['order.delivered']),
    keyOf: () => 'tick',
    newestFirst: true,
    rootOf: (event) => tickOf(event),
  };
}

builder.subscriptionField('networkPulse', (t) =>
  t.field({
    type: PulseTickType,
    access: readingVolumes,
    description:
      'The volume of the acting station with its downline as it grows: at most one tick a second, when it says something new. Ticks are not resumed.',
    subscribe: (_, __, context) => {
      const viewer = viewerOf(context);
      return openStream(pulseSource(context.db, context.events, partyId(viewer.party)), pulseFeed(viewer), null);
    },
    resolve: eventOf,
  }),
);
