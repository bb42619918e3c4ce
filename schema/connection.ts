import type { ArgBuilder, ObjectRef } from '@pothos/core';
import { isId } from '#server/platform/ids.ts';
import { PAGE_MAX, type Page, type PageRequest } from '#server/platform/page.ts';
import { builder, type Types } from './builder.ts';
import { badInput } from './errors.ts';

const USUAL_PAGE = 20;

/** What a list was asked for. */
export interface PageArgs {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
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
      edges: t.field({
        type: [EdgeType],
        description: 'The rows of this page.',
        complexity: { field: 1, multiplier: 1 },
        resolve: ({ edges }) => edges,
      }),
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
    first: arg.int({ description: `How many rows from the start, 1 to ${PAGE_MAX}; ${USUAL_PAGE} when neither first nor last is given.` }),
    after: arg.string({ description: 'Only rows that follow this cursor.' }),
    last: arg.int({ description: `How many rows from the end, 1 to ${PAGE_MAX}.` }),
    before: arg.string({ description: 'Only rows that precede this cursor.' }),
  };
}

/** What a list costs: as many times its row as the page may hold. */
export function pageCost(args: PageArgs): { field: number; multiplier: number } {
  return { field: 1, multiplier: Math.max(1, args.first ?? args.last ?? USUAL_PAGE) };
}

/**
 * Reads the arguments of a list whose cursors are called `list`. Refused: a size outside 1–100 (never clamped), first together
 * with last, a cursor for the other direction, a cursor of another list.
 */
export function readPage(list: string, args: PageArgs): PageRequest {
  const backward = typeof args.last === 'number';
  if (backward && typeof args.first === 'number') throw badInput('last', 'Give first or last, not both.');
  if (backward && typeof args.after === 'string') throw badInput('after', 'after goes with first; last goes with before.');
  if (!backward && typeof args.before === 'string') throw badInput('before', 'before goes with last; first goes with after.');
  const count = args.first ?? args.last ?? USUAL_PAGE;
  if (count < 1 || count > PAGE_MAX) {
    throw badInput(backward ? 'last' : 'first', `A page has 1 to ${PAGE_MAX} rows; ${count} were asked for.`);
  }
  const from = backward ? readCursor(list, 'before', args.before) : readCursor(list, 'after', args.after);
  return { count, direction: backward ? 'BACKWARD' : 'FORWARD', from };
}

/** Makes the answer from the page that a read returned. `idOfRow` is what the list's cursors carry. */
export function toConnection<Row>(
  list: string,
  request: PageRequest,
  page: Page<Row>,
  idOfRow: (row: Row) => string,
  totalCount: () => Promise<number> | number,
): Connection<Row> {
  const edges = page.rows.map((node) => ({ node, cursor: writeCursor(list, idOfRow(node)) }));
  const backward = request.direction === 'BACKWARD';
  return {
    edges,
    pageInfo: {
      hasNextPage: backward ? request.from !== null : page.hasMore,
      hasPreviousPage: backward ? page.hasMore : request.from !== null,
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

/** A cursor is a place in one list: it is not an id of the contract and says of which list it is. */
function writeCursor(list: string, id: string): string {
  return Buffer.from(`${list}@${id}`, 'utf8').toString('base64url');
}

function readCursor(list: string, argument: string, cursor: string | null | undefined): string | null {
  if (cursor === null || cursor === undefined) return null;
  const [owner, id, ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split('@');
  if (owner !== list || id === undefined || !isId(id) || rest.length > 0) throw badInput(argument, 'This cursor is not of this list.');
  return id;
}
