import { App, Input, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import {
  ChangeSupplierDocumentDocument,
  type DocumentRowFragment,
  DocumentRowFragmentDoc,
  SubmitSupplierDocumentDocument,
  SupplierCategoriesDocument,
  type SupplierDocumentType,
} from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Icon } from '../parts/icon.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';
import { useDocumentFile } from './use-document-file.ts';

const types: readonly SupplierDocumentType[] = [
  'BUSINESS_LICENCE',
  'ICP_LICENCE',
  'EDI_LICENCE',
  'TRADEMARK_AUTHORISATION',
  'GAME_PUBLISHING_LICENCE',
  'AGENCY_CONTRACT',
  'OTHER',
];
type Props = { supplierId: string; row: DocumentRowFragment | null; close: () => void; changed: () => void };

/** Handing in a document with its file, or changing one: it waits for headquarters then. */
export function DocumentSheet({ supplierId, row, close, changed }: Props) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [type, setType] = useState<SupplierDocumentType>(row?.type ?? 'BUSINESS_LICENCE');
  const [number, setNumber] = useState(row?.number ?? '');
  const [issuedOn, setIssuedOn] = useState(row?.issuedOn ?? '');
  const [expiresOn, setExpiresOn] = useState(row?.expiresOn ?? '');
  const [categoryIds, setCategoryIds] = useState<string[]>(row?.categories.map((one) => one.categoryId) ?? []);
  const [brands, setBrands] = useState<string[]>([...(row?.brands ?? [])]);
  const [file, setFile] = useState<File | null>(null);
  const [{ data }] = useQuery({ query: SupplierCategoriesDocument });
  const submit = useAction(SubmitSupplierDocumentDocument, (answer) => answer.submitSupplierDocument, 'SupplierDocumentSubmitted');
  const change = useAction(ChangeSupplierDocumentDocument, (answer) => answer.changeSupplierDocument, 'SupplierDocumentChanged');
  const files = useDocumentFile();
  const ready = (type === 'OTHER' || number.trim() !== '') && (file !== null || row?.file !== null);
  const send = async () => {
    const facts = { type, number: number.trim(), issuedOn: issuedOn || null, expiresOn: expiresOn || null, categoryIds, brands };
    const answer = row
      ? await change.run({ input: { documentId: row.id, expectedVersion: row.version, facts } })
      : await submit.run({ input: { supplierId, facts } });
    if (!answer) return;
    const { filePath } = unmask(DocumentRowFragmentDoc, answer.document);
    const isKept = file === null || (await files.put(filePath, file));
    changed();
    close();
    if (isKept) void message.success(t('documents.handed'));
  };
  return (
    <Sheet
      title={row ? t(`documentType.${row.type}`) : t('documents.hand')}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={!ready} busy={submit.busy || change.busy || files.busy} run={send}>
          {t('documents.hand')}
        </SheetAction>
      }
    >
      <Field label={t('documents.type')}>
        {(id) => (
          <Select id={id} value={type} onChange={setType} options={types.map((value) => ({ value, label: t(`documentType.${value}`) }))} />
        )}
      </Field>
      <Field label={t('documents.number')}>
        {(id) => <Input id={id} maxLength={200} value={number} onChange={(event) => setNumber(event.target.value)} />}
      </Field>
      <div className="field-row">
        <Field label={t('documents.issued')}>
          {(id) => <Input id={id} type="date" value={issuedOn} onChange={(event) => setIssuedOn(event.target.value)} />}
        </Field>
        <Field label={t('documents.expires')} help={t('documents.expiresHelp')}>
          {(id) => <Input id={id} type="date" value={expiresOn} onChange={(event) => setExpiresOn(event.target.value)} />}
        </Field>
      </div>
      <Field label={t('documents.categories')} help={t('documents.coversHelp')}>
        {(id) => (
          <Select
            id={id}
            mode="multiple"
            showSearch={{ optionFilterProp: 'label' }}
            value={categoryIds}
            onChange={setCategoryIds}
            options={data?.supplierCategories.map((one) => ({ value: one.categoryId, label: one.name })) ?? []}
          />
        )}
      </Field>
      <Field label={t('documents.brands')}>
        {(id) => <Select id={id} mode="tags" value={brands} onChange={setBrands} open={false} suffixIcon={null} />}
      </Field>
      <Field label={t('documents.file')} help={t('documents.handHelp')}>
        {(id) => (
          <label className="file-field">
            <Icon name="upload" size={16} /> {file?.name ?? row?.file?.name ?? t('stock.file')}
            <input
              id={id}
              type="file"
              className="sr-only"
              accept="application/pdf,image/png,image/jpeg"
              onChange={(event) => setFile(event.target.files?.[0] ?? null)}
            />
          </label>
        )}
      </Field>
      {submit.note}
      {change.note}
    </Sheet>
  );
}
