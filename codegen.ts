import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import {
  buildSchema,
  type GraphQLSchema,
  type IntrospectionType,
  type IntrospectionTypeRef,
  introspectionFromSchema,
  isScalarType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  parse,
  printSchema,
} from 'graphql';

const root = fileURLToPath(new URL('.', import.meta.url));
const contractFile = `${root}schema/schema.graphql`;
const webDir = `${root}web/`;
const outDir = `${webDir}gql/`;

/** The contract as the server's code says it, in the form that is committed as schema/schema.graphql. */
export async function printContract(): Promise<string> {
  const { schema } = await import('#schema/schema.ts');
  return `${printSchema(lexicographicSortSchema(schema)).trimEnd()}\n`;
}

/** The contract as it was committed. */
export function readContract(): string {
  return readFileSync(contractFile, 'utf8');
}

/** Writes web/gql (typed documents and the schema for the cache) from the committed contract and the console's `.graphql` files. */
export async function generateWeb(): Promise<void> {
  const sdl = readContract();
  const schemaAst = buildSchema(sdl);
  const sections = await preset.buildGeneratesSection({
    baseOutputDir: outDir,
    schema: parse(sdl),
    schemaAst,
    documents: readDocuments(),
    plugins: [],
    pluginMap: {},
    config: {
      useTypeImports: true,
      importExtension: '.ts',
      enumType: 'string-literal',
      scalars: customScalars(schemaAst),
      strictScalars: true,
    },
    presetConfig: { fragmentMasking: { unmaskFunctionName: 'unmask' } },
  });
  mkdirSync(outDir, { recursive: true });
  for (const section of sections) writeFileSync(section.filename, await codegen(section));
  writeFileSync(`${outDir}introspection.json`, JSON.stringify(cacheSchema(schemaAst)));
}

function readDocuments() {
  return readdirSync(webDir, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.graphql') && !file.includes('node_modules'))
    .sort()
    .map((file) => {
      const location = `${webDir}${file}`;
      const rawSDL = readFileSync(location, 'utf8');
      return { location, rawSDL, document: parse(rawSDL) };
    });
}

/** Every scalar of ours (amounts, times, cursors) travels as a string. */
function customScalars(schema: GraphQLSchema): Record<string, string> {
  const own = Object.values(schema.getTypeMap()).filter((type) => isScalarType(type) && !isSpecifiedScalarType(type));
  return Object.fromEntries(own.map((type) => [type.name, 'string']));
}

// Graphcache asks for composite types and the shape of their fields only; the names of scalars would be dead weight in the browser.
const ANY = { kind: 'SCALAR', name: 'Any' } as const;

function cacheSchema(schema: GraphQLSchema) {
  const { __schema } = introspectionFromSchema(schema, { descriptions: false });
  const types = __schema.types.filter((type) => !type.name.startsWith('__')).flatMap((type) => cacheType(type) ?? []);
  const { queryType, mutationType, subscriptionType } = __schema;
  return {
    __schema: {
      queryType: named(queryType),
      mutationType: named(mutationType),
      subscriptionType: named(subscriptionType),
      types: [...types, ANY],
    },
  };
}

function cacheType(type: IntrospectionType) {
  if (type.kind === 'UNION') return { kind: type.kind, name: type.name, possibleTypes: type.possibleTypes.map(reference) };
  if (type.kind !== 'OBJECT' && type.kind !== 'INTERFACE') return null;
  const fields = type.fields.map((field) => ({
    name: field.name,
    type: reference(field.type),
    args: field.args.map(({ name }) => ({ name, type: ANY })),
  }));
  const possibleTypes = type.kind === 'INTERFACE' ? type.possibleTypes.map(reference) : [];
  return { kind: type.kind, name: type.name, fields, interfaces: type.interfaces.map(reference), possibleTypes };
}

function reference(type: IntrospectionTypeRef): object {
  if (type.kind === 'LIST' || type.kind === 'NON_NULL') return { kind: type.kind, ofType: reference(type.ofType) };
  if (type.kind === 'OBJECT' || type.kind === 'INTERFACE' || type.kind === 'UNION') return { kind: type.kind, name: type.name };
  return ANY;
}

function named(type: { readonly name: string } | null | undefined): { name: string } | null {
  return type ? { name: type.name } : null;
}

// `codegen.ts`: the contract and the console's types; `codegen.ts web`: the latter only, from the contract as committed
if (import.meta.main) {
  if (process.argv[2] !== 'web') writeFileSync(contractFile, await printContract());
  await generateWeb();
}
