import { sameHash } from '#server/accounts/rules.ts';
import type { CallbackReading, CallbackRequest } from '#server/connectors/connector.ts';
import { type CallbackAddress, hashCallbackToken } from '#server/offers/rules.ts';
import { run } from '#server/platform/database.ts';
import { callbackContext } from '#server/purchases/rules.ts';
import { callbackByRequestKey, callbackByUpstreamRef, selectCallbackAccount } from '#server/purchases/sql.ts';
import type { PurchaseGround } from './purchase-ground.ts';

/** How a callback is answered. */
export type CallbackAnswer = Pick<CallbackReading, 'status' | 'contentType' | 'answer'>;

/**
 * Takes in what an upstream tells by itself. It is kept as it came, sealed, and never believed (domain §6): all it does is that the attempt
 * which it names is asked for now, in one statement that waits for no purchase under way. Told twice, it asks twice, which harms nothing. null: there is no such account, or the token is
 * another one; whoever asks learns no more.
 */
export async function receiveCallback(
  ground: Pick<PurchaseGround, 'db' | 'vault' | 'upstreams'>,
  address: CallbackAddress,
  request: CallbackRequest & { readonly clientAddress: string | null },
): Promise<CallbackAnswer | null> {
  const { db, vault, upstreams } = ground;
  const { networkId, accountId } = address;
  const [account] = await run(db.pool, selectCallbackAccount, [networkId, accountId]);
  if (!account || !sameHash(account.callback_hash, hashCallbackToken(address.token))) return null;
  const { abilities, readCallback } = upstreams.connectorOf(account.kind);
  const { clientAddress, ...raw } = request;
  const reading = readCallback(raw);
  const context = callbackContext(networkId, accountId);
  const wrapped = vault.createDataKey(context);
  const sealed = vault.seal(wrapped, context, context, JSON.stringify(raw));
  const { requestKey, upstreamRef } = reading.callback ?? { requestKey: null, upstreamRef: null };
  await run(db.pool, requestKey === null ? callbackByUpstreamRef : callbackByRequestKey, [
    networkId,
    db.newId(),
    accountId,
    clientAddress,
    sealed,
    wrapped.dataKey,
    wrapped.vaultKeyId,
    db.clock(),
    db.newId(),
    abilities.canQuery,
    requestKey ?? upstreamRef,
  ]);
  return { status: reading.status, contentType: reading.contentType, answer: reading.answer };
}
