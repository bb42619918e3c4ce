import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommitUnknown, inTransaction, run, sqlState, statement } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.sql('CREATE TABLE counter (id int PRIMARY KEY, value int NOT NULL)');
  await fresh.sql('GRANT SELECT, INSERT, UPDATE ON counter TO fenzhan_app');
  await fresh.sql('INSERT INTO counter VALUES (1, 0), (2, 0)');
});
afterAll(() => fresh.drop());

const addOne = statement<{ value: number }>('test.addOne', 'UPDATE counter SET value = value + 1 WHERE id = $1 RETURNING value');
const values = async () => (await fresh.sql<{ value: number }>('SELECT value FROM counter ORDER BY id')).map(({ value }) => value);

describe('the application', () => {
  test('connects as fenzhan_app', async () => {
    const rows = await run(fresh.db.pool, statement<{ role: string }>('test.role', 'SELECT current_user AS role'), []);
    expect(rows).toEqual([{ role: 'fenzhan_app' }]);
  });

  test.each(['posting', 'transfer', 'audit_entry'])('may add to %s, but neither change nor remove', async (table) => {
    await expect(fresh.db.pool.query(`SELECT FROM ${table}`)).resolves.toBeDefined();
    await expect(fresh.db.pool.query(`DELETE FROM ${table}`)).rejects.toThrow(/permission denied/);
    await expect(fresh.db.pool.query(`UPDATE ${table} SET created_at = now()`)).rejects.toThrow(/permission denied/);
    await expect(fresh.db.pool.query(`TRUNCATE ${table}`)).rejects.toThrow(/permission denied/);
  });
});

describe('a value from the database', () => {
  test('is exact: numerics and dates are text, an int8 is a bigint, also inside arrays', async () => {
    const { rows } = await fresh.db.pool.query(
      `SELECT 12.30::numeric AS amount, ARRAY[0.10, 47.9750]::numeric[] AS prices, date '2026-03-29' AS day,
              ARRAY[date '2026-03-29'] AS days, 9007199254740993::int8 AS big, 7::int AS small, NULL::date AS none`,
    );
    expect(rows).toEqual([
      {
        amount: '12.30',
        prices: ['0.10', '47.9750'],
        day: '2026-03-29',
        days: ['2026-03-29'],
        big: 9007199254740993n,
        small: 7,
        none: null,
      },
    ]);
  });
});

describe('a transaction', () => {
  test('keeps all of its statements, also those sent without waiting for each other', async () => {
    await fresh.sql('UPDATE counter SET value = 0');
    const answers = await inTransaction(fresh.db, (tx) => Promise.all([run(tx, addOne, [1]), run(tx, addOne, [2]), run(tx, addOne, [1])]));
    expect(answers).toEqual([[{ value: 1 }], [{ value: 1 }], [{ value: 2 }]]);
    expect(await values()).toEqual([2, 1]);
  });

  test('that throws leaves nothing, and its connection is used again', async () => {
    await fresh.sql('UPDATE counter SET value = 0');
    const before = fresh.db.pool.totalCount;
    const failing = inTransaction(fresh.db, async (tx) => {
      await run(tx, addOne, [1]);
      throw new Error('a refusal');
    });
    await expect(failing).rejects.toThrow('a refusal');
    expect(await values()).toEqual([0, 0]);
    expect(fresh.db.pool.totalCount).toBe(before);
  });

  test('whose failed statement nobody awaited does not pass for committed', async () => {
    const careless = inTransaction(fresh.db, async (tx) => {
      await run(tx, addOne, [1]);
      await tx.query({ text: 'SELECT 1/0' }).catch(() => undefined);
    });
    await expect(careless).rejects.toThrow(/rolled back/);
    expect(await values()).toEqual([0, 0]);
  });

  test('is run again from the start when it deadlocks, and nobody notices', async () => {
    await fresh.sql('UPDATE counter SET value = 0');
    let attempts = 0;
    const cross = (first: number, second: number) =>
      inTransaction(fresh.db, async (tx) => {
        attempts += 1;
        await run(tx, addOne, [first]);
        await tx.query({ text: 'SELECT pg_sleep(0.05)' });
        await run(tx, addOne, [second]);
      });
    await Promise.all([cross(1, 2), cross(2, 1)]);
    expect(await values()).toEqual([2, 2]);
    expect(attempts).toBeGreaterThan(2);
  });

  test('that never stops deadlocking gives up with the database’s own error', async () => {
    let attempts = 0;
    const failing = inTransaction(fresh.db, (tx) => {
      attempts += 1;
      return tx.query({ text: `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$` });
    });
    await expect(failing).rejects.toSatisfy((error) => sqlState(error) === '40001');
    expect(attempts).toBe(6);
  });

  test('whose connection dies before COMMIT fails plainly: nothing happened', async () => {
    await fresh.sql('UPDATE counter SET value = 0');
    const failing = inTransaction(fresh.db, async (tx) => {
      await run(tx, addOne, [1]);
      const { rows } = await tx.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
      await fresh.sql('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await run(tx, addOne, [2]);
    });
    await expect(failing).rejects.not.toBeInstanceOf(CommitUnknown);
    expect(await values()).toEqual([0, 0]);
  });

  test('whose connection dies at COMMIT says that the outcome is unknown', async () => {
    await fresh.sql(`CREATE TABLE slow_commit (id int PRIMARY KEY)`);
    await fresh.sql(`CREATE FUNCTION sleep_at_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NULL; END'`);
    await fresh.sql(
      'CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow_commit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sleep_at_commit()',
    );
    await fresh.sql('GRANT INSERT ON slow_commit TO fenzhan_app');
    let pid = 0;
    const cut = inTransaction(fresh.db, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
      pid = rows[0]?.pid ?? 0;
      await tx.query({ text: 'INSERT INTO slow_commit VALUES (1)' });
      setTimeout(() => void fresh.sql('SELECT pg_terminate_backend($1)', [pid]), 300);
    });
    await expect(cut).rejects.toBeInstanceOf(CommitUnknown);
  });
});
