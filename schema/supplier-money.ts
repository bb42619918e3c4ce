import { localDate } from '#server/platform/clock.ts';
import { type EntryRow, entriesCount, entriesPage, type SupplierMoney, supplierMoney } from '#server/suppliers/reads.ts';
import { actingNetwork } from './acting.ts';
import { builder } from './builder.ts';
import { connectionType, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import { PostingReasonEnum } from './enums.ts';
import { globalId } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType, shownAmount } from './money.ts';
import { lookingInto, SupplierType, supplierReader } from './supplier.ts';

// What a supplier is owed, and its deposit: for headquarters and itself. Paying it out waits for settlement runs, which are not there yet.

const money = lookingInto('WALLET_READ');

const AccountEnum = builder.enumType('SupplierAccount', {
  description: 'What an account of a supplier holds.',
  values: {
    PAYABLE_PENDING: { description: 'Owed for goods that were sold, and not settled.' },
    PAYABLE: { description: 'Settled, to be paid out.' },
    DEPOSIT: { description: 'A security.' },
  } as const,
});

const moneyOf = batched<string, SupplierMoney>(async (context, ids) => {
  const { id, currency, timeZone } = await actingNetwork(context);
  const ledger = { networkId: id, currency, today: localDate(context.db.clock(), timeZone) };
  return supplierMoney(context.db.pool, await supplierReader(context), ledger, ids);
});

const DueType = builder.objectRef<SupplierMoney['upcoming'][number]>('SupplierDue').implement({
  description: 'What falls due on a day.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    dueOn: t.expose('dueOn', { type: 'Date', description: 'The day.' }),
    amount: t.field({ type: MoneyType, description: 'How much.', resolve: ({ amount }) => shownAmount(amount) }),
  }),
});

const PayablesType = builder.objectRef<SupplierMoney>('SupplierPayables').implement({
  description: 'What a supplier is owed.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    pending: t.field({ type: MoneyType, description: 'Posted, and not settled.', resolve: ({ pending }) => shownAmount(pending) }),
    pastDue: t.field({
      type: MoneyType,
      description: 'Of what is pending, the part whose day has come: it waits for its settlement run.',
      resolve: ({ pastDue }) => shownAmount(pastDue),
    }),
    upcoming: t.field({
      type: [DueType],
      description: 'Of what is pending, what falls due from today on, by day.',
      resolve: ({ upcoming }) => upcoming,
    }),
    payable: t.field({ type: MoneyType, description: 'Settled, to be paid out.', resolve: ({ payable }) => shownAmount(payable) }),
  }),
});

const EntryType = builder.objectRef<EntryRow>('SupplierStatementEntry').implement({
  description: "A movement on a supplier's account: what it belongs to, and nothing of who bought or for how much.",
  access: 'WITH_PARENT',
  fields: (t) => ({
    account: t.field({
      type: AccountEnum,
      description: 'Which account.',
      resolve: (row) => row.account_kind as typeof AccountEnum.$inferType,
    }),
    reason: t.field({ type: PostingReasonEnum, description: 'Why.', resolve: (row) => row.reason as typeof PostingReasonEnum.$inferType }),
    amount: t.field({
      type: MoneyType,
      description: 'How much; above zero is in favour of the supplier.',
      resolve: ({ amount, currency }) => amountOf(amount, currency),
    }),
    dueOn: t.field({ type: 'Date', nullable: true, description: 'When it falls due.', resolve: (row) => row.due_on }),
    orderRef: t.id({
      nullable: true,
      description: 'The order that it belongs to, for talks between both; a supplier sees nothing else of it.',
      resolve: (row) => (row.order_id === null ? null : globalId('Order', row.order_id)),
    }),
    attemptRef: t.string({
      nullable: true,
      description: 'The number of the purchase by which the order was filled.',
      resolve: (row) => row.attempt_ref,
    }),
    note: t.exposeString('note', { description: 'Of a deposit: why it moved.' }),
    createdAt: t.field({ type: 'DateTime', description: 'When.', resolve: (row) => row.created_at }),
  }),
});

const EntryConnection = connectionType<EntryRow>('SupplierStatementEntry', EntryType);

builder.objectFields(SupplierType, (t) => ({
  deposit: t.field({
    type: MoneyType,
    nullable: true,
    access: money,
    description: 'Its security at the network.',
    resolve: async ({ id }, _, context) => {
      const found = await moneyOf(context, id);
      return found === null ? null : shownAmount(found.deposit);
    },
  }),
  payables: t.field({
    type: PayablesType,
    nullable: true,
    access: money,
    description: 'What it is owed.',
    resolve: ({ id }, _, context) => moneyOf(context, id),
  }),
  statement: t.field({
    type: EntryConnection,
    nullable: true,
    access: money,
    description: 'Movements on its accounts, newest first.',
    complexity: pageCost,
    args: { accounts: t.arg({ type: [AccountEnum], description: 'Only these accounts; all when left out.' }), ...pageArgs(t.arg) },
    resolve: async ({ id }, { accounts, ...args }, context) => {
      const request = readPage('Supplier.statement', args);
      const reader = await supplierReader(context);
      const page = await entriesPage(context.db.pool, reader, id, accounts ?? null, request);
      return toConnection(
        'Supplier.statement',
        request,
        page,
        (row) => row.id,
        () => entriesCount(context.db.pool, reader, id, accounts ?? null),
      );
    },
  }),
}));
