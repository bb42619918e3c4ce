import { readFileSync } from 'node:fs';
import { buildSchema, executeSync, type GraphQLSchema, parse, validate } from 'graphql';
import type { Fault } from './faults.ts';
import { centsText, type SaleRefusal, type Shop, type SimulatedGoods, type SimulatedPurchase } from './shop.ts';
import type { SimulatedAnswer, SimulatedProtocol, SimulatedRequest } from './simulator.ts';

/** The one API key of the simulated station. */
export interface FenzhanAccount {
  readonly apiKey: string;
}

const contract: GraphQLSchema = buildSchema(readFileSync(new URL('../../schema/schema.graphql', import.meta.url), 'utf8'));
const documents = new Map<string, ReturnType<typeof parse>>();

const REFUSALS: Readonly<Record<SaleRefusal, readonly [type: string, code: string]>> = {
  NO_SUCH_GOODS: ['NotFound', 'NOT_FOUND'],
  PAUSED: ['NotSellable', 'NOT_SELLABLE'],
  QUANTITY: ['QuantityOutOfRange', 'QUANTITY_OUT_OF_RANGE'],
  OUT_OF_STOCK: ['OutOfStock', 'OUT_OF_STOCK'],
  BALANCE: ['InsufficientBalance', 'INSUFFICIENT_BALANCE'],
  PRICE: ['PriceMoved', 'PRICE_MOVED'],
};

