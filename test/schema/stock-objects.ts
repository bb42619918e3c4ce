import { globalId } from '#schema/ids.ts';
import type { Database } from '#server/platform/database.ts';
import { testVault } from '#test/support/world.ts';
import type { Objects } from './network.ts';

/** A lot that was put aside, a rule of replenishment, and a purchase that waits for a person: of the SKU of a station with an offer. */
export async function stockObjects(
  db: Database,
  { networkId, skuId, ownerId, actorId }: { networkId: string; skuId: string; ownerId: string; actorId: string },
): Promise<Objects> {
  const now = db.clock();
  const [lotId, ruleId, purchaseId] = [db.newId(), db.newId(), db.newId()];
  const { dataKey, vaultKeyId } = testVault.createDataKey([networkId, lotId]);
  await db.pool.query(
    `INSERT INTO lot (network_id, id, sku_id, owner_id, terms, currency, total_cost, key_count, data_key, vault_key_id, created_by, created_at,
       state, state_reason, state_by, state_at)
     VALUES ($1, $2, $3, $4, 'OWN', 'CNY', 0, 0, $5, $6, $7, $8, 'QUARANTINED', 'odd keys', $7, $8)`,
    [networkId, lotId, skuId, ownerId, dataKey, vaultKeyId, actorId, now],
  );
  await db.pool.query(
    `INSERT INTO replenishment_rule (network_id, id, owner_id, sku_id, threshold_count, target_count, daily_budget, approval_limit, due_at,
       updated_by, created_at, updated_at) VALUES ($1, $2, $3, $4, 5, 50, 9000, 1, $5, $6, $5, $5)`,
    [networkId, ruleId, ownerId, skuId, now, actorId],
  );
  await db.pool.query(
    `INSERT INTO replenishment (network_id, id, rule_id, owner_id, sku_id, state, available_count, quantity, offer_id, supplier_id, quoted_cost, created_at)
     SELECT $1, $2, $3, $4, $5, 'WAITING', 4, 10, o.id, o.supplier_id, 500, $6 FROM supply_offer o WHERE o.network_id = $1 AND o.sku_id = $5 LIMIT 1`,
    [networkId, purchaseId, ruleId, ownerId, skuId, now],
  );
  return {
    AsideLot: globalId('Lot', lotId),
    ReplenishmentRule: globalId('ReplenishmentRule', ruleId),
    Replenishment: globalId('Replenishment', purchaseId),
  };
}
