import { join } from 'node:path';
import { openStage } from './stage.ts';
import { FULL } from './options.ts';
import { cpuOfProcess, cpuOfPostgres } from './cpu.ts';
import { runLoad } from './load.ts';
import { referenceLoadOf, writeTemplate, shopOf } from './order-loads.ts';

const variants = process.argv.slice(2).map((text) => Object.fromEntries(text.split(',').filter((t) => t.includes('=')).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as [string, string])));
const rounds = Number(process.env['ROUNDS'] ?? 4);
const listSize = Number(process.env['LIST'] ?? 1);
const rate = process.env['RATE'] ? Number(process.env['RATE']) : null;
const seconds = Number(process.env['SECONDS'] ?? 4);
const connections = listSize > 1 ? 16 : Number(process.env['CONNECTIONS'] ?? 64);
const stage = await openStage({ ...FULL, seconds, warmSeconds: 1, rounds, stations: 1000, skus: 1000, connections }, process.env['STATS'] ? { shared_preload_libraries: 'pg_stat_statements' } : {});
try {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const twin = await shopOf(stage, 'reference');
  const servers = [];
  if (process.env['R']) { await writeTemplate(stage, site, twin); await site.endServers(); }
  for (const [index, variant] of variants.entries())
    servers.push(await (await import(`${variant['DIR'] ?? '/tmp/lead'}/test/support/server-process.ts`)).startServerProcess({ dataDir: join(stage.cluster.directory, `v${index}`), settings: { DATABASE_URL: site.url, LOG_LEVEL: 'warn', ...variant } }));
  if (process.env['STATS']) await site.db.pool.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  const results: number[][][] = [...variants, 0].map(() => []);
  for (const server of servers) process.kill(server.pid, 'SIGSTOP');
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, server] of servers.entries()) {
      await site.prepare(shop, shop.skuIds);
      process.kill(server.pid, 'SIGCONT');
      await new Promise((r) => setTimeout(r, 500));
      if (process.env['STATS']) await site.db.pool.query('SELECT pg_stat_statements_reset()');
      let s = 0, p = 0;
      const report = await runLoad(
        { kind: 'HTTP', urls: [server.url], secrets: shop.buyers.map(({ secret }) => secret), skuIds: shop.skuIds, connections, listSize, requestsPerSecond: rate, seconds, warmSeconds: 1 } as never,
        () => { s = cpuOfProcess(server.pid); p = cpuOfPostgres(stage.cluster.pid); },
      );
      const server1 = (cpuOfProcess(server.pid) - s) / report.count, pg1 = (cpuOfPostgres(stage.cluster.pid) - p) / report.count;
      if (round > 0) results[index]?.push([report.count / report.seconds, server1, pg1, report.p50, report.p99, report.clientMicroseconds]);
      if (process.env['STATS'] && round === rounds) {
        const { rows } = await site.db.pool.query(`SELECT calls, round(total_exec_time::numeric,1) AS ms, round((total_exec_time*1000/calls)::numeric,0) AS us_call, round((total_exec_time*1000/$1)::numeric,1) AS us_order, rows, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) AS q FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 24`, [report.count * (report.seconds + 1) / report.seconds]);
        console.log(variants[index]); console.table(rows);
      }
      await new Promise((r) => setTimeout(r, 1000));
      process.kill(server.pid, 'SIGSTOP');
    }
    if (process.env['R']) {
      await site.prepare(twin, twin.skuIds);
      const r = await site.measureAlone({ ...referenceLoadOf(stage, site, twin, Number(process.env['R'])) });
      site.hold(true);
      if (round > 0) results[variants.length]?.push([r.perSecond, 0, r.postgresMicroseconds, r.p50, r.p99, r.clientMicroseconds]);
    }
  }
  const med = (xs: number[]) => xs.toSorted((a, b) => a - b)[Math.floor(xs.length / 2)] ?? 0;
  console.table([...variants, 'R'].map((variant, index) => {
    const r = results[index] ?? [];
    const col = (k: number) => Math.round(med(r.map((x) => x[k] ?? 0)) * 10) / 10;
    return { variant: JSON.stringify(variant), perSecond: col(0), server: col(1), pg: col(2), client: col(5), p50: col(3), p99: col(4), all: r.map((x) => Math.round(x[0] ?? 0)).join(' ') };
  }));
  for (const server of servers) { process.kill(server.pid, 'SIGCONT'); await server.stop(); }
} finally {
  await stage.close();
}
