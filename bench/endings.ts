import { readdirSync } from 'node:fs';
import { statOf } from './cpu.ts';

// A run that is broken off (Ctrl-C, kill) leaves nothing behind: whoever makes something that outlives the process says here how it ends.

type Ending = () => Promise<void>;

const endings = new Set<Ending>();
let ending = false;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Has `end` called when a signal ends the run; answers how to take it back, once it has been ended in order. */
export function onSignal(end: Ending): () => void {
  if (endings.size === 0) for (const name of SIGNALS) process.once(name, endAll);
  endings.add(end);
  return () => {
    endings.delete(end);
    if (endings.size === 0) for (const name of SIGNALS) process.off(name, endAll);
  };
}

/** Whether the run has been broken off: nothing more is to be begun. */
export function isBrokenOff(): boolean {
  return ending;
}

function endAll(): void {
  ending = true;
  console.log('\nbroken off; ending what was started');
  // servers and load generators first, also those that stand still: nothing of theirs is worth keeping
  for (const pid of childrenOf(process.pid)) if (!isPostgres(pid)) kill(pid);
  void Promise.allSettled([...endings].map((end) => end())).then((outcomes) => {
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason);
    process.exit(130);
  });
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => Number(statOf(child)?.fields[1]) === pid);
}

function isPostgres(pid: number): boolean {
  return statOf(pid)?.name === 'postgres';
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
