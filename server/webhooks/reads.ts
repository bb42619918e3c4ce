import { type Queryable, run } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import { type DeliveryState, ownColumns, type WebhookViewer } from './rules.ts';
import {
  type AttemptRow,
  countDeliveries,
  countEndpoints,
  type DeliveryRow,
  type EndpointRow,
  selectAttempts,
  selectDeliveriesBackward,
  selectDeliveriesByIds,
  selectDeliveriesForward,
  selectEndpointsBackward,
  selectEndpointsByIds,
  selectEndpointsForward,
} from './sql.ts';

export type { AttemptRow, DeliveryRow, EndpointRow } from './sql.ts';

/** The webhooks of the viewer's own party, newest first. */
export async function visibleEndpoints(db: Queryable, viewer: WebhookViewer, page: PageRequest): Promise<Page<EndpointRow>> {
  const select = page.direction === 'FORWARD' ? selectEndpointsForward : selectEndpointsBackward;
  return pageOf(page, await run(db, select, [...ownColumns(viewer), page.from, page.count + 1]));
}

/** Of these webhooks, those of the viewer's own party, by id. */
export async function endpointsByIds(db: Queryable, viewer: WebhookViewer, ids: readonly string[]): Promise<Map<string, EndpointRow>> {
  const rows = await run(db, selectEndpointsByIds, [...ownColumns(viewer), ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** How many webhooks the viewer's party has. */
export async function countOwnEndpoints(db: Queryable, viewer: WebhookViewer): Promise<number> {
  const [row] = await run(db, countEndpoints, ownColumns(viewer));
  return Number(row?.count ?? 0n);
}

/** A page of the log of each of these webhooks, by its id: those of the viewer's own party, newest first; `state` null is all of it. */
export async function visibleDeliveries(
  db: Queryable,
  viewer: WebhookViewer,
  log: { readonly endpointIds: readonly string[]; readonly state: DeliveryState | null },
  page: PageRequest,
): Promise<Map<string, Page<DeliveryRow>>> {
  const select = page.direction === 'FORWARD' ? selectDeliveriesForward : selectDeliveriesBackward;
  const rows = await run(db, select, [...ownColumns(viewer), log.endpointIds, log.state, page.from, page.count + 1]);
  const ofEach = Map.groupBy(rows, (row) => row.endpoint_id);
  return new Map(log.endpointIds.map((id) => [id, pageOf(page, ofEach.get(id) ?? [])]));
}

/** Of these deliveries, those of the viewer's own party, by id. */
export async function deliveriesByIds(db: Queryable, viewer: WebhookViewer, ids: readonly string[]): Promise<Map<string, DeliveryRow>> {
  const rows = await run(db, selectDeliveriesByIds, [...ownColumns(viewer), ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** How many deliveries each of these webhooks (rows that were shown to the viewer) has in each state. */
export async function deliveryCounts(
  db: Queryable,
  viewer: WebhookViewer,
  endpointIds: readonly string[],
): Promise<Map<string, Readonly<Partial<Record<DeliveryState, number>>>>> {
  const rows = await run(db, countDeliveries, [viewer.networkId, endpointIds]);
  const counts = new Map<string, Partial<Record<DeliveryState, number>>>();
  for (const { endpoint_id, state, count } of rows) counts.set(endpoint_id, { ...counts.get(endpoint_id), [state]: Number(count) });
  return counts;
}

/** The attempts of these deliveries (rows that were shown to the viewer), newest first. */
export async function attemptsOf(db: Queryable, viewer: WebhookViewer, deliveryIds: readonly string[]): Promise<Map<string, AttemptRow[]>> {
  const rows = await run(db, selectAttempts, [viewer.networkId, deliveryIds]);
  return Map.groupBy(rows, (row) => row.delivery_id);
}
