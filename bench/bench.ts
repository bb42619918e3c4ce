import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { CASES } from './cases.ts';
import { isBrokenOff } from './endings.ts';
import { type BenchOptions, dashed, FULL, optionsFrom } from './options.ts';
import { type CaseResult, machine, printResults, readResults, writeResults } from './report.ts';
import { openStage, type Stage } from './stage.ts';

// npm run bench [-- case…]: each case against its reference in turn, on a PostgreSQL of its own, with data of its own.

const RESULTS = new URL('results.json', import.meta.url);
/** What the large network and its log take on disk, beside some room for the rest: bytes for each order and each station. */
const BYTES_PER_ORDER = 16_000;
const BYTES_PER_STATION = 4_000;
const BYTES_ALWAYS = 6e9;

const HELP = `npm run bench [-- case… options]
cases: ${Object.keys(CASES).join(', ')} (all of them when none is named)
  --seconds 5         of each round, after --warm-seconds 2
  --rounds 4          of each side, in turn, after --first-rounds 1 that does not count
  --connections 64    of the load generator
  --stations 1000     buyers of the order cases     --skus 1000
                      (of the catalogue case too: 100000 and 10000 when not given, or --page-stations and --page-skus)
  --large-stations 1000000, --large-skus 100000, --large-orders 1000000     of million and overview,
  --little-stations 1000, --little-skus 1000, --little-orders 10000         and what they are compared with
  --import-keys 1000000   of import
  --minutes 10        of memory
  --small             everything small: says whether it works, not how fast it is; bench/results.json stays as it is
  --keep-results      print only; bench/results.json stays as it is
All cases at their full sizes take about 45 minutes and 25 GB of disk, --small about 2 minutes.`;

async function bench(): Promise<void> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const sizes = Object.fromEntries(Object.keys(FULL).map((name) => [dashed(name), text]));
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ...sizes, small: flag, 'keep-results': flag, help: flag },
  });
  const unknown = positionals.find((name) => !Object.hasOwn(CASES, name));
  if (unknown !== undefined) throw new RangeError(`there is no case ${unknown}\n${HELP}`);
  if (values['help'] === true) return console.log(HELP);
  const names = Object.keys(CASES).filter((name) => positionals.length === 0 || positionals.includes(name));
  const options = optionsFrom(values);
  console.log('on', JSON.stringify(machine()));
  assertRoom(names, options);
  const stage = await openStage(options);
  const results: CaseResult[] = [];
  const failed: string[] = [];
  try {
    for (const name of names) {
      if (isBrokenOff()) break;
      const found = await runCase(stage, name).catch((error: unknown) => {
        console.error(`\n${name} FAILED:`, error);
        failed.push(name);
        return [];
      });
      results.push(...found);
      if (!values['keep-results'] && !values['small']) writeResults(RESULTS, readResults(RESULTS), found);
      if (failed.at(-1) === name) await stage.endServers();
    }
  } finally {
    await stage.close();
  }
  printResults(results);
  if (values['small']) console.log('small sizes: whether it works, not how fast it is');
  if (failed.length > 0) {
    console.log(`failed: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

async function runCase(stage: Stage, name: string): Promise<CaseResult[]> {
  console.log(`\n${name}`);
  const began = performance.now();
  const found = (await CASES[name]?.(stage)) ?? [];
  for (const result of found) {
    console.log(`  ${result.case}: ${result.value} against ${result.reference} ${result.unit}, ratio ${result.ratio} (${result.goal})`);
    for (const note of result.notes) console.log(`    ${note}`);
  }
  console.log(`  (${Math.round((performance.now() - began) / 1000)} s)`);
  return found;
}

/** A disk that fills up in the middle of a run costs half an hour to find out. */
function assertRoom(names: readonly string[], { largeOrders, largeStations }: BenchOptions): void {
  const isLarge = names.some((name) => name === 'million' || name === 'overview');
  const needed = BYTES_ALWAYS + (isLarge ? largeOrders * BYTES_PER_ORDER + largeStations * BYTES_PER_STATION : 0);
  const { bavail, bsize } = statfsSync(tmpdir());
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(0)} GB`;
  if (bavail * bsize < needed)
    throw new Error(`${tmpdir()} has ${gigabytes(bavail * bsize)} left, and this run may need ${gigabytes(needed)}`);
}

await bench().catch((error: unknown) => {
  console.error(error instanceof RangeError ? error.message : error);
  process.exitCode = 1;
});
