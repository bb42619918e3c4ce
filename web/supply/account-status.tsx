import { useTranslation } from 'react-i18next';
import type { AccountRowFragment } from '../gql/graphql.ts';
import { Status } from '../parts/status.tsx';

/** Whether a supplier's system is asked now. */
export function AccountStatus({ row }: { row: Pick<AccountRowFragment, 'isEnabled' | 'breaker'> }) {
  const { t } = useTranslation('supply');
  if (!row.isEnabled) return <Status tone="quiet">{t('offers.off')}</Status>;
  return <Status tone={row.breaker === 'CLOSED' ? 'good' : 'bad'}>{t(`breaker.${row.breaker}`)}</Status>;
}
