/** An amount as the API gives it: a decimal string and its currency. Never a number. */
export type Amount = { amount: string; currency: string };

/** An amount taken apart for drawing: sign, grouped whole part, decimals. */
export type AmountParts = { negative: boolean; zero: boolean; whole: string; decimals: string; mark: string };

const marks: Record<string, string> = { CNY: '¥', USD: '$', EUR: '€', GBP: '£', JPY: '¥', HKD: 'HK$', TWD: 'NT$' };

/** The mark before an amount; a currency without one shows its code. */
export function currencyMark(currency: string): string {
  return marks[currency] ?? `${currency} `;
}

/** Splits a decimal string for display. Unit prices keep four decimals only where the last two are not zero. */
export function partsOf({ amount, currency }: Amount): AmountParts {
  const negative = amount.startsWith('-');
  const [whole = '0', decimals = ''] = (negative ? amount.slice(1) : amount).split('.');
  const shown = decimals.length === 4 && decimals.endsWith('00') ? decimals.slice(0, 2) : decimals;
  return {
    negative,
    zero: !/[1-9]/.test(amount),
    whole: whole.replace(/\B(?=(\d{3})+$)/g, ','),
    decimals: shown,
    mark: currencyMark(currency),
  };
}

/** An amount as plain text, for labels and file names of the screen reader. */
export function amountText(value: Amount): string {
  const { negative, whole, decimals, mark } = partsOf(value);
  return `${negative ? '−' : ''}${mark}${whole}${decimals ? `.${decimals}` : ''}`;
}

/** A whole number with its groups; a dash where there is none. */
export function countText(count: number | null | undefined): string {
  if (count === null || count === undefined) return '—';
  return new Intl.NumberFormat('en-US').format(count);
}

/**
 * An amount as a length on the screen: bars and lines are drawn from it, and nothing that is drawn from it is ever
 * shown, sent or added up as money.
 */
export function pixels({ amount }: Amount): number {
  return Number.parseFloat(amount);
}

/** How far `now` is from `before`, as a share of `before`; null where there was nothing before. For arrows, not for books. */
export function changeShare(now: Amount, before: Amount): number | null {
  const base = pixels(before);
  return base === 0 ? null : (pixels(now) - base) / Math.abs(base);
}
