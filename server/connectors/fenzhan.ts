import { currencyCodes, money, subtractMoney, toAmountString } from '#server/platform/money.ts';
import type {
  CallbackReading,
  Connector,
  ConnectorGround,
  RejectedReason,
  UpstreamAccount,
  UpstreamCardKey,
  UpstreamPurchase,
  UpstreamReply,
} from './connector.ts';
import { ACCOUNT_DOCUMENT, ORDER_DOCUMENT, PLACE_ORDER_DOCUMENT, QUOTE_DOCUMENT } from './fenzhan-documents.ts';
import { listGoods, readAll } from './fenzhan-goods.ts';
import { listenToFenzhan } from './fenzhan-news.ts';
import { dataOf, errorIn, NOTHING_RAN, sendToFenzhan, unanswered } from './fenzhan-wire.ts';
import { amountOf, countOf, fieldOf, itemsOf, type JsonValue, parseJson, referenceOf, textOf } from './json.ts';
import { contradiction, failedPurchase, failedResult, refusedResult, type WireDocument } from './wire.ts';

// Another Fenzhan as an upstream (connectors.md F): its public contract is the protocol, an API key of a station of that network the
// account. The attempt's key is the order's request key, so whatever was not heard of can be asked for, or sent again.

const NEEDED = ['CATALOGUE_READ', 'ORDERS_PLACE', 'ORDERS_READ', 'CARD_KEYS_REVEAL'] as const;
/** What a refusal's code means. A word that is not here is a refusal all the same: the contract says that it changed nothing. */
const REFUSALS: Readonly<Record<string, RejectedReason>> = {
  INSUFFICIENT_BALANCE: 'INSUFFICIENT_BALANCE',
  OUT_OF_STOCK: 'OUT_OF_STOCK',
  PRICE_MOVED: 'PRICE_ABOVE_LIMIT',
  NOT_SELLABLE: 'GOODS_PAUSED',
  QUANTITY_OUT_OF_RANGE: 'QUANTITY',
  STATION_FROZEN: 'ACCOUNT_REFUSED',
  NOT_FOUND: 'GOODS_NOT_FOUND',
  INVALID_INPUT: 'INPUT_REFUSED',
};
const WAITING = ['HELD', 'REVIEW', 'SOURCING', 'NEEDS_ATTENTION'];
const DELIVERED = ['DELIVERED', 'PARTLY_REFUNDED'];

/** Buys from a station of another Fenzhan network. */
export function createFenzhan(ground: ConnectorGround): Connector {
  return {
    kind: 'FENZHAN',
    abilities: {
      canQuery: true,
      resendIsSafe: true,
      resendBringsGoods: true,
      requestKeyLengthMax: 255,
      callsAtOnceMax: 16,
      // an order waits in a queue and may take twenty seconds: what is not there after a minute will not come
      notFoundAfterSeconds: 60,
      callsBack: true,
    },
    accountFields: [{ name: 'api_key', isSecret: true, isRequired: true, maxLength: 200 }],
    goodsFields: [{ name: 'sku_id', isSecret: false, isRequired: true, maxLength: 200 }],
    checkAccount: (account) => checkAccount(ground, account),
    quote: (account, goods, quantity) => quote(ground, account, goods, quantity),
    listGoods: (account) => listGoods(ground, account),
    purchase: (account, purchase) => place(ground, account, purchase),
    query: (account, purchase) => ask(ground, account, purchase),
    readCallback: ({ method, body }) => readCallback(method, body),
    news: {
      readAll: (account) => readAll(ground, account),
      listen: (account, listening) => listenToFenzhan(ground, account, listening),
    },
  };
}

// ---- account ----

