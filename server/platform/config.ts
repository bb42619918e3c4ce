import { resolve } from 'node:path';
import { z } from 'zod';
import { CannotStart } from './cannot-start.ts';
import { parseVaultKeys, type VaultKey } from './vault.ts';

/** One setting: an environment variable, what it means, and how its text is read. docs/settings.md shows exactly this table. */
export interface Setting<Value> {
  readonly meaning: string;
  /** What holds when it is not set, in words. */
  readonly otherwise: string;
  readonly schema: z.ZodType<Value, string>;
}

const port = z.string().regex(/^\d+$/, 'a port number').transform(Number).pipe(z.number().int().min(0).max(65535, 'a port number'));
const count = z
  .string()
  .regex(/^([1-9]\d?|[1-4]\d\d|500)$/, 'a whole number from 1 to 500')
  .transform(Number);
const seconds = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'a whole number of seconds from 1 to 9999')
  .transform(Number);
// below the lease of a purchase, which may take two calls
const upstreamSeconds = z
  .string()
  .regex(/^([1-9]|1\d|20)$/, 'a whole number of seconds from 1 to 20')
  .transform(Number);
const days = z
  .string()
  .regex(/^([1-9]\d?|[12]\d\d|3[0-5]\d|36[0-5])$/, 'a whole number from 1 to 365')
  .transform(Number);
const hosts = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim().toLowerCase()))
  .pipe(z.array(z.string().regex(/^([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/, 'hosts like name or name:port')));
const kibibytes = z
  .string()
  .regex(/^(1[6-9]|[2-9]\d|[1-9]\d{2,3})$/, 'a whole number from 16 to 9999')
  .transform(Number);
const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, error: 'a URL that begins with postgresql://' });
const redisUrl = z.url({ protocol: /^rediss?$/, error: 'a URL that begins with redis:// or rediss://' });
const origin = z
  .url({ protocol: /^https?$/, error: 'a URL that begins with http:// or https://' })
  .transform((text) => new URL(text))
  .refine((url) => url.pathname === '/' && !url.search && !url.hash && !url.username, 'only scheme, host and port')
  .transform((url) => url.origin);
