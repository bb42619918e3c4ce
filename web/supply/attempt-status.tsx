import { useTranslation } from 'react-i18next';
import type { AttemptRowFragment } from '../gql/graphql.ts';
import { Status, type Tone } from '../parts/status.tsx';

const tones: Record<AttemptRowFragment['state'], Tone> = {
  PLANNED: 'busy',
  SENT: 'busy',
  SUCCEEDED: 'good',
  REJECTED: 'quiet',
  UNKNOWN: 'warn',
};

/** How an attempt stands: why a person is asked, else its state. */
export function AttemptStatus({ row }: { row: Pick<AttemptRowFragment, 'state' | 'attentionReason'> }) {
  const { t } = useTranslation('supply');
  if (row.attentionReason)
    return <Status tone={row.attentionReason === 'MANUAL' ? 'busy' : 'bad'}>{t(`attention.${row.attentionReason}`)}</Status>;
  return <Status tone={tones[row.state]}>{t(`attemptState.${row.state}`)}</Status>;
}
