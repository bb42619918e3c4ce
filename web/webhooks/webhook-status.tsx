import { useTranslation } from 'react-i18next';
import type { DeliveryRowFragment, WebhookRowFragment } from '../gql/graphql.ts';
import { Status } from '../parts/status.tsx';

/** Whether a webhook is told, and if not, why. */
export function WebhookStatus({ row }: { row: WebhookRowFragment }) {
  const { t } = useTranslation();
  if (row.disabledReason)
    return <Status tone={row.disabledReason === 'BY_HAND' ? 'quiet' : 'bad'}>{t(`webhooks.disabled.${row.disabledReason}`)}</Status>;
  if (row.circuit !== 'CLOSED') return <Status tone="bad">{t('webhooks.circuitOpen')}</Status>;
  if (row.failureCount > 0) return <Status tone="warn">{t('webhooks.failing')}</Status>;
  return <Status tone="good">{t('webhooks.healthy')}</Status>;
}

const tones = { PENDING: 'busy', SUCCEEDED: 'good', FAILED: 'bad' } as const;

/** How far a delivery is. */
export function DeliveryStatus({ row }: { row: DeliveryRowFragment }) {
  const { t } = useTranslation();
  return <Status tone={tones[row.state]}>{t(`webhooks.states.${row.state}`)}</Status>;
}
