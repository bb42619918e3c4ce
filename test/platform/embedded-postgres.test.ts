import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { embeddedSettings, findRunningPostgres } from '#server/platform/embedded-postgres.ts';
import { canEnter, copyBinariesWhereReachable, findBinaries, SHARED_STATE_DIR } from '#server/platform/postgres-binaries.ts';
import { readPostmaster } from '#server/platform/postgres-process.ts';
import { isAlive } from '#server/platform/processes.ts';
import { COMPILE_CACHE } from '#test/support/server-process.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };
const repository = fileURLToPath(new URL('../..', import.meta.url));
const runner = fileURLToPath(new URL('../support/embedded-runner.ts', import.meta.url));
const nobodyCanRunUs = isRoot && (await canEnter(join(repository, 'node_modules/.bin'), NOBODY)) && (await canEnter(tmpdir(), NOBODY));

// processes start in their own time on a busy machine; nothing here is about speed
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

interface Started {
  readonly process: ChildProcess;
  readonly url: string;
  readonly postgresPid: number;
}

let base: string;
/** A data folder on which a server has run and ended well. */
let before: string;
const children: ChildProcess[] = [];
const postgresPids = new Set<number>();

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'fenzhan embedded 分站-'));
  chmodSync(base, 0o711);
  before = join(base, 'before');
  if ((await endBy(await start(before), 'SIGTERM')) !== 0) throw new Error('the server that made the folder did not end well');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const pid of postgresPids) if (isAlive(pid)) process.kill(pid, 'SIGQUIT');
  await until(() => [...postgresPids].every((pid) => !isAlive(pid)));
  postgresPids.clear();
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

test('an eighth of the memory is for pages of tables, within bounds', () => {
  const buffersOf = (gib: number) => embeddedSettings(gib * 2 ** 30).shared_buffers;
  expect([0.5, 2, 24, 512].map(buffersOf)).toEqual(['128MB', '256MB', '3072MB', '4096MB']);
});

