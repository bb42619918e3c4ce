import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useNavigate } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { SupplierListDocument, type SupplierRowFragment, SupplierRowFragmentDoc } from '../gql/graphql.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Status } from '../parts/status.tsx';
import { CreateSupplierSheet } from './create-supplier-sheet.tsx';
import { DocumentStatus } from './document-list.tsx';
import { StandingMark } from './supplier-status.tsx';
import './supply.css';

/** Who sells to the network: how each stands, what of its papers needs a look, and what it is owed. */
export function SuppliersPage() {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [creating, setCreating] = useState(false);
  const [{ data, fetching, error }, refetch] = useQuery({ query: SupplierListDocument, requestPolicy: 'cache-and-network' });
  const refresh = () => refetch({ requestPolicy: 'network-only' });
  const create = may('SUPPLIERS_MANAGE') && (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setCreating(true)}>
      {t('suppliers.create')}
    </Button>
  );
  const rows = data ? unmask(SupplierRowFragmentDoc, data.suppliers) : [];
  return (
    <>
      <PageHead title={t('place.suppliers')} summary={t('suppliers.lead')} action={create} />
      {error && !data ? (
        <Failure error={error} retry={refresh} />
      ) : !data ? (
        fetching && <RowsSkeleton rows={4} columns={6} />
      ) : rows.length === 0 ? (
        <Empty icon="truck" title={t('suppliers.none')} help={t('suppliers.noneHelp')} action={create} />
      ) : (
        <SupplierTable rows={rows} />
      )}
      {creating && <CreateSupplierSheet close={() => setCreating(false)} done={refresh} />}
      <Outlet context={refresh} />
    </>
  );
}

function SupplierTable({ rows }: { rows: readonly SupplierRowFragment[] }) {
  const { t } = useTranslation('supply');
  const navigate = useNavigate();
  const hrefOf = (row: SupplierRowFragment) => `/supply/suppliers/${encodeURIComponent(row.id)}`;
  const name = (row: SupplierRowFragment) => (
    <Link to={hrefOf(row)} className="row-name">
      {row.name} <span className="soft">{row.code}</span>
    </Link>
  );
  return (
    <DataTable
      label={t('place.suppliers')}
      rows={rows}
      rowKey={(row) => row.id}
      open={(row) => void navigate(hrefOf(row))}
      columns={[
        { key: 'name', title: t('suppliers.name'), render: name },
        { key: 'standing', title: t('suppliers.standing'), render: (row) => <StandingMark standing={row.standing} /> },
        { key: 'papers', title: t('documents.title'), render: (row) => <Papers row={row} /> },
        { key: 'deposit', title: t('payables.deposit'), align: 'right', wide: true, render: (row) => <Money value={row.deposit} /> },
        {
          key: 'pending',
          title: t('payables.pending'),
          align: 'right',
          wide: true,
          render: (row) => <Money value={row.payables?.pending} />,
        },
        { key: 'payable', title: t('payables.payable'), align: 'right', render: (row) => <Money value={row.payables?.payable} /> },
      ]}
      phone={(row) => (
        <>
          <div className="row-line">
            {name(row)}
            <StandingMark standing={row.standing} />
          </div>
          <div className="row-line soft">
            <Papers row={row} />
            <Money value={row.payables?.payable} />
          </div>
        </>
      )}
    />
  );
}

/** What of a supplier's papers needs a look first: one that waits, else the one that ends first. */
function Papers({ row }: { row: SupplierRowFragment }) {
  const { t } = useTranslation('supply');
  const papers = row.documents ?? [];
  const waiting = papers.filter(({ state }) => state === 'PENDING').length;
  if (waiting > 0) return <Status tone="busy">{t('suppliers.toReview', { count: waiting })}</Status>;
  const [soonest] = papers
    .filter(({ state }) => state === 'APPROVED')
    .sort((one, other) => (one.daysLeft ?? Number.POSITIVE_INFINITY) - (other.daysLeft ?? Number.POSITIVE_INFINITY));
  return soonest ? <DocumentStatus row={soonest} /> : <span className="soft">{t('documents.none')}</span>;
}
