import { App, Input, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ScheduleListingDocument, SubmitListingDocument } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import type { MoveProps } from './owner-moves.tsx';
import { useListingAction } from './use-listing-action.ts';

/** Handing a listing in for its checks and its review, or setting the time of one that is approved: at once, or when. */
export function GoLiveSheet({ what, row, base, close, changed }: MoveProps & { what: 'submit' | 'schedule' }) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [isLater, setLater] = useState(false);
  const [at, setAt] = useState('');
  const [marginReason, setMarginReason] = useState('');
  const submit = useListingAction(SubmitListingDocument, (data) => data.submitListing);
  const schedule = useListingAction(ScheduleListingDocument, (data) => data.scheduleListing);
  const action = what === 'submit' ? submit : schedule;
  const ready = !isLater || !Number.isNaN(Date.parse(at));
  const run = async () => {
    const goLiveAt = isLater ? new Date(at).toISOString() : null;
    const done =
      what === 'submit'
        ? await submit.run({ input: { ...base, goLiveAt, marginReason: marginReason.trim() || null } })
        : await schedule.run({ input: { ...base, goLiveAt } });
    if (!done) return;
    void message.success(t(what === 'submit' ? 'listings.submitted' : 'saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={`${t(`listings.${what}`)} · ${row.title}`}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={action.busy} run={run}>
          {t(`listings.${what}`)}
        </SheetAction>
      }
    >
      {what === 'submit' && <p>{t('listings.submitHelp')}</p>}
      <div className="field">
        <span className="field-label">{t('listings.goLive')}</span>
        <Radio.Group aria-label={t('listings.goLive')} value={isLater} onChange={(event) => setLater(event.target.value as boolean)}>
          <Radio value={false}>{t(what === 'submit' ? 'listings.onceApproved' : 'listings.atOnce')}</Radio>
          <Radio value={true}>{t('listings.later')}</Radio>
        </Radio.Group>
      </div>
      {isLater && (
        <Field label={t('listings.goLiveAt')} help={t('listings.goLiveAtHelp')}>
          {(id) => <Input id={id} type="datetime-local" value={at} onChange={(event) => setAt(event.target.value)} />}
        </Field>
      )}
      {what === 'submit' && (
        <Field label={t('listings.marginReason')} help={t('listings.marginReasonHelp')}>
          {(id) => <Input id={id} maxLength={500} value={marginReason} onChange={(event) => setMarginReason(event.target.value)} />}
        </Field>
      )}
      {action.note}
    </Sheet>
  );
}
