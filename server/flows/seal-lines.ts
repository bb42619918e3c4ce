import { Worker } from 'node:worker_threads';
import { int4Array } from '#server/platform/array-binary.ts';
import type { Database } from '#server/platform/database.ts';
import type { Vault } from '#server/platform/vault.ts';
import { type CardKeyLine, cardKeyText, lotContext } from '#server/stock/rules.ts';
import { CHUNK_LINES, type SealedChunk } from '#server/stock/sql.ts';
import type { OpenedImport } from './import-card-keys.ts';
import { type PlainLines, type SealedArrays, type SealedLine, type SealingPlace, sealedArrays, sealLines } from './sealing.ts';

/** Seals the lines of one import, at most CHUNK_LINES at once, for the card keys that they will be. */
export type LineSealer = {
  /** Begins at once; several may be under way, and end in their order. */
  seal(lines: readonly CardKeyLine[]): Promise<SealedChunk>;
  /** Ends its thread, if it has one. What is still being sealed is told as an error. */
  close(): Promise<void>;
};

/**
 * A sealer for a job. Whole chunks go to a thread, which is started for the first of them: the loop that serves orders is not held up,
 * and reading, sealing and the database work at the same time. What is less is sealed here.
 */
export function openLineSealer(db: Database, vault: Vault, job: OpenedImport): LineSealer {
  const { networkId, lotId, skuId, dataKey, vaultKeyId } = job;
  const place = { keys: vault.sealingKeys({ dataKey, vaultKeyId }, lotContext(networkId, lotId)), networkId, skuId };
  let thread: SealingThread | null = null;
  return {
    seal: async (lines) => {
      const plain = { ids: lines.map(() => db.newId()), texts: lines.map(cardKeyText) };
      const lineNumbers = int4Array(lines.map(({ line }) => line));
      if (lines.length < CHUNK_LINES && thread === null) return { lineNumbers, ...(await sealHere(place, plain)) };
      thread ??= startSealingThread(place);
      return { lineNumbers, ...(await thread.seal(plain)) };
    },
    close: async () => thread?.close(),
  };
}

/** Seals all lines of a file that is at hand. */
export async function sealAll(db: Database, vault: Vault, job: OpenedImport, keys: readonly CardKeyLine[]): Promise<SealedChunk[]> {
  const sealer = openLineSealer(db, vault, job);
  try {
    const chunks: SealedChunk[] = [];
    for (let start = 0; start < keys.length; start += CHUNK_LINES) chunks.push(await sealer.seal(keys.slice(start, start + CHUNK_LINES)));
    return chunks;
  } finally {
    await sealer.close();
  }
}

type SealingThread = { seal(lines: PlainLines): Promise<SealedArrays>; close(): Promise<void> };

function startSealingThread(place: SealingPlace): SealingThread {
  const worker = new Worker(new URL('./sealing-thread.ts', import.meta.url), { workerData: place });
  const asked: PromiseWithResolvers<SealedArrays>[] = [];
  let failure: Error | null = null;
  const fail = (error: Error) => {
    failure ??= error;
    for (const each of asked.splice(0)) each.reject(failure);
  };
  worker.on('message', (sealed: SealedArrays) => asked.shift()?.resolve(sealed));
  worker.once('error', fail);
  worker.once('exit', () => fail(new Error('the thread that seals an import has ended')));
  return {
    seal: (lines) => {
      if (failure !== null) return Promise.reject(failure);
      const answer = Promise.withResolvers<SealedArrays>();
      asked.push(answer);
      worker.postMessage(lines);
      return answer.promise;
    },
    close: async () => {
      await worker.terminate();
    },
  };
}

/** Lines sealed between two turns of the event loop: about 3 ms of work, so that orders go on meanwhile. */
const LINES_A_TURN = 200;

async function sealHere(place: SealingPlace, plain: PlainLines): Promise<SealedArrays> {
  const lines: SealedLine[] = [];
  for (let start = 0; start < plain.ids.length; start += LINES_A_TURN) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
    lines.push(...sealLines(place, plain, start, start + LINES_A_TURN));
  }
  return sealedArrays(plain.ids, lines);
}
