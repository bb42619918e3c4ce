import { Button, Tabs } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useOutletContext, useParams } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type DocumentRowFragment,
  DocumentRowFragmentDoc,
  SupplierByIdDocument,
  type SupplierByIdQuery,
  SupplierMoneyFragmentDoc,
  SupplierRowFragmentDoc,
} from '../gql/graphql.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { Company } from './company.tsx';
import { DepositSheet } from './deposit-sheet.tsx';
import { DocumentFile } from './document-file.tsx';
import { DocumentList } from './document-list.tsx';
import { Members } from './members.tsx';
import { PayableFigures, Upcoming } from './payables.tsx';
import { ReviewSheet } from './review-sheet.tsx';
import { StandingSheet } from './standing-sheet.tsx';
import { StandingMark } from './supplier-status.tsx';

type Node = Extract<SupplierByIdQuery['node'], { __typename: 'Supplier' }>;

/** One supplier beside the list: its papers, its money, its company, and what headquarters may decide. */
export function SupplierDrawer() {
  const { t } = useTranslation('supply');
  const { supplierId = '' } = useParams();
  const [{ data, fetching, error }, retry] = useQuery({
    query: SupplierByIdDocument,
    variables: { id: supplierId },
    requestPolicy: 'cache-and-network',
  });
  const refreshList = useOutletContext<(() => void) | null>();
  const node = data?.node?.__typename === 'Supplier' ? data.node : null;
  const changed = () => {
    retry({ requestPolicy: 'network-only' });
    refreshList?.();
  };
  return (
    <DetailDrawer title={t('suppliers.title')} parent="/supply/suppliers" width={680}>
      {node ? (
        <Body node={node} changed={changed} />
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : fetching ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('suppliers.notThere')} help={t('order.noneHelp')} />
      )}
    </DetailDrawer>
  );
}

function Body({ node, changed }: { node: Node; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const row = unmask(SupplierRowFragmentDoc, node);
  const [sheet, setSheet] = useState<'deposit' | 'standing' | null>(null);
  const money = unmask(SupplierMoneyFragmentDoc, node);
  return (
    <article className="details-body">
      <header>
        <h2>{row.name}</h2>
        <p className="details-lead">
          <StandingMark standing={row.standing} /> · <CopyableId id={row.code} />
        </p>
        {node.standingReason && <p className="quote">{node.standingReason}</p>}
      </header>
      <div className="decision-actions">
        {may('DEPOSITS_MANAGE') && <Button onClick={() => setSheet('deposit')}>{t('deposit.action')}</Button>}
        {may('SUPPLIERS_MANAGE') && row.standing !== 'CLOSED' && (
          <Button onClick={() => setSheet('standing')}>{t('suppliers.decide')}</Button>
        )}
      </div>
      <Tabs
        items={[
          { key: 'papers', label: t('documents.title'), children: <Papers node={node} changed={changed} /> },
          {
            key: 'money',
            label: t('payables.title'),
            children: (
              <>
                <PayableFigures money={money} />
                <Upcoming money={money} />
              </>
            ),
          },
          { key: 'company', label: t('suppliers.company'), children: <Company supplier={node} changed={changed} /> },
          { key: 'members', label: t('members.title'), children: <Members supplierId={row.id} name={row.name} /> },
        ]}
      />
      {sheet === 'deposit' && <DepositSheet id={row.id} name={row.name} money={money} close={() => setSheet(null)} changed={changed} />}
      {sheet === 'standing' && row.standing && (
        <StandingSheet
          id={row.id}
          name={row.name}
          standing={row.standing}
          version={node.version ?? 1}
          close={() => setSheet(null)}
          changed={changed}
        />
      )}
    </article>
  );
}

function Papers({ node, changed }: { node: Node; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [reviewing, setReviewing] = useState<{ row: DocumentRowFragment; approve: boolean } | null>(null);
  const rows = unmask(DocumentRowFragmentDoc, node.documents ?? []);
  return (
    <>
      <DocumentList
        rows={rows}
        action={(row) => (
          <>
            <DocumentFile row={row} />
            {row.state === 'PENDING' && may('SUPPLIERS_MANAGE') && (
              <>
                <Button size="small" onClick={() => setReviewing({ row, approve: false })}>
                  {t('documents.reject')}
                </Button>
                <Button size="small" type="primary" disabled={!row.file} onClick={() => setReviewing({ row, approve: true })}>
                  {t('documents.approve')}
                </Button>
              </>
            )}
          </>
        )}
      />
      {reviewing && <ReviewSheet {...reviewing} close={() => setReviewing(null)} changed={changed} />}
    </>
  );
}
