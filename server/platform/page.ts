/**
 * A page of a keyset list: at most `count` rows on one side of the row whose id is `from` (null: from the list's own end).
 * FORWARD is Relay's first/after, BACKWARD its last/before. A list's cursor is the id of a row; its statement finds the place.
 */
export interface PageRequest {
  readonly count: number;
  readonly direction: 'FORWARD' | 'BACKWARD';
  readonly from: string | null;
}

/** Rows in the list's own order, whichever way they were read. `hasMore` speaks of the direction that was read. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasMore: boolean;
}

/** The largest page (api: first/last 1–100). */
export const PAGE_MAX = 100;

/** A page from rows fetched in the request's direction with a limit of `count` + 1: the one too many tells that there are more. */
export function pageOf<Row>(request: PageRequest, fetched: readonly Row[]): Page<Row> {
  const rows = fetched.slice(0, request.count);
  return { rows: request.direction === 'FORWARD' ? rows : rows.reverse(), hasMore: fetched.length > request.count };
}

/** A text that ILIKE takes literally, found anywhere. */
export function containing(search: string): string {
  return `%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}
