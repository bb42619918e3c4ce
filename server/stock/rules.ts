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

/** Lines of one file that comes in a document, at most (issue 2, point 8). */
export const IMPORT_LINES_MAX = 100_000;
/** Lines of one file that is uploaded, at most. */
export const UPLOAD_LINES_MAX = 2_000_000;
/** Characters of one line: the longest number and secret, quotes and what stands between, with room. */
export const LINE_CHARACTERS_MAX = 8_192;
/** Problems that a job names line by line; of all others it holds the count. */
export const PROBLEMS_MAX = 1_000;
const NUMBER_MAX = 255;
const SECRET_MAX = 2_000;

/** A line of a file, parted into its cells; `cells` null: it is longer than any line may be. */
export type FileRow = { readonly line: number; readonly cells: readonly string[] | null };

/** What stands in lines of a file: keys, and problems line by line. */
export type ReadLines = { readonly keys: CardKeyLine[]; readonly problems: LineProblem[] };

/**
 * Reads a file of card keys: the secret alone, or number and secret. In TEXT they are parted by a tab, a comma, "----" or
 * blanks; in CSV the columns are (secret) or (number, secret) unless a heading names them. Blank lines are nothing; a line
 * that is wrong is a problem of its own and harms no other. UNREADABLE: nothing in it, too many lines, broken quoting.
 */
export function readCardKeyFile(text: string, format: CardKeyFormat): ReadFile {
  const rows = format === 'TEXT' ? wholeText(text) : csvRows(text);
  if (typeof rows === 'string') return { kind: 'UNREADABLE', why: rows };
  if (rows.length === 0) return { kind: 'UNREADABLE', why: NO_KEYS };
  if (rows.length > IMPORT_LINES_MAX) return { kind: 'UNREADABLE', why: tooManyLines(IMPORT_LINES_MAX) };
  return { kind: 'READ', ...readRows(rows) };
}

/** Why a file without any line is not read. */
export const NO_KEYS = 'the file holds no card keys';

/** Why a file of more lines is not read. */
export function tooManyLines(linesMax: number): string {
  return `the file has more than ${linesMax} lines`;
}

/** Parts rows into keys and problems. */
export function readRows(rows: readonly FileRow[]): ReadLines {
  const keys: CardKeyLine[] = [];
  const problems: LineProblem[] = [];
  for (const { line, cells } of rows) {
    const read = cells === null ? 'TOO_LONG' : readCells(cells);
    if (typeof read === 'string') problems.push({ line, code: read });
    else keys.push({ line, ...read });
  }
  return { keys, problems };
}

/** Reads TEXT as it comes, in pieces that may end anywhere. Holds no more than one line, and of one that is too long, nothing. */
export type TextReader = { push(text: string): FileRow[]; end(): FileRow[] };

/** A reader at the start of a TEXT file. */
export function createTextReader(): TextReader {
  let line = 0;
  let rest = '';
  let isTooLong = false;
  const take = (content: string, rows: FileRow[]) => {
    line += 1;
    const trimmed = content.trim();
    if (isTooLong || trimmed.length > LINE_CHARACTERS_MAX) rows.push({ line, cells: null });
    else if (trimmed !== '') rows.push({ line, cells: trimmed.split(/----|[\t,;，]|\s+/).filter((cell) => cell !== '') });
    isTooLong = false;
  };
  return {
    push: (text) => {
      const rows: FileRow[] = [];
      const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const content of lines) take(content, rows);
      if (rest.length > LINE_CHARACTERS_MAX) {
        rest = '';
        isTooLong = true;
      }
      return rows;
    },
    end: () => {
      const rows: FileRow[] = [];
      for (const content of rest.split('\r')) take(content, rows);
      return rows;
    },
  };
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

/** A card key as one text: what is sealed of it, and what its fingerprint is of. */
export function cardKeyText({ number, secret }: PlainCardKey): string {
  return JSON.stringify([number, secret]);
}

/** What a lot's data key is bound to. */
export function lotContext(networkId: string, lotId: string): string[] {
  return [networkId, lotId];
}

/** Seals a card key for the row that will hold it; in any other row it does not open. */
export function sealCardKey(vault: Vault, place: SealPlace, key: PlainCardKey): Buffer {
  return vault.seal(place.wrapped, lotContext(place.networkId, place.lotId), keyContext(place), cardKeyText(key));
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
  return vault.fingerprint(networkId, cardKeyText(key));
}

function wholeText(text: string): FileRow[] {
  const reader = createTextReader();
  const rows = reader.push(withoutMark(text));
  return [...rows, ...reader.end()];
}

const NUMBER_HEADINGS = new Set(['number', 'card number', 'card_number', 'cardnumber', '卡号']);
const SECRET_HEADINGS = new Set(['secret', 'card key', 'card_key', 'key', 'code', 'pin', '卡密', '密码']);

