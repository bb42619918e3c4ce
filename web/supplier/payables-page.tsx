import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type SupplierAccount, SupplierEntryRowFragmentDoc, SupplierMoneyFragmentDoc, SupplierStatementDocument } from '../gql/graphql.ts';
import { Chips } from '../parts/chips.tsx';
import { More } from '../parts/data-table.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Bone, Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { EntryTable, PayableFigures, Upcoming } from '../supply/payables.tsx';
import '../supply/supply.css';
import { useOwnSupplier } from './use-own-supplier.ts';

const groups = ['all', 'PAYABLE_PENDING', 'PAYABLE', 'DEPOSIT'] as const;

/** What a supplier is owed, when it falls due, and every posting behind it. */
export function PayablesPage() {
  const { t } = useTranslation('supply');
  const { supplier, error, refresh } = useOwnSupplier();
  const money = supplier && unmask(SupplierMoneyFragmentDoc, supplier);
  return (
    <>
      <PageHead title={t('place.payables')} summary={t('payables.lead')} />
      {money ? (
        <>
          <PayableFigures money={money} />
          <Upcoming money={money} />
        </>
      ) : error ? (
        <Failure error={error} retry={refresh} />
      ) : (
        <Bone height={96} />
      )}
      <Statement />
    </>
  );
}

function Statement() {
  const { t } = useTranslation('supply');
  const { party } = useViewer();
  const [group, setGroup] = useUrlState<(typeof groups)[number]>('account', 'all');
  const accounts: SupplierAccount[] | null = group === 'all' ? null : [group];
  const pages = usePages({
    query: SupplierStatementDocument,
    variables: { id: party?.id ?? '', accounts, first: 50 },
    connection: (data) => (data.node?.__typename === 'Supplier' ? data.node.statement : null),
  });
  const rows = unmask(SupplierEntryRowFragmentDoc, pages.nodes);
  return (
    <section>
      <div className="section-head">
        <h2>{t('payables.statement')}</h2>
        <Chips
          label={t('wallet.account')}
          value={group}
          onChange={setGroup}
          options={groups.map((value) => ({ value, label: t(`payables.account.${value}`) }))}
        />
      </div>
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={8} columns={5} />
      ) : rows.length === 0 ? (
        <Empty icon="wallet" title={t('payables.none')} help={t('payables.noneHelp')} />
      ) : (
        <>
          <EntryTable rows={rows} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
    </section>
  );
}
