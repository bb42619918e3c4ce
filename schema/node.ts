import type { ObjectFieldsShape } from '@pothos/core';
import { type Access, denialOf } from './access.ts';
import { builder, type Types } from './builder.ts';
import type { Context } from './context.ts';
import { badInput } from './errors.ts';
import { decodeId, globalId } from './ids.ts';

const MOST_NODES = 100;

interface NodeType {
  readonly access: Access;
  readonly load: (context: Context, id: string) => Promise<object | null>;
}

const nodeTypes = new Map<string, NodeType>();
/** Of which type a row is that was found by its id: rows are plain and do not say. */
const typeOfRow = new WeakMap<object, string>();

/** The interface of all that can be fetched again. */
export const NodeInterface = builder.interfaceRef<{ id: string }>('Node').implement({
  description: 'Something with an identity, which can be fetched again by its id.',
  resolveType: (row) => typeOfRow.get(row) ?? null,
  fields: (t) => ({ id: t.id({ description: 'Opaque, and unique over all types.', resolve: (row) => row.id }) }),
});

/** Declares a type whose objects have a global id. `load` answers null for a row that the viewer may not see, as for one that is not there. */
export function nodeType<Row extends { readonly id: string }>(
  name: string,
  options: {
    readonly description: string;
    readonly access: Access;
    readonly load: (context: Context, id: string) => Promise<Row | null>;
  },
) {
  nodeTypes.set(name, options);
  const ref = builder.objectRef<Row>(name);
  return {
    ref,
    /** Gives the type its fields; apart, so that types may name each other. */
    fields: (fields: ObjectFieldsShape<Types, Row>) =>
      ref.implement({
        description: options.description,
        access: options.access,
        interfaces: [NodeInterface] as never,
        fields: (t) => ({
          id: t.id({ description: `The global id of the ${name}.`, resolve: (row) => globalId(name, row.id) }),
          ...fields(t),
        }),
      }),
  };
}

/** Marks a row as being of a type, for a field that answers any Node. */
export function asNode<Row extends object>(type: string, row: Row): Row {
  typeOfRow.set(row, type);
  return row;
}

async function loadNode(context: Context, text: string): Promise<{ id: string } | null> {
  const decoded = decodeId(text);
  const type = decoded === null ? undefined : nodeTypes.get(decoded.type);
  if (decoded === null || type === undefined || denialOf(type.access, context) !== null) return null;
  const row = await type.load(context, decoded.id);
  return row === null ? null : asNode(decoded.type, row as { id: string });
}

builder.queryField('node', (t) =>
  t.field({
    type: NodeInterface,
    nullable: true,
    access: { party: 'ANY' },
    description: 'One object by its id; null when there is none, or none that the viewer may see.',
    args: { id: t.arg.id({ required: true, description: 'The global id.' }) },
    resolve: (_, { id }, context) => loadNode(context, id),
  }),
);

builder.queryField('nodes', (t) =>
  t.field({
    type: [NodeInterface],
    nullable: { list: false, items: true },
    access: { party: 'ANY' },
    description: `Objects by their ids, at most ${MOST_NODES}, in the order asked for, null where there is none that the viewer may see.`,
    complexity: (args) => ({ field: 1, multiplier: args.ids.length }),
    args: { ids: t.arg.idList({ required: true, description: 'The global ids.' }) },
    resolve: (_, { ids }, context) => {
      if (ids.length > MOST_NODES) throw badInput('ids', `At most ${MOST_NODES} ids; these are ${ids.length}.`);
      return Promise.all(ids.map((id) => loadNode(context, id)));
    },
  }),
);
