import type { Payload } from '#server/live/fan-out-group.ts';

/** Payloads that wait for a slow client: of each thing only the newest. */
export type Held = Map<string, Payload>;

/** Things about which a slow client may be told later; beyond it, it is cut. The payloads themselves are shared with others. */
const HELD_MOST = 2_000;

/** Holds payloads back; false when they can't be: one must be told, or there are too many. */
export function hold(held: Held, payloads: readonly Payload[]): boolean {
  for (const payload of payloads) {
    if (payload.key === null) return false;
    // what is told anew moves to the end: cursors must rise
    held.delete(payload.key);
    held.set(payload.key, payload);
  }
  return held.size <= HELD_MOST;
}
