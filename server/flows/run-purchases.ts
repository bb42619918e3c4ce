import { run } from '#server/platform/database.ts';
import { type CallTally, NO_CALLS, tallied, talliesTogether } from '#server/purchases/rules.ts';
import { type ClaimedAttemptRow, dueAccounts, insertHealth } from '#server/purchases/sql.ts';
import { callUpstream } from './purchase-calls.ts';
import { type Claim, claimAttempts } from './purchase-claims.ts';
import type { AccountPlace, PurchaseGround } from './purchase-ground.ts';
import { rerouteWaiting, standsStill } from './reroute-purchases.ts';
import { createSettleLane } from './settle-lane.ts';

/** Buys what is due, so many calls at once as upstreams and this process take. */
export interface PurchaseRunner {
  /** Takes what is due and begins its calls; answers how many attempts it took or moved. */
  runDue(): Promise<number>;
  /** Waits for everything that is under way. */
  settle(): Promise<void>;
}

/** Calls that one process has under way at once. */
const CALLS_AT_ONCE = 96;
/** An account that takes nothing is looked at so often. */
const LOOK_AGAIN_MILLISECONDS = 250;
/** A broken one of which nothing could move is left alone for so long; whether a probe of it is due, too, is looked at then. */
const BROKEN_RESTS_MILLISECONDS = 500;
/** Accounts that are taken from by one transaction, at most. */
const ACCOUNTS_AT_ONCE = 64;
/** Successes are written to an account's health so often. */
const HEALTH_EVERY_MILLISECONDS = 300;

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
    const here: AccountHere = {
      place,
      tally: NO_CALLS,
      tallyAt: performance.now(),
      callCount: 0,
      callsMax: 1,
      lookedAt: 0,
      takenAt: 0,
      restsUntil: 0,
    };
    accounts.set(place.accountId, here);
    return here;
  };

  const callOne = async (claim: Claim, row: ClaimedAttemptRow): Promise<void> => {
    const { called, health } = await callUpstream(ground, claim, row);
    const here = hereOf(claim);
    if (health !== null) here.tally = tallied(here.tally, { ...health, isProbe: claim.isProbe, endedAt: ground.db.clock() });
    await lane.write(claim.networkId, called);
  };

  /** Takes what is due at these accounts of a network; answers whose claims were made. */
  const take = async (networkId: string, list: readonly AccountHere[]): Promise<ReadonlyMap<AccountHere, Claim>> => {
    const asked = list.map((here) => ({ here, accountId: here.place.accountId, tally: takeTally(here) }));
    const claims = await claimAttempts(ground, networkId, asked, CALLS_AT_ONCE - underWay.size);
    const claimOf = new Map(claims.map((claim) => [claim.accountId, claim]));
    for (const { here, accountId, tally } of asked) if (!claimOf.has(accountId)) giveTallyBack(here, tally);
    for (const claim of claims) {
      hereOf(claim).callsMax = claim.callsMax;
      for (const row of claim.attempts) begin(claim, row);
    }
    return new Map(asked.flatMap(({ here, accountId }) => (claimOf.has(accountId) ? [[here, claimOf.get(accountId) as Claim]] : [])));
  };

  const runNetwork = async (networkId: string, list: readonly AccountHere[], dueIds: ReadonlySet<string>): Promise<number> => {
    const isFull = (here: AccountHere) => here.callCount >= here.callsMax || underWay.size >= CALLS_AT_ONCE;
    const asking = list.filter((here) => isUrgent(here) || !(isFull(here) || rests(here)));
    const claims = asking.length === 0 ? new Map<AccountHere, Claim>() : await take(networkId, asking.slice(0, ACCOUNTS_AT_ONCE));
    const moved = await Promise.all(list.map((here) => moveOn(here, claims.get(here), dueIds.has(here.place.accountId))));
    const taken = [...claims.values()].map(({ attempts, cappedCount }) => attempts.length + cappedCount);
    return [...taken, ...moved].reduce((sum, count) => sum + count, 0);
  };

  /** What waits at an account that takes nothing goes elsewhere; looked at now and then, and again at once where something moved. */
  const moveOn = async (here: AccountHere, claim: Claim | undefined, isDue: boolean): Promise<number> => {
    if (claim?.isBroken) {
      const count = await rerouteWaiting(ground, here.place, { kind: 'BROKEN' });
      here.restsUntil = count > 0 ? 0 : ground.db.clock().getTime() + BROKEN_RESTS_MILLISECONDS;
      return count;
    }
    const isIdle = claim === undefined ? here.callCount > 0 : claim.attempts.length === 0;
    if (!isDue || !isIdle || !mayLook(here)) return 0;
    const room = await standsStill(ground, here.place);
    return room === null ? 0 : rerouteWaiting(ground, here.place, { kind: 'STANDS_STILL', room });
  };

  const rests = (here: AccountHere) => here.restsUntil > ground.db.clock().getTime();

  return {
    runDue: async () => {
      const due = await run(ground.db.pool, dueAccounts, [ground.db.clock()]);
      const dueIds = new Set(due.map((row) => row.account_id));
      for (const row of due) hereOf({ networkId: row.network_id, accountId: row.account_id });
      const toRun = [...accounts.values()].filter((here) => dueIds.has(here.place.accountId) || isUrgent(here));
      const isNew = Map.groupBy(
        due.filter((row) => row.is_new),
        (row) => row.network_id,
      );
      for (const [networkId, rows] of isNew)
        await run(ground.db.pool, insertHealth, [networkId, rows.map((row) => row.account_id), ground.db.clock()]);
      const ofNetworks = Map.groupBy(toRun, ({ place }) => place.networkId);
      const counts = await Promise.all([...ofNetworks].map(([networkId, list]) => runNetwork(networkId, fairly(list), dueIds)));
      for (const [id, here] of accounts) if (!dueIds.has(id) && here.callCount === 0 && here.tally.callCount === 0) accounts.delete(id);
      return counts.reduce((sum, count) => sum + count, 0);
    },
    settle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

/** Another account first each time: what this process has room for goes to the first. */
function fairly(list: readonly AccountHere[]): AccountHere[] {
  return list.toSorted((a, b) => a.takenAt - b.takenAt);
}

function takeTally(here: AccountHere): CallTally {
  here.takenAt = performance.now();
  const tally = isUrgent(here) ? here.tally : NO_CALLS;
  if (tally === here.tally) [here.tally, here.tallyAt] = [NO_CALLS, performance.now()];
  return tally;
}

/** Another process had the account: what was not written is written next time. */
function giveTallyBack(here: AccountHere, tally: CallTally): void {
  here.tally = talliesTogether(tally, here.tally);
}

function mayLook(here: AccountHere): boolean {
  const now = performance.now();
  if (now - here.lookedAt < LOOK_AGAIN_MILLISECONDS) return false;
  here.lookedAt = now;
  return true;
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
  /** When its standstill was looked at last, and when its attempts were taken last (performance.now). */
  lookedAt: number;
  takenAt: number;
  /** It is broken, and nothing of it could move: until this instant of the clock it is left alone, in milliseconds. */
  restsUntil: number;
};

/** News of an account's health that others wait for: a failure, a probe, or successes of some time. */
function isUrgent({ tally, tallyAt }: AccountHere): boolean {
  if (tally.callCount === 0) return false;
  return tally.failureCount > 0 || tally.probe !== null || performance.now() - tallyAt >= HEALTH_EVERY_MILLISECONDS;
}
