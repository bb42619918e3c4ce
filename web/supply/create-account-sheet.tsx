import { Input, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { type ConnectorKind, CreateSupplyAccountDocument, SupplyAccountsDocument } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';
import { CallbackSheet } from './callback-sheet.tsx';

/** Making an account at a supplier's system: tried there before it is kept. Where it calls back is shown once. */
export function CreateAccountSheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation('supply');
  const { currency: own } = useViewer();
  const [{ data }] = useQuery({ query: SupplyAccountsDocument });
  const [supplierId, setSupplierId] = useState<string | null>(null);
  const [kind, setKind] = useState<ConnectorKind>('MANUAL');
  const [name, setName] = useState('');
  const [baseUrl, setBaseUrl] = useState('');
  const [currency, setCurrency] = useState(own);
  const [values, setValues] = useState<Record<string, string>>({});
  const [callbackUrl, setCallbackUrl] = useState<string | null>(null);
  const create = useAction(CreateSupplyAccountDocument, (answer) => answer.createSupplyAccount, 'SupplyAccountCreated');
  const fields = data?.supplyKinds.find((one) => one.kind === kind)?.accountFields ?? [];
  const ready =
    supplierId !== null &&
    name.trim() !== '' &&
    (kind === 'MANUAL' || baseUrl.trim() !== '') &&
    fields.every((field) => !field.isRequired || values[field.name]?.trim());
  const submit = async () => {
    if (!supplierId) return;
    const settings = fields.flatMap((field) =>
      values[field.name]?.trim() ? [{ name: field.name, value: values[field.name]?.trim() ?? '' }] : [],
    );
    const answer = await create.run({
      input: { supplierId, kind, name: name.trim(), baseUrl: baseUrl.trim() || null, currency, settings },
    });
    if (!answer) return;
    done();
    if (answer.callbackUrl) setCallbackUrl(answer.callbackUrl);
    else close();
  };
  if (callbackUrl) return <CallbackSheet title={t('accounts.created')} url={callbackUrl} close={close} />;
  return (
    <Sheet
      title={t('accounts.create')}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={!ready} busy={create.busy} run={submit}>
          {t(kind === 'MANUAL' ? 'accounts.save' : 'accounts.tryAndSave')}
        </SheetAction>
      }
    >
      <Field label={t('attempts.supplier')}>
        {(id) => (
          <Select
            id={id}
            className="full"
            value={supplierId ?? undefined}
            onChange={setSupplierId}
            options={data?.suppliers.map((one) => ({ value: one.id, label: one.name })) ?? []}
          />
        )}
      </Field>
      <Field label={t('offers.kind')}>
        {(id) => (
          <Select
            id={id}
            className="full"
            value={kind}
            onChange={setKind}
            options={data?.supplyKinds.map((one) => ({ value: one.kind, label: t(`connector.${one.kind}`) })) ?? []}
          />
        )}
      </Field>
      <Field label={t('accounts.name')}>
        {(id) => <Input id={id} maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      {kind !== 'MANUAL' && (
        <Field label={t('accounts.baseUrl')} help={t('accounts.baseUrlHelp')}>
          {(id) => (
            <Input
              id={id}
              inputMode="url"
              value={baseUrl}
              onChange={(event) => setBaseUrl(event.target.value)}
              placeholder="https://shop.example.com"
            />
          )}
        </Field>
      )}
      <Field label={t('accounts.currency')}>
        {(id) => <Input id={id} maxLength={3} value={currency} onChange={(event) => setCurrency(event.target.value.toUpperCase())} />}
      </Field>
      {fields.map((field) => (
        <Field key={field.name} label={field.isRequired ? field.name : `${field.name} ${t('offers.optional')}`}>
          {(id) => (
            <Input
              id={id}
              type={field.isSecret ? 'password' : 'text'}
              autoComplete="off"
              maxLength={field.maxLength}
              value={values[field.name] ?? ''}
              onChange={(event) => setValues((before) => ({ ...before, [field.name]: event.target.value }))}
            />
          )}
        </Field>
      ))}
      {create.note}
    </Sheet>
  );
}