const origins = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(origin));
const onOrOff = z.enum(['on', 'off'], { error: 'on or off' }).transform((text) => text === 'on');
const vaultKeys = z.string().transform((text, context): readonly [VaultKey, ...VaultKey[]] => {
  try {
    return parseVaultKeys(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

/** Every setting there is. */
export const SETTINGS = {
  NODE_ENV: setting(
    z.enum(['development', 'production', 'test'], { error: 'development, production or test' }),
    'In production, secrets are never generated: they must be set.',
    'development',
  ),
  HOST: setting(z.string().min(1), 'Address to listen on. 0.0.0.0 is every interface.', '127.0.0.1'),
  PORT: setting(port, 'Port to listen on. When it is set and busy, the start is refused.', '4000, or a free one when that is busy'),
  PUBLIC_URL: setting(origin, 'Where people reach the console: scheme, host and port.', 'http://localhost with the port'),
  ALLOWED_ORIGINS: setting(
    origins,
    'Comma-separated origins from which a session cookie is believed, beside PUBLIC_URL.',
    'PUBLIC_URL alone',
  ),
  BEHIND_PROXY: setting(
    onOrOff,
    'Whether a proxy in front writes X-Forwarded-For: its last entry then counts as the address of the client.',
    'off',
  ),
  DATABASE_URL: setting(postgresUrl, 'A PostgreSQL 18 to use in place of the embedded one.', 'the embedded PostgreSQL'),
  MIGRATION_DATABASE_URL: setting(
    postgresUrl,
    'The same database as a user that may create tables and roles; used for migrations only.',
    'DATABASE_URL',
  ),
  DATABASE_POOL_SIZE: setting(
    count,
    'Connections of one server process for orders and other changes, and for knowing who asks, 1 to 500.',
    '10',
  ),
  DATABASE_READ_POOL_SIZE: setting(count, 'Connections of one server process for pages and reports, 1 to 500.', '10'),
  DATABASE_BACKGROUND_POOL_SIZE: setting(
    count,
    'Connections of one server process for what runs by itself (events, roll-ups, imports), 1 to 500.',
    '8',
  ),
  DATABASE_STATEMENT_SECONDS: setting(seconds, 'How long a statement of a change may take, 1 to 9999.', '20'),
  DATABASE_READ_SECONDS: setting(
    seconds,
    'How long a statement of a page or report may take, or wait for a free connection, 1 to 9999.',
    '10',
  ),
  DATABASE_BACKGROUND_SECONDS: setting(seconds, 'How long a statement of what runs by itself may take, 1 to 9999.', '300'),
  REDIS_URL: setting(
    redisUrl,
    'A Redis between several server processes: it carries the hints that there are new events.',
    'NOTIFY of PostgreSQL carries them',
  ),
  DATA_DIR: setting(z.string().min(1), 'Folder of the embedded PostgreSQL and of generated secrets.', '.data'),
  VAULT_KEY: setting(
    vaultKeys,
    'Keys that wrap the card keys’ data keys, as id:key with 32 bytes in base64 or hex. Several are comma-separated: the first seals, all open, and the last also makes the fingerprints. Losing it loses the card keys.',
    'generated into DATA_DIR; required in production',
  ),
  SESSION_SECRET: setting(
    z.string().min(32, 'at least 32 characters'),
    'Signs session cookies, at least 32 characters. A new one signs everybody out.',
    'generated into DATA_DIR; required in production',
  ),
  OUTGOING_ALLOWED_HOSTS: setting(
    hosts,
    'Comma-separated hosts (name, or name:port) that webhooks and connectors may call by plain http and at private addresses. All others need https and a public address.',
    'none',
  ),
  WEBHOOK_LOG_DAYS: setting(days, 'Days for which webhook deliveries that ended stay in the log with their payloads, 1 to 365.', '14'),
  PURCHASE_LOG_DAYS: setting(
    days,
    'Days for which callbacks, and what went over the wire for a purchase, are kept after it was settled, 1 to 365.',
    '90',
  ),
  PURCHASES: setting(
    onOrOff,
    'Whether this server process buys from suppliers: on or off. Any number of processes may; orders wait while none does.',
    'on',
  ),
  SUPPLY_TIMEOUT: setting(
    upstreamSeconds,
    "Seconds that a supplier's system has to answer a call, 1 to 20. What was not answered is unknown, and is asked for.",
    '15',
  ),
  STOCK_EXPIRING_DAYS: setting(days, 'How many days before card keys expire their owner is told, 1 to 365.', '7'),
  LIVE_UNREAD_KIB: setting(
    kibibytes,
    'KiB of live updates that the server holds for a client that does not read, 16 to 9999; beyond it the client is told in short, or cut.',
    '128',
  ),
  LOG_LEVEL: setting(
    z.enum(['silent', 'error', 'warn', 'info', 'debug'], { error: 'silent, error, warn, info or debug' }),
    'How much is logged to standard error: silent, error, warn, info or debug.',
    'info',
  ),
  DEMO: setting(onOrOff, 'Whether the very first start loads the demo network: on or off.', 'on with the embedded PostgreSQL, else off'),
} as const;

/** Settings as the program uses them: read once, in the composition root. */
export interface Config {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  /** Whether PORT was set: a chosen port that is busy is an error, the default one gives way. */
  readonly portIsChosen: boolean;
  readonly publicUrl: string | null;
  readonly allowedOrigins: readonly string[];
  /** Whether the last entry of X-Forwarded-For is the client's address. */
  readonly behindProxy: boolean;
  /** null: the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  readonly migrationDatabaseUrl: string | null;
  /** Connections of each pool of a server process. */
  readonly poolSizes: { readonly changes: number; readonly reads: number; readonly background: number };
  /** How long a statement of each pool may take. */
  readonly statementSeconds: { readonly changes: number; readonly reads: number; readonly background: number };
  /** null: the hints between processes go through PostgreSQL. */
  readonly redisUrl: string | null;
  readonly dataDir: string;
  readonly vaultKeys: readonly [VaultKey, ...VaultKey[]];
  readonly sessionSecret: string;
  /** Hosts that may be called by plain http and at private addresses. */
  readonly outgoingAllowedHosts: readonly string[];
  readonly webhookLogDays: number;
  /** How many days before card keys expire their owner is told. */
  readonly stockExpiringDays: number;
  /** Whether this process buys from suppliers. */
  readonly purchases: boolean;
  readonly purchaseLogDays: number;
  readonly supplyTimeoutSeconds: number;
  /** KiB of live updates that wait for a client that does not read. */
  readonly liveUnreadKib: number;
  readonly logLevel: string;
  readonly demo: boolean;
}

/** The names of settings that may be generated where no one set them. */
export type GeneratedSecret = 'VAULT_KEY' | 'SESSION_SECRET';

/** Settings that are wrong or missing, each by the name of its variable; the message never repeats a value. */
export class InvalidSettings extends CannotStart {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`these settings are wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'InvalidSettings';
    this.problems = problems;
  }
}

/**
 * Reads all settings at once and refuses them together (InvalidSettings). `generate` gives a secret that nobody set, in the data
 * folder it is told; it is never asked in production. A variable that is set to nothing counts as not set.
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  generate: (name: GeneratedSecret, dataDir: string) => string,
): Config {
  const problems: string[] = [];
  const read = <Value>(name: keyof typeof SETTINGS, { schema }: Setting<Value>, fallback?: () => string): Value | undefined => {
    const text = environment[name] || fallback?.();
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join(', ')}`);
    return undefined;
  };
  const production = read('NODE_ENV', SETTINGS.NODE_ENV) === 'production';
  const databaseUrl = read('DATABASE_URL', SETTINGS.DATABASE_URL) ?? null;
  const dataDir = resolve(read('DATA_DIR', SETTINGS.DATA_DIR) ?? '.data');
  const secret = <Value>(name: GeneratedSecret, from: Setting<Value>): Value | undefined => {
    if (production && !environment[name]) problems.push(`${name}: required when NODE_ENV=production`);
    return read(name, from, production ? undefined : () => generate(name, dataDir));
  };
  const keys = secret('VAULT_KEY', SETTINGS.VAULT_KEY);
  const sessionSecret = secret('SESSION_SECRET', SETTINGS.SESSION_SECRET);
  const chosenPort = read('PORT', SETTINGS.PORT);
  const config = {
    production,
    host: read('HOST', SETTINGS.HOST) ?? '127.0.0.1',
    port: chosenPort ?? 4000,
    portIsChosen: chosenPort !== undefined,
    publicUrl: read('PUBLIC_URL', SETTINGS.PUBLIC_URL) ?? null,
    allowedOrigins: read('ALLOWED_ORIGINS', SETTINGS.ALLOWED_ORIGINS) ?? [],
    behindProxy: read('BEHIND_PROXY', SETTINGS.BEHIND_PROXY) ?? false,
    databaseUrl,
    migrationDatabaseUrl: read('MIGRATION_DATABASE_URL', SETTINGS.MIGRATION_DATABASE_URL) ?? databaseUrl,
    poolSizes: {
      changes: read('DATABASE_POOL_SIZE', SETTINGS.DATABASE_POOL_SIZE) ?? 10,
      reads: read('DATABASE_READ_POOL_SIZE', SETTINGS.DATABASE_READ_POOL_SIZE) ?? 10,
      background: read('DATABASE_BACKGROUND_POOL_SIZE', SETTINGS.DATABASE_BACKGROUND_POOL_SIZE) ?? 8,
    },
    statementSeconds: {
      changes: read('DATABASE_STATEMENT_SECONDS', SETTINGS.DATABASE_STATEMENT_SECONDS) ?? 20,
      reads: read('DATABASE_READ_SECONDS', SETTINGS.DATABASE_READ_SECONDS) ?? 10,
      background: read('DATABASE_BACKGROUND_SECONDS', SETTINGS.DATABASE_BACKGROUND_SECONDS) ?? 300,
    },
    redisUrl: read('REDIS_URL', SETTINGS.REDIS_URL) ?? null,
    dataDir,
    outgoingAllowedHosts: read('OUTGOING_ALLOWED_HOSTS', SETTINGS.OUTGOING_ALLOWED_HOSTS) ?? [],
    webhookLogDays: read('WEBHOOK_LOG_DAYS', SETTINGS.WEBHOOK_LOG_DAYS) ?? 14,
    purchases: read('PURCHASES', SETTINGS.PURCHASES) ?? true,
    purchaseLogDays: read('PURCHASE_LOG_DAYS', SETTINGS.PURCHASE_LOG_DAYS) ?? 90,
    supplyTimeoutSeconds: read('SUPPLY_TIMEOUT', SETTINGS.SUPPLY_TIMEOUT) ?? 15,
    stockExpiringDays: read('STOCK_EXPIRING_DAYS', SETTINGS.STOCK_EXPIRING_DAYS) ?? 7,
    liveUnreadKib: read('LIVE_UNREAD_KIB', SETTINGS.LIVE_UNREAD_KIB) ?? 128,
    logLevel: read('LOG_LEVEL', SETTINGS.LOG_LEVEL) ?? 'info',
    demo: read('DEMO', SETTINGS.DEMO) ?? databaseUrl === null,
  };
  if (problems.length > 0 || keys === undefined || sessionSecret === undefined) throw new InvalidSettings(problems);
  return { ...config, vaultKeys: keys, sessionSecret };
}

function setting<Value>(schema: z.ZodType<Value, string>, meaning: string, otherwise: string): Setting<Value> {
  return { meaning, otherwise, schema };
}
