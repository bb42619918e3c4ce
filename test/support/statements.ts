import type pg from 'pg';
import type { Database } from '#server/platform/database.ts';

/** What was sent to the database while counting: names of prepared statements, else their first word. */
export type CountedStatements = { readonly names: readonly string[] };

/** Counts the statements that `work` sends through a database's pool, transactions' BEGIN and COMMIT included. */
export async function countStatements(db: Database, work: () => Promise<unknown>): Promise<CountedStatements> {
  const names: string[] = [];
  const undo: (() => void)[] = [];
  const watched = new Set<pg.PoolClient>();
  const watch = (client: pg.PoolClient) => {
    // a connection that is taken again is watched already
    if (watched.has(client)) return;
    watched.add(client);
    const query = client.query;
    const counted = (...sent: unknown[]) => {
      const [first] = sent;
      names.push(
        typeof first === 'string'
          ? first.split(/\s/)[0] || first
          : ((first as { name?: string; text?: string }).name ?? (first as { text?: string }).text?.split(/\s/)[0] ?? '?'),
      );
      return Reflect.apply(query, client, sent) as unknown;
    };
    client.query = counted as typeof client.query;
    undo.push(() => {
      client.query = query;
    });
  };
  db.pool.on('acquire', watch);
  try {
    await work();
  } finally {
    db.pool.off('acquire', watch);
    for (const back of undo.reverse()) back();
  }
  return { names };
}
