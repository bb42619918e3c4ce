import { writeAudit } from '#server/accounts/commands.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { accountIn, lockBalances, openAccountBook, writeTransfers } from '#server/ledger/commands.ts';
import { decideLotPurchase } from '#server/ledger/rules.ts';
import { selectStations } from '#server/network/sql.ts';
import { type Database, inTransaction, sqlState, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import { currencyCode, money, toAmountString } from '#server/platform/money.ts';
import { type LineProblem, type LineProblemCode, PROBLEMS_MAX, spreadLotCost } from '#server/stock/rules.ts';
import {
  allowImportMemory,
  cancelImport,
  endImport,
  insertImportedLot,
  isAnyLineKnown,
  judgeImport,
  lockAbandonedImports,
  lockImport,
  lockImportsOfNetwork,
  lockWaitingImport,
  markImportRunning,
  type RunningImportRow,
} from '#server/stock/sql.ts';

const POLL_MILLISECONDS = 300;
const ATTEMPTS = 5;
const UNIQUE_VIOLATION = '23505';
/** What the owner of a failed import reads. */
const FAILURES = {
  INSUFFICIENT_BALANCE: 'The wallet cannot pay for this lot.',
  INTERNAL: 'The import failed; nothing was imported.',
  BROKEN_OFF: 'The file did not come whole; nothing was imported.',
} as const;

/**
 * Turns staged imports into lots, one after the other. Any number of processes may run it: a job is locked by the one that
 * works on it, and what a dead one left behind is done again from the start, since nothing of it was committed.
 */
export function startImportWorker(db: Database, log: Log): Loop {
  let nextSweep = 0;
  return startLoop(log, {
    subject: 'the import of card keys',
    round: async () => {
      if (await importNext(db, log)) return true;
      const now = db.clock().getTime();
      if (now < nextSweep) return false;
      nextSweep = now + SWEEP_MILLISECONDS;
      await endAbandonedImports(db);
      return false;
    },
    pollMilliseconds: POLL_MILLISECONDS,
  });
}

/** Nothing came for so long: who sent it is gone. */
const ABANDONED_AFTER_MILLISECONDS = 5 * 60_000;

const SWEEP_MILLISECONDS = 30_000;

/** Ends uploads that broke off with the process that received them: their lines go, and their owners read why. */
export async function endAbandonedImports(db: Database): Promise<void> {
  await inTransaction(db, async (tx) => {
    const since = new Date(tx.now.getTime() - ABANDONED_AFTER_MILLISECONDS);
    for (const { network_id, id } of await lockAbandonedImports(tx, since)) {
      await cancelImport(tx, network_id, id, { state: 'FAILED', failure: FAILURES.BROKEN_OFF });
    }
  });
}

/** Does the next import that waits, of any network; false when none does. */
export async function importNext(db: Database, log: Log): Promise<boolean> {
  const job = await inTransaction(db, async (tx) => {
    const waiting = await lockWaitingImport(tx);
    if (waiting) await markImportRunning(tx, waiting.network_id, waiting.id);
    return waiting;
  });
  if (!job) return false;
  let hasMet = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await inTransaction(db, (tx) => importLot(tx, job.network_id, job.id, hasMet));
      return true;
    } catch (error) {
      if (error instanceof CannotPay) return fail(db, job, 'INSUFFICIENT_BALANCE');
      if (attempt === ATTEMPTS) {
        log.error({ err: error, jobId: job.id }, 'an import failed');
        return fail(db, job, 'INTERNAL');
      }
      // the network has one of the keys, or another import brought it in meanwhile: the next look is for each of them. Anything else may
      // pass by itself
      hasMet = sqlState(error) === UNIQUE_VIOLATION || hasMet;
      if (sqlState(error) !== UNIQUE_VIOLATION) await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
  }
}

/** Ends a job as FAILED. With a database that is gone this fails too, and the job waits. */
async function fail(db: Database, job: { network_id: string; id: string }, failure: keyof typeof FAILURES): Promise<true> {
  await inTransaction(db, async (tx) => {
    const locked = await lockImport(tx, job.network_id, job.id);
    if (!locked) return;
    const end = { importedCount: 0, duplicateCount: 0, problems: locked.problems, failure: FAILURES[failure] };
    await endImport(tx, job.network_id, job.id, end);
  });
  return true;
}

/**
 * The whole import in one transaction: lot, keys, payment, report. A file that somebody else has imported leaves no lot. Keys are mostly
 * new, so they are looked for only when some of them are known, or `hasMet` one: the unique fingerprint stands guard.
 */
async function importLot(tx: Transaction, networkId: string, jobId: string, hasMet: boolean): Promise<void> {
  const job = await lockImport(tx, networkId, jobId);
  if (!job) return;
  await Promise.all([allowImportMemory(tx), lockImportsOfNetwork(tx, networkId)]);
  const mayBeKnown = hasMet || (await isAnyLineKnown(tx, networkId, jobId));
  const { lineCount, inFile, own, isElsewhere } = await judgeImport(tx, networkId, { ...job, mayBeKnown });
  const keyCount = lineCount - inFile.length - own.length;
  const problems = [...job.problems, ...named(inFile, 'DUPLICATE_IN_FILE'), ...named(own, 'DUPLICATE_OF_OWN_KEY')];
  if (keyCount > 0) await makeLot(tx, networkId, job, { keyCount, withoutLines: [...inFile, ...own], isElsewhere });
  const end = {
    importedCount: keyCount,
    duplicateCount: inFile.length + own.length,
    problems: problems.sort((a, b) => a.line - b.line).slice(0, PROBLEMS_MAX),
    failure: null,
  };
  await Promise.all([endImport(tx, networkId, jobId, end), writeEvents(tx, importEvents(networkId, job, keyCount))]);
}

