import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONNECTOR_KINDS, type ConnectorAbilities, type UpstreamCardKey, type UpstreamOutcome } from '#server/connectors/connector.ts';
import { connectorOf } from '#server/connectors/connectors.ts';
import { money, toAmountString } from '#server/platform/money.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import {
  type AccountHealth,
  type AttemptFacts,
  breakerAt,
  type Decision,
  healthAfter,
  judgeReply,
  keyShapeOf,
  looksLikeKey,
  NO_CALLS,
  REQUEST_KEY_LENGTH,
  requestKeyFrom,
  tallied,
} from '#server/purchases/rules.ts';
import { APOLOGY } from '#test/simulators/shop.ts';

const START = new Date('2026-11-22T10:00:00Z');
const after = (seconds: number) => new Date(START.getTime() + seconds * 1000);
const ABILITIES: ConnectorAbilities = {
  canQuery: true,
  resendIsSafe: false,
  resendBringsGoods: false,
  requestKeyLengthMax: 64,
  callsAtOnceMax: 4,
  notFoundAfterSeconds: 60,
  callsBack: false,
};
const FACTS: AttemptFacts = {
  state: 'SENT',
  connectorKind: 'KASUSHOU_V2',
  quantity: 2,
  goodsKind: 'CARD_KEY',
  quotedCost: money('92.00', 'CNY'),
  costLimit: money('120.00', 'CNY'),
  rate: '1',
  sentAt: START,
  acceptedAt: null,
  upstreamRef: null,
  queryCount: 1,
  notFoundCount: 0,
};
const keys = (...secrets: string[]): UpstreamCardKey[] => secrets.map((secret) => ({ number: null, secret }));
const succeeded = (cardKeys: readonly UpstreamCardKey[], cost: string | null = '92.00'): UpstreamOutcome => {
  return { kind: 'SUCCEEDED', upstreamRef: 'u1', cost, cardKeys };
};
const judge = (
  outcome: UpstreamOutcome,
  facts: Partial<AttemptFacts> = {},
  over: { seconds?: number; abilities?: Partial<ConnectorAbilities> } = {},
) =>
  judgeReply(
    {
      attempt: { ...FACTS, ...facts },
      abilities: { ...ABILITIES, ...over.abilities },
      shape: null,
      now: after(over.seconds ?? 5),
      chance: 0.5,
    },
    outcome,
  );
const told = (decision: Decision) =>
  decision.kind === 'GOODS' ? { ...decision, cost: toAmountString(decision.cost), cardKeys: decision.cardKeys.length } : decision;

describe('request keys', () => {
  test('have 19 characters of [a-z0-9], a letter first, and fit every protocol', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(requestKeyFrom(bytes)).toMatch(/^[a-z][a-z0-9]{18}$/);
      }),
    );
    const ground = { outgoing: createOutgoing({ allowedHosts: [] }), clock: () => START };
    for (const kind of CONNECTOR_KINDS)
      expect(connectorOf(kind, ground).abilities.requestKeyLengthMax).toBeGreaterThanOrEqual(REQUEST_KEY_LENGTH);
  });

  test('differ wherever the bytes do', () => {
    const made = Array.from({ length: 1000 }, (_, index) => requestKeyFrom(Buffer.from(index.toString(16).padStart(32, '0'), 'hex')));
    expect(new Set(made).size).toBe(1000);
  });
});

