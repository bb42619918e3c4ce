import { readdirSync, readFileSync } from 'node:fs';

/** Kernel ticks in a second: 100 on every Linux that Node runs on. */
const TICK_MICROSECONDS = 10_000;

/** CPU time that a process has used so far, user and system, in microseconds. */
export function cpuOfProcess(pid: number): number {
  const fields = statOf(pid)?.fields;
  return fields === undefined ? 0 : ticks(fields, 11) + ticks(fields, 12);
}

/** CPU time of a PostgreSQL: its postmaster, all processes below it, and those below it that have ended. In microseconds. */
export function cpuOfPostgres(postmaster: number): number {
  const own = statOf(postmaster)?.fields;
  if (own === undefined) return 0;
  let sum = [11, 12, 13, 14].reduce((total, field) => total + ticks(own, field), 0);
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    if (stat !== null && Number(stat.fields[1]) === postmaster) sum += ticks(stat.fields, 11) + ticks(stat.fields, 12);
  }
  return sum;
}

/** Memory of a process that is in the machine's, in bytes. */
export function residentBytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes ?? 0) * 1024;
}

/** A process as /proc tells of it: its program, and the fields after that name (the first is the state, the second its parent); null when it is gone. */
export function statOf(pid: number): { readonly name: string; readonly fields: readonly string[] } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    return { name: text.slice(text.indexOf('(') + 1, end), fields: text.slice(end + 2).split(' ') };
  } catch {
    // it has ended between being listed and being read
    return null;
  }
}

function ticks(fields: readonly string[], index: number): number {
  return Number(fields[index] ?? 0) * TICK_MICROSECONDS;
}
