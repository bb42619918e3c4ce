import { type SkuFacts, selectSkusInScope } from '#server/catalog/sql.ts';
import { type LineStation, loadLines, type StationRecord, selectChildLines, selectDownline } from '#server/network/sql.ts';
import type { Transaction } from '#server/platform/database.ts';
import type { Money } from '#server/platform/money.ts';
import { type ControlBand, type MarkupRule, markupRuleBandBreaks, resolvePriceChain, ruleBook } from '#server/pricing/rules.ts';
import { hopsOf, loadRules, type RuleKey } from '#server/pricing/sql.ts';

// What a change of prices does to others at once: which prices the band clamps, and from whom it hides a SKU (倒挂). Looked at
// inside the change's own transaction and therefore bounded: a band or a rule for one SKU for the first stations of the subtree,
// a wider rule for the first SKUs of its scope and the first direct children. What lies beyond is right in the catalogue all the
// same, since prices are never stored; it is only not announced.

/** SKUs of a rule's scope that are looked at, in the catalogue's order. */
export const EFFECT_SKUS_MAX = 300;
/** Direct children that are looked at, in order of opening. */
export const EFFECT_CHILDREN_MAX = 200;
/** Stations below that a change of one SKU's prices is looked at for, in tree order. */
export const EFFECT_STATIONS_MAX = 1000;

/** The station and scope of a change, as they were before it. */
export type RuleGround = {
  readonly line: readonly LineStation[];
  readonly children: readonly LineStation[];
  readonly facts: readonly SkuFacts[];
  /** every live rule that may price one of the SKUs for the station or its children, before the change */
  readonly rules: readonly MarkupRule[];
};

/** A price outside the band: what a rule asks of a child, and the bound that it breaks. */
export type BandBreakOf = {
  readonly stationId: string;
  readonly skuId: string;
  readonly price: Money;
  readonly floor: Money | null;
  readonly ceiling: Money | null;
};

/** SKUs that a change hides from some stations. */
export type Hidden = { readonly stationIds: readonly string[]; readonly skuIds: readonly string[] };

type Acting = { readonly networkId: string; readonly stationId: string };

/** Reads what a rule's target and scope take in. Four statements. */
export async function loadRuleGround(tx: Transaction, acting: Acting, key: RuleKey): Promise<RuleGround> {
  const { networkId, stationId } = acting;
  const [lines, children, facts] = await Promise.all([
    loadLines(tx, networkId, [stationId]),
    selectChildLines(tx, acting, key, EFFECT_CHILDREN_MAX),
    selectSkusInScope(tx, { ...acting, now: tx.now }, key, EFFECT_SKUS_MAX),
  ]);
  const line = lines.get(stationId) ?? [];
  const hops = [...hopsOf([line]), ...children.map(({ id, levelId }) => ({ sellerId: stationId, childId: id, levelId }))];
  const skus = facts.map(({ sku }) => sku);
  return { line, children, facts, rules: await loadRules(tx, networkId, hops, skus) };
}

/** Where a rule would ask one of today's children for a price outside the band: once for each child and SKU. */
export function bandBreaks({ line, children, facts, rules }: RuleGround, rule: MarkupRule): BandBreakOf[] {
  const book = ruleBook(rules);
  const breaks = new Map<string, BandBreakOf>();
  for (const { sku, band } of facts) {
    for (const broken of markupRuleBandBreaks({ rule, sku, line, children, rules: book, band })) {
      const { childId, skuId, unitPrice, side, bound } = broken;
      const [floor, ceiling] = side === 'FLOOR' ? [bound, null] : [null, bound];
      const key = `${skuId} ${childId}`;
      if (!breaks.has(key)) breaks.set(key, { stationId: childId, skuId, price: unitPrice, floor, ceiling });
    }
  }
  return [...breaks.values()];
}

