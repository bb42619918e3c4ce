import { randomBytes } from 'node:crypto';
import { type Database, run, type Transaction } from '#server/platform/database.ts';
import {
  type ActingParty,
  type ApiKeyRefusal,
  apiKeyPrefix,
  hashApiKeySecret,
  type NewApiKey,
  partyColumns,
  type Role,
  refuseApiKey,
  SIGN_IN_WINDOW_MILLISECONDS,
  signInCounters,
  signInWaitSeconds,
  type Viewer,
} from './rules.ts';
import {
  countSignIns,
  endApiKey,
  endMembership,
  findUserByEmail,
  forgetSignIns,
  insertApiKey,
  insertAuditEntries,
  insertCredential,
  insertMembership,
  insertUser,
  sweepSignIns,
} from './sql.ts';

/** A person to be. The hash is made before the transaction (`hashPassword`): it takes 50 ms; null: cannot sign in by password yet. */
export type NewPerson = { readonly email: string; readonly name: string; readonly passwordHash: string | null };

/**
 * Finds or makes the person with an e-mail; there is no public sign-up. A person who exists already stays as she is: nobody
 * else's form sets her name or password, and `created` says so.
 */
export async function createPerson(tx: Transaction, person: NewPerson): Promise<{ userId: string; created: boolean }> {
  const email = person.email.trim().toLowerCase();
  const [made] = await run(tx, insertUser, [tx.newId(), person.name.trim(), email, tx.now]);
  if (made === undefined) {
    const [known] = await run(tx, findUserByEmail, [email]);
    if (known === undefined) throw new Error('a user whose e-mail was taken is not there');
    return { userId: known.id, created: false };
  }
  if (person.passwordHash !== null) await run(tx, insertCredential, [tx.newId(), made.id, person.passwordHash, tx.now]);
  return { userId: made.id, created: true };
}

/** A right to be given: one person, one party, one role. */
export type NewMembership = { readonly networkId: string; readonly userId: string; readonly party: ActingParty; readonly role: Role };

/** Lets a person act for a party. A live membership of the same person and party is kept as it is, and null is answered. */
export async function addMembership(tx: Transaction, membership: NewMembership): Promise<{ membershipId: string } | null> {
  const { networkId, userId, party, role } = membership;
  const [row] = await run(tx, insertMembership, [networkId, tx.newId(), userId, ...partyColumns(party), role, tx.now]);
  return row === undefined ? null : { membershipId: row.id };
}

/** Ends a person's right to act for a party; its open streams close within a second. False when there was none. */
export async function revokeMembership(tx: Transaction, networkId: string, membershipId: string): Promise<boolean> {
  const rows = await run(tx, endMembership, [networkId, membershipId, tx.now]);
  return rows.length > 0;
}

/** An API key was made. `secret` is the whole key; it is shown this once and kept nowhere. */
export type ApiKeyCreated = { readonly kind: 'API_KEY_CREATED'; readonly apiKeyId: string; readonly secret: string };

/** Makes an API key for the viewer's party. Refuses a program, a right that the viewer lacks, and input that makes no sense. */
export async function createApiKey(tx: Transaction, viewer: Viewer, request: NewApiKey): Promise<ApiKeyCreated | ApiKeyRefusal> {
  const refusal = refuseApiKey(viewer, request, tx.now);
  if (refusal !== null) return refusal;
  const apiKeyId = tx.newId();
  const prefix = apiKeyPrefix(viewer.networkId, apiKeyId);
  const secret = randomBytes(32).toString('base64url');
  await run(tx, insertApiKey, [
    viewer.networkId,
    apiKeyId,
    ...partyColumns(viewer.party),
    request.name.trim(),
    prefix,
    hashApiKeySecret(secret),
    [...new Set(request.permissions)],
    [...request.allowedIps],
    actorId(viewer),
    tx.now,
    request.expiresAt,
  ]);
  await writeAudit(tx, viewer, { action: 'api_key.created', subjectId: apiKeyId, data: { permissions: request.permissions } });
  return { kind: 'API_KEY_CREATED', apiKeyId, secret: `${prefix}_${secret}` };
}

