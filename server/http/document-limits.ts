import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  visit,
} from 'graphql';
import { requestError } from './errors.ts';
import type { Limits } from './limits.ts';

/**
 * A validation rule that refuses a document which nests too deep or holds too many aliases or directives. Depth is counted
 * through fragments, each walked once; below `__schema` and `__type` graphql-js has a limit of its own.
 */
export function documentLimitsRule(limits: Limits): (context: ValidationContext) => object {
  return function FenzhanDocumentLimits(context) {
    return {
      Document(document: DocumentNode) {
        for (const error of exceeded(document, limits)) context.reportError(error);
      },
    };
  };
}

function exceeded(document: DocumentNode, limits: Limits): GraphQLError[] {
  const { aliases, directives } = countParts(document);
  const depth = deepest(document);
  return [
    tooMany('DEPTH_LIMIT', 'levels of fields', depth, limits.depth),
    tooMany('ALIAS_LIMIT', 'aliases', aliases, limits.aliases),
    tooMany('DIRECTIVE_LIMIT', 'directives', directives, limits.directives),
  ].filter((error) => error !== null);
}

/** The refusal of a document that has more of something than it may; null when it has not. */
export function tooMany(code: string, what: string, found: number, limit: number): GraphQLError | null {
  if (found <= limit) return null;
  return requestError(code, `A document may have at most ${limit} ${what}; this one has ${found}.`, {
    status: 400,
    facts: { limit, found },
    ofDocument: true,
  });
}

function countParts(document: DocumentNode): { aliases: number; directives: number } {
  const counted = { aliases: 0, directives: 0 };
  visit(document, {
    Field(field) {
      if (field.alias !== undefined) counted.aliases += 1;
    },
    Directive() {
      counted.directives += 1;
    },
  });
  return counted;
}

function deepest(document: DocumentNode): number {
  const fragments = new Map(
    document.definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION).map((each) => [each.name.value, each]),
  );
  const operations = document.definitions.filter((each): each is OperationDefinitionNode => each.kind === Kind.OPERATION_DEFINITION);
  const known = new Map<string, number>();
  return Math.max(0, ...operations.map((operation) => depthOf(operation.selectionSet, fragments, known)));
}

function depthOf(selections: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>, known: Map<string, number>): number {
  let deep = 0;
  for (const selection of selections.selections) {
    if (selection.kind === Kind.FIELD) {
      const below =
        selection.selectionSet === undefined || selection.name.value.startsWith('__')
          ? 0
          : depthOf(selection.selectionSet, fragments, known);
      deep = Math.max(deep, 1 + below);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      deep = Math.max(deep, depthOf(selection.selectionSet, fragments, known));
    } else {
      deep = Math.max(deep, fragmentDepth(selection.name.value, fragments, known));
    }
  }
  return deep;
}

function fragmentDepth(name: string, fragments: ReadonlyMap<string, FragmentDefinitionNode>, known: Map<string, number>): number {
  const before = known.get(name);
  if (before !== undefined) return before;
  // a fragment that spreads itself counts nothing here; graphql-js refuses it
  known.set(name, 0);
  const fragment = fragments.get(name);
  const depth = fragment === undefined ? 0 : depthOf(fragment.selectionSet, fragments, known);
  known.set(name, depth);
  return depth;
}
