import pg from 'pg';
import { arrayText } from './array-text.ts';
import { type Clock, systemClock } from './clock.ts';
import { getTypeParser } from './column-types.ts';
import { createIds, type NewId } from './ids.ts';

/** The role that the application's connections take: it cannot rewrite history (architecture §3). */
export const APPLICATION_ROLE = 'fenzhan_app';

/** What opening a database needs. */
export interface DatabaseOptions {
  readonly url: string;
  /** The role that every connection takes; null keeps the one that signed in (migrations and test arrangement only). */
  readonly role?: string | null;
  readonly poolSize?: number;
  /** What its statements may take; nothing: as long as they need. */
  readonly bounds?: DatabaseBounds;
  readonly clock?: Clock;
  /** Hears of idle connections that broke; the pool replaces them by itself. */
  readonly onConnectionLost?: (error: Error) => void;
}

/** How long one use of a connection may hold it, so that what is slow cannot take the connections of others. All in milliseconds. */
export interface DatabaseBounds {
  /** A statement; PostgreSQL stops it then. */
  readonly statement: number;
  /** Waiting for a lock that somebody else holds. */
  readonly lock?: number;
  /** An open transaction in which nothing happens: its process is gone, and its locks must not stay. */
  readonly idleInTransaction?: number;
  /** A whole transaction, one statement by itself included, also while PostgreSQL waits for the rest of what was being sent. Ends the session. */
  readonly transaction?: number;
  /** Waiting for a free connection. */
  readonly connection?: number;
  /** Waiting for an answer; nothing: for ever, since a server that is gone without a word is found out by TCP alone. */
  readonly answer?: number;
  /** Whether statements may only read. */
  readonly readOnly?: boolean;
}

/** One database: its pools, and the process's clock and ids. */
export interface Database {
  /** Connections of statements that stand by themselves. */
  readonly pool: pg.Pool;
  /** Connections of transactions; the same pool unless `readingThrough` made them two. */
  readonly transactions: pg.Pool;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Called after every COMMIT of this process, for whoever waits for news: a hint that something may have changed. */
  readonly commits: Set<() => void>;
  close(): Promise<void>;
}

/** Anything that a statement can be sent to: the pool (each statement by itself) or a transaction. */
export interface Queryable {
  query<Row extends pg.QueryResultRow>(config: pg.QueryConfig): Promise<pg.QueryResult<Row>>;
}

/** An open transaction: first argument of every command. Statements sent without awaiting each other share a round trip. */
export interface Transaction extends Queryable {
  /** The instant of this attempt, read once: every row of a transaction carries the same time. */
  readonly now: Date;
  readonly newId: NewId;
  /**
   * Sends COMMIT right behind statements that have been sent, without waiting for their answers: a round trip less, and locks are
   * held no longer than PostgreSQL itself needs. Whatever must not take effect has to fail in SQL; when it does, nothing of the
   * transaction takes effect and its error is thrown. Nothing is sent afterwards.
   */
  readonly conclude: (effects: Promise<unknown>) => void;
}

/** What a transaction may ask of PostgreSQL beside a plain BEGIN. */
export interface TransactionOptions {
  /**
   * Statements keep the plan that holds for any values, since planning one anew costs more than running it; and by indexes, since
   * a plan (and that of a foreign key's check) that was made while a table was new and empty would otherwise scan it until
   * somebody analyses it. For lists whose statements all find their rows by key.
   */
  readonly settledPlans?: boolean;
}

/** A prepared statement with the type of its rows. */
export interface Statement<Row extends pg.QueryResultRow> {
  readonly name: string;
  readonly text: string;
  /** Only for the compiler: what a row looks like. */
  readonly row?: Row;
}

/** The connection broke after COMMIT was sent: whether it took effect is unknown, and only its request key can tell. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super('the connection was lost while committing: the outcome is unknown', { cause });
    this.name = 'CommitUnknown';
  }
}

/** Opens a database. Nothing connects before the first statement. */
export function openDatabase(options: DatabaseOptions): Database {
  const role = options.role === undefined ? APPLICATION_ROLE : options.role;
  const clock = options.clock ?? systemClock;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize ?? 10,
    pipeline: true,
    types: { getTypeParser },
    ...(options.bounds?.connection === undefined ? {} : { connectionTimeoutMillis: options.bounds.connection }),
    ...(options.bounds?.answer === undefined ? {} : { query_timeout: options.bounds.answer }),
    options: sessionOptions(role, options.bounds),
  });
  let isClosing = false;
  pool.on('error', (error) => {
    // a server that ends while we say good-bye is no loss
    if (!isClosing) options.onConnectionLost?.(error);
  });
  return {
    pool,
    transactions: pool,
    clock,
    newId: createIds(clock),
    commits: new Set(),
    close: async () => {
      isClosing = true;
      await pool.end();
    },
  };
}

/** What each session is opened with. */
function sessionOptions(role: string | null, bounds: DatabaseBounds | undefined): string {
  const settings: readonly (readonly [string, string | number | null | undefined])[] = [
    ['role', role],
    ['statement_timeout', bounds?.statement],
    ['lock_timeout', bounds?.lock],
    ['idle_in_transaction_session_timeout', bounds?.idleInTransaction],
    ['transaction_timeout', bounds?.transaction],
    // what one asks takes one core: a report on all of them would stand in the way of orders
    ['max_parallel_workers_per_gather', 0],
    ['default_transaction_read_only', bounds?.readOnly === true ? 'on' : null],
  ];
  return settings.flatMap(([name, value]) => (value == null ? [] : [`-c ${name}=${value}`])).join(' ');
}

/** The same database, where statements by themselves take the connections of `reads`: they cannot take those of transactions. */
export function readingThrough(reads: Database, changes: Database): Database {
  return { ...changes, pool: reads.pool };
}

