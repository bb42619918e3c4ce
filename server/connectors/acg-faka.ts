import { createHash } from 'node:crypto';
import { acgFakaGoods } from './acg-faka-goods.ts';
import type {
  Connector,
  ConnectorGround,
  RejectedReason,
  UpstreamAccount,
  UpstreamPurchase,
  UpstreamReply,
  WireRecord,
} from './connector.ts';
import { cardKeysOfLines, isDearer, renamedFields } from './goods.ts';
import { amountOf, codeOf, countOf, fieldOf, itemsOf, referenceOf, textOf } from './json.ts';
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

// acg-faka's shared store 共享店铺 (connectors.md A): forms in, JSON out. Its program dies with a page of HTML and status 200, so only
// JSON counts. A purchase's number cannot be looked up: what became of it is found by sending it again.

/** Its column holds 19; a longer number kills the request, and none at all is bought twice. */
const KEY_LENGTH_MAX = 19;
const USED_KEY = /request id already exists/i;
/** What manual goods have in the place of keys until a person there delivers them. */
const WAITING = '正在发货中，请耐心等待，如有疑问，请联系客服。';
/** Names of the protocol's own fields: a field of the goods that is called like one would change the order. */
const RESERVED = new Set([
  'app_id',
  'app_key',
  'sign',
  'shared_code',
  'num',
  'request_no',
  'card_id',
  'device',
  'race',
  'sku',
  'coupon',
  'pay_id',
]);

/**
 * What a refusal means, and when it is told. BEFORE_KEY: before the number is looked for, so of a repeat it says nothing about the
 * first; AFTER_KEY: no order has this number. UNSURE: the shop may say so after it has sold, when its own upstream fails it.
 */
const REFUSALS: readonly (readonly [words: RegExp, reason: RejectedReason, told: 'BEFORE_KEY' | 'AFTER_KEY' | 'UNSURE'])[] = [
  [/余额不足/, 'INSUFFICIENT_BALANCE', 'AFTER_KEY'],
  [/You have been banned/i, 'ACCOUNT_REFUSED', 'AFTER_KEY'],
  [/库存不足/, 'OUT_OF_STOCK', 'BEFORE_KEY'],
  [/停售|抢购(还未开始|已结束)/, 'GOODS_PAUSED', 'BEFORE_KEY'],
  [/(至少|最少|最多|只能)购买/, 'QUANTITY', 'BEFORE_KEY'],
  [/密钥错误|商户ID不存在/, 'ACCOUNT_REFUSED', 'UNSURE'],
  [/暂未上架/, 'GOODS_PAUSED', 'UNSURE'],
  [/商品不存在|商品类型|SKU不存在|^请选择|选择错误/, 'GOODS_NOT_FOUND', 'UNSURE'],
];

/** A value of a form: a text, or texts by name (`sku[颜色]=红`). */
export type AcgFakaForm = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/** The signature of a form: `sign` and empty texts left out, by name, nested as `sku[k]=v`, nothing URL-encoded, md5 in small letters. */
export function signAcgFaka(form: AcgFakaForm, appKey: string): string {
  const text = pairsOf(form)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  return createHash('md5').update(`${text}&key=${appKey}`, 'utf8').digest('hex');
}

/** Buys from an acg-faka shop as one of its users. */
export function createAcgFaka(ground: ConnectorGround): Connector {
  return {
    kind: 'ACG_FAKA',
    abilities: {
      canQuery: false,
      resendIsSafe: true,
      resendBringsGoods: false,
      requestKeyLengthMax: KEY_LENGTH_MAX,
      // several at once of one user deadlock on the user's row there
      callsAtOnceMax: 1,
      notFoundAfterSeconds: 60,
      callsBack: false,
    },
    accountFields: [
      { name: 'app_id', isSecret: false, isRequired: true, maxLength: 20 },
      { name: 'app_key', isSecret: true, isRequired: true, maxLength: 64 },
    ],
    goodsFields: [
      { name: 'shared_code', isSecret: false, isRequired: true, maxLength: 64 },
      { name: 'race', isSecret: false, isRequired: false, maxLength: 100 },
      { name: 'sku', isSecret: false, isRequired: false, maxLength: 500 },
      { name: 'input_names', isSecret: false, isRequired: false, maxLength: 500 },
    ],
    checkAccount: (account) => connect(ground, account),
    quote: (account, goods, quantity) => quote(ground, account, goods, quantity),
    listGoods: (account) => listGoods(ground, account),
    purchase: (account, purchase) => buy(ground, account, purchase),
    query: (account, purchase) => ask(ground, account, purchase),
    readCallback: () => ({ callback: null, status: 404, contentType: 'text/plain; charset=utf-8', answer: '' }),
  };
}

