import { parse } from 'csv-parse/sync';
import {
  type CatalogueLine,
  type CatalogueProblem,
  DESCRIPTION_MAX,
  NAME_MAX,
  QUANTITY_MAX,
  readPrice,
  SKU_CODE,
  UNIT_SIZES,
} from '#server/catalog/rules.ts';
import type { CurrencyCode, Money } from '#server/platform/money.ts';

const REQUIRED_COLUMNS = ['category1', 'product', 'sku_code', 'sku', 'base_price'] as const;
const OPTIONAL_COLUMNS = [
  'category2',
  'category3',
  'brand',
  'description',
  'face_value',
  'unit_size',
  'min_quantity',
  'max_quantity',
  'quantity_step',
] as const;
type Column = (typeof REQUIRED_COLUMNS)[number] | (typeof OPTIONAL_COLUMNS)[number];

/** Lines of one file; more are better split. */
export const CATALOGUE_LINES_MAX = 20_000;
/** A file as far as it can be read: nothing of it is imported while there is a problem. */
export type CatalogueFile =
  | { readonly kind: 'READ'; readonly lines: readonly CatalogueLine[]; readonly problems: readonly CatalogueProblem[] }
  | { readonly kind: 'UNREADABLE'; readonly message: string };

/**
 * Reads a UTF-8 CSV of SKUs, its columns named by the first line in any order. Every line that is wrong is told with everything
 * that is wrong in it. UNREADABLE: another encoding, broken quoting, columns that miss or are not known, nothing or too much in it.
 */
export function readCatalogueFile(bytes: Uint8Array, currency: CurrencyCode): CatalogueFile {
  const records = recordsOf(bytes);
  if (typeof records === 'string') return { kind: 'UNREADABLE', message: records };
  const [heading, ...rest] = records;
  const columns = heading?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const wrong = headingProblem(columns) ?? countProblem(rest.length);
  if (wrong !== null) return { kind: 'UNREADABLE', message: wrong };
  const lines: CatalogueLine[] = [];
  const problems: CatalogueProblem[] = [];
  for (const { line, cells } of rest) {
    const read = readCatalogueLine(line, columns, cells, currency);
    if ('messages' in read) problems.push(...read.messages.map((message) => ({ line, message })));
    else lines.push(read);
  }
  return { kind: 'READ', lines, problems };
}

function recordsOf(bytes: Uint8Array): { line: number; cells: string[] }[] | string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return 'The file is not UTF-8: save it as “CSV UTF-8”.';
  }
  try {
    const options = { info: true, relax_column_count: true, skip_empty_lines: true, trim: true } as const;
    const parsed = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    return parsed.map(({ record, info }) => ({ line: info.lines, cells: record })).filter(({ cells }) => cells.some((cell) => cell !== ''));
  } catch (error) {
    const line = (error as { lines?: number }).lines;
    return `The CSV cannot be read${line === undefined ? '' : ` at line ${line}`}: a quote is not closed or stands where none may.`;
  }
}

function headingProblem(columns: readonly string[]): string | null {
  const known: readonly string[] = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS];
  const missing = REQUIRED_COLUMNS.filter((name) => !columns.includes(name));
  if (missing.length > 0) return `The first line names the columns; missing: ${missing.join(', ')}.`;
  const strange = columns.filter((name, index) => !known.includes(name) || columns.indexOf(name) !== index);
  return strange.length === 0 ? null : `The first line names columns that are not known, or twice: ${strange.join(', ')}.`;
}

function countProblem(count: number): string | null {
  if (count === 0) return 'The file holds no SKUs.';
  return count > CATALOGUE_LINES_MAX ? `The file has more than ${CATALOGUE_LINES_MAX} SKUs.` : null;
}
function readCatalogueLine(
  line: number,
  columns: readonly string[],
  cells: readonly string[],
  currency: CurrencyCode,
): CatalogueLine | { readonly messages: string[] } {
  if (cells.length !== columns.length) return { messages: [`${cells.length} cells where the heading has ${columns.length}`] };
  const messages: string[] = [];
  const cell = (column: Column) => cells[columns.indexOf(column)] ?? '';
  const name = (column: Column) => {
    const text = cell(column);
    if (text.length > NAME_MAX || /\p{Cc}/u.test(text)) messages.push(`${column}: a line of at most ${NAME_MAX} characters`);
    return text;
  };
  const required = (column: Column) => {
    if (cell(column) === '') messages.push(`${column} is empty`);
    return name(column);
  };
  const count = (column: Column) => {
    const text = cell(column);
    if (text === '') return null;
    if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= QUANTITY_MAX) return Number(text);
    messages.push(`${column}: ${text} is not a whole number above zero`);
    return null;
  };
  const categories = [required('category1'), name('category2'), name('category3')];
  if (categories[1] === '' && categories[2] !== '') messages.push('category3 is there and category2 is not');
  const product = required('product');
  const brand = name('brand') || null;
  const description = cell('description') || null;
  if ((description ?? '').length > DESCRIPTION_MAX || description?.includes('\0'))
    messages.push(`description: at most ${DESCRIPTION_MAX} characters, and none of them NUL`);
  const code = required('sku_code');
  if (code !== '' && !SKU_CODE.test(code)) messages.push(`sku_code: ${code} is not 1 to 64 letters, digits, dots, hyphens and underscores`);
  const sku = required('sku');
  const faceValue = name('face_value') || null;
  const basePrice = readBasePrice(required('base_price'), currency, messages);
  const unitSize = count('unit_size');
  if (unitSize !== null && !UNIT_SIZES.includes(unitSize)) messages.push(`unit_size: ${unitSize} is not one of ${UNIT_SIZES.join(', ')}`);
  const quantities = { minQuantity: count('min_quantity'), maxQuantity: count('max_quantity'), quantityStep: count('quantity_step') };
  if (basePrice === null || messages.length > 0) return { messages };
  const path = categories.filter((each) => each !== '');
  return { line, categories: path, product, brand, description, code, name: sku, faceValue, basePrice, unitSize, ...quantities };
}

function readBasePrice(text: string, currency: CurrencyCode, messages: string[]): Money | null {
  const price = readPrice(text, currency);
  if (price === null && text !== '')
    messages.push(`base_price: ${text} is not a price above zero with at most four decimals, such as 47.50`);
  return price;
}
