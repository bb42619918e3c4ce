import {
  type ReplenishmentRow,
  type RuleRow,
  replenishmentsByIds,
  replenishmentsCount,
  replenishmentsPage,
  rulesByIds,
  rulesOfSkus,
} from '#server/replenishment/reads.ts';
import { actsFor, stationIdOf, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { requireSku, SkuType } from './catalogue.ts';
import { connectionType, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { globalId } from './ids.ts';
import { batched } from './loaders.ts';
import { amountOf, MoneyType } from './money.ts';
import { nodeType } from './node.ts';
import { loadSupplier, SupplierType } from './supplier.ts';

const readingSupply = { party: 'STATION', permission: 'SUPPLY_READ' } as const;

const Rule = nodeType<RuleRow>('ReplenishmentRule', {
  description: "When the stock of the acting station's own SKU is bought by itself, up to how much and for how much money.",
  access: readingSupply,
  load: (context, id) => loadRule(context, id),
});

/** The type of a replenishment's rule in the contract. */
export const ReplenishmentRuleType = Rule.ref;

const loadRule = batched<string, RuleRow>((context, ids) => rulesByIds(context.db.pool, owner(context), context.db.clock(), ids));
const ruleOfSku = batched<string, RuleRow>((context, ids) => rulesOfSkus(context.db.pool, owner(context), context.db.clock(), ids));

Rule.fields((t) => ({
  sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: (row, _, context) => requireSku(context, row.sku_id) }),
  isEnabled: t.boolean({ description: 'Whether it buys.', resolve: (row) => row.is_enabled }),
  thresholdCount: t.int({ nullable: true, description: 'Buys below this many card keys.', resolve: (row) => row.threshold_count }),
  thresholdDays: t.int({ nullable: true, description: 'Buys when the stock lasts fewer days.', resolve: (row) => row.threshold_days }),
  targetCount: t.int({ description: 'Buys up to this many card keys.', resolve: (row) => row.target_count }),
  dailyBudget: t.field({
    type: MoneyType,
    description: 'What it may spend on one local day.',
    resolve: (row) => amountOf(row.daily_budget, row.currency),
  }),
  approvalLimit: t.field({
    type: MoneyType,
    description: 'A purchase that costs more waits for a person.',
    resolve: (row) => amountOf(row.approval_limit, row.currency),
  }),
  spentToday: t.field({
    type: MoneyType,
    description: 'What it has spent today, purchases under way included.',
    resolve: (row) => amountOf(row.spent_today, row.currency),
  }),
  failureCount: t.int({ description: 'Failures in a row; each waits longer for the next try.', resolve: (row) => row.failure_count }),
  lastOutcome: t.string({
    nullable: true,
    description: 'What came of the last look, as a word: "ENOUGH", "PURCHASING", "WAITING", "BUDGET", "NONE"; null before the first.',
    resolve: (row) => row.last_outcome,
  }),
  lastLookedAt: t.field({ type: 'DateTime', nullable: true, description: 'When that was.', resolve: (row) => row.last_looked_at }),
  nextLookAt: t.field({ type: 'DateTime', description: 'When the stock is looked at next.', resolve: (row) => row.due_at }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
}));

builder.objectField(SkuType, 'replenishmentRule', (t) =>
  t.field({
    type: ReplenishmentRuleType,
    nullable: true,
    access: { ...readingSupply, only: (sku, context) => actsFor(context, sku.ownerId) },
    description: 'When its stock is bought by itself; null when it never was set. Shown to the owner alone.',
    resolve: ({ id }, _, context) => ruleOfSku(context, id),
  }),
);

const ReplenishmentStateEnum = builder.enumType('ReplenishmentState', {
  description: 'How far a purchase for stock is.',
  values: {
    WAITING: { description: 'Waits for a person: it costs more than the approval limit.' },
    PURCHASING: { description: 'Is being bought.' },
    DONE: { description: 'Came into stock, as a lot.' },
    FAILED: { description: 'The supplier refused it; it is tried again.' },
    DECLINED: { description: 'A person declined it.' },
  } as const,
});

const Replenishment = nodeType<ReplenishmentRow>('Replenishment', {
  description: 'One purchase for the stock of a SKU of the acting station.',
  access: readingSupply,
  load: (context, id) => loadReplenishment(context, id),
});

/** The type of a purchase for stock in the contract. */
export const ReplenishmentType = Replenishment.ref;

/** A purchase for stock of the acting station, by id; batched. */
export const loadReplenishment = batched<string, ReplenishmentRow>((context, ids) =>
  replenishmentsByIds(context.db.pool, owner(context), ids),
);

Replenishment.fields((t) => ({
  sku: t.field({ type: SkuType, description: 'Of which SKU.', resolve: (row, _, context) => requireSku(context, row.sku_id) }),
  state: t.field({ type: ReplenishmentStateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  supplier: t.field({
    type: SupplierType,
    nullable: true,
    description: 'Of whom it is bought.',
    resolve: (row, _, context) => loadSupplier(context, row.supplier_id),
  }),
  quantity: t.exposeInt('quantity', { description: 'Card keys to buy.' }),
  quotedCost: t.field({
    type: MoneyType,
    description: 'What they cost at most.',
    resolve: (row) => amountOf(row.quoted_cost, row.currency),
  }),
  availableCount: t.int({ description: 'Card keys that were left when it was planned.', resolve: (row) => row.available_count }),
  daysLeft: t.int({
    nullable: true,
    description: 'Days that they would have lasted; null where nobody could tell.',
    resolve: (row) => row.days_left,
  }),
  deliveredQuantity: t.int({ description: 'Card keys that came.', resolve: (row) => row.delivered_quantity }),
  cost: t.field({
    type: MoneyType,
    nullable: true,
    description: 'What they cost; null until they came.',
    resolve: (row) => (row.cost === null ? null : amountOf(row.cost, row.currency)),
  }),
  failure: t.string({ nullable: true, description: 'Why it failed, as a word.', resolve: (row) => row.failure }),
  purchaseAttemptId: t.id({
    nullable: true,
    description: 'The purchase attempt; null while it waits.',
    resolve: (row) => (row.attempt_id === null ? null : globalId('PurchaseAttempt', row.attempt_id)),
  }),
  decidedAt: t.field({ type: 'DateTime', nullable: true, description: 'When a person decided.', resolve: (row) => row.decided_at }),
  decisionReason: t.string({ nullable: true, description: 'Why it was declined.', resolve: (row) => row.decision_reason }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was planned.', resolve: (row) => row.created_at }),
  endedAt: t.field({ type: 'DateTime', nullable: true, description: 'When it ended.', resolve: (row) => row.ended_at }),
}));

const ReplenishmentConnection = connectionType<ReplenishmentRow>('Replenishment', ReplenishmentType);

builder.queryField('replenishments', (t) =>
  t.field({
    type: ReplenishmentConnection,
    access: readingSupply,
    description: 'The purchases for stock of the acting station, newest first.',
    complexity: pageCost,
    args: { state: t.arg({ type: ReplenishmentStateEnum, description: 'Only of this state.' }), ...pageArgs(t.arg) },
    resolve: async (_, { state, ...args }, context) => {
      const request = readPage('replenishments', args);
      const reader = owner(context);
      const page = await replenishmentsPage(context.db.pool, reader, state ?? null, request);
      return toConnection(
        'replenishments',
        request,
        page,
        (row) => row.id,
        () => replenishmentsCount(context.db.pool, reader, state ?? null),
      );
    },
  }),
);

function owner(context: Context): { networkId: string; stationId: string } {
  return { networkId: viewerOf(context).networkId, stationId: stationIdOf(context) };
}
