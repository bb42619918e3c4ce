import type { CommissionPlan } from '#server/commission/rules.ts';
import { selectPinnedPlans } from '#server/commission/sql.ts';
import { balanceOf, openAccountBook, writeTransfers } from '#server/ledger/commands.ts';
import { decideRefund, dueOn, spendable } from '#server/ledger/rules.ts';
import { lockWallets } from '#server/ledger/sql.ts';
import { type Delivery, decideDelivery, type LotTerms, type OrderHop, type SettledLine, type SuppliedCost } from '#server/orders/rules.ts';
import {
  beginSourcingRows,
  type HeldHopRow,
  type HeldLineRow,
  type HeldOrderRow,
  insertRefund,
  lockOrdersOfLines,
  type MovedOrderRow,
  moveHeldOrders,
  type SettledLineRow,
  selectHeldHops,
  selectHeldLines,
  selectLineCosts,
  selectTerms,
  settleHops,
  settleLineRows,
  type TermsRow,
} from '#server/orders/sql.ts';
import { spreadEvenly } from '#server/platform/allocate.ts';
import type { Transaction } from '#server/platform/database.ts';
import { type EventTopic, type NewEvent, writeEvents } from '#server/platform/events.ts';
import {
  type CurrencyCode,
  compareMoney,
  currencyCode,
  isZero,
  type Money,
  money,
  toAmountString,
  zeroMoney,
} from '#server/platform/money.ts';
import { together } from '#server/platform/together.ts';
import {
  type BoughtKeyRow,
  type BoughtLotRow,
  insertBoughtKeys,
  insertBoughtLots,
  insertSales,
  selectKnownFingerprints,
} from '#server/stock/sql.ts';
import { loadRefundGround } from './refund-facts.ts';
import { giveBack } from './refund-order.ts';

/** A card key that was bought, sealed for the row that it will be (`lotContext`, `sealCardKey`); sealing comes before the transaction. */
export type BoughtKey = { readonly id: string; readonly sealed: Buffer; readonly fingerprint: Buffer };

/** What a purchase brought: card keys of one lot, or units of a top-up. At least one of either. */
export type BoughtGoods =
  | {
      readonly kind: 'CARD_KEY';
      readonly lot: { readonly id: string; readonly dataKey: Buffer; readonly vaultKeyId: string; readonly expiresOn: string | null };
      readonly keys: readonly BoughtKey[];
    }
  | { readonly kind: 'TOP_UP'; readonly deliveredQuantity: number };

/**
 * What is to become of a line that waits. DELIVER: its goods are here, at this cost. FAIL: they will not come. ATTENTION: a person has
 * to decide, RESUME: somebody has, and it is asked for again. `actorId` null: nobody but the order's own placer caused it.
 */
export type LineSettlement =
  | {
      readonly kind: 'DELIVER';
      readonly lineId: string;
      readonly attemptId: string;
      readonly supplierId: string;
      readonly terms: LotTerms;
      readonly cost: Money;
      readonly goods: BoughtGoods;
      readonly actorId: string | null;
    }
  | { readonly kind: 'FAIL' | 'ATTENTION' | 'RESUME'; readonly lineId: string; readonly reason: string };

/**
 * What became of it. SETTLED: done; `surplusCount` card keys more than were ordered went into stock, `isShort` fewer came. All others
 * changed nothing: DUPLICATE_KEYS some of the keys are known already (another order's, or stock); TOO_DEAR it may cost no more than
 * `limit`; NOT_WAITING the line was settled before.
 */
export type LineOutcome =
  | { readonly kind: 'SETTLED'; readonly surplusCount: number; readonly isShort: boolean }
  | { readonly kind: 'DUPLICATE_KEYS'; readonly count: number }
  | { readonly kind: 'TOO_DEAR'; readonly limit: Money }
  | { readonly kind: 'NOT_WAITING' };

/**
 * Settles lines of held orders, a list at once (domain §6). An order is decided when its last line is: DELIVERED, with everything
 * posted at what the goods really cost and what did not come refunded in the same breath; or FAILED, and its money released. Orders are
 * locked in id order, then wallets, card keys are new rows, balances come last. Whoever calls marks the purchase attempts in the same
 * transaction. A key that a transaction beside this one brings too is met by a unique key: the whole is run again from outside.
 */
