import pg from 'pg';

const DATE = 1082;
const INT8 = 20;
const DATE_ARRAY = 1182;
const NUMERIC_ARRAY = 1231;
const TEXT_ARRAY: number = 1009;

/**
 * How values arrive: numerics as text (as ever), and unlike pg's own choice a date as "YYYY-MM-DD" (never shifted by a time zone),
 * an int8 as a bigint, and arrays of numerics and dates as text.
 */
export const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') => {
  if (format === 'binary') return pg.types.getTypeParser(oid, 'binary');
  if (oid === DATE) return (text: string) => text;
  if (oid === INT8) return (text: string) => BigInt(text);
  if (oid === DATE_ARRAY || oid === NUMERIC_ARRAY) return pg.types.getTypeParser(TEXT_ARRAY, 'text');
  return pg.types.getTypeParser(oid, 'text');
};
