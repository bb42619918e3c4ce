import { useCallback, useEffect, useEffectEvent, useRef } from 'react';
import { useQuery } from 'urql';
import { useReconnects } from '../app/connection.ts';
import { GmvOverviewDocument, type GmvRange } from '../gql/graphql.ts';

const restMs = 1_500;
const quietMs = 60_000;

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
  const owed = useRef(0);
  const read = useEffectEvent(() => {
    refetch({ requestPolicy: 'network-only' });
    also?.();
  });
  const stir = useCallback(() => {
    owed.current = 2;
  }, []);

  useEffect(() => {
    const beat = setInterval(() => {
      if (owed.current === 0) return;
      owed.current -= 1;
      read();
    }, restMs);
    // A quiet hour still moves the comparison.
    const slow = setInterval(() => read(), quietMs);
    return () => {
      clearInterval(beat);
      clearInterval(slow);
    };
  }, []);
  useEffect(() => {
    if (reconnects > 0) read();
  }, [reconnects]);
  return {
    overview: data?.gmvOverview ?? null,
    loading: fetching && !data,
    error: data ? undefined : error,
    retry: () => refetch({ requestPolicy: 'network-only' }),
    stir,
  };
}
