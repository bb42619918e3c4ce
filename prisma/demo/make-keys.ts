import type { KeyFormats } from './data.ts';
import type { Random } from './random.ts';

/** A card key in the clear: the number is null where only a secret is sold. */
export interface PlainKey {
  readonly number: string | null;
  readonly secret: string;
}

const DIGITS = '0123456789';
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
// without 0, O, 1 and I, as real codes are printed
const CODE_CHARACTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
const ALPHABETS: Readonly<Record<string, string>> = { '#': DIGITS, '@': LETTERS, '*': CODE_CHARACTERS };

/** Makes card keys of the named format. They open nothing: they only look like the trade's. */
export function createKeyMaker(formats: KeyFormats, random: Random): (format: string) => PlainKey {
  const fill = (pattern: string) => {
    let text = '';
    for (const symbol of pattern) {
      const alphabet = ALPHABETS[symbol];
      text += alphabet === undefined ? symbol : alphabet[random.int(alphabet.length)];
    }
    return text;
  };
  return (name) => {
    const format = formats[name];
    if (format === undefined) throw new Error(`no card key format ${name}`);
    return { number: format.number === null ? null : fill(format.number), secret: fill(format.secret) };
  };
}
