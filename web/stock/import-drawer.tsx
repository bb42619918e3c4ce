import { Button, Input, Radio, Select } from 'antd';
import { type ChangeEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { type CardKeyFormat, ImportCardKeysDocument, type ImportCardKeysInput, type LotTerms, SuppliersDocument } from '../gql/graphql.ts';
import { AmountInput } from '../parts/amount-input.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Field } from '../parts/field.tsx';
import { SkuSelect } from '../parts/goods-select.tsx';
import { Icon } from '../parts/icon.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { newRequestKey } from '../parts/request-key.ts';
import { SheetAction } from '../parts/sheet.tsx';

const shownLines = 2_000;

/** Importing card keys as one lot: pasted or from a file, encrypted by the server before they touch anything. */
export function ImportDrawer() {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const navigate = useNavigate();
  const [skuId, setSkuId] = useState<string | null>(null);
  const [supplierId, setSupplierId] = useState<string | null>(null);
  const [terms, setTerms] = useState<LotTerms>('CONSIGNMENT');
  const [totalCost, setTotalCost] = useState('');
  const [expiresOn, setExpiresOn] = useState('');
  const [format, setFormat] = useState<CardKeyFormat>('TEXT');
  const [text, setText] = useState('');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ data: suppliers }] = useQuery({ query: SuppliersDocument });
  const [{ fetching, error }, start] = useMutation(ImportCardKeysDocument);
  const sent = useRef<ImportCardKeysInput | null>(null);
  const lineCount = text === '' ? 0 : text.split('\n').filter((line) => line.trim() !== '').length;
  const ready = skuId !== null && supplierId !== null && /^\d{1,12}(\.\d{1,2})?$/.test(totalCost) && lineCount > 0;

  const submit = async () => {
    if (!skuId) return;
    sent.current ??= { requestKey: newRequestKey(), skuId, supplierId, terms, totalCost, expiresOn: expiresOn || null, format, text };
    const { data } = await start({ input: sent.current });
    if (!data) return;
    sent.current = null;
    if (data.importCardKeys.__typename !== 'CardKeysImportStarted') return setRefusal(data.importCardKeys);
    void navigate(`/stock/jobs/${encodeURIComponent(data.importCardKeys.job.id)}`, { replace: true });
  };
  return (
    <DetailDrawer
      title={t('stock.import')}
      parent="/stock"
      footer={
        <SheetAction disabled={!ready} busy={fetching} run={submit}>
          {lineCount > 0 ? t('stock.importCount', { count: lineCount }) : t('stock.import')}
        </SheetAction>
      }
    >
      <Field label={t('catalogue.name')}>{(id) => <SkuSelect id={id} value={skuId} onChange={setSkuId} />}</Field>
      <Field label={t('stock.supplier')}>
        {(id) => (
          <Select
            id={id}
            className="full"
            value={supplierId ?? undefined}
            onChange={setSupplierId}
            options={suppliers?.suppliers.map((one) => ({ value: one.id, label: one.name })) ?? []}
          />
        )}
      </Field>
      <div className="field">
        <span className="field-label">{t('stock.terms')}</span>
        <Radio.Group aria-label={t('stock.terms')} value={terms} onChange={(event) => setTerms(event.target.value)}>
          <Radio value="CONSIGNMENT">{t('lotTerms.CONSIGNMENT')}</Radio>
          <Radio value="OWN">{t('lotTerms.OWN')}</Radio>
        </Radio.Group>
        <span className="field-help">{t(`lotTermsHelp.${terms}`)}</span>
      </div>
      <div className="field-row">
        <Field label={t('stock.totalCost')}>
          {(id) => <AmountInput id={id} value={totalCost} onChange={setTotalCost} currency={currency} />}
        </Field>
        <Field label={t('stock.expires')}>
          {(id) => <Input id={id} type="date" value={expiresOn} onChange={(event) => setExpiresOn(event.target.value)} />}
        </Field>
      </div>
      <KeysField format={format} setFormat={setFormat} text={text} setText={setText} lineCount={lineCount} />
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </DetailDrawer>
  );
}

function KeysField(props: {
  format: CardKeyFormat;
  setFormat: (format: CardKeyFormat) => void;
  text: string;
  setText: (text: string) => void;
  lineCount: number;
}) {
  const { t } = useTranslation();
  const [fileName, setFileName] = useState<string | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const read = async (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = event.target.files?.[0];
    if (!chosen) return;
    props.setText(await chosen.text());
    props.setFormat(chosen.name.toLowerCase().endsWith('.csv') ? 'CSV' : 'TEXT');
    setFileName(chosen.name);
  };
  const clear = () => {
    setFileName(null);
    props.setText('');
    if (file.current) file.current.value = '';
  };
  return (
    <>
      <div className="field">
        <span className="field-label">{t('stock.format')}</span>
        <Radio.Group aria-label={t('stock.format')} value={props.format} onChange={(event) => props.setFormat(event.target.value)}>
          <Radio value="TEXT">{t('cardKeyFormat.TEXT')}</Radio>
          <Radio value="CSV">{t('cardKeyFormat.CSV')}</Radio>
        </Radio.Group>
        <span className="field-help">{t(`cardKeyFormatHelp.${props.format}`)}</span>
      </div>
      <Field label={t('stock.keysText')} help={t('stock.keysHelp', { count: props.lineCount })}>
        {(id) =>
          // A file of a hundred thousand lines would only make the field slow: it is named instead.
          props.lineCount > shownLines || fileName ? (
            <div className="file-chosen">
              <span>
                {fileName ?? t('stock.pasted')} · {t('stock.lines', { count: props.lineCount })}
              </span>
              <Button id={id} size="small" onClick={clear}>
                {t('stock.clear')}
              </Button>
            </div>
          ) : (
            <Input.TextArea
              id={id}
              className="mono"
              rows={8}
              spellCheck={false}
              autoComplete="off"
              value={props.text}
              onChange={(event) => props.setText(event.target.value)}
            />
          )
        }
      </Field>
      <input
        ref={file}
        type="file"
        accept=".txt,.csv,text/plain,text/csv"
        className="sr-only"
        aria-label={t('stock.file')}
        tabIndex={-1}
        onChange={(event) => void read(event)}
      />
      <Button icon={<Icon name="upload" size={16} />} onClick={() => file.current?.click()}>
        {t('stock.file')}
      </Button>
    </>
  );
}
