import { openStream } from '#server/live/live-stream.ts';
import { type PurchaseAttentionEvent, purchaseAttentionFeed } from '#server/live/purchase-feed.ts';
import {
  type AttemptReader,
  attemptsByIds,
  attemptsCount,
  attemptsOfOrders,
  type SeenAttemptRow,
  type StepRow,
  stepsOfAttempts,
  visibleAttempts,
} from '#server/purchases/reads.ts';
import { type DoubtRow, doubtsOfAttempts } from '#server/stock/reads.ts';
import { actsFor, stationIdOf, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { LotTermsEnum } from './enums.ts';
import { afterArg, eventOf, eventType } from './event.ts';
import { globalId, optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType } from './money.ts';
import { nodeType } from './node.ts';
import { loadOrder, namedOrder, OrderType } from './order.ts';
import { GoodsKindEnum } from './sku-goods.ts';
import { loadSupplier, SupplierType } from './supplier.ts';
import { ConnectorKindEnum, readingSupply } from './supply-offer.ts';

const owningSupply = { party: 'STATION', permission: 'SUPPLY_READ' } as const;
const ownerOnly = { ...owningSupply, only: (row: SeenAttemptRow, context: Context) => actsFor(context, row.owner_id) } as const;

const StateEnum = builder.enumType('PurchaseState', {
  description: 'How far an attempt to buy is.',
  values: {
    PLANNED: { description: 'Nothing was sent yet.' },
    SENT: { description: 'It was sent; the supplier works on it, or has not answered yet.' },
    SUCCEEDED: { description: 'The goods came.' },
    REJECTED: { description: 'Nothing was bought; another supplier is asked where there is one.' },
    UNKNOWN: { description: 'Nobody knows what the supplier did: it is asked for, and nobody else is asked meanwhile.' },
  } as const,
});

const PurposeEnum = builder.enumType('PurchasePurpose', {
  description: 'What is bought for.',
  values: {
    ORDER: { description: 'A line of an order.' },
    REPLENISHMENT: { description: 'Stock.' },
    TEST: { description: 'The technical check of a listing; what comes goes into stock.' },
  } as const,
});

const AttentionEnum = builder.enumType('PurchaseAttentionReason', {
  description: 'Why a person has to decide.',
  values: {
    MANUAL: { description: 'This supplier is bought from by hand.' },
    CANNOT_ASK: { description: 'Its outcome is not known, and the supplier’s system cannot be asked.' },
    UNKNOWN_TOO_LONG: { description: 'Its outcome is not known for a long time; it is asked for still.' },
    PENDING_TOO_LONG: { description: 'It was accepted long ago and not delivered; it is asked for still.' },
    GOODS_LOST: { description: 'It was bought, but the supplier’s system does not hand the goods out again.' },
    NO_GOODS: { description: 'Sold, the supplier says, and no goods came.' },
    WRONG_GOODS: { description: 'What came is no card key of this SKU: an apology perhaps.' },
    WRONG_COST: { description: 'The supplier says that it took a sum that is none.' },
    TOO_DEAR: { description: 'It took more than may be paid.' },
    DUPLICATE_KEYS: { description: 'The card keys that came are known already: another order has them.' },
  } as const,
});

const DiscrepancyEnum = builder.enumType('PurchaseDiscrepancy', {
  description: 'What was not as agreed though the goods were kept: a claim against the supplier.',
  values: {
    SHORT: { description: 'Fewer came than were ordered.' },
    TOO_MANY: { description: 'More came than were ordered; they lie in stock.' },
    DEARER: { description: 'It took more than it quoted.' },
    SURPLUS: { description: 'It came after the attempt had been given up; it lies in stock.' },
  } as const,
});

const StepKindEnum = builder.enumType('PurchaseStepKind', {
  description: 'What was done about an attempt.',
  values: {
    SENT: { description: 'The purchase was sent.' },
    RESENT: { description: 'It was sent again under the same key, which buys nothing twice.' },
    QUERIED: { description: 'Its outcome was asked for.' },
    CALLED_BACK: { description: 'The supplier told by itself that something changed.' },
    LEASE_LOST: { description: 'A worker died or was held up, or nobody could be asked.' },
    DECIDED: { description: 'The machine decided.' },
    PERSON: { description: 'A person decided.' },
  } as const,
});

/** The acting party as the reads of purchases take it. */
function attemptReader(context: Context): AttemptReader {
  const { networkId, party } = viewerOf(context);
  return party.kind === 'STATION' ? { networkId, ownerId: party.stationId } : { networkId, supplierId: party.supplierId };
}

/** An attempt of the acting party, by id; batched. */
export const loadAttempt = batched<string, SeenAttemptRow>((context, ids) => attemptsByIds(context.db.pool, attemptReader(context), ids));

const loadSteps = batched<string, readonly StepRow[]>((context, ids) => stepsOfAttempts(context.db.pool, viewerOf(context).networkId, ids));

const loadAttemptsOfOrder = batched<string, readonly SeenAttemptRow[]>((context, ids) =>
  attemptsOfOrders(context.db.pool, { networkId: viewerOf(context).networkId, ownerId: stationIdOf(context) }, ids),
);

const Attempt = nodeType<SeenAttemptRow>('PurchaseAttempt', {
  description:
    'One try to buy from one supplier. Seen by the owner of the goods, and by the supplier itself without what it was bought for and what was earned by it.',
  access: readingSupply,
  load: loadAttempt,
});

/** The type of an attempt. */
export const AttemptType = Attempt.ref;

const loadDoubts = batched<string, readonly DoubtRow[]>((context, ids) =>
  doubtsOfAttempts(context.db.pool, { networkId: viewerOf(context).networkId, stationId: stationIdOf(context) }, ids),
);

const HeldKeysType = builder.objectRef<DoubtRow>('HeldKeys').implement({
  description: 'Card keys that a purchase brought although they were there already, and who has them.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    order: t.field(
      namedOrder<DoubtRow>('The order that has them; null where none does, and for who may not read orders.', ({ order_id: id }) => id),
    ),
    purchaseAttempt: t.field({
      type: Attempt.ref,
      nullable: true,
      description: 'The purchase that brought them first; null for an import.',
      resolve: ({ first_attempt_id: id }, _, context) => (id === null ? null : loadAttempt(context, id)),
    }),
    keyCount: t.int({ description: 'How many.', resolve: (row) => row.key_count }),
    notedAt: t.field({ type: 'DateTime', description: 'When they came again.', resolve: (row) => row.noted_at }),
  }),
});

