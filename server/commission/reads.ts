import type { Queryable } from '#server/platform/database.ts';
import type { Reader } from '#server/platform/reader.ts';
import { type CommissionPlanRecord, selectLivePlans, selectPlansByIds } from './sql.ts';

export type { CommissionPlanRecord } from './sql.ts';

/** An owner's list of plans is shown whole up to here. */
const PLANS_MAX = 1000;

/** The owner whose own plans are all that the reader sees; null for a supplier. */
export function visiblePlans(viewer: Reader): { readonly networkId: string; readonly stationId: string } | null {
  return viewer.party.kind === 'STATION' ? { networkId: viewer.networkId, stationId: viewer.party.stationId } : null;
}

/** The acting station's live commission plans, newest first; none for whoever owns nothing. */
export async function commissionPlans(db: Queryable, viewer: Reader): Promise<CommissionPlanRecord[]> {
  const owner = visiblePlans(viewer);
  return owner === null ? [] : selectLivePlans(db, owner.networkId, owner.stationId, PLANS_MAX);
}

/** Of these plans, live or ended, those of the acting station, by id. */
export async function commissionPlansByIds(
  db: Queryable,
  viewer: Reader,
  ids: readonly string[],
): Promise<Map<string, CommissionPlanRecord>> {
  const owner = visiblePlans(viewer);
  const plans = owner === null || ids.length === 0 ? [] : await selectPlansByIds(db, owner.networkId, owner.stationId, ids);
  return new Map(plans.map((plan) => [plan.id, plan]));
}
