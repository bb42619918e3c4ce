import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import {
  type ListingRowFragment,
  PauseListingDocument,
  ResumeListingDocument,
  RetireListingDocument,
  ReviseListingDocument,
} from '../gql/graphql.ts';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { GoLiveSheet } from './go-live-sheet.tsx';
import { useListingAction } from './use-listing-action.ts';

type Props = { row: ListingRowFragment; changed: () => void };

/** What a listing's owner does with it: hands it in, takes it back, sets its time, takes it off sale for a while or for ever. */
export function OwnerMoves({ row, changed }: Props) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const [sheet, setSheet] = useState<'submit' | 'schedule' | 'retire' | null>(null);
  const pause = useListingAction(PauseListingDocument, (data) => data.pauseListing);
  const resume = useListingAction(ResumeListingDocument, (data) => data.resumeListing);
  const revise = useListingAction(ReviseListingDocument, (data) => data.reviseListing);
  const base = { skuId: row.sku?.id ?? row.id, expectedVersion: row.version };
  const act = async (action: typeof pause) => {
    if (!(await action.run({ input: base }))) return;
    void message.success(t('saved'));
    changed();
  };
  const { state } = row;
  const common = { row, base, close: () => setSheet(null), changed };
  return (
    <>
      {state === 'DRAFT' && (
        <Button type="primary" onClick={() => setSheet('submit')}>
          {t('listings.submit')}
        </Button>
      )}
      {state === 'APPROVED' && (
        <Button type="primary" onClick={() => setSheet('schedule')}>
          {t('listings.schedule')}
        </Button>
      )}
      {(state === 'REJECTED' || state === 'SUBMITTED' || state === 'APPROVED') && (
        <Button loading={revise.busy} onClick={() => void act(revise)}>
          {t('listings.revise')}
        </Button>
      )}
      {state === 'LIVE' && (
        <Button loading={pause.busy} onClick={() => void act(pause)}>
          {t('listings.pause')}
        </Button>
      )}
      {state === 'PAUSED' && (
        <>
          <Button loading={resume.busy} onClick={() => void act(resume)}>
            {t('listings.resume')}
          </Button>
          <Button danger onClick={() => setSheet('retire')}>
            {t('listings.retire')}
          </Button>
        </>
      )}
      {pause.note}
      {resume.note}
      {revise.note}
      {sheet === 'retire' && <RetireSheet {...common} />}
      {(sheet === 'submit' || sheet === 'schedule') && <GoLiveSheet what={sheet} {...common} />}
    </>
  );
}

/** What a move of a listing starts from. */
export type MoveProps = {
  row: ListingRowFragment;
  base: { skuId: string; expectedVersion: number };
  close: () => void;
  changed: () => void;
};

function RetireSheet({ row, base, close, changed }: MoveProps) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const retire = useListingAction(RetireListingDocument, (data) => data.retireListing);
  const submit = async () => {
    if (!(await retire.run({ input: base }))) return;
    void message.success(t('saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={`${t('listings.retire')} · ${row.title}`}
      close={close}
      footer={
        <SheetAction danger busy={retire.busy} run={submit}>
          {t('listings.retire')}
        </SheetAction>
      }
    >
      <p>{t('listings.retireHelp')}</p>
      {retire.note}
    </Sheet>
  );
}
