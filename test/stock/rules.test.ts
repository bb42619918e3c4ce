import { describe, expect, test } from 'vitest';
import type { OfferCandidate } from '#server/offers/rules.ts';
import { money } from '#server/platform/money.ts';
import { backOffSeconds, planPurchase, ruleProblem, wantedQuantity } from '#server/replenishment/rules.ts';
import { createTextReader, forecastStock, LINE_CHARACTERS_MAX, readCardKeyFile, readRows } from '#server/stock/rules.ts';

describe('a forecast', () => {
  const today = '2026-11-22';
  test.each([
    ['of a SKU that sold 60 in 30 days', 100, { soldBefore: 60, soldToday: 9, createdOn: '2026-01-01' }, [30, 60, 50]],
    ['of a SKU that is ten days old looks at ten days', 100, { soldBefore: 20, soldToday: 9, createdOn: '2026-11-12' }, [10, 20, 50]],
    ['on the first day looks at today', 12, { soldBefore: 0, soldToday: 6, createdOn: today }, [1, 6, 2]],
    ['of what did not sell tells nothing', 100, { soldBefore: 0, soldToday: 0, createdOn: '2026-01-01' }, [30, 0, null]],
    ['of an empty shelf is no day', 0, { soldBefore: 1, soldToday: 0, createdOn: '2026-01-01' }, [30, 1, 0]],
    ['counts whole days only', 10, { soldBefore: 31, soldToday: 0, createdOn: '2026-01-01' }, [30, 31, 9]],
  ] as const)('%s', (_, available, sales, [observedDays, soldCount, daysLeft]) => {
    expect(forecastStock(available, { ...sales, today })).toEqual({ observedDays, soldCount, daysLeft });
  });
});

describe('a file that comes in pieces', () => {
  const text = '1001----aa\r\n\r\n1002\tbb\rC3\n1004  dd\n';
  test.each([1, 2, 3, 7, 11, 100])('of %i characters is read as in one', (size) => {
    const reader = createTextReader();
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size));
    const rows = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
    const whole = readCardKeyFile(text, 'TEXT');
    expect(whole).toMatchObject({ keys: [{ line: 1 }, { line: 3 }, { line: 4 }, { line: 5 }] });
    expect({ kind: 'READ', ...readRows(rows) }).toEqual(whole);
  });

  test('holds nothing of a line that does not end, and names it once', () => {
    const reader = createTextReader();
    const rows = [
      reader.push('good-1\n'),
      ...Array.from({ length: 50 }, () => reader.push('x'.repeat(LINE_CHARACTERS_MAX))),
      reader.push('\ngood-2\n'),
    ];
    expect(readRows([...rows.flat(), ...reader.end()])).toEqual({
      keys: [
        { line: 1, number: null, secret: 'good-1' },
        { line: 3, number: null, secret: 'good-2' },
      ],
      problems: [{ line: 2, code: 'TOO_LONG' }],
    });
  });
});

