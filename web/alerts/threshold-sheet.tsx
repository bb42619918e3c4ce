import { Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation, useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  SetStockThresholdDocument,
  SetWalletThresholdDocument,
  StockThresholdDocument,
  type ThresholdPartsFragment,
  ThresholdPartsFragmentDoc,
  WalletThresholdDocument,
} from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { amountText } from '../parts/amounts.ts';
import { Field } from '../parts/field.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Bone, Failure } from '../parts/states.tsx';
import './alerts.css';

/** Where the wallet is shown: below what one wants to be told of it, and the way to change that. */
export function WalletThreshold() {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [open, setOpen] = useState(false);
  const [{ data, error }, retry] = useQuery({
    query: WalletThresholdDocument,
    requestPolicy: 'cache-and-network',
    pause: !may('ALERTS_READ'),
  });
  if (!may('ALERTS_READ')) return null;
  if (error && !data) return <Failure error={error} retry={retry} />;
  if (!data) return <Bone height={24} />;
  const threshold = data.walletThreshold ? unmask(ThresholdPartsFragmentDoc, data.walletThreshold) : null;
  return (
    <p className="threshold-line soft">
      {threshold?.amount ? t('alerts.walletBelow', { amount: amountText(threshold.amount) }) : t('alerts.walletUnwatched')}
      {may('ALERTS_MANAGE') && (
        <Button size="small" onClick={() => setOpen(true)}>
          {t('alerts.setThreshold')}
        </Button>
      )}
      {open && (
        <WalletThresholdSheet threshold={threshold} close={() => setOpen(false)} refresh={() => retry({ requestPolicy: 'network-only' })} />
      )}
    </p>
  );
}

function WalletThresholdSheet({
  threshold,
  close,
  refresh,
}: {
  threshold: ThresholdPartsFragment | null;
  close: () => void;
  refresh: () => void;
}) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const [amount, setAmount] = useState(threshold?.amount?.amount ?? '');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, save] = useMutation(SetWalletThresholdDocument);
  const submit = async () => {
    const { data } = await save({ input: { amount: amount === '' ? null : amount, expectedVersion: threshold?.version ?? null } });
    if (!data) return;
    refresh();
    if (data.setWalletThreshold.__typename === 'WalletThresholdSet') close();
    else setRefusal(data.setWalletThreshold);
  };
  return (
    <Sheet
      title={t('alerts.walletTitle')}
      close={close}
      footer={<SaveButton ready={amount === '' || isAmount(amount)} fetching={fetching} save={submit} />}
    >
      <Field label={t('alerts.walletLabel')} help={t('alerts.thresholdHelp')}>
        {(id) => <AmountInput id={id} value={amount} onChange={setAmount} currency={currency} optional />}
      </Field>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}

/** Of a SKU of one's own: below how many card keys one wants to be told. */
export function StockThresholdSheet({ skuId, name, close }: { skuId: string; name: string; close: () => void }) {
  const { t } = useTranslation();
  const [{ data, error }, retry] = useQuery({ query: StockThresholdDocument, variables: { id: skuId }, requestPolicy: 'network-only' });
  const sku = data?.node && 'stockThreshold' in data.node ? data.node : null;
  const threshold = sku?.stockThreshold ? unmask(ThresholdPartsFragmentDoc, sku.stockThreshold) : null;
  if (data)
    return (
      <StockForm
        key={threshold?.version ?? 0}
        {...{ skuId, name, threshold, close }}
        refresh={() => retry({ requestPolicy: 'network-only' })}
      />
    );
  return (
    <Sheet title={t('alerts.stockTitle', { name })} close={close}>
      {error ? <Failure error={error} retry={retry} /> : <Bone height={64} />}
    </Sheet>
  );
}

type StockFormProps = { skuId: string; name: string; threshold: ThresholdPartsFragment | null; close: () => void; refresh: () => void };

function StockForm({ skuId, name, threshold, close, refresh }: StockFormProps) {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [count, setCount] = useState(threshold?.count ? String(threshold.count) : '');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, save] = useMutation(SetStockThresholdDocument);
  const submit = async () => {
    const input = { skuId, count: count === '' ? null : Number(count), expectedVersion: threshold?.version ?? null };
    const { data } = await save({ input });
    if (!data) return;
    if (data.setStockThreshold.__typename === 'StockThresholdSet') return close();
    setRefusal(data.setStockThreshold);
    refresh();
  };
  const ready = may('ALERTS_MANAGE') && /^([1-9]\d{0,2}|1000)?$/.test(count);
  return (
    <Sheet title={t('alerts.stockTitle', { name })} close={close} footer={<SaveButton ready={ready} fetching={fetching} save={submit} />}>
      <Field label={t('alerts.stockLabel')} help={t('alerts.thresholdHelp')}>
        {(id) => (
          <Input id={id} inputMode="numeric" autoComplete="off" value={count} onChange={(event) => setCount(event.target.value.trim())} />
        )}
      </Field>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}

function SaveButton({ ready, fetching, save }: { ready: boolean; fetching: boolean; save: () => Promise<void> }) {
  const { t } = useTranslation();
  return (
    <SheetAction disabled={!ready} busy={fetching} run={save}>
      {t('alerts.save')}
    </SheetAction>
  );
}
