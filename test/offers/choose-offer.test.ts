import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseOffer,
  convertedCost,
  type OfferCandidate,
  type RoutingQuestion,
  rateOf,
  routingPolicies,
  skipReason,
} from '#server/offers/rules.ts';
import { compareMoney, decimal4, decimal4Text, money, toAmountString } from '#server/platform/money.ts';

const plain: OfferCandidate = {
  offerId: 'offer 1',
  skuId: 'sku',
  ownerId: 'hq',
  supplierId: 'supplier',
  accountId: 'account',
  connectorKind: 'ACG_FAKA',
  terms: 'CONSIGNMENT',
  unitCost: money('46.0000', 'CNY'),
  upstreamCurrency: 'CNY',
  upstreamUnitCost: '46.0000',
  rate: '1.00000000',
  goods: { sharedCode: 'a' },
  minQuantity: 1,
  maxQuantity: 1000,
  leadTimeSeconds: 60,
  priority: 100,
  weight: 100,
  capLeft: null,
  isBroken: false,
  stockCount: null,
  successBps: null,
  medianSeconds: null,
};
const offer = (offerId: string, different: Partial<OfferCandidate> = {}): OfferCandidate => ({ ...plain, offerId, ...different });
const costing = (offerId: string, cost: string, different: Partial<OfferCandidate> = {}) =>
  offer(offerId, { unitCost: money(cost, 'CNY'), upstreamUnitCost: cost, ...different });
const question: RoutingQuestion = { policy: 'CHEAPEST', quantity: 3, unitSize: 1, costLimit: null, excluded: new Set(), chance: 0 };
const chosenOf = (candidates: readonly OfferCandidate[], different: Partial<RoutingQuestion> = {}) => {
  const choice = chooseOffer(candidates, { ...question, ...different });
  return choice.kind === 'CHOSEN' ? choice.offer.offerId : choice.reason;
};

describe('the offer that fills an order', () => {
  it('is the cheapest, the fastest or the most reliable one, as the SKU asks', () => {
    const candidates = [
      costing('cheap', '45', { medianSeconds: 40, successBps: 9_100 }),
      costing('fast', '46', { medianSeconds: 2, successBps: 9_700 }),
      costing('sure', '47', { medianSeconds: 30, successBps: 9_990 }),
    ];
    expect(routingPolicies.slice(0, 3).map((policy) => chosenOf(candidates, { policy }))).toEqual(['cheap', 'fast', 'sure']);
  });

  it('counts without a record by its lead time, and as better than a bad record and worse than a good one', () => {
    const fresh = offer('fresh', { leadTimeSeconds: 10 });
    expect(chosenOf([offer('known', { medianSeconds: 11, leadTimeSeconds: 1 }), fresh], { policy: 'FASTEST' })).toBe('fresh');
    expect(chosenOf([offer('bad', { successBps: 9_499 }), fresh], { policy: 'MOST_RELIABLE' })).toBe('fresh');
    expect(chosenOf([offer('good', { successBps: 9_501 }), fresh], { policy: 'MOST_RELIABLE' })).toBe('good');
  });

  it('is of two alike the one with the smaller priority, then the elder', () => {
    expect(chosenOf([offer('a'), offer('b', { priority: 1 }), offer('c', { priority: 1 })])).toBe('b');
    expect(chosenOf([offer('c'), offer('b')])).toBe('b');
  });

  it('costs quantity ÷ unitSize times the unit cost, to the cent that the upstream may round to', () => {
    expect(chooseOffer([costing('a', '0.3333')], question)).toMatchObject({
      quotedCost: money('1.00', 'CNY'),
      upstreamMaxCost: '1.0000',
    });
    expect(chooseOffer([costing('a', '1.5')], { ...question, quantity: 250, unitSize: 100 })).toMatchObject({
      quotedCost: money('3.75', 'CNY'),
      upstreamMaxCost: '3.7500',
    });
    expect(chooseOffer([costing('a', '6.5', { rate: '7.12345678', upstreamCurrency: 'USD' })], question)).toMatchObject({
      quotedCost: money('138.91', 'CNY'),
      upstreamMaxCost: '19.5000',
    });
  });

  it('tells the reason nearest to success when there is none', () => {
    const limits = { costLimit: money('138.00', 'CNY') };
    const reasons: [OfferCandidate, string][] = [
      [offer('tried'), 'NONE'],
      [offer('few', { maxQuantity: 2 }), 'QUANTITY'],
      [offer('many', { minQuantity: 4 }), 'QUANTITY'],
      [offer('capped', { capLeft: 2 }), 'CAPPED'],
      [offer('broken', { isBroken: true }), 'BROKEN'],
      [offer('empty', { stockCount: 2 }), 'OUT_OF_STOCK'],
      [costing('dear', '46.01'), 'TOO_DEAR'],
    ];
    const excluded = new Set(['tried']);
    expect(chosenOf([])).toBe('NONE');
    expect(reasons.map(([candidate]) => chosenOf([candidate], { ...limits, excluded }))).toEqual(reasons.map(([, reason]) => reason));
    for (let count = 1; count <= reasons.length; count += 1) {
      const some = reasons.slice(0, count);
      expect(chosenOf(some.map(([candidate]) => candidate).toReversed(), { ...limits, excluded })).toBe(some.at(-1)?.[1]);
    }
    expect(chosenOf([offer('exact', { capLeft: 3, stockCount: 3, minQuantity: 3, maxQuantity: 3 })], limits)).toBe('exact');
  });

  it('is drawn in proportion to the weights; an offer of weight 0 is not drawn while others are there', () => {
    const candidates = [offer('a', { weight: 70 }), offer('b', { weight: 30 }), offer('c', { weight: 0 })];
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 1_000; draw += 1) {
      const id = chosenOf(candidates, { policy: 'WEIGHTED', chance: (draw + 0.5) / 1_000 });
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ a: 700, b: 300 });
    expect(chosenOf([offer('c', { weight: 0 }), offer('d', { weight: 0, priority: 1 })], { policy: 'WEIGHTED', chance: 0.9 })).toBe('d');
  });
});

