import type { HttpLoad } from './load.ts';
import { loadOf, REFERENCE_CONNECTIONS, rate, rateText, referenceLoadOf, shopOf, slownessOf, writeTemplate } from './order-loads.ts';
import { type CaseResult, costOf, median, resultOf, short } from './report.ts';
import type { Round } from './site.ts';
import type { Stage } from './stage.ts';
import { inTurn, type Turns } from './turns.ts';

const LIST = 100;
/** Lists wait for each other: more connections would only wait longer. */
const LIST_CONNECTIONS = 8;

/** Single orders through GraphQL against R. */
export async function singleOrders(stage: Stage): Promise<CaseResult[]> {
  return [compareWithReference('single orders', stage, '≥ 1.0', await againstReference(stage, {}))];
}

/** Orders in lists of 100 through GraphQL against R. */
export async function listsOfOrders(stage: Stage): Promise<CaseResult[]> {
  const found = await againstReference(stage, { listSize: LIST, connections: LIST_CONNECTIONS });
  return [compareWithReference('lists of 100', stage, '≥ 1.5', found)];
}

/** The slowest hundredth of single orders at half of what the server can, against R's transaction with the machine to itself. */
export async function latencyAtHalfLoad(stage: Stage): Promise<CaseResult[]> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const load = await loadOf(stage, site, shop);
  await site.prepare(shop, shop.skuIds);
  // the first round of a new server is no measure of what it can
  await site.measure(load);
  const full = await site.measure(load);
  const { ours, references } = await againstReference(stage, { requestsPerSecond: full.perSecond / 2 }, 1);
  const notes = [
    `half of ${short(full.perSecond)} orders/s, sent at fixed times`,
    costOf('ours', ours),
    `R on one connection: ${short(median(references.map(rate)))} orders/s, p50 ${short(median(references.map(({ p50 }) => p50)))} ms, p99 ${short(median(references.map(({ p99 }) => p99)))} ms`,
  ];
  const values = ours.map(({ p99 }) => p99);
  return [resultOf('p99 at half load', { unit: 'ms', values, references: references.map(({ p50 }) => p50), goal: '≤ 15', notes })];
}

/** Everybody orders one SKU, against a thousand. */
export async function hotSku(stage: Stage): Promise<CaseResult[]> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const load = await loadOf(stage, site, shop);
  const hot = async () => {
    const skuIds = shop.skuIds.slice(0, 1);
    await site.prepare(shop, skuIds);
    return site.measure({ ...load, skuIds });
  };
  const spread = async () => {
    await site.prepare(shop, shop.skuIds);
    return site.measure(load);
  };
  const found = await inTurn(stage, { ours: hot, reference: spread }, rateText);
  await stage.audit(site, shop);
  return [compare('one hot SKU', '≥ 0.7', found, ['hot', `spread over ${shop.skuIds.length}`])];
}

/** Two server processes on one database against one. */
export async function twoServers(stage: Stage): Promise<CaseResult[]> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const by = (count: number) => async () => {
    const urls = (await site.servers(count)).map(({ url }) => url);
    const load = await loadOf(stage, site, shop, { urls });
    // the second has just started, and the first round of a new server is no measure of what it can; both sides have one
    await site.prepare(shop, shop.skuIds);
    await site.measure(load);
    await site.prepare(shop, shop.skuIds);
    return site.measure(load);
  };
  const found = await inTurn(stage, { ours: by(2), reference: by(1) }, rateText);
  await site.servers(1);
  await stage.audit(site, shop);
  return [compare('two server processes', '≥ 1.0', found, ['two', 'one'])];
}

/** Rounds of ours and of R in turn, on two networks of one size; the audit of ours is clean afterwards. */
async function againstReference(
  stage: Stage,
  change: Partial<HttpLoad>,
  connections: number = REFERENCE_CONNECTIONS,
): Promise<Turns<Round>> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const twin = await shopOf(stage, 'reference');
  const load = await loadOf(stage, site, shop, change);
  await writeTemplate(stage, site, twin);
  const ours = async () => {
    await site.prepare(shop, shop.skuIds);
    return site.measure(load);
  };
  const reference = async () => {
    await site.prepare(twin, twin.skuIds);
    return site.measureAlone(referenceLoadOf(stage, site, twin, connections));
  };
  const found = await inTurn(stage, { ours, reference }, rateText);
  await stage.audit(site, shop);
  return found;
}

function compareWithReference(name: string, stage: Stage, goal: string, found: Turns<Round>): CaseResult {
  return compare(name, goal, found, ['ours', 'R'], slownessOf(stage, found.references));
}

function compare(
  name: string,
  goal: string,
  found: Turns<Round>,
  names: readonly [string, string],
  before: readonly string[] = [],
): CaseResult {
  return resultOf(name, {
    unit: 'orders/s',
    values: found.ours.map(rate),
    references: found.references.map(rate),
    goal,
    rounds: found,
    notes: [...before, costOf(names[0], found.ours), costOf(names[1], found.references)],
  });
}
