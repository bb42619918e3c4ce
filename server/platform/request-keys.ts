import { createHash } from 'node:crypto';
import { CommitUnknown, type Database, inTransaction, run, statement, type Transaction } from './database.ts';

/** A request key: scoped to a station and a kind of effect. `inputHash` is of everything that makes the input (`hashInput`). */
export type KeyedRequest = {
  readonly networkId: string;
  readonly stationId: string;
  readonly effect: string;
  readonly requestKey: string;
  readonly inputHash: Buffer;
};

/** A request key may be this long (api.md). */
export const REQUEST_KEY_MAX = 255;

/** What became of a keyed request. DONE: by this call or, `replayed`, by an earlier one; `ids` name the effect either way. */
export type KeyedOutcome<Ids, Refusal> =
  | { readonly kind: 'DONE'; readonly ids: Ids; readonly replayed: boolean }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | Refusal;

/** True when a text may be a request key. */
export function isRequestKey(text: string): boolean {
  return text.length > 0 && text.length <= REQUEST_KEY_MAX;
}

/** SHA-256 of the parts of an input, in their order; null and '' differ. */
export function hashInput(parts: readonly (string | number | boolean | null | readonly string[])[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

/**
 * One effect for one request key, in one transaction (domain §5, invariant 5). The key is written first: a twin in flight waits
 * for it and then answers from the same ids. `newIds` names everything that the effect will make, so that the key holds it from
 * the start; `effect` does it, or answers a refusal: then all of it, the key too, is rolled back, since a refusal that changed
 * nothing is not stored. A connection lost while committing is settled by the key: the second run finds it, or does the work.
 */
export async function onceForKey<Ids extends Readonly<Record<string, string>>, Refusal extends { readonly kind: string }>(
  db: Database,
  request: KeyedRequest,
  newIds: (newId: () => string) => Ids,
  effect: (tx: Transaction, ids: Ids) => Promise<Refusal | null>,
): Promise<KeyedOutcome<Ids, Refusal>> {
  const ids = newIds(db.newId);
  const attempt = () => inTransaction(db, (tx) => attemptOnce(tx, request, ids, effect));
  try {
    const outcome = await attempt().catch((error: unknown) => {
      if (error instanceof CommitUnknown) return attempt();
      throw error;
    });
    // what is found under the ids of this very call was done by it, before the connection broke
    return outcome.kind === 'DONE' && sameIds(outcome.ids, ids) ? { ...outcome, replayed: false } : outcome;
  } catch (error) {
    if (error instanceof RefusedInside) return error.refusal as Refusal;
    throw error;
  }
}

type Done<Ids> = { readonly kind: 'DONE'; readonly ids: Ids; readonly replayed: boolean };

async function attemptOnce<Ids extends Readonly<Record<string, string>>, Refusal extends { readonly kind: string }>(
  tx: Transaction,
  request: KeyedRequest,
  ids: Ids,
  effect: (tx: Transaction, ids: Ids) => Promise<Refusal | null>,
): Promise<Done<Ids> | { readonly kind: 'REQUEST_KEY_REUSED' }> {
  const { networkId, stationId, requestKey, inputHash } = request;
  const [taken] = await run(tx, takeKey, [
    networkId,
    tx.newId(),
    stationId,
    request.effect,
    requestKey,
    inputHash,
    JSON.stringify(ids),
    tx.now,
  ]);
  if (!taken) {
    const [known] = await run(tx, readKey, [networkId, stationId, request.effect, requestKey]);
    if (!known) throw new Error('a request key that was taken is not there');
    if (!known.input_hash.equals(inputHash)) return { kind: 'REQUEST_KEY_REUSED' };
    return { kind: 'DONE', ids: known.outcome as Ids, replayed: true };
  }
  const refusal = await effect(tx, ids);
  if (refusal) throw new RefusedInside(refusal);
  return { kind: 'DONE', ids, replayed: false };
}

/** Carries a refusal out of a transaction that is to be rolled back. */
class RefusedInside extends Error {
  readonly refusal: { readonly kind: string };
  constructor(refusal: { readonly kind: string }) {
    super(`refused: ${refusal.kind}`);
    this.refusal = refusal;
  }
}

// By request_key_network_id_station_id_effect_key_key. DO NOTHING waits for a twin in flight: it commits (no row comes back)
// or rolls back (the key is ours).
const takeKey = statement<{ id: string }>(
  'requestKeys.take',
  `INSERT INTO request_key (network_id, id, station_id, effect, key, input_hash, outcome, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (network_id, station_id, effect, key) DO NOTHING RETURNING id`,
);

const readKey = statement<{ input_hash: Buffer; outcome: Readonly<Record<string, string>> }>(
  'requestKeys.read',
  'SELECT input_hash, outcome FROM request_key WHERE network_id = $1 AND station_id = $2 AND effect = $3 AND key = $4',
);

function sameIds(found: Readonly<Record<string, string>>, made: Readonly<Record<string, string>>): boolean {
  return Object.entries(made).every(([name, id]) => found[name] === id) && Object.keys(made).length > 0;
}
