import type { Upstreams } from '#server/connectors/upstreams.ts';
import { openAccount } from '#server/offers/rules.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import type { Vault } from '#server/platform/vault.ts';
import type { AccountRow } from '#server/purchases/sql.ts';

/** What buying stands on. */
export interface PurchaseGround {
  readonly db: Database;
  readonly vault: Vault;
  readonly upstreams: Pick<Upstreams, 'connectorOf' | 'publicUrl'>;
  readonly log: Log;
  /** So long one call of an upstream may take; 15 s when left out. A lease outlasts three. */
  readonly callMilliseconds?: number;
  /** A number from 0 up to (not with) 1: spreads questions, draws offers. */
  readonly chance: () => number;
}

/** An account of an upstream, by its row. */
export type AccountPlace = { readonly networkId: string; readonly accountId: string };

/** An account as its connector takes it; a hand supplier has nothing to open. Throws when its secrets cannot be opened. */
export function openedAccount({ vault, upstreams }: PurchaseGround, { networkId, accountId }: AccountPlace, row: AccountRow) {
  if (row.kind === 'MANUAL') return { baseUrl: '', settings: {}, currency: row.currency, callbackUrl: null };
  return openAccount(vault, { ...row, network_id: networkId, id: accountId }, upstreams.publicUrl);
}
