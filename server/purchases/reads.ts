import { type Queryable, run } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { AttemptPurpose, AttemptState } from './rules.ts';
import {
  attemptCounts,
  attemptPages,
  attemptsById,
  type SeenAttemptRow,
  type StepRow,
  selectAttemptsOfOrders,
  selectSteps,
} from './sql.ts';

export type { SeenAttemptRow, StepRow } from './sql.ts';

/** Whoever reads: the owner of the goods sees its attempts, a supplier those at itself (domain §2). Which fields, the contract says. */
export type AttemptReader = { readonly networkId: string } & ({ readonly ownerId: string } | { readonly supplierId: string });

/** Which attempts; what is null does not ask. */
export type AttemptCut = {
  /** Only those that a person has to decide; the owner's alone. */
  readonly needsAttention: boolean;
  readonly states: readonly AttemptState[] | null;
  readonly supplierId: string | null;
  readonly purpose: AttemptPurpose['kind'] | null;
  readonly skuId: string | null;
};

/** A page of the reader's attempts, newest first. */
export async function visibleAttempts(
  db: Queryable,
  reader: AttemptReader,
  cut: AttemptCut,
  request: PageRequest,
): Promise<Page<SeenAttemptRow>> {
  const pages = attemptPages[request.direction];
  const values = [reader.networkId, partyOf(reader), request.from ?? pages.end, request.count + 1, ...cutValues(cut)];
  return pageOf(request, await run(db, pages[listOf(reader, cut)], values));
}

/** How many attempts such a list has. */
export async function attemptsCount(db: Queryable, reader: AttemptReader, cut: AttemptCut): Promise<number> {
  const [row] = await run(db, attemptCounts[listOf(reader, cut)], [reader.networkId, partyOf(reader), ...cutValues(cut)]);
  return row?.count ?? 0;
}

/** Of these attempts, the reader's own, by id. */
export async function attemptsByIds(db: Queryable, reader: AttemptReader, ids: readonly string[]): Promise<Map<string, SeenAttemptRow>> {
  const rows = await run(db, attemptsById['ownerId' in reader ? 'owner' : 'supplier'], [reader.networkId, partyOf(reader), ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The attempts of an owner's orders, by order, eldest first. */
export async function attemptsOfOrders(
  db: Queryable,
  reader: { readonly networkId: string; readonly ownerId: string },
  orderIds: readonly string[],
): Promise<Map<string, SeenAttemptRow[]>> {
  const rows = await run(db, selectAttemptsOfOrders, [reader.networkId, reader.ownerId, orderIds]);
  return Map.groupBy(rows, (row) => row.order_id ?? '');
}

/** The logs of these attempts (rows that were shown to the reader), eldest first, by attempt. */
export async function stepsOfAttempts(db: Queryable, networkId: string, attemptIds: readonly string[]): Promise<Map<string, StepRow[]>> {
  return Map.groupBy(await run(db, selectSteps, [networkId, attemptIds]), (row) => row.attempt_id);
}

function partyOf(reader: AttemptReader): string {
  return 'ownerId' in reader ? reader.ownerId : reader.supplierId;
}

function listOf(reader: AttemptReader, { needsAttention }: AttemptCut): 'owner' | 'attention' | 'supplier' {
  if (!('ownerId' in reader)) return 'supplier';
  return needsAttention ? 'attention' : 'owner';
}

function cutValues({ states, supplierId, purpose, skuId }: AttemptCut): unknown[] {
  return [states, supplierId, purpose, skuId];
}
