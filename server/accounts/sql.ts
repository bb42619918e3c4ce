import DataLoader from 'dataloader';
import { type Database, run, statement } from '#server/platform/database.ts';
import type { Role } from './rules.ts';

/** An API key with what decides whether it opens. */
export type ApiKeyAccessRow = {
  id: string;
  station_id: string | null;
  supplier_id: string | null;
  secret_hash: Buffer;
  scopes: string[];
  allowed_ips: string[];
  expires_at: Date | null;
  last_used_at: Date | null;
};

/** Keys that open something, by api_key_pkey, then the party's primary key: a closed party's keys open nothing (domain §2). */
const findApiKeys = statement<ApiKeyAccessRow>(
  'accounts.findApiKeys',
  `SELECT k.id, k.station_id, k.supplier_id, k.secret_hash, k.scopes, k.allowed_ips, k.expires_at, k.last_used_at
   FROM api_key k
   LEFT JOIN station s ON s.network_id = k.network_id AND s.id = k.station_id
   LEFT JOIN supplier p ON p.network_id = k.network_id AND p.id = k.supplier_id
   WHERE k.network_id = $1 AND k.id = ANY ($2::uuid[]) AND k.revoked_at IS NULL AND coalesce(s.status::text, p.status::text) <> 'CLOSED'`,
);

/** A key by what its text names. */
type ApiKeyName = { readonly networkId: string; readonly apiKeyId: string };

const KEYS_AT_ONCE = 250;

/**
 * Asks for the keys that are named in one turn of the event loop together, a statement for each network: under load that is one
 * question for dozens of programs. Nothing is remembered.
 */
function inOneTurn<Answer>(
  ask: (db: Database, networkId: string, ids: readonly string[]) => Promise<ReadonlyMap<string, Answer>>,
): (db: Database, name: ApiKeyName) => Promise<Answer | null> {
  const loaders = new WeakMap<Database, DataLoader<ApiKeyName, Answer | null>>();
  const loaderOf = (db: Database) => {
    const load = async (names: readonly ApiKeyName[]) => {
      const networkIds = [...new Set(names.map(({ networkId }) => networkId))];
      const idsIn = (id: string) => [...new Set(names.filter(({ networkId }) => networkId === id).map(({ apiKeyId }) => apiKeyId))];
      const found = await Promise.all(networkIds.map(async (id) => [id, await ask(db, id, idsIn(id))] as const));
      const answers = new Map(found);
      return names.map(({ networkId, apiKeyId }) => answers.get(networkId)?.get(apiKeyId) ?? null);
    };
    // sent when all that has arrived was read, and not later
    const loader = new DataLoader(load, { cache: false, maxBatchSize: KEYS_AT_ONCE, batchScheduleFn: (send) => void setImmediate(send) });
    loaders.set(db, loader);
    return loader;
  };
  return (db, name) => (loaders.get(db) ?? loaderOf(db)).load(name);
}

/** The key, when it opens something; a revoked one is seen at once. */
export const selectApiKey = inOneTurn(async (db, networkId, ids) => {
  const rows = await run(db.pool, findApiKeys, [networkId, ids]);
  return new Map(rows.map((row) => [row.id, row]));
});

/** A session and, where the person may act for the party that was named, that membership. */
export type SessionAccessRow = {
  session_id: string;
  user_id: string;
  expires_at: Date;
  network_id: string | null;
  membership_id: string | null;
  role: Role | null;
};

/**
 * By session_token_key, then membership_user_id_idx. A person may work in several networks, so this is the one read that learns
 * its network instead of being told: from the membership, never from the id that was sent.
 */
export const findSession = statement<SessionAccessRow>(
  'accounts.findSession',
  `SELECT se.id AS session_id, se.user_id, se.expires_at, m.network_id, m.id AS membership_id, m.role
   FROM session se
   LEFT JOIN (
     membership m
     LEFT JOIN station s ON s.network_id = m.network_id AND s.id = m.station_id
     LEFT JOIN supplier p ON p.network_id = m.network_id AND p.id = m.supplier_id
   ) ON m.user_id = se.user_id AND m.revoked_at IS NULL AND (m.station_id = $2 OR m.supplier_id = $3)
     AND coalesce(s.status::text, p.status::text) <> 'CLOSED'
   WHERE se.token = $1`,
);

