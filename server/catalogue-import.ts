import { readFileSync } from 'node:fs';
import { onGround, readArguments, refuse } from './arguments.ts';
import { fail } from './boot.ts';
import { type CatalogueCounts, importCatalogue } from './flows/import-catalogue.ts';
import { CannotStart } from './platform/cannot-start.ts';

const usage = 'npm run catalogue:import -- --network 云仓数码 [--dry-run] catalogue.csv';

// `npm run catalogue:import`: takes a CSV into headquarters' catalogue, all of it or nothing, also beside a running server
async function importFile(): Promise<void> {
  const given = readArguments(process.argv.slice(2), { usage, required: ['network'], switches: ['dry-run'], words: 1 });
  const file = readFile(given.words[0] ?? '');
  await onGround(async ({ db }) => {
    const outcome = await importCatalogue(db, { network: given.text('network'), file, dryRun: given.isOn('dry-run') });
    if (outcome.kind === 'INVALID_INPUT') return refuse(outcome);
    if (outcome.kind === 'BAD_LINES') {
      const lines = outcome.problems.map(({ line, message }) => `line ${line}: ${message}`);
      throw new CannotStart([...lines, `${lines.length} problems: nothing was imported`].join('\n'));
    }
    console.log(`categories: ${sentence(outcome.categories)}`);
    console.log(`products: ${sentence(outcome.products)}`);
    console.log(`SKUs: ${sentence(outcome.skus)}; ${outcome.repriced} with another base price`);
    console.log(outcome.kind === 'DRY_RUN' ? 'this was a dry run: nothing was written' : 'imported');
  });
}

function sentence({ created, updated, unchanged }: CatalogueCounts): string {
  return `${created} created, ${updated} updated, ${unchanged} unchanged`;
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CannotStart(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

await importFile().catch(fail);
