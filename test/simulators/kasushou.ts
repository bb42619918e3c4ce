import { createHash } from 'node:crypto';
import type { Fault } from './faults.ts';
import { centsText, type SaleRefusal, type Shop, type SimulatedGoods, type SimulatedPurchase } from './shop.ts';
import type { SimulatedAnswer, SimulatedCallback, SimulatedProtocol, SimulatedRequest } from './simulator.ts';

/** The one account of the simulated shop. */
export interface KasushouAccount {
  readonly userId: string;
  readonly apiKey: string;
}

type Body = Readonly<Record<string, unknown>>;

const REFUSALS: Readonly<Record<SaleRefusal, string>> = {
  NO_SUCH_GOODS: '商品不存在',
  PAUSED: '商品已暂停销售',
  QUANTITY: '购买数量不在允许范围内',
  OUT_OF_STOCK: '库存不足',
  BALANCE: '余额不足',
  PRICE: '安全价格小于售价',
};
/** A timestamp further from now is refused. */
const CLOCK_SKEW_MILLISECONDS = 10 * 60_000;
const STATE = { processing: 2, done: 3, refunded: 5 } as const;

/**
 * 卡速售 v2 from the shop's side (connectors.md B): signed JSON in, orders worked off after `deliverMilliseconds`, keys by `order/info`
 * only, changes told to the order's `url` until it answers `ok`.
 */
export function kasushouProtocol(account: KasushouAccount): SimulatedProtocol {
  return {
    kind: 'kasushou',
    callKindOf: ({ path }) => (path === '/api/v1/order/buy' ? 'PURCHASE' : path === '/api/v1/order/info' ? 'QUERY' : 'OTHER'),
    answer: (request, shop, fault) => {
      const problem = problemOf(request, account);
      if (problem !== null) return refusal(problem);
      const body = JSON.parse(request.body) as Body;
      switch (request.path.replace('/api/v1/', '')) {
        case 'user/info':
          return success({ balance: centsText(shop.balanceCents()) });
        case 'goods/cate':
          return success(categoriesOf(shop).map((name, index) => ({ id: index + 1, name, pid: 0, children: [] })));
        case 'goods/list':
          return success(pageOf(shop, Number(body['cate_id'] ?? 0), Number(body['page'] ?? 1), Number(body['limit'] ?? 100)));
        case 'goods/info':
          return goodsInfo(shop, shop.goods.get(String(body['id'])));
        case 'goods/attach':
          return success(attachOf(shop.goods.get(String(body['goods_id']))));
        case 'order/buy':
          return buy(shop, body, fault);
        case 'order/info':
          return success(fault === 'unknown-order' ? [] : ordersOf(shop, body));
        default:
          return refusal('接口不存在');
      }
    },
    callbackOf: (purchase) => callbackOf(purchase, account.apiKey),
  };
}

function problemOf({ method, headers, body }: SimulatedRequest, account: KasushouAccount): string | null {
  if (method !== 'POST' || !String(headers['content-type']).startsWith('application/json')) return '请求方式错误';
  if (headers['userid'] !== account.userId) return '用户不存在';
  const timestamp = headers['timestamp'] ?? '';
  if (!/^\d{13}$/.test(timestamp) || Math.abs(Number(timestamp) - Date.now()) > CLOCK_SKEW_MILLISECONDS) return '时间戳错误';
  return headers['sign'] === sha1(`${timestamp}${sorted(JSON.parse(body) as Body)}${account.apiKey}`) ? null : '签名错误';
}

function buy(shop: Shop, body: Body, fault: Fault | null): SimulatedAnswer {
  const goods = shop.goods.get(String(body['id']));
  const limit = body['safe_price'];
  // held against the price of one
  if (limit !== undefined && goods && goods.priceCents > Math.floor(Number(limit) * 100 + 1e-6)) return refusal(REFUSALS.PRICE);
  const attach = (body['attach'] ?? {}) as Readonly<Record<string, string>>;
  if (goods?.goodsKind === 'TOP_UP' && !attach['recharge_account']) return refusal('请填写充值账号');
  const requestKey = textIn(body, 'external_orderno');
  const order = {
    requestKey,
    goodsId: String(body['id']),
    quantity: Number(body['quantity']),
    mostCents: null,
    input: attach,
    callbackUrl: typeof body['url'] === 'string' ? body['url'] : null,
  };
  const sale = shop.sell(order, fault);
  if (sale.kind === 'REPEATED') return refusal('外部订单号重复');
  if (sale.kind === 'REFUSED') return refusal(REFUSALS[sale.reason]);
  const { ref, costCents } = sale.purchase;
  return success({ ordersn: ref, external_orderno: requestKey, total_price: centsText(costCents) }, '下单成功');
}

