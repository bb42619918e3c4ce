import { globalId } from '#schema/ids.ts';
import type { Shop } from './arrange.ts';
import { query } from './cluster.ts';
import type { HttpLoad, ReferenceLoad } from './load.ts';
import { median, short } from './report.ts';
import type { Round, Site } from './site.ts';
import type { Stage } from './stage.ts';
import { openWire, postOf } from './wire.ts';

const CHAIN = 5;
const PROGRAMS = 64;
/** Connections of R. */
export const REFERENCE_CONNECTIONS = 16;
/** Below this on two cores, R is too slow to be a reference. */
const REFERENCE_LEAST = 3_000;
const ORDER =
  'mutation Buy($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { order { id } } ... on Refusal { code message } } }';

/** The network of the order cases, or R's twin of it. */
export async function shopOf(stage: Stage, name: 'server' | 'reference'): Promise<Shop> {
  const { stations, skus } = stage.options;
  return stage.shop(await stage.site(), name, { chain: CHAIN, stations, skus, programs: PROGRAMS });
}

/** Single orders of the shop's programs to one server, as many as it takes. */
export async function loadOf(stage: Stage, site: Site, shop: Shop, change: Partial<HttpLoad> = {}): Promise<HttpLoad> {
  const { seconds, warmSeconds, connections } = stage.options;
  // whoever names servers has started them
  const urls = change.urls ?? (await site.servers(1)).map(({ url }) => url);
  return {
    kind: 'HTTP',
    urls,
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

/** R on a network of its own. */
export function referenceLoadOf({ options }: Stage, { url }: Site, twin: Shop, connections: number): ReferenceLoad {
  return {
    kind: 'REFERENCE',
    url,
    networkId: twin.networkId,
    skuIds: twin.skuIds,
    buyerIds: twin.buyers.map(({ stationId }) => stationId),
    connections,
    seconds: options.seconds,
    warmSeconds: options.warmSeconds,
  };
}

/** R repeats an order: the server places one in R's own network, of a SKU whose price every hop makes by its category's percentage. */
export async function writeTemplate(stage: Stage, site: Site, twin: Shop): Promise<void> {
  const [known] = await query(site.url, 'SELECT FROM orders WHERE network_id = $1 LIMIT 1', [twin.networkId]);
  if (known !== undefined) return;
  const [server] = await site.servers(1);
  await placeOne(server?.url ?? '', twin.buyers[0]?.secret ?? '', twin.skuIds[0] ?? '');
  stage.say('the order that R repeats is placed');
}

/** Places one order and answers when it is committed; throws when it is refused. */
export async function placeOne(url: string, secret: string, skuId: string): Promise<void> {
  const wire = await openWire(Number(new URL(url).port));
  try {
    const input = { requestKey: crypto.randomUUID(), skuId: globalId('Sku', skuId), quantity: 1, maxTotal: '200.00' };
    const answer = await wire.ask(postOf('/graphql', secret, JSON.stringify({ query: ORDER, variables: { input } })));
    if (!answer.includes('"__typename":"OrderPlaced"')) throw new Error(`the order was not placed: ${answer.slice(0, 1000)}`);
  } finally {
    wire.close();
  }
}

/** A warning when R is too slow to be one, with what this machine does in that time otherwise. */
export function slownessOf({ selectOneMicroseconds }: Stage, references: readonly Round[]): string[] {
  const reached = median(references.map(rate));
  if (reached >= REFERENCE_LEAST) return [];
  const speed = `SELECT 1 takes ${selectOneMicroseconds.toFixed(0)} µs of PostgreSQL's CPU here`;
  return [
    `WARNING: R reached only ${short(reached)} orders/s, ${short(REFERENCE_LEAST)} were expected of two cores: the machine is slow or busy (${speed})`,
  ];
}

/** Orders or pages in a second. */
export function rate({ perSecond }: Round): number {
  return perSecond;
}

/** The same in a word. */
export function rateText(round: Round): string {
  return `${short(rate(round))}/s`;
}
