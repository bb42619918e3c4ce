import type { ArgBuilder, ObjectFieldsShape } from '@pothos/core';
import { GraphQLError } from 'graphql';
import { CursorInvalid } from '#server/live/cursor.ts';
import { CursorExpired } from '#server/live/event-source.ts';
import type { Watched } from '#server/live/live-stream.ts';
import type { PartyAccess } from './access.ts';
import { builder, type Types } from './builder.ts';
import { badInput } from './errors.ts';
import { idOf, optionalIdOf } from './ids.ts';

/** SKUs that one subscription may name. */
const MOST_SKUS = 1000;
/** Ids of nothing are answered like those of what is not there. */
const NO_ID = '00000000-0000-0000-0000-000000000000';

/** What every event that can be resumed after has. */
export interface Placed {
  readonly cursor: string;
  readonly occurredAt: Date;
}

/** Declares what a subscription tells: an event with its place and time, and what it is about. */
export function eventType<Event extends Placed>(
  name: string,
  { description, access, fields }: { description: string; access: PartyAccess; fields: ObjectFieldsShape<Types, Event> },
) {
  return builder.objectRef<Event>(name).implement({
    description,
    access,
    fields: (t) => ({
      cursor: t.field({
        type: 'Cursor',
        description: 'Its place: subscribe with after to go on from here without a gap.',
        resolve: ({ cursor }: Event) => cursor,
      }),
      occurredAt: t.field({ type: 'DateTime', description: 'When.', resolve: ({ occurredAt }: Event) => occurredAt }),
      ...fields(t),
    }),
  });
}

/** The argument of every subscription that can be resumed. */
export function afterArg(arg: ArgBuilder<Types>) {
  return { after: arg({ type: 'Cursor', description: 'Go on after this event; from now on when left out.' }) };
}

/** The arguments of a subscription that may be narrowed to goods. */
export function goodsArgs(arg: ArgBuilder<Types>) {
  return {
    skuIds: arg.idList({ description: 'Only of these SKUs.' }),
    categoryId: arg.id({ description: 'Only of this category and those below it.' }),
  };
}

/** Reads them: null where nothing was named. Refused: more than 1,000 SKUs. */
export function readGoods({ skuIds, categoryId }: { readonly skuIds?: readonly string[] | null; readonly categoryId?: string | null }) {
  if ((skuIds?.length ?? 0) > MOST_SKUS) throw badInput('skuIds', `At most ${MOST_SKUS} SKUs.`);
  const category = optionalIdOf('Category', categoryId);
  return {
    skuIds: skuIds ? [...new Set(skuIds.map((id) => idOf('Sku', id) ?? NO_ID))] : null,
    categoryId: category === null ? NO_ID : (category ?? null),
  };
}

/** The event of a subscription's field, or the error with which its stream ends. */
export function eventOf<Event>(watched: Watched<Event>): Event {
  if ('event' in watched) return watched.event;
  const { failure } = watched;
  if (failure instanceof CursorInvalid) throw badInput('after', failure.message);
  throw failure instanceof CursorExpired ? new GraphQLError(failure.message, { extensions: { code: 'CURSOR_EXPIRED' } }) : failure;
}
