import type { Permission } from '#server/accounts/rules.ts';
import { openProgram } from './arrange.ts';
import { type PastSite, pastSites } from './large-site.ts';
import { runLoad } from './load.ts';
import { loadOf, placeOne, rateText } from './order-loads.ts';
import { type CaseResult, costOf, median, resultOf, short } from './report.ts';
import type { Round } from './site.ts';
import type { Stage } from './stage.ts';
import { inTurn } from './turns.ts';
import { openWire, postOf, type Wire } from './wire.ts';

/** Drawn anew for every round, from all. */
const DRAWN = 20_000;
const OVERVIEW_CONNECTIONS = 2;
const OVERVIEW_PROGRAMS = 8;
const STALENESS_SAMPLES = 20;
const OVERVIEW = `{ gmvOverview(range: DAYS_60) { totals { orderCount gmv { amount } margin { amount } commission { amount } refundTotal { amount } }
  comparison { gmv { amount } } points { start gmv { amount } orderCount } byChild { station { id name } totals { orderCount gmv { amount } } } } }`;
const READING: readonly Permission[] = ['ANALYTICS_READ', 'STATIONS_READ', 'ORDERS_READ'];

/** What an order costs in a large network with a long past, against a little one. */
export async function costOfOrders(stage: Stage): Promise<CaseResult[]> {
  const { large, little } = await pastSites(stage);
  const round = async ({ site, shop }: PastSite): Promise<Round> => {
    const secrets = (await shop.drawPrograms(DRAWN)).map(({ secret }) => secret);
    const load = await loadOf(stage, site, shop, { secrets, drawsPrograms: true });
    await site.prepare(shop, shop.skuIds);
    // drawn from a million stations, the orders of a round would be the first to touch nearly all that they touch
    await site.warm();
    return site.measure(load);
  };
  const rounds = await inTurn(stage, { ours: () => round(large), reference: () => round(little) }, rateText);
  for (const { site, shop } of [large, little]) await stage.audit(site, shop);
  const microseconds = ({ perSecond }: Round) => 1_000_000 / perSecond;
  return [
    resultOf('cost of an order in a large network', {
      unit: 'µs each',
      values: rounds.ours.map(microseconds),
      references: rounds.references.map(microseconds),
      goal: '≤ 1.3',
      rounds,
      notes: [`large: ${large.says}; little: ${little.says}`, costOf('large', rounds.ours), costOf('little', rounds.references)],
    }),
  ];
}

/** Headquarters' overview of 60 days after many orders against few, and how old what it shows may be while orders come in. */
export async function overviewOfSixtyDays(stage: Stage): Promise<CaseResult[]> {
  const { large, little } = await pastSites(stage);
  const reading = (past: PastSite) => () => readOverviews(stage, past);
  const rounds = await inTurn(stage, { ours: reading(large), reference: reading(little) }, ({ p50 }) => `${short(p50)} ms`);
  const seconds = await measureStaleness(stage, large);
  return [
    resultOf("headquarters' overview of 60 days", {
      unit: 'ms (p50)',
      values: rounds.ours.map(({ p50 }) => p50),
      references: rounds.references.map(({ p50 }) => p50),
      goal: '≤ 1.2',
      rounds,
      notes: [`large: ${large.says}; little: ${little.says}`, costOf('large', rounds.ours), costOf('little', rounds.references)],
    }),
    resultOf('staleness of the overview', {
      unit: 's',
      values: [Math.max(...seconds)],
      references: [1],
      goal: '≤ 1.0',
      notes: [
        `the longest of ${seconds.length} from an order's answer to the first overview that counts it, under load; median ${short(median(seconds))} s`,
      ],
    }),
  ];
}

async function readOverviews(stage: Stage, { site, shop }: PastSite): Promise<Round> {
  const { seconds, warmSeconds } = stage.options;
  // each round of an overview takes more than the points of one program
  const secrets: string[] = [];
  for (let program = 0; program < OVERVIEW_PROGRAMS; program += 1) {
    secrets.push(await openProgram(site.db, shop, shop.trunk[0] ?? '', READING));
  }
  const [server] = await site.servers(1);
  const requests = secrets.map((secret) => postOf('/graphql', secret, JSON.stringify({ query: OVERVIEW })));
  const port = Number(new URL(server?.url ?? '').port);
  return site.measure({ kind: 'PAGES', port, requests, connections: OVERVIEW_CONNECTIONS, seconds, warmSeconds });
}

/** Seconds from an order's answer to the first overview in which its branch has one order more; all others buy elsewhere meanwhile. */
async function measureStaleness(stage: Stage, { site, shop }: PastSite): Promise<number[]> {
  const [headquarters = '', branch = ''] = shop.trunk;
  const [server] = await site.servers(1);
  const url = server?.url ?? '';
  await site.prepare(shop, shop.skuIds);
  const secrets = (await shop.drawPrograms(DRAWN, branch)).map(({ secret }) => secret);
  const load = await loadOf(stage, site, shop, { secrets, drawsPrograms: true });
  const { perSecond } = await site.measure({ ...load, seconds: 2, warmSeconds: 1 });
  const { rows } = await site.db.pool.query<{ id: string }>(
    'SELECT id FROM station WHERE network_id = $1 AND path[2] = $2 AND kind = $3 ORDER BY id LIMIT 1',
    [shop.networkId, branch, 'RESELLER'],
  );
  const buyer = await openProgram(site.db, shop, rows[0]?.id ?? '', ['ORDERS_PLACE', 'CATALOGUE_READ', 'ORDERS_READ']);
  const request = postOf('/graphql', await openProgram(site.db, shop, headquarters, READING), JSON.stringify({ query: OVERVIEW }));
  const wire = await openWire(Number(new URL(url).port));
  const countOf = () => ordersOf(wire, request, branch);
  const samples: number[] = [];
  const work = runLoad({ ...load, requestsPerSecond: perSecond / 2, seconds: STALENESS_SAMPLES * 1.5, warmSeconds: 1 });
  // a load that fails while samples are taken is told below, by its own error
  work.catch(() => undefined);
  for (let sample = 0; sample < STALENESS_SAMPLES; sample += 1) {
    const before = await countOf();
    await placeOne(url, buyer, shop.skuIds[sample % shop.skuIds.length] ?? '');
    const answeredAt = performance.now();
    while ((await countOf()) === before) await new Promise((resolve) => setTimeout(resolve, 10));
    samples.push((performance.now() - answeredAt) / 1000);
  }
  await work;
  wire.close();
  return samples;
}

/** Orders below one direct child, as the overview tells them. */
async function ordersOf(wire: Wire, request: string, branch: string): Promise<number> {
  type Answer = { data: { gmvOverview: { byChild: { station: { id: string }; totals: { orderCount: number } }[] } } };
  const { data } = JSON.parse(await wire.ask(request)) as Answer;
  const child = data.gmvOverview.byChild.find(
    ({ station }) => Buffer.from(station.id, 'base64url').toString('utf8') === `Station:${branch}`,
  );
  if (child === undefined) throw new Error('the overview leaves a child of headquarters out');
  return child.totals.orderCount;
}
