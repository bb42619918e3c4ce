import { decimal4, decimal4Text } from '#server/platform/money.ts';
import type { UpstreamCardKey } from './connector.ts';
import { isAmountText } from './json.ts';

/** Lines of a delivery as card keys, one a line, blank lines left out: what a line means is nobody's to guess, so it is the secret. */
export function cardKeysOfLines(text: string): UpstreamCardKey[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((secret) => ({ number: null, secret }));
}

/** What `quantity` units cost together, exactly: '0.3150' for three at '0.105'. */
export function costOfUnits(unitCost: string, quantity: number): string {
  return decimal4Text(decimal4(unitCost) * BigInt(quantity));
}

/** The first of these texts in a language that the console speaks, of one that upstreams keep by language (`{"zh-CN": …}`) or plain. */
export function textByLanguage(entries: readonly (readonly [language: string, text: string])[]): string | null {
  const texts = new Map(entries.filter(([, text]) => text.trim() !== ''));
  for (const language of ['zh-CN', 'zh', 'zh-TW', 'en-US', 'en']) {
    const text = texts.get(language);
    if (text !== undefined) return text;
  }
  return [...texts.values()][0] ?? null;
}

/** Amounts together, exactly: '12.5000' for '10' and '2.50'; null when one of them is no amount. */
export function sumOfAmounts(amounts: readonly string[]): string | null {
  if (!amounts.every(isAmountText)) return null;
  return decimal4Text(amounts.reduce((sum, each) => sum + decimal4(each), 0n));
}

/** Whether an amount is above another one; a text that is no amount is above nothing. */
export function isDearer(amount: string, most: string): boolean {
  return isAmountText(amount) && isAmountText(most) && decimal4(amount) > decimal4(most);
}

/** The cost of one unit where a price is for `unitSize` of them (1, 100 or 1,000), exactly: '0.000123' for '0.0123' and 100. */
export function costOfOne(price: string, unitSize: number): string {
  const [whole = '', decimals = ''] = price.split('.');
  const shift = String(unitSize).length - 1;
  if (shift === 0) return price;
  const digits = whole.padStart(shift + 1, '0');
  return `${digits.slice(0, -shift)}.${digits.slice(-shift)}${decimals}`.replace(/0+$/, '').replace(/\.$/, '');
}

/** The most that one unit may cost when all of them may cost `maxCost`, up to the fourth decimal: '3.3334' of '10.00' for three. */
export function unitLimit(maxCost: string, quantity: number): string {
  const units = BigInt(quantity);
  return decimal4Text((decimal4(maxCost) + units - 1n) / units);
}

/** What the buyer typed under the upstream's names: `names` is an offer's `phone=recharge_account&zone=lblName1`; others stay as they are. */
export function renamedFields(inputFields: Readonly<Record<string, string>>, names: string): Readonly<Record<string, string>> {
  const theirs = new Map(
    names.split('&').map((pair) => [pair.slice(0, Math.max(0, pair.indexOf('='))), pair.slice(pair.indexOf('=') + 1)]),
  );
  return Object.fromEntries(Object.entries(inputFields).map(([name, value]) => [theirs.get(name) || name, value]));
}
