import { spawnSync } from 'node:child_process';
import { REDIS_SERVER } from './redis-server.ts';

/** Refuses the run where there is no Redis, with how to get one. */
export default function setUp(): void {
  const { error } = spawnSync(REDIS_SERVER, ['--version']);
  if (error === undefined) return;
  throw new Error(
    `${REDIS_SERVER} is not installed, and these tests need a real one: apt-get install redis-server (its service need not run), or name another by REDIS_SERVER=/path/to/redis-server`,
  );
}
