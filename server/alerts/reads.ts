import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { Reader } from '#server/platform/reader.ts';
import {
  type AlertRow,
  type AlertStation,
  countAlerts,
  selectAlerts,
  selectAlertsById,
  selectThresholds,
  selectThresholdsById,
  type ThresholdRow,
} from './sql.ts';

export type { AlertRow, ThresholdRow } from './sql.ts';

/** The station whose own alerts and thresholds are all that the reader sees, never an upline's or a downline's. Null for a supplier. */
export function visibleAlerts({ networkId, party }: Reader): AlertStation | null {
  return party.kind === 'STATION' ? { networkId, stationId: party.stationId } : null;
}

/** A page of the acting station's alerts, newest first; `open`: those that wait for a decision, or those that do not; null: all. */
export async function alertsPage(db: Queryable, viewer: Reader, open: boolean | null, page: PageRequest): Promise<Page<AlertRow>> {
  const station = visibleAlerts(viewer);
  if (station === null) return { rows: [], hasMore: false };
  return pageOf(page, await selectAlerts(db, station, open, { direction: page.direction, from: page.from, limit: page.count + 1 }));
}

/** How many alerts that list has. */
export async function alertsCount(db: Queryable, viewer: Reader, open: boolean | null): Promise<number> {
  const station = visibleAlerts(viewer);
  return station === null ? 0 : countAlerts(db, station, open);
}

/** Of these alerts, those of the acting station, by id. */
export async function alertsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, AlertRow>> {
  const station = visibleAlerts(viewer);
  const rows = station === null || ids.length === 0 ? [] : await selectAlertsById(db, station, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Of these thresholds, those of the acting station, by id. */
export async function thresholdsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, ThresholdRow>> {
  const station = visibleAlerts(viewer);
  const rows = station === null || ids.length === 0 ? [] : await selectThresholdsById(db, station, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The threshold of the acting station's own wallet; null when it never had one. */
export async function walletThreshold(db: Queryable, viewer: Reader): Promise<ThresholdRow | null> {
  const station = visibleAlerts(viewer);
  return station === null ? null : ((await selectThresholds(db, station, { wallet: true, skuIds: [] }))[0] ?? null);
}

/** The acting station's thresholds for these SKUs, by SKU. */
export async function stockThresholds(db: Queryable, viewer: Reader, skuIds: readonly string[]): Promise<Map<string, ThresholdRow>> {
  const station = visibleAlerts(viewer);
  const rows = station === null || skuIds.length === 0 ? [] : await selectThresholds(db, station, { wallet: false, skuIds });
  return new Map(rows.flatMap((row) => (row.sku_id === null ? [] : [[row.sku_id, row] as const])));
}
