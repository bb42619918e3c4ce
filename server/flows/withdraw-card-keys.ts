import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, type Viewer } from '#server/accounts/rules.ts';
import { selectStations } from '#server/network/sql.ts';
import { selectOrderedSkus, selectTerms } from '#server/orders/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import type { Database, Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import { hashInput, isRequestKey, onceForKey } from '#server/platform/request-keys.ts';
import type { Vault } from '#server/platform/vault.ts';
import { openWithdrawnKeys, type RevealedKey } from '#server/stock/reads.ts';
import { claimOwnKeys, selectWithdrawnKeyIds, takeKeys } from '#server/stock/sql.ts';
import { LIST_KEYS_MAX } from './place-orders.ts';

/** Keys that an owner takes out of its own stock; `reason` is kept in the audit log. */
export type Withdrawal = { readonly requestKey: string; readonly skuId: string; readonly quantity: number; readonly reason: string };

/** What became of a withdrawal: the keys in the clear, or why nothing was taken. */
export type WithdrawOutcome =
  | { readonly kind: 'CARD_KEYS_WITHDRAWN'; readonly skuId: string; readonly cardKeys: readonly RevealedKey[]; readonly replayed: boolean }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | WithdrawRefusal;

type WithdrawRefusal =
  | { readonly kind: 'OUT_OF_STOCK'; readonly availableCount: number }
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

const REASON_MAX = 500;

/**
 * An owner takes its own goods out of stock (domain §3: it cannot buy them). Only keys of OWN lots: consigned ones are the
 * supplier's until they are sold. No money moves, since they were paid for; who took them and why is audited, and that entry is
 * what a repeated request is answered from.
 */
export async function withdrawCardKeys(db: Database, vault: Vault, viewer: Viewer, withdrawal: Withdrawal): Promise<WithdrawOutcome> {
  const ownerId = actingStationWith(viewer, 'STOCK_WITHDRAW');
  const { networkId } = viewer;
  const { requestKey, skuId, quantity, reason } = withdrawal;
  const refusal = withdrawalProblem(withdrawal) ?? (await ownershipRefusal(db, networkId, ownerId, skuId));
  if (refusal) return refusal;
  const outcome = await onceForKey(
    db,
    { networkId, stationId: ownerId, effect: 'card-keys.withdraw', requestKey, inputHash: hashInput([skuId, quantity, reason]) },
    (newId) => ({ auditId: newId() }),
    (tx, { auditId }) => takeOut(tx, viewer, { ...withdrawal, ownerId, auditId }),
  );
  if (outcome.kind !== 'DONE') return outcome;
  const keyIds = await selectWithdrawnKeyIds(db.pool, networkId, outcome.ids.auditId);
  return {
    kind: 'CARD_KEYS_WITHDRAWN',
    skuId,
    cardKeys: await openWithdrawnKeys(db.pool, vault, networkId, keyIds),
    replayed: outcome.replayed,
  };
}

type Taking = Withdrawal & { readonly ownerId: string; readonly auditId: string };

async function takeOut(
  tx: Transaction,
  viewer: Viewer,
  { skuId, quantity, reason, ownerId, auditId }: Taking,
): Promise<WithdrawRefusal | null> {
  const { networkId } = viewer;
  const terms = await selectTerms(tx, networkId);
  const cardKeyIds = await claimOwnKeys(tx, networkId, { skuId, ownerId, quantity, today: localDate(tx.now, terms.time_zone) });
  if (cardKeyIds.length < quantity) return { kind: 'OUT_OF_STOCK', availableCount: cardKeyIds.length };
  await Promise.all([
    takeKeys(tx, networkId, cardKeyIds, 'WITHDRAWN'),
    writeAudit(tx, viewer, { id: auditId, action: 'card_keys.withdrawn', subjectId: skuId, data: { cardKeyIds, reason } }),
    writeEvents(tx, [{ networkId, topic: 'stock.changed', subjectId: skuId, audience: [ownerId], data: { skuId } }]),
  ]);
  return null;
}

function withdrawalProblem({ requestKey, skuId, quantity, reason }: Withdrawal): WithdrawRefusal | null {
  const invalid = (field: string, message: string): WithdrawRefusal => ({ kind: 'INVALID_INPUT', field, message });
  if (!isRequestKey(requestKey)) return invalid('requestKey', 'a request key has 1 to 255 characters');
  if (!Number.isSafeInteger(quantity) || quantity < 1 || quantity > LIST_KEYS_MAX)
    return invalid('quantity', `a quantity is 1 to ${LIST_KEYS_MAX}`);
  if (reason.trim() === '' || reason.length > REASON_MAX) return invalid('reason', `a reason has 1 to ${REASON_MAX} characters`);
  return isId(skuId) ? null : { kind: 'NOT_FOUND' };
}

/** Goods of a station above may be bought, not taken; of goods elsewhere nothing is told. */
async function ownershipRefusal(db: Database, networkId: string, stationId: string, skuId: string): Promise<WithdrawRefusal | null> {
  const [sku] = await selectOrderedSkus(db.pool, networkId, [skuId]);
  if (sku?.owner_id === stationId) return null;
  const station = (await selectStations(db.pool, networkId, [stationId])).get(stationId);
  const isAbove = sku !== undefined && station?.path.includes(sku.owner_id) === true;
  return isAbove ? { kind: 'NOT_ALLOWED', message: 'Only the owner takes goods out of stock.' } : { kind: 'NOT_FOUND' };
}
