import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';

/** A person's role in a party (domain §2). A role is a fixed set of permissions; there are no per-person exceptions. */
export type Role = 'OWNER' | 'MANAGER' | 'FINANCE' | 'OPERATOR' | 'VIEWER';

/** What a request may do. The same words are the scopes of API keys. */
export const permissions = [
  'CATALOGUE_READ',
  'ORDERS_READ',
  'ORDERS_PLACE',
  'CARD_KEYS_REVEAL',
  'WALLET_READ',
  'WALLET_TOP_UP',
  'STATIONS_READ',
  'STATIONS_MANAGE',
  'PRICES_READ',
  'PRICES_MANAGE',
  'STOCK_READ',
  'STOCK_IMPORT',
  'STOCK_WITHDRAW',
  'LISTINGS_MANAGE',
  'LISTINGS_REVIEW',
  'SUPPLY_READ',
  'SUPPLY_MANAGE',
  'SUPPLIERS_MANAGE',
  'DEPOSITS_MANAGE',
  'REFUNDS_ASK',
  'REFUNDS_DECIDE',
  'ANALYTICS_READ',
  'ALERTS_READ',
  'ALERTS_MANAGE',
  'MEMBERS_MANAGE',
  'API_KEYS_MANAGE',
  'WEBHOOKS_MANAGE',
] as const;

/** One permission, also the name of an API key's scope. */
export type Permission = (typeof permissions)[number];

const reading: readonly Permission[] = [
  'CATALOGUE_READ',
  'ORDERS_READ',
  'WALLET_READ',
  'STATIONS_READ',
  'PRICES_READ',
  'STOCK_READ',
  'SUPPLY_READ',
  'ANALYTICS_READ',
  'ALERTS_READ',
];
const operating: readonly Permission[] = [...reading, 'ORDERS_PLACE', 'CARD_KEYS_REVEAL', 'STOCK_IMPORT', 'REFUNDS_ASK', 'ALERTS_MANAGE'];

/**
 * The permissions of each role. Money is moved and refunds are decided by FINANCE and OWNER alone; prices, stations
 * and supply are changed by MANAGER and OWNER; card keys are seen by those who serve customers.
 */
export const permissionsOfRole: Record<Role, ReadonlySet<Permission>> = {
  VIEWER: new Set(reading),
  OPERATOR: new Set(operating),
  FINANCE: new Set([...reading, 'WALLET_TOP_UP', 'DEPOSITS_MANAGE', 'REFUNDS_ASK', 'REFUNDS_DECIDE', 'ALERTS_MANAGE'] as const),
  MANAGER: new Set([
    ...operating,
    'STATIONS_MANAGE',
    'PRICES_MANAGE',
    'LISTINGS_MANAGE',
    'LISTINGS_REVIEW',
    'STOCK_WITHDRAW',
    'SUPPLY_MANAGE',
    'SUPPLIERS_MANAGE',
  ] as const),
  OWNER: new Set(permissions),
};

/** The one party that a request acts for. */
export type ActingParty = { kind: 'STATION'; stationId: string } | { kind: 'SUPPLIER'; supplierId: string };

/** Who sent the request: a signed-in person, or a program with an API key. */
export type Actor = { kind: 'USER'; userId: string; sessionId: string } | { kind: 'API_KEY'; apiKeyId: string };

/**
 * A request's identity: exactly one network, one party, one actor (domain §2). Everything that reads or writes takes the
 * network from here, never from an id that was sent.
 */
export type Viewer = {
  readonly networkId: string;
  readonly party: ActingParty;
  readonly actor: Actor;
  /** null for an API key, whose scopes are its permissions */
  readonly role: Role | null;
  readonly permissions: ReadonlySet<Permission>;
  readonly clientAddress: string | null;
};

const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,190}$/;

/** Whether a text can be an e-mail address; whether anybody reads there is another question. Blanks around it are not looked at. */
export function isEmail(text: string): boolean {
  return EMAIL.test(text.trim());
}

/** A party's id, whatever its kind: what cursors, audiences and cost budgets are bound to. */
export function partyId(party: ActingParty): string {
  return party.kind === 'STATION' ? party.stationId : party.supplierId;
}

