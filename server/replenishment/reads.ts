import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import {
  countReplenishments,
  type ReplenishmentRow,
  type ReplenishmentState,
  type RuleOwner,
  type RuleRow,
  selectReplenishments,
  selectReplenishmentsById,
  selectRules,
  selectRulesOfSkus,
} from './sql.ts';

export type { ReplenishmentRow, ReplenishmentState, RuleRow } from './sql.ts';

/** Of these rules, those of the acting station, by id; `now` says which day's spending is shown. */
export async function rulesByIds(db: Queryable, reader: RuleOwner, now: Date, ids: readonly string[]): Promise<Map<string, RuleRow>> {
  return new Map((await selectRules(db, reader, now, ids)).map((row) => [row.id, row]));
}

/** The acting station's rules of SKUs, by SKU. */
export async function rulesOfSkus(db: Queryable, reader: RuleOwner, now: Date, skuIds: readonly string[]): Promise<Map<string, RuleRow>> {
  return new Map((await selectRulesOfSkus(db, reader, now, skuIds)).map((row) => [row.sku_id, row]));
}

/** A page of the acting station's purchases for stock, newest first; of one state, or (null) of any. */
export async function replenishmentsPage(
  db: Queryable,
  reader: RuleOwner,
  state: ReplenishmentState | null,
  page: PageRequest,
): Promise<Page<ReplenishmentRow>> {
  const limits = { direction: page.direction, from: page.from, limit: page.count + 1 };
  return pageOf(page, await selectReplenishments(db, reader, state, limits));
}

/** How many such a list has. */
export function replenishmentsCount(db: Queryable, reader: RuleOwner, state: ReplenishmentState | null): Promise<number> {
  return countReplenishments(db, reader, state);
}

/** Of these purchases, those of the acting station, by id. */
export async function replenishmentsByIds(
  db: Queryable,
  reader: RuleOwner,
  ids: readonly string[],
): Promise<Map<string, ReplenishmentRow>> {
  return new Map((await selectReplenishmentsById(db, reader, ids)).map((row) => [row.id, row]));
}
