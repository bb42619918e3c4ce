import type { Fault } from './faults.ts';

/** Goods that a simulated upstream sells. */
export interface SimulatedGoods {
  readonly id: string;
  readonly category: string;
  readonly name: string;
  readonly priceCents: number;
  readonly stockCount: number;
  readonly minQuantity: number;
  readonly maxQuantity: number;
  readonly goodsKind: 'CARD_KEY' | 'TOP_UP';
  /** What the buyer has to type: names as the protocol has them, and what they are called. */
  readonly fields: readonly { readonly name: string; readonly label: string }[];
  readonly isPaused: boolean;
}

/** A purchase in the upstream's own books. */
export interface SimulatedPurchase {
  readonly requestKey: string;
  readonly ref: string;
  readonly goodsId: string;
  readonly quantity: number;
  /** What was taken for it, in cents. */
  readonly costCents: number;
  /** What it tells as keys, true or not. */
  readonly keys: readonly string[];
  /** What the lie was, if it is one. */
  readonly fault: Fault | null;
  readonly input: Readonly<Record<string, string>>;
  readonly callbackUrl: string | null;
  /** Milliseconds since the epoch from which on it is delivered, or refunded. */
  readonly readyAt: number;
  readonly isRefunded: boolean;
}

/** What somebody wants to buy. */
export interface PurchaseOrder {
  /** '' for none: then nothing is recognised as a repeat. */
  readonly requestKey: string;
  readonly goodsId: string;
  readonly quantity: number;
  /** The most that it may cost; null where the protocol has no such word. */
  readonly mostCents: number | null;
  readonly input?: Readonly<Record<string, string>>;
  readonly callbackUrl?: string | null;
}

/** Why nothing was sold. */
export type SaleRefusal = 'NO_SUCH_GOODS' | 'PAUSED' | 'QUANTITY' | 'OUT_OF_STOCK' | 'BALANCE' | 'PRICE';

/** What became of an order. */
export type Sale =
  | { readonly kind: 'SOLD'; readonly purchase: SimulatedPurchase }
  | { readonly kind: 'REPEATED'; readonly purchase: SimulatedPurchase }
  | { readonly kind: 'REFUSED'; readonly reason: SaleRefusal };

/** What the upstream's own books say of the whole. */
export interface Books {
  readonly openingCents: number;
  readonly balanceCents: number;
  readonly takenCents: number;
  readonly refundedCents: number;
  readonly purchaseCount: number;
  /** Keys that it told, to whom and truly or not. */
  readonly keysToldCount: number;
  readonly liesCount: number;
}

/** A simulated upstream's shop: its goods, its money and its books. All of it in memory, nothing is looked for by walking through it. */
export interface Shop {
  readonly goods: ReadonlyMap<string, SimulatedGoods>;
  stockOf(goodsId: string): number;
  balanceCents(): number;
  /** Sells, or says why not. A fault of delivery (wrong-count, wrong-price, apology, other-keys, refunded) makes the sale a lie. */
  sell(order: PurchaseOrder, fault: Fault | null): Sale;
  findByKey(requestKey: string): SimulatedPurchase | undefined;
  findByRef(ref: string): SimulatedPurchase | undefined;
  /** The one that was sold last; undefined before the first. */
  lastPurchase(): SimulatedPurchase | undefined;
  purchases(): IterableIterator<SimulatedPurchase>;
  books(): Books;
}

/** What a shop says to whom it has taken money from without having goods; as a card key it names the order, so that no two are alike. */
export const APOLOGY = '很抱歉，有人在你付款之前抢走了商品，请联系客服。';

/** What a shop is opened with. */
export interface ShopOptions {
  readonly goods: readonly SimulatedGoods[];
  readonly openingCents: number;
  /** Four characters that its keys and numbers begin with: two shops never tell the same key. */
  readonly mark: string;
  /** Between the order and its delivery; 0: at once. */
  readonly deliverMilliseconds: number;
}

