import { readdirSync, readFileSync } from 'node:fs';

/** Kernel ticks in a second: 100 on every Linux that Node runs on. */
const TICK_MICROSECONDS = 10_000;

/** CPU time that a process has used so far, user and system, in microseconds. */
export function cpuOfProcess(pid: number): number {
  const fields = statOf(pid);
  return fields === null ? 0 : ticks(fields, 11) + ticks(fields, 12);
}

/** CPU time of a PostgreSQL: its postmaster, all processes below it, and those below it that have ended. In microseconds. */
export function cpuOfPostgres(postmaster: number): number {
  const own = statOf(postmaster);
  if (own === null) return 0;
  let sum = [11, 12, 13, 14].reduce((total, field) => total + ticks(own, field), 0);
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    if (stat !== null && Number(stat[1]) === postmaster) sum += ticks(stat, 11) + ticks(stat, 12);
  }
  return sum;
}

/** The fields of /proc/<pid>/stat after the command's name, which may hold spaces: the first is the state. */
function statOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    // it has ended between being listed and being read
    return null;
  }
}

function ticks(fields: readonly string[], index: number): number {
  return Number(fields[index] ?? 0) * TICK_MICROSECONDS;
}
