import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type OfferRowFragment, OfferRowFragmentDoc, OffersDocument } from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { DataTable, More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { CreateOfferSheet } from './create-offer-sheet.tsx';
import { OfferStatus } from './offer-status.tsx';
import { OwnOfferSheet } from './own-offer-sheet.tsx';
import './supply.css';

/** The ways to fill SKUs: of an owner all of its goods, each opening its routing; of a supplier its own, to be kept up to date. */
export function OffersPage() {
  const { t } = useTranslation('supply');
  const { party, may } = useViewer();
  const isSupplier = party?.kind === 'SUPPLIER';
  const [creating, setCreating] = useState(false);
  const pages = usePages({ query: OffersDocument, variables: { first: 50 }, connection: (data) => data.supplyOffers });
  const rows = unmask(OfferRowFragmentDoc, pages.nodes);
  const create = !isSupplier && may('SUPPLY_MANAGE') && (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setCreating(true)}>
      {t('offers.create')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('place.offers')} summary={t(isSupplier ? 'offers.leadOwn' : 'offers.lead')} action={create} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={8} columns={6} />
      ) : rows.length === 0 ? (
        <Empty icon="truck" title={t('offers.none')} help={t(isSupplier ? 'offers.noneOwn' : 'offers.noneHelp')} action={create} />
      ) : (
        <>
          <OfferTable rows={rows} changed={pages.refresh} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
      {creating && <CreateOfferSheet close={() => setCreating(false)} done={pages.refresh} />}
      <Outlet context={pages.refresh} />
    </>
  );
}

function OfferTable({ rows, changed }: { rows: readonly OfferRowFragment[]; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { party, may } = useViewer();
  const navigate = useNavigate();
  const [editing, setEditing] = useState<OfferRowFragment | null>(null);
  const isSupplier = party?.kind === 'SUPPLIER';
  const hrefOf = (row: OfferRowFragment) => `/supply/offers/${encodeURIComponent(row.sku?.id ?? '')}`;
  const open = (row: OfferRowFragment) => {
    if (!isSupplier) void navigate(hrefOf(row));
    else if (may('SUPPLY_MANAGE')) setEditing(row);
  };
  const goods = (row: OfferRowFragment) =>
    isSupplier ? (
      <SkuName product={row.productName} name={row.skuName} />
    ) : (
      <Link to={hrefOf(row)} className="row-name">
        <SkuName product={row.productName} name={row.skuName} />
      </Link>
    );
  const edit = (row: OfferRowFragment) => (
    <Button size="small" onClick={() => setEditing(row)}>
      {t('offers.update')}
    </Button>
  );
  const stock = (row: OfferRowFragment) => (row.stockCount === null ? <span className="soft">—</span> : countText(row.stockCount));
  return (
    <>
      <DataTable
        label={t('place.offers')}
        rows={rows}
        rowKey={(row) => row.id}
        open={open}
        rowClass={(row) => (row.isEnabled ? '' : 'muted')}
        columns={[
          { key: 'goods', title: t('attempts.goods'), render: goods },
          ...(isSupplier
            ? []
            : [
                { key: 'supplier', title: t('attempts.supplier'), render: (row: OfferRowFragment) => row.supplier?.name ?? '—' },
                {
                  key: 'kind',
                  title: t('offers.kind'),
                  wide: true,
                  render: (row: OfferRowFragment) => <span className="soft">{t(`connector.${row.kind}`)}</span>,
                },
              ]),
          { key: 'state', title: t('attempts.state'), render: (row) => <OfferStatus row={row} /> },
          {
            key: 'lead',
            title: t('offers.leadTime'),
            align: 'right',
            wide: true,
            render: (row) => <Duration seconds={row.leadTimeSeconds} />,
          },
          { key: 'stock', title: t('stock.keys'), align: 'right', wide: true, render: stock },
          { key: 'cost', title: t('offers.cost'), align: 'right', render: (row) => <Money value={row.unitCost} /> },
          ...(isSupplier && may('SUPPLY_MANAGE') ? [{ key: 'edit', title: '', align: 'right' as const, render: edit }] : []),
        ]}
        phone={(row) => (
          <>
            <div className="row-line">
              {goods(row)}
              <Money value={row.unitCost} />
            </div>
            <div className="row-line soft">
              <OfferStatus row={row} />
              <span className="row-clip">{isSupplier ? <Duration seconds={row.leadTimeSeconds} /> : row.supplier?.name}</span>
            </div>
          </>
        )}
      />
      {editing && <OwnOfferSheet row={editing} close={() => setEditing(null)} changed={changed} />}
    </>
  );
}

/** A length of time as people say it. */
export function Duration({ seconds }: { seconds: number | null | undefined }) {
  const { i18n } = useTranslation();
  if (seconds === null || seconds === undefined) return <span className="soft">—</span>;
  const [value, unit] =
    seconds < 120
      ? ([seconds, 'second'] as const)
      : seconds < 7_200
        ? ([seconds / 60, 'minute'] as const)
        : ([seconds / 3_600, 'hour'] as const);
  return (
    <>
      {new Intl.NumberFormat(i18n.language, {
        style: 'unit',
        unit,
        unitDisplay: 'short',
        maximumFractionDigits: value < 10 ? 1 : 0,
      }).format(value)}
    </>
  );
}
