import { createHash, createHmac } from 'node:crypto';
import type {
  CallbackReading,
  Connector,
  ConnectorGround,
  RejectedReason,
  UpstreamAccount,
  UpstreamGoods,
  UpstreamPurchase,
  UpstreamReply,
  WireRecord,
} from './connector.ts';
import { categoryPaths, goodsOf, stockOf } from './dujiao-goods.ts';
import { cardKeysOfLines, costOfUnits } from './goods.ts';
import { amountOf, countOf, fieldOf, itemsOf, type JsonValue, parseJson, referenceOf, textOf } from './json.ts';
import {
  CATALOGUE_ANSWER_BYTES,
  callForJson,
  contradiction,
  failedPurchase,
  failedResult,
  refusedResult,
  type WireDocument,
  type WireReply,
} from './wire.ts';

// dujiao-next as an upstream (connectors.md C): the interface for other shops below /api/v1/upstream, from the project's published API
// notes and its public source. Not proven against a running shop; what was inferred says so.

const ROOT = '/api/v1/upstream';
/** The upstream keeps 64 characters of `downstream_order_no`. */
const KEY_LENGTH_MAX = 64;
/**
 * The upstream looks for the key, and writes it down only after it has made the order (read in its source): a repeat that arrives in
 * between is charged a second time. So a repeat waits until the first request has surely passed that point.
 */
const REPEAT_AFTER_MILLISECONDS = 2_000;
const PAGE_ROWS = 50;
/** 20,000 products. */
const PAGES_MAX = 400;
/** Records of a long listing that are worth keeping: how it ended. */
const RECORDS_KEPT = 3;

/** What a refusal's `error_code` means. Any other word is none that we know: UNKNOWN. */
const REFUSALS: Readonly<Record<string, { readonly reason: RejectedReason; readonly isBeforeKey: boolean }>> = {
  // told before the upstream looks for the key: of a repeat they say nothing about the first request
  unauthorized: { reason: 'ACCOUNT_REFUSED', isBeforeKey: true },
  missing_auth_headers: { reason: 'ACCOUNT_REFUSED', isBeforeKey: true },
  invalid_timestamp: { reason: 'ACCOUNT_REFUSED', isBeforeKey: true },
  timestamp_expired: { reason: 'ACCOUNT_REFUSED', isBeforeKey: true },
  invalid_signature: { reason: 'ACCOUNT_REFUSED', isBeforeKey: true },
  invalid_api_key: { reason: 'ACCOUNT_REFUSED', isBeforeKey: true },
  user_disabled: { reason: 'ACCOUNT_REFUSED', isBeforeKey: true },
  bad_request: { reason: 'INPUT_REFUSED', isBeforeKey: true },
  invalid_callback_url: { reason: 'INPUT_REFUSED', isBeforeKey: true },
  sku_unavailable: { reason: 'GOODS_PAUSED', isBeforeKey: false },
  product_unavailable: { reason: 'GOODS_PAUSED', isBeforeKey: false },
  product_not_found: { reason: 'GOODS_NOT_FOUND', isBeforeKey: false },
  insufficient_balance: { reason: 'INSUFFICIENT_BALANCE', isBeforeKey: false },
  insufficient_stock: { reason: 'OUT_OF_STOCK', isBeforeKey: false },
  // the order was made, not paid for and cancelled; an empty wallet is the usual cause (inferred)
  payment_failed: { reason: 'INSUFFICIENT_BALANCE', isBeforeKey: false },
};

const WAITING = ['pending_payment', 'paid', 'fulfilling', 'partially_delivered'];
const DELIVERED = ['delivered', 'completed'];

/** The signature of a request: `path` without its query, `timestamp` in seconds, `body` as it is sent. */
export function signDujiaoNext(
  secret: string,
  { method, path, timestamp, body }: { readonly method: string; readonly path: string; readonly timestamp: string; readonly body: string },
): string {
  const bodyHash = createHash('md5').update(body, 'utf8').digest('hex');
  return createHmac('sha256', secret).update([method, path, timestamp, bodyHash].join('\n'), 'utf8').digest('hex');
}

/** Buys from a dujiao-next shop through its interface for other shops. A repeat under the same key answers with the order that is there. */
export function createDujiaoNext(ground: ConnectorGround): Connector {
  return {
    kind: 'DUJIAO_NEXT',
    abilities: {
      canQuery: false,
      resendIsSafe: true,
      resendBringsGoods: true,
      requestKeyLengthMax: KEY_LENGTH_MAX,
      callsAtOnceMax: 8,
      notFoundAfterSeconds: 60,
      callsBack: true,
    },
    accountFields: [
      { name: 'api_key', isSecret: false, isRequired: true, maxLength: 200 },
      { name: 'api_secret', isSecret: true, isRequired: true, maxLength: 200 },
    ],
    goodsFields: [
      { name: 'product_id', isSecret: false, isRequired: true, maxLength: 15 },
      { name: 'sku_id', isSecret: false, isRequired: true, maxLength: 15 },
    ],
    checkAccount: (account) => ping(ground, account),
    quote: (account, goods, quantity) => quote(ground, account, goods, quantity),
    listGoods: (account) => listGoods(ground, account),
    purchase: (account, purchase) => buy(ground, account, purchase),
    query: (account, purchase) => ask(ground, account, purchase),
    readCallback: ({ method, body }) => readCallback(method, body),
  };
}

