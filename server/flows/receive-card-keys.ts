import { createHash } from 'node:crypto';
import type { Viewer } from '#server/accounts/rules.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { onceForKey } from '#server/platform/request-keys.ts';
import type { Vault } from '#server/platform/vault.ts';
import { type CardKeyLine, type LineProblem, NO_KEYS, PROBLEMS_MAX, tooManyLines, UPLOAD_LINES_MAX } from '#server/stock/rules.ts';
import {
  CHUNK_LINES,
  cancelImport,
  insertImportChunk,
  insertImportJob,
  markImportReceived,
  type Received,
  type SealedChunk,
  touchImport,
} from '#server/stock/sql.ts';
import { readCardKeyLines, UnreadableFile } from './card-key-lines.ts';
import {
  auditImport,
  type ImportOutcome,
  type ImportRefusal,
  type ImportTerms,
  type JobIds,
  keyedImport,
  type OpenedImport,
  openImport,
} from './import-card-keys.ts';
import { openLineSealer } from './seal-lines.ts';

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

/** Stages the file chunk by chunk: while one is being written the next is being sealed, and the one after that is being read. */
async function stage(
  db: Database,
  vault: Vault,
  job: OpenedImport,
  source: AsyncIterable<Uint8Array>,
  format: ImportTerms['format'],
): Promise<Whole> {
  const hash = createHash('sha256');
  const sealer = openLineSealer(db, vault, job);
  const problems: LineProblem[] = [];
  let lineCount = 0;
  let problemCount = 0;
  let keys: CardKeyLine[] = [];
  let staging: Promise<void> = Promise.resolve();
  const stageNext = async (some: readonly CardKeyLine[]) => {
    const sealing = sealer.seal(some);
    // told by the next `await staging`, should the one before fail
    sealing.catch(() => undefined);
    await staging;
    staging = sealing.then((chunk) => stageChunk(db, job, chunk));
    staging.catch(() => undefined);
  };
  try {
    for await (const read of readCardKeyLines(hashed(source, hash), format)) {
      lineCount += read.keys.length + read.problems.length;
      problemCount += read.problems.length;
      if (lineCount > UPLOAD_LINES_MAX) throw new UnreadableFile(tooManyLines(UPLOAD_LINES_MAX));
      problems.push(...read.problems.slice(0, PROBLEMS_MAX - problems.length));
      keys = keys.length === 0 ? read.keys : keys.concat(read.keys);
      while (keys.length >= CHUNK_LINES) {
        await stageNext(keys.slice(0, CHUNK_LINES));
        keys = keys.slice(CHUNK_LINES);
      }
    }
    if (lineCount === 0) throw new UnreadableFile(NO_KEYS);
    if (keys.length > 0) await stageNext(keys);
    await staging;
  } finally {
    await sealer.close();
  }
  return { received: { lineCount, problemCount, problems }, contentHash: hash.digest('hex') };
}

/** Commits a chunk. Throws when the upload was given up meanwhile. */
async function stageChunk(db: Database, job: OpenedImport, chunk: SealedChunk): Promise<void> {
  await inTransaction(db, async (tx) => {
    const [isOpen] = await Promise.all([touchImport(tx, job.networkId, job.id), insertImportChunk(tx, job.networkId, job.id, chunk)]);
    if (!isOpen) throw new Error('an upload was given up while it still came');
  });
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