async function checkAccount(ground: ConnectorGround, account: UpstreamAccount): ReturnType<Connector['checkAccount']> {
  const reply = await sendToFenzhan(ground, account, ACCOUNT_DOCUMENT, {});
  if (reply.kind === 'FAILED') return failedResult(reply);
  const wire = [reply.wire];
  const viewer = dataOf(reply, 'viewer');
  const currency = textOf(fieldOf(fieldOf(viewer, 'network'), 'currency'));
  if (currency === null) return unanswered(reply, wire);
  if (currency !== account.currency)
    return refusedResult('ACCOUNT_REFUSED', reply.tell(`The network counts in ${currency}, the account in ${account.currency}.`), wire);
  const permissions = (itemsOf(fieldOf(viewer, 'permissions')) ?? []).map(textOf);
  const missing = NEEDED.filter((permission) => !permissions.includes(permission));
  if (missing.length > 0) return refusedResult('ACCOUNT_REFUSED', `The API key lacks ${missing.join(', ')}.`, wire);
  const name = textOf(fieldOf(fieldOf(viewer, 'party'), 'name'));
  if (name === null) return refusedResult('ACCOUNT_REFUSED', 'The API key is not one of a station.', wire);
  // null without WALLET_READ: buying needs no look into the wallet
  const balance = amountOf(fieldOf(fieldOf(fieldOf(dataOf(reply, 'station'), 'wallet'), 'available'), 'amount'));
  return { kind: 'ANSWERED', value: { shopName: reply.tell(name), balance }, wire };
}

async function quote(
  ground: ConnectorGround,
  account: UpstreamAccount,
  goods: Readonly<Record<string, string>>,
  quantity: number,
): ReturnType<Connector['quote']> {
  const reply = await sendToFenzhan(ground, account, QUOTE_DOCUMENT, { input: { skuId: goods['sku_id'] ?? '', quantity } });
  if (reply.kind === 'FAILED') return failedResult(reply);
  const wire = [reply.wire];
  const quoted = dataOf(reply, 'quote');
  if (quoted === null) return unanswered(reply, wire);
  const refusal = refusalIn(reply, quoted);
  if (refusal !== null) return refusedResult(refusal.reason, refusal.message, wire);
  const total = fieldOf(quoted, 'total');
  const cost = amountOf(fieldOf(total, 'amount'));
  if (cost === null || textOf(fieldOf(total, 'currency')) !== account.currency)
    return refusedResult('CONTRADICTION', 'The quote is no amount of the account’s currency.', wire);
  return { kind: 'ANSWERED', value: { cost, stockCount: countOf(fieldOf(fieldOf(quoted, 'stock'), 'availableCount')) }, wire };
}

// ---- purchases ----

