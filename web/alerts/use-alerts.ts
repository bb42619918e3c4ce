import { useEffect, useEffectEvent } from 'react';
import { useQuery } from 'urql';
import { useReconnects } from '../app/connection.ts';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { AlertEventsDocument, type AlertRowFragment, AlertRowFragmentDoc, OpenAlertsDocument } from '../gql/graphql.ts';
import { useFollow, useListCursor } from '../parts/use-follow.ts';

const quietMs = 60_000;

/** The alerts that wait for a decision, as they are raised; what ended by itself leaves within a minute. */
export function useAlerts() {
  const { may, party } = useViewer();
  const pause = party === null || party.kind === 'SUPPLIER' || !may('ALERTS_READ');
  const [{ data, fetching, error, stale }, refetch] = useQuery({ query: OpenAlertsDocument, requestPolicy: 'cache-and-network', pause });
  const reconnects = useReconnects();
  const read = useEffectEvent(() => {
    if (!pause) refetch({ requestPolicy: 'network-only' });
  });
  useFollow({
    query: AlertEventsDocument,
    after: useListCursor('alerts', { fresh: !fetching && !stale, cursor: data?.eventCursor }),
    onEvents: () => refetch({ requestPolicy: 'network-only' }),
  });
  useEffect(() => {
    const slow = setInterval(() => read(), quietMs);
    return () => clearInterval(slow);
  }, []);
  useEffect(() => {
    if (reconnects > 0) read();
  }, [reconnects]);
  const nodes = data?.alerts.edges.map(({ node }) => node) ?? [];
  return {
    allowed: !pause,
    alerts: unmask(AlertRowFragmentDoc, nodes) as readonly AlertRowFragment[],
    count: data?.alerts.totalCount ?? 0,
    loading: fetching && !data,
    error: data ? undefined : error,
    refresh: () => refetch({ requestPolicy: 'network-only' }),
  };
}