export async function settleLines(tx: Transaction, networkId: string, settlements: readonly LineSettlement[]): Promise<LineOutcome[]> {
  if (settlements.length === 0) return [];
  const ground = await loadGround(tx, networkId, settlements);
  const drafts = settlements.map((settlement) => draftLine(ground, settlement));
  const decided = decideOrdersOf(ground, settlements, drafts);
  await refuseLosses(tx, ground, { decided, drafts, settlements });
  await writeSettled(tx, ground, { decided, drafts, settlements });
  for (const order of decided.values())
    if (isDelivered(order) && !isZero(order.delivery.missing)) await refundMissing(tx, networkId, order);
  return drafts.map((draft) => draft.outcome);
}

/** Says of orders whose purchases are being sent that they are SOURCING; those that are not HELD stay as they are. */
export async function beginSourcing(tx: Transaction, networkId: string, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return;
  const rows = await beginSourcingRows(tx, networkId, [...new Set(orderIds)].sort());
  await writeEvents(
    tx,
    rows.map((row) => eventOf(networkId, row, 'order.sourcing', {})),
  );
}

type Ground = {
  readonly networkId: string;
  readonly now: Date;
  readonly currency: CurrencyCode;
  readonly terms: TermsRow;
  readonly orders: ReadonlyMap<string, HeldOrderRow>;
  readonly lines: ReadonlyMap<string, HeldLineRow>;
  readonly linesOf: ReadonlyMap<string, readonly HeldLineRow[]>;
  readonly hopsOf: ReadonlyMap<string, readonly HeldHopRow[]>;
  readonly costsOf: ReadonlyMap<string, readonly SuppliedCost[]>;
  readonly plans: ReadonlyMap<string, CommissionPlan>;
  /** fingerprints that are known, those of this list as it goes on included */
  readonly known: Set<string>;
};

async function loadGround(tx: Transaction, networkId: string, settlements: readonly LineSettlement[]): Promise<Ground> {
  const rows = await lockOrdersOfLines(
    tx,
    networkId,
    settlements.map(({ lineId }) => lineId),
  );
  const orderIds = rows.map(({ id }) => id);
  const fingerprints = settlements.flatMap((settlement) => keysOf(settlement).map(({ fingerprint }) => fingerprint));
  const planIds = rows.flatMap(({ commission_plan_id }) => commission_plan_id ?? []);
  const [terms, lines, hops, costs, plans, known] = await together(tx, (gathering) =>
    Promise.all([
      selectTerms(gathering, networkId),
      selectHeldLines(gathering, networkId, orderIds),
      selectHeldHops(gathering, networkId, orderIds),
      selectLineCosts(gathering, networkId, orderIds),
      selectPinnedPlans(gathering, networkId, planIds),
      selectKnownFingerprints(gathering, networkId, fingerprints),
    ]),
  );
  const currency = currencyCode(terms.currency);
  const supplied = costs.map((row) => ({ ...row, cost: money(row.cost, currency), supplierId: row.supplier_id }));
  return {
    networkId,
    now: tx.now,
    currency,
    terms,
    orders: new Map(rows.map((row) => [row.id, row])),
    lines: new Map(lines.map((row) => [row.id, row])),
    linesOf: Map.groupBy(lines, (row) => row.order_id),
    hopsOf: Map.groupBy(hops, (row) => row.order_id),
    costsOf: Map.groupBy(supplied, (row) => row.line_id),
    plans: new Map(plans.map((plan) => [plan.id, plan])),
    known,
  };
}

function keysOf(settlement: LineSettlement): readonly BoughtKey[] {
  return settlement.kind === 'DELIVER' && settlement.goods.kind === 'CARD_KEY' ? settlement.goods.keys : [];
}

/** A settlement with its line, and what it comes to: the outcome is changed where the order as a whole refuses it. */
type LineDraft = { outcome: LineOutcome; readonly line: HeldLineRow | undefined; readonly deliveredQuantity: number };

const WAITING: readonly string[] = ['HELD', 'SOURCING', 'NEEDS_ATTENTION'];

