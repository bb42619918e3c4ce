import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { openAccountBook, writeTransfers } from '#server/ledger/commands.ts';
import { type DecidedRefund, decideRefund, type RefundBearer, type RefundRefusal, type RefundRequest } from '#server/ledger/rules.ts';
import { selectStations } from '#server/network/sql.ts';
import { ordersByIds, type SeenOrderRow } from '#server/orders/reads.ts';
import { insertRefund, selectKeptRefund, settleRefund, updateRefundedOrder } from '#server/orders/sql.ts';
import type { Database, Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import {
  type CurrencyCode,
  compareMoney,
  currencyCode,
  decimal4,
  decimal4Text,
  isAmountText,
  type Money,
  money,
  subtractMoney,
  toAmountString,
} from '#server/platform/money.ts';
import { hashInput, isRequestKey, onceForKey } from '#server/platform/request-keys.ts';
import { returnKeys } from '#server/stock/sql.ts';
import { loadRefundGround, type RefundGround } from './refund-facts.ts';

/** What is to be given back: keys, an amount (decimal text), or, both null, the whole of what is left. */
export type RefundInput = {
  readonly requestKey: string;
  readonly orderId: string;
  readonly amount: string | null;
  readonly cardKeyIds: readonly string[] | null;
  /** null is OWNER; only the owner of the goods says who bears it */
  readonly bearer: RefundBearer | null;
  readonly reason: string;
};

/** Approves or declines a refund that waits. `bearer` null keeps what was asked for. */
export type RefundDecision = {
  readonly requestKey: string;
  readonly refundId: string;
  readonly approve: boolean;
  readonly bearer: RefundBearer | null;
  readonly reason: string | null;
};

/** Why nothing was given back and nothing was written. */
export type RefundNotDone =
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string }
  | (Omit<RefundRefusal, 'reason'> & { readonly reason: RefundRefusal['reason'] | 'ALREADY_DECIDED' });

/** What became of a refund. REFUND_REQUESTED: the viewer may only ask, or a second person must decide. */
export type RefundOutcome =
  | { readonly kind: 'ORDER_REFUNDED'; readonly refundId: string; readonly orderId: string; readonly replayed: boolean }
  | { readonly kind: 'REFUND_REQUESTED'; readonly refundId: string; readonly orderId: string; readonly replayed: boolean }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string }
  | RefundNotDone;

/** What became of a decision. */
export type RefundDecisionOutcome =
  | { readonly kind: 'ORDER_REFUNDED'; readonly refundId: string; readonly orderId: string; readonly replayed: boolean }
  | { readonly kind: 'REFUND_DECLINED'; readonly refundId: string; readonly orderId: string; readonly replayed: boolean }
  | RefundNotDone;

const REASON_MAX = 500;
/** Domain §2: closing ends everything, its money settled. */
const BUYER_CLOSED = { kind: 'NOT_ALLOWED', message: 'The buyer is closed for ever: nothing is paid into its wallet any more.' } as const;
const ONLY_THE_OWNER = 'Only the owner of the goods decides a refund.';

/**
 * Gives money of an order back, or asks for it (domain §5). The owner's finance decides; the buyer and the stations between
 * may only ask, and above the network's limit the owner asks too: a second person decides then. Keys that nobody has seen go
 * back to stock. A closed buyer is paid nothing: its wallet is out of everybody's reach (§2). Under the buyer's wallet's lock, so that
 * refunds that race are decided one after the other.
 */