/** By membership_live_key: the live role of a person in a party that is not closed. */
export const findStandingRole = statement<{ role: Role }>(
  'accounts.findStandingRole',
  `SELECT m.role FROM membership m
   LEFT JOIN station s ON s.network_id = m.network_id AND s.id = m.station_id
   LEFT JOIN supplier p ON p.network_id = m.network_id AND p.id = m.supplier_id
   WHERE m.network_id = $1 AND m.user_id = $2 AND m.station_id IS NOT DISTINCT FROM $3 AND m.supplier_id IS NOT DISTINCT FROM $4
     AND m.revoked_at IS NULL AND coalesce(s.status::text, p.status::text) <> 'CLOSED'`,
);

// By api_key_pkey. A key that another process is just marking is marked.
const touchKeys = statement(
  'accounts.touchApiKeys',
  `UPDATE api_key k SET last_used_at = $3 FROM (
     SELECT id FROM api_key WHERE network_id = $1 AND id = ANY ($2::uuid[]) AND (last_used_at IS NULL OR last_used_at < $4) FOR UPDATE SKIP LOCKED
   ) old WHERE k.network_id = $1 AND k.id = old.id`,
);

const TOUCH_AFTER_MILLISECONDS = 60_000;

/** Whether a key's last use is to be written: it is kept to the minute, so that a thousand orders a second do not write it a thousand times. */
export function isToBeTouched(lastUsedAt: Date | null, now: Date): boolean {
  return lastUsedAt === null || now.getTime() - lastUsedAt.getTime() > TOUCH_AFTER_MILLISECONDS;
}

/** Writes that a key was used, with the others of this turn of the event loop: one commit for all of them. */
export const touchApiKey = inOneTurn(async (db, networkId, ids) => {
  const now = db.clock();
  await run(db.pool, touchKeys, [networkId, ids, now, new Date(now.getTime() - TOUCH_AFTER_MILLISECONDS)]);
  return new Map<string, never>();
});

/** What an open stream stands on. */
export type GroundKind = 'API_KEY' | 'SESSION' | 'MEMBERSHIP';

/**
 * Which of the given keys ($1 networks, $2 ids), sessions ($3) and memberships ($4 networks, $5 ids, $8 roles) no longer hold, or give
 * another role.
 * One statement for all open streams of a process, each row by its primary key. $6 is the clock, $7 the machine's time (sessions).
 */
export const groundChanges = statement<{ kind: GroundKind; id: string; role: Role | null; has_ended: boolean }>(
  'accounts.groundChanges',
  `SELECT 'API_KEY' AS kind, g.id, NULL AS role, true AS has_ended FROM unnest($1::uuid[], $2::uuid[]) AS g (network_id, id)
   WHERE NOT EXISTS (
     SELECT FROM api_key k
     LEFT JOIN station s ON s.network_id = k.network_id AND s.id = k.station_id
     LEFT JOIN supplier p ON p.network_id = k.network_id AND p.id = k.supplier_id
     WHERE k.network_id = g.network_id AND k.id = g.id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $6)
       AND coalesce(s.status::text, p.status::text) <> 'CLOSED')
   UNION ALL
   SELECT 'SESSION', g.id, NULL, true FROM unnest($3::uuid[]) AS g (id)
   WHERE NOT EXISTS (SELECT FROM session se WHERE se.id = g.id AND se.expires_at > $7)
   UNION ALL
   SELECT 'MEMBERSHIP', g.id, g.role, m.id IS NULL
   FROM unnest($4::uuid[], $5::uuid[], $8::text[]) AS g (network_id, id, role)
   LEFT JOIN (
     SELECT m.network_id, m.id, m.role::text AS role FROM membership m
     LEFT JOIN station s ON s.network_id = m.network_id AND s.id = m.station_id
     LEFT JOIN supplier p ON p.network_id = m.network_id AND p.id = m.supplier_id
     WHERE m.revoked_at IS NULL AND coalesce(s.status::text, p.status::text) <> 'CLOSED'
   ) m ON m.network_id = g.network_id AND m.id = g.id
   WHERE m.role IS DISTINCT FROM g.role`,
);

/**
 * Counts one attempt on each key ($2) and answers the counts: one atomic upsert, so that all processes agree. A window that
 * began at $4 or before begins anew. Keys are sorted by the caller: two attempts lock them in one order.
 */
export const countSignIns = statement<{ key: string; count: number; last_request: bigint }>(
  'accounts.countSignIns',
  `INSERT INTO sign_in_rate AS r (id, key, count, last_request)
   SELECT c.id, c.key, 1, $3::bigint FROM unnest($1::uuid[], $2::text[]) AS c (id, key)
   ON CONFLICT (key) DO UPDATE SET
     count = CASE WHEN r.last_request <= $4::bigint THEN 1 ELSE r.count + 1 END,
     last_request = CASE WHEN r.last_request <= $4::bigint THEN excluded.last_request ELSE r.last_request END
   RETURNING key, count, last_request`,
);

