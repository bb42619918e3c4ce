import { createHash, createHmac } from 'node:crypto';
import type { Fault } from './faults.ts';
import { centsText, type PurchaseOrder, type SaleRefusal, type Shop, type SimulatedGoods, type SimulatedPurchase } from './shop.ts';
import type { SimulatedAnswer, SimulatedCallback, SimulatedProtocol, SimulatedRequest } from './simulator.ts';

/** The one account of the simulated shop. */
export interface DujiaoNextAccount {
  readonly apiKey: string;
  readonly apiSecret: string;
}

const ROOT = '/api/v1/upstream';
const SKEW_SECONDS = 60;
const REFUSALS: Readonly<Record<SaleRefusal, readonly [status: number, code: string, message: string]>> = {
  NO_SUCH_GOODS: [400, 'sku_unavailable', 'sku not found'],
  PAUSED: [400, 'product_unavailable', 'product is not available'],
  QUANTITY: [400, 'bad_request', 'invalid order parameters'],
  OUT_OF_STOCK: [409, 'insufficient_stock', 'product stock is insufficient'],
  BALANCE: [402, 'insufficient_balance', 'wallet balance is insufficient'],
  PRICE: [400, 'bad_request', 'invalid order parameters'],
};

/** A dujiao-next shop as other shops see it: goods by number, one SKU in each product, orders by number. */
export function dujiaoNextProtocol(account: DujiaoNextAccount): SimulatedProtocol {
  return {
    kind: 'dujiao-next',
    callKindOf: ({ method, path }) => {
      if (!path.startsWith(`${ROOT}/orders`)) return 'OTHER';
      return method === 'POST' ? 'PURCHASE' : 'QUERY';
    },
    answer: (request, shop, fault) => strangerProblem(account, request) ?? route(request, shop, fault),
    callbackOf: (purchase) => callbackOf(account, purchase),
  };
}

function route(request: SimulatedRequest, shop: Shop, fault: Fault | null): SimulatedAnswer {
  const path = request.path.slice(ROOT.length);
  const id = /^\/(?:products|orders)\/(\d+)$/.exec(path)?.[1] ?? '';
  if (request.method === 'POST' && path === '/ping') return ping(shop);
  if (request.method === 'POST' && path === '/orders') return order(request, shop, fault);
  if (request.method !== 'GET') return refusal(404, 'not_found', 'no such path');
  if (path === '/categories') return ok({ categories: categoriesOf(shop) });
  if (path === '/products') return products(request, shop);
  if (path.startsWith('/products/')) return product(shop, id);
  return path.startsWith('/orders/') ? orderById(shop, id, fault) : refusal(404, 'not_found', 'no such path');
}

/** Whoever does not prove that he knows the secret, now. */
function strangerProblem(
  { apiKey, apiSecret }: DujiaoNextAccount,
  { method, path, headers, body }: SimulatedRequest,
): SimulatedAnswer | null {
  const timestamp = headers['dujiao-next-timestamp'] ?? '';
  if (headers['dujiao-next-api-key'] !== apiKey) return refusal(401, 'invalid_api_key', 'invalid api key');
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > SKEW_SECONDS) return refusal(401, 'timestamp_expired', 'timestamp expired');
  const expected = signatureOf(apiSecret, method, path, timestamp, body);
  return headers['dujiao-next-signature'] === expected ? null : refusal(401, 'invalid_signature', 'signature verification failed');
}

// written a second time on purpose: the connector's own function would prove nothing
function signatureOf(secret: string, method: string, path: string, timestamp: string, body: string): string {
  const text = `${method}\n${path}\n${timestamp}\n${createHash('md5').update(body).digest('hex')}`;
  return createHmac('sha256', secret).update(text).digest('hex');
}

function ping(shop: Shop): SimulatedAnswer {
  const balance = centsText(shop.balanceCents());
  return ok({ site_name: '模拟货源', protocol_version: '1.0', user_id: 42, balance, currency: 'CNY', member_level: null });
}

function categoriesOf(shop: Shop): object[] {
  return categoryNames(shop).map((name, index) => ({
    id: index + 1,
    parent_id: 0,
    slug: `category-${index + 1}`,
    name: { 'zh-CN': name },
    icon: '',
    sort_order: 0,
  }));
}

function products({ query }: SimulatedRequest, shop: Shop): SimulatedAnswer {
  const page = Number(query.get('page') ?? 1);
  const size = Math.min(50, Number(query.get('page_size') ?? 50));
  const all = [...shop.goods.values()];
  const items = all.slice((page - 1) * size, page * size).map((each) => productOf(shop, each));
  return ok({ items, total: all.length, page, page_size: size, includes_inactive: false });
}

function product(shop: Shop, number: string): SimulatedAnswer {
  const wanted = goodsByNumber(shop, number);
  return wanted ? ok({ product: productOf(shop, wanted) }) : refusal(404, 'product_not_found', 'product not found');
}

