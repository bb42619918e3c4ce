import { allocateMoney } from '#server/platform/allocate.ts';
import { compareMoney, type Money, roundedQuotient, subtractMoney } from '#server/platform/money.ts';

// What a listing asks of its buyers, what it is made of, and whether it may be sold (domain §6). Pure.

/** State of a listing (domain §6); only LIVE is for sale. */
export type ListingState = 'DRAFT' | 'SUBMITTED' | 'APPROVED' | 'LIVE' | 'PAUSED' | 'RETIRED' | 'REJECTED';

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

/** How many characters people count. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

function lengthProblem({ minLength, maxLength }: InputField, value: string, words: string): string | null {
  const length = lengthOf(value);
  return length >= minLength && length <= maxLength ? null : `has ${minLength} to ${maxLength} ${words}`;
}

function definitionProblem(field: InputField): string | null {
  const { name, label, kind, hint, country, options, minLength, maxLength } = field;
  if (!FIELD_NAME.test(name)) return 'a name is 1 to 64 letters, digits, _ . and -, and begins with a letter or a digit';
  if (label.trim() === '' || lengthOf(label) > LABEL_MAX || UNSEEN.test(label))
    return `a label has 1 to ${LABEL_MAX} characters in one line`;
  if (lengthOf(hint) > HINT_MAX || UNSEEN.test(hint)) return `a hint has at most ${HINT_MAX} characters in one line`;
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
const COMPONENT_QUANTITY_MAX = 1000;
const WEIGHT_MAX = 1_000_000;

/** A SKU as a bundle asks about it. */
export type BundledSku = {
  readonly id: string;
  readonly ownerId: string;
  readonly deliveryKind: string;
  readonly listingState: ListingState;
};

/** What is wrong with a bundle's components, or null. Components of one owner, no bundle in a bundle, none twice, some weight. */
export function bundleProblem(
  bundle: { readonly id: string; readonly ownerId: string },
  components: readonly BundleComponent[],
  skus: ReadonlyMap<string, BundledSku>,
): string | null {
  if (components.length === 0 || components.length > BUNDLE_COMPONENTS_MAX) return `a bundle has 1 to ${BUNDLE_COMPONENTS_MAX} components`;
  if (new Set(components.map(({ componentSkuId }) => componentSkuId)).size !== components.length) return 'a component stands there twice';
  for (const { componentSkuId, quantity, weight } of components) {
    const sku = skus.get(componentSkuId);
    if (componentSkuId === bundle.id || sku?.deliveryKind === 'BUNDLE') return 'a bundle holds no bundle';
    if (sku === undefined || sku.ownerId !== bundle.ownerId) return 'the components of a bundle belong to its owner';
    if (sku.listingState === 'RETIRED') return 'a component is retired';
    if (!isWithin(quantity, 1, COMPONENT_QUANTITY_MAX)) return `a component's quantity is 1 to ${COMPONENT_QUANTITY_MAX}`;
    if (!isWithin(weight, 0, WEIGHT_MAX)) return `a weight is 0 to ${WEIGHT_MAX}`;
  }
  return components.some(({ weight }) => weight > 0) ? null : 'at least one component has a weight above 0';
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

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

function sameAnswer(a: InputField, b: InputField): boolean {
  const rest = ({ kind, country, options, minLength, maxLength }: InputField) =>
    JSON.stringify({ kind, country, options, minLength, maxLength });
  return rest(a) === rest(b);
}

// ---- states (domain §6) ----

/**
 * What can be done to a listing. REVISE takes one back to be edited: after a rejection, or by its owner before it went live.
 * RETIRE is for ever.
 */
export type ListingMove = 'SUBMIT' | 'APPROVE' | 'REJECT' | 'REVISE' | 'GO_LIVE' | 'PAUSE' | 'RESUME' | 'RETIRE';

const MOVES: Readonly<Record<ListingMove, { readonly from: readonly ListingState[]; readonly to: ListingState }>> = {
  SUBMIT: { from: ['DRAFT'], to: 'SUBMITTED' },
  APPROVE: { from: ['SUBMITTED'], to: 'APPROVED' },
  REJECT: { from: ['SUBMITTED', 'APPROVED'], to: 'REJECTED' },
  REVISE: { from: ['REJECTED', 'SUBMITTED', 'APPROVED'], to: 'DRAFT' },
  GO_LIVE: { from: ['APPROVED'], to: 'LIVE' },
  PAUSE: { from: ['LIVE'], to: 'PAUSED' },
  RESUME: { from: ['PAUSED'], to: 'LIVE' },
  RETIRE: { from: ['LIVE', 'PAUSED'], to: 'RETIRED' },
};

/** The state after a move; null where the listing cannot make it. */
export function stateAfter(state: ListingState, move: ListingMove): ListingState | null {
  return MOVES[move].from.includes(state) ? MOVES[move].to : null;
}

/** What may be edited: all of a DRAFT; of what is or was for sale all but how it is delivered and what its price is for; else nothing. */
export function editScope(state: ListingState): 'ALL' | 'WHAT_IS_SAID' | 'NOTHING' {
  if (state === 'DRAFT') return 'ALL';
  return state === 'LIVE' || state === 'PAUSED' ? 'WHAT_IS_SAID' : 'NOTHING';
}

// ---- versions ----

/** What a listing says and costs, as a version keeps it. `offers` is for its owner's eyes alone (domain §2). */
export type ListingSnapshot = {
  readonly code: string;
  readonly productName: string;
  readonly brand: string | null;
  readonly description: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly pictureUrl: string | null;
  readonly skuName: string;
  readonly scene: string;
  readonly faceValue: string | null;
  readonly basePrice: string;
  readonly unitSize: number;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly quantityStep: number;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  readonly deliveryKind: 'FROM_STOCK' | 'SOURCED' | 'BUNDLE';
  readonly inputFields: readonly InputField[];
  readonly components: readonly BundleComponent[];
  readonly offers: readonly { readonly offerId: string; readonly supplierId: string; readonly unitCost: string }[];
};

/** One field that a version says differently from another. Null: it said nothing. Lists are JSON texts. */
export type ListingChange = { readonly field: string; readonly before: string | null; readonly after: string | null };

/** What is the owner's alone (domain §2): a reviewer who is not the owner reads that it changed, and not how. */
export const OWNERS_FIELDS: ReadonlySet<string> = new Set(['offers', 'basePrice']);

/** What changed from one version to another, field by field, attributes one by one; from null, everything that the version says. */
export function listingChanges(before: ListingSnapshot | null, after: ListingSnapshot): ListingChange[] {
  const [old, next] = [before === null ? new Map<string, string>() : fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...next.keys(), ...old.keys()])];
  return names
    .filter((name) => old.get(name) !== next.get(name))
    .map((field) => ({ field, before: old.get(field) ?? null, after: next.get(field) ?? null }));
}