describe('replenishment', () => {
  const terms = { isEnabled: true, thresholdCount: 10, thresholdDays: null, targetCount: 100, dailyBudget: '500.00', approvalLimit: '100' };
  test.each([
    ['at the threshold there is enough', { thresholdCount: 10, thresholdDays: null }, { availableCount: 10, daysLeft: 1 }, null],
    ['below it, up to the target', { thresholdCount: 10, thresholdDays: null }, { availableCount: 9, daysLeft: null }, 91],
    ['by days, where they are known', { thresholdCount: null, thresholdDays: 7 }, { availableCount: 60, daysLeft: 6 }, 40],
    ['by days, where nothing sells', { thresholdCount: null, thresholdDays: 7 }, { availableCount: 0, daysLeft: null }, null],
    ['never above the target', { thresholdCount: null, thresholdDays: 7 }, { availableCount: 100, daysLeft: 1 }, null],
  ] as const)('%s', (_, threshold, stock, wanted) => {
    expect(wantedQuantity({ ...threshold, targetCount: 100 }, stock)).toBe(wanted);
  });

  test.each([
    ['thresholdCount', { thresholdCount: null }],
    ['thresholdCount', { thresholdCount: 0 }],
    ['thresholdDays', { thresholdDays: 366 }],
    ['targetCount', { targetCount: 9 }],
    ['dailyBudget', { dailyBudget: '0.00' }],
    ['dailyBudget', { dailyBudget: '-1' }],
    ['approvalLimit', { approvalLimit: '1.001' }],
  ])('a rule is refused for nonsense in %s', (field, over) => {
    expect(ruleProblem({ ...terms, ...over }, 'CNY')).toMatchObject({ field });
    expect(ruleProblem(terms, 'CNY')).toBeNull();
  });

  const offer = (over: Partial<OfferCandidate>): OfferCandidate => ({
    offerId: 'a',
    skuId: 'k',
    ownerId: 'o',
    supplierId: 's',
    accountId: 'c',
    connectorKind: 'MANUAL',
    terms: 'OWN',
    unitCost: money('2.00', 'CNY'),
    upstreamCurrency: 'CNY',
    upstreamUnitCost: '2.0000',
    rate: '1',
    goods: {},
    minQuantity: 1,
    maxQuantity: 1000,
    leadTimeSeconds: 60,
    priority: 100,
    weight: 100,
    capLeft: null,
    isBroken: false,
    stockCount: null,
    successBps: null,
    medianSeconds: null,
    ...over,
  });
  const question = {
    policy: 'CHEAPEST',
    wanted: 91,
    unitSize: 1,
    budgetLeft: money('500.00', 'CNY'),
    excluded: new Set<string>(),
    chance: 0,
  } as const;
  test.each([
    ['what is wanted', {}, ['a', 91]],
    ['as many as the offer sells at once', { maxQuantity: 50 }, ['a', 50]],
    ['at least what the offer sells', { minQuantity: 120 }, ['a', 120]],
    ["what today's cap leaves", { capLeft: 7 }, ['a', 7]],
    ['what the supplier has', { stockCount: 30 }, ['a', 30]],
    ['what the budget pays', { upstreamUnitCost: '20.0000' }, ['a', 25]],
  ] as const)('buys %s', (_, over, [offerId, quantity]) => {
    expect(planPurchase([offer(over)], question)).toMatchObject({ kind: 'PLANNED', offer: { offerId }, quantity });
  });

  test.each([
    ['there is no offer', [], 'NONE'],
    ['its supplier does not answer', [{ isBroken: true }], 'BROKEN'],
    ['the supplier has sold out', [{ stockCount: 0 }], 'OUT_OF_STOCK'],
    ['the budget pays not even one', [{ upstreamUnitCost: '501.0000' }], 'BUDGET'],
    ['the reason nearest to success is told', [{ isBroken: true }, { offerId: 'b', upstreamUnitCost: '501.0000' }], 'BUDGET'],
  ] as const)('buys nothing when %s', (_, offers, reason) => {
    expect(planPurchase(offers.map(offer), question)).toEqual({ kind: 'NOT_PLANNED', reason });
  });

  test('the cheapest is chosen even where another sells more at once, and what failed lately is passed over', () => {
    const offers = [offer({ maxQuantity: 10 }), offer({ offerId: 'b', upstreamUnitCost: '3.0000' })];
    expect(planPurchase(offers, question)).toMatchObject({ offer: { offerId: 'a' }, quantity: 10, upstreamMaxCost: '20.0000' });
    expect(planPurchase(offers, { ...question, excluded: new Set(['a']) })).toMatchObject({ offer: { offerId: 'b' }, quantity: 91 });
  });

  test('failures wait longer and longer, up to an hour', () => {
    expect([1, 2, 3, 8, 30].map(backOffSeconds)).toEqual([30, 60, 120, 3600, 3600]);
  });
});
