import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  answerText,
  circuitOf,
  endpointViewer,
  freeSlots,
  grantedPermissions,
  type Health,
  healthAfter,
  judgeAttempt,
  nextAttemptAt,
  signatureHeader,
  TRY_MILLISECONDS,
} from '#server/webhooks/rules.ts';

const now = new Date('2026-03-01T00:00:00Z');
const later = (milliseconds: number) => new Date(now.getTime() + milliseconds);

describe('signatures', () => {
  test('are those of the vector that the Standard Webhooks libraries share', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampSeconds: 1_614_265_330, body: '{"test": 2432232314}' };
    expect(signatureHeader([secret], message)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('of two secrets stand beside each other, the newest first', () => {
    const message = { id: 'msg_1', timestampSeconds: 1, body: 'ä' };
    const of = (bytes: string) => `v1,${createHmac('sha256', bytes).update('msg_1.1.ä').digest('base64')}`;
    const secrets = ['new', 'old'].map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`);
    expect(signatureHeader(secrets, message)).toBe(`${of('new')} ${of('old')}`);
  });
});

describe('retries', () => {
  test('wait longer and longer, for three days in all, then end', () => {
    const waits: number[] = [];
    let at = now;
    for (let tried = 1; ; tried += 1) {
      const next = nextAttemptAt(tried, at, later(TRY_MILLISECONDS), 0.5);
      if (next === null) break;
      waits.push((next.getTime() - at.getTime()) / 1_000);
      at = next;
    }
    expect(waits).toEqual([5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000]);
    expect((at.getTime() - now.getTime()) / 86_400_000).toBeCloseTo(2.98, 2);
  });

  test('are spread by a tenth either way', () => {
    const next = (chance: number) => nextAttemptAt(3, now, later(TRY_MILLISECONDS), chance)?.getTime();
    expect([next(0), next(1)]).toEqual([later(270_000).getTime(), later(330_000).getTime()]);
  });

  test('the longest spread still fits into the time that a delivery is tried', () => {
    let at = now;
    for (let tried = 1; tried <= 10; tried += 1) at = nextAttemptAt(tried, at, later(TRY_MILLISECONDS), 1) ?? now;
    expect(at.getTime()).toBeGreaterThan(later(3 * 86_400_000).getTime());
  });

  test('end with the time that a delivery is tried', () => expect(nextAttemptAt(1, now, later(4_000), 0.5)).toBeNull());

  test.each([
    [200, 'SUCCESS'],
    [204, 'SUCCESS'],
    [301, 'FAILURE'],
    [410, 'GONE'],
    [404, 'FAILURE'],
    [500, 'FAILURE'],
  ])('%d is %s', (status, verdict) => expect(judgeAttempt({ status, failure: null })).toBe(verdict));
});

describe('the circuit', () => {
  const well: Health = { failureCount: 0, openedCount: 0, openUntil: null };
  const failed = (count: number) => Array.from({ length: count }).reduce<Health>((health) => healthAfter(health, false, now), well);

  test('opens with the fifth failure, for a minute', () => {
    expect(circuitOf(failed(4), now)).toBe('CLOSED');
    expect(failed(5).openUntil).toEqual(later(60_000));
    expect(circuitOf(failed(5), now)).toBe('OPEN');
    expect(circuitOf(failed(5), later(60_000))).toBe('HALF_OPEN');
  });

  test('opens for twice as long after each probe that fails, at most an hour', () => {
    let health = failed(5);
    const minutes: number[] = [];
    for (let probe = 1; probe <= 7; probe += 1) {
      const at = health.openUntil ?? now;
      health = healthAfter(health, false, at);
      minutes.push(((health.openUntil?.getTime() ?? 0) - at.getTime()) / 60_000);
    }
    expect(minutes).toEqual([2, 4, 8, 16, 32, 60, 60]);
  });

  test('closes with a success, and failures that were under way do not prolong it', () => {
    expect(healthAfter(failed(7), true, now)).toEqual(well);
    expect(healthAfter(failed(5), false, later(1_000)).openUntil).toEqual(failed(5).openUntil);
  });
});

describe('slots', () => {
  const slots = { total: 8, perEndpoint: 4 };
  test.each([
    ['an idle process gives a healthy endpoint its four', { all: 0, endpoint: 0 }, true, 4],
    ['one that fails has one', { all: 0, endpoint: 0 }, false, 1],
    ['one that fails and is called waits', { all: 1, endpoint: 1 }, false, 0],
    ['while half are taken, everybody has one', { all: 4, endpoint: 0 }, true, 1],
    ['and nobody a second', { all: 4, endpoint: 1 }, true, 0],
    ['when all are taken nobody has any', { all: 8, endpoint: 0 }, true, 0],
  ])('%s', (_, under, isHealthy, free) => expect(freeSlots(slots, under, isHealthy)).toBe(free));
});

describe('permissions', () => {
  const viewer = { permissions: new Set(['ORDERS_READ', 'WALLET_READ', 'CARD_KEYS_REVEAL', 'WEBHOOKS_MANAGE'] as const) };
  test('are all that the maker may read, when none are named', () =>
    expect(grantedPermissions(viewer, null)).toEqual(['ORDERS_READ', 'WALLET_READ']));
  test('that the maker lacks are refused', () => expect(grantedPermissions(viewer, ['STOCK_READ'])).toMatchObject({ kind: 'NOT_ALLOWED' }));
  test('to reveal card keys or to do anything are refused, whoever has them', () =>
    expect(grantedPermissions(viewer, ['CARD_KEYS_REVEAL'])).toMatchObject({ kind: 'INVALID_INPUT', field: 'permissions' }));
  test('that were given and are still held are what counts', () => {
    const endpoint = {
      networkId: 'n',
      party: { kind: 'STATION', stationId: 's' } as const,
      actor: { kind: 'API_KEY', apiKeyId: 'k' } as const,
      permissions: ['ORDERS_READ', 'WALLET_READ', 'CARD_KEYS_REVEAL'],
    };
    expect(endpointViewer(endpoint, new Set(['ORDERS_READ', 'CARD_KEYS_REVEAL']))?.permissions).toEqual(new Set(['ORDERS_READ']));
    expect(endpointViewer(endpoint, null)).toBeNull();
  });
});

test('an answer is kept as a kilobyte of text that a column can hold', () => {
  expect(answerText(Buffer.from(`a\0b${'x'.repeat(2_000)}`))).toBe(`ab${'x'.repeat(1_021)}`);
});