/** Names a prepared statement. Names are unique in the program: `<slice>.<function>`. */
export function statement<Row extends pg.QueryResultRow>(name: string, text: string): Statement<Row> {
  return { name, text };
}

/** Runs a prepared statement and returns its rows. */
export async function run<Row extends pg.QueryResultRow>(
  db: Queryable,
  prepared: Statement<Row>,
  values: readonly unknown[],
): Promise<Row[]> {
  const result = await db.query<Row>({ name: prepared.name, text: prepared.text, values: values.map(asParameter) });
  return result.rows;
}

function asParameter(value: unknown): unknown {
  return Array.isArray(value) ? (arrayText(value) ?? value) : value;
}

const ATTEMPTS = 6;
const DEADLOCK_DETECTED = '40P01';
const SERIALIZATION_FAILURE = '40001';

/**
 * Runs `work` in a READ COMMITTED transaction and returns after COMMIT has returned. A deadlock or serialization failure
 * rolls back and runs the whole of `work` again, so `work` does nothing that a rollback cannot undo.
 */
export async function inTransaction<Result>(
  db: Database,
  work: (tx: Transaction) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptTransaction(db, work, options);
    } catch (error) {
      if (attempt === ATTEMPTS || !isRetryable(error)) throw error;
      await pause(attempt);
    }
  }
}

const settle = statement(
  'platform.settlePlans',
  `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)`,
);

/** What `settledPlans` does, for the rest of a transaction that learns only on its way what it has to do. */
export async function settlePlans(tx: Transaction): Promise<void> {
  await run(tx, settle, []);
}

const BEGIN = 'BEGIN';
const BEGIN_WITH_SETTLED_PLANS = 'BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off';

async function attemptTransaction<Result>(
  db: Database,
  work: (tx: Transaction) => Promise<Result>,
  { settledPlans = false }: TransactionOptions,
): Promise<Result> {
  const client = await db.transactions.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    // BEGIN travels with the first statement of the work; should it fail, that statement or COMMIT fails too
    const begun = ask(client, settledPlans ? BEGIN_WITH_SETTLED_PLANS : BEGIN);
    begun.catch(() => undefined);
    const last: Promise<unknown>[] = [];
    const conclude = (effects: Promise<unknown>) => {
      effects.catch(() => undefined);
      last.push(effects);
    };
    const tx: Transaction = { now: db.clock(), newId: db.newId, query: (config) => ask(client, config), conclude };
    const result = await rollBackOnError(client, () => work(tx));
    await commit(client, [begun, ...last]);
    for (const tell of db.commits) tell();
    return result;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/**
 * What `client.query` answers without a callback. There, `pg` writes a function into a property, and V8 makes such a function in its
 * old generation: until the next full collection it keeps alive, and every small one copies, all that a list of orders is made of.
 */
function ask<Row extends pg.QueryResultRow>(client: pg.PoolClient, config: pg.QueryConfig | string): Promise<pg.QueryResult<Row>> {
  const { promise, resolve, reject } = Promise.withResolvers<pg.QueryResult<Row>>();
  client.query<Row>(config, (error, result) => (error ? reject(error) : resolve(result)));
  return promise.catch(throwFromHere);
}

/** The stack of an error leads to a socket; this one to who asked. */
function throwFromHere(error: Error): never {
  Error.captureStackTrace(error);
  throw error;
}

async function rollBackOnError<Result>(client: pg.PoolClient, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // a rollback that fails leaves a connection that the server rolls back itself; the first error is the one that tells
    await ask(client, 'ROLLBACK').catch((failure: Error) => client.emit('error', failure));
    throw error;
  }
}

/** Sends COMMIT behind what was sent before, and tells how all of it ended. */
async function commit(client: pg.PoolClient, before: readonly Promise<unknown>[]): Promise<void> {
  const committing = ask(client, 'COMMIT').then(({ command }) => command);
  const [ended, ...earlier] = await Promise.allSettled([committing, ...before]);
  // an error that PostgreSQL itself told of before COMMIT: nothing took effect
  const failed = earlier.find((each) => each.status === 'rejected' && !isConnectionLost(each.reason));
  if (failed?.status === 'rejected') throw failed.reason;
  if (ended.status === 'rejected') throw isConnectionLost(ended.reason) ? new CommitUnknown(ended.reason) : ended.reason;
  // COMMIT of a transaction in which a statement failed answers ROLLBACK without an error
  if (ended.value !== 'COMMIT') throw new Error('a statement failed and its error was not awaited: the transaction was rolled back');
}

function isRetryable(error: unknown): boolean {
  const code = sqlState(error);
  return code === DEADLOCK_DETECTED || code === SERIALIZATION_FAILURE;
}

function isConnectionLost(error: unknown): boolean {
  // no SQLSTATE: the socket itself failed; class 08 and 57P0x: the server ended the session
  return /^(08|57P0|$)/.test(sqlState(error) ?? '');
}

/** The SQLSTATE of an error, when PostgreSQL sent one. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** A bound that a statement met: its time, a lock's, or that no connection was free. */
export type MetBound = 'STATEMENT_TIMEOUT' | 'LOCK_TIMEOUT' | 'NO_CONNECTION';

/** Which bound of `DatabaseBounds` ended a statement; null for any other error. */
export function metBound(error: unknown): MetBound | null {
  switch (sqlState(error)) {
    case '57014':
      return 'STATEMENT_TIMEOUT';
    case '55P03':
      return 'LOCK_TIMEOUT';
    default:
      // pg gives this error no code
      return error instanceof Error && error.message === 'timeout exceeded when trying to connect' ? 'NO_CONNECTION' : null;
  }
}

function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 5 * 2 ** attempt));
}
