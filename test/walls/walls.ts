import { findExportBreaches } from './docstrings.ts';
import { findImportBreaches } from './imports.ts';
import { findMoneyBreaches } from './money.ts';
import { findAlphabetBreaches, findPurityBreaches } from './slices.ts';
import { type Breach, listFiles, readSources } from './sources.ts';

/** Every breach of the laws of the house (architecture §1 and §4) in a project folder. */
export function findBreaches(root: string): Breach[] {
  const sources = readSources(root);
  return [
    ...findAlphabetBreaches(listFiles(root)),
    ...findImportBreaches(sources),
    ...findPurityBreaches(sources),
    ...findMoneyBreaches(sources),
    ...findExportBreaches(sources),
  ];
}
