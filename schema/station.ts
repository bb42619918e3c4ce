import {
  childCounts,
  childrenPages,
  type DownlineFilter,
  downlineCounts,
  downlinePages,
  levelStationCounts,
  levelsByIds,
  namedStations,
  ownLevels,
  type SeenStation,
  stationsByIds,
} from '#server/network/reads.ts';
import type { PriceLevelRecord } from '#server/network/sql.ts';
import type { Page, PageRequest } from '#server/platform/page.ts';
import { actingStation, actsFor, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { AccountKindEnum, GmvRangeEnum, StationKindEnum, StationStatusEnum } from './enums.ts';
import { GmvTotalsType, loadVolume } from './gmv.ts';
import { batched } from './loaders.ts';
import { nodeType } from './node.ts';
import { loadWallet, StatementEntryConnection, statementOf, WalletType } from './wallet.ts';

/** A station of which no more than this may be shown: the own parent, a buyer that left the subtree, a party before it is chosen. */
export type NamedStation = Pick<SeenStation, 'id' | 'name' | 'code' | 'kind'> & { readonly sight: 'NAME_ONLY' };

/** A station as far as the viewer sees it. */
export type StationRow = NamedStation | SeenStation;

/** A station that the viewer may see, by id; batched. */
export const loadStation = batched<string, StationRow>((context, ids) => stationsByIds(context.db.pool, viewerOf(context), ids));

/** A station that a row of the viewer's own names, by id: outside of the subtree it has a name and no more. Never for ids that were sent. */
export const loadNamedStation = batched<string, StationRow>((context, ids) => namedStations(context.db.pool, viewerOf(context), ids));

/** The acting station, by its id. */
export async function requireOwnStation(context: Context, id: string): Promise<StationRow> {
  const station = await loadStation(context, id);
  if (station === null) throw new Error('a station does not see itself');
  return station;
}

/** The acting station or one of its downline; null for any other. */
export async function loadDownlineStation(context: Context, id: string): Promise<SeenStation | null> {
  const station = await loadStation(context, id);
  return station !== null && isOpen(station) ? station : null;
}

const Station = nodeType<StationRow>('Station', {
  description: 'A node of the tree: headquarters, a sub-station, or a reseller. Outside of the viewer’s subtree only its name is shown.',
  // what is shown of a row is decided by its sight, and a person sees the names of her parties before she chooses one
  access: 'SIGNED_IN',
  load: async (context, id) =>
    actsFor(context, id) || viewerOf(context).permissions.has('STATIONS_READ') ? loadStation(context, id) : null,
});

/** The station type of the contract. */
export const StationType = Station.ref;
/** A list of stations. */
export const StationConnection = connectionType<StationRow>('Station', StationType);

const PriceLevel = nodeType<PriceLevelRecord>('PriceLevel', {
  description: 'A label that a station gives to its children, so that a markup rule can name them.',
  access: { party: 'STATION', permission: 'STATIONS_READ' },
  load: (context, id) => loadPriceLevel(context, id),
});

/** The price level type of the contract. */
export const PriceLevelType = PriceLevel.ref;

/** A level that the acting station or its downline gives; batched. */
export const loadPriceLevel = batched<string, PriceLevelRecord>((context, ids) => levelsByIds(context.db.pool, viewerOf(context), ids));

const stationCountOfLevel = batched<string, number>((context, ids) => levelStationCounts(context.db.pool, viewerOf(context), ids));

PriceLevel.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  stationCount: t.int({
    description: 'How many children have it.',
    resolve: async ({ id }, _, context) => (await stationCountOfLevel(context, id)) ?? 0,
  }),
}));

/** Whether the viewer sees into the station: itself or its downline. */
function isOpen(station: StationRow): station is SeenStation {
  return station.sight !== 'NAME_ONLY';
}

function open(station: StationRow): SeenStation {
  if (!isOpen(station)) throw new Error(`no more than the name of the station ${station.id} may be shown`);
  return station;
}