/**
 * Revokes a key of the viewer's own party: it opens nothing from COMMIT on, and its open streams close within a second.
 * Revoking twice is no error; a key of anybody else is not found.
 */
export async function revokeApiKey(
  tx: Transaction,
  viewer: Viewer,
  apiKeyId: string,
): Promise<{ kind: 'API_KEY_REVOKED'; apiKeyId: string } | { kind: 'NOT_FOUND' }> {
  const [row] = await run(tx, endApiKey, [viewer.networkId, apiKeyId, ...partyColumns(viewer.party), tx.now]);
  if (row === undefined) return { kind: 'NOT_FOUND' };
  if (row.newly) await writeAudit(tx, viewer, { action: 'api_key.revoked', subjectId: apiKeyId });
  return { kind: 'API_KEY_REVOKED', apiKeyId };
}

/** Something that was done and must stay known. `data` holds ids and plain facts, never a secret. `id`: where an answer is rendered from it again. */
export type Audited = {
  readonly id?: string;
  readonly action: string;
  readonly subjectId: string | null;
  readonly data?: Readonly<Record<string, unknown>>;
};

/** Writes an entry of the audit log in the transaction of what it tells. */
export function writeAudit(tx: Transaction, viewer: Viewer, audited: Audited): Promise<void> {
  return writeAudits(tx, viewer, [audited]);
}

/** The same for many at once: one statement. */
export async function writeAudits(tx: Transaction, viewer: Viewer, audited: readonly Audited[]): Promise<void> {
  await run(tx, insertAuditEntries, [
    viewer.networkId,
    audited.map(({ id }) => id ?? tx.newId()),
    ...partyColumns(viewer.party),
    viewer.actor.kind,
    actorId(viewer),
    audited.map(({ action }) => action),
    audited.map(({ subjectId }) => subjectId),
    audited.map(({ data }) => JSON.stringify(data ?? {})),
    viewer.clientAddress,
    tx.now,
  ]);
}

/** An attempt to sign in. */
export type SignInAttempt = { readonly email: string; readonly clientAddress: string | null };

/** One attempt in about so many also clears away what is no longer counted. */
const SWEEP_ONCE_IN = 50;

/**
 * Counts an attempt before any password is looked at; answers the seconds to wait when there were too many, else null.
 * A statement of its own, not in a transaction: the count stands whatever becomes of the attempt.
 */
export async function countSignInAttempt(db: Database, attempt: SignInAttempt): Promise<number | null> {
  const counters = [...signInCounters(attempt.email, attempt.clientAddress)].sort((a, b) => (a.key < b.key ? -1 : 1));
  const now = db.clock();
  const windowEnd = now.getTime() - SIGN_IN_WINDOW_MILLISECONDS;
  const keys = counters.map(({ key }) => key);
  const rows = await run(db.pool, countSignIns, [keys.map(() => db.newId()), keys, now.getTime(), windowEnd]);
  if (Math.random() * SWEEP_ONCE_IN < 1) await run(db.pool, sweepSignIns, [windowEnd]);
  const limitOf = new Map(counters.map(({ key, attemptsMax }) => [key, attemptsMax]));
  const counts = rows.map((row) => ({
    attemptsMax: limitOf.get(row.key) ?? 0,
    count: row.count,
    windowStart: new Date(Number(row.last_request)),
  }));
  return signInWaitSeconds(counts, now);
}

/** Forgets the attempts of a person who signed in after all; those of the address go on counting. */
export async function forgetSignInAttempts(db: Database, attempt: SignInAttempt): Promise<void> {
  const [pair, , email] = signInCounters(attempt.email, attempt.clientAddress);
  await run(db.pool, forgetSignIns, [[pair.key, email.key]]);
}

function actorId(viewer: Viewer): string {
  return viewer.actor.kind === 'USER' ? viewer.actor.userId : viewer.actor.apiKeyId;
}
