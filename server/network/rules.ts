// The graph of domain §2: what may be opened, moved, frozen, and by whom. Pure.

/** A station's place in the trade: HQ is the root, a RESELLER is a leaf that only buys. */
export type StationKind = 'HEADQUARTERS' | 'SUBSTATION' | 'RESELLER';
/** FROZEN lets no new order by it, from it or through it; CLOSED ends everything. */
export type StationStatus = 'ACTIVE' | 'FROZEN' | 'CLOSED';

/** What decides about a station. `path` runs from HQ to the station itself, so `path.length` is `depth + 1`. */
export type PlacedStation = {
  readonly id: string;
  readonly parentId: string | null;
  readonly kind: StationKind;
  readonly status: StationStatus;
  readonly path: readonly string[];
  readonly depth: number;
  /** the upline that froze it */
  readonly frozenById: string | null;
};

/** Depth of HQ is 0; nothing is deeper than this (domain §2). */
export const DEPTH_MAX = 12;

/** Why a station cannot go where it was asked to go. */
export type MoveRefusedReason = 'CIRCLE' | 'TOO_DEEP' | 'OPEN_CREDIT' | 'SAME_PARENT' | 'NOT_A_PARENT';

/** A business rule forbids it to this party; `message` says who can. */
export type NotAllowed = { readonly kind: 'NOT_ALLOWED'; readonly message: string };
/** It is not there, or not the viewer's to see: one answer for both. */
export type NotFound = { readonly kind: 'NOT_FOUND' };
/** An input that no station could have meant; `field` is named as in the API. */
export type InvalidInput = { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };
/** The tree forbids it. */
export type MoveRefused = { readonly kind: 'MOVE_REFUSED'; readonly reason: MoveRefusedReason };
/** The line to HQ holds a station that is not active. */
export type StationFrozen = { readonly kind: 'STATION_FROZEN' };

/** How much of a station a viewer is shown: everything, everything but what only its own members see, or name, code and kind alone. */
export type Sight = 'SELF' | 'DOWNLINE' | 'NAME_ONLY';

/**
 * How a station sees another: itself, its downline, else no more than its name (its own parent, or a station that an order
 * names). Whether a station is shown at all is decided by the read that finds it.
 */
export function sightOf(viewerStationId: string, station: Pick<PlacedStation, 'id' | 'path'>): Sight {
  if (station.id === viewerStationId) return 'SELF';
  return station.path.includes(viewerStationId) ? 'DOWNLINE' : 'NAME_ONLY';
}

/** True when `station` is below `upline`. */
export function isDownlineOf(upline: Pick<PlacedStation, 'id'>, station: Pick<PlacedStation, 'id' | 'path'>): boolean {
  return station.id !== upline.id && station.path.includes(upline.id);
}

/**
 * Whether `viewer` may open a child under `parent`. A station opens its own direct children; HQ opens anywhere, so that a
 * sub-station's children are its own business and headquarters can still repair a tree. Refuses: a parent that is a leaf or
 * closed, a line that is frozen, a child deeper than 12.
 */
export function openingRefusal(opening: {
  viewer: PlacedStation;
  parent: PlacedStation;
  kind: StationKind;
  lineIsActive: boolean;
}): NotAllowed | MoveRefused | StationFrozen | InvalidInput | null {
  const { viewer, parent, kind } = opening;
  if (kind === 'HEADQUARTERS') return { kind: 'INVALID_INPUT', field: 'kind', message: 'A network has one headquarters.' };
  if (parent.id !== viewer.id && viewer.kind !== 'HEADQUARTERS') {
    return { kind: 'NOT_ALLOWED', message: 'A station is opened by the station that will be its parent, or by headquarters.' };
  }
  if (parent.kind === 'RESELLER' || parent.status === 'CLOSED') return { kind: 'MOVE_REFUSED', reason: 'NOT_A_PARENT' };
  if (!opening.lineIsActive) return { kind: 'STATION_FROZEN' };
  return parent.depth + 1 > DEPTH_MAX ? { kind: 'MOVE_REFUSED', reason: 'TOO_DEEP' } : null;
}

/**
 * Whether `station` with its subtree (`deepest`: the greatest depth in it) may go under `newParent`. Credit is judged apart,
 * since it needs the wallets locked. A closed station stays where it is.
 */
