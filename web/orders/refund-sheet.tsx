import { Input, Radio } from 'antd';
import { useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { type OrderRowFragment, type RefundBearer, RefundOrderDocument, type RefundOrderInput } from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { amountText } from '../parts/amounts.ts';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { newRequestKey } from '../parts/request-key.ts';
import { Sheet, SheetAction } from '../parts/sheet.tsx';

/** Refunding an order, or asking its owner to: whole or an amount, why, and who bears it. */
export function RefundSheet({ order, decides, close }: { order: OrderRowFragment; decides: boolean; close: () => void }) {
  const { t } = useTranslation();
  const ids = { reason: useId(), amount: useId() };
  const [whole, setWhole] = useState(true);
  const [amount, setAmount] = useState('');
  const [reason, setReason] = useState('');
  const [bearer, setBearer] = useState<RefundBearer>('OWNER');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, refund] = useMutation(RefundOrderDocument);
  const sent = useRef<RefundOrderInput | null>(null);
  const ready = reason.trim() !== '' && (whole || isAmount(amount));

  const submit = async () => {
    // After a lost answer the same intent goes out again under the same key.
    sent.current ??= {
      requestKey: newRequestKey(),
      orderId: order.id,
      amount: whole ? null : amount,
      bearer: decides ? bearer : null,
      reason: reason.trim(),
    };
    const { data } = await refund({ input: sent.current });
    if (!data) return;
    sent.current = null;
    if (data.refundOrder.__typename === 'OrderRefunded' || data.refundOrder.__typename === 'RefundRequested') return close();
    setRefusal(data.refundOrder);
  };
  return (
    <Sheet
      title={decides ? t('refund.refund') : t('refund.ask')}
      close={close}
      footer={
        <SheetAction danger={decides} disabled={!ready} busy={fetching} run={submit}>
          {decides ? t('refund.confirm', { buyer: order.buyer.name }) : t('refund.send')}
        </SheetAction>
      }
    >
      <p>
        {t('refund.lead', {
          goods: `${order.productName} ${order.skuName}`,
          count: order.quantity,
          total: amountText(order.total),
          buyer: order.buyer.name,
        })}
      </p>
      <Radio.Group value={whole} onChange={(event) => setWhole(event.target.value)} aria-label={t('refund.howMuch')}>
        <Radio value={true}>{t('refund.whole')}</Radio>
        <Radio value={false}>{t('refund.part')}</Radio>
      </Radio.Group>
      {!whole && (
        <div className="field">
          <label htmlFor={ids.amount}>{t('refund.amount')}</label>
          <AmountInput id={ids.amount} value={amount} onChange={setAmount} currency={order.total.currency} />
        </div>
      )}
      {decides && (
        <div className="field">
          <span className="field-label">{t('refund.bearer')}</span>
          <Radio.Group value={bearer} onChange={(event) => setBearer(event.target.value)} aria-label={t('refund.bearer')}>
            <Radio value="OWNER">{t('bearer.OWNER')}</Radio>
            <Radio value="SUPPLIER">{t('bearer.SUPPLIER')}</Radio>
          </Radio.Group>
        </div>
      )}
      <div className="field">
        <label htmlFor={ids.reason}>{t('reason')}</label>
        <Input.TextArea id={ids.reason} rows={2} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      </div>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
