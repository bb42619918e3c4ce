import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { copyBinariesWhereReachable, type PostgresBinaries, type SystemUser } from './postgres-binaries.ts';
import { isAlive } from './processes.ts';

const runFile = promisify(execFile);

/** A cluster on disk, and as whom its server runs (null: as ourselves). */
export interface ClusterPlace {
  readonly dataDir: string;
  readonly binaries: PostgresBinaries;
  readonly runAs: SystemUser | null;
}

/** A running server that this process started. */
export interface PostgresProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it cleanly (fast shutdown: transactions roll back, everything committed is on disk). */
  stop(): Promise<void>;
}

/** The name and password of the cluster's superuser. */
export const SUPERUSER = 'postgres';
const START_SECONDS = 60;
const STOP_SECONDS = 30;
const POLL_MILLISECONDS = 15;

/**
 * Creates a cluster: UTF-8, a fixed locale (sort order must not depend on the machine), passwords only. It is made beside its
 * place and moved there whole, so that a creation that was killed leaves nothing half made.
 */
export async function initCluster(place: ClusterPlace, password: string): Promise<void> {
  // a name of its own: the initdb of a killed parent may still be writing to its folder
  const half = `${place.dataDir}.new-${randomBytes(4).toString('hex')}`;
  const passwordFile = `${half}.pw`;
  mkdirSync(half, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  try {
    if (place.runAs) {
      chownSync(half, place.runAs.uid, place.runAs.gid);
      chownSync(passwordFile, place.runAs.uid, place.runAs.gid);
    }
    chmodSync(half, 0o700);
    const flags = ['--encoding=UTF8', '--locale-provider=builtin', '--locale=C.UTF-8', '--auth=scram-sha-256'];
    await runFile(place.binaries.initdb, [`--pgdata=${half}`, `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`, ...flags], {
      cwd: '/',
      env: serverEnvironment(),
      ...place.runAs,
    });
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    throw new Error(`PostgreSQL's initdb failed: ${(error as { stderr?: string }).stderr?.trim() ?? String(error)}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(half, place.dataDir);
}

/**
 * Starts the server of a cluster on 127.0.0.1, in a session of its own so that a Ctrl-C in the terminal reaches us and not it,
 * and returns when it takes connections. `settings` are PostgreSQL's own names.
 */
export async function startPostgres(
  place: ClusterPlace,
  port: number,
  options: { readonly logFile: string; readonly settings?: Readonly<Record<string, string>> },
): Promise<PostgresProcess> {
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port), timezone: 'UTC', ...options.settings };
  const log = openSync(options.logFile, 'a', 0o600);
  const child = spawn(
    place.binaries.postgres,
    ['-D', place.dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { cwd: '/', detached: true, stdio: ['ignore', log, log], env: serverEnvironment(), ...place.runAs },
  );
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  await waitUntilReady(place, child, ended, options.logFile);
  const pid = child.pid ?? 0;
  child.unref();
  return { pid, port, ended, stop: () => stopServer(pid, ended) };
}

/** The port when it is free now, else null; 0 asks for any. */
export function findFreePort(wanted: number, host = '127.0.0.1'): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(wanted, host, () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** What postmaster.pid tells about a cluster: the process and its port, and whether it takes connections. */
export function readPostmaster(dataDir: string): { readonly pid: number; readonly port: number; readonly ready: boolean } | null {
  const file = join(dataDir, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, 'utf8').split('\n');
  const pid = Number(lines[0]);
  return Number.isInteger(pid) && pid > 0 ? { pid, port: Number(lines[3] ?? 0), ready: (lines[7] ?? '').startsWith('ready') } : null;
}

/** Ends a server by process id (ours or one that was orphaned) and waits until it is gone. */
export async function stopServer(pid: number, ended: Promise<unknown> = untilGone(pid)): Promise<void> {
  signal(pid, 'SIGINT');
  if (await within(STOP_SECONDS, ended)) return;
  // immediate shutdown: no checkpoint, the next start recovers from the log
  signal(pid, 'SIGQUIT');
  if (!(await within(STOP_SECONDS, ended))) throw new Error(`PostgreSQL (process ${pid}) does not stop`);
}

async function waitUntilReady(place: ClusterPlace, child: ChildProcess, ended: Promise<void>, logFile: string): Promise<void> {
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  const deadline = Date.now() + START_SECONDS * 1000;
  while (!gone && Date.now() < deadline) {
    const seen = readPostmaster(place.dataDir);
    if (seen?.pid === child.pid && seen?.ready) return;
    await sleep(POLL_MILLISECONDS);
  }
  if (!gone && child.pid) await stopServer(child.pid, ended);
  throw new Error(`PostgreSQL did not start; the end of ${logFile}:\n${lastLines(logFile, 8)}`);
}

async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(POLL_MILLISECONDS);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function within(seconds: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000, false);
  });
  const inTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

/** Nothing of ours: the environment of the parent holds secrets and PG* variables that would steer it. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

function lastLines(file: string, count: number): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n') : '(no log)';
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Prepares where a cluster may live: directories that its server's user can enter, binaries that it can run. */
export async function preparePlace(dataDir: string, binaries: PostgresBinaries, runAs: SystemUser | null): Promise<ClusterPlace> {
  mkdirSync(dirname(dataDir), { recursive: true });
  return { dataDir, binaries: await copyBinariesWhereReachable(binaries, runAs), runAs };
}