function ordersOf(shop: Shop, body: Body): unknown[] {
  const [byKey, byRef] = [textIn(body, 'external_orderno'), textIn(body, 'ordersn')];
  const purchase = byKey === '' ? shop.findByRef(byRef) : shop.findByKey(byKey);
  return purchase ? [orderOf(purchase)] : [];
}

function orderOf(purchase: SimulatedPurchase): Record<string, unknown> {
  const status = stateOf(purchase);
  return {
    ordersn: purchase.ref,
    external_orderno: purchase.requestKey,
    recharge_info: Object.entries(purchase.input).map(([k, v]) => ({ n: k, v, k })),
    recharge_hints: status === STATE.refunded ? '订单已取消，资金已退回商城余额！' : '订单处理完成',
    total_price: centsText(purchase.costCents),
    has_back_money: status === STATE.refunded ? centsText(purchase.costCents) : '0.00',
    status,
    card_list: status === STATE.done ? purchase.keys.map((key) => ({ card_no: '', card_password: key })) : [],
  };
}

function stateOf(purchase: SimulatedPurchase): number {
  if (Date.now() < purchase.readyAt) return STATE.processing;
  return purchase.isRefunded ? STATE.refunded : STATE.done;
}

/** The keys in it are not covered by the signature: whoever believes them can be lied to. */
function callbackOf(purchase: SimulatedPurchase, apiKey: string): SimulatedCallback | null {
  if (purchase.callbackUrl === null) return null;
  const { recharge_info: _info, card_list, ...told } = orderOf(purchase);
  const signed = { ...told, status: String(told['status']), time: String(Date.now()) };
  const sign = sha1(`${signed.time}${sorted(signed)}${apiKey}`);
  return {
    url: purchase.callbackUrl,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ ...signed, sign, card_list }),
    isAccepted: (status, answer) => status === 200 && answer.trim() === 'ok',
  };
}

function goodsInfo(shop: Shop, goods: SimulatedGoods | undefined): SimulatedAnswer {
  if (!goods) return refusal(REFUSALS.NO_SUCH_GOODS);
  const counts = { start_count: goods.minQuantity, end_count: goods.maxQuantity };
  return success({ ...rowOf(shop, goods), ...counts, goods_info: '', goods_notice: '', attach: attachOf(goods) });
}

function pageOf(shop: Shop, categoryId: number, page: number, limit: number): unknown {
  const name = categoriesOf(shop)[categoryId - 1];
  const goods = [...shop.goods.values()].filter(({ category }) => categoryId === 0 || category === name);
  return { list: goods.slice((page - 1) * limit, page * limit).map((each) => rowOf(shop, each)), total: goods.length };
}

function rowOf(shop: Shop, goods: SimulatedGoods): Record<string, unknown> {
  return {
    id: Number(goods.id),
    goods_name: goods.name,
    goods_img: '',
    goods_type: goods.goodsKind === 'CARD_KEY' ? 1 : 2,
    face_value: centsText(goods.priceCents),
    goods_price: centsText(goods.priceCents),
    status: goods.isPaused ? 2 : 1,
    stock_num: shop.stockOf(goods.id),
  };
}

function attachOf(goods: SimulatedGoods | undefined): unknown[] {
  return (goods?.fields ?? []).map(({ name, label }) => ({ key: name, type: 'text', tip: label, name: label }));
}

function categoriesOf(shop: Shop): string[] {
  return [...new Set([...shop.goods.values()].map(({ category }) => category))];
}

function textIn(body: Body, name: string): string {
  const value = body[name];
  return typeof value === 'string' ? value : '';
}

/** As the shop sorts what it received: the names of the body, not those inside of a value. */
function sorted(body: Body): string {
  const names = Object.keys(body).sort();
  return names.length === 0 ? '{}' : JSON.stringify(Object.fromEntries(names.map((name) => [name, body[name]])));
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function success(data: unknown, msg = '成功'): SimulatedAnswer {
  return { body: JSON.stringify({ code: 200, msg, data }) };
}

function refusal(msg: string): SimulatedAnswer {
  return { body: JSON.stringify({ code: 400, msg }) };
}
