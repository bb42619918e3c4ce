import type { UpstreamAccount } from '#server/connectors/connector.ts';
import type { Transaction } from '#server/platform/database.ts';
import type { Vault } from '#server/platform/vault.ts';
import {
  accountContext,
  callbackUrl,
  hashCallbackToken,
  newCallbackToken,
  openSecrets,
  type SealedAccount,
  type SettledCost,
  sealAccount,
} from './rules.ts';
import {
  insertAccount,
  insertOffer,
  insertOfferCosts,
  lockAccount,
  lockOffer,
  type NewAccount,
  type NewOffer,
  type OfferRow,
  type OfferScope,
  type OfferValues,
  type Owner,
  updateAccount,
  updateCallback,
  updateOffer,
} from './sql.ts';

/** There is no such account or offer of this party. */
export type NotFound = { readonly kind: 'NOT_FOUND' };
/** Somebody else changed it first. */
export type Stale = { readonly kind: 'STALE_VERSION' };
/** The owner has an account of this name. */
export type NameTaken = { readonly kind: 'NAME_TAKEN' };

/** What is to be changed, and of which version. */
export type Edit = { readonly id: string; readonly expectedVersion: number };

// ---- accounts: sealing and opening happen before a transaction begins ----

/** An account's sealed part: what its row keeps, and where the upstream calls back (shown once; null without a public address). */
export type SealedParts = Pick<NewAccount, 'secrets' | 'dataKey' | 'vaultKeyId' | 'callbackHash'> & { readonly callbackUrl: string | null };

/** Seals a new account's secrets under a data key of its own, with a new token for calling back. */
export function sealNewAccount(
  vault: Vault,
  { networkId, accountId, publicUrl }: { readonly networkId: string; readonly accountId: string; readonly publicUrl: string | null },
  settings: Readonly<Record<string, string>>,
): SealedParts {
  const wrapped = vault.createDataKey(accountContext(networkId, accountId));
  const callbackToken = newCallbackToken();
  return {
    secrets: sealAccount(vault, { networkId, accountId, wrapped }, { settings, callbackToken }),
    ...wrapped,
    callbackHash: hashCallbackToken(callbackToken),
    callbackUrl: publicUrl && callbackUrl(publicUrl, { networkId, accountId, token: callbackToken }),
  };
}

/** The same account with a new token for calling back. */
export function sealNewToken(
  vault: Vault,
  row: SealedAccount,
  publicUrl: string | null,
): Pick<SealedParts, 'secrets' | 'callbackHash' | 'callbackUrl'> {
  const { settings } = openSecrets(vault, row);
  const callbackToken = newCallbackToken();
  const place = { networkId: row.network_id, accountId: row.id };
  return {
    secrets: sealAccount(vault, { ...place, wrapped: wrappedOf(row) }, { settings, callbackToken }),
    callbackHash: hashCallbackToken(callbackToken),
    callbackUrl: publicUrl && callbackUrl(publicUrl, { ...place, token: callbackToken }),
  };
}

/** The same account with other secret settings; its token stays. */
export function sealNewSettings(vault: Vault, row: SealedAccount, settings: UpstreamAccount['settings']): Buffer {
  const { callbackToken } = openSecrets(vault, row);
  return sealAccount(vault, { networkId: row.network_id, accountId: row.id, wrapped: wrappedOf(row) }, { settings, callbackToken });
}

function wrappedOf(row: SealedAccount) {
  return { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
}

/** Makes an account. Refuses a name that the owner's other account has. */
export async function createAccount(tx: Transaction, account: NewAccount): Promise<{ readonly kind: 'CREATED' } | NameTaken> {
  return (await insertAccount(tx, account)) ? { kind: 'CREATED' } : { kind: 'NAME_TAKEN' };
}

/** Saves an account anew. */
export async function editAccount(
  tx: Transaction,
  owner: Owner,
  edit: Edit,
  values: Parameters<typeof updateAccount>[3],
): Promise<{ readonly kind: 'SAVED' } | NotFound | Stale | NameTaken> {
  const row = await lockAccount(tx, owner, edit.id);
  if (row === null) return { kind: 'NOT_FOUND' };
  if (row.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  return (await updateAccount(tx, owner, edit.id, values)) ? { kind: 'SAVED' } : { kind: 'NAME_TAKEN' };
}

/** Gives an account another token for calling back; the one before is worth nothing at once. */
export async function rotateCallback(
  tx: Transaction,
  owner: Owner,
  edit: Edit,
  sealed: Pick<SealedParts, 'secrets' | 'callbackHash'>,
): Promise<{ readonly kind: 'ROTATED' } | NotFound | Stale> {
  const row = await lockAccount(tx, owner, edit.id);
  if (row === null) return { kind: 'NOT_FOUND' };
  if (row.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  await updateCallback(tx, { networkId: owner.networkId, accountId: edit.id }, sealed);
  return { kind: 'ROTATED' };
}

// ---- offers ----

/** Makes an offer and writes down its first cost. */
export async function createOffer(
  tx: Transaction,
  offer: NewOffer,
  values: OfferValues,
  by: { readonly actorId: string; readonly reason: string },
): Promise<void> {
  await insertOffer(tx, offer, values);
  await insertOfferCosts(tx, { networkId: offer.networkId, actorId: by.actorId }, { offerIds: [offer.offerId], reason: by.reason });
}

/** What becomes of an offer, given how it is; a refusal leaves it so. */
export type OfferChange<Refusal> = (row: OfferRow) => OfferValues | Refusal;

/**
 * Saves a party's offer anew by what `change` makes of it under its lock. What it costs (or what was agreed) is written down when it is
 * another: history is only ever added to.
 */
export async function editOffer<Refusal extends { readonly kind: string }>(
  tx: Transaction,
  scope: OfferScope,
  edit: Edit,
  change: OfferChange<Refusal>,
  by: { readonly actorId: string; readonly reason: string },
): Promise<{ readonly kind: 'SAVED'; readonly row: OfferRow; readonly values: OfferValues } | NotFound | Stale | Refusal> {
  const row = await lockOffer(tx, scope, edit.id);
  if (row === null || row.archived_at !== null) return { kind: 'NOT_FOUND' };
  if (row.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  const values = change(row);
  if ('kind' in values) return values;
  await updateOffer(tx, scope.networkId, row.id, values);
  if (costDiffers(row, values.cost, values.agreedUnitCost))
    await insertOfferCosts(tx, { networkId: scope.networkId, actorId: by.actorId }, { offerIds: [row.id], reason: by.reason });
  return { kind: 'SAVED', row, values };
}

function costDiffers(row: OfferRow, cost: SettledCost, agreed: string | null): boolean {
  const isSame =
    row.upstream_unit_cost === cost.upstreamUnitCost &&
    Number(row.rate) === Number(cost.rate) &&
    row.rate_source === cost.rateSource &&
    row.rate_at?.getTime() === cost.rateAt?.getTime() &&
    row.agreed_unit_cost === agreed;
  return !isSame;
}
