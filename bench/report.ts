import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { POSTGRES_SETTINGS } from './cluster.ts';
import type { Round } from './stage.ts';

/** What a case found: medians over its rounds. */
export interface CaseResult {
  readonly case: string;
  readonly unit: string;
  readonly value: number;
  readonly reference: number;
  readonly ratio: number;
  readonly goal: string;
  readonly reached: boolean;
  /** Where the CPU went and what else is worth knowing. */
  readonly notes: readonly string[];
}

/** The middle of some numbers; of an even count, the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

/** A result of a value and its reference; `goal` is "≥ 1.0" or "≤ 15". */
export function resultOf(
  name: string,
  {
    unit,
    values,
    references,
    goal,
    notes,
  }: { unit: string; values: readonly number[]; references: readonly number[]; goal: string; notes: readonly string[] },
): CaseResult {
  const value = median(values);
  const reference = median(references);
  const ratio = value / reference;
  const bound = Number(goal.slice(2));
  const reached = goal.startsWith('≥') ? ratio >= bound : ratio <= bound;
  const spread = `rounds: ${values.map(short).join(', ')} against ${references.map(short).join(', ')}`;
  return {
    case: name,
    unit,
    value: rounded(value),
    reference: rounded(reference),
    ratio: rounded(ratio),
    goal,
    reached,
    notes: [...notes, spread],
  };
}

/** Where an order's or a page's CPU went, as a sentence. */
export function costOf(name: string, rounds: readonly Round[]): string {
  const of = (key: 'serverMicroseconds' | 'postgresMicroseconds' | 'clientMicroseconds') =>
    median(rounds.map((round) => round[key])).toFixed(0);
  return `${name}: CPU µs each: server ${of('serverMicroseconds')}, PostgreSQL ${of('postgresMicroseconds')}, load generator ${of('clientMicroseconds')}; p50 ${short(median(rounds.map(({ p50 }) => p50)))} ms, p99 ${short(median(rounds.map(({ p99 }) => p99)))} ms`;
}

/** What the benchmark ran on, and how. */
export function machine(): Record<string, unknown> {
  const [first] = cpus();
  return {
    cores: cpus().length,
    processor: first?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    linux: release(),
    node: process.version,
    postgres: { version: '18', fsync: 'on', synchronous_commit: 'on', ...POSTGRES_SETTINGS },
    at: new Date().toISOString(),
  };
}

/** Writes the results of this run; a case that did not run keeps what stood there. */
export function writeResults(file: URL, known: readonly CaseResult[], results: readonly CaseResult[]): void {
  const ran = new Map(results.map((result) => [result.case, { ...result, machine: machine() }]));
  const kept = known.filter((result) => !ran.has(result.case));
  writeFileSync(file, `${JSON.stringify([...kept, ...ran.values()], null, 2)}\n`);
}

/** The table that is printed. */
export function printResults(results: readonly CaseResult[]): void {
  console.log('');
  console.table(
    Object.fromEntries(
      results.map((result) => [
        result.case,
        {
          value: result.value,
          reference: result.reference,
          unit: result.unit,
          ratio: result.ratio,
          goal: result.goal,
          reached: result.reached ? 'yes' : 'NO',
        },
      ]),
    ),
  );
}

/** Three digits that count. */
export function short(value: number): string {
  return String(rounded(value));
}

function rounded(value: number): number {
  return Number(value.toPrecision(value >= 1000 ? 4 : 3));
}
