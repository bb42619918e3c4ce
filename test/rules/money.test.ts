import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateMoney, allocateShares, spreadEvenly } from '#server/platform/allocate.ts';
import {
  addMoney,
  compareMoney,
  currencyCode,
  currencyDecimals,
  decimal4,
  decimal4Text,
  decimalOf,
  isAmountText,
  maxMoney,
  minMoney,
  money,
  moneyOf,
  negateMoney,
  roundedQuotient,
  scaleMoney,
  subtractMoney,
  sumMoney,
  toAmountString,
  toUnitPriceString,
} from '#server/platform/money.ts';

const RUNS = { numRuns: 2_000, seed: 20261122 };
const Exact = Decimal.clone({ precision: 80, rounding: Decimal.ROUND_HALF_UP });
const anyMoney = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }).map((units) => moneyOf(units, 'CNY'));
const exact = (value: { tenThousandths: bigint }) => new Exact(value.tenThousandths.toString()).div(10_000);

describe('the scaled-integer kernel', () => {
  it('adds, subtracts, negates, sums and compares as decimal.js does', () => {
    fc.assert(
      fc.property(anyMoney, anyMoney, anyMoney, (a, b, c) => {
        expect(decimalOf(addMoney(a, b)).toFixed(4)).toBe(exact(a).plus(exact(b)).toFixed(4));
        expect(decimalOf(subtractMoney(a, b)).toFixed(4)).toBe(exact(a).minus(exact(b)).toFixed(4));
        expect(decimalOf(negateMoney(a)).equals(exact(a).negated())).toBe(true);
        expect(toUnitPriceString(sumMoney([a, b, c], 'CNY'))).toBe(exact(a).plus(exact(b)).plus(exact(c)).toFixed(4));
        expect(compareMoney(a, b)).toBe(exact(a).comparedTo(exact(b)));
        expect(minMoney(a, b)).toEqual(exact(a).lte(exact(b)) ? a : b);
        expect(maxMoney(a, b)).toEqual(exact(a).gte(exact(b)) ? a : b);
      }),
      RUNS,
    );
  });

  it('multiplies and divides with one rounding, half away from zero, as decimal.js does', () => {
    const ratio = fc.record({
      numerator: fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n }),
      denominator: fc.bigInt({ min: 1n, max: 10n ** 7n }),
    });
    fc.assert(
      fc.property(anyMoney, ratio, (a, { numerator, denominator }) => {
        const quotient = exact(a).times(numerator.toString()).div(denominator.toString());
        expect(decimalOf(scaleMoney(a, numerator, denominator, 'AMOUNT')).equals(quotient.toDecimalPlaces(2))).toBe(true);
        expect(decimalOf(scaleMoney(a, numerator, denominator, 'UNIT_PRICE')).equals(quotient.toDecimalPlaces(4))).toBe(true);
      }),
      RUNS,
    );
  });

  it('rounds a half away from zero on both sides', () => {
    const halves: [bigint, bigint, bigint][] = [
      [5n, 10n, 1n],
      [-5n, 10n, -1n],
      [4n, 10n, 0n],
      [-4n, 10n, 0n],
      [15n, 10n, 2n],
      [-15n, 10n, -2n],
      [1n, 3n, 0n],
      [2n, 3n, 1n],
    ];
    for (const [numerator, denominator, rounded] of halves) expect(roundedQuotient(numerator, denominator)).toBe(rounded);
    expect(() => roundedQuotient(1n, 0n)).toThrow('positive');
    expect(() => roundedQuotient(1n, -2n)).toThrow('positive');
  });
});

