import type { LoadReport } from './load.ts';
import type { Stage } from './stage.ts';

/** Rounds of both sides, the same number of each. */
export interface Turns<Round> {
  readonly ours: Round[];
  readonly references: Round[];
}

/** Rounds of one side and the other in turn (A B A B), without the first ones, which do not count. `sayOf` tells of one round in a word. */
export async function inTurn<Round extends LoadReport>(
  { options, say }: Stage,
  sides: { readonly ours: () => Promise<Round>; readonly reference: () => Promise<Round> },
  sayOf: (round: Round) => string,
): Promise<Turns<Round>> {
  const ours: Round[] = [];
  const references: Round[] = [];
  const { rounds, firstRounds } = options;
  for (let number = 1 - firstRounds; number <= rounds; number += 1) {
    const mine = await sides.ours();
    const theirs = await sides.reference();
    say(`round ${number} of ${rounds}${number < 1 ? ' (does not count)' : ''}: ${sayOf(mine)} against ${sayOf(theirs)}`);
    if (number < 1) continue;
    ours.push(mine);
    references.push(theirs);
  }
  return { ours, references };
}
