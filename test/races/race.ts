import { expect } from 'vitest';
import { type PlaceOrderOutcome, type PlaceOrderRequest, placeOrders } from '#server/flows/place-orders.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import type { FreshDatabase } from '#test/support/database.ts';

/** Starts `count` of them at once and waits for all. */
export function atOnce<Result>(count: number, one: (index: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => one(index)));
}

/** How many there are of each kind. */
export function kinds(outcomes: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** One order in a transaction of its own, as if it were alone in its process. */
export async function placeAlone(fresh: FreshDatabase, request: PlaceOrderRequest): Promise<PlaceOrderOutcome> {
  const [outcome] = await placeOrders(fresh.db, [request]);
  if (!outcome) throw new Error('no outcome');
  return outcome;
}

/** The audit of domain §5 finds nothing, in any network. */
export async function expectClean(fresh: FreshDatabase): Promise<void> {
  expect(await auditLedger(fresh.db.pool)).toEqual([]);
}

/** The one number that a query answers. */
export async function numberOf(fresh: FreshDatabase, text: string, values: readonly unknown[]): Promise<number> {
  const [row] = await fresh.sql<{ number: string }>(text, values);
  return Number(row?.number);
}
