import { afterEach, describe, expect, it } from 'vitest';
import { acgFakaProtocol } from './acg-faka.ts';
import { faultDrawer, seededChance } from './faults.ts';
import { DEFAULT_GOODS } from './goods.ts';
import { APOLOGY, openShop, type Shop } from './shop.ts';
import { type Simulator, startSimulator } from './simulator.ts';

const open = (deliverMilliseconds = 0): Shop =>
  openShop({ goods: DEFAULT_GOODS, openingCents: 100_000, mark: 'TEST', deliverMilliseconds });
const order = (requestKey: string, quantity = 2) => ({ requestKey, goodsId: '1002', quantity, mostCents: null });

describe('a shop’s own books', () => {
  it('tell what was taken, what came back and what is left, and the same key is sold to nobody else', () => {
    const shop = open();
    for (const key of ['a', 'b', 'A', '', '']) shop.sell(order(key), null);
    shop.sell(order('c'), 'refunded');
    shop.sell(order('d'), 'wrong-price');
    expect(shop.books()).toEqual({
      openingCents: 100_000,
      takenCents: 5 * 2_760 + 4_140,
      refundedCents: 2_760,
      balanceCents: 100_000 - 4 * 2_760 - 4_140,
      purchaseCount: 6,
      keysToldCount: 10,
      liesCount: 1,
    });
    const keys = [...shop.purchases()].flatMap((purchase) => purchase.keys);
    expect([keys[0], new Set(keys).size]).toEqual(['TEST-0000-0000-0001', 10]);
    expect(shop.stockOf('1002')).toBe(1_000_000 - 12);
  });

  it('know every lie', () => {
    const shop = open();
    const told = (fault: Parameters<Shop['sell']>[1], key: string) => {
      const sale = shop.sell(order(key), fault);
      return sale.kind === 'SOLD' ? sale.purchase.keys : sale;
    };
    // nobody else has keys yet: it cannot muddle them up
    expect(told('other-keys', 'a')).toHaveLength(2);
    expect(told('other-keys', 'b')).toEqual(shop.findByKey('a')?.keys);
    expect(told('apology', 'c')).toEqual([`${APOLOGY}${shop.findByKey('c')?.ref}`]);
    expect(told('wrong-count', 'd')).toHaveLength(1);
    expect(shop.books().liesCount).toBe(3);
  });

  it('refuse what cannot be sold', () => {
    const shop = open();
    const refusals = [
      { ...order('a'), goodsId: 'none' },
      { ...order('b'), goodsId: '1003' },
      { ...order('c'), goodsId: '1004' },
      order('d', 1_001),
      order('e', 80),
      { ...order('f'), mostCents: 2_759 },
    ].map((each) => shop.sell(each, null));
    expect(refusals.map((sale) => sale.kind === 'REFUSED' && sale.reason)).toEqual([
      'NO_SUCH_GOODS',
      'OUT_OF_STOCK',
      'PAUSED',
      'QUANTITY',
      'BALANCE',
      'PRICE',
    ]);
    expect(shop.books()).toMatchObject({ takenCents: 0, purchaseCount: 0 });
  });
});

describe('faults', () => {
  it('befall as many calls as they should, of the kind that they can, and the same ones for the same seed', () => {
    const draw = faultDrawer(7);
    const drawn = Array.from({ length: 20_000 }, () => draw({ 'timeout-after-success': 0.1, nonsense: 0.02 }, 'PURCHASE'));
    expect(drawn.filter((fault) => fault === 'timeout-after-success').length / 20_000).toBeCloseTo(0.1, 1.5);
    expect(drawn.filter((fault) => fault === 'nonsense').length / 20_000).toBeCloseTo(0.02, 2);
    expect(draw({ 'timeout-after-success': 1 }, 'QUERY')).toBeNull();
    expect(draw({ 'unknown-order': 1 }, 'QUERY')).toBe('unknown-order');
    const [one, other] = [seededChance(3), seededChance(3)];
    expect(Array.from({ length: 5 }, one)).toEqual(Array.from({ length: 5 }, other));
  });
});

describe('a simulator that runs', () => {
  let running: Simulator;
  afterEach(() => running.close());
  const start = async () => {
    running = await startSimulator(acgFakaProtocol({ appId: '1', appKey: 'k' }), {
      goods: DEFAULT_GOODS,
      openingCents: 1_000,
      mark: 'TEST',
    });
    return running.url;
  };

  it('shows its books, and is told other faults', async () => {
    const url = await start();
    await fetch(`${url}/__faults`, { method: 'POST', body: '{"error-before":1}' });
    expect((await fetch(`${url}/shared/authentication/connect`, { method: 'POST' })).status).toBe(500);
    const books: unknown = await (await fetch(`${url}/__books?purchases`)).json();
    expect(books).toMatchObject({
      kind: 'acg-faka',
      faults: { 'error-before': 1 },
      counts: { 'calls other': 1, 'error-before': 1 },
      books: { balanceCents: 1_000 },
      purchases: [],
    });
    expect((await fetch(`${url}/__other`)).status).toBe(404);
  });

  it('is dead until it is told otherwise, and comes back where it was', async () => {
    const url = await start();
    await running.setFaults({ dead: 1 });
    await expect(fetch(`${url}/__books`)).rejects.toThrow('fetch failed');
    await running.setFaults({});
    expect((await fetch(`${url}/__books`)).status).toBe(200);
  });
});
