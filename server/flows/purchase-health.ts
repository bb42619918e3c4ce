import { applyConditions } from '#server/alerts/commands.ts';
import type { Connector } from '#server/connectors/connector.ts';
import { run, type Transaction } from '#server/platform/database.ts';
import { type AccountHealth, breakerAt, type CallTally, healthAfter } from '#server/purchases/rules.ts';
import { type AccountRow, hastenUnknown, updateHealth } from '#server/purchases/sql.ts';
import { downConditions } from './purchase-causes.ts';
import type { PurchaseGround } from './purchase-ground.ts';

/** A locked account, its health after the calls that ended, and what may be taken of it. */
export type Standing = {
  readonly row: AccountRow;
  readonly tally: CallTally;
  readonly connector: Connector;
  readonly health: AccountHealth;
  readonly breaker: ReturnType<typeof breakerAt>;
  readonly callsMax: number;
};

/** How a locked account stands at an instant, with calls that ended since. */
export function standingOf(ground: PurchaseGround, row: AccountRow, tally: CallTally, now: Date): Standing {
  const connector = ground.upstreams.connectorOf(row.kind);
  const health = healthAfter(healthOf(row), tally, now);
  const callsMax = Math.min(row.calls_at_once, connector.abilities.callsAtOnceMax);
  return { row, tally, connector, health, breaker: breakerAt(health, now), callsMax };
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

/** Writes how accounts fare, and tells of those whose breaker moved. Their rows are locked. */
export async function writeHealth(tx: Transaction, networkId: string, standings: readonly Standing[]): Promise<void> {
  const news = standings.filter(
    ({ row, health, tally }) => tally.callCount > 0 || health.breaker !== row.breaker || health.probeUntil !== row.probe_until,
  );
  if (news.length === 0) return;
  const moved = news.filter(({ row, health }) => row.breaker !== health.breaker);
  const instants = (read: (standing: Standing) => Date | null) => news.map((standing) => read(standing)?.toISOString() ?? null);
  await Promise.all([
    run(tx, updateHealth, [
      networkId,
      tx.now,
      news.map(({ row }) => row.id),
      news.map(({ health }) => health.breaker),
      instants(({ health }) => health.windowStart),
      news.map(({ health }) => health.callCount),
      news.map(({ health }) => health.failureCount),
      news.map(({ health }) => health.slowCount),
      news.map(({ health }) => health.openedCount),
      instants(({ health }) => health.openUntil),
      instants(({ health }) => health.probeUntil),
      instants(({ tally }) => tally.lastSuccessAt),
      news.map(({ tally }) => tally.lastFailure),
    ]),
    // it answers again: whoever waits for news of a purchase need not wait for the end of a long pause
    ...moved.filter(({ health }) => health.breaker === 'CLOSED').map(({ row }) => run(tx, hastenUnknown, [networkId, row.id, tx.now])),
    applyConditions(
      tx,
      networkId,
      moved.flatMap(({ row, health }) => downConditions(row.id, row, health)),
    ),
  ]);
}
