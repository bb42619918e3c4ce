import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { DEMO_BEGUN, DEMO_LOADED, type DemoLoaded, loadDemo } from '#prisma/demo/load.ts';
import { applyMigrations } from '#prisma/migrate.ts';
import { globalId } from '#schema/ids.ts';
import type { Ground } from './boot.ts';
import { CannotStart } from './platform/cannot-start.ts';
import { readIfThere, writeSecretFile } from './platform/secrets.ts';

/** What the first start prints, kept in the data folder (mode 600) so that later ones can print it again. */
const FILE = 'demo.json';

/** What is in a database: nothing, a demo that is whole, one whose loading was cut off, or somebody's business. */
type Content = 'NOTHING' | 'DEMO' | 'HALF_A_DEMO' | 'BUSINESS';

/** How a newcomer looks around. */
export type FirstSteps = Pick<DemoLoaded, 'signIns' | 'password' | 'apiKey' | 'sampleOrder'>;

/**
 * Loads the demo network into a database that has nothing (again, where loading was cut off) and answers what a newcomer needs.
 * Null when the database holds no demo.
 */
export async function ensureDemo(ground: Ground): Promise<FirstSteps | null> {
  const content = await readContent(ground.ownerUrl);
  if (content === 'DEMO') return readFirstSteps(ground.config.dataDir);
  if (content === 'BUSINESS' || !ground.config.demo) return null;
  if (content === 'HALF_A_DEMO') await emptyDatabase(ground.ownerUrl);
  return load(ground);
}

/** Replaces the demo by a new one. Refuses (CannotStart) a database that holds anything else. */
export async function resetDemo(ground: Ground): Promise<FirstSteps> {
  if ((await readContent(ground.ownerUrl)) === 'BUSINESS') {
    throw new CannotStart('the database holds a network that is not the demo: it is not touched');
  }
  await emptyDatabase(ground.ownerUrl);
  return load(ground);
}

/** The command line that places the sample order; null when the demo has none. */
export function sampleCommand({ apiKey, sampleOrder }: FirstSteps, publicUrl: string): string | null {
  if (apiKey === null || sampleOrder === null) return null;
  const { skuId, quantity, maxTotal } = sampleOrder;
  const query =
    'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { order { id total { amount currency } } } ... on Refusal { code message } } }';
  const input = { requestKey: `first-order-${randomUUID().slice(0, 8)}`, skuId: globalId('Sku', skuId), quantity, maxTotal };
  const body = JSON.stringify({ query, variables: { input } });
  return `curl ${publicUrl}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${apiKey}' -d '${body}'`;
}

async function load({ config, databaseUrl, ownerUrl, vault }: Ground): Promise<FirstSteps> {
  const { signIns, password, apiKey, sampleOrder } = await loadDemo({ databaseUrl, ownerUrl, vault });
  const steps: FirstSteps = { signIns, password, apiKey, sampleOrder };
  rmSync(join(config.dataDir, FILE), { force: true });
  writeSecretFile(config.dataDir, FILE, JSON.stringify(steps));
  return steps;
}

function readFirstSteps(dataDir: string): FirstSteps | null {
  const text = readIfThere(join(dataDir, FILE));
  return text === null ? null : (JSON.parse(text) as FirstSteps);
}

async function readContent(ownerUrl: string): Promise<Content> {
  const [row] = await asOwner<{ networks: number; people: number; begun: number; loaded: number }>(
    ownerUrl,
    `SELECT (SELECT count(*)::int FROM network) AS networks, (SELECT count(*)::int FROM users) AS people,
            (SELECT count(*)::int FROM audit_entry WHERE action = '${DEMO_BEGUN}') AS begun,
            (SELECT count(*)::int FROM audit_entry WHERE action = '${DEMO_LOADED}') AS loaded`,
  );
  if (row === undefined) throw new Error('a count without a row');
  if (row.networks === 0 && row.people === 0) return 'NOTHING';
  if (row.networks > 1 || row.begun === 0) return 'BUSINESS';
  return row.loaded > 0 ? 'DEMO' : 'HALF_A_DEMO';
}

async function emptyDatabase(ownerUrl: string): Promise<void> {
  await asOwner(ownerUrl, 'DROP SCHEMA public CASCADE');
  await asOwner(ownerUrl, 'CREATE SCHEMA public');
  await applyMigrations(ownerUrl);
}

async function asOwner<Row extends pg.QueryResultRow>(ownerUrl: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}
