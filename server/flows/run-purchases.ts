import { CommitUnknown, run, sqlState } from '#server/platform/database.ts';
import { type CallTally, NO_CALLS, tallied } from '#server/purchases/rules.ts';
import { type ClaimedAttemptRow, dueAccounts } from '#server/purchases/sql.ts';
import { type CalledAttempt, callUpstream } from './purchase-calls.ts';
import { type Claim, claimAttempts } from './purchase-claims.ts';
import type { AccountPlace, PurchaseGround } from './purchase-ground.ts';
import { rerouteWaiting, standsStill } from './reroute-purchases.ts';
import { settlePurchases } from './settle-purchases.ts';

/** Buys what is due, so many calls at once as upstreams and this process take. */
export interface PurchaseRunner {
  /** Takes what is due and begins its calls; answers how many attempts it took or moved. */
  runDue(): Promise<number>;
  /** Waits for everything that is under way. */
  settle(): Promise<void>;
}

/** Calls that one process has under way at once. */
const CALLS_AT_ONCE = 96;
/** Attempts that are written down by one transaction, at most. */
const BATCH = 64;
const STANDSTILL_EVERY_MILLISECONDS = 250;
/** Successes are written to an account's health so often. */
const HEALTH_EVERY_MILLISECONDS = 300;
const WRITE_AGAIN_MILLISECONDS = 500;
const UNIQUE_VIOLATION = '23505';

/**
 * Runs purchase attempts (domain §6). A claim is committed before the call and its outcome after it: no transaction waits for the
 * network, and whatever line a process dies at, another one finds the attempt when its lease runs out. Outcomes are written in lists,
 * one list of a network at a time. `onProgress`: there may be more to do now.
 */
