import { type Money, minorUnit, moneyOf } from './money.ts';

/** Exact shares numerators[i] ÷ denominator (in minor units) that must together give `together`. */
export type Shares = { numerators: readonly bigint[]; denominator: bigint; together: bigint };

/**
 * Largest remainder: every exact share is floored, the units that are left go to the largest remainders, ties to the
 * earliest. The result sums to `together` exactly. Throws when that cannot be (a negative share, or more left over than
 * there are shares): the caller's total does not belong to its shares.
 */
export function allocateShares({ numerators, denominator, together }: Shares): bigint[] {
  if (denominator <= 0n) throw new Error('shares need a positive denominator');
  if (numerators.some((numerator) => numerator < 0n)) throw new Error('a share may not be negative');
  const parts = numerators.map((numerator) => numerator / denominator);
  const leftover = together - parts.reduce((sum, part) => sum + part, 0n);
  if (leftover < 0n || leftover > BigInt(parts.length)) throw new Error(`${leftover} left over of ${parts.length} shares`);
  for (const index of byRemainder(numerators, denominator).slice(0, Number(leftover))) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts;
}

/** Splits an amount over weights in minor units, by largest remainder; the parts sum to the amount. All weights zero throws. */
export function allocateMoney(total: Money, weights: readonly bigint[]): Money[] {
  const unit = minorUnit(total.currency);
  if (total.tenThousandths % unit !== 0n) throw new Error('only a whole number of minor units can be split');
  const minor = total.tenThousandths / unit;
  const shares = {
    numerators: weights.map((weight) => minor * weight),
    denominator: weights.reduce((sum, weight) => sum + weight, 0n),
    together: minor,
  };
  return allocateShares(shares).map((part) => moneyOf(part * unit, total.currency));
}

/** Spreads a lot's total cost over its keys (domain §3): equal but for one minor unit more on the first ones. */
export function spreadEvenly(total: Money, count: number): Money[] {
  return allocateMoney(total, Array<bigint>(count).fill(1n));
}

function byRemainder(numerators: readonly bigint[], denominator: bigint): number[] {
  const remainders = numerators.map((numerator) => numerator % denominator);
  return remainders
    .map((_, index) => index)
    .sort((a, b) => {
      const difference = (remainders[b] ?? 0n) - (remainders[a] ?? 0n);
      return difference > 0n ? 1 : difference < 0n ? -1 : a - b;
    });
}
