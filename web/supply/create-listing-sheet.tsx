import { Input, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { CreateProductDocument, CreateSkuDocument } from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { Field } from '../parts/field.tsx';
import { CategorySelect } from '../parts/goods-select.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

const lines = ['product', 'name', 'scene', 'code'] as const;

/** Making what can be listed: a product and its first SKU, a draft that nobody else sees; its drawer opens then. */
export function CreateListingSheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation('supply');
  const navigate = useNavigate();
  const { currency } = useViewer();
  const [categoryId, setCategoryId] = useState<string | null>(null);
  const [texts, setTexts] = useState({ product: '', name: '', scene: '', code: '' });
  const [description, setDescription] = useState('');
  const [deliveryKind, setDeliveryKind] = useState<'FROM_STOCK' | 'SOURCED'>('FROM_STOCK');
  const [price, setPrice] = useState('');
  const [productId, setProductId] = useState<string | null>(null);
  const createProduct = useAction(CreateProductDocument, (data) => data.createProduct, 'ProductCreated');
  const createSku = useAction(CreateSkuDocument, (data) => data.createSku, 'SkuCreated');
  const said = Object.fromEntries(lines.map((key) => [key, texts[key].trim()])) as typeof texts;
  const ready = categoryId !== null && lines.every((key) => said[key] !== '') && isAmount(price, 4);
  const submit = async () => {
    if (categoryId === null) return;
    const product = { categoryId, name: said.product, description: description.trim(), attributes: [] };
    // a SKU that was refused is tried again with the product that is there by then
    const ofProduct = productId ?? (await createProduct.run({ input: product }))?.product?.id;
    if (!ofProduct) return;
    setProductId(ofProduct);
    const sku = { productId: ofProduct, code: said.code, name: said.name, scene: said.scene, basePrice: price, deliveryKind };
    const made = await createSku.run({ input: sku });
    if (!made) return;
    done();
    close();
    if (made.sku.listing) void navigate(`/supply/listings/${encodeURIComponent(made.sku.listing.id)}?show=draft`);
  };
  return (
    <Sheet
      title={t('listings.create')}
      close={close}
      width={600}
      footer={
        <SheetAction disabled={!ready} busy={createProduct.busy || createSku.busy} run={submit}>
          {t('listings.createDraft')}
        </SheetAction>
      }
    >
      <Field label={t('catalogue.category')}>{(id) => <CategorySelect id={id} value={categoryId} onChange={setCategoryId} />}</Field>
      <div className="field-row in-two">
        {lines.map((key) => (
          <Field key={key} label={t(`listings.form.${key}`)} help={t(`listings.form.${key}Help`)}>
            {(id) => (
              <Input
                id={id}
                maxLength={key === 'code' ? 40 : 100}
                disabled={key === 'product' && productId !== null}
                value={texts[key]}
                onChange={(event) => setTexts((before) => ({ ...before, [key]: event.target.value }))}
              />
            )}
          </Field>
        ))}
      </div>
      <Field label={t('listings.form.description')} help={t('listings.form.descriptionHelp')}>
        {(id) => (
          <Input.TextArea id={id} rows={3} maxLength={4000} value={description} onChange={(event) => setDescription(event.target.value)} />
        )}
      </Field>
      <Field label={t('imports.basePrice')}>
        {(id) => <AmountInput id={id} value={price} onChange={setPrice} currency={currency} decimals={4} />}
      </Field>
      <div className="field">
        <span className="field-label">{t('listings.delivery')}</span>
        <Radio.Group aria-label={t('listings.delivery')} value={deliveryKind} onChange={(event) => setDeliveryKind(event.target.value)}>
          <Radio value="FROM_STOCK">{t('listings.fromStock')}</Radio>
          <Radio value="SOURCED">{t('listings.sourced')}</Radio>
        </Radio.Group>
      </div>
      {createProduct.note}
      {createSku.note}
    </Sheet>
  );
}
