import type { Database } from '#server/platform/database.ts';

type KeyRow = { name: string; from_table: string; from_columns: string[]; to_table: string; to_columns: string[] };

/** Every foreign key of the database that some row breaks, each looked for by one join: for rows that were written without looking. */
export async function findBrokenKeys(db: Database): Promise<string[]> {
  const { rows } = await db.pool.query<KeyRow>(
    `SELECT c.conname AS name, c.conrelid::regclass::text AS from_table, c.confrelid::regclass::text AS to_table,
            ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k (n, place) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.place) AS from_columns,
            ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k (n, place) JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.place) AS to_columns
     FROM pg_constraint c WHERE c.contype = 'f' AND c.conparentid = 0`,
  );
  const broken: string[] = [];
  const next = rows[Symbol.iterator]();
  const look = async () => {
    for (const key of next) {
      const count = await countBroken(db, key);
      if (count > 0) broken.push(`${key.name}: ${count} rows`);
    }
  };
  await Promise.all([look(), look()]);
  return broken;
}

async function countBroken(db: Database, { from_table, from_columns, to_table, to_columns }: KeyRow): Promise<number> {
  const given = from_columns.map((column) => `f.${column} IS NOT NULL`).join(' AND ');
  const equal = from_columns.map((column, index) => `t.${to_columns[index]} = f.${column}`).join(' AND ');
  const { rows } = await db.pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM ${from_table} f WHERE ${given} AND NOT EXISTS (SELECT FROM ${to_table} t WHERE ${equal})`,
  );
  return rows[0]?.count ?? 0;
}
