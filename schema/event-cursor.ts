import type { GraphQLResolveInfo, GraphQLSchema, OperationDefinitionNode, SelectionSetNode } from 'graphql';
import { ANY_SUBSCRIPTION, encodeCursor } from '#server/live/cursor.ts';
import { readPosition } from '#server/live/event-source.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { once } from './loaders.ts';

const FIELD = 'eventCursor';

builder.queryField(FIELD, (t) =>
  t.field({
    type: 'Cursor',
    access: { party: 'ANY' },
    description:
      'The place in the events from which nothing is missed: it is read before everything else in the same document, so subscribe with after: this cursor, and what changed after the rest was read is told. Good for every subscription of the acting party.',
    resolve: (_, __, context) => cursorOf(context),
  }),
);

/**
 * Fields of a query run side by side. Where a document asks for the event cursor, its other root fields wait until that is read:
 * a list that is read after the place lacks nothing that came before it. What lies between the two is told once more, which harms
 * nobody, since an event names what to read and not what to add.
 */
export function readEventCursorFirst(contract: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(contract.getQueryType()?.getFields() ?? {})) {
    const { resolve } = field;
    if (resolve === undefined || field.name === FIELD) continue;
    field.resolve = (root, args, context: Context, info) => {
      if (!asksForCursor(info) || context.viewer === null) return resolve(root, args, context, info);
      return cursorOf(context).then(() => resolve(root, args, context, info));
    };
  }
  return contract;
}

const cursorOf = once(async (context) => {
  const { networkId, party } = viewerOf(context);
  const partyId = party.kind === 'STATION' ? party.stationId : party.supplierId;
  return encodeCursor({ networkId, partyId, subscription: ANY_SUBSCRIPTION }, await readPosition(context.db.pool, networkId));
});

const asking = new WeakMap<OperationDefinitionNode, boolean>();

function asksForCursor(info: GraphQLResolveInfo): boolean {
  const known = asking.get(info.operation);
  if (known !== undefined) return known;
  const asks = selects(info.operation.selectionSet, info);
  asking.set(info.operation, asks);
  return asks;
}

/** Whether the field stands at the root, also by way of a fragment. Documents that go in circles do not get here. */
function selects({ selections }: SelectionSetNode, info: GraphQLResolveInfo): boolean {
  return selections.some((selection) => {
    if (selection.kind === 'Field') return selection.name.value === FIELD;
    const inner = selection.kind === 'InlineFragment' ? selection : info.fragments[selection.name.value];
    return inner !== undefined && selects(inner.selectionSet, info);
  });
}
