import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { moveStation as moveStationRow, type StaleVersion, type StationChange } from '#server/network/commands.ts';
import { type SeenStation, seenBy } from '#server/network/reads.ts';
import type { MoveRefused, NotAllowed, NotFound } from '#server/network/rules.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { endChildRules } from '#server/pricing/sql.ts';

/** A station and where it shall go. */
export type MoveStationInput = StationChange & { readonly newParentId: string };

/** What can become of a move. */
export type MoveStationOutcome =
  | { readonly kind: 'STATION_MOVED'; readonly station: SeenStation }
  | NotFound
  | NotAllowed
  | StaleVersion<SeenStation>
  | MoveRefused;

/**
 * Moves a station with its subtree under another parent of the acting station's subtree (domain §2): the old parent's level and
 * rules for it end, orders keep their chain, prices follow the new line at once. Refusals: see `moveStation` of
 * network/commands.ts.
 */
export async function moveStation(db: Database, viewer: Viewer, input: MoveStationInput): Promise<MoveStationOutcome> {
  const actingId = actingStationWith(viewer, 'STATIONS_MANAGE');
  return inTransaction(db, (tx) => move(tx, viewer, actingId, input));
}

async function move(tx: Transaction, viewer: Viewer, actingId: string, input: MoveStationInput): Promise<MoveStationOutcome> {
  const { networkId } = viewer;
  const moved = await moveStationRow(tx, { networkId, stationId: actingId }, input);
  if (moved.kind === 'STALE_VERSION') return { kind: 'STALE_VERSION', current: seenBy(actingId, moved.current) };
  if (moved.kind !== 'MOVED') return moved;
  const { station, oldParentId, movedCount } = moved;
  const endedRuleIds = await endChildRules(tx, { networkId, sellerId: oldParentId, childId: station.id, endedBy: actorId(viewer) });
  const data = { oldParentId, newParentId: input.newParentId, movedCount, endedRuleIds };
  await writeAudit(tx, viewer, { action: 'station.moved', subjectId: station.id, data });
  const audience = [station.id, oldParentId, input.newParentId];
  await writeEvents(tx, [
    { networkId, topic: 'station.moved', subjectId: station.id, audience, data: { oldParentId, newParentId: input.newParentId } },
  ]);
  return { kind: 'STATION_MOVED', station: seenBy(actingId, station) };
}
