import { App, Input, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { type DepositMove, MoveDepositDocument, type SupplierMoneyFragment } from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { amountText } from '../parts/amounts.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction, useRequestKey } from '../parts/use-action.tsx';

const moves = ['PAY_IN', 'DEDUCT', 'RETURN'] as const;
type Props = { id: string; name: string; money: SupplierMoneyFragment; close: () => void; changed: () => void };

/** Moving a supplier's deposit: paid in, deducted with a reason, or given back. */
export function DepositSheet({ id: supplierId, name, money, close, changed }: Props) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const { currency } = useViewer();
  const [move, setMove] = useState<DepositMove>('PAY_IN');
  const [amount, setAmount] = useState('');
  const [reason, setReason] = useState('');
  const requestKey = useRequestKey();
  const action = useAction(MoveDepositDocument, (data) => data.moveSupplierDeposit, 'SupplierDepositMoved');
  const ready = isAmount(amount) && reason.trim() !== '';
  const submit = async () => {
    const input = { supplierId, move, amount, reason: reason.trim() };
    if (!(await action.run({ input: { ...input, requestKey: requestKey(input) } }))) return;
    void message.success(t('deposit.done'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('deposit.title', { name })}
      close={close}
      footer={
        <SheetAction danger={move === 'DEDUCT'} disabled={!ready} busy={action.busy} run={submit}>
          {ready ? t(`deposit.confirm.${move}`, { amount: amountText({ amount, currency }), name }) : t(`deposit.move.${move}`)}
        </SheetAction>
      }
    >
      {money.deposit && <p className="soft">{t('deposit.now', { amount: amountText(money.deposit) })}</p>}
      <div className="field">
        <span className="field-label">{t('deposit.what')}</span>
        <Radio.Group aria-label={t('deposit.what')} value={move} onChange={(event) => setMove(event.target.value)}>
          {moves.map((value) => (
            <Radio key={value} value={value}>
              {t(`deposit.move.${value}`)}
            </Radio>
          ))}
        </Radio.Group>
        <span className="field-help">{t(`deposit.help.${move}`)}</span>
      </div>
      <Field label={t('wallet.amount')}>{(id) => <AmountInput id={id} value={amount} onChange={setAmount} currency={currency} />}</Field>
      <Field label={t('reason')}>
        {(id) => <Input id={id} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {action.note}
    </Sheet>
  );
}
