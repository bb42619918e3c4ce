import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoLoaded, DemoOptions } from '#prisma/demo/load.ts';
import { loadDemoOnce, readDemoState, resetDemo } from '#prisma/demo/reset.ts';
import { globalId } from '#schema/ids.ts';
import type { Ground } from './boot.ts';
import { readIfThere, writeSecretFile } from './platform/secrets.ts';

/** What the first start prints, kept in the data folder (mode 600) so that later ones can print it again. */
const FILE = 'demo.json';

/** How a newcomer looks around. */
export type FirstSteps = Pick<DemoLoaded, 'signIns' | 'password' | 'apiKey' | 'sampleOrder'>;

/** Loads the demo at the very first start; answers the first steps while the database holds the demo, else null. */
export async function ensureDemo(ground: Ground): Promise<FirstSteps | null> {
  const { config, db } = ground;
  const state = await readDemoState(db.pool);
  if (state === 'LOADED') return readFirstSteps(config.dataDir);
  if (!config.demo || state === 'FOREIGN') return null;
  console.log('Loading the demo network: sixty days of orders, placed one after the other. This happens once and may take a minute.');
  const loaded = await loadDemoOnce(placeOf(ground), db.pool);
  return loaded && keepFirstSteps(config.dataDir, loaded);
}

/** Replaces the demo by a new one of this size. */
export async function replaceDemo(ground: Ground, size: Partial<DemoOptions>): Promise<DemoLoaded> {
  const { config } = ground;
  const loaded = await resetDemo({ ...placeOf(ground), ...size, production: config.production });
  keepFirstSteps(config.dataDir, loaded);
  return loaded;
}

/** The command line that places the sample order; null when the demo has none. */
export function sampleCommand({ apiKey, sampleOrder }: FirstSteps, publicUrl: string): string | null {
  if (apiKey === null || sampleOrder === null) return null;
  const { skuId, quantity, maxTotal } = sampleOrder;
  const query =
    'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { order { id total { amount currency } cardKeys { number secret } } } ... on Refusal { code message } } }';
  const input = { requestKey: `first-order-${randomUUID().slice(0, 8)}`, skuId: globalId('Sku', skuId), quantity, maxTotal };
  const body = JSON.stringify({ query, variables: { input } });
  return `curl ${publicUrl}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${apiKey}' -d '${body}'`;
}

function placeOf({ databaseUrl, ownerUrl, vault }: Ground): DemoOptions {
  return { databaseUrl, ownerUrl, vault };
}

function keepFirstSteps(dataDir: string, { signIns, password, apiKey, sampleOrder }: DemoLoaded): FirstSteps {
  const steps: FirstSteps = { signIns, password, apiKey, sampleOrder };
  rmSync(join(dataDir, FILE), { force: true });
  writeSecretFile(dataDir, FILE, JSON.stringify(steps));
  return steps;
}

function readFirstSteps(dataDir: string): FirstSteps | null {
  const text = readIfThere(join(dataDir, FILE));
  return text === null ? null : (JSON.parse(text) as FirstSteps);
}
