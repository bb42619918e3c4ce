import { setTimeout as pause } from 'node:timers/promises';
import type { InvalidInput } from '#server/network/rules.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import type { Vault } from '#server/platform/vault.ts';
import { type ImportJobRow, importJobsByIds } from '#server/stock/reads.ts';
import { selectImportParties } from '#server/stock/sql.ts';
import type { ImportTerms } from './import-card-keys.ts';
import { importNext } from './import-worker.ts';
import { operatorOf } from './operator.ts';
import { receiveCardKeys } from './receive-card-keys.ts';

/** A file of card keys for headquarters' own SKU; network, SKU and supplier by their name, code or id. */
export type ImportCardKeyFileInput = Omit<ImportTerms, 'skuId' | 'supplierId'> & {
  readonly network: string;
  readonly sku: string;
  readonly supplier: string | null;
};

/** What became of a file: its job, ended; or why it was not taken in. */
export type ImportCardKeyFileOutcome =
  | { readonly kind: 'CARD_KEYS_IMPORTED'; readonly job: ImportJobRow; readonly replayed: boolean }
  | InvalidInput;

const POLL_MILLISECONDS = 200;

/**
 * Takes a file in from the server's own command line, in the name of headquarters' owner, and sees it through: done here, or by a
 * server that runs beside, whoever takes the job up first. The same request key begins what broke off anew, and never imports twice.
 */
export async function importCardKeyFile(
  ground: { readonly db: Database; readonly vault: Vault; readonly log: Log },
  input: ImportCardKeyFileInput,
  source: AsyncIterable<Uint8Array>,
): Promise<ImportCardKeyFileOutcome> {
  const { db, vault, log } = ground;
  const operator = await operatorOf(db, input.network);
  if (operator.kind !== 'OPERATOR') return operator;
  const { viewer, headquartersId: stationId } = operator;
  const reader = { networkId: viewer.networkId, stationId };
  const parties = await selectImportParties(db.pool, reader, { sku: input.sku, supplier: input.supplier });
  if (parties.sku_id === null) return refused('sku', 'Headquarters has no SKU of this code or id.');
  if (input.supplier !== null && parties.supplier_id === null) return refused('supplier', 'There is no supplier of this code or id.');
  const terms = { ...input, skuId: parties.sku_id, supplierId: parties.supplier_id };
  const outcome = await receiveCardKeys(db, vault, viewer, terms, source);
  switch (outcome.kind) {
    case 'CARD_KEYS_IMPORT_STARTED':
      break;
    case 'INVALID_INPUT':
      return { ...outcome, message: `${outcome.message}.` };
    case 'NOT_ALLOWED':
      return refused('sku', outcome.message);
    case 'NOT_FOUND':
      return refused('sku', 'There is no such SKU.');
    case 'REQUEST_KEY_REUSED':
      return refused('requestKey', 'It was used before, with another file.');
  }
  for (;;) {
    const job = (await importJobsByIds(db.pool, reader, [outcome.jobId])).get(outcome.jobId);
    if (!job) throw new Error(`the import ${outcome.jobId} is not there`);
    if (job.finished_at !== null) return { kind: 'CARD_KEYS_IMPORTED', job, replayed: outcome.replayed };
    if (!(await importNext(db, log))) await pause(POLL_MILLISECONDS);
  }
}

function refused(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message };
}
