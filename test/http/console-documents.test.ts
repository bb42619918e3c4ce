import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  concatAST,
  type DocumentNode,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  parse,
  print,
  Source,
  separateOperations,
  specifiedRules,
  TokenKind,
  typeFromAST,
  validate,
  validateExecutionArgs,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema } from '#schema/schema.ts';
import { costOf } from '#server/http/cost.ts';
import { documentLimitsRule } from '#server/http/document-limits.ts';
import { LIMITS } from '#server/http/limits.ts';

const web = fileURLToPath(new URL('../../web', import.meta.url));
const files = globSync('**/*.graphql', { cwd: web }).sort();
const whole = concatAST(files.map((file) => parse(readFileSync(`${web}/${file}`, 'utf8'))));
const documents = Object.entries(separateOperations(whole)).map(([name, document]) => ({ name, document }));

describe('what the console sends', () => {
  test('are some dozens of documents', () => {
    expect(documents.length).toBeGreaterThan(10);
  });

  test.each(documents)('$name is far within the limits of a document', ({ document }) => {
    expect(validate(schema, document, [...specifiedRules, documentLimitsRule(LIMITS)])).toEqual([]);
    expect(countTokens(print(document))).toBeLessThan(LIMITS.tokens / 2);
    // a fifth of what a document may cost, with pages as large as the console asks for
    expect(costOfDocument(document)).toBeLessThan(LIMITS.documentCost / 5);
  });
});

function costOfDocument(document: DocumentNode): number {
  const args = validateExecutionArgs({ schema, document, variableValues: someVariables(document) });
  if (!('operation' in args)) throw new Error(args.map(({ message }) => message).join('; '));
  return costOf(args);
}

function someVariables(document: DocumentNode): Record<string, unknown> {
  const operation = document.definitions.find((each): each is OperationDefinitionNode => each.kind === Kind.OPERATION_DEFINITION);
  const required = operation?.variableDefinitions?.filter(({ defaultValue }) => defaultValue === undefined) ?? [];
  return Object.fromEntries(
    required.map(({ variable, type }) => [variable.name.value, someValue(typeFromAST(schema, type) as GraphQLInputType)]),
  );
}

/** A value that fits a required variable; nothing for one that may be left out, but a number, since it may be a page's size. */
function someValue(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return someValue(type.ofType);
  if (isListType(type)) return [someValue(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const required = Object.values(type.getFields()).filter((field) => isNonNullType(field.type));
    return Object.fromEntries(required.map((field) => [field.name, someValue(field.type)]));
  }
  return isScalarType(type) ? SCALARS[type.name] : undefined;
}

const SCALARS: Readonly<Record<string, unknown>> = {
  Int: 50,
  Boolean: true,
  Decimal: '1.00',
  ID: 'id',
  String: 'text',
  DateTime: '2026-03-01T00:00:00Z',
  Date: '2026-03-01',
  Cursor: 'cursor',
};

function countTokens(text: string): number {
  const lexer = new Lexer(new Source(text));
  let count = 0;
  while (lexer.advance().kind !== TokenKind.EOF) count += 1;
  return count;
}