describe('goods', () => {
  test('as they were ordered are taken at what they cost', () => {
    expect(told(judge(succeeded(keys('AAAA-1111', 'BBBB-2222'))))).toEqual({
      kind: 'GOODS',
      cardKeys: 2,
      deliveredQuantity: 2,
      cost: '92.00',
      discrepancies: [],
    });
  });

  test('whose cost is not told cost what was quoted, in proportion to what came', () => {
    expect(told(judge(succeeded(keys('AAAA-1111', 'BBBB-2222'), null)))).toMatchObject({ cost: '92.00' });
    expect(told(judge(succeeded(keys('AAAA-1111'), null)))).toMatchObject({ cost: '46.00', discrepancies: ['SHORT'] });
  });

  test('in another currency cost what its rate makes of it', () => {
    expect(told(judge(succeeded(keys('AAAA-1111', 'BBBB-2222'), '12.70'), { rate: '7.18' }))).toMatchObject({ cost: '91.19' });
  });

  test.each([
    ['too few', succeeded(keys('AAAA-1111')), ['SHORT']],
    ['one key twice', succeeded(keys('AAAA-1111', 'AAAA-1111')), ['SHORT']],
    ['too many', succeeded(keys('AAAA-1111', 'BBBB-2222', 'CCCC-3333')), ['TOO_MANY']],
    ['dearer than quoted, within the limit', succeeded(keys('AAAA-1111', 'BBBB-2222'), '92.01'), ['DEARER']],
    ['too few and dearer', succeeded(keys('AAAA-1111'), '99.00'), ['SHORT', 'DEARER']],
  ])('that are not as agreed are kept with a claim: %s', (_, outcome, discrepancies) => {
    expect(told(judge(outcome))).toMatchObject({ kind: 'GOODS', discrepancies });
  });

  test.each([
    ['none', succeeded([]), 'NO_GOODS'],
    ['an apology', succeeded(keys(APOLOGY)), 'WRONG_GOODS'],
    ['a key and an apology', succeeded(keys('AAAA-1111', APOLOGY)), 'WRONG_GOODS'],
    ['a control character', succeeded(keys('AAAA-1111', 'BBBB\u00072222')), 'WRONG_GOODS'],
    ['above the limit', succeeded(keys('AAAA-1111', 'BBBB-2222'), '120.01'), 'TOO_DEAR'],
    ['a negative cost', succeeded(keys('AAAA-1111', 'BBBB-2222'), '-1.00'), 'WRONG_COST'],
    ['a cost that is no number', succeeded(keys('AAAA-1111', 'BBBB-2222'), 'NaN'), 'WRONG_COST'],
  ])('that nobody may get are asked for twice, then a person decides: %s', (_, outcome, attention) => {
    expect(judge(outcome, { queryCount: 0 })).toMatchObject({ kind: 'WAIT', state: 'UNKNOWN', attention: null, dueAt: after(7) });
    expect(judge(outcome)).toMatchObject({ kind: 'WAIT', state: 'UNKNOWN', attention, dueAt: null });
    const cannotAsk = { canQuery: false, resendIsSafe: true, resendBringsGoods: false };
    expect(judge(outcome, { queryCount: 0 }, { abilities: cannotAsk })).toMatchObject({ attention });
  });

  test('a top-up that is done is the whole of it', () => {
    expect(told(judge(succeeded([]), { goodsKind: 'TOP_UP', quantity: 1 }))).toMatchObject({
      kind: 'GOODS',
      deliveredQuantity: 1,
      cost: '92.00',
    });
  });

  test('without a limit a loss is the owner’s', () => {
    expect(told(judge(succeeded(keys('AAAA-1111', 'BBBB-2222'), '500.00'), { costLimit: null }))).toMatchObject({
      discrepancies: ['DEARER'],
    });
  });
});

describe('what card keys look like', () => {
  const known = (...secrets: string[]) => keyShapeOf(secrets.map((secret) => ({ number: null, secret })));
  const fits = (secret: string, shape: ReturnType<typeof known>) => looksLikeKey({ number: null, secret }, shape);

  test('beside known keys: their letters, about their length', () => {
    const shape = known('ABCD-EFGH-1234', 'ZZZZ-YYYY-9876');
    expect(fits('QWER-TZUI-5555', shape)).toBe(true);
    expect(fits('缺货，请联系客服', shape)).toBe(false);
    expect(fits('ABC', shape)).toBe(false);
    expect(fits('A'.repeat(40), shape)).toBe(false);
  });

  test('a SKU whose keys are sentences takes sentences', () => {
    expect(fits('账号 ab12 密码 99xy 请尽快修改', known('账号 cd34 密码 77zz 请尽快修改'))).toBe(true);
  });

  test('without known keys: no sentence', () => {
    expect(fits('卡号:8899 密码:ABCD1234', null)).toBe(true);
    expect(fits('XXXX-YYYY-ZZZZ', null)).toBe(true);
    expect(fits(APOLOGY, null)).toBe(false);
    expect(fits('sorry we are out of stock please ask the customer service', null)).toBe(false);
  });
});

