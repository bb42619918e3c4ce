import { allocateMoney } from '#server/platform/allocate.ts';
import type { Money } from '#server/platform/money.ts';

// What a listing asks of its buyers, what it is made of, and whether it may be sold (domain §6). Pure.

// ---- what the buyer of a direct top-up types ----

/**
 * What kind of account a field names. PHONE: a mobile number of `country`; QQ: a QQ number; EMAIL; GAME_ID: a player's name or
 * number; REGION, CHOICE: one of `options`; NUMBER: a whole number; TEXT: anything in one line.
 */
export const INPUT_KINDS = ['PHONE', 'QQ', 'EMAIL', 'GAME_ID', 'REGION', 'CHOICE', 'NUMBER', 'TEXT'] as const;
/** See `INPUT_KINDS`. */
export type InputKind = (typeof INPUT_KINDS)[number];

/** Whose mobile numbers a PHONE field takes; ANY is an international number, +, country and all. */
export const PHONE_COUNTRIES = ['CN', 'HK', 'MO', 'TW', 'ANY'] as const;
/** See `PHONE_COUNTRIES`. */
export type PhoneCountry = (typeof PHONE_COUNTRIES)[number];

/** One of the answers of a REGION or CHOICE field: `value` goes to the supplier, `label` is what the buyer reads. */
export type InputOption = { readonly value: string; readonly label: string };

/**
 * A field that the buyer of a direct top-up fills in before any money moves. `name` is what the supplier calls it. Lengths count
 * characters and bound GAME_ID and TEXT; for NUMBER they are the smallest and largest number of digits. There are no patterns of
 * the user's own: those that exist are ours and take time in proportion to what was typed.
 */
export type InputField = {
  readonly name: string;
  readonly label: string;
  readonly kind: InputKind;
  readonly isRequired: boolean;
  /** shown beside the field; may be empty */
  readonly hint: string;
  readonly country: PhoneCountry;
  readonly options: readonly InputOption[];
  readonly minLength: number;
  readonly maxLength: number;
};

/** What is wrong with one field, by its name. */
export type InputProblem = { readonly field: string; readonly message: string };

/** Fields of one SKU. */
export const INPUT_FIELDS_MAX = 20;
/** Characters of one value. */
export const INPUT_LENGTH_MAX = 500;
const OPTIONS_MAX = 500;
const LABEL_MAX = 60;
const HINT_MAX = 200;
const FIELD_NAME = /^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,63}$/u;

/** Control, format and line-breaking characters: nothing that is typed in one line holds them. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const PHONES: Readonly<Record<PhoneCountry, { readonly pattern: RegExp; readonly words: string }>> = {
  CN: { pattern: /^1[3-9]\d{9}$/, words: 'a mobile number of mainland China has 11 digits and begins with 13 to 19' },
  HK: { pattern: /^[4-9]\d{7}$/, words: 'a mobile number of Hong Kong has 8 digits' },
  MO: { pattern: /^6\d{7}$/, words: 'a mobile number of Macao has 8 digits and begins with 6' },
  TW: { pattern: /^09\d{8}$/, words: 'a mobile number of Taiwan has 10 digits and begins with 09' },
  ANY: { pattern: /^\+[1-9]\d{6,14}$/, words: 'an international number begins with + and the country, 7 to 15 digits' },
};
const QQ = /^[1-9]\d{4,10}$/;
const EMAIL = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$/;
const GAME_ID = /^[\p{L}\p{N}\p{M}_.#@:~ -]+$/u;
const DIGITS = /^\d+$/;

const NO_FIELDS: readonly InputField[] = [];

/**
 * The fields as a SKU's column holds them; what is left out takes the usual. The column is written by us, so what cannot be read
 * throws.
 */
export function inputFieldsOf(json: unknown): readonly InputField[] {
  if (!Array.isArray(json)) throw new Error('the input fields of a SKU are a list');
  return json.length === 0 ? NO_FIELDS : json.map(inputFieldOf);
}

