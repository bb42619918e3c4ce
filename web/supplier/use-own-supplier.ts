import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { SupplierByIdDocument } from '../gql/graphql.ts';

/** The supplier that one acts for, with its papers and its money. */
export function useOwnSupplier() {
  const { party } = useViewer();
  const [{ data, error }, refetch] = useQuery({
    query: SupplierByIdDocument,
    variables: { id: party?.id ?? '' },
    requestPolicy: 'cache-and-network',
  });
  return {
    supplier: data?.node?.__typename === 'Supplier' ? data.node : null,
    error,
    refresh: () => refetch({ requestPolicy: 'network-only' }),
  };
}