function fieldsOf(snapshot: ListingSnapshot): Map<string, string> {
  const { attributes, ...rest } = snapshot;
  const plain = Object.entries(rest).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const);
  const named = Object.entries(attributes).map(([name, value]) => [`attributes.${name}`, value] as const);
  return new Map([...plain, ...named].filter(([, text]) => text !== '' && text !== 'null' && text !== '[]'));
}

// ---- checks ----

/** What a network asks of every listing; headquarters sets it. */
export type ListingPolicy = {
  readonly bannedWords: readonly string[];
  readonly requiredAttributes: readonly string[];
  readonly marginMinBps: number;
  /** the owners of sub-stations decide about their own listings, in headquarters' place */
  readonly selfReview: boolean;
};

/** What holds where headquarters has set nothing: a margin of a tenth (domain §7), headquarters reviews. */
export const USUAL_POLICY: ListingPolicy = { bannedWords: [], requiredAttributes: [], marginMinBps: 1000, selfReview: false };

/** The checks of a version. */
export const CHECK_KINDS = ['CONTENT', 'TECHNICAL', 'PRICE'] as const;
/** See `CHECK_KINDS`. */
export type CheckKind = (typeof CHECK_KINDS)[number];

/** Why a check fails: a stable word, the field that it is about, one English sentence. */
export type CheckProblem = { readonly code: string; readonly field: string; readonly message: string };

const WORD_MAX = 60;
const WORDS_MAX = 2_000;
const ATTRIBUTES_MAX = 50;

/** What is wrong with a policy as it was typed in, or null. */
export function policyProblem(policy: ListingPolicy): { readonly field: keyof ListingPolicy; readonly message: string } | null {
  const { bannedWords, requiredAttributes, marginMinBps } = policy;
  if (bannedWords.length > WORDS_MAX) return { field: 'bannedWords', message: `at most ${WORDS_MAX} words` };
  if (bannedWords.some((word) => word.length > WORD_MAX || plainText(word) === ''))
    return { field: 'bannedWords', message: `a word has 1 to ${WORD_MAX} characters, some of them letters or digits` };
  if (requiredAttributes.length > ATTRIBUTES_MAX || requiredAttributes.some((name) => attributeProblem(name, 'x') !== null))
    return { field: 'requiredAttributes', message: `at most ${ATTRIBUTES_MAX} names of 1 to ${ATTRIBUTE_NAME_MAX} characters` };
  return isWithin(marginMinBps, 0, 10_000) ? null : { field: 'marginMinBps', message: 'a margin is 0 to 10,000 basis points' };
}

const ATTRIBUTE_NAME_MAX = 40;
const ATTRIBUTE_VALUE_MAX = 200;

