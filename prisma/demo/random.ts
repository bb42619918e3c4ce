import { createHash } from 'node:crypto';

/** Numbers that look random and are the same for the same seed, on every machine. Not for secrets of real networks. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  int(below: number): number;
  /** One of the list; an empty list throws. */
  pick<Item>(list: readonly Item[]): Item;
  /** True with this probability. */
  chance(probability: number): boolean;
}

/** A stream of its own for each name, so that a change in one part of the demo leaves the other parts as they were. */
export function createRandom(seed: string, stream: string): Random {
  const digest = createHash('sha256').update(`${seed}\0${stream}`).digest();
  const next = sfc32(digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12));
  const int = (below: number) => Math.floor(next() * below);
  return {
    next,
    int,
    pick: (list) => {
      const item = list[int(list.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    chance: (probability) => next() < probability,
  };
}

/** Picks an index with a probability in proportion to its weight; the weights are summed once. */
export function weightedIndex(weights: readonly number[]): (random: Random) => number {
  const sums: number[] = [];
  let sum = 0;
  for (const weight of weights) sums.push((sum += weight));
  if (sum <= 0) throw new Error('weights need a positive sum');
  return (random) => firstAbove(sums, random.next() * sum);
}

/** The first index whose running sum is above `point`: binary search. */
export function firstAbove(sums: readonly number[], point: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}

// Chris Doty-Humphrey's small fast counter: 128 bits of state, period above 2^64 for practical purposes
function sfc32(seedA: number, seedB: number, seedC: number, seedD: number): () => number {
  let [a, b, c, d] = [seedA | 0, seedB | 0, seedC | 0, seedD | 0];
  return () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
}
