import { createHash } from 'node:crypto';
import type {
  CallbackReading,
  Connector,
  ConnectorGround,
  RejectedReason,
  UpstreamAccount,
  UpstreamCardKey,
  UpstreamPurchase,
  UpstreamReply,
  WireRecord,
} from './connector.ts';
import { costOfUnits, isDearer, renamedFields, unitLimit } from './goods.ts';
import { amountOf, codeOf, countOf, fieldOf, itemsOf, type JsonValue, parseJson, referenceOf, textOf } from './json.ts';
import { listKasushou } from './kasushou-goods.ts';
import { callForJson, contradiction, failedPurchase, failedResult, refusedResult, type WireDocument, type WireReply } from './wire.ts';

// 卡速售 v2 (connectors.md B), from the vendor's API document; not proven against a running shop. Purchases are taken in and worked off
// later: only what `order/info` says of our own number counts, never a callback's text.

/** Not stated by the vendor: long enough that a purchase under way is in its list. */
const NOT_FOUND_AFTER_SECONDS = 120;
/** What a refusal's words mean; the vendor names no codes but 400 and 500, so these are what such shops are seen to say (inferred). */
const REFUSALS: readonly (readonly [words: RegExp, reason: RejectedReason])[] = [
  [/余额不足/, 'INSUFFICIENT_BALANCE'],
  [/库存不足|缺货/, 'OUT_OF_STOCK'],
  [/安全价格|safe_price/i, 'PRICE_ABOVE_LIMIT'],
  [/商品不存在/, 'GOODS_NOT_FOUND'],
  [/暂停|禁售|下架|停售/, 'GOODS_PAUSED'],
  [/数量/, 'QUANTITY'],
  [/签名|密钥|apikey|用户不存在|白名单|时间戳/i, 'ACCOUNT_REFUSED'],
  [/充值账号|下单参数|模板/, 'INPUT_REFUSED'],
];
const NO_SUCH_ORDER = /订单不存在/;
const USED_KEY = /重复|已存在/;

/** Sends one call to a shop. */
export type KasushouSend = (path: string, body: Readonly<Record<string, unknown>>, answerBytes?: number) => Promise<WireReply>;

/** The signature of a call: sha1 in small letters of the 13 digits of the time, the body as it is sent, and the key. */
export function signKasushou(apiKey: string, timestamp: string, body: string): string {
  return createHash('sha1').update(`${timestamp}${body}${apiKey}`, 'utf8').digest('hex');
}

