import type { Shop } from './arrange.ts';
import { query } from './cluster.ts';
import type { HttpLoad } from './load.ts';
import { type CaseResult, costOf, median, resultOf, short } from './report.ts';
import type { Round, Stage } from './stage.ts';

const CHAIN = 5;
const PROGRAMS = 64;
const REFERENCE_CONNECTIONS = 16;
/** Below this on two cores, R is too slow to be a reference. */
const REFERENCE_LEAST = 3_000;
const LIST = 100;
const LIST_CONNECTIONS = 16;

/** Single orders through GraphQL against R. */
export async function singleOrders(stage: Stage): Promise<CaseResult> {
  const { ours, references } = await againstReference(stage, {});
  return resultOf('single orders', {
    unit: 'orders/s',
    values: ours.map(rate),
    references: references.map(rate),
    goal: '≥ 1.0',
    notes: [...warnings(references), costOf('ours', ours), costOf('R', references)],
  });
}

/** Orders in lists of 100 through GraphQL against R. */
export async function listsOfOrders(stage: Stage): Promise<CaseResult> {
  const { ours, references } = await againstReference(stage, { listSize: LIST, connections: LIST_CONNECTIONS });
  return resultOf('lists of 100', {
    unit: 'orders/s',
    values: ours.map(rate),
    references: references.map(rate),
    goal: '≥ 1.5',
    notes: [...warnings(references), costOf('ours', ours), costOf('R', references)],
  });
}

/** The slowest hundredth of single orders at half of what the server can, against R's transaction with the machine to itself. */
export async function latencyAtHalfLoad(stage: Stage): Promise<CaseResult> {
  const shop = await shopOf(stage, 'server');
  const load = await loadOf(stage, shop, {});
  await stage.prepare(shop, shop.skuIds);
  const full = await stage.measure(load);
  const { ours, references } = await againstReference(stage, { requestsPerSecond: full.perSecond / 2 }, 1);
  return resultOf('p99 at half load', {
    unit: 'ms',
    values: ours.map(({ p99 }) => p99),
    references: references.map(({ p50 }) => p50),
    goal: '≤ 15',
    notes: [
      `half of ${short(full.perSecond)} orders/s, sent at fixed times`,
      costOf('ours', ours),
      `R on one connection: ${short(median(references.map(rate)))} orders/s`,
    ],
  });
}

/** Everybody orders one SKU, against a thousand. */
export async function hotSku(stage: Stage): Promise<CaseResult> {
  const shop = await shopOf(stage, 'server');
  const spread: Round[] = [];
  const hot: Round[] = [];
  const load = await loadOf(stage, shop, {});
  for (let round = 0; round < stage.options.rounds; round += 1) {
    const skuIds = shop.skuIds.slice(0, 1);
    await stage.prepare(shop, skuIds);
    hot.push(await stage.measure({ ...load, skuIds }));
    await stage.prepare(shop, shop.skuIds);
    spread.push(await stage.measure(load));
  }
  await stage.audit(shop);
  return resultOf('one hot SKU', {
    unit: 'orders/s',
    values: hot.map(rate),
    references: spread.map(rate),
    goal: '≥ 0.7',
    notes: [costOf('hot', hot), costOf(`spread over ${shop.skuIds.length}`, spread)],
  });
}

/** Two server processes on one database against one. */
export async function twoServers(stage: Stage): Promise<CaseResult> {
  const shop = await shopOf(stage, 'server');
  const rounds: Record<1 | 2, Round[]> = { 1: [], 2: [] };
  for (let round = 0; round < stage.options.rounds; round += 1) {
    for (const count of [2, 1] as const) {
      const urls = (await stage.servers(count)).map(({ url }) => url);
      await stage.prepare(shop, shop.skuIds);
      rounds[count].push(await stage.measure({ ...(await loadOf(stage, shop, {})), urls }));
    }
  }
  await stage.audit(shop);
  return resultOf('two server processes', {
    unit: 'orders/s',
    values: rounds[2].map(rate),
    references: rounds[1].map(rate),
    goal: '≥ 1.0',
    notes: [costOf('two', rounds[2]), costOf('one', rounds[1])],
  });
}

/** Rounds of ours and of R in turn, on two networks of one size; the audit of ours is clean afterwards. */
async function againstReference(
  stage: Stage,
  change: Partial<HttpLoad>,
  referenceConnections = REFERENCE_CONNECTIONS,
): Promise<{ ours: Round[]; references: Round[] }> {
  const shop = await shopOf(stage, 'server');
  const twin = await shopOf(stage, 'reference');
  const load = await loadOf(stage, shop, change);
  await writeTemplate(stage, twin);
  const ours: Round[] = [];
  const references: Round[] = [];
  const { seconds, warmSeconds, rounds } = stage.options;
  // tables that were empty a moment ago and a server that has just started tell nothing: the first round of each does not count
  for (let round = -1; round < rounds; round += 1) {
    await stage.prepare(shop, shop.skuIds);
    ours.push(await stage.measure(load));
    await stage.prepare(twin, twin.skuIds);
    references.push(
      await stage.measureAlone({
        kind: 'REFERENCE',
        url: stage.cluster.url,
        networkId: twin.networkId,
        skuIds: twin.skuIds,
        buyerIds: twin.buyers.map(({ stationId }) => stationId),
        connections: referenceConnections,
        seconds,
        warmSeconds,
      }),
    );
  }
  await stage.audit(shop);
  return { ours: ours.slice(1), references: references.slice(1) };
}

function shopOf(stage: Stage, name: 'server' | 'reference'): Promise<Shop> {
  const { stations, skus } = stage.options;
  return stage.shop(name, { chain: CHAIN, stations, skus, programs: PROGRAMS });
}

async function loadOf(stage: Stage, shop: Shop, change: Partial<HttpLoad>): Promise<HttpLoad> {
  const { seconds, warmSeconds, connections } = stage.options;
  const servers = await stage.servers(1);
  return {
    kind: 'HTTP',
    urls: servers.map(({ url }) => url),
    secrets: shop.buyers.map(({ secret }) => secret),
    skuIds: shop.skuIds,
    connections,
    listSize: 1,
    requestsPerSecond: null,
    seconds,
    warmSeconds,
    ...change,
  };
}

/** R repeats an order: the server places one in R's own network. */
async function writeTemplate(stage: Stage, twin: Shop): Promise<void> {
  const [known] = await query(stage.cluster.url, 'SELECT FROM orders WHERE network_id = $1 LIMIT 1', [twin.networkId]);
  if (known !== undefined) return;
  // of a SKU whose price every hop makes by its category's percentage
  const load = await loadOf(stage, twin, {
    skuIds: twin.skuIds.slice(0, 1),
    connections: 1,
    requestsPerSecond: 4,
    seconds: 1,
    warmSeconds: 0,
  });
  await stage.measure(load);
}

function warnings(references: readonly Round[]): string[] {
  const least = median(references.map(rate));
  return least < REFERENCE_LEAST
    ? [`WARNING: R reached only ${short(least)} orders/s: it is too slow (or the machine too busy) to be a reference`]
    : [];
}

function rate({ perSecond }: Round): number {
  return perSecond;
}
