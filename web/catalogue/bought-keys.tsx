import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import { OrderRowFragmentDoc } from '../gql/graphql.ts';
import { RevealedKeys, useReveal } from '../orders/card-keys.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { ActionFailure, RefusalNote } from '../parts/refusal.tsx';

/** What was just bought, and its keys one press away. */
export function BoughtKeys({ order, close }: { order: FragmentType<typeof OrderRowFragmentDoc>; close: () => void }) {
  const { t } = useTranslation();
  const { may } = useViewer();
  const navigate = useNavigate();
  const row = unmask(OrderRowFragmentDoc, order);
  const reveal = useReveal(row.id);
  const delivered = row.state === 'DELIVERED';
  const hasKeys = delivered && row.cardKeyCount > 0;
  return (
    <div className="bought">
      <p className="bought-head" role="status">
        <span className="bought-tick">
          <Icon name="check" size={22} />
        </span>
        {delivered ? t('buy.delivered', { count: row.quantity }) : t('buy.accepted')} · <Money value={row.total} />
      </p>
      {reveal.keys ? (
        <RevealedKeys keys={reveal.keys} />
      ) : (
        may('CARD_KEYS_REVEAL') &&
        hasKeys && (
          <Button type="primary" size="large" block icon={<Icon name="eye" />} loading={reveal.busy} onClick={reveal.show}>
            {t('keys.show', { count: row.cardKeyCount })}
          </Button>
        )
      )}
      {!reveal.keys && <p className="soft">{t(hasKeys ? 'keys.recorded' : 'buy.comesLater')}</p>}
      {reveal.refusal && <RefusalNote refusal={reveal.refusal} />}
      {reveal.error && <ActionFailure error={reveal.error} />}
      <div className="bought-actions">
        <Button
          onClick={() => {
            close();
            void navigate(`/orders/${encodeURIComponent(row.id)}`);
          }}
        >
          {t('buy.toOrder')}
        </Button>
        <Button onClick={close}>{t('buy.more')}</Button>
      </div>
    </div>
  );
}