/** The first of these lines, as many as a job names at all. */
function named(lines: readonly number[], code: LineProblemCode): LineProblem[] {
  const first = lines.length > PROBLEMS_MAX ? Int32Array.from(lines).sort().subarray(0, PROBLEMS_MAX) : lines;
  return Array.from(first, (line) => ({ line, code }));
}

async function makeLot(
  tx: Transaction,
  networkId: string,
  job: RunningImportRow,
  { keyCount, ...lines }: { readonly keyCount: number; readonly withoutLines: readonly number[]; readonly isElsewhere: boolean },
): Promise<void> {
  const totalCost = money(job.total_cost, currencyCode(job.currency));
  const { first, firstCount, rest } = spreadLotCost(totalCost, keyCount);
  const costs = { first: toAmountString(first), firstCount, rest: toAmountString(rest) };
  const made = await insertImportedLot(tx, networkId, job.id, { keyCount, costs, ...lines });
  if (made.keyCount !== keyCount) throw new Error(`${made.keyCount} keys came of ${keyCount} lines`);
  if (job.terms === 'OWN') await payForLot(tx, networkId, job);
  if (made.quarantinedIds.length > 0) await reportQuarantine(tx, networkId, job, made.quarantinedIds);
}

/** OWN goods of a supplier are paid for with the lot: the owner's WALLET → the supplier's PAYABLE (domain §5). */
async function payForLot(tx: Transaction, networkId: string, job: RunningImportRow): Promise<void> {
  const ledger = { networkId, currency: currencyCode(job.currency) };
  const wallet = { holder: { stationId: job.owner_id }, accountKind: 'WALLET' } as const;
  if (job.supplier_id === null) return;
  const payable = { holder: { supplierId: job.supplier_id }, accountKind: 'PAYABLE' } as const;
  const book = await openAccountBook(tx, ledger, [wallet, payable]);
  const walletId = accountIn(book, wallet);
  const held = (await lockBalances(tx, ledger, [walletId])).get(walletId);
  if (!held) throw new Error('a wallet that was opened is not there');
  const totalCost = money(job.total_cost, ledger.currency);
  const decision = decideLotPurchase({ ownerId: job.owner_id, supplierId: job.supplier_id, totalCost, wallet: held });
  if (decision.kind !== 'ACCEPTED') throw new CannotPay();
  if (decision.postings.length === 0) return;
  await writeTransfers(tx, ledger, book, [
    { id: tx.newId(), kind: 'LOT_PURCHASE', actorId: job.created_by, note: job.lot_id, postings: decision.postings },
  ]);
}

/**
 * Keys that another owner has: nothing in the importer's answer says so, or a guess could be tried out; headquarters reads it in
 * its audit log, with who brought them in.
 */
async function reportQuarantine(tx: Transaction, networkId: string, job: RunningImportRow, cardKeyIds: readonly string[]): Promise<void> {
  const owner = (await selectStations(tx, networkId, [job.owner_id])).get(job.owner_id);
  const headquartersId = owner?.path[0];
  if (headquartersId === undefined) throw new Error('an owner without a path');
  const data = { lotId: job.lot_id, ownerId: job.owner_id, cardKeyIds };
  await Promise.all([
    writeAudit(tx, reporter(networkId, headquartersId, job), { action: 'card_keys.quarantined', subjectId: job.lot_id, data }),
    writeEvents(tx, [
      { networkId, topic: 'card-keys.quarantined', subjectId: job.lot_id, audience: [headquartersId], data: { lotId: job.lot_id } },
    ]),
  ]);
}

function reporter(networkId: string, stationId: string, job: RunningImportRow): Viewer {
  const actor = job.created_by_user
    ? ({ kind: 'USER', userId: job.created_by, sessionId: '' } as const)
    : ({ kind: 'API_KEY', apiKeyId: job.created_by } as const);
  return { networkId, party: { kind: 'STATION', stationId }, actor, role: null, permissions: new Set(), clientAddress: null };
}

function importEvents(networkId: string, job: RunningImportRow, keyCount: number): NewEvent[] {
  const audience = [job.owner_id];
  const imported: NewEvent = {
    networkId,
    topic: 'card-keys.imported',
    subjectId: job.id,
    audience,
    data: { jobId: job.id, skuId: job.sku_id },
  };
  return keyCount === 0
    ? [imported]
    : [imported, { networkId, topic: 'stock.changed', subjectId: job.sku_id, audience, data: { skuId: job.sku_id } }];
}

/** Carries the owner's empty wallet out of a transaction that is to be rolled back. */
class CannotPay extends Error {}
