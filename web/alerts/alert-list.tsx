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
import { shareText } from '../parts/share.tsx';
import { Bone, Empty, Failure } from '../parts/states.tsx';
import { dayText, When } from '../parts/when.tsx';
import type { Words } from '../words/zh-cn.ts';
import type { useAlerts } from './use-alerts.ts';
import './alerts.css';

type AlertWord = keyof Words['alerts']['kind'];

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

/** Goods that are not sold, or money that is not safe, until somebody decides; the others can wait for the evening. */
const urgent: readonly string[] = [
  'PRICE_INVERTED',
  'BELOW_COST',
  'ORDER_NEEDS_ATTENTION',
  'LICENCE_EXPIRED',
  'SUPPLIER_DOWN',
] satisfies AlertWord[];

/** Where each is decided. */
const answers: Record<AlertWord, string> = {
  WALLET_LOW: '/wallet',
  PRICE_INVERTED: '/prices',
  BELOW_COST: '/stock/import',
  STOCK_LOW: '/stock/import',
  ORDER_NEEDS_ATTENTION: '/supply/attempts',
  LICENCE_EXPIRING: '/supply/suppliers',
  LICENCE_EXPIRED: '/supply/suppliers',
  OFFER_ABOVE_AGREED: '/supply/offers',
  SUPPLIER_SHARE: '/supply/offers',
  SUPPLIER_DOWN: '/supply/offers',
  REPLENISHMENT_WAITING: '/replenishment',
  STOCK_EXPIRING: '/stock',
};

function AlertItem({ alert, refresh, done }: { alert: AlertRowFragment; refresh: () => void; done?: () => void }) {
  const { t, i18n } = useTranslation();
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
  const facts = factsOf(alert, t, i18n.language);
  const answer = alert.orderId ? `/orders/${encodeURIComponent(alert.orderId)}` : answers[alert.kind];
  return (
    <li className="alert-item">
      <span className={`alert-mark ${urgent.includes(alert.kind) ? 'bad' : 'warn'}`}>
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
          {facts && `${facts} · `}
          <When at={alert.raisedAt} />
        </span>
        {error && <ActionFailure error={error} />}
      </div>
      <div className="alert-actions">
        <Link to={answer} onClick={done}>
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

function factsOf(alert: AlertRowFragment, t: TFunction, language: string): string | null {
  const text = (value: { amount: string; currency: string } | null | undefined) => (value ? amountText(value) : '—');
  switch (alert.kind) {
    case 'WALLET_LOW':
      return t('alerts.facts.wallet', { available: text(alert.available), threshold: text(alert.threshold) });
    case 'STOCK_LOW':
      return t('alerts.facts.stock', { left: alert.availableCount ?? 0, threshold: alert.thresholdCount ?? 0 });
    case 'BELOW_COST':
      return t('alerts.facts.cost', { cost: text(alert.nextUnitCost), count: alert.hiddenFromCount ?? 0 });
    case 'PRICE_INVERTED':
      return t(alert.reason === 'ABOVE_CEILING' ? 'alerts.facts.ceiling' : 'alerts.facts.inverted', { price: text(alert.unitPrice) });
    case 'OFFER_ABOVE_AGREED':
      return t('alerts.facts.aboveAgreed', { supplier: alert.supplier?.name ?? '', amount: text(alert.aboveAgreed) });
    case 'SUPPLIER_SHARE':
      return t('alerts.facts.share', { supplier: alert.supplier?.name ?? '', share: shareText(alert.shareBps, language) });
    case 'STOCK_EXPIRING':
      return t('alerts.facts.expiring', {
        count: alert.availableCount ?? 0,
        day: alert.expiringOn ? dayText(alert.expiringOn, language) : '—',
      });
    case 'ORDER_NEEDS_ATTENTION':
      return alert.doubtedCount === null ? null : t('alerts.facts.doubted', { count: alert.doubtedCount });
    case 'LICENCE_EXPIRING':
    case 'LICENCE_EXPIRED':
      return alert.supplierDocument
        ? `${alert.supplierDocument.supplier?.name ?? ''} · ${t(`documentType.${alert.supplierDocument.type}`)}`
        : null;
    default:
      return null;
  }
}
