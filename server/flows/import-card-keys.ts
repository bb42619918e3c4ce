import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { selectOrderedSkus, selectTerms } from '#server/orders/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, run, type Transaction } from '#server/platform/database.ts';
import { isId } from '#server/platform/ids.ts';
import { currencyCode, decimal4, decimal4Text, isAmountText, money, toAmountString } from '#server/platform/money.ts';
import { hashInput, isRequestKey, type KeyedRequest, onceForKey } from '#server/platform/request-keys.ts';
import type { Vault } from '#server/platform/vault.ts';
import { type CardKeyFormat, lotContext, PROBLEMS_MAX, readCardKeyFile } from '#server/stock/rules.ts';
import { insertImportChunk, insertImportJob, type NewImportJob } from '#server/stock/sql.ts';
import { suppliersById } from '#server/suppliers/sql.ts';
import { sealAll } from './seal-lines.ts';

/** What a file of card keys is. `totalCost` is a decimal text in the network's currency, `expiresOn` a date (YYYY-MM-DD). */
export type ImportTerms = {
  readonly requestKey: string;
  readonly skuId: string;
  readonly supplierId: string | null;
  readonly terms: 'CONSIGNMENT' | 'OWN';
  readonly totalCost: string;
  readonly expiresOn: string | null;
  readonly format: CardKeyFormat;
};

/** A file of card keys that is at hand as a text. */
export type CardKeyImport = ImportTerms & { readonly text: string };

/** What became of an import: a job that will make the lot, or why there is none. */
export type ImportOutcome =
  | { readonly kind: 'CARD_KEYS_IMPORT_STARTED'; readonly jobId: string; readonly replayed: boolean }
  | { readonly kind: 'REQUEST_KEY_REUSED' }
  | ImportRefusal;

/** Why a file is not taken in. */
export type ImportRefusal =
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/**
 * Takes in card keys of the acting station's own SKU (issue 2, point 8): reads the file, seals every line under the lot's data
 * key, and stages the sealed lines as a job. Nothing in the clear touches the database, a queue or a log; the worker
 * (`startImportWorker`) turns the job into a lot in one transaction, and names duplicates line by line.
 */
export async function importCardKeys(db: Database, vault: Vault, viewer: Viewer, input: CardKeyImport): Promise<ImportOutcome> {
  const job = await openImport(db, vault, viewer, input);
  if ('kind' in job) return job;
  const { networkId } = viewer;
  const file = readCardKeyFile(input.text, input.format);
  if (file.kind === 'UNREADABLE') return invalid('text', file.why);
  const chunks = await sealAll(db, vault, job, file.keys);
  const received = {
    lineCount: file.keys.length + file.problems.length,
    problemCount: file.problems.length,
    problems: file.problems.slice(0, PROBLEMS_MAX),
  };
  const outcome = await onceForKey<JobIds, ImportRefusal>(
    db,
    keyedImport(viewer, job.ownerId, input, input.text),
    () => ({ jobId: job.id, lotId: job.lotId }),
    async (tx) => {
      await Promise.all([
        insertImportJob(tx, { ...job, state: 'PENDING', ...received }),
        ...chunks.map((chunk) => insertImportChunk(tx, networkId, job.id, chunk)),
        auditImport(tx, viewer, job, received.lineCount),
      ]);
      return null;
    },
  );
  return outcome.kind === 'DONE' ? { kind: 'CARD_KEYS_IMPORT_STARTED', jobId: outcome.ids.jobId, replayed: outcome.replayed } : outcome;
}

/** What the key of an import holds. */
export type JobIds = { readonly jobId: string; readonly lotId: string };

/** A job before anything of it is written: who, what, and the data key that its lines are sealed under. */
export type OpenedImport = Omit<NewImportJob, 'state' | 'lineCount' | 'problemCount' | 'problems'>;

/** Checks what an import says of itself, and makes its job and data key; or a refusal. Writes nothing. */
export async function openImport(db: Database, vault: Vault, viewer: Viewer, input: ImportTerms): Promise<OpenedImport | ImportRefusal> {
  const ownerId = actingStationWith(viewer, 'STOCK_IMPORT');
  const { networkId } = viewer;
  const terms = await selectTerms(db.pool, networkId);
  const currency = currencyCode(terms.currency);
  const refusal =
    inputProblem(input, currency, localDate(db.clock(), terms.time_zone)) ?? (await partiesRefusal(db, networkId, ownerId, input));
  if (refusal) return refusal;
  const lotId = db.newId();
  const { dataKey, vaultKeyId } = vault.createDataKey(lotContext(networkId, lotId));
  return {
    networkId,
    id: db.newId(),
    lotId,
    skuId: input.skuId,
    ownerId,
    supplierId: input.supplierId,
    terms: input.terms,
    totalCost: toAmountString(money(input.totalCost, currency)),
    currency,
    expiresOn: input.expiresOn,
    dataKey,
    vaultKeyId,
    createdBy: actorId(viewer),
  };
}

/** The request key of an import; `content`: the file, or what stands for it. */
export function keyedImport(viewer: Viewer, stationId: string, input: ImportTerms, content: string): KeyedRequest {
  const { requestKey, skuId, supplierId, terms, totalCost, expiresOn, format } = input;
  const inputHash = hashInput([skuId, supplierId, terms, decimal4Text(decimal4(totalCost)), expiresOn, format, content]);
  return { networkId: viewer.networkId, stationId, effect: 'card-keys.import', requestKey, inputHash };
}

/** Notes who took an import in. */
export function auditImport(tx: Transaction, viewer: Viewer, { id, skuId }: OpenedImport, lineCount: number): Promise<void> {
  return writeAudit(tx, viewer, { action: 'card_keys.import_started', subjectId: id, data: { skuId, lineCount } });
}

function inputProblem(input: ImportTerms, currency: ReturnType<typeof currencyCode>, today: string): ImportRefusal | null {
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
  { skuId, supplierId }: ImportTerms,
): Promise<ImportRefusal | null> {
  const [sku] = await selectOrderedSkus(db.pool, networkId, [skuId]);
  if (sku?.owner_id !== ownerId) return { kind: 'NOT_FOUND' };
  if (sku.delivery_kind !== 'FROM_STOCK') return { kind: 'NOT_ALLOWED', message: 'This SKU is not delivered from stock.' };
  if (supplierId === null) return null;
  return (await run(db.pool, suppliersById, [networkId, [supplierId]])).length === 1 ? null : { kind: 'NOT_FOUND' };
}

function invalid(field: string, message: string): ImportRefusal {
  return { kind: 'INVALID_INPUT', field, message };
}