export async function refundOrder(db: Database, viewer: Viewer, input: RefundInput): Promise<RefundOutcome> {
  const stationId = actingStationWith(viewer, 'REFUNDS_ASK');
  const { networkId } = viewer;
  const { orderId, requestKey } = input;
  if (!isId(orderId)) return { kind: 'NOT_FOUND' };
  const order = (await ordersByIds(db.pool, { networkId, stationId }, [orderId])).get(orderId);
  if (!order) return { kind: 'NOT_FOUND' };
  if (order.role === 'ABOVE')
    return { kind: 'NOT_ALLOWED', message: 'The owner of the goods, the buyer and the stations between may ask.' };
  const invalid = inputProblem(input, order);
  if (invalid) return invalid;
  const outcome = await onceForKey(
    db,
    { networkId, stationId, effect: 'refund', requestKey, inputHash: inputHash(input) },
    (newId) => ({ refundId: newId(), transferId: newId() }),
    (tx, ids) => refundOrAsk(tx, viewer, { ...ids, input, mayDecide: order.role === 'OWNER' && viewer.permissions.has('REFUNDS_DECIDE') }),
  );
  if (outcome.kind !== 'DONE') return outcome;
  const { refundId, transferId } = outcome.ids;
  const done = (await selectKeptRefund(db.pool, networkId, refundId))?.transfer_id === transferId;
  return { kind: done ? 'ORDER_REFUNDED' : 'REFUND_REQUESTED', refundId, orderId, replayed: outcome.replayed };
}

/** Decides a refund that waits, as the owner's finance. The person who asked above the limit cannot be the one who approves. */
export async function decideWaitingRefund(db: Database, viewer: Viewer, decision: RefundDecision): Promise<RefundDecisionOutcome> {
  const stationId = actingStationWith(viewer, 'REFUNDS_DECIDE');
  const { networkId } = viewer;
  const { refundId, requestKey, approve, bearer, reason } = decision;
  const kept = isId(refundId) && isRequestKey(requestKey) ? await selectKeptRefund(db.pool, networkId, refundId) : null;
  const order = kept && (await ordersByIds(db.pool, { networkId, stationId }, [kept.order_id])).get(kept.order_id);
  if (!order) return { kind: 'NOT_FOUND' };
  if (order.role !== 'OWNER') return { kind: 'NOT_ALLOWED', message: ONLY_THE_OWNER };
  const outcome = await onceForKey(
    db,
    { networkId, stationId, effect: 'refund.decide', requestKey, inputHash: hashInput([refundId, approve, bearer, reason]) },
    (newId) => ({ transferId: newId() }),
    (tx, { transferId }) => decideKept(tx, viewer, { orderId: order.id, transferId, decision }),
  );
  if (outcome.kind !== 'DONE') return outcome;
  return { kind: approve ? 'ORDER_REFUNDED' : 'REFUND_DECLINED', refundId, orderId: order.id, replayed: outcome.replayed };
}

type Refunding = { readonly refundId: string; readonly transferId: string; readonly input: RefundInput; readonly mayDecide: boolean };

async function refundOrAsk(
  tx: Transaction,
  viewer: Viewer,
  { refundId, transferId, input, mayDecide }: Refunding,
): Promise<RefundNotDone | null> {
  const { networkId } = viewer;
  const ground = await loadRefundGround(tx, networkId, input.orderId);
  if (await isBuyerClosed(tx, networkId, ground)) return BUYER_CLOSED;
  const actor = actorId(viewer);
  const request = { what: whatOf(input, ground.currency), bearer: input.bearer ?? 'OWNER', requestedBy: actor } as const;
  const decided = decideRefund(ground.facts, { ...request, decidedBy: actor });
  const done = mayDecide && decided.kind === 'REFUNDED';
  // for somebody else to decide: is it sound at all, and how much is it?
  const asked = decided.kind === 'REFUNDED' ? decided : decideRefund(ground.facts, { ...request, decidedBy: '' });
  if (asked.kind !== 'REFUNDED') return asked;
  const row = {
    id: refundId,
    orderId: input.orderId,
    amount: toAmountString(asked.amount),
    currency: ground.currency,
    bearer: request.bearer,
    cardKeyIds: asked.cardKeyIds,
    reason: input.reason,
    requestedBy: actor,
  };
  if (done) {
    await Promise.all([
      insertRefund(tx, networkId, { ...row, done: { transferId, decidedBy: actor } }),
      writeAudit(tx, viewer, { action: 'order.refunded', subjectId: input.orderId, data: { refundId, transferId } }),
      giveBack(tx, networkId, ground, { refundId, transferId, decided: asked, reason: input.reason, actorId: actor }),
    ]);
  } else {
    await Promise.all([
      insertRefund(tx, networkId, { ...row, done: null }),
      writeAudit(tx, viewer, { action: 'refund.requested', subjectId: input.orderId, data: { refundId } }),
      writeEvents(tx, [eventOf(networkId, ground, 'refund.requested', refundId)]),
    ]);
  }
  return null;
}

