import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { selectOrderedSkus, selectTerms } from '#server/orders/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, run } from '#server/platform/database.ts';
import { isId } from '#server/platform/ids.ts';
import { currencyCode, decimal4, decimal4Text, isAmountText, money, toAmountString } from '#server/platform/money.ts';
import { hashInput, isRequestKey, onceForKey } from '#server/platform/request-keys.ts';
import type { Vault, WrappedKey } from '#server/platform/vault.ts';
import {
  type CardKeyFormat,
  type CardKeyLine,
  fingerprintCardKey,
  type LineProblem,
  lotContext,
  readCardKeyFile,
  sealCardKey,
} from '#server/stock/rules.ts';
import { insertImportJob, insertImportLines, type SealedLine } from '#server/stock/sql.ts';
import { suppliersById } from '#server/suppliers/sql.ts';

/** A file of card keys. `totalCost` is a decimal text in the network's currency, `expiresOn` a date (YYYY-MM-DD). */
export type CardKeyImport = {
  readonly requestKey: string;
  readonly skuId: string;
  readonly supplierId: string | null;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly totalCost: string;
  readonly expiresOn: string | null;
  readonly format: CardKeyFormat;
  readonly text: string;
};

/** What became of an import: a job that will make the lot, or why there is none. */
export type ImportOutcome =
  | { readonly kind: 'CARD_KEYS_IMPORT_STARTED'; readonly jobId: string; readonly replayed: boolean }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | ImportRefusal;

type ImportRefusal =
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/**
 * Takes in card keys of the acting station's own SKU (issue 2, point 8): reads the file, seals every line under the lot's data
 * key, and stages the sealed lines as a job. Nothing in the clear touches the database, a queue or a log; the worker
 * (`startImportWorker`) turns the job into a lot in one transaction. Duplicates within the file are told line by line.
 */
export async function importCardKeys(db: Database, vault: Vault, viewer: Viewer, input: CardKeyImport): Promise<ImportOutcome> {
  const ownerId = actingStationWith(viewer, 'STOCK_IMPORT');
  const { networkId } = viewer;
  const terms = await selectTerms(db.pool, networkId);
  const currency = currencyCode(terms.currency);
  const refusal =
    inputProblem(input, currency, localDate(db.clock(), terms.time_zone)) ?? (await partiesRefusal(db, networkId, ownerId, input));
  if (refusal) return refusal;
  const file = readCardKeyFile(input.text, input.format);
  if (file.kind === 'UNREADABLE') return invalid('text', file.why);
  const ids = { jobId: db.newId(), lotId: db.newId() };
  const wrapped = vault.createDataKey(lotContext(networkId, ids.lotId));
  const sealed = await sealLines(db, vault, { networkId, lotId: ids.lotId, skuId: input.skuId, wrapped }, file.keys);
  const job = {
    networkId,
    id: ids.jobId,
    lotId: ids.lotId,
    skuId: input.skuId,
    ownerId,
    supplierId: input.supplierId,
    terms: input.terms,
    totalCost: toAmountString(money(input.totalCost, currency)),
    currency,
    expiresOn: input.expiresOn,
    lineCount: file.keys.length + file.problems.length,
    duplicateCount: sealed.problems.length,
    problems: [...file.problems, ...sealed.problems].sort((a, b) => a.line - b.line),
    dataKey: wrapped.dataKey,
    vaultKeyId: wrapped.vaultKeyId,
    createdBy: actorId(viewer),
  };
  const outcome = await onceForKey<typeof ids, ImportRefusal>(
    db,
    { networkId, stationId: ownerId, effect: 'card-keys.import', requestKey: input.requestKey, inputHash: inputHash(input) },
    () => ids,
    async (tx) => {
      await Promise.all([
        insertImportJob(tx, job),
        insertImportLines(tx, networkId, job.id, sealed.lines),
        writeAudit(tx, viewer, {
          action: 'card_keys.import_started',
          subjectId: job.id,
          data: { skuId: job.skuId, lineCount: job.lineCount },
        }),
      ]);
      return null;
    },
  );
  return outcome.kind === 'DONE' ? { kind: 'CARD_KEYS_IMPORT_STARTED', jobId: outcome.ids.jobId, replayed: outcome.replayed } : outcome;
}

/** Lines sealed between two turns of the event loop: about 6 ms of work, so that orders go on meanwhile. */
const LINES_A_TURN = 200;

type LotPlace = { readonly networkId: string; readonly lotId: string; readonly skuId: string; readonly wrapped: WrappedKey };

async function sealLines(
  db: Database,
  vault: Vault,
  place: LotPlace,
  keys: readonly CardKeyLine[],
): Promise<{ lines: SealedLine[]; problems: LineProblem[] }> {
  const seen = new Set<string>();
  const lines: SealedLine[] = [];
  const problems: LineProblem[] = [];
  for (const [index, key] of keys.entries()) {
    if (index % LINES_A_TURN === LINES_A_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    const fingerprint = fingerprintCardKey(vault, place.networkId, key);
    const name = fingerprint.toString('base64');
    if (seen.has(name)) {
      problems.push({ line: key.line, code: 'DUPLICATE_IN_FILE' });
      continue;
    }
    seen.add(name);
    const id = db.newId();
    lines.push({ id, line: key.line, fingerprint, sealed: sealCardKey(vault, { ...place, keyId: id }, key) });
  }
  return { lines, problems };
}

function inputProblem(input: CardKeyImport, currency: ReturnType<typeof currencyCode>, today: string): ImportRefusal | null {
  const { requestKey, skuId, supplierId, terms, totalCost, expiresOn } = input;
  if (!isRequestKey(requestKey)) return invalid('requestKey', 'a request key has 1 to 255 characters');
  if (!/^\d{1,14}(\.\d{1,4})?$/.test(totalCost) || !isAmountText(totalCost, currency)) {
    return invalid('totalCost', 'a cost is a decimal text such as 12.30');
  }
  if (terms === 'CONSIGNMENT' && supplierId === null) return invalid('supplierId', 'consigned goods have a supplier, who is owed');
  if (expiresOn !== null && !isDate(expiresOn)) return invalid('expiresOn', 'a date is written 2026-12-31');
  if (expiresOn !== null && expiresOn < today) return invalid('expiresOn', 'these card keys have expired');
  return isId(skuId) && (supplierId === null || isId(supplierId)) ? null : { kind: 'NOT_FOUND' };
}

function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** Only an owner brings goods in; a SKU of anybody else is not even told to exist, and a supplier is one of the network. */
async function partiesRefusal(
  db: Database,
  networkId: string,
  ownerId: string,
  { skuId, supplierId }: CardKeyImport,
): Promise<ImportRefusal | null> {
  const [sku] = await selectOrderedSkus(db.pool, networkId, [skuId]);
  if (sku?.owner_id !== ownerId) return { kind: 'NOT_FOUND' };
  if (sku.delivery_kind !== 'FROM_STOCK') return { kind: 'NOT_ALLOWED', message: 'This SKU is not delivered from stock.' };
  if (supplierId === null) return null;
  return (await run(db.pool, suppliersById, [networkId, [supplierId]])).length === 1 ? null : { kind: 'NOT_FOUND' };
}

function inputHash({ skuId, supplierId, terms, totalCost, expiresOn, format, text }: CardKeyImport): Buffer {
  return hashInput([skuId, supplierId, terms, decimal4Text(decimal4(totalCost)), expiresOn, format, text]);
}

function invalid(field: string, message: string): ImportRefusal {
  return { kind: 'INVALID_INPUT', field, message };
}
