import { App, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { type OfferRowFragment, UpdateSupplyOfferDocument } from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

const counts = ['minQuantity', 'maxQuantity', 'leadTimeSeconds', 'priority', 'weight', 'dailyCap'] as const;
type Count = (typeof counts)[number];

/** Changing an offer: what it costs, at which rate, what was agreed, how much of it, and its place in the routing. */
export function OfferSheet({ row, close, changed }: { row: OfferRowFragment; close: () => void; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const { currency } = useViewer();
  const [cost, setCost] = useState(row.upstreamUnitCost);
  const [agreed, setAgreed] = useState(row.agreedUnitCost?.amount ?? '');
  const [rate, setRate] = useState(row.rate);
  const [rateSource, setRateSource] = useState(row.rateSource);
  const [reason, setReason] = useState('');
  const [lines, setLines] = useState(
    () => Object.fromEntries(counts.map((name) => [name, String(row[name] ?? '')])) as Record<Count, string>,
  );
  const update = useAction(UpdateSupplyOfferDocument, (data) => data.updateSupplyOffer, 'SupplyOfferUpdated');
  const isCount = (name: Count) => /^\d{1,7}$/.test(lines[name]) || (name === 'dailyCap' && lines[name] === '');
  const isForeign = row.upstreamCurrency !== currency;
  const isRated = !isForeign || (isAmount(rate, 8) && rateSource.trim() !== '');
  const ready = isAmount(cost, 4) && isRated && (agreed === '' || isAmount(agreed, 4)) && counts.every(isCount);
  const submit = async () => {
    const { dailyCap, ...rest } = lines;
    const isRateNew = isForeign && (rate !== row.rate || rateSource !== row.rateSource);
    const isCostNew = cost !== row.upstreamUnitCost || isRateNew;
    const rated = isForeign ? { rate, rateSource: rateSource.trim(), rateAt: isRateNew ? aMomentAgo() : (row.rateAt ?? aMomentAgo()) } : {};
    const input = {
      supplyOfferId: row.id,
      expectedVersion: row.version,
      ...(isCostNew ? { cost: { unitCost: cost, ...rated } } : {}),
      agreedUnitCost: agreed || null,
      dailyCap: dailyCap === '' ? null : Number(dailyCap),
      minQuantity: Number(rest.minQuantity),
      maxQuantity: Number(rest.maxQuantity),
      leadTimeSeconds: Number(rest.leadTimeSeconds),
      priority: Number(rest.priority),
      weight: Number(rest.weight),
      reason: reason.trim(),
    };
    if (!(await update.run({ input }))) return;
    void message.success(t('saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('offers.editTitle', { name: row.supplier?.name ?? '' })}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={!ready} busy={update.busy} run={submit}>
          {t('offers.save')}
        </SheetAction>
      }
    >
      <div className="field-row">
        <Field label={t('offers.costOf', { count: row.unitSize })}>
          {(id) => <AmountInput id={id} value={cost} onChange={setCost} currency={row.upstreamCurrency} decimals={4} />}
        </Field>
        <Field label={t('offers.agreed')} help={t('offers.agreedHelp')}>
          {(id) => <AmountInput id={id} value={agreed} onChange={setAgreed} currency={currency} decimals={4} optional />}
        </Field>
      </div>
      {isForeign && (
        <div className="field-row">
          <Field label={t('offers.rate', { from: row.upstreamCurrency, to: currency })}>
            {(id) => <AmountInput id={id} value={rate} onChange={setRate} decimals={8} />}
          </Field>
          <Field label={t('offers.rateSource')}>
            {(id) => <Input id={id} maxLength={100} value={rateSource} onChange={(event) => setRateSource(event.target.value)} />}
          </Field>
        </div>
      )}
      <div className="field-grid">
        {counts.map((name) => (
          <Field key={name} label={t(`offers.${name}`)}>
            {(id) => (
              <Input
                id={id}
                inputMode="numeric"
                status={isCount(name) ? '' : 'error'}
                value={lines[name]}
                onChange={(event) => setLines((before) => ({ ...before, [name]: event.target.value.trim() }))}
              />
            )}
          </Field>
        ))}
      </div>
      <Field label={t('reason')}>
        {(id) => <Input id={id} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {update.note}
    </Sheet>
  );
}

/** When a rate that was just typed was so: a clock that is a little fast must not make it one of the future. */
function aMomentAgo(): string {
  return new Date(Date.now() - 60_000).toISOString();
}
