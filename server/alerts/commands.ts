import type { Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { type Condition, type Crossings, crossings } from './rules.ts';
import { endAlerts, insertAlerts, selectLiveAlerts, updateAlerts } from './sql.ts';

/**
 * Brings the alerts of these causes up to date, and tells of what begins and ends, all in the caller's transaction. Conditions of
 * one cause are given once. Five statements at most, whatever their number.
 */
export async function applyConditions(tx: Transaction, networkId: string, conditions: readonly Condition[]): Promise<Crossings> {
  if (conditions.length === 0) return { begun: [], ended: [], moved: [] };
  const found = crossings(await selectLiveAlerts(tx, networkId, conditions), conditions);
  const [raised] = await Promise.all([
    insertAlerts(tx, networkId, found.begun),
    endAlerts(
      tx,
      networkId,
      found.ended.map(({ id }) => id),
    ),
    updateAlerts(tx, networkId, found.moved),
  ]);
  const told = (
    topic: 'alert.raised' | 'alert.resolved',
    alert: { id: string; stationId: string; kind: string; subjectId: string },
  ): NewEvent => ({
    networkId,
    topic,
    subjectId: alert.id,
    audience: [alert.stationId],
    data: { kind: alert.kind, aboutId: alert.subjectId },
  });
  await writeEvents(tx, [
    ...raised.map((row) => told('alert.raised', { id: row.id, stationId: row.station_id, kind: row.kind, subjectId: row.subject_id })),
    ...found.ended.map((alert) => told('alert.resolved', alert)),
  ]);
  return found;
}
