import { join } from 'node:path';
import { startServerProcess } from '#test/support/server-process.ts';
import { openStage } from './stage.ts';
import { runLoad } from './load.ts';
const options = { seconds: 3, warmSeconds: 1, rounds: 1, stations: 1000, skus: 1000, pageStations: 0, pageSkus: 0, connections: 64 };
const stage = await openStage(options, {});
try {
  const shop = await stage.shop('server', { chain: 5, stations: 1000, skus: 1000, programs: 64 });
  const server = await startServerProcess({ dataDir: join(stage.cluster.directory, `v`), settings: { DATABASE_URL: stage.cluster.url, LOG_LEVEL: 'warn' } });
  await stage.prepare(shop, shop.skuIds);
  await runLoad({ kind: 'HTTP', urls: [server.url], secrets: shop.buyers.map(({ secret }) => secret), skuIds: shop.skuIds, connections: 64, listSize: 1, requestsPerSecond: null, seconds: 3, warmSeconds: 1 }, () => {});
  process.kill(server.pid, 'SIGSTOP');
  const c = await stage.db.pool.connect();
  await c.query('VACUUM ANALYZE');

  await c.query(`CREATE TEMP TABLE ps AS SELECT (jsonb_populate_record(NULL::posting, to_jsonb(t) || jsonb_build_object('id', gen_random_uuid()))).* FROM (SELECT * FROM posting ORDER BY id LIMIT 300) t`);
  await c.query(`CREATE TEMP TABLE hs AS SELECT (jsonb_populate_record(NULL::order_hop, to_jsonb(t) || jsonb_build_object('id', gen_random_uuid(), 'distance', 12, 'station_id', x.sid))).* FROM (SELECT *, row_number() over (order by id) rn FROM order_hop WHERE distance = 1 ORDER BY id LIMIT 150) t0 JOIN LATERAL (SELECT t1.* FROM order_hop t1 WHERE t1.network_id = t0.network_id AND t1.id = t0.id) t ON true JOIN (SELECT id sid, row_number() over (order by id) rn FROM station ORDER BY id DESC LIMIT 150) x ON true AND x.rn = (SELECT count(*) FROM station) - t0.rn + 1`);
  const arr = async (t: string, col: string) => (await c.query(`SELECT array_agg(${col} ORDER BY id)::text a FROM ${t}`)).rows[0].a;
  const P = [shop.networkId, await arr('ps','id'), await arr('ps','transfer_id'), await arr('ps','account_id'), await arr('ps','amount'), await arr('ps','reason'), await arr('ps','due_on'), await arr('ps','reverses_id'), new Date(), 'CNY'];
  const PQ = `WITH inserted AS (
     INSERT INTO posting (network_id, id, transfer_id, account_id, amount, currency, reason, due_on, reverses_id, created_at)
     SELECT $1, p.id, p.transfer_id, p.account_id, p.amount, $10, p.reason, p.due_on, p.reverses_id, $9
     FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::numeric[], $6::posting_reason[], $7::date[], $8::uuid[])
       AS p (id, transfer_id, account_id, amount, reason, due_on, reverses_id)
     JOIN account a ON a.network_id = $1 AND a.id = p.account_id AND a.currency = $10
     RETURNING transfer_id, account_id, amount
   ), unbalanced AS (
     SELECT transfer_id FROM inserted GROUP BY transfer_id HAVING sum(amount) <> 0
   ), guard AS (
     SELECT 1 / (CASE WHEN count(*) = 0 THEN 1 ELSE 1 END) AS balanced FROM unbalanced
   ), deltas AS (
     SELECT account_id, sum(amount) AS delta FROM inserted GROUP BY account_id
   ), updated AS (
     UPDATE account a SET balance = a.balance + d.delta, updated_at = $9
     FROM deltas d, guard g WHERE g.balanced = 1 AND a.network_id = $1 AND a.id = d.account_id
     RETURNING a.id
   )
   SELECT (SELECT count(*)::int FROM inserted) AS posting_count, (SELECT count(*)::int FROM updated) AS account_count`;
  for (let i = 0; i < 3; i++) {
    for (const [t, q, v] of [['posting', 'INSERT INTO posting SELECT * FROM ps', []], ['posting-unnest', PQ, P], ['hop', 'INSERT INTO order_hop SELECT * FROM hs', []]] as [string, string, unknown[]][]) {
      await c.query('BEGIN'); await c.query(`SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)`);
      try {
      const { rows } = await c.query(`EXPLAIN (ANALYZE, BUFFERS, WAL) ${q}`, v);
      console.log('==', t); for (const r of rows) if (i === 2 && t === 'posting-unnest' || /Trigger|Execution|Planning Time|^Insert|^Update|WAL/.test(r['QUERY PLAN'])) console.log(r['QUERY PLAN']);
      } catch (e) { console.log(t, String(e)); }
      await c.query('ROLLBACK');
    }
  }
  const { rows } = await c.query(`EXPLAIN (ANALYZE) SELECT 1 FROM generate_series(1,1000) g, LATERAL (SELECT id FROM station s WHERE s.network_id = $1 AND s.id = $2 AND g > 0) x`, [shop.networkId, shop.buyers[0]!.stationId]);
  for (const r of rows) console.log(r['QUERY PLAN']);
  c.release();
  process.kill(server.pid, 'SIGCONT'); await server.stop();
} finally { await stage.close(); }
