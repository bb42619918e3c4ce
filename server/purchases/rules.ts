import type { OfferCandidate } from '#server/offers/rules.ts';

// Purchase attempts (domain §6): one try to buy from one supplier. Pure: what an upstream said is handed in, what becomes of the
// attempt comes out.

/** What an attempt is for: a line of an order, or stock (a replenishment, a listing's test purchase), with what asked for it. */
export type AttemptPurpose =
  | { readonly kind: 'ORDER'; readonly orderId: string; readonly lineId: string }
  | { readonly kind: 'REPLENISHMENT' | 'TEST'; readonly subjectId: string };

/** What an attempt keeps of the offer that it buys by; a candidate of routing is one. */
export type BoughtOffer = Pick<
  OfferCandidate,
  'offerId' | 'skuId' | 'ownerId' | 'supplierId' | 'accountId' | 'terms' | 'goods' | 'upstreamCurrency' | 'rate'
>;

// ---- request keys ----

/** Every request key has so many characters: so many does the upstream keep that keeps fewest (acg-faka). */
export const REQUEST_KEY_LENGTH = 19;
/** Random bytes that a request key is made of. */
export const REQUEST_KEY_BYTES = 16;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * The request key of an attempt out of random bytes: 98 bits, so no two are ever alike, also not over the users of one upstream; of
 * [a-z0-9], since some look at no capitals; a letter first, since PHP takes "0" for nothing and "1e5" for a number.
 */
export function requestKeyFrom(random: Uint8Array): string {
  const [first = 0, ...others] = random;
  const digits = others.reduce((number, byte) => number * 256n + BigInt(byte), 0n).toString(36);
  return (LETTERS[first % LETTERS.length] ?? 'a') + digits.padStart(REQUEST_KEY_LENGTH - 1, '0').slice(-(REQUEST_KEY_LENGTH - 1));
}