type Deciding = { readonly orderId: string; readonly transferId: string; readonly decision: RefundDecision };

async function decideKept(tx: Transaction, viewer: Viewer, { orderId, transferId, decision }: Deciding): Promise<RefundNotDone | null> {
  const { networkId } = viewer;
  const { refundId, approve, reason } = decision;
  const ground = await loadRefundGround(tx, networkId, orderId);
  const kept = await selectKeptRefund(tx, networkId, refundId);
  if (!kept) throw new Error(`refund ${refundId} is not there`);
  if (kept.state !== 'REQUESTED') return { kind: 'REFUND_REFUSED', reason: 'ALREADY_DECIDED', refundable: leftOf(ground) };
  const decidedBy = actorId(viewer);
  if (!approve) {
    await Promise.all([
      settleRefund(tx, networkId, { id: refundId, decidedBy, done: null }),
      writeAudit(tx, viewer, { action: 'refund.declined', subjectId: orderId, data: { refundId, reason } }),
      writeEvents(tx, [eventOf(networkId, ground, 'refund.declined', refundId)]),
    ]);
    return null;
  }
  if (await isBuyerClosed(tx, networkId, ground)) return BUYER_CLOSED;
  const bearer = decision.bearer ?? kept.bearer;
  const decided = decideRefund(ground.facts, { what: whatOfKept(ground, kept), bearer, requestedBy: kept.requested_by, decidedBy });
  if (decided.kind !== 'REFUNDED') return decided;
  await Promise.all([
    settleRefund(tx, networkId, { id: refundId, decidedBy, done: { transferId, amount: toAmountString(decided.amount), bearer } }),
    writeAudit(tx, viewer, { action: 'order.refunded', subjectId: orderId, data: { refundId, transferId } }),
    giveBack(tx, networkId, ground, { refundId, transferId, decided, reason: reason ?? '', actorId: decidedBy }),
  ]);
  return null;
}

/** Whether nobody could get at what a refund pays. Looked at under the wallet's lock, which closing a station takes as well. */
async function isBuyerClosed(tx: Transaction, networkId: string, { order }: RefundGround): Promise<boolean> {
  return (await selectStations(tx, networkId, [order.buyer_id])).get(order.buyer_id)?.status === 'CLOSED';
}

/** A decided refund that is to be written. */
export type Giving = {
  readonly refundId: string;
  readonly transferId: string;
  readonly decided: DecidedRefund;
  readonly reason: string;
  readonly actorId: string;
};

/** Writes a decided refund: keys back on the shelf, the order's state, the reversing transfer, and who is told. */
export async function giveBack(
  tx: Transaction,
  networkId: string,
  ground: RefundGround,
  { refundId, transferId, decided, reason, actorId: actor }: Giving,
): Promise<void> {
  const { order, currency } = ground;
  const ledger = { networkId, currency };
  const refundedTotal = toAmountString(decided.refundedTotal);
  const book = await openAccountBook(tx, ledger, decided.postings);
  // what is taken back falls due with what it takes back, so that the day's run settles the rest
  const postings = decided.postings.map((posting) => ({
    ...posting,
    dueOn: posting.accountKind.endsWith('PENDING') ? order.due_on : null,
  }));
  const stock: NewEvent = {
    networkId,
    topic: 'stock.changed',
    subjectId: order.sku_id,
    audience: [order.owner_id],
    data: { skuId: order.sku_id },
  };
  const told = [eventOf(networkId, ground, 'order.refunded', refundId), ...(decided.returnedKeyIds.length > 0 ? [stock] : [])];
  await Promise.all([
    decided.returnedKeyIds.length > 0 ? returnKeys(tx, networkId, order.id, decided.returnedKeyIds) : null,
    updateRefundedOrder(tx, networkId, { id: order.id, refundedTotal, state: decided.orderState, refundedBefore: order.refunded_total }),
    writeEvents(tx, told),
    writeTransfers(tx, ledger, book, [
      {
        id: transferId,
        kind: 'REFUND',
        orderId: order.id,
        reversesId: order.transfer_id,
        actorId: actor,
        note: reason,
        postings,
      },
    ]),
  ]);
}

