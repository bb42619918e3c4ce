import { describe, expect, it } from 'vitest';
import { type CommissionPlan, commissionPlanProblem, planBook, planFor } from '#server/commission/rules.ts';
import { decimal4, type Money, money, toUnitPriceString } from '#server/platform/money.ts';
import {
  type ChainStation,
  type ControlBand,
  controlBandProblem,
  isUnitBelowCost,
  type MarkupRule,
  markupRuleBandBreaks,
  markupRuleProblems,
  type PriceChain,
  type PricedSku,
  reasonFor,
  resolvePriceChain,
  ruleBook,
} from '#server/pricing/rules.ts';

const cny = (amount: string): Money => money(amount, 'CNY');
const station = (id: string, levelId: string | null = null): ChainStation => ({ id, levelId, status: 'ACTIVE', costGuard: 'HIDE' });
const sku: PricedSku = {
  id: 'steam-50',
  productId: 'steam',
  categoryPath: ['goods', 'games'],
  ownerId: 'HQ',
  basePrice: cny('100.00'),
  unitSize: 1,
  minQuantity: 1,
  maxQuantity: 1_000,
  quantityStep: 1,
  listingState: 'LIVE',
};
const line = [station('HQ'), station('A'), station('B')];
const band: ControlBand = { id: 'band', floor: cny('102.00'), ceiling: cny('120.00') };

function rule(changes: Partial<MarkupRule>): MarkupRule {
  return {
    id: 'rule',
    stationId: 'A',
    childId: null,
    levelId: null,
    skuId: null,
    productId: null,
    categoryId: null,
    kind: 'FIXED',
    value: 0n,
    breaks: [],
    inversion: 'HIDE',
    currency: 'CNY',
    ...changes,
  };
}

describe('saving a markup rule under a band', () => {
  const children = [station('B'), station('C', 'gold'), station('D')];
  const breaksOf = (saved: MarkupRule, others: MarkupRule[] = [], given: ControlBand | null = band) =>
    markupRuleBandBreaks({ rule: saved, sku, line: [station('HQ'), station('A')], children, rules: ruleBook(others), band: given }).map(
      ({ childId, quantity, unitPrice, side, bound }) =>
        `${childId} × ${quantity}: ${toUnitPriceString(unitPrice)} ${side} ${toUnitPriceString(bound)}`,
    );

  it('names every child that it would ask for too much or too little', () => {
    expect(breaksOf(rule({ skuId: sku.id, value: decimal4('20.01') }))).toEqual([
      'B × 1: 120.0100 CEILING 120.0000',
      'C × 1: 120.0100 CEILING 120.0000',
      'D × 1: 120.0100 CEILING 120.0000',
    ]);
    expect(breaksOf(rule({ childId: 'B', skuId: sku.id, value: decimal4('1.99') }))).toEqual(['B × 1: 101.9900 FLOOR 102.0000']);
    expect(breaksOf(rule({ skuId: sku.id, value: decimal4('20.00') }))).toEqual([]);
  });

  it('looks at every quantity at which a price changes, of its own breaks and those above', () => {
    const above = rule({ id: 'above', stationId: 'HQ', value: 0n, breaks: [{ minQuantity: 50, value: decimal4('15.00') }] });
    const saved = rule({ levelId: 'gold', value: decimal4('10.00'), breaks: [{ minQuantity: 100, value: decimal4('4.00') }] });
    expect(breaksOf(saved, [above])).toEqual(['C × 50: 125.0000 CEILING 120.0000']);
  });

  it('leaves out children for whom another rule wins, and replaces its own older version', () => {
    const own = rule({ id: 'own', childId: 'B', value: decimal4('5.00') });
    const older = rule({ id: 'older', value: decimal4('99.00') });
    expect(breaksOf(rule({ value: decimal4('30.00') }), [own, older])).toEqual([
      'C × 1: 130.0000 CEILING 120.0000',
      'D × 1: 130.0000 CEILING 120.0000',
    ]);
  });

  it('holds against three times the first price when no ceiling is set', () => {
    expect(breaksOf(rule({ childId: 'B', value: decimal4('200.01') }), [], null)).toEqual(['B × 1: 300.0100 CEILING 300.0000']);
    expect(breaksOf(rule({ childId: 'B', value: decimal4('200.00') }), [], null)).toEqual([]);
  });

  it("never concerns the owner's own rules: the band is for resale", () => {
    const saved = rule({ stationId: 'HQ', value: decimal4('900.00') });
    expect(markupRuleBandBreaks({ rule: saved, sku, line: [station('HQ')], children: [station('A')], rules: ruleBook([]), band })).toEqual(
      [],
    );
  });
});

