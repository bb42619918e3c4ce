import { join } from 'node:path';
import { auditLedger } from '#server/ledger/reads.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { type ServerProcess, startServerProcess } from '#test/support/server-process.ts';
import { arrangeShop, type Shop, type ShopSize, stockUp } from './arrange.ts';
import { type BenchCluster, startBenchCluster } from './cluster.ts';
import { cpuOfPostgres, cpuOfProcess } from './cpu.ts';
import { type HttpLoad, type LoadReport, type PageLoad, type ReferenceLoad, runLoad } from './load.ts';

/** How long and how large; see `npm run bench -- --help`. */
export interface BenchOptions {
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly rounds: number;
  readonly stations: number;
  readonly skus: number;
  readonly pageStations: number;
  readonly pageSkus: number;
  readonly connections: number;
}

/** A round of load with what it cost, in microseconds of CPU for one order or page. */
export interface Round extends LoadReport {
  readonly perSecond: number;
  readonly serverMicroseconds: number;
  readonly postgresMicroseconds: number;
}

/** Everything that cases run on. Shops and servers are made when a case first asks for them. */
export interface Stage {
  readonly options: BenchOptions;
  readonly cluster: BenchCluster;
  /** As the owner of the tables. */
  readonly db: Database;
  /** A network of this size and name, made once; R has one of its own, since its balances are wrong on purpose. */
  shop(name: string, size: Omit<ShopSize, 'keysPerSku'>): Promise<Shop>;
  /** So many server processes that run. */
  servers(count: number): Promise<readonly ServerProcess[]>;
  /** Puts enough keys on the shelf for a round of load, and throws away what makes one round unlike another. */
  prepare(shop: Shop, skuIds: readonly string[]): Promise<void>;
  /** Runs a load while the servers run. */
  measure(load: HttpLoad | PageLoad): Promise<Round>;
  /** Runs a load while the servers stand still, so that nothing but the reference works. */
  measureAlone(load: ReferenceLoad | PageLoad, pid?: number): Promise<Round>;
  /** Throws unless every invariant of the shop's network holds. */
  audit(shop: Shop): Promise<void>;
  close(): Promise<void>;
}

/** More than any round places, so that no SKU sells out. */
const ORDERS_PER_SECOND_MOST = 6_000;

/** Starts the benchmark's cluster; `settings` as in `startBenchCluster`. */
export async function openStage(options: BenchOptions, settings: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const cluster = await startBenchCluster(settings);
  const db = openDatabase({ url: cluster.url, role: null, poolSize: 4 });
  const shops = new Map<string, Promise<Shop>>();
  const running: ServerProcess[] = [];
  const now = () => ({ servers: running.reduce((sum, { pid }) => sum + cpuOfProcess(pid), 0), postgres: cpuOfPostgres(cluster.pid) });

  async function measured(load: HttpLoad | PageLoad | ReferenceLoad, serverCpu: () => number): Promise<Round> {
    let before = { server: 0, postgres: 0 };
    const report = await runLoad(load, () => {
      before = { server: serverCpu(), postgres: cpuOfPostgres(cluster.pid) };
    });
    const each = (microseconds: number) => microseconds / Math.max(1, report.count);
    return {
      ...report,
      perSecond: report.count / report.seconds,
      serverMicroseconds: each(serverCpu() - before.server),
      postgresMicroseconds: each(cpuOfPostgres(cluster.pid) - before.postgres),
    };
  }

  async function untilRelayed(): Promise<void> {
    for (;;) {
      const { rows } = await db.pool.query('SELECT FROM outbox_event WHERE seq IS NULL LIMIT 1');
      if (rows.length === 0 || running.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  return {
    options,
    cluster,
    db,
    shop: (name, size) => {
      const known =
        shops.get(name) ??
        arrangeShop(db, { ...size, keysPerSku: 20 }).then(async (shop) => {
          await db.pool.query('VACUUM ANALYZE');
          return shop;
        });
      shops.set(name, known);
      return known;
    },
    servers: async (count) => {
      while (running.length < count) {
        running.push(
          await startServerProcess({
            dataDir: join(cluster.directory, `server-${running.length + 1}`),
            settings: { DATABASE_URL: cluster.url, LOG_LEVEL: 'warn' },
          }),
        );
      }
      while (running.length > count) await running.pop()?.stop();
      return [...running];
    },
    prepare: async (shop, skuIds) => {
      const wanted = ((options.seconds + options.warmSeconds) * ORDERS_PER_SECOND_MOST) / skuIds.length;
      const keysPerSku = Math.ceil(wanted + 5 * Math.sqrt(wanted)) + 5;
      const { rows } = await db.pool.query<{ least: number }>(
        `SELECT min((SELECT count(*)::int FROM card_key k WHERE k.network_id = $1 AND k.sku_id = s.id AND k.state = 'AVAILABLE')) AS least
         FROM unnest($2::uuid[]) AS s (id)`,
        [shop.networkId, skuIds],
      );
      if ((rows[0]?.least ?? 0) < keysPerSku) await stockUp(db, shop.networkId, keysPerSku, skuIds);
      await db.pool.query('VACUUM ANALYZE');
      await db.pool.query('CHECKPOINT');
      await untilRelayed();
    },
    measure: (load) => measured(load, () => now().servers),
    measureAlone: async (load, pid) => {
      await untilRelayed();
      for (const server of running) process.kill(server.pid, 'SIGSTOP');
      try {
        return await measured(load, () => (pid === undefined ? 0 : cpuOfProcess(pid)));
      } finally {
        // what the reference leaves in the outbox is nobody's to relay
        if (load.kind === 'REFERENCE') await db.pool.query('DELETE FROM outbox_event WHERE network_id = $1', [load.networkId]);
        for (const server of running) process.kill(server.pid, 'SIGCONT');
      }
    },
    audit: async ({ networkId }) => {
      const breaches = await auditLedger(db.pool, networkId);
      if (breaches.length > 0) throw new Error(`the audit found ${breaches.length} breaches, the first: ${JSON.stringify(breaches[0])}`);
    },
    close: async () => {
      while (running.length > 0) await running.pop()?.stop();
      await db.close();
      await cluster.stop();
    },
  };
}