describe('money as text', () => {
  it('keeps every digit of an amount and of a unit price', () => {
    expect(toAmountString(money('12.3', 'CNY'))).toBe('12.30');
    expect(toAmountString(money('-0.05', 'CNY'))).toBe('-0.05');
    expect(toAmountString(money('99999999999999.99', 'CNY'))).toBe('99999999999999.99');
    expect(toAmountString(money('3032', 'JPY'))).toBe('3032');
    expect(toUnitPriceString(money('48.275', 'CNY'))).toBe('48.2750');
    expect(decimal4Text(decimal4('-0.0001'))).toBe('-0.0001');
    expect(toUnitPriceString(money('1.000000', 'CNY'))).toBe('1.0000');
  });

  it('is refused where it is not a plain decimal, or finer than it may be', () => {
    for (const wrong of ['', '1.', '.5', '1e3', '1,000', '+1', ' 1', '0.00001', 'NaN', '１']) expect(() => decimal4(wrong)).toThrow();
    expect(() => toAmountString(money('0.001', 'CNY'))).toThrow('finer');
    expect(() => toAmountString(money('0.5', 'JPY'))).toThrow('finer');
    expect(['12', '12.3', '12.30', '12.300', '0'].map((text) => isAmountText(text, 'CNY'))).toEqual([true, true, true, true, true]);
    expect(['12.305', '-1', '', 'x', '1e2', '123456789012345'].map((text) => isAmountText(text, 'CNY'))).not.toContain(true);
    expect([isAmountText('12.5', 'JPY'), isAmountText('12', 'JPY')]).toEqual([false, true]);
  });

  it('knows its currencies', () => {
    expect(currencyDecimals('CNY')).toBe(2);
    expect(currencyDecimals('JPY')).toBe(0);
    expect(currencyCode('CNY')).toBe('CNY');
    expect(() => currencyCode('XXX')).toThrow('unknown currency');
    expect(() => currencyCode('toString')).toThrow('unknown currency');
  });

  it('never mixes two currencies', () => {
    const yuan = money('1.00', 'CNY');
    const dollar = money('1.00', 'USD');
    for (const mix of [addMoney, subtractMoney, compareMoney, minMoney, maxMoney]) expect(() => mix(yuan, dollar)).toThrow('do not mix');
    expect(() => sumMoney([yuan, dollar], 'CNY')).toThrow('USD in a sum of CNY');
  });
});

describe('largest-remainder allocation', () => {
  it("spreads a lot's cost over its keys to the cent, the first keys one cent dearer", () => {
    expect(spreadEvenly(money('100.00', 'CNY'), 3).map(toAmountString)).toEqual(['33.34', '33.33', '33.33']);
    expect(spreadEvenly(money('0.02', 'CNY'), 3).map(toAmountString)).toEqual(['0.01', '0.01', '0.00']);
    expect(spreadEvenly(money('1000', 'JPY'), 3).map(toAmountString)).toEqual(['334', '333', '333']);
    expect(() => spreadEvenly(money('1.00', 'CNY'), 0)).toThrow('denominator');
  });

  it('gives the cents left over to the largest remainders, ties to the earliest', () => {
    expect(allocateShares({ numerators: [740n, 444n, 296n], denominator: 10n, together: 148n })).toEqual([74n, 44n, 30n]);
    expect(allocateShares({ numerators: [5n, 5n], denominator: 2n, together: 5n })).toEqual([3n, 2n]);
    expect(allocateMoney(money('10.00', 'CNY'), [1n, 5n, 1n]).map(toAmountString)).toEqual(['1.43', '7.14', '1.43']);
  });

  it('always sums to the amount, and no part is a whole cent away from its exact share', () => {
    const weights = fc
      .array(fc.bigInt({ min: 0n, max: 10n ** 6n }), { minLength: 1, maxLength: 40 })
      .filter((list) => list.some((weight) => weight > 0n));
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 10n }), weights, (cents, list) => {
        const amount = moneyOf(cents * 100n, 'CNY');
        const parts = allocateMoney(amount, list);
        expect(toAmountString(sumMoney(parts, 'CNY'))).toBe(toAmountString(amount));
        const all = list.reduce((sum, weight) => sum + weight, 0n);
        parts.forEach((part, index) => {
          const share = exact(amount)
            .times((list[index] ?? 0n).toString())
            .div(all.toString());
          expect(decimalOf(part).minus(share).abs().lt('0.01')).toBe(true);
        });
      }),
      RUNS,
    );
  });

  it('refuses shares that do not belong to the total', () => {
    expect(() => allocateShares({ numerators: [1n], denominator: 1n, together: 3n })).toThrow('left over');
    expect(() => allocateShares({ numerators: [3n], denominator: 1n, together: 2n })).toThrow('left over');
    expect(() => allocateShares({ numerators: [-1n, 2n], denominator: 1n, together: 1n })).toThrow('negative');
    expect(() => allocateMoney(money('0.001', 'CNY'), [1n])).toThrow('minor units');
    expect(() => allocateMoney(money('1.00', 'CNY'), [0n])).toThrow('denominator');
  });
});
