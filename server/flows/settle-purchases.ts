import { inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { type AttemptChange, changeAttempts, type NewStep, planAttempts, writeSteps } from '#server/purchases/commands.ts';
import { type AttentionReason, type Decision, VERIFY_AFTER_SECONDS } from '#server/purchases/rules.ts';
import { type ClaimedAttemptRow, calledBack, lockClaimed } from '#server/purchases/sql.ts';
import { insertDoubted } from '#server/stock/sql.ts';
import type { CalledAttempt } from './purchase-calls.ts';
import { type NextTry, planNext } from './purchase-failover.ts';
import type { PurchaseGround } from './purchase-ground.ts';
import { type LineOutcome, type LineSettlement, settleLines } from './settle-lines.ts';
import { type StockedCounts, stockPurchased } from './stock-purchased.ts';

/**
 * Writes down what came of attempts of one network, all in one transaction: attempts, their logs, the lines of their orders with the
 * money, what is tried next, events. A worker that lost its lease changes nothing: what it learned is added to the log for a person.
 * Attempts are locked in the order of their ids, then orders. Run again as a whole when a key that it brings is brought by another
 * transaction at the same time.
 */
export async function settlePurchases(ground: PurchaseGround, networkId: string, called: readonly CalledAttempt[]): Promise<void> {
  await inTransaction(ground.db, (tx) => settleList(tx, ground, networkId, called), { settledPlans: true });
}

async function settleList(tx: Transaction, ground: PurchaseGround, networkId: string, called: readonly CalledAttempt[]): Promise<void> {
  const ids = called.map(({ row }) => row.id);
  const held = await run(tx, lockClaimed, [networkId, ids, called.map(({ workerId }) => workerId)]);
  const heldIds = new Set(held.map(({ id }) => id));
  const mine = await askedSooner(
    tx,
    networkId,
    called.filter(({ row }) => heldIds.has(row.id)),
  );
  const lost = called.filter(({ row }) => !heldIds.has(row.id));
  const settled = await settleMine(tx, ground, networkId, mine);
  await changeAttempts(
    tx,
    networkId,
    settled.map(({ change }) => change),
  );
  await planAttempts(
    tx,
    networkId,
    settled.flatMap(({ next }) => next?.next ?? []),
  );
  await Promise.all([
    insertDoubted(tx, networkId, settled.flatMap(broughtAgain)),
    writeSteps(tx, networkId, [...lost.map(lostStep), ...settled.flatMap(stepsOf)]),
    writeEvents(
      tx,
      settled.flatMap((each) => eventsOf(networkId, each)),
    ),
  ]);
}

/** What an upstream called back about while it was asked is asked for again at once: the answer may be from before. */
async function askedSooner(tx: Transaction, networkId: string, mine: readonly CalledAttempt[]): Promise<readonly CalledAttempt[]> {
  const waiting = mine.filter(({ decision }) => decision.kind === 'WAIT' && decision.dueAt !== null);
  if (waiting.length === 0) return mine;
  const values = [networkId, waiting.map(({ row }) => row.id), waiting.map(({ workerId }) => workerId)];
  const told = new Set((await run(tx, calledBack, values)).map(({ id }) => id));
  return mine.map((called) =>
    called.decision.kind === 'WAIT' && told.has(called.row.id) ? { ...called, decision: { ...called.decision, dueAt: tx.now } } : called,
  );
}

/** An attempt with what becomes of it. */
type Settled = {
  readonly called: CalledAttempt;
  readonly change: AttemptChange;
  readonly next: NextTry | null;
  readonly note: string | null;
};

async function settleMine(tx: Transaction, ground: PurchaseGround, networkId: string, mine: readonly CalledAttempt[]): Promise<Settled[]> {
  const ended = mine.flatMap(({ row, decision }) =>
    decision.kind === 'REJECTED' && row.purpose === 'ORDER' ? [{ row, reason: decision.reason }] : [],
  );
  const nexts = new Map(
    (await planNext(tx, networkId, ended, { elsewhere: 'NO', chance: ground.chance })).map((next) => [next.row.id, next]),
  );
  const settlements = new Map(
    mine.flatMap((called) => settlementOf(called, nexts.get(called.row.id)) ?? []).map((each) => [each.lineId, each]),
  );
  const outcomes = await settleLines(tx, networkId, [...settlements.values()]);
  const outcomeOf = new Map([...settlements.keys()].map((lineId, index) => [lineId, outcomes[index]]));
  const lineOutcome = ({ row }: CalledAttempt) => (row.line_id === null ? undefined : outcomeOf.get(row.line_id));
  const stocked = await stockPurchased(
    tx,
    networkId,
    mine.flatMap((called) => stockedOf(called, lineOutcome(called))),
  );
  const settled = mine.map((called) =>
    settledBy(tx, { called, outcome: lineOutcome(called), stocked: stocked.get(called.row.id), next: nexts.get(called.row.id) ?? null }),
  );
  await settleLines(tx, networkId, settled.flatMap(refusedDelivery));
  return settled;
}

/** What an order's line hears of it; none where nothing changes for it. */
function settlementOf({ row, decision, goods }: CalledAttempt, next: NextTry | undefined): LineSettlement | null {
  const { line_id: lineId } = row;
  if (lineId === null || row.state === 'REJECTED') return null;
  const wasHeld = row.attention_reason !== null && row.attention_reason !== 'MANUAL';
  switch (decision.kind) {
    case 'GOODS':
      if (goods === null) throw new Error('goods that were not sealed');
      return {
        kind: 'DELIVER',
        lineId,
        attemptId: row.id,
        supplierId: row.supplier_id,
        terms: row.terms,
        cost: decision.cost,
        goods,
        actorId: null,
      };
    case 'REJECTED':
      if (next?.isOver) return { kind: 'FAIL', lineId, reason: NO_SUPPLIER };
      return wasHeld ? { kind: 'RESUME', lineId, reason: decision.reason } : null;
    case 'WAIT':
      if (decision.attention !== null && decision.attention !== 'MANUAL')
        return decision.attention === row.attention_reason ? null : { kind: 'ATTENTION', lineId, reason: decision.attention };
      return wasHeld ? { kind: 'RESUME', lineId, reason: decision.reason } : null;
    case 'STANDS':
      return null;
  }
}

/** Why an order failed whose goods nobody has: never who was asked. */
export const NO_SUPPLIER = 'NO_SUPPLIER';

/** Goods that no line takes: bought for stock, or late. */
function stockedOf({ row, decision, goods }: CalledAttempt, outcome: LineOutcome | undefined) {
  const isTaken = row.purpose === 'ORDER' && row.state !== 'REJECTED' && outcome?.kind !== 'NOT_WAITING';
  if (decision.kind !== 'GOODS' || goods === null || isTaken) return [];
  return [
    {
      attemptId: row.id,
      offerId: row.offer_id,
      skuId: row.sku_id,
      ownerId: row.owner_id,
      supplierId: row.supplier_id,
      terms: row.terms,
      cost: decision.cost,
      goods,
      actorId: null,
    },
  ];
}

type Facts = {
  readonly called: CalledAttempt;
  readonly outcome: LineOutcome | undefined;
  readonly stocked: StockedCounts | undefined;
  readonly next: NextTry | null;
};

function settledBy(tx: Transaction, { called, outcome, stocked, next }: Facts): Settled {
  const { row, decision, upstreamRef, step } = called;
  const common = { id: row.id, upstreamRef, isQuery: step.kind === 'QUERIED' || step.kind === 'RESENT' };
  switch (decision.kind) {
    case 'GOODS':
      return { called, next: null, ...goodsChange(common, { row, decision, outcome, stocked }) };
    case 'REJECTED': {
      const verifyAt = new Date(tx.now.getTime() + VERIFY_AFTER_SECONDS * 1000);
      const dueAt = decision.reason === 'NOT_FOUND' && called.canVerify ? verifyAt : null;
      const change = { ...common, state: 'REJECTED' as const, reason: decision.reason, message: decision.message, dueAt };
      return { called, change, next, note: null };
    }
    case 'WAIT': {
      const { kind: _, ...how } = decision;
      return { called, change: { ...common, ...how }, next: null, note: null };
    }
    case 'STANDS': {
      const change = { ...common, state: 'REJECTED' as const, reason: row.outcome_reason, message: row.outcome_message };
      return { called, change, next: null, note: null };
    }
  }
}

type Common = Pick<AttemptChange, 'id' | 'upstreamRef' | 'isQuery'>;
type Goods = {
  readonly row: ClaimedAttemptRow;
  readonly decision: Decision & { readonly kind: 'GOODS' };
  readonly outcome: LineOutcome | undefined;
  readonly stocked: StockedCounts | undefined;
};

function goodsChange(
  common: Common,
  { row, decision, outcome, stocked }: Goods,
): { readonly change: AttemptChange; readonly note: string | null } {
  const { cost, deliveredQuantity } = decision;
  const accepted = { ...common, isAccepted: true, cost, deliveredQuantity };
  const asks = (attention: AttentionReason) => ({
    change: { ...common, isAccepted: true, state: 'UNKNOWN' as const, reason: attention, attention },
    note: attention,
  });
  if (outcome?.kind === 'DUPLICATE_KEYS' || outcome?.kind === 'TOO_DEAR') return asks(outcome.kind);
  const isLate = row.purpose === 'ORDER' && (row.state === 'REJECTED' || outcome?.kind === 'NOT_WAITING');
  // bought for stock, and nothing of it is new: paid for what the network has
  if (!isLate && stocked?.stockedCount === 0 && row.goods_kind === 'CARD_KEY') return asks('DUPLICATE_KEYS');
  const discrepancies = isLate ? ['SURPLUS'] : decision.discrepancies;
  const discrepancy = discrepancies.length === 0 ? null : discrepancies.join('+');
  return { change: { ...accepted, state: 'SUCCEEDED', reason: 'DELIVERED', discrepancy }, note: discrepancy };
}

/** Of goods that the line refused, its order waits for a person. */
function refusedDelivery({ called: { row, decision }, change }: Settled): LineSettlement[] {
  const isAsked =
    decision.kind === 'GOODS' && change.attention != null && row.line_id !== null && change.attention !== row.attention_reason;
  return isAsked ? [{ kind: 'ATTENTION', lineId: row.line_id ?? '', reason: change.attention ?? '' }] : [];
}

/** Keys of a purchase of which some are known: whoever has those may have got them wrongly, and a person has to look at both. */
function broughtAgain({ called: { row, goods }, change }: Settled) {
  if (change.attention !== 'DUPLICATE_KEYS' || goods?.kind !== 'CARD_KEY') return [];
  return goods.keys.map(({ fingerprint }) => ({ attemptId: row.id, fingerprint }));
}

function lostStep({ row, decision, step }: CalledAttempt): NewStep {
  return { ...step, attemptId: row.id, kind: 'LEASE_LOST', message: `${step.kind} ${decision.kind} ${step.message ?? ''}`.trim() };
}

function stepsOf({ called: { row, step }, note }: Settled): NewStep[] {
  const own: NewStep = { ...step, attemptId: row.id };
  return note === null ? [own] : [own, { attemptId: row.id, kind: 'DECIDED', outcome: note }];
}

/** Tells the owner: roll-ups count attempts by it, consoles show it. */
function eventsOf(networkId: string, { called: { row }, change }: Settled): NewEvent[] {
  const data = { attemptId: row.id, orderId: row.order_id, skuId: row.sku_id, purpose: row.purpose };
  const event = (topic: NewEvent['topic'], more: Readonly<Record<string, unknown>>): NewEvent => {
    return { networkId, topic, subjectId: row.id, audience: [row.owner_id], data: { ...data, ...more } };
  };
  const isLate = row.state === 'REJECTED';
  const isSettled = change.state === 'SUCCEEDED' || (change.state === 'REJECTED' && !isLate);
  const isAsked = change.attention != null && change.attention !== row.attention_reason;
  return [
    ...(isSettled ? [event('purchase.settled', { state: change.state, ...(isLate ? { late: true } : {}) })] : []),
    ...(isAsked || (row.attention_reason !== null && change.attention == null)
      ? [event('purchase.needs-attention', { reason: change.attention ?? null })]
      : []),
  ];
}
