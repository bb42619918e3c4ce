import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { stockThresholdProblem, walletThresholdProblem } from '#server/alerts/rules.ts';
import {
  type AlertRow,
  resolveAlertOf,
  selectThresholds,
  type ThresholdChange,
  type ThresholdRow,
  writeThreshold,
} from '#server/alerts/sql.ts';
import { skusByIds } from '#server/catalog/reads.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';

/** What can become of resolving an alert: it is off the list, and comes back only when its cause has ended and begun anew. */
export type ResolveAlertOutcome = { readonly kind: 'ALERT_RESOLVED'; readonly alert: AlertRow } | NotFound;

/** A person has decided an alert of the acting station. Deciding twice is no error. */
export async function resolveAlert(db: Database, viewer: Viewer, alertId: string): Promise<ResolveAlertOutcome> {
  const stationId = actingStationWith(viewer, 'ALERTS_MANAGE');
  const { networkId } = viewer;
  return inTransaction(db, async (tx): Promise<ResolveAlertOutcome> => {
    const alert = await resolveAlertOf(tx, { networkId, stationId }, { id: alertId, resolvedBy: actorId(viewer) });
    if (alert === null) return { kind: 'NOT_FOUND' };
    if (alert.newly) {
      await writeAudit(tx, viewer, { action: 'alert.resolved', subjectId: alert.id, data: { kind: alert.kind } });
      const event = { networkId, topic: 'alert.resolved', subjectId: alert.id, audience: [stationId] } as const;
      await writeEvents(tx, [{ ...event, data: { kind: alert.kind, aboutId: alert.subject_id } }]);
    }
    return { kind: 'ALERT_RESOLVED', alert };
  });
}

/** What can become of setting a threshold. */
export type ThresholdOutcome =
  | { readonly kind: 'THRESHOLD_SET'; readonly threshold: ThresholdRow }
  | NotFound
  | NotAllowed
  | InvalidInput
  | { readonly kind: 'STALE_VERSION'; readonly current: ThresholdRow };

/** Below what the acting station wants to be told of its wallet; `amount` null takes the threshold away. `expectedVersion` null: there is none yet. */
export async function setWalletThreshold(
  db: Database,
  viewer: Viewer,
  input: { readonly amount: string | null; readonly expectedVersion: number | null },
): Promise<ThresholdOutcome> {
  const stationId = actingStationWith(viewer, 'ALERTS_MANAGE');
  return inTransaction(db, async (tx): Promise<ThresholdOutcome> => {
    const { currency } = await selectNetwork(tx, viewer.networkId);
    const problem = walletThresholdProblem(input.amount, currency);
    if (problem !== null) return { kind: 'INVALID_INPUT', field: 'amount', message: problem };
    return write(tx, viewer, stationId, { ...input, skuId: null, count: null });
  });
}

/** Below how many keys the owner of a SKU wants to be told; `count` null takes the threshold away. */
export async function setStockThreshold(
  db: Database,
  viewer: Viewer,
  input: { readonly skuId: string; readonly count: number | null; readonly expectedVersion: number | null },
): Promise<ThresholdOutcome> {
  const stationId = actingStationWith(viewer, 'ALERTS_MANAGE');
  const problem = stockThresholdProblem(input.count);
  if (problem !== null) return { kind: 'INVALID_INPUT', field: 'count', message: problem };
  return inTransaction(db, async (tx): Promise<ThresholdOutcome> => {
    const sku = (await skusByIds(tx, viewer, [input.skuId])).get(input.skuId);
    if (!sku) return { kind: 'NOT_FOUND' };
    if (sku.ownerId !== stationId) return { kind: 'NOT_ALLOWED', message: 'The owner of the goods watches their stock.' };
    return write(tx, viewer, stationId, { ...input, amount: null });
  });
}

async function write(tx: Transaction, viewer: Viewer, stationId: string, change: ThresholdChange): Promise<ThresholdOutcome> {
  const { networkId } = viewer;
  const station = { networkId, stationId };
  const threshold = await writeThreshold(tx, station, change);
  if (threshold === null) {
    const asked = { wallet: change.skuId === null, skuIds: change.skuId === null ? [] : [change.skuId] };
    const [current] = await selectThresholds(tx, station, asked);
    return current ? { kind: 'STALE_VERSION', current } : { kind: 'NOT_FOUND' };
  }
  const { skuId, amount, count } = change;
  await writeAudit(tx, viewer, { action: 'alert_threshold.set', subjectId: threshold.id, data: { skuId, amount, count } });
  // the alerts look at it as at any other change: raised at once when it is crossed already, ended when it no longer is
  const event: NewEvent = { networkId, topic: 'alert-threshold.changed', subjectId: threshold.id, audience: [stationId], data: { skuId } };
  await writeEvents(tx, [event]);
  return { kind: 'THRESHOLD_SET', threshold };
}
