import { createHash } from 'node:crypto';
import { apiKeyPrefix } from '#server/accounts/rules.ts';
import type { Database } from '#server/platform/database.ts';
import type { Buyer, Shop } from './arrange.ts';
import { send } from './arrange-goods.ts';

/** A shop whose every buyer has a program. */
export type LargeShop = Shop & {
  /** So many different buyers, drawn uniformly from all; `without`: none below this station. */
  drawPrograms(count: number, without?: string): Promise<Buyer[]>;
};

/** What stands in for 32 random bytes: the benchmark must know it again, for a million keys. */
const secretOf = (stationId: string): string => createHash('sha256').update(`bench ${stationId}`).digest('base64url');

/** Gives every buyer a program by one statement, in the rows that `createApiKey` leaves; answers how to draw from them. */
export async function openAllPrograms(db: Database, { networkId, userId }: Shop): Promise<LargeShop['drawPrograms']> {
  await send(
    db.pool,
    `WITH made AS MATERIALIZED (
       SELECT uuidv7() AS id, s.id AS station_id, translate(rtrim(encode(sha256(convert_to('bench ' || s.id, 'UTF8')), 'base64'), '='), '+/', '-_') AS secret
       FROM station s WHERE s.network_id = $1 AND s.kind = 'RESELLER'
     )
     INSERT INTO api_key (network_id, id, station_id, name, prefix, secret_hash, scopes, allowed_ips, created_by, created_at)
     SELECT $1, m.id, m.station_id, 'all', 'fz_' || translate(rtrim(encode(uuid_send($1) || uuid_send(m.id), 'base64'), '='), '+/', '-_'),
       sha256(convert_to(m.secret, 'UTF8')), '{CATALOGUE_READ,ORDERS_READ,ORDERS_PLACE}', '{}', $2, now() FROM made m`,
    [networkId, userId],
  );
  return async (count, without) => {
    const { rows } = await db.pool.query<{ id: string; station_id: string }>(
      `SELECT k.id, k.station_id FROM api_key k JOIN station s ON s.network_id = $1 AND s.id = k.station_id
       WHERE k.network_id = $1 AND k.name = 'all' AND ($3::uuid IS NULL OR s.path[2] <> $3) ORDER BY random() LIMIT $2`,
      [networkId, count, without ?? null],
    );
    return rows.map(({ id, station_id }) => ({ stationId: station_id, secret: `${apiKeyPrefix(networkId, id)}_${secretOf(station_id)}` }));
  };
}
