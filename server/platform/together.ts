import type pg from 'pg';
import { getTypeParser } from './column-types.ts';
import type { Queryable } from './database.ts';

type Gathered = {
  readonly config: pg.QueryConfig;
  readonly resolve: (result: pg.QueryResult) => void;
  readonly reject: (error: unknown) => void;
};
type Bundle = { readonly name: string; readonly text: string };

/**
 * Sends the statements that `work` runs before it first waits as one statement, each a WITH query of its own: one message, one
 * answer and one snapshot, where each statement by itself costs PostgreSQL and this process a tenth of a millisecond before it
 * has done anything. The functions that run them need not know.
 *
 * They see what was there before all of them, not each other's effects, and foreign keys are checked after the last. A statement
 * whose WITH changes data cannot be gathered, nor one that holds "$1" in a literal. When one fails, all have failed with its error.
 */
export function together<Db extends Queryable, Result>(db: Db, work: (gathering: Db) => Promise<Result>): Promise<Result> {
  const gathered: Gathered[] = [];
  let isGathering = true;
  const query: Queryable['query'] = <Row extends pg.QueryResultRow>(config: pg.QueryConfig) => {
    if (!isGathering) return db.query<Row>(config);
    const { promise, resolve, reject } = Promise.withResolvers<pg.QueryResult<Row>>();
    gathered.push({ config, resolve: resolve as Gathered['resolve'], reject });
    return promise;
  };
  const result = work({ ...db, query });
  isGathering = false;
  send(db, gathered);
  return result;
}

// What a statement answers is learned when it first runs, by itself; it is the same ever after. By name and text.
const fieldsOfStatements = new Map<string, readonly pg.FieldDef[]>();
const bundles = new Map<string, Bundle>();

function send(db: Queryable, gathered: readonly Gathered[]): void {
  const fields = gathered.map(({ config }) => fieldsOfStatements.get(keyOf(config)));
  if (gathered.length > 1 && fields.every((known) => known !== undefined)) return sendAsOne(db, gathered, fields);
  for (const { config, resolve, reject } of gathered) {
    db.query(config).then((result) => {
      fieldsOfStatements.set(keyOf(config), result.fields);
      resolve(result);
    }, reject);
  }
}

function sendAsOne(db: Queryable, gathered: readonly Gathered[], fields: readonly (readonly pg.FieldDef[])[]): void {
  const { name, text } = bundleOf(gathered, fields);
  const values = gathered.flatMap(({ config }) => config.values ?? []);
  db.query<Record<string, string[][] | null>>({ name, text, values }).then(
    ({ rows: [answers] }) => {
      for (const [index, { resolve }] of gathered.entries()) resolve(resultOf(fields[index] ?? [], answers?.[`r${index}`] ?? []));
    },
    (error: unknown) => {
      for (const { reject } of gathered) reject(error);
    },
  );
}

function bundleOf(gathered: readonly Gathered[], fields: readonly (readonly pg.FieldDef[])[]): Bundle {
  const key = gathered.map(({ config }) => keyOf(config)).join('\n');
  const known = bundles.get(key);
  if (known !== undefined) return known;
  let parameters = 0;
  const queries = gathered.map(({ config }, index) => {
    const from = parameters;
    parameters += config.values?.length ?? 0;
    return `q${index} AS (${config.text.replace(/\$(\d+)/g, (_, number: string) => `$${from + Number(number)}`)})`;
  });
  const answers = fields.flatMap((columns, index) => (columns.length === 0 ? [] : [`${rowsOf(columns, index)} AS r${index}`]));
  const name = `together.${bundles.size + 1}.${gathered[0]?.config.name}`;
  const bundle = { name, text: `WITH ${queries.join(',\n')}\nSELECT ${answers.length === 0 ? '1 AS done' : answers.join(',\n')}` };
  bundles.set(key, bundle);
  return bundle;
}

/** All rows of a query, every value as the text that PostgreSQL would have sent. */
function rowsOf(columns: readonly pg.FieldDef[], index: number): string {
  const values = columns.map(({ name }) => `q${index}."${name}"::text`);
  return `(SELECT json_agg(json_build_array(${values.join(', ')})) FROM q${index})`;
}

function resultOf(fields: readonly pg.FieldDef[], texts: readonly (readonly (string | null)[])[]): pg.QueryResult {
  const parsers = fields.map(({ dataTypeID }) => getTypeParser(dataTypeID));
  const rows = texts.map((values) => {
    const row: Record<string, unknown> = {};
    for (const [index, { name }] of fields.entries()) {
      const text = values[index] ?? null;
      row[name] = text === null ? null : parsers[index]?.(text);
    }
    return row;
  });
  return { command: 'SELECT', rowCount: rows.length, oid: 0, fields: [...fields], rows };
}

function keyOf({ name, text }: pg.QueryConfig): string {
  return name ?? text;
}
