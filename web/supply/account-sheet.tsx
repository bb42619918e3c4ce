import { App, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type AccountRowFragment, UpdateSupplyAccountDocument } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';
import type { AccountKind } from './account-drawer.tsx';

type Props = { row: AccountRowFragment; kind: AccountKind; close: () => void; changed: () => void };

/** Changing an account: only what was typed is sent. Secrets are replaced, never shown; the system is tried before it is saved. */
export function AccountSheet({ row, kind, close, changed }: Props) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const before = Object.fromEntries(row.settings.map(({ name, value }) => [name, value]));
  const [name, setName] = useState(row.name);
  const [baseUrl, setBaseUrl] = useState(row.baseUrl);
  const [callsAtOnce, setCallsAtOnce] = useState(String(row.callsAtOnce));
  const [values, setValues] = useState<Record<string, string>>(before);
  const update = useAction(UpdateSupplyAccountDocument, (data) => data.updateSupplyAccount, 'SupplyAccountUpdated');
  const hasSystem = row.kind !== 'MANUAL';
  const isTried = hasSystem && row.isEnabled;
  const isCount = /^[1-9]\d{0,3}$/.test(callsAtOnce) && Number(callsAtOnce) <= kind.callsAtOnceMax;
  const settings = kind.accountFields
    .map((field) => ({ name: field.name, value: (values[field.name] ?? '').trim() }))
    .filter((setting) => setting.value !== (before[setting.name] ?? ''));
  const missing = kind.accountFields.some((field) => field.isRequired && !field.isSecret && !values[field.name]?.trim());
  const ready = name.trim() !== '' && (!hasSystem || (baseUrl.trim() !== '' && isCount)) && !missing;
  const submit = async () => {
    const input = {
      supplyAccountId: row.id,
      expectedVersion: row.version,
      name: name.trim(),
      ...(hasSystem ? { baseUrl: baseUrl.trim(), callsAtOnce: Number(callsAtOnce), settings } : {}),
    };
    if (!(await update.run({ input }))) return;
    void message.success(t(isTried ? 'accounts.answered' : 'saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('accounts.editTitle', { name: row.name })}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={!ready} busy={update.busy} run={submit}>
          {t(isTried ? 'accounts.tryAndSave' : 'accounts.save')}
        </SheetAction>
      }
    >
      <Field label={t('accounts.name')}>
        {(id) => <Input id={id} maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      {hasSystem && (
        <Field label={t('accounts.baseUrl')} help={t('accounts.baseUrlHelp')}>
          {(id) => <Input id={id} inputMode="url" value={baseUrl} onChange={(event) => setBaseUrl(event.target.value)} />}
        </Field>
      )}
      {kind.accountFields.map((field) => (
        <Field key={field.name} label={field.name} help={field.isSecret ? t('accounts.secretHelp') : undefined}>
          {(id) => (
            <Input
              id={id}
              type={field.isSecret ? 'password' : 'text'}
              autoComplete={field.isSecret ? 'new-password' : 'off'}
              maxLength={field.maxLength}
              placeholder={field.isSecret ? '••••••••' : ''}
              value={values[field.name] ?? ''}
              onChange={(event) => setValues((now) => ({ ...now, [field.name]: event.target.value }))}
            />
          )}
        </Field>
      ))}
      {hasSystem && kind.callsAtOnceMax > 1 && (
        <Field label={t('accounts.callsAtOnce')} help={t('accounts.callsAtOnceHelp', { max: kind.callsAtOnceMax })}>
          {(id) => (
            <Input
              id={id}
              inputMode="numeric"
              status={isCount ? '' : 'error'}
              value={callsAtOnce}
              onChange={(event) => setCallsAtOnce(event.target.value.trim())}
            />
          )}
        </Field>
      )}
      {isTried && <p className="field-help">{t('accounts.tryHelp')}</p>}
      {update.note}
    </Sheet>
  );
}
