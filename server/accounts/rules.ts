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
  'REFUNDS_ASK',
  'REFUNDS_DECIDE',
  'ANALYTICS_READ',
  'MEMBERS_MANAGE',
  'API_KEYS_MANAGE',
] as const;

/** One permission, also the name of an API key's scope. */
export type Permission = (typeof permissions)[number];

const reading: readonly Permission[] = ['CATALOGUE_READ', 'ORDERS_READ', 'WALLET_READ', 'STATIONS_READ', 'PRICES_READ', 'STOCK_READ', 'ANALYTICS_READ'];
const operating: readonly Permission[] = [...reading, 'ORDERS_PLACE', 'CARD_KEYS_REVEAL', 'STOCK_IMPORT', 'REFUNDS_ASK'];

/**
 * The permissions of each role. Money is moved and refunds are decided by FINANCE and OWNER alone; prices and stations
 * are changed by MANAGER and OWNER; card keys are seen by those who serve customers.
 */
export const permissionsOfRole: Record<Role, ReadonlySet<Permission>> = {
  VIEWER: new Set(reading),
  OPERATOR: new Set(operating),
  FINANCE: new Set([...reading, 'WALLET_TOP_UP', 'REFUNDS_ASK', 'REFUNDS_DECIDE'] as const),
  MANAGER: new Set([...operating, 'STATIONS_MANAGE', 'PRICES_MANAGE', 'STOCK_WITHDRAW'] as const),
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
