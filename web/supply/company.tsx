import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import { type SupplierCompanyFragment, SupplierCompanyFragmentDoc } from '../gql/graphql.ts';
import { Pairs } from '../parts/pairs.tsx';
import { CompanySheet, ContactSheet } from './company-sheet.tsx';

type Contact = NonNullable<SupplierCompanyFragment['contacts']>[number];
type Props = { supplier: FragmentType<typeof SupplierCompanyFragmentDoc>; changed: () => void };

/** What a supplier is in law, and whom to call; changed by who manages it. */
export function Company({ supplier, changed }: Props) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const { id, version, contacts, company } = unmask(SupplierCompanyFragmentDoc, supplier);
  const [editing, setEditing] = useState<'company' | Contact | 'contact' | null>(null);
  const manages = may('SUPPLIERS_MANAGE');
  const common = { supplierId: id, close: () => setEditing(null), changed };
  return (
    <>
      <Pairs
        facts={[
          [t('company.legalName'), company?.legalName],
          [t('company.legalRepresentative'), company?.legalRepresentative],
          [t('company.registrationNumber'), company?.registrationNumber],
          [t('company.taxId'), company?.taxId],
          [t('company.address'), company?.address],
        ]}
      />
      {!company?.legalName && <p className="soft">{t('company.none')}</p>}
      {manages && (
        <Button size="small" onClick={() => setEditing('company')}>
          {t('company.edit')}
        </Button>
      )}
      <h3 className="contacts-title">{t('company.contacts')}</h3>
      {!contacts?.length && <p className="soft">{t('company.noContacts')}</p>}
      <ul className="contacts">
        {contacts?.map((contact) => (
          <li key={contact.id} className="row-line">
            <span>
              <b>{contact.name}</b> <span className="soft">{contact.role}</span>
              <br />
              {contact.phone && <a href={`tel:${contact.phone}`}>{contact.phone}</a>}{' '}
              {contact.email && <a href={`mailto:${contact.email}`}>{contact.email}</a>}
            </span>
            {manages && (
              <Button size="small" type="text" onClick={() => setEditing(contact)}>
                {t('company.edit')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {manages && (
        <Button size="small" onClick={() => setEditing('contact')}>
          {t('company.add')}
        </Button>
      )}
      {editing === 'company' && <CompanySheet {...common} company={company} version={version ?? 1} />}
      {editing !== null && editing !== 'company' && <ContactSheet {...common} contact={editing === 'contact' ? null : editing} />}
    </>
  );
}