export function moveRefusal(move: { station: PlacedStation; newParent: PlacedStation; deepest: number }): NotAllowed | MoveRefused | null {
  const { station, newParent } = move;
  if (station.status === 'CLOSED') return { kind: 'NOT_ALLOWED', message: 'A closed station stays where it is.' };
  if (station.parentId === newParent.id) return { kind: 'MOVE_REFUSED', reason: 'SAME_PARENT' };
  if (newParent.path.includes(station.id)) return { kind: 'MOVE_REFUSED', reason: 'CIRCLE' };
  if (newParent.kind === 'RESELLER' || newParent.status === 'CLOSED') return { kind: 'MOVE_REFUSED', reason: 'NOT_A_PARENT' };
  const depthAfter = newParent.depth + 1 + (move.deepest - station.depth);
  return depthAfter > DEPTH_MAX ? { kind: 'MOVE_REFUSED', reason: 'TOO_DEEP' } : null;
}

/** Whether the viewer may freeze a station: any upline may, nobody freezes itself, HQ is never frozen. */
export function freezeRefusal(viewer: PlacedStation, station: PlacedStation): NotAllowed | null {
  if (!isDownlineOf(viewer, station)) return { kind: 'NOT_ALLOWED', message: 'A station is frozen by a station above it.' };
  return station.status === 'ACTIVE' ? null : { kind: 'NOT_ALLOWED', message: 'Only an active station can be frozen.' };
}

/** Whether the viewer may unfreeze a station: the upline that froze it, or one above that: a freeze from further up holds. */
export function unfreezeRefusal(viewer: PlacedStation, station: PlacedStation): NotAllowed | null {
  if (station.status !== 'FROZEN') return { kind: 'NOT_ALLOWED', message: 'The station is not frozen.' };
  if (!isDownlineOf(viewer, station)) return { kind: 'NOT_ALLOWED', message: 'A station is unfrozen by a station above it.' };
  const freezerIndex = station.frozenById === null ? -1 : station.path.indexOf(station.frozenById);
  const viewerIndex = station.path.indexOf(viewer.id);
  if (freezerIndex === -1 || viewerIndex <= freezerIndex) return null;
  return { kind: 'NOT_ALLOWED', message: 'The station was frozen by a station further up, which alone, or one above it, can unfreeze it.' };
}

/**
 * What still ties a station to the trade: stations below it that are not closed, money (or credit) on its accounts, goods for sale or on the shelf,
 * purchases under way, refunds of its orders that wait to be decided.
 */
export type StationTies = Readonly<Record<'children' | 'money' | 'goods' | 'purchases' | 'refunds', boolean>>;

/**
 * Whether the viewer may close a station for ever (domain §2: "once its money is settled"): who could lift its freeze, and only a frozen one, so that
 * nothing new begins while it is looked at. The message says what has to be done first.
 */
export function closeRefusal(viewer: PlacedStation, station: PlacedStation, ties: StationTies): NotAllowed | null {
  const no = (message: string) => ({ kind: 'NOT_ALLOWED', message }) as const;
  if (!isDownlineOf(viewer, station)) return no('A station is closed by a station above it.');
  if (station.status === 'CLOSED') return no('The station is closed already.');
  if (station.status === 'ACTIVE') return no('Freeze the station first: nothing new may begin while it is being closed.');
  const held = unfreezeRefusal(viewer, station);
  if (held) return no('The station was frozen by a station further up, which alone, or one above it, can close it.');
  if (ties.children) return no('Close or move the stations below it first.');
  if (ties.purchases) return no('Purchases of its goods are under way: they are settled first.');
  if (ties.goods) return no('It has goods for sale or card keys on the shelf: retire and withdraw them first.');
  if (ties.refunds) return no('A refund of one of its orders waits to be decided: it gets its money first, or never.');
  return ties.money ? no('There is money, or credit, on its accounts: they are settled first.') : null;
}

const NAME_MAX = 80;
const CODE = /^[\p{L}\p{N}][\p{L}\p{N}_-]{0,31}$/u;

/** What is wrong with a new station's name or code, or null. A code is up to 32 letters, digits, '-' and '_'. */
export function stationNameProblem({ name, code }: { name: string; code: string }): InvalidInput | null {
  const problem = nameProblem(name);
  if (problem) return problem;
  if (CODE.test(code)) return null;
  return {
    kind: 'INVALID_INPUT',
    field: 'code',
    message: 'A code is 1 to 32 letters, digits, hyphens and underscores, and begins with a letter or digit.',
  };
}

/** What is wrong with a name (of a station or a price level), or null. */
export function nameProblem(name: string): InvalidInput | null {
  if (name.trim() === name && name.length >= 1 && name.length <= NAME_MAX) return null;
  return {
    kind: 'INVALID_INPUT',
    field: 'name',
    message: `A name has 1 to ${NAME_MAX} characters and neither begins nor ends with a space.`,
  };
}