/** What is wrong with an attribute of a product, or null. */
export function attributeProblem(name: string, value: string): string | null {
  const isLine = (text: string, most: number) => text.trim() === text && text !== '' && lengthOf(text) <= most && !UNSEEN.test(text);
  if (!isLine(name, ATTRIBUTE_NAME_MAX)) return `an attribute's name is a line of 1 to ${ATTRIBUTE_NAME_MAX} characters`;
  return isLine(value, ATTRIBUTE_VALUE_MAX) ? null : `an attribute is a line of 1 to ${ATTRIBUTE_VALUE_MAX} characters`;
}

/** The title of a listing: name + attribute + scene, such as "Video VIP", "30 days", "phone and tablet". */
export function titleOf({ productName, skuName, scene }: Pick<ListingSnapshot, 'productName' | 'skuName' | 'scene'>): string {
  return [productName, skuName, scene].filter((part) => part !== '').join(' ');
}

const TITLE_MAX = 100;
const DESCRIPTION_MIN = 10;

/** Everything that is wrong with what a version says, as far as its words tell; links, pictures and other listings are looked at elsewhere. */
export function contentProblems(said: ListingSnapshot, policy: ListingPolicy): CheckProblem[] {
  const attributes = Object.entries(said.attributes);
  const missing = policy.requiredAttributes.filter((name) => !Object.hasOwn(said.attributes, name));
  const texts: readonly (readonly [field: string, text: string])[] = [
    ['productName', said.productName],
    ['skuName', said.skuName],
    ['scene', said.scene],
    ['brand', said.brand ?? ''],
    ['description', said.description],
    ...attributes.map(([name, value]) => [`attributes.${name}`, `${name} ${value}`] as const),
    ...said.inputFields.map(({ name, label, hint }) => [`inputFields.${name}`, `${label} ${hint}`] as const),
  ];
  return [
    ...titleProblems(said),
    ...missing.map((name) => problem('ATTRIBUTE_MISSING', `attributes.${name}`, `The product does not say its ${name}.`)),
    ...(lengthOf(said.description.trim()) < DESCRIPTION_MIN
      ? [problem('DESCRIPTION_SHORT', 'description', `A description has at least ${DESCRIPTION_MIN} characters.`)]
      : []),
    ...(said.goodsKind === 'TOP_UP' && said.inputFields.length === 0
      ? [problem('INPUT_FIELDS_MISSING', 'inputFields', 'A direct top-up asks its buyer for an account.')]
      : []),
    ...texts.flatMap(([field, text]) =>
      bannedWordsIn(text, policy.bannedWords).map((word) => problem('BANNED_WORD', field, `It holds a banned word: ${word}.`)),
    ),
    ...(linksIn(said.description).length > LINKS_MAX
      ? [problem('TOO_MANY_LINKS', 'description', `A description holds at most ${LINKS_MAX} links.`)]
      : []),
  ];
}

function titleProblems(said: ListingSnapshot): CheckProblem[] {
  const parts = [
    ['productName', said.productName],
    ['skuName', said.skuName],
    ['scene', said.scene],
  ] as const;
  const words = { productName: 'name', skuName: 'attribute', scene: 'scene' };
  const problems = parts
    .filter(([, text]) => plainText(text) === '')
    .map(([field]) => problem('TITLE_FORM', field, `A title is name + attribute + scene; its ${words[field]} is missing.`));
  const repeats = parts.filter(([, text], index) =>
    parts.some(([, other], at) => at < index && plainText(text) !== '' && plainText(other) === plainText(text)),
  );
  problems.push(
    ...repeats.map(([field]) => problem('TITLE_REPEATS', field, `The ${words[field]} says what another part of the title says.`)),
  );
  const title = titleOf(said);
  if (lengthOf(title) > TITLE_MAX) problems.push(problem('TITLE_LONG', 'title', `A title has at most ${TITLE_MAX} characters.`));
  if (/([^\p{L}\p{N}\s])\1/u.test(title) || /\p{Extended_Pictographic}/u.test(title))
    problems.push(problem('TITLE_MARKS', 'title', 'A title has no pictures and no mark twice in a row.'));
  return problems;
}

