import fc from 'fast-check';
import type { KeysText, NetworkText, OrderText, RuleText } from './case-world.ts';

/** A random line of 1 to 12 stations under HQ, its rules, goods and lots, and one to three orders of the last station. */
export type RandomOrders = { network: NetworkText; orders: OrderText[]; buyer: string };

const CATEGORIES = ['Goods', 'Games', 'Mobile'];
const LEVELS = ['gold', 'silver'];

/** Random networks and orders; quantities run from 1 to `maxQuantity`, mostly small ones, since every unit is a key. */
export function randomOrders(maxQuantity = 3_000): fc.Arbitrary<RandomOrders> {
  return fc
    .record({
      depth: fc.integer({ min: 1, max: 12 }),
      unitSize: fc.constantFrom(1, 1, 1, 100, 1000),
      quantities: quantities(maxQuantity),
      basePrice: decimals(1, 2_000_000, 4),
    })
    .chain((frame) => {
      const line = ['HQ', ...Array.from({ length: frame.depth }, (_, index) => `S${index + 1}`)];
      return fc
        .record({
          ownerAt: fc.oneof(
            { weight: 3, arbitrary: fc.constant(0) },
            { weight: 2, arbitrary: fc.integer({ min: 0, max: frame.depth - 1 }) },
          ),
          levels: fc.array(fc.constantFrom(null, ...LEVELS), { minLength: frame.depth, maxLength: frame.depth }),
          rules: fc.uniqueArray(rule(line, Number(frame.basePrice)), {
            maxLength: 4 * frame.depth,
            selector: (one) => `${one.from}|${one.to}|${one.on}`,
          }),
          categories: fc.integer({ min: 1, max: 3 }),
          band: fc.option(band(Number(frame.basePrice)), { freq: 3 }),
          commission: fc.uniqueArray(plan(), { maxLength: 2, selector: (one) => one.on }),
          commissionLevelsMax: fc.integer({ min: 0, max: 3 }),
          lots: fc.array(lot(Number(frame.basePrice) / frame.unitSize), { minLength: 1, maxLength: 4 }),
          short: fc.integer({ min: 0, max: 9 }),
          allowLoss: fc.boolean(),
          poor: fc.integer({ min: 0, max: 9 }),
          ownerWallet: decimals(0, 100_000, 2),
          maxTotal: fc.option(decimals(0, 100_000_000, 2), { freq: 10 }),
        })
        .map((rest) => build(line, frame, rest));
    });
}

type Frame = { depth: number; unitSize: number; quantities: number[]; basePrice: string };
type Rest = {
  ownerAt: number;
  levels: (string | null)[];
  rules: RuleText[];
  categories: number;
  band: { floor?: string; ceiling?: string } | null;
  commission: { percent?: string; perUnit?: string; shares: number[]; on: string }[];
  commissionLevelsMax: number;
  lots: KeysText[];
  short: number;
  allowLoss: boolean;
  poor: number;
  ownerWallet: string;
  maxTotal: string | null;
};

function build(line: string[], frame: Frame, rest: Rest): RandomOrders {
  const owner = line[rest.ownerAt] ?? 'HQ';
  const buyer = line.at(-1) ?? '';
  const wanted = frame.quantities.reduce((sum, quantity) => sum + quantity, 0);
  const enough = rest.short === 0 ? Math.floor(wanted / 2) : wanted;
  const keys = rest.lots.map((one, index) => ({ ...one, count: share(enough, rest.lots.length, index) }));
  const named = rest.levels.flatMap((level, index) => (level === null ? [] : [[line[index + 1] ?? '', level]]));
  const network: NetworkText = {
    stations: Object.fromEntries(line.slice(1).map((name, index) => [name, line[index] ?? 'HQ'])),
    levels: Object.fromEntries(named) as Record<string, string>,
    allowLoss: rest.allowLoss ? [owner] : [],
    commissionLevelsMax: rest.commissionLevelsMax,
    sku: { owner, basePrice: frame.basePrice, unitSize: frame.unitSize, categories: CATEGORIES.slice(0, rest.categories) },
    rules: rest.rules,
    ...(rest.band && { band: rest.band }),
    commission: rest.commission,
    keys,
    wallets: { [owner]: rest.ownerWallet, [buyer]: rest.poor === 0 ? '100.00' : '99999999999.00' },
  };
  const orders = frame.quantities.map((quantity) => ({ buyer, quantity, ...(rest.maxTotal !== null && { maxTotal: rest.maxTotal }) }));
  return { network, orders, buyer };
}

