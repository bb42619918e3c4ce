import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { globalId } from './ids.ts';

/** A card key in the clear, as it leaves the server once. */
export interface CardKeyRow {
  readonly id: string;
  readonly number: string | null;
  readonly secret: string;
  readonly revealedAt: Date;
}

/** The card key type of the contract. No Node: a secret is never fetched by its id alone. */
export const CardKeyType = builder.objectRef<CardKeyRow>('CardKey').implement({
  description: 'A card key in the clear.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    id: t.id({ description: 'By which a refund names it.', resolve: ({ id }) => globalId('CardKey', id) }),
    number: t.exposeString('number', { nullable: true, description: 'The card number (卡号).' }),
    secret: t.exposeString('secret', { description: 'The secret (卡密).' }),
    revealedAt: t.field({ type: 'DateTime', description: 'When it was revealed first.', resolve: ({ revealedAt }) => revealedAt }),
  }),
});

/** The card keys of an order that the acting station bought. */
export async function loadCardKeys(_context: Context, _orderId: string): Promise<readonly CardKeyRow[] | null> {
  return null;
}
