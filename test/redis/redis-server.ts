import { type ChildProcess, spawn } from 'node:child_process';
import { Redis } from 'ioredis';
import { findFreePort } from '#server/platform/postgres-process.ts';

/** The program that is started. */
export const REDIS_SERVER = process.env['REDIS_SERVER'] || 'redis-server';

/** A Redis of one's own that keeps nothing on disk and its port through every death. */
export interface RedisServer {
  readonly url: string;
  /** One command, as the operator would send it. */
  command(name: string, ...args: string[]): Promise<unknown>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Starts one on a free port. */
export async function startRedis(): Promise<RedisServer> {
  const port = await findFreePort(0);
  if (port === null) throw new Error('no free port');
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  const once = async <Answer>(work: (client: Redis) => Promise<Answer>): Promise<Answer> => {
    const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: 100 });
    client.on('error', () => undefined);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  };
  const server: RedisServer = {
    url,
    command: (name, ...args) => once((client) => client.call(name, ...args)),
    signal: (signal) => void child?.kill(signal),
    kill: async () => {
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child?.kill('SIGKILL');
      await ended;
    },
    start: async () => {
      child = spawn(REDIS_SERVER, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
      await once((client) => client.ping());
    },
  };
  await server.start();
  return server;
}
