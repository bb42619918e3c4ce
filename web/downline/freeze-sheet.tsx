import { App } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { FreezeStationDocument, type StationRowFragment, UnfreezeStationDocument } from '../gql/graphql.ts';
import { ReasonField } from '../parts/reason-field.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';

/** Freezing a station, or ending the freeze: says what stops and for whom before it happens. */
export function FreezeSheet({ station, close }: { station: StationRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [reason, setReason] = useState('');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [freezing, freeze] = useMutation(FreezeStationDocument);
  const [thawing, unfreeze] = useMutation(UnfreezeStationDocument);
  const active = station.status === 'ACTIVE';
  const submit = async () => {
    setRefusal(null);
    const input = { stationId: station.id, expectedVersion: station.version ?? 0, reason: reason.trim() };
    const answer = active ? (await freeze({ input })).data?.freezeStation : (await unfreeze({ input })).data?.unfreezeStation;
    if (!answer) return;
    if (answer.__typename !== 'StationFroze' && answer.__typename !== 'StationUnfroze') return setRefusal(answer);
    void message.success(t(active ? 'freeze.done' : 'freeze.undone', { name: station.name }));
    close();
  };
  const error = freezing.error ?? thawing.error;
  return (
    <Sheet
      title={t(active ? 'freeze.title' : 'freeze.undoTitle', { name: station.name })}
      close={close}
      footer={
        <SheetAction danger={active} disabled={reason.trim() === ''} busy={freezing.fetching || thawing.fetching} run={submit}>
          {t(active ? 'freeze.confirm' : 'freeze.undoConfirm', { name: station.name })}
        </SheetAction>
      }
    >
      <p>{t(active ? 'freeze.help' : 'freeze.undoHelp', { name: station.name, count: station.childCount ?? 0 })}</p>
      <ReasonField value={reason} onChange={setReason} />
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
