import { Alert } from 'antd';
import type { TFunction } from 'i18next';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { CombinedError } from 'urql';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import { BandBreakPartsFragmentDoc, type RefusalPartsFragment, RefusalPartsFragmentDoc } from '../gql/graphql.ts';
import { amountText } from './amounts.ts';

/** A typed refusal as the API gave it. */
export type Refusal = FragmentType<typeof RefusalPartsFragmentDoc>;

/** A refusal drawn where the action was: what stands in the way, its facts, and what can be done. */
export function RefusalNote({ refusal, action }: { refusal: Refusal; action?: ReactNode }) {
  const { t } = useTranslation();
  const parts = unmask(RefusalPartsFragmentDoc, refusal);
  const { title, help } = refusalWords(parts, t);
  return (
    <Alert
      className="refusal"
      type={parts.__typename === 'PriceMoved' || parts.__typename === 'Busy' ? 'warning' : 'error'}
      role="alert"
      title={title}
      description={
        <>
          {help}
          {parts.__typename === 'BandBroken' && <BandBreaks breaks={parts.breaks} />}
          {parts.__typename === 'ListingRefused' && (
            <ul>
              {parts.problems.map(({ code, field, message }) => (
                <li key={`${code} ${field}`}>{message}</li>
              ))}
            </ul>
          )}
          {action && <div className="refusal-action">{action}</div>}
        </>
      }
    />
  );
}

/** A failure of an action that has no typed refusal: its effect is unknown or it never began. */
export function ActionFailure({ error }: { error: CombinedError }) {
  const { t } = useTranslation();
  const first = error.graphQLErrors[0];
  const permission = first?.extensions['permission'] ?? first?.extensions['scope'];
  if (first?.extensions['code'] === 'FORBIDDEN') {
    const help =
      typeof permission === 'string'
        ? t('refused.help', { permission: t(`permission.${permission}` as 'permission.ORDERS_READ') })
        : t('refused.party');
    return <Alert className="refusal" type="error" role="alert" title={t('refused.title')} description={help} />;
  }
  const requestId = first?.extensions['requestId'];
  const help = error.networkError
    ? t('failure.actionNetworkHelp')
    : `${t('failure.help')}${typeof requestId === 'string' ? ` ${t('failure.requestId')} ${requestId}` : ''}`;
  return (
    <Alert
      className="refusal"
      type="error"
      role="alert"
      title={error.networkError ? t('failure.network') : t('failure.title')}
      description={help}
    />
  );
}

/** What is broken where: a station, a SKU, its price and the band. */
export function BandBreaks({ breaks }: { breaks: readonly FragmentType<typeof BandBreakPartsFragmentDoc>[] }) {
  const { t } = useTranslation();
  const rows = unmask(BandBreakPartsFragmentDoc, breaks);
  return (
    <ul className="band-breaks">
      {rows.slice(0, 6).map((row) => (
        <li key={`${row.station.id} ${row.sku.id}`}>
          {t('refusal.bandBreak', {
            station: row.station.name,
            sku: `${row.sku.product.name} ${row.sku.name}`,
            price: amountText(row.price),
          })}{' '}
          {row.floor && t('refusal.floor', { amount: amountText(row.floor) })}{' '}
          {row.ceiling && t('refusal.ceiling', { amount: amountText(row.ceiling) })}
        </li>
      ))}
      {rows.length > 6 && <li>{t('refusal.andMore', { count: rows.length - 6 })}</li>}
    </ul>
  );
}

/** A refusal's title and help in the person's language, with its facts. */
export function refusalWords(parts: RefusalPartsFragment, t: TFunction): { title: string; help: string } {
  switch (parts.__typename) {
    case 'InsufficientBalance':
      return {
        title: t('refusal.InsufficientBalance'),
        help: t('refusal.InsufficientBalanceHelp', { required: amountText(parts.required), available: amountText(parts.available) }),
      };
    case 'OutOfStock':
      return { title: t('refusal.OutOfStock'), help: t('refusal.OutOfStockHelp', { available: parts.availableCount }) };
    case 'PriceMoved':
      return {
        title: t('refusal.PriceMoved'),
        help: t('refusal.PriceMovedHelp', { now: amountText(parts.currentTotal), limit: amountText(parts.maxTotal) }),
      };
    case 'NotSellable':
      return { title: t('refusal.NotSellable'), help: t(`notSellable.${parts.notSellableReason}`) };
    case 'QuantityOutOfRange':
      return {
        title: t('refusal.QuantityOutOfRange'),
        help: t('refusal.QuantityOutOfRangeHelp', { min: parts.minQuantity, max: parts.maxQuantity, step: parts.quantityStep }),
      };
    case 'MoveRefused':
      return { title: t('refusal.MoveRefused'), help: t(`moveRefused.${parts.moveReason}`) };
    case 'RefundRefused':
      return {
        title: t(`refundRefused.${parts.refundReason}`),
        help: parts.refundable ? t('refusal.refundable', { amount: amountText(parts.refundable) }) : '',
      };
    case 'InvalidInput':
      return {
        title: t('refusal.InvalidInput'),
        help: t('refusal.InvalidInputHelp', { field: fieldName(parts.field, t), message: parts.message }),
      };
    case 'NotAllowed':
      return { title: t('refusal.NotAllowed'), help: parts.message };
    default:
      return { title: t(`refusal.${parts.__typename}`), help: t(`refusal.${parts.__typename}Help`) };
  }
}

// The API names a field as the contract does; the form calls it by its label.
function fieldName(field: string, t: TFunction): string {
  return t(`field.${field}` as 'field.name', { defaultValue: field });
}
