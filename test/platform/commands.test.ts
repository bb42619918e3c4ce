import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { databaseForThisTest } from '#test/support/database.ts';
import { COMPILE_CACHE } from '#test/support/server-process.ts';

// The commands that fill an installation, from the outside: what they print, and their exit codes. What they do: test/flows/open-network.test.ts.
// processes start in their own time on a busy machine; nothing here is about speed
vi.setConfig({ testTimeout: 120_000 });

const HEADING = 'category1,product,sku_code,sku,base_price';

test('a network, a supplier and a catalogue are made by three commands, each of which says what it did', async () => {
  const { run, fileOf, sql } = await installation();
  const network = [
    '--name',
    '云仓数码',
    '--code',
    'HQ',
    '--currency',
    'CNY',
    '--time-zone',
    'Asia/Shanghai',
    '--owner-email',
    'boss@example.com',
  ];
  const opened = await run('network-open', [...network, '--owner-name', '张三']);
  expect(opened).toEqual({
    code: 0,
    error: '',
    output: expect.stringMatching(
      /^network 云仓数码 was opened: [0-9a-f-]{36}\nowner boss@example\.com: temporary password, shown this once:\n\S{16}\n$/,
    ) as string,
  });
  expect(await run('network-open', network)).toEqual({
    code: 1,
    output: '',
    error: 'name: There is a network of this name. Nothing was written.\n',
  });
  expect(
    await run('supplier-open', ['--network', '云仓数码', '--name', '星河', '--code', 'XH', '--owner-email', 'boss@example.com']),
  ).toEqual({
    code: 0,
    error: '',
    output: expect.stringMatching(/^supplier 星河 was opened: [0-9a-f-]{36}\nowner boss@example\.com: signs in as before\n$/) as string,
  });
  const file = fileOf(`${HEADING}\n礼品卡,Steam 充值卡,STEAM-50,50 元,47.50\n`);
  const counts =
    'categories: 1 created, 0 updated, 0 unchanged\nproducts: 1 created, 0 updated, 0 unchanged\nSKUs: 1 created, 0 updated, 0 unchanged; 0 with another base price\n';
  expect(await run('catalogue-import', ['--network', '云仓数码', '--dry-run', file])).toEqual({
    code: 0,
    error: '',
    output: `${counts}this was a dry run: nothing was written\n`,
  });
  expect(await run('catalogue-import', ['--network', '云仓数码', file])).toEqual({ code: 0, error: '', output: `${counts}imported\n` });
  const bad = fileOf(`${HEADING}\n礼品卡,Steam 充值卡,STEAM-50,50 元,free\n,Steam 充值卡,STEAM-100,100 元,95\n`);
  expect(await run('catalogue-import', ['--network', '云仓数码', bad])).toEqual({
    code: 1,
    output: '',
    error:
      'line 2: base_price: free is not a price above zero with at most four decimals, such as 47.50\nline 3: category1 is empty\n2 problems: nothing was imported\n',
  });
  expect(await sql('SELECT code, base_price FROM sku')).toEqual([{ code: 'STEAM-50', base_price: '47.5000' }]);
});

test('a command that lacks something says what, and how it is called, before it touches a database', async () => {
  const { run } = await installation();
  const usage = /\nnpm run network:open -- --name 云仓数码 .*\n$/;
  const missing = await run('network-open', ['--name', 'x', '--code', 'HQ', '--currency', 'CNY']);
  expect(missing).toMatchObject({ code: 1, error: expect.stringMatching(/^missing: --time-zone, --owner-email\n/) as string });
  expect(missing.error).toMatch(usage);
  expect((await run('network-open', ['--colour', 'red'])).error).toMatch(usage);
  expect(await run('catalogue-import', ['--network', 'x'])).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^npm run catalogue:import/) as string,
  });
  expect((await run('catalogue-import', ['--network', 'x', 'no-such.csv'])).error).toMatch(/^no-such\.csv cannot be read: ENOENT/);
});

async function installation() {
  const { url, sql } = await databaseForThisTest();
  const folder = mkdtempSync(join(tmpdir(), 'fenzhan-commands-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  let files = 0;
  const fileOf = (text: string) => {
    files += 1;
    const file = join(folder, `catalogue-${files}.csv`);
    writeFileSync(file, text);
    return file;
  };
  const run = (command: string, words: readonly string[]) =>
    runCommand(command, words, { DATABASE_URL: url, DATA_DIR: join(folder, 'data') });
  return { sql, fileOf, run };
}

async function runCommand(command: string, words: readonly string[], settings: Record<string, string>) {
  const file = fileURLToPath(new URL(`../../server/${command}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file, ...words], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, LOG_LEVEL: 'warn', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { output: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    texts.output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    texts.error += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return { code, ...texts };
}
