import { createApiKey, writeAudit } from '#server/accounts/commands.ts';
import { type Permission, permissionsOfRole, type Role, type Viewer } from '#server/accounts/rules.ts';
import { readQuote } from '#server/flows/quote.ts';
import { relayOnce } from '#server/live/relay.ts';
import { rollUpOnce } from '#server/live/roll-ups.ts';
import { type ControllableClock, controllableClock } from '#server/platform/clock.ts';
import { type Database, inTransaction, openDatabase } from '#server/platform/database.ts';
import { gatherStatistics } from '#server/platform/first-statistics.ts';
import { toAmountString } from '#server/platform/money.ts';
import { hashPassword } from '#server/platform/password.ts';
import type { Vault } from '#server/platform/vault.ts';
import { type DemoData, readDemoData } from './data.ts';
import { createKeyMaker } from './make-keys.ts';
import { DEMO_PASSWORD, ownerViewer, stationViewer } from './people.ts';
import { type DemoPlan, type DemoSize, planDemo } from './plan-demo.ts';
import { playStory, type Stage, type StoryOutcome } from './play-story.ts';
import { playSupply } from './play-supply.ts';
import { createRandom } from './random.ts';
import { type CatalogueIds, writeCatalogue, writePricing } from './write-catalogue.ts';
import { known, type NetworkIds, writeNetwork } from './write-network.ts';

/** Where the demo goes, and how large it is. */
export interface DemoOptions extends DemoSize {
  /** The database as the application reaches it; migrated and empty. */
  readonly databaseUrl: string;
  /** The same as the user that owns its tables: refreshes the planner's statistics. */
  readonly ownerUrl: string;
  readonly vault: Vault;
  /** The instant at which the story ends; the machine's present unless said otherwise. */
  readonly until?: Date;
}

/** A person who can sign in, and for whom she works. */
export interface DemoSignIn {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly party: string;
}

/** The demo as it was loaded: what a newcomer needs to look around and to place an order. */
export interface DemoLoaded {
  readonly networkId: string;
  readonly signIns: readonly DemoSignIn[];
  /** The one password of all sign-ins. */
  readonly password: string;
  /** A program of the demo reseller; null in a demo too small to have it. */
  readonly apiKey: string | null;
  /** An order that this program can place; `maxTotal` is a decimal text. */
  readonly sampleOrder: { readonly skuId: string; readonly name: string; readonly quantity: number; readonly maxTotal: string } | null;
  /** How the orders of the story ended, by kind of outcome. */
  readonly outcomes: StoryOutcome;
}

/** The audit entries that mark a network as the demo: begun with its first row, loaded with its last. */
export const DEMO_BEGUN = 'demo.begun';
/** See `DEMO_BEGUN`. */
export const DEMO_LOADED = 'demo.loaded';

/**
 * How the loader's connections differ: whoever loses power while the demo loads loads it again, and tables that are empty when
 * a statement is planned are not when it runs for the thousandth time.
 */
const LOADING = ['synchronous_commit = off', 'enable_seqscan = off'];

const FINANCE = 'finance@demo.fenzhan.local';
const REVIEWER = 'finance2@demo.fenzhan.local';
const RESELLER = 'HD-HZ-BJ-01';
/** A sample that is sold out after three tries is no sample; stock too large to be counted is null. */
const ENOUGH = 5;
const PROGRAM_PERMISSIONS: readonly Permission[] = ['CATALOGUE_READ', 'ORDERS_READ', 'ORDERS_PLACE', 'CARD_KEYS_REVEAL', 'WALLET_READ'];

/**
 * Loads the demo network into an empty database: what stands still by set-based inserts, everything that moves money or goods
 * through the real flows, on a clock that lives through the story's days. The same size and seed give the same business.
 */
export async function loadDemo(options: DemoOptions): Promise<DemoLoaded> {
  const data = readDemoData();
  const plan = planDemo(data, options, options.until ?? new Date());
  const clock = controllableClock(plan.story.start);
  const db = openDatabase({ url: options.databaseUrl, clock: clock.now, poolSize: 2 });
  db.pool.on('connect', (client) => {
    for (const setting of LOADING) void client.query(`SET ${setting}`).catch((error: Error) => client.emit('error', error));
  });
  try {
    return await tellStory({ db, clock, data, plan, options });
  } finally {
    await db.close();
  }
}

interface Telling {
  readonly db: Database;
  readonly clock: ControllableClock;
  readonly data: DemoData;
  readonly plan: DemoPlan;
  readonly options: DemoOptions;
}

