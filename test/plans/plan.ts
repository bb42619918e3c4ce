import type pg from 'pg';
import type { Database } from '#server/platform/database.ts';

/** What a plan reads: the indexes that it goes by, what bounds their ranges, and the tables that it reads from end to end. */
export interface Plan {
  readonly indexes: readonly string[];
  readonly conditions: readonly string[];
  readonly scanned: readonly string[];
}

type PlanNode = { 'Node Type': string; 'Index Name'?: string; 'Index Cond'?: string; 'Relation Name'?: string; Plans?: PlanNode[] };

/** The prepared statements that `work` sends through a database's pool: their texts by their names. */
export async function statementsOf(db: Database, work: () => Promise<void>): Promise<Map<string, string>> {
  const sent = new Map<string, string>();
  const watched = new Map<pg.PoolClient, pg.PoolClient['query']>();
  const watch = (client: pg.PoolClient) => {
    if (watched.has(client)) return;
    const { query } = client;
    watched.set(client, query);
    const noting = (...given: unknown[]) => {
      const [first] = given as [{ name?: string; text: string } | string];
      if (typeof first !== 'string' && first.name !== undefined) sent.set(first.name, first.text);
      return Reflect.apply(query, client, given) as unknown;
    };
    client.query = noting as typeof client.query;
  };
  db.pool.on('acquire', watch);
  await work();
  db.pool.off('acquire', watch);
  for (const [client, query] of watched) client.query = query;
  return sent;
}

/** The plan that PostgreSQL keeps for a statement, for any parameters; `settled`: as in the transactions of the money path and roll-ups. */
export async function genericPlan(client: pg.Client, text: string, settled: boolean): Promise<Plan> {
  await client.query(`BEGIN; SET LOCAL enable_seqscan = ${settled ? 'off' : 'on'}`);
  try {
    const { rows } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`);
    return planOf(rows[0]?.['QUERY PLAN'].flatMap(({ Plan: top }) => flat(top)) ?? []);
  } finally {
    await client.query('ROLLBACK');
  }
}

function planOf(nodes: readonly PlanNode[]): Plan {
  return {
    indexes: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))].toSorted(),
    conditions: nodes.flatMap((node) => node['Index Cond'] ?? []),
    scanned: nodes.flatMap((node) => (node['Node Type'] === 'Seq Scan' ? (node['Relation Name'] ?? []) : [])),
  };
}

function flat(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flat)];
}
