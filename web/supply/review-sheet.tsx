import { App } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type DocumentRowFragment, ReviewSupplierDocumentDocument } from '../gql/graphql.ts';
import { Pairs } from '../parts/pairs.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';
import { dayText } from '../parts/when.tsx';

type Props = { row: DocumentRowFragment; approve: boolean; close: () => void; changed: () => void };

/** Approving or rejecting a document: what it says, and why not. */
export function ReviewSheet({ row, approve, close, changed }: Props) {
  const { t, i18n } = useTranslation('supply');
  const { message } = App.useApp();
  const [reason, setReason] = useState('');
  const review = useAction(ReviewSupplierDocumentDocument, (data) => data.reviewSupplierDocument, 'SupplierDocumentReviewed');
  const submit = async () => {
    const input = { documentId: row.id, approve, reason: reason.trim() || null, expectedVersion: row.version };
    if (!(await review.run({ input }))) return;
    void message.success(t(approve ? 'documents.approved' : 'documents.rejected'));
    changed();
    close();
  };
  const name = t(`documentType.${row.type}`);
  return (
    <Sheet
      title={t(approve ? 'documents.approveTitle' : 'documents.rejectTitle', { name })}
      close={close}
      footer={
        <SheetAction danger={!approve} disabled={!approve && reason.trim() === ''} busy={review.busy} run={submit}>
          {t(approve ? 'documents.approve' : 'documents.reject')}
        </SheetAction>
      }
    >
      <Pairs
        facts={[
          [t('documents.number'), row.number],
          [t('documents.expires'), row.expiresOn ? dayText(row.expiresOn, i18n.language) : t('documents.forEver')],
          [t('documents.file'), row.file?.name],
        ]}
      />
      <p className="soft">{t(approve ? 'documents.approveHelp' : 'documents.rejectHelp')}</p>
      {!approve && <ReasonField value={reason} onChange={setReason} />}
      {review.note}
    </Sheet>
  );
}
