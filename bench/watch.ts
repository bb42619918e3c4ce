import { openStage } from './stage.ts';
import { FULL } from './options.ts';
import { shopOf, loadOf, writeTemplate, referenceLoadOf } from './order-loads.ts';
const stage = await openStage({ ...FULL, seconds: 5, warmSeconds: 2, rounds: 1 }, { shared_preload_libraries: 'auto_explain', 'auto_explain.log_min_duration': '1000', log_min_duration_statement: '1000' });
const site = await stage.site();
const t = setInterval(async () => {
  const { rows } = await site.db.pool.query(`SELECT pid, state, now() - query_start AS age, wait_event, left(regexp_replace(query, '\\s+', ' ', 'g'), 200) q FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() AND now() - query_start > '1s' AND datname = 'bench'`);
  for (const r of rows) console.log(JSON.stringify(r));
}, 1500);
try {
  const shop = await shopOf(stage, 'server'); const twin = await shopOf(stage, 'reference');
  const load = await loadOf(stage, site, shop);
  await writeTemplate(stage, site, twin);
  for (let i = 0; i < 2; i++) {
  await site.prepare(shop, shop.skuIds);
  const r = await site.measure(load); console.log('ours', r.perSecond, r.serverMicroseconds, r.postgresMicroseconds);
  await site.prepare(twin, twin.skuIds);
  const r2 = await site.measureAlone(referenceLoadOf(stage, site, twin, 16)); console.log('R', r2.perSecond, r2.postgresMicroseconds);
  }
} finally { clearInterval(t); (await import('node:fs')).copyFileSync(`${stage.cluster.directory}/postgres.log`, '/tmp/pg.log'); await stage.close(); }
