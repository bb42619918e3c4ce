import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useQuery } from 'urql';
import { WalletThreshold } from '../alerts/threshold-sheet.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type AccountKind,
  StatementDocument,
  type StatementRowFragment,
  StatementRowFragmentDoc,
  WalletEventsDocument,
  WalletFiguresDocument,
  type WalletPartsFragment,
  WalletPartsFragmentDoc,
} from '../gql/graphql.ts';
import { type Amount, pixels } from '../parts/amounts.ts';
import { Chips } from '../parts/chips.tsx';
import { DataTable, More } from '../parts/data-table.tsx';
import { Figure } from '../parts/figure.tsx';
import { Money } from '../parts/money.tsx';
import { NewRows } from '../parts/new-rows.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Bone, Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { useFollow, useListCursor } from '../parts/use-follow.ts';
import { useLiveRows } from '../parts/use-live-rows.ts';
import { usePages } from '../parts/use-pages.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { dayText, When } from '../parts/when.tsx';

const accounts = {
  all: null,
  wallet: ['WALLET', 'HELD'],
  pending: ['EARNINGS_PENDING'],
  earnings: ['EARNINGS', 'CLAWBACK'],
} as const satisfies Record<string, readonly AccountKind[] | null>;

type AccountGroup = keyof typeof accounts;

/** What a station has, what is coming to it, and every posting that made it so. */
export function WalletPage() {
  const { t } = useTranslation();
  const [{ data, fetching, error }, retry] = useQuery({ query: WalletFiguresDocument, requestPolicy: 'cache-and-network' });
  const reseller = data?.station?.kind === 'RESELLER';
  return (
    <>
      <PageHead title={reseller ? t('wallet.title') : t('place.wallet')} summary={reseller ? t('wallet.leadBuyer') : t('wallet.lead')} />
      {data?.station?.wallet ? (
        <WalletFigures wallet={unmask(WalletPartsFragmentDoc, data.station.wallet)} seller={!reseller} />
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : (
        fetching && <Bone height={96} />
      )}
      <WalletThreshold />
      <Statement seller={!reseller} />
    </>
  );
}

function WalletFigures({ wallet, seller }: { wallet: WalletPartsFragment; seller: boolean }) {
  const { t } = useTranslation();
  return (
    <div className="figure-row">
      <Figure
        label={t('wallet.available')}
        value={wallet.available}
        large
        note={pixels(wallet.creditLimit) > 0 ? <Note label={t('wallet.creditLimit')} value={wallet.creditLimit} /> : t('wallet.prepaid')}
      />
      <Figure label={t('wallet.held')} value={wallet.held} note={t('wallet.heldHelp')} />
      {seller && <Figure label={t('wallet.earningsPending')} value={wallet.earningsPending} note={t('wallet.pendingHelp')} />}
      {seller && <Figure label={t('wallet.earnings')} value={wallet.earnings} note={t('wallet.earningsHelp')} />}
      {seller && pixels(wallet.clawback) !== 0 && (
        <Figure label={t('wallet.clawback')} value={wallet.clawback} note={t('wallet.clawbackHelp')} />
      )}
    </div>
  );
}

function Note({ label, value }: { label: string; value: Amount }) {
  return (
    <>
      {label} <Money value={value} />
    </>
  );
}

function Statement({ seller }: { seller: boolean }) {
  const { t } = useTranslation();
  const [group, setGroup] = useUrlState<AccountGroup>('account', 'all');
  const kinds = accounts[group];
  const pages = usePages({
    query: StatementDocument,
    variables: { kinds: kinds ? [...kinds] : null, first: 50 },
    connection: (data) => data.station?.statement,
  });
  // Balances come with the event; what moved them is read again.
  useFollow({
    query: WalletEventsDocument,
    after: useListCursor('statement', { fresh: pages.fresh, cursor: pages.data?.eventCursor }),
    onEvents: () => pages.refresh(),
    everyMs: 1_000,
  });
  const live = useLiveRows(unmask(StatementRowFragmentDoc, pages.nodes), { list: group, rowKey: (row) => row.id, text: (row) => row.id });
  return (
    <section>
      <div className="section-head">
        <h2>{t('wallet.statement')}</h2>
        {seller && (
          <Chips
            label={t('wallet.account')}
            value={group}
            onChange={setGroup}
            options={(Object.keys(accounts) as AccountGroup[]).map((value) => ({ value, label: t(`wallet.group.${value}`) }))}
          />
        )}
      </div>
      <NewRows count={live.waitingCount} show={live.showWaiting} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={10} columns={5} />
      ) : pages.nodes.length === 0 ? (
        <Empty icon="wallet" title={t('wallet.none')} help={t('wallet.noneHelp')} />
      ) : (
        <>
          <StatementTable rows={live.rows} glowing={live.glowing} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
    </section>
  );
}

function StatementTable({ rows, glowing }: { rows: readonly StatementRowFragment[]; glowing: ReadonlySet<string> }) {
  const { t, i18n } = useTranslation();
  const due = (row: StatementRowFragment) => (row.dueOn ? dayText(row.dueOn, i18n.language) : '—');
  return (
    <DataTable
      label={t('wallet.statement')}
      rows={rows}
      rowKey={(row) => row.id}
      glowing={glowing}
      columns={[
        { key: 'reason', title: t('wallet.reason'), render: (row) => t(`postingReason.${row.reason}`) },
        { key: 'what', title: t('wallet.source'), render: (row) => <Source row={row} /> },
        {
          key: 'account',
          title: t('wallet.account'),
          wide: true,
          render: (row) => <span className="soft">{t(`accountKind.${row.accountKind}`)}</span>,
        },
        { key: 'due', title: t('wallet.dueOn'), wide: true, align: 'right', render: (row) => <span className="soft">{due(row)}</span> },
        { key: 'amount', title: t('wallet.amount'), align: 'right', render: (row) => <Money value={row.amount} signed /> },
        { key: 'at', title: t('wallet.at'), align: 'right', render: (row) => <When at={row.createdAt} /> },
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            <span>
              {t(`postingReason.${row.reason}`)} <span className="soft">· {t(`accountKind.${row.accountKind}`)}</span>
            </span>
            <Money value={row.amount} signed />
          </div>
          <div className="row-line soft">
            <span className="row-clip">
              <Source row={row} />
            </span>
            <When at={row.createdAt} />
          </div>
        </>
      )}
    />
  );
}

function Source({ row }: { row: StatementRowFragment }) {
  if (!row.order) return <span className="soft">{row.note || '—'}</span>;
  return (
    <Link to={`/orders/${encodeURIComponent(row.order.id)}`}>
      {row.order.productName} {row.order.skuName}
    </Link>
  );
}
