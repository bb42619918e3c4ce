import { join } from 'node:path';
import pg from 'pg';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { type ServerProcess, startServerProcess } from '#test/support/server-process.ts';
import { type Shop, stockUp } from './arrange.ts';
import type { BenchCluster } from './cluster.ts';
import { cpuOfPostgres, cpuOfProcess } from './cpu.ts';
import { type HttpLoad, type LoadReport, type PageLoad, type ReferenceLoad, runLoad } from './load.ts';
import type { BenchOptions } from './options.ts';

/** A round of load with what it cost, in microseconds of CPU for one order or page. */
export interface Round extends LoadReport {
  readonly perSecond: number;
  readonly serverMicroseconds: number;
  readonly postgresMicroseconds: number;
}

/** A database with the servers that run on it. */
export interface Site {
  readonly name: string;
  readonly url: string;
  /** As the owner of the tables. */
  readonly db: Database;
  /** So many server processes that run. */
  servers(count: number): Promise<readonly ServerProcess[]>;
  /** A server of this case alone, with more settings; ended by `endServers`. */
  extraServer(settings: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /** Puts enough keys on the shelf for `orders` (a round, when left out), and throws away what makes one round unlike another. */
  prepare(shop: Shop, skuIds: readonly string[], orders?: number): Promise<void>;
  /** Brings all of its tables and indexes into memory, as a server that has run for a while has them; the smaller ones last, so that they stay. */
  warm(): Promise<void>;
  /** Runs a load while the servers of this site run. */
  measure(load: HttpLoad | PageLoad): Promise<Round>;
  /** Runs a load while all servers stand still, so that nothing but the reference works. */
  measureAlone(load: ReferenceLoad | PageLoad, pid?: number): Promise<Round>;
  /** Lets the servers stand still, or go on. */
  hold(still: boolean): void;
  endServers(): Promise<void>;
  close(): Promise<void>;
}

/** Where a site is. `others`: the sites that are to stand still while it measures. */
export interface SitePlace {
  readonly options: BenchOptions;
  readonly cluster: BenchCluster;
  readonly name: string;
  readonly url: string;
  others(): Promise<readonly Site[]>;
}

/** More than any round places, so that no SKU sells out. */
const ORDERS_PER_SECOND_MOST = 6_000;
const SELECTS = 2_000;
/** For making and checking data, never for what is measured: servers and references have the settings of the product. */
const MAKING = '-c work_mem=256MB -c maintenance_work_mem=512MB -c synchronous_commit=off -c jit=off';

/** Opens a site on a database that is there. */
export async function openSite({ options, cluster, name, url, others }: SitePlace): Promise<Site> {
  const db = openDatabase({ url: `${url}?options=${encodeURIComponent(MAKING)}`, role: null, poolSize: 4 });
  const running: ServerProcess[] = [];
  const extra: ServerProcess[] = [];
  let started = 0;
  const all = () => [...running, ...extra];
  const serverCpu = () => all().reduce((sum, { pid }) => sum + cpuOfProcess(pid), 0);
  const start = (settings: Readonly<Record<string, string>>) => {
    started += 1;
    const dataDir = join(cluster.directory, `server-${name}-${started}`);
    return startServerProcess({ dataDir, settings: { DATABASE_URL: url, LOG_LEVEL: 'warn', ...settings } });
  };
  const hold = (still: boolean) => {
    for (const server of all()) process.kill(server.pid, still ? 'SIGSTOP' : 'SIGCONT');
  };

  async function measured(load: HttpLoad | PageLoad | ReferenceLoad, cpu: () => number): Promise<Round> {
    const quiet = await others();
    for (const site of quiet) site.hold(true);
    let before = { server: 0, postgres: 0 };
    try {
      const report = await runLoad(load, () => {
        before = { server: cpu(), postgres: cpuOfPostgres(cluster.pid) };
      });
      const each = (microseconds: number) => microseconds / Math.max(1, report.count);
      return {
        ...report,
        perSecond: report.count / report.seconds,
        serverMicroseconds: each(cpu() - before.server),
        postgresMicroseconds: each(cpuOfPostgres(cluster.pid) - before.postgres),
      };
    } finally {
      for (const site of quiet) site.hold(false);
    }
  }

  return {
    name,
    url,
    db,
    hold,
    servers: async (count) => {
      while (running.length < count) running.push(await start({}));
      while (running.length > count) await running.pop()?.stop();
      return [...running];
    },
    extraServer: async (settings) => {
      const server = await start(settings);
      extra.push(server);
      return server;
    },
    prepare: async (shop, skuIds, orders = (options.seconds + options.warmSeconds) * ORDERS_PER_SECOND_MOST) => {
      const wanted = orders / skuIds.length;
      const keysPerSku = Math.ceil(wanted + 5 * Math.sqrt(wanted)) + 5;
      const { rows } = await db.pool.query<{ id: string }>(
        `SELECT s.id FROM unnest($2::uuid[]) AS s (id)
         WHERE (SELECT count(*) FROM (SELECT FROM card_key k WHERE k.network_id = $1 AND k.sku_id = s.id AND k.state = 'AVAILABLE' LIMIT $3) AS counted) < $3`,
        [shop.networkId, skuIds, keysPerSku],
      );
      if (rows.length > 0) await stockUp(db, shop.networkId, keysPerSku, rows.length === skuIds.length ? skuIds : rows.map(({ id }) => id));
      await db.pool.query('VACUUM ANALYZE');
      await db.pool.query('CHECKPOINT');
      if (running.length > 0) await untilRelayed(db);
    },
    warm: async () => {
      await db.pool.query('CREATE EXTENSION IF NOT EXISTS pg_prewarm');
      await db.pool.query(
        `SELECT sum(pg_prewarm(oid)) FROM (
           SELECT oid FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace ORDER BY pg_relation_size(oid) DESC
         ) AS relations`,
      );
    },
    measure: (load) => measured(load, serverCpu),
    measureAlone: async (load, pid) => {
      if (running.length > 0) await untilRelayed(db);
      hold(true);
      try {
        return await measured(load, () => (pid === undefined ? 0 : cpuOfProcess(pid)));
      } finally {
        // what the reference leaves in the outbox is nobody's to relay
        if (load.kind === 'REFERENCE') await db.pool.query('DELETE FROM outbox_event WHERE network_id = $1', [load.networkId]);
        hold(false);
      }
    },
    endServers: async () => {
      await Promise.all(all().map((server) => server.kill()));
      running.length = 0;
      extra.length = 0;
    },
    close: async () => {
      await Promise.all(all().map((server) => server.kill()));
      await db.close();
    },
  };
}

/** Until every event has its number and the overviews' figures have counted it. */
async function untilRelayed(db: Database): Promise<void> {
  for (;;) {
    const { rows } = await db.pool.query(
      `SELECT FROM outbox_event WHERE seq IS NULL UNION ALL
       SELECT FROM relay_position r JOIN roll_up_position p ON p.network_id = r.network_id WHERE p.last_seq < r.last_seq LIMIT 1`,
    );
    if (rows.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What a prepared `SELECT 1` takes of PostgreSQL's CPU, in microseconds: it tells how fast a machine is. */
export async function measureSelectOne(cluster: BenchCluster): Promise<number> {
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  const ask = async (count: number) => {
    for (let index = 0; index < count; index += 1) await client.query({ name: 'one', text: 'SELECT 1' });
  };
  await ask(100);
  const before = cpuOfPostgres(cluster.pid);
  await ask(SELECTS);
  const after = cpuOfPostgres(cluster.pid);
  await client.end();
  return (after - before) / SELECTS;
}
