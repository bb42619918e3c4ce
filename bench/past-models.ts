import type { Database } from '#server/platform/database.ts';

/** Kinds of SKUs by the last digit of their code: headquarters prices it by itself, it has a control band, or neither. */
export const SKU_KINDS = ['0', '5', '1'] as const;

/** A kind of SKU from the alias of its table, as one of `SKU_KINDS`. */
export const kindOf = (sku: string): string => `CASE right(${sku}.code, 1) WHEN '0' THEN '0' WHEN '5' THEN '5' ELSE '1' END`;

/** The orders that all others repeat: one of each kind, by id. */
export interface Models {
  readonly orderIds: Readonly<Record<(typeof SKU_KINDS)[number], string>>;
}

/** Finds the first order of each kind of SKU; throws when the server has placed none of a kind. */
export async function readModels(db: Database, networkId: string): Promise<Models> {
  const { rows } = await db.pool.query<{ kind: string; id: string }>(
    `SELECT DISTINCT ON (1) ${kindOf('s')} AS kind, o.id FROM orders o JOIN sku s ON s.network_id = $1 AND s.id = o.sku_id
     WHERE o.network_id = $1 ORDER BY 1, o.id`,
    [networkId],
  );
  const idOf = (kind: string) => {
    const id = rows.find((row) => row.kind === kind)?.id;
    if (id === undefined) throw new Error(`the past repeats an order of every kind of SKU, and there is none of ${kind}`);
    return id;
  };
  return { orderIds: { '0': idOf('0'), '5': idOf('5'), '1': idOf('1') } };
}