type Asked = { readonly method: 'GET' | 'POST'; readonly path: string; readonly query?: string; readonly body?: string };

function send(ground: ConnectorGround, account: UpstreamAccount, { method, path, query = '', body = '' }: Asked): Promise<WireReply> {
  const url = `${account.baseUrl}${ROOT}${path}`;
  const secret = account.settings['api_secret'] ?? '';
  const timestamp = String(Math.floor(ground.clock().getTime() / 1000));
  // what is signed is the path as the upstream sees it, with a folder that the shop may stand in
  const signed = URL.canParse(url) ? new URL(url).pathname : url;
  const signature = signDujiaoNext(secret, { method, path: signed, timestamp, body });
  return callForJson(ground, {
    url: `${url}${query}`,
    method,
    headers: {
      'content-type': 'application/json',
      'dujiao-next-api-key': account.settings['api_key'] ?? '',
      'dujiao-next-timestamp': timestamp,
      'dujiao-next-signature': signature,
    },
    ...(body === '' ? {} : { body }),
    secrets: [secret, signature],
    // refusals come as JSON with a status of their own
    isAnswerStatus: (status) => status >= 200 && status < 500,
    ...(path.startsWith('/products') || path === '/categories' ? { answerBytes: CATALOGUE_ANSWER_BYTES } : {}),
  });
}

/** Whether a document is a success of the protocol; only then anything else in it counts. */
function isOk({ status, json }: WireDocument): boolean {
  return status === 200 && fieldOf(json, 'ok') === true;
}

type Refusal = { readonly reason: RejectedReason; readonly isBeforeKey: boolean; readonly message: string };

/** The refusal that a document is; null when it is none that we know. */
function refusalIn({ json, tell }: WireDocument): Refusal | null {
  const code = textOf(fieldOf(json, 'error_code')) ?? '';
  if (fieldOf(json, 'ok') !== false || !Object.hasOwn(REFUSALS, code)) return null;
  const known = REFUSALS[code];
  return known === undefined ? null : { ...known, message: tell(`${code}: ${textOf(fieldOf(json, 'error_message')) ?? ''}`) };
}

function refused(reply: WireDocument, wire: readonly WireRecord[]) {
  const refusal = refusalIn(reply);
  return refusal === null
    ? refusedResult('CONTRADICTION', `The answer is none of the protocol (status ${reply.status}).`, wire)
    : refusedResult(refusal.reason, refusal.message, wire);
}

// ---- account and catalogue ----

async function ping(ground: ConnectorGround, account: UpstreamAccount): ReturnType<Connector['checkAccount']> {
  const reply = await send(ground, account, { method: 'POST', path: '/ping' });
  if (reply.kind === 'FAILED') return failedResult(reply);
  const wire = [reply.wire];
  if (!isOk(reply)) return refused(reply, wire);
  const currency = textOf(fieldOf(reply.json, 'currency'));
  if (currency !== null && currency !== account.currency)
    return refusedResult('ACCOUNT_REFUSED', reply.tell(`The shop counts in ${currency}, the account in ${account.currency}.`), wire);
  const name = textOf(fieldOf(reply.json, 'site_name'));
  const value = { shopName: name === null ? null : reply.tell(name), balance: amountOf(fieldOf(reply.json, 'balance')) };
  return { kind: 'ANSWERED', value, wire };
}

async function quote(
  ground: ConnectorGround,
  account: UpstreamAccount,
  goods: Readonly<Record<string, string>>,
  quantity: number,
): ReturnType<Connector['quote']> {
  const ids = idsOf(goods);
  if (ids === null) return refusedResult('GOODS_NOT_FOUND', 'Both ids are whole numbers.', []);
  const reply = await send(ground, account, { method: 'GET', path: `/products/${ids.productId}` });
  if (reply.kind === 'FAILED') return failedResult(reply);
  const wire = [reply.wire];
  if (!isOk(reply)) return refused(reply, wire);
  const product = fieldOf(reply.json, 'product');
  if (fieldOf(product, 'is_active') === false) return refusedResult('GOODS_PAUSED', 'The product is not for sale.', wire);
  const sku = itemsOf(fieldOf(product, 'skus'))?.find((each) => textOf(fieldOf(each, 'id')) === ids.skuId);
  if (sku === undefined) return refusedResult('GOODS_NOT_FOUND', 'The product has no such SKU, or it is not for sale.', wire);
  if (fieldOf(sku, 'is_active') === false) return refusedResult('GOODS_PAUSED', 'The SKU is not for sale.', wire);
  const unitCost = amountOf(fieldOf(sku, 'price_amount'));
  if (unitCost === null) return refusedResult('CONTRADICTION', 'The price is no amount.', wire);
  // wholesale prices may make more of them cheaper, never dearer
  return { kind: 'ANSWERED', value: { cost: costOfUnits(unitCost, quantity), stockCount: stockOf(sku) }, wire };
}

