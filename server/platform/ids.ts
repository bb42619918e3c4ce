import { randomBytes, randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Makes the next id. */
export type NewId = () => string;

const COUNTER_LIMIT = 2 ** 32;
/** A clock that falls back by less than this is jitter, and order of creation is kept; by more, it was set on purpose. */
const JITTER_MILLISECONDS = 10_000;

/**
 * Ids of one process: UUIDv7 (RFC 9562) with the clock's millisecond, then a counter that starts at a random point in each
 * millisecond (ids made in one millisecond sort by creation), then 42 random bits.
 */
export function createIds(clock: Clock): NewId {
  let last = 0;
  let counter = 0;
  // the 80 bits before the counter's last six stay as they are for up to 64 ids: an order takes dozens
  let head = '';
  return () => {
    const now = clock().getTime();
    if (now > last || last - now > JITTER_MILLISECONDS) {
      last = now;
      // the top bit stays free, so that at least 2^31 ids fit into a millisecond
      counter = randomBytes(4).readUInt32BE() >>> 1;
      head = headOf(last, counter);
    } else {
      counter += 1;
      if (counter === COUNTER_LIMIT) {
        last += 1;
        counter = 0;
      }
      if ((counter & 0x3f) === 0) head = headOf(last, counter);
    }
    return head + tailOf(counter);
  };
}

// 74 bits after the time: 12 beside the version, 62 beside the variant; the counter is the first 32 of them
function headOf(milliseconds: number, counter: number): string {
  const time = milliseconds.toString(16).padStart(12, '0');
  const high = (counter >>> 20).toString(16).padStart(3, '0');
  const middle = (0x8000 | ((counter >>> 6) & 0x3fff)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${middle}-`;
}

// random bytes are drawn by the page, at a tenth of the cost of drawing them by six
const RANDOM_BYTES = 6;
const randomPage = Buffer.alloc(682 * RANDOM_BYTES);
let randomUsed = randomPage.length;

/** The counter's last six bits and 42 random ones. */
function tailOf(counter: number): string {
  if (randomUsed === randomPage.length) {
    randomFillSync(randomPage);
    randomUsed = 0;
  }
  randomPage[randomUsed] = ((counter & 0x3f) << 2) | ((randomPage[randomUsed] ?? 0) & 3);
  randomUsed += RANDOM_BYTES;
  return randomPage.toString('hex', randomUsed - RANDOM_BYTES, randomUsed);
}

/** When an id was made. */
export function idTime(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** An id that is not larger than any that was made at this instant or later: where a range of an index begins. */
export function firstIdAt(instant: Date): string {
  const time = instant.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

/** Whether a text has the form of an id (any UUID): asked before it reaches a query. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}
