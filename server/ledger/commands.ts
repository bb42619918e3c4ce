import type { Queryable, Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, money, toAmountString } from '#server/platform/money.ts';
import type { AccountKind, Holder, PostingDraft, WalletFacts } from './rules.ts';
import { type AccountRow, findAccounts, type HolderColumns, insertPostings, insertTransfers, lockAccounts, openAccounts } from './sql.ts';

/** A network's ledger: everything in it is of one currency. */
export type LedgerOf = { readonly networkId: string; readonly currency: CurrencyCode };

/** An account by whose it is and what for. */
export type AccountName = { readonly holder: Holder; readonly accountKind: AccountKind };

/** Account ids by `accountKey`. Ids never change, so a book may be filled before anything is locked. */
export type AccountBook = ReadonlyMap<string, string>;

/** Why money moved, as the database knows it. */
export type TransferKind =
  | 'ORDER'
  | 'HOLD'
  | 'RELEASE'
  | 'REFUND'
  | 'TOP_UP'
  | 'DEPOSIT'
  | 'LOT_PURCHASE'
  | 'WITHDRAWAL'
  | 'SETTLEMENT'
  | 'ADJUSTMENT';

/** A posting to be written with its transfer. `dueOn` (YYYY-MM-DD) is given to pending kinds only. */
export type NewPosting = PostingDraft & { readonly dueOn?: string | null; readonly reversesId?: string | null };

/** A transfer to be written: its postings sum to zero or nothing is written. `actorId` is the user or API key that caused it. */
export type NewTransfer = {
  readonly id: string;
  readonly kind: TransferKind;
  readonly orderId?: string | null;
  readonly reversesId?: string | null;
  readonly actorId: string;
  readonly note?: string;
  readonly postings: readonly NewPosting[];
};

/** The name under which an account stands in an `AccountBook`. */
export function accountKey({ holder, accountKind }: AccountName): string {
  if ('stationId' in holder) return `${holder.stationId} ${accountKind}`;
  return 'supplierId' in holder ? `${holder.supplierId} ${accountKind}` : accountKind;
}

/**
 * The ids of the named accounts; those that do not exist yet are opened. Accounts are made on demand, here and nowhere else:
 * opening a station or a supplier needs no word about money, and an account that was never used does not exist.
 * Called at the stage of "the other balances" or before any lock, never between.
 */
export async function openAccountBook(tx: Transaction, ledger: LedgerOf, names: readonly AccountName[]): Promise<AccountBook> {
  const book = await readAccountBook(tx, ledger, names);
  const missing = new Map(names.map((name) => [accountKey(name), name]));
  for (const key of book.keys()) missing.delete(key);
  if (missing.size === 0) return book;
  const accounts = [...missing.values()].map(({ holder, accountKind }) => ({
    stationId: 'stationId' in holder ? holder.stationId : null,
    supplierId: 'supplierId' in holder ? holder.supplierId : null,
    kind: accountKind,
  }));
  await openAccounts(tx, ledger.networkId, ledger.currency, accounts);
  // another transaction may have opened the same account: its row is read by a new statement
  return new Map([...book, ...(await readAccountBook(tx, ledger, [...missing.values()]))]);
}

/** The ids of those of the named accounts that exist. One statement. */
export async function readAccountBook(
  db: Queryable,
  { networkId, currency }: LedgerOf,
  names: readonly AccountName[],
): Promise<AccountBook> {
  return accountBook(await findAccounts(db, networkId, currency, holderColumns(names)));
}

/** Rows of accounts as a book. */
export function accountBook(rows: readonly Pick<AccountRow, 'id' | 'station_id' | 'supplier_id' | 'kind'>[]): AccountBook {
  return new Map(rows.map(({ id, station_id, supplier_id, kind }) => [[station_id ?? supplier_id, kind].filter(Boolean).join(' '), id]));
}

/** Locks accounts in id order and answers what they hold now, by account id. */
export async function lockBalances(
  tx: Transaction,
  ledger: LedgerOf,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, WalletFacts>> {
  const rows = await lockAccounts(tx, ledger.networkId, accountIds);
  return new Map(rows.map((row) => [row.id, balanceOf(row, ledger.currency)]));
}

/** What a row of an account says about its balance and floor. */
export function balanceOf(row: Pick<AccountRow, 'balance' | 'credit_limit' | 'floorless'>, currency: CurrencyCode): WalletFacts {
  return { balance: money(row.balance, currency), creditLimit: money(row.credit_limit, currency), floorless: row.floorless };
}

/**
 * Writes transfers and their postings and moves the balances: three statements, sent at once. The book names every account.
 * Throws, and thereby rolls back, when a transfer does not sum to zero, a floor would be crossed or an account is missing.
 * Answers the ids of the postings, transfer by transfer.
 */
export async function writeTransfers(
  tx: Transaction,
  ledger: LedgerOf,
  book: AccountBook,
  transfers: readonly NewTransfer[],
): Promise<string[][]> {
  const [, ids] = await Promise.all([writeTransferRows(tx, ledger, transfers), movePostings(tx, ledger, book, transfers)]);
  return ids;
}

/** The first part of `writeTransfers`: the rows that postings refer to, which must be written before them. */
export function writeTransferRows(tx: Transaction, { networkId }: LedgerOf, transfers: readonly NewTransfer[]): Promise<void> {
  const rows = transfers.map(({ id, kind, orderId, reversesId, actorId, note }) => ({
    id,
    kind,
    orderId: orderId ?? null,
    reversesId: reversesId ?? null,
    actorId,
    note: note ?? '',
  }));
  return insertTransfers(tx, networkId, rows);
}

/** The second part of `writeTransfers`: locks the balances in id order, writes the postings and moves the balances. */
export async function movePostings(
  tx: Transaction,
  ledger: LedgerOf,
  book: AccountBook,
  transfers: readonly NewTransfer[],
): Promise<string[][]> {
  const postings = transfers.map((transfer) =>
    transfer.postings.map((posting) => ({
      id: tx.newId(),
      transferId: transfer.id,
      accountId: accountIn(book, posting),
      amount: toAmountString(posting.amount),
      reason: posting.reason,
      dueOn: posting.dueOn ?? null,
      reversesId: posting.reversesId ?? null,
    })),
  );
  const all = postings.flat();
  const accountIds = [...new Set(all.map(({ accountId }) => accountId))];
  await Promise.all([lockAccounts(tx, ledger.networkId, accountIds), insertPostings(tx, ledger, all)]);
  return postings.map((list) => list.map(({ id }) => id));
}

/** The id of an account in a book; an account that is not in it throws. */
export function accountIn(book: AccountBook, name: AccountName): string {
  const id = book.get(accountKey(name));
  if (id === undefined) throw new Error(`no account ${accountKey(name)} in the book`);
  return id;
}

function holderColumns(names: readonly AccountName[]): HolderColumns {
  const columns = { stations: [] as [string, string][], suppliers: [] as [string, string][], own: [] as string[] };
  for (const { holder, accountKind } of names) {
    if ('stationId' in holder) columns.stations.push([holder.stationId, accountKind]);
    else if ('supplierId' in holder) columns.suppliers.push([holder.supplierId, accountKind]);
    else columns.own.push(accountKind);
  }
  return columns;
}
