import { describe, expect, it } from 'vitest';
import type { PostingDraft } from '#server/ledger/rules.ts';
import { subtractMoney, sumMoney, toAmountString } from '#server/platform/money.ts';
import { playCase, readCases } from './case-world.ts';

const cases = readCases();
const sumOf = (postings: readonly PostingDraft[]) =>
  toAmountString(
    sumMoney(
      postings.map((posting) => posting.amount),
      postings[0]?.amount.currency ?? 'CNY',
    ),
  );

describe("the accountants' cases", () => {
  it('are the worked examples of the domain and at least twenty more', () => {
    expect(cases.length).toBeGreaterThanOrEqual(23);
  });

  it.each(cases)('$content.title ($file)', ({ content }) => {
    const { played, decisions, refundPostings } = playCase(content);
    expect(played).toEqual(content.expect);
    for (const postings of refundPostings) expect(Number(sumOf(postings))).toBe(0);
    for (const order of decisions) {
      if (order.kind !== 'ACCEPTED') continue;
      expect(Number(sumOf(order.postings))).toBe(0);
      const margins = sumMoney(
        order.hops.map((hop) => hop.margin),
        order.total.currency,
      );
      expect(toAmountString(margins)).toBe(toAmountString(subtractMoney(order.total, order.cost)));
    }
  });
});
