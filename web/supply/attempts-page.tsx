import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  AttemptMovesDocument,
  type AttemptRowFragment,
  AttemptRowFragmentDoc,
  AttemptsDocument,
  type PurchaseAttemptFilter,
} from '../gql/graphql.ts';
import { Chips } from '../parts/chips.tsx';
import { DataTable, More } from '../parts/data-table.tsx';
import { Money } from '../parts/money.tsx';
import { NewRows } from '../parts/new-rows.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { useFollow, useListCursor } from '../parts/use-follow.ts';
import { useLiveRows } from '../parts/use-live-rows.ts';
import { usePages } from '../parts/use-pages.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { When } from '../parts/when.tsx';
import { attemptsPath } from './attempt-path.ts';
import { AttemptStatus } from './attempt-status.tsx';

const filters: Record<Scope, PurchaseAttemptFilter> = {
  ATTENTION: { needsAttention: true },
  OPEN: { states: ['PLANNED', 'SENT', 'UNKNOWN'] },
  ALL: {},
};
type Scope = 'ATTENTION' | 'OPEN' | 'ALL';

/** Purchases: for an owner of goods what a person has to decide comes first, as it comes up; a supplier sees its own. */
export function AttemptsPage() {
  const { t } = useTranslation('supply');
  const { party } = useViewer();
  const isSupplier = party?.kind === 'SUPPLIER';
  const scopes: readonly Scope[] = isSupplier ? ['OPEN', 'ALL'] : ['ATTENTION', 'OPEN', 'ALL'];
  const [scope, setScope] = useUrlState<Scope>('scope', isSupplier ? 'ALL' : 'ATTENTION');
  const pages = usePages({
    query: AttemptsDocument,
    variables: { filter: filters[scope], first: 50 },
    connection: (data) => data.purchaseAttempts,
  });
  const live = useLiveRows(unmask(AttemptRowFragmentDoc, pages.nodes), {
    list: scope,
    rowKey: (row) => row.id,
    text: (row) => `${row.state} ${row.attentionReason}`,
  });
  const cursor = useListCursor(scope, { fresh: pages.fresh, cursor: pages.data?.eventCursor });
  useFollow({ query: AttemptMovesDocument, after: isSupplier ? null : cursor, onEvents: pages.refresh });
  const decided = scope === 'ATTENTION';
  return (
    <>
      <PageHead title={t('place.attempts')} summary={t(isSupplier ? 'attempts.leadOwn' : 'attempts.lead')} />
      <div className="filter">
        <Chips
          label={t('attempts.filter')}
          value={scope}
          onChange={setScope}
          options={scopes.map((value) => ({ value, label: t(`attempts.filters.${value}`) }))}
        />
      </div>
      <NewRows count={live.waitingCount} show={live.showWaiting} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={8} columns={6} />
      ) : pages.nodes.length === 0 ? (
        <Empty
          icon={decided ? 'check' : 'list'}
          title={t(decided ? 'attempts.none' : 'attempts.noneAll')}
          help={t(decided ? 'attempts.noneHelp' : 'attempts.noneAllHelp')}
        />
      ) : (
        <>
          <AttemptTable rows={live.rows} glowing={live.glowing} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
      <Outlet context={pages.refresh} />
    </>
  );
}

function AttemptTable({ rows, glowing }: { rows: readonly AttemptRowFragment[]; glowing: ReadonlySet<string> }) {
  const { t } = useTranslation('supply');
  const { party } = useViewer();
  const navigate = useNavigate();
  const { search } = useLocation();
  const hrefOf = (row: AttemptRowFragment) => `${attemptsPath(party)}/${encodeURIComponent(row.id)}${search}`;
  const goods = (row: AttemptRowFragment) => (
    <Link to={hrefOf(row)} className="row-name">
      <SkuName product={row.productName} name={row.skuName} /> <span className="soft">× {row.quantity}</span>
    </Link>
  );
  const since = (row: AttemptRowFragment) => <When at={row.attentionSince ?? row.createdAt} />;
  const whom = (row: AttemptRowFragment) => row.order?.buyer.name ?? t(`attemptPurpose.${row.purpose}`);
  return (
    <DataTable
      label={t('attempts.title')}
      rows={rows}
      rowKey={(row) => row.id}
      glowing={glowing}
      open={(row) => void navigate(hrefOf(row))}
      columns={[
        { key: 'goods', title: t('attempts.goods'), render: goods },
        { key: 'state', title: t('attempts.state'), render: (row) => <AttemptStatus row={row} /> },
        ...(party?.kind === 'SUPPLIER'
          ? []
          : [
              { key: 'supplier', title: t('attempts.supplier'), render: (row: AttemptRowFragment) => row.supplierName },
              { key: 'buyer', title: t('orders.buyer'), wide: true, render: whom },
            ]),
        { key: 'cost', title: t('attempts.quoted'), align: 'right', render: (row) => <Money value={row.cost ?? row.quotedCost} /> },
        { key: 'since', title: t('attempts.since'), align: 'right', render: since },
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            {goods(row)}
            <Money value={row.cost ?? row.quotedCost} />
          </div>
          <div className="row-line soft">
            <AttemptStatus row={row} />
            <span className="row-clip">
              {party?.kind !== 'SUPPLIER' && `${row.supplierName} · `}
              {since(row)}
            </span>
          </div>
        </>
      )}
    />
  );
}
