import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type DocumentRowFragment, DocumentRowFragmentDoc, WithdrawSupplierDocumentDocument } from '../gql/graphql.ts';
import { Icon } from '../parts/icon.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.tsx';
import { Company } from '../supply/company.tsx';
import { DocumentFile } from '../supply/document-file.tsx';
import { DocumentList } from '../supply/document-list.tsx';
import { DocumentSheet } from '../supply/document-sheet.tsx';
import { Members } from '../supply/members.tsx';
import '../supply/supply.css';
import { useOwnSupplier } from './use-own-supplier.ts';

/** A supplier's papers, its company and contacts: handed in and changed by itself, reviewed by headquarters. */
export function DocumentsPage() {
  const { t } = useTranslation('supply');
  const { may, party } = useViewer();
  const { supplier, error, refresh } = useOwnSupplier();
  const [editing, setEditing] = useState<DocumentRowFragment | 'new' | null>(null);
  const withdraw = useAction(WithdrawSupplierDocumentDocument, (data) => data.withdrawSupplierDocument, 'SupplierDocumentWithdrawn');
  const rows = supplier ? unmask(DocumentRowFragmentDoc, supplier.documents ?? []) : [];
  const manages = may('SUPPLIERS_MANAGE');
  const takeBack = async (row: DocumentRowFragment) => {
    if (await withdraw.run({ input: { documentId: row.id, expectedVersion: row.version } })) refresh();
  };
  const hand = manages && (
    <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setEditing('new')}>
      {t('documents.hand')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('place.documents')} summary={t('documents.lead')} action={hand} />
      {withdraw.note}
      {!supplier ? (
        error ? (
          <Failure error={error} retry={refresh} />
        ) : (
          <RowsSkeleton rows={4} columns={3} />
        )
      ) : (
        <div className="desk-grid">
          <section className="card">
            {rows.length === 0 ? (
              <Empty icon="log" title={t('documents.none')} help={t('documents.noneHelp')} action={hand} />
            ) : (
              <DocumentList
                rows={rows}
                action={(row) => (
                  <>
                    <DocumentFile row={row} />
                    {manages && (
                      <Button size="small" onClick={() => setEditing(row)}>
                        {t('documents.change')}
                      </Button>
                    )}
                    {manages && row.state !== 'APPROVED' && (
                      <Button size="small" type="text" loading={withdraw.busy} onClick={() => void takeBack(row)}>
                        {t('documents.withdraw')}
                      </Button>
                    )}
                  </>
                )}
              />
            )}
          </section>
          <div className="stack">
            <section className="card">
              <h2 className="card-title">{t('suppliers.company')}</h2>
              <Company supplier={supplier} changed={refresh} />
            </section>
            <section className="card">
              <h2 className="card-title">{t('members.title')}</h2>
              <Members supplierId={supplier.id} name={party?.name ?? ''} />
            </section>
          </div>
        </div>
      )}
      {editing && supplier && (
        <DocumentSheet supplierId={supplier.id} row={editing === 'new' ? null : editing} close={() => setEditing(null)} changed={refresh} />
      )}
    </>
  );
}