function eventOf(
  networkId: string,
  { order }: RefundGround,
  topic: 'order.refunded' | 'refund.requested' | 'refund.declined',
  refundId: string,
): NewEvent {
  const data = { orderId: order.id, refundId, ownerId: order.owner_id, skuId: order.sku_id };
  return { networkId, topic, subjectId: order.id, audience: order.buyer_path, data };
}

function whatOf({ amount, cardKeyIds }: RefundInput, currency: CurrencyCode): RefundRequest['what'] {
  if (cardKeyIds !== null) return { kind: 'KEYS', cardKeyIds };
  return amount === null ? { kind: 'WHOLE' } : { kind: 'AMOUNT', amount: money(amount, currency) };
}

/** A refund that was asked for names its keys and its amount; all of both that are left are the whole again. */
function whatOfKept(ground: RefundGround, kept: { amount: string; card_key_ids: readonly string[] }): RefundRequest['what'] {
  const { facts, currency } = ground;
  const amount = money(kept.amount, currency);
  const gone = new Set(facts.refunds.flatMap(({ cardKeyIds }) => cardKeyIds));
  const keysLeft = facts.keys.filter(({ id }) => !gone.has(id));
  const isWhole = keysLeft.length === kept.card_key_ids.length && compareMoney(amount, leftOf(ground)) === 0;
  if (isWhole) return { kind: 'WHOLE' };
  return kept.card_key_ids.length > 0 ? { kind: 'KEYS', cardKeyIds: kept.card_key_ids } : { kind: 'AMOUNT', amount };
}

/** What of the order's total was not given back yet. */
function leftOf({ order, currency }: RefundGround): Money {
  return subtractMoney(money(order.total, currency), money(order.refunded_total, currency));
}

function inputProblem(input: RefundInput, order: SeenOrderRow): Extract<RefundOutcome, { kind: 'INVALID_INPUT' }> | null {
  const invalid = (field: string, message: string) => ({ kind: 'INVALID_INPUT', field, message }) as const;
  const { requestKey, amount, cardKeyIds, bearer, reason } = input;
  if (!isRequestKey(requestKey)) return invalid('requestKey', 'a request key has 1 to 255 characters');
  if (reason.trim() === '' || reason.length > REASON_MAX) return invalid('reason', `a reason has 1 to ${REASON_MAX} characters`);
  if (amount !== null && cardKeyIds !== null) return invalid('amount', 'a refund names an amount or card keys, not both');
  if (amount !== null && !isAmount(amount, currencyCode(order.currency)))
    return invalid('amount', 'an amount is a decimal text such as 12.30, above zero');
  if (cardKeyIds?.length === 0) return invalid('cardKeyIds', 'name at least one card key');
  if (bearer !== null && order.role !== 'OWNER') return invalid('bearer', 'only the owner of the goods says who bears a refund');
  return null;
}

function isAmount(text: string, currency: CurrencyCode): boolean {
  return /^\d{1,14}(\.\d{1,4})?$/.test(text) && isAmountText(text, currency) && decimal4(text) > 0n;
}

function inputHash({ orderId, amount, cardKeyIds, bearer, reason }: RefundInput): Buffer {
  const keys = cardKeyIds === null ? null : [...cardKeyIds].sort();
  return hashInput([orderId, amount === null ? null : decimal4Text(decimal4(amount)), keys, bearer, reason]);
}
