import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { RemoveSupplierMemberDocument, SupplierMembersDocument, type SupplierMembersQuery } from '../gql/graphql.ts';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Failure, RowsSkeleton } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.tsx';
import { AddMemberSheet } from './add-member-sheet.tsx';

type Member = NonNullable<Extract<SupplierMembersQuery['node'], { __typename: 'Supplier' }>['members']>[number];

/** Who signs in for a supplier, and as what; added and taken off by its own owner or headquarters'. */
export function Members({ supplierId, name }: { supplierId: string; name: string }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [sheet, setSheet] = useState<'add' | Member | null>(null);
  const [{ data, error }, retry] = useQuery({
    query: SupplierMembersDocument,
    variables: { id: supplierId },
    requestPolicy: 'cache-and-network',
  });
  const members = data?.node?.__typename === 'Supplier' ? (data.node.members ?? []) : null;
  const changed = () => retry({ requestPolicy: 'network-only' });
  const close = () => setSheet(null);
  if (!members) return error ? <Failure error={error} retry={changed} /> : <RowsSkeleton rows={2} columns={2} />;
  const manages = may('MEMBERS_MANAGE');
  return (
    <>
      {members.length === 0 && <p className="soft">{t('members.none')}</p>}
      <ul className="contacts">
        {members.map((member) => (
          <li key={member.membershipId} className="row-line">
            <span className="member">
              <span>
                <b>{member.name}</b> <span className="soft">{t(`role.${member.role}`)}</span>
              </span>
              <span className="soft">{member.email}</span>
            </span>
            {manages && (
              <Button
                size="small"
                type="text"
                aria-label={t('members.removeTitle', { name: member.name })}
                onClick={() => setSheet(member)}
              >
                {t('members.remove')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {manages && (
        <Button size="small" onClick={() => setSheet('add')}>
          {t('members.add')}
        </Button>
      )}
      {sheet === 'add' && <AddMemberSheet supplierId={supplierId} supplierName={name} close={close} changed={changed} />}
      {sheet !== null && sheet !== 'add' && <RemoveSheet supplierId={supplierId} member={sheet} close={close} changed={changed} />}
    </>
  );
}

type RemoveProps = { supplierId: string; member: Member; close: () => void; changed: () => void };

function RemoveSheet({ supplierId, member, close, changed }: RemoveProps) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const remove = useAction(RemoveSupplierMemberDocument, (data) => data.removeSupplierMember, 'SupplierMemberRemoved');
  const submit = async () => {
    if (!(await remove.run({ input: { supplierId, membershipId: member.membershipId } }))) return;
    void message.success(t('members.removed'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('members.removeTitle', { name: member.name })}
      close={close}
      footer={
        <SheetAction danger busy={remove.busy} run={submit}>
          {t('members.removeTitle', { name: member.name })}
        </SheetAction>
      }
    >
      <p>{t('members.removeHelp', { email: member.email })}</p>
      {remove.note}
    </Sheet>
  );
}
