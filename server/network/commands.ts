import type { Transaction } from '#server/platform/database.ts';
import { currencyCode, currencyCodes } from '#server/platform/money.ts';
import {
  closeRefusal,
  freezeRefusal,
  type InvalidInput,
  isDownlineOf,
  type MoveRefused,
  moveRefusal,
  type NotAllowed,
  type NotFound,
  nameProblem,
  openingRefusal,
  type PlacedStation,
  type StationFrozen,
  type StationKind,
  stationNameProblem,
  unfreezeRefusal,
} from './rules.ts';
import {
  insertLevel,
  insertNetwork,
  insertStation,
  isTimeZone,
  loadLines,
  lockOverdrawnStations,
  lockStations,
  lockTies,
  lockTree,
  moveSubtree,
  type PriceLevelRecord,
  type StationRecord,
  selectDeepest,
  selectLevels,
  selectStations,
  setClosed,
  setFrozen,
  setLevel,
} from './sql.ts';

/** The station that does something, in its network. */
export type ActingStation = { readonly networkId: string; readonly stationId: string };

/** Someone changed it first; `current` is what it is now. */
export type StaleVersion<Current> = { readonly kind: 'STALE_VERSION'; readonly current: Current };

/** A station to be opened. `parentId` null is the acting station itself; `levelId` is a level that the parent gives. */
export type OpeningInput = {
  readonly parentId: string | null;
  readonly kind: StationKind;
  readonly name: string;
  readonly code: string;
  readonly levelId: string | null;
};

/**
 * Opens a station under the acting one, or (headquarters) under any. The tree's lock is shared, so no parent's path changes
 * meanwhile. Refuses: NOT_FOUND (parent not below the acting station, level not the parent's), NOT_ALLOWED, MOVE_REFUSED (the
 * parent is a leaf, or deeper than 12), STATION_FROZEN, INVALID_INPUT (name, or a code that is taken).
 */
export async function openStation(
  tx: Transaction,
  acting: ActingStation,
  stationId: string,
  input: OpeningInput,
): Promise<{ kind: 'OPENED'; station: StationRecord } | NotFound | NotAllowed | MoveRefused | StationFrozen | InvalidInput> {
  const problem = stationNameProblem(input);
  if (problem) return problem;
  await lockTree(tx, acting.networkId, 'SHARED');
  const parentId = input.parentId ?? acting.stationId;
  const stations = await selectStations(tx, acting.networkId, [acting.stationId, parentId]);
  const viewer = stations.get(acting.stationId);
  const parent = stations.get(parentId);
  if (!viewer || !parent?.path.includes(viewer.id)) return { kind: 'NOT_FOUND' };
  const line = (await loadLines(tx, acting.networkId, [parentId])).get(parentId) ?? [];
  const lineIsActive = line.every(({ status }) => status === 'ACTIVE');
  const refusal = openingRefusal({ viewer, parent, kind: input.kind, lineIsActive });
  if (refusal) return refusal;
  if (input.levelId !== null && !(await givesLevel(tx, acting.networkId, parentId, input.levelId))) return { kind: 'NOT_FOUND' };
  const { kind, name, code, levelId } = input;
  const station = await insertStation(tx, { networkId: acting.networkId, id: stationId, parent, kind, name, code, levelId });
  return station
    ? { kind: 'OPENED', station }
    : { kind: 'INVALID_INPUT', field: 'code', message: 'Another station of the network has this code.' };
}

/** A network to be: `currency` and `timeZone` are for good once it has an order; `code` is its headquarters' code. */
export type NetworkInput = { readonly name: string; readonly code: string; readonly currency: string; readonly timeZone: string };

/**
 * Opens a network with its headquarters, the root of its tree, which has the network's name (domain §2). Refuses INVALID_INPUT: a
 * name or code that is none, a name that a network has, a currency or time zone that is not known.
 */