const StepType = builder.objectRef<StepRow>('PurchaseStep').implement({
  description: 'A line of an attempt’s log.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    kind: t.field({ type: StepKindEnum, description: 'What was done.', resolve: ({ kind }) => kind as typeof StepKindEnum.$inferType }),
    outcome: t.exposeString('outcome', {
      description: 'What came of it, as a word: SUCCEEDED, PENDING, REJECTED, NOT_FOUND, UNKNOWN and others.',
    }),
    message: t.exposeString('message', { description: 'Why, and what the supplier or the person said.' }),
    status: t.int({ nullable: true, description: 'The HTTP status; null when no answer came.', resolve: ({ status }) => status }),
    durationMs: t.int({ nullable: true, description: 'How long it took, in milliseconds.', resolve: (row) => row.duration_ms }),
    hasWire: t.boolean({ description: 'Whether what went over the wire was kept: see openPurchaseLog.', resolve: (row) => row.has_wire }),
    at: t.field({ type: 'DateTime', description: 'When.', resolve: (row) => row.created_at }),
  }),
});

Attempt.fields((t) => ({
  purpose: t.field({ type: PurposeEnum, description: 'What it is for.', resolve: ({ purpose }) => purpose }),
  state: t.field({ type: StateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  order: t.field({
    type: OrderType,
    nullable: true,
    access: ownerOnly,
    description: 'The order that it is for; shown to the owner alone, null for stock.',
    resolve: (row, _, context) => (row.order_id === null ? null : loadOrder(context, row.order_id)),
  }),
  sku: t.field({
    type: SkuType,
    nullable: true,
    access: ownerOnly,
    description: 'The SKU; shown to the owner alone.',
    resolve: (row, _, context) => loadSku(context, row.sku_id),
  }),
  productName: t.string({ description: 'The product’s name.', resolve: (row) => row.product_name }),
  skuName: t.string({ description: 'The SKU’s name.', resolve: (row) => row.sku_name }),
  supplier: t.field({
    type: SupplierType,
    nullable: true,
    description: 'Of whom.',
    resolve: (row, _, context) => loadSupplier(context, row.supplier_id),
  }),
  supplierName: t.string({ description: 'The supplier’s name.', resolve: (row) => row.supplier_name }),
  offerId: t.id({ description: 'The supply offer that it buys by.', resolve: (row) => globalId('SupplyOffer', row.offer_id) }),
  accountName: t.string({
    nullable: true,
    access: ownerOnly,
    description: 'The account at the upstream; shown to the owner alone.',
    resolve: (row) => row.account_name,
  }),
  connectorKind: t.field({ type: ConnectorKindEnum, description: 'By which protocol.', resolve: (row) => row.connector_kind }),
  attemptNumber: t.int({
    description: '1 for the first try of a line, 2 for the one after it was rejected, and so on.',
    resolve: (row) => row.attempt_number,
  }),
  quantity: t.exposeInt('quantity', { description: 'Units to buy.' }),
  deliveredQuantity: t.int({ description: 'Units that came.', resolve: (row) => row.delivered_quantity }),
  goodsKind: t.field({ type: GoodsKindEnum, description: 'What is to come.', resolve: (row) => row.goods_kind }),
  terms: t.field({ type: LotTermsEnum, description: 'When the supplier is paid.', resolve: ({ terms }) => terms }),
  quotedCost: t.field({
    type: MoneyType,
    description: 'What all of it was quoted at.',
    resolve: (row) => amountOf(row.quoted_cost, row.currency),
  }),
  costLimit: t.field({
    type: MoneyType,
    nullable: true,
    access: ownerOnly,
    description: 'The most that it may cost; shown to the owner alone, null where the owner bears losses.',
    resolve: (row) => (row.cost_limit === null ? null : amountOf(row.cost_limit, row.currency)),
  }),
  cost: t.field({
    type: MoneyType,
    nullable: true,
    description: 'What it cost in the end; null as long as nothing came.',
    resolve: (row) => (row.cost === null ? null : amountOf(row.cost, row.currency)),
  }),
  requestKey: t.string({ description: 'The number under which the supplier’s system knows it.', resolve: (row) => row.request_key }),
  upstreamRef: t.string({
    nullable: true,
    description: 'The supplier’s own number of it, where it told one.',
    resolve: (row) => row.upstream_ref,
  }),
  discrepancies: t.field({
    type: [DiscrepancyEnum],
    description: 'What was not as agreed.',
    resolve: ({ discrepancy }) => (discrepancy?.split('+') ?? []) as (typeof DiscrepancyEnum.$inferType)[],
  }),
  outcomeReason: t.string({ nullable: true, description: 'Why it stands as it does, as a word.', resolve: (row) => row.outcome_reason }),
  outcomeMessage: t.string({ nullable: true, description: 'What the supplier said.', resolve: (row) => row.outcome_message }),
  attentionReason: t.field({
    type: AttentionEnum,
    nullable: true,
    description: 'Why a person has to decide; null when nobody has to.',
    resolve: (row) => row.attention_reason,
  }),
  attentionSince: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Since when it waits for a person.',
    resolve: (row) => row.attention_since,
  }),
  queryCount: t.int({ description: 'How often its outcome was asked for.', resolve: (row) => row.query_count }),
  nextAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it is looked at next; null: not by itself.',
    resolve: (row) => row.due_at,
  }),
  sentAt: t.field({ type: 'DateTime', nullable: true, description: 'When it was sent first.', resolve: (row) => row.sent_at }),
  acceptedAt: t.field({ type: 'DateTime', nullable: true, description: 'When the supplier had it.', resolve: (row) => row.accepted_at }),
  settledAt: t.field({ type: 'DateTime', nullable: true, description: 'When it ended.', resolve: (row) => row.settled_at }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was planned.', resolve: (row) => row.created_at }),
  keysHeldBefore: t.field({
    type: [HeldKeysType],
    nullable: true,
    access: ownerOnly,
    description: 'Of DUPLICATE_KEYS: the orders that got the same card keys before. Which of both got them wrongly, a person finds out.',
    complexity: { field: 5, multiplier: 5 },
    resolve: async ({ id }, _, context) => (await loadDoubts(context, id)) ?? [],
  }),
  steps: t.field({
    type: [StepType],
    description: 'Its log, eldest first.',
    complexity: { field: 5, multiplier: 5 },
    resolve: async ({ id }, _, context) => (await loadSteps(context, id)) ?? [],
  }),
}));

