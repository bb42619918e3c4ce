import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { Reader } from '#server/platform/reader.ts';
import {
  type ControlBandRecord,
  countLiveRules,
  type MarkupRuleFilter,
  type MarkupRuleRecord,
  selectBandsByIds,
  selectLiveRules,
  selectOwnBands,
  selectRulesByIds,
} from './sql.ts';

export type { ControlBandRecord, MarkupRuleFilter, MarkupRuleRecord } from './sql.ts';

/** The station whose own rules and bands are all that the reader sees: never an upline's, a downline's or a sibling's. Null for a supplier. */
export function visibleRules(viewer: Reader): { readonly networkId: string; readonly stationId: string } | null {
  return viewer.party.kind === 'STATION' ? { networkId: viewer.networkId, stationId: viewer.party.stationId } : null;
}

/** A page of the acting station's live markup rules, newest first. */
export async function markupRulesPage(
  db: Queryable,
  viewer: Reader,
  filter: MarkupRuleFilter,
  page: PageRequest,
): Promise<Page<MarkupRuleRecord>> {
  const station = visibleRules(viewer);
  if (station === null) return { rows: [], hasMore: false };
  const cut = { direction: page.direction, from: page.from, limit: page.count + 1 };
  return pageOf(page, await selectLiveRules(db, station, filter, cut));
}

/** How many live rules that list has. */
export async function markupRulesCount(db: Queryable, viewer: Reader, filter: MarkupRuleFilter): Promise<number> {
  const station = visibleRules(viewer);
  return station === null ? 0 : countLiveRules(db, station, filter);
}

/** Of these rules, live or ended, those of the acting station, by id. */
export async function markupRulesByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, MarkupRuleRecord>> {
  const station = visibleRules(viewer);
  const rules = station === null || ids.length === 0 ? [] : await selectRulesByIds(db, station.networkId, station.stationId, ids);
  return new Map(rules.map((rule) => [rule.id, rule]));
}

/** The live control band of each of these SKUs that the acting station owns; by SKU. */
export async function controlBandsOfSkus(
  db: Queryable,
  viewer: Reader,
  skuIds: readonly string[],
): Promise<Map<string, ControlBandRecord>> {
  const owner = visibleRules(viewer);
  return owner === null || skuIds.length === 0 ? new Map() : selectOwnBands(db, owner.networkId, owner.stationId, skuIds);
}

/** Of these bands, live or ended, those of SKUs that the acting station owns, by id. */
export async function controlBandsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, ControlBandRecord>> {
  const owner = visibleRules(viewer);
  const bands = owner === null || ids.length === 0 ? [] : await selectBandsByIds(db, owner.networkId, owner.stationId, ids);
  return new Map(bands.map((band) => [band.id, band]));
}