function send(
  ground: ConnectorGround,
  account: UpstreamAccount,
  path: string,
  fields: AcgFakaForm,
  answerBytes?: number,
): Promise<WireReply> {
  const appKey = account.settings['app_key'] ?? '';
  const form = { ...fields, app_id: account.settings['app_id'] ?? '' };
  const sign = signAcgFaka(form, appKey);
  return callForJson(ground, {
    url: `${account.baseUrl}/shared/${path}`,
    method: 'POST',
    // its refusals are told apart by their words, which it translates otherwise
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'accept-language': 'zh-CN' },
    body: new URLSearchParams([...pairsOf(form), ['sign', sign] as [string, string]]).toString(),
    // nothing in a signed form wears out: whoever reads it could send it again
    secrets: [appKey, sign],
    ...(answerBytes === undefined ? {} : { answerBytes }),
  });
}

function pairsOf(form: AcgFakaForm): [name: string, value: string][] {
  return Object.entries(form)
    .sort(byName)
    .flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value]] : Object.entries(value).map(([key, each]) => [`${name}[${key}]`, each]),
    )
    .filter(([name, value]) => name !== 'sign' && value !== '');
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isSuccess({ json }: WireDocument): boolean {
  return codeOf(fieldOf(json, 'code')) === 200;
}

/** The words of a refusal; null when the document is none. */
function refusalIn({ json }: WireDocument): string | null {
  return codeOf(fieldOf(json, 'code')) === 0 ? (textOf(fieldOf(json, 'msg')) ?? '') : null;
}

function meaningOf(message: string): { readonly reason: RejectedReason; readonly told: 'BEFORE_KEY' | 'AFTER_KEY' | 'UNSURE' } {
  const known = REFUSALS.find(([words]) => words.test(message));
  return known ? { reason: known[1], told: known[2] } : { reason: 'OTHER', told: 'UNSURE' };
}

function refused(reply: WireDocument, wire: readonly WireRecord[]) {
  const message = refusalIn(reply);
  if (message === null) return refusedResult('CONTRADICTION', 'The answer is none of the protocol.', wire);
  return refusedResult(meaningOf(message).reason, reply.tell(message), wire);
}

// ---- account and catalogue ----

async function connect(ground: ConnectorGround, account: UpstreamAccount): ReturnType<Connector['checkAccount']> {
  const reply = await send(ground, account, 'authentication/connect', {});
  if (reply.kind === 'FAILED') return failedResult(reply);
  if (!isSuccess(reply)) return refused(reply, [reply.wire]);
  const data = fieldOf(reply.json, 'data');
  const name = textOf(fieldOf(data, 'shopName'));
  const value = { shopName: name === null ? null : reply.tell(name), balance: amountOf(fieldOf(data, 'balance')) };
  return { kind: 'ANSWERED', value, wire: [reply.wire] };
}

