import { openStream } from '#server/live/live-stream.ts';
import { type WalletEvent, walletFeed } from '#server/live/wallet-feed.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { afterArg, eventOf, eventType } from './event.ts';
import { requireOwnStation, StationType } from './station.ts';
import { loadWallet, WalletType } from './wallet.ts';

const readingWallet = { party: 'STATION', permission: 'WALLET_READ' } as const;

const WalletEventType = eventType<WalletEvent>('WalletEvent', {
  description: 'What the acting station’s accounts hold has changed; several changes at once are told as one.',
  access: readingWallet,
  fields: (t) => ({
    station: t.field({
      type: StationType,
      description: 'The acting station.',
      resolve: ({ stationId }, _, context) => requireOwnStation(context, stationId),
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
    args: afterArg(t.arg),
    subscribe: (_, { after }, context) => openStream(context.events, walletFeed(viewerOf(context)), after ?? null),
    resolve: eventOf,
  }),
);
