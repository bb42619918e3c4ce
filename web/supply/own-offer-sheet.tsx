import { App, Input, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type OfferRowFragment, SetSupplyOfferAvailabilityDocument, SetSupplyOfferCostDocument } from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

/** What a supplier says of its own offer: its price, whether it sells, and how many there are. */
export function OwnOfferSheet({ row, close, changed }: { row: OfferRowFragment; close: () => void; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [cost, setCost] = useState(row.upstreamUnitCost);
  const [isPaused, setPaused] = useState(row.isPaused);
  const [stock, setStock] = useState(row.stockCount === null || row.stockCount === undefined ? '' : String(row.stockCount));
  const setOfferCost = useAction(SetSupplyOfferCostDocument, (data) => data.setSupplyOfferCost, 'SupplyOfferCostSet');
  const available = useAction(SetSupplyOfferAvailabilityDocument, (data) => data.setSupplyOfferAvailability, 'SupplyOfferAvailabilitySet');
  const ready = isAmount(cost, 4) && /^\d{0,9}$/.test(stock);
  const submit = async () => {
    const supplyOfferId = row.id;
    let expectedVersion = row.version;
    if (cost !== row.upstreamUnitCost) {
      if (!(await setOfferCost.run({ input: { supplyOfferId, expectedVersion, cost: { unitCost: cost } } }))) return;
      expectedVersion += 1;
    }
    const stockCount = stock === '' ? null : Number(stock);
    const isSame = isPaused === row.isPaused && stockCount === (row.stockCount ?? null);
    const input = { supplyOfferId, expectedVersion, isPaused, ...(row.kind === 'MANUAL' ? { stockCount } : {}) };
    if (!isSame && !(await available.run({ input }))) return;
    void message.success(t('saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={`${row.productName} ${row.skuName}`}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={setOfferCost.busy || available.busy} run={submit}>
          {t('offers.save')}
        </SheetAction>
      }
    >
      <Field label={t('offers.costOf', { count: row.unitSize })} help={t('offers.ownCostHelp')}>
        {(id) => <AmountInput id={id} value={cost} onChange={setCost} currency={row.upstreamCurrency} decimals={4} />}
      </Field>
      {row.kind === 'MANUAL' && (
        <Field label={t('offers.stockCount')} help={t('offers.stockHelp')}>
          {(id) => <Input id={id} inputMode="numeric" value={stock} onChange={(event) => setStock(event.target.value.trim())} />}
        </Field>
      )}
      <label className="switch-line">
        <Switch checked={!isPaused} onChange={(on) => setPaused(!on)} aria-label={t('offers.onSale')} /> {t('offers.onSale')}
      </label>
      {setOfferCost.note}
      {available.note}
    </Sheet>
  );
}
