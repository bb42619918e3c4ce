/** What a simulated upstream can be made to do wrong, and when. */
export const FAULTS = {
  slow: 'answers after `slowMilliseconds`',
  'timeout-before': 'does nothing with a purchase and never answers it',
  'timeout-after-success': 'sells, and never answers',
  'error-before': 'status 500; a purchase has not happened',
  'error-after': 'sells, and answers with status 502',
  nonsense: 'sells, and answers with a page of HTML',
  'hang-mid-answer': 'sells, sends half of the answer and stops',
  'duplicate-callbacks': 'tells each change three times',
  'wrong-count': 'hands out one key less than was paid for; one more of a single one',
  'wrong-price': 'takes half as much again as it quoted',
  apology: 'takes the money and sends a friendly text instead of keys',
  'other-keys': 'hands out the keys of another order',
  refunded: 'accepts the order, and gives the money back instead of goods',
  'unknown-order': 'knows no order that it is asked for',
  dead: 'refuses connections',
} as const;

/** One of `FAULTS`. */
export type Fault = keyof typeof FAULTS;

/** How many of the calls a fault befalls, from 0 to 1. */
export type FaultShares = Readonly<Partial<Record<Fault, number>>>;

/** What a call is about: only purchases sell, only queries can fail to find. */
export type CallKind = 'PURCHASE' | 'QUERY' | 'OTHER';

const OF_QUERIES: readonly Fault[] = ['slow', 'error-before', 'nonsense', 'hang-mid-answer', 'unknown-order'];
const OF_OTHERS: readonly Fault[] = ['slow', 'error-before', 'nonsense', 'hang-mid-answer'];
const NOT_OF_PURCHASES: readonly Fault[] = ['unknown-order', 'dead'];

/** Draws what befalls the next call of a kind: at most one fault. */
export function faultDrawer(seed: number): (shares: FaultShares, kind: CallKind) => Fault | null {
  const chance = seededChance(seed);
  return (shares, kind) => {
    let left = chance();
    for (const [name, share] of Object.entries(shares)) {
      const fault = name as Fault;
      if (!befalls(fault, kind)) continue;
      if (left < share) return fault;
      left -= share;
    }
    return null;
  };
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function seededChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A name that was typed, as a fault; null when there is none of this name. */
export function faultOf(name: string): Fault | null {
  return Object.hasOwn(FAULTS, name) ? (name as Fault) : null;
}

function befalls(fault: Fault, kind: CallKind): boolean {
  if (kind === 'PURCHASE') return !NOT_OF_PURCHASES.includes(fault);
  return (kind === 'QUERY' ? OF_QUERIES : OF_OTHERS).includes(fault);
}
