import { Input, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type AccountChoiceFragment, type ImportHeadFragment, type ImportItemRowFragment, PreviewImportDocument } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { SkuSelect } from '../parts/goods-select.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

type Props = {
  row: ImportItemRowFragment;
  preview: ImportHeadFragment;
  account: AccountChoiceFragment;
  close: () => void;
  asked: () => void;
};
type Target = 'sku' | 'new' | 'category';

/** Saying where an upstream's goods belong: a SKU of one's own, a new one, or another shelf. It holds from the next preview on. */
export function ImportMapSheet({ row, preview, account, close, asked }: Props) {
  const { t } = useTranslation('supply');
  const [target, setTarget] = useState<Target>('sku');
  const [skuId, setSkuId] = useState<string | null>(row.sku?.id ?? null);
  const [shelf, setShelf] = useState(row.categoryNames.join(' / '));
  const again = useAction(PreviewImportDocument, (data) => data.previewUpstreamImport, 'UpstreamImportAsked');
  const to = shelf.split('/').map((name) => name.trim());
  const isShelf = to.length <= 3 && to.every((name) => name !== '');
  const ready = target === 'new' || (target === 'sku' ? skuId !== null : isShelf);
  const submit = async () => {
    const said =
      target === 'category'
        ? { categories: [{ from: row.categoryNames, to }] }
        : { skus: [{ itemId: row.id, skuId: target === 'sku' ? skuId : null }] };
    const { markupPercent, rate, rateSource } = preview;
    const terms = { accountId: account.id, markupPercent, ...(rate ? { rate, rateSource } : {}) };
    if (!(await again.run({ input: { ...terms, ...said } }))) return;
    close();
    asked();
  };
  return (
    <Sheet
      title={t('imports.mapTitle', { goods: row.skuName })}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={again.busy} run={submit}>
          {t('imports.mapAndAsk')}
        </SheetAction>
      }
    >
      <Radio.Group
        className="choices"
        aria-label={t('imports.map')}
        value={target}
        onChange={(event) => setTarget(event.target.value as Target)}
      >
        <Radio value="sku">{t('imports.target.sku')}</Radio>
        <Radio value="new">{t('imports.target.new')}</Radio>
        {row.categoryNames.length > 0 && (
          <Radio value="category">{t('imports.target.category', { shelf: row.categoryNames.join(' / ') })}</Radio>
        )}
      </Radio.Group>
      {target === 'sku' && <Field label={t('catalogue.name')}>{(id) => <SkuSelect id={id} value={skuId} onChange={setSkuId} />}</Field>}
      {target === 'category' && (
        <Field label={t('catalogue.category')} help={t('imports.shelfHelp')}>
          {(id) => <Input id={id} value={shelf} onChange={(event) => setShelf(event.target.value)} />}
        </Field>
      )}
      <p className="field-help">{t('imports.mapHelp')}</p>
      {again.note}
    </Sheet>
  );
}