/** A field with everything that was left out. `name` is all that has to be there. */
export function inputFieldOf(given: Partial<InputField> & { readonly name: string }): InputField {
  if (typeof given?.name !== 'string') throw new Error('an input field has a name');
  const kind = given.kind ?? 'TEXT';
  return {
    name: given.name,
    label: given.label ?? given.name,
    kind,
    isRequired: given.isRequired ?? true,
    hint: given.hint ?? '',
    country: given.country ?? 'CN',
    options: given.options ?? [],
    minLength: given.minLength ?? 1,
    maxLength: given.maxLength ?? (kind === 'NUMBER' ? 18 : 100),
  };
}

/** What is wrong with a SKU's fields as they were typed in, or null. */
export function inputFieldsProblem(fields: readonly InputField[]): InputProblem | null {
  if (fields.length > INPUT_FIELDS_MAX) return { field: '', message: `at most ${INPUT_FIELDS_MAX} fields` };
  const seen = new Set<string>();
  for (const field of fields) {
    const message = seen.has(field.name) ? 'there are two fields of this name' : definitionProblem(field);
    if (message !== null) return { field: field.name, message };
    seen.add(field.name);
  }
  return null;
}

/**
 * What is wrong with what a buyer typed, or null: a field that is required and missing, one that is not known, a value that its
 * kind does not allow. The first one in order of the fields. An optional field that is empty is as one left out.
 */
export function inputProblem(fields: readonly InputField[], given: Readonly<Record<string, string>>): InputProblem | null {
  const names = Object.keys(given);
  const strange = names.find((name) => !fields.some((field) => field.name === name));
  if (strange !== undefined) return { field: strange.slice(0, 64), message: 'is not asked for' };
  for (const field of fields) {
    const value = Object.hasOwn(given, field.name) ? given[field.name] : undefined;
    const message = value === undefined || value === '' ? missing(field) : valueProblem(field, value);
    if (message !== null) return { field: field.name, message };
  }
  return null;
}

function missing({ isRequired }: InputField): string | null {
  return isRequired ? 'is required' : null;
}

function valueProblem(field: InputField, value: string): string | null {
  // before anything looks into it
  if (value.length > INPUT_LENGTH_MAX) return `is at most ${INPUT_LENGTH_MAX} characters`;
  if (UNSEEN.test(value)) return 'holds characters that cannot be seen';
  if (value.trim() !== value) return 'begins or ends with a space';
  switch (field.kind) {
    case 'PHONE':
      return PHONES[field.country].pattern.test(value) ? null : PHONES[field.country].words;
    case 'QQ':
      return QQ.test(value) ? null : 'a QQ number has 5 to 11 digits and does not begin with 0';
    case 'EMAIL':
      return isEmail(value) ? null : 'is no e-mail address';
    case 'REGION':
    case 'CHOICE':
      return field.options.some((option) => option.value === value) ? null : 'is none of the choices';
    case 'NUMBER':
      return DIGITS.test(value) ? lengthProblem(field, value, 'digits') : 'is a whole number';
    case 'GAME_ID':
      return GAME_ID.test(value) ? lengthProblem(field, value, 'characters') : 'holds letters, digits, spaces and _ . # @ : ~ - only';
    case 'TEXT':
      return lengthProblem(field, value, 'characters');
  }
}

function isEmail(value: string): boolean {
  const [local = '', domain = ''] = value.split('@');
  const dotted = local.startsWith('.') || local.endsWith('.') || local.includes('..');
  return (
    value.length <= 254 && EMAIL.test(value) && !dotted && !domain.split('.').some((label) => label.startsWith('-') || label.endsWith('-'))
  );
}

function lengthProblem({ minLength, maxLength }: InputField, value: string, words: string): string | null {
  const length = [...value].length;
  return length >= minLength && length <= maxLength ? null : `has ${minLength} to ${maxLength} ${words}`;
}

