import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a reference server is told. */
export type ReferenceOrder =
  | { readonly kind: 'START'; readonly databaseUrl: string; readonly networkId: string; readonly skuId: string }
  /** Bare ws: sends one frame to every subscriber, its own id between the two halves. */
  | { readonly kind: 'FRAME'; readonly before: string; readonly after: string }
  /** Plain GraphQL: the stock of the SKU has changed. */
  | { readonly kind: 'CHANGED'; readonly cursor: string };

/** A server in a process of its own, for comparison. */
export interface Reference {
  readonly port: number;
  readonly pid: number;
  tell(order: ReferenceOrder): void;
  close(): void;
}

const PROGRAMS = { bare: './live-reference-bare.ts', plain: './live-reference-plain.ts' } as const;

/** Starts `ws` alone, or Yoga with graphql-ws; `collectible`: SIGUSR2 lets it collect its garbage. */
export async function startReference(
  name: keyof typeof PROGRAMS,
  start: Omit<Extract<ReferenceOrder, { kind: 'START' }>, 'kind'>,
  { collectible = false } = {},
): Promise<Reference> {
  const execArgv = collectible ? ['--import', COLLECTOR] : [];
  const child: ChildProcess = fork(fileURLToPath(new URL(PROGRAMS[name], import.meta.url)), { execPath: process.execPath, execArgv });
  child.send({ kind: 'START', ...start } satisfies ReferenceOrder);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    child.once('exit', (code) => reject(new Error(`the reference ended early (${code})`)));
  });
  return { port, pid: child.pid ?? 0, tell: (order) => void child.send(order), close: () => void child.kill('SIGKILL') };
}

/** What a process imports to collect its garbage on SIGUSR2, so that memory is compared and not the moment of a collection. */
export const COLLECTOR: string = new URL('./live-collector.ts', import.meta.url).href;
