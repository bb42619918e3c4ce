import { App, Radio } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { DecideRefundDocument, type DecideRefundInput, type RefundBearer, type RefundRowFragment } from '../gql/graphql.ts';
import { amountText } from '../parts/amounts.ts';
import { ReasonField } from '../parts/reason-field.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { newRequestKey } from '../parts/request-key.ts';
import { Sheet, SheetAction } from '../parts/sheet.tsx';

/** A decision about to be made. */
export type Decision = { row: RefundRowFragment; approve: boolean };

/** Approving or declining a refund: says what happens to whom before it does. */
export function DecideSheet({ decision, close, done }: { decision: Decision; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { row, approve } = decision;
  const [bearer, setBearer] = useState<RefundBearer>(row.bearer ?? 'OWNER');
  const [reason, setReason] = useState('');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, decide] = useMutation(DecideRefundDocument);
  const sent = useRef<DecideRefundInput | null>(null);
  const submit = async () => {
    sent.current ??= {
      requestKey: newRequestKey(),
      refundId: row.id,
      approve,
      bearer: approve ? bearer : null,
      reason: reason.trim() || null,
    };
    const { data } = await decide({ input: sent.current });
    if (!data) return;
    sent.current = null;
    if (data.decideRefund.__typename !== 'OrderRefunded' && data.decideRefund.__typename !== 'RefundDeclined')
      return setRefusal(data.decideRefund);
    void message.success(approve ? t('refund.approved') : t('refund.declined'));
    done();
    close();
  };
  const amount = amountText(row.amount);
  return (
    <Sheet
      title={approve ? t('refund.approve') : t('refund.decline')}
      close={close}
      footer={
        <SheetAction danger={!approve} busy={fetching} disabled={!approve && reason.trim() === ''} run={submit}>
          {approve
            ? t('refund.approveConfirm', { amount, buyer: row.order.buyer.name })
            : t('refund.declineConfirm', { buyer: row.order.buyer.name })}
        </SheetAction>
      }
    >
      <p>
        {t('refund.lead', {
          goods: `${row.order.productName} ${row.order.skuName}`,
          count: row.order.quantity,
          total: amountText(row.order.total),
          buyer: row.order.buyer.name,
        })}
      </p>
      <p className="soft">{row.reason}</p>
      {approve && (
        <div className="field">
          <span className="field-label">{t('refund.bearer')}</span>
          <Radio.Group aria-label={t('refund.bearer')} value={bearer} onChange={(event) => setBearer(event.target.value)}>
            <Radio value="OWNER">{t('bearer.OWNER')}</Radio>
            <Radio value="SUPPLIER">{t('bearer.SUPPLIER')}</Radio>
          </Radio.Group>
        </div>
      )}
      <ReasonField value={reason} onChange={setReason} />
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