const childCountOf = batched<string, number>((context, ids) => childCounts(context.db.pool, viewerOf(context), ids));

const inSubtree = { party: 'STATION', only: isOpen } as const;

Station.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  code: t.exposeString('code', { description: 'Its number or short name, unique in the network.' }),
  kind: t.field({ type: StationKindEnum, description: 'What it is in the tree.', resolve: ({ kind }) => kind }),
  status: t.field({
    type: StationStatusEnum,
    nullable: true,
    access: inSubtree,
    description: 'Whether it may trade; null outside of the subtree.',
    resolve: (station) => open(station).status,
  }),
  depth: t.int({
    nullable: true,
    access: inSubtree,
    description: 'Steps from headquarters; null outside of the subtree.',
    resolve: (station) => open(station).depth,
  }),
  createdAt: t.field({
    type: 'DateTime',
    nullable: true,
    access: inSubtree,
    description: 'When it was opened; null outside of the subtree.',
    resolve: (station) => open(station).createdAt,
  }),
  version: t.int({
    nullable: true,
    access: inSubtree,
    description: 'Rises with every edit: the expectedVersion of the next; null outside of the subtree.',
    resolve: (station) => open(station).version,
  }),
  parent: t.field({
    type: StationType,
    nullable: true,
    access: { party: 'STATION', permission: 'STATIONS_READ', only: isOpen },
    description: 'The station above it; of the own parent only the name is shown.',
    resolve: (station, _, context) => {
      const { parentId } = open(station);
      return parentId === null ? null : loadStation(context, parentId);
    },
  }),
  level: t.field({
    type: PriceLevelType,
    nullable: true,
    access: { party: 'STATION', permission: 'STATIONS_READ', only: (station) => station.sight === 'DOWNLINE' },
    description: 'The price level that its parent gave it, shown to the parent and above.',
    resolve: (station, _, context) => {
      const { levelId } = open(station);
      return levelId === null ? null : loadPriceLevel(context, levelId);
    },
  }),
  levels: t.field({
    type: [PriceLevelType],
    access: { party: 'STATION', permission: 'STATIONS_READ' },
    description: 'The price levels that it gives; empty for any but the acting station.',
    resolve: (station, _, context) => (station.sight === 'SELF' ? ownLevels(context.db.pool, viewerOf(context)) : []),
  }),
  childCount: t.int({
    nullable: true,
    access: { ...inSubtree, permission: 'STATIONS_READ' },
    description: 'How many direct children it has; null outside of the subtree.',
    resolve: ({ id }, _, context) => childCountOf(context, id),
  }),
  children: t.field({
    type: StationConnection,
    access: { party: 'STATION', permission: 'STATIONS_READ' },
    description: 'The direct children in order of opening; empty outside of the subtree.',
    complexity: pageCost,
    args: pageArgs(t.arg),
    resolve: async ({ id }, args, context) => {
      const request = readPage('Station.children', args);
      const page = await loadChildren(context, { stationId: id, filter: {}, request });
      if (page === null) return emptyConnection<StationRow>();
      return toConnection(
        'Station.children',
        request,
        page,
        (row) => row.id,
        async () => (await childCountOf(context, id)) ?? 0,
      );
    },
  }),
  downline: t.field({
    type: StationConnection,
    access: { party: 'STATION', permission: 'STATIONS_READ' },
    description: 'All stations below it, a parent before its children; empty outside of the subtree.',
    complexity: pageCost,
    args: {
      search: t.arg.string({ description: 'A part of the name or the code.' }),
      status: t.arg({ type: StationStatusEnum, description: 'Only stations of this status.' }),
      ...pageArgs(t.arg),
    },
    resolve: async ({ id }, { search, status, ...args }, context) => {
      const request = readPage('Station.downline', args);
      const filter = { search: search ?? null, status: status ?? null };
      const list = { stationId: id, filter, request };
      const page = await loadDownline(context, list);
      if (page === null) return emptyConnection<StationRow>();
      return toConnection(
        'Station.downline',
        request,
        page,
        (row) => row.id,
        async () => (await downlineCountOf(context, list)) ?? 0,
      );
    },
  }),
  wallet: t.field({
    type: WalletType,
    nullable: true,
    access: { party: 'STATION', permission: 'WALLET_READ', only: seesWallet },
    description: 'Its balances: shown to itself, to its parent and to headquarters.',
    resolve: ({ id }, _, context) => loadWallet(context, id),
  }),
  statement: t.field({
    type: StatementEntryConnection,
    access: { party: 'STATION', permission: 'WALLET_READ' },
    description: 'What moved on its accounts, newest first; empty for any but the acting station.',
    complexity: pageCost,
    args: {
      accountKinds: t.arg({ type: [AccountKindEnum], description: 'Only these accounts; all when left out.' }),
      ...pageArgs(t.arg),
    },
    resolve: (station, { accountKinds, ...args }, context) => statementOf(context, station, accountKinds ?? null, args),
  }),
  volume: t.field({
    type: GmvTotalsType,
    nullable: true,
    access: { party: 'STATION', permission: 'ANALYTICS_READ', only: isOpen },
    description: 'Volume of the station with its downline; null outside of the subtree.',
    args: { range: t.arg({ type: GmvRangeEnum, required: true, description: 'How far back.' }) },
    resolve: ({ id }, { range }, context) => loadVolume(context, id, range),
  }),
}));