/** A party as the two columns of the tables that name one: exactly one of them is set. */
export function partyColumns(party: ActingParty): [stationId: string | null, supplierId: string | null] {
  return party.kind === 'STATION' ? [party.stationId, null] : [null, party.supplierId];
}

/** The words of `texts` that are permissions: a scope that a later version took away grants nothing. */
export function permissionsNamed(texts: readonly string[]): ReadonlySet<Permission> {
  const named = new Set(texts);
  return new Set(permissions.filter((permission) => named.has(permission)));
}

// ---- API keys ----
// fz_<43 characters: network id and key id>_<43 characters: 32 random bytes>, all base64url. The first part finds the row by
// its primary key, the second proves the right and is kept as a hash only; it has 256 random bits, so one SHA-256 is enough.

/** The parts of an API key as its program sends it. */
export type ApiKeyParts = { readonly networkId: string; readonly apiKeyId: string; readonly secret: string };

const API_KEY = /^fz_([\w-]{43})_([\w-]{43})$/;

/** Writes the part of an API key that is not secret and may be shown for ever. */
export function apiKeyPrefix(networkId: string, apiKeyId: string): string {
  return `fz_${Buffer.from(`${networkId}${apiKeyId}`.replaceAll('-', ''), 'hex').toString('base64url')}`;
}

/** Reads an API key; null for any text of another form. */
export function parseApiKey(text: string): ApiKeyParts | null {
  const [, ids, secret] = API_KEY.exec(text) ?? [];
  if (ids === undefined || secret === undefined) return null;
  const hex = Buffer.from(ids, 'base64url').toString('hex');
  return { networkId: formatUuid(hex.slice(0, 32)), apiKeyId: formatUuid(hex.slice(32)), secret };
}

