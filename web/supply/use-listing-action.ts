import type { AnyVariables, TypedDocumentNode } from 'urql';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import { ListingAnswerFragmentDoc } from '../gql/graphql.ts';
import { useAction } from '../parts/use-action.tsx';

type Masked = FragmentType<typeof ListingAnswerFragmentDoc>;

/** A step of a listing as an action: all of them answer alike. */
export function useListingAction<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  pick: (data: Data) => Masked,
) {
  return useAction(document, (data) => unmask(ListingAnswerFragmentDoc, pick(data)), 'ListingMoved');
}