export async function openNetwork(
  tx: Transaction,
  ids: { readonly networkId: string; readonly headquartersId: string },
  input: NetworkInput,
): Promise<{ kind: 'OPENED'; headquarters: StationRecord } | InvalidInput> {
  const problem = stationNameProblem(input);
  if (problem) return problem;
  if (!currencyCodes.some((code) => code === input.currency))
    return { kind: 'INVALID_INPUT', field: 'currency', message: `A network's currency is one of ${currencyCodes.join(', ')}.` };
  if (!(await isTimeZone(tx, input.timeZone)))
    return { kind: 'INVALID_INPUT', field: 'timeZone', message: 'A time zone has an IANA name such as Asia/Shanghai.' };
  const { name, code, timeZone } = input;
  const isNew = await insertNetwork(tx, { id: ids.networkId, name, currency: currencyCode(input.currency), timeZone });
  if (!isNew) return { kind: 'INVALID_INPUT', field: 'name', message: 'There is a network of this name.' };
  const root = { networkId: ids.networkId, id: ids.headquartersId, parent: null, levelId: null };
  const headquarters = await insertStation(tx, { ...root, kind: 'HEADQUARTERS', name, code });
  if (!headquarters) throw new Error('a new network had a station');
  return { kind: 'OPENED', headquarters };
}

/** A change of one station's place, status or level, agreed on at a version. */
export type StationChange = { readonly stationId: string; readonly expectedVersion: number };

/** A station with its subtree has a new parent. `oldParentId`'s level for it has ended here; its rules end in the flow. */
export type Moved = { readonly kind: 'MOVED'; readonly station: StationRecord; readonly oldParentId: string; readonly movedCount: number };

/**
 * Moves a station with its subtree to a new parent; both must be below the acting station, or the new parent itself. One move
 * at a time in a network, so two moves cannot make a circle together. Refuses: NOT_FOUND, NOT_ALLOWED (itself, or a closed
 * one), STALE_VERSION, MOVE_REFUSED (SAME_PARENT, CIRCLE, NOT_A_PARENT, TOO_DEEP; OPEN_CREDIT: a station of the subtree has
 * credit in use, for which the old line answers).
 */
export async function moveStation(
  tx: Transaction,
  acting: ActingStation,
  change: StationChange & { readonly newParentId: string },
): Promise<Moved | NotFound | NotAllowed | MoveRefused | StaleVersion<StationRecord>> {
  const { networkId } = acting;
  await lockTree(tx, networkId, 'ALONE');
  const stations = await selectStations(tx, networkId, [acting.stationId, change.stationId, change.newParentId]);
  const viewer = stations.get(acting.stationId);
  const station = stations.get(change.stationId);
  const newParent = stations.get(change.newParentId);
  if (!viewer || !station?.path.includes(viewer.id) || !newParent?.path.includes(viewer.id)) return { kind: 'NOT_FOUND' };
  if (station.id === viewer.id || station.parentId === null)
    return { kind: 'NOT_ALLOWED', message: 'A station is moved by a station above it.' };
  if (station.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current: station };
  const refusal = moveRefusal({ station, newParent, deepest: await selectDeepest(tx, networkId, station.path) });
  if (refusal) return refusal;
  const overdrawn = await lockOverdrawnStations(tx, networkId, station.path);
  if (overdrawn.length > 0) return { kind: 'MOVE_REFUSED', reason: 'OPEN_CREDIT' };
  const moved = await moveSubtree(tx, { networkId, station, newParent });
  return { kind: 'MOVED', station: found(moved, station.id), oldParentId: station.parentId, movedCount: moved.length };
}

/** A station with its new status or level. */
export type Changed = { readonly kind: 'CHANGED'; readonly station: StationRecord };

type ChangeOutcome = Changed | NotFound | NotAllowed | StaleVersion<StationRecord>;

/** Freezes an active station below the acting one: no new order by it, from it or through it. Refuses NOT_FOUND, NOT_ALLOWED, STALE_VERSION. */
export async function freezeStation(tx: Transaction, acting: ActingStation, change: StationChange): Promise<ChangeOutcome> {
  return changeStatus(tx, acting, change, { refusal: freezeRefusal, frozenById: acting.stationId });
}

/** Lifts a freeze of the acting station's own or of one below it. Refuses NOT_FOUND, NOT_ALLOWED, STALE_VERSION. */
export async function unfreezeStation(tx: Transaction, acting: ActingStation, change: StationChange): Promise<ChangeOutcome> {
  return changeStatus(tx, acting, change, { refusal: unfreezeRefusal, frozenById: null });
}

/**
 * Closes a frozen station below the acting one for ever. The tree stands still meanwhile, and so does the station's money. Refuses NOT_FOUND,
 * STALE_VERSION, NOT_ALLOWED (not frozen, or something still ties it to the trade: the message says what).
 */
