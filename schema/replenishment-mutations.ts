import {
  approveReplenishment,
  type DecisionOutcome,
  declineReplenishment,
  setReplenishmentRule,
} from '#server/flows/replenishment-decisions.ts';
import type { ReplenishmentRow, RuleRow } from '#server/replenishment/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { idOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { done, mutation, successType } from './mutation.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused, StaleVersion, staleVersion } from './refusals.ts';
import { loadReplenishment, ReplenishmentRuleType, ReplenishmentType } from './replenishment.ts';
import { resultUnion } from './results.ts';

const managing = { party: 'STATION', permission: 'SUPPLY_MANAGE' } as const;
const WHAT = 'purchase';

const RuleSet = successType<{ readonly __typename: 'ReplenishmentRuleSet'; readonly rule: RuleRow }>(
  'ReplenishmentRuleSet',
  'A SKU has another rule of replenishment.',
  (t) => ({ rule: t.field({ type: ReplenishmentRuleType, description: 'The rule.', resolve: ({ rule }) => rule }) }),
);

mutation('setReplenishmentRule', {
  description: "Sets when the stock of the acting station's own SKU is bought by itself.",
  access: managing,
  input: builder.inputType('SetReplenishmentRuleInput', {
    description: 'The rule of a SKU.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'The SKU; the acting station owns it.' }),
      isEnabled: t.boolean({ required: true, description: 'Whether it buys.' }),
      thresholdCount: t.int({ description: 'Buy below this many card keys; this or thresholdDays is needed.' }),
      thresholdDays: t.int({ description: 'Buy when the stock lasts fewer days.' }),
      targetCount: t.int({ required: true, description: 'Buy up to this many card keys.' }),
      dailyBudget: t.field({ type: 'Decimal', required: true, description: 'What it may spend on one local day.' }),
      approvalLimit: t.field({
        type: 'Decimal',
        required: true,
        description: 'A purchase that costs more waits for a person; 0: each does.',
      }),
      expectedVersion: t.int({ description: 'The version that the edit is based on; left out when there is no rule yet.' }),
    }),
  }),
  result: resultUnion('SetReplenishmentRuleResult', 'A rule that was set, or why not.', [
    RuleSet,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
  ]),
  resolve: async (input, context) => {
    const skuId = idOf('Sku', input.skuId);
    if (skuId === null) return notFound('SKU');
    const { thresholdCount, thresholdDays, expectedVersion } = input;
    const outcome = await setReplenishmentRule(context.db, viewerOf(context), {
      ...input,
      skuId,
      thresholdCount: thresholdCount ?? null,
      thresholdDays: thresholdDays ?? null,
      expectedVersion: expectedVersion ?? null,
    });
    if (outcome.kind === 'RULE_SET') return done('ReplenishmentRuleSet', { rule: outcome.rule });
    return outcome.kind === 'STALE_VERSION' ? staleVersion('ReplenishmentRule', outcome.current) : refused(outcome, 'rule or SKU');
  },
});

interface Answer<Name extends string> {
  readonly __typename: Name;
  readonly replenishment: ReplenishmentRow;
}

const Approved = answerType('ReplenishmentApproved', 'A purchase for stock was approved.');

mutation('approveReplenishment', {
  description: 'Lets a purchase for stock that waits be made: of the same offer, in the same quantity, for no more than was shown.',
  access: managing,
  input: builder.inputType('ApproveReplenishmentInput', {
    description: 'What to approve.',
    fields: (t) => ({ replenishmentId: t.id({ required: true, description: 'The purchase.' }) }),
  }),
  result: resultUnion('ApproveReplenishmentResult', 'A purchase that is made, or why not.', [Approved, NotFound, NotAllowed, InvalidInput]),
  resolve: async (input, context) => {
    const id = idOf('Replenishment', input.replenishmentId);
    if (id === null) return notFound(WHAT);
    return answer('ReplenishmentApproved', context, await approveReplenishment(context.db, viewerOf(context), id));
  },
});

const Declined = answerType('ReplenishmentDeclined', 'A purchase for stock was declined.');

mutation('declineReplenishment', {
  description: 'Declines a purchase for stock that waits; it is planned anew after a day, or when the rule is changed.',
  access: managing,
  input: builder.inputType('DeclineReplenishmentInput', {
    description: 'What to decline.',
    fields: (t) => ({
      replenishmentId: t.id({ required: true, description: 'The purchase.' }),
      reason: t.string({ required: true, description: 'Why; kept with it and in the audit log.' }),
    }),
  }),
  result: resultUnion('DeclineReplenishmentResult', 'A purchase that is not made, or why it still waits.', [
    Declined,
    NotFound,
    NotAllowed,
    InvalidInput,
  ]),
  resolve: async ({ replenishmentId: text, reason }, context) => {
    const replenishmentId = idOf('Replenishment', text);
    if (replenishmentId === null) return notFound(WHAT);
    const outcome = await declineReplenishment(context.db, viewerOf(context), { replenishmentId, reason });
    return answer('ReplenishmentDeclined', context, outcome);
  },
});

async function answer<const Name extends string>(name: Name, context: Context, outcome: DecisionOutcome) {
  if (outcome.kind !== 'DECIDED') return refused(outcome, WHAT);
  forgetLoaded(context);
  const replenishment = await loadReplenishment(context, outcome.replenishmentId);
  if (replenishment === null) throw new Error(`the purchase ${outcome.replenishmentId} is not there`);
  return done(name, { replenishment });
}

function answerType<Name extends string>(name: Name, description: string) {
  return successType<Answer<Name>>(name, description, (t) => ({
    replenishment: t.field({ type: ReplenishmentType, description: 'The purchase.', resolve: ({ replenishment }) => replenishment }),
  }));
}
