import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Orders sent to servers through GraphQL. */
export interface HttpLoad {
  readonly kind: 'HTTP';
  /** Connections are dealt out over these in turn. */
  readonly urls: readonly string[];
  /** Each connection speaks for one program, or (`drawsPrograms`) for another one drawn from these with every request. */
  readonly secrets: readonly string[];
  readonly drawsPrograms?: boolean;
  /** Whether an order may be refused as busy, or a request for its cost: such ones do not count. */
  readonly mayBeRefused?: boolean;
  readonly skuIds: readonly string[];
  readonly connections: number;
  /** Orders in one request: 1 sends `placeOrder`, more `placeOrders`. */
  readonly listSize: number;
  /** Requests in a second at fixed times, whatever is still unanswered; null: each connection sends as soon as it was answered. */
  readonly requestsPerSecond: number | null;
  readonly seconds: number;
  readonly warmSeconds: number;
}

/** GET or POST requests of one text each, dealt out in turn: pages. */
export interface PageLoad {
  readonly kind: 'PAGES';
  readonly port: number;
  /** Whole requests as they go over the wire. */
  readonly requests: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  readonly warmSeconds: number;
}

/** The reference's transactions, straight to PostgreSQL. */
export interface ReferenceLoad {
  readonly kind: 'REFERENCE';
  readonly url: string;
  readonly networkId: string;
  readonly skuIds: readonly string[];
  readonly buyerIds: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  readonly warmSeconds: number;
}

/** What a load generator saw after it was warm. */
export interface LoadReport {
  /** Orders placed, or pages answered. */
  readonly count: number;
  readonly seconds: number;
  /** Milliseconds from when a request was to be sent to its whole answer. */
  readonly p50: number;
  readonly p99: number;
  /** Requests that were refused, where a load may be. */
  readonly refused: number;
  /** The generator's own CPU for one of `count`, in microseconds. */
  readonly clientMicroseconds: number;
}

/** What a generator says: when it is warm, then what it saw. */
export type LoadMessage =
  | { readonly kind: 'WARM' }
  | { readonly kind: 'DONE'; readonly report: LoadReport }
  | { readonly kind: 'FAILED'; readonly why: string };

const PROGRAMS = { HTTP: './load-orders.ts', PAGES: './load-pages.ts', REFERENCE: './load-reference.ts' } as const;

/** Runs a load in a process of its own; `onWarm` is called between warming up and measuring. */
export function runLoad(load: HttpLoad | PageLoad | ReferenceLoad, onWarm: () => void = () => undefined): Promise<LoadReport> {
  const child = fork(fileURLToPath(new URL(PROGRAMS[load.kind], import.meta.url)), { execPath: process.execPath });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the load generator ended early (${code})`)));
    child.on('message', (message: LoadMessage) => {
      if (message.kind === 'WARM') onWarm();
      else if (message.kind === 'DONE') resolve(message.report);
      else reject(new Error(message.why));
    });
    child.send(load);
  });
}