async function place(ground: ConnectorGround, account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply> {
  const { requestKey, goods, quantity, maxCost, inputFields } = purchase;
  const isFirst = purchase.sentAt === null;
  const typed = Object.entries(inputFields).map(([name, value]) => ({ name, value }));
  const order = { requestKey, skuId: goods['sku_id'] ?? '', quantity, maxTotal: maxCost };
  const input = typed.length === 0 ? order : { ...order, input: typed };
  const reply = await sendToFenzhan(ground, account, PLACE_ORDER_DOCUMENT, { input });
  if (reply.kind === 'FAILED') return failedPurchase(reply, isFirst);
  const wire = [reply.wire];
  const placed = dataOf(reply, 'placeOrder');
  const made = fieldOf(placed, 'order');
  if (made !== undefined) return readOrder(account, purchase, made, reply);
  const refusal = placed === null ? refusedUnrun(reply) : refusalIn(reply, placed);
  // a key that was used for something else tells that it was used
  if (refusal === null || refusal.code === 'REQUEST_KEY_REUSED' || !isFirst)
    return contradiction(refusal?.message ?? errorIn(reply)?.message ?? 'The answer is not of the contract.', wire);
  return { outcome: { kind: 'REJECTED', reason: refusal.reason, message: refusal.message, upstreamRef: null }, wire };
}

async function ask(ground: ConnectorGround, account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply> {
  const reply = await sendToFenzhan(ground, account, ORDER_DOCUMENT, { requestKey: purchase.requestKey });
  if (reply.kind === 'FAILED') return failedPurchase(reply, false);
  const order = dataOf(reply, 'order');
  if (order !== null) return readOrder(account, purchase, order, reply);
  // no order and an error: nobody has looked
  const error = errorIn(reply);
  const isThere = fieldOf(fieldOf(reply.json, 'data'), 'order') !== undefined;
  if (error !== null || !isThere) return contradiction(error?.message ?? 'The answer is not of the contract.', [reply.wire]);
  return { outcome: { kind: 'NOT_FOUND' }, wire: [reply.wire] };
}

type Refusal = { readonly code: string; readonly reason: RejectedReason; readonly message: string };

/** A refusal of the contract; null when the value is none. */
function refusalIn({ tell }: WireDocument, value: JsonValue): Refusal | null {
  const code = textOf(fieldOf(value, 'code'));
  if (code === null) return null;
  const isEmpty = textOf(fieldOf(value, 'reason')) === 'OUT_OF_STOCK';
  const reason = isEmpty ? 'OUT_OF_STOCK' : Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : 'OTHER';
  return { code, reason: reason ?? 'OTHER', message: tell(`${code}: ${textOf(fieldOf(value, 'message')) ?? ''}`) };
}

/** An error that was told before anything ran; null for all others: a mutation that failed on its way may have taken effect. */
function refusedUnrun(reply: WireDocument): Refusal | null {
  const error = errorIn(reply);
  if (error === null || !Object.hasOwn(NOTHING_RAN, error.code)) return null;
  return { code: error.code, reason: NOTHING_RAN[error.code] ?? 'OTHER', message: error.message };
}

function readOrder(
  account: UpstreamAccount,
  purchase: UpstreamPurchase,
  order: JsonValue,
  { wire: record, tell }: WireDocument,
): UpstreamReply {
  const wire = [record];
  const upstreamRef = referenceOf(fieldOf(order, 'id'));
  const isOurs =
    textOf(fieldOf(order, 'requestKey')) === purchase.requestKey &&
    countOf(fieldOf(order, 'quantity')) === purchase.quantity &&
    (fieldOf(order, 'sku') === null || textOf(fieldOf(fieldOf(order, 'sku'), 'id')) === purchase.goods['sku_id']);
  if (upstreamRef === null || !isOurs) return contradiction('The order is not the one that was placed.', wire);
  const state = textOf(fieldOf(order, 'state')) ?? '';
  const rejected = (reason: RejectedReason, message: string): UpstreamReply => ({
    outcome: { kind: 'REJECTED', reason, message, upstreamRef },
    wire,
  });
  if (WAITING.includes(state)) return { outcome: { kind: 'PENDING', upstreamRef }, wire };
  if (state === 'FAILED') return rejected('CANCELLED', 'The order failed; the money was released.');
  if (state === 'REFUNDED') return rejected('REFUNDED', 'The order was refunded.');
  const cost = costOf(account, order);
  if (!DELIVERED.includes(state) || cost === null)
    return contradiction(tell(`The order’s state or total is not readable: ${state}.`), wire);
  const cardKeys = purchase.goodsKind === 'TOP_UP' ? [] : cardKeysOf(fieldOf(order, 'cardKeys'));
  if (cardKeys === null) return contradiction('The order is delivered, and its card keys are not shown to this API key.', wire);
  return { outcome: { kind: 'SUCCEEDED', upstreamRef, cost, cardKeys }, wire };
}

/** What was paid without what was given back; null when it is no amount of the account's currency. */
function costOf({ currency }: UpstreamAccount, order: JsonValue): string | null {
  const known = currencyCodes.find((each) => each === currency);
  const [total, refunded] = [fieldOf(order, 'total'), fieldOf(order, 'refundedTotal')];
  const [paid, back] = [amountOf(fieldOf(total, 'amount')), amountOf(fieldOf(refunded, 'amount'))];
  if (known === undefined || textOf(fieldOf(total, 'currency')) !== currency || paid === null || back === null) return null;
  return toAmountString(subtractMoney(money(paid, known), money(back, known)));
}

/** null: they are not shown, or one of them is none. */
function cardKeysOf(value: JsonValue | undefined): UpstreamCardKey[] | null {
  const keys = (itemsOf(value) ?? [null]).map((key) => {
    const secret = textOf(fieldOf(key, 'secret'));
    return secret === null ? null : { number: textOf(fieldOf(key, 'number')), secret };
  });
  return keys.includes(null) ? null : keys.filter((key) => key !== null);
}

/** A webhook of the other network with `orderUpdated { order { id requestKey } }`: it names the order to ask for. */
function readCallback(method: string, body: string): CallbackReading {
  const json = method === 'POST' ? parseJson(body) : undefined;
  const order = fieldOf(fieldOf(fieldOf(json, 'data'), 'orderUpdated'), 'order');
  const [requestKey, upstreamRef] = [referenceOf(fieldOf(order, 'requestKey')), referenceOf(fieldOf(order, 'id'))];
  const callback = requestKey === null && upstreamRef === null ? null : { requestKey, upstreamRef };
  return { callback, status: 200, contentType: 'text/plain; charset=utf-8', answer: callback === null ? 'nothing to ask for' : 'ok' };
}