describe('what is not known', () => {
  const timeout: UpstreamOutcome = { kind: 'UNKNOWN', reason: 'TIMEOUT', message: '' };

  test('is asked for after two seconds, then with pauses that double up to a minute, and five after an hour', () => {
    const pause = (queryCount: number, seconds: number) => {
      const decision = judge(timeout, { queryCount }, { seconds });
      return decision.kind === 'WAIT' && decision.dueAt ? (decision.dueAt.getTime() - after(seconds).getTime()) / 1000 : null;
    };
    expect([0, 1, 2, 3, 4, 5, 20].map((count) => pause(count, 10))).toEqual([2, 4, 8, 16, 32, 60, 60]);
    expect(pause(60, 3601)).toBe(300);
  });

  test('for a quarter of an hour is shown to a person, and asked for still', () => {
    expect(judge(timeout, {}, { seconds: 901 })).toMatchObject({ attention: 'UNKNOWN_TOO_LONG', dueAt: expect.any(Date) });
    expect(judge({ kind: 'PENDING', upstreamRef: 'u1' }, {}, { seconds: 7201 })).toMatchObject({
      state: 'SENT',
      attention: 'PENDING_TOO_LONG',
    });
  });

  test('at an upstream that can neither be asked nor told again is a person’s', () => {
    const abilities = { canQuery: false, resendIsSafe: false };
    expect(judge(timeout, {}, { abilities })).toMatchObject({ kind: 'WAIT', attention: 'CANNOT_ASK', dueAt: null });
    expect(judge({ kind: 'ALREADY_SENT' }, {}, { abilities: { canQuery: false, resendIsSafe: true } })).toMatchObject({
      attention: 'GOODS_LOST',
      dueAt: null,
    });
  });

  test('"not found" is a refusal only after the upstream’s delay, and twice', () => {
    const notFound: UpstreamOutcome = { kind: 'NOT_FOUND' };
    expect(judge(notFound, { notFoundCount: 5 }, { seconds: 59 })).toMatchObject({ kind: 'WAIT', notFoundCount: 0 });
    expect(judge(notFound, {}, { seconds: 60 })).toMatchObject({ kind: 'WAIT', notFoundCount: 1 });
    expect(judge(notFound, { notFoundCount: 1 }, { seconds: 63 })).toEqual({ kind: 'REJECTED', reason: 'NOT_FOUND', message: '' });
    expect(judge(notFound, { notFoundCount: 1, upstreamRef: 'u1' }, { seconds: 63 })).toMatchObject({
      kind: 'WAIT',
      reason: 'CONTRADICTION',
    });
    // an answer between the two begins the count anew
    expect(judge(timeout, { notFoundCount: 1 }, { seconds: 63 })).toMatchObject({ notFoundCount: 0 });
  });

  test('by hand waits for a person from the start', () => {
    expect(judge({ kind: 'PENDING', upstreamRef: null }, { connectorKind: 'MANUAL' })).toMatchObject({
      state: 'SENT',
      attention: 'MANUAL',
      dueAt: null,
    });
  });
});

/** Any answer that an upstream may give. */
const anyOutcome: fc.Arbitrary<UpstreamOutcome> = fc.oneof(
  fc.constant<UpstreamOutcome>({ kind: 'PENDING', upstreamRef: 'u1' }),
  fc.constant<UpstreamOutcome>({ kind: 'NOT_FOUND' }),
  fc.constant<UpstreamOutcome>({ kind: 'ALREADY_SENT' }),
  fc.constant<UpstreamOutcome>({ kind: 'UNKNOWN', reason: 'TIMEOUT', message: '' }),
  fc.constant<UpstreamOutcome>({ kind: 'REJECTED', reason: 'OUT_OF_STOCK', message: '', upstreamRef: null }),
  fc
    .tuple(
      fc.array(fc.constantFrom('AAAA-1111', 'BBBB-2222', 'CCCC-3333', APOLOGY), { maxLength: 4 }),
      fc.constantFrom('92.00', '100.00', '130.00', '-1', null),
    )
    .map(([secrets, cost]) => succeeded(keys(...secrets), cost)),
);

/** What is wrong with a decision about an attempt that stands so; null when nothing is. */
function breachOf(decision: Decision, outcome: UpstreamOutcome, { state, notFoundCount }: AttemptFacts, seconds: number): string | null {
  const isLate = state === 'REJECTED';
  switch (decision.kind) {
    case 'STANDS':
      return isLate ? null : 'nothing was decided';
    case 'REJECTED': {
      // only a plain refusal, or two agreeing "not found" after the delay
      const isRefusal = outcome.kind === 'REJECTED' || (outcome.kind === 'NOT_FOUND' && seconds >= 60 && notFoundCount === 1);
      return isRefusal && !isLate ? null : 'given up without a refusal';
    }
    case 'WAIT':
      if (isLate) return 'what had ended waits again';
      return decision.dueAt === null && decision.attention === null ? 'it waits for ever, and nobody knows' : null;
    case 'GOODS':
      if (isLate && decision.discrepancies.join() !== 'SURPLUS') return 'delivered after it had been given up';
      if (decision.deliveredQuantity < 1) return 'nothing was taken for goods';
      return decision.cardKeys.some(({ secret }) => secret === APOLOGY) ? 'an apology was taken for a key' : null;
  }
}

