import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { applyMigrations, readMigrations } from '#prisma/migrate.ts';

// A database of the version in which the relay wrote the roll-ups itself is brought to this one.
const NAME = 'rollups_upgrade';
const url = `${inject('clusterUrl')}${NAME}`;
const admin = new pg.Client({ connectionString: `${inject('clusterUrl')}postgres` });
const BEFORE = readMigrations().filter(({ name }) => name < '20261122100000');
const [network, silent, station] = [
  '01a20176-0000-7000-8000-000000000001',
  '01a20176-0000-7000-8000-000000000002',
  '01a20176-0000-7000-8000-000000000003',
];

beforeAll(async () => {
  await admin.connect();
  await admin.query(`CREATE DATABASE ${NAME}`);
});
afterAll(async () => {
  await admin.query(`DROP DATABASE ${NAME} WITH (FORCE)`);
  await admin.end();
});

test('an upgrade goes on exactly where the relay stood, keeps its hours, and asks for what is new to be made', async () => {
  expect(await applyMigrations(url, BEFORE)).toHaveLength(2);
  const db = new pg.Client({ connectionString: url });
  await db.connect();
  for (const id of [network, silent])
    await db.query(`INSERT INTO network (id, name, currency, time_zone, created_at) VALUES ($1, 'n', 'CNY', 'Asia/Shanghai', now())`, [id]);
  await db.query('INSERT INTO relay_position (network_id, id, last_seq, updated_at) VALUES ($1, $1, 42, now())', [network]);
  await db.query(
    `INSERT INTO station_hour (network_id, id, station_id, hour_start, local_date, currency, order_count, gmv)
     VALUES ($1, $2, $2, '2026-11-01T00:00:00Z', '2026-11-01', 'CNY', 3, 147.72)`,
    [network, station],
  );
  await applyMigrations(url);
  const positions = await db.query('SELECT network_id, kind, last_seq::int, rebuild_wanted FROM roll_up_position ORDER BY kind');
  expect(positions.rows).toEqual(
    ['GOODS', 'STATIONS', 'SUPPLY'].map((kind) => ({ network_id: network, kind, last_seq: 42, rebuild_wanted: true })),
  );
  const hours = await db.query('SELECT station_id, order_count::int, gmv, own_quantity::int FROM station_hour');
  expect(hours.rows).toEqual([{ station_id: station, order_count: 3, gmv: '147.72', own_quantity: 0 }]);
  await db.end();
});