/** What is kept of an API key's secret. */
export function hashApiKeySecret(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

/** Compares hashes in a time that says nothing about where they differ. */
export function sameHash(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function formatUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** What a person asks of a new API key. `permissions` are its scopes, `allowedIps` addresses or CIDR ranges (none: from anywhere). */
export type NewApiKey = {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly expiresAt: Date | null;
  readonly allowedIps: readonly string[];
};

/** Why an API key is not made. */
export type ApiKeyRefusal =
  | { readonly kind: 'INVALID_INPUT'; readonly field: 'name' | 'permissions' | 'expiresAt' | 'allowedIps'; readonly message: string }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string };

const NAME_LENGTH_MAX = 100;
const ALLOWED_IPS_MAX = 50;

/**
 * Whether the viewer may make this key: only a person makes keys (a stolen key must not breed others), never with a right
 * that the person lacks, and never one that has expired already. null: it may.
 */
export function refuseApiKey(viewer: Viewer, request: NewApiKey, now: Date): ApiKeyRefusal | null {
  if (viewer.actor.kind !== 'USER') return { kind: 'NOT_ALLOWED', message: 'A program cannot make API keys; a signed-in person can.' };
  if (!viewer.permissions.has('API_KEYS_MANAGE')) return { kind: 'NOT_ALLOWED', message: 'Only an owner of the party can make API keys.' };
  const missing = request.permissions.find((permission) => !viewer.permissions.has(permission));
  if (missing !== undefined) return { kind: 'NOT_ALLOWED', message: `You lack ${missing}, so you cannot give it to an API key.` };
  return invalidApiKey(request, now);
}

function invalidApiKey(request: NewApiKey, now: Date): ApiKeyRefusal | null {
  const nameLength = request.name.trim().length;
  if (nameLength === 0 || nameLength > NAME_LENGTH_MAX) return invalid('name', `A name has 1 to ${NAME_LENGTH_MAX} characters.`);
  if (request.permissions.length === 0) return invalid('permissions', 'An API key needs at least one permission.');
  if (request.expiresAt !== null && request.expiresAt <= now) return invalid('expiresAt', 'The expiry must be in the future.');
  if (request.allowedIps.length > ALLOWED_IPS_MAX) return invalid('allowedIps', `At most ${ALLOWED_IPS_MAX} addresses or ranges.`);
  const strange = request.allowedIps.find((range) => parseAddressRange(range) === null);
  return strange === undefined ? null : invalid('allowedIps', `${JSON.stringify(strange)} is no address and no CIDR range.`);
}

function invalid(field: 'name' | 'permissions' | 'expiresAt' | 'allowedIps', message: string): ApiKeyRefusal {
  return { kind: 'INVALID_INPUT', field, message };
}

// ---- addresses ----

type AddressRange = { readonly address: string; readonly family: 'ipv4' | 'ipv6'; readonly prefixLength: number };

/** Whether a client's address is in one of the ranges; without any range every address is. */
export function addressAllowed(clientAddress: string | null, ranges: readonly string[]): boolean {
  if (ranges.length === 0) return true;
  const address = clientAddress === null ? null : plainAddress(clientAddress);
  if (address === null || isIP(address) === 0) return false;
  const allowed = new BlockList();
  for (const range of ranges) {
    const parsed = parseAddressRange(range);
    if (parsed !== null) allowed.addSubnet(parsed.address, parsed.prefixLength, parsed.family);
  }
  return allowed.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** An IPv4 address that arrived over an IPv6 socket, in its own form; other addresses as they are. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}

function parseAddressRange(text: string): AddressRange | null {
  const [address, length, ...rest] = text.split('/');
  if (address === undefined || rest.length > 0) return null;
  const version = isIP(address);
  if (version === 0) return null;
  const longest = version === 4 ? 32 : 128;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return null;
  const prefixLength = length === undefined ? longest : Number(length);
  return prefixLength > longest ? null : { address, family: version === 4 ? 'ipv4' : 'ipv6', prefixLength };
}

// ---- signing in ----

/** The window in which attempts to sign in are counted. */
export const SIGN_IN_WINDOW_MILLISECONDS = 60_000;

/** One counter of attempts: who is counted, and how many are let through in a window. */
export type SignInCounter = { readonly key: string; readonly attemptsMax: number };

/**
 * The counters of one attempt: few for one e-mail from one address (guessing a password), more for an address (guessing
 * e-mails) and for an e-mail from everywhere (many machines; wide enough that a stranger cannot lock a person out by hand).
 * Keys are hashes: what strangers type into the form is not kept.
 */
export function signInCounters(
  email: string,
  clientAddress: string | null,
): readonly [pair: SignInCounter, address: SignInCounter, email: SignInCounter] {
  const person = email.trim().toLowerCase();
  const place = clientAddress === null ? 'unknown' : networkOf(plainAddress(clientAddress));
  return [
    { key: counterKey('pair', person, place), attemptsMax: 5 },
    { key: counterKey('address', place), attemptsMax: 60 },
    { key: counterKey('email', person), attemptsMax: 60 },
  ];
}

/** Seconds until the next attempt is worth making; null when every counter lets this one through. */
export function signInWaitSeconds(counts: readonly { attemptsMax: number; count: number; windowStart: Date }[], now: Date): number | null {
  const waits = counts
    .filter(({ count, attemptsMax }) => count > attemptsMax)
    .map(({ windowStart }) => Math.ceil((windowStart.getTime() + SIGN_IN_WINDOW_MILLISECONDS - now.getTime()) / 1000));
  return waits.length === 0 ? null : Math.max(1, ...waits);
}

/** A person with IPv6 has a whole /64, so that is what is counted. */
function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length;
  return [...groups, ...Array<string>(missing).fill('0')]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

function counterKey(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\0'), 'utf8').digest('base64url');
}

/** The id of the actor, whoever it is: what a transfer or an audit entry names. */
export function actorId(viewer: Pick<Viewer, 'actor'>): string {
  return viewer.actor.kind === 'USER' ? viewer.actor.userId : viewer.actor.apiKeyId;
}

/**
 * The station that the viewer acts for, which holds this permission. Throws otherwise: the contract refuses such requests before
 * any flow begins, so this is the second wall and not an answer.
 */
export function actingStationWith(viewer: Viewer, permission: Permission): string {
  if (viewer.party.kind !== 'STATION') throw new Error('a supplier acts where only stations may');
  if (!viewer.permissions.has(permission)) throw new Error(`the viewer lacks ${permission}`);
  return viewer.party.stationId;
}
