import { accountKey, lockBalances, readAccountBook } from '#server/ledger/commands.ts';
import type { AccountKind, OrderPosting, PostingReason, RefundFacts } from '#server/ledger/rules.ts';
import { lockWallets, type OrderPostingRow, selectOrderPostings } from '#server/ledger/sql.ts';
import { type KeptRefundRow, type RefundedOrderRow, selectDoneRefunds, selectRefundedOrder, selectTerms } from '#server/orders/sql.ts';
import type { Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, currencyCode, money, zeroMoney } from '#server/platform/money.ts';
import { lockOrderKeys, type OrderKeyRow } from '#server/stock/sql.ts';

/** Everything that a refund of an order is decided on, locked. */
export type RefundGround = { readonly order: RefundedOrderRow; readonly currency: CurrencyCode; readonly facts: RefundFacts };

/**
 * Loads a refund's facts and locks what it may move, in the order of all flows (architecture §2): the wallets of buyer and
 * owner, the order's keys, then the other balances by id. The buyer's wallet is the lock of all refunds of its orders.
 */
export async function loadRefundGround(tx: Transaction, networkId: string, orderId: string): Promise<RefundGround> {
  const [terms, found] = await Promise.all([selectTerms(tx, networkId), selectRefundedOrder(tx, networkId, orderId)]);
  if (!found?.transfer_id) throw new Error(`order ${orderId} has no transfer`);
  const transferId = found.transfer_id;
  const currency = currencyCode(terms.currency);
  const [, order, refunds, keys, postings] = await Promise.all([
    lockWallets(tx, networkId, currency, [found.buyer_id, found.owner_id]),
    // again, now that the lock keeps it still
    selectRefundedOrder(tx, networkId, orderId),
    selectDoneRefunds(tx, networkId, orderId),
    lockOrderKeys(tx, networkId, orderId),
    selectOrderPostings(tx, networkId, { transferId, orderId }),
  ]);
  if (!order) throw new Error(`order ${orderId} is not there`);
  const orderPostings = postings.map((row) => orderPosting(row, currency));
  const balances = await lockOthers(tx, { networkId, currency }, order, orderPostings);
  return {
    order,
    currency,
    facts: {
      order: {
        ownerId: order.owner_id,
        total: money(order.total, currency),
        quantity: order.quantity,
        delivered: order.delivered_at !== null,
      },
      postings: orderPostings,
      keys: keys.map((row) => soldKey(row, currency)),
      refunds: refunds.map((row) => earlierRefund(row, currency)),
      balances,
      secondPersonAbove: money(terms.refund_limit, currency),
    },
  };
}

/** Locks every balance that any refund of the order may touch, in one go: in two, two refunds could wait for each other. */
async function lockOthers(
  tx: Transaction,
  ledger: { networkId: string; currency: CurrencyCode },
  order: RefundedOrderRow,
  postings: readonly OrderPosting[],
): Promise<RefundFacts['balances']> {
  const stations = new Set([order.owner_id, ...postings.flatMap(({ holder }) => ('stationId' in holder ? [holder.stationId] : []))]);
  stations.delete(order.buyer_id);
  const ofStation = (stationId: string) =>
    (['EARNINGS_PENDING', 'EARNINGS', 'CLAWBACK'] as const).map((accountKind) => ({ holder: { stationId }, accountKind }));
  const ofSuppliers = postings.flatMap(({ holder }) =>
    'supplierId' in holder ? (['PAYABLE_PENDING', 'PAYABLE'] as const).map((accountKind) => ({ holder, accountKind })) : [],
  );
  const book = await readAccountBook(tx, ledger, [...[...stations].flatMap(ofStation), ...ofSuppliers]);
  const locked = await lockBalances(tx, ledger, [...book.values()]);
  const balanceOf = (stationId: string, accountKind: AccountKind) => {
    const id = book.get(accountKey({ holder: { stationId }, accountKind }));
    return (id === undefined ? undefined : locked.get(id)?.balance) ?? zeroMoney(ledger.currency);
  };
  return new Map([...stations].map((id) => [id, { earnings: balanceOf(id, 'EARNINGS'), clawback: balanceOf(id, 'CLAWBACK') }]));
}

/** Nothing settles earnings yet: every posting of an order is still where the order put it. */
function orderPosting(row: OrderPostingRow, currency: CurrencyCode): OrderPosting {
  return {
    id: row.id,
    holder: row.station_id === null ? { supplierId: row.supplier_id ?? '' } : { stationId: row.station_id },
    accountKind: row.kind as AccountKind,
    amount: money(row.amount, currency),
    reason: row.reason as PostingReason,
    reversed: money(row.reversed, currency),
    settled: false,
  };
}

function soldKey(row: OrderKeyRow, currency: CurrencyCode): RefundFacts['keys'][number] {
  return { id: row.card_key_id, cost: money(row.cost, currency), supplierId: row.supplier_id, terms: row.terms, revealed: row.revealed };
}

function earlierRefund(row: KeptRefundRow, currency: CurrencyCode): RefundFacts['refunds'][number] {
  return { amount: money(row.amount, currency), bearer: row.bearer, cardKeyIds: row.card_key_ids };
}