describe('a rule, a band or a plan as typed in', () => {
  it('is refused field by field', () => {
    const fields = (changes: Partial<MarkupRule>) => markupRuleProblems(rule(changes)).map((problem) => problem.field);
    const at = (minQuantity: number, value = 0n) => ({ minQuantity, value });
    expect(fields({ value: 1n, breaks: [at(1), at(2)] })).toEqual([]);
    expect(fields({ value: -1n })).toEqual(['value']);
    expect(fields({ breaks: [at(10, -1n)] })).toEqual(['breaks']);
    expect(fields({ breaks: [at(0)] })).toEqual(['breaks']);
    expect(fields({ breaks: [at(1.5)] })).toEqual(['breaks']);
    expect(fields({ breaks: [at(10), at(10)] })).toEqual(['breaks']);
    expect(fields({ breaks: [at(20), at(10)] })).toEqual(['breaks']);
    expect(fields({ childId: 'B', levelId: 'gold' })).toEqual(['childId']);
    expect(fields({ skuId: 's', categoryId: 'c' })).toEqual(['skuId']);
  });

  it('is refused as a band without room or below zero', () => {
    expect(controlBandProblem({ floor: cny('1.00'), ceiling: cny('1.00') })).toBeNull();
    expect(controlBandProblem({ floor: null, ceiling: null })).toBeNull();
    expect(controlBandProblem({ floor: cny('1.01'), ceiling: cny('1.00') })?.field).toBe('ceiling');
    expect(controlBandProblem({ floor: null, ceiling: cny('0.00') })?.field).toBe('ceiling');
    expect(controlBandProblem({ floor: cny('-0.01'), ceiling: null })?.field).toBe('floor');
  });

  it('is refused as a plan that pays more than its pool or more levels than the network allows', () => {
    const problem = (changes: Partial<CommissionPlan>, levelsMax = 3) =>
      commissionPlanProblem({ poolKind: 'PERCENT', poolValue: decimal4('1'), shareBps: [5000, 3000, 2000], ...changes }, levelsMax)
        ?.field ?? null;
    expect(problem({})).toBeNull();
    expect(problem({ shareBps: [5000, 3000, 2001] })).toBe('shareBps');
    expect(problem({ shareBps: [] })).toBe('shareBps');
    expect(problem({ shareBps: [-1] })).toBe('shareBps');
    expect(problem({ shareBps: [0.5] })).toBe('shareBps');
    expect(problem({}, 2)).toBe('shareBps');
    expect(problem({ poolValue: -1n })).toBe('poolValue');
    expect(problem({ poolValue: decimal4('100.0001') })).toBe('poolValue');
    expect(problem({ poolKind: 'PER_UNIT', poolValue: decimal4('250') })).toBeNull();
  });

  it('is one version for one target and scope', () => {
    expect(() => ruleBook([rule({ id: 'one' }), rule({ id: 'two' })])).toThrow('two valid markup rules');
    const plan = {
      id: 'p',
      ownerId: 'HQ',
      skuId: null,
      productId: 'steam',
      categoryId: null,
      poolKind: 'PERCENT',
      poolValue: 1n,
      shareBps: [1],
      currency: 'CNY',
    } as const;
    expect(() => planBook([plan, { ...plan, id: 'q' }])).toThrow('two valid commission plans');
    expect(planFor(planBook([plan, { ...plan, ownerId: 'A', id: 'q' }]), sku)?.id).toBe('p');
    expect(planFor(planBook([{ ...plan, ownerId: 'A' }]), sku)).toBeNull();
  });
});

describe('the catalogue', () => {
  const priced = (changes: Partial<PricedSku>, nextUnitCost: Money | null, owner: Partial<ChainStation> = {}) =>
    resolvePriceChain({
      sku: { ...sku, ...changes },
      path: line.map((one) => (one.id === 'HQ' ? { ...one, ...owner } : one)),
      rules: ruleBook([]),
      band: null,
      quantity: 1,
      nextUnitCost,
    });

  it('compares the first price with the cost of the next unit, exactly', () => {
    expect(priced({}, cny('100.00')).kind).toBe('PRICED');
    expect(priced({}, cny('100.01'))).toEqual({ kind: 'NOT_SELLABLE', reason: 'BELOW_COST', stationId: 'HQ' });
    expect(priced({}, null).kind).toBe('PRICED');
    expect(priced({}, cny('100.01'), { costGuard: 'ALLOW_LOSS' }).kind).toBe('PRICED');
    expect(isUnitBelowCost(cny('9.99'), 1000, cny('0.01'))).toBe(true);
    expect(isUnitBelowCost(cny('10.00'), 1000, cny('0.01'))).toBe(false);
  });

  it('tells a full reason only to the station that it comes from', () => {
    const inverted = resolvePriceChain({
      sku,
      path: line,
      rules: ruleBook([rule({ kind: 'PRICE', value: decimal4('99.00') })]),
      band: null,
      quantity: 1,
    });
    expect(inverted).toEqual({ kind: 'NOT_SELLABLE', reason: 'INVERTED', stationId: 'A' });
    if (inverted.kind !== 'NOT_SELLABLE') return;
    expect([reasonFor('A', inverted), reasonFor('B', inverted), reasonFor('HQ', inverted)]).toEqual([
      'INVERTED',
      'UNAVAILABLE',
      'UNAVAILABLE',
    ]);
    expect(reasonFor('B', { ...inverted, reason: 'BELOW_COST' })).toBe('UNAVAILABLE');
    expect(reasonFor('B', { ...inverted, reason: 'ABOVE_CEILING' })).toBe('UNAVAILABLE');
    expect(reasonFor('B', { ...inverted, reason: 'ZERO_TOTAL' })).toBe('ZERO_TOTAL');
  });

  it('shows on each hop its start, its rule, the band in force and whether it was clamped', () => {
    const rules = ruleBook([
      rule({ stationId: 'HQ', kind: 'PERCENT', value: decimal4('1.5') }),
      rule({ id: 'dear', value: decimal4('50.00') }),
    ]);
    const chain = resolvePriceChain({ sku, path: line, rules, band, quantity: 3 }) as PriceChain;
    expect(chain.hops).toEqual([
      {
        sellerId: 'HQ',
        buyerId: 'A',
        start: cny('100.00'),
        unitPrice: cny('101.50'),
        total: cny('304.50'),
        ruleId: 'rule',
        bandId: null,
        clamped: null,
      },
      {
        sellerId: 'A',
        buyerId: 'B',
        start: cny('101.50'),
        unitPrice: cny('120.00'),
        total: cny('360.00'),
        ruleId: 'dear',
        bandId: 'band',
        clamped: 'CEILING',
      },
    ]);
  });
});
