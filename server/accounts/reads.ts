import { systemClock } from '#server/platform/clock.ts';
import { type Database, type Queryable, run } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import {
  type ActingParty,
  addressAllowed,
  hashApiKeySecret,
  type Permission,
  parseApiKey,
  partyColumns,
  partyId,
  permissionsNamed,
  permissionsOfRole,
  type Role,
  sameHash,
  type Viewer,
} from './rules.ts';
import {
  type ApiKeyAccessRow,
  type AuditEntryRow,
  auditPages,
  countAudit,
  findSession,
  findStandingRole,
  type GroundKind,
  groundChanges,
  isToBeTouched,
  type MembershipRow,
  type PersonRow,
  selectApiKey,
  selectApiKeys,
  selectAuditByIds,
  selectMemberships,
  selectPeople,
  touchApiKey,
} from './sql.ts';

export type { AuditEntryRow, MembershipRow, PersonRow } from './sql.ts';

/** A fact that an identity stands on; when it ends, what was opened on it closes. `role`: what a membership gives; null for the others. */
export type Ground = { readonly kind: GroundKind; readonly networkId: string | null; readonly id: string; readonly role: Role | null };

/** A signed-in person, whether or not a party was named. */
export type Person = { readonly userId: string; readonly sessionId: string };

/** Who a request comes from. A program has a viewer and no person; a person who named no party has no viewer. */
export type Identity = { readonly viewer: Viewer | null; readonly person: Person | null; readonly grounds: readonly Ground[] };

/** Nobody. */
export const nobody: Identity = { viewer: null, person: null, grounds: [] };

/** Why a credential opens nothing. The first says the same of every key that is wrong in any way. */
export type IdentityRefusal = 'KEY_INVALID' | 'ADDRESS_NOT_ALLOWED' | 'NOT_A_MEMBER';

/** The identity of a program. A key that is unknown, revoked, expired or of a closed party is KEY_INVALID. */
export async function identifyApiKey(db: Database, text: string, clientAddress: string | null): Promise<Identity | IdentityRefusal> {
  const parts = parseApiKey(text);
  if (parts === null) return 'KEY_INVALID';
  const { networkId, apiKeyId, secret } = parts;
  const row = await selectApiKey(db, { networkId, apiKeyId });
  // hashed and compared also when there is no such key: the time says nothing
  const matches = sameHash(hashApiKeySecret(secret), row?.secret_hash ?? Buffer.alloc(32));
  const now = db.clock();
  if (row === null || !matches || (row.expires_at !== null && row.expires_at <= now)) return 'KEY_INVALID';
  if (!addressAllowed(clientAddress, row.allowed_ips)) return 'ADDRESS_NOT_ALLOWED';
  if (isToBeTouched(row.last_used_at, now)) await touchApiKey(db, { networkId, apiKeyId });
  const viewer: Viewer = {
    networkId,
    party: partyOf(row),
    actor: { kind: 'API_KEY', apiKeyId },
    role: null,
    permissions: permissionsNamed(row.scopes),
    clientAddress,
  };
  return { viewer, person: null, grounds: [{ kind: 'API_KEY', networkId, id: apiKeyId, role: null }] };
}

/**
 * The identity of a person by the token of her session, acting for `party` where one is named. An ended session is nobody;
 * a party that the person is no member of is NOT_A_MEMBER, the same whether or not it exists.
 */
export async function identifySession(
  db: Database,
  token: string,
  party: ActingParty | null,
  clientAddress: string | null,
): Promise<Identity | IdentityRefusal> {
  const [row] = await run(db.pool, findSession, [token, ...(party === null ? [null, null] : partyColumns(party))]);
  // sessions are made by better-auth, which knows the machine's time only
  if (row === undefined || row.expires_at <= systemClock()) return nobody;
  const person: Person = { userId: row.user_id, sessionId: row.session_id };
  const session: Ground = { kind: 'SESSION', networkId: null, id: row.session_id, role: null };
  if (party === null) return { viewer: null, person, grounds: [session] };
  if (row.network_id === null || row.membership_id === null || row.role === null) return 'NOT_A_MEMBER';
  const viewer: Viewer = {
    networkId: row.network_id,
    party,
    actor: { kind: 'USER', ...person },
    role: row.role,
    permissions: permissionsOfRole[row.role],
    clientAddress,
  };
  return { viewer, person, grounds: [session, { kind: 'MEMBERSHIP', networkId: row.network_id, id: row.membership_id, role: row.role }] };
}

