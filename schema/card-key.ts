import { REVEAL_ORDERS_MAX, revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import type { RevealedKey } from '#server/stock/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { globalId } from './ids.ts';
import { batched } from './loaders.ts';

/** The card key type of the contract. No Node: a secret is never fetched by its id alone. */
export const CardKeyType = builder.objectRef<RevealedKey>('CardKey').implement({
  description: 'A card key in the clear.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    id: t.id({ description: 'By which a refund names it.', resolve: ({ id }) => globalId('CardKey', id) }),
    number: t.exposeString('number', { nullable: true, description: 'The card number (卡号).' }),
    secret: t.exposeString('secret', { description: 'The secret (卡密).' }),
    revealedAt: t.field({ type: 'DateTime', description: 'When it was revealed first.', resolve: ({ revealedAt }) => revealedAt }),
  }),
});

/**
 * The card keys of an order that the acting station bought: revealed now, audited, decrypted after the commit. All orders of a
 * document are one reveal (of at most 250).
 */
export const loadCardKeys = batched<string, readonly RevealedKey[]>(
  async (context, orderIds) => {
    const outcome = await revealCardKeys(context.db, context.vault, viewerOf(context), orderIds);
    return outcome.kind === 'CARD_KEYS_REVEALED' ? outcome.cardKeys : new Map();
  },
  { most: REVEAL_ORDERS_MAX },
);
