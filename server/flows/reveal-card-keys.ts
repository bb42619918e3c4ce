import { writeAudits } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { ordersByIds } from '#server/orders/reads.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { isId } from '#server/platform/ids.ts';
import type { Vault } from '#server/platform/vault.ts';
import { openRevealedKeys, type RevealedKey } from '#server/stock/reads.ts';
import { markRevealed } from '#server/stock/sql.ts';

/** Card keys in the clear, by order; or nothing at all. NOT_FOUND: one of the orders is not the viewer's own purchase. */
export type RevealOutcome =
  | { readonly kind: 'CARD_KEYS_REVEALED'; readonly cardKeys: ReadonlyMap<string, readonly RevealedKey[]> }
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/** Orders whose keys are revealed at once, at most. */
export const REVEAL_ORDERS_MAX = 250;

/**
 * Shows the card keys of orders to the buyer's people who may see them, and to nobody else (domain §2): the mark and one audit
 * entry an order are committed first, then the keys are opened. Looking again is audited again, and changes nothing. An order
 * that was wholly refunded shows only what was seen before: what nobody paid for any more is not given out.
 */
export async function revealCardKeys(db: Database, vault: Vault, viewer: Viewer, orderIds: readonly string[]): Promise<RevealOutcome> {
  const stationId = actingStationWith(viewer, 'CARD_KEYS_REVEAL');
  const { networkId } = viewer;
  const asked = [...new Set(orderIds)];
  if (asked.length > REVEAL_ORDERS_MAX) {
    return { kind: 'INVALID_INPUT', field: 'orderIds', message: `at most ${REVEAL_ORDERS_MAX} orders at once` };
  }
  if (!asked.every(isId)) return { kind: 'NOT_FOUND' };
  const orders = await ordersByIds(db.pool, { networkId, stationId }, asked);
  if (!asked.every((id) => orders.get(id)?.role === 'BUYER')) return { kind: 'NOT_FOUND' };
  await inTransaction(db, async (tx) => {
    const entries = asked.map((subjectId) => ({ action: 'card_keys.revealed', subjectId }));
    await Promise.all([markRevealed(tx, networkId, asked, actorId(viewer)), writeAudits(tx, viewer, entries)]);
  });
  return { kind: 'CARD_KEYS_REVEALED', cardKeys: await openRevealedKeys(db.pool, vault, networkId, asked) };
}