/** By sign_in_rate_key_key: a right password proves that the attempts before were typing errors. */
export const forgetSignIns = statement('accounts.forgetSignIns', 'DELETE FROM sign_in_rate WHERE key = ANY ($1::text[])');

/** Windows that are over. The whole table, which holds the attempts of the last minutes only. */
export const sweepSignIns = statement('accounts.sweepSignIns', 'DELETE FROM sign_in_rate WHERE last_request <= $1');

/** By users_email_key; an e-mail that is taken inserts nothing. */
export const insertUser = statement<{ id: string }>(
  'accounts.insertUser',
  `INSERT INTO users (id, name, email, email_verified, created_at, updated_at) VALUES ($1, $2, $3, false, $4, $4)
   ON CONFLICT (email) DO NOTHING RETURNING id`,
);

/** By users_email_key. */
export const findUserByEmail = statement<{ id: string; name: string }>(
  'accounts.findUserByEmail',
  'SELECT id, name FROM users WHERE email = $1',
);

/** The row in which better-auth looks for a password: provider "credential", account id = user id. */
export const insertCredential = statement(
  'accounts.insertCredential',
  `INSERT INTO credential (id, user_id, account_id, provider_id, password, created_at, updated_at)
   VALUES ($1, $2, $2::uuid::text, 'credential', $3, $4, $4)`,
);

/** By membership_live_key: a person holds one live role in a party. */
export const insertMembership = statement<{ id: string }>(
  'accounts.insertMembership',
  `INSERT INTO membership (network_id, id, user_id, station_id, supplier_id, role, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
   ON CONFLICT (network_id, user_id, station_id, supplier_id) WHERE revoked_at IS NULL DO NOTHING RETURNING id`,
);

/** The first live owner of a station. Reads the network's range of membership_live_key; for commands of the operator alone. */
export const firstOwnerOf = statement<{ user_id: string }>(
  'accounts.firstOwnerOf',
  `SELECT m.user_id FROM membership m
   WHERE m.network_id = $1 AND m.station_id = $2 AND m.role = 'OWNER' AND m.revoked_at IS NULL ORDER BY m.id LIMIT 1`,
);

/** By membership_pkey. */
export const endMembership = statement<{ id: string }>(
  'accounts.endMembership',
  'UPDATE membership SET revoked_at = $3 WHERE network_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id',
);

