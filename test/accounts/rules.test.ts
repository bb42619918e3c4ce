import { describe, expect, test } from 'vitest';
import {
  addressAllowed,
  apiKeyPrefix,
  parseApiKey,
  permissionsNamed,
  permissionsOfRole,
  signInCounters,
  signInWaitSeconds,
} from '#server/accounts/rules.ts';
import { createBudgets } from '#server/http/budget.ts';
import { LIMITS } from '#server/http/limits.ts';
import { hashPassword, verifyPassword } from '#server/platform/password.ts';

describe('roles', () => {
  test('only FINANCE and OWNER move money and decide refunds', () => {
    for (const permission of ['WALLET_TOP_UP', 'REFUNDS_DECIDE'] as const) {
      const holders = Object.entries(permissionsOfRole).filter(([, held]) => held.has(permission));
      expect(holders.map(([role]) => role)).toEqual(['FINANCE', 'OWNER']);
    }
  });

  test('FINANCE sees no card key and VIEWER changes nothing', () => {
    expect(permissionsOfRole.FINANCE.has('CARD_KEYS_REVEAL')).toBe(false);
    expect([...permissionsOfRole.VIEWER].every((permission) => permission.endsWith('_READ'))).toBe(true);
  });

  test('a scope that is no longer a permission grants nothing', () => {
    expect([...permissionsNamed(['ORDERS_READ', 'EVERYTHING'])]).toEqual(['ORDERS_READ']);
  });
});

describe('the text of an API key', () => {
  const networkId = '018f0000-0000-7000-8000-0123456789ab';
  const apiKeyId = 'ffffffff-ffff-7fff-bfff-ffffffffffff';

  test('names its row and is read back, also when its ids are written with _ and -', () => {
    const prefix = apiKeyPrefix(networkId, apiKeyId);
    expect(prefix).toMatch(/^fz_[\w-]{43}$/);
    expect(prefix).toContain('_____');
    expect(parseApiKey(`${prefix}_${'s'.repeat(43)}`)).toEqual({ networkId, apiKeyId, secret: 's'.repeat(43) });
  });

  test.each([
    '',
    'fz_',
    'fz_abc_def',
    `fz_${'a'.repeat(43)}`,
    `fz_${'a'.repeat(43)}_${'s'.repeat(42)}`,
    `xx_${'a'.repeat(43)}_${'s'.repeat(43)}`,
  ])('in another form (%j) is no key', (text) => {
    expect(parseApiKey(text)).toBeNull();
  });
});

describe('allowed addresses', () => {
  test.each([
    { address: '10.1.2.3', ranges: ['10.0.0.0/8'], allowed: true },
    { address: '11.0.0.0', ranges: ['10.0.0.0/8'], allowed: false },
    { address: '::ffff:10.1.2.3', ranges: ['10.1.2.3'], allowed: true },
    { address: '2001:db8::1', ranges: ['2001:db8::/32'], allowed: true },
    { address: '2001:db9::1', ranges: ['2001:db8::/32', '10.0.0.0/8'], allowed: false },
    { address: null, ranges: ['10.0.0.0/8'], allowed: false },
    { address: null, ranges: [], allowed: true },
  ])('$address is in $ranges: $allowed', ({ address, ranges, allowed }) => {
    expect(addressAllowed(address, ranges)).toBe(allowed);
  });
});

describe('counting attempts to sign in', () => {
  test('takes an e-mail in any case for one, and a whole IPv6 network of a person for one place', () => {
    expect(signInCounters(' Li@Shop.test', '2001:db8:1:2::1')).toEqual(signInCounters('li@shop.test', '2001:db8:1:2:ffff::9'));
    expect(signInCounters('li@shop.test', '2001:db8:1:2::1')).not.toEqual(signInCounters('li@shop.test', '2001:db8:1:3::1'));
  });

  test('asks to wait for the rest of the longest window that is full', () => {
    const now = new Date('2026-03-01T10:00:30Z');
    const counts = [
      { attemptsMax: 5, count: 5, windowStart: new Date('2026-03-01T10:00:25Z') },
      { attemptsMax: 60, count: 61, windowStart: new Date('2026-03-01T10:00:00Z') },
    ];
    expect(signInWaitSeconds(counts, now)).toBe(30);
    expect(signInWaitSeconds(counts.slice(0, 1), now)).toBeNull();
  });
});

describe('a password', () => {
  test('is kept as argon2id of 19 MiB and two passes, with a salt of its own', async () => {
    const [one, two] = [await hashPassword('correct horse'), await hashPassword('correct horse')];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect([await verifyPassword('correct horse', one), await verifyPassword('correct hors', one)]).toEqual([true, false]);
  });

  test('is the same however its letters were composed', async () => {
    expect(await verifyPassword('cafe\u0301 mima', await hashPassword('caf\u00e9 mima'))).toBe(true);
  });

  test('never matches a text that is no hash', async () => {
    for (const text of ['', 'correct horse', '$argon2id$v=19$m=1,t=1,p=1$$'])
      expect(await verifyPassword('correct horse', text)).toBe(false);
  });

  test('agrees with the reference vector of argon2id', async () => {
    // argon2 command line tool: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1
    const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await verifyPassword('password', reference)).toBe(true);
  });
});

test('a budget refills steadily up to its brim, and gives nothing to who asks for more than it holds', () => {
  let now = 0;
  const budgets = createBudgets({ ...LIMITS, budget: 100, refillPerSecond: 10 }, () => now);
  expect(budgets.charge('a', 80)).toEqual({ granted: true, cost: { requested: 80, remaining: 20, limit: 100 } });
  expect(budgets.charge('a', 50)).toEqual({ granted: false, cost: { requested: 50, remaining: 20, limit: 100 }, retryAfterSeconds: 3 });
  now = 3_000;
  expect(budgets.charge('a', 50)).toMatchObject({ granted: true, cost: { remaining: 0 } });
  now = 60_000;
  expect(budgets.charge('a', 100)).toMatchObject({ granted: true });
  expect(budgets.charge('b', 100)).toMatchObject({ granted: true });
});
