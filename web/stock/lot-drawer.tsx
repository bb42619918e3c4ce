import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useOutletContext, useParams } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  LotByIdDocument,
  type LotByIdQuery,
  type LotDetailsFragment,
  LotDetailsFragmentDoc,
  LotRowFragmentDoc,
  TouchedOrderFragmentDoc,
} from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { More } from '../parts/data-table.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Money } from '../parts/money.tsx';
import { Pairs } from '../parts/pairs.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { OrderStatus, Status } from '../parts/status.tsx';
import { usePages } from '../parts/use-pages.ts';
import { dayText, When } from '../parts/when.tsx';
import { type LotMove, LotMoveSheet } from './lot-move-sheet.tsx';
import { ReplenishmentRule } from './replenishment-rule.tsx';
import './stock.css';

type Touched = NonNullable<Extract<LotByIdQuery['node'], { __typename: 'Lot' }>>['ordersTouched']['edges'][number]['node'];

/** One lot beside the list: where its card keys are now, how long the stock lasts, and the one action that puts it aside. */
export function LotDrawer() {
  const { t } = useTranslation('supply');
  const { lotId = '' } = useParams();
  const refreshList = useOutletContext<(() => void) | null>();
  const pages = usePages({
    query: LotByIdDocument,
    variables: { id: lotId, first: 20 },
    connection: (data) => (data.node?.__typename === 'Lot' ? data.node.ordersTouched : null),
  });
  const lot = pages.data?.node?.__typename === 'Lot' ? unmask(LotDetailsFragmentDoc, pages.data.node) : null;
  const changed = () => {
    pages.refresh();
    refreshList?.();
  };
  return (
    <DetailDrawer title={t('lot.title')} parent="/stock" width={640}>
      {lot ? (
        <article className="details-body">
          <Facts lot={lot} />
          <Moves lot={lot} changed={changed} />
          <ReplenishmentRule lot={lot} changed={changed} />
          <section>
            <h3>{t('lot.touched')}</h3>
            {pages.nodes.length === 0 ? <p className="soft">{t('lot.touchedNone')}</p> : <TouchedOrders rows={pages.nodes} />}
            <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
          </section>
        </article>
      ) : pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('lot.notThere')} help={t('order.noneHelp')} />
      )}
    </DetailDrawer>
  );
}

function Facts({ lot }: { lot: LotDetailsFragment }) {
  const { t, i18n } = useTranslation('supply');
  const row = unmask(LotRowFragmentDoc, lot);
  const { counts } = lot;
  const { forecast } = lot.sku;
  const parts = (['available', 'sold', 'quarantined', 'expired', 'withdrawn', 'voided'] as const).filter((name) => counts[name] > 0);
  return (
    <>
      <header>
        <h2>
          {row.sku.product.name} {row.sku.name}
        </h2>
        <p className="details-lead">
          <Status tone={row.state === 'OPEN' ? 'good' : 'bad'}>{t(`lot.state.${row.state}`)}</Status> · {t(`lotTerms.${row.terms}`)} ·{' '}
          <When at={row.createdAt} />
        </p>
        {lot.stateReason && (
          <p className="quote">
            {lot.stateReason} <span className="soft">{lot.stateByName}</span>
          </p>
        )}
      </header>
      <section>
        <div className="lot-bar" role="img" aria-label={parts.map((name) => `${t(`lot.counts.${name}`)} ${counts[name]}`).join(t('comma'))}>
          {parts.map((name) => (
            <i key={name} className={name} style={{ flexGrow: counts[name] }} />
          ))}
        </div>
        <ul className="lot-counts">
          {parts.map((name) => (
            <li key={name}>
              <i className={name} aria-hidden="true" /> {t(`lot.counts.${name}`)} <b>{countText(counts[name])}</b>
            </li>
          ))}
        </ul>
      </section>
      <Pairs
        facts={[
          [
            t('lot.forecast'),
            forecast && (
              <>
                {typeof forecast.daysLeft === 'number' ? t('lot.days', { count: forecast.daysLeft }) : '—'}{' '}
                <span className="soft">{t('lot.sold', { days: forecast.observedDays, sold: forecast.soldCount })}</span>
              </>
            ),
          ],
          [t('stock.supplier'), row.supplier?.name],
          [t('stock.totalCost'), <Money key="cost" value={row.totalCost} />],
          [t('stock.expires'), row.expiresOn && dayText(row.expiresOn, i18n.language)],
          [t('lot.by'), lot.createdByName],
          [
            t('lot.from'),
            lot.purchaseAttemptId && (
              <Link key="from" to={`/supply/attempts/${encodeURIComponent(lot.purchaseAttemptId)}`}>
                {t('attempts.title')}
              </Link>
            ),
          ],
        ]}
      />
    </>
  );
}

function Moves({ lot, changed }: { lot: LotDetailsFragment; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [move, setMove] = useState<LotMove | null>(null);
  const row = unmask(LotRowFragmentDoc, lot);
  if (!may('STOCK_WITHDRAW') || row.state === 'VOID') return null;
  return (
    <div className="details-actions">
      {row.state === 'OPEN' ? (
        <Button danger onClick={() => setMove('quarantine')}>
          {t('lot.quarantine')}
        </Button>
      ) : (
        <>
          <Button onClick={() => setMove('release')}>{t('lot.release')}</Button>
          <Button danger onClick={() => setMove('void')}>
            {t('lot.void')}
          </Button>
        </>
      )}
      {move && <LotMoveSheet move={move} lot={lot} close={() => setMove(null)} changed={changed} />}
    </div>
  );
}

function TouchedOrders({ rows }: { rows: readonly Touched[] }) {
  const { t } = useTranslation('supply');
  return (
    <ul className="plain-list">
      {rows.map(({ keyCount, revealedCount, doubtedCount, order: masked }) => {
        if (!masked) return null;
        const order = unmask(TouchedOrderFragmentDoc, masked);
        return (
          <li key={order.id}>
            <span className="row-line">
              <Link to={`/orders/${encodeURIComponent(order.id)}`}>{order.buyer.name}</Link>
              <Money value={order.total} />
            </span>
            <span className="row-line soft">
              <span>
                <OrderStatus state={order.state} /> · {t('lot.revealed', { seen: revealedCount, all: keyCount })}
              </span>
              <When at={order.placedAt} />
            </span>
            {doubtedCount > 0 && <Status tone="warn">{t('lot.doubted', { count: doubtedCount })}</Status>}
          </li>
        );
      })}
    </ul>
  );
}
