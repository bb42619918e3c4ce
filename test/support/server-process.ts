import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../server/main.ts', import.meta.url));
const START_SECONDS = 120;

/** Where programs are kept compiled, as `npm start` keeps them: a test starts the same ones again and again. */
export const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url));

/** Where and with what a server process is started. */
export interface ServerOptions {
  /** Its data folder; another one is another installation. */
  readonly dataDir: string;
  /** 0 or nothing: a free one. */
  readonly port?: number;
  /** More settings, by the name of their variable. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Arguments; `--without-console` where no page is asked for. */
  readonly parameters?: readonly string[];
}

/** A real server in a process of its own. */
export interface ServerProcess {
  readonly pid: number;
  /** Where it answers, without a slash at the end. */
  readonly url: string;
  /** What it has written to standard output so far. */
  output(): string;
  /** What it has logged to standard error so far. */
  log(): string;
  /** kill -9, and waits until it is gone. Its PostgreSQL lives on. */
  kill(): Promise<void>;
  /** Asks it to end (SIGTERM) and answers its exit code. */
  stop(): Promise<number | null>;
  readonly ended: Promise<number | null>;
}

/** Starts `server/main.ts` and returns when it says where it is; fails with its log when it ends before. */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const child = spawn(process.execPath, [main, ...(options.parameters ?? ['--without-console'])], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      DATA_DIR: options.dataDir,
      PORT: String(options.port ?? 0),
      DEMO: 'off',
      ...options.settings,
    },
  });
  const output = gather(child, 'stdout');
  const log = gather(child, 'stderr');
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const url = await announced(output, ended, log);
  return {
    pid: child.pid ?? 0,
    url,
    output,
    log,
    ended,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function announced(output: () => string, ended: Promise<unknown>, log: () => string): Promise<string> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const deadline = Date.now() + START_SECONDS * 1000;
  while (!isOver && Date.now() < deadline) {
    const port = /^Fenzhan is at .*:(\d+)$/m.exec(output())?.[1];
    if (port !== undefined) return `http://127.0.0.1:${port}`;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`the server ${isOver ? 'ended' : 'did not start in time'}:\n${output()}\n${log()}`);
}

function gather(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[stream]?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}