/** Three small questions: whether it is for sale, what that many cost this user, and how many there are. */
async function quote(
  ground: ConnectorGround,
  account: UpstreamAccount,
  goods: Readonly<Record<string, string>>,
  quantity: number,
): ReturnType<Connector['quote']> {
  const [code, num] = [goods['shared_code'] ?? '', String(quantity)];
  const variant = variantOf(goods);
  const state = await send(ground, account, 'commodity/inventoryState', {
    shared_code: code,
    card_id: '0',
    num,
    race: goods['race'] ?? '',
  });
  if (state.kind === 'FAILED') return failedResult(state);
  const isOutOfStock = /库存不足/.test(refusalIn(state) ?? '');
  if (!isSuccess(state) && !isOutOfStock) return refused(state, [state.wire]);
  const price = await send(ground, account, 'commodity/valuation', { code, num, card_id: '0', ...variant });
  if (price.kind === 'FAILED') return failedResult(price, [state.wire]);
  if (!isSuccess(price)) return refused(price, [state.wire, price.wire]);
  const stock = await send(ground, account, 'commodity/stock', { code, ...variant });
  const wire = [state.wire, price.wire, stock.wire];
  if (stock.kind === 'FAILED') return failedResult(stock, [state.wire, price.wire]);
  if (!isSuccess(stock)) return refused(stock, wire);
  const cost = amountOf(fieldOf(fieldOf(price.json, 'data'), 'price'));
  if (cost === null) return refusedResult('CONTRADICTION', 'The price is no amount.', wire);
  return { kind: 'ANSWERED', value: { cost, stockCount: countOf(fieldOf(fieldOf(stock.json, 'data'), 'stock')) }, wire };
}

async function listGoods(ground: ConnectorGround, account: UpstreamAccount): ReturnType<Connector['listGoods']> {
  const reply = await send(ground, account, 'commodity/items', {}, CATALOGUE_ANSWER_BYTES);
  if (reply.kind === 'FAILED') return failedResult(reply);
  const categories = itemsOf(fieldOf(reply.json, 'data'));
  if (!isSuccess(reply) || categories === null) return refused(reply, [reply.wire]);
  return { kind: 'ANSWERED', value: categories.flatMap(acgFakaGoods), wire: [reply.wire] };
}

/** `race` and `sku` of an offer (`颜色=红&尺寸=大`) as the forms want them. */
function variantOf(goods: Readonly<Record<string, string>>): AcgFakaForm {
  const sku = (goods['sku'] ?? '').split('&').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)]] : [];
  });
  return { race: goods['race'] ?? '', ...(sku.length === 0 ? {} : { sku: Object.fromEntries(sku) }) };
}

// ---- purchases ----