const AttemptConnection = connectionType<SeenAttemptRow>('PurchaseAttempt', AttemptType);

const FilterInput = builder.inputType('PurchaseAttemptFilter', {
  description: 'Which attempts; what is left out does not ask.',
  fields: (t) => ({
    needsAttention: t.boolean({
      description: 'Only those that a person has to decide: the attention queue. For a supplier it asks nothing.',
    }),
    states: t.field({ type: [StateEnum], description: 'In any of these states.' }),
    purpose: t.field({ type: PurposeEnum, description: 'For this.' }),
    supplierId: t.id({ description: 'At this supplier.' }),
    skuId: t.id({ description: 'Of this SKU.' }),
  }),
});

builder.queryField('purchaseAttempts', (t) =>
  t.field({
    type: AttemptConnection,
    access: readingSupply,
    description: 'Purchases of the acting station’s goods, or from the acting supplier, newest first.',
    complexity: pageCost,
    args: { filter: t.arg({ type: FilterInput, description: 'Which of them.' }), ...pageArgs(t.arg) },
    resolve: async (_, { filter, ...args }, context) => {
      const request = readPage('purchaseAttempts', args);
      const [supplierId, skuId] = [optionalIdOf('Supplier', filter?.supplierId), optionalIdOf('Sku', filter?.skuId)];
      // an id that is none finds nothing, like one that does not exist
      if (supplierId === null || skuId === null) return emptyConnection<SeenAttemptRow>();
      const cut = {
        needsAttention: filter?.needsAttention ?? false,
        states: filter?.states ?? null,
        purpose: filter?.purpose ?? null,
        supplierId: supplierId ?? null,
        skuId: skuId ?? null,
      };
      const reader = attemptReader(context);
      const page = await visibleAttempts(context.db.pool, reader, cut, request);
      return toConnection(
        'purchaseAttempts',
        request,
        page,
        (row) => row.id,
        () => attemptsCount(context.db.pool, reader, cut),
      );
    },
  }),
);

