import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { accountIn, lockBalances, openAccountBook, writeTransfers } from '#server/ledger/commands.ts';
import { decideTopUp, type InsufficientBalance, type WalletFacts } from '#server/ledger/rules.ts';
import { lockStations, selectStations } from '#server/network/sql.ts';
import { selectTerms } from '#server/orders/sql.ts';
import type { Database, Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import { currencyCode, decimal4, decimal4Text, isAmountText, isZero, type Money, money } from '#server/platform/money.ts';
import { hashInput, isRequestKey, onceForKey } from '#server/platform/request-keys.ts';

/** Money into a station's wallet. `amount` is a decimal text in the network's currency, above zero. */
export type TopUp = { readonly requestKey: string; readonly stationId: string; readonly amount: string; readonly note: string | null };

/** What became of a top-up. All but the first changed nothing. NOT_ALLOWED says who could. */
export type TopUpOutcome =
  | { readonly kind: 'WALLET_TOPPED_UP'; readonly stationId: string; readonly amount: Money; readonly replayed: boolean }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | TopUpRefusal;

type TopUpRefusal =
  | InsufficientBalance
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'STATION_FROZEN' }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

const NOTE_MAX = 500;

/**
 * Tops up a wallet (domain §5): headquarters brings money in from CASH, for any station of the network; any other station
 * pays from its own WALLET to a child's. A frozen payer, or one below a frozen station, pays nothing; a closed station is paid
 * nothing; a frozen one may be, since it may have to repay.
 */
export async function topUpWallet(db: Database, viewer: Viewer, topUp: TopUp): Promise<TopUpOutcome> {
  const payerId = actingStationWith(viewer, 'WALLET_TOP_UP');
  const { networkId } = viewer;
  const invalid = topUpProblem(topUp);
  if (invalid) return invalid;
  if (!isId(topUp.stationId)) return { kind: 'NOT_FOUND' };
  const currency = currencyCode((await selectTerms(db.pool, networkId)).currency);
  if (!isAmountText(topUp.amount, currency)) return invalidInput('amount', `${topUp.amount} is finer than ${currency}`);
  const amount = money(topUp.amount, currency);
  if (isZero(amount)) return invalidInput('amount', 'a top-up is above zero');
  const inputHash = hashInput([topUp.stationId, decimal4Text(decimal4(topUp.amount)), topUp.note]);
  const outcome = await onceForKey(
    db,
    { networkId, stationId: payerId, effect: 'wallet.top-up', requestKey: topUp.requestKey, inputHash },
    (newId) => ({ transferId: newId() }),
    (tx, { transferId }) => pay(tx, viewer, { ...topUp, payerId, transferId, money: amount }),
  );
  return outcome.kind === 'DONE' ? { kind: 'WALLET_TOPPED_UP', stationId: topUp.stationId, amount, replayed: outcome.replayed } : outcome;
}

type Payment = TopUp & { readonly payerId: string; readonly transferId: string; readonly money: Money };

async function pay(tx: Transaction, viewer: Viewer, payment: Payment): Promise<TopUpRefusal | null> {
  const { networkId } = viewer;
  const { payerId, stationId, transferId } = payment;
  const ledger = { networkId, currency: payment.money.currency };
  const source = await paySource(tx, networkId, payment);
  if (typeof source !== 'string') return source;
  const walletOf = (id: string) => ({ holder: { stationId: id }, accountKind: 'WALLET' as const });
  const cash = { holder: { network: true as const }, accountKind: 'CASH' as const };
  const wallets = source === 'CASH' ? [walletOf(stationId)] : [walletOf(stationId), walletOf(payerId)];
  const book = await openAccountBook(tx, ledger, source === 'CASH' ? [...wallets, cash] : wallets);
  const locked = await lockBalances(
    tx,
    ledger,
    wallets.map((name) => accountIn(book, name)),
  );
  const payer =
    source === 'CASH'
      ? ({ source } as const)
      : ({ source, stationId: payerId, wallet: walletIn(locked, accountIn(book, walletOf(payerId))) } as const);
  const decision = decideTopUp({ stationId, amount: payment.money, payer });
  if (decision.kind !== 'ACCEPTED') return decision;
  const transfer = {
    id: transferId,
    kind: 'TOP_UP' as const,
    actorId: actorId(viewer),
    note: payment.note ?? '',
    postings: decision.postings,
  };
  const moved = source === 'CASH' ? [stationId] : [stationId, payerId];
  await Promise.all([
    writeTransfers(tx, ledger, book, [transfer]),
    writeAudit(tx, viewer, { action: 'wallet.topped_up', subjectId: stationId, data: { transferId } }),
    writeEvents(
      tx,
      moved.map((id) => ({ networkId, topic: 'wallet.changed', subjectId: id, audience: [id], data: { transferId } })),
    ),
  ]);
  return null;
}

function walletIn(locked: ReadonlyMap<string, WalletFacts>, accountId: string): WalletFacts {
  const wallet = locked.get(accountId);
  if (!wallet) throw new Error('a wallet that was opened is not there');
  return wallet;
}

/** Where the money comes from, or why it does not. */
async function paySource(tx: Transaction, networkId: string, { payerId, stationId }: Payment): Promise<'CASH' | 'WALLET' | TopUpRefusal> {
  const stations = await selectStations(tx, networkId, [payerId, stationId]);
  const payer = stations.get(payerId);
  if (!payer) throw new Error('a viewer’s station is not there');
  if (!stations.get(stationId)?.path.includes(payerId)) return { kind: 'NOT_FOUND' };
  // locked: it is not closed between this look and the money's arrival
  const receiver = (await lockStations(tx, networkId, [stationId])).get(stationId);
  if (!receiver) return { kind: 'NOT_FOUND' };
  if (receiver.status === 'CLOSED') return { kind: 'NOT_ALLOWED', message: 'A closed station is not topped up.' };
  if (payer.kind === 'HEADQUARTERS') return 'CASH';
  if (stationId === payerId)
    return { kind: 'NOT_ALLOWED', message: 'Its parent or headquarters tops up a station, not the station itself.' };
  if (receiver.parentId !== payerId) return { kind: 'NOT_ALLOWED', message: 'Only its parent or headquarters tops up a station.' };
  const line = await selectStations(tx, networkId, payer.path);
  return [...line.values()].some(({ status }) => status !== 'ACTIVE') ? { kind: 'STATION_FROZEN' } : 'WALLET';
}

function topUpProblem({ requestKey, amount, note }: TopUp): TopUpRefusal | null {
  if (!isRequestKey(requestKey)) return invalidInput('requestKey', 'a request key has 1 to 255 characters');
  if (!/^\d{1,14}(\.\d{1,4})?$/.test(amount)) return invalidInput('amount', 'an amount is a decimal text such as 12.30');
  return (note ?? '').length > NOTE_MAX ? invalidInput('note', `a note has at most ${NOTE_MAX} characters`) : null;
}

function invalidInput(field: string, message: string): TopUpRefusal {
  return { kind: 'INVALID_INPUT', field, message };
}
