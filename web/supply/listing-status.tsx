import { useTranslation } from 'react-i18next';
import type { ListingCheckState, ListingRowFragment, ListingState } from '../gql/graphql.ts';
import { Status, type Tone } from '../parts/status.tsx';

const tones: Record<ListingState, Tone> = {
  DRAFT: 'quiet',
  SUBMITTED: 'busy',
  APPROVED: 'good',
  LIVE: 'good',
  PAUSED: 'warn',
  REJECTED: 'bad',
  RETIRED: 'quiet',
};

/** How far a listing is on its way to being sold. */
export function ListingStatus({ row }: { row: Pick<ListingRowFragment, 'state'> }) {
  const { t } = useTranslation('supply');
  return <Status tone={tones[row.state]}>{t(`listingState.${row.state}`)}</Status>;
}

const checkTones: Record<ListingCheckState, Tone> = { PENDING: 'busy', PASSED: 'good', FAILED: 'bad' };

/** What came of a check. */
export function CheckStatus({ state }: { state: ListingCheckState }) {
  const { t } = useTranslation('supply');
  return <Status tone={checkTones[state]}>{t(`listingCheckState.${state}`)}</Status>;
}
