import {
  type FieldNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  type ValidatedExecutionArgs,
} from 'graphql';

/** What a field says of its cost (`extensions.complexity`, set by the schema): its own points, and how often its row is repeated. */
type Complexity = number | { readonly field?: number; readonly multiplier?: number };
type ComplexityOf = Complexity | ((args: Record<string, unknown>, context: unknown, field: GraphQLField<unknown, unknown>) => Complexity);

/** Rows that a list is taken to have when nothing says how many. */
const USUAL_ROWS = 10;
/** Everything below `__schema` and `__type`: the tools' own documents are known and bounded by graphql-js. */
const INTROSPECTION_COST = 100;

interface Walk {
  readonly args: ValidatedExecutionArgs;
  readonly known: Map<SelectionSetNode, Map<string, number>>;
}

/**
 * Points that an operation may cost, before it runs: a field one (or what it says), a page as many times its row as `first` or
 * `last` asks for. Every selection is walked once per type, however often fragments repeat it.
 */
export function costOf(args: ValidatedExecutionArgs): number {
  const root = args.schema.getRootType(args.operation.operation);
  if (!root) return 0;
  return costOfSelections(args.operation.selectionSet, root, { args, known: new Map() });
}

function costOfSelections(selections: SelectionSetNode, type: GraphQLNamedType, walk: Walk): number {
  const before = walk.known.get(selections)?.get(type.name);
  if (before !== undefined) return before;
  let cost = 0;
  for (const selection of selections.selections) {
    if (selection.kind === Kind.FIELD) cost += costOfField(selection, type, walk);
    else {
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : walk.args.fragmentDefinitions[selection.name.value];
      if (fragment !== undefined)
        cost += costOfSelections(fragment.selectionSet, conditionOf(walk.args.schema, fragment.typeCondition?.name.value, type), walk);
    }
  }
  const ofSelections = walk.known.get(selections) ?? new Map<string, number>();
  walk.known.set(selections, ofSelections.set(type.name, cost));
  return cost;
}

function costOfField(node: FieldNode, parent: GraphQLNamedType, walk: Walk): number {
  const name = node.name.value;
  if (name === '__schema' || name === '__type') return INTROSPECTION_COST;
  const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
  if (field === undefined) return 0;
  const { own, rows } = weightOf(field, node, walk);
  if (node.selectionSet === undefined) return own;
  return own + rows * costOfSelections(node.selectionSet, getNamedType(field.type), walk);
}

function weightOf(field: GraphQLField<unknown, unknown>, node: FieldNode, walk: Walk): { own: number; rows: number } {
  const stated = field.extensions['complexity'] as ComplexityOf | undefined;
  const complexity = typeof stated === 'function' ? stated(argumentsOf(field, node, walk), walk.args.contextValue, field) : stated;
  const own = typeof complexity === 'number' ? complexity : (complexity?.field ?? 1);
  const rows = typeof complexity === 'object' && complexity.multiplier !== undefined ? complexity.multiplier : usualRows(field.type);
  return { own: Math.max(0, own), rows: Math.max(0, rows) };
}

function usualRows(type: GraphQLOutputType): number {
  return isListType(getNullableType(type)) ? USUAL_ROWS : 1;
}

function argumentsOf(field: GraphQLField<unknown, unknown>, node: FieldNode, walk: Walk): Record<string, unknown> {
  return getArgumentValues(field, node, walk.args.variableValues);
}

function conditionOf(schema: GraphQLSchema, name: string | undefined, otherwise: GraphQLNamedType): GraphQLNamedType {
  return (name === undefined ? undefined : schema.getType(name)) ?? otherwise;
}
