import { parseArgs } from 'node:util';
import { isBrokenOff } from './endings.ts';
import { fanOutSlowly, fanOutToMany, fanOutToOne } from './live-fanout.ts';
import { latencyOfOrders } from './live-latency.ts';
import { idleMemory } from './live-memory.ts';
import { resumeAtOnce } from './live-resume.ts';
import { type LiveOptions, type LiveStage, openLiveStage } from './live-stage.ts';
import { stuckSubscribers } from './live-stuck.ts';
import { dashed } from './options.ts';
import { type CaseResult, machine, printResults, readResults, writeResults } from './report.ts';

// npm run bench:live [-- case…]: each live figure against its reference, on a PostgreSQL of its own, subscribers in processes of their own.

const CASES: Readonly<Record<string, (stage: LiveStage) => Promise<CaseResult[]>>> = {
  'fanout-one': fanOutToOne,
  'fanout-slow-rate': fanOutSlowly,
  'fanout-many': fanOutToMany,
  latency: latencyOfOrders,
  'idle-memory': idleMemory,
  resume: resumeAtOnce,
  'never-read': stuckSubscribers,
};
const RESULTS = new URL('results.json', import.meta.url);

const HELP = `npm run bench:live [-- case… options]
cases: ${Object.keys(CASES).join(', ')} (all of them when none is named)
  --subscribers 10000   of the fan-out and memory cases
  --documents 100 and --classes 50   of fanout-many; --every-pair 0: each document in one class only (100 groups, not 5,000)
  --resumed 2000 and --gap 1000      of resume: clients, and events that they miss
  --stuck 1000          of never-read
  --seconds 5           of each round       --rounds 3
  --slow-seconds 30     of fanout-slow-rate
  --keys 60000          on the shelf
  --small               everything small: says whether it is right, not how fast it is
  --keep-results        print only; bench/results.json stays as it is`;

const FULL: LiveOptions = {
  subscribers: 10_000,
  documents: 100,
  classes: 50,
  everyPair: 1,
  resumed: 2_000,
  gap: 1_000,
  stuck: 1_000,
  seconds: 5,
  slowSeconds: 30,
  rounds: 3,
  keys: 60_000,
};
const SMALL: LiveOptions = {
  subscribers: 200,
  documents: 10,
  classes: 5,
  everyPair: 1,
  resumed: 50,
  gap: 100,
  stuck: 20,
  seconds: 1,
  slowSeconds: 2,
  rounds: 1,
  keys: 20_000,
};

async function bench(): Promise<void> {
  const sizes = Object.fromEntries(Object.keys(FULL).map((name) => [dashed(name), { type: 'string' } as const]));
  const flags = Object.fromEntries(['small', 'keep-results', 'help'].map((name) => [name, { type: 'boolean' } as const]));
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { ...sizes, ...flags } });
  const names = positionals.length > 0 ? positionals : Object.keys(CASES);
  const unknown = names.find((name) => !Object.hasOwn(CASES, name));
  if (values['help'] || unknown !== undefined) {
    if (unknown !== undefined) process.exitCode = 1;
    return console.log(unknown === undefined ? HELP : `there is no case ${unknown}\n${HELP}`);
  }
  const isSmall = values['small'] === true;
  const base = isSmall ? SMALL : FULL;
  const options = Object.fromEntries(
    Object.entries(base).map(([name, usual]) => [name, Number(values[dashed(name)] ?? usual)]),
  ) as unknown as LiveOptions;
  console.log('on', JSON.stringify(machine()));
  const stage = await openLiveStage(options);
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
      if (!isSmall && !values['keep-results']) writeResults(RESULTS, readResults(RESULTS), found);
    }
  } finally {
    await stage.close();
  }
  printResults(results);
  if (isSmall) console.log('small sizes: whether it is right, not how fast it is');
  if (failed.length > 0) {
    console.log(`failed: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

async function runCase(stage: LiveStage, name: string): Promise<CaseResult[]> {
  const began = performance.now();
  const found = (await CASES[name]?.(stage)) ?? [];
  console.log(`\n${name} (${Math.round((performance.now() - began) / 1000)} s)`);
  for (const note of new Set(found.flatMap(({ notes }) => notes))) console.log(`  ${note}`);
  return found;
}

await bench();