/** The row of a new API key. */
export const insertApiKey = statement(
  'accounts.insertApiKey',
  `INSERT INTO api_key (network_id, id, station_id, supplier_id, name, prefix, secret_hash, scopes, allowed_ips, created_by, created_at, expires_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
);

/** By api_key_pkey, and only the party's own. A second revocation keeps the time of the first. */
export const endApiKey = statement<{ id: string; newly: boolean }>(
  'accounts.endApiKey',
  `UPDATE api_key SET revoked_at = coalesce(revoked_at, $5)
   WHERE network_id = $1 AND id = $2 AND station_id IS NOT DISTINCT FROM $3 AND supplier_id IS NOT DISTINCT FROM $4
   RETURNING id, revoked_at = $5 AS newly`,
);

/** One row of the audit log; the application may never change or remove it. */
export const insertAuditEntries = statement(
  'accounts.insertAuditEntries',
  `INSERT INTO audit_entry (network_id, id, station_id, supplier_id, actor_kind, actor_id, action, subject_id, data, client_address, created_at)
   SELECT $1, e.id, $3, $4, $5, $6, e.action, e.subject_id, e.data, $10, $11
   FROM unnest($2::uuid[], $7::text[], $8::uuid[], $9::jsonb[]) AS e (id, action, subject_id, data)`,
);

/** An API key as its party sees it: never its hash. */
export type ApiKeyRow = {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  allowed_ips: string[];
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
};

/** By api_key_network_id_station_id_idx (a supplier's few keys by the network). $4 null: all of the party's, newest first; else these ids. */
export const selectApiKeys = statement<ApiKeyRow>(
  'accounts.selectApiKeys',
  `SELECT id, name, prefix, scopes, allowed_ips, created_by, created_at, expires_at, revoked_at, last_used_at FROM api_key
   WHERE network_id = $1 AND station_id IS NOT DISTINCT FROM $2 AND supplier_id IS NOT DISTINCT FROM $3 AND ($4::uuid[] IS NULL OR id = ANY ($4))
   ORDER BY id DESC`,
);

/** A party that a person may act for. */
export type MembershipRow = {
  network_id: string;
  id: string;
  user_id: string;
  station_id: string | null;
  supplier_id: string | null;
  party_name: string;
  party_code: string;
  /** null for a supplier */
  station_kind: 'HEADQUARTERS' | 'SUBSTATION' | 'RESELLER' | null;
  network_name: string;
  role: Role;
  created_at: Date;
};

/** By membership_user_id_idx: all networks in which the person works, as sign-in needs them. */
export const selectMemberships = statement<MembershipRow>(
  'accounts.selectMemberships',
  `SELECT m.network_id, m.id, m.user_id, m.station_id, m.supplier_id, coalesce(s.name, p.name) AS party_name,
     coalesce(s.code, p.code) AS party_code, s.kind AS station_kind, n.name AS network_name, m.role, m.created_at
   FROM membership m
   JOIN network n ON n.id = m.network_id
   LEFT JOIN station s ON s.network_id = m.network_id AND s.id = m.station_id
   LEFT JOIN supplier p ON p.network_id = m.network_id AND p.id = m.supplier_id
   WHERE m.user_id = ANY ($1::uuid[]) AND m.revoked_at IS NULL AND coalesce(s.status::text, p.status::text) <> 'CLOSED'
   ORDER BY m.user_id, n.name, m.id`,
);

/** A person. */
export type PersonRow = { id: string; name: string; email: string };

/** By users_pkey. */
export const selectPeople = statement<PersonRow>('accounts.selectPeople', 'SELECT id, name, email FROM users WHERE id = ANY ($1::uuid[])');

/** An entry of the audit log with the name of who did it. */
export type AuditEntryRow = {
  id: string;
  actor_kind: 'USER' | 'API_KEY';
  actor_id: string;
  actor_name: string | null;
  action: string;
  subject_id: string | null;
  created_at: Date;
};

const auditColumns = `a.id, a.actor_kind, a.actor_id, a.action, a.subject_id, a.created_at,
     CASE a.actor_kind WHEN 'USER' THEN (SELECT u.name FROM users u WHERE u.id = a.actor_id)
       ELSE (SELECT k.name FROM api_key k WHERE k.network_id = a.network_id AND k.id = a.actor_id) END AS actor_name`;

/**
 * The audit log of a party ($2) from beyond the entry $3 on: a range of audit_entry_network_id_station_id_id_idx, for a supplier
 * of the entries without a station. The cursor is always given, and the party compared with `=`, so that both bound the range.
 */
const auditPage = (name: string, ofParty: string, beyond: string, order: string) =>
  statement<AuditEntryRow>(
    name,
    `SELECT ${auditColumns} FROM audit_entry a WHERE a.network_id = $1 AND ${ofParty} AND a.id ${beyond} $3 ORDER BY a.id ${order} LIMIT $4`,
  );
const OF_STATION = 'a.station_id = $2';
const OF_SUPPLIER = 'a.station_id IS NULL AND a.supplier_id = $2';

/** Pages of a party's audit log by its kind and the page's direction, each with the cursor that begins it. */
export const auditPages = {
  FORWARD: {
    end: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    STATION: auditPage('accounts.auditOfStationOlder', OF_STATION, '<', 'DESC'),
    SUPPLIER: auditPage('accounts.auditOfSupplierOlder', OF_SUPPLIER, '<', 'DESC'),
  },
  BACKWARD: {
    end: '00000000-0000-0000-0000-000000000000',
    STATION: auditPage('accounts.auditOfStationNewer', OF_STATION, '>', 'ASC'),
    SUPPLIER: auditPage('accounts.auditOfSupplierNewer', OF_SUPPLIER, '>', 'ASC'),
  },
} as const;

/** Entries of the party by id, by audit_entry's primary key. */
export const selectAuditByIds = statement<AuditEntryRow>(
  'accounts.selectAuditByIds',
  `SELECT ${auditColumns} FROM audit_entry a
   WHERE a.network_id = $1 AND a.station_id IS NOT DISTINCT FROM $2 AND a.supplier_id IS NOT DISTINCT FROM $3 AND a.id = ANY ($4::uuid[])`,
);

/** How many entries the party has. */
export const countAudit = statement<{ count: bigint }>(
  'accounts.countAudit',
  `SELECT count(*) AS count FROM audit_entry a
   WHERE a.network_id = $1 AND a.station_id IS NOT DISTINCT FROM $2 AND a.supplier_id IS NOT DISTINCT FROM $3`,
);
