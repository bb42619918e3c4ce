import type { ArgBuilder, ObjectRef } from '@pothos/core';
import { builder, type Types } from './builder.ts';
import { badInput } from './errors.ts';

const LARGEST_PAGE = 100;
const USUAL_PAGE = 20;

/** What a list was asked for. */
export interface PageArgs {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
}

/**
 * A page as a read takes it: `limit` rows, one more than is shown so that the next page is known. Forward: rows that follow
 * `after` in the list's order. Backward: rows that precede `before`, nearest to it first.
 * `after` and `before` are the keys of rows (sort values, then the id), and both may bound a page.
 */
export interface Page {
  readonly limit: number;
  readonly direction: 'FORWARD' | 'BACKWARD';
  readonly after: readonly string[] | null;
  readonly before: readonly string[] | null;
}

/** A page of rows with what surrounds it. `totalCount` is asked only when it is selected. */
export interface Connection<Row> {
  readonly edges: readonly Edge<Row>[];
  readonly pageInfo: PageInfo;
  readonly totalCount: () => Promise<number> | number;
}

interface Edge<Row> {
  readonly cursor: string;
  readonly node: Row;
}

interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

const PageInfoType = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'Where a page stands in its list.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether rows follow this page.' }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'Whether rows precede this page.' }),
    startCursor: t.exposeString('startCursor', { nullable: true, description: 'The cursor of the first row; null when there is none.' }),
    endCursor: t.exposeString('endCursor', { nullable: true, description: 'The cursor of the last row; null when there is none.' }),
  }),
});

/** Declares XEdge and XConnection of a type X. */
export function connectionType<Row>(name: string, node: ObjectRef<Types, Row>): ObjectRef<Types, Connection<Row>> {
  const EdgeType = builder.objectRef<Edge<Row>>(`${name}Edge`).implement({
    description: `One ${name} in a list.`,
    access: 'WITH_PARENT',
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: 'Its place in the list, for after and before.' }),
      node: t.field({ type: node, description: `The ${name} itself.`, resolve: (edge) => edge.node as never }),
    }),
  });
  return builder.objectRef<Connection<Row>>(`${name}Connection`).implement({
    description: `A page of a list of ${name}.`,
    access: 'WITH_PARENT',
    fields: (t) => ({
      // the page size is counted once, at the field that has first and last
      edges: t.field({ type: [EdgeType], description: 'The rows of this page.', complexity: { field: 1, multiplier: 1 }, resolve: ({ edges }) => edges }),
      pageInfo: t.field({ type: PageInfoType, description: 'Where the page stands.', resolve: ({ pageInfo }) => pageInfo }),
      totalCount: t.int({
        description: 'How many rows the whole list has, counted only when asked for.',
        complexity: 10,
        resolve: ({ totalCount }) => totalCount(),
      }),
    }),
  });
}

/** The arguments of every list. */
export function pageArgs(arg: ArgBuilder<Types>) {
  return {
    first: arg.int({ description: `How many rows from the start, 1 to ${LARGEST_PAGE}; ${USUAL_PAGE} when neither first nor last is given.` }),
    after: arg.string({ description: 'Only rows that follow this cursor.' }),
    last: arg.int({ description: `How many rows from the end, 1 to ${LARGEST_PAGE}.` }),
    before: arg.string({ description: 'Only rows that precede this cursor.' }),
  };
}

/** What a list costs: as many times its row as the page may hold. */
export function pageCost(args: PageArgs): { field: number; multiplier: number } {
  return { field: 1, multiplier: Math.max(1, args.first ?? args.last ?? USUAL_PAGE) };
}

/** Reads the arguments of a list whose cursors are called `list`. A size outside 1–100, both sizes, or a strange cursor is refused. */
export function readPage(list: string, args: PageArgs): Page {
  if (typeof args.first === 'number' && typeof args.last === 'number') throw badInput('last', 'Give first or last, not both.');
  const backward = typeof args.last === 'number';
  const size = args.first ?? args.last ?? USUAL_PAGE;
  if (size < 1 || size > LARGEST_PAGE) throw badInput(backward ? 'last' : 'first', `A page has 1 to ${LARGEST_PAGE} rows; ${size} were asked for.`);
  return {
    limit: size + 1,
    direction: backward ? 'BACKWARD' : 'FORWARD',
    after: readCursor(list, 'after', args.after),
    before: readCursor(list, 'before', args.before),
  };
}

/** Makes the answer from the rows that a read returned for the page, in the order in which it read them. */
export function toConnection<Row>(
  list: string,
  page: Page,
  rows: readonly Row[],
  keyOf: (row: Row) => readonly string[],
  totalCount: () => Promise<number> | number,
): Connection<Row> {
  const hasMore = rows.length >= page.limit;
  const shown = hasMore ? rows.slice(0, page.limit - 1) : [...rows];
  const backward = page.direction === 'BACKWARD';
  if (backward) shown.reverse();
  const edges = shown.map((node) => ({ node, cursor: writeCursor(list, keyOf(node)) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: backward ? page.before !== null : hasMore,
      hasPreviousPage: backward ? hasMore : page.after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount,
  };
}

/** A list that is empty for this viewer. */
export function emptyConnection<Row>(): Connection<Row> {
  return { edges: [], pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null }, totalCount: () => 0 };
}

function writeCursor(list: string, key: readonly string[]): string {
  return Buffer.from(JSON.stringify([list, ...key]), 'utf8').toString('base64url');
}

function readCursor(list: string, argument: string, cursor: string | null | undefined): readonly string[] | null {
  if (cursor === null || cursor === undefined) return null;
  const [owner, ...key] = parseCursor(cursor);
  if (owner !== list || key.length === 0) throw badInput(argument, 'This cursor is not of this list.');
  return key;
}

function parseCursor(cursor: string): string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : [];
  } catch {
    return [];
  }
}
