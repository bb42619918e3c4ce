import {
  readWallets,
  type StatementRow,
  statementCount,
  statementEntriesByIds,
  statementPage,
  type WalletView,
} from '#server/ledger/reads.ts';
import type { AccountKind } from '#server/ledger/rules.ts';
import { actingNetwork, stationIdOf, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { type Connection, connectionType, emptyConnection, type PageArgs, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { AccountKindEnum, PostingReasonEnum } from './enums.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType, shownAmount } from './money.ts';
import { nodeType } from './node.ts';
import { namedOrder } from './order.ts';
import type { StationRow } from './station.ts';

/** The wallet type of the contract. Who sees whose is decided by the field that leads to it. */
export const WalletType = builder.objectRef<WalletView>('Wallet').implement({
  description: 'What the accounts of a station hold.',
  access: { party: 'STATION', permission: 'WALLET_READ' },
  fields: (t) => ({
    balance: t.field({
      type: MoneyType,
      description: 'Prepaid money; below zero is credit in use.',
      resolve: ({ balance }) => shownAmount(balance),
    }),
    creditLimit: t.field({
      type: MoneyType,
      description: 'How far the balance may fall below zero.',
      resolve: ({ creditLimit }) => shownAmount(creditLimit),
    }),
    available: t.field({ type: MoneyType, description: 'What can be spent.', resolve: ({ available }) => shownAmount(available) }),
    held: t.field({ type: MoneyType, description: 'Money of orders under way.', resolve: ({ held }) => shownAmount(held) }),
    earningsPending: t.field({
      type: MoneyType,
      description: 'Earned, not due yet.',
      resolve: ({ earningsPending }) => shownAmount(earningsPending),
    }),
    earnings: t.field({ type: MoneyType, description: 'Earned and due.', resolve: ({ earnings }) => shownAmount(earnings) }),
    clawback: t.field({
      type: MoneyType,
      description: 'Owed because of refunds after settlement; zero or below.',
      resolve: ({ clawback }) => shownAmount(clawback),
    }),
  }),
});

/** The wallet of a station whose balance the viewer may see; batched. */
export const loadWallet = batched<string, WalletView>(async (context, ids) => readWallets(context.db.pool, await ledgerOf(context), ids));

async function ledgerOf(context: Context) {
  const { id, currency } = await actingNetwork(context);
  return { networkId: id, currency };
}

const ownStatement = { party: 'STATION', permission: 'WALLET_READ' } as const;

const StatementEntry = nodeType<StatementRow>('StatementEntry', {
  description: "A movement on one of the acting station's accounts.",
  access: ownStatement,
  load: (context, id) => loadEntry(context, id),
});

const loadEntry = batched<string, StatementRow>((context, ids) => statementEntriesByIds(context.db.pool, own(context), ids));

/** A page of a statement. */
export const StatementEntryConnection = connectionType<StatementRow>('StatementEntry', StatementEntry.ref);

StatementEntry.fields((t) => ({
  accountKind: t.field({ type: AccountKindEnum, description: 'Which account.', resolve: (row) => row.account_kind as AccountKind }),
  reason: t.field({ type: PostingReasonEnum, description: 'Why.', resolve: (row) => row.reason as typeof PostingReasonEnum.$inferType }),
  amount: t.field({
    type: MoneyType,
    description: 'How much; above zero came in, below zero went out.',
    resolve: ({ amount, currency }) => amountOf(amount, currency),
  }),
  order: t.field(namedOrder<StatementRow>('The order that it belongs to, if any.', ({ order_id: id }) => id)),
  dueOn: t.field({ type: 'Date', nullable: true, description: 'When an earning falls due.', resolve: (row) => row.due_on }),
  note: t.exposeString('note', { description: 'What was written to it.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When.', resolve: (row) => row.created_at }),
}));

/** A page of the acting station's statement; of any other station it is empty. */
export async function statementOf(
  context: Context,
  station: StationRow,
  kinds: readonly AccountKind[] | null,
  args: PageArgs,
): Promise<Connection<StatementRow>> {
  const request = readPage('Station.statement', args);
  if (station.sight !== 'SELF') return emptyConnection();
  const page = await statementPage(context.db.pool, own(context), kinds, request);
  return toConnection(
    'Station.statement',
    request,
    page,
    (row) => row.id,
    () => statementCount(context.db.pool, own(context), kinds),
  );
}

function own(context: Context): { networkId: string; stationId: string } {
  return { networkId: viewerOf(context).networkId, stationId: stationIdOf(context) };
}
