import type { Condition } from '#server/alerts/rules.ts';
import { run, type Transaction } from '#server/platform/database.ts';
import type { AccountHealth } from '#server/purchases/rules.ts';
import { type AccountRow, countAttention } from '#server/purchases/sql.ts';
import { selectDoubtedOrders } from '#server/stock/sql.ts';

/** Whether purchases of these stations' goods wait for a person, and how many: one alert for a station. One statement. */
export async function attentionConditions(tx: Transaction, networkId: string, ownerIds: readonly string[]): Promise<Condition[]> {
  if (ownerIds.length === 0) return [];
  const rows = await run(tx, countAttention, [networkId, ownerIds]);
  return rows.map(({ owner_id, count }) => ({
    stationId: owner_id,
    kind: 'ORDER_NEEDS_ATTENTION',
    subjectId: owner_id,
    holds: count > 0,
    data: { attentionCount: count },
  }));
}

/** Purchases that brought card keys which somebody has already, and orders that were refunded. */
export type TouchedDoubts = { readonly attemptIds: readonly string[]; readonly orderIds: readonly string[] };

/**
 * Whether orders hold card keys that another purchase brought again (the first may be the one that should not have them): one alert for an order, until its keys are returned or refunded, or a person has looked. One statement.
 */
export async function doubtConditions(tx: Transaction, networkId: string, touched: TouchedDoubts): Promise<Condition[]> {
  if (touched.attemptIds.length === 0 && touched.orderIds.length === 0) return [];
  const rows = await selectDoubtedOrders(tx, networkId, touched);
  return rows.map(({ order_id, owner_id, sku_id, doubted_count }) => ({
    stationId: owner_id,
    kind: 'ORDER_NEEDS_ATTENTION',
    subjectId: order_id,
    holds: doubted_count > 0,
    data: { orderId: order_id, skuId: sku_id, doubtedCount: doubted_count },
  }));
}

/** A breaker that opens once may be a hiccup; whoever opens it again without having been well is down. */
const OPENED_TWICE = 2;

/** Whether an account's upstream is down, when its breaker has moved: nothing to tell while that is not clear. */
export function downConditions(accountId: string, account: AccountRow, health: AccountHealth): Condition[] {
  const isDown = health.breaker === 'OPEN' && health.openedCount >= OPENED_TWICE;
  if (!isDown && health.breaker !== 'CLOSED') return [];
  const data = { accountName: account.name, supplierId: account.supplier_id };
  return [{ stationId: account.owner_id, kind: 'SUPPLIER_DOWN', subjectId: accountId, holds: isDown, data }];
}
