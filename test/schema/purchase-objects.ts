import { globalId } from '#schema/ids.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { money } from '#server/platform/money.ts';
import { planAttempts, writeSteps } from '#server/purchases/commands.ts';
import type { Objects } from './network.ts';

/** A purchase by hand that waits for a person: a listing's test of the SKU of a station with an offer. */
export async function purchaseObjects(
  db: Database,
  { networkId, skuId, ownerId }: { readonly networkId: string; readonly skuId: string; readonly ownerId: string },
): Promise<Objects> {
  const [offer] = (
    await db.pool.query<{ id: string; account_id: string; supplier_id: string }>(
      'SELECT id, account_id, supplier_id FROM supply_offer WHERE network_id = $1 AND sku_id = $2 ORDER BY id LIMIT 1',
      [networkId, skuId],
    )
  ).rows;
  if (!offer) throw new Error('the SKU has no offer');
  const id = db.newId();
  const cost = money('19.19', 'CNY');
  await inTransaction(db, async (tx) => {
    await planAttempts(tx, networkId, [
      {
        id,
        purpose: { kind: 'TEST', subjectId: skuId },
        attemptNumber: 1,
        offer: {
          offerId: offer.id,
          skuId,
          ownerId,
          supplierId: offer.supplier_id,
          accountId: offer.account_id,
          terms: 'CONSIGNMENT',
          goods: {},
          upstreamCurrency: 'CNY',
          rate: '1',
        },
        quantity: 1,
        goodsKind: 'CARD_KEY',
        quotedCost: cost,
        upstreamMaxCost: '19.19',
        costLimit: cost,
        dueAt: null,
      },
    ]);
    await writeSteps(tx, networkId, [{ attemptId: id, kind: 'SENT', outcome: 'PENDING' }]);
  });
  await db.pool.query(
    `UPDATE purchase_attempt SET state = 'SENT', sent_at = created_at, due_at = NULL, attention_reason = 'MANUAL', attention_since = created_at
     WHERE network_id = $1 AND id = $2`,
    [networkId, id],
  );
  // a key of the owner that it brought again, as if it had
  await db.pool.query(
    `INSERT INTO doubted_key (network_id, attempt_id, card_key_id, noted_at)
     SELECT k.network_id, $3, k.id, k.updated_at FROM card_key k WHERE k.network_id = $1 AND k.owner_id = $2 ORDER BY k.id LIMIT 1`,
    [networkId, ownerId, id],
  );
  return { PurchaseAttempt: globalId('PurchaseAttempt', id) };
}
