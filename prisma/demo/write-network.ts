import type { Transaction } from '#server/platform/database.ts';
import type { DemoData } from './data.ts';
import { insertRows } from './insert-rows.ts';
import type { DemoShape, ShapedStation } from './shape.ts';

const DAY = 86_400_000;

/** The ids that the demo's codes and e-mail addresses received. */
export interface NetworkIds {
  readonly networkId: string;
  /** By station code. */
  readonly stations: ReadonlyMap<string, string>;
  /** By `levelKey`. */
  readonly levels: ReadonlyMap<string, string>;
  /** By supplier code. */
  readonly suppliers: ReadonlyMap<string, string>;
  /** By e-mail address. */
  readonly users: ReadonlyMap<string, string>;
  /** The user who acts for a station, by station code. */
  readonly owners: ReadonlyMap<string, string>;
}

/** What a network is made from. `passwordHash` is given to those who are named in the data; all others cannot sign in. */
export interface NetworkSource {
  readonly data: DemoData;
  readonly shape: DemoShape;
  /** When the story begins; what was there before is a month older. */
  readonly start: Date;
  readonly passwordHash: string;
}

/** The name of a price level that a station gives. */
export function levelKey(stationCode: string, level: string): string {
  return `${stationCode}/${level}`;
}

/** Writes the network, its stations with their price levels, the suppliers and the people. */
export async function writeNetwork(tx: Transaction, source: NetworkSource): Promise<NetworkIds> {
  const networkId = tx.newId();
  const { network, suppliers } = source.data.network;
  const before = new Date(source.start.getTime() - 30 * DAY);
  await insertRows(tx, 'network', [
    {
      id: networkId,
      name: network.name,
      currency: network.currency,
      time_zone: network.timeZone,
      settlement_days: network.settlementDays,
      commission_levels_max: network.commissionLevelsMax,
      refund_limit: network.refundLimit,
      created_at: before,
    },
  ]);
  const supplierIds = new Map(suppliers.map(({ code }) => [code, tx.newId()]));
  await insertRows(
    tx,
    'supplier',
    suppliers.map(({ code, name }) => ({
      network_id: networkId,
      id: supplierIds.get(code),
      name,
      code,
      status: 'ACTIVE',
      version: 1,
      created_at: before,
    })),
  );
  const { stations, levels } = await writeStations(tx, networkId, source);
  const people = await writePeople(tx, { networkId, stations, suppliers: supplierIds }, source);
  return { networkId, stations, levels, suppliers: supplierIds, ...people };
}

async function writeStations(tx: Transaction, networkId: string, { data, shape, start }: NetworkSource) {
  const stations = new Map(shape.stations.map(({ code }) => [code, tx.newId()]));
  const givers = shape.stations.filter(({ kind }) => kind !== 'RESELLER');
  const levels = new Map(givers.flatMap(({ code }) => data.network.priceLevels.map((name) => [levelKey(code, name), tx.newId()] as const)));
  const paths = new Map<string, readonly string[]>();
  const rows = shape.stations.map((station) => {
    const id = known(stations, station.code);
    const path = [...(station.parent === null ? [] : known(paths, station.parent)), id];
    paths.set(station.code, path);
    const opened = openedAt(station, start);
    return {
      network_id: networkId,
      id,
      parent_id: station.parent === null ? null : known(stations, station.parent),
      kind: station.kind,
      status: 'ACTIVE',
      name: station.name,
      code: station.code,
      path,
      depth: station.depth,
      cost_guard: 'HIDE',
      version: 1,
      created_at: opened,
      updated_at: opened,
    };
  });
  const levelRows = givers.flatMap((station) =>
    data.network.priceLevels.map((name) => ({
      network_id: networkId,
      id: known(levels, levelKey(station.code, name)),
      station_id: known(stations, station.code),
      name,
      version: 1,
      created_at: openedAt(station, start),
    })),
  );
  // a level belongs to a station and a station has a level: stations first without, then the levels, then who has which
  await insertRows(tx, 'station', rows);
  await insertRows(tx, 'price_level', levelRows);
  await giveLevels(tx, networkId, shape.stations, stations, levels);
  return { stations, levels };
}

