import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const decimal4 = z.string().regex(/^\d+\.\d{4}$/);

const skuData = z.strictObject({
  code: z.string(),
  name: z.string(),
  faceValue: z.string(),
  basePrice: decimal4,
  // what a supplier asks for `unitSize` units
  cost: decimal4,
  unitSize: z.int().default(1),
  minQuantity: z.int().default(1),
  maxQuantity: z.int(),
  quantityStep: z.int().default(1),
});

const productData = z.strictObject({
  code: z.string(),
  name: z.string(),
  brand: z.string(),
  description: z.string(),
  // 1 (seldom) to 5 (every day)
  demand: z.int().min(1).max(5),
  skus: z.array(skuData).min(1),
});

const leafData = z.strictObject({
  name: z.string(),
  keyFormat: z.string(),
  // codes, the usual one first
  suppliers: z.array(z.string()).min(1),
  products: z.array(productData).min(1),
});

const categoryData = z.strictObject({
  name: z.string(),
  english: z.string(),
  groups: z.array(z.strictObject({ name: z.string(), groups: z.array(leafData).min(1) })).min(1),
});

const target = { level: z.string().optional(), child: z.string().optional() };
const scope = { category: z.string().optional(), product: z.string().optional(), sku: z.string().optional() };

const ruleData = z.strictObject({
  station: z.string(),
  ...target,
  ...scope,
  kind: z.enum(['PERCENT', 'FIXED', 'PRICE']),
  value: decimal4,
  breaks: z.array(z.strictObject({ minQuantity: z.int(), value: decimal4 })).default([]),
  inversion: z.enum(['HIDE', 'RAISE_TO_START']).default('HIDE'),
  reason: z.string().default(''),
});

const bandData = z.strictObject({
  sku: z.string(),
  floor: decimal4.optional(),
  ceiling: decimal4.optional(),
  reason: z.string().default(''),
});

const planData = z.strictObject({
  ...scope,
  poolKind: z.enum(['PERCENT', 'PER_UNIT']),
  poolValue: decimal4,
  shareBps: z.array(z.int()).min(1).max(3),
  reason: z.string().default(''),
});

/** A station of the data file with its children. */
export interface StationData {
  readonly code: string;
  readonly name: string;
  readonly kind: 'HEADQUARTERS' | 'SUBSTATION' | 'RESELLER';
  /** The price level that its parent gave. */
  readonly level?: string | undefined;
  /** How much it buys beside the others; headquarters buys nothing. */
  readonly volume: number;
  /** The day of the story on which it opened. */
  readonly sinceDay: number;
  /** The category (names joined by "/") that it mostly buys. */
  readonly focus?: string | undefined;
  readonly children: readonly StationData[];
}

const stationData: z.ZodType<StationData> = z.lazy(() =>
  z.strictObject({
    code: z.string(),
    name: z.string(),
    kind: z.enum(['HEADQUARTERS', 'SUBSTATION', 'RESELLER']),
    level: z.string().optional(),
    volume: z.number().default(0),
    sinceDay: z.int().default(0),
    focus: z.string().optional(),
    children: z.array(stationData).default([]),
  }),
);

const role = z.enum(['OWNER', 'MANAGER', 'FINANCE', 'OPERATOR', 'VIEWER']);

const networkData = z.strictObject({
  network: z.strictObject({
    name: z.string(),
    currency: z.literal('CNY'),
    timeZone: z.string(),
    settlementDays: z.int(),
    commissionLevelsMax: z.int(),
    refundLimit: z.string(),
  }),
  priceLevels: z.array(z.string()),
  suppliers: z.array(z.strictObject({ code: z.string(), name: z.string() })),
  frozen: z.strictObject({ station: z.string(), day: z.int(), reason: z.string() }),
  stations: stationData,
  markupRules: z.array(ruleData),
  // rules that are set while the story runs: each ends the one that it replaces
  markupRuleEdits: z.array(ruleData.extend({ day: z.int() })),
  controlBands: z.array(bandData),
  commissionPlans: z.array(planData),
  ownGoods: z.array(
    z.strictObject({ owner: z.string(), category: z.string(), products: z.array(productData.extend({ keyFormat: z.string() })) }),
  ),
  people: z.array(
    z.strictObject({
      email: z.email(),
      name: z.string(),
      memberships: z.array(z.union([z.strictObject({ station: z.string(), role }), z.strictObject({ supplier: z.string(), role })])).min(1),
    }),
  ),
});

const keyFormats = z.record(z.string(), z.strictObject({ description: z.string(), number: z.string().nullable(), secret: z.string() }));

/** One denomination of the data files: prices are decimal texts for `unitSize` units. */
export type SkuData = z.infer<typeof skuData>;
/** A top category with its two levels below. */
export type CategoryData = z.infer<typeof categoryData>;
/** The stations, rules and people of the demo network. */
export type NetworkData = z.infer<typeof networkData>;
/** A markup rule by codes. */
export type MarkupRuleData = z.infer<typeof ruleData>;
/** How card keys of a kind are written: # a digit, @ a letter, * a letter or digit, all else as it stands. */
export type KeyFormats = z.infer<typeof keyFormats>;

/** Everything that the demo is made from, checked. */
export interface DemoData {
  readonly catalogue: readonly CategoryData[];
  readonly network: NetworkData;
  readonly keyFormats: KeyFormats;
}

/** Reads the data files beside this one; a file that is wrong throws with the path of the fault. */
export function readDemoData(): DemoData {
  const files = readdirSync(new URL('catalogue/', import.meta.url)).filter((name) => name.endsWith('.json'));
  return {
    catalogue: files.sort().map((name) => categoryData.parse(readJson(`catalogue/${name}`))),
    network: networkData.parse(readJson('network.json')),
    keyFormats: keyFormats.parse(readJson('key-formats.json')),
  };
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}
