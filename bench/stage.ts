import { auditLedger } from '#server/ledger/reads.ts';
import { arrangeShop, type Shop, type ShopSize } from './arrange.ts';
import { type BenchCluster, startBenchCluster } from './cluster.ts';
import type { BenchOptions } from './options.ts';
import { measureSelectOne, openSite, type Site } from './site.ts';

/** Everything that cases run on. Databases, shops and servers are made when a case first asks for them, and kept for the next. */
export interface Stage {
  readonly options: BenchOptions;
  readonly cluster: BenchCluster;
  /** Microseconds of PostgreSQL's CPU that `SELECT 1` takes here, prepared: how fast this machine is. */
  readonly selectOneMicroseconds: number;
  /** A database of its own with servers of its own; those of all other sites stand still while it measures. */
  site(name?: string): Promise<Site>;
  /** A network of this size and name in the site's database, made once; R has one of its own, since its balances are wrong on purpose. */
  shop(site: Site, name: string, size: Omit<ShopSize, 'keysPerSku'> & { readonly keysPerSku?: number }): Promise<Shop>;
  /** What a run makes once under a name; what failed to be made is tried again when it is asked for again. */
  once<Thing>(name: string, make: () => Promise<Thing>): Promise<Thing>;
  /** Throws unless every invariant of the shop's network holds. */
  audit(site: Site, shop: Shop): Promise<void>;
  /** Says what is being done. */
  say(progress: string): void;
  /** Ends all servers, so that what failed in one case is not met by the next. */
  endServers(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the benchmark's cluster; `settings` as in `startBenchCluster`. */
export async function openStage(options: BenchOptions, settings: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const cluster = await startBenchCluster(settings);
  const sites = new Map<string, Promise<Site>>();
  const things = new Map<string, Promise<unknown>>();
  const opened = async () =>
    (await Promise.allSettled(sites.values())).flatMap((site) => (site.status === 'fulfilled' ? [site.value] : []));
  const began = performance.now();
  const say = (progress: string) => console.log(`  … ${Math.round((performance.now() - began) / 1000)} s: ${progress}`);
  const selectOneMicroseconds = await measureSelectOne(cluster);
  say(`PostgreSQL runs; SELECT 1 takes ${selectOneMicroseconds.toFixed(0)} µs of its CPU`);

  return {
    options,
    cluster,
    selectOneMicroseconds,
    site: (name = 'bench') =>
      remembered(sites, name, async () =>
        openSite({
          options,
          cluster,
          name,
          url: name === 'bench' ? cluster.url : await cluster.database(name),
          others: async () => (await opened()).filter((site) => site.name !== name),
        }),
      ),
    once: (name, make) => remembered(things, name, make),
    shop: (site, name, size) =>
      remembered(things, `${site.name}/${name}`, async () => {
        say(`making the network ${name}: ${size.stations} stations, ${size.skus} SKUs`);
        const shop = await arrangeShop(site.db, { keysPerSku: 20, ...size });
        await site.db.pool.query('VACUUM ANALYZE');
        return shop;
      }),
    audit: async (site, { networkId }) => {
      const breaches = await auditLedger(site.db.pool, networkId);
      if (breaches.length > 0) throw new Error(`the audit found ${breaches.length} breaches, the first: ${JSON.stringify(breaches[0])}`);
    },
    say,
    endServers: async () => {
      for (const site of await opened()) await site.endServers();
    },
    close: async () => {
      for (const site of await opened()) await site.close();
      await cluster.stop();
    },
  };
}

function remembered<Thing>(things: Map<string, Promise<unknown>>, name: string, make: () => Promise<Thing>): Promise<Thing> {
  // a name stands for one kind of thing, whoever asks
  const known = things.get(name) as Promise<Thing> | undefined;
  if (known !== undefined) return known;
  const made = make();
  things.set(name, made);
  made.catch(() => things.delete(name));
  return made;
}