/** Opens a shop. */
export function openShop({ goods, openingCents, mark, deliverMilliseconds }: ShopOptions): Shop {
  const shelf = new Map(goods.map((each) => [each.id, each]));
  const stock = new Map(goods.map((each) => [each.id, each.stockCount]));
  const byKey = new Map<string, SimulatedPurchase>();
  const byRef = new Map<string, SimulatedPurchase>();
  let keyCount = 0;
  let last: SimulatedPurchase | undefined;
  let [takenCents, refundedCents, keysToldCount, liesCount] = [0, 0, 0, 0];
  /** Keys of the last honest sale: what a muddled shop hands out a second time. */
  let lastKeys: readonly string[] = [];
  const balanceCents = () => openingCents - takenCents + refundedCents;
  const mint = (count: number) => Array.from({ length: count }, () => keyText(mark, (keyCount += 1)));

  const told = (order: PurchaseOrder, ref: string, kind: SimulatedGoods['goodsKind'], fault: Fault | null): readonly string[] => {
    if (fault === 'apology') return [`${APOLOGY}${ref}`];
    if (fault === 'refunded' || kind === 'TOP_UP') return [];
    if (fault === 'other-keys') return lastKeys;
    if (fault === 'wrong-count') return mint(order.quantity > 1 ? order.quantity - 1 : 2);
    return mint(order.quantity);
  };

  const refusalOf = (order: PurchaseOrder, costCents: number): SaleRefusal | null => {
    const wanted = shelf.get(order.goodsId);
    if (!wanted) return 'NO_SUCH_GOODS';
    if (wanted.isPaused) return 'PAUSED';
    if (order.quantity < wanted.minQuantity || order.quantity > wanted.maxQuantity) return 'QUANTITY';
    if ((stock.get(order.goodsId) ?? 0) < order.quantity) return 'OUT_OF_STOCK';
    if (order.mostCents !== null && wanted.priceCents * order.quantity > order.mostCents) return 'PRICE';
    return balanceCents() < costCents ? 'BALANCE' : null;
  };

  return {
    goods: shelf,
    stockOf: (goodsId) => stock.get(goodsId) ?? 0,
    balanceCents,
    sell: (order, drawn) => {
      const earlier = byKey.get(order.requestKey.toLowerCase());
      if (earlier) return { kind: 'REPEATED', purchase: earlier };
      const wanted = shelf.get(order.goodsId);
      const fault = possibleFault(drawn, wanted?.goodsKind ?? 'CARD_KEY', lastKeys.length > 0);
      const quotedCents = (wanted?.priceCents ?? 0) * order.quantity;
      const costCents = fault === 'wrong-price' ? quotedCents + Math.ceil(quotedCents / 2) : quotedCents;
      const reason = refusalOf(order, costCents);
      if (reason !== null || !wanted) return { kind: 'REFUSED', reason: reason ?? 'NO_SUCH_GOODS' };
      const ref = `${mark}${String(byRef.size + 1).padStart(14, '0')}`;
      const keys = told(order, ref, wanted.goodsKind, fault);
      if (fault === null) lastKeys = keys;
      const purchase: SimulatedPurchase = {
        requestKey: order.requestKey,
        ref,
        goodsId: order.goodsId,
        quantity: order.quantity,
        costCents,
        keys,
        fault,
        input: order.input ?? {},
        callbackUrl: order.callbackUrl ?? null,
        readyAt: Date.now() + deliverMilliseconds,
        isRefunded: fault === 'refunded',
      };
      if (order.requestKey !== '') byKey.set(order.requestKey.toLowerCase(), purchase);
      byRef.set(purchase.ref, purchase);
      last = purchase;
      stock.set(order.goodsId, (stock.get(order.goodsId) ?? 0) - order.quantity);
      takenCents += costCents;
      keysToldCount += keys.length;
      if (fault === 'refunded') refundedCents += costCents;
      if (isLie(fault)) liesCount += 1;
      return { kind: 'SOLD', purchase };
    },
    findByKey: (requestKey) => byKey.get(requestKey.toLowerCase()),
    findByRef: (ref) => byRef.get(ref),
    lastPurchase: () => last,
    purchases: () => byRef.values(),
    books: () => ({
      openingCents,
      balanceCents: balanceCents(),
      takenCents,
      refundedCents,
      purchaseCount: byRef.size,
      keysToldCount,
      liesCount,
    }),
  };
}

/** Cents as a decimal text: 1250 is 12.50. */
export function centsText(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

/** A lie about keys needs keys to lie about. */
function possibleFault(fault: Fault | null, kind: SimulatedGoods['goodsKind'], hasOthers: boolean): Fault | null {
  if (fault === 'other-keys' && !hasOthers) return null;
  return kind === 'TOP_UP' && isLie(fault) && fault !== 'wrong-price' ? null : fault;
}

function isLie(fault: Fault | null): boolean {
  return fault === 'apology' || fault === 'wrong-count' || fault === 'wrong-price' || fault === 'other-keys';
}

/** ABCD-0000-0000-0001: four groups of four. */
function keyText(mark: string, count: number): string {
  const digits = count.toString(36).toUpperCase().padStart(12, '0');
  return `${mark}-${digits.slice(0, 4)}-${digits.slice(4, 8)}-${digits.slice(8)}`;
}