const anyOffer = fc
  .record({
    cost: fc.integer({ min: 0, max: 900_000 }),
    rate: fc.integer({ min: 1, max: 2_000_000_000 }),
    minQuantity: fc.integer({ min: 1, max: 4 }),
    more: fc.integer({ min: 0, max: 6 }),
    priority: fc.integer({ min: 0, max: 2 }),
    weight: fc.integer({ min: 0, max: 3 }),
    capLeft: fc.option(fc.integer({ min: 0, max: 8 })),
    isBroken: fc.boolean(),
    stockCount: fc.option(fc.integer({ min: 0, max: 8 })),
    successBps: fc.option(fc.integer({ min: 0, max: 10_000 })),
    medianSeconds: fc.option(fc.integer({ min: 0, max: 100 })),
  })
  .map(({ cost, rate, minQuantity, more, ...rest }): Omit<OfferCandidate, 'offerId'> => {
    const upstreamUnitCost = decimal4Text(BigInt(cost));
    const rateText = `${Math.floor(rate / 1e8)}.${String(rate % 1e8).padStart(8, '0')}`;
    const unitCost = convertedCost(upstreamUnitCost, rateText, 'CNY', 'UNIT_PRICE');
    return { ...plain, ...rest, upstreamUnitCost, rate: rateText, unitCost, minQuantity, maxQuantity: minQuantity + more };
  });
const anyCase = fc.record({
  offers: fc.array(anyOffer, { maxLength: 6 }).map((list) => list.map((each, index) => ({ ...each, offerId: `offer ${index}` }))),
  policy: fc.constantFrom(...routingPolicies),
  quantity: fc.integer({ min: 1, max: 9 }),
  unitSize: fc.constantFrom(1, 100, 1000),
  limit: fc.option(fc.integer({ min: 0, max: 5_000_000 })),
  excluded: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 2 }),
  chance: fc.integer({ min: 0, max: 999_999 }).map((millionths) => millionths / 1_000_000),
});

describe('of any offers', () => {
  it('one that is excluded, capped, broken, sold out, of another quantity or too dear is never chosen, and one is chosen when there is another', () => {
    fc.assert(
      fc.property(anyCase, ({ offers, limit, excluded, ...rest }) => {
        const costLimit = limit === null ? null : money(`${Math.floor(limit / 100)}.${String(limit % 100).padStart(2, '0')}`, 'CNY');
        const asked = { ...rest, costLimit, excluded: new Set(excluded.map((index) => `offer ${index}`)) };
        const choice = chooseOffer(offers, asked);
        const fitting = offers.filter((each) => skipReason(each, asked) === null);
        expect(choice.kind).toBe(fitting.length > 0 ? 'CHOSEN' : 'NO_OFFER');
        if (choice.kind === 'NO_OFFER') return;
        const { offer: chosen, quotedCost } = choice;
        expect(asked.excluded.has(chosen.offerId) || chosen.isBroken).toBe(false);
        expect(asked.quantity).toBeGreaterThanOrEqual(chosen.minQuantity);
        expect(asked.quantity).toBeLessThanOrEqual(Math.min(chosen.maxQuantity, chosen.capLeft ?? 9, chosen.stockCount ?? 9));
        expect(costLimit !== null && compareMoney(quotedCost, costLimit) > 0).toBe(false);
        // whatever order the rows come in, the choice is the same
        expect(chooseOffer(offers.toReversed(), asked)).toEqual(choice);
      }),
      { numRuns: 2_000, seed: 20261122 },
    );
  });

  it('whatever an upstream charges within what is allowed stays within what was quoted', () => {
    fc.assert(
      fc.property(anyOffer, fc.integer({ min: 1, max: 9 }), fc.bigInt({ min: 0n, max: 10_000n }), (candidate, quantity, part) => {
        const open = { ...candidate, offerId: 'a', isBroken: false, capLeft: null, stockCount: null, minQuantity: 1, maxQuantity: 9 };
        const choice = chooseOffer([open], { ...question, quantity });
        if (choice.kind !== 'CHOSEN') throw new Error('nothing stands in its way');
        const charged = decimal4Text((decimal4(choice.upstreamMaxCost) * part) / 10_000n);
        expect(compareMoney(convertedCost(charged, open.rate, 'CNY', 'AMOUNT'), choice.quotedCost)).toBeLessThanOrEqual(0);
        expect(toAmountString(choice.quotedCost)).toMatch(/^\d+\.\d\d$/);
      }),
      { numRuns: 2_000, seed: 20261122 },
    );
  });

  it('a rate is a number above zero with at most eight decimals', () => {
    expect(['1', '7.12345678', '0.00000001', '1.500000000'].map(rateOf)).toEqual([100_000_000n, 712_345_678n, 1n, 150_000_000n]);
    expect(['0', '-1', '', '1.123456789', '1e3', '12345678901', ' 1'].map(rateOf)).toEqual(Array(7).fill(null));
  });
});
