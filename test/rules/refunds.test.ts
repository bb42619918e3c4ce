import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { decideLotPurchase, decideTopUp, dueOn, type PostingDraft, type RefundRequest } from '#server/ledger/rules.ts';
import type { AcceptedOrder } from '#server/orders/rules.ts';
import {
  compareMoney,
  decimalOf,
  isNegative,
  type Money,
  money,
  moneyOf,
  negateMoney,
  sumMoney,
  toAmountString,
} from '#server/platform/money.ts';
import { keysOf, playCase, type RefundBook, refundBook, refundOnBook } from './case-world.ts';
import { randomOrders } from './random-network.ts';

// thousands of random orders take their time on a busy machine
vi.setConfig({ testTimeout: 180_000 });

const RUNS = { numRuns: 200, seed: 20261122 };
const cny = (amount: string) => money(amount, 'CNY');
const text = (list: readonly Money[]) => toAmountString(sumMoney(list, 'CNY'));
const NO_LIMIT = cny('99999999999');

/** How one refund of a random row looks: what part of what is left, by which key, when something else happens before. */
type RandomRefund = { partBps: number; keyAt: number; byKey: boolean; supplierBears: boolean; revealAt: number; settles: boolean };
type Row = { order: AcceptedOrder; refunds: RandomRefund[] };

const randomRefund = fc.record({
  partBps: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 10_000 })),
  keyAt: fc.nat({ max: 50 }),
  byKey: fc.boolean(),
  supplierBears: fc.boolean(),
  revealAt: fc.nat({ max: 80 }),
  settles: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
});

/** A row of refunds of a random accepted order; it is up to the test to end it with the whole. */
const rows: fc.Arbitrary<Row> = fc
  .record({ random: randomOrders(), refunds: fc.array(randomRefund, { maxLength: 8 }) })
  .map(({ random, refunds }) => {
    const orders = random.orders.slice(0, 1).map((order) => ({ ...order, quantity: Math.min(order.quantity, 80) }));
    const keys = random.network.keys.map((lot) => ({ ...lot, count: Math.min(lot.count, 80) }));
    const [order] = playCase({ title: '', network: { ...random.network, keys }, orders, expect: { orders: [] } }).decisions;
    return order?.kind === 'ACCEPTED' ? { order, refunds } : null;
  })
  .filter((row) => row !== null);

type Options = { supplierBears?: boolean; byKey?: boolean; allRevealed?: boolean; nothingSettles?: boolean };

/** Refunds the order to the whole and returns all postings that it ever had, with those of each refund apart. */
function refundToTheWhole({ order, refunds }: Row, options: Options): { book: RefundBook; steps: (readonly PostingDraft[])[] } {
  const book = refundBook(order, NO_LIMIT);
  if (options.allRevealed) change(book, { reveal: () => true });
  const steps: (readonly PostingDraft[])[] = [];
  for (const refund of refunds) {
    change(book, {
      reveal: (index) => options.allRevealed === true || index === refund.revealAt,
      settle: refund.settles && !options.nothingSettles,
    });
    const decided = refundOnBook(book, requestOf(book, refund, options));
    if (decided.kind === 'REFUNDED') steps.push(decided.postings);
  }
  const last = { what: { kind: 'WHOLE' as const }, bearer: options.supplierBears ? ('SUPPLIER' as const) : ('OWNER' as const), ...people };
  const decided = refundOnBook(book, last);
  if (decided.kind === 'REFUNDED') steps.push(decided.postings);
  return { book, steps };
}

const people = { requestedBy: 'Chen', decidedBy: 'Wang' };

function requestOf(book: RefundBook, refund: RandomRefund, options: Options): RefundRequest {
  const bearer = (options.supplierBears ?? refund.supplierBears) ? 'SUPPLIER' : 'OWNER';
  const key = book.facts.keys[refund.keyAt % book.facts.keys.length];
  if ((options.byKey ?? refund.byKey) && key) return { what: { kind: 'KEYS', cardKeyIds: [key.id] }, bearer, ...people };
  const cents = (left(book) * BigInt(refund.partBps)) / 10_000n;
  return { what: { kind: 'AMOUNT', amount: moneyOf(cents * 100n, 'CNY') }, bearer, ...people };
}

function left(book: RefundBook): bigint {
  const refunded = sumMoney(
    book.facts.refunds.map((refund) => refund.amount),
    'CNY',
  );
  return (book.facts.order.total.tenThousandths - refunded.tenThousandths) / 100n;
}

