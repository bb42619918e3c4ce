import { openStream } from '#server/live/live-stream.ts';
import { type WalletEvent, walletFeed } from '#server/live/wallet-feed.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadStation, StationType } from './station.ts';
import { eventOf } from './subscriptions.ts';
import { loadWallet, WalletType } from './wallet.ts';

const readingWallet = { party: 'STATION', permission: 'WALLET_READ' } as const;

const WalletEventType = builder.objectRef<WalletEvent>('WalletEvent').implement({
  description: 'What the acting station’s accounts hold has changed; several changes at once are told as one.',
  access: readingWallet,
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Its place: subscribe with after to go on from here without a gap.',
      resolve: ({ cursor }) => cursor,
    }),
    occurredAt: t.field({ type: 'DateTime', description: 'When.', resolve: ({ occurredAt }) => occurredAt }),
    station: t.field({
      type: StationType,
      description: 'The acting station.',
      resolve: async ({ stationId }, _, context) => {
        const station = await loadStation(context, stationId);
        if (station === null) throw new Error('a station does not see itself');
        return station;
      },
    }),
    wallet: t.field({
      type: WalletType,
      description: 'What they hold now.',
      resolve: async ({ stationId }, _, context) => {
        const wallet = await loadWallet(context, stationId);
        if (wallet === null) throw new Error('a station without accounts');
        return wallet;
      },
    }),
  }),
});

builder.subscriptionField('walletChanged', (t) =>
  t.field({
    type: WalletEventType,
    access: readingWallet,
    description: 'How the balances of the acting station change: by orders, refunds, top-ups and purchases.',
    args: { after: t.arg({ type: 'Cursor', description: 'Go on after this event; from now on when left out.' }) },
    subscribe: (_, { after }, context) => openStream(context.events, walletFeed(viewerOf(context)), after ?? null),
    resolve: eventOf,
  }),
);
