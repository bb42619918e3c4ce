import { readSkuSales } from '#server/analytics/sql.ts';
import { addDays } from '#server/platform/clock.ts';
import type { Queryable } from '#server/platform/database.ts';
import { FORECAST_DAYS, forecastStock, type StockForecast } from '#server/stock/rules.ts';
import { countAvailable } from '#server/stock/sql.ts';

/** A stock is counted up to here; what is more lasts at least as long. */
export const FORECAST_COUNT_MAX = 50_000;

/** What a SKU has and how long it lasts. `isMore`: there are more keys than are counted. */
export type SkuForecast = StockForecast & { readonly availableCount: number; readonly isMore: boolean };

/** Forecasts of SKUs, from the roll-ups and the shelf: two statements, whatever their number and that of their orders. */
export async function forecastSkus(
  db: Queryable,
  networkId: string,
  skuIds: readonly string[],
  today: string,
): Promise<Map<string, SkuForecast>> {
  const [sales, counts] = await Promise.all([
    readSkuSales(db, networkId, skuIds, { from: addDays(today, -FORECAST_DAYS), today }),
    countAvailable(db, networkId, skuIds, today, FORECAST_COUNT_MAX + 1),
  ]);
  const available = new Map(counts.map(({ sku_id, count }) => [sku_id, count]));
  return new Map(
    sales.map((row) => {
      const counted = available.get(row.sku_id) ?? 0;
      const availableCount = Math.min(counted, FORECAST_COUNT_MAX);
      const sold = { soldBefore: row.sold_before, soldToday: row.sold_today, createdOn: row.created_on, today };
      return [row.sku_id, { ...forecastStock(availableCount, sold), availableCount, isMore: counted > FORECAST_COUNT_MAX }];
    }),
  );
}