builder.objectField(OrderType, 'purchaseAttempts', (t) =>
  t.field({
    type: [AttemptType],
    nullable: true,
    access: { ...owningSupply, only: (row, context) => actsFor(context, row.owner_id) },
    description: 'What was tried to buy its goods, eldest first; shown to the owner of the goods alone, empty for goods from stock.',
    complexity: { field: 2, multiplier: 2 },
    resolve: async ({ id }, _, context) => (await loadAttemptsOfOrder(context, id)) ?? [],
  }),
);

const AttentionEventType = eventType<PurchaseAttentionEvent>('PurchaseAttentionEvent', {
  description: 'A purchase came into the attention queue, or left it.',
  access: owningSupply,
  fields: (t) => ({
    reason: t.field({
      type: AttentionEnum,
      nullable: true,
      description: 'Why a person has to decide; null when it was decided.',
      resolve: ({ reason }) => reason as typeof AttentionEnum.$inferType | null,
    }),
    attempt: t.field({
      type: AttemptType,
      nullable: true,
      description: 'The purchase as it is now.',
      resolve: ({ attemptId }, _, context) => loadAttempt(context, attemptId),
    }),
  }),
});

builder.subscriptionField('purchaseAttention', (t) =>
  t.field({
    type: AttentionEventType,
    access: owningSupply,
    description: 'What comes into and out of the acting station’s attention queue.',
    args: afterArg(t.arg),
    subscribe: (_, { after }, context) => openStream(context.events, purchaseAttentionFeed(viewerOf(context)), after ?? null),
    resolve: eventOf,
  }),
);
