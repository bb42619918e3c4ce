import type { AlertData, Condition } from '#server/alerts/rules.ts';
import {
  selectAbsoluteSellers,
  selectLiveInversions,
  selectLiveSkus,
  selectOwnedSkus,
  selectStockLevels,
  selectWalletLevels,
} from '#server/alerts/sql.ts';
import { ANY_CHILD } from '#server/catalog/rules.ts';
import { type SkuFacts, selectSkuPrices } from '#server/catalog/sql.ts';
import { type LineStation, loadLines, selectChildLines } from '#server/network/sql.ts';
import type { Queryable, Transaction } from '#server/platform/database.ts';
import { scaleMoney, toAmountString, toUnitPriceString } from '#server/platform/money.ts';
import { together } from '#server/platform/together.ts';
import { type MarkupRule, resolvePriceChain, ruleBook } from '#server/pricing/rules.ts';
import { hopsOf, loadRules } from '#server/pricing/sql.ts';
import { EFFECT_CHILDREN_MAX, EFFECT_SKUS_MAX } from './price-effects.ts';
import type { PriceReach } from './price-reach.ts';
import { loadSupply, withSupply } from './sku-supply.ts';

// What holds now of everything that events may have touched: read from the state and not from the events, so that looking twice,
// or late, finds the same. All of it is set-based and bounded.

/** Wallets and SKUs that events name, and what changes of prices reached. */
export type Touched = {
  readonly stationIds: ReadonlySet<string>;
  readonly skuIds: ReadonlySet<string>;
  readonly reaches: readonly PriceReach[];
};

/** The wallets of these stations against their thresholds, for those that have one. One statement. */
export async function walletConditions(tx: Transaction, networkId: string, stationIds: ReadonlySet<string>): Promise<Condition[]> {
  if (stationIds.size === 0) return [];
  const rows = await selectWalletLevels(tx, networkId, [...stationIds]);
  return rows.map(({ station_id, threshold, available, is_low }) => ({
    stationId: station_id,
    kind: 'WALLET_LOW',
    subjectId: station_id,
    holds: is_low,
    data: { available, threshold: threshold ?? '' },
  }));
}

/** The stock of these SKUs against their owners' thresholds, for those that have one. One statement. */
export async function stockConditions(tx: Transaction, networkId: string, skuIds: ReadonlySet<string>): Promise<Condition[]> {
  if (skuIds.size === 0) return [];
  const rows = await selectStockLevels(tx, networkId, [...skuIds], tx.now);
  return rows.map(({ station_id, sku_id, threshold, available, is_low }) => ({
    stationId: station_id,
    kind: 'STOCK_LOW',
    subjectId: sku_id,
    holds: is_low,
    data: { availableCount: available, thresholdCount: threshold ?? 0 },
  }));
}

/**
 * Whether the owner's cost guard hides SKUs from children of the owner (domain §3): P(1) of each of the first 200 children against
 * the cost of the next key, else of the cheapest offer. Four statements for an owner, whatever the number of SKUs and children.
 */
export async function guardConditions(
  tx: Transaction,
  networkId: string,
  ownerId: string,
  skuIds: readonly string[],
): Promise<Condition[]> {
  if (skuIds.length === 0) return [];
  const owner = { networkId, stationId: ownerId };
  const [lines, children, all] = await Promise.all([
    loadLines(tx, networkId, [ownerId]),
    selectChildLines(tx, owner, { childId: null, levelId: null }, EFFECT_CHILDREN_MAX),
    selectSkuPrices(tx, { ...owner, now: tx.now }, skuIds),
  ]);
  const line = lines.get(ownerId) ?? [];
  const facts = all.filter(({ sku }) => sku.ownerId === ownerId);
  const hops = children.map(({ id, levelId }) => ({ sellerId: ownerId, childId: id, levelId }));
  const skus = facts.map(({ sku }) => sku);
  const [rules, supply] = await together(tx, (gathering: Queryable) =>
    Promise.all([loadRules(gathering, networkId, hops, skus), loadSupply(gathering, networkId, tx.now, facts)]),
  );
  return facts.map((each) => guardOf(ownerId, line, children, rules, withSupply(each, supply)));
}

function guardOf(
  ownerId: string,
  line: readonly LineStation[],
  children: readonly LineStation[],
  rules: readonly MarkupRule[],
  { sku, band, nextUnitCost }: SkuFacts,
): Condition {
  const book = ruleBook(rules);
  const hidden = children.filter((child) => {
    const question = { sku, path: [...line, child], rules: book, band, quantity: sku.minQuantity, nextUnitCost };
    const chain = resolvePriceChain(question);
    return chain.kind === 'NOT_SELLABLE' && chain.reason === 'BELOW_COST';
  });
  const data = {
    hiddenFromCount: hidden.length,
    nextUnitCost: nextUnitCost ? toAmountString(scaleMoney(nextUnitCost, 1n, 1n, 'AMOUNT')) : '',
  };
  return { stationId: ownerId, kind: 'BELOW_COST', subjectId: sku.id, holds: hidden.length > 0, data };
}

