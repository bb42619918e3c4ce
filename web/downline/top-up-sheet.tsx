import { App, Input } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { useViewer } from '../app/session.tsx';
import { type StationRowFragment, TopUpWalletDocument, type TopUpWalletInput } from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { amountText } from '../parts/amounts.ts';
import { Field } from '../parts/field.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { newRequestKey } from '../parts/request-key.ts';
import { Sheet, SheetAction } from '../parts/sheet.tsx';

/** Topping up a station's wallet: from cash for headquarters' finance, from one's own wallet for a parent. */
export function TopUpSheet({ station, close }: { station: StationRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { currency, party } = useViewer();
  const [amount, setAmount] = useState('');
  const [note, setNote] = useState('');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, topUp] = useMutation(TopUpWalletDocument);
  const sent = useRef<TopUpWalletInput | null>(null);
  const submit = async () => {
    sent.current ??= { requestKey: newRequestKey(), stationId: station.id, amount, note: note.trim() || null };
    const { data } = await topUp({ input: sent.current });
    if (!data) return;
    sent.current = null;
    if (data.topUpWallet.__typename !== 'WalletToppedUp') return setRefusal(data.topUpWallet);
    void message.success(t('topUp.done', { name: station.name, amount: amountText(data.topUpWallet.amount) }));
    close();
  };
  const ready = isAmount(amount);
  return (
    <Sheet
      title={t('topUp.title', { name: station.name })}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={fetching} run={submit}>
          {ready ? t('topUp.confirm', { amount: amountText({ amount, currency }), name: station.name }) : t('topUp.action')}
        </SheetAction>
      }
    >
      <p className="soft">{party?.kind === 'HEADQUARTERS' ? t('topUp.fromCash') : t('topUp.fromWallet')}</p>
      <Field label={t('topUp.amount')}>{(id) => <AmountInput id={id} value={amount} onChange={setAmount} currency={currency} />}</Field>
      <Field label={t('topUp.note')}>
        {(id) => <Input id={id} value={note} maxLength={200} onChange={(event) => setNote(event.target.value)} />}
      </Field>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
