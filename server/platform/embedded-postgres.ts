import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { CannotStart } from './cannot-start.ts';
import { dataDirHolder, lockDataDir } from './data-dir-lock.ts';
import { canEnter, chooseSystemUser, findBinaries, SHARED_STATE_DIR, type SystemUser } from './postgres-binaries.ts';
import {
  type ClusterPlace,
  findFreePort,
  initCluster,
  type PostgresProcess,
  preparePlace,
  readPostmaster,
  SUPERUSER,
  startPostgres,
  stopServer,
} from './postgres-process.ts';
import { isAlive, processArguments } from './processes.ts';
import { makeDataDir, readOrCreate } from './secrets.ts';

/** The PostgreSQL of a data folder, started by this process. */
export interface EmbeddedPostgres {
  /** As superuser; the application's connections take a lesser role. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it cleanly and gives the data folder back. */
  stop(): Promise<void>;
}

const DATABASE = 'fenzhan';
const PREFERRED_PORT = 54_330;
const ATTEMPTS = 5;
const LOG_BYTES = 10_000_000;
const BUFFERS_SHARE = 1 / 8;
const BUFFERS_LEAST_MIB = 128;
const BUFFERS_MOST_MIB = 4_096;

/**
 * How the embedded PostgreSQL is set up. An eighth of the memory that this process may use holds pages of tables: what is looked up for
 * an order of any of a million stations lies on some twenty-five of them, and each that has to be brought in costs as much as a small
 * statement. It is taken as pages are used, so a small shop does not notice.
 */
export function embeddedSettings(memoryBytes = usableMemory()) {
  const mib = Math.floor((memoryBytes * BUFFERS_SHARE) / 2 ** 20);
  const buffers = Math.min(Math.max(mib, BUFFERS_LEAST_MIB), BUFFERS_MOST_MIB);
  return { max_connections: '120', shared_buffers: `${buffers}MB`, max_wal_size: '2GB', log_checkpoints: 'off' };
}

/** Of the machine, or of the container, whichever is less. */
function usableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Starts PostgreSQL on the cluster in `dataDir`/postgres, making it at the first time, on 127.0.0.1 and a free port. Refuses
 * (DataDirInUse) when a living server has the folder. A PostgreSQL that outlived its killed parent is ended cleanly first:
 * PostgreSQL itself recovers what was committed.
 */
export async function startEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const binaries = findBinaries();
  makeDataDir(dataDir);
  assertOurs(dataDir);
  const unlock = lockDataDir(dataDir);
  try {
    const runAs = chooseSystemUser(join(dataDir, 'postgres'));
    const clusterDir = await chooseClusterDir(dataDir, runAs);
    const place = await preparePlace(clusterDir, binaries, runAs);
    const password = readPassword(dataDir, clusterDir);
    if (!existsSync(clusterDir)) await initCluster(place, password);
    assertVersion(clusterDir, binaries.version);
    await endOrphan(clusterDir);
    const server = await startSomewhere(place, prepareLog(dataDir, runAs));
    await createDatabase(urlOf(server.port, password, 'postgres'));
    return supervise(server, urlOf(server.port, password, DATABASE), unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The URL of the PostgreSQL that a living server process runs on this data folder, or null when none does. */
export function findRunningPostgres(dataDir: string): string | null {
  const clusterDir = join(dataDir, 'postgres');
  if (dataDirHolder(dataDir) === null || !existsSync(clusterDir)) return null;
  const seen = readPostmaster(clusterDir);
  return seen?.ready ? urlOf(seen.port, readPassword(dataDir, clusterDir), DATABASE) : null;
}

function supervise(server: PostgresProcess, url: string, unlock: () => void): EmbeddedPostgres {
  // a process that ends without having stopped it (an uncaught error) at least asks it to end
  const onExit = () => {
    if (isAlive(server.pid)) process.kill(server.pid, 'SIGINT');
  };
  process.once('exit', onExit);
  const stop = async () => {
    process.off('exit', onExit);
    await server.stop();
    unlock();
  };
  return { url, pid: server.pid, ended: server.ended, stop };
}

/** Tries a few times: a port may be taken in the moment between finding and binding, and backends of a killed server need a moment to end. */
async function startSomewhere(place: ClusterPlace, logFile: string): Promise<PostgresProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const port = (attempt === 1 ? await findFreePort(PREFERRED_PORT) : null) ?? (await findFreePort(0));
    if (port === null) throw new Error('no port of 127.0.0.1 is free');
    try {
      return await startPostgres(place, port, { logFile, settings: embeddedSettings() });
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 400 * attempt));
    }
  }
}

