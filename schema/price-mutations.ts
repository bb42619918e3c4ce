import type { CommissionPlanRecord } from '#server/commission/reads.ts';
import type { BandBreakOf } from '#server/flows/price-effects.ts';
import { setCommissionPlan } from '#server/flows/set-commission-plan.ts';
import { setControlBand } from '#server/flows/set-control-band.ts';
import { removeMarkupRule, setMarkupRule } from '#server/flows/set-markup-rule.ts';
import type { ControlBandRecord, MarkupRuleRecord } from '#server/pricing/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { requireSku, SkuType } from './catalogue.ts';
import { CommissionPlanType } from './commission.ts';
import type { Context } from './context.ts';
import { CommissionPoolKindEnum, InversionPolicyEnum, MarkupKindEnum } from './enums.ts';
import { idOf, optionalIdOf } from './ids.ts';
import { MoneyType, shownUnitPrice } from './money.ts';
import { done, mutation, successType } from './mutation.ts';
import { ControlBandType, MarkupRuleType } from './pricing.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refusalType, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';
import { loadNamedStation, StationType } from './station.ts';

const managing = { party: 'STATION', permission: 'PRICES_MANAGE' } as const;
const EXPECTED_VERSION = 'The version that the edit is based on; left out where there was none.';
const REASON = 'Why; kept with the version.';

const BandBreakType = builder.objectRef<BandBreakOf>('BandBreak').implement({
  description: 'A price that a rule asks for and the control band forbids.',
  access: managing,
  fields: (t) => ({
    station: t.field({
      type: StationType,
      description: 'Who would pay it.',
      resolve: ({ stationId }, _, context) => requireChild(context, stationId),
    }),
    sku: t.field({ type: SkuType, description: 'For which SKU.', resolve: ({ skuId }, _, context) => requireSku(context, skuId) }),
    price: t.field({ type: MoneyType, description: 'The price that the rule asks for.', resolve: ({ price }) => shownUnitPrice(price) }),
    floor: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The floor that it is below, if it is.',
      resolve: ({ floor }) => floor && shownUnitPrice(floor),
    }),
    ceiling: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The ceiling that it is above, if it is.',
      resolve: ({ ceiling }) => ceiling && shownUnitPrice(ceiling),
    }),
  }),
});

const BandBroken = refusalType<{ readonly __typename: 'BandBroken'; readonly message: string; readonly breaks: readonly BandBreakOf[] }>(
  'BandBroken',
  'The rule asks a child of today for a price outside of the control band.',
  (t) => ({ breaks: t.field({ type: [BandBreakType], description: 'What it breaks.', resolve: ({ breaks }) => breaks }) }),
);

const MarkupRuleSet = successType<{
  readonly __typename: 'MarkupRuleSet';
  readonly rule: MarkupRuleRecord;
  readonly clampedCount: number;
  readonly clamps: readonly BandBreakOf[];
}>('MarkupRuleSet', 'A markup rule holds from now on.', (t) => ({
  rule: t.field({ type: MarkupRuleType, description: 'The rule.', resolve: ({ rule }) => rule }),
  clampedCount: t.exposeInt('clampedCount', { description: 'How many prices of today the control band holds back.' }),
  clamps: t.field({ type: [BandBreakType], description: 'The first of them.', resolve: ({ clamps }) => clamps }),
}));

const MarkupBreakInput = builder.inputType('MarkupBreakInput', {
  description: "From a quantity on, another value in place of the rule's.",
  fields: (t) => ({
    minQuantity: t.int({ required: true, description: 'From this quantity on.' }),
    value: t.field({ type: 'Decimal', required: true, description: 'The value.' }),
  }),
});

