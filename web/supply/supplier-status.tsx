import { useTranslation } from 'react-i18next';
import type { SupplierStanding } from '../gql/graphql.ts';
import { Status, type Tone } from '../parts/status.tsx';

const tones: Record<SupplierStanding, Tone> = { APPLIED: 'busy', ACTIVE: 'good', REJECTED: 'bad', SUSPENDED: 'warn', CLOSED: 'quiet' };

/** How a supplier stands with its network. */
export function StandingMark({ standing }: { standing: SupplierStanding | null | undefined }) {
  const { t } = useTranslation('supply');
  if (!standing) return <span className="soft">—</span>;
  return <Status tone={tones[standing]}>{t(`standing.${standing}`)}</Status>;
}