/** A fact that is no longer what an identity was made of: it has ended, or gives other rights. */
export type GroundChange = Pick<Ground, 'kind' | 'id' | 'role'> & { readonly hasEnded: boolean };

/** Which of these facts have ended or changed, in one statement: asked four times a second for all open streams of a process. */
export async function readGroundChanges(db: Database, grounds: readonly Ground[]): Promise<GroundChange[]> {
  const of = (kind: GroundKind) => grounds.filter((ground) => ground.kind === kind);
  const keys = of('API_KEY');
  const memberships = of('MEMBERSHIP');
  const rows = await run(db.pool, groundChanges, [
    keys.map((ground) => ground.networkId),
    keys.map((ground) => ground.id),
    of('SESSION').map((ground) => ground.id),
    memberships.map((ground) => ground.networkId),
    memberships.map((ground) => ground.id),
    db.clock(),
    systemClock(),
    memberships.map((ground) => ground.role),
  ]);
  return rows.map(({ kind, id, role, has_ended }) => ({ kind, id, role, hasEnded: has_ended }));
}

/** Somebody who left something behind that goes on acting for a party: a webhook. */
export type Standing = {
  readonly networkId: string;
  readonly party: ActingParty;
  readonly actorKind: 'USER' | 'API_KEY';
  readonly actorId: string;
};

/**
 * What somebody may do for a party today, whether or not they are there: the role of a live membership, the scopes of a live key.
 * null once the membership or key was revoked, the key expired or the party closed.
 */
export async function readStanding(db: Database, standing: Standing): Promise<ReadonlySet<Permission> | null> {
  const { networkId, party, actorKind, actorId } = standing;
  if (actorKind === 'USER') {
    const [row] = await run(db.pool, findStandingRole, [networkId, actorId, ...partyColumns(party)]);
    return row === undefined ? null : permissionsOfRole[row.role];
  }
  const key = await selectApiKey(db, { networkId, apiKeyId: actorId });
  if (key === null || (key.expires_at !== null && key.expires_at <= db.clock())) return null;
  return partyId(partyOf(key)) === partyId(party) ? permissionsNamed(key.scopes) : null;
}

/** An API key as its party sees it. */
export type ApiKeyView = {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly permissions: readonly Permission[];
  readonly allowedIps: readonly string[];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
};

/** The keys of the viewer's own party, newest first, revoked ones included; `ids` chooses among them. */
export async function visibleApiKeys(db: Queryable, viewer: Viewer, ids: readonly string[] | null = null): Promise<ApiKeyView[]> {
  const rows = await run(db, selectApiKeys, [viewer.networkId, ...partyColumns(viewer.party), ids]);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    permissions: [...permissionsNamed(row.scopes)],
    allowedIps: row.allowed_ips,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }));
}

/** What these people may act for, over all networks: shown to each of them alone. */
export async function readMemberships(db: Queryable, userIds: readonly string[]): Promise<MembershipRow[]> {
  return run(db, selectMemberships, [userIds]);
}

/** These people. */
export async function readPeople(db: Queryable, userIds: readonly string[]): Promise<PersonRow[]> {
  return run(db, selectPeople, [userIds]);
}

/** The audit log of the viewer's own party, newest first. */
export async function visibleAuditEntries(db: Queryable, viewer: Viewer, page: PageRequest): Promise<Page<AuditEntryRow>> {
  const pages = auditPages[page.direction];
  const values = [viewer.networkId, partyId(viewer.party), page.from ?? pages.end, page.count + 1];
  return pageOf(page, await run(db, pages[viewer.party.kind], values));
}

/** Of these entries, those of the viewer's own party, by id. */
export async function auditEntriesByIds(db: Queryable, viewer: Viewer, ids: readonly string[]): Promise<Map<string, AuditEntryRow>> {
  const rows = await run(db, selectAuditByIds, [viewer.networkId, ...partyColumns(viewer.party), ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** How many entries the viewer's own party has. */
export async function countAuditEntries(db: Queryable, viewer: Viewer): Promise<number> {
  const [row] = await run(db, countAudit, [viewer.networkId, ...partyColumns(viewer.party)]);
  return Number(row?.count ?? 0n);
}

function partyOf(row: ApiKeyAccessRow): ActingParty {
  if (row.station_id !== null) return { kind: 'STATION', stationId: row.station_id };
  if (row.supplier_id !== null) return { kind: 'SUPPLIER', supplierId: row.supplier_id };
  throw new Error('an API key has no party');
}
