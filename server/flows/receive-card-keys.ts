import { createHash } from 'node:crypto';
import type { Viewer } from '#server/accounts/rules.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { onceForKey } from '#server/platform/request-keys.ts';
import type { Vault } from '#server/platform/vault.ts';
import { type CardKeyLine, type LineProblem, NO_KEYS, PROBLEMS_MAX, tooManyLines, UPLOAD_LINES_MAX } from '#server/stock/rules.ts';
import {
  CHUNK_LINES,
  cancelImport,
  insertImportJob,
  insertImportLines,
  markImportReceived,
  type Received,
  touchImport,
} from '#server/stock/sql.ts';
import { readCardKeyLines, UnreadableFile } from './card-key-lines.ts';
import {
  auditImport,
  createLineSealer,
  type ImportOutcome,
  type ImportRefusal,
  type ImportTerms,
  type JobIds,
  keyedImport,
  type OpenedImport,
  openImport,
  placeOf,
} from './import-card-keys.ts';

/** What an owner reads of an upload that ended before it was a job. */
const ENDED = {
  REPEATED: 'The same file was taken in before, under the same request key.',
  BROKEN_OFF: 'The file did not come whole; nothing was imported.',
} as const;

/**
 * Takes in a file of card keys as it comes, up to two million lines (issue 4): read, sealed and staged some thousand lines at a time,
 * so that memory stays as it is and a slow database makes the sender wait. Each chunk is committed by itself; no worker takes the job
 * up before the file has come whole. What breaks off is ended at once, or by the worker when the process has died; the same request
 * key with the same file then begins anew, and answers from the first job once there is one.
 */
export async function receiveCardKeys(
  db: Database,
  vault: Vault,
  viewer: Viewer,
  input: ImportTerms,
  source: AsyncIterable<Uint8Array>,
): Promise<ImportOutcome> {
  const job = await openImport(db, vault, viewer, input);
  if ('kind' in job) return job;
  await inTransaction(db, (tx) => insertImportJob(tx, { ...job, state: 'RECEIVING', lineCount: 0, problemCount: 0, problems: [] }));
  const end = (state: 'FAILED' | 'CANCELLED', failure: string) =>
    inTransaction(db, (tx) => cancelImport(tx, job.networkId, job.id, { state, failure }));
  try {
    const { received, contentHash } = await stage(db, vault, job, source, input.format);
    const outcome = await finish(db, viewer, job, input, { received, contentHash });
    if (outcome.kind !== 'CARD_KEYS_IMPORT_STARTED' || outcome.jobId !== job.id) await end('CANCELLED', ENDED.REPEATED);
    return outcome;
  } catch (error) {
    const why = error instanceof UnreadableFile ? error.message : null;
    await end('FAILED', why === null ? ENDED.BROKEN_OFF : `Not read: ${why}.`);
    if (why === null) throw error;
    return { kind: 'INVALID_INPUT', field: 'file', message: why };
  }
}

type Whole = { readonly received: Received; readonly contentHash: string };

/** Stages the file chunk by chunk: one is being written while the next is being sealed. */
async function stage(
  db: Database,
  vault: Vault,
  job: OpenedImport,
  source: AsyncIterable<Uint8Array>,
  format: ImportTerms['format'],
): Promise<Whole> {
  const hash = createHash('sha256');
  const seal = createLineSealer(db, vault, placeOf(job));
  const problems: LineProblem[] = [];
  let lineCount = 0;
  let problemCount = 0;
  let keys: CardKeyLine[] = [];
  let writing: Promise<void> = Promise.resolve();
  const write = async (some: readonly CardKeyLine[]) => {
    const lines = await seal(some);
    await writing;
    writing = inTransaction(db, async (tx) => {
      const [isOpen] = await Promise.all([touchImport(tx, job.networkId, job.id), insertImportLines(tx, job.networkId, job.id, lines)]);
      if (!isOpen) throw new Error('an upload was given up while it still came');
    });
    // told by the next `await writing`
    writing.catch(() => undefined);
  };
  for await (const read of readCardKeyLines(hashed(source, hash), format)) {
    lineCount += read.keys.length + read.problems.length;
    problemCount += read.problems.length;
    if (lineCount > UPLOAD_LINES_MAX) throw new UnreadableFile(tooManyLines(UPLOAD_LINES_MAX));
    problems.push(...read.problems.slice(0, PROBLEMS_MAX - problems.length));
    keys = keys.length === 0 ? read.keys : keys.concat(read.keys);
    while (keys.length >= CHUNK_LINES) {
      await write(keys.slice(0, CHUNK_LINES));
      keys = keys.slice(CHUNK_LINES);
    }
  }
  if (lineCount === 0) throw new UnreadableFile(NO_KEYS);
  await write(keys);
  await writing;
  return { received: { lineCount, problemCount, problems }, contentHash: hash.digest('hex') };
}

async function* hashed(source: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    hash.update(bytes);
    yield bytes;
  }
}

/** From here on it is a job like any other, once for its request key. */
async function finish(
  db: Database,
  viewer: Viewer,
  job: OpenedImport,
  input: ImportTerms,
  { received, contentHash }: Whole,
): Promise<ImportOutcome> {
  const outcome = await onceForKey<JobIds, ImportRefusal>(
    db,
    keyedImport(viewer, job.ownerId, input, contentHash),
    () => ({ jobId: job.id, lotId: job.lotId }),
    async (tx) => {
      if (!(await markImportReceived(tx, job.networkId, job.id, received))) throw new Error('an upload was given up before it ended');
      await auditImport(tx, viewer, job, received.lineCount);
      return null;
    },
  );
  return outcome.kind === 'DONE' ? { kind: 'CARD_KEYS_IMPORT_STARTED', jobId: outcome.ids.jobId, replayed: outcome.replayed } : outcome;
}
