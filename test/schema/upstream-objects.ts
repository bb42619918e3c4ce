import { globalId } from '#schema/ids.ts';
import { NO_MAPPING } from '#server/imports/rules.ts';
import { endImport, insertImport, insertImportItems } from '#server/imports/sql.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { money } from '#server/platform/money.ts';
import { openSupplyAccount, type SuppliedWorld } from '#test/support/supply.ts';
import type { Objects } from './network.ts';

/** A preview of a catalogue behind an account of this owner, with one SKU that it would make. */
export async function importObjects(db: Database, w: SuppliedWorld, supplier: string, ownerId: string): Promise<Objects> {
  const accountId = await openSupplyAccount(db, w, supplier, { kind: 'DUJIAO_NEXT', ownerId });
  const [importId, itemId] = [db.newId(), db.newId()];
  const owner = { networkId: w.networkId, ownerId };
  const price = (amount: string) => money(amount, w.currency);
  await inTransaction(db, async (tx) => {
    await insertImport(tx, owner, {
      id: importId,
      accountId,
      number: 1,
      markupPercent: '20.0000',
      currency: w.currency,
      rate: '1',
      rateSource: '',
      rateAt: null,
      mapping: NO_MAPPING,
      createdBy: ownerId,
    });
    await insertImportItems(tx, w.networkId, importId, [
      {
        id: itemId,
        change: 'NEW',
        reason: null,
        code: 'U0123456789ABCDE',
        categories: ['Cards'],
        productName: 'Month',
        skuName: 'Month',
        goods: { product_id: '1', sku_id: '1' },
        goodsKind: 'CARD_KEY',
        inputFields: [],
        minQuantity: 1,
        maxQuantity: 100,
        stockCount: 7,
        upstreamUnitCost: '8.1700',
        unitCost: price('8.1700'),
        oldUnitCost: null,
        basePrice: price('9.8040'),
        skuId: null,
        offerId: null,
      },
    ]);
    await endImport(tx, w.networkId, importId, { failure: null, itemCount: 1 });
  });
  return {
    DockedAccount: globalId('SupplyAccount', accountId),
    UpstreamImport: globalId('UpstreamImport', importId),
    UpstreamImportItem: globalId('UpstreamImportItem', itemId),
  };
}
