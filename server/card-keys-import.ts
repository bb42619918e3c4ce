import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { onGround, readArguments, refuse } from './arguments.ts';
import { fail } from './boot.ts';
import { importCardKeyFile } from './flows/import-card-key-file.ts';
import { CannotStart } from './platform/cannot-start.ts';

const usage = `npm run card-keys:import -- --network 云仓数码 --sku STEAM-50 --terms OWN --total-cost 46000.00 keys.txt
  [--supplier XH] [--expires-on 2027-12-31] [--format CSV] [--request-key march-delivery]`;

// `npm run card-keys:import`: takes a file of card keys of any size into headquarters' stock, also beside a running server
async function importFile(): Promise<void> {
  const given = readArguments(process.argv.slice(2), {
    usage,
    required: ['network', 'sku', 'terms', 'total-cost'],
    optional: ['supplier', 'expires-on', 'format', 'request-key'],
    words: 1,
  });
  const [path = ''] = given.words;
  const input = {
    network: given.text('network'),
    sku: given.text('sku'),
    supplier: given.maybe('supplier'),
    requestKey: given.maybe('request-key') ?? `command-${randomUUID()}`,
    terms: oneOf('terms', given.text('terms'), ['OWN', 'CONSIGNMENT']),
    totalCost: given.text('total-cost'),
    expiresOn: given.maybe('expires-on'),
    format: oneOf('format', given.maybe('format') ?? (path.toLowerCase().endsWith('.csv') ? 'CSV' : 'TEXT'), ['TEXT', 'CSV']),
  };
  await onGround(async (ground) => {
    const source = createReadStream(path).on('error', () => undefined);
    const began = performance.now();
    const outcome = await importCardKeyFile(ground, input, source).catch((error: NodeJS.ErrnoException) => {
      throw error.syscall === 'open' ? new CannotStart(`${path} cannot be read: ${error.message}`, { cause: error }) : error;
    });
    if (outcome.kind === 'INVALID_INPUT') return refuse(outcome);
    const { job } = outcome;
    for (const { line, code } of job.problems) console.log(`line ${line}: ${code}`);
    if (job.problem_count > job.problems.length) console.log(`and ${job.problem_count - job.problems.length} more lines`);
    if (job.failure !== null) throw new CannotStart(job.failure);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${job.imported_count} card keys of ${job.line_count} lines; ${job.duplicate_count} duplicates; ${seconds} s`);
    if (outcome.replayed) console.log('an earlier run with this request key did it');
  });
}

function oneOf<const Word extends string>(name: string, given: string, words: readonly Word[]): Word {
  const word = words.find((each) => each === given);
  if (word === undefined) throw new CannotStart(`--${name} is one of ${words.join(', ')}\n${usage}`);
  return word;
}

await importFile().catch(fail);
