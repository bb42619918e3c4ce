import { applyConditions } from '#server/alerts/commands.ts';
import type { Connector, UpstreamAccount } from '#server/connectors/connector.ts';
import { inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { type AccountHealth, breakerAt, type CallTally, healthAfter } from '#server/purchases/rules.ts';
import {
  type AccountRow,
  type ClaimedAttemptRow,
  claimDue,
  claimProbe,
  hastenUnknown,
  insertHealth,
  lockAccount,
  updateHealth,
} from '#server/purchases/sql.ts';
import { downConditions } from './purchase-causes.ts';
import { type AccountPlace, openedAccount, type PurchaseGround } from './purchase-ground.ts';
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
  /** Nothing is bought there now: it is switched off, or its breaker is open. What waits goes elsewhere. */
  readonly isBroken: boolean;
}

const CALL_MILLISECONDS = 15_000;
const LEASE_MORE_MILLISECONDS = 5_000;
/** A probe waits for no call that hangs. */
const CALLS_UNBOUNDED = 1_000_000;

/**
 * Takes what is due of an account: in one commit, before anything is sent (domain §6). Its health is brought up to date with the calls
 * that ended here, its row is the lock under which all processes count what is under way, so no more is sent at once than the upstream
 * takes. A process that dies after this commit leaves attempts whose lease runs out: the next one finds them UNKNOWN and asks.
 */
export async function claimAttempts(
  ground: PurchaseGround,
  place: AccountPlace,
  { tally, free }: { readonly tally: CallTally; readonly free: number },
): Promise<Claim | null> {
  const { db } = ground;
  const workerId = db.newId();
  const taken = await inTransaction(db, async (tx) => {
    const account = await lockedAccount(tx, place);
    if (!account) return null;
    const connector = ground.upstreams.connectorOf(account.kind);
    const health = healthAfter(healthOf(account), tally, tx.now);
    const breaker = breakerAt(health, tx.now);
    const isProbe = breaker === 'PROBE';
    const callsMax = Math.min(account.calls_at_once, connector.abilities.callsAtOnceMax);
    const bounds = isProbe ? [CALLS_UNBOUNDED, account.is_enabled, 1] : [callsMax, account.is_enabled, free];
    const lease = new Date(tx.now.getTime() + leaseMilliseconds(ground));
    const values = [place.networkId, place.accountId, tx.now, workerId, lease, ...bounds];
    const attempts = breaker === 'OPEN' || free === 0 ? [] : await run(tx, isProbe ? claimProbe : claimDue, values);
    const probing: AccountHealth = isProbe && attempts.length > 0 ? { ...health, breaker: 'HALF_OPEN', probeUntil: lease } : health;
    await writeHealth(tx, place, { account, health: probing, tally });
    await beginSourcing(tx, place.networkId, ordersBegun(attempts));
    return { account, connector, attempts, isProbe, callsMax, isBroken: breaker !== 'CLOSED' || !account.is_enabled };
  });
  if (taken === null) return null;
  const { account, ...rest } = taken;
  return { ...place, ...rest, workerId, account: rest.attempts.length === 0 ? null : opened(ground, place, account) };
}

async function lockedAccount(tx: Transaction, { networkId, accountId }: AccountPlace): Promise<AccountRow | undefined> {
  const [account] = await run(tx, lockAccount, [networkId, accountId]);
  if (account) return account;
  // the very first time
  await run(tx, insertHealth, [networkId, accountId, tx.now]);
  return (await run(tx, lockAccount, [networkId, accountId]))[0];
}

/** A lease outlasts the calls of one attempt (a purchase and a question, or two): it is over only after a crash or a standstill. */
function leaseMilliseconds({ callMilliseconds = CALL_MILLISECONDS }: PurchaseGround): number {
  return 3 * callMilliseconds + LEASE_MORE_MILLISECONDS;
}

function healthOf(row: AccountRow): AccountHealth {
  return {
    breaker: row.breaker,
    windowStart: row.window_start,
    callCount: row.call_count,
    failureCount: row.failure_count,
    slowCount: row.slow_count,
    openedCount: row.opened_count,
    openUntil: row.open_until,
    probeUntil: row.probe_until,
  };
}

async function writeHealth(
  tx: Transaction,
  { networkId, accountId }: AccountPlace,
  { account, health, tally }: { readonly account: AccountRow; readonly health: AccountHealth; readonly tally: CallTally },
): Promise<void> {
  if (tally.callCount === 0 && health.breaker === account.breaker && health.probeUntil === account.probe_until) return;
  await run(tx, updateHealth, [
    networkId,
    accountId,
    health.breaker,
    health.windowStart,
    health.callCount,
    health.failureCount,
    health.slowCount,
    health.openedCount,
    health.openUntil,
    health.probeUntil,
    tally.lastSuccessAt,
    tally.lastFailure,
    tx.now,
  ]);
  // it answers again: whoever waits for news of a purchase need not wait for the end of a long pause
  if (account.breaker !== 'CLOSED' && health.breaker === 'CLOSED') await run(tx, hastenUnknown, [networkId, accountId, tx.now]);
  if (account.breaker !== health.breaker) await applyConditions(tx, networkId, downConditions(accountId, account, health));
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