function change(book: RefundBook, { reveal, settle }: { reveal: (index: number) => boolean; settle?: boolean }): void {
  const gone = new Set(book.facts.refunds.flatMap((refund) => refund.cardKeyIds));
  const keys = book.facts.keys.map((key, index) => ({ ...key, revealed: key.revealed || (reveal(index) && !gone.has(key.id)) }));
  const postings = book.facts.postings.map((posting) => ({
    ...posting,
    settled: posting.settled || (settle === true && posting.accountKind !== 'WALLET'),
  }));
  book.facts = { ...book.facts, keys, postings };
}

function netOf(postings: readonly PostingDraft[], holder: string): string {
  const held = postings.filter((posting) => ('stationId' in posting.holder ? posting.holder.stationId : 'supplier') === holder);
  return text(held.map((posting) => posting.amount));
}

describe('refunds in a row that reaches the whole', () => {
  it('each sum to zero and never give back more than the order was', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { book, steps } = refundToTheWhole(row, {});
        for (const postings of steps) expect(text(postings.map((posting) => posting.amount))).toBe('0.00');
        expect(text(book.facts.refunds.map((refund) => refund.amount))).toBe(toAmountString(row.order.total));
        const costs = book.facts.postings.filter((posting) => posting.reason === 'COST');
        expect(costs.filter((posting) => isNegative(posting.reversed) || compareMoney(posting.reversed, posting.amount) > 0)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('leave the buyer and every station between at nothing, whoever bears and whatever was settled', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { book } = refundToTheWhole(row, {});
        for (const { stationId } of row.order.hops.filter((hop) => hop.role !== 'OWNER'))
          expect(netOf(book.posted, stationId)).toBe('0.00');
      }),
      RUNS,
    );
  });

  it('borne by the supplier leave everybody at nothing', () => {
    fc.assert(
      fc.property(rows, fc.option(fc.boolean(), { nil: undefined }), (row, byKey) => {
        const { book } = refundToTheWhole(row, { supplierBears: true, byKey });
        for (const holder of [...row.order.hops.map((hop) => hop.stationId), 'supplier']) expect(netOf(book.posted, holder)).toBe('0.00');
      }),
      RUNS,
    );
  });

  it('borne by the owner leave the supplier its cost of all revealed keys, and the owner without that', () => {
    fc.assert(
      fc.property(rows, fc.option(fc.boolean(), { nil: undefined }), (row, byKey) => {
        const { book } = refundToTheWhole(row, { supplierBears: false, byKey, allRevealed: true });
        const consigned = keysOf(row.order)
          .filter((key) => key.terms === 'CONSIGNMENT')
          .map((key) => key.cost);
        expect(netOf(book.posted, 'supplier')).toBe(text(consigned));
        expect(netOf(book.posted, row.order.ownerId)).toBe(text(consigned.map(negateMoney)));
      }),
      RUNS,
    );
  });

  it('give a supplier back its unrevealed keys instead of their cost', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { book } = refundToTheWhole(row, { supplierBears: false, byKey: true });
        const kept = book.facts.keys.filter((key) => key.terms === 'CONSIGNMENT' && key.revealed);
        expect(netOf(book.posted, 'supplier')).toBe(text(kept.map((key) => key.cost)));
      }),
      RUNS,
    );
  });

  it('take from each margin and commission round(posting × refunded so far ÷ total), never more than the posting', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const book = refundBook(row.order, NO_LIMIT);
        for (const refund of row.refunds) {
          const decided = refundOnBook(book, requestOf(book, refund, {}));
          if (decided.kind === 'REFUND_REFUSED') continue;
          const part = new Decimal(toAmountString(decided.refundedTotal));
          for (const posting of book.facts.postings) {
            if (posting.reason !== 'MARGIN' && posting.reason !== 'COMMISSION') continue;
            if ('stationId' in posting.holder && posting.holder.stationId === row.order.ownerId) continue;
            const due = decimalOf(posting.amount)
              .times(part)
              .div(toAmountString(row.order.total))
              .toDecimalPlaces(2, Decimal.ROUND_HALF_UP);
            expect(toAmountString(posting.reversed)).toBe(due.toFixed(2));
          }
        }
      }),
      RUNS,
    );
  });

  it('never take an upline below zero in EARNINGS, nor touch its pending money once the posting was settled', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const { book } = refundToTheWhole(row, {});
        for (const { earnings } of book.facts.balances.values()) expect(isNegative(earnings)).toBe(false);
        const settledFromTheStart = refundBook(row.order, NO_LIMIT);
        change(settledFromTheStart, { reveal: () => false, settle: true });
        const decided = refundOnBook(settledFromTheStart, { what: { kind: 'WHOLE' }, bearer: 'SUPPLIER', ...people });
        expect(decided.kind === 'REFUNDED' && decided.postings.map((posting) => posting.accountKind)).not.toContain('EARNINGS_PENDING');
        expect(decided.kind === 'REFUNDED' && decided.postings.map((posting) => posting.accountKind)).not.toContain('PAYABLE_PENDING');
      }),
      RUNS,
    );
  });

  it('are refused before delivery, and after the whole', () => {
    const order = playCase({
      title: '',
      network: {
        stations: { R: 'HQ' },
        sku: { owner: 'HQ', basePrice: '10.00' },
        keys: [{ count: 1, cost: '8.00', supplier: 'S' }],
        wallets: { R: '10.00' },
      },
      orders: [{ buyer: 'R', quantity: 1 }],
      expect: { orders: [] },
    }).decisions[0];
    if (order?.kind !== 'ACCEPTED') throw new Error('the order is accepted');
    const book = refundBook(order, NO_LIMIT);
    const whole = { what: { kind: 'WHOLE' as const }, bearer: 'OWNER' as const, ...people };
    book.facts = { ...book.facts, order: { ...book.facts.order, delivered: false } };
    expect(refundOnBook(book, whole)).toMatchObject({ kind: 'REFUND_REFUSED', reason: 'NOT_DELIVERED' });
    book.facts = { ...book.facts, order: { ...book.facts.order, delivered: true } };
    expect(refundOnBook(book, whole)).toMatchObject({ kind: 'REFUNDED', orderState: 'REFUNDED', returnedKeyIds: ['key 1.1'] });
    expect(refundOnBook(book, whole)).toMatchObject({ kind: 'REFUND_REFUSED', reason: 'OVER_TOTAL' });
  });
});

