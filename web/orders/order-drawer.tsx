import { Button } from 'antd';
import { Fragment, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  OrderByIdDocument,
  type OrderDetailsFragment,
  OrderDetailsFragmentDoc,
  type OrderRowFragment,
  OrderRowFragmentDoc,
} from '../gql/graphql.ts';
import { pixels } from '../parts/amounts.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { ActionFailure, RefusalNote } from '../parts/refusal.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { OrderStatus, RefundStatus } from '../parts/status.tsx';
import { dayText, When } from '../parts/when.tsx';
import { RevealedKeys, useReveal } from './card-keys.tsx';
import { RefundSheet } from './refund-sheet.tsx';

/** One order beside the list: what was bought, its keys, what everyone on the viewer's hop paid and earned, refunds. */
export function OrderDrawer() {
  const { t } = useTranslation();
  const { orderId = '' } = useParams();
  const [{ data, fetching, error }, retry] = useQuery({
    query: OrderByIdDocument,
    variables: { id: orderId },
    requestPolicy: 'cache-and-network',
  });
  const node = data?.node?.__typename === 'Order' ? unmask(OrderDetailsFragmentDoc, data.node) : null;
  return (
    <DetailDrawer title={t('order.title')} parent="/orders">
      {node ? (
        <OrderDetails order={node} />
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : fetching ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('order.none')} help={t('order.noneHelp')} />
      )}
    </DetailDrawer>
  );
}

function OrderDetails({ order }: { order: OrderDetailsFragment }) {
  const { t } = useTranslation();
  const { party } = useViewer();
  const row = unmask(OrderRowFragmentDoc, order);
  const buyer = order.buyer.id === party?.id;
  return (
    <article className="details-body">
      <header>
        <h2>
          {row.productName} {row.skuName} <span className="soft">× {row.quantity}</span>
        </h2>
        <p className="details-lead">
          <OrderStatus state={row.state} /> · {t(`channel.${row.channel}`)} · <When at={row.placedAt} />
        </p>
        <Money value={row.total} size="large" />
        {pixels(row.refundedTotal) > 0 && (
          <p className="soft">
            {t('order.refunded')} <Money value={row.refundedTotal} />
          </p>
        )}
      </header>
      {buyer && <Keys row={row} />}
      <TopUp order={order} />
      {order.share && order.share.role !== 'BUYER' && <Share order={order} share={order.share} />}
      <section>
        <h3>{t('order.facts')}</h3>
        <dl className="pairs">
          <dt>{t('orders.buyer')}</dt>
          <dd>{order.buyer.name}</dd>
          <dt>{t('buy.unitPrice')}</dt>
          <dd>
            <Money value={row.unitPrice} />
          </dd>
          {order.failureReason && (
            <>
              <dt>{t('order.failureReason')}</dt>
              <dd>{order.failureReason}</dd>
            </>
          )}
          {row.externalRef && (
            <>
              <dt>{t('order.externalRef')}</dt>
              <dd>
                <CopyableId id={row.externalRef} />
              </dd>
            </>
          )}
          {order.requestKey && (
            <>
              <dt>{t('order.requestKey')}</dt>
              <dd>
                <CopyableId id={order.requestKey} />
              </dd>
            </>
          )}
          <dt>{t('order.id')}</dt>
          <dd>
            <CopyableId id={order.id} />
          </dd>
        </dl>
      </section>
      <Refunds order={order} row={row} />
    </article>
  );
}

/** What the buyer typed for a direct top-up, by the labels that it has now. */
function TopUp({ order }: { order: OrderDetailsFragment }) {
  const { t } = useTranslation();
  if (!order.input || order.input.length === 0) return null;
  const labels = new Map((order.sku?.inputFields ?? []).map(({ name, label }) => [name, label]));
  return (
    <section>
      <h3>{t('order.input')}</h3>
      <dl className="pairs">
        {order.input.map(({ name, value }) => (
          <Fragment key={name}>
            <dt>{labels.get(name) ?? name}</dt>
            <dd>
              <CopyableId id={value} />
            </dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}

function Keys({ row }: { row: OrderRowFragment }) {
  const { t } = useTranslation();
  const { may } = useViewer();
  const reveal = useReveal(row.id);
  if (row.cardKeyCount === 0) return null;
  return (
    <section>
      <h3>{t('keys.title')}</h3>
      {reveal.keys ? (
        <>
          <RevealedKeys keys={reveal.keys} />
          <Button type="link" className="bare" onClick={reveal.hide}>
            {t('keys.hide')}
          </Button>
        </>
      ) : may('CARD_KEYS_REVEAL') ? (
        <>
          <Button type="primary" size="large" block icon={<Icon name="eye" />} loading={reveal.busy} onClick={reveal.show}>
            {t('keys.show', { count: row.cardKeyCount })}
          </Button>
          <p className="soft">
            {t('keys.recorded')} {row.revealedCount > 0 && t('keys.seenCount', { seen: row.revealedCount, count: row.cardKeyCount })}
          </p>
        </>
      ) : (
        <p className="soft">{t('refused.help', { permission: t('permission.CARD_KEYS_REVEAL') })}</p>
      )}
      {reveal.refusal && <RefusalNote refusal={reveal.refusal} />}
      {reveal.error && <ActionFailure error={reveal.error} />}
    </section>
  );
}

function Share({ order, share }: { order: OrderDetailsFragment; share: NonNullable<OrderDetailsFragment['share']> }) {
  const { t, i18n } = useTranslation();
  return (
    <section>
      <h3>{t('order.share')}</h3>
      <dl className="pairs">
        {share.soldTotal && (
          <>
            <dt>{t('order.sold')}</dt>
            <dd>
              <Money value={share.soldTotal} />
            </dd>
          </>
        )}
        <dt>{order.cost ? t('order.cost') : t('order.paid')}</dt>
        <dd>
          <Money value={order.cost ?? share.paidTotal} />
        </dd>
        <dt>{t('orders.margin')}</dt>
        <dd>
          <Money value={share.margin} signed />
        </dd>
        <dt>{t('orders.commission')}</dt>
        <dd>
          <Money value={share.commission} signed />
        </dd>
        <dt>{t('order.dueOn')}</dt>
        <dd>{dayText(share.dueOn, i18n.language)}</dd>
      </dl>
    </section>
  );
}

function Refunds({ order, row }: { order: OrderDetailsFragment; row: OrderRowFragment }) {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [asking, setAsking] = useState(false);
  const decides = order.share?.role === 'OWNER' && may('REFUNDS_DECIDE');
  const refundable = (row.state === 'DELIVERED' || row.state === 'PARTLY_REFUNDED') && (decides || may('REFUNDS_ASK'));
  if (order.refunds.length === 0 && !refundable) return null;
  return (
    <section>
      <h3>{t('refund.title')}</h3>
      {order.refunds.length > 0 && (
        <ul className="plain-list">
          {order.refunds.map((refund) => (
            <li key={refund.id}>
              <span className="row-line">
                <RefundStatus state={refund.refundState} />
                <Money value={refund.amount} />
              </span>
              <span className="row-line soft">
                <span className="row-clip">{refund.reason}</span>
                <When at={refund.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {refundable && <Button onClick={() => setAsking(true)}>{decides ? t('refund.refund') : t('refund.ask')}</Button>}
      {asking && <RefundSheet order={row} decides={decides} close={() => setAsking(false)} />}
    </section>
  );
}