/** A balance is the business of its station, of the parent that fills it, and of headquarters (domain §2, §5). */
async function seesWallet(station: StationRow, context: Context): Promise<boolean> {
  if (!isOpen(station)) return false;
  if (station.sight === 'SELF') return true;
  const acting = await actingStation(context);
  return acting.kind === 'HEADQUARTERS' || station.parentId === acting.id;
}

/** A page of a station's children or downline: pages of many stations that are cut alike are one read. */
interface StationList {
  readonly stationId: string;
  readonly filter: DownlineFilter;
  readonly request: PageRequest;
}

const loadChildren = batched<StationList, Page<SeenStation>>(
  (context, lists) => alike(lists, (ids, { request }) => childrenPages(context.db.pool, viewerOf(context), ids, request)),
  { keyText: listText },
);
const loadDownline = batched<StationList, Page<SeenStation>>(
  (context, lists) => alike(lists, (ids, { filter, request }) => downlinePages(context.db.pool, viewerOf(context), ids, filter, request)),
  { keyText: listText },
);
const downlineCountOf = batched<StationList, number>(
  (context, lists) => alike(lists, (ids, { filter }) => downlineCounts(context.db.pool, viewerOf(context), ids, filter)),
  { keyText: listText },
);

/** Reads lists that differ by their station alone together. */
async function alike<Value>(
  lists: readonly StationList[],
  read: (stationIds: readonly string[], cut: StationList) => Promise<ReadonlyMap<string, Value>>,
): Promise<Map<string, Value>> {
  const groups = Map.groupBy(lists, cutText);
  const found = await Promise.all(
    [...groups.values()].map(async (group) => {
      const [cut] = group;
      const values =
        cut === undefined
          ? new Map<string, Value>()
          : await read(
              group.map(({ stationId }) => stationId),
              cut,
            );
      return group.flatMap((list) => {
        const value = values.get(list.stationId);
        return value === undefined ? [] : [[listText(list), value] as const];
      });
    }),
  );
  return new Map(found.flat());
}

function listText(list: StationList): string {
  return `${list.stationId} ${cutText(list)}`;
}

function cutText({ filter, request }: StationList): string {
  return JSON.stringify([filter, request]);
}

builder.queryField('station', (t) =>
  t.field({
    type: StationType,
    nullable: true,
    access: { party: 'ANY' },
    description: 'The station that the viewer acts for; null for a supplier.',
    resolve: (_, __, context) => (viewerOf(context).party.kind === 'STATION' ? actingStation(context) : null),
  }),
);