async function tellStory(telling: Telling): Promise<DemoLoaded> {
  const { db, data, plan, options } = telling;
  const refreshStatistics = () => gatherStatistics(options.ownerUrl);
  const { network, goods } = await writeGround(telling);
  await refreshStatistics();
  const stage = setStage(telling, network, goods, refreshStatistics);
  const outcomes = await playStory(stage, plan.story);
  await playSupply(stage);
  await relayOnce(db);
  await rollUpOnce(db);
  const { secret, sampleOrder } = await openDoor(stage, plan);
  await refreshStatistics();
  const owner = ownerViewer(network, data.network.stations.code);
  await inTransaction(db, (tx) => writeAudit(tx, owner, { action: DEMO_LOADED, subjectId: null, data: Object.fromEntries(outcomes) }));
  return {
    networkId: network.networkId,
    signIns: signInsOf(data, network),
    password: DEMO_PASSWORD,
    apiKey: secret,
    sampleOrder,
    outcomes,
  };
}

/** Everything that stands before the first day. */
async function writeGround({ db, data, plan }: Telling): Promise<{ network: NetworkIds; goods: CatalogueIds }> {
  const passwordHash = await hashPassword(DEMO_PASSWORD);
  const { shape, seed } = plan;
  const { start } = plan.story;
  return inTransaction(db, async (tx) => {
    const network = await writeNetwork(tx, { data, shape, start, passwordHash });
    await writeAudit(tx, ownerViewer(network, data.network.stations.code), { action: DEMO_BEGUN, subjectId: null, data: { seed } });
    const goods = await writeCatalogue(tx, network, { data, shape, start });
    await writePricing(tx, network, goods, { data, shape, start });
    return { network, goods };
  });
}

function setStage(
  { db, clock, data, plan, options }: Telling,
  network: NetworkIds,
  goods: CatalogueIds,
  refreshStatistics: () => Promise<void>,
): Stage {
  const headquarters = data.network.stations.code;
  const { vault } = options;
  const finance = stationViewer(network, headquarters, { userId: known(network.users, FINANCE), role: 'FINANCE' });
  const reviewer = stationViewer(network, headquarters, { userId: known(network.users, REVIEWER), role: 'FINANCE' });
  return {
    office: { db, vault, network, goods, finance, reviewer, headquarters },
    stock: {
      ledger: { networkId: network.networkId, currency: data.network.network.currency },
      network,
      goods,
      skus: new Map(plan.shape.skus.map((sku) => [sku.code, sku])),
      vault,
      makeKey: createKeyMaker(data.keyFormats, createRandom(plan.seed, 'keys')),
      headquarters,
    },
    data,
    clock,
    buyers: new Map(plan.shape.stations.map(({ code }) => [code, ownerViewer(network, code)])),
    refreshStatistics,
  };
}

/** Makes the reseller's program and finds it something to buy. */
async function openDoor(
  { office, stock }: Stage,
  plan: DemoPlan,
): Promise<{ secret: string | null; sampleOrder: DemoLoaded['sampleOrder'] }> {
  const { db, network, goods } = office;
  if (!network.stations.has(RESELLER)) return { secret: null, sampleOrder: null };
  const reseller: Viewer = { ...ownerViewer(network, RESELLER), permissions: permissionsOfRole.OWNER };
  const request = { name: '演示程序', permissions: PROGRAM_PERMISSIONS, expiresAt: null, allowedIps: [] };
  const key = await inTransaction(db, (tx) => createApiKey(tx, reseller, request));
  if (key.kind !== 'API_KEY_CREATED') throw new Error(`the demo could not make an API key: ${key.message}`);
  const bestSellers = [...plan.shape.skus]
    .filter((sku) => sku.owner === stock.headquarters && sku.minQuantity === 1)
    .sort((a, b) => b.weight - a.weight);
  for (const sku of bestSellers) {
    const skuId = known(goods.skus, sku.code);
    const quote = await readQuote(db, reseller, { skuId, quantity: 1 });
    if (quote.kind !== 'QUOTE' || (quote.stock.availableCount ?? ENOUGH) < ENOUGH) continue;
    const product = plan.shape.products.find(({ code }) => code === sku.product);
    return {
      secret: key.secret,
      sampleOrder: { skuId, name: `${product?.name ?? ''} ${sku.name}`, quantity: 1, maxTotal: toAmountString(quote.total) },
    };
  }
  return { secret: key.secret, sampleOrder: null };
}

function signInsOf({ network }: DemoData, { stations }: NetworkIds): DemoSignIn[] {
  const named = new Map<string, string>(network.suppliers.map(({ code, name }) => [code, name]));
  const visit = (station: DemoData['network']['stations']): void => {
    named.set(station.code, station.name);
    for (const each of station.children) visit(each);
  };
  visit(network.stations);
  return network.people.flatMap(({ email, name, memberships }) => {
    const first = memberships.find((held) => 'supplier' in held || stations.has(held.station));
    if (first === undefined) return [];
    return [{ email, name, role: first.role, party: known(named, 'supplier' in first ? first.supplier : first.station) }];
  });
}
