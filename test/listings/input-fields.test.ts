import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allotBundle,
  bundleInputFields,
  type InputField,
  inputFieldOf,
  inputFieldsOf,
  inputFieldsProblem,
  inputProblem,
} from '#server/listings/rules.ts';
import { compareMoney, money, moneyOf, sumMoney, toAmountString } from '#server/platform/money.ts';

const field = (given: Partial<InputField> = {}) => inputFieldOf({ name: 'account', ...given });
/** What is said of one value of one field; null when it is taken. */
const said = (given: Partial<InputField>, value: string) => inputProblem([field(given)], { account: value })?.message ?? null;

describe('what the buyer of a direct top-up types', () => {
  it.each([
    ['PHONE', '13800138000'],
    ['PHONE', '19912345678'],
    ['QQ', '10001'],
    ['QQ', '12345678901'],
    ['EMAIL', 'a.b+tag@mail.example.com'],
    ['GAME_ID', '玩家_0086#cn'],
    ['NUMBER', '000042'],
    ['TEXT', 'any line, of text'],
  ] as const)('takes a %s such as %s', (kind, value) => {
    expect(said({ kind }, value)).toBeNull();
  });

  it.each([
    ['PHONE', '12800138000', 'a mobile number of mainland China'],
    ['PHONE', '1380013800', '11 digits'],
    ['PHONE', '１３８００１３８０００', '11 digits'],
    ['PHONE', '+8613800138000', '11 digits'],
    ['QQ', '1000', '5 to 11 digits'],
    ['QQ', '01000123', 'does not begin with 0'],
    ['EMAIL', 'nobody', 'no e-mail address'],
    ['EMAIL', 'a@b', 'no e-mail address'],
    ['EMAIL', 'a..b@example.com', 'no e-mail address'],
    ['EMAIL', 'a@-x.com', 'no e-mail address'],
    ['EMAIL', `${'a'.repeat(65)}@example.com`, 'no e-mail address'],
    ['GAME_ID', 'a<b', 'letters, digits'],
    ['NUMBER', '4.2', 'a whole number'],
    ['NUMBER', '1'.repeat(19), '1 to 18 digits'],
    ['TEXT', 'x'.repeat(101), '1 to 100 characters'],
    ['TEXT', ' padded', 'begins or ends with a space'],
    ['TEXT', 'two\nlines', 'cannot be seen'],
    ['TEXT', 'zero​width', 'cannot be seen'],
    ['TEXT', 'x'.repeat(501), 'at most 500 characters'],
  ] as const)('refuses a %s such as %s', (kind, value, words) => {
    expect(said({ kind }, value)).toContain(words);
  });

  it('takes a number of the country that is asked for and of no other', () => {
    expect(said({ kind: 'PHONE', country: 'TW' }, '0912345678')).toBeNull();
    expect(said({ kind: 'PHONE', country: 'HK' }, '91234567')).toBeNull();
    expect(said({ kind: 'PHONE', country: 'MO' }, '61234567')).toBeNull();
    expect(said({ kind: 'PHONE', country: 'ANY' }, '+4915123456789')).toBeNull();
    expect(said({ kind: 'PHONE', country: 'TW' }, '13800138000')).toContain('Taiwan');
    expect(said({ kind: 'PHONE', country: 'ANY' }, '13800138000')).toContain('begins with +');
  });

  it('takes one of the choices, by its value', () => {
    const options = [
      { value: 'asia', label: '亚服' },
      { value: 'eu', label: '欧服' },
    ];
    expect(said({ kind: 'REGION', options }, 'asia')).toBeNull();
    expect(said({ kind: 'REGION', options }, '亚服')).toBe('is none of the choices');
  });

  it('names what is required and missing, what is unknown, and nothing of an optional field that is empty', () => {
    const fields = [field({ kind: 'QQ' }), field({ name: 'note', isRequired: false })];
    expect(inputProblem(fields, {})).toEqual({ field: 'account', message: 'is required' });
    expect(inputProblem(fields, { account: '' })).toEqual({ field: 'account', message: 'is required' });
    expect(inputProblem(fields, { account: '10001', note: '' })).toBeNull();
    expect(inputProblem(fields, { account: '10001', zone: 'x' })).toEqual({ field: 'zone', message: 'is not asked for' });
    expect(inputProblem(fields, JSON.parse('{"account": "10001", "__proto__": "x"}'))).toEqual({
      field: '__proto__',
      message: 'is not asked for',
    });
    expect(inputProblem([], { account: '10001' })).toEqual({ field: 'account', message: 'is not asked for' });
  });

  it('takes what a parent object has for nothing that was typed', () => {
    expect(inputProblem([field({ name: 'toString' })], {})).toEqual({ field: 'toString', message: 'is required' });
  });

  it('is read from a column that leaves the usual out, and throws for what no listing wrote', () => {
    expect(inputFieldsOf([])).toEqual([]);
    expect(inputFieldsOf([{ name: 'lblName0', label: '充值账号', isRequired: true }])).toEqual([
      {
        name: 'lblName0',
        label: '充值账号',
        kind: 'TEXT',
        isRequired: true,
        hint: '',
        country: 'CN',
        options: [],
        minLength: 1,
        maxLength: 100,
      },
    ]);
    expect(() => inputFieldsOf({})).toThrow('a list');
    expect(() => inputFieldsOf([{ label: 'x' }])).toThrow('a name');
  });

  it('is defined with a name, a label, choices where there are choices, and lengths that can be met', () => {
    expect(inputFieldsProblem([field(), field({ name: '大区', kind: 'REGION', options: [{ value: '1', label: '一区' }] })])).toBeNull();
    const wrong = (given: Partial<InputField>) => inputFieldsProblem([field(given)])?.message;
    expect(wrong({ name: '__proto__' })).toContain('a name is');
    expect(wrong({ label: ' ' })).toContain('a label');
    expect(wrong({ kind: 'REGION' })).toBe('has no choices');
    expect(wrong({ kind: 'QQ', options: [{ value: '1', label: '1' }] })).toContain('choices belong to');
    expect(wrong({ minLength: 5, maxLength: 4 })).toContain('lengths are');
    expect(wrong({ maxLength: 501 })).toContain('lengths are');
    expect(inputFieldsProblem([field(), field()])).toEqual({ field: 'account', message: 'there are two fields of this name' });
  });

  it('is judged in time that grows with what was typed, whatever that is', () => {
    const kinds = ['PHONE', 'QQ', 'EMAIL', 'GAME_ID', 'NUMBER', 'TEXT'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.string({ unit: 'binary', maxLength: 600 }), (kind, value) => {
        const problem = inputProblem([field({ kind, isRequired: false })], { account: value });
        // what is taken is one line without anything unseen
        expect(problem !== null || (value.length <= 500 && !/[\p{Cc}\u200b]/u.test(value))).toBe(true);
      }),
      { numRuns: 100, seed: 4 },
    );
  });
});

