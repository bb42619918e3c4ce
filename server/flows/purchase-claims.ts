import type { Connector, UpstreamAccount } from '#server/connectors/connector.ts';
import { inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { type CallTally, NO_CALLS } from '#server/purchases/rules.ts';
import { type AccountRow, type ClaimedAttemptRow, claimDue, claimProbe, lockAccounts } from '#server/purchases/sql.ts';
import { putBackCapped, rerouteCapped } from './purchase-caps.ts';
import { type AccountPlace, openedAccount, type PurchaseGround } from './purchase-ground.ts';
import { type Standing, standingOf, writeHealth } from './purchase-health.ts';
import { beginSourcing } from './settle-lines.ts';

/** Attempts of one account that this worker has taken, with what calls them. */
export interface Claim extends AccountPlace {
  readonly workerId: string;
  readonly connector: Connector;
  /** null: its secrets could not be opened, and nobody can be called. */
  readonly account: UpstreamAccount | null;
  readonly attempts: readonly ClaimedAttemptRow[];
  /** Whether it is the one probe of an open breaker. */
  readonly isProbe: boolean;
  /** So many calls of all processes together does the account take at once. */
  readonly callsMax: number;
  /** Attempts beside these by which an offer would have passed its daily cap: they have gone elsewhere. */
  readonly cappedCount: number;
  /** Nothing is bought there now: it is switched off, or its breaker is open. What waits goes elsewhere. */
  readonly isBroken: boolean;
}

const CALL_MILLISECONDS = 15_000;
const LEASE_MORE_MILLISECONDS = 5_000;
/** A probe waits for no call that hangs. */
const CALLS_UNBOUNDED = 1_000_000;

/** An account of which something may be due, with the calls that ended here since its health was written. */
export type AskedAccount = { readonly accountId: string; readonly tally: CallTally };

/**
 * Takes what is due of accounts of one network, `free` attempts at most: in one commit, before anything is sent (domain §6). Their health
 * is brought up to date with the calls that ended here; their rows are the locks under which all processes count what is under way, so
 * no more is sent at once than an upstream takes. An account that another process is taking from is passed over: it is not among the
 * claims, and its tally stays with the caller. A process that dies after this commit leaves attempts whose lease runs out: the next one
 * finds them UNKNOWN and asks. What would pass an offer's daily cap goes elsewhere. Five statements, whatever the number of accounts, where no breaker moves.
 */
export async function claimAttempts(
  ground: PurchaseGround,
  networkId: string,
  asked: readonly AskedAccount[],
  free: number,
): Promise<readonly Claim[]> {
  const workerId = ground.db.newId();
  const cappedIds = new Set<string>();
  const tallyOf = new Map(asked.map(({ accountId, tally }) => [accountId, tally]));
  const taken = await inTransaction(
    ground.db,
    async (tx) => {
      const rows = await run(tx, lockAccounts, [networkId, [...tallyOf.keys()]]);
      const standings = rows.map((row) => standingOf(ground, row, tallyOf.get(row.id) ?? NO_CALLS, tx.now));
      const lease = new Date(tx.now.getTime() + leaseMilliseconds(ground));
      // run again after a deadlock, it begins anew
      cappedIds.clear();
      const due = await takeDue(tx, { networkId, standings, workerId, lease, free });
      const capped = await putBackCapped(tx, networkId, [...due.values()].flat());
      for (const id of capped) cappedIds.add(id);
      const attempts = capped.size === 0 ? due : without(due, capped);
      await writeTaken(tx, { networkId, standings, attempts, lease });
      return standings.map((standing) => {
        const mine = attempts.get(standing.row.id) ?? [];
        return { ...standing, attempts: mine, cappedCount: (due.get(standing.row.id)?.length ?? 0) - mine.length };
      });
    },
    { settledPlans: true },
  );
  await rerouteCapped(ground, networkId, [...cappedIds]);
  return taken.map(({ row, connector, breaker, callsMax, attempts, cappedCount }): Claim => {
    const place = { networkId, accountId: row.id };
    return {
      ...place,
      workerId,
      connector,
      attempts,
      cappedCount,
      isProbe: breaker === 'PROBE',
      callsMax,
      isBroken: breaker !== 'CLOSED' || !row.is_enabled,
      account: attempts.length === 0 ? null : opened(ground, place, row),
    };
  });
}

type Taking = {
  readonly networkId: string;
  readonly standings: readonly Standing[];
  readonly workerId: string;
  readonly lease: Date;
  readonly free: number;
};

/** By account. What an open breaker lets through is one attempt. */
async function takeDue(
  tx: Transaction,
  { networkId, standings, workerId, lease, free }: Taking,
): Promise<ReadonlyMap<string, readonly ClaimedAttemptRow[]>> {
  const take = async (query: typeof claimDue, from: readonly Standing[], callsMax: (standing: Standing) => number, most: number) => {
    if (from.length === 0 || most === 0) return [];
    const ids = from.map(({ row }) => row.id);
    const buys = from.map(({ row }) => String(row.is_enabled));
    return run(tx, query, [networkId, ids, tx.now, workerId, lease, from.map(callsMax), buys, most]);
  };
  const closed = standings.filter(({ breaker }) => breaker === 'CLOSED');
  const probed = standings.filter(({ breaker }) => breaker === 'PROBE');
  const rows = await Promise.all([
    take(claimDue, closed, ({ callsMax }) => callsMax, free),
    ...probed.map((standing) => take(claimProbe, [standing], () => CALLS_UNBOUNDED, Math.min(1, free))),
  ]);
  return Map.groupBy(rows.flat(), (row) => row.account_id);
}

function without(due: ReadonlyMap<string, readonly ClaimedAttemptRow[]>, ids: ReadonlySet<string>): typeof due {
  return Map.groupBy(
    [...due.values()].flat().filter(({ id }) => !ids.has(id)),
    (row) => row.account_id,
  );
}

type Taken = Pick<Taking, 'networkId' | 'standings' | 'lease'> & { readonly attempts: ReadonlyMap<string, readonly ClaimedAttemptRow[]> };

async function writeTaken(tx: Transaction, { networkId, standings, attempts, lease }: Taken): Promise<void> {
  const after = standings.map((standing) => {
    const isProbing = standing.breaker === 'PROBE' && attempts.has(standing.row.id);
    return isProbing ? { ...standing, health: { ...standing.health, breaker: 'HALF_OPEN' as const, probeUntil: lease } } : standing;
  });
  await Promise.all([writeHealth(tx, networkId, after), beginSourcing(tx, networkId, [...attempts.values()].flatMap(ordersBegun))]);
}

/** A lease outlasts the calls of one attempt (a purchase and a question, or two): it is over only after a crash or a standstill. */
function leaseMilliseconds({ callMilliseconds = CALL_MILLISECONDS }: PurchaseGround): number {
  return 3 * callMilliseconds + LEASE_MORE_MILLISECONDS;
}

/** Orders whose goods are asked for from now on. */
function ordersBegun(attempts: readonly ClaimedAttemptRow[]): string[] {
  return attempts.flatMap(({ was, order_id }) => (was === 'PLANNED' && order_id !== null ? [order_id] : []));
}

function opened(ground: PurchaseGround, place: AccountPlace, account: AccountRow): UpstreamAccount | null {
  try {
    return openedAccount(ground, place, account);
  } catch (error) {
    ground.log.error({ err: error, accountId: place.accountId }, 'the secrets of an upstream account cannot be opened');
    return null;
  }
}
