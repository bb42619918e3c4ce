// What an upstream sent as JSON, read without believing it: numbers keep the text that they were written with, so that an amount
// never passes through a float, and every reader answers null for what is not exactly what was asked for.

/** Marks a number of a document: an upstream cannot write such a key itself. */
const SOURCE = Symbol('source');

/** A number as it was written, 12.30 or 1e3. */
type JsonNumber = { readonly [SOURCE]: string };

/** A JSON object. */
export type JsonObject = { readonly [name: string]: JsonValue };

/** Any JSON value. */
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;

/** Deeper than any protocol goes; a deeper document is an attack on the parser's stack. */
const DEPTH_MOST = 32;
const AMOUNT = /^\d{1,14}(?:\.\d{1,4}0*)?$/;
const COUNT = /^\d{1,9}(?:\.0+)?$/;

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/**
 * Reads a document; undefined when it is no JSON, is nested deeper than protocols go, or holds more than `valuesMost` values: a number of
 * one digit takes fifty times its size, and two microseconds, to be read.
 */
export function parseJson(text: string, valuesMost = 10_000): JsonValue | undefined {
  if (isTooMuch(text, valuesMost)) return undefined;
  const keepNumbers: Reviver = (_key, value, { source }) => (typeof value === 'number' ? { [SOURCE]: source ?? '' } : value);
  try {
    // the language's own type does not know of the source text yet
    return JSON.parse(text, keepNumbers as (key: string, value: unknown) => unknown) as JsonValue;
  } catch {
    return undefined;
  }
}

/** The field of an object; undefined where it has none, or where the value is no object. */
export function fieldOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
  const object: JsonObject = value;
  return object[name];
}

/** The entries of an object by their names; empty for anything else. */
export function entriesOf(value: JsonValue | undefined): readonly (readonly [string, JsonValue])[] {
  return isObject(value) ? Object.entries(value) : [];
}

/** The items of a list; null when it is none. */
export function itemsOf(value: JsonValue | undefined): readonly JsonValue[] | null {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : null;
}

/** A text as it stands, or the digits of a number (ids come both ways); null for anything else. */
export function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : isNumber(value) ? value[SOURCE] : null;
}

/** Whether a text is an amount as `amountOf` reads it. */
export function isAmountText(text: string): boolean {
  return AMOUNT.test(text);
}

/**
 * An amount of money: a plain decimal that is not negative, as a number or as a text, with at most four decimals that count. null for
 * everything else: exponents, signs, separators, currency marks, floats that show their noise.
 */
export function amountOf(value: JsonValue | undefined): string | null {
  const text = textOf(value);
  return text !== null && isAmountText(text) ? text : null;
}

/** A whole number that is not negative and below 10^9, as a number or as a text; null for everything else. */
export function countOf(value: JsonValue | undefined): number | null {
  const text = textOf(value);
  return text !== null && COUNT.test(text) ? Number.parseInt(text, 10) : null;
}

/** A whole number written as a number and not as a text, of either sign: what a protocol's codes are. null for everything else. */
export function codeOf(value: JsonValue | undefined): number | null {
  return isNumber(value) && /^-?\d{1,9}$/.test(value[SOURCE]) ? Number.parseInt(value[SOURCE], 10) : null;
}

/** An upstream's own number of an order: short and printable, so that it can be kept, shown and sent back. null for everything else. */
export function referenceOf(value: JsonValue | undefined): string | null {
  const text = textOf(value);
  return text !== null && /^[\x21-\x7e]{1,64}$/.test(text) ? text : null;
}

function isNumber(value: JsonValue | undefined): value is JsonNumber {
  return typeof value === 'object' && value !== null && SOURCE in value;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(SOURCE in value);
}

function isTooMuch(text: string, valuesMost: number): boolean {
  let [depth, values] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) depth += 1;
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1;
    else if (code === COMMA) values += 1;
    if (depth > DEPTH_MOST || values > valuesMost) return true;
  }
  return false;
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Where the string that begins here ends; the end of the text when it does not. */
function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at;
  }
  return text.length;
}
