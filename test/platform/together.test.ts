import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction, type Queryable, run, statement } from '#server/platform/database.ts';
import { together } from '#server/platform/together.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

// every kind of value that the program reads
const kinds = statement(
  'test.kinds',
  `SELECT $1::int AS whole, 12345678901234567890.1200::numeric AS amount, (1::numeric / 3) AS third, true AS yes, false AS no, NULL::text AS nothing,
     'a "quoted", {text} \\'::text AS words, '\\x00ff'::bytea AS bytes, DATE '2026-11-22' AS day,
     TIMESTAMPTZ '2026-11-22 06:00:00.123+08' AS instant, 9007199254740993::bigint AS large, ARRAY['a,b', NULL, '"'] AS texts,
     ARRAY[1.50, 2]::numeric[] AS amounts, ARRAY[$2]::uuid[] AS ids, '{"a": [1, "2"]}'::jsonb AS document, 'DELIVERED'::order_state AS state`,
);
const series = statement<{ number: number }>(
  'test.series',
  'SELECT n AS number FROM generate_series($1::int, $2::int) AS n ORDER BY n DESC',
);
const none = statement<{ number: number }>('test.none', 'SELECT 1 AS number WHERE $1::boolean');
const ID = '0199a0a0-0000-7000-8000-000000000001';

describe('statements that travel together', () => {
  const ask = (db: Queryable) => Promise.all([run(db, kinds, [7, ID]), run(db, series, [1, 3]), run(db, none, [false])] as const);

  test('answer exactly what each answers by itself: every type, order and emptiness', async () => {
    const alone = await inTransaction(fresh.db, (tx) => ask(tx));
    const learned = await inTransaction(fresh.db, (tx) => together(tx, ask));
    const joined = await inTransaction(fresh.db, (tx) => together(tx, ask));
    expect(learned).toEqual(alone);
    expect(joined).toEqual(alone);
    expect(joined[1]).toEqual([{ number: 3 }, { number: 2 }, { number: 1 }]);
    expect(joined[2]).toEqual([]);
    expect(joined[0][0]).toMatchObject({
      amount: '12345678901234567890.1200',
      large: 9_007_199_254_740_993n,
      day: '2026-11-22',
      yes: true,
      no: false,
    });
  });

  test('are one message', async () => {
    const names: string[] = [];
    await inTransaction(fresh.db, (tx) => {
      const counting = {
        ...tx,
        query: ((config) => {
          names.push(config.name ?? '');
          return tx.query(config);
        }) satisfies Queryable['query'],
      };
      return together(counting, ask);
    });
    expect(names).toHaveLength(1);
  });

  test('change data, and what they change is checked together: a row may refer to one that its neighbour writes', async () => {
    await fresh.sql('CREATE TABLE IF NOT EXISTS parent (id int PRIMARY KEY)');
    await fresh.sql('CREATE TABLE IF NOT EXISTS child (id int PRIMARY KEY REFERENCES parent)');
    await fresh.sql('GRANT SELECT, INSERT ON parent, child TO fenzhan_app');
    const child = statement('test.child', 'INSERT INTO child SELECT unnest($1::int[])');
    const parent = statement('test.parent', 'INSERT INTO parent SELECT unnest($1::int[])');
    const write = (ids: number[]) =>
      inTransaction(fresh.db, (tx) =>
        together(tx, (gathering) => Promise.all([run(gathering, parent, [ids]), run(gathering, child, [ids])])),
      );
    await write([1]);
    await inTransaction(fresh.db, (tx) =>
      together(tx, (gathering) => Promise.all([run(gathering, child, [[2]]), run(gathering, parent, [[2]])])),
    );
    expect(await fresh.sql('SELECT id FROM child ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    await expect(write([3, 1])).rejects.toMatchObject({ code: '23505' });
    expect(await fresh.sql('SELECT id FROM parent ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('that are sent after a wait go by themselves', async () => {
    const rows = await inTransaction(fresh.db, (tx) =>
      together(tx, async (gathering) => {
        const [first] = await run(gathering, series, [1, 1]);
        return run(gathering, series, [first?.number, 2]);
      }),
    );
    expect(rows).toEqual([{ number: 2 }, { number: 1 }]);
  });
});

describe('a transaction that concludes', () => {
  const insert = statement('test.keep', 'INSERT INTO kept SELECT unnest($1::int[])');
  beforeAll(async () => {
    await fresh.sql('CREATE TABLE kept (id int PRIMARY KEY)');
    await fresh.sql('GRANT SELECT, INSERT ON kept TO fenzhan_app');
  });

  test('commits behind its last statements, and has taken effect when it returns', async () => {
    const result = await inTransaction(fresh.db, async (tx) => {
      tx.conclude(run(tx, insert, [[1, 2]]));
      return 'done';
    });
    expect([result, await fresh.sql('SELECT id FROM kept ORDER BY id')]).toEqual(['done', [{ id: 1 }, { id: 2 }]]);
  });

  test('fails with the error of a statement that failed, and nothing of it has taken effect', async () => {
    const failing = inTransaction(fresh.db, async (tx) => {
      await run(tx, insert, [[3]]);
      tx.conclude(Promise.all([run(tx, insert, [[4]]), run(tx, insert, [[1]])]));
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    expect(await fresh.sql('SELECT id FROM kept ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });
});
