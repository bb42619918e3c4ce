import { useMemo, useState } from 'react';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import {
  OrderEventsDocument,
  type OrderFilter,
  type OrderRowFragment,
  OrderRowFragmentDoc,
  type OrderScope,
  OrdersDocument,
} from '../gql/graphql.ts';
import { isAtTop } from '../parts/at-top.ts';
import { useFollow, useListCursor } from '../parts/use-follow.ts';
import { useGlow } from '../parts/use-glow.ts';
import { usePages } from '../parts/use-pages.ts';

const keptCount = 200;

type Arrived = FragmentType<typeof OrderRowFragmentDoc> & { id: string };

/** What came since the list was read: shown already, or waiting behind the pill. */
type News = { listKey: string; arrived: Arrived[]; waiting: Arrived[] };

/** Orders newest first, with those that arrive while one looks. */
export type LiveOrders = Omit<ReturnType<typeof useOrderPages>, 'nodes' | 'data'> & {
  orders: OrderRowFragment[];
  glowing: ReadonlySet<string>;
  waitingCount: number;
  showWaiting: () => void;
};

/**
 * Orders page by page and live. A new order enters at the top only while the reader is at the top; otherwise it waits
 * behind a pill, so that nothing jumps under the eye. `matches` tells whether an arriving order belongs to the filter.
 */
export function useLiveOrders(options: {
  scope: OrderScope;
  filter?: OrderFilter;
  first: number;
  matches?: (order: OrderRowFragment) => boolean;
  onEvents?: (count: number) => void;
  alwaysAtTop?: boolean;
}): LiveOrders {
  const { nodes, data, ...pages } = useOrderPages(options.scope, options.filter, options.first);
  const listKey = `${options.scope}|${JSON.stringify(options.filter ?? {})}`;
  const [news, setNews] = useState<News>(nothingNew(listKey));
  const { arrived, waiting } = news.listKey === listKey ? news : nothingNew(listKey);
  const [glowing, glow] = useGlow();
  useFollow({
    query: OrderEventsDocument,
    variables: { scope: options.scope },
    after: useListCursor(options.scope, { fresh: pages.fresh, cursor: data?.eventCursor }),
    onEvents: (events) => {
      const burst: Arrived[] = events.map((event) => event.orderUpdated.order).reverse();
      const { matches, onEvents, alwaysAtTop } = options;
      onEvents?.(burst.length);
      const fitting = matches ? burst.filter((one) => matches(unmask(OrderRowFragmentDoc, one))) : burst;
      glow(fitting.map((one) => one.id));
      const atTop = alwaysAtTop || isAtTop();
      setNews({ listKey, arrived: atTop ? merge(fitting, arrived) : arrived, waiting: atTop ? waiting : merge(fitting, waiting) });
    },
  });

  const orders = useMemo(() => unmask(OrderRowFragmentDoc, merge(arrived, nodes)), [arrived, nodes]);
  const known = useMemo(() => new Set(orders.map((order) => order.id)), [orders]);
  const unseen = waiting.filter((one) => !known.has(one.id));
  return {
    ...pages,
    orders: [...orders],
    glowing,
    waitingCount: unseen.length,
    showWaiting: () => {
      setNews({ listKey, arrived: merge(waiting, arrived), waiting: [] });
      glow(unseen.map((one) => one.id));
      window.scrollTo({ top: 0 });
    },
  };
}

function nothingNew(listKey: string): News {
  return { listKey, arrived: [], waiting: [] };
}

function useOrderPages(scope: OrderScope, filter: OrderFilter | undefined, first: number) {
  return usePages({ query: OrdersDocument, variables: { scope, first, filter: filter ?? null }, connection: (data) => data.orders });
}

function merge<Node extends { id: string }>(newer: readonly Node[], older: readonly Node[]): Node[] {
  const seen = new Set<string>();
  const all = [...newer, ...older].filter((one) => !seen.has(one.id) && seen.add(one.id));
  return newer.length > keptCount ? all.slice(0, Math.max(keptCount, older.length)) : all;
}
