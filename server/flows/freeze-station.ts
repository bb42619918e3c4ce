import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, type Viewer } from '#server/accounts/rules.ts';
import {
  closeStation as closeRow,
  freezeStation as freezeRow,
  type StaleVersion,
  type StationChange,
  unfreezeStation as unfreezeRow,
} from '#server/network/commands.ts';
import { type SeenStation, seenBy } from '#server/network/reads.ts';
import type { NotAllowed, NotFound } from '#server/network/rules.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';

/** A station and why it is frozen, unfrozen or closed; the reason is kept in the audit log. */
export type FreezeStationInput = StationChange & { readonly reason: string };

type FreezeRefusal = NotFound | NotAllowed | StaleVersion<SeenStation>;
type Changed = { readonly kind: 'CHANGED'; readonly station: SeenStation };

/** What can become of freezing. */
export type FreezeStationOutcome = { readonly kind: 'STATION_FROZE'; readonly station: SeenStation } | FreezeRefusal;
/** What can become of closing. */
export type CloseStationOutcome = { readonly kind: 'STATION_CLOSED'; readonly station: SeenStation } | FreezeRefusal;
/** What can become of unfreezing. */
export type UnfreezeStationOutcome = { readonly kind: 'STATION_UNFROZE'; readonly station: SeenStation } | FreezeRefusal;

/**
 * Freezes a station below the acting one (domain §2): no new order by it, from it or through it, its whole downline included;
 * reading, revealing and settlement go on. Any upline may, HQ is never frozen. The event reaches the streams of the station and
 * of its upline.
 */
export async function freezeStation(db: Database, viewer: Viewer, input: FreezeStationInput): Promise<FreezeStationOutcome> {
  const outcome = await changeStatus(db, viewer, input, { command: freezeRow, topic: 'station.frozen' });
  return outcome.kind === 'CHANGED' ? { kind: 'STATION_FROZE', station: outcome.station } : outcome;
}

/** Lifts a freeze: by the upline that froze, or one above it. Orders are let through again from the next one on. */
export async function unfreezeStation(db: Database, viewer: Viewer, input: FreezeStationInput): Promise<UnfreezeStationOutcome> {
  const outcome = await changeStatus(db, viewer, input, { command: unfreezeRow, topic: 'station.unfrozen' });
  return outcome.kind === 'CHANGED' ? { kind: 'STATION_UNFROZE', station: outcome.station } : outcome;
}

/**
 * Closes a frozen station for ever (domain §2), once nothing of it is open: no station below it, no money, no goods, no purchase under way. Its people
 * and programs are signed out and its streams end within a second; what it did stays readable to its line.
 */
export async function closeStation(db: Database, viewer: Viewer, input: FreezeStationInput): Promise<CloseStationOutcome> {
  const outcome = await changeStatus(db, viewer, input, { command: closeRow, topic: 'station.closed' });
  return outcome.kind === 'CHANGED' ? { kind: 'STATION_CLOSED', station: outcome.station } : outcome;
}

async function changeStatus(
  db: Database,
  viewer: Viewer,
  input: FreezeStationInput,
  { command, topic }: { command: typeof freezeRow; topic: 'station.frozen' | 'station.unfrozen' | 'station.closed' },
): Promise<Changed | FreezeRefusal> {
  const { networkId } = viewer;
  const actingId = actingStationWith(viewer, 'STATIONS_MANAGE');
  return inTransaction(db, async (tx): Promise<Changed | FreezeRefusal> => {
    const outcome = await command(tx, { networkId, stationId: actingId }, input);
    if (outcome.kind === 'STALE_VERSION') return { kind: 'STALE_VERSION', current: seenBy(actingId, outcome.current) };
    if (outcome.kind !== 'CHANGED') return outcome;
    const { station } = outcome;
    await writeAudit(tx, viewer, { action: topic, subjectId: station.id, data: { reason: input.reason } });
    await writeEvents(tx, [{ networkId, topic, subjectId: station.id, audience: station.path }]);
    return { kind: 'CHANGED', station: seenBy(actingId, station) };
  });
}
