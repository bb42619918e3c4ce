import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { hotSku, latencyAtHalfLoad, listsOfOrders, singleOrders, twoServers } from './order-cases.ts';
import { catalogueOfFifty } from './page-case.ts';
import { type CaseResult, machine, printResults, writeResults } from './report.ts';
import { openStage, type Stage } from './stage.ts';

// npm run bench [-- case…]: each case against its reference in turn, on a PostgreSQL of its own, with data of its own.

const CASES: Readonly<Record<string, (stage: Stage) => Promise<CaseResult>>> = {
  single: singleOrders,
  lists: listsOfOrders,
  p99: latencyAtHalfLoad,
  catalogue: catalogueOfFifty,
  hot: hotSku,
  two: twoServers,
};
const RESULTS = new URL('results.json', import.meta.url);

const HELP = `npm run bench [-- case… options]
cases: ${Object.keys(CASES).join(', ')} (all of them when none is named)
  --seconds 5         of each round, after --warm-seconds 2
  --rounds 4          of each side, in turn
  --connections 64    of the load generator
  --stations 1000     buyers of the order cases     --skus 1000
  --page-stations 100000 and --page-skus 10000      of the catalogue case
  --keep-results      print only; bench/results.json stays as it is`;

async function bench(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: text,
      'warm-seconds': text,
      rounds: text,
      connections: text,
      stations: text,
      skus: text,
      'page-stations': text,
      'page-skus': text,
      'keep-results': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(CASES);
  const unknown = names.find((name) => !Object.hasOwn(CASES, name));
  if (values.help || unknown !== undefined) return console.log(unknown === undefined ? HELP : `there is no case ${unknown}\n${HELP}`);
  console.log('on', JSON.stringify(machine()));
  const stage = await openStage({
    seconds: Number(values.seconds ?? 5),
    warmSeconds: Number(values['warm-seconds'] ?? 2),
    rounds: Number(values.rounds ?? 4),
    connections: Number(values.connections ?? 64),
    stations: Number(values.stations ?? 1_000),
    skus: Number(values.skus ?? 1_000),
    pageStations: Number(values['page-stations'] ?? 100_000),
    pageSkus: Number(values['page-skus'] ?? 10_000),
  });
  const results: CaseResult[] = [];
  try {
    for (const name of names) {
      const began = performance.now();
      const result = await CASES[name]?.(stage);
      if (result === undefined) continue;
      results.push(result);
      console.log(`\n${result.case} (${Math.round((performance.now() - began) / 1000)} s)`);
      for (const note of result.notes) console.log(`  ${note}`);
      if (!values['keep-results']) writeResults(RESULTS, readKnown(), [result]);
    }
  } finally {
    await stage.close();
  }
  printResults(results);
}

function readKnown(): CaseResult[] {
  try {
    return JSON.parse(readFileSync(RESULTS, 'utf8')) as CaseResult[];
  } catch {
    // the first run finds none
    return [];
  }
}

await bench();
