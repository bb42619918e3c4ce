import { App, Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type BandRowFragment, BandRowFragmentDoc, BandsDocument, SetControlBandDocument } from '../gql/graphql.ts';
import { AmountInput } from '../parts/amount-input.tsx';
import { amountText } from '../parts/amounts.ts';
import { DataTable, More } from '../parts/data-table.tsx';
import { Field } from '../parts/field.tsx';
import { Money } from '../parts/money.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { useSettled } from '../parts/use-settled.ts';
import { useUrlState } from '../parts/use-url-state.ts';

/** Every SKU with its cost, base price and the band that holds resale prices. */
export function BandTable({ manage }: { manage: boolean }) {
  const { t } = useTranslation();
  const [search, setSearch] = useUrlState<string>('q', '');
  const settled = useSettled(search.trim(), 250);
  const [editing, setEditing] = useState<BandRowFragment | null>(null);
  const pages = usePages({
    query: BandsDocument,
    variables: { first: 50, filter: { search: settled || null } },
    connection: (data) => data.catalogue,
  });
  const edit = (sku: BandRowFragment) =>
    manage && (
      <Button size="small" onClick={() => setEditing(sku)} aria-label={`${t('controls.setBand')} ${sku.product.name} ${sku.name}`}>
        {t('controls.setBand')}
      </Button>
    );
  return (
    <>
      <div className="filter">
        <Input
          className="filter-search"
          allowClear
          placeholder={t('catalogue.search')}
          aria-label={t('catalogue.search')}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={10} columns={6} />
      ) : pages.nodes.length === 0 ? (
        <Empty icon="scale" title={t('catalogue.none')} />
      ) : (
        <DataTable
          label={t('controls.tab.bands')}
          rows={unmask(BandRowFragmentDoc, pages.nodes)}
          rowKey={(sku) => sku.id}
          columns={[
            {
              key: 'name',
              title: t('catalogue.name'),
              render: (sku) => <SkuName product={sku.product.name} name={sku.name} faceValue={sku.faceValue} />,
            },
            { key: 'cost', title: t('controls.cost'), align: 'right', render: (sku) => <Money value={sku.supplierCost} /> },
            { key: 'base', title: t('controls.base'), align: 'right', render: (sku) => <Money value={sku.basePrice} /> },
            { key: 'floor', title: t('controls.floor'), align: 'right', render: (sku) => <Money value={sku.controlBand?.floor} /> },
            { key: 'ceiling', title: t('controls.ceiling'), align: 'right', render: (sku) => <Money value={sku.controlBand?.ceiling} /> },
            { key: 'set', title: <span className="sr-only">{t('controls.setBand')}</span>, align: 'right', width: 96, render: edit },
          ]}
          phone={(sku) => (
            <>
              <div className="row-line">
                <SkuName product={sku.product.name} name={sku.name} faceValue={sku.faceValue} />
                <Money value={sku.basePrice} />
              </div>
              <div className="row-line soft">
                <span>
                  {t('controls.band')} <Money value={sku.controlBand?.floor} /> – <Money value={sku.controlBand?.ceiling} />
                </span>
                {edit(sku)}
              </div>
            </>
          )}
        />
      )}
      <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
      {editing && <BandSheet sku={editing} close={() => setEditing(null)} />}
    </>
  );
}

function BandSheet({ sku, close }: { sku: BandRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const { message } = App.useApp();
  const [floor, setFloor] = useState(sku.controlBand?.floor?.amount ?? '');
  const [ceiling, setCeiling] = useState(sku.controlBand?.ceiling?.amount ?? '');
  const [reason, setReason] = useState('');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, setBand] = useMutation(SetControlBandDocument);
  const valid = (text: string) => text === '' || /^\d{1,12}(\.\d{1,4})?$/.test(text);
  const submit = async () => {
    setRefusal(null);
    const answer = (
      await setBand({
        input: {
          skuId: sku.id,
          floor: floor || null,
          ceiling: ceiling || null,
          reason: reason.trim() || null,
          expectedVersion: sku.controlBand?.version ?? null,
        },
      })
    ).data?.setControlBand;
    if (!answer) return;
    if (answer.__typename !== 'ControlBandSet') return setRefusal(answer);
    void message.success(answer.clampedCount > 0 ? t('controls.bandSavedClamped', { count: answer.clampedCount }) : t('saved'));
    close();
  };
  return (
    <Sheet
      title={t('controls.bandTitle', { sku: `${sku.product.name} ${sku.name}` })}
      close={close}
      footer={
        <SheetAction disabled={!valid(floor) || !valid(ceiling)} busy={fetching} run={submit}>
          {t('controls.saveBand')}
        </SheetAction>
      }
    >
      <p className="soft">{t('controls.bandHelp', { base: sku.basePrice ? amountText(sku.basePrice) : '—' })}</p>
      <div className="field-row">
        <Field label={t('controls.floor')}>
          {(id) => <AmountInput id={id} value={floor} onChange={setFloor} currency={currency} decimals={4} optional />}
        </Field>
        <Field label={t('controls.ceiling')} help={t('controls.ceilingHelp')}>
          {(id) => <AmountInput id={id} value={ceiling} onChange={setCeiling} currency={currency} decimals={4} optional />}
        </Field>
      </div>
      <Field label={t('reason')}>
        {(id) => <Input id={id} maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