mutation('setMarkupRule', {
  description: 'Sets what the acting station adds for a child, a level or everyone, on a SKU, a product, a category or everything.',
  access: managing,
  input: builder.inputType('SetMarkupRuleInput', {
    description: 'The rule.',
    fields: (t) => ({
      childId: t.id({ description: 'For this direct child alone.' }),
      levelId: t.id({ description: 'For children of this level.' }),
      skuId: t.id({ description: 'On this SKU alone.' }),
      productId: t.id({ description: 'On all of this product.' }),
      categoryId: t.id({ description: 'On all of this category.' }),
      kind: t.field({ type: MarkupKindEnum, required: true, description: 'How it makes the price.' }),
      value: t.field({ type: 'Decimal', required: true, description: 'Per cent, or an amount for unitSize units; never negative.' }),
      breaks: t.field({ type: [MarkupBreakInput], description: 'Price breaks.' }),
      inversion: t.field({
        type: InversionPolicyEnum,
        description: 'What an absolute price does when the station pays more than it; HIDE when left out.',
      }),
      reason: t.string({ description: REASON }),
      expectedVersion: t.int({ description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('SetMarkupRuleResult', 'A rule that holds, or why not.', [
    MarkupRuleSet,
    BandBroken,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async (input, context) => {
    const ids = idsOf(input);
    if (ids === null) return notFound('child, level, SKU, product or category');
    const { kind, value, breaks, inversion, reason, expectedVersion } = input;
    const outcome = await setMarkupRule(context.db, viewerOf(context), {
      ...ids,
      kind,
      value,
      breaks: breaks ?? [],
      inversion: inversion ?? null,
      reason: reason ?? null,
      expectedVersion: expectedVersion ?? null,
    });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('MarkupRule', outcome.current);
    if (outcome.kind === 'BAND_BROKEN') return bandBroken(outcome.breaks);
    if (outcome.kind !== 'MARKUP_RULE_SET') return refused(outcome, 'child, level, SKU, product or category');
    const { rule, clampedCount, clamps } = outcome;
    return done('MarkupRuleSet', { rule, clampedCount, clamps });
  },
});

const MarkupRuleRemoved = successType<{ readonly __typename: 'MarkupRuleRemoved'; readonly rule: MarkupRuleRecord }>(
  'MarkupRuleRemoved',
  'A markup rule has ended.',
  (t) => ({ rule: t.field({ type: MarkupRuleType, description: 'The rule as it ended.', resolve: ({ rule }) => rule }) }),
);

mutation('removeMarkupRule', {
  description: 'Ends a markup rule of the acting station.',
  access: managing,
  input: builder.inputType('RemoveMarkupRuleInput', {
    description: 'The rule to end.',
    fields: (t) => ({
      ruleId: t.id({ required: true, description: 'The rule.' }),
      expectedVersion: t.int({ required: true, description: 'The version that the edit is based on.' }),
      reason: t.string({ description: 'Why; kept in the audit log.' }),
    }),
  }),
  result: resultUnion('RemoveMarkupRuleResult', 'A rule that ended, or why not.', [MarkupRuleRemoved, NotFound, StaleVersion]),
  resolve: async ({ expectedVersion, reason, ...input }, context) => {
    const ruleId = idOf('MarkupRule', input.ruleId);
    if (ruleId === null) return notFound('markup rule');
    const outcome = await removeMarkupRule(context.db, viewerOf(context), { ruleId, expectedVersion, reason: reason ?? null });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('MarkupRule', outcome.current);
    return outcome.kind === 'MARKUP_RULE_REMOVED' ? done('MarkupRuleRemoved', { rule: outcome.rule }) : notFound('markup rule');
  },
});

const ControlBandSet = successType<{
  readonly __typename: 'ControlBandSet';
  readonly band: ControlBandRecord;
  readonly clampedCount: number;
}>('ControlBandSet', 'A control band holds from now on.', (t) => ({
  band: t.field({ type: ControlBandType, description: 'The band.', resolve: ({ band }) => band }),
  clampedCount: t.exposeInt('clampedCount', { description: 'How many stations’ prices it holds back now.' }),
}));

mutation('setControlBand', {
  description: 'Sets floor and ceiling of resale prices of a SKU that the acting station owns.',
  access: managing,
  input: builder.inputType('SetControlBandInput', {
    description: 'The band.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'Of which SKU.' }),
      floor: t.field({ type: 'Decimal', description: 'The least resale price for unitSize units; none when left out.' }),
      ceiling: t.field({
        type: 'Decimal',
        description: 'The greatest resale price; three times what the first station pays when left out.',
      }),
      reason: t.string({ description: REASON }),
      expectedVersion: t.int({ description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('SetControlBandResult', 'A band that holds, or why not.', [
    ControlBandSet,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async (input, context) => {
    const skuId = idOf('Sku', input.skuId);
    if (skuId === null) return notFound('SKU');
    const { floor, ceiling, reason, expectedVersion } = input;
    const outcome = await setControlBand(context.db, viewerOf(context), {
      skuId,
      floor: floor ?? null,
      ceiling: ceiling ?? null,
      reason: reason ?? null,
      expectedVersion: expectedVersion ?? null,
    });
    if (outcome.kind === 'STALE_VERSION') return staleVersion('ControlBand', outcome.current);
    if (outcome.kind === 'NOT_FOUND') return notFound('SKU');
    return outcome.kind === 'CONTROL_BAND_SET'
      ? done('ControlBandSet', { band: outcome.band, clampedCount: outcome.clampedCount })
      : refused(outcome);
  },
});

const CommissionPlanSet = successType<{ readonly __typename: 'CommissionPlanSet'; readonly plan: CommissionPlanRecord }>(
  'CommissionPlanSet',
  'A commission plan holds from now on.',
  (t) => ({ plan: t.field({ type: CommissionPlanType, description: 'The plan.', resolve: ({ plan }) => plan }) }),
);

mutation('setCommissionPlan', {
  description: "Sets what the acting station, as the owner of goods, pays to the buyer's upline.",
  access: managing,
  input: builder.inputType('SetCommissionPlanInput', {
    description: 'The plan; exactly one of skuId, productId and categoryId.',
    fields: (t) => ({
      skuId: t.id({ description: 'For this SKU alone.' }),
      productId: t.id({ description: 'For all of this product.' }),
      categoryId: t.id({ description: 'For all of this category.' }),
      poolKind: t.field({ type: CommissionPoolKindEnum, required: true, description: 'How large the pool is.' }),
      poolValue: t.field({ type: 'Decimal', required: true, description: "Per cent of the buyer's total, or an amount for each unit." }),
      shareBps: t.intList({ required: true, description: "Shares in basis points, the buyer's parent first; at most 10,000 together." }),
      reason: t.string({ description: REASON }),
      expectedVersion: t.int({ description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('SetCommissionPlanResult', 'A plan that holds, or why not.', [
    CommissionPlanSet,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async (input, context) => {
    const ids = idsOf(input);
    if (ids === null) return notFound('SKU, product or category');
    const { poolKind, poolValue, shareBps, reason, expectedVersion } = input;
    const { skuId, productId, categoryId } = ids;
    const plan = {
      skuId,
      productId,
      categoryId,
      poolKind,
      poolValue,
      shareBps,
      reason: reason ?? null,
      expectedVersion: expectedVersion ?? null,
    };
    const outcome = await setCommissionPlan(context.db, viewerOf(context), plan);
    if (outcome.kind === 'STALE_VERSION') return staleVersion('CommissionPlan', outcome.current);
    return outcome.kind === 'COMMISSION_PLAN_SET'
      ? done('CommissionPlanSet', { plan: outcome.plan })
      : refused(outcome, 'SKU, product or category');
  },
});

function bandBroken(breaks: readonly BandBreakOf[]) {
  return done('BandBroken', { message: `${breaks.length} prices of today would break the control band.`, breaks });
}

type GivenIds = { readonly [Name in keyof typeof TYPE_OF_ID]?: string | null };
const TYPE_OF_ID = { childId: 'Station', levelId: 'PriceLevel', skuId: 'Sku', productId: 'Product', categoryId: 'Category' } as const;

/** The plain ids of a target and scope; null when one of those given is none. */
function idsOf(given: GivenIds): { [Name in keyof typeof TYPE_OF_ID]: string | null } | null {
  const read = (name: keyof typeof TYPE_OF_ID) => optionalIdOf(TYPE_OF_ID[name], given[name]);
  const ids = {
    childId: read('childId'),
    levelId: read('levelId'),
    skuId: read('skuId'),
    productId: read('productId'),
    categoryId: read('categoryId'),
  };
  if (Object.values(ids).includes(null)) return null;
  const { childId = null, levelId = null, skuId = null, productId = null, categoryId = null } = ids;
  return { childId, levelId, skuId, productId, categoryId };
}

async function requireChild(context: Context, stationId: string) {
  const station = await loadNamedStation(context, stationId);
  if (station === null) throw new Error(`the child ${stationId} of a price is not there`);
  return station;
}
