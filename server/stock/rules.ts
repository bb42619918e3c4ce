import { parse } from 'csv-parse/sync';
import { spreadEvenly } from '#server/platform/allocate.ts';
import { compareMoney, type Money, zeroMoney } from '#server/platform/money.ts';
import type { Vault, WrappedKey } from '#server/platform/vault.ts';

// Card keys (domain §1): a secret sold once, with or without a number. What is read here is plain text; what leaves for the
// database is sealed under the lot's data key and bound to network, SKU and key id, and found again by a keyed hash.

/** A card key in the clear: kept in memory for as long as it is needed, and nowhere else. */
export type PlainCardKey = { readonly number: string | null; readonly secret: string };

/** What a sealed card key is bound to. */
export type SealPlace = {
  readonly wrapped: WrappedKey;
  readonly networkId: string;
  readonly lotId: string;
  readonly skuId: string;
  readonly keyId: string;
};

/** TEXT: one key a line. CSV: RFC 4180, with or without a heading. */
export type CardKeyFormat = 'TEXT' | 'CSV';

/** Why a line of an import made no card key. Never says what stood there. */
export type LineProblemCode = 'MALFORMED' | 'SECRET_MISSING' | 'TOO_LONG' | 'UNPRINTABLE' | 'DUPLICATE_IN_FILE' | 'DUPLICATE_OF_OWN_KEY';

/** A line that made no card key; lines are counted from 1 as an editor counts them. */
export type LineProblem = { readonly line: number; readonly code: LineProblemCode };

/** A line that may become a card key. */
export type CardKeyLine = PlainCardKey & { readonly line: number };

/** A file as read: keys, problems line by line, or why it cannot be read at all. */
export type ReadFile =
  | { readonly kind: 'READ'; readonly keys: CardKeyLine[]; readonly problems: LineProblem[] }
  | { readonly kind: 'UNREADABLE'; readonly why: string };

/** Lines of one import job, at most (issue 2, point 8). */
export const IMPORT_LINES_MAX = 100_000;
const NUMBER_MAX = 255;
const SECRET_MAX = 2_000;

/**
 * Reads a file of card keys: the secret alone, or number and secret. In TEXT they are parted by a tab, a comma, "----" or
 * blanks; in CSV the columns are (secret) or (number, secret) unless a heading names them. Blank lines are nothing; a line
 * that is wrong is a problem of its own and harms no other. UNREADABLE: nothing in it, too many lines, broken quoting.
 */
export function readCardKeyFile(text: string, format: CardKeyFormat): ReadFile {
  const rows = format === 'TEXT' ? textRows(text) : csvRows(text);
  if (typeof rows === 'string') return { kind: 'UNREADABLE', why: rows };
  if (rows.length === 0) return { kind: 'UNREADABLE', why: 'the file holds no card keys' };
  if (rows.length > IMPORT_LINES_MAX) return { kind: 'UNREADABLE', why: `the file has more than ${IMPORT_LINES_MAX} lines` };
  const keys: CardKeyLine[] = [];
  const problems: LineProblem[] = [];
  for (const { line, cells } of rows) {
    const read = readCells(cells);
    if (typeof read === 'string') problems.push({ line, code: read });
    else keys.push({ line, ...read });
  }
  return { kind: 'READ', keys, problems };
}

/** Why this can be no card key, whatever it is for; null when it can. */
export function cardKeyProblem({ number, secret }: PlainCardKey): 'SECRET_MISSING' | 'TOO_LONG' | 'UNPRINTABLE' | null {
  if (secret === '') return 'SECRET_MISSING';
  if (secret.length > SECRET_MAX || (number?.length ?? 0) > NUMBER_MAX) return 'TOO_LONG';
  // a control character in a key is a damaged file, and would break whoever copies it
  return /\p{Cc}/u.test(secret) || /\p{Cc}/u.test(number ?? '') ? 'UNPRINTABLE' : null;
}

