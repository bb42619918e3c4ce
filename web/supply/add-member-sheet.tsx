import { Button, Input, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { AddSupplierMemberDocument, type Role } from '../gql/graphql.ts';
import { CopyButton } from '../parts/copy.tsx';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

const roles: readonly Role[] = ['OWNER', 'MANAGER', 'FINANCE', 'OPERATOR', 'VIEWER'];

type Props = { supplierId: string; supplierName: string; close: () => void; changed: () => void };

/** Letting somebody sign in for a supplier; a new person's first password is shown once. */
export function AddMemberSheet({ supplierId, supplierName, close, changed }: Props) {
  const { t } = useTranslation('supply');
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('OPERATOR');
  const [password, setPassword] = useState<string | null>(null);
  const add = useAction(AddSupplierMemberDocument, (data) => data.addSupplierMember, 'SupplierMemberAdded');
  const submit = async () => {
    const answer = await add.run({ input: { supplierId, email: email.trim(), name: name.trim() || null, role } });
    if (!answer) return;
    changed();
    if (answer.temporaryPassword) setPassword(answer.temporaryPassword);
    else close();
  };
  if (password)
    return (
      <Sheet
        title={t('members.added', { name: name || email })}
        close={close}
        footer={<Button onClick={close}>{t('apiKeys.kept')}</Button>}
      >
        <p>{t('downline.password', { email })}</p>
        <div className="secret">
          <code>{password}</code>
          <CopyButton text={password} label={t('copy.copy')} primary />
        </div>
      </Sheet>
    );
  return (
    <Sheet
      title={t('members.addTitle', { name: supplierName })}
      close={close}
      footer={
        <SheetAction disabled={!email.includes('@')} busy={add.busy} run={submit}>
          {t('members.add')}
        </SheetAction>
      }
    >
      <Field label={t('signIn.email')} help={t('members.emailHelp')}>
        {(id) => <Input id={id} type="email" maxLength={200} value={email} onChange={(event) => setEmail(event.target.value)} />}
      </Field>
      <Field label={t('company.name')}>
        {(id) => <Input id={id} maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <Field label={t('members.role')}>
        {(id) => (
          <Select
            id={id}
            className="full"
            value={role}
            onChange={setRole}
            options={roles.map((value) => ({ value, label: t(`role.${value}`) }))}
          />
        )}
      </Field>
      {add.note}
    </Sheet>
  );
}
