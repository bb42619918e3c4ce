import type { PartyChoice } from '../app/session.tsx';

/** Where the purchases of a party are: an owner's at its supply desk, a supplier's among its own pages. */
export function attemptsPath(party: PartyChoice | null): string {
  return party?.kind === 'SUPPLIER' ? '/attempts' : '/supply/attempts';
}
