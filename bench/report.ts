import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { POSTGRES_SETTINGS } from './cluster.ts';
import type { Round } from './site.ts';
import { writeTable } from './table.ts';

/** As in biome.json. */
const LINE_WIDTH = 140;

/** What a case found: medians over its rounds. One object of bench/results.json, with the machine beside it. */
export interface CaseResult {
  readonly case: string;
  readonly unit: string;
  readonly value: number;
  readonly reference: number;
  readonly ratio: number;
  readonly goal: string;
  readonly reached: boolean;
  /** The same comparison by the CPU that one order or page took of all processes, in microseconds; its ratio reads like the other. */
  readonly cpu?: { readonly value: number; readonly reference: number; readonly ratio: number };
  /** Where the CPU went and what else is worth knowing. */
  readonly notes: readonly string[];
}

/** A result as it stands in bench/results.json. */
export type WrittenResult = CaseResult & { readonly machine: Readonly<Record<string, unknown>> };

/** The middle of some numbers; of an even count, the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

/** What a result is made from. `rounds`: where CPU is to be compared too, of ours and of the reference. */
export interface Found {
  readonly unit: string;
  readonly values: readonly number[];
  readonly references: readonly number[];
  /** "≥ 1.0" or "≤ 15": where the ratio of value and reference is to lie. */
  readonly goal: string;
  readonly notes: readonly string[];
  readonly rounds?: { readonly ours: readonly CpuOf[]; readonly references: readonly CpuOf[] };
}

/** CPU for one order or page, by who took it, in microseconds. */
export type CpuOf = Pick<Round, 'serverMicroseconds' | 'postgresMicroseconds' | 'clientMicroseconds'>;

/** A result of a value and its reference. */
export function resultOf(name: string, { unit, values, references, goal, notes, rounds }: Found): CaseResult {
  const value = median(values);
  const reference = median(references);
  const ratio = value / reference;
  const bound = Number(goal.slice(2));
  if (!Number.isFinite(ratio) || !Number.isFinite(bound)) throw new Error(`${name}: ${value} against ${reference} is no result (${goal})`);
  const spread = `rounds: ${values.map(short).join(', ')} against ${references.map(short).join(', ')}`;
  return {
    case: name,
    unit,
    value: rounded(value),
    reference: rounded(reference),
    ratio: rounded(ratio),
    goal,
    reached: goal.startsWith('≥') ? ratio >= bound : ratio <= bound,
    ...(rounds && { cpu: cpuRatio(rounds, goal) }),
    notes: values.length + references.length > 2 ? [...notes, spread] : notes,
  };
}

/** Of CPU less is better, whereas more of orders is: the ratio is turned so that it reads like the goal. */
function cpuRatio({ ours, references }: Required<Found>['rounds'], goal: string): Required<CaseResult>['cpu'] {
  const all = (round: CpuOf) => round.serverMicroseconds + round.postgresMicroseconds + round.clientMicroseconds;
  const value = median(ours.map(all));
  const reference = median(references.map(all));
  const ratio = goal.startsWith('≥') ? reference / value : value / reference;
  return { value: rounded(value), reference: rounded(reference), ratio: rounded(ratio) };
}

/** Where an order's or a page's CPU went, as a sentence. */
export function costOf(name: string, rounds: readonly Round[]): string {
  const of = (key: keyof CpuOf) => median(rounds.map((round) => round[key])).toFixed(0);
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

/**
 * Writes the results of this run in the place of what stood there of these cases, all others keep theirs, and the table of
 * docs/performance.md, which lies beside.
 */
export function writeResults(file: URL, known: readonly WrittenResult[], results: readonly CaseResult[]): void {
  const on = machine();
  const ran = new Map(results.map((result) => [result.case, { ...result, machine: on }]));
  const kept = known.map((result) => ran.get(result.case) ?? result);
  const added = [...ran.values()].filter((result) => !known.some((other) => other.case === result.case));
  writeFileSync(file, asFormatted([...kept, ...added]));
  writeTable(new URL('../docs/performance.md', file), [...kept, ...added]);
}

/** JSON as the formatter of the repository leaves it: a list of texts that fits a line stands in one. */
function asFormatted(value: object): string {
  const text = JSON.stringify(value, null, 2).replace(/^( *".*": )\[\n((?: *".*",?\n)+) *(\],?)$/gm, (list, name, items, end) => {
    const line = `${name}[${items.trim().replaceAll(/\n */g, ' ')}${end}`;
    return line.length <= LINE_WIDTH ? line : list;
  });
  return `${text}\n`;
}

/** What stands in bench/results.json; nothing before the first run. */
export function readResults(file: URL): WrittenResult[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as WrittenResult[]) : [];
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
          'by CPU': result.cpu?.ratio ?? '',
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
