import { App, Input } from 'antd';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { SaveSupplierContactDocument, SetSupplierCompanyDocument, type SupplierCompanyFragment } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

const companyFields = ['legalName', 'legalRepresentative', 'registrationNumber', 'taxId', 'address'] as const;
const contactFields = ['name', 'role', 'phone', 'email'] as const;
type Line = (typeof companyFields)[number] | (typeof contactFields)[number];
type Common = { supplierId: string; close: () => void; changed: () => void };
type Contact = NonNullable<SupplierCompanyFragment['contacts']>[number];

/** Writing down what a supplier is in law. */
export function CompanySheet({ company, version, ...common }: Common & { company: SupplierCompanyFragment['company']; version: number }) {
  const { t } = useTranslation('supply');
  const save = useAction(SetSupplierCompanyDocument, (data) => data.setSupplierCompany, 'SupplierCompanySet');
  return (
    <LinesSheet
      {...common}
      title={t('suppliers.company')}
      fields={companyFields}
      first={company ?? {}}
      action={save}
      run={(lines) => save.run({ input: { supplierId: common.supplierId, expectedVersion: version, ...lines } })}
    />
  );
}

/** Adding a contact of a supplier, or changing one. */
export function ContactSheet({ contact, ...common }: Common & { contact: Contact | null }) {
  const { t } = useTranslation('supply');
  const save = useAction(SaveSupplierContactDocument, (data) => data.saveSupplierContact, 'SupplierContactSaved');
  return (
    <LinesSheet
      {...common}
      title={contact?.name ?? t('company.add')}
      fields={contactFields}
      first={contact ?? {}}
      action={save}
      run={({ name = '', ...lines }) =>
        save.run({
          input: {
            supplierId: common.supplierId,
            contactId: contact?.id ?? null,
            expectedVersion: contact?.version ?? null,
            name,
            ...lines,
          },
        })
      }
    />
  );
}

type LinesProps<Name extends Line> = Common & {
  title: string;
  fields: readonly Name[];
  first: Partial<Record<Name, string>>;
  action: { busy: boolean; note: ReactNode };
  run: (lines: Partial<Record<Name, string>>) => Promise<unknown>;
};

function LinesSheet<Name extends Line>(props: LinesProps<Name>) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [lines, setLines] = useState<Partial<Record<Name, string>>>(
    () => Object.fromEntries(props.fields.map((name) => [name, props.first[name] ?? ''])) as Partial<Record<Name, string>>,
  );
  const submit = async () => {
    if (!(await props.run(lines))) return;
    void message.success(t('saved'));
    props.changed();
    props.close();
  };
  return (
    <Sheet
      title={props.title}
      close={props.close}
      footer={
        <SheetAction busy={props.action.busy} run={submit}>
          {t('company.save')}
        </SheetAction>
      }
    >
      {props.fields.map((name) => (
        <Field key={name} label={t(`company.${name as Line}`)}>
          {(id) => (
            <Input
              id={id}
              maxLength={500}
              value={lines[name] ?? ''}
              onChange={(event) => setLines((before) => ({ ...before, [name]: event.target.value }))}
            />
          )}
        </Field>
      ))}
      {props.action.note}
    </Sheet>
  );
}
