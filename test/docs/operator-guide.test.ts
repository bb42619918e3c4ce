import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startServerProcess } from '#test/support/server-process.ts';

const guide = readFileSync(new URL('../../docs/operator-guide.md', import.meta.url), 'utf8');
const [, block = ''] = /```sql\n([^`]*)```/.exec(guide) ?? [];
// the run's cluster is shared and has our role already: everything else is as the guide says
const statements = block
  .split('\n')
  .filter((line) => line !== '' && !line.includes('CREATE ROLE fenzhan_app'))
  .map((line) => line.replace(/ fenzhan( |$|;)/, ' fenzhan_guide$1'));

let directory: string;
let cluster: string;

beforeAll(async () => {
  cluster = inject('clusterUrl');
  directory = mkdtempSync(join(tmpdir(), 'fenzhan-guide-'));
  for (const statement of statements) await query(`${cluster}postgres`, statement);
});
afterAll(async () => {
  for (const statement of ['DROP DATABASE fenzhan_guide WITH (FORCE)', 'DROP ROLE fenzhan_server', 'DROP ROLE fenzhan_owner'])
    await query(`${cluster}postgres`, statement);
  rmSync(directory, { recursive: true, force: true });
});

describe('the roles of docs/operator-guide.md', () => {
  test('are enough: a production server migrates as the owner of the tables and serves as a login that may not touch history', async () => {
    const [served, owned] = [urlOf('fenzhan_server', 'change me too'), urlOf('fenzhan_owner', 'change me')];
    const server = await startServerProcess({
      dataDir: join(directory, 'data'),
      settings: {
        NODE_ENV: 'production',
        DATABASE_URL: served,
        MIGRATION_DATABASE_URL: owned,
        VAULT_KEY: `v1:${Buffer.alloc(32, 1).toString('base64')}`,
        SESSION_SECRET: 'a secret of thirty-two characters',
      },
    });
    try {
      expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({ status: 'ready' });
      await expect(query(served, 'DELETE FROM posting')).rejects.toThrow('permission denied for table posting');
      await expect(query(served, 'CREATE TABLE mine ()')).rejects.toThrow('permission denied for schema public');
    } finally {
      await server.stop();
    }
  });

  test('keep working when the owner may make no more roles', async () => {
    await query(`${cluster}postgres`, 'ALTER ROLE fenzhan_owner NOCREATEROLE');
    expect(guide).toContain('`ALTER ROLE fenzhan_owner NOCREATEROLE`');
    const server = await startServerProcess({
      dataDir: join(directory, 'data'),
      settings: { DATABASE_URL: urlOf('fenzhan_server', 'change me too'), MIGRATION_DATABASE_URL: urlOf('fenzhan_owner', 'change me') },
    });
    expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({ status: 'ready' });
    await server.stop();
  });
});

function urlOf(user: string, password: string): string {
  const url = new URL(`${cluster}fenzhan_guide`);
  url.username = user;
  url.password = encodeURIComponent(password);
  return url.href;
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
