import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { chooseSystemUser, findBinaries } from '#server/platform/postgres-binaries.ts';
import { findFreePort, initCluster, preparePlace, SUPERUSER, startPostgres } from '#server/platform/postgres-process.ts';

/** A cluster that nobody will miss: nothing is forced to disk. */
export interface ThrowawayCluster {
  /** Ends in "/": append a database name. */
  readonly url: string;
  /** The process that all others of this PostgreSQL descend from. */
  readonly pid: number;
  stop(): Promise<void>;
}

const CARELESS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  autovacuum_naptime: '10s',
};

/** Makes a cluster in an existing directory and starts it on a free port. */
export async function startThrowawayCluster(directory: string): Promise<ThrowawayCluster> {
  const dataDir = join(directory, 'data');
  const place = await preparePlace(dataDir, findBinaries(), chooseSystemUser(dataDir));
  const password = randomBytes(16).toString('hex');
  await initCluster(place, password);
  const port = await findFreePort(0);
  if (port === null) throw new Error('no free port');
  const server = await startPostgres(place, port, { logFile: join(directory, 'postgres.log'), settings: CARELESS });
  return { url: `postgresql://${SUPERUSER}:${password}@127.0.0.1:${server.port}/`, pid: server.pid, stop: () => server.stop() };
}
