import { readFileSync } from 'node:fs';

/** Whether a process runs (also one of another user). One that has ended and was not yet collected by its parent does not. */
export function isAlive(pid: number): boolean {
  return processStamp(pid) !== null;
}

/** What tells a process from a later one of the same number: the boot and the tick of its start. Null when it does not run. */
export function processStamp(pid: number): string | null {
  const stat = readProcFile(`${pid}/stat`);
  if (stat === null) return null;
  // the command's name may hold spaces and brackets: fields are counted from the last bracket, the state is the 3rd, the start the 22nd
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z' || state === 'X') return null;
  return `${readProcFile('sys/kernel/random/boot_id')?.trim()} ${fields[18]}`;
}

/** The arguments with which a process was started; none when it does not run. */
export function processArguments(pid: number): string[] {
  return readProcFile(`${pid}/cmdline`)?.split('\0') ?? [];
}

function readProcFile(name: string): string | null {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch (error) {
    // ESRCH: it ended while its file was being read
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
