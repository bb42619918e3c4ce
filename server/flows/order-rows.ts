import type { Viewer } from '#server/accounts/rules.ts';
import type { AcceptedOrder } from '#server/orders/rules.ts';
import type { NewLineRow } from '#server/orders/sql.ts';
import type { Transaction } from '#server/platform/database.ts';
import { type Money, sumMoney, toAmountString, toUnitPriceString } from '#server/platform/money.ts';
import type { NewAttempt } from '#server/purchases/commands.ts';
import type { OrderGround } from './order-facts.ts';
import type { SealedOrderInput } from './order-input.ts';

/** An accepted order with its id, and what of its request goes into the books. */
export type PlacedOrder = {
  readonly id: string;
  readonly asked: {
    readonly viewer: Viewer;
    readonly buyerId: string;
    readonly channel: 'CONSOLE' | 'API' | 'DEMO';
    readonly requestKey: string;
    readonly inputHash: Buffer;
    readonly externalRef: string | null;
    readonly groupId: string | null;
    readonly input?: SealedOrderInput | null;
  };
  readonly order: AcceptedOrder;
};

/** The row of an order as it is born. */
export function orderRow({ id, asked, order }: PlacedOrder, ground: OrderGround) {
  const sku = ground.skuRows.get(order.skuId);
  if (!sku) throw new Error('an accepted order without its SKU');
  const by = placedBy(asked);
  return {
    id,
    state: order.state,
    deliveryKind: sku.delivery_kind,
    groupId: asked.groupId,
    buyerId: order.buyerId,
    ownerId: order.ownerId,
    buyerPath: order.hops.map(({ stationId }) => stationId),
    skuId: order.skuId,
    productName: sku.product_name,
    skuName: sku.name,
    listingVersion: sku.listing_version,
    quantity: order.quantity,
    unitSize: sku.unit_size,
    unitPrice: toUnitPriceString(order.unitPrice),
    total: toAmountString(order.total),
    cost: toAmountString(order.cost),
    commissionPlanId: order.commissionPlanId,
    commissionPool: toAmountString(order.commissionPool),
    requestKey: asked.requestKey,
    externalRef: asked.externalRef,
    channel: asked.channel,
    placedByUserId: by.kind === 'USER' ? by.id : null,
    placedByKeyId: by.kind === 'API_KEY' ? by.id : null,
    clientAddress: asked.viewer.clientAddress,
    input: asked.input ?? null,
  };
}

/** One for each station of its line. */
export function hopRows(tx: Transaction, { id, order }: PlacedOrder) {
  return order.hops.map((hop) => ({
    id: tx.newId(),
    orderId: id,
    stationId: hop.stationId,
    distance: hop.distance,
    role: hop.role,
    paidUnitPrice: hop.paidUnitPrice && toUnitPriceString(hop.paidUnitPrice),
    paidTotal: amountOrNull(hop.paidTotal),
    soldUnitPrice: hop.soldUnitPrice && toUnitPriceString(hop.soldUnitPrice),
    soldTotal: amountOrNull(hop.soldTotal),
    markupRuleId: hop.markupRuleId,
    controlBandId: hop.controlBandId,
    margin: toAmountString(hop.margin),
    commission: toAmountString(hop.commission),
  }));
}

/** What is delivered or bought for it; a bundle has several. */
export function lineRows(tx: Transaction, { id, order }: PlacedOrder): NewLineRow[] {
  return order.lines.map(({ skuId, quantity, goodsKind, keys, purchase, allotted }, index) => ({
    id: tx.newId(),
    orderId: id,
    skuId,
    quantity,
    deliveredQuantity: purchase === null ? quantity : 0,
    source: purchase === null ? ('STOCK' as const) : ('SUPPLIER' as const),
    goodsKind,
    cost: toAmountString(
      sumMoney(
        keys.map((key) => key.cost),
        order.total.currency,
      ),
    ),
    allotted: amountOrNull(allotted),
    costLimit: amountOrNull(purchase?.costLimit ?? null),
    position: index + 1,
  }));
}

/** Which card keys its lines take. `lines`: the order's own. */
export function saleRows(tx: Transaction, { id, order }: PlacedOrder, lines: readonly NewLineRow[]) {
  const keys = order.lines.flatMap((line, index) => line.keys.map((key) => ({ key, lineId: lines[index]?.id ?? '' })));
  return keys.map(({ key, lineId }, index) => ({
    id: tx.newId(),
    cardKeyId: key.id,
    orderId: id,
    lineId,
    supplierId: key.supplierId,
    terms: key.terms,
    cost: toAmountString(key.cost),
    position: index + 1,
  }));
}

/** The first purchase of each line that is not in stock. */
export function attemptsOf(tx: Transaction, { id, order }: PlacedOrder, lines: readonly NewLineRow[]): NewAttempt[] {
  return order.lines.flatMap(({ purchase, quantity, goodsKind }, index) =>
    purchase === null
      ? []
      : [
          {
            id: tx.newId(),
            purpose: { kind: 'ORDER' as const, orderId: id, lineId: lines[index]?.id ?? '' },
            attemptNumber: 1,
            quantity,
            goodsKind,
            dueAt: null,
            ...purchase,
          },
        ],
  );
}

/** Every order tells its frozen line; every SKU, once, those who watch its stock. */
export function eventsOf({ networkId }: OrderGround, placed: readonly PlacedOrder[]) {
  const owners = new Map(
    placed.flatMap(({ order }) => order.lines.flatMap((line) => (line.purchase === null ? [[line.skuId, order.ownerId] as const] : []))),
  );
  return [
    ...placed.map(({ id, order }) => ({
      networkId,
      topic: order.state === 'HELD' ? ('order.held' as const) : ('order.delivered' as const),
      subjectId: id,
      audience: order.hops.map(({ stationId }) => stationId),
      data: { orderId: id, skuId: order.skuId, ownerId: order.ownerId, total: toAmountString(order.total), quantity: order.quantity },
    })),
    ...[...owners].map(([skuId, ownerId]) => ({
      networkId,
      topic: 'stock.changed' as const,
      subjectId: skuId,
      audience: [ownerId],
      data: { skuId },
    })),
  ];
}

/** Who stands in the books as having placed it. */
export function placedBy({ viewer: { actor } }: PlacedOrder['asked']): { kind: 'USER' | 'API_KEY'; id: string } {
  return actor.kind === 'USER' ? { kind: 'USER', id: actor.userId } : { kind: 'API_KEY', id: actor.apiKeyId };
}

function amountOrNull(amount: Money | null): string | null {
  return amount && toAmountString(amount);
}
