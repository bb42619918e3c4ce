import { createHash } from 'node:crypto';
import { type DocumentNode, Kind, type OperationDefinitionNode, print, type ValidatedExecutionArgs, visit } from 'graphql';

/** The argument of a subscription that says where to go on. */
const CURSOR_ARGUMENT = 'after';

interface Shape {
  /** Equal for documents that differ in nothing but blanks, comments, the operation's name and the order of fragments. */
  readonly hash: string;
  /** The variables that decide what is answered: all but the one whose only use is to say where to go on. */
  readonly variables: readonly string[];
}

/** Parsed documents are kept and shared, so each is looked at once. */
const shapes = new WeakMap<OperationDefinitionNode, Shape>();

/**
 * What decides the answers of a subscription, but for who asks: the document, the operation, the variables. Where it begins is left
 * out, so that a client that resumes shares with those that never left.
 */
export function documentKey(document: DocumentNode, args: ValidatedExecutionArgs, sent: Readonly<Record<string, unknown>>): string {
  const { operation } = args;
  let shape = shapes.get(operation);
  if (shape === undefined) {
    shape = shapeOf(document, operation);
    shapes.set(operation, shape);
  }
  return JSON.stringify([shape.hash, shape.variables.map((name) => sent[name])]);
}

function shapeOf(document: DocumentNode, operation: OperationDefinitionNode): Shape {
  const declared = (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value);
  const cursor = cursorVariable(operation);
  // its definition and one use; a second use would be something that answers depend on
  const isCursorOnly = cursor !== null && occurrences(document, cursor) === 2;
  return {
    hash: createHash('sha256').update(textOf(document, operation)).digest('base64url'),
    variables: isCursorOnly ? declared.filter((name) => name !== cursor) : declared,
  };
}

/** What is executed: the one operation, which no answer names, and the fragments by name. */
function textOf({ definitions }: DocumentNode, operation: OperationDefinitionNode): string {
  const fragments = definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION).map((each) => print(each));
  return [print({ ...operation, name: undefined }), ...fragments.sort()].join('\n');
}

function cursorVariable({ selectionSet }: OperationDefinitionNode): string | null {
  for (const field of selectionSet.selections) {
    if (field.kind !== Kind.FIELD) continue;
    const value = field.arguments?.find(({ name }) => name.value === CURSOR_ARGUMENT)?.value;
    if (value?.kind === Kind.VARIABLE) return value.name.value;
  }
  return null;
}

function occurrences(document: DocumentNode, variable: string): number {
  let count = 0;
  visit(document, {
    Variable: ({ name }) => {
      if (name.value === variable) count += 1;
    },
  });
  return count;
}
