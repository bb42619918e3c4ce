import { type LotMove, setLotAside } from '#server/flows/set-lot-aside.ts';
import type { LotRow } from '#server/stock/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { idOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { done, mutation, successType } from './mutation.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused } from './refusals.ts';
import { resultUnion } from './results.ts';
import { LotType, loadLot } from './stock.ts';

interface Answer<Name extends string> {
  readonly __typename: Name;
  readonly lot: LotRow;
  readonly movedCount: number;
}

moving('quarantineLot', 'LotQuarantined', {
  move: 'QUARANTINE',
  description: 'Puts a lot aside: none of its card keys is sold any more. What orders hold stays theirs; ordersTouched lists them.',
  answer: 'A lot was put aside.',
});
moving('releaseLot', 'LotReleased', {
  move: 'RELEASE',
  description: 'Puts a lot back on the shelf. Card keys that have passed their day meanwhile expire.',
  answer: 'A lot was put back.',
});
moving('voidLot', 'LotVoided', {
  move: 'VOID',
  description: 'Makes a lot that was put aside void: its card keys never come back. No money moves.',
  answer: 'A lot was made void.',
});

function moving<const Name extends string>(
  name: string,
  answerName: Name,
  { move, description, answer }: { readonly move: LotMove; readonly description: string; readonly answer: string },
): void {
  const Moved = successType<Answer<Name>>(answerName, answer, (t) => ({
    lot: t.field({ type: LotType, description: 'The lot.', resolve: ({ lot }) => lot }),
    movedCount: t.exposeInt('movedCount', { description: 'Card keys that changed.' }),
  }));
  const input = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  mutation(name, {
    description,
    access: { party: 'STATION', permission: 'STOCK_WITHDRAW' },
    input: builder.inputType(`${input}Input`, {
      description: 'Which lot, and why.',
      fields: (t) => ({
        lotId: t.id({ required: true, description: "The lot, of the acting station's own SKU." }),
        reason: t.string({ required: true, description: 'Why; kept with the lot and in the audit log.' }),
      }),
    }),
    result: resultUnion(`${input}Result`, 'What became of it, or why nothing did.', [Moved, NotFound, NotAllowed, InvalidInput]),
    resolve: async ({ lotId: text, reason }, context) => {
      const lotId = idOf('Lot', text);
      if (lotId === null) return notFound('lot');
      const outcome = await setLotAside(context.db, viewerOf(context), { lotId, move, reason });
      if (outcome.kind !== 'LOT_MOVED') return refused(outcome, 'lot');
      forgetLoaded(context);
      const lot = await loadLot(context, lotId);
      if (lot === null) throw new Error(`the lot ${lotId} is not there`);
      return done(answerName, { lot, movedCount: outcome.movedCount }) as Answer<Name>;
    },
  });
}
