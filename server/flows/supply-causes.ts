import type { Condition } from '#server/alerts/rules.ts';
import { SHARE_DAYS, SHARE_DELIVERIES_MIN, SHARE_WARNING_BPS, shareOf } from '#server/offers/rules.ts';
import { selectAboveAgreed, selectLargestShares } from '#server/offers/sql.ts';
import type { Transaction } from '#server/platform/database.ts';
import { currencyCode, type Money, money, scaleMoney, subtractMoney, toAmountString, toUnitPriceString } from '#server/platform/money.ts';

// What of supply needs a decision of the owner: read from offers and roll-ups when their events pass, so that looking twice finds the same.

/** Offers and purchases that events name. */
export type TouchedSupply = { readonly offerIds: ReadonlySet<string>; readonly attemptIds: ReadonlySet<string> };

const DAY_MILLISECONDS = 86_400_000;

/**
 * 最低价保障: whether offers cost more than was agreed, with what it was worth: what was paid since above the agreement. And whether one
 * supplier carries more than 80 % of a SKU (domain §7), of what offers bought in 30 days. Two statements.
 */
export async function supplyConditions(tx: Transaction, networkId: string, touched: TouchedSupply): Promise<Condition[]> {
  const [offerIds, attemptIds] = [[...touched.offerIds], [...touched.attemptIds]];
  if (offerIds.length === 0 && attemptIds.length === 0) return [];
  const since = new Date(tx.now.getTime() - SHARE_DAYS * DAY_MILLISECONDS);
  const [offers, shares] = await Promise.all([
    selectAboveAgreed(tx, networkId, { offerIds, attemptIds }),
    attemptIds.length === 0 ? [] : selectLargestShares(tx, networkId, attemptIds, since),
  ]);
  return [
    ...offers.map((row): Condition => {
      const currency = currencyCode(row.currency);
      const [unitCost, agreed] = [money(row.unit_cost, currency), money(row.agreed_unit_cost ?? row.unit_cost, currency)];
      const data = {
        skuId: row.sku_id,
        supplierId: row.supplier_id,
        unitCost: toUnitPriceString(unitCost),
        agreedUnitCost: toUnitPriceString(agreed),
        difference: toUnitPriceString(subtractMoney(unitCost, agreed)),
        quantity: Number(row.quantity),
        worth: toAmountString(rounded(row.worth, agreed)),
      };
      return { stationId: row.owner_id, kind: 'OFFER_ABOVE_AGREED', subjectId: row.id, holds: row.is_above, data };
    }),
    ...shares.map((row): Condition => {
      const bps = shareOf(row.quantity, row.sku_quantity);
      const holds = row.deliveries >= SHARE_DELIVERIES_MIN && bps > SHARE_WARNING_BPS;
      return {
        stationId: row.owner_id,
        kind: 'SUPPLIER_SHARE',
        subjectId: row.sku_id,
        holds,
        data: { supplierId: row.supplier_id, shareBps: bps },
      };
    }),
  ];
}

/** A sum that PostgreSQL divided, in the currency's decimals. */
function rounded(text: string, { currency }: Money): Money {
  const [whole = '0', decimals = ''] = text.split('.');
  return scaleMoney(money(`${whole}.${decimals.slice(0, 4).padEnd(4, '0')}`, currency), 1n, 1n, 'AMOUNT');
}