function draftLine(ground: Ground, settlement: LineSettlement): LineDraft {
  const line = ground.lines.get(settlement.lineId);
  const refused = (outcome: LineOutcome): LineDraft => ({ outcome, line, deliveredQuantity: 0 });
  const order = line && ground.orders.get(line.order_id);
  if (!line || !order || line.state !== 'WAITING' || !WAITING.includes(order.state)) return refused({ kind: 'NOT_WAITING' });
  if (settlement.kind !== 'DELIVER') return refused({ kind: 'SETTLED', surplusCount: 0, isShort: false });
  const keys = keysOf(settlement);
  const count = settlement.goods.kind === 'CARD_KEY' ? keys.length : settlement.goods.deliveredQuantity;
  if (settlement.goods.kind !== line.goods_kind || count < 1) throw new Error(`line ${line.id} was delivered nothing that it is of`);
  const duplicates = countKnown(ground.known, keys);
  if (duplicates > 0) return refused({ kind: 'DUPLICATE_KEYS', count: duplicates });
  const limit = line.cost_limit === null ? null : money(line.cost_limit, ground.currency);
  if (limit !== null && compareMoney(settlement.cost, limit) > 0) return refused({ kind: 'TOO_DEAR', limit });
  for (const { fingerprint } of keys) ground.known.add(fingerprint.toString('base64'));
  const deliveredQuantity = Math.min(count, line.quantity);
  const outcome = { kind: 'SETTLED', surplusCount: count - deliveredQuantity, isShort: deliveredQuantity < line.quantity } as const;
  return { outcome, line, deliveredQuantity };
}

function countKnown(known: ReadonlySet<string>, keys: readonly BoughtKey[]): number {
  const names = keys.map(({ fingerprint }) => fingerprint.toString('base64'));
  return names.length - new Set(names.filter((name) => !known.has(name))).size;
}

/** An order of the list: what becomes of it as a whole; `delivery` null while it waits for more. */
type DecidedOrder = { readonly row: HeldOrderRow; readonly moved: MovedOrderRow | null; readonly delivery: Delivery | null };
type DeliveredOrder = DecidedOrder & { readonly delivery: Extract<Delivery, { kind: 'DELIVERED' }> };

function isDelivered(order: DecidedOrder): order is DeliveredOrder {
  return order.delivery?.kind === 'DELIVERED';
}

type Settling = {
  readonly decided: Map<string, DecidedOrder>;
  readonly drafts: readonly LineDraft[];
  readonly settlements: readonly LineSettlement[];
};

function decideOrdersOf(ground: Ground, settlements: readonly LineSettlement[], drafts: readonly LineDraft[]): Map<string, DecidedOrder> {
  return new Map([...ground.orders.values()].map((row) => [row.id, decideOrder(ground, row, settlements, drafts)]));
}

function decideOrder(
  ground: Ground,
  row: HeldOrderRow,
  settlements: readonly LineSettlement[],
  drafts: readonly LineDraft[],
): DecidedOrder {
  const mine = drafts.flatMap((draft, index) => {
    const settlement = settlements[index];
    return settlement && draft.line?.order_id === row.id && draft.outcome.kind === 'SETTLED' ? [{ draft, settlement }] : [];
  });
  if (mine.length === 0) return { row, moved: null, delivery: null };
  const settledBy = new Map(mine.map(({ settlement, draft }) => [settlement.lineId, { settlement, draft }]));
  const zero = toAmountString(zeroMoney(ground.currency));
  const move = (state: MovedOrderRow['state'], reason: string | null): MovedOrderRow => ({
    id: row.id,
    state,
    reason,
    cost: zero,
    commissionPool: zero,
    dueOn: null,
  });
  const lines = (ground.linesOf.get(row.id) ?? []).map((line) => settledLine(ground, line, settledBy.get(line.id)));
  const asked = mine.find(({ settlement }) => settlement.kind === 'ATTENTION' || settlement.kind === 'RESUME')?.settlement;
  if (lines.includes(null)) {
    if (asked?.kind === 'ATTENTION') return { row, moved: move('NEEDS_ATTENTION', asked.reason), delivery: null };
    return { row, moved: row.state === 'SOURCING' ? null : move('SOURCING', null), delivery: null };
  }
  const delivery = decideDelivery({
    buyerId: row.buyer_id,
    total: money(row.total, ground.currency),
    quantity: row.quantity,
    plan: row.commission_plan_id === null ? null : (ground.plans.get(row.commission_plan_id) ?? null),
    levelsMax: row.commission_levels_max,
    hops: (ground.hopsOf.get(row.id) ?? []).map((hop) => orderHop(hop, ground.currency)),
    lines: lines.filter((line) => line !== null),
  });
  const failed = mine.find(({ settlement }) => settlement.kind === 'FAIL')?.settlement;
  const reason = failed && 'reason' in failed ? failed.reason : null;
  if (delivery.kind === 'FAILED') return { row, moved: move('FAILED', reason), delivery };
  return {
    row,
    moved: {
      ...move('DELIVERED', reason),
      cost: toAmountString(delivery.cost),
      commissionPool: toAmountString(delivery.commissionPool),
      dueOn: dueOfOrder(ground, row),
    },
    delivery,
  };
}