/** The body as it is signed and sent: compact JSON, its names in order, `{}` when empty. Names inside of a value stay as they are. */
export function kasushouBody(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Buys from a shop that runs on 卡速售. */
export function createKasushou(ground: ConnectorGround): Connector {
  return {
    kind: 'KASUSHOU_V2',
    abilities: {
      canQuery: true,
      // "against repeats", says the vendor, and not what a repeat is answered: it is asked for instead
      resendIsSafe: false,
      resendBringsGoods: false,
      requestKeyLengthMax: 32,
      callsAtOnceMax: 8,
      notFoundAfterSeconds: NOT_FOUND_AFTER_SECONDS,
      callsBack: true,
    },
    accountFields: [
      { name: 'user_id', isSecret: false, isRequired: true, maxLength: 64 },
      { name: 'api_key', isSecret: true, isRequired: true, maxLength: 128 },
    ],
    goodsFields: [
      { name: 'id', isSecret: false, isRequired: true, maxLength: 9 },
      { name: 'input_names', isSecret: false, isRequired: false, maxLength: 500 },
    ],
    checkAccount: (account) => readBalance(sender(ground, account)),
    quote: (account, goods, quantity) => quote(sender(ground, account), goods, quantity),
    listGoods: (account) => listKasushou(sender(ground, account), refused),
    purchase: (account, purchase) => buy(sender(ground, account), account, purchase),
    query: (account, purchase) => ask(sender(ground, account), purchase, []),
    readCallback: ({ body, query }) => readCallback(body, query),
  };
}

function sender(ground: ConnectorGround, account: UpstreamAccount): KasushouSend {
  const apiKey = account.settings['api_key'] ?? '';
  return (path, fields, answerBytes) => {
    const body = kasushouBody(fields);
    const timestamp = String(ground.clock().getTime()).padStart(13, '0');
    const sign = signKasushou(apiKey, timestamp, body);
    return callForJson(ground, {
      url: `${account.baseUrl}/api/v1/${path}`,
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', userid: account.settings['user_id'] ?? '', timestamp, sign },
      body,
      secrets: [apiKey, sign],
      isAnswerStatus: (status) => status === 200 || status === 400,
      ...(answerBytes === undefined ? {} : { answerBytes }),
    });
  };
}

function isSuccess({ status, json }: WireDocument): boolean {
  return status === 200 && codeOf(fieldOf(json, 'code')) === 200;
}

/** The words of a refusal; null when the document is none: 500 says that the shop itself does not know. */
function refusalIn({ json }: WireDocument): string | null {
  return codeOf(fieldOf(json, 'code')) === 400 ? (textOf(fieldOf(json, 'msg')) ?? '') : null;
}

function reasonOf(message: string): RejectedReason {
  return REFUSALS.find(([words]) => words.test(message))?.[1] ?? 'OTHER';
}

function refused(reply: WireDocument, wire: readonly WireRecord[]) {
  const message = refusalIn(reply);
  if (message === null) return refusedResult('CONTRADICTION', 'The answer is none of the protocol.', wire);
  return refusedResult(reasonOf(message), reply.tell(message), wire);
}

// ---- account and goods ----

async function readBalance(send: KasushouSend): ReturnType<Connector['checkAccount']> {
  const reply = await send('user/info', {});
  if (reply.kind === 'FAILED') return failedResult(reply);
  if (!isSuccess(reply)) return refused(reply, [reply.wire]);
  const balance = amountOf(fieldOf(fieldOf(reply.json, 'data'), 'balance'));
  return { kind: 'ANSWERED', value: { shopName: null, balance }, wire: [reply.wire] };
}

async function quote(send: KasushouSend, goods: Readonly<Record<string, string>>, quantity: number): ReturnType<Connector['quote']> {
  const id = goodsId(goods);
  if (id === null) return refusedResult('GOODS_NOT_FOUND', 'The id of the goods is a whole number.', []);
  const reply = await send('goods/info', { id });
  if (reply.kind === 'FAILED') return failedResult(reply);
  const wire = [reply.wire];
  if (!isSuccess(reply)) return refused(reply, wire);
  const data = fieldOf(reply.json, 'data');
  if (countOf(fieldOf(data, 'id')) !== id) return refusedResult('CONTRADICTION', 'The answer is about other goods.', wire);
  if (countOf(fieldOf(data, 'status')) !== 1) return refusedResult('GOODS_PAUSED', 'The goods are not for sale.', wire);
  const [least, most] = [countOf(fieldOf(data, 'start_count')) || 1, countOf(fieldOf(data, 'end_count')) || Number.POSITIVE_INFINITY];
  if (quantity < least || quantity > most) return refusedResult('QUANTITY', `It sells ${least} to ${most} at a time.`, wire);
  const unitCost = amountOf(fieldOf(data, 'goods_price'));
  if (unitCost === null) return refusedResult('CONTRADICTION', 'The price is no amount.', wire);
  return { kind: 'ANSWERED', value: { cost: costOfUnits(unitCost, quantity), stockCount: countOf(fieldOf(data, 'stock_num')) }, wire };
}

function goodsId(goods: Readonly<Record<string, string>>): number | null {
  return /^[1-9]\d{0,8}$/.test(goods['id'] ?? '') ? Number.parseInt(goods['id'] ?? '', 10) : null;
}

// ---- purchases ----

async function buy(send: KasushouSend, account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply> {
  // nothing is bought twice under one number: what may be there is asked for
  if (purchase.sentAt !== null) return ask(send, purchase, []);
  const id = goodsId(purchase.goods);
  if (id === null || !/^[a-z0-9]{1,32}$/.test(purchase.requestKey)) {
    const message = id === null ? 'The id of the goods is a whole number.' : 'The request key is none that the shop would keep.';
    return { outcome: { kind: 'REJECTED', reason: 'NOT_SENT', message, upstreamRef: null }, wire: [] };
  }
  const reply = await send('order/buy', orderOf(account, purchase, id));
  if (reply.kind === 'FAILED') return failedPurchase(reply, true);
  const wire = [reply.wire];
  const message = refusalIn(reply);
  if (message !== null) return confirmRefusal(send, purchase, message, reply);
  if (!isSuccess(reply))
    return contradiction(reply.tell(textOf(fieldOf(reply.json, 'msg')) ?? 'The answer is none of the protocol.'), wire);
  const data = fieldOf(reply.json, 'data');
  const upstreamRef = referenceOf(fieldOf(data, 'ordersn'));
  if (upstreamRef === null || textOf(fieldOf(data, 'external_orderno')) !== purchase.requestKey)
    return contradiction('The answer is about another order.', wire);
  const now = await ask(send, { ...purchase, upstreamRef }, wire);
  // it was taken in: whatever keeps it from being read, it is under way
  return isSettled(now) ? now : { outcome: { kind: 'PENDING', upstreamRef }, wire: now.wire };
}

function isSettled({ outcome }: UpstreamReply): boolean {
  return outcome.kind === 'SUCCEEDED' || outcome.kind === 'REJECTED' || (outcome.kind === 'UNKNOWN' && outcome.reason === 'CONTRADICTION');
}

function orderOf({ callbackUrl }: UpstreamAccount, purchase: UpstreamPurchase, id: number): Record<string, unknown> {
  const { requestKey, quantity, maxCost, goods, inputFields } = purchase;
  return {
    id,
    quantity,
    external_orderno: requestKey,
    // held against the price of one, says the vendor's example (inferred); for one it is the same
    safe_price: unitLimit(maxCost, quantity),
    mark: '',
    ...(callbackUrl === null ? {} : { url: callbackUrl }),
    ...(purchase.goodsKind === 'TOP_UP' ? { attach: attachOf(renamedFields(inputFields, goods['input_names'] ?? '')) } : {}),
  };
}

/** One field alone is the account that is topped up, whatever we call it. */
function attachOf(fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const [only, ...others] = Object.entries(fields);
  return only !== undefined && others.length === 0 && !/^lblName\d+$/.test(only[0]) ? { recharge_account: only[1] } : fields;
}

/** A refusal is any text with code 400. It is believed when the shop has no order of our number either. */
async function confirmRefusal(
  send: KasushouSend,
  purchase: UpstreamPurchase,
  message: string,
  reply: WireDocument,
): Promise<UpstreamReply> {
  const reason = reasonOf(message);
  const found = await ask(send, purchase, [reply.wire]);
  const isNone = found.outcome.kind === 'NOT_FOUND' && !USED_KEY.test(message);
  // an account that is refused can neither buy nor ask
  const isShutOut = reason === 'ACCOUNT_REFUSED' && found.outcome.kind === 'UNKNOWN' && found.outcome.message === reply.tell(message);
  if (isNone || isShutOut)
    return { outcome: { kind: 'REJECTED', reason, message: reply.tell(message), upstreamRef: null }, wire: found.wire };
  if (found.outcome.kind === 'NOT_FOUND') return contradiction(reply.tell(`It has the number, and no order: ${message}`), found.wire);
  return found;
}

async function ask(send: KasushouSend, purchase: UpstreamPurchase, before: readonly WireRecord[]): Promise<UpstreamReply> {
  // 0: of all days, not of the last thirty
  const reply = await send('order/info', { external_orderno: purchase.requestKey, day: 0 });
  if (reply.kind === 'FAILED') return failedPurchase(reply, false, before);
  const wire = [...before, reply.wire];
  const message = refusalIn(reply);
  if (message !== null)
    return NO_SUCH_ORDER.test(message) ? { outcome: { kind: 'NOT_FOUND' }, wire } : contradiction(reply.tell(message), wire);
  const orders = isSuccess(reply) ? itemsOf(fieldOf(reply.json, 'data')) : null;
  if (orders === null) return contradiction('The answer is none of the protocol.', wire);
  if (orders.length === 0) return { outcome: { kind: 'NOT_FOUND' }, wire };
  const [order, ...others] = orders;
  if (others.length > 0 || textOf(fieldOf(order, 'external_orderno')) !== purchase.requestKey)
    return contradiction('The answer is about another order.', wire);
  return readOrder(order, purchase, reply, wire);
}

function readOrder(
  order: JsonValue | undefined,
  purchase: UpstreamPurchase,
  { tell }: WireDocument,
  wire: readonly WireRecord[],
): UpstreamReply {
  const upstreamRef = referenceOf(fieldOf(order, 'ordersn'));
  if (purchase.upstreamRef !== null && upstreamRef !== purchase.upstreamRef)
    return contradiction('The number belongs to another order now.', wire);
  const told = fieldOf(order, 'total_price');
  const cost = amountOf(told);
  if (told !== undefined && cost === null) return contradiction('It sold for what is no amount.', wire);
  switch (codeOf(fieldOf(order, 'status'))) {
    case -1: // not paid for yet
    case 1:
    case 2:
      return { outcome: { kind: 'PENDING', upstreamRef }, wire };
    case 3: {
      const cardKeys = purchase.goodsKind === 'TOP_UP' ? [] : cardKeysOf(fieldOf(order, 'card_list'));
      // keys are fetched after the order is done: none yet is not "none"
      if (purchase.goodsKind === 'CARD_KEY' && cardKeys.length === 0) return { outcome: { kind: 'PENDING', upstreamRef }, wire };
      return { outcome: { kind: 'SUCCEEDED', upstreamRef, cost, cardKeys }, wire };
    }
    case 4:
    case 5:
      return readReturn(order, cost, { upstreamRef, hints: tell(textOf(fieldOf(order, 'recharge_hints')) ?? '') }, wire);
    default:
      return contradiction(tell(`The order’s state is ${textOf(fieldOf(order, 'status')) ?? 'missing'}.`), wire);
  }
}

/** Cancelled or refunded: a refusal only when all of the money came back. */
function readReturn(
  order: JsonValue | undefined,
  cost: string | null,
  { upstreamRef, hints }: { readonly upstreamRef: string | null; readonly hints: string },
  wire: readonly WireRecord[],
): UpstreamReply {
  const returned = amountOf(fieldOf(order, 'has_back_money'));
  const saysAmounts = fieldOf(order, 'has_back_money') !== undefined && cost !== null;
  if (saysAmounts && (returned === null || isDearer(cost, returned)))
    return contradiction(`Of ${cost} it gave back ${returned ?? 'what is no amount'}.`, wire);
  const isCancelled = codeOf(fieldOf(order, 'status')) === 4;
  // without amounts only "refunded" says that the money is back
  if (isCancelled && !saysAmounts) return contradiction('It cancelled, and does not say that the money is back.', wire);
  return { outcome: { kind: 'REJECTED', reason: isCancelled ? 'CANCELLED' : 'REFUNDED', message: hints, upstreamRef }, wire };
}

function cardKeysOf(list: JsonValue | undefined): UpstreamCardKey[] {
  return (itemsOf(list) ?? []).flatMap((card) => {
    const [number, password] = [
      textOf(fieldOf(card, 'card_no'))?.trim() ?? '',
      textOf(fieldOf(card, 'card_password') ?? card)?.trim() ?? '',
    ];
    if (password !== '') return [{ number: number === '' ? null : number, secret: password }];
    return number === '' ? [] : [{ number: null, secret: number }];
  });
}

/** JSON or a form; nothing in it is believed, so that its signature (which leaves the keys out) is not looked at either. */
function readCallback(body: string, query: Readonly<Record<string, string>>): CallbackReading {
  const json = parseJson(body);
  const form = json === undefined ? new URLSearchParams(body) : null;
  const read = (name: string) => referenceOf(fieldOf(json, name) ?? form?.get(name) ?? query[name]);
  const [requestKey, upstreamRef] = [read('external_orderno'), read('ordersn')];
  const callback = requestKey === null && upstreamRef === null ? null : { requestKey, upstreamRef };
  return { callback, status: 200, contentType: 'text/plain; charset=utf-8', answer: 'ok' };
}
