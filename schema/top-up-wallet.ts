import { topUpWallet } from '#server/flows/top-up-wallet.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { idOf } from './ids.ts';
import { MoneyType, type ShownMoney, shownAmount } from './money.ts';
import { done, mutation, REPLAYED_TEXT, REQUEST_KEY_TEXT, successType } from './mutation.ts';
import { InsufficientBalance, InvalidInput, NotAllowed, NotFound, notFound, RequestKeyReused, refused, StationFrozen } from './refusals.ts';
import { resultUnion } from './results.ts';
import { loadStation, type StationRow, StationType } from './station.ts';

const WalletToppedUp = successType<{
  readonly __typename: 'WalletToppedUp';
  readonly station: StationRow;
  readonly amount: ShownMoney;
  readonly replayed: boolean;
}>('WalletToppedUp', 'Money was put into a wallet.', (t) => ({
  station: t.field({ type: StationType, description: 'Whose wallet.', resolve: ({ station }) => station }),
  amount: t.field({ type: MoneyType, description: 'How much.', resolve: ({ amount }) => amount }),
  replayed: t.exposeBoolean('replayed', { description: REPLAYED_TEXT }),
}));

mutation('topUpWallet', {
  description: "Puts money into a wallet: headquarters from outside, any other station from its own wallet into a child's.",
  access: { party: 'STATION', permission: 'WALLET_TOP_UP' },
  input: builder.inputType('TopUpWalletInput', {
    description: 'The money.',
    fields: (t) => ({
      requestKey: t.string({ required: true, description: REQUEST_KEY_TEXT }),
      stationId: t.id({ required: true, description: 'Whose wallet.' }),
      amount: t.field({ type: 'Decimal', required: true, description: 'How much, in the currency of the network; above zero.' }),
      note: t.string({ description: 'What stands in both statements.' }),
    }),
  }),
  result: resultUnion('TopUpWalletResult', 'A wallet with more in it, or why not.', [
    WalletToppedUp,
    InsufficientBalance,
    RequestKeyReused,
    NotFound,
    NotAllowed,
    InvalidInput,
    StationFrozen,
  ]),
  resolve: async (input, context) => {
    const stationId = idOf('Station', input.stationId);
    if (stationId === null) return notFound('station');
    const outcome = await topUpWallet(context.db, viewerOf(context), { ...input, stationId, note: input.note ?? null });
    if (outcome.kind !== 'WALLET_TOPPED_UP') return refused(outcome, 'station');
    const station = await loadStation(context, outcome.stationId);
    // a station that was topped up by a request key and moved out of the viewer's sight since
    if (station === null) return notFound('station');
    return done('WalletToppedUp', { station, amount: shownAmount(outcome.amount), replayed: outcome.replayed });
  },
});
