/**
 * A one-dimensional array as PostgreSQL reads it ('{a,"b c",NULL}'), or null for one that has other elements than texts, numbers
 * and nulls. `pg` quotes and escapes every element; ids and amounts, of which an order's statements have dozens, need neither.
 */
export function arrayText(values: readonly unknown[]): string | null {
  let text = '{';
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (index > 0) text += ',';
    if (value === null || value === undefined) text += 'NULL';
    else if (typeof value === 'number') text += String(value);
    else if (typeof value === 'string') text += isPlain(value) ? value : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    else return null;
  }
  return `${text}}`;
}

// 'NULL' is a text only in quotes, as is the empty one
const PLAIN = /^[\w.+-]+$/;
const NULL_TEXT = /^null$/i;
function isPlain(text: string): boolean {
  return PLAIN.test(text) && (text.length !== 4 || !NULL_TEXT.test(text));
}