/** How csv-parse reads a file: what it is asked for is the same for a whole file and for one that comes in pieces. */
export const CSV_OPTIONS = { info: true, relax_column_count: true, skip_empty_lines: true, trim: true, bom: true } as const;

/** A record as csv-parse tells it. */
export type CsvRecord = { readonly record: readonly string[]; readonly info: { readonly lines: number } };

/** Why a CSV cannot be read, of what csv-parse threw. */
export function csvProblem(error: unknown): string {
  const line = (error as { lines?: number }).lines;
  return `the CSV cannot be read${line === undefined ? '' : ` at line ${line}`}: a quote is not closed or stands where none may`;
}

/** Reads CSV records as they come; the first says whether the file has a heading. Rows of nothing but empty cells are blank lines. */
export function createCsvReader(): (records: readonly CsvRecord[]) => FileRow[] {
  let columns: { readonly numberAt: number; readonly secretAt: number } | null | undefined;
  return (records) => {
    const rows: FileRow[] = [];
    for (const { record, info } of records) {
      if (record.every((cell) => cell === '')) continue;
      if (columns === undefined) {
        columns = headingOf(record);
        if (columns !== null) continue;
      }
      rows.push({ line: info.lines, cells: columns === null ? record : namedCells(record, columns) });
    }
    return rows;
  };
}

function headingOf(record: readonly string[]): { numberAt: number; secretAt: number } | null {
  const heading = record.map((cell) => cell.toLowerCase());
  const secretAt = heading.findIndex((cell) => SECRET_HEADINGS.has(cell));
  return secretAt < 0 ? null : { secretAt, numberAt: heading.findIndex((cell) => NUMBER_HEADINGS.has(cell)) };
}

function namedCells(record: readonly string[], { numberAt, secretAt }: { readonly numberAt: number; readonly secretAt: number }): string[] {
  const secret = record[secretAt] ?? '';
  return numberAt < 0 ? [secret] : [record[numberAt] ?? '', secret];
}

function csvRows(text: string): FileRow[] | string {
  try {
    return createCsvReader()(parse(text, CSV_OPTIONS) as unknown as CsvRecord[]);
  } catch (error) {
    return csvProblem(error);
  }
}

/** Why this can be no card key, whatever it is for; null when it can. */
export function cardKeyProblem({ number, secret }: PlainCardKey): 'SECRET_MISSING' | 'TOO_LONG' | 'UNPRINTABLE' | null {
  if (secret === '') return 'SECRET_MISSING';
  if (secret.length > SECRET_MAX || (number?.length ?? 0) > NUMBER_MAX) return 'TOO_LONG';
  // a control character in a key is a damaged file, and would break whoever copies it
  return /\p{Cc}/u.test(secret) || /\p{Cc}/u.test(number ?? '') ? 'UNPRINTABLE' : null;
}

function readCells(cells: readonly string[]): PlainCardKey | LineProblemCode {
  if (cells.length === 0 || cells.length > 2) return 'MALFORMED';
  const [number, secret] = cells.length === 2 ? [cells[0] || null, cells[1] ?? ''] : [null, cells[0] ?? ''];
  return cardKeyProblem({ number, secret }) ?? { number, secret };
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

/** What a sealed card key is bound to beside its data key. */
export function keyContext({ networkId, skuId, keyId }: Pick<SealPlace, 'networkId' | 'skuId' | 'keyId'>): string[] {
  return [networkId, skuId, keyId];
}

// ---- forecast ----

/** Days of sales that a forecast looks back on. */
export const FORECAST_DAYS = 30;

/** What a forecast is made of. `soldBefore`: units sold on the last 30 whole local days; `soldToday`: today so far. Dates are YYYY-MM-DD. */
export type StockSales = {
  readonly soldBefore: number;
  readonly soldToday: number;
  readonly createdOn: string;
  readonly today: string;
};

/** How long a stock lasts. `daysLeft` null: nothing was sold, so nobody can tell. */
export type StockForecast = { readonly observedDays: number; readonly soldCount: number; readonly daysLeft: number | null };

/**
 * How many whole days a stock lasts if it sells as it did on the last 30 whole days. A SKU that is younger is judged by the days that
 * it has; on its first day, by today. Seasons are not looked at.
 */
export function forecastStock(availableCount: number, { soldBefore, soldToday, createdOn, today }: StockSales): StockForecast {
  const age = Math.round((Date.parse(`${today}T00:00:00Z`) - Date.parse(`${createdOn}T00:00:00Z`)) / DAY_MILLISECONDS);
  const observedDays = Math.min(FORECAST_DAYS, Math.max(1, age));
  const soldCount = age < 1 ? soldToday : soldBefore;
  return { observedDays, soldCount, daysLeft: soldCount <= 0 ? null : Math.floor((availableCount * observedDays) / soldCount) };
}

const DAY_MILLISECONDS = 86_400_000;
