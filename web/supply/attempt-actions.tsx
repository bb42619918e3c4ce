import { App, Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  AskPurchaseAgainDocument,
  type AttemptDetailsFragment,
  type AttemptRowFragment,
  AttemptRowFragmentDoc,
  DeliverPurchaseDocument,
  GiveUpPurchaseDocument,
} from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { Field } from '../parts/field.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

type Props = { attempt: AttemptDetailsFragment; changed: () => void };
type SheetProps = { row: AttemptRowFragment; close: () => void; changed: () => void };

/** What a person can do about a purchase that waits for them: hand over the goods, give the money back, or ask once more. */
export function AttemptActions({ attempt, changed }: Props) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const { message } = App.useApp();
  const row = unmask(AttemptRowFragmentDoc, attempt);
  const [open, setOpen] = useState<'deliver' | 'refund' | null>(null);
  const ask = useAction(AskPurchaseAgainDocument, (data) => data.askPurchaseAgain, 'PurchaseAsked');
  if (!row.attentionReason || !may('SUPPLY_MANAGE')) return null;
  const askAgain = async () => {
    if (!(await ask.run({ input: { purchaseAttemptId: row.id } }))) return;
    void message.success(t('attempts.asked'));
    changed();
  };
  const close = () => setOpen(null);
  return (
    <section className="decision">
      <div className="decision-actions">
        <Button type="primary" onClick={() => setOpen('deliver')}>
          {t(row.goodsKind === 'TOP_UP' ? 'attempts.deliverTopUp' : 'attempts.deliver')}
        </Button>
        {row.attentionReason !== 'MANUAL' && (
          <Button loading={ask.busy} onClick={() => void askAgain()}>
            {t('attempts.askAgain')}
          </Button>
        )}
        <Button danger onClick={() => setOpen('refund')}>
          {t(row.purpose === 'ORDER' ? 'attempts.refund' : 'attempts.giveUp')}
        </Button>
      </div>
      {ask.note}
      {open === 'deliver' && <DeliverSheet row={row} close={close} changed={changed} />}
      {open === 'refund' && <RefundSheet row={row} close={close} changed={changed} />}
    </section>
  );
}

function DeliverSheet({ row, close, changed }: SheetProps) {
  const { t } = useTranslation('supply');
  const { currency } = useViewer();
  const { message } = App.useApp();
  const [text, setText] = useState('');
  const [cost, setCost] = useState('');
  const deliver = useAction(DeliverPurchaseDocument, (data) => data.deliverPurchase, 'PurchaseDelivered');
  const isKeys = row.goodsKind === 'CARD_KEY';
  const have = keysIn(text).length;
  const ready = (!isKeys || have === row.quantity) && (cost === '' || isAmount(cost));
  const submit = async () => {
    const input = { purchaseAttemptId: row.id, cardKeys: isKeys ? keysIn(text) : null, cost: cost || null };
    if (!(await deliver.run({ input }))) return;
    void message.success(t('attempts.delivered'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('attempts.deliverTitle', { goods: nameOf(row), count: row.quantity })}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={!ready} busy={deliver.busy} run={submit}>
          {row.order ? t('attempts.deliverConfirm', { buyer: row.order.buyer.name }) : t('attempts.deliver')}
        </SheetAction>
      }
    >
      {isKeys ? (
        <Field
          label={t('attempts.keys')}
          help={
            text !== '' && have !== row.quantity
              ? t('attempts.wrongCount', { want: row.quantity, have })
              : t('attempts.deliverHelp', { count: row.quantity })
          }
        >
          {(id) => (
            <Input.TextArea
              id={id}
              className="mono"
              spellCheck={false}
              autoComplete="off"
              autoSize={{ minRows: 4, maxRows: 12 }}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
      ) : (
        <p>{t('attempts.deliverTopUpHelp')}</p>
      )}
      <Field label={t('attempts.paid')} help={t('attempts.paidHelp')}>
        {(id) => <AmountInput id={id} value={cost} onChange={setCost} currency={currency} optional />}
      </Field>
      {deliver.note}
    </Sheet>
  );
}

function RefundSheet({ row, close, changed }: SheetProps) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [reason, setReason] = useState('');
  const refund = useAction(GiveUpPurchaseDocument, (data) => data.giveUpPurchase, 'PurchaseGivenUp');
  const submit = async () => {
    if (!(await refund.run({ input: { purchaseAttemptId: row.id, reason: reason.trim() } }))) return;
    void message.success(t('attempts.refunded'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('attempts.refundTitle', { goods: nameOf(row), count: row.quantity })}
      close={close}
      footer={
        <SheetAction danger disabled={reason.trim() === ''} busy={refund.busy} run={submit}>
          {row.order ? t('attempts.refundConfirm', { buyer: row.order.buyer.name }) : t('attempts.giveUp')}
        </SheetAction>
      }
    >
      <p>{t('attempts.refundHelp')}</p>
      <ReasonField value={reason} onChange={setReason} />
      {refund.note}
    </Sheet>
  );
}

function nameOf(row: AttemptRowFragment): string {
  return `${row.productName} ${row.skuName}`;
}

/** One card key a line: the secret, or the number and the secret with a space or tab between. */
function keysIn(text: string) {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [first = '', ...rest] = line.split(/\s+/);
      return rest.length === 0 ? { number: null, secret: first } : { number: first, secret: rest.join(' ') };
    });
}