/** Ends the server that a killed parent left behind; only one that provably serves this very cluster. */
async function endOrphan(clusterDir: string): Promise<void> {
  const seen = readPostmaster(clusterDir);
  if (seen === null || !isAlive(seen.pid)) return;
  if (processArguments(seen.pid).includes(clusterDir)) {
    await stopServer(seen.pid);
    return;
  }
  // the number now belongs to a stranger, whom PostgreSQL would take for its predecessor. It takes its own parent for none; the
  // rest of the file stays, because by it PostgreSQL looks for backends that still live
  const file = join(clusterDir, 'postmaster.pid');
  const lines = readFileSync(file, 'utf8').split('\n');
  writeFileSync(file, [String(process.pid), ...lines.slice(1)].join('\n'));
}

/**
 * Where the cluster lies: in the data folder; for root whose project others cannot enter (/root), in a folder of the system that
 * `dataDir`/postgres points to.
 */
async function chooseClusterDir(dataDir: string, runAs: SystemUser | null): Promise<string> {
  const usual = join(dataDir, 'postgres');
  if (runAs === null || (await canEnter(dataDir, runAs))) return usual;
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const elsewhere = join(SHARED_STATE_DIR, `data-${name}`, 'postgres');
  mkdirSync(join(elsewhere, '..'), { recursive: true, mode: 0o711 });
  for (const directory of [SHARED_STATE_DIR, join(elsewhere, '..')]) chmodSync(directory, 0o711);
  // a data folder that was removed takes its cluster along: without the link, what lies there belongs to no one
  if (lstatSync(usual, { throwIfNoEntry: false }) === undefined) {
    rmSync(elsewhere, { recursive: true, force: true });
    symlinkSync(elsewhere, usual);
  }
  return elsewhere;
}

function readPassword(dataDir: string, clusterDir: string): string {
  return readOrCreate(dataDir, 'postgres-password', () => {
    if (existsSync(clusterDir))
      throw new CannotStart(`${join(dataDir, 'postgres-password')} is gone, and ${clusterDir} opens with nothing else`);
    return randomBytes(24).toString('hex');
  });
}

function prepareLog(dataDir: string, runAs: SystemUser | null): string {
  const file = join(dataDir, 'postgres.log');
  closeSync(openSync(file, 'a', 0o600));
  if (statSync(file).size > LOG_BYTES) truncateSync(file);
  if (runAs) chownSync(file, runAs.uid, runAs.gid);
  return file;
}

async function createDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function assertOurs(dataDir: string): void {
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new CannotStart(
      `the data folder ${dataDir} belongs to user ${statSync(dataDir).uid}: start as that user, or set another DATA_DIR`,
      {
        cause: error,
      },
    );
  }
}

function assertVersion(clusterDir: string, version: string): void {
  const made = readFileSync(join(clusterDir, 'PG_VERSION'), 'utf8').trim();
  const [ours] = version.split('.');
  if (made !== ours) throw new CannotStart(`${clusterDir} was made by PostgreSQL ${made}, this is ${ours}: dump it there and load it here`);
}

function urlOf(port: number, password: string, database: string): string {
  return `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
}