export function createPurchaseRunner(ground: PurchaseGround, onProgress: () => void = () => undefined): PurchaseRunner {
  const underWay = new Set<Promise<void>>();
  const accounts = new Map<string, AccountHere>();
  const lane = createSettleLane(ground);

  const begin = (claim: Claim, row: ClaimedAttemptRow): void => {
    const here = hereOf(claim);
    here.callCount += 1;
    const calling = callOne(claim, row)
      // the lease runs out and another worker asks: nothing is lost
      .catch((error: unknown) => ground.log.error({ err: error, attemptId: row.id }, 'a purchase attempt could not be written down'))
      .finally(() => {
        underWay.delete(calling);
        here.callCount -= 1;
        onProgress();
      });
    underWay.add(calling);
  };

  const hereOf = (place: AccountPlace): AccountHere => {
    const known = accounts.get(place.accountId);
    if (known !== undefined) return known;
    const here: AccountHere = { place, tally: NO_CALLS, tallyAt: performance.now(), callCount: 0, callsMax: 1, lookedAt: 0 };
    accounts.set(place.accountId, here);
    return here;
  };

  const callOne = async (claim: Claim, row: ClaimedAttemptRow): Promise<void> => {
    const { called, health } = await callUpstream(ground, claim, row);
    const here = hereOf(claim);
    if (health !== null) here.tally = tallied(here.tally, { ...health, isProbe: claim.isProbe, endedAt: ground.db.clock() });
    await lane.write(claim.networkId, called);
  };

  const runAccount = async (here: AccountHere, isDue: boolean): Promise<number> => {
    const { place } = here;
    const isFull = here.callCount >= here.callsMax || underWay.size >= CALLS_AT_ONCE;
    if (isFull && !isUrgent(here)) return isDue && (await mayStandStill(here)) ? rerouteWaiting(ground, place, 'STANDS_STILL') : 0;
    const tally = isUrgent(here) ? here.tally : NO_CALLS;
    if (tally === here.tally) [here.tally, here.tallyAt] = [NO_CALLS, performance.now()];
    const claim = await claimAttempts(ground, place, { tally, free: CALLS_AT_ONCE - underWay.size });
    if (claim === null) return 0;
    here.callsMax = claim.callsMax;
    for (const row of claim.attempts) begin(claim, row);
    const isStuck = claim.isBroken || (claim.attempts.length === 0 && isDue && (await mayStandStill(here)));
    return claim.attempts.length + (isStuck ? await rerouteWaiting(ground, place, claim.isBroken ? 'BROKEN' : 'STANDS_STILL') : 0);
  };

  const mayStandStill = async (here: AccountHere): Promise<boolean> => {
    const now = performance.now();
    if (now - here.lookedAt < STANDSTILL_EVERY_MILLISECONDS) return false;
    here.lookedAt = now;
    return standsStill(ground, here.place);
  };

  return {
    runDue: async () => {
      const due = await run(ground.db.pool, dueAccounts, [ground.db.clock()]);
      const dueIds = new Set(due.map((row) => row.account_id));
      for (const row of due) hereOf({ networkId: row.network_id, accountId: row.account_id });
      const toRun = [...accounts.values()].filter((here) => dueIds.has(here.place.accountId) || isUrgent(here));
      const counts = await Promise.all(toRun.map((here) => runAccount(here, dueIds.has(here.place.accountId))));
      for (const [id, here] of accounts) if (!dueIds.has(id) && here.callCount === 0 && here.tally.callCount === 0) accounts.delete(id);
      return counts.reduce((sum, count) => sum + count, 0);
    },
    settle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

/** What this process knows of an account that it works for. */
type AccountHere = {
  readonly place: AccountPlace;
  /** Calls that ended here since the account's health was written. */
  tally: CallTally;
  tallyAt: number;
  /** Calls that are under way here. */
  callCount: number;
  callsMax: number;
  lookedAt: number;
};

/** News of an account's health that others wait for: a failure, a probe, or successes of some time. */
function isUrgent({ tally, tallyAt }: AccountHere): boolean {
  if (tally.callCount === 0) return false;
  return tally.failureCount > 0 || tally.probe !== null || performance.now() - tallyAt >= HEALTH_EVERY_MILLISECONDS;
}

type Waiting = { readonly called: CalledAttempt; readonly resolve: () => void; readonly reject: (error: unknown) => void };

/**
 * Writes outcomes down, in lists: what comes while one list of a network is being written is the next one. While the database is away
 * they are kept and written again: goods that came cannot be asked for everywhere a second time.
 */
function createSettleLane(ground: PurchaseGround) {
  const queues = new Map<string, Waiting[]>();

  const drain = async (networkId: string, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const list = queue.splice(0, BATCH);
      const failures = await writeList(
        ground,
        networkId,
        list.map(({ called }) => called),
      );
      for (const { called, resolve, reject } of list) {
        const failure = failures.get(called.row.id);
        if (failure === undefined) resolve();
        else reject(failure);
      }
    }
    queues.delete(networkId);
  };

  return {
    write: (networkId: string, called: CalledAttempt): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const queue = queues.get(networkId);
      if (queue) queue.push({ called, resolve, reject });
      else {
        const begun: Waiting[] = [{ called, resolve, reject }];
        queues.set(networkId, begun);
        void drain(networkId, begun);
      }
      return promise;
    },
  };
}

/** Writes a list; where it cannot be written, each by itself, so that one does not keep the others from it. Answers what failed. */
async function writeList(ground: PurchaseGround, networkId: string, list: readonly CalledAttempt[]): Promise<Map<string, unknown>> {
  try {
    await writeSurely(ground, networkId, list);
    return new Map();
  } catch (error) {
    if (list.length === 1) return new Map(list.map(({ row }) => [row.id, error]));
    const failures = new Map<string, unknown>();
    for (const each of list) for (const [id, failure] of await writeList(ground, networkId, [each])) failures.set(id, failure);
    return failures;
  }
}

/** Goods are worth waiting for; after this the lease is over, and another worker asks for what can be asked for. */
const WRITE_TRIES = 60;

async function writeSurely(ground: PurchaseGround, networkId: string, list: readonly CalledAttempt[]): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await settlePurchases(ground, networkId, list);
    } catch (error) {
      // another transaction brought one of the keys at the same time: the next look sees it
      const isClash = sqlState(error) === UNIQUE_VIOLATION && tries < 3;
      if (!isClash && (!isAway(error) || tries >= WRITE_TRIES)) throw error;
      if (!isClash) await new Promise((resolve) => setTimeout(resolve, WRITE_AGAIN_MILLISECONDS));
    }
  }
}

/** The database cannot be reached, or ended the session; whether a COMMIT took effect is found out by writing again. */
function isAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return /^(08|57P|53)/.test(state);
  return error instanceof CommitUnknown || (error instanceof Error && ('syscall' in error || /connect|terminated/i.test(error.message)));
}
