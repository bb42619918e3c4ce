import { Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { type AccountChoiceFragment, type ImportHeadFragment, PreviewImportDocument } from '../gql/graphql.ts';
import { AmountInput } from '../parts/amount-input.tsx';
import { Field } from '../parts/field.tsx';
import { useAction } from '../parts/use-action.tsx';

const isPercent = (text: string) => /^\d{1,4}(\.\d{1,4})?$/.test(text);
const isRate = (text: string) => /^\d{1,9}(\.\d{1,8})?$/.test(text) && /[1-9]/.test(text);

/** On what terms a catalogue is previewed: the markup for new prices, and a rate where the account counts in other money. */
export function PreviewForm({
  account,
  before,
  asked,
}: {
  account: AccountChoiceFragment;
  before: ImportHeadFragment | null;
  asked: () => void;
}) {
  const { t } = useTranslation('supply');
  const { may, currency } = useViewer();
  const isForeign = account.currency !== currency;
  const [markup, setMarkup] = useState(before ? plainPercent(before.markupPercent) : '10');
  const [rate, setRate] = useState(before?.rate ?? '');
  const [rateSource, setRateSource] = useState(before?.rateSource ?? '');
  const preview = useAction(PreviewImportDocument, (data) => data.previewUpstreamImport, 'UpstreamImportAsked');
  const ready = isPercent(markup) && (!isForeign || (isRate(rate) && rateSource.trim() !== ''));
  const submit = async () => {
    const terms = isForeign ? { rate, rateSource: rateSource.trim() } : {};
    if (await preview.run({ input: { accountId: account.id, markupPercent: markup, ...terms } })) asked();
  };
  if (!may('SUPPLY_MANAGE')) return null;
  return (
    <form
      className="import-terms"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void submit();
      }}
    >
      <Field label={t('imports.markup')} help={t('imports.markupHelp')}>
        {(id) => (
          <Input
            id={id}
            className="amount-input"
            inputMode="decimal"
            suffix="%"
            status={isPercent(markup) ? '' : 'error'}
            value={markup}
            onChange={(event) => setMarkup(event.target.value.trim())}
          />
        )}
      </Field>
      {isForeign && (
        <>
          <Field label={t('offers.rate', { from: account.currency, to: currency })}>
            {(id) => <AmountInput id={id} value={rate} onChange={setRate} decimals={8} />}
          </Field>
          <Field label={t('offers.rateSource')}>
            {(id) => <Input id={id} maxLength={100} value={rateSource} onChange={(event) => setRateSource(event.target.value)} />}
          </Field>
        </>
      )}
      <Button
        type={before ? 'default' : 'primary'}
        htmlType="submit"
        disabled={!ready}
        loading={preview.busy || before?.state === 'PENDING'}
      >
        {t(before ? 'imports.again' : 'imports.ask')}
      </Button>
      {preview.note && <div className="import-note">{preview.note}</div>}
    </form>
  );
}

/** 10.0000 as people write it. */
function plainPercent(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