/** Sellers and SKUs that are looked at for one change. */
const INVERSIONS_MAX = 1000;

/**
 * Where a change of prices leaves a seller paying more than it may ask: its absolute rule is below its own price, or the band's
 * ceiling is (domain §3, 倒挂). Looked at: sellers of the subtree with absolute rules for the goods, the owner's own sub-stations
 * under a ceiling, and whoever was inverted before. Six statements.
 */
export async function inversionConditions(tx: Transaction, networkId: string, { topId, goods }: PriceReach): Promise<Condition[]> {
  const [candidates, live] = await Promise.all([
    selectAbsoluteSellers(tx, networkId, topId, goods, INVERSIONS_MAX),
    selectLiveInversions(tx, networkId, topId, goods, INVERSIONS_MAX),
  ]);
  const sellerIds = [...new Set(candidates.map(({ stationId }) => stationId))];
  const lines = await loadLines(tx, networkId, sellerIds);
  const facts = await factsOf(tx, networkId, candidates);
  const hops = [
    ...hopsOf(lines.values()),
    ...candidates.map(({ stationId, childId, levelId }) => ({ sellerId: stationId, childId, levelId })),
  ];
  const rules = ruleBook(
    await loadRules(
      tx,
      networkId,
      hops,
      [...facts.values()].map(({ sku }) => sku),
    ),
  );
  const found = new Map<string, Condition>();
  const note = (condition: Condition) => {
    const key = `${condition.stationId} ${condition.subjectId}`;
    if (condition.holds || !found.has(key)) found.set(key, condition);
  };
  for (const { stationId, skuId, childId, levelId } of candidates) {
    const [line, each] = [lines.get(stationId), facts.get(skuId)];
    if (!line || !each) continue;
    const child: LineStation = { id: childId ?? ANY_CHILD, levelId, status: 'ACTIVE', costGuard: 'HIDE' };
    const question = { sku: each.sku, path: [...line, child], rules, band: each.band, quantity: each.sku.minQuantity };
    const chain = resolvePriceChain(question);
    const inverted = chain.kind === 'NOT_SELLABLE' && chain.stationId === stationId && isInversion(chain.reason);
    const paid = line.at(-1)?.id === each.sku.ownerId ? null : resolvePriceChain({ ...question, path: line });
    const price = paid?.kind === 'PRICED' ? paid.hops.at(-1)?.unitPrice : each.sku.basePrice;
    const data: AlertData = inverted && price ? { reason: chain.reason, unitPrice: toUnitPriceString(price) } : {};
    note({ stationId, kind: 'PRICE_INVERTED', subjectId: skuId, holds: inverted, data });
  }
  // what lasted and is no candidate any more has ended: the rule is gone, or the goods are no longer for sale
  if (candidates.length < INVERSIONS_MAX) for (const alert of live) note({ ...alert, holds: false, data: {} });
  return [...found.values()];
}

function isInversion(reason: string): boolean {
  return reason === 'INVERTED' || reason === 'ABOVE_CEILING';
}

type Candidate = { readonly skuId: string; readonly ownerId: string };

/** Facts of SKUs, read as their owners see them; one statement for each owner. */
async function factsOf(tx: Transaction, networkId: string, candidates: readonly Candidate[]): Promise<Map<string, SkuFacts>> {
  const owners = Map.groupBy(candidates, ({ ownerId }) => ownerId);
  const read = await Promise.all(
    [...owners].map(([stationId, each]) =>
      selectSkuPrices(tx, { networkId, stationId, now: tx.now }, [...new Set(each.map(({ skuId }) => skuId))]),
    ),
  );
  return new Map(read.flat().map((facts) => [facts.sku.id, facts]));
}

/** The SKUs that the guard is to be looked at for, by owner: those whose stock moved, and those whose owner changed prices. */
export async function guardedSkus(tx: Transaction, networkId: string, { skuIds, reaches }: Touched): Promise<Map<string, string[]>> {
  const rows = skuIds.size === 0 ? [] : await selectLiveSkus(tx, networkId, [...skuIds].sort());
  for (const { topId, goods } of reaches) rows.push(...(await selectOwnedSkus(tx, networkId, topId, goods, EFFECT_SKUS_MAX)));
  const byOwner = new Map<string, Set<string>>();
  for (const { id, ownerId } of rows) byOwner.set(ownerId, (byOwner.get(ownerId) ?? new Set()).add(id));
  return new Map([...byOwner].map(([ownerId, ids]) => [ownerId, [...ids]]));
}
