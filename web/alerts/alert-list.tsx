import { Button } from 'antd';
import type { TFunction } from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useMutation } from 'urql';
import { useViewer } from '../app/session.tsx';
import { type AlertRowFragment, ResolveAlertDocument } from '../gql/graphql.ts';
import { amountText } from '../parts/amounts.ts';
import { Icon } from '../parts/icon.tsx';
import { ActionFailure } from '../parts/refusal.tsx';
import { Bone, Empty, Failure } from '../parts/states.tsx';
import { When } from '../parts/when.tsx';
import type { useAlerts } from './use-alerts.ts';
import './alerts.css';

/** What waits for a decision: each with what it is about, its answer as a button, and a way off the list. */
export function AlertList({ inbox, done }: { inbox: ReturnType<typeof useAlerts>; done?: () => void }) {
  const { t } = useTranslation();
  if (inbox.error) return <Failure error={inbox.error} retry={inbox.refresh} />;
  if (inbox.loading) return <Bone height={72} />;
  if (inbox.alerts.length === 0) return <Empty icon="check" title={t('alerts.empty')} help={t('alerts.emptyHelp')} />;
  return (
    <ul className="alerts">
      {inbox.alerts.map((alert) => (
        <AlertItem key={alert.id} alert={alert} refresh={inbox.refresh} {...(done ? { done } : {})} />
      ))}
    </ul>
  );
}

function AlertItem({ alert, refresh, done }: { alert: AlertRowFragment; refresh: () => void; done?: () => void }) {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [gone, setGone] = useState(false);
  const [{ fetching, error }, resolve] = useMutation(ResolveAlertDocument);
  const submit = async () => {
    const { data } = await resolve({ input: { alertId: alert.id } });
    if (!data) return;
    // resolved by somebody else, or not there any more: the list knows
    setGone(true);
    refresh();
  };
  if (gone) return null;
  return (
    <li className="alert-item">
      <span className={`alert-mark ${alert.kind === 'WALLET_LOW' || alert.kind === 'STOCK_LOW' ? 'warn' : 'bad'}`}>
        <Icon name="alert" size={16} />
      </span>
      <div className="alert-text">
        <b>{t(`alerts.kind.${alert.kind}`)}</b>
        {alert.sku && (
          <span>
            {alert.sku.product.name} {alert.sku.name}
          </span>
        )}
        <span className="soft">
          {factsOf(alert, t)} · <When at={alert.raisedAt} />
        </span>
        {error && <ActionFailure error={error} />}
      </div>
      <div className="alert-actions">
        <Link to={answerOf(alert)} onClick={done}>
          <Button size="small">{t(`alerts.answer.${alert.kind}`)}</Button>
        </Link>
        {may('ALERTS_MANAGE') && (
          <Button size="small" type="text" loading={fetching} onClick={() => void submit()}>
            {t('alerts.resolve')}
          </Button>
        )}
      </div>
    </li>
  );
}

function factsOf(alert: AlertRowFragment, t: TFunction): string {
  const text = (value: { amount: string; currency: string } | null | undefined) => (value ? amountText(value) : '—');
  switch (alert.kind) {
    case 'WALLET_LOW':
      return t('alerts.facts.wallet', { available: text(alert.available), threshold: text(alert.threshold) });
    case 'STOCK_LOW':
      return t('alerts.facts.stock', { left: alert.availableCount ?? 0, threshold: alert.thresholdCount ?? 0 });
    case 'BELOW_COST':
      return t('alerts.facts.cost', { cost: text(alert.nextUnitCost), count: alert.hiddenFromCount ?? 0 });
    default:
      return t(alert.reason === 'ABOVE_CEILING' ? 'alerts.facts.ceiling' : 'alerts.facts.inverted', { price: text(alert.unitPrice) });
  }
}

function answerOf({ kind }: AlertRowFragment): string {
  if (kind === 'WALLET_LOW') return '/wallet';
  return kind === 'PRICE_INVERTED' ? '/prices' : '/stock/import';
}
