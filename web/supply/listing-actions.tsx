import { App, Button, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  AcknowledgeListingDocument,
  ApproveListingDocument,
  ConfirmListingCheckDocument,
  type ListingDetailsFragment,
  ListingRowFragmentDoc,
  RecheckListingDocument,
  RejectListingDocument,
} from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { OwnerMoves } from './owner-moves.tsx';
import { useListingAction } from './use-listing-action.ts';

type Noted = 'approve' | 'reject' | 'confirm';

/** What may be decided about a listing: a reviewer approves or rejects it, its owner moves it. */
export function ListingActions({ listing, changed }: { listing: ListingDetailsFragment; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { may, party } = useViewer();
  const { message } = App.useApp();
  const row = unmask(ListingRowFragmentDoc, listing);
  const [sheet, setSheet] = useState<Noted | null>(null);
  const recheck = useListingAction(RecheckListingDocument, (data) => data.recheckListing);
  const acknowledge = useListingAction(AcknowledgeListingDocument, (data) => data.acknowledgeListing);
  const base = { skuId: row.sku?.id ?? row.id, expectedVersion: row.version };
  const act = async (action: typeof recheck) => {
    if (!(await action.run({ input: base }))) return;
    void message.success(t('saved'));
    changed();
  };
  const reviews = may('LISTINGS_REVIEW');
  const manages = may('LISTINGS_MANAGE') && row.owner?.id === party?.id;
  const isSubmitted = row.state === 'SUBMITTED';
  const isPassed = listing.checks.every(({ state }) => state === 'PASSED');
  return (
    <section>
      <div className="decision-actions">
        {reviews && isSubmitted && (
          <>
            <Button type="primary" disabled={!isPassed} onClick={() => setSheet('approve')}>
              {t('listings.approve')}
            </Button>
            <Button onClick={() => setSheet('reject')}>{t('listings.reject')}</Button>
            {listing.checks.some(({ needsPerson }) => needsPerson) && (
              <Button onClick={() => setSheet('confirm')}>{t('listings.confirm')}</Button>
            )}
          </>
        )}
        {isSubmitted && (reviews || manages) && (
          <Button loading={recheck.busy} onClick={() => void act(recheck)}>
            {t('listings.recheck')}
          </Button>
        )}
        {reviews && row.hasUnreviewedChanges && !isSubmitted && (
          <Button type="primary" loading={acknowledge.busy} onClick={() => void act(acknowledge)}>
            {t('listings.acknowledge')}
          </Button>
        )}
        {manages && <OwnerMoves row={row} changed={changed} />}
      </div>
      {recheck.note}
      {acknowledge.note}
      {sheet && <NoteSheet what={sheet} title={row.title} base={base} close={() => setSheet(null)} changed={changed} />}
    </section>
  );
}

type NoteProps = {
  what: Noted;
  title: string;
  base: { skuId: string; expectedVersion: number };
  close: () => void;
  changed: () => void;
};

function NoteSheet({ what, title, base, close, changed }: NoteProps) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [note, setNote] = useState('');
  const approve = useListingAction(ApproveListingDocument, (data) => data.approveListing);
  const reject = useListingAction(RejectListingDocument, (data) => data.rejectListing);
  const confirm = useListingAction(ConfirmListingCheckDocument, (data) => data.confirmListingCheck);
  const action = { approve, reject, confirm }[what];
  const submit = async () => {
    if (!(await action.run({ input: { ...base, note: note.trim() || null } }))) return;
    void message.success(t('saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={`${t(`listings.${what}`)} · ${title}`}
      close={close}
      footer={
        <SheetAction danger={what === 'reject'} disabled={what !== 'approve' && note.trim() === ''} busy={action.busy} run={submit}>
          {t(`listings.${what}`)}
        </SheetAction>
      }
    >
      <Field label={t(what === 'confirm' ? 'listings.tried' : 'listings.note')} help={t(`listings.noteHelp.${what}`)}>
        {(id) => <Input.TextArea id={id} rows={3} maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />}
      </Field>
      {action.note}
    </Sheet>
  );
}
