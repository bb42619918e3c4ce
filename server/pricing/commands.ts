import type { Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, decimal4, type Money, money } from '#server/platform/money.ts';
import {
  type ControlBand,
  controlBandProblem,
  type InversionPolicy,
  type MarkupKind,
  type MarkupRule,
  markupRuleProblems,
} from './rules.ts';
import {
  type ControlBandRecord,
  endBand,
  endRule,
  insertBand,
  insertRule,
  loadBands,
  type MarkupRuleRecord,
  selectLiveRule,
  selectRulesByIds,
} from './sql.ts';

/** An input that cannot be meant; `field` is named as in the API. */
export type InvalidInput = { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/** A markup rule as typed in. Numbers are decimal texts: percent (1.5 is 1.5 %), or an amount per unitSize units. */
export type MarkupRuleInput = {
  readonly childId: string | null;
  readonly levelId: string | null;
  readonly skuId: string | null;
  readonly productId: string | null;
  readonly categoryId: string | null;
  readonly kind: MarkupKind;
  readonly value: string;
  readonly breaks: readonly { readonly minQuantity: number; readonly value: string }[];
  /** null: HIDE */
  readonly inversion: InversionPolicy | null;
};

/** What a version follows: the version that the editor saw, null when there was no rule. */
export type Expected = { readonly expectedVersion: number | null };

/** Who writes, and why; kept with the version. */
export type Author = { readonly networkId: string; readonly actorId: string; readonly reason: string };

/** Up to ten digits before the point: no rule of the trade is larger, and a price stays within its column. */
const VALUE = /^-?\d{1,10}(\.\d{1,4})?$/;
/** A rule may have this many breaks. */
const BREAKS_MAX = 50;
const PERCENT_MAX = decimal4('10000');

/** The rule that an input means, or what is wrong with it. */
export function draftMarkupRule(
  input: MarkupRuleInput,
  station: { readonly id: string; readonly stationId: string; readonly currency: CurrencyCode },
): { kind: 'DRAFT'; rule: MarkupRule } | InvalidInput {
  const texts = [input.value, ...input.breaks.map(({ value }) => value)];
  if (!texts.every((text) => VALUE.test(text))) return invalid('value', 'A value has at most ten digits before and four after the point.');
  if (input.breaks.length > BREAKS_MAX) return invalid('breaks', `A rule has at most ${BREAKS_MAX} breaks.`);
  const { childId, levelId, skuId, productId, categoryId, kind } = input;
  const breaks = input.breaks.map(({ minQuantity, value }) => ({ minQuantity, value: decimal4(value) }));
  const inversion = input.inversion ?? 'HIDE';
  const rule = { ...station, childId, levelId, skuId, productId, categoryId, kind, value: decimal4(input.value), breaks, inversion };
  const [problem] = markupRuleProblems(rule);
  if (problem) return invalid(problem.field, `${problem.problem}.`);
  if (kind === 'PERCENT' && [rule.value, ...breaks.map(({ value }) => value)].some((value) => value > PERCENT_MAX)) {
    return invalid('value', 'A markup is at most 10000 %.');
  }
  return { kind: 'DRAFT', rule };
}

/** A new version of a rule is in force; `replaced` has ended. */
export type RuleWritten = { readonly kind: 'WRITTEN'; readonly rule: MarkupRuleRecord; readonly replaced: MarkupRuleRecord | null };

/** The rule that stands now is not the one that was expected; null when there is none any more. */
export type RuleStale = { readonly kind: 'STALE'; readonly current: MarkupRuleRecord | null };

/**
 * Ends the live rule of the same target and scope and begins the new one (immutable versions, domain §3). Of two editors that
 * saw the same version one is STALE: the row that is ended is locked, and a first version is guarded by markup_rule_live_key.
 */
export async function writeRule(tx: Transaction, rule: MarkupRule, author: Author & Expected): Promise<RuleWritten | RuleStale> {
  const { networkId, actorId, reason, expectedVersion } = author;
  const live = await selectLiveRule(tx, networkId, rule);
  if ((live?.version ?? null) !== expectedVersion) return { kind: 'STALE', current: live };
  const replaced = live && (await endRule(tx, { networkId, id: live.id, version: live.version, endedBy: actorId }));
  const version = (live?.version ?? 0) + 1;
  const written = live && !replaced ? null : await insertRule(tx, { networkId, rule, version, createdBy: actorId, reason });
  return written ? { kind: 'WRITTEN', rule: written, replaced } : { kind: 'STALE', current: await selectLiveRule(tx, networkId, rule) };
}

/** Ends a rule of the station without another in its place. NOT_FOUND: not its own; STALE: ended or replaced meanwhile. */
export async function removeRule(
  tx: Transaction,
  removal: { readonly stationId: string; readonly ruleId: string; readonly expectedVersion: number },
  author: Author,
): Promise<{ kind: 'REMOVED'; rule: MarkupRuleRecord } | RuleStale | { kind: 'NOT_FOUND' }> {
  const { networkId, actorId } = author;
  const [rule] = await selectRulesByIds(tx, networkId, removal.stationId, [removal.ruleId]);
  if (!rule) return { kind: 'NOT_FOUND' };
  const ended = await endRule(tx, { networkId, id: rule.id, version: removal.expectedVersion, endedBy: actorId });
  if (ended) return { kind: 'REMOVED', rule: ended };
  return { kind: 'STALE', current: (await selectLiveRule(tx, networkId, rule)) ?? rule };
}

/** A band as typed in: unit prices as decimal texts, null for none. */
export type ControlBandInput = { readonly floor: string | null; readonly ceiling: string | null };

/** The band that an input means, or what is wrong with it. */
export function draftControlBand(
  input: ControlBandInput,
  id: string,
  currency: CurrencyCode,
): { kind: 'DRAFT'; band: ControlBand } | InvalidInput {
  for (const field of ['floor', 'ceiling'] as const) {
    const text = input[field];
    if (text !== null && !VALUE.test(text)) return invalid(field, 'A price has at most ten digits before and four after the point.');
  }
  const price = (text: string | null): Money | null => (text === null ? null : money(text, currency));
  const band = { id, floor: price(input.floor), ceiling: price(input.ceiling) };
  const problem = controlBandProblem(band);
  return problem ? invalid(problem.field, `${problem.problem}.`) : { kind: 'DRAFT', band };
}

/** The band that stands now is not the one that was expected; null when there is none any more. */
export type BandStale = { readonly kind: 'STALE'; readonly current: ControlBandRecord | null };

/** Ends the SKU's live band and begins the new one; of two editors that saw the same version one is STALE (control_band_live_key). */
export async function writeBand(
  tx: Transaction,
  { skuId, currency, band }: { readonly skuId: string; readonly currency: CurrencyCode; readonly band: ControlBand },
  author: Author & Expected,
): Promise<{ kind: 'WRITTEN'; band: ControlBandRecord; replaced: ControlBandRecord | null } | BandStale> {
  const { networkId, actorId, reason, expectedVersion } = author;
  const liveBand = async () => (await loadBands(tx, networkId, [skuId])).get(skuId) ?? null;
  const live = await liveBand();
  if ((live?.version ?? null) !== expectedVersion) return { kind: 'STALE', current: live };
  const replaced = live && (await endBand(tx, { networkId, skuId, version: live.version, endedBy: actorId }));
  const version = (live?.version ?? 0) + 1;
  const written =
    live && !replaced ? null : await insertBand(tx, { networkId, skuId, band, currency, version, createdBy: actorId, reason });
  return written ? { kind: 'WRITTEN', band: written, replaced } : { kind: 'STALE', current: await liveBand() };
}

function invalid(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message: message.charAt(0).toUpperCase() + message.slice(1) };
}
