import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type AcceptedOrder, decideOrders } from '#server/orders/rules.ts';
import { compareMoney, isNegative, type Money, money, subtractMoney, sumMoney, toAmountString } from '#server/platform/money.ts';
import { factsOf, keysOf, playCase } from './case-world.ts';
import { naiveOrders } from './naive.ts';
import { type RandomOrders, randomOrders } from './random-network.ts';

// thousands of random orders take their time on a busy machine
vi.setConfig({ testTimeout: 180_000 });

const RUNS = { numRuns: 200, seed: 20261122 };
const COMPARED = { numRuns: 1_500, seed: 20261122 };
const text = (list: readonly Money[]) => toAmountString(sumMoney(list, 'CNY'));

function play({ network, orders }: RandomOrders) {
  return playCase({ title: '', network, orders, expect: { orders: [] } });
}

function accepted(random: RandomOrders): AcceptedOrder[] {
  return play(random).decisions.filter((decision) => decision.kind === 'ACCEPTED');
}

describe('orders over random trees', () => {
  it('come out as in the naive second implementation, to the cent', () => {
    const outcomes = new Map<string, number>();
    fc.assert(
      fc.property(randomOrders(1_000_000), (random) => {
        const { played } = play(random);
        for (const { refused } of played.orders) {
          const outcome = typeof refused === 'string' ? refused : 'ACCEPTED';
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
        expect(played.orders).toEqual(naiveOrders(random.network, random.orders));
      }),
      COMPARED,
    );
    // the comparison would be worth little if most orders were refused
    expect(outcomes.get('ACCEPTED')).toBeGreaterThan(COMPARED.numRuns / 2);
    expect([...outcomes.keys()].sort()).toEqual(['ACCEPTED', 'INSUFFICIENT_BALANCE', 'NOT_SELLABLE', 'OUT_OF_STOCK', 'PRICE_MOVED']);
  });

  it('have postings that sum to zero, none of them zero', () => {
    fc.assert(
      fc.property(randomOrders(), (random) => {
        for (const order of accepted(random)) {
          expect(text(order.postings.map((posting) => posting.amount))).toBe('0.00');
          expect(order.postings.map((posting) => toAmountString(posting.amount))).not.toContain('0.00');
        }
      }),
      RUNS,
    );
  });

  it('never pay a negative margin or commission to anyone but an owner that allows a loss', () => {
    fc.assert(
      fc.property(randomOrders(), (random) => {
        for (const order of accepted(random)) {
          const mayLose = random.network.allowLoss?.includes(order.ownerId) ? [order.ownerId] : [];
          const losers = order.hops.filter((hop) => isNegative(hop.commission) || isNegative(hop.margin)).map((hop) => hop.stationId);
          expect(losers.filter((stationId) => !mayLose.includes(stationId))).toEqual([]);
        }
      }),
      RUNS,
    );
  });

  it('lose no cent on the way: margins and cost are the total, and what each station got is what its hop says', () => {
    fc.assert(
      fc.property(randomOrders(), (random) => {
        for (const order of accepted(random)) {
          expect(text([...order.hops.map((hop) => hop.margin), order.cost])).toBe(toAmountString(order.total));
          for (const hop of order.hops.filter((one) => one.role === 'SELLER')) {
            const got = order.postings.filter(({ holder }) => 'stationId' in holder && holder.stationId === hop.stationId);
            expect(text(got.map((posting) => posting.amount))).toBe(text([hop.margin, hop.commission]));
          }
          const paid = order.hops.map((hop) => hop.commission);
          expect(compareMoney(sumMoney(paid, 'CNY'), order.commissionPool)).toBeLessThanOrEqual(0);
        }
      }),
      RUNS,
    );
  });

  it('keep a hop for every station from HQ to the buyer, whose prices meet', () => {
    fc.assert(
      fc.property(randomOrders(), (random) => {
        for (const order of accepted(random)) {
          expect(order.hops.map((hop) => hop.distance)).toEqual(order.hops.map((_, index) => order.hops.length - 1 - index));
          expect(order.hops.map((hop) => hop.stationId)).toEqual(['HQ', ...Object.keys(random.network.stations)]);
          order.hops.forEach((hop, index) => expect(hop.soldTotal ?? null).toEqual(order.hops[index + 1]?.paidTotal ?? null));
        }
      }),
      RUNS,
    );
  });

  it('are decided as if the refused ones had not been in the list, and no key goes out twice', () => {
    fc.assert(
      fc.property(randomOrders(), (random) => {
        const { decisions } = play(random);
        const kept = random.orders.filter((_, index) => decisions[index]?.kind === 'ACCEPTED');
        expect(play({ ...random, orders: kept }).played.orders).toEqual(play(random).played.orders.filter((order) => !order.refused));
        const keyIds = decisions.flatMap((decision) => (decision.kind === 'ACCEPTED' ? keysOf(decision).map((key) => key.id) : []));
        expect(new Set(keyIds).size).toBe(keyIds.length);
      }),
      RUNS,
    );
  });
});

describe('a list of orders', () => {
  const network = {
    stations: { A: 'HQ', R: 'A' },
    sku: { owner: 'HQ', basePrice: '10.00' },
    keys: [{ count: 4, cost: '8.00', supplier: 'S' }],
    wallets: { A: '100.00', R: '100.00' },
  };
  const request = {
    buyerId: 'R',
    skuId: 'sku',
    quantity: 1,
    maxTotal: money('20.00', 'CNY'),
    requestKey: 'k1',
    inputHash: 'h',
    externalRef: null,
  };

  it('names the keys that nobody took, so that they are released', () => {
    const { decisions, surplusKeyIds } = decideOrders(factsOf(network), [request, { ...request, requestKey: 'k2', quantity: 2 }]);
    expect(decisions.map((decision) => decision.kind === 'ACCEPTED' && keysOf(decision).map((key) => key.id))).toEqual([
      ['key 1.1'],
      ['key 1.2', 'key 1.3'],
    ]);
    expect(surplusKeyIds).toEqual(['key 1.4']);
  });

  it('lets two buyers use the same request key, which belongs to a station', () => {
    const { decisions } = decideOrders(factsOf(network), [request, { ...request, buyerId: 'A' }]);
    expect(decisions.map((decision) => decision.kind)).toEqual(['ACCEPTED', 'ACCEPTED']);
  });

  it('refuses a limit in another currency as no consent to the price, and harms no neighbour', () => {
    const { decisions } = decideOrders(factsOf(network), [
      { ...request, maxTotal: money('10.00', 'USD') },
      { ...request, requestKey: 'k2' },
    ]);
    expect(decisions[0]).toMatchObject({ kind: 'REFUSED', refusal: { kind: 'PRICE_MOVED' } });
    expect(decisions[1]?.kind).toBe('ACCEPTED');
  });

  it('refuses an unknown SKU by itself', () => {
    const { decisions } = decideOrders(factsOf(network), [{ ...request, skuId: 'other' }, request]);
    expect(decisions[0]).toEqual({ kind: 'REFUSED', refusal: { kind: 'NOT_SELLABLE', reason: 'NOT_LISTED' } });
    expect(decisions[1]?.kind).toBe('ACCEPTED');
  });

  it('keeps on the hop which rule and which band made the price', () => {
    const rules = [{ from: 'HQ', to: 'A', on: 'sku', percent: '1' }];
    const { decisions } = decideOrders(factsOf({ ...network, rules, band: { floor: '1.00' } }), [request]);
    const order = decisions[0];
    expect(order?.kind === 'ACCEPTED' && order.hops.map((hop) => [hop.role, hop.markupRuleId, hop.controlBandId])).toEqual([
      ['OWNER', 'HQ for A on sku', null],
      ['SELLER', null, 'band'],
      ['BUYER', null, null],
    ]);
    expect(order?.kind === 'ACCEPTED' && text([subtractMoney(order.total, order.cost)])).toBe('2.10');
  });
});
