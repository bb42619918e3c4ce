import type { GraphQLError } from 'graphql';
import { type Identity, type IdentityRefusal, identifyApiKey, identifySession, nobody } from '#server/accounts/reads.ts';
import { type ActingParty, partyId } from '#server/accounts/rules.ts';
import type { Database } from '#server/platform/database.ts';
import { requestError } from './errors.ts';

/** What a request shows to say who it comes from. */
export interface Credentials {
  /** The Authorization header, or `authorization` of connection_init. It goes before a cookie. */
  readonly authorization: string | null;
  /** The token of a session cookie that may be believed. */
  readonly sessionToken: string | null;
  /** Global id of the station or supplier that a person acts for. */
  readonly party: string | null;
  readonly clientAddress: string | null;
}

/** Finds out who a request comes from, or throws why it may not go on: 401 for a key that opens nothing, 403 for a party that is not the person's. */
export type Identify = (credentials: Credentials) => Promise<Identity>;

/** How long an identity is believed without asking again; far below the second in which a revocation must be seen. */
const REMEMBERED_MILLISECONDS = 300;
const REMEMBERED_MAX = 5_000;

/** Identifies requests by the database, asking once for many requests of the same caller within a third of a second. */
export function createIdentify(
  db: Database,
  partyOf: (globalId: string) => ActingParty | null,
  now: () => number = () => performance.now(),
): Identify {
  const remembered = new Map<string, { identity: Promise<Identity>; until: number }>();

  return (credentials) => {
    if (credentials.authorization === null && credentials.sessionToken === null) return Promise.resolve(nobody);
    const name = JSON.stringify(credentials);
    const at = now();
    const before = remembered.get(name);
    if (before !== undefined && before.until > at) return before.identity;
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    const identity = identify(db, partyOf, credentials);
    // counted from when the question was sent: what was revoked before is in the answer
    remembered.set(name, { identity, until: at + REMEMBERED_MILLISECONDS });
    identity.catch(() => remembered.delete(name));
    return identity;
  };
}

async function identify(db: Database, partyOf: (globalId: string) => ActingParty | null, credentials: Credentials): Promise<Identity> {
  const { authorization, sessionToken, clientAddress } = credentials;
  const party = credentials.party === null ? null : partyOf(credentials.party);
  if (credentials.party !== null && party === null) throw refusal('NOT_A_MEMBER');
  if (authorization !== null) {
    const [, key] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    const identity = orThrow(key === undefined ? 'KEY_INVALID' : await identifyApiKey(db, key, clientAddress));
    // a key is bound to one party; naming another one is a mistake that must not act for the wrong party
    if (party !== null && identity.viewer !== null && partyId(identity.viewer.party) !== partyId(party)) throw refusal('NOT_A_MEMBER');
    return identity;
  }
  if (sessionToken === null) return nobody;
  return orThrow(await identifySession(db, sessionToken, party, clientAddress));
}

function orThrow(outcome: Identity | IdentityRefusal): Identity {
  if (typeof outcome === 'string') throw refusal(outcome);
  return outcome;
}

function refusal(reason: IdentityRefusal): GraphQLError {
  switch (reason) {
    case 'KEY_INVALID':
      return requestError('UNAUTHENTICATED', 'This API key opens nothing: it is unknown, expired or revoked.', unauthenticatedOptions);
    case 'ADDRESS_NOT_ALLOWED':
      return requestError('FORBIDDEN', 'This API key may not be used from this address.', { status: 403 });
    case 'NOT_A_MEMBER':
      return requestError('FORBIDDEN', 'You do not act for this party. Choose one of viewer.memberships.', { status: 403 });
  }
}

const unauthenticatedOptions = { status: 401, headers: { 'WWW-Authenticate': 'Bearer realm="fenzhan"' } } as const;

/** Nobody is signed in, and the answer is for somebody. */
export function unauthenticated(): GraphQLError {
  return requestError('UNAUTHENTICATED', 'Sign in, or send an API key.', unauthenticatedOptions);
}
