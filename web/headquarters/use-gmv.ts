import { useCallback, useEffect, useRef } from 'react';
import { useQuery } from 'urql';
import { useReconnects } from '../app/connection.ts';
import { GmvOverviewDocument, type GmvRange } from '../gql/graphql.ts';

const restMs = 1_500;

/**
 * The volume of the acting station's subtree. `stir` says that orders have come in: the figures are asked for again, at
 * most once in a second and a half, and once more afterwards, because the roll-ups follow the orders by a moment.
 * `also` is asked for at the same moments.
 */
export function useGmv(range: GmvRange, also?: () => void) {
  const [{ data, fetching, error }, refetch] = useQuery({
    query: GmvOverviewDocument,
    variables: { range },
    requestPolicy: 'cache-and-network',
  });
  const reconnects = useReconnects();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const followUps = useRef(0);
  const read = useRef(refetch);
  read.current = (options) => {
    refetch(options);
    also?.();
  };

  const schedule = useCallback(() => {
    if (timer.current) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      read.current({ requestPolicy: 'network-only' });
      followUps.current -= 1;
      if (followUps.current > 0) schedule();
    }, restMs);
  }, []);
  const stir = useCallback(() => {
    followUps.current = 2;
    schedule();
  }, [schedule]);

  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (reconnects > 0) read.current({ requestPolicy: 'network-only' });
  }, [reconnects]);
  // A quiet hour still moves the comparison.
  useEffect(() => {
    const slow = setInterval(() => read.current({ requestPolicy: 'network-only' }), 60_000);
    return () => clearInterval(slow);
  }, []);
  return {
    overview: data?.gmvOverview ?? null,
    loading: fetching && !data,
    error: data ? undefined : error,
    retry: () => refetch({ requestPolicy: 'network-only' }),
    stir,
  };
}