/** A line as the order is decided by it; null while it waits. */
function settledLine(
  ground: Ground,
  line: HeldLineRow,
  settled: { readonly settlement: LineSettlement; readonly draft: LineDraft } | undefined,
): SettledLine | null {
  const common = { quantity: line.quantity, allotted: line.allotted === null ? null : money(line.allotted, ground.currency) };
  if (line.state !== 'WAITING') return { ...common, deliveredQuantity: line.delivered_quantity, costs: ground.costsOf.get(line.id) ?? [] };
  if (settled?.settlement.kind === 'FAIL') return { ...common, deliveredQuantity: 0, costs: [] };
  if (settled?.settlement.kind !== 'DELIVER') return null;
  const { cost, supplierId, terms } = settled.settlement;
  return { ...common, deliveredQuantity: settled.draft.deliveredQuantity, costs: [{ cost, supplierId, terms }] };
}

function orderHop(row: HeldHopRow, currency: CurrencyCode): OrderHop {
  return {
    stationId: row.station_id,
    distance: row.distance,
    role: row.role,
    paidUnitPrice: row.paid_unit_price === null ? null : money(row.paid_unit_price, currency),
    paidTotal: row.paid_total === null ? null : money(row.paid_total, currency),
    soldUnitPrice: row.sold_unit_price === null ? null : money(row.sold_unit_price, currency),
    soldTotal: row.sold_total === null ? null : money(row.sold_total, currency),
    markupRuleId: row.markup_rule_id,
    controlBandId: row.control_band_id,
    margin: money(row.margin, currency),
    commission: money(row.commission, currency),
  };
}

/**
 * Locks the wallets that money comes back to, or that bear a loss, before any balance (architecture §2). A loss that its owner cannot
 * bear any more refuses the line that brought it: a person decides.
 */
async function refuseLosses(tx: Transaction, ground: Ground, { decided, drafts, settlements }: Settling): Promise<void> {
  const losing = [...decided.values()].filter(isDelivered).filter(({ delivery }) => !isZero(delivery.loss));
  const repaid = [...decided.values()].filter(({ delivery }) => delivery?.kind === 'FAILED' || (delivery && !isZero(delivery.missing)));
  const stationIds = new Set([...losing.map(({ row }) => row.owner_id), ...repaid.flatMap(({ row }) => [row.buyer_id, row.owner_id])]);
  if (stationIds.size === 0) return;
  const rows = await lockWallets(tx, ground.networkId, ground.currency, [...stationIds]);
  const left = new Map(rows.map((wallet) => [wallet.station_id, spendable(balanceOf(wallet, ground.currency))]));
  for (const { row, delivery } of losing) {
    const available = left.get(row.owner_id);
    const hop = ground.hopsOf.get(row.id)?.find(({ role }) => role === 'OWNER');
    // a wallet that was never used is empty, and only headquarters' has no floor
    const isHeadquarters = row.buyer_path[0] === row.owner_id;
    const isBorne = isHeadquarters || available === null || (available !== undefined && compareMoney(delivery.loss, available) <= 0);
    if (isBorne) continue;
    decided.set(row.id, { row, moved: null, delivery: null });
    const limit = money(hop?.sold_total ?? row.total, ground.currency);
    for (const [index, draft] of drafts.entries())
      if (draft.line?.order_id === row.id && settlements[index]?.kind === 'DELIVER') draft.outcome = { kind: 'TOO_DEAR', limit };
  }
}

