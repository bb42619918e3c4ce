import { Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CreateSupplierDocument } from '../gql/graphql.ts';
import { CopyButton } from '../parts/copy.tsx';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction, useRequestKey } from '../parts/use-action.tsx';

/** Taking a supplier in; the first password of its owner is shown once. */
export function CreateSupplierSheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation('supply');
  const [draft, setDraft] = useState({ name: '', code: '', ownerEmail: '', ownerName: '' });
  const [password, setPassword] = useState<string | null>(null);
  const requestKey = useRequestKey();
  const create = useAction(CreateSupplierDocument, (data) => data.createSupplier, 'SupplierCreated');
  const ready = draft.name.trim() !== '' && draft.code.trim() !== '' && (draft.ownerEmail === '' || draft.ownerEmail.includes('@'));
  const submit = async () => {
    const input = {
      name: draft.name.trim(),
      code: draft.code.trim(),
      ownerEmail: draft.ownerEmail.trim() || null,
      ownerName: draft.ownerName.trim() || null,
    };
    const answer = await create.run({ input: { ...input, requestKey: requestKey(input) } });
    if (!answer) return;
    done();
    if (answer.temporaryPassword) setPassword(answer.temporaryPassword);
    else close();
  };
  if (password)
    return (
      <Sheet title={t('suppliers.created', { name: draft.name })} close={close} footer={<Button onClick={close}>{t('close')}</Button>}>
        <p>{t('downline.password', { email: draft.ownerEmail })}</p>
        <div className="secret">
          <code>{password}</code>
          <CopyButton text={password} label={t('copy.copy')} primary />
        </div>
      </Sheet>
    );
  const fields = [
    ['name', t('suppliers.name'), undefined],
    ['code', t('downline.code'), t('downline.codeHelp')],
    ['ownerEmail', t('downline.ownerEmail'), t('downline.ownerEmailHelp')],
    ['ownerName', t('downline.ownerName'), undefined],
  ] as const;
  return (
    <Sheet
      title={t('suppliers.create')}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={create.busy} run={submit}>
          {t('suppliers.create')}
        </SheetAction>
      }
    >
      {fields.map(([name, label, help]) => (
        <Field key={name} label={label} {...(help ? { help } : {})}>
          {(id) => (
            <Input
              id={id}
              maxLength={200}
              value={draft[name]}
              onChange={(event) => setDraft((before) => ({ ...before, [name]: event.target.value }))}
            />
          )}
        </Field>
      ))}
      {create.note}
    </Sheet>
  );
}