function quantities(maxQuantity: number): fc.Arbitrary<number[]> {
  const small = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 3 });
  const middle = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 2 });
  const large = fc.array(fc.integer({ min: 1, max: maxQuantity }), { minLength: 1, maxLength: 1 });
  return fc.oneof({ weight: 70, arbitrary: small }, { weight: 8, arbitrary: middle }, { weight: 1, arbitrary: large });
}

function rule(line: string[], basePrice: number): fc.Arbitrary<RuleText> {
  return fc
    .record({
      sellerAt: fc.integer({ min: 0, max: line.length - 2 }),
      to: fc.constantFrom('child', 'level gold', 'level silver', 'everyone'),
      on: fc.constantFrom('sku', 'product', ...CATEGORIES.map((name) => `category ${name}`), 'everything'),
      markup: markup(basePrice),
      whenInverted: fc.constantFrom('HIDE' as const, 'RAISE_TO_START' as const),
    })
    .map(({ sellerAt, to, on, markup: values, whenInverted }) => ({
      from: line[sellerAt] ?? 'HQ',
      to: to === 'child' ? (line[sellerAt + 1] ?? '') : to,
      on,
      ...values,
      whenInverted,
    }));
}

function markup(basePrice: number): fc.Arbitrary<Pick<RuleText, 'percent' | 'fixed' | 'price' | 'breaks'>> {
  const withBreaks = (values: fc.Arbitrary<string>) =>
    fc.record({
      value: values,
      breaks: fc.uniqueArray(fc.record({ from: fc.integer({ min: 1, max: 200 }), value: values }), {
        maxLength: 3,
        selector: (one) => one.from,
      }),
    });
  const sorted = (breaks: { from: number; value: string }[]) => [...breaks].sort((a, b) => a.from - b.from);
  const base = Math.max(1, Math.round(basePrice * 10_000));
  return fc.oneof(
    { weight: 4, arbitrary: withBreaks(decimals(0, 200_000, 4)).map(({ value, breaks }) => ({ percent: value, breaks: sorted(breaks) })) },
    {
      weight: 4,
      arbitrary: withBreaks(decimals(0, Math.round(base / 5) + 1, 4)).map(({ value, breaks }) => ({
        fixed: value,
        breaks: sorted(breaks),
      })),
    },
    {
      weight: 1,
      arbitrary: withBreaks(decimals(base, 2 * base, 4)).map(({ value, breaks }) => ({ price: value, breaks: sorted(breaks) })),
    },
  );
}

function band(basePrice: number): fc.Arbitrary<{ floor?: string; ceiling?: string }> {
  const base = Math.max(1, Math.round(basePrice * 10_000));
  return fc.record(
    { floor: decimals(Math.round(base / 2), Math.round(1.2 * base), 4), ceiling: decimals(Math.round(1.2 * base) + 1, 4 * base, 4) },
    { requiredKeys: [] },
  );
}

function plan(): fc.Arbitrary<{ percent?: string; perUnit?: string; shares: number[]; on: string }> {
  const shares = fc.array(fc.integer({ min: 0, max: 3333 }), { minLength: 1, maxLength: 3 });
  const on = fc.constantFrom('sku', 'product', ...CATEGORIES.map((name) => `category ${name}`));
  const percent = fc.record({ percent: decimals(0, 100_000, 4), shares, on });
  const perUnit = fc.record({ perUnit: decimals(0, 20_000, 4), shares, on });
  return fc.oneof(percent, perUnit);
}

function lot(unitPrice: number): fc.Arbitrary<KeysText> {
  const fair = Math.max(1, Math.round(unitPrice * 100));
  return fc
    .record({ cost: decimals(0, fair, 2), supplier: fc.constantFrom('X', 'Y', 'Z'), own: fc.integer({ min: 0, max: 3 }) })
    .map(({ cost, supplier, own }) => ({ count: 0, cost, supplier, ...(own === 0 && { terms: 'OWN' as const }) }));
}

function share(count: number, parts: number, index: number): number {
  return Math.floor(count / parts) + (index < count % parts ? 1 : 0);
}

function decimals(min: number, max: number, places: number): fc.Arbitrary<string> {
  return fc.integer({ min, max }).map((units) => (units / 10 ** places).toFixed(places));
}
