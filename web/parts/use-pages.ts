import { useEffect, useEffectEvent, useMemo, useState } from 'react';
import { type AnyVariables, type CombinedError, type TypedDocumentNode, useClient, useQuery } from 'urql';
import { useReconnects } from '../app/connection.ts';
import { whenAtTop } from './at-top.ts';

/** What every connection of the contract gives. */
export type Connection<Node> = { edges: { node: Node }[]; pageInfo: { hasNextPage: boolean; endCursor?: string | null } };

/** A list that grows page by page. */
export type Pages<Node, Data> = {
  nodes: Node[];
  data: Data | undefined;
  error: CombinedError | undefined;
  /** Whether the first page is the server's answer, and not what was kept from before. */
  fresh: boolean;
  loading: boolean;
  loadingMore: boolean;
  hasMore: boolean;
  loadMore: () => void;
  refresh: () => void;
};

type Extra<Node> = { chain: string; cursors: string[]; pages: (Connection<Node> | null)[] };

/**
 * Reads a Relay connection page by page. Every page stays subscribed to the cache, so live events reach all of its rows.
 * Pages hang on the first one's end cursor: when a new first page arrives, the later ones are dropped rather than
 * shown with a gap between. A connection that was lost and is back reads the first page again, once the reader is at its top.
 */
export function usePages<Data, Variables extends AnyVariables, Node>(options: {
  query: TypedDocumentNode<Data, Variables>;
  variables: Omit<NonNullable<Variables>, 'after'>;
  connection: (data: Data) => Connection<Node> | null | undefined;
  pause?: boolean;
}): Pages<Node, Data> {
  const { query, connection } = options;
  const client = useClient();
  const variableKey = JSON.stringify(options.variables);
  const variables = useMemo(() => JSON.parse(variableKey) as typeof options.variables, [variableKey]);
  const [first, refetch] = useQuery({
    query,
    variables: { ...variables, after: null } as never,
    requestPolicy: 'cache-and-network',
    pause: options.pause ?? false,
  });
  const head = first.data ? connection(first.data) : null;
  const chain = `${variableKey}|${head?.pageInfo.endCursor ?? ''}`;
  const [extra, setExtra] = useState<Extra<Node>>({ chain, cursors: [], pages: [] });
  const current = extra.chain === chain ? extra : { chain, cursors: [], pages: [] };
  const cursorKey = JSON.stringify(current.cursors);
  const reconnects = useReconnects();
  const readAgain = useEffectEvent(() => refetch({ requestPolicy: 'network-only' }));
  useEffect(() => {
    if (reconnects > 0) return whenAtTop(() => readAgain());
  }, [reconnects]);
  const keep = useEffectEvent((index: number, data: Data) => {
    const page = connection(data) ?? null;
    setExtra((before) => (before.chain === chain ? { ...before, pages: before.pages.with(index, page) } : before));
  });

  useEffect(() => {
    const cursors = JSON.parse(cursorKey) as string[];
    const reads = cursors.map((after, index) =>
      client.query(query, { ...variables, after } as never).subscribe(({ data }) => data && keep(index, data)),
    );
    return () => {
      for (const read of reads) read.unsubscribe();
    };
  }, [client, query, variables, cursorKey]);

  const last = current.cursors.length > 0 ? current.pages.at(-1) : head;
  const nodes = useMemo(
    () => [head, ...current.pages].flatMap((page) => page?.edges.map((edge) => edge.node) ?? []),
    [head, current.pages],
  );
  return {
    nodes,
    data: first.data,
    error: first.data ? undefined : first.error,
    fresh: Boolean(first.data) && !first.fetching && !first.stale,
    loading: first.fetching && !first.data,
    loadingMore: current.cursors.length > 0 && !last,
    hasMore: Boolean(last?.pageInfo.hasNextPage),
    loadMore: () => {
      const after = last?.pageInfo.endCursor;
      if (after) setExtra({ chain, cursors: [...current.cursors, after], pages: [...current.pages, null] });
    },
    refresh: () => refetch({ requestPolicy: 'network-only' }),
  };
}
