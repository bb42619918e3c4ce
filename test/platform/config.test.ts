import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidSettings, readConfig, SETTINGS } from '#server/platform/config.ts';
import { generatedSecret } from '#server/platform/secrets.ts';

const vaultKey = `v1:${Buffer.alloc(32, 7).toString('base64')}`;
const generate = (name: string) => (name === 'VAULT_KEY' ? vaultKey : 's'.repeat(40));
const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment, generate);
  } catch (error) {
    if (error instanceof InvalidSettings) return error.problems;
    throw error;
  }
  return [];
};

describe('without any setting', () => {
  const config = readConfig({}, generate);

  test('the server is for this machine, on the embedded PostgreSQL, with the demo', () => {
    expect({ ...config, dataDir: '' }).toEqual({
      production: false,
      host: '127.0.0.1',
      port: 4000,
      portIsChosen: false,
      publicUrl: null,
      allowedOrigins: [],
      behindProxy: false,
      databaseUrl: null,
      migrationDatabaseUrl: null,
      poolSizes: { changes: 10, reads: 10, background: 8 },
      statementSeconds: { changes: 20, reads: 10, background: 300 },
      redisUrl: null,
      dataDir: '',
      vaultKeys: [{ id: 'v1', key: Buffer.alloc(32, 7) }],
      sessionSecret: 's'.repeat(40),
      logLevel: 'info',
      demo: true,
      outgoingAllowedHosts: [],
      webhookLogDays: 14,
      stockExpiringDays: 7,
      purchases: true,
      purchaseLogDays: 90,
      supplyTimeoutSeconds: 15,
      liveUnreadKib: 128,
    });
    expect(config.dataDir).toBe(join(process.cwd(), '.data'));
  });

  test('a variable that is set to nothing counts as not set', () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']));
    expect(readConfig(empty, generate)).toEqual(config);
  });
});

test('a database of one’s own migrates by itself unless told otherwise, and gets no demo unless asked', () => {
  const url = 'postgresql://app@db.example/fenzhan';
  const config = readConfig({ DATABASE_URL: url }, generate);
  expect(config).toMatchObject({ databaseUrl: url, migrationDatabaseUrl: url, demo: false });
  expect(
    readConfig({ DATABASE_URL: url, DEMO: 'on', MIGRATION_DATABASE_URL: 'postgres://owner@db.example/fenzhan' }, generate),
  ).toMatchObject({
    migrationDatabaseUrl: 'postgres://owner@db.example/fenzhan',
    demo: true,
  });
});

test.each([
  ['NODE_ENV', 'prod', 'NODE_ENV: development, production or test'],
  ['PORT', '80a', 'PORT: a port number'],
  ['PORT', '65536', 'PORT: a port number'],
  ['PUBLIC_URL', 'shop.example', 'PUBLIC_URL: a URL that begins with http:// or https://'],
  ['PUBLIC_URL', 'https://shop.example/console', 'PUBLIC_URL: only scheme, host and port'],
  ['ALLOWED_ORIGINS', 'https://a.example,ftp://b.example', 'ALLOWED_ORIGINS: a URL that begins with http:// or https://'],
  ['DATABASE_URL', 'mysql://db.example/x', 'DATABASE_URL: a URL that begins with postgresql://'],
  ['MIGRATION_DATABASE_URL', 'no', 'MIGRATION_DATABASE_URL: a URL that begins with postgresql://'],
  ['DATABASE_POOL_SIZE', '0', 'DATABASE_POOL_SIZE: a whole number from 1 to 500'],
  ['DATABASE_POOL_SIZE', 'ten', 'DATABASE_POOL_SIZE: a whole number from 1 to 500'],
  ['VAULT_KEY', 'v1:short', 'VAULT_KEY: the vault key v1 is not 32 bytes in base64 or hex'],
  ['SESSION_SECRET', 'short', 'SESSION_SECRET: at least 32 characters'],
  ['LOG_LEVEL', 'loud', 'LOG_LEVEL: silent, error, warn, info or debug'],
  ['DEMO', 'yes', 'DEMO: on or off'],
  ['BEHIND_PROXY', '1', 'BEHIND_PROXY: on or off'],
])('%s=%s is refused with the name of the variable', (name, value, problem) => {
  expect(problemsOf({ [name]: value })).toEqual([problem]);
});

test('all that is wrong is told at once, and no value is repeated', () => {
  const problems = problemsOf({ PORT: 'x', VAULT_KEY: `v1:${'S3CRET'.repeat(4)}`, SESSION_SECRET: 'S3CRET', DATABASE_URL: 'S3CRET' });
  expect(problems.map((problem) => problem.replace(/:.*/s, '')).toSorted()).toEqual([
    'DATABASE_URL',
    'PORT',
    'SESSION_SECRET',
    'VAULT_KEY',
  ]);
  expect(problems.join()).not.toContain('S3CRET');
});

test('in production no secret is generated: both are required by name', () => {
  expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
    'VAULT_KEY: required when NODE_ENV=production',
    'SESSION_SECRET: required when NODE_ENV=production',
  ]);
  expect(problemsOf({ NODE_ENV: 'production', VAULT_KEY: vaultKey, SESSION_SECRET: 'x'.repeat(32) })).toEqual([]);
});

test('origins are written in one form', () => {
  const config = readConfig(
    { PUBLIC_URL: 'https://Shop.example:443/', ALLOWED_ORIGINS: 'http://a.example:80 , https://b.example:8443' },
    generate,
  );
  expect(config.publicUrl).toBe('https://shop.example');
  expect(config.allowedOrigins).toEqual(['http://a.example', 'https://b.example:8443']);
});

describe('a generated secret', () => {
  let dataDir: string;
  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'fenzhan-secrets-'));
  });
  afterAll(() => rmSync(dataDir, { recursive: true }));

  test('is made once, kept, fit for its setting, and readable by its owner only', () => {
    const place = join(dataDir, 'made here');
    const first = readConfig({ DATA_DIR: place }, generatedSecret);
    const second = readConfig({ DATA_DIR: place }, generatedSecret);
    expect(second).toEqual(first);
    expect(first.sessionSecret).toHaveLength(64);
    for (const name of ['vault-key', 'session-secret']) expect(statSync(join(place, name)).mode & 0o777).toBe(0o600);
    expect(statSync(place).mode & 0o066).toBe(0);
    expect(readFileSync(join(place, 'vault-key'), 'utf8')).toBe(`v1:${first.vaultKeys[0].key.toString('base64')}\n`);
  });

  test('is another one in another folder', () => {
    const other = join(dataDir, randomBytes(4).toString('hex'));
    expect(generatedSecret('SESSION_SECRET', other)).not.toBe(generatedSecret('SESSION_SECRET', join(dataDir, 'made here')));
  });
});
