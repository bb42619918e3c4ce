import { App, Input, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { SetSupplierStandingDocument, type SupplierStanding } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

/** What a supplier may become (the server decides; this is what is offered). */
const next: Record<SupplierStanding, readonly SupplierStanding[]> = {
  APPLIED: ['ACTIVE', 'REJECTED', 'CLOSED'],
  ACTIVE: ['SUSPENDED', 'CLOSED'],
  REJECTED: ['APPLIED', 'CLOSED'],
  SUSPENDED: ['ACTIVE', 'CLOSED'],
  CLOSED: [],
};
type Props = { id: string; name: string; standing: SupplierStanding; version: number; close: () => void; changed: () => void };

/** Deciding how a supplier stands: taken on, suspended, ended; and why. */
export function StandingSheet({ id: supplierId, name, standing, version, close, changed }: Props) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [chosen, setChosen] = useState<SupplierStanding | null>(null);
  const [reason, setReason] = useState('');
  const action = useAction(SetSupplierStandingDocument, (data) => data.setSupplierStanding, 'SupplierStandingSet');
  const needsReason = chosen !== 'ACTIVE' && chosen !== 'APPLIED';
  const submit = async () => {
    if (!chosen) return;
    if (!(await action.run({ input: { supplierId, standing: chosen, reason: reason.trim() || null, expectedVersion: version } }))) return;
    void message.success(t('saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('suppliers.decideTitle', { name })}
      close={close}
      footer={
        <SheetAction
          danger={chosen !== null && needsReason}
          disabled={!chosen || (needsReason && reason.trim() === '')}
          busy={action.busy}
          run={submit}
        >
          {chosen ? t(`suppliers.become.${chosen}`, { name }) : t('suppliers.decide')}
        </SheetAction>
      }
    >
      <div className="field">
        <span className="field-label">{t('suppliers.standing')}</span>
        <Radio.Group
          className="choices"
          aria-label={t('suppliers.standing')}
          value={chosen}
          onChange={(event) => setChosen(event.target.value)}
        >
          {next[standing].map((value) => (
            <Radio key={value} value={value}>
              {t(`standing.${value}`)}
              <span className="field-help">{t(`standingHelp.${value}`)}</span>
            </Radio>
          ))}
        </Radio.Group>
      </div>
      {needsReason && (
        <Field label={t('reason')} help={t('suppliers.reasonHelp')}>
          {(id) => <Input.TextArea id={id} rows={2} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />}
        </Field>
      )}
      {action.note}
    </Sheet>
  );
}