describe('a first start', () => {
  test('makes a cluster in a path with spaces and Chinese signs, and a later start finds what was written', async () => {
    const dataDir = join(base, 'my data 数据');
    const first = await start(dataDir);
    await query(first.url, 'CREATE TABLE kept (value text)');
    await query(first.url, `INSERT INTO kept VALUES ('面值')`);
    expect(await endBy(first, 'SIGTERM')).toBe(0);
    const second = await start(dataDir);
    expect(await query(second.url, 'SELECT value FROM kept')).toEqual([{ value: '面值' }]);
  });

  test('makes it durable, private, and independent of the machine’s language', async () => {
    const dataDir = join(base, 'settings');
    const { url } = await start(dataDir);
    const [row] = await query(
      url,
      `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages, current_setting('synchronous_commit') AS commit,
              current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets, current_setting('TimeZone') AS zone,
              pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider, datlocale AS locale FROM pg_database WHERE datname = current_database()`,
    );
    expect(row).toEqual({
      fsync: 'on',
      pages: 'on',
      commit: 'on',
      addresses: '127.0.0.1',
      sockets: '',
      zone: 'UTC',
      encoding: 'UTF8',
      provider: 'b',
      locale: 'C.UTF-8',
    });
    expect(statSync(join(dataDir, 'postgres-password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'postgres.log')).mode & 0o777).toBe(0o600);
    await expect(query(url.replace(/:[0-9a-f]{48}@/, ':guess@'), 'SELECT')).rejects.toThrow(/password authentication failed/);
    await expect(query(url.replace(/:[0-9a-f]{48}@/, '@'), 'SELECT')).rejects.toThrow(/password/);
  });

  test('that was killed half way leaves nothing that the next one stumbles over', async () => {
    const dataDir = join(base, 'half');
    const killed = launch(dataDir);
    await until(() => existsSync(dataDir) && readdirSync(dataDir).some((name) => name.startsWith('postgres.new-')));
    killed.kill('SIGKILL');
    const next = await start(dataDir);
    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('kill -9', () => {
  test('of the parent: PostgreSQL lives on as an orphan, and the next start ends it cleanly and keeps what was committed', async () => {
    const dataDir = usedBefore('orphan');
    const first = await start(dataDir);
    await query(first.url, 'CREATE TABLE acknowledged AS SELECT generate_series(1, 1000) AS id');
    await kill(first);
    expect(isAlive(first.postgresPid)).toBe(true);
    const second = await start(dataDir);
    expect(isAlive(first.postgresPid)).toBe(false);
    expect(second.postgresPid).not.toBe(first.postgresPid);
    expect(await query(second.url, 'SELECT count(*)::int AS count FROM acknowledged')).toEqual([{ count: 1000 }]);
    expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).not.toMatch(/was interrupted|not properly shut down/);
  });

  test('of parent and PostgreSQL at once, in the middle of writing: the next start recovers every acknowledged row', async () => {
    const dataDir = usedBefore('crash');
    const first = await start(dataDir);
    await query(first.url, 'CREATE TABLE acknowledged (id int PRIMARY KEY)');
    const client = new pg.Client({ connectionString: first.url });
    client.on('error', () => undefined);
    await client.connect();
    let acknowledged = 0;
    const writing = (async () => {
      for (;;) {
        await client.query('INSERT INTO acknowledged VALUES ($1)', [acknowledged + 1]);
        acknowledged += 1;
      }
    })().catch((error: Error) => error);
    await until(() => acknowledged > 50);
    process.kill(first.postgresPid, 'SIGKILL');
    await kill(first);
    expect(await writing).toBeInstanceOf(Error);
    const second = await start(dataDir);
    const rows = await query<{ id: number }>(second.url, 'SELECT id FROM acknowledged ORDER BY id');
    expect(rows.length).toBeGreaterThanOrEqual(acknowledged);
    expect(rows.map(({ id }) => id)).toEqual(rows.map((_, index) => index + 1));
  });

  test('and then a stranger gets PostgreSQL’s old process number: the start takes place and the stranger is left alone', async () => {
    const dataDir = usedBefore('stranger');
    const first = await start(dataDir);
    process.kill(first.postgresPid, 'SIGKILL');
    await kill(first);
    const owner = statSync(join(dataDir, 'postgres'));
    const stranger = spawn('sleep', ['600'], isRoot ? { uid: owner.uid, gid: owner.gid } : {});
    children.push(stranger);
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid');
    writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(stranger.pid)));
    const second = await start(dataDir);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(isAlive(stranger.pid ?? 0)).toBe(true);
  });
});

describe('a second start on the same folder', () => {
  test('is refused and names the process that has it; the first goes on', async () => {
    const dataDir = usedBefore('taken');
    const first = await start(dataDir);
    const refused = await outcome(launch(dataDir));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toBe(
      `the folder ${dataDir} is in use by the server process ${first.process.pid}: stop it first, or set another DATA_DIR\n`,
    );
    expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(findRunningPostgres(dataDir)).toBe(first.url);
  });

  test('at the very same moment: one of four runs, three are refused, also when a killed server’s mark lies there', async () => {
    const dataDir = join(base, 'rush');
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o711);
    writeFileSync(join(dataDir, 'server.pid'), '999999 no-such-boot 1\n');
    const all = [1, 2, 3, 4].map(() => launch(dataDir));
    const results = await Promise.all(all.map((child) => Promise.race([started(child), outcome(child)])));
    expect(results.filter((result) => 'url' in result)).toHaveLength(1);
    expect(results.filter((result) => 'stderr' in result && /is in use by the server process \d+/.test(result.stderr))).toHaveLength(3);
  });

  test('on another folder takes another port', async () => {
    const [one, two] = [await start(usedBefore('one')), await start(usedBefore('two'))];
    expect(new URL(one.url).port).not.toBe(new URL(two.url).port);
    expect(await query(two.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

test('a busy port does not matter: a free one is taken', async () => {
  const blocker = await listen(54_330);
  const { url } = await start(usedBefore('busy'));
  expect(new URL(url).port).not.toBe('54330');
  expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  blocker?.close();
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s to the whole terminal group ends PostgreSQL cleanly, with nothing left to recover',
  async (signal) => {
    const dataDir = usedBefore(`ended by ${signal}`);
    const first = await start(dataDir);
    const client = new pg.Client({ connectionString: first.url });
    client.on('error', () => undefined);
    await client.connect();
    const ended = outcome(first.process);
    process.kill(-(first.process.pid ?? 0), signal);
    expect((await ended).code).toBe(0);
    expect(isAlive(first.postgresPid)).toBe(false);
    expect(readPostmaster(join(dataDir, 'postgres'))).toBeNull();
    expect(existsSync(join(dataDir, 'server.pid'))).toBe(false);
    expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).toMatch(/database system is shut down\n$/);
  },
);

test('a password file that is gone is said so, and the cluster stays', async () => {
  const dataDir = usedBefore('no password');
  rmSync(join(dataDir, 'postgres-password'));
  const refused = await outcome(launch(dataDir));
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/postgres-password is gone/);
  expect(existsSync(join(dataDir, 'postgres', 'PG_VERSION'))).toBe(true);
});

test('where npm has no PostgreSQL, the message says what to do', () => {
  expect(() => findBinaries('darwin', 'x64')).toThrow(
    'there is no embedded PostgreSQL for darwin on x64: set DATABASE_URL to a PostgreSQL 18 of yours (Linux on x64 or arm64 needs none)',
  );
});

describe.runIf(isRoot)('as root', () => {
  test('PostgreSQL runs as an ordinary user that was there before', async () => {
    const users = readFileSync('/etc/passwd', 'utf8');
    const { postgresPid } = await start(join(base, 'root'));
    expect(statSync(`/proc/${postgresPid}`).uid).not.toBe(0);
    expect(readFileSync('/etc/passwd', 'utf8')).toBe(users);
  });

  test('a project in a folder closed to others works: its cluster lies in a folder of the system, and goes with the data folder', async () => {
    const closed = join(base, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    chmodSync(closed, 0o700);
    const dataDir = join(closed, '.data');
    const first = await start(dataDir);
    await query(first.url, 'CREATE TABLE kept ()');
    await endBy(first, 'SIGTERM');
    const second = await start(dataDir);
    expect(await query(second.url, 'SELECT count(*)::int AS count FROM kept')).toEqual([{ count: 0 }]);
    await endBy(second, 'SIGTERM');
    rmSync(dataDir, { recursive: true });
    const third = await start(dataDir);
    await expect(query(third.url, 'SELECT FROM kept')).rejects.toThrow(/does not exist/);
    const [{ place } = { place: '' }] = await query<{ place: string }>(third.url, `SELECT current_setting('data_directory') AS place`);
    expect(place.startsWith(`${SHARED_STATE_DIR}/data-`)).toBe(true);
    await endBy(third, 'SIGTERM');
    rmSync(join(place, '..'), { recursive: true });
  });

  test('programs in a folder closed to others are copied to where PostgreSQL’s user can run them', async () => {
    const closed = join(base, 'closed programs');
    mkdirSync(join(closed, 'native', 'bin'), { recursive: true, mode: 0o700 });
    chmodSync(closed, 0o700);
    cpSync('/bin/true', join(closed, 'native', 'bin', 'postgres'));
    const version = `test-${process.pid}`;
    const [initdb, postgres] = ['initdb', 'postgres'].map((name) => join(closed, 'native', 'bin', name)) as [string, string];
    expect(() => execFileSync(postgres, { cwd: '/', ...NOBODY })).toThrow(/EACCES/);
    const copy = await copyBinariesWhereReachable({ version, initdb, postgres }, NOBODY);
    expect(copy.postgres).not.toBe(postgres);
    execFileSync(copy.postgres, { cwd: '/', ...NOBODY });
    rmSync(join(SHARED_STATE_DIR, `postgresql-${version}`), { recursive: true });
  });
});

describe.runIf(nobodyCanRunUs)('as an ordinary user', () => {
  test('PostgreSQL runs as that user, and root may start the same folder later', async () => {
    const home = join(base, 'ordinary');
    mkdirSync(home);
    chownSync(home, NOBODY.uid, NOBODY.gid);
    const dataDir = join(home, '.data');
    const ordinary = await started(launch(dataDir, NOBODY));
    expect(statSync(`/proc/${ordinary.postgresPid}`).uid).toBe(NOBODY.uid);
    await query(ordinary.url, 'CREATE TABLE kept ()');
    expect(await endBy(ordinary, 'SIGINT')).toBe(0);
    const byRoot = await start(dataDir);
    expect(statSync(`/proc/${byRoot.postgresPid}`).uid).toBe(NOBODY.uid);
    await query(byRoot.url, 'SELECT FROM kept');
    await endBy(byRoot, 'SIGTERM');
    const again = await started(launch(dataDir, NOBODY));
    await query(again.url, 'SELECT FROM kept');
  });

  test('a folder of somebody else is refused with its owner', async () => {
    const dataDir = join(base, 'of root');
    mkdirSync(dataDir, { mode: 0o755 });
    const refused = await outcome(launch(dataDir, NOBODY));
    expect(refused.stderr).toMatch(/belongs to user 0: start as that user/);
  });
});

/** A data folder of its own that was used before: where a first start is not the point, no cluster is made. */
function usedBefore(name: string): string {
  const dataDir = join(base, name);
  execFileSync('cp', ['-a', before, dataDir]);
  return dataDir;
}

function launch(dataDir: string, user: { uid: number; gid: number } | Record<string, never> = {}): ChildProcess {
  const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
  const child = spawn(process.execPath, [runner, dataDir], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...user });
  children.push(child);
  return child;
}

function start(dataDir: string): Promise<Started> {
  return started(launch(dataDir));
}

/** Waits for the line that says where PostgreSQL listens; fails with what the child wrote when it ends before. */
async function started(child: ChildProcess): Promise<Started> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = outcome(child);
  await Promise.race([until(() => text.includes('\n')), ended.then(({ stderr }) => Promise.reject(new Error(`it ended: ${stderr}`)))]);
  const { url, postgresPid } = JSON.parse(text) as { url: string; postgresPid: number };
  postgresPids.add(postgresPid);
  return { process: child, url, postgresPid };
}

function outcome(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, stderr }));
  });
}

async function endBy(server: Started, signal: NodeJS.Signals): Promise<number | null> {
  const ended = outcome(server.process);
  server.process.kill(signal);
  return (await ended).code;
}

async function kill(server: Started): Promise<void> {
  const gone = new Promise((resolve) => server.process.once('exit', resolve));
  server.process.kill('SIGKILL');
  await gone;
}

async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    // somebody else has it already: busy is busy
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
