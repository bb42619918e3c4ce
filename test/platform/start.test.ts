import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { databaseForThisTest } from '#test/support/database.ts';
import { COMPILE_CACHE, type ServerOptions, type ServerProcess, startServerProcess } from '#test/support/server-process.ts';

// The program itself, from the outside: what an operator sees when starting and stopping it.
// processes start in their own time on a busy machine; nothing here is about speed
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const audit = fileURLToPath(new URL('../../server/audit.ts', import.meta.url));
const running: ServerProcess[] = [];
let dataDir: string;

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'fenzhan start-'));
  chmodSync(dataDir, 0o711);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

async function start(options: Partial<ServerOptions> = {}): Promise<ServerProcess> {
  const server = await startServerProcess({ dataDir, ...options });
  running.push(server);
  return server;
}

async function ask(server: ServerProcess): Promise<unknown> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ viewer { id } }' }),
  });
  return ((await response.json()) as { data: unknown }).data;
}

describe('the server', () => {
  test('starts on nothing, answers, ends at Ctrl-C with code 0, and starts again', async () => {
    const first = await start();
    expect(await ask(first)).toEqual({ viewer: null });
    expect(await (await fetch(`${first.url}/readyz`)).json()).toEqual({ status: 'ready' });
    process.kill(-first.pid, 'SIGINT');
    expect(await first.ended).toBe(0);
    const second = await start();
    expect(await ask(second)).toEqual({ viewer: null });
  });

  test('that was killed is started again at once, though its PostgreSQL still runs', async () => {
    const first = await start();
    await first.kill();
    const second = await start();
    expect(await ask(second)).toEqual({ viewer: null });
  });

  test('is not started twice on one folder: the second names the process of the first', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(`is in use by the server process ${first.pid}: stop it first, or set another DATA_DIR`);
    expect(await ask(first)).toEqual({ viewer: null });
  });

  test('does not take a chosen port that is busy, and says which setting it is', async () => {
    const blocker = await listen();
    const { port } = blocker.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(`PORT: ${port} of 127.0.0.1 is busy or not allowed`);
    blocker.close();
  });

  test('takes another port when the usual one is busy and none was chosen', async () => {
    const blocker = await listen(4000).catch(() => null);
    const server = await start({ settings: { PORT: '' } });
    expect(server.url).not.toMatch(/:4000$/);
    expect(await ask(server)).toEqual({ viewer: null });
    blocker?.close();
  });

  test('refuses wrong settings before it touches anything, naming each variable', async () => {
    const place = join(dataDir, 'untouched');
    const settings = { NODE_ENV: 'production', DATABASE_POOL_SIZE: 'many' };
    await expect(start({ dataDir: place, settings })).rejects.toThrow(
      /these settings are wrong:\n {2}VAULT_KEY: required when NODE_ENV=production\n {2}SESSION_SECRET: required when NODE_ENV=production\n {2}DATABASE_POOL_SIZE: /,
    );
    expect(() => rmSync(place, { recursive: true })).toThrow(/ENOENT/);
  });

  test('uses the PostgreSQL of DATABASE_URL and starts none of its own', async () => {
    const { url } = await databaseForThisTest();
    const place = join(dataDir, 'elsewhere');
    const server = await start({ dataDir: place, settings: { DATABASE_URL: url } });
    expect(await ask(server)).toEqual({ viewer: null });
    expect(() => rmSync(join(place, 'postgres'), { recursive: true })).toThrow(/ENOENT/);
    await server.stop();
  });

  test('says in one sentence that a database cannot be reached, without its password', async () => {
    const starting = start({ settings: { DATABASE_URL: 'postgresql://me:S3CRET@127.0.0.1:1/x' } });
    await expect(starting).rejects.toThrow(/the database is not ready: connect ECONNREFUSED 127\.0\.0\.1:1\n?$/);
    await expect(starting).rejects.not.toThrow(/S3CRET/);
  });
});

describe('npm run audit', () => {
  test('is clean on a new installation, beside a running server and without one', async () => {
    const server = await start();
    expect(await runAudit()).toMatchObject({ code: 0, output: expect.stringMatching(/clean\n$/) });
    await server.stop();
    expect(await runAudit()).toMatchObject({ code: 0, output: expect.stringMatching(/^(holds {3}.*\n){7}clean\n$/) });
  });

  test('fails when an account does not match its postings', async () => {
    const { url, sql } = await databaseForThisTest();
    await sql(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES (gen_random_uuid(), 'n', 'CNY', 'UTC', now())`);
    await sql(
      `INSERT INTO account (network_id, id, kind, currency, balance, floorless, updated_at) SELECT id, gen_random_uuid(), 'CASH', 'CNY', 5, true, now() FROM network`,
    );
    const { code, output } = await runAudit({ DATABASE_URL: url });
    expect(code).toBe(1);
    expect(output).toMatch(/BROKEN {2}The balance of every account is the sum of its postings\.\n {8}network /);
  });
});

function runAudit(settings: Record<string, string> = {}): Promise<{ code: number | null; output: string }> {
  const child: ChildProcess = spawn(process.execPath, [audit], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, DATA_DIR: dataDir, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
}

function listen(port = 0): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
