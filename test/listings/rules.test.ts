import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bannedWordsIn,
  contentProblems,
  editScope,
  isNearDuplicate,
  type ListingMove,
  type ListingSnapshot,
  type ListingState,
  linksIn,
  listingChanges,
  marginBps,
  policyProblem,
  priceProblems,
  stateAfter,
  titleShape,
  USUAL_POLICY,
} from '#server/listings/rules.ts';
import { money, moneyOf } from '#server/platform/money.ts';

const RUNS = { numRuns: 300, seed: 6 };
const yuan = (text: string) => money(text, 'CNY');
const SAID: ListingSnapshot = {
  code: 'film-30',
  productName: 'Film Pass',
  brand: null,
  description: 'Thirty days of films, for one account.',
  attributes: { platform: 'PC' },
  pictureUrl: null,
  skuName: '30 days',
  scene: 'phone and tablet',
  faceValue: null,
  basePrice: '10.0000',
  unitSize: 1,
  minQuantity: 1,
  maxQuantity: 100,
  quantityStep: 1,
  goodsKind: 'CARD_KEY',
  deliveryKind: 'FROM_STOCK',
  inputFields: [],
  components: [],
  offers: [],
};
const codes = (over: Partial<ListingSnapshot>, policy = USUAL_POLICY) =>
  contentProblems({ ...SAID, ...over }, policy).map(({ code }) => code);

describe('the states of a listing', () => {
  const STATES: readonly ListingState[] = ['DRAFT', 'SUBMITTED', 'APPROVED', 'LIVE', 'PAUSED', 'RETIRED', 'REJECTED'];
  const MOVES: readonly ListingMove[] = ['SUBMIT', 'APPROVE', 'REJECT', 'REVISE', 'GO_LIVE', 'PAUSE', 'RESUME', 'RETIRE'];

  it('follow each other as the domain says, and in no other way', () => {
    const ways = MOVES.flatMap((move) =>
      STATES.flatMap((from) => (stateAfter(from, move) ? [`${from} ${move} ${stateAfter(from, move)}`] : [])),
    );
    expect(ways).toEqual([
      'DRAFT SUBMIT SUBMITTED',
      'SUBMITTED APPROVE APPROVED',
      'SUBMITTED REJECT REJECTED',
      'APPROVED REJECT REJECTED',
      'SUBMITTED REVISE DRAFT',
      'APPROVED REVISE DRAFT',
      'REJECTED REVISE DRAFT',
      'APPROVED GO_LIVE LIVE',
      'LIVE PAUSE PAUSED',
      'PAUSED RESUME LIVE',
      'LIVE RETIRE RETIRED',
      'PAUSED RETIRE RETIRED',
    ]);
  });

  it('never lead on sale what was not approved, however they are walked', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...MOVES), { maxLength: 30 }), (moves) => {
        let state: ListingState = 'DRAFT';
        let isApproved = false;
        for (const move of moves) {
          const next: ListingState | null = stateAfter(state, move);
          if (next === null) continue;
          if (move === 'APPROVE') isApproved = true;
          if (next === 'DRAFT' || next === 'REJECTED') isApproved = false;
          state = next;
          expect(state !== 'LIVE' || isApproved).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it('say what may be edited', () => {
    expect(STATES.map((state) => editScope(state))).toEqual([
      'ALL',
      'NOTHING',
      'NOTHING',
      'WHAT_IS_SAID',
      'WHAT_IS_SAID',
      'NOTHING',
      'NOTHING',
    ]);
  });
});

describe('the words of a listing', () => {
  it('pass when its title has name, attribute and scene, its attributes are there and its description says something', () => {
    expect(codes({})).toEqual([]);
    expect(codes({ scene: '' })).toEqual(['TITLE_FORM']);
    expect(codes({ skuName: '★' })).toEqual(['TITLE_FORM']);
    expect(codes({ scene: 'film-pass' })).toEqual(['TITLE_REPEATS']);
    expect(codes({ scene: 'best!!' })).toEqual(['TITLE_MARKS']);
    expect(codes({ scene: 'gift 🎁' })).toEqual(['TITLE_MARKS']);
    expect(codes({ scene: 'x'.repeat(100) })).toEqual(['TITLE_LONG']);
    expect(codes({ description: 'short' })).toEqual(['DESCRIPTION_SHORT']);
    expect(codes({ goodsKind: 'TOP_UP' })).toEqual(['INPUT_FIELDS_MISSING']);
    expect(codes({}, { ...USUAL_POLICY, requiredAttributes: ['platform', 'region'] })).toEqual(['ATTRIBUTE_MISSING']);
    expect(codes({ attributes: JSON.parse('{"platform": "PC"}') }, { ...USUAL_POLICY, requiredAttributes: ['toString'] })).toEqual([
      'ATTRIBUTE_MISSING',
    ]);
  });

  it.each([
    ['外挂', '最新外挂下载'],
    ['外挂', '外-挂'],
    ['外挂', '外​挂'],
    ['外挂', '外 挂'],
    ['hack', 'a HACK for it'],
    ['hack', 'ｈａｃｋ'],
    ['hack', 'h.a.c.k'],
    ['hack', 'h a c k now'],
    ['hack', 'ha​ck'],
    ['free gift', 'FREE-GIFT inside'],
    ['代练', '专业代、练'],
  ])('hold %s in "%s"', (word, text) => {
    expect(bannedWordsIn(text, [word])).toEqual([word]);
  });

  it.each([
    ['hack', 'shackle'],
    ['ass', 'class pass'],
    ['free gift', 'freegifts'],
    ['外挂', '外面挂着'],
  ])('do not hold %s in "%s"', (word, text) => {
    expect(bannedWordsIn(text, [word])).toEqual([]);
  });

  it('hold a banned word whatever stands between its letters', () => {
    const marks = fc.array(fc.constantFrom(' ', '.', '-', '_', '​', '·', '*'), { minLength: 0, maxLength: 3 }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.array(marks, { minLength: 3, maxLength: 3 }), ([a = '', b = '', c = '']) => {
        expect(bannedWordsIn(`看${a}刷${b}单${c}吧`, ['刷单'])).toEqual(['刷单']);
      }),
      RUNS,
    );
  });

  it('say nearly the same as others where few letters differ, and something else where a number does', () => {
    const alike = (a: string, b: string) => isNearDuplicate(titleShape(a), titleShape(b));
    expect(alike('Star Games Wallet 50 USD at home', 'STAR  GAMES wallet, 50 USD - at home!')).toBe(true);
    expect(alike('Star Games Wallet 50 USD at home', 'Star Games Wallets 50 USD at home')).toBe(true);
    expect(alike('Star Games Wallet 50 USD at home', 'Star Games Wallet 60 USD at home')).toBe(false);
    expect(alike('腾讯视频会员月卡自用', '腾讯视频会员季卡自用')).toBe(false);
    expect(alike('视频会员 30天 手机电视通用', '【视频会员】30天·手机电视通用')).toBe(true);
    expect(alike('', 'x')).toBe(false);
  });

  it('are as like another as the other is to them, and always like themselves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 40 }), (a, b) => {
        const [one, other] = [titleShape(a), titleShape(b)];
        expect(isNearDuplicate(one, other)).toBe(isNearDuplicate(other, one));
        expect(isNearDuplicate(one, titleShape(a))).toBe(true);
      }),
      RUNS,
    );
  });

  it('lead to their links, each once, without the mark that ends a sentence', () => {
    expect(linksIn('See https://a.test/x?y=1, (https://b.test/), and https://a.test/x?y=1.')).toEqual([
      'https://a.test/x?y=1',
      'https://b.test/',
    ]);
    expect(linksIn('看https://a.test/教程')).toEqual(['https://a.test/']);
    expect(codes({ description: Array.from({ length: 21 }, (_, index) => `https://a.test/${index}`).join(' ') })).toEqual([
      'TOO_MANY_LINKS',
    ]);
  });
});

