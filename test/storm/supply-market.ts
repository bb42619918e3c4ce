import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuOfPostgres, cpuOfProcess } from '#bench/cpu.ts';
import type { ConnectorKind } from '#server/connectors/connector.ts';
import { createAccount, sealNewAccount } from '#server/offers/commands.ts';
import { type Database, inTransaction, openDatabase } from '#server/platform/database.ts';
import { findFreePort } from '#server/platform/postgres-process.ts';
import { acgFakaProtocol } from '#test/simulators/acg-faka.ts';
import { dujiaoNextProtocol } from '#test/simulators/dujiao-next.ts';
import type { FaultShares } from '#test/simulators/faults.ts';
import { kasushouProtocol } from '#test/simulators/kasushou.ts';
import type { SimulatedGoods } from '#test/simulators/shop.ts';
import { type SimulatedProtocol, type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import { type ServerProcess, startServerProcess } from '#test/support/server-process.ts';
import { makeOffer, makeSku } from '#test/support/supply.ts';
import { startThrowawayCluster } from '#test/support/throwaway-cluster.ts';
import { testVault, type World, world } from '#test/support/world.ts';

/** A simulated upstream with the account that buys there. */
export interface MarketUpstream {
  readonly kind: ConnectorKind;
  readonly accountId: string;
  readonly simulator: Simulator;
}

/** Two server processes that buy, the upstreams they buy from, and a world whose reseller orders. */
export interface Market {
  readonly db: Database;
  readonly world: World;
  readonly upstreams: readonly MarketUpstream[];
  /** The SKUs that may be ordered, with what the buyer has to type for each. */
  readonly goods: readonly { readonly skuId: string; readonly input: Readonly<Record<string, string>> | null }[];
  /** Kills one of the two processes at once and starts it again. */
  killWorker(index: number): Promise<void>;
  /** CPU that was used so far, in microseconds; killed processes included. */
  cpu(): MarketCpu;
  close(): Promise<void>;
}

/** Microseconds of the servers, of PostgreSQL, and of this process: simulated upstreams and whoever orders. */
export type MarketCpu = { readonly servers: number; readonly postgres: number; readonly load: number };

const VAULT_KEY = `test:${'07'.repeat(32)}`;
const SESSION_SECRET = 'storm-storm-storm-storm-storm-storm';
const CALLBACK_RETRIES = [500, 1_000, 2_000, 4_000, 8_000, 16_000];
const SKU_COUNT = 4;
const CARD_CENTS = 4_600;
const TOP_UP_CENTS = 9_850;

type Speaker = {
  readonly kind: ConnectorKind;
  readonly protocol: () => SimulatedProtocol;
  readonly secret: Record<string, string>;
  readonly open: Record<string, string>;
  readonly callsAtOnce: number;
  readonly weight: number;
};
const SPEAKERS: readonly Speaker[] = [
  {
    kind: 'DUJIAO_NEXT',
    protocol: () => dujiaoNextProtocol({ apiKey: 'storm-key', apiSecret: 'storm-secret' }),
    secret: { api_secret: 'storm-secret' },
    open: { api_key: 'storm-key' },
    callsAtOnce: 8,
    weight: 45,
  },
  {
    kind: 'KASUSHOU_V2',
    protocol: () => kasushouProtocol({ userId: '10000', apiKey: 'storm-api-key' }),
    secret: { api_key: 'storm-api-key' },
    open: { user_id: '10000' },
    callsAtOnce: 8,
    weight: 45,
  },
  {
    kind: 'ACG_FAKA',
    protocol: () => acgFakaProtocol({ appId: '1000', appKey: '9F3C1A7B5D2E4F60' }),
    secret: { app_key: '9F3C1A7B5D2E4F60' },
    open: { app_id: '1000' },
    callsAtOnce: 1,
    weight: 6,
  },
];

/** What a market is made of. `kinds`: all protocols that there are when left out; `settings` go to both servers. */
export interface MarketSpec {
  readonly upstreamsOfKind: number;
  readonly faults: FaultShares;
  readonly kinds?: readonly ConnectorKind[];
  readonly settings?: Readonly<Record<string, string>>;
}

/** Opens a market: so many upstreams of every protocol, each with these faults. */
export async function openMarket(spec: MarketSpec): Promise<Market> {
  const directory = mkdtempSync(join(tmpdir(), 'fenzhan-supply-'));
  chmodSync(directory, 0o711);
  const cluster = await startThrowawayCluster(directory);
  const url = `${cluster.url}postgres`;
  const settings = {
    DATABASE_URL: url,
    VAULT_KEY,
    SESSION_SECRET,
    LOG_LEVEL: 'error',
    OUTGOING_ALLOWED_HOSTS: '127.0.0.1',
    SUPPLY_TIMEOUT: '1',
    ...spec.settings,
  };
  // one after the other: the first brings the database up to date
  const workers = [await startWorker(join(directory, 'a'), settings), await startWorker(join(directory, 'b'), settings)];
  const db = openDatabase({ url, poolSize: 4 });
  const w = await fillWorld(db);
  const upstreams = await openUpstreams(db, w, spec);
  return {
    db,
    world: w,
    upstreams,
    goods: Object.entries(w.skus)
      // only one of the protocols is sold a top-up by
      .filter(([name]) => name !== 'phone' || upstreams.some(({ kind }) => kind === 'KASUSHOU_V2'))
      .map(([name, skuId]) => ({ skuId, input: name === 'phone' ? { recharge_account: '13800138000' } : null })),
    killWorker: async (index) => workers[index % workers.length]?.restart(),
    cpu: () => {
      const { user, system } = process.cpuUsage();
      return {
        servers: workers.reduce((sum, worker) => sum + worker.cpu(), 0),
        postgres: cpuOfPostgres(cluster.pid),
        load: user + system,
      };
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all(upstreams.map(({ simulator }) => simulator.close()));
      await db.close();
      await cluster.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Worker {
  cpu(): number;
  restart(): Promise<void>;
  stop(): Promise<unknown>;
}

async function startWorker(dataDir: string, settings: Readonly<Record<string, string>>): Promise<Worker> {
  const port = await findFreePort(0);
  if (port === null) throw new Error('no free port');
  const start = () => startServerProcess({ dataDir, port, settings: { ...settings, PUBLIC_URL: `http://127.0.0.1:${port}` } });
  let running: ServerProcess = await start();
  let cpuOfKilled = 0;
  return {
    cpu: () => cpuOfKilled + cpuOfProcess(running.pid),
    restart: async () => {
      cpuOfKilled += cpuOfProcess(running.pid);
      await running.kill();
      running = await start();
    },
    stop: () => running.stop(),
  };
}

/** A reseller two levels below headquarters with money enough; card keys and a direct top-up that have to be bought. */
async function fillWorld(db: Database): Promise<World> {
  const cards = Array.from({ length: SKU_COUNT }, (_, index) => [`card${index + 1}`, { basePrice: '60.00' }] as const);
  const w = await world(db, {
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '900000000.00' } },
    suppliers: ['S', 'T', 'U'],
    skus: Object.fromEntries([...cards, ['phone', { basePrice: '120.00' }]]),
    rules: [
      { by: 'HQ', child: 'A', kind: 'PERCENT', value: '1' },
      { by: 'A', child: 'R', kind: 'FIXED', value: '0.30' },
    ],
  });
  for (const [name] of cards) await makeSku(db, w, name, { deliveryKind: 'SOURCED', routingPolicy: 'WEIGHTED' });
  const inputFields = [{ name: 'recharge_account', kind: 'PHONE' }];
  await makeSku(db, w, 'phone', { deliveryKind: 'SOURCED', goodsKind: 'TOP_UP', inputFields, routingPolicy: 'WEIGHTED' });
  return w;
}

async function openUpstreams(db: Database, w: World, spec: MarketSpec): Promise<MarketUpstream[]> {
  const upstreams: MarketUpstream[] = [];
  for (const [place, speaker] of SPEAKERS.entries()) {
    if (spec.kinds && !spec.kinds.includes(speaker.kind)) continue;
    for (let index = 0; index < spec.upstreamsOfKind; index += 1) {
      const number = place * spec.upstreamsOfKind + index + 1;
      const simulator = await startSimulator(speaker.protocol(), {
        goods: goodsOf(),
        openingCents: 100_000_000_000,
        mark: `S${number.toString(36).toUpperCase().padStart(3, '0')}`,
        faults: spec.faults,
        seed: number,
        callbackRetryMilliseconds: CALLBACK_RETRIES,
      });
      const supplier = ['S', 'T', 'U'][place] ?? 'S';
      const accountId = await openAccount(db, w, { supplier, speaker, url: simulator.url, name: `${speaker.kind} ${number}` });
      await offerAll(db, w, { supplier, speaker, accountId });
      upstreams.push({ kind: speaker.kind, accountId, simulator });
    }
  }
  return upstreams;
}

function goodsOf(): SimulatedGoods[] {
  const common = { category: '游戏点卡', stockCount: 10_000_000, minQuantity: 1, maxQuantity: 100, fields: [], isPaused: false };
  const cards = Array.from({ length: SKU_COUNT }, (_, index) => ({
    ...common,
    id: `${1001 + index}`,
    name: `点卡 ${index + 1}`,
    priceCents: CARD_CENTS,
    goodsKind: 'CARD_KEY' as const,
  }));
  const phone = { ...common, id: '2001', name: '话费', priceCents: TOP_UP_CENTS, goodsKind: 'TOP_UP' as const };
  return [...cards, { ...phone, fields: [{ name: 'recharge_account', label: '手机号码' }] }];
}

async function openAccount(
  db: Database,
  w: World,
  { supplier, speaker, url, name }: { readonly supplier: string; readonly speaker: Speaker; readonly url: string; readonly name: string },
): Promise<string> {
  const accountId = db.newId();
  const { callbackUrl: _, ...sealed } = sealNewAccount(testVault, { networkId: w.networkId, accountId, publicUrl: null }, speaker.secret);
  await inTransaction(db, (tx) =>
    createAccount(tx, {
      ...sealed,
      networkId: w.networkId,
      ownerId: w.hq,
      accountId,
      supplierId: w.suppliers[supplier] ?? '',
      name,
      kind: speaker.kind,
      baseUrl: url,
      currency: w.currency,
      settings: speaker.open,
      callsAtOnce: speaker.callsAtOnce,
      isEnabled: true,
      checkedAt: tx.now,
      createdBy: w.hq,
    }),
  );
  return accountId;
}

/** Card keys by every upstream; the top-up by those whose protocol names what it needs. */
async function offerAll(
  db: Database,
  w: World,
  { supplier, speaker, accountId }: { readonly supplier: string; readonly speaker: Speaker; readonly accountId: string },
): Promise<void> {
  const goodsOfKind = (id: string): Record<string, string> => {
    if (speaker.kind === 'ACG_FAKA') return { shared_code: id };
    // dujiao-next numbers its goods
    const number = `${Number(id) - 1000}`;
    return speaker.kind === 'KASUSHOU_V2' ? { id } : { product_id: number, sku_id: number };
  };
  for (let index = 0; index < SKU_COUNT; index += 1) {
    const goods = goodsOfKind(`${1001 + index}`);
    await makeOffer(db, w, { sku: `card${index + 1}`, supplier, unitCost: '46.00', accountId, goods, weight: speaker.weight });
  }
  if (speaker.kind === 'KASUSHOU_V2')
    await makeOffer(db, w, { sku: 'phone', supplier, unitCost: '98.50', accountId, goods: goodsOfKind('2001'), terms: 'OWN' });
}