async function writeSettled(tx: Transaction, ground: Ground, { decided, drafts, settlements }: Settling): Promise<void> {
  const { networkId, currency } = ground;
  const goods = drafts.flatMap((draft, index) => {
    const settlement = settlements[index];
    const isDone = draft.outcome.kind === 'SETTLED' && draft.line && settlement;
    return isDone && settlement.kind === 'DELIVER' ? [boughtRows(tx, ground, draft.line, draft.deliveredQuantity, settlement)] : [];
  });
  const settled = drafts.flatMap((draft, index) => settledRow(draft, settlements[index]));
  const orders = [...decided.values()];
  const transfers = orders.flatMap(({ row, delivery }) => (delivery ? [transferOf(tx, ground, row, delivery)] : []));
  const book = await openAccountBook(
    tx,
    { networkId, currency },
    transfers.flatMap(({ postings }) => postings),
  );
  await Promise.all([
    insertBoughtLots(
      tx,
      networkId,
      currency,
      goods.flatMap(({ lot }) => lot ?? []),
    ),
    insertBoughtKeys(
      tx,
      networkId,
      goods.flatMap(({ keys }) => keys),
    ),
    goods.some(({ sales }) => sales.length > 0)
      ? insertSales(
          tx,
          networkId,
          goods.flatMap(({ sales }) => sales),
        )
      : null,
    settleLineRows(tx, networkId, settled),
    settleHops(tx, networkId, orders.filter(isDelivered).flatMap(hopRows)),
    moveHeldOrders(
      tx,
      networkId,
      orders.flatMap(({ moved }) => moved ?? []),
    ),
    writeEvents(tx, [
      ...orders.flatMap((order) => orderEvents(networkId, order)),
      ...goods.flatMap(({ surplusOf }) => (surplusOf ? [stockEvent(networkId, surplusOf)] : [])),
    ]),
    transfers.length > 0 ? writeTransfers(tx, { networkId, currency }, book, transfers) : null,
  ]);
}

function settledRow({ outcome, line, deliveredQuantity }: LineDraft, settlement: LineSettlement | undefined): SettledLineRow[] {
  if (outcome.kind !== 'SETTLED' || !line || !settlement) return [];
  if (settlement.kind === 'FAIL') return [{ id: line.id, state: 'FAILED', deliveredQuantity: 0, cost: '0' }];
  if (settlement.kind !== 'DELIVER') return [];
  return [{ id: line.id, state: 'DELIVERED', deliveredQuantity, cost: toAmountString(settlement.cost) }];
}

type Delivering = Extract<LineSettlement, { kind: 'DELIVER' }>;
type BoughtRows = {
  readonly lot: BoughtLotRow | null;
  readonly keys: readonly BoughtKeyRow[];
  readonly sales: Parameters<typeof insertSales>[2];
  readonly surplusOf: { readonly skuId: string; readonly ownerId: string } | null;
};

/** The lot of a purchase with its keys: what was ordered is the buyer's and bears the cost, what came beyond it lies in stock for nothing. */
function boughtRows(tx: Transaction, ground: Ground, line: HeldLineRow, deliveredQuantity: number, settlement: Delivering): BoughtRows {
  const order = ground.orders.get(line.order_id);
  if (!order) throw new Error(`line ${line.id} has no order`);
  const { goods, attemptId, supplierId, terms, cost, actorId } = settlement;
  if (goods.kind === 'TOP_UP') return { lot: null, keys: [], sales: [], surplusOf: null };
  const owned = { skuId: line.sku_id, ownerId: order.owner_id };
  const costs = spreadEvenly(cost, deliveredQuantity).map(toAmountString);
  const before = (ground.linesOf.get(order.id) ?? []).findIndex(({ id }) => id === line.id);
  const firstPosition = (ground.linesOf.get(order.id) ?? []).slice(0, before).reduce((sum, { quantity }) => sum + quantity, 1);
  const keys = goods.keys.map(({ id, sealed, fingerprint }, index): BoughtKeyRow => {
    const state = index < deliveredQuantity ? 'SOLD' : 'AVAILABLE';
    return { id, lotId: goods.lot.id, ...owned, state, sealed, fingerprint, cost: costs[index] ?? '0', expiresOn: goods.lot.expiresOn };
  });
  return {
    lot: {
      ...goods.lot,
      ...owned,
      attemptId,
      supplierId,
      terms,
      totalCost: toAmountString(cost),
      keyCount: keys.length,
      createdBy: actorId ?? order.actor_id,
    },
    keys,
    sales: keys.slice(0, deliveredQuantity).map((key, index) => ({
      id: tx.newId(),
      cardKeyId: key.id,
      orderId: order.id,
      lineId: line.id,
      supplierId,
      terms,
      cost: key.cost,
      position: firstPosition + index,
    })),
    surplusOf: keys.length > deliveredQuantity ? owned : null,
  };
}

