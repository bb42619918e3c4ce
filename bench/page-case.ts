import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { globalId } from '#schema/ids.ts';
import type { Shop } from './arrange.ts';
import type { PageLoad } from './load.ts';
import { rateText } from './order-loads.ts';
import type { PageRow, ReferencePages } from './reference-page.ts';
import { type CaseResult, costOf, resultOf } from './report.ts';
import type { Stage } from './stage.ts';
import { inTurn } from './turns.ts';
import { openWire, postOf } from './wire.ts';

const DEPTH = 8;
const PAGE = 50;
const CONNECTIONS = 16;
const PROGRAMS = 64;
const DIFFERENT_PAGES = 40;
const DOCUMENT = `query Page($after: String) { catalogue(first: ${PAGE}, after: $after) { edges { node { id code name faceValue unitSize
  offer { unitPrice { amount } stock { availableCount many } notSellable } } } pageInfo { endCursor } } }`;

type Page = {
  readonly edges: readonly {
    readonly node: {
      readonly id: string;
      readonly code: string;
      readonly offer: { readonly unitPrice: { readonly amount: string } | null };
    };
  }[];
  readonly pageInfo: { readonly endCursor: string };
};

/** A page of 50 priced SKUs for a station at depth 8 against hand-written SQL behind bare node:http, on the same pages. */
export async function catalogueOfFifty(stage: Stage): Promise<CaseResult[]> {
  const { pageStations: stations, pageSkus: skus } = stage.options;
  const site = await stage.site();
  const shop = await stage.shop(site, 'catalogue', { chain: DEPTH + 1, stations, skus, programs: PROGRAMS });
  const [server] = await site.servers(1);
  const port = Number(new URL(server?.url ?? '').port);
  const pages = await walk(port, shop);
  const reference = await startReference({
    url: site.url,
    networkId: shop.networkId,
    stationId: shop.buyers[0]?.stationId ?? '',
    count: PAGE,
  });
  try {
    await compare(reference.port, pages);
    const { seconds, warmSeconds } = stage.options;
    const load = (to: number, requests: readonly string[]): PageLoad => ({
      kind: 'PAGES',
      port: to,
      requests,
      connections: CONNECTIONS,
      seconds,
      warmSeconds,
    });
    const requests = shop.buyers.flatMap(({ secret }, program) =>
      pages.map((_, index) => requestOf(secret, pages[(index + program) % pages.length]?.after ?? '')),
    );
    const referenceRequests = pages.map(({ last }) => `GET /?after=${last} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    const found = await inTurn(
      stage,
      {
        ours: () => site.measure(load(port, shuffled(requests))),
        reference: () => site.measureAlone(load(reference.port, referenceRequests), reference.child.pid),
      },
      rateText,
    );
    return [
      resultOf('catalogue page of 50', {
        unit: 'pages/s',
        values: found.ours.map(({ perSecond }) => perSecond),
        references: found.references.map(({ perSecond }) => perSecond),
        goal: '≥ 0.4',
        rounds: found,
        notes: [`${stations} stations, ${skus} SKUs, depth ${DEPTH}`, costOf('ours', found.ours), costOf('hand-written', found.references)],
      }),
    ];
  } finally {
    reference.child.kill();
  }
}

type WalkedPage = {
  readonly after: string;
  readonly last: string;
  readonly prices: readonly (readonly [id: string, price: string | null])[];
};

/** Pages of the catalogue, each with the cursor and the SKU that it begins after, and what it says. */
async function walk(port: number, shop: Shop): Promise<WalkedPage[]> {
  const wire = await openWire(port);
  const pages: WalkedPage[] = [];
  const secret = shop.buyers[0]?.secret ?? '';
  let before = await ask(null);
  for (let page = 0; page < DIFFERENT_PAGES && before.edges.length === PAGE; page += 1) {
    const after = before.pageInfo.endCursor;
    const next = await ask(after);
    if (next.edges.length < PAGE) break;
    const prices = next.edges.map(({ node }) => [node.id, node.offer.unitPrice?.amount ?? null] as const);
    pages.push({ after, last: rowIdOf(before.edges.at(-1)?.node.id ?? ''), prices });
    before = next;
  }
  wire.close();
  return pages;

  async function ask(after: string | null): Promise<Page> {
    const { data } = JSON.parse(await wire.ask(requestOf(secret, after))) as { data: { catalogue: Page } };
    return data.catalogue;
  }
}

/** The reference is one only if it answers the same: each price of each page is compared before anything is measured. */
async function compare(port: number, pages: readonly WalkedPage[]): Promise<void> {
  const wire = await openWire(port);
  for (const { last, prices } of pages) {
    const { data } = JSON.parse(await wire.ask(`GET /?after=${last} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)) as { data: PageRow[] };
    const theirs = data.map(({ id, unit_price }) => [globalId('Sku', id), unit_price] as const);
    if (JSON.stringify(theirs) !== JSON.stringify(prices)) {
      throw new Error(
        `the reference prices a page otherwise: ${JSON.stringify(theirs.slice(0, 3))} against ${JSON.stringify(prices.slice(0, 3))}`,
      );
    }
  }
  wire.close();
}

async function startReference(told: ReferencePages): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL('./reference-page.ts', import.meta.url)), { execPath: process.execPath });
  child.send(told);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    child.once('exit', () => reject(new Error('the reference ended early')));
  });
  return { child, port };
}

function requestOf(secret: string, after: string | null): string {
  return postOf('/graphql', secret, JSON.stringify({ query: DOCUMENT, variables: { after } }));
}

function rowIdOf(id: string): string {
  return Buffer.from(id, 'base64url').toString('utf8').slice('Sku:'.length);
}

/** No connection keeps meeting one program: its budget is per program. */
function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