export async function closeStation(tx: Transaction, acting: ActingStation, change: StationChange): Promise<ChangeOutcome> {
  const { networkId } = acting;
  await lockTree(tx, networkId, 'ALONE');
  const { viewer, station } = await lockDownline(tx, acting, change.stationId);
  if (!viewer || !station) return { kind: 'NOT_FOUND' };
  if (station.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current: station };
  const refusal = closeRefusal(viewer, station, await lockTies(tx, networkId, station.id));
  if (refusal) return refusal;
  return changed(await setClosed(tx, { networkId, stationId: station.id, version: change.expectedVersion }));
}

/** Gives a direct child one of the acting station's levels, or none. Refuses NOT_FOUND, NOT_ALLOWED (not a direct child), STALE_VERSION. */
export async function setPriceLevel(
  tx: Transaction,
  acting: ActingStation,
  change: StationChange & { readonly levelId: string | null },
): Promise<ChangeOutcome> {
  const { viewer, station } = await lockDownline(tx, acting, change.stationId);
  if (!viewer || !station) return { kind: 'NOT_FOUND' };
  if (station.parentId !== viewer.id) return { kind: 'NOT_ALLOWED', message: 'A level is given by the direct parent.' };
  if (change.levelId !== null && !(await givesLevel(tx, acting.networkId, viewer.id, change.levelId))) return { kind: 'NOT_FOUND' };
  if (station.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current: station };
  const version = change.expectedVersion;
  return changed(await setLevel(tx, { networkId: acting.networkId, stationId: station.id, version, levelId: change.levelId }));
}

/** Makes a price level of the acting station. Refuses INVALID_INPUT: a name that is none, or is taken. */
export async function createPriceLevel(
  tx: Transaction,
  acting: ActingStation,
  name: string,
): Promise<{ kind: 'CREATED'; level: PriceLevelRecord } | InvalidInput> {
  const problem = nameProblem(name);
  if (problem) return problem;
  const level = await insertLevel(tx, { networkId: acting.networkId, id: tx.newId(), stationId: acting.stationId, name });
  return level ? { kind: 'CREATED', level } : { kind: 'INVALID_INPUT', field: 'name', message: 'The station has a level of this name.' };
}

type StatusChange = { refusal: (viewer: PlacedStation, station: PlacedStation) => NotAllowed | null; frozenById: string | null };

async function changeStatus(
  tx: Transaction,
  acting: ActingStation,
  change: StationChange,
  { refusal: refusalOf, frozenById }: StatusChange,
): Promise<ChangeOutcome> {
  const { viewer, station } = await lockDownline(tx, acting, change.stationId);
  if (!viewer || !station) return { kind: 'NOT_FOUND' };
  if (station.version !== change.expectedVersion) return { kind: 'STALE_VERSION', current: station };
  const refusal = refusalOf(viewer, station);
  if (refusal) return refusal;
  return changed(await setFrozen(tx, { networkId: acting.networkId, stationId: station.id, version: change.expectedVersion, frozenById }));
}

/** The station, locked, when the acting one sees into it; itself included, so that rules can say why it may not. */
async function lockDownline(
  tx: Transaction,
  acting: ActingStation,
  stationId: string,
): Promise<{ viewer?: StationRecord; station?: StationRecord }> {
  const stations = await lockStations(tx, acting.networkId, [stationId]);
  const station = stations.get(stationId);
  const viewer = (await selectStations(tx, acting.networkId, [acting.stationId])).get(acting.stationId);
  if (!viewer || !station || (station.id !== viewer.id && !isDownlineOf(viewer, station))) return {};
  return { viewer, station };
}

async function givesLevel(tx: Transaction, networkId: string, stationId: string, levelId: string): Promise<boolean> {
  return (await selectLevels(tx, networkId, stationId)).some(({ id }) => id === levelId);
}

function found(stations: readonly StationRecord[], id: string): StationRecord {
  const station = stations.find((each) => each.id === id);
  if (!station) throw new Error(`station ${id} did not move`);
  return station;
}

function changed(station: StationRecord | null): Changed {
  if (!station) throw new Error('a station changed while it was locked');
  return { kind: 'CHANGED', station };
}
