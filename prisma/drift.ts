import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, type SqlDriverAdapter, type SqlQuery } from '@prisma/driver-adapter-utils';
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg';

const schemaFile = new URL('schema.prisma', import.meta.url);
/** PostgreSQL's one-byte "char", which the adapter hands on as an unknown type and the engine wants as a character. */
const CHAR_OID = 18;
const TEXT_OID = 25;
/** What the adapter keeps protected and we must reach: the query with the types of its columns. */
interface AdapterInside extends SqlDriverAdapter {
  performIO(query: SqlQuery): Promise<{ fields: { dataTypeID: number }[] }>;
}

/**
 * The SQL that would make the migrated database at `url` agree with schema.prisma; empty when they agree. This is Prisma's own
 * engine as WebAssembly: the binary that its command line wants is fetched from the internet, which an installation may not need.
 */
export async function diffSchema(url: string): Promise<string> {
  await (engineLoaded ??= loadEngine());
  const factory = new PrismaPg({ connectionString: url });
  const connect = factory.connect.bind(factory);
  const adapters: SqlDriverAdapter[] = [];
  const adapted = Object.assign(factory, {
    connect: async () => {
      const adapter = readCharColumns(await connect());
      adapters.push(adapter);
      return adapter;
    },
  });
  const content = readFileSync(schemaFile, 'utf8');
  const files = [{ path: 'schema.prisma', content }];
  const schemaEngine = await engine.SchemaEngine.new(
    { datamodels: [['schema.prisma', content]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(adapted),
  );
  const result = await schemaEngine.diff({
    from: { tag: 'schemaDatasource', files, configDir: fileURLToPath(new URL('.', schemaFile)) },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: true,
    filters: { externalTables: ['public._prisma_migrations'], externalEnums: [] },
  });
  await Promise.all(adapters.map((adapter) => adapter.dispose()));
  return result.exitCode === 0 ? '' : (result.stdout ?? '');
}

// once: what lives in the WebAssembly's memory does not survive a second instance
let engineLoaded: Promise<void> | undefined;

async function loadEngine(): Promise<void> {
  const wasm = readFileSync(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg')).replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': engine as unknown as WebAssembly.ModuleImports });
  const { __wbg_set_wasm } = engine as unknown as { __wbg_set_wasm(exports: WebAssembly.Exports): void };
  __wbg_set_wasm(instance.exports);
  (instance.exports as { __wbindgen_start(): void }).__wbindgen_start();
}

function readCharColumns<Adapter extends SqlDriverAdapter>(adapter: Adapter): Adapter {
  const inside = adapter as unknown as AdapterInside;
  const perform = inside.performIO.bind(inside);
  const read = inside.queryRaw.bind(inside);
  let chars: number[] = [];
  inside.performIO = async (query) => {
    const result = await perform(query);
    chars = result.fields.flatMap((field, index) => (field.dataTypeID === CHAR_OID ? [index] : []));
    for (const index of chars) Object.assign(result.fields[index] ?? {}, { dataTypeID: TEXT_OID });
    return result;
  };
  inside.queryRaw = async (query) => {
    const result = await read(query);
    for (const index of chars) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  return adapter;
}
