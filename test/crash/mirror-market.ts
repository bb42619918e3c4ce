import { globalId } from '#schema/ids.ts';
import { createApiKey } from '#server/accounts/commands.ts';
import type { Permission, Viewer } from '#server/accounts/rules.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { world } from '#test/support/world.ts';

/** A network in which stock, prices and orders keep changing, without the mirror's doing. */
export interface Market {
  readonly networkId: string;
  /** The key of the shop whose mirror is watched. */
  readonly apiKey: string;
  /** Sells a card, gives money back, or changes a price. */
  change(): Promise<void>;
  /** What the shop may buy and has bought, as the server says it. */
  truth(): Promise<Truth>;
}

/** By global id: price, stock and why it cannot be bought in one text; an order's state. */
export type Truth = ReadonlyMap<string, string>;

const SKUS = Array.from({ length: 12 }, (_, n) => `K${n + 1}`);
/** Fewer than a hundred, so that every sale shows. */
const KEYS = 90;
const PLACE =
  'mutation ($input: PlaceOrderInput!) { answer: placeOrder(input: $input) { ... on OrderPlaced { order { id } } ... on Refusal { code message } } }';
const REFUND =
  'mutation ($input: RefundOrderInput!) { answer: refundOrder(input: $input) { ... on OrderRefunded { order { id } } ... on Refusal { code message } } }';
const PRICE =
  'mutation ($input: SetMarkupRuleInput!) { answer: setMarkupRule(input: $input) { ... on MarkupRuleSet { rule { version } } ... on Refusal { code message } } }';
const TRUTH = `{ catalogue(first: 100) { edges { node { id offer { unitPrice { amount } notSellable stock { availableCount many } } } } }
  orders(scope: MINE, first: 100) { edges { node { id state } } } }`;

type Offer = {
  readonly unitPrice: { readonly amount: string } | null;
  readonly notSellable: string | null;
  readonly stock: { readonly availableCount: number | null };
};
type Answer = { readonly order?: { readonly id: string }; readonly rule?: { readonly version: number }; readonly code?: string };

/** A headquarters with twelve SKUs and one shop that sells them on. */
export async function openMarket(db: Database, url: string): Promise<Market> {
  const made = await world(db, {
    stations: { HQ: {}, Shop: { parent: 'HQ', kind: 'RESELLER', wallet: '900000.00' } },
    suppliers: ['S'],
    skus: Object.fromEntries(SKUS.map((name) => [name, { basePrice: '47.50' }])),
    lots: SKUS.map((sku) => ({ sku, supplier: 'S' as const, totalCost: '4000.00', keys: KEYS })),
  });
  const shop = await keyOf(db, made.viewer('Shop'), ['CATALOGUE_READ', 'ORDERS_READ', 'ORDERS_PLACE']);
  // whoever watches asks far more often than a program would, and has an allowance of its own for it
  const watcher = await keyOf(db, made.viewer('Shop'), ['CATALOGUE_READ', 'ORDERS_READ']);
  const headquarters = await keyOf(db, made.viewer('HQ'), ['PRICES_MANAGE', 'PRICES_READ', 'ORDERS_READ', 'REFUNDS_DECIDE', 'REFUNDS_ASK']);
  const versions = new Map<string, number>();
  const delivered: string[] = [];
  let count = 0;
  const tell = async (key: string, query: string, input: object) => {
    const { answer } = await send<{ answer: Answer }>(url, key, query, { input });
    if (answer.code !== undefined) throw new Error(JSON.stringify(answer));
    return answer;
  };
  return {
    networkId: made.networkId,
    apiKey: shop,
    change: async () => {
      count += 1;
      const skuId = globalId('Sku', made.skus[SKUS[Math.floor(Math.random() * SKUS.length)] ?? ''] ?? '');
      const refunded = count % 7 === 0 ? delivered.shift() : undefined;
      if (refunded !== undefined)
        return void (await tell(headquarters, REFUND, { requestKey: `refund-${count}`, orderId: refunded, reason: 'test' }));
      if (count % 3 > 0) {
        const { order } = await tell(shop, PLACE, { requestKey: `order-${count}`, skuId, quantity: 1, maxTotal: '999.00' });
        return void delivered.push(order?.id ?? '');
      }
      const expectedVersion = versions.get(skuId);
      const value = `${1 + (count % 40)}.${String(count % 100).padStart(2, '0')}`;
      const { rule } = await tell(headquarters, PRICE, { skuId, kind: 'FIXED', value, ...(expectedVersion ? { expectedVersion } : {}) });
      versions.set(skuId, rule?.version ?? 1);
    },
    truth: () => readTruth(url, watcher),
  };
}

/** What matters of an offer, as one text. Whether the shelf is empty is said by the count. */
export function offerText({ unitPrice, notSellable, stock }: Offer): string {
  return `${unitPrice?.amount ?? '-'} ${stock.availableCount ?? 'many'} ${notSellable === 'OUT_OF_STOCK' ? '' : (notSellable ?? '')}`;
}

async function readTruth(url: string, key: string): Promise<Truth> {
  type Rows<Node> = { readonly edges: readonly { readonly node: Node }[] };
  const { catalogue, orders } = await send<{ catalogue: Rows<{ id: string; offer: Offer }>; orders: Rows<{ id: string; state: string }> }>(
    url,
    key,
    TRUTH,
    {},
  );
  return new Map([
    ...catalogue.edges.map(({ node }) => [node.id, offerText(node.offer)] as const),
    ...orders.edges.map(({ node }) => [node.id, node.state] as const),
  ]);
}

async function send<Data>(url: string, key: string, query: string, variables: object): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
  if (!data) throw new Error(JSON.stringify(errors));
  return data;
}

async function keyOf(db: Database, viewer: Viewer, permissions: readonly Permission[]): Promise<string> {
  const key = await inTransaction(db, (tx) => createApiKey(tx, viewer, { name: 'program', permissions, expiresAt: null, allowedIps: [] }));
  if (key.kind !== 'API_KEY_CREATED') throw new Error(key.message);
  return key.secret;
}
