import { App, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CloseStationDocument, type StationRowFragment } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

/** Closing a frozen station: says that there is no way back and what has to be settled first, and asks for its code to be typed. */
export function CloseStationSheet({ station, close }: { station: StationRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const closing = useAction(CloseStationDocument, (data) => data.closeStation, 'StationClosed');
  const { name, code } = station;
  const submit = async () => {
    const input = { stationId: station.id, expectedVersion: station.version ?? 0, reason: reason.trim() };
    if ((await closing.run({ input })) === null) return;
    void message.success(t('closeStation.done', { name }));
    close();
  };
  return (
    <Sheet
      title={t('closeStation.title', { name })}
      close={close}
      footer={
        <SheetAction danger disabled={reason.trim() === '' || typed.trim() !== code} busy={closing.busy} run={submit}>
          {t('closeStation.confirm', { name })}
        </SheetAction>
      }
    >
      <p>{t('closeStation.help')}</p>
      <ReasonField value={reason} onChange={setReason} />
      <Field label={t('closeStation.type', { code })}>
        {(id) => <Input id={id} autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />}
      </Field>
      {closing.note}
    </Sheet>
  );
}
