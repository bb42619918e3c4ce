// Arrays in PostgreSQL's binary form: `pg` sends a Buffer as it is, where an array of a thousand sealed texts would be written as hex
// and read again. One dimension, no nulls.

const OIDS = { bytea: 17, int4: 23, uuid: 2950 } as const;
const HEADER_BYTES = 20;

/** A bytea[] of these values. */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  const array = header(
    'bytea',
    values.length,
    values.reduce((sum, { length }) => sum + 4 + length, 0),
  );
  let at = HEADER_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(value.length, at);
    array.set(value, at);
    at += value.length;
  }
  return array;
}

/** An int4[] of these whole numbers. */
export function int4Array(values: readonly number[]): Buffer {
  const array = header('int4', values.length, values.length * 8);
  let at = HEADER_BYTES;
  for (const value of values) at = array.writeInt32BE(value, array.writeInt32BE(4, at));
  return array;
}

/** A uuid[] of these ids. */
export function uuidArray(ids: readonly string[]): Buffer {
  const array = header('uuid', ids.length, ids.length * 20);
  let at = HEADER_BYTES;
  for (const id of ids) {
    at = array.writeInt32BE(16, at);
    at += array.write(id.replaceAll('-', ''), at, 'hex');
  }
  return array;
}

/** Dimensions, whether there are nulls, the elements' type, how many there are and from which number on. */
function header(type: keyof typeof OIDS, count: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  for (const [index, value] of [1, 0, OIDS[type], count, 1].entries()) array.writeInt32BE(value, index * 4);
  return array;
}
