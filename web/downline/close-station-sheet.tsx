import { App, Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CloseStationDocument, type StationRowFragment } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

/** Closing a frozen station: says that there is no way back, and what has to be settled first. */
export function CloseStationSheet({ station, close }: { station: StationRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [reason, setReason] = useState('');
  const closing = useAction(CloseStationDocument, (data) => data.closeStation, 'StationClosed');
  const { name } = station;
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
        <Button
          type="primary"
          danger
          size="large"
          block
          disabled={reason.trim() === ''}
          loading={closing.busy}
          onClick={() => void submit()}
        >
          {t('closeStation.confirm', { name })}
        </Button>
      }
    >
      <p>{t('closeStation.help')}</p>
      <Field label={t('reason')}>
        {(id) => <Input.TextArea id={id} rows={2} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {closing.note}
    </Sheet>
  );
}
