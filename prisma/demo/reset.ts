import { parseArgs } from 'node:util';
import pg from 'pg';
import { CannotStart } from '#server/platform/cannot-start.ts';
import { type Queryable, run, statement } from '#server/platform/database.ts';
import { DEMO_BEGUN, DEMO_LOADED, type DemoLoaded, type DemoOptions, loadDemo } from './load.ts';
import type { DemoSize } from './plan-demo.ts';

/** EMPTY: nobody and nothing is there. UNFINISHED: the loading of a demo was cut off. FOREIGN: somebody's own network is there. */
export type DemoState = 'EMPTY' | 'UNFINISHED' | 'LOADED' | 'FOREIGN';

// Reads network and audit_entry by their primary keys' first column; a deployment has few networks.
const readState = statement<{ networks: number; begun: number; loaded: number; people: number }>(
  'demo.readState',
  `SELECT (SELECT count(*)::int FROM network) AS networks,
          (SELECT count(*)::int FROM network n WHERE EXISTS (SELECT FROM audit_entry a WHERE a.network_id = n.id AND a.action = $1)) AS begun,
          (SELECT count(*)::int FROM network n WHERE EXISTS (SELECT FROM audit_entry a WHERE a.network_id = n.id AND a.action = $2)) AS loaded,
          (SELECT count(*)::int FROM (SELECT FROM users LIMIT 1) u) AS people`,
);

/** What a database holds, as far as the demo is concerned. */
export async function readDemoState(db: Queryable): Promise<DemoState> {
  const [state] = await run(db, readState, [DEMO_BEGUN, DEMO_LOADED]);
  if (state === undefined) throw new Error('a count has one row');
  if (state.networks === 0) return state.people === 0 ? 'EMPTY' : 'FOREIGN';
  if (state.begun < state.networks) return 'FOREIGN';
  return state.loaded === state.networks ? 'LOADED' : 'UNFINISHED';
}

/** What resetting needs beside what loading needs. */
export interface ResetOptions extends DemoOptions {
  /** Whether NODE_ENV is production. */
  readonly production: boolean;
}

/**
 * Empties the demo's database and loads it anew. Refuses (CannotStart) in production, and where any network is not the demo:
 * its books are nobody's to throw away.
 */
export async function resetDemo({ production, ...options }: ResetOptions): Promise<DemoLoaded> {
  if (production) throw new CannotStart('the demo is not reset where NODE_ENV is production');
  const client = new pg.Client({ connectionString: options.ownerUrl });
  await client.connect();
  try {
    const state = await readDemoState(client);
    if (state === 'FOREIGN') throw new CannotStart('this database holds a network that is not the demo: it stays as it is');
    if (state !== 'EMPTY') await truncateAll(client);
  } finally {
    await client.end();
  }
  return loadDemo(options);
}

/**
 * For the very first start: loads the demo into an empty database, or again where loading was cut off; otherwise nothing, null.
 */
export async function loadDemoOnce(options: DemoOptions, db: Queryable): Promise<DemoLoaded | null> {
  const state = await readDemoState(db);
  if (state === 'EMPTY') return loadDemo(options);
  return state === 'UNFINISHED' ? resetDemo({ ...options, production: false }) : null;
}

/** Reads `--stations --skus --orders --keys --days --seed`; a word that is no whole number is refused with its name. */
export function readDemoArguments(words: readonly string[]): DemoSize {
  const text = { type: 'string' } as const;
  const options = { stations: text, skus: text, orders: text, keys: text, days: text, seed: text };
  const { values } = parseArgs({ args: [...words], options });
  const count = (name: 'stations' | 'skus' | 'orders' | 'keys' | 'days'): number | undefined => {
    const word = values[name];
    if (word === undefined) return undefined;
    if (!/^[1-9]\d{0,8}$/.test(word)) throw new CannotStart(`--${name} takes a whole number above zero`);
    return Number(word);
  };
  return {
    stations: count('stations'),
    skus: count('skus'),
    orders: count('orders'),
    keys: count('keys'),
    days: count('days'),
    seed: values.seed,
  };
}

async function truncateAll(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> '_prisma_migrations'`,
  );
  await client.query(`TRUNCATE ${rows.map(({ name }) => name).join(', ')}`);
}
