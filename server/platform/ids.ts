import { randomBytes, randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';

/** Makes the next id. */
export type NewId = () => string;

const COUNTER_BITS = 32n;
const COUNTER_LIMIT = 1n << COUNTER_BITS;
/** A clock that falls back by less than this is jitter, and order of creation is kept; by more, it was set on purpose. */
const JITTER_MILLISECONDS = 10_000;

/**
 * Ids of one process: UUIDv7 (RFC 9562) with the clock's millisecond, then a counter that starts at a random point in each
 * millisecond (ids made in one millisecond sort by creation), then 42 random bits.
 */
export function createIds(clock: Clock): NewId {
  let last = 0;
  let counter = 0n;
  return () => {
    const now = clock().getTime();
    if (now > last || last - now > JITTER_MILLISECONDS) {
      last = now;
      // the top bit stays free, so that at least 2^31 ids fit into a millisecond
      counter = BigInt(randomBytes(4).readUInt32BE() >>> 1);
    } else {
      counter += 1n;
      if (counter === COUNTER_LIMIT) {
        last += 1;
        counter = 0n;
      }
    }
    return formatId(last, counter);
  };
}

function formatId(milliseconds: number, counter: bigint): string {
  const tail = random64() & ((1n << 42n) - 1n);
  // 74 bits after the time: 12 beside the version, 62 beside the variant
  const rest = (counter << 42n) | tail;
  const high = (0x7000n | (rest >> 62n)).toString(16);
  const low = ((0b10n << 62n) | (rest & ((1n << 62n) - 1n))).toString(16);
  const time = milliseconds.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-${high}-${low.slice(0, 4)}-${low.slice(4)}`;
}

// an order takes a dozen ids: random bytes are drawn by the page, at a tenth of the cost of drawing them by eight
const randomPage = Buffer.alloc(4096);
let randomUsed = randomPage.length;

function random64(): bigint {
  if (randomUsed === randomPage.length) {
    randomFillSync(randomPage);
    randomUsed = 0;
  }
  randomUsed += 8;
  return randomPage.readBigUInt64BE(randomUsed - 8);
}

/** When an id was made. */
export function idTime(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** Whether a text has the form of an id (any UUID): asked before it reaches a query. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}
