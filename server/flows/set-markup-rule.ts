import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { categoriesByIds, productsByIds, skusByIds } from '#server/catalog/reads.ts';
import { levelsByIds } from '#server/network/reads.ts';
import type { NotAllowed, NotFound } from '#server/network/rules.ts';
import { lockStations, selectNetwork } from '#server/network/sql.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import {
  draftMarkupRule,
  type Expected,
  type InvalidInput,
  type MarkupRuleInput,
  removeRule,
  writeRule,
} from '#server/pricing/commands.ts';
import type { MarkupRule } from '#server/pricing/rules.ts';
import type { MarkupRuleRecord } from '#server/pricing/sql.ts';
import {
  type BandBreakOf,
  bandBreaks,
  effectBelow,
  type Hidden,
  hiddenByRule,
  loadRuleGround,
  type RuleGround,
  withRule,
} from './price-effects.ts';
import { goodsOf, priceChanged } from './price-reach.ts';

/** A rule for a child, a level or everyone, on a SKU, a product, a category or everything; `expectedVersion` of the one it replaces. */
export type SetMarkupRuleInput = MarkupRuleInput & Expected & { readonly reason: string | null };

/** The rule stands; `clamps` names the first prices that the band holds back, `clampedCount` counts those that were looked at. */
export type MarkupRuleSet = {
  readonly kind: 'MARKUP_RULE_SET';
  readonly rule: MarkupRuleRecord;
  readonly clampedCount: number;
  readonly clamps: readonly BandBreakOf[];
};

/** The rule that stands now is another than the editor saw. */
export type StaleRule = { readonly kind: 'STALE_VERSION'; readonly current: MarkupRuleRecord };

/** What can become of setting a rule. BAND_BROKEN: a SKU's rule asks a child of today for a price outside the band; nothing was saved. */
export type SetMarkupRuleOutcome =
  | MarkupRuleSet
  | { readonly kind: 'BAND_BROKEN'; readonly breaks: readonly BandBreakOf[] }
  | NotFound
  | NotAllowed
  | InvalidInput
  | StaleRule;

/** What can become of removing a rule. */
export type RemoveMarkupRuleOutcome = { readonly kind: 'MARKUP_RULE_REMOVED'; readonly rule: MarkupRuleRecord } | NotFound | StaleRule;

/** Broken and clamped prices that are named in an answer. */
const NAMED_MAX = 100;
/** SKUs that one event names. */
const EVENT_SKUS_MAX = 50;

/**
 * Sets what the acting station adds for its children (domain §3): ends the live rule of the same target and scope and begins a
 * new version; every price follows with the next read. A SKU's rule that breaks the band for a child of today is refused; a
 * wider one is saved and its clamps are reported. Whoever loses a SKU by it is told ('price.inverted'). NOT_FOUND: a child,
 * level, SKU, product or category that is not there for the station, or no rule where one was expected.
 */
export async function setMarkupRule(db: Database, viewer: Viewer, input: SetMarkupRuleInput): Promise<SetMarkupRuleOutcome> {
  const stationId = actingStationWith(viewer, 'PRICES_MANAGE');
  return inTransaction(db, (tx) => set(tx, viewer, stationId, input));
}

async function set(tx: Transaction, viewer: Viewer, stationId: string, input: SetMarkupRuleInput): Promise<SetMarkupRuleOutcome> {
  const { networkId } = viewer;
  const { currency } = await selectNetwork(tx, networkId);
  const draft = draftMarkupRule(input, { id: tx.newId(), stationId, currency });
  if (draft.kind !== 'DRAFT') return draft;
  const refusal = (await targetRefusal(tx, viewer, stationId, draft.rule)) ?? (await scopeRefusal(tx, viewer, draft.rule));
  if (refusal) return refusal;
  const ground = await loadRuleGround(tx, { networkId, stationId }, draft.rule);
  const breaks = bandBreaks(ground, draft.rule);
  if (draft.rule.skuId !== null && breaks.length > 0) return { kind: 'BAND_BROKEN', breaks: breaks.slice(0, NAMED_MAX) };
  const author = { networkId, actorId: actorId(viewer), reason: input.reason ?? '', expectedVersion: input.expectedVersion };
  const written = await writeRule(tx, draft.rule, author);
  if (written.kind === 'STALE') return written.current ? { kind: 'STALE_VERSION', current: written.current } : { kind: 'NOT_FOUND' };
  const { rule, replaced } = written;
  await writeAudit(tx, viewer, {
    action: 'markup_rule.set',
    subjectId: rule.id,
    data: { replacedId: replaced?.id ?? null, reason: rule.reason },
  });
  const before = (live: readonly MarkupRule[]) => (replaced ? withRule(live, replaced) : live.filter(({ id }) => id !== rule.id));
  await announce(tx, viewer, rule, await hiddenFrom(tx, networkId, rule, { ...ground, rules: withRule(ground.rules, rule) }, before));
  return { kind: 'MARKUP_RULE_SET', rule, clampedCount: breaks.length, clamps: breaks.slice(0, NAMED_MAX) };
}