async function buy(ground: ConnectorGround, account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply> {
  const isFirst = purchase.sentAt === null;
  const problem = problemOf(purchase);
  if (problem !== null) {
    if (!isFirst) return contradiction(problem, []);
    return { outcome: { kind: 'REJECTED', reason: 'NOT_SENT', message: problem, upstreamRef: null }, wire: [] };
  }
  const reply = await trade(ground, account, purchase);
  if (reply.kind === 'FAILED') return failedPurchase(reply, isFirst);
  const judged = judgeTrade(reply, purchase, isFirst ? null : { message: null }, []);
  if (judged !== null) return judged;
  // it refused in words that it may also use after having sold: the number tells
  const again = await trade(ground, account, purchase);
  if (again.kind === 'FAILED') return failedPurchase(again, false, [reply.wire]);
  return (
    judgeTrade(again, purchase, { message: refusalIn(reply) }, [reply.wire]) ??
    contradiction('It does not say what it refuses.', [reply.wire, again.wire])
  );
}

function trade(
  ground: ConnectorGround,
  account: UpstreamAccount,
  { goods, quantity, requestKey, inputFields }: UpstreamPurchase,
): Promise<WireReply> {
  const { shared_code = '' } = goods;
  const fields = { shared_code, num: String(quantity), request_no: requestKey, card_id: '0', device: '0' };
  return send(ground, account, 'commodity/trade', { ...typedOf(inputFields, goods), ...variantOf(goods), ...fields });
}

/** What the buyer typed, under the shop's names. */
function typedOf(inputFields: Readonly<Record<string, string>>, goods: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return renamedFields(inputFields, goods['input_names'] ?? '');
}

/** Why a purchase may not be sent at all; null when it may. */
function problemOf({ requestKey, inputFields, goods }: UpstreamPurchase): string | null {
  if (!/^[a-z0-9]{2,19}$/.test(requestKey)) return 'The request key is none that the shop would keep.';
  const name = Object.keys(typedOf(inputFields, goods)).find((each) => RESERVED.has(each));
  return name === undefined ? null : `A field may not be called ${name}: the protocol has one of this name.`;
}

/**
 * What the answer to a purchase means. `before` is null for the very first try; for a repeat it holds the words of the refusal before it,
 * null when what came before is not known. Answers null when only a repeat can tell.
 */
function judgeTrade(
  reply: WireDocument,
  purchase: UpstreamPurchase,
  before: { readonly message: string | null } | null,
  earlier: readonly WireRecord[],
): UpstreamReply | null {
  const wire = [...earlier, reply.wire];
  if (isSuccess(reply)) return sold(reply, purchase, wire);
  const message = refusalIn(reply);
  if (message === null) return contradiction('The answer is none of the protocol.', wire);
  if (USED_KEY.test(message)) return { outcome: { kind: 'ALREADY_SENT' }, wire };
  const { reason, told } = meaningOf(message);
  // told twice in the same words: had the first one sold, the repeat would have been refused for its number
  const isSure = told === 'AFTER_KEY' || (told === 'BEFORE_KEY' && before === null) || before?.message === message;
  if (isSure) return { outcome: { kind: 'REJECTED', reason, message: reply.tell(message), upstreamRef: null }, wire };
  if (before === null) return null;
  return contradiction(reply.tell(`A repeat was refused, which says nothing about the first: ${message}`), wire);
}

function sold(reply: WireDocument, purchase: UpstreamPurchase, wire: readonly WireRecord[]): UpstreamReply {
  const data = fieldOf(reply.json, 'data');
  const upstreamRef = referenceOf(fieldOf(data, 'tradeNo'));
  const cost = amountOf(fieldOf(data, 'amount'));
  if (upstreamRef === null) return contradiction('It sold under no number.', wire);
  if (cost === null) return contradiction('It sold for what is no amount.', wire);
  const secret = textOf(fieldOf(data, 'secret')) ?? '';
  if (!isWaiting(purchase, secret)) return { outcome: { kind: 'SUCCEEDED', upstreamRef, cost, cardKeys: cardKeysOfLines(secret) }, wire };
  // a query does not tell the amount again: what is dearer has to be said now
  if (isDearer(cost, purchase.maxCost)) return contradiction(`It took ${cost} for what was quoted at ${purchase.maxCost}.`, wire);
  return { outcome: { kind: 'PENDING', upstreamRef }, wire };
}

/** `status` says that it was paid and never that it was delivered; of a top-up nothing says so, so that a person has to look. */
function isWaiting({ goodsKind }: UpstreamPurchase, secret: string): boolean {
  return goodsKind === 'TOP_UP' || secret.trim() === WAITING;
}

/** By the shop's number where it told one; else by sending it again, which is refused when the first went through. */
async function ask(ground: ConnectorGround, account: UpstreamAccount, purchase: UpstreamPurchase): Promise<UpstreamReply> {
  const { upstreamRef } = purchase;
  // whoever asks has sent before: no refusal of this repeat may be taken for one of the first
  if (upstreamRef === null) return buy(ground, account, { ...purchase, sentAt: purchase.sentAt ?? ground.clock() });
  const reply = await send(ground, account, 'commodity/query', { tradeNo: upstreamRef });
  if (reply.kind === 'FAILED') return failedPurchase(reply, false);
  const wire = [reply.wire];
  // it told the number when it sold: not knowing it now is no "not found"
  if (!isSuccess(reply)) return contradiction(reply.tell(refusalIn(reply) ?? 'The answer is none of the protocol.'), wire);
  const data = fieldOf(reply.json, 'data');
  if (countOf(fieldOf(data, 'status')) !== 1) return contradiction('The order is not paid for, as it was when it was sold.', wire);
  const secret = textOf(fieldOf(data, 'secret')) ?? '';
  if (isWaiting(purchase, secret) || secret.trim() === '') return { outcome: { kind: 'PENDING', upstreamRef }, wire };
  return { outcome: { kind: 'SUCCEEDED', upstreamRef, cost: null, cardKeys: cardKeysOfLines(secret) }, wire };
}
