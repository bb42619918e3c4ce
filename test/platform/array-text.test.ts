import { afterAll, beforeAll, expect, test } from 'vitest';
import { arrayText } from '#server/platform/array-text.ts';
import { run, statement } from '#server/platform/database.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const texts = statement<{ texts: (string | null)[] }>('test.texts', 'SELECT $1::text[] AS texts');

test('texts of every kind reach the database as they are', async () => {
  const all = [
    '',
    'plain',
    'a b',
    'a,b',
    '{}',
    '"',
    '\\',
    '\\"',
    "'",
    'null',
    'NULL',
    'Null',
    'nulls',
    null,
    '卡密',
    '\n',
    ' x ',
    '-1.50',
    '1e3',
  ];
  expect((await run(fresh.db.pool, texts, [all]))[0]?.texts).toEqual(all);
  expect((await run(fresh.db.pool, texts, [[]]))[0]?.texts).toEqual([]);
});

test('numbers are written plainly, and what is neither text nor number is left to the driver', () => {
  expect(arrayText([1, -2.5, null, 'a'])).toBe('{1,-2.5,NULL,a}');
  expect(arrayText([Buffer.from('a')])).toBeNull();
  expect(arrayText([new Date(0)])).toBeNull();
  expect(arrayText([['a'], ['b']])).toBeNull();
  expect(arrayText([true])).toBeNull();
});