describe('the price of a listing', () => {
  const found = (basePrice: string, unitCost: string | null, over: Partial<Parameters<typeof priceProblems>[0]> = {}, reason = '') =>
    priceProblems(
      { basePrice: yuan(basePrice), unitCost: unitCost === null ? null : yuan(unitCost), agreedUnitCost: null, ceiling: null, ...over },
      USUAL_POLICY,
      reason,
    ).map(({ code }) => code);

  it('leaves a tenth of it, or says why not; is never under cost nor above the ceiling', () => {
    expect(found('10.00', '9.00')).toEqual([]);
    expect(found('10.00', '9.01')).toEqual(['MARGIN_LOW']);
    expect(found('10.00', '9.01', {}, 'opens the season')).toEqual([]);
    expect(found('10.00', '10.01', {}, 'a gift')).toEqual(['BELOW_COST']);
    expect(found('10.00', null)).toEqual(['COST_UNKNOWN']);
    expect(found('10.00', '5.00', { ceiling: yuan('9.99') })).toEqual(['ABOVE_CEILING']);
    expect(found('10.00', '5.00', { agreedUnitCost: yuan('4.99') })).toEqual(['COST_ABOVE_AGREED']);
    expect(marginBps(yuan('10.00'), yuan('12.00'))).toBe(-2000);
  });

  it('has a margin that is small exactly when it is less than the network asks', () => {
    const amount = fc.bigInt({ min: 1n, max: 10n ** 9n });
    fc.assert(
      fc.property(amount, amount, fc.integer({ min: 0, max: 10_000 }), (price, cost, marginMinBps) => {
        fc.pre(cost <= price);
        const facts = { basePrice: moneyOf(price, 'CNY'), unitCost: moneyOf(cost, 'CNY'), agreedUnitCost: null, ceiling: null };
        const isSmall = priceProblems(facts, { ...USUAL_POLICY, marginMinBps }, '').length > 0;
        expect(isSmall).toBe((price - cost) * 10_000n < price * BigInt(marginMinBps));
      }),
      RUNS,
    );
  });
});

describe('the versions of a listing', () => {
  it('differ field by field, attribute by attribute', () => {
    const after = { ...SAID, basePrice: '12.0000', attributes: { platform: 'PC', region: 'CN' }, scene: '' };
    expect(listingChanges(SAID, after)).toEqual([
      { field: 'basePrice', before: '10.0000', after: '12.0000' },
      { field: 'attributes.region', before: null, after: 'CN' },
      { field: 'scene', before: 'phone and tablet', after: null },
    ]);
    expect(listingChanges(SAID, { ...SAID })).toEqual([]);
    expect(listingChanges(null, SAID).map(({ field }) => field)).toContain('productName');
  });
});

describe('what a network asks', () => {
  it('is words that can be found, names that can be said and a margin of a price', () => {
    expect(policyProblem(USUAL_POLICY)).toBeNull();
    expect(policyProblem({ ...USUAL_POLICY, bannedWords: ['…'] })).toMatchObject({ field: 'bannedWords' });
    expect(policyProblem({ ...USUAL_POLICY, requiredAttributes: [' x'] })).toMatchObject({ field: 'requiredAttributes' });
    expect(policyProblem({ ...USUAL_POLICY, marginMinBps: 10_001 })).toMatchObject({ field: 'marginMinBps' });
  });
});
