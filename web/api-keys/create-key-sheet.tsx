import { Button, Checkbox, Input, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { CreateApiKeyDocument, type Permission } from '../gql/graphql.ts';
import { CopyButton } from '../parts/copy.tsx';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

// whoever lets others in is a person
const neverOfPrograms: readonly Permission[] = ['MEMBERS_MANAGE', 'API_KEYS_MANAGE'];
const usual: readonly Permission[] = ['CATALOGUE_READ', 'ORDERS_READ', 'ORDERS_PLACE', 'CARD_KEYS_REVEAL', 'WALLET_READ'];
const lifetimes = ['30', '90', '365', ''] as const;
const dayMs = 24 * 60 * 60 * 1_000;

/** Making a key for a program. Its secret is shown once and never again. */
export function CreateKeySheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const { may, permissions: own } = useViewer();
  const [name, setName] = useState('');
  const [permissions, setPermissions] = useState<Permission[]>(usual.filter(may));
  const [lifetime, setLifetime] = useState<(typeof lifetimes)[number]>('90');
  const [ips, setIps] = useState('');
  const [secret, setSecret] = useState<string | null>(null);
  const create = useAction(CreateApiKeyDocument, (data) => data.createApiKey, 'ApiKeyCreated');
  const submit = async () => {
    const expiresAt = lifetime ? new Date(Date.now() + Number(lifetime) * dayMs).toISOString() : null;
    const allowedIps = ips.split(/[\s,，]+/).filter(Boolean);
    const answer = await create.run({ input: { name: name.trim(), permissions, expiresAt, allowedIps } });
    if (!answer) return;
    setSecret(answer.secret);
    done();
  };
  if (secret)
    return (
      <Sheet title={t('apiKeys.created')} close={close} footer={<Button onClick={close}>{t('apiKeys.kept')}</Button>}>
        <p>{t('apiKeys.once')}</p>
        <div className="secret">
          <code>{secret}</code>
          <CopyButton text={secret} label={t('copy.copy')} primary />
        </div>
      </Sheet>
    );
  return (
    <Sheet
      title={t('apiKeys.create')}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={name.trim() === '' || permissions.length === 0} busy={create.busy} run={submit}>
          {t('apiKeys.create')}
        </SheetAction>
      }
    >
      <Field label={t('apiKeys.name')} help={t('apiKeys.nameHelp')}>
        {(id) => <Input id={id} maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <div className="field">
        <span className="field-label">{t('apiKeys.scopes')}</span>
        <Checkbox.Group
          className="scopes"
          value={permissions}
          onChange={(chosen) => setPermissions(chosen as Permission[])}
          options={own.filter((value) => !neverOfPrograms.includes(value)).map((value) => ({ value, label: t(`permission.${value}`) }))}
        />
      </div>
      <div className="field-row">
        <Field label={t('apiKeys.lifetime')}>
          {(id) => (
            <Select
              id={id}
              value={lifetime}
              onChange={setLifetime}
              options={lifetimes.map((value) => ({
                value,
                label: value ? t('apiKeys.days', { count: Number(value) }) : t('apiKeys.noExpiry'),
              }))}
            />
          )}
        </Field>
        <Field label={t('apiKeys.ips')} help={t('apiKeys.ipsHelp')}>
          {(id) => <Input id={id} value={ips} onChange={(event) => setIps(event.target.value)} placeholder="203.0.113.7" />}
        </Field>
      </div>
      {create.note}
    </Sheet>
  );
}
