import { sameHash } from '#server/accounts/rules.ts';
import type { CallbackReading, CallbackRequest, UpstreamCallback } from '#server/connectors/connector.ts';
import { type CallbackAddress, hashCallbackToken } from '#server/offers/rules.ts';
import { inTransaction, run, type Transaction } from '#server/platform/database.ts';
import type { WrappedKey } from '#server/platform/vault.ts';
import { writeSteps } from '#server/purchases/commands.ts';
import { callbackContext, canBeAsked } from '#server/purchases/rules.ts';
import {
  insertCallback,
  lockByRequestKey,
  lockByUpstreamRef,
  makeDue,
  type NamedAttemptRow,
  selectCallbackAccount,
} from '#server/purchases/sql.ts';
import type { PurchaseGround } from './purchase-ground.ts';

/** How a callback is answered. */
export type CallbackAnswer = Pick<CallbackReading, 'status' | 'contentType' | 'answer'>;

/**
 * Takes in what an upstream tells by itself. It is kept as it came, sealed, and never believed (domain §6): all it does is that the attempt
 * which it names is asked for now. Told twice, it asks twice, which harms nothing. null: there is no such account, or the token is
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
  await inTransaction(db, async (tx) => {
    const attempt = await attemptNamed(tx, address, reading.callback);
    await keep(tx, address, { attempt, clientAddress, sealed, wrapped });
    if (attempt !== null && mayBeAsked(attempt, canBeAsked(abilities, { state: 'REJECTED', upstreamRef: attempt.upstream_ref }), tx.now))
      await run(tx, makeDue, [networkId, attempt.id, tx.now]);
  });
  return { status: reading.status, contentType: reading.contentType, answer: reading.answer };
}

async function attemptNamed(
  tx: Transaction,
  { networkId, accountId }: CallbackAddress,
  callback: UpstreamCallback | null,
): Promise<NamedAttemptRow | null> {
  if (callback === null) return null;
  const { requestKey, upstreamRef } = callback;
  const [attempt] =
    requestKey === null
      ? await run(tx, lockByUpstreamRef, [networkId, accountId, upstreamRef])
      : await run(tx, lockByRequestKey, [networkId, accountId, requestKey]);
  return attempt ?? null;
}

type Kept = {
  readonly attempt: NamedAttemptRow | null;
  readonly clientAddress: string | null;
  readonly sealed: Buffer;
  readonly wrapped: WrappedKey;
};

async function keep(tx: Transaction, { networkId, accountId }: CallbackAddress, { attempt, clientAddress, sealed, wrapped }: Kept) {
  const values = [
    networkId,
    tx.newId(),
    accountId,
    attempt?.id ?? null,
    clientAddress,
    sealed,
    wrapped.dataKey,
    wrapped.vaultKeyId,
    tx.now,
  ];
  await Promise.all([
    run(tx, insertCallback, values),
    attempt === null ? null : writeSteps(tx, networkId, [{ attemptId: attempt.id, kind: 'CALLED_BACK', outcome: attempt.state }]),
  ]);
}

/** Not while a worker asks already; of what was given up only where a question buys nothing; of what is settled or was never sent, never. */
function mayBeAsked({ state, lease_until }: NamedAttemptRow, canAskLate: boolean, now: Date): boolean {
  if (lease_until !== null && lease_until > now) return false;
  return state === 'SENT' || state === 'UNKNOWN' || (state === 'REJECTED' && canAskLate);
}