/** The attempt as it stands after a decision; null once it has succeeded. */
function standingAfter(facts: AttemptFacts, decision: Decision, outcome: UpstreamOutcome, seconds: number): AttemptFacts | null {
  if (decision.kind === 'GOODS') return null;
  if (decision.kind === 'REJECTED') return { ...facts, state: 'REJECTED' };
  if (decision.kind === 'STANDS') return facts;
  return {
    ...facts,
    state: decision.state,
    queryCount: facts.queryCount + 1,
    notFoundCount: decision.notFoundCount,
    acceptedAt: decision.isAccepted ? (facts.acceptedAt ?? after(seconds)) : facts.acceptedAt,
    upstreamRef: facts.upstreamRef ?? ('upstreamRef' in outcome ? outcome.upstreamRef : null),
  };
}

describe('whatever an upstream answers, in whatever order', () => {
  test('an attempt that ended stays ended, but for a late success, which is SURPLUS; others are asked only after a refusal', () => {
    const answers = fc.array(fc.tuple(anyOutcome, fc.integer({ min: 1, max: 120 })), { maxLength: 20 });
    fc.assert(
      fc.property(answers, fc.boolean(), (told, canQuery) => {
        const breaches: string[] = [];
        let facts: AttemptFacts | null = { ...FACTS, queryCount: 0 };
        let seconds = 0;
        for (const [outcome, later] of told) {
          if (facts === null) break;
          seconds += later;
          const decision = judge(outcome, facts, { seconds, abilities: { canQuery } });
          const breach = breachOf(decision, outcome, facts, seconds);
          if (breach !== null) breaches.push(breach);
          facts = standingAfter(facts, decision, outcome, seconds);
        }
        expect(breaches).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the breaker of an account', () => {
  const healthy: AccountHealth = {
    breaker: 'CLOSED',
    windowStart: START,
    callCount: 0,
    failureCount: 0,
    slowCount: 0,
    openedCount: 0,
    openUntil: null,
    probeUntil: null,
  };
  const timeout: UpstreamOutcome = { kind: 'UNKNOWN', reason: 'TIMEOUT', message: '' };
  const call = (outcome: UpstreamOutcome, isProbe = false, durationMs = 50) =>
    tallied(NO_CALLS, { outcome, durationMs, isProbe, endedAt: START });
  const good = succeeded(keys('AAAA-1111'));

  const calls = (pattern: string, health = healthy, durationMs = 50) =>
    pattern
      .split('')
      .reduce(
        (each, letter, index) => healthAfter(each, call(letter === 'x' ? timeout : good, false, durationMs), after(index * 0.1)),
        health,
      );

  test.each([
    ['four failures and nothing else', 'xxxx', 'CLOSED'],
    ['five failures and nothing else', 'xxxxx', 'OPEN'],
    ['a success among few', 'xx.xxx', 'CLOSED'],
    ['half of twenty', '.x.x.x.x.x.x.x.x.x.x', 'OPEN'],
    ['a third of thirty', '.x..x..x..x..x..x..x..x..x..x.', 'CLOSED'],
  ])('%s: %s', (_, pattern, breaker) => {
    expect(calls(pattern).breaker).toBe(breaker);
  });

  test('opens for slowness alone', () => {
    expect(calls('.'.repeat(20), healthy, 6_000).breaker).toBe('OPEN');
    expect(calls('.'.repeat(20), healthy, 4_000).breaker).toBe('CLOSED');
  });

  test('is open for five seconds, lets one probe through, and twice as long each time that it fails', () => {
    const opened = calls('xxxxx');
    expect(breakerAt(opened, after(5))).toBe('OPEN');
    expect(breakerAt(opened, after(6))).toBe('PROBE');
    const probing = { ...opened, breaker: 'HALF_OPEN' as const, probeUntil: after(30) };
    expect(breakerAt(probing, after(10))).toBe('OPEN');
    // whoever probed has died
    expect(breakerAt(probing, after(31))).toBe('PROBE');
    const again = healthAfter(probing, call(timeout, true), after(7));
    expect(again).toMatchObject({ breaker: 'OPEN', openUntil: after(17), openedCount: 2 });
    expect(healthAfter(again, call(good, true), after(20))).toMatchObject({ breaker: 'CLOSED', callCount: 0 });
  });

  test('hears of no call but the probe while it is open', () => {
    const opened = calls('xxxxx');
    expect(healthAfter(opened, call(good), after(2))).toEqual(opened);
    expect(healthAfter(opened, call(timeout), after(2))).toEqual(opened);
  });

  test('forgets how often it has opened after a window of good health', () => {
    const closed = healthAfter({ ...calls('xxxxx'), breaker: 'HALF_OPEN', probeUntil: after(9) }, call(good, true), after(7));
    expect(closed.openedCount).toBe(1);
    const well = healthAfter(healthAfter(closed, call(good), after(8)), call(good), after(19));
    expect(well.openedCount).toBe(0);
  });
});
