import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { offerText, type Truth } from './mirror-market.ts';

const program = fileURLToPath(new URL('../../docs/examples/mirror.ts', import.meta.url));

/** The documentation's program in a process of its own, which may be killed and started again. */
export interface MirrorProcess {
  /** What it holds true, by global id as in `Truth`; null before it has written anything. */
  content(): Truth | null;
  /** Since when it has been connected, by performance.now(); null while it is not. */
  liveSince(): number | null;
  /** How often it has connected, and why it was lost, in all its lives. */
  connectCount(): number;
  losses(): readonly string[];
  /** The network passes nothing on: whatever the program believes, it is not connected until `passes`, or until it has connected anew. */
  stalls(): void;
  passes(): void;
  kill(): Promise<void>;
  start(): void;
}

/** Starts it with its file at this path. */
export function startMirror(options: { readonly url: string; readonly apiKey: string; readonly file: string }): MirrorProcess {
  let child: ChildProcess;
  let live: number | null = null;
  let isStalled = false;
  let isLost = true;
  let connects = 0;
  const losses: string[] = [];
  const hear = (line: string) => {
    if (line === 'live') {
      live = performance.now();
      isLost = false;
      connects += 1;
    } else if (line.startsWith('lost')) {
      live = null;
      isLost = true;
      losses.push(line);
    }
  };
  const start = () => {
    child = spawn(process.execPath, [program, options.file], {
      env: { PATH: process.env['PATH'], FENZHAN_URL: options.url, FENZHAN_API_KEY: options.apiKey },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) hear(line);
    });
  };
  start();
  return {
    content: () => readContent(options.file),
    liveSince: () => (isStalled ? null : live),
    connectCount: () => connects,
    losses: () => losses,
    stalls: () => {
      isStalled = true;
    },
    passes: () => {
      isStalled = false;
      live = isLost ? null : performance.now();
    },
    kill: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
      live = null;
      isLost = true;
    },
    start,
  };
}

type Mirror = {
  readonly skus: Readonly<Record<string, { readonly offer: Parameters<typeof offerText>[0] }>>;
  readonly orders: Readonly<Record<string, string>>;
};

function readContent(file: string): Truth | null {
  if (!existsSync(file)) return null;
  const { skus, orders } = JSON.parse(readFileSync(file, 'utf8')) as Mirror;
  return new Map([...Object.entries(skus).map(([id, { offer }]) => [id, offerText(offer)] as const), ...Object.entries(orders)]);
}
