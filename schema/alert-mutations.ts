import type { AlertRow, ThresholdRow } from '#server/alerts/reads.ts';
import { resolveAlert, setStockThreshold, setWalletThreshold, type ThresholdOutcome } from '#server/flows/alert-decisions.ts';
import { viewerOf } from './acting.ts';
import { AlertType } from './alert.ts';
import { AlertThresholdType } from './alert-threshold.ts';
import { builder } from './builder.ts';
import { idOf } from './ids.ts';
import { done, mutation, successType } from './mutation.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';

const managing = { party: 'STATION', permission: 'ALERTS_MANAGE' } as const;
const EXPECTED_VERSION = 'The version that the edit is based on; left out when there is no threshold yet.';

const AlertResolved = successType<{ readonly __typename: 'AlertResolved'; readonly alert: AlertRow }>(
  'AlertResolved',
  'An alert was resolved.',
  (t) => ({
    alert: t.field({ type: AlertType, description: 'The alert.', resolve: ({ alert }) => alert }),
  }),
);

mutation('resolveAlert', {
  description: 'Takes an alert off the list: it comes back only when its cause has ended and begins anew.',
  access: managing,
  input: builder.inputType('ResolveAlertInput', {
    description: 'The alert to resolve.',
    fields: (t) => ({ alertId: t.id({ required: true, description: 'The alert.' }) }),
  }),
  result: resultUnion('ResolveAlertResult', 'An alert that was resolved, or why not.', [AlertResolved, NotFound]),
  resolve: async (input, context) => {
    const alertId = idOf('Alert', input.alertId);
    if (alertId === null) return notFound('alert');
    const outcome = await resolveAlert(context.db, viewerOf(context), alertId);
    return outcome.kind === 'ALERT_RESOLVED' ? done('AlertResolved', { alert: outcome.alert }) : refused(outcome, 'alert');
  },
});

interface Answer<Name extends string> {
  readonly __typename: Name;
  readonly threshold: ThresholdRow;
}

const WalletThresholdSet = thresholdAnswer('WalletThresholdSet', 'The wallet has another threshold.');

mutation('setWalletThreshold', {
  description: 'Sets below what the acting station wants to be told of its wallet.',
  access: managing,
  input: builder.inputType('SetWalletThresholdInput', {
    description: 'The threshold of the wallet.',
    fields: (t) => ({
      amount: t.field({ type: 'Decimal', description: 'Below this amount; taken away when left out.' }),
      expectedVersion: t.int({ description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('SetWalletThresholdResult', 'A threshold that was set, or why not.', [
    WalletThresholdSet,
    InvalidInput,
    NotFound,
    StaleVersion,
  ]),
  resolve: async ({ amount, expectedVersion }, context) => {
    const input = { amount: amount ?? null, expectedVersion: expectedVersion ?? null };
    const outcome = await setWalletThreshold(context.db, viewerOf(context), input);
    if (outcome.kind === 'NOT_ALLOWED') throw new Error('every station may watch its own wallet');
    return answerOf('WalletThresholdSet', outcome);
  },
});

const StockThresholdSet = thresholdAnswer('StockThresholdSet', 'A SKU has another threshold.');

mutation('setStockThreshold', {
  description: 'Sets below how many card keys the owner of a SKU wants to be told.',
  access: managing,
  input: builder.inputType('SetStockThresholdInput', {
    description: 'The threshold of a SKU.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'The SKU; the acting station owns it.' }),
      count: t.int({ description: 'Below this many, 1 to 1,000; taken away when left out.' }),
      expectedVersion: t.int({ description: EXPECTED_VERSION }),
    }),
  }),
  result: resultUnion('SetStockThresholdResult', 'A threshold that was set, or why not.', [
    StockThresholdSet,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
  ]),
  resolve: async ({ count, expectedVersion, ...input }, context) => {
    const skuId = idOf('Sku', input.skuId);
    if (skuId === null) return notFound('SKU');
    const change = { skuId, count: count ?? null, expectedVersion: expectedVersion ?? null };
    const outcome = await setStockThreshold(context.db, viewerOf(context), change);
    return outcome.kind === 'NOT_ALLOWED' ? refused(outcome) : answerOf('StockThresholdSet', outcome);
  },
});

function answerOf<const Name extends string>(name: Name, outcome: Exclude<ThresholdOutcome, { kind: 'NOT_ALLOWED' }>) {
  if (outcome.kind === 'THRESHOLD_SET') return done(name, { threshold: outcome.threshold });
  return outcome.kind === 'STALE_VERSION' ? staleVersion('AlertThreshold', outcome.current) : refused(outcome, 'threshold or SKU');
}

function thresholdAnswer<Name extends string>(name: Name, description: string) {
  return successType<Answer<Name>>(name, description, (t) => ({
    threshold: t.field({ type: AlertThresholdType, description: 'The threshold.', resolve: ({ threshold }) => threshold }),
  }));
}
