import { Button, Input, Radio, Select } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation, useQuery } from 'urql';
import { OpenStationDocument, type OpenStationInput, StationLevelsDocument } from '../gql/graphql.ts';
import { CopyButton } from '../parts/copy.tsx';
import { Field } from '../parts/field.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { newRequestKey } from '../parts/request-key.ts';
import { Sheet, SheetAction } from '../parts/sheet.tsx';

type Draft = Pick<OpenStationInput, 'kind' | 'name' | 'code' | 'levelId' | 'ownerEmail' | 'ownerName'>;

const blank: Draft = { kind: 'RESELLER', name: '', code: '', levelId: null, ownerEmail: '', ownerName: '' };

/** Opening a station below one's own; its owner's first password is shown once. */
export function OpenStationSheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState<Draft>(blank);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [opened, setOpened] = useState<{ name: string; password: string | null } | null>(null);
  const [{ data: levels }] = useQuery({ query: StationLevelsDocument });
  const [{ fetching, error }, open] = useMutation(OpenStationDocument);
  const sent = useRef<OpenStationInput | null>(null);
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const ready = draft.name.trim() !== '' && draft.code.trim() !== '' && (!draft.ownerEmail || draft.ownerEmail.includes('@'));

  const submit = async () => {
    sent.current ??= {
      requestKey: newRequestKey(),
      ...draft,
      name: draft.name.trim(),
      code: draft.code.trim(),
      ownerEmail: draft.ownerEmail?.trim() || null,
      ownerName: draft.ownerName?.trim() || null,
    };
    const { data } = await open({ input: sent.current });
    if (!data) return;
    sent.current = null;
    if (data.openStation.__typename !== 'StationOpened') return setRefusal(data.openStation);
    done();
    setOpened({ name: draft.name, password: data.openStation.temporaryPassword ?? null });
  };

  if (opened)
    return (
      <Sheet title={t('downline.opened', { name: opened.name })} close={close} footer={<Button onClick={close}>{t('close')}</Button>}>
        {opened.password ? (
          <>
            <p>{t('downline.password', { email: draft.ownerEmail ?? '' })}</p>
            <div className="secret">
              <code>{opened.password}</code>
              <CopyButton text={opened.password} label={t('copy.copy')} primary />
            </div>
          </>
        ) : (
          <p>{t('downline.openedHelp')}</p>
        )}
      </Sheet>
    );
  return (
    <Sheet
      title={t('downline.open')}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={fetching} run={submit}>
          {t('downline.open')}
        </SheetAction>
      }
    >
      <div className="field">
        <span className="field-label">{t('downline.kind')}</span>
        <Radio.Group aria-label={t('downline.kind')} value={draft.kind} onChange={(event) => set({ kind: event.target.value })}>
          <Radio value="RESELLER">{t('stationKind.RESELLER')}</Radio>
          <Radio value="SUBSTATION">{t('stationKind.SUBSTATION')}</Radio>
        </Radio.Group>
      </div>
      <Field label={t('downline.name')}>
        {(id) => <Input id={id} value={draft.name} maxLength={80} onChange={(event) => set({ name: event.target.value })} />}
      </Field>
      <Field label={t('downline.code')} help={t('downline.codeHelp')}>
        {(id) => <Input id={id} value={draft.code} maxLength={40} onChange={(event) => set({ code: event.target.value })} />}
      </Field>
      <Field label={t('downline.level')}>
        {(id) => (
          <Select
            id={id}
            allowClear
            value={draft.levelId ?? undefined}
            options={levels?.station?.levels.map((level) => ({ value: level.id, label: level.name })) ?? []}
            onChange={(levelId) => set({ levelId: levelId ?? null })}
            placeholder={t('downline.noLevel')}
          />
        )}
      </Field>
      <Field label={t('downline.ownerEmail')} help={t('downline.ownerEmailHelp')}>
        {(id) => (
          <Input id={id} type="email" value={draft.ownerEmail ?? ''} onChange={(event) => set({ ownerEmail: event.target.value })} />
        )}
      </Field>
      <Field label={t('downline.ownerName')}>
        {(id) => <Input id={id} value={draft.ownerName ?? ''} onChange={(event) => set({ ownerName: event.target.value })} />}
      </Field>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
