import type { Queryable } from '#server/platform/database.ts';

/** A row by column name. Dates, arrays and plain objects are written as JSON has them; bytes as Buffers. */
export type Row = Readonly<Record<string, unknown>>;

const ROWS_PER_STATEMENT = 5_000;

/**
 * Inserts many rows of one table: one statement for every 5,000. Every row has the columns of the first. For arranging a
 * network that does not live yet; what moves money or goods goes through the flows.
 */
export async function insertRows(db: Queryable, table: string, rows: readonly Row[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first).join(', ');
  const text = `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`;
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await db.query({ text, values: [JSON.stringify(rows.slice(start, start + ROWS_PER_STATEMENT).map(bytesAsHex))] });
  }
}

// bytea reads \x and hex digits; JSON of a Buffer would be a list of numbers
function bytesAsHex(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value]),
  );
}