/** Ends a rule of the acting station: its children pay what the next wider rule says, or the start. */
export async function removeMarkupRule(
  db: Database,
  viewer: Viewer,
  input: { readonly ruleId: string; readonly expectedVersion: number; readonly reason: string | null },
): Promise<RemoveMarkupRuleOutcome> {
  const stationId = actingStationWith(viewer, 'PRICES_MANAGE');
  const { networkId } = viewer;
  return inTransaction(db, async (tx): Promise<RemoveMarkupRuleOutcome> => {
    const reason = input.reason ?? '';
    const removed = await removeRule(tx, { ...input, stationId }, { networkId, actorId: actorId(viewer), reason });
    if (removed.kind === 'NOT_FOUND') return removed;
    if (removed.kind === 'STALE') return removed.current ? { kind: 'STALE_VERSION', current: removed.current } : { kind: 'NOT_FOUND' };
    const { rule } = removed;
    const ground = await loadRuleGround(tx, { networkId, stationId }, rule);
    const before = (live: readonly MarkupRule[]) => withRule(live, rule);
    await writeAudit(tx, viewer, { action: 'markup_rule.removed', subjectId: rule.id, data: { reason } });
    await announce(tx, viewer, rule, await hiddenFrom(tx, networkId, rule, ground, before));
    return { kind: 'MARKUP_RULE_REMOVED', rule };
  });
}

/** A rule is for the station's own direct child (which cannot move away meanwhile: its row is locked) or a level that it gives. */
async function targetRefusal(tx: Transaction, viewer: Viewer, stationId: string, rule: MarkupRule): Promise<NotFound | NotAllowed | null> {
  if (rule.childId !== null) {
    const child = (await lockStations(tx, viewer.networkId, [rule.childId])).get(rule.childId);
    if (!child?.path.includes(stationId) || child.id === stationId) return { kind: 'NOT_FOUND' };
    if (child.parentId !== stationId) return { kind: 'NOT_ALLOWED', message: 'A station is priced by its direct parent.' };
  }
  if (rule.levelId === null) return null;
  const level = (await levelsByIds(tx, viewer, [rule.levelId])).get(rule.levelId);
  return level?.stationId === stationId ? null : { kind: 'NOT_FOUND' };
}

async function scopeRefusal(tx: Transaction, viewer: Viewer, { skuId, productId, categoryId }: MarkupRule): Promise<NotFound | null> {
  const seen =
    (skuId === null || (await skusByIds(tx, viewer, [skuId])).has(skuId)) &&
    (productId === null || (await productsByIds(tx, viewer, [productId])).has(productId)) &&
    (categoryId === null || (await categoriesByIds(tx, viewer, [categoryId])).has(categoryId));
  return seen ? null : { kind: 'NOT_FOUND' };
}

/**
 * Who loses SKUs by a change. `ground` has the rules after it, `before` makes from them those before it. For one SKU the whole
 * subtree is looked at, for a wider scope the direct children (bounds: price-effects.ts).
 */
async function hiddenFrom(
  tx: Transaction,
  networkId: string,
  { stationId, childId, skuId }: MarkupRule,
  ground: RuleGround,
  before: (after: readonly MarkupRule[]) => MarkupRule[],
): Promise<readonly Hidden[]> {
  if (skuId === null) return hiddenByRule({ ...ground, rules: before(ground.rules) }, ground.rules);
  const [facts] = ground.facts;
  if (!facts) return [];
  const { band } = facts;
  const sides = { before: { band, rulesOf: before }, after: { band, rulesOf: (live: readonly MarkupRule[]) => live } };
  const { hiddenIds } = await effectBelow(tx, { networkId, stationId: childId ?? stationId }, facts, sides);
  return hiddenIds.length === 0 ? [] : [{ stationIds: hiddenIds, skuIds: [skuId] }];
}

/** One event for the rule, and one for each group of children that lose SKUs by it. */
async function announce(tx: Transaction, viewer: Viewer, rule: MarkupRuleRecord, hidden: readonly Hidden[]): Promise<void> {
  const { networkId } = viewer;
  const { stationId, childId, levelId, skuId, productId, categoryId } = rule;
  const audience = childId === null ? [stationId] : [stationId, childId];
  const reach = { topId: childId ?? stationId, withTop: childId !== null, goods: goodsOf(rule) };
  const changed = priceChanged(networkId, rule.id, audience, reach, { childId, levelId, skuId, productId, categoryId });
  const inverted = hidden.map(({ stationIds, skuIds }): NewEvent => {
    const data = { skuIds: skuIds.slice(0, EVENT_SKUS_MAX), skuCount: skuIds.length };
    return { networkId, topic: 'price.inverted', subjectId: rule.id, audience: [stationId, ...stationIds], data };
  });
  await writeEvents(tx, [changed, ...inverted]);
}
