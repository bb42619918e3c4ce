import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, isEmail, type Viewer } from '#server/accounts/rules.ts';
import { type OpeningInput, openStation as openStationRow } from '#server/network/commands.ts';
import { type SeenStation, stationsByIds } from '#server/network/reads.ts';
import type { InvalidInput, MoveRefused, NotAllowed, NotFound, StationFrozen } from '#server/network/rules.ts';
import type { Database, Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { hashInput, isRequestKey, onceForKey } from '#server/platform/request-keys.ts';
import { addFirstMember, type FirstMember, prepareFirstMember } from './first-member.ts';

/** A station to be opened, with its first member (its OWNER) when an e-mail is named. */
export type OpenStationInput = OpeningInput & {
  readonly requestKey: string;
  readonly ownerEmail: string | null;
  readonly ownerName: string | null;
};

/** `temporaryPassword` is shown this once, to whoever opened the station, when its first member is new to Fenzhan; a replay has none. */
export type StationOpened = {
  readonly kind: 'STATION_OPENED';
  readonly station: SeenStation;
  readonly replayed: boolean;
  readonly temporaryPassword: string | null;
};

/** What can become of opening a station. */
export type OpenStationOutcome =
  | StationOpened
  | { kind: 'REQUEST_KEY_REUSED' }
  | NotFound
  | NotAllowed
  | MoveRefused
  | StationFrozen
  | InvalidInput;

/**
 * Opens a station under the acting one (headquarters: anywhere), once for a request key, with its first member. Its accounts are
 * opened when money first reaches them. Refusals: see `openStation` of network/commands.ts.
 */
export async function openStation(db: Database, viewer: Viewer, input: OpenStationInput): Promise<OpenStationOutcome> {
  const stationId = actingStationWith(viewer, 'STATIONS_MANAGE');
  const problem = inputProblem(input);
  if (problem) return problem;
  const firstMember = input.ownerEmail === null ? null : await prepareFirstMember(input.ownerEmail, input.ownerName?.trim() || input.name);
  const outcome = await onceForKey(
    db,
    { networkId: viewer.networkId, stationId, effect: 'openStation', requestKey: input.requestKey, inputHash: hashOf(input) },
    (newId) => ({ stationId: newId() }),
    (tx, ids) => open(tx, viewer, { acting: stationId, opened: ids.stationId }, input, firstMember),
  );
  if (outcome.kind !== 'DONE') return outcome;
  const station = (await stationsByIds(db.pool, viewer, [outcome.ids.stationId])).get(outcome.ids.stationId);
  // a station that was opened by a request key and moved out of the viewer's sight since
  if (!station) return { kind: 'NOT_FOUND' };
  const shown = firstMember?.isNew && !outcome.replayed;
  return { kind: 'STATION_OPENED', station, replayed: outcome.replayed, temporaryPassword: shown ? firstMember.password : null };
}

type OpenRefusal = Exclude<OpenStationOutcome, StationOpened | { kind: 'REQUEST_KEY_REUSED' }>;

async function open(
  tx: Transaction,
  viewer: Viewer,
  ids: { acting: string; opened: string },
  input: OpenStationInput,
  firstMember: FirstMember | null,
): Promise<OpenRefusal | null> {
  const { networkId } = viewer;
  const opening = await openStationRow(tx, { networkId, stationId: ids.acting }, ids.opened, input);
  if (opening.kind !== 'OPENED') return opening;
  if (firstMember) await addFirstMember(tx, networkId, { kind: 'STATION', stationId: ids.opened }, firstMember);
  const { parentId, kind, code } = opening.station;
  await writeAudit(tx, viewer, { action: 'station.opened', subjectId: ids.opened, data: { parentId, kind, code } });
  await writeEvents(tx, [
    { networkId, topic: 'station.opened', subjectId: ids.opened, audience: opening.station.path, data: { parentId } },
  ]);
  return null;
}

function inputProblem(input: OpenStationInput): InvalidInput | null {
  if (!isRequestKey(input.requestKey))
    return { kind: 'INVALID_INPUT', field: 'requestKey', message: 'A request key has 1 to 255 characters.' };
  if (input.ownerEmail !== null && !isEmail(input.ownerEmail)) {
    return { kind: 'INVALID_INPUT', field: 'ownerEmail', message: 'This is not an e-mail address.' };
  }
  return null;
}

function hashOf({ parentId, kind, name, code, levelId, ownerEmail, ownerName }: OpenStationInput): Buffer {
  return hashInput([parentId, kind, name, code, levelId, ownerEmail, ownerName]);
}
