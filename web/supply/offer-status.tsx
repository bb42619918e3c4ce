import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { OfferRowFragment } from '../gql/graphql.ts';
import { Status } from '../parts/status.tsx';

/** Whether an offer fills orders, and if not, why. */
export function OfferStatus({ row }: { row: OfferRowFragment }) {
  const { t } = useTranslation('supply');
  if (row.frozenReason) return <Status tone="bad">{frozenWord(row.frozenReason, t)}</Status>;
  if (!row.isEnabled) return <Status tone="quiet">{t('offers.off')}</Status>;
  if (row.isPaused) return <Status tone="quiet">{t('offers.paused')}</Status>;
  if (row.account && !row.account.isEnabled) return <Status tone="quiet">{t('offers.accountOff')}</Status>;
  if (row.account && row.account.breaker !== 'CLOSED') return <Status tone="bad">{t(`breaker.${row.account.breaker}`)}</Status>;
  if (row.warnings.includes('ABOVE_AGREED')) return <Status tone="warn">{t('offers.aboveAgreed')}</Status>;
  if (row.warnings.includes('RATE_STALE')) return <Status tone="warn">{t('offers.rateStale')}</Status>;
  return <Status tone="good">{t('offers.on')}</Status>;
}

function frozenWord(reason: string, t: TFunction<'supply'>): string {
  return t(`offers.frozen.${reason as 'LICENCE_EXPIRED'}`, { defaultValue: t('offers.frozen.other') });
}
