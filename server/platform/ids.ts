import { randomBytes, randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Makes the next id. */
export type NewId = () => string;

const COUNTER_LIMIT = 2 ** 32;
const RANDOM_LIMIT = 2 ** 42;
/** A clock that falls back by less than this is jitter, and order of creation is kept; by more, it was set on purpose. */
const JITTER_MILLISECONDS = 10_000;

/**
 * Ids of one process: UUIDv7 (RFC 9562) with the clock's millisecond, then a counter that starts at a random point in each
 * millisecond (ids made in one millisecond sort by creation), then 42 random bits.
 */
export function createIds(clock: Clock): NewId {
  let last = 0;
  let counter = 0;
  return () => {
    const now = clock().getTime();
    if (now > last || last - now > JITTER_MILLISECONDS) {
      last = now;
      // the top bit stays free, so that at least 2^31 ids fit into a millisecond
      counter = randomBytes(4).readUInt32BE() >>> 1;
    } else {
      counter += 1;
      if (counter === COUNTER_LIMIT) {
        last += 1;
        counter = 0;
      }
    }
    return formatId(last, counter);
  };
}

// 74 bits after the time: 12 beside the version, 62 beside the variant; the counter is the first 32 of them. In numbers, not
// BigInts: an order takes dozens of ids.
function formatId(milliseconds: number, counter: number): string {
  const time = hex(milliseconds, 12);
  const high = hex(counter >>> 20, 3);
  const middle = (0x8000 | ((counter >>> 6) & 0x3fff)).toString(16);
  const low = hex((counter & 0x3f) * RANDOM_LIMIT + random42(), 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${middle}-${low}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

// random bytes are drawn by the page, at a tenth of the cost of drawing them by six
const RANDOM_BYTES = 6;
const randomPage = Buffer.alloc(682 * RANDOM_BYTES);
let randomUsed = randomPage.length;

function random42(): number {
  if (randomUsed === randomPage.length) {
    randomFillSync(randomPage);
    randomUsed = 0;
  }
  randomUsed += RANDOM_BYTES;
  return randomPage.readUIntBE(randomUsed - RANDOM_BYTES, RANDOM_BYTES) % RANDOM_LIMIT;
}

/** When an id was made. */
export function idTime(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** Whether a text has the form of an id (any UUID): asked before it reaches a query. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}
