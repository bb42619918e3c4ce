import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { useClient } from 'urql';
import { StockThresholdSheet } from '../alerts/threshold-sheet.tsx';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type LotRowFragment, LotRowFragmentDoc, LotsDocument, StockMovesDocument } from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { DataTable, More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { NewRows } from '../parts/new-rows.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Status } from '../parts/status.tsx';
import { useFollow, useListCursor } from '../parts/use-follow.ts';
import { useLiveRows } from '../parts/use-live-rows.ts';
import { usePages } from '../parts/use-pages.ts';
import { dayText, When } from '../parts/when.tsx';

/** SKUs whose lots are asked for again within a second; the others follow with their next sale. */
const askedAtOnce = 10;

/** Card keys by lot: from whom, on what terms, at what cost, and how many are left. */
export function StockPage() {
  const { t } = useTranslation();
  const { may } = useViewer();
  const navigate = useNavigate();
  const { search } = useLocation();
  const pages = usePages({ query: LotsDocument, variables: { first: 50 }, connection: (data) => data.lots });
  const live = useLiveRows(unmask(LotRowFragmentDoc, pages.nodes), {
    list: 'lots',
    rowKey: (lot) => lot.id,
    text: (lot) => String(lot.availableCount),
  });
  const client = useClient();
  useFollow({
    query: StockMovesDocument,
    after: useListCursor('lots', { fresh: pages.fresh, cursor: pages.data?.eventCursor }),
    everyMs: 1_000,
    onEvents: (events) => {
      // new lots stand on the first page; those that sell may stand further down
      pages.refresh();
      const shown = new Set(live.rows.map((lot) => lot.sku.id));
      const moved = new Set(events.map((event) => event.stockUpdated.sku.id).filter((id) => shown.has(id)));
      for (const skuId of [...moved].slice(0, askedAtOnce))
        void client.query(LotsDocument, { skuId, first: 50, after: null }, { requestPolicy: 'network-only' }).toPromise();
    },
  });
  const importButton = may('STOCK_IMPORT') && (
    <Button type="primary" icon={<Icon name="upload" size={16} />} onClick={() => navigate(`/stock/import${search}`)}>
      {t('stock.import')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('place.stock')} summary={t('stock.lead')} action={importButton} />
      <NewRows count={live.waitingCount} show={live.showWaiting} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={10} columns={6} />
      ) : pages.nodes.length === 0 ? (
        <Empty icon="box" title={t('stock.empty')} help={t('stock.emptyHelp')} action={importButton} />
      ) : (
        <>
          <LotTable rows={live.rows} glowing={live.glowing} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
      <Outlet context={pages.refresh} />
    </>
  );
}

function LotTable({ rows, glowing }: { rows: readonly LotRowFragment[]; glowing: ReadonlySet<string> }) {
  const { t, i18n } = useTranslation('supply');
  const { may } = useViewer();
  const [watching, setWatching] = useState<LotRowFragment | null>(null);
  const left = (lot: LotRowFragment) => (
    <Status tone={lot.state !== 'OPEN' ? 'bad' : lot.availableCount === 0 ? 'quiet' : lot.availableCount <= 10 ? 'warn' : 'good'}>
      {lot.state === 'OPEN'
        ? t('stock.leftOf', { left: countText(lot.availableCount), all: countText(lot.keyCount) })
        : t(`lot.state.${lot.state}`)}
    </Status>
  );
  const navigate = useNavigate();
  const hrefOf = (lot: LotRowFragment) => `/stock/lots/${encodeURIComponent(lot.id)}`;
  const name = (lot: LotRowFragment) => (
    <Link to={hrefOf(lot)} className="row-name">
      <SkuName product={lot.sku.product.name} name={lot.sku.name} />
    </Link>
  );
  const watch = (lot: LotRowFragment) =>
    may('ALERTS_READ') && (
      <Button
        size="small"
        type="text"
        icon={<Icon name="alert" size={16} />}
        aria-label={t('alerts.stockTitle', { name: lot.sku.name })}
        onClick={() => setWatching(lot)}
      />
    );
  return (
    <>
      <DataTable
        label={t('place.stock')}
        rows={rows}
        rowKey={(lot) => lot.id}
        glowing={glowing}
        open={(lot) => void navigate(hrefOf(lot))}
        columns={[
          { key: 'sku', title: t('catalogue.name'), render: name },
          { key: 'supplier', title: t('stock.supplier'), render: (lot) => lot.supplier?.name ?? '—' },
          { key: 'terms', title: t('stock.terms'), wide: true, render: (lot) => t(`lotTerms.${lot.terms}`) },
          { key: 'left', title: t('stock.keys'), render: left },
          { key: 'watch', title: '', render: (lot) => watch(lot) },
          {
            key: 'expires',
            title: t('stock.expires'),
            wide: true,
            align: 'right',
            render: (lot) => (lot.expiresOn ? dayText(lot.expiresOn, i18n.language) : '—'),
          },
          { key: 'cost', title: t('stock.cost'), align: 'right', render: (lot) => <Money value={lot.totalCost} /> },
          { key: 'at', title: t('stock.at'), align: 'right', render: (lot) => <When at={lot.createdAt} /> },
        ]}
        phone={(lot) => (
          <>
            <div className="row-line">
              {name(lot)}
              <Money value={lot.totalCost} />
            </div>
            <div className="row-line soft">
              {left(lot)}
              {watch(lot)}
              <span>
                {lot.supplier?.name} · <When at={lot.createdAt} />
              </span>
            </div>
          </>
        )}
      />
      {watching && <StockThresholdSheet skuId={watching.sku.id} name={watching.sku.name} close={() => setWatching(null)} />}
    </>
  );
}