/** Lower case, one form of every letter and digit, and nothing but letters and digits: what evades a list of words is taken out. */
export function plainText(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/**
 * The words of a list that a text holds, whatever stands between their letters: full-width letters, blanks that cannot be seen, dots.
 * A word in Latin letters or digits is found as a word ("ass" is not in "class"); any other wherever it stands.
 */
export function bannedWordsIn(text: string, words: readonly string[]): string[] {
  const plain = plainText(text);
  const spaced = ` ${wordsOf(text).join(' ')} `;
  return words.filter((word) =>
    /^[\p{ASCII}]*$/u.test(plainText(word)) ? spaced.includes(` ${wordsOf(word).join(' ')} `) : plain.includes(plainText(word)),
  );
}

/** The words of a text; letters that stand alone are joined, since "g e m" and "g.e.m" are meant as one. */
function wordsOf(text: string): string[] {
  // what cannot be seen parts no word
  const seen = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{Cf}\p{M}]/gu, '');
  const words: string[] = [];
  let wasAlone = false;
  for (const word of seen.match(/[\p{L}\p{N}]+/gu) ?? []) {
    const isAlone = word.length === 1;
    if (isAlone && wasAlone) words.push(`${words.pop() ?? ''}${word}`);
    else words.push(word);
    wasAlone = isAlone;
  }
  return words;
}

/** A title taken apart for comparison: pairs of neighbouring letters, and its numbers. */
export type TitleShape = { readonly pairs: ReadonlySet<string>; readonly numbers: string };

/** Takes a title apart. */
export function titleShape(title: string): TitleShape {
  const letters = Array.from(plainText(title));
  const pairs = new Set(letters.length < 2 ? letters : letters.slice(1).map((letter, index) => `${letters[index]}${letter}`));
  const numbers = (title.normalize('NFKC').match(/\d+/g) ?? []).sort().join(' ');
  return { pairs, numbers };
}

const ALIKE = 0.85;

/**
 * Whether two titles say the same in nearly the same words: of all their pairs of letters, 85 % in common. Other numbers are another
 * denomination, however alike the rest is.
 */
export function isNearDuplicate(a: TitleShape, b: TitleShape): boolean {
  if (a.numbers !== b.numbers) return false;
  const [small, large] = a.pairs.size < b.pairs.size ? [a.pairs, b.pairs] : [b.pairs, a.pairs];
  // the smaller one bounds what they can have in common
  if (small.size < ALIKE * large.size) return false;
  let common = 0;
  for (const pair of small) if (large.has(pair)) common += 1;
  return common >= ALIKE * (small.size + large.size - common);
}

/** Links of one description that are looked at. */
export const LINKS_MAX = 20;

/** The links of a description, each once. */
export function linksIn(description: string): string[] {
  const found = description.match(/https?:\/\/[\w.~:/?#[\]@!$&'()*+,;=%-]+/gi) ?? [];
  return [...new Set(found.map((link) => link.replace(/[.,;:!?)\]']+$/, '')))];
}

/** What the price of a version is judged by; all of it for `unitSize` units. The base price is the least that P(1) can be. */
export type PriceFacts = {
  readonly basePrice: Money;
  /** of the next keys, of the cheapest offer, or of a bundle's components together; null: nothing is there to know it by */
  readonly unitCost: Money | null;
  /** the lowest cost agreed with that offer's supplier; null where none is */
  readonly agreedUnitCost: Money | null;
  /** of the owner's control band; null where none is set */
  readonly ceiling: Money | null;
};

/** The owner's margin in basis points of the price, rounded; negative below cost. */
export function marginBps(basePrice: Money, unitCost: Money): number {
  return Number(roundedQuotient(subtractMoney(basePrice, unitCost).tenThousandths * 10_000n, basePrice.tenThousandths));
}

/** What is wrong with a price (domain §7): under cost, above the ceiling, bought above what was agreed, a margin too small without a reason. */
export function priceProblems(facts: PriceFacts, policy: ListingPolicy, marginReason: string): CheckProblem[] {
  const { basePrice, unitCost, agreedUnitCost, ceiling } = facts;
  const problems: CheckProblem[] = [];
  if (ceiling !== null && compareMoney(basePrice, ceiling) > 0)
    problems.push(problem('ABOVE_CEILING', 'basePrice', 'The price is above the ceiling that was agreed on.'));
  if (unitCost === null) return [...problems, problem('COST_UNKNOWN', 'basePrice', 'Nothing is there yet to know the cost by.')];
  if (agreedUnitCost !== null && compareMoney(unitCost, agreedUnitCost) > 0)
    problems.push(problem('COST_ABOVE_AGREED', 'offers', 'The supplier asks more than was agreed.'));
  if (compareMoney(basePrice, unitCost) < 0) return [...problems, problem('BELOW_COST', 'basePrice', 'The price is below its cost.')];
  const isSmall = subtractMoney(basePrice, unitCost).tenThousandths * 10_000n < basePrice.tenThousandths * BigInt(policy.marginMinBps);
  if (isSmall && marginReason.trim() === '')
    problems.push(problem('MARGIN_LOW', 'basePrice', `The margin is below ${policy.marginMinBps / 100} % and no reason is given.`));
  return problems;
}

/** A problem of a check. */
export function problem(code: string, field: string, message: string): CheckProblem {
  return { code, field, message };
}