describe('money that comes in and goes to suppliers', () => {
  const shown = (postings: readonly PostingDraft[]) =>
    postings.map(({ holder, accountKind, amount }) => [JSON.stringify(holder), accountKind, toAmountString(amount)]);
  const wallet = { balance: cny('100.00'), creditLimit: cny('20.00'), floorless: false };

  it("is topped up out of CASH by headquarters' finance", () => {
    const decided = decideTopUp({ stationId: 'A', amount: cny('500.00'), payer: { source: 'CASH' } });
    expect(decided.kind === 'ACCEPTED' && shown(decided.postings)).toEqual([
      ['{"network":true}', 'CASH', '-500.00'],
      ['{"stationId":"A"}', 'WALLET', '500.00'],
    ]);
  });

  it('is topped up by a parent out of its own wallet and credit line, not beyond', () => {
    const topUp = (amount: string) =>
      decideTopUp({ stationId: 'B', amount: cny(amount), payer: { source: 'WALLET', stationId: 'A', wallet } });
    const decided = topUp('120.00');
    expect(decided.kind === 'ACCEPTED' && shown(decided.postings)).toEqual([
      ['{"stationId":"A"}', 'WALLET', '-120.00'],
      ['{"stationId":"B"}', 'WALLET', '120.00'],
    ]);
    expect(topUp('120.01')).toEqual({ kind: 'INSUFFICIENT_BALANCE', required: cny('120.01'), available: cny('120.00') });
    expect(() => topUp('0.00')).toThrow('positive');
    expect(() => topUp('-1.00')).toThrow('positive');
  });

  it('pays for an own lot from the wallet of the owner, unless it was paid outside', () => {
    const purchase = { ownerId: 'A', supplierId: 'S', totalCost: cny('46.00'), wallet };
    const decided = decideLotPurchase(purchase);
    expect(decided.kind === 'ACCEPTED' && shown(decided.postings)).toEqual([
      ['{"stationId":"A"}', 'WALLET', '-46.00'],
      ['{"supplierId":"S"}', 'PAYABLE', '46.00'],
    ]);
    expect(decideLotPurchase({ ...purchase, supplierId: null })).toEqual({ kind: 'ACCEPTED', postings: [] });
    expect(decideLotPurchase({ ...purchase, totalCost: cny('120.01') }).kind).toBe('INSUFFICIENT_BALANCE');
    expect(decideLotPurchase({ ...purchase, totalCost: cny('120.01'), wallet: { ...wallet, floorless: true } }).kind).toBe('ACCEPTED');
  });

  it("falls due on the local day of delivery plus N, over a month's and a year's end", () => {
    expect(dueOn(new Date('2026-11-22T15:59:59.999Z'), 'Asia/Shanghai', 7)).toBe('2026-11-29');
    expect(dueOn(new Date('2026-11-22T16:00:00.000Z'), 'Asia/Shanghai', 7)).toBe('2026-11-30');
    expect(dueOn(new Date('2026-12-31T16:00:00.000Z'), 'Asia/Shanghai', 0)).toBe('2027-01-01');
    expect(dueOn(new Date('2028-02-28T12:00:00.000Z'), 'UTC', 1)).toBe('2028-02-29');
    expect(dueOn(new Date('2026-03-08T04:30:00.000Z'), 'America/New_York', 1)).toBe('2026-03-08');
  });
});