async function listGoods(ground: ConnectorGround, account: UpstreamAccount): ReturnType<Connector['listGoods']> {
  const shelves = await send(ground, account, { method: 'GET', path: '/categories' });
  if (shelves.kind === 'FAILED') return failedResult(shelves);
  if (!isOk(shelves)) return refused(shelves, [shelves.wire]);
  const paths = categoryPaths(itemsOf(fieldOf(shelves.json, 'categories')) ?? []);
  const goods = new Map<string, UpstreamGoods>();
  let wire: readonly WireRecord[] = [shelves.wire];
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const reply = await send(ground, account, { method: 'GET', path: '/products', query: `?page=${page}&page_size=${PAGE_ROWS}` });
    wire = [...wire, reply.wire].slice(-RECORDS_KEPT);
    if (reply.kind === 'FAILED') return failedResult(reply, wire.slice(0, -1));
    const products = isOk(reply) ? itemsOf(fieldOf(reply.json, 'items')) : null;
    const total = countOf(fieldOf(reply.json, 'total'));
    if (products === null || total === null) return refused(reply, wire);
    // a product that moves to another page meanwhile is listed once
    for (const each of products.flatMap((product) => goodsOf(product, paths))) goods.set(each.goods['sku_id'] ?? '', each);
    if (products.length === 0 || page * PAGE_ROWS >= total) return { kind: 'ANSWERED', value: [...goods.values()], wire };
  }
  return refusedResult('ANSWER_TOO_LONG', `It lists more than ${PAGES_MAX * PAGE_ROWS} products.`, wire);
}

// ---- purchases ----

