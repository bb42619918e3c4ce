import { createHash } from 'node:crypto';
import type { SaleRefusal } from './shop.ts';
import { APOLOGY, centsText, type Shop, type SimulatedGoods, type SimulatedPurchase } from './shop.ts';
import type { SimulatedAnswer, SimulatedProtocol, SimulatedRequest } from './simulator.ts';

/** The one account of the simulated shop. */
export interface AcgFakaAccount {
  readonly appId: string;
  readonly appKey: string;
}

type Fields = ReadonlyMap<string, string>;

const PHP_ERROR = '<!DOCTYPE html><html><head><title>acg-faka</title></head><body>Undefined array key</body></html>';
const REFUSALS: Readonly<Record<SaleRefusal, string>> = {
  NO_SUCH_GOODS: '商品不存在',
  PAUSED: '当前商品已停售',
  QUANTITY: '至少购买1个',
  OUT_OF_STOCK: '库存不足',
  BALANCE: '余额不足',
  PRICE: '余额不足',
};
/** Longer ones do not fit into its column: PHP dies over it. */
const REQUEST_NO_MOST = 19;

/**
 * The shared store of acg-faka as it was observed (connectors.md A): forms only, business refusals are `code` 0 with HTTP 200, its own
 * errors are pages of HTML with HTTP 200, request numbers are unique without regard to case and cannot be looked up.
 */
export function acgFakaProtocol(account: AcgFakaAccount): SimulatedProtocol {
  return {
    kind: 'acg-faka',
    callKindOf: (request) =>
      pathOf(request) === 'commodity/trade' ? 'PURCHASE' : pathOf(request) === 'commodity/query' ? 'QUERY' : 'OTHER',
    answer: (request, shop, fault) => {
      if (request.method !== 'POST' || !String(request.headers['content-type']).startsWith('application/x-www-form-urlencoded'))
        return page(PHP_ERROR);
      const fields: Fields = new Map(new URLSearchParams(request.body));
      if (fields.get('app_id') !== account.appId) return refusal('商户ID不存在');
      if (fields.get('sign') !== signatureOf(fields, account.appKey)) return refusal('密钥错误');
      const goods = shop.goods.get(fields.get('code') ?? fields.get('shared_code') ?? '');
      switch (pathOf(request)) {
        case 'authentication/connect':
          return success({ shopName: '模拟店铺', balance: shop.balanceCents() / 100 });
        case 'commodity/items':
          return success(categoriesOf(shop));
        case 'commodity/item':
          return goods ? success(commodityOf(shop, goods)) : refusal(REFUSALS.NO_SUCH_GOODS);
        case 'commodity/stock':
          return goods ? success({ stock: String(shop.stockOf(goods.id)) }) : refusal(REFUSALS.NO_SUCH_GOODS);
        case 'commodity/inventoryState':
          return inventoryState(shop, goods, Number(fields.get('num')));
        case 'commodity/valuation':
          return goods ? success({ price: centsText(goods.priceCents * Number(fields.get('num'))) }) : refusal(REFUSALS.NO_SUCH_GOODS);
        case 'commodity/trade':
          return trade(shop, fields, fault);
        case 'commodity/query':
          return query(fault === 'unknown-order' ? undefined : shop.findByRef(fields.get('tradeNo') ?? ''));
        default:
          return page(PHP_ERROR);
      }
    },
  };
}

function trade(shop: Shop, fields: Fields, fault: Parameters<Shop['sell']>[1]): SimulatedAnswer {
  const requestNo = fields.get('request_no') ?? '';
  if (requestNo.length > REQUEST_NO_MOST) return page(PHP_ERROR);
  const quantity = Number(fields.get('num'));
  const goods = shop.goods.get(fields.get('shared_code') ?? '');
  // looked at before the number is: a repeat of the one that took the last key is told so as well
  if (goods && shop.stockOf(goods.id) < quantity) return refusal(REFUSALS.OUT_OF_STOCK);
  const sale = shop.sell(
    {
      // '' and '0' are false in PHP: no number at all
      requestKey: requestNo === '0' ? '' : requestNo,
      goodsId: fields.get('shared_code') ?? '',
      quantity,
      mostCents: null,
      input: Object.fromEntries(fields),
    },
    fault,
  );
  if (sale.kind === 'REPEATED') return refusal('The request ID already exists');
  if (sale.kind === 'REFUSED') return refusal(REFUSALS[sale.reason]);
  const { purchase } = sale;
  return success({
    url: '',
    amount: purchase.costCents / 100,
    tradeNo: purchase.ref,
    secret: secretOf(purchase),
    leave_message: '',
    stock: String(shop.stockOf(purchase.goodsId)),
  });
}

function query(purchase: SimulatedPurchase | undefined): SimulatedAnswer {
  if (!purchase) return refusal('订单不存在');
  return success({ secret: secretOf(purchase), widget: null, status: 1 });
}

/** Manual goods say that they are on their way, in the place of the keys. */
function secretOf(purchase: SimulatedPurchase): string {
  if (purchase.fault === 'refunded') return APOLOGY;
  return isWaiting(purchase) ? '正在发货中，请耐心等待，如有疑问，请联系客服。' : purchase.keys.join('\n');
}

function isWaiting(purchase: SimulatedPurchase): boolean {
  return Date.now() < purchase.readyAt;
}

function inventoryState(shop: Shop, goods: SimulatedGoods | undefined, quantity: number): SimulatedAnswer {
  if (!goods) return refusal(REFUSALS.NO_SUCH_GOODS);
  return shop.stockOf(goods.id) < quantity ? refusal(REFUSALS.OUT_OF_STOCK) : success([]);
}

function categoriesOf(shop: Shop): unknown[] {
  const byName = Map.groupBy(shop.goods.values(), ({ category }) => category);
  return [...byName].map(([name, goods], index) => ({ id: index + 1, name, children: goods.map((each) => commodityOf(shop, each)) }));
}

function commodityOf(shop: Shop, goods: SimulatedGoods): unknown {
  return {
    code: goods.id,
    name: goods.name,
    stock: shop.stockOf(goods.id),
    price: goods.priceCents / 100,
    user_price: goods.priceCents / 100,
    factory_price: goods.priceCents / 100,
    delivery_way: goods.goodsKind === 'CARD_KEY' ? 0 : 1,
    minimum: goods.minQuantity,
    maximum: goods.maxQuantity,
    widget: JSON.stringify(goods.fields.map(({ name, label }) => ({ name, cn: label, type: 'text' }))),
    config: [],
  };
}

/** What the shop itself computes: every field but `sign` and the empty ones, by name. */
function signatureOf(fields: Fields, appKey: string): string {
  const pairs = [...fields].filter(([name, value]) => name !== 'sign' && value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  const text = pairs.map(([name, value]) => `${name}=${value}`).join('&');
  return createHash('md5').update(`${text}&key=${appKey}`).digest('hex');
}

function pathOf(request: SimulatedRequest): string {
  const path = request.query.get('s') ?? request.path;
  return path.replace(/^\/shared\//, '');
}

function success(data: unknown): SimulatedAnswer {
  return { body: JSON.stringify({ code: 200, msg: 'success', data }) };
}

function refusal(msg: string): SimulatedAnswer {
  return { body: JSON.stringify({ code: 0, msg }) };
}

function page(body: string): SimulatedAnswer {
  return { contentType: 'text/html; charset=utf-8', body };
}
