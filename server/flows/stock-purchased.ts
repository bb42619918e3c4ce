import { spreadEvenly } from '#server/platform/allocate.ts';
import { run, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { type Money, toAmountString } from '#server/platform/money.ts';
import { selectOfferMakers } from '#server/purchases/sql.ts';
import { insertBoughtKeys, insertBoughtLots, selectKnownFingerprints } from '#server/stock/sql.ts';
import type { BoughtGoods } from './settle-lines.ts';

/** Goods that no order waits for. `actorId` null: they came by themselves. */
export interface StockedPurchase {
  readonly attemptId: string;
  readonly offerId: string;
  readonly skuId: string;
  readonly ownerId: string;
  readonly supplierId: string;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly cost: Money;
  readonly goods: BoughtGoods;
  readonly actorId: string | null;
}

/** How many of an attempt's card keys came into stock, and how many were known already and did not. */
export type StockedCounts = { readonly stockedCount: number; readonly knownCount: number };

/**
 * Puts what purchases brought into stock, a lot for each: replenishments, tests of a listing, and what came after its order had been
 * filled or given up (domain §6: SURPLUS, never a second delivery). On the offer's terms: of CONSIGNMENT the supplier is owed when a key
 * is sold; OWN was paid for at the upstream, outside of this ledger, and its cost is a memo. Keys that the network knows stay out.
 */
export async function stockPurchased(
  tx: Transaction,
  networkId: string,
  purchases: readonly StockedPurchase[],
): Promise<Map<string, StockedCounts>> {
  if (purchases.length === 0) return new Map();
  const fingerprints = purchases.flatMap(({ goods }) => (goods.kind === 'CARD_KEY' ? goods.keys.map((key) => key.fingerprint) : []));
  const [known, makers] = await Promise.all([
    selectKnownFingerprints(tx, networkId, fingerprints),
    run(tx, selectOfferMakers, [networkId, purchases.map(({ offerId }) => offerId)]),
  ]);
  const makerOf = new Map(makers.map((row) => [row.id, row.created_by]));
  const lots = purchases.flatMap((purchase) => lotOf(purchase, known, purchase.actorId ?? makerOf.get(purchase.offerId)));
  const currency = purchases[0]?.cost.currency ?? '';
  await Promise.all([
    insertBoughtLots(
      tx,
      networkId,
      currency,
      lots.map(({ lot }) => lot),
    ),
    insertBoughtKeys(
      tx,
      networkId,
      lots.flatMap(({ keys }) => keys),
    ),
    writeEvents(
      tx,
      lots.map(({ lot: { skuId, ownerId } }): NewEvent => {
        return { networkId, topic: 'stock.changed', subjectId: skuId, audience: [ownerId], data: { skuId } };
      }),
    ),
  ]);
  const stocked = new Map(lots.map(({ lot }) => [lot.attemptId, lot.keyCount]));
  return new Map(
    purchases.map(({ attemptId, goods }) => {
      const stockedCount = stocked.get(attemptId) ?? 0;
      return [attemptId, { stockedCount, knownCount: (goods.kind === 'CARD_KEY' ? goods.keys.length : 0) - stockedCount }];
    }),
  );
}

type Lots = { lot: Parameters<typeof insertBoughtLots>[3][number]; keys: Parameters<typeof insertBoughtKeys>[2] }[];

/** The lot of a purchase with those keys that are new; none of one that brought nothing new. `known` grows by them. */
function lotOf(purchase: StockedPurchase, known: Set<string>, createdBy: string | undefined): Lots {
  const { attemptId, skuId, ownerId, supplierId, terms, cost, goods } = purchase;
  if (goods.kind === 'TOP_UP') return [];
  if (createdBy === undefined) throw new Error(`the offer of attempt ${attemptId} is not there`);
  const fresh = goods.keys.filter(({ fingerprint }) => !known.has(fingerprint.toString('base64')));
  for (const { fingerprint } of fresh) known.add(fingerprint.toString('base64'));
  if (fresh.length === 0) return [];
  const costs = spreadEvenly(cost, fresh.length).map(toAmountString);
  const { expiresOn } = goods.lot;
  const keys = fresh.map(({ id, sealed, fingerprint }, index) => {
    return {
      id,
      lotId: goods.lot.id,
      skuId,
      ownerId,
      state: 'AVAILABLE' as const,
      sealed,
      fingerprint,
      cost: costs[index] ?? '0',
      expiresOn,
    };
  });
  const lot = {
    ...goods.lot,
    attemptId,
    skuId,
    ownerId,
    supplierId,
    terms,
    totalCost: toAmountString(cost),
    keyCount: fresh.length,
    createdBy,
  };
  return [{ lot, keys }];
}
