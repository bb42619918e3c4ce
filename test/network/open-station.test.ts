import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenStationInput, openStation } from '#server/flows/open-station.ts';
import { verifyPassword } from '#server/platform/password.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { type World, world } from '#test/support/world.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const network = () =>
  world(fresh.db, {
    stations: { HQ: {}, A: { parent: 'HQ' }, B: { parent: 'A' }, R: { parent: 'B' }, Q: { parent: 'HQ', kind: 'SUBSTATION' } },
  });

let number = 0;
function opening(over: Partial<OpenStationInput> = {}): OpenStationInput {
  number += 1;
  return {
    requestKey: `open-${number}`,
    parentId: null,
    kind: 'RESELLER',
    name: '滨江云点数码',
    code: `S-${number}`,
    levelId: null,
    ownerEmail: null,
    ownerName: null,
    ...over,
  };
}

const opened = async (w: World, by: string, input: OpenStationInput) => {
  const outcome = await openStation(fresh.db, w.viewer(by), input);
  if (outcome.kind !== 'STATION_OPENED') throw new Error(outcome.kind);
  return outcome;
};

describe('opening a station', () => {
  test('a sub-station opens its own direct child, whose path ends with it and begins at headquarters', async () => {
    const w = await network();
    const { station, replayed } = await opened(w, 'B', opening({ kind: 'SUBSTATION' }));
    expect(station).toMatchObject({ parentId: w.stations.B, depth: 3, status: 'ACTIVE', kind: 'SUBSTATION', sight: 'DOWNLINE' });
    expect(station.path).toEqual([w.hq, w.stations.A, w.stations.B, station.id]);
    expect(replayed).toBe(false);
  });

  test('only headquarters opens a station under somebody else', async () => {
    const w = await network();
    const under = opening({ parentId: w.stations.B });
    expect((await openStation(fresh.db, w.viewer('A'), under)).kind).toBe('NOT_ALLOWED');
    expect((await opened(w, 'HQ', under)).station.parentId).toBe(w.stations.B);
  });

  test('a parent outside of the own subtree is not found', async () => {
    const w = await network();
    expect((await openStation(fresh.db, w.viewer('A'), opening({ parentId: w.stations.Q }))).kind).toBe('NOT_FOUND');
  });

  test('a reseller is a leaf', async () => {
    const w = await network();
    expect(await openStation(fresh.db, w.viewer('R'), opening())).toEqual({ kind: 'MOVE_REFUSED', reason: 'NOT_A_PARENT' });
  });

  test('a network has one headquarters', async () => {
    const w = await network();
    expect(await openStation(fresh.db, w.viewer('HQ'), opening({ kind: 'HEADQUARTERS' }))).toMatchObject({
      kind: 'INVALID_INPUT',
      field: 'kind',
    });
  });

  test('depth 12 is the deepest', async () => {
    const w = await world(fresh.db, { stations: { HQ: {} } });
    let parentId = w.hq;
    for (let depth = 1; depth <= 12; depth += 1) {
      const { station } = await opened(w, 'HQ', opening({ parentId, kind: 'SUBSTATION' }));
      expect(station.depth).toBe(depth);
      parentId = station.id;
    }
    expect(await openStation(fresh.db, w.viewer('HQ'), opening({ parentId }))).toEqual({ kind: 'MOVE_REFUSED', reason: 'TOO_DEEP' });
  });

  test('nothing is opened on a frozen line', async () => {
    const w = await world(fresh.db, {
      stations: { HQ: {}, A: { parent: 'HQ', status: 'FROZEN' }, B: { parent: 'A', kind: 'SUBSTATION' } },
    });
    expect((await openStation(fresh.db, w.viewer('B'), opening())).kind).toBe('STATION_FROZEN');
  });

  test('a code is taken once in a network, and a code of another network is free', async () => {
    const [w, other] = [await network(), await network()];
    await opened(w, 'A', opening({ code: 'HD-01' }));
    expect(await openStation(fresh.db, w.viewer('B'), opening({ code: 'HD-01' }))).toMatchObject({ kind: 'INVALID_INPUT', field: 'code' });
    expect((await opened(other, 'A', opening({ code: 'HD-01' }))).station.code).toBe('HD-01');
  });

  test('the level is one that the parent gives', async () => {
    const w = await world(fresh.db, {
      stations: { HQ: {}, A: { parent: 'HQ', level: 'gold' }, B: { parent: 'A', level: 'silver' } },
    });
    expect((await openStation(fresh.db, w.viewer('A'), opening({ levelId: w.levels['HQ/gold'] ?? '' }))).kind).toBe('NOT_FOUND');
    expect((await opened(w, 'A', opening({ levelId: w.levels['A/silver'] ?? '' }))).station.levelId).toBe(w.levels['A/silver']);
  });

  test('one request key opens one station, and another input under it is refused', async () => {
    const w = await network();
    const input = opening({ ownerEmail: `once-${number}@agents.test` });
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => opened(w, 'A', input)));
    expect(new Set(outcomes.map(({ station }) => station.id)).size).toBe(1);
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(outcomes.filter(({ temporaryPassword }) => temporaryPassword !== null)).toHaveLength(1);
    expect((await openStation(fresh.db, w.viewer('A'), { ...input, name: '另一个' })).kind).toBe('REQUEST_KEY_REUSED');
    const rows = await fresh.sql('SELECT 1 FROM station WHERE network_id = $1 AND code = $2', [w.networkId, input.code]);
    expect(rows).toHaveLength(1);
  });

  test('a refusal is not stored: the same key opens the station once the reason is gone', async () => {
    const w = await network();
    const input = opening({ code: 'TAKEN' });
    await opened(w, 'A', opening({ code: 'TAKEN' }));
    expect((await openStation(fresh.db, w.viewer('B'), input)).kind).toBe('INVALID_INPUT');
    expect((await opened(w, 'B', { ...input, code: 'FREE' })).replayed).toBe(false);
  });

  test('the first member is its owner and gets a password once; a person who is known already keeps her own', async () => {
    const w = await network();
    const ownerEmail = `lin-${w.networkId}@agents.test`;
    const first = await opened(w, 'A', opening({ ownerEmail, ownerName: '林晓' }));
    const [person] = await fresh.sql<{ id: string; name: string; password: string }>(
      'SELECT u.id, u.name, c.password FROM users u JOIN credential c ON c.user_id = u.id WHERE u.email = $1',
      [ownerEmail],
    );
    expect(person?.name).toBe('林晓');
    expect(await verifyPassword(first.temporaryPassword ?? '', person?.password ?? '')).toBe(true);
    const second = await opened(w, 'A', opening({ ownerEmail: ownerEmail.toUpperCase(), ownerName: 'Mallory' }));
    expect(second.temporaryPassword).toBeNull();
    const members = await fresh.sql('SELECT station_id, role FROM membership WHERE user_id = $1 ORDER BY created_at, id', [person?.id]);
    expect(members).toEqual([
      { station_id: first.station.id, role: 'OWNER' },
      { station_id: second.station.id, role: 'OWNER' },
    ]);
  });

  test('opening is audited and told', async () => {
    const w = await network();
    const { station } = await opened(w, 'A', opening());
    const audited = await fresh.sql('SELECT action, station_id FROM audit_entry WHERE subject_id = $1', [station.id]);
    expect(audited).toEqual([{ action: 'station.opened', station_id: w.stations.A }]);
    const events = await fresh.sql('SELECT topic FROM outbox_event WHERE subject_id = $1', [station.id]);
    expect(events).toEqual([{ topic: 'station.opened' }]);
  });
});
