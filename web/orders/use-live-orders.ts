import { useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import { useSubscription } from 'urql';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import {
  OrderEventsDocument,
  type OrderFilter,
  type OrderRowFragment,
  OrderRowFragmentDoc,
  type OrderScope,
  OrdersDocument,
} from '../gql/graphql.ts';
import { isAtTop, whenAtTop } from '../parts/at-top.ts';
import { usePages } from '../parts/use-pages.ts';

const glowMs = 1_200;
const flushMs = 250;
const secondReadMs = 1_500;
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
  const { nodes, data: _data, ...pages } = useOrderPages(options.scope, options.filter, options.first);
  const listKey = `${options.scope}|${JSON.stringify(options.filter ?? {})}`;
  const [news, setNews] = useState<News>(nothingNew(listKey));
  const { arrived, waiting } = news.listKey === listKey ? news : nothingNew(listKey);
  const [glowing, glow] = useGlow();
  const buffer = useRef<Arrived[]>([]);

  useSubscription({ query: OrderEventsDocument, variables: { scope: options.scope } }, (_before, event) => {
    buffer.current.push(event.orderUpdated.order);
    return event;
  });

  const flush = useEffectEvent(() => {
    const burst = buffer.current.splice(0).reverse();
    if (burst.length === 0) return;
    const { matches, onEvents, alwaysAtTop } = options;
    onEvents?.(burst.length);
    const fitting = matches ? burst.filter((one) => matches(unmask(OrderRowFragmentDoc, one))) : burst;
    glow(fitting.map((one) => one.id));
    const atTop = alwaysAtTop || isAtTop();
    setNews({ listKey, arrived: atTop ? merge(fitting, arrived) : arrived, waiting: atTop ? waiting : merge(fitting, waiting) });
  });
  // What was committed between the reading of the list and the server's taking up of the subscription is in neither: read once more.
  const readAgain = useEffectEvent(pages.refresh);
  useEffect(() => {
    let giveUp = () => {};
    const timer = setTimeout(() => {
      giveUp = whenAtTop(() => readAgain());
    }, secondReadMs);
    return () => {
      clearTimeout(timer);
      giveUp();
    };
  }, [listKey]);
  // Events come in bursts; the page is drawn at most four times a second.
  useEffect(() => {
    const timer = setInterval(() => flush(), flushMs);
    return () => clearInterval(timer);
  }, []);

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

function useGlow(): [ReadonlySet<string>, (ids: string[]) => void] {
  const [glowing, setGlowing] = useState<ReadonlySet<string>>(new Set());
  const [glow] = useState(() => (ids: string[]) => {
    if (ids.length === 0) return;
    setGlowing((before) => new Set([...before, ...ids]));
    setTimeout(() => setGlowing((before) => new Set([...before].filter((id) => !ids.includes(id)))), glowMs);
  });
  return [glowing, glow];
}
