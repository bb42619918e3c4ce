import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import type { CurrencyCode } from '#server/platform/money.ts';
import { accessPlugin } from './access.ts';
import type { Context } from './context.ts';

/** What the scalars of the contract are in code. */
type Scalars = {
  ID: { Input: string; Output: string };
  Decimal: { Input: string; Output: string };
  DateTime: { Input: Date; Output: Date };
  /** A day as "YYYY-MM-DD": it has no time zone, so it is never a Date. */
  Date: { Input: string; Output: string };
  Cursor: { Input: string; Output: string };
  CurrencyCode: { Input: CurrencyCode; Output: CurrencyCode };
};

/** The one builder of the contract: every file of this folder adds its types to it, schema.ts builds it. */
export const builder = new SchemaBuilder<{ Context: Context; Scalars: Scalars; DefaultFieldNullability: false }>({
  plugins: [accessPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  // the cost of a document is limited before it runs, by server/http; the fields here only say what they cost
  complexity: { defaultComplexity: 1, defaultListMultiplier: 10 },
});

/** The builder's types, for helpers that make parts of the schema. */
export type Types = typeof builder.$inferSchemaTypes;

builder.queryType({ description: 'What can be asked.' });
builder.mutationType({ description: 'What can be done. A refusal is an answer, not an error.' });
builder.subscriptionType({ description: 'What can be watched. Rights are checked again for every event.' });
