import { actingStationWith, type Viewer } from '#server/accounts/rules.ts';
import { loadLine } from '#server/network/sql.ts';
import type { NotFound } from '#server/offers/commands.ts';
import { offerScope } from '#server/offers/reads.ts';
import { chooseOffer, type NoOfferReason, offerCost, type RoutingPolicy, type RoutingQuestion, skipReason } from '#server/offers/rules.ts';
import { loadCandidates, type OfferRow, selectOffersOfSku, selectRoutedSkus } from '#server/offers/sql.ts';
import { selectOrderedSkus, selectTerms } from '#server/orders/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import type { Database } from '#server/platform/database.ts';
import { isId } from '#server/platform/ids.ts';
import { currencyCode, type Money, money, scaleMoney } from '#server/platform/money.ts';

/** Why an offer would not fill an order now. DISABLED, PAUSED, FROZEN, ACCOUNT_DISABLED: it takes no part in routing at all. */
export type SkippedReason = Exclude<NoOfferReason, 'NONE'> | 'DISABLED' | 'PAUSED' | 'FROZEN' | 'ACCOUNT_DISABLED';

/** An offer as routing sees it: what the quantity would cost at most, and why it is passed by (null: it could fill it). */
export type PreviewedOffer = {
  readonly offer: OfferRow;
  readonly quotedCost: Money;
  readonly skipped: SkippedReason | null;
  readonly isChosen: boolean;
};

/** How an order would be routed now. `costLimit`: null where the owner bears losses. */
export type RoutePreview = {
  readonly kind: 'PREVIEW';
  readonly policy: RoutingPolicy;
  readonly quantity: number;
  readonly costLimit: Money | null;
  readonly noOffer: NoOfferReason | null;
  readonly offers: readonly PreviewedOffer[];
};

/**
 * Which offer an order of a quantity of the acting station's SKU would take now, and why the others are passed by. The limit is what the
 * child that pays least would pay: the base price. Under WEIGHTED it is the first by priority that is shown, since chance decides.
 */
export async function routePreview(
  db: Database,
  viewer: Viewer,
  { skuId, quantity }: { readonly skuId: string; readonly quantity: number },
): Promise<RoutePreview | NotFound | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string }> {
  const ownerId = actingStationWith(viewer, 'SUPPLY_READ');
  const { networkId } = viewer;
  if (!isId(skuId)) return { kind: 'NOT_FOUND' };
  if (quantity < 1) return { kind: 'INVALID_INPUT', field: 'quantity', message: 'A quantity is at least 1.' };
  const [terms, [sku], [priced], line, offers] = await Promise.all([
    selectTerms(db.pool, networkId),
    selectRoutedSkus(db.pool, networkId, [skuId]),
    selectOrderedSkus(db.pool, networkId, [skuId]),
    loadLine(db.pool, networkId, ownerId),
    selectOffersOfSku(db.pool, offerScope(viewer), skuId),
  ]);
  if (sku?.owner_id !== ownerId || priced === undefined) return { kind: 'NOT_FOUND' };
  const currency = currencyCode(terms.currency);
  const instant = db.clock();
  const found = await loadCandidates(db.pool, networkId, [skuId], { instant, localDate: localDate(instant, terms.time_zone) });
  const candidates = found.get(skuId) ?? [];
  const base = scaleMoney(money(priced.base_price, currency), BigInt(quantity), BigInt(sku.unit_size), 'AMOUNT');
  const costLimit = line.at(-1)?.costGuard === 'ALLOW_LOSS' ? null : base;
  const question: RoutingQuestion = {
    policy: sku.routing_policy,
    quantity,
    unitSize: sku.unit_size,
    costLimit,
    excluded: new Set(),
    chance: 0,
  };
  const choice = chooseOffer(candidates, question);
  const byId = new Map(candidates.map((candidate) => [candidate.offerId, candidate]));
  return {
    kind: 'PREVIEW',
    policy: sku.routing_policy,
    quantity,
    costLimit,
    noOffer: choice.kind === 'NO_OFFER' ? choice.reason : null,
    offers: offers.map((offer) => {
      const candidate = byId.get(offer.id);
      const cost = { upstreamUnitCost: offer.upstream_unit_cost, rate: offer.rate, unitCost: money(offer.unit_cost, currency) };
      return {
        offer,
        quotedCost: offerCost(cost, quantity, sku.unit_size).quotedCost,
        skipped: candidate ? skippedReason(skipReason(candidate, question)) : offReason(offer),
        isChosen: choice.kind === 'CHOSEN' && choice.offer.offerId === offer.id,
      };
    }),
  };
}

// nothing is excluded here, so NONE does not come up
function skippedReason(reason: NoOfferReason | null): SkippedReason | null {
  return reason === 'NONE' ? null : reason;
}

function offReason(offer: OfferRow): SkippedReason {
  if (!offer.is_enabled) return 'DISABLED';
  if (offer.is_paused) return 'PAUSED';
  return offer.frozen_reason === null ? 'ACCOUNT_DISABLED' : 'FROZEN';
}