/** The SKUs that had a price for direct children before a change and have none after it, by those children. */
export function hiddenByRule(ground: RuleGround, after: readonly MarkupRule[]): Hidden[] {
  const { line, children, facts } = ground;
  const [booksBefore, booksAfter] = [ruleBook(ground.rules), ruleBook(after)];
  const special = new Set([...ground.rules, ...after].flatMap(({ childId }) => (childId === null ? [] : [childId])));
  // children of one level without rules of their own pay the same
  const alike = Map.groupBy(children, ({ id, levelId }) => (special.has(id) ? id : `level ${levelId}`));
  return [...alike.values()].flatMap((stations) => {
    const [first] = stations;
    if (!first) return [];
    const path = [...line, first];
    const hidden = facts.filter(({ sku, band }) => {
      const question = { sku, path, band, quantity: sku.minQuantity };
      return (
        resolvePriceChain({ ...question, rules: booksBefore }).kind === 'PRICED' &&
        resolvePriceChain({ ...question, rules: booksAfter }).kind === 'NOT_SELLABLE'
      );
    });
    return hidden.length === 0 ? [] : [{ stationIds: stations.map(({ id }) => id), skuIds: hidden.map(({ sku }) => sku.id) }];
  });
}

/** The rules with one in the place of whichever had its target and scope. */
export function withRule(rules: readonly MarkupRule[], rule: MarkupRule): MarkupRule[] {
  return [...rules.filter((each) => !sameKey(each, rule)), rule];
}

/** What a change of one SKU's prices does to a station and all below it: whose price is clamped now, and who has none any more. */
export type EffectBelow = { readonly clampedIds: readonly string[]; readonly hiddenIds: readonly string[] };

/** What prices are made from on one side of a change: the band, and the rules made from those that are live now. */
export type PriceSide = { readonly band: ControlBand | null; readonly rulesOf: (live: readonly MarkupRule[]) => readonly MarkupRule[] };

/** Compares the SKU's prices of a station and of those below it before and after a change. Three statements. */
export async function effectBelow(
  tx: Transaction,
  top: Acting,
  { sku }: SkuFacts,
  sides: { readonly before: PriceSide; readonly after: PriceSide },
): Promise<EffectBelow> {
  const cut = { pattern: null, status: null, direction: 'FORWARD', from: null, limit: EFFECT_STATIONS_MAX } as const;
  const [lines, downline] = await Promise.all([
    loadLines(tx, top.networkId, [top.stationId]),
    selectDownline(tx, top.networkId, top.stationId, cut),
  ]);
  const paths = pathsBelow(lines.get(top.stationId) ?? [], downline);
  const live = await loadRules(tx, top.networkId, hopsOf(paths.values()), [sku]);
  const [rulesBefore, rulesAfter] = [ruleBook(sides.before.rulesOf(live)), ruleBook(sides.after.rulesOf(live))];
  const clampedIds: string[] = [];
  const hiddenIds: string[] = [];
  for (const [stationId, path] of paths) {
    const question = { sku, path, quantity: sku.minQuantity };
    const after = resolvePriceChain({ ...question, rules: rulesAfter, band: sides.after.band });
    if (after.kind === 'PRICED' && after.hops.at(-1)?.clamped) clampedIds.push(stationId);
    if (after.kind === 'PRICED') continue;
    const before = resolvePriceChain({ ...question, rules: rulesBefore, band: sides.before.band });
    if (before.kind === 'PRICED') hiddenIds.push(stationId);
  }
  return { clampedIds, hiddenIds };
}

/** The line of a station and of those below it; in tree order, so that a parent's line is there before its children's. */
function pathsBelow(line: readonly LineStation[], downline: readonly StationRecord[]): Map<string, readonly LineStation[]> {
  const top = line.at(-1);
  const paths = new Map<string, readonly LineStation[]>(top ? [[top.id, line]] : []);
  for (const { id, parentId, levelId, status } of downline) {
    const above = paths.get(parentId ?? '');
    if (above) paths.set(id, [...above, { id, levelId, status, costGuard: 'HIDE' }]);
  }
  return paths;
}

function sameKey(a: RuleKey, b: RuleKey): boolean {
  return (['stationId', 'childId', 'levelId', 'skuId', 'productId', 'categoryId'] as const).every((name) => a[name] === b[name]);
}
