import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import {
  countKeys,
  countOrders,
  type LineRow,
  type OrderCut,
  type RefundRow,
  type SeenOrderRow,
  selectLines,
  selectOrderPage,
  selectOwnOrder,
  selectRefunds,
  selectSeenOrders,
  selectWaitingRefunds,
} from './sql.ts';

export type { LineRow, RefundRow, SeenOrderRow } from './sql.ts';

/**
 * Who reads: a station. It sees the orders in whose frozen chain it stands, whatever today's tree says (domain §2): every
 * read below goes through the station's own hop. A supplier sees no order.
 */
export type OrderReader = { readonly networkId: string; readonly stationId: string };

/** Bought by the reader, by it or its downline, or of goods that it owns. */
export type OrderScope = 'MINE' | 'DOWNLINE' | 'OWNED';

/** How a list of orders is cut; what is left out does not ask. An external reference finds the reader's own orders only. */
export type OrderFilter = {
  readonly states?: readonly string[] | null;
  readonly skuId?: string | null;
  readonly buyerId?: string | null;
  /** placed at or after */
  readonly placedFrom?: Date | null;
  /** placed before */
  readonly placedTo?: Date | null;
  readonly externalRef?: string | null;
};

/** Ids are made within this of the instant that their order carries: a clock that falls back keeps the order of ids. */
const ID_TIME_SLACK_MILLISECONDS = 60_000;
/** Refunds that wait for one owner, shown at once. */
const WAITING_REFUNDS_MAX = 200;

/** A page of orders, newest first. */
export async function ordersPage(
  db: Queryable,
  reader: OrderReader,
  scope: OrderScope,
  filter: OrderFilter,
  page: PageRequest,
): Promise<Page<SeenOrderRow>> {
  const rows = await selectOrderPage(db, reader, cutOf(scope, filter), {
    direction: page.direction,
    from: page.from,
    limit: page.count + 1,
  });
  return pageOf(page, rows);
}

/** How many orders the list has. */
export async function ordersCount(db: Queryable, reader: OrderReader, scope: OrderScope, filter: OrderFilter): Promise<number> {
  return countOrders(db, reader, cutOf(scope, filter));
}

/** Of these orders, those that the reader sees, by id. */
export async function ordersByIds(db: Queryable, reader: OrderReader, ids: readonly string[]): Promise<Map<string, SeenOrderRow>> {
  return byId(await selectSeenOrders(db, reader.networkId, reader.stationId, ids));
}

/** The reader's own order by the number that it gave it; null when there is none. */
export async function ownOrder(
  db: Queryable,
  reader: OrderReader,
  number: { readonly requestKey: string | null; readonly externalRef: string | null },
): Promise<SeenOrderRow | null> {
  return selectOwnOrder(db, reader, number);
}

/** Fulfilment lines by order. */
export async function linesOfOrders(db: Queryable, reader: OrderReader, orderIds: readonly string[]): Promise<Map<string, LineRow[]>> {
  return Map.groupBy(await selectLines(db, reader, { orderIds }), (row) => row.order_id);
}

/** Fulfilment lines by their own ids. */
export async function linesByIds(db: Queryable, reader: OrderReader, ids: readonly string[]): Promise<Map<string, LineRow>> {
  return byId(await selectLines(db, reader, { ids }));
}

/** How many card keys orders hold, and how many of them were revealed. Only for orders that the reader sees. */
export async function keyCountsOfOrders(
  db: Queryable,
  reader: OrderReader,
  orderIds: readonly string[],
): Promise<Map<string, { readonly keyCount: number; readonly revealedCount: number }>> {
  const rows = await countKeys(db, reader.networkId, orderIds);
  return new Map(rows.map((row) => [row.order_id, { keyCount: row.key_count, revealedCount: row.revealed_count }]));
}

/** Refunds by order, in the order in which they were asked for. */
export async function refundsOfOrders(db: Queryable, reader: OrderReader, orderIds: readonly string[]): Promise<Map<string, RefundRow[]>> {
  return Map.groupBy(await selectRefunds(db, reader, { orderIds }), (row) => row.order_id);
}

/** Refunds by their own ids. */
export async function refundsByIds(db: Queryable, reader: OrderReader, ids: readonly string[]): Promise<Map<string, RefundRow>> {
  return byId(await selectRefunds(db, reader, { ids }));
}

/** Refunds that wait for the reader's decision as the owner of the goods, the oldest first, at most 200. */
export async function refundsWaiting(db: Queryable, reader: OrderReader): Promise<RefundRow[]> {
  return selectWaitingRefunds(db, reader, WAITING_REFUNDS_MAX);
}

function cutOf(scope: OrderScope, filter: OrderFilter): OrderCut {
  const placedFrom = filter.placedFrom ?? null;
  const placedTo = filter.placedTo ?? null;
  return {
    role: scope === 'MINE' ? 'BUYER' : scope === 'OWNED' ? 'OWNER' : null,
    states: filter.states ?? null,
    skuId: filter.skuId ?? null,
    buyerId: filter.buyerId ?? null,
    placedFrom,
    placedTo,
    fromId: placedFrom === null ? null : boundaryId(placedFrom.getTime() - ID_TIME_SLACK_MILLISECONDS, '0'),
    toId: placedTo === null ? null : boundaryId(placedTo.getTime() + ID_TIME_SLACK_MILLISECONDS, 'f'),
    externalRef: filter.externalRef ?? null,
  };
}

/** The least ('0') or greatest ('f') id of a millisecond: a time becomes a bound of the keyset index. */
function boundaryId(milliseconds: number, digit: '0' | 'f'): string {
  const time = Math.min(Math.max(milliseconds, 0), 0xffffffffffff).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-${digit.repeat(4)}-${digit.repeat(4)}-${digit.repeat(12)}`;
}

function byId<Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.id, row]));
}
