import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { AccountListDocument, type AccountRowFragment, AccountRowFragmentDoc } from '../gql/graphql.ts';
import { DataTable, More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { When } from '../parts/when.tsx';
import { AccountStatus } from './account-status.tsx';
import { CreateAccountSheet } from './create-account-sheet.tsx';
import './supply.css';

/** The accounts at suppliers' systems: whether each answers, and where its catalogue is imported. */
export function AccountsPage() {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [creating, setCreating] = useState(false);
  const pages = usePages({ query: AccountListDocument, variables: { first: 50 }, connection: (data) => data.supplyAccounts });
  const rows = unmask(AccountRowFragmentDoc, pages.nodes);
  const create = may('SUPPLY_MANAGE') && (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setCreating(true)}>
      {t('accounts.create')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('place.accounts')} summary={t('accounts.lead')} action={create} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={4} columns={5} />
      ) : rows.length === 0 ? (
        <Empty icon="plug" title={t('accounts.none')} help={t('accounts.noneHelp')} action={create} />
      ) : (
        <>
          <AccountTable rows={rows} />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
      {creating && <CreateAccountSheet close={() => setCreating(false)} done={pages.refresh} />}
      <Outlet context={pages.refresh} />
    </>
  );
}

function AccountTable({ rows }: { rows: readonly AccountRowFragment[] }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const navigate = useNavigate();
  const hrefOf = (row: AccountRowFragment) => `/supply/accounts/${encodeURIComponent(row.id)}`;
  const name = (row: AccountRowFragment) => (
    <Link to={hrefOf(row)} className="row-name">
      {row.name}
    </Link>
  );
  const heard = (row: AccountRowFragment) => (row.lastSuccessAt ? <When at={row.lastSuccessAt} /> : <span className="soft">—</span>);
  const goods = (row: AccountRowFragment) =>
    row.kind === 'MANUAL' ? <span className="soft">—</span> : <Link to={importPath(row.id)}>{t('imports.open')}</Link>;
  return (
    <DataTable
      label={t('place.accounts')}
      rows={rows}
      rowKey={(row) => row.id}
      open={(row) => void navigate(hrefOf(row))}
      rowClass={(row) => (row.isEnabled ? '' : 'muted')}
      columns={[
        { key: 'name', title: t('accounts.name'), render: name },
        { key: 'supplier', title: t('attempts.supplier'), render: (row) => row.supplier?.name ?? '—' },
        { key: 'kind', title: t('offers.kind'), wide: true, render: (row) => <span className="soft">{t(`connector.${row.kind}`)}</span> },
        { key: 'state', title: t('attempts.state'), render: (row) => <AccountStatus row={row} /> },
        { key: 'heard', title: t('accounts.heard'), align: 'right', wide: true, render: heard },
        ...(may('SUPPLY_MANAGE') ? [{ key: 'import', title: '', align: 'right' as const, render: goods }] : []),
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            {name(row)}
            <AccountStatus row={row} />
          </div>
          <div className="row-line soft">
            <span className="row-clip">
              {row.supplier?.name} · {t(`connector.${row.kind}`)}
            </span>
            {may('SUPPLY_MANAGE') && goods(row)}
          </div>
        </>
      )}
    />
  );
}

/** Where the catalogue behind an account is imported. */
export function importPath(accountId: string): string {
  return `/supply/import?account=${encodeURIComponent(accountId)}`;
}