/** A station of another Fenzhan as whoever docks onto it sees it: documents are validated and executed on the committed contract. */
export function fenzhanProtocol({ apiKey }: FenzhanAccount): SimulatedProtocol {
  return {
    kind: 'fenzhan',
    callKindOf: ({ body }) => {
      if (body.includes('mutation ')) return 'PURCHASE';
      return /\border\(requestKey/.test(body) ? 'QUERY' : 'OTHER';
    },
    answer: (request, shop, fault) => {
      if (request.headers['authorization'] !== `Bearer ${apiKey}`)
        return failed(401, 'UNAUTHENTICATED', 'This API key is unknown, expired or revoked.');
      return execute(request, shop, fault);
    },
  };
}

function execute({ body }: SimulatedRequest, shop: Shop, fault: Fault | null): SimulatedAnswer {
  const { query, variables } = JSON.parse(body) as { query: string; variables?: Record<string, unknown> };
  const document = documents.get(query) ?? parse(query);
  if (!documents.has(query) && validate(contract, document).length > 0)
    return failed(200, 'GRAPHQL_VALIDATION_FAILED', 'The document is not of the contract.');
  documents.set(query, document);
  const result = executeSync({ schema: contract, document, rootValue: rootOf(shop, fault), variableValues: variables ?? {} });
  return { body: JSON.stringify(result) };
}

function failed(status: number, code: string, message: string): SimulatedAnswer {
  return { status, body: JSON.stringify({ errors: [{ message, extensions: { code } }] }) };
}

type Ordered = {
  readonly requestKey: string;
  readonly skuId: string;
  readonly quantity: number;
  readonly maxTotal: string;
  readonly input?: readonly { readonly name: string; readonly value: string }[];
};

function rootOf(shop: Shop, fault: Fault | null) {
  return {
    viewer: {
      permissions: ['CATALOGUE_READ', 'ORDERS_PLACE', 'ORDERS_READ', 'CARD_KEYS_REVEAL', 'WALLET_READ'],
      network: { currency: 'CNY' },
      party: { __typename: 'Station', name: '模拟分站' },
    },
    station: () => ({ wallet: { available: money(shop.balanceCents()) } }),
    catalogue: (page: { readonly first: number; readonly after: string | null }) => catalogue(shop, page),
    quote: ({ input }: { readonly input: { readonly skuId: string; readonly quantity: number } }) => quote(shop, input),
    placeOrder: ({ input }: { readonly input: Ordered }) => placeOrder(shop, input, fault),
    order: ({ requestKey }: { readonly requestKey: string }) => {
      const purchase = fault === 'unknown-order' ? undefined : shop.findByKey(requestKey);
      return purchase ? orderOf(shop, purchase) : null;
    },
  };
}

function catalogue(shop: Shop, { first, after }: { readonly first: number; readonly after: string | null }) {
  const start = Number(after ?? 0);
  const all = [...shop.goods.values()];
  const page = all.slice(start, start + first);
  const edges = page.map((goods) => ({ node: skuOf(shop, goods) }));
  return { edges, pageInfo: { hasNextPage: start + first < all.length, endCursor: String(start + page.length) } };
}

function skuOf(shop: Shop, goods: SimulatedGoods) {
  return {
    id: skuId(goods.id),
    name: goods.name,
    unitSize: 1,
    minQuantity: goods.minQuantity,
    maxQuantity: goods.maxQuantity,
    deliveryKind: goods.goodsKind === 'TOP_UP' ? 'SOURCED' : 'FROM_STOCK',
    goodsKind: goods.goodsKind,
    inputFields: goods.fields.map((field) => ({ ...field, isRequired: true })),
    product: { name: goods.name, category: { name: goods.category, parent: null } },
    offer: { unitPrice: goods.isPaused ? null : money(goods.priceCents), stock: { availableCount: shop.stockOf(goods.id) } },
  };
}

function quote(shop: Shop, { skuId: id, quantity }: { readonly skuId: string; readonly quantity: number }) {
  const goods = shop.goods.get(goodsId(id));
  if (!goods) return refusal('NO_SUCH_GOODS');
  if (goods.isPaused) return refusal('PAUSED');
  if (quantity < goods.minQuantity || quantity > goods.maxQuantity) return refusal('QUANTITY');
  return { __typename: 'Quote', total: money(goods.priceCents * quantity), stock: { availableCount: shop.stockOf(goods.id) } };
}

function placeOrder(shop: Shop, { requestKey, skuId: id, quantity, maxTotal, input = [] }: Ordered, fault: Fault | null) {
  const before = shop.findByKey(requestKey);
  if (before && (before.goodsId !== goodsId(id) || before.quantity !== quantity))
    return { __typename: 'RequestKeyReused', code: 'REQUEST_KEY_REUSED', message: 'The key was used for something else.' };
  const typed = Object.fromEntries(input.map(({ name, value }) => [name, value]));
  const mostCents = Math.round(Number(maxTotal) * 100);
  const sale = shop.sell({ requestKey, goodsId: goodsId(id), quantity, mostCents, input: typed }, fault);
  if (sale.kind === 'REFUSED') return refusal(sale.reason);
  return { __typename: 'OrderPlaced', replayed: sale.kind === 'REPEATED', order: orderOf(shop, sale.purchase) };
}

function orderOf(shop: Shop, purchase: SimulatedPurchase) {
  const isReady = purchase.readyAt <= Date.now();
  const state = !isReady ? 'HELD' : purchase.isRefunded ? 'FAILED' : 'DELIVERED';
  const isTopUp = shop.goods.get(purchase.goodsId)?.goodsKind === 'TOP_UP';
  return {
    id: globalId('Order', purchase.ref),
    requestKey: purchase.requestKey,
    state,
    quantity: purchase.quantity,
    sku: { id: skuId(purchase.goodsId) },
    total: money(purchase.costCents),
    refundedTotal: money(0),
    cardKeys: isReady && !isTopUp ? purchase.keys.map((secret) => ({ number: null, secret })) : [],
  };
}

function refusal(reason: SaleRefusal) {
  const [type, code] = REFUSALS[reason];
  return { __typename: type, code, message: `It was refused: ${code}.`, reason: 'UNAVAILABLE' };
}

function money(cents: number) {
  return { amount: centsText(cents), currency: 'CNY' };
}

function skuId(goodsId: string): string {
  return globalId('Sku', goodsId);
}

function goodsId(id: string): string {
  return Buffer.from(id, 'base64url').toString('utf8').slice('Sku:'.length);
}

function globalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}
