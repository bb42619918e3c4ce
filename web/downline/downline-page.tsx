import { Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { ChildrenDocument, DownlineDocument, type StationRowFragment, StationRowFragmentDoc, type StationStatus } from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { Chips } from '../parts/chips.tsx';
import { CopyableId } from '../parts/copy.tsx';
import { DataTable, More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { StationStatusMark } from '../parts/status.tsx';
import { usePages } from '../parts/use-pages.ts';
import { useSettled } from '../parts/use-settled.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { OpenStationSheet } from './open-station-sheet.tsx';

type Reach = 'children' | 'all' | 'frozen';

/** The stations below: who they are, what level they have, what they can spend and what they sell. */
export function DownlinePage() {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [reach, setReach] = useUrlState<Reach>('reach', 'children');
  const [search, setSearch] = useUrlState<string>('q', '');
  const [opening, setOpening] = useState(false);
  const settled = useSettled(search.trim(), 250);
  const whole = reach !== 'children' || settled !== '';
  const status: StationStatus | null = reach === 'frozen' ? 'FROZEN' : null;
  const children = usePages({
    query: ChildrenDocument,
    variables: { first: 50 },
    connection: (data) => data.station?.children,
    pause: whole,
  });
  const downline = usePages({
    query: DownlineDocument,
    variables: { first: 50, search: settled || null, status },
    connection: (data) => data.station?.downline,
    pause: !whole,
  });
  const pages = whole ? downline : children;
  const openButton = may('STATIONS_MANAGE') && (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setOpening(true)}>
      {t('downline.open')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('place.downline')} summary={t('downline.lead')} action={openButton} />
      <div className="filter">
        <Chips
          label={t('downline.reach')}
          value={reach}
          onChange={setReach}
          options={(['children', 'all', 'frozen'] as const).map((value) => ({ value, label: t(`downline.reaches.${value}`) }))}
        />
        <Input
          className="filter-search"
          allowClear
          placeholder={t('downline.search')}
          aria-label={t('downline.search')}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={10} columns={6} />
      ) : pages.nodes.length === 0 ? (
        <Empty
          icon="tree"
          title={settled ? t('downline.noneFound') : t('downline.none')}
          help={settled ? '' : t('downline.noneHelp')}
          action={!settled && openButton}
        />
      ) : (
        <>
          <StationTable rows={unmask(StationRowFragmentDoc, pages.nodes)} whole={whole} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
      {opening && <OpenStationSheet close={() => setOpening(false)} done={children.refresh} />}
      <Outlet />
    </>
  );
}

function StationTable({ rows, whole }: { rows: readonly StationRowFragment[]; whole: boolean }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { search } = useLocation();
  const to = (row: StationRowFragment) => `/downline/${encodeURIComponent(row.id)}${search}`;
  const name = (row: StationRowFragment) => (
    <Link to={to(row)} className="row-name">
      {row.name}
    </Link>
  );
  return (
    <DataTable
      label={t('place.downline')}
      rows={rows}
      rowKey={(row) => row.id}
      open={(row) => navigate(to(row))}
      columns={[
        { key: 'name', title: t('downline.name'), render: name },
        { key: 'code', title: t('downline.code'), wide: true, render: (row) => <CopyableId id={row.code} /> },
        { key: 'kind', title: t('downline.kind'), render: (row) => t(`stationKind.${row.kind}`) },
        whole
          ? {
              key: 'parent',
              title: t('downline.parent'),
              wide: true,
              render: (row) => <span className="soft">{row.parent?.name ?? '—'}</span>,
            }
          : { key: 'level', title: t('downline.level'), wide: true, render: (row) => row.level?.name ?? <span className="soft">—</span> },
        { key: 'status', title: t('downline.status'), render: (row) => <StationStatusMark status={row.status} /> },
        { key: 'below', title: t('downline.below'), align: 'right', wide: true, render: (row) => countText(row.childCount || null) },
        { key: 'wallet', title: t('wallet.available'), align: 'right', render: (row) => <Money value={row.wallet?.available} /> },
        { key: 'volume', title: t('downline.volume30'), align: 'right', render: (row) => <Money value={row.volume?.gmv} /> },
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            {name(row)}
            <Money value={row.volume?.gmv} />
          </div>
          <div className="row-line soft">
            <span className="row-clip">
              <StationStatusMark status={row.status} /> · {t(`stationKind.${row.kind}`)}
              {row.level && ` · ${row.level.name}`}
            </span>
            <span>
              {t('wallet.short')} <Money value={row.wallet?.available} />
            </span>
          </div>
        </>
      )}
    />
  );
}
