import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { accountIn, lockBalances, openAccountBook, writeTransfers } from '#server/ledger/commands.ts';
import type { InsufficientBalance } from '#server/ledger/rules.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { type Database, run, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { decimal4, decimal4Text, isAmountText, isZero, type Money, money } from '#server/platform/money.ts';
import { hashInput, isRequestKey, onceForKey } from '#server/platform/request-keys.ts';
import { type DepositMove, decideDeposit, depositCounterpart } from '#server/suppliers/rules.ts';
import { lockSuppliers } from '#server/suppliers/sql.ts';
import { headquartersOn } from './supplier-access.ts';

/** What is done to a supplier's deposit. `amount` is a decimal text in the network's currency, above zero. */
export type MoveDepositInput = {
  readonly requestKey: string;
  readonly supplierId: string;
  readonly move: DepositMove;
  readonly amount: string;
  readonly reason: string;
};

/** What became of it. All but the first changed nothing. */
export type MoveDepositOutcome =
  | { readonly kind: 'DEPOSIT_MOVED'; readonly supplierId: string; readonly amount: Money; readonly replayed: boolean }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | MoveRefusal;

type MoveRefusal = InsufficientBalance | NotFound | NotAllowed | InvalidInput;

const REASON_MAX = 500;

/**
 * Moves a supplier's deposit by headquarters' finance, which alone posts against CASH (domain §5): paid in and returned against the
 * outside world, deducted with a reason into headquarters' own wallet. Never below zero. The supplier reads the reason in its
 * statement. A second person is asked for refunds and withdrawals; a deposit is neither.
 */
export async function moveDeposit(db: Database, viewer: Viewer, input: MoveDepositInput): Promise<MoveDepositOutcome> {
  const stationId = actingStationWith(viewer, 'DEPOSITS_MANAGE');
  const { networkId } = viewer;
  const found = await headquartersOn(db.pool, viewer, 'DEPOSITS_MANAGE', input.supplierId);
  if (found.kind !== 'ACTOR') return found;
  const invalid = inputProblem(input);
  if (invalid) return invalid;
  const { currency } = await selectNetwork(db.pool, networkId);
  if (!isAmountText(input.amount, currency)) return invalidInput('amount', `${input.amount} is finer than ${currency}`);
  const amount = money(input.amount, currency);
  if (isZero(amount)) return invalidInput('amount', 'a deposit moves by more than nothing');
  const { requestKey, supplierId, move, reason } = input;
  const inputHash = hashInput([supplierId, move, decimal4Text(decimal4(input.amount)), reason]);
  const outcome = await onceForKey(
    db,
    { networkId, stationId, effect: 'supplier.deposit', requestKey, inputHash },
    (newId) => ({ transferId: newId() }),
    (tx, { transferId }) => post(tx, viewer, { supplierId, move, reason, amount, transferId, headquartersId: stationId }),
  );
  return outcome.kind === 'DONE' ? { kind: 'DEPOSIT_MOVED', supplierId, amount, replayed: outcome.replayed } : outcome;
}

type Move = {
  readonly supplierId: string;
  readonly move: DepositMove;
  readonly reason: string;
  readonly amount: Money;
  readonly transferId: string;
  readonly headquartersId: string;
};

async function post(tx: Transaction, viewer: Viewer, given: Move): Promise<MoveRefusal | null> {
  const { networkId } = viewer;
  const { supplierId, move, amount, transferId, headquartersId, reason } = given;
  const ledger = { networkId, currency: amount.currency };
  const [supplier] = await run(tx, lockSuppliers, [networkId, [supplierId]]);
  if (supplier === undefined) return { kind: 'NOT_FOUND' };
  if (supplier.standing === 'CLOSED') return { kind: 'NOT_ALLOWED', message: 'The supplier is closed.' };
  const deposit = { holder: { supplierId }, accountKind: 'DEPOSIT' } as const;
  const other = depositCounterpart(move, headquartersId);
  const book = await openAccountBook(tx, ledger, [deposit, other]);
  const accounts = [accountIn(book, deposit), accountIn(book, other)];
  const balance = (await lockBalances(tx, ledger, accounts)).get(accountIn(book, deposit))?.balance;
  if (balance === undefined) throw new Error('a deposit that was opened is not there');
  const decision = decideDeposit({ move, supplierId, headquartersId, amount, balance });
  if (decision.kind !== 'ACCEPTED') return decision;
  const transfer = { id: transferId, kind: 'DEPOSIT' as const, actorId: actorId(viewer), note: reason, postings: decision.postings };
  const events = [
    { networkId, topic: 'supplier.changed' as const, subjectId: supplierId, audience: [headquartersId, supplierId], data: { transferId } },
    { networkId, topic: 'wallet.changed' as const, subjectId: headquartersId, audience: [headquartersId], data: { transferId } },
  ];
  await Promise.all([
    writeTransfers(tx, ledger, book, [transfer]),
    writeAudit(tx, viewer, { action: 'supplier.deposit_moved', subjectId: supplierId, data: { transferId, move, reason } }),
    writeEvents(tx, move === 'DEDUCT' ? events : events.slice(0, 1)),
  ]);
  return null;
}

function inputProblem({ requestKey, amount, reason }: MoveDepositInput): InvalidInput | null {
  if (!isRequestKey(requestKey)) return invalidInput('requestKey', 'a request key has 1 to 255 characters');
  if (!/^\d{1,14}(\.\d{1,4})?$/.test(amount)) return invalidInput('amount', 'an amount is a decimal text such as 12.30');
  if (reason.trim() === '' || reason.length > REASON_MAX) return invalidInput('reason', `a reason has 1 to ${REASON_MAX} characters`);
  return null;
}

function invalidInput(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message };
}
