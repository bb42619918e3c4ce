import { App, Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { type DeliveryRowFragment, ResendDeliveryDocument } from '../gql/graphql.ts';
import { CopyableId } from '../parts/copy.tsx';
import { useAction } from '../parts/use-action.tsx';
import { When } from '../parts/when.tsx';
import { DeliveryStatus } from './webhook-status.tsx';

/** What was sent, newest first: each opens to its attempts and its payload, and can be sent again. */
export function DeliveryLog({ rows, changed }: { rows: readonly DeliveryRowFragment[]; changed: () => void }) {
  const { t } = useTranslation();
  if (rows.length === 0) return <p className="soft">{t('webhooks.noDeliveries')}</p>;
  return (
    <ul className="webhook-log">
      {rows.map((row) => (
        <li key={row.id}>
          <Delivery row={row} changed={changed} />
        </li>
      ))}
    </ul>
  );
}

function Delivery({ row, changed }: { row: DeliveryRowFragment; changed: () => void }) {
  const { t, i18n } = useTranslation();
  const { message } = App.useApp();
  const resend = useAction(ResendDeliveryDocument, (data) => data.resendWebhookDelivery, 'WebhookDeliveryQueued');
  const submit = async () => {
    if (!(await resend.run({ input: { webhookDeliveryId: row.id } }))) return;
    void message.success(t('webhooks.resent'));
    changed();
  };
  const last = row.attempts[0];
  return (
    <>
      <div className="row-line">
        <span>
          <DeliveryStatus row={row} /> ·{' '}
          {i18n.exists(`webhooks.topic.${row.topic}`) ? t(`webhooks.topic.${row.topic as 'test'}`) : row.topic}
        </span>
        <When at={row.createdAt} />
      </div>
      <div className="row-line soft">
        <span>
          {t('webhooks.attempts', { count: row.attemptCount })}
          {last && ` · ${last.status ?? last.failure} · ${last.durationMs} ms`}
        </span>
        {row.nextAttemptAt && (
          <span>
            {t('webhooks.next')} <When at={row.nextAttemptAt} />
          </span>
        )}
      </div>
      <details>
        <summary>{t('webhooks.details')}</summary>
        <CopyableId id={row.webhookId} />
        {row.payload === null || row.payload === undefined ? (
          <p className="soft">{t('webhooks.payloadHidden')}</p>
        ) : (
          <pre>{row.payload}</pre>
        )}
        {row.attempts.map((attempt) => (
          <div key={attempt.startedAt}>
            <div className="row-line soft">
              <span>
                {attempt.status ?? attempt.failure} · {attempt.durationMs} ms
              </span>
              <When at={attempt.startedAt} />
            </div>
            {attempt.answer && <pre>{attempt.answer}</pre>}
          </div>
        ))}
        <Button size="small" loading={resend.busy} onClick={() => void submit()}>
          {t('webhooks.resend')}
        </Button>
      </details>
      {resend.note}
    </>
  );
}