async function giveLevels(
  tx: Transaction,
  networkId: string,
  shaped: readonly ShapedStation[],
  stations: ReadonlyMap<string, string>,
  levels: ReadonlyMap<string, string>,
): Promise<void> {
  const given = shaped.flatMap(({ code, parent, level }) =>
    parent === null || level === undefined ? [] : [{ station: known(stations, code), level: known(levels, levelKey(parent, level)) }],
  );
  await tx.query({
    text: `UPDATE station s SET level_id = g.level_id FROM unnest($2::uuid[], $3::uuid[]) AS g (station_id, level_id)
           WHERE s.network_id = $1 AND s.id = g.station_id`,
    values: [networkId, given.map(({ station }) => station), given.map(({ level }) => level)],
  });
}

/** When a station joined: a month before the story, or on its day. */
export function openedAt(station: ShapedStation, start: Date): Date {
  return new Date(start.getTime() + (station.sinceDay > 0 ? station.sinceDay : -30) * DAY);
}

type Parties = Pick<NetworkIds, 'networkId' | 'stations' | 'suppliers'>;

async function writePeople(tx: Transaction, parties: Parties, { data, shape, start, passwordHash }: NetworkSource) {
  const created = new Date(start.getTime() - 30 * DAY);
  const named = data.network.people.map((person) => ({ ...person, id: tx.newId() }));
  const ownersByStation = new Map(
    named.flatMap(({ id, memberships }) =>
      memberships.flatMap((held) => ('station' in held && held.role === 'OWNER' ? [[held.station, id] as const] : [])),
    ),
  );
  const unnamed = shape.stations
    .filter(({ code }) => !ownersByStation.has(code))
    .map(({ code, name }) => ({
      id: tx.newId(),
      code,
      name: `${name} 负责人`,
      email: `${code.toLowerCase()}@stations.demo.fenzhan.local`,
    }));
  const everyone = [...named, ...unnamed];
  await insertRows(
    tx,
    'users',
    everyone.map(({ id, name, email }) => ({ id, name, email, email_verified: true, created_at: created, updated_at: created })),
  );
  await insertRows(
    tx,
    'credential',
    named.map(({ id }) => ({
      id: tx.newId(),
      user_id: id,
      account_id: id,
      provider_id: 'credential',
      password: passwordHash,
      created_at: created,
      updated_at: created,
    })),
  );
  const membership = (userId: string, role: string, party: { station?: string | undefined; supplier?: string | undefined }) => ({
    network_id: parties.networkId,
    id: tx.newId(),
    user_id: userId,
    station_id: party.station ?? null,
    supplier_id: party.supplier ?? null,
    role,
    created_at: created,
  });
  // a demo that was cut to fewer stations keeps its people, without what they do at the stations that are not there
  const memberships = named.flatMap(({ id, memberships: held }) =>
    held.flatMap((each) => {
      if ('supplier' in each) return [membership(id, each.role, { supplier: known(parties.suppliers, each.supplier) })];
      const station = parties.stations.get(each.station);
      return station === undefined ? [] : [membership(id, each.role, { station })];
    }),
  );
  await insertRows(tx, 'membership', [
    ...memberships,
    ...unnamed.map(({ id, code }) => membership(id, 'OWNER', { station: known(parties.stations, code) })),
  ]);
  return {
    users: new Map(everyone.map(({ email, id }) => [email, id])),
    owners: new Map([...ownersByStation, ...unnamed.map(({ code, id }) => [code, id] as const)]),
  };
}

/** The value under a key that must be there. */
export function known<Value>(map: ReadonlyMap<string, Value>, key: string): Value {
  const value = map.get(key);
  if (value === undefined) throw new Error(`the demo's data name ${key}, which is not there`);
  return value;
}