function definitionProblem(field: InputField): string | null {
  const { name, label, kind, hint, country, options, minLength, maxLength } = field;
  if (!FIELD_NAME.test(name)) return 'a name is 1 to 64 letters, digits, _ . and -, and begins with a letter or a digit';
  if (label.trim() === '' || [...label].length > LABEL_MAX || UNSEEN.test(label))
    return `a label has 1 to ${LABEL_MAX} characters in one line`;
  if ([...hint].length > HINT_MAX || UNSEEN.test(hint)) return `a hint has at most ${HINT_MAX} characters in one line`;
  if (!INPUT_KINDS.includes(kind)) return `there is no such kind of field: ${kind}`;
  if (!PHONE_COUNTRIES.includes(country)) return `there is no such country: ${country}`;
  const hasOptions = kind === 'REGION' || kind === 'CHOICE';
  if (hasOptions !== options.length > 0) return hasOptions ? 'has no choices' : 'choices belong to REGION and CHOICE';
  if (options.length > OPTIONS_MAX) return `at most ${OPTIONS_MAX} choices`;
  const values = new Set(options.map(({ value }) => value));
  if (values.size !== options.length) return 'a choice stands there twice';
  if (options.some((option) => [option.value, option.label].some((text) => text.trim() !== text || text === '' || text.length > 100)))
    return 'a choice has a value and a label of 1 to 100 characters';
  const isRange = Number.isSafeInteger(minLength) && Number.isSafeInteger(maxLength) && minLength >= 1 && maxLength >= minLength;
  return isRange && maxLength <= INPUT_LENGTH_MAX ? null : `lengths are 1 to ${INPUT_LENGTH_MAX}, the smaller one first`;
}

// ---- bundles (套餐) ----

/** A component of a bundle: so many units of a SKU in each unit of the bundle, and its weight in the bundle's total. */
export type BundleComponent = { readonly componentSkuId: string; readonly quantity: number; readonly weight: number };

/** Components of one bundle. */
export const BUNDLE_COMPONENTS_MAX = 20;

/**
 * The part of a bundle's total that each component stands for, and that is refunded when its line cannot be filled (domain §6): by
 * weight, largest remainder, so that the parts sum to the total. Weights that are all 0 throw: `bundleProblem` refuses them.
 * Example: 99.90 over weights 3, 1, 1 is 59.94, 19.98, 19.98.
 */
export function allotBundle(total: Money, components: readonly { readonly weight: number }[]): Money[] {
  return allocateMoney(
    total,
    components.map(({ weight }) => BigInt(weight)),
  );
}

/** How many bundles the components' stock allows: the scarcest decides. No components, no bundles. */
export function bundleStock(components: readonly { readonly availableCount: number; readonly quantity: number }[]): number {
  const counts = components.map(({ availableCount, quantity }) => Math.floor(availableCount / quantity));
  return counts.length === 0 ? 0 : Math.min(...counts);
}

/**
 * The fields that a bundle asks for: each of its components' once. A name that two components use for different things cannot be
 * asked for once: CLASH.
 */
export function bundleInputFields(
  components: readonly (readonly InputField[])[],
): { readonly kind: 'FIELDS'; readonly fields: readonly InputField[] } | { readonly kind: 'CLASH'; readonly name: string } {
  const fields = new Map<string, InputField>();
  for (const field of components.flat()) {
    const known = fields.get(field.name);
    if (known && !sameAnswer(known, field)) return { kind: 'CLASH', name: field.name };
    // what one component needs is needed
    fields.set(field.name, known ? { ...known, isRequired: known.isRequired || field.isRequired } : field);
  }
  return { kind: 'FIELDS', fields: [...fields.values()] };
}

/** Of what the buyer of a bundle typed, what one component's supplier is told. */
export function inputsFor(fields: readonly InputField[], given: Readonly<Record<string, string>>): Record<string, string> {
  const asked = fields.filter(({ name }) => Object.hasOwn(given, name));
  return Object.fromEntries(asked.map(({ name }) => [name, given[name] ?? '']));
}

function sameAnswer(a: InputField, b: InputField): boolean {
  const rest = ({ kind, country, options, minLength, maxLength }: InputField) =>
    JSON.stringify({ kind, country, options, minLength, maxLength });
  return rest(a) === rest(b);
}