describe('a bundle', () => {
  it('allots its total by weight: 99.90 over 3, 1, 1', () => {
    const parts = allotBundle(money('99.90', 'CNY'), [{ weight: 3 }, { weight: 1 }, { weight: 1 }]);
    expect(parts.map(toAmountString)).toEqual(['59.94', '19.98', '19.98']);
  });

  it('allots every total without a cent left over or missing, each part within a cent of its share', () => {
    const weights = fc
      .array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 20 })
      .filter((all) => all.some((weight) => weight > 0));
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 12n }), weights, (cents, given) => {
        const total = moneyOf(cents * 100n, 'CNY');
        const parts = allotBundle(
          total,
          given.map((weight) => ({ weight })),
        );
        expect(compareMoney(sumMoney(parts, 'CNY'), total)).toBe(0);
        const sum = given.reduce((all, weight) => all + weight, 0);
        parts.forEach((part, index) => {
          const difference = part.tenThousandths * BigInt(sum) - total.tenThousandths * BigInt(given[index] ?? 0);
          expect(difference < 100n * BigInt(sum) && difference > -100n * BigInt(sum)).toBe(true);
        });
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it('asks once for what several components need, and cannot ask for two things under one name', () => {
    const qq = field({ name: 'qq', kind: 'QQ', isRequired: false });
    const phone = field({ name: 'phone', kind: 'PHONE' });
    const merged = bundleInputFields([[qq], [], [{ ...qq, isRequired: true }, phone]]);
    expect(merged).toEqual({ kind: 'FIELDS', fields: [{ ...qq, isRequired: true }, phone] });
    expect(bundleInputFields([[qq], [{ ...phone, name: 'qq' }]])).toEqual({ kind: 'CLASH', name: 'qq' });
  });
});