/** How a lot's cost lies on its keys: the first `firstCount` of them cost `first`, all others `rest`. */
export type LotCosts = { readonly first: Money; readonly firstCount: number; readonly rest: Money };

/** The lot's total cost over its keys by largest remainder (domain §3): equal, but for one cent more on the first ones. */
export function spreadLotCost(totalCost: Money, keyCount: number): LotCosts {
  const costs = keyCount === 0 ? [] : spreadEvenly(totalCost, keyCount);
  const [first = zeroMoney(totalCost.currency)] = costs;
  const rest = costs.at(-1) ?? first;
  return { first, rest, firstCount: costs.filter((cost) => compareMoney(cost, first) === 0).length };
}

/** What a lot's data key is bound to. */
export function lotContext(networkId: string, lotId: string): string[] {
  return [networkId, lotId];
}

/** Seals a card key for the row that will hold it; in any other row it does not open. */
export function sealCardKey(vault: Vault, place: SealPlace, key: PlainCardKey): Buffer {
  return vault.seal(place.wrapped, lotContext(place.networkId, place.lotId), keyContext(place), JSON.stringify([key.number, key.secret]));
}

/** Opens a card key; throws when the row is not the one that it was sealed for. */
export function openCardKey(vault: Vault, place: SealPlace, sealed: Uint8Array): PlainCardKey {
  const [number, secret] = JSON.parse(vault.open(place.wrapped, lotContext(place.networkId, place.lotId), keyContext(place), sealed)) as [
    string | null,
    string,
  ];
  return { number, secret };
}

/** The keyed hash (32 bytes) by which the same number and secret are found again within a network. */
export function fingerprintCardKey(vault: Vault, networkId: string, key: PlainCardKey): Buffer {
  return vault.fingerprint(networkId, JSON.stringify([key.number, key.secret]));
}

type Row = { line: number; cells: string[] };

function textRows(text: string): Row[] {
  return withoutMark(text)
    .split(/\r\n|\r|\n/)
    .map((content, index) => ({ line: index + 1, content: content.trim() }))
    .filter(({ content }) => content !== '')
    .map(({ line, content }) => ({ line, cells: content.split(/----|[\t,;，]|\s+/).filter((cell) => cell !== '') }));
}

const NUMBER_HEADINGS = new Set(['number', 'card number', 'card_number', 'cardnumber', '卡号']);
const SECRET_HEADINGS = new Set(['secret', 'card key', 'card_key', 'key', 'code', 'pin', '卡密', '密码']);

function csvRows(text: string): Row[] | string {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(withoutMark(text), {
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as typeof records;
  } catch (error) {
    const line = (error as { lines?: number }).lines;
    return `the CSV cannot be read${line === undefined ? '' : ` at line ${line}`}: a quote is not closed or stands where none may`;
  }
  const rows = records
    .map(({ record, info }) => ({ line: info.lines, cells: record }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const heading = rows[0]?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const secretAt = heading.findIndex((cell) => SECRET_HEADINGS.has(cell));
  if (secretAt < 0) return rows;
  const numberAt = heading.findIndex((cell) => NUMBER_HEADINGS.has(cell));
  return rows
    .slice(1)
    .map(({ line, cells }) => ({ line, cells: numberAt < 0 ? [cells[secretAt] ?? ''] : [cells[numberAt] ?? '', cells[secretAt] ?? ''] }));
}

function readCells(cells: readonly string[]): PlainCardKey | LineProblemCode {
  if (cells.length === 0 || cells.length > 2) return 'MALFORMED';
  const [number, secret] = cells.length === 2 ? [cells[0] || null, cells[1] ?? ''] : [null, cells[0] ?? ''];
  return cardKeyProblem({ number, secret }) ?? { number, secret };
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

function keyContext({ networkId, skuId, keyId }: SealPlace): string[] {
  return [networkId, skuId, keyId];
}
