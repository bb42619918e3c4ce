import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Subscribers that one process holds. Number i takes document i mod D; see `everyPair`. */
export interface CrowdSpec {
  readonly port: number;
  readonly count: number;
  /** API keys; none: a server that asks for none. */
  readonly programs: readonly string[];
  /** Program (i / D) mod P, so that every document is met by every program once D × P are open; else i mod P, so that each document has few. */
  readonly everyPair?: boolean;
  /** Subscriptions; none: the server sends frames by itself. */
  readonly documents: readonly string[];
  readonly variables: Readonly<Record<string, unknown>>;
  /** FRAMES are counted, with every 64th subscriber's read in full; ORDERS are read each, with their ids and times. */
  readonly reads: 'FRAMES' | 'ORDERS';
  /** Keeps when each frame arrived. */
  readonly keepTimes: boolean;
}

/** What a crowd has seen since it was last reset. */
export interface CrowdReport {
  readonly total: number;
  /** Of the subscriber that saw fewest, and of the one that saw most. */
  readonly least: number;
  readonly most: number;
  /** Orders that came twice on one connection, and orders that came before an earlier one; of FRAMES, cursors that came twice. */
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Connections that ended, by close code. */
  readonly closed: Readonly<Record<string, number>>;
  readonly cpuMicroseconds: number;
  /** Milliseconds since 1970 at which the n-th frame came, of every subscriber. */
  readonly times: readonly Float64Array[];
  /** When each order was first seen. */
  readonly orders: ReadonlyMap<string, number>;
  /** The last frame that was read in full. */
  readonly sample: string;
  /** Answers that were no events. */
  readonly complaints: readonly string[];
}

/** What a crowd is told. */
export type CrowdOrder =
  | { readonly kind: 'OPEN'; readonly spec: CrowdSpec }
  | { readonly kind: 'RESET' }
  | { readonly kind: 'TELL_AT'; readonly total: number }
  | { readonly kind: 'REPORT' }
  | { readonly kind: 'STOP_READING' }
  | { readonly kind: 'CUT' }
  | { readonly kind: 'RESUME' };

/** What a crowd says. */
export type CrowdSays =
  | { readonly kind: 'DONE' }
  | { readonly kind: 'REACHED'; readonly total: number }
  | { readonly kind: 'REPORT'; readonly report: CrowdReport }
  | { readonly kind: 'FAILED'; readonly why: string };

/** Subscribers in a process of their own. */
export interface Crowd {
  readonly count: number;
  readonly pid: number;
  /** Forgets what was seen so far. */
  reset(): Promise<void>;
  /** Waits until so many frames have come in all since the last reset; throws after `seconds`. */
  reached(total: number, seconds: number): Promise<void>;
  report(): Promise<CrowdReport>;
  /** From now on nothing is read from the connections. */
  stopReading(): Promise<void>;
  /** Cuts all connections without a word. */
  cut(): Promise<void>;
  /** Connects all again at once, each with its own last cursor. */
  resume(): Promise<void>;
  close(): void;
}

/** Starts a process with subscribers, and returns when all have subscribed (which no server confirms). */
export async function openCrowd(spec: CrowdSpec): Promise<Crowd> {
  const child = fork(fileURLToPath(new URL('./live-clients.ts', import.meta.url)), {
    execPath: process.execPath,
    serialization: 'advanced',
  });
  try {
    await ask(child, { kind: 'OPEN', spec }, 'DONE');
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    count: spec.count,
    pid: child.pid ?? 0,
    reset: async () => void (await ask(child, { kind: 'RESET' }, 'DONE')),
    reached: async (total, seconds) => {
      const said = await ask(child, { kind: 'TELL_AT', total }, 'REACHED', seconds).catch(async (error: Error) => {
        const { total: seen, least, closed, complaints } = await reportOf(child);
        throw new Error(
          `${error.message}: ${seen} of ${total} frames came, ${least} to one; ${JSON.stringify(closed)} ${complaints.join(' ')}`,
        );
      });
      if (said.kind !== 'REACHED') throw new Error('a crowd answered something else');
    },
    report: () => reportOf(child),
    stopReading: async () => void (await ask(child, { kind: 'STOP_READING' }, 'DONE')),
    cut: async () => void (await ask(child, { kind: 'CUT' }, 'DONE')),
    resume: async () => void (await ask(child, { kind: 'RESUME' }, 'DONE')),
    close: () => void child.kill('SIGKILL'),
  };
}

async function reportOf(child: ChildProcess): Promise<CrowdReport> {
  const said = await ask(child, { kind: 'REPORT' }, 'REPORT');
  if (said.kind !== 'REPORT') throw new Error('a crowd answered something else');
  return said.report;
}

function ask(child: ChildProcess, order: CrowdOrder, answer: CrowdSays['kind'], seconds = 300): Promise<CrowdSays> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(new Error(`${order.kind} was not done within ${seconds} s`))), seconds * 1000);
    const onMessage = (said: CrowdSays) => {
      if (said.kind === 'FAILED') settle(() => reject(new Error(said.why)));
      else if (said.kind === answer) settle(() => resolve(said));
    };
    const onExit = (code: number | null) => settle(() => reject(new Error(`a process of subscribers ended early (${code})`)));
    const settle = (then: () => void) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      then();
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.send(order);
  });
}