function productOf(shop: Shop, goods: SimulatedGoods): object {
  const id = numberOf(shop, goods.id);
  const stock = shop.stockOf(goods.id);
  const price = centsText(goods.priceCents);
  const status = stock === 0 ? 'out_of_stock' : stock <= 20 ? 'low_stock' : 'in_stock';
  const fields = goods.fields.map(({ name, label }) => ({ key: name, type: 'text', label: { 'zh-CN': label }, required: true }));
  const sku = {
    id,
    sku_code: 'DEFAULT',
    spec_values: {},
    price_amount: price,
    stock_status: status,
    stock_quantity: stock,
    is_active: true,
  };
  return {
    id,
    slug: goods.id,
    title: { 'zh-CN': goods.name },
    description: {},
    images: [],
    tags: [],
    price_amount: price,
    fulfillment_type: goods.goodsKind === 'TOP_UP' ? 'manual' : 'auto',
    manual_form_schema: fields.length === 0 ? null : { fields },
    is_active: !goods.isPaused,
    category_id: categoryNames(shop).indexOf(goods.category) + 1,
    skus: [sku],
  };
}

function order({ body }: SimulatedRequest, shop: Shop, fault: Fault | null): SimulatedAnswer {
  const asked = JSON.parse(body) as {
    sku_id?: number;
    quantity?: number;
    downstream_order_no?: string;
    callback_url?: string;
    manual_form_data?: Record<string, string>;
  };
  const wanted: PurchaseOrder = {
    requestKey: asked.downstream_order_no ?? '',
    goodsId: goodsByNumber(shop, String(asked.sku_id))?.id ?? '',
    quantity: asked.quantity ?? 0,
    mostCents: null,
    input: asked.manual_form_data ?? {},
    callbackUrl: asked.callback_url ?? null,
  };
  const sale = shop.sell(wanted, fault);
  if (sale.kind === 'REFUSED') return refusal(...REFUSALS[sale.reason]);
  const { purchase } = sale;
  return ok({ ...numbersOf(purchase), status: sale.kind === 'SOLD' ? 'paid' : statusOf(purchase) });
}

function orderById(shop: Shop, number: string, fault: Fault | null): SimulatedAnswer {
  const ref = `${shop.lastPurchase()?.ref.slice(0, -REF_DIGITS) ?? ''}${number.padStart(REF_DIGITS, '0')}`;
  const purchase = fault === 'unknown-order' ? undefined : shop.findByRef(ref);
  if (!purchase) return refusal(404, 'order_not_found', 'order not found');
  const status = statusOf(purchase);
  const id = numberOf(shop, purchase.goodsId);
  const item = { product_id: id, sku_id: id, title: {}, quantity: purchase.quantity, fulfillment_type: 'auto' };
  const refunded = centsText(purchase.isRefunded ? purchase.costCents : 0);
  const fulfillment = { type: 'auto', status: 'delivered', payload: purchase.keys.join('\n'), delivery_data: null };
  return ok({
    ...numbersOf(purchase),
    status,
    refunded_amount: refunded,
    items: [item],
    ...(status === 'completed' ? { fulfillment } : {}),
  });
}

const REF_DIGITS = 14;

function numbersOf({ ref, costCents }: SimulatedPurchase): object {
  const number = Number(ref.slice(-REF_DIGITS));
  return { order_id: number, order_no: `DJ${ref}`, amount: centsText(costCents), currency: 'CNY' };
}

function statusOf({ readyAt, isRefunded }: SimulatedPurchase): string {
  if (readyAt > Date.now()) return 'paid';
  return isRefunded ? 'refunded' : 'completed';
}

function callbackOf({ apiKey, apiSecret }: DujiaoNextAccount, purchase: SimulatedPurchase): SimulatedCallback | null {
  const { callbackUrl, requestKey, ref } = purchase;
  if (callbackUrl === null) return null;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const status = purchase.isRefunded ? 'canceled' : 'delivered';
  const body = JSON.stringify({
    event: 'order.status_changed',
    order_id: Number(ref.slice(-REF_DIGITS)),
    order_no: `DJ${ref}`,
    downstream_order_no: requestKey,
    status,
    timestamp: Number(timestamp),
  });
  return {
    url: callbackUrl,
    headers: {
      'content-type': 'application/json',
      'dujiao-next-api-key': apiKey,
      'dujiao-next-timestamp': timestamp,
      'dujiao-next-signature': signatureOf(apiSecret, 'POST', `${ROOT}/callback`, timestamp, body),
    },
    body,
    isAccepted: (answerStatus, answer) => answerStatus === 200 && /"ok"\s*:\s*true/.test(answer),
  };
}

// ---- numbers: this protocol knows goods by them ----

type Numbered = { readonly ids: readonly string[]; readonly byId: ReadonlyMap<string, number>; readonly categories: readonly string[] };
const numbers = new WeakMap<Shop, Numbered>();

function numberedGoods(shop: Shop): Numbered {
  const known = numbers.get(shop);
  if (known) return known;
  const ids = [...shop.goods.keys()];
  const categories = [...new Set([...shop.goods.values()].map(({ category }) => category))];
  const made = { ids, byId: new Map(ids.map((id, index) => [id, index + 1])), categories };
  numbers.set(shop, made);
  return made;
}

function numberOf(shop: Shop, goodsId: string): number {
  return numberedGoods(shop).byId.get(goodsId) ?? 0;
}

function goodsByNumber(shop: Shop, number: string): SimulatedGoods | undefined {
  return shop.goods.get(numberedGoods(shop).ids[Number(number) - 1] ?? '');
}

function categoryNames(shop: Shop): readonly string[] {
  return numberedGoods(shop).categories;
}

function ok(value: object): SimulatedAnswer {
  return { body: JSON.stringify({ ok: true, ...value }) };
}

function refusal(status: number, code: string, message: string): SimulatedAnswer {
  return { status, body: JSON.stringify({ ok: false, error_code: code, error_message: message }) };
}
