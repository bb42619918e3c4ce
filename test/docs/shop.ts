import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEMO_PASSWORD } from '#prisma/demo/people.ts';
import { globalId } from '#schema/ids.ts';
import { hashPassword } from '#server/platform/password.ts';
import { newKey } from '#test/http/test-server.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { world } from '#test/support/world.ts';

/** A real server in a process of its own, with a small network: what the documentation's programs and commands are run against. */
export interface Shop {
  /** Where it answers. */
  readonly url: string;
  /** An API key of the shop, with the scopes of a reseller's program. */
  readonly apiKey: string;
  /** The SKU's id in the contract: 49.24 for one, 147.72 for three; thirty are in stock. */
  readonly skuId: string;
  /** An empty folder. */
  readonly directory: string;
  readonly database: FreshDatabase;
  close(): Promise<void>;
}

// the key of the tests' vault, as an operator would set it
const VAULT_KEY = `test:${Buffer.alloc(32, 7).toString('base64')}`;

/**
 * Opens a shop with 1,000.00 in its wallet, below headquarters and two stations with the rules of the domain's worked example (§3).
 * Its owner signs in as the demo's reseller does, so that commands written for the demo run here as they stand.
 */
export async function openShop(): Promise<Shop> {
  const directory = mkdtempSync(join(tmpdir(), 'fenzhan-docs-'));
  chmodSync(directory, 0o711);
  const database = await freshDatabase();
  const made = await world(database.db, {
    stations: { Headquarters: {}, A: { parent: 'Headquarters' }, B: { parent: 'A' }, Shop: { parent: 'B', wallet: '1000.00' } },
    suppliers: ['CardsLtd'],
    skus: { 'Steam 50': { basePrice: '47.50' } },
    rules: [
      { by: 'Headquarters', kind: 'PERCENT', value: '1' },
      { by: 'A', kind: 'FIXED', value: '0.30' },
      { by: 'B', kind: 'PERCENT', value: '2' },
    ],
    plans: [{ sku: 'Steam 50', poolKind: 'PERCENT', poolValue: '1', shareBps: [5000, 3000, 2000] }],
    lots: [{ sku: 'Steam 50', supplier: 'CardsLtd', totalCost: '1380.00', keys: 30 }],
  });
  const owner = made.viewer('Shop');
  if (owner.actor.kind !== 'USER') throw new Error('an owner is a person');
  await letSignIn(database, owner.actor.userId);
  const { secret } = await newKey(database.db, owner, ['CATALOGUE_READ', 'ORDERS_READ', 'ORDERS_PLACE', 'CARD_KEYS_REVEAL', 'WALLET_READ']);
  const server = await startServerProcess({ dataDir: join(directory, 'data'), settings: { DATABASE_URL: database.url, VAULT_KEY } });
  return {
    url: server.url,
    apiKey: secret,
    skuId: globalId('Sku', made.skus['Steam 50']),
    directory,
    database,
    close: async () => {
      await server.stop();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function letSignIn({ sql }: FreshDatabase, userId: string): Promise<void> {
  await sql(`UPDATE users SET email = 'reseller@demo.fenzhan.local' WHERE id = $1`, [userId]);
  await sql(
    `INSERT INTO credential (id, user_id, account_id, provider_id, password, created_at, updated_at)
     VALUES (gen_random_uuid(), $1, $1::uuid::text, 'credential', $2, now(), now())`,
    [userId, await hashPassword(DEMO_PASSWORD)],
  );
}
