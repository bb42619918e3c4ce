import { Decimal } from 'decimal.js';

// Money is kept as a whole number of ten-thousandths: unit prices have four decimals, totals have the currency's,
// so every amount of the domain is exact and a sum costs one integer addition. `decimalOf` is the same value on
// decimal.js; the property tests hold every function here against it.

/** Currencies that a network may choose, with the decimals of their totals (domain §3). Two is what the tables hold. */
const DECIMALS = { CNY: 2, HKD: 2, TWD: 2, USD: 2, EUR: 2, GBP: 2, SGD: 2, JPY: 0, KRW: 0 } as const;

/** ISO 4217 code of a currency that Fenzhan knows. */
export type CurrencyCode = keyof typeof DECIMALS;

/** A number with four decimals, counted in ten-thousandths: 1.5 is 15000n. Used for percentages and unit prices. */
export type Decimal4 = bigint;

/** An amount in a currency, exact to 1/10000 and immutable. Never read `tenThousandths` outside rules.ts, money.ts and allocate.ts. */
export type Money = { readonly tenThousandths: Decimal4; readonly currency: CurrencyCode };

/** AMOUNT: the currency's decimals (CNY 2). UNIT_PRICE: four decimals. */
export type Precision = 'AMOUNT' | 'UNIT_PRICE';

const ONE = 10_000n;
const DECIMAL4_TEXT = /^(-?)(\d{1,24})(?:\.(\d{1,4})0*)?$/;

/** Every currency that a network may choose. */
export const currencyCodes = Object.keys(DECIMALS) as readonly CurrencyCode[];

/** The code as a known currency; an unknown one throws (a row or a setting is wrong). */
export function currencyCode(text: string): CurrencyCode {
  if (!Object.hasOwn(DECIMALS, text)) throw new Error(`unknown currency ${text}`);
  return text as CurrencyCode;
}

/** Decimals of a total in this currency: CNY 2, JPY 0. */
export function currencyDecimals(currency: CurrencyCode): number {
  return DECIMALS[currency];
}

/** Ten-thousandths in the smallest unit of the currency: 100n for CNY (one fen). */
export function minorUnit(currency: CurrencyCode): Decimal4 {
  return DECIMALS[currency] === 2 ? 100n : ONE;
}

/** Reads '12.30' or '-0.0001' (at most four decimals that count, no exponent); anything else throws. */
export function decimal4(text: string): Decimal4 {
  const parts = DECIMAL4_TEXT.exec(text);
  if (!parts) throw new Error(`not a number with at most four decimals: ${text}`);
  const magnitude = BigInt(parts[2] + (parts[3] ?? '').padEnd(4, '0'));
  return parts[1] === '-' ? -magnitude : magnitude;
}

/** '1.5000' for 15000n: the text that NUMERIC(18,4) takes. */
export function decimal4Text(value: Decimal4): string {
  return fixed(value, 4);
}

/** Money from a decimal text such as a NUMERIC column or a validated input; more than four decimals throws. */
export function money(amount: string, currency: CurrencyCode): Money {
  return { tenThousandths: decimal4(amount), currency };
}

/** Money from a count of ten-thousandths, for the rules that calculate in them. */
export function moneyOf(tenThousandths: Decimal4, currency: CurrencyCode): Money {
  return { tenThousandths, currency };
}

/** 0.00 in the currency. */
export function zeroMoney(currency: CurrencyCode): Money {
  return { tenThousandths: 0n, currency };
}

/** True for an exact, non-negative total below 10^14 in the currency: '12.30' and '12' are for CNY, '12.345' and '-1' are not. */
export function isAmountText(text: string, currency: CurrencyCode): boolean {
  const parts = DECIMAL4_TEXT.exec(text);
  return parts !== null && parts[1] === '' && (parts[2] ?? '').length <= 14 && decimal4(text) % minorUnit(currency) === 0n;
}

/** a + b; two currencies throw. */
export function addMoney(a: Money, b: Money): Money {
  sameCurrency(a, b);
  return { tenThousandths: a.tenThousandths + b.tenThousandths, currency: a.currency };
}

/** a − b; two currencies throw. */
export function subtractMoney(a: Money, b: Money): Money {
  sameCurrency(a, b);
  return { tenThousandths: a.tenThousandths - b.tenThousandths, currency: a.currency };
}

/** −a. */
export function negateMoney(a: Money): Money {
  return { tenThousandths: -a.tenThousandths, currency: a.currency };
}

/** Negative when a < b, 0 when equal, positive when a > b; two currencies throw. */
export function compareMoney(a: Money, b: Money): -1 | 0 | 1 {
  sameCurrency(a, b);
  return a.tenThousandths < b.tenThousandths ? -1 : a.tenThousandths > b.tenThousandths ? 1 : 0;
}

/** The smaller of the two; two currencies throw. */
export function minMoney(a: Money, b: Money): Money {
  return compareMoney(a, b) <= 0 ? a : b;
}

/** The larger of the two; two currencies throw. */
export function maxMoney(a: Money, b: Money): Money {
  return compareMoney(a, b) >= 0 ? a : b;
}

/** True for exactly zero. */
export function isZero(a: Money): boolean {
  return a.tenThousandths === 0n;
}

/** True below zero. */
export function isNegative(a: Money): boolean {
  return a.tenThousandths < 0n;
}

/** The sum; an empty list is zero of the currency, another currency in the list throws. */
export function sumMoney(list: Iterable<Money>, currency: CurrencyCode): Money {
  let tenThousandths = 0n;
  for (const item of list) {
    if (item.currency !== currency) throw new Error(`${item.currency} in a sum of ${currency}`);
    tenThousandths += item.tenThousandths;
  }
  return { tenThousandths, currency };
}

/** a × numerator ÷ denominator, rounded once, half away from zero, to the precision named. */
export function scaleMoney(a: Money, numerator: bigint, denominator: bigint, precision: Precision): Money {
  const unit = precision === 'AMOUNT' ? minorUnit(a.currency) : 1n;
  return { tenThousandths: roundedQuotient(a.tenThousandths * numerator, denominator * unit) * unit, currency: a.currency };
}

/** The one place that rounds: numerator ÷ denominator to a whole number, half away from zero (domain §3). */
export function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  if (denominator <= 0n) throw new Error('a divisor must be positive');
  const half = numerator < 0n ? -denominator : denominator;
  return (2n * numerator + half) / (2n * denominator);
}

/** '12.30': the amount with the currency's decimals. Throws for a finer amount: a total is rounded before it is shown or stored. */
export function toAmountString(a: Money): string {
  const decimals = DECIMALS[a.currency];
  const unit = minorUnit(a.currency);
  if (a.tenThousandths % unit !== 0n) throw new Error(`${decimal4Text(a.tenThousandths)} ${a.currency} is finer than the currency`);
  return fixed(a.tenThousandths / unit, decimals);
}

/** '48.2750': a unit price with its four decimals. */
export function toUnitPriceString(a: Money): string {
  return fixed(a.tenThousandths, 4);
}

/** The same value on decimal.js, for arithmetic that is not on the money path. */
export function decimalOf(a: Money): Decimal {
  return new Decimal(fixed(a.tenThousandths, 4));
}

function sameCurrency(a: Money, b: Money): void {
  if (a.currency !== b.currency) throw new Error(`${a.currency} and ${b.currency} do not mix`);
}

function fixed(units: bigint, decimals: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  if (decimals === 0) return sign + digits;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