async function buy(ground: ConnectorGround, account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply> {
  const isFirst = purchase.sentAt === null;
  const ids = idsOf(purchase.goods);
  if (ids === null) {
    const message = 'The settings of the offer name no goods: both ids are whole numbers.';
    if (!isFirst) return contradiction(message, []);
    return { outcome: { kind: 'REJECTED', reason: 'NOT_SENT', message, upstreamRef: null }, wire: [] };
  }
  const reply = await send(ground, account, { method: 'POST', path: '/orders', body: orderBody(account, purchase, ids.skuId) });
  if (reply.kind === 'FAILED') return failedPurchase(reply, isFirst);
  const wire = [reply.wire];
  const refusal = refusalIn(reply);
  const upstreamRef = referenceOf(fieldOf(reply.json, 'order_id'));
  if (refusal !== null && (isFirst || !refusal.isBeforeKey))
    return { outcome: { kind: 'REJECTED', reason: refusal.reason, message: refusal.message, upstreamRef }, wire };
  if (!isOk(reply) || upstreamRef === null)
    return contradiction(refusal?.message ?? `The answer is none of the protocol (status ${reply.status}).`, wire);
  if (textOf(fieldOf(reply.json, 'status')) === 'canceled') return cancelled(upstreamRef, wire);
  return fetchOrder(ground, account, { ...purchase, upstreamRef }, wire);
}

function orderBody({ callbackUrl }: UpstreamAccount, { requestKey, quantity, inputFields }: UpstreamPurchase, skuId: string): string {
  return JSON.stringify({
    sku_id: Number.parseInt(skuId, 10),
    quantity,
    downstream_order_no: requestKey,
    trace_id: requestKey,
    ...(Object.keys(inputFields).length === 0 ? {} : { manual_form_data: inputFields }),
    ...(callbackUrl === null ? {} : { callback_url: callbackUrl }),
  });
}

/** The order that the upstream has accepted. Whatever keeps it from being read, it was accepted: PENDING. */
async function fetchOrder(
  ground: ConnectorGround,
  account: UpstreamAccount,
  purchase: UpstreamPurchase & { readonly upstreamRef: string },
  before: readonly WireRecord[],
): Promise<UpstreamReply> {
  const reply = await send(ground, account, { method: 'GET', path: `/orders/${encodeURIComponent(purchase.upstreamRef)}` });
  if (reply.kind === 'JSON' && isOk(reply)) return readOrder(account, purchase, reply, before);
  return { outcome: { kind: 'PENDING', upstreamRef: purchase.upstreamRef }, wire: [...before, reply.wire] };
}

/** By the upstream's number where it told one; else the purchase is sent again, which brings the order that is there. */
async function ask(ground: ConnectorGround, account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply> {
  const { upstreamRef, sentAt } = purchase;
  if (upstreamRef === null) {
    if (sentAt !== null && ground.clock().getTime() < sentAt.getTime() + REPEAT_AFTER_MILLISECONDS)
      return { outcome: { kind: 'UNKNOWN', reason: 'TIMEOUT', message: 'The first request may still be under way.' }, wire: [] };
    // whoever asks has sent before: no refusal of this repeat may be taken for one of the first
    return buy(ground, account, { ...purchase, sentAt: sentAt ?? ground.clock() });
  }
  const reply = await send(ground, account, { method: 'GET', path: `/orders/${encodeURIComponent(upstreamRef)}` });
  if (reply.kind === 'FAILED') return failedPurchase(reply, false);
  // an order that was accepted and is not known any more is no "not found"
  if (!isOk(reply)) return contradiction(refusalIn(reply)?.message ?? reply.tell(codeText(reply)), [reply.wire]);
  return readOrder(account, { ...purchase, upstreamRef }, reply, []);
}

function codeText({ json, status }: WireDocument): string {
  return `The order cannot be read: ${textOf(fieldOf(json, 'error_code')) ?? `status ${status}`}.`;
}

function readOrder(
  account: UpstreamAccount,
  purchase: UpstreamPurchase & { readonly upstreamRef: string },
  { json, wire: record, tell }: WireDocument,
  before: readonly WireRecord[],
): UpstreamReply {
  const wire = [...before, record];
  const { upstreamRef } = purchase;
  if (referenceOf(fieldOf(json, 'order_id')) !== upstreamRef) return contradiction('The answer is about another order.', wire);
  const stranger = strangeItem(json, purchase);
  if (stranger !== null) return contradiction(stranger, wire);
  const currency = textOf(fieldOf(json, 'currency'));
  if (currency !== null && currency !== account.currency) return contradiction(tell(`The order is in ${currency}.`), wire);
  const status = textOf(fieldOf(json, 'status')) ?? '';
  if (status === 'canceled' || status === 'cancelled') return cancelled(upstreamRef, wire);
  if (status === 'refunded')
    return { outcome: { kind: 'REJECTED', reason: 'REFUNDED', message: 'The order was refunded.', upstreamRef }, wire };
  if (WAITING.includes(status)) return { outcome: { kind: 'PENDING', upstreamRef }, wire };
  // a part that was refunded is for a person to settle
  if (!DELIVERED.includes(status)) return contradiction(tell(`The order’s status is ${status || 'missing'}.`), wire);
  const payload = textOf(fieldOf(fieldOf(json, 'fulfillment'), 'payload')) ?? '';
  const cardKeys = purchase.goodsKind === 'TOP_UP' ? [] : cardKeysOfLines(payload);
  return { outcome: { kind: 'SUCCEEDED', upstreamRef, cost: amountOf(fieldOf(json, 'amount')), cardKeys }, wire };
}

/** What an order's items say that cannot be ours; null when all is as it was ordered, or they say nothing. */
function strangeItem(json: JsonValue, { goods, quantity }: UpstreamPurchase): string | null {
  const items = itemsOf(fieldOf(json, 'items')) ?? [];
  if (items.length === 0) return null;
  const [item] = items;
  if (items.length > 1 || textOf(fieldOf(item, 'sku_id')) !== goods['sku_id']) return 'The order is for other goods.';
  return countOf(fieldOf(item, 'quantity')) === quantity ? null : 'The order is for another quantity.';
}

function cancelled(upstreamRef: string, wire: readonly WireRecord[]): UpstreamReply {
  return { outcome: { kind: 'REJECTED', reason: 'CANCELLED', message: 'The order was cancelled.', upstreamRef }, wire };
}

function idsOf(goods: Readonly<Record<string, string>>): { readonly productId: string; readonly skuId: string } | null {
  const [productId = '', skuId = ''] = [goods['product_id'], goods['sku_id']];
  return [productId, skuId].every((id) => /^[1-9]\d{0,14}$/.test(id)) ? { productId, skuId } : null;
}

/** Its signature is not looked at: whatever it says, the order is asked for. */
function readCallback(method: string, body: string): CallbackReading {
  const json = method === 'POST' ? parseJson(body) : undefined;
  const requestKey = referenceOf(fieldOf(json, 'downstream_order_no'));
  const callback = requestKey === null ? null : { requestKey, upstreamRef: referenceOf(fieldOf(json, 'order_id')) };
  const answer = callback === null ? { ok: false, message: 'missing required fields' } : { ok: true, message: 'received' };
  return { callback, status: 200, contentType: 'application/json; charset=utf-8', answer: JSON.stringify(answer) };
}