function transferOf(tx: Transaction, ground: Ground, row: HeldOrderRow, { kind, postings }: Delivery) {
  const due = dueOfOrder(ground, row);
  return {
    id: tx.newId(),
    kind: kind === 'FAILED' ? ('RELEASE' as const) : ('ORDER' as const),
    orderId: row.id,
    actorId: row.actor_id,
    postings: postings.map((posting) => ({ ...posting, dueOn: posting.accountKind.endsWith('PENDING') ? due : null })),
  };
}

function hopRows({ row, delivery }: DeliveredOrder) {
  return delivery.hops
    .filter(({ role }) => role === 'OWNER' || role === 'SELLER')
    .map(({ distance, margin, commission }) => ({
      orderId: row.id,
      distance,
      margin: toAmountString(margin),
      commission: toAmountString(commission),
    }));
}

function dueOfOrder({ now, terms }: Ground, row: HeldOrderRow): string {
  return dueOn(now, terms.time_zone, row.settlement_days);
}

const TOPICS: Readonly<Record<MovedOrderRow['state'], EventTopic>> = {
  SOURCING: 'order.sourcing',
  NEEDS_ATTENTION: 'order.needs-attention',
  DELIVERED: 'order.delivered',
  FAILED: 'order.failed',
};

function orderEvents(networkId: string, { row, moved }: DecidedOrder): NewEvent[] {
  if (moved === null) return [];
  // whoever counts deliveries reads the same of an order that was held as of one from stock
  const sold = moved.state === 'DELIVERED' ? { total: row.total, quantity: row.quantity } : {};
  return [eventOf(networkId, row, TOPICS[moved.state], sold)];
}

function eventOf(
  networkId: string,
  row: Pick<HeldOrderRow, 'id' | 'buyer_path' | 'owner_id' | 'sku_id'>,
  topic: EventTopic,
  more: Readonly<Record<string, unknown>>,
): NewEvent {
  const data = { orderId: row.id, skuId: row.sku_id, ownerId: row.owner_id, ...more };
  return { networkId, topic, subjectId: row.id, audience: row.buyer_path, data };
}

function stockEvent(networkId: string, { skuId, ownerId }: { skuId: string; ownerId: string }): NewEvent {
  return { networkId, topic: 'stock.changed', subjectId: skuId, audience: [ownerId], data: { skuId } };
}

/** Gives back what did not come, as the owner's refund (domain §6: keep what came, refund the rest). */
async function refundMissing(tx: Transaction, networkId: string, { row, delivery }: DeliveredOrder): Promise<void> {
  const ground = await loadRefundGround(tx, networkId, row.id);
  const facts = { ...ground.facts, secondPersonAbove: ground.facts.order.total };
  const by = { requestedBy: row.actor_id, decidedBy: row.actor_id };
  const decided = decideRefund(facts, { what: { kind: 'AMOUNT', amount: delivery.missing }, bearer: 'OWNER', ...by });
  if (decided.kind !== 'REFUNDED') throw new Error(`what order ${row.id} lacks cannot be given back: ${decided.reason}`);
  const [refundId, transferId] = [tx.newId(), tx.newId()];
  const reason = 'DELIVERED_SHORT';
  await Promise.all([
    insertRefund(tx, networkId, {
      id: refundId,
      orderId: row.id,
      amount: toAmountString(decided.amount),
      currency: ground.currency,
      bearer: 'OWNER',
      cardKeyIds: [],
      reason,
      requestedBy: row.actor_id,
      done: { transferId, decidedBy: row.actor_id },
    }),
    giveBack(tx, networkId, ground, { refundId, transferId, decided, reason, actorId: row.actor_id }),
  ]);
}
