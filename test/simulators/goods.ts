import type { SimulatedGoods } from './shop.ts';

const CATEGORY = '游戏点卡';
const STOCK = 1_000_000;

/** What a simulated upstream sells unless it is told otherwise: two kinds of card keys, some that are out of stock, paused goods, a top-up. */
export const DEFAULT_GOODS: readonly SimulatedGoods[] = [
  cards('1001', 'Steam 充值卡 50 元', 4_600, STOCK),
  cards('1002', '网易一卡通 15 元', 1_380, STOCK),
  cards('1003', '腾讯 Q 币 10 元', 950, 0),
  { ...cards('1004', '骏网一卡通 30 元', 2_850, STOCK), isPaused: true },
  {
    ...cards('2001', '话费直充 100 元', 9_850, STOCK),
    category: '话费',
    maxQuantity: 1,
    goodsKind: 'TOP_UP',
    fields: [{ name: 'recharge_account', label: '手机号码' }],
  },
];

function cards(id: string, name: string, priceCents: number, stockCount: number): SimulatedGoods {
  return {
    id,
    category: CATEGORY,
    name,
    priceCents,
    stockCount,
    minQuantity: 1,
    maxQuantity: 1_000,
    goodsKind: 'CARD_KEY',
    fields: [],
    isPaused: false,
  };
}
