import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type ListingFilter, type ListingRowFragment, ListingRowFragmentDoc, ListingsDocument } from '../gql/graphql.ts';
import { Chips } from '../parts/chips.tsx';
import { DataTable, More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Status } from '../parts/status.tsx';
import { usePages } from '../parts/use-pages.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { When } from '../parts/when.tsx';
import { CreateListingSheet } from './create-listing-sheet.tsx';
import { ListingStatus } from './listing-status.tsx';
import './supply.css';

const filters = {
  draft: { states: ['DRAFT'] },
  review: { states: ['SUBMITTED'] },
  changed: { hasUnreviewedChanges: true },
  waiting: { states: ['APPROVED'] },
  live: { states: ['LIVE'] },
  paused: { states: ['PAUSED', 'REJECTED', 'RETIRED'] },
} as const satisfies Record<string, ListingFilter>;
type Filter = keyof typeof filters;

/** What waits for a review before it is sold, what changed since, and everything that is on sale. */
export function ListingsPage() {
  const { t } = useTranslation('supply');
  const navigate = useNavigate();
  const { search } = useLocation();
  const { may } = useViewer();
  const [creating, setCreating] = useState(false);
  const [filter, setFilter] = useUrlState<Filter>('show', 'review');
  const pages = usePages({
    query: ListingsDocument,
    variables: { filter: filters[filter] as ListingFilter, first: 50 },
    connection: (data) => data.listings,
  });
  const rows = unmask(ListingRowFragmentDoc, pages.nodes);
  const create = may('LISTINGS_MANAGE') && (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setCreating(true)}>
      {t('listings.create')}
    </Button>
  );
  const hrefOf = (row: ListingRowFragment) => `/supply/listings/${encodeURIComponent(row.id)}${search}`;
  const title = (row: ListingRowFragment) => (
    <Link to={hrefOf(row)} className="row-name">
      {row.title}
    </Link>
  );
  const at = (row: ListingRowFragment) => {
    const when = row.submittedAt ?? row.decidedAt;
    return when ? <When at={when} /> : <span className="soft">—</span>;
  };
  return (
    <>
      <PageHead title={t('place.listings')} summary={t('listings.lead')} action={create} />
      <div className="filter">
        <Chips
          label={t('attempts.filter')}
          value={filter}
          onChange={setFilter}
          options={(Object.keys(filters) as Filter[]).map((value) => ({ value, label: t(`listings.filters.${value}`) }))}
        />
      </div>
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={8} columns={5} />
      ) : rows.length === 0 ? (
        <Empty icon="check" title={t('listings.none')} help={t(`listings.noneHelp.${filter}`)} />
      ) : (
        <>
          <DataTable
            label={t('place.listings')}
            rows={rows}
            rowKey={(row) => row.id}
            open={(row) => void navigate(hrefOf(row))}
            columns={[
              { key: 'title', title: t('catalogue.name'), render: title },
              { key: 'state', title: t('attempts.state'), render: (row) => <ListingStatus row={row} /> },
              { key: 'checks', title: t('listings.checks'), wide: true, render: (row) => <Checks row={row} /> },
              { key: 'owner', title: t('listings.owner'), wide: true, render: (row) => row.owner?.name ?? '—' },
              { key: 'at', title: t('listings.at'), align: 'right', render: at },
            ]}
            phone={(row) => (
              <>
                <div className="row-line">
                  {title(row)}
                  <ListingStatus row={row} />
                </div>
                <div className="row-line soft">
                  <Checks row={row} />
                  {at(row)}
                </div>
              </>
            )}
          />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
      {creating && <CreateListingSheet close={() => setCreating(false)} done={pages.refresh} />}
      <Outlet context={pages.refresh} />
    </>
  );
}

/** The three checks in a word: what failed, what waits for a person, or that all is well. */
function Checks({ row }: { row: ListingRowFragment }) {
  const { t } = useTranslation('supply');
  const failed = row.checks.filter(({ state }) => state === 'FAILED');
  if (row.hasUnreviewedChanges) return <Status tone="warn">{t('listings.changed')}</Status>;
  if (failed.length > 0) return <Status tone="bad">{failed.map(({ kind }) => t(`listingCheck.${kind}`)).join(t('comma'))}</Status>;
  if (row.checks.some(({ needsPerson }) => needsPerson)) return <Status tone="warn">{t('listings.needsPerson')}</Status>;
  if (row.checks.some(({ state }) => state === 'PENDING')) return <Status tone="busy">{t('listingCheckState.PENDING')}</Status>;
  return row.checks.length > 0 ? <Status tone="good">{t('listings.allPassed')}</Status> : <span className="soft">—</span>;
}
