import type { Viewer } from '#server/accounts/rules.ts';
import { type SeenSku, seenSku, visibleSkus } from '#server/catalog/reads.ts';
import { type OfferReason, type Quoted, quoteOf, type Stock } from '#server/catalog/rules.ts';
import { type SkuFacts, type SkuRecord, STOCK_COUNT_MAX, selectCostOfNext, selectSkuFacts } from '#server/catalog/sql.ts';
import { readWallets } from '#server/ledger/reads.ts';
import type { Database } from '#server/platform/database.ts';
import type { Money } from '#server/platform/money.ts';
import { quantityFits, ruleBook } from '#server/pricing/rules.ts';
import { hopsOf, loadRules } from '#server/pricing/sql.ts';
import { lineOf } from './catalogue.ts';
import { costOfQuantity, loadSupply, withSupply } from './sku-supply.ts';

/** The viewer's part of a chain: what the acting station pays. What its upline pays is not for it to know. */
export type QuoteHop = { readonly stationId: string; readonly unitPrice: Money; readonly total: Money };

/** What `quantity` units would cost the acting station now. `walletAfter` is null for those who may not read the wallet. */
export type Quote = {
  readonly kind: 'QUOTE';
  readonly sku: SeenSku;
  readonly quantity: number;
  readonly unitPrice: Money;
  readonly total: Money;
  readonly stock: Stock;
  readonly walletAfter: Money | null;
  readonly hops: readonly QuoteHop[];
};

/** A quote, or why there is none. */
export type QuoteOutcome =
  | Quote
  | { readonly kind: 'NOT_SELLABLE'; readonly reason: OfferReason }
  | { readonly kind: 'QUANTITY_OUT_OF_RANGE'; readonly minQuantity: number; readonly maxQuantity: number; readonly quantityStep: number }
  | { readonly kind: 'NOT_FOUND' };

/**
 * What the acting station would pay for a quantity of a SKU at this moment, by the same rules as an order, the owner's cost
 * guard included. It promises nothing: the order names the most it pays. NOT_FOUND also stands for goods that are not the
 * viewer's to see.
 */
export async function readQuote(
  db: Database,
  viewer: Viewer,
  { skuId, quantity }: { skuId: string; quantity: number },
): Promise<QuoteOutcome> {
  const scope = visibleSkus(viewer);
  if (scope === null) return { kind: 'NOT_FOUND' };
  const [line, [facts]] = await Promise.all([lineOf(db, scope), selectSkuFacts(db.pool, { ...scope, now: db.clock() }, [skuId])]);
  if (!facts) return { kind: 'NOT_FOUND' };
  const now = db.clock();
  const [rules, supply, keys, wallet] = await Promise.all([
    loadRules(db.pool, scope.networkId, hopsOf([line]), [facts.sku]),
    loadSupply(db.pool, scope.networkId, now, [facts]),
    quantityFits(facts.sku, quantity) ? costOfKeys(db, { ...scope, now }, facts, quantity) : new Map<string, Money>(),
    viewer.permissions.has('WALLET_READ') ? walletOf(db, scope, facts.sku) : null,
  ]);
  const supplied = withSupply(facts, supply, quantity);
  const cost = costOfQuantity(facts, supply, keys, quantity);
  const quoted = quoteOf({ ...supplied, line, rules: ruleBook(rules), stockMax: STOCK_COUNT_MAX, quantity, cost, wallet });
  return quoted.kind === 'QUOTED' ? quoteFor(scope.stationId, facts.sku, quantity, quoted) : quoted;
}

/** What the next keys of everything from stock that a quantity takes would cost, by SKU; those that are too few have no entry. */
async function costOfKeys(
  db: Database,
  at: { readonly networkId: string; readonly now: Date },
  { sku, components }: SkuFacts,
  quantity: number,
): Promise<Map<string, Money>> {
  const taken = [{ skuId: sku.id, deliveryKind: sku.deliveryKind, quantity: 1 }, ...components].filter(
    ({ deliveryKind }) => deliveryKind === 'FROM_STOCK',
  );
  const costs = await Promise.all(
    taken.map(async ({ skuId, quantity: each }) => {
      const cost = await selectCostOfNext(db.pool, at, { id: skuId, currency: sku.currency }, each * quantity);
      return cost === null ? [] : [[skuId, cost] as const];
    }),
  );
  return new Map(costs.flat());
}

function quoteFor(stationId: string, sku: SkuRecord, quantity: number, quoted: Extract<Quoted, { kind: 'QUOTED' }>): Quote {
  const { unitPrice, total, stock, walletAfter } = quoted;
  return {
    kind: 'QUOTE',
    sku: seenSku(stationId, sku),
    quantity,
    unitPrice,
    total,
    stock,
    walletAfter,
    hops: [{ stationId, unitPrice, total }],
  };
}

async function walletOf(db: Database, scope: { networkId: string; stationId: string }, { currency }: SkuRecord): Promise<Money | null> {
  const wallets = await readWallets(db.pool, { networkId: scope.networkId, currency }, [scope.stationId]);
  return wallets.get(scope.stationId)?.balance ?? null;
}
